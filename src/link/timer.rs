//! [`Timer`] and [`Deadline`]: what a machine waits for. The parts of a link keep their own instants.

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
    /// Nothing has needed the link for so long that it is closed.
    Linger,
    /// The next step of a client's shutdown is due.
    Shutdown,
}

/// All of them, in the order in which those that are due at the same instant fire.
pub(super) const TIMERS: [Timer; 11] = [
    Timer::Connect,
    Timer::Retry,
    Timer::Alive,
    Timer::Request,
    Timer::Resync,
    Timer::Stable,
    Timer::Close,
    Timer::Quota,
    Timer::Heartbeat,
    Timer::Linger,
    Timer::Shutdown,
];

/// When the caller should call `handle_timeout`, and why.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Deadline {
    /// The earliest instant at which the call does anything. A call before it does nothing; one after it does the
    /// same, only later.
    pub at: Instant,
    /// What it is for.
    pub cause: Timer,
}
