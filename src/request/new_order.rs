//! [`NewOrder`]: an order to place.

use core::convert::Infallible;
use core::fmt;

use crate::value::decimal::{Decimal, DecimalError};
use crate::value::inline::{Inline, inline_name};
use crate::value::print;
use crate::value::side::Side;
use crate::value::symbol::{InvalidSymbol, Symbol};

/// An order to place ([placing and cancelling](crate::protocol::streams#placing-and-cancelling)).
///
/// Each order has a client order id. If no reply to the request comes, ask REST about the order by this id.
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

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub(crate) enum Terms {
    Market,
    Limit { price: Decimal },
    StopLimit { stop_price: Decimal, price: Decimal },
}

/// How long an order remains open.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum TimeInForce {
    /// `GTC`: the order remains open until it is executed or cancelled.
    GoodTillCanceled,
    /// `IOC`: the venue executes the order at once as far as possible, and cancels the rest.
    ImmediateOrCancel,
    /// `FOK`: the venue executes the whole order at once, or cancels it.
    FillOrKill,
    /// `MOC` (post only): the venue adds the order to the book. If the order would take from the book, the venue
    /// cancels the order instead.
    MakerOrCancel,
}

/// The outcome of a prediction-market contract for which an order is placed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum EventOutcome {
    /// The event happens: `YES`.
    Yes,
    /// The event does not happen: `NO`.
    No,
}

/// The reason why an order is invalid. The venue would refuse such an order.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum InvalidOrder {
    /// The quantity is not positive.
    Quantity,
    /// The price is not positive.
    Price,
    /// The stop price is invalid: it is not positive, it is above the limit price of an order to buy, or it is below
    /// the limit price of an order to sell.
    StopPrice,
    /// The time in force would let a market order rest in the book, which is impossible.
    TimeInForce,
    /// A text is not a client order id.
    ClientOrderId(InvalidClientOrderId),
    /// A text is not a symbol.
    Symbol(InvalidSymbol),
    /// A text or number is not a decimal.
    Decimal {
        /// The argument, for example `quantity`.
        of: &'static str,
        /// What is wrong with the argument.
        error: DecimalError,
    },
}

impl fmt::Display for InvalidOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            InvalidOrder::ClientOrderId(error) => return error.fmt(f),
            InvalidOrder::Symbol(error) => return error.fmt(f),
            InvalidOrder::Decimal { of, error } => return write!(f, "the {of}: {error}"),
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
        InvalidOrder::Decimal { of: "number", error }
    }
}

impl From<Infallible> for InvalidOrder {
    fn from(never: Infallible) -> InvalidOrder {
        match never {}
    }
}

fn decimal(
    from: impl TryInto<Decimal, Error: Into<InvalidOrder>>,
    of: &'static str,
) -> Result<Decimal, InvalidOrder> {
    from.try_into().map_err(|error| match error.into() {
        InvalidOrder::Decimal { error, .. } => InvalidOrder::Decimal { of, error },
        other => other,
    })
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
        let quantity = decimal(quantity, "quantity")?;
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

    /// Creates a limit order, good till cancelled. Every argument except `side` can be a text.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidOrder`] if the quantity or the price is not positive, or a value cannot be converted.
    pub fn limit(
        client_order_id: impl TryInto<ClientOrderId, Error: Into<InvalidOrder>>,
        symbol: impl TryInto<Symbol, Error: Into<InvalidOrder>>,
        side: Side,
        quantity: impl TryInto<Decimal, Error: Into<InvalidOrder>>,
        price: impl TryInto<Decimal, Error: Into<InvalidOrder>>,
    ) -> Result<NewOrder, InvalidOrder> {
        let price = decimal(price, "price")?;
        NewOrder::new(client_order_id, symbol, side, quantity, Terms::Limit { price })
    }

    /// Creates a market order, immediate-or-cancel. Every argument except `side` can be a text.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidOrder`] if the quantity is not positive, or a value cannot be converted.
    pub fn market(
        client_order_id: impl TryInto<ClientOrderId, Error: Into<InvalidOrder>>,
        symbol: impl TryInto<Symbol, Error: Into<InvalidOrder>>,
        side: Side,
        quantity: impl TryInto<Decimal, Error: Into<InvalidOrder>>,
    ) -> Result<NewOrder, InvalidOrder> {
        NewOrder::new(client_order_id, symbol, side, quantity, Terms::Market)
    }

    /// Creates an order that becomes a limit order when the market reaches the stop price. Every argument
    /// except `side` can be a text.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidOrder`] if
    ///
    /// - the quantity, the price or the stop price is not positive,
    /// - the stop price is above the limit price of an order to buy,
    /// - the stop price is below the limit price of an order to sell,
    /// - a value cannot be converted.
    pub fn stop_limit(
        client_order_id: impl TryInto<ClientOrderId, Error: Into<InvalidOrder>>,
        symbol: impl TryInto<Symbol, Error: Into<InvalidOrder>>,
        side: Side,
        quantity: impl TryInto<Decimal, Error: Into<InvalidOrder>>,
        stop_price: impl TryInto<Decimal, Error: Into<InvalidOrder>>,
        price: impl TryInto<Decimal, Error: Into<InvalidOrder>>,
    ) -> Result<NewOrder, InvalidOrder> {
        let stop_price = decimal(stop_price, "stop price")?;
        let price = decimal(price, "price")?;
        let terms = Terms::StopLimit { stop_price, price };
        let order = NewOrder::new(client_order_id, symbol, side, quantity, terms)?;
        positive(stop_price, InvalidOrder::StopPrice)?;
        let ordered = match side {
            Side::Buy => stop_price <= price,
            Side::Sell => stop_price >= price,
        };
        if ordered { Ok(order) } else { Err(InvalidOrder::StopPrice) }
    }

    /// Sets the time in force.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidOrder::TimeInForce`] for a market order with a time in force under which an order rests in
    /// the book: `GoodTillCanceled` or `MakerOrCancel`.
    pub const fn time_in_force(mut self, time_in_force: TimeInForce) -> Result<NewOrder, InvalidOrder> {
        let rests = matches!(time_in_force, TimeInForce::GoodTillCanceled | TimeInForce::MakerOrCancel);
        if rests && matches!(self.terms, Terms::Market) {
            return Err(InvalidOrder::TimeInForce);
        }
        self.time_in_force = time_in_force;
        Ok(self)
    }

    /// Sets the outcome, for an order in a prediction market.
    #[must_use]
    pub const fn outcome(mut self, outcome: EventOutcome) -> NewOrder {
        self.outcome = Some(outcome);
        self
    }

    /// Returns the client order id.
    pub const fn client_order_id(&self) -> ClientOrderId {
        self.client_order_id
    }

    /// Returns the instrument.
    pub const fn symbol(&self) -> Symbol {
        self.symbol
    }

    /// Returns the side of the order.
    pub const fn side(&self) -> Side {
        self.side
    }

    /// Returns the quantity, in base units or contracts.
    pub const fn quantity(&self) -> Decimal {
        self.quantity
    }

    /// Returns the limit price, if there is one.
    pub const fn price(&self) -> Option<Decimal> {
        match self.terms {
            Terms::Market => None,
            Terms::Limit { price } | Terms::StopLimit { price, .. } => Some(price),
        }
    }

    /// Returns the stop price, if there is one.
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

/// An id that the application chooses for an order: 1 to 36 printable ASCII characters without blanks
/// ([length](crate::protocol::quirks#length-of-client-order-ids)), stored without an allocation.
///
/// Use a new id for each order: the venue does not promise to refuse an id that was used before.
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
    /// The length of the longest id, in bytes.
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
