//! Reports about an [`Order`] that contradict each other: about its end, or about the executed quantity.

use crate::message::{OrderStatus, OrderUpdate};
use crate::state::order::Order;
use crate::state::order_state::OrderState;
use crate::value::decimal::Decimal;
use crate::value::id::LinkId;
use crate::value::time::Timestamp;

impl Order {
    /// Returns whether an event contradicts what is known about the end of the order or its fills. `REJECTED`
    /// contradicts every other end and every fill. `FILLED` and `CANCELED` contradict each other only if a reported
    /// quantity or the fills show that a part of the order was not executed ([filled and
    /// cancelled](crate::protocol::quirks#filled-and-cancelled)). A refusal by a reply, or an answer from REST
    /// without the order, does not count as an end.
    pub(in crate::state) fn ends_otherwise(&self, update: &OrderUpdate<'_>) -> bool {
        let is_part =
            |executed: Option<Decimal>| executed.is_some_and(|executed| Some(executed) != self.quantity);
        let known = if self.is_refused_by_reply { OrderState::Sent } else { self.state };
        match (known, update.status) {
            (OrderState::Filled, OrderStatus::Canceled) => is_part(update.told_executed(self.quantity)),
            // Without a reported quantity, only the fills show whether the whole order was executed.
            (OrderState::Canceled, OrderStatus::Filled) if self.reported.is_none() => {
                self.is_new_fill(update) && self.filled_after(update) != self.quantity.or(update.quantity)
            }
            (OrderState::Canceled, OrderStatus::Filled) => is_part(self.reported),
            (OrderState::Filled | OrderState::Canceled, OrderStatus::Rejected) => true,
            (OrderState::Rejected, OrderStatus::Filled | OrderStatus::Canceled) => true,
            (OrderState::Rejected, _) => update.fill.is_some(),
            (_, OrderStatus::Rejected) => !self.filled.is_zero(),
            _ => false,
        }
    }

    /// Returns whether an event reports the order as open after its end. Returns `false` for an old or repeated
    /// event.
    pub(in crate::state) fn is_open_again(&self, update: &OrderUpdate<'_>, link: Option<LinkId>) -> bool {
        self.disputes.is_after_end(update.event_time)
            && self.link == link
            && match update.status {
                OrderStatus::Open => !self.disputes.has_opened(update.event_time),
                OrderStatus::PartiallyFilled => {
                    self.state != OrderState::Filled && self.reported.is_none() && self.is_new_fill(update)
                }
                _ => false,
            }
    }

    pub(in crate::state) fn note_status(&mut self, update: &OrderUpdate<'_>, is_open_again: bool) {
        self.disputes.note_status(update, is_open_again);
    }

    /// Compares the executed quantity in an event with the fills. Returns whether this quantity contradicts the
    /// fills, and differs from the last quantity that contradicted them. A quantity that is less than the sum of all
    /// fills contradicts them in two cases:
    ///
    /// - It is less than the sum of the fills that have an earlier time than the event.
    /// - It is not the sum of the first n fills, for any n. The quantity in a late or repeated event is such a sum.
    pub(super) fn note_figure(&mut self, executed: Option<Decimal>, event_time: Option<Timestamp>) -> bool {
        let Some(executed) = executed.filter(|executed| *executed < self.filled) else { return false };
        self.fill_sums.update(&self.fills);
        let before = event_time.map_or(Some(Decimal::ZERO), |time| self.fill_sums.before(time));
        let is_contradiction =
            !self.fill_sums.has(executed) || before.is_some_and(|before| executed < before);
        is_contradiction && self.disputes.note_figure(executed)
    }

    fn is_new_fill(&self, update: &OrderUpdate<'_>) -> bool {
        update.fill.is_some_and(|fill| fill.trade_id.is_none_or(|id| !self.places.contains_key(&id)))
    }

    fn filled_after(&self, update: &OrderUpdate<'_>) -> Option<Decimal> {
        let new = update.fill.filter(|_| self.is_new_fill(update)).and_then(|fill| fill.quantity);
        self.filled.checked_add(new.unwrap_or(Decimal::ZERO))
    }

    pub(super) fn is_end_disputed(&self) -> bool {
        self.disputes.is_about_end() || (self.state == OrderState::Rejected && !self.filled.is_zero())
    }

    pub(super) fn is_sum_disputed(&self) -> bool {
        self.disputes.is_about_sum() || self.quantity.is_some_and(|quantity| self.least_executed() > quantity)
    }

    /// Returns the expected executed quantity minus the sum of the fills; `None` if they are equal, or if no quantity
    /// is expected. If the fills exceed the ordered quantity, the ordered quantity is expected. Otherwise, the
    /// reported quantity is expected, unless the order is open and this quantity does not exceed the sum.
    pub(super) fn discrepancy(&self) -> Option<Decimal> {
        let most = self.quantity.filter(|quantity| self.filled > *quantity);
        let told = self.told_executed().filter(|told| {
            // The reported quantity of an open order may be older than the fills, so a smaller one does not count.
            *told > self.filled || self.state.is_final()
        });
        most.or(told).filter(|other| *other != self.filled).map(|other| self.without_fills(other))
    }

    /// Returns a quantity minus the sum of the fills; the quantity itself if no decimal can hold the difference.
    pub(super) fn without_fills(&self, quantity: Decimal) -> Decimal {
        quantity.checked_sub(self.filled).unwrap_or(quantity)
    }
}
