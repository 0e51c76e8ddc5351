//! [`RateLimiter`]: a rate limit as a plain value.

use core::time::Duration;

use crate::value::time::Instant;

/// The end of the clock. Sums of times do not exceed it.
const END: Instant = Instant::from_nanos(u64::MAX);

/// A limit on how many units, such as requests, may be taken in any window of a given length. The algorithm is the
/// generic cell rate algorithm, without a timer, a loop or a clock.
///
/// A limiter is a plain value: [`take`](RateLimiter::take) returns a changed limiter, and leaves the original as it
/// is. Half of the limit, rounded down but not to zero, may be taken at once. The rest is spread evenly over the
/// window. So no window of the given length, wherever it starts, contains more than the limit.
///
/// ```
/// use core::time::Duration;
/// use gemini_ws::{Instant, RateLimiter};
///
/// let start = Instant::from_secs(10);
/// let mut limiter = RateLimiter::per_window(4, Duration::from_secs(1));
/// for _ in 0..2 {
///     limiter = limiter.take(start).unwrap();
/// }
/// assert_eq!(limiter.take(start), Err(Instant::from_millis(10_500)));
/// assert!(limiter.take(Instant::from_millis(10_500)).is_ok());
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RateLimiter {
    /// How long the limiter needs to recover from one unit, in nanoseconds.
    interval: u64,
    burst: u64,
    /// When the limiter will have recovered from all units that were taken, and from `hold_until`.
    paid: Instant,
}

impl RateLimiter {
    /// Creates a limiter of at most `limit` units in any `window`. A limit of zero counts as one.
    pub fn per_window(limit: u32, window: Duration) -> RateLimiter {
        let limit = u64::from(limit.max(1));
        let window = nanoseconds(window);
        let burst = (limit / 2).max(1);
        // A window contains both of its ends. So if only one unit is allowed in a window, the interval is longer than
        // the window.
        let interval = match limit.saturating_sub(burst) {
            0 => window.saturating_add(1),
            spread => window.div_ceil(spread),
        };
        RateLimiter { interval: interval.max(1), burst, paid: Instant::ZERO }
    }

    /// Checks whether a unit may be taken, without taking it.
    ///
    /// # Errors
    ///
    /// Returns the first instant at which a unit may be taken, if this instant is later than `now`.
    ///
    /// ```
    /// use core::time::Duration;
    /// use gemini_ws::{Instant, RateLimiter};
    ///
    /// let limiter = RateLimiter::per_window(2, Duration::from_secs(1)).take(Instant::ZERO).unwrap();
    /// assert_eq!(limiter.check(Instant::ZERO), Err(limiter.free_at()));
    /// assert_eq!(limiter.check(limiter.free_at()), Ok(()));
    /// ```
    pub fn check(self, now: Instant) -> Result<(), Instant> {
        let free_at = self.free_at();
        if free_at > now { Err(free_at) } else { Ok(()) }
    }

    /// Takes one unit. Returns the changed limiter.
    ///
    /// # Errors
    ///
    /// Returns the first instant at which a unit may be taken, if this instant is later than `now`.
    pub fn take(self, now: Instant) -> Result<RateLimiter, Instant> {
        self.check(now)?;
        Ok(self.overdraw(now))
    }

    /// Returns the first instant at which a unit may be taken; this instant may have passed.
    pub fn free_at(self) -> Instant {
        if self.paid == END {
            // The sum that led to `paid` may be larger than `END`, so an earlier instant could be too early.
            return END;
        }
        let tolerance = self.interval.saturating_mul(self.burst.saturating_sub(1));
        Instant::from_nanos(self.paid.as_nanos().saturating_sub(tolerance))
    }

    /// Returns the first instant at which a unit may be taken and `spared(burst)` units remain after it. `burst` is
    /// how many units may be taken at once.
    pub(crate) fn free_at_sparing(self, spared: impl FnOnce(u64) -> u64) -> Instant {
        let burst = self.burst.saturating_sub(spared(self.burst)).max(1);
        RateLimiter { burst, ..self }.free_at()
    }

    /// Like [`free_at_sparing`](RateLimiter::free_at_sparing), but at least one unit remains, also for a limiter of
    /// which only one unit may be taken at once.
    pub(crate) fn free_at_leaving(self, spared: impl FnOnce(u64) -> u64) -> Instant {
        let rest = if self.burst > 1 { Duration::ZERO } else { self.time_of(1) };
        self.free_at_sparing(|burst| spared(burst).max(1)) + rest
    }

    pub(crate) fn time_of(self, units: u64) -> Duration {
        Duration::from_nanos(self.interval.saturating_mul(units))
    }

    /// Returns a limiter that allows no unit before `at`, and no burst directly after `at`.
    #[must_use]
    pub fn hold_until(self, at: Instant) -> RateLimiter {
        let tolerance = self.interval.saturating_mul(self.burst.saturating_sub(1));
        RateLimiter { paid: self.paid.max(at + Duration::from_nanos(tolerance)), ..self }
    }

    /// Returns a limiter that counts `used` units as taken in the window that ends now. `used` includes the units
    /// that were taken from this limiter, and the units that others, such as another process, have taken from the
    /// same limit. All of these units count as taken now, so no window contains more than the limit.
    #[must_use]
    pub fn note_used(self, used: u64, now: Instant) -> RateLimiter {
        let debt = Duration::from_nanos(self.interval.saturating_mul(used));
        RateLimiter { paid: self.paid.max(now + debt), ..self }
    }

    /// Returns a limiter with another limit. The number of used units stays the same.
    #[must_use]
    pub(crate) fn changed(self, limit: u32, window: Duration, now: Instant) -> RateLimiter {
        let units = nanoseconds(self.paid.since(now)).div_ceil(self.interval);
        RateLimiter::per_window(limit, window).note_used(units, now)
    }

    /// Takes one unit even if there is no room. Later units then wait longer.
    #[must_use]
    pub(crate) fn overdraw(self, now: Instant) -> RateLimiter {
        RateLimiter { paid: self.paid.max(now) + Duration::from_nanos(self.interval), ..self }
    }

    /// Returns a limiter that allows a unit at `at` or earlier, however many units were taken. Further units follow
    /// at intervals of at most `longest`.
    #[must_use]
    pub(crate) fn free_by(self, at: Instant, longest: Duration) -> RateLimiter {
        let interval = self.interval.min(nanoseconds(longest).max(1));
        let tolerance = interval.saturating_mul(self.burst.saturating_sub(1));
        RateLimiter { interval, paid: self.paid.min(at + Duration::from_nanos(tolerance)), ..self }
    }

    /// Returns whether the whole burst may be taken at once.
    pub(crate) fn is_idle(self, now: Instant) -> bool {
        self.paid <= now
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "../../tests/unit/link_rate_limiter.rs"]
mod tests;
