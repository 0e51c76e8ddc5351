//! [`NewOrder`]: an order to be placed.

use core::fmt;
use core::str::FromStr;

use crate::value::decimal::Decimal;
use crate::value::symbol::Symbol;

/// An order to be placed ([placing and cancelling](crate::protocol::streams#placing-and-cancelling)).
///
/// Its client order id is what it is found by when no answer comes, so there is none without.
///
/// ```
/// use gemini_ws::{Direction, NewOrder, Request, TimeInForce};
///
/// let symbol = "btcusd".parse().unwrap();
/// let (quantity, price) = ("0.1".parse().unwrap(), "45001.00".parse().unwrap());
/// let order = NewOrder::limit("my-order-2".parse().unwrap(), symbol, Direction::Sell, quantity, price)
///     .and_then(|order| order.time_in_force(TimeInForce::MakerOrCancel))
///     .unwrap();
/// assert_eq!(
///     Request::PlaceOrder(order).encode_with_text_id("11"),
///     r#"{"id":"11","method":"order.place","params":{"symbol":"btcusd","side":"SELL","type":"LIMIT","timeInForce":"MOC","price":"45001.00","quantity":"0.1","clientOrderId":"my-order-2"}}"#,
/// );
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct NewOrder {
    client_order_id: ClientOrderId,
    symbol: Symbol,
    direction: Direction,
    quantity: Decimal,
    terms: Terms,
    time_in_force: TimeInForce,
    outcome: Option<EventOutcome>,
}

/// At which price.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub(crate) enum Terms {
    Market,
    Limit { price: Decimal },
    StopLimit { stop_price: Decimal, price: Decimal },
}

/// Whether an order is to buy or to sell.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Direction {
    /// `BUY`
    Buy,
    /// `SELL`
    Sell,
}

/// How long an order stays.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum TimeInForce {
    /// `GTC`: until it is executed or cancelled.
    GoodTillCanceled,
    /// `IOC`: what is not executed at once is cancelled.
    ImmediateOrCancel,
    /// `FOK`: executed at once as a whole, or cancelled.
    FillOrKill,
    /// `MOC`: rests in the book, or is cancelled if it would take (post only).
    MakerOrCancel,
}

/// The outcome that an order is for, in prediction markets.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum EventOutcome {
    /// `YES`
    Yes,
    /// `NO`
    No,
}

/// Why an order cannot be made; the venue would refuse it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidOrder {
    /// The quantity is not above zero.
    Quantity,
    /// The price is not above zero.
    Price,
    /// The stop price is not above zero, or on the wrong side of the price: not above it for an order
    /// to buy, not below it for one to sell.
    StopPrice,
    /// An order without a limit cannot rest in the book.
    TimeInForce,
}

impl fmt::Display for InvalidOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            InvalidOrder::Quantity => "the quantity must be above zero",
            InvalidOrder::Price => "the price must be above zero",
            InvalidOrder::StopPrice => {
                "the stop price must be above zero, at most the price to buy, and at least the price to sell"
            }
            InvalidOrder::TimeInForce => "an order without a limit is immediate-or-cancel or fill-or-kill",
        })
    }
}

impl core::error::Error for InvalidOrder {}

fn positive(decimal: Decimal, otherwise: InvalidOrder) -> Result<(), InvalidOrder> {
    if decimal.is_zero() || decimal.is_negative() { Err(otherwise) } else { Ok(()) }
}

impl NewOrder {
    fn new(
        client_order_id: ClientOrderId,
        symbol: Symbol,
        direction: Direction,
        quantity: Decimal,
        terms: Terms,
    ) -> Result<NewOrder, InvalidOrder> {
        positive(quantity, InvalidOrder::Quantity)?;
        let time_in_force = match terms {
            Terms::Market => TimeInForce::ImmediateOrCancel,
            Terms::Limit { price } | Terms::StopLimit { price, .. } => {
                positive(price, InvalidOrder::Price)?;
                TimeInForce::GoodTillCanceled
            }
        };
        Ok(NewOrder { client_order_id, symbol, direction, quantity, terms, time_in_force, outcome: None })
    }

    /// An order with a limit, good till cancelled.
    ///
    /// # Errors
    ///
    /// [`InvalidOrder`], if quantity or price is not above zero.
    pub fn limit(
        client_order_id: ClientOrderId,
        symbol: Symbol,
        direction: Direction,
        quantity: Decimal,
        price: Decimal,
    ) -> Result<NewOrder, InvalidOrder> {
        NewOrder::new(client_order_id, symbol, direction, quantity, Terms::Limit { price })
    }

    /// An order at any price, immediate-or-cancel.
    ///
    /// # Errors
    ///
    /// [`InvalidOrder`], if the quantity is not above zero.
    pub fn market(
        client_order_id: ClientOrderId,
        symbol: Symbol,
        direction: Direction,
        quantity: Decimal,
    ) -> Result<NewOrder, InvalidOrder> {
        NewOrder::new(client_order_id, symbol, direction, quantity, Terms::Market)
    }

    /// An order that becomes one with a limit when the market gets to the stop price.
    ///
    /// # Errors
    ///
    /// [`InvalidOrder`], if a number is not above zero, or the stop price is on the wrong side of the
    /// price.
    pub fn stop_limit(
        client_order_id: ClientOrderId,
        symbol: Symbol,
        direction: Direction,
        quantity: Decimal,
        stop_price: Decimal,
        price: Decimal,
    ) -> Result<NewOrder, InvalidOrder> {
        let terms = Terms::StopLimit { stop_price, price };
        let order = NewOrder::new(client_order_id, symbol, direction, quantity, terms)?;
        positive(stop_price, InvalidOrder::StopPrice)?;
        let ordered = match direction {
            Direction::Buy => stop_price <= price,
            Direction::Sell => stop_price >= price,
        };
        if ordered { Ok(order) } else { Err(InvalidOrder::StopPrice) }
    }

    /// The same order with another time in force.
    ///
    /// # Errors
    ///
    /// [`InvalidOrder::TimeInForce`], for an order without a limit that would rest.
    pub const fn time_in_force(mut self, time_in_force: TimeInForce) -> Result<NewOrder, InvalidOrder> {
        let rests = matches!(time_in_force, TimeInForce::GoodTillCanceled | TimeInForce::MakerOrCancel);
        if rests && matches!(self.terms, Terms::Market) {
            return Err(InvalidOrder::TimeInForce);
        }
        self.time_in_force = time_in_force;
        Ok(self)
    }

    /// The same order for an outcome of a prediction market.
    #[must_use]
    pub const fn outcome(mut self, outcome: EventOutcome) -> NewOrder {
        self.outcome = Some(outcome);
        self
    }

    /// The client order id.
    pub const fn client_order_id(&self) -> ClientOrderId {
        self.client_order_id
    }

    /// The instrument.
    pub const fn symbol(&self) -> Symbol {
        self.symbol
    }

    /// Whether it buys or sells.
    pub const fn direction(&self) -> Direction {
        self.direction
    }

    /// The quantity, in base units or contracts.
    pub const fn quantity(&self) -> Decimal {
        self.quantity
    }

    /// The limit, if it has one.
    pub const fn price(&self) -> Option<Decimal> {
        match self.terms {
            Terms::Market => None,
            Terms::Limit { price } | Terms::StopLimit { price, .. } => Some(price),
        }
    }

    pub(crate) const fn parts(&self) -> (Terms, TimeInForce, Option<EventOutcome>) {
        (self.terms, self.time_in_force, self.outcome)
    }
}

impl fmt::Display for Direction {
    /// As the venue spells it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::Buy => "BUY",
            Direction::Sell => "SELL",
        })
    }
}

impl fmt::Display for TimeInForce {
    /// As the venue spells it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TimeInForce::GoodTillCanceled => "GTC",
            TimeInForce::ImmediateOrCancel => "IOC",
            TimeInForce::FillOrKill => "FOK",
            TimeInForce::MakerOrCancel => "MOC",
        })
    }
}

impl fmt::Display for EventOutcome {
    /// As the venue spells it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EventOutcome::Yes => "YES",
            EventOutcome::No => "NO",
        })
    }
}

/// An order's id of the client's making, kept inline: 1 to 36 printable ASCII characters without
/// blanks ([length](crate::protocol::quirks#length-of-client-order-ids)). Use a fresh one for each order: the venue
/// does not promise to refuse one that was used before.
///
/// ```
/// use gemini_ws::ClientOrderId;
///
/// let id: ClientOrderId = "my-order-1".parse().unwrap();
/// assert_eq!(id.as_str(), "my-order-1");
/// assert!("".parse::<ClientOrderId>().is_err());
/// ```
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClientOrderId {
    bytes: [u8; ClientOrderId::LENGTH_MAX],
    length: u8,
}

impl ClientOrderId {
    /// The longest id, in bytes.
    pub const LENGTH_MAX: usize = 36;

    /// The id as text.
    pub fn as_str(&self) -> &str {
        let text = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        // Only ASCII gets in.
        str::from_utf8(text).unwrap_or("")
    }
}

impl FromStr for ClientOrderId {
    type Err = InvalidClientOrderId;

    /// Takes 1 to 36 printable ASCII characters without blanks.
    ///
    /// # Errors
    ///
    /// [`InvalidClientOrderId`] for anything else.
    fn from_str(text: &str) -> Result<ClientOrderId, InvalidClientOrderId> {
        let mut bytes = [0; ClientOrderId::LENGTH_MAX];
        let room = bytes.get_mut(..text.len()).ok_or(InvalidClientOrderId)?;
        room.copy_from_slice(text.as_bytes());
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidClientOrderId);
        }
        Ok(ClientOrderId { bytes, length: u8::try_from(text.len()).map_err(|_| InvalidClientOrderId)? })
    }
}

impl fmt::Debug for ClientOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl fmt::Display for ClientOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for ClientOrderId {
    /// As text.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A text that is no [`ClientOrderId`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InvalidClientOrderId;

impl fmt::Display for InvalidClientOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let max = ClientOrderId::LENGTH_MAX;
        write!(f, "a client order id has 1 to {max} printable ASCII characters without blanks")
    }
}

impl core::error::Error for InvalidClientOrderId {}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn wrong_orders_are_not_made() {
        use Direction::{Buy, Sell};
        let (id, symbol) = ("a".parse().unwrap(), "btcusd".parse().unwrap());
        let limit = |quantity, price| NewOrder::limit(id, symbol, Buy, decimal(quantity), decimal(price));
        let stop = |direction, stop, price| {
            NewOrder::stop_limit(id, symbol, direction, decimal("1"), decimal(stop), decimal(price))
        };
        let market = |time_in_force| {
            NewOrder::market(id, symbol, Sell, decimal("1"))
                .and_then(|order| order.time_in_force(time_in_force))
        };
        let table = [
            (limit("1", "2"), None),
            (limit("0.00", "2"), Some(InvalidOrder::Quantity)),
            (limit("-1", "2"), Some(InvalidOrder::Quantity)),
            (limit("1", "0"), Some(InvalidOrder::Price)),
            (stop(Buy, "99", "100"), None),
            (stop(Buy, "100", "100"), None),
            (stop(Buy, "101", "100"), Some(InvalidOrder::StopPrice)),
            (stop(Sell, "101", "100"), None),
            (stop(Sell, "99", "100"), Some(InvalidOrder::StopPrice)),
            (stop(Buy, "0", "100"), Some(InvalidOrder::StopPrice)),
            (market(TimeInForce::FillOrKill), None),
            (market(TimeInForce::MakerOrCancel), Some(InvalidOrder::TimeInForce)),
        ];
        for (position, (order, wrong)) in table.into_iter().enumerate() {
            assert_eq!(order.err(), wrong, "row {position}");
        }
    }

    #[test]
    fn client_order_ids() {
        for (text, valid) in
            [("a", true), ("A-b_c.#:\"\\", true), (&"x".repeat(36), true), (&"x".repeat(37), false)]
                .into_iter()
                .chain([("", false), ("a b", false), ("é", false), ("a\n", false)])
        {
            assert_eq!(text.parse::<ClientOrderId>().is_ok(), valid, "{text}");
        }
    }
}
