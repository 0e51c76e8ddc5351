//! [`OrderRef`] and [`Reconciled`]: which order to reconcile, and the venue's answer about it.

use alloc::string::String;
use core::cmp::Ordering;

use crate::request::new_order::ClientOrderId;
use crate::state::order_state::OrderState;
use crate::value::decimal::Decimal;
use crate::value::id::RequestId;
use crate::value::side::Side;
use crate::value::symbol::Symbol;

/// A reference to an order: the venue's id, the client order id, both ids, or the request.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum OrderRef<'a> {
    /// The venue's id.
    OrderId(u64),
    /// The client order id. If several orders have the id, `ClientOrderId` refers to the newest of these orders.
    /// [`Orders::reconcile`](crate::Orders::reconcile) considers only orders in doubt: there `ClientOrderId` refers
    /// to the order with the venue's id in the answer, or else to the newest order without a venue's id.
    ClientOrderId(&'a str),
    /// The request that placed the order.
    Request(RequestId),
    /// Both ids, as a list of orders contains them. `Listed` refers to the order with this `order_id`. If no order
    /// has this `order_id`, `Listed` refers to the order to which [`ClientOrderId`](OrderRef::ClientOrderId) refers.
    /// The list says nothing about other orders with this `client_order_id`.
    Listed {
        /// The venue's id.
        order_id: u64,
        /// The client order id.
        client_order_id: &'a str,
    },
}

impl From<RequestId> for OrderRef<'_> {
    fn from(request: RequestId) -> Self {
        OrderRef::Request(request)
    }
}

impl From<u64> for OrderRef<'_> {
    fn from(id: u64) -> Self {
        OrderRef::OrderId(id)
    }
}

impl<'a> From<&'a str> for OrderRef<'a> {
    fn from(id: &'a str) -> Self {
        OrderRef::ClientOrderId(id)
    }
}

impl<'a> From<&'a String> for OrderRef<'a> {
    fn from(id: &'a String) -> Self {
        OrderRef::ClientOrderId(id)
    }
}

/// The venue's answer about an order. [`Orders::reconcile`](crate::Orders::reconcile) says when it uses an answer
/// whose terms differ from those of the order.
///
/// ```
/// use gemini_ws::{OrderState, Reconciled};
///
/// let mut found = Reconciled::new(77, OrderState::Open, "0".parse()?);
/// assert_eq!(found.symbol, None);
/// found.symbol = Some("btcusd".parse().unwrap());
/// # Ok::<(), gemini_ws::DecimalError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Reconciled {
    /// The venue's id.
    pub order_id: u64,
    /// The state of the order.
    pub state: OrderState,
    /// The executed quantity.
    pub executed: Decimal,
    /// The client order id; `None` if the answer contains none, or one that [`ClientOrderId`] cannot hold.
    pub client_order_id: Option<ClientOrderId>,
    /// The instrument, if the answer contains it.
    pub symbol: Option<Symbol>,
    /// Whether the order buys or sells, if the answer says so.
    pub side: Option<Side>,
    /// The ordered quantity, if the answer contains it.
    pub quantity: Option<Decimal>,
    /// The limit price, if the answer contains it. `None` and zero say nothing about the price.
    pub price: Option<Decimal>,
}

impl Reconciled {
    /// Creates an answer without terms.
    pub const fn new(order_id: u64, state: OrderState, executed: Decimal) -> Reconciled {
        let (client_order_id, symbol, side, quantity, price) = (None, None, None, None, None);
        Reconciled { order_id, state, executed, client_order_id, symbol, side, quantity, price }
    }

    /// Returns whether the answer contradicts itself or the `known` ordered quantity.
    pub(in crate::state) fn is_impossible(&self, known: Option<Decimal>) -> bool {
        let excess = self.quantity.or(known).map(|quantity| self.executed.cmp(&quantity));
        self.order_id == 0
            || match self.state {
                OrderState::Filled => excess == Some(Ordering::Less),
                state if state.is_final() => false,
                // An order of which nothing remains is not open.
                _ if self.executed.is_zero() => excess == Some(Ordering::Greater),
                _ => excess.is_some_and(Ordering::is_ge),
            }
    }
}
