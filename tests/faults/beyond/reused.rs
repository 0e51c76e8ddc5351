//! Faults of orders whose client order id is used again, for example after a restart, or by another program.

use gemini_ws::{OrderState, Orders, RequestId};

use super::fed::{apply, d, order, send};

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
