//! [`Subscriptions`]: the subscriptions of a link, and to which subscription a frame belongs.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use crate::config::Config;
use crate::error::{CommandError, Limit};
use crate::link::failure::{Delays, Failure};
use crate::link::lifecycle::{StreamInput, StreamState};
use crate::link::subscription::{Effects, Subscription, Traits};
use crate::request::stream::{Stream, TOPICS, Topic, Updates};
use crate::value::id::StreamId;
use crate::value::symbol::Symbol;
use crate::value::symbol_map::SymbolMap;
use crate::value::time::Instant;

/// The maximum number of entries in `Subscriptions::progress`. Beyond it, a book that was requested long before the
/// other books may count as late earlier.
const PROGRESS_MAX: usize = 1_024;

/// The subscriptions of a link. Each has a place, which is its index in `places`. When a place is reused, the new id
/// differs, so an old id finds nothing.
#[derive(Clone, Debug)]
pub(crate) struct Subscriptions {
    places: Vec<Option<Subscription>>,
    free: Vec<usize>,
    /// For each symbol and topic, the place of the subscription that takes the frames.
    routes: SymbolMap<[Option<u32>; TOPICS]>,
    /// For each topic, the place of the subscription to the stream without a symbol, such as `orders@account`. This
    /// subscription takes the frames for which `routes` has no place.
    global: [Option<u32>; TOPICS],
    sums: Sums,
    delays: Delays,
    streams_max: usize,
    snapshots_max: usize,
    /// The [`Whole`] of each stream that was requested on this connection.
    asked: BTreeSet<Whole>,
    /// The [`Whole::in_part`] of each stream whose `unsubscribe` failed on this connection, with the id of the newest
    /// failed `unsubscribe`. The venue may still send these streams.
    unended: BTreeMap<Whole, u64>,
    /// When the newest partial depth without a symbol came. The frame may belong to any subscription to a partial
    /// depth, so it counts as a frame of each of them.
    partial_depth_heard: Instant,
    /// Pairs of a request and the time of its newest snapshot. Ids and times rise from pair to pair. So the last pair
    /// whose id is at most that of a request has the time of the newest snapshot for this request or an earlier one.
    progress: VecDeque<(u64, Instant)>,
}

/// Data that a frame can contain in full: balances, a book or positions.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Whole {
    Balances,
    Book(Symbol),
    Positions,
}

impl Whole {
    const fn of(stream: &Stream) -> Option<Whole> {
        match stream {
            Stream::Depth { symbol, .. } => Some(Whole::Book(*symbol)),
            Stream::Balances { .. } => Some(Whole::Balances),
            Stream::Positions { .. } => Some(Whole::Positions),
            _ => None,
        }
    }

    /// Returns the data of a stream if some of its frames contain this data in full and others only in part. Returns
    /// `None` for other streams, such as a stream that reports everything each second.
    const fn in_part(stream: &Stream) -> Option<Whole> {
        match stream {
            Stream::Balances { updates: Updates::EachSecond }
            | Stream::Positions { updates: Updates::EachSecond } => None,
            stream => Whole::of(stream),
        }
    }
}

/// Sums over all subscriptions, so that a getter does not have to visit each one.
#[derive(Clone, Debug, Default)]
struct Sums {
    wanted: usize,
    pending: usize,
    unserved: usize,
    public: usize,
    awaited: usize,
    /// The number of subscriptions to a partial depth. `partial_depths_open` has the places of those to which the
    /// client delivers frames.
    partial_depths: usize,
    partial_depths_open: BTreeSet<usize>,
    due: BTreeSet<(Instant, usize)>,
    /// For each topic and symbol, the place of the subscription that is being unsubscribed. There is at most one,
    /// because another stream with this topic and symbol is requested only after the end of this one.
    leaving: BTreeMap<(Topic, Option<Symbol>), usize>,
}

impl Sums {
    fn add(&mut self, of: Traits, place: usize, stream: &Stream) {
        self.wanted = self.wanted.saturating_add(usize::from(of.is_wanted));
        self.pending = self.pending.saturating_add(usize::from(of.is_pending));
        self.unserved = self.unserved.saturating_add(usize::from(of.is_unserved));
        self.public = self.public.saturating_add(usize::from(of.is_public));
        self.awaited = self.awaited.saturating_add(usize::from(of.is_awaited));
        self.due.extend(of.due.map(|due| (due, place)));
        if stream.topic() == Topic::PartialDepth {
            self.partial_depths = self.partial_depths.saturating_add(1);
            self.partial_depths_open.extend(of.takes_frames.then_some(place));
        }
        if of.is_leaving {
            self.leaving.insert((stream.topic(), stream.symbol()), place);
        }
    }

    fn remove(&mut self, of: Traits, place: usize, stream: &Stream) {
        self.wanted = self.wanted.saturating_sub(usize::from(of.is_wanted));
        self.pending = self.pending.saturating_sub(usize::from(of.is_pending));
        self.unserved = self.unserved.saturating_sub(usize::from(of.is_unserved));
        self.public = self.public.saturating_sub(usize::from(of.is_public));
        self.awaited = self.awaited.saturating_sub(usize::from(of.is_awaited));
        if let Some(due) = of.due {
            self.due.remove(&(due, place));
        }
        if stream.topic() == Topic::PartialDepth {
            self.partial_depths = self.partial_depths.saturating_sub(1);
            self.partial_depths_open.remove(&place);
        }
        if of.is_leaving {
            self.leaving.remove(&(stream.topic(), stream.symbol()));
        }
    }
}

impl Subscriptions {
    pub(super) fn new(config: &Config) -> Subscriptions {
        Subscriptions {
            places: Vec::new(),
            free: Vec::new(),
            routes: SymbolMap::new(),
            global: [None; TOPICS],
            sums: Sums::default(),
            delays: Delays {
                snapshot: config.snapshot_timeout,
                resubscribe: config.resubscribe_delay,
                resubscribe_cap: config.resubscribe_cap,
                stable: config.stable_after,
            },
            streams_max: config.streams_max,
            snapshots_max: config.snapshots_max,
            asked: BTreeSet::new(),
            unended: BTreeMap::new(),
            partial_depth_heard: Instant::ZERO,
            progress: VecDeque::new(),
        }
    }

    pub(crate) fn get(&self, id: StreamId) -> Option<&Subscription> {
        self.places.get(id.place())?.as_ref().filter(|subscription| subscription.id() == id)
    }

    pub(super) fn of_subscriber(&self, id: StreamId) -> Option<&Subscription> {
        let subscription = self.places.get(id.place())?.as_ref()?;
        let has_ended = subscription.state() == StreamState::Leaving;
        (!has_ended && subscription.subscribers().contains(&id)).then_some(subscription)
    }

    /// Changes a subscription and updates the sums. Every change that affects the sums goes through this method.
    pub(super) fn change<T>(
        &mut self,
        id: StreamId,
        change: impl FnOnce(&mut Subscription) -> T,
    ) -> Option<T> {
        let place = id.place();
        let subscription = self.places.get_mut(place)?.as_mut().filter(|it| it.id() == id)?;
        let before = subscription.traits();
        let result = change(subscription);
        let after = subscription.traits();
        if before != after {
            let stream = subscription.stream();
            self.sums.remove(before, place, &stream);
            self.sums.add(after, place, &stream);
        }
        Some(result)
    }

    pub(super) fn step(&mut self, id: StreamId, input: StreamInput, now: Instant) -> Option<Effects> {
        let delays = self.delays;
        let heard = self.partial_depth_heard;
        let step = |subscription: &mut Subscription| {
            subscription.hear_partial_depth(heard);
            let (request, is_left) = (subscription.request(), subscription.is_left());
            let whole = Whole::in_part(&subscription.stream()).filter(|_| is_left && request != 0);
            let effects = subscription.step(input, now, &delays)?;
            Some((effects, request, whole))
        };
        let (effects, request, left) = self.change(id, step).flatten()?;
        if let Some(whole) = left {
            self.note_end(whole, request, input);
        }
        if input == StreamInput::Snapshot {
            self.note_progress(request, now);
        }
        Some(effects)
    }

    fn note_end(&mut self, whole: Whole, request: u64, input: StreamInput) {
        let has_failed =
            matches!(input, StreamInput::Unanswered | StreamInput::RefusedForNow | StreamInput::Refused);
        if input == StreamInput::Accepted {
            self.unended.remove(&whole);
        } else if has_failed && (self.unended.len() < self.streams_max || self.unended.contains_key(&whole)) {
            self.unended.insert(whole, request);
        }
    }

    /// Handles an `unsubscribe` that the venue accepted after it had timed out. From now on, frames of the
    /// unsubscribed streams can belong only to later subscriptions.
    pub(super) fn note_late_end(&mut self, request: u64) {
        for subscription in self.places.iter_mut().flatten() {
            let whole = Whole::of(&subscription.stream());
            if whole.is_some_and(|whole| self.unended.get(&whole) == Some(&request)) {
                subscription.note_earlier_end();
            }
        }
        self.unended.retain(|_, failed| *failed != request);
    }

    pub(super) fn lose_update(&mut self, id: StreamId, now: Instant) -> Option<StreamInput> {
        let delays = self.delays;
        self.change(id, |subscription| subscription.lose_update(now, &delays))
    }

    pub(super) fn refuse_served(&mut self, id: StreamId, failure: Failure, now: Instant) {
        let delays = self.delays;
        self.change(id, |subscription| subscription.refuse_served(failure, now, &delays));
    }

    pub(super) fn expire(&mut self, id: StreamId, now: Instant) -> Option<StreamInput> {
        let request = self.get(id)?.request();
        let progress = self.progress.iter().rev().find(|(of, _)| *of <= request).map(|(_, at)| *at);
        let (delays, heard) = (self.delays, self.partial_depth_heard);
        let expire = |subscription: &mut Subscription| {
            subscription.hear_partial_depth(heard);
            subscription.expire(now, progress, &delays)
        };
        self.change(id, expire).flatten()
    }

    /// Stores that a snapshot came for `request`. [`Subscription::expire`] can then wait longer for the missing
    /// snapshots of this request and of later requests.
    fn note_progress(&mut self, request: u64, now: Instant) {
        while self.progress.back().is_some_and(|(of, _)| *of >= request) {
            self.progress.pop_back();
        }
        let is_full = |progress: &VecDeque<_>| progress.len() >= PROGRESS_MAX;
        while is_full(&self.progress)
            || self.progress.front().is_some_and(|(_, at)| *at + self.delays.snapshot <= now)
        {
            self.progress.pop_front();
        }
        self.progress.push_back((request, now));
    }

    pub(super) fn note_request(&mut self, id: StreamId, request: u64, is_subscribe: bool) {
        let Some(subscription) = self.get(id) else { return };
        let whole = Whole::of(&subscription.stream()).filter(|_| is_subscribe);
        // If `asked` is full, it may lack the stream, so the stream counts as requested before.
        let asked_before = match whole {
            Some(_) if self.asked.len() >= self.streams_max => true,
            Some(whole) => !self.asked.insert(whole),
            None => subscription.was_asked_before(),
        };
        // If `unended` is full, it may lack the stream, so each stream that was requested before counts as contained
        // in `unended`.
        let is_haunted = whole.is_some_and(|whole| {
            self.unended.contains_key(&whole) || (asked_before && self.unended.len() >= self.streams_max)
        });
        self.change(id, |subscription| subscription.note_request(request, asked_before, is_haunted));
    }

    pub(super) fn begin_link(&mut self) {
        self.asked.clear();
        self.unended.clear();
        self.progress.clear();
    }

    pub(super) fn subscribe(
        &mut self,
        stream: Stream,
        make: impl FnOnce(usize) -> StreamId,
    ) -> Result<(StreamId, &Subscription), CommandError> {
        let place = match self.route(&stream) {
            Some(place) => place,
            None => self.free_place()?,
        };
        let entry = self.places.get_mut(place).ok_or(CommandError::TooMany(Limit::Streams))?;
        if let Some(present) = entry {
            if present.stream() != stream {
                return Err(CommandError::Ambiguous { with: present.stream() });
            }
            if present.subscribers().len() >= self.streams_max {
                return Err(CommandError::TooMany(Limit::Streams));
            }
        }
        let id = make(place);
        if entry.is_none() {
            let subscription = Subscription::new(id, stream);
            self.sums.add(subscription.traits(), place, &stream);
            *entry = Some(subscription);
            if self.free.last() == Some(&place) {
                self.free.pop();
            }
            self.set_route(&stream, Some(place as u32));
        }
        let entry = self.places.get_mut(place).and_then(Option::as_mut);
        let subscription = entry.ok_or(CommandError::TooMany(Limit::Streams))?;
        subscription.add_subscriber(id);
        Ok((id, subscription))
    }

    /// Returns a place for a subscription. The place stays free until a subscription is put there.
    fn free_place(&mut self) -> Result<usize, CommandError> {
        if let Some(place) = self.free.last() {
            return Ok(*place);
        }
        let place = self.places.len();
        if !self.has_room() {
            return Err(CommandError::TooMany(Limit::Streams));
        }
        self.places.push(None);
        self.free.push(place);
        Ok(place)
    }

    pub(super) fn remove(&mut self, id: StreamId) {
        self.unroute(id);
        let Some(subscription) = self.get(id) else { return };
        let (traits, stream, place) = (subscription.traits(), subscription.stream(), id.place());
        self.sums.remove(traits, place, &stream);
        if let Some(entry) = self.places.get_mut(place) {
            *entry = None;
            self.free.push(place);
        }
    }
}

// ---- questions ---------------------------------------------------------------------------------

impl Subscriptions {
    pub(crate) fn is_empty(&self) -> bool {
        self.places.len() == self.free.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len().saturating_sub(self.free.len())
    }

    pub(crate) fn has_room(&self) -> bool {
        self.len() < self.streams_max
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Subscription> {
        self.places.iter().flatten()
    }

    pub(crate) fn ids(&self, condition: impl Fn(&Subscription) -> bool) -> Vec<StreamId> {
        self.iter().filter(|subscription| condition(subscription)).map(Subscription::id).collect()
    }

    pub(super) const fn books_left(&self) -> usize {
        self.snapshots_max.saturating_sub(self.sums.awaited)
    }

    /// Returns whether a link in the state `Subscribing` has to wait before it becomes live.
    pub(super) const fn has_pending(&self) -> bool {
        self.sums.pending > 0 || (self.sums.wanted > 0 && self.sums.unserved == self.sums.wanted)
    }

    pub(crate) const fn has_unserved(&self) -> bool {
        self.sums.unserved > 0
    }

    pub(crate) const fn has_public(&self) -> bool {
        self.sums.public > 0
    }

    /// Returns a subscription to a partial depth that takes frames, and whether it is the only subscription to a
    /// partial depth. Subscriptions that are being unsubscribed count.
    pub(super) fn partial_depth(&self) -> Option<(&Subscription, bool)> {
        let place = self.sums.partial_depths_open.first()?;
        Some((self.places.get(*place)?.as_ref()?, self.sums.partial_depths == 1))
    }

    pub(super) const fn hear_partial_depths(&mut self, now: Instant) {
        self.partial_depth_heard = now;
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.sums.due.first().map(|(due, _)| *due)
    }

    pub(super) fn due_by(&self, now: Instant) -> Vec<StreamId> {
        let mut places: Vec<usize> =
            self.sums.due.iter().take_while(|(due, _)| *due <= now).map(|(_, place)| *place).collect();
        places.sort_unstable();
        places.into_iter().filter_map(|place| Some(self.places.get(place)?.as_ref()?.id())).collect()
    }

    pub(super) fn leaving(&self, stream: &Stream) -> Option<&Subscription> {
        let place = self.sums.leaving.get(&(stream.topic(), stream.symbol()))?;
        self.places.get(*place)?.as_ref()
    }
}

// ---- routes ------------------------------------------------------------------------------------

impl Subscriptions {
    pub(crate) fn alike(&self, stream: &Stream) -> Option<&Subscription> {
        self.alike_by(stream.topic(), stream.symbol())
    }

    pub(crate) fn alike_by(&self, topic: Topic, symbol: Option<Symbol>) -> Option<&Subscription> {
        self.places.get(self.route_of(topic, symbol)?)?.as_ref()
    }

    /// Returns the subscription that takes the frames of this topic and symbol. Through this reference, change only
    /// what does not affect the sums. For all other changes, call `change`.
    #[inline]
    pub(crate) fn routed(&mut self, topic: Topic, symbol: &str) -> Option<&mut Subscription> {
        let places = self.routes.get(symbol).unwrap_or(&self.global);
        let place = places.get(topic.index()).copied().flatten();
        let place = place.or_else(|| self.global.get(topic.index()).copied().flatten())?;
        self.places.get_mut(place as usize)?.as_mut()
    }

    pub(super) fn unroute(&mut self, id: StreamId) {
        let Some(stream) = self.get(id).map(Subscription::stream) else { return };
        if self.route(&stream) == Some(id.place()) {
            self.set_route(&stream, None);
        }
    }

    fn route(&self, stream: &Stream) -> Option<usize> {
        self.route_of(stream.topic(), stream.symbol())
    }

    fn route_of(&self, topic: Topic, symbol: Option<Symbol>) -> Option<usize> {
        let places = match symbol {
            Some(symbol) => self.routes.get(symbol.as_str())?,
            None => &self.global,
        };
        places.get(topic.index()).copied().flatten().map(|place| place as usize)
    }

    fn set_route(&mut self, stream: &Stream, place: Option<u32>) {
        let places = match stream.symbol() {
            Some(symbol) => self.routes.get_or_insert(symbol, || [None; TOPICS]),
            None => Some(&mut self.global),
        };
        if let Some(entry) = places.and_then(|places| places.get_mut(stream.topic().index())) {
            *entry = place;
        }
        if let (None, Some(symbol)) = (place, stream.symbol()) {
            let unused =
                self.routes.get(symbol.as_str()).is_some_and(|places| places.iter().all(Option::is_none));
            if unused {
                self.routes.remove(symbol);
            }
        }
    }
}

#[cfg(test)]
#[path = "../../tests/unit/link_subscriptions.rs"]
mod tests;
