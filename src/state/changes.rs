//! [`OrderChanges`]: the orders that an event changed.

use alloc::collections::BTreeMap;

use crate::state::fill::OrderFill;
use crate::state::order::Order;
use crate::state::order_state::OrderState;
use crate::state::truth::StaleReason;
use crate::value::decimal::Decimal;

/// What was known about an order before a change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Known {
    /// The known state of the order.
    pub state: OrderState,
    /// The executed quantity.
    pub executed: Decimal,
    /// The reason why the order was in doubt; `None` if it was not.
    pub doubt: Option<StaleReason>,
    /// Whether the venue had accepted a request to cancel the order.
    pub cancel_accepted: bool,
}

impl Known {
    pub(super) fn of(order: &Order) -> Known {
        Known {
            state: order.state,
            executed: order.executed(),
            doubt: order.doubt(),
            cancel_accepted: order.cancel_accepted,
        }
    }
}

/// A change of an order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OrderChange<'o> {
    /// What was known before the change; `None` if the order is new.
    pub before: Option<Known>,
    /// The order after the whole event, even if the event changed the order several times.
    pub order: &'o Order,
    /// The fill that the change added; `None` if it added none.
    pub fill: Option<&'o OrderFill>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Recorded {
    pub(super) key: u64,
    pub(super) before: Option<Known>,
    pub(super) fill: Option<usize>,
}

/// An iterator over the changes that one event made to orders, from [`Orders::apply`](crate::Orders::apply).
#[derive(Clone, Debug)]
pub struct OrderChanges<'o> {
    orders: &'o BTreeMap<u64, Order>,
    /// The changes that were not returned yet. Changes of orders that the event has removed are skipped.
    rest: core::slice::Iter<'o, Recorded>,
}

impl<'o> OrderChanges<'o> {
    pub(super) fn new(orders: &'o BTreeMap<u64, Order>, changes: &'o [Recorded]) -> OrderChanges<'o> {
        OrderChanges { orders, rest: changes.iter() }
    }

    /// Returns whether the iterator has no further changes.
    pub fn is_empty(&self) -> bool {
        self.clone().next().is_none()
    }
}

impl<'o> Iterator for OrderChanges<'o> {
    type Item = OrderChange<'o>;

    fn next(&mut self) -> Option<OrderChange<'o>> {
        let orders = self.orders;
        self.rest.find_map(|change| {
            let order = orders.get(&change.key)?;
            let fill = change.fill.and_then(|place| order.fills.get(place));
            Some(OrderChange { before: change.before, order, fill })
        })
    }
}
