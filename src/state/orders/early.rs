//! [`EarlyCancels`]: replies to cancels that came while no order with the id was known.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::event::Verdict;
use crate::state::truth::{Moment, StaleReason};

const EARLY_MAX: usize = 128;

#[derive(Clone, Debug)]
pub(super) struct EarlyCancels {
    replies: VecDeque<Early>,
    dropped: Moment,
}

#[derive(Clone, Copy, Debug)]
struct Early {
    order_id: u64,
    at: Moment,
    /// The doubt that the reply raises; `None` if the venue has accepted the cancel.
    doubt: Option<StaleReason>,
}

impl EarlyCancels {
    pub(super) const fn new() -> EarlyCancels {
        EarlyCancels { replies: VecDeque::new(), dropped: Moment::BEGINNING }
    }

    pub(super) fn note(&mut self, order_id: u64, verdict: &Verdict<'_>, at: Moment) {
        let doubt = match verdict {
            Verdict::Accepted(_) => None,
            Verdict::Refused(_) => Some(StaleReason::NotFound),
            Verdict::Unknown => Some(StaleReason::Unanswered),
            Verdict::OverLimit(_) | Verdict::NotSent => return,
        };
        if self.replies.len() >= EARLY_MAX
            && let Some(oldest) = self.replies.pop_front()
        {
            self.dropped = oldest.at;
        }
        self.replies.push_back(Early { order_id, at, doubt });
    }

    /// Returns when the newest of the dropped replies came. A list that the venue made earlier may be outdated.
    pub(super) const fn dropped(&self) -> Moment {
        self.dropped
    }

    /// Removes the replies about an order. For each, returns the moment when it came and the doubt that it raises.
    pub(super) fn take(&mut self, order_id: u64) -> Vec<(Moment, Option<StaleReason>)> {
        let mut taken = Vec::new();
        self.replies.retain(|early| {
            let is_other = early.order_id != order_id;
            if !is_other {
                taken.push((early.at, early.doubt));
            }
            is_other
        });
        taken
    }
}
