//! [`Books`]: one order book per symbol, fed by events, with a word on whether it is true.

use crate::event::Event;
use crate::event::source::Source;
use crate::message::{Depth, TopOfBook};
use crate::request::stream::{Stream, Topic};
use crate::state::order_book::{Applied, OrderBook};
use crate::value::id::LinkId;
use crate::value::symbol::Symbol;
use crate::value::symbol_map::SymbolMap;

/// The books of all symbols whose depth is subscribed.
///
/// Give it every event; it takes what concerns it. A book is live from its snapshot until a gap, the
/// end of the link or of the subscription; a stale book is never returned as a live one.
///
/// ```
/// use gemini_ws::{Book, Books, Endpoint, Replay, Scratch};
///
/// let (mut replay, mut scratch) = (Replay::new(Endpoint::Streams), Scratch::new());
/// let snapshot = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["99","1"]],"a":[["101","3"]]}"#;
/// let mut books = Books::new();
/// books.apply(&replay.event(snapshot, &mut scratch).unwrap().unwrap());
/// let Some(Book::Live(book)) = books.get("BTCUSD") else { panic!() };
/// assert_eq!(book.bids().best().unwrap().price.to_string(), "99");
///
/// let too_late = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":9,"u":12,"b":[],"a":[]}"#;
/// books.apply(&replay.event(too_late, &mut scratch).unwrap().unwrap()); // An `Event::Gap`.
/// assert!(matches!(books.get("btcusd"), Some(Book::Stale { .. })));
/// ```
#[derive(Clone, Debug)]
pub struct Books {
    books: SymbolMap<Entry>,
    trusts_crossed: bool,
    crossed: u64,
}

#[derive(Clone, Debug)]
struct Entry {
    book: OrderBook,
    stale: Option<StaleReason>,
    crossed: bool,
    /// Whether only a snapshot helps that nobody has asked for yet.
    to_resync: bool,
    /// What its data came over; `None` until there is any, and in a recording.
    link: Option<LinkId>,
}

/// A book, and whether it is true.
#[derive(Clone, Copy, Debug)]
pub enum Book<'b> {
    /// The book as of its last update.
    Live(&'b OrderBook),
    /// What was known before the book became stale: to look at, not to act upon.
    Stale {
        /// Why it is stale.
        reason: StaleReason,
        /// The last that was known.
        last: &'b OrderBook,
    },
}

/// Why a book is stale. It becomes live again with the next snapshot.
///
/// After an `Overflow`, a crossing and an update that got lost on its way here, only
/// [`Books::to_resync`] knows that one is wanted; otherwise the connection asks for it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum StaleReason {
    /// An update was lost.
    Gap,
    /// The link ended.
    Disconnected,
    /// Nothing came for longer than was declared.
    Silent,
    /// Events were dropped on their way here.
    Overflow,
    /// Its best bid is not below its best ask: a sign of a lost update, though the sandbox publishes
    /// such books for long. An update that uncrosses it makes it live, too.
    Crossed,
}

impl<'b> Book<'b> {
    /// The book if it is live.
    pub const fn live(self) -> Option<&'b OrderBook> {
        match self {
            Book::Live(book) => Some(book),
            Book::Stale { .. } => None,
        }
    }

    /// The levels last known, whether live or not: for display.
    pub const fn last(self) -> &'b OrderBook {
        match self {
            Book::Live(last) | Book::Stale { last, .. } => last,
        }
    }
}

impl Books {
    /// No books yet.
    pub const fn new() -> Books {
        Books { books: SymbolMap::new(), trusts_crossed: false, crossed: 0 }
    }

    /// Shows crossed books as live ones: for the sandbox, or to look at.
    #[must_use]
    pub const fn trust_crossed(mut self) -> Books {
        self.trusts_crossed = true;
        self
    }

    /// Takes an event; returns the symbol whose book, or its state, has changed.
    ///
    /// An update that does not follow the book — because events were dropped on their way here —
    /// makes it stale instead of wrong.
    /// Of a [`Batch`](crate::Batch) it takes all parts, and returns the symbol of the last.
    pub fn apply(&mut self, event: &Event<'_>) -> Option<Symbol> {
        match event {
            Event::Batch(..) => event.parts().fold(None, |changed, part| self.apply(&part).or(changed)),
            Event::TopOfBook(top, _) => self.replace_top(top),
            Event::DepthSnapshot(depth, source) => self.replace(depth, *source),
            Event::DepthUpdate(depth, source) => self.update(depth, *source),
            Event::Synced { link, symbol, .. } => {
                // Its snapshot came before it, or was dropped on its way here.
                let is_live = self.books.get(symbol.as_str()).is_some_and(|entry| entry.stale.is_none());
                let entry = self.books.get_or_insert(*symbol, Entry::new)?;
                entry.link = Some(*link);
                if is_live {
                    return None;
                }
                entry.set_stale(StaleReason::Overflow);
                Some(*symbol)
            }
            Event::Gap { symbol, .. } => self.set_stale(*symbol, StaleReason::Gap),
            Event::Silent { stream: Stream::Depth { symbol, .. }, .. } => {
                self.set_stale(*symbol, StaleReason::Silent)
            }
            // Meanwhile the book may come over another link.
            Event::Unsubscribed { link, stream: Stream::Depth { symbol, .. }, last: true, .. }
            | Event::Rejected { link, stream: Stream::Depth { symbol, .. }, .. } => {
                let is_its_own =
                    self.books.get(symbol.as_str())?.link.is_none_or(|own| own.slot() == link.slot());
                is_its_own.then(|| self.books.remove(*symbol)).flatten().map(|_| *symbol)
            }
            // What was dropped may have been the first snapshot.
            Event::Overflow { topic: Topic::Depth, symbol: Some(symbol), .. } => {
                self.books.get_or_insert(*symbol, Entry::new)?.set_stale(StaleReason::Overflow);
                Some(*symbol)
            }
            // The end of a link may be among what was dropped.
            Event::Overflow { topic: Topic::Depth | Topic::Connection, .. } => {
                self.set_stale_where(StaleReason::Overflow, |_| true)
            }
            Event::Disconnected { link, .. } => self.set_stale_where(StaleReason::Disconnected, |entry| {
                entry.link.is_some_and(|own| own.slot() == link.slot())
            }),
            Event::Closed { .. } => self.set_stale_where(StaleReason::Disconnected, |_| true),
            _ => None,
        }
    }

    /// The book of a symbol, compared without regard to case; `None` if it never had a snapshot, nor lost one.
    pub fn get(&self, symbol: &str) -> Option<Book<'_>> {
        self.books.get(symbol).map(|entry| entry.view(self.trusts_crossed))
    }

    /// All books, in the order in which their first snapshots came, or were lost.
    pub fn iter(&self) -> impl Iterator<Item = (Symbol, Book<'_>)> {
        self.books.iter().map(|(symbol, entry)| (symbol, entry.view(self.trusts_crossed)))
    }

    /// The books that only a snapshot helps which nobody has asked for: give them to
    /// [`Client::resync_books`](crate::Client::resync_books). Events were dropped on their way here,
    /// or an update crossed the book. One whose very snapshot is crossed is not among them.
    pub fn to_resync(&self) -> impl Iterator<Item = Symbol> {
        self.books
            .iter()
            .filter(|(_, entry)| entry.to_resync && !(entry.stale.is_none() && self.trusts_crossed))
            .map(|(symbol, _)| symbol)
    }

    /// How often a book became crossed: best bid not below best ask.
    pub const fn crossed(&self) -> u64 {
        self.crossed
    }

    fn replace(&mut self, depth: &Depth<'_>, source: Source<'_>) -> Option<Symbol> {
        let entry = match self.books.get_mut(depth.symbol) {
            Some(entry) => entry,
            None => self.books.get_or_insert(depth.symbol.parse().ok()?, Entry::new)?,
        };
        match source.levels() {
            Some(levels) => entry.book.replace_best(depth, levels),
            None => entry.book.replace(depth),
        }
        (entry.stale, entry.link) = (None, source.link());
        self.crossed = self.crossed.saturating_add(entry.note_crossing());
        // What the venue says of itself is not asked for again.
        entry.to_resync = false;
        depth.symbol.parse().ok()
    }

    fn update(&mut self, depth: &Depth<'_>, source: Source<'_>) -> Option<Symbol> {
        let entry = self.books.get_mut(depth.symbol).filter(|entry| entry.stale.is_none())?;
        match entry.book.apply_by(depth, source.rule()) {
            Applied::Stale => return None,
            Applied::Gap { .. } => (entry.stale, entry.to_resync) = (Some(StaleReason::Gap), true),
            Applied::Changed => {
                let crossings = entry.note_crossing();
                self.crossed = self.crossed.saturating_add(crossings);
            }
        }
        depth.symbol.parse().ok()
    }

    /// A change of the best level is one of a book, once that is known.
    fn replace_top(&mut self, top: &TopOfBook<'_>) -> Option<Symbol> {
        let entry = self.books.get_mut(top.symbol).filter(|entry| entry.stale.is_none())?;
        entry.book.replace_top(top);
        let crossings = entry.note_crossing();
        self.crossed = self.crossed.saturating_add(crossings);
        top.symbol.parse().ok()
    }

    fn set_stale(&mut self, symbol: Symbol, reason: StaleReason) -> Option<Symbol> {
        self.books.get_mut(symbol.as_str())?.set_stale(reason);
        Some(symbol)
    }

    fn set_stale_where(&mut self, reason: StaleReason, concerns: impl Fn(&Entry) -> bool) -> Option<Symbol> {
        self.books.values_mut().filter(|entry| concerns(entry)).for_each(|entry| entry.set_stale(reason));
        None
    }
}

impl Default for Books {
    fn default() -> Books {
        Books::new()
    }
}

impl Entry {
    const fn new() -> Entry {
        Entry { book: OrderBook::new(), stale: None, crossed: false, to_resync: false, link: None }
    }

    const fn view(&self, trusts_crossed: bool) -> Book<'_> {
        match self.stale {
            Some(reason) => Book::Stale { reason, last: &self.book },
            None if self.crossed && !trusts_crossed => {
                Book::Stale { reason: StaleReason::Crossed, last: &self.book }
            }
            None => Book::Live(&self.book),
        }
    }

    /// Of the other reasons the connection knows, and asks for a snapshot.
    fn set_stale(&mut self, reason: StaleReason) {
        self.stale = Some(reason);
        self.to_resync = reason == StaleReason::Overflow;
    }

    /// 1 if the book has just become crossed.
    fn note_crossing(&mut self) -> u64 {
        let before = core::mem::replace(&mut self.crossed, self.book.is_crossed());
        if self.crossed != before {
            self.to_resync = self.crossed;
        }
        u64::from(self.crossed && !before)
    }
}
