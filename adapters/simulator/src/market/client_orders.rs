//! [`Ticket`] and [`Execution`]: what a client's order brings to the market, and what comes of it.

use crate::model::engine::{OrderId, Owner, Remainder, Side};

/// An order as the market takes it, in units of the last decimals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    /// The position of the symbol.
    pub(crate) position: usize,
    pub(crate) owner: Owner,
    pub(crate) side: Side,
    pub(crate) limit: u64,
    pub(crate) quantity: u64,
    pub(crate) remainder: Remainder,
}

/// A match in which a client's order had a part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Execution {
    pub(crate) position: usize,
    pub(crate) maker: OrderId,
    pub(crate) maker_owner: Owner,
    pub(crate) price: u64,
    pub(crate) quantity: u64,
    pub(crate) trade_id: u64,
}
