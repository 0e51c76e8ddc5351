//! The exchange's own record of orders, balances and positions.

use gemini_ws::{Decimal, Symbol, Timestamp};

use crate::value::id::SessionId;
use crate::value::order::{OrderSide, OrderState, OrderType, Outcome, TimeInForce};

/// An order of an account, as the exchange knows it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LedgerOrder {
    /// The exchange's id of the order. The ids that the exchange assigns are larger than 2⁵³, like those of the
    /// venue.
    pub order_id: u64,
    /// The order id that the client chose.
    pub client_order_id: Option<String>,
    /// The instrument, in the spelling of market data.
    pub symbol: Symbol,
    /// The side of the order.
    pub side: OrderSide,
    /// The type of the order.
    pub order_type: OrderType,
    /// What happens to the part of the order that does not match at once.
    pub time_in_force: TimeInForce,
    /// The outcome; `None` except on prediction markets.
    pub outcome: Option<Outcome>,
    /// The limit price; `None` for market orders.
    pub price: Option<Decimal>,
    /// The stop price; `None` except for stop orders.
    pub stop_price: Option<Decimal>,
    /// The quantity that was ordered.
    pub quantity: Decimal,
    /// The state of the order.
    pub state: OrderState,
    /// The quantity that has been executed.
    pub executed_quantity: Decimal,
    /// The sum of price times quantity over all executions, without fees.
    pub executed_notional: Decimal,
    /// The executions, the oldest first.
    pub fills: Vec<LedgerFill>,
    /// The reason for which the exchange rejected or cancelled the order. `None` if the order is open or filled, or
    /// if its owner or the end of its session cancelled it.
    pub reason: Option<&'static str>,
    /// The session that placed the order. The session may have ended.
    pub session: SessionId,
}

/// An execution of an order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LedgerFill {
    /// The id of the trade. The fills of both orders of a trade have the same id.
    pub trade_id: u64,
    /// The venue's time of the execution.
    pub time: Timestamp,
    /// The price of the execution. On prediction markets, this is the price of the order's outcome.
    pub price: Decimal,
    /// The quantity.
    pub quantity: Decimal,
    /// The fee, in the quote currency.
    pub fee: Decimal,
    /// Whether the order was the maker of the trade. An order is also the maker if the fill executes a quote.
    pub is_maker: bool,
}

/// The balance of an account in one currency.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LedgerBalance {
    /// The name of the currency in upper case.
    pub asset: String,
    /// The amount that is not set aside for orders.
    pub available: Decimal,
    /// The total amount.
    pub total: Decimal,
}

/// The position of an account in one prediction-market contract.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LedgerPosition {
    /// The instrument.
    pub symbol: Symbol,
    /// The number of `YES` contracts minus the number of `NO` contracts.
    pub quantity: Decimal,
}

/// A quote of an account, as the exchange knows it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LedgerQuote {
    /// The id of the request for quotes that this quote answers.
    pub rfq_id: String,
    /// The id of the quote.
    pub quote_id: String,
    /// The id that the client chose for the quote.
    pub client_id: Option<String>,
    /// The state of the quote.
    pub state: QuoteState,
}

/// The state of a quote.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum QuoteState {
    /// The requester can accept the quote.
    Active,
    /// The requester has accepted the quote, and the maker has not confirmed it yet.
    Accepted,
    /// The maker has confirmed the quote.
    Confirmed,
    /// The maker has declined the accepted quote.
    Declined,
    /// The maker has withdrawn the quote.
    Withdrawn,
    /// The validity of the quote ended before the requester accepted it, or the maker did not confirm the quote
    /// within 5 s of the acceptance.
    Expired,
    /// The exchange has executed the quote.
    Won,
    /// The request has ended, and the exchange has not executed the quote, for example because the maker cannot pay.
    Lost,
}
