//! Compares the ladder with a plain map, and tests its invariants and its memory.

extern crate std;
use super::*;
use std::collections::BTreeMap;
use std::vec::Vec;

/// A linear congruential generator, which returns its upper bits.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % end
    }
}

fn level(price: i64, quantity: i64) -> Level {
    Level { price: Decimal::new(price, 2).unwrap(), quantity: Decimal::new(quantity, 0).unwrap() }
}

fn set(ladder: &mut Ladder, level: &Level) {
    match ladder.find(level.price) {
        Ok(slot) if level.quantity.is_zero() => ladder.remove(slot),
        Ok(slot) => ladder.overwrite(slot, level),
        Err(_) if level.quantity.is_zero() => {}
        Err(slot) => ladder.insert(slot, level),
    }
}

/// Checks what the documentation of [`Ladder`] states about its slots.
fn check(ladder: &Ladder) {
    assert_eq!(ladder.slots.iter().filter(|level| is_filled(level)).count(), ladder.filled);
    assert!(ladder.slots.last().is_none_or(is_filled), "the last slot is vacant");
    assert!(!ladder.slots[..ladder.begin].iter().any(is_filled), "a level before the first one");
    assert!(ladder.near > 0 || ladder.slots.is_empty(), "slots without a top");
    assert!(ladder.top().iter().all(is_filled));
    for pair in [&ladder.slots, ladder.top()].concat().windows(2) {
        let order = pair[0].price.cmp(&pair[1].price);
        assert_ne!(order, if ladder.descending { Ordering::Greater } else { Ordering::Less }, "{pair:?}");
        assert!(order != Ordering::Equal || !is_filled(&pair[1]), "not the first of its price: {pair:?}");
    }
}

fn agrees(ladder: &Ladder, plain: &BTreeMap<i64, i64>) {
    check(ladder);
    let forwards: Vec<Level> = ladder.iter().copied().collect();
    let mut backwards: Vec<Level> = ladder.iter().rev().copied().collect();
    backwards.reverse();
    let mut expected: Vec<Level> = plain.iter().map(|(price, quantity)| level(*price, *quantity)).collect();
    if ladder.descending {
        expected.reverse();
    }
    assert_eq!(forwards, expected);
    assert_eq!(backwards, expected);
    assert_eq!((ladder.iter().len(), ladder.best()), (expected.len(), expected.first()));
    assert_eq!(ladder.worst(), expected.last());
}

/// Compares sides of up to thousands of levels with a plain map. The changes are anywhere, near either end, or in a
/// narrow range.
#[test]
fn agrees_with_a_plain_map() {
    for (seed, descending) in [(1, true), (2, false)] {
        let (mut random, mut ladder, mut plain) = (Random(seed), Ladder::new(descending), BTreeMap::new());
        for step in 0..60_000_u32 {
            let (range, from) = match step / 10_000 {
                0 | 2 => (8_000, 1),
                1 => (40, 4_000),
                3 => (300, if descending { 7_700 } else { 1 }),
                4 => (300, if descending { 1 } else { 7_700 }),
                _ => (2_000, 3_000),
            };
            let price = from + random.below(range) as i64;
            // In the second half of each 10,000 steps, more levels are removed than added.
            let removes = random.below(5) < if step % 10_000 < 5_000 { 1 } else { 3 };
            let quantity = if removes { 0 } else { 1 + random.below(1_000) as i64 };
            set(&mut ladder, &level(price, quantity));
            if quantity == 0 {
                plain.remove(&price);
            } else {
                plain.insert(price, quantity);
            }
            if step % 7 == 0 {
                ladder.worst_place();
            }
            if step % 97 == 0 {
                agrees(&ladder, &plain);
            }
        }
        for price in 0..8_001 {
            set(&mut ladder, &level(price, 0));
        }
        agrees(&ladder, &BTreeMap::new());
    }
}

/// A full side drops its worst level for each new level. The search for the worst level passes each vacant slot once.
#[test]
fn the_search_for_the_worst_level_passes_a_vacant_slot_once() {
    let mut ladder = Ladder::new(true);
    (1..=5_000).for_each(|price| set(&mut ladder, &level(price, 1)));
    let mut passed = 0;
    for price in 5_001..=10_000 {
        let begin = ladder.begin;
        let worst = ladder.worst_place();
        passed += worst - begin;
        assert_eq!(ladder.slots[worst].price, level(price - 5_000, 1).price);
        ladder.remove(worst);
        set(&mut ladder, &level(price, 1));
    }
    check(&ladder);
    assert!(passed <= 2 * 5_000, "{passed} slots were passed");
}

/// Returns how many bytes a ladder takes for each level, with its unused capacity.
fn bytes(ladder: &Ladder) -> usize {
    (size_of::<Ladder>() + ladder.slots.capacity() * size_of::<Level>()).div_ceil(ladder.len())
}

/// Tests the figure in the documentation of [`OrderBook`](crate::OrderBook): 30 bytes for each level and less than a
/// kilobyte are at most 32 bytes for each level, if there are at least 1,000 levels.
#[test]
fn a_level_takes_at_most_32_bytes() {
    let mut random = Random(3);
    for count in [1_000, 20_000, 100_000] {
        let levels: Vec<Level> = (0..count).rev().map(|place| level(2 * place + 2, 1)).collect();
        let doubled = [&levels[..], &levels[..]].concat();
        for snapshot in [&levels, &doubled] {
            let mut ladder = Ladder::new(true);
            assert!(!ladder.replace(snapshot, count as usize));
            assert!(bytes(&ladder) <= 32, "{} bytes after a snapshot of {count}", bytes(&ladder));
            for step in 0..6 * count {
                // At first as many levels are added as removed, and then levels are only added.
                let place = random.below(2 * count as u64) as i64 + 1;
                let there = place % 2 == 0;
                let quantity = if step < 3 * count { i64::from(there != (step % 3 == 0)) } else { 1 };
                set(&mut ladder, &level(place, quantity));
                if step % (count / 10) == 0 && ladder.len() >= count as usize {
                    assert!(bytes(&ladder) <= 32, "{} bytes after {step} changes to {count}", bytes(&ladder));
                }
            }
            check(&ladder);
        }
    }
}
