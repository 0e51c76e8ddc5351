//! [`Config`]: everything that can be chosen about a connection, and why the default is what it is.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::num::NonZeroU32;
use core::time::Duration;

use crate::request::stream::Stream;
use crate::value::address::{Address, UserInfo};
use crate::value::endpoint::Endpoint;
use crate::value::sequence::GapRule;
use crate::value::symbol::Symbol;

/// The production [address](crate::protocol::streams#addresses) of the current API.
pub const PRODUCTION: &str = "wss://ws.gemini.com/";

/// The sandbox address of the current API. Its books can
/// [stay crossed for long](crate::protocol::quirks#crossed-books-on-the-sandbox).
pub const SANDBOX: &str = "wss://ws.sandbox.gemini.com/";

/// The default of [`Config::requests_in_flight_max`].
pub const REQUESTS_IN_FLIGHT_MAX: usize = 64;

/// How a connection behaves. Each method documents its default; `get_…` returns what is set.
///
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
    /// Normalised, with the rest of its query.
    address: Address,
    pub(crate) api: Endpoint,
    /// What the address of market data v1 chooses, if it is one symbol.
    pub(crate) symbol: Option<Symbol>,
    pub(crate) snapshot: Snapshot,
    pub(crate) cancel_on_disconnect: bool,
    pub(crate) authenticated: bool,
    /// `None`: as the endpoint has it.
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

/// Which levels the snapshot of a book has ([parameter](crate::protocol::streams#parameters) `snapshot`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Snapshot {
    /// All of them.
    #[default]
    Full,
    /// The best so many per side. Whether later changes are limited to these is not known, so only
    /// as many of the book's levels are sure.
    Best(NonZeroU32),
}

impl Snapshot {
    /// How many levels per side the snapshots of an endpoint have, if not all: the archived ones send all.
    pub(crate) const fn levels(self, endpoint: Endpoint) -> Option<NonZeroU32> {
        match (endpoint, self) {
            (Endpoint::Streams, Snapshot::Best(levels)) => Some(levels),
            _ => None,
        }
    }
}

/// No duration may be zero: a timer that is due at once for ever would spin.
const SHORTEST: Duration = Duration::from_millis(1);

impl Config {
    /// The defaults, for an endpoint such as [`PRODUCTION`]. The path of the address says which
    /// generation it is of: `/v2/marketdata`, `/v1/marketdata/{symbol}`, `/v1/multimarketdata` and
    /// `/v1/order/events` are the archived ones; [`Config::api`] says otherwise.
    ///
    /// The address is normalised: scheme and host in lower case, no default port, no name and password, which the
    /// venue does not take, and no slash behind the path of an archived endpoint. Of its query, `snapshot` and
    /// `cancelOnDisconnect` count as [`Config::snapshot`] and [`Config::cancel_on_disconnect`].
    ///
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
        let mut config =
            Config::with_defaults(address).api(api).authenticated(api == Endpoint::OrderEventsV1);
        if api == Endpoint::Streams {
            let snapshot = config.address.take_parameter("snapshot", |value| match value {
                "-1" => Some(Snapshot::Full),
                levels => levels.parse().ok().map(Snapshot::Best),
            });
            let cancel = config.address.take_parameter("cancelOnDisconnect", |value| value.parse().ok());
            return config
                .snapshot(snapshot.unwrap_or_default())
                .cancel_on_disconnect(cancel.unwrap_or(false));
        }
        // Heartbeats come each five seconds, and there is nothing to probe with.
        config.probe_after(Duration::from_secs(10)).silence_max(Duration::from_secs(15))
    }

    /// Returns the defaults for [`PRODUCTION`], where all trade is real.
    ///
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

    /// Says what is at the address, where its path does not.
    #[must_use]
    pub fn api(mut self, api: Endpoint) -> Config {
        self.api = api;
        let one = self.address.path().strip_prefix("/v1/marketdata/").and_then(|symbol| symbol.parse().ok());
        self.symbol = one.filter(|_| api == Endpoint::MarketDataV1);
        self
    }

    /// Names the symbol of frames that name none, where the path does not: market data v1.
    #[must_use]
    pub const fn symbol(mut self, symbol: Symbol) -> Config {
        self.symbol = Some(symbol);
        self
    }

    /// What is at the address.
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

    /// Sets the seed of the random delays between attempts to connect, for
    /// [`Client::single`](crate::Client::single). The same seed, inputs and times give the same outputs.
    ///
    /// Default: with the feature `std`, a number from the system for each client; without it, always the same
    /// number: give each client its own, or many of them reconnect at the same instant.
    ///
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

    /// Returns the seed; one from the system, where there is one, if none was set.
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

    /// Which levels the snapshot of a book has. Default: all.
    #[must_use]
    pub const fn snapshot(mut self, snapshot: Snapshot) -> Config {
        self.snapshot = snapshot;
        self
    }

    /// Whether the venue cancels the orders that were placed over a link when the link ends
    /// ([cancel on disconnect](crate::protocol::quirks#cancel-on-disconnect)). Default: no.
    #[must_use]
    pub const fn cancel_on_disconnect(mut self, cancel: bool) -> Config {
        self.cancel_on_disconnect = cancel;
        self
    }

    /// Whether the upgrade is signed, so that a [`Client`](crate::Client) sends orders over this endpoint and
    /// has the account's streams there. Default: only at `/v1/order/events`, which is of no use otherwise.
    #[must_use]
    pub const fn authenticated(mut self, authenticated: bool) -> Config {
        self.authenticated = authenticated;
        self
    }

    /// Whether a [`Client`](crate::Client) keeps a link to this endpoint open that no stream wants. Default:
    /// yes where orders are sent or where the address says what is wanted (v1), no elsewhere.
    #[must_use]
    pub const fn stay_open(mut self, stay: bool) -> Config {
        self.stay_open = Some(stay);
        self
    }

    /// The symbols that an address of market data v1 asks for; `None` if it does not say so, or in a way that is not
    /// known.
    pub(crate) fn symbols(&self) -> Option<Vec<Symbol>> {
        if let Some(symbol) = self.symbol {
            return Some(alloc::vec![symbol]);
        }
        let address = self.address.with_parameters(&[]);
        let (_, query) = address.split_once('?')?;
        let names = query.split('&').find_map(|pair| pair.strip_prefix("symbols="))?;
        names.split(',').map(|name| name.parse().ok()).collect()
    }

    /// Whether the endpoint takes subscriptions to a stream.
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

    /// When updates count as contiguous. Default: strict, as measured
    /// ([gaps](crate::protocol::streams#gaps)).
    #[must_use]
    pub const fn gap_rule(mut self, rule: GapRule) -> Config {
        self.gap_rule = rule;
        self
    }

    /// The time for name look-up, TCP, TLS and upgrade together. Default: 10 s, as in the official
    /// Go client.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Config {
        self.connect_timeout = timeout.max(SHORTEST);
        self
    }

    /// The time for the answer to a request. Default: 5 s; round trips of 64 to 78 ms were measured.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Config {
        self.request_timeout = timeout.max(SHORTEST);
        self
    }

    /// The time for a snapshot, from the confirmation of its subscription or from the last snapshot of a book that
    /// was requested no later. Default: 5 s; up to 700 ms were measured
    /// ([replies and data](crate::protocol::streams#replies-and-data)). After it the book is reported as
    /// [`Event::Unserved`](crate::Event::Unserved).
    #[must_use]
    pub fn snapshot_timeout(mut self, timeout: Duration) -> Config {
        self.snapshot_timeout = timeout.max(SHORTEST);
        self
    }

    /// The delay before a stream is requested again that was not answered, refused for now, or not served.
    /// Doubles each time that a request for this stream alone fails, up to [`Config::resubscribe_cap`]. A book that was
    /// lost is requested again at once; if that one is lost within [`Config::stable_after`], this delay comes before the
    /// next request, and so on ([`Unserved::Relapsed`](crate::Unserved::Relapsed)). Default: 1 s.
    #[must_use]
    pub fn resubscribe_delay(mut self, delay: Duration) -> Config {
        self.resubscribe_delay = delay.max(SHORTEST);
        self
    }

    /// The longest delay before a stream is requested again. Default: 60 s.
    #[must_use]
    pub fn resubscribe_cap(mut self, delay: Duration) -> Config {
        self.resubscribe_cap = delay.max(SHORTEST);
        self
    }

    /// The time for the closing handshake; after it the transport is dropped. Default: 3 s.
    #[must_use]
    pub fn close_timeout(mut self, timeout: Duration) -> Config {
        self.close_timeout = timeout.max(SHORTEST);
        self
    }

    /// The silence after which the link is probed with the method `ping`. Default: 30 s, as the venue
    /// pings every 20 s ([liveness](crate::protocol::streams#liveness)). [`Config::silence_max`] grows where it
    /// would leave the answer less time than before.
    #[must_use]
    pub fn probe_after(mut self, silence: Duration) -> Config {
        let answer = self.silence_max.saturating_sub(self.probe_after);
        self.probe_after = silence.max(SHORTEST);
        self.silence_max = self.silence_max.max(self.probe_after.saturating_add(answer));
        self
    }

    /// The silence after which the link is given up. Default: 45 s, twice the venue's ping period and
    /// a little. [`Config::probe_after`] shrinks where it would leave the answer less than a third of it.
    #[must_use]
    pub fn silence_max(mut self, silence: Duration) -> Config {
        self.silence_max = silence.max(SHORTEST.saturating_mul(2));
        let third = self.silence_max.checked_div(3).unwrap_or_default().max(SHORTEST);
        self.probe_after = self.probe_after.min(self.silence_max.saturating_sub(third));
        self
    }

    /// How long a link must be live for the backoff to start afresh, and a book must follow the venue for its losses to
    /// be forgotten. Default: 30 s, so that a peer that accepts and then drops cannot keep it short.
    #[must_use]
    pub fn stable_after(mut self, duration: Duration) -> Config {
        self.stable_after = duration.max(SHORTEST);
        self
    }

    /// The least delay before an attempt, and the most. The n-th attempt in a row waits for a random
    /// time between `base` and `base` · 2ⁿ, at most `cap`, which is at least twice the base, lest many clients
    /// return at the same instant. Default: 500 ms and 30 s.
    #[must_use]
    pub fn backoff(mut self, base: Duration, cap: Duration) -> Config {
        self.backoff_base = base.max(SHORTEST);
        self.backoff_cap = cap.max(self.backoff_base.saturating_mul(2));
        self
    }

    /// The delay before an attempt after an answer that means "less of this" (HTTP 429 and 503, close codes 1008
    /// and 1013), or that only time can cure, such as a certificate that has expired. The random delay of
    /// [`Config::backoff`] comes on top of it. Default: 30 s.
    #[must_use]
    pub fn slow_retry(mut self, delay: Duration) -> Config {
        self.slow_retry = delay;
        self
    }

    /// The longest delay that the venue can ask for with `Retry-After` or with a limit of its own. What it has
    /// asked for is in the event; beyond this it counts as this. Default: an hour.
    #[must_use]
    pub fn retry_after_max(mut self, delay: Duration) -> Config {
        self.retry_after_max = delay.max(SHORTEST);
        self
    }

    /// How long a link stays open that nothing needs any more, so that another stream can take the place of the
    /// last one at once. Default: 5 s.
    #[must_use]
    pub const fn linger(mut self, duration: Duration) -> Config {
        self.linger = duration;
        self
    }

    /// The most attempts in a row that may fail, at least one; then the connection ends with
    /// [`CloseReason::AttemptsExhausted`](crate::CloseReason::AttemptsExhausted). An attempt has failed if there was
    /// no link, or one that was lost before it was live. A link that has been live for
    /// [`Config::stable_after`] starts the row afresh. Default: no limit.
    #[must_use]
    pub fn attempts_max(mut self, attempts: u32) -> Config {
        self.attempts_max = Some(attempts.max(1));
        self
    }

    /// Says, on an authenticated connection, when nothing was sent for so long, as
    /// [`Event::HeartbeatDue`](crate::Event::HeartbeatDue). For keys with "Requires Heartbeat": the venue cancels
    /// the orders of a session that is silent for 30 s, and recommends a request over REST every 15 s
    /// ([account conditions](crate::protocol::streams#account-conditions)). Default: never.
    #[must_use]
    pub fn heartbeat_every(mut self, interval: Duration) -> Config {
        self.heartbeat_every = Some(interval.max(SHORTEST));
        self
    }

    /// The most attempts to connect in any window, over all links of a client to the same host. Default: 300
    /// in five minutes ([limits](crate::protocol::streams#limits)). What the newest answer to
    /// [`Request::ConnectionInfo`](crate::Request::ConnectionInfo) names holds as well, here and for the next two.
    #[must_use]
    pub const fn dial_limit(mut self, attempts: u32, window: Duration) -> Config {
        self.dial_limit = (attempts, window);
        self
    }

    /// The most requests in any window, subscriptions among them, over all links of a client to the same host.
    /// Subscriptions beyond it wait, other requests are refused. Default: 7,000 in ten seconds
    /// ([limits](crate::protocol::streams#limits)).
    #[must_use]
    pub const fn request_limit(mut self, requests: u32, window: Duration) -> Config {
        self.request_limit = (requests, window);
        self
    }

    /// The most new orders in any window; others are refused. Default: 3,500 in ten seconds
    /// ([limits](crate::protocol::streams#limits)).
    #[must_use]
    pub const fn order_limit(mut self, orders: u32, window: Duration) -> Config {
        self.order_limit = (orders, window);
        self
    }

    /// The most streams. Default: 4,096; one connection has held 4,784
    /// ([measured](crate::protocol::quirks#large-subscribe-requests)).
    #[must_use]
    pub const fn streams_max(mut self, streams: usize) -> Config {
        self.streams_max = streams;
        self
    }

    /// The most streams in one `subscribe`, at least one. Default: 25; above about 100 the venue
    /// closes with code 1009 ([measured](crate::protocol::quirks#large-subscribe-requests)).
    #[must_use]
    pub fn streams_per_request_max(mut self, streams: usize) -> Config {
        self.streams_per_request_max = streams.max(1);
        self
    }

    /// The most books that may be awaited at one time over a link, at least one; further books wait to be requested.
    /// A book that is reported as not served is not counted. Default: 100.
    #[must_use]
    pub fn snapshots_max(mut self, books: usize) -> Config {
        self.snapshots_max = books.max(1);
        self
    }

    /// The most requests of the application that may wait for an answer at one time over a link, at least one.
    /// Subscriptions take at most three quarters of these places. Cancellations have a quarter as many again that
    /// nothing else takes, and a probe has one. Default: [`REQUESTS_IN_FLIGHT_MAX`].
    #[must_use]
    pub fn requests_in_flight_max(mut self, requests: usize) -> Config {
        self.requests_in_flight_max = requests.clamp(1, 65_536);
        self
    }

    /// How many frames in a row may be undecodable before the link is given up, at least one. A frame that names the
    /// same stream as the one before it is not counted: that is the trouble of one stream, each such frame is an
    /// [`Event::Malformed`](crate::Event::Malformed), and a book that is lost with it is requested again. Default: 16.
    #[must_use]
    pub fn malformed_run_max(mut self, frames: u32) -> Config {
        self.malformed_run_max = frames.max(1);
        self
    }

    /// The address to connect to, with its query, without a name and a password.
    pub fn url(&self) -> String {
        let mut parameters = Vec::new();
        match self.api {
            Endpoint::Streams => {
                let levels = match self.snapshot {
                    Snapshot::Full => String::from("-1"),
                    Snapshot::Best(levels) => levels.to_string(),
                };
                parameters.push(("snapshot", levels));
                if self.cancel_on_disconnect {
                    parameters.push(("cancelOnDisconnect", "true".into()));
                }
            }
            Endpoint::MarketDataV2 => {}
            // Without heartbeats, silence does not show whether the connection is alive.
            Endpoint::MarketDataV1 | Endpoint::OrderEventsV1 => parameters.push(("heartbeat", "true".into())),
        }
        self.address.with_parameters(&parameters)
    }

    /// The name and the password in the address.
    pub(crate) fn user(&self) -> Option<UserInfo> {
        self.address.user().cloned()
    }

    /// The host of the address, with its port unless that is the usual one: the venue counts by it.
    pub(crate) fn host(&self) -> &str {
        self.address.host()
    }
}

/// Makes a getter of each setting.
macro_rules! getters {
    ($config:ident: $($getter:ident => $setting:ident: $type:ty = $($field:ident).+;)*) => {
        impl $config {
            $(
                #[doc = concat!("Returns what [`", stringify!($setting), "`](", stringify!($config), "::", stringify!($setting), ") sets.")]
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
    get_backoff_base => backoff: Duration = backoff_base;
    get_backoff_cap => backoff: Duration = backoff_cap;
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
