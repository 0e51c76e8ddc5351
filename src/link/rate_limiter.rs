//! [`RateLimiter`]: a limit on a rate, as a value of time.

use core::time::Duration;

use crate::value::time::Instant;

/// At most so many in any window of a length: the generic cell rate algorithm, without a timer, a loop or a
/// clock.
///
/// It is a value: [`take`](RateLimiter::take) gives the limiter as it is afterwards, and who does not keep
/// that has taken nothing. Half of the limit may come at once, the rest is spread over the window, so that
/// no window of that length, wherever it begins, holds more than the limit.
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
    /// What one costs, in nanoseconds.
    interval: u64,
    /// How many may come at once.
    burst: u64,
    /// When all that was taken is paid for.
    paid: Instant,
}

impl RateLimiter {
    /// At most `limit` in any `window`; a limit of zero counts as one.
    pub fn per_window(limit: u32, window: Duration) -> RateLimiter {
        let limit = u64::from(limit.max(1));
        let window = nanoseconds(window);
        let burst = (limit / 2).max(1);
        // A window of exactly that length holds both of its ends.
        let interval = match limit.saturating_sub(burst) {
            0 => window.saturating_add(1),
            spread => window.div_ceil(spread),
        };
        RateLimiter { interval: interval.max(1), burst, paid: Instant::ZERO }
    }

    /// Checks whether one may be taken, without taking it.
    ///
    /// # Errors
    ///
    /// The first instant at which one may be taken, if that is later than `now`.
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

    /// Takes one.
    ///
    /// # Errors
    ///
    /// The first instant at which one may be taken, if that is later than `now`.
    pub fn take(self, now: Instant) -> Result<RateLimiter, Instant> {
        self.check(now)?;
        Ok(self.overdraw(now))
    }

    /// The first instant at which one may be taken; it may have passed.
    pub fn free_at(self) -> Instant {
        let tolerance = self.interval.saturating_mul(self.burst.saturating_sub(1));
        Instant::from_nanos(self.paid.as_nanos().saturating_sub(tolerance))
    }

    /// The same if after it a number of others could still be taken at once, which depends on how many may be.
    pub(crate) fn free_at_sparing(self, spared: impl FnOnce(u64) -> u64) -> Instant {
        let burst = self.burst.saturating_sub(spared(self.burst)).max(1);
        RateLimiter { burst, ..self }.free_at()
    }

    /// None before an instant, and then one after the other.
    #[must_use]
    pub fn hold_until(self, at: Instant) -> RateLimiter {
        let tolerance = self.interval.saturating_mul(self.burst.saturating_sub(1));
        RateLimiter { paid: self.paid.max(at + Duration::from_nanos(tolerance)), ..self }
    }

    /// Notes that `used` of the limit were taken in the window that ends now, by whomever: what was taken here is
    /// among them. Until these are paid for, no window holds more than the limit.
    #[must_use]
    pub fn note_used(self, used: u64, now: Instant) -> RateLimiter {
        let debt = Duration::from_nanos(self.interval.saturating_mul(used));
        RateLimiter { paid: self.paid.max(now + debt), ..self }
    }

    /// The same with another limit. What was taken counts on, so many units of the old limit as units of the new one.
    #[must_use]
    pub(crate) fn changed(self, limit: u32, window: Duration, now: Instant) -> RateLimiter {
        let units = nanoseconds(self.paid.since(now)).div_ceil(self.interval);
        RateLimiter::per_window(limit, window).note_used(units, now)
    }

    /// Takes one, room or not: what comes later waits for it.
    #[must_use]
    pub(crate) fn overdraw(self, now: Instant) -> RateLimiter {
        RateLimiter { paid: self.paid.max(now) + Duration::from_nanos(self.interval), ..self }
    }

    /// Lets one be taken by then, whatever the limit and what was used of it say.
    #[must_use]
    pub(crate) fn free_by(self, at: Instant, longest: Duration) -> RateLimiter {
        let interval = self.interval.min(nanoseconds(longest).max(1));
        let tolerance = interval.saturating_mul(self.burst.saturating_sub(1));
        RateLimiter { interval, paid: self.paid.min(at + Duration::from_nanos(tolerance)), ..self }
    }

    /// Whether all that was taken is paid for.
    pub(crate) fn is_idle(self, now: Instant) -> bool {
        self.paid <= now
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    const WINDOW: Duration = Duration::from_secs(1);

    /// Takes as early as it can, from some instant on.
    fn greedy(mut limiter: RateLimiter, from: Instant, count: usize) -> Vec<Instant> {
        let mut now = from;
        let mut taken = Vec::new();
        while taken.len() < count {
            match limiter.take(now) {
                Ok(next) => {
                    limiter = next;
                    taken.push(now);
                }
                Err(at) => {
                    assert!(at > now);
                    now = at;
                }
            }
        }
        taken
    }

    #[test]
    fn no_window_holds_more() {
        for limit in [1, 2, 3, 5, 7, 10, 100] {
            let taken = greedy(RateLimiter::per_window(limit, WINDOW), Instant::from_secs(5), 500);
            for (first, start) in taken.iter().enumerate() {
                let within = taken.iter().skip(first).take_while(|at| at.since(*start) <= WINDOW).count();
                assert!(within <= limit as usize, "{within} of {limit} in a window");
            }
        }
    }

    #[test]
    fn nearly_all_of_the_limit_is_given() {
        let taken = greedy(RateLimiter::per_window(10, WINDOW), Instant::ZERO, 1_000);
        let seconds = taken.last().unwrap().since(Instant::ZERO).as_secs();
        // Half of ten at once, five a second from then on.
        assert_eq!(seconds, 199);
    }

    #[test]
    fn a_delay_that_was_asked_for_holds() {
        let until = Instant::from_secs(60);
        let limiter = RateLimiter::per_window(10, WINDOW).hold_until(until);
        assert_eq!(limiter.take(Instant::from_secs(59)), Err(until));
        let taken = greedy(limiter, Instant::ZERO, 3);
        assert_eq!(taken, [until, until + WINDOW / 5, until + WINDOW * 2 / 5]);
    }

    #[test]
    fn what_others_have_used_counts() {
        let now = Instant::from_secs(100);
        for limit in [1, 2, 3, 10, 100] {
            for used in 0..=limit {
                let limiter = RateLimiter::per_window(limit, WINDOW).note_used(used.into(), now);
                let taken = greedy(limiter, now, 500);
                let first = taken.iter().take_while(|at| at.since(now) < WINDOW).count();
                assert!(used as usize + first <= limit as usize, "{used} and {first} of {limit}");
            }
        }
        let limiter = RateLimiter::per_window(10, WINDOW);
        assert!(limiter.note_used(4, now).take(now).is_ok());
        assert_eq!(
            limiter.note_used(u64::MAX, now).free_by(now + WINDOW, WINDOW).take(now),
            Err(now + WINDOW)
        );
    }

    #[test]
    fn another_limit_counts_on() {
        let now = Instant::from_secs(100);
        let mut limiter = RateLimiter::per_window(10, WINDOW);
        for _ in 0..4 {
            limiter = limiter.take(now).unwrap();
        }
        // Four of four are used up, then one each half of the window.
        let strict = limiter.changed(4, WINDOW, now);
        assert_eq!(greedy(strict, now, 2), [now + WINDOW * 3 / 2, now + WINDOW * 2]);
        assert_eq!(strict.changed(10, WINDOW, now).free_at(), limiter.free_at());
    }

    #[test]
    fn extremes_do_not_overflow() {
        let limiter = RateLimiter::per_window(u32::MAX, Duration::MAX);
        assert!(limiter.take(Instant::from_nanos(u64::MAX)).is_ok());
        let _ = limiter.hold_until(Instant::from_nanos(u64::MAX)).free_at();
        assert!(RateLimiter::per_window(0, Duration::ZERO).take(Instant::ZERO).is_ok());
    }
}
