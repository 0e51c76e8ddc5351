//! Which of several orders with one client order id an event or a refusal is about.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::message::{OrderStatus, OrderUpdate};
use crate::state::order::Order;
use crate::state::order_state::OrderState;
use crate::state::orders::Orders;
use crate::state::truth::StaleReason;

/// How many orders with one client order id, newest first, `Orders` considers when it looks for the order of a
/// rejection without an id of the venue.
const NAMESAKES_MAX: usize = 100;

impl Orders {
    /// Returns the key of the order that an event with the client order id `id` is about. Considers only orders
    /// without an id of the venue. If several orders match, chooses the oldest open order, or the oldest order if
    /// none is open. Puts the other open orders in doubt, because the event may be about one of them. For a
    /// rejection, see [`Orders::rejected`].
    pub(super) fn awaited(&mut self, id: &str, update: &OrderUpdate<'_>) -> Option<u64> {
        if update.status == OrderStatus::Rejected {
            return self.rejected(id, update);
        }
        let [certain, doubtful, ended] = self.index.unnamed(id)?.sets();
        let may_be = |key: &&u64| self.may_be(**key, update);
        let oldest = |set: &BTreeSet<u64>| set.iter().find(may_be).copied();
        let open = [certain, doubtful].into_iter().filter_map(oldest).min();
        let found = open.or_else(|| oldest(ended));
        self.doubt_others(id, update, found);
        found
    }

    /// Handles a rejection that may be about several orders, of which one has no reply yet. Only the replies show
    /// which order was rejected, so puts all these orders in doubt and returns `true`. Returns `false`, without
    /// effect, for any other rejection.
    pub(super) fn share_rejection(&mut self, id: &str, update: &OrderUpdate<'_>) -> bool {
        let is_known = update.order_id != 0 && self.index.by_order_id(update.order_id).is_some();
        let Some(unnamed) = self.index.unnamed(id).filter(|_| !is_known) else { return false };
        let [certain, doubtful, ended] = unnamed.sets();
        let may_be = |key: &&u64| self.may_be(**key, update);
        if ended.iter().filter(|key| self.owes_rejection(id, **key)).any(|key| may_be(&key)) {
            return false;
        }
        let waits = |key: &&u64| self.index.get(**key).is_some_and(|order| !order.is_accepted());
        let open = || [certain, doubtful].into_iter().flatten().filter(may_be);
        if !open().any(|key| waits(&key)) {
            return false;
        }
        let named = if update.order_id == 0 { self.named_by_reply(id, update) } else { Vec::new() };
        if named.is_empty() && open().nth(1).is_none() {
            return false;
        }
        self.doubt_others(id, update, None);
        self.doubt_each(named);
        self.index.note_rejection(id);
        true
    }

    fn owes_rejection(&self, id: &str, key: u64) -> bool {
        let has_rejection = self.index.unnamed(id).is_some_and(|unnamed| unnamed.has_rejection(key));
        !has_rejection && self.index.get(key).is_some_and(Order::owes_rejection)
    }

    fn doubt_others(&mut self, id: &str, update: &OrderUpdate<'_>, found: Option<u64>) {
        let Some(unnamed) = self.index.unnamed(id) else { return };
        let [certain, doubtful, _] = unnamed.sets();
        let may_be = |key: &&u64| self.may_be(**key, update);
        let is_other = |key: &&u64| Some(**key) != found;
        let others: Vec<u64> = certain.iter().filter(is_other).filter(may_be).copied().collect();
        let has_doubtful = doubtful.iter().any(|key| Some(*key) != found);
        if has_doubtful {
            self.index.doubt_unnamed(id, self.moment());
        }
        self.doubt_each(others);
    }

    fn may_be(&self, key: u64, update: &OrderUpdate<'_>) -> bool {
        self.index.get(key).is_some_and(|order| !order.is_other_order(update))
    }

    fn doubt_each(&mut self, keys: Vec<u64>) {
        let now = self.moment();
        for key in keys {
            self.index.change(key, now, |order| order.raise(StaleReason::Contradiction, now));
        }
    }

    /// Returns the key of the order that a rejection is about: an order that a reply has refused already, or else the
    /// newest order that may be the rejected one.
    ///
    /// Puts the other orders that may be the rejected one in doubt in these cases:
    ///
    /// - A reply has refused the order, but a report may have been lost after the order was sent.
    /// - No reply has refused an order, and one of the orders has an id of the venue that only a reply has named.
    fn rejected(&mut self, id: &str, update: &OrderUpdate<'_>) -> Option<u64> {
        let named = if update.order_id == 0 { self.named_by_reply(id, update) } else { Vec::new() };
        let may_be = |key: &&u64| self.may_be(**key, update);
        let sets = self.index.unnamed(id).map(|unnamed| unnamed.sets());
        let is_owed = |key: &&u64| self.owes_rejection(id, **key);
        let refused = sets.and_then(|[.., ended]| ended.iter().filter(is_owed).find(may_be).copied());
        if let Some(refused) = refused {
            let sent = self.index.get(refused).map(Order::sent_at);
            if sent < Some(self.followed.lost()) {
                self.doubt_others(id, update, Some(refused));
                self.doubt_each(named);
            }
            return Some(refused);
        }
        let newest = |set: &BTreeSet<u64>| set.iter().rev().find(may_be).copied();
        let Some(first) = named.first().copied() else {
            return sets?.into_iter().filter_map(newest).max();
        };
        let open =
            sets.and_then(|[certain, doubtful, _]| [certain, doubtful].into_iter().filter_map(newest).max());
        let found = open.max(Some(first));
        self.doubt_others(id, update, found);
        self.doubt_each(named.into_iter().filter(|key| Some(*key) != found).collect());
        found
    }

    /// Returns the keys of some orders with the client order id `id`: a reply has named the venue's id of the order,
    /// but no event has reported the order. A rejection that does not name the venue's id may be about any of them.
    /// The newest order comes first.
    fn named_by_reply(&self, id: &str, update: &OrderUpdate<'_>) -> Vec<u64> {
        let is_unreported = |order: &Order| {
            order.request().is_some() && order.order_id.is_some() && !order.state.is_from_events()
        };
        let newest = self.index.by_client_order_id(id).rev().take(NAMESAKES_MAX);
        let unreported = newest.filter(|key| self.index.get(*key).is_some_and(is_unreported));
        unreported.filter(|key| self.may_be(*key, update)).collect()
    }

    /// Handles a request whose order was refused or was not sent: see [`Order::refuse`].
    ///
    /// If events were applied to this order, only the client order id connects them to it. So if they may be about
    /// another order with this client order id, which was sent before the first of these events, moves them to that
    /// order.
    pub(super) fn refuse(&mut self, key: u64, error: Option<(i64, Box<str>)>) {
        let now = self.moment();
        if let Some(heir) = self.heir(key) {
            self.index.hand_over(key, heir, now);
            self.doubt_unfollowed(heir);
        }
        self.index.change(key, now, |order| order.refuse(error));
        if self.index.get(key).is_some_and(Order::owes_rejection) {
            self.index.take_rejection(key);
        }
    }

    /// Handles an order that was not sent. If events were applied to it, only its client order id connects them to
    /// it, so they are about an order of another client. This other order keeps the entry, and the order that was not
    /// sent gets a new entry. Does nothing if the events may be about another order of this client. Returns the key
    /// of the order that was not sent.
    pub(super) fn split_unsent(&mut self, key: u64) -> u64 {
        let is_reported = |order: &Order| order.is_seen() && order.state != OrderState::Rejected;
        if !self.index.get(key).is_some_and(is_reported) || self.heir(key).is_some() {
            return key;
        }
        let now = self.moment();
        let Some(unsent) = self.index.change(key, now, Order::split_off).flatten() else { return key };
        self.doubt_unfollowed(key);
        self.index.insert(unsent)
    }

    /// Returns the key of the order that the events about the refused order `key` may belong to instead: the oldest
    /// such order that is open.
    fn heir(&self, key: u64) -> Option<u64> {
        let refused = self.index.get(key).filter(|order| order.is_reported())?;
        let [certain, doubtful, _] = self.index.unnamed(refused.client_order_id.as_deref()?)?.sets();
        let may_inherit = |other: &&u64| {
            **other != key && self.index.get(**other).is_some_and(|order| order.may_inherit(refused))
        };
        [certain, doubtful].into_iter().filter_map(|set| set.iter().find(may_inherit).copied()).min()
    }
}
