//! [`SymbolMap`]: a map from symbols to values, which finds a value by the text of its symbol.

use alloc::vec::Vec;
use hashbrown::HashTable;

use crate::value::symbol::{Symbol, fold};

/// A map with symbols as keys, compared without regard to case. Iteration follows the order of insertion, except that
/// [`SymbolMap::remove`] moves the last entry to the place of the removed entry.
#[derive(Clone, Debug)]
pub(crate) struct SymbolMap<T> {
    entries: Vec<Entry<T>>,
    table: HashTable<u32>,
}

/// A symbol and its value. The alignment is that of two cache lines, which processors fetch together. So no two
/// entries share such a pair of lines, which matters with many symbols.
#[derive(Clone, Debug)]
#[repr(C, align(128))]
struct Entry<T> {
    symbol: Symbol,
    value: T,
}

impl<T> SymbolMap<T> {
    pub(crate) const fn new() -> SymbolMap<T> {
        SymbolMap { entries: Vec::new(), table: HashTable::new() }
    }

    #[inline]
    fn position(&self, text: &str) -> Option<usize> {
        let same =
            |position: &u32| self.entries.get(*position as usize).is_some_and(|entry| entry.symbol.is(text));
        self.table.find(fold(text.as_bytes()), same).map(|position| *position as usize)
    }

    #[inline]
    pub(crate) fn get(&self, text: &str) -> Option<&T> {
        self.entries.get(self.position(text)?).map(|entry| &entry.value)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, text: &str) -> Option<&mut T> {
        self.get_mut_named(text).map(|(_, value)| value)
    }

    /// Returns the value, and the symbol as it was inserted.
    #[inline]
    pub(crate) fn get_mut_named(&mut self, text: &str) -> Option<(Symbol, &mut T)> {
        let position = self.position(text)?;
        self.entries.get_mut(position).map(|entry| (entry.symbol, &mut entry.value))
    }

    pub(crate) fn get_or_insert(&mut self, symbol: Symbol, make: impl FnOnce() -> T) -> Option<&mut T> {
        let position = match self.position(symbol.as_str()) {
            Some(position) => position,
            None => {
                let position = self.entries.len();
                self.entries.push(Entry { symbol, value: make() });
                let entries = &self.entries;
                let hash = |position: &u32| {
                    entries.get(*position as usize).map_or(0, |entry| fold(entry.symbol.as_str().as_bytes()))
                };
                self.table.insert_unique(fold(symbol.as_str().as_bytes()), position as u32, hash);
                position
            }
        };
        self.entries.get_mut(position).map(|entry| &mut entry.value)
    }

    pub(crate) fn remove(&mut self, symbol: Symbol) -> Option<T> {
        let position = self.position(symbol.as_str())?;
        self.forget(symbol, position);
        let last = self.entries.len().checked_sub(1)?;
        if let Some(moved) = self.entries.get(last).map(|entry| entry.symbol)
            && last != position
        {
            self.forget(moved, last);
            let hash = fold(moved.as_str().as_bytes());
            // The table has room, because an entry was just removed.
            self.table.insert_unique(hash, position as u32, |_| hash);
        }
        Some(self.entries.swap_remove(position).value)
    }

    fn forget(&mut self, symbol: Symbol, position: usize) {
        let hash = fold(symbol.as_str().as_bytes());
        if let Ok(entry) = self.table.find_entry(hash, |entry| *entry as usize == position) {
            entry.remove();
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Symbol, &T)> {
        self.entries.iter().map(|entry| (entry.symbol, &entry.value))
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut().map(|entry| &mut entry.value)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/value_symbol_map.rs"]
mod tests;
