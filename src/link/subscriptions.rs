//! [`Subscriptions`]: what is wanted, where each stands, and which frame belongs to which.

use alloc::vec::Vec;
use core::time::Duration;

use crate::error::{CommandError, Limit};
use crate::event::last_trade::LastTrade;
use crate::link::lifecycle::StreamState;
use crate::request::stream::{Stream, TOPICS, Topic};
use crate::value::id::StreamId;
use crate::value::sequence::Position;
use crate::value::symbol_map::SymbolMap;
use crate::value::time::Instant;

#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    /// By which it is known within the connection: that of its first wish.
    pub(crate) id: StreamId,
    /// Who wants it; not empty but while its end is not confirmed.
    pub(crate) wishes: Vec<StreamId>,
    pub(crate) stream: Stream,
    pub(crate) state: StreamState,
    /// The newest request about it that was sent since it was wanted on this link; answers to older ones say
    /// nothing any more. Zero: none yet.
    pub(crate) request: u64,
    /// Whether its newest subscription was confirmed.
    pub(crate) confirmed: bool,
    /// How often in a row it went unanswered.
    pub(crate) attempts: u8,
    /// The newest request for it went unanswered, or was refused for now; another will follow.
    pub(crate) unanswered: bool,
    /// When to ask again (requested), when its snapshot is overdue (active), or when it may have been silent
    /// for too long.
    pub(crate) due: Option<Instant>,
    /// How long it may be silent, if that was declared.
    pub(crate) silence_max: Option<Duration>,
    /// When its last frame came.
    pub(crate) heard: Instant,
    /// The place in its updates, for books.
    pub(crate) position: Position,
    /// Whether its next snapshot repairs something.
    pub(crate) resyncing: bool,
    /// Its trades, over all links.
    pub(crate) told: LastTrade,
}

impl Subscription {
    const fn new(id: StreamId, stream: Stream) -> Subscription {
        Subscription {
            id,
            wishes: Vec::new(),
            stream,
            state: StreamState::Wanted,
            request: 0,
            confirmed: false,
            attempts: 0,
            unanswered: false,
            due: None,
            silence_max: None,
            heard: Instant::ZERO,
            position: Position::awaiting(),
            resyncing: false,
            told: LastTrade::NOTHING,
        }
    }

    /// By which the application knows it: that of its oldest wish.
    #[inline]
    pub(crate) fn public_id(&self) -> StreamId {
        self.wishes.first().copied().unwrap_or(self.id)
    }

    pub(crate) const fn is_book(&self) -> bool {
        matches!(self.stream, Stream::Depth { .. })
    }

    /// Whether the request for it was sent, and not answered yet.
    pub(crate) const fn is_asked_for(&self) -> bool {
        matches!(self.state, StreamState::Requested) && self.request != 0
    }

    /// Whether it is to be left, or the confirmation of that is awaited.
    pub(crate) const fn is_left(&self) -> bool {
        matches!(self.state, StreamState::Leaving | StreamState::Resyncing)
    }

    /// Whether its snapshot is awaited.
    pub(crate) const fn awaits_snapshot(&self) -> bool {
        self.is_book() && matches!(self.state, StreamState::Active)
    }
}

/// A slot is reused, with another generation in the id, so that an old id finds nothing.
#[derive(Clone, Debug)]
pub(crate) struct Subscriptions {
    slots: Vec<Option<Subscription>>,
    free: Vec<usize>,
    /// Per symbol, the slot that each kind of frame belongs to.
    routes: SymbolMap<[Option<u32>; TOPICS]>,
    /// The same for streams over all symbols.
    global: [Option<u32>; TOPICS],
}

impl Subscriptions {
    pub(crate) const fn new() -> Subscriptions {
        Subscriptions {
            slots: Vec::new(),
            free: Vec::new(),
            routes: SymbolMap::new(),
            global: [None; TOPICS],
        }
    }

    pub(crate) fn get(&self, id: StreamId) -> Option<&Subscription> {
        self.slots.get(id.place())?.as_ref().filter(|subscription| subscription.id == id)
    }

    pub(crate) fn get_mut(&mut self, id: StreamId) -> Option<&mut Subscription> {
        self.slots.get_mut(id.place())?.as_mut().filter(|subscription| subscription.id == id)
    }

    /// The subscription that a wish is for.
    pub(crate) fn wished(&mut self, wish: StreamId) -> Option<&mut Subscription> {
        let slot = self.slots.get_mut(wish.place())?.as_mut();
        slot.filter(|subscription| subscription.wishes.contains(&wish))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slots.len() == self.free.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len().saturating_sub(self.free.len())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Subscription> {
        self.slots.iter().flatten()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Subscription> {
        self.slots.iter_mut().flatten()
    }

    /// The ids of all that meet a condition.
    pub(crate) fn ids(&self, condition: impl Fn(&Subscription) -> bool) -> Vec<StreamId> {
        self.iter()
            .filter(|subscription| condition(subscription))
            .map(|subscription| subscription.id)
            .collect()
    }

    /// The subscription that takes all frames that look like those of `stream`.
    pub(crate) fn alike(&self, stream: &Stream) -> Option<&Subscription> {
        self.slots.get(self.route(stream)?)?.as_ref()
    }

    /// Adds a wish for a stream: another one, if it is wanted already. `make` makes its id, from a place.
    pub(crate) fn wish(
        &mut self,
        stream: Stream,
        streams_max: usize,
        make: impl FnOnce(usize) -> StreamId,
    ) -> Result<&mut Subscription, CommandError> {
        let slot = match self.route(&stream) {
            Some(slot) => slot,
            None => {
                let slot = match self.free.pop() {
                    Some(slot) => slot,
                    None if self.slots.len() < streams_max.min(StreamId::PLACES) => {
                        self.slots.push(None);
                        self.slots.len().saturating_sub(1)
                    }
                    None => return Err(CommandError::TooMany(Limit::Streams)),
                };
                self.set_route(&stream, Some(slot as u32));
                slot
            }
        };
        let entry = self.slots.get_mut(slot).ok_or(CommandError::TooMany(Limit::Streams))?;
        if let Some(present) = entry {
            if present.stream != stream {
                return Err(CommandError::Ambiguous);
            }
            if present.wishes.len() >= streams_max {
                return Err(CommandError::TooMany(Limit::Streams));
            }
        }
        let id = make(slot);
        let subscription = entry.get_or_insert_with(|| Subscription::new(id, stream));
        subscription.wishes.push(id);
        Ok(subscription)
    }

    /// Whether the end of a subscription whose frames look like those of `stream` is not confirmed yet.
    pub(crate) fn is_leaving(&self, stream: &Stream) -> bool {
        let alike = |it: &Stream| it.topic() == stream.topic() && it.symbol() == stream.symbol();
        self.iter().any(|it| it.state == StreamState::Leaving && alike(&it.stream))
    }

    /// From now on no frame belongs to it.
    pub(crate) fn unroute(&mut self, id: StreamId) {
        let Some(stream) = self.get(id).map(|subscription| subscription.stream) else { return };
        if self.route(&stream) == Some(id.place()) {
            self.set_route(&stream, None);
        }
    }

    pub(crate) fn remove(&mut self, id: StreamId) {
        self.unroute(id);
        let slot = id.place();
        if self.get(id).is_some()
            && let Some(entry) = self.slots.get_mut(slot)
        {
            *entry = None;
            self.free.push(slot);
        }
    }

    /// The subscription that a frame of this kind and symbol belongs to.
    #[inline]
    pub(crate) fn routed(&mut self, topic: Topic, symbol: &str) -> Option<&mut Subscription> {
        let slots = self.routes.get(symbol).unwrap_or(&self.global);
        let slot = slots.get(topic.index()).copied().flatten();
        let slot = slot.or_else(|| self.global.get(topic.index()).copied().flatten())?;
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    fn route(&self, stream: &Stream) -> Option<usize> {
        let slots = match stream.symbol() {
            Some(symbol) => self.routes.get(symbol.as_str())?,
            None => &self.global,
        };
        slots.get(stream.topic().index()).copied().flatten().map(|slot| slot as usize)
    }

    fn set_route(&mut self, stream: &Stream, slot: Option<u32>) {
        let slots = match stream.symbol() {
            Some(symbol) => self.routes.get_or_insert(symbol, || [None; TOPICS]),
            None => Some(&mut self.global),
        };
        if let Some(entry) = slots.and_then(|slots| slots.get_mut(stream.topic().index())) {
            *entry = slot;
        }
        if let (None, Some(symbol)) = (slot, stream.symbol()) {
            let unused =
                self.routes.get(symbol.as_str()).is_some_and(|slots| slots.iter().all(Option::is_none));
            if unused {
                self.routes.remove(symbol);
            }
        }
    }
}
