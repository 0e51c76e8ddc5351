//! Opens a ticket of the driver's [`Tickets`] for every order of a life. Each ticket must end once and in bounded
//! time. Its end must be that of the order at the exchange, or it must report that the end is unknown.

#[path = "../../../adapters/driver/src/tickets.rs"]
#[allow(dead_code, unreachable_pub, reason = "the driver uses all of it")]
mod driver;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use gemini_ws::{Event, Instant, Order, OrderRef, OrderState, Orders, RequestId, Subject};

use super::beliefs::{Truth, state_of};
use driver::{DOUBT_TIMEOUT, End, Holder, Tickets};

/// The end that each ticket of a life has reported; `None` if it reported that the end of its order is unknown.
type Ends = Rc<RefCell<BTreeMap<RequestId, Option<(End, Order)>>>>;

struct Noted {
    request: RequestId,
    ends: Ends,
}

impl Noted {
    fn end(&self, end: Option<(End, Order)>) {
        let before = self.ends.borrow_mut().insert(self.request, end);
        assert!(before.is_none(), "R8: the ticket of {:?} ends twice", self.request);
    }
}

impl Holder for Noted {
    fn note(&self, order: &Order, end: Option<End>) {
        if let Some(end) = end {
            self.end(Some((end, order.clone())));
        }
    }

    fn abandon(&self) {
        self.end(None);
    }

    fn is_dropped(&self) -> bool {
        false
    }
}

#[derive(Default)]
pub(super) struct Followed {
    tickets: Tickets<Noted>,
    ends: Ends,
    /// For each order with an open ticket, since when its state is unknown; `None` if it is known that the order
    /// rests.
    unsettled: BTreeMap<RequestId, Option<Instant>>,
}

impl Followed {
    pub(super) fn apply(&mut self, orders: &mut Orders, event: &Event<'_>, now: Instant) {
        if let Event::Requested { request, about: Subject::PlaceOrder(_), .. } = *event {
            self.tickets.open(request, Noted { request, ends: Rc::clone(&self.ends) });
            self.unsettled.insert(request, Some(now));
        }
        for change in orders.apply(event) {
            self.tickets.note(change.order, now);
        }
        self.check(orders, now);
    }

    pub(super) fn take_answers(&mut self, orders: &Orders, now: Instant) {
        orders.iter().for_each(|order| self.tickets.note(order, now));
        self.check(orders, now);
    }

    /// Lets the tickets handle their timeouts. Checks that the ticket of an order is not open if the order is final
    /// and not in doubt, or if the order has been in doubt for `DOUBT_TIMEOUT`.
    pub(super) fn check(&mut self, orders: &Orders, now: Instant) {
        self.tickets.handle_timeout(now);
        let ends = self.ends.borrow();
        self.unsettled.retain(|request, _| !ends.contains_key(request));
        for (request, since) in &mut self.unsettled {
            let order = orders.get(OrderRef::Request(*request));
            let order = order.unwrap_or_else(|| panic!("R8: {request:?} has a ticket and no order"));
            let is_told =
                !matches!(order.state, OrderState::Sent | OrderState::Acknowledged | OrderState::Unknown);
            if is_told && !order.needs_reconciling() {
                assert!(!order.state.is_final(), "R8: over, and its ticket is open: {order:?}");
                *since = None;
            } else {
                let since = *since.get_or_insert(now);
                assert!(
                    now < since + DOUBT_TIMEOUT,
                    "R8: in doubt since {since:?}, and its ticket is open: {order:?}"
                );
            }
        }
    }

    pub(super) fn compare(&self, truth: &Truth) {
        for (end, order) in self.ends.borrow().values().flatten() {
            let Some(entry) = order.order_id.and_then(|id| truth.order(id)) else {
                assert_eq!(*end, End::Rejected, "R8: the exchange has no {order:?}");
                continue;
            };
            let is_same = match end {
                End::Filled => state_of(entry) == OrderState::Filled,
                End::Canceled => state_of(entry) == OrderState::Canceled,
                End::Rejected => state_of(entry) == OrderState::Rejected,
            };
            assert!(
                is_same && order.executed() == entry.executed_quantity,
                "R8: {end:?} {order:?}\n{entry:?}"
            );
        }
    }
}
