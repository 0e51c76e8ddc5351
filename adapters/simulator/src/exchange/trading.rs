//! The requests and streams of authenticated sessions: orders, private streams, order events v1.

use std::time::Duration;

use super::{DAY, Exchange, ORDERS_MAX, ORDERS_OF_DAY_MAX, REQUEST_WINDOW, SourceKind};
use crate::account::holdings::Holdings;
use crate::account::ledger::{LedgerBalance, LedgerOrder, LedgerPosition};
use crate::account::order::{ClientOrder, OrderEvent};
use crate::account::{Account, AccountId};
use crate::broker::Broker;
use crate::context::Context;
use crate::context::schedule::Task;
use crate::frame::order_entry::{self, OrderMethod, OrderRequest};
use crate::frame::order_events_v1::OrderEventFeed;
use crate::frame::private::{self, PrivateStream};
use crate::frame::refusal::Refusal;
use crate::frame::request;
use crate::frame::upgrade::{Endpoint, UpgradeRequest};
use crate::market::Market;
use crate::session::Session;
use crate::session::private::Private;
use crate::value::id::SessionId;
use crate::value::order::Origin;

const ORDER_WINDOWS: [Duration; 2] = [REQUEST_WINDOW, DAY];

const REPORT_PERIOD: Duration = Duration::from_secs(1);

impl Exchange {
    /// Returns the accounts, in the order of the configuration.
    pub fn accounts(&self) -> impl Iterator<Item = AccountId> + '_ {
        self.broker.accounts().iter().filter_map(Account::account_id)
    }

    /// Returns the account for which a session is authenticated; `None` if the session is unknown or not
    /// authenticated.
    pub fn account_of(&self, session: SessionId) -> Option<AccountId> {
        self.broker.account(self.sessions.get(session)?.account()?)?.account_id()
    }

    /// Returns the orders of an account, the oldest first, to compare with the orders of a client. Returns no orders
    /// for an unknown account. The exchange remembers the last [`FINISHED_ORDERS_MAX`](crate::FINISHED_ORDERS_MAX)
    /// ended orders of all accounts together.
    ///
    /// ```
    /// use gemini_ws::{Frame, Instant};
    /// use gemini_ws_simulator::{Account, Config, Exchange, OrderState, SessionId, UpgradeRequest};
    ///
    /// let account = Account::new("account-key", "secret").bearer_token("token");
    /// let config = Config::market(["btcusd".parse().unwrap()]).account(account);
    /// let mut exchange = Exchange::new(config, 7);
    /// let (client, now) = (SessionId(1), Instant::ZERO);
    /// let request = UpgradeRequest { target: "/", headers: &[("Authorization", "Bearer token")] };
    /// exchange.handle_upgrade(client, now, &request).unwrap();
    /// let order = r#"{"id":1,"method":"order.place","params":{"symbol":"btcusd","side":"BUY",
    ///     "type":"LIMIT","timeInForce":"GTC","quantity":"0.1","price":"50000.00"}}"#;
    /// exchange.handle_frame(client, now, Frame::Text(order));
    /// let account = exchange.account_of(client).unwrap();
    /// assert_eq!(exchange.orders(account)[0].state, OrderState::Open);
    /// ```
    pub fn orders(&self, account: AccountId) -> Vec<LedgerOrder> {
        let position = self.broker.position(account);
        let orders = position.into_iter().flat_map(|position| self.broker.orders_of(position));
        orders.map(ClientOrder::ledger).collect()
    }

    /// Returns the balances of an account, sorted by currency; none for an unknown account.
    pub fn balances(&self, account: AccountId) -> Vec<LedgerBalance> {
        let holdings = self.broker.position(account).and_then(|position| self.broker.holdings(position));
        holdings.map(Holdings::balances).unwrap_or_default()
    }

    /// Returns the positions of an account in prediction-market contracts, sorted by symbol, without positions of
    /// zero; none for an unknown account.
    pub fn positions(&self, account: AccountId) -> Vec<LedgerPosition> {
        let holdings = self.broker.position(account).and_then(|position| self.broker.holdings(position));
        holdings.map(Holdings::positions).unwrap_or_default()
    }

    /// Stores a nonce that a key has used elsewhere, for example over REST. From now on the exchange accepts only
    /// greater nonces from this key.
    pub fn note_nonce(&mut self, key: &str, nonce: u64) {
        self.keys.note(key, nonce);
    }

    pub(super) fn parts(&mut self) -> (&mut Broker, Option<&mut Market>, Context<'_>) {
        let (broker, source, cx) = self.split();
        let market = match source {
            SourceKind::Market(market) => Some(market.as_mut()),
            SourceKind::Recording(_) => None,
        };
        (broker, market, cx)
    }

    /// Sets the endpoint, the account and the [`Private`] state of a session that has just been opened. On order
    /// events v1, also sends the first frames and plans the heartbeats.
    pub(super) fn open_private(
        &mut self,
        session: SessionId,
        endpoint: Endpoint,
        account: Option<usize>,
        request: &UpgradeRequest<'_>,
    ) {
        self.last_serial += 1;
        let mut parameters = request.parameters();
        let cancels_on_disconnect =
            parameters.any(|(name, value)| name == "cancelOnDisconnect" && value == "true");
        let (mut texts, mut private_feed) = (Vec::new(), None);
        if endpoint == Endpoint::OrderEventsV1
            && let Some((position, owner)) =
                account.and_then(|position| Some((position, self.broker.account(position)?)))
        {
            let mut feed = OrderEventFeed::new(request, self.now, &mut self.random);
            texts.extend(owner.account_id().map(|id| feed.acknowledgement(id)));
            let open = self.broker.open_orders(position);
            let initial: Vec<String> = open.filter_map(|order| feed.initial(owner, order)).collect();
            if !initial.is_empty() {
                texts.push(format!("[{}]", initial.join(",")));
            }
            if let Some(next) = feed.next_heartbeat() {
                self.schedule.add(next, Task::OrderEventsHeartbeat(session));
            }
            private_feed = Some(feed);
        }
        if let Some(open) = self.sessions.get_mut(session) {
            let private = Private::new(self.last_serial, cancels_on_disconnect, private_feed);
            open.identify(endpoint, account, private);
        }
        for text in texts {
            self.sessions.send(session, &text);
        }
    }

    /// Ends the private streams and the heartbeat of a session. With `cancelOnDisconnect=true`, also cancels its open
    /// orders.
    pub(super) fn leave_private(&mut self, session: SessionId) {
        let Some(open) = self.sessions.get_mut(session) else { return };
        let (Some(account), private) = open.take_private() else { return };
        if let Some(next) = private.next_report() {
            self.schedule.remove(next, Task::AccountReport(session));
        }
        if let Some(next) = private.feed().and_then(OrderEventFeed::next_heartbeat) {
            self.schedule.remove(next, Task::OrderEventsHeartbeat(session));
        }
        if private.cancels_on_disconnect() {
            if let (broker, Some(market), mut cx) = self.parts() {
                broker.cancel_all(market, &mut cx, account, Some(private.serial()));
            }
            self.publish_private();
        }
    }

    pub(super) fn flush(&mut self) {
        if let (broker, Some(market), mut cx) = self.parts() {
            broker.flush(market, &mut cx);
        }
        self.publish_private();
    }

    /// Carries out a request about orders. Chance decides whether the reply comes before or after the events.
    pub(super) fn handle_order(
        &mut self,
        session: SessionId,
        id: &str,
        request: &OrderRequest,
    ) -> Result<(), Refusal> {
        let Some(origin) = self.trader(session)? else { return Ok(()) };
        let Origin { account, serial, .. } = origin;
        let parameters = request.parameters.as_ref();
        let mut reply = request::acknowledgement(id);
        match request.method {
            OrderMethod::Place => {
                let order = order_entry::new_order(parameters)?;
                self.count_order(session)?;
                let carries_id = self.order_replies_carry_id;
                let (broker, market, mut cx) = self.parts();
                match broker.place(market, &mut cx, origin, order) {
                    Ok(order) if carries_id => {
                        reply = request::result(id, &format!(r#"{{"orderId":"{order}"}}"#));
                    }
                    Ok(_) => {}
                    Err(reason) => {
                        self.sessions.stats_mut().refused += 1;
                        reply = Refusal::order_rejected(reason).reply(id);
                    }
                }
            }
            OrderMethod::Cancel => {
                let order = order_entry::cancelled_order(parameters)?;
                let (broker, market, mut cx) = self.parts();
                if !broker.cancel(market, &mut cx, account, order) {
                    self.sessions.stats_mut().refused += 1;
                    reply = Refusal::unknown_order().reply(id);
                }
            }
            OrderMethod::CancelAll | OrderMethod::CancelSession => {
                request::without_parameters(parameters, ())?;
                let serial = (request.method == OrderMethod::CancelSession).then_some(serial);
                if let (broker, Some(market), mut cx) = self.parts() {
                    broker.cancel_all(market, &mut cx, account, serial);
                }
            }
        }
        let is_early = self.random.chance(1, 2);
        if is_early {
            self.publish_private();
        }
        self.reply(session, reply);
        self.publish_private();
        Ok(())
    }

    /// Returns the origin of a session's orders; `None` if there is no such session. Refuses if the session is not
    /// authenticated or its key may not trade.
    pub(super) fn trader(&self, session: SessionId) -> Result<Option<Origin>, Refusal> {
        let Some(open) = self.sessions.get(session) else { return Ok(None) };
        let account =
            open.account().filter(|account| self.broker.account(*account).is_some_and(Account::may_trade));
        let account = account.ok_or_else(Refusal::authentication_required)?;
        Ok(Some(Origin { account, session, serial: open.private().serial() }))
    }

    fn count_order(&mut self, session: SessionId) -> Result<(), Refusal> {
        let used = self.orders_used(session);
        let now = self.now;
        let Some(open) = self.sessions.get_mut(session) else { return Ok(()) };
        if used[0] >= ORDERS_MAX || used[1] >= ORDERS_OF_DAY_MAX {
            return Err(Refusal::too_many_requests());
        }
        for (orders, length) in open.private_mut().orders_mut().iter_mut().zip(ORDER_WINDOWS) {
            orders.add(now, length);
        }
        Ok(())
    }

    pub(super) fn orders_used(&self, session: SessionId) -> [u32; 2] {
        let Some(open) = self.sessions.get(session) else { return [0; 2] };
        [0, 1].map(|kind| open.private().orders()[kind].used(self.now, ORDER_WINDOWS[kind]))
    }

    /// Returns the private stream with a name. Refuses if the session is not authenticated, if its key may not read,
    /// or if no private stream has this name.
    pub(super) fn private_stream(&self, session: SessionId, name: &str) -> Result<PrivateStream, Refusal> {
        let account = self.sessions.get(session).and_then(Session::account);
        let account = account.and_then(|position| self.broker.account(position));
        if !account.is_some_and(Account::may_read) {
            return Err(Refusal::authentication_required());
        }
        PrivateStream::of_name(name).ok_or_else(|| Refusal::invalid_stream(name))
    }

    /// Starts a private stream, unless the session already has it. Some streams begin with the present state.
    pub(super) fn start_private(&mut self, session: SessionId, stream: PrivateStream) {
        let now = self.now;
        let Some(open) = self.sessions.get_mut(session) else { return };
        let Some(account) = open.account().filter(|_| open.private_mut().join(stream)) else { return };
        if stream.is_periodic() && open.private().next_report().is_none() {
            let next = now + REPORT_PERIOD;
            open.private_mut().plan_report(next);
            self.schedule.add(next, Task::AccountReport(session));
        }
        let time = self.venue_time();
        match stream {
            PrivateStream::Orders if self.sends_order_snapshot => {
                let open = self.broker.open_orders(account);
                let text = private::order_snapshot(self.order_event_shape, open, time);
                self.sessions.send(session, &text);
            }
            PrivateStream::Balances | PrivateStream::Positions => {
                self.send_state(session, account, stream, time);
            }
            _ => {}
        }
    }

    pub(super) fn stop_private(&mut self, session: SessionId, stream: PrivateStream) {
        let Some(open) = self.sessions.get_mut(session) else { return };
        if let Some(next) = open.private_mut().leave(stream) {
            self.schedule.remove(next, Task::AccountReport(session));
        }
    }

    pub(super) fn report(&mut self, session: SessionId) {
        let (now, time) = (self.now, self.venue_time());
        let Some(open) = self.sessions.get_mut(session) else { return };
        let Some(account) = open.account() else { return };
        let periodic: Vec<PrivateStream> =
            open.private().streams().filter(|stream| stream.is_periodic()).collect();
        let next = now + REPORT_PERIOD;
        open.private_mut().plan_report(next);
        self.schedule.add(next, Task::AccountReport(session));
        for stream in periodic {
            self.send_state(session, account, stream, time);
        }
    }

    fn send_state(&mut self, session: SessionId, account: usize, stream: PrivateStream, time: i64) {
        let Some(holdings) = self.broker.holdings(account) else { return };
        let text = match stream {
            PrivateStream::Positions | PrivateStream::PositionsEachSecond => {
                let id = self.broker.account(account).and_then(Account::account_id);
                private::position_report(id.unwrap_or(AccountId(0)), &holdings.positions(), time)
            }
            _ => private::balance_update(&holdings.balances(), time),
        };
        self.sessions.send(session, &text);
    }

    pub(super) fn send_heartbeat(&mut self, session: SessionId) {
        let (now, time) = (self.now, self.venue_time());
        let feed = self.sessions.get_mut(session).and_then(|open| open.private_mut().feed_mut());
        let Some(feed) = feed else { return };
        let text = feed.heartbeat(time);
        let next = feed.plan_heartbeat(now);
        self.schedule.add(next, Task::OrderEventsHeartbeat(session));
        self.sessions.send(session, &text);
    }

    pub(super) fn publish_private(&mut self) {
        self.publish_quotes();
        let events = self.broker.take_events();
        let mut batches: Vec<(SessionId, Vec<String>)> = Vec::new();
        for event in &events {
            self.publish_event(event, &mut batches);
        }
        for (session, objects) in batches {
            // Chance decides whether the events share a frame or have a frame each.
            if self.random.chance(1, 2) {
                self.sessions.send(session, &format!("[{}]", objects.join(",")));
            } else {
                for object in objects {
                    self.sessions.send(session, &format!("[{object}]"));
                }
            }
        }
        self.publish_holdings();
    }

    fn publish_event(&mut self, event: &OrderEvent, batches: &mut Vec<(SessionId, Vec<String>)>) {
        let Some(order) = self.broker.order(event.order) else { return };
        let account = order.origin().account;
        let Some(owner) = self.broker.account(account) else { return };
        let text = private::order_update(self.order_event_shape, order, event);
        // Each session, whether it is on order events v1, and the texts for it.
        let mut recipients: Vec<(SessionId, bool, Vec<String>)> = Vec::new();
        for session in self.sessions.of_account(account) {
            let Some(open) = self.sessions.get_mut(session) else { continue };
            if let Some(feed) = open.private_mut().feed_mut() {
                // The feed advances its `socket_sequence` even if a fault loses the event.
                recipients.push((session, true, feed.objects(owner, order, event)));
                continue;
            }
            let private = open.private();
            let is_own = private.serial() == order.origin().serial;
            let wanted = usize::from(private.has(PrivateStream::Orders))
                + usize::from(is_own && private.has(PrivateStream::SessionOrders));
            let texts = text.iter().flat_map(|text| vec![text.clone(); wanted]).collect();
            recipients.push((session, false, texts));
        }
        // The faults count only events that at least one session gets.
        let is_sent = recipients
            .iter()
            .any(|(session, _, texts)| !texts.is_empty() && self.sessions.is_heard(*session));
        let copies = if is_sent { self.faults.order_event_copies() } else { 1 };
        for (session, is_v1, texts) in recipients {
            let texts = std::iter::repeat_n(texts, copies).flatten();
            if !is_v1 {
                texts.for_each(|text| self.sessions.send(session, &text));
                continue;
            }
            match batches.iter_mut().find(|(known, _)| *known == session) {
                Some((_, batch)) => batch.extend(texts),
                None => batches.push((session, texts.collect())),
            }
        }
        batches.retain(|(_, objects)| !objects.is_empty());
    }

    fn publish_holdings(&mut self) {
        let time = self.venue_time();
        for account in 0..self.broker.accounts().len() {
            let (balances, positions) = self.broker.take_changes(account);
            if balances.is_empty() && positions.is_empty() {
                continue;
            }
            let id = self.broker.account(account).and_then(Account::account_id);
            for session in self.sessions.of_account(account) {
                let Some(open) = self.sessions.get(session) else { continue };
                let [for_balances, for_positions] = [PrivateStream::Balances, PrivateStream::Positions]
                    .map(|stream| open.private().has(stream));
                if for_balances && !balances.is_empty() {
                    self.sessions.send(session, &private::balance_update(&balances, time));
                }
                if for_positions && !positions.is_empty() {
                    let id = id.unwrap_or(AccountId(0));
                    self.sessions.send(session, &private::position_report(id, &positions, time));
                }
            }
        }
    }

    pub(super) fn private_names(&self, session: SessionId) -> impl Iterator<Item = &str> + '_ {
        let open = self.sessions.get(session);
        open.into_iter().flat_map(|open| open.private().streams().map(|stream| stream.name()))
    }
}
