//! (crate docs to follow)
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod backoff;
mod book;
mod books;
mod config;
mod connection;
mod conversation;
mod decimal;
mod error;
mod event;
mod event_buf;
mod frame;
mod identity;
mod in_flight;
pub mod lifecycle;
mod message;
mod outcome;
mod scan;
mod sequence;
mod stats;
mod stream;
mod subscriptions;
mod symbol;
mod symbol_map;
mod time;
mod timer;
mod wire;

pub use book::{Applied, LEVELS_MAX, OrderBook, Side};
pub use books::{Book, Books, Replay, StaleReason};
pub use config::{Config, PRODUCTION, SANDBOX, Snapshot};
pub use connection::{ConnectRequest, Connection, OUTPUT_MAX, Output};
pub use decimal::{Decimal, DecimalError};
pub use error::{CommandError, DecodeError, DecodeErrorKind, Limit, MemberName};
pub use event::{Event, Ignored, IgnoredReason, Malformed, Outcome};
pub use event_buf::EventBuf;
pub use frame::Frame;
pub use identity::{LinkId, RequestId, StreamId};
pub use in_flight::REQUESTS_IN_FLIGHT_MAX;
pub use message::{
    ApiError, BookTicker, ContractStatus, Depth, FundingAmount, Level, MarkPrice, Message, PartialDepth,
    RawJson, Response, ResponseId, Text, Trade, Unrecognized,
};
pub use outcome::{CloseReason, ConnectFailure, Lost};
pub use scan::JSON_DEPTH_MAX;
pub use sequence::GapRule;
pub use stats::Stats;
pub use stream::{Cadence, InvalidStream, PartialLevels, Stream};
pub use symbol::{InvalidSymbol, Symbol};
#[cfg(feature = "std")]
pub use time::Clock;
pub use time::{Instant, Timestamp};
pub use timer::{Deadline, Timer};
pub use wire::{FRAME_BYTES_MAX, Scratch, decode};
