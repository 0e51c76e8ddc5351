//! [`Book`]: the book of the rivals, two sorted vectors.

use rust_decimal::Decimal;

/// The books of a contestant; there are a few.
pub(crate) type Books = Vec<(String, Book)>;

/// The book of a symbol.
pub(crate) fn book_of<'b, B: Default>(books: &'b mut Vec<(String, B)>, symbol: &str) -> &'b mut B {
    let place = books.iter().position(|(of, _)| of == symbol).unwrap_or_else(|| {
        books.push((symbol.to_string(), B::default()));
        books.len() - 1
    });
    &mut books[place].1
}

/// Every level, the best last, where most changes are.
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

    /// Whether changes of these update ids are to be applied. A single id is that of a snapshot.
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

    /// Takes all levels of a snapshot, which come best first.
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
