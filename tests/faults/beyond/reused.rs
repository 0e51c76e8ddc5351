//! Faults of orders whose client order id is used again, for example after a restart, or by another program.

use gemini_ws::{Order, OrderRef, OrderState, Orders, Request, RequestId, RequestOutcome, StaleReason};

use super::fed::{Fed, OVERFLOW, answer, apply, d, found, id_of, new_order, order, reply, send, t};

/// An event with another instrument or side than the request is about another order. Its fill is added to the sums of
/// its own instrument and side.
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

#[test]
fn z40_the_first_event_of_an_order_need_not_be_new() {
    for (status, rest, state) in [
        ("OPEN", "", OrderState::Open),
        ("FILLED", r#","Z":"1","L":"100","t":5"#, OrderState::Filled),
        ("CANCELED", r#","Z":"0""#, OrderState::Canceled),
        ("REJECTED", "", OrderState::Rejected),
    ] {
        let mut orders = Orders::new();
        // This event makes the stream one that `Orders` follows.
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

const ACCEPTED: &str = r#"{"id":6,"status":200}"#;
const NAMED: &str = r#"{"id":6,"status":200,"result":{"orderId":"78"}}"#;
const REFUSED: &str = r#"{"id":5,"status":400,"error":{"code":-2010,"msg":"no"}}"#;
const OVER_LIMIT: &str = r#"{"id":5,"status":429,"error":{"code":-1003,"msg":"no"}}"#;

fn followed() -> Orders {
    let mut orders = Orders::new();
    apply(&mut orders, &order(1, None, "NEW", ""));
    orders
}

fn get(orders: &Orders, request: u64) -> &Order {
    orders.get(RequestId::new(request)).unwrap()
}

/// The venue refuses the first order with a reply, and events are lost before or after that reply. The rejection that
/// comes after the reply to the second order may be about either order, so the second order is in doubt.
#[test]
fn a_rejection_after_a_lost_one_is_about_either_order() {
    for is_lost_first in [false, true] {
        for (id, second_reply) in [(78, ACCEPTED), (0, ACCEPTED), (0, NAMED)] {
            let mut orders = followed();
            let first = send(&mut orders, 5, "a1");
            if is_lost_first {
                orders.apply(&OVERFLOW);
            }
            answer(&mut orders, first, REFUSED);
            if !is_lost_first {
                orders.apply(&OVERFLOW);
            }
            let second = send(&mut orders, 6, "a1");
            answer(&mut orders, second, second_reply);
            apply(&mut orders, &order(id, Some("a1"), "REJECTED", ""));
            let (state, doubt) = (get(&orders, 6).state, get(&orders, 6).doubt());
            assert_eq!((state, doubt), (OrderState::Acknowledged, Some(StaleReason::Contradiction)), "{id}");
            assert_eq!(get(&orders, 5).state, OrderState::Rejected);
        }
    }
}

#[test]
fn a_rejection_without_an_id_is_about_the_order_that_a_reply_has_named() {
    let mut orders = followed();
    let only = send(&mut orders, 6, "a1");
    answer(&mut orders, only, NAMED);
    apply(&mut orders, &order(0, Some("a1"), "REJECTED", ""));
    assert_eq!((get(&orders, 6).state, get(&orders, 6).doubt()), (OrderState::Rejected, None));
    assert_eq!(orders.iter().count(), 2);

    // An earlier order may be the rejected one too.
    let mut orders = followed();
    let other = send(&mut orders, 5, "a1");
    let named = send(&mut orders, 6, "a1");
    answer(&mut orders, other, ACCEPTED);
    answer(&mut orders, named, NAMED);
    apply(&mut orders, &order(0, Some("a1"), "REJECTED", ""));
    assert_eq!(get(&orders, 6).state, OrderState::Rejected);
    assert_eq!(get(&orders, 5).doubt(), Some(StaleReason::Contradiction));

    // An event has shown that the order exists, so the rejection is about another one.
    let mut orders = followed();
    let open = send(&mut orders, 6, "a1");
    answer(&mut orders, open, NAMED);
    apply(&mut orders, &order(78, Some("a1"), "NEW", ""));
    apply(&mut orders, &order(0, Some("a1"), "REJECTED", ""));
    assert_eq!((get(&orders, 6).state, get(&orders, 6).doubt()), (OrderState::New, None));
}

/// Two orders with one client order id are sent, and an event comes that may be about either. Then the venue refuses
/// the first order, so the event is about the second one.
#[test]
fn an_event_before_a_refusal_is_about_the_order_that_was_not_refused() {
    for refusal in [REFUSED, OVER_LIMIT] {
        for second_reply in [ACCEPTED, NAMED] {
            for is_refused_last in [false, true] {
                let mut orders = followed();
                let [first, second] = [5, 6].map(|request| send(&mut orders, request, "a1"));
                apply(&mut orders, &order(78, Some("a1"), "PARTIALLY_FILLED", r#","Z":"0.5","L":"9","t":1"#));
                let mut replies = [(first, refusal), (second, second_reply)];
                if is_refused_last {
                    replies.reverse();
                }
                for (request, text) in replies {
                    answer(&mut orders, request, text);
                }
                let asked = orders.moment();
                orders.reconcile(RequestId::new(6), found(78, OrderState::PartiallyFilled, "0.5"), asked);
                let of = |request| {
                    let it = get(&orders, request);
                    (it.state, it.order_id, it.executed(), it.doubt())
                };
                let expected = [
                    (OrderState::Rejected, None, d("0"), None),
                    (OrderState::PartiallyFilled, Some(78), d("0.5"), None),
                ];
                assert_eq!([of(5), of(6)], expected, "{refusal}, {second_reply}, {is_refused_last}");
                assert_eq!(orders.get(78), Some(get(&orders, 6)));
                assert_eq!(orders.get("a1"), Some(get(&orders, 6)));
                assert_eq!(orders.traded("btcusd").net(), Some(d("0.5")));
            }
        }
    }
}

/// An event is about the first of two orders. Then the venue refuses the first order for a limit. The event cannot be
/// about the second order, which was sent after the event or was refused itself, so the first order keeps it.
#[test]
fn an_event_before_a_refusal_stays_with_the_order_if_no_other_one_fits() {
    let mut orders = followed();
    let first = send(&mut orders, 5, "a1");
    apply(&mut orders, &order(78, Some("a1"), "NEW", ""));
    send(&mut orders, 6, "a1");
    apply(&mut orders, &order(78, Some("a1"), "OPEN", ""));
    answer(&mut orders, first, OVER_LIMIT);
    assert_eq!((get(&orders, 5).state, get(&orders, 6).state), (OrderState::Open, OrderState::Sent));

    let mut orders = followed();
    let [first, second] = [5, 6].map(|request| send(&mut orders, request, "a1"));
    apply(&mut orders, &order(78, Some("a1"), "NEW", ""));
    reply(&mut orders, second, RequestOutcome::NotSent);
    answer(&mut orders, first, OVER_LIMIT);
    assert_eq!((get(&orders, 5).state, get(&orders, 6).state), (OrderState::New, OrderState::Rejected));
}

/// Two orders with one client order id are sent, and a rejection comes before either reply. It may be about either
/// order, so both are in doubt until the replies come.
#[test]
fn a_rejection_before_both_replies_is_of_neither_order_for_sure() {
    const CONTRADICTION: Option<StaleReason> = Some(StaleReason::Contradiction);
    for (id, refused, other) in [(0, 5, 6), (78, 5, 6), (0, 6, 5), (78, 6, 5)] {
        let mut orders = followed();
        let sent = [5, 6].map(|request| send(&mut orders, request, "a1"));
        let of = |number: u64| sent.into_iter().find(|(request, _)| request.get() == number).unwrap();
        let asked = orders.moment();
        apply(&mut orders, &order(id, Some("a1"), "REJECTED", ""));
        for request in [5, 6] {
            let order = get(&orders, request);
            assert_eq!((order.state, order.doubt(), order.order_id), (OrderState::Sent, CONTRADICTION, None));
        }
        assert!(!orders.reconcile(RequestId::new(other), None, asked), "asked before the rejection");
        assert_eq!(orders.iter().count(), 3, "{id}: an order of its own for the rejection");
        answer(&mut orders, of(refused), REFUSED);
        answer(&mut orders, of(other), ACCEPTED);
        assert_eq!(
            (get(&orders, refused).state, get(&orders, refused).doubt()),
            (OrderState::Rejected, None)
        );
        assert_eq!(get(&orders, other).state, OrderState::Acknowledged);
        apply(&mut orders, &order(79, Some("a1"), "NEW", ""));
        let open = get(&orders, other);
        assert_eq!((open.state, open.doubt(), open.order_id), (OrderState::New, None, Some(79)), "{refused}");
        // The event of the refused order has come, so the next one is about the next order.
        let third = send(&mut orders, 7, "a1");
        apply(&mut orders, &order(0, Some("a1"), "REJECTED", ""));
        assert_eq!(
            (get(&orders, 7).state, get(&orders, 7).doubt()),
            (OrderState::Rejected, None),
            "{refused}"
        );
        answer(&mut orders, third, REFUSED);
        assert_eq!(get(&orders, 7).state, OrderState::Rejected);
    }
}

/// The venue refuses two orders with one client order id. One rejection comes before the replies. The next rejection
/// is about one of these two orders, and not about a third order with that client order id.
#[test]
fn the_second_rejection_of_two_orders_is_not_of_a_third_one() {
    let mut orders = followed();
    let sent = [5, 6].map(|request| send(&mut orders, request, "a1"));
    apply(&mut orders, &order(0, Some("a1"), "REJECTED", ""));
    sent.into_iter().for_each(|of| answer(&mut orders, of, REFUSED));
    send(&mut orders, 7, "a1");
    apply(&mut orders, &order(0, Some("a1"), "REJECTED", ""));
    let states = [5, 6, 7].map(|request| get(&orders, request).state);
    assert_eq!(states, [OrderState::Rejected, OrderState::Rejected, OrderState::Sent]);
}

/// Two orders with one client order id are sent, and the venue accepts one of them, with or without an order id. A
/// rejection that comes before the other reply may be about either order, so both are in doubt.
#[test]
fn a_rejection_before_one_of_two_replies_puts_both_orders_in_doubt() {
    for reply in [ACCEPTED, NAMED] {
        for (answered, waiting) in [(5, 6), (6, 5)] {
            let mut orders = followed();
            let sent = [5, 6].map(|request| send(&mut orders, request, "a1"));
            let of = sent.into_iter().find(|(request, _)| request.get() == answered).unwrap();
            answer(&mut orders, of, reply);
            apply(&mut orders, &order(0, Some("a1"), "REJECTED", ""));
            assert_eq!(get(&orders, waiting).state, OrderState::Sent, "{reply} {answered}");
            assert_eq!(get(&orders, answered).state, OrderState::Acknowledged, "{reply} {answered}");
            let doubts = [5, 6].map(|request| get(&orders, request).doubt());
            assert_eq!(doubts, [Some(StaleReason::Contradiction); 2], "{reply} {answered}");
        }
    }
}

/// An order was known before this client sent another order with the same client order id and the same terms: it is an
/// order of another client, or one whose request had the same id, because an earlier client sent it. An answer that
/// contains only this order shows that the venue has no order of the later request.
#[test]
fn an_answer_about_an_earlier_order_is_not_about_a_later_request() {
    for how in ["event", "list", "reply", "reply and event"] {
        let mut orders = followed();
        let open = found(70, OrderState::Open, "0");
        match how {
            "event" => apply(&mut orders, &order(70, Some("a1"), "OPEN", "")),
            "list" => {
                let asked = orders.moment();
                assert!(orders.add_listed("a1", open.unwrap(), asked));
            }
            _ => {
                let earlier = send(&mut orders, 5, "a1");
                answer(&mut orders, earlier, &NAMED.replace("78", "70"));
                if how == "reply and event" {
                    apply(&mut orders, &order(70, Some("a1"), "OPEN", ""));
                }
            }
        }
        let sent = send(&mut orders, 5, "a1");
        reply(&mut orders, sent, RequestOutcome::TimedOut);
        let asked = orders.moment();
        let listed = OrderRef::Listed { order_id: 70, client_order_id: "a1" };
        assert!(!orders.reconcile(listed, open, asked), "{how}");
        assert!(orders.reconcile(RequestId::new(5), open, asked), "{how}");
        assert_eq!((get(&orders, 5).state, get(&orders, 5).order_id), (OrderState::Rejected, None), "{how}");
        let earlier = orders.get(70).unwrap();
        assert_eq!(
            (earlier.request(), earlier.doubt(), earlier.state.is_final()),
            (None, None, false),
            "{how}"
        );
        // The venue receives the request after the question.
        apply(&mut orders, &order(71, Some("a1"), "NEW", ""));
        assert_eq!((get(&orders, 5).state, get(&orders, 5).order_id), (OrderState::New, Some(71)), "{how}");
    }
}

/// Two orders without an id are in doubt. An event about a third order with the same client order id, whose id is
/// known, is about neither of them. So it raises no doubt, and answers to earlier questions remain usable.
#[test]
fn an_event_about_a_known_order_is_not_about_its_namesakes() {
    let mut orders = followed();
    apply(&mut orders, &order(70, Some("a1"), "OPEN", ""));
    for number in [5, 6] {
        let sent = send(&mut orders, number, "a1");
        reply(&mut orders, sent, RequestOutcome::TimedOut);
    }
    let asked = orders.moment();
    send(&mut orders, 7, "a1");
    let fill = order(70, Some("a1"), "PARTIALLY_FILLED", r#","Z":"0.5","L":"100","t":5"#);
    apply(&mut orders, &fill.replace("1000", "1001"));
    assert_eq!(orders.get(70).unwrap().executed(), d("0.5"));
    assert_eq!(get(&orders, 7).doubt(), None);
    for number in [5, 6] {
        assert!(orders.reconcile(RequestId::new(number), None, asked), "{number}");
        assert_eq!(get(&orders, number).state, OrderState::Rejected);
    }
}
