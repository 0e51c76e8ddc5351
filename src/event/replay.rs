//! [`Replay`]: recorded frames as events.

use crate::event::Event;
use crate::event::batch::{funding_amount, l2_book, mark_price};
use crate::event::last_trade::LastTrade;
use crate::event::{Batch, Parts};
use crate::message::{Depth, Element, L2Updates, List, MarketUpdate, Message};
use crate::value::sequence::{DepthRole, GapRule, Position};
use crate::value::symbol::Symbol;
use crate::value::symbol_map::SymbolMap;

/// Makes events of recorded frames, in which the requests between them were not kept.
///
/// The first depth frame of a symbol is its snapshot; so is a later one that covers a single new
/// update id, as it follows a subscription made anew. After a gap a book waits for such a frame. In
/// market data v2 the first frame of a symbol is its book, and so is one that looks like a first one.
///
/// ```
/// use gemini_ws::{Books, Replay, Scratch, decode};
///
/// let frames = [
///     r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["99","1"]],"a":[["101","3"]]}"#,
///     r#"{"e":"depthUpdate","E":2,"s":"btcusd","U":5,"u":8,"b":[["98","1"]],"a":[]}"#,
/// ];
/// let (mut scratch, mut replay, mut books) = (Scratch::new(), Replay::new(), Books::new());
/// for frame in frames {
///     let message = decode(frame, &mut scratch).unwrap();
///     if let Some(event) = replay.event(&message) {
///         books.apply(&event);
///     }
/// }
/// assert_eq!(books.get("btcusd").unwrap().live().unwrap().bids().len(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct Replay {
    positions: SymbolMap<Position>,
    /// Symbols of market data v2 whose book has begun, and their trades.
    begun: SymbolMap<LastTrade>,
    /// Events of market data v1.
    told: LastTrade,
}

impl Replay {
    /// A reader at the beginning of a recording.
    pub const fn new() -> Replay {
        Replay { positions: SymbolMap::new(), begun: SymbolMap::new(), told: LastTrade::NOTHING }
    }

    /// The event that the message is; `None` for replies, and for depth frames with nothing to
    /// apply: stale ones, and changes before a snapshot.
    pub fn event<'f>(&mut self, message: &Message<'f>) -> Option<Event<'f>> {
        match message {
            Message::Depth(depth) => self.depth(*depth),
            Message::L2Updates(updates) => {
                let begins = self.begun.get(updates.symbol).is_none();
                let told = self.begun.get_or_insert(updates.symbol.parse().ok()?, || LastTrade::NOTHING)?;
                // A frame that looks like an initial one is a book asked for anew.
                Some(l2(begins || updates.looks_initial(), told, *updates))
            }
            Message::Trade(trade) => Some(Event::Trade(match self.begun.get_mut(trade.symbol) {
                Some(told) => told.tell(*trade),
                None => *trade,
            })),
            Message::MarketUpdate(update) => Some(market(&mut self.told, *update)),
            message => event_of(message),
        }
    }

    fn depth<'f>(&mut self, depth: Depth<'f>) -> Option<Event<'f>> {
        let (first, last) = depth.first_update_id.zip(depth.last_update_id)?;
        let symbol: Symbol = depth.symbol.parse().ok()?;
        let position = self.positions.get_or_insert(symbol, Position::default)?;
        match position.advance_recorded(first, last, GapRule::Strict) {
            DepthRole::Snapshot => Some(Event::DepthSnapshot(depth)),
            DepthRole::Update => Some(Event::DepthUpdate(depth)),
            DepthRole::Stale | DepthRole::BeforeSnapshot => None,
            DepthRole::Gap { expected } => Some(Event::Gap { symbol, expected, got: Some(first) }),
        }
    }
}

impl Default for Replay {
    fn default() -> Replay {
        Replay::new()
    }
}

/// The event of a frame of market data v2.
pub(crate) fn l2<'f>(is_snapshot: bool, told: &mut LastTrade, updates: L2Updates<'f>) -> Event<'f> {
    if updates.trades.is_none() && updates.auction_events.is_none() {
        return l2_book(is_snapshot, &updates);
    }
    let before = *told;
    updates.trades.into_iter().flatten().for_each(|trade| told.note(trade.trade_id));
    Event::Batch(Batch(Parts::L2 { is_snapshot, told: before, updates }))
}

/// The event of a frame of market data v1. Only the first of a link can have trades of before; the id of a
/// trade is that of its event (`marketdata-v1.md`, section 3.3).
pub(crate) fn market<'f>(told: &mut LastTrade, update: MarketUpdate<'f>) -> Event<'f> {
    let before = if update.socket_sequence == 0 { *told } else { LastTrade::NOTHING };
    told.note(update.event_id);
    Event::Batch(Batch(Parts::Market { told: before, update }))
}

/// The event of a message that is one whatever came before it.
pub(crate) fn event_of<'f>(message: &Message<'f>) -> Option<Event<'f>> {
    Some(match *message {
        Message::BookTicker(payload) => Event::BookTicker(payload),
        Message::PartialDepth(payload) => Event::PartialDepth(payload),
        Message::Trade(payload) => Event::Trade(payload),
        Message::ContractStatus(payload) => Event::ContractStatus(payload),
        Message::MarkPrice(payload) => Event::MarkPrice(payload),
        Message::FundingAmount(payload) => Event::FundingAmount(payload),
        Message::RequestForQuote(payload) => Event::RequestForQuote(payload),
        Message::OrderUpdate(payload) => Event::Order(payload),
        Message::OrderSnapshot(payload) => Event::Batch(Batch(Parts::OrderSnapshot(payload))),
        Message::BalanceUpdate(payload) => Event::Balances(payload),
        Message::PositionReport(payload) => Event::Positions(payload),
        Message::QuoteUpdate(payload) => Event::Quote(payload),
        Message::Settlements(payload) => Event::Settlements(payload),
        Message::Auction(payload) => Event::Auction(payload),
        Message::Candles(payload) => Event::Candles(payload),
        Message::MarkPrices(prices) => match only(&prices.changes) {
            Some(change) => mark_price(prices.symbol, &change),
            None => Event::Batch(Batch(Parts::MarkPrices(prices))),
        },
        Message::FundingAmounts(amounts) => match only(&amounts.changes) {
            Some(change) => funding_amount(amounts.symbol, &change),
            None => Event::Batch(Batch(Parts::FundingAmounts(amounts))),
        },
        Message::SubscriptionAck(payload) => Event::SubscriptionAck(payload),
        Message::OrderEvents(payload) => Event::Batch(Batch(Parts::OrderEvents(payload))),
        Message::Heartbeat(payload) => Event::Heartbeat(payload),
        Message::Error(payload) => Event::Error(payload),
        Message::Unrecognized(payload) => Event::Unrecognized(payload),
        // What these are is known to who has seen what came before.
        Message::Depth(_) | Message::L2Updates(_) | Message::MarketUpdate(_) | Message::Response(_) => {
            return None;
        }
    })
}

/// The one element of a list that has one.
fn only<'f, T: Element<'f>>(list: &List<'f, T>) -> Option<T> {
    let mut elements = list.iter();
    elements.next().filter(|_| elements.next().is_none())
}
