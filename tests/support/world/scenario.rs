//! [`Scenario`]: the settings, streams, faults and times of one life, drawn with its seed.

use std::time::Duration;

use gemini_ws::{GapRule, Overflow, Stream};
use gemini_ws_simulator::{Account, Config, Exchange};

use super::super::machine::Settings;
use super::super::pair::ACCOUNT;
use super::super::random::Random;
use super::figures::Fault;

pub const KEY: &str = "account-of-the-lives";
pub const SECRET: &str = "a secret of the lives";
pub const TOKEN: &str = "a token of the lives";

const STREAMS: &str = "ws://venue";
const MARKET_DATA_V2: &str = "ws://venue/v2/marketdata";
const MARKET_DATA_V1: &str = "ws://archive/v1/marketdata/ltcusd";
const ORDER_EVENTS_V1: &str = "ws://archive/v1/order/events";

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The streams and exchanges that all lives share. Each life begins with a copy of an exchange.
#[derive(Debug)]
pub struct Prepared {
    pub exchanges: Vec<Exchange>,
    public: Vec<Stream>,
    /// Streams of market data v2, for symbols that the other streams do not have.
    archived: Vec<Stream>,
    account: Vec<Stream>,
    pub unknown: Vec<Stream>,
}

impl Prepared {
    pub fn new() -> Prepared {
        let exchange = |(events, orders, ping, shape): (u32, u32, u64, bool)| {
            let account = Account::new(KEY, SECRET).bearer_token(TOKEN).id(ACCOUNT);
            let symbols =
                ["btcusd", "ethusd", "ltcusd", "gemi-pres2028-vance"].map(|name| name.parse().unwrap());
            let config = Config::market(symbols)
                .events_per_second(events)
                .orders_per_side(orders)
                .server_ping(Duration::from_secs(ping))
                .order_snapshot(shape)
                .order_replies_carry_id(shape)
                .quote_pause_max(millis(1_000))
                .account(account);
            Exchange::new(config, u64::from(events))
        };
        let streams = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
        Prepared {
            exchanges: [(1, 3, 20, false), (3, 3, 2, true), (10, 5, 20, true), (30, 10, 2, false)]
                .map(exchange)
                .into(),
            public: streams(&[
                "btcusd@depth@100ms",
                "btcusd@trade",
                "btcusd@bookTicker",
                "ethusd@depth@100ms",
                "ethusd@trade",
                "btcusd@depth",
                "ethusd@depth5@100ms",
                "btcusd@depth10",
                "requestForQuote",
            ]),
            archived: streams(&["ltcusd@depth", "ltcusd@candles_1m"]),
            account: streams(&[
                "orders@account",
                "requestForQuote@account",
                "balances@account",
                "positions@account",
                "balances@account@1s",
            ]),
            unknown: streams(&["nosuch@trade", "nosuch@depth", "nosuch@bookTicker"]),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Scenario {
    pub settings: Vec<Settings>,
    pub streams: Vec<Stream>,
    pub exchange: usize,
    pub trades: bool,
    pub signs: bool,
    /// Which faults may happen. A fault happens in `trouble_percent` of the steps and in `dial_trouble_percent` of
    /// the dials.
    faults: u64,
    pub trouble_percent: usize,
    pub dial_trouble_percent: usize,
    /// The number of steps in a round. If `compares` is true, the states of client and exchange are compared after
    /// each round.
    pub steps: usize,
    pub rounds: usize,
    pub compares: bool,
    pub latency: Duration,
    /// How long after its deadline the timer fires.
    pub lateness: Duration,
    pub ends_by_itself: bool,
    /// The overflow rule of the event queue, and how many events it may keep; `None` without a queue.
    pub queue: Option<(Overflow, usize)>,
}

impl Scenario {
    pub fn draw(random: &mut Random, prepared: &Prepared) -> Scenario {
        let is_long = random.below(100) == 0;
        let kind = random.below(16);
        let (mut settings, mut streams) = (Vec::new(), Vec::new());
        let defaults = is_long && random.below(2) == 0;
        let public = kind < 8 || kind == 12 || kind == 13;
        let private = matches!(kind, 5..=11 | 14);
        let v2 = matches!(kind, 12 | 15);
        if public {
            settings.push(tuned(STREAMS, random, defaults));
        }
        if private {
            let mut own = tuned(STREAMS, random, defaults);
            own.authenticated = true;
            if random.below(4) == 0 {
                own.heartbeat_every = Some(millis(1_500));
            }
            settings.push(own);
            // List the account's streams twice, so that a life chooses them more often than others.
            streams.extend(prepared.account.iter().chain(&prepared.account));
        }
        if public || private {
            streams.extend(&prepared.public);
        }
        if v2 {
            settings.push(tuned(MARKET_DATA_V2, random, defaults));
            streams.extend(&prepared.archived);
        }
        if kind == 13 || kind == 14 {
            let address = if kind == 13 { MARKET_DATA_V1 } else { ORDER_EVENTS_V1 };
            settings.push(tuned(address, random, defaults));
        }
        let faults = match random.below(16) {
            0 => 0,
            1..=4 => random.next() & random.next() & random.next(),
            5..=8 => random.next() & random.next(),
            9..=12 => random.next(),
            _ => u64::MAX,
        };
        let compares = is_long || random.below(if private { 2 } else { 6 }) == 0;
        let queue = (compares && random.below(3) == 0).then(|| {
            let overflow = [Overflow::Block, Overflow::DropOldest, Overflow::Latest];
            (*random.pick(&overflow), 1 + random.below(6))
        });
        // A life with a queue needs many events, and an application that sometimes takes none.
        let is_busy = is_long || queue.is_some() || random.below(8) == 0;
        let faults = if queue.is_some() { faults | 1 << Fault::EventsUntaken as u64 } else { faults };
        Scenario {
            settings,
            streams,
            exchange: if is_busy {
                2 + usize::from(is_long && random.below(2) == 0)
            } else {
                random.below(2)
            },
            trades: private,
            signs: random.below(8) == 0,
            faults,
            trouble_percent: *random.pick(&[10, 30, 60]),
            dial_trouble_percent: *random.pick(&[0, 30, 70]),
            steps: if is_long { 30 + random.below(50) } else { 3 + random.below(10) },
            rounds: if is_long { 1 + random.below(3) } else { 1 },
            compares,
            latency: millis(*random.pick(&[0, 1, 1, 7, 30, 120])),
            lateness: if random.below(8) == 0 { millis(1 + random.below(80) as u64) } else { Duration::ZERO },
            ends_by_itself: random.below(40) == 0,
            queue,
        }
    }

    pub const fn has(&self, fault: Fault) -> bool {
        self.faults >> fault as u64 & 1 == 1
    }
}

/// Returns the default settings if `defaults` is `true`. Otherwise returns settings with short times, so that much
/// happens in little time. About one draw in three also changes one more setting, for example to a tight limit.
fn tuned(address: &str, random: &mut Random, defaults: bool) -> Settings {
    let mut settings = Settings::new(address);
    if defaults {
        return settings;
    }
    settings.connect_timeout = millis(800);
    settings.request_timeout = millis(600);
    settings.snapshot_timeout = millis(700);
    settings.resubscribe_delay = millis(150);
    settings.close_timeout = millis(400);
    settings.probe_after = millis(2_000);
    settings.silence_max = millis(3_000);
    settings.stable_after = millis(1_500);
    settings.backoff_base = millis(80);
    settings.backoff_cap = millis(1_200);
    settings.malformed_run_max = 4;
    if random.below(3) > 0 {
        return settings;
    }
    match random.below(8) {
        0 => settings.attempts_max = Some(1 + random.below(3) as u32),
        1 => settings.dial_limit = (2 + random.below(3) as u32, millis(3_000)),
        2 => settings.request_limit = (3 + random.below(8) as u32, millis(2_000)),
        3 => settings.order_limit = (1 + random.below(3) as u32, millis(2_000)),
        4 => settings.streams_max = 1 + random.below(3),
        5 => settings.streams_per_request_max = 1 + random.below(3),
        6 => settings.stay_open = Some(random.below(2) == 0),
        _ => settings.gap_rule = GapRule::Strict,
    }
    settings
}
