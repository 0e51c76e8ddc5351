//! [`Replay`]: recorded frames as events.

use crate::batch::{Batch, Parts, funding_amount, l2_book, mark_price};
use crate::event::Event;
use crate::message::{Depth, Element, L2Updates, List, Message};
use crate::sequence::{DepthRole, GapRule, Position};
use crate::symbol::Symbol;
use crate::symbol_map::SymbolMap;

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
    /// Symbols of market data v2 whose book has begun.
    begun: SymbolMap<()>,
}

impl Replay {
    /// A reader at the beginning of a recording.
    pub const fn new() -> Replay {
        Replay { positions: SymbolMap::new(), begun: SymbolMap::new() }
    }

    /// The event that the message is; `None` for replies, and for depth frames with nothing to
    /// apply: stale ones, and changes before a snapshot.
    pub fn event<'f>(&mut self, message: &Message<'f>) -> Option<Event<'f>> {
        match message {
            Message::Depth(depth) => self.depth(*depth),
            Message::L2Updates(updates) => {
                let begins = self.begun.get(updates.symbol).is_none();
                if begins {
                    self.begun.get_or_insert(updates.symbol.parse().ok()?, || ());
                }
                // A frame that looks like an initial one is a book asked for anew.
                Some(l2(begins || updates.looks_initial(), *updates))
            }
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
pub(crate) fn l2(is_snapshot: bool, updates: L2Updates<'_>) -> Event<'_> {
    if updates.looks_initial() {
        Event::Batch(Batch(Parts::L2 { is_snapshot, updates }))
    } else {
        l2_book(is_snapshot, &updates)
    }
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
        Message::MarketUpdate(payload) => Event::Batch(Batch(Parts::Market(payload))),
        Message::SubscriptionAck(payload) => Event::SubscriptionAck(payload),
        Message::OrderEvents(payload) => Event::Batch(Batch(Parts::OrderEvents(payload))),
        Message::Heartbeat(payload) => Event::Heartbeat(payload),
        Message::Error(payload) => Event::Error(payload),
        Message::Unrecognized(payload) => Event::Unrecognized(payload),
        // What these are is known to who has seen what came before.
        Message::Depth(_) | Message::L2Updates(_) | Message::Response(_) => return None,
    })
}

/// The one element of a list that has one.
fn only<'f, T: Element<'f>>(list: &List<'f, T>) -> Option<T> {
    let mut elements = list.iter();
    elements.next().filter(|_| elements.next().is_none())
}
