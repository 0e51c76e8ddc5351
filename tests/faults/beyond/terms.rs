//! The terms of orders: an event or an answer with other terms is about another order.

use gemini_ws::{OpenOrdersQuestion, OrderState, OrderStatusQuestion, Request, RestQuestion};

use super::fed::{Fed, OVERFLOW, d, new_order, order, t, update};

fn named(id: u64, status: &str, rest: &str) -> String {
    format!(
        r#"{{"e":"orderUpdate","E":1000,"s":"BTCUSD","i":{id},"c":"a1","S":"BUY","X":"{status}","q":"1","T":1000{rest}}}"#
    )
}

/// An order of another client has the client order id of a request, but another price or type. `Orders` adds neither
/// this order nor its fills to the order of the request.
#[test]
fn an_order_with_another_price_or_type_is_not_that_of_the_request() {
    let fill = r#","Z":"1","L":"100","t":5"#;
    for other in [
        r#","p":"250","o":"LIMIT""#,
        r#","p":"250""#,
        r#","p":"100","o":"STOP_LIMIT","P":"99""#,
        r#","p":"100","P":"99""#,
        r#","p":"0","o":"MARKET""#,
        r#","o":"market buy""#,
    ] {
        let mut fed = Fed::private(&["orders@account"]);
        let request = fed.client.request(t(2), &Request::PlaceOrder(new_order("a1"))).unwrap();
        fed.poll();
        fed.feed(3, &named(99, "NEW", other));
        fed.feed(4, &named(99, "FILLED", &format!("{other}{fill}")));
        fed.feed(5, &format!(r#"{{"id":{},"status":200}}"#, request.get()));
        fed.feed(6, &named(78, "NEW", r#","p":"100","o":"LIMIT""#));
        let own = fed.orders.get(request).unwrap();
        assert_eq!((own.order_id, own.state), (Some(78), OrderState::New), "{other}");
        assert_eq!(fed.orders.get(99).unwrap().request(), None, "{other}");
    }
}

#[test]
fn another_spelling_of_the_terms_is_no_other_order() {
    for terms in [
        r#","p":"100.000","P":"0","o":"LIMIT""#,
        r#","p":"100","o":"exchange limit""#,
        r#","p":"0""#,
        r#","p":"100","o":"a new type""#,
        "",
    ] {
        let mut fed = Fed::private(&["orders@account"]);
        let request = fed.client.request(t(2), &Request::PlaceOrder(new_order("a1"))).unwrap();
        fed.poll();
        fed.feed(3, &named(99, "NEW", terms));
        assert_eq!(fed.orders.get(request).unwrap().order_id, Some(99), "{terms}");
    }
}

/// Two reports have the same order id and side, but different outcomes. This puts the order in doubt. If the sides
/// differ too, both reports are about the same order.
#[test]
fn an_order_has_one_outcome() {
    for (side, is_other) in [("BUY", true), ("SELL", false)] {
        let mut fed = Fed::private(&["orders@account"]);
        fed.feed(3, &named(99, "NEW", r#","O":"YES""#));
        let canceled = named(99, "CANCELED", r#","O":"NO","Z":"0""#);
        fed.feed(4, &canceled.replace("BUY", side));
        assert_eq!(fed.orders.get(99).unwrap().needs_reconciling(), is_other, "{side}");
    }
}

/// Returns a client whose order 77 is in doubt after `NEW` and this event.
fn in_doubt(event: Option<(&str, &str)>) -> Fed {
    let mut fed = Fed::private(&["orders@account"]);
    fed.feed(2, &update("NEW", ""));
    event.into_iter().for_each(|(status, rest)| fed.feed(3, &update(status, rest)));
    fed.apply(&OVERFLOW);
    fed
}

const FILL: (&str, &str) = ("PARTIALLY_FILLED", r#","Z":"0.4","L":"100","t":9"#);

/// REST answers about order 77 with other terms, or with an impossible executed quantity. Such an answer is not used.
#[test]
fn an_answer_with_other_terms_is_not_used() {
    let live = r#""is_live":true,"is_cancelled":false,"executed_amount":"#;
    let ended = r#""is_live":false,"is_cancelled":false,"executed_amount":"#;
    let canceled = r#""is_live":false,"is_cancelled":true,"executed_amount":"#;
    // The last event, the members of the answer, and whether it is used.
    let cases = [
        (None, format!(r#"{live}"0""#), true),
        (
            None,
            format!(
                r#"{live}"0","client_order_id":"a1","original_amount":"1.00","symbol":"BTCUSD","side":"buy""#
            ),
            true,
        ),
        (None, format!(r#"{live}"0","client_order_id":"zz""#), false),
        (None, format!(r#"{live}"0","symbol":"ethusd""#), false),
        (None, format!(r#"{live}"0","side":"sell""#), false),
        (None, format!(r#"{live}"0","original_amount":"5""#), false),
        (None, format!(r#"{live}"2","original_amount":"1""#), false),
        (None, format!(r#"{live}"2""#), false),
        (None, format!(r#"{ended}"0.4","original_amount":"0.4""#), false),
        (None, format!(r#"{ended}"0.4","remaining_amount":"0""#), false),
        (None, format!(r#"{ended}"1","remaining_amount":"0""#), true),
        (Some(FILL), format!(r#"{ended}"0","reason":"InvalidPrice""#), false),
        (Some(FILL), format!(r#"{canceled}"0""#), false),
        (Some(FILL), format!(r#"{canceled}"0.3""#), false),
        (Some(FILL), format!(r#"{canceled}"0.4""#), true),
        // The fills exceed the quantity, so the answer decides.
        (Some(("PARTIALLY_FILLED", r#","Z":"40","L":"100","t":9"#)), format!(r#"{canceled}"0.4""#), true),
        // The venue has modified the order, so its quantity may have changed.
        (Some(("MODIFIED", "")), format!(r#"{live}"0","original_amount":"5""#), true),
    ];
    for (event, members, is_used) in cases {
        let row = format!(r#"{{"order_id":"77",{members}}}"#);
        let question = OrderStatusQuestion::by_order_id(77);
        let mut fed = in_doubt(event);
        let (asked, found) = (fed.orders.moment(), question.answer(200, &row).unwrap());
        assert_eq!(fed.orders.reconcile(&question, found, asked), is_used, "{event:?}, {members}");
        assert_eq!(fed.order().needs_reconciling(), !is_used, "{event:?}, {members}");
        let open = OpenOrdersQuestion.answer(200, &format!("[{row}]")).unwrap().orders;
        let mut fed = in_doubt(event);
        let asked = fed.orders.moment();
        assert_eq!(
            fed.orders.reconcile(&open[0], Some(open[0].found), asked),
            is_used,
            "{event:?}, [{members}]"
        );
    }
}

/// Two answers of REST agree about terms of order 77 that differ from those of its events, for example because the
/// event of a modification was lost. The second answer is used if these terms can be right: no answer changes the
/// symbol or the side of an order, or the client order id of an order that this client placed. Each row has the
/// client order id of the order, the terms in each answer, whether the second answer is used, and the quantity of the
/// order then.
#[test]
fn terms_that_two_answers_agree_about_are_used() {
    let fill = r#","Z":"0.4","L":"100","t":9"#;
    for (client, first, second, is_used, quantity) in [
        ("a1", r#""original_amount":"5""#, r#""original_amount":"5.0""#, true, "5"),
        ("a1", r#""original_amount":"5""#, r#""original_amount":"6""#, false, "1"),
        ("a1", r#""original_amount":"0.3""#, r#""original_amount":"0.3""#, false, "1"),
        ("a1", r#""client_order_id":"zz""#, r#""client_order_id":"zz""#, true, "1"),
        ("a1", r#""client_order_id":"zz""#, r#""client_order_id":"z""#, false, "1"),
        ("a1", r#""symbol":"ethusd""#, r#""symbol":"ethusd""#, false, "1"),
        ("a1", r#""side":"sell""#, r#""side":"sell""#, false, "1"),
        ("own", r#""original_amount":"5""#, r#""original_amount":"5""#, true, "5"),
        ("own", r#""client_order_id":"zz""#, r#""client_order_id":"zz""#, false, "1"),
    ] {
        let mut fed = Fed::private(&["orders@account"]);
        if client == "own" {
            fed.client.request(t(1), &Request::PlaceOrder(new_order("own"))).unwrap();
            fed.poll();
        }
        fed.feed(2, &order(77, Some(client), "NEW", ""));
        fed.feed(3, &order(77, Some(client), "PARTIALLY_FILLED", fill));
        let question = OrderStatusQuestion::by_order_id(77);
        let ask = |fed: &mut Fed, asked, terms: &str| {
            let row = r#"{"order_id":"77","is_live":true,"is_cancelled":false,"executed_amount":"0.4","#;
            let found = question.answer(200, &format!("{row}{terms}}}")).unwrap();
            fed.orders.reconcile(&question, found, asked)
        };
        let before = fed.orders.moment();
        fed.apply(&OVERFLOW);
        // The first question was asked before the loss.
        assert!(!ask(&mut fed, before, first), "{client}, {first}");
        let asked = fed.orders.moment();
        assert!(!ask(&mut fed, asked, first), "{client}, {first}");
        // The next question was asked before the answer to the one before.
        assert!(!ask(&mut fed, asked, first), "{client}, {first}");
        let asked = fed.orders.moment();
        assert_eq!(ask(&mut fed, asked, second), is_used, "{client}, {first}, {second}");
        assert_eq!(fed.order().needs_reconciling(), !is_used, "{client}, {first}, {second}");
        assert_eq!(fed.order().quantity, Some(d(quantity)), "{client}, {first}, {second}");
    }
}

#[test]
fn an_answer_does_not_agree_with_an_answer_from_before_the_doubt() {
    let mut fed = in_doubt(None);
    let question = OrderStatusQuestion::by_order_id(77);
    let row = |quantity: &str| {
        format!(
            r#"{{"order_id":"77","is_live":true,"is_cancelled":false,"executed_amount":"0","original_amount":"{quantity}"}}"#
        )
    };
    for (quantity, is_used) in [("5", false), ("1", true)] {
        let (asked, found) = (fed.orders.moment(), question.answer(200, &row(quantity)).unwrap());
        assert_eq!(fed.orders.reconcile(&question, found, asked), is_used, "{quantity}");
    }
    fed.apply(&OVERFLOW);
    for is_used in [false, true] {
        let (asked, found) = (fed.orders.moment(), question.answer(200, &row("5")).unwrap());
        assert_eq!(fed.orders.reconcile(&question, found, asked), is_used);
    }
    assert_eq!(fed.order().quantity, Some(d("5")));
}

/// A row of a list and an answer about one order may name different terms, for example because the client order id is
/// too long for the answer. The two agree if the terms that both name are equal; the later one is then used. They do
/// not agree if each names a new term that the other lacks.
#[test]
fn answers_of_two_kinds_agree_about_what_both_have() {
    let id = "a".repeat(40);
    let both = format!(r#","original_amount":"2","client_order_id":"{id}""#);
    for (first, second, is_used) in [
        (&*both, &*both, true),
        (r#","original_amount":"2""#, &both, true),
        (r#","original_amount":"2""#, r#","client_order_id":"zz""#, false),
    ] {
        for is_listed_first in [false, true] {
            let mut fed = Fed::private(&["orders@account"]);
            fed.feed(2, &order(77, Some(&id), "NEW", ""));
            fed.apply(&OVERFLOW);
            for (is_listed, terms, is_used) in
                [(is_listed_first, first, false), (!is_listed_first, second, is_used)]
            {
                let row = format!(
                    r#"{{"order_id":"77","is_live":true,"is_cancelled":false,"executed_amount":"0"{terms}}}"#
                );
                let asked = fed.orders.moment();
                let done = if is_listed {
                    let open = OpenOrdersQuestion.answer(200, &format!("[{row}]")).unwrap().orders;
                    fed.orders.reconcile(&open[0], Some(open[0].found), asked)
                } else {
                    let question = OrderStatusQuestion::by_order_id(77);
                    let found = question.answer(200, &row).unwrap();
                    fed.orders.reconcile(&question, found, asked)
                };
                assert_eq!(done, is_used, "{is_listed}, {terms}");
            }
        }
    }
}

/// The event with a new price of order 77 was lost. Each row has the terms in the event before the loss, the terms in
/// two answers of REST, whether each answer is used, and the resulting price.
#[test]
fn another_price_in_an_answer_is_another_term() {
    let limit = r#""type":"exchange limit","price":"101""#;
    let market = r#""type":"market buy","price":"101""#;
    let zero = r#""type":"exchange limit","price":"0.00""#;
    let same = r#""type":"exchange limit","price":"100.00""#;
    for (event, [first, second], is_used, price) in [
        // The price of a limit order is used if two answers agree about it.
        (r#","p":"100""#, [limit, limit], [false, true], Some("101")),
        (r#","p":"100","o":"LIMIT""#, [limit, limit], [false, true], Some("101")),
        (r#","p":"100""#, [r#""price":101"#, limit], [false, true], Some("101")),
        (r#","p":"100""#, [limit, r#""type":"exchange limit","price":"102""#], [false, false], Some("100")),
        (r#","p":"100""#, [limit, same], [false, true], Some("100")),
        (r#","p":"100""#, [same, limit], [true, false], Some("100")),
        // The answer says nothing about a limit price.
        (r#","p":"100""#, [r#""type":"exchange limit""#, limit], [true, false], Some("100")),
        (r#","p":"100""#, [zero, limit], [true, false], Some("100")),
        (r#","p":"100""#, [r#""type":"exchange limit","price":"""#, limit], [true, false], Some("100")),
        (r#","p":"100""#, [market, market], [true, false], Some("100")),
        (
            r#","p":"100","P":"99""#,
            [r#""type":"a new type","price":"99""#, limit],
            [true, false],
            Some("100"),
        ),
        // The order has no limit price, or its outcome may have another price.
        (r#","o":"MARKET","p":"0""#, [limit, limit], [true, false], None),
        (r#","o":"market buy""#, [market, market], [true, false], None),
        (r#","O":"YES","p":"0.3""#, [r#""price":"0.7""#, limit], [true, false], Some("0.3")),
        (r#","O":"YES""#, [r#""price":"0.7""#, limit], [true, false], None),
        // The price is unknown.
        ("", [limit, limit], [true, false], Some("101")),
        ("", [market, limit], [true, false], None),
    ] {
        let mut fed = Fed::private(&["orders@account"]);
        fed.feed(2, &order(77, None, "NEW", event));
        fed.apply(&OVERFLOW);
        let question = OrderStatusQuestion::by_order_id(77);
        let used = [first, second].map(|terms| {
            let row = r#"{"order_id":"77","is_live":true,"is_cancelled":false,"executed_amount":"0","#;
            let found = question.answer(200, &format!("{row}{terms}}}")).unwrap();
            let asked = fed.orders.moment();
            fed.orders.reconcile(&question, found, asked)
        });
        assert_eq!(used, is_used, "{event}: {first}, {second}");
        assert_eq!(fed.order().price, price.map(d), "{event}: {first}, {second}");
        assert_eq!(fed.order().needs_reconciling(), used == [false, false], "{event}: {first}, {second}");
    }
}

/// Two answers must agree about the quantity and the price together.
#[test]
fn two_answers_agree_about_the_quantity_and_the_price() {
    for (second, is_used) in [
        (r#""original_amount":"5","price":"101""#, true),
        (r#""original_amount":"5","price":"102""#, false),
        (r#""original_amount":"6","price":"101""#, false),
    ] {
        let mut fed = Fed::private(&["orders@account"]);
        fed.feed(2, &order(77, None, "NEW", r#","p":"100""#));
        fed.apply(&OVERFLOW);
        let mut ask = |terms: &str| {
            let row = r#"{"order_id":"77","is_live":true,"is_cancelled":false,"executed_amount":"0","#;
            let found = OrderStatusQuestion::by_order_id(77).answer(200, &format!("{row}{terms}}}")).unwrap();
            let asked = fed.orders.moment();
            fed.orders.reconcile(77, found, asked)
        };
        assert!(!ask(r#""original_amount":"5","price":"101""#), "{second}");
        assert_eq!(ask(second), is_used, "{second}");
        let expected = if is_used { ("5", "101") } else { ("1", "100") };
        assert_eq!((fed.order().quantity, fed.order().price), (Some(d(expected.0)), Some(d(expected.1))));
    }
}
