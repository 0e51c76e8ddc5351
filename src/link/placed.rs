//! [`Placed`]: whether the venue may hold orders of a session, and [`Resting`]: how many ended sessions may have left
//! orders there.

use crate::event::{Event, RequestOutcome};
use crate::message::Response;
use crate::request::Subject;

/// The newest request of a session that may have placed an order, and the newest that cancelled orders.
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

    /// Notes an event of the session, which may be a reply. If the event confirms that all orders of the account are
    /// cancelled, returns the id of the request.
    #[inline]
    pub(super) fn note_event(&mut self, event: &Event<'_>) -> Option<u64> {
        let Event::Reply { request, about, outcome: RequestOutcome::Answered(response), .. } = event else {
            return None;
        };
        let request = request.get();
        self.note_reply(request, about, response);
        (matches!(about, Subject::CancelAllOrders) && response.is_ok()).then_some(request)
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

    /// Notes a request that got no reply.
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

/// The sessions that have ended without their orders being cancelled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resting {
    sessions: usize,
    /// The id of the first request after the end of the newest of these sessions.
    since: u64,
}

impl Resting {
    pub(crate) const NONE: Resting = Resting { sessions: 0, since: 0 };

    pub(crate) const fn sessions(self) -> usize {
        self.sessions
    }

    /// Notes the end of a session. `next` is the id of the next request.
    pub(super) fn note_end(&mut self, next: u64) {
        self.add(Resting { sessions: 1, since: next });
    }

    pub(crate) fn add(&mut self, others: Resting) {
        self.sessions = self.sessions.saturating_add(others.sessions);
        self.since = self.since.max(others.since);
    }

    /// Forgets the sessions if a request that cancelled all orders of the account was sent after they had ended. If
    /// only some had ended, keeps all, because their number must not be too low.
    pub(crate) const fn cancel(&mut self, request: u64) {
        if request >= self.since {
            self.sessions = 0;
        }
    }
}
