//! The terms of orders: an event or an answer with other terms is about another order.

use gemini_ws::{OrderState, Request};

use super::fed::{Fed, new_order, t};

/// Formats an update of an order with the client order id `a1`, with these members in addition to the usual ones.
fn named(id: u64, status: &str, rest: &str) -> String {
    format!(
        r#"{{"e":"orderUpdate","E":1000,"s":"BTCUSD","i":{id},"c":"a1","S":"BUY","X":"{status}","q":"1","T":1000{rest}}}"#
    )
}

/// An order of another client has the client order id of a request, but another price or type. It is not the order of
/// the request, and neither are its fills.
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

/// The venue spells the terms of the order of a request in its own way, or leaves them out.
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

/// Two reports with one id and one side name two outcomes. The other outcome with the other side is the same order.
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
