//! Scripts: what a venue, a transport, a clock and an application may do to a connection, one step a
//! line, and what must hold after each of them.
//!
//! A first line such as `@v2` chooses the endpoint. A line that begins with a lower-case letter and a blank, or is one, is a step of the table in
//! `Player::step`; every other line is a text frame. The steps know the next update id and the newest
//! request, so that arbitrary scripts get deep into the live state.

use std::collections::BTreeSet;
use std::time::Duration;

use gemini_ws::lifecycle::State;
use gemini_ws::{
    Balances, Book, Books, Config, ConnectFailure, Connection, Endpoint, Event, Frame, Instant, LinkId, Lost,
    Orders, Output, Positions, Request, RequestId, Scratch, Stats, StreamId,
};

/// So many steps of a script are run.
const STEPS_MAX: usize = 2_000;

pub(crate) fn run(script: &[u8]) {
    let mut lines = script.split(|&byte| byte == b'\n').peekable();
    let first = lines.peek().and_then(|line| str::from_utf8(line).ok()?.strip_prefix('@')?.parse().ok());
    let mut player = Player::new(first.unwrap_or(Endpoint::Streams));
    for line in lines.skip(usize::from(first.is_some())).take(STEPS_MAX) {
        player.line(&String::from_utf8_lossy(line));
        player.settle();
    }
    player.end();
}

struct Player {
    endpoint: Endpoint,
    connection: Connection,
    now: Instant,
    scratch: Scratch,
    books: Books,
    orders: Orders,
    balances: Balances,
    positions: Positions,
    streams: Vec<StreamId>,
    /// The newest link that was handed out, and what became of it.
    link: Option<(LinkId, Attempt)>,
    requests: BTreeSet<RequestId>,
    newest_request: u64,
    last_update_id: u64,
    /// Of the v1 endpoints: the number of the next frame or event.
    sequence: u64,
    closed: bool,
    texts: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Attempt {
    Dialled,
    Open,
    Ended,
}

impl Player {
    fn new(endpoint: Endpoint) -> Player {
        let address = match endpoint {
            Endpoint::Streams => "ws://venue",
            Endpoint::MarketDataV2 => "ws://venue/v2/marketdata",
            Endpoint::MarketDataV1 => "ws://venue/v1/marketdata/btcusd",
            Endpoint::OrderEventsV1 => "ws://venue/v1/order/events",
        };
        Player {
            endpoint,
            connection: Connection::new(Config::new(address), 1),
            now: Instant::ZERO,
            scratch: Scratch::new(),
            books: Books::new(),
            orders: Orders::new(),
            balances: Balances::new(),
            positions: Positions::new(),
            streams: Vec::new(),
            link: None,
            requests: BTreeSet::new(),
            newest_request: 0,
            last_update_id: 100,
            sequence: 0,
            closed: false,
            texts: 0,
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
        let link = self.connection.link();
        let number = rest.trim().parse::<u64>().unwrap_or(1);
        match step {
            // The application.
            b'o' => {
                let _ = self.connection.open(now);
            }
            b'c' => self.connection.close(now),
            b's' => {
                let stream = rest.parse().unwrap_or_else(|_| "btcusd@depth@100ms".parse().unwrap());
                if let Ok(id) = self.connection.subscribe(now, stream) {
                    self.streams.retain(|known| *known != id);
                    self.streams.push(id);
                }
            }
            b'u' => {
                if let Some(id) = self.streams.pop() {
                    let _ = self.connection.unsubscribe(now, id);
                }
            }
            b'q' => {
                if let Ok(id) = self.connection.request(now, &Request::raw(rest, None)) {
                    assert!(self.requests.insert(id), "{id:?} was used before");
                }
            }
            // The transport.
            b'k' => self.connection.handle_connected(link, now),
            b'f' => {
                let failures = [
                    ConnectFailure::Refused,
                    ConnectFailure::TimedOut,
                    ConnectFailure::Status { status: 429, retry_after: Some(Duration::from_secs(number)) },
                    ConnectFailure::Status { status: 401, retry_after: None },
                ];
                let why = failures[usize::try_from(number % 16).unwrap().min(3)];
                self.connection.handle_connect_failed(link, now, why);
            }
            b'l' => {
                self.connection.handle_lost(link, now, if number % 2 == 0 { Lost::End } else { Lost::Reset })
            }
            b'e' => self.frame(Frame::Close { code: u16::try_from(number).ok(), reason: rest }),
            b'p' => self.frame(Frame::Ping(rest.as_bytes())),
            b'b' => self.frame(Frame::Binary(rest.as_bytes())),
            // Time.
            b't' => self.tick(now + Duration::from_millis(number.min(1 << 40))),
            b'w' => {
                if let Some(deadline) = self.connection.deadline() {
                    self.tick(deadline.at);
                }
            }
            // The venue, as it should be: confirmations, a snapshot, the next update.
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
            // What happens to an order, and to the account.
            b'x' => self.order(number),
            b'y' => self.text(&format!(
                r#"{{"e":"balanceUpdate","E":1,"u":1,"B":[{{"a":"USD","f":"{number}","c":"-0.5"}}]}}"#
            )),
            b'h' => self.heartbeat(number),
            // The venue, as it should not be: an update too many, or one too few.
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

    /// The next number, which is the first one again on a new link.
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

    fn text(&mut self, text: &str) {
        self.texts += 1;
        self.frame(Frame::Text(text));
    }

    fn frame(&mut self, frame: Frame<'_>) {
        self.texts += u64::from(matches!(frame, Frame::Binary(_)));
        let mut scratch = std::mem::take(&mut self.scratch);
        let event = self.connection.handle_frame(self.connection.link(), self.now, frame, &mut scratch);
        if let Some(event) = event {
            self.take(&event);
        }
        self.scratch = scratch;
    }

    fn tick(&mut self, to: Instant) {
        self.now = self.now.max(to);
        self.connection.handle_timeout(self.now);
        let deadline = self.connection.deadline();
        assert!(deadline.is_none_or(|deadline| deadline.at > self.now), "still due: {deadline:?}");
    }

    /// Takes the outputs, and checks what must hold between steps.
    fn settle(&mut self) {
        let mut outputs = 0;
        while let Some(output) = self.connection.poll_output() {
            outputs += 1;
            assert!(outputs < 10_000, "no end of outputs");
            assert!(!self.closed || matches!(output, Output::Abort(_)), "after the end: {output:?}");
            match output {
                Output::Connect(link) => {
                    assert!(self.link.is_none_or(|(before, attempt)| {
                        before.epoch() < link.epoch() && attempt == Attempt::Ended
                    }));
                    assert!(
                        self.connection.connect_request(link).is_some() || self.connection.link() != link
                    );
                    self.link = Some((link, Attempt::Dialled));
                }
                Output::Send { text, .. } => {
                    let request: serde_json::Value = serde_json::from_str(&text).expect("a request is JSON");
                    match self.endpoint {
                        Endpoint::Streams => {
                            self.newest_request = request["id"].as_u64().expect("a request has an id");
                        }
                        endpoint => assert_eq!(endpoint, Endpoint::MarketDataV2, "takes no requests: {text}"),
                    }
                    assert_eq!(self.link.map(|link| link.1), Some(Attempt::Open), "sent on no link: {text}");
                }
                Output::Event(event) => self.take(&event),
                _ => {}
            }
        }
        check_sums(self.connection.stats(), self.texts);
        let state = self.connection.state();
        assert_eq!(state == State::Closed, self.closed);
        let open = matches!(state, State::Subscribing | State::Live | State::Closing);
        assert_eq!(self.link.is_some_and(|link| link.1 == Attempt::Open), open, "{state:?}");
        if !open {
            assert!(self.requests.is_empty(), "requests outlived their link");
            assert!(self.books.iter().all(|(_, book)| book.live().is_none()), "a book outlived its link");
        }
        if !matches!(state, State::Idle | State::Closed) {
            assert!(self.connection.deadline().is_some(), "{state:?} could last for ever");
        }
        for (symbol, book) in self.books.iter() {
            if let Book::Live(book) = book {
                assert!(book.bids().iter().is_sorted_by(|a, b| a.price > b.price), "{symbol}");
                assert!(book.asks().iter().is_sorted_by(|a, b| a.price < b.price), "{symbol}");
                assert!(
                    !book.bids().iter().chain(book.asks()).any(|level| level.quantity.is_zero()),
                    "{symbol}"
                );
            }
        }
    }

    fn take(&mut self, event: &Event<'_>) {
        assert!(!self.closed || matches!(event, Event::Ignored(_)), "after the end: {event:?}");
        let before = self.books.clone();
        self.books.apply(event);
        self.orders.apply(event);
        self.balances.apply(event);
        self.positions.apply(event);
        for order in self.orders.iter() {
            let fills = order.fills.iter().map(|fill| fill.trade_id).collect::<BTreeSet<u64>>();
            assert_eq!(fills.len(), order.fills.len(), "a fill counted twice: {order:?}");
        }
        // Whatever the event is, an owned copy says the same.
        assert_eq!(gemini_ws::EventBuf::from(event).as_event(), *event);
        let live = |books: &Books, symbol: &str| books.get(symbol).is_some_and(|book| book.live().is_some());
        match event {
            Event::Reply { request, .. } => assert!(self.requests.remove(request), "{request:?} ended twice"),
            Event::Opened { link, .. } => {
                self.sequence = 0;
                self.attempt(*link, Attempt::Dialled, Attempt::Open);
            }
            Event::ConnectFailed { link, .. } => self.attempt(*link, Attempt::Dialled, Attempt::Ended),
            Event::Disconnected { link, .. } => self.attempt(*link, Attempt::Open, Attempt::Ended),
            Event::Closed { .. } => self.closed = true,
            // Those of v1 may come without a first one, if the address asks for it.
            Event::DepthUpdate(depth) if self.endpoint != Endpoint::MarketDataV1 => {
                assert!(
                    live(&before, depth.symbol) && live(&self.books, depth.symbol),
                    "an update without a book"
                );
            }
            Event::DepthSnapshot(depth) => assert!(live(&self.books, depth.symbol)),
            Event::Gap { symbol, .. } => {
                assert!(live(&before, symbol.as_str()), "a gap in a book that was not live");
                assert!(!live(&self.books, symbol.as_str()), "a live book after a gap");
            }
            _ => {}
        }
    }

    fn attempt(&mut self, link: LinkId, from: Attempt, to: Attempt) {
        assert_eq!(self.link, Some((link, from)), "{to:?}");
        self.link = Some((link, to));
    }

    /// From wherever the script has led: an end, in bounded time, with nothing but ticks.
    fn end(mut self) {
        self.connection.close(self.now);
        self.settle();
        self.tick(self.now + Duration::from_secs(3));
        self.settle();
        assert!(self.closed, "no end from {:?}", self.connection.state());
        assert!(self.connection.deadline().is_none() && self.requests.is_empty());
    }
}

/// Each text or binary frame is in exactly one counter.
pub(crate) fn check_sums(stats: &Stats, texts: u64) {
    let ignored = stats.ignored_stale
        + stats.ignored_before_snapshot
        + stats.ignored_not_subscribed
        + stats.ignored_unknown_response
        + stats.ignored_ended_link;
    let sum = stats.data + stats.control + stats.gaps + stats.malformed + stats.unrecognized + ignored;
    assert_eq!((stats.frames, sum), (texts, texts), "{stats:?}");
}

/// A script of so many steps, most of which make sense where they stand.
pub(crate) fn random(random: &mut super::random::Random, steps: usize) -> String {
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
        // The end is rare among the rare, or few scripts would get anywhere.
        let step = if matches!(step, "c" | "f 3" | "e 4401") && random.below(6) > 0 { "n 2" } else { step };
        script += step;
        script.push('\n');
    }
    script
}
