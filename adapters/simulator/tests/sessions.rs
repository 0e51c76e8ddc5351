//! Tests requests, replies, and the end of sessions.

use std::time::Duration;

use crate::common::{CLIENT, Venue, market, request, symbol};
use gemini_ws::{Frame, Instant};
use gemini_ws_simulator::{Output, STREAMS_MAX, SessionId};

const SECOND: Duration = Duration::from_secs(1);

/// Sends a request to a new exchange with btcusd and btcgusdperp, and compares the reply.
fn check(request: &str, reply: &str) {
    let mut venue = Venue::new(market(&["btcusd", "btcgusdperp"]), 1);
    venue.connect("");
    assert_eq!(venue.send(request), [reply], "{request}");
}

#[test]
fn replies() {
    check(r#"{"id":100,"method":"ping"}"#, r#"{"id":100,"status":200}"#);
    check(r#"{"id":"md","method":"ping","params":{}}"#, r#"{"id":"md","status":200}"#);
    check(
        r#"{"id":"time","method":"time"}"#,
        r#"{"id":"time","status":200,"result":{"serverTime":1790732601000}}"#,
    );
    check(
        r#"{"id":7,"method":"conninfo"}"#,
        r#"{"id":7,"status":200,"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT","interval":"SECOND","intervalNum":10,"limit":7000,"count":1},{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":3500,"count":0},{"rateLimitType":"ORDERS","interval":"DAY","intervalNum":1,"limit":10000000,"count":0},{"rateLimitType":"CONNECTION_ATTEMPTS","interval":"MINUTE","intervalNum":5,"limit":300,"count":1}]}"#,
    );
    check(r#"{"id":7,"method":"list_subscriptions"}"#, r#"{"id":7,"status":200,"result":[]}"#);
    check(r#"{"id":1,"method":"SUBSCRIBE","params":["BTCUSD@trade"]}"#, r#"{"id":1,"status":200}"#);
    check(r#"{"id":1,"method":"UNSUBSCRIBE","params":["btcusd@trade"]}"#, r#"{"id":1,"status":200}"#);
}

/// The exchange reports the limit on connection attempts, but does not enforce it.
#[test]
fn attempts_beyond_the_limit() {
    let mut venue = Venue::new(market(&["btcusd"]), 1);
    for _ in 0..400 {
        venue.connect("");
    }
    let info = venue.send(r#"{"id":1,"method":"conninfo"}"#).remove(0);
    assert!(info.ends_with(r#""limit":300,"count":400}]}"#), "{info}");
}

/// The count of attempts begins again with each window of five minutes, although the session stays open.
#[test]
fn attempts_of_an_earlier_window() {
    let mut venue = Venue::new(market(&["btcusd"]), 1);
    for _ in 0..400 {
        venue.connect("");
    }
    venue.run(SECOND * 600);
    let info = venue.send(r#"{"id":1,"method":"conninfo"}"#).remove(0);
    assert!(info.ends_with(r#""limit":300,"count":0}]}"#), "{info}");
    venue.connect("");
    let info = venue.send(r#"{"id":1,"method":"conninfo"}"#).remove(0);
    assert!(info.ends_with(r#""limit":300,"count":1}]}"#), "{info}");
}

#[test]
fn refusals() {
    let error = |id: &str, status: u16, code: i32, message: &str| {
        format!(r#"{{"id":{id},"status":{status},"error":{{"code":{code},"msg":"{message}"}}}}"#)
    };
    check(r#"{"id":11,"method":"nothing"}"#, &error("11", 400, -1020, "Unsupported operation"));
    check("nonsense", &error("null", 400, -1013, "Invalid parameters"));
    check(
        r#"{"id":1,"method":"subscribe","params":{"streams":["btcusd@trade"]}}"#,
        &error("1", 400, -1013, "Invalid parameters"),
    );
    check(
        r#"{"id":1,"method":"subscribe","params":["orders@account"]}"#,
        &error("1", 401, -1002, "Authentication required"),
    );
    check(r#"{"id":1,"method":"order.cancel_all"}"#, &error("1", 401, -1002, "Authentication required"));
    check(
        r#"{"id":1,"method":"depth","params":{"symbol":"nosuch"}}"#,
        &error("1", 400, -1013, "Invalid parameters"),
    );
    for name in [
        "nosuchperp@depth@100ms",
        "btcgusdperp@markPrice@1s",
        "btcusd@markPrice",
        "btcusd@fundingAmount",
        "btcusd",
        "btcusd@depth7",
    ] {
        let message = format!("Invalid stream name: {name}");
        check(&request("subscribe", &["btcusd@trade", name]), &error("1", 400, -1013, &message));
    }
    check(&request("subscribe", &["a\\\"b"]), &error("1", 400, -1013, "Invalid stream name: a\\\"b"));
}

#[test]
fn one_bad_name_refuses_all() {
    let mut venue = Venue::new(market(&["btcusd"]), 1);
    venue.connect("");
    venue.request("subscribe", &["btcusd@trade", "nosuch@trade"]);
    assert_eq!(
        venue.send(r#"{"id":1,"method":"list_subscriptions"}"#),
        [r#"{"id":1,"status":200,"result":[]}"#]
    );
    venue.request("subscribe", &["BTCUSD@trade", "btcusd@depth10"]);
    assert_eq!(
        venue.send(r#"{"id":1,"method":"list_subscriptions"}"#),
        [r#"{"id":1,"status":200,"result":["btcusd@depth10","btcusd@trade"]}"#]
    );
    venue.request("unsubscribe", &["btcusd@depth10"]);
    assert!(venue.run(SECOND * 20).iter().all(|text| text.contains("\"t\":")));
}

#[test]
fn too_many_streams_end_the_connection() {
    let mut venue = Venue::new(market(&["btcusd"]), 1);
    venue.connect("");
    venue.request("subscribe", &["btcusd@trade"; STREAMS_MAX]);
    venue.exchange.handle_frame(
        CLIENT,
        venue.now,
        Frame::Text(&request("subscribe", &["btcusd@trade"; STREAMS_MAX + 1])),
    );
    let outputs = venue.outputs();
    assert!(matches!(outputs.as_slice(), [Output::Close { session: CLIENT, code: 1009, .. }]), "{outputs:?}");
    assert_eq!(venue.exchange.session_count(), 0);
    assert_eq!(venue.send(r#"{"id":1,"method":"ping"}"#), [""; 0]);
    assert_eq!(venue.exchange.stats().ignored, 1);
}

#[test]
fn too_many_requests() {
    let mut venue = Venue::new(market(&["btcusd"]), 1);
    venue.connect("");
    let mut ping = || venue.send(r#"{"id":1,"method":"ping"}"#)[0].clone();
    for _ in 0..7_000 {
        assert_eq!(ping(), r#"{"id":1,"status":200}"#);
    }
    assert_eq!(ping(), r#"{"id":1,"status":429,"error":{"code":-1003,"msg":"Too many requests"}}"#);
    venue.run(SECOND * 10);
    assert_eq!(venue.send(r#"{"id":1,"method":"ping"}"#), [r#"{"id":1,"status":200}"#]);
}

#[test]
fn server_pings() {
    let mut venue = Venue::new(market(&["btcusd"]), 1);
    venue.run(SECOND);
    venue.connect("");
    let mut times = Vec::new();
    while let Some(now) = venue.exchange.deadline().filter(|now| *now < Instant::from_secs(62)) {
        venue.exchange.handle_timeout(now);
        times.extend(venue.outputs().iter().map(|output| {
            assert_eq!(*output, Output::Ping { session: CLIENT });
            now
        }));
    }
    assert_eq!(times, [21, 41, 61].map(Instant::from_secs));
    venue.exchange.handle_lost(CLIENT, venue.now);
    assert_eq!(venue.run_outputs(SECOND * 60), []);
}

#[test]
fn sessions_end() {
    let mut venue = Venue::new(market(&["btcusd"]).events_per_second(100), 1);
    venue.connect("snapshot=-1");
    venue.request("subscribe", &["btcusd@bookTicker", "btcusd@depth@100ms"]);
    let close = Frame::Close { code: Some(1000), reason: "" };
    venue.exchange.handle_frame(CLIENT, venue.now, close);
    assert_eq!(venue.outputs(), [Output::Close { session: CLIENT, code: 1000, reason: "" }]);
    assert_eq!(venue.run_outputs(SECOND * 30), []);

    // A new session with the same id gets no outputs of the old session.
    venue.connect("snapshot=-1");
    venue.exchange.handle_frame(
        CLIENT,
        venue.now,
        Frame::Text(&request("subscribe", &["btcusd@bookTicker"])),
    );
    venue.connect("");
    assert_eq!(venue.run_outputs(SECOND), []);

    venue.exchange.handle_lost(SessionId(9), venue.now);
    venue.exchange.handle_frame(SessionId(9), venue.now, Frame::Text("{}"));
    venue.exchange.handle_frame(CLIENT, venue.now, Frame::Binary(&[1]));
    assert_eq!(venue.exchange.stats().ignored, 2);
    // The exchange ignores an instant in the past.
    venue.exchange.handle_timeout(Instant::ZERO);
    assert!(venue.exchange.deadline().unwrap() > venue.now);
}

#[test]
fn sessions_are_apart() {
    let mut venue = Venue::new(market(&["btcusd", "ethusd"]).events_per_second(50), 1);
    let other = SessionId(2);
    venue.connect("snapshot=-1");
    venue.exchange.handle_connected(other, venue.now, "");
    venue.request("subscribe", &["btcusd@bookTicker"]);
    venue.exchange.handle_frame(other, venue.now, Frame::Text(&request("subscribe", &["ethusd@bookTicker"])));
    let outputs = venue.run_outputs(SECOND * 5);
    for output in &outputs {
        let Output::Send { session, text } = output else { continue };
        let expected = if *session == other { "ethusd" } else { "btcusd" };
        assert!(text.contains(expected) || text.contains("status"), "{text}");
    }
    assert!(venue.exchange.symbols().eq([symbol("btcusd"), symbol("ethusd")]));
}

#[test]
fn damaged_requests_do_no_harm() {
    let requests = [
        r#"{"id":1,"method":"subscribe","params":["btcusd@depth@100ms","btcgusdperp@markPrice"]}"#,
        r#"{"id":"x","method":"unsubscribe","params":["btcusd@depth@100ms"]}"#,
        r#"{"id":2,"method":"depth","params":{"symbol":"btcusd","limit":10}}"#,
        r#"{"id":3,"method":"list_subscriptions"}"#,
    ];
    let mut venue = Venue::new(market(&["btcusd", "btcgusdperp"]), 1);
    venue.connect("snapshot=-1");
    let mut scratch = gemini_ws::Scratch::new();
    for request in requests {
        for position in 0..request.len() {
            for byte in [b'"', b'\\', b'0', b'{', b']', b' '] {
                let mut bytes = request.as_bytes().to_vec();
                bytes[position] = byte;
                for text in venue.send(&String::from_utf8(bytes).unwrap()) {
                    gemini_ws::decode(&text, &mut scratch).unwrap_or_else(|error| panic!("{error:?} {text}"));
                }
                venue.now = venue.now + Duration::from_millis(2);
            }
            venue.send(&request[..position]);
        }
    }
    assert_eq!(venue.exchange.session_count(), 1);
}
