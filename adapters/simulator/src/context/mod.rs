//! [`Context`]: the time, the sessions and other state that all parts of the exchange use while they handle an input.

pub(crate) mod fault_spec;
pub(crate) mod faults;
pub(crate) mod planned;
pub(crate) mod schedule;

use gemini_ws::Instant;

use crate::session::Sessions;
use crate::value::random::Random;
use faults::Faults;
use schedule::Schedule;

#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) now: Instant,
    /// The venue's time at `Instant::ZERO`, in ns since 1970.
    pub(crate) epoch: i64,
    pub(crate) sessions: &'a mut Sessions,
    pub(crate) schedule: &'a mut Schedule,
    pub(crate) faults: &'a mut Faults,
    /// The generator of the random numbers for sessions. The market has a separate generator, so that sessions do not
    /// change its order flow.
    pub(crate) random: &'a mut Random,
    pub(crate) stale_percent: u32,
}

impl Context<'_> {
    pub(crate) fn venue_time(&self) -> i64 {
        venue_time(self.epoch, self.now)
    }
}

/// Returns the venue's time in ns since 1970. `epoch` is the venue's time at `Instant::ZERO`.
pub(crate) fn venue_time(epoch: i64, now: Instant) -> i64 {
    epoch.saturating_add_unsigned(now.as_nanos())
}
