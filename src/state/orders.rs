//! [`Orders`]: what has become of every order, from replies and events in whatever order they come.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::event::{Event, RequestOutcome};
use crate::message::{OrderStatus, OrderUpdate, Response};
use crate::request::Subject;
use crate::request::new_order::NewOrder;
use crate::request::stream::{Stream, Topic};
use crate::state::order::{Order, OrderState};
use crate::value::id::LinkId;

/// The most orders that are kept after their end, to know late and repeated events by: beyond it the
/// oldest are forgotten.
pub const FINISHED_ORDERS_MAX: usize = 10_000;

/// The orders of an account or a session: the counterpart of [`Books`](crate::Books).
///
/// Give it every event; it takes what concerns it. Tell it of each order that is
/// [sent](Orders::sent), so that an order is known before the venue says anything of it.
///
/// - Reply and events race: either may come first. Events decide.
/// - A refusal comes twice, as reply and as event, and is one.
/// - Fills are told apart by their trade id, and each is accounted once.
/// - An order whose request got no answer is [`OrderState::Unknown`] until an event tells otherwise. It
///   is never sent again by itself; [`Orders::to_reconcile`] has what to ask the venue for.
///
/// ```
/// use gemini_ws::{Endpoint, NewOrder, OrderState, Orders, Replay, Scratch, Side};
///
/// let order = NewOrder::limit("a1", "btcusd", Side::Buy, "2", "100").unwrap();
/// let mut orders = Orders::new();
/// orders.sent(&order);
/// assert_eq!(orders.by_client_order_id("a1").unwrap().state, OrderState::Sent);
///
/// let fill = r#"{"e":"orderUpdate","E":5,"s":"BTCUSD","i":90071992547409931,"c":"a1","X":"PARTIALLY_FILLED","q":"2","Z":"0.5","L":"99.50","t":7,"T":5}"#;
/// let mut scratch = Scratch::new();
/// let event = Replay::new(Endpoint::Streams).event(fill, &mut scratch).unwrap().unwrap();
/// orders.apply(&event);
/// orders.apply(&event); // Delivered twice, counted once.
/// let order = orders.by_order_id(90071992547409931).unwrap();
/// assert_eq!((order.state, order.executed()), (OrderState::PartiallyFilled, "0.5".parse().unwrap()));
/// assert_eq!(order.executed_value().unwrap().to_string(), "49.75");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Orders {
    /// By the number of their first being known, which nobody else has.
    orders: BTreeMap<u64, Order>,
    next: u64,
    by_order_id: BTreeMap<u64, u64>,
    by_client_order_id: BTreeMap<Box<str>, u64>,
    /// Those at their end, in the order in which they got there.
    finished: VecDeque<u64>,
    repeated_fills: u64,
    /// The slots of the links over which order events come.
    slots: Vec<usize>,
}

impl Orders {
    /// No orders yet.
    pub const fn new() -> Orders {
        Orders {
            orders: BTreeMap::new(),
            next: 0,
            by_order_id: BTreeMap::new(),
            by_client_order_id: BTreeMap::new(),
            finished: VecDeque::new(),
            repeated_fills: 0,
            slots: Vec::new(),
        }
    }

    /// An order is on its way: call it when [`Client::request`](crate::Client::request) has
    /// taken it. Its events may have been applied before.
    pub fn sent(&mut self, order: &NewOrder) {
        let id = order.client_order_id();
        let known = self.by_client_order_id.get(id.as_str()).copied();
        // One that was sent under the same id before is another order.
        let known = known.filter(|key| self.orders.get(key).is_some_and(|known| !known.sent));
        let key = known.unwrap_or_else(|| self.insert(None, Some(id.as_str())));
        if let Some(known) = self.orders.get_mut(&key) {
            known.fill_in(order);
        }
    }

    /// Takes an event, or each of a [`Batch`](crate::Batch); says whether it was about orders.
    pub fn apply(&mut self, event: &Event<'_>) -> bool {
        match event {
            Event::Order(update, source) => {
                self.update(update, source.link());
                true
            }
            Event::Batch(..) => event.parts().fold(false, |any, part| self.apply(&part) | any),
            Event::Reply { about: Subject::PlaceOrder(id), outcome, .. } => {
                self.reply(id.as_str(), outcome);
                true
            }
            Event::Reply {
                about: Subject::CancelOrder(id),
                outcome: RequestOutcome::Answered(response),
                ..
            } if !response.is_ok() => {
                if let Some(order) = self.by_order_id.get(id).and_then(|key| self.orders.get_mut(key)) {
                    order.cancel_refusal = response.error.map(|error| error.message.to_string().into());
                }
                true
            }
            Event::Subscribed { link, stream: Stream::Orders { .. }, .. } => {
                self.note_link(*link);
                false
            }
            Event::SubscriptionAck(_, source) => {
                source.link().into_iter().for_each(|link| self.note_link(link));
                false
            }
            // What happens from now on is not told: each may be another one when somebody asks.
            Event::Unsubscribed { link, stream: Stream::Orders { .. }, last: true, .. } => {
                let any = self.doubt(Some(*link));
                self.slots.retain(|slot| *slot != link.slot());
                for order in self.orders.values_mut() {
                    order.link = order.link.filter(|own| own.slot() != link.slot());
                }
                any
            }
            // Nothing is told until the next snapshot, or ever: a fill may be among what is missed.
            Event::Disconnected { link, .. } | Event::Silent { link, stream: Stream::Orders { .. }, .. } => {
                self.doubt(Some(*link))
            }
            Event::Overflow { topic: Topic::Orders | Topic::Connection, .. } => self.doubt(None),
            _ => false,
        }
    }

    /// The order of the venue's id.
    pub fn by_order_id(&self, id: u64) -> Option<&Order> {
        self.orders.get(self.by_order_id.get(&id)?)
    }

    /// The newest order of a client order id.
    pub fn by_client_order_id(&self, id: &str) -> Option<&Order> {
        self.orders.get(self.by_client_order_id.get(id)?)
    }

    /// All orders, in the order in which they became known.
    pub fn iter(&self) -> impl Iterator<Item = &Order> {
        self.orders.values()
    }

    /// The orders that are not at their end, as far as is known.
    pub fn open(&self) -> impl Iterator<Item = &Order> {
        self.iter().filter(|order| !order.state.is_final())
    }

    /// The orders of which more may have happened than was told: their request got no answer, the link
    /// was lost, or their stream left or asked for anew, while they were open, or their fills do not add up. Ask the
    /// venue for each by its client order id (REST `order/status`) before acting on it, then tell
    /// [`Orders::reconcile`].
    pub fn to_reconcile(&self) -> impl Iterator<Item = &Order> {
        self.iter().filter(|order| order.needs_reconciling())
    }

    /// Fills that came again and were not counted again.
    pub const fn repeated_fills(&self) -> u64 {
        self.repeated_fills
    }

    /// What the venue said when it was asked for an order: its id, state and executed quantity, or that
    /// there is none. Says whether such an order is known here.
    pub fn reconcile(&mut self, client_order_id: &str, found: Option<Reconciled>) -> bool {
        let Some(key) = self.by_client_order_id.get(client_order_id).copied() else { return false };
        let Some(order) = self.orders.get_mut(&key) else { return false };
        match found {
            Some(found) => {
                order.order_id = Some(found.order_id);
                order.state = found.state;
                order.reported = Some(found.executed);
                self.by_order_id.insert(found.order_id, key);
            }
            None => {
                order.state = OrderState::Rejected;
                order.reason = Some("the venue does not know it".into());
            }
        }
        order.in_doubt = false;
        order.reconciled = true;
        self.note_end(key);
        true
    }

    fn note_link(&mut self, link: LinkId) {
        if !self.slots.contains(&link.slot()) {
            self.slots.push(link.slot());
        }
    }

    /// Puts in doubt the open orders whose events come over a link, or all; says whether any order event may.
    fn doubt(&mut self, of: Option<LinkId>) -> bool {
        let serves = of.is_none_or(|link| self.slots.is_empty() || self.slots.contains(&link.slot()));
        let concerns = |own: Option<LinkId>| match (own, of) {
            (Some(own), Some(link)) => own.slot() == link.slot(),
            // No event has come yet; it may come over any of them.
            _ => serves,
        };
        for order in self.orders.values_mut().filter(|order| !order.state.is_final()) {
            order.in_doubt |= concerns(order.link);
        }
        serves
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
            self.by_client_order_id.insert(id.clone(), key);
        }
        self.orders.insert(key, Order::new(order_id, client_order_id));
        key
    }

    /// The entry that an update is about.
    fn entry(&mut self, update: &OrderUpdate<'_>) -> u64 {
        if let Some(key) = self.by_order_id.get(&update.order_id) {
            return *key;
        }
        let client_order_id: Option<String> = update.client_order_id.map(|id| id.to_string());
        let awaited = client_order_id.as_deref().and_then(|id| self.by_client_order_id.get(id)).copied();
        let awaited =
            awaited.filter(|key| self.orders.get(key).is_some_and(|order| order.order_id.is_none()));
        match awaited {
            Some(key) => {
                self.by_order_id.insert(update.order_id, key);
                key
            }
            None => self.insert(Some(update.order_id), client_order_id.as_deref()),
        }
    }

    fn update(&mut self, update: &OrderUpdate<'_>, link: Option<LinkId>) {
        link.into_iter().for_each(|link| self.note_link(link));
        let key = self.entry(update);
        let Some(order) = self.orders.get_mut(&key) else { return };
        order.link = link;
        let repeated = order.update(update);
        self.repeated_fills = self.repeated_fills.saturating_add(u64::from(repeated));
        // The venue's list of open orders is as good as having asked.
        if update.status == OrderStatus::Initial {
            order.in_doubt = false;
        }
        self.note_end(key);
    }

    fn reply(&mut self, client_order_id: &str, outcome: &RequestOutcome<'_>) {
        let known = self.by_client_order_id.get(client_order_id).copied();
        // One that was answered before is another order.
        let known = known.filter(|key| self.orders.get(key).is_some_and(|known| !known.answered));
        let key = known.unwrap_or_else(|| self.insert(None, Some(client_order_id)));
        let Some(order) = self.orders.get_mut(&key) else { return };
        order.answered = true;
        match outcome {
            RequestOutcome::Answered(response) if response.is_ok() => {
                order.acknowledge();
                let id = response.order_id().ok().flatten();
                if let (None, Some(id)) = (order.order_id, id) {
                    self.attach(key, id);
                }
            }
            RequestOutcome::Answered(response) => refuse(order, response),
            // Whether the venue has it is not known, but from its events.
            RequestOutcome::TimedOut | RequestOutcome::Lost => order.lose(),
            RequestOutcome::NotSent => order.refuse(Some((0, "the link ended before it was sent".into()))),
        }
        self.note_end(key);
    }

    /// A reply names the venue's id; events under that id may have come before without the client's.
    fn attach(&mut self, key: u64, order_id: u64) {
        match self.by_order_id.get(&order_id).copied().filter(|other| *other != key) {
            Some(other) => {
                let Some(sent) = self.orders.remove(&key) else { return };
                if let Some(id) = &sent.client_order_id {
                    self.by_client_order_id.insert(id.clone(), other);
                }
                if let Some(order) = self.orders.get_mut(&other) {
                    order.take_over(sent);
                }
            }
            None => {
                self.by_order_id.insert(order_id, key);
                if let Some(order) = self.orders.get_mut(&key) {
                    order.order_id = Some(order_id);
                }
            }
        }
    }

    /// Keeps the ended ones within their bound.
    fn note_end(&mut self, key: u64) {
        let Some(order) = self.orders.get_mut(&key) else { return };
        if !order.state.is_final() || core::mem::replace(&mut order.ended, true) {
            return;
        }
        self.finished.push_back(key);
        while self.finished.len() > FINISHED_ORDERS_MAX {
            let Some(oldest) = self.finished.pop_front() else { return };
            let Some(gone) = self.orders.remove(&oldest) else { continue };
            if let Some(id) = gone.order_id
                && self.by_order_id.get(&id) == Some(&oldest)
            {
                self.by_order_id.remove(&id);
            }
            if let Some(id) = gone.client_order_id
                && self.by_client_order_id.get(&id) == Some(&oldest)
            {
                self.by_client_order_id.remove(&id);
            }
        }
    }
}

/// The answer of the venue to the question what became of an order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reconciled {
    /// The venue's id.
    pub order_id: u64,
    /// What the order has come to.
    pub state: OrderState,
    /// How much of it was executed.
    pub executed: crate::value::decimal::Decimal,
}

/// What a refused request says of the order: with 5xx it is not sure that nothing was done.
fn refuse(order: &mut Order, response: &Response<'_>) {
    if response.is_internal_error() {
        return order.lose();
    }
    let error = response.error.map(|error| (error.code, error.message.to_string().into()));
    order.refuse(error);
}
