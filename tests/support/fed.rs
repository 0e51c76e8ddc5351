//! A client that a test feeds by hand, and functions that write frames with books.

use std::time::Duration;

use gemini_ws::{
    Book, BookSide, Books, Config, Event, EventBuf, Frame, Instant, LinkId, Lost, Orders, Output, Scratch,
};

use super::single;

pub const STREAMS: &str = "ws://venue";
pub const V2: &str = "ws://venue/v2/marketdata";
pub const V1: &str = "ws://venue/v1/marketdata/btcusd";

/// A client of one endpoint, and its books. Its requests stay unanswered until the test calls `answer`.
pub struct Client {
    pub machine: gemini_ws::Client,
    pub books: Books,
    pub now: Instant,
    pub unanswered: Vec<String>,
    /// The kind of each reported event; for an ignored frame, the reason instead.
    pub told: Vec<String>,
    /// The id of each reported trade, followed by `r` if it was marked as a replay.
    pub trades: Vec<String>,
    pub orders: Orders,
}

impl Client {
    /// Creates a client with an open link. It subscribes to the book of btcusd if the endpoint takes subscriptions.
    pub fn new(url: &str) -> Client {
        Client::with(Config::new(url))
    }

    pub fn with(config: Config) -> Client {
        let mut client = Client {
            machine: gemini_ws::Client::single(config.seed(1)),
            books: Books::new(),
            now: Instant::ZERO,
            unanswered: Vec::new(),
            told: Vec::new(),
            trades: Vec::new(),
            orders: Orders::new(),
        };
        client.subscribe("btcusd@depth");
        client.machine.open(client.now).unwrap();
        client.connect();
        client
    }

    pub fn subscribe(&mut self, stream: &str) {
        // The v1 endpoints take no subscriptions.
        let _ = self.machine.subscribe(self.now, stream.parse().unwrap());
        self.outputs();
    }

    pub fn connect(&mut self) {
        self.machine.handle_connected(self.link(), self.now);
        self.outputs();
    }

    pub fn link(&self) -> LinkId {
        single::link(&self.machine)
    }

    pub fn lose(&mut self) {
        self.machine.handle_lost(self.link(), self.now, Lost::Reset);
        self.outputs();
    }

    pub fn reopen(&mut self) {
        self.lose();
        self.pass(Duration::from_secs(60));
        self.connect();
    }

    pub fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(deadline) = self.machine.deadline().filter(|deadline| deadline.at <= until) {
            self.now = deadline.at;
            self.machine.handle_timeout(self.now);
            self.outputs();
            if self.machine.connect_request(self.link()).is_some() {
                return;
            }
        }
        self.now = until;
    }

    pub fn take(&mut self, event: &Event<'_>) {
        // An owned event, as a queue keeps it, must have the same content.
        let mut owned = EventBuf::from(event);
        let event = &owned.as_event();
        self.books.apply(event);
        self.orders.apply(event);
        for part in event.parts() {
            if let Event::Trade(trade, _) = part {
                let mark = if trade.is_replay { "r" } else { "" };
                self.trades.push(format!("{}{mark}", trade.trade_id));
            }
            let kind = serde_json::to_value(part).unwrap()["kind"].as_str().unwrap().to_owned();
            self.told.push(match part {
                Event::Ignored(ignored, _) => format!("{:?}", ignored.reason),
                _ => kind,
            });
        }
    }

    pub fn outputs(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Event(event) => self.take(&event),
                Output::Send { text, .. } => self.unanswered.push(text),
                _ => {}
            }
        }
    }

    pub fn feed(&mut self, frame: &str) {
        let (link, mut scratch) = (self.link(), Scratch::new());
        let event = self.machine.handle_frame(link, self.now, Frame::Text(frame), &mut scratch);
        if let Some(event) = event {
            self.take(&event);
        }
        self.outputs();
    }

    /// Confirms every request, and the requests that the client then makes.
    pub fn answer(&mut self) {
        while !self.unanswered.is_empty() {
            for request in std::mem::take(&mut self.unanswered) {
                let request: serde_json::Value = serde_json::from_str(&request).unwrap();
                self.feed(&format!(r#"{{"id":{},"status":200}}"#, request["id"]));
            }
        }
    }

    /// Formats the book of btcusd: its levels if it is current, the reason if it is stale, or `none`.
    pub fn book(&self) -> String {
        match self.books.get("btcusd") {
            None => "none".to_owned(),
            Some(Book::Live(book)) => format!("live {} / {}", side(book.bids()), side(book.asks())),
            Some(Book::Stale { reason, .. }) => format!("{reason:?}"),
        }
    }

    pub fn count(&self, kind: &str) -> usize {
        self.told.iter().filter(|told| *told == kind).count()
    }

    pub fn resync(&mut self) {
        let (id, ..) = self.machine.streams().next().unwrap();
        self.machine.resync(self.now, id).unwrap();
        self.outputs();
    }
}

pub fn side(side: &BookSide) -> String {
    let levels: Vec<String> =
        side.iter().map(|level| format!("{}x{}", level.quantity, level.price)).collect();
    levels.join(" ")
}

pub fn levels(text: &str) -> Vec<(&str, &str)> {
    text.split_whitespace().map(|level| level.split_once('x').unwrap()).collect()
}

pub fn depth(first: u64, last: u64, bids: &str, asks: &str) -> String {
    let json = |text: &str| {
        let levels: Vec<_> =
            levels(text).iter().map(|(quantity, price)| format!("[\"{price}\",\"{quantity}\"]")).collect();
        levels.join(",")
    };
    let (bids, asks) = (json(bids), json(asks));
    format!(r#"{{"e":"depthUpdate","E":1,"s":"btcusd","U":{first},"u":{last},"b":[{bids}],"a":[{asks}]}}"#)
}

/// Formats a frame of market data v2. `members` is the text after the changes, such as `,"trades":[]`.
pub fn l2(bids: &str, asks: &str, members: &str) -> String {
    let mut changes = Vec::new();
    for (side, text) in [("buy", bids), ("sell", asks)] {
        let of_side = levels(text);
        changes.extend(
            of_side.iter().map(|(quantity, price)| format!("[\"{side}\",\"{price}\",\"{quantity}\"]")),
        );
    }
    format!(r#"{{"type":"l2_updates","symbol":"BTCUSD","changes":[{}]{members}}}"#, changes.join(","))
}

/// Formats the members of the first frame of a book of market data v2: trades with these ids, and no auctions.
pub fn trades_v2(ids: impl Iterator<Item = u64>) -> String {
    let trades: Vec<String> = ids.map(trade_v2).collect();
    format!(r#","trades":[{}],"auction_events":[]"#, trades.join(","))
}

pub fn trade_v2(id: u64) -> String {
    format!(
        r#"{{"type":"trade","symbol":"BTCUSD","event_id":{id},"timestamp":1,"price":"1","quantity":"2","side":"sell"}}"#
    )
}

pub fn update_v1(
    sequence: u64,
    event_id: u64,
    bids: &str,
    asks: &str,
    reason: &str,
    trades: &[u64],
) -> String {
    let mut entries = Vec::new();
    for (side, text) in [("bid", bids), ("ask", asks)] {
        entries.extend(levels(text).iter().map(|(quantity, price)| {
            format!(r#"{{"type":"change","side":"{side}","price":"{price}","remaining":"{quantity}","reason":"{reason}"}}"#)
        }));
    }
    entries.extend(
        trades
            .iter()
            .map(|id| format!(r#"{{"type":"trade","tid":{id},"price":"1","amount":"2","makerSide":"bid"}}"#)),
    );
    let entries = entries.join(",");
    format!(r#"{{"type":"update","eventId":{event_id},"socket_sequence":{sequence},"events":[{entries}]}}"#)
}

pub fn snapshot(url: &str, bids: &str, asks: &str) -> String {
    match url {
        V2 => l2(bids, asks, r#","trades":[],"auction_events":[]"#),
        V1 => update_v1(0, 10, bids, asks, "initial", &[]),
        _ => depth(10, 10, bids, asks),
    }
}

pub const ENDPOINTS: [&str; 3] = [STREAMS, V2, V1];

impl Client {
    /// Confirms all requests if the endpoint has replies, and otherwise drops them.
    pub fn answer_if(&mut self, url: &str) {
        if url == STREAMS {
            self.answer();
        }
        self.unanswered.clear();
    }
}
