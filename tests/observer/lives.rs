//! Lives of clients that are random from their settings to their end: many links, limits that are reached, and
//! venues that answer, refuse, stay silent or send nonsense.

use std::time::Duration;

use gemini_ws::{
    ClientConfig, ConnectFailure, Frame, Instant, LinkId, Lost, NewOrder, Output, Request, Scratch, Side,
    StreamId,
};

use testkit::machine::{Machine, Many, Plan, Settings, Wanted};
use testkit::observer::call::Link;
use testkit::observer::{Observed, Violation};
use testkit::random::Random;

const STREAMS: [&str; 8] = [
    "btcusd@depth@100ms",
    "ethusd@depth@100ms",
    "btcusd@trade",
    "ethusd@trade",
    "solusd@bookTicker",
    "orders@account",
    "balances@account",
    "btcusd@depth",
];

/// Draws the settings of the endpoints of a client. Some lives have few endpoints, and some reach their limits.
fn settings(random: &mut Random) -> Vec<Settings> {
    let addresses =
        ["ws://venue", "ws://venue", "ws://archive/v2/marketdata", "ws://venue/v1/marketdata/btcusd"];
    let count = 1 + random.below(addresses.len());
    let mut all: Vec<Settings> = addresses[..count].iter().map(|address| Settings::new(address)).collect();
    for (number, settings) in all.iter_mut().enumerate() {
        settings.authenticated = number == 1;
        settings.streams_max = 1 + random.below(4);
        settings.streams_per_request_max = 1 + random.below(3);
        settings.close_timeout = Duration::from_millis(500 * (1 + random.below(6)) as u64);
        settings.malformed_run_max = 3;
        if random.below(3) == 0 {
            settings.attempts_max = Some(1 + random.below(4) as u32);
        }
        if random.below(3) == 0 {
            settings.dial_limit = (1 + random.below(4) as u32, Duration::from_secs(20));
        }
        if random.below(3) == 0 {
            settings.request_limit = (2 + random.below(5) as u32, Duration::from_secs(4));
        }
        if random.below(3) == 0 {
            settings.order_limit = (1, Duration::from_secs(3));
        }
        if random.below(2) == 0 {
            settings.heartbeat_every = Some(Duration::from_secs(7));
        }
        if random.below(4) == 0 {
            settings.stay_open = Some(random.below(2) == 0);
        }
    }
    all
}

/// Runs a life of `steps` steps. Returns what the observer finds; if the life is recorded, a violation panics with
/// its trace.
pub(crate) fn live(seed: u64, steps: usize, is_recorded: bool) -> Result<(), Violation> {
    let mut random = Random(seed);
    let settings = settings(&mut random);
    // The client refuses an endpoint that stays open if all its links have another use.
    let standing = settings.iter().filter(|it| it.stays_open()).count();
    let links_max = standing.max(1 + random.below(5));
    let config = ClientConfig::new().links_max(links_max).streams_max(2 + random.below(8));
    let made = settings.clone();
    let machine = Observed::new(settings, move || Many::new(config, &made, seed)).reading();
    let machine = if is_recorded { machine.recording() } else { machine.lenient() };
    let mut life = Life {
        machine,
        random,
        now: Instant::ZERO,
        subscriptions: Vec::new(),
        dialled: Vec::new(),
        open: Vec::new(),
        written: Vec::new(),
        update: 100,
        scratch: Scratch::new(),
    };
    for number in 0..steps {
        life.step();
        life.take();
        if number == steps / 2 && seed.is_multiple_of(4) {
            life.machine.fork_checks()?;
        }
    }
    life.machine.violation().map_or(Ok(()), |violation| Err(violation.clone()))?;
    life.machine.fork_checks()?;
    if is_recorded { life.machine.metamorphic_checks() } else { Ok(()) }
}

struct Life {
    machine: Observed<Many>,
    random: Random,
    now: Instant,
    subscriptions: Vec<StreamId>,
    dialled: Vec<LinkId>,
    open: Vec<LinkId>,
    /// Ids of requests that were not answered.
    written: Vec<(LinkId, u64)>,
    update: u64,
    scratch: Scratch,
}

impl Life {
    fn step(&mut self) {
        match self.random.below(100) {
            0..20 => self.application(),
            20..45 => self.transport(),
            45..80 => self.venue(),
            80..97 => self.time(),
            _ => self.late(),
        }
    }

    fn application(&mut self) {
        let now = self.now;
        match self.random.below(40) {
            0..10 => drop(self.machine.open(now)),
            10..22 => self.subscribe(),
            22..27 if !self.subscriptions.is_empty() => {
                let subscription =
                    self.subscriptions.swap_remove(self.random.below(self.subscriptions.len()));
                let _ = self.machine.unsubscribe(now, subscription);
            }
            27..29 if !self.subscriptions.is_empty() => {
                let subscription = *self.random.pick(&self.subscriptions);
                let _ = self.machine.resync(now, subscription);
            }
            29..35 => self.request(),
            35 => self.machine.handle_resumed(now),
            36 => {
                let endpoint = self.random.below(4);
                let _ = self.machine.remove(now, endpoint);
            }
            37 => {
                let endpoint = self.random.below(4);
                let _ = self.machine.add(now, endpoint);
            }
            38 if self.random.below(6) == 0 => self.end(),
            _ => {}
        }
    }

    fn subscribe(&mut self) {
        let stream = self.random.pick(&STREAMS).parse().unwrap();
        let endpoint = (self.random.below(3) == 0).then(|| self.random.below(4));
        // Only a subscription that names an endpoint can limit the silence.
        let seconds = 3 + self.random.below(20) as u64;
        let silence_max =
            (endpoint.is_some() && self.random.below(2) == 0).then(|| Duration::from_secs(seconds));
        let wanted = Wanted { stream, endpoint, silence_max };
        if let Ok(id) = self.machine.subscribe_at(self.now, wanted) {
            self.subscriptions.push(id);
        }
    }

    fn request(&mut self) {
        let request = match self.random.below(6) {
            0 => Request::Ping,
            1 => Request::ConnectionInfo,
            2 => Request::CancelSessionOrders,
            3 => {
                let order = NewOrder::limit("mine", "btcusd", Side::Buy, "1", "100").unwrap();
                Request::PlaceOrder(order)
            }
            _ => Request::Time,
        };
        let _ = self.machine.request(self.now, &request);
    }

    fn end(&mut self) {
        let now = self.now;
        let deadline = now + Duration::from_millis(self.random.below(6_000) as u64);
        match self.random.below(4) {
            0 => self.machine.close(now),
            1 => self.machine.close_by(now, deadline),
            _ => {
                let (cancels_orders, unsubscribes) = (self.random.below(2) == 0, self.random.below(2) == 0);
                self.machine.shut_down(now, Plan { deadline, cancels_orders, unsubscribes });
            }
        }
    }

    fn transport(&mut self) {
        let now = self.now;
        if !self.dialled.is_empty() && self.random.below(3) > 0 {
            let link = self.dialled.swap_remove(self.random.below(self.dialled.len()));
            let why = match self.random.below(30) {
                0..24 => {
                    self.open.push(link);
                    return self.machine.handle_connected(link, now);
                }
                24 => ConnectFailure::Certificate,
                25 => ConnectFailure::Status { status: 503, retry_after: None, reason: None },
                26 => {
                    let retry_after = Some(Duration::from_secs(self.random.below(50) as u64));
                    ConnectFailure::Status { status: 429, retry_after, reason: None }
                }
                _ => ConnectFailure::Refused,
            };
            return self.machine.handle_connect_failed(link, now, why);
        }
        if self.open.is_empty() || self.random.below(4) > 0 {
            return;
        }
        let link = self.open.swap_remove(self.random.below(self.open.len()));
        match self.random.below(8) {
            0..4 => self.machine.handle_lost(link, now, Lost::Reset),
            4..6 => {
                let code = Some(*self.random.pick(&[1000, 1001, 1008, 4401]));
                self.frame(link, Frame::Close { code, reason: "" });
                self.machine.handle_lost(link, now, Lost::End);
            }
            _ => self.open.push(link),
        }
    }

    fn venue(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let link = *self.random.pick(&self.open);
        match self.random.below(20) {
            0..9 if !self.written.is_empty() => {
                let (link, id) = self.written.remove(self.random.below(self.written.len().min(3)));
                let status = *self.random.pick(&[200, 200, 200, 200, 200, 200, 429, 400]);
                let answer = match status {
                    200 => format!("{{\"id\":{id},\"status\":200}}"),
                    _ => format!(r#"{{"id":{id},"status":{status},"error":{{"code":-1,"msg":""}}}}"#),
                };
                self.frame(link, Frame::Text(&answer));
            }
            9..16 => self.depth(link),
            16 => self.frame(link, Frame::Text(r#"{"E":1,"s":"ethusd","t":7,"p":"1","q":"1","m":true}"#)),
            17 => self.frame(link, Frame::Ping(b"")),
            18 => self.frame(link, Frame::Text(r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":}"#)),
            _ => self.frame(link, Frame::Text(r#"{"result":"error","reason":"NoValidTradingPairs"}"#)),
        }
    }

    fn depth(&mut self, link: LinkId) {
        let symbol = *self.random.pick(&["btcusd", "ethusd"]);
        let mut last = 0;
        self.machine.each_link(|of, endpoint, _| {
            if of == link {
                last = endpoint;
            }
        });
        let (first, jump) = (self.update, self.random.below(8) as u64);
        let (first, last_id) = match jump {
            0..3 => (first + 1, first + 1),
            3 => (first + 2, first + 4),
            _ => (first, first + jump),
        };
        self.update = last_id;
        let text = match last {
            2 => {
                let upper = symbol.to_ascii_uppercase();
                let initial = if jump < 3 { r#","trades":[],"auction_events":[]"# } else { "" };
                format!(
                    r#"{{"type":"l2_updates","symbol":"{upper}","changes":[["buy","{jump}","1"]]{initial}}}"#
                )
            }
            _ => format!(
                r#"{{"e":"depthUpdate","E":1,"s":"{symbol}","U":{first},"u":{last_id},"b":[["{jump}","1"]],"a":[]}}"#
            ),
        };
        self.frame(link, Frame::Text(&text));
    }

    /// Makes an input about one of the three newest links of a slot, in whatever state it is. Does nothing if there
    /// is no such link.
    fn late(&mut self) {
        let (slot, back) = (self.random.below(3), self.random.below(3));
        let Some(link) = self.machine.names().link(Link { slot, back }) else { return };
        match self.random.below(4) {
            0 => self.machine.handle_connected(link, self.now),
            1 => self.machine.handle_connect_failed(link, self.now, ConnectFailure::Refused),
            2 => self.machine.handle_lost(link, self.now, Lost::End),
            _ => self.frame(link, Frame::Text("{}")),
        }
    }

    fn time(&mut self) {
        let deadline = self.machine.deadline().map(|deadline| deadline.at);
        let wait = match self.random.below(10) {
            0..5 => deadline.map_or(Duration::from_secs(1), |deadline| deadline.since(self.now)),
            5..9 => Duration::from_millis(self.random.below(700) as u64),
            _ => Duration::from_secs(self.random.below(100) as u64),
        };
        self.now = self.now + wait;
        self.machine.handle_timeout(self.now);
    }

    fn frame(&mut self, link: LinkId, frame: Frame<'_>) {
        let mut scratch = std::mem::take(&mut self.scratch);
        self.machine.handle_frame(link, self.now, frame, &mut scratch);
        self.scratch = scratch;
    }

    fn take(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Connect(link) => self.dialled.push(link),
                Output::Abort(link) => {
                    self.dialled.retain(|dialled| *dialled != link);
                    self.open.retain(|open| *open != link);
                }
                Output::Send { link, text } => {
                    self.written.extend(testkit::observer::call::written_id(&text).map(|id| (link, id)));
                }
                Output::Close { link, .. } if self.random.below(3) > 0 => {
                    self.frame(link, Frame::Close { code: Some(1000), reason: "" });
                }
                _ => {}
            }
        }
    }
}
