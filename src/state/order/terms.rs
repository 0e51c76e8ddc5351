//! The terms of an [`Order`], and which events contradict the order.

use alloc::boxed::Box;

use crate::message::{OrderStatus, OrderType, OrderUpdate, Text};
use crate::request::new_order::{NewOrder, Terms};
use crate::state::order::told::{differ, told_outcome, told_stop_price};
use crate::state::order::{Order, OtherTerms};
use crate::state::reconciling::Reconciled;
use crate::state::truth::Moment;
use crate::value::decimal::Decimal;
use crate::value::id::LinkId;

impl Order {
    pub(super) fn take_terms(&mut self, order: &NewOrder) {
        self.symbol = Some(order.symbol());
        self.side = Some(order.side());
        let (terms, time_in_force, outcome) = order.parts();
        let (order_type, stop_price) = match terms {
            Terms::Market => ("MARKET", None),
            Terms::Limit { .. } => ("LIMIT", None),
            Terms::StopLimit { stop_price, .. } => ("STOP_LIMIT", Some(stop_price)),
        };
        self.order_type = Some(order_type.into());
        (self.time_in_force, self.outcome) = (Some(time_in_force), outcome);
        self.quantity = Some(order.quantity());
        (self.price, self.stop_price) = (order.price(), stop_price);
    }

    pub(in crate::state) fn has_sent(&self, order: &NewOrder) -> bool {
        self.sent.as_deref() == Some(order)
    }

    /// Returns whether an event names another instrument, side or outcome than the order has. In a prediction market,
    /// the venue may describe an order by the other outcome and the opposite side. So if the order or the event has
    /// an outcome, only one case counts as different: both have an outcome and a side, the outcomes differ, and the
    /// sides are equal.
    pub(in crate::state) fn differs(&self, update: &OrderUpdate<'_>) -> bool {
        let sides = self.side.zip(update.side).map(|(known, told)| known == told);
        let outcomes = self.outcome.zip(told_outcome(update)).map(|(known, told)| known == told);
        let is_other_side = match outcomes {
            Some(is_same) => !is_same && sides == Some(true),
            None => self.outcome.is_none() && told_outcome(update).is_none() && sides == Some(false),
        };
        is_other_side || self.symbol.is_some_and(|symbol| !symbol.is(update.symbol))
    }

    /// Returns whether an event with the client order id of this order is about another order. Client order ids need
    /// not be unique, so the terms decide. In a prediction market, prices are not compared, because the venue may
    /// name the price of the other outcome.
    pub(in crate::state) fn is_other_order(&self, update: &OrderUpdate<'_>) -> bool {
        let told_price = update.price.filter(|price| !price.is_zero());
        let is_comparable = self.outcome.is_none() && update.status != OrderStatus::Modified;
        let is_other_price =
            differ(self.price, told_price) || differ(self.stop_price, told_stop_price(update));
        self.differs(update) || self.is_other_type(update) || (is_comparable && is_other_price)
    }

    /// Returns whether an event reports a type that this order cannot have:
    ///
    /// - One of the two is a market order, and the other is a limit order.
    /// - The event reports a stop order, and this order has no stop. The reverse is possible, because an event about
    ///   a stop order need not report the stop.
    fn is_other_type(&self, update: &OrderUpdate<'_>) -> bool {
        use OrderType::{Limit, Market, StopLimit, StopMarket};
        let Some(known) = self.known_type() else { return false };
        let is_stop =
            matches!(update.order_type, Some(StopLimit | StopMarket)) || told_stop_price(update).is_some();
        let markets = is_market(known).zip(update.order_type.and_then(is_market));
        markets.is_some_and(|(known, told)| known != told) || (is_stop && matches!(known, Limit | Market))
    }

    fn known_type(&self) -> Option<OrderType<'_>> {
        self.order_type.as_deref().map(|text| OrderType::of(Text(text)))
    }

    /// Returns whether an event contradicts what is known about the order: it has other ids or terms, or it is a
    /// `NEW` event after the end of the order that is neither late nor a repetition.
    pub(in crate::state) fn contradicts(&self, update: &OrderUpdate<'_>, link: Option<LinkId>) -> bool {
        let is_another = update
            .client_order_id
            .zip(self.client_order_id.as_deref())
            .is_some_and(|(told, known)| told != *known);
        // The event about a modification need not name the new quantity.
        let may_differ = self.is_modified && (self.needs_reconciling() || self.is_late(update));
        let is_of_other_terms = update.status == OrderStatus::Modified || may_differ;
        let is_other = !is_of_other_terms && differ(self.quantity, update.quantity);
        let begins_again = update.status == OrderStatus::New
            && self.state.is_final()
            && !self.is_refused_by_reply
            && self.observed > Moment::BEGINNING
            && self.link == link
            && self.begun != update.event_time
            && (self.begun.is_some() || !self.is_late(update));
        self.differs(update) || is_another || is_other || begins_again
    }

    /// `client_order_id` is the client order id in the answer.
    pub(in crate::state) fn contradicts_answer(
        &self,
        found: &Reconciled,
        client_order_id: Option<&str>,
    ) -> bool {
        let known = self.quantity.filter(|_| !self.is_modified);
        found.is_impossible(known)
            || (self.sent.is_some() && differ(self.client_order_id.as_deref(), client_order_id))
            || differ(self.symbol, found.symbol)
            || (self.outcome.is_none() && differ(self.side, found.side))
    }

    /// Returns the limit price in an event. Returns `None` in these cases:
    ///
    /// - The order is a market order.
    /// - The price is zero. The venue may send zero for a price that the order does not have.
    /// - The order is for an outcome of a prediction market, its price is known, and the event names the other
    ///   outcome or the other side: the price may be that of the other outcome.
    pub(super) fn told_price(&self, update: &OrderUpdate<'_>) -> Option<Decimal> {
        let is_market = self.known_type().and_then(is_market) == Some(true);
        let is_of_other = differ(self.outcome, told_outcome(update)) || differ(self.side, update.side);
        let is_kept = self.outcome.is_some() && self.price.is_some() && is_of_other;
        update.price.filter(|price| !price.is_zero() && !is_market && !is_kept)
    }

    /// Returns the limit price in the venue's answer; `None` if it is zero, or for a market order. Also returns
    /// `None` in a prediction market, because the venue may name the price of the other outcome.
    pub(super) fn limit_price(&self, found: &Reconciled) -> Option<Decimal> {
        let is_market = self.known_type().and_then(is_market) == Some(true);
        found.price.filter(|price| !price.is_zero() && !is_market && self.outcome.is_none())
    }

    pub(in crate::state) fn has_other_terms(
        &self,
        found: &Reconciled,
        client_order_id: Option<&str>,
    ) -> bool {
        differ(self.quantity.filter(|_| !self.is_modified), found.quantity)
            || differ(self.price, self.limit_price(found))
            || differ(self.client_order_id.as_deref(), client_order_id)
    }

    /// Returns whether the terms in an answer can be used. `asked` is the moment of the question.
    ///
    /// - Terms that agree with the known ones can be used.
    /// - If the doubt began after `asked`, other terms cannot be used.
    /// - Otherwise, other terms can be used if an answer that arrived between the start of the doubt and `asked` had
    ///   the same terms. If there is no such answer, stores the terms in `other_terms`, to compare them with a later
    ///   answer.
    pub(in crate::state) fn note_answer(
        &mut self,
        found: &Reconciled,
        client_order_id: Option<&str>,
        asked: Moment,
        now: Moment,
    ) -> bool {
        if !self.has_other_terms(found, client_order_id) {
            self.other_terms = None;
            return true;
        }
        let Some(since) = self.doubt.map(|doubt| doubt.since).filter(|since| *since <= asked) else {
            return false;
        };
        let (quantity, price) = (found.quantity, self.limit_price(found));
        let is_told_again = self.other_terms.as_deref().is_some_and(|told| {
            let told_id = told.client_order_id.as_deref();
            agree(self.quantity, told.quantity, quantity)
                && agree(self.price, told.price, price)
                && agree(self.client_order_id.as_deref(), told_id, client_order_id)
                && (since..=asked).contains(&told.noted)
        });
        if is_told_again {
            self.is_modified |= differ(self.quantity, quantity) || differ(self.price, price);
        } else {
            let client_order_id = client_order_id.map(Into::into);
            self.other_terms = Some(Box::new(OtherTerms { quantity, price, client_order_id, noted: now }));
        }
        is_told_again
    }
}

/// Returns whether an order of this type has no limit price; `None` if unknown.
const fn is_market(order_type: OrderType<'_>) -> Option<bool> {
    use OrderType::{Limit, Market, MarketBuy, MarketSell, StopLimit, StopMarket};
    match order_type {
        Market | StopMarket | MarketBuy | MarketSell => Some(true),
        Limit | StopLimit => Some(false),
        _ => None,
    }
}

/// Returns whether two answers agree about a term. `earlier` and `told` are the values in the earlier and the newer
/// answer. If `told` differs from the `known` value, `earlier` must be equal to `told`. Otherwise, the two agree if
/// they are equal, or if one is `None`: not all kinds of answers have the term.
fn agree<T: PartialEq + Copy>(known: Option<T>, earlier: Option<T>, told: Option<T>) -> bool {
    if differ(known, told) { earlier == told } else { !differ(earlier, told) }
}
