//! [`FirstChanges`]: the first changes of each book of market data v1.

use crate::event::batch::{Changes, Run};
use crate::message::{LevelChange, MarketUpdate};
use crate::value::symbol_map::SymbolMap;

/// The symbols of which a connection of market data v1 has sent levels.
///
/// The connection begins with all levels of each book, and so with none of an empty book. As long as no frame is lost,
/// the first changes of a symbol without such levels are therefore the whole book.
#[derive(Clone, Debug)]
pub(crate) struct FirstChanges {
    begun: SymbolMap<()>,
    is_new: bool,
}

impl FirstChanges {
    pub(crate) const fn new() -> FirstChanges {
        FirstChanges { begun: SymbolMap::new(), is_new: true }
    }

    /// Returns whether no update has come, and notes that one has.
    pub(crate) const fn take_first(&mut self) -> bool {
        core::mem::replace(&mut self.is_new, false)
    }

    /// Returns of how many symbols levels have come.
    pub(crate) const fn len(&self) -> usize {
        self.begun.len()
    }

    /// Notes the symbols of an update. Returns whether all its changes, except the levels with which a connection
    /// begins, are the first ones of their symbols.
    pub(crate) fn note<'f>(&mut self, update: &MarketUpdate<'f>) -> bool {
        let named = |change: LevelChange<'f>| Some((change.symbol.or(update.symbol)?, Run::of(&change)));
        let (mut is_any, mut are_first) = (false, true);
        // Several changes may be of one symbol.
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
