//! Helpers of the tests of this folder.

use gemini_ws::{Client, Config, Event, EventBuf, Frame, Instant, LinkId, Output, Scratch, Stats};

use super::session::{Session, streams};
use crate::shown::Shown;

/// A session for some symbols, with the client whose events it receives.
pub(crate) struct Fed {
    pub(crate) session: Session,
    pub(crate) client: Client,
    pub(crate) now: Instant,
    /// The error with which the venue refuses requests, if it refuses them.
    pub(crate) refusal: Option<&'static str>,
    rejections: Vec<EventBuf>,
}

impl Fed {
    pub(crate) fn new(symbols: &[&str]) -> Fed {
        let symbols: Vec<_> = symbols.iter().map(|symbol| symbol.parse().unwrap()).collect();
        let mut client = Client::single(Config::new("ws://venue").seed(1));
        for stream in symbols.iter().copied().flat_map(streams) {
            client.subscribe(Instant::ZERO, stream).unwrap();
        }
        client.open(Instant::ZERO).unwrap();
        let session = Session::new(Shown::of("ws://venue"), None, &symbols, Instant::ZERO);
        let mut fed = Fed { session, client, now: Instant::ZERO, refusal: None, rejections: Vec::new() };
        fed.pump();
        fed
    }

    pub(crate) fn link(&self) -> LinkId {
        self.client.links().next().expect("a link").0
    }

    pub(crate) fn connect(&mut self) {
        self.client.handle_connected(self.link(), self.now);
        self.pump();
    }

    /// Passes the client's outputs to the session, and replies to its requests.
    pub(crate) fn pump(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Event(event) => self.event(&event),
                Output::Send { text, .. } => {
                    let request: serde_json::Value = serde_json::from_str(&text).unwrap();
                    let id = &request["id"];
                    self.frame(&match self.refusal {
                        None => format!(r#"{{"id":{id},"status":200}}"#),
                        Some(message) => {
                            format!(
                                r#"{{"id":{id},"status":400,"error":{{"code":-1013,"msg":"{message}"}}}}"#
                            )
                        }
                    });
                }
                _ => {}
            }
        }
    }

    pub(crate) fn rejections(&mut self) -> &mut [EventBuf] {
        &mut self.rejections
    }

    pub(crate) fn event(&mut self, event: &Event<'_>) {
        if matches!(event, Event::Rejected { .. }) {
            self.rejections.push(EventBuf::from(event));
        }
        let stats: Stats = self.client.stats();
        self.session.apply(self.now, event, &stats);
    }

    pub(crate) fn frame(&mut self, text: &str) {
        let mut scratch = Scratch::new();
        let link = self.link();
        let event = self.client.handle_frame(link, self.now, Frame::Text(text), &mut scratch);
        if let Some(event) = event {
            self.event(&event);
        }
        self.pump();
    }

    /// Passes a trade, and a snapshot with `levels` levels on each side, to the client.
    pub(crate) fn fill(&mut self, symbol: &str, levels: usize) {
        let side = |sign: i64| {
            let level = |step: usize| {
                let step = step as i64;
                format!(r#"["{}.50","{}.{step}"]"#, 83_400 + sign * (step + 1), step % 5 + 1)
            };
            (0..levels).map(level).collect::<Vec<_>>().join(",")
        };
        let (bids, asks) = (side(-1), side(1));
        self.frame(&format!(
            r#"{{"e":"depthUpdate","E":1,"s":"{symbol}","U":5,"u":5,"b":[{bids}],"a":[{asks}]}}"#
        ));
        self.frame(&format!(r#"{{"E":3,"s":"{symbol}","t":7,"p":"83400.25","q":"0.125","m":true}}"#));
    }
}
