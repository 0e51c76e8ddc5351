//! Tests the life of quotes, in the frames of their makers and of the public, and in the ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::common;
use crate::common::quoting::{Harness, PUBLIC};
use crate::common::request;
use crate::common::trading::{FIRST, Floor, SECOND, place};
use gemini_ws::Decimal;
use gemini_ws_simulator::{Account, Config, OrderSide, OrderState, OrderType, Outcome, Role, SessionId};
use serde_json::Value;

const A_SECOND: Duration = Duration::from_secs(1);

fn plain(config: Config) -> Config {
    config
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn a_quote_is_executed() {
    let mut harness = Harness::new(|config| config.fees(10, 35), 1);
    harness.floor.send(FIRST, &request("subscribe", &["balances@account", "positions@account"]));
    let quote = harness.until_accepted(FIRST, "price=0.40 quantity=2.5 clientId=combo/1");
    assert_eq!(harness.present["f"], "2.5", "less than was requested");
    let deadline = harness.present["c"].as_i64().unwrap();
    assert_eq!(deadline - harness.present["E"].as_i64().unwrap(), 5_000);
    assert_eq!(
        harness.confirm(FIRST, &quote, true),
        ["1: 200", "public FINALIZING", "1: CONFIRMED FINALIZING ACTIVE"]
    );
    // Check the text of the frames.
    let texts = harness.floor.run(A_SECOND);
    let combo = harness.rfq_id().replace("rfq", "GEMI-COMBO");
    let mut events = BTreeMap::new();
    for (_, text) in texts.iter().filter(|(session, _)| *session == FIRST) {
        let value: Value = serde_json::from_str(text).unwrap();
        events.insert(value["e"].as_str().unwrap().to_owned(), value);
    }
    let told = &events["requestForQuote"];
    let shown = ["x", "S", "q", "p", "sz", "qs"].map(|name| told[name].as_str().unwrap());
    assert_eq!(shown, ["FINALIZED", "FINALIZED", &quote, "0.4", "2.5", "WON"]);
    assert_eq!((told["i"].as_str().unwrap().len(), told.get("vu")), (36, None));
    let filled = &events["orderUpdate"];
    let shown = ["s", "c", "S", "o", "X", "O", "p", "q", "z", "Z", "L", "n"]
        .map(|name| filled[name].as_str().unwrap());
    assert_eq!(
        shown,
        [&combo, "combo/1", "BUY", "LIMIT", "FILLED", "NO", "0.6", "2.5", "0", "2.5", "0.6", "0.0015"]
    );
    assert_eq!(filled["m"], true);
    assert_eq!(events["balanceUpdate"]["B"][0]["c"], "999998.4985");
    assert_eq!(events["positionReport"]["P"][0]["s"].as_str(), Some(combo.as_str()));
    assert_eq!(events["positionReport"]["P"][0]["a"][0]["v"], "-2.5");
    let short = harness.short(&texts);
    assert!(short.starts_with(&["public FINALIZED".to_owned()]), "{short:?}");

    // Check the ledger.
    let account = harness.floor.account(0);
    assert_eq!(harness.floor.balance(0, "USD"), "999998.4985 of 999998.4985");
    let positions = harness.floor.exchange.positions(account);
    assert_eq!((positions[0].symbol.as_str(), positions[0].quantity), (combo.as_str(), decimal("-2.5")));
    let orders = harness.floor.exchange.orders(account);
    assert_eq!(orders.len(), 1);
    let order = &orders[0];
    assert_eq!((order.state, order.order_type), (OrderState::Filled, OrderType::Limit));
    assert_eq!((order.side, order.outcome), (OrderSide::Buy, Some(Outcome::No)));
    assert_eq!(order.client_order_id.as_deref(), Some("combo/1"));
    assert_eq!((order.executed_quantity, order.executed_notional), (decimal("2.5"), decimal("1.5")));
    assert!(order.fills[0].is_maker && order.session == FIRST);
    assert_eq!(Some(order.fills[0].trade_id), filled["t"].as_u64());
}

#[test]
fn what_is_executed_is_at_most_what_is_requested() {
    let mut harness = Harness::new(plain, 2);
    let (mut of_notional, mut of_quantity) = (0, 0);
    for _ in 0..12 {
        let quote = harness.until_accepted(FIRST, "price=0.03 quantity=100000");
        let executed = decimal(harness.present["f"].as_str().unwrap());
        if let Some(quantity) = harness.present["q"].as_str() {
            of_quantity += 1;
            assert_eq!(executed, decimal(quantity));
        } else {
            of_notional += 1;
            let notional = decimal(harness.present["n"].as_str().unwrap());
            // The quantity is rounded down to hundredths of a contract.
            let price = decimal("0.03");
            assert!(executed.checked_mul(price).unwrap() <= notional);
            let more = executed.checked_add(decimal("0.01")).unwrap();
            assert!(more.checked_mul(price).unwrap() > notional);
        }
        harness.confirm(FIRST, &quote, true);
        harness.until("1: FINALIZED FINALIZED WON");
        let order = harness.floor.exchange.orders(harness.floor.account(0)).pop().unwrap();
        assert_eq!(order.executed_quantity, executed);
        // The venue uses the id of the quote if there is no client id.
        assert_eq!(order.client_order_id, Some(quote));
    }
    assert!(of_notional > 0 && of_quantity > 0);
}

#[test]
fn a_maker_may_decline() {
    let mut harness = Harness::new(plain, 3);
    let quote = harness.until_accepted(FIRST, "price=0.01 quantity=1");
    assert_eq!(harness.confirm(FIRST, &quote, false), ["1: 200", "public FAILED", "1: DECLINED FAILED LOST"]);
    assert!(harness.floor.exchange.orders(harness.floor.account(0)).is_empty());
    // Another request for quotes follows.
    assert_eq!(harness.step(), ["public OPEN"]);
}

#[test]
fn a_maker_must_confirm_in_time() {
    let mut harness = Harness::new(plain, 4);
    let quote = harness.until_accepted(FIRST, "price=0.01 quantity=1");
    let texts = harness.floor.run(Duration::from_millis(4_999));
    assert!(texts.is_empty(), "{texts:?}");
    let texts = harness.floor.run(Duration::from_millis(1));
    assert_eq!(harness.short(&texts), ["public FAILED", "1: FAILED FAILED EXPIRED"]);
    let members = format!("quoteId={quote} confirm=true");
    assert_eq!(harness.send(FIRST, "confirm_quote", &members).1, ["1: 400 -1013"]);
}

#[test]
fn a_maker_must_be_able_to_pay() {
    let poor = Account::new("account-poor", "s").bearer_token("poor").balance("USD", decimal("9.89"));
    let mut harness = Harness::new(|config| config.account(poor), 5);
    let poor = SessionId(3);
    harness.floor.connect(poor, "poor", "/");
    harness.floor.send(poor, &request("subscribe", &["requestForQuote@session", "orders@account"]));
    // A request for quotes may be for less than the ten contracts of the quote: then the test waits for the next
    // request.
    loop {
        let quote = harness.until_accepted(poor, "price=0.01 quantity=10");
        let lines = harness.confirm(poor, &quote, true);
        assert_eq!(lines, ["3: 200", "public FINALIZING", "3: CONFIRMED FINALIZING ACTIVE"]);
        let contracts = decimal(harness.present["f"].as_str().unwrap());
        if contracts == decimal("10") {
            break;
        }
        let account = harness.floor.exchange.account_of(poor).unwrap();
        assert!(harness.floor.exchange.orders(account).is_empty(), "a smaller one was executed");
        harness.step();
    }
    assert_eq!(harness.step(), ["public FAILED", "3: FAILED FAILED LOST"]);
    let account = harness.floor.exchange.account_of(poor).unwrap();
    assert!(harness.floor.exchange.positions(account).is_empty());
    // This account was added before the two accounts of `Floor`, so its index is 0.
    assert_eq!(harness.floor.balance(0, "USD"), "9.89 of 9.89");
}

/// The requester accepts the quote with the lowest price; of two quotes with the same price, it accepts the earlier
/// one. The maker of the other quote gets an event when the request ends.
#[test]
fn the_lowest_price_wins() {
    for (prices, winner) in [(["0.02", "0.01"], SECOND), (["0.01", "0.02"], FIRST), (["0.01", "0.01"], FIRST)]
    {
        for confirm in [true, false] {
            let mut harness = Harness::new(plain, 6);
            let quotes = loop {
                harness.until("public OPEN");
                let members = |price| format!("price={price} quantity=1");
                let quotes =
                    [harness.submit(FIRST, &members(prices[0])), harness.submit(SECOND, &members(prices[1]))];
                let mut lines = Vec::new();
                while !lines.iter().any(|line: &String| line.contains(": ")) {
                    lines = harness.step();
                }
                if lines.iter().any(|line| line.contains("ACCEPTED")) {
                    assert_eq!(
                        lines,
                        ["public CONFIRMING".to_owned(), format!("{}: ACCEPTED CONFIRMING ACTIVE", winner.0)]
                    );
                    break quotes;
                }
            };
            let loser = if winner == FIRST { SECOND } else { FIRST };
            let mut lines = harness.confirm(winner, &quotes[usize::from(winner == SECOND)], confirm);
            if confirm {
                lines = harness.until(&format!("{}: FINALIZED FINALIZED WON", winner.0));
                assert_eq!(lines[2], format!("{}: FINALIZED FINALIZED LOST", loser.0));
            } else {
                assert_eq!(lines[3], format!("{}: CLOSED FAILED LOST", loser.0));
            }
            // The ledger has an order of the winner if the winner has confirmed, and no other order.
            let orders =
                [0, 1].map(|account| harness.floor.exchange.orders(harness.floor.account(account)).len());
            let won = [winner == FIRST, winner == SECOND].map(|won| usize::from(won && confirm));
            assert_eq!(orders, won);
        }
    }
}

/// A quote with a high price is seldom accepted, because hidden makers quote lower prices.
#[test]
fn dear_quotes_are_seldom_accepted() {
    let accepted = |price: &str| {
        let mut harness = Harness::new(plain, 7);
        let (mut accepted, mut ends) = (0, BTreeMap::new());
        for _ in 0..60 {
            harness.until("public OPEN");
            let quote = harness.submit(FIRST, &format!("price={price} quantity=1"));
            loop {
                let lines = harness.step();
                if lines.contains(&"1: ACCEPTED CONFIRMING ACTIVE".to_owned()) {
                    accepted += 1;
                    harness.confirm(FIRST, &quote, true);
                }
                if let Some(end) = lines.iter().find(|line| line.ends_with("WON") || line.ends_with("LOST")) {
                    *ends.entry(end.clone()).or_insert(0) += 1;
                    break;
                }
            }
        }
        (accepted, ends)
    };
    let (cheap, _) = accepted("0.01");
    let (dear, ends) = accepted("0.99");
    assert!(cheap > 25 && dear < 5, "{cheap} {dear}");
    for end in
        ["FINALIZED FINALIZED LOST", "CLOSED FAILED LOST", "CLOSED CANCELLED LOST", "CLOSED EXPIRED LOST"]
    {
        assert!(ends.contains_key(&format!("1: {end}")), "{end} {ends:?}");
    }
}

#[test]
fn quotes_are_withdrawn() {
    let mut harness = Harness::new(plain, 8);
    harness.until("public OPEN");
    let quote = harness.submit(FIRST, "price=0.01 quantity=1");
    let members = format!("quoteId={quote}");
    // The requests name a quote of another account, another request, an unknown quote, and no quote.
    assert_eq!(harness.send(SECOND, "withdraw_quote", &members).1, ["2: 400 -1013"]);
    assert_eq!(harness.send(FIRST, "withdraw_quote", &format!("{members} rfqId=rfq-99")).1, ["1: 400 -1013"]);
    assert_eq!(harness.send(FIRST, "withdraw_quote", "quoteId=quote-99").1, ["1: 400 -1013"]);
    assert_eq!(harness.send(FIRST, "withdraw_quote", "").1, ["1: 400 -1013"]);
    let (reply, lines) = harness.send(FIRST, "withdraw_quote", &members);
    assert_eq!(lines, ["1: 200", "1: CLOSED OPEN WITHDRAWN"]);
    assert_eq!(reply["result"].as_object().unwrap().len(), 2);
    assert_eq!(
        (&reply["result"]["rfqId"], &reply["result"]["quoteId"]),
        (&harness.present["r"], &quote.into())
    );
    assert_eq!(harness.send(FIRST, "withdraw_quote", &members).1, ["1: 400 -1013"]);
    // The requester does not accept a withdrawn quote. A maker cannot withdraw an accepted quote.
    let quote = harness.until_accepted(FIRST, "price=0.01 quantity=1");
    assert_eq!(harness.send(FIRST, "withdraw_quote", &format!("quoteId={quote}")).1, ["1: 400 -1013"]);
}

#[test]
fn quotes_run_out() {
    let mut harness = Harness::new(plain, 9);
    harness.until("public OPEN");
    let now = harness.present["E"].as_i64().unwrap();
    for (session, millis) in [(FIRST, 700), (FIRST, 400), (SECOND, 700), (SECOND, 1 << 40)] {
        harness.submit(session, &format!("price=0.01 quantity=1 validUntil={}", now + millis));
    }
    let texts = harness.floor.run(Duration::from_millis(398));
    assert!(texts.is_empty(), "{texts:?}");
    let texts = harness.floor.run(Duration::from_millis(2));
    assert_eq!(harness.short(&texts), ["1: CLOSED OPEN EXPIRED"]);
    let told: Value = serde_json::from_str(&texts[0].1).unwrap();
    assert_eq!((told["E"].as_i64(), told["vu"].as_i64()), (Some(now + 400), Some(now + 400)));
    let texts = harness.floor.run(Duration::from_millis(299));
    assert_eq!(harness.short(&texts), [] as [&str; 0]);
    let texts = harness.floor.run(Duration::from_millis(1));
    assert_eq!(harness.short(&texts), ["1: CLOSED OPEN EXPIRED", "2: CLOSED OPEN EXPIRED"]);

    // The end of its validity does not end an accepted quote. The quote ends if its maker does not confirm it in
    // time.
    for _ in 0..20 {
        harness.until("public OPEN");
        let until = harness.present["E"].as_i64().unwrap() + 6_000;
        harness.submit(FIRST, &format!("price=0.01 quantity=1 validUntil={until}"));
        let mut lines = Vec::new();
        while !lines.iter().any(|line: &String| line.starts_with("1: ")) {
            lines = harness.step();
        }
        if lines.contains(&"1: ACCEPTED CONFIRMING ACTIVE".to_owned())
            && harness.present["c"].as_i64().unwrap() > until
        {
            assert_eq!(harness.step(), ["public FAILED", "1: FAILED FAILED EXPIRED"]);
            return;
        }
    }
    panic!("never accepted");
}

#[test]
fn refusals() {
    let mut harness = Harness::new(plain, 10);
    let good = "price=0.42 quantity=100 clientId=quote-1";
    assert_eq!(harness.send(FIRST, "submit_quote", &format!("{good} rfqId=rfq-1")).1, ["1: 400 -1013"]);
    harness.until("public OPEN");
    let now = harness.present["E"].as_i64().unwrap();
    let too_long = "x".repeat(37);
    for wrong in [
        "rfqId=rfq-2",
        "rfqId=rfq-01",
        "rfqId=1",
        "rfqId=-",
        "price=-",
        "price=0",
        "price=-0.42",
        "price=0.425",
        "price=1",
        "price=1.5",
        "price=1e-1",
        "price=x",
        "quantity=-",
        "quantity=0",
        "quantity=-1",
        "quantity=0.005",
        "quantity=99999999999999999999",
        "validUntil=0",
        "validUntil=-1",
        &format!("validUntil={now}"),
        // This time does not fit into an `i64` of nanoseconds.
        "validUntil=9223372036855",
        r#"validUntil="1""#,
        "validUntil=null",
        "clientId=",
        "clientId=é",
        &format!("clientId={too_long}"),
    ] {
        let (reply, lines) = harness.send(FIRST, "submit_quote", &format!("{good} {wrong}"));
        assert_eq!(lines, ["1: 400 -1013"], "{wrong}");
        assert!(reply["error"]["msg"].as_str().unwrap().starts_with("Invalid parameters"), "{reply}");
    }
    let longest = "x".repeat(36);
    for right in
        ["", "price=0.010", "price=0.99", "quantity=0.01", "clientId=-", &format!("clientId={longest}")]
    {
        harness.submit(FIRST, &format!("{good} {right}"));
    }
    // Several quotes may have the same client id.
    let quote = harness.submit(FIRST, &format!("{good} validUntil={}", now + 1));
    for wrong in ["confirm=-", "confirm=1", "confirm=true", "confirm=false quoteId=-"] {
        let members = format!("quoteId={quote} {wrong}");
        assert_eq!(harness.send(FIRST, "confirm_quote", &members).1, ["1: 400 -1013"], "{wrong}");
    }
    // A request for quotes that is no longer open accepts no quotes.
    harness.floor.run(Duration::from_millis(1));
    while harness.present["S"] == "OPEN" {
        harness.step();
    }
    assert_eq!(harness.send(FIRST, "submit_quote", good).1, ["1: 400 -1013"]);
}

#[test]
fn only_the_maker_confirms_and_once() {
    let mut harness = Harness::new(plain, 11);
    let quote = harness.until_accepted(FIRST, "price=0.01 quantity=1");
    let members = format!("quoteId={quote} confirm=true");
    assert_eq!(harness.send(SECOND, "confirm_quote", &members).1, ["2: 400 -1013"]);
    assert_eq!(harness.send(FIRST, "confirm_quote", &format!("{members} rfqId=rfq-99")).1, ["1: 400 -1013"]);
    assert_eq!(harness.confirm(FIRST, &quote, true)[0], "1: 200");
    assert_eq!(harness.send(FIRST, "confirm_quote", &members).1, ["1: 400 -1013"]);
    let no = format!("quoteId={quote} confirm=false");
    assert_eq!(harness.send(FIRST, "confirm_quote", &no).1, ["1: 400 -1013"]);
    assert_eq!(harness.step()[0], "public FINALIZED");
}

#[test]
fn who_may_quote() {
    let account = |name: &str| Account::new(format!("account-{name}"), "s").bearer_token(name);
    let mut harness = Harness::new(
        |config| {
            config
                .account(account("auditor").roles([Role::Auditor]))
                .account(account("nobody").roles([]))
                .account(account("new").accepted_terms(false))
        },
        12,
    );
    let names = ["auditor", "nobody", "new"];
    for (session, name) in (3..).map(SessionId).zip(names) {
        harness.floor.connect(session, name, "/");
    }
    harness.until("public OPEN");
    let good = "price=0.42 quantity=100 quoteId=quote-1 confirm=true";
    for (session, expected) in [
        (PUBLIC, ["401 -1002"; 3]),
        (SessionId(3), ["3: 401 -1002"; 3]),
        (SessionId(4), ["4: 401 -1002"; 3]),
        (SessionId(5), ["5: 400 -2010", "5: 400 -1013", "5: 400 -1013"]),
    ] {
        for (method, expected) in ["submit_quote", "withdraw_quote", "confirm_quote"].iter().zip(expected) {
            assert_eq!(harness.send(session, method, good).1, [expected], "{method}");
        }
    }
    // A key that may only read may subscribe.
    let streams = ["requestForQuote@account", "requestForQuote@session", "settlements@account"];
    for (session, expected) in [
        (PUBLIC, "401 -1002"),
        (SessionId(3), "3: 200"),
        (SessionId(4), "4: 401 -1002"),
        (SessionId(5), "5: 200"),
    ] {
        for stream in streams {
            let texts = harness.floor.send(session, &request("subscribe", &[stream]));
            assert_eq!(harness.short(&texts), [expected], "{stream}");
        }
    }
    let listed = harness.floor.send(SessionId(3), r#"{"id":1,"method":"list_subscriptions"}"#);
    let listed: Value = serde_json::from_str(&listed[0].1).unwrap();
    assert_eq!(listed["result"], Value::from(streams.to_vec()));
}

#[test]
fn no_requests() {
    let mut floor = Floor::new(common::market(&["btcusd"]), 1);
    floor.connect(FIRST, "one", "/");
    for (method, members) in [
        ("submit_quote", r#""price":"0.42","quantity":"1""#),
        ("withdraw_quote", r#""quoteId":"quote-1""#),
        ("confirm_quote", r#""quoteId":"quote-1","confirm":true"#),
    ] {
        let text = format!(r#"{{"id":1,"method":"rfq.{method}","params":{{"rfqId":"rfq-1",{members}}}}}"#);
        let texts = floor.send(FIRST, &text);
        assert!(texts[0].1.contains(r#""status":400,"error":{"code":-1013,"#), "{texts:?}");
    }
}

/// One account has two sessions. The stream `@account` of a session reports the quotes of both sessions, and the
/// stream `@session` only those of its own session. Each session can withdraw and confirm quotes of the other
/// session.
#[test]
fn scopes() {
    let mut harness = Harness::new(plain, 13);
    let other = SessionId(3);
    harness.floor.connect(other, "one", "/");
    harness.floor.send(FIRST, &request("subscribe", &["requestForQuote@session", "settlements@account"]));
    harness.floor.send(other, &request("subscribe", &["requestForQuote@session", "orders@session"]));
    harness.until("public OPEN");
    let mut count = |quoting: SessionId, answering: SessionId| {
        let quote = harness.submit(quoting, "price=0.01 quantity=1");
        let text = format!(
            r#"{{"id":4,"method":"rfq.withdraw_quote","params":{{"rfqId":"{}","quoteId":"{quote}"}}}}"#,
            harness.rfq_id()
        );
        let texts = harness.floor.send(answering, &text);
        let mut sessions = BTreeMap::new();
        let mut ids = BTreeMap::<String, BTreeSet<SessionId>>::new();
        for (session, text) in texts.iter().filter(|(_, text)| !text.contains(r#""id":4"#)) {
            *sessions.entry(session.0).or_insert(0) += 1;
            let value: Value = serde_json::from_str(text).unwrap();
            ids.entry(value["i"].as_str().unwrap().to_owned()).or_default().insert(*session);
        }
        assert_eq!(ids.len(), 1, "one event, whoever hears of it");
        sessions
    };
    // The exchange may send an event twice.
    let is = |counts: &BTreeMap<u64, u32>, expected: &[(u64, u32)]| {
        [1, 2].iter().any(|copies| {
            counts
                .iter()
                .map(|(session, count)| (*session, *count))
                .eq(expected.iter().map(|(session, count)| (*session, count * copies)))
        })
    };
    for (quoting, answering, expected) in [
        (FIRST, FIRST, [(1, 2)].as_slice()),
        (FIRST, other, &[(1, 2)]),
        (other, FIRST, &[(1, 1), (3, 1)]),
        (SECOND, SECOND, &[(2, 1)]),
    ] {
        let counts = count(quoting, answering);
        assert!(is(&counts, expected), "{quoting:?} {counts:?}");
    }

    // A quote outlives its session: another session of the account can confirm it. Then no stream `@session` reports
    // the events of the quote, but `orders@account` reports its order.
    let quote = harness.until_accepted(FIRST, "price=0.01 quantity=1");
    harness.floor.exchange.handle_lost(FIRST, harness.floor.now);
    harness.floor.connect(FIRST, "one", "/");
    harness.floor.send(FIRST, &request("subscribe", &["requestForQuote@session", "orders@account"]));
    assert_eq!(harness.confirm(other, &quote, true), ["3: 200", "public FINALIZING"]);
    assert_eq!(harness.step(), ["public FINALIZED", "1: FILLED"]);
}

#[test]
fn events_come_at_least_once() {
    let mut harness = Harness::new(plain, 14);
    harness.until("public OPEN");
    harness.floor.exchange.faults().duplicate_quote_events(2);
    for (number, copies) in [2, 2].into_iter().enumerate() {
        let quote = harness.submit(FIRST, "price=0.01 quantity=1");
        let text = format!(
            r#"{{"id":4,"method":"rfq.withdraw_quote","params":{{"rfqId":"{}","quoteId":"{quote}"}}}}"#,
            harness.rfq_id()
        );
        let texts = harness.floor.send(FIRST, &text);
        let events: Vec<_> = texts.iter().filter(|(_, text)| text.contains(r#""e":"#)).collect();
        assert_eq!(events.len(), copies, "{number}");
        assert_eq!(events[0], events[1]);
    }
    // Without a fault, the exchange repeats some events too.
    let mut events = 0;
    harness.repeated = 0;
    for _ in 0..60 {
        harness.until("public OPEN");
        for _ in 0..5 {
            let quote = harness.submit(SECOND, "price=0.01 quantity=1");
            events += 1;
            harness.send(SECOND, "withdraw_quote", &format!("quoteId={quote}"));
        }
    }
    assert!((5..60).contains(&harness.repeated), "{} of {events}", harness.repeated);
}

/// A quote may have the same client id as an open order.
#[test]
fn names_of_orders_and_quotes() {
    let mut harness = Harness::new(plain, 15);
    let order = place("btcusd BUY LIMIT GTC 0.1 100.00 - - same");
    harness.floor.send(FIRST, &order);
    let quote = harness.until_accepted(FIRST, "price=0.01 quantity=1 clientId=same");
    harness.confirm(FIRST, &quote, true);
    harness.until("1: FINALIZED FINALIZED WON");
    let texts = harness.floor.send(FIRST, &order);
    assert!(harness.short(&texts).contains(&"1: 400 -2010".to_owned()), "{texts:?}");
    // Only the amount for the open order is set aside.
    assert_eq!(harness.floor.balance(0, "USD"), "999989.01 of 999999.01");
}

#[test]
fn quotes_are_limited() {
    let mut harness = Harness::new(plain, 16);
    harness.until("public OPEN");
    for _ in 0..1_000 {
        harness.submit(FIRST, "price=0.01 quantity=1");
    }
    assert_eq!(harness.send(SECOND, "submit_quote", "price=0.01 quantity=1").1, ["2: 429 -1003"]);
    let ended = harness.step().iter().filter(|line| line.contains("LOST")).count();
    assert!(ended == 0 || ended == 1_000);
}

#[test]
fn runs_repeat() {
    let run = |seed: u64| {
        let mut harness = Harness::new(plain, seed);
        let mut all = Vec::new();
        for _ in 0..15 {
            loop {
                let now = harness.floor.exchange.deadline().unwrap();
                let texts = harness.floor.run(now.since(harness.floor.now));
                let lines = harness.short(&texts);
                all.extend(texts);
                if lines.contains(&"1: ACCEPTED CONFIRMING ACTIVE".to_owned()) {
                    let quote: Value = serde_json::from_str(&all.last().unwrap().1).unwrap();
                    harness.confirm(FIRST, quote["q"].as_str().unwrap(), true);
                }
                if lines.contains(&"public OPEN".to_owned()) {
                    break;
                }
            }
            harness.submit(FIRST, "price=0.30 quantity=5");
        }
        all
    };
    assert_eq!(run(21), run(21));
    assert_ne!(run(21), run(22));
}

/// The balances and positions of an account follow from its fills.
#[test]
fn the_books_add_up() {
    let mut harness = Harness::new(|config| config.fees(7, 0), 23);
    for round in 0..40_u64 {
        let members = format!("price=0.{:02} quantity={}.{:02}", 1 + round % 30, 1 + round, round % 100);
        let quote = harness.until_accepted(FIRST, &members);
        harness.confirm(FIRST, &quote, round % 5 != 0);
        harness.step();
    }
    let account = harness.floor.account(0);
    let (mut usd, mut positions) = (decimal("1000000"), BTreeMap::new());
    for order in harness.floor.exchange.orders(account) {
        for fill in &order.fills {
            let cost = fill.price.checked_mul(fill.quantity).unwrap().checked_add(fill.fee).unwrap();
            usd = usd.checked_sub(cost).unwrap();
            positions.insert(order.symbol, Decimal::ZERO.checked_sub(fill.quantity).unwrap());
        }
    }
    assert_eq!(positions.len(), 32);
    let known = harness.floor.exchange.positions(account);
    assert!(known.iter().map(|position| (position.symbol, position.quantity)).eq(positions));
    let usd = usd.normalized();
    assert_eq!(harness.floor.balance(0, "USD"), format!("{usd} of {usd}"));
}
