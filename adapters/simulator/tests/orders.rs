//! Tests the life of orders, in the frames of their owners and in the ledger.

use std::time::Duration;

use crate::common;
use crate::common::request;
use crate::common::trading::{FIRST, Floor, SECOND, place, short};
use gemini_ws::Frame;
use gemini_ws_simulator::{Account, OrderEventShape, OrderState, Output, Role, SessionId};

const A_SECOND: Duration = Duration::from_secs(1);

/// Places orders one after the other, and compares the frames that follow each order. A step has the number of the
/// account, the order, and the expected frames: first the reply, which the exchange may also send after the events,
/// and then the events.
fn check(steps: &[(u64, &str, &[&str])]) -> Floor {
    let mut floor = Floor::quiet(|config| config);
    for (session, order, expected) in steps {
        let session = if *session == 1 { FIRST } else { SECOND };
        assert_eq!(reply_first(floor.place(session, order)), *expected, "{order}");
    }
    floor
}

fn reply_first(mut happened: Vec<String>) -> Vec<String> {
    let is_reply =
        |text: &String| [": 200", ": 400", ": 401", ": 429"].iter().any(|status| text.contains(status));
    if let Some(reply) = happened.iter().position(is_reply) {
        let reply = happened.remove(reply);
        happened.insert(0, reply);
    }
    happened
}

#[test]
fn makers_and_takers() {
    let floor = check(&[
        (1, "btcusd BUY LIMIT GTC 1 100.00", &["1: 200", "1: NEW", "1: OPEN"]),
        (
            2,
            "btcusd SELL LIMIT GTC 0.4 99.00",
            &["2: 200", "2: NEW", "1: PARTIALLY_FILLED 0.4@100 maker", "2: FILLED 0.4@100 taker"],
        ),
        (
            2,
            "btcusd SELL LIMIT GTC 1 100.00",
            &[
                "2: 200",
                "2: NEW",
                "1: FILLED 0.6@100 maker",
                "2: PARTIALLY_FILLED 0.6@100 taker",
                "2: OPEN 0.6",
            ],
        ),
        (
            1,
            "btcusd BUY MARKET IOC 0.5",
            &[
                "1: 200",
                "1: NEW",
                "2: FILLED 0.4@100 maker",
                "1: PARTIALLY_FILLED 0.4@100 taker",
                "1: CANCELED 0.4 ImmediateOrCancelWouldPost",
            ],
        ),
    ]);
    assert_eq!(floor.balance(0, "BTC"), "1001.4 of 1001.4");
    assert_eq!(floor.balance(0, "USD"), "999860 of 999860");
    let orders = floor.exchange.orders(floor.account(0));
    let states: Vec<_> =
        orders.iter().map(|order| (order.state, order.executed_quantity.to_string())).collect();
    assert_eq!(states, [(OrderState::Filled, "1".to_owned()), (OrderState::Canceled, "0.4".to_owned())]);
    assert_eq!(orders[0].fills.len(), 2);
    assert_eq!(orders[0].executed_notional.to_string(), "100");
    assert!(orders[0].order_id > 1 << 53, "{}", orders[0].order_id);
}

#[test]
fn times_in_force() {
    let rest = (2, "btcusd SELL LIMIT GTC 1 100.00", &["2: 200", "2: NEW", "2: OPEN"] as &[&str]);
    let table: &[(&str, &[&str])] = &[
        ("btcusd BUY LIMIT IOC 1 99.99", &["1: 200", "1: NEW", "1: CANCELED ImmediateOrCancelWouldPost"]),
        (
            "btcusd BUY LIMIT IOC 1 100",
            &["1: 200", "1: NEW", "2: FILLED 1@100 maker", "1: FILLED 1@100 taker"],
        ),
        (
            "btcusd BUY LIMIT IOC 1.5 100",
            &[
                "1: 200",
                "1: NEW",
                "2: FILLED 1@100 maker",
                "1: PARTIALLY_FILLED 1@100 taker",
                "1: CANCELED 1 ImmediateOrCancelWouldPost",
            ],
        ),
        ("btcusd BUY LIMIT FOK 1.5 100", &["1: 200", "1: NEW", "1: CANCELED FillOrKillWouldNotFill"]),
        (
            "btcusd BUY LIMIT FOK 0.5 101",
            &["1: 200", "1: NEW", "2: PARTIALLY_FILLED 0.5@100 maker", "1: FILLED 0.5@100 taker"],
        ),
        ("btcusd BUY LIMIT MOC 1 100", &["1: 200", "1: NEW", "1: CANCELED MakerOrCancelWouldTake"]),
        ("btcusd BUY LIMIT MOC 1 99.99", &["1: 200", "1: NEW", "1: OPEN"]),
        ("btcusd BUY MARKET FOK 2", &["1: 200", "1: NEW", "1: CANCELED FillOrKillWouldNotFill"]),
        (
            "btcusd BUY MARKET IOC 0.5",
            &["1: 200", "1: NEW", "2: PARTIALLY_FILLED 0.5@100 maker", "1: FILLED 0.5@100 taker"],
        ),
    ];
    for (order, expected) in table {
        check(&[rest, (1, order, expected)]);
    }
}

#[test]
fn nobody_trades_with_himself() {
    let floor = check(&[
        (1, "btcusd SELL LIMIT GTC 1 101", &["1: 200", "1: NEW", "1: OPEN"]),
        (2, "btcusd SELL LIMIT GTC 1 100", &["2: 200", "2: NEW", "2: OPEN"]),
        (
            1,
            "btcusd BUY LIMIT GTC 3 102",
            &[
                "1: 200",
                "1: NEW",
                "2: FILLED 1@100 maker",
                "1: PARTIALLY_FILLED 1@100 taker",
                "1: CANCELED 1 SelfCrossPrevented",
            ],
        ),
    ]);
    assert_eq!(floor.balance(0, "BTC"), "1000 of 1001");
    assert_eq!(floor.balance(0, "USD"), "999900 of 999900");
}

#[test]
fn stop_orders_wait_for_a_trade() {
    check(&[
        (1, "btcusd SELL LIMIT GTC 0.1 100", &["1: 200", "1: NEW", "1: OPEN"]),
        (
            2,
            "btcusd BUY LIMIT IOC 0.1 100",
            &["2: 200", "2: NEW", "1: FILLED 0.1@100 maker", "2: FILLED 0.1@100 taker"],
        ),
        (1, "btcusd BUY LIMIT GTC 1 106 105", &["1: 200", "1: NEW"]),
        (1, "btcusd SELL LIMIT GTC 1 94 95", &["1: 200", "1: NEW"]),
        (2, "btcusd SELL LIMIT GTC 2 105", &["2: 200", "2: NEW", "2: OPEN"]),
        (
            1,
            "btcusd BUY LIMIT IOC 0.5 105",
            &[
                "1: 200",
                "1: NEW",
                "2: PARTIALLY_FILLED 0.5@105 maker",
                "1: FILLED 0.5@105 taker",
                "2: PARTIALLY_FILLED 1@105 maker",
                "1: FILLED 1@105 taker",
            ],
        ),
        // The last trade was already at the stop price.
        (1, "btcusd BUY LIMIT GTC 0.1 104 103", &["1: 200", "1: NEW", "1: OPEN"]),
        (
            2,
            "btcusd SELL LIMIT GTC 0.2 94",
            &[
                "2: 200",
                "2: NEW",
                "1: FILLED 0.1@104 maker",
                "2: PARTIALLY_FILLED 0.1@104 taker",
                "2: OPEN 0.1",
            ],
        ),
    ]);
}

#[test]
fn outcomes() {
    let symbol = "GEMI-A-UP";
    let mut floor = check(&[
        (1, "GEMI-A-UP BUY LIMIT GTC 100 0.30 - YES", &["1: 200", "1: NEW", "1: OPEN"]),
        // A buyer of the outcome NO pays one minus the price of the outcome YES.
        (
            2,
            "GEMI-A-UP BUY LIMIT GTC 40 0.70 - NO",
            &["2: 200", "2: NEW", "1: PARTIALLY_FILLED 40@0.3 maker", "2: FILLED 40@0.7 taker"],
        ),
        (1, "GEMI-A-UP SELL LIMIT GTC 40 0.60 - YES", &["1: 200", "1: NEW", "1: OPEN"]),
        (
            1,
            "GEMI-A-UP SELL LIMIT GTC 1 0.60 - YES",
            &["1: 400 -2010 InsufficientFunds", "1: REJECTED InsufficientFunds"],
        ),
        (
            2,
            "GEMI-A-UP SELL MARKET IOC 10 - - NO",
            &["2: 200", "2: NEW", "1: PARTIALLY_FILLED 10@0.6 maker", "2: FILLED 10@0.4 taker"],
        ),
    ]);
    assert_eq!(floor.balance(0, "USD"), "999976 of 999994");
    let position = floor.exchange.positions(floor.account(0))[0];
    assert_eq!((position.symbol.as_str(), position.quantity.to_string()), (symbol, "30".to_owned()));
    let texts = floor.send(FIRST, &request("subscribe", &["positions@account"]));
    assert!(
        texts.iter().any(|(_, text)| text
            .ends_with(r#""A":5365,"P":[{"t":"ec","s":"GEMI-A-UP","a":[{"t":"position","v":"30"}]}]}"#)),
        "{texts:?}"
    );
}

#[test]
fn rejections() {
    let table = [
        ("nosuch BUY LIMIT GTC 1 100", "UnknownInstrument"),
        ("btcusd BUY LIMIT GTC 0 100", "InvalidQuantity"),
        ("btcusd BUY LIMIT GTC -1 100", "InvalidQuantity"),
        ("btcusd BUY LIMIT GTC 0.00000000001 100", "InvalidQuantity"),
        ("btcusd BUY LIMIT GTC 900000000 9000000000000", "InvalidQuantity"),
        ("btcusd BUY LIMIT GTC 1 0", "InvalidPrice"),
        ("btcusd BUY LIMIT GTC 1 -5", "InvalidPrice"),
        ("btcusd BUY LIMIT GTC 1 9000000000000.01", "InvalidPrice"),
        ("GEMI-A-UP BUY LIMIT GTC 1 1 - YES", "InvalidPrice"),
        ("btcusd BUY LIMIT GTC 1 100.001", "LimitPriceOffTick"),
        ("btcusd BUY LIMIT GTC 1 100.0000001", "LimitPriceOffTick"),
        ("btcusd BUY LIMIT GTC 1 100 100.01", "InvalidStopPrice"),
        ("btcusd SELL LIMIT GTC 1 100 99.99", "InvalidStopPrice"),
        ("btcusd SELL LIMIT GTC 1 100 100.001", "InvalidStopPrice"),
        ("btcusd BUY LIMIT GTC 10000.01 100", "InsufficientFunds"),
        ("btcusd SELL LIMIT GTC 1000.01 100", "InsufficientFunds"),
        ("btcusd SELL MARKET IOC 1", "InsufficientLiquidity"),
        ("GEMI-A-UP SELL LIMIT GTC 1 0.5 - NO", "InsufficientFunds"),
        ("btcusd BUY MARKET IOC 1", "InsufficientLiquidity"),
        ("btcusd BUY LIMIT GTC 1 50 - - taken", "DuplicateOrder"),
    ];
    for (order, reason) in table {
        let mut floor = Floor::quiet(|config| config);
        floor.place(FIRST, "btcusd BUY LIMIT GTC 0.0001 1 - - taken");
        let happened = reply_first(floor.place(FIRST, order));
        assert_eq!(happened, [format!("1: 400 -2010 {reason}"), format!("1: REJECTED {reason}")], "{order}");
        let orders = floor.exchange.orders(floor.account(0));
        assert_eq!((orders[1].state, orders[1].reason), (OrderState::Rejected, Some(reason)));
        assert_eq!(floor.balance(0, "USD"), "999999.9999 of 1000000", "{order}");
    }
    // The exchange counts the fee too: it rejects an order that is worth the whole available balance.
    let mut floor = Floor::quiet(|config| config.fees(0, 10));
    floor.place(FIRST, "btcusd BUY LIMIT GTC 9000 100");
    assert_eq!(floor.balance(0, "USD"), "99100 of 1000000");
    let happened = reply_first(floor.place(FIRST, "btcusd BUY LIMIT GTC 991 100"));
    assert_eq!(happened[0], "1: 400 -2010 InsufficientFunds");
}

#[test]
fn rejections_by_circumstance() {
    let mut floor = Floor::quiet(|config| {
        config.account(Account::new("account-x", "s").bearer_token("x").accepted_terms(false))
    });
    floor.connect(SessionId(3), "x", "/");
    let happened = floor.place(SessionId(3), "GEMI-A-UP BUY LIMIT GTC 1 0.5 - YES");
    assert_eq!(happened, ["3: 400 -2010 TERMS_NOT_ACCEPTED"]);
    let symbol = common::symbol("btcusd");
    floor.exchange.faults().close_market(symbol, true);
    assert!(floor.place(FIRST, "btcusd BUY LIMIT GTC 1 1").contains(&"1: REJECTED MarketNotOpen".to_owned()));
    floor.exchange.faults().close_market(symbol, false);
    assert!(floor.place(FIRST, "btcusd BUY LIMIT GTC 1 1").contains(&"1: OPEN".to_owned()));
    // Once an order has ended, a new order can use its client order id.
    floor.place(FIRST, "btcusd BUY LIMIT IOC 1 1 - - again");
    assert!(floor.place(FIRST, "btcusd BUY LIMIT GTC 1 1 - - again").contains(&"1: OPEN".to_owned()));
    let mut floor = Floor::new(common::market(&["btcgusdperp"]), 1);
    floor.connect(FIRST, "one", "/");
    assert_eq!(floor.place(FIRST, "btcgusdperp BUY LIMIT GTC 1 1"), ["1: 400 -2010 InsufficientFunds"]);
}

#[test]
fn who_may_order() {
    let refused = "401 -1002 Authentication required";
    let mut floor = Floor::new(
        common::market(&["btcusd"])
            .account(Account::new("account-a", "s").bearer_token("a").roles([Role::Auditor])),
        1,
    );
    floor.exchange.handle_connected(SessionId(5), floor.now, "");
    floor.connect(SessionId(6), "a", "/");
    for session in [5, 6].map(SessionId) {
        for method in ["place", "cancel", "cancel_all", "cancel_session"] {
            let texts =
                floor.send(session, &format!(r#"{{"id":1,"method":"order.{method}","params":{{}}}}"#));
            assert_eq!(short(&texts), [format!("{}: {refused}", session.0)], "{method}");
        }
    }
    for (stream, for_nobody, for_auditor) in [
        ("orders@account", refused, "200"),
        ("orders@session", refused, "200"),
        ("balances@account@1s", refused, "200"),
        ("positions@account@1s", refused, "200"),
        ("nothing@account", refused, "400 -1013 Invalid stream name: nothing@account"),
    ] {
        for (session, expected) in [(5, for_nobody), (6, for_auditor)] {
            let texts = floor.send(SessionId(session), &request("subscribe", &[stream]));
            assert_eq!(short(&texts), [format!("{session}: {expected}")], "{stream}");
        }
    }
    let names = floor.send(SessionId(6), r#"{"id":1,"method":"list_subscriptions"}"#);
    assert!(
        names[0]
            .1
            .contains(r#"["orders@account","orders@session","balances@account@1s","positions@account@1s"]"#)
    );
    floor.connect(FIRST, "one", "/");
    for malformed in [
        r#"{"id":1,"method":"order.place"}"#,
        r#"{"id":1,"method":"order.place","params":{"symbol":"btcusd"}}"#,
        r#"{"id":1,"method":"order.cancel"}"#,
        r#"{"id":1,"method":"order.cancel","params":{"orderId":73797746498585286}}"#,
        r#"{"id":1,"method":"order.cancel_all","params":"all"}"#,
    ] {
        assert_eq!(short(&floor.send(FIRST, malformed)), ["1: 400 -1013 Invalid parameters"], "{malformed}");
    }
}

#[test]
fn cancellations() {
    let not_found = ["1: 400 -1013 Invalid parameters - order not found or already filled"];
    let mut floor = Floor::quiet(|config| config);
    floor.place(FIRST, "btcusd BUY LIMIT GTC 1 100");
    let order = floor.newest(0);
    assert_eq!(floor.cancel(FIRST, 1), not_found);
    assert_eq!(
        reply_first(floor.cancel(SECOND, order))[0],
        not_found[0].replace("1: 4", "2: 4"),
        "of somebody else"
    );
    floor.place(SECOND, "btcusd SELL LIMIT GTC 0.3 100");
    assert_eq!(floor.balance(0, "USD"), "999900 of 999970");
    assert_eq!(reply_first(floor.cancel(FIRST, order)), ["1: 200", "1: CANCELED 0.3"]);
    assert_eq!(floor.balance(0, "USD"), "999970 of 999970");
    assert_eq!(floor.cancel(FIRST, order), not_found);
    // This stop order has not been triggered.
    floor.place(FIRST, "btcusd BUY LIMIT GTC 1 100000 99999");
    let order = floor.newest(0);
    assert_eq!(reply_first(floor.cancel(FIRST, order)), ["1: 200", "1: CANCELED"]);
    assert_eq!(floor.balance(0, "USD"), "999970 of 999970");
}

#[test]
fn cancellations_of_many() {
    let open = |floor: &Floor| {
        let orders = floor.exchange.orders(floor.account(0));
        orders.iter().filter(|order| !order.state.is_final()).count()
    };
    let third = SessionId(3);
    for (method, from, left) in [
        ("order.cancel_session", FIRST, 1),
        ("order.cancel_session", third, 2),
        ("order.cancel_all", FIRST, 0),
        ("order.cancel_all", SECOND, 3),
    ] {
        let mut floor = Floor::quiet(|config| config);
        floor.connect(third, "one", "/");
        for (session, price) in [(FIRST, 100), (third, 101), (FIRST, 102)] {
            floor.place(session, &format!("btcusd BUY LIMIT GTC 1 {price}"));
        }
        let texts = floor.send(from, &format!(r#"{{"id":1,"method":"{method}","params":{{}}}}"#));
        let told = short(&texts).iter().filter(|text| *text == "1: CANCELED").count();
        assert_eq!((open(&floor), told), (left, 3 - left), "{method} {from:?}");
    }
}

#[test]
fn disconnections() {
    type End = fn(&mut Floor, SessionId);
    let ends: [(&str, End); 5] = [
        ("lost", |floor, session| floor.exchange.handle_lost(session, floor.now)),
        ("closed", |floor, session| {
            floor.exchange.handle_frame(session, floor.now, Frame::Close { code: None, reason: "" });
        }),
        ("closed by the exchange", |floor, session| floor.exchange.faults().close(session, 1012, "")),
        ("aborted", |floor, session| floor.exchange.faults().abort(session)),
        ("silenced, then lost", |floor, session| {
            floor.exchange.faults().silence(session);
            floor.run(A_SECOND);
            floor.exchange.handle_lost(session, floor.now);
        }),
    ];
    for (name, end) in ends {
        for (target, left) in
            [("/?cancelOnDisconnect=true&snapshot=-1", 1), ("/", 3), ("/?cancelOnDisconnect=false", 3)]
        {
            let mut floor = Floor::quiet(|config| config);
            let third = SessionId(3);
            floor.connect(third, "one", target);
            for (session, order) in [(third, "100"), (FIRST, "101"), (third, "100000 99999")] {
                floor.place(session, &format!("btcusd BUY LIMIT GTC 1 {order}"));
            }
            end(&mut floor, third);
            let texts = floor.run(A_SECOND);
            let told = short(&texts).iter().filter(|text| *text == "1: CANCELED").count();
            let orders = floor.exchange.orders(floor.account(0));
            let open = orders.iter().filter(|order| !order.state.is_final()).count();
            assert_eq!((open, told), (left, 3 - left), "{name} {target}");
            // A new session with the same id does not continue the old session.
            floor.connect(third, "one", "/");
            let text = r#"{"id":1,"method":"order.cancel_session"}"#;
            assert_eq!(short(&floor.send(third, text)), ["3: 200"]);
        }
    }
}

#[test]
fn shapes() {
    let mut floor = Floor::quiet(|config| config.fees(10, 20));
    let texts = floor.send(FIRST, &place("btcusd BUY LIMIT GTC 0.10 45000.50 - - my-order-1"));
    let first = floor.newest(0);
    floor.send(SECOND, &place("btcusd SELL LIMIT IOC 0.04 1 - - x\\\"y"));
    let frame = |status: &str, texts: &[(SessionId, String)]| {
        let status = format!(r#""X":"{status}""#);
        texts.iter().find(|(_, text)| text.contains(&status)).unwrap().1.clone()
    };
    let time = 1_790_732_601_000_000_000_u64;
    assert_eq!(
        frame("NEW", &texts),
        format!(
            r#"{{"e":"orderUpdate","E":{time},"s":"BTCUSD","i":{first},"c":"my-order-1","S":"BUY","o":"LIMIT","X":"NEW","p":"45000.50","q":"0.10","T":{time}}}"#
        )
    );
    assert_eq!(
        frame("OPEN", &texts),
        format!(
            r#"{{"e":"orderUpdate","E":{time},"s":"BTCUSD","i":{first},"h":"op_{first:x}","c":"my-order-1","S":"BUY","o":"LIMIT","X":"OPEN","p":"45000.50","q":"0.10","z":"0.1","T":{time}}}"#
        )
    );
    let mut floor = Floor::quiet(|config| config.fees(10, 20));
    floor.send(FIRST, &place("btcusd BUY LIMIT GTC 0.10 45000.50"));
    let first = floor.newest(0);
    let texts = floor.send(SECOND, &place("btcusd SELL LIMIT IOC 0.04 1"));
    let trade = floor.exchange.orders(floor.account(0))[0].fills[0].trade_id;
    assert_eq!(
        frame("PARTIALLY_FILLED", &texts),
        format!(
            r#"{{"e":"orderUpdate","E":{time},"s":"BTCUSD","i":{first},"S":"BUY","o":"LIMIT","X":"PARTIALLY_FILLED","p":"45000.50","q":"0.10","z":"0.06","Z":"0.04","L":"45000.5","a":"45000.5","t":{trade},"n":"1.80002","m":true,"T":{time}}}"#
        )
    );
    let second = floor.newest(1);
    assert_eq!(
        frame("FILLED", &texts),
        format!(
            r#"{{"e":"orderUpdate","E":{time},"s":"BTCUSD","i":{second},"S":"SELL","o":"LIMIT","X":"FILLED","p":"1","q":"0.04","z":"0","Z":"0.04","L":"45000.5","a":"45000.5","t":{trade},"n":"3.60004","m":false,"T":{time}}}"#
        )
    );
    let text = format!(r#"{{"id":1,"method":"order.cancel","params":{{"orderId":"{first}"}}}}"#);
    assert_eq!(
        frame("CANCELED", &floor.send(FIRST, &text)),
        format!(
            r#"{{"e":"orderUpdate","E":{time},"s":"BTCUSD","i":{first},"X":"CANCELED","Z":"0.04","T":{time}}}"#
        )
    );
    assert_eq!(floor.balance(0, "USD"), "998198.17998 of 998198.17998");
}

#[test]
fn other_shapes() {
    for (shape, start) in [
        (OrderEventShape::ExecutionReport, r#"{"e":"executionReport","E":1"#),
        (OrderEventShape::WithoutType, r#"{"E":1"#),
    ] {
        let mut floor = Floor::quiet(|config| {
            config.order_event_shape(shape).order_replies_carry_id(true).order_snapshot(true)
        });
        let texts = floor.send(FIRST, &place("btcusd BUY LIMIT GTC 1 1"));
        assert!(texts.iter().filter(|(_, text)| text.starts_with(start)).count() == 2, "{texts:?}");
        let order = floor.newest(0);
        let reply = format!(r#"{{"id":7,"status":200,"result":{{"orderId":"{order}"}}}}"#);
        assert!(texts.contains(&(FIRST, reply)), "{texts:?}");
        floor.send(FIRST, &request("unsubscribe", &["orders@account"]));
        let texts = floor.send(FIRST, &request("subscribe", &["orders@account"]));
        let snapshot = texts.iter().find(|(_, text)| text.starts_with(r#"{"e":"orderSnapshot","orders":[{"#));
        assert!(snapshot.is_some_and(|(_, text)| text.contains(&order.to_string())), "{texts:?}");
    }
}

/// The exchange sends the reply to an order before all its events or after all of them, at random.
#[test]
fn replies_race_with_events() {
    let mut floor = Floor::quiet(|config| config);
    let mut places = [0; 3];
    for _ in 0..40 {
        let happened = floor.place(FIRST, "btcusd BUY LIMIT IOC 1 1");
        places[happened.iter().position(|text| text == "1: 200").unwrap()] += 1;
    }
    assert!(places[0] > 5 && places[1] == 0 && places[2] > 5, "{places:?}");
}

#[test]
fn order_limits() {
    let mut floor = Floor::quiet(|config| config);
    for _ in 0..3_500 {
        assert!(floor.place(FIRST, "btcusd BUY LIMIT IOC 1 1").contains(&"1: 200".to_owned()));
    }
    let too_many = ["1: 429 -1003 Too many requests"];
    assert_eq!(floor.place(FIRST, "btcusd BUY LIMIT IOC 1 1"), too_many);
    let info = floor.send(FIRST, r#"{"id":1,"method":"conninfo"}"#).remove(0).1;
    assert_eq!(info.matches(r#""count":3500}"#).count(), 2, "{info}");
    floor.run(A_SECOND * 10);
    assert!(floor.place(FIRST, "btcusd BUY LIMIT IOC 1 1").contains(&"1: 200".to_owned()));
}

#[test]
fn faults() {
    let mut floor = Floor::quiet(|config| config);
    floor.exchange.faults().drop_order_events(1);
    floor.exchange.faults().duplicate_order_events(1);
    let happened = floor.place(FIRST, "btcusd BUY LIMIT GTC 1 1");
    assert_eq!(reply_first(happened), ["1: 200", "1: OPEN", "1: OPEN"]);
    floor.exchange.faults().withhold_replies(1);
    assert_eq!(floor.place(FIRST, "btcusd BUY LIMIT GTC 1 1"), ["1: NEW", "1: OPEN"]);
    floor.exchange.faults().delay_replies(A_SECOND);
    assert_eq!(floor.place(FIRST, "btcusd BUY LIMIT GTC 1 1"), ["1: NEW", "1: OPEN"]);
    assert_eq!(short(&floor.run(A_SECOND)), ["1: 200"]);
}

/// A client's orders trade with the order flow. The updates of the depth stream then have no gap and yield the
/// exchange's true book. The trade stream reports each fill of the client's orders.
#[test]
fn orders_are_events_of_the_market() {
    let mut floor = Floor::new(common::market(&["btcusd"]).events_per_second(50).stale_percent(0), 5);
    floor.connect(FIRST, "one", "/?snapshot=-1");
    let mut book = common::ClientBook::default();
    let streams = ["btcusd@depth@100ms", "btcusd@trade", "orders@account"];
    let mut texts = floor.send(FIRST, &request("subscribe", &streams));
    for _ in 0..60 {
        let best = floor.exchange.book(common::symbol("btcusd")).unwrap();
        texts.extend(floor.send(FIRST, &place(&format!("btcusd BUY LIMIT MOC 0.05 {}", best.bids[0].price))));
        texts
            .extend(floor.send(FIRST, &place(&format!("btcusd BUY LIMIT IOC 0.001 {}", best.asks[0].price))));
        texts.extend(floor.run(A_SECOND / 5));
    }
    floor.exchange.faults().halt_market(true);
    texts.extend(floor.run(A_SECOND));
    let mut public = std::collections::BTreeSet::new();
    let mut scratch = gemini_ws::Scratch::new();
    for (_, text) in &texts {
        if text.starts_with(r#"{"e":"depthUpdate""#) {
            let Ok(gemini_ws::Message::Depth(depth)) = gemini_ws::decode(text, &mut scratch) else {
                panic!()
            };
            book.apply(&depth);
        } else if text.starts_with(r#"{"E":"#) {
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            public.extend(value["t"].as_u64());
        }
    }
    assert_eq!(book.gaps, 0);
    assert_eq!(Some(book.as_true_book()), floor.exchange.book(common::symbol("btcusd")));
    let orders = floor.exchange.orders(floor.account(0));
    let fills: Vec<_> = orders.iter().flat_map(|order| order.fills.iter()).collect();
    let makers = fills.iter().filter(|fill| fill.is_maker).count();
    assert!(makers > 5 && fills.len() - makers > 20, "{makers} of {}", fills.len());
    assert!(fills.iter().all(|fill| public.contains(&fill.trade_id)));
}

#[test]
fn the_same_seed_yields_the_same() {
    let run = |seed| {
        let mut floor = Floor::new(common::market(&["btcusd"]).events_per_second(50), seed);
        floor.connect(FIRST, "one", "/");
        let streams = ["orders@account", "balances@account", "balances@account@1s"];
        let mut texts = floor.send(FIRST, &request("subscribe", &streams));
        for _ in 0..20 {
            texts.extend(floor.send(FIRST, &place("btcusd BUY MARKET IOC 0.01")));
            texts.extend(floor.run(A_SECOND / 3));
        }
        texts
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}

#[test]
fn recordings_take_no_orders() {
    let recording = gemini_ws_simulator::Recording::parse("");
    let Ok(recording) = recording else { return };
    let mut floor = Floor::new(gemini_ws_simulator::Config::recording(recording), 1);
    floor.connect(FIRST, "one", "/");
    assert_eq!(floor.place(FIRST, "btcusd BUY LIMIT GTC 1 1"), ["1: 400 -2010 MarketNotOpen"]);
    assert_eq!(
        floor.cancel(FIRST, 1),
        ["1: 400 -1013 Invalid parameters - order not found or already filled"]
    );
    let outputs: Vec<Output> = std::iter::from_fn(|| floor.exchange.poll_output()).collect();
    assert_eq!(outputs, []);
}
