//! Tests how handwritten frames of archived market data decode: every kind of message with every member, and every
//! kind of refusal. Also tests how `Endpoint::guess` finds the endpoint of a frame.

use gemini_ws::{
    ChangeReason, DecodeError, DecodeErrorKind, Endpoint, MakerSide, MarketEntry, Message, Row, Scratch,
    Side, Taker,
};
use serde_json::{Value, json};
use testkit::expect::{refuses, refuses_row, unmarked};

/// Decodes the frame of each row, and compares the message with the expected one, which lists all members.
fn says(endpoint: Endpoint, table: &[(&str, Value)]) {
    for (frame, expected) in table {
        testkit::expect::says(endpoint, frame, expected);
    }
}

#[test]
fn l2_updates() {
    says(
        Endpoint::MarketDataV2,
        &[
            (
                r#"{"type":"l2_updates","symbol":"ETHUSD","changes":[["sell","2501.75","0"],["buy","2500.00","12.5"],["sell","2502.00",0.125],["buy",1.5e+2,3E-8]]}"#,
                json!({
                    "kind": "l2_updates", "symbol": "ETHUSD",
                    "bids": [{"price": "2500.00", "quantity": "12.5"}, {"price": "150", "quantity": "0.00000003"}],
                    "asks": [{"price": "2501.75", "quantity": "0"}, {"price": "2502.00", "quantity": "0.125"}],
                }),
            ),
            (
                r#"{"type":"l2_updates","symbol":"ETHUSD","changes":[],"trades":[{"type":"trade","symbol":"ETHUSD","event_id":9007199254740993,"timestamp":1802000000123,"price":"2500","quantity":"2","side":"sell"}],"auction_events":[{"type":"auction_result","symbol":"ETHUSD","time_ms":1802000000000,"result":"failure"}]}"#,
                json!({
                    "kind": "l2_updates", "symbol": "ETHUSD", "bids": [], "asks": [],
                    "trades": [{
                        "symbol": "ETHUSD", "event_time": 1_802_000_000_123_000_000_i64,
                        "trade_id": 9_007_199_254_740_993_u64, "event_id": 9_007_199_254_740_993_u64,
                        "price": "2500", "quantity": "2", "taker": "sell",
                    }],
                    "auction_events": [{
                        "symbol": "ETHUSD", "stage": "result", "time": 1_802_000_000_000_000_000_i64,
                        "result": "failure",
                    }],
                }),
            ),
            (
                r#"{"type":"l2_updates","symbol":"ZECETH","changes":[["b\u0075y","1","2"]],"trades":[],"auction_events":null}"#,
                json!({
                    "kind": "l2_updates", "symbol": "ZECETH", "bids": [{"price": "1", "quantity": "2"}],
                    "asks": [], "trades": [],
                }),
            ),
        ],
    );
    let initial = |members: &str| {
        let frame = format!(r#"{{"type":"l2_updates","symbol":"X","changes":[]{members}}}"#);
        let mut scratch = Scratch::new();
        let message = Endpoint::MarketDataV2.decode(&frame, &mut scratch);
        let Ok(Message::L2Updates(updates)) = message else { panic!("{frame}") };
        updates.looks_initial()
    };
    let table = [
        ("", false),
        (r#","trades":[]"#, false),
        (r#","auction_events":[]"#, true),
        (r#","trades":null"#, false),
    ];
    for (members, expected) in table {
        assert_eq!(initial(members), expected, "{members}");
    }
}

#[test]
fn trades() {
    let trade = |trade_id: u64, event_id: u64, taker: &str| {
        json!({
            "kind": "trade", "symbol": "ETHUSD", "event_time": 1_802_000_000_456_000_000_i64,
            "trade_id": trade_id, "event_id": event_id, "price": "2500.01", "quantity": "0.3", "taker": taker,
        })
    };
    let table = [
        (
            r#""event_id":9007199254740995,"side":"sell""#,
            trade(9_007_199_254_740_995, 9_007_199_254_740_995, "sell"),
        ),
        (r#""eventid":5,"tid":7,"side":"block""#, trade(7, 5, "block")),
        (r#""eventId":5,"tid":null,"side":"s\u0065ll""#, trade(5, 5, "sell")),
        (r#""event_id":5,"side":"nobody""#, trade(5, 5, "nobody")),
    ];
    for (members, expected) in table {
        let frame = format!(
            r#"{{"type":"trade","symbol":"ETHUSD",{members},"timestamp":1802000000456,"price":"2500.01","quantity":"0.3"}}"#
        );
        says(Endpoint::MarketDataV2, &[(&frame, expected)]);
    }
    let takers = [
        ("buy", Taker::Buyer),
        ("sell", Taker::Seller),
        ("auction", Taker::Auction),
        ("block", Taker::Block),
    ];
    for (side, taker) in takers {
        let frame = format!(
            r#"{{"type":"trade","symbol":"X","event_id":1,"timestamp":1,"price":"1","quantity":"1","side":"{side}"}}"#
        );
        let mut scratch = Scratch::new();
        let message = Endpoint::MarketDataV2.decode(&frame, &mut scratch);
        let Ok(Message::Trade(trade)) = message else { panic!("{frame}") };
        assert_eq!(trade.taker, taker);
    }
}

#[test]
fn auctions() {
    says(
        Endpoint::MarketDataV2,
        &[
            (
                r#"{"type":"auction_indicative","symbol":"ETHUSD","time_ms":1802000000000,"result":"success","highest_bid_price":"2500","lowest_ask_price":"2501","collar_price":"2500.5","indicative_price":"2500.25","indicative_quantity":"40"}"#,
                json!({
                    "kind": "auction", "symbol": "ETHUSD", "stage": "indicative",
                    "time": 1_802_000_000_000_000_000_i64, "result": "success", "highest_bid_price": "2500",
                    "lowest_ask_price": "2501", "collar_price": "2500.5", "price": "2500.25", "quantity": "40",
                }),
            ),
            (
                r#"{"type":"auction_result","symbol":"ETHUSD","eid":9007199254740993,"time_ms":0,"result":"undecided","highest_bid_price":"","auction_price":"7","auction_quantity":null}"#,
                json!({
                    "kind": "auction", "symbol": "ETHUSD", "stage": "result",
                    "event_id": 9_007_199_254_740_993_u64, "time": 0, "result": "undecided", "price": "7",
                }),
            ),
        ],
    );
}

#[test]
fn candles() {
    let table = [
        ("1m", "one_minute"),
        ("5m", "five_minutes"),
        ("15m", "fifteen_minutes"),
        ("30m", "thirty_minutes"),
        ("1h", "one_hour"),
        ("6h", "six_hours"),
        ("1d", "one_day"),
    ];
    for (width, interval) in table {
        let frame = format!(
            r#"{{"type":"candles_{width}_updates","symbol":"BTCUSD","changes":[[1802000860000,6.9e4,"69010.25",69000.00,0e5,1.5E-7],[-1,1,2,3,4,12345e-18]]}}"#
        );
        let expected = json!({"kind": "candles", "symbol": "BTCUSD", "interval": interval, "candles": [
            {
                "open_time": 1_802_000_860_000_000_000_i64, "open": "69000", "high": "69010.25",
                "low": "69000.00", "close": "0", "volume": "1.5E-7",
            },
            {
                "open_time": -1_000_000, "open": "1", "high": "2", "low": "3", "close": "4",
                "volume": "12345e-18",
            },
        ]});
        says(Endpoint::MarketDataV2, &[(&frame, expected)]);
    }
    says(
        Endpoint::MarketDataV2,
        &[
            (
                r#"{"type":"candles\u005f1d_updates","symbol":"X","changes":[]}"#,
                json!({"kind": "candles", "symbol": "X", "interval": "one_day", "candles": []}),
            ),
            (
                r#"{"type":"candles_2h_updates","symbol":"X"}"#,
                json!({"kind": "unrecognized", "frame": {"type": "candles_2h_updates", "symbol": "X"}}),
            ),
        ],
    );
}

#[test]
fn prices_and_funding_of_perpetuals() {
    says(
        Endpoint::MarketDataV2,
        &[
            (
                r#"{"type":"mark_price_updates","symbol":"BTCGUSDPERP","changes":[{"timestamp":1802000004000000001,"mark_price":"69000.125","spot_index":"69001.50000"},{"timestamp":2,"mark_price":3,"spot_index":4}]}"#,
                json!({"kind": "mark_prices", "symbol": "BTCGUSDPERP", "changes": [
                    {"event_time": 1_802_000_004_000_000_001_i64, "mark_price": "69000.125", "spot_index": "69001.50000"},
                    {"event_time": 2, "mark_price": "3", "spot_index": "4"},
                ]}),
            ),
            (
                r#"{"type":"funding_amount_updates","symbol":"BTCGUSDPERP","changes":[{"timestamp":1802000004000000001,"funding_amount":"-1.2345","funding_date_time":1802004400000000000,"funding_interval_in_minutes":60,"is_realized":false,"funding_rate":"-0.002","mark_price":"69000.125"},{"timestamp":1,"funding_amount":"0.5","funding_date_time":2,"funding_interval_in_minutes":480,"is_realized":true}]}"#,
                json!({"kind": "funding_amounts", "symbol": "BTCGUSDPERP", "changes": [
                    {
                        "event_time": 1_802_000_004_000_000_001_i64, "amount": "-1.2345",
                        "funding_time": 1_802_004_400_000_000_000_i64, "interval_minutes": 60,
                        "realized": false, "rate_percent": "-0.002", "mark_price": "69000.125",
                    },
                    {
                        "event_time": 1, "amount": "0.5", "funding_time": 2, "interval_minutes": 480,
                        "realized": true,
                    },
                ]}),
            ),
        ],
    );
}

#[test]
fn signs_of_life_and_errors() {
    let error = json!({"kind": "error", "reason": "NoSuch\"Pair", "message": "é"});
    let error_text = r#"{"result":"error","reason":"NoSuch\"Pair","message":"\u00e9"}"#;
    let unrecognized = json!({"kind": "unrecognized", "frame": {"type": "somethingNew", "id": 1}});
    let table = [
        (
            Endpoint::MarketDataV2,
            r#"{"type":"heartbeat","timestamp":1802000000789}"#,
            json!({"kind": "heartbeat", "event_time": 1_802_000_000_789_000_000_i64}),
        ),
        (
            Endpoint::MarketDataV1,
            r#"{"type":"heartbeat","socket_sequence":9007199254740993}"#,
            json!({"kind": "heartbeat", "socket_sequence": 9_007_199_254_740_993_u64}),
        ),
        (
            Endpoint::OrderEventsV1,
            r#"{"type":"heartbeat","timestampms":1802000000500,"sequence":3,"trace_id":"abc","socket_sequence":12}"#,
            json!({
                "kind": "heartbeat", "event_time": 1_802_000_000_500_000_000_i64, "socket_sequence": 12,
                "sequence": 3, "trace_id": "abc",
            }),
        ),
        (
            Endpoint::OrderEventsV1,
            r#"{"type":"heartbeat","timestampMs":1}"#,
            json!({"kind": "heartbeat", "event_time": 1_000_000}),
        ),
    ];
    for (endpoint, frame, expected) in table {
        says(endpoint, &[(frame, expected)]);
    }
    for endpoint in [Endpoint::MarketDataV2, Endpoint::MarketDataV1, Endpoint::OrderEventsV1] {
        says(
            endpoint,
            &[
                (error_text, error.clone()),
                (r#"{"result":"error","reason":""}"#, json!({"kind": "error", "reason": ""})),
                (r#"{"type":"somethingNew","id":1}"#, unrecognized.clone()),
                ("{}", json!({"kind": "unrecognized", "frame": {}})),
            ],
        );
    }
}

#[test]
fn market_updates() {
    says(
        Endpoint::MarketDataV1,
        &[
            (
                r#"{"type":"update","eventId":9007199254740993,"socket_sequence":0,"events":[{"type":"change","reason":"initial","price":"69000.00","delta":"0.5","remaining":"0.5","side":"bid"},{"type":"change","symbol":"ETHUSD","side":"ask","price":"2500","remaining":"0","reason":"top-of-book"},{"type":"change","side":"\u0061sk","price":1,"remaining":"2","delta":"-0.25","reason":"whim"}]}"#,
                json!({
                    "kind": "market_update", "event_id": 9_007_199_254_740_993_u64, "socket_sequence": 0,
                    "symbol": "btcusd",
                    "entries": [
                        {
                            "kind": "change", "side": "buy", "price": "69000.00", "remaining": "0.5",
                            "delta": "0.5", "reason": "initial",
                        },
                        {
                            "kind": "change", "symbol": "ETHUSD", "side": "sell", "price": "2500",
                            "remaining": "0", "reason": "top-of-book",
                        },
                        {
                            "kind": "change", "side": "sell", "price": "1", "remaining": "2",
                            "delta": "-0.25", "reason": "whim",
                        },
                    ],
                }),
            ),
            (
                r#"{"type":"update","eventId":11,"timestamp":1802000540,"timestampms":1802000540321,"socket_sequence":6,"events":[{"type":"trade","tid":12,"price":"69000.25","amount":"3","makerSide":"auction"},{"type":"block_trade","symbol":"ETHUSD","tid":9007199254740993,"price":"2500","amount":"100"},{"type":"auction_open","auction_open_ms":1,"auction_time_ms":2,"first_indicative_ms":3,"last_cancel_time_ms":4},{"type":"auction_indicative","eid":11,"result":"success","time_ms":5,"highest_bid_price":"6","lowest_ask_price":"7","collar_price":"8","indicative_price":"9","indicative_quantity":"10"},{"type":"auction_result","symbol":"ETHUSD","result":"failure","time_ms":5,"auction_price":""},{"type":"halt","until":[1,null]}]}"#,
                json!({
                    "kind": "market_update", "event_id": 11, "socket_sequence": 6, "symbol": "btcusd",
                    "timestamp": 1_802_000_540_000_000_000_i64, "event_time": 1_802_000_540_321_000_000_i64,
                    "entries": [
                        {"kind": "trade", "trade_id": 12, "price": "69000.25", "quantity": "3", "maker_side": "auction"},
                        {
                            "kind": "block_trade", "symbol": "ETHUSD", "trade_id": 9_007_199_254_740_993_u64,
                            "price": "2500", "quantity": "100",
                        },
                        {
                            "kind": "auction_open", "opened": 1_000_000, "auction_time": 2_000_000,
                            "first_indicative_time": 3_000_000, "last_cancel_time": 4_000_000,
                        },
                        {
                            "kind": "auction", "stage": "indicative", "event_id": 11, "result": "success",
                            "time": 5_000_000, "highest_bid_price": "6", "lowest_ask_price": "7",
                            "collar_price": "8", "price": "9", "quantity": "10",
                        },
                        {
                            "kind": "auction", "symbol": "ETHUSD", "stage": "result", "result": "failure",
                            "time": 5_000_000,
                        },
                        {"kind": "unrecognized", "frame": {"type": "halt", "until": [1, null]}},
                    ],
                }),
            ),
        ],
    );
}

/// Tests the texts of entries. The frames name no symbol, so the symbol of each message is `None`.
#[test]
fn market_texts() {
    let entry = |members: &str, see: &dyn Fn(&MarketEntry<'_>)| {
        let frame = format!(
            r#"{{"type":"update","eventId":1,"socket_sequence":1,"events":[{{"price":"1","remaining":"2","amount":"2","tid":1,{members}}}]}}"#
        );
        let mut scratch = Scratch::new();
        let message = Endpoint::MarketDataV1.decode(&frame, &mut scratch);
        let Ok(Message::MarketUpdate(update)) = message else { panic!("{frame}") };
        assert_eq!(update.symbol, None, "nobody has named it");
        see(&update.entries.iter().next().unwrap());
    };
    let reasons = [
        ("place", ChangeReason::Place),
        ("trade", ChangeReason::Trade),
        ("cancel", ChangeReason::Cancel),
        ("initial", ChangeReason::Initial),
        ("top-of-book", ChangeReason::TopOfBook),
    ];
    for (text, reason) in reasons {
        for (side_text, side) in [("bid", Side::Buy), ("ask", Side::Sell)] {
            entry(&format!(r#""type":"change","side":"{side_text}","reason":"{text}""#), &|entry| {
                let MarketEntry::Change(change) = entry else { panic!("{entry:?}") };
                assert_eq!((change.side, change.reason), (side, reason));
            });
        }
    }
    for (text, maker) in [("bid", MakerSide::Bid), ("ask", MakerSide::Ask), ("auction", MakerSide::Auction)] {
        entry(&format!(r#""type":"trade","makerSide":"{text}""#), &|entry| {
            let MarketEntry::Trade(trade) = entry else { panic!("{entry:?}") };
            assert_eq!(trade.maker_side, Some(maker));
        });
    }
}

#[test]
fn refusals_of_v2() {
    use DecodeErrorKind::{Decimal, Integer, Missing, Negative, NotAnObject, Side, Type};
    #[rustfmt::skip]
    let table = [
        (r#"{"type":"l2_updates","changes":[]^}"#, Missing, "symbol"),
        (r#"{"type":"l2_updates","symbol":"X"^}"#, Missing, "changes"),
        (r#"{"type":"l2_updates","symbol":"X","changes":^{}}"#, Type, "changes"),
        (r#"{"type":"l2_updates","symbol":"X","changes":[^{}]}"#, Type, "changes"),
        (r#"{"type":"l2_updates","symbol":"X","changes":[[^1,"1","2"]]}"#, Type, "changes"),
        (r#"{"type":"l2_updates","symbol":"X","changes":[ ["^bid","1","2"]]}"#, Side, "changes"),
        (r#"{"type":"l2_updates","symbol":"X","changes":[["buy","^x","2"]]}"#, Decimal, "changes"),
        (r#"{"type":"l2_updates","symbol":"X","changes":[["buy","1","^2e1"]]}"#, Decimal, "changes"),
        (r#"{"type":"l2_updates","symbol":"X","changes":[["buy",^-1,"2"]]}"#, Negative, "changes"),
        (r#"{"type":"l2_updates","symbol":"X","changes":[["buy","1",^null]]}"#, Type, "changes"),
        (r#"{"type":"l2_updates","symbol":"X","changes":[],"trades":^{}}"#, Type, "trades"),
        (r#"{"type":"l2_updates","symbol":"X","changes":[],"auction_events":"^x"}"#, Type, "auction_events"),
        (r#"{"type":"trade","symbol":"X","timestamp":1,"price":"1","quantity":"2","side":"buy"^}"#, Missing, "event_id"),
        (r#"{"type":"trade","symbol":"X","eventid":^-1,"timestamp":1,"price":"1","quantity":"2","side":"buy"}"#, Integer, "eventid"),
        (r#"{"type":"trade","symbol":"X","event_id":1,"timestamp":1,"price":"^","quantity":"2","side":"buy"}"#, Decimal, "price"),
        (r#"{"type":"auction_result","symbol":"X","time_ms":1^}"#, Missing, "result"),
        (r#"{"type":"auction_result","symbol":"X","time_ms":1,"result":"success","indicative_price":"^-1"}"#, Negative, "indicative_price"),
        (r#"{"type":"candles_1m_updates","symbol":"X","changes":[[^1.0,2,3,4,5,6]]}"#, Integer, "changes"),
        (r#"{"type":"candles_1m_updates","symbol":"X","changes":[[^"1",2,3,4,5,6]]}"#, Type, "changes"),
        (r#"{"type":"mark_price_updates","symbol":"X","changes":[^[]]}"#, Type, "changes"),
        (r#"{"type":"funding_amount_updates","symbol":"X","changes":[{"timestamp":1,"funding_amount":"1","funding_date_time":1,"funding_interval_in_minutes":1^}]}"#, Missing, "is_realized"),
        (r#"{"type":"funding_amount_updates","symbol":"X","changes":[{"timestamp":1,"funding_amount":"1","funding_date_time":1,"funding_interval_in_minutes":1,"is_realized":^1}]}"#, Type, "is_realized"),
    ];
    for (marked, kind, member) in table {
        refuses(Endpoint::MarketDataV2, marked, kind, Some(member));
    }
    #[rustfmt::skip]
    let rows = [
        (r#"{"type":"candles_1m_updates","symbol":"X","changes":[[1,2,3,4,5,6],[^1.0,2,3,4,5,6]]}"#, Integer, None),
        (r#"{"type":"mark_price_updates","symbol":"X","changes":[^[],{"timestamp":1,"mark_price":"1"}]}"#, NotAnObject, None),
        (r#"{"type":"funding_amount_updates","symbol":"X","changes":[{"timestamp":1,"funding_amount":"1","funding_date_time":1,"is_realized":true},{"timestamp":1,"funding_amount":"1","funding_date_time":1,"is_realized":^1}]}"#, Type, Some("is_realized")),
    ];
    for (marked, kind, member) in rows {
        refuses_row(Endpoint::MarketDataV2, marked, kind, member);
    }
    refuses(Endpoint::MarketDataV2, "^[]", DecodeErrorKind::NotAnObject, None);
}

#[test]
fn refusals_of_v1() {
    use DecodeErrorKind::{Escape, Integer, Missing, Negative, Side, Type};
    #[rustfmt::skip]
    let frames = [
        (r#"{"type":"update","socket_sequence":0,"events":[]^}"#, Missing, "eventId"),
        (r#"{"type":"update","eventId":1,"events":[]^}"#, Missing, "socket_sequence"),
        (r#"{"type":"update","eventId":1,"socket_sequence":0^}"#, Missing, "events"),
        (r#"{"type":"update","eventId":"^1 ","socket_sequence":0,"events":[]}"#, Integer, "eventId"),
        (r#"{"type":"update","eventId":1,"socket_sequence":0,"events":[^"change"]}"#, Type, "events"),
        (r#"{"type":"heartbeat"^}"#, Missing, "socket_sequence"),
    ];
    #[rustfmt::skip]
    let entries = [
        (r#"{"side":"bid"^}"#, Missing, "type"),
        (r#"{"type":^5}"#, Type, "type"),
        (r#"{"type":"change","symbol":"^\u0058","side":"bid"}"#, Escape, "symbol"),
        (r#"{"type":"change","side":"^buy","price":"1","remaining":"2","reason":"place"}"#, Side, "side"),
        (r#"{"type":"change","side":"bid","price":"1","reason":"place"^}"#, Missing, "remaining"),
        (r#"{"type":"change","side":"bid","price":"1","remaining":"^-2","reason":"place"}"#, Negative, "remaining"),
        (r#"{"type":"change","side":"bid","price":"1","remaining":"2","delta":"-1"^}"#, Missing, "reason"),
    ];
    for (marked, kind, member) in frames {
        refuses(Endpoint::MarketDataV1, marked, kind, Some(member));
    }
    for (marked, kind, member) in entries {
        let frame = format!(
            r#"{{"type":"update","eventId":1,"socket_sequence":0,"events":[{{"type":"halt"}},{marked}]}}"#
        );
        refuses(Endpoint::MarketDataV1, &frame, kind, Some(member));
    }
}

#[test]
fn whose_frame_it_is() {
    use Endpoint::{MarketDataV1, MarketDataV2, OrderEventsV1, Streams};
    #[rustfmt::skip]
    let table = [
        (r#"{"E":1,"s":"x","t":1,"p":"1","q":"2","m":true}"#, Some(Streams)),
        (r#"{"e":"depthUpdate","E":1,"s":"x","U":1,"u":2,"b":[],"a":[]}"#, Some(Streams)),
        (r#"{"id":1,"status":200}"#, Some(Streams)),
        (r#"{"type":"settlements","settlements":[]}"#, Some(Streams)),
        ("{}", Some(Streams)),
        (r#"{"type":"l2_updates","symbol":"X","changes":[]}"#, Some(MarketDataV2)),
        (r#"{"changes":[],"symbol":"X","type":"candles_1m_updates"}"#, Some(MarketDataV2)),
        (r#"{"type":"trade"}"#, Some(MarketDataV2)),
        (r#"{"type":"heartbeat","timestamp":1}"#, Some(MarketDataV2)),
        (r#"{"type":"heartbeat","socket_sequence":1}"#, Some(MarketDataV1)),
        (r#"{"eventId":1,"type":"update"}"#, Some(MarketDataV1)),
        (r#"{"eventId":1,"type":"\u0075pdate"}"#, Some(MarketDataV1)),
        (r#"{"type":"heartbeat","timestampms":1,"sequence":0,"trace_id":"x","socket_sequence":1}"#, Some(OrderEventsV1)),
        (r#"{"type":"subscription_ack"}"#, Some(OrderEventsV1)),
        (" [ ]", Some(OrderEventsV1)),
        (r#"{"result":"error","reason":"x"}"#, None),
        (r#"{"type":"news","socket_sequence":1}"#, None),
        ("", None),
        ("5", None),
        (r#"{"type":"update""#, None),
    ];
    for (frame, endpoint) in table {
        assert_eq!(Endpoint::guess(frame), endpoint, "{frame}");
    }
}

/// Checks the report of a malformed element. `^` marks the offset of the error, counted from the start of the
/// element.
fn is_alone(
    element: &str,
    error: DecodeError,
    (marked, kind, member): (&str, DecodeErrorKind, Option<&str>),
) {
    let (text, offset) = unmarked(marked);
    assert_eq!(element, text);
    let name = error.member().map(|member| member.to_string());
    assert_eq!((error.kind(), error.offset(), name.as_deref()), (kind, offset, member), "{marked}");
}

#[test]
fn a_malformed_trade_or_auction_of_v2_leaves_the_book_alone() {
    use DecodeErrorKind::{Decimal, Integer, Missing, Negative, NotAnObject, Symbol, Type};
    const TRADE: &str =
        r#"{"type":"trade","symbol":"X","event_id":1,"price":"1","quantity":"2","side":"buy"}"#;
    const AUCTION: &str = r#"{"type":"auction_result","symbol":"X","time_ms":1,"result":"failure"}"#;
    #[rustfmt::skip]
    let trades = [
        (r#"{"event_id":1,"timestamp":1,"price":"1","quantity":"2","side":"buy"^}"#, Missing, Some("symbol")),
        (r#"{"type":"trade","symbol":"^","event_id":1,"price":"1","quantity":"2","side":"buy"}"#, Symbol, Some("symbol")),
        (r#"{"type":"trade","symbol":"X","event_id":^-1,"price":"1","quantity":"2","side":"buy"}"#, Integer, Some("event_id")),
        (r#"{"type":"trade","symbol":"X","event_id":1,"price":"^x","quantity":"2","side":"buy"}"#, Decimal, Some("price")),
        (r#"{"type":"trade","symbol":"X","event_id":1,"price":"1","quantity":"^-2","side":"buy"}"#, Negative, Some("quantity")),
        (r#"{"type":"trade","symbol":"X","event_id":1,"price":"1","quantity":"2","side":^[7]}"#, Type, Some("side")),
        ("^7", NotAnObject, None),
        ("^null", NotAnObject, None),
        ("^[{}]", NotAnObject, None),
    ];
    #[rustfmt::skip]
    let auctions = [
        (r#"{"type":"^halt","symbol":"X","result":"failure"}"#, Type, Some("type")),
        (r#"{"symbol":"X","result":"failure"^}"#, Missing, Some("type")),
        (r#"{"type":"auction_result","symbol":"X","time_ms":1^}"#, Missing, Some("result")),
        (r#"{"type":"auction_result","result":"failure"^}"#, Missing, Some("symbol")),
        (r#"{"type":"auction_indicative","symbol":"X","result":"success","indicative_price":"^-1"}"#, Negative, Some("indicative_price")),
        (r#"^"auction""#, NotAnObject, None),
    ];
    let mut scratch = Scratch::new();
    let mut check = |trade: &str, auction: &str| {
        let frame = format!(
            r#"{{"type":"l2_updates","symbol":"X","changes":[["buy","9","1"]],"trades":[{TRADE}, {trade} ,{TRADE}],"auction_events":[{AUCTION},{auction} ,{AUCTION}]}}"#
        );
        let Ok(Message::L2Updates(it)) = Endpoint::MarketDataV2.decode(&frame, &mut scratch) else {
            panic!("{frame}")
        };
        assert_eq!((it.symbol, it.bids.len(), it.looks_initial()), ("X", 1, true));
        let trades: Vec<_> = it.trades.into_iter().flatten().collect();
        let auctions: Vec<_> = it.auction_events.into_iter().flatten().collect();
        let ([first, trade, last], [before, auction, behind]) = (&trades[..], &auctions[..]) else {
            panic!("{frame}")
        };
        assert!([first, last].iter().all(|row| matches!(row, Row::Read(trade) if trade.trade_id == 1)));
        assert!([before, behind].iter().all(|row| matches!(row, Row::Read(it) if it.symbol == Some("X"))));
        match (trade, auction) {
            (Row::Malformed { element, error }, Row::Read(_))
            | (Row::Read(_), Row::Malformed { element, error }) => (element.as_str().to_owned(), *error),
            _ => panic!("{frame}"),
        }
    };
    for row in trades {
        let (text, error) = check(&unmarked(row.0).0, AUCTION);
        is_alone(&text, error, row);
    }
    for row in auctions {
        let (text, error) = check(TRADE, &unmarked(row.0).0);
        is_alone(&text, error, row);
    }
}

#[test]
fn a_malformed_trade_or_auction_of_v1_leaves_the_book_alone() {
    use DecodeErrorKind::{Decimal, Escape, Integer, Missing, Type};
    #[rustfmt::skip]
    let entries = [
        (r#"{"type":"trade","tid":^-1,"price":"1","amount":"2"}"#, Integer, Some("tid")),
        (r#"{"tid":1,"price":"^x","amount":"2","type":"trade"}"#, Decimal, Some("price")),
        (r#"{"type":"trade","symbol":"^\u0058","tid":1,"price":"1","amount":"2"}"#, Escape, Some("symbol")),
        (r#"{"type":"block_trade","tid":1,"price":"1"^}"#, Missing, Some("amount")),
        (r#"{"type":"trade","tid":1,"price":"1","amount":"2","makerSide":^true}"#, Type, Some("makerSide")),
        (r#"{"type":"auction_open","symbol":^5}"#, Type, Some("symbol")),
        (r#"{"type":"auction_result","time_ms":1^}"#, Missing, Some("result")),
        (r#"{"type":"auction_result","time_ms":1,"result":"success","indicative_quantity":"^x"}"#, Decimal, Some("indicative_quantity")),
    ];
    let mut scratch = Scratch::new();
    for row in entries {
        let change = r#"{"type":"change","side":"bid","price":"9","remaining":"1","reason":"trade"}"#;
        let frame = format!(
            r#"{{"type":"update","eventId":1,"socket_sequence":0,"events":[{change},{} ,{change}]}}"#,
            unmarked(row.0).0
        );
        let Ok(Message::MarketUpdate(it)) = Endpoint::MarketDataV1.decode(&frame, &mut scratch) else {
            panic!("{frame}")
        };
        let entries: Vec<_> = it.entries.iter().collect();
        let [MarketEntry::Change(_), MarketEntry::Malformed { element, error }, MarketEntry::Change(_)] =
            entries[..]
        else {
            panic!("{entries:?}")
        };
        is_alone(element.as_str(), error, row);
    }
}
