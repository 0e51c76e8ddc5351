//! Tests how handwritten frames of order events v1 decode: every kind of frame with every member, and malformed
//! elements.

use gemini_ws::{
    DecodeErrorKind, Endpoint, EventBuf, Liquidity, Message, OrderReport, OrderStatus, OrderType,
    OrderUpdate, Replay, Scratch,
};
use serde_json::{Value, json};
use testkit::expect::{self, refuses, unmarked};

/// Decodes a frame that must be an array, and calls `see` with its elements.
fn elements(frame: &str, see: impl FnOnce(&[OrderReport<'_>])) {
    let mut scratch = Scratch::new();
    let message = Endpoint::OrderEventsV1.decode(frame, &mut scratch);
    let Ok(Message::OrderEvents(events)) = message else { panic!("{frame}") };
    see(&events.events.iter().collect::<Vec<_>>());
}

fn order(frame: &str, see: impl FnOnce(&OrderUpdate<'_>)) {
    elements(frame, |elements| {
        let [OrderReport::Update(update)] = elements else { panic!("{elements:?}") };
        see(update);
    });
}

#[test]
fn subscription_acks() {
    let table = [
        (
            r#"{"type":"subscription_ack","accountId":9007199254740993,"subscriptionId":"ws-order-events-1-abc","symbolFilter":["btcusd","eth\u0075sd"],"apiSessionFilter":["UI","account-Zz9"],"eventTypeFilter":["fill"]}"#,
            json!({
                "kind": "subscription_ack", "account_id": 9_007_199_254_740_993_u64,
                "subscription_id": "ws-order-events-1-abc", "symbol_filter": ["btcusd", "ethusd"],
                "api_session_filter": ["UI", "account-Zz9"], "event_type_filter": ["fill"],
            }),
        ),
        (
            r#"{"type":"subscription_ack","accountId":0,"subscriptionId":"","symbolFilter":[],"apiSessionFilter":[],"eventTypeFilter":[]}"#,
            json!({
                "kind": "subscription_ack", "account_id": 0, "symbol_filter": [],
                "api_session_filter": [], "event_type_filter": [],
            }),
        ),
    ];
    for (frame, expected) in table {
        expect::says(Endpoint::OrderEventsV1, frame, &expected);
    }
}

fn says(table: &[(&str, Value)]) {
    for (element, expected) in table {
        let expected = json!({"kind": "order_events", "events": [expected]});
        expect::says(Endpoint::OrderEventsV1, &format!("[{element}]"), &expected);
    }
}

#[test]
fn order_events() {
    says(&[
        (
            r#"{"type":"fill","order_id":"81234567892","event_id":"81234567895","account_name":"primary","api_session":"account-Zz9","client_order_id":"mine-2","symbol":"btcusd","side":"sell","behavior":"maker-or-cancel","order_type":"exchange limit","timestamp":"1802000000","timestampms":1802000000123,"is_live":true,"is_cancelled":false,"is_hidden":false,"avg_execution_price":"70000.0000000000000000001","executed_amount":"0.1","remaining_amount":"0.15","original_amount":"0.25","price":"70000.00","fill":{"trade_id":"9007199254740993","liquidity":"Maker","price":"70000","amount":"0.1","fee":"-7.0000000000000000000000001","fee_currency":"USD"},"socket_sequence":5}"#,
            json!({
                "kind": "update", "order_id": 81_234_567_892_u64, "symbol": "btcusd",
                "status": "PARTIALLY_FILLED", "event_time": 1_802_000_000_123_000_000_i64,
                "client_order_id": "mine-2", "side": "sell", "time_in_force": "maker-or-cancel", "order_type": "LIMIT", "price": "70000.00",
                "quantity": "0.25", "remaining_quantity": "0.15", "executed_quantity": "0.1",
                "average_price": "70000.0000000000000000001",
                "fill": {
                    "trade_id": 9_007_199_254_740_993_u64, "price": "70000", "quantity": "0.1",
                    "fee": "-7.0000000000000000000000001", "fee_currency": "USD", "liquidity": "Maker",
                },
                "event": {
                    "event_id": "81234567895", "socket_sequence": 5, "account_name": "primary",
                    "api_session": "account-Zz9",
                    "timestamp": 1_802_000_000_000_000_000_i64, "is_live": true, "is_cancelled": false,
                    "is_hidden": false,
                },
            }),
        ),
        (
            r#"{"type":"cancelled","order_id":7,"event_id":8,"cancel_command_id":"9","reason":"Requested","symbol":"btcusd","timestamp":-1,"total_spend":"100.00","api_session":"UI"}"#,
            json!({
                "kind": "update", "order_id": 7, "symbol": "btcusd", "status": "CANCELED",
                "reason": "Requested",
                "event": {
                    "event_id": "8", "api_session": "UI", "timestamp": -1_000_000_000, "total_spend": "100.00",
                    "cancel_command_id": "9",
                },
            }),
        ),
        // Older names of members, and empty texts in place of optional numbers.
        (
            r#"{"type":"booked","order_id":"007","symbol":"x","timestampMs":1,"original_price":"5","total_executed_amount":"1","original_amount":"","avg_execution_price":"","remaining_amount":"","side":"","reason":"","client_order_id":""}"#,
            json!({
                "kind": "update", "order_id": 7, "symbol": "x", "status": "OPEN", "event_time": 1_000_000,
                "price": "5", "executed_quantity": "1", "event": {},
            }),
        ),
        (
            r#"{"type":"closed","order_id":"1","symbol":"x","side":"both","order_type":"pegged"}"#,
            json!({
                "kind": "update", "order_id": 1, "symbol": "x", "status": "closed",
                "order_type": "pegged", "event": {},
            }),
        ),
        (
            r#"{"type":"amended","order_id":{}}"#,
            json!({"kind": "unrecognized", "frame": {"type": "amended", "order_id": {}}}),
        ),
    ]);
    expect::says(Endpoint::OrderEventsV1, "[]", &json!({"kind": "order_events", "events": []}));
}

/// Some members have two names. If a frame uses both names, the member that comes last applies.
#[test]
fn names_that_come_twice() {
    let table = [
        (r#""price":"1","original_price":"2""#, Some("2")),
        (r#""original_price":"2","price":"1""#, Some("1")),
        (r#""price":"1","original_price":null"#, None),
    ];
    for (members, expected) in table {
        order(&format!(r#"[{{"type":"booked","order_id":"1","symbol":"x",{members}}}]"#), |update| {
            assert_eq!(update.price.map(|price| price.to_string()).as_deref(), expected, "{members}");
        });
    }
}

#[test]
fn order_texts() {
    let statuses = [
        ("initial", OrderStatus::Initial),
        ("accepted", OrderStatus::New),
        ("booked", OrderStatus::Open),
        ("rejected", OrderStatus::Rejected),
        ("cancelled", OrderStatus::Canceled),
        ("cancel_rejected", OrderStatus::CancelRejected),
        ("closed", OrderStatus::Closed),
        ("c\\u006cosed", OrderStatus::Closed),
    ];
    for (text, status) in statuses {
        order(&format!(r#"[{{"type":"{text}","order_id":"1","symbol":"x"}}]"#), |update| {
            assert_eq!(update.status, status, "{text}");
        });
    }
    let types = [
        ("exchange limit", OrderType::Limit),
        ("limit", OrderType::Limit),
        ("auction-only limit", OrderType::AuctionOnlyLimit),
        ("market buy", OrderType::MarketBuy),
        ("market sell", OrderType::MarketSell),
        ("indication-of-interest limit", OrderType::IndicationOfInterest),
        ("block_trade", OrderType::BlockTrade),
    ];
    for (text, order_type) in types {
        order(
            &format!(r#"[{{"type":"booked","order_id":"1","symbol":"x","order_type":"{text}"}}]"#),
            |update| {
                assert_eq!(update.order_type, Some(order_type), "{text}");
            },
        );
    }
    let liquidities =
        [("Maker", Liquidity::Maker), ("Taker", Liquidity::Taker), ("Auction", Liquidity::Auction)];
    for (text, liquidity) in liquidities {
        let frame = format!(
            r#"[{{"type":"fill","order_id":"1","symbol":"x","fill":{{"trade_id":"1","price":"1","amount":"1","liquidity":"{text}"}}}}]"#
        );
        order(&frame, |update| assert_eq!(update.fill.unwrap().liquidity, Some(liquidity)));
    }
}

/// A fill is the last one if the remaining quantity is zero. If the frame does not state the remaining quantity, the
/// fill is the last one if the order is no longer live. A market order to buy states no quantities and is never live,
/// so none of its fills counts as the last.
#[test]
fn last_fills() {
    let table = [
        (r#""remaining_amount":"0.5","is_live":false"#, OrderStatus::PartiallyFilled),
        (r#""remaining_amount":"0.00","is_live":true"#, OrderStatus::Filled),
        (r#""original_amount":"1","remaining_amount":"","is_live":false"#, OrderStatus::Filled),
        (r#""original_amount":"1","is_live":false"#, OrderStatus::Filled),
        (r#""is_live":false"#, OrderStatus::PartiallyFilled),
        (r#""is_live":true"#, OrderStatus::PartiallyFilled),
        (r#""is_hidden":false"#, OrderStatus::PartiallyFilled),
    ];
    for (members, status) in table {
        order(&format!(r#"[{{"type":"fill","order_id":"1","symbol":"x",{members}}}]"#), |update| {
            assert_eq!(update.status, status, "{members}");
        });
    }
}

/// The id of an API key identifies the key, so only `reveal` shows it.
#[test]
fn ids_of_keys_are_not_shown() {
    let mut scratch = Scratch::new();
    let frame = r#"[{"type":"closed","order_id":"1","symbol":"x","api_session":"account-Zz9"}]"#;
    order(frame, |update| {
        let session = update.event.unwrap().api_session.unwrap();
        assert_eq!(session.reveal().to_string(), "account-Zz9");
        let shown = format!("{update:?} {}", serde_json::to_string(update).unwrap());
        assert!(!shown.contains("Zz9"), "{shown}");
    });
    // `Debug` hides ids in malformed and unknown frames and elements too.
    for frame in [
        r#"[{"type":"closed","order_id":"1","symbol":"x","api_session":"account-Zz9"}]"#,
        r#"[{"type":"closed","order_id":"x","symbol":"x","api_session":"account-Zz9"}]"#,
        r#"{"type":"subscription_ack","accountId":1,"apiSessionFilter":["account-Zz9"],"extra":[]}"#,
        r#"{"type":"later","api_session":"account-Zz9"}"#,
        r#"{"api_session":"account-Zz9"}"#,
    ] {
        let event = Replay::new(Endpoint::OrderEventsV1).event(frame, &mut scratch).unwrap().unwrap();
        let shown = format!("{event:?} {:?} {:?}", EventBuf::from(&event), event.parts().collect::<Vec<_>>());
        assert!(!shown.contains("Zz9"), "{shown}");
    }
}

/// The report of a malformed element has the reason and the offset in the element. The other elements are still read.
#[test]
fn elements_that_cannot_be_read() {
    use DecodeErrorKind::{Decimal, Escape, Integer, Missing, Negative, NotAnObject, Precision, Type};
    #[rustfmt::skip]
    let table = [
        ("^5", NotAnObject, None),
        ("^null", NotAnObject, None),
        (r#"^"closed""#, NotAnObject, None),
        ("^[ 1 ]", NotAnObject, None),
        ("{^}", Missing, Some("type")),
        (r#"{"type":^5}"#, Type, Some("type")),
        (r#"{"type":"closed","symbol":"x"^}"#, Missing, Some("order_id")),
        (r#"{"type":"closed","order_id":"^12x","symbol":"x"}"#, Integer, Some("order_id")),
        (r#"{"type":"closed","order_id":"^18446744073709551616","symbol":"x"}"#, Integer, Some("order_id")),
        (r#"{"type":"closed","order_id":^-1,"symbol":"x"}"#, Integer, Some("order_id")),
        (r#"{"type":"closed","order_id":"1","symbol":"^\u0078"}"#, Escape, Some("symbol")),
        (r#"{"type":"fill","order_id":"1","symbol":"x","remaining_amount":"^-1"}"#, Negative, Some("remaining_amount")),
        (r#"{"type":"closed","order_id":"1","symbol":"x","original_price":"^x"}"#, Decimal, Some("original_price")),
        (r#"{"type":"closed","order_id":"1","symbol":"x","price":"^0.1234567890123456789"}"#, Precision, Some("price")),
        (r#"{"type":"fill","order_id":"1","symbol":"x","is_live":"^no"}"#, Type, Some("is_live")),
        (r#"{"type":"fill","order_id":"1","symbol":"x","fill":"^all"}"#, Type, Some("fill")),
        (r#"{"type":"fill","order_id":"1","symbol":"x","fill":{"trade_id":"1","price":"1"^}}"#, Missing, Some("amount")),
        (r#"{"type":"fill","order_id":"1","symbol":"x","fill":{"trade_id":"^t","price":"1","amount":"1"}}"#, Integer, Some("trade_id")),
    ];
    let good = r#"{"type":"closed","order_id":"1","symbol":"x"}"#;
    for (marked, kind, member) in table {
        let (bad, offset) = unmarked(marked);
        let frame = format!("[{good}, {bad} ,{good}]");
        testkit::oracle::check_everywhere(&frame, &mut Scratch::new());
        elements(&frame, |elements| {
            let [OrderReport::Update(_), OrderReport::Malformed { element, error }, OrderReport::Update(_)] =
                elements
            else {
                panic!("{elements:?}")
            };
            assert_eq!(element.as_str(), bad);
            let name = error.member().map(|member| member.to_string());
            assert_eq!((error.kind(), error.offset(), name.as_deref()), (kind, offset, member), "{bad}");
        });
    }
}

#[test]
fn refusals() {
    use DecodeErrorKind::{NotAnObject, Syntax, TooDeep, TrailingText, UnexpectedEnd};
    #[rustfmt::skip]
    let table = [
        (r#"^"closed""#, NotAnObject, None),
        (r#"[{"type":"closed"}^"#, UnexpectedEnd, None),
        ("[1 ^2]", Syntax, None),
        ("[] ^[]", TrailingText, None),
        ("[[[[[[[[[[[[[[[[^[1]]]]]]]]]]]]]]]]]", TooDeep, None),
    ];
    for (marked, kind, member) in table {
        refuses(Endpoint::OrderEventsV1, marked, kind, member);
    }
}
