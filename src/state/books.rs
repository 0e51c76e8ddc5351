//! [`Books`]: one order book per symbol, kept up to date by events.

use alloc::vec::Vec;
use core::time::Duration;

use crate::event::Event;
use crate::event::reason::CloseReason;
use crate::event::source::Source;
use crate::message::{Depth, TopOfBook};
use crate::request::stream::Topic;
use crate::state::book::Book;
use crate::state::order_book::{Applied, OrderBook};
use crate::state::truth::{Age, Loss, StaleReason, Standing};
use crate::value::endpoint::Endpoint;
use crate::value::id::LinkId;
use crate::value::side::Side;
use crate::value::symbol::Symbol;
use crate::value::symbol_map::SymbolMap;
use crate::value::time::Instant;

mod losses;
mod missed;

/// The books of all symbols whose depth is subscribed, and of all symbols of market data v1.
///
/// Pass every event to [`apply`](Books::apply), which ignores events that do not concern books. `Books` makes books
/// from [`Event::DepthSnapshot`], [`Event::DepthUpdate`] and [`Event::TopOfBook`], and not from
/// [`Event::PartialDepth`] and [`Event::BookTicker`].
///
/// A book is current from its snapshot until a [`StaleReason`] applies, such as a gap or the end of its link. `Books`
/// returns a stale book only as [`Book::Stale`]. If you call [`Books::trust_crossed`], a book that has no other fault
/// than being crossed is current.
///
/// Several links may deliver the book of one symbol, for example a link to market data v1 and a link of a depth
/// stream. `Books` returns the book whose snapshot arrived last. If the subscription or the link of this book ends
/// while another of the books is current, `Books` returns the current book instead.
///
/// `Books` tells books apart by their symbols alone. If a client has links to production and to the sandbox, keep one
/// `Books` for each: pass each `Books` the events whose link belongs to its environment, and the events that name no
/// link.
///
/// `Books` is a plain value. To read it in another thread, put it behind a lock of your own, or send clones of the
/// books that the thread needs.
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
    /// The symbols whose first snapshot from a link may have been dropped, although no stale book of the symbol shows
    /// this. The value is `None`, or a link of market data v1 whose first frame has arrived and had no level of the
    /// symbol: from this link, no snapshot of the symbol was dropped.
    missed: SymbolMap<Option<LinkId>>,
    trusts_crossed: bool,
    crossed: u64,
    untracked: u64,
}

/// The maximum number of books that [`Books`] keeps. [`Books::untracked`] counts the snapshots of further books.
pub const BOOKS_MAX: usize = 8_192;

#[derive(Clone, Debug)]
struct Entry {
    book: OrderBook,
    standing: Standing,
    /// The endpoint of the newest snapshot. Changes from a recording of another endpoint do not apply to the book.
    endpoint: Endpoint,
    crossed: bool,
    to_resync: bool,
    /// Whether events of the symbol were dropped before they reached `Books`. One of these events may have been the
    /// first snapshot of another link.
    has_dropped: bool,
    others: Vec<Entry>,
}

/// What an event changed in a book. If both `bids` and `asks` are `false`, the book became stale or was removed, or
/// the event is an update without levels.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BookChange {
    /// The symbol of the book.
    pub symbol: Symbol,
    /// Whether bids may have changed: the event is a snapshot or contains bids, or another book has replaced this
    /// one.
    pub bids: bool,
    /// Whether asks may have changed: the event is a snapshot or contains asks, or another book has replaced this
    /// one.
    pub asks: bool,
}

impl Books {
    /// Creates a collection without books.
    pub const fn new() -> Books {
        Books {
            books: SymbolMap::new(),
            missed: SymbolMap::new(),
            trusts_crossed: false,
            crossed: 0,
            untracked: 0,
        }
    }

    /// Makes [`Books`] return crossed books as current ones. Use this for the sandbox, or for display.
    #[must_use]
    pub const fn trust_crossed(mut self) -> Books {
        self.trusts_crossed = true;
        self
    }

    /// Applies an event. Returns a [`BookChange`] for the book that changed, became stale or was removed, and `None`
    /// if the event concerns no book. Also returns `None` for an event that names no symbol, such as the end of a
    /// link, although such an event may make several books stale.
    ///
    /// An update does not change a stale book, unless the reason is [`StaleReason::Crossed`].
    ///
    /// If you do not pass an update of the current API, the ids of the next update show the gap, and the book becomes
    /// stale. Updates of the archived endpoints have no ids that show such a loss.
    ///
    /// For a [`Batch`](crate::Batch), returns the change of the last part that changed a book: see
    /// [`apply_each`](Books::apply_each).
    ///
    /// ```
    /// use gemini_ws::{BookChange, Books, Endpoint, Replay, Scratch};
    ///
    /// let frame = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["99","1"]],"a":[]}"#;
    /// let mut scratch = Scratch::new();
    /// let event = Replay::new(Endpoint::Streams).event(frame, &mut scratch).unwrap().unwrap();
    /// let change = Books::new().apply(&event).unwrap();
    /// assert_eq!((change.symbol.as_str(), change.bids), ("btcusd", true));
    /// ```
    pub fn apply(&mut self, event: &Event<'_>) -> Option<BookChange> {
        match event {
            Event::Batch(..) => self.apply_batch(event),
            Event::TopOfBook(top, source) => self.replace_top(top, source, true),
            Event::DepthSnapshot(depth, source) => self.replace(depth, source),
            Event::DepthUpdate(depth, source) => self.update(depth, source),
            // The snapshot was applied before this event, or was dropped before it reached `Books`.
            Event::Synced { link, symbol, .. } => {
                let entry = self.entry_if_room(symbol.as_str())?;
                let is_live = entry.standing.stale().is_none();
                let is_older = entry.standing.link().is_some_and(|own| own.epoch() > link.epoch());
                if is_live || is_older {
                    return None;
                }
                entry.miss_snapshot();
                Some(BookChange { symbol: *symbol, bids: false, asks: false })
            }
            Event::LinkClosed { link, reason: CloseReason::Requested | CloseReason::RequestedUnclean } => {
                self.remove_over(*link);
                None
            }
            event => self.lose(&Loss::of(event).filter(|loss| loss.is_of(Topic::Depth))?),
        }
    }

    /// Applies an event as [`apply`](Books::apply) does, and passes each change to `changed`. The parts of a
    /// [`Batch`](crate::Batch) may change several books.
    ///
    /// Do not apply the parts of a batch one by one instead. If the parts are best levels, they belong to one event
    /// of the venue, so `apply_each` checks only after the last part whether a book is crossed.
    ///
    /// ```
    /// use gemini_ws::{Books, Endpoint, Replay, Scratch};
    ///
    /// let entry = |symbol| format!(
    ///     r#"{{"type":"change","side":"bid","price":"9","remaining":"1","reason":"initial","symbol":"{symbol}"}}"#
    /// );
    /// let entries = [entry("BTCUSD"), entry("ETHUSD")].join(",");
    /// let frame = format!(r#"{{"type":"update","eventId":1,"socket_sequence":0,"events":[{entries}]}}"#);
    /// let (mut replay, mut scratch) = (Replay::new(Endpoint::MarketDataV1), Scratch::new());
    /// let event = replay.event(&frame, &mut scratch).unwrap().unwrap();
    /// let (mut books, mut symbols) = (Books::new(), Vec::new());
    /// books.apply_each(&event, |change| symbols.push(change.symbol.to_string()));
    /// assert_eq!(symbols, ["BTCUSD", "ETHUSD"]);
    /// ```
    pub fn apply_each(&mut self, event: &Event<'_>, mut changed: impl FnMut(BookChange)) {
        if !matches!(event, Event::Batch(..)) {
            return self.apply(event).into_iter().for_each(changed);
        }
        let mut has_tops = false;
        for part in event.parts() {
            let change = match &part {
                Event::TopOfBook(top, source) => {
                    has_tops = true;
                    self.replace_top(top, source, false)
                }
                part => self.apply(part),
            };
            change.into_iter().for_each(&mut changed);
        }
        if has_tops {
            self.note_crossings(event);
        }
    }

    /// Returns the book of a symbol. The symbol may be in upper or lower case.
    ///
    /// Returns `None` before the first snapshot, and if [`BOOKS_MAX`] other books are kept. Returns `None` also after
    /// the end of the subscription, unless another link delivers the book. If an event such as [`Event::Overflow`]
    /// shows that the first snapshot may have been dropped before it reached `Books`, returns a stale and empty book.
    pub fn get(&self, symbol: &str) -> Option<Book<'_>> {
        self.books.get(symbol).map(|entry| entry.view(self.trusts_crossed))
    }

    /// Returns the book of a symbol if the book is current. If the venue falls silent, a book stays current until the
    /// client reports [`Event::Silent`], or drops the link after [`Config::silence_max`](crate::Config::silence_max).
    /// See also [`Books::fresh`].
    pub fn live(&self, symbol: &str) -> Option<&OrderBook> {
        self.get(symbol)?.live()
    }

    /// Returns the book of a symbol if the book is current and was last updated within `age_max` before `now`.
    ///
    /// The book of a quiet symbol may be current but not fresh. Books of a [`Replay`](crate::Replay) are never
    /// fresh: its events have no [time of receipt](crate::Source::received).
    ///
    /// ```
    /// use gemini_ws::{Books, Instant};
    ///
    /// assert!(Books::new().fresh("btcusd", Instant::ZERO, std::time::Duration::from_secs(5)).is_none());
    /// ```
    pub fn fresh(&self, symbol: &str, now: Instant, age_max: Duration) -> Option<&OrderBook> {
        let received = self.age(symbol)?.received?;
        self.live(symbol).filter(|_| now.since(received) <= age_max)
    }

    /// Returns when a snapshot or update was last applied to the book of a symbol; `None` without a book. Before the
    /// first snapshot, the [`Age`] has the times of an update that could not be applied, or no times.
    pub fn age(&self, symbol: &str) -> Option<Age> {
        self.books.get(symbol).map(|entry| entry.standing.age())
    }

    /// Returns all books, in the order in which `Books` added them. When a book is removed, the last book takes its
    /// place.
    pub fn iter(&self) -> impl Iterator<Item = (Symbol, Book<'_>)> {
        self.books.iter().map(|(symbol, entry)| (symbol, entry.view(self.trusts_crossed)))
    }

    /// Returns the symbols of the books for which you have to request a new snapshot. Pass these symbols to
    /// [`Client::resync_books`](crate::Client::resync_books).
    ///
    /// The client itself requests snapshots after gaps and reconnects. You have to request a snapshot in two cases:
    ///
    /// - Events were dropped, or not passed to `Books`.
    /// - An update crossed a book, and the book is still crossed. This case does not apply to books of market data
    ///   v1, for which a snapshot would not help. After [`Books::trust_crossed`], it applies to no book.
    ///
    /// A book that a snapshot has crossed is not returned, because another snapshot would be crossed too.
    pub fn to_resync(&self) -> impl Iterator<Item = Symbol> {
        self.books
            .iter()
            .filter(|(_, entry)| entry.needs_snapshot(self.trusts_crossed))
            .map(|(symbol, _)| symbol)
    }

    /// Returns how often books became crossed. The best bid of a crossed book is not below its best ask.
    pub const fn crossed(&self) -> u64 {
        self.crossed
    }

    /// Returns how many snapshots were not used because [`BOOKS_MAX`] other books are kept, or because they have no
    /// symbol, as in a recording of market data v1. Also counts each [`Event::Overflow`] of depth events that names a
    /// symbol for which there is no room.
    pub const fn untracked(&self) -> u64 {
        self.untracked
    }

    fn entry(&mut self, symbol: &str) -> Option<&mut Entry> {
        if self.books.get(symbol).is_none() && self.new_symbol(symbol).is_none() {
            self.untracked = self.untracked.saturating_add(1);
            return None;
        }
        self.entry_if_room(symbol)
    }

    fn entry_if_room(&mut self, symbol: &str) -> Option<&mut Entry> {
        if self.books.get(symbol).is_none() {
            let symbol = self.new_symbol(symbol)?;
            return self.books.get_or_insert(symbol, Entry::new);
        }
        self.books.get_mut(symbol)
    }

    fn new_symbol(&self, symbol: &str) -> Option<Symbol> {
        symbol.parse().ok().filter(|_| self.books.len() < BOOKS_MAX)
    }

    fn replace(&mut self, depth: &Depth<'_>, source: &Source<'_>) -> Option<BookChange> {
        let entry = self.entry(depth.symbol)?;
        let is_missed = source.link().is_some() && entry.lacks_source();
        entry.begin(source);
        match source.levels() {
            Some(levels) => entry.book.replace_best(depth, levels),
            None => entry.book.replace(depth),
        }
        // With `top_of_book`, the first frame of market data v1 may lack a side.
        let is_top = source.lists_best();
        let has_one_side = depth.bids.is_empty() != depth.asks.is_empty();
        for (side, levels) in [(Side::Buy, depth.bids), (Side::Sell, depth.asks)] {
            if source.lacks() == Some(side) || (is_top && has_one_side && levels.is_empty()) {
                entry.book.set_unknown(side);
            }
        }
        entry.endpoint = source.endpoint();
        entry.standing.renew(source, depth.event_time);
        let crossings = entry.note_crossing(source);
        // No other snapshot is needed: if this one is crossed, another one would be crossed too.
        entry.to_resync = false;
        self.crossed = self.crossed.saturating_add(crossings);
        let symbol = depth.symbol.parse().ok()?;
        if is_missed {
            self.note_missed(symbol);
        }
        Some(BookChange { symbol, bids: true, asks: true })
    }

    fn update(&mut self, depth: &Depth<'_>, source: &Source<'_>) -> Option<BookChange> {
        let Some((symbol, entry)) = self.books.get_mut_named(depth.symbol) else {
            return self.miss_snapshot(depth, source);
        };
        if !entry.takes(source) {
            let _ = entry.other_of(source)?.update(depth, source);
            return None;
        }
        let (applied, crossings) = entry.update(depth, source);
        self.crossed = self.crossed.saturating_add(crossings);
        let has_changed = match applied {
            Applied::Stale => return None,
            Applied::Gap { .. } => false,
            Applied::Changed => true,
        };
        let (bids, asks) = (has_changed && !depth.bids.is_empty(), has_changed && !depth.asks.is_empty());
        Some(BookChange { symbol, bids, asks })
    }

    fn remove(&mut self, symbol: Symbol) {
        if self.books.get(symbol.as_str()).is_some_and(|entry| entry.has_dropped) {
            self.note_missed(symbol);
        }
        self.books.remove(symbol);
    }

    /// Not inlined, so that `apply` stays small.
    #[inline(never)]
    fn apply_batch(&mut self, event: &Event<'_>) -> Option<BookChange> {
        let mut last = None;
        self.apply_each(event, |change| last = Some(change));
        last
    }

    /// Checks which books are crossed after a frame of best levels, and updates `Entry::crossed` of each. All levels
    /// of the frame belong to one event of the venue, so a book is not checked between two of the levels.
    #[cold]
    fn note_crossings(&mut self, event: &Event<'_>) {
        for part in event.parts() {
            let Event::TopOfBook(top, source) = part else { continue };
            let Some(entry) = self.books.get_mut(top.symbol) else { continue };
            if entry.takes(&source) {
                self.crossed = self.crossed.saturating_add(entry.note_crossing(&source));
            } else if let Some(other) = entry.other_of(&source) {
                other.note_crossing(&source);
            }
        }
    }

    /// Replaces a side of a book by its best level. If the source has no book of the symbol yet, may start the book:
    /// see [`Entry::begin_by_top`]. If `is_whole` is `false`, the frame has further levels, so this function does not
    /// check whether the book is crossed.
    fn replace_top(
        &mut self,
        top: &TopOfBook<'_>,
        source: &Source<'_>,
        is_whole: bool,
    ) -> Option<BookChange> {
        if source.link().is_none() && self.books.get(top.symbol).is_none() {
            // A recording may begin anywhere, so the book may be missing.
            return None;
        }
        let entry = self.entry_if_room(top.symbol)?;
        let takes = entry.takes(source);
        let has_begun = !takes && entry.begin_by_top(source);
        let is_other = !takes && !has_begun;
        let entry = if is_other { entry.other_of(source)? } else { entry };
        entry.book.replace_top(top);
        entry.standing.note(source, top.event_time);
        let crossings = if is_whole { entry.note_crossing(source) } else { 0 };
        if is_other {
            return None;
        }
        self.crossed = self.crossed.saturating_add(crossings);
        let is_bid = top.side == Side::Buy;
        let (bids, asks) = (is_bid || has_begun, !is_bid || has_begun);
        Some(BookChange { symbol: top.symbol.parse().ok()?, bids, asks })
    }
}

impl Default for Books {
    fn default() -> Books {
        Books::new()
    }
}

impl Entry {
    const fn new() -> Entry {
        Entry {
            book: OrderBook::new(),
            standing: Standing::NEW,
            endpoint: Endpoint::Streams,
            crossed: false,
            to_resync: false,
            has_dropped: false,
            others: Vec::new(),
        }
    }

    /// Returns whether the first snapshot may have been dropped, so that it is unknown which source delivers the
    /// book.
    const fn lacks_source(&self) -> bool {
        self.to_resync && self.standing.link().is_none()
    }

    fn takes(&self, source: &Source<'_>) -> bool {
        let is_source = self.standing.link() == source.link() && self.endpoint == source.endpoint();
        self.standing.stale().is_none() && is_source
    }

    #[cold]
    fn other_of(&mut self, source: &Source<'_>) -> Option<&mut Entry> {
        self.others.iter_mut().find(|other| other.takes(source))
    }

    /// Prepares the entry for the snapshot of a source. If the book is from a link in another slot, moves it to
    /// `others`, or drops it if its subscription has ended. Then continues with the book in `others` that is from the
    /// slot of the source, or with an empty book.
    fn begin(&mut self, source: &Source<'_>) {
        let slot = |link: Option<LinkId>| link.map(LinkId::slot);
        let (own, new) = (slot(self.standing.link()), slot(source.link()));
        if own.is_none() || new.is_none() || own == new {
            return;
        }
        let place = self.others.iter().position(|other| slot(other.standing.link()) == new);
        let next = place.map_or_else(Entry::new, |place| self.others.swap_remove(place));
        let others = core::mem::take(&mut self.others);
        let has_dropped = self.has_dropped || next.has_dropped;
        let before = core::mem::replace(self, Entry { has_dropped, others, ..next });
        if !before.standing.stale().is_some_and(StaleReason::ends_subscription) {
            self.others.push(before);
        }
    }

    /// Starts the book with both sides unknown, because the first frame of the source had no level of the symbol.
    /// Does this only in three cases:
    ///
    /// - The book is stale, and no link has delivered it yet.
    /// - An earlier link in the slot of the source delivered the book.
    /// - The book is stale, a link in another slot delivered it, and none of `others` is from the link of the source.
    ///
    /// Returns whether the book was started.
    #[cold]
    fn begin_by_top(&mut self, source: &Source<'_>) -> bool {
        let Some(link) = source.link() else { return false };
        let is_stale = self.standing.stale().is_some();
        let begins = match self.standing.link() {
            Some(own) if own.slot() == link.slot() => own.epoch() < link.epoch(),
            Some(_) => is_stale && self.others.iter().all(|other| other.standing.link() != Some(link)),
            None => is_stale,
        };
        if begins {
            self.begin(source);
            self.book.clear();
            self.book.set_unknown(Side::Buy);
            self.book.set_unknown(Side::Sell);
            (self.endpoint, self.crossed, self.to_resync) = (source.endpoint(), false, false);
            self.standing.renew(source, None);
        }
        begins
    }

    const fn view(&self, trusts_crossed: bool) -> Book<'_> {
        match self.standing.stale() {
            Some(reason) => Book::Stale { reason, last: &self.book },
            None if self.crossed && !trusts_crossed => {
                Book::Stale { reason: StaleReason::Crossed, last: &self.book }
            }
            None => Book::Live(&self.book),
        }
    }

    fn needs_snapshot(&self, trusts_crossed: bool) -> bool {
        let is_current = self.standing.stale().is_none();
        let needs = self.to_resync && !(is_current && trusts_crossed);
        needs || (!is_current && self.others.iter().any(|other| other.needs_snapshot(trusts_crossed)))
    }

    /// The returned number is 1 if the update has crossed the book, otherwise 0.
    #[inline(always)]
    fn update(&mut self, depth: &Depth<'_>, source: &Source<'_>) -> (Applied, u64) {
        let best = self.book.best();
        let applied = self.book.apply_by(depth, source.rule());
        let mut crossings = 0;
        match applied {
            Applied::Stale => {}
            Applied::Gap { .. } => {
                self.standing.set_stale(StaleReason::Gap);
                self.to_resync = true;
            }
            Applied::Changed => {
                self.standing.note(source, depth.event_time);
                if self.book.best() != best {
                    crossings = self.note_crossing(source);
                }
            }
        }
        (applied, crossings)
    }

    /// Marks the book stale and sets `to_resync`, because a snapshot of it was dropped before it reached `Books`. If
    /// the book is stale because of a gap, this reason remains.
    fn miss_snapshot(&mut self) {
        if self.standing.stale() != Some(StaleReason::Gap) {
            self.standing.set_stale(StaleReason::Overflow);
        }
        (self.to_resync, self.has_dropped) = (true, true);
    }

    /// Returns 1 if the book has become crossed, otherwise 0.
    fn note_crossing(&mut self, source: &Source<'_>) -> u64 {
        let before = core::mem::replace(&mut self.crossed, self.book.is_crossed());
        if self.crossed != before {
            // The numbers of market data v1 frames show that no frame is missing, so a new snapshot would not help.
            self.to_resync = self.crossed && source.endpoint() != Endpoint::MarketDataV1;
        }
        u64::from(self.crossed && !before)
    }
}
