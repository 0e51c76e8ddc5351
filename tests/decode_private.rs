//! Tests how handwritten frames of private streams decode: every kind of message with every member, and every kind of
//! refusal.

use gemini_ws::{
    ContractOutcome, DecodeErrorKind, Endpoint, Liquidity, Message, OrderReport, OrderStatus, OrderType,
    QuoteStatus, QuoteStep, RfqStatus, Scratch, Side, decode,
};
use serde_json::{Value, json};
use testkit::expect::{refuses, refuses_row, unmarked};

/// Decodes the frame of each row, and compares the message with the expected one, which lists all members.
fn says(table: &[(&str, Value)]) {
    for (frame, expected) in table {
        testkit::expect::says(Endpoint::Streams, frame, expected);
    }
}

#[test]
fn order_updates() {
    says(&[
        (
            r#"{"e":"orderUpdate","E":1802000005000000030,"s":"GEMI-SNOW2703-YES","i":81234567890123461,"h":"ab-cd","c":"mine-3","S":"BUY","o":"LIMIT","X":"FILLED","O":"YES","p":"0.43","P":"0","q":"12","z":"0","Z":"7.5","L":"0.42","a":"0.4250000000000000000000001","t":2900000000000199,"n":"0.03","m":false,"T":1802000005000000031}"#,
            json!({
                "kind": "order_update", "order_id": 81_234_567_890_123_461_u64, "symbol": "GEMI-SNOW2703-YES",
                "status": "FILLED", "event_time": 1_802_000_005_000_000_030_i64,
                "transaction_time": 1_802_000_005_000_000_031_i64, "client_order_id": "mine-3", "side": "buy",
                "order_type": "LIMIT", "price": "0.43", "stop_price": "0", "quantity": "12",
                "remaining_quantity": "0", "average_price": "0.4250000000000000000000001",
                "fill": {
                    "trade_id": 2_900_000_000_000_199_u64, "price": "0.42", "quantity": "7.5", "fee": "0.03",
                    "liquidity": "Taker",
                },
                "outcome": "YES", "alias": "ab-cd",
            }),
        ),
        // In a frame without a fill, `Z` is the quantity of all executions so far. Half of the members are missing.
        (
            r#"{"e":"orderUpdate","E":5,"s":"ETHUSD","i":9007199254740993,"X":"CANCELED","r":"MakerOrCancelWouldTake","Z":"1.75","T":6}"#,
            json!({
                "kind": "order_update", "order_id": 9_007_199_254_740_993_u64, "symbol": "ETHUSD",
                "status": "CANCELED", "event_time": 5, "transaction_time": 6, "executed_quantity": "1.75",
                "reason": "MakerOrCancelWouldTake",
            }),
        ),
        // `X` alone identifies the kind of the frame. `Z` is the quantity of all executions so far. Without `Z`, the
        // price or the id of an execution also shows that an execution exists, unless the price or id is zero.
        (
            r#"{"E":5,"s":"ETHUSD","i":1,"X":"NEW","L":"2.50","Z":"3"}"#,
            json!({
                "kind": "order_update", "order_id": 1, "symbol": "ETHUSD", "status": "NEW", "event_time": 5,
                "executed_quantity": "3",
            }),
        ),
        (
            r#"{"E":5,"s":"ETHUSD","i":1,"X":"OPEN","t":7,"L":"0.0","m":true}"#,
            json!({
                "kind": "order_update", "order_id": 1, "symbol": "ETHUSD", "status": "OPEN", "event_time": 5,
                "fill": {"trade_id": 7, "liquidity": "Maker"},
            }),
        ),
        (
            r#"{"E":5,"s":"ETHUSD","i":1,"X":"OPEN","t":0,"L":"0","n":"0","m":true}"#,
            json!({
                "kind": "order_update", "order_id": 1, "symbol": "ETHUSD", "status": "OPEN", "event_time": 5,
            }),
        ),
        (
            r#"{"E":5,"s":"ETHUSD","i":1,"X":"FILLED","t":0,"L":"0","Z":"0","f":"GTC","N":"USD"}"#,
            json!({
                "kind": "order_update", "order_id": 1, "symbol": "ETHUSD", "status": "FILLED", "event_time": 5,
                "time_in_force": "GTC", "fill": {"fee_currency": "USD"},
            }),
        ),
        (
            r#"{"e":"executionReport","E":5,"s":"ETHUSD","i":1,"X":"PARTIALLY_FILLED","x":"TRADE","f":[1]}"#,
            json!({
                "kind": "order_update", "order_id": 1, "symbol": "ETHUSD", "status": "PARTIALLY_FILLED",
                "event_time": 5, "fill": {},
            }),
        ),
        // Empty and null members count as missing. Without an execution, the member that distinguishes maker and
        // taker has no meaning.
        (
            r#"{"e":"orderUpdate","E":5,"s":"X","i":1,"c":"","S":"","o":"","X":"OPEN","O":"","p":"","P":"","q":"","z":"","Z":"","L":"","a":"","t":null,"n":"","m":true,"r":"","h":"","T":null}"#,
            json!({"kind": "order_update", "order_id": 1, "symbol": "X", "status": "OPEN", "event_time": 5}),
        ),
        // Escapes, and unknown texts.
        (
            r#"{"\u0065":"order\u0055pdate","E":5,"s":"X","i":1,"c":"\"q\" \u00e9","S":"\u0053ELL","o":"PEGGED","X":"SLEEPING","r":"\\","O":"MAYBE"}"#,
            json!({
                "kind": "order_update", "order_id": 1, "symbol": "X", "status": "SLEEPING", "event_time": 5,
                "client_order_id": "\"q\" é", "side": "sell", "order_type": "PEGGED", "reason": "\\",
                "outcome": "MAYBE",
            }),
        ),
    ]);
}

/// Tests the texts for which the enums of orders have variants. Any other text decodes to `Other`.
#[test]
fn order_texts() {
    let read = |member: &str, text: &str, see: &dyn Fn(&gemini_ws::OrderUpdate<'_>)| {
        let last = if member == "X" { String::new() } else { String::from(r#","X":"FILLED""#) };
        let frame = format!(r#"{{"e":"orderUpdate","E":1,"s":"X","i":1,"{member}":"{text}"{last}}}"#);
        let mut scratch = Scratch::new();
        let Ok(Message::OrderUpdate(update)) = decode(&frame, &mut scratch) else { panic!("{frame}") };
        see(&update);
    };
    let statuses = [
        ("NEW", OrderStatus::New),
        ("OPEN", OrderStatus::Open),
        ("PARTIALLY_FILLED", OrderStatus::PartiallyFilled),
        ("FILLED", OrderStatus::Filled),
        ("CANCELED", OrderStatus::Canceled),
        ("REJECTED", OrderStatus::Rejected),
        ("MODIFIED", OrderStatus::Modified),
        ("\\u0046ILLED", OrderStatus::Filled),
    ];
    for (text, status) in statuses {
        read("X", text, &|update| assert_eq!(update.status, status, "{text}"));
    }
    read("X", "filled", &|update| assert!(matches!(update.status, OrderStatus::Other(_))));
    for (text, side) in [("BUY", Side::Buy), ("SELL", Side::Sell), ("sEll", Side::Sell)] {
        read("S", text, &|update| assert_eq!(update.side, Some(side)));
    }
    let types = [
        ("LIMIT", OrderType::Limit),
        ("MARKET", OrderType::Market),
        ("STOP_LIMIT", OrderType::StopLimit),
        ("STOP_MARKET", OrderType::StopMarket),
    ];
    for (text, order_type) in types {
        read("o", text, &|update| assert_eq!(update.order_type, Some(order_type)));
    }
    read("o", "stop", &|update| assert!(matches!(update.order_type, Some(OrderType::Other(_)))));
    for (text, outcome) in [("YES", ContractOutcome::Yes), ("NO", ContractOutcome::No)] {
        read("O", text, &|update| assert_eq!(update.outcome, Some(outcome)));
    }
    let frame = r#"{"E":1,"s":"X","i":1,"X":"FILLED","m":true}"#;
    let mut scratch = Scratch::new();
    let Ok(Message::OrderUpdate(update)) = decode(frame, &mut scratch) else { panic!() };
    assert_eq!(update.fill.unwrap().liquidity, Some(Liquidity::Maker));
}

#[test]
fn order_snapshots() {
    says(&[
        (r#"{"e":"orderSnapshot","orders":[]}"#, json!({"kind": "order_snapshot", "orders": []})),
        (
            r#"{"e":"orderSnapshot","orders":[{"E":5,"s":"ETHUSD","i":1,"X":"OPEN","p":"2500","q":"3"},{"E":5,"s":"ETHUSD","i":"2.","X":"OPEN"},{"e":"orderUpdate","E":7,"s":"BTCUSD","i":3,"X":"PARTIALLY_FILLED","Z":"0.5"}]}"#,
            json!({"kind": "order_snapshot", "orders": [
                {
                    "kind": "update", "order_id": 1, "symbol": "ETHUSD", "status": "OPEN", "event_time": 5,
                    "price": "2500", "quantity": "3",
                },
                {
                    "kind": "malformed", "element": {"E": 5, "s": "ETHUSD", "i": "2.", "X": "OPEN"},
                    "error": {"reason": "integer", "member": "i"},
                },
                {
                    "kind": "update", "order_id": 3, "symbol": "BTCUSD", "status": "PARTIALLY_FILLED",
                    "event_time": 7, "fill": {"quantity": "0.5"},
                },
            ]}),
        ),
    ]);
}

/// The report of a malformed row has the reason and the offset in the row. The other rows are still read.
#[test]
fn rows_that_cannot_be_read() {
    let table = [
        ("^5", DecodeErrorKind::NotAnObject, None),
        ("^null", DecodeErrorKind::NotAnObject, None),
        ("^[]", DecodeErrorKind::NotAnObject, None),
        ("{^}", DecodeErrorKind::Missing, Some("i")),
        (r#"{ "i":1,"s":"x","E":1 ^}"#, DecodeErrorKind::Missing, Some("X")),
        (r#"{"i":^-1,"s":"x","X":"OPEN","E":1}"#, DecodeErrorKind::Integer, Some("i")),
        (r#"{"i":1,"s":"^\u0078","X":"OPEN","E":1}"#, DecodeErrorKind::Escape, Some("s")),
        (r#"{"i":1,"s":"x","X":^[],"E":1}"#, DecodeErrorKind::Type, Some("X")),
        (r#"{"i":1,"s":"x","X":"OPEN","E":1,"p":"^-1"}"#, DecodeErrorKind::Negative, Some("p")),
    ];
    let good = r#"{"i":1,"s":"x","X":"OPEN","E":1}"#;
    for (marked, kind, member) in table {
        let (row, offset) = unmarked(marked);
        let frame = format!(r#"{{"e":"orderSnapshot","orders":[{good}, {row} ,{good}]}}"#);
        let mut scratch = Scratch::new();
        let Ok(Message::OrderSnapshot(snapshot)) = decode(&frame, &mut scratch) else { panic!("{frame}") };
        let rows: Vec<_> = snapshot.orders.iter().map(|order| order.0).collect();
        let [OrderReport::Update(_), OrderReport::Malformed { element, error }, OrderReport::Update(_)] =
            rows[..]
        else {
            panic!("{rows:?}")
        };
        assert_eq!(element.as_str(), row);
        let name = error.member().map(|member| member.to_string());
        assert_eq!((error.kind(), error.offset(), name.as_deref()), (kind, offset, member), "{row}");
    }
}

#[test]
fn balance_updates() {
    says(&[
        (
            r#"{"e":"balanceUpdate","E":1802000006000000000,"u":1802000006000000001,"B":[{"a":"EUR","f":"10.00","c":"12.50"},{"a":"BTC","f":"-0.00000001","c":"1234567.890123456789012345678"}]}"#,
            json!({
                "kind": "balance_update", "event_time": 1_802_000_006_000_000_000_i64,
                "update_time": 1_802_000_006_000_000_001_i64,
                "balances": [
                    {"asset": "EUR", "available": "10.00", "total": "12.50"},
                    {"asset": "BTC", "available": "-0.00000001", "total": "1234567.890123456789012345678"},
                ],
            }),
        ),
        (
            r#"{"e":"balanceUpdate","E":1,"B":[{"a":"USD","f":-3,"c":0.10,"new":{"a":"EUR"}}]}"#,
            json!({
                "kind": "balance_update", "event_time": 1,
                "balances": [{"asset": "USD", "available": "-3", "total": "0.10"}],
            }),
        ),
        (
            r#"{"e":"balanceUpdate","E":1,"u":2,"B":[]}"#,
            json!({"kind": "balance_update", "event_time": 1, "update_time": 2, "balances": []}),
        ),
    ]);
}

#[test]
fn position_reports() {
    says(&[
        (
            r#"{"e":"positionReport","E":1,"u":2,"A":9007199254740993,"P":[{"t":"ec","s":"GEMI-T-NO","a":[{"t":"position","v":"-7.50"},{"t":"settlement_payout","v":"12345678901234567890.12345","c":"usd","o":"NO"}]},{"t":"\u0070erp","s":"BTCGUSDPERP","a":[]}]}"#,
            json!({
                "kind": "position_report", "event_time": 1, "update_time": 2,
                "account_id": 9_007_199_254_740_993_u64,
                "positions": [
                    {"product": "ec", "symbol": "GEMI-T-NO", "amounts": [
                        {"label": "position", "value": "-7.50"},
                        {
                            "label": "settlement_payout", "value": "12345678901234567890.12345", "asset": "usd",
                            "outcome": "NO",
                        },
                    ]},
                    {"product": "perp", "symbol": "BTCGUSDPERP", "amounts": []},
                ],
            }),
        ),
        (
            r#"{"e":"positionReport","E":1,"u":2,"A":3,"P":[]}"#,
            json!({"kind": "position_report", "event_time": 1, "update_time": 2, "account_id": 3, "positions": []}),
        ),
    ]);
}

#[test]
fn requests_for_quotes() {
    says(&[
        (
            r#"{"e":"requestForQuote","E":1802000007000,"r":"r-7","s":"GEMI-COMBO-7","l":[{"c":"11","o":"YES"},{"c":"12","o":"NO","s":"GEMI-Y"}],"n":"50.00","S":"OPEN","w":1802000008000,"x":1802000009000,"c":1802000009500}"#,
            json!({
                "kind": "request_for_quote", "event_time": 1_802_000_007_000_000_000_i64, "rfq_id": "r-7",
                "symbol": "GEMI-COMBO-7", "notional": "50.00", "status": "OPEN",
                "legs": [
                    {"contract_id": "11", "outcome": "YES"},
                    {"contract_id": "12", "outcome": "NO", "symbol": "GEMI-Y"},
                ],
                "submission_ends": 1_802_000_008_000_000_000_i64, "expires": 1_802_000_009_000_000_000_i64,
                "confirmation_ends": 1_802_000_009_500_000_000_i64,
            }),
        ),
        (
            r#"{"e":"requestForQuote","E":0,"r":"","l":[],"q":"12.50","f":12.25,"S":"PONDERING"}"#,
            json!({
                "kind": "request_for_quote", "event_time": 0, "rfq_id": "", "legs": [], "quantity": "12.50",
                "execution_quantity": "12.25", "status": "PONDERING",
            }),
        ),
    ]);
}

#[test]
fn quote_updates() {
    says(&[
        (
            r#"{"e":"requestForQuote","i":"e-1","E":1802000007001,"r":"r-7","x":"ACCEPTED","S":"CONFIRMING","q":"q-8","p":"0.42","sz":"100","qs":"WON","vu":1802000008000}"#,
            json!({
                "kind": "quote_update", "event_id": "e-1", "event_time": 1_802_000_007_001_000_000_i64,
                "rfq_id": "r-7", "step": "ACCEPTED", "status": "CONFIRMING", "quote_id": "q-8", "price": "0.42",
                "quantity": "100", "quote_status": "WON", "valid_until": 1_802_000_008_000_000_000_i64,
            }),
        ),
        (
            r#"{"e":"requestForQuote","i":"e-2","E":1,"r":"r","x":"DANCED","S":"OPEN","q":null}"#,
            json!({
                "kind": "quote_update", "event_id": "e-2", "event_time": 1_000_000, "rfq_id": "r",
                "step": "DANCED", "status": "OPEN",
            }),
        ),
    ]);
}

#[test]
fn quote_texts() {
    let steps = [
        ("CLOSED", QuoteStep::Closed),
        ("ACCEPTED", QuoteStep::Accepted),
        ("CONFIRMED", QuoteStep::Confirmed),
        ("DECLINED", QuoteStep::Declined),
        ("FINALIZED", QuoteStep::Finalized),
        ("FAILED", QuoteStep::Failed),
    ];
    let statuses = [
        ("OPEN", RfqStatus::Open),
        ("PENDING_ACCEPTANCE", RfqStatus::PendingAcceptance),
        ("CONFIRMING", RfqStatus::Confirming),
        ("FINALIZING", RfqStatus::Finalizing),
        ("FINALIZED", RfqStatus::Finalized),
        ("CANCELLED", RfqStatus::Cancelled),
        ("EXPIRED", RfqStatus::Expired),
        ("FAILED", RfqStatus::Failed),
    ];
    let quotes = [
        ("ACTIVE", QuoteStatus::Active),
        ("WITHDRAWN", QuoteStatus::Withdrawn),
        ("EXPIRED", QuoteStatus::Expired),
        ("WON", QuoteStatus::Won),
        ("LOST", QuoteStatus::Lost),
    ];
    for (x, step) in steps {
        for (s, status) in statuses {
            for (qs, quote_status) in quotes {
                let frame = format!(
                    r#"{{"e":"requestForQuote","i":"e","E":1,"r":"r","x":"{x}","S":"{s}","qs":"{qs}"}}"#
                );
                let mut scratch = Scratch::new();
                let Ok(Message::QuoteUpdate(update)) = decode(&frame, &mut scratch) else {
                    panic!("{frame}")
                };
                let found = (update.step, update.status, update.quote_status);
                assert_eq!(found, (step, status, Some(quote_status)));
            }
        }
    }
}

#[test]
fn settlements() {
    says(&[
        (
            r#"{"type":"settlements","settlements":[{"symbol":"GEMI-Z","position":"-5","payout":"5.00","outcome":"no"},{"symbol":"GEMI-W","position":7,"outcome":"UNSPECIFIED"}]}"#,
            json!({"kind": "settlements", "settlements": [
                {"symbol": "GEMI-Z", "position": "-5", "payout": "5.00", "outcome": "NO"},
                {"symbol": "GEMI-W", "position": "7", "outcome": "UNSPECIFIED"},
            ]}),
        ),
        (r#"{"type":"settlements","settlements":[]}"#, json!({"kind": "settlements", "settlements": []})),
    ]);
}

#[test]
fn refusals() {
    use DecodeErrorKind::{Decimal, Escape, Integer, Missing, Negative, NotAnObject, Precision, Type};
    #[rustfmt::skip]
    let table = [
        (r#"{"e":"orderUpdate","E":1,"s":"x","X":"NEW","T":2^}"#, Missing, "i"),
        (r#"{"e":"orderUpdate","E":1,"s":"x","i":"^5x","X":"NEW"}"#, Integer, "i"),
        (r#"{"e":"orderUpdate","E":1,"s":"^\u0078","i":5,"X":"NEW"}"#, Escape, "s"),
        (r#"{"e":"orderUpdate","E":1,"s":"x","i":5^}"#, Missing, "X"),
        (r#"{"E":1,"s":"x","i":5,"X":^0}"#, Type, "X"),
        (r#"{"E":1,"s":"x","i":5,"X":"NEW","t":^-1}"#, Integer, "t"),
        (r#"{"E":1,"s":"x","i":5,"X":"NEW","c":^7}"#, Type, "c"),
        (r#"{"E":1,"s":"x","i":5,"X":"NEW","p":"^1e5"}"#, Decimal, "p"),
        (r#"{"E":1,"s":"x","i":5,"X":"NEW","q":^1e5}"#, Decimal, "q"),
        (r#"{"E":1,"s":"x","i":5,"X":"NEW","q":"^\u0031"}"#, Decimal, "q"),
        (r#"{"E":1,"s":"x","i":5,"X":"NEW","Z":"^-1"}"#, Negative, "Z"),
        (r#"{"E":1,"s":"x","i":5,"X":"NEW","L":"^0.1234567890123456789"}"#, Precision, "L"),
        (r#"{"e":"orderSnapshot"^}"#, Missing, "orders"),
        (r#"{"e":"orderSnapshot","orders":^{}}"#, Type, "orders"),
        (r#"{"e":"balanceUpdate","E":1^}"#, Missing, "B"),
        (r#"{"e":"balanceUpdate","E":1,"B":"^"}"#, Type, "B"),
        (r#"{"e":"balanceUpdate","E":1,"B":[^[],null]}"#, Type, "B"),
        (r#"{"e":"balanceUpdate","E":1,"B":[{"a":"x","f":"1"^}]}"#, Missing, "c"),
        (r#"{"e":"balanceUpdate","E":1,"B":[{"a":^5,"f":"1","c":"2"}]}"#, Type, "a"),
        (r#"{"e":"balanceUpdate","E":1,"B":[{"a":"x","f":"^","c":"2"}]}"#, Decimal, "f"),
        (r#"{"e":"positionReport","E":1,"u":2,"A":3,"P":[{"t":"ec","s":"x"^}]}"#, Missing, "a"),
        (r#"{"e":"positionReport","E":1,"u":2,"A":3,"P":[{"t":"ec","s":"x","a":[^["1","2"]]}]}"#, Type, "a"),
        (r#"{"e":"positionReport","E":1,"u":2,"A":3,"P":[{"t":"ec","s":"x","a":[{"t":"p","v":"^1-"}]}]}"#, Decimal, "v"),
        (r#"{"e":"requestForQuote","E":1,"r":"r","S":"OPEN"^}"#, Missing, "l"),
        (r#"{"e":"requestForQuote","E":1,"r":"r","l":[{"c":"1"^}],"S":"OPEN"}"#, Missing, "o"),
        (r#"{"e":"requestForQuote","i":^5,"E":1,"r":"r","x":"CLOSED","S":"OPEN"}"#, Type, "i"),
        (r#"{"e":"requestForQuote","i":"5","E":1,"r":"r","x":^5,"S":"OPEN"}"#, Type, "x"),
        (r#"{"e":"requestForQuote","i":"5","E":1,"r":"r","x":"CLOSED","S":"OPEN","sz":"^-1"}"#, Negative, "sz"),
        (r#"{"type":"settlements"^}"#, Missing, "settlements"),
        (r#"{"type":"settlements","settlements":[^1]}"#, Type, "settlements"),
        (r#"{"type":"settlements","settlements":[{"symbol":"x","position":"1"^}]}"#, Missing, "outcome"),
    ];
    for (marked, kind, member) in table {
        refuses(Endpoint::Streams, marked, kind, Some(member));
    }
    #[rustfmt::skip]
    let rows = [
        (r#"{"e":"balanceUpdate","E":1,"B":[{"a":"x","f":"1","c":"2"},^[]]}"#, NotAnObject, None),
        (r#"{"e":"balanceUpdate","E":1,"B":[{"a":"x","f":"1"^},{"a":"x","f":"1","c":"2"}]}"#, Missing, Some("c")),
        (r#"{"e":"positionReport","E":1,"u":2,"A":3,"P":[{"t":"ec","s":"x","a":[]},{"t":"ec","s":"x","a":[{"t":"p","v":"^1-"}]}]}"#, Decimal, Some("v")),
        (r#"{"type":"settlements","settlements":[{"symbol":"x","position":"1"^},{"symbol":"x","position":"1","outcome":"yes"}]}"#, Missing, Some("outcome")),
    ];
    for (marked, kind, member) in rows {
        refuses_row(Endpoint::Streams, marked, kind, member);
    }
}
