//! [`Placed`]: whether the venue may hold orders of a session.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::ToString;

use crate::event::{Event, RequestOutcome, Verdict};
use crate::message::{OrderStatus, OrderUpdate};
use crate::request::new_order::ClientOrderId;
use crate::request::{Request, Subject};

/// The number of requests whose client order ids [`Placed`] keeps.
const NAMED_MAX: usize = 10_000;

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
    /// The requests to place an order, by their numbers. Beyond [`NAMED_MAX`], those whose order surely ended are
    /// dropped first, then the oldest.
    named: BTreeMap<u64, Named>,
    /// The requests in `named` whose state is `Refused` or `Ended`.
    over: BTreeSet<u64>,
    by_client_order_id: BTreeSet<(ClientOrderId, u64)>,
    by_order_id: BTreeMap<u64, u64>,
}

#[derive(Clone, Copy, Debug)]
struct Named {
    id: ClientOrderId,
    state: State,
    /// The venue's id of the order, from the first event that reports the order as open or rejected.
    order_id: Option<u64>,
    /// Whether more orders than requests have the client order id, so that no event surely reports the end of this
    /// one.
    is_shared: bool,
}

/// What is known about an order that was requested.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// There is no reply yet.
    Sent,
    /// The venue refused the order, or the client did not send the request.
    Refused,
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
                if self.named.len() >= NAMED_MAX {
                    self.drop_one();
                }
                let (request, id) = (id, order.client_order_id());
                self.by_client_order_id.insert((id, request));
                self.named
                    .insert(request, Named { id, state: State::Sent, order_id: None, is_shared: false });
            }
            _ => {}
        }
    }

    fn drop_one(&mut self) {
        let first = self.over.first().or_else(|| self.named.keys().next());
        let Some((request, gone)) = first.copied().and_then(|first| self.named.remove_entry(&first)) else {
            return;
        };
        self.over.remove(&request);
        self.by_client_order_id.remove(&(gone.id, request));
        if let Some(order_id) = gone.order_id {
            self.by_order_id.remove(&order_id);
        }
        if gone.state == State::Placed {
            self.note(request);
        }
    }

    fn set(&mut self, request: u64, state: State) {
        let Some(named) = self.named.get_mut(&request) else { return };
        named.state = state;
        if matches!(state, State::Refused | State::Ended) {
            self.over.insert(request);
        } else {
            self.over.remove(&request);
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
            (Subject::PlaceOrder(_), _) => {
                if self.named.get(&request).is_some_and(|named| named.state == State::Sent) {
                    self.set(request, State::Refused);
                }
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
        match self.named.get(&request).map(|named| named.state) {
            Some(State::Sent) => self.set(request, State::Placed),
            Some(_) => {}
            None => self.note(request),
        }
    }

    /// Notes the orders that an event reports as open or as ended.
    #[cold]
    fn note_orders(&mut self, event: &Event<'_>) {
        for part in event.parts() {
            let Event::Order(update, _) = &part else { continue };
            if let Some(request) = self.request_of(update) {
                self.note_order(request, update);
            }
        }
    }

    /// Returns the request that placed an order. If the venue's id of the order is new, returns the oldest request
    /// with the client order id whose order has no id yet; if there is none, the newest request.
    fn request_of(&self, update: &OrderUpdate<'_>) -> Option<u64> {
        if let Some(request) = self.by_order_id.get(&update.order_id) {
            return Some(*request);
        }
        let id: ClientOrderId = update.client_order_id?.to_string().parse().ok()?;
        let alike = self.by_client_order_id.range((id, 0)..=(id, u64::MAX));
        let alike = alike.filter_map(|(_, request)| Some((*request, self.named.get(request)?)));
        let unnamed = alike.clone().filter(|(_, named)| named.order_id.is_none());
        let first = unnamed.clone().find(|(_, named)| named.state != State::Refused);
        first.or_else(|| unnamed.last()).or_else(|| alike.last()).map(|(request, _)| request)
    }

    /// Notes an event about the order of a request. The application may have used the client order id before, so an
    /// end counts only if it surely is that of this order: an event has reported the order as open, or the order is
    /// rejected.
    fn note_order(&mut self, request: u64, update: &OrderUpdate<'_>) {
        let Some(named) = self.named.get_mut(&request) else { return };
        let is_end = update.status.is_end();
        match named.order_id {
            None if !is_end || update.status == OrderStatus::Rejected => {
                named.order_id = Some(update.order_id);
                self.by_order_id.insert(update.order_id, request);
            }
            known => named.is_shared |= known.is_some_and(|known| known != update.order_id),
        }
        let is_it = named.order_id == Some(update.order_id) && !named.is_shared;
        if !is_end {
            self.set(request, State::Placed);
        } else if is_it {
            self.set(request, State::Ended);
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
        let Placed { last, cancelled, named, .. } = core::mem::take(self);
        last.is_some() || named.iter().any(|(request, it)| it.state == State::Placed && *request > cancelled)
    }
}
