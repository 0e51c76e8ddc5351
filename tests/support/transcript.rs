//! Runs transcripts. A transcript contains all inputs of a client, of one link or of several, and all that the client
//! returns.
//!
//! A line that begins with `>` is an output, one with `!` an event, and one with `=` the result of a line such as
//! `state`. Every other line is an input:
//!
//! ```text
//! config NAME VALUE...     at the top: `config backoff 0.5 30`, `config url ws://venue/v2/marketdata`
//! seed 7                   at the top
//! client                   the first line: a client of several links; an input about a link begins with its slot, as
//!                          in `1: connected`, and outputs show the link, as in `> 1.2 close 1000`
//! endpoint NAME URL        adds an endpoint; `private` at the end if its upgrades are signed
//! remove NAME              removes an endpoint
//! @1.5                     time passes until 1.5 s, with a wake-up at each deadline on the way
//! jump 1.5                 time is 1.5 s, with one wake-up
//! busy 1.5                 time is 1.5 s, without a wake-up
//! open | close | close by 2.5 | resumed
//! shut down by 2.5         then `cancelling` orders, `unsubscribing`, or both
//! subscribe NAME           then `as LABEL`, which later lines use; `at ENDPOINT`; `unless silent 10`
//! unsubscribe LABEL | resync LABEL
//! request METHOD | conninfo | order ID
//! connected
//! failed CAUSE             the dial failed: refused, certificate, status 401, status 429 after 60, name lookup
//! lost CAUSE               the transport ended: end, reset, protocol, transport
//! < TEXT                   a text frame
//! << closed CODE           the peer's Close frame; `none` for no code
//! << ping | << binary
//! stale INPUT              the input is about the link of the attempt before
//! state | links | readiness | deadline | streams | count COUNTER
//! ```

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use gemini_ws::{
    ClientConfig, CommandError, ConnectFailure, Frame, Instant, LinkId, Lost, NewOrder, Output, Request,
    Scratch, Side, Stats, Stream, StreamId,
};

use super::machine::{Machine, Many, Plan, Settings, Wanted};
use super::observer::Observed;
use super::single;
use super::told::{Teller, seconds};

/// Runs the inputs of a transcript, and returns the transcript with the outputs, events and results of this run.
pub fn replay(transcript: &str) -> String {
    let settings: Vec<&str> = transcript.lines().filter_map(|line| line.strip_prefix("config ")).collect();
    let seed = transcript.lines().find_map(|line| line.strip_prefix("seed "));
    let seed = seed.map_or(1, |seed| seed.parse().expect("a seed"));
    let is_client = transcript.lines().any(|line| line == "client");
    let url = settings.iter().find_map(|it| it.strip_prefix("url ")).unwrap_or("ws://venue");
    let client = if is_client {
        let limits = settings.iter().fold(ClientConfig::new(), |config, it| limit(config, it));
        let endpoints = transcript.lines().filter_map(|line| line.strip_prefix("endpoint "));
        let all: Vec<Settings> = endpoints.map(|line| endpoint(&settings, line)).collect();
        let known = all.clone();
        Observed::new(all, move || Many::without(limits, &known, seed))
    } else {
        let mut all = configured(&settings, url);
        // The client has one link, which stays open and takes every request.
        (all.stay_open, all.authenticated) = (Some(true), true);
        let known = all.clone();
        Observed::new(vec![all], move || Many::single(&known, seed))
    };
    let mut player = Player {
        client: client.recording().reading(),
        teller: Teller { places: is_client },
        now: Instant::ZERO,
        endpoints: BTreeMap::new(),
        links: Vec::new(),
        streams: BTreeMap::new(),
        text: String::new(),
    };
    for line in transcript.lines() {
        if line.starts_with(['>', '!', '=']) {
            continue;
        }
        player.line(line);
        if !line.is_empty() && !line.starts_with('#') {
            player.perform(line);
            player.drain();
        }
    }
    let client = &player.client;
    client.fork_checks().and_then(|()| client.metamorphic_checks()).expect("what holds");
    player.text
}

fn configured(settings: &[&str], url: &str) -> Settings {
    let mut all = Settings::new(url);
    settings.iter().for_each(|setting| set(&mut all, setting));
    all
}

/// Parses `NAME URL`, and `private` if the endpoint's upgrades are signed.
fn endpoint(settings: &[&str], line: &str) -> Settings {
    let words: Vec<&str> = line.split(' ').collect();
    let mut all = configured(settings, words[1]);
    all.authenticated |= words.get(2) == Some(&"private");
    all
}

fn set(settings: &mut Settings, setting: &str) {
    let (name, values) = setting.split_once(' ').expect("a name and a value");
    let values: Vec<&str> = values.split(' ').collect();
    let duration = |at: usize| Duration::from_secs_f64(values[at].parse().expect("seconds"));
    let number = |at: usize| values[at].parse::<u32>().expect("a number");
    match name {
        "url" | "links_max" => {}
        "attempts_max" => settings.attempts_max = Some(number(0)),
        "backoff" => (settings.backoff_base, settings.backoff_cap) = (duration(0), duration(1)),
        "close_timeout" => settings.close_timeout = duration(0),
        "connect_timeout" => settings.connect_timeout = duration(0),
        "dial_limit" => settings.dial_limit = (number(0), duration(1)),
        "heartbeat_every" => settings.heartbeat_every = Some(duration(0)),
        "order_limit" => settings.order_limit = (number(0), duration(1)),
        "probe_after" => settings.probe_after = duration(0),
        "request_limit" => settings.request_limit = (number(0), duration(1)),
        "request_timeout" => settings.request_timeout = duration(0),
        "silence_max" => settings.silence_max = duration(0),
        "stable_after" => settings.stable_after = duration(0),
        "stay_open" => settings.stay_open = Some(values[0] == "yes"),
        "streams_max" => settings.streams_max = number(0) as usize,
        "streams_per_request_max" => settings.streams_per_request_max = number(0) as usize,
        _ => panic!("not a setting: {name}"),
    }
}

fn limit(config: ClientConfig, setting: &str) -> ClientConfig {
    match setting.strip_prefix("links_max ") {
        Some(links) => config.links_max(links.parse().expect("a number")),
        None => config,
    }
}

struct Player {
    client: Observed<Many>,
    teller: Teller,
    now: Instant,
    /// The endpoints by name, with the index of their settings.
    endpoints: BTreeMap<String, usize>,
    links: Vec<Vec<LinkId>>,
    streams: BTreeMap<String, StreamId>,
    text: String,
}

impl Player {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn perform(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let now = self.now;
        match word {
            "client" | "config" | "seed" => {}
            "endpoint" => self.endpoint(rest),
            "remove" => {
                let endpoint = self.endpoints[rest];
                let removed = self.client.remove(now, endpoint);
                self.answer(removed);
            }
            "open" => {
                let opened = self.client.open(now);
                self.answer(opened);
            }
            "close" => match rest.strip_prefix("by ") {
                Some(by) => self.client.close_by(now, at(by)),
                None => self.client.close(now),
            },
            "shut" => self.shut_down(rest),
            "resumed" => self.client.handle_resumed(now),
            "subscribe" => self.subscribe(rest),
            "unsubscribe" => {
                let id = self.streams[rest];
                let ended = self.client.unsubscribe(now, id);
                self.answer(ended);
            }
            "resync" => {
                let id = self.streams[rest];
                let asked = self.client.resync(now, id);
                self.answer(asked);
            }
            // The time is the same at every endpoint, so this request names none.
            "request" if rest == "time" => self.request(&Request::Time),
            "request" => self.request(&Request::raw(rest, None)),
            "conninfo" => self.request(&Request::ConnectionInfo),
            "order" => self.request(&order(rest)),
            "jump" => {
                self.now = at(rest);
                let now = self.now;
                self.client.handle_timeout(now);
            }
            "busy" => self.now = at(rest),
            "state" | "links" | "readiness" | "deadline" | "streams" | "count" => self.question(word, rest),
            _ if word.starts_with('@') => self.pass(&word[1..]),
            _ => self.about_a_link(line),
        }
    }

    fn endpoint(&mut self, rest: &str) {
        let name = rest.split(' ').next().unwrap_or_default();
        let (now, endpoint) = (self.now, self.endpoints.len());
        self.client.add(now, endpoint).expect("an endpoint");
        self.endpoints.insert(name.to_owned(), endpoint);
    }

    fn subscribe(&mut self, rest: &str) {
        let words: Vec<&str> = rest.split(' ').collect();
        let stream: Stream = words[0].parse().expect("a stream");
        let after = |word: &str| {
            let place = words.iter().position(|it| *it == word)?;
            words.get(place + 1).copied()
        };
        let silence_max = after("silent").map(|seconds| at(seconds).since(Instant::ZERO));
        let endpoint = after("at").map(|name| self.endpoints[name]);
        let (now, wanted) = (self.now, Wanted { stream, endpoint, silence_max });
        let subscription = self.client.subscribe_at(now, wanted);
        match subscription {
            Ok(id) => drop(self.streams.insert(after("as").unwrap_or(words[0]).to_owned(), id)),
            Err(error) => self.answer(Err(error)),
        }
    }

    fn request(&mut self, request: &Request) {
        let now = self.now;
        let sent = self.client.request(now, request);
        self.answer(sent.map(drop));
    }

    /// Runs `shut down by 2.5`. The words `cancelling` and `unsubscribing` after the instant choose the steps.
    fn shut_down(&mut self, rest: &str) {
        let words: Vec<&str> = rest.split(' ').collect();
        let plan = Plan {
            deadline: at(words[2]),
            cancels_orders: words.contains(&"cancelling"),
            unsubscribes: words.contains(&"unsubscribing"),
        };
        let now = self.now;
        self.client.shut_down(now, plan);
    }

    fn question(&mut self, word: &str, rest: &str) {
        let teller = self.teller;
        let deadline = self.client.deadline();
        let mut streams = Vec::new();
        self.client.each_stream(|_, stream, state| streams.push(format!("{stream} {state:?}")));
        let stats: Stats = self.client.stats();
        let client = &self.client.machine().client;
        let lines = match word {
            "state" => vec![format!("{:?}", single::state(client))],
            "readiness" => vec![format!("{:?}", client.readiness())],
            "links" => {
                let links = client.links();
                links.map(|(link, _, state)| format!("{} {state:?}", teller.link(link))).collect()
            }
            "deadline" => match deadline {
                Some(deadline) => vec![format!("{:?} at {}", deadline.cause, seconds(deadline.at))],
                None => vec!["none".to_owned()],
            },
            "streams" => streams,
            "count" => vec![counter(&stats, rest)],
            _ => panic!("not a question: {word}"),
        };
        lines.iter().for_each(|line| self.line(&format!("= {line}")));
    }

    /// Runs an input about a link: the newest link of the slot in the line, or of the first slot if the line has no
    /// slot. With `stale`, the input is about the link before the newest one.
    fn about_a_link(&mut self, line: &str) {
        let (place, line) = match line.split_once(": ") {
            Some((place, rest)) if place.parse::<usize>().is_ok() => (place.parse().unwrap(), rest),
            _ => (0, line),
        };
        let (back, line) = line.strip_prefix("stale ").map_or((1, line), |line| (2, line));
        let link = match self.links.get(place) {
            Some(links) if links.len() >= back => links[links.len() - back],
            None if !self.teller.places => single::first_link(),
            _ => panic!("no such attempt: {line}"),
        };
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let now = self.now;
        match word {
            "connected" => self.client.handle_connected(link, now),
            "failed" => self.client.handle_connect_failed(link, now, failure(rest)),
            "lost" => self.client.handle_lost(link, now, loss(rest)),
            "<" => self.frame(link, Frame::Text(rest)),
            "<<" => match rest.split_once(' ') {
                Some(("closed", code)) => {
                    self.frame(link, Frame::Close { code: code.parse().ok(), reason: "" })
                }
                _ if rest == "ping" => self.frame(link, Frame::Ping(b"1")),
                _ if rest == "binary" => self.frame(link, Frame::Binary(b"1")),
                _ => panic!("not a frame: {line}"),
            },
            _ => panic!("not an input: {line}"),
        }
    }

    fn answer(&mut self, result: Result<(), CommandError>) {
        match result {
            Ok(()) => {}
            Err(CommandError::RateLimited { retry, .. }) => {
                self.line(&format!("! refused: too many at this rate; try again at {}", seconds(retry)));
            }
            Err(error) => self.line(&format!("! refused: {error}")),
        }
    }

    fn frame(&mut self, link: LinkId, frame: Frame<'_>) {
        let (mut scratch, now) = (Scratch::new(), self.now);
        if let Some(event) = self.client.handle_frame(link, now, frame, &mut scratch) {
            let told = self.teller.event(&event);
            self.line(&format!("! {told}"));
        }
    }

    /// Lets time pass, and marks each output with its time.
    fn pass(&mut self, until: &str) {
        let until = at(until);
        while let Some(deadline) = self.client.deadline().filter(|deadline| deadline.at <= until) {
            assert!(deadline.at > self.now, "due for ever: {deadline:?}");
            self.now = deadline.at;
            let before = self.text.len();
            self.client.handle_timeout(deadline.at);
            self.drain();
            let after = self.text.split_off(before);
            for line in after.lines() {
                let _ = writeln!(self.text, "{line}   @{}", seconds(self.now));
            }
        }
        self.now = until;
    }

    fn drain(&mut self) {
        while let Some(output) = self.client.poll_output() {
            let of = |link: LinkId| self.teller.before(link);
            let line = match output {
                Output::Connect(link) => {
                    let request = self.client.connect_request(link).expect("a request");
                    let line = format!("> {}connect {}", of(link), request.url);
                    if self.links.len() <= link.slot() {
                        self.links.resize(link.slot() + 1, Vec::new());
                    }
                    self.links[link.slot()].push(link);
                    line
                }
                other => self.teller.output(&other),
            };
            self.line(&line);
        }
    }
}

fn order(id: &str) -> Request {
    let (symbol, one) = ("btcusd", "1");
    let order = NewOrder::market(id, symbol, Side::Buy, one);
    Request::PlaceOrder(order.expect("an order"))
}

fn at(text: &str) -> Instant {
    let seconds = text.parse().expect("seconds");
    Instant::from_nanos(Duration::from_secs_f64(seconds).as_nanos() as u64)
}

fn counter(stats: &Stats, name: &str) -> String {
    let all = format!("{stats:?}");
    let of = |text: &str| text.split([',', ' ']).next().unwrap_or_default().to_owned();
    all.split_once(&format!(" {name}: ")).map_or_else(|| panic!("no counter: {name}"), |(_, rest)| of(rest))
}

fn failure(text: &str) -> ConnectFailure {
    let words: Vec<&str> = text.split(' ').collect();
    match words[..] {
        ["refused"] => ConnectFailure::Refused,
        ["certificate"] => ConnectFailure::Certificate,
        ["name", "lookup"] => ConnectFailure::NameLookup,
        ["handshake"] => ConnectFailure::Handshake,
        ["timeout"] => ConnectFailure::TimedOut,
        ["tls"] => ConnectFailure::Tls,
        ["transport"] => ConnectFailure::Transport,
        ["unreachable"] => ConnectFailure::Unreachable,
        ["status", status] => {
            ConnectFailure::Status { status: status.parse().unwrap(), retry_after: None, reason: None }
        }
        ["status", status, "after", seconds] => ConnectFailure::Status {
            status: status.parse().unwrap(),
            retry_after: Some(Duration::from_secs(seconds.parse().unwrap())),
            reason: None,
        },
        _ => panic!("not a failure: {text}"),
    }
}

fn loss(text: &str) -> Lost {
    match text {
        "end" => Lost::End,
        "protocol" => Lost::Protocol,
        "reset" => Lost::Reset,
        "transport" => Lost::Transport,
        _ => panic!("not a loss: {text}"),
    }
}
