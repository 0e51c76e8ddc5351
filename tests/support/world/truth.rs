//! Compares what the client and the application know with the state of the exchange.

use std::time::Duration;

use gemini_ws::lifecycle::{State, StreamState};
use gemini_ws::{Book, Instant, LinkId, Lost, Stream, StreamId, Symbol, Updates};
use gemini_ws_simulator::Faults;

use super::super::machine::{Machine, Settings};
use super::Life;
use super::beliefs::Truth;
use super::figures::Milestone;
use super::network::{Driver, Network, Port};

/// The longest time for which the venue lets a client wait when there are no faults: the requested delay, the longest
/// of the host's limits, and all timeouts together.
const PATIENCE: Duration = Duration::from_secs(300);

impl<M: Machine> Life<'_, M> {
    /// When a link to the current API is live, checks that the venue has each stream that the client reports as
    /// active.
    pub(super) fn compare_at_live(&mut self, link: LinkId) {
        let Some(position) = self.world.network.of_link(link) else { return };
        if !self.world.network.ports[position].has_session {
            return;
        }
        let session = Network::session(position);
        let is_archived = self.world.network.ports[position].target.contains("/v");
        let exchange = &self.exchange;
        self.machine.each_stream(|id, stream, state| {
            let is_told = matches!(state, StreamState::Active | StreamState::Synced);
            if id.link_slot() == link.slot() && is_told && !is_archived {
                let name = stream.to_string();
                assert!(
                    exchange.subscriptions(session).any(|it| it == name),
                    "I-31: {stream} is not subscribed"
                );
            }
        });
    }

    /// Stops all faults, lets the client fulfil all commands of the application, and compares the client with the
    /// exchange.
    pub(super) fn compare(&mut self) {
        if self.end.is_some() || self.application.wants_end.is_some() || !self.application.is_open {
            return;
        }
        self.heal();
        self.converge();
        if self.end.is_some() {
            return;
        }
        // A book notices a missing update only at the next update, so wait until each book has a new one.
        let ids = |life: &Self| life.symbols().map(|symbol| life.last_update(symbol)).collect::<Vec<_>>();
        let before = ids(self);
        let until = self.now + PATIENCE;
        self.run_until(until, |life| ids(life).iter().zip(&before).all(|(now, then)| now > then));
        self.exchange.faults().halt_market(true);
        self.run(Duration::from_secs(3));
        self.converge();
        self.await_all_messages();
        if self.end.is_none() && (self.is_settled() || !self.may_never_settle()) {
            self.compare_subscriptions();
            self.compare_books();
            self.compare_orders();
        }
        self.exchange.faults().halt_market(false);
        self.is_healed = false;
    }

    /// Lets time pass until all messages about the state of the exchange have arrived. Quotes change although the
    /// market is halted: each ends at a fixed time.
    fn await_all_messages(&mut self) {
        let slowest = self.world.network.ports.iter().map(|port| port.latency).max().unwrap_or_default();
        loop {
            let before = Truth::of(&self.exchange);
            self.run(slowest * 2);
            self.converge();
            if self.end.is_some() || Truth::of(&self.exchange) == before {
                return;
            }
        }
    }

    /// I-29: lets time pass until the client has fulfilled all commands of the application.
    fn converge(&mut self) {
        let until = self.now + PATIENCE;
        while self.end.is_none() && !self.is_settled() {
            // `open` lets the client try failed links again. Further failures may be under way.
            let opened = self.machine.open(self.now);
            assert!(opened.is_ok() || self.end.is_some(), "{opened:?}");
            let holds =
                self.run_until(until, |life| life.end.is_some() || life.is_settled() || life.has_given_up());
            if !holds && self.may_never_settle() {
                return;
            }
            assert!(holds, "I-29: by {until:?} not all that is wanted is there: {}", self.states());
        }
    }

    /// Returns whether the client may repeat requests for ever, for one of these reasons:
    ///
    /// - A stream has a `silence_max`. While the market is halted, it gets no data.
    /// - The limit on requests leaves less room than one request of each link in each `silence_max`. Then the client
    ///   cannot probe all links in time, and drops links that it could not probe.
    fn may_never_settle(&self) -> bool {
        let settings = self.scenario.settings.iter().filter(|it| it.address.contains("//venue"));
        let mut links = 0;
        self.machine.each_link(|_, endpoint, _| {
            links += u32::from(self.scenario.settings[endpoint].address.contains("//venue"));
        });
        let lacks_room = settings.into_iter().any(|it| {
            let (limit, window) = it.request_limit;
            // After the half that may be used at once, the client spreads the other half over the window.
            window * links > it.silence_max * (limit - limit / 2)
        });
        lacks_room || self.application.declares_silence
    }

    fn has_given_up(&self) -> bool {
        let mut given_up = false;
        self.machine.each_link(|_, _, state| given_up |= state == State::Closed);
        given_up
    }

    fn heal(&mut self) {
        self.is_healed = true;
        *self.exchange.faults() = Faults::default();
        // Run until the driver reads again, so that the messages that wait for it arrive in their order.
        let unread = self.world.network.ports.iter().map(|port| port.unread_until).max();
        let until = self
            .unpolled_until
            .max(self.stalled_until)
            .max(self.untaken_until)
            .max(unread.unwrap_or(Instant::ZERO));
        self.run(until.since(self.now));
        for position in 0..self.world.network.ports.len() {
            let port = &mut self.world.network.ports[position];
            // Garble no further texts: on a quiet link, minutes would pass until they come.
            port.garbled = 0;
            self.exchange.faults().lose_frames(Network::session(position), 0);
            let is_half_open = port.is_mute || port.is_deaf || !port.has_session;
            if port.driver == Driver::Open && is_half_open {
                self.tear(position, Lost::Reset);
                self.flush();
            }
        }
    }

    /// Returns whether each link is live, each book is current and each other stream is active. Leaves out streams
    /// whose refusal comes too late.
    fn is_settled(&self) -> bool {
        let mut settled = true;
        self.machine.each_link(|_, _, state| settled &= state == State::Live);
        self.machine.each_stream(|id, stream, state| {
            let is_book = matches!(stream, Stream::Depth { .. });
            let is_there = state == if is_book { StreamState::Synced } else { StreamState::Active };
            settled &= is_there || self.is_refused_too_late(id, &stream);
        });
        settled
    }

    /// Returns whether a stream of market data v2 has an unknown name, and its link is so slow that each refusal
    /// comes after the timeout. Then the client cannot reject the stream: a refusal names no request, so it may be
    /// about an earlier one.
    fn is_refused_too_late(&self, id: StreamId, stream: &Stream) -> bool {
        let ports = &self.world.network.ports;
        let is_its = |port: &&Port| port.link.slot() == id.link_slot() && port.driver == Driver::Open;
        let Some(port) = ports.iter().rfind(is_its).filter(|port| port.target.contains("/v2/")) else {
            return false;
        };
        let is_slow = |settings: &Settings| port.latency * 2 >= settings.request_timeout;
        let is_unknown = stream.symbol().is_some_and(|symbol| symbol.as_str() == "nosuch");
        is_unknown && self.scenario.settings.iter().any(is_slow)
    }

    fn states(&self) -> String {
        let mut text = String::new();
        self.machine.each_link(|link, _, state| text += &format!("{link} {state:?}, "));
        self.machine.each_stream(|_, stream, state| text += &format!("{stream} {state:?}, "));
        text
    }

    fn symbols(&self) -> impl Iterator<Item = Symbol> + use<M> {
        ["btcusd", "ethusd", "ltcusd"].into_iter().map(|name| name.parse().unwrap())
    }

    fn last_update(&self, symbol: Symbol) -> u64 {
        self.exchange.book(symbol).map_or(0, |book| book.last_update_id)
    }

    /// I-31: checks that the venue has exactly the streams of the client.
    fn compare_subscriptions(&mut self) {
        let mut links = Vec::new();
        self.machine.each_link(|link, endpoint, _| links.push((link, endpoint)));
        for (link, endpoint) in links {
            if self.scenario.settings[endpoint].endpoint != gemini_ws::Endpoint::Streams {
                continue;
            }
            let Some(position) = self.world.network.of_link(link) else { continue };
            let mut wanted = Vec::new();
            self.machine.each_stream(|id, stream, _| {
                if id.link_slot() == link.slot() {
                    wanted.push(stream.to_string());
                }
            });
            wanted.sort();
            wanted.dedup();
            let has = |life: &Self| {
                let names = life.exchange.subscriptions(Network::session(position));
                let mut has: Vec<String> = names.map(str::to_owned).collect();
                has.sort_unstable();
                has
            };
            // If the venue ignored a request to unsubscribe, the client sends it again.
            let until = self.now + PATIENCE;
            self.run_until(until, |life| life.end.is_some() || has(life) == wanted);
            assert!(
                self.end.is_some() || has(self) == wanted,
                "I-31: {link}: {:?}, wanted {wanted:?}",
                has(self)
            );
            self.world.figures.reach(Milestone::SubscriptionsCompared);
        }
    }

    fn compare_books(&mut self) {
        // Frames of market data v2 have no ids that show a lost update.
        let mut doubtful = Vec::new();
        let settings = &self.scenario.settings;
        self.machine.each_link(|link, endpoint, _| {
            if self.application.l2_in_doubt && settings[endpoint].address.contains("/v2/") {
                doubtful.push(link.slot());
            }
        });
        let mut wanted = Vec::new();
        self.machine.each_stream(|id, stream, _| {
            if let Stream::Depth { symbol, .. } = stream
                && !doubtful.contains(&id.link_slot())
                && !self.is_refused_too_late(id, &stream)
            {
                wanted.push(symbol);
            }
        });
        for symbol in wanted {
            let truth = self.exchange.book(symbol).unwrap_or_default();
            let Some(Book::Live(book)) = self.beliefs.books.get(symbol.as_str()) else {
                panic!("I-61: {symbol} is synced and not live: {:?}", self.beliefs.books.get(symbol.as_str()))
            };
            assert!(book.bids().iter().eq(truth.bids.iter()), "I-60: {symbol}: bids");
            assert!(book.asks().iter().eq(truth.asks.iter()), "I-60: {symbol}: asks");
            self.world.figures.reach(Milestone::BooksCompared);
        }
    }

    fn compare_orders(&mut self) {
        self.beliefs.ask(&self.exchange, self.now);
        self.beliefs.take_answer(self.now);
        let (mut orders, mut account) = (false, [false; 3]);
        self.machine.each_stream(|_, stream, state| {
            let is_active = state == StreamState::Active;
            orders |= is_active && matches!(stream, Stream::Orders { .. });
            account[0] |= is_active && matches!(stream, Stream::Balances { .. });
            account[1] |= is_active && matches!(stream, Stream::Positions { .. });
            account[2] |= is_active && matches!(stream, Stream::Quotes { .. });
        });
        self.beliefs.check_certain(orders, account, self.application.added_at);
        let truth = Truth::of(&self.exchange);
        if !self.application.orders_in_doubt {
            self.beliefs.check_orders(&truth, orders);
            self.beliefs.check_tickets(&truth);
            self.beliefs.check_balances(&truth);
            self.beliefs.check_positions(&truth);
            if account[2] && self.beliefs.check_quotes(&truth, true) {
                self.world.figures.reach(Milestone::QuoteWon);
            }
        }
        for order in self.beliefs.orders.iter() {
            let known = order.order_id.is_none_or(|id| truth.order(id).is_some());
            assert!(known, "the exchange has no {order:?}");
            self.world.figures.reach(Milestone::OrdersCompared);
        }
    }

    /// Call this after the application has applied the last text that the venue sent at one moment. Checks everything
    /// that the application knows: it was true at that moment, or it is in doubt.
    pub(super) fn check_beliefs(&mut self, position: usize) {
        let Some(truth) = self.world.network.end_round(position) else { return };
        let is_gone = self.world.network.ports[position].driver == Driver::Gone;
        if self.end.is_some() || is_gone || self.is_behind() {
            return;
        }
        let (mut has_orders, mut has_balances, mut has_positions, mut has_quotes) =
            (false, false, false, false);
        let link = self.world.network.ports[position].link;
        self.machine.each_stream(|id, stream, state| {
            let is_own = id.link_slot() == link.slot() && state == StreamState::Active;
            has_orders |= is_own && matches!(stream, Stream::Orders { .. });
            has_quotes |= is_own && matches!(stream, Stream::Quotes { .. });
            has_balances |= is_own && matches!(stream, Stream::Balances { updates: Updates::Changes });
            has_positions |= is_own && matches!(stream, Stream::Positions { updates: Updates::Changes });
        });
        if self.scenario.trades && !self.application.orders_in_doubt {
            if has_orders {
                // Order events v1 may have reported newer states of orders.
                let settings = &self.scenario.settings;
                let is_only = settings.iter().all(|it| it.endpoint != gemini_ws::Endpoint::OrderEventsV1);
                self.beliefs.check_orders(&truth, is_only);
                self.world.figures.reach(Milestone::BeliefsChecked);
            }
            if has_quotes {
                self.beliefs.check_quotes(&truth, false);
                self.world.figures.reach(Milestone::QuotesChecked);
            }
            if has_balances {
                self.beliefs.check_balances(&truth);
            }
            if has_positions {
                self.beliefs.check_positions(&truth);
            }
        }
        if self.beliefs.check_books(&truth) > 0 {
            self.world.figures.reach(Milestone::BooksChecked);
        }
    }

    fn is_behind(&self) -> bool {
        self.now < self.unpolled_until.max(self.stalled_until).max(self.untaken_until)
    }
}
