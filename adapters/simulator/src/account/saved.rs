//! [`SavedAccount`], [`SavedOrder`]: accounts and their orders, as a file contains them.

use gemini_ws::{Decimal, Symbol, Timestamp};
use serde::{Deserialize, Serialize};

use crate::value::order::{OrderSide, OrderState, OrderType, Outcome, TimeInForce};

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedAccount {
    pub(crate) key: String,
    /// The last nonce of the key; `None` if the key has used none.
    pub(crate) nonce: Option<u64>,
    pub(crate) assets: Vec<SavedAsset>,
}

/// The total of an asset. The amount that is set aside is not saved: the broker computes it from the orders.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedAsset {
    /// The name of a currency, or the symbol of a contract.
    pub(crate) asset: String,
    pub(crate) outcome: Option<Outcome>,
    /// The total: a whole number of units of 10⁻¹⁸. A `String`, because a `Decimal` cannot hold every total.
    pub(crate) units: String,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedOrder {
    pub(crate) order_id: u64,
    pub(crate) account: String,
    pub(crate) client_order_id: Option<String>,
    pub(crate) symbol: Symbol,
    pub(crate) side: OrderSide,
    pub(crate) order_type: OrderType,
    pub(crate) time_in_force: TimeInForce,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) quantity: Decimal,
    pub(crate) price: Option<Decimal>,
    pub(crate) stop_price: Option<Decimal>,
    pub(crate) placed_at: Timestamp,
    pub(crate) state: OrderState,
    pub(crate) reason: Option<String>,
    pub(crate) session: u64,
    pub(crate) ends_with_session: bool,
    pub(crate) terms: Option<SavedTerms>,
    pub(crate) fills: Vec<SavedFill>,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedTerms {
    /// Whether the order has a symbol of the simulated market. False for the order that records the execution of a
    /// maker's quote, and for an ended order that was restored when the market did not have its symbol.
    pub(crate) is_in_market: bool,
    pub(crate) price_decimals: u8,
    pub(crate) quantity_decimals: u8,
    pub(crate) limit: u64,
    pub(crate) stop: Option<u64>,
    pub(crate) quantity: u64,
    /// The expected cost or proceeds of a market order, zero for other orders: a whole number of units of 10⁻¹⁸, as
    /// text.
    pub(crate) spend: String,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedFill {
    pub(crate) trade_id: u64,
    pub(crate) time: Timestamp,
    pub(crate) price: Decimal,
    pub(crate) quantity: Decimal,
    pub(crate) fee: Decimal,
    pub(crate) is_maker: bool,
}
