//! Runs scripts on a client of one endpoint. Each line is a step: something that the venue, the transport, the clock
//! or the application does. The observer checks the client after each step.
//!
//! A first line such as `@v2` chooses the endpoint. A line that is a lower-case letter, or begins with one and a
//! blank, is a step of the table in `Player::step`. Every other line is a text frame.

use std::time::Duration;

use gemini_ws::{
    ConnectFailure, Endpoint, Event, Frame, Instant, LinkId, Lost, Output, Request, Scratch, Stats, StreamId,
};

use super::machine::{Machine, Many, Settings};
use super::observer::call::{Call, Link};
use super::observer::{Observed, Violation};
use super::single;

const STEPS_MAX: usize = 2_000;

/// Runs a script on a client that the observer checks.
///
/// # Panics
///
/// If a check fails, with a shortened trace that shows the failure.
pub fn run(script: &[u8]) {
    if play(script, false).is_err() {
        let again = play(script, true);
        panic!("not the same again: {again:?}");
    }
}

fn play(script: &[u8], is_recorded: bool) -> Result<(), Violation> {
    let observed = perform(script, is_recorded);
    observed.violation().map_or(Ok(()), |violation| Err(violation.clone()))?;
    // Checks on copies of the client cost more than the script, so about one script in eight gets them.
    if script.len().is_multiple_of(8) {
        observed.fork_checks()?;
    }
    if is_recorded { observed.metamorphic_checks() } else { Ok(()) }
}

pub fn trace(script: &[u8]) -> Vec<Call> {
    perform(script, true).calls().to_vec()
}

fn perform(script: &[u8], is_recorded: bool) -> Observed<Many> {
    let mut lines = script.split(|&byte| byte == b'\n').peekable();
    let first = lines.peek().and_then(|line| str::from_utf8(line).ok()?.strip_prefix('@')?.parse().ok());
    let mut player = Player::new(first.unwrap_or(Endpoint::Streams), is_recorded);
    for line in lines.skip(usize::from(first.is_some())).take(STEPS_MAX) {
        player.line(&String::from_utf8_lossy(line));
        player.flush();
    }
    player.client
}

struct Player {
    endpoint: Endpoint,
    client: Observed<Many>,
    first_link: LinkId,
    now: Instant,
    scratch: Scratch,
    streams: Vec<StreamId>,
    newest_request: u64,
    last_update_id: u64,
    /// For the v1 endpoints, the number of the next frame or event.
    sequence: u64,
}

impl Player {
    fn new(endpoint: Endpoint, is_recorded: bool) -> Player {
        let address = match endpoint {
            Endpoint::Streams => "ws://venue",
            Endpoint::MarketDataV2 => "ws://venue/v2/marketdata",
            Endpoint::MarketDataV1 => "ws://venue/v1/marketdata/btcusd",
            Endpoint::OrderEventsV1 => "ws://venue/v1/order/events",
        };
        // Only a signed link accepts the account's streams and requests.
        let authenticated = endpoint != Endpoint::MarketDataV2 && endpoint != Endpoint::MarketDataV1;
        let settings = Settings { authenticated, ..Settings::single(address) };
        let client = Observed::new(vec![settings.clone()], move || Many::single(&settings, 1)).reading();
        Player {
            endpoint,
            client: if is_recorded { client.recording() } else { client.lenient() },
            first_link: single::first_link(),
            now: Instant::ZERO,
            scratch: Scratch::new(),
            streams: Vec::new(),
            newest_request: 0,
            last_update_id: 100,
            sequence: 0,
        }
    }

    fn line(&mut self, line: &str) {
        let (step, rest) = match line.as_bytes() {
            [step] if step.is_ascii_lowercase() => (*step, ""),
            [step, b' ', ..] if step.is_ascii_lowercase() => (*step, &line[2..]),
            _ => return self.text(line),
        };
        self.step(step, rest);
    }

    fn step(&mut self, step: u8, rest: &str) {
        let now = self.now;
        let link = self.link();
        let number = rest.trim().parse::<u64>().unwrap_or(1);
        match step {
            // The application.
            b'o' => {
                let _ = self.client.open(now);
            }
            b'c' => self.client.close(now),
            b's' => {
                let stream = rest.parse().unwrap_or_else(|_| "btcusd@depth@100ms".parse().unwrap());
                if let Ok(id) = self.client.subscribe(now, stream) {
                    self.streams.retain(|known| *known != id);
                    self.streams.push(id);
                }
            }
            b'u' => {
                if let Some(id) = self.streams.pop() {
                    let _ = self.client.unsubscribe(now, id);
                }
            }
            b'q' => {
                let _ = self.client.request(now, &Request::raw(rest, None));
            }
            // The transport.
            b'k' => self.client.handle_connected(link, now),
            b'f' => {
                let failures = [
                    ConnectFailure::Refused,
                    ConnectFailure::TimedOut,
                    ConnectFailure::Status {
                        status: 429,
                        retry_after: Some(Duration::from_secs(number)),
                        reason: None,
                    },
                    ConnectFailure::Status { status: 401, retry_after: None, reason: None },
                ];
                let why = failures[usize::try_from(number % 16).unwrap().min(3)];
                self.client.handle_connect_failed(link, now, why);
            }
            b'l' => self.client.handle_lost(link, now, if number % 2 == 0 { Lost::End } else { Lost::Reset }),
            b'e' => self.frame(Frame::Close { code: u16::try_from(number).ok(), reason: rest }),
            b'p' => self.frame(Frame::Ping(rest.as_bytes())),
            b'b' => self.frame(Frame::Binary(rest.as_bytes())),
            // Time.
            b't' => self.tick(now + Duration::from_millis(number.min(1 << 40))),
            b'w' => {
                if let Some(deadline) = self.client.deadline() {
                    self.tick(deadline.at);
                }
            }
            // The venue, as it should behave: confirmations, a snapshot, the next update.
            b'a' => self.text(&format!(
                r#"{{"id":{},"status":200}}"#,
                self.newest_request.saturating_sub(number - number.min(1))
            )),
            b'r' => self.text(&format!(
                r#"{{"id":{},"status":{},"error":{{"code":-1013,"msg":"no"}}}}"#,
                self.newest_request,
                if number % 2 == 0 { 429 } else { 400 }
            )),
            b'n' => self.depth(self.last_update_id, self.last_update_id.saturating_add(number.max(1)), rest),
            b'z' => {
                let id = self.last_update_id.saturating_add(number);
                self.depth(id, id, rest);
            }
            // The venue changes an order or the account.
            b'x' => self.order(number),
            b'y' => self.text(&format!(
                r#"{{"e":"balanceUpdate","E":1,"u":1,"B":[{{"a":"USD","f":"{number}","c":"-0.5"}}]}}"#
            )),
            b'h' => self.heartbeat(number),
            // The venue, as it should not behave: it repeats an update or leaves one out.
            b'd' => self.depth(self.last_update_id.saturating_sub(number), self.last_update_id, rest),
            b'g' => {
                let first = self.last_update_id.saturating_add(number.max(1));
                self.depth(first, first.saturating_add(1), rest);
            }
            _ => {}
        }
    }

    fn depth(&mut self, first: u64, last: u64, rest: &str) {
        self.last_update_id = last;
        let (price, quantity) = (rest.len() % 7 + 90, rest.len() % 3);
        let ask = price + 10;
        let text = match self.endpoint {
            Endpoint::Streams | Endpoint::OrderEventsV1 => format!(
                r#"{{"e":"depthUpdate","E":1,"s":"btcusd","U":{first},"u":{last},"b":[["{price}","{quantity}"]],"a":[["{ask}","1.5"]]}}"#
            ),
            Endpoint::MarketDataV2 => {
                let initial = if first == last { r#","trades":[],"auction_events":[]"# } else { "" };
                format!(
                    r#"{{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","{price}","{quantity}"],["sell","{ask}","1.5"]]{initial}}}"#
                )
            }
            Endpoint::MarketDataV1 => {
                let (sequence, reason) =
                    (self.next_sequence(), if first == last { "initial" } else { "place" });
                format!(
                    r#"{{"type":"update","eventId":{last},"socket_sequence":{sequence},"events":[{{"type":"change","side":"bid","price":"{price}","remaining":"{quantity}","reason":"{reason}"}},{{"type":"trade","tid":{last},"price":"1","amount":"2","makerSide":"bid"}}]}}"#
                )
            }
        };
        self.text(&text);
    }

    /// The numbers start again on each link.
    fn next_sequence(&mut self) -> u64 {
        let sequence = self.sequence;
        self.sequence += 1;
        sequence
    }

    fn order(&mut self, number: u64) {
        let (id, trade) = (number % 5 + 1, number % 11);
        if self.endpoint == Endpoint::OrderEventsV1 {
            let kinds = ["initial", "accepted", "booked", "fill", "cancelled", "rejected", "closed", "news"];
            let kind = kinds[usize::try_from(number % 8).unwrap()];
            let sequence = self.next_sequence();
            return self.text(&format!(
                r#"[{{"type":"{kind}","order_id":"{id}","symbol":"btcusd","timestampms":{number},"remaining_amount":"{trade}","fill":{{"trade_id":"{trade}","price":"2","amount":"0.5"}},"socket_sequence":{sequence}}}]"#
            ));
        }
        let states =
            ["NEW", "OPEN", "PARTIALLY_FILLED", "FILLED", "CANCELED", "REJECTED", "MODIFIED", "NEWS"];
        let state = states[usize::try_from(number % 8).unwrap()];
        self.text(&format!(
            r#"{{"E":{number},"s":"BTCUSD","i":{id},"c":"c{id}","X":"{state}","q":"5","Z":"0.5","L":"2","t":{trade},"T":1}}"#
        ));
    }

    fn heartbeat(&mut self, number: u64) {
        let text = match self.endpoint {
            Endpoint::Streams | Endpoint::MarketDataV2 => {
                format!(r#"{{"type":"heartbeat","timestamp":{number}}}"#)
            }
            Endpoint::MarketDataV1 | Endpoint::OrderEventsV1 => {
                let sequence = self.next_sequence() + number % 7 / 6;
                format!(r#"{{"type":"heartbeat","timestampms":1,"socket_sequence":{sequence}}}"#)
            }
        };
        self.text(&text);
    }

    /// Returns the newest link, or the one that the client dials first.
    fn link(&self) -> LinkId {
        self.client.names().link(Link { slot: 0, back: 0 }).unwrap_or(self.first_link)
    }

    fn text(&mut self, text: &str) {
        self.frame(Frame::Text(text));
    }

    fn frame(&mut self, frame: Frame<'_>) {
        let (link, mut scratch) = (self.link(), std::mem::take(&mut self.scratch));
        self.client.handle_frame(link, self.now, frame, &mut scratch);
        self.scratch = scratch;
    }

    fn tick(&mut self, to: Instant) {
        self.now = self.now.max(to);
        self.client.handle_timeout(self.now);
    }

    fn flush(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Send { text, .. } if self.endpoint == Endpoint::Streams => {
                    let request: serde_json::Value = serde_json::from_str(&text).expect("a request is JSON");
                    self.newest_request = request["id"].as_u64().expect("a request has an id");
                }
                Output::Event(Event::Opened { .. }) => self.sequence = 0,
                _ => {}
            }
        }
    }
}

/// Checks that `frames`, and the sum of the counters of each kind of frame, are equal to the number of received text
/// and binary frames, `texts`.
pub fn check_sums(stats: &Stats, texts: u64) {
    let ignored = stats.ignored_stale
        + stats.ignored_before_snapshot
        + stats.ignored_not_subscribed
        + stats.ignored_unknown_response
        + stats.ignored_ended_link;
    let sum = stats.data + stats.control + stats.gaps + stats.malformed + stats.unrecognized + ignored;
    assert_eq!((stats.frames, sum), (texts, texts), "{stats:?}");
}

/// Creates a random script that opens a link, subscribes to a book, and then makes `steps` random steps.
pub fn random(random: &mut super::random::Random, steps: usize) -> String {
    let endpoint = *random.pick(&["streams", "streams", "v2", "v1", "orders-v1"]);
    let common = [
        "o",
        "k",
        "a",
        "z 5",
        "n 3",
        "n 1",
        "s btcusd@trade",
        "s",
        "w",
        "t 40",
        "q time",
        "p x",
        "x 2",
        "h 1",
    ];
    let rare = [
        "c",
        "l",
        "f 0",
        "f 2",
        "f 3",
        "e 1001",
        "e 1008",
        "e 4401",
        "g 2",
        "d 4",
        "r",
        "r 2",
        "u",
        "b",
        "{",
        "t 60000",
        "a 2",
        "{\"e\":\"new\"}",
        "s orders@account",
        "x 3",
        "x 4",
        "x 0",
        "x 15",
        "y 7",
        "h 6",
        r#"{"reason":"NoValidTradingPairs","result":"error"}"#,
        r#"[{"type":"accepted"},{"type":"news"},5]"#,
    ];
    let mut script = format!("@{endpoint}\ns\no\nk\na\nz 1\n");
    for _ in 0..steps {
        let step = if random.below(5) == 0 { *random.pick(&rare) } else { *random.pick(&common) };
        // Steps that end a client are rare, so that scripts reach the later states.
        let step = if matches!(step, "c" | "f 3" | "e 4401") && random.below(6) > 0 { "n 2" } else { step };
        script += step;
        script.push('\n');
    }
    script
}
