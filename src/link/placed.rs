//! [`Placed`]: whether the venue may hold orders of a session.

use crate::event::{Event, RequestOutcome};
use crate::message::Response;
use crate::request::Subject;

/// For one session: the newest request that may have placed an order, and the newest request that cancelled all
/// orders.
///
/// An order that was not sent, or that the venue refused, does not count: there is nothing to cancel.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Placed {
    last: Option<u64>,
    cancelled: u64,
}

impl Placed {
    /// Notes a request that may have placed an order. A request before the last cancellation does not count, on the
    /// assumption that the venue handles the requests of a session in their order.
    pub(super) fn note(&mut self, request: u64) {
        if request > self.cancelled {
            self.last = self.last.max(Some(request));
        }
    }

    /// Notes an event of the session, which may be a reply.
    #[inline]
    pub(super) fn note_event(&mut self, event: &Event<'_>) {
        if let Event::Reply { request, about, outcome: RequestOutcome::Answered(response), .. } = event {
            self.note_reply(request.get(), about, response);
        }
    }

    fn note_reply(&mut self, request: u64, about: &Subject, response: &Response<'_>) {
        match about {
            Subject::PlaceOrder(_) if response.is_ok() || response.is_internal_error() => self.note(request),
            Subject::CancelSessionOrders | Subject::CancelAllOrders if response.is_ok() => {
                self.cancelled = self.cancelled.max(request);
                self.last = self.last.filter(|order| *order > request);
            }
            _ => {}
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
