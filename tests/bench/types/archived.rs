//! The types of the rivals for frames of market data v2, market data v1 and order events v1.

use rust_decimal::Decimal;
use serde::Deserialize;

use crate::book::{Books, book_of};
use crate::inputs::V1_SYMBOL;
use crate::values::Values;

/// The changes of a book: the side, price and quantity of each. [`Values`] lists the bids before the asks.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Changes<'f>(#[serde(borrow)] Vec<(&'f str, Decimal, Decimal)>);

impl Values for Changes<'_> {
    fn values(&self, list: &mut Vec<String>) {
        for side in ["buy", "sell"] {
            let of_side = self.0.iter().filter(|(of, ..)| *of == side);
            of_side.for_each(|(_, price, quantity)| (*price, *quantity).values(list));
        }
    }
}

typed! {
    LevelsV2<'f> applied by apply_v2 {
        symbol: &'f str,
        #[serde(borrow)]
        changes: Changes<'f>,
        #[serde(borrow)]
        trades: Option<Vec<TradeV2<'f>>>,
        #[serde(borrow)]
        auction_events: Option<Vec<AuctionV2<'f>>>,
    }

    TradeV2<'f> {
        symbol: &'f str,
        event_id: u64,
        timestamp: i64,
        price: Decimal,
        quantity: Decimal,
        side: &'f str,
    }

    AuctionV2<'f> {
        symbol: &'f str,
        time_ms: i64,
        result: &'f str,
        highest_bid_price: Option<Decimal>,
        lowest_ask_price: Option<Decimal>,
        collar_price: Option<Decimal>,
        auction_price: Option<Decimal>,
        auction_quantity: Option<Decimal>,
    }

    // The numbers of candles have no quotes, so serde passes them on as `f64`.
    CandlesV2<'f> {
        symbol: &'f str,
        changes: Vec<(i64, f64, f64, f64, f64, f64)>,
    }

    MarksV2<'f> {
        symbol: &'f str,
        changes: Vec<MarkV2>,
    }

    MarkV2 {
        timestamp: i64,
        mark_price: Decimal,
        spot_index: Option<Decimal>,
    }

    FundingsV2<'f> {
        symbol: &'f str,
        changes: Vec<FundingV2>,
    }

    FundingV2 {
        timestamp: i64,
        funding_amount: Decimal,
        funding_date_time: i64,
        funding_interval_in_minutes: u64,
        is_realized: bool,
        funding_rate: Option<Decimal>,
        mark_price: Option<Decimal>,
    }

    HeartbeatV2 {
        timestamp: i64,
    }

    ErrorV2<'f> {
        reason: &'f str,
        message: Option<&'f str>,
    }

    UpdateV1<'f> applied by apply_v1 {
        #[serde(rename = "eventId")]
        event_id: u64,
        socket_sequence: u64,
        timestamp: Option<i64>,
        timestampms: Option<i64>,
        #[serde(borrow)]
        events: Vec<EntryV1<'f>>,
    }

    EntryV1<'f> {
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
        eid: Option<u64>,
        result: Option<&'f str>,
        time_ms: Option<i64>,
        highest_bid_price: Option<Decimal>,
        lowest_ask_price: Option<Decimal>,
        collar_price: Option<Decimal>,
        indicative_price: Option<Decimal>,
        indicative_quantity: Option<Decimal>,
    }

    HeartbeatV1 {
        socket_sequence: u64,
    }

    OrderV1<'f> {
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
        #[serde(borrow)]
        fill: Option<FillV1<'f>>,
        socket_sequence: u64,
    }

    FillV1<'f> {
        trade_id: &'f str,
        liquidity: &'f str,
        price: Decimal,
        amount: Decimal,
        fee: Decimal,
        fee_currency: &'f str,
    }

    AckV1<'f> {
        #[serde(rename = "accountId")]
        account_id: u64,
        #[serde(rename = "subscriptionId")]
        subscription_id: &'f str,
        #[serde(borrow, rename = "symbolFilter")]
        symbol_filter: Vec<&'f str>,
        #[serde(borrow, rename = "apiSessionFilter")]
        api_session_filter: Vec<&'f str>,
        #[serde(borrow, rename = "eventTypeFilter")]
        event_type_filter: Vec<&'f str>,
    }

    OrderHeartbeatV1<'f> {
        timestampms: i64,
        sequence: u64,
        trace_id: &'f str,
        socket_sequence: u64,
    }
}

fn apply_v2(levels: &LevelsV2<'_>, books: &mut Books) {
    let book = book_of(books, levels.symbol);
    if levels.auction_events.is_some() {
        book.clear();
    }
    for (side, price, quantity) in &levels.changes.0 {
        match *side {
            "buy" => book.set_bid(*price, *quantity),
            _ => book.set_ask(*price, *quantity),
        }
    }
}

fn apply_v1(update: &UpdateV1<'_>, books: &mut Books) {
    let book = book_of(books, V1_SYMBOL);
    if update.socket_sequence == 0 {
        book.clear();
    }
    for entry in update.events.iter().filter(|entry| entry.kind == "change") {
        match (entry.side, entry.price, entry.remaining) {
            (Some("bid"), Some(price), Some(remaining)) => book.set_bid(price, remaining),
            (Some("ask"), Some(price), Some(remaining)) => book.set_ask(price, remaining),
            _ => panic!("{entry:?}"),
        }
    }
}
