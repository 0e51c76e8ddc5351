//! Faults of the terms that an answer of REST names, and of terms that a modification has changed.

use gemini_ws::{OrderState, OrderStatusQuestion, RestQuestion, Side};

use super::fed::{Fed, OVERFLOW, d, update};

/// Asks REST about an order. `members` is the text after the id of the order in the answer.
fn ask(fed: &mut Fed, id: u64, members: &str) -> bool {
    let asked = fed.orders.moment();
    let question = OrderStatusQuestion::by_order_id(id);
    let body = format!(r#"{{"order_id":"{id}","symbol":"btcusd",{members}}}"#);
    fed.orders.reconcile(&question, question.answer(200, &body).unwrap(), asked)
}

/// The first event about an order need not name its side, its quantity and its client order id.
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

/// In events, a quantity of zero counts as missing. In an answer too.
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

/// The event about the modification does not name the new quantity. The next event does, and reports a fill.
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
