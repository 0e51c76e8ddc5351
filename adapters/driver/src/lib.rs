//! Drives a [`gemini_ws::Client`] over [`async_tungstenite`], on any runtime.
//!
//! [`connect`] makes a [`Handle`] and a future to be spawned. The future owns the client, its sockets, the dials under way
//! and the timer, so there is nothing to lock and nothing to count. The handle sends commands from anywhere;
//! [`Handle::close`] ends the future, once, in bounded time, with a [`Closed`].
//!
//! A runtime is what implements [`Runtime`]: a stream of bytes, a timer, and how to dial. The crates `gemini-ws-smol` and
//! `gemini-ws-tokio` have one each. [`Driver::sign_with`] authenticates; each dial has a signature of its own.
//!
//! # Which form for which program
//!
//! | form | for |
//! |---|---|
//! | [`connect`], and a handle: [`books`](Handle::books), [`place`](Handle::place), [`with`](Handle::with) | applications: the driver keeps books, orders, balances and positions in a [`Keeper`], and requests what a book lacks |
//! | [`Driver::run`], a function that is called for each event | no queue and no copy, everything in one task; [`Driver::run_with_timer`] has a timer besides |
//! | [`Driver::run_with_events`], a stream of owned events | loops that take one event after the other, and have the peer wait; [`Driver::run_with_queue`] drops by a policy instead |
//! | [`Client`](gemini_ws::Client), without this crate | one's own loop over sockets; [`frame_of`] and [`lost_of`] translate for it |
//!
//! A handle works beside each of the first three. A reply that [`Handle::request`] returns is also an event. All forms open the
//! client by themselves.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod board;
mod connect;
mod delivery;
mod dial;
mod driver;
mod ended;
mod glue;
mod handle;
mod http;
mod keeper;
#[cfg(feature = "handshake")]
mod non_blocking;
mod paced;
mod patience;
mod reconcile;
mod reply;
mod retry_after;
mod runtime;
mod shutdown;
mod signer;
mod sleep;
mod socket;
#[cfg(feature = "handshake")]
mod sockets;
mod task;
mod telemetry;
mod ticket;
mod tickets;
mod trading;
mod upgrade;

/// What threads meet in; `tests/loom` compiles [`Shutdown`] and [`Events`] with another.
mod sync {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    pub(crate) use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
}

pub use async_tungstenite;
pub use gemini_ws;

pub use address::{Address, is_localhost};
pub use board::{BookReader, BookView};
pub use connect::{Connected, connect};
pub use delivery::{Events, TryNextError, Wake};
pub use dial::DialRequest;
pub use driver::{Closed, Driver, EndedBy, InvalidHeader, WRITE_TIMEOUT};
pub use ended::Ended;
#[cfg(feature = "handshake")]
pub use glue::connect_failure_of;
pub use glue::{close_code_of, frame_of, io_failure, lost_of};
pub use handle::{BooksError, COMMANDS_MAX, Handle, RequestError, client};
pub use http::{Answer, HEAD_BYTES_MAX, USER_AGENT, Unreadable};
pub use keeper::Keeper;
#[cfg(feature = "handshake")]
pub use non_blocking::NonBlocking;
pub use paced::{Paced, READ_BYTES_PER_TURN_MAX, READS_PER_TURN_MAX, UNFINISHED_BYTES_MAX};
pub use reconcile::{ReconcileError, Reconciliation, Unresolved};
pub use reply::Reply;
pub use runtime::{Runtime, Timer};
pub use shutdown::Shutdown;
pub use signer::{SharedSigner, TURN_MAX, Turn};
pub use sleep::SLEEP_CHECK;
pub use socket::{WRITE_BUFFER_BYTES_MAX, websocket_config};
#[cfg(feature = "handshake")]
pub use sockets::Sockets;
pub use task::{BYTES_PER_TURN_MAX, FRAMES_PER_TURN_MAX};
pub use ticket::{Done, PlaceError, Ticket};
pub use tickets::DOUBT_TIMEOUT;

/// The programs of the README, compiled as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
