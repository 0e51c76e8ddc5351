//! What the benches decode.

use std::fmt::Write;

use gemini_ws::{Endpoint, Message, ResponseId, Scratch};

use crate::support::random::Random;

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
    Order,
    Balances,
    LevelsV2,
    TradeV2,
    UpdateV1,
    OrdersV1,
}

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) name: &'static str,
    pub(crate) endpoint: Endpoint,
    pub(crate) frames: Vec<(Kind, String)>,
}

impl Input {
    pub(crate) fn new(name: &'static str, frames: impl IntoIterator<Item = String>) -> Input {
        Input::of(Endpoint::Streams, name, frames)
    }

    fn of(endpoint: Endpoint, name: &'static str, frames: impl IntoIterator<Item = String>) -> Input {
        let frames = frames.into_iter().map(|frame| (kind(endpoint, &frame), frame)).collect();
        Input { name, endpoint, frames }
    }
}

/// The frames that are made here.
pub(crate) fn made() -> Vec<Input> {
    let mut maker = Maker::new();
    // So many of a kind that no branch predictor learns them by heart.
    const MANY: usize = 256;
    vec![
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
        Input::new("order update", Vec::from_iter((0..MANY).map(|_| maker.order_update()))),
        Input::new("balances, 3 assets", Vec::from_iter((0..MANY).map(|_| maker.balances()))),
        Input::of(Endpoint::MarketDataV2, "v2 levels, 4", Vec::from_iter((0..MANY).map(|_| maker.levels_v2()))),
        Input::of(Endpoint::MarketDataV2, "v2 trade", Vec::from_iter((0..MANY).map(|_| maker.trade_v2()))),
        Input::of(Endpoint::MarketDataV1, "v1 trade and change", Vec::from_iter((0..MANY).map(|_| maker.update_v1()))),
        Input::of(Endpoint::OrderEventsV1, "v1 order event", Vec::from_iter((0..MANY).map(|_| maker.order_event_v1()))),
        Input::new("session", session()),
    ]
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

/// The same members, the last one first.
pub(crate) fn reversed(frame: &str) -> String {
    let inside = &frame[1..frame.len() - 1];
    let mut members = Vec::new();
    let (mut depth, mut is_quoted, mut start) = (0_usize, false, 0);
    for (place, byte) in inside.bytes().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'[' | b'{' if !is_quoted => depth += 1,
            b']' | b'}' if !is_quoted => depth -= 1,
            b',' if !is_quoted && depth == 0 => {
                members.push(&inside[start..place]);
                start = place + 1;
            }
            _ => {}
        }
    }
    members.push(&inside[start..]);
    members.reverse();
    format!("{{{}}}", members.join(","))
}

fn kind(endpoint: Endpoint, frame: &str) -> Kind {
    match endpoint.decode(frame, &mut Scratch::new()).unwrap() {
        Message::Trade(_) if endpoint == Endpoint::MarketDataV2 => Kind::TradeV2,
        Message::OrderUpdate(_) => Kind::Order,
        Message::BalanceUpdate(_) => Kind::Balances,
        Message::L2Updates(_) => Kind::LevelsV2,
        Message::MarketUpdate(_) => Kind::UpdateV1,
        Message::OrderEvents(_) => Kind::OrdersV1,
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

    fn order_update(&mut self) -> String {
        let (time, off, id) = (self.time(), self.random.below(300) as i64, self.random.next() >> 4);
        let (price, quantity, done) = (self.price(off), self.quantity(), self.quantity());
        format!(
            "{{\"e\":\"orderUpdate\",\"E\":{time},\"s\":\"BTCUSD\",\"i\":{id},\"c\":\"order-{id}\",\"S\":\"BUY\",\"o\":\"LIMIT\",\"X\":\"PARTIALLY_FILLED\",\"p\":\"{price}\",\"q\":\"{quantity}\",\"z\":\"{done}\",\"Z\":\"{done}\",\"L\":\"{price}\",\"t\":{time},\"n\":\"1.80\",\"m\":true,\"T\":{time}}}"
        )
    }

    fn balances(&mut self) -> String {
        let (time, rows) = (self.time(), ["BTC", "ETH", "USD"]);
        let rows = rows.map(|asset| {
            format!("{{\"a\":\"{asset}\",\"f\":\"{}\",\"c\":\"{}\"}}", self.quantity(), self.quantity())
        });
        format!("{{\"e\":\"balanceUpdate\",\"E\":{time},\"u\":{time},\"B\":[{}]}}", rows.join(","))
    }

    fn levels_v2(&mut self) -> String {
        let level = |maker: &mut Maker, side: &str, off: i64| {
            format!("[\"{side}\",\"{}\",\"{}\"]", maker.price(off), maker.quantity())
        };
        let levels =
            [level(self, "buy", -1), level(self, "buy", -4), level(self, "sell", 2), level(self, "sell", 3)];
        format!("{{\"type\":\"l2_updates\",\"symbol\":\"BTCUSD\",\"changes\":[{}]}}", levels.join(","))
    }

    fn trade_v2(&mut self) -> String {
        let (time, off) = (self.time() / 1_000_000, self.random.below(300) as i64);
        let (price, quantity) = (self.price(off), self.quantity());
        format!(
            "{{\"type\":\"trade\",\"symbol\":\"BTCUSD\",\"event_id\":{time},\"timestamp\":{time},\"price\":\"{price}\",\"quantity\":\"{quantity}\",\"side\":\"buy\"}}"
        )
    }

    fn update_v1(&mut self) -> String {
        let (time, off) = (self.time() / 1_000_000, self.random.below(300) as i64);
        let (price, quantity, seconds) = (self.price(off), self.quantity(), time / 1000);
        format!(
            "{{\"type\":\"update\",\"eventId\":{time},\"timestamp\":{seconds},\"timestampms\":{time},\"socket_sequence\":{off},\"events\":[{{\"type\":\"trade\",\"tid\":{time},\"price\":\"{price}\",\"amount\":\"{quantity}\",\"makerSide\":\"ask\"}},{{\"type\":\"change\",\"side\":\"ask\",\"price\":\"{price}\",\"remaining\":\"{quantity}\",\"delta\":\"-0.1\",\"reason\":\"trade\"}}]}}"
        )
    }

    fn order_event_v1(&mut self) -> String {
        let (time, id) = (self.time() / 1_000_000, self.random.next() % 10_000_000_000);
        let (price, quantity, seconds) = (self.price(1), self.quantity(), time / 1000);
        format!(
            "[{{\"type\":\"booked\",\"order_id\":\"{id}\",\"event_id\":\"{id}\",\"account_name\":\"primary\",\"client_order_id\":\"order-{id}\",\"api_session\":\"UI\",\"symbol\":\"btcusd\",\"side\":\"buy\",\"order_type\":\"exchange limit\",\"timestamp\":\"{seconds}\",\"timestampms\":{time},\"is_live\":true,\"is_cancelled\":false,\"is_hidden\":false,\"avg_execution_price\":\"0.00\",\"executed_amount\":\"0\",\"remaining_amount\":\"{quantity}\",\"original_amount\":\"{quantity}\",\"price\":\"{price}\",\"socket_sequence\":7}}]"
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
