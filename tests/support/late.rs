//! An application that polls its client as late as it can: it leaves events in the queue until another output, such
//! as a text to send, is queued behind them.

use gemini_ws::{Book, Books, Event, Order, Orders};

#[derive(Default)]
pub struct Late {
    pub books: Books,
    pub orders: Orders,
    waiting: Vec<Event<'static>>,
    /// How many events `handle_frame` returned while older events were not polled.
    pub overtaken: u64,
}

impl Late {
    pub fn returned(&mut self, event: &Event<'_>) {
        self.overtaken += u64::from(!self.waiting.is_empty());
        self.apply(event);
    }

    /// Keeps an event of the client's outputs until [`poll`](Late::poll).
    pub fn waits(&mut self, event: Event<'static>) {
        self.waiting.push(event);
    }

    pub fn poll(&mut self) {
        for event in std::mem::take(&mut self.waiting) {
            self.apply(&event);
        }
    }

    fn apply(&mut self, event: &Event<'_>) {
        self.books.apply(event);
        self.orders.apply(event);
    }
}

pub fn of_books(books: &Books) -> Vec<String> {
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

/// Formats the visible state of an order, except whether it is in doubt.
pub fn of_order(order: &Order) -> String {
    let Order { client_order_id, order_id, state, fills, .. } = order;
    format!("{client_order_id:?} {order_id:?} {state:?} {} {} fills", order.executed(), fills.len())
}
