//! [`Subscriptions`]: what is wanted, where each stands, and which frame belongs to which.

use alloc::vec::Vec;

use crate::error::{CommandError, Limit};
use crate::identity::StreamId;
use crate::lifecycle::StreamState;
use crate::sequence::Position;
use crate::stream::{Stream, TOPICS, Topic};
use crate::symbol_map::SymbolMap;
use crate::time::Instant;

#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub(crate) id: StreamId,
    pub(crate) stream: Stream,
    pub(crate) state: StreamState,
    /// The newest request about it; answers to older ones say nothing any more.
    pub(crate) request: u64,
    /// How often in a row it went unanswered.
    pub(crate) attempts: u8,
    /// When to ask again (wanted), or when its snapshot is overdue (active).
    pub(crate) due: Option<Instant>,
    /// The place in its updates, for books.
    pub(crate) position: Position,
    /// Whether its next snapshot repairs something.
    pub(crate) resyncing: bool,
}

impl Subscription {
    pub(crate) const fn is_book(&self) -> bool {
        matches!(self.stream, Stream::Depth { .. })
    }
}

/// A slot is reused, with another generation in the id, so that an old id finds nothing.
#[derive(Clone, Debug)]
pub(crate) struct Subscriptions {
    slots: Vec<Option<Subscription>>,
    free: Vec<usize>,
    next_generation: u64,
    /// Per symbol, the slot that each kind of frame belongs to.
    routes: SymbolMap<[Option<u32>; TOPICS]>,
    /// The same for streams over all symbols.
    global: [Option<u32>; TOPICS],
}

/// Low bits of an id: the slot.
const SLOT_BITS: u32 = 20;

impl Subscriptions {
    pub(crate) const fn new() -> Subscriptions {
        Subscriptions {
            slots: Vec::new(),
            free: Vec::new(),
            next_generation: 1,
            routes: SymbolMap::new(),
            global: [None; TOPICS],
        }
    }

    fn slot(id: StreamId) -> usize {
        (id.0 & ((1 << SLOT_BITS) - 1)) as usize
    }

    pub(crate) fn get(&self, id: StreamId) -> Option<&Subscription> {
        self.slots.get(Subscriptions::slot(id))?.as_ref().filter(|subscription| subscription.id == id)
    }

    pub(crate) fn get_mut(&mut self, id: StreamId) -> Option<&mut Subscription> {
        self.slots.get_mut(Subscriptions::slot(id))?.as_mut().filter(|subscription| subscription.id == id)
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

    /// Adds a stream, or finds it if it is there already.
    pub(crate) fn insert(&mut self, stream: Stream, streams_max: usize) -> Result<StreamId, CommandError> {
        if let Some(present) = self.route(&stream).and_then(|slot| self.slots.get(slot)?.as_ref()) {
            return if present.stream == stream { Ok(present.id) } else { Err(CommandError::Ambiguous) };
        }
        let most = streams_max.min(1 << SLOT_BITS);
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None if self.slots.len() < most => {
                self.slots.push(None);
                self.slots.len().saturating_sub(1)
            }
            None => return Err(CommandError::TooMany(Limit::Streams)),
        };
        let id = StreamId((self.next_generation << SLOT_BITS) | slot as u64);
        self.next_generation = self.next_generation.wrapping_add(1);
        let state = StreamState::Wanted;
        let position = Position::default();
        let subscription = Subscription {
            id,
            stream,
            state,
            request: 0,
            attempts: 0,
            due: None,
            position,
            resyncing: false,
        };
        if let Some(entry) = self.slots.get_mut(slot) {
            *entry = Some(subscription);
        }
        self.set_route(&stream, Some(slot as u32));
        Ok(id)
    }

    /// Whether the end of a subscription whose frames look like those of `stream` is not confirmed yet.
    pub(crate) fn is_leaving(&self, stream: &Stream) -> bool {
        let alike = |it: &Stream| it.topic() == stream.topic() && it.symbol() == stream.symbol();
        self.iter().any(|it| it.state == StreamState::Leaving && alike(&it.stream))
    }

    /// The subscription that frames like those of `stream` belong to.
    pub(crate) fn successor(&self, stream: &Stream) -> Option<&Subscription> {
        self.slots.get(self.route(stream)?)?.as_ref()
    }

    /// From now on no frame belongs to it.
    pub(crate) fn unroute(&mut self, id: StreamId) {
        let Some(stream) = self.get(id).map(|subscription| subscription.stream) else { return };
        if self.route(&stream) == Some(Subscriptions::slot(id)) {
            self.set_route(&stream, None);
        }
    }

    pub(crate) fn remove(&mut self, id: StreamId) {
        self.unroute(id);
        let slot = Subscriptions::slot(id);
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
