//! The exchange's own record of orders, balances and positions, to compare a client's with.

use gemini_ws::{Decimal, Symbol, Timestamp};

use crate::value::id::SessionId;
use crate::value::order::{OrderSide, OrderState, OrderType, Outcome, TimeInForce};

/// An order of an account as the exchange knows it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LedgerOrder {
    /// Its number, beyond 2⁵³.
    pub order_id: u64,
    /// The client's name for it.
    pub client_order_id: Option<String>,
    /// The instrument, in the spelling of market data.
    pub symbol: Symbol,
    /// Its side.
    pub side: OrderSide,
    /// Its type.
    pub order_type: OrderType,
    /// How long it stands.
    pub time_in_force: TimeInForce,
    /// The outcome; `None` but for prediction markets.
    pub outcome: Option<Outcome>,
    /// The limit; `None` for market orders.
    pub price: Option<Decimal>,
    /// The stop price; `None` but for stop orders.
    pub stop_price: Option<Decimal>,
    /// What was ordered.
    pub quantity: Decimal,
    /// What its last event said.
    pub state: OrderState,
    /// What has been executed.
    pub executed_quantity: Decimal,
    /// Price times quantity over all executions, without fees.
    pub executed_notional: Decimal,
    /// The executions, the oldest first.
    pub fills: Vec<LedgerFill>,
    /// Why it was rejected or cancelled; `None` if its owner cancelled it.
    pub reason: Option<&'static str>,
    /// The session that it came from, which may be over.
    pub session: SessionId,
}

/// An execution of an order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LedgerFill {
    /// The trade, the same for both of its orders.
    pub trade_id: u64,
    /// When it happened, by the venue's time.
    pub time: Timestamp,
    /// The price, of the order's outcome on prediction markets.
    pub price: Decimal,
    /// The quantity.
    pub quantity: Decimal,
    /// The fee, in the quote currency.
    pub fee: Decimal,
    /// Whether the order was in the book before.
    pub is_maker: bool,
}

/// What an account has of a currency.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LedgerBalance {
    /// In upper case.
    pub asset: String,
    /// What is not set aside for orders.
    pub available: Decimal,
    /// All of it.
    pub total: Decimal,
}

/// What an account has of a prediction-market contract.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LedgerPosition {
    /// The instrument.
    pub symbol: Symbol,
    /// Contracts for the outcome minus those against.
    pub quantity: Decimal,
}

/// A quote of an account as the exchange knows it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LedgerQuote {
    /// The request for quotes that it answers.
    pub rfq_id: String,
    /// Its id.
    pub quote_id: String,
    /// The client's name for it.
    pub client_id: Option<String>,
    /// What has become of it.
    pub state: QuoteState,
}

/// What has become of a quote.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum QuoteState {
    /// It can be accepted.
    Active,
    /// It was accepted, and its maker has not confirmed it.
    Accepted,
    /// Its maker has confirmed it.
    Confirmed,
    /// Its maker has declined it.
    Declined,
    /// Its maker took it back.
    Withdrawn,
    /// Its time is over.
    Expired,
    /// It was executed.
    Won,
    /// Another one was executed, or none.
    Lost,
}
