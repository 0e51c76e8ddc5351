//! [`OrderUpdate`]: what happened to an order, in either generation that tells of orders.

use core::fmt;

use super::open::open_enum;
use super::text::{Number, Text};
use crate::value::decimal::Decimal;
use crate::value::side::Side;
use crate::value::time::Timestamp;

/// An order changed, or was there when the stream began: [the current API](crate::protocol::streams#orders),
/// [order events v1](crate::protocol::order_events_v1#events).
///
/// Only the first three fields are always there. A member by which nobody accounts is left out if it cannot be
/// read. The venue leaves out what is empty or
/// zero, and its cancellations carry neither side nor quantities: [`Orders`](crate::Orders) keeps them.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OrderUpdate<'f> {
    /// `i`; v1 `order_id`. Beyond 2⁵³ in the current API.
    pub order_id: u64,
    /// `s`; v1 `symbol`.
    pub symbol: &'f str,
    /// `X`; v1 `type`.
    pub status: OrderStatus<'f>,
    /// `E`; v1 `timestampms`, which only abridged examples leave out.
    pub event_time: Option<Timestamp>,
    /// `T`: when the venue did it.
    pub transaction_time: Option<Timestamp>,
    /// `c`; v1 `client_order_id`.
    pub client_order_id: Option<Text<'f>>,
    /// `S`; v1 `side`.
    pub side: Option<Side>,
    /// `o`; v1 `order_type`.
    pub order_type: Option<OrderType<'f>>,
    /// `p`; v1 `price`: the limit.
    pub price: Option<Decimal>,
    /// `P`; zero stands for none.
    pub stop_price: Option<Number<'f>>,
    /// `q`; v1 `original_amount`.
    pub quantity: Option<Decimal>,
    /// `z`; v1 `remaining_amount`. In the current API some sources use it for the executed quantity
    /// ([remaining or executed](crate::protocol::quirks#remaining-or-executed)): do not calculate with it.
    pub remaining_quantity: Option<Number<'f>>,
    /// `f`, which is not documented; v1 `behavior`, for example `maker-or-cancel`.
    pub time_in_force: Option<Text<'f>>,
    /// `Z` of an update that is no fill; v1 `executed_amount`: executed so far.
    pub executed_quantity: Option<Decimal>,
    /// `a`; v1 `avg_execution_price`.
    pub average_price: Option<Number<'f>>,
    /// The execution, if this is one: some of its members are missing if the venue left them out, or
    /// wrote zeros.
    pub fill: Option<Fill<'f>>,
    /// `r`; v1 `reason`: why it was rejected or cancelled; none if the user cancelled.
    pub reason: Option<Text<'f>>,
    /// `O`: the outcome that is bought or sold, in prediction markets.
    pub outcome: Option<ContractOutcome<'f>>,
    /// `h`: an alias of the order id for display.
    pub alias: Option<Text<'f>>,
    /// What only order events v1 tell.
    pub event: Option<OrderEventDetails<'f>>,
}

/// One execution of an order.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Fill<'f> {
    /// `t`; v1 `trade_id`: the key to tell a repeated fill from a new one.
    pub trade_id: Option<u64>,
    /// `L`; v1 `price`.
    pub price: Option<Decimal>,
    /// `Z`; v1 `amount`: the quantity of this execution.
    pub quantity: Option<Decimal>,
    /// `n`; v1 `fee`.
    pub fee: Option<Number<'f>>,
    /// v1 `fee_currency`; `N` of the current API, which is not documented.
    pub fee_currency: Option<Text<'f>>,
    /// `m`; v1 `liquidity`.
    pub liquidity: Option<Liquidity<'f>>,
}

/// The members of an order that only order events v1 have
/// ([members of an order event](crate::protocol::order_events_v1#members-of-an-order-event)).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OrderEventDetails<'f> {
    /// `event_id`: unique, and the same on every connection; `initial` has none.
    pub event_id: Option<Text<'f>>,
    /// `socket_sequence`: counts the events of a connection.
    pub socket_sequence: Option<u64>,
    /// `account_name`.
    pub account_name: Option<Text<'f>>,
    /// `api_session`: the key that placed the order, or `UI`.
    pub api_session: Option<ApiSession<'f>>,
    /// `timestamp`: whole seconds.
    pub timestamp: Option<Timestamp>,
    /// `is_live`.
    pub is_live: Option<bool>,
    /// `is_cancelled`.
    pub is_cancelled: Option<bool>,
    /// `is_hidden`.
    pub is_hidden: Option<bool>,
    /// `total_spend`: the quote amount of a market buy.
    pub total_spend: Option<Number<'f>>,
    /// `cancel_command_id`; none for cancellations that the venue made.
    pub cancel_command_id: Option<Text<'f>>,
}

open_enum! {
    /// What an order has come to.
    OrderStatus {
        /// It passed the checks.
        New = "NEW" | "accepted",
        /// It rests in the book.
        Open = "OPEN" | "booked",
        /// A part of it was executed.
        PartiallyFilled = "PARTIALLY_FILLED",
        /// The rest of it was executed.
        Filled = "FILLED",
        /// It was cancelled.
        Canceled = "CANCELED" | "cancelled",
        /// It was refused.
        Rejected = "REJECTED" | "rejected",
        /// The venue's documents do not say what this means.
        Modified = "MODIFIED",
        /// v1: it was open when the connection began.
        Initial = "initial",
        /// v1: a request to cancel it was refused; it stays as it was.
        CancelRejected = "cancel_rejected",
        /// v1: its last event.
        Closed = "closed",
    }
}

open_enum! {
    /// The type of an order.
    OrderType {
        /// With a limit.
        Limit = "LIMIT" | "exchange limit" | "limit",
        /// At any price.
        Market = "MARKET",
        /// Becomes one with a limit when the stop price is reached.
        StopLimit = "STOP_LIMIT",
        /// Becomes one at any price when the stop price is reached.
        StopMarket = "STOP_MARKET",
        /// v1: buys for a sum of the quote currency, at any price.
        MarketBuy = "market buy",
        /// v1: sells at any price.
        MarketSell = "market sell",
        /// v1: takes part in auctions only.
        AuctionOnlyLimit = "auction-only limit",
        /// v1: interest in a block trade.
        IndicationOfInterest = "indication-of-interest limit",
        /// v1: a block trade.
        BlockTrade = "block_trade",
    }
}

open_enum! {
    /// On which side of an execution an order was.
    Liquidity {
        /// It rested in the book.
        Maker = "Maker",
        /// It took from the book.
        Taker = "Taker",
        /// It was executed in an auction.
        Auction = "Auction",
    }
}

open_enum! {
    /// An outcome of a prediction market.
    ContractOutcome {
        /// It happens.
        Yes = "YES" | "yes",
        /// It does not happen.
        No = "NO" | "no",
        /// The venue does not say.
        Unspecified = "UNSPECIFIED",
    }
}

/// The API session of an order: the id of an API key. Not shown by `Debug`, since it identifies the
/// key ([keys in events](crate::protocol::quirks#keys-in-events)).
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct ApiSession<'f>(pub(crate) Text<'f>);

impl<'f> ApiSession<'f> {
    /// The id in full.
    pub const fn reveal(self) -> Text<'f> {
        self.0
    }
}

impl fmt::Debug for ApiSession<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0 == *"UI" { "UI" } else { "(key)" })
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for ApiSession<'_> {
    /// `UI`, or that it is a key.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{self:?}"))
    }
}
