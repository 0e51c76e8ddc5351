//! [`EarlyCancels`]: replies to cancels that came while the order was still unknown.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::event::Verdict;
use crate::state::truth::{Moment, StaleReason};

/// The maximum number of replies in [`EarlyCancels`]. Further replies replace the oldest.
const EARLY_MAX: usize = 128;

#[derive(Clone, Debug)]
pub(super) struct EarlyCancels(VecDeque<Early>);

#[derive(Clone, Copy, Debug)]
struct Early {
    order_id: u64,
    at: Moment,
    /// The doubt that the reply raises; `None` if the venue has accepted the cancel.
    doubt: Option<StaleReason>,
}

impl EarlyCancels {
    pub(super) const fn new() -> EarlyCancels {
        EarlyCancels(VecDeque::new())
    }

    pub(super) fn note(&mut self, order_id: u64, verdict: &Verdict<'_>, at: Moment) {
        let doubt = match verdict {
            Verdict::Accepted(_) => None,
            Verdict::Refused(_) => Some(StaleReason::NotFound),
            Verdict::Unknown => Some(StaleReason::Unanswered),
            Verdict::OverLimit(_) | Verdict::NotSent => return,
        };
        if self.0.len() >= EARLY_MAX {
            self.0.pop_front();
        }
        self.0.push_back(Early { order_id, at, doubt });
    }

    /// Removes the replies about an order. For each, returns the moment when it came and the doubt that it raises.
    /// The doubt is `None` if the venue has accepted the cancel.
    pub(super) fn take(&mut self, order_id: u64) -> Vec<(Moment, Option<StaleReason>)> {
        let mut taken = Vec::new();
        self.0.retain(|early| {
            let is_other = early.order_id != order_id;
            if !is_other {
                taken.push((early.at, early.doubt));
            }
            is_other
        });
        taken
    }
}
