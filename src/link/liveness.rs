//! [`Liveness`]: signs of life, those of the peer and our own.

use core::time::Duration;

use crate::config::Config;
use crate::value::time::Instant;

/// Knows when the peer was last heard, whether it was probed, and when something was last sent.
///
/// Its deadlines are lazy: a frame only notes its time, and only when a deadline comes is it seen how long
/// ago the last frame was.
#[derive(Clone, Debug)]
pub(crate) struct Liveness {
    /// When the last frame of any kind came.
    heard: Instant,
    /// What was asked of the peer, if nothing has been heard since.
    probe: Probe,
    /// How many messages of the peer there were when a request was last not answered, how many requests were not
    /// since a message came, and when the first was missed.
    messages: u64,
    missed: u32,
    missed_since: Instant,
    request_timeout: Duration,
    /// When something was last sent.
    sent: Instant,
    /// When to look how long the peer has been silent.
    check_at: Option<Instant>,
    /// When to look how long nothing was sent. Outlives links.
    heartbeat_at: Option<Instant>,
    probe_after: Duration,
    /// How long the answer to a probe may take.
    answer_within: Duration,
    heartbeat_every: Option<Duration>,
}

/// How many requests at least are not answered, for so many times the time that an answer may take, before a link
/// on which nothing comes is of no use.
const MISSED_MAX: u32 = 3;

/// How far a sign of life was asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Probe {
    None,
    /// It waits to be sent, so it cannot have been answered.
    Due,
    /// It was sent then.
    Out(Instant),
}

/// What follows from the silence of a peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// It was heard, or has time left: look again then.
    Wait,
    /// It has been silent for so long that it is to be probed.
    Probe,
    /// It did not answer the probe.
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

    /// A link is open: the upgrade was heard, and it was a request.
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

    /// The link is no longer open: its silence says nothing.
    pub(super) const fn end(&mut self) {
        self.check_at = None;
    }

    /// No link will follow: nobody waits for heartbeats.
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

    /// Judges the silence, and says when to look again.
    pub(super) fn check(&mut self, now: Instant) -> Verdict {
        let (at, verdict) = match self.probe {
            Probe::None if self.heard + self.probe_after <= now => return Verdict::Probe,
            Probe::None => (self.heard + self.probe_after, Verdict::Wait),
            Probe::Due => (now + self.answer_within, Verdict::Wait),
            Probe::Out(at) if at + self.answer_within > now => (at + self.answer_within, Verdict::Wait),
            Probe::Out(_) => (now + self.answer_within, Verdict::GiveUp),
        };
        self.check_at = Some(at);
        verdict
    }

    /// The peer is to be asked for a sign of life, or is expected to give one by itself. Returns `false` if it has
    /// been asked already: its time runs on.
    pub(super) fn begin_probe(&mut self, now: Instant, is_asked: bool) -> bool {
        let is_new = self.probe == Probe::None;
        if is_new {
            self.probe = if is_asked { Probe::Due } else { Probe::Out(now) };
            self.check_at = Some(now + self.answer_within);
        }
        is_new
    }

    /// The probe was sent: the time for the answer begins now, unless a frame came meanwhile.
    pub(super) fn probe_is_out(&mut self, now: Instant) {
        if self.probe == Probe::Due {
            self.probe = Probe::Out(now);
            self.check_at = Some(now + self.answer_within);
        }
    }

    /// A request was not answered in time. `messages` says how many messages the peer has sent. Returns whether it
    /// answers nothing and says nothing, so that the link is of no use.
    pub(super) fn miss_answer(&mut self, now: Instant, messages: u64) -> bool {
        // However far apart: a stream that fails is asked for more and more rarely.
        if self.missed == 0 || self.messages != messages {
            (self.missed, self.missed_since, self.messages) = (0, now, messages);
        }
        self.missed = self.missed.saturating_add(1);
        let patience = self.request_timeout.saturating_mul(MISSED_MAX);
        self.missed >= MISSED_MAX && now.since(self.missed_since) >= patience
    }

    /// Whether nothing was sent for so long that a heartbeat is due, and since when.
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
