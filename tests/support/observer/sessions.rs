//! [`Sessions`] counts the sessions that may have left orders at the venue. It sees only the application's requests
//! and the reported events.

use std::collections::{BTreeMap, BTreeSet};

use gemini_ws::{Event, LinkId, Request, RequestId, RequestOutcome, Subject};

#[derive(Clone, Debug, Default)]
pub struct Sessions {
    /// For each link, its newest request that may have placed an order.
    placed: BTreeMap<LinkId, RequestId>,
    /// For each link, its newest request that cancelled orders.
    cancelled: BTreeMap<LinkId, RequestId>,
    /// Requests of methods that the client does not know: they may place orders.
    raw: BTreeSet<RequestId>,
    left: usize,
}

impl Sessions {
    /// Notes a request of the application.
    pub fn note_request(&mut self, id: RequestId, request: &Request) {
        if matches!(request, Request::Raw(_)) {
            self.raw.insert(id);
        }
    }

    /// Notes that a request was made over a link to an authenticated endpoint.
    pub fn note_signed(&mut self, link: LinkId, id: RequestId) {
        if self.raw.contains(&id) {
            raise(&mut self.placed, link, id);
        }
    }

    pub fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Reply { link, request, about: Subject::PlaceOrder(_), outcome } => {
                let may_exist = match outcome {
                    RequestOutcome::Answered(response) => response.is_ok() || response.is_internal_error(),
                    RequestOutcome::TimedOut | RequestOutcome::Lost => true,
                    RequestOutcome::NotSent => false,
                };
                if may_exist {
                    raise(&mut self.placed, *link, *request);
                }
            }
            Event::Reply {
                link,
                request,
                about: Subject::CancelSessionOrders | Subject::CancelAllOrders,
                outcome: RequestOutcome::Answered(response),
            } if response.is_ok() => {
                raise(&mut self.cancelled, *link, *request);
            }
            Event::Disconnected { link, .. } => {
                self.left += usize::from(self.placed.remove(link) > self.cancelled.remove(link));
            }
            _ => {}
        }
    }

    /// Returns how many of the ended sessions may have left orders.
    pub fn left(&self) -> usize {
        self.left
    }
}

/// Notes a request of a link if it is newer than the one that is known.
fn raise(newest: &mut BTreeMap<LinkId, RequestId>, link: LinkId, request: RequestId) {
    let known = newest.entry(link).or_insert(request);
    *known = request.max(*known);
}
