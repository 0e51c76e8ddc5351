//! How [`Books`] finds out that the first snapshot of a symbol may have been dropped before it reached `Books`.

use crate::event::source::Source;
use crate::message::Depth;
use crate::state::books::{BOOKS_MAX, BookChange, Books, Entry};
use crate::value::endpoint::Endpoint;
use crate::value::symbol::Symbol;

impl Books {
    /// Handles an update of a symbol that has no book. If `missed` contains the symbol, its first snapshot may have
    /// been dropped: adds a stale book, and returns this change. Exception: if the first frame of the link has
    /// arrived and had no level of the symbol, does not add a book.
    #[cold]
    pub(super) fn miss_snapshot(&mut self, depth: &Depth<'_>, source: &Source<'_>) -> Option<BookChange> {
        source.link()?;
        let without = self.missed.get(depth.symbol)?;
        if *without == source.link() || self.has_first_frame(source) {
            // The first frame has arrived, and has no level of the symbol. Another first frame would have none
            // either.
            if let Some(without) = self.missed.get_mut(depth.symbol) {
                *without = source.link();
            }
            return None;
        }
        let symbol = depth.symbol.parse().ok()?;
        let entry = self.entry_if_room(depth.symbol)?;
        entry.endpoint = source.endpoint();
        entry.standing.note(source, depth.event_time);
        entry.miss_snapshot();
        self.missed.remove(symbol);
        Some(BookChange { symbol, bids: false, asks: false })
    }

    /// Returns whether `source` is a link of market data v1 whose first frame has reached `Books`. If so, a book of
    /// at least one symbol has data from this link.
    fn has_first_frame(&self, source: &Source<'_>) -> bool {
        let begun =
            |entry: &Entry| entry.takes(source) || entry.others.iter().any(|other| other.takes(source));
        source.endpoint() == Endpoint::MarketDataV1 && self.books.iter().any(|(_, entry)| begun(entry))
    }

    /// Adds a symbol to `missed`. Call this if the first snapshot of the symbol from a link may have been dropped,
    /// and no stale book of the symbol shows this any more.
    #[cold]
    pub(super) fn note_missed(&mut self, symbol: Symbol) {
        if self.missed.len() < BOOKS_MAX
            && let Some(without) = self.missed.get_or_insert(symbol, || None)
        {
            *without = None;
        }
    }
}
