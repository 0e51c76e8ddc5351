//! [`Side`]: buy or sell.

use core::fmt;
use core::ops::Not;

use crate::value::print;

/// The side of an order, of a trade's taker, or of a book.
///
/// ```
/// use gemini_ws::Side;
///
/// assert_eq!((!Side::Buy, Side::Sell.to_string()), (Side::Sell, "SELL".to_string()));
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Side {
    /// `BUY`: orders to buy, which are the bids of a book.
    Buy,
    /// `SELL`: orders to sell, which are the asks of a book.
    Sell,
}

impl Not for Side {
    type Output = Side;

    /// Returns the other side.
    fn not(self) -> Side {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }
}

impl fmt::Display for Side {
    /// Prints the side as the venue spells it in orders.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::name(f, if *self == Side::Buy { "BUY" } else { "SELL" })
    }
}
