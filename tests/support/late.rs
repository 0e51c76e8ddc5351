//! A reader that polls as late as it can: only when a text, a dial or a Close frame is due that waits behind events.

use gemini_ws::{Book, Books, Event, Order, Orders};

#[derive(Default)]
pub(crate) struct Late {
    pub(crate) books: Books,
    pub(crate) orders: Orders,
    waiting: Vec<Event<'static>>,
    /// How often a frame made an event while older ones waited.
    pub(crate) overtaken: u64,
}

impl Late {
    /// A frame made an event.
    pub(crate) fn returned(&mut self, event: &Event<'_>) {
        self.overtaken += u64::from(!self.waiting.is_empty());
        self.apply(event);
    }

    /// An event is among the outputs.
    pub(crate) fn waits(&mut self, event: Event<'static>) {
        self.waiting.push(event);
    }

    /// The outputs so far are polled.
    pub(crate) fn poll(&mut self) {
        for event in std::mem::take(&mut self.waiting) {
            self.apply(&event);
        }
    }

    fn apply(&mut self, event: &Event<'_>) {
        self.books.apply(event);
        self.orders.apply(event);
    }
}

/// What can be seen of books, each on a line.
pub(crate) fn of_books(books: &Books) -> Vec<String> {
    let mut lines: Vec<String> = books
        .iter()
        .map(|(symbol, book)| {
            let standing = match book {
                Book::Live(_) => "live".to_owned(),
                Book::Stale { reason, .. } => format!("{reason:?}"),
            };
            let (bids, asks) = (book.last().bids(), book.last().asks());
            format!(
                "{symbol} {standing} {:?} {:?}",
                bids.iter().collect::<Vec<_>>(),
                asks.iter().collect::<Vec<_>>()
            )
        })
        .collect();
    lines.sort();
    lines
}

/// What can be seen of an order but a doubt about it.
pub(crate) fn of_order(order: &Order) -> String {
    let Order { client_order_id, order_id, state, fills, .. } = order;
    format!("{client_order_id:?} {order_id:?} {state:?} {} {} fills", order.executed(), fills.len())
}
