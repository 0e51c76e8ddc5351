//! [`Sessions`] counts the sessions that may have left orders at the venue.

use std::collections::{BTreeMap, BTreeSet};

use gemini_ws::{
    ClientOrderId, Event, LinkId, OrderStatus, OrderUpdate, Request, RequestId, RequestOutcome, Subject,
    Timestamp,
};

/// The index of the settings of an endpoint, and how many times the application had removed such an endpoint before.
/// An endpoint that was removed and added again is another endpoint.
type Endpoint = (usize, usize);

#[derive(Clone, Debug, Default)]
pub struct Sessions {
    sessions: BTreeMap<LinkId, Session>,
    endpoints: BTreeMap<LinkId, Endpoint>,
    /// The endpoints that the application has removed, one entry for each time.
    removed: Vec<usize>,
    /// Requests with raw methods, which may place orders.
    raw: BTreeSet<RequestId>,
    placed: BTreeMap<RequestId, Placed>,
    /// For the endpoint and order id of each order that an event reported as open or rejected: the request that
    /// placed the order.
    orders: BTreeMap<(Endpoint, u64), RequestId>,
    left: usize,
}

#[derive(Clone, Debug, Default)]
struct Session {
    raw: BTreeSet<RequestId>,
    /// The newest request that cancelled the orders of the session.
    cancelled: Option<RequestId>,
}

#[derive(Clone, Copy, Debug)]
struct Placed {
    link: LinkId,
    id: ClientOrderId,
    may_exist: bool,
    is_refused: bool,
    has_ended: bool,
    is_named: bool,
    /// Whether several requests may have placed the order, because they have the same client order id.
    is_shared: bool,
    /// The latest times of events that reported the order as `OPEN`, and of events that reported its end.
    times: [Option<Timestamp>; 2],
    is_left: bool,
}

impl Sessions {
    pub fn note_request(&mut self, id: RequestId, request: &Request) {
        if matches!(request, Request::Raw(_)) {
            self.raw.insert(id);
        }
    }

    pub fn note_link(&mut self, link: LinkId, endpoint: usize) {
        let removals = self.removed.iter().filter(|removed| **removed == endpoint).count();
        self.endpoints.entry(link).or_insert((endpoint, removals));
    }

    pub fn note_removed(&mut self, endpoint: usize) {
        self.removed.push(endpoint);
    }

    /// If the request has a raw method, stores it for the session of the link, because it may place an order.
    pub fn note_signed(&mut self, link: LinkId, id: RequestId) {
        if self.raw.contains(&id) {
            self.of(link).raw.insert(id);
        }
    }

    fn of(&mut self, link: LinkId) -> &mut Session {
        self.sessions.entry(link).or_default()
    }

    fn endpoint(&self, link: LinkId) -> Endpoint {
        self.endpoints.get(&link).copied().unwrap_or((usize::MAX, 0))
    }

    pub fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Requested { link, request, about: Subject::PlaceOrder(order) } => {
                let placed = Placed {
                    link: *link,
                    id: order.client_order_id(),
                    may_exist: false,
                    is_refused: false,
                    has_ended: false,
                    is_named: false,
                    is_shared: false,
                    times: [None; 2],
                    is_left: false,
                };
                self.placed.entry(*request).or_insert(placed);
            }
            Event::Reply { request, about: Subject::PlaceOrder(_), outcome, .. } => {
                let may_exist = match outcome {
                    RequestOutcome::Answered(response) => response.is_ok() || response.is_internal_error(),
                    RequestOutcome::TimedOut | RequestOutcome::Lost => true,
                    RequestOutcome::NotSent => false,
                };
                if let Some(placed) = self.placed.get_mut(request) {
                    placed.is_refused |= !may_exist && !placed.may_exist;
                    placed.may_exist |= may_exist;
                }
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
                if let Some(link) = source.link() {
                    self.note_order(self.endpoint(link), update);
                }
            }
            Event::Disconnected { link, .. } => self.end(*link),
            _ => {}
        }
    }

    fn end(&mut self, link: LinkId) {
        let Session { raw, cancelled } = self.sessions.remove(&link).unwrap_or_default();
        let has_raw = raw.iter().any(|id| Some(*id) > cancelled);
        self.left += usize::from(has_raw);
        self.placed.retain(|id, placed| {
            let is_own = placed.link == link;
            placed.is_left |= is_own;
            !is_own || (placed.may_remain() && Some(*id) > cancelled && !has_raw)
        });
        let placed = &self.placed;
        self.orders.retain(|_, request| placed.contains_key(request));
    }

    pub fn left(&self) -> usize {
        let left = self.placed.values().filter(|placed| placed.is_left && placed.may_remain());
        self.left + left.map(|placed| placed.link).collect::<BTreeSet<LinkId>>().len()
    }

    /// Updates what is known of an order from an event about it. An event can end the order if it rejects the order,
    /// or if an earlier event reported the order as open. In both cases the order ends only if no other request can
    /// have placed it. The order id 0 identifies no order.
    fn note_order(&mut self, endpoint: Endpoint, update: &OrderUpdate<'_>) {
        use OrderStatus::{Canceled, Closed, Filled, Rejected};
        let order = Some((endpoint, update.order_id)).filter(|(_, id)| *id != 0);
        let is_end = matches!(update.status, Filled | Canceled | Closed | Rejected);
        let known = order.and_then(|order| self.orders.get(&order).copied());
        let Some(request) = known.or_else(|| self.guess(endpoint, update)) else { return };
        let Some(placed) = self.placed.get_mut(&request) else { return };
        let was_named = placed.is_named;
        if let (None, Some(order)) = (known, order) {
            if was_named {
                placed.is_shared = true;
            } else if !is_end || update.status == Rejected {
                placed.is_named = true;
                self.orders.insert(order, request);
            }
        }
        if !is_end {
            let is_about_end = placed.has_ended && (known.is_some() || order.is_none());
            if !is_about_end || placed.opens_again(update) {
                (placed.may_exist, placed.has_ended) = (true, false);
            }
        } else if !placed.is_shared {
            let is_its_end = order.map(|order| self.orders.contains_key(&order));
            let is_rejected = update.status == Rejected && !was_named;
            placed.has_ended |= is_its_end.unwrap_or(is_rejected);
            placed.is_named |= placed.has_ended;
        }
        let at = usize::from(is_end);
        if is_end || update.status == OrderStatus::Open {
            placed.times[at] = placed.times[at].max(update.event_time);
        }
    }

    /// Returns the request that probably placed an order with a new order id: the oldest request that was not refused
    /// and whose order has no id yet. If several sessions have such requests, marks all of them as shared.
    fn guess(&mut self, endpoint: Endpoint, update: &OrderUpdate<'_>) -> Option<RequestId> {
        let id: ClientOrderId = update.client_order_id?.to_string().parse().ok()?;
        let alike = self.placed.iter().filter(|(_, it)| it.id == id && self.endpoint(it.link) == endpoint);
        let alike: Vec<(RequestId, Placed)> = alike.map(|(request, placed)| (*request, *placed)).collect();
        let unnamed: Vec<&(RequestId, Placed)> = alike.iter().filter(|(_, it)| !it.is_named).collect();
        let is_open = |placed: &Placed| placed.may_exist || !placed.is_refused;
        let open = || unnamed.iter().filter(|(_, placed)| is_open(placed));
        let links: BTreeSet<LinkId> = open().map(|(_, placed)| placed.link).collect();
        if links.len() > 1 {
            for (request, _) in open() {
                self.placed.entry(*request).and_modify(|placed| placed.is_shared = true);
            }
        }
        let chosen = open().next().or(unnamed.last()).copied().or(alike.last());
        chosen.map(|(request, _)| *request)
    }
}

impl Placed {
    fn may_remain(&self) -> bool {
        self.may_exist && !self.has_ended
    }

    /// Returns whether this event reports the order as open and is newer than the event that reported its end. An
    /// earlier or repeated event does not open the order again.
    fn opens_again(&self, update: &OrderUpdate<'_>) -> bool {
        let [opened, ended] = self.times;
        let Some(time) = update.event_time else {
            return matches!(
                update.status,
                OrderStatus::Open | OrderStatus::PartiallyFilled | OrderStatus::Initial
            );
        };
        match update.status {
            OrderStatus::Open => Some(time) >= ended && Some(time) != opened,
            OrderStatus::PartiallyFilled | OrderStatus::Initial => Some(time) > ended,
            _ => false,
        }
    }
}
