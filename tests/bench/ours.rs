//! The code of gemini-ws in the races: it decodes frames and reads all lists, or decodes frames into books.

use std::hint::black_box;

use gemini_ws::{
    Applied, Books, Element, Endpoint, Event, List, Message, OrderBook, Replay, Response, Row, Scratch,
};

use crate::book::book_of;
use crate::inputs::{Input, Kind, V1_SYMBOL};

/// The working memory for frames, and another one for the books that replies contain.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    frames: Scratch,
    replies: Scratch,
}

/// Decodes a frame, and reads every element of every list in it.
pub(crate) fn decode(endpoint: Endpoint, kind: Kind, frame: &str, memory: &mut Memory) {
    // Match on a reference, because the race would also time a move of the message.
    let decoded = endpoint.decode(black_box(frame), &mut memory.frames);
    let Ok(message) = black_box(&decoded) else { panic!("{frame}") };
    match message {
        Message::OrderSnapshot(it) => read(it.orders),
        Message::BalanceUpdate(it) => read(it.balances),
        Message::PositionReport(it) => {
            for position in it.positions {
                black_box(&position);
                if let Row::Read(position) = position {
                    read(position.amounts);
                }
            }
        }
        Message::Settlements(it) => read(it.settlements),
        Message::RequestForQuote(it) => read(it.legs),
        Message::Response(it) => read_result(*it, kind, &mut memory.replies),
        Message::L2Updates(it) => {
            it.trades.into_iter().for_each(read);
            it.auction_events.into_iter().for_each(read);
        }
        Message::Candles(it) => read(it.candles),
        Message::MarkPrices(it) => read(it.changes),
        Message::FundingAmounts(it) => read(it.changes),
        Message::MarketUpdate(it) => read(it.entries),
        Message::SubscriptionAck(it) => {
            read(it.symbol_filter);
            read(it.api_session_filter);
            read(it.event_type_filter);
        }
        Message::OrderEvents(it) => read(it.events),
        _ => {}
    }
}

fn read<'f, T: Element<'f>>(list: List<'f, T>) {
    for element in list {
        black_box(&element);
    }
}

/// Reads the result of a reply. `kind` says to which request the venue replies, which an application knows too.
fn read_result<'f>(response: Response<'f>, kind: Kind, scratch: &'f mut Scratch) {
    match kind {
        Kind::Time | Kind::NamedTime => assert!(black_box(response.server_time()).is_ok()),
        Kind::Limits => response.rate_limits().into_iter().for_each(read),
        Kind::Names => response.stream_names().into_iter().for_each(read),
        Kind::BookReply => assert!(black_box(&response.depth(scratch)).is_ok()),
        Kind::Placed => assert!(black_box(response.order_id()).is_ok()),
        Kind::QuoteReply => assert!(black_box(&response.quote()).is_ok()),
        _ => {}
    }
}

/// A way to decode frames into books.
pub(crate) trait Keeper {
    /// Decodes all frames of an input, and applies each to the book of its symbol.
    fn take(&mut self, input: &Input);

    /// Returns the levels of each book, bids and asks, best first.
    fn levels(&self) -> Vec<[Levels; 2]>;
}

/// The levels of one side: the price and quantity of each, as texts.
pub(crate) type Levels = Vec<(String, String)>;

#[derive(Debug, Default)]
pub(crate) struct OrderBooks {
    scratch: Scratch,
    books: Vec<(String, OrderBook)>,
}

impl Keeper for OrderBooks {
    fn take(&mut self, input: &Input) {
        for (_, frame) in &input.frames {
            let decoded = gemini_ws::decode(black_box(frame), &mut self.scratch);
            assert!(black_box(&decoded).is_ok());
            if let Ok(Message::Depth(depth)) = &decoded {
                let book = book_of(&mut self.books, depth.symbol);
                if depth.first_update_id == depth.last_update_id {
                    book.replace(depth);
                } else if let Applied::Gap { .. } = book.apply(depth) {
                    panic!("the frames do not follow each other");
                }
            }
        }
    }

    fn levels(&self) -> Vec<[Levels; 2]> {
        self.books.iter().map(|(_, book)| levels(book)).collect()
    }
}

/// Decodes frames of any endpoint into books. [`Replay`] checks that the frames follow each other, and [`Books`]
/// finds the book of the symbol.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    scratch: Scratch,
    books: Books,
}

impl Keeper for Whole {
    fn take(&mut self, input: &Input) {
        // Each run begins with the snapshots again, so it needs a new `Replay`.
        let mut replay = Replay::new(input.endpoint);
        if input.endpoint == Endpoint::MarketDataV1 {
            self.scratch.set_symbol(V1_SYMBOL.parse().ok());
        }
        for (_, frame) in &input.frames {
            let event = replay.event(black_box(frame), &mut self.scratch);
            let Ok(event) = black_box(&event) else { panic!("{frame}") };
            let Some(event) = event else { continue };
            assert!(!matches!(event, Event::Gap { .. }), "the frames do not follow each other");
            black_box(self.books.apply(event));
        }
    }

    fn levels(&self) -> Vec<[Levels; 2]> {
        let live = self.books.iter().map(|(symbol, book)| (symbol, book.live()));
        live.map(|(symbol, book)| levels(book.unwrap_or_else(|| panic!("{symbol} is stale")))).collect()
    }
}

fn levels(book: &OrderBook) -> [Levels; 2] {
    [book.bids(), book.asks()].map(|side| {
        let levels = side.iter().map(|level| (level.price.normalized(), level.quantity.normalized()));
        levels.map(|(price, quantity)| (price.to_string(), quantity.to_string())).collect()
    })
}
