//! [`EventQueue`]: a bounded queue of events.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use crate::event::Event;
use crate::event::lane::{
    Flow, Kind, Lane, Origin, is_about_facts, lane, lane_of_rows, may_be_overtaken, origin,
};
use crate::event::owned::EventBuf;
use crate::wire::Scratch;

/// The maximum number of facts that wait in an [`EventQueue`]. Facts are events about links, subscriptions, requests
/// and accounts. All other events count as market data, and so do [`Event::Malformed`] and [`Event::Unrecognized`] of
/// an account's stream. When half of this number waits, [`EventQueue::has_room`] becomes false, so that room remains
/// for facts that commands and timers cause.
pub const RESERVED_EVENTS_MAX: usize = 16_384;

/// The maximum number of bytes of facts that wait in an [`EventQueue`]. [`RESERVED_EVENTS_MAX`] explains what a fact
/// is. While fewer bytes wait, the queue accepts a fact of any size, so the total may exceed the maximum by one fact.
/// When half of the bytes is in use, [`EventQueue::has_room`] becomes false.
pub const RESERVED_BYTES_MAX: usize = 32 << 20;

/// The maximum number of lanes (a topic and a symbol) whose losses are reported separately. The losses of further
/// lanes are reported by topic, without a symbol.
const AFFECTED_MAX: usize = 1_024;

/// What an [`EventQueue`] does with market data when its room for market data is used up.
///
/// With every variant, facts (events about links, subscriptions, requests and accounts) have room of their own:
/// [`RESERVED_EVENTS_MAX`] events and [`RESERVED_BYTES_MAX`] bytes. When this room is used up too, the queue drops
/// the oldest fact, except the facts that [`EventQueue`] never drops.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Overflow {
    /// While the queue is full ([`EventQueue::has_room`] returns `false`), the driver reads no frames, so the queue
    /// drops no market data. Meanwhile TCP flow control stops the peer, and the driver answers no pings. If the queue
    /// is full for longer than [`Config::silence_max`](crate::Config::silence_max), the client drops its links.
    /// During a shutdown the driver reads frames even if the queue is full; the queue then works as with
    /// `DropOldest`.
    #[default]
    Block,
    /// The queue drops the oldest event of market data, and an [`Event::Overflow`] reports the loss. Waiting market
    /// data does not affect [`EventQueue::has_room`].
    DropOldest,
    /// A new best bid and ask, mark price, or partial depth with a symbol replaces the waiting event of the same
    /// endpoint, topic and symbol. No event reports the replacement, because the new event contains everything that
    /// the older event contained. The queue treats all other market data as with `DropOldest`, also a frame with
    /// several mark prices.
    ///
    /// Events of one stream stay in order. The new event may overtake events of other streams, but neither a fact nor
    /// an [`Event::Malformed`].
    Latest,
}

/// A bounded queue of [`EventBuf`]s between the code that reads frames and the code that takes events.
///
/// An [`Event::Overflow`] reports how many events of a topic and symbol the queue has dropped.
///
/// For each [slot](crate::LinkId::slot), the queue never drops the newest [`Event::Disconnected`]. For each slot and
/// each of the topics orders, balances, positions and quotes, the queue also never drops the newest event that begins
/// or ends the stream, such as [`Subscribed`](Event::Subscribed) or [`Rejected`](Event::Rejected). So a collection
/// such as [`Orders`](crate::Orders) never waits for reports that cannot come.
///
/// [`Books`](crate::Books), [`Orders`](crate::Orders), [`Balances`](crate::Balances),
/// [`Positions`](crate::Positions) and [`Quotes`](crate::Quotes) act on an `Overflow`.
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
    /// The events in the order of their numbers. A dropped event leaves an empty place, which the queue removes
    /// later.
    waiting: VecDeque<Waiting>,
    rooms: [Room; 3],
    /// The losses to report next, each with its lane and the number of dropped events.
    announced: VecDeque<(Lane, u64)>,
    /// The event that `take` returns after the losses in `announced`. The queue can no longer drop this event.
    held: Option<EventBuf>,
    losses: BTreeMap<Lane, Loss>,
    due: BTreeSet<(u64, Lane)>,
    /// With [`Overflow::Latest`]: for each lane and origin, the number of the waiting event that a newer event would
    /// replace.
    newest: BTreeMap<(Lane, Origin), u64>,
    /// For each [`Flow`], the number of the newest waiting event that ends or begins the flow. The queue does not
    /// drop this event.
    turns: BTreeMap<Flow, u64>,
    next: u64,
    /// The number of the newest event that no newer data overtakes ([`may_be_overtaken`]).
    barrier: Option<u64>,
    dropped: u64,
    dropped_facts: u64,
    replaced: u64,
    scratch: Scratch,
}

#[derive(Clone, Copy, Debug)]
struct Loss {
    dropped: u64,
    /// The number of the first dropped event: the loss is reported before any later event.
    due: u64,
    /// The number at which a second report of the loss belongs: that of the last dropped event that may have reported
    /// the end of a link or of a stream. Every fact and every event about an account counts as such an event. If none
    /// was dropped, this is the number of the first dropped event.
    last: u64,
}

#[derive(Clone, Debug)]
struct Waiting {
    number: u64,
    kind: Kind,
    /// The lane of the event; `None` for a batch, because each of its parts has its own lane.
    lane: Option<Lane>,
    origin: Option<Origin>,
    flow: Option<Flow>,
    event: Option<EventBuf>,
}

#[derive(Clone, Copy, Debug)]
struct Room {
    events: usize,
    bytes: usize,
    events_max: usize,
    bytes_max: usize,
    /// The search for the oldest event that the queue may drop starts at this number. Every waiting event of this
    /// kind with a lower number is the newest of its [`Flow`], so the queue keeps it.
    oldest: u64,
}

impl Room {
    const fn new(events_max: usize, bytes_max: usize) -> Room {
        Room { events: 0, bytes: 0, events_max, bytes_max, oldest: 0 }
    }

    /// Always true if no event waits, so the queue accepts an event of any size.
    const fn has_room(&self) -> bool {
        self.events == 0 || (self.events < self.events_max && self.bytes < self.bytes_max)
    }
}

impl EventQueue {
    /// Creates an empty queue. The default of [`events_max`](EventQueue::events_max) is 4,096. The default of
    /// [`bytes_max`](EventQueue::bytes_max) is 32 MiB.
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
            turns: BTreeMap::new(),
            next: 0,
            barrier: None,
            dropped: 0,
            dropped_facts: 0,
            replaced: 0,
            scratch: Scratch::new(),
        }
    }

    /// Sets the maximum number of events of market data that wait. Zero counts as 1. With [`Overflow::Latest`], the
    /// events that a newer event can replace have a separate limit of the same size.
    #[must_use]
    pub fn events_max(mut self, events: usize) -> EventQueue {
        self.room(Kind::Data).events_max = events.max(1);
        self.room(Kind::Latest).events_max = events.max(1);
        self
    }

    /// Sets the maximum number of bytes of market data that wait. While fewer bytes wait, the queue accepts an event
    /// of any size, so the total may exceed the maximum by one event. With [`Overflow::Latest`], the events that a
    /// newer event can replace have a separate limit of the same size.
    #[must_use]
    pub const fn bytes_max(mut self, bytes: usize) -> EventQueue {
        self.room(Kind::Data).bytes_max = bytes;
        self.room(Kind::Latest).bytes_max = bytes;
        self
    }

    /// Returns whether the driver may read frames. If this method returns false, do not read from the transports
    /// until the application has taken events. Continue with commands and with
    /// [`Client::handle_timeout`](crate::Client::handle_timeout).
    ///
    /// [`Overflow::Block`] drops market data only if the driver reads frames although this method returns false.
    pub const fn has_room(&self) -> bool {
        let [facts, data, _] = &self.rooms;
        let for_facts = facts.events < RESERVED_EVENTS_MAX / 2 && facts.bytes < RESERVED_BYTES_MAX / 2;
        for_facts && (!matches!(self.overflow, Overflow::Block) || data.has_room())
    }

    /// Adds an event, at the end or in the place that [`Overflow::Latest`] describes. The queue accepts each event.
    /// If the queue drops older events for the new event, an [`Event::Overflow`] reports the loss.
    pub fn push(&mut self, event: &Event<'_>) {
        let kind = Kind::of(event, self.overflow == Overflow::Latest);
        let lane = if matches!(event, Event::Batch(..)) { None } else { Some(lane(event)) };
        let flow = Flow::of(event);
        let (owned, mut number) = (EventBuf::from(event), self.next);
        if let Some(rows) = lane_of_rows(event) {
            // Newer data goes behind these rows, and so replaces no data before them.
            self.newest.remove(&(rows, origin(event)));
        }
        let origin = (kind == Kind::Latest).then(|| origin(event));
        let newest = lane.zip(origin);
        if let Some(before) = newest.and_then(|newest| self.newest.remove(&newest)) {
            self.remove(self.place(before));
            self.replaced = self.replaced.saturating_add(1);
            if self.barrier.is_none_or(|barrier| barrier < before) && self.room(kind).has_room() {
                number = before;
            }
        }
        while number == self.next && !self.room(kind).has_room() && self.drop_oldest(kind) {}
        let room = self.room(kind);
        room.events = room.events.saturating_add(1);
        room.bytes = room.bytes.saturating_add(owned.bytes());
        self.newest.extend(newest.map(|newest| (newest, number)));
        let place = self.place(number);
        if let Some(waiting) = self.waiting.get_mut(place) {
            waiting.event = Some(owned);
            return;
        }
        self.turn(flow, number);
        self.waiting.push_back(Waiting { number, kind, lane, origin, flow, event: Some(owned) });
        self.next = number.wrapping_add(1);
        if self.waiting.len() / 2 > self.len() {
            self.waiting.retain(|waiting| waiting.event.is_some());
        }
        if !may_be_overtaken(event, kind) {
            self.barrier = Some(number);
        }
    }

    /// Takes the next event or the next report of a loss; `None` if neither waits.
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
            self.announce(lane, u64::MAX);
        }
        match self.announced.pop_front() {
            Some(((topic, symbol), dropped)) => {
                Some(EventBuf::from(&Event::Overflow { topic, symbol, dropped }))
            }
            None => self.held.take(),
        }
    }

    /// Returns how many events wait, not counting reports of losses.
    pub fn len(&self) -> usize {
        let held = usize::from(self.held.is_some());
        self.rooms.iter().map(|room| room.events).fold(held, usize::saturating_add)
    }

    /// Returns whether neither events nor reports of losses wait.
    pub fn is_empty(&self) -> bool {
        self.losses.is_empty() && self.len() == 0
    }

    /// Returns how much memory the waiting events take, in bytes.
    pub fn bytes(&self) -> usize {
        let held = self.held.as_ref().map_or(0, EventBuf::bytes);
        self.rooms.iter().map(|room| room.bytes).fold(held, usize::saturating_add)
    }

    /// Returns how many events the queue has ever dropped. In this number, a [`Batch`](crate::Batch) counts as one
    /// event. In the number of an [`Event::Overflow`], each part of a batch counts as one event.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Returns how many facts the queue has ever dropped. [`dropped`](EventQueue::dropped) includes them.
    pub const fn dropped_facts(&self) -> u64 {
        self.dropped_facts
    }

    /// Returns how many events [`Overflow::Latest`] has ever replaced.
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

    fn place(&self, number: u64) -> usize {
        self.waiting.partition_point(|waiting| waiting.number < number)
    }

    /// Makes a new event the newest one that ends or begins its flow. From now on the queue may drop the previous
    /// such event. If the search for the oldest fact to drop has already passed that event, the queue drops it at
    /// once.
    fn turn(&mut self, flow: Option<Flow>, number: u64) {
        if let Some(before) = flow.and_then(|flow| self.turns.insert(flow, number))
            && before < self.room(Kind::Fact).oldest
        {
            self.drop_at(self.place(before));
        }
    }

    fn remove(&mut self, place: usize) -> Option<Waiting> {
        let waiting = self.waiting.get_mut(place)?;
        let (number, kind, lane, flow) = (waiting.number, waiting.kind, waiting.lane, waiting.flow);
        let origin = waiting.origin;
        let event = waiting.event.take()?;
        let room = self.room(kind);
        room.events = room.events.saturating_sub(1);
        room.bytes = room.bytes.saturating_sub(event.bytes());
        if let Some(newest) = lane.zip(origin)
            && self.newest.get(&newest) == Some(&number)
        {
            self.newest.remove(&newest);
        }
        if let Some(flow) = flow
            && self.turns.get(&flow) == Some(&number)
        {
            self.turns.remove(&flow);
        }
        Some(Waiting { number, kind, lane, origin, flow, event: Some(event) })
    }

    fn drop_oldest(&mut self, kind: Kind) -> bool {
        let from = self.room(kind).oldest;
        let mut place = self.place(from);
        while self
            .waiting
            .get(place)
            .is_some_and(|it| it.kind != kind || it.event.is_none() || self.keeps(it))
        {
            place = place.wrapping_add(1);
        }
        // The next search starts behind this event, so the queue visits each place once, however many events wait.
        let behind = self.waiting.get(place).map(|gone| gone.number.wrapping_add(1));
        self.room(kind).oldest = behind.unwrap_or(self.next);
        self.drop_at(place)
    }

    fn keeps(&self, waiting: &Waiting) -> bool {
        waiting.flow.is_some_and(|flow| self.turns.get(&flow) == Some(&waiting.number))
    }

    fn drop_at(&mut self, place: usize) -> bool {
        let Some(gone) = self.remove(place) else { return false };
        self.dropped = self.dropped.saturating_add(1);
        self.dropped_facts = self.dropped_facts.saturating_add(u64::from(gone.kind == Kind::Fact));
        for lane in gone.lanes(&mut self.scratch) {
            self.lose(lane, &gone);
        }
        true
    }

    fn lose(&mut self, lane: Lane, gone: &Waiting) {
        let number = gone.number;
        let is_told_apart = self.losses.len() < AFFECTED_MAX || self.losses.contains_key(&lane);
        let lane = if is_told_apart { lane } else { (lane.0, None) };
        let loss = self.losses.entry(lane).or_insert(Loss { dropped: 0, due: number, last: number });
        loss.dropped = loss.dropped.saturating_add(1);
        if gone.kind == Kind::Fact || is_about_facts(lane.0) {
            loss.last = loss.last.max(number);
        }
        if number < loss.due {
            self.due.remove(&(loss.due, lane));
            loss.due = number;
        }
        self.due.insert((loss.due, lane));
    }

    fn hold_first(&mut self) {
        let Some(first) = self.remove(0) else { return };
        while let Some((due, lane)) = self.due.first().copied()
            && due <= first.number
        {
            self.announce(lane, first.number);
        }
        self.held = first.event;
    }

    /// Moves the loss of a lane to `announced`, so that it is reported before the event with the number `before`. If
    /// the lane has lost several events and [`Loss::last`] is higher than `before`, a loss of one event remains, to
    /// be reported in the place of `last`.
    fn announce(&mut self, lane: Lane, before: u64) {
        let Some(Loss { dropped, due, last }) = self.losses.remove(&lane) else { return };
        self.due.remove(&(due, lane));
        let left = u64::from(last > before && dropped > 1);
        if left > 0 {
            self.losses.insert(lane, Loss { dropped: left, due: last, last });
            self.due.insert((last, lane));
        }
        self.announced.push_back((lane, dropped.saturating_sub(left)));
    }
}

impl Waiting {
    fn lanes(&self, scratch: &mut Scratch) -> Vec<Lane> {
        match (self.lane, &self.event) {
            (Some(lane), _) => Vec::from([lane]),
            (None, Some(event)) => event.event_in(scratch).parts().map(|part| lane(&part)).collect(),
            (None, None) => Vec::new(),
        }
    }
}
