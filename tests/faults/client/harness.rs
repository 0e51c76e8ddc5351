//! [`Harness`] is a client with all its outputs and events.

use std::time::Duration;

use gemini_ws::lifecycle::State;
use gemini_ws::{
    Abandoned, Client, ClientConfig, CloseReason, Config, ConnectFailure, Event, EventBuf, Frame, Instant,
    LinkId, Lost, NewOrder, Output, Request, Scratch, ShutdownPlan, Stream, VenueReason,
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn t(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

pub(crate) fn ms(at: Instant) -> u64 {
    at.as_nanos() / 1_000_000
}

pub(crate) fn s(text: &str) -> Stream {
    text.parse().unwrap()
}

pub(crate) fn status(status: u16) -> ConnectFailure {
    ConnectFailure::Status { status, retry_after: None, reason: None }
}

pub(crate) fn after(status: u16, seconds: u64) -> ConnectFailure {
    ConnectFailure::Status { status, retry_after: Some(Duration::from_secs(seconds)), reason: None }
}

pub(crate) fn because(status: u16, word: &str) -> ConnectFailure {
    ConnectFailure::Status { status, retry_after: None, reason: VenueReason::new(word) }
}

pub(crate) fn order(id: &str) -> Request {
    Request::PlaceOrder(NewOrder::limit(id, "btcusd", gemini_ws::Side::Buy, "1", "100").unwrap())
}

pub(crate) struct Harness {
    pub(crate) client: Client,
    pub(crate) now: Instant,
    pub(crate) outputs: Vec<Output>,
    /// How many outputs `answer` has already looked at.
    pub(crate) answered: usize,
}

impl Harness {
    pub(crate) fn new(config: Config) -> Harness {
        Harness::many(ClientConfig::new(), [config])
    }

    pub(crate) fn many(config: ClientConfig, endpoints: impl IntoIterator<Item = Config>) -> Harness {
        let mut client = Client::new(config, 1);
        for endpoint in endpoints {
            client.add(t(0), endpoint).unwrap();
        }
        client.open(t(0)).unwrap();
        Harness { client, now: t(0), outputs: Vec::new(), answered: 0 }
    }

    pub(crate) fn live(config: Config) -> Harness {
        let mut harness = Harness::new(config.stay_open(true));
        harness.connect();
        assert_eq!(harness.client.state(harness.link()), Some(State::Live));
        harness
    }

    pub(crate) fn link(&self) -> LinkId {
        self.client.links().next().expect("a link").0
    }

    pub(crate) fn connect(&mut self) {
        self.client.handle_connected(self.link(), self.now);
    }

    /// Lets the dial fail. Returns the instant of the next attempt.
    pub(crate) fn fail(&mut self, why: ConnectFailure) -> Option<Instant> {
        self.client.handle_connect_failed(self.link(), self.now, why);
        self.next_attempt()
    }

    pub(crate) fn lose(&mut self, why: Lost) -> Option<Instant> {
        self.client.handle_lost(self.link(), self.now, why);
        self.next_attempt()
    }

    pub(crate) fn next_attempt(&mut self) -> Option<Instant> {
        let mut next = None;
        for event in self.drain() {
            if let Event::ConnectFailed { retry, .. } | Event::Disconnected { retry, .. } = event {
                next = retry;
            }
        }
        next
    }

    pub(crate) fn new_outputs(&mut self) -> Vec<Output> {
        let before = self.outputs.len();
        self.drain();
        self.outputs[before..].into()
    }

    pub(crate) fn drain(&mut self) -> Vec<Event<'static>> {
        let new: Vec<Output> = std::iter::from_fn(|| self.client.poll_output()).collect();
        self.outputs.extend(new.iter().cloned());
        new.into_iter()
            .filter_map(|it| if let Output::Event(event) = it { Some(event) } else { None })
            .collect()
    }

    pub(crate) fn text(&mut self, text: &str) -> Option<EventBuf> {
        let (link, mut scratch) = (self.link(), Scratch::new());
        self.client
            .handle_frame(link, self.now, Frame::Text(text), &mut scratch)
            .map(|it| EventBuf::from(&it))
    }

    pub(crate) fn answer(&mut self, status: u16) {
        self.drain();
        let from = std::mem::replace(&mut self.answered, self.outputs.len());
        for output in Vec::from(&self.outputs[from..]) {
            if let Output::Send { link, text } = output {
                let id = text.trim_start_matches("{\"id\":").split(',').next().unwrap();
                let (reply, mut scratch) = (format!("{{\"id\":{id},\"status\":{status}}}"), Scratch::new());
                self.client.handle_frame(link, self.now, Frame::Text(&reply), &mut scratch);
            }
        }
    }

    /// Handles every deadline up to an instant, and ends the transport of each link for which the client sends a
    /// Close frame.
    pub(crate) fn pass_to(&mut self, until: Instant) {
        self.answer_closes();
        while let Some(deadline) = self.client.deadline().filter(|deadline| deadline.at <= until) {
            self.now = self.now.max(deadline.at);
            self.client.handle_timeout(self.now);
            self.answer_closes();
        }
        self.now = until;
        self.client.handle_timeout(until);
        self.answer_closes();
    }

    pub(crate) fn answer_closes(&mut self) {
        for output in self.new_outputs() {
            if let Output::Close { link, .. } = output {
                self.client.handle_lost(link, self.now, Lost::End);
            }
        }
        self.drain();
    }

    pub(crate) fn sent(&self, what: &str) -> usize {
        self.outputs
            .iter()
            .filter(|it| matches!(it, Output::Send { text, .. } if text.contains(what)))
            .count()
    }

    pub(crate) fn dials(&self) -> usize {
        self.outputs.iter().filter(|it| matches!(it, Output::Connect(_))).count()
    }

    pub(crate) fn end(&self) -> Option<(CloseReason, Abandoned)> {
        self.outputs.iter().find_map(|it| match it {
            Output::Event(Event::Closed { reason, abandoned }) => Some((*reason, *abandoned)),
            _ => None,
        })
    }

    pub(crate) fn place(&mut self, id: &str) {
        self.client.request(self.now, &order(id)).unwrap();
        self.answer(200);
    }

    pub(crate) fn shut_down(&mut self, seconds: u64) {
        let plan = ShutdownPlan::by(self.now + Duration::from_secs(seconds)).cancel_orders(true);
        self.client.shut_down(self.now, plan);
        self.drain();
    }
}

pub(crate) fn private() -> Config {
    Config::new("ws://v").authenticated(true)
}

impl Harness {
    pub(crate) fn clone_at(&self, now: Instant) -> Harness {
        Harness { client: self.client.clone(), now, outputs: Vec::new(), answered: 0 }
    }
}
