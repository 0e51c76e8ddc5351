//! [`BookReader`]: books that any task or thread can read.
//!
//! In each turn (one poll of its future), the driver copies each book that has changed, and publishes the copy in a
//! [`Slot`]. To publish, the driver does not wait for the lock of a slot: if a reader holds the lock, the driver
//! tries again in the next turn.

use std::collections::HashMap;
use std::time::Duration;

use event_listener::Event;
use gemini_ws::{Age, Book, BookTop, Books, Instant, OrderBook, StaleReason, StreamId, Symbol};

use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering, PoisonError};
use crate::{Handle, NoBook};

/// A copy of a book, as it was at the end of a turn of the driver (see [`BookReader`]).
#[derive(Clone, Debug)]
pub struct BookView {
    book: OrderBook,
    stale: Option<StaleReason>,
    age: Age,
    no_book: Option<NoBook>,
}

impl BookView {
    /// Returns the book; `None` if the book is stale.
    pub const fn live(&self) -> Option<&OrderBook> {
        self.get().live()
    }

    /// Returns the book: current, or stale with a reason.
    pub const fn get(&self) -> Book<'_> {
        match self.stale {
            None => Book::Live(&self.book),
            Some(reason) => Book::Stale { reason, last: &self.book },
        }
    }

    /// Returns the reason why the book is stale; `None` if the book is current.
    pub const fn stale_reason(&self) -> Option<StaleReason> {
        self.stale
    }

    /// Returns the times of the snapshot or update that was last applied to the book: the venue's time, and the time
    /// of receipt. [`Age::received`] is `None` if the machine has slept since. Without a book, both times
    /// are `None`.
    pub const fn age(&self) -> Age {
        self.age
    }

    /// Returns the reason why no current book will arrive; `None` if the book is or may become current.
    pub const fn no_book(&self) -> Option<&NoBook> {
        self.no_book.as_ref()
    }

    fn refill(&mut self, book: Book<'_>, age: Age, no_book: Option<NoBook>) {
        self.book.clone_from(book.last());
        (self.stale, self.age, self.no_book) = (book.stale_reason(), age, no_book);
    }

    fn missing(stale: StaleReason, no_book: Option<NoBook>) -> BookView {
        BookView { book: OrderBook::new(), stale: Some(stale), age: Age::default(), no_book }
    }
}

#[derive(Debug)]
pub(crate) struct Slot {
    symbol: Symbol,
    latest: Mutex<Arc<BookView>>,
    version: AtomicU64,
}

impl Slot {
    fn newest(&self) -> (Arc<BookView>, u64) {
        // A view is published with one assignment, so it is whole even if a thread has panicked.
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        (Arc::clone(&latest), self.version.load(Ordering::Acquire))
    }
}

/// The books that one call of [`Handle::books`] has requested.
#[derive(Debug)]
pub(crate) struct Group {
    slots: Vec<Arc<Slot>>,
    places: HashMap<Symbol, usize>,
    ids: Vec<StreamId>,
    changed: Event,
    is_ended: AtomicBool,
    is_left: AtomicBool,
    /// The number of calls of [`Group::leave`]. All groups of a board share this counter.
    left: Arc<AtomicU64>,
}

impl Group {
    pub(crate) fn leave(&self) {
        self.is_left.store(true, Ordering::Release);
        self.left.fetch_add(1, Ordering::AcqRel);
    }
}

#[derive(Debug)]
struct Posted {
    slot: Arc<Slot>,
    groups: Vec<Arc<Group>>,
    /// The view before the newest one. Its memory is reused if no reader holds it.
    spare: Arc<BookView>,
    is_touched: bool,
    no_book: Option<NoBook>,
    /// The venue's newest rejection of a subscription to this book. Removed when the book has a subscription again,
    /// or a new reader.
    rejection: Option<NoBook>,
}

#[derive(Debug, Default)]
pub(crate) struct Board {
    posted: HashMap<Symbol, Posted>,
    touched: Vec<Symbol>,
    groups: Vec<Arc<Group>>,
    /// The number of calls of [`Group::leave`] so far, for all groups. `left_before` is this number at the last
    /// [`Board::take_left`].
    left: Arc<AtomicU64>,
    left_before: u64,
    lacks_books: bool,
    slept: Option<Instant>,
}

impl Board {
    pub(crate) fn open(&mut self, symbols: &[Symbol], ids: Vec<StreamId>) -> Arc<Group> {
        let slot_of = |symbol: &Symbol| match self.posted.get_mut(symbol) {
            Some(posted) => posted.begin_again(),
            None => Arc::new(Slot {
                symbol: *symbol,
                latest: Mutex::new(Arc::new(BookView::missing(StaleReason::NothingYet, None))),
                version: AtomicU64::new(0),
            }),
        };
        let group = Arc::new(Group {
            slots: symbols.iter().map(slot_of).collect(),
            places: symbols.iter().enumerate().map(|(place, symbol)| (*symbol, place)).collect(),
            ids,
            changed: Event::new(),
            is_ended: AtomicBool::new(false),
            is_left: AtomicBool::new(false),
            left: Arc::clone(&self.left),
        });
        for slot in &group.slots {
            // If the book has readers already, its slot is up to date. So the book is not marked as changed, and no
            // reader wakes.
            let posted = self.posted.entry(slot.symbol).or_insert_with(|| {
                self.touched.push(slot.symbol);
                Posted {
                    slot: Arc::clone(slot),
                    groups: Vec::new(),
                    spare: Arc::new(BookView::missing(StaleReason::NothingYet, None)),
                    is_touched: true,
                    no_book: None,
                    rejection: None,
                }
            });
            posted.groups.push(Arc::clone(&group));
        }
        self.groups.push(Arc::clone(&group));
        group
    }

    pub(crate) fn touch(&mut self, symbol: Symbol) {
        if let Some(posted) = self.posted.get_mut(&symbol) {
            posted.touch(&mut self.touched);
        }
    }

    pub(crate) fn note_rejection(&mut self, symbol: Symbol, rejection: NoBook) {
        if let Some(posted) = self.posted.get_mut(&symbol) {
            posted.rejection = Some(rejection);
        }
    }

    pub(crate) fn has_books(&self) -> bool {
        !self.posted.is_empty()
    }

    /// Returns whether a book had a reason `no_book` after the newest call of [`note_streams`](Board::note_streams).
    pub(crate) const fn lacks_books(&self) -> bool {
        self.lacks_books
    }

    /// Sets the reason `no_book` of each book. The next [`publish`](Board::publish) publishes the books whose reasons
    /// have changed. The keys of `subscribed` are the books that have a subscription, or that an address of market
    /// data v1 names. The value of a book is `false` if all links of the book have ended for good.
    pub(crate) fn note_streams(&mut self, subscribed: &HashMap<Symbol, bool>) {
        self.lacks_books = false;
        for (symbol, posted) in &mut self.posted {
            let no_book = match subscribed.get(symbol) {
                Some(is_open) => {
                    posted.rejection = None;
                    (!is_open).then_some(NoBook::LinkClosed)
                }
                None => Some(posted.rejection.clone().unwrap_or(NoBook::Unsubscribed)),
            };
            self.lacks_books |= no_book.is_some();
            if posted.no_book != no_book {
                posted.no_book = no_book;
                posted.touch(&mut self.touched);
            }
        }
    }

    /// Stores the time at which the driver noticed a sleep of the machine. The driver's clock stops during a sleep,
    /// so the age of each book is unknown until the next snapshot or update of the book.
    pub(crate) fn note_sleep(&mut self, now: Instant) {
        self.slept = Some(now);
        self.touch_all();
    }

    pub(crate) fn touch_all(&mut self) {
        for posted in self.posted.values_mut() {
            posted.touch(&mut self.touched);
        }
    }

    /// Removes the groups whose readers were all dropped, and returns the subscriptions of these groups.
    pub(crate) fn take_left(&mut self) -> Vec<StreamId> {
        let left = self.left.load(Ordering::Acquire);
        if std::mem::replace(&mut self.left_before, left) == left {
            return Vec::new();
        }
        // The last reader of a group may be dropped at any time, so decide only once which groups are removed from
        // `groups`.
        let is_left = |group: &Arc<Group>| group.is_left.load(Ordering::Acquire);
        let (gone, groups) = std::mem::take(&mut self.groups).into_iter().partition::<Vec<_>, _>(is_left);
        self.groups = groups;
        self.posted.retain(|_, posted| {
            // This may also remove a group whose last reader was dropped a moment ago. No reader misses a change. The
            // next call removes this group from `groups`.
            posted.groups.retain(|group| !is_left(group));
            !posted.groups.is_empty()
        });
        gone.iter().flat_map(|group| group.ids.clone()).collect()
    }

    /// Publishes the books that have changed. Returns `false` if a reader holds the lock of one of them. The driver
    /// must then call `publish` again in the next turn.
    pub(crate) fn publish(&mut self, books: &Books) -> bool {
        let (posted, slept) = (&mut self.posted, self.slept);
        self.touched
            .retain(|symbol| posted.get_mut(symbol).is_some_and(|posted| !posted.publish(books, slept)));
        self.touched.is_empty()
    }
}

impl Posted {
    fn touch(&mut self, touched: &mut Vec<Symbol>) {
        if !std::mem::replace(&mut self.is_touched, true) {
            touched.push(self.slot.symbol);
        }
    }

    /// Removes the reason why no book will arrive, because a new reader has requested the book. Returns the slot.
    fn begin_again(&mut self) -> Arc<Slot> {
        if self.no_book.take().is_some() {
            // A new reader must not see the old reason, so wait for the lock. Readers hold it only to clone an `Arc`.
            let mut latest = self.slot.latest.lock().unwrap_or_else(PoisonError::into_inner);
            let is_missing = latest.stale == Some(StaleReason::NotSubscribed);
            let stale = if is_missing { Some(StaleReason::NothingYet) } else { latest.stale };
            *latest = Arc::new(BookView { no_book: None, stale, ..BookView::clone(&latest) });
            self.slot.version.fetch_add(1, Ordering::AcqRel);
            drop(latest);
            self.notify();
        }
        self.rejection = None;
        Arc::clone(&self.slot)
    }

    /// Publishes the book. Returns `false` if a reader holds the lock.
    fn publish(&mut self, books: &Books, slept: Option<Instant>) -> bool {
        let symbol = self.slot.symbol;
        let symbol = symbol.as_str();
        let Ok(mut latest) = self.slot.latest.try_lock() else { return false };
        self.is_touched = false;
        match (books.get(symbol), books.age(symbol)) {
            (Some(book), Some(mut age)) => {
                age.received = age.received.filter(|received| slept.is_none_or(|slept| *received > slept));
                // If the book is current, its view has no reason `no_book`. A book without a subscription can be
                // current if a recording delivers it.
                let no_book = self.no_book.clone().filter(|_| book.stale_reason().is_some());
                match Arc::get_mut(&mut self.spare) {
                    Some(spare) => spare.refill(book, age, no_book),
                    None => {
                        let mut view = BookView::missing(StaleReason::NothingYet, None);
                        view.refill(book, age, no_book);
                        self.spare = Arc::new(view);
                    }
                }
            }
            // The newest view already says that there is no book.
            _ if latest.no_book == self.no_book
                && matches!(latest.stale, Some(StaleReason::NothingYet | StaleReason::NotSubscribed)) =>
            {
                return true;
            }
            _ => {
                let may_come = latest.no_book.is_some() && self.no_book.is_none();
                let stale = if may_come { StaleReason::NothingYet } else { StaleReason::NotSubscribed };
                let view = BookView::missing(stale, self.no_book.clone());
                self.spare = Arc::new(view);
            }
        }
        std::mem::swap(&mut *latest, &mut self.spare);
        // The lock is still held, so a reader gets the new view together with its version.
        self.slot.version.fetch_add(1, Ordering::AcqRel);
        drop(latest);
        self.notify();
        true
    }

    fn notify(&self) {
        for group in &self.groups {
            group.changed.notify(usize::MAX);
        }
    }
}

impl Drop for Board {
    /// Wakes the readers, so that they notice the end of the driver, also if the driver's task is aborted or panics.
    fn drop(&mut self) {
        for group in &self.groups {
            group.is_ended.store(true, Ordering::Release);
            group.changed.notify(usize::MAX);
        }
    }
}

/// A value that the readers of one group share. It keeps the driver running, like a handle. When the last of these
/// readers is dropped, this value is dropped too, and the driver then ends the subscriptions of the group.
#[derive(Debug)]
struct Membership {
    group: Arc<Group>,
    handle: Handle,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.group.leave();
        self.handle.nudge();
    }
}

/// Reads the books of some symbols, from any task or thread. Returned by [`Handle::books`].
///
/// The driver works in turns: each poll of its future is a turn. In each turn, the driver reads at most
/// [`FRAMES_PER_TURN_MAX`](crate::FRAMES_PER_TURN_MAX) frames of each link, and then copies the books that have
/// changed. A reader gets the newest copy. The driver does not wait for readers.
///
/// Clones of a reader return changes independently of each other. A reader keeps the driver running, like a handle.
/// When the reader and all of its clones are dropped, the driver ends the subscriptions that [`Handle::books`] made
/// for them.
#[derive(Debug)]
pub struct BookReader {
    membership: Arc<Membership>,
    /// For each slot, the newest view that this reader has loaded, and the version of the book when
    /// [`changed`](BookReader::changed) last returned its symbol.
    seen: Vec<(Arc<BookView>, u64)>,
    /// The slot to check first, so that a book that changes often does not delay the others.
    next: usize,
}

impl Clone for BookReader {
    fn clone(&self) -> BookReader {
        BookReader { membership: Arc::clone(&self.membership), seen: self.seen.clone(), next: self.next }
    }
}

impl BookReader {
    pub(crate) fn new(group: Arc<Group>, handle: Handle) -> BookReader {
        let seen = |slot: &Arc<Slot>| {
            let (view, version) = slot.newest();
            // Until the book has arrived, there is no change to return.
            let is_awaited = view.stale == Some(StaleReason::NothingYet);
            (view, if is_awaited { version } else { 0 })
        };
        let seen = group.slots.iter().map(seen).collect();
        BookReader { membership: Arc::new(Membership { group, handle }), seen, next: 0 }
    }

    /// Returns the symbols that this reader reads, in the order in which they were passed to [`Handle::books`].
    pub fn symbols(&self) -> impl Iterator<Item = Symbol> + '_ {
        self.membership.group.slots.iter().map(|slot| slot.symbol)
    }

    /// Waits until a book changes, and returns the symbol of this book. New levels are a change, and so is a change
    /// between current and stale. Several changes of a book between two calls count as one. Sometimes `changed` also
    /// returns the symbol of a book that has not changed.
    ///
    /// Until the book arrives for the first time, it is stale as [`StaleReason::NothingYet`], and `changed` does not
    /// return its symbol. If another reader has received the book before, `changed` returns the symbol at once. If no
    /// book will arrive, `changed` returns the symbol once. Then the book is stale, and [`BookView::no_book`] returns
    /// the reason. When the book may arrive again, for example because the application has subscribed again,
    /// `changed` returns the symbol again.
    ///
    /// Returns `None` when the driver has ended and all earlier changes were returned. The end itself makes all books
    /// stale, but `changed` does not return their symbols for this reason.
    ///
    /// Dropping the future loses nothing.
    pub async fn changed(&mut self) -> Option<Symbol> {
        loop {
            let is_ended = self.is_ended();
            if let Some(symbol) = self.take_change() {
                return Some(symbol);
            }
            if is_ended {
                return None;
            }
            let group = Arc::clone(&self.membership.group);
            let listener = group.changed.listen();
            let is_same =
                |(slot, seen): (&Arc<Slot>, &(_, u64))| slot.version.load(Ordering::Acquire) == seen.1;
            if !self.is_ended() && group.slots.iter().zip(&self.seen).all(is_same) {
                listener.await;
            }
        }
    }

    /// Waits until the book of a symbol is current, and returns the book. Returns `None` if no book will arrive
    /// ([`no_book`](BookReader::no_book) returns the reason), if the driver has ended, or if the reader does not read
    /// the symbol. `until_live` drops the changes that [`changed`](BookReader::changed) would return meanwhile, also
    /// those of other books.
    ///
    /// ```
    /// # async fn first(client: gemini_ws_driver::Handle) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut books = client.books(["btcusd"]).await?;
    /// match books.until_live("btcusd").await {
    ///     Some(book) => println!("{:?}", book.best()),
    ///     None => match books.no_book("btcusd") {
    ///         Some(reason) => println!("no book: {reason}"),
    ///         None => println!("the driver has ended"),
    ///     },
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn until_live(&mut self, symbol: impl AsRef<str>) -> Option<&OrderBook> {
        let symbol = symbol.as_ref();
        self.view(symbol)?;
        while self.live(symbol).is_none() {
            if self.no_book(symbol).is_some() {
                return None;
            }
            self.changed().await?;
        }
        self.live(symbol)
    }

    /// Returns the reason why no current book of a symbol will arrive; `None` if the book is or may become current,
    /// or if this reader does not read the symbol.
    pub fn no_book(&self, symbol: impl AsRef<str>) -> Option<NoBook> {
        self.view(symbol)?.no_book().cloned()
    }

    fn take_change(&mut self) -> Option<Symbol> {
        let slots = &self.membership.group.slots;
        let order = (self.next..slots.len()).chain(0..self.next);
        for place in order {
            let (slot, seen) = (slots.get(place)?, self.seen.get_mut(place)?);
            if slot.version.load(Ordering::Acquire) != seen.1 {
                *seen = slot.newest();
                self.next = place + 1;
                return Some(slot.symbol);
            }
        }
        None
    }

    /// Returns the book of a symbol; `None` if the book is stale, or if this reader does not read the symbol.
    pub fn live(&mut self, symbol: impl AsRef<str>) -> Option<&OrderBook> {
        self.get(symbol)?.live()
    }

    /// Returns the book of a symbol if the book is current and its last snapshot or update arrived at most `age_max`
    /// ago; otherwise `None`. The book of a quiet symbol can be current although its last update is old.
    ///
    /// After the machine has slept, returns `None` until the next snapshot or update of the book, because the
    /// driver's clock may have stopped meanwhile. If the time of day is set forward by three seconds or more, this
    /// counts as a sleep.
    pub fn fresh(&mut self, symbol: impl AsRef<str>, age_max: Duration) -> Option<&OrderBook> {
        let now = self.membership.handle.now_for_ages();
        let place = self.look_at(symbol.as_ref())?;
        if self.is_ended() {
            return None;
        }
        let (view, _) = self.seen.get(place)?;
        let received = view.age.received?;
        view.live().filter(|_| now.is_some_and(|now: Instant| now.since(received) <= age_max))
    }

    /// Returns the book of a symbol, with the reason if the book is stale. Returns `None` if this reader does not
    /// read the symbol. After the end of the driver, every book is stale.
    pub fn get(&mut self, symbol: impl AsRef<str>) -> Option<Book<'_>> {
        let place = self.look_at(symbol.as_ref())?;
        let is_ended = self.is_ended();
        let (view, _) = self.seen.get(place)?;
        Some(match view.get() {
            Book::Live(last) if is_ended => Book::Stale { reason: StaleReason::Disconnected, last },
            book => book,
        })
    }

    /// Returns the newest view of a symbol's book. The caller can keep the view or send it to another thread; a view
    /// never changes. After the end of the driver, the view is stale. Returns `None` if this reader does not read the
    /// symbol.
    pub fn view(&self, symbol: impl AsRef<str>) -> Option<Arc<BookView>> {
        let slot = self.membership.group.slots.get(self.place(symbol.as_ref())?)?;
        let view = slot.newest().0;
        if self.is_ended() && view.stale.is_none() {
            let stale = Some(StaleReason::Disconnected);
            return Some(Arc::new(BookView { stale, ..BookView::clone(&view) }));
        }
        Some(view)
    }

    /// Returns a copy of the best levels of a symbol's book, at most `levels` of each side. The copy can be
    /// serialized with the feature `serde` of `gemini-ws`. If the book is stale, [`BookTop::stale`] is the reason.
    /// The age of the book is known only while the driver runs, and after a sleep of the machine not before the next
    /// snapshot or update. Returns `None` if this reader does not read the symbol.
    ///
    /// ```
    /// # use gemini_ws_driver::{BookReader, gemini_ws::BookTop};
    /// fn is_old(books: &BookReader, symbol: &str) -> bool {
    ///     books.top(symbol, 10).and_then(|top| top.age_ms).is_none_or(|age| age > 2_000)
    /// }
    /// ```
    pub fn top(&self, symbol: impl AsRef<str>, levels: usize) -> Option<BookTop> {
        // Read the time before the view. If the machine sleeps between the two reads, the age is still that at the
        // first read.
        let now = self.membership.handle.now_for_ages();
        let view = self.view(symbol)?;
        Some(BookTop::new(view.get(), view.age, now, levels))
    }

    fn is_ended(&self) -> bool {
        self.membership.group.is_ended.load(Ordering::Acquire)
    }

    fn place(&self, symbol: &str) -> Option<usize> {
        self.membership.group.places.get(&symbol.parse().ok()?).copied()
    }

    /// Stores the newest view of the book in `seen`, and returns the index of the book. Does not store the version of
    /// the view, so [`changed`](BookReader::changed) still returns the symbol.
    fn look_at(&mut self, symbol: &str) -> Option<usize> {
        let place = self.place(symbol)?;
        let slot = self.membership.group.slots.get(place)?;
        let seen = self.seen.get_mut(place)?;
        if slot.version.load(Ordering::Acquire) != seen.1 {
            seen.0 = slot.newest().0;
        }
        Some(place)
    }
}
