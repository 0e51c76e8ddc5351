//! How an [`Order`] applies the venue's lists of open orders, and the answers of REST.

use crate::state::order::told::differ;
use crate::state::order::{Awaited, Doubt, Order};
use crate::state::order_state::OrderState;
use crate::state::reconciling::Reconciled;
use crate::state::truth::{Moment, StaleReason};
use crate::value::decimal::Decimal;

impl Order {
    /// Creates the entry of an order that REST lists as open. The entry is in doubt with `reason` until
    /// [`reconcile`](Order::reconcile) resolves the doubt.
    pub(in crate::state) fn listed(
        found: &Reconciled,
        client_order_id: Option<&str>,
        (reason, now): (StaleReason, Moment),
    ) -> Order {
        let mut listed = Order::foreign(Some(found.order_id), client_order_id, None);
        listed.listed_at = now;
        (listed.symbol, listed.side, listed.quantity) = (found.symbol, found.side, found.quantity);
        listed.price = listed.limit_price(found);
        (listed.state, listed.reported) = (found.state, Some(found.executed));
        listed.raise(reason, Moment::BEGINNING);
        listed
    }

    /// Returns whether the state is neither `Sent` nor `Unknown`. For an open order, this means that a reply has
    /// accepted the order, or that an event or an answer has reported it.
    pub(in crate::state) const fn is_accepted(&self) -> bool {
        !matches!(self.state, OrderState::Sent | OrderState::Unknown)
    }

    /// Returns the event that the venue owes; `None` if the venue owes no event, or if the order is in doubt.
    pub fn awaited(&self) -> Option<Awaited> {
        if !self.is_open() || self.needs_reconciling() {
            return None;
        }
        let is_first_owed = self.state == OrderState::Acknowledged;
        self.cancel_accepted.then_some(Awaited::End).or(is_first_owed.then_some(Awaited::FirstEvent))
    }

    /// Resolves the doubt about an order that the venue reports as open. If the reason of the doubt is `Overdue`, a
    /// cancel that the venue accepted before the doubt had no effect, so `cancel_accepted` becomes `false`.
    fn confirm(&mut self) {
        let overdue = self.doubt.take().filter(|doubt| doubt.reason == StaleReason::Overdue);
        self.cancel_accepted &= overdue.is_none_or(|doubt| self.cancel_accepted_at >= doubt.since);
    }

    /// Applies a list of open orders that contains the order. `executed` is the executed quantity in the list; `None`
    /// means zero. Resolves the doubt if all of this is true:
    ///
    /// - No report has shown the end of the order.
    /// - The fills agree with the reported quantities, and no reported fill is missing among them.
    /// - `executed` is the known executed quantity. A list with another quantity may lag behind the events.
    pub(in crate::state) fn confirm_open(&mut self, executed: Option<Decimal>) {
        let is_accounted = self.unaccountable == self.explained.1 && self.discrepancy().is_none();
        if self.is_open() && is_accounted && executed.unwrap_or(Decimal::ZERO) == self.least_executed() {
            self.confirm();
        }
    }

    /// Applies the venue's answer to a question asked at the moment `asked`. `found` is `None` if the venue did not
    /// find the order. `lost` is the moment when a report may last have been lost (`Followed::lost`). Returns whether
    /// the answer resolved the doubt.
    pub(in crate::state) fn reconcile(
        &mut self,
        found: Option<&Reconciled>,
        asked: Moment,
        lost: Moment,
    ) -> bool {
        let Some(doubt) = self.doubt else { return false };
        let is_older = doubt.raised.max(lost) > asked || self.observed > asked;
        let Some(found) = found else {
            if is_older || self.is_seen() {
                // The order exists, or the venue may have received it after the question.
                return false;
            }
            self.doubt = None;
            self.state = OrderState::Rejected;
            (self.is_refused_by_reply, self.is_absent) = (true, true);
            self.reason = Some("the venue does not know it".into());
            return true;
        };
        let is_final = found.state.is_final();
        let is_usable = match is_final {
            // No other state follows a final state, so an old answer is usable too, unless it lacks a fill.
            true => found.executed >= self.filled || (!is_older && !self.has_sound_fills()),
            false => !is_older && !self.is_past(found),
        };
        if !is_usable {
            return false;
        }
        let (is_end_disputed, is_sum_disputed) = (self.is_end_disputed(), self.is_sum_disputed());
        self.order_id = Some(found.order_id);
        self.take_terms_of(found);
        self.revive();
        // The venue may report an order that was executed as a whole both as filled and as cancelled.
        let is_whole = self.quantity.is_some_and(|quantity| found.executed >= quantity);
        let is_same = found.state == OrderState::Closed || (self.state == OrderState::Filled && is_whole);
        if (is_final && !is_same) || (!is_final && is_end_disputed) {
            // Events may have contradicted each other about the end, so the answer decides.
            self.state = found.state;
        }
        self.go(found.state);
        let reported = self.reported.filter(|_| !is_sum_disputed);
        self.reported = Some(reported.map_or(found.executed, |reported| reported.max(found.executed)));
        self.explained = (self.discrepancy(), self.unaccountable);
        self.settled = Some(found.executed).filter(|_| is_final || is_sum_disputed);
        self.disputes.resolve(is_final);
        if is_final {
            self.doubt = None;
        } else {
            self.confirm();
        }
        self.reconciled = true;
        true
    }

    /// For a prediction-market contract, whose symbol has a hyphen, does not store the side, because the venue may
    /// name the side of the other outcome.
    fn take_terms_of(&mut self, found: &Reconciled) {
        self.quantity = match self.is_modified {
            true => found.quantity.or(self.quantity),
            false => self.quantity.or(found.quantity),
        };
        self.price = self.limit_price(found).or(self.price);
        self.symbol = self.symbol.or(found.symbol);
        let is_contract = self.symbol.is_some_and(|symbol| symbol.as_str().contains('-'));
        self.side = self.side.or(found.side.filter(|_| self.outcome.is_none() && !is_contract));
    }

    fn has_sound_fills(&self) -> bool {
        let is_whole = self.quantity.is_none_or(|quantity| self.filled <= quantity);
        self.unaccountable == 0 && is_whole && !self.disputes.is_about_sum()
    }

    /// Returns whether reports have shown a later state or a larger executed quantity than `found`, an answer whose
    /// state is not final. REST may lag behind the streams.
    fn is_past(&self, found: &Reconciled) -> bool {
        let has_ended = !self.is_open() && !self.is_refused_by_reply && !self.is_end_disputed();
        has_ended || (found.executed < self.least_executed() && !self.is_sum_disputed())
    }

    /// Returns whether two entries cannot be about the same order. In a prediction market, the sides are not
    /// compared, because the venue may name the side of the other outcome.
    pub(in crate::state) fn is_other_than(&self, other: &Order) -> bool {
        let has_outcome = self.outcome.is_some() || other.outcome.is_some();
        (self.sent.is_some() && other.sent.is_some())
            || differ(self.client_order_id.as_ref(), other.client_order_id.as_ref())
            || differ(self.symbol, other.symbol)
            || differ(self.quantity, other.quantity)
            || (!has_outcome && differ(self.side, other.side))
    }

    /// Returns whether `other`, an entry that has an id of the venue, cannot be about the order that the request of
    /// this entry places. That is so if a request placed the other order too, also one whose id was used again later.
    /// It is also so if the other order was known before this request, and does not differ from it otherwise.
    pub(in crate::state) fn is_of_another_request(&self, other: &Order) -> bool {
        let known =
            [other.first_event, other.listed_at].into_iter().filter(|at| *at > Moment::BEGINNING).min();
        let is_earlier = !self.is_unnoticed && known.is_some_and(|known| known < self.sent_at);
        self.sent.is_some() && (other.sent.is_some() || (is_earlier && !self.is_other_than(other)))
    }

    /// Splits off the order that this client's request placed, and gives it the id `order_id`. Call this if the reply
    /// names another order id than the events. Then the events were about an order of another client, and that order
    /// keeps this entry. Returns `None` if no request of this client placed the order.
    pub(in crate::state) fn split(&mut self, order_id: u64) -> Option<Order> {
        let mut mine = self.split_off()?;
        (mine.order_id, mine.answered, mine.state) = (Some(order_id), true, OrderState::Acknowledged);
        Some(mine)
    }

    /// Splits off the order that this client's request placed, as it was before its reply and the events. Returns
    /// `None` if no request of this client placed the order.
    pub(in crate::state) fn split_off(&mut self) -> Option<Order> {
        let (request, sent) = self.request.take().zip(self.sent.take())?;
        self.link = self.link.or(Some(request.1));
        let mine = Order::sent(&sent, request.0, request.1, core::mem::take(&mut self.sent_at));
        // Only the request of this client had these terms, so the other order keeps none of them.
        (self.time_in_force, self.order_type, self.outcome) = (None, None, None);
        self.stop_price = self.stop_price.filter(|price| mine.stop_price != Some(*price));
        Some(mine)
    }

    /// Returns whether the events that were applied to the order `refused` may be about this order instead.
    pub(in crate::state) fn may_inherit(&self, refused: &Order) -> bool {
        let is_other_price = differ(self.price, refused.price) || differ(self.stop_price, refused.stop_price);
        self.request.is_some()
            && !self.is_seen()
            && self.sent_at < refused.first_event
            && !differ(self.symbol, refused.symbol)
            && !differ(self.side, refused.side)
            && !differ(self.outcome, refused.outcome)
            && (refused.is_modified || !(is_other_price || differ(self.quantity, refused.quantity)))
    }

    /// Merges `other`, another entry for the same order, into this entry. `other` must have no fills.
    pub(in crate::state) fn merge(&mut self, other: Order, now: Moment) {
        self.order_id = self.order_id.or(other.order_id);
        self.client_order_id = self.client_order_id.take().or(other.client_order_id);
        self.symbol = self.symbol.or(other.symbol);
        self.side = self.side.or(other.side);
        self.order_type = self.order_type.take().or(other.order_type);
        self.time_in_force = self.time_in_force.or(other.time_in_force);
        self.quantity = self.quantity.or(other.quantity);
        self.price = self.price.or(other.price);
        self.stop_price = self.stop_price.or(other.stop_price);
        self.outcome = self.outcome.or(other.outcome);
        self.request = self.request.or(other.request);
        self.sent = self.sent.take().or(other.sent);
        self.sent_at = self.sent_at.max(other.sent_at);
        self.answered |= other.answered;
        self.is_modified |= other.is_modified;
        self.cancel_accepted |= other.cancel_accepted;
        self.cancel_accepted_at = self.cancel_accepted_at.max(other.cancel_accepted_at);
        self.reported = self.reported.max(other.reported);
        self.reason = self.reason.take().or(other.reason.filter(|_| !other.is_absent));
        self.refusal_code = self.refusal_code.or(other.refusal_code);
        if !other.is_refused_by_reply {
            self.go(other.state);
        }
        // With these two reasons, the order might not exist. But an event has reported it, so they no longer apply.
        let is_known = |doubt: &Doubt| matches!(doubt.reason, StaleReason::Unanswered | StaleReason::Overdue);
        if let Some(doubt) = other.doubt.filter(|doubt| !is_known(doubt)) {
            let newest = self.doubt.map_or(doubt.raised, |own| own.raised.max(doubt.raised));
            self.raise(doubt.reason, newest);
        }
        self.check_sums(now);
    }
}
