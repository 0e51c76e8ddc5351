//! [`Machine`] is the interface through which the tests use a client. Faulty variants of a `Client` implement it too.

use std::sync::Arc;
use std::time::Duration;

use gemini_ws::lifecycle::{State, StreamState};
use gemini_ws::{
    Client, ClientConfig, CommandError, Config, ConnectFailure, ConnectRequest, Deadline, Endpoint,
    EndpointId, Event, Frame, GapRule, Instant, LinkId, Lost, Output, Request, RequestId, Scratch,
    ShutdownPlan, Stats, Stream, StreamId,
};

/// The commands, inputs, outputs and getters of a `Client`.
///
/// Methods identify an endpoint by the index of its settings.
pub trait Machine: Clone {
    fn add(&mut self, now: Instant, endpoint: usize) -> Result<(), CommandError>;
    fn remove(&mut self, now: Instant, endpoint: usize) -> Result<(), CommandError>;
    fn open(&mut self, now: Instant) -> Result<(), CommandError>;
    fn subscribe_at(&mut self, now: Instant, wanted: Wanted) -> Result<StreamId, CommandError>;
    fn unsubscribe(&mut self, now: Instant, id: StreamId) -> Result<(), CommandError>;
    fn resync(&mut self, now: Instant, id: StreamId) -> Result<(), CommandError>;
    fn request(&mut self, now: Instant, request: &Request) -> Result<RequestId, CommandError>;
    fn close(&mut self, now: Instant);
    fn close_by(&mut self, now: Instant, deadline: Instant);
    fn shut_down(&mut self, now: Instant, plan: Plan);

    fn handle_connected(&mut self, link: LinkId, now: Instant);
    fn handle_connect_failed(&mut self, link: LinkId, now: Instant, why: ConnectFailure);
    fn handle_frame<'f>(
        &mut self,
        link: LinkId,
        now: Instant,
        frame: Frame<'f>,
        scratch: &'f mut Scratch,
    ) -> Option<Event<'f>>;
    fn handle_lost(&mut self, link: LinkId, now: Instant, why: Lost);
    fn handle_timeout(&mut self, now: Instant);
    fn handle_resumed(&mut self, now: Instant);

    fn poll_output(&mut self) -> Option<Output>;
    fn connect_request(&self, link: LinkId) -> Option<ConnectRequest>;
    fn deadline(&self) -> Option<Deadline>;
    /// Calls `each` with the newest link of each slot, the index of its endpoint, and its state.
    fn each_link(&self, each: impl FnMut(LinkId, usize, State));
    fn each_stream(&self, each: impl FnMut(StreamId, Stream, StreamState));
    fn stats(&self) -> Stats;

    fn subscribe(&mut self, now: Instant, stream: Stream) -> Result<StreamId, CommandError> {
        self.subscribe_at(now, Wanted::new(stream))
    }
}

/// The arguments of a subscription: the stream, the endpoint if the caller chooses it, and the maximum time without
/// data.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Wanted {
    pub stream: Stream,
    pub endpoint: Option<usize>,
    pub silence_max: Option<Duration>,
}

impl Wanted {
    pub const fn new(stream: Stream) -> Wanted {
        Wanted { stream, endpoint: None, silence_max: None }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Plan {
    pub deadline: Instant,
    pub cancels_orders: bool,
    pub unsubscribes: bool,
}

/// A client, and the index of the settings of each of its endpoints.
#[derive(Clone, Debug)]
pub struct Many {
    pub client: Client,
    settings: Arc<[Settings]>,
    /// All endpoints that were ever added, because a link may outlive its endpoint.
    endpoints: Vec<(EndpointId, usize)>,
    present: Vec<EndpointId>,
}

impl Many {
    pub fn new(config: ClientConfig, settings: &[Settings], seed: u64) -> Many {
        let mut many = Many::without(config, settings, seed);
        for endpoint in 0..settings.len() {
            let _ = many.add(Instant::ZERO, endpoint);
        }
        many
    }

    pub fn single(settings: &Settings, seed: u64) -> Many {
        Many::new(ClientConfig::new(), std::slice::from_ref(settings), seed)
    }

    /// Creates a client without endpoints. [`add`](Machine::add) can add the endpoints of `settings`.
    pub fn without(config: ClientConfig, settings: &[Settings], seed: u64) -> Many {
        let client = Client::new(config, seed);
        Many { client, settings: settings.into(), endpoints: Vec::new(), present: Vec::new() }
    }

    /// Returns the newest id of an endpoint, which may have been removed.
    fn id(&self, endpoint: usize) -> Result<EndpointId, CommandError> {
        let newest = self.endpoints.iter().rfind(|known| known.1 == endpoint);
        newest.map(|known| known.0).ok_or(CommandError::UnknownEndpoint)
    }
}

impl Machine for Many {
    fn add(&mut self, now: Instant, endpoint: usize) -> Result<(), CommandError> {
        let settings = self.settings.get(endpoint).ok_or(CommandError::UnknownEndpoint)?;
        if self.id(endpoint).is_ok_and(|id| self.present.contains(&id)) {
            return Err(CommandError::UnknownEndpoint);
        }
        let id = self.client.add(now, settings.config())?;
        self.endpoints.push((id, endpoint));
        self.present.push(id);
        Ok(())
    }

    fn remove(&mut self, now: Instant, endpoint: usize) -> Result<(), CommandError> {
        let id = self.id(endpoint)?;
        self.client.remove(now, id)?;
        self.present.retain(|present| *present != id);
        Ok(())
    }

    fn subscribe_at(&mut self, now: Instant, wanted: Wanted) -> Result<StreamId, CommandError> {
        match wanted.endpoint {
            Some(endpoint) => {
                let id = self.id(endpoint)?;
                self.client.subscribe_at(now, id, wanted.stream, wanted.silence_max)
            }
            None => match wanted.silence_max {
                Some(silence_max) => self.client.subscribe_unless_silent(now, wanted.stream, silence_max),
                None => self.client.subscribe(now, wanted.stream),
            },
        }
    }

    fn open(&mut self, now: Instant) -> Result<(), CommandError> {
        self.client.open(now)
    }

    fn unsubscribe(&mut self, now: Instant, id: StreamId) -> Result<(), CommandError> {
        self.client.unsubscribe(now, id)
    }

    fn resync(&mut self, now: Instant, id: StreamId) -> Result<(), CommandError> {
        self.client.resync(now, id)
    }

    fn request(&mut self, now: Instant, request: &Request) -> Result<RequestId, CommandError> {
        self.client.request(now, request)
    }

    fn close(&mut self, now: Instant) {
        self.client.close(now);
    }

    fn close_by(&mut self, now: Instant, deadline: Instant) {
        self.client.close_by(now, deadline);
    }

    fn handle_connected(&mut self, link: LinkId, now: Instant) {
        self.client.handle_connected(link, now);
    }

    fn handle_connect_failed(&mut self, link: LinkId, now: Instant, why: ConnectFailure) {
        self.client.handle_connect_failed(link, now, why);
    }

    fn handle_frame<'f>(
        &mut self,
        link: LinkId,
        now: Instant,
        frame: Frame<'f>,
        scratch: &'f mut Scratch,
    ) -> Option<Event<'f>> {
        self.client.handle_frame(link, now, frame, scratch)
    }

    fn handle_lost(&mut self, link: LinkId, now: Instant, why: Lost) {
        self.client.handle_lost(link, now, why);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.client.handle_timeout(now);
    }

    fn handle_resumed(&mut self, now: Instant) {
        self.client.handle_resumed(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.client.poll_output()
    }

    fn shut_down(&mut self, now: Instant, plan: Plan) {
        let to = ShutdownPlan::by(plan.deadline);
        self.client.shut_down(now, to.cancel_orders(plan.cancels_orders).unsubscribe(plan.unsubscribes));
    }

    fn connect_request(&self, link: LinkId) -> Option<ConnectRequest> {
        self.client.connect_request(link)
    }

    fn deadline(&self) -> Option<Deadline> {
        self.client.deadline()
    }

    fn each_link(&self, mut each: impl FnMut(LinkId, usize, State)) {
        for (link, id, state) in self.client.links() {
            let endpoint = self.endpoints.iter().find(|known| known.0 == id).map(|known| known.1);
            each(link, endpoint.unwrap_or(0), state);
        }
    }

    fn each_stream(&self, mut each: impl FnMut(StreamId, Stream, StreamState)) {
        self.client.streams().for_each(|(id, stream, state)| each(id, stream, state));
    }

    fn stats(&self) -> Stats {
        self.client.stats()
    }
}

#[derive(Clone, Debug)]
pub struct Settings {
    pub address: String,
    pub endpoint: Endpoint,
    pub gap_rule: GapRule,
    pub connect_timeout: Duration,
    pub request_timeout: Duration,
    pub snapshot_timeout: Duration,
    pub resubscribe_delay: Duration,
    pub close_timeout: Duration,
    pub probe_after: Duration,
    pub silence_max: Duration,
    pub stable_after: Duration,
    pub backoff_base: Duration,
    pub backoff_cap: Duration,
    pub streams_max: usize,
    pub streams_per_request_max: usize,
    pub malformed_run_max: u32,
    pub authenticated: bool,
    pub stay_open: Option<bool>,
    pub attempts_max: Option<u32>,
    pub heartbeat_every: Option<Duration>,
    pub dial_limit: (u32, Duration),
    pub request_limit: (u32, Duration),
    pub order_limit: (u32, Duration),
    pub linger: Duration,
}

impl Settings {
    /// Creates settings with the documented defaults of `Config`, except that a link that is not needed closes at
    /// once.
    pub fn new(address: &str) -> Settings {
        let endpoint = Config::new(address).endpoint();
        let silence = if endpoint == Endpoint::Streams { [30, 45] } else { [10, 15] };
        Settings {
            address: address.to_owned(),
            endpoint,
            gap_rule: GapRule::Strict,
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(5),
            snapshot_timeout: Duration::from_secs(5),
            resubscribe_delay: Duration::from_secs(1),
            close_timeout: Duration::from_secs(3),
            probe_after: Duration::from_secs(silence[0]),
            silence_max: Duration::from_secs(silence[1]),
            stable_after: Duration::from_secs(30),
            backoff_base: Duration::from_millis(500),
            backoff_cap: Duration::from_secs(30),
            streams_max: 4_096,
            streams_per_request_max: 25,
            malformed_run_max: 16,
            authenticated: endpoint == Endpoint::OrderEventsV1,
            stay_open: None,
            attempts_max: None,
            heartbeat_every: None,
            dial_limit: (300, Duration::from_secs(300)),
            request_limit: (7_000, Duration::from_secs(10)),
            order_limit: (3_500, Duration::from_secs(10)),
            linger: Duration::ZERO,
        }
    }

    /// Creates the settings of `Client::single`: one link stays open, whatever is subscribed.
    pub fn single(address: &str) -> Settings {
        Settings { stay_open: Some(true), ..Settings::new(address) }
    }

    pub fn config(&self) -> Config {
        let config = Config::new(self.address.as_str())
            .gap_rule(self.gap_rule)
            .connect_timeout(self.connect_timeout)
            .request_timeout(self.request_timeout)
            .snapshot_timeout(self.snapshot_timeout)
            .resubscribe_delay(self.resubscribe_delay)
            .close_timeout(self.close_timeout)
            .probe_after(self.probe_after)
            .silence_max(self.silence_max)
            .stable_after(self.stable_after)
            .backoff(self.backoff_base, self.backoff_cap)
            .streams_max(self.streams_max)
            .streams_per_request_max(self.streams_per_request_max)
            .malformed_run_max(self.malformed_run_max)
            .authenticated(self.authenticated)
            .dial_limit(self.dial_limit.0, self.dial_limit.1)
            .request_limit(self.request_limit.0, self.request_limit.1)
            .order_limit(self.order_limit.0, self.order_limit.1)
            .linger(self.linger);
        let config = match self.stay_open {
            Some(stay) => config.stay_open(stay),
            None => config,
        };
        let config = match self.attempts_max {
            Some(attempts) => config.attempts_max(attempts),
            None => config,
        };
        match self.heartbeat_every {
            Some(interval) => config.heartbeat_every(interval),
            None => config,
        }
    }

    pub fn stays_open(&self) -> bool {
        self.stay_open.unwrap_or(match self.endpoint {
            Endpoint::Streams => self.authenticated,
            Endpoint::MarketDataV2 => false,
            Endpoint::MarketDataV1 | Endpoint::OrderEventsV1 => true,
        })
    }

    /// Returns the host of the address. The venue counts dials, requests and orders for each host.
    pub fn host(&self) -> &str {
        let rest = self.address.split_once("://").map_or(self.address.as_str(), |(_, rest)| rest);
        rest.split(['/', '?']).next().unwrap_or_default()
    }

    pub fn longest_wait(&self) -> Duration {
        // After failed requests for a stream, the client waits longer before the next one. It closes a link after
        // several requests without a reply.
        let delay = Duration::from_secs(60).max(self.resubscribe_delay);
        let asking = (self.request_timeout + self.snapshot_timeout + delay) * 4;
        self.connect_timeout + asking + self.silence_max + self.probe_after + self.close_timeout
    }
}
