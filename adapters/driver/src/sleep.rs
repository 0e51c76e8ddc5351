//! [`SleepWatch`]: notices that the machine has slept.

use std::time::Duration;

use gemini_ws::{Instant, UnixTime};

/// How often a driver with open links checks whether the machine has slept for three seconds or longer. The driver
/// compares its clock with the time of day, so it takes a time of day that is set forward by three seconds for a
/// sleep.
///
/// After a sleep, the driver sends a probe over each open link. The books of a dead link become stale within
/// `SLEEP_CHECK` plus the time for the reply to the probe ([`silence_max`] minus [`probe_after`]).
///
/// [`silence_max`]: gemini_ws::Config::silence_max
/// [`probe_after`]: gemini_ws::Config::probe_after
pub const SLEEP_CHECK: Duration = Duration::from_secs(1);

/// How much more the time of day must advance than the monotonic clock, between two checks, to count as a sleep of
/// the machine. A time of day that is set forward counts as a sleep too. The driver then sends a probe that is not
/// needed, and no book counts as fresh until its next snapshot or update.
const SLEPT_MIN: Duration = Duration::from_secs(3);

/// Compares the monotonic clock with the time of day. On Linux and macOS, only the monotonic clock stops while the
/// machine sleeps.
#[derive(Debug, Default)]
pub(crate) struct SleepWatch {
    looked: Option<(Instant, UnixTime)>,
}

impl SleepWatch {
    pub(crate) fn due(&self) -> Option<Instant> {
        self.looked.map(|(at, _)| at + SLEEP_CHECK)
    }

    /// Returns the times of the last check; `None` unless that check was at `now`.
    pub(crate) fn look_at(&self, now: Instant) -> Option<(Instant, UnixTime)> {
        self.looked.filter(|(at, _)| *at == now)
    }

    /// Returns whether the machine has slept since the last check; `false` before the next check is due.
    pub(crate) fn has_slept(&mut self, now: Instant, time_of_day: impl FnOnce() -> UnixTime) -> bool {
        if self.due().is_some_and(|due| now < due) {
            return false;
        }
        let time = time_of_day();
        let before = self.looked.replace((now, time));
        before.is_some_and(|before| has_slept(before, (now, time)))
    }
}

pub(crate) fn has_slept((at, of_day): (Instant, UnixTime), (now, time): (Instant, UnixTime)) -> bool {
    let passed = time.as_millis().saturating_sub(of_day.as_millis());
    Duration::from_millis(passed) >= now.since(at) + SLEPT_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks() {
        let mut watch = SleepWatch::default();
        // Each row has the times of both clocks, in milliseconds, and whether the machine has slept since the
        // previous row.
        for (now, of_day, has_slept) in [
            (0, 1_000_000, false),
            (1_000, 1_001_000, false),
            (1_500, 9_000_000, false),
            (2_000, 1_004_999, false),
            (3_000, 1_010_000, true),
            (4_000, 1_011_000, false),
            (5_000, 500_000, false),
            (6_000, 501_000, false),
            // Both clocks advance by the same long time, so this is no sleep.
            (90_000, 585_000, false),
            (91_000, 4_185_000, true),
        ] {
            let slept = watch.has_slept(Instant::from_millis(now), || UnixTime::from_millis(of_day));
            assert_eq!(slept, has_slept, "at {now}");
        }
    }
}
