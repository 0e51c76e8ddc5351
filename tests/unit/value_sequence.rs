//! Tests the order of updates with tables.

use super::*;

#[test]
fn places() {
    use Sequenced::{Gap, Next, Stale};
    // last, U, u, strict, lax
    let table = [
        (100, 100, 120, Next, Next),
        (100, 90, 120, Next, Next),
        (100, 101, 120, Gap, Next),
        (100, 102, 120, Gap, Gap),
        (100, 90, 100, Stale, Stale),
        (100, 100, 100, Stale, Stale),
        (100, 90, 99, Stale, Stale),
        (u64::MAX, u64::MAX, u64::MAX, Stale, Stale),
    ];
    for (last, first, last_of_update, strict, lax) in table {
        assert_eq!(sequence(last, first, last_of_update, GapRule::Strict), strict);
        assert_eq!(sequence(last, first, last_of_update, GapRule::Lax), lax);
    }
}

#[test]
fn positions() {
    use DepthRole::{BeforeSnapshot, Gap, Snapshot, Stale, Update};
    // U, u, live, recorded
    let table = [
        (90, 95, BeforeSnapshot, BeforeSnapshot),
        (100, 100, Snapshot, Snapshot),
        (90, 100, Stale, Stale),
        (100, 110, Update, Update),
        (100, 110, Stale, Stale),
        (110, 120, Update, Update),
        (130, 140, Gap { expected: 120 }, Gap { expected: 120 }),
        (140, 150, BeforeSnapshot, BeforeSnapshot),
        (160, 160, Snapshot, Snapshot),
        (170, 170, Gap { expected: 160 }, Snapshot),
    ];
    let (mut live, mut recorded) = (Position::default(), Position::default());
    for (first, last, expected_live, expected_recorded) in table {
        assert_eq!(live.advance(first, last, GapRule::Strict), expected_live, "{first}..{last}");
        assert_eq!(
            recorded.advance_recorded(first, last, GapRule::Strict),
            expected_recorded,
            "{first}..{last}"
        );
    }
}
