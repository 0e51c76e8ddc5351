//! [`Urgency`]: how urgent a request is. The limits keep some room free for more urgent requests.

use crate::request::Request;

/// The variants go from the least to the most urgent.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Urgency {
    /// A `subscribe` or `unsubscribe`. It waits if there is no room.
    Stream,
    /// A request of the application that is no cancellation.
    Usual,
    /// A probe, whose reply decides whether the link is dropped.
    Probe,
    /// A cancellation of orders or of a quote.
    Cancel,
}

impl Urgency {
    pub(super) fn of(request: &Request) -> Urgency {
        let is_cancellation =
            request.method().starts_with("order.cancel") || matches!(request, Request::WithdrawQuote { .. });
        if is_cancellation { Urgency::Cancel } else { Urgency::Usual }
    }

    /// Returns how many requests a request of this urgency has to leave to more urgent ones. `burst` is how many
    /// requests the limit allows at once.
    pub(super) const fn spares(self, burst: u64) -> u64 {
        // A burst of three or fewer is too small to leave any.
        let least: u64 = if burst > 3 { 1 } else { 0 };
        match self {
            Urgency::Stream => most(burst / 4, least.saturating_mul(2)),
            Urgency::Usual => most(burst / 16, least),
            // Probes are few. If one found no room among cancellations, the client would drop a link that is alive.
            Urgency::Probe | Urgency::Cancel => 0,
        }
    }
}

const fn most(one: u64, other: u64) -> u64 {
    if one > other { one } else { other }
}
