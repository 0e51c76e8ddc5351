//! [`BookTop`]: the best levels of a book as plain data.

use alloc::vec::Vec;

use crate::message::Level;
use crate::state::book::Book;
use crate::state::truth::{Age, StaleReason};
use crate::value::time::{Instant, Timestamp};

/// A copy of the best levels of a book, with the reason if the book is stale: for display, or for another program.
/// With the feature `serde`, `BookTop` implements `Serialize`.
///
/// ```
/// use gemini_ws::{BookTop, Books, Endpoint, Replay, Scratch};
///
/// let frame = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["99","1"],["98","4"]],"a":[["101","3"]]}"#;
/// let (mut books, mut scratch) = (Books::new(), Scratch::new());
/// books.apply(&Replay::new(Endpoint::Streams).event(frame, &mut scratch).unwrap().unwrap());
/// let top = BookTop::new(books.get("btcusd").unwrap(), books.age("btcusd").unwrap(), None, 1);
/// assert_eq!((top.bids[0].price.to_string(), top.bids.len(), top.stale), ("99".into(), 1, None));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct BookTop {
    /// The best bids, best first.
    pub bids: Vec<Level>,
    /// The best asks, best first.
    pub asks: Vec<Level>,
    /// The reason why the book is stale; `None` if the book is current.
    pub stale: Option<StaleReason>,
    /// The venue's time of the last snapshot or update; `None` if the venue sent none.
    pub event_time: Option<Timestamp>,
    /// The time from the receipt of the last snapshot or update to the instant `now` of [`BookTop::new`], in
    /// milliseconds. `None` if the time of receipt is unknown, as with a [`Replay`](crate::Replay), or if `now` is
    /// `None`. A current book may be old, because its market is quiet or because the peer has stopped sending.
    pub age_ms: Option<u64>,
}

impl BookTop {
    /// Copies at most `levels` levels of each side. Pass the result of [`Books::age`](crate::Books::age) as `age`,
    /// and the present instant as `now`, or `None` if it is unknown.
    pub fn new(book: Book<'_>, age: Age, now: Option<Instant>, levels: usize) -> BookTop {
        let sides = [book.last().bids(), book.last().asks()];
        let [bids, asks] = sides.map(|side| side.iter().take(levels).copied().collect());
        let passed = now.zip(age.received).map(|(now, at)| now.since(at).as_millis());
        let age_ms = passed.map(|ms| u64::try_from(ms).unwrap_or(u64::MAX));
        BookTop { bids, asks, stale: book.stale_reason(), event_time: age.event_time, age_ms }
    }
}
