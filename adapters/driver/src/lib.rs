//! Drives a [`gemini_ws::Client`] over [`async_tungstenite`], on any runtime.
//!
//! [`connect`] returns a [`Handle`] and a future. Spawn the future. This future is the driver: it owns the client,
//! its sockets and the timer. The handle sends commands from any task. After [`Handle::close`], the future returns a
//! [`Closed`] within bounded time.
//!
//! The driver works with every [`Runtime`], a trait for a byte stream, a timer and dialling. The crates
//! `gemini-ws-smol` and `gemini-ws-tokio` implement this trait. [`Connected::sign_with`] and [`Driver::sign_with`]
//! give the driver a signer for dials to authenticated endpoints.
//!
//! # Which form for which program
//!
//! | form | for which program |
//! |---|---|
//! | [`connect`], and a handle: [`books`](Handle::books), [`place`](Handle::place), [`with`](Handle::with) | one that reads books and orders: the driver keeps books, orders, balances, positions and quotes in a [`Keeper`], and requests missing snapshots |
//! | [`Driver::run`] with your function, which the driver calls for each event | one that does everything in one task, without a queue and without copies; [`Driver::run_with_timer`] adds a timer |
//! | [`Driver::run_with_events`], which returns a stream of owned events | one whose loop takes events one by one; while the queue is full, the driver reads no frames unless it shuts down or closes; [`Driver::run_with_queue`] takes a queue of your own, which can drop events instead |
//! | [`Client`](gemini_ws::Client), without this crate's driver | one with its own loop over sockets; [`frame_of`] and [`lost_of`] translate messages and errors of `tungstenite` for the client |
//!
//! The first three forms have a handle, and the driver opens the client. In the fourth form, your own loop calls
//! [`Client::open`](gemini_ws::Client::open). A program that receives events gets one for each reply to a request,
//! also for a reply that [`Handle::request`] returns.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod board;
mod connect;
mod delivery;
mod dial;
mod dials;
mod driver;
mod ended;
mod glue;
mod handle;
mod http;
mod keeper;
mod no_book;
#[cfg(feature = "handshake")]
mod non_blocking;
mod overdue;
mod paced;
mod patience;
mod postponed;
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
mod waits;

/// Types for data that threads share. `tests/loom` replaces them by the types of `loom`, to test [`Shutdown`] and
/// [`Events`].
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
pub use no_book::NoBook;
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

/// Compiles the programs of the README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
