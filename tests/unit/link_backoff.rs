//! Tests of the private parts of `link/backoff.rs`.

extern crate std;
use super::*;
use std::vec::Vec;

#[test]
fn delays_lie_in_the_published_range() {
    let (base, cap) = (Duration::from_millis(500), Duration::from_secs(30));
    let ceilings = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000].map(Duration::from_millis);
    for seed in 0..1_000 {
        let mut backoff = Backoff::new(base, cap, seed);
        for ceiling in ceilings {
            let delay = backoff.next();
            assert!(delay >= base && delay <= ceiling, "{delay:?} for {ceiling:?}");
        }
        backoff.reset();
        assert!(backoff.next() <= Duration::from_secs(1));
    }
}

#[test]
fn delays_are_spread_and_reproducible() {
    let first = |seed| Backoff::new(Duration::from_secs(1), Duration::from_secs(60), seed).next();
    let delays: Vec<Duration> = (0..1_000).map(first).collect();
    let early = delays.iter().filter(|delay| **delay < Duration::from_millis(1_500)).count();
    assert!((400..600).contains(&early), "{early} of 1000 in the first half");
    assert_eq!(first(7), first(7));
}

#[test]
fn extremes_do_not_overflow() {
    let mut backoff = Backoff::new(Duration::MAX, Duration::MAX, 1);
    for _ in 0..100 {
        assert!(backoff.next() > Duration::ZERO);
    }
}
