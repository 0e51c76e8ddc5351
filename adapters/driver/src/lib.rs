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
//!
//! # Metrics
//!
//! With the feature `metrics`, a driver reports to the recorder of the crate `metrics` that the application installs:
//!
//! | name | what it measures |
//! |---|---|
//! | `gemini_ws_frames_total`, `gemini_ws_bytes_total` | text and binary frames received, and their bytes |
//! | `gemini_ws_events_total` | events reported |
//! | `gemini_ws_dropped_events_total` | events that the queue of the application has dropped |
//! | `gemini_ws_malformed_frames_total` | frames that could not be decoded |
//! | `gemini_ws_malformed_elements_total` | elements of lists that could not be decoded, in frames that could |
//! | `gemini_ws_gaps_total` | frames that showed a missing update ([`Stats::gaps`](gemini_ws::Stats::gaps)) |
//! | `gemini_ws_resyncs_total` | how often a book became current again over the same link ([`Stats::resyncs`](gemini_ws::Stats::resyncs)) |
//! | `gemini_ws_disconnects_total{cause}` | open links that ended, by the reason |
//! | `gemini_ws_connect_failures_total{cause}` | attempts to connect that failed, by the reason |
//! | `gemini_ws_connects_total` | links that were opened |
//! | `gemini_ws_queue_depth` | events in the queue of the application, while its driver runs |
//! | `gemini_ws_data_age_seconds` | this machine's time minus the venue's: updates of books, book tickers, trades |
//! | `gemini_ws_reply_seconds` | time from sending a request of the application to the venue's reply |
//!
//! The label `cause` has at most 64 different reasons for each driver. Further reasons count as `other`, because a
//! venue chooses the codes and words in reasons, and a recorder stores each value of a label. Drivers with the same
//! recorder add to the same counters and to the same gauge.
//!
//! # Tracing
//!
//! With the feature `tracing`, a driver reports to the subscriber of the crate `tracing` that the application
//! installs. Everything about a link is in a span `link` with its `slot` and `epoch`.
//!
//! | level | events |
//! |---|---|
//! | `info` | links that open, are live, or end because the client closed them; the steps of a shutdown, and the end of the client |
//! | `warn` | links that are lost or could not be opened, gaps; silent, unserved and rejected streams; events that the queue of the application has dropped, at most once a second |
//! | `debug` | dials, Close frames to the peer, and aborts; frames that could not be decoded or were not used, with reason and size |
//! | `trace` | frames in and out, with their text |

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
