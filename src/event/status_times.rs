//! [`StatusTimes`]: when events have reported an order as open, and as ended.

use core::cmp::Ordering;

use crate::message::{OrderStatus, OrderUpdate};
use crate::value::time::Timestamp;

/// The latest time of the `OPEN` events of an order, and the latest time of the events that report its end.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct StatusTimes {
    opened: Option<Timestamp>,
    ended: Option<Timestamp>,
}

impl StatusTimes {
    pub(crate) const NONE: StatusTimes = StatusTimes { opened: None, ended: None };

    pub(crate) fn note(&mut self, update: &OrderUpdate<'_>) {
        match update.status {
            OrderStatus::Open => self.opened = self.opened.max(update.event_time),
            status if status.is_end() => self.ended = self.ended.max(update.event_time),
            _ => {}
        }
    }

    pub(crate) fn since_end(&self, event_time: Option<Timestamp>) -> Option<Ordering> {
        event_time.zip(self.ended).map(|(told, end)| told.cmp(&end))
    }

    /// Returns whether `event_time` is the latest time of the `OPEN` events so far. A further `OPEN` event with this
    /// time is a repetition.
    pub(crate) fn has_opened(&self, event_time: Option<Timestamp>) -> bool {
        event_time.is_some() && event_time == self.opened
    }
}
