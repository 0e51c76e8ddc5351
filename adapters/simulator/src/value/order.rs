//! The enums of an order, and [`NewOrder`], an order before it is accepted.

use gemini_ws::{Decimal, Symbol};
use serde::{Deserialize, Serialize};

use super::id::SessionId;

/// The side of an order.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderSide {
    /// `BUY`.
    Buy,
    /// `SELL`.
    Sell,
}

/// The type of an order (member `o`).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderType {
    /// `LIMIT`.
    Limit,
    /// `MARKET`.
    Market,
    /// `STOP_LIMIT`: a limit order that waits until the price of the last trade reaches the stop price.
    StopLimit,
}

/// The time in force of an order: what happens to the part that does not match at once.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TimeInForce {
    /// `GTC`: the part that does not match at once rests in the book until it is filled or cancelled.
    GoodTillCanceled,
    /// `IOC`: the part that does not match at once is cancelled.
    ImmediateOrCancel,
    /// `FOK`: the whole order is cancelled, unless all of it matches at once.
    FillOrKill,
    /// `MOC`: the order rests in the book, unless any part of it would match at once. Then the whole order is
    /// cancelled.
    MakerOrCancel,
}

/// The outcome that an order on a prediction market is about.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// `YES`.
    Yes,
    /// `NO`: an order that buys `NO` at a price of `p` is matched as a sale of `YES` at `1 - p`.
    No,
}

/// The state of an order, as its last event reported it (member `X`).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderState {
    /// `NEW`: accepted. A stop order keeps this state until it is triggered.
    New,
    /// `OPEN`: the order rests in the book, and nothing of it has been executed since it was placed there.
    Open,
    /// `PARTIALLY_FILLED`: a part of the order has been executed.
    PartiallyFilled,
    /// `FILLED`: the whole order has been executed. This state is final.
    Filled,
    /// `CANCELED`: the order was cancelled. This state is final.
    Canceled,
    /// `REJECTED`: the order was never accepted. This state is final.
    Rejected,
}

impl OrderState {
    /// Returns whether the order has ended, so that nothing more can happen to the order.
    pub const fn is_final(self) -> bool {
        matches!(self, OrderState::Filled | OrderState::Canceled | OrderState::Rejected)
    }

    /// Returns the value of the member `is_cancelled` of order events v1 and of REST.
    pub(crate) const fn is_cancelled(self) -> bool {
        matches!(self, OrderState::Canceled | OrderState::Rejected)
    }
}

/// A well-formed order. The broker decides whether to accept it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NewOrder {
    pub(crate) symbol: Symbol,
    pub(crate) side: OrderSide,
    pub(crate) order_type: OrderType,
    pub(crate) time_in_force: TimeInForce,
    pub(crate) quantity: Decimal,
    /// `None` for market orders.
    pub(crate) price: Option<Decimal>,
    pub(crate) stop_price: Option<Decimal>,
    pub(crate) client_order_id: Option<String>,
    pub(crate) outcome: Option<Outcome>,
}

/// The account and the session that placed an order or sent a quote.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Origin {
    pub(crate) account: usize,
    pub(crate) session: SessionId,
    /// No two sessions have the same serial number, but a later session can have the same [`SessionId`].
    pub(crate) serial: u64,
}

const REASONS: [&str; 15] = [
    "DuplicateOrder",
    "FillOrKillWouldNotFill",
    "ImmediateOrCancelWouldPost",
    "InsufficientFunds",
    "InsufficientLiquidity",
    "InvalidPrice",
    "InvalidQuantity",
    "InvalidStopPrice",
    "LimitPriceOffTick",
    "MakerOrCancelWouldTake",
    "MarketNotOpen",
    "SelfCrossPrevented",
    "TERMS_NOT_ACCEPTED",
    "TooManyOpenOrders",
    "UnknownInstrument",
];

pub(crate) fn reason_of(name: &str) -> Option<&'static str> {
    REASONS.iter().find(|reason| **reason == name).copied()
}
