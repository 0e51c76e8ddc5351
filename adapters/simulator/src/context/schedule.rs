//! [`Schedule`]: everything that is to happen at a known time.

use std::collections::BTreeSet;

use gemini_ws::Instant;

use crate::value::id::SessionId;
use crate::value::tempo::Tempo;

/// What is to happen. Tasks of one instant happen in the order of the variants.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Task {
    /// The next event of a symbol's order flow.
    Market(usize),
    /// A depth publisher sends what has changed.
    Publish(usize, Tempo),
    /// The snapshot of a subscription, some time after its acknowledgement.
    Snapshot(SessionId, usize, Tempo),
    /// The mark price of a perpetual.
    Mark(usize),
    /// The funding of all perpetuals.
    Funding,
    /// A prediction-market contract changes its status.
    Contract,
    /// The periodic private streams of a session.
    AccountReport(SessionId),
    /// The heartbeat of a session with archived order events.
    OrderEventsHeartbeat(SessionId),
    /// The next frame of a recording.
    Play,
    /// A reply that was held back, by its number.
    Reply(u64),
    /// The RFC 6455 ping of a session.
    Ping(SessionId),
    /// The next step of a symbol's auction.
    Auction(usize),
    /// The next transition of a request for a quote.
    Quote,
    /// The heartbeat of a session of an archived endpoint.
    Heartbeat(SessionId),
    /// The time of a quote is over.
    QuoteEnd,
    /// A fault that was planned begins or ends, by its number.
    Fault(u64),
}

/// Tasks by time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schedule {
    due: BTreeSet<(Instant, Task)>,
}

impl Schedule {
    pub(crate) fn add(&mut self, at: Instant, task: Task) {
        self.due.insert((at, task));
    }

    pub(crate) fn remove(&mut self, at: Instant, task: Task) {
        self.due.remove(&(at, task));
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes the first task that is due at `now`.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<(Instant, Task)> {
        if self.next()? <= now { self.due.pop_first() } else { None }
    }
}
