//! [`Replay`]: events of recorded frames.

use core::num::NonZeroU32;

use crate::event::Event;
use crate::event::batch::{funding_amount, has_no_level, l2_book, mark_price};
use crate::event::first_changes::FirstChanges;
use crate::event::last_trade::LastTrade;
use crate::event::quote_ids::QuoteIds;
use crate::event::report::Report;
use crate::event::source::Source;
use crate::event::{Batch, Malformed, Parts};
use crate::json::error::DecodeError;
use crate::message::{Depth, Element, L2Updates, List, MarketUpdate, Message, Row, Trade};
use crate::request::stream::Topic;
use crate::value::endpoint::Endpoint;
use crate::value::sequence::{DepthRole, GapRule, Position};
use crate::value::snapshot::Snapshot;
use crate::value::symbol::Symbol;
use crate::value::symbol_map::SymbolMap;
use crate::wire::market_v1::socket_sequence;
use crate::wire::{Scratch, decode_from};

/// Decodes recorded frames into events. The recording need not contain the requests that were sent. If it has the
/// frames of several connections that were open at the same time, use one `Replay` for each of them.
///
/// In the current API, each update of a book covers at least two update ids. So a depth frame that covers a single
/// update id, other than the last id of the book, is a snapshot. `Replay` returns no events for the depth frames
/// before the first snapshot. After a gap, a book waits for the next snapshot.
///
/// In market data v2, the first frame of a symbol contains the whole book, unless an undecodable frame may have come
/// before it. A later frame of market data v2 contains the whole book if
/// [`looks_initial`](crate::L2Updates::looks_initial) returns true.
///
/// In market data v1, if the first update of a connection has no level, the first changes of a symbol are its whole
/// book.
///
/// # The venue's time as a clock
///
/// A recording has frames in order of arrival, not in order of the venue's times. A depth frame has the time of its
/// last change, and may arrive a whole publishing interval after this change. A trade arrives at once. So an update
/// of `depth@100ms` may have an earlier time than a trade that arrived before the update. The times rise only within
/// one kind of frame and one symbol.
///
/// A back-test that samples by the second should therefore use one kind of frame as its clock, and apply all frames
/// in recorded order. Before it applies a clock frame whose time is later than the next sampling time, it takes the
/// sample. `adapters/examples/examples/backtest.rs` samples in this way.
///
/// ```
/// use gemini_ws::{Books, Endpoint, Replay, Scratch};
///
/// let frames = [
///     r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["99","1"]],"a":[["101","3"]]}"#,
///     r#"{"e":"depthUpdate","E":2,"s":"btcusd","U":5,"u":8,"b":[["98","1"]],"a":[]}"#,
/// ];
/// let (mut replay, mut scratch) = (Replay::new(Endpoint::Streams), Scratch::new());
/// let mut books = Books::new();
/// for frame in frames {
///     if let Some(event) = replay.event(frame, &mut scratch).unwrap() {
///         books.apply(&event);
///     }
/// }
/// assert_eq!(books.get("btcusd").unwrap().live().unwrap().bids().len(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct Replay {
    endpoint: Endpoint,
    rule: GapRule,
    /// How many levels per side snapshots have; `None` for all levels.
    levels: Option<NonZeroU32>,
    positions: SymbolMap<Position>,
    l2_books: SymbolMap<L2Book>,
    /// Whether an undecodable frame of market data v2 may have been the first frame of any symbol.
    is_spoilt: bool,
    /// The highest event id of market data v1 so far. It shows which trades the first frame of a later connection
    /// repeats.
    told: LastTrade,
    /// The symbols of which the present connection of market data v1 has sent levels. Set by the frame with the
    /// number 0. Becomes `None` if the first update has levels, if a frame is missing or cannot be decoded, or if the
    /// book of the only symbol has begun.
    first_changes: Option<FirstChanges>,
    /// The number of the next frame of market data v1 while `first_changes` is set.
    next: u64,
    quote_ids: QuoteIds,
}

#[derive(Clone, Copy, Debug)]
struct L2Book {
    state: L2State,
    last_trade: LastTrade,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum L2State {
    /// No frame with changes has come. The first one has the whole book.
    New,
    /// The book has begun, and no update is known to be lost.
    Current,
    /// An update may be lost, and `Replay` has not reported this yet.
    Lost,
    /// A frame may be lost. The book begins with a frame that looks like a first one.
    Waiting,
}

impl L2Book {
    const fn new(state: L2State) -> L2Book {
        L2Book { state, last_trade: LastTrade::NOTHING }
    }

    const fn lose(&mut self) {
        self.state = match self.state {
            // The lost frame may have been the first one.
            L2State::New | L2State::Waiting => L2State::Waiting,
            L2State::Current | L2State::Lost => L2State::Lost,
        };
    }
}

impl Replay {
    /// Creates a decoder for a recording of one endpoint. The decoder has seen no frame yet.
    pub const fn new(endpoint: Endpoint) -> Replay {
        Replay {
            endpoint,
            rule: GapRule::Strict,
            levels: None,
            positions: SymbolMap::new(),
            l2_books: SymbolMap::new(),
            is_spoilt: false,
            told: LastTrade::NOTHING,
            first_changes: None,
            next: 0,
            quote_ids: QuoteIds::new(),
        }
    }

    /// Sets the [gap rule](crate::Config::gap_rule) by which `Replay` checks the updates of books. With
    /// [`GapRule::Lax`], a depth frame that covers only the id after the last id of the book counts as an update. If
    /// this frame was in fact the snapshot after a reconnect, the book keeps levels that the snapshot does not
    /// contain.
    #[must_use]
    pub const fn gap_rule(mut self, rule: GapRule) -> Replay {
        self.rule = rule;
        self
    }

    /// Sets which [snapshots](crate::Config::snapshot) the recorded link requested. For market data v1,
    /// [`Snapshot::Best`] means that the address had the [parameter](crate::protocol::market_data_v1) `top_of_book`,
    /// so that the first frame has only the best level of each side.
    ///
    /// ```
    /// use gemini_ws::{Books, Endpoint, Replay, Scratch, Snapshot};
    ///
    /// let mut replay = Replay::new(Endpoint::Streams).snapshot(Snapshot::Best(2.try_into().unwrap()));
    /// let (mut books, mut scratch) = (Books::new(), Scratch::new());
    /// for frame in [
    ///     r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["99","1"],["98","1"]],"a":[]}"#,
    ///     r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":7,"b":[["99","0"],["95","1"]],"a":[]}"#,
    /// ] {
    ///     books.apply(&replay.event(frame, &mut scratch).unwrap().unwrap());
    /// }
    /// // No bid is better than 98; between 98 and 95 there may be others.
    /// let bids = books.get("btcusd").unwrap().last().bids();
    /// assert_eq!((bids.len(), bids.known_depth()), (2, 1));
    /// ```
    #[must_use]
    pub const fn snapshot(mut self, snapshot: Snapshot) -> Replay {
        self.levels = match (self.endpoint, snapshot) {
            (Endpoint::MarketDataV1, Snapshot::Best(_)) => Some(NonZeroU32::MIN),
            _ => snapshot.levels(self.endpoint),
        };
        self
    }

    /// Decodes the next frame, and returns its event.
    ///
    /// Returns `None` for replies to requests, and for depth frames that change nothing because the book already has
    /// the changes or waits for a snapshot. A depth frame that shows a gap becomes an [`Event::Gap`]. Frames of
    /// `/v1/marketdata/{symbol}` do not name their symbol: set the symbol with [`Scratch::set_symbol`].
    ///
    /// # Errors
    ///
    /// Returns the error of [`Endpoint::decode`]. `Replay` can decode the next frame. If the undecodable frame was an
    /// update of a book of the current API or of market data v2, the next update of the book becomes an
    /// [`Event::Gap`]. In market data v1, no event reports the loss. `Replay` does not check the `socket_sequence` of
    /// the v1 endpoints, because a recording may have the frames of several connections.
    pub fn event<'f>(
        &mut self,
        frame: &'f str,
        scratch: &'f mut Scratch,
    ) -> Result<Option<Event<'f>>, DecodeError> {
        let message =
            decode_from(self.endpoint, frame, scratch).inspect_err(|error| self.spoil(frame, *error))?;
        let source = Source::recorded(self.endpoint, frame).checked_by(self.rule, self.levels);
        Ok(self.event_of(&message, source))
    }

    fn event_of<'f>(&mut self, message: &Message<'f>, source: Source<'f>) -> Option<Event<'f>> {
        match message {
            Message::Depth(depth) => self.depth(*depth, source),
            Message::L2Updates(updates) => self.l2_updates(*updates, source),
            Message::Trade(trade) if self.endpoint == Endpoint::MarketDataV2 => {
                // The first frame of the book may list this trade again.
                let book = self.l2_book(trade.symbol);
                Some(Event::Trade(book.map_or(*trade, |book| book.last_trade.tell(*trade)), source))
            }
            Message::MarketUpdate(update) => {
                self.count(update.socket_sequence);
                let (is_first, is_whole) = match &mut self.first_changes {
                    Some(_) => self.begin_books(update),
                    None => (false, false),
                };
                Some(market(is_first, &mut self.told, *update, source.of_all(is_whole)))
            }
            Message::Heartbeat(beat) => {
                if let Some(number) = beat.socket_sequence {
                    self.count(number);
                }
                event_of(message, source)
            }
            Message::QuoteUpdate(update) => Some(Event::Quote(self.quote_ids.deliver(*update), source)),
            message => {
                // In market data v1, frames of all kinds are numbered.
                if self.endpoint == Endpoint::MarketDataV1
                    && let Some(number) = socket_sequence(source.frame())
                {
                    self.count(number);
                }
                event_of(message, source)
            }
        }
    }

    #[inline]
    fn l2_book(&mut self, symbol: &str) -> Option<&mut L2Book> {
        if self.l2_books.get(symbol).is_none() {
            let state = if self.is_spoilt { L2State::Waiting } else { L2State::New };
            self.l2_books.get_or_insert(symbol.parse().ok()?, || L2Book::new(state));
        }
        self.l2_books.get_mut(symbol)
    }

    fn l2_updates<'f>(&mut self, updates: L2Updates<'f>, source: Source<'f>) -> Option<Event<'f>> {
        let book = self.l2_book(updates.symbol)?;
        // If the book has begun and a frame looks initial, the recorded client has requested the book again.
        let is_snapshot = book.state == L2State::New || updates.looks_initial();
        match book.state {
            _ if is_snapshot => book.state = L2State::Current,
            L2State::Lost => {
                book.state = L2State::Waiting;
                let symbol = updates.symbol.parse().ok()?;
                return Some(Event::Gap { link: None, id: None, symbol, expected: 0, got: None });
            }
            L2State::Waiting => return None,
            L2State::New | L2State::Current => {}
        }
        Some(l2(is_snapshot, &mut book.last_trade, updates, source))
    }

    /// Checks the number of a frame of market data v1. The number 0 begins another connection; a jump shows that a
    /// frame is missing.
    #[inline]
    fn count(&mut self, number: u64) {
        if number == 0 || self.first_changes.is_some() {
            self.count_of_connection(number);
        }
    }

    #[cold]
    fn count_of_connection(&mut self, number: u64) {
        if number == 0 {
            self.first_changes = Some(FirstChanges::new());
        } else if number != self.next {
            self.first_changes = None;
        }
        self.next = number.saturating_add(1);
    }

    /// Returns whether an update of market data v1 is the first one of its connection. Also returns whether its
    /// changes are whole books, because the books of its symbols were empty before.
    #[cold]
    fn begin_books(&mut self, update: &MarketUpdate<'_>) -> (bool, bool) {
        let Some(changes) = &mut self.first_changes else { return (false, false) };
        let is_first = changes.take_first();
        let is_whole = !is_first && changes.note(update);
        let has_levels = is_first && !has_no_level(update);
        if has_levels || (update.symbol.is_some() && changes.len() > 0) {
            self.first_changes = None;
        }
        (is_first, is_whole)
    }

    /// Acts on a frame that cannot be decoded. In market data v1, `first_changes` becomes `None`. In market data v2,
    /// the frame may have been an update of a book, or the first frame of a symbol. If it may have been the first, a
    /// later frame is a snapshot only if it looks initial.
    #[cold]
    fn spoil(&mut self, frame: &str, error: DecodeError) {
        self.first_changes = None;
        let malformed = Malformed::new(self.endpoint, frame, error);
        if self.endpoint != Endpoint::MarketDataV2 || !malformed.is_of(Topic::Depth) {
            return;
        }
        match malformed.symbol {
            Some(symbol) => {
                self.l2_books.get_or_insert(symbol, || L2Book::new(L2State::Waiting)).map(L2Book::lose);
            }
            None => {
                self.is_spoilt = true;
                self.l2_books.values_mut().for_each(L2Book::lose);
            }
        }
    }

    fn depth<'f>(&mut self, depth: Depth<'f>, source: Source<'f>) -> Option<Event<'f>> {
        let (first, last) = depth.first_update_id.zip(depth.last_update_id)?;
        let symbol: Symbol = depth.symbol.parse().ok()?;
        let position = self.positions.get_or_insert(symbol, Position::default)?;
        match position.advance_recorded(first, last, self.rule) {
            DepthRole::Snapshot => Some(Event::DepthSnapshot(depth, source)),
            DepthRole::Update => Some(Event::DepthUpdate(depth, source)),
            DepthRole::Stale | DepthRole::BeforeSnapshot => None,
            DepthRole::Gap { expected } => {
                let (link, id) = (source.link(), source.stream());
                Some(Event::Gap { link, id, symbol, expected, got: Some(first) })
            }
        }
    }
}

/// Adds the trades of the frame to `told`, so later calls mark them as replays.
pub(crate) fn l2<'f>(
    is_snapshot: bool,
    told: &mut LastTrade,
    updates: L2Updates<'f>,
    source: Source<'f>,
) -> Event<'f> {
    if updates.trades.is_none() && updates.auction_events.is_none() {
        return l2_book(is_snapshot, &updates, source);
    }
    let before = *told;
    updates.trades.into_iter().for_each(|trades| note_trades(told, trades));
    Event::Batch(Batch(Parts::L2 { is_snapshot, told: before, updates }), source)
}

/// Not inlined into `l2`, so that the code that runs for every frame stays small.
#[inline(never)]
fn note_trades<'f>(told: &mut LastTrade, trades: List<'f, Row<'f, Trade<'f>>>) {
    trades.into_iter().filter_map(Row::read).for_each(|trade| told.note(LastTrade::key(&trade)));
}

/// From now on, `told` has all trades up to the event id of this frame, because the id of a trade is the event id of
/// its frame. Only the first update of a link may also contain trades of earlier events.
pub(crate) fn market<'f>(
    is_first: bool,
    told: &mut LastTrade,
    update: MarketUpdate<'f>,
    source: Source<'f>,
) -> Event<'f> {
    let before = if is_first { *told } else { LastTrade::NOTHING };
    told.note(update.event_id);
    Event::Batch(Batch(Parts::Market { told: before, update }), source)
}

/// Returns `None` for messages whose meaning depends on earlier messages or requests.
pub(crate) fn event_of<'f>(message: &Message<'f>, source: Source<'f>) -> Option<Event<'f>> {
    Some(match *message {
        Message::BookTicker(payload) => Event::BookTicker(payload, source),
        Message::PartialDepth(payload) => Event::PartialDepth(payload, source),
        Message::Trade(payload) => Event::Trade(payload, source),
        Message::ContractStatus(payload) => Event::ContractStatus(payload, source),
        Message::MarkPrice(payload) => Event::MarkPrice(payload, source),
        Message::FundingAmount(payload) => Event::FundingAmount(payload, source),
        Message::RequestForQuote(payload) => Event::RequestForQuote(payload, source),
        Message::OrderUpdate(payload) => Event::Order(payload, source),
        Message::OrderSnapshot(payload) => Event::Batch(Batch(Parts::OrderSnapshot(payload)), source),
        Message::BalanceUpdate(payload) => Report::Balances(payload).event(source),
        Message::PositionReport(payload) => Report::Positions(payload).event(source),
        Message::QuoteUpdate(payload) => Event::Quote(payload, source),
        Message::Settlements(payload) => Report::Settlements(payload).event(source),
        Message::Auction(payload) => Event::Auction(payload, source),
        Message::Candles(payload) => Report::Candles(payload).event(source),
        Message::MarkPrices(prices) => match only(&prices.changes) {
            Some(Row::Read(change)) => mark_price(prices.symbol, &change, source),
            _ => Event::Batch(Batch(Parts::MarkPrices(prices)), source),
        },
        Message::FundingAmounts(amounts) => match only(&amounts.changes) {
            Some(Row::Read(change)) => funding_amount(amounts.symbol, &change, source),
            _ => Event::Batch(Batch(Parts::FundingAmounts(amounts)), source),
        },
        Message::SubscriptionAck(payload) => Event::SubscriptionAck(payload, source),
        Message::OrderEvents(payload) => Event::Batch(Batch(Parts::OrderEvents(payload)), source),
        Message::Heartbeat(payload) => Event::Heartbeat(payload, source),
        Message::Error(payload) => Event::Error(payload, source),
        Message::Unrecognized(payload) => Event::Unrecognized(payload, source),
        Message::Depth(_) | Message::L2Updates(_) | Message::MarketUpdate(_) | Message::Response(_) => {
            return None;
        }
    })
}

fn only<'f, T: Element<'f>>(list: &List<'f, T>) -> Option<T> {
    let mut elements = list.iter();
    elements.next().filter(|_| elements.next().is_none())
}
