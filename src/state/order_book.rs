//! [`OrderBook`]: the price levels of one symbol.
//!
//! Each side is a `Ladder`, which keeps the levels sorted. This file applies snapshots and changes to the sides.

use core::num::NonZeroU32;

use crate::message::{Depth, Level, TopOfBook};
use crate::state::ladder::{Ladder, Levels};
use crate::value::decimal::Decimal;
use crate::value::sequence::{GapRule, Sequenced, sequence};
use crate::value::side::Side;

/// The maximum number of levels that one side of a book keeps. A side with more levels drops its worst levels and is
/// no longer whole ([`BookSide::is_whole`]). The largest recorded book has 2,564 bids.
pub const LEVELS_MAX: usize = 100_000;

/// The order book of one symbol.
///
/// `OrderBook` does not know whether the link still delivers changes. [`Books`](crate::Books) knows which books are
/// current. Use `OrderBook` without `Books` only if your own code checks this.
///
/// A side takes up to 30 bytes for each level, plus less than a kilobyte. Removing levels does not free memory, so
/// the largest number of levels that a side has had determines its memory.
///
/// On average, the cost of a change near the best price does not depend on the number of levels. Any other change
/// takes a search, and usually moves only a few levels. A rare change moves nearly all levels of its side. Sorting an
/// unsorted snapshot of n levels takes O(n log n) steps.
///
/// ```
/// use gemini_ws::{Applied, Message, OrderBook, Scratch, decode};
///
/// let mut scratch = Scratch::new();
/// let mut book = OrderBook::new();
/// let snapshot = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["99","1"],["98","2"]],"a":[["101","3"]]}"#;
/// let Ok(Message::Depth(depth)) = decode(snapshot, &mut scratch) else { panic!() };
/// book.replace(&depth);
///
/// let change = r#"{"e":"depthUpdate","E":2,"s":"btcusd","U":5,"u":7,"b":[["99","0"]],"a":[["100.5","1"]]}"#;
/// let Ok(Message::Depth(depth)) = decode(change, &mut scratch) else { panic!() };
/// assert_eq!(book.apply(&depth), Applied::Changed);
/// assert_eq!(book.bids().best().unwrap().price.to_string(), "98");
/// assert_eq!(book.asks().best().unwrap().price.to_string(), "100.5");
/// assert_eq!(book.apply(&depth), Applied::Stale, "the same again changes nothing");
/// ```
#[derive(Debug)]
pub struct OrderBook {
    bids: BookSide,
    asks: BookSide,
    last_update_id: Option<u64>,
}

/// One side of a book.
#[derive(Debug)]
pub struct BookSide {
    levels: Ladder,
    /// From the best price to this price, no level is missing. `None` if the side is whole. Not used if `is_unknown`
    /// is `true`.
    edge: Option<Decimal>,
    /// The maximum number of levels on this side of the snapshot: the snapshot has only the best ones. `None` if
    /// there is no maximum. The venue does not necessarily send changes of worse levels.
    levels_max: Option<NonZeroU32>,
    /// Whether the link has not reported this side, so its levels are unknown.
    is_unknown: bool,
}

/// The result of applying changes to a book.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub enum Applied {
    /// The book has changed.
    Changed,
    /// The book contains all of the changes already. Nothing has changed.
    Stale,
    /// An update is missing between the book and the changes. Nothing has changed: request a snapshot.
    Gap {
        /// The last update id of the book; 0 if the book has none.
        expected: u64,
        /// The first update id of the changes.
        got: u64,
    },
}

impl core::fmt::Display for Applied {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Applied::Changed => f.pad("the book has changed"),
            Applied::Stale => f.pad("nothing new"),
            Applied::Gap { expected, got } => {
                write!(f, "an update is missing: the book is at {expected}, the changes begin with {got}")
            }
        }
    }
}

impl OrderBook {
    /// Creates an empty book.
    pub const fn new() -> OrderBook {
        OrderBook { bids: BookSide::new(true), asks: BookSide::new(false), last_update_id: None }
    }

    /// Returns the bids, best first.
    pub const fn bids(&self) -> &BookSide {
        &self.bids
    }

    /// Returns the asks, best first.
    pub const fn asks(&self) -> &BookSide {
        &self.asks
    }

    /// Returns the best bid and the best ask; `None` if either side is empty.
    ///
    /// ```
    /// use gemini_ws::{Message, OrderBook, Scratch, decode};
    ///
    /// let frame = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["99","1"]],"a":[["101.5","3"]]}"#;
    /// let mut scratch = Scratch::new();
    /// let Ok(Message::Depth(depth)) = decode(frame, &mut scratch) else { panic!() };
    /// let mut book = OrderBook::new();
    /// assert!(book.best().is_none());
    /// book.replace(&depth);
    /// let (bid, ask) = book.best().unwrap();
    /// assert_eq!((bid.price.to_string(), ask.price.to_string()), ("99".into(), "101.5".into()));
    /// assert_eq!(book.mid().unwrap().to_string(), "100.25");
    /// assert_eq!(book.spread().unwrap().to_string(), "2.5");
    /// ```
    pub fn best(&self) -> Option<(Level, Level)> {
        Some((*self.bids.best()?, *self.asks.best()?))
    }

    /// Returns the exact price halfway between the best bid and the best ask. Returns `None` if either side is empty
    /// or a decimal cannot hold the price.
    pub fn mid(&self) -> Option<Decimal> {
        let (bid, ask) = self.best()?;
        bid.price.checked_add(ask.price)?.checked_mul(Decimal::new(5, 1)?)
    }

    /// Returns the best ask minus the best bid: zero or negative if the book is crossed. Returns `None` if either
    /// side is empty or a decimal cannot hold the difference.
    pub fn spread(&self) -> Option<Decimal> {
        let (bid, ask) = self.best()?;
        ask.price.checked_sub(bid.price)
    }

    /// Returns the last update id of the snapshot, change or best level that was applied last. On market data v1,
    /// this is the `eventId` of the frame. Returns `None` for a new or cleared book, and for market data v2, which
    /// has no update ids.
    pub const fn last_update_id(&self) -> Option<u64> {
        self.last_update_id
    }

    /// Returns whether the book has a best bid and a best ask, and the bid is not below the ask. This is a sign of a
    /// lost update, but the sandbox also publishes such books.
    pub fn is_crossed(&self) -> bool {
        match (self.bids.best(), self.asks.best()) {
            (Some(bid), Some(ask)) => bid.price >= ask.price,
            _ => false,
        }
    }

    /// Replaces all levels by the levels of a snapshot of the whole book. Both sides are then whole
    /// ([`BookSide::is_whole`]), unless the snapshot has more than [`LEVELS_MAX`] levels on a side.
    pub fn replace(&mut self, snapshot: &Depth<'_>) {
        self.bids.replace(snapshot.bids);
        self.asks.replace(snapshot.asks);
        self.last_update_id = snapshot.last_update_id;
    }

    /// Replaces all levels by the levels of a snapshot that contains only the best `levels` per side
    /// ([`Snapshot::Best`](crate::Snapshot::Best)). A side with fewer levels than `levels` is whole until changes
    /// bring it to that number. For any other side, see [`BookSide::known_depth`].
    pub fn replace_best(&mut self, snapshot: &Depth<'_>, levels: NonZeroU32) {
        self.replace(snapshot);
        for (side, sent) in [(&mut self.bids, snapshot.bids), (&mut self.asks, snapshot.asks)] {
            if sent.len() >= levels.get() as usize {
                side.limit();
            }
            side.levels_max = Some(levels);
            side.narrow();
        }
    }

    pub(crate) fn set_unknown(&mut self, side: Side) {
        match side {
            Side::Buy => self.bids.is_unknown = true,
            Side::Sell => self.asks.is_unknown = true,
        }
    }

    /// Applies all changes of a frame, or none of them: see [`Applied`]. The update ids must follow those of the book
    /// by the rule [`GapRule::Strict`]. Changes without a range of update ids, which the archived endpoints send, are
    /// always applied.
    pub fn apply(&mut self, changes: &Depth<'_>) -> Applied {
        self.apply_by(changes, GapRule::Strict)
    }

    pub(crate) fn apply_by(&mut self, changes: &Depth<'_>, rule: GapRule) -> Applied {
        if let (Some(first), Some(last)) = (changes.first_update_id, changes.last_update_id) {
            let before = self.last_update_id.unwrap_or(0);
            match sequence(before, first, last, rule) {
                Sequenced::Stale => return Applied::Stale,
                Sequenced::Gap => return Applied::Gap { expected: before, got: first },
                Sequenced::Next => {}
            }
        }
        for level in changes.bids {
            self.bids.set(level);
        }
        for level in changes.asks {
            self.asks.set(level);
        }
        // A frame is one change of the venue's book, so only the number of levels after its last level matters.
        self.bids.narrow();
        self.asks.narrow();
        self.last_update_id = changes.last_update_id;
        Applied::Changed
    }

    /// Replaces all levels of one side by the level in `top`. Then only this level is known
    /// ([`BookSide::known_depth`]). If `top` has no level, the side becomes empty and whole.
    pub fn replace_top(&mut self, top: &TopOfBook<'_>) {
        let side = match top.side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        };
        side.clear();
        if let Some(level) = &top.level {
            side.set(level);
            side.limit();
        }
        self.last_update_id = Some(top.update_id);
    }

    /// Removes all levels and the last update id, but keeps the memory of the levels.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
        self.last_update_id = None;
    }
}

impl Clone for OrderBook {
    fn clone(&self) -> OrderBook {
        OrderBook { bids: self.bids.clone(), asks: self.asks.clone(), last_update_id: self.last_update_id }
    }

    fn clone_from(&mut self, other: &OrderBook) {
        self.bids.clone_from(&other.bids);
        self.asks.clone_from(&other.asks);
        self.last_update_id = other.last_update_id;
    }
}

impl Clone for BookSide {
    fn clone(&self) -> BookSide {
        let BookSide { edge, levels_max, is_unknown, .. } = *self;
        BookSide { levels: self.levels.clone(), edge, levels_max, is_unknown }
    }

    fn clone_from(&mut self, other: &BookSide) {
        self.levels.clone_from(&other.levels);
        (self.edge, self.levels_max, self.is_unknown) = (other.edge, other.levels_max, other.is_unknown);
    }
}

impl Default for OrderBook {
    fn default() -> OrderBook {
        OrderBook::new()
    }
}

impl BookSide {
    const fn new(descending: bool) -> BookSide {
        BookSide { levels: Ladder::new(descending), edge: None, levels_max: None, is_unknown: false }
    }

    /// Returns the number of levels.
    pub const fn len(&self) -> usize {
        self.levels.len()
    }

    /// Returns whether there are no levels. If the side is whole ([`BookSide::is_whole`]), the venue has none either.
    pub const fn is_empty(&self) -> bool {
        self.levels.len() == 0
    }

    /// Returns the best level; `None` if the side is empty.
    pub fn best(&self) -> Option<&Level> {
        self.levels.best()
    }

    /// Returns the levels, best first.
    pub fn iter(&self) -> Levels<'_> {
        self.levels.iter()
    }

    /// Returns the quantity at a price; zero if the side has no level there. Unless the side is whole
    /// ([`BookSide::is_whole`]), the venue may still have a level at a price that is worse than the known levels.
    pub fn quantity(&self, price: Decimal) -> Decimal {
        self.levels.get(price).map_or(Decimal::ZERO, |level| level.quantity)
    }

    /// Returns the number of best levels among which no level of the venue's book is missing. For a whole side
    /// ([`BookSide::is_whole`]), this is the number of all levels.
    ///
    /// A side is not whole in four cases:
    ///
    /// - Its snapshot contained only the best n levels ([`OrderBook::replace_best`]). Once a level is not one of the
    ///   best n, it is no longer counted, even if it becomes one of them again. As the price moves, the result can
    ///   shrink to zero: then request a snapshot.
    /// - The side dropped levels beyond [`LEVELS_MAX`].
    /// - [`OrderBook::replace_top`] set its best level.
    /// - The address or the first frame of market data v1 leaves out the side
    ///   ([parameters](crate::protocol::market_data_v1)). Such a side is unknown, not empty, and the result is 0.
    pub fn known_depth(&self) -> usize {
        if self.is_unknown {
            return 0;
        }
        let Some(edge) = self.edge else { return self.levels.len() };
        let (Ok(last) | Err(last)) = self.levels.find(edge);
        self.levels.count_from(last)
    }

    /// Returns whether the side has all levels that the venue had at the last applied snapshot or change. Returns
    /// `true` before the first snapshot too.
    pub const fn is_whole(&self) -> bool {
        self.edge.is_none() && !self.is_unknown
    }

    /// Sets the quantity at a price; zero removes the level. Removing a level that does not exist is normal.
    #[inline]
    fn set(&mut self, level: &Level) {
        match self.levels.find(level.price) {
            Ok(slot) if level.quantity.is_zero() => self.levels.remove(slot),
            Ok(slot) => self.levels.overwrite(slot, level),
            Err(_) if level.quantity.is_zero() => {}
            Err(slot) if self.levels.len() < LEVELS_MAX => self.levels.insert(slot, level),
            Err(slot) => self.set_in_full(slot, level),
        }
    }

    #[cold]
    fn set_in_full(&mut self, slot: usize, level: &Level) {
        let worst = self.levels.worst_place();
        if slot > worst {
            self.levels.remove(worst);
            let (Ok(slot) | Err(slot)) = self.levels.find(level.price);
            self.levels.insert(slot, level);
        }
        self.limit();
    }

    /// Sets `edge` to the price of the worst level, because worse levels may be missing. Does not change `edge` if it
    /// is a better price already.
    fn limit(&mut self) {
        let last = self.edge.map_or(0, |edge| {
            let (Ok(slot) | Err(slot)) = self.levels.find(edge);
            slot
        });
        if last <= self.levels.worst_place() {
            self.edge = self.levels.worst().map(|worst| worst.price);
        }
    }

    /// If at least `levels_max` levels are known, sets `edge` to the price of the last of the best `levels_max`
    /// levels.
    #[inline]
    fn narrow(&mut self) {
        if let Some(most) = self.levels_max {
            self.narrow_to(most.get() as usize);
        }
    }

    #[cold]
    fn narrow_to(&mut self, most: usize) {
        // A whole side with this many levels may lack worse ones from the next change on.
        let is_beyond = if self.edge.is_none() { self.len() >= most } else { self.known_depth() > most };
        if is_beyond {
            self.edge = self.iter().nth(most.saturating_sub(1)).map(|level| level.price);
        }
    }

    fn replace(&mut self, levels: &[Level]) {
        self.clear();
        if self.levels.replace(levels, LEVELS_MAX) {
            self.limit();
        }
    }

    fn clear(&mut self) {
        self.levels.clear();
        (self.edge, self.levels_max, self.is_unknown) = (None, None, false);
    }
}

impl<'b> IntoIterator for &'b BookSide {
    type Item = &'b Level;
    type IntoIter = Levels<'b>;

    fn into_iter(self) -> Self::IntoIter {
        self.levels.iter()
    }
}
