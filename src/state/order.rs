//! [`Order`]: what replies and events have said about one order.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::message::{Fill, OrderStatus, OrderUpdate, Response};
use crate::request::new_order::{EventOutcome, NewOrder, TimeInForce};
use crate::state::fill::{Accounted, OrderFill, TEXT_MAX, kept};
use crate::state::order::fill_sums::FillSums;
use crate::state::order::told::{Disputes, told_outcome, told_stop_price};
use crate::state::order_state::OrderState;
use crate::state::sums::Sum;
use crate::state::truth::{Age, Moment, StaleReason};
use crate::value::decimal::Decimal;
use crate::value::id::{LinkId, RequestId};
use crate::value::side::Side;
use crate::value::symbol::Symbol;
use crate::value::time::Timestamp;

mod answers;
mod copy;
mod disputes;
mod fill_sums;
mod links;
mod terms;
mod told;

/// The maximum number of fills that an [`Order`] keeps. Further fills are not added to the order. They put the order
/// in doubt, with the reason [`StaleReason::Executions`].
pub const FILLS_MAX: usize = 100_000;

/// The error code of a refusal that the venue reports twice: with the reply, and again with an event.
const REJECTED_TWICE: i64 = -2010;

/// An order, as replies and events describe it.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Order {
    /// The venue's id, once known.
    pub order_id: Option<u64>,
    /// The client order id; `None` if it is unknown or longer than 256 bytes. While `order_id` is `None`, ask REST
    /// about the order by this id.
    pub client_order_id: Option<Box<str>>,
    /// The instrument, once known.
    pub symbol: Option<Symbol>,
    /// Whether the order buys or sells, once known.
    pub side: Option<Side>,
    /// The type, as the venue spells it, for example `LIMIT`.
    pub order_type: Option<Box<str>>,
    /// The time in force, if this client placed the order.
    pub time_in_force: Option<TimeInForce>,
    /// The limit price; `None` for a market order, or if unknown.
    pub price: Option<Decimal>,
    /// The price at which a stop order becomes active; `None` for any other order, or if unknown.
    pub stop_price: Option<Decimal>,
    /// The ordered quantity, as last reported.
    pub quantity: Option<Decimal>,
    /// In prediction markets, the outcome for which the order is placed.
    pub outcome: Option<EventOutcome>,
    /// The known state of the order.
    pub state: OrderState,
    /// The fills, each once, in the order in which they were received; at most [`FILLS_MAX`].
    pub fills: Vec<OrderFill>,
    /// The reason why the order was rejected or cancelled, from the venue or from this crate. In the current API,
    /// the venue sends no reason if the user cancelled the order.
    pub reason: Option<Box<str>>,
    /// The error code of the reply that refused to place the order; 0 if the client did not send the request. `None`
    /// for every other order.
    pub refusal_code: Option<i64>,
    /// Whether the venue accepted a request to cancel the order, alone or together with all orders of the account or
    /// of the session. The order may still be open: an event or an answer reports its end. If a later report shows
    /// that the cancel had no effect, the value becomes `false` again. A request to cancel all orders counts only for
    /// orders that are known when the reply comes, and not for orders that this client placed after the request.
    pub cancel_accepted: bool,
    /// The reason in the last reply or event that refused to cancel the order.
    pub cancel_refusal: Option<Box<str>>,
    /// The times of the newest event by venue time; an event without a venue time counts as newest. Both times are
    /// `None` before the first event.
    pub age: Age,
    /// Whether [`Orders::reconcile`](crate::Orders::reconcile) has applied an answer about the order. If so, the
    /// executed quantity may include executions that are not among the fills.
    pub reconciled: bool,
    doubt: Option<Doubt>,
    link: Option<LinkId>,
    /// Links of earlier events, one for each endpoint other than that of `link`.
    earlier_links: Vec<LinkId>,
    /// The link of a stream that reports only orders placed over its own link, if this stream has reported the order.
    /// So the order was placed over this link.
    session: Option<LinkId>,
    request: Option<(RequestId, LinkId)>,
    sent: Option<Box<NewOrder>>,
    sent_at: Moment,
    /// Whether no event has reported the request that places the order, so that `sent_at` is the moment of its reply.
    is_unnoticed: bool,
    first_event: Moment,
    /// When [`Orders::add_listed`](crate::Orders::add_listed) has added the order.
    listed_at: Moment,
    observed: Moment,
    cancel_accepted_at: Moment,
    answered: bool,
    /// Whether a reply has rejected the order, or an answer did not find it. An event can still show that it exists.
    is_refused_by_reply: bool,
    disputes: Disputes,
    /// Whether the order was modified. If so, the quantity in an answer of REST may differ from the known one.
    is_modified: bool,
    other_terms: Option<Box<OtherTerms>>,
    /// Whether an answer did not find the order. The venue may still receive the request that places the order.
    is_absent: bool,
    begun: Option<Timestamp>,
    reported: Option<Decimal>,
    places: BTreeMap<u64, usize>,
    filled: Decimal,
    value: Sum,
    fill_sums: FillSums,
    /// The number of reported fills that are not in `fills`: the fill has no trade id, price or quantity, contradicts
    /// an earlier fill with the same trade id, or has no room ([`FILLS_MAX`], or a sum that a decimal cannot hold).
    unaccountable: u32,
    /// The values that `discrepancy()` and `unaccountable` had when the last answer of the venue was applied. Only
    /// other values raise a new doubt.
    explained: (Option<Decimal>, u32),
    /// The quantity in the last answer if `executed()` returns it instead of the reported one; `None` after a fill.
    settled: Option<Decimal>,
    summed: usize,
    finished: Option<Moment>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Doubt {
    reason: StaleReason,
    since: Moment,
    raised: Moment,
}

#[derive(Clone, Debug, PartialEq)]
struct OtherTerms {
    quantity: Option<Decimal>,
    price: Option<Decimal>,
    client_order_id: Option<Box<str>>,
    noted: Moment,
}

/// An event that the venue owes, because it has accepted a request about an order but has not reported the result.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Awaited {
    /// The first event of an order that the venue has accepted.
    FirstEvent,
    /// The end of an order whose cancel the venue has accepted.
    End,
}

impl core::fmt::Display for Awaited {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(match self {
            Awaited::FirstEvent => "the first event",
            Awaited::End => "the end",
        })
    }
}

// ---- questions -----------------------------------------------------------------------------------

impl Order {
    /// Makes this order, an earlier copy of `newer`, equal to `newer`. Unlike [`clone`](Clone::clone), this copies
    /// only new fills, so its cost does not grow with the number of fills.
    ///
    /// ```
    /// use gemini_ws::{Endpoint, Order, Orders, Replay, Scratch};
    ///
    /// let (mut replay, mut scratch) = (Replay::new(Endpoint::Streams), Scratch::new());
    /// let (mut orders, mut copy) = (Orders::new(), Order::default());
    /// let open = r#"{"e":"orderUpdate","E":1,"s":"BTCUSD","i":7,"X":"OPEN","q":"9"}"#;
    /// for change in orders.apply(&replay.event(open, &mut scratch)?.unwrap()) {
    ///     copy.catch_up(change.order);
    /// }
    /// assert_eq!(Some(&copy), orders.get(7));
    /// # Ok::<(), gemini_ws::DecodeError>(())
    /// ```
    pub fn catch_up(&mut self, newer: &Order) {
        let known = self.fills.len();
        if newer.fills.get(..known).map(<[_]>::last) != Some(self.fills.last()) {
            *self = newer.clone();
            return;
        }
        let (mut fills, mut places) = (core::mem::take(&mut self.fills), core::mem::take(&mut self.places));
        let fill_sums = core::mem::take(&mut self.fill_sums);
        for fill in newer.fills.get(known..).unwrap_or_default() {
            places.insert(fill.trade_id, fills.len());
            fills.push(fill.clone());
        }
        *self = Order::copy_with(newer, (fills, places), fill_sums);
    }

    /// Returns the executed quantity: the larger of the sum of the fills and the executed quantity that the venue
    /// reports. For a filled order, this is at least the whole quantity of the order.
    ///
    /// An answer of [`Orders::reconcile`](crate::Orders::reconcile) replaces this quantity until the next fill in two
    /// cases: the answer reports the end of the order, or earlier reports contradicted each other about the quantity.
    pub fn executed(&self) -> Decimal {
        self.settled.unwrap_or_else(|| self.least_executed())
    }

    fn least_executed(&self) -> Decimal {
        self.told_executed().map_or(self.filled, |told| told.max(self.filled))
    }

    /// Returns the quantity that has not been executed, also after the end of the order. Returns `None` if the
    /// ordered quantity is unknown, or if a decimal cannot hold the result.
    pub fn remaining(&self) -> Option<Decimal> {
        let remaining = self.quantity?.checked_sub(self.executed())?;
        Some(remaining.max(Decimal::ZERO))
    }

    fn told_executed(&self) -> Option<Decimal> {
        match self.state {
            OrderState::Filled => self.reported.max(self.quantity),
            _ => self.reported,
        }
    }

    /// Returns the sum of price times quantity over the fills; `None` if a decimal cannot hold the sum.
    pub fn executed_value(&self) -> Option<Decimal> {
        self.value.to_decimal()
    }

    /// Returns the average price of the fills, rounded to `scale` decimals; halves are rounded away from zero.
    /// Returns `None` if there are no fills, if a decimal cannot hold the result, or if the sum of price times
    /// quantity has more digits than 128 bits hold.
    pub fn average_price(&self, scale: u8) -> Option<Decimal> {
        if self.filled.is_zero() { None } else { self.value.divided_by(self.filled, scale) }
    }

    /// Returns by how much the reported executed quantity exceeds the sum of the fills; zero if it does not. If no
    /// decimal can hold the difference, returns the reported quantity.
    pub fn missing_executions(&self) -> Decimal {
        let told = self.told_executed().filter(|told| *told > self.filled);
        told.map_or(Decimal::ZERO, |told| self.without_fills(told))
    }

    /// Returns whether the order is in doubt: more may have happened to the order than is known.
    /// [`Orders::to_reconcile`](crate::Orders::to_reconcile) returns all orders in doubt.
    pub const fn needs_reconciling(&self) -> bool {
        self.doubt.is_some()
    }

    /// Returns the reason of the doubt; `None` if the order is not in doubt.
    pub fn doubt(&self) -> Option<StaleReason> {
        self.doubt.map(|doubt| doubt.reason)
    }

    /// Returns the request that placed the order, if this client placed it.
    pub fn request(&self) -> Option<RequestId> {
        self.request.map(|(request, _)| request)
    }

    pub(super) const fn is_answered(&self) -> bool {
        self.answered
    }

    pub(super) fn is_seen(&self) -> bool {
        self.order_id.is_some() || self.observed > Moment::BEGINNING
    }

    pub(super) const fn is_open(&self) -> bool {
        !self.state.is_final()
    }

    /// Returns whether the order is open, or an answer did not find it; `false` if a reply refused the order.
    pub(super) const fn may_change(&self) -> bool {
        self.is_open() || self.is_absent
    }

    pub(super) const fn observed(&self) -> Moment {
        self.observed
    }

    pub(super) const fn finished(&self) -> Option<Moment> {
        self.finished
    }

    pub(super) const fn set_finished(&mut self, since: Option<Moment>) {
        self.finished = since;
    }

    /// Returns the instrument, whether the order buys, and the fills that were not added to the sums of the
    /// instrument yet. Marks these fills as added.
    pub(super) fn take_unsummed(&mut self) -> Option<(Symbol, bool, &[OrderFill])> {
        let (symbol, side) = self.symbol.zip(self.side)?;
        let from = core::mem::replace(&mut self.summed, self.fills.len());
        Some((symbol, side == Side::Buy, self.fills.get(from..)?))
    }
}

// ---- inputs --------------------------------------------------------------------------------------

impl Order {
    pub(super) fn foreign(
        order_id: Option<u64>,
        client_order_id: Option<&str>,
        link: Option<LinkId>,
    ) -> Order {
        let client_order_id = client_order_id.filter(|id| id.len() <= TEXT_MAX).map(Into::into);
        Order { order_id, client_order_id, link, ..Order::default() }
    }

    pub(super) fn sent(order: &NewOrder, request: RequestId, link: LinkId, sent_at: Moment) -> Order {
        let mut sent = Order::foreign(None, Some(order.client_order_id().as_str()), None);
        sent.request = Some((request, link));
        sent.take_terms(order);
        (sent.sent, sent.sent_at) = (Some(Box::new(*order)), sent_at);
        sent
    }

    /// If the order is in doubt already, the first reason remains, and only `raised` changes.
    pub(super) fn raise(&mut self, reason: StaleReason, raised: Moment) {
        let first = self.doubt.unwrap_or(Doubt { reason, since: raised, raised });
        self.doubt = Some(Doubt { raised, ..first });
    }

    pub(super) fn renew_doubt(&mut self, raised: Moment) {
        self.doubt = self.doubt.map(|doubt| Doubt { raised: doubt.raised.max(raised), ..doubt });
    }

    pub(super) fn acknowledge(&mut self) {
        self.note_answered();
        self.go(OrderState::Acknowledged);
    }

    pub(super) fn lose(&mut self, now: Moment) {
        self.note_answered();
        if !self.state.is_from_events() {
            self.state = OrderState::Unknown;
            self.raise(StaleReason::Unanswered, now);
        }
    }

    pub(super) const fn accept_cancel(&mut self, now: Moment) {
        if self.may_change() {
            (self.cancel_accepted, self.cancel_accepted_at) = (true, now);
        }
    }

    pub(super) fn note_cancel_refusal(&mut self, response: &Response<'_>) {
        self.cancel_refusal = response.error.map(|error| kept(error.message));
    }

    pub(super) fn refuse(&mut self, error: Option<(i64, Box<str>)>) {
        self.note_answered();
        self.refusal_code = error.as_ref().map(|(code, _)| *code);
        if self.reason.is_none() {
            self.reason = error.map(|(_, message)| message);
        }
        if !self.state.is_from_events() {
            self.state = OrderState::Rejected;
            self.is_refused_by_reply = true;
            self.doubt = None;
        }
    }

    /// Returns whether the venue still owes an event: a reply has refused the order, and [the event that reports the
    /// same refusal](crate::protocol::quirks#rejected-twice) has not arrived.
    pub(super) fn owes_rejection(&self) -> bool {
        self.is_refused_by_reply && self.refusal_code == Some(REJECTED_TWICE) && self.age == Age::default()
    }

    /// Call this when the request that places the order has a reply, or will get none. If an earlier answer did not
    /// find the order, undoes this answer: the venue may have received the request after the question.
    fn note_answered(&mut self) {
        self.answered = true;
        if self.is_absent {
            self.revive();
        }
    }

    /// Undoes an answer that did not find the order, and a reply that refused it: the venue may have the order.
    fn revive(&mut self) {
        if core::mem::take(&mut self.is_absent) {
            self.reason = None;
        }
        if core::mem::take(&mut self.is_refused_by_reply) {
            self.state = OrderState::Acknowledged;
        }
    }

    fn go(&mut self, state: OrderState) {
        if state.rank() > self.state.rank() {
            self.state = state;
        }
    }

    /// `is_listed` says whether the event is an element of a list of open orders, and `continues` whether later events
    /// about the order are expected over `link`. If they are not, the order may have ended without a report, so the
    /// event does not resolve a doubt by showing that the order is open.
    pub(super) fn update(
        &mut self,
        update: &OrderUpdate<'_>,
        link: Option<LinkId>,
        age: Age,
        now: Moment,
        (is_listed, continues): (bool, bool),
    ) -> Accounted {
        let is_first = !self.state.is_from_events() || self.is_refused_by_reply;
        let is_late = self.is_late(update);
        let is_behind = match is_listed {
            // The time in a row may be that of the order instead of that of the row. So a row about an order in doubt
            // is late only if an event over another link is newer.
            true => is_late && (!self.needs_reconciling() || self.has_outrun(update, link)),
            false => is_late || (update.status == OrderStatus::New && !is_first),
        };
        self.revive();
        self.fill_in(update, is_behind);
        if self.link != link {
            self.note_link(link);
        }
        self.observed = now;
        if !is_late {
            self.age = age;
        }
        if self.first_event == Moment::BEGINNING {
            self.first_event = now;
        }
        let executed = update.told_executed(self.quantity);
        if let Some(executed) = executed {
            self.reported = Some(self.reported.map_or(executed, |reported| reported.max(executed)));
        }
        let accounted = update.fill.map_or(Accounted::None, |fill| self.account(&fill, update.event_time));
        if accounted == Accounted::Unaccountable {
            self.unaccountable = self.unaccountable.saturating_add(1);
        }
        self.advance(update, executed, is_behind, now);
        if update.status == OrderStatus::New && is_first {
            // `NEW` is the first event of an order, so nothing before it can be missing.
            self.begun = update.event_time;
            self.doubt = self.doubt.filter(|_| !continues);
        } else if is_first && !is_from_the_beginning(update.status, executed) {
            self.raise(StaleReason::NotSubscribed, now);
        }
        self.resolve_doubt(update.status, executed);
        self.check_sums(now);
        if self.is_open() && !is_listed && self.note_figure(executed, update.event_time) {
            self.raise(StaleReason::Executions, now);
        }
        if accounted == Accounted::New {
            self.settled = None;
            if self.explained.0.is_some() && self.is_open() {
                // It is unknown whether the last answer includes this fill.
                self.raise(StaleReason::Executions, now);
            }
        }
        accounted
    }

    fn is_late(&self, update: &OrderUpdate<'_>) -> bool {
        update.event_time.zip(self.age.event_time).is_some_and(|(told, newest)| told < newest)
    }

    /// Stores the terms in an event. If `is_behind`, the event is older than another: stores only unknown terms.
    fn fill_in(&mut self, update: &OrderUpdate<'_>, is_behind: bool) {
        let newest = |known: Option<Decimal>, told: Option<Decimal>| match is_behind {
            true => known.or(told),
            false => told.or(known),
        };
        self.order_id = Some(update.order_id).filter(|id| *id != 0).or(self.order_id);
        if self.client_order_id.is_none() {
            let id = update.client_order_id.map(|id| id.to_string());
            self.client_order_id = id.filter(|id| id.len() <= TEXT_MAX).map(Into::into);
        }
        self.symbol = self.symbol.or_else(|| update.symbol.parse().ok());
        self.side = self.side.or(update.side);
        self.outcome = self.outcome.or_else(|| told_outcome(update));
        if self.order_type.is_none() {
            self.order_type = update.order_type.map(kept);
        }
        self.price = newest(self.price, self.told_price(update));
        self.stop_price = newest(self.stop_price, told_stop_price(update));
        self.quantity = newest(self.quantity, update.quantity);
        if let Some(reason) = update.reason {
            let is_about_cancel = update.status == OrderStatus::CancelRejected;
            let place = if is_about_cancel { &mut self.cancel_refusal } else { &mut self.reason };
            if place.is_none() || !is_behind {
                *place = Some(kept(reason));
            }
        }
    }

    fn advance(&mut self, update: &OrderUpdate<'_>, executed: Option<Decimal>, is_behind: bool, now: Moment) {
        let has_executed = executed.is_some_and(|done| !done.is_zero());
        let state = match update.status {
            OrderStatus::New => OrderState::New,
            OrderStatus::Open => OrderState::Open,
            OrderStatus::PartiallyFilled => OrderState::PartiallyFilled,
            OrderStatus::Initial if has_executed => OrderState::PartiallyFilled,
            OrderStatus::Initial => OrderState::Open,
            OrderStatus::Filled => OrderState::Filled,
            OrderStatus::Canceled => OrderState::Canceled,
            OrderStatus::Rejected => OrderState::Rejected,
            // The event before this one says how the order ended, but the filter may leave that event out.
            OrderStatus::Closed => match update.event.and_then(|event| event.is_cancelled) {
                Some(true) => OrderState::Canceled,
                Some(false) if has_executed && executed >= self.quantity && self.quantity.is_some() => {
                    OrderState::Filled
                }
                _ => OrderState::Closed,
            },
            OrderStatus::CancelRejected => {
                self.cancel_accepted &= is_behind;
                // The venue may have refused the cancel because the order has ended.
                if self.is_open() {
                    self.raise(StaleReason::NotFound, now);
                }
                OrderState::New
            }
            OrderStatus::Modified | OrderStatus::Other(_) => {
                self.is_modified |= update.status == OrderStatus::Modified;
                if self.is_open() {
                    self.raise(StaleReason::UnknownStatus, now);
                }
                OrderState::New
            }
        };
        let is_in_book = matches!(state, OrderState::Open | OrderState::PartiallyFilled);
        if is_in_book && self.is_open() && !is_behind {
            // The venue uses both statuses for a partly executed order in the book.
            self.state = state;
        } else {
            self.go(state);
        }
    }

    fn resolve_doubt(&mut self, status: OrderStatus<'_>, executed: Option<Decimal>) {
        let is_whole = match status {
            OrderStatus::Filled => self.quantity == Some(self.filled),
            OrderStatus::Canceled | OrderStatus::Closed => executed == Some(self.filled),
            OrderStatus::Rejected => self.filled.is_zero(),
            _ => false,
        };
        if is_whole && self.discrepancy().is_none() && self.unaccountable == self.explained.1 {
            self.doubt = None;
        }
    }

    fn check_sums(&mut self, now: Moment) {
        let found = (self.discrepancy(), self.unaccountable);
        if self.state == OrderState::Filled && self.told_executed().is_none() {
            return self.raise(StaleReason::Executions, now);
        }
        if found != self.explained
            && found != (None, 0)
            && !(found.0.is_none() && found.1 == self.explained.1)
        {
            self.raise(StaleReason::Executions, now);
        }
    }

    fn account(&mut self, fill: &Fill<'_>, event_time: Option<Timestamp>) -> Accounted {
        let (Some(trade_id), Some(price), Some(quantity)) = (fill.trade_id, fill.price, fill.quantity) else {
            return Accounted::Unaccountable;
        };
        if let Some(known) = self.places.get(&trade_id).and_then(|place| self.fills.get(*place)) {
            let is_same = (known.price, known.quantity) == (price, quantity) && known.is_of(event_time);
            return if is_same { Accounted::Repeated } else { Accounted::Unaccountable };
        }
        let Some(filled) = self.filled.checked_add(quantity).filter(|_| self.fills.len() < FILLS_MAX) else {
            return Accounted::Unaccountable;
        };
        self.filled = filled;
        self.places.insert(trade_id, self.fills.len());
        self.value.add(price, quantity);
        self.fills.push(OrderFill::new(trade_id, price, quantity, fill, event_time));
        Accounted::New
    }
}

/// Returns whether the first received event about an order shows that no earlier event is missing.
fn is_from_the_beginning(status: OrderStatus<'_>, executed: Option<Decimal>) -> bool {
    match status {
        OrderStatus::New | OrderStatus::Rejected => true,
        OrderStatus::Open => executed.is_none_or(|executed| executed.is_zero()),
        _ => executed.is_some(),
    }
}
