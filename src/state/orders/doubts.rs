//! How the doubts of [`Orders`] end, and how the application puts an order in doubt or removes an order in doubt.

use alloc::collections::BTreeSet;

use crate::state::order::Order;
use crate::state::orders::Orders;
use crate::state::reconciling::{OrderRef, Reconciled};
use crate::state::truth::{Moment, StaleReason};

impl Orders {
    /// Applies the venue's answer about an order in doubt. `found` is `None` if the venue does not have the order.
    /// `asked` is the [`moment`](Orders::moment) before the question.
    ///
    /// An answer is outdated if, after `asked`, the doubt was raised, an event about the order was applied, a stream
    /// of orders was subscribed, or a report may have been lost. The answer is not used if
    ///
    /// - the order is unknown or not in doubt,
    /// - the answer is outdated, and it is either `None` or has a state that is not final,
    /// - the answer has a state that is not final, but a report has shown the end of the order, or an executed
    ///   quantity that is larger than that of the answer: REST may lag behind the streams. Exception: the answer is
    ///   used if reports contradict each other about the end or about the executed quantity,
    /// - the answer has a final state, but an executed quantity that is less than the sum of the fills. Exception:
    ///   the answer is used if it is not outdated and the fills may be wrong, for example because they exceed the
    ///   ordered quantity,
    /// - the answer contradicts the known ids, the instrument or the side of the order,
    /// - the answer names another ordered quantity or limit price than is known, or, for an order of another client,
    ///   another client order id. Exception: the answer is used if an earlier answer, to a question asked after the
    ///   doubt was raised, had the same quantity, price and client order id, and was applied before `asked`. Prices
    ///   of market orders, and of orders for an outcome of a prediction market, are not compared,
    /// - the answer contradicts itself: the order is open and has executed the ordered quantity or more, or the order
    ///   is filled and has executed less, or the venue's id is 0,
    /// - the answer is `None`, but the venue's id of the order is known or an event has reported the order.
    ///
    /// Returns whether the answer resolved the doubt. If no subscribed stream reports the order, and the order is
    /// open or the venue does not have it, the order is in doubt again at once. Ask again while
    /// [`to_reconcile`](Orders::to_reconcile) returns the order.
    ///
    /// If a link was lost, the venue may receive the request of an order some seconds later. So wait some seconds
    /// before you ask. If the venue receives the order after the answer `None`, events reopen the order.
    ///
    /// Several orders may have one client order id, so the answer may be about the order of another request, or about
    /// an order that was known before the order in doubt was sent. Such an answer is not used if the order in doubt
    /// already has an id of the venue, or if `of` is an [`OrderId`](OrderRef::OrderId) or
    /// [`Listed`](OrderRef::Listed). Otherwise the answer `None` is applied to the order in doubt.
    ///
    /// ```
    /// use gemini_ws::{Endpoint, Event, OrderState, Orders, Reconciled, Replay, Scratch, Topic};
    ///
    /// let frame = r#"{"e":"orderUpdate","E":4,"s":"BTCUSD","i":77,"S":"BUY","X":"OPEN","q":"2","T":4}"#;
    /// let mut scratch = Scratch::new();
    /// let mut orders = Orders::new();
    /// orders.apply(&Replay::new(Endpoint::Streams).event(frame, &mut scratch).unwrap().unwrap());
    /// orders.apply(&Event::Overflow { topic: Topic::Orders, symbol: None, dropped: 1 });
    /// assert_eq!(orders.to_reconcile().count(), 1);
    ///
    /// let asked = orders.moment();
    /// let found = Reconciled::new(77, OrderState::Canceled, "0".parse().unwrap());
    /// assert!(orders.reconcile(77, Some(found), asked));
    /// assert_eq!(orders.get(77).unwrap().state, OrderState::Canceled);
    /// ```
    pub fn reconcile<'a>(
        &mut self,
        of: impl Into<OrderRef<'a>>,
        found: Option<Reconciled>,
        asked: Moment,
    ) -> bool {
        self.index.forget_changes();
        self.followed.step();
        let of = of.into();
        let Some(key) = self.doubtful_key(of, found.as_ref()) else { return false };
        self.index.renew_doubt(key);
        let is_unnamed = self.index.get(key).is_some_and(|order| order.order_id.is_none());
        let (key, found) = match found {
            Some(found) if self.is_of_another_request(key, found.order_id) => {
                if !is_unnamed || matches!(of, OrderRef::OrderId(_) | OrderRef::Listed { .. }) {
                    return false;
                }
                // The venue has no order of this request.
                (key, None)
            }
            Some(found) if !self.has_terms(key, &found, of, asked) => return false,
            Some(found) if !self.attach(key, found.order_id, false) => return false,
            Some(found) => {
                let key = self.index.by_order_id(found.order_id).unwrap_or(key);
                self.recall_cancels(key, found.order_id, Some(asked));
                (key, Some(found))
            }
            None => (key, None),
        };
        // After two entries were merged, the remaining entry may already be free of doubt.
        let is_settled = !self.index.doubtful().contains(&key);
        let (now, lost) = (self.moment(), self.followed.lost());
        let now_settled = self.index.change(key, now, |order| order.reconcile(found.as_ref(), asked, lost));
        if now_settled == Some(true) {
            self.take_name(key, found.as_ref());
        }
        self.doubt_unfollowed(key);
        is_settled || now_settled == Some(true)
    }

    /// Gives an order the client order id in the venue's answer, if the order has none. Has no effect if an order
    /// without an id of the venue has the same client order id: the next event shows whether the two are one order.
    fn take_name(&mut self, key: u64, found: Option<&Reconciled>) {
        let Some(id) = found.and_then(|found| found.client_order_id) else { return };
        let is_free = self.index.unnamed(id.as_str()).is_none();
        let is_unnamed = self.index.get(key).is_some_and(|order| order.client_order_id.is_none());
        if is_free && is_unnamed {
            let now = self.moment();
            self.index.change(key, now, |order| order.client_order_id = Some(id.as_str().into()));
            self.index.name(key);
        }
    }

    /// Adds an open order that only REST lists, such as an order of an earlier run of the program. `found` is the row
    /// of the order in the venue's list, and `asked` is the [`moment`](Orders::moment) before the question. Returns
    /// whether the order was added.
    ///
    /// Does not add an order that has ended, or may be known already: [`reconcile`](Orders::reconcile) applies the
    /// row to a known order. Does not use a row that contradicts itself. Adds no order if
    /// [`FOREIGN_ORDERS_MAX`](crate::FOREIGN_ORDERS_MAX) is reached.
    ///
    /// The order is in doubt if no subscribed stream reports it, or if the row is outdated, as described at
    /// [`reconcile`](Orders::reconcile). It is also in doubt if, after `asked`, [`forget`](Orders::forget) has
    /// removed an order or a finished order was dropped ([`FINISHED_ORDERS_MAX`](crate::FINISHED_ORDERS_MAX)).
    /// A reply to a request that cancels the order is applied to the order even if the reply came before
    /// `add_listed`. Only the newest 128 such replies are kept; the order is in doubt too if one that came after
    /// `asked` was dropped. Executions before the answer are not among the fills of the order.
    ///
    /// ```
    /// use gemini_ws::{OpenOrdersQuestion, Orders, RestQuestion};
    ///
    /// let mut orders = Orders::new();
    /// let asked = orders.moment();
    /// // … send the question, and receive status and body …
    /// let body = r#"[{"order_id":77,"symbol":"btcusd","side":"buy","is_live":true,"executed_amount":"0.5"}]"#;
    /// for open in &OpenOrdersQuestion.answer(200, body)? {
    ///     if !orders.reconcile(open, Some(open.found), asked) {
    ///         orders.add_listed(open, open.found, asked);
    ///     }
    /// }
    /// let order = orders.get(77).unwrap();
    /// assert_eq!(order.executed().to_string(), "0.5");
    /// assert!(order.needs_reconciling(), "no stream of orders is subscribed");
    /// # Ok::<(), gemini_ws::RestError>(())
    /// ```
    pub fn add_listed<'a>(&mut self, of: impl Into<OrderRef<'a>>, found: Reconciled, asked: Moment) -> bool {
        self.index.forget_changes();
        self.followed.step();
        let client_order_id = match of.into() {
            OrderRef::Listed { client_order_id, .. } | OrderRef::ClientOrderId(client_order_id) => {
                Some(client_order_id)
            }
            OrderRef::OrderId(_) | OrderRef::Request(_) => {
                found.client_order_id.as_ref().map(|id| id.as_str())
            }
        };
        let may_be = |key: &u64| {
            let order = self.index.get(*key).filter(|order| order.may_change());
            order.is_some_and(|order| !order.contradicts_answer(&found, client_order_id))
        };
        let unnamed = client_order_id.and_then(|id| self.index.unnamed(id));
        let may_be_known = unnamed.is_some_and(|unnamed| unnamed.sets().into_iter().flatten().any(may_be));
        let is_known = may_be_known || self.index.by_order_id(found.order_id).is_some();
        if found.state.is_final() || found.is_impossible(None) || is_known {
            return false;
        }
        if !self.has_room() {
            self.untracked = self.untracked.saturating_add(1);
            return false;
        }
        let forgotten = self.forgotten.max(self.index.dropped()).max(self.early.dropped());
        let (now, lost) = (self.moment(), self.followed.lost().max(forgotten));
        let is_forgotten = forgotten > self.followed.lost();
        let reason = if is_forgotten { StaleReason::NotFound } else { self.followed.reason() };
        let key = self.index.insert(Order::listed(&found, client_order_id, (reason, now)));
        self.index.change(key, now, |order| order.reconcile(Some(&found), asked, lost));
        self.recall_cancels(key, found.order_id, Some(asked));
        self.doubt_unfollowed(key);
        true
    }

    /// Applies the replies to cancel requests that came while an order was unknown. The order has just become known:
    /// from an event, from the reply that accepts the order, or from an answer to a question asked at `asked`. A
    /// reply that does not confirm the cancel puts the order in doubt only if it came after `asked`: it may show that
    /// the answer is outdated.
    pub(super) fn recall_cancels(&mut self, key: u64, order_id: u64, asked: Option<Moment>) {
        let now = self.moment();
        for (at, doubt) in self.early.take(order_id) {
            self.index.change(key, now, |order| match doubt {
                None => order.accept_cancel(at),
                Some(reason) if asked.is_some_and(|asked| asked < at) => order.raise(reason, now),
                Some(_) => {}
            });
        }
    }

    /// Puts an order in doubt, with the reason [`StaleReason::Overdue`], if the venue owes an event about the order
    /// ([`Order::awaited`](crate::Order::awaited)). Has no effect on other orders.
    ///
    /// Call `doubt_overdue` when the application has waited long enough for the event. An event that shows that no
    /// report is missing, or [`reconcile`](Orders::reconcile), resolves the doubt.
    ///
    /// ```
    /// use gemini_ws::Orders;
    ///
    /// let mut orders = Orders::new();
    /// orders.doubt_overdue("never-sent");
    /// assert_eq!(orders.to_reconcile().count(), 0);
    /// ```
    pub fn doubt_overdue<'a>(&mut self, of: impl Into<OrderRef<'a>>) {
        self.index.forget_changes();
        self.followed.step();
        let now = self.moment();
        if let Some(key) = self.key(of.into()) {
            self.index.change(key, now, |order| {
                if order.awaited().is_some() {
                    order.raise(StaleReason::Overdue, now);
                }
            });
        }
    }

    /// Removes an order in doubt, and returns the order. Returns `None`, without effect, if the order is unknown or
    /// not in doubt.
    ///
    /// If the venue does not find an order, [`reconcile`](Orders::reconcile) with `None` resolves the doubt only if
    /// the venue's id of the order is unknown and no event has reported the order. For other orders that the venue
    /// does not find, call `forget`. The fills of the order remain in [`traded`](Orders::traded). A later event about
    /// the order adds the order again. If the event repeats a fill, `traded` then includes the fill twice.
    ///
    /// ```
    /// use gemini_ws::{Endpoint, Event, Orders, Replay, Scratch, Topic};
    ///
    /// let frame = r#"{"e":"orderUpdate","E":4,"s":"BTCUSD","i":77,"S":"BUY","X":"OPEN","q":"2","T":4}"#;
    /// let mut scratch = Scratch::new();
    /// let mut orders = Orders::new();
    /// orders.apply(&Replay::new(Endpoint::Streams).event(frame, &mut scratch).unwrap().unwrap());
    /// assert!(orders.forget(77).is_none(), "it is not in doubt");
    ///
    /// orders.apply(&Event::Overflow { topic: Topic::Orders, symbol: None, dropped: 1 });
    /// let asked = orders.moment();
    /// assert!(!orders.reconcile(77, None, asked), "an event has shown that it exists");
    /// assert_eq!(orders.forget(77).unwrap().order_id, Some(77));
    /// assert_eq!(orders.iter().count(), 0);
    /// ```
    pub fn forget<'a>(&mut self, of: impl Into<OrderRef<'a>>) -> Option<Order> {
        self.index.forget_changes();
        self.followed.step();
        let key = self.key(of.into()).filter(|key| self.index.doubtful().contains(key))?;
        self.forgotten = self.moment();
        self.index.remove(key)
    }

    /// Returns the key of the order in doubt that an answer is about. If `of` has a client order id, this is the
    /// first of these that exists:
    ///
    /// - The order with the venue's id in the answer, if it also has the client order id.
    /// - The newest order that has the client order id and no venue's id.
    /// - The order with the venue's id in the answer.
    fn doubtful_key(&self, of: OrderRef<'_>, found: Option<&Reconciled>) -> Option<u64> {
        let is_doubtful = |key: &u64| self.index.doubtful().contains(key);
        let (OrderRef::ClientOrderId(id) | OrderRef::Listed { client_order_id: id, .. }) = of else {
            return self.key(of).filter(is_doubtful);
        };
        let known = found.and_then(|found| self.index.by_order_id(found.order_id));
        let is_of_client = |key: &u64| {
            self.index.get(*key).is_some_and(|order| order.client_order_id.as_deref() == Some(id))
        };
        let newest = |set: &BTreeSet<u64>| set.iter().rev().copied().find(is_doubtful);
        let unnamed = || {
            // The certain orders are not in doubt.
            let [_, doubtful, ended] = self.index.unnamed(id)?.sets();
            newest(doubtful).max(newest(ended))
        };
        let found = known.filter(is_doubtful).filter(is_of_client).or_else(unnamed);
        found.or(known.filter(is_doubtful))
    }

    fn is_of_another_request(&self, key: u64, order_id: u64) -> bool {
        let other = self.index.by_order_id(order_id).filter(|other| *other != key);
        let both = self.index.get(key).zip(other.and_then(|other| self.index.get(other)));
        both.is_some_and(|(own, other)| own.is_of_another_request(other))
    }

    /// Returns whether the terms in an answer can be those of the order `key`. If another order has the venue's id in
    /// the answer, they must be those of that order too. `asked` is the moment of the question.
    fn has_terms(&mut self, key: u64, found: &Reconciled, of: OrderRef<'_>, asked: Moment) -> bool {
        let client_order_id = match of {
            OrderRef::Listed { client_order_id, .. } => Some(client_order_id),
            _ => found.client_order_id.as_ref().map(|id| id.as_str()),
        };
        let known = self.index.by_order_id(found.order_id).filter(|known| *known != key);
        let known = known.and_then(|known| self.index.get(known));
        let of_key = self.index.get(key);
        let is_other = known.is_some_and(|order| order.has_other_terms(found, client_order_id))
            || known.into_iter().chain(of_key).any(|order| order.contradicts_answer(found, client_order_id));
        let now = self.moment();
        let note = |order: &mut Order| order.note_answer(found, client_order_id, asked, now);
        !is_other && self.index.change(key, now, note) == Some(true)
    }
}
