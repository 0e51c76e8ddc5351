//! The code that the adapters `gemini-ws-smol` and `gemini-ws-tokio` share: everything between an address and a
//! WebSocket, over any `futures-io` stream.
//!
//! An adapter provides a TCP connection and a timer. This crate does the rest of a dial: name look-up, the choice of
//! an address, proxies, TLS, and the upgrade.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod dialer;
mod happy_eyeballs;
mod lookup;
#[cfg_attr(not(feature = "proxy"), path = "no_proxies.rs")]
mod proxies;
#[cfg(feature = "proxy")]
mod rules;
mod stream;
pub mod tls;
#[cfg(feature = "proxy")]
mod tunnel;

pub use dialer::{Dialer, set_options};
pub use futures_rustls::rustls;
pub use happy_eyeballs::{ATTEMPT_DELAY, first_of};
pub use lookup::{LOOK_UPS_MAX, look_up};
pub use proxies::Proxies;
pub use stream::Stream;

/// Compiles the programs of the README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
