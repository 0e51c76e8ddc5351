//! Makes frames of the private streams of the current API, and its replies.

use super::Maker;

impl Maker {
    pub(crate) fn order_update(&mut self) -> String {
        let (time, off, id) = (self.time(), self.random.below(300) as i64, self.random.next() >> 4);
        let (price, quantity, done) = (self.price(off), self.quantity(), self.quantity());
        format!(
            "{{\"e\":\"orderUpdate\",\"E\":{time},\"s\":\"BTCUSD\",\"i\":{id},\"c\":\"order-{id}\",\"S\":\"BUY\",\"o\":\"LIMIT\",\"X\":\"PARTIALLY_FILLED\",\"p\":\"{price}\",\"q\":\"{quantity}\",\"z\":\"{done}\",\"Z\":\"{done}\",\"L\":\"{price}\",\"t\":{time},\"n\":\"1.80\",\"m\":true,\"T\":{time}}}"
        )
    }

    pub(crate) fn balances(&mut self) -> String {
        let (time, rows) = (self.time(), ["BTC", "ETH", "USD"]);
        let rows = rows.map(|asset| {
            format!("{{\"a\":\"{asset}\",\"f\":\"{}\",\"c\":\"{}\"}}", self.quantity(), self.quantity())
        });
        format!("{{\"e\":\"balanceUpdate\",\"E\":{time},\"u\":{time},\"B\":[{}]}}", rows.join(","))
    }

    /// Makes an update of a resting order without executions.
    pub(crate) fn order_open(&mut self) -> String {
        let row = self.order_row();
        format!("{{\"e\":\"orderUpdate\",{row}}}")
    }

    pub(crate) fn orders(&mut self, count: usize) -> String {
        let rows: Vec<String> = (0..count).map(|_| format!("{{{}}}", self.order_row())).collect();
        format!("{{\"e\":\"orderSnapshot\",\"orders\":[{}]}}", rows.join(","))
    }

    fn order_row(&mut self) -> String {
        let (time, off, id) = (self.time(), self.random.below(300) as i64, self.random.next() >> 4);
        let (price, quantity) = (self.price(off), self.quantity());
        format!(
            "\"E\":{time},\"s\":\"BTCUSD\",\"i\":{id},\"c\":\"order-{id}\",\"S\":\"SELL\",\"o\":\"LIMIT\",\"X\":\"OPEN\",\"p\":\"{price}\",\"q\":\"{quantity}\",\"z\":\"{quantity}\",\"Z\":\"0\",\"T\":{time}"
        )
    }

    pub(crate) fn positions(&mut self) -> String {
        let time = self.time();
        let rows = [1, 2, 3].map(|number| {
            let (id, quantity) = (self.random.next() % 1_000_000, self.quantity());
            format!(
                "{{\"t\":\"ec\",\"s\":\"GEMI-BTC26-HI{id}\",\"a\":[{{\"t\":\"position\",\"v\":\"-{quantity}\"}},{{\"t\":\"settlement_payout\",\"v\":\"{number}.00\",\"c\":\"usd\",\"o\":\"YES\"}}]}}"
            )
        });
        format!("{{\"e\":\"positionReport\",\"E\":{time},\"u\":{time},\"A\":77,\"P\":[{}]}}", rows.join(","))
    }

    pub(crate) fn quote(&mut self) -> String {
        let (time, id) = (self.time() / 1_000_000, self.random.next());
        let (quantity, cents, until) = (self.quantity(), self.random.below(90) + 10, time + 5_000);
        format!(
            "{{\"e\":\"requestForQuote\",\"i\":\"{id:016x}-{time}\",\"E\":{time},\"r\":\"rfq-{time}\",\"x\":\"ACCEPTED\",\"S\":\"CONFIRMING\",\"q\":\"quote-{time}\",\"p\":\"0.{cents}\",\"sz\":\"{quantity}\",\"qs\":\"WON\",\"vu\":{until}}}"
        )
    }

    pub(crate) fn settlements(&mut self) -> String {
        let rows = ["YES", "NO", "YES"].map(|outcome| {
            let (id, quantity) = (self.random.next() % 1_000_000, self.quantity());
            format!(
                "{{\"symbol\":\"GEMI-BTC26-HI{id}\",\"position\":\"{quantity}\",\"payout\":\"{quantity}\",\"outcome\":\"{outcome}\"}}"
            )
        });
        format!("{{\"type\":\"settlements\",\"settlements\":[{}]}}", rows.join(","))
    }

    // ---- replies -------------------------------------------------------------------------------

    /// Makes a reply. `rest` are the members after its status.
    fn reply(&mut self, rest: &str) -> String {
        format!("{{\"id\":{},\"status\":200,{rest}}}", self.random.below(10_000))
    }

    pub(crate) fn time_reply(&mut self) -> String {
        let time = self.time() / 1_000_000;
        self.reply(&format!("\"result\":{{\"serverTime\":{time}}}"))
    }

    pub(crate) fn acknowledgement(&mut self) -> String {
        format!("{{\"id\":{},\"status\":200}}", self.random.below(10_000))
    }

    pub(crate) fn error_reply(&mut self) -> String {
        let id = self.random.below(10_000);
        format!(
            "{{\"id\":{id},\"status\":400,\"error\":{{\"code\":-1013,\"msg\":\"Invalid stream name: none{id}@trade\"}}}}"
        )
    }

    pub(crate) fn limits_reply(&mut self) -> String {
        let [weight, orders] = [1, 2].map(|_| self.random.below(7_000));
        self.reply(&format!(
            "\"rateLimits\":[{{\"rateLimitType\":\"REQUEST_WEIGHT\",\"interval\":\"SECOND\",\"intervalNum\":10,\"limit\":7000,\"count\":{weight}}},{{\"rateLimitType\":\"ORDERS\",\"interval\":\"DAY\",\"intervalNum\":1,\"limit\":10000000,\"count\":{orders}}}]"
        ))
    }

    pub(crate) fn names_reply(&mut self) -> String {
        let names = ["btcusd@depth@100ms", "btcusd@bookTicker", "btcusd@trade", "ethusd@depth@100ms"];
        self.reply(&format!("\"result\":[\"{}\"]", names.join("\",\"")))
    }

    pub(crate) fn book_reply(&mut self) -> String {
        let (bids, asks, last) = (self.levels(true, -1, 10), self.levels(true, 1, 10), self.update_id);
        self.reply(&format!("\"result\":{{\"lastUpdateId\":{last},\"bids\":[{bids}],\"asks\":[{asks}]}}"))
    }

    pub(crate) fn order_id_reply(&mut self) -> String {
        let id = self.random.next() >> 4;
        self.reply(&format!("\"result\":{{\"orderId\":\"{id}\"}}"))
    }

    pub(crate) fn quote_reply(&mut self) -> String {
        let id = self.random.next() % 1_000_000;
        self.reply(&format!(
            "\"result\":{{\"rfqId\":\"rfq-{id}\",\"quoteId\":\"quote-{id}\",\"confirmed\":true}}"
        ))
    }
}
