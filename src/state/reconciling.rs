//! The question what became of an order, and the venue's answer.

use alloc::string::String;

use crate::state::order_state::OrderState;
use crate::value::decimal::Decimal;
use crate::value::id::RequestId;

/// Names an order: by the venue's id, by the client's, or by its request.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum OrderRef<'a> {
    /// The venue's id.
    OrderId(u64),
    /// The client's id: the newest order that has it.
    ClientOrderId(&'a str),
    /// The request that placed it.
    Request(RequestId),
    /// Both ids, as in a list of orders: by the venue's id if that is known, otherwise by the client's. Such a list says
    /// nothing of other orders that have the same client order id.
    Listed {
        /// The venue's id.
        order_id: u64,
        /// The client's id.
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

/// The answer of the venue to the question what became of an order.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Reconciled {
    /// The venue's id.
    pub order_id: u64,
    /// What the order has come to.
    pub state: OrderState,
    /// How much of it was executed.
    pub executed: Decimal,
}
