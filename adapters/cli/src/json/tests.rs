use super::*;
use gemini_ws::{Endpoint, Replay, Scratch};

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
        // Digits and white space within texts are left alone, whatever is escaped there.
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
        // What a terminal would act on.
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

/// A frame that is several events is printed as the frame that it was.
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
