//! Tests archived order events: whole sessions, filters, and heartbeats.

use std::time::Duration;

use crate::common;
use crate::common::rest::post;
use crate::common::signing::sign;
use crate::common::trading::{FIRST, Floor, SECOND};
use base64ct::{Base64, Encoding};
use gemini_ws::{Frame, Instant, Message, OrderReport, Scratch, SnapshotOrder, decode};
use gemini_ws_simulator::{EPOCH, SessionId, UpgradeRefusal, UpgradeRequest};
use serde_json::Value;

const FEED: SessionId = SessionId(9);

/// Lets a millisecond pass, and returns a nonce that is greater than all earlier ones.
fn nonce(floor: &mut Floor) -> u64 {
    floor.now = floor.now + Duration::from_millis(1);
    u64::try_from(EPOCH.as_millis()).unwrap()
        + u64::try_from(floor.now.since(Instant::ZERO).as_millis()).unwrap()
}

/// Opens a session with order events of the first account, and returns its first frames.
fn open(floor: &mut Floor, query: &str) -> Vec<String> {
    let nonce = nonce(floor);
    upgrade(floor, query, &format!(r#"{{"request":"/v1/order/events","nonce":{nonce}}}"#)).unwrap();
    let texts = floor.texts();
    only(&texts)
}

fn upgrade(floor: &mut Floor, query: &str, payload: &str) -> Result<(), UpgradeRefusal> {
    let payload = Base64::encode_string(payload.as_bytes());
    let signature = sign(&payload);
    let headers = [
        ("X-GEMINI-APIKEY", "account-one"),
        ("X-GEMINI-PAYLOAD", payload.as_str()),
        ("X-GEMINI-SIGNATURE", signature.as_str()),
    ];
    let target = format!("/v1/order/events?{query}");
    let request = UpgradeRequest { target: &target, headers: &headers };
    floor.exchange.handle_upgrade(FEED, floor.now, &request)
}

/// The payload of an upgrade must have the form that the venue requires. The reason of a refusal identifies the
/// error.
#[test]
fn payloads() {
    let table = [
        (r#"{"request":"/v1/order/events","nonce":1}"#, None),
        (r#"{"nonce":"2","request":"/v1/order/events"}"#, None),
        (r#"{"request":"/v1/order/events","nonce":2}"#, Some("InvalidNonce")),
        (r#"{"request":"/v1/order/events"}"#, Some("InvalidNonce")),
        (r#"{"request":"/v1/order/events?heartbeat=true","nonce":9}"#, Some("EndpointMismatch")),
        (r#"{"request":"/v1/orders","nonce":9}"#, Some("EndpointMismatch")),
        (r#"{"request":7,"nonce":9}"#, Some("EndpointMismatch")),
        (r#"{"nonce":9}"#, Some("EndpointMismatch")),
        ("9", Some("InvalidJson")),
        ("[]", Some("InvalidJson")),
        ("not JSON", Some("InvalidJson")),
    ];
    let mut floor = Floor::quiet(|config| config);
    for (payload, reason) in table {
        let refusal = upgrade(&mut floor, "heartbeat=true", payload).err();
        let refusal = refusal.map(|refusal| (refusal.status, refusal.body));
        let body = |reason| format!(r#"{{"result":"error","reason":"{reason}"}}"#);
        assert_eq!(refusal, reason.map(|reason| (400, body(reason))), "{payload}");
    }
}

fn only(texts: &[(SessionId, String)]) -> Vec<String> {
    texts.iter().filter(|(session, _)| *session == FEED).map(|(_, text)| text.clone()).collect()
}

fn events(texts: &[String]) -> Vec<Value> {
    let arrays = texts.iter().map(|text| serde_json::from_str::<Value>(text).unwrap());
    arrays.flat_map(|array| array.as_array().unwrap().clone()).collect()
}

fn short(texts: &[String]) -> String {
    let event = |event: &Value| format!("{} {}", event["type"].as_str().unwrap(), event["socket_sequence"]);
    events(texts).iter().map(event).collect::<Vec<_>>().join(", ")
}

/// Places an order in a session other than the one with order events. Returns the resulting frames of order events.
fn place(floor: &mut Floor, session: SessionId, order: &str) -> Vec<String> {
    let texts = floor.send(session, &common::trading::place(order));
    only(&texts)
}

#[test]
fn a_conversation() {
    let mut floor = Floor::quiet(|config| config.fees(10, 20));
    place(&mut floor, FIRST, "btcusd BUY LIMIT GTC 0.10 10001.10 - - 4aukltbw");
    place(&mut floor, FIRST, "btcusd SELL LIMIT GTC 1 20000 20000");
    let frames = open(&mut floor, "");
    let ack: Value = serde_json::from_str(&frames[0]).unwrap();
    assert_eq!((&ack["type"], &ack["accountId"]), (&Value::from("subscription_ack"), &Value::from(5_365)));
    assert!(
        frames[0].ends_with(r#""symbolFilter":[],"apiSessionFilter":[],"eventTypeFilter":[]}"#),
        "{}",
        frames[0]
    );
    assert_eq!(frames.len(), 2);
    assert_eq!(short(&frames[1..]), "initial 0, initial 1");
    let first = floor.exchange.orders(floor.account(0))[0].order_id;
    let expected = format!(
        r#"[{{"type":"initial","order_id":"{first}","account_name":"primary","client_order_id":"4aukltbw","api_session":"account-one","symbol":"btcusd","side":"buy","order_type":"exchange limit","timestamp":"1790732601","timestampms":1790732601000,"is_live":true,"is_cancelled":false,"is_hidden":false,"avg_execution_price":"0.00","executed_amount":"0","remaining_amount":"0.1","original_amount":"0.10","price":"10001.10","socket_sequence":0}},"#
    );
    assert!(frames[1].starts_with(&expected), "{}\n{expected}", frames[1]);

    let second = SessionId(2);
    let frames = place(&mut floor, second, "btcusd SELL LIMIT GTC 0.04 10000");
    // The trade also triggers the stop order, which then rests in the book.
    assert_eq!(short(&frames), "fill 2, booked 3");
    let fill = &events(&frames)[0];
    let trade = floor.exchange.orders(floor.account(0))[0].fills[0].trade_id;
    let expected: Value = serde_json::from_str(&format!(
        r#"{{"trade_id":"{trade}","liquidity":"Maker","price":"10001.1","amount":"0.04","fee":"0.400044","fee_currency":"USD"}}"#
    ))
    .unwrap();
    assert_eq!(fill["fill"], expected);
    assert_eq!(fill["remaining_amount"], "0.06");
    let frames = place(&mut floor, second, "btcusd SELL LIMIT GTC 0.06 10000");
    assert_eq!(short(&frames), "fill 4, closed 5");

    let frames = place(&mut floor, FIRST, "btcusd BUY LIMIT GTC 1 5");
    assert!(short(&frames).starts_with("accepted"), "{}", short(&frames));
    let order = floor.newest(0);
    let text = format!(r#"{{"id":7,"method":"order.cancel","params":{{"orderId":"{order}"}}}}"#);
    let texts = floor.send(FIRST, &text);
    let told = events(&only(&texts));
    assert_eq!((&told[0]["type"], &told[1]["type"]), (&Value::from("cancelled"), &Value::from("closed")));
    assert_eq!(told[0]["reason"], "Requested");
    let number = |value: &Value| value.as_str().unwrap().parse::<u64>().unwrap();
    assert_eq!(number(&told[0]["cancel_command_id"]) + 1, number(&told[0]["event_id"]));
    assert_eq!(number(&told[1]["event_id"]), number(&told[0]["event_id"]) + 1);
    let texts = floor.send(FIRST, &text);
    let told = events(&only(&texts));
    assert_eq!(
        (&told[0]["type"], &told[0]["reason"]),
        (&Value::from("cancel_rejected"), &Value::from("OrderNotFound"))
    );
    let frames = place(&mut floor, FIRST, "btcusd BUY LIMIT GTC 1 5.001");
    let told = &events(&frames)[0];
    assert_eq!(
        (&told["type"], &told["reason"]),
        (&Value::from("rejected"), &Value::from("LimitPriceOffTick"))
    );
    assert_eq!(told.get("is_cancelled"), None);
    let frames = place(&mut floor, FIRST, "btcusd BUY LIMIT IOC 1 5");
    let told = events(&frames);
    let types: Vec<_> = told.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["accepted", "cancelled", "closed"]);
    assert_eq!(
        (&told[1]["reason"], &told[1]["behavior"]),
        (&Value::from("ImmediateOrCancelWouldPost"), &Value::from("immediate-or-cancel"))
    );
    assert_eq!(told[1].get("cancel_command_id"), None);
}

/// A row has three parts:
///
/// - the orders that the second account, the first account, and again the second account place before the session
///   begins, where an empty text stands for no order;
/// - the status, the remaining and the executed quantity of the first account's order in the order snapshot;
/// - the remaining and the executed quantity of this order in the event `initial` and in the answer of REST.
const BEFORE: [([&str; 3], &str, &str); 4] = [
    (["", "BUY LIMIT GTC 0.10 100.00", ""], "OPEN 0.1 -", "0.1 0"),
    // In the next two rows, the order of the first account is partly filled: in the first of them while the order
    // rests in the book, and in the second when it arrives.
    (["", "BUY LIMIT GTC 0.10 100.00", "SELL LIMIT IOC 0.04 100.00"], "OPEN 0.06 0.04", "0.06 0.04"),
    (["SELL LIMIT GTC 0.04 100.00", "BUY LIMIT GTC 0.10 100.00", ""], "OPEN 0.06 0.04", "0.06 0.04"),
    // This stop order has not been triggered.
    (["", "SELL LIMIT GTC 0.10 90.00 90.00", ""], "NEW - -", "0.1 0"),
];

/// At the start of a session, the order snapshot, the event `initial` and the answer of REST agree about the executed
/// quantity of an open order. The snapshot omits a quantity of zero, and contains no fill.
#[test]
fn open_orders_at_the_start() {
    for ([before, own, after], in_snapshot, in_other_views) in BEFORE {
        let mut floor = Floor::quiet(|config| config.order_snapshot(true));
        for (session, order) in [(SECOND, before), (FIRST, own), (SECOND, after)] {
            if !order.is_empty() {
                floor.place(session, &format!("btcusd {order}"));
            }
        }
        floor.connect(FIRST, "one", "/");
        let texts = floor.send(FIRST, &common::request("subscribe", &["orders@account"]));
        let text = texts.iter().map(|(_, text)| text).find(|text| text.contains("orderSnapshot")).unwrap();
        let mut scratch = Scratch::new();
        let Message::OrderSnapshot(snapshot) = decode(text, &mut scratch).unwrap() else { panic!("{text}") };
        let SnapshotOrder(OrderReport::Update(update)) = snapshot.orders.into_iter().next().unwrap() else {
            panic!("{text}")
        };
        let executed = update.executed_quantity.map_or("-".to_owned(), |executed| executed.to_string());
        let frame: Value = serde_json::from_str(text).unwrap();
        let row = &frame["orders"][0];
        let view = format!("{} {} {executed}", row["X"].as_str().unwrap(), row["z"].as_str().unwrap_or("-"));
        assert_eq!((view.as_str(), update.fill), (in_snapshot, None), "{text}");
        let view = |order: &Value| {
            assert_eq!((&order["is_live"], &order["is_cancelled"]), (&true.into(), &false.into()), "{order}");
            let amount = |name: &str| order[name].as_str().unwrap().to_owned();
            format!("{} {}", amount("remaining_amount"), amount("executed_amount"))
        };
        let (status, orders) = post(&mut floor.exchange, floor.now, "/v1/orders", 1, "");
        assert_eq!((status, view(&orders[0]).as_str()), (200, in_other_views), "{orders}");
        let initial = events(&open(&mut floor, "")[1..]);
        assert_eq!(view(&initial[0]), in_other_views, "{initial:?}");
    }
}

/// Ways in which an order of `FIRST` ends before `FIRST` requests to cancel it in the test. A row has the order that
/// `SECOND` places first (none if empty), the order of `FIRST`, whether `FIRST` has already cancelled it, and the
/// flag `is_cancelled` that the event `cancel_rejected` must have.
const ENDED: [([&str; 2], bool, bool); 4] = [
    (["", "BUY LIMIT GTC 0.10 100.00"], true, true),
    (["", "BUY LIMIT IOC 0.10 100.00"], false, true),
    (["SELL LIMIT GTC 0.10 100.00", "BUY LIMIT GTC 0.10 100.00"], false, false),
    (["", "BUY LIMIT GTC 0.10 100.001"], false, true),
];

/// The exchange refuses a request to cancel an order that has ended. The event `cancel_rejected` and the answer of
/// REST then agree about how the order ended.
#[test]
fn cancels_of_ended_orders() {
    for ([before, own], is_cancelled_first, is_cancelled) in ENDED {
        let mut floor = Floor::quiet(|config| config);
        open(&mut floor, "");
        if !before.is_empty() {
            floor.place(SECOND, &format!("btcusd {before}"));
        }
        place(&mut floor, FIRST, &format!("btcusd {own}"));
        let order = floor.newest(0);
        let cancel = format!(r#"{{"id":7,"method":"order.cancel","params":{{"orderId":"{order}"}}}}"#);
        if is_cancelled_first {
            floor.send(FIRST, &cancel);
        }
        let texts = floor.send(FIRST, &cancel);
        let told = events(&only(&texts));
        assert_eq!(told[0]["type"], "cancel_rejected", "{own}");
        let flags = |order: &Value| (order["is_live"].clone(), order["is_cancelled"].clone());
        assert_eq!(flags(&told[0]), (false.into(), is_cancelled.into()), "{own}: {}", told[0]);
        let arguments = format!(r#","order_id":{order}"#);
        let nonce = nonce(&mut floor);
        let (status, view) = post(&mut floor.exchange, floor.now, "/v1/order/status", nonce, &arguments);
        assert_eq!((status, flags(&view)), (200, flags(&told[0])), "{own}: {view}");
    }
}

/// The sequence has no gap, whatever the filters exclude and however many events share a frame.
#[test]
fn filters() {
    let run = |query: &str| {
        let mut floor = Floor::quiet(|config| config);
        place(&mut floor, FIRST, "btcusd BUY LIMIT GTC 1 100");
        let mut frames = open(&mut floor, query);
        let ack = frames.remove(0);
        for order in
            ["btcusd BUY LIMIT GTC 1 90", "GEMI-A-UP BUY LIMIT GTC 1 0.2 - YES", "btcusd BUY LIMIT FOK 1 5"]
        {
            frames.extend(place(&mut floor, FIRST, order));
        }
        floor.exchange.handle_frame(FEED, floor.now, Frame::Text(r#"{"id":1,"method":"ping"}"#));
        frames.extend(floor.texts().into_iter().map(|(_, text)| text));
        (ack, short(&frames))
    };
    for (query, expected) in [
        ("", "initial 0, accepted 1, booked 2, accepted 3, booked 4, accepted 5, cancelled 6, closed 7"),
        ("symbolFilter=gemi-a-up", "accepted 0, booked 1"),
        ("eventTypeFilter=closed&eventTypeFilter=booked", "booked 0, booked 1, closed 2"),
        ("eventTypeFilter=initial", "initial 0"),
        ("apiSessionFilter=UI", ""),
        ("apiSessionFilter=UI&apiSessionFilter=account-one&eventTypeFilter=closed", "closed 0"),
    ] {
        assert_eq!(run(query).1, expected, "{query}");
    }
    let (ack, _) = run("symbolFilter=btcusd&eventTypeFilter=fill&eventTypeFilter=closed");
    assert!(
        ack.ends_with(
            r#""symbolFilter":["btcusd"],"apiSessionFilter":[],"eventTypeFilter":["fill","closed"]}"#
        ),
        "{ack}"
    );
}

#[test]
fn heartbeats() {
    let mut floor = Floor::quiet(|config| config);
    let frames = open(&mut floor, "heartbeat=true");
    assert_eq!(frames.len(), 1);
    let trace = frames[0].split("5365-").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let texts = floor.run(Duration::from_secs(11));
    let texts = only(&texts);
    let expected = format!(
        r#"{{"type":"heartbeat","timestampms":1790732611001,"sequence":1,"trace_id":"{trace}","socket_sequence":1}}"#
    );
    assert_eq!((texts.len(), &texts[1]), (2, &expected));
    let frames = place(&mut floor, FIRST, "btcusd BUY LIMIT GTC 1 100");
    assert_eq!(short(&frames), "accepted 2, booked 3");
    floor.exchange.handle_lost(FEED, floor.now);
    let texts = floor.run(Duration::from_secs(60));
    assert_eq!(only(&texts), [""; 0]);
    open(&mut floor, "");
    let texts = floor.run(Duration::from_secs(60));
    assert_eq!(only(&texts), [""; 0]);
}

#[test]
fn lost_events_are_missed() {
    let mut floor = Floor::quiet(|config| config);
    open(&mut floor, "");
    floor.exchange.faults().drop_order_events(1);
    assert_eq!(short(&place(&mut floor, FIRST, "btcusd BUY LIMIT GTC 1 100")), "booked 1");
    floor.exchange.faults().duplicate_order_events(1);
    assert_eq!(
        short(&place(&mut floor, FIRST, "btcusd BUY LIMIT GTC 1 100")),
        "accepted 2, accepted 2, booked 3"
    );
}
