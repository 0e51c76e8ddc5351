//! [`Ticket`] and [`Execution`]: a client's order, and a match of such an order.

use crate::model::engine::{OrderId, Owner, Remainder, Side};

/// An order that is submitted to the market. `limit`, the worst price that it accepts, and `quantity` are integers in
/// units of the last decimal of the instrument's prices and quantities.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    pub(crate) position: usize,
    pub(crate) owner: Owner,
    pub(crate) side: Side,
    pub(crate) limit: u64,
    pub(crate) quantity: u64,
    pub(crate) remainder: Remainder,
}

/// A match in which a client's order was maker or taker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Execution {
    pub(crate) position: usize,
    pub(crate) maker: OrderId,
    pub(crate) maker_owner: Owner,
    pub(crate) price: u64,
    pub(crate) quantity: u64,
    pub(crate) trade_id: u64,
}
