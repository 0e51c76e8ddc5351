//! [`EarlyCancels`]: replies to cancels that came while no order with the id was known.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::event::Verdict;
use crate::state::truth::{Moment, StaleReason};

const EARLY_MAX: usize = 128;

#[derive(Clone, Debug)]
pub(super) struct EarlyCancels {
    /// For each reply, the doubt that it raises; `None` if the venue has accepted the cancel. The key of a reply is
    /// the venue's id of the order and the moment when the reply came.
    replies: BTreeMap<(u64, Moment), Option<StaleReason>>,
    dropped: Moment,
}

impl EarlyCancels {
    pub(super) const fn new() -> EarlyCancels {
        EarlyCancels { replies: BTreeMap::new(), dropped: Moment::BEGINNING }
    }

    pub(super) fn note(&mut self, order_id: u64, verdict: &Verdict<'_>, at: Moment) {
        let doubt = match verdict {
            Verdict::Accepted(_) => None,
            Verdict::Refused(_) => Some(StaleReason::NotFound),
            Verdict::Unknown => Some(StaleReason::Unanswered),
            Verdict::OverLimit(_) | Verdict::NotSent => return,
        };
        if self.replies.len() >= EARLY_MAX
            && let Some(oldest) = self.replies.keys().min_by_key(|(_, at)| *at).copied()
        {
            self.replies.remove(&oldest);
            self.dropped = oldest.1;
        }
        self.replies.insert((order_id, at), doubt);
    }

    /// Returns when the newest of the dropped replies came. A list that the venue made earlier may be outdated.
    pub(super) const fn dropped(&self) -> Moment {
        self.dropped
    }

    /// Removes the replies about an order, oldest first. For each, returns the moment when it came and the doubt that
    /// it raises.
    pub(super) fn take(&mut self, order_id: u64) -> Vec<(Moment, Option<StaleReason>)> {
        let mut taken = Vec::new();
        while let Some((&key, &doubt)) = self.replies.range((order_id, Moment::BEGINNING)..).next()
            && key.0 == order_id
        {
            self.replies.remove(&key);
            taken.push((key.1, doubt));
        }
        taken
    }
}
