//! A simulated Gemini exchange that speaks the venue's WebSocket APIs, as the counterpart of [`gemini_ws`]'s client.
//!
//! [`Exchange`] is a sans-IO state machine: it opens no sockets, reads no clocks and starts no threads. Callers pass
//! in frames and [instants](gemini_ws::Instant), and take [outputs](Output). All randomness comes from a seed. A test
//! can therefore run a whole conversation in memory, and each run gives the same conversation.
//!
//! - [`Config::market`] generates markets: seeded traders trade with each other through a matching engine.
//!   [`Config::recording`] plays recorded frames instead.
//! - [`Faults`] plans misbehaviour of the exchange, for example lost and repeated changes, late snapshots, late and
//!   missing replies, refusals, silence, and lost connections.
//! - [`Exchange::book`] returns the true book, to compare with the book of a client. [`Exchange::orders`],
//!   [`Exchange::balances`] and [`Exchange::positions`] return the true orders, balances and positions of an account.
//! - [`FaultSpec`] is a fault as a line of text, and [`Exchange::plan_faults`] plans it for a later time.
//! - [`Exchange::handle_rest`] answers requests to the REST API for the same accounts.
//! - [`Exchange::save`] returns the state that a restarted exchange needs, and [`Exchange::restore`] continues from
//!   it.
//! - The module `server` serves the exchange over WebSocket and HTTP on the loopback interface. It needs the feature
//!   `server`.
//!
//! The exchange speaks the current API and the three archived ones, on the same paths as the venue:
//!
//! | Path | API |
//! |---|---|
//! | `/` | the current API: public streams, including `requestForQuote` if there are prediction-market contracts, and the methods `ping`, `time`, `conninfo`, `subscribe`, `unsubscribe`, `list_subscriptions` and `depth`. An authenticated session of an [`Account`] also has private streams, orders and quotes. Orders trade with the generated market and with other orders. Seeded requesters accept quotes. Without an account the exchange refuses private streams, orders and quotes as the venue does |
//! | `/v1/order/events` | the orders of an account; heartbeats if the query asks for them |
//! | `/v2/marketdata` | `subscribe` and `unsubscribe` of `l2`, `candles_1m` to `candles_1d`, `mark_price` and `funding_amount`; heartbeats |
//! | `/v1/marketdata/{symbol}` | the book or its best levels, trades, block trades and auctions, as the query asks; heartbeats if the query asks for them |
//! | `/v1/multimarketdata?symbols=…` | the same data for several symbols, without auctions |
//!
//! Over REST, the exchange answers `POST /v1/order/status`, `POST /v1/orders` and `POST /v1/balances`.
//!
//! The reply to `conninfo` reports the venue's limit of 300 connection attempts in five minutes, and how many
//! attempts the exchange has counted in the present five minutes. The exchange does not apply this limit: it accepts
//! further attempts too.
//!
//! [`Exchange::handle_upgrade`] takes the upgrade request of a client and refuses unknown paths. It ignores a slash
//! at the end of a path. The archived paths serve market data of a generated market only: recordings contain frames
//! of the current API.
//!
//! A seeded requester asks for quotes on a combination of contracts. Some requests end without an accepted quote.
//! Otherwise the requester accepts the lowest quote, unless a hidden maker, which the exchange simulates, quotes
//! less. When the maker has confirmed the accepted quote, the exchange executes an order of this maker. The order
//! buys the outcome `NO` of the combination, at one minus the price of the quote.
//!
//! The venue's documents leave two points open. Here, if a quote is withdrawn, or expires before the requester
//! accepts it, the event of the quote is `CLOSED`. If the maker declines a quote or cannot pay, the status of the
//! quote is `LOST`.
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
//! - The same seed and inputs yield the same outputs, byte for byte, on every platform. If no pause between calls is
//!   longer than [`CATCH_UP_MAX`], the market does not depend on when the caller calls [`Exchange::handle_timeout`].
//! - Amounts are exact: fills and fees change the balances of an account to the last digit.
//! - Books of the generated market are never crossed. Update ids agree between streams: after a depth frame with the
//!   last update id `u`, the client's best levels are those of the newest ticker whose id is at most `u`.
//! - The work per call is bounded: a call generates no more than [`CATCH_UP_MAX`] of market time. Memory is bounded
//!   too. The exchange keeps up to [`OUTPUTS_MAX`] outputs for a session, up to [`OPEN_ORDERS_MAX`] open orders of an
//!   account, and up to [`FINISHED_ORDERS_MAX`] orders that have ended. It keeps up to a thousand quotes for one
//!   request, and the states of the last [`QUOTES_RECORDED_MAX`] quotes.
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
pub use broker::{FINISHED_ORDERS_MAX, OPEN_ORDERS_MAX, SAME_NAME_MAX};
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
