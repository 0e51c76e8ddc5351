//! Makes frames of market data v2, market data v1 and order events v1.

use super::Maker;

impl Maker {
    // ---- market data v2 ------------------------------------------------------------------------

    /// Makes the first frame of a symbol: a book with the latest trades and auctions.
    pub(crate) fn snapshot_v2(&mut self, levels: usize, trades: usize) -> String {
        let (bids, asks) =
            (self.changes_v2("buy", levels / 2, true), self.changes_v2("sell", levels / 2, true));
        let trades: Vec<String> = (0..trades).map(|_| self.trade_v2()).collect();
        let auctions: Vec<String> = (0..trades.len() / 25).map(|_| self.auction_v2()).collect();
        let (trades, auctions) = (trades.join(","), auctions.join(","));
        format!(
            "{{\"type\":\"l2_updates\",\"symbol\":\"BTCUSD\",\"changes\":[{bids},{asks}],\"trades\":[{trades}],\"auction_events\":[{auctions}]}}"
        )
    }

    pub(crate) fn levels_v2(&mut self) -> String {
        let (bids, asks) = (self.changes_v2("buy", 2, false), self.changes_v2("sell", 2, false));
        format!("{{\"type\":\"l2_updates\",\"symbol\":\"BTCUSD\",\"changes\":[{bids},{asks}]}}")
    }

    fn changes_v2(&mut self, side: &str, count: usize, snapshot: bool) -> String {
        let (mut off, sign) = (0, if side == "buy" { -1 } else { 1 });
        let changes: Vec<String> = (0..count)
            .map(|_| {
                let quantity;
                (off, quantity) = self.level(snapshot, off);
                format!("[\"{side}\",\"{}\",\"{quantity}\"]", self.price(sign * off))
            })
            .collect();
        changes.join(",")
    }

    pub(crate) fn trade_v2(&mut self) -> String {
        let (time, off) = (self.time() / 1_000_000, self.random.below(300) as i64);
        let (price, quantity) = (self.price(off), self.quantity());
        format!(
            "{{\"type\":\"trade\",\"symbol\":\"BTCUSD\",\"event_id\":{time},\"timestamp\":{time},\"price\":\"{price}\",\"quantity\":\"{quantity}\",\"side\":\"buy\"}}"
        )
    }

    pub(crate) fn auction_v2(&mut self) -> String {
        let (time, off) = (self.time() / 1_000_000, self.random.below(300) as i64);
        let (bid, price, ask) = (self.price(off - 100), self.price(off), self.price(off + 100));
        let quantity = self.quantity();
        format!(
            "{{\"type\":\"auction_result\",\"symbol\":\"BTCUSD\",\"time_ms\":{time},\"result\":\"success\",\"highest_bid_price\":\"{bid}\",\"lowest_ask_price\":\"{ask}\",\"collar_price\":\"{price}\",\"auction_price\":\"{price}\",\"auction_quantity\":\"{quantity}\"}}"
        )
    }

    pub(crate) fn candles_v2(&mut self, count: usize) -> String {
        let candles: Vec<String> = (0..count)
            .map(|place| {
                let (minute, cents) = (30_016_666 - place as u64, self.random.below(900) + 100);
                let volume = self.random.next() % 1_000_000;
                format!("[{minute}60000,70123.{cents},70130.{cents},70110.{cents},70125.{cents},0.{volume}]")
            })
            .collect();
        format!(
            "{{\"type\":\"candles_1m_updates\",\"symbol\":\"BTCUSD\",\"changes\":[{}]}}",
            candles.join(",")
        )
    }

    pub(crate) fn mark_price_v2(&mut self) -> String {
        let (time, off) = (self.time(), self.random.below(300) as i64);
        let (price, index) = (self.price(off), self.price(off + 7));
        format!(
            "{{\"type\":\"mark_price_updates\",\"symbol\":\"BTCGUSDPERP\",\"changes\":[{{\"timestamp\":{time},\"mark_price\":\"{price}\",\"spot_index\":\"{index}\"}}]}}"
        )
    }

    pub(crate) fn funding_v2(&mut self) -> String {
        let (time, off, rate) = (self.time(), self.random.below(300) as i64, self.random.below(999));
        let (price, at, amount) = (self.price(off), time + 1_000_000_000, self.random.below(100_000));
        format!(
            "{{\"type\":\"funding_amount_updates\",\"symbol\":\"BTCGUSDPERP\",\"changes\":[{{\"timestamp\":{time},\"funding_amount\":\"-1.{amount:05}\",\"funding_date_time\":{at},\"funding_interval_in_minutes\":60,\"is_realized\":false,\"funding_rate\":\"-0.{rate:03}\",\"mark_price\":\"{price}\"}}]}}"
        )
    }

    pub(crate) fn heartbeat_v2(&mut self) -> String {
        format!("{{\"type\":\"heartbeat\",\"timestamp\":{}}}", self.time() / 1_000_000)
    }

    pub(crate) fn error_v2(&mut self) -> String {
        let id = self.random.below(10_000);
        format!(
            "{{\"result\":\"error\",\"reason\":\"NoValidTradingPairs\",\"message\":\"none of these is one: none{id}\"}}"
        )
    }

    // ---- market data v1 ------------------------------------------------------------------------

    /// Makes the first frame of a connection, which contains the whole book.
    pub(crate) fn snapshot_v1(&mut self, levels: usize) -> String {
        let id = self.time() / 1_000_000;
        let sides = [("bid", -1), ("ask", 1)].map(|(side, sign)| {
            let mut off = 0;
            let levels: Vec<String> = (0..levels / 2)
                .map(|_| {
                    let quantity;
                    (off, quantity) = self.level(true, off);
                    let price = self.price(sign * off);
                    format!(
                        "{{\"type\":\"change\",\"reason\":\"initial\",\"price\":\"{price}\",\"delta\":\"{quantity}\",\"remaining\":\"{quantity}\",\"side\":\"{side}\"}}"
                    )
                })
                .collect();
            levels.join(",")
        });
        format!(
            "{{\"type\":\"update\",\"eventId\":{id},\"socket_sequence\":0,\"events\":[{}]}}",
            sides.join(",")
        )
    }

    fn update_v1(&mut self, sequence: usize, entries: &str) -> String {
        let time = self.time() / 1_000_000;
        let seconds = time / 1_000;
        format!(
            "{{\"type\":\"update\",\"eventId\":{time},\"timestamp\":{seconds},\"timestampms\":{time},\"socket_sequence\":{sequence},\"events\":[{entries}]}}"
        )
    }

    pub(crate) fn change_v1(&mut self, sequence: usize) -> String {
        let change = self.entry_v1("place");
        self.update_v1(sequence, &change)
    }

    pub(crate) fn trade_v1(&mut self, sequence: usize) -> String {
        let (id, change) = (self.time() / 1_000_000, self.entry_v1("trade"));
        let (price, quantity) = (self.price(1), self.quantity());
        let trade = format!(
            "{{\"type\":\"trade\",\"tid\":{id},\"price\":\"{price}\",\"amount\":\"{quantity}\",\"makerSide\":\"ask\"}}"
        );
        self.update_v1(sequence, &format!("{trade},{change}"))
    }

    fn entry_v1(&mut self, reason: &str) -> String {
        let (off, quantity) = self.level(false, 0);
        let price = self.price(off);
        format!(
            "{{\"type\":\"change\",\"side\":\"ask\",\"price\":\"{price}\",\"remaining\":\"{quantity}\",\"delta\":\"-0.1\",\"reason\":\"{reason}\"}}"
        )
    }

    pub(crate) fn auction_v1(&mut self, sequence: usize) -> String {
        let (id, bid, ask) = (self.time() / 1_000_000, self.price(-9), self.price(9));
        let (price, quantity) = (self.price(0), self.quantity());
        let auction = format!(
            "{{\"type\":\"auction_indicative\",\"eid\":{id},\"result\":\"success\",\"time_ms\":{id},\"highest_bid_price\":\"{bid}\",\"lowest_ask_price\":\"{ask}\",\"collar_price\":\"{price}\",\"indicative_price\":\"{price}\",\"indicative_quantity\":\"{quantity}\"}}"
        );
        self.update_v1(sequence, &auction)
    }

    // ---- order events v1 -----------------------------------------------------------------------

    pub(crate) fn booked_v1(&mut self) -> String {
        self.order_v1("booked", "")
    }

    pub(crate) fn fill_v1(&mut self) -> String {
        let (id, price, quantity) = (self.random.next() >> 4, self.price(1), self.quantity());
        let fill = format!(
            "\"fill\":{{\"trade_id\":\"{id}\",\"liquidity\":\"Maker\",\"price\":\"{price}\",\"amount\":\"{quantity}\",\"fee\":\"8.980575\",\"fee_currency\":\"USD\"}},"
        );
        self.order_v1("fill", &fill)
    }

    fn order_v1(&mut self, kind: &str, fill: &str) -> String {
        let (time, id) = (self.time() / 1_000_000, self.random.next() % 10_000_000_000);
        let (price, quantity, seconds) = (self.price(1), self.quantity(), time / 1000);
        format!(
            "[{{\"type\":\"{kind}\",\"order_id\":\"{id}\",\"event_id\":\"{id}\",\"account_name\":\"primary\",\"client_order_id\":\"order-{id}\",\"api_session\":\"UI\",\"symbol\":\"btcusd\",\"side\":\"buy\",\"order_type\":\"exchange limit\",\"timestamp\":\"{seconds}\",\"timestampms\":{time},\"is_live\":true,\"is_cancelled\":false,\"is_hidden\":false,\"avg_execution_price\":\"0.00\",\"executed_amount\":\"0\",\"remaining_amount\":\"{quantity}\",\"original_amount\":\"{quantity}\",\"price\":\"{price}\",{fill}\"socket_sequence\":7}}]"
        )
    }

    pub(crate) fn acknowledgement_v1(&mut self) -> String {
        let id = self.random.next() % 1_000_000;
        format!(
            "{{\"type\":\"subscription_ack\",\"accountId\":{id},\"subscriptionId\":\"ws-order-events-{id}\",\"symbolFilter\":[\"btcusd\"],\"apiSessionFilter\":[\"UI\"],\"eventTypeFilter\":[\"fill\",\"closed\"]}}"
        )
    }

    pub(crate) fn order_heartbeat_v1(&mut self, sequence: usize) -> String {
        let time = self.time() / 1_000_000;
        format!(
            "{{\"type\":\"heartbeat\",\"timestampms\":{time},\"sequence\":{sequence},\"trace_id\":\"trace-{time}\",\"socket_sequence\":{sequence}}}"
        )
    }
}
