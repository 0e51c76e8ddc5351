//! [`InFlight`]: the requests that wait for an answer. An entry is made with the request and taken
//! out once, by the answer, the deadline or the end of the link; there is nothing to count.

use alloc::vec::Vec;

use crate::value::time::Instant;

/// The most requests that wait for an answer at one time.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 64;

#[derive(Clone, Debug)]
pub(crate) struct InFlight<T> {
    /// In the order of their ids, and so of their deadlines.
    entries: Vec<Entry<T>>,
}

#[derive(Clone, Debug)]
struct Entry<T> {
    id: u64,
    deadline: Instant,
    /// The number of the output that carries it.
    output: u64,
    what: T,
}

impl<T> InFlight<T> {
    pub(crate) fn new() -> InFlight<T> {
        InFlight { entries: Vec::with_capacity(REQUESTS_IN_FLIGHT_MAX) }
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.entries.len() >= REQUESTS_IN_FLIGHT_MAX
    }

    pub(crate) fn insert(&mut self, id: u64, deadline: Instant, output: u64, what: T) {
        debug_assert!(!self.is_full() && self.entries.last().is_none_or(|last| last.id < id));
        self.entries.push(Entry { id, deadline, output, what });
    }

    pub(crate) fn take(&mut self, id: u64) -> Option<T> {
        let position = self.entries.iter().position(|entry| entry.id == id)?;
        Some(self.entries.remove(position).what)
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.entries.first().map(|entry| entry.deadline)
    }

    /// Takes the oldest entry whose deadline has come.
    pub(crate) fn take_expired(&mut self, now: Instant) -> Option<(u64, T)> {
        self.deadline().filter(|deadline| *deadline <= now)?;
        self.take_oldest().map(|(id, _, what)| (id, what))
    }

    /// Takes the oldest entry, with the number of the output that carries it.
    pub(crate) fn take_oldest(&mut self) -> Option<(u64, u64, T)> {
        if self.entries.is_empty() {
            return None;
        }
        let entry = self.entries.remove(0);
        Some((entry.id, entry.output, entry.what))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().map(|entry| &entry.what)
    }
}
