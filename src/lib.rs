//! A Rust client for Gemini's WebSocket APIs: the current one and the three archived ones.
//!
//! The core is a sans-IO state machine. It decodes frames, manages connections and subscriptions, and maintains
//! order books, orders and balances. It opens no sockets, reads no clocks and spawns no tasks, so it runs on any
//! executor and its tests need no network. `gemini-ws-smol` and `gemini-ws-tokio` drive it over sockets;
//! `gemini-ws-driver` is for other runtimes.
//!
//! # A program
//!
//! The program tells a [`Client`] what happened, and the client says what to do. This loop is a whole driver;
//! `Peer` stands for a WebSocket.
//!
//! ```
//! use gemini_ws::{Book, Books, Client, Config, Event, Frame, Instant, Lost, Output, Scratch};
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
//! let mut client = Client::single(Config::new("ws://localhost"));
//! client.open(clock())?;
//! client.subscribe(clock(), "btcusd@depth@100ms".parse()?)?;
//! let (mut scratch, mut books, mut open) = (Scratch::new(), Books::new(), None);
//!
//! 'life: loop {
//!     // 1. Do what the client asks for.
//!     while let Some(output) = client.poll_output() {
//!         match output {
//!             Output::Connect(link) => {
//!                 let _url = client.connect_request(link).unwrap().url; // dial it …
//!                 client.handle_connected(link, clock());
//!                 open = Some(link);
//!             }
//!             Output::Send { text, .. } => peer.send(&text),
//!             Output::Close { link, .. } => client.handle_lost(link, clock(), Lost::End),
//!             Output::Event(Event::Closed { .. }) => break 'life,
//!             Output::Event(event) => { books.apply(&event); }
//!             _ => {}
//!         }
//!     }
//!     // 2. Wait for a frame, until the deadline.
//!     match (open, peer.receive()) {
//!         (Some(link), Some(text)) => {
//!             let event = client.handle_frame(link, clock(), Frame::Text(&text), &mut scratch);
//!             if let Some(event) = event { books.apply(&event); }
//!         }
//!         _ => client.handle_timeout(clock()),
//!     }
//!     if let Some(Book::Live(book)) = books.get("btcusd") {
//!         assert_eq!(book.asks().best().unwrap().price.to_string(), "100.00");
//!         client.close(clock());
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The model
//!
//! ```text
//!             commands: open, subscribe, request, close
//!                              │
//!                              ▼
//!  handle_connected ┐    ┌────────────┐    ┌ Connect, Send, Close, Abort
//!  handle_frame     ├──▶ │   Client   │ ──▶┤
//!  handle_lost      │    └────────────┘    └ Event        (poll_output, in order)
//!  handle_timeout   ┘          │
//!                              ├──▶ the event of a frame, borrowed from it
//!                              └──▶ deadline()
//! ```
//!
//! - **Inputs cannot fail, commands can.** The peer changes the state; it never makes a call return an error. A
//!   refused command returns the reason and changes nothing.
//! - **Nothing is counted in and out.** Each attempt to connect has a [`LinkId`], each request a [`RequestId`],
//!   each subscription a [`StreamId`]. An input with an old id has no effect.
//! - **Nothing is lost silently.** Each frame ends as data, as the answer to a request, or as an event that says
//!   why it was not used, and in one counter of [`Stats`].
//! - **Numbers are exact.** [`Decimal`] does not round; ids and times are 64-bit integers.
//!
//! Two tables say what may follow what: [`lifecycle::LINK`] and [`lifecycle::STREAM`]. [`protocol`] lists what
//! the venue sends and takes, with the type of each.
//!
//! # Links and endpoints
//!
//! [`Client::single`] is a client of one endpoint, to which it keeps one link open. [`Client::new`] makes a client
//! of any number: endpoints are [added](Client::add), streams go to the endpoint that has them, links are opened
//! when something needs them and closed when nothing does, and the end of one touches no other.
//! [`Client::shut_down`] ends it all in steps: no more commands, orders cancelled, streams unsubscribed, links
//! closed.
//!
//! # Trading
//!
//! The headers of the upgrade authenticate a link. The driver adds them: a [`Signer`] makes them, and the client
//! never sees a secret. [`Client::request`] sends an order. [`Orders`] keeps what becomes of it, whichever of
//! reply and events comes first, and marks the orders about which an event may be missing. An [`OrderStatusQuestion`]
//! asks the venue's REST API about these, over the HTTP client of your choice. [`Balances`] and [`Positions`] keep the
//! rest of an account.
//!
//! # Four generations
//!
//! [`Config::new`] takes the address of any of the venue's endpoints: the current API, market data v2, market
//! data v1 and order events v1. Their frames differ, their [`Event`]s do not; a frame that says several things is
//! a [`Batch`].
//!
//! # Features
//!
//! - `auth` (default): [`Signer`], which makes the headers of an authenticated upgrade or REST request.
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
//! | requests in flight | [`Config::requests_in_flight_max`] | subscriptions wait, others get [`CommandError::TooMany`] |
//! | books awaited at one time | [`Config::snapshots_max`] | they wait |
//! | delay before a stream is requested again | [`Config::resubscribe_cap`] | |
//! | a delay that the venue asks for, or causes with a limit | [`Config::retry_after_max`] | it counts as this; what was asked for is in the event |
//! | outputs that nobody polls | [`OUTPUT_MAX`] | commands get [`CommandError::TooMany`] |
//! | events that nobody takes | [`EventQueue::events_max`], [`EventQueue::bytes_max`] | [`Overflow`] |
//! | of them those that are no market data | [`RESERVED_EVENTS_MAX`], [`RESERVED_BYTES_MAX`] | reading stops; the oldest are dropped, with an [`Event::Overflow`] |
//! | orders that are kept after their end | [`FINISHED_ORDERS_MAX`] | the oldest are forgotten |
//! | orders of others that are open or in doubt | [`FOREIGN_ORDERS_MAX`] | more are not kept; [`Orders::untracked`] |
//! | quotes that are kept | [`QUOTES_MAX`] | the oldest that have ended are forgotten, others not kept; [`Quotes::untracked`] |
//! | books that are kept | [`BOOKS_MAX`] | more are not kept; [`Books::untracked`] |
//! | levels per side of a book | [`LEVELS_MAX`] | the worst are dropped; [`BookSide::known_depth`] |
//!
//! # Guarantees
//!
//! - Any call is legal in any state and in any order; nothing panics, whatever the peer sends.
//! - Each request ends in exactly one [`Event::Reply`], each client in exactly one
//!   [`Event::Closed`], each [`Output::Connect`] in one [`Event::Opened`] or [`Event::ConnectFailed`].
//! - After [`Client::handle_timeout`] the [`deadline`](Client::deadline) is later than now.
//! - The same seed, inputs and times give the same outputs.
//! - Data events allocate nothing once the scratch and the books have grown to their size.

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
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

mod archive;
#[cfg(feature = "auth")]
mod auth;
mod client;
mod config;
mod error;
mod event;
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
pub use config::{Config, PRODUCTION, REQUESTS_IN_FLIGHT_MAX, SANDBOX, Snapshot};
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
    QuoteStep, QuoteUpdate, RawJson, RequestForQuote, Response, ResponseId, RfqStatus, Settlement,
    Settlements, SnapshotOrder, SubscriptionAck, Taker, Text, TopOfBook, Trade, Unrecognized, VenueError,
};
pub use request::new_order::{
    ClientOrderId, EventOutcome, InvalidClientOrderId, InvalidOrder, NewOrder, TimeInForce,
};
pub use request::quote::{InvalidQuoteKey, NewQuote, QuoteKey};
pub use request::stream::{Cadence, InvalidStream, PartialLevels, Scope, Stream, Topic, Updates};
pub use request::{MarketDataRequest, RawRequest, Request, Subject};
pub use rest::answer::{BalanceRows, OpenOrder};
pub use rest::error::RestError;
#[cfg(feature = "auth")]
pub use rest::request::RestRequest;
pub use rest::{BalancesQuestion, OpenOrdersQuestion, OrderStatusQuestion, RestQuestion};
pub use state::balances::{Balance, Balances};
pub use state::books::{BOOKS_MAX, Book, BookChange, Books};
pub use state::changes::{Known, OrderChange, OrderChanges};
pub use state::fill::OrderFill;
pub use state::order::Order;
pub use state::order_book::{Applied, BookSide, LEVELS_MAX, OrderBook};
pub use state::order_index::FINISHED_ORDERS_MAX;
pub use state::order_state::OrderState;
pub use state::orders::{FOREIGN_ORDERS_MAX, Orders};
pub use state::positions::{HeldAmount, Positions};
pub use state::quotes::{FoundQuote, QUOTES_MAX, Quote, QuoteRef, QuoteState, Quotes};
pub use state::reconciling::{OrderRef, Reconciled};
pub use state::sums::Traded;
pub use state::truth::{Age, Moment, StaleReason};
pub use value::address::UserInfo;
pub use value::decimal::arithmetic::Rounding;
pub use value::decimal::{Decimal, DecimalError};
pub use value::endpoint::{Endpoint, InvalidEndpoint};
pub use value::id::{EndpointId, LinkId, RequestId, StreamId};
pub use value::inline::NameFault;
pub use value::sequence::GapRule;
pub use value::side::Side;
pub use value::symbol::{InvalidSymbol, Symbol};
#[cfg(feature = "std")]
pub use value::time::{Clock, OutOfRange};
pub use value::time::{Instant, Timestamp, UnixTime};
pub use wire::{FRAME_BYTES_MAX, Scratch, decode};
