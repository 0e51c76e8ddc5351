//! Faults of orders whose client order id is used again, for example after a restart, or by another program.

use gemini_ws::{OrderState, Orders, Request, RequestId};

use super::fed::{Fed, apply, d, id_of, new_order, order, send, t};

/// An event with another instrument or side than the request is about another order. Its fill counts for its own
/// instrument and side.
#[test]
fn z39_an_order_with_other_terms_is_not_that_of_the_request() {
    let event = order(77, Some("a1"), "FILLED", r#","Z":"1","L":"100","t":5"#);
    for (from, to, net) in [("BTCUSD", "ETHUSD", ["0", "1"]), ("BUY", "SELL", ["-1", "0"])] {
        let mut orders = Orders::new();
        send(&mut orders, 1, "a1");
        apply(&mut orders, &event.replace(from, to));
        let of_request = orders.get(RequestId::new(1)).unwrap();
        assert!(!of_request.state.is_final(), "{to}: taken for the order of the request");
        assert_eq!(["btcusd", "ethusd"].map(|it| orders.traded(it).net()), net.map(|it| Some(d(it))), "{to}");
        apply(&mut orders, &order(78, Some("a1"), "NEW", ""));
        assert_eq!(orders.get(RequestId::new(1)).unwrap().order_id, Some(78));
    }
}

/// Two reports have one order id of the venue, but different instruments or sides. This puts the order in doubt.
#[test]
fn z39_two_reports_with_other_terms_contradict_each_other() {
    for (from, to) in [("BTCUSD", "ETHUSD"), ("BUY", "SELL")] {
        let mut orders = Orders::new();
        apply(&mut orders, &order(77, None, "NEW", ""));
        apply(&mut orders, &order(77, None, "CANCELED", "").replace(from, to));
        assert!(
            orders.get(77).unwrap().needs_reconciling(),
            "{to}: cancelled by a report about another order"
        );
    }
}

/// The venue may not begin every order with `NEW`.
#[test]
fn z40_the_first_event_of_an_order_need_not_be_new() {
    for (status, rest, state) in [
        ("OPEN", "", OrderState::Open),
        ("FILLED", r#","Z":"1","L":"100","t":5"#, OrderState::Filled),
        ("CANCELED", r#","Z":"0""#, OrderState::Canceled),
        ("REJECTED", "", OrderState::Rejected),
    ] {
        let mut orders = Orders::new();
        // The stream is followed.
        apply(&mut orders, &order(70, None, "NEW", ""));
        send(&mut orders, 1, "a1");
        apply(&mut orders, &order(77, Some("a1"), status, rest));
        let of_request = orders.get(RequestId::new(1)).unwrap();
        assert_eq!((of_request.state, of_request.doubt()), (state, None), "{status}");
    }
}

/// The venue refuses an order with a reply and, later, with an event. The application sends the order again with the
/// same client order id before the event comes. The event is about the order that the reply has refused.
#[test]
fn the_event_of_a_refusal_is_about_the_order_that_the_reply_refused() {
    let refusal = |code: i64| format!(r#","status":400,"error":{{"code":{code},"msg":"no"}}"#);
    // The code of the refusal; whether the event comes before the reply to the second request; the expected states.
    let cases = [
        (-2010, true, [(OrderState::Rejected, Some(71)), (OrderState::New, Some(72))]),
        (-2010, false, [(OrderState::Rejected, Some(71)), (OrderState::New, Some(72))]),
        // A refusal with any other code has no event.
        (-1013, true, [(OrderState::Rejected, None), (OrderState::Rejected, Some(71))]),
    ];
    for (code, is_first, expected) in cases {
        let mut fed = Fed::private(&["orders@account"]);
        let place = |fed: &mut Fed| {
            fed.client.request(t(1), &Request::PlaceOrder(new_order("a1"))).unwrap();
            fed.poll();
            id_of(&fed.sent.pop().unwrap())
        };
        let first = place(&mut fed);
        fed.feed(2, &format!(r#"{{"id":{first}{}}}"#, refusal(code)));
        let second = place(&mut fed);
        let accepted = format!(r#"{{"id":{second},"status":200}}"#);
        let event = order(71, Some("a1"), "REJECTED", r#","r":"no""#);
        for text in if is_first { [&event, &accepted] } else { [&accepted, &event] } {
            fed.feed(3, text);
        }
        if code == -2010 {
            fed.feed(4, &order(72, Some("a1"), "NEW", ""));
        }
        let states: Vec<_> = fed.orders.iter().map(|order| (order.state, order.order_id)).collect();
        assert_eq!(states, expected, "{code} {is_first}");
        // The venue refuses the same id again: the reply and the event are about the newest order.
        let third = place(&mut fed);
        fed.feed(5, &format!(r#"{{"id":{third}{}}}"#, refusal(-2010)));
        fed.feed(6, &order(73, Some("a1"), "REJECTED", ""));
        let last = fed.orders.iter().last().unwrap();
        assert_eq!((last.state, last.order_id), (OrderState::Rejected, Some(73)), "{code} {is_first}");
    }
}
