//! [`Sessions`] counts the sessions that may have left orders at the venue.

use std::collections::{BTreeMap, BTreeSet};

use gemini_ws::{
    ClientOrderId, Event, LinkId, OrderStatus, OrderUpdate, Request, RequestId, RequestOutcome, Subject,
};

#[derive(Clone, Debug, Default)]
pub struct Sessions {
    sessions: BTreeMap<LinkId, Session>,
    /// Requests of unknown methods, which may place orders.
    raw: BTreeSet<RequestId>,
    left: usize,
}

#[derive(Clone, Debug, Default)]
struct Session {
    placed: BTreeSet<RequestId>,
    ended: BTreeSet<RequestId>,
    refused: BTreeSet<RequestId>,
    /// The newest request that cancelled orders.
    cancelled: Option<RequestId>,
    requests: BTreeMap<ClientOrderId, Vec<RequestId>>,
    /// The requests of the orders that events have reported as open or rejected.
    orders: BTreeMap<u64, RequestId>,
    /// The requests whose client order id more orders have than requests.
    shared: BTreeSet<RequestId>,
}

impl Sessions {
    pub fn note_request(&mut self, id: RequestId, request: &Request) {
        if matches!(request, Request::Raw(_)) {
            self.raw.insert(id);
        }
    }

    /// Notes a request over a link to an authenticated endpoint.
    pub fn note_signed(&mut self, link: LinkId, id: RequestId) {
        if self.raw.contains(&id) {
            self.of(link).placed.insert(id);
        }
    }

    fn of(&mut self, link: LinkId) -> &mut Session {
        self.sessions.entry(link).or_default()
    }

    pub fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Requested { link, request, about: Subject::PlaceOrder(order) } => {
                let requests = &mut self.of(*link).requests;
                requests.entry(order.client_order_id()).or_default().push(*request);
            }
            Event::Reply { link, request, about: Subject::PlaceOrder(_), outcome } => {
                let may_exist = match outcome {
                    RequestOutcome::Answered(response) => response.is_ok() || response.is_internal_error(),
                    RequestOutcome::TimedOut | RequestOutcome::Lost => true,
                    RequestOutcome::NotSent => false,
                };
                let session = self.of(*link);
                (if may_exist { &mut session.placed } else { &mut session.refused }).insert(*request);
            }
            Event::Reply {
                link,
                request,
                about: Subject::CancelSessionOrders | Subject::CancelAllOrders,
                outcome: RequestOutcome::Answered(response),
            } if response.is_ok() => {
                let session = self.of(*link);
                session.cancelled = session.cancelled.max(Some(*request));
            }
            Event::Batch(..) => event.parts().for_each(|part| self.note(&part)),
            Event::Order(update, source) => {
                if let Some(session) = source.link().and_then(|link| self.sessions.get_mut(&link)) {
                    session.note(update);
                }
            }
            Event::Disconnected { link, .. } => {
                let session = self.sessions.remove(link).unwrap_or_default();
                self.left += usize::from(session.may_leave_orders());
            }
            _ => {}
        }
    }

    /// Returns how many of the ended sessions may have left orders.
    pub fn left(&self) -> usize {
        self.left
    }
}

impl Session {
    /// Notes an event about an order. Its end counts if the order is rejected or an event has reported it as open, and
    /// no more orders than requests can have the client order id.
    fn note(&mut self, update: &OrderUpdate<'_>) {
        use OrderStatus::{Canceled, Closed, Filled, Rejected};
        let Some(request) = self.request_of(update) else { return };
        let is_end = matches!(update.status, Filled | Canceled | Closed | Rejected);
        let known = self.orders.iter().find(|(_, of)| **of == request).map(|(order, _)| *order);
        if known.is_some_and(|known| known != update.order_id) {
            self.shared.insert(request);
        } else if !is_end || update.status == Rejected {
            self.orders.insert(update.order_id, request);
        }
        if !is_end {
            self.ended.remove(&request);
            self.placed.insert(request);
        } else if self.orders.contains_key(&update.order_id) && !self.shared.contains(&request) {
            self.ended.insert(request);
        }
    }

    /// Returns the request that placed an order. An order with a new id is that of the oldest request without one that
    /// was not refused.
    fn request_of(&self, update: &OrderUpdate<'_>) -> Option<RequestId> {
        if let Some(request) = self.orders.get(&update.order_id) {
            return Some(*request);
        }
        let id: ClientOrderId = update.client_order_id?.to_string().parse().ok()?;
        let requests = self.requests.get(&id)?;
        let has_none = |it: &&RequestId| !self.orders.values().any(|of| of == *it);
        let is_refused = |it: &RequestId| self.refused.contains(it) && !self.placed.contains(it);
        let first = requests.iter().filter(has_none).find(|it| !is_refused(it));
        first.or_else(|| requests.iter().rfind(has_none)).or(requests.last()).copied()
    }

    fn may_leave_orders(&self) -> bool {
        self.placed.difference(&self.ended).any(|id| Some(*id) > self.cancelled)
    }
}
