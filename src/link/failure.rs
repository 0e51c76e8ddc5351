//! [`Failure`]: why a request for a stream failed. [`Delays`]: how long a link waits before it requests a stream
//! again.

use core::time::Duration;

use crate::event::reason::Unserved;

/// The reason why a request for streams failed, and the number of streams in the request that may have caused the
/// failure (`company`).
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
    /// reply, this is half of `company`, but at least 1, because another stream of the request may have caused the
    /// failure. After any other failure, there is no limit.
    pub(super) fn batch_max(self) -> usize {
        let was_accepted =
            matches!(self.reason, Unserved::NoSnapshot | Unserved::Undecodable | Unserved::Relapsed);
        if was_accepted { usize::MAX } else { (self.company / 2).max(1) }
    }
}

/// The delays of a link's subscriptions, as the configuration sets them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delays {
    pub(super) snapshot: Duration,
    pub(super) resubscribe: Duration,
    pub(super) resubscribe_cap: Duration,
    /// How long a book has to stay current before the number of its losses in a row starts from zero again.
    pub(super) stable: Duration,
}

impl Delays {
    /// Returns the delay before the client requests a stream again after `attempts` failures in a row.
    pub(super) fn before(&self, attempts: u32) -> Duration {
        let factor = 1_u32.checked_shl(attempts.saturating_sub(1).min(16)).unwrap_or(u32::MAX);
        self.resubscribe.saturating_mul(factor).min(self.resubscribe_cap.max(self.resubscribe))
    }
}
