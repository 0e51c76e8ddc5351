//! [`Batch`]: the events of one frame.

use core::iter;

use crate::event::last_trade::LastTrade;
use crate::event::report::{Report, Unread};
use crate::event::source::Source;
use crate::event::{Batch, Event, Malformed, Parts};
use crate::json::cursor::Cursor;
use crate::json::error::DecodeError;
use crate::message::{
    Auction, AuctionOpen, ChangeReason, Depth, Elements, FundingAmount, FundingAmountChange, L2Updates,
    Level, LevelChange, MakerSide, MarkPrice, MarkPriceChange, MarketEntry, MarketTrade, MarketUpdate,
    Message, OrderReport, RawJson, Read, Row, SnapshotOrder, Taker, TopOfBook, Trade,
};
use crate::request::stream::Topic;
use crate::value::endpoint::Endpoint;
use crate::value::side::Side;
use crate::value::symbol_map::SymbolMap;

impl<'f> Batch<'f> {
    pub(crate) const fn lists_open_orders(&self) -> bool {
        matches!(self.0, Parts::OrderSnapshot(_))
    }

    /// Returns the decoded frame.
    pub const fn message(&self) -> Message<'f> {
        match self.0 {
            Parts::L2 { updates, .. } => Message::L2Updates(updates),
            Parts::Market { update, .. } => Message::MarketUpdate(update),
            Parts::MarkPrices(prices) => Message::MarkPrices(prices),
            Parts::FundingAmounts(amounts) => Message::FundingAmounts(amounts),
            Parts::OrderSnapshot(snapshot) => Message::OrderSnapshot(snapshot),
            Parts::OrderEvents(events) => Message::OrderEvents(events),
            Parts::Report(report) => report.message(),
        }
    }

    pub(crate) const fn has_malformed(&self) -> bool {
        match &self.0 {
            Parts::L2 { updates, .. } => updates.has_malformed,
            Parts::Market { update, .. } => update.has_malformed,
            Parts::MarkPrices(prices) => prices.has_malformed,
            Parts::FundingAmounts(amounts) => amounts.has_malformed,
            Parts::OrderSnapshot(snapshot) => snapshot.has_malformed,
            Parts::OrderEvents(events) => events.has_malformed,
            Parts::Report(report) => report.has_malformed(),
        }
    }

    pub(crate) fn is_report_of(&self, topic: Topic) -> bool {
        matches!(&self.0, Parts::Report(report) if report.about().0 == topic)
    }
}

impl<'f> Report<'f> {
    #[inline(never)]
    pub(crate) fn event(self, source: Source<'f>) -> Event<'f> {
        if self.has_malformed() {
            Event::Batch(Batch(Parts::Report(self)), source)
        } else {
            self.whole(source)
        }
    }

    const fn whole(self, source: Source<'f>) -> Event<'f> {
        match self {
            Report::Balances(it) => Event::Balances(it, source),
            Report::Positions(it) => Event::Positions(it, source),
            Report::Settlements(it) => Event::Settlements(it, source),
            Report::Candles(it) => Event::Candles(it, source),
        }
    }
}

pub(crate) fn l2_book<'f>(is_snapshot: bool, updates: &L2Updates<'f>, source: Source<'f>) -> Event<'f> {
    let depth = Depth {
        symbol: updates.symbol,
        event_time: None,
        first_update_id: None,
        last_update_id: None,
        bids: updates.bids,
        asks: updates.asks,
    };
    depth_event(is_snapshot, depth, source)
}

#[inline]
pub(crate) const fn depth_event<'f>(is_snapshot: bool, depth: Depth<'f>, source: Source<'f>) -> Event<'f> {
    if is_snapshot { Event::DepthSnapshot(depth, source) } else { Event::DepthUpdate(depth, source) }
}

/// An iterator over the [parts](Event::parts) of an event.
#[derive(Clone, Debug)]
pub struct Events<'f> {
    rest: Rest<'f>,
    source: Source<'f>,
}

#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "the iterator is on the stack of its caller")]
enum Rest<'f> {
    One(Option<Event<'f>>),
    L2 {
        told: LastTrade,
        updates: L2Updates<'f>,
        /// Whether the book is a snapshot; `None` once the book has been returned.
        book: Option<bool>,
        trades: Option<Elements<'f, Row<'f, Trade<'f>>>>,
        auctions: Option<Elements<'f, Row<'f, Auction<'f>>>>,
    },
    Market {
        told: LastTrade,
        update: MarketUpdate<'f>,
        books: Option<Books<'f>>,
        entries: Elements<'f, MarketEntry<'f>>,
    },
    /// The first frame of a market data v1 link, if the frame has no level. Its first event is a snapshot of an empty
    /// book.
    EmptyMarket {
        told: LastTrade,
        update: MarketUpdate<'f>,
        /// The symbol of the book; `None` if it is unknown, or once the book has been returned.
        symbol: Option<&'f str>,
        entries: Elements<'f, MarketEntry<'f>>,
    },
    MarkPrices(&'f str, Elements<'f, Row<'f, MarkPriceChange<'f>>>),
    FundingAmounts(&'f str, Elements<'f, Row<'f, FundingAmountChange<'f>>>),
    OrderSnapshot(Elements<'f, SnapshotOrder<'f>>),
    OrderEvents(Elements<'f, OrderReport<'f>>),
    Report(Unread<'f>, Option<Report<'f>>),
}

impl<'f> Event<'f> {
    /// Returns the parts of a [`Batch`]. For any other event, returns only the event itself. The books of a batch
    /// come first; the other parts follow in the order of the frame. In market data v2 all trades come before all
    /// auctions. If a report of balances, positions, settlements or candles has rows that cannot be decoded, these
    /// rows come first, each as an [`Event::Malformed`], and the report comes last.
    #[inline]
    pub fn parts(&self) -> Events<'f> {
        match self {
            Event::Batch(batch, source) => {
                let rest = Rest::new(batch, source.is_whole());
                // If the symbol is unknown, `Events` omits the book, and gives the number of the book to no other
                // part. `EventBuf` decodes the frame again, perhaps with a symbol, and must find each part by the
                // same number.
                let is_left_out = matches!(rest, Rest::EmptyMarket { symbol: None, .. });
                Events { rest, source: source.with_part(u32::from(is_left_out)) }
            }
            event => {
                Events { rest: Rest::One(Some(*event)), source: Source::recorded(Endpoint::Streams, "") }
            }
        }
    }
}

impl<'f> Rest<'f> {
    fn new(batch: &Batch<'f>, is_whole: bool) -> Rest<'f> {
        match batch.0 {
            Parts::L2 { is_snapshot, told, updates } => Rest::L2 {
                told,
                updates,
                book: Some(is_snapshot),
                trades: updates.trades.map(|trades| trades.iter()),
                auctions: updates.auction_events.map(|auctions| auctions.iter()),
            },
            Parts::Market { told, update } if is_whole && has_no_level(&update) => {
                Rest::EmptyMarket { told, update, symbol: update.symbol, entries: update.entries.iter() }
            }
            Parts::Market { told, update } => Rest::Market {
                told,
                update,
                books: Some(Books::new(&update, is_whole)),
                entries: update.entries.iter(),
            },
            Parts::MarkPrices(prices) => Rest::MarkPrices(prices.symbol, prices.changes.iter()),
            Parts::FundingAmounts(amounts) => Rest::FundingAmounts(amounts.symbol, amounts.changes.iter()),
            Parts::OrderSnapshot(snapshot) => Rest::OrderSnapshot(snapshot.orders.iter()),
            Parts::OrderEvents(events) => Rest::OrderEvents(events.events.iter()),
            Parts::Report(report) => Rest::Report(Unread::of(&report), Some(report)),
        }
    }
}

impl<'f> Iterator for Events<'f> {
    type Item = Event<'f>;

    #[inline]
    fn next(&mut self) -> Option<Event<'f>> {
        let source = self.source.with_part(self.source.part().saturating_add(1));
        self.source = source;
        match &mut self.rest {
            Rest::One(event) => event.take(),
            Rest::L2 { told, updates, book, trades, auctions } => {
                if let Some(is_snapshot) = book.take() {
                    return Some(l2_book(is_snapshot, updates, source));
                }
                let symbol = updates.symbol;
                if let Some(trade) = trades.as_mut().and_then(Iterator::next) {
                    let event = |trade| Event::Trade(told.mark(trade), source);
                    return Some(row(trade, Topic::Trade, symbol, source, event));
                }
                let auction = auctions.as_mut()?.next()?;
                Some(row(auction, Topic::Trade, symbol, source, |auction| Event::Auction(auction, source)))
            }
            Rest::Market { told, update, books, entries } => {
                if let Some(runs) = books {
                    match runs.next(source) {
                        Some(event) => return Some(event),
                        None => *books = None,
                    }
                }
                iter::from_fn(|| entries.next_unnoted())
                    .find_map(|entry| other_entry(*told, update, entry, source))
            }
            Rest::EmptyMarket { told, update, symbol, entries } => match symbol.take() {
                Some(symbol) => Some(empty_book(symbol, update, source)),
                None => iter::from_fn(|| entries.next_unnoted())
                    .find_map(|entry| other_entry(*told, update, entry, source)),
            },
            Rest::MarkPrices(symbol, changes) => {
                let change = changes.next()?;
                Some(row(change, Topic::MarkPrice, symbol, source, |it| mark_price(symbol, &it, source)))
            }
            Rest::FundingAmounts(symbol, changes) => {
                let change = changes.next()?;
                Some(row(change, Topic::FundingAmount, symbol, source, |it| {
                    funding_amount(symbol, &it, source)
                }))
            }
            Rest::OrderSnapshot(orders) => {
                let source = source.beginning_at(orders.begin_in(source.frame()));
                orders.next().map(|SnapshotOrder(report)| order(report, source))
            }
            Rest::OrderEvents(reports) => {
                let source = source.beginning_at(reports.begin_in(source.frame()));
                reports.next().map(|report| order(report, source))
            }
            Rest::Report(unread, report) => of_report(unread, report, source),
        }
    }
}

#[cold]
#[inline(never)]
fn of_report<'f>(
    unread: &mut Unread<'f>,
    report: &mut Option<Report<'f>>,
    source: Source<'f>,
) -> Option<Event<'f>> {
    let Some((element, error)) = unread.next() else {
        return report.take().map(|report| report.whole(source));
    };
    let (topic, symbol) = report.as_ref()?.about();
    Some(malformed(element, error, topic, symbol, source))
}

fn row<'f, T>(
    row: Row<'f, T>,
    topic: Topic,
    symbol: &str,
    source: Source<'f>,
    event: impl FnOnce(T) -> Event<'f>,
) -> Event<'f> {
    match row {
        Row::Read(row) => event(row),
        Row::Malformed { element, error } => malformed(element, error, topic, Some(symbol), source),
    }
}

fn malformed<'f>(
    element: RawJson<'f>,
    error: DecodeError,
    topic: Topic,
    symbol: Option<&str>,
    source: Source<'f>,
) -> Event<'f> {
    let symbol = symbol.and_then(|symbol| symbol.parse().ok());
    Event::Malformed(Malformed { frame: element.as_str(), error, topic: Some(topic), symbol }, source)
}

/// Reads only the row that begins at the byte `begin` of the frame, which lists orders. Returns `None` if no row
/// begins there.
pub(crate) fn order_at(source: Source<'_>, begin: u32) -> Option<Event<'_>> {
    let mut cursor = Cursor::new(source.frame());
    cursor.advance(usize::try_from(begin).ok()?);
    let report = match source.endpoint() {
        Endpoint::OrderEventsV1 => OrderReport::read(source.frame(), &mut cursor).ok()?,
        _ => SnapshotOrder::read(source.frame(), &mut cursor).ok()?.0,
    };
    Some(order(report, source))
}

fn order<'f>(report: OrderReport<'f>, source: Source<'f>) -> Event<'f> {
    match report {
        OrderReport::Update(update) => Event::Order(update, source),
        OrderReport::Unrecognized(unrecognized) => Event::Unrecognized(unrecognized, source),
        OrderReport::Malformed { element, error } => malformed(element, error, Topic::Orders, None, source),
    }
}

pub(crate) const fn mark_price<'f>(
    symbol: &'f str,
    change: &MarkPriceChange<'f>,
    source: Source<'f>,
) -> Event<'f> {
    let change = MarkPrice {
        symbol,
        event_time: change.event_time,
        mark_price: change.mark_price,
        scaled_index: None,
        spot_index: change.spot_index,
    };
    Event::MarkPrice(change, source)
}

pub(crate) const fn funding_amount<'f>(
    symbol: &'f str,
    change: &FundingAmountChange<'f>,
    source: Source<'f>,
) -> Event<'f> {
    let change = FundingAmount {
        symbol,
        event_time: change.event_time,
        funding_time: change.funding_time,
        interval_minutes: change.interval_minutes,
        amount: change.amount,
        rate_percent: change.rate_percent,
        mark_price: change.mark_price,
        realized: change.realized,
    };
    Event::FundingAmount(change, source)
}

/// Cold, because only frames that may begin a book are tested.
#[cold]
#[inline(never)]
pub(crate) fn has_no_level(update: &MarketUpdate<'_>) -> bool {
    Changes::of(update).next().is_none()
}

#[cold]
#[inline(never)]
fn empty_book<'f>(symbol: &'f str, update: &MarketUpdate<'f>, source: Source<'f>) -> Event<'f> {
    let depth = Depth {
        symbol,
        event_time: update.event_time,
        first_update_id: None,
        last_update_id: Some(update.event_id),
        bids: &[],
        asks: &[],
    };
    depth_event(true, depth, source)
}

/// Returns `None` for a change of the book: [`Books`] makes the event of such a change.
fn other_entry<'f>(
    told: LastTrade,
    update: &MarketUpdate<'f>,
    entry: MarketEntry<'f>,
    source: Source<'f>,
) -> Option<Event<'f>> {
    let symbol = |own: Option<&'f str>| own.or(update.symbol);
    let trade = |trade: MarketTrade<'f>, taker| {
        let trade = Trade {
            symbol: symbol(trade.symbol).unwrap_or_default(),
            event_time: update.event_time,
            trade_id: trade.trade_id,
            event_id: Some(update.event_id),
            price: trade.price,
            quantity: trade.quantity,
            taker,
            // The first frame may repeat trades of earlier events. Only the ids of the trades show this.
            is_replay: told.has(trade.trade_id),
        };
        Event::Trade(trade, source)
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
        MarketEntry::AuctionOpen(it) => {
            Event::AuctionOpen(AuctionOpen { symbol: symbol(it.symbol), ..it }, source)
        }
        MarketEntry::Auction(it) => Event::Auction(Auction { symbol: symbol(it.symbol), ..it }, source),
        MarketEntry::Unrecognized(it) => Event::Unrecognized(it, source),
        MarketEntry::Malformed { element, error } => malformed(element, error, Topic::Trade, None, source),
    })
}

/// The level changes of a market data v1 frame, from which `next` makes events. Each new best level becomes a
/// separate event. Other adjacent changes with the same symbol and the same [`Run`] become one event, because they
/// belong to one event of the venue.
#[derive(Clone, Debug)]
struct Books<'f> {
    update: MarketUpdate<'f>,
    changes: iter::Peekable<Changes<'f>>,
    /// Whether the first changes of each symbol are its whole book, even if their `reason` is not `initial`.
    is_whole: bool,
    /// Symbols whose snapshot was returned already.
    begun: SymbolMap<()>,
    bids: &'f [Level],
    asks: &'f [Level],
}

#[derive(Clone, Debug)]
pub(super) struct Changes<'f>(Elements<'f, MarketEntry<'f>>);

impl<'f> Changes<'f> {
    pub(super) fn of(update: &MarketUpdate<'f>) -> Changes<'f> {
        Changes(update.entries.iter())
    }
}

impl<'f> Iterator for Changes<'f> {
    type Item = LevelChange<'f>;

    #[inline]
    fn next(&mut self) -> Option<LevelChange<'f>> {
        self.0.find_map(|entry| match entry {
            MarketEntry::Change(change) => Some(change),
            _ => None,
        })
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Run {
    Snapshot,
    Update,
    Top,
}

impl Run {
    pub(super) fn of(change: &LevelChange<'_>) -> Run {
        match change.reason {
            ChangeReason::Initial => Run::Snapshot,
            ChangeReason::TopOfBook => Run::Top,
            _ => Run::Update,
        }
    }
}

impl<'f> Books<'f> {
    fn new(update: &MarketUpdate<'f>, is_whole: bool) -> Books<'f> {
        Books {
            update: *update,
            changes: Changes::of(update).peekable(),
            is_whole,
            begun: SymbolMap::new(),
            bids: update.bids,
            asks: update.asks,
        }
    }

    fn next(&mut self, source: Source<'f>) -> Option<Event<'f>> {
        let first = self.changes.next()?;
        let symbol = first.symbol.or(self.update.symbol).unwrap_or_default();
        let (run, own) = (Run::of(&first), first.symbol);
        let (mut bids, mut asks) = (0_usize, 0_usize);
        let mut count = |side: Side| {
            let count = if side == Side::Buy { &mut bids } else { &mut asks };
            *count = count.saturating_add(1);
        };
        count(first.side);
        if run == Run::Top {
            self.take(bids, asks);
            let level = Level { price: first.price, quantity: first.remaining };
            let top = TopOfBook {
                symbol,
                event_time: self.update.event_time,
                update_id: self.update.event_id,
                side: first.side,
                level: Some(level).filter(|level| !level.quantity.is_zero()),
            };
            return Some(Event::TopOfBook(top, source));
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
        let is_snapshot = (run == Run::Snapshot || self.is_whole) && self.begins(symbol);
        Some(depth_event(is_snapshot, depth, source))
    }

    fn begins(&mut self, symbol: &str) -> bool {
        if self.begun.get(symbol).is_some() {
            return false;
        }
        // After the last change of the frame, no later call needs the symbol.
        if self.changes.peek().is_some()
            && let Ok(symbol) = symbol.parse()
        {
            self.begun.get_or_insert(symbol, || ());
        }
        true
    }

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
    /// Serializes the [message](Batch::message).
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.message().serialize(serializer)
    }
}
