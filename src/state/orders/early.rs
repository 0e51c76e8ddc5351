//! [`EarlyCancels`]: the replies to cancels of orders that were unknown then.

use alloc::collections::VecDeque;

use crate::event::Verdict;
use crate::state::orders::Orders;
use crate::state::truth::{Moment, StaleReason};

/// How many such replies are kept: the newest ones.
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
}

impl Orders {
    /// Applies the earlier replies about cancels to an order that has just become known: from an event, or from a
    /// list for which the application asked at the moment `listed`. A reply after that moment may show that the list
    /// is outdated.
    pub(super) fn recall_cancels(&mut self, key: u64, order_id: u64, listed: Option<Moment>) {
        let now = self.moment();
        self.early.0.retain(|early| {
            if early.order_id != order_id {
                return true;
            }
            self.index.change(key, now, |order| match early.doubt {
                None => order.accept_cancel(early.at),
                Some(reason) if listed.is_some_and(|asked| asked < early.at) => order.raise(reason, early.at),
                Some(_) => {}
            });
            false
        });
    }
}
