//! A Rust client for Gemini's WebSocket APIs: the current one and the three archived ones.
//!
//! The core is a sans-IO state machine. It decodes frames, manages links and subscriptions, and maintains order
//! books, orders and balances. It opens no sockets, reads no clocks and spawns no tasks. So it runs on any executor,
//! and its tests need no network. The crates `gemini-ws-tokio` and `gemini-ws-smol` drive the core over sockets.
//!
//! # A program
//!
//! With the crate `gemini-ws-tokio`, this program follows two books. It connects, subscribes, requests a new snapshot
//! after a gap, and reconnects when a link is lost.
//!
#![cfg_attr(not(doctest), doc = include_str!("guide/first_program.md"))]
//!
//! Placing an order is as short as this program: `client.place(order)` returns a ticket, and `ticket.done()` waits
//! for the end of the order and returns how the order ended. The [guide](guide#) has whole programs for books and
//! orders.
//!
//! # Four ways to use it
//!
//! | way | for | guide |
//! |---|---|---|
//! | `connect`, and a handle: `books`, `place`, `orders`, `with` | applications: the driver keeps books, orders, balances and positions | [`guide::books`], [`guide::trading`] |
//! | `Driver::run`, a function that is called for each event | no queue and no copy, everything in one task | [`guide::back_pressure`] |
//! | `Driver::run_with_events`, a queue of owned events | loops that take one event after the other | [`guide::back_pressure`] |
//! | [`Client`], without a driver | your own loop over sockets, without a runtime | [`guide::own_loop`] |
//!
//! The first three ways are in the crate `gemini-ws-driver`; `gemini-ws-tokio` and `gemini-ws-smol` export them. Each
//! of these three ways has a handle, which sends commands from any task.
//!
//! # Where to continue
//!
//! - [`guide`]: how to follow books, trade, test, replay and migrate, page by page, with
//!   [limits and guarantees](guide::limits).
//! - [`protocol`]: what the venue sends and accepts, with the Rust type of each message, and the venue's quirks.
//! - [`Client`]: the state machine, and the contract of its driver. [`lifecycle`] has the tables of all states.
//! - [`Event`]: what the client reports. [`Books`], [`Orders`], [`Balances`], [`Positions`] and [`Quotes`] apply
//!   events.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `std` | yes | [`Clock`] (monotonic time), [`UnixTime::now`], `SystemTime` conversions, a random seed |
//! | `auth` | yes | [`Signer`], which makes the headers of an authenticated upgrade or REST request |
//! | `serde` | yes | `Serialize` for events, messages and counters; `Deserialize` for values |
//! | `rust_decimal` | no | conversions between [`Decimal`] and the type of that name in the crate `rust_decimal` |
//!
//! `Serialize` writes a [`Decimal`] or a [`Number`] as a text, and times and numeric ids as JSON numbers. It writes a
//! [`LinkId`] as an object with the members `slot`, `endpoint` and `epoch`. Ids of orders exceed 2⁵³: read them with
//! a reader that keeps 64-bit integers exact. A reader that turns each number into a float, such as `JSON.parse` of
//! JavaScript, rounds them.
//!
//! Without any feature the crate needs only `alloc`.

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![allow(private_interfaces, reason = "the bound seals `Element`: other crates cannot name its type")]
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

mod archive;
#[cfg(feature = "auth")]
mod auth;
mod client;
mod config;
mod error;
mod event;
#[cfg(any(doc, doctest))]
pub mod guide;
mod json;
mod link;
mod message;
#[doc = include_str!("protocol/overview.md")]
pub mod protocol;
mod request;
mod rest;
mod state;
mod value;
mod wire;

pub use link::lifecycle;

#[cfg(feature = "auth")]
pub use auth::nonce::{NONCE_TOLERANCE, Nonce, NonceSource, NonceUnit};
#[cfg(feature = "auth")]
pub use auth::{Credentials, Headers, InvalidCredentials, Signer};
pub use client::config::ClientConfig;
pub use client::plan::ShutdownPlan;
pub use client::{Client, Readiness};
pub use config::{Config, PRODUCTION, REQUESTS_IN_FLIGHT_MAX, SANDBOX};
pub use error::{CommandError, Limit, RateKind};
pub use event::Batch;
pub use event::batch::Events;
pub use event::owned::EventBuf;
pub use event::queue::{EventQueue, Overflow, RESERVED_BYTES_MAX, RESERVED_EVENTS_MAX};
pub use event::reason::{
    Abandoned, AttemptFailure, CloseReason, ConnectFailure, Lost, ShutdownStep, Unserved, VenueReason,
};
pub use event::replay::Replay;
pub use event::source::Source;
pub use event::{Event, Ignored, IgnoredReason, Malformed, RequestOutcome};
pub use json::cursor::JSON_DEPTH_MAX;
pub use json::error::{DecodeError, DecodeErrorKind, MemberName};
pub use link::ConnectRequest;
pub use link::frame::Frame;
pub use link::output::{OUTPUT_MAX, Output};
pub use link::rate_limiter::RateLimiter;
pub use link::stats::Stats;
pub use link::timer::{Deadline, Timer};
pub use message::reply::{QuoteReceipt, RateLimit};
pub use message::{
    ApiError, ApiSession, AssetBalance, Auction, AuctionOpen, AuctionResult, AuctionStage, BalanceUpdate,
    BookTicker, Candle, CandleInterval, Candles, ChangeReason, ContractOutcome, ContractStatus, Depth,
    Element, Elements, Fill, FundingAmount, FundingAmountChange, FundingAmounts, Heartbeat, L2Updates, Leg,
    Level, LevelChange, Liquidity, List, MakerSide, MarkPrice, MarkPriceChange, MarkPrices, MarketEntry,
    MarketTrade, MarketUpdate, Message, Number, OrderEventDetails, OrderEvents, OrderReport, OrderSnapshot,
    OrderStatus, OrderType, OrderUpdate, PartialDepth, Position, PositionAmount, PositionReport, QuoteStatus,
    QuoteStep, QuoteUpdate, RawJson, RequestForQuote, Response, ResponseId, RfqStatus, Row, Settlement,
    Settlements, SnapshotOrder, SubscriptionAck, Taker, Text, TopOfBook, Trade, Unrecognized, VenueError,
};
pub use request::new_order::{
    ClientOrderId, EventOutcome, InvalidClientOrderId, InvalidOrder, NewOrder, TimeInForce,
};
pub use request::quote::{InvalidQuoteKey, NewQuote, QuoteKey};
pub use request::stream::{Cadence, InvalidStream, PartialLevels, Scope, Stream, Topic, Updates};
pub use request::{MarketDataRequest, RawRequest, Request, Subject};
pub use rest::answer::{BalanceRows, OpenOrder, OpenOrders};
pub use rest::error::RestError;
#[cfg(feature = "auth")]
pub use rest::request::RestRequest;
pub use rest::{BalancesQuestion, OpenOrdersQuestion, OrderStatusQuestion, RestQuestion};
pub use state::balances::{Balance, Balances};
pub use state::book::Book;
pub use state::book_top::BookTop;
pub use state::books::{BOOKS_MAX, BookChange, Books};
pub use state::changes::{Known, OrderChange, OrderChanges};
pub use state::fill::OrderFill;
pub use state::ladder::Levels;
pub use state::order::{Awaited, FILLS_MAX, Order};
pub use state::order_book::{Applied, BookSide, LEVELS_MAX, OrderBook};
pub use state::order_index::FINISHED_ORDERS_MAX;
pub use state::order_state::OrderState;
pub use state::orders::{FOREIGN_ORDERS_MAX, Orders};
pub use state::positions::{HeldAmount, Positions};
pub use state::quotes::index::QUOTES_MAX;
pub use state::quotes::quote::{FoundQuote, Quote, QuoteState};
pub use state::quotes::{QuoteRef, Quotes};
pub use state::reconciling::{OrderRef, Reconciled};
pub use state::sums::Traded;
pub use state::truth::{Age, Moment, StaleReason};
pub use value::address::{UserInfo, without_secrets};
pub use value::decimal::arithmetic::Rounding;
pub use value::decimal::{Decimal, DecimalError};
pub use value::endpoint::{Endpoint, InvalidEndpoint};
pub use value::id::{EndpointId, LinkId, RequestId, StreamId};
pub use value::inline::NameFault;
pub use value::sequence::GapRule;
pub use value::side::Side;
pub use value::snapshot::Snapshot;
pub use value::symbol::{InvalidSymbol, Symbol};
#[cfg(feature = "std")]
pub use value::time::{Clock, OutOfRange};
pub use value::time::{Instant, Timestamp, UnixTime};
pub use wire::{FRAME_BYTES_MAX, Scratch, decode};
