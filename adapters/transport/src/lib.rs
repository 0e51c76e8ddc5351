//! What the adapters share: from an address to a WebSocket, over any `futures-io` stream.
//!
//! An adapter knows how its runtime connects to a host and a port; everything else of a dial is here, for all
//! runtimes alike: the parts of an address, a proxy on the way, TLS, and the upgrade.

#![forbid(unsafe_code)]

mod address;
mod dialer;
mod proxies;
mod stream;
pub mod tls;

pub use dialer::{Dialer, first_of, set_options};
pub use futures_rustls::rustls;
pub use proxies::Proxies;
pub use stream::Stream;
