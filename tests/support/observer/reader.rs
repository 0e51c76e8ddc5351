//! [`Reader`] stands for the application. It compares `Books` with plain maps that apply the same events, and checks
//! that `Orders` counts each fill once.

use std::collections::{BTreeMap, BTreeSet};

use gemini_ws::{
    Balances, Book, BookSide, Books, Decimal, Depth, Event, EventBuf, Level, OrderBook, Orders, Positions,
    StaleReason, Stream,
};

use super::Violation;

type Plain = [BTreeMap<Decimal, Decimal>; 2];

#[derive(Clone, Debug)]
pub struct Reader {
    books: Books,
    apply: fn(&mut Books, &Event<'_>),
    orders: Orders,
    balances: Balances,
    positions: Positions,
    /// The books that follow the venue, by symbol in lower case; each with the slot of its link.
    plain: BTreeMap<String, (Option<usize>, Plain)>,
}

type Checked = Result<(), Violation>;

fn fail(id: &'static str, what: String) -> Checked {
    Err(Violation { id, what })
}

impl Default for Reader {
    fn default() -> Reader {
        Reader::with(|books, event| {
            books.apply(event);
        })
    }
}

impl Reader {
    pub fn with(apply: fn(&mut Books, &Event<'_>)) -> Reader {
        Reader {
            books: Books::new(),
            apply,
            orders: Orders::new(),
            balances: Balances::new(),
            positions: Positions::new(),
            plain: BTreeMap::new(),
        }
    }

    pub fn take(&mut self, event: &Event<'_>) -> Checked {
        (self.apply)(&mut self.books, event);
        self.orders.apply(event);
        self.balances.apply(event);
        self.positions.apply(event);
        if EventBuf::from(event).as_event() != *event {
            return fail("I-36", format!("an owned copy says something else than {event:?}"));
        }
        for part in event.parts() {
            self.part(&part)?;
        }
        if let Event::Order(..) | Event::Batch(..) = event {
            for order in self.orders.iter() {
                let fills: BTreeSet<u64> = order.fills.iter().map(|fill| fill.trade_id).collect();
                if fills.len() != order.fills.len() {
                    return fail("I-65", format!("a fill counts twice: {order:?}"));
                }
            }
        }
        Ok(())
    }

    fn part(&mut self, event: &Event<'_>) -> Checked {
        match event {
            Event::DepthSnapshot(depth, source) => {
                let slot = source.link().map(|link| link.slot());
                self.plain.insert(depth.symbol.to_ascii_lowercase(), (slot, Plain::default()));
                self.change(depth)
            }
            Event::DepthUpdate(depth, _) => self.change(depth),
            // The plain maps cannot follow a feed that reports only the best level of a side.
            Event::TopOfBook(top, _) => {
                self.plain.remove(&top.symbol.to_ascii_lowercase());
                Ok(())
            }
            Event::Synced { id, symbol, .. } => {
                if let Some(book) = self.plain.get_mut(&symbol.as_str().to_ascii_lowercase()) {
                    book.0 = Some(id.link_slot());
                }
                Ok(())
            }
            Event::Gap { symbol, .. } => self.end(symbol.as_str(), None),
            Event::Silent { id, stream: Stream::Depth { symbol, .. }, .. }
            | Event::Unsubscribed { id, stream: Stream::Depth { symbol, .. }, last: true, .. }
            | Event::Rejected { id, stream: Stream::Depth { symbol, .. }, .. } => {
                self.end(symbol.as_str(), Some(id.link_slot()))
            }
            Event::Disconnected { link, .. } => self.end_all(Some(link.slot())),
            Event::Closed { .. } => self.end_all(None),
            _ => Ok(()),
        }
    }

    /// Stops following the book of a symbol if it came over this slot; `None` means any slot. Fails if the book is
    /// still current in `Books`.
    fn end(&mut self, symbol: &str, slot: Option<usize>) -> Checked {
        let name = symbol.to_ascii_lowercase();
        let is_it = |book: &(Option<usize>, Plain)| slot.is_none() || book.0 == slot;
        if !self.plain.get(&name).is_none_or(is_it) {
            return Ok(());
        }
        self.plain.remove(&name);
        match self.books.get(symbol) {
            Some(Book::Live(_)) => fail("I-61", format!("{symbol} is live though nothing follows it")),
            _ => Ok(()),
        }
    }

    /// Stops following the books that came over this slot; `None` means any slot. Fails if one of these books is
    /// still current in `Books`.
    fn end_all(&mut self, slot: Option<usize>) -> Checked {
        let of_link = |book: &(Option<usize>, Plain)| slot.is_none() || book.0 == slot;
        let ended: Vec<String> =
            self.plain.iter().filter(|(_, book)| of_link(book)).map(|(symbol, _)| symbol.clone()).collect();
        for symbol in ended {
            self.end(&symbol, None)?;
        }
        match self.books.iter().find(|(_, book)| slot.is_none() && book.live().is_some()) {
            Some((symbol, _)) => fail("I-61", format!("{symbol} is live after the end")),
            None => Ok(()),
        }
    }

    fn change(&mut self, depth: &Depth<'_>) -> Checked {
        let Some((_, plain)) = self.plain.get_mut(&depth.symbol.to_ascii_lowercase()) else { return Ok(()) };
        for (side, levels) in plain.iter_mut().zip([depth.bids, depth.asks]) {
            for level in levels {
                if level.quantity.is_zero() {
                    side.remove(&level.price);
                } else {
                    side.insert(level.price, level.quantity);
                }
            }
        }
        let best = (plain[0].keys().next_back(), plain[1].keys().next());
        let is_crossed = matches!(best, (Some(bid), Some(ask)) if bid >= ask);
        match self.books.get(depth.symbol) {
            Some(Book::Live(book)) if is_crossed => fail("I-64", format!("{}: {book:?}", depth.symbol)),
            Some(Book::Live(book)) => agree(depth.symbol, book, plain),
            Some(Book::Stale { reason: StaleReason::Crossed, last }) if is_crossed => {
                agree(depth.symbol, last, plain)
            }
            other => fail("I-60", format!("{} after {:?}: {other:?}", depth.symbol, depth.last_update_id)),
        }
    }
}

fn agree(symbol: &str, book: &OrderBook, [bids, asks]: &Plain) -> Checked {
    let levels = |side: &BookSide| side.iter().copied().collect::<Vec<Level>>();
    let level = |(price, quantity): (&Decimal, &Decimal)| Level { price: *price, quantity: *quantity };
    if levels(book.bids()).iter().chain(&levels(book.asks())).any(|level| level.quantity.is_zero())
        || !book.bids().iter().is_sorted_by(|a, b| a.price > b.price)
        || !book.asks().iter().is_sorted_by(|a, b| a.price < b.price)
    {
        return fail("I-64", format!("{symbol}: {book:?}"));
    }
    let is_same = levels(book.bids()) == bids.iter().rev().map(level).collect::<Vec<_>>()
        && levels(book.asks()) == asks.iter().map(level).collect::<Vec<_>>();
    if is_same { Ok(()) } else { fail("I-60", format!("{symbol}: {book:?}, not {bids:?} {asks:?}")) }
}
