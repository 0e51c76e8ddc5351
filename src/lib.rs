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

mod book;
mod decimal;
mod error;
mod event;
mod frame;
mod identity;
mod message;
mod outcome;
mod scan;
mod sequence;
mod stream;
mod symbol;
mod time;
mod wire;

pub use book::{Applied, LEVELS_MAX, OrderBook, Side};
pub use decimal::{Decimal, DecimalError};
pub use error::{CommandError, DecodeError, DecodeErrorKind, Limit, MemberName};
pub use event::{Event, Ignored, IgnoredReason, Malformed, Outcome};
pub use frame::Frame;
pub use identity::{LinkId, RequestId, StreamId};
pub use message::{
    ApiError, BookTicker, ContractStatus, Depth, FundingAmount, Level, MarkPrice, Message, PartialDepth,
    RawJson, Response, ResponseId, Text, Trade, Unrecognized,
};
pub use outcome::{CloseReason, ConnectFailure, Lost};
pub use scan::JSON_DEPTH_MAX;
pub use sequence::GapRule;
pub use stream::{Cadence, InvalidStream, PartialLevels, Stream};
pub use symbol::{InvalidSymbol, Symbol};
#[cfg(feature = "std")]
pub use time::Clock;
pub use time::{Instant, Timestamp};
pub use wire::{FRAME_BYTES_MAX, Scratch, decode};
