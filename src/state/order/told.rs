//! What events have reported about an order: single values, and [`Disputes`].

use core::cmp::Ordering;

use crate::event::status_times::StatusTimes;
use crate::message::{ContractOutcome, OrderUpdate};
use crate::request::new_order::EventOutcome;
use crate::value::decimal::Decimal;
use crate::value::time::Timestamp;

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Disputes {
    is_ended: bool,
    times: StatusTimes,
    /// Whether an event has reported the order as open after its end.
    end: bool,
    /// Whether an event has reported an executed quantity that contradicts the fills.
    sum: bool,
    figure: Option<Decimal>,
}

impl Disputes {
    pub(super) fn note_status(&mut self, update: &OrderUpdate<'_>, is_open_again: bool) {
        self.end |= is_open_again;
        self.is_ended |= update.status.is_end();
        self.times.note(update);
    }

    /// Returns whether the quantity, which contradicts the fills, differs from the one stored before.
    pub(super) fn note_figure(&mut self, executed: Decimal) -> bool {
        let is_new = self.figure != Some(executed);
        self.sum |= is_new;
        self.figure = Some(executed);
        is_new
    }

    pub(super) fn is_after_end(&self, event_time: Option<Timestamp>) -> bool {
        self.is_ended && self.times.since_end(event_time).is_none_or(Ordering::is_ge)
    }

    /// Returns whether an `OPEN` event with this time is a repetition.
    pub(super) fn has_opened(&self, event_time: Option<Timestamp>) -> bool {
        self.times.has_opened(event_time)
    }

    pub(super) const fn is_about_end(&self) -> bool {
        self.end
    }

    pub(super) const fn is_about_sum(&self) -> bool {
        self.sum
    }

    /// Call this when an answer of the venue has decided which reports are right. `is_final` says whether the answer
    /// reports the end of the order.
    pub(super) const fn resolve(&mut self, is_final: bool) {
        (self.end, self.sum) = (false, false);
        self.is_ended &= is_final;
    }
}

/// Returns whether both values are known, and differ.
pub(super) fn differ<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one != other)
}

pub(super) fn told_outcome(update: &OrderUpdate<'_>) -> Option<EventOutcome> {
    match update.outcome {
        Some(ContractOutcome::Yes) => Some(EventOutcome::Yes),
        Some(ContractOutcome::No) => Some(EventOutcome::No),
        Some(_) | None => None,
    }
}

/// Returns the stop price in an event; `None` for a zero, which the venue may send for an order without a stop price.
pub(super) fn told_stop_price(update: &OrderUpdate<'_>) -> Option<Decimal> {
    let stop_price = update.stop_price.and_then(|price| price.to_decimal().ok());
    stop_price.filter(|price| !price.is_zero())
}
