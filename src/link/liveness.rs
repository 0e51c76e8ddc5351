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
    /// When a probe was due, if nothing has been heard since.
    probed: Option<Instant>,
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
            probed: None,
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
        self.probed = None;
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
        self.probed = None;
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

    /// Judges the silence, and says when to look again. A probe that waits to be sent cannot have been
    /// answered.
    pub(super) fn check(&mut self, now: Instant, probe_waits: bool) -> Verdict {
        let Some(probed) = self.probed else {
            let probe_at = self.heard + self.probe_after;
            if probe_at > now {
                self.check_at = Some(probe_at);
                return Verdict::Wait;
            }
            self.begin_probe(now);
            return Verdict::Probe;
        };
        let give_up_at = probed + self.answer_within;
        self.check_at = Some(if give_up_at > now { give_up_at } else { now + self.answer_within });
        if give_up_at <= now && !probe_waits { Verdict::GiveUp } else { Verdict::Wait }
    }

    /// The peer is asked for a sign of life. After a long sleep of the whole machine the answer still gets its
    /// time.
    pub(super) fn begin_probe(&mut self, now: Instant) {
        self.probed = Some(now);
        self.check_at = Some(now + self.answer_within);
    }

    /// The probe was sent: the time for the answer begins now, unless a frame came meanwhile.
    pub(super) fn probe_is_out(&mut self, now: Instant) {
        if self.probed.is_some() {
            self.begin_probe(now);
        }
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
mod tests {
    use super::*;
    use Verdict::{GiveUp, Probe, Wait};

    fn liveness() -> Liveness {
        let seconds = Duration::from_secs;
        let config = Config::new("wss://venue").probe_after(seconds(30)).silence_max(seconds(45));
        Liveness::new(&config.authenticated(true).heartbeat_every(seconds(10)))
    }

    const fn at(second: u64) -> Instant {
        Instant::from_secs(second)
    }

    #[test]
    fn silence_is_judged_when_its_time_comes() {
        // What is heard, when it is checked, whether the probe still waits, the verdict, the next check.
        let table: [(Option<u64>, u64, bool, Verdict, u64); 7] = [
            (None, 30, false, Probe, 45),
            (None, 40, false, Wait, 45),
            (None, 45, true, Wait, 60),
            (Some(50), 60, false, Wait, 80),
            (None, 80, false, Probe, 95),
            (Some(94), 95, false, Wait, 124),
            (None, 124, false, Probe, 139),
        ];
        let mut liveness = liveness();
        liveness.begin(at(0));
        assert_eq!(liveness.check_at(), Some(at(30)));
        for (heard, now, probe_waits, verdict, next) in table {
            if let Some(heard) = heard {
                liveness.hear(at(heard));
            }
            assert_eq!(liveness.check(at(now), probe_waits), verdict, "at {now}");
            assert_eq!(liveness.check_at(), Some(at(next)), "at {now}");
        }
        assert_eq!(liveness.check(at(139), false), GiveUp);
    }

    #[test]
    fn an_answer_has_its_time_from_when_the_probe_goes_out() {
        let mut liveness = liveness();
        liveness.begin(at(0));
        assert_eq!(liveness.check(at(30), true), Probe);
        liveness.probe_is_out(at(50));
        assert_eq!(liveness.check(at(60), false), Wait);
        assert_eq!(liveness.check(at(65), false), GiveUp);
    }

    #[test]
    fn a_heartbeat_is_due_when_nothing_was_sent() {
        let mut liveness = liveness();
        liveness.begin(at(5));
        liveness.note_sent(at(8));
        assert_eq!(liveness.heartbeat_at(), Some(at(15)));
        assert_eq!(liveness.check_heartbeat(at(15)), None);
        assert_eq!(liveness.heartbeat_at(), Some(at(18)));
        assert_eq!(liveness.check_heartbeat(at(18)), Some(at(8)));
        liveness.end();
        assert_eq!(liveness.heartbeat_at(), Some(at(28)), "orders outlive the link");
        liveness.end_heartbeats();
        assert_eq!(liveness.heartbeat_at(), None);
    }
}
