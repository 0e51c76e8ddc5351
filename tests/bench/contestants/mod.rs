//! Three ways to keep a book. All of them use the library's decimals, so that they differ only in their structure.

pub(crate) mod symbols;

use std::collections::BTreeMap;

use gemini_ws::{Applied, Decimal, Depth, Level, OrderBook};

pub(crate) trait Contestant {
    fn replace(&mut self, snapshot: &Depth<'_>);
    fn apply(&mut self, changes: &Depth<'_>);
    fn best(&self) -> Option<(Level, Level)>;
    /// Returns the numbers of bids and asks.
    fn levels(&self) -> (usize, usize);
}

impl Contestant for OrderBook {
    fn replace(&mut self, snapshot: &Depth<'_>) {
        OrderBook::replace(self, snapshot);
    }

    fn apply(&mut self, changes: &Depth<'_>) {
        let applied = OrderBook::apply(self, changes);
        debug_assert_eq!(applied, Applied::Changed);
    }

    fn best(&self) -> Option<(Level, Level)> {
        OrderBook::best(self)
    }

    fn levels(&self) -> (usize, usize) {
        (self.bids().len(), self.asks().len())
    }
}

#[derive(Debug, Default)]
pub(crate) struct Map {
    bids: BTreeMap<Decimal, Decimal>,
    asks: BTreeMap<Decimal, Decimal>,
}

impl Contestant for Map {
    fn replace(&mut self, snapshot: &Depth<'_>) {
        // The fastest way to fill a `BTreeMap`: `collect` sorts the levels and builds the tree in one pass.
        let filled = |levels: &[Level]| {
            let filled = levels.iter().filter(|level| !level.quantity.is_zero());
            filled.map(|level| (level.price, level.quantity)).collect()
        };
        (self.bids, self.asks) = (filled(snapshot.bids), filled(snapshot.asks));
    }

    fn apply(&mut self, changes: &Depth<'_>) {
        for (side, levels) in [(&mut self.bids, changes.bids), (&mut self.asks, changes.asks)] {
            for level in levels {
                if level.quantity.is_zero() {
                    side.remove(&level.price);
                } else {
                    side.insert(level.price, level.quantity);
                }
            }
        }
    }

    fn best(&self) -> Option<(Level, Level)> {
        let level = |(price, quantity): (&Decimal, &Decimal)| Level { price: *price, quantity: *quantity };
        Some((level(self.bids.last_key_value()?), level(self.asks.first_key_value()?)))
    }

    fn levels(&self) -> (usize, usize) {
        (self.bids.len(), self.asks.len())
    }
}

/// A sorted `Vec` for each side. The best level is last, so that changes near the best level move few levels.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    bids: Vec<Level>,
    asks: Vec<Level>,
}

impl Contestant for Sorted {
    fn replace(&mut self, snapshot: &Depth<'_>) {
        for (side, levels) in [(&mut self.bids, snapshot.bids), (&mut self.asks, snapshot.asks)] {
            side.clear();
            side.extend(levels.iter().rev());
        }
        // If a frame has several levels at one price, the last one applies. The levels are reversed here, so the last
        // level is now the first of its price, and `dedup_by` keeps it.
        self.bids.sort_by_key(|level| level.price);
        self.asks.sort_by_key(|level| std::cmp::Reverse(level.price));
        for side in [&mut self.bids, &mut self.asks] {
            side.dedup_by(|later, kept| later.price == kept.price);
            side.retain(|level| !level.quantity.is_zero());
        }
    }

    fn apply(&mut self, changes: &Depth<'_>) {
        for level in changes.bids {
            let found = self.bids.binary_search_by(|own| own.price.cmp(&level.price));
            set(&mut self.bids, found, level);
        }
        for level in changes.asks {
            let found = self.asks.binary_search_by(|own| level.price.cmp(&own.price));
            set(&mut self.asks, found, level);
        }
    }

    fn best(&self) -> Option<(Level, Level)> {
        Some((*self.bids.last()?, *self.asks.last()?))
    }

    fn levels(&self) -> (usize, usize) {
        (self.bids.len(), self.asks.len())
    }
}

fn set(side: &mut Vec<Level>, found: Result<usize, usize>, level: &Level) {
    match found {
        Ok(position) if level.quantity.is_zero() => {
            side.remove(position);
        }
        Ok(position) => side[position] = *level,
        Err(_) if level.quantity.is_zero() => {}
        Err(position) => side.insert(position, *level),
    }
}
