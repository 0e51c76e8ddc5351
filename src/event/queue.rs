//! [`EventQueue`]: events that wait to be taken, within a bound.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use crate::event::Event;
use crate::event::lane::{Kind, Lane, lane};
use crate::event::owned::EventBuf;
use crate::wire::Scratch;

/// The most events that wait of those that are no market data: facts about links, subscriptions, requests
/// and accounts. From half of it on [`EventQueue::has_room`] is false, so that no frame adds to them; the
/// other half is for what commands and time cause.
pub const RESERVED_EVENTS_MAX: usize = 16_384;

/// The same in bytes.
pub const RESERVED_BYTES_MAX: usize = 32 << 20;

/// How many lanes are told apart that lost events; the losses of others are counted by topic.
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
    /// The oldest is dropped, and an [`Event::Overflow`] says so. Frames are read on.
    DropOldest,
    /// Of best bids and asks, partial depths and mark prices only the newest of each stream waits, in the
    /// place of the one before: they say all that their predecessors said, so nothing is announced. Of
    /// everything else the oldest is dropped, as with `DropOldest`. Each stream stays in order; a
    /// newer price may overtake what came on other streams, but no fact.
    Latest,
}

/// A bounded queue of events that own what they say, between who reads frames and who takes events.
///
/// Events of one topic and symbol are a lane. Each event that is dropped is counted, and an [`Event::Overflow`]
/// with the number of its lane is taken in the place of the first that was dropped: before the next event of the
/// lane, and before every event of others that came later.
/// [`Books`](crate::Books), [`Orders`](crate::Orders), [`Balances`](crate::Balances) and
/// [`Positions`](crate::Positions) know what to make of it.
///
/// ```
/// use gemini_ws::{Endpoint, Event, EventQueue, Overflow, Replay, Scratch, Topic};
///
/// let mut queue = EventQueue::new(Overflow::DropOldest).events_max(1);
/// let (mut replay, mut scratch) = (Replay::new(Endpoint::Streams), Scratch::new());
/// for frame in [
///     r#"{"E":1,"s":"btcusd","t":7,"p":"1.5","q":"2","m":true}"#,
///     r#"{"E":1,"s":"btcusd","t":9,"p":"1.5","q":"2","m":true}"#,
/// ] {
///     queue.push(&replay.event(frame, &mut scratch).unwrap().unwrap());
/// }
/// let mut taken = queue.take().unwrap();
/// assert!(matches!(taken.as_event(), Event::Overflow { topic: Topic::Trade, dropped: 1, .. }));
/// let mut taken = queue.take().unwrap();
/// assert!(matches!(taken.as_event(), Event::Trade(trade, _) if trade.trade_id == 9));
/// assert!(queue.is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct EventQueue {
    overflow: Overflow,
    /// By number. An event that was dropped leaves its place empty for a while.
    waiting: VecDeque<Waiting>,
    /// Of each [`Kind`].
    rooms: [Room; 3],
    /// What is taken next, lane by lane, with the number of those that were dropped.
    announced: VecDeque<(Lane, u64)>,
    /// What is taken after it: not to be dropped any more.
    held: Option<EventBuf>,
    /// What was dropped and is not announced yet.
    losses: BTreeMap<Lane, Loss>,
    /// The losses by when they are announced at the latest.
    due: BTreeSet<(u64, Lane)>,
    /// With [`Overflow::Latest`]: the number of the one that a newer one replaces.
    newest: BTreeMap<Lane, u64>,
    next: u64,
    last_fact: Option<u64>,
    dropped: u64,
    replaced: u64,
    scratch: Scratch,
}

#[derive(Clone, Copy, Debug)]
struct Loss {
    dropped: u64,
    /// The place of the first of them: what came after it is taken behind the announcement.
    due: u64,
}

#[derive(Clone, Debug)]
struct Waiting {
    /// In the order in which they came.
    number: u64,
    kind: Kind,
    /// `None` for a batch, whose parts have their own.
    lane: Option<Lane>,
    event: Option<EventBuf>,
}

/// The events of one kind that wait.
#[derive(Clone, Copy, Debug)]
struct Room {
    events: usize,
    bytes: usize,
    events_max: usize,
    bytes_max: usize,
    /// None of them has a lower number.
    oldest: u64,
}

impl Room {
    const fn new(events_max: usize, bytes_max: usize) -> Room {
        Room { events: 0, bytes: 0, events_max, bytes_max, oldest: 0 }
    }

    /// Whether one more may wait; an empty one always has it.
    const fn has_room(&self) -> bool {
        self.events == 0 || (self.events < self.events_max && self.bytes < self.bytes_max)
    }
}

impl EventQueue {
    /// An empty queue of at most 4,096 events and 32 MiB of market data.
    pub const fn new(overflow: Overflow) -> EventQueue {
        let facts = Room::new(RESERVED_EVENTS_MAX, RESERVED_BYTES_MAX);
        let data = Room::new(4_096, 32 << 20);
        EventQueue {
            overflow,
            waiting: VecDeque::new(),
            rooms: [facts, data, data],
            announced: VecDeque::new(),
            held: None,
            losses: BTreeMap::new(),
            due: BTreeSet::new(),
            newest: BTreeMap::new(),
            next: 0,
            last_fact: None,
            dropped: 0,
            replaced: 0,
            scratch: Scratch::new(),
        }
    }

    /// The most events of market data that wait, at least one. With [`Overflow::Latest`] as many of those that are
    /// replaced wait besides; and one whose [`Event::Overflow`] was taken already waits in addition.
    #[must_use]
    pub fn events_max(mut self, events: usize) -> EventQueue {
        self.room(Kind::Data).events_max = events.max(1);
        self.room(Kind::Latest).events_max = events.max(1);
        self
    }

    /// The same in bytes; the event that exceeds them is still taken in.
    #[must_use]
    pub const fn bytes_max(mut self, bytes: usize) -> EventQueue {
        self.room(Kind::Data).bytes_max = bytes;
        self.room(Kind::Latest).bytes_max = bytes;
        self
    }

    /// Whether frames are to be read. If not, leave the transport alone until events were taken; go on
    /// with commands and [`Client::handle_timeout`](crate::Client::handle_timeout).
    ///
    /// Only one who reads on makes [`Overflow::Block`] drop anything.
    pub const fn has_room(&self) -> bool {
        let [facts, data, _] = &self.rooms;
        let for_facts = facts.events < RESERVED_EVENTS_MAX / 2 && facts.bytes < RESERVED_BYTES_MAX / 2;
        for_facts && (!matches!(self.overflow, Overflow::Block) || data.has_room())
    }

    /// Puts an event at the end. Never refused: what has to give way is announced.
    pub fn push(&mut self, event: &Event<'_>) {
        let kind = Kind::of(event, self.overflow == Overflow::Latest);
        let lane = if matches!(event, Event::Batch(..)) { None } else { Some(lane(event)) };
        let (owned, mut number) = (EventBuf::from(event), self.next);
        let replaced =
            if kind == Kind::Latest { lane.and_then(|lane| self.newest.remove(&lane)) } else { None };
        if let Some(before) = replaced {
            self.remove(self.waiting.partition_point(|waiting| waiting.number < before));
            self.replaced = self.replaced.saturating_add(1);
            if self.last_fact.is_none_or(|fact| fact < before) && self.room(kind).has_room() {
                number = before;
            }
        }
        while number == self.next && !self.room(kind).has_room() && self.drop_oldest(kind) {}
        let room = self.room(kind);
        room.events = room.events.saturating_add(1);
        room.bytes = room.bytes.saturating_add(owned.bytes());
        if let (Kind::Latest, Some(lane)) = (kind, lane) {
            self.newest.insert(lane, number);
        }
        let place = self.waiting.partition_point(|waiting| waiting.number < number);
        if let Some(waiting) = self.waiting.get_mut(place) {
            waiting.event = Some(owned);
            return;
        }
        self.waiting.push_back(Waiting { number, kind, lane, event: Some(owned) });
        self.next = number.wrapping_add(1);
        if self.waiting.len() / 2 > self.len() {
            self.waiting.retain(|waiting| waiting.event.is_some());
        }
        if kind == Kind::Fact {
            self.last_fact = Some(number);
        }
    }

    /// The next event; `None` if none waits.
    pub fn take(&mut self) -> Option<EventBuf> {
        while self.held.is_none()
            && let Some(first) = self.waiting.front()
        {
            match first.event {
                Some(_) => self.hold_first(),
                None => drop(self.waiting.pop_front()),
            }
        }
        if self.held.is_none() {
            let (_, lane) = *self.due.first()?;
            self.announce(lane);
        }
        match self.announced.pop_front() {
            Some(((topic, symbol), dropped)) => {
                Some(EventBuf::from(&Event::Overflow { topic, symbol, dropped }))
            }
            None => self.held.take(),
        }
    }

    /// How many events wait, without announcements.
    pub fn len(&self) -> usize {
        let held = usize::from(self.held.is_some());
        self.rooms.iter().map(|room| room.events).fold(held, usize::saturating_add)
    }

    /// Whether neither an event waits nor an announcement.
    pub fn is_empty(&self) -> bool {
        self.losses.is_empty() && self.len() == 0
    }

    /// What the events that wait take in memory, in bytes.
    pub fn bytes(&self) -> usize {
        let held = self.held.as_ref().map_or(0, EventBuf::bytes);
        self.rooms.iter().map(|room| room.bytes).fold(held, usize::saturating_add)
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
        let [facts, data, latest] = &mut self.rooms;
        match kind {
            Kind::Fact => facts,
            Kind::Data => data,
            Kind::Latest => latest,
        }
    }

    /// Takes an event out of its place, which stays empty.
    fn remove(&mut self, place: usize) -> Option<Waiting> {
        let waiting = self.waiting.get_mut(place)?;
        let (number, kind, lane) = (waiting.number, waiting.kind, waiting.lane);
        let event = waiting.event.take()?;
        let room = self.room(kind);
        room.events = room.events.saturating_sub(1);
        room.bytes = room.bytes.saturating_sub(event.bytes());
        if let Some(lane) = lane
            && self.newest.get(&lane) == Some(&number)
        {
            self.newest.remove(&lane);
        }
        Some(Waiting { number, kind, lane, event: Some(event) })
    }

    /// Drops the oldest event of a kind; says whether there was one.
    fn drop_oldest(&mut self, kind: Kind) -> bool {
        let from = self.room(kind).oldest;
        let mut place = self.waiting.partition_point(|waiting| waiting.number < from);
        while self.waiting.get(place).is_some_and(|it| it.kind != kind || it.event.is_none()) {
            place = place.wrapping_add(1);
        }
        let Some(gone) = self.remove(place) else { return false };
        // Each place is looked at once, however many events of other kinds wait.
        self.room(kind).oldest = gone.number.wrapping_add(1);
        self.dropped = self.dropped.saturating_add(1);
        for lane in gone.lanes(&mut self.scratch) {
            self.lose(lane, gone.number);
        }
        true
    }

    /// Notes that an event of a lane was dropped, at its place.
    fn lose(&mut self, lane: Lane, number: u64) {
        let is_told_apart = self.losses.len() < AFFECTED_MAX || self.losses.contains_key(&lane);
        let lane = if is_told_apart { lane } else { (lane.0, None) };
        let loss = self.losses.entry(lane).or_insert(Loss { dropped: 0, due: number });
        loss.dropped = loss.dropped.saturating_add(1);
        if number < loss.due {
            self.due.remove(&(loss.due, lane));
            loss.due = number;
        }
        self.due.insert((loss.due, lane));
    }

    /// Holds the first event, behind the announcements that stand before it.
    fn hold_first(&mut self) {
        let Some(first) = self.remove(0) else { return };
        while let Some((due, lane)) = self.due.first().copied()
            && due <= first.number
        {
            self.announce(lane);
        }
        if !self.losses.is_empty() {
            // Losses of lanes that are not told apart are counted by topic.
            for lane in first.lanes(&mut self.scratch).into_iter().flat_map(|lane| [lane, (lane.0, None)]) {
                self.announce(lane);
            }
        }
        self.held = first.event;
    }

    fn announce(&mut self, lane: Lane) {
        if let Some(Loss { dropped, due }) = self.losses.remove(&lane) {
            self.due.remove(&(due, lane));
            self.announced.push_back((lane, dropped));
        }
    }
}

impl Waiting {
    /// The lane of each part of the event.
    fn lanes(&self, scratch: &mut Scratch) -> Vec<Lane> {
        match (self.lane, &self.event) {
            (Some(lane), _) => Vec::from([lane]),
            (None, Some(event)) => event.event_in(scratch).parts().map(|part| lane(&part)).collect(),
            (None, None) => Vec::new(),
        }
    }
}
