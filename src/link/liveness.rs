//! Signs of life, those of the peer and our own: lazy timers, which look at what frames have noted.

use core::time::Duration;

use crate::connection::{Cause, Connection};
use crate::event::Event;
use crate::event::reason::Lost;
use crate::link::lifecycle::Input;
use crate::link::timer::Timer;
use crate::value::endpoint::Endpoint;

impl Connection {
    /// The timer `Alive`. It is not touched when frames come: only when it fires is it seen how long
    /// ago the last one came.
    pub(crate) fn check_silence(&mut self) {
        if let Some(probed) = self.probed {
            let give_up_at = probed + self.time_to_answer();
            if mutant!(NeverGiveUp) {
                self.timers.arm(Timer::Alive, self.now + self.time_to_answer());
            } else if give_up_at <= self.now && self.probe_waits && !mutant!(NeverProbe) {
                // The limit on requests has not let it out: it cannot have been answered.
                self.timers.arm(Timer::Alive, self.now + self.time_to_answer());
            } else if give_up_at <= self.now {
                self.input(Input::Silence, Cause::Loss(Lost::Silent));
            } else {
                self.timers.arm(Timer::Alive, give_up_at);
            }
            return;
        }
        let heard =
            if mutant!(MeasureFromTheBeginning) { crate::value::time::Instant::ZERO } else { self.heard };
        let probe_at = heard + self.config.probe_after;
        if probe_at > self.now {
            self.timers.arm(Timer::Alive, probe_at);
        } else {
            self.probe();
            self.settle();
        }
    }

    /// Asks for a sign of life; after a long sleep of the whole machine the answer still gets its time.
    pub(crate) fn probe(&mut self) {
        self.probed = Some(self.now);
        // The archived endpoints answer nothing, but have heartbeats.
        self.probe_waits = self.config.api == Endpoint::Streams;
        self.timers.arm(Timer::Alive, self.now + self.time_to_answer());
    }

    /// What waits for an answer was handed out: the time for that begins now.
    pub(crate) fn probe_is_out(&mut self) {
        // A frame that came meanwhile was answer enough.
        if core::mem::take(&mut self.probe_waits) && self.probed.is_some() {
            self.probed = Some(self.now);
            self.timers.arm(Timer::Alive, self.now + self.time_to_answer());
        }
    }

    fn time_to_answer(&self) -> Duration {
        self.config.silence_max.saturating_sub(self.config.probe_after).max(Duration::from_millis(1))
    }

    /// The timer `Heartbeat`, as lazy.
    pub(crate) fn check_heartbeat(&mut self) {
        let Some(every) = self.config.heartbeat_every else { return };
        let due = self.sent + every;
        if due > self.now {
            self.timers.arm(Timer::Heartbeat, due);
        } else {
            let since = if mutant!(BeatFromNow) { self.now } else { self.sent };
            self.report(Event::HeartbeatDue { link: self.link, since });
            self.timers.arm(Timer::Heartbeat, self.now + every);
        }
    }
}
