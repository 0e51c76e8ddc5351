//! [`Maker`]: makes the frames of the benchmarks.

mod archived;
mod private;

use std::fmt::Write;

use crate::random::Random;

/// Makes frames as long as the venue's: prices have five decimals, and quantities ten.
pub(crate) struct Maker {
    random: Random,
    time: u64,
    update_id: u64,
    /// The last update id of a depth frame. Tickers raise `update_id`, but not this id.
    depth_id: u64,
}

impl Maker {
    pub(crate) fn new() -> Maker {
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

    /// Returns the price that is `cents` above the mid, or below it for a negative number.
    fn price(&mut self, cents: i64) -> String {
        let cents = 7_012_345 + cents;
        format!("{}.{:02}000", cents / 100, cents % 100)
    }

    fn quantity(&mut self) -> String {
        format!("{}.{:010}", self.random.next() % 10, self.random.next() % 10_000_000_000)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.random.below(end)
    }

    pub(crate) fn ticker(&mut self) -> String {
        let (time, off) = (self.time(), self.random.below(300) as i64);
        self.update_id += 1 + self.random.next() % 90;
        let (bid, ask, last) = (self.price(-1 - off), self.price(1 + off), self.price(off));
        let (bids, asks, lasts) = (self.quantity(), self.quantity(), self.quantity());
        let id = self.update_id;
        format!(
            "{{\"u\":{id},\"E\":{time},\"s\":\"btcusd\",\"b\":\"{bid}\",\"B\":\"{bids}\",\"a\":\"{ask}\",\"A\":\"{asks}\",\"c\":\"{last}\",\"C\":\"{lasts}\"}}"
        )
    }

    pub(crate) fn trade(&mut self) -> String {
        let (time, off) = (self.time(), self.random.below(300) as i64);
        let id = 900_000_000_000_000 + self.update_id;
        let (price, quantity, maker) = (self.price(off), self.quantity(), self.random.below(2) == 0);
        format!(
            "{{\"E\":{time},\"s\":\"btcusd\",\"t\":{id},\"p\":\"{price}\",\"q\":\"{quantity}\",\"m\":{maker}}}"
        )
    }

    pub(crate) fn partial_depth(&mut self) -> String {
        self.update_id += 1 + self.random.next() % 90;
        let (bids, asks) = (self.levels(true, -1, 10), self.levels(true, 1, 10));
        let id = self.update_id;
        format!("{{\"lastUpdateId\":{id},\"symbol\":\"btcusd\",\"bids\":[{bids}],\"asks\":[{asks}]}}")
    }

    pub(crate) fn mark_price(&mut self) -> String {
        let (time, off) = (self.time(), self.random.below(300) as i64);
        let (price, index) = (self.price(off), self.random.next() % 10_000_000_000);
        let index = format!("{}.{:03}", index / 1_000, index % 1_000);
        format!(
            "{{\"e\":\"markPrice\",\"E\":{time},\"s\":\"btcgusdperp\",\"p\":\"{price}\",\"i\":\"{index}\"}}"
        )
    }

    pub(crate) fn funding_amount(&mut self) -> String {
        let (time, off) = (self.time(), self.random.below(300) as i64);
        let (price, amount) = (self.price(off), self.random.next() % 1_000_000);
        let (whole, part, rate) = (amount / 100_000, amount % 100_000, amount % 999);
        format!(
            "{{\"e\":\"fundingAmount\",\"E\":{time},\"s\":\"btcgusdperp\",\"T\":{time},\"i\":60,\"f\":\"{whole}.{part:05}\",\"r\":\"0.{rate:03}00\",\"p\":\"{price}\",\"R\":false}}"
        )
    }

    pub(crate) fn request_for_quotes(&mut self) -> String {
        let (time, id) = (self.time() / 1_000_000, self.random.next() % 1_000_000);
        let (opened, closed) = (time + 5_000, time + 10_000);
        format!(
            "{{\"e\":\"requestForQuote\",\"E\":{time},\"r\":\"rfq-{id}\",\"s\":\"GEMI-COMBO-{id}\",\"l\":[{{\"c\":\"{id}\",\"o\":\"YES\",\"s\":\"GEMI-BTC26-HI{id}\"}},{{\"c\":\"{opened}\",\"o\":\"NO\",\"s\":\"GEMI-ETH26-HI{id}\"}}],\"n\":\"{id}.50\",\"S\":\"OPEN\",\"w\":{opened},\"x\":{closed}}}"
        )
    }

    pub(crate) fn contract_status(&mut self) -> String {
        let (time, id) = (self.time() / 1_000_000, self.random.next() % 1_000_000);
        format!(
            "{{\"e\":\"contractStatus\",\"E\":{time},\"s\":\"GEMI-BTC26-HI{id}\",\"k\":\"BTC26\",\"c\":\"HI{id}\",\"i\":{id},\"p\":\"{id}\",\"o\":\"Approved\",\"n\":\"Active\"}}"
        )
    }

    /// Makes a depth frame: a snapshot with its best levels first, or changes that follow the previous depth frame.
    /// Most changes are near the best price, and a third of them remove a level.
    pub(crate) fn depth(&mut self, snapshot: bool, bids: usize, asks: usize) -> String {
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
            let quantity;
            (off, quantity) = self.level(snapshot, off);
            let price = self.price(side * off);
            let comma = if place == 0 { "" } else { "," };
            write!(levels, "{comma}[\"{price}\",\"{quantity}\"]").unwrap();
        }
        levels
    }

    /// Returns how many cents a level is from the mid, and its quantity. In a snapshot, the level is farther from the
    /// mid than the previous level, which is `before` cents from it.
    fn level(&mut self, snapshot: bool, before: i64) -> (i64, String) {
        // In recordings of perpetuals, nine in ten changes are among the best four levels, and no change is beyond
        // the ninth level. Here one change in ten is anywhere among eight hundred levels, as in deeper books.
        let far = match self.random.below(10) {
            0 => self.random.below(40) * self.random.below(20),
            _ => self.random.below(4) * self.random.below(4),
        };
        let off = if snapshot { before + 1 + self.random.below(40) as i64 } else { 1 + far as i64 };
        let removal = !snapshot && self.random.below(3) == 0;
        (off, if removal { "0.0000000000".into() } else { self.quantity() })
    }
}
