//! [`Schedule`]: all tasks with a known time.

use std::collections::BTreeSet;

use gemini_ws::Instant;

use crate::value::id::SessionId;
use crate::value::tempo::Tempo;

/// A task. Tasks of the same instant run in the order of these variants.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Task {
    /// Generates the next event of a symbol's order flow.
    Market(usize),
    /// Sends the changes of a symbol's book to the subscribers of a tempo.
    Publish(usize, Tempo),
    /// Sends the snapshot of a subscription, some time after its acknowledgement.
    Snapshot(SessionId, usize, Tempo),
    /// Changes the mark price of a perpetual.
    Mark(usize),
    Funding,
    Contract,
    /// Sends the frames of a session's periodic private streams.
    AccountReport(SessionId),
    OrderEventsHeartbeat(SessionId),
    Play,
    /// Sends the delayed reply with this number.
    Reply(u64),
    Ping(SessionId),
    Auction(usize),
    /// Carries out the next transition of a request for quotes.
    Quote,
    /// Sends a heartbeat to a session of an archived market data endpoint.
    Heartbeat(SessionId),
    /// Ends the quotes whose validity has ended.
    QuoteEnd,
    /// Begins or ends the planned fault with this number.
    Fault(u64),
}

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

    pub(crate) fn pop(&mut self, now: Instant) -> Option<(Instant, Task)> {
        if self.next()? <= now { self.due.pop_first() } else { None }
    }
}
