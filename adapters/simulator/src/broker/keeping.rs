//! Saving the accounts and their orders, and restoring them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Broker;
use crate::account::Account;
use crate::account::holdings::Holdings;
use crate::account::order::ClientOrder;
use crate::account::restored::StateOrder;
use crate::account::saved::SavedAccount;
use crate::context::Context;
use crate::market::Market;
use crate::market::client_orders::Ticket;
use crate::model::engine::Remainder;
use crate::state::{State, StateError};
use crate::value::order::OrderState;

/// The largest id of orders and events that can be restored. Above this limit, more ids remain than an exchange can
/// use.
const ORDER_ID_MAX: u64 = 1 << 62;

impl Broker {
    pub(crate) const fn last_id(&self) -> u64 {
        self.last_id
    }

    /// Returns the key, the last nonce and the assets of each account. `nonce` returns the last nonce of a key.
    pub(crate) fn saved_accounts(&self, nonce: impl Fn(&str) -> Option<u64>) -> Vec<SavedAccount> {
        let saved = |(account, holdings): (&Account, &Holdings)| SavedAccount {
            key: account.key().to_owned(),
            nonce: nonce(account.key()),
            assets: holdings.saved(),
        };
        self.accounts.iter().zip(&self.holdings).map(saved).collect()
    }

    /// Returns all orders: first those that have ended, in the order in which they ended, then the open ones. `ends`
    /// takes the serial number of a session, and returns whether the end of the session cancels its orders.
    ///
    /// The state shares the orders with the exchange: copying 100,000 orders would delay the clients.
    pub(crate) fn saved_orders(&self, ends: impl Fn(u64) -> bool) -> Vec<StateOrder> {
        let keys: Vec<Arc<str>> = self.accounts.iter().map(|account| Arc::from(account.key())).collect();
        let open = self.open.iter().filter_map(|(_, id)| self.orders.get(id));
        let shared = |order: &Arc<ClientOrder>| {
            let origin = order.origin();
            let key = keys.get(origin.account).cloned().unwrap_or_default();
            let ends_with_session = !order.is_final() && ends(origin.serial);
            StateOrder::Shared { order: Arc::clone(order), key, ends_with_session }
        };
        self.finished.iter().chain(open).map(shared).collect()
    }

    pub(crate) fn restore(
        &mut self,
        mut market: Option<&mut Market>,
        cx: &mut Context<'_>,
        state: &State,
    ) -> Result<(), StateError> {
        if state.ids().order > ORDER_ID_MAX {
            return Err(StateError::new("ids.order is too large"));
        }
        self.last_id = self.last_id.max(state.ids().order);
        let mut positions = BTreeMap::new();
        for saved in state.accounts() {
            let key = saved.key.as_str();
            let known = self.accounts.iter().position(|account| account.key() == key);
            let position = known.ok_or_else(|| {
                StateError::new(format_args!(
                    "it has the account {key}, which is not among those of the exchange; add the account"
                ))
            })?;
            if positions.insert(key, position).is_some() {
                return Err(StateError::new(format_args!("it has the account {key} twice")));
            }
            let holdings = Holdings::restored(&saved.assets);
            let holdings =
                holdings.map_err(|error| StateError::new(format_args!("account {key}: {error}")))?;
            if let Some(place) = self.holdings.get_mut(position) {
                *place = holdings;
            }
        }
        for saved in state.orders().iter().map(StateOrder::saved) {
            let wrong = |error: &str| StateError::new(format_args!("order {}: {error}", saved.order_id));
            let account = positions.get(saved.account.as_str()).copied();
            let account = account.ok_or_else(|| wrong("its account is not in the state"))?;
            let position = market.as_deref().and_then(|market| market.position(saved.symbol));
            let order = ClientOrder::restored(&saved, account, position).map_err(|error| wrong(&error))?;
            if order.id() > self.last_id {
                return Err(wrong("its id is later than ids.order"));
            }
            self.take_back(market.as_deref_mut(), cx, order, saved.ends_with_session)
                .map_err(|error| wrong(&error))?;
        }
        let accounts = self.accounts.iter().zip(&self.holdings);
        match accounts.filter_map(|(account, holdings)| Some((account, holdings.overdrawn()?))).next() {
            None => Ok(()),
            Some((account, asset)) => {
                let key = account.key();
                Err(StateError::new(format_args!("account {key}: its orders need more {asset} than it has")))
            }
        }
    }

    /// Restores one order. If `ends` is true, the order is cancelled, because its session has ended.
    fn take_back(
        &mut self,
        market: Option<&mut Market>,
        cx: &mut Context<'_>,
        mut order: ClientOrder,
        ends: bool,
    ) -> Result<(), String> {
        let (id, account) = (order.id(), order.origin().account);
        if self.orders.contains_key(&id) {
            return Err("it is there twice".to_owned());
        }
        if ends {
            order.cancel(None);
        }
        if order.is_final() {
            self.keep(order);
            self.finish(id);
            return Ok(());
        }
        if let Some(name) = &order.request().client_order_id
            && self.client_order_ids.insert((account, name.clone()), id).is_some()
        {
            return Err(format!("another open order has the client order id {name:?}"));
        }
        let (Some(market), Some(terms)) = (market, order.terms()) else {
            return Err("it is open, and has no market".to_owned());
        };
        self.check_restored(market.instrument(terms.position), &order, terms)?;
        if order.state() == OrderState::New {
            self.stops.insert(id);
        } else {
            let ticket = Ticket {
                position: terms.position,
                owner: Some(account),
                side: terms.book_side(order.request().side),
                limit: terms.book_limit(),
                quantity: order.left(),
                remainder: Remainder::Rests,
            };
            market.make_way(cx, &ticket);
            let resting = market.submit(cx, &ticket).resting;
            let resting = resting.filter(|_| market.take_executions().is_empty());
            let resting = resting.ok_or("it crosses another open order, or too much is open at its price")?;
            self.resting.insert((ticket.position, resting), id);
            order.rest_again(resting);
        }
        self.keep(order);
        self.open.insert((account, id));
        self.update_hold(id);
        Ok(())
    }
}
