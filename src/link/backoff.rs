//! How long to wait before the next attempt: growing, spread, and reproducible.

use core::time::Duration;

use crate::event::reason::AttemptFailure;
use crate::value::time::Instant;

/// Delays between `base` and a ceiling that doubles with each attempt up to `cap`. It outlives links: one that is
/// made in the place of another goes on with its delays.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    base: Duration,
    cap: Duration,
    attempts: u32,
    /// How many attempts in a row have failed, and the last of them.
    failed: Option<(u32, AttemptFailure)>,
    /// No attempt before this instant, whoever wants it.
    held_until: Instant,
    random: SplitMix64,
}

impl Backoff {
    pub(crate) const fn new(base: Duration, cap: Duration, seed: u64) -> Backoff {
        let (held_until, random) = (Instant::ZERO, SplitMix64::new(seed));
        Backoff { base, cap, attempts: 0, failed: None, held_until, random }
    }

    /// The next delay: anywhere between `base` and `base` · 2ⁿ for the n-th attempt, at most `cap`.
    pub(crate) fn next(&mut self) -> Duration {
        self.attempts = self.attempts.saturating_add(1);
        let factor = 1_u32.checked_shl(self.attempts).unwrap_or(u32::MAX);
        let ceiling = self.base.saturating_mul(factor).min(self.cap).max(self.base);
        let width = nanoseconds(ceiling.saturating_sub(self.base));
        Duration::from_nanos(
            nanoseconds(self.base).saturating_add(self.random.below(width.saturating_add(1))),
        )
    }

    /// Notes that an attempt has failed.
    pub(super) fn note_failure(&mut self, last: AttemptFailure) {
        let failed = self.failed.map_or(0, |(failed, _)| failed);
        self.failed = Some((failed.saturating_add(1), last));
    }

    /// How many attempts in a row have failed, and what the last one failed with.
    pub(super) const fn failed(&self) -> Option<(u32, AttemptFailure)> {
        self.failed
    }

    /// Begins another row of attempts, whose delays go on.
    pub(crate) const fn begin_row(&mut self) {
        self.failed = None;
    }

    /// Lets no attempt happen before an instant.
    pub(super) const fn hold_until(&mut self, at: Instant) {
        self.held_until = at;
    }

    pub(super) const fn held_until(&self) -> Instant {
        self.held_until
    }

    /// Whether there is nothing to go on with.
    pub(crate) const fn is_fresh(&self) -> bool {
        self.attempts == 0
    }

    /// The next delay is that of a first attempt again.
    pub(crate) const fn reset(&mut self) {
        (self.attempts, self.failed) = (0, None);
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The generator of Steele, Lea and Flood, "Fast splittable pseudorandom number generators".
#[derive(Clone, Debug)]
pub(crate) struct SplitMix64(u64);

impl SplitMix64 {
    pub(crate) const fn new(seed: u64) -> SplitMix64 {
        SplitMix64(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    const fn below(&mut self, limit: u64) -> u64 {
        let wide = (self.next() as u128).wrapping_mul(limit as u128);
        (wide >> 64) as u64
    }
}

#[cfg(test)]
#[path = "../../tests/unit/link_backoff.rs"]
mod tests;
