//! Tests that all members of a frame decide its kind, even if its first bytes suggest another kind.

extern crate std;
use super::*;
use alloc::vec::Vec;
use std::format;
use std::string::String;

/// The members of a frame of each kind, and of frames that nearly are a frame of some kind.
const FRAMES: [&[&str]; 20] = [
    &[r#""u":1"#, r#""E":2"#, r#""s":"x""#, r#""b":"1""#, r#""B":"2""#, r#""a":"3""#, r#""A":"4""#],
    &[r#""E":1"#, r#""s":"x""#, r#""t":2"#, r#""p":"3""#, r#""q":"4""#, r#""m":true"#],
    &[r#""E":1"#, r#""s":"x""#, r#""t":2"#, r#""p":"3""#],
    &[r#""lastUpdateId":1"#, r#""symbol":"x""#, r#""bids":[["1","2"]]"#, r#""asks":[]"#],
    &[
        r#""e":"depthUpdate""#,
        r#""E":1"#,
        r#""s":"x""#,
        r#""U":1"#,
        r#""u":2"#,
        r#""b":[["1","2"]]"#,
        r#""a":[]"#,
    ],
    &[r#""E":1"#, r#""s":"x""#, r#""U":1"#, r#""u":2"#, r#""b":[]"#, r#""a":[]"#],
    &[r#""e":"markPrice""#, r#""E":1"#, r#""s":"x""#, r#""p":"2""#],
    &[r#""e":"orderUpdate""#, r#""E":1"#, r#""s":"x""#, r#""i":2"#, r#""X":"NEW""#],
    &[r#""E":1"#, r#""s":"x""#, r#""i":2"#, r#""X":"NEW""#],
    &[r#""e":"balanceUpdate""#, r#""E":1"#, r#""u":2"#, r#""B":[]"#],
    &[r#""u":1"#, r#""E":2"#, r#""B":[{"a":"BTC","f":"1","c":"2"}]"#],
    &[r#""u":1"#, r#""E":2"#, r#""P":[]"#],
    &[r#""id":1"#, r#""status":200"#, r#""result":{"serverTime":3}"#],
    &[r#""id":1"#, r#""status":400"#, r#""error":{"code":-1,"msg":"no"}"#],
    &[r#""e":"orderSnapshot""#, r#""orders":[{"E":1,"s":"x","i":2,"X":"NEW"},5]"#],
    &[r#""type":"settlements""#, r#""settlements":[{"symbol":"x","position":"1","outcome":"yes"}]"#],
    &[r#""e":"requestForQuote""#, r#""E":1"#, r#""r":"1""#, r#""l":[{"c":"2","o":"yes"}]"#, r#""S":"NEW""#],
    &[r#""e":"requestForQuote""#, r#""i":"7""#, r#""E":1"#, r#""r":"1""#, r#""x":"NEW""#, r#""S":"NEW""#],
    &[r#""e":"requestForQuote""#, r#""E":1"#, r#""i":null"#, r#""r":"1""#, r#""l":[]"#, r#""S":"NEW""#],
    &[r#""foo":1"#],
];

/// Texts that stand for the value of a member: some are not JSON, the others are JSON but look invalid.
const VALUES: [&str; 12] = [
    r#"["change"5,6]"#,
    r#"{"a":1]"#,
    r#"[{"a":1}"#,
    r#"["]"]"#,
    r#"""""#,
    r#"[1,]"#,
    r#"{"a" 1}"#,
    "[01]",
    "tru",
    "1.5e3",
    "-0",
    r#"[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]"#,
];

#[test]
fn first_bytes_never_decide() {
    let letters = || (b'A'..=b'Z').chain(b'a'..=b'z').map(char::from);
    // Names of one letter, names of several letters, and names that begin with `e` and whose fifth letter decides
    // which kind the decoder guesses.
    let strays = letters().flat_map(|it| [format!("{it}"), format!("{it}xyz"), format!("exyz{it}")]);
    let strays: Vec<String> = strays.map(|name| format!("\"{name}\":1")).collect();
    for members in FRAMES {
        for first in 0..members.len() {
            let mut rotated = members.to_vec();
            rotated.rotate_left(first);
            agree(&rotated);
        }
        for value in VALUES {
            for place in 0..members.len() {
                let mut changed = members.to_vec();
                let name = members[place].split_once(':').map(|(name, _)| name);
                let member = format!("{}:{value}", name.unwrap_or_default());
                changed[place] = &member;
                agree(&changed);
                changed[place] = members[place];
                let stray = format!("\"stray\":{value}");
                changed.insert(place, &stray);
                agree(&changed);
                checked(&changed);
            }
        }
        for stray in &strays {
            let mut more = members.to_vec();
            more.insert(0, stray);
            agree(&more);
        }
    }
}

fn agree(members: &[&str]) {
    let frame = format!("{{{}}}", members.join(","));
    let (mut one, mut other) = (Scratch::new(), Scratch::new());
    let guessed = format!("{:?}", decode(&frame, &mut one));
    assert_eq!(guessed, format!("{:?}", stream::decode_any(&frame, &mut other)), "{frame}");
}

/// Checks that a frame decodes if it is JSON. Otherwise `decode` must return the error of `outline::check`, at the
/// first byte that cannot be JSON, whatever kind the frame seems to be.
fn checked(members: &[&str]) {
    let frame = format!("{{{}}}", members.join(","));
    let mut scratch = Scratch::new();
    let decoded = decode(&frame, &mut scratch);
    match outline::check(&frame) {
        Ok(()) => assert!(decoded.is_ok(), "{frame}: {decoded:?}"),
        Err(error) => assert_eq!(decoded.err(), Some(error), "{frame}"),
    }
}

#[test]
fn what_is_no_json_is_refused() {
    let rows = [
        (Endpoint::MarketDataV2, r#"{"type":"{"result":"error","reason":"X"}"#),
        (Endpoint::MarketDataV2, r#"{"type":"{"type":"trade"}"#),
        (Endpoint::MarketDataV1, r#"{"type":"{"type":"heartbeat","socket_sequence":1}"#),
        (Endpoint::Streams, r#"{"id":1,"status":400,"error":{"code":-"5","msg":"x"}}"#),
        (Endpoint::Streams, r#"{"id":1,"status":400,"error":{"code":-,"msg":"x"}}"#),
    ];
    for (endpoint, frame) in rows {
        let mut scratch = Scratch::new();
        assert_eq!(decode_from(endpoint, frame, &mut scratch).err(), outline::check(frame).err(), "{frame}");
    }
}

#[test]
fn the_last_type_counts() {
    for begin in [
        r#"{"type":"trade","symbol":"BTCUSD","event_id":1,"price":"1","quantity":"1","side":"buy""#,
        r#"{"type":"auction_result","symbol":"BTCUSD","time_ms":1,"result":"success""#,
        r#"{"type":"heartbeat","timestamp":1"#,
    ] {
        for last in ["null", "5", "{}"] {
            let frame = format!("{begin},\"type\":{last}}}");
            let mut scratch = Scratch::new();
            let decoded = decode_from(Endpoint::MarketDataV2, &frame, &mut scratch);
            assert!(matches!(decoded, Ok(Message::Unrecognized(_))), "{frame}: {decoded:?}");
        }
    }
}

/// Checks that `Affected` names neither a topic nor a symbol if a frame names two kinds or two symbols, because
/// either one may be the right one.
#[test]
fn a_frame_that_names_two_kinds_or_symbols_may_be_about_any() {
    let rows = [
        (Endpoint::Streams, r#"{"e":"depthUpdate","e":"trade","s":"btcusd"}"#),
        (Endpoint::Streams, r#"{"e":"depthUpdate","\u0065":"trade","s":"btcusd"}"#),
        (Endpoint::Streams, r#"{"e":"depthUpdate","s":"btcusd","s":"ethusd"}"#),
        (Endpoint::Streams, r#"{"e":"depthUpdate","s":"btcusd","s":null}"#),
        (Endpoint::Streams, r#"{"e":"depthUpdate","s":"btcusd","symbol":"ethusd"}"#),
        (Endpoint::Streams, r#"{"e":"trade""depthUpdate","s":"btcusd"}"#),
        (Endpoint::Streams, r#"{"e":"trade","e":"depthUpdate","s":"#),
        (Endpoint::Streams, r#"{"e" x:"depthUpdate","e":"trade","s":"btcusd","b":[["1","2"]],"a":[]}"#),
        (Endpoint::Streams, r#"{"e:"depthUpdate","e":"trade","s":"btcusd","b":[["1","2"]],"a":[]}"#),
        (Endpoint::Streams, r#"{"x":"depthUpdate","s":"btcusd","b":[]{"e":"trade","s":"btcusd"}"#),
        (Endpoint::Streams, r#"{"e":"trade","s":"btcusd"}{"e":"#),
        (Endpoint::Streams, r#"{"e":"trade","s":"btcusd"}{"e":"depthUp"#),
        (
            Endpoint::MarketDataV2,
            r#"{"type" x:"l2_updates","symbol":"BTCUSD"}{"type":"trade","symbol":"BTCUSD"}"#,
        ),
        (
            Endpoint::MarketDataV2,
            r#"{"type":"heartbeat","symbol":"BTCUSD"}{"type:"l2_updates","symbol":"BTCUSD"}"#,
        ),
        (Endpoint::MarketDataV1, r#"{"type":"heartbeat"}{"type" x:"update"}"#),
        (Endpoint::MarketDataV2, r#"{"type":"trade","type":"l2_updates","symbol":"BTCUSD"}"#),
        (Endpoint::MarketDataV2, r#"{"type":"trade","ty\u0070e":"l2_updates","symbol":"BTCUSD"}"#),
        (Endpoint::MarketDataV2, r#"{"type":"l2_updates","symbol":"BTCUSD","\u0073ymbol":"ETHUSD"}"#),
        (Endpoint::MarketDataV1, r#"{"type":"heartbeat","ty\u0070e":"update"}"#),
    ];
    let wrong = |(endpoint, frame): &(Endpoint, &str)| {
        let affected = affected::Affected::by(*endpoint, frame);
        affected != affected::Affected { topic: None, symbol: None }
    };
    assert_eq!(rows.iter().filter(|row| wrong(row)).collect::<Vec<_>>(), Vec::<&(Endpoint, &str)>::new());
}

#[test]
fn rows_of_a_broken_first_frame_do_not_tell_its_kind() {
    let trade = r#"{"type":"trade","symbol":"BTCUSD","price":"?","side":"buy"}"#;
    let auction = trade.replace("trade", "auction_result");
    let topic = |frame: &str| affected::Affected::by(Endpoint::MarketDataV2, frame).topic;
    for row in [trade, &auction] {
        let levels = format!(r#""symbol":"BTCUSD","changes":[["buy","?","1"]],"trades":[{row}]"#);
        let frame = format!(r#"{{{levels},"type":"l2_upd"#);
        assert_eq!(topic(&frame), None, "{frame}");
        // This frame is complete, so its own type counts.
        let frame = format!(r#"{{"ty\u0070e":"l2_updates",{levels}}}"#);
        assert_eq!(topic(&frame), Some(crate::request::stream::Topic::Depth), "{frame}");
        assert_eq!(topic(row), Some(crate::request::stream::Topic::Trade), "{row}");
    }
    // This frame is complete too. Its type comes after another member.
    let other = r#"{"price":"?","type":"trade","symbol":"BTCUSD"}"#;
    assert_eq!(topic(other), Some(crate::request::stream::Topic::Trade));
}
