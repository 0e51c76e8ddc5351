//! [`Unnamed`]: the orders without an id of the venue, found by their client order ids.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};

use crate::state::order::Order;
use crate::state::truth::Moment;

#[derive(Clone, Debug, Default)]
pub(super) struct Unnamed {
    by_client_order_id: BTreeMap<Box<str>, Namesakes>,
}

/// The keys of the orders that have one client order id and no id of the venue. Each key is in `certain` (open and
/// not in doubt), in `doubtful` (open and in doubt) or in `ended`.
#[derive(Clone, Debug, Default)]
pub(super) struct Namesakes {
    certain: BTreeSet<u64>,
    doubtful: BTreeSet<u64>,
    ended: BTreeSet<u64>,
    /// The moment of the last event that may be about any of the orders in doubt. There may be many of them, so this
    /// moment is copied to an order only when it is needed: see [`Unnamed::renew_doubt`].
    doubted: Moment,
    /// The number of rejections that may be about any of several orders, and are not assigned to an order in
    /// `rejected`.
    rejections: u32,
    /// The orders to which such a rejection was assigned when a reply refused them. The venue owes no further
    /// rejection for these orders.
    rejected: BTreeSet<u64>,
}

impl Namesakes {
    pub(super) const fn sets(&self) -> [&BTreeSet<u64>; 3] {
        [&self.certain, &self.doubtful, &self.ended]
    }

    /// Returns whether the rejection of a refused order arrived before the reply that refused the order.
    pub(super) fn has_rejection(&self, key: u64) -> bool {
        self.rejected.contains(&key)
    }
}

impl Unnamed {
    pub(super) const fn new() -> Unnamed {
        Unnamed { by_client_order_id: BTreeMap::new() }
    }

    pub(super) fn get(&self, client_order_id: &str) -> Option<&Namesakes> {
        self.by_client_order_id.get(client_order_id)
    }

    pub(super) fn file(&mut self, key: u64, order: &Order) {
        let Some(id) = order.client_order_id.as_deref() else { return };
        if order.order_id.is_some() {
            return self.remove(key, id);
        }
        if !self.by_client_order_id.contains_key(id) {
            self.by_client_order_id.insert(id.into(), Namesakes::default());
        }
        let Some(of) = self.by_client_order_id.get_mut(id) else { return };
        let (is_open, is_doubtful) = (order.is_open(), order.needs_reconciling());
        for (set, holds) in [
            (&mut of.certain, is_open && !is_doubtful),
            (&mut of.doubtful, is_open && is_doubtful),
            (&mut of.ended, !is_open),
        ] {
            if holds {
                set.insert(key);
            } else {
                set.remove(&key);
            }
        }
    }

    pub(super) fn remove(&mut self, key: u64, client_order_id: &str) {
        let Some(of) = self.by_client_order_id.get_mut(client_order_id) else { return };
        for set in [&mut of.certain, &mut of.doubtful, &mut of.ended, &mut of.rejected] {
            set.remove(&key);
        }
        if of.certain.is_empty() && of.doubtful.is_empty() && of.ended.is_empty() {
            self.by_client_order_id.remove(client_order_id);
        }
    }

    pub(super) fn doubt(&mut self, client_order_id: &str, now: Moment) {
        if let Some(of) = self.by_client_order_id.get_mut(client_order_id) {
            of.doubted = now;
        }
    }

    pub(super) fn note_rejection(&mut self, client_order_id: &str) {
        if let Some(of) = self.by_client_order_id.get_mut(client_order_id) {
            of.rejections = of.rejections.saturating_add(1);
        }
    }

    pub(super) fn take_rejection(&mut self, key: u64, client_order_id: &str) {
        if let Some(of) = self.by_client_order_id.get_mut(client_order_id).filter(|of| of.rejections > 0) {
            of.rejections = of.rejections.saturating_sub(1);
            of.rejected.insert(key);
        }
    }

    /// Copies the moment in `Namesakes::doubted` to an order in doubt, because the last event may be about this
    /// order.
    pub(super) fn renew_doubt(&self, key: u64, order: &mut Order) {
        let of = order.client_order_id.as_deref().and_then(|id| self.get(id));
        if let Some(of) = of.filter(|of| of.doubtful.contains(&key)) {
            order.renew_doubt(of.doubted);
        }
    }
}
