//! [`Config`]: the settings of one endpoint, and the reason for each default.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::request::stream::Stream;
use crate::value::address::{Address, UserInfo};
use crate::value::endpoint::Endpoint;
use crate::value::id::StreamId;
use crate::value::sequence::GapRule;
use crate::value::snapshot::Snapshot;
use crate::value::symbol::Symbol;

/// The production [address](crate::protocol::streams#addresses) of the current API.
pub const PRODUCTION: &str = "wss://ws.gemini.com/";

/// The sandbox address of the current API. Books of the sandbox can
/// [stay crossed for long](crate::protocol::quirks#crossed-books-on-the-sandbox).
pub const SANDBOX: &str = "wss://ws.sandbox.gemini.com/";

/// The default of [`Config::requests_in_flight_max`].
pub const REQUESTS_IN_FLIGHT_MAX: usize = 64;

/// The settings of one endpoint and its links. Each setter states the default of its setting. A getter `get_…`
/// returns the present value of its setting. A time below 1 ms counts as 1 ms (2 ms for [`Config::silence_max`]);
/// only [`Config::linger`], [`Config::slow_retry`] and the windows of limits may be shorter.
/// ```
/// use core::time::Duration;
/// use gemini_ws::Config;
///
/// let config = Config::new("ws://127.0.0.1:9000").connect_timeout(Duration::from_secs(2));
/// assert_eq!(config.url(), "ws://127.0.0.1:9000/?snapshot=-1");
/// assert_eq!(config.get_connect_timeout(), Duration::from_secs(2));
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    address: Address,
    pub(crate) api: Endpoint,
    pub(crate) symbol: Option<Symbol>,
    pub(crate) snapshot: Snapshot,
    pub(crate) cancel_on_disconnect: bool,
    pub(crate) authenticated: bool,
    pub(crate) stay_open: Option<bool>,
    pub(crate) gap_rule: GapRule,
    pub(crate) connect_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) snapshot_timeout: Duration,
    pub(crate) resubscribe_delay: Duration,
    pub(crate) resubscribe_cap: Duration,
    pub(crate) close_timeout: Duration,
    pub(crate) probe_after: Duration,
    pub(crate) silence_max: Duration,
    pub(crate) stable_after: Duration,
    pub(crate) backoff_base: Duration,
    pub(crate) backoff_cap: Duration,
    pub(crate) slow_retry: Duration,
    pub(crate) retry_after_max: Duration,
    pub(crate) linger: Duration,
    pub(crate) attempts_max: Option<u32>,
    pub(crate) heartbeat_every: Option<Duration>,
    pub(crate) dial_limit: (u32, Duration),
    pub(crate) request_limit: (u32, Duration),
    pub(crate) order_limit: (u32, Duration),
    pub(crate) streams_max: usize,
    pub(crate) streams_per_request_max: usize,
    pub(crate) snapshots_max: usize,
    pub(crate) requests_in_flight_max: usize,
    pub(crate) malformed_run_max: u32,
    seed: Option<u64>,
}

/// The minimum of each setting for a timer. With zero, the timer would be due all the time.
const SHORTEST: Duration = Duration::from_millis(1);

impl Config {
    /// Creates the default settings for an endpoint such as [`PRODUCTION`]. The path of the address decides the API:
    /// `/v2/marketdata`, `/v1/marketdata/{symbol}`, `/v1/multimarketdata` and `/v1/order/events` are paths of
    /// archived APIs, and any other path belongs to the current API. [`Config::api`] sets another API.
    ///
    /// The address is normalised, for example to a lower-case host without the default port. A name and a password
    /// move to [`ConnectRequest::user`](crate::ConnectRequest::user). On the current API, valid query parameters
    /// `snapshot` and `cancelOnDisconnect` become [`Config::snapshot`] and [`Config::cancel_on_disconnect`]. On market
    /// data v1, several parameters `symbols` become one list, because the venue documents only one such parameter.
    /// ```
    /// use gemini_ws::{Config, Endpoint};
    ///
    /// let config = Config::new("WSS://api.gemini.com:443/v1/marketdata/btcusd?top_of_book=true");
    /// assert_eq!(config.endpoint(), Endpoint::MarketDataV1);
    /// let url = "wss://api.gemini.com/v1/marketdata/btcusd?top_of_book=true&heartbeat=true";
    /// assert_eq!(config.url(), url);
    /// ```
    pub fn new(endpoint: impl AsRef<str>) -> Config {
        let address = Address::new(endpoint.as_ref());
        let api = Endpoint::of_path(address.path());
        let config = Config::with_defaults(address).api(api).authenticated(api == Endpoint::OrderEventsV1);
        if api == Endpoint::Streams {
            return config;
        }
        // The archived APIs send a heartbeat every five seconds, so a shorter silence shows that a link is dead.
        config.probe_after(Duration::from_secs(10)).silence_max(Duration::from_secs(15))
    }

    /// Returns the defaults for [`PRODUCTION`], where every trade is real.
    /// ```
    /// use gemini_ws::{Config, PRODUCTION};
    ///
    /// assert!(Config::production().url().starts_with(PRODUCTION));
    /// ```
    pub fn production() -> Config {
        Config::new(PRODUCTION)
    }

    /// Returns the defaults for [`SANDBOX`], where accounts and money are for tests.
    pub fn sandbox() -> Config {
        Config::new(SANDBOX)
    }

    /// Sets the API at the address. This is necessary only if the path does not show the API. `api` also sets the
    /// symbol: to the symbol in the path for market data v1, otherwise to none. So call `api` before
    /// [`Config::symbol`]. `api` also treats the parameters of the address as [`Config::new`] does for this API. The
    /// default of [`Config::stay_open`] depends on the new API; all other defaults still depend on the path.
    #[must_use]
    pub fn api(mut self, api: Endpoint) -> Config {
        self.api = api;
        let one = self.address.last_of_path("/v1/marketdata/").and_then(|symbol| symbol.parse().ok());
        self.symbol = one.filter(|_| api == Endpoint::MarketDataV1);
        if api == Endpoint::MarketDataV1 {
            self.address.join_parameters("symbols");
        }
        if api == Endpoint::Streams {
            let snapshot = self.address.take_parameter("snapshot", Snapshot::of_parameter);
            let cancel = self.address.take_parameter("cancelOnDisconnect", |value| value.parse().ok());
            self.snapshot = snapshot.unwrap_or(self.snapshot);
            self.cancel_on_disconnect = cancel.unwrap_or(self.cancel_on_disconnect);
        }
        self
    }

    /// Sets the symbol of market data v1 frames. This is necessary only if neither the frames nor the path contains
    /// the symbol. Set no symbol for `/v1/multimarketdata`: the client would ignore frames about other symbols.
    #[must_use]
    pub const fn symbol(mut self, symbol: Symbol) -> Config {
        self.symbol = Some(symbol);
        self
    }

    /// Returns the API at the address.
    pub const fn endpoint(&self) -> Endpoint {
        self.api
    }

    const fn with_defaults(address: Address) -> Config {
        Config {
            address,
            api: Endpoint::Streams,
            symbol: None,
            snapshot: Snapshot::Full,
            cancel_on_disconnect: false,
            authenticated: false,
            stay_open: None,
            gap_rule: GapRule::Strict,
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(5),
            snapshot_timeout: Duration::from_secs(5),
            resubscribe_delay: Duration::from_secs(1),
            resubscribe_cap: Duration::from_secs(60),
            close_timeout: Duration::from_secs(3),
            probe_after: Duration::from_secs(30),
            silence_max: Duration::from_secs(45),
            stable_after: Duration::from_secs(30),
            backoff_base: Duration::from_millis(500),
            backoff_cap: Duration::from_secs(30),
            slow_retry: Duration::from_secs(30),
            retry_after_max: Duration::from_secs(3_600),
            linger: Duration::from_secs(5),
            attempts_max: None,
            heartbeat_every: None,
            dial_limit: (300, Duration::from_secs(300)),
            request_limit: (7_000, Duration::from_secs(10)),
            order_limit: (3_500, Duration::from_secs(10)),
            streams_max: 4_096,
            streams_per_request_max: 25,
            snapshots_max: 100,
            requests_in_flight_max: REQUESTS_IN_FLIGHT_MAX,
            malformed_run_max: 16,
            seed: None,
        }
    }

    /// Sets the seed of the random delays between attempts to connect, for [`Client::single`](crate::Client::single).
    /// The same seed, calls and times give the same outputs. Give each client its own seed, so that clients do not
    /// reconnect together. Default: none; then `single` uses a random seed (without the feature `std`: zero).
    /// ```
    /// use gemini_ws::{Client, Config, Instant, Output, PRODUCTION};
    ///
    /// let mut client = Client::single(Config::new(PRODUCTION).seed(7));
    /// client.open(Instant::ZERO)?;
    /// assert!(matches!(client.poll_output(), Some(Output::Connect(_))));
    /// # Ok::<(), gemini_ws::CommandError>(())
    /// ```
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Config {
        self.seed = Some(seed);
        self
    }

    pub(crate) fn seed_or_random(&self) -> u64 {
        if let Some(seed) = self.seed {
            return seed;
        }
        #[cfg(feature = "std")]
        {
            use core::hash::{BuildHasher, Hasher};
            std::hash::RandomState::new().build_hasher().finish()
        }
        #[cfg(not(feature = "std"))]
        0
    }

    /// Sets which levels the snapshot of a book has; only for the current API. Default: all.
    #[must_use]
    pub const fn snapshot(mut self, snapshot: Snapshot) -> Config {
        self.snapshot = snapshot;
        self
    }

    /// Sets whether the end of a link makes the venue cancel the orders that were placed over this link ([cancel on
    /// disconnect](crate::protocol::quirks#cancel-on-disconnect)). Only for the current API. Default: no.
    #[must_use]
    pub fn cancel_on_disconnect(mut self, cancel: bool) -> Config {
        // The address may have a `cancelOnDisconnect` that could not be read.
        self.address.remove_parameter("cancelOnDisconnect");
        self.cancel_on_disconnect = cancel;
        self
    }

    /// Sets whether the driver signs the upgrade. Orders and the streams of an account need a signed upgrade.
    /// Default: no, except at the path `/v1/order/events`, where the venue requires a signature.
    #[must_use]
    pub const fn authenticated(mut self, authenticated: bool) -> Config {
        self.authenticated = authenticated;
        self
    }

    /// Sets whether a [`Client`](crate::Client) keeps one link to this endpoint open while no stream needs the link.
    /// Default: yes for authenticated endpoints of the current API, and for both v1 APIs; no for other endpoints. The
    /// getter returns `None` for the default. [`Client::single`](crate::Client::single) always sets yes. With no, a
    /// client never connects to a v1 endpoint, because v1 endpoints have no streams.
    #[must_use]
    pub const fn stay_open(mut self, stay: bool) -> Config {
        self.stay_open = Some(stay);
        self
    }

    /// Returns `symbol`, or the parameter `symbols` of the address. `None` if there is neither, or one is invalid.
    pub(crate) fn symbols(&self) -> Option<Vec<Symbol>> {
        if let Some(symbol) = self.symbol {
            return Some(alloc::vec![symbol]);
        }
        let names = self.address.parameter("symbols")?;
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        let symbols: Option<Vec<Symbol>> = names.map(|name| name.parse().ok()).collect();
        symbols.filter(|symbols| !symbols.is_empty())
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        self.address.parameter(name)
    }

    pub(crate) fn has(&self, stream: &Stream) -> bool {
        match self.api {
            Endpoint::Streams => !matches!(stream, Stream::Candles { .. }),
            Endpoint::MarketDataV2 => stream.feed().is_some(),
            Endpoint::MarketDataV1 | Endpoint::OrderEventsV1 => false,
        }
    }

    pub(crate) fn stays_open(&self) -> bool {
        self.stay_open.unwrap_or(match self.api {
            Endpoint::Streams => self.authenticated,
            Endpoint::MarketDataV2 => false,
            Endpoint::MarketDataV1 | Endpoint::OrderEventsV1 => true,
        })
    }

    /// Sets which update ids count as contiguous. Default: `Strict` ([measured](crate::protocol::streams#gaps)).
    #[must_use]
    pub const fn gap_rule(mut self, rule: GapRule) -> Config {
        self.gap_rule = rule;
        self
    }

    /// Limits the time for name look-up, TCP, TLS and upgrade together. Default: 10 s, as in the official Go client.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Config {
        self.connect_timeout = timeout.max(SHORTEST);
        self
    }

    /// Sets how long the reply to a request may take. Default: 5 s; round trips of 64 to 78 ms were measured.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Config {
        self.request_timeout = timeout.max(SHORTEST);
        self
    }

    /// Sets how long a book may wait for its snapshot after the venue has confirmed the subscription. If the snapshot
    /// of another book arrives over the link, and that book was requested earlier or in the same request, the time
    /// begins again. When the time is over, an [`Event::Unserved`](crate::Event::Unserved) reports the waiting book.
    /// On market data v2, which confirms nothing, [`Config::request_timeout`] applies instead. Default: 5 s; up to
    /// 700 ms were measured ([replies and data](crate::protocol::streams#replies-and-data)).
    #[must_use]
    pub fn snapshot_timeout(mut self, timeout: Duration) -> Config {
        self.snapshot_timeout = timeout.max(SHORTEST);
        self
    }

    /// Sets the delay before the client requests a stream again in the two cases below. Each further failure or loss
    /// in a row doubles the delay, up to [`Config::resubscribe_cap`]. If a `subscribe` for several streams is refused
    /// for now or gets no reply, the delay is not doubled: the next request names half as many streams. Default: 1 s.
    ///
    /// - A request about the stream failed: no reply or no snapshot came in time, the venue refused the request for
    ///   now or after data of the stream had come, or a frame that may have been the snapshot could not be decoded.
    /// - A book lost an update within [`Config::stable_after`] of the snapshot that repaired its previous loss
    ///   ([`Unserved::Relapsed`](crate::Unserved::Relapsed)). After any other loss, there is no delay.
    #[must_use]
    pub fn resubscribe_delay(mut self, delay: Duration) -> Config {
        self.resubscribe_delay = delay.max(SHORTEST);
        self
    }

    /// Sets the longest delay before the client requests a stream again. A value below
    /// [`Config::resubscribe_delay`] counts as that delay. Default: 60 s.
    #[must_use]
    pub fn resubscribe_cap(mut self, delay: Duration) -> Config {
        self.resubscribe_cap = delay.max(SHORTEST);
        self
    }

    /// Sets the time limit for the closing handshake. After this time the client drops the transport. Default: 3 s.
    #[must_use]
    pub fn close_timeout(mut self, timeout: Duration) -> Config {
        self.close_timeout = timeout.max(SHORTEST);
        self
    }

    /// Sets the silence after which the client probes the link with the method `ping`. If necessary, also raises
    /// [`Config::silence_max`], so that the time for the reply to a probe does not become shorter. Default: 30 s,
    /// because the venue pings every 20 s ([liveness](crate::protocol::streams#liveness)). At archived endpoints the
    /// client sends no probe and waits for any frame; the default there is 10 s.
    #[must_use]
    pub fn probe_after(mut self, silence: Duration) -> Config {
        let answer = self.silence_max.saturating_sub(self.probe_after);
        self.probe_after = silence.clamp(SHORTEST, Duration::from_secs(u64::MAX / 2));
        self.silence_max = self.silence_max.max(self.probe_after.saturating_add(answer));
        self
    }

    /// Sets the silence after which the client drops the link, even if [`Config::request_limit`] has left no room for
    /// the probe. If less than a third of this time would remain for a probe, also lowers [`Config::probe_after`], so
    /// that a third remains. Default: 45 s, more than two of the venue's ping periods (20 s each); if archived, 15 s.
    #[must_use]
    pub fn silence_max(mut self, silence: Duration) -> Config {
        self.silence_max = silence.max(SHORTEST.saturating_mul(2));
        let third = self.silence_max.checked_div(3).unwrap_or_default().max(SHORTEST);
        self.probe_after = self.probe_after.min(self.silence_max.saturating_sub(third));
        self
    }

    /// Sets how long a link or a book must work until the client forgets its failures. A link that stays live for
    /// this time resets the backoff of its slot and the count of [`Config::attempts_max`]. After a book has stayed
    /// current for this time since its snapshot, its earlier losses no longer lengthen the delay of
    /// [`Config::resubscribe_delay`]. Default: 30 s, so that the delays grow if a peer drops each link early.
    #[must_use]
    pub fn stable_after(mut self, duration: Duration) -> Config {
        self.stable_after = duration.max(SHORTEST);
        self
    }

    /// Sets the shortest and the longest random delay before another attempt to connect. The n-th delay in a row is
    /// between `base` and `base` · 2ⁿ, and not longer than `cap`. A `cap` below twice `base` is raised to twice
    /// `base`, so that many clients do not reconnect at the same instant. Default: 500 ms and 30 s.
    #[must_use]
    pub fn backoff(mut self, base: Duration, cap: Duration) -> Config {
        self.backoff_base = base.max(SHORTEST);
        self.backoff_cap = cap.max(self.backoff_base.saturating_mul(2));
        self
    }

    /// Sets a delay that is added to the delay of [`Config::backoff`] in five cases (default: 30 s):
    ///
    /// - The venue (HTTP 429 or 503, close code 1008 or 1013) or a proxy (429) asks to wait, without `Retry-After`.
    /// - The peer's certificate has expired or is not valid yet.
    /// - An unsigned upgrade gets HTTP 403 or 404 without a reason.
    /// - An endpoint refuses an upgrade (for example with HTTP 401) or shows an untrusted certificate, although a
    ///   link to this endpoint was open earlier.
    /// - The peer closes with a code such as 4001, although a link to the endpoint was live for
    ///   [`Config::stable_after`].
    #[must_use]
    pub fn slow_retry(mut self, delay: Duration) -> Config {
        self.slow_retry = delay;
        self
    }

    /// Sets the longest delay that a `Retry-After` or a rate limit of the venue can cause. The client cuts longer
    /// delays; a [`ConnectFailure::Status`](crate::ConnectFailure::Status) has the uncut `Retry-After`. Default: 1 h.
    #[must_use]
    pub fn retry_after_max(mut self, delay: Duration) -> Config {
        self.retry_after_max = delay.max(SHORTEST);
        self
    }

    /// Sets how long a link stays open after the client no longer needs it. During this time, a new stream can use
    /// the link. Default: 5 s.
    #[must_use]
    pub const fn linger(mut self, duration: Duration) -> Config {
        self.linger = duration;
        self
    }

    /// Sets the maximum number of failed attempts in a row in a slot. After this number, the link ends with
    /// [`CloseReason::AttemptsExhausted`](crate::CloseReason::AttemptsExhausted). Zero counts as 1. An attempt fails
    /// if the link does not open, or is lost before it is live. A link that is live for [`Config::stable_after`]
    /// resets the count. Default: no limit.
    #[must_use]
    pub fn attempts_max(mut self, attempts: u32) -> Config {
        self.attempts_max = Some(attempts.max(1));
        self
    }

    /// Sets how long an authenticated link may be without a request about orders, quotes or private streams before
    /// [`Event::HeartbeatDue`](crate::Event::HeartbeatDue) asks you to send `POST /v1/heartbeat`. It is unknown
    /// whether other requests, such as `ping`, count as heartbeats. If a key [requires
    /// heartbeats](crate::protocol::streams#account-conditions), the venue cancels the open orders of its session
    /// 30 s after the last authenticated request or heartbeat. Gemini recommends 15 s. Default: never.
    #[must_use]
    pub fn heartbeat_every(mut self, interval: Duration) -> Config {
        self.heartbeat_every = Some(interval.max(SHORTEST));
        self
    }

    /// Sets the maximum number of attempts to connect in any `window`, over all links of a client to the same host.
    /// Half of the limit may be used at once; the rest is spread evenly over the window
    /// ([`RateLimiter`](crate::RateLimiter)). Zero counts as 1. Default: 300 in five minutes
    /// ([limits](crate::protocol::streams#limits)). For attempts, requests and orders, the client obeys the limits of
    /// every endpoint at the host, and those in the newest reply to
    /// [`Request::ConnectionInfo`](crate::Request::ConnectionInfo).
    #[must_use]
    pub const fn dial_limit(mut self, attempts: u32, window: Duration) -> Config {
        self.dial_limit = (attempts, window);
        self
    }

    /// Sets the maximum number of requests in any `window`, over all links of a client to the same host. Half of the
    /// limit may be used at once, as for [`Config::dial_limit`]. While there is no room, subscriptions and probes
    /// wait, and the client refuses other requests. Only the cancel request of a shutdown ignores this limit.
    /// Default: 7,000 in 10 s ([limits](crate::protocol::streams#limits)). Who may use how much of this half:
    ///
    /// - `subscribe` and `unsubscribe`: about three quarters. While some wait, about every 16th request that the
    ///   client sends is one of them, and may use all of the half.
    /// - Probes and cancellations: all. Other requests: about 15/16.
    #[must_use]
    pub const fn request_limit(mut self, requests: u32, window: Duration) -> Config {
        self.request_limit = (requests, window);
        self
    }

    /// Sets the maximum number of new orders in any `window`, over all links of a client to the same host. Half of
    /// the limit may be used at once, as for [`Config::dial_limit`]. The client refuses an order for which there is
    /// no room. Default: 3,500 in 10 s ([limits](crate::protocol::streams#limits)).
    #[must_use]
    pub const fn order_limit(mut self, orders: u32, window: Duration) -> Config {
        self.order_limit = (orders, window);
        self
    }

    /// Sets the maximum number of streams of a link, and of subscriptions to one stream, from 1 to 1,048,576. A
    /// stream that is being unsubscribed counts until the venue has confirmed the `unsubscribe`. Default: 4,096; one
    /// connection to the venue has held 4,784 streams ([measured](crate::protocol::quirks#large-subscribe-requests)).
    #[must_use]
    pub const fn streams_max(mut self, streams: usize) -> Config {
        self.streams_max = StreamId::clamp_places(streams);
        self
    }

    /// Sets how many streams one `subscribe` or `unsubscribe` may name. Zero counts as 1. Default: 25; above about
    /// 100 the venue closes the link with code 1009 ([measured](crate::protocol::quirks#large-subscribe-requests)).
    #[must_use]
    pub fn streams_per_request_max(mut self, streams: usize) -> Config {
        self.streams_per_request_max = streams.max(1);
        self
    }

    /// Sets how many books of a link may wait for their snapshots at the same time. Zero counts as 1. The client
    /// requests further books later. After an [`Event::Unserved`](crate::Event::Unserved), a book does not count
    /// until the client requests it again. Default: 100.
    #[must_use]
    pub fn snapshots_max(mut self, books: usize) -> Config {
        self.snapshots_max = books.max(1);
        self
    }

    /// Sets how many places a link has for requests that wait for a reply, from 1 to 65,536. Requests to subscribe or
    /// unsubscribe take at most three quarters of the places. When all places are taken, the client still sends two
    /// kinds of requests: one [probe](Config::probe_after) at a time, and a cancellation (of orders or of a quote) if
    /// fewer cancellations than a quarter of the places wait for a reply. Default: [`REQUESTS_IN_FLIGHT_MAX`].
    #[must_use]
    pub fn requests_in_flight_max(mut self, requests: usize) -> Config {
        self.requests_in_flight_max = requests.clamp(1, 65_536);
        self
    }

    /// Sets how many undecodable frames in a row make the client drop the link. Zero counts as 1. Consecutive
    /// undecodable frames of one stream count as one frame, because only that stream is affected. On market data v1
    /// and order events v1, the client drops the link after the first undecodable text frame, unless this frame is a
    /// heartbeat of market data v1. Default: 16.
    #[must_use]
    pub fn malformed_run_max(mut self, frames: u32) -> Config {
        self.malformed_run_max = frames.max(1);
        self
    }

    /// Returns the address to dial, without a name and a password, with the parameters that the settings need.
    pub fn url(&self) -> String {
        let mut parameters = Vec::new();
        match self.api {
            Endpoint::Streams => {
                parameters.push(("snapshot", self.snapshot.parameter()));
                if self.cancel_on_disconnect {
                    parameters.push(("cancelOnDisconnect", "true".into()));
                }
            }
            Endpoint::MarketDataV2 => {}
            // Without heartbeats, silence would not show whether the link is alive.
            Endpoint::MarketDataV1 | Endpoint::OrderEventsV1 => parameters.push(("heartbeat", "true".into())),
        }
        self.address.with_parameters(&parameters)
    }

    pub(crate) fn user(&self) -> Option<UserInfo> {
        self.address.user().cloned()
    }

    /// Returns the host of the address, with the port unless it is the default port. Rate limits apply to a host.
    pub(crate) fn host(&self) -> &str {
        self.address.host()
    }
}

macro_rules! getters {
    ($config:ident: $($getter:ident => $setting:ident: $type:ty = $($field:ident).+ $(, $part:literal)?;)*) => {
        impl $config {
            $(
                #[doc = concat!("Returns what [`", stringify!($setting), "`](", stringify!($config), "::", stringify!($setting), ") sets" $(, " as the ", $part)?, ".")]
                pub const fn $getter(&self) -> $type {
                    self.$($field).+
                }
            )*
        }
    };
}

getters! { Config:
    get_symbol => symbol: Option<Symbol> = symbol;
    get_requests_in_flight_max => requests_in_flight_max: usize = requests_in_flight_max;
    get_snapshots_max => snapshots_max: usize = snapshots_max;
    get_resubscribe_cap => resubscribe_cap: Duration = resubscribe_cap;
    get_seed => seed: Option<u64> = seed;
    get_snapshot => snapshot: Snapshot = snapshot;
    get_cancel_on_disconnect => cancel_on_disconnect: bool = cancel_on_disconnect;
    get_authenticated => authenticated: bool = authenticated;
    get_stay_open => stay_open: Option<bool> = stay_open;
    get_gap_rule => gap_rule: GapRule = gap_rule;
    get_connect_timeout => connect_timeout: Duration = connect_timeout;
    get_request_timeout => request_timeout: Duration = request_timeout;
    get_snapshot_timeout => snapshot_timeout: Duration = snapshot_timeout;
    get_resubscribe_delay => resubscribe_delay: Duration = resubscribe_delay;
    get_close_timeout => close_timeout: Duration = close_timeout;
    get_probe_after => probe_after: Duration = probe_after;
    get_silence_max => silence_max: Duration = silence_max;
    get_stable_after => stable_after: Duration = stable_after;
    get_backoff_base => backoff: Duration = backoff_base, "shortest delay";
    get_backoff_cap => backoff: Duration = backoff_cap, "longest delay";
    get_slow_retry => slow_retry: Duration = slow_retry;
    get_retry_after_max => retry_after_max: Duration = retry_after_max;
    get_linger => linger: Duration = linger;
    get_attempts_max => attempts_max: Option<u32> = attempts_max;
    get_heartbeat_every => heartbeat_every: Option<Duration> = heartbeat_every;
    get_dial_limit => dial_limit: (u32, Duration) = dial_limit;
    get_request_limit => request_limit: (u32, Duration) = request_limit;
    get_order_limit => order_limit: (u32, Duration) = order_limit;
    get_streams_max => streams_max: usize = streams_max;
    get_streams_per_request_max => streams_per_request_max: usize = streams_per_request_max;
    get_malformed_run_max => malformed_run_max: u32 = malformed_run_max;
}

#[cfg(test)]
#[path = "../tests/unit/config.rs"]
mod tests;
