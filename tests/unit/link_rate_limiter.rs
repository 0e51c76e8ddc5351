//! Tests of the private parts of `link/rate_limiter.rs`.

extern crate std;
use super::*;
use std::vec::Vec;

const WINDOW: Duration = Duration::from_secs(1);

/// Takes `count` units from a limiter, each as early as the limiter allows, but not before `from`. Returns the
/// instants at which they were taken.
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
    // The limit is ten: five at once, and then five a second.
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
    assert_eq!(limiter.note_used(u64::MAX, now).free_by(now + WINDOW, WINDOW).take(now), Err(now + WINDOW));
}

#[test]
fn another_limit_counts_on() {
    let now = Instant::from_secs(100);
    let mut limiter = RateLimiter::per_window(10, WINDOW);
    for _ in 0..4 {
        limiter = limiter.take(now).unwrap();
    }
    // The four takes count for the new limit too, which then allows one take in each half of the window.
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

/// A limiter that is used up until the end of the clock stays used up, however many units it allows at once.
#[test]
fn a_limiter_that_recovers_only_at_the_end_of_the_clock_allows_nothing_before() {
    let end = Instant::from_nanos(u64::MAX);
    let limiter = RateLimiter::per_window(2_000, Duration::MAX);
    let mut used = limiter;
    for _ in 0..1_000 {
        used = used.take(Instant::from_secs(1)).unwrap();
    }
    let full = limiter.note_used(u64::MAX, Instant::ZERO);
    for limiter in [used, full, limiter.hold_until(end), limiter.overdraw(end)] {
        assert_eq!(limiter.free_at(), end);
        assert_eq!(limiter.take(Instant::from_nanos(u64::MAX - 1)), Err(end));
    }
}
