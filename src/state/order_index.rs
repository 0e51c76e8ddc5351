//! [`OrderIndex`]: the orders that [`Orders`](crate::Orders) keeps, found by each of their ids.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::state::changes::{Known, Recorded};
use crate::state::order::Order;
use crate::state::sums::Traded;
use crate::state::truth::Moment;
use crate::state::unnamed::{Namesakes, Unnamed};
use crate::value::id::RequestId;
use crate::value::symbol_map::SymbolMap;

/// The maximum number of finished orders that [`Orders`](crate::Orders) keeps, to recognize late and repeated events.
/// A finished order has ended and is not in doubt. Beyond this number, `Orders` drops those that finished first. An
/// event about a dropped order adds the order again. If the event repeats a fill,
/// [`Orders::traded`](crate::Orders::traded) then includes the fill twice.
pub const FINISHED_ORDERS_MAX: usize = 10_000;

const TRADED_MAX: usize = 8_192;

/// An index of orders. Each order has a key. An order that became known later has a larger key.
#[derive(Clone, Debug)]
pub(super) struct OrderIndex {
    orders: BTreeMap<u64, Order>,
    next: u64,
    by_order_id: BTreeMap<u64, u64>,
    by_client_order_id: BTreeSet<(Box<str>, u64)>,
    unnamed: Unnamed,
    by_request: BTreeMap<RequestId, u64>,
    certain: BTreeSet<u64>,
    doubtful: BTreeSet<u64>,
    finished: BTreeSet<(Moment, u64)>,
    dropped: Moment,
    traded: SymbolMap<Traded>,
    changes: Vec<Recorded>,
}

impl OrderIndex {
    pub(super) const fn new() -> OrderIndex {
        OrderIndex {
            orders: BTreeMap::new(),
            next: 0,
            by_order_id: BTreeMap::new(),
            by_client_order_id: BTreeSet::new(),
            unnamed: Unnamed::new(),
            by_request: BTreeMap::new(),
            certain: BTreeSet::new(),
            doubtful: BTreeSet::new(),
            finished: BTreeSet::new(),
            dropped: Moment::BEGINNING,
            traded: SymbolMap::new(),
            changes: Vec::new(),
        }
    }

    pub(super) fn change<T>(
        &mut self,
        key: u64,
        now: Moment,
        change: impl FnOnce(&mut Order) -> T,
    ) -> Option<T> {
        let order = self.orders.get_mut(&key)?;
        let (before, fills, request) = (Known::of(order), order.fills.len(), order.request());
        let result = change(order);
        // The application has to learn which order its request placed, so a new request is a change too.
        if Known::of(order) != before || order.fills.len() != fills || order.request() != request {
            let fill = (order.fills.len() > fills).then_some(fills);
            self.changes.push(Recorded { key, before: Some(before), fill });
        }
        if let Some((symbol, is_buy, fills)) = order.take_unsummed().filter(|(.., fills)| !fills.is_empty())
            && (self.traded.len() < TRADED_MAX || self.traded.get(symbol.as_str()).is_some())
            && let Some(traded) = self.traded.get_or_insert(symbol, Traded::default)
        {
            fills.iter().for_each(|fill| traded.add(is_buy, fill.price, fill.quantity));
        }
        self.file(key, now);
        Some(result)
    }

    /// Moves what events have reported about the order `from` to the order `to`, which no event has reported.
    /// Afterwards, `from` is as it was when it was sent.
    pub(super) fn hand_over(&mut self, from: u64, to: u64, now: Moment) {
        let Some(heir) = self.orders.get(&to).cloned() else { return };
        let Some(order) = self.orders.get_mut(&from) else { return };
        let known = Known::of(order);
        let Some(mut sent) = order.split_off() else { return };
        sent.set_finished(order.finished());
        let mut moved = core::mem::replace(order, sent);
        moved.set_finished(heir.finished());
        self.changes.push(Recorded { key: from, before: Some(known), fill: None });
        self.changes.push(Recorded { key: to, before: Some(Known::of(&heir)), fill: None });
        moved.merge(heir, now);
        self.orders.insert(to, moved);
        for key in [from, to] {
            self.name(key);
            self.file(key, now);
        }
    }

    fn file(&mut self, key: u64, now: Moment) {
        let Some(order) = self.orders.get_mut(&key) else { return };
        self.unnamed.renew_doubt(key, order);
        self.unnamed.file(key, order);
        let is_doubtful = order.needs_reconciling();
        let is_certain = order.may_change() && !is_doubtful;
        for (set, holds) in [(&mut self.certain, is_certain), (&mut self.doubtful, is_doubtful)] {
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
            self.finished.insert((now, key));
            order.set_finished(Some(now));
        }
        while self.finished.len() > FINISHED_ORDERS_MAX {
            let Some((_, oldest)) = self.finished.pop_first() else { return };
            self.remove(oldest);
            self.dropped = now;
        }
    }

    pub(super) fn remove(&mut self, key: u64) -> Option<Order> {
        let order = self.orders.remove(&key)?;
        if let Some(id) = order.order_id.filter(|id| self.by_order_id.get(id) == Some(&key)) {
            self.by_order_id.remove(&id);
        }
        if let Some(id) = order.client_order_id.clone() {
            self.unnamed.remove(key, &id);
            self.by_client_order_id.remove(&(id, key));
        }
        if let Some(request) = order.request().filter(|id| self.by_request.get(id) == Some(&key)) {
            self.by_request.remove(&request);
        }
        self.certain.remove(&key);
        self.doubtful.remove(&key);
        if let Some(since) = order.finished() {
            self.finished.remove(&(since, key));
        }
        Some(order)
    }

    pub(super) fn insert(&mut self, order: Order) -> u64 {
        let key = self.next;
        self.next = self.next.wrapping_add(1);
        self.unnamed.file(key, &order);
        self.orders.insert(key, order);
        self.certain.insert(key);
        self.changes.push(Recorded { key, before: None, fill: None });
        self.name(key);
        key
    }

    /// Makes an order findable by the ids that it has now.
    pub(super) fn name(&mut self, key: u64) {
        let Some(order) = self.orders.get(&key) else { return };
        if let Some(id) = order.order_id {
            self.by_order_id.insert(id, key);
        }
        if let Some(id) = order.client_order_id.clone() {
            self.by_client_order_id.insert((id, key));
        }
        if let Some(request) = order.request() {
            self.by_request.insert(request, key);
        }
    }

    // ---- questions -------------------------------------------------------------------------------

    pub(super) fn get(&self, key: u64) -> Option<&Order> {
        self.orders.get(&key)
    }

    pub(super) fn by_order_id(&self, id: u64) -> Option<u64> {
        self.by_order_id.get(&id).copied()
    }

    pub(super) fn by_request(&self, request: RequestId) -> Option<u64> {
        self.by_request.get(&request).copied()
    }

    /// Returns the keys of the orders with this client order id, oldest first.
    pub(super) fn by_client_order_id(&self, id: &str) -> impl DoubleEndedIterator<Item = u64> + '_ {
        let id: Box<str> = id.into();
        let end = (id.clone(), u64::MAX);
        self.by_client_order_id.range((id, 0)..=end).map(|(_, key)| *key)
    }

    pub(super) fn unnamed(&self, client_order_id: &str) -> Option<&Namesakes> {
        self.unnamed.get(client_order_id)
    }

    pub(super) fn doubt_unnamed(&mut self, client_order_id: &str, now: Moment) {
        self.unnamed.doubt(client_order_id, now);
    }

    pub(super) fn note_rejection(&mut self, client_order_id: &str) {
        self.unnamed.note_rejection(client_order_id);
    }

    /// If a rejection with the client order id of an order is stored, assigns it to the order, which a reply has
    /// refused. The venue then owes no further rejection for the order.
    pub(super) fn take_rejection(&mut self, key: u64) {
        if let Some(id) = self.orders.get(&key).and_then(|order| order.client_order_id.as_deref()) {
            self.unnamed.take_rejection(key, id);
        }
    }

    pub(super) fn renew_doubt(&mut self, key: u64) {
        if let Some(order) = self.orders.get_mut(&key) {
            self.unnamed.renew_doubt(key, order);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Order> {
        self.orders.values()
    }

    pub(super) const fn certain(&self) -> &BTreeSet<u64> {
        &self.certain
    }

    pub(super) const fn doubtful(&self) -> &BTreeSet<u64> {
        &self.doubtful
    }

    /// Returns when a finished order was last dropped. A list that the venue made earlier may still contain the
    /// order.
    pub(super) const fn dropped(&self) -> Moment {
        self.dropped
    }

    pub(super) fn traded(&self, symbol: &str) -> Traded {
        self.traded.get(symbol).copied().unwrap_or_default()
    }

    pub(super) fn forget_changes(&mut self) {
        self.changes.clear();
    }

    pub(super) fn changes(&self) -> (&BTreeMap<u64, Order>, &[Recorded]) {
        (&self.orders, &self.changes)
    }
}
