//! [`NewOrder`]: an order to be placed.

use core::convert::Infallible;
use core::fmt;

use crate::value::decimal::{Decimal, DecimalError};
use crate::value::inline::{Inline, inline_name};
use crate::value::print;
use crate::value::side::Side;
use crate::value::symbol::{InvalidSymbol, Symbol};

/// An order to be placed ([placing and cancelling](crate::protocol::streams#placing-and-cancelling)).
///
/// Its client order id is what it is found by when no answer comes, so there is none without.
///
/// ```
/// use gemini_ws::{NewOrder, Request, Side, TimeInForce};
///
/// let order = NewOrder::limit("my-order-2", "btcusd", Side::Sell, "0.1", "45001.00")?
///     .time_in_force(TimeInForce::MakerOrCancel)?;
/// assert_eq!(
///     Request::PlaceOrder(order).encode_with_text_id("11"),
///     r#"{"id":"11","method":"order.place","params":{"symbol":"btcusd","side":"SELL","type":"LIMIT","timeInForce":"MOC","price":"45001.00","quantity":"0.1","clientOrderId":"my-order-2"}}"#,
/// );
/// # Ok::<(), gemini_ws::InvalidOrder>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct NewOrder {
    client_order_id: ClientOrderId,
    symbol: Symbol,
    side: Side,
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

/// How long an order stays.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum EventOutcome {
    /// `YES`
    Yes,
    /// `NO`
    No,
}

/// Why an order cannot be made; the venue would refuse it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
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
    /// A text is no client order id.
    ClientOrderId(InvalidClientOrderId),
    /// A text is no symbol.
    Symbol(InvalidSymbol),
    /// A text or a number is no decimal.
    Decimal(DecimalError),
}

impl fmt::Display for InvalidOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            InvalidOrder::ClientOrderId(error) => return error.fmt(f),
            InvalidOrder::Symbol(error) => return error.fmt(f),
            InvalidOrder::Decimal(error) => return error.fmt(f),
            InvalidOrder::Quantity => "the quantity must be above zero",
            InvalidOrder::Price => "the price must be above zero",
            InvalidOrder::StopPrice => {
                "the stop price must be above zero, at most the price to buy, and at least the price to sell"
            }
            InvalidOrder::TimeInForce => "an order without a limit is immediate-or-cancel or fill-or-kill",
        };
        f.write_str(text)
    }
}

impl core::error::Error for InvalidOrder {}

impl From<InvalidClientOrderId> for InvalidOrder {
    fn from(error: InvalidClientOrderId) -> InvalidOrder {
        InvalidOrder::ClientOrderId(error)
    }
}

impl From<InvalidSymbol> for InvalidOrder {
    fn from(error: InvalidSymbol) -> InvalidOrder {
        InvalidOrder::Symbol(error)
    }
}

impl From<DecimalError> for InvalidOrder {
    fn from(error: DecimalError) -> InvalidOrder {
        InvalidOrder::Decimal(error)
    }
}

impl From<Infallible> for InvalidOrder {
    fn from(never: Infallible) -> InvalidOrder {
        match never {}
    }
}

fn positive(decimal: Decimal, otherwise: InvalidOrder) -> Result<(), InvalidOrder> {
    if decimal.is_zero() || decimal.is_negative() { Err(otherwise) } else { Ok(()) }
}

impl NewOrder {
    fn new(
        client_order_id: impl TryInto<ClientOrderId, Error: Into<InvalidOrder>>,
        symbol: impl TryInto<Symbol, Error: Into<InvalidOrder>>,
        side: Side,
        quantity: impl TryInto<Decimal, Error: Into<InvalidOrder>>,
        terms: Terms,
    ) -> Result<NewOrder, InvalidOrder> {
        let client_order_id = client_order_id.try_into().map_err(Into::into)?;
        let symbol = symbol.try_into().map_err(Into::into)?;
        let quantity = quantity.try_into().map_err(Into::into)?;
        positive(quantity, InvalidOrder::Quantity)?;
        let time_in_force = match terms {
            Terms::Market => TimeInForce::ImmediateOrCancel,
            Terms::Limit { price } | Terms::StopLimit { price, .. } => {
                positive(price, InvalidOrder::Price)?;
                TimeInForce::GoodTillCanceled
            }
        };
        Ok(NewOrder { client_order_id, symbol, side, quantity, terms, time_in_force, outcome: None })
    }

    /// Makes an order with a limit, good till cancelled. Each value may be given as text.
    ///
    /// # Errors
    ///
    /// [`InvalidOrder`], if quantity or price is not above zero, or a text is not what it should be.
    pub fn limit(
        client_order_id: impl TryInto<ClientOrderId, Error: Into<InvalidOrder>>,
        symbol: impl TryInto<Symbol, Error: Into<InvalidOrder>>,
        side: Side,
        quantity: impl TryInto<Decimal, Error: Into<InvalidOrder>>,
        price: impl TryInto<Decimal, Error: Into<InvalidOrder>>,
    ) -> Result<NewOrder, InvalidOrder> {
        let price = price.try_into().map_err(Into::into)?;
        NewOrder::new(client_order_id, symbol, side, quantity, Terms::Limit { price })
    }

    /// Makes an order at any price, immediate-or-cancel. Each value may be given as text.
    ///
    /// # Errors
    ///
    /// [`InvalidOrder`], if the quantity is not above zero, or a text is not what it should be.
    pub fn market(
        client_order_id: impl TryInto<ClientOrderId, Error: Into<InvalidOrder>>,
        symbol: impl TryInto<Symbol, Error: Into<InvalidOrder>>,
        side: Side,
        quantity: impl TryInto<Decimal, Error: Into<InvalidOrder>>,
    ) -> Result<NewOrder, InvalidOrder> {
        NewOrder::new(client_order_id, symbol, side, quantity, Terms::Market)
    }

    /// Makes an order that becomes one with a limit when the market gets to the stop price. Each value may be given
    /// as text.
    ///
    /// # Errors
    ///
    /// [`InvalidOrder`], if a number is not above zero, the stop price is on the wrong side of the price, or a text is
    /// not what it should be.
    pub fn stop_limit(
        client_order_id: impl TryInto<ClientOrderId, Error: Into<InvalidOrder>>,
        symbol: impl TryInto<Symbol, Error: Into<InvalidOrder>>,
        side: Side,
        quantity: impl TryInto<Decimal, Error: Into<InvalidOrder>>,
        stop_price: impl TryInto<Decimal, Error: Into<InvalidOrder>>,
        price: impl TryInto<Decimal, Error: Into<InvalidOrder>>,
    ) -> Result<NewOrder, InvalidOrder> {
        let stop_price = stop_price.try_into().map_err(Into::into)?;
        let price = price.try_into().map_err(Into::into)?;
        let terms = Terms::StopLimit { stop_price, price };
        let order = NewOrder::new(client_order_id, symbol, side, quantity, terms)?;
        positive(stop_price, InvalidOrder::StopPrice)?;
        let ordered = match side {
            Side::Buy => stop_price <= price,
            Side::Sell => stop_price >= price,
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
    pub const fn side(&self) -> Side {
        self.side
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

    /// The stop price, if it has one.
    pub const fn stop_price(&self) -> Option<Decimal> {
        match self.terms {
            Terms::StopLimit { stop_price, .. } => Some(stop_price),
            Terms::Market | Terms::Limit { .. } => None,
        }
    }

    pub(crate) const fn parts(&self) -> (Terms, TimeInForce, Option<EventOutcome>) {
        (self.terms, self.time_in_force, self.outcome)
    }
}

impl fmt::Display for TimeInForce {
    /// As the venue spells it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::name(
            f,
            match self {
                TimeInForce::GoodTillCanceled => "GTC",
                TimeInForce::ImmediateOrCancel => "IOC",
                TimeInForce::FillOrKill => "FOK",
                TimeInForce::MakerOrCancel => "MOC",
            },
        )
    }
}

impl fmt::Display for EventOutcome {
    /// As the venue spells it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::name(
            f,
            match self {
                EventOutcome::Yes => "YES",
                EventOutcome::No => "NO",
            },
        )
    }
}

/// An order's id of the client's making, kept inline: 1 to 36 printable ASCII characters without
/// blanks ([length](crate::protocol::quirks#length-of-client-order-ids)). Use a fresh one for each order: the venue
/// does not promise to refuse one that was used before.
///
/// ```
/// use gemini_ws::{ClientOrderId, NameFault};
///
/// let id: ClientOrderId = "my-order-1".parse().unwrap();
/// assert_eq!(id.as_str(), "my-order-1");
/// assert_eq!("my order".parse::<ClientOrderId>().unwrap_err().fault(), NameFault::Character { offset: 2 });
/// ```
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClientOrderId(Inline<{ ClientOrderId::LENGTH_MAX }>);

impl ClientOrderId {
    /// The longest id, in bytes.
    pub const LENGTH_MAX: usize = 36;
}

inline_name!(
    ClientOrderId,
    InvalidClientOrderId,
    "a client order id of 1 to 36 printable ASCII characters without blanks",
    |byte| byte.is_ascii_graphic()
);

#[cfg(test)]
#[path = "../../tests/unit/request_new_order.rs"]
mod tests;
