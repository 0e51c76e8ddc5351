use super::*;
use gemini_ws::{
    Abandoned, AttemptFailure, Client, CloseReason, Config, ConnectFailure, Endpoint, Instant, LinkId, Lost,
    Replay, RequestId, RequestOutcome, Scratch, ShutdownStep, Stream, StreamId, Subject, Symbol, Topic,
    Unserved, VenueReason,
};
use serde_json::Value;

#[path = "../../tests/support/schema.rs"]
mod schema;
use schema::Schema;

fn line(frame: &str) -> String {
    line_of(Endpoint::Streams, frame)
}

fn line_of(endpoint: Endpoint, frame: &str) -> String {
    let (mut out, mut scratch) = (Vec::new(), Scratch::new());
    match endpoint.decode(frame, &mut scratch) {
        Ok(message) => write_message(&mut out, Some("17"), &message).unwrap(),
        Err(error) => {
            let body = Undecodable::new(frame, error);
            write_line(&mut out, &Timed { time: None, body }).unwrap();
        }
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn types_do_not_depend_on_values() {
    #[derive(Serialize)]
    struct All {
        small: [u32; 2],
        signed: [i64; 3],
        large: [u64; 3],
        huge: [i128; 2],
        count: [Count; 2],
    }
    let all = All {
        small: [0, u32::MAX],
        signed: [0, -1, i64::MIN],
        large: [0, 9_007_199_254_740_992, u64::MAX],
        huge: [1, i128::MIN],
        count: [Count(0), Count(u64::MAX)],
    };
    let mut out = Vec::new();
    write_line(&mut out, &all).unwrap();
    let expected = concat!(
        r#"{"small":[0,4294967295],"signed":["0","-1","-9223372036854775808"],"#,
        r#""large":["0","9007199254740992","18446744073709551615"],"#,
        r#""huge":["1","-170141183460469231731687303715884105728"],"count":[0,18446744073709551615]}"#,
        "\n"
    );
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn embedded_json() {
    let table = [
        (r#"{"a":9007199254740992}"#, r#"{"a":"9007199254740992"}"#),
        ("[1,\r\n\t-2 , 0.1]", r#"["1","-2","0.1"]"#),
        // Digits and white space within strings do not change.
        (r#"{"9 1":"a\"9 1"}"#, r#"{"9 1":"a\"9 1"}"#),
        (r#"["\\",9]"#, r#"["\\","9"]"#),
        ("-0.000000000000000000001", "\"-0.000000000000000000001\""),
        ("1E400", "\"1E400\""),
        ("[true,null,\"é\"]", "[true,null,\"é\"]"),
        ("", ""),
    ];
    for (json, expected) in table {
        assert_eq!(stable::quote_numbers(json), expected, "{json}");
    }
}

#[test]
fn frames() {
    let table = [
        (
            r#"{"E":1759873803503023900,"s":"btcusd","t":2840140956529623,"p":"45000.50","q":"0.10000000","m":true}"#,
            r#"{"time":"17","kind":"trade","symbol":"btcusd","event_time":"1759873803503023900","trade_id":"2840140956529623","event_id":null,"price":"45000.50","quantity":"0.10000000","taker":"sell"}"#,
        ),
        (
            r#"{"id":"md","status":200,"result":{"serverTime":1790732602153,"b":[1],"a":99999999999999999}}"#,
            r#"{"time":"17","kind":"response","id":"md","status":200,"result":{"serverTime":"1790732602153","b":["1"],"a":"99999999999999999"},"error":null,"rate_limits":null}"#,
        ),
        (
            r#"{"id":4,"status":400,"error":{"code":-1013,"msg":"bad \"name\""}}"#,
            r#"{"time":"17","kind":"response","id":"4","status":400,"result":null,"error":{"code":"-1013","message":"bad \"name\""},"rate_limits":null}"#,
        ),
        (
            "{\"e\":\"news\",\n \"E\":1790732602153000000}",
            r#"{"time":"17","kind":"unrecognized","frame":{"e":"news","E":"1790732602153000000"}}"#,
        ),
        (
            "{\"e\":\"\u{9b}2J\u{202e}\u{7f}\u{e0001}\"}",
            r#"{"time":"17","kind":"unrecognized","frame":{"e":"\u009b2J\u202e\u007f\udb40\udc01"}}"#,
        ),
        (
            "{\"id\":1,\"status\":\u{9b}}",
            r#"{"kind":"malformed","reason":"syntax","offset":17,"member":null,"message":"unexpected character at byte 17","frame":"{\"id\":1,\"status\":\u009b}"}"#,
        ),
    ];
    for (frame, expected) in table {
        assert_eq!(line(frame), format!("{expected}\n"));
    }
}

/// An event with several parts is printed like the message of its frame, on one line.
#[test]
fn batches() {
    let frame = r#"[{"type":"closed","order_id":"9007199254740993","symbol":"btcusd","api_session":"secret"},{"type":"news","api_session":"secret"},{"type":"fill"}]"#;
    let (mut out, mut scratch) = (Vec::new(), Scratch::new());
    let event = Replay::new(Endpoint::OrderEventsV1).event(frame, &mut scratch).unwrap().unwrap();
    write_event(&mut out, Times::at(gemini_ws::Instant::ZERO), &event).unwrap();
    let printed = String::from_utf8(out).unwrap();
    let (_, body) = printed.split_once(",\"kind\"").unwrap();
    assert_eq!(
        Some(body),
        line_of(Endpoint::OrderEventsV1, frame).split_once(",\"kind\"").map(|(_, body)| body)
    );
    assert!(printed.contains(r#""order_id":"9007199254740993""#) && !printed.contains("secret"), "{printed}");
}

fn ids() -> (LinkId, StreamId) {
    let mut client = Client::single(Config::new("ws://venue").seed(1));
    let id = client.subscribe(Instant::ZERO, "btcusd@trade".parse().unwrap()).unwrap();
    client.open(Instant::ZERO).unwrap();
    (client.links().next().unwrap().0, id)
}

fn reasons() -> (Vec<ConnectFailure>, Vec<Lost>, Vec<Unserved>, Vec<CloseReason>) {
    let retry_after = Some(std::time::Duration::from_secs(7));
    let reason = VenueReason::new("InvalidNonce");
    let failures = vec![
        ConnectFailure::Refused,
        ConnectFailure::Status { status: 503, retry_after, reason },
        ConnectFailure::Status { status: 403, retry_after: None, reason: None },
        ConnectFailure::ProxyStatus { status: 407, retry_after: None },
    ];
    let lost = vec![Lost::Reset, Lost::Closed { code: Some(1001) }, Lost::Closed { code: None }];
    let unserved = vec![Unserved::NoSnapshot, Unserved::Refused { status: Some(429), code: -1003 }];
    let closed = vec![
        CloseReason::Requested,
        CloseReason::ConnectRefused(failures[1]),
        CloseReason::ClosedByPeer { code: 1008 },
        CloseReason::AttemptsExhausted { attempts: 3, last: AttemptFailure::Lost(lost[1]) },
        CloseReason::AttemptsExhausted { attempts: 3, last: AttemptFailure::Connect(failures[0]) },
    ];
    (failures, lost, unserved, closed)
}

/// Returns at least one event of each kind that does not report the data of a frame.
fn facts() -> Vec<Event<'static>> {
    let ((link, id), stream, symbol) = (ids(), Stream::Settlements, "btcusd".parse::<Symbol>().unwrap());
    let (at, request, about) = (Instant::from_secs(1), RequestId::new(7), Subject::CancelOrder(9));
    let (failures, lost, unserved, closed) = reasons();
    let mut facts = vec![
        Event::Requested { link, request, about },
        Event::Reply { link, request, about, outcome: RequestOutcome::TimedOut },
        Event::Subscribed { link, id, stream },
        Event::Unsubscribed { link, id, stream, last: true },
        Event::Silent { link, id, stream, since: at },
        Event::Gap { link: Some(link), id: Some(id), symbol, expected: 1, got: Some(u64::MAX) },
        Event::Gap { link: None, id: None, symbol, expected: 1, got: None },
        Event::SequenceGap { link, expected: 1, got: 2 },
        Event::Synced { link, id, symbol },
        Event::Overflow { topic: Topic::Depth, symbol: Some(symbol), dropped: 3 },
        Event::Overflow {
            topic: Topic::Candles(gemini_ws::CandleInterval::OneHour),
            symbol: None,
            dropped: 3,
        },
        Event::Opened { link, missing_since: Some(at) },
        Event::Opened { link, missing_since: None },
        Event::Live { link },
        Event::HeartbeatDue { link, since: at },
        Event::ShuttingDown { step: ShutdownStep::ClosingLinks },
    ];
    for reason in failures {
        facts.push(Event::ConnectFailed { link, reason, retry: Some(at) });
    }
    for reason in lost {
        facts.push(Event::Disconnected { link, reason, retry: None });
    }
    for reason in unserved {
        facts.push(Event::Unserved { link, id, stream, reason, attempts: 1, retry: at });
    }
    for reason in closed {
        facts.push(Event::LinkClosed { link, reason });
        facts.push(Event::Closed { reason, abandoned: Abandoned::default() });
    }
    facts
}

/// Returns the JSON lines of events with text of the venue: each frame of `frames.txt` and its parts, and all events
/// of a client that receives refusals and faulty frames.
fn lines_of_frames() -> Vec<String> {
    let (mut lines, mut scratch, mut endpoint) = (Vec::new(), Scratch::new(), Endpoint::Streams);
    let times = Times::at(Instant::from_secs(9));
    let mut keep = |event: &Event<'_>| {
        let mut out = Vec::new();
        write_event(&mut out, times, event).unwrap();
        lines.push(String::from_utf8(out).unwrap());
    };
    for line in include_str!("../../tests/frames.txt").lines() {
        if let Some(name) = line.strip_prefix("endpoint ") {
            endpoint = name.parse().unwrap();
        } else if let Some(frame) = line.strip_prefix("< ") {
            scratch.set_symbol("btcusd".parse().ok());
            let mut replay = Replay::new(endpoint);
            if let Ok(Some(event)) = replay.event(frame, &mut scratch) {
                keep(&event);
                event.parts().for_each(|part| keep(&part));
            }
        }
    }
    let mut fed = crate::watch::testing::Fed::new(&["btcusd", "ethusd"]);
    fed.refusal = Some("no symbol");
    fed.connect();
    let snapshot = r#"{"e":"depthUpdate","E":1,"s":"solusd","U":5,"u":5,"b":[["1","1"]],"a":[]}"#;
    let link = fed.link();
    for frame in [snapshot, r#"{"id":77,"status":200}"#, "{\"s\":", r#"{"e":"news","E":1}"#] {
        let frame = gemini_ws::Frame::Text(frame);
        fed.client.handle_frame(link, fed.now, frame, &mut scratch).iter().for_each(&mut keep);
    }
    let close = gemini_ws::Frame::Close { code: Some(1008), reason: "why\u{9b}" };
    fed.client.handle_frame(link, fed.now, close, &mut scratch).iter().for_each(&mut keep);
    fed.rejections().iter_mut().for_each(|rejected| keep(&rejected.as_event()));
    lines
}

#[test]
fn events_are_as_the_schema_says() {
    let schema = Schema::read();
    let times = Times::at(Instant::from_secs(9));
    let mut lines = lines_of_frames();
    let mut add = |write: &dyn Fn(&mut Vec<u8>) -> io::Result<()>| {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        lines.push(String::from_utf8(out).unwrap());
    };
    for event in facts() {
        add(&|out| write_event(out, times, &event));
    }
    add(&|out| write_line(out, &Started::new(times, "simulator", &["btcusd".parse().unwrap()])));
    add(&|out| write_line(out, &ReplayEnded::new(times, 7)));
    let summary = crate::watch::testing::Fed::new(&["btcusd"]).session.summary();
    add(&|out| write_line(out, &Summarized::new(times, summary)));
    let mut kinds = Vec::new();
    for line in lines {
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(schema.faults("watch", &value), [""; 0], "{line}");
        kinds.push(value["kind"].as_str().unwrap().to_owned());
    }
    let missing: Vec<_> =
        schema.kinds("watch").into_iter().filter(|kind| !kinds.iter().any(|it| it == kind)).collect();
    assert_eq!(missing, [""; 0], "kinds without an example");
}

#[test]
fn instants_are_times_of_day() {
    let times = Times::at(Instant::from_secs(9));
    let (now, at) = (times.now(), |seconds| times.of(Instant::from_secs(seconds)));
    assert_eq!((at(9), at(8), at(11)), (now, now - 1_000_000_000, now + 2_000_000_000));
    assert!(now > 1_700_000_000_000_000_000);
}

/// If a proxy refuses the connection, the line contains the HTTP status of the proxy.
#[test]
fn a_proxy_s_status_is_not_lost() {
    let link = crate::watch::testing::Fed::new(&["btcusd"]).link();
    let retry_after = Some(std::time::Duration::from_secs(7));
    let reason = ConnectFailure::ProxyStatus { status: 407, retry_after };
    let event = Event::ConnectFailed { link, reason, retry: None };
    let mut line = Vec::new();
    write_event(&mut line, Times::at(Instant::ZERO), &event).unwrap();
    let line: Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(
        line["reason"],
        serde_json::json!({"kind": "proxy_status", "status": 407, "retry_after": "7000000000"})
    );
}
