//! The types of the rivals for replies of the current API, with their results.

use rust_decimal::Decimal;

typed! {
    Acknowledged {
        id: u64,
        status: Option<u16>,
    }

    Named<'f> {
        id: &'f str,
        status: Option<u16>,
    }

    Time {
        id: u64,
        status: Option<u16>,
        result: ServerTime,
    }

    NamedTime<'f> {
        id: &'f str,
        status: Option<u16>,
        result: ServerTime,
    }

    ServerTime {
        #[serde(rename = "serverTime")]
        server_time: i64,
    }

    Refused<'f> {
        id: u64,
        status: Option<u16>,
        #[serde(borrow)]
        error: Refusal<'f>,
    }

    Refusal<'f> {
        code: i64,
        msg: &'f str,
    }

    Limits<'f> {
        id: u64,
        status: Option<u16>,
        #[serde(borrow, rename = "rateLimits")]
        limits: Vec<Limit<'f>>,
    }

    Limit<'f> {
        #[serde(rename = "rateLimitType")]
        kind: &'f str,
        interval: &'f str,
        #[serde(rename = "intervalNum")]
        count_of_intervals: u64,
        limit: u64,
        count: u64,
    }

    Names<'f> {
        id: u64,
        status: Option<u16>,
        #[serde(borrow)]
        result: Vec<&'f str>,
    }

    BookReply {
        id: u64,
        status: Option<u16>,
        result: BookResult,
    }

    BookResult {
        #[serde(rename = "lastUpdateId")]
        last: u64,
        bids: Vec<(Decimal, Decimal)>,
        asks: Vec<(Decimal, Decimal)>,
    }

    Placed<'f> {
        id: u64,
        status: Option<u16>,
        #[serde(borrow)]
        result: OrderId<'f>,
    }

    OrderId<'f> {
        #[serde(rename = "orderId")]
        order_id: &'f str,
    }

    QuoteReply<'f> {
        id: u64,
        status: Option<u16>,
        #[serde(borrow)]
        result: QuoteIds<'f>,
    }

    QuoteIds<'f> {
        #[serde(rename = "rfqId")]
        rfq_id: &'f str,
        #[serde(rename = "quoteId")]
        quote_id: &'f str,
        confirmed: Option<bool>,
    }
}
