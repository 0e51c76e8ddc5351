//! A client for the WebSocket APIs of the Gemini exchange, without the I/O.
//!
//! This crate is the protocol: it decodes the venue's frames, follows the life of a connection and
//! keeps books, orders and balances. It has no socket, clock, task or randomness of its own, so it runs in any
//! executor, in none, and in tests without a network. `gemini-ws-smol` puts it on sockets;
//! `gemini-ws-driver` is what one needs to put it on other ones.
//!
//! # A program
//!
//! [`Connection`] is told what happened and says what to do. This loop is a whole driver; `Peer` stands
//! for a WebSocket.
//!
//! ```
//! use gemini_ws::{Book, Books, Config, Connection, Event, Frame, Instant, Lost, Output, Scratch};
//! # /// Answers a subscription with its confirmation and a book, and a Close with the end.
//! # #[derive(Default)]
//! # struct Peer { inbox: std::collections::VecDeque<String> }
//! # impl Peer {
//! #     fn send(&mut self, text: &str) {
//! #         assert_eq!(text, r#"{"id":1,"method":"subscribe","params":["btcusd@depth@100ms"]}"#);
//! #         self.inbox.push_back(r#"{"id":1,"status":200}"#.into());
//! #         self.inbox.push_back(r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":7,"u":7,"b":[["99.50","2"]],"a":[["100.00","1"]]}"#.into());
//! #     }
//! #     fn receive(&mut self) -> Option<String> { self.inbox.pop_front() }
//! # }
//! # let mut peer = Peer::default();
//! # let mut time = 0;
//! # let mut clock = || { time += 1; Instant::from_millis(time) };
//!
//! let mut connection = Connection::new(Config::new("ws://localhost"), 42);
//! connection.open(clock()).unwrap();
//! connection.subscribe(clock(), "btcusd@depth@100ms".parse().unwrap()).unwrap();
//! let (mut scratch, mut books) = (Scratch::new(), Books::new());
//!
//! 'life: loop {
//!     // 1. Do what the connection wants done.
//!     while let Some(output) = connection.poll_output() {
//!         match output {
//!             Output::Connect(link) => {
//!                 let _url = connection.connect_request(link).unwrap().url; // dial it …
//!                 connection.handle_connected(link, clock());
//!             }
//!             Output::Send { text, .. } => peer.send(&text),
//!             Output::Close { link, .. } => connection.handle_lost(link, clock(), Lost::End),
//!             Output::Event(Event::Closed { .. }) => break 'life,
//!             Output::Event(event) => { books.apply(&event); }
//!             _ => {}
//!         }
//!     }
//!     // 2. Wait for a frame, until the deadline.
//!     let link = connection.link();
//!     match peer.receive() {
//!         Some(text) => {
//!             let event = connection.handle_frame(link, clock(), Frame::Text(&text), &mut scratch);
//!             if let Some(event) = event { books.apply(&event); }
//!         }
//!         None => connection.handle_timeout(clock()),
//!     }
//!     if let Some(Book::Live(book)) = books.get("btcusd") {
//!         assert_eq!(book.asks().best().unwrap().price.to_string(), "100.00");
//!         connection.close(clock());
//!     }
//! }
//! ```
//!
//! # The model
//!
//! ```text
//!             commands: open, subscribe, request, close
//!                              │
//!                              ▼
//!  handle_connected ┐    ┌────────────┐    ┌ Connect, Send, Close, Abort
//!  handle_frame     ├──▶ │ Connection │ ──▶┤
//!  handle_lost      │    └────────────┘    └ Event        (poll_output, in order)
//!  handle_timeout   ┘          │
//!                              ├──▶ the event of a frame, borrowed from it
//!                              └──▶ deadline()
//! ```
//!
//! - **Inputs cannot fail, commands can.** The peer changes the state; it never makes a call return an
//!   error. A command says why it is refused, and then nothing has changed.
//! - **Nothing is counted in and out.** Each attempt to connect has a [`LinkId`], each request a
//!   [`RequestId`], each subscription a [`StreamId`]; what comes for an old one finds nothing.
//! - **Nothing is lost silently.** Each frame ends as data, as the answer to a request, or as an event
//!   that says why it was not used, and in one counter of [`Stats`].
//! - **Numbers are exact.** [`Decimal`] does not round; ids and times are 64-bit integers.
//!
//! What may follow what stands in two tables, [`lifecycle::LINK`] and [`lifecycle::STREAM`];
//! what the venue says and takes, and the type of each of it, in those of [`protocol`].
//!
//! # Trading
//!
//! A connection is authenticated by the headers of its upgrade, which the driver adds: a [`Signer`] makes
//! them, and the core never sees a secret. [`Connection::request`] sends an order, [`Orders`] keeps what
//! becomes of it, whichever of reply and events comes first, and says of which orders more may have
//! happened than was told. [`Balances`] and [`Positions`] keep the rest of an account.
//!
//! # Many links
//!
//! A [`Connection`] is one link. A [`Client`] has the same surface for any number of them: endpoints are
//! [added](Client::add), streams go where they belong, links are opened when something wants them and closed when
//! nothing does, and the end of one touches no other. [`Client::shut_down`] ends it all step by step: no more
//! commands, orders cancelled, streams unsubscribed, links closed.
//!
//! # Four generations
//!
//! [`Config::new`] takes the address of any of the venue's endpoints: the current API, market data v2,
//! market data v1 and order events v1. Their frames differ, their [`Event`]s do not; a frame that says
//! several things is a [`Batch`]. [`protocol`] lists all that the venue says and takes, with the type of
//! each.
//!
//! # Features
//!
//! - `auth` (default): [`Signer`], which makes the headers of an authenticated upgrade.
//! - `std` (default): [`Clock`], which turns the system's monotonic clock into [`Instant`]s, and
//!   [`UnixTime::now`].
//! - `serde` (default): `Serialize` for events, messages and counters; `Deserialize` for values.
//!
//! Without them the crate needs `alloc` only.
//!
//! # Limits
//!
//! | what | limit | beyond it |
//! |---|---|---|
//! | bytes of a frame | [`FRAME_BYTES_MAX`] | [`Event::Malformed`] |
//! | nesting of a frame | [`JSON_DEPTH_MAX`] | [`Event::Malformed`] |
//! | undecodable frames in a row | [`Config::malformed_run_max`] | the link is given up |
//! | streams | [`Config::streams_max`] | [`CommandError::TooMany`] |
//! | links and streams of a client | [`ClientConfig::links_max`], [`ClientConfig::streams_max`] | [`CommandError::TooMany`] |
//! | attempts to connect | [`Config::dial_limit`] | they wait |
//! | requests, and orders, in a window | [`Config::request_limit`], [`Config::order_limit`] | subscriptions wait, others get [`CommandError::RateLimited`] |
//! | requests in flight | [`REQUESTS_IN_FLIGHT_MAX`] | [`CommandError::TooMany`] |
//! | outputs that nobody polls | [`OUTPUT_MAX`] | commands get [`CommandError::TooMany`] |
//! | events that nobody takes | [`EventQueue::events_max`], [`EventQueue::bytes_max`] | [`Overflow`] |
//! | of them those that are no market data | [`RESERVED_EVENTS_MAX`], [`RESERVED_BYTES_MAX`] | reading stops; the oldest are dropped, with an [`Event::Overflow`] |
//! | orders that are kept after their end | [`FINISHED_ORDERS_MAX`] | the oldest are forgotten |
//! | levels per side of a book | [`LEVELS_MAX`] | the worst are dropped; [`Side::known_depth`] |
//!
//! # Guarantees
//!
//! - Any call is legal in any state and in any order; nothing panics, whatever the peer sends.
//! - Each request ends in exactly one [`Event::Reply`], each connection or client in exactly one
//!   [`Event::Closed`], each [`Output::Connect`] in one [`Event::Opened`] or [`Event::ConnectFailed`].
//! - After [`Connection::handle_timeout`] the [`deadline`](Connection::deadline) is later than now.
//! - The same seed, inputs and times give the same outputs.
//! - Data events allocate nothing once the scratch and the books have grown to their size.

#![no_std]
#![forbid(unsafe_code)]
#![allow(private_interfaces, reason = "what can be in a list is sealed by a type that nobody else can name")]
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

#[cfg(all(gemini_ws_mutants, not(debug_assertions)))]
compile_error!("mutants are for tests: `gemini_ws_mutants` needs debug assertions");

#[macro_use]
#[cfg(not(gemini_ws_mutants))]
mod mutants;
#[macro_use]
#[cfg(gemini_ws_mutants)]
#[doc(hidden)]
pub mod mutants;

#[cfg(feature = "auth")]
mod auth;
mod client;
mod config;
mod connection;
mod error;
mod event;
mod json;
mod link;
mod message;
#[doc = include_str!("protocol.md")]
pub mod protocol {}
mod request;
mod state;
mod value;
mod wire;

pub use link::lifecycle;

#[cfg(feature = "auth")]
pub use auth::nonce::{NONCE_TOLERANCE, Nonce, NonceSource, NonceUnit};
#[cfg(feature = "auth")]
pub use auth::{Credentials, Headers, InvalidCredentials, Signer};
pub use client::shutdown::ShutdownPlan;
pub use client::{Client, Readiness};
pub use config::{ClientConfig, Config, PRODUCTION, SANDBOX, Snapshot};
pub use connection::Connection;
pub use error::{CommandError, Limit};
pub use event::Batch;
pub use event::batch::Events;
pub use event::owned::EventBuf;
pub use event::queue::{EventQueue, Overflow, RESERVED_BYTES_MAX, RESERVED_EVENTS_MAX};
pub use event::reason::ShutdownStep;
pub use event::reason::{Abandoned, CloseReason, ConnectFailure, Lost};
pub use event::replay::Replay;
pub use event::source::Source;
pub use event::{Event, Ignored, IgnoredReason, Malformed, RequestOutcome};
pub use json::cursor::JSON_DEPTH_MAX;
pub use json::error::{DecodeError, DecodeErrorKind, MemberName};
pub use link::ConnectRequest;
pub use link::frame::Frame;
pub use link::in_flight::REQUESTS_IN_FLIGHT_MAX;
pub use link::output::{OUTPUT_MAX, Output};
pub use link::rate_limiter::RateLimiter;
pub use link::stats::Stats;
pub use link::timer::{Deadline, Timer};
pub use message::reply::{QuoteReceipt, RateLimit};
pub use message::{
    ApiError, ApiSession, AssetBalance, Auction, AuctionOpen, AuctionResult, AuctionStage, BalanceUpdate,
    BookSide, BookTicker, Candle, CandleInterval, Candles, ChangeReason, ContractOutcome, ContractStatus,
    Depth, Element, Elements, Fill, FundingAmount, FundingAmountChange, FundingAmounts, Heartbeat, L2Updates,
    Leg, Level, LevelChange, Liquidity, List, MakerSide, MarkPrice, MarkPriceChange, MarkPrices, MarketEntry,
    MarketTrade, MarketUpdate, Message, Number, OrderEventDetails, OrderEvents, OrderReport, OrderSide,
    OrderSnapshot, OrderStatus, OrderType, OrderUpdate, PartialDepth, Position, PositionAmount,
    PositionReport, QuoteStatus, QuoteStep, QuoteUpdate, RawJson, RequestForQuote, Response, ResponseId,
    RfqStatus, Settlement, Settlements, SnapshotOrder, SubscriptionAck, Taker, Text, TopOfBook, Trade,
    Unrecognized, VenueError,
};
pub use request::new_order::{
    ClientOrderId, Direction, EventOutcome, InvalidClientOrderId, InvalidOrder, NewOrder, TimeInForce,
};
pub use request::stream::{Cadence, InvalidStream, PartialLevels, Scope, Stream, Topic, Updates};
pub use request::{MarketDataRequest, NewQuote, RawRequest, Request, Subject};
pub use state::balances::{Balance, Balances, HeldAmount, Positions};
pub use state::books::{Book, Books, StaleReason};
pub use state::order::{Order, OrderFill, OrderState};
pub use state::order_book::{Applied, LEVELS_MAX, OrderBook, Side};
pub use state::orders::{FINISHED_ORDERS_MAX, Orders, Reconciled};
pub use value::decimal::{Decimal, DecimalError};
pub use value::endpoint::{Endpoint, InvalidEndpoint};
pub use value::id::{EndpointId, LinkId, RequestId, StreamId};
pub use value::sequence::GapRule;
pub use value::symbol::{InvalidSymbol, Symbol};
#[cfg(feature = "std")]
pub use value::time::Clock;
pub use value::time::{Instant, Timestamp, UnixTime};
pub use wire::{FRAME_BYTES_MAX, Scratch, decode};
