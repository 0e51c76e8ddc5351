//! A sans-IO exchange that speaks the Gemini WebSocket API: the twin of [`gemini_ws`]'s client.
//!
//! The exchange opens no sockets, reads no clocks and starts no threads. Callers pass in frames and
//! [instants](gemini_ws::Instant) and take [outputs](Output); all randomness comes from a seed. A test
//! can therefore run a whole conversation in memory, and gets the same one each time.
//!
//! - [`Config::market`] generates books with a matching engine behind them and seeded traders in
//!   front; [`Config::recording`] plays recorded frames.
//! - [`Faults`] lets it misbehave: lost, repeated and stale changes, late and missing replies,
//!   silence, closed and torn connections, arbitrary frames.
//! - [`Exchange::book`] returns the true book, to compare with a client's. [`Exchange::orders`],
//!   [`Exchange::balances`] and [`Exchange::positions`] return what an account has.
//! - [`FaultSpec`] names a fault in a line of text, and [`Exchange::plan_faults`] plans it for later.
//! - [`Exchange::handle_rest`] answers requests to the REST API for the same accounts.
//! - [`Exchange::save`] returns what has to be kept over a restart, and [`Exchange::restore`] goes on from it.
//! - With the feature `server`, the module `server` serves the exchange over WebSocket and HTTP on the loopback
//!   interface.
//!
//! It speaks three generations of the venue's API, on the paths that the venue has:
//!
//! | Path | What is spoken |
//! |---|---|
//! | `/` | the current API: public streams, `requestForQuote` among them if there are prediction-market contracts, and the methods `ping`, `time`, `conninfo`, `subscribe`, `unsubscribe`, `list_subscriptions` and `depth`; for an [`Account`] orders, which trade with the generated market and with each other, quotes, which seeded requesters accept, and private streams; what needs an account is refused without one as the venue refuses it |
//! | `/v1/order/events` | the orders of an account; heartbeats if the query asks for them |
//! | `/v2/marketdata` | `subscribe` and `unsubscribe` of `l2`, `candles_1m` to `candles_1d`, `mark_price` and `funding_amount`; heartbeats |
//! | `/v1/marketdata/{symbol}` | the book or its best levels, trades, block trades and auctions, as the query asks; heartbeats if it asks for them |
//! | `/v1/multimarketdata?symbols=…` | the same for several symbols, without auctions |
//!
//! Over REST there are `POST /v1/order/status`, `POST /v1/orders` and `POST /v1/balances`.
//!
//! [`Exchange::handle_upgrade`] takes the request of an upgrade and refuses unknown paths. A slash at the end of a path
//! makes no difference. The archived
//! paths serve market data of a generated market only: recordings contain frames of the current API.
//!
//! Seeded requesters ask for quotes on combinations of contracts that they want to buy. A requester
//! accepts the lowest quote, unless a hidden maker is cheaper or the requester accepts none. The exchange
//! then executes an order of the maker that buys the outcome `NO` of the combination, at one minus the
//! price. It reports a quote that is withdrawn or has expired as `CLOSED`, and one that is declined or
//! cannot be paid for as `LOST`. The venue's documents leave these points open.
//!
//! ```
//! use gemini_ws::{Frame, Instant, Message, Scratch, decode};
//! use gemini_ws_simulator::{Config, Exchange, Output, SessionId};
//!
//! let symbol = "btcusd".parse().unwrap();
//! let mut exchange = Exchange::new(Config::market([symbol]), 7);
//! let client = SessionId(1);
//! exchange.handle_connected(client, Instant::ZERO, "snapshot=-1");
//! let subscribe = r#"{"id":1,"method":"subscribe","params":["btcusd@depth@100ms"]}"#;
//! exchange.handle_frame(client, Instant::from_millis(5), Frame::Text(subscribe));
//!
//! // One second of trading, as fast as the machine allows.
//! let (mut frames, mut last_update_id) = (0, 0);
//! while let Some(now) = exchange.deadline().filter(|now| *now <= Instant::from_secs(1)) {
//!     exchange.handle_timeout(now);
//!     while let Some(output) = exchange.poll_output() {
//!         let Output::Send { session, text } = output else { continue };
//!         assert_eq!(session, client);
//!         let mut scratch = Scratch::new();
//!         if let Ok(Message::Depth(depth)) = decode(&text, &mut scratch) {
//!             frames += 1;
//!             last_update_id = depth.last_update_id.unwrap();
//!         }
//!     }
//! }
//! assert!(frames > 1 && last_update_id <= exchange.book(symbol).unwrap().last_update_id);
//! ```
//!
//! # Guarantees
//!
//! - The same seed and inputs yield the same outputs, byte for byte, on every platform. The market does
//!   not depend on when the caller polls or how often it calls [`Exchange::handle_timeout`].
//! - Amounts are exact: fills and fees change the balances of an account to the last digit.
//! - Books are never crossed. Ids follow events: a client that has applied a depth frame with the
//!   last update id `u` has the best levels of the newest ticker with an id of at most `u`.
//! - Work per call is bounded: at most [`CATCH_UP_MAX`] of market time. Memory is: at most
//!   [`OUTPUTS_MAX`] outputs wait for a session, [`FINISHED_ORDERS_MAX`] orders are remembered after
//!   their end, and a request for quotes takes a thousand of them.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod account;
mod broker;
mod config;
mod context;
mod exchange;
mod frame;
mod market;
mod model;
mod recording;
mod rfq;
#[cfg(feature = "server")]
pub mod server;
mod session;
mod state;
mod value;

pub use account::ledger::{LedgerBalance, LedgerFill, LedgerOrder, LedgerPosition, LedgerQuote, QuoteState};
pub use account::{Account, AccountId, Role};
pub use broker::FINISHED_ORDERS_MAX;
pub use config::Config;
pub use context::fault_spec::{FaultKind, FaultSpec, FaultSpecError};
pub use context::faults::Faults;
pub use context::planned::PLANNED_FAULTS_MAX;
pub use exchange::faulting::FaultRefusal;
pub use exchange::{CATCH_UP_MAX, Exchange};
pub use frame::private::OrderEventShape;
pub use frame::request::STREAMS_MAX;
pub use frame::rest::{RestRequest, RestResponse};
pub use frame::upgrade::{UpgradeRefusal, UpgradeRequest};
pub use market::source::TrueBook;
pub use recording::{NextLine, Recording, RecordingError};
pub use rfq::QUOTES_RECORDED_MAX;
pub use session::stats::Stats;
pub use session::{OUTPUTS_MAX, Output};
pub use state::{State, StateError};
pub use value::id::SessionId;
pub use value::order::{OrderSide, OrderState, OrderType, Outcome, TimeInForce};
pub use value::start::EPOCH;

/// The programs of the README, compiled as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
