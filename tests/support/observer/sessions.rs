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
    /// The newest request that cancelled orders.
    cancelled: Option<RequestId>,
    /// The reported orders, by their client order ids.
    orders: BTreeMap<ClientOrderId, Placed>,
}

/// The reports about the orders with one client order id.
#[derive(Clone, Debug, Default)]
struct Placed {
    requests: Vec<RequestId>,
    /// The venue's ids of these orders, once an event has reported them as open.
    order_ids: BTreeSet<u64>,
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
                let orders = &mut self.of(*link).orders;
                orders.entry(order.client_order_id()).or_default().requests.push(*request);
            }
            Event::Reply { link, request, about: Subject::PlaceOrder(_), outcome } => {
                let may_exist = match outcome {
                    RequestOutcome::Answered(response) => response.is_ok() || response.is_internal_error(),
                    RequestOutcome::TimedOut | RequestOutcome::Lost => true,
                    RequestOutcome::NotSent => false,
                };
                if may_exist {
                    self.of(*link).placed.insert(*request);
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
    /// Notes an event about an order. Its end counts if the order is rejected, or if only one order can have the
    /// client order id and an event has reported it as open.
    fn note(&mut self, update: &OrderUpdate<'_>) {
        use OrderStatus::{Canceled, Closed, Filled, Rejected};
        let id = update.client_order_id.and_then(|id| id.to_string().parse().ok());
        let Some(order) = id.and_then(|id: ClientOrderId| self.orders.get_mut(&id)) else { return };
        let is_end = matches!(update.status, Filled | Canceled | Closed | Rejected);
        let was_open = !order.order_ids.is_empty();
        if was_open || !is_end {
            order.order_ids.insert(update.order_id);
        }
        let Some(newest) = order.requests.last() else { return };
        if !is_end {
            self.ended.remove(newest);
            self.placed.insert(*newest);
        } else if order.requests.len() == 1
            && order.order_ids.len() <= 1
            && (was_open || update.status == Rejected)
        {
            self.ended.insert(*newest);
        }
    }

    fn may_leave_orders(&self) -> bool {
        self.placed.difference(&self.ended).any(|id| Some(*id) > self.cancelled)
    }
}
