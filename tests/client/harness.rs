//! [`Harness`] is a client of many links with its outputs and events.

use std::time::Duration;

use gemini_ws::lifecycle::State;
use gemini_ws::{
    Books, Client, ClientConfig, Config, EndpointId, Event, Frame, Instant, LinkId, NewOrder, Output,
    Request, RequestOutcome, Scratch, Side, Stream, StreamId,
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const SNAPSHOT: &str =
    r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["1","1"]],"a":[]}"#;
pub(crate) const OK: &str = "\"status\":200";

pub(crate) fn stream(name: &str) -> Stream {
    name.parse().unwrap()
}

pub(crate) fn order(id: &str) -> Request {
    Request::PlaceOrder(NewOrder::limit(id, "btcusd", Side::Buy, "1", "100").unwrap())
}

pub(crate) struct Harness {
    pub(crate) client: Client,
    pub(crate) now: Instant,
    /// Messages that the client has sent and the venue has not replied to, with their links.
    pub(crate) sent: Vec<(LinkId, String)>,
    pub(crate) dials: Vec<LinkId>,
    pub(crate) closes: Vec<LinkId>,
    pub(crate) aborts: Vec<LinkId>,
    pub(crate) events: Vec<String>,
    pub(crate) books: Books,
}

impl Harness {
    pub(crate) fn new(config: ClientConfig, endpoints: &[Config]) -> Harness {
        let mut client = Client::new(config, 7);
        for endpoint in endpoints {
            client.add(Instant::ZERO, endpoint.clone()).unwrap();
        }
        Harness {
            client,
            now: Instant::ZERO,
            sent: Vec::new(),
            dials: Vec::new(),
            closes: Vec::new(),
            aborts: Vec::new(),
            events: Vec::new(),
            books: Books::new(),
        }
    }

    pub(crate) fn trading() -> Harness {
        Harness::new(ClientConfig::new(), &[public(), private()])
    }

    pub(crate) fn drain(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Connect(link) => self.dials.push(link),
                Output::Send { link, text } => self.sent.push((link, text)),
                Output::Close { link, .. } => self.closes.push(link),
                Output::Abort(link) => self.aborts.push(link),
                Output::Event(event) => {
                    self.books.apply(&event);
                    self.events.push(said(&event));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    pub(crate) fn open(&mut self) {
        self.client.open(self.now).unwrap();
        self.drain();
    }

    pub(crate) fn subscribe(&mut self, name: &str) -> StreamId {
        let id = self.client.subscribe(self.now, stream(name)).unwrap();
        self.drain();
        id
    }

    /// Lets every dial succeed, and answers every request.
    pub(crate) fn flush(&mut self) {
        self.drain();
        while !self.dials.is_empty() || !self.sent.is_empty() {
            for link in std::mem::take(&mut self.dials) {
                self.client.handle_connected(link, self.now);
            }
            self.drain();
            self.answer_all();
        }
    }

    pub(crate) fn answer_all(&mut self) {
        for (link, text) in std::mem::take(&mut self.sent) {
            let request: serde_json::Value = serde_json::from_str(&text).unwrap();
            self.frame(link, &format!("{{\"id\":{},{OK}}}", request["id"]));
        }
    }

    /// Answers every cancellation of orders.
    pub(crate) fn answer_cancels(&mut self) {
        let (cancels, others) =
            std::mem::take(&mut self.sent).into_iter().partition(|(_, text)| text.contains("order.cancel"));
        self.sent = cancels;
        self.answer_all();
        self.sent = others;
    }

    pub(crate) fn frame(&mut self, link: LinkId, text: &str) {
        let mut scratch = Scratch::new();
        if let Some(event) = self.client.handle_frame(link, self.now, Frame::Text(text), &mut scratch) {
            self.books.apply(&event);
            self.events.push(said(&event));
        }
        self.drain();
    }

    pub(crate) fn peer_closes(&mut self, link: LinkId, code: u16) {
        let frame = Frame::Close { code: Some(code), reason: "" };
        self.client.handle_frame(link, self.now, frame, &mut Scratch::new());
        self.drain();
    }

    /// Lets time pass, with a wake-up at each deadline.
    pub(crate) fn pass(&mut self, duration: Duration) {
        let until = self.now + duration;
        while let Some(deadline) = self.client.deadline().filter(|deadline| deadline.at <= until) {
            assert!(deadline.at >= self.now);
            self.now = self.now.max(deadline.at);
            self.client.handle_timeout(self.now);
            assert!(self.client.deadline().is_none_or(|next| next.at > self.now), "due for ever");
            self.drain();
        }
        self.now = until;
    }

    /// Returns the link at index `nth` among the links of an endpoint, in the order of slots. `endpoint` is the index
    /// among the endpoints that have links.
    pub(crate) fn link(&self, endpoint: usize, nth: usize) -> LinkId {
        let ids: Vec<EndpointId> = self.endpoints();
        self.client.links().filter(|(_, id, _)| *id == ids[endpoint]).nth(nth).expect("a link").0
    }

    pub(crate) fn endpoints(&self) -> Vec<EndpointId> {
        let mut ids: Vec<EndpointId> = self.client.links().map(|(_, id, _)| id).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    pub(crate) fn states(&self) -> Vec<State> {
        self.client.links().map(|(_, _, state)| state).collect()
    }

    pub(crate) fn take_events(&mut self) -> Vec<String> {
        std::mem::take(&mut self.events)
    }
}

/// Returns the id of a request.
pub(crate) fn number(text: &str) -> serde_json::Value {
    serde_json::from_str::<serde_json::Value>(text).unwrap()["id"].clone()
}

pub(crate) fn public() -> Config {
    Config::new("ws://venue").linger(Duration::ZERO)
}

pub(crate) fn private() -> Config {
    Config::new("ws://venue").authenticated(true).linger(Duration::ZERO)
}

pub(crate) fn said(event: &Event<'_>) -> String {
    match event {
        Event::Opened { link, .. } => format!("opened {link}"),
        Event::Live { link } => format!("live {link}"),
        Event::Subscribed { stream, .. } => format!("subscribed {stream}"),
        Event::Unsubscribed { stream, last, .. } => format!("unsubscribed {stream} {last}"),
        Event::Rejected { stream, .. } => format!("rejected {stream}"),
        Event::Disconnected { link, reason: why, retry } => {
            format!("disconnected {link}: {why}{}", if retry.is_some() { "; retry" } else { "" })
        }
        Event::ConnectFailed { link, reason: why, retry } => {
            format!("failed {link}: {why}{}", if retry.is_some() { "; retry" } else { "" })
        }
        Event::LinkClosed { link, reason } => format!("link closed {link}: {reason}"),
        Event::Closed { reason, abandoned } => {
            format!("closed: {reason}; {} requests, {} links", abandoned.requests, abandoned.links)
        }
        Event::ShuttingDown { step } => format!("{step:?}"),
        Event::Reply { about, outcome, .. } => match outcome {
            RequestOutcome::Answered(_) => format!("reply {about:?}"),
            other => format!("reply {about:?} {other:?}"),
        },
        Event::HeartbeatDue { link, since } => {
            format!("heartbeat {link} since {}", since.as_nanos() / 1_000_000_000)
        }
        Event::Silent { stream, .. } => format!("quiet {stream}"),
        other => format!("{other:?}").split([' ', '(']).next().unwrap().to_lowercase(),
    }
}
