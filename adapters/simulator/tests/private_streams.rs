//! Tests private streams: their first frames, their events, and their end.

use std::time::Duration;

use crate::common::request;
use crate::common::trading::{FIRST, Floor, SECOND, place, short};
use gemini_ws::Decimal;
use gemini_ws_simulator::{Account, AccountId, SessionId};

const SECONDS: Duration = Duration::from_secs(1);
const TIME: u64 = 1_790_732_601_000_000_000;

/// Creates an account with small balances, in a market without order flow.
fn floor() -> Floor {
    let decimal = |text: &str| text.parse::<Decimal>().unwrap();
    let account = Account::new("account-x", "s").bearer_token("x").id(AccountId(8)).without_balances();
    let account = account.balance("usd", decimal("207.39")).balance("BTC", decimal("0.50"));
    let mut floor = Floor::quiet(|config| config.account(account));
    floor.connect(FIRST, "x", "/");
    floor
}

fn frames(texts: &[(SessionId, String)]) -> Vec<&str> {
    let texts = texts.iter().filter(|(session, text)| *session == FIRST && !text.contains("\"status\""));
    texts.map(|(_, text)| text.as_str()).collect()
}

#[test]
fn balances_begin_whole_and_go_on_with_changes() {
    let mut floor = floor();
    let texts = floor.send(FIRST, &request("subscribe", &["balances@account"]));
    assert_eq!(texts.len(), 2);
    assert_eq!(
        frames(&texts),
        [format!(
            r#"{{"e":"balanceUpdate","E":{TIME},"u":{TIME},"B":[{{"a":"BTC","f":"0.5","c":"0.5"}},{{"a":"USD","f":"207.39","c":"207.39"}}]}}"#
        )]
    );
    let changed = |rows: &str| [format!(r#"{{"e":"balanceUpdate","E":{TIME},"u":{TIME},"B":[{rows}]}}"#)];
    let texts = floor.send(FIRST, &place("btcusd BUY LIMIT GTC 0.5 100.02"));
    assert_eq!(frames(&texts), changed(r#"{"a":"USD","f":"157.38","c":"207.39"}"#));
    let texts = floor.send(SECOND, &place("btcusd SELL LIMIT GTC 0.2 100"));
    let rows = r#"{"a":"BTC","f":"0.7","c":"0.7"},{"a":"USD","f":"157.38","c":"187.386"}"#;
    assert_eq!(frames(&texts), changed(rows));
    let texts = floor.send(FIRST, r#"{"id":1,"method":"order.cancel_all"}"#);
    assert_eq!(frames(&texts), changed(r#"{"a":"USD","f":"187.386","c":"187.386"}"#));
    // An order that the exchange rejects changes nothing.
    let texts = floor.send(FIRST, &place("btcusd BUY LIMIT GTC 5 100"));
    assert_eq!(frames(&texts), [""; 0]);
    // The exchange only acknowledges a second subscription to the same stream.
    let texts = floor.send(FIRST, &request("subscribe", &["balances@account"]));
    assert_eq!((texts.len(), frames(&texts).len()), (1, 0));
    floor.send(FIRST, &request("unsubscribe", &["balances@account"]));
    let texts = floor.send(FIRST, &place("btcusd BUY LIMIT GTC 0.5 100.02"));
    assert_eq!(frames(&texts), [""; 0]);
}

#[test]
fn periodic_streams() {
    let mut floor = floor();
    let texts = floor.send(FIRST, &request("subscribe", &["balances@account@1s", "positions@account@1s"]));
    assert_eq!(short(&texts), ["1: 200"]);
    let texts = floor.run(SECONDS * 3);
    let sent = frames(&texts);
    assert_eq!(sent.len(), 6);
    let second = TIME + 1_000_000_000;
    assert!(sent[0].starts_with(&format!(r#"{{"e":"balanceUpdate","E":{second},"#)), "{}", sent[0]);
    assert_eq!(sent[1], format!(r#"{{"e":"positionReport","E":{second},"u":{second},"A":8,"P":[]}}"#));
    floor.send(FIRST, &request("unsubscribe", &["balances@account@1s"]));
    let texts = floor.run(SECONDS * 3);
    assert_eq!(frames(&texts).len(), 3);
    floor.send(FIRST, &request("unsubscribe", &["positions@account@1s"]));
    let texts = floor.run(SECONDS * 3);
    assert_eq!(frames(&texts), [""; 0]);
    floor.send(FIRST, &request("subscribe", &["balances@account@1s"]));
    floor.connect(FIRST, "x", "/");
    let texts = floor.run(SECONDS * 3);
    assert_eq!(frames(&texts), [""; 0], "of the session before");
}

#[test]
fn positions() {
    let mut floor = floor();
    let texts = floor.send(FIRST, &request("subscribe", &["positions@account"]));
    let report =
        |rows: &str| [format!(r#"{{"e":"positionReport","E":{TIME},"u":{TIME},"A":8,"P":[{rows}]}}"#)];
    assert_eq!(frames(&texts), report(""));
    let row = |quantity: &str| {
        report(&format!(r#"{{"t":"ec","s":"GEMI-A-UP","a":[{{"t":"position","v":"{quantity}"}}]}}"#))
    };
    let texts = floor.send(FIRST, &place("GEMI-A-UP BUY LIMIT GTC 100 0.30 - NO"));
    assert_eq!(frames(&texts), [""; 0]);
    let texts = floor.send(SECOND, &place("GEMI-A-UP BUY LIMIT GTC 100 0.70 - YES"));
    assert_eq!(frames(&texts), row("-100"));
    floor.send(SECOND, &place("GEMI-A-UP BUY LIMIT GTC 100 0.35 - NO"));
    let texts = floor.send(FIRST, &place("GEMI-A-UP SELL LIMIT GTC 100 0.36 - NO"));
    assert_eq!(frames(&texts), [""; 0], "nobody pays as much");
    let texts = floor.send(SECOND, &place("GEMI-A-UP BUY LIMIT IOC 1 0.36 - NO"));
    assert_eq!(frames(&texts), row("-99"));
}

#[test]
fn orders_of_a_session() {
    let mut floor = Floor::quiet(|config| config);
    let other = SessionId(3);
    floor.connect(other, "one", "/");
    floor.send(other, &request("subscribe", &["orders@session"]));
    // The stream `orders@account` reports all orders of the account, including those of other sessions. The stream
    // `orders@session` reports only the orders of its session.
    let told = |texts: &[(SessionId, String)], session: SessionId| {
        texts.iter().filter(|(to, text)| *to == session && text.contains("\"X\"")).count()
    };
    let texts = floor.send(FIRST, &place("btcusd BUY LIMIT GTC 1 100"));
    assert_eq!((told(&texts, FIRST), told(&texts, other)), (2, 0));
    let texts = floor.send(other, &place("btcusd BUY LIMIT GTC 1 101"));
    assert_eq!((told(&texts, FIRST), told(&texts, other)), (2, 2));
    let texts = floor.send(SECOND, &place("btcusd SELL LIMIT GTC 2 100"));
    assert_eq!((told(&texts, FIRST), told(&texts, other), told(&texts, SECOND)), (2, 1, 3));
}

/// One request can name streams of all kinds. If the exchange refuses one of them, it refuses all.
#[test]
fn streams_share_requests() {
    let mut floor = floor();
    let texts = floor.send(FIRST, &request("subscribe", &["btcusd@bookTicker", "balances@account"]));
    assert_eq!(texts.len(), 3);
    let texts = floor.send(FIRST, &request("subscribe", &["orders@account", "nosuch@trade"]));
    assert_eq!(short(&texts), ["1: 400 -1013 Invalid stream name: nosuch@trade"]);
    let names = floor.send(FIRST, r#"{"id":1,"method":"list_subscriptions"}"#);
    assert_eq!(names[0].1, r#"{"id":1,"status":200,"result":["btcusd@bookTicker","balances@account"]}"#);
}
