//! [`Slots`]: the slots that hold a client's links, and sums over all links.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;

use crate::client::protocol::Protocol;
use crate::event::reason::CloseReason;
use crate::link::Link;
use crate::link::lifecycle::State;
use crate::value::id::{EndpointId, LinkId};
use crate::value::time::Instant;

/// The slots of a client. A slot is touched if a call may have changed its link. `Slots` stores the touched slots, so
/// that `Client::pump` visits only these.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    free: BTreeSet<usize>,
    /// The touched slots in ascending order, each once.
    touched: VecDeque<usize>,
    deadlines: BTreeSet<(Instant, usize)>,
    sums: Sums,
}

/// A place for one link after the other. The attempts of a later link have higher epochs.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    endpoint: EndpointId,
    host: usize,
    last: LinkId,
    /// The id that the link had before its first attempt to connect, or before its first attempt since
    /// `Client::open` connected the slot again.
    made: LinkId,
    link: Option<Link<Protocol>>,
    /// The reason for which the link has stopped for good; `None` if it has not stopped. A stopped link stays in the
    /// slot with its subscriptions.
    given_up: Option<CloseReason>,
    seen: Seen,
}

/// The properties of a link at the last call of [`Slots::count_again`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Seen {
    exists: bool,
    is_unfinished: bool,
    is_given_up: bool,
    is_busy: bool,
    /// Whether the link is open and has a public stream. A link that is closing cannot unsubscribe a stream.
    has_public: bool,
    has_room: bool,
    streams: usize,
    deadline: Option<Instant>,
}

/// Sums over all links, so that a getter does not have to visit each link.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sums {
    links: usize,
    unfinished: usize,
    given_up: usize,
    busy: usize,
    public: usize,
    streams: usize,
}

impl Sums {
    fn change(&mut self, seen: &Seen, by: impl Fn(usize, usize) -> usize) {
        for (sum, of) in [
            (&mut self.links, seen.exists),
            (&mut self.unfinished, seen.is_unfinished),
            (&mut self.given_up, seen.is_given_up),
            (&mut self.busy, seen.is_busy),
            (&mut self.public, seen.has_public),
        ] {
            *sum = by(*sum, usize::from(of));
        }
        self.streams = by(self.streams, seen.streams);
    }

    pub(super) const fn links(&self) -> usize {
        self.links
    }

    pub(super) const fn streams(&self) -> usize {
        self.streams
    }

    pub(super) const fn are_all_finished(&self) -> bool {
        self.unfinished == 0
    }

    pub(super) const fn are_all_given_up(&self) -> bool {
        self.links > 0 && self.links == self.given_up
    }

    pub(super) const fn is_busy(&self) -> bool {
        self.busy > 0
    }

    pub(super) const fn has_public(&self) -> bool {
        self.public > 0
    }
}

impl Slot {
    pub(super) const fn endpoint(&self) -> EndpointId {
        self.endpoint
    }

    pub(super) const fn host(&self) -> usize {
        self.host
    }

    pub(super) const fn link(&self) -> Option<&Link<Protocol>> {
        self.link.as_ref()
    }

    pub(super) const fn link_mut(&mut self) -> Option<&mut Link<Protocol>> {
        self.link.as_mut()
    }

    pub(super) fn was_dialled(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.id() != self.made)
    }

    pub(super) const fn given_up(&self) -> Option<CloseReason> {
        self.given_up
    }

    pub(super) const fn give_up(&mut self, reason: CloseReason) {
        self.given_up = Some(reason);
    }

    pub(super) const fn take_link(&mut self) -> Option<Link<Protocol>> {
        self.given_up = None;
        self.link.take()
    }

    pub(super) const fn take_given_up(&mut self) -> Option<Link<Protocol>> {
        if self.given_up.take().is_none() { None } else { self.link.take() }
    }

    pub(super) fn put_link(&mut self, link: Link<Protocol>) {
        self.made = link.id();
        self.link = Some(link);
    }

    fn look(&self) -> Seen {
        let Some(link) = &self.link else { return Seen::default() };
        let subscriptions = link.feed().subscriptions();
        Seen {
            exists: true,
            is_unfinished: link.state() != State::Closed,
            is_given_up: self.given_up.is_some(),
            is_busy: link.feed().outbox().awaits_replies(),
            has_public: link.is_open() && subscriptions.has_public(),
            has_room: !matches!(link.state(), State::Closing | State::Closed) && subscriptions.has_room(),
            streams: subscriptions.len(),
            deadline: link.due_at(),
        }
    }
}

impl Slots {
    pub(super) const fn new() -> Slots {
        Slots {
            slots: Vec::new(),
            free: BTreeSet::new(),
            touched: VecDeque::new(),
            deadlines: BTreeSet::new(),
            sums: Sums { links: 0, unfinished: 0, given_up: 0, busy: 0, public: 0, streams: 0 },
        }
    }

    pub(super) fn get(&self, slot: usize) -> Option<&Slot> {
        self.slots.get(slot)
    }

    pub(super) fn get_mut(&mut self, slot: usize) -> Option<&mut Slot> {
        self.slots.get_mut(slot)
    }

    pub(super) fn link(&self, slot: usize) -> Option<&Link<Protocol>> {
        self.slots.get(slot)?.link.as_ref()
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Slot> {
        self.slots.iter()
    }

    pub(super) fn links(&self) -> impl Iterator<Item = &Link<Protocol>> {
        self.slots.iter().filter_map(Slot::link)
    }

    /// Calls `say` with each link. Touches no slot, so `say` must not change anything that `Client::pump` acts on.
    pub(super) fn each_link_mut(&mut self, mut say: impl FnMut(&mut Link<Protocol>)) {
        self.slots.iter_mut().filter_map(Slot::link_mut).for_each(&mut say);
    }

    pub(super) const fn count(&self) -> usize {
        self.slots.len()
    }

    pub(super) const fn sums(&self) -> &Sums {
        &self.sums
    }

    /// Puts a link into the first free slot, or into a new slot, and returns the slot. Returns `None` if `links_max`
    /// slots are in use. `make` creates the link from the id of the last attempt in that slot.
    pub(super) fn add(
        &mut self,
        endpoint: EndpointId,
        host: usize,
        links_max: usize,
        make: impl FnOnce(LinkId) -> Link<Protocol>,
    ) -> Option<usize> {
        let slot = self.free.first().copied().unwrap_or(self.slots.len());
        if slot >= links_max {
            return None;
        }
        let first = || LinkId::new(u16::try_from(slot).unwrap_or(u16::MAX), 0);
        let last = self.slots.get(slot).map_or_else(first, |slot| slot.last);
        let last = last.at(endpoint.tag());
        let link = Some(make(last));
        let seen = Seen::default();
        let new = Slot { endpoint, host, last, made: last, link, given_up: None, seen };
        match self.slots.get_mut(slot) {
            Some(place) => *place = new,
            None => self.slots.push(new),
        }
        self.free.remove(&slot);
        self.touch(slot);
        Some(slot)
    }

    // ---- what was touched ------------------------------------------------------------------

    pub(super) fn touch(&mut self, slot: usize) {
        if let Err(at) = self.touched.binary_search(&slot) {
            self.touched.insert(at, slot);
        }
    }

    pub(super) fn touch_all(&mut self) {
        self.touched = (0..self.slots.len()).collect();
    }

    pub(super) fn touch_host(&mut self, host: usize) {
        for slot in 0..self.slots.len() {
            if self.slots.get(slot).is_some_and(|slot| slot.host == host) {
                self.touch(slot);
            }
        }
    }

    #[inline]
    pub(super) fn is_any_touched(&self) -> bool {
        !self.touched.is_empty()
    }

    pub(super) fn take_touched(&mut self) -> Option<usize> {
        self.touched.pop_front()
    }

    /// If a link has got or lost room for another stream since the last call, returns whether it has room now.
    /// Otherwise returns `None`.
    pub(super) fn count_again(&mut self, slot: usize) -> Option<bool> {
        let entry = self.slots.get_mut(slot)?;
        if let Some(link) = &entry.link {
            entry.last = link.id();
        }
        let (before, after) = (entry.seen, entry.look());
        if before == after {
            return None;
        }
        entry.seen = after;
        self.sums.change(&before, usize::saturating_sub);
        self.sums.change(&after, usize::saturating_add);
        if before.deadline != after.deadline {
            self.deadlines.extend(after.deadline.map(|at| (at, slot)));
            if let Some(at) = before.deadline {
                self.deadlines.remove(&(at, slot));
            }
        }
        if before.exists && !after.exists {
            self.free.insert(slot);
        }
        (before.has_room != after.has_room).then_some(after.has_room)
    }

    // ---- what is due -----------------------------------------------------------------------

    pub(super) fn first_due(&self) -> Option<usize> {
        self.deadlines.first().map(|(_, slot)| *slot)
    }

    /// Returns the slots whose links have a timer that is due. The link that used a limit of its host longest ago
    /// comes first, so that no link waits for ever.
    pub(super) fn due_by(&self, now: Instant) -> Vec<usize> {
        let due = self.deadlines.iter().take_while(|(at, _)| *at <= now).map(|(_, slot)| *slot);
        let mut turns: Vec<(Option<Instant>, usize)> =
            due.map(|slot| (self.link(slot).and_then(Link::served), slot)).collect();
        turns.sort_unstable();
        turns.into_iter().map(|(_, slot)| slot).collect()
    }
}
