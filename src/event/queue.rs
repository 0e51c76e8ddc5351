//! [`EventQueue`]: events that wait to be taken, within a bound.

use alloc::collections::{BTreeMap, VecDeque};

use crate::event::Event;
use crate::event::owned::EventBuf;
use crate::event::{Batch, Parts};
use crate::request::stream::Topic;
use crate::value::symbol::Symbol;

/// The most events that wait of those that are no market data: facts about links, subscriptions, requests
/// and accounts. From half of it on [`EventQueue::has_room`] is false, so that no frame adds to them; the
/// other half is for what commands and time cause.
pub const RESERVED_EVENTS_MAX: usize = 16_384;

/// The same in bytes.
pub const RESERVED_BYTES_MAX: usize = 32 << 20;

/// How many streams are told apart that lost events; those beyond are told of by topic.
const AFFECTED_MAX: usize = 1_024;

/// What becomes of market data that nobody takes in time.
///
/// Facts about links, subscriptions, requests and accounts have room of their own and wait whatever
/// is chosen here: see [`RESERVED_EVENTS_MAX`].
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Overflow {
    /// It waits, and no more frames are to be read meanwhile: see [`EventQueue::has_room`]. TCP holds the
    /// peer back, pings are not answered, and a link over which nothing is heard is given up after
    /// [`Config::silence_max`](crate::Config::silence_max).
    #[default]
    Block,
    /// The oldest is dropped, and an [`Event::Overflow`] put in its place. Frames are read on.
    DropOldest,
    /// Of best bids and asks, partial depths and mark prices only the newest of each stream waits, in the
    /// place of the one before: they say all that their predecessors said, so nothing is announced. Of
    /// everything else the oldest is dropped, as with `DropOldest`. Each stream stays in order; a
    /// newer price may overtake what came on other streams, but no fact.
    Latest,
}

/// A bounded queue of events that own what they say, between who reads frames and who takes events.
///
/// Each event that is dropped is counted, and announced by an [`Event::Overflow`] where it would have
/// been: exactly one before the next event of the stream, with their number (but two in a row where fewer
/// events fit than streams are affected). [`Books`](crate::Books), [`Orders`](crate::Orders),
/// [`Balances`](crate::Balances) and [`Positions`](crate::Positions) know what to make of it.
///
/// ```
/// use gemini_ws::{Event, EventQueue, Message, Overflow, Scratch, Topic, decode};
///
/// let mut queue = EventQueue::new(Overflow::DropOldest).events_max(1);
/// let mut scratch = Scratch::new();
/// for frame in [
///     r#"{"E":1,"s":"btcusd","t":7,"p":"1.5","q":"2","m":true}"#,
///     r#"{"E":1,"s":"btcusd","t":9,"p":"1.5","q":"2","m":true}"#,
/// ] {
///     let Ok(Message::Trade(trade)) = decode(frame, &mut scratch) else { panic!() };
///     queue.push(&Event::Trade(trade));
/// }
/// let taken = queue.take().unwrap();
/// assert!(matches!(taken.as_event(), Event::Overflow { topic: Topic::Trade, dropped: 1, .. }));
/// let taken = queue.take().unwrap();
/// assert!(matches!(taken.as_event(), Event::Trade(trade) if trade.trade_id == 9));
/// assert!(queue.is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct EventQueue {
    overflow: Overflow,
    facts: Room,
    data: Room,
    /// With [`Overflow::Latest`]: what a newer one replaces.
    latest: Room,
    /// The one of each stream that waits in `latest`.
    newest: BTreeMap<Lane, u64>,
    /// What was dropped and is not announced yet, where the announcement belongs.
    losses: BTreeMap<(u64, Lane), u64>,
    /// The place in `losses` of each stream.
    affected: BTreeMap<Lane, u64>,
    /// Streams that were announced, until their next event: it is kept, or they would be announced twice
    /// before it. Says whether it was found already.
    announced: BTreeMap<Lane, bool>,
    next: u64,
    last_fact: Option<u64>,
    dropped: u64,
    replaced: u64,
}

/// What a loss is told of by: events of one lane are one stream's.
type Lane = (Topic, Option<Symbol>);

impl EventQueue {
    /// An empty queue of at most 4,096 events and 32 MiB of market data.
    pub const fn new(overflow: Overflow) -> EventQueue {
        EventQueue {
            overflow,
            facts: Room::new(RESERVED_EVENTS_MAX, RESERVED_BYTES_MAX),
            data: Room::new(4_096, 32 << 20),
            latest: Room::new(4_096, 32 << 20),
            newest: BTreeMap::new(),
            losses: BTreeMap::new(),
            affected: BTreeMap::new(),
            announced: BTreeMap::new(),
            next: 0,
            last_fact: None,
            dropped: 0,
            replaced: 0,
        }
    }

    /// The most events of market data that wait, at least one. With [`Overflow::Latest`] as many of
    /// those that are replaced wait besides.
    #[must_use]
    pub fn events_max(mut self, events: usize) -> EventQueue {
        self.data.events_max = events.max(1);
        self.latest.events_max = events.max(1);
        self
    }

    /// The same in bytes; the event that exceeds them is still taken in.
    #[must_use]
    pub const fn bytes_max(mut self, bytes: usize) -> EventQueue {
        self.data.bytes_max = bytes;
        self.latest.bytes_max = bytes;
        self
    }

    /// Whether frames are to be read. If not, leave the transport alone until events were taken; go on
    /// with commands and [`Client::handle_timeout`](crate::Client::handle_timeout).
    ///
    /// Only one who reads on makes [`Overflow::Block`] drop anything.
    pub fn has_room(&self) -> bool {
        let facts =
            self.facts.waiting.len() < RESERVED_EVENTS_MAX / 2 && self.facts.bytes < RESERVED_BYTES_MAX / 2;
        facts && (self.overflow != Overflow::Block || self.data.has_room())
    }

    /// Puts an event at the end. Never refused: what has to give way is announced.
    pub fn push(&mut self, event: &Event<'_>) {
        let kind = Kind::of(event, self.overflow);
        let mut waiting = Waiting { number: self.next, event: EventBuf::from(event) };
        if let Kind::Latest(lane) = kind {
            waiting = match self.replace(lane, waiting) {
                Some(waiting) => waiting,
                None => return,
            };
        }
        self.next = self.next.wrapping_add(1);
        if kind == Kind::Fact {
            self.last_fact = Some(waiting.number);
        }
        while !self.room(kind).has_room() {
            self.drop_one(kind);
        }
        self.room(kind).push(waiting);
    }

    /// The next event; `None` if none waits.
    pub fn take(&mut self) -> Option<EventBuf> {
        let loss = self.losses.first_key_value().map(|((number, lane), _)| (*number, *lane));
        let firsts = [self.facts.first(), self.data.first(), self.latest.first()];
        let first = firsts.into_iter().flatten().min();
        if let Some((number, lane)) = loss
            && first.is_none_or(|first| number < first)
        {
            return self.announce(number, lane);
        }
        let rooms = [&mut self.facts, &mut self.data, &mut self.latest];
        let waiting = rooms.into_iter().find(|room| room.first() == first)?.remove(0)?;
        self.forget_newest(&waiting);
        if !self.announced.is_empty() {
            for part in waiting.event.as_event().parts() {
                self.announced.remove(&lane(&part));
            }
        }
        Some(waiting.event)
    }

    /// How many events wait, without announcements.
    pub fn len(&self) -> usize {
        let rooms = [&self.facts, &self.data, &self.latest];
        rooms.into_iter().map(|room| room.waiting.len()).fold(0, usize::saturating_add)
    }

    /// Whether neither an event waits nor an announcement.
    pub fn is_empty(&self) -> bool {
        self.losses.is_empty() && self.len() == 0
    }

    /// What the events that wait take in memory, in bytes.
    pub const fn bytes(&self) -> usize {
        self.facts.bytes.saturating_add(self.data.bytes).saturating_add(self.latest.bytes)
    }

    /// How many events were dropped since the beginning. A [`Batch`](crate::Batch) is one here; an
    /// [`Event::Overflow`] counts its parts.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many events gave way to a newer one since the beginning: [`Overflow::Latest`].
    pub const fn replaced(&self) -> u64 {
        self.replaced
    }

    const fn room(&mut self, kind: Kind) -> &mut Room {
        match kind {
            Kind::Fact => &mut self.facts,
            Kind::Data => &mut self.data,
            Kind::Latest(_) => &mut self.latest,
        }
    }

    /// Puts an event in the place of the one before it, if no fact came in between; otherwise gives it
    /// back, to be the newest at the end.
    fn replace(&mut self, lane: Lane, mut waiting: Waiting) -> Option<Waiting> {
        let before = self.newest.insert(lane, waiting.number);
        let found = before.and_then(|number| Some((number, self.latest.position(number)?)));
        let Some((number, at)) = found else { return Some(waiting) };
        self.latest.remove(at);
        self.replaced = self.replaced.saturating_add(1);
        if self.last_fact.is_none_or(|fact| fact < number) && self.latest.has_room() {
            waiting.number = number;
            self.newest.insert(lane, number);
            self.latest.insert(at, waiting);
            return None;
        }
        if let Some(is_kept) = self.announced.get_mut(&lane) {
            *is_kept = false;
        }
        Some(waiting)
    }

    /// Drops the oldest event of a room that is not the next one of a stream that was announced already;
    /// if there is none, the oldest.
    fn drop_one(&mut self, kind: Kind) {
        let room = match kind {
            Kind::Fact => &mut self.facts,
            Kind::Data => &mut self.data,
            Kind::Latest(_) => &mut self.latest,
        };
        let Some(gone) = room.remove_oldest_but(&mut self.announced) else { return };
        self.forget_newest(&gone);
        self.dropped = self.dropped.saturating_add(1);
        for part in gone.event.as_event().parts() {
            self.lose(gone.number, lane(&part));
        }
    }

    /// Notes that an event of a stream was dropped at a place.
    fn lose(&mut self, number: u64, lane: Lane) {
        let lane = if self.affected.len() < AFFECTED_MAX || self.affected.contains_key(&lane) {
            lane
        } else {
            (lane.0, None)
        };
        let before = self.affected.get(&lane).copied();
        let dropped = before.and_then(|place| self.losses.remove(&(place, lane))).unwrap_or(0);
        let place = before.map_or(number, |place| place.min(number));
        self.affected.insert(lane, place);
        self.losses.insert((place, lane), dropped.saturating_add(1));
    }

    fn announce(&mut self, number: u64, lane: Lane) -> Option<EventBuf> {
        let dropped = self.losses.remove(&(number, lane))?;
        self.affected.remove(&lane);
        if self.announced.len() < AFFECTED_MAX {
            self.announced.insert(lane, false);
        }
        let (topic, symbol) = lane;
        Some(EventBuf::from(&Event::Overflow { topic, symbol, dropped }))
    }

    /// An event has left its room.
    fn forget_newest(&mut self, gone: &Waiting) {
        if self.newest.is_empty() {
            return;
        }
        let lane = lane(&gone.event.as_event());
        if self.newest.get(&lane) == Some(&gone.number) {
            self.newest.remove(&lane);
        }
    }
}

/// Which room an event waits in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Fact,
    Data,
    /// With its stream.
    Latest(Lane),
}

impl Kind {
    /// What is not known to be market data is a fact.
    fn of(event: &Event<'_>, overflow: Overflow) -> Kind {
        match event {
            Event::BookTicker(_) | Event::MarkPrice(_) if overflow == Overflow::Latest => {
                Kind::Latest(lane(event))
            }
            // Without a symbol it may be of any stream (quirk Q-B9).
            Event::PartialDepth(it) if overflow == Overflow::Latest && it.symbol.is_some() => {
                Kind::Latest(lane(event))
            }
            Event::Auction(_)
            | Event::AuctionOpen(_)
            | Event::BookTicker(_)
            | Event::Candles(_)
            | Event::ContractStatus(_)
            | Event::DepthSnapshot(_)
            | Event::DepthUpdate(_)
            | Event::FundingAmount(_)
            | Event::Heartbeat(_)
            | Event::Ignored(_)
            | Event::Malformed(_)
            | Event::MarkPrice(_)
            | Event::PartialDepth(_)
            | Event::RequestForQuote(_)
            | Event::TopOfBook(_)
            | Event::Trade(_)
            | Event::Unrecognized(_) => Kind::Data,
            Event::Batch(Batch(
                Parts::L2 { .. } | Parts::Market { .. } | Parts::MarkPrices(_) | Parts::FundingAmounts(_),
            )) => Kind::Data,
            _ => Kind::Fact,
        }
    }
}

/// What an event is about; of a batch each part has its own.
fn lane(event: &Event<'_>) -> Lane {
    let of = |topic, symbol: &str| (topic, symbol.parse().ok());
    match event {
        Event::BookTicker(it) => of(Topic::BookTicker, it.symbol),
        Event::DepthSnapshot(it) | Event::DepthUpdate(it) => of(Topic::Depth, it.symbol),
        Event::TopOfBook(it) => of(Topic::Depth, it.symbol),
        Event::Gap { symbol, .. } | Event::Synced { symbol, .. } => (Topic::Depth, Some(*symbol)),
        Event::PartialDepth(it) => of(Topic::PartialDepth, it.symbol.unwrap_or_default()),
        Event::Trade(it) => of(Topic::Trade, it.symbol),
        Event::Auction(it) => of(Topic::Trade, it.symbol.unwrap_or_default()),
        Event::AuctionOpen(it) => of(Topic::Trade, it.symbol.unwrap_or_default()),
        Event::MarkPrice(it) => of(Topic::MarkPrice, it.symbol),
        Event::FundingAmount(it) => of(Topic::FundingAmount, it.symbol),
        Event::Candles(it) => of(Topic::Candles(it.interval), it.symbol),
        Event::ContractStatus(_) => (Topic::ContractStatus, None),
        Event::RequestForQuote(_) => (Topic::RequestForQuote, None),
        Event::Order(_) => (Topic::Orders, None),
        Event::Balances(_) => (Topic::Balances, None),
        Event::Positions(_) => (Topic::Positions, None),
        Event::Quote(_) => (Topic::Quotes, None),
        Event::Settlements(_) => (Topic::Settlements, None),
        Event::Quiet { stream, .. } => (stream.topic(), stream.symbol()),
        Event::Overflow { topic, symbol, .. } => (*topic, *symbol),
        Event::Heartbeat(_) | Event::Ignored(_) | Event::Malformed(_) | Event::Unrecognized(_) => {
            (Topic::Other, None)
        }
        _ => (Topic::Connection, None),
    }
}

/// Events in the order of their numbers.
#[derive(Clone, Debug)]
struct Room {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    events_max: usize,
    bytes_max: usize,
    /// Those with lower numbers are each the next one of a stream that was announced.
    kept_until: u64,
}

#[derive(Clone, Debug)]
struct Waiting {
    /// In the order in which they came.
    number: u64,
    event: EventBuf,
}

impl Room {
    const fn new(events_max: usize, bytes_max: usize) -> Room {
        Room { waiting: VecDeque::new(), bytes: 0, events_max, bytes_max, kept_until: 0 }
    }

    /// Whether one more may wait; an empty one always has it.
    fn has_room(&self) -> bool {
        self.waiting.is_empty() || (self.waiting.len() < self.events_max && self.bytes < self.bytes_max)
    }

    fn first(&self) -> Option<u64> {
        self.waiting.front().map(|waiting| waiting.number)
    }

    fn position(&self, number: u64) -> Option<usize> {
        self.waiting.binary_search_by_key(&number, |waiting| waiting.number).ok()
    }

    /// Each event is looked at once, however many are kept.
    fn remove_oldest_but(&mut self, announced: &mut BTreeMap<Lane, bool>) -> Option<Waiting> {
        let mut at = self.waiting.partition_point(|waiting| waiting.number < self.kept_until);
        while let Some(waiting) = self.waiting.get(at) {
            let mut is_next = false;
            for part in waiting.event.as_event().parts() {
                if let Some(is_kept) = announced.get_mut(&lane(&part)) {
                    is_next |= !core::mem::replace(is_kept, true);
                }
            }
            if !is_next {
                return self.remove(at);
            }
            self.kept_until = waiting.number.wrapping_add(1);
            at = at.wrapping_add(1);
        }
        let oldest = self.remove(0)?;
        for part in oldest.event.as_event().parts() {
            announced.remove(&lane(&part));
        }
        Some(oldest)
    }

    fn push(&mut self, waiting: Waiting) {
        self.insert(self.waiting.len(), waiting);
    }

    fn insert(&mut self, at: usize, waiting: Waiting) {
        self.bytes = self.bytes.saturating_add(waiting.event.bytes());
        self.waiting.insert(at, waiting);
    }

    fn remove(&mut self, at: usize) -> Option<Waiting> {
        let waiting = self.waiting.remove(at)?;
        self.bytes = self.bytes.saturating_sub(waiting.event.bytes());
        Some(waiting)
    }
}
