//! [`Orders`]: the orders of an account, from requests, replies and events in any sequence.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::event::source::Source;
use crate::event::{Event, RequestOutcome, Verdict};
use crate::message::{OrderStatus, OrderUpdate};
use crate::request::Subject;
use crate::request::new_order::NewOrder;
use crate::request::stream::{Stream, Topic};
use crate::state::changes::OrderChanges;
use crate::state::fill::{Accounted, kept};
use crate::state::followed::{Followed, Reach};
use crate::state::order::Order;
use crate::state::order_index::OrderIndex;
use crate::state::orders::early::EarlyCancels;
use crate::state::reconciling::OrderRef;
use crate::state::sums::Traded;
use crate::state::truth::{Age, Moment, StaleReason};
use crate::value::id::{LinkId, RequestId};

mod doubts;
mod early;
mod namesakes;

/// The number of orders, open or in doubt, at which [`Orders`] stops adding orders of other clients. `Orders` always
/// adds the orders that this client sends. [`Orders::untracked`] counts the events about orders that were not added.
pub const FOREIGN_ORDERS_MAX: usize = 100_000;

/// The orders of an account or a session.
///
/// Pass every event to [`apply`](Orders::apply), which ignores events that do not concern orders. An order of this
/// client is known from [`Event::Requested`] on, before the venue reports the order.
///
/// If a client has endpoints of several accounts, keep one `Orders` for each account, because order ids and client
/// order ids are compared without the endpoint. Pass each `Orders` two kinds of events: those whose link (`link`, or
/// the link in the [`source`](crate::Event::source)) belongs to the endpoint of its account, and those that name no
/// link.
///
/// - The reply may come before or after the events of an order. If the reply refuses an order that an event has
///   reported, the order keeps the state from the event. Exception: if another order of this client with the same
///   client order id is open, was sent before the first of these events, and no event has reported it, the events are
///   applied to that order instead. If the ids in a reply and an event contradict each other, the order is in doubt.
/// - If a rejection may be about several orders with one client order id, and one of them has no reply yet, all of
///   them are in doubt. Their replies, or the venue's answers, show which order was rejected.
/// - A fill is added once. `Orders` recognizes a repeated fill by its trade id.
/// - If no reply says whether the venue accepted an order, and no event has reported it, the order is
///   [`OrderState::Unknown`](crate::OrderState::Unknown). The client never sends the order again.
///   [`Orders::to_reconcile`] returns the orders to ask the venue about.
/// - If a report about an order may be missing, the order is in doubt, with a reason. [`Orders::reconcile`] resolves
///   the doubt with an answer of the venue. An event also resolves the doubt if it shows that no report is missing.
/// - If a queue has dropped the [`Event::Requested`] of an order, the reply to the request adds the order, in doubt,
///   unless the reply says that the venue does not have the order.
/// - Request ids of different clients repeat. When a later client uses the id of an earlier client's request, the
///   order that the earlier request placed no longer has a [`request`](Order::request).
/// - A link to order events v1 whose `eventTypeFilter` leaves out `fill` or `closed` does not report every execution
///   or every end of an order. Open orders that only such a link reports are in doubt.
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
    early: EarlyCancels,
    /// When the application last removed an order with `forget`. A list that the venue made earlier may still contain
    /// the order.
    forgotten: Moment,
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
            early: EarlyCancels::new(),
            forgotten: Moment::BEGINNING,
            repeated_fills: 0,
            contradictions: 0,
            untracked: 0,
        }
    }

    /// Applies an event, or each part of a [`Batch`](crate::Batch). Returns the changes of orders: an order is added
    /// or gets a new fill, a member of its [`Known`](crate::Known) changes, or the event shows which request placed
    /// the order. If an event changes an order several times, several changes are returned.
    pub fn apply(&mut self, event: &Event<'_>) -> OrderChanges<'_> {
        self.index.forget_changes();
        if matches!(event, Event::Batch(..)) {
            self.apply_batch(event);
        } else {
            self.apply_one(event, false);
        }
        let (orders, changes) = self.index.changes();
        OrderChanges::new(orders, changes)
    }

    fn apply_batch(&mut self, event: &Event<'_>) {
        let before = self.moment();
        let is_list = matches!(event, Event::Batch(batch, _) if batch.lists_open_orders());
        for part in event.parts() {
            self.apply_one(&part, is_list);
        }
        if is_list {
            // Orders that the list does not contain may have ended without an event. If the list is empty, this is
            // true of all orders.
            self.followed.step();
            self.followed.note_loss(StaleReason::NotFound);
            let link = event.source().and_then(|source| source.link());
            self.doubt_where(StaleReason::NotFound, |order| {
                order.is_seen() && order.is_at(link) && order.observed() <= before
            });
        }
    }

    /// `is_listed` says whether the event is an element of a list of open orders.
    fn apply_one(&mut self, event: &Event<'_>, is_listed: bool) {
        self.followed.step();
        match event {
            Event::Order(update, source) => {
                self.update(update, source, is_listed || update.status == OrderStatus::Initial);
            }
            Event::Requested { link, request, about: Subject::PlaceOrder(order) } => {
                self.send(order, *request, *link);
            }
            Event::Reply { link, request, about: Subject::PlaceOrder(order), outcome } => {
                self.reply(order, *request, *link, outcome)
            }
            Event::Reply { about: Subject::CancelOrder(id), outcome, .. } => self.cancel_reply(*id, outcome),
            Event::Reply { link, request, about: Subject::CancelAllOrders, outcome } => {
                self.cancel_all_reply(*link, *request, false, outcome);
            }
            Event::Reply { link, request, about: Subject::CancelSessionOrders, outcome } => {
                self.cancel_all_reply(*link, *request, true, outcome);
            }
            Event::Subscribed { link, stream: stream @ Stream::Orders { .. }, .. } => {
                let has_missed = self.followed.begin(*link, Reach::of(stream));
                self.doubt_missed(*link, has_missed);
                self.doubt_narrowed();
            }
            Event::SubscriptionAck(ack, source) => {
                if let Some(link) = source.link() {
                    let has_missed = match ack.shows_all() {
                        true if ack.is_of_part => self.followed.begin(link, Reach::Filtered),
                        true => self.followed.begin(link, Reach::Account),
                        false => self.followed.leave(link),
                    };
                    self.doubt_missed(link, has_missed);
                    self.doubt_narrowed();
                }
            }
            event => self.lose(event),
        }
    }

    fn doubt_missed(&mut self, link: LinkId, has_missed: bool) {
        if has_missed {
            self.doubt_where(StaleReason::Disconnected, |order| order.is_at(Some(link)));
        }
    }

    fn lose(&mut self, event: &Event<'_>) {
        let Some(hit) = self.followed.lose(event, Topic::Orders) else { return };
        self.doubt_where(hit.reason(), |order| hit.is_about(order.known_links()));
    }

    /// Puts an order in doubt if it may still change and no subscribed stream reports it. Call this after each event
    /// about the order too: the event may have arrived after the end of its stream.
    fn doubt_unfollowed(&mut self, key: u64) {
        let is_certain = |order: &&Order| order.may_change() && !order.needs_reconciling();
        let certain = self.index.get(key).filter(is_certain);
        if certain.is_some_and(|order| !self.followed.tells_of(order.known_links(), order.sessions())) {
            let now = self.moment();
            self.index.change(key, now, |order| order.raise(StaleReason::NotSubscribed, now));
        }
    }

    /// Puts in doubt each order that no subscribed stream reports. Call this after each confirmation of a
    /// subscription: the confirmation may show that the stream reports fewer orders than before.
    fn doubt_narrowed(&mut self) {
        let keys: Vec<u64> = self.index.certain().iter().copied().collect();
        keys.into_iter().for_each(|key| self.doubt_unfollowed(key));
    }

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
        let key = self.add_own(order, request, link);
        self.doubt_unfollowed(key);
    }

    fn add_own(&mut self, order: &NewOrder, request: RequestId, link: LinkId) -> u64 {
        let now = self.moment();
        if let Some(earlier) = self.index.by_request(request) {
            self.index.change(earlier, now, Order::leave_request);
        }
        self.index.insert(Order::sent(order, request, link, now))
    }

    /// Adds an order whose `Requested` was dropped, unless the reply says that the venue does not have the order.
    /// Events about the order may have been dropped too, so the order is in doubt.
    fn send_unnoticed(
        &mut self,
        order: &NewOrder,
        request: RequestId,
        link: LinkId,
        outcome: &RequestOutcome<'_>,
    ) -> Option<u64> {
        if !outcome.verdict().may_be_accepted() {
            return None;
        }
        let (key, now) = (self.add_own(order, request, link), self.moment());
        self.index.change(key, now, |order| {
            order.note_unnoticed();
            order.raise(StaleReason::Overflow, now);
        });
        Some(key)
    }

    fn reply(&mut self, order: &NewOrder, request: RequestId, link: LinkId, outcome: &RequestOutcome<'_>) {
        // An earlier client may have used the id of the request for another order.
        let is_it = |key: &u64| self.index.get(*key).is_some_and(|known| known.has_sent(order));
        let known = self.index.by_request(request).filter(is_it);
        let key = known.or_else(|| self.send_unnoticed(order, request, link, outcome));
        let Some(key) = key else { return };
        if self.index.get(key).is_none_or(Order::is_answered) {
            return;
        }
        let now = self.moment();
        match outcome.verdict() {
            Verdict::Accepted(response) => {
                self.index.change(key, now, Order::acknowledge);
                if let Some(id) = response.order_id().ok().flatten()
                    && self.attach(key, id, true)
                {
                    self.recall_cancels(key, id, None);
                }
            }
            Verdict::Refused(response) | Verdict::OverLimit(response) => {
                self.refuse(key, response.error.map(|error| (error.code, kept(error.message))));
            }
            Verdict::Unknown => {
                self.index.change(key, now, |order| order.lose(now));
            }
            Verdict::NotSent => {
                let key = self.split_unsent(key);
                self.refuse(key, Some((0, "the link ended before it was sent".into())));
            }
        }
    }

    /// A refusal of a cancel may mean that the order has ended without an event.
    fn cancel_reply(&mut self, order_id: u64, outcome: &RequestOutcome<'_>) {
        let now = self.moment();
        if let Verdict::Accepted(response) = outcome.verdict()
            && let Some(other) = response.order_id().ok().flatten().filter(|id| *id != order_id)
        {
            // The request and the reply name different orders. The venue may have cancelled either of them.
            for key in [order_id, other].map(|id| self.index.by_order_id(id)).into_iter().flatten() {
                self.index.change(key, now, |order| {
                    if order.is_open() {
                        order.raise(StaleReason::Unanswered, now);
                    }
                });
            }
            return;
        }
        let Some(key) = self.index.by_order_id(order_id) else {
            return self.early.note(order_id, &outcome.verdict(), now);
        };
        self.index.change(key, now, |order| match outcome.verdict() {
            Verdict::Accepted(_) => order.accept_cancel(now),
            Verdict::OverLimit(response) => order.note_cancel_refusal(&response),
            Verdict::Refused(response) => {
                order.note_cancel_refusal(&response);
                if order.is_open() {
                    order.raise(StaleReason::NotFound, now);
                }
            }
            Verdict::Unknown if order.is_open() => order.raise(StaleReason::Unanswered, now),
            Verdict::Unknown | Verdict::NotSent => {}
        });
    }

    fn cancel_all_reply(
        &mut self,
        link: LinkId,
        request: RequestId,
        of_session: bool,
        outcome: &RequestOutcome<'_>,
    ) {
        match outcome.verdict() {
            Verdict::Accepted(_) => {
                let now = self.moment();
                let keys: Vec<u64> = self.index.certain().union(self.index.doubtful()).copied().collect();
                for key in keys {
                    let is_covered = self.index.get(key).is_some_and(|order| match order.request() {
                        Some(own) if of_session => own < request && order.link() == Some(link),
                        own => !of_session && own.is_none_or(|own| own < request) && order.is_at(Some(link)),
                    });
                    if is_covered {
                        self.index.change(key, now, |order| order.accept_cancel(now));
                    }
                }
            }
            Verdict::Refused(_) | Verdict::OverLimit(_) | Verdict::NotSent => {}
            Verdict::Unknown => {
                // An answer to an earlier question must not resolve existing doubts either.
                self.followed.note_loss(StaleReason::Unanswered);
                self.doubt_where(StaleReason::Unanswered, |order| order.is_at(Some(link)));
            }
        }
    }

    /// Sets the venue's id of an order. Returns whether the order has the id now.
    ///
    /// - If another entry has this id, merges the two entries. If the two cannot be one order, puts both in doubt
    ///   instead.
    /// - If the order has a different id already, puts in doubt the order and an entry that has the new id. If a
    ///   reply has named the new id, and no entry has it, the earlier id came from events about an order of another
    ///   client. Then the order of the request gets an entry of its own.
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
        let both = self.index.get(key).zip(self.index.get(other));
        if both.is_some_and(|(one, two)| one.is_other_than(two)) {
            self.contradict(key);
            self.contradict(other);
            return false;
        }
        let Some(sent) = self.index.remove(key) else { return false };
        self.index.change(other, now, |order| order.merge(sent, now));
        self.index.name(other);
        true
    }

    fn contradict(&mut self, key: u64) {
        let now = self.moment();
        self.contradictions = self.contradictions.saturating_add(1);
        self.index.change(key, now, |order| order.raise(StaleReason::Contradiction, now));
    }
}

// ---- events --------------------------------------------------------------------------------------

impl Orders {
    /// Returns the key of the entry that an event is about, or adds an entry. Returns `None` if no entry can be
    /// added, or if the event is a rejection that may be about several orders ([`Orders::share_rejection`]).
    fn entry(&mut self, update: &OrderUpdate<'_>, link: Option<LinkId>) -> Option<u64> {
        // A rejected order may have no id.
        let id = Some(update.order_id).filter(|id| *id != 0);
        let client_order_id: Option<String> = update.client_order_id.map(|id| id.to_string());
        let known = id.and_then(|id| self.index.by_order_id(id));
        let named =
            known.and_then(|key| self.index.get(key)).and_then(|order| order.client_order_id.as_deref());
        if named.is_some() && named == client_order_id.as_deref() {
            // So the event is about no other order with this client order id.
            return known;
        }
        let is_rejected = update.status == OrderStatus::Rejected;
        if is_rejected && client_order_id.as_deref().is_some_and(|id| self.share_rejection(id, update)) {
            return None;
        }
        let awaited = client_order_id.as_deref().and_then(|id| self.awaited(id, update));
        if let Some(key) = known {
            let is_unnamed = self.index.get(key).is_some_and(|order| order.client_order_id.is_none());
            if let Some(awaited) = awaited.filter(|_| is_unnamed) {
                self.attach(awaited, update.order_id, false);
            }
            return Some(key);
        }
        if awaited.is_some() {
            return awaited;
        }
        // Without an id, no later event and no answer of the venue could be about the same order.
        let is_nameless = id.is_none() && update.client_order_id.is_none() && !is_rejected;
        if is_nameless || !self.has_room() {
            self.untracked = self.untracked.saturating_add(1);
            return None;
        }
        Some(self.index.insert(Order::foreign(id, client_order_id.as_deref(), link)))
    }

    fn has_room(&self) -> bool {
        self.index.certain().len().saturating_add(self.index.doubtful().len()) < FOREIGN_ORDERS_MAX
    }

    /// `is_listed` says whether the event is an element of a list of open orders.
    fn update(&mut self, update: &OrderUpdate<'_>, source: &Source<'_>, is_listed: bool) {
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
        self.recall_cancels(key, update.order_id, None);
        let age = Age { event_time: update.event_time, received: source.received() };
        let now = self.moment();
        let order = self.index.get(key);
        let is_open_again = !is_listed && order.is_some_and(|order| order.is_open_again(update, link));
        let ends_otherwise = is_open_again || order.is_some_and(|order| order.ends_otherwise(update));
        let is_outrun = is_listed && order.is_some_and(|order| order.has_outrun(update, link));
        let (session, continues) = (self.followed.session(link), self.followed.continues(link));
        let accounted = self.index.change(key, now, |order| {
            order.note_session(session);
            order.note_status(update, is_open_again);
            order.update(update, link, age, now, (is_listed, continues))
        });
        if accounted == Some(Accounted::Repeated) {
            self.repeated_fills = self.repeated_fills.saturating_add(1);
        }
        self.index.name(key);
        if ends_otherwise {
            self.contradict(key);
        }
        if is_listed && !is_outrun && continues {
            self.index.change(key, now, |order| order.confirm_open(update.told_executed(order.quantity)));
        }
        self.doubt_unfollowed(key);
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

    /// Returns an order by the venue's id, by the client order id, by both ids, or by the request that placed the
    /// order.
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

    /// Returns the orders whose known state is not final.
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

    /// Returns the sums over the fills of all orders in an instrument, including fills of orders that were dropped.
    /// Fills of an order whose [`side`](Order::side) is unknown are not included. Executions that only an answer from
    /// REST reports are not fills: see [`Order::missing_executions`](crate::Order::missing_executions). The sums are
    /// kept for the first 8,192 instruments; for others, they are zero.
    ///
    /// In a prediction market, both outcomes of a contract have one symbol, and so one sum: to tell YES from NO, add
    /// up the fills of [`iter`](Orders::iter) by [`Order::outcome`](crate::Order::outcome).
    pub fn traded(&self, symbol: &str) -> Traded {
        self.index.traded(symbol)
    }

    /// Returns whether a subscribed stream reports orders, or a [`Replay`](crate::Replay) has reported orders. An
    /// order is in doubt at once if it is sent over a link whose orders no stream reports.
    pub fn is_followed(&self) -> bool {
        self.followed.is_any()
    }

    /// Returns how many fills were reported again. Such a fill is not added again.
    pub const fn repeated_fills(&self) -> u64 {
        self.repeated_fills
    }

    /// Returns how many contradictions between reports were found, for example an id that belongs to another order. A
    /// contradiction between two orders adds 2 to this number, and puts both orders in doubt.
    pub const fn contradictions(&self) -> u64 {
        self.contradictions
    }

    /// Returns how many events, and rows of REST, were about unknown orders that were not added, because
    /// [`FOREIGN_ORDERS_MAX`] is reached, or because the event has no id of the order and does not report a
    /// rejection.
    pub const fn untracked(&self) -> u64 {
        self.untracked
    }

    /// Returns the current point in the sequence of applied events. Take this moment before you ask the venue about
    /// an order, and pass it to [`reconcile`](Orders::reconcile) with the answer.
    pub const fn moment(&self) -> Moment {
        self.followed.moment()
    }
}

impl Default for Orders {
    fn default() -> Orders {
        Orders::new()
    }
}
