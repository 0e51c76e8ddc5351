//! [`Timer`] and [`Deadline`]: what a client waits for.

use crate::value::time::Instant;

/// The purpose of a deadline.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Timer {
    /// The attempt to connect takes too long.
    Connect,
    /// The next attempt to connect is due.
    Retry,
    /// The peer was silent for a while: the client probes it or drops the link.
    Alive,
    /// The oldest request has waited too long for its reply.
    Request,
    /// A stream has to be requested again, a snapshot is overdue, or a stream may have been silent for too long.
    Resync,
    /// The link has been live for [`Config::stable_after`](crate::Config::stable_after): the client forgets the
    /// earlier failures in the slot of the link.
    Stable,
    /// The closing handshake takes too long.
    Close,
    /// A delayed request can be sent: a request that waited for the limit on requests, or a cancellation that the
    /// venue refused before.
    Quota,
    /// No request about the account was sent for a while over a link with
    /// [`Config::heartbeat_every`](crate::Config::heartbeat_every).
    Heartbeat,
    /// Nothing has needed the link for so long that the client closes it.
    Linger,
    /// The next step of a client's shutdown is due.
    Shutdown,
}

/// All timers. Timers that are due at the same instant fire in this order.
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

/// When to call `handle_timeout`, and for which timer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Deadline {
    /// The earliest instant at which a call of `handle_timeout` has an effect. A later call has the same effect, only
    /// later.
    pub at: Instant,
    /// The timer that is due.
    pub cause: Timer,
}
