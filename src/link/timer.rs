//! All timers of a link: one instant each, asked and never called back.

use crate::value::time::Instant;

/// What a deadline is for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Timer {
    /// The attempt to connect has taken too long.
    Connect,
    /// Time for the next attempt.
    Retry,
    /// Nothing was heard for a while: probe, or give up.
    Alive,
    /// The oldest request has waited too long for its answer.
    Request,
    /// A stream is to be asked for again, or its snapshot is overdue.
    Resync,
    /// The link has been live for so long that the backoff starts afresh.
    Stable,
    /// The closing handshake has taken too long.
    Close,
    /// The venue's limit on requests leaves room for one that waits.
    Quota,
    /// Nothing was sent for a while over a link whose orders want a heartbeat.
    Heartbeat,
    /// The next step of a client's shutdown is due.
    Shutdown,
}

/// Those of a link.
const TIMERS: [Timer; 9] = [
    Timer::Connect,
    Timer::Retry,
    Timer::Alive,
    Timer::Request,
    Timer::Resync,
    Timer::Stable,
    Timer::Close,
    Timer::Quota,
    Timer::Heartbeat,
];

/// When the caller should call `handle_timeout`, and why.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Deadline {
    /// At this instant and not before, the call has an effect.
    pub at: Instant,
    /// What it is for.
    pub cause: Timer,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Timers {
    at: [Option<Instant>; TIMERS.len()],
}

impl Timers {
    pub(crate) fn arm(&mut self, timer: Timer, at: Instant) {
        self.set(timer, Some(at));
    }

    pub(crate) fn set(&mut self, timer: Timer, at: Option<Instant>) {
        if let Some(entry) = self.at.get_mut(timer as usize) {
            *entry = at;
        }
    }

    /// Arms it, unless it is armed for an earlier instant.
    pub(crate) fn arm_by(&mut self, timer: Timer, at: Instant) {
        if let Some(entry) = self.at.get_mut(timer as usize) {
            *entry = Some(entry.map_or(at, |armed| armed.min(at)));
        }
    }

    /// Disarms all but the one that outlives links.
    pub(crate) fn disarm_all(&mut self) {
        for timer in TIMERS {
            if timer != Timer::Heartbeat {
                self.set(timer, None);
            }
        }
    }

    pub(crate) fn next(&self) -> Option<Deadline> {
        let armed = TIMERS.into_iter().zip(self.at);
        armed.filter_map(|(cause, at)| Some(Deadline { at: at?, cause })).min_by_key(|deadline| deadline.at)
    }

    /// Takes the earliest timer that is due: it is disarmed before anybody acts on it.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        let due = self.next().filter(|deadline| deadline.at <= now)?;
        self.set(due.cause, None);
        Some(due.cause)
    }
}
