//! The rival: serde_json into derived types, `rust_decimal` numbers, and a `BTreeMap` for each side
//! of a book.
#![expect(dead_code, reason = "most fields are only filled")]

use std::collections::BTreeMap;
use std::hint::black_box;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::inputs::Kind;

#[derive(Debug, Deserialize)]
struct Ticker<'f> {
    u: u64,
    #[serde(rename = "E")]
    event_time: i64,
    s: &'f str,
    b: Decimal,
    #[serde(rename = "B")]
    bid_quantity: Decimal,
    a: Decimal,
    #[serde(rename = "A")]
    ask_quantity: Decimal,
    c: Option<Decimal>,
    #[serde(rename = "C")]
    last_quantity: Option<Decimal>,
}

#[derive(Debug, Deserialize)]
struct Depth<'f> {
    #[serde(rename = "E")]
    event_time: i64,
    s: &'f str,
    #[serde(rename = "U")]
    first: u64,
    u: u64,
    b: Vec<(Decimal, Decimal)>,
    a: Vec<(Decimal, Decimal)>,
}

#[derive(Debug, Deserialize)]
struct Trade<'f> {
    #[serde(rename = "E")]
    event_time: i64,
    s: &'f str,
    t: u64,
    p: Decimal,
    q: Decimal,
    m: bool,
}

#[derive(Debug, Deserialize)]
struct Mark<'f> {
    #[serde(rename = "E")]
    event_time: i64,
    s: &'f str,
    p: Decimal,
    i: Option<Decimal>,
}

#[derive(Debug, Deserialize)]
struct Funding<'f> {
    #[serde(rename = "E")]
    event_time: i64,
    #[serde(rename = "T")]
    funding_time: i64,
    s: &'f str,
    i: u64,
    f: Decimal,
    r: Decimal,
    p: Decimal,
    #[serde(rename = "R")]
    realized: bool,
}

#[derive(Debug, Deserialize)]
struct Partial<'f> {
    #[serde(rename = "lastUpdateId")]
    last: u64,
    symbol: Option<&'f str>,
    bids: Vec<(Decimal, Decimal)>,
    asks: Vec<(Decimal, Decimal)>,
}

#[derive(Debug, Deserialize)]
struct Contract<'f> {
    #[serde(rename = "E")]
    event_time: i64,
    s: &'f str,
    k: &'f str,
    c: &'f str,
    i: u64,
    p: Option<Decimal>,
    o: &'f str,
    n: &'f str,
}

#[derive(Debug, Deserialize)]
struct Reply<'f, Id> {
    id: Id,
    status: Option<u16>,
    result: Option<IgnoredAny>,
    #[serde(borrow)]
    error: Option<Refusal<'f>>,
    #[serde(rename = "rateLimits")]
    rate_limits: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct Refusal<'f> {
    code: i64,
    msg: &'f str,
}

#[derive(Debug, Deserialize)]
struct Order<'f> {
    #[serde(rename = "E")]
    event_time: i64,
    s: &'f str,
    i: u64,
    c: Option<&'f str>,
    #[serde(rename = "S")]
    side: Option<&'f str>,
    o: Option<&'f str>,
    #[serde(rename = "X")]
    status: &'f str,
    p: Option<Decimal>,
    q: Option<Decimal>,
    z: Option<Decimal>,
    #[serde(rename = "Z")]
    executed: Option<Decimal>,
    #[serde(rename = "L")]
    last_price: Option<Decimal>,
    t: Option<u64>,
    n: Option<Decimal>,
    m: Option<bool>,
    r: Option<&'f str>,
    #[serde(rename = "T")]
    time: i64,
}

#[derive(Debug, Deserialize)]
struct Balances<'f> {
    #[serde(rename = "E")]
    event_time: i64,
    u: Option<i64>,
    #[serde(borrow, rename = "B")]
    rows: Vec<Balance<'f>>,
}

#[derive(Debug, Deserialize)]
struct Balance<'f> {
    a: &'f str,
    f: Decimal,
    c: Decimal,
}

#[derive(Debug, Deserialize)]
struct LevelsV2<'f> {
    symbol: &'f str,
    #[serde(borrow)]
    changes: Vec<(&'f str, Decimal, Decimal)>,
}

#[derive(Debug, Deserialize)]
struct TradeV2<'f> {
    symbol: &'f str,
    event_id: u64,
    timestamp: i64,
    price: Decimal,
    quantity: Decimal,
    side: &'f str,
}

#[derive(Debug, Deserialize)]
struct UpdateV1<'f> {
    #[serde(rename = "eventId")]
    event_id: u64,
    socket_sequence: u64,
    timestampms: Option<i64>,
    #[serde(borrow)]
    events: Vec<EntryV1<'f>>,
}

#[derive(Debug, Deserialize)]
struct EntryV1<'f> {
    #[serde(rename = "type")]
    kind: &'f str,
    side: Option<&'f str>,
    price: Option<Decimal>,
    remaining: Option<Decimal>,
    delta: Option<Decimal>,
    reason: Option<&'f str>,
    tid: Option<u64>,
    amount: Option<Decimal>,
    #[serde(rename = "makerSide")]
    maker_side: Option<&'f str>,
}

#[derive(Debug, Deserialize)]
struct OrderV1<'f> {
    #[serde(rename = "type")]
    kind: &'f str,
    order_id: &'f str,
    event_id: Option<&'f str>,
    account_name: Option<&'f str>,
    client_order_id: Option<&'f str>,
    api_session: Option<&'f str>,
    symbol: &'f str,
    side: &'f str,
    order_type: &'f str,
    timestamp: &'f str,
    timestampms: i64,
    is_live: bool,
    is_cancelled: bool,
    is_hidden: bool,
    avg_execution_price: Option<Decimal>,
    executed_amount: Option<Decimal>,
    remaining_amount: Option<Decimal>,
    original_amount: Option<Decimal>,
    price: Option<Decimal>,
    socket_sequence: u64,
}

/// What tells the kinds apart; all the rest is passed over.
#[derive(Debug, Deserialize)]
struct Probe<'f> {
    #[serde(borrow)]
    e: Option<&'f str>,
    id: Option<IgnoredAny>,
    #[serde(rename = "B")]
    bid_quantity: Option<IgnoredAny>,
    m: Option<IgnoredAny>,
    #[serde(rename = "lastUpdateId")]
    last: Option<IgnoredAny>,
}

/// A book as one would write it at first.
#[derive(Debug, Default)]
pub(crate) struct Book {
    bids: BTreeMap<Decimal, Decimal>,
    asks: BTreeMap<Decimal, Decimal>,
    last: u64,
}

impl Book {
    fn take(&mut self, depth: &Depth<'_>) {
        if depth.first == depth.u {
            self.bids.clear();
            self.asks.clear();
        } else if depth.u <= self.last || depth.first > self.last {
            return;
        }
        for (side, levels) in [(&mut self.bids, &depth.b), (&mut self.asks, &depth.a)] {
            for (price, quantity) in levels {
                if quantity.is_zero() {
                    side.remove(price);
                } else {
                    side.insert(*price, *quantity);
                }
            }
        }
        self.last = depth.u;
    }

    pub(crate) fn levels(&self) -> (usize, usize) {
        (self.bids.len(), self.asks.len())
    }
}

/// Decodes, and keeps the compiler from leaving out what nobody looks at.
fn see<'f, T: Deserialize<'f>>(frame: &'f str) {
    let decoded = serde_json::from_str::<T>(frame);
    assert!(black_box(&decoded).is_ok());
}

/// Decodes a frame whose kind is known.
pub(crate) fn decode(kind: Kind, frame: &str) {
    match kind {
        Kind::Ticker => see::<Ticker<'_>>(frame),
        Kind::Depth => see::<Depth<'_>>(frame),
        Kind::Trade => see::<Trade<'_>>(frame),
        Kind::Mark => see::<Mark<'_>>(frame),
        Kind::Funding => see::<Funding<'_>>(frame),
        Kind::Partial => see::<Partial<'_>>(frame),
        Kind::Contract => see::<Contract<'_>>(frame),
        Kind::ReplyWithNumber => see::<Reply<'_, u64>>(frame),
        Kind::ReplyWithText => see::<Reply<'_, &str>>(frame),
        Kind::Order => see::<Order<'_>>(frame),
        Kind::Balances => see::<Balances<'_>>(frame),
        Kind::LevelsV2 => see::<LevelsV2<'_>>(frame),
        Kind::TradeV2 => see::<TradeV2<'_>>(frame),
        Kind::UpdateV1 => see::<UpdateV1<'_>>(frame),
        Kind::OrdersV1 => see::<Vec<OrderV1<'_>>>(frame),
    }
}

/// Whether [`decode_unknown`] knows it.
pub(crate) fn can_tell(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::Order | Kind::Balances | Kind::LevelsV2 | Kind::TradeV2 | Kind::UpdateV1 | Kind::OrdersV1
    )
}

/// The same, and changes the book of the frame's symbol.
pub(crate) fn decode_into(kind: Kind, frame: &str, books: &mut Vec<(String, Book)>) {
    if kind != Kind::Depth {
        return decode(kind, frame);
    }
    let decoded = serde_json::from_str::<Depth<'_>>(frame);
    assert!(black_box(&decoded).is_ok());
    if let Ok(depth) = &decoded {
        crate::book_of(books, depth.s).take(depth);
    }
}

/// Decodes a frame of any kind: first what tells the kinds apart, then all of it.
pub(crate) fn decode_unknown(frame: &str) {
    let probe: Probe<'_> = serde_json::from_str(frame).unwrap();
    let kind = match probe {
        Probe { id: Some(_), .. } if frame.contains("\"id\":\"") => Kind::ReplyWithText,
        Probe { id: Some(_), .. } => Kind::ReplyWithNumber,
        Probe { e: Some("depthUpdate"), .. } => Kind::Depth,
        Probe { e: Some("markPrice"), .. } => Kind::Mark,
        Probe { e: Some("fundingAmount"), .. } => Kind::Funding,
        Probe { e: Some("contractStatus"), .. } => Kind::Contract,
        Probe { last: Some(_), .. } => Kind::Partial,
        Probe { bid_quantity: Some(_), .. } => Kind::Ticker,
        Probe { m: Some(_), .. } => Kind::Trade,
        _ => panic!("{frame}"),
    };
    decode(kind, frame);
}
