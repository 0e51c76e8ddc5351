//! [`OrderUpdate`]: what the current API or order events v1 reports about an order.

use core::fmt;

use super::open::open_enum;
use super::text::{Number, Text};
use crate::value::decimal::Decimal;
use crate::value::side::Side;
use crate::value::time::Timestamp;

/// A change of an order, or an order that existed when the stream began: [the current
/// API](crate::protocol::streams#orders), [order events v1](crate::protocol::order_events_v1#events).
///
/// Only `order_id`, `symbol` and `status` are always present, because the venue leaves out members that are empty or
/// zero. A cancellation may contain neither the side nor the ordered quantity: [`Orders`](crate::Orders) keeps the
/// values of earlier updates. An update is malformed if one of these cannot be decoded: the order id, the client
/// order id, the symbol, the status, the limit price, the ordered or executed quantity, or the trade id, price or
/// quantity of a fill. If any other member cannot be decoded, its field is `None`.
///
/// In order events v1, an update is also malformed in these cases:
///
/// - The object `fill` has no trade id, price or quantity.
/// - The `type` is `fill`, and `remaining_amount` cannot be decoded.
/// - The `type` is `fill`, there is no `remaining_amount`, and `is_live` cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OrderUpdate<'f> {
    /// The venue's id of the order: `i`, in v1 `order_id`. The ids of the current API are larger than 2⁵³.
    pub order_id: u64,
    /// The symbol: `s`, in v1 `symbol`.
    pub symbol: &'f str,
    /// `X`: the status. In order events v1, the member is `type`, and its value `fill` is decoded as
    /// [`PartiallyFilled`](OrderStatus::PartiallyFilled) or [`Filled`](OrderStatus::Filled).
    pub status: OrderStatus<'f>,
    /// The time of the event: `E`, in v1 `timestampms`. Only abridged examples in the venue's documentation have no
    /// time.
    pub event_time: Option<Timestamp>,
    /// `T`: when the venue made the change.
    pub transaction_time: Option<Timestamp>,
    /// The client order id: `c`, in v1 `client_order_id`.
    pub client_order_id: Option<Text<'f>>,
    /// The side: `S`, in v1 `side`.
    pub side: Option<Side>,
    /// The type: `o`, in v1 `order_type`.
    pub order_type: Option<OrderType<'f>>,
    /// The limit price: `p`, in v1 `price`.
    pub price: Option<Decimal>,
    /// `P`: the stop price; zero means none.
    pub stop_price: Option<Number<'f>>,
    /// The quantity of the order: `q`, in v1 `original_amount`. A zero counts as missing.
    pub quantity: Option<Decimal>,
    /// The remaining quantity: `z`, in v1 `remaining_amount`. On the current API, it may instead be the executed
    /// quantity, so do not calculate with it ([remaining or
    /// executed](crate::protocol::quirks#remaining-or-executed)).
    pub remaining_quantity: Option<Number<'f>>,
    /// The time in force: `f`, which is not documented; in v1 `behavior`, for example `maker-or-cancel`.
    pub time_in_force: Option<Text<'f>>,
    /// The quantity executed so far: in v1 `executed_amount`, on the current API `Z`. On the current API, `None` if
    /// the status is `FILLED` or `PARTIALLY_FILLED`, because `Z` is then [`Fill::quantity`].
    pub executed_quantity: Option<Decimal>,
    /// The average price of the fills: `a`, in v1 `avg_execution_price`.
    pub average_price: Option<Number<'f>>,
    /// The execution, if the update reports one.
    ///
    /// - Current API: present if the status is `FILLED` or `PARTIALLY_FILLED`. With any other status, present if the
    ///   update has `t` or `L`, but not `Z`. A zero counts as missing: [`Fill::trade_id`], [`Fill::price`] and
    ///   [`Fill::quantity`] are `None` instead of zero.
    /// - Order events v1: present if the event has the object `fill`, or the `type` `fill`. Without the object, all
    ///   fields are `None`. If the quantity is zero, [`Fill::quantity`] is `None`.
    pub fill: Option<Fill<'f>>,
    /// The reason why the order was rejected or cancelled: `r`, in v1 `reason`. In the current API, absent if the
    /// user cancelled the order.
    pub reason: Option<Text<'f>>,
    /// `O`: the outcome that is bought or sold, in prediction markets.
    pub outcome: Option<ContractOutcome<'f>>,
    /// `h`: an alias of the order id for display.
    pub alias: Option<Text<'f>>,
    /// The members that only order events v1 has.
    pub event: Option<OrderEventDetails<'f>>,
}

impl OrderUpdate<'_> {
    /// Returns the quantity executed so far; `None` if the update does not show it. `ordered` is the ordered quantity
    /// to use if the update has none.
    pub(crate) fn told_executed(&self, ordered: Option<Decimal>) -> Option<Decimal> {
        let gone = || {
            // Only order events v1 has `event`. On the current API, `remaining_quantity` may be the executed
            // quantity.
            let (_, remaining) = self.event.zip(self.remaining_quantity)?;
            self.quantity.or(ordered)?.checked_sub(remaining.to_decimal().ok()?)
        };
        self.executed_quantity.or_else(|| gone().filter(|executed| !executed.is_negative()))
    }
}

/// One execution of an order.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Fill<'f> {
    /// The id of the trade, by which a repeated fill is recognized: `t`, in v1 `trade_id`.
    pub trade_id: Option<u64>,
    /// The price of this execution: `L`, in v1 `price`.
    pub price: Option<Decimal>,
    /// The quantity of this execution: `Z` if the status is `FILLED` or `PARTIALLY_FILLED`, in v1 `amount`.
    pub quantity: Option<Decimal>,
    /// The fee: `n`, in v1 `fee`.
    pub fee: Option<Number<'f>>,
    /// The currency of the fee: `N`, which is not documented, in v1 `fee_currency`.
    pub fee_currency: Option<Text<'f>>,
    /// Whether the order was the maker or the taker: `m`, in v1 `liquidity`.
    pub liquidity: Option<Liquidity<'f>>,
}

/// The members of an order that only order events v1 has ([members of an order
/// event](crate::protocol::order_events_v1#members-of-an-order-event)).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OrderEventDetails<'f> {
    /// `event_id`: the id of the event, unique and the same on every connection; absent in `initial` events.
    pub event_id: Option<Text<'f>>,
    /// `socket_sequence`: the number of the event on the connection, from 0.
    pub socket_sequence: Option<u64>,
    /// `account_name`: the name of the account.
    pub account_name: Option<Text<'f>>,
    /// `api_session`: the key that placed the order, or `UI`.
    pub api_session: Option<ApiSession<'f>>,
    /// `timestamp`: the time of the event, sent in whole seconds.
    pub timestamp: Option<Timestamp>,
    /// `is_live`: whether the order is in the book.
    pub is_live: Option<bool>,
    /// `is_cancelled`: whether the order was cancelled.
    pub is_cancelled: Option<bool>,
    /// `is_hidden`: whether the book does not show the order.
    pub is_hidden: Option<bool>,
    /// `total_spend`: the amount of the quote currency that a market order to buy spends.
    pub total_spend: Option<Number<'f>>,
    /// `cancel_command_id`: the id of the command to cancel the order; absent if the venue itself cancelled the
    /// order.
    pub cancel_command_id: Option<Text<'f>>,
}

open_enum! {
    /// The status of an order.
    OrderStatus {
        /// The order passed the venue's checks.
        New = "NEW" | "accepted",
        /// The order rests in the book.
        Open = "OPEN" | "booked",
        /// A part of the order was executed.
        PartiallyFilled = "PARTIALLY_FILLED",
        /// The rest of the order was executed.
        Filled = "FILLED",
        /// The order was cancelled.
        Canceled = "CANCELED" | "cancelled",
        /// The venue rejected the order.
        Rejected = "REJECTED" | "rejected",
        /// The venue does not document the meaning of this status.
        Modified = "MODIFIED",
        /// Order events v1: the order was open when the connection began.
        Initial = "initial",
        /// Order events v1: a request to cancel was refused, and the order is unchanged.
        CancelRejected = "cancel_rejected",
        /// Order events v1: the last event of the order.
        Closed = "closed",
    }
}

impl OrderStatus<'_> {
    pub(crate) const fn is_end(self) -> bool {
        use OrderStatus::{Canceled, Closed, Filled, Rejected};
        matches!(self, Filled | Canceled | Rejected | Closed)
    }
}

open_enum! {
    /// The type of an order.
    OrderType {
        /// An order with a limit price.
        Limit = "LIMIT" | "exchange limit" | "limit",
        /// An order at any price.
        Market = "MARKET",
        /// A limit order that becomes active at the stop price.
        StopLimit = "STOP_LIMIT",
        /// A market order that becomes active at the stop price.
        StopMarket = "STOP_MARKET",
        /// Order events v1: buys for an amount of the quote currency, at any price.
        MarketBuy = "market buy",
        /// Order events v1: sells at any price.
        MarketSell = "market sell",
        /// Order events v1: takes part in auctions only.
        AuctionOnlyLimit = "auction-only limit",
        /// Order events v1: an indication of interest in a block trade.
        IndicationOfInterest = "indication-of-interest limit",
        /// Order events v1: a block trade.
        BlockTrade = "block_trade",
    }
}

open_enum! {
    /// The role of an order in an execution.
    Liquidity {
        /// The order rested in the book.
        Maker = "Maker",
        /// The order took from the book.
        Taker = "Taker",
        /// The order was executed in an auction.
        Auction = "Auction",
    }
}

open_enum! {
    /// An outcome of a prediction market.
    ContractOutcome {
        /// The event happens.
        Yes = "YES" | "yes",
        /// The event does not happen.
        No = "NO" | "no",
        /// The venue does not say which outcome.
        Unspecified = "UNSPECIFIED",
    }
}

/// The API session of an order: an API key, or `UI`. `Debug` and `Serialize` show `(key)` instead of the key ([keys
/// in events](crate::protocol::quirks#keys-in-events)).
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct ApiSession<'f>(pub(crate) Text<'f>);

impl<'f> ApiSession<'f> {
    /// Returns the API key, or `UI`.
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
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{self:?}"))
    }
}
