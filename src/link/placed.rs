//! [`Placed`]: whether the venue may hold orders of a session.

use alloc::collections::VecDeque;

use crate::event::{Event, RequestOutcome, Verdict};
use crate::message::{OrderStatus, OrderUpdate};
use crate::request::new_order::ClientOrderId;
use crate::request::{Request, Subject};

/// The number of requests whose client order ids [`Placed`] keeps.
const NAMED_MAX: usize = 256;

/// For one session: the requests that may have placed an order which has not ended, and the newest request that
/// cancelled all orders.
///
/// An order that was not sent, that the venue refused, or that an event reports as ended, does not count: there is
/// nothing to cancel. But if a later event reports such an order as open, the order counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Placed {
    /// The newest request that may have placed an order, among those that are not in `named`.
    last: Option<u64>,
    cancelled: u64,
    /// The newest requests to place an order, in the order of their numbers.
    named: VecDeque<Named>,
}

#[derive(Clone, Copy, Debug)]
struct Named {
    request: u64,
    id: ClientOrderId,
    state: State,
    /// The venue's id of the order, from the newest event that reports the order as open.
    order_id: Option<u64>,
    /// Whether several orders have the client order id, so that no event surely reports the end of this one.
    is_shared: bool,
}

/// What is known about an order that was requested.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// There is no reply yet, or the venue refused the order.
    Unplaced,
    /// The venue may hold the order.
    Placed,
    /// An event has reported the end of the order.
    Ended,
}

impl Placed {
    /// Notes a request that may have placed an order. A request before the last cancellation does not count, on the
    /// assumption that the venue handles the requests of a session in their order.
    pub(super) fn note(&mut self, request: u64) {
        if request > self.cancelled {
            self.last = self.last.max(Some(request));
        }
    }

    /// Notes a request of the application. Keeps the client order id of a new order. A raw request counts at once as
    /// a request that may have placed an order.
    pub(super) fn note_request(&mut self, id: u64, request: &Request) {
        match request {
            Request::Raw(_) => self.note(id),
            Request::PlaceOrder(order) => {
                if self.named.len() >= NAMED_MAX
                    && let Some(oldest) = self.named.pop_front()
                    && oldest.state == State::Placed
                {
                    self.note(oldest.request);
                }
                let (request, id) = (id, order.client_order_id());
                let is_shared = self.named.iter().any(|named| named.id == id);
                let (state, order_id) = (State::Unplaced, None);
                self.named.push_back(Named { request, id, state, order_id, is_shared });
            }
            _ => {}
        }
    }

    #[inline]
    pub(super) fn note_event(&mut self, event: &Event<'_>) {
        match event {
            Event::Reply { request, about, outcome, .. } => self.note_reply(request.get(), about, outcome),
            Event::Order(..) | Event::Batch(..) if !self.named.is_empty() => self.note_orders(event),
            _ => {}
        }
    }

    fn note_reply(&mut self, request: u64, about: &Subject, outcome: &RequestOutcome<'_>) {
        match (about, outcome.verdict()) {
            (Subject::PlaceOrder(_), Verdict::Accepted(_) | Verdict::Unknown) => {
                self.note_placed(request);
            }
            (Subject::CancelSessionOrders | Subject::CancelAllOrders, Verdict::Accepted(_)) => {
                self.cancelled = self.cancelled.max(request);
                self.last = self.last.filter(|order| *order > request);
            }
            _ => {}
        }
    }

    /// Notes that a request may have placed an order. An event may have reported the end of the order already.
    fn note_placed(&mut self, request: u64) {
        match self.named.iter_mut().find(|named| named.request == request) {
            Some(named) if named.state == State::Unplaced => named.state = State::Placed,
            Some(_) => {}
            None => self.note(request),
        }
    }

    /// Notes the orders that an event reports as open or as ended.
    #[cold]
    fn note_orders(&mut self, event: &Event<'_>) {
        for part in event.parts() {
            let Event::Order(update, _) = &part else { continue };
            let Some(told) = update.client_order_id else { continue };
            let named = self.named.iter_mut().rev().find(|named| told == *named.id.as_str());
            named.into_iter().for_each(|named| named.note(update));
        }
    }

    /// Notes a request that got no reply. If the request was to place an order, the venue may hold this order.
    pub(super) fn note_unanswered(&mut self, request: u64, about: &Subject) {
        if matches!(about, Subject::PlaceOrder(_)) {
            self.note_placed(request);
        }
    }

    /// Resets the value for the next session. Returns whether the session that has ended may have left orders at the
    /// venue.
    pub(super) fn end(&mut self) -> bool {
        let Placed { last, cancelled, named } = core::mem::take(self);
        last.is_some() || named.iter().any(|it| it.state == State::Placed && it.request > cancelled)
    }
}

impl Named {
    /// Notes an event about an order with this client order id. The application may have used the id before, so an
    /// end counts only if it surely is that of this order: an event has reported the order as open, or the order is
    /// rejected.
    fn note(&mut self, update: &OrderUpdate<'_>) {
        self.is_shared |= self.order_id.is_some_and(|known| known != update.order_id);
        if !update.status.is_end() {
            (self.state, self.order_id) = (State::Placed, Some(update.order_id));
        } else if !self.is_shared && (self.order_id.is_some() || update.status == OrderStatus::Rejected) {
            self.state = State::Ended;
        }
    }
}
