//! What the bench decodes: frames made here, and a recording where there is one.

use std::fmt::Write;

use gemini_ws::{Message, ResponseId, Scratch, decode};

use crate::support::{frames, random::Random};

/// The kinds of frames that the rival knows in advance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Ticker,
    Depth,
    Trade,
    Mark,
    Funding,
    Partial,
    Contract,
    ReplyWithNumber,
    ReplyWithText,
}

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) name: &'static str,
    pub(crate) frames: Vec<(Kind, String)>,
}

impl Input {
    fn new(name: &'static str, frames: impl IntoIterator<Item = String>) -> Input {
        let frames = frames.into_iter().map(|frame| (kind(&frame), frame)).collect();
        Input { name, frames }
    }
}

pub(crate) fn all() -> Vec<Input> {
    let mut maker = Maker::new();
    // So many of a kind that no branch predictor learns them by heart.
    const MANY: usize = 256;
    let mut rows = vec![
        Input::new("ticker", (0..MANY).map(|_| maker.ticker())),
        Input::new("trade", (0..MANY).map(|_| maker.trade())),
        Input::new("depth, 1 level", Vec::from_iter((0..MANY).map(|place| maker.depth(place == 0, place % 2, 1 - place % 2)))),
        Input::new("depth, 10 + 10 levels", Vec::from_iter((0..MANY).map(|place| maker.depth(place == 0, 10, 10)))),
        Input::new("snapshot, 4658 levels", [maker.depth(true, 2564, 2094)]),
        Input::new("partial depth, 10 + 10", Vec::from_iter((0..MANY).map(|_| maker.partial_depth()))),
        Input::new("mark price", Vec::from_iter((0..MANY).map(|_| maker.mark_price()))),
        Input::new("funding amount", Vec::from_iter((0..MANY).map(|_| maker.funding_amount()))),
        Input::new("contract status", Vec::from_iter((0..MANY).map(|_| maker.contract_status()))),
        Input::new("time reply", (0..MANY).map(|id| {
            format!("{{\"id\":{id},\"status\":200,\"result\":{{\"serverTime\":{}}}}}", 1_801_000_000_000_u64 + 997 * id as u64)
        })),
        Input::new("acknowledgement", (0..MANY).map(|id| format!("{{\"id\":{},\"status\":200}}", id * 37))),
        Input::new("error reply", (0..MANY).map(|id| {
            format!("{{\"id\":{id},\"status\":400,\"error\":{{\"code\":-1013,\"msg\":\"Invalid stream name: none{id}@trade\"}}}}")
        })),
        Input::new("session", session()),
    ];
    let recording = frames::recordings(|name| name == "dev_ws_gemini_perps.jsonl");
    for recording in recording.into_iter().flatten() {
        rows.push(Input::new("recording", recording.lines().map(|(_, frame)| frame.to_string())));
    }
    rows
}

/// A connection's life: replies, a snapshot, then tickers, changes and trades as they are mixed on
/// a lively symbol.
fn session() -> Vec<String> {
    let mut maker = Maker::new();
    let mut frames = vec![maker.depth(true, 200, 200), "{\"id\":1,\"status\":200}".into()];
    for step in 0..600 {
        frames.push(match step % 6 {
            0 | 3 => {
                let (bids, asks) = (maker.random.below(4), 1 + maker.random.below(4));
                maker.depth(false, bids, asks)
            }
            5 => maker.trade(),
            _ => maker.ticker(),
        });
    }
    frames
}

fn kind(frame: &str) -> Kind {
    match decode(frame, &mut Scratch::new()).unwrap() {
        Message::BookTicker(_) => Kind::Ticker,
        Message::Depth(_) => Kind::Depth,
        Message::Trade(_) => Kind::Trade,
        Message::MarkPrice(_) => Kind::Mark,
        Message::FundingAmount(_) => Kind::Funding,
        Message::PartialDepth(_) => Kind::Partial,
        Message::ContractStatus(_) => Kind::Contract,
        Message::Response(response) => match response.id {
            ResponseId::Number(_) => Kind::ReplyWithNumber,
            ResponseId::Text(_) => Kind::ReplyWithText,
        },
        other => panic!("{other:?}"),
    }
}

/// Makes frames with the lengths of live ones: prices of five decimals, quantities of ten.
struct Maker {
    random: Random,
    time: u64,
    update_id: u64,
    /// Ids are shared with tickers, so the last one of a change is kept apart.
    depth_id: u64,
}

impl Maker {
    fn new() -> Maker {
        Maker {
            random: Random(7),
            time: 1_801_000_000_000_000_000,
            update_id: 2_001_000_000_000_000,
            depth_id: 0,
        }
    }

    fn time(&mut self) -> u64 {
        self.time += self.random.next() % 1_000_000_000;
        self.time
    }

    /// A price so many cents from the middle.
    fn price(&mut self, cents: i64) -> String {
        let cents = 7_012_345 + cents;
        format!("{}.{:02}000", cents / 100, cents % 100)
    }

    fn quantity(&mut self) -> String {
        format!("{}.{:010}", self.random.next() % 10, self.random.next() % 10_000_000_000)
    }

    fn ticker(&mut self) -> String {
        let (time, off) = (self.time(), self.random.below(300) as i64);
        self.update_id += 1 + self.random.next() % 90;
        let (bid, ask, last) = (self.price(-1 - off), self.price(1 + off), self.price(off));
        let (bids, asks, lasts) = (self.quantity(), self.quantity(), self.quantity());
        let id = self.update_id;
        format!(
            "{{\"u\":{id},\"E\":{time},\"s\":\"btcusd\",\"b\":\"{bid}\",\"B\":\"{bids}\",\"a\":\"{ask}\",\"A\":\"{asks}\",\"c\":\"{last}\",\"C\":\"{lasts}\"}}"
        )
    }

    fn trade(&mut self) -> String {
        let (time, off) = (self.time(), self.random.below(300) as i64);
        let id = 900_000_000_000_000 + self.update_id;
        let (price, quantity, maker) = (self.price(off), self.quantity(), self.random.below(2) == 0);
        format!(
            "{{\"E\":{time},\"s\":\"btcusd\",\"t\":{id},\"p\":\"{price}\",\"q\":\"{quantity}\",\"m\":{maker}}}"
        )
    }

    fn partial_depth(&mut self) -> String {
        self.update_id += 1 + self.random.next() % 90;
        let (bids, asks) = (self.levels(true, -1, 10), self.levels(true, 1, 10));
        let id = self.update_id;
        format!("{{\"lastUpdateId\":{id},\"symbol\":\"btcusd\",\"bids\":[{bids}],\"asks\":[{asks}]}}")
    }

    fn mark_price(&mut self) -> String {
        let (time, off) = (self.time(), self.random.below(300) as i64);
        let (price, index) = (self.price(off), self.random.next() % 10_000_000_000);
        let index = format!("{}.{:03}", index / 1_000, index % 1_000);
        format!(
            "{{\"e\":\"markPrice\",\"E\":{time},\"s\":\"btcgusdperp\",\"p\":\"{price}\",\"i\":\"{index}\"}}"
        )
    }

    fn funding_amount(&mut self) -> String {
        let (time, off) = (self.time(), self.random.below(300) as i64);
        let (price, amount) = (self.price(off), self.random.next() % 1_000_000);
        let (whole, part, rate) = (amount / 100_000, amount % 100_000, amount % 999);
        format!(
            "{{\"e\":\"fundingAmount\",\"E\":{time},\"s\":\"btcgusdperp\",\"T\":{time},\"i\":60,\"f\":\"{whole}.{part:05}\",\"r\":\"0.{rate:03}00\",\"p\":\"{price}\",\"R\":false}}"
        )
    }

    fn contract_status(&mut self) -> String {
        let (time, id) = (self.time() / 1_000_000, self.random.next() % 1_000_000);
        format!(
            "{{\"e\":\"contractStatus\",\"E\":{time},\"s\":\"GEMI-BTC26-HI{id}\",\"k\":\"BTC26\",\"c\":\"HI{id}\",\"i\":{id},\"p\":\"{id}\",\"o\":\"Approved\",\"n\":\"Active\"}}"
        )
    }

    /// A snapshot, best first, or changes that follow the frame before: near the best price, a third
    /// of them removals.
    fn depth(&mut self, snapshot: bool, bids: usize, asks: usize) -> String {
        self.update_id += 1 + self.random.next() % 90;
        let (time, last) = (self.time(), self.update_id);
        let first = if snapshot { last } else { self.depth_id };
        self.depth_id = last;
        let (bids, asks) = (self.levels(snapshot, -1, bids), self.levels(snapshot, 1, asks));
        format!(
            "{{\"e\":\"depthUpdate\",\"E\":{time},\"s\":\"btcusd\",\"U\":{first},\"u\":{last},\"b\":[{bids}],\"a\":[{asks}]}}"
        )
    }

    fn levels(&mut self, snapshot: bool, side: i64, count: usize) -> String {
        let mut levels = String::new();
        let mut off = 0;
        for place in 0..count {
            // In recorded changes of perpetuals nine in ten are among the best four levels and none is
            // beyond the ninth; here one in ten is anywhere in eight hundred, as in deeper books.
            let far = match self.random.below(10) {
                0 => self.random.below(40) * self.random.below(20),
                _ => self.random.below(4) * self.random.below(4),
            };
            off = if snapshot { off + 1 + self.random.below(40) as i64 } else { 1 + far as i64 };
            let price = self.price(side * off);
            let removal = !snapshot && self.random.below(3) == 0;
            let quantity = if removal { "0.0000000000".into() } else { self.quantity() };
            let comma = if place == 0 { "" } else { "," };
            write!(levels, "{comma}[\"{price}\",\"{quantity}\"]").unwrap();
        }
        levels
    }
}
