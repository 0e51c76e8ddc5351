//! [`Tops`]: compares the best levels of a book with those of the ticker.
//!
//! The two streams of a symbol share their ids but arrive independently. If the last update of a book has the id `u`,
//! its best levels must be those of the newest ticker with an id of at most `u`. Only a later ticker shows which one
//! that is, so the comparison waits for a later ticker.

use std::collections::VecDeque;

use gemini_ws::{BookTicker, Level, OrderBook};

/// The maximum number of tickers that are stored. A book that is older than all of them is not compared.
const TICKERS_MAX: usize = 256;

/// The maximum number of books that wait for a later ticker. If there are more, the oldest is compared at once.
const PENDING_MAX: usize = 64;

/// The best levels of one symbol at one update id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Top {
    pub(crate) update_id: u64,
    pub(crate) bid: Option<Level>,
    pub(crate) ask: Option<Level>,
}

impl Top {
    pub(crate) const fn of_ticker(ticker: &BookTicker<'_>) -> Top {
        Top { update_id: ticker.update_id, bid: ticker.bid, ask: ticker.ask }
    }

    pub(crate) fn of_book(book: &OrderBook) -> Top {
        let (bid, ask) = (book.bids().best().copied(), book.asks().best().copied());
        Top { update_id: book.last_update_id().unwrap_or(0), bid, ask }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Tops {
    tickers: VecDeque<Top>,
    pending: VecDeque<Top>,
    compared: u64,
    mismatches: u64,
}

impl Tops {
    pub(crate) fn new() -> Tops {
        let (tickers, pending) = (VecDeque::with_capacity(TICKERS_MAX), VecDeque::with_capacity(PENDING_MAX));
        Tops { tickers, pending, compared: 0, mismatches: 0 }
    }

    pub(crate) fn ticker(&mut self, top: Top) {
        if self.tickers.back().is_some_and(|last| last.update_id > top.update_id) {
            // The ids of one link only rise, so this ticker is from a later link.
            self.forget();
        }
        while let Some(book) = self.pending.front().copied().filter(|book| book.update_id < top.update_id) {
            self.pending.pop_front();
            self.compare(book);
        }
        if self.tickers.len() == TICKERS_MAX {
            self.tickers.pop_front();
        }
        self.tickers.push_back(top);
    }

    pub(crate) fn book(&mut self, top: Top) {
        if self.pending.len() == PENDING_MAX
            && let Some(oldest) = self.pending.pop_front()
        {
            self.compare(oldest);
        }
        self.pending.push_back(top);
    }

    /// Removes all best levels, because those of another link cannot be compared with them.
    pub(crate) fn forget(&mut self) {
        self.tickers.clear();
        self.pending.clear();
    }

    pub(crate) const fn compared(&self) -> u64 {
        self.compared
    }

    pub(crate) const fn mismatches(&self) -> u64 {
        self.mismatches
    }

    fn compare(&mut self, book: Top) {
        let newest = self.tickers.iter().rev().find(|ticker| ticker.update_id <= book.update_id);
        if let Some(ticker) = newest {
            self.compared += 1;
            self.mismatches += u64::from((ticker.bid, ticker.ask) != (book.bid, book.ask));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn top(update_id: u64, bid: &str) -> Top {
        let level = Level { price: bid.parse().unwrap(), quantity: "1".parse().unwrap() };
        Top { update_id, bid: Some(level), ask: None }
    }

    #[test]
    fn the_newest_ticker_up_to_the_book_counts() {
        type Case<'c> = (&'c [(bool, u64, &'c str)], u64, u64);
        // The inputs, each with whether it is a book, its id and its bid; the books compared; the mismatches.
        let table: [Case<'_>; 7] = [
            // No later ticker comes, so there is no comparison.
            (&[(false, 5, "1"), (true, 7, "1")], 0, 0),
            (&[(false, 5, "1"), (true, 7, "1.0"), (false, 8, "2")], 1, 0),
            (&[(false, 5, "1"), (true, 7, "3"), (false, 8, "2")], 1, 1),
            // The ticker with the id of the book arrives after the book.
            (&[(false, 5, "1"), (true, 7, "2"), (false, 7, "2"), (false, 9, "3")], 1, 0),
            // The book is older than every ticker.
            (&[(true, 4, "9"), (false, 5, "1"), (false, 6, "2")], 0, 0),
            // Two books between two tickers.
            (&[(false, 5, "1"), (true, 6, "1"), (true, 7, "1"), (false, 8, "2")], 2, 0),
            // The ids fall, so they come from another link.
            (&[(false, 50, "1"), (true, 60, "2"), (false, 5, "1"), (false, 70, "1")], 0, 0),
        ];
        for (input, compared, mismatches) in table {
            let mut tops = Tops::new();
            for (book, id, bid) in input {
                if *book { tops.book(top(*id, bid)) } else { tops.ticker(top(*id, bid)) }
            }
            assert_eq!((tops.compared(), tops.mismatches()), (compared, mismatches), "{input:?}");
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut tops = Tops::new();
        for id in 0..10_000 {
            tops.ticker(top(id, "1"));
        }
        assert_eq!(tops.tickers.len(), TICKERS_MAX);
        for id in 10_000..20_000 {
            tops.book(top(id, "1"));
        }
        assert_eq!(tops.pending.len(), PENDING_MAX);
        assert_eq!((tops.compared(), tops.mismatches()), (10_000 - PENDING_MAX as u64, 0));
    }
}
