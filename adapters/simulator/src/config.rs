//! [`Config`]: the settings of an exchange.

use std::collections::BTreeSet;
use std::time::Duration;

use gemini_ws::{Symbol, Timestamp};

use crate::account::{Account, numbered};
use crate::frame::private::OrderEventShape;
use crate::recording::Recording;
use crate::value::start::EPOCH;

const ORDERS_PER_SIDE_MAX: u32 = 100_000;

/// The settings of an [`Exchange`](crate::Exchange): its rates and sizes, its accounts, and the source of its
/// books.
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
    /// Creates the settings for generated markets in these symbols. Any valid symbol is accepted; duplicates are
    /// ignored.
    ///
    /// Symbols that end in `perp` are perpetuals. Symbols with a hyphen are prediction-market contracts.
    pub fn market(symbols: impl IntoIterator<Item = Symbol>) -> Config {
        let mut known = BTreeSet::new();
        let symbols = symbols.into_iter().filter(|symbol| known.insert(*symbol));
        Config::new(SourceConfig::Market(symbols.collect()))
    }

    /// Creates the settings for an exchange that plays a recording. The exchange begins to play the recording at the
    /// first subscription to a public stream, and plays each frame once.
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

    /// Sets the venue's time at [`Instant::ZERO`](gemini_ws::Instant::ZERO). Default: [`EPOCH`](crate::EPOCH).
    ///
    /// The first ids of each kind depend on this time. So an exchange that is started again with the same seed
    /// repeats no id, if three conditions hold:
    ///
    /// - its epoch is later than the venue's time at the end of the former exchange;
    /// - both epochs are between 1995 and 2153;
    /// - the former exchange used on average fewer than a million ids of each kind per second.
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

    /// Sets the time between RFC 6455 pings to a session. Sessions of archived market data get no pings. A shorter
    /// time than a millisecond counts as a millisecond. Default: 20 s.
    #[must_use]
    pub fn server_ping(mut self, period: Duration) -> Config {
        self.server_ping = period.max(Duration::from_millis(1));
        self
    }

    /// Sets the mean number of events per second in each symbol: orders, cancellations and trades together. With
    /// zero, only orders of accounts change the books, and there are no auctions. More than a million counts as a
    /// million. Default: 20.
    ///
    /// A thinly traded symbol has a tenth of this number. A hash of the name makes about a quarter of the symbols
    /// thinly traded. Prediction-market contracts, and symbols whose price and tick were recorded (such as `btcusd`),
    /// are never thinly traded.
    #[must_use]
    pub fn events_per_second(mut self, events: u32) -> Config {
        self.events_per_second = events;
        self
    }

    /// Sets the approximate number of orders on each side of a book. Prediction-market contracts and thinly traded
    /// symbols ([`events_per_second`](Config::events_per_second)) have a tenth of this number. More than 100,000
    /// counts as 100,000. Default: 50.
    #[must_use]
    pub fn orders_per_side(mut self, orders: u32) -> Config {
        self.orders_per_side = orders.min(ORDERS_PER_SIDE_MAX);
        self
    }

    /// In a generated market, the exchange follows some snapshots with a change that the snapshot already contains.
    /// Sets the percentage of these snapshots. More than 100 counts as 100. Default: 4.
    #[must_use]
    pub fn stale_percent(mut self, percent: u32) -> Config {
        self.stale_percent = percent;
        self
    }

    /// Adds an account. Without accounts, no session can authenticate.
    ///
    /// If several accounts have the same key, token or id, the first of them is used.
    #[must_use]
    pub fn account(mut self, account: Account) -> Config {
        self.accounts.push(numbered(account, &self.accounts));
        self
    }

    /// Sets the fees of makers and of takers, in hundredths of a percent of the notional. Fees are rounded down to
    /// eight decimals and taken from the quote currency. More than 10,000 counts as 10,000. Default: no fees, as the
    /// venue's sandbox reports.
    #[must_use]
    pub fn fees(mut self, maker: u32, taker: u32) -> Config {
        self.fees = [maker, taker].map(|fee| fee.min(10_000));
        self
    }

    /// Sets how order events of private streams name their type. Default: [`OrderEventShape::OrderUpdate`], as the
    /// venue specifies it.
    #[must_use]
    pub fn order_event_shape(mut self, shape: OrderEventShape) -> Config {
        self.order_event_shape = shape;
        self
    }

    /// Sets whether `orders@account` begins with an `orderSnapshot` of the open orders. Default: false.
    #[must_use]
    pub fn order_snapshot(mut self, is_sent: bool) -> Config {
        self.sends_order_snapshot = is_sent;
        self
    }

    /// Sets whether a reply that accepts a new order has the member `result.orderId`. Default: false, as on the
    /// venue.
    #[must_use]
    pub fn order_replies_carry_id(mut self, carry: bool) -> Config {
        self.order_replies_carry_id = carry;
        self
    }

    /// Sets the longest time from the end of a request for quotes to the next request. A shorter time than a
    /// millisecond counts as a millisecond. Default: 20 s.
    ///
    /// Each step of a request takes at most a quarter of this time, with two exceptions: a maker has 5 s to confirm
    /// an accepted quote, and a request has the status `FINALIZING` for 50 ms to 550 ms. An exchange without
    /// prediction-market contracts makes no requests for quotes.
    #[must_use]
    pub fn quote_pause_max(mut self, pause: Duration) -> Config {
        self.quote_pause_max = pause.max(Duration::from_millis(1));
        self
    }
}
