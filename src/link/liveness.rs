//! [`Liveness`]: when the peer was last heard, and when a request about the account was last sent.

use core::time::Duration;

use crate::config::Config;
use crate::value::time::Instant;

/// A frame sets `heard`, but does not move `check_at`: at that time, `check` looks at how long ago the last frame
/// came.
#[derive(Clone, Debug)]
pub(crate) struct Liveness {
    heard: Instant,
    /// The probe that runs now. A probe runs from [`begin_probe`](Liveness::begin_probe) until the next frame comes.
    probe: Probe,
    /// How many messages the peer had sent when a request last timed out.
    messages: u64,
    /// How many requests have timed out since the last message.
    missed: u32,
    /// The time of the first timeout that `missed` counts.
    missed_since: Instant,
    request_timeout: Duration,
    /// When a request about the account was last sent. The venue does not document whether other requests, such as a
    /// `ping`, replace a heartbeat for a key that requires heartbeats.
    sent: Instant,
    check_at: Option<Instant>,
    /// The end of a connection does not change this time, so reconnects do not delay the check.
    heartbeat_at: Option<Instant>,
    probe_after: Duration,
    /// After a probe has begun, a frame must come within this time.
    answer_within: Duration,
    heartbeat_every: Option<Duration>,
}

/// How many requests must time out, without a message from the peer in between, before a link is unusable. The time
/// from the first to the last of these timeouts must also be at least this many times `Config::request_timeout`.
const MISSED_MAX: u32 = 3;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Probe {
    None,
    /// A probe began at this instant. Its request may still wait for room in the rate limits.
    Begun(Instant),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// The peer was heard, or its next frame is not overdue yet.
    Wait,
    Probe,
    GiveUp,
}

impl Liveness {
    pub(super) fn new(config: &Config) -> Liveness {
        Liveness {
            heard: Instant::ZERO,
            probe: Probe::None,
            messages: 0,
            missed: 0,
            missed_since: Instant::ZERO,
            request_timeout: config.request_timeout,
            sent: Instant::ZERO,
            check_at: None,
            heartbeat_at: None,
            probe_after: config.probe_after,
            answer_within: config
                .silence_max
                .saturating_sub(config.probe_after)
                .max(Duration::from_millis(1)),
            heartbeat_every: config.heartbeat_every.filter(|_| config.authenticated),
        }
    }

    /// Begins a connection. The upgrade counts as a frame that was heard and as a request about the account.
    pub(super) fn begin(&mut self, now: Instant) {
        self.heard = now;
        self.probe = Probe::None;
        self.missed = 0;
        self.check_at = Some(now + self.probe_after);
        if let Some(every) = self.heartbeat_every {
            self.sent = now;
            let at = now + every;
            self.heartbeat_at = Some(self.heartbeat_at.map_or(at, |armed| armed.min(at)));
        }
    }

    pub(super) const fn end(&mut self) {
        self.check_at = None;
    }

    pub(super) const fn end_heartbeats(&mut self) {
        self.heartbeat_at = None;
    }

    #[inline]
    pub(super) const fn hear(&mut self, now: Instant) {
        self.heard = now;
        self.probe = Probe::None;
    }

    pub(super) const fn heard(&self) -> Instant {
        self.heard
    }

    pub(super) const fn note_sent(&mut self, now: Instant) {
        self.sent = now;
    }

    pub(super) const fn check_at(&self) -> Option<Instant> {
        self.check_at
    }

    pub(super) const fn heartbeat_at(&self) -> Option<Instant> {
        self.heartbeat_at
    }

    /// Sets the time of the next check. Exception: after [`Verdict::Probe`], `begin_probe` sets it.
    pub(super) fn check(&mut self, now: Instant) -> Verdict {
        let (at, verdict) = match self.probe {
            Probe::None if self.heard + self.probe_after <= now => return Verdict::Probe,
            Probe::None => (self.heard + self.probe_after, Verdict::Wait),
            Probe::Begun(at) if at + self.answer_within > now => (at + self.answer_within, Verdict::Wait),
            Probe::Begun(_) => (now + self.answer_within, Verdict::GiveUp),
        };
        self.check_at = Some(at);
        verdict
    }

    /// Begins a probe, unless one runs. A frame of the peer must come within `answer_within` from now, even if the
    /// request of the probe has to wait for a limit. Returns whether a probe began.
    pub(super) fn begin_probe(&mut self, now: Instant) -> bool {
        let is_new = self.probe == Probe::None;
        if is_new {
            self.probe = Probe::Begun(now);
            self.check_at = Some(now + self.answer_within);
        }
        is_new
    }

    pub(super) fn is_probing(&self) -> bool {
        self.probe != Probe::None
    }

    /// Adds a request that timed out to `missed`. `messages` is the number of messages that the peer has sent over
    /// all connections. Returns whether the link is unusable, because the peer neither replies nor sends anything.
    pub(super) fn miss_answer(&mut self, now: Instant, messages: u64) -> bool {
        // The timeouts count however far apart they are, because the client requests a failing stream less and less
        // often.
        if self.missed == 0 || self.messages != messages {
            (self.missed, self.missed_since, self.messages) = (0, now, messages);
        }
        self.missed = self.missed.saturating_add(1);
        let patience = self.request_timeout.saturating_mul(MISSED_MAX);
        self.missed >= MISSED_MAX && now.since(self.missed_since) >= patience
    }

    /// If a heartbeat is due, returns when the client last sent a request about the account or opened the link.
    pub(super) fn check_heartbeat(&mut self, now: Instant) -> Option<Instant> {
        let every = self.heartbeat_every?;
        let due = self.sent + every;
        if due > now {
            self.heartbeat_at = Some(due);
            return None;
        }
        self.heartbeat_at = Some(now + every);
        Some(self.sent)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/link_liveness.rs"]
mod tests;
