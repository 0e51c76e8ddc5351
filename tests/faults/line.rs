//! [`Line`] is a client of one link, with all its outputs and events.

use std::collections::VecDeque;

use gemini_ws::lifecycle::StreamState;
use gemini_ws::{
    Client, ClientConfig, Config, Event, EventBuf, Frame, Instant, LinkId, Lost, Output, Scratch, StreamId,
    Unserved,
};

use super::fed::{s, t};

pub(crate) struct Line {
    pub(crate) client: Client,
    pub(crate) link: LinkId,
    pub(crate) scratch: Scratch,
    pub(crate) events: Vec<Event<'static>>,
    pub(crate) sent: VecDeque<String>,
    pub(crate) losses: Vec<Lost>,
}

impl Line {
    /// Creates a client with these streams. Its link is not open yet.
    pub(crate) fn with(config: Config, streams: impl IntoIterator<Item = String>) -> Line {
        Line::with_client(ClientConfig::new(), config, streams)
    }

    pub(crate) fn with_client(
        client: ClientConfig,
        config: Config,
        streams: impl IntoIterator<Item = String>,
    ) -> Line {
        let mut client = Client::new(client, 1);
        client.add(t(0), config.stay_open(true)).unwrap();
        for stream in streams {
            client.subscribe(t(0), s(&stream)).unwrap();
        }
        client.open(t(0)).unwrap();
        let link = client.links().next().unwrap().0;
        let scratch = Scratch::new();
        Line { client, link, scratch, events: Vec::new(), sent: VecDeque::new(), losses: Vec::new() }
    }

    /// Creates a client with these streams, and opens its link at time zero.
    pub(crate) fn open(config: Config, streams: impl IntoIterator<Item = String>) -> Line {
        let mut line = Line::with(config, streams);
        line.poll(0);
        line
    }

    pub(crate) fn subscribe(&mut self, at: u64, stream: &str) -> StreamId {
        let id = self.client.subscribe(t(at), s(stream)).unwrap();
        self.poll(at);
        id
    }

    pub(crate) fn poll(&mut self, at: u64) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Connect(link) => {
                    self.link = link;
                    self.sent.clear();
                    self.client.handle_connected(link, t(at));
                }
                Output::Send { text, .. } => self.sent.push_back(text),
                Output::Event(event) => {
                    if let Event::Disconnected { reason, .. } = event {
                        self.losses.push(reason);
                    }
                    self.events.push(event);
                }
                _ => {}
            }
        }
    }

    pub(crate) fn hear(&mut self, at: u64, text: &str) -> Option<EventBuf> {
        let event = self.client.handle_frame(self.link, t(at), Frame::Text(text), &mut self.scratch);
        let event = event.map(|event| EventBuf::from(&event));
        self.poll(at);
        event
    }

    pub(crate) fn ping(&mut self, at: u64) {
        self.client.handle_frame(self.link, t(at), Frame::Ping(b""), &mut self.scratch);
    }

    pub(crate) fn wait(&mut self, until: u64) {
        while let Some(deadline) = self.client.deadline().filter(|deadline| deadline.at <= t(until)) {
            self.client.handle_timeout(deadline.at);
            self.poll(deadline.at.as_nanos() / 1_000_000);
        }
    }

    pub(crate) fn state(&self, stream: &str) -> Option<StreamState> {
        self.client.streams().find(|(_, it, _)| *it == s(stream)).map(|(.., state)| state)
    }

    pub(crate) fn unserved(&self, stream: &str) -> Vec<(Unserved, u32, Instant)> {
        let of = |event: &Event<'_>| match event {
            Event::Unserved { stream: it, reason, attempts, retry, .. } if *it == s(stream) => {
                Some((*reason, *attempts, *retry))
            }
            _ => None,
        };
        self.events.iter().filter_map(of).collect()
    }
}

pub(crate) fn number(text: &str) -> String {
    text.strip_prefix("{\"id\":").unwrap().chars().take_while(char::is_ascii_digit).collect()
}

pub(crate) fn ack(text: &str) -> String {
    format!("{{\"id\":{},\"status\":200}}", number(text))
}

pub(crate) fn refuse(text: &str, status: u16, code: i32) -> String {
    format!("{{\"id\":{},\"status\":{status},\"error\":{{\"code\":{code},\"msg\":\"no\"}}}}", number(text))
}

pub(crate) fn snapshot(symbol: &str, id: u64) -> String {
    format!(r#"{{"e":"depthUpdate","E":1,"s":"{symbol}","U":{id},"u":{id},"b":[["1","1"]],"a":[["2","1"]]}}"#)
}
