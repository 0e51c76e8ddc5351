//! [`Batch`]: several events of one frame.

use core::iter;

use crate::event::last_trade::LastTrade;
use crate::event::{Batch, Event, Malformed, Parts};
use crate::message::{
    AuctionOpen, BookSide, ChangeReason, Depth, Elements, FundingAmount, FundingAmountChange, L2Updates,
    Level, LevelChange, MakerSide, MarkPrice, MarkPriceChange, MarketEntry, MarketTrade, MarketUpdate,
    Message, OrderReport, SnapshotOrder, Taker, TopOfBook, Trade,
};
use crate::value::symbol_map::SymbolMap;

impl<'f> Batch<'f> {
    /// The frame.
    pub const fn message(&self) -> Message<'f> {
        match self.0 {
            Parts::L2 { updates, .. } => Message::L2Updates(updates),
            Parts::Market { update, .. } => Message::MarketUpdate(update),
            Parts::MarkPrices(prices) => Message::MarkPrices(prices),
            Parts::FundingAmounts(amounts) => Message::FundingAmounts(amounts),
            Parts::OrderSnapshot(snapshot) => Message::OrderSnapshot(snapshot),
            Parts::OrderEvents(events) => Message::OrderEvents(events),
        }
    }

    /// The events: a book first, then what else happened, in the order of the frame.
    pub fn events(&self) -> Events<'f> {
        Events(match self.0 {
            Parts::L2 { is_snapshot, told, updates } => Rest::L2 {
                told,
                book: Some(l2_book(is_snapshot, &updates)),
                trades: updates.trades.map(|trades| trades.iter()),
                auctions: updates.auction_events.map(|auctions| auctions.iter()),
            },
            Parts::Market { told, update } => Rest::Market {
                told,
                update,
                books: Some(Books::new(&update)),
                entries: update.entries.iter(),
            },
            Parts::MarkPrices(prices) => Rest::MarkPrices(prices.symbol, prices.changes.iter()),
            Parts::FundingAmounts(amounts) => Rest::FundingAmounts(amounts.symbol, amounts.changes.iter()),
            Parts::OrderSnapshot(snapshot) => Rest::OrderSnapshot(snapshot.orders.iter()),
            Parts::OrderEvents(events) => Rest::OrderEvents(events.events.iter()),
        })
    }
}

/// The book of a frame of market data v2.
pub(crate) fn l2_book<'f>(is_snapshot: bool, updates: &L2Updates<'f>) -> Event<'f> {
    let depth = Depth {
        symbol: updates.symbol,
        event_time: None,
        first_update_id: None,
        last_update_id: None,
        bids: updates.bids,
        asks: updates.asks,
    };
    if is_snapshot { Event::DepthSnapshot(depth) } else { Event::DepthUpdate(depth) }
}

/// The events of a [`Batch`].
#[derive(Clone, Debug)]
pub struct Events<'f>(Rest<'f>);

#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "lives on the stack of who iterates")]
enum Rest<'f> {
    One(Option<Event<'f>>),
    L2 {
        told: LastTrade,
        book: Option<Event<'f>>,
        trades: Option<Elements<'f, Trade<'f>>>,
        auctions: Option<Elements<'f, crate::message::Auction<'f>>>,
    },
    Market {
        told: LastTrade,
        update: MarketUpdate<'f>,
        books: Option<Books<'f>>,
        entries: Elements<'f, MarketEntry<'f>>,
    },
    MarkPrices(&'f str, Elements<'f, MarkPriceChange>),
    FundingAmounts(&'f str, Elements<'f, FundingAmountChange>),
    OrderSnapshot(Elements<'f, SnapshotOrder<'f>>),
    OrderEvents(Elements<'f, OrderReport<'f>>),
}

impl<'f> Event<'f> {
    /// The event, or each of a [`Batch`]: for who takes every generation alike.
    pub fn parts(&self) -> Events<'f> {
        match self {
            Event::Batch(batch) => batch.events(),
            event => Events(Rest::One(Some(*event))),
        }
    }
}

impl<'f> Iterator for Events<'f> {
    type Item = Event<'f>;

    fn next(&mut self) -> Option<Event<'f>> {
        match &mut self.0 {
            Rest::One(event) => event.take(),
            Rest::L2 { told, book, trades, auctions } => book
                .take()
                .or_else(|| trades.as_mut()?.next().map(|trade| Event::Trade(told.mark(trade))))
                .or_else(|| auctions.as_mut()?.next().map(Event::Auction)),
            Rest::Market { told, update, books, entries } => {
                if let Some(runs) = books {
                    match runs.next() {
                        Some(event) => return Some(event),
                        None => *books = None,
                    }
                }
                entries.find_map(|entry| other_entry(*told, update, entry))
            }
            Rest::MarkPrices(symbol, changes) => changes.next().map(|change| mark_price(symbol, &change)),
            Rest::FundingAmounts(symbol, changes) => {
                changes.next().map(|change| funding_amount(symbol, &change))
            }
            Rest::OrderSnapshot(orders) => orders.next().map(|SnapshotOrder(report)| order(report)),
            Rest::OrderEvents(reports) => reports.next().map(order),
        }
    }
}

fn order(report: OrderReport<'_>) -> Event<'_> {
    match report {
        OrderReport::Update(update) => Event::Order(update),
        OrderReport::Unrecognized(unrecognized) => Event::Unrecognized(unrecognized),
        OrderReport::Malformed { element, error } => {
            Event::Malformed(Malformed { frame: element.as_str(), error })
        }
    }
}

pub(crate) fn mark_price<'f>(symbol: &'f str, change: &MarkPriceChange) -> Event<'f> {
    Event::MarkPrice(MarkPrice {
        symbol,
        event_time: change.event_time,
        mark_price: change.mark_price,
        scaled_index: None,
        spot_index: Some(change.spot_index),
    })
}

pub(crate) fn funding_amount<'f>(symbol: &'f str, change: &FundingAmountChange) -> Event<'f> {
    Event::FundingAmount(FundingAmount {
        symbol,
        event_time: change.event_time,
        funding_time: change.funding_time,
        interval_minutes: change.interval_minutes,
        amount: change.amount,
        rate_percent: change.rate_percent,
        mark_price: change.mark_price,
        realized: change.realized,
    })
}

/// What an entry of market data v1 is, apart from a change of the book.
fn other_entry<'f>(told: LastTrade, update: &MarketUpdate<'f>, entry: MarketEntry<'f>) -> Option<Event<'f>> {
    let symbol = |own: Option<&'f str>| own.or(update.symbol);
    let trade = |trade: MarketTrade<'f>, taker| {
        Event::Trade(told.mark(Trade {
            symbol: symbol(trade.symbol).unwrap_or_default(),
            event_time: update.event_time,
            trade_id: trade.trade_id,
            event_id: Some(update.event_id),
            price: trade.price,
            quantity: trade.quantity,
            taker,
            is_replay: false,
        }))
    };
    Some(match entry {
        MarketEntry::Change(_) => return None,
        MarketEntry::Trade(it) => {
            let taker = match it.maker_side {
                Some(MakerSide::Bid) => Taker::Seller,
                Some(MakerSide::Ask) => Taker::Buyer,
                Some(MakerSide::Auction) => Taker::Auction,
                Some(MakerSide::Other(text)) => Taker::Other(text),
                None => Taker::Other(crate::message::Text("")),
            };
            trade(it, taker)
        }
        MarketEntry::BlockTrade(it) => trade(it, Taker::Block),
        MarketEntry::AuctionOpen(it) => Event::AuctionOpen(AuctionOpen { symbol: symbol(it.symbol), ..it }),
        MarketEntry::Auction(it) => {
            Event::Auction(crate::message::Auction { symbol: symbol(it.symbol), ..it })
        }
        MarketEntry::Unrecognized(it) => Event::Unrecognized(it),
    })
}

/// The changes of a frame of market data v1 as events: neighbours of one symbol are one, as they
/// belong to one event of the venue.
#[derive(Clone, Debug)]
struct Books<'f> {
    update: MarketUpdate<'f>,
    changes: iter::Peekable<Changes<'f>>,
    /// Symbols whose book was in this frame already: what follows adds to it.
    begun: SymbolMap<()>,
    bids: &'f [Level],
    asks: &'f [Level],
}

/// The changes among the entries.
#[derive(Clone, Debug)]
struct Changes<'f>(Elements<'f, MarketEntry<'f>>);

impl<'f> Iterator for Changes<'f> {
    type Item = LevelChange<'f>;

    fn next(&mut self) -> Option<LevelChange<'f>> {
        self.0.find_map(|entry| match entry {
            MarketEntry::Change(change) => Some(change),
            _ => None,
        })
    }
}

/// What a run of changes is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Run {
    Snapshot,
    Update,
    Top,
}

impl Run {
    fn of(change: &LevelChange<'_>) -> Run {
        match change.reason {
            ChangeReason::Initial => Run::Snapshot,
            ChangeReason::TopOfBook => Run::Top,
            _ => Run::Update,
        }
    }
}

impl<'f> Books<'f> {
    fn new(update: &MarketUpdate<'f>) -> Books<'f> {
        Books {
            update: *update,
            changes: Changes(update.entries.iter()).peekable(),
            begun: SymbolMap::new(),
            bids: update.bids,
            asks: update.asks,
        }
    }

    fn next(&mut self) -> Option<Event<'f>> {
        let first = self.changes.next()?;
        let symbol = first.symbol.or(self.update.symbol).unwrap_or_default();
        let (run, own) = (Run::of(&first), first.symbol);
        let (mut bids, mut asks) = (0_usize, 0_usize);
        let mut count = |side: BookSide| {
            let count = if side == BookSide::Bid { &mut bids } else { &mut asks };
            *count = count.saturating_add(1);
        };
        count(first.side);
        if run == Run::Top {
            self.take(bids, asks);
            let level = Level { price: first.price, quantity: first.remaining };
            return Some(Event::TopOfBook(TopOfBook {
                symbol,
                event_time: self.update.event_time,
                update_id: self.update.event_id,
                side: first.side,
                level: Some(level).filter(|level| !level.quantity.is_zero()),
            }));
        }
        while let Some(next) = self.changes.next_if(|next| Run::of(next) == run && next.symbol == own) {
            count(next.side);
        }
        let (bids, asks) = self.take(bids, asks);
        let depth = Depth {
            symbol,
            event_time: self.update.event_time,
            first_update_id: None,
            last_update_id: Some(self.update.event_id),
            bids,
            asks,
        };
        let is_snapshot = run == Run::Snapshot && self.begins(symbol);
        Some(if is_snapshot { Event::DepthSnapshot(depth) } else { Event::DepthUpdate(depth) })
    }

    /// Whether a symbol's book has not been in this frame before.
    fn begins(&mut self, symbol: &str) -> bool {
        if self.begun.get(symbol).is_some() {
            return false;
        }
        // A frame of one symbol needs no memory.
        if self.changes.peek().is_some()
            && let Ok(symbol) = symbol.parse()
        {
            self.begun.get_or_insert(symbol, || ());
        }
        true
    }

    /// The next levels of each side.
    fn take(&mut self, bids: usize, asks: usize) -> (&'f [Level], &'f [Level]) {
        let split = |of: &mut &'f [Level], at: usize| {
            let (head, rest) = of.split_at_checked(at).unwrap_or((of, &[]));
            *of = rest;
            head
        };
        (split(&mut self.bids, bids), split(&mut self.asks, asks))
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Batch<'_> {
    /// As the frame.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.message().serialize(serializer)
    }
}
