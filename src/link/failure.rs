//! [`Failure`]: why a request for a stream failed. [`Delays`]: how long a link waits before it requests a stream
//! again.

use core::time::Duration;

use crate::event::reason::Unserved;

/// So many doublings of a nanosecond take longer than the clock lasts.
const DOUBLINGS_MAX: u32 = 64;

/// The reason why a request about a stream failed, or why the client must request the stream again although the venue
/// accepted the request. `company` is how many streams of the request, including this stream, may be the cause.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure {
    pub(super) reason: Unserved,
    pub(super) company: usize,
}

impl Failure {
    pub(crate) const fn new(reason: Unserved, company: usize) -> Failure {
        Failure { reason, company }
    }

    /// Returns how many streams the next `subscribe` for the failed stream may name. After a refusal or a missing
    /// reply, this is half of `company`, because another stream of the request may have been the cause.
    pub(super) fn batch_max(self) -> usize {
        let was_accepted =
            matches!(self.reason, Unserved::NoSnapshot | Unserved::Undecodable | Unserved::Relapsed);
        if was_accepted { usize::MAX } else { (self.company / 2).max(1) }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Delays {
    pub(super) snapshot: Duration,
    pub(super) resubscribe: Duration,
    pub(super) resubscribe_cap: Duration,
    /// If a book was current for this long before it loses an update, its earlier losses do not count.
    pub(super) stable: Duration,
}

impl Delays {
    pub(super) fn before(&self, attempts: u32) -> Duration {
        let longest = self.resubscribe_cap.max(self.resubscribe);
        let doublings = attempts.saturating_sub(1).min(DOUBLINGS_MAX);
        (0..doublings).fold(self.resubscribe, |delay, _| delay.saturating_mul(2)).min(longest)
    }
}
