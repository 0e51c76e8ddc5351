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
fn integers_at_the_limit() {
    let table = [
        ("9007199254740991", "9007199254740991"),
        ("9007199254740992", "\"9007199254740992\""),
        ("18446744073709551615", "\"18446744073709551615\""),
        ("-9007199254740991", "-9007199254740991"),
        ("-9007199254740992", "\"-9007199254740992\""),
        ("-170141183460469231731687303715884105728", "\"-170141183460469231731687303715884105728\""),
    ];
    for (number, expected) in table {
        let number: i128 = number.parse().unwrap();
        let mut out = Vec::new();
        match (i64::try_from(number), u64::try_from(number)) {
            (Ok(number), _) => write_line(&mut out, &number).unwrap(),
            (_, Ok(number)) => write_line(&mut out, &number).unwrap(),
            _ => write_line(&mut out, &number).unwrap(),
        }
        assert_eq!(String::from_utf8(out).unwrap(), format!("{expected}\n"));
    }
}

#[test]
fn numbers_of_embedded_json() {
    let table = [
        (r#"{"a":9007199254740992}"#, r#"{"a":"9007199254740992"}"#),
        (r#"[9007199254740991, -9007199254740992]"#, r#"[9007199254740991, "-9007199254740992"]"#),
        // Digits within texts are left alone, whatever is escaped there.
        (r#"{"9007199254740992":"a\"9007199254740992"}"#, r#"{"9007199254740992":"a\"9007199254740992"}"#),
        (r#"["\\",9007199254740992]"#, r#"["\\","9007199254740992"]"#),
        ("0.1", "0.1"),
        ("-0.000000000000000000001", "-0.000000000000000000001"),
        ("83361.12345678901", "\"83361.12345678901\""),
        ("1e5", "1e5"),
        ("1E400", "\"1E400\""),
        ("[true,null,\"é\"]", "[true,null,\"é\"]"),
        ("", ""),
    ];
    for (json, expected) in table {
        assert_eq!(quote_long_numbers(json), expected, "{json}");
    }
}

#[test]
fn frames() {
    let table = [
        (
            r#"{"E":1759873803503023900,"s":"btcusd","t":2840140956529623,"p":"45000.50","q":"0.10000000","m":true}"#,
            r#"{"time":"17","kind":"trade","symbol":"btcusd","event_time":"1759873803503023900","trade_id":2840140956529623,"event_id":null,"price":"45000.50","quantity":"0.10000000","taker":"sell"}"#,
        ),
        (
            r#"{"id":"md","status":200,"result":{"serverTime":1790732602153,"b":[1],"a":99999999999999999}}"#,
            r#"{"time":"17","kind":"response","id":"md","status":200,"result":{"serverTime":1790732602153,"b":[1],"a":"99999999999999999"},"error":null,"rate_limits":null}"#,
        ),
        (
            r#"{"id":4,"status":400,"error":{"code":-1013,"msg":"bad \"name\""}}"#,
            r#"{"time":"17","kind":"response","id":4,"status":400,"result":null,"error":{"code":-1013,"message":"bad \"name\""},"rate_limits":null}"#,
        ),
        (
            r#"{"e":"news","E":1790732602153000000}"#,
            r#"{"time":"17","kind":"unrecognized","frame":{"e":"news","E":"1790732602153000000"}}"#,
        ),
        (
            r#"{"id":1,"status":}"#,
            r#"{"kind":"malformed","reason":"syntax","offset":17,"member":null,"message":"unexpected character at byte 17","frame":"{\"id\":1,\"status\":}"}"#,
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
    write_event(&mut out, Some("17"), &event).unwrap();
    let printed = String::from_utf8(out).unwrap();
    assert_eq!(printed, line_of(Endpoint::OrderEventsV1, frame));
    assert!(printed.contains(r#""order_id":"9007199254740993""#) && !printed.contains("secret"), "{printed}");
}
