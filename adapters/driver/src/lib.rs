//! Drives a [`gemini_ws::Client`] over [`async_tungstenite`], on any runtime.
//!
//! The application spawns one future, [`Driver::run`]; it owns the client, its sockets, the dials under way and
//! the timer, so there is nothing to lock and nothing to count. A [`Handle`] sends it commands from
//! anywhere; [`Handle::shutdown`] ends it, once, in bounded time, with a [`Closed`].
//!
//! A runtime is what implements [`Runtime`]: a stream of bytes, a timer, and how to dial. The crate
//! `gemini-ws-smol` is one.
//!
//! [`Driver::sign_with`] authenticates; each dial is signed anew.
//!
//! Two forms of delivery: [`Driver::run`] calls a function in the same task for each event, without a
//! copy or a queue; [`Driver::run_with_queue`] puts owned events into a bounded queue with a policy of your choice
//! for when it is full, [`Driver::run_with_events`] into one that has the peer wait.

#![forbid(unsafe_code)]

mod address;
mod delivery;
mod dial;
mod driver;
mod glue;
mod handle;
mod http;
#[cfg(feature = "handshake")]
mod non_blocking;
mod paced;
mod patience;
mod retry_after;
mod runtime;
mod shutdown;
mod signer;
mod sleep;
mod socket;
mod task;
mod telemetry;
mod upgrade;

/// What threads meet in; `tests/loom` compiles [`Shutdown`] and [`Events`] with another.
mod sync {
    pub(crate) use std::sync::atomic::{AtomicBool, Ordering};
    pub(crate) use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
}

pub use async_tungstenite;
pub use gemini_ws;

pub use address::{Address, is_localhost};
pub use delivery::Events;
pub use dial::DialRequest;
pub use driver::{Closed, Driver, InvalidHeader, WRITE_TIMEOUT};
#[cfg(feature = "handshake")]
pub use glue::connect_failure_of;
pub use glue::{close_code_of, frame_of, io_failure, lost_of};
pub use handle::{COMMANDS_MAX, Handle, RequestError, client};
pub use http::{Answer, HEAD_BYTES_MAX, USER_AGENT, Unreadable};
#[cfg(feature = "handshake")]
pub use non_blocking::NonBlocking;
pub use paced::{Paced, READ_BYTES_PER_TURN_MAX, READS_PER_TURN_MAX, UNFINISHED_BYTES_MAX};
pub use runtime::{Runtime, Timer};
pub use shutdown::Shutdown;
pub use signer::{SharedSigner, TURN_MAX, Turn};
pub use sleep::SLEEP_CHECK;
pub use socket::{WRITE_BUFFER_BYTES_MAX, websocket_config};
pub use task::{BYTES_PER_TURN_MAX, FRAMES_PER_TURN_MAX};
