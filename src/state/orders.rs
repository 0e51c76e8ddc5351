//! [`Orders`]: the orders of an account, from requests, replies and events in any sequence.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::event::source::Source;
use crate::event::{Event, RequestOutcome};
use crate::message::{OrderStatus, OrderUpdate};
use crate::request::Subject;
use crate::request::new_order::NewOrder;
use crate::request::stream::{Stream, Topic};
use crate::state::changes::OrderChanges;
use crate::state::fill::Accounted;
use crate::state::followed::Followed;
use crate::state::order::Order;
use crate::state::order_index::OrderIndex;
use crate::state::order_state::OrderState;
use crate::state::reconciling::{OrderRef, Reconciled};
use crate::state::sums::Traded;
use crate::state::truth::{Age, Moment, StaleReason};
use crate::value::id::{LinkId, RequestId};

/// The number of orders, open or in doubt, at which [`Orders`] stops adding orders of other clients. `Orders` always
/// adds the orders that this client sends. [`Orders::untracked`] counts the events about orders that were not added.
pub const FOREIGN_ORDERS_MAX: usize = 100_000;

/// The orders of an account or a session.
///
/// Pass every event to [`apply`](Orders::apply), which ignores events that do not concern orders. An order of this
/// client is known from [`Event::Requested`] on, before the venue reports the order.
///
/// - The reply may come before or after the events of an order. If the reply contradicts the events, the events
///   decide. If both a reply and an event refuse an order, `Orders` contains one order for both.
/// - Each fill is counted once, by its trade id.
/// - If a request got no reply and no event has reported its order, the order is
///   [`OrderState::Unknown`](crate::OrderState::Unknown). The client never sends the order again.
///   [`Orders::to_reconcile`] returns the orders to ask the venue about.
/// - If a report about an order may be missing, the order is in doubt, with a reason. [`Orders::reconcile`] resolves
///   the doubt with an answer of the venue. An event also resolves the doubt if the event shows that no report is
///   missing: for example the end of an order with an executed quantity that equals the sum of the fills.
///
/// ```
/// use gemini_ws::{Endpoint, OrderState, Orders, Replay, Scratch};
///
/// let mut orders = Orders::new();
/// let (mut replay, mut scratch) = (Replay::new(Endpoint::Streams), Scratch::new());
/// for frame in [
///     r#"{"e":"orderUpdate","E":4,"s":"BTCUSD","i":90071992547409931,"c":"a1","S":"BUY","X":"NEW","q":"2","T":4}"#,
///     r#"{"e":"orderUpdate","E":5,"s":"BTCUSD","i":90071992547409931,"c":"a1","X":"PARTIALLY_FILLED","q":"2","Z":"0.5","L":"99.50","t":7,"T":5}"#,
/// ] {
///     let event = replay.event(frame, &mut scratch).unwrap().unwrap();
///     let change = orders.apply(&event).next().unwrap();
///     assert!(change.before.is_none_or(|before| before.state == OrderState::New));
///     orders.apply(&event); // Delivered twice, counted once.
/// }
/// let order = orders.get("a1").unwrap();
/// assert_eq!((order.state, order.executed()), (OrderState::PartiallyFilled, "0.5".parse().unwrap()));
/// assert_eq!(order.executed_value().unwrap().to_string(), "49.75");
/// assert_eq!(orders.traded("btcusd").net().unwrap().to_string(), "0.5");
/// ```
#[derive(Clone, Debug)]
pub struct Orders {
    index: OrderIndex,
    followed: Followed,
    repeated_fills: u64,
    contradictions: u64,
    untracked: u64,
}

// ---- inputs --------------------------------------------------------------------------------------

impl Orders {
    /// Creates a collection without orders.
    pub const fn new() -> Orders {
        Orders {
            index: OrderIndex::new(),
            followed: Followed::new(),
            repeated_fills: 0,
            contradictions: 0,
            untracked: 0,
        }
    }

    /// Applies an event, or each part of a [`Batch`](crate::Batch). Returns the changes: each order before and after,
    /// with its new fill.
    pub fn apply(&mut self, event: &Event<'_>) -> OrderChanges<'_> {
        self.index.forget_changes();
        if matches!(event, Event::Batch(..)) {
            self.apply_batch(event);
        } else {
            self.apply_one(event);
        }
        let (orders, changes) = self.index.changes();
        OrderChanges::new(orders, changes)
    }

    fn apply_batch(&mut self, event: &Event<'_>) {
        let before = self.moment();
        let is_list = matches!(event, Event::Batch(batch, _) if batch.lists_open_orders());
        for part in event.parts() {
            self.apply_one(&part);
            if let (Event::Order(update, _), true) = (&part, is_list) {
                self.confirm_listed(update);
            }
        }
        if is_list {
            // Orders that the list does not contain may have ended without an event.
            let link = event.source().and_then(|source| source.link());
            self.doubt_where(StaleReason::NotFound, |order| {
                order.is_seen() && order.is_at(link) && order.observed() <= before
            });
        }
    }

    fn apply_one(&mut self, event: &Event<'_>) {
        self.followed.step();
        match event {
            Event::Order(update, source) => self.update(update, source),
            Event::Requested { link, request, about: Subject::PlaceOrder(order) } => {
                self.send(order, *request, *link);
            }
            Event::Reply { request, about: Subject::PlaceOrder(_), outcome, .. } => {
                self.reply(*request, outcome)
            }
            Event::Reply { about: Subject::CancelOrder(id), outcome, .. } => self.cancel_reply(*id, outcome),
            Event::Reply {
                link,
                about: Subject::CancelAllOrders | Subject::CancelSessionOrders,
                outcome,
                ..
            } => {
                let is_open = match outcome {
                    RequestOutcome::Answered(response) => response.is_internal_error(),
                    RequestOutcome::TimedOut | RequestOutcome::Lost => true,
                    RequestOutcome::NotSent => false,
                };
                if is_open {
                    // An earlier answer does not resolve the doubts that exist already, either.
                    self.followed.note_loss();
                    self.doubt_where(StaleReason::Unanswered, |order| order.is_at(Some(*link)));
                }
            }
            Event::Subscribed { link, stream: stream @ Stream::Orders { .. }, .. } => {
                self.follow(*link, stream)
            }
            Event::SubscriptionAck(_, source) => {
                let account = Stream::Orders { scope: crate::request::stream::Scope::Account };
                source.link().into_iter().for_each(|link| self.follow(link, &account));
            }
            event => self.lose(event),
        }
    }

    /// Notes that a link reports orders from now on.
    fn follow(&mut self, link: LinkId, stream: &Stream) {
        if self.followed.begin(link, stream) {
            self.doubt_where(StaleReason::Disconnected, |order| order.is_at(Some(link)));
        }
    }

    fn lose(&mut self, event: &Event<'_>) {
        let Some(hit) = self.followed.lose(event, Topic::Orders) else { return };
        self.doubt_where(hit.reason(), |order| hit.is_about(order.links()));
    }

    /// Raises a doubt about an order that may still change if no subscribed stream reports it. A late event of a
    /// stream that has ended does not show what happened since.
    fn doubt_unfollowed(&mut self, key: u64) {
        let is_certain = |order: &&Order| order.may_change() && !order.needs_reconciling();
        let certain = self.index.get(key).filter(is_certain);
        if certain.is_some_and(|order| !self.followed.tells_of(order.links())) {
            let now = self.moment();
            self.index.change(key, now, |order| order.raise(StaleReason::NotSubscribed, now));
        }
    }

    /// Raises a doubt about those orders that may still change, are not in doubt, and meet a condition.
    fn doubt_where(&mut self, reason: StaleReason, concerns: impl Fn(&Order) -> bool) {
        let now = self.moment();
        let keys: Vec<u64> = self.index.certain().iter().copied().collect();
        for key in keys {
            if self.index.get(key).is_some_and(&concerns) {
                self.index.change(key, now, |order| order.raise(reason, now));
            }
        }
    }
}

// ---- requests and replies ------------------------------------------------------------------------

impl Orders {
    fn send(&mut self, order: &NewOrder, request: RequestId, link: LinkId) {
        let key = self.index.insert(Order::sent(order, request, link));
        self.doubt_unfollowed(key);
    }

    fn reply(&mut self, request: RequestId, outcome: &RequestOutcome<'_>) {
        let Some(key) = self.index.by_request(request) else { return };
        if self.index.get(key).is_none_or(Order::is_answered) {
            return;
        }
        let now = self.moment();
        match outcome {
            RequestOutcome::Answered(response) if response.is_ok() => {
                self.index.change(key, now, Order::acknowledge);
                if let Some(id) = response.order_id().ok().flatten() {
                    self.attach(key, id, true);
                }
            }
            RequestOutcome::Answered(response) => {
                self.index.change(key, now, |order| order.refuse_by(response, now));
            }
            RequestOutcome::TimedOut | RequestOutcome::Lost => {
                self.index.change(key, now, |order| order.lose(now));
            }
            RequestOutcome::NotSent => {
                let reason = (0, "the link ended before it was sent".into());
                self.index.change(key, now, |order| order.refuse(Some(reason)));
            }
        }
    }

    /// Applies the reply to a cancel request. If the venue refuses to cancel an order, the order may have ended
    /// without an event; without a reply, it may be cancelled or not.
    fn cancel_reply(&mut self, order_id: u64, outcome: &RequestOutcome<'_>) {
        let Some(key) = self.index.by_order_id(order_id) else { return };
        let now = self.moment();
        self.index.change(key, now, |order| match outcome {
            RequestOutcome::Answered(response) if response.is_ok() => {}
            RequestOutcome::Answered(response) => {
                order.note_cancel_refusal(response.error.map(|error| error.message));
                if order.is_open() && !response.is_over_limit() {
                    order.raise(StaleReason::NotFound, now);
                }
            }
            RequestOutcome::TimedOut | RequestOutcome::Lost if order.is_open() => {
                order.raise(StaleReason::Unanswered, now);
            }
            _ => {}
        });
    }

    /// Gives an order the venue's id. An entry that has the id already is the same order and is merged, unless the
    /// client order ids differ. A reply names the order of its request, even if events were attributed to that
    /// request before.
    fn attach(&mut self, key: u64, order_id: u64, by_reply: bool) -> bool {
        let now = self.moment();
        let Some(order) = self.index.get(key) else { return false };
        let known = order.order_id;
        if known == Some(order_id) {
            return true;
        }
        let other = self.index.by_order_id(order_id);
        if known.is_some() {
            if by_reply && other.is_none() {
                let mine = self.index.change(key, now, |order| order.split(order_id)).flatten();
                if let Some(mine) = mine {
                    let key = self.index.insert(mine);
                    self.contradict(key);
                }
            }
            self.contradict(key);
            other.into_iter().for_each(|other| self.contradict(other));
            return false;
        }
        let Some(other) = other else {
            self.index.change(key, now, |order| order.order_id = Some(order_id));
            self.index.name(key);
            return true;
        };
        let id_of = |key: u64| self.index.get(key).and_then(|order| order.client_order_id.as_deref());
        if id_of(key).zip(id_of(other)).is_some_and(|(one, two)| one != two) {
            self.contradict(key);
            self.contradict(other);
            return false;
        }
        let Some(sent) = self.index.remove(key) else { return false };
        self.index.change(other, now, |order| order.merge(sent, now));
        self.index.name(other);
        true
    }

    /// Notes that two reports contradict each other, and raises a doubt.
    fn contradict(&mut self, key: u64) {
        let now = self.moment();
        self.contradictions = self.contradictions.saturating_add(1);
        self.index.change(key, now, |order| order.raise(StaleReason::Contradiction, now));
    }
}

// ---- events --------------------------------------------------------------------------------------

impl Orders {
    /// Returns the entry that an event is about. Makes one if there is none.
    fn entry(&mut self, update: &OrderUpdate<'_>, link: Option<LinkId>) -> Option<u64> {
        let client_order_id: Option<String> = update.client_order_id.map(|id| id.to_string());
        let is_rejected = update.status == OrderStatus::Rejected;
        let awaited = client_order_id.as_deref().and_then(|id| self.awaited(id, is_rejected));
        // A rejected order may have no id.
        let id = Some(update.order_id).filter(|id| *id != 0);
        if let Some(key) = id.and_then(|id| self.index.by_order_id(id)) {
            let is_unnamed = self.index.get(key).is_some_and(|order| order.client_order_id.is_none());
            if let Some(awaited) = awaited.filter(|_| is_unnamed) {
                self.attach(awaited, update.order_id, false);
            }
            return Some(key);
        }
        if awaited.is_some() {
            return awaited;
        }
        // Without an id no later event, and no answer of the venue, could be about the same order.
        let is_nameless = id.is_none() && update.client_order_id.is_none() && !is_rejected;
        let known = self.index.certain().len().saturating_add(self.index.doubtful().len());
        if is_nameless || known >= FOREIGN_ORDERS_MAX {
            self.untracked = self.untracked.saturating_add(1);
            return None;
        }
        Some(self.index.insert(Order::foreign(id, client_order_id.as_deref(), link)))
    }

    /// Returns the order without an id of the venue that an event with a client order id is about: the oldest that is
    /// open, or the newest for a rejection. Other open ones are put in doubt, as an acceptance may be about them.
    fn awaited(&mut self, id: &str, is_rejected: bool) -> Option<u64> {
        let unseen = |key: &u64| self.index.get(*key).is_some_and(|order| order.order_id.is_none());
        let unseen: Vec<u64> = self.index.by_client_order_id(id).filter(unseen).collect();
        if is_rejected {
            return unseen.last().copied();
        }
        let is_open = |key: &&u64| self.index.get(**key).is_some_and(Order::is_open);
        let found = unseen.iter().find(is_open).or(unseen.first()).copied();
        let others: Vec<u64> =
            unseen.iter().filter(is_open).copied().filter(|key| Some(*key) != found).collect();
        let now = self.moment();
        for key in others {
            self.index.change(key, now, |order| order.raise(StaleReason::Contradiction, now));
        }
        found
    }

    fn update(&mut self, update: &OrderUpdate<'_>, source: &Source<'_>) {
        let link = source.link();
        if self.followed.note(link) {
            self.doubt_where(StaleReason::Disconnected, |order| order.is_at(link));
        }
        let Some(key) = self.entry(update, link) else { return };
        if self.index.get(key).is_some_and(|order| order.contradicts(update, link)) {
            self.contradict(key);
            let other = update.client_order_id.map(|id| id.to_string());
            let other = other.and_then(|id| self.index.by_client_order_id(&id).next_back());
            if let Some(other) = other.filter(|other| *other != key) {
                self.contradict(other);
            }
            return;
        }
        let age = Age { event_time: update.event_time, received: source.received() };
        let now = self.moment();
        let accounted = self.index.change(key, now, |order| order.update(update, link, age, now));
        if accounted == Some(Accounted::Repeated) {
            self.repeated_fills = self.repeated_fills.saturating_add(1);
        }
        self.index.name(key);
        if update.status == OrderStatus::Initial {
            self.confirm_listed(update);
        }
        self.doubt_unfollowed(key);
    }

    /// Treats an order in the venue's list of open orders like an answer to a question.
    fn confirm_listed(&mut self, update: &OrderUpdate<'_>) {
        if let Some(key) = self.index.by_order_id(update.order_id) {
            self.index.change(key, self.moment(), |order| order.confirm_open(update.executed_quantity));
            self.doubt_unfollowed(key);
        }
    }
}

// ---- questions -----------------------------------------------------------------------------------

impl Orders {
    fn key(&self, of: OrderRef<'_>) -> Option<u64> {
        match of {
            OrderRef::OrderId(id) => self.index.by_order_id(id),
            OrderRef::ClientOrderId(id) => self.index.by_client_order_id(id).next_back(),
            OrderRef::Request(request) => self.index.by_request(request),
            OrderRef::Listed { order_id, client_order_id } => {
                let by_client = || self.index.by_client_order_id(client_order_id).next_back();
                self.index.by_order_id(order_id).or_else(by_client)
            }
        }
    }

    /// Returns the order in doubt that an answer is about. Among several with one client order id it is the one with
    /// the venue's id, or the newest that has none.
    fn doubtful_key(&self, of: OrderRef<'_>, found: Option<&Reconciled>) -> Option<u64> {
        let is_doubtful = |key: &u64| self.index.doubtful().contains(key);
        let (OrderRef::ClientOrderId(id) | OrderRef::Listed { client_order_id: id, .. }) = of else {
            return self.key(of).filter(is_doubtful);
        };
        let known = found.and_then(|found| self.index.by_order_id(found.order_id));
        let is_unnamed = |key: &u64| self.index.get(*key).is_some_and(|order| order.order_id.is_none());
        let of_client = || self.index.by_client_order_id(id).rev().filter(is_doubtful);
        let found = of_client().find(|key| Some(*key) == known).or_else(|| of_client().find(is_unnamed));
        found.or(known.filter(is_doubtful))
    }

    /// Returns whether another request placed the order with this id: two orders have one client order id, and the
    /// venue knows one of them.
    fn is_of_another_request(&self, key: u64, order_id: u64) -> bool {
        let request = |key: u64| self.index.get(key).and_then(Order::request);
        let other = self.index.by_order_id(order_id).and_then(request);
        other.zip(request(key)).is_some_and(|(other, own)| other != own)
    }

    /// Returns an order by the venue's id, by the client's id, by both ids, or by the request that placed the order.
    ///
    /// ```
    /// assert!(gemini_ws::Orders::new().get("my-order-1").is_none());
    /// assert!(gemini_ws::Orders::new().get(77).is_none());
    /// ```
    pub fn get<'a>(&self, of: impl Into<OrderRef<'a>>) -> Option<&Order> {
        self.index.get(self.key(of.into())?)
    }

    /// Returns all orders, in the order in which they became known.
    pub fn iter(&self) -> impl Iterator<Item = &Order> {
        self.index.iter()
    }

    /// Returns the orders that have not ended, as far as is known.
    pub fn open(&self) -> impl Iterator<Item = &Order> {
        let keys = self.index.certain().union(self.index.doubtful());
        keys.filter_map(|key| self.index.get(*key)).filter(|order| order.is_open())
    }

    /// Returns the orders in doubt: more may have happened to these orders than was reported. [`Order::doubt`]
    /// returns the reason. For example, the link ended while the order was open, or the request of the order got no
    /// reply.
    ///
    /// Take a [`moment`](Orders::moment), ask the venue about each order
    /// ([`OrderStatusQuestion`](crate::OrderStatusQuestion)), then pass each answer to
    /// [`reconcile`](Orders::reconcile).
    pub fn to_reconcile(&self) -> impl Iterator<Item = &Order> {
        self.index.doubtful().iter().filter_map(|key| self.index.get(*key))
    }

    /// Returns the sums over all counted fills of an instrument. Sums are kept for the first 8,192 instruments.
    pub fn traded(&self, symbol: &str) -> Traded {
        self.index.traded(symbol)
    }

    /// Returns whether a stream of orders is subscribed, or events came from a recording. If no subscribed stream
    /// reports the orders of a link, an order that is sent over the link is in doubt at once.
    pub fn is_followed(&self) -> bool {
        self.followed.is_any()
    }

    /// Returns how many fills were repeated and not counted again.
    pub const fn repeated_fills(&self) -> u64 {
        self.repeated_fills
    }

    /// Returns how many contradictions between reports were found, counted for each order concerned. A contradiction
    /// is, for example, an id that belongs to another order, or a `NEW` after the end of the order. Each
    /// contradiction puts the order concerned in doubt.
    pub const fn contradictions(&self) -> u64 {
        self.contradictions
    }

    /// Returns how many events were about orders that were not added. An unknown order is not added if
    /// [`FOREIGN_ORDERS_MAX`] is reached, or if the event has no id of the order and does not report a rejection.
    pub const fn untracked(&self) -> u64 {
        self.untracked
    }

    /// Returns the current moment. Take it before you ask the venue, and pass it to [`reconcile`](Orders::reconcile).
    pub const fn moment(&self) -> Moment {
        self.followed.moment()
    }

    /// Applies the venue's answer about an order in doubt. The answer is the id, state and executed quantity of the
    /// order, or `None` if the venue does not have the order. `asked` is the [`moment`](Orders::moment) before the
    /// question.
    ///
    /// An answer is outdated if, after `asked`, the doubt was raised, an event about the order was applied, a stream
    /// of orders was subscribed, or a report may have been lost. The answer is not used if
    ///
    /// - the order is unknown or not in doubt,
    /// - the answer is outdated, and is `None` or has a state that is not final,
    /// - the executed quantity of the answer is less than the sum of the fills, and the answer is outdated or has a
    ///   state that is not final,
    /// - the answer contradicts the known ids,
    /// - the answer is `None`, but the venue's id of the order is known or an event has reported the order.
    ///
    /// Returns whether the answer resolved the doubt. If no subscribed stream reports the order, then an open order,
    /// or an order that the venue does not have, is in doubt again at once. Ask again while
    /// [`to_reconcile`](Orders::to_reconcile) returns the order.
    ///
    /// After a lost link, the network may still hold the request of an order: the venue does not have the order yet.
    /// Ask some seconds after the loss. If the order arrives after the answer `None`, its events count again.
    ///
    /// Several requests may have one client order id, and the answer may be about the order of another request. Such
    /// an answer is not used if the order in doubt already has an id of the venue, or if `of` is an
    /// [`OrderId`](OrderRef::OrderId) or [`Listed`](OrderRef::Listed). Otherwise such an answer counts as `None` for
    /// the order in doubt.
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
    /// let found = Reconciled { order_id: 77, state: OrderState::Canceled, executed: "0".parse().unwrap() };
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
        let is_unnamed = self.index.get(key).is_some_and(|order| order.order_id.is_none());
        let (key, found) = match found {
            Some(found) if self.is_of_another_request(key, found.order_id) => {
                if !is_unnamed || matches!(of, OrderRef::OrderId(_) | OrderRef::Listed { .. }) {
                    return false;
                }
                // Asked for this client order id, the venue names the order of another request: it has none of this
                // request.
                (key, None)
            }
            Some(found) if !self.attach(key, found.order_id, false) => return false,
            Some(found) => (self.index.by_order_id(found.order_id).unwrap_or(key), Some(found)),
            None => (key, None),
        };
        // If two entries were merged, the remaining one may not be in doubt.
        let is_settled = !self.index.doubtful().contains(&key);
        let (now, lost) = (self.moment(), self.followed.lost());
        let now_settled = self.index.change(key, now, |order| order.reconcile(found.as_ref(), asked, lost));
        self.doubt_unfollowed(key);
        is_settled || now_settled == Some(true)
    }

    /// Puts an order in doubt that the venue has accepted, but that no event has reported. Call this when the first
    /// event is overdue; the reason of the doubt is [`StaleReason::NothingYet`]. An event or
    /// [`reconcile`](Orders::reconcile) ends the doubt. Has no effect on an order that has had an event, is in doubt,
    /// or is not known.
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
                if order.state == OrderState::Acknowledged && !order.needs_reconciling() {
                    order.raise(StaleReason::NothingYet, now);
                }
            });
        }
    }
}

impl Default for Orders {
    fn default() -> Orders {
        Orders::new()
    }
}
