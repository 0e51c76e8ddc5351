//! [`Book`]: the order book of the rivals (the other JSON readers), with one sorted vector for each side.

use rust_decimal::Decimal;

/// The books of one rival, each with its symbol. There are few books, so [`book_of`] compares their symbols one by
/// one.
pub(crate) type Books = Vec<(String, Book)>;

/// Returns the book of a symbol. If there is none, adds an empty book.
pub(crate) fn book_of<'b, B: Default>(books: &'b mut Vec<(String, B)>, symbol: &str) -> &'b mut B {
    let place = books.iter().position(|(of, _)| of == symbol).unwrap_or_else(|| {
        books.push((symbol.to_string(), B::default()));
        books.len() - 1
    });
    &mut books[place].1
}

/// An order book. The best price of each side is last: most changes are near the best price, so they move few levels.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) bids: Vec<(Decimal, Decimal)>,
    pub(crate) asks: Vec<(Decimal, Decimal)>,
    last: u64,
}

impl Book {
    pub(crate) fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }

    /// Prepares the book for a frame with these update ids. Returns whether the levels of the frame must be applied:
    /// `false` if the frame is old or comes after a gap. A frame with two equal ids is a snapshot, and clears the
    /// book.
    pub(crate) fn begin(&mut self, first: u64, last: u64) -> bool {
        if first == last {
            self.clear();
        } else if last <= self.last || first > self.last {
            return false;
        }
        self.last = last;
        true
    }

    pub(crate) fn set_bid(&mut self, price: Decimal, quantity: Decimal) {
        let place = self.bids.partition_point(|(other, _)| *other < price);
        set(&mut self.bids, place, price, quantity);
    }

    pub(crate) fn set_ask(&mut self, price: Decimal, quantity: Decimal) {
        let place = self.asks.partition_point(|(other, _)| *other > price);
        set(&mut self.asks, place, price, quantity);
    }

    /// Adds all levels of a snapshot to an empty book. A snapshot lists its best levels first.
    pub(crate) fn fill(&mut self, bids: &[(Decimal, Decimal)], asks: &[(Decimal, Decimal)]) {
        for (side, levels) in [(&mut self.bids, bids), (&mut self.asks, asks)] {
            side.extend(levels.iter().rev());
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bids.is_empty() && self.asks.is_empty()
    }
}

fn set(side: &mut Vec<(Decimal, Decimal)>, place: usize, price: Decimal, quantity: Decimal) {
    match side.get_mut(place) {
        Some((known, _)) if *known == price && quantity.is_zero() => drop(side.remove(place)),
        Some((known, old)) if *known == price => *old = quantity,
        _ if quantity.is_zero() => {}
        _ => side.insert(place, (price, quantity)),
    }
}
