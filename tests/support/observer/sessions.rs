//! [`Sessions`] counts the sessions that may have left orders at the venue, from the reported events alone.

use std::collections::{BTreeMap, BTreeSet};

use gemini_ws::{Event, LinkId, Request, RequestId, RequestOutcome, Subject};

#[derive(Clone, Debug, Default)]
pub(crate) struct Sessions {
    /// The requests of each link that may have placed orders.
    holding: BTreeMap<LinkId, Vec<u64>>,
    /// The requests of each link that cancelled orders.
    cancelled: BTreeMap<LinkId, Vec<u64>>,
    /// Requests of methods that the client does not know: they may place orders.
    raw: BTreeSet<RequestId>,
    left: usize,
}

impl Sessions {
    /// Notes a request of the application.
    pub(crate) fn note_request(&mut self, id: RequestId, request: &Request) {
        if matches!(request, Request::Raw(_)) {
            self.raw.insert(id);
        }
    }

    /// Notes that a request was made over a link to an authenticated endpoint.
    pub(crate) fn note_signed(&mut self, link: LinkId, id: RequestId) {
        if self.raw.contains(&id) {
            self.holding.entry(link).or_default().push(id.get());
        }
    }

    pub(crate) fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Reply { link, request, about: Subject::PlaceOrder(_), outcome } => {
                let may_exist = match outcome {
                    RequestOutcome::Answered(response) => response.is_ok() || response.is_internal_error(),
                    RequestOutcome::TimedOut | RequestOutcome::Lost => true,
                    RequestOutcome::NotSent => false,
                };
                if may_exist {
                    self.holding.entry(*link).or_default().push(request.get());
                }
            }
            Event::Reply {
                link,
                request,
                about: Subject::CancelSessionOrders | Subject::CancelAllOrders,
                outcome: RequestOutcome::Answered(response),
            } if response.is_ok() => {
                self.cancelled.entry(*link).or_default().push(request.get());
            }
            Event::Disconnected { link, .. } => {
                let cancelled = self.cancelled.remove(link).and_then(|all| all.into_iter().max());
                let placed = self.holding.remove(link).unwrap_or_default();
                self.left += usize::from(placed.into_iter().any(|order| Some(order) > cancelled));
            }
            _ => {}
        }
    }

    /// Returns how many sessions have ended that may have left orders.
    pub(crate) fn left(&self) -> usize {
        self.left
    }
}
