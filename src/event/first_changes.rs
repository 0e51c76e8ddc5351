//! [`FirstChanges`]: the first changes of each book of market data v1.

use crate::event::batch::{Changes, Run};
use crate::message::{LevelChange, MarketUpdate};
use crate::value::symbol_map::SymbolMap;

/// The symbols of which a connection of market data v1 has sent levels.
///
/// A connection begins with all levels of each book that is not empty. So if it has sent no levels of a symbol and no
/// frame was lost, the book was empty, and the first changes of the symbol are its whole book.
#[derive(Clone, Debug)]
pub(crate) struct FirstChanges {
    begun: SymbolMap<()>,
    is_new: bool,
}

impl FirstChanges {
    pub(crate) const fn new() -> FirstChanges {
        FirstChanges { begun: SymbolMap::new(), is_new: true }
    }

    pub(crate) const fn take_first(&mut self) -> bool {
        core::mem::replace(&mut self.is_new, false)
    }

    pub(crate) const fn len(&self) -> usize {
        self.begun.len()
    }

    /// Adds the symbols of an update to `begun`. Returns whether the update changes levels, and each changed level is
    /// of a symbol that was not in `begun`. Entries that list an initial level or a new best level do not count as
    /// changes.
    pub(crate) fn note<'f>(&mut self, update: &MarketUpdate<'f>) -> bool {
        let named = |change: LevelChange<'f>| Some((change.symbol.or(update.symbol)?, Run::of(&change)));
        let (mut is_any, mut are_first) = (false, true);
        let mut new = SymbolMap::new();
        for (symbol, run) in Changes::of(update).filter_map(named) {
            let is_new = self.begun.get(symbol).is_none();
            if run == Run::Update {
                (is_any, are_first) = (true, are_first && is_new);
            }
            if let (true, Ok(symbol)) = (is_new, symbol.parse()) {
                new.get_or_insert(symbol, || ());
            }
        }
        for (symbol, ()) in new.iter() {
            self.begun.get_or_insert(symbol, || ());
        }
        is_any && are_first
    }
}
