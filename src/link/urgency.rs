//! [`Urgency`]: what is sent before what, and has room that the others cannot take.

use crate::request::Request;

/// How urgent a request is, from the least to the most.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Urgency {
    /// Subscriptions and their ends: they wait.
    Stream,
    /// What the application asks for.
    Usual,
    /// A probe, whose answer decides on the life of the link.
    Probe,
    /// A cancellation of orders.
    Cancel,
}

impl Urgency {
    /// That of a request of the application. What takes a commitment back is a cancellation.
    pub(super) fn of(request: &Request) -> Urgency {
        let is_cancellation =
            request.method().starts_with("order.cancel") || matches!(request, Request::WithdrawQuote { .. });
        if is_cancellation { Urgency::Cancel } else { Urgency::Usual }
    }

    /// How much of what may be taken at once it leaves to what is more urgent.
    pub(super) const fn spares(self, burst: u64) -> u64 {
        // Of three or fewer none can be spared.
        let least: u64 = if burst > 3 { 1 } else { 0 };
        match self {
            Urgency::Stream => most(burst / 4, least.saturating_mul(2)),
            Urgency::Usual => most(burst / 16, least),
            Urgency::Probe => burst / 32,
            Urgency::Cancel => 0,
        }
    }
}

const fn most(one: u64, other: u64) -> u64 {
    if one > other { one } else { other }
}
