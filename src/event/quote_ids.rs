//! [`QuoteIds`]: which updates of quotes were delivered before.

use alloc::boxed::Box;
use alloc::collections::{BTreeSet, VecDeque};

use crate::message::QuoteUpdate;

/// The event ids of the newest updates of quotes. An update is a replay if its event id is among them.
#[derive(Clone, Debug, Default)]
pub(crate) struct QuoteIds {
    known: BTreeSet<Box<str>>,
    oldest_first: VecDeque<Box<str>>,
}

const QUOTE_IDS_MAX: usize = 4_096;

/// The ids of the venue are UUIDs, which are shorter.
const QUOTE_ID_BYTES_MAX: usize = 64;

impl QuoteIds {
    pub(crate) const fn new() -> QuoteIds {
        QuoteIds { known: BTreeSet::new(), oldest_first: VecDeque::new() }
    }

    /// Marks an update as a replay if its event id is remembered, and remembers the id.
    pub(crate) fn deliver<'f>(&mut self, mut update: QuoteUpdate<'f>) -> QuoteUpdate<'f> {
        if !(1..=QUOTE_ID_BYTES_MAX).contains(&update.event_id.raw().len()) {
            return update;
        }
        let id: Box<str> = update.event_id.raw().into();
        update.is_replay = !self.known.insert(id.clone());
        if !update.is_replay {
            self.oldest_first.push_back(id);
        }
        if self.oldest_first.len() > QUOTE_IDS_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.known.remove(&oldest);
        }
        update
    }
}
