//! Each setting that is a time causes exactly that time, from the shortest to the longest value, wherever the clock
//! begins.

use std::time::Duration;

use gemini_ws::lifecycle::State;
use gemini_ws::{
    Client, CommandError, Config, ConnectFailure, Event, Frame, Instant, LinkId, Output, Request,
    RequestOutcome, Scratch, Timer,
};

use super::super::line::{ack, refuse};
use super::fed::{new_order, s};

const YEAR: Duration = Duration::from_secs(31_536_000);

/// A client whose clock moves from deadline to deadline.
struct Life {
    client: Client,
    now: Instant,
    end: Instant,
    link: Option<LinkId>,
}

impl Life {
    /// Creates a client that is opened at `start`. Its life ends after 300 years, or shortly before its clock ends.
    fn new(config: Config, start: Instant) -> Life {
        let end = (start + YEAR * 300).min(Instant::from_nanos(u64::MAX - 1));
        let mut client = Client::single(config.seed(1));
        client.open(start).unwrap();
        Life { client, now: start, end, link: None }
    }

    /// Creates a client with an open link.
    fn open(config: Config, start: Instant) -> Life {
        let mut life = Life::new(config, start);
        life.connect();
        life
    }

    fn connect(&mut self) {
        self.until(is_dial).expect("a dial");
        self.client.handle_connected(self.link.unwrap(), self.now);
    }

    fn hear(&mut self, text: &str) {
        let (link, now) = (self.link.unwrap(), self.now);
        self.client.handle_frame(link, now, Frame::Text(text), &mut Scratch::new());
    }

    /// Lets time pass until the client emits an output that `is_it` accepts. Returns the output; `None` if the client
    /// emits none before the end.
    fn until(&mut self, is_it: impl Fn(&Output) -> bool) -> Option<Output> {
        for _ in 0..10_000 {
            while let Some(output) = self.client.poll_output() {
                if let Output::Connect(link) = output {
                    self.link = Some(link);
                }
                if is_it(&output) {
                    return Some(output);
                }
            }
            let at = self.client.deadline()?.at;
            if at > self.end {
                return None;
            }
            assert!(at >= self.now, "a deadline in the past");
            self.now = at;
            self.client.handle_timeout(at);
            assert!(self.client.deadline().is_none_or(|next| next.at > at), "due for ever");
        }
        panic!("too many deadlines");
    }

    /// Returns how long it takes until the client emits such an output.
    fn time_until(&mut self, is_it: impl Fn(&Output) -> bool) -> Option<Duration> {
        let start = self.now;
        self.until(is_it)?;
        Some(self.now.since(start))
    }

    fn text(&mut self) -> Option<String> {
        match self.until(|output| matches!(output, Output::Send { .. }))? {
            Output::Send { text, .. } => Some(text),
            _ => None,
        }
    }

    fn subscribe(&mut self, stream: &str) -> String {
        self.client.subscribe(self.now, s(stream)).unwrap();
        self.text().expect("a request")
    }

    /// Returns how long it takes from a failed dial until the next one.
    fn redial(&mut self, why: ConnectFailure) -> Option<Duration> {
        self.until(is_dial)?;
        let (link, now) = (self.link?, self.now);
        self.client.handle_connect_failed(link, now, why);
        self.time_until(is_dial)
    }

    /// Returns how long the client refuses a request because of a limit of one.
    fn refusal(&mut self, request: &Request) -> Option<Duration> {
        self.client.request(self.now, request).unwrap();
        match self.client.request(self.now, request) {
            Err(CommandError::RateLimited { retry, .. }) if retry <= self.end => Some(retry.since(self.now)),
            Err(CommandError::RateLimited { .. }) => None,
            other => panic!("{other:?}"),
        }
    }
}

fn is_dial(output: &Output) -> bool {
    matches!(output, Output::Connect(_))
}

const fn slow_down(retry_after: Option<Duration>) -> ConnectFailure {
    ConnectFailure::Status { status: 429, retry_after, reason: None }
}

/// Without the silences, which would end a link before a long time is over.
fn patient() -> Config {
    Config::new("ws://v").silence_max(Duration::MAX).probe_after(Duration::MAX)
}

const ZERO: Duration = Duration::ZERO;
const NANO: Duration = Duration::from_nanos(1);
const MILLI: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// The name of a setting, its minimum, what may be added to the time that is set, and the measurement: how long
/// something takes if this time is set; `None` if it does not happen before the end.
type Row = (&'static str, Duration, Duration, fn(Duration, Instant) -> Option<Duration>);

const ROWS: [Row; 18] = [
    ("connect_timeout", MILLI, ZERO, |time, start| {
        let mut life = Life::new(patient().connect_timeout(time), start);
        life.time_until(|it| matches!(it, Output::Event(Event::ConnectFailed { .. })))
    }),
    ("request_timeout", MILLI, ZERO, |time, start| {
        let mut life = Life::open(patient().request_timeout(time), start);
        life.client.request(start, &Request::Time).unwrap();
        let is_late =
            |it: &Output| matches!(it, Output::Event(Event::Reply { outcome: RequestOutcome::TimedOut, .. }));
        life.time_until(is_late)
    }),
    ("snapshot_timeout", MILLI, ZERO, |time, start| {
        let mut life = Life::open(patient().snapshot_timeout(time), start);
        let text = life.subscribe("btcusd@depth");
        life.hear(&ack(&text));
        life.time_until(|it| matches!(it, Output::Event(Event::Unserved { .. })))
    }),
    ("resubscribe_delay", MILLI, ZERO, |time, start| {
        let mut life = Life::open(patient().resubscribe_delay(time), start);
        let text = life.subscribe("btcusd@trade");
        life.hear(&refuse(&text, 429, -1));
        life.time_until(|it| matches!(it, Output::Send { .. }))
    }),
    ("resubscribe_cap", MILLI, ZERO, |time, start| {
        let config = patient().resubscribe_delay(ZERO).resubscribe_cap(time);
        let mut life = Life::open(config, start);
        let mut text = life.subscribe("btcusd@trade");
        let (mut last, mut before) = (ZERO, NANO);
        while last < time && last != before {
            life.hear(&refuse(&text, 429, -1));
            let asked = life.now;
            text = life.text()?;
            (before, last) = (last, life.now.since(asked));
        }
        Some(last)
    }),
    ("close_timeout", MILLI, ZERO, |time, start| {
        let mut life = Life::open(patient().close_timeout(time), start);
        life.client.close(start);
        life.time_until(|it| matches!(it, Output::Event(Event::Closed { .. })))
    }),
    ("probe_after", MILLI, ZERO, |time, start| {
        let mut life = Life::open(Config::new("ws://v").silence_max(Duration::MAX).probe_after(time), start);
        life.time_until(|it| matches!(it, Output::Send { .. }))
    }),
    ("silence_max", Duration::from_millis(2), ZERO, |time, start| {
        let mut life = Life::open(Config::new("ws://v").silence_max(time), start);
        life.time_until(|it| matches!(it, Output::Event(Event::Disconnected { .. })))
    }),
    ("stable_after", MILLI, ZERO, |time, start| {
        let mut life = Life::open(patient().stable_after(time), start);
        life.until(|it| matches!(it, Output::Event(Event::Live { .. }))).unwrap();
        assert!(life.client.links().all(|(.., state)| state == State::Live));
        let stable = life.client.deadline().filter(|it| it.cause == Timer::Stable && it.at <= life.end);
        stable.map(|it| it.at.since(start))
    }),
    ("backoff", MILLI, Duration::MAX, |time, start| {
        Life::new(patient().backoff(time, ZERO), start).redial(ConnectFailure::Refused)
    }),
    ("slow_retry", ZERO, SECOND, |time, start| {
        Life::new(patient().slow_retry(time), start).redial(slow_down(None))
    }),
    ("retry_after_max", MILLI, SECOND, |time, start| {
        Life::new(patient().retry_after_max(time), start).redial(slow_down(Some(Duration::MAX)))
    }),
    ("linger", ZERO, ZERO, |time, start| {
        let mut client = Client::new(gemini_ws::ClientConfig::new(), 1);
        client.add(start, patient().linger(time)).unwrap();
        client.open(start).unwrap();
        let id = client.subscribe(start, s("btcusd@trade")).unwrap();
        let mut life = Life { client, link: None, ..Life::new(patient(), start) };
        life.connect();
        let text = life.text().unwrap();
        life.hear(&ack(&text));
        life.client.unsubscribe(life.now, id).unwrap();
        let text = life.text().unwrap();
        life.hear(&ack(&text));
        life.time_until(|it| matches!(it, Output::Close { .. }))
    }),
    ("heartbeat_every", MILLI, ZERO, |time, start| {
        let mut life = Life::open(patient().authenticated(true).heartbeat_every(time), start);
        life.time_until(|it| matches!(it, Output::Event(Event::HeartbeatDue { .. })))
    }),
    ("dial_limit", ZERO, SECOND, |time, start| {
        Life::new(patient().dial_limit(1, time), start).redial(ConnectFailure::Refused)
    }),
    ("request_limit", NANO, NANO, |time, start| {
        Life::open(patient().request_limit(1, time), start).refusal(&Request::Time)
    }),
    ("order_limit", NANO, NANO, |time, start| {
        let config = patient().authenticated(true).order_limit(1, time);
        Life::open(config, start).refusal(&Request::PlaceOrder(new_order("o1")))
    }),
    ("subscribe_unless_silent", MILLI, ZERO, |time, start| {
        let mut life = Life::open(patient(), start);
        life.client.subscribe_unless_silent(start, s("btcusd@trade"), time).unwrap();
        let text = life.text().unwrap();
        life.hear(&ack(&text));
        life.time_until(|it| matches!(it, Output::Event(Event::Silent { .. })))
    }),
];

#[test]
fn each_time_takes_as_long_as_its_setting_says() {
    let long = [ZERO, NANO, MILLI, SECOND, Duration::from_secs(36_000), YEAR, YEAR * 100, Duration::MAX];
    // A clock may begin at its origin, or so that it ends after a year.
    let starts = [0, 1, 5_000_000_000, u64::MAX - YEAR.as_nanos() as u64 * 2].map(Instant::from_nanos);
    let mut wrong = Vec::new();
    for (name, least, more, measure) in ROWS {
        for (time, start) in long.into_iter().flat_map(|time| starts.map(|start| (time, start))) {
            let (time, left) = (time.max(least), Instant::from_nanos(u64::MAX).since(start));
            let got = measure(time, start);
            let is_right = match got {
                Some(got) => {
                    got >= time
                        && got <= time.saturating_mul(2).max(time.saturating_add(more))
                        && (more == Duration::MAX || got <= time.saturating_add(more))
                }
                None => time > YEAR * 150 || time.saturating_mul(3) > left,
            };
            if !is_right {
                wrong.push(format!("{name} {time:?} from {start:?}: {got:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
