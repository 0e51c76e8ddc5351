//! [`Backoff`]: how long to wait before the next attempt to connect.

use core::time::Duration;

use crate::event::reason::AttemptFailure;
use crate::value::time::Instant;

/// Chooses random delays before attempts to connect, and counts the failed attempts. A delay is between `base` and a
/// ceiling that doubles with each attempt, up to `cap`.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    base: Duration,
    cap: Duration,
    attempts: u32,
    /// How many attempts have failed since the last `begin_row` or `reset`, and why the last of them failed. An
    /// attempt also fails if its link ends before it is live.
    failed: Option<(u32, AttemptFailure)>,
    held_until: Instant,
    random: SplitMix64,
}

impl Backoff {
    pub(crate) const fn new(base: Duration, cap: Duration, seed: u64) -> Backoff {
        let (held_until, random) = (Instant::ZERO, SplitMix64::new(seed));
        Backoff { base, cap, attempts: 0, failed: None, held_until, random }
    }

    pub(crate) fn next(&mut self) -> Duration {
        self.attempts = self.attempts.saturating_add(1);
        let factor = 1_u32.checked_shl(self.attempts).unwrap_or(u32::MAX);
        let ceiling = self.base.saturating_mul(factor).min(self.cap).max(self.base);
        let width = nanoseconds(ceiling.saturating_sub(self.base));
        Duration::from_nanos(
            nanoseconds(self.base).saturating_add(self.random.below(width.saturating_add(1))),
        )
    }

    pub(super) fn note_failure(&mut self, last: AttemptFailure) {
        let failed = self.failed.map_or(0, |(failed, _)| failed);
        self.failed = Some((failed.saturating_add(1), last));
    }

    pub(super) const fn failed(&self) -> Option<(u32, AttemptFailure)> {
        self.failed
    }

    /// Resets the count of failed attempts. The delays continue to grow.
    pub(crate) const fn begin_row(&mut self) {
        self.failed = None;
    }

    pub(super) const fn hold_until(&mut self, at: Instant) {
        self.held_until = at;
    }

    pub(super) const fn held_until(&self) -> Instant {
        self.held_until
    }

    pub(crate) const fn is_fresh(&self) -> bool {
        self.attempts == 0
    }

    pub(crate) const fn reset(&mut self) {
        (self.attempts, self.failed) = (0, None);
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The generator of pseudorandom numbers in the paper "Fast splittable pseudorandom number generators" by Steele, Lea
/// and Flood.
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

    const fn below(&mut self, limit: u64) -> u64 {
        let wide = (self.next() as u128).wrapping_mul(limit as u128);
        (wide >> 64) as u64
    }
}

#[cfg(test)]
#[path = "../../tests/unit/link_backoff.rs"]
mod tests;
