//! [`Placed`]: which sessions may have left orders at the venue.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::event::{Event, RequestOutcome, Verdict};
use crate::message::{OrderStatus, OrderUpdate};
use crate::request::new_order::ClientOrderId;
use crate::request::{Request, Subject};
use crate::value::id::LinkId;

/// The number of requests whose client order ids [`Placed`] keeps.
const NAMED_MAX: usize = 10_000;

/// For all sessions of a client: the requests that may have placed an order which has not ended. Each connection is a
/// session.
///
/// An order that was not sent, that the venue refused, or that an event over any link to the endpoint reports as
/// ended, does not count: there is nothing to cancel. But if a later event reports such an order as open, the order
/// counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Placed {
    /// The sessions that have not ended.
    sessions: BTreeMap<LinkId, Session>,
    /// How many sessions have ended and may have left orders that are not in `named`.
    left: usize,
    /// The requests to place an order, by their numbers. Beyond [`NAMED_MAX`], those of orders that were refused or
    /// have ended are dropped first, then the oldest.
    named: BTreeMap<u64, Named>,
    /// The requests in `named` whose state is `Refused` or `Ended`.
    over: BTreeSet<u64>,
    /// The requests in `named`, by the number of the endpoint and the client order id.
    by_client_order_id: BTreeSet<(u16, ClientOrderId, u64)>,
    /// The requests in `named`, by the number of the endpoint and the venue's id of the order.
    by_order_id: BTreeMap<(u16, u64), u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Session {
    /// The newest request that may have placed an order, among those that are not in `named`.
    last: Option<u64>,
    /// The newest request that cancelled all orders.
    cancelled: u64,
}

#[derive(Clone, Copy, Debug)]
struct Named {
    link: LinkId,
    id: ClientOrderId,
    state: State,
    /// The venue's id of the order, from the first event that reports the order as open or rejected.
    order_id: Option<u64>,
    /// Whether an order with the client order id may be that of another request, so that no event surely reports the
    /// end of this one.
    is_shared: bool,
    /// Whether the session has ended.
    is_left: bool,
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
    fn note(&mut self, link: LinkId, request: u64) {
        let session = self.sessions.entry(link).or_default();
        if request > session.cancelled {
            session.last = session.last.max(Some(request));
        }
    }

    /// Notes a request of the application. Keeps the client order id of a new order. A raw request counts at once as
    /// a request that may have placed an order.
    pub(super) fn note_request(&mut self, link: LinkId, request: u64, about: &Request) {
        match about {
            Request::Raw(_) => self.note(link, request),
            Request::PlaceOrder(order) => {
                if self.named.len() >= NAMED_MAX {
                    self.drop_one();
                }
                let (id, state) = (order.client_order_id(), State::Sent);
                self.by_client_order_id.insert((link.endpoint(), id, request));
                let named = Named { link, id, state, order_id: None, is_shared: false, is_left: false };
                self.named.insert(request, named);
            }
            _ => {}
        }
    }

    fn drop_one(&mut self) {
        let first = self.over.first().or_else(|| self.named.keys().next()).copied();
        let Some((request, gone)) = first.and_then(|first| Some((first, self.remove(first)?))) else {
            return;
        };
        if gone.state != State::Placed {
            return;
        }
        if gone.is_left {
            self.left = self.left.saturating_add(1);
            self.requests_over(gone.link).into_iter().for_each(|request| _ = self.remove(request));
        } else {
            self.note(gone.link, request);
        }
    }

    fn remove(&mut self, request: u64) -> Option<Named> {
        let gone = self.named.remove(&request)?;
        let endpoint = gone.link.endpoint();
        self.over.remove(&request);
        self.by_client_order_id.remove(&(endpoint, gone.id, request));
        if let Some(order_id) = gone.order_id {
            self.by_order_id.remove(&(endpoint, order_id));
        }
        Some(gone)
    }

    fn requests_over(&self, link: LinkId) -> Vec<u64> {
        self.named.iter().filter(|(_, named)| named.link == link).map(|(request, _)| *request).collect()
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
    pub(super) fn note_event(&mut self, link: LinkId, event: &Event<'_>) {
        match event {
            Event::Reply { request, about, outcome, .. } => {
                self.note_reply(link, request.get(), about, outcome);
            }
            Event::Order(..) | Event::Batch(..) if !self.named.is_empty() => self.note_orders(link, event),
            _ => {}
        }
    }

    fn note_reply(&mut self, link: LinkId, request: u64, about: &Subject, outcome: &RequestOutcome<'_>) {
        match (about, outcome.verdict()) {
            (Subject::PlaceOrder(_), Verdict::Accepted(_) | Verdict::Unknown) => {
                self.note_placed(link, request);
            }
            (Subject::PlaceOrder(_), _) => {
                if self.named.get(&request).is_some_and(|named| named.state == State::Sent) {
                    self.set(request, State::Refused);
                }
            }
            (Subject::CancelSessionOrders | Subject::CancelAllOrders, Verdict::Accepted(_)) => {
                let session = self.sessions.entry(link).or_default();
                session.cancelled = session.cancelled.max(request);
                session.last = session.last.filter(|order| *order > request);
            }
            _ => {}
        }
    }

    /// Notes that a request may have placed an order. An event may have reported the end of the order already.
    fn note_placed(&mut self, link: LinkId, request: u64) {
        match self.named.get(&request).map(|named| named.state) {
            Some(State::Sent) => self.set(request, State::Placed),
            Some(_) => {}
            None => self.note(link, request),
        }
    }

    /// Notes the orders that an event reports as open or as ended.
    #[cold]
    fn note_orders(&mut self, link: LinkId, event: &Event<'_>) {
        for part in event.parts() {
            let Event::Order(update, _) = &part else { continue };
            if let Some(request) = self.request_of(link.endpoint(), update) {
                self.note_order(request, update);
            }
        }
    }

    /// Returns the request that placed an order. If the venue's id of the order is new, returns the oldest request
    /// with the client order id whose order has no id yet; if there is none, the newest request. If these requests are
    /// of several sessions, the order may be that of any of them.
    fn request_of(&mut self, endpoint: u16, update: &OrderUpdate<'_>) -> Option<u64> {
        if let Some(request) = self.by_order_id.get(&(endpoint, update.order_id)) {
            return Some(*request);
        }
        let id: ClientOrderId = update.client_order_id?.to_string().parse().ok()?;
        let alike = self.by_client_order_id.range((endpoint, id, 0)..=(endpoint, id, u64::MAX));
        let alike = alike.filter_map(|(.., request)| Some((*request, self.named.get(request)?)));
        let unnamed = alike.clone().filter(|(_, named)| named.order_id.is_none());
        let open = unnamed.clone().filter(|(_, named)| named.state != State::Refused);
        let first = open.clone().next();
        let chosen = first.or_else(|| unnamed.last()).or_else(|| alike.last()).map(|(request, _)| request);
        let is_of_another =
            |(_, named): &(u64, &Named)| first.is_some_and(|(_, first)| first.link != named.link);
        if open.clone().any(|named| is_of_another(&named)) {
            let open: Vec<u64> = open.map(|(request, _)| request).collect();
            for request in open {
                if let Some(named) = self.named.get_mut(&request) {
                    named.is_shared = true;
                }
            }
        }
        chosen
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
                self.by_order_id.insert((named.link.endpoint(), update.order_id), request);
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
    pub(super) fn note_unanswered(&mut self, link: LinkId, request: u64, about: &Subject) {
        if matches!(about, Subject::PlaceOrder(_)) {
            self.note_placed(link, request);
        }
    }

    /// Ends a session. `is_cancelled` says whether the venue cancels the orders of a session that ends.
    pub(super) fn end(&mut self, link: LinkId, is_cancelled: bool) {
        let Session { last, cancelled } = self.sessions.remove(&link).unwrap_or_default();
        if last.is_some() && !is_cancelled {
            self.left = self.left.saturating_add(1);
        }
        for request in self.requests_over(link) {
            let is_kept = last.is_none() && !is_cancelled && request > cancelled;
            match self.named.get_mut(&request) {
                Some(named) if is_kept && named.state == State::Placed => named.is_left = true,
                _ => _ = self.remove(request),
            }
        }
    }

    /// Returns how many of the sessions that have ended may have left orders at the venue.
    pub(crate) fn left(&self) -> usize {
        let open = self.named.values().filter(|named| named.is_left && named.state == State::Placed);
        let links: BTreeSet<LinkId> = open.map(|named| named.link).collect();
        self.left.saturating_add(links.len())
    }
}
