//! Faults of the terms that an answer of REST names, and of terms that a modification has changed.

use gemini_ws::{
    EventOutcome, NewOrder, OrderState, OrderStatusQuestion, Request, RequestOutcome, RestQuestion, Side,
};

use super::fed::{Fed, OVERFLOW, d, order, reply, send, t, update};

/// Asks REST about an order. `members` is the text after the id of the order in the answer.
fn ask(fed: &mut Fed, id: u64, members: &str) -> bool {
    let asked = fed.orders.moment();
    let question = OrderStatusQuestion::by_order_id(id);
    let body = format!(r#"{{"order_id":"{id}","symbol":"btcusd",{members}}}"#);
    fed.orders.reconcile(&question, question.answer(200, &body).unwrap(), asked)
}

#[test]
fn an_answer_names_the_terms_that_no_event_has_named() {
    let mut fed = Fed::private(&["orders@account"]);
    fed.feed(2, r#"{"e":"orderUpdate","E":1,"s":"BTCUSD","i":77,"X":"CANCELED","T":1}"#);
    fed.feed(
        3,
        r#"{"e":"orderUpdate","E":1,"s":"BTCUSD","i":78,"X":"PARTIALLY_FILLED","Z":"0.5","L":"100","t":5,"T":1}"#,
    );
    let terms = r#""side":"sell","original_amount":"2","remaining_amount":"1.5","executed_amount":"0.5""#;
    assert!(ask(
        &mut fed,
        77,
        &format!(r#""client_order_id":"a1","is_live":false,"is_cancelled":true,{terms}"#)
    ));
    assert!(ask(
        &mut fed,
        78,
        &format!(r#""client_order_id":"a2","is_live":true,"is_cancelled":false,{terms}"#)
    ));
    for (id, client) in [(77, "a1"), (78, "a2")] {
        let order = fed.orders.get(id).unwrap();
        assert_eq!((order.side, order.remaining()), (Some(Side::Sell), Some(d("1.5"))), "{id}");
        assert_eq!(fed.orders.get(client).map(|order| order.order_id), Some(Some(id)));
    }
    assert_eq!(fed.orders.traded("btcusd").sold(), Some(d("0.5")), "the side of the fill is known now");
}

/// A quantity of zero in an answer of REST counts as missing, as it does in an event.
#[test]
fn a_quantity_of_zero_in_an_answer_is_none() {
    let mut fed = Fed::private(&["orders@account"]);
    fed.feed(2, &update("NEW", ""));
    fed.orders.apply(&OVERFLOW);
    let members =
        r#""side":"buy","is_live":true,"is_cancelled":false,"executed_amount":"0","original_amount":"0""#;
    for _ in 0..2 {
        ask(&mut fed, 77, members);
    }
    assert_eq!((fed.order().quantity, fed.order().needs_reconciling()), (Some(d("1")), false));
}

/// The event about a modification does not name the new quantity. The next event names it and reports a fill.
/// `Orders` adds this fill.
#[test]
fn the_first_fill_after_a_modification_counts() {
    let mut fed = Fed::private(&["orders@account"]);
    fed.feed(2, &update("NEW", ""));
    fed.feed(
        3,
        r#"{"e":"orderUpdate","E":2000,"s":"BTCUSD","i":77,"c":"a1","S":"BUY","X":"MODIFIED","T":2000}"#,
    );
    fed.feed(
        4,
        r#"{"e":"orderUpdate","E":3000,"s":"BTCUSD","i":77,"c":"a1","S":"BUY","X":"PARTIALLY_FILLED","q":"2","Z":"0.5","L":"100","t":5,"T":3000}"#,
    );
    assert!(fed.order().needs_reconciling(), "the meaning of a modification is unknown");
    assert_eq!((fed.order().fills.len(), fed.order().quantity), (1, Some(d("2"))));
    let members =
        r#""side":"buy","is_live":true,"is_cancelled":false,"executed_amount":"0.5","original_amount":"2""#;
    assert!(ask(&mut fed, 77, members));
    let order = fed.order();
    assert_eq!((order.state, order.executed()), (OrderState::PartiallyFilled, d("0.5")));
    assert_eq!(order.missing_executions(), d("0"));
}

/// REST answers that an order does not exist, so its state becomes `Rejected`. Later events show that the order
/// exists. Its reason is then the one of these events, or none.
#[test]
fn an_order_that_exists_after_all_has_no_reason_of_a_rejection() {
    let mut fed = Fed::private(&["orders@account"]);
    for (number, events) in [(50, ["NEW", "OPEN"]), (51, ["NEW", "CANCELED"])] {
        let (id, client) = (number + 100, format!("c{number}"));
        let request = send(&mut fed.orders, number, &client);
        reply(&mut fed.orders, request, RequestOutcome::TimedOut);
        let asked = fed.orders.moment();
        assert!(fed.orders.reconcile(request.0, None, asked));
        assert_eq!(fed.orders.get(request.0).unwrap().state, OrderState::Rejected);
        let reason = |status: &str| if status == "CANCELED" { r#","r":"SelfCrossPrevented""# } else { "" };
        for status in events {
            fed.feed(2, &order(id, Some(&client), status, reason(status)));
        }
        let told = fed.orders.get(id).unwrap().reason.clone();
        assert_eq!(told.as_deref(), (number == 51).then_some("SelfCrossPrevented"));
    }
}

/// A market order has no limit price, whichever price the venue names.
#[test]
fn a_market_order_has_no_limit_price() {
    let mut fed = Fed::private(&["orders@account"]);
    for (id, kind, price) in [(7, "MARKET", None), (8, "STOP_MARKET", None), (9, "LIMIT", Some(d("105")))] {
        for status in ["NEW", "OPEN"] {
            fed.feed(2, &order(id, None, status, &format!(r#","o":"{kind}","p":"105""#)));
        }
        assert_eq!(fed.orders.get(id).unwrap().price, price, "{kind}");
    }
}

/// In a prediction market, an event about an order may name the other outcome, with the other side and the price of
/// that outcome. The order keeps the terms of its own outcome.
#[test]
fn the_price_of_the_other_outcome_is_not_that_of_the_order() {
    let mut fed = Fed::private(&["orders@account"]);
    let placed = NewOrder::limit("a1", "GEMI-X-UP", Side::Buy, "10", "0.4").unwrap();
    let request = Request::PlaceOrder(placed.outcome(EventOutcome::No));
    let request = fed.client.request(t(2), &request).unwrap();
    fed.poll();
    let event = |time: u64, members: &str| {
        format!(
            r#"{{"e":"orderUpdate","E":{time},"s":"GEMI-X-UP","i":77,"c":"a1","X":"OPEN","T":{time},{members}}}"#
        )
    };
    fed.feed(3, &event(1, r#""S":"SELL","O":"YES","p":"0.6""#));
    let terms = |fed: &Fed| {
        let order = fed.orders.get(request).unwrap();
        (order.side, order.outcome, order.price, order.needs_reconciling())
    };
    assert_eq!(terms(&fed), (Some(Side::Buy), Some(EventOutcome::No), Some(d("0.4")), false));
    fed.feed(4, &event(2, r#""S":"BUY","O":"NO","p":"0.41""#));
    assert_eq!(terms(&fed).2, Some(d("0.41")));
}

/// In a prediction market, an answer and an event may each name the side of the other outcome. At first, neither the
/// events nor the answer name the outcome of the order.
#[test]
fn the_side_of_the_other_outcome_contradicts_nothing() {
    let mut fed = Fed::private(&["orders@account"]);
    let event = |time: u64, members: &str| {
        format!(r#"{{"e":"orderUpdate","E":{time},"s":"GEMI-X-UP","i":77,"T":{time},"q":"10",{members}}}"#)
    };
    for told in ["", r#","S":"SELL""#] {
        fed.feed(2, &event(1, &format!(r#""X":"OPEN"{told}"#)));
        fed.orders.apply(&OVERFLOW);
        let question = OrderStatusQuestion::by_order_id(77);
        let body = r#"{"order_id":"77","symbol":"gemi-x-up","side":"sell","is_live":true,"is_cancelled":false,"executed_amount":"0"}"#;
        let asked = fed.orders.moment();
        assert!(fed.orders.reconcile(&question, question.answer(200, body).unwrap(), asked));
        let filled = r#""S":"BUY","O":"NO","X":"PARTIALLY_FILLED","Z":"4","L":"0.4","t":5"#;
        fed.feed(3, &event(2, filled));
        let order = fed.orders.get(77).unwrap();
        assert_eq!(
            (order.state, order.fills.len(), order.executed()),
            (OrderState::PartiallyFilled, 1, d("4")),
            "{told}"
        );
        assert!(!order.needs_reconciling(), "{told}: {:?}", order.doubt());
        fed = Fed::private(&["orders@account"]);
    }
}
