//! Orders that only REST lists.

use gemini_ws::{Moment, OrderRef, Reconciled};

use crate::keeper::Keeper;

impl Keeper {
    /// Adds an open order that only REST lists: [`Orders::add_listed`](gemini_ws::Orders::add_listed).
    pub fn add_listed<'a>(&mut self, of: impl Into<OrderRef<'a>>, found: Reconciled, asked: Moment) -> bool {
        self.orders.add_listed(of, found, asked)
    }
}
