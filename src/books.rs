//! [`Books`]: one order book per symbol, fed by events, with a word on whether it is true.

use crate::book::{Applied, OrderBook};
use crate::event::Event;
use crate::identity::Origin;
use crate::message::{Depth, TopOfBook};
use crate::sequence::GapRule;
use crate::stream::{Stream, Topic};
use crate::symbol::Symbol;
use crate::symbol_map::SymbolMap;

/// The books of all symbols whose depth is subscribed.
///
/// Give it every event; it takes what concerns it. A book is live from its snapshot until a gap, the
/// end of the link or of the subscription; a stale book is never returned as a live one.
///
/// ```
/// use gemini_ws::{Book, Books, Event, Message, Scratch, decode};
///
/// let mut scratch = Scratch::new();
/// let snapshot = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["99","1"]],"a":[["101","3"]]}"#;
/// let Ok(Message::Depth(depth)) = decode(snapshot, &mut scratch) else { panic!() };
///
/// let mut books = Books::new();
/// books.apply(&Event::DepthSnapshot(depth));
/// let Some(Book::Live(book)) = books.get("BTCUSD") else { panic!() };
/// assert_eq!(book.bids().best().unwrap().price.to_string(), "99");
///
/// let (expected, got) = (5, Some(9));
/// books.apply(&Event::Gap { symbol: "btcusd".parse().unwrap(), expected, got });
/// assert!(matches!(books.get("btcusd"), Some(Book::Stale { .. })));
/// ```
#[derive(Clone, Debug)]
pub struct Books {
    books: SymbolMap<Entry>,
    rule: GapRule,
    crossed: u64,
}

#[derive(Clone, Debug)]
struct Entry {
    book: OrderBook,
    stale: Option<StaleReason>,
    crossed: bool,
    origin: Origin,
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
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum StaleReason {
    /// An update was lost.
    Gap,
    /// The link ended.
    Disconnected,
    /// Nothing came for longer than was declared.
    Quiet,
    /// Events were dropped on their way here.
    Overflow,
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
        Books::with_gap_rule(GapRule::Strict)
    }

    /// No books yet; `rule` as in [`Config::gap_rule`](crate::Config::gap_rule).
    pub const fn with_gap_rule(rule: GapRule) -> Books {
        Books { books: SymbolMap::new(), rule, crossed: 0 }
    }

    /// Takes an event; returns the symbol whose book, or its state, has changed.
    ///
    /// An update that does not follow the book — because events were dropped on their way here —
    /// makes it stale instead of wrong.
    /// Of a [`Batch`](crate::Batch) it takes all parts, and returns the symbol of the last.
    pub fn apply(&mut self, event: &Event<'_>) -> Option<Symbol> {
        match event {
            Event::Batch(batch) => batch.events().fold(None, |changed, event| self.apply(&event).or(changed)),
            Event::TopOfBook(top) => self.replace_top(top),
            Event::DepthSnapshot(depth) => self.replace(depth),
            Event::DepthUpdate(depth) => self.update(depth),
            Event::Synced { id, symbol } => {
                self.books.get_mut(symbol.as_str())?.origin = Origin::of(*id);
                None
            }
            Event::Gap { symbol, .. } => self.set_stale(*symbol, StaleReason::Gap),
            Event::Quiet { stream: Stream::Depth { symbol, .. }, .. } => {
                self.set_stale(*symbol, StaleReason::Quiet)
            }
            Event::Unsubscribed { stream: Stream::Depth { symbol, .. }, last: true, .. }
            | Event::Rejected { stream: Stream::Depth { symbol, .. }, .. } => {
                self.books.remove(*symbol).map(|_| *symbol)
            }
            Event::Overflow { topic: Topic::Depth, symbol: Some(symbol), .. } => {
                self.set_stale(*symbol, StaleReason::Overflow)
            }
            // The end of a link may be among what was dropped.
            Event::Overflow { topic: Topic::Depth | Topic::Connection, .. } => {
                self.set_stale_where(StaleReason::Overflow, |_| true)
            }
            Event::Disconnected { link, .. } => {
                self.set_stale_where(StaleReason::Disconnected, |entry| entry.origin.may_be(*link))
            }
            Event::Closed { .. } => self.set_stale_where(StaleReason::Disconnected, |_| true),
            _ => None,
        }
    }

    /// The book of a symbol, compared without regard to case; `None` if it never had a snapshot.
    pub fn get(&self, symbol: &str) -> Option<Book<'_>> {
        self.books.get(symbol).map(Entry::view)
    }

    /// All books, in the order in which their first snapshots came.
    pub fn iter(&self) -> impl Iterator<Item = (Symbol, Book<'_>)> {
        self.books.iter().map(|(symbol, entry)| (symbol, entry.view()))
    }

    /// How often a book became crossed: best bid not below best ask.
    pub const fn crossed(&self) -> u64 {
        self.crossed
    }

    fn replace(&mut self, depth: &Depth<'_>) -> Option<Symbol> {
        let entry = match self.books.get_mut(depth.symbol) {
            Some(entry) => entry,
            None => {
                let make =
                    || Entry { book: OrderBook::new(), stale: None, crossed: false, origin: Origin::UNKNOWN };
                self.books.get_or_insert(depth.symbol.parse().ok()?, make)?
            }
        };
        entry.book.replace(depth);
        entry.stale = None;
        self.crossed = self.crossed.saturating_add(entry.note_crossing());
        depth.symbol.parse().ok()
    }

    fn update(&mut self, depth: &Depth<'_>) -> Option<Symbol> {
        let rule = self.rule;
        let entry = self.books.get_mut(depth.symbol).filter(|entry| entry.stale.is_none())?;
        match entry.book.apply_by(depth, rule) {
            Applied::Stale => return None,
            Applied::Gap { .. } => entry.stale = Some(StaleReason::Gap),
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
        self.books.get_mut(symbol.as_str())?.stale = Some(reason);
        Some(symbol)
    }

    fn set_stale_where(&mut self, reason: StaleReason, concerns: impl Fn(&Entry) -> bool) -> Option<Symbol> {
        for entry in self.books.values_mut().filter(|entry| concerns(entry)) {
            entry.stale = Some(reason);
        }
        None
    }
}

impl Default for Books {
    fn default() -> Books {
        Books::new()
    }
}

impl Entry {
    const fn view(&self) -> Book<'_> {
        match self.stale {
            None => Book::Live(&self.book),
            Some(reason) => Book::Stale { reason, last: &self.book },
        }
    }

    /// 1 if the book has just become crossed.
    fn note_crossing(&mut self) -> u64 {
        let before = core::mem::replace(&mut self.crossed, self.book.is_crossed());
        u64::from(self.crossed && !before)
    }
}
