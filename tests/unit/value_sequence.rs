//! Tests with tables which update is the next one, which is old, and which comes after a gap.

use super::*;

#[test]
fn places() {
    use Sequenced::{Gap, Next, Stale};
    // The last id, `U`, `u`, the result by the strict rule, the result by the lax rule.
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
    // `U`, `u`, the role of the frame in a live stream, its role in a recording.
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
        (150, 150, Snapshot, Snapshot),
        (140, 140, Stale, Snapshot),
        (140, 155, Update, Update),
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

/// By the lax rule, a frame whose only id is the next id is an update, both in a live stream and in a recording.
#[test]
fn single_ids_by_the_lax_rule() {
    use DepthRole::{Gap, Snapshot, Stale, Update};
    let (mut live, mut recorded) = (Position::default(), Position::default());
    for (id, expected_live, expected_recorded) in [
        (5, Snapshot, Snapshot),
        (6, Update, Update),
        (6, Stale, Stale),
        (8, Gap { expected: 6 }, Snapshot),
        (9, Snapshot, Update),
    ] {
        assert_eq!(live.advance(id, id, GapRule::Lax), expected_live, "{id}");
        assert_eq!(recorded.advance_recorded(id, id, GapRule::Lax), expected_recorded, "{id}");
    }
    let mut recorded = Position::at(u64::MAX - 1);
    assert_eq!(recorded.advance_recorded(u64::MAX, u64::MAX, GapRule::Lax), Update);
}
