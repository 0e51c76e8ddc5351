//! Transcripts: what is done to a connection, and all that it answers, as text.
//!
//! A line that begins with `>` is an output, one with `!` an event, one with `=` an answer to a question of
//! the transcript; every other line is an input:
//!
//! ```text
//! config NAME VALUE...     at the top: `config backoff 0.5 30`, `config url ws://venue/v2/marketdata`
//! seed 7                   at the top
//! @1.5                     time passes until 1.5 s, with a wake-up at each deadline on the way
//! jump 1.5                 time is 1.5 s, with one wake-up
//! busy 1.5                 time is 1.5 s, and nobody has looked at the deadlines
//! open | close | connected | subscribe NAME | unsubscribe NAME | request METHOD
//! failed CAUSE             the dial failed: refused, certificate, status 401, status 429 after 60, name lookup
//! lost CAUSE               the transport ended: end, reset, protocol, transport
//! < TEXT                   a text frame
//! << closed CODE           the peer's Close frame; `none` for no code
//! << ping | << binary
//! stale INPUT              the input is about the link of the attempt before
//! state | deadline | streams | count COUNTER
//! ```

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use gemini_ws::{
    CommandError, Config, ConnectFailure, Connection, Frame, Instant, LinkId, Lost, Output, Request, Scratch,
    StreamId,
};

use super::told::{describe, seconds};

/// Runs the inputs of a transcript, and writes it anew with what the connection answers to them.
pub(crate) fn replay(transcript: &str) -> String {
    let (config, seed) = settings(transcript);
    let mut player = Player {
        connection: Connection::new(config, seed),
        now: Instant::ZERO,
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
    player.text
}

/// What the lines at the top choose.
fn settings(transcript: &str) -> (Config, u64) {
    let words = |line: &'static str| move |it: &str| it.strip_prefix(line).map(str::to_owned);
    let url = transcript.lines().find_map(words("config url ")).unwrap_or_else(|| "ws://venue".to_owned());
    let seed = transcript.lines().find_map(words("seed ")).map_or(1, |seed| seed.parse().expect("a seed"));
    let config = transcript.lines().filter_map(words("config ")).fold(Config::new(url), set);
    (config, seed)
}

/// Sets what a line `config NAME VALUE...` names.
fn set(config: Config, line: String) -> Config {
    let (name, values) = line.split_once(' ').expect("a name and a value");
    let values: Vec<&str> = values.split(' ').collect();
    let duration = |at: usize| Duration::from_secs_f64(values[at].parse().expect("seconds"));
    let number = || values[0].parse::<usize>().expect("a number");
    match name {
        "url" => config,
        "backoff" => config.backoff(duration(0), duration(1)),
        "close_timeout" => config.close_timeout(duration(0)),
        "connect_timeout" => config.connect_timeout(duration(0)),
        "probe_after" => config.probe_after(duration(0)),
        "request_timeout" => config.request_timeout(duration(0)),
        "silence_max" => config.silence_max(duration(0)),
        "stable_after" => config.stable_after(duration(0)),
        "streams_per_request_max" => config.streams_per_request_max(number()),
        _ => panic!("not a setting: {name}"),
    }
}

struct Player {
    connection: Connection,
    now: Instant,
    links: Vec<LinkId>,
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
            "config" | "seed" => {}
            "open" => self.command(|connection| connection.open(now)),
            "close" => self.connection.close(now),
            "subscribe" => {
                let stream = rest.parse().expect("a stream");
                match self.connection.subscribe(now, stream) {
                    Ok(id) => drop(self.streams.insert(rest.to_owned(), id)),
                    Err(error) => self.refused(error),
                }
            }
            "unsubscribe" => {
                let id = self.streams[rest];
                self.command(|connection| connection.unsubscribe(now, id));
            }
            "request" => {
                self.command(|connection| connection.request(now, &Request::raw(rest, None)).map(drop));
            }
            "jump" => {
                self.now = at(rest);
                self.connection.handle_timeout(self.now);
            }
            "busy" => self.now = at(rest),
            "state" => self.line(&format!("= {:?}", self.connection.state())),
            "deadline" => match self.connection.deadline() {
                Some(deadline) => self.line(&format!("= {:?} at {}", deadline.cause, seconds(deadline.at))),
                None => self.line("= none"),
            },
            "streams" => {
                let streams: Vec<_> = self.connection.streams().collect();
                streams.iter().for_each(|(_, stream, state)| self.line(&format!("= {stream} {state:?}")));
            }
            "count" => self.line(&format!("= {}", counter(self.connection.stats(), rest))),
            "stale" => {
                let before = self.links.len().checked_sub(2).expect("an attempt before");
                self.transport(self.links[before], rest);
            }
            _ if word.starts_with('@') => self.pass(&word[1..]),
            _ => self.transport(self.connection.link(), line),
        }
    }

    fn transport(&mut self, link: LinkId, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let now = self.now;
        match word {
            "connected" => self.connection.handle_connected(link, now),
            "failed" => self.connection.handle_connect_failed(link, now, failure(rest)),
            "lost" => self.connection.handle_lost(link, now, loss(rest)),
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

    fn command(&mut self, command: impl FnOnce(&mut Connection) -> Result<(), CommandError>) {
        if let Err(error) = command(&mut self.connection) {
            self.refused(error);
        }
    }

    fn refused(&mut self, error: CommandError) {
        self.line(&format!("! refused: {error}"));
    }

    fn frame(&mut self, link: LinkId, frame: Frame<'_>) {
        let mut scratch = Scratch::new();
        if let Some(event) = self.connection.handle_frame(link, self.now, frame, &mut scratch) {
            self.line(&format!("! {}", describe(&event)));
        }
    }

    /// Lets time pass. Outputs on the way are marked with their time.
    fn pass(&mut self, until: &str) {
        let until = at(until);
        while let Some(deadline) = self.connection.deadline().filter(|deadline| deadline.at <= until) {
            assert!(deadline.at > self.now, "due for ever: {deadline:?}");
            self.now = deadline.at;
            let before = self.text.len();
            self.connection.handle_timeout(self.now);
            self.drain();
            let after = self.text.split_off(before);
            for line in after.lines() {
                let _ = writeln!(self.text, "{line}   @{}", seconds(self.now));
            }
        }
        self.now = until;
    }

    fn drain(&mut self) {
        while let Some(output) = self.connection.poll_output() {
            let line = match output {
                Output::Connect(link) => {
                    self.links.push(link);
                    format!("> connect {}", self.connection.connect_request(link).expect("a request").url)
                }
                Output::Send { text, .. } => format!("> {text}"),
                Output::Close { code, .. } => format!("> close {code}"),
                Output::Abort(link) => format!("> abort {}", link.epoch()),
                Output::Event(event) => format!("! {}", describe(&event)),
                other => format!("> {other:?}"),
            };
            self.line(&line);
        }
    }
}

/// An instant in seconds.
fn at(text: &str) -> Instant {
    let seconds = text.parse().expect("seconds");
    Instant::from_nanos(Duration::from_secs_f64(seconds).as_nanos() as u64)
}

/// One counter, by its name in `Stats`.
fn counter(stats: &gemini_ws::Stats, name: &str) -> String {
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
        ["status", status] => ConnectFailure::Status { status: status.parse().unwrap(), retry_after: None },
        ["status", status, "after", seconds] => ConnectFailure::Status {
            status: status.parse().unwrap(),
            retry_after: Some(Duration::from_secs(seconds.parse().unwrap())),
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
