//! Two makers of quotes, a public session, and short texts for their frames.

use std::collections::BTreeSet;
use std::time::Duration;

use gemini_ws::{Instant, Message, Scratch, decode};
use gemini_ws_simulator::{Config, SessionId};
use serde_json::Value;

use super::request;
use super::trading::{FIRST, Floor, SECOND};

/// The session that subscribes to the public stream.
pub const PUBLIC: SessionId = SessionId(9);

/// A time in which several requests for quotes begin and end.
const A_WHILE: Duration = Duration::from_secs(300);

pub struct Harness {
    pub floor: Floor,
    /// The last public frame of the present request.
    pub present: Value,
    /// The ids of the private events so far. They show which events are repeated.
    known: BTreeSet<String>,
    pub repeated: u32,
}

impl Harness {
    /// Creates a market in which both accounts are connected and subscribed to their quotes and orders. The session
    /// [`PUBLIC`] is subscribed to the requests for quotes.
    pub fn new(config: impl FnOnce(Config) -> Config, seed: u64) -> Harness {
        let market = super::market(&["btcusd", "GEMI-A-UP", "GEMI-B-UP"]).events_per_second(0);
        let floor = Floor::new(config(market), seed);
        let mut harness = Harness { floor, present: Value::Null, known: BTreeSet::new(), repeated: 0 };
        harness.floor.exchange.handle_connected(PUBLIC, Instant::ZERO, "");
        harness.floor.send(PUBLIC, &request("subscribe", &["requestForQuote"]));
        for (session, token) in [(FIRST, "one"), (SECOND, "two")] {
            harness.floor.connect(session, token, "/");
            harness
                .floor
                .send(session, &request("subscribe", &["requestForQuote@account", "orders@account"]));
        }
        harness
    }

    /// Returns frames as short texts, without repeated quote events: `1: 200`, `public OPEN`, `2: ACCEPTED CONFIRMING
    /// ACTIVE`, `1: FILLED`.
    pub fn short(&mut self, texts: &[(SessionId, String)]) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let mut short = Vec::new();
        for (session, text) in texts {
            // Check that the client of this project can decode every frame.
            let mut scratch = Scratch::new();
            let message = decode(text, &mut scratch).unwrap_or_else(|error| panic!("{error:?} {text}"));
            let value: Value = serde_json::from_str(text).unwrap();
            let member = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
            let line = match message {
                Message::QuoteUpdate(_) => {
                    let is_new = self.known.insert(member("i"));
                    if !seen.insert((*session, member("i"))) || !is_new {
                        self.repeated += 1;
                        continue;
                    }
                    format!("{} {} {}", member("x"), member("S"), member("qs"))
                }
                Message::RequestForQuote(_) => {
                    self.present = value.clone();
                    format!("public {}", member("S"))
                }
                Message::OrderUpdate(_) => member("X"),
                _ => match value.get("error") {
                    Some(error) => format!("{} {}", value["status"], error["code"]),
                    None => value["status"].to_string(),
                },
            };
            short.push(if *session == PUBLIC { line } else { format!("{}: {line}", session.0) });
        }
        short
    }

    /// Lets time pass until the exchange sends a frame that is not a repeated quote event. Returns the frames of that
    /// moment as short texts.
    pub fn step(&mut self) -> Vec<String> {
        let end = self.floor.now + A_WHILE;
        loop {
            let now = self.floor.exchange.deadline().filter(|now| *now <= end).expect("something is sent");
            let texts = self.floor.run(now.since(self.floor.now));
            let short = self.short(&texts);
            if !short.is_empty() {
                return short;
            }
        }
    }

    /// Lets time pass until the exchange sends a frame with this short text. Returns all frames of that moment.
    pub fn until(&mut self, line: &str) -> Vec<String> {
        for _ in 0..10_000 {
            let lines = self.step();
            if lines.iter().any(|known| known == line) {
                return lines;
            }
        }
        panic!("never {line}");
    }

    pub fn rfq_id(&self) -> String {
        self.present["r"].as_str().unwrap().to_owned()
    }

    /// Sends a request about quotes. `members` has the form `price=0.42 quantity=100`; the value `-` removes a
    /// member. The default of `rfqId` is the id of the present request for quotes. Returns the reply, and a short
    /// text of each frame of that moment, including the reply.
    pub fn send(&mut self, session: SessionId, method: &str, members: &str) -> (Value, Vec<String>) {
        let mut parameters = serde_json::Map::new();
        parameters.insert("rfqId".to_owned(), self.present["r"].clone());
        for (name, value) in members.split_whitespace().filter_map(|member| member.split_once('=')) {
            let value = match value {
                "-" => {
                    parameters.remove(name);
                    continue;
                }
                _ if matches!(name, "validUntil" | "confirm") => serde_json::from_str(value).unwrap(),
                _ => Value::from(value),
            };
            parameters.insert(name.to_owned(), value);
        }
        let text = format!(r#"{{"id":3,"method":"rfq.{method}","params":{}}}"#, Value::Object(parameters));
        let texts = self.floor.send(session, &text);
        let of_reply = |text: &String| text.contains(r#""id":3"#);
        let reply = texts.iter().map(|(_, text)| text).find(|text| of_reply(text)).unwrap();
        let reply = serde_json::from_str(reply).unwrap();
        let mut short = self.short(&texts);
        // The reply may come before or after the events, so put it first.
        short.sort_by_key(|line| !line.contains(": 200") && !line.contains(": 40"));
        (reply, short)
    }

    pub fn submit(&mut self, session: SessionId, members: &str) -> String {
        let (reply, short) = self.send(session, "submit_quote", members);
        assert_eq!(short, [format!("{}: 200", session.0)], "{members} {reply}");
        assert_eq!(reply["result"]["rfqId"], self.present["r"]);
        reply["result"]["quoteId"].as_str().unwrap().to_owned()
    }

    /// Submits the same quote to each request for quotes until the requester accepts one. Returns the id of the
    /// accepted quote.
    pub fn until_accepted(&mut self, session: SessionId, members: &str) -> String {
        for _ in 0..100 {
            self.until("public OPEN");
            let quote = self.submit(session, members);
            loop {
                let lines = self.step();
                if lines.contains(&format!("{}: ACCEPTED CONFIRMING ACTIVE", session.0)) {
                    return quote;
                }
                if lines.iter().any(|line| line.contains("LOST")) {
                    break;
                }
            }
        }
        panic!("never accepted");
    }

    pub fn confirm(&mut self, session: SessionId, quote: &str, confirm: bool) -> Vec<String> {
        let members = format!("quoteId={quote} confirm={confirm}");
        let (reply, short) = self.send(session, "confirm_quote", &members);
        let expected =
            format!(r#"{{"rfqId":"{}","quoteId":"{quote}","confirmed":{confirm}}}"#, self.rfq_id());
        assert_eq!(reply["result"], serde_json::from_str::<Value>(&expected).unwrap());
        short
    }
}
