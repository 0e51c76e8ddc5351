//! `Ladder`: the sorted levels of one side of a book. The best levels are in an array of the ladder itself (the top),
//! the others in one block of memory (the slots).
//!
//! The best level comes last. Most changes are near the best price, so the search ends soon. A new or removed level
//! moves only the levels that are better than this level, unless the top is full or becomes empty. Because the best
//! levels are in the ladder itself and not behind a pointer, most changes touch only neighbouring cache lines.
//! Farther from the best price, a removed level leaves a vacant slot for the next new level near it. So a change
//! there moves only a few levels.
//!
//! Levels are sorted by their exact prices. While all prices of a book have the same number of decimals, as the venue
//! sends them, comparing two prices compares two integers.

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;
use core::iter::FusedIterator;

use crate::message::Level;
use crate::value::decimal::Decimal;

const TOP: usize = 16;

const SPILL: usize = 4;

const REFILL: usize = 12;

/// The number of best levels that the function `find` compares without branches.
const NEAR: usize = 8;

/// If a new level belongs among the last `DENSE` slots, `Ladder` moves the levels that come after it. Moving so few
/// levels costs less than finding a vacant slot.
const DENSE: usize = 48;

const EVERY: usize = 8;

/// The number of slots on each side of a new level that `Ladder::take_vacant` searches.
const REACH: usize = 128;

/// The levels of one side of a book: the best ones in `top`, the others in `slots`.
///
/// A slot whose quantity is zero is vacant. No slot has a better price than the next slot. If several slots have the
/// same price, only the first of them can have a level. The last slot always has a level, and the top is empty only
/// if there are no slots.
///
/// A place is an index that counts the slots first and then the entries of the top: the top begins at the place
/// `slots.len()`.
pub(crate) struct Ladder {
    /// The best levels, best last. Only the first `near` entries are in use.
    top: [Level; TOP],
    near: usize,
    slots: Vec<Level>,
    /// All slots before this index are vacant. Further slots may be vacant.
    begin: usize,
    filled: usize,
    /// The number of decimals of every price. `None` if prices may have different numbers of decimals.
    scale: Option<u8>,
    descending: bool,
}

/// An iterator over the levels of a [`BookSide`](crate::BookSide), best first.
#[derive(Clone, Debug)]
pub struct Levels<'b> {
    top: core::slice::Iter<'b, Level>,
    slots: core::slice::Iter<'b, Level>,
    remaining: usize,
}

impl Ladder {
    pub(super) const fn new(descending: bool) -> Ladder {
        let none = Level { price: Decimal::ZERO, quantity: Decimal::ZERO };
        Ladder { top: [none; TOP], near: 0, slots: Vec::new(), begin: 0, filled: 0, scale: None, descending }
    }

    pub(super) const fn len(&self) -> usize {
        self.filled.saturating_add(self.near)
    }

    #[inline]
    fn top(&self) -> &[Level] {
        self.top.get(..self.near).unwrap_or_default()
    }

    #[inline]
    pub(super) fn best(&self) -> Option<&Level> {
        self.top().last()
    }

    pub(super) fn worst(&self) -> Option<&Level> {
        self.slots.iter().skip(self.begin).find(|level| is_filled(level)).or(self.top().first())
    }

    /// Returns the place of the worst level, and stores it, so that later calls do not search the same vacant slots
    /// again.
    pub(super) fn worst_place(&mut self) -> usize {
        let vacant = self.slots.iter().skip(self.begin).position(is_filled);
        self.begin = vacant.map_or(self.slots.len(), |vacant| self.begin.saturating_add(vacant));
        self.begin
    }

    pub(super) fn iter(&self) -> Levels<'_> {
        Levels { top: self.top().iter(), slots: self.slots.iter(), remaining: self.len() }
    }

    pub(super) fn count_from(&self, place: usize) -> usize {
        let near = self.near.saturating_sub(place.saturating_sub(self.slots.len()));
        let far = self.slots.iter().skip(place).filter(|level| is_filled(level)).count();
        far.saturating_add(near)
    }

    pub(super) fn get(&self, price: Decimal) -> Option<&Level> {
        let place = self.find(price).ok()?;
        self.slots.get(place).or_else(|| self.top.get(place.checked_sub(self.slots.len())?))
    }

    /// Returns the place of the level at a price (`Ok`), or the place at which such a level can be inserted (`Err`).
    #[inline]
    pub(super) fn find(&self, price: Decimal) -> Result<usize, usize> {
        match (self.scale == Some(price.scale()), self.descending) {
            // The mantissas of these prices have the same order as the prices.
            (true, true) => self.find_by(|level| level.price.mantissa().cmp(&price.mantissa())),
            (true, false) => self.find_by(|level| price.mantissa().cmp(&level.price.mantissa())),
            (false, true) => self.find_by(|level| level.price.cmp(&price)),
            (false, false) => self.find_by(|level| price.cmp(&level.price)),
        }
    }

    /// Finds the first place whose level is not worse than a price. Returns `Ok` if the level has this price. `order`
    /// compares a level to the price: `Less` means that the level is worse.
    ///
    /// Counting the worse levels of the top costs less than a search, whose branches the processor cannot predict.
    #[inline]
    fn find_by(&self, order: impl Fn(&Level) -> Ordering) -> Result<usize, usize> {
        let is_worse = |level: &Level| order(level) == Ordering::Less;
        let far = self.slots.len();
        if far > 0 && self.top.first().is_some_and(|level| order(level) == Ordering::Greater) {
            let slot = find(&self.slots, is_worse);
            return match self.slots.get(slot) {
                Some(level) if is_filled(level) && order(level) == Ordering::Equal => Ok(slot),
                _ => Err(slot),
            };
        }
        let worse = find(self.top(), is_worse);
        let place = far.wrapping_add(worse);
        match self.top().get(worse) {
            Some(level) if order(level) == Ordering::Equal => Ok(place),
            _ => Err(place),
        }
    }

    #[inline]
    pub(super) fn overwrite(&mut self, place: usize, level: &Level) {
        self.note_scale(level.price);
        let entry = match place.checked_sub(self.slots.len()) {
            Some(place) => self.top.get_mut(place),
            None => self.slots.get_mut(place),
        };
        if let Some(entry) = entry {
            *entry = *level;
        }
    }

    #[inline]
    pub(super) fn remove(&mut self, place: usize) {
        let Some(place) = place.checked_sub(self.slots.len()) else {
            return self.remove_slot(place);
        };
        if place < self.near {
            self.top.copy_within(place.saturating_add(1)..self.near, place);
            self.near = self.near.saturating_sub(1);
        }
        if self.near == 0 {
            self.refill();
        }
    }

    fn remove_slot(&mut self, slot: usize) {
        self.filled = self.filled.saturating_sub(1);
        if slot.saturating_add(DENSE) < self.slots.len() {
            if let Some(level) = self.slots.get_mut(slot) {
                level.quantity = Decimal::ZERO;
            }
            return;
        }
        self.slots.remove(slot);
        self.drop_vacant();
    }

    fn drop_vacant(&mut self) {
        while self.slots.last().is_some_and(|level| !is_filled(level)) {
            self.slots.pop();
        }
        self.begin = self.begin.min(self.slots.len());
    }

    fn refill(&mut self) {
        while self.near < REFILL
            && let Some(level) = self.slots.pop()
        {
            if is_filled(&level)
                && let Some(entry) = self.top.get_mut(self.near)
            {
                *entry = level;
                self.near = self.near.saturating_add(1);
                self.filled = self.filled.saturating_sub(1);
            }
        }
        if let Some(top) = self.top.get_mut(..self.near) {
            top.reverse();
        }
        self.drop_vacant();
    }

    /// Inserts a level at the place that `find` has returned for its price (`Err`).
    #[inline]
    pub(super) fn insert(&mut self, place: usize, level: &Level) {
        self.note_scale(level.price);
        let Some(near) = place.checked_sub(self.slots.len()) else {
            return self.insert_slot(place, level);
        };
        if self.near == TOP {
            let far = self.spill();
            return match near.checked_sub(SPILL) {
                Some(near) => self.insert_top(near, level),
                None => self.insert_slot(far.saturating_add(near), level),
            };
        }
        self.insert_top(near, level);
    }

    #[inline]
    fn insert_top(&mut self, place: usize, level: &Level) {
        self.top.copy_within(place..self.near, place.saturating_add(1));
        if let Some(entry) = self.top.get_mut(place) {
            *entry = *level;
            self.near = self.near.saturating_add(1);
        }
    }

    /// Moves the worst levels of the top to the slots. Returns how many slots there were before.
    fn spill(&mut self) -> usize {
        if self.slots.capacity().saturating_sub(self.slots.len()) < SPILL {
            self.spread();
        }
        let before = self.slots.len();
        self.slots.extend(self.top.iter().take(SPILL));
        self.filled = self.filled.saturating_add(SPILL);
        self.top.copy_within(SPILL..self.near, 0);
        self.near = self.near.saturating_sub(SPILL);
        before
    }

    fn insert_slot(&mut self, slot: usize, level: &Level) {
        self.filled = self.filled.saturating_add(1);
        self.begin = self.begin.min(slot);
        if slot.saturating_add(DENSE) >= self.slots.len() && self.slots.len() < self.slots.capacity() {
            self.slots.insert(slot, *level);
        } else if !self.take_vacant(slot, level) {
            self.insert_after_spreading(level);
        }
    }

    #[cold]
    fn insert_after_spreading(&mut self, level: &Level) {
        self.spread();
        let (Ok(slot) | Err(slot)) = self.find(level.price);
        let slot = slot.min(self.slots.len());
        if slot.saturating_add(DENSE) >= self.slots.len() || !self.take_vacant(slot, level) {
            self.slots.insert(slot, *level);
        }
    }

    /// Inserts a level before a slot, and moves levels into the nearest vacant slot to make room. Returns `false`,
    /// without effect, if no slot within [`REACH`] is vacant.
    fn take_vacant(&mut self, slot: usize, level: &Level) -> bool {
        let (worse, better) = self.slots.split_at_mut(slot);
        let above = better.iter().take(REACH).position(|level| !is_filled(level));
        // Among the worse slots, only a vacant slot that is nearer than `above` matters.
        let reach = above.unwrap_or(REACH);
        let below = worse.iter().rev().take(reach).position(|level| !is_filled(level));
        match (below, above) {
            (Some(distance), _) => {
                let vacant = worse.len().saturating_sub(distance).saturating_sub(1);
                worse.copy_within(vacant.saturating_add(1).., vacant);
                self.begin = self.begin.min(vacant);
                if let Some(last) = worse.last_mut() {
                    *last = *level;
                }
                true
            }
            (None, Some(distance)) => {
                better.copy_within(..distance, 1);
                if let Some(first) = better.first_mut() {
                    *first = *level;
                }
                true
            }
            (None, None) => false,
        }
    }

    fn spread(&mut self) {
        self.slots.retain(is_filled);
        self.begin = 0;
        let count = self.slots.len();
        let vacant = count.saturating_sub(DENSE) / EVERY;
        let least = count.saturating_add(vacant).saturating_add(count / 16).saturating_add(8);
        if self.slots.capacity() < least {
            self.reserve(count);
        }
        let Some(best) = self.slots.last().copied() else { return };
        self.slots.resize(count.saturating_add(vacant), best);
        // Moves the best levels first, so that each place is free when a level moves there.
        let behind = vacant.saturating_mul(EVERY);
        self.slots.copy_within(behind..count, behind.saturating_add(vacant));
        for group in (0..vacant).rev() {
            let from = group.saturating_mul(EVERY);
            let to = from.saturating_add(group);
            self.slots.copy_within(from..from.saturating_add(EVERY), to);
            if let Some([before, vacant]) =
                self.slots.get_mut(to..).and_then(|slots| slots.get_mut(EVERY - 1..=EVERY))
            {
                *vacant = Level { price: before.price, quantity: Decimal::ZERO };
            }
        }
    }

    fn reserve(&mut self, count: usize) {
        self.slots.reserve_exact(room(count).saturating_sub(self.slots.len()));
    }

    /// Replaces all levels by the best `most` levels of a snapshot. Returns whether levels were dropped.
    pub(super) fn replace(&mut self, levels: &[Level], most: usize) -> bool {
        self.clear();
        let Some(first) = levels.first() else { return false };
        let scale = first.price.scale();
        self.scale = Some(scale).filter(|scale| levels.iter().all(|level| level.price.scale() == *scale));
        self.reserve(levels.len().min(most));
        // A usual snapshot is sorted and has no level whose quantity is zero, so its levels only have to be copied.
        let dropped = if levels.iter().all(is_filled) && self.is_best_first(levels) {
            self.slots.extend(levels.iter().take(most).rev());
            levels.len() > most
        } else {
            self.slots.extend_from_slice(levels);
            self.sort();
            let excess = self.slots.len().saturating_sub(most);
            self.slots.drain(..excess);
            excess > 0
        };
        self.filled = self.slots.len();
        self.refill();
        dropped
    }

    fn is_best_first(&self, levels: &[Level]) -> bool {
        match (self.scale.is_some(), self.descending) {
            (true, true) => levels.is_sorted_by(|a, b| a.price.mantissa() > b.price.mantissa()),
            (true, false) => levels.is_sorted_by(|a, b| a.price.mantissa() < b.price.mantissa()),
            (false, true) => levels.is_sorted_by(|a, b| a.price > b.price),
            (false, false) => levels.is_sorted_by(|a, b| a.price < b.price),
        }
    }

    /// Sorts the levels of a snapshot. Of several levels at one price, keeps the last. Removes levels whose quantity
    /// is zero.
    #[cold]
    fn sort(&mut self) {
        // Each sort is stable. It takes linear time for levels that are in order or in the reverse order.
        match (self.scale.is_some(), self.descending) {
            (true, true) => self.slots.sort_by_key(|level| level.price.mantissa()),
            (true, false) => self.slots.sort_by_key(|level| core::cmp::Reverse(level.price.mantissa())),
            (false, true) => self.slots.sort_by_key(|level| level.price),
            (false, false) => self.slots.sort_by_key(|level| core::cmp::Reverse(level.price)),
        }
        self.slots.dedup_by(|later, kept| {
            let is_same = later.price == kept.price;
            if is_same {
                *kept = *later;
            }
            is_same
        });
        self.slots.retain(is_filled);
        self.slots.shrink_to(room(self.slots.len()));
    }

    pub(super) fn clear(&mut self) {
        self.slots.clear();
        (self.begin, self.filled, self.near) = (0, 0, 0);
        self.scale = None;
    }

    #[inline]
    fn note_scale(&mut self, price: Decimal) {
        if self.near == 0 {
            self.scale = Some(price.scale());
        } else if self.scale != Some(price.scale()) {
            self.scale = None;
        }
    }
}

const fn room(count: usize) -> usize {
    count.saturating_add(count / 4).saturating_add(16)
}

#[inline]
fn is_filled(level: &Level) -> bool {
    !level.quantity.is_zero()
}

/// Returns the index of the first level that is not worse than a price. The levels are sorted from worst to best. If
/// the index is among the last `NEAR` levels, counts the worse ones of these levels, which needs no branches.
#[inline]
fn find(slots: &[Level], is_worse: impl Fn(&Level) -> bool) -> usize {
    let (far, near) = slots.split_at(slots.len().saturating_sub(NEAR));
    if near.first().is_some_and(&is_worse) || far.is_empty() {
        let worse = near.iter().map(|level| usize::from(is_worse(level))).fold(0, usize::wrapping_add);
        far.len().wrapping_add(worse)
    } else {
        far.partition_point(is_worse)
    }
}

impl Clone for Ladder {
    fn clone(&self) -> Ladder {
        Ladder { slots: self.slots.clone(), ..*self }
    }

    fn clone_from(&mut self, other: &Ladder) {
        let mut slots = core::mem::take(&mut self.slots);
        slots.clone_from(&other.slots);
        *self = Ladder { slots, ..*other };
    }
}

impl fmt::Debug for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'b> Iterator for Levels<'b> {
    type Item = &'b Level;

    #[inline]
    fn next(&mut self) -> Option<&'b Level> {
        self.remaining = self.remaining.checked_sub(1)?;
        self.top.next_back().or_else(|| self.slots.rfind(|level| is_filled(level)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.remaining, Some(self.remaining))
    }
}

impl DoubleEndedIterator for Levels<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.remaining = self.remaining.checked_sub(1)?;
        self.slots.find(|level| is_filled(level)).or_else(|| self.top.next())
    }
}

impl ExactSizeIterator for Levels<'_> {}

impl FusedIterator for Levels<'_> {}

#[cfg(test)]
#[path = "../../tests/unit/state_ladder.rs"]
mod tests;
