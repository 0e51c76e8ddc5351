//! [`Publisher`]: collects the changes of one book until the exchange sends them at one [`Tempo`].
//!
//! All depth subscribers of a tempo get the same changes. So a new subscriber gets a snapshot of the book as it was
//! when changes were last sent.

use std::collections::BTreeMap;

use gemini_ws::Instant;

use crate::model::engine::{Change, Engine, PriceQuantity, Side};
use crate::value::tempo::Tempo;

#[derive(Clone, Debug, Default)]
pub(crate) struct Publisher {
    is_active: bool,
    /// Whether a task is scheduled that will publish the changes.
    is_armed: bool,
    /// The update id and the time of the book when changes were last sent.
    published: (u64, i64),
    /// The levels that have changed since changes were last sent, each with its quantity before its first change.
    pending: BTreeMap<(Side, u64), u64>,
}

impl Publisher {
    pub(crate) fn activate(&mut self, present: (u64, i64)) {
        if !self.is_active {
            self.is_active = true;
            self.published = present;
        }
    }

    pub(crate) fn deactivate(&mut self) {
        self.is_active = false;
        self.pending.clear();
    }

    /// Keeps changes. Returns true if the caller has to schedule the task that will publish them.
    pub(crate) fn record(&mut self, changes: &[Change]) -> bool {
        if !self.is_active {
            return false;
        }
        for change in changes {
            self.pending.entry((change.side, change.price)).or_insert(change.before);
        }
        let is_new = !self.is_armed && !self.pending.is_empty();
        self.is_armed |= is_new;
        is_new
    }

    pub(crate) const fn disarm(&mut self) {
        self.is_armed = false;
    }

    pub(crate) const fn published(&self) -> (u64, i64) {
        self.published
    }

    pub(crate) fn has_changes(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Returns the present quantities of the levels that have changed since changes were last sent: first the bids,
    /// then the asks. The levels of a side are not sorted, because the venue does not sort them. A level that was
    /// added and removed in this time is included.
    pub(crate) fn changes(&self, engine: &Engine) -> [Vec<PriceQuantity>; 2] {
        Side::BOTH.map(|side| {
            let keys = self.pending.range((side, 0)..=(side, u64::MAX));
            let mut levels: Vec<PriceQuantity> =
                keys.map(|(&(side, price), _)| (price, engine.quantity(side, price))).collect();
            let middle = levels.len() / 2;
            levels.rotate_left(middle);
            levels
        })
    }

    pub(crate) fn mark_published(&mut self, present: (u64, i64)) {
        self.published = present;
        self.pending.clear();
    }

    /// Returns the book as it was when changes were last sent, the best levels first.
    pub(crate) fn published_levels(&self, engine: &Engine, side: Side) -> Vec<PriceQuantity> {
        let mut levels: BTreeMap<u64, u64> = engine.best_first(side).collect();
        for (&(_, price), &before) in self.pending.range((side, 0)..=(side, u64::MAX)) {
            if before == 0 {
                levels.remove(&price);
            } else {
                levels.insert(price, before);
            }
        }
        match side {
            Side::Bid => levels.into_iter().rev().collect(),
            Side::Ask => levels.into_iter().collect(),
        }
    }
}

/// Returns the first instant after `now` at which a tempo publishes. `phase`, in ns, shifts the times of a symbol.
pub(crate) fn next_publication(now: Instant, tempo: Tempo, phase: u64) -> Instant {
    let period = u64::try_from(tempo.period().as_nanos()).unwrap_or(u64::MAX);
    let phase = phase % period;
    let periods = now.as_nanos().saturating_add(period).saturating_sub(phase) / period;
    Instant::from_nanos(phase.saturating_add(periods.saturating_mul(period)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::engine::{Effects, Remainder};

    #[test]
    fn publications_are_a_period_apart() {
        for (now, phase, expected) in
            [(0, 0, 100), (99, 0, 100), (100, 0, 200), (0, 30, 30), (30, 30, 130), (31, 130, 130)]
        {
            let next = next_publication(Instant::from_millis(now), Tempo::Fast, phase * 1_000_000);
            assert_eq!(next, Instant::from_millis(expected), "{now} {phase}");
        }
    }

    #[test]
    fn keeps_the_book_as_it_was_sent() {
        let mut engine = Engine::default();
        let mut effects = Effects::default();
        let kept = engine.place(Side::Bid, 100, 5, Remainder::Rests, &mut effects).unwrap();
        let mut publisher = Publisher::default();
        assert!(!publisher.record(effects.changes()), "nobody is subscribed");
        publisher.activate((7, 70));
        let before = publisher.published_levels(&engine, Side::Bid);

        effects.clear();
        engine.cancel(kept, &mut effects);
        engine.place(Side::Bid, 99, 1, Remainder::Rests, &mut effects);
        assert!(publisher.record(effects.changes()));
        assert_eq!(publisher.published_levels(&engine, Side::Bid), before);
        assert_eq!(publisher.changes(&engine), [vec![(100, 0), (99, 1)], vec![]]);
        publisher.mark_published((9, 90));
        assert_eq!(publisher.published_levels(&engine, Side::Bid), [(99, 1)]);
    }
}
