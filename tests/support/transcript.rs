//! Transcripts: what is done to a connection, and all that it answers, as text.
//!
//! A line that begins with `>` is an output, one with `!` an event; every other line is an input:
//!
//! ```text
//! @1.5                     time passes until 1.5 s, with a wake-up at each deadline on the way
//! open | close | connected | subscribe NAME | unsubscribe NAME | request METHOD
//! failed CAUSE             the dial failed: refused, certificate, status 401, status 429 after 60
//! lost CAUSE               the transport ended: end, reset
//! < TEXT                   a text frame
//! << closed CODE           the peer's Close frame; `none` for no code
//! << ping | << binary
//! late connected           the dial of the attempt before succeeds after all
//! ```

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use gemini_ws::{
    Abandoned, Config, ConnectFailure, Connection, Event, Frame, Instant, LinkId, Lost, Outcome, Output,
    Request, Scratch, StreamId,
};

/// Runs the inputs of a transcript, and writes it anew with what the connection answers to them.
pub(crate) fn replay(transcript: &str) -> String {
    let mut player = Player {
        connection: Connection::new(Config::new("ws://venue"), 1),
        now: Instant::ZERO,
        links: Vec::new(),
        streams: BTreeMap::new(),
        text: String::new(),
    };
    for line in transcript.lines() {
        if line.starts_with('>') || line.starts_with('!') {
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
        let link = self.connection.link();
        match word {
            "open" => self.command(|connection| connection.open(now).map(|()| None)),
            "close" => self.connection.close(now),
            "subscribe" => {
                let stream = rest.parse().expect("a stream");
                self.command(|connection| connection.subscribe(now, stream).map(Some));
                if let Some((id, _, _)) = self.connection.streams().filter(|it| it.1 == stream).last() {
                    self.streams.insert(rest.to_owned(), id);
                }
            }
            "unsubscribe" => {
                let id = self.streams[rest];
                self.command(|connection| connection.unsubscribe(now, id).map(|()| None));
            }
            "request" => {
                self.command(|connection| connection.request(now, &Request::raw(rest, None)).map(|_| None))
            }
            "connected" => self.connection.handle_connected(link, now),
            "late" => self.connection.handle_connected(self.links[self.links.len() - 2], now),
            "failed" => self.connection.handle_connect_failed(link, now, failure(rest)),
            "lost" => self.connection.handle_lost(link, now, loss(rest)),
            "<" => self.frame(Frame::Text(rest)),
            "<<" => match rest.split_once(' ') {
                Some(("closed", code)) => self.frame(Frame::Close { code: code.parse().ok(), reason: "" }),
                _ if rest == "ping" => self.frame(Frame::Ping(b"1")),
                _ if rest == "binary" => self.frame(Frame::Binary(b"1")),
                _ => panic!("not a frame: {line}"),
            },
            _ => {
                let seconds = line.strip_prefix('@').unwrap_or_else(|| panic!("not an input: {line}"));
                self.pass(seconds.parse().expect("seconds"));
            }
        }
    }

    fn command(
        &mut self,
        command: impl FnOnce(&mut Connection) -> Result<Option<StreamId>, gemini_ws::CommandError>,
    ) {
        if let Err(error) = command(&mut self.connection) {
            self.line(&format!("! refused: {error}"));
        }
    }

    fn frame(&mut self, frame: Frame<'_>) {
        let mut scratch = Scratch::new();
        let link = self.connection.link();
        if let Some(event) = self.connection.handle_frame(link, self.now, frame, &mut scratch) {
            self.line(&describe(&event));
        }
    }

    /// Lets time pass. Outputs on the way are marked with their time.
    fn pass(&mut self, seconds: f64) {
        let until = Instant::from_nanos(Duration::from_secs_f64(seconds).as_nanos() as u64);
        while let Some(deadline) = self.connection.deadline().filter(|deadline| deadline.at <= until) {
            assert!(deadline.at > self.now, "due for ever: {deadline:?}");
            self.now = deadline.at;
            let before = self.text.len();
            self.connection.handle_timeout(self.now);
            self.drain();
            if self.text.len() > before {
                let after = self.text.split_off(before);
                let millis = self.now.as_nanos() / 1_000_000;
                for line in after.lines() {
                    let _ = writeln!(self.text, "{line}   @{}.{:03}", millis / 1_000, millis % 1_000);
                }
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
                other => describe_output(&other),
            };
            self.line(&line);
        }
    }
}

/// An output on one line.
pub(crate) fn describe_output(output: &Output) -> String {
    match output {
        Output::Connect(link) => format!("> connect {}", link.epoch()),
        Output::Send { text, .. } => format!("> {text}"),
        Output::Close { code, .. } => format!("> close {code}"),
        Output::Abort(link) => format!("> abort {}", link.epoch()),
        Output::Event(event) => describe(event),
        other => format!("> {other:?}"),
    }
}

fn failure(text: &str) -> ConnectFailure {
    let words: Vec<&str> = text.split(' ').collect();
    match words[..] {
        ["refused"] => ConnectFailure::Refused,
        ["certificate"] => ConnectFailure::Certificate,
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
        "reset" => Lost::Reset,
        _ => panic!("not a loss: {text}"),
    }
}

/// An event on one line.
pub(crate) fn describe(event: &Event<'_>) -> String {
    let retry = |retry: &Option<Instant>| match retry {
        Some(at) => {
            format!("retry at {}.{:03}", at.as_nanos() / 1_000_000_000, at.as_nanos() / 1_000_000 % 1_000)
        }
        None => "no retry".to_owned(),
    };
    let text = match event {
        Event::BookTicker(it) => format!("ticker {} {}", it.symbol, it.update_id),
        Event::DepthSnapshot(it) => format!("snapshot {} {}", it.symbol, it.last_update_id.unwrap_or(0)),
        Event::DepthUpdate(it) => format!("update {} {}", it.symbol, it.last_update_id.unwrap_or(0)),
        Event::Trade(it) => format!("trade {} {}", it.symbol, it.trade_id),
        Event::Reply { request, outcome: Outcome::Answered(it), .. } => {
            format!("reply {} status {}", request.get(), it.status.unwrap_or(0))
        }
        Event::Reply { request, outcome, .. } => format!("reply {} {outcome:?}", request.get()),
        Event::Subscribed { stream, .. } => format!("subscribed {stream}"),
        Event::Unsubscribed { stream, last: true, .. } => format!("unsubscribed {stream}"),
        Event::Unsubscribed { stream, .. } => format!("unsubscribed {stream}, which another still wants"),
        Event::Rejected { stream, error, .. } => {
            format!("rejected {stream}: {} {}", error.code, error.message)
        }
        Event::Gap { symbol, expected, got: Some(got) } => {
            format!("gap {symbol} expected {expected} got {got}")
        }
        Event::Gap { symbol, expected, got: None } => format!("gap {symbol} after {expected}"),
        Event::Synced { symbol, .. } => format!("synced {symbol}"),
        Event::Opened { link, missing_since: None } => format!("opened {}", link.epoch()),
        Event::Opened { link, missing_since: Some(at) } => {
            let millis = at.as_nanos() / 1_000_000;
            format!(
                "opened {}; events since {}.{:03} may be missing",
                link.epoch(),
                millis / 1_000,
                millis % 1_000
            )
        }
        Event::Live { link } => format!("live {}", link.epoch()),
        Event::ConnectFailed { link, why, retry: at } => {
            format!("connect failed {}: {why}; {}", link.epoch(), retry(at))
        }
        Event::PeerClosing { link, code, .. } => format!("peer closing {} with {code:?}", link.epoch()),
        Event::Disconnected { link, why, retry: at } => {
            format!("disconnected {}: {why}; {}", link.epoch(), retry(at))
        }
        Event::Closed { reason, abandoned } if *abandoned == Abandoned::default() => {
            format!("closed: {reason}")
        }
        Event::Closed { reason, abandoned } => {
            format!("closed: {reason}; abandoned {} requests, {} links", abandoned.requests, abandoned.links)
        }
        Event::Ignored(it) => format!("ignored: {:?}", it.why),
        Event::Unrecognized(_) => "unrecognized".to_owned(),
        Event::Malformed(it) => format!("malformed: {}", it.error),
        other => format!("{other:?}"),
    };
    format!("! {text}")
}
