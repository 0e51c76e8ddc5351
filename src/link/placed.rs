//! [`Placed`]: whether the venue may hold orders of a session.

use alloc::collections::VecDeque;

use crate::event::{Event, RequestOutcome, Verdict};
use crate::request::new_order::ClientOrderId;
use crate::request::{Request, Subject};

/// The number of requests whose client order ids [`Placed`] keeps.
const NAMED_MAX: usize = 256;

/// For one session: the newest request that may have placed an order, and the newest request that cancelled all
/// orders.
///
/// An order that was not sent, or that the venue refused, does not count: there is nothing to cancel. But if an event
/// reports such an order as open, the order counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Placed {
    last: Option<u64>,
    cancelled: u64,
    /// The client order ids of the newest requests to place an order that have no reply yet, or were refused.
    named: VecDeque<(u64, ClientOrderId)>,
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
                    self.named.pop_front();
                }
                self.named.push_back((id, order.client_order_id()));
            }
            _ => {}
        }
    }

    /// Notes an event of the session, which may be a reply.
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
                self.named.retain(|(own, _)| *own != request);
                self.note(request);
            }
            (Subject::CancelSessionOrders | Subject::CancelAllOrders, Verdict::Accepted(_)) => {
                self.cancelled = self.cancelled.max(request);
                self.last = self.last.filter(|order| *order > request);
            }
            _ => {}
        }
    }

    /// Notes the orders that an event reports as open, whether or not their requests were refused.
    #[cold]
    fn note_orders(&mut self, event: &Event<'_>) {
        for part in event.parts() {
            let Event::Order(update, _) = &part else { continue };
            let Some(told) = update.client_order_id.filter(|_| !update.status.is_end()) else { continue };
            let named = self.named.iter().rev().find(|(_, own)| told == *own.as_str());
            if let Some((request, _)) = named.copied() {
                self.note(request);
            }
        }
    }

    /// Notes a request that got no reply. If the request was to place an order, the venue may hold this order.
    pub(super) fn note_unanswered(&mut self, request: u64, about: &Subject) {
        if matches!(about, Subject::PlaceOrder(_)) {
            self.note(request);
        }
    }

    /// Returns whether the session, which has ended, may have left orders at the venue, and begins another session.
    pub(super) fn end(&mut self) -> bool {
        core::mem::take(self).last.is_some()
    }
}
