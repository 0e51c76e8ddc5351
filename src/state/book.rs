//! [`Book`]: a book of [`Books`](crate::Books), and whether it is current.

use crate::state::order_book::OrderBook;
use crate::state::truth::StaleReason;

/// A book that is current or stale.
#[derive(Clone, Copy, Debug)]
pub enum Book<'b> {
    /// The book is current as of the last update that arrived.
    Live(&'b OrderBook),
    /// The book is stale: use it for display, not for decisions. The next snapshot makes the book current again,
    /// unless the bids and asks of the snapshot cross. If the reason is [`StaleReason::Crossed`], the first update
    /// after which the bids and asks no longer cross also makes the book current again.
    ///
    /// What to do:
    ///
    /// - If [`Books::to_resync`](crate::Books::to_resync) returns the symbol of the book, request a snapshot.
    /// - Otherwise, if the reason is [`StaleReason::Crossed`], wait for an update.
    /// - Otherwise, if the client has reported [`Event::LinkClosed`](crate::Event::LinkClosed) for the link, call
    ///   [`Client::open`](crate::Client::open). The client then requests a snapshot.
    /// - Otherwise wait: the client requests a snapshot. After [`Event::Closed`](crate::Event::Closed), no snapshot
    ///   comes.
    Stale {
        /// The reason why the book is stale.
        reason: StaleReason,
        /// The book as it was last known.
        last: &'b OrderBook,
    },
}

impl<'b> Book<'b> {
    /// Returns the book if the book is current.
    pub const fn live(self) -> Option<&'b OrderBook> {
        match self {
            Book::Live(book) => Some(book),
            Book::Stale { .. } => None,
        }
    }

    /// Returns the book as it was last known, whether it is current or stale. Use it for display.
    pub const fn last(self) -> &'b OrderBook {
        match self {
            Book::Live(last) | Book::Stale { last, .. } => last,
        }
    }

    /// Returns the reason why the book is stale; `None` if the book is current.
    pub const fn stale_reason(self) -> Option<StaleReason> {
        match self {
            Book::Live(_) => None,
            Book::Stale { reason, .. } => Some(reason),
        }
    }
}
