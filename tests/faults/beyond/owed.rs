//! Events that the venue still has to send: the first event of an order, and the end of an order whose cancel it has
//! accepted.

use std::collections::BTreeMap;

use gemini_ws::{
    Awaited, Config, Event, OrderRef, OrderState, Orders, RequestId, RequestOutcome, StaleReason, Subject,
};
use testkit::random::Random;

use super::fed::{Fed, OVERFLOW, answer, apply, first_stream, found, new_order, order, reply, send};

const OK: &str = r#"{"id":9,"status":200}"#;

fn accept(orders: &mut Orders, number: u64, about: Subject) {
    answer(orders, (RequestId::new(number), about), OK);
}

/// The venue accepts a cancel while the order is in doubt. When the doubt ends, the end of the order is still
/// awaited.
#[test]
fn z19_a_cancel_that_is_accepted_during_a_doubt_counts() {
    for about in [Subject::CancelOrder(77), Subject::CancelAllOrders, Subject::CancelSessionOrders] {
        let mut orders = Orders::new();
        apply(&mut orders, &order(1, None, "NEW", ""));
        send(&mut orders, 5, "a1");
        apply(&mut orders, &order(77, Some("a1"), "NEW", ""));
        orders.apply(&OVERFLOW);
        let asked = orders.moment();
        accept(&mut orders, 9, about);
        assert_eq!(orders.get(77).unwrap().awaited(), None, "{about:?}: it is in doubt");
        // The question was asked before the cancel was accepted.
        assert!(orders.reconcile(77, found(77, OrderState::Open, "0"), asked));
        assert_eq!(orders.get(77).unwrap().awaited(), Some(Awaited::End), "{about:?}");
    }
    // The request timed out, and its events come after the cancel was accepted.
    for about in [Subject::CancelAllOrders, Subject::CancelSessionOrders] {
        let mut orders = Orders::new();
        apply(&mut orders, &order(1, None, "NEW", ""));
        let placed = send(&mut orders, 5, "a1");
        reply(&mut orders, placed, RequestOutcome::TimedOut);
        accept(&mut orders, 9, about);
        apply(&mut orders, &order(77, Some("a1"), "NEW", ""));
        apply(&mut orders, &order(77, Some("a1"), "OPEN", ""));
        assert_eq!(orders.get(77).unwrap().awaited(), Some(Awaited::End), "{about:?}");
    }
    // REST did not find the order, which arrived after the question.
    let mut orders = Orders::new();
    apply(&mut orders, &order(1, None, "NEW", ""));
    let placed = send(&mut orders, 5, "a1");
    reply(&mut orders, placed, RequestOutcome::TimedOut);
    let asked = orders.moment();
    assert!(orders.reconcile("a1", None, asked));
    accept(&mut orders, 9, Subject::CancelAllOrders);
    apply(&mut orders, &order(77, Some("a1"), "NEW", ""));
    assert_eq!(orders.get(77).unwrap().awaited(), Some(Awaited::End));
}

/// The venue accepts a cancel between the question to REST and the answer. The answer that the order is open says
/// nothing about this cancel, even if the venue had accepted another cancel before the question.
#[test]
fn z20_an_answer_says_nothing_about_a_later_cancel() {
    for is_second in [false, true] {
        let mut orders = Orders::new();
        apply(&mut orders, &order(1, None, "NEW", ""));
        let placed = send(&mut orders, 5, "a1");
        answer(&mut orders, placed, r#"{"id":5,"status":200,"result":{"orderId":"77"}}"#);
        if is_second {
            accept(&mut orders, 8, Subject::CancelAllOrders);
        }
        orders.doubt_overdue("a1");
        let asked = orders.moment();
        accept(&mut orders, 9, Subject::CancelAllOrders);
        assert!(orders.reconcile("a1", found(77, OrderState::Open, "0"), asked));
        assert_eq!(orders.get("a1").unwrap().awaited(), Some(Awaited::End), "{is_second}");
        orders.doubt_overdue(77);
        let asked = orders.moment();
        assert!(orders.reconcile("a1", found(77, OrderState::Open, "0"), asked));
        let order = orders.get("a1").unwrap();
        assert_eq!((order.awaited(), order.cancel_accepted), (None, false), "now it does");
    }
}

/// The end of the order is overdue, and then a list of open orders contains the order. So the cancel had no effect.
#[test]
fn z21_a_list_of_open_orders_answers_too() {
    let mut orders = Orders::new();
    apply(&mut orders, &order(77, None, "NEW", ""));
    accept(&mut orders, 9, Subject::CancelOrder(77));
    let list = r#"{"e":"orderSnapshot","orders":[{"E":2000,"s":"BTCUSD","i":77,"S":"BUY","X":"OPEN","q":"1","T":2000}]}"#;
    apply(&mut orders, list);
    assert_eq!(orders.get(77).unwrap().awaited(), Some(Awaited::End), "the list may be older than the end");
    orders.doubt_overdue(77);
    apply(&mut orders, list);
    let order = orders.get(77).unwrap();
    assert_eq!((order.doubt(), order.awaited(), order.cancel_accepted), (None, None, false));
}

/// The first event of an order did not name the client order id, so the first event of the request seemed overdue.
/// The next event names that id, and ends the doubt.
#[test]
fn z22_an_order_that_was_reported_is_not_overdue() {
    let mut orders = Orders::new();
    apply(&mut orders, &order(77, None, "NEW", ""));
    let placed = send(&mut orders, 5, "a1");
    answer(&mut orders, placed, OK);
    orders.doubt_overdue(OrderRef::Request(RequestId::new(5)));
    assert_eq!(orders.get("a1").unwrap().doubt(), Some(StaleReason::Overdue));
    apply(&mut orders, &order(77, Some("a1"), "OPEN", ""));
    let order = orders.get(77).unwrap();
    assert_eq!((order.doubt(), order.request()), (None, Some(RequestId::new(5))));
}

/// Formats the visible fields of each order that this client placed, by the id of its request.
fn seen(orders: &Orders) -> BTreeMap<RequestId, String> {
    let shown = |order: &gemini_ws::Order| {
        format!(
            "{:?} {} {:?} {} {}",
            order.state,
            order.executed(),
            order.doubt(),
            order.cancel_accepted,
            order.fills.len()
        )
    };
    orders.iter().filter_map(|order| Some((order.request()?, shown(order)))).collect()
}

/// In any sequence of requests, replies and events, `apply` returns each change of an order that this client placed.
#[test]
fn z23_no_change_of_an_order_is_silent() {
    let link = Fed::new(Config::new("ws://v")).link;
    let stream = "orders@account".parse().unwrap();
    let statuses = ["NEW", "OPEN", "PARTIALLY_FILLED", "FILLED", "CANCELED", "REJECTED"];
    for seed in 0..20_000 {
        let mut random = Random(seed + 1);
        let mut orders = Orders::new();
        orders.apply(&Event::Subscribed { link, id: first_stream(), stream });
        let mut placed: Vec<(RequestId, Subject)> = Vec::new();
        for step in 0..12_u64 {
            let before = seen(&orders);
            let id = *random.pick(&["a1", "a2"]);
            let order_id: u64 = 77 + random.below(2) as u64;
            let (text, outcome);
            let mut scratch = gemini_ws::Scratch::new();
            let mut replay = gemini_ws::Replay::new(gemini_ws::Endpoint::Streams);
            let event = match random.below(8) {
                0 | 1 => {
                    placed.push((RequestId::new(step), Subject::PlaceOrder(new_order(id))));
                    let (request, about) = placed[placed.len() - 1];
                    Event::Requested { link, request, about }
                }
                2 | 3 if !placed.is_empty() => {
                    let (request, about) = *random.pick(&placed);
                    text = match random.below(4) {
                        0 => r#"{"id":1,"status":200}"#.to_owned(),
                        1 => r#"{"id":1,"status":400,"error":{"code":-2010,"msg":"no"}}"#.to_owned(),
                        _ => format!(r#"{{"id":1,"status":200,"result":{{"orderId":"{order_id}"}}}}"#),
                    };
                    let Ok(gemini_ws::Message::Response(response)) = gemini_ws::decode(&text, &mut scratch)
                    else {
                        panic!("{text}")
                    };
                    outcome = RequestOutcome::Answered(response);
                    Event::Reply { link, request, about, outcome }
                }
                4 => {
                    let about = *random.pick(&[Subject::CancelOrder(order_id), Subject::CancelAllOrders]);
                    let Ok(gemini_ws::Message::Response(response)) = gemini_ws::decode(OK, &mut scratch)
                    else {
                        panic!()
                    };
                    outcome = *random.pick(&[RequestOutcome::Answered(response), RequestOutcome::TimedOut]);
                    Event::Reply { link, request: RequestId::new(100 + step), about, outcome }
                }
                5 => OVERFLOW,
                _ => {
                    let client = Some(id).filter(|_| random.below(2) == 0);
                    let fill = r#","Z":"0.5","L":"99.50","t":7"#;
                    let status = *random.pick(&statuses);
                    let rest = if status == "PARTIALLY_FILLED" { fill } else { "" };
                    text = order(order_id, client, status, rest);
                    replay.event(&text, &mut scratch).unwrap().unwrap()
                }
            };
            let changed: Vec<RequestId> =
                orders.apply(&event).filter_map(|change| change.order.request()).collect();
            for (request, after) in seen(&orders) {
                let is_same = before.get(&request) == Some(&after);
                assert!(
                    is_same || changed.contains(&request),
                    "seed {seed}, step {step}, {event:?}: {request} was {:?} and is {after}",
                    before.get(&request)
                );
            }
        }
    }
}
