//! Faults of orders whose client order id is used again, for example after a restart, or by another program.

use gemini_ws::{Config, Event, OrderState, Orders, RequestId};

use super::fed::{Fed, answer, apply, d, first_stream, found, order, send};

/// An order of another instrument or side is not the order of the request, and its fill is that of its own.
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

/// One id of the venue, and two instruments or sides.
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

/// An order of an earlier run ends, or executes, while the request with its client order id is under way. Then the
/// order of the request begins.
#[test]
fn z40_the_request_of_a_reused_id_placed_the_order_that_begins_next() {
    let stream = "orders@account".parse().unwrap();
    for (status, rest) in [
        ("OPEN", ""),
        ("CANCELED", r#","Z":"0""#),
        ("FILLED", r#","Z":"1","L":"100","t":5"#),
        ("PARTIALLY_FILLED", r#","Z":"0.5","L":"100","t":5"#),
    ] {
        for (is_asked, reply_first) in [(false, false), (false, true), (true, false), (true, true)] {
            let mut orders = Orders::new();
            let link = Fed::new(Config::new("ws://v")).link;
            orders.apply(&Event::Subscribed { link, id: first_stream(), stream });
            let sent = send(&mut orders, 1, "a1");
            if reply_first {
                answer(&mut orders, sent, r#"{"id":1,"status":200}"#);
            }
            apply(&mut orders, &order(77, Some("a1"), status, rest));
            let of_request = orders.get(sent.0).unwrap();
            assert!(of_request.needs_reconciling(), "{status}: surely that of the request");
            if is_asked {
                let asked = orders.moment();
                orders.reconcile(77, found(77, OrderState::Canceled, "1"), asked);
            }
            apply(&mut orders, &order(78, Some("a1"), "NEW", ""));
            if !reply_first {
                answer(&mut orders, sent, r#"{"id":1,"status":200}"#);
            }
            let of_request = orders.get(sent.0).unwrap();
            let known = (of_request.order_id, of_request.state, of_request.doubt());
            assert_eq!(known, (Some(78), OrderState::New, None), "{status}: the request placed order 78");
            assert_eq!(orders.iter().count(), 2);
            let asked = orders.moment();
            orders.reconcile(77, found(77, OrderState::Canceled, "1"), asked);
            assert_eq!(orders.to_reconcile().count(), 0, "{status}");
        }
    }
}
