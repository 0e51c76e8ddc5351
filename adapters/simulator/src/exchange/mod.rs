//! [`Exchange`]: handles the inputs of all sessions and returns their outputs.

#[cfg(test)]
mod conservation;
pub(crate) mod faulting;
mod keeping;
mod quoting;
mod rest;
mod trading;

use std::collections::BTreeMap;
use std::time::Duration;

use gemini_ws::{Frame, Instant, Stream, Symbol};
use serde_json::Value;

use crate::broker::Broker;
use crate::config::{Config, SourceConfig};
use crate::context::faults::Faults;
use crate::context::planned::PlannedFaults;
use crate::context::schedule::{Schedule, Task};
use crate::context::{self, Context};
use crate::frame::private::{OrderEventShape, PrivateStream};
use crate::frame::refusal::Refusal;
use crate::frame::request::{self, Method, ParseError, Request, TOO_LARGE};
use crate::frame::upgrade::{Endpoint, UpgradeRefusal, UpgradeRequest, refusal};
use crate::market::Market;
use crate::market::recorded::Recorded;
use crate::market::source::{Source, TrueBook};
use crate::rfq::{QUOTE_STREAM, Quotes};
use crate::session::authentication::Keys;
use crate::session::stats::Stats;
use crate::session::tally::Tally;
use crate::session::{Output, Sessions, SnapshotMode};
use crate::value::id::SessionId;
use crate::value::random::Random;
use crate::value::start::Start;

/// The longest time for which one call generates market events. If the pause between two calls is longer, the market
/// generates events only for the last part of the pause, which has this length.
pub const CATCH_UP_MAX: Duration = Duration::from_secs(1);

/// The latest time of the exchange: 292 years after its start. The exchange replaces later times by this one, so that
/// no sum overflows.
const FAR: Instant = Instant::from_nanos(u64::MAX / 2);

/// The maximum number of requests of a session in each [`REQUEST_WINDOW`].
const REQUESTS_MAX: u32 = 7_000;
const REQUEST_WINDOW: Duration = Duration::from_secs(10);
const CONNECTION_WINDOW: Duration = Duration::from_secs(300);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The maximum number of orders of a session in each [`REQUEST_WINDOW`].
const ORDERS_MAX: u32 = 3_500;
const ORDERS_OF_DAY_MAX: u32 = 10_000_000;

/// The code that stands for a Close frame without payload. It is never sent (RFC 6455 section 7.4.1).
pub(crate) const NO_STATUS: u16 = 1005;

const HELD_REPLIES_MAX: usize = 10_000;

/// A simulated exchange without sockets, clocks or threads.
///
/// After each `handle_*` call, and after planning faults, call [`Exchange::poll_output`] until it returns `None`. The
/// caller passes the time. If the time is earlier than that of a previous call, the exchange uses the latest time so
/// far. The same calls have the same results on a clone, except if the exchange plays a
/// [`Recording::streamed`](crate::Recording::streamed): clones share the lines of such a recording. See the [crate's
/// documentation](crate) for an example.
#[derive(Clone, Debug)]
pub struct Exchange {
    now: Instant,
    epoch: i64,
    server_ping: Duration,
    stale_percent: u32,
    source: SourceKind,
    broker: Broker,
    keys: Keys,
    last_serial: u64,
    order_event_shape: OrderEventShape,
    sends_order_snapshot: bool,
    order_replies_carry_id: bool,
    sessions: Sessions,
    schedule: Schedule,
    faults: Faults,
    planned: PlannedFaults,
    random: Random,
    held_replies: BTreeMap<u64, (SessionId, String)>,
    last_held: u64,
    connections: Tally,
}

#[derive(Clone, Debug)]
enum SourceKind {
    Market(Box<Market>),
    Recording(Box<Recorded>),
}

impl SourceKind {
    fn as_source(&self) -> &dyn Source {
        match self {
            SourceKind::Market(market) => market.as_ref(),
            SourceKind::Recording(recorded) => recorded.as_ref(),
        }
    }

    fn as_source_mut(&mut self) -> &mut dyn Source {
        match self {
            SourceKind::Market(market) => market.as_mut(),
            SourceKind::Recording(recorded) => recorded.as_mut(),
        }
    }
}

impl Exchange {
    /// Opens an exchange. The same configuration, seed and inputs yield the same outputs.
    pub fn new(config: Config, seed: u64) -> Exchange {
        let mut schedule = Schedule::default();
        let start = Start::of(config.epoch);
        let source = match config.source {
            SourceConfig::Market(symbols) => {
                let (events, orders) = (config.events_per_second, config.orders_per_side);
                let quotes = Quotes::new(&symbols, seed, config.quote_pause_max, start);
                SourceKind::Market(Box::new(Market::new(
                    &symbols,
                    seed,
                    events,
                    orders,
                    quotes,
                    config.epoch,
                    &mut schedule,
                )))
            }
            SourceConfig::Recording(recording) => SourceKind::Recording(Box::new(Recorded::new(recording))),
        };
        Exchange {
            now: Instant::ZERO,
            epoch: config.epoch.as_nanos(),
            server_ping: config.server_ping,
            stale_percent: config.stale_percent,
            source,
            broker: Broker::new(config.accounts, config.fees, seed, start),
            keys: Keys::default(),
            last_serial: 0,
            order_event_shape: config.order_event_shape,
            sends_order_snapshot: config.sends_order_snapshot,
            order_replies_carry_id: config.order_replies_carry_id,
            sessions: Sessions::default(),
            schedule,
            faults: Faults::default(),
            planned: PlannedFaults::default(),
            random: Random::for_name(seed, "sessions"),
            held_replies: BTreeMap::new(),
            last_held: 0,
            connections: Tally::default(),
        }
    }

    /// Handles the upgrade request of a client. An open session with the same id ends first, as with `handle_lost`,
    /// even if the exchange then refuses the upgrade.
    ///
    /// A request to the current API may have `X-GEMINI-` headers or a bearer token, which authenticate the session
    /// for an [`Account`](crate::Account). A request to order events v1 must have `X-GEMINI-` headers. The exchange
    /// ignores credentials in requests to archived market data.
    ///
    /// # Errors
    ///
    /// [`UpgradeRefusal`], the answer to send, if the exchange refuses the upgrade. In this case no session begins.
    pub fn handle_upgrade(
        &mut self,
        session: SessionId,
        now: Instant,
        request: &UpgradeRequest<'_>,
    ) -> Result<(), UpgradeRefusal> {
        self.advance(now);
        self.remove(session);
        let endpoint = request.endpoint()?;
        if let Some(refusal) = self.faults.refused_upgrade() {
            return Err(refusal);
        }
        if endpoint.is_market_data() {
            return self.open_market_data(session, &endpoint, request);
        }
        let venue_time = self.venue_time();
        let account = self.keys.authenticate(self.broker.accounts(), &endpoint, request, venue_time)?;
        if !matches!(endpoint, Endpoint::Streams | Endpoint::OrderEventsV1) {
            return Err(refusal(404, "EndpointNotFound"));
        }
        self.connections.add(self.now, CONNECTION_WINDOW);
        let next_ping = self.now + self.server_ping;
        self.sessions.open(session, SnapshotMode::of_query(request.query()), next_ping);
        self.schedule.add(next_ping, Task::Ping(session));
        self.open_private(session, endpoint, account, request);
        Ok(())
    }

    /// Opens a session without an account on the current API. `query` is the query of the URL, for example
    /// `snapshot=-1`. No session begins if [`Faults::refuse_upgrades`] refuses the upgrade.
    pub fn handle_connected(&mut self, session: SessionId, now: Instant, query: &str) {
        let target = format!("/?{}", query.trim_start_matches('?'));
        // Only a fault refuses an upgrade to the current API without credentials.
        let _ = self.handle_upgrade(session, now, &UpgradeRequest { target: &target, headers: &[] });
    }

    /// Handles a frame from a client. A Close frame ends the session: the exchange answers with [`Output::Close`] and
    /// the same code. A text that is too large for a request ends the session with the code 1009, except on order
    /// events v1. A request on the current API that names more than [`STREAMS_MAX`](crate::STREAMS_MAX) streams also
    /// ends the session with this code.
    ///
    /// The exchange ignores binary frames, frames from unknown sessions, all texts on order events v1, and texts on
    /// market data v1 that are not too large: these two APIs take no requests. [`Stats::ignored`] counts the ignored
    /// frames.
    pub fn handle_frame(&mut self, session: SessionId, now: Instant, frame: Frame<'_>) {
        self.advance(now);
        let Some(open) = self.sessions.get(session) else {
            self.sessions.stats_mut().ignored += 1;
            return;
        };
        match frame {
            Frame::Text(_) if *open.endpoint() == Endpoint::OrderEventsV1 => {
                self.sessions.stats_mut().ignored += 1
            }
            Frame::Text(text) if self.source.as_source().is_market_data(session) => {
                self.handle_market_data_request(session, text);
            }
            Frame::Text(text) => self.handle_request(session, text),
            Frame::Binary(_) => self.sessions.stats_mut().ignored += 1,
            // The WebSocket layer answers pings.
            Frame::Ping(_) | Frame::Pong(_) => {}
            Frame::Close { code, .. } => {
                self.end(Output::Close { session, code: code.unwrap_or(NO_STATUS), reason: "" });
            }
        }
        self.cut_overrun();
    }

    /// Handles the loss of a client's connection. Outputs for the session that have not been polled are dropped. If
    /// the query of the upgrade had `cancelOnDisconnect=true`, the exchange cancels the open orders of the session.
    pub fn handle_lost(&mut self, session: SessionId, now: Instant) {
        self.advance(now);
        self.remove(session);
    }

    /// Does everything that is due at `now`. After this call, [`Exchange::deadline`] is later than `now`, or `None`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
    }

    /// Returns the next output, in order; `None` if nothing is to be sent before the next input.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        self.obey_faults();
        self.sessions.poll()
    }

    /// Returns the time at which [`Exchange::handle_timeout`] next has something to do; `None` if there is no such
    /// time.
    pub fn deadline(&self) -> Option<Instant> {
        self.schedule.next().filter(|at| *at <= FAR)
    }

    /// Returns the faults, so that the caller can begin and end them at once. To begin a fault at a later time, use
    /// [`plan_faults`](Exchange::plan_faults).
    pub fn faults(&mut self) -> &mut Faults {
        &mut self.faults
    }

    /// Returns the true book of a symbol, to compare with the book of a client; `None` for an unknown symbol. With a
    /// recording, the book is empty before the first snapshot, and from a gap to the next snapshot.
    pub fn book(&self, symbol: Symbol) -> Option<TrueBook> {
        self.source.as_source().book(symbol)
    }

    /// Returns the names of the streams that a session of the current API is subscribed to, public and private; none
    /// for another session.
    pub fn subscriptions(&self, session: SessionId) -> impl Iterator<Item = &str> + '_ {
        let open = self.sessions.get(session);
        let public = open.into_iter().flat_map(|open| open.stream_names());
        let quotes = self.source.as_source().quotes();
        let has_quotes = quotes.is_some_and(|quotes| quotes.subscribers().contains(&session));
        public.chain(self.private_names(session)).chain(has_quotes.then_some(QUOTE_STREAM))
    }

    /// Returns the symbols of the market or recording, each once.
    pub fn symbols(&self) -> impl Iterator<Item = Symbol> + '_ {
        self.source.as_source().symbols()
    }

    /// Returns the counters.
    pub fn stats(&self) -> Stats {
        self.sessions.stats()
    }

    /// Returns the number of open sessions.
    pub fn session_count(&self) -> usize {
        self.sessions.count()
    }

    /// Does everything that is due at `now`, each task at its own time.
    fn advance(&mut self, now: Instant) {
        self.obey_faults();
        let now = self.now.max(now.min(FAR));
        let earliest = Instant::ZERO + now.since(Instant::ZERO).saturating_sub(CATCH_UP_MAX);
        while let Some((at, task)) = self.schedule.pop(now) {
            self.now = self.now.max(at).max(earliest);
            self.run(task);
        }
        self.now = now;
        self.cut_overrun();
    }

    fn run(&mut self, task: Task) {
        match task {
            Task::Ping(session) => {
                let next_ping = self.now + self.server_ping;
                if let Some(open) = self.sessions.get_mut(session) {
                    open.plan_ping(next_ping);
                    self.sessions.ping(session);
                    self.schedule.add(next_ping, task);
                }
            }
            Task::Reply(number) => {
                if let Some((session, text)) = self.held_replies.remove(&number) {
                    self.sessions.send(session, &text);
                }
            }
            Task::Quote => self.move_quotes(),
            Task::QuoteEnd => self.end_quotes(),
            Task::Fault(number) => self.run_planned(number),
            Task::AccountReport(session) => self.report(session),
            Task::OrderEventsHeartbeat(session) => self.send_heartbeat(session),
            _ => {
                let (source, mut cx) = self.source_and_context();
                source.run(&mut cx, task);
                self.flush();
            }
        }
    }

    fn split(&mut self) -> (&mut Broker, &mut SourceKind, Context<'_>) {
        let cx = Context {
            now: self.now,
            epoch: self.epoch,
            sessions: &mut self.sessions,
            schedule: &mut self.schedule,
            faults: &mut self.faults,
            random: &mut self.random,
            stale_percent: self.stale_percent,
        };
        (&mut self.broker, &mut self.source, cx)
    }

    fn source_and_context(&mut self) -> (&mut dyn Source, Context<'_>) {
        let (_, source, cx) = self.split();
        (source.as_source_mut(), cx)
    }

    fn venue_time(&self) -> i64 {
        context::venue_time(self.epoch, self.now)
    }

    fn open_market_data(
        &mut self,
        session: SessionId,
        endpoint: &Endpoint,
        request: &UpgradeRequest<'_>,
    ) -> Result<(), UpgradeRefusal> {
        let (source, mut cx) = self.source_and_context();
        source.open_market_data(&mut cx, session, endpoint, request)
    }

    fn handle_market_data_request(&mut self, session: SessionId, text: &str) {
        if request::is_too_large(text) {
            return self.end(Output::Close { session, code: TOO_LARGE, reason: "Message too big" });
        }
        let (source, mut cx) = self.source_and_context();
        source.handle_market_data_request(&mut cx, session, text);
    }

    fn handle_request(&mut self, session: SessionId, text: &str) {
        self.sessions.stats_mut().requests += 1;
        let open = self.sessions.get_mut(session);
        let used = open.map_or(0, |open| open.requests_mut().add(self.now, REQUEST_WINDOW));
        match request::parse(text) {
            Err(ParseError::TooLarge) => {
                self.end(Output::Close { session, code: TOO_LARGE, reason: "Message too big" });
            }
            Err(ParseError::Refused { id, refusal }) => self.refuse(session, &id, &refusal),
            Ok(Request { id, .. }) if self.faults.refuses_request() || used > REQUESTS_MAX => {
                self.refuse(session, &id, &Refusal::too_many_requests());
            }
            Ok(Request { id, method }) => {
                if let Err(refusal) = self.carry_out(session, &id, method, used) {
                    self.refuse(session, &id, &refusal);
                }
            }
        }
    }

    fn carry_out(&mut self, session: SessionId, id: &str, method: Method, used: u32) -> Result<(), Refusal> {
        let reply = match method {
            Method::Ping => request::acknowledgement(id),
            Method::Time => {
                let millis = self.venue_time().div_euclid(1_000_000);
                request::result(id, &format!(r#"{{"serverTime":{millis}}}"#))
            }
            Method::ConnectionInfo => self.connection_info(session, id, used),
            Method::ListSubscriptions => {
                let names = self.subscriptions(session).map(Value::from);
                request::result(id, &Value::Array(names.collect()).to_string())
            }
            Method::Depth { symbol, limit } => {
                let symbol = symbol.parse::<Symbol>().ok();
                let found = symbol.and_then(|symbol| self.source.as_source().depth_result(symbol, limit));
                request::result(id, &found.ok_or_else(Refusal::invalid_parameters)?)
            }
            Method::Order(request) => return self.handle_order(session, id, &request),
            Method::Quote(request) => return self.handle_quote(session, id, &request),
            Method::Subscribe(names) => return self.subscribe(session, id, names),
            Method::Unsubscribe(mut names) => {
                let quotes = self.take_quotes(&mut names);
                let (streams, private) = self.streams(session, &names)?;
                for stream in private {
                    self.stop_private(session, stream);
                }
                if let Some(quotes) = quotes.then(|| self.source.as_source_mut().quotes_mut()).flatten() {
                    quotes.unsubscribe(session);
                }
                for stream in streams {
                    let open = self.sessions.get_mut(session);
                    if open.is_some_and(|open| open.leave(&stream)) {
                        let (source, mut cx) = self.source_and_context();
                        source.unsubscribe(&mut cx, session, &stream);
                    }
                }
                request::acknowledgement(id)
            }
        };
        self.reply(session, reply);
        Ok(())
    }

    /// If the exchange makes requests for quotes, removes the stream `requestForQuote` from `names`. Returns whether
    /// a name was removed.
    fn take_quotes(&mut self, names: &mut Vec<String>) -> bool {
        let count = names.len();
        if self.source.as_source().quotes().is_some() {
            names.retain(|name| name != QUOTE_STREAM);
        }
        names.len() < count
    }

    /// Returns all streams that a request names, or the refusal of the first name that is unknown or that the session
    /// may not use.
    fn streams(
        &self,
        session: SessionId,
        names: &[String],
    ) -> Result<(Vec<Stream>, Vec<PrivateStream>), Refusal> {
        let (mut streams, mut private) = (Vec::new(), Vec::new());
        for name in names {
            if request::is_private(name) {
                private.push(self.private_stream(session, name)?);
                continue;
            }
            let stream = name.parse::<Stream>().ok().filter(request::is_public);
            let stream = stream.filter(|stream| self.source.as_source().has(stream));
            streams.push(stream.ok_or_else(|| Refusal::invalid_stream(name))?);
        }
        Ok((streams, private))
    }

    /// Subscribes a session to streams. A stream that is subscribed already is only acknowledged.
    fn subscribe(&mut self, session: SessionId, id: &str, mut names: Vec<String>) -> Result<(), Refusal> {
        if let Some(refusal) = self.faults.refused_subscribe() {
            return Err(refusal);
        }
        let is_on = |name: &str| self.subscriptions(session).any(|on| on.eq_ignore_ascii_case(name));
        if let Some(name) = names.iter().find(|name| self.faults.refuses_name(name) && !is_on(name)) {
            return Err(Refusal::invalid_stream(name));
        }
        let quotes = self.take_quotes(&mut names);
        let (streams, private) = self.streams(session, &names)?;
        if let Some(quotes) = quotes.then(|| self.source.as_source_mut().quotes_mut()).flatten() {
            quotes.subscribe(session);
        }
        let Some(open) = self.sessions.get_mut(session) else { return Ok(()) };
        let was_fresh = open.begin();
        let mut new = Vec::new();
        for stream in streams {
            if open.join(stream) {
                new.push(stream);
            }
        }
        // If all snapshots are small, chance decides whether they precede the first acknowledgement of a session.
        let are_small = new.iter().all(|stream| self.source.as_source().is_small(stream));
        let is_early = was_fresh && are_small && self.random.chance(1, 2);
        if !is_early {
            self.reply(session, request::acknowledgement(id));
        }
        for stream in new {
            let (source, mut cx) = self.source_and_context();
            source.subscribe(&mut cx, session, &stream);
        }
        for stream in private {
            self.start_private(session, stream);
        }
        if is_early {
            self.reply(session, request::acknowledgement(id));
        }
        Ok(())
    }

    /// Writes the reply to `conninfo`. The limits are members of the reply itself, which has no `result`.
    fn connection_info(&self, session: SessionId, id: &str, used: u32) -> String {
        let limit = |kind: &str, interval: &str, number: u32, limit: u32, count: u32| {
            format!(
                r#"{{"rateLimitType":"{kind}","interval":"{interval}","intervalNum":{number},"limit":{limit},"count":{count}}}"#
            )
        };
        let orders = self.orders_used(session);
        let attempts = self.connections.used(self.now, CONNECTION_WINDOW);
        let limits = [
            limit("REQUEST_WEIGHT", "SECOND", 10, REQUESTS_MAX, used),
            limit("ORDERS", "SECOND", 10, ORDERS_MAX, orders[0]),
            limit("ORDERS", "DAY", 1, ORDERS_OF_DAY_MAX, orders[1]),
            limit("CONNECTION_ATTEMPTS", "MINUTE", 5, 300, attempts),
        ];
        format!(r#"{{"id":{id},"status":200,"rateLimits":[{}]}}"#, limits.join(","))
    }

    fn refuse(&mut self, session: SessionId, id: &str, refusal: &Refusal) {
        self.sessions.stats_mut().refused += 1;
        self.reply(session, refusal.reply(id));
    }

    fn reply(&mut self, session: SessionId, text: String) {
        if self.sessions.is_heard(session) && self.faults.withholds_reply() {
            return;
        }
        let delay = self.faults.reply_delay();
        if delay.is_zero() || self.held_replies.len() >= HELD_REPLIES_MAX {
            self.sessions.send(session, &text);
        } else {
            self.last_held += 1;
            self.held_replies.insert(self.last_held, (session, text));
            self.schedule.add(self.now + delay, Task::Reply(self.last_held));
        }
    }

    /// Ends the session that `last` belongs to, and queues `last` after all outputs that wait for this session.
    fn end(&mut self, last: Output) {
        let session = last.session();
        self.leave_all(session);
        self.sessions.end(last);
    }

    fn remove(&mut self, session: SessionId) {
        self.leave_all(session);
        self.sessions.forget(session);
    }

    fn leave_all(&mut self, session: SessionId) {
        self.leave_private(session);
        let Some(open) = self.sessions.get_mut(session) else { return };
        let (streams, next_ping) = (open.take_streams(), open.next_ping());
        self.schedule.remove(next_ping, Task::Ping(session));
        let (source, mut cx) = self.source_and_context();
        source.leave_market_data(&mut cx, session);
        if let Some(quotes) = source.quotes_mut() {
            quotes.unsubscribe(session);
        }
        for stream in streams {
            let (source, mut cx) = self.source_and_context();
            source.unsubscribe(&mut cx, session, &stream);
        }
        let held = self.held_replies.iter().filter(|(_, (of, _))| *of == session);
        for number in held.map(|(number, _)| *number).collect::<Vec<u64>>() {
            self.held_replies.remove(&number);
        }
    }

    fn cut_overrun(&mut self) {
        for session in self.sessions.take_overrun() {
            self.sessions.stats_mut().overrun += 1;
            self.remove(session);
            self.sessions.cut(session);
        }
    }
}
