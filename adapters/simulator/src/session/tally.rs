//! [`Tally`]: counts how often something happened in the window of a rate limit.

use std::time::Duration;

use gemini_ws::Instant;

/// The number of events in a window, which starts again at zero with each window. The windows follow each other
/// without gaps, and the first one starts at `Instant::ZERO`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// The number of the window of the last event.
    window: u64,
    count: u32,
}

impl Tally {
    /// Adds one event to the present window. Returns how many events there have been in the present window, including
    /// this one.
    pub(crate) fn add(&mut self, now: Instant, length: Duration) -> u32 {
        let count = self.used(now, length).saturating_add(1);
        *self = Tally { window: window(now, length), count };
        count
    }

    pub(crate) fn used(&self, now: Instant, length: Duration) -> u32 {
        if self.window == window(now, length) { self.count } else { 0 }
    }
}

fn window(now: Instant, length: Duration) -> u64 {
    let length = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
    now.as_nanos() / length
}
