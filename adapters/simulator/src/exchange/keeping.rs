//! Saving an exchange, and restoring it.

use super::{Exchange, SourceKind};
use crate::config::Config;
use crate::session::Session;
use crate::state::{SavedIds, State, StateError};

impl Exchange {
    /// Returns the state that a restarted exchange needs: balances, positions, orders, last nonces and last ids.
    ///
    /// The state contains the open orders, and the ended orders that the exchange still remembers. It does not
    /// contain sessions, quotes or the books of the market. If a session with `cancelOnDisconnect` is open now,
    /// [`Exchange::restore`] cancels the open orders of this session.
    ///
    /// ```
    /// use gemini_ws::{Frame, Instant};
    /// use gemini_ws_simulator::{Account, Config, Exchange, SessionId, UpgradeRequest};
    ///
    /// let account = Account::new("account-key", "secret").bearer_token("token");
    /// let config = Config::market(["btcusd".parse().unwrap()]).account(account);
    /// let mut exchange = Exchange::new(config.clone(), 7);
    /// let request = UpgradeRequest { target: "/", headers: &[("Authorization", "Bearer token")] };
    /// exchange.handle_upgrade(SessionId(1), Instant::ZERO, &request).unwrap();
    /// let order = r#"{"id":1,"method":"order.place","params":{"symbol":"btcusd","side":"BUY",
    ///     "type":"LIMIT","timeInForce":"GTC","quantity":"0.1","price":"50000.00"}}"#;
    /// exchange.handle_frame(SessionId(1), Instant::ZERO, Frame::Text(order));
    ///
    /// let restored = Exchange::restore(config, 7, &exchange.save()).unwrap();
    /// let account = restored.accounts().next().unwrap();
    /// assert_eq!(restored.orders(account), exchange.orders(account));
    /// assert_eq!(restored.balances(account), exchange.balances(account));
    /// ```
    pub fn save(&self) -> State {
        let market = match &self.source {
            SourceKind::Market(market) => market.last_ids(),
            SourceKind::Recording(_) => SavedIds::default(),
        };
        let ids = SavedIds { order: self.broker.last_id(), ..market };
        let ends = self.sessions.all().filter(|open| open.private().cancels_on_disconnect());
        let ends: Vec<u64> = ends.map(|open: &Session| open.private().serial()).collect();
        let accounts = self.broker.saved_accounts(|key| self.keys.last(key));
        State::new(ids, accounts, self.broker.saved_orders(|serial| ends.contains(&serial)))
    }

    /// Opens an exchange that continues from a state.
    ///
    /// Accounts that are missing in the state begin as configured. The market starts again from the seed. Generated
    /// orders that would match an open order of an account are left out, so that the open order rests in the book
    /// again.
    ///
    /// # Errors
    ///
    /// [`StateError`] if the configuration lacks an account of the state or the market of an open order, if a value
    /// of the state is impossible, or if two values contradict each other.
    pub fn restore(config: Config, seed: u64, state: &State) -> Result<Exchange, StateError> {
        let mut exchange = Exchange::new(config, seed);
        for saved in state.accounts() {
            if let Some(nonce) = saved.nonce {
                exchange.keys.note(&saved.key, nonce);
            }
        }
        let (broker, mut market, mut cx) = exchange.parts();
        if let Some(market) = market.as_deref_mut() {
            market.raise_ids(state.ids()).map_err(StateError::new)?;
        }
        broker.restore(market, &mut cx, state)?;
        Ok(exchange)
    }

    /// Returns a number that rises with each change of the accounts and orders. When it has risen, call
    /// [`Exchange::save`] again.
    ///
    /// ```
    /// use gemini_ws_simulator::{Account, Config, Exchange};
    ///
    /// let account = Account::new("account-key", "secret");
    /// let mut exchange = Exchange::new(Config::market(["btcusd".parse().unwrap()]).account(account), 7);
    /// let before = exchange.revision();
    /// exchange.note_nonce("account-key", 5);
    /// assert!(exchange.revision() > before);
    /// ```
    pub fn revision(&self) -> u64 {
        // Every event of an order takes an id, and nothing else changes balances.
        self.broker.last_id().wrapping_add(self.keys.notes())
    }
}
