//! The words of an order, and [`NewOrder`], which is one before it is accepted.

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
    /// `STOP_LIMIT`: a limit order that waits for a trade at its stop price.
    StopLimit,
}

/// How long an order stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TimeInForce {
    /// `GTC`: until it is cancelled.
    GoodTillCanceled,
    /// `IOC`: what does not match at once is cancelled.
    ImmediateOrCancel,
    /// `FOK`: all of it matches at once, or nothing.
    FillOrKill,
    /// `MOC`: cancelled if any of it would match at once.
    MakerOrCancel,
}

/// The outcome that an order on a prediction market is about.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// `YES`.
    Yes,
    /// `NO`: bought at a price of `p`, it is matched as a sale of `YES` at `1 - p`.
    No,
}

/// What the last event of an order said (member `X`).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderState {
    /// `NEW`: accepted; a stop order that waits stays so.
    New,
    /// `OPEN`: it rests in the book, and has not matched since it came there.
    Open,
    /// `PARTIALLY_FILLED`.
    PartiallyFilled,
    /// `FILLED`: nothing is left. The end.
    Filled,
    /// `CANCELED`. The end.
    Canceled,
    /// `REJECTED`: it never was. The end.
    Rejected,
}

impl OrderState {
    /// Whether nothing more can happen to the order.
    pub const fn is_final(self) -> bool {
        matches!(self, OrderState::Filled | OrderState::Canceled | OrderState::Rejected)
    }
}

/// An order that is well formed; whether it can stand is for the broker to say.
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

/// Where an order comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Origin {
    /// The position of the account.
    pub(crate) account: usize,
    pub(crate) session: SessionId,
    /// Tells sessions of the same id apart.
    pub(crate) serial: u64,
}

/// The reasons for which orders are rejected or cancelled.
const REASONS: [&str; 14] = [
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
    "UnknownInstrument",
];

/// A reason by its name.
pub(crate) fn reason_of(name: &str) -> Option<&'static str> {
    REASONS.iter().find(|reason| **reason == name).copied()
}
