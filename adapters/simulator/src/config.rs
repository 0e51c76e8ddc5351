//! [`Config`]: what kind of exchange.

use std::collections::BTreeSet;
use std::time::Duration;

use gemini_ws::{Symbol, Timestamp};

use crate::account::{Account, numbered};
use crate::frame::private::OrderEventShape;
use crate::recording::Recording;
use crate::value::start::EPOCH;

/// The rates and sizes of an [`Exchange`](crate::Exchange), and where its books come from.
///
/// ```
/// use std::time::Duration;
/// use gemini_ws_simulator::Config;
///
/// let symbols = ["btcusd", "ethusd"].map(|name| name.parse().unwrap());
/// let config = Config::market(symbols).events_per_second(200).server_ping(Duration::from_secs(5));
/// # let _ = config;
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) source: SourceConfig,
    pub(crate) epoch: Timestamp,
    pub(crate) server_ping: Duration,
    pub(crate) events_per_second: u32,
    pub(crate) orders_per_side: u32,
    pub(crate) stale_percent: u32,
    pub(crate) accounts: Vec<Account>,
    /// Of makers and of takers, in hundredths of a percent.
    pub(crate) fees: [u32; 2],
    pub(crate) order_event_shape: OrderEventShape,
    pub(crate) sends_order_snapshot: bool,
    pub(crate) order_replies_carry_id: bool,
    pub(crate) quote_pause_max: Duration,
}

#[derive(Clone, Debug)]
pub(crate) enum SourceConfig {
    Market(Vec<Symbol>),
    Recording(Recording),
}

impl Config {
    /// Generated markets in these symbols, each once; any valid symbol will do.
    ///
    /// Those that end in `perp` are perpetuals, those with a hyphen prediction-market contracts.
    pub fn market(symbols: impl IntoIterator<Item = Symbol>) -> Config {
        let mut known = BTreeSet::new();
        let symbols = symbols.into_iter().filter(|symbol| known.insert(*symbol));
        Config::new(SourceConfig::Market(symbols.collect()))
    }

    /// Plays a recording.
    pub fn recording(recording: Recording) -> Config {
        Config::new(SourceConfig::Recording(recording))
    }

    fn new(source: SourceConfig) -> Config {
        Config {
            source,
            epoch: EPOCH,
            server_ping: Duration::from_secs(20),
            events_per_second: 20,
            orders_per_side: 50,
            stale_percent: 4,
            accounts: Vec::new(),
            fees: [0; 2],
            order_event_shape: OrderEventShape::default(),
            sends_order_snapshot: false,
            order_replies_carry_id: false,
            quote_pause_max: Duration::from_secs(20),
        }
    }

    /// The venue's time at [`Instant::ZERO`](gemini_ws::Instant::ZERO); [`EPOCH`](crate::EPOCH) if not given.
    ///
    /// The ids of orders, trades and updates begin with it, so that none comes again after a restart: exchanges with
    /// the same seed repeat an id only if the later epoch lies within the run of the earlier one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use gemini_ws_simulator::{Config, EPOCH, Exchange};
    ///
    /// let symbol = "btcusd".parse().unwrap();
    /// let config = Config::market([symbol]);
    /// let first = Exchange::new(config.clone(), 7);
    /// let second = Exchange::new(config.epoch(EPOCH + Duration::from_secs(1)), 7);
    /// let ids = [first, second].map(|exchange| exchange.book(symbol).unwrap().last_update_id);
    /// assert_eq!(ids[0] + 1_000_000, ids[1]);
    /// ```
    #[must_use]
    pub fn epoch(mut self, epoch: Timestamp) -> Config {
        self.epoch = epoch;
        self
    }

    /// The time between RFC 6455 pings to a session; 20 s if not given. Less than a millisecond counts as one.
    #[must_use]
    pub fn server_ping(mut self, period: Duration) -> Config {
        self.server_ping = period.max(Duration::from_millis(1));
        self
    }

    /// Mean number of orders, cancellations and trades a second in each symbol, a tenth of it in
    /// thin ones; 20 if not given. Zero leaves the books as they are.
    #[must_use]
    pub fn events_per_second(mut self, events: u32) -> Config {
        self.events_per_second = events;
        self
    }

    /// About how many orders rest on each side of a book, a tenth of it in thin symbols; 50 if not
    /// given. The venue's btcusd has some 2,500 levels a side.
    #[must_use]
    pub fn orders_per_side(mut self, orders: u32) -> Config {
        self.orders_per_side = orders;
        self
    }

    /// How many of a hundred snapshots are followed by a change that they already contain: 4 if not given.
    #[must_use]
    pub fn stale_percent(mut self, percent: u32) -> Config {
        self.stale_percent = percent;
        self
    }

    /// Adds an account; none if not given, and then nobody can authenticate.
    ///
    /// Of accounts with the same key, token or id the first counts.
    #[must_use]
    pub fn account(mut self, account: Account) -> Config {
        self.accounts.push(numbered(account, &self.accounts));
        self
    }

    /// The fees of makers and of takers in hundredths of a percent of the notional, rounded down to
    /// eight decimals and taken from the quote currency; none if not given, as the sandbox reports. More than 10,000 counts as that.
    #[must_use]
    pub fn fees(mut self, maker: u32, taker: u32) -> Config {
        self.fees = [maker, taker].map(|fee| fee.min(10_000));
        self
    }

    /// How events of orders call themselves; as specified if not given.
    #[must_use]
    pub fn order_event_shape(mut self, shape: OrderEventShape) -> Config {
        self.order_event_shape = shape;
        self
    }

    /// Whether `orders@account` begins with the open orders in an `orderSnapshot`;
    /// false if not given.
    #[must_use]
    pub fn order_snapshot(mut self, is_sent: bool) -> Config {
        self.sends_order_snapshot = is_sent;
        self
    }

    /// Whether the replies to orders carry `result.orderId`; false if not given, as they do on the
    /// venue.
    #[must_use]
    pub fn order_replies_carry_id(mut self, carry: bool) -> Config {
        self.order_replies_carry_id = carry;
        self
    }

    /// The longest time from the end of a request for quotes to the next one; 20 s if not given. Less than a
    /// millisecond counts as one. What happens to a request takes up to a quarter of it for each step. There are
    /// requests if there are prediction-market contracts.
    #[must_use]
    pub fn quote_pause_max(mut self, pause: Duration) -> Config {
        self.quote_pause_max = pause.max(Duration::from_millis(1));
        self
    }
}
