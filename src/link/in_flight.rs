//! [`InFlight`]: the requests that wait for a reply. Each request is removed exactly once: when its reply comes, when
//! its deadline passes, or when the link ends.

use alloc::collections::VecDeque;

use crate::link::urgency::Urgency;
use crate::value::time::Instant;

#[derive(Clone, Debug)]
pub(crate) struct InFlight<T> {
    /// The entries in the order of their ids. Their deadlines have the same order.
    entries: VecDeque<Entry<T>>,
    /// The number of places. A request that waits for a reply holds one place, unless [`release`](InFlight::release)
    /// has freed it.
    most: usize,
    taken: [usize; 4],
}

#[derive(Clone, Debug)]
struct Entry<T> {
    id: u64,
    deadline: Instant,
    /// The number of the output that carries the request.
    output: u64,
    urgency: Urgency,
    has_place: bool,
    what: T,
}

impl<T> InFlight<T> {
    pub(crate) const fn new(most: usize) -> InFlight<T> {
        InFlight { entries: VecDeque::new(), most, taken: [0; 4] }
    }

    /// Returns whether a request of this urgency may be sent. Stream requests leave a quarter of the places to
    /// others. A probe, and some cancellations, may be sent even if all places are taken.
    pub(crate) fn has_place(&self, urgency: Urgency) -> bool {
        let is_any_free = self.taken.iter().sum::<usize>() < self.most;
        let taken = self.of(urgency);
        match urgency {
            Urgency::Stream => is_any_free && taken < (self.most.saturating_mul(3) / 4).max(1),
            Urgency::Usual => is_any_free,
            Urgency::Probe => is_any_free || taken == 0,
            Urgency::Cancel => is_any_free || taken < (self.most / 4).max(1),
        }
    }

    pub(crate) fn of(&self, urgency: Urgency) -> usize {
        self.taken.get(urgency as usize).copied().unwrap_or(0)
    }

    pub(crate) fn insert(&mut self, id: u64, deadline: Instant, output: u64, urgency: Urgency, what: T) {
        debug_assert!(self.has_place(urgency) && self.entries.back().is_none_or(|last| last.id < id));
        self.entries.push_back(Entry { id, deadline, output, urgency, has_place: true, what });
        self.count(urgency, |taken| taken.saturating_add(1));
    }

    /// Frees the place of an entry. The entry continues to wait for its reply.
    pub(crate) fn release(&mut self, id: u64) {
        let entry = self.position(id).and_then(|position| self.entries.get_mut(position));
        if let Some(entry) = entry.filter(|entry| entry.has_place) {
            entry.has_place = false;
            let urgency = entry.urgency;
            self.count(urgency, |taken| taken.saturating_sub(1));
        }
    }

    pub(crate) fn take(&mut self, id: u64) -> Option<T> {
        let position = self.position(id)?;
        self.remove(position).map(|entry| entry.what)
    }

    fn position(&self, id: u64) -> Option<usize> {
        self.entries.binary_search_by_key(&id, |entry| entry.id).ok()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.entries.front().map(|entry| entry.deadline)
    }

    /// Removes the oldest entry if its deadline has passed. Returns its id, its content, and whether it held a place.
    pub(crate) fn take_expired(&mut self, now: Instant) -> Option<(u64, T, bool)> {
        self.deadline().filter(|deadline| *deadline <= now)?;
        self.remove(0).map(|entry| (entry.id, entry.what, entry.has_place))
    }

    /// Returns the id of the oldest entry, the number of the output that carries the request, and the content.
    pub(crate) fn take_oldest(&mut self) -> Option<(u64, u64, T)> {
        self.remove(0).map(|entry| (entry.id, entry.output, entry.what))
    }

    fn remove(&mut self, position: usize) -> Option<Entry<T>> {
        let entry = self.entries.remove(position)?;
        if entry.has_place {
            self.count(entry.urgency, |taken| taken.saturating_sub(1));
        }
        Some(entry)
    }

    fn count(&mut self, urgency: Urgency, change: impl FnOnce(usize) -> usize) {
        if let Some(taken) = self.taken.get_mut(urgency as usize) {
            *taken = change(*taken);
        }
    }

    /// Returns the entries that hold a place.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.entries.iter().filter(|entry| entry.has_place).map(|entry| (entry.id, &entry.what))
    }
}
