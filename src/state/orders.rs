//! [`Orders`]: what has become of every order, from requests, replies and events in whatever order they come.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::event::source::Source;
use crate::event::{Event, RequestOutcome};
use crate::message::{OrderStatus, OrderUpdate};
use crate::request::Subject;
use crate::request::new_order::NewOrder;
use crate::request::stream::{Stream, Topic};
use crate::state::changes::{Known, OrderChanges, Recorded};
use crate::state::order::{Accounted, Order};
use crate::state::reconciling::{OrderRef, Reconciled};
use crate::state::sums::Traded;
use crate::state::truth::{Age, Loss, Moment, StaleReason};
use crate::value::id::{LinkId, RequestId};
use crate::value::symbol_map::SymbolMap;

/// The most orders that are kept after their end, to know late and repeated events by: beyond it the
/// oldest are forgotten. Orders in doubt are never forgotten.
pub const FINISHED_ORDERS_MAX: usize = 10_000;

/// The most orders of others that are kept while they are open or in doubt: those beyond it are counted by
/// [`Orders::untracked`]. Orders that this client has sent are always kept.
pub const FOREIGN_ORDERS_MAX: usize = 100_000;

/// The orders of an account or a session: the counterpart of [`Books`](crate::Books).
///
/// Give it every event; it takes what concerns it. An order is known from [`Event::Requested`] on, before the venue
/// says anything of it.
///
/// - Reply and events race: either may come first. Events decide. A refusal may come as both, and is one.
/// - Fills are told apart by their trade id, and each is accounted once.
/// - An order whose request got no answer is [`OrderState::Unknown`] until an event tells otherwise. It
///   is never sent again by itself; [`Orders::to_reconcile`] has what to ask the venue for.
/// - An order about which something may be missing is in doubt, with a reason, until events account for all of it
///   or [`Orders::reconcile`] does.
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
    /// By the number of their first being known, which nobody else has.
    orders: BTreeMap<u64, Order>,
    next: u64,
    by_order_id: BTreeMap<u64, u64>,
    /// Several orders may have one client order id.
    by_client_order_id: BTreeSet<(Box<str>, u64)>,
    by_request: BTreeMap<RequestId, u64>,
    /// Those to which something may still happen.
    unsettled: BTreeSet<u64>,
    doubtful: BTreeSet<u64>,
    /// Those at their end and beyond doubt, in the order in which they got there.
    finished: BTreeSet<(Moment, u64)>,
    moment: Moment,
    /// The links over which order events come, and whether some came from a recording.
    followed: Vec<LinkId>,
    is_recording: bool,
    traded: SymbolMap<Traded>,
    changes: Vec<Recorded>,
    repeated_fills: u64,
    contradictions: u64,
    untracked: u64,
}

// ---- what happens --------------------------------------------------------------------------------

impl Orders {
    /// Knows no orders yet.
    pub const fn new() -> Orders {
        Orders {
            orders: BTreeMap::new(),
            next: 0,
            by_order_id: BTreeMap::new(),
            by_client_order_id: BTreeSet::new(),
            by_request: BTreeMap::new(),
            unsettled: BTreeSet::new(),
            doubtful: BTreeSet::new(),
            finished: BTreeSet::new(),
            moment: Moment::BEGINNING,
            followed: Vec::new(),
            is_recording: false,
            traded: SymbolMap::new(),
            changes: Vec::new(),
            repeated_fills: 0,
            contradictions: 0,
            untracked: 0,
        }
    }

    /// Takes an event, or each of a [`Batch`](crate::Batch). Returns what it has changed: each order as it was and as it
    /// is, with the fill that was new.
    pub fn apply(&mut self, event: &Event<'_>) -> OrderChanges<'_> {
        self.changes.clear();
        if matches!(event, Event::Batch(..)) {
            self.apply_batch(event);
        } else {
            self.apply_one(event);
        }
        OrderChanges::new(&self.orders, &self.changes)
    }

    fn apply_batch(&mut self, event: &Event<'_>) {
        let before = self.moment;
        let is_list = matches!(event, Event::Batch(batch, _) if batch.lists_open_orders());
        for part in event.parts() {
            self.apply_one(&part);
            if let Event::Order(update, _) = &part
                && is_list
            {
                self.confirm_listed(update);
            }
        }
        if is_list {
            self.miss_unlisted(before, event.source().and_then(|source| source.link()));
        }
    }

    /// The venue's list of open orders is as good as having asked.
    fn confirm_listed(&mut self, update: &OrderUpdate<'_>) {
        if let Some(key) = self.by_order_id.get(&update.order_id).copied() {
            self.change(key, |order| order.confirm_open(update.executed_quantity));
        }
    }

    fn apply_one(&mut self, event: &Event<'_>) {
        self.moment.step();
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
                about: Subject::CancelAllOrders | Subject::CancelSessionOrders,
                outcome: RequestOutcome::TimedOut | RequestOutcome::Lost,
                ..
            } => self.doubt_where(StaleReason::Unanswered, |_| true),
            Event::Subscribed { link, stream: Stream::Orders { .. }, .. } => self.follow(*link),
            Event::SubscriptionAck(_, source) => source.link().into_iter().for_each(|link| self.follow(link)),
            event => self.lose(event),
        }
    }

    /// Events come over a link from now on. An answer to what was asked before does not say what has happened
    /// between.
    fn follow(&mut self, link: LinkId) {
        self.note_link(link);
        self.doubt_where(StaleReason::NotSubscribed, Order::needs_reconciling);
    }

    fn note_link(&mut self, link: LinkId) {
        self.followed.retain(|known| known.slot() != link.slot());
        self.followed.push(link);
    }

    fn lose(&mut self, event: &Event<'_>) {
        let Some(loss) = Loss::of(event).filter(|loss| loss.is_of(Topic::Orders)) else { return };
        // Events come over these links, or may come over any.
        let is_followed = loss.link().is_none() || self.followed.iter().any(|own| loss.is_over(Some(*own)));
        if matches!(
            loss.reason(),
            StaleReason::NotSubscribed | StaleReason::Disconnected | StaleReason::Silent
        ) {
            self.followed.retain(|own| !loss.is_over(Some(*own)));
        }
        self.doubt_where(loss.reason(), |order| match order.link() {
            Some(own) => loss.is_over(Some(own)),
            None => is_followed,
        });
    }

    /// Raises a doubt about the orders that meet a condition and to which something may still happen.
    fn doubt_where(&mut self, reason: StaleReason, concerns: impl Fn(&Order) -> bool) {
        let keys: Vec<u64> = self.unsettled.iter().copied().collect();
        for key in keys {
            if self.orders.get(&key).is_some_and(&concerns) {
                let now = self.moment;
                self.change(key, |order| order.raise(reason, now));
            }
        }
    }

    /// Changes an order, and whatever is kept of it beside it.
    fn change<T>(&mut self, key: u64, change: impl FnOnce(&mut Order) -> T) -> Option<T> {
        let order = self.orders.get_mut(&key)?;
        let before = Known::of(order);
        let fills = order.fills.len();
        let result = change(order);
        if Known::of(order) != before || order.fills.len() != fills {
            let fill = (order.fills.len() > fills).then_some(fills);
            self.changes.push(Recorded { key, before: Some(before), fill });
        }
        if let Some((symbol, is_buy, fills)) = order.take_unsummed()
            && let Some(traded) = self.traded.get_or_insert(symbol, Traded::default)
        {
            fills.iter().for_each(|fill| traded.add(is_buy, fill.price, fill.quantity));
        }
        self.file(key);
        Some(result)
    }

    /// Puts an order where its state and its doubt belong, and keeps the finished ones within their bound.
    fn file(&mut self, key: u64) {
        let Some(order) = self.orders.get_mut(&key) else { return };
        let (may_change, is_doubtful) = (order.may_change(), order.needs_reconciling());
        for (set, holds) in [(&mut self.unsettled, may_change), (&mut self.doubtful, is_doubtful)] {
            if holds {
                set.insert(key);
            } else {
                set.remove(&key);
            }
        }
        let is_finished = !order.is_open() && !is_doubtful;
        if let Some(since) = order.finished().filter(|_| !is_finished) {
            self.finished.remove(&(since, key));
            order.set_finished(None);
        } else if is_finished && order.finished().is_none() {
            self.finished.insert((self.moment, key));
            order.set_finished(Some(self.moment));
        }
        while self.finished.len() > FINISHED_ORDERS_MAX {
            let Some((_, oldest)) = self.finished.pop_first() else { return };
            self.forget(oldest);
        }
    }

    fn forget(&mut self, key: u64) -> Option<Order> {
        let order = self.orders.remove(&key)?;
        if let Some(id) = order.order_id.filter(|id| self.by_order_id.get(id) == Some(&key)) {
            self.by_order_id.remove(&id);
        }
        if let Some(id) = order.client_order_id.clone() {
            self.by_client_order_id.remove(&(id, key));
        }
        if let Some((request, _)) = order.request() {
            self.by_request.remove(&request);
        }
        self.unsettled.remove(&key);
        self.doubtful.remove(&key);
        if let Some(since) = order.finished() {
            self.finished.remove(&(since, key));
        }
        Some(order)
    }

    /// A new entry.
    fn insert(&mut self, order_id: Option<u64>, client_order_id: Option<&str>) -> u64 {
        let key = self.next;
        self.next = self.next.wrapping_add(1);
        let client_order_id: Option<Box<str>> = client_order_id.map(Into::into);
        if let Some(id) = order_id {
            self.by_order_id.insert(id, key);
        }
        if let Some(id) = &client_order_id {
            self.by_client_order_id.insert((id.clone(), key));
        }
        self.orders.insert(key, Order::new(order_id, client_order_id));
        self.unsettled.insert(key);
        self.changes.push(Recorded { key, before: None, fill: None });
        key
    }
}

// ---- requests and replies ------------------------------------------------------------------------

impl Orders {
    fn send(&mut self, order: &NewOrder, request: RequestId, link: LinkId) {
        let key = self.insert(None, Some(order.client_order_id().as_str()));
        self.by_request.insert(request, key);
        let (now, is_followed) = (self.moment, self.is_followed());
        self.change(key, |entry| {
            entry.send(order, request, link);
            if !is_followed {
                // What happens to it is not reported, or not from its beginning.
                entry.raise(StaleReason::NotSubscribed, now);
            }
        });
    }

    fn reply(&mut self, request: RequestId, outcome: &RequestOutcome<'_>) {
        let known = self.by_request.get(&request).copied();
        let Some(key) = known.filter(|key| self.orders.get(key).is_some_and(|order| !order.is_answered()))
        else {
            return;
        };
        let now = self.moment;
        match outcome {
            RequestOutcome::Answered(response) if response.is_ok() => {
                self.change(key, Order::acknowledge);
                if let Some(id) = response.order_id().ok().flatten() {
                    self.attach(key, id);
                }
            }
            RequestOutcome::Answered(response) => {
                self.change(key, |order| order.refuse_by(response, now));
            }
            RequestOutcome::TimedOut | RequestOutcome::Lost => {
                self.change(key, |order| order.lose(now));
            }
            RequestOutcome::NotSent => {
                let reason = (0, "the link ended before it was sent".into());
                self.change(key, |order| order.refuse(Some(reason)));
            }
        }
    }

    /// An order that cannot be cancelled may have ended without a word; one whose cancel got no answer may end.
    fn cancel_reply(&mut self, order_id: u64, outcome: &RequestOutcome<'_>) {
        let Some(key) = self.by_order_id.get(&order_id).copied() else { return };
        let now = self.moment;
        self.change(key, |order| match outcome {
            RequestOutcome::Answered(response) if response.is_ok() => {}
            RequestOutcome::Answered(response) => {
                order.cancel_refusal = response.error.map(|error| error.message.to_string().into());
                if order.is_open() && !matches!(response.status, Some(429)) {
                    order.raise(StaleReason::NotFound, now);
                }
            }
            RequestOutcome::TimedOut | RequestOutcome::Lost if order.is_open() => {
                order.raise(StaleReason::Unanswered, now);
            }
            _ => {}
        });
    }

    /// An entry turns out to have this id of the venue. If another entry has it, the two are one order, unless they
    /// have different client order ids.
    fn attach(&mut self, key: u64, order_id: u64) -> bool {
        let now = self.moment;
        let Some(other) = self.by_order_id.get(&order_id).copied().filter(|other| *other != key) else {
            let known = self.orders.get(&key).and_then(|order| order.order_id);
            if known.is_some_and(|known| known != order_id) {
                self.contradict(key);
                return false;
            }
            self.by_order_id.insert(order_id, key);
            self.change(key, |order| order.order_id = Some(order_id));
            return true;
        };
        let id_of = |key: &u64| self.orders.get(key).and_then(|order| order.client_order_id.as_deref());
        if id_of(&key).zip(id_of(&other)).is_some_and(|(one, two)| one != two) {
            self.contradict(key);
            self.contradict(other);
            return false;
        }
        let Some(sent) = self.forget(key) else { return false };
        if let Some(id) = &sent.client_order_id {
            self.by_client_order_id.insert((id.clone(), other));
        }
        if let Some((request, _)) = sent.request() {
            self.by_request.insert(request, other);
        }
        self.changes.retain(|change| change.key != key);
        self.change(other, |order| order.merge(sent, now));
        true
    }

    /// Two reports contradict each other: neither is believed.
    fn contradict(&mut self, key: u64) {
        let now = self.moment;
        self.contradictions = self.contradictions.saturating_add(1);
        self.change(key, |order| order.raise(StaleReason::Contradiction, now));
    }
}

// ---- events --------------------------------------------------------------------------------------

impl Orders {
    /// The entry that an update is about.
    fn entry(&mut self, update: &OrderUpdate<'_>) -> Option<u64> {
        let client_order_id: Option<String> = update.client_order_id.map(|id| id.to_string());
        let awaited = client_order_id.as_deref().and_then(|id| self.awaited(id));
        if let Some(key) = self.by_order_id.get(&update.order_id).copied() {
            let is_unnamed = self.orders.get(&key).is_some_and(|order| order.client_order_id.is_none());
            if let Some(awaited) = awaited.filter(|_| is_unnamed) {
                self.attach(awaited, update.order_id);
            }
            return Some(key);
        }
        if let Some(key) = awaited {
            self.by_order_id.insert(update.order_id, key);
            return Some(key);
        }
        if self.unsettled.len().max(self.doubtful.len()) >= FOREIGN_ORDERS_MAX {
            self.untracked = self.untracked.saturating_add(1);
            return None;
        }
        Some(self.insert(Some(update.order_id), client_order_id.as_deref()))
    }

    /// Of several orders that were sent under one id, the oldest that is not known to the venue, or refused, yet.
    fn awaited(&self, id: &str) -> Option<u64> {
        let unseen = |key: &u64| self.orders.get(key).is_some_and(|order| order.order_id.is_none());
        let is_open = |key: &u64| self.orders.get(key).is_some_and(Order::is_open);
        self.keys_of(id).find(|key| unseen(key) && is_open(key)).or_else(|| self.keys_of(id).find(unseen))
    }

    fn keys_of(&self, client_order_id: &str) -> impl DoubleEndedIterator<Item = u64> + '_ {
        let id: Box<str> = client_order_id.into();
        let end = (id.clone(), u64::MAX);
        self.by_client_order_id.range((id, 0)..=end).map(|(_, key)| *key)
    }

    fn update(&mut self, update: &OrderUpdate<'_>, source: &Source<'_>) {
        let link = source.link();
        match link {
            Some(link) if !self.followed.contains(&link) => self.note_link(link),
            Some(_) => {}
            None => self.is_recording = true,
        }
        let Some(key) = self.entry(update) else { return };
        if self.orders.get(&key).is_some_and(|order| order.contradicts(update, link)) {
            self.contradict(key);
            let other = update.client_order_id.map(|id| id.to_string());
            let other = other.and_then(|id| self.keys_of(&id).next_back());
            if let Some(other) = other.filter(|other| *other != key) {
                self.contradict(other);
            }
            return;
        }
        let age = Age { event_time: update.event_time, received: source.received() };
        let now = self.moment;
        let accounted = self.change(key, |order| order.update(update, link, age, now));
        if accounted == Some(Accounted::Repeated) {
            self.repeated_fills = self.repeated_fills.saturating_add(1);
        }
        if let Some(id) = self.orders.get(&key).and_then(|order| order.client_order_id.clone()) {
            self.by_client_order_id.insert((id, key));
        }
        if update.status == OrderStatus::Initial {
            self.confirm_listed(update);
        }
    }

    /// Behind the venue's list of open orders: those that it does not name may have ended without a word.
    fn miss_unlisted(&mut self, before: Moment, link: Option<LinkId>) {
        self.doubt_where(StaleReason::NotFound, |order| {
            let is_of_link = order.link().map(LinkId::slot) == link.map(LinkId::slot);
            order.is_seen() && is_of_link && order.observed() <= before
        });
    }
}

// ---- questions -----------------------------------------------------------------------------------

impl Orders {
    fn key(&self, of: OrderRef<'_>) -> Option<u64> {
        match of {
            OrderRef::OrderId(id) => self.by_order_id.get(&id).copied(),
            OrderRef::ClientOrderId(id) => self.keys_of(id).next_back(),
        }
    }

    /// Returns an order by the venue's id or by the client's.
    ///
    /// ```
    /// assert!(gemini_ws::Orders::new().get("my-order-1").is_none());
    /// assert!(gemini_ws::Orders::new().get(77).is_none());
    /// ```
    pub fn get<'a>(&self, of: impl Into<OrderRef<'a>>) -> Option<&Order> {
        self.orders.get(&self.key(of.into())?)
    }

    /// Returns all orders, in the order in which they became known.
    pub fn iter(&self) -> impl Iterator<Item = &Order> {
        self.orders.values()
    }

    /// Returns the orders that are not at their end, as far as is known.
    pub fn open(&self) -> impl Iterator<Item = &Order> {
        self.unsettled.iter().filter_map(|key| self.orders.get(key)).filter(|order| order.is_open())
    }

    /// Returns the orders of which more may have happened than is known; [`Order::doubt`] says why. Take a
    /// [`moment`](Orders::moment), ask the venue for each (REST `order/status`) before acting on it, then call
    /// [`reconcile`](Orders::reconcile).
    pub fn to_reconcile(&self) -> impl Iterator<Item = &Order> {
        self.doubtful.iter().filter_map(|key| self.orders.get(key))
    }

    /// Returns what the fills of an instrument add up to, since this collection was made.
    pub fn traded(&self, symbol: &str) -> Traded {
        self.traded.get(symbol).copied().unwrap_or_default()
    }

    /// Whether events about orders are subscribed. While they are not, each order that is sent is in doubt.
    pub fn is_followed(&self) -> bool {
        self.is_recording || !self.followed.is_empty()
    }

    /// Returns how many fills came again and were not counted again.
    pub const fn repeated_fills(&self) -> u64 {
        self.repeated_fills
    }

    /// Returns how often two reports contradicted each other: an id that belongs to another order, or an acceptance
    /// behind an end. Neither is believed; the orders are in doubt.
    pub const fn contradictions(&self) -> u64 {
        self.contradictions
    }

    /// Returns how many events were about orders that were not kept, because there are [`FOREIGN_ORDERS_MAX`].
    pub const fn untracked(&self) -> u64 {
        self.untracked
    }

    /// Returns the moment to hand to [`reconcile`](Orders::reconcile): take it before you ask the venue.
    pub const fn moment(&self) -> Moment {
        self.moment
    }

    /// Takes the venue's answer to the question what became of an order: its id, state and executed quantity, or that
    /// there is none. `asked` is the [`moment`](Orders::moment) before the question.
    ///
    /// Returns whether it has settled the doubt; an open order whose events are not subscribed is in doubt again at
    /// once. It does nothing if there is no doubt; if the doubt was raised, or an event
    /// about the order came, after the question, unless the answer is an end; if the answer knows less than the
    /// fills; and if the venue finds no order of which there were events. Then ask again.
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
        self.changes.clear();
        self.moment.step();
        let Some(key) = self.key(of.into()).filter(|key| self.doubtful.contains(key)) else { return false };
        let key = match &found {
            Some(found) => {
                if !self.attach(key, found.order_id) {
                    return false;
                }
                self.by_order_id.get(&found.order_id).copied().unwrap_or(key)
            }
            None => key,
        };
        // Where two entries became one, that one may be beyond doubt.
        let is_settled = !self.doubtful.contains(&key);
        let (now, is_followed) = (self.moment, self.is_followed());
        let now_settled = self.change(key, |order| {
            let is_settled = order.reconcile(found.as_ref(), asked);
            if order.may_change() && !is_followed {
                order.raise(StaleReason::NotSubscribed, now);
            }
            is_settled
        });
        is_settled || now_settled == Some(true)
    }
}

impl Default for Orders {
    fn default() -> Orders {
        Orders::new()
    }
}
