//! Faults of orders: endpoints, answers, contradictions, and how much is kept.

use gemini_ws::{
    Config, Decimal, Event, Frame, Lost, OrderState, Orders, Request, RequestId, RequestOutcome, Scratch,
    StaleReason, Subject,
};

use super::fed::{
    Fed, LOST_FACTS, OVERFLOW, answer, apply, d, first_stream, found, id_of, new_order, order, pair, send, t,
    update,
};

/// The order stream moved to another endpoint, and the application asked the venue about the order. A malformed
/// update over the new link leaves the order in doubt.
#[test]
fn x01_a_loss_over_the_link_that_is_followed_now_is_a_doubt() {
    let (mut fed, [first, second]) = pair(["ws://a", "ws://b"]);
    let stream = "orders@account".parse().unwrap();
    let endpoints: Vec<_> = fed.client.endpoints().collect();
    fed.client.subscribe_at(t(1), endpoints[0], stream, None).unwrap();
    fed.poll();
    let text = fed.sent.pop().unwrap();
    fed.feed_over(first, 1, &format!("{{\"id\":{},\"status\":200}}", id_of(&text)));
    fed.feed_over(first, 2, &update("NEW", ""));
    fed.client.remove(t(3), endpoints[0]).unwrap();
    fed.poll();
    fed.client.handle_lost(first, t(4), Lost::End);
    fed.poll();
    assert!(fed.orders.get(77).unwrap().needs_reconciling());
    fed.sent.clear();
    fed.client.subscribe_at(t(5), endpoints[1], stream, None).unwrap();
    fed.poll();
    let text = fed.sent.pop().unwrap();
    fed.feed_over(second, 5, &format!("{{\"id\":{},\"status\":200}}", id_of(&text)));
    let asked = fed.orders.moment();
    assert!(fed.orders.reconcile(77, found(77, OrderState::Open, "0"), asked));
    assert!(fed.orders.get(77).unwrap().needs_reconciling(), "the other endpoint may be of another account");
    fed.feed_over(
        second,
        6,
        r#"{"e":"orderUpdate","E":1,"s":"BTCUSD","i":77,"X":"FILLED","q":"1e99","T":1}"#,
    );
    assert!(fed.orders.get(77).unwrap().needs_reconciling(), "malformed: shown as open beyond doubt");
}

#[test]
fn x01_the_end_of_the_link_that_is_followed_now_is_a_doubt() {
    let (fed, [first, second]) = pair(["ws://a", "ws://b"]);
    drop(fed);
    let mut orders = Orders::new();
    let (id, stream) = (first_stream(), "orders@account".parse().unwrap());
    let mut fed = Fed::private(&["orders@account"]);
    orders.apply(&Event::Subscribed { link: first, id, stream });
    let mut scratch = Scratch::new();
    let text = update("NEW", "");
    let event = fed.client.handle_frame(fed.link, t(2), Frame::Text(&text), &mut scratch).unwrap();
    orders.apply(&event);
    orders.apply(&Event::Disconnected { link: first, reason: Lost::Reset, retry: None });
    orders.apply(&Event::Subscribed { link: second, id, stream });
    let asked = orders.moment();
    assert!(orders.reconcile(77, found(77, OrderState::Open, "0"), asked));
    orders.apply(&Event::Disconnected { link: second, reason: Lost::Reset, retry: None });
    assert!(orders.get(77).unwrap().needs_reconciling(), "nobody follows it, and it is shown as open");
}

#[test]
fn x02_an_order_at_an_endpoint_that_is_not_followed_is_in_doubt() {
    let (mut fed, [production, _]) = pair(["ws://production", "ws://sandbox"]);
    let endpoints: Vec<_> = fed.client.endpoints().collect();
    fed.client.subscribe_at(t(1), endpoints[0], "orders@account".parse().unwrap(), None).unwrap();
    fed.poll();
    let text = fed.sent.pop().unwrap();
    fed.feed_over(production, 1, &format!("{{\"id\":{},\"status\":200}}", id_of(&text)));
    fed.client.request_at(t(2), endpoints[1], &Request::PlaceOrder(new_order("a1"))).unwrap();
    fed.poll();
    assert!(fed.orders.get("a1").unwrap().needs_reconciling(), "none of its events will come");
}

/// `orders@session` does not report orders that were placed over another link, so such an order is in doubt.
#[test]
fn x02_an_order_of_a_session_that_is_not_followed_is_in_doubt() {
    let (mut fed, [one, _]) = pair(["ws://a", "ws://b"]);
    let endpoints: Vec<_> = fed.client.endpoints().collect();
    fed.client.subscribe_at(t(1), endpoints[0], "orders@session".parse().unwrap(), None).unwrap();
    fed.poll();
    let text = fed.sent.pop().unwrap();
    fed.feed_over(one, 1, &format!("{{\"id\":{},\"status\":200}}", id_of(&text)));
    fed.client.request_at(t(2), endpoints[1], &Request::PlaceOrder(new_order("a1"))).unwrap();
    fed.poll();
    assert!(fed.orders.get("a1").unwrap().needs_reconciling(), "none of its events will come");
}

/// Returns the id, the state and the executed quantity of each order, sorted by id.
fn kept(orders: &Orders) -> Vec<(u64, OrderState, Decimal)> {
    let each = orders.iter().map(|order| (order.order_id.unwrap(), order.state, order.executed()));
    let mut kept: Vec<_> = each.collect();
    kept.sort_unstable_by_key(|order| order.0);
    kept
}

/// The application asks by a client order id, and the answer is about another order than the one that `Orders` knows
/// by that id. Both orders stay.
#[test]
fn x03_an_answer_about_another_order_does_not_swallow_one_that_has_fills() {
    let mut orders = Orders::new();
    apply(&mut orders, &update("NEW", ""));
    apply(&mut orders, &update("PARTIALLY_FILLED", r#","Z":"0.4","L":"100","t":5"#));
    // Another order, whose events name no client order id.
    apply(&mut orders, &order(78, None, "NEW", ""));
    orders.apply(&OVERFLOW);
    let asked = orders.moment();
    // The venue answers with the newest order of this client order id.
    assert!(orders.reconcile("a1", found(78, OrderState::Open, "0"), asked));
    assert_eq!(kept(&orders), [(77, OrderState::PartiallyFilled, d("0.4")), (78, OrderState::Open, d("0"))]);
    assert_eq!(orders.get("a1").map(|order| order.order_id), Some(Some(77)));
    // The answer has resolved only the doubt of order 78. An answer about order 77 resolves the other.
    let doubtful = |orders: &Orders| orders.to_reconcile().map(|order| order.order_id).collect::<Vec<_>>();
    assert_eq!(doubtful(&orders), [Some(77)]);
    assert!(orders.reconcile("a1", found(77, OrderState::PartiallyFilled, "0.4"), asked));
    assert_eq!(doubtful(&orders), []);
    assert_eq!(kept(&orders), [(77, OrderState::PartiallyFilled, d("0.4")), (78, OrderState::Open, d("0"))]);
}

/// The reply to a request names another order than the events with the client order id of the request. `Orders` keeps
/// both orders, and both are in doubt.
#[test]
fn x03_a_reply_with_another_id_does_not_swallow_an_order() {
    let mut orders = Orders::new();
    let request = send(&mut orders, 1, "a1");
    // An order of another session with that client order id.
    apply(&mut orders, &update("NEW", ""));
    apply(&mut orders, &update("PARTIALLY_FILLED", r#","Z":"0.4","L":"100","t":5"#));
    apply(&mut orders, &order(78, None, "NEW", ""));
    answer(&mut orders, request, r#"{"id":1,"status":200,"result":{"orderId":"78"}}"#);
    assert_eq!(kept(&orders), [(77, OrderState::PartiallyFilled, d("0.4")), (78, OrderState::New, d("0"))]);
    // Either may be the order of the request, so both are in doubt.
    let doubts: Vec<_> = orders.iter().map(|order| order.doubt()).collect();
    assert_eq!(doubts, [Some(StaleReason::Contradiction); 2]);
    assert_eq!(orders.contradictions(), 2);
}

/// `Orders` has taken another session's order for that of the request. Then the reply names an order id that no event
/// has named. After answers of REST, `Orders` still knows the order that the reply names.
#[test]
fn x04_an_order_that_the_venue_has_accepted_is_not_forgotten() {
    let mut orders = Orders::new();
    let request = send(&mut orders, 1, "a1");
    apply(&mut orders, &update("OPEN", ""));
    answer(&mut orders, request, r#"{"id":1,"status":200,"result":{"orderId":"78"}}"#);
    let asked = orders.moment();
    orders.reconcile("a1", found(78, OrderState::Open, "0"), asked);
    let asked = orders.moment();
    orders.reconcile(77, found(77, OrderState::Open, "0"), asked);
    let asked = orders.moment();
    let settled = orders.reconcile(78, found(78, OrderState::Open, "0"), asked);
    assert!(
        orders.get(78).is_some() || settled,
        "order 78 is open, and unknown: {:?}",
        orders.to_reconcile().count()
    );
}

#[test]
fn x05_a_doubt_about_too_many_fills_can_be_resolved() {
    let mut orders = Orders::new();
    apply(&mut orders, &update("NEW", ""));
    apply(&mut orders, &update("PARTIALLY_FILLED", r#","Z":"0.4","L":"100","t":5"#));
    apply(&mut orders, &update("FILLED", r#","Z":"1.0","L":"100","t":6"#));
    assert!(orders.get(77).unwrap().needs_reconciling());
    for _ in 0..10 {
        let asked = orders.moment();
        orders.reconcile(77, found(77, OrderState::Filled, "1"), asked);
    }
    let order = orders.get(77).unwrap();
    assert_eq!((order.doubt(), order.executed()), (None, d("1")));
}

/// A reply with an internal error (by its code) or a timeout (status 408) does not say whether the order exists, so
/// the order is in doubt.
#[test]
fn x06_an_internal_error_without_a_5xx_is_no_refusal() {
    for text in [
        r#"{"id":1,"error":{"code":-1000,"msg":"Internal error"}}"#,
        r#"{"id":1,"status":408,"error":{"code":0,"msg":"Timed out"}}"#,
    ] {
        let mut orders = Orders::new();
        let request = send(&mut orders, 1, "a1");
        orders.apply(&Event::Subscribed {
            link: Fed::new(Config::new("ws://v")).link,
            id: first_stream(),
            stream: "orders@account".parse().unwrap(),
        });
        answer(&mut orders, request, text);
        let order = orders.get("a1").unwrap();
        assert!(order.needs_reconciling(), "{text}: {:?}", order.state);
    }
}

/// A fill without a trade id puts the order in doubt. A list of open orders without an executed quantity does not
/// resolve this doubt.
#[test]
fn x07_a_list_without_figures_does_not_account_a_fill() {
    let mut orders = Orders::new();
    apply(&mut orders, &update("NEW", ""));
    // The fill has no trade id.
    apply(&mut orders, &update("PARTIALLY_FILLED", r#","Z":"0.4","L":"100""#));
    assert!(orders.get(77).unwrap().needs_reconciling());
    let row = r#"{"E":2000,"s":"BTCUSD","i":77,"c":"a1","S":"BUY","X":"OPEN","q":"1","T":2000}"#;
    apply(&mut orders, &format!(r#"{{"e":"orderSnapshot","orders":[{row}]}}"#));
    let order = orders.get(77).unwrap();
    assert!(order.needs_reconciling(), "executed {} of which 0.4 were", order.executed());
}

#[test]
fn x08_an_empty_list_of_open_orders_casts_doubt_on_those_that_are_known() {
    let mut orders = Orders::new();
    apply(&mut orders, &update("NEW", ""));
    apply(&mut orders, &update("OPEN", ""));
    apply(&mut orders, r#"{"e":"orderSnapshot","orders":[]}"#);
    assert_eq!(orders.get(77).unwrap().doubt(), Some(StaleReason::NotFound));
}

/// The application asks about an order while no link is open, and the queue has dropped the event of the end of the
/// link. The order is in doubt once the next link is subscribed, because it may have changed before.
#[test]
fn x09_an_order_that_was_asked_for_while_the_link_was_down_is_in_doubt() {
    let mut fed = Fed::private(&["orders@account"]);
    fed.feed(2, &update("NEW", ""));
    let mut orders = fed.orders.clone();
    // `Disconnected` is dropped, but the event that reports the loss is not.
    orders.apply(&LOST_FACTS);
    let asked = orders.moment();
    assert!(orders.reconcile(77, found(77, OrderState::Open, "0"), asked));
    // The order is filled before the next link is subscribed.
    let old = fed.link;
    fed.reconnect(3);
    assert_ne!(fed.link, old);
    orders.apply(&Event::Subscribed {
        link: fed.link,
        id: first_stream(),
        stream: "orders@account".parse().unwrap(),
    });
    assert!(orders.get(77).unwrap().needs_reconciling(), "its fill was never told, and it is shown as open");
}

#[test]
fn y05_sums_of_fills_take_no_memory_without_bound() {
    let mut orders = Orders::new();
    let kept = |orders: &Orders| format!("{orders:?}").matches("Traded {").count();
    for n in 0..40_000_u64 {
        let text = order(1_000 + n, None, "FILLED", &format!(r#","Z":"1","L":"100","t":1{n}"#))
            .replace("BTCUSD", &format!("S{n}"));
        apply(&mut orders, &text);
    }
    assert!(orders.iter().count() <= 10_000);
    assert!(kept(&orders) <= 20_000, "{} sums", kept(&orders));
}

/// An answer of REST reports an execution whose event was lost. A later fill is added to this execution, or the order
/// is in doubt.
#[test]
fn z02_a_fill_behind_an_answer_adds_to_what_was_told() {
    let mut orders = Orders::new();
    apply(&mut orders, &update("NEW", ""));
    // A fill of 0.1 is lost.
    orders.apply(&OVERFLOW);
    let asked = orders.moment();
    assert!(orders.reconcile(77, found(77, OrderState::PartiallyFilled, "0.1"), asked));
    apply(&mut orders, &update("PARTIALLY_FILLED", r#","Z":"0.1","L":"100","t":6"#));
    let order = orders.get(77).unwrap();
    assert!(
        order.needs_reconciling() || order.executed() == d("0.2"),
        "executed {} of 0.2, beyond doubt",
        order.executed()
    );
}

/// A request to place an order gets no reply. The application sends it again with the same client order id, and again
/// gets no reply. Answers of REST that the venue has no such order resolve both doubts.
#[test]
fn z03_each_of_two_orders_of_one_client_order_id_can_be_reconciled() {
    let mut orders = Orders::new();
    let link = Fed::new(Config::new("ws://v")).link;
    orders.apply(&Event::Subscribed { link, id: first_stream(), stream: "orders@account".parse().unwrap() });
    for number in [1, 2] {
        let (request, about) = send(&mut orders, number, "a1");
        orders.apply(&Event::Reply { link, request, about, outcome: RequestOutcome::TimedOut });
    }
    for _ in 0..10 {
        let asked = orders.moment();
        orders.reconcile("a1", None, asked);
    }
    assert_eq!(orders.to_reconcile().count(), 0, "asked ten times, and the venue knows of none");
}

#[test]
fn z04_a_kind_of_order_event_of_v1_that_is_not_known_is_a_doubt() {
    let mut fed = Fed::new(Config::new("ws://v/v1/order/events"));
    fed.feed(1, r#"[{"type":"initial","order_id":"5","symbol":"btcusd","side":"buy","is_live":true,"original_amount":"1","executed_amount":"0","socket_sequence":0}]"#);
    fed.feed(2, r#"[{"type":"expired","order_id":"5","symbol":"btcusd","side":"buy","is_live":false,"original_amount":"1","executed_amount":"0","socket_sequence":1}]"#);
    assert!(
        fed.orders.get(5).unwrap().needs_reconciling(),
        "{:?} {:?}",
        fed.orders.get(5).unwrap().state,
        fed.log.last()
    );
}

#[test]
fn z09_refused_orders_without_an_id_of_their_own_stay_two() {
    let mut orders = Orders::new();
    let link = Fed::new(Config::new("ws://v")).link;
    orders.apply(&Event::Subscribed { link, id: first_stream(), stream: "orders@account".parse().unwrap() });
    for (number, id) in [(1, "a1"), (2, "a2")] {
        send(&mut orders, number, id);
    }
    for id in ["a1", "a2"] {
        apply(&mut orders, &order(0, Some(id), "REJECTED", r#","r":"InvalidPrice""#));
    }
    for id in ["a1", "a2"] {
        let asked = orders.moment();
        orders.reconcile(id, None, asked);
    }
    let states: Vec<_> =
        orders.iter().map(|it| (it.client_order_id.as_deref(), it.state, it.doubt())).collect();
    assert_eq!(states, [(Some("a1"), OrderState::Rejected, None), (Some("a2"), OrderState::Rejected, None)]);
}

/// The request of an order got no reply, and its events were lost. The application sends the order again with the
/// same client order id, which the venue refuses as a duplicate. The refusal does not resolve the doubt about the
/// first order.
#[test]
fn z10_the_refusal_of_a_duplicate_is_not_about_the_first_order() {
    let duplicate = r#"{"id":1,"status":400,"error":{"code":-2010,"msg":"DuplicateOrder"}}"#;
    for reply_first in [false, true] {
        let mut orders = Orders::new();
        let link = Fed::new(Config::new("ws://v")).link;
        orders.apply(&Event::Subscribed {
            link,
            id: first_stream(),
            stream: "orders@account".parse().unwrap(),
        });
        let (request, about) = send(&mut orders, 1, "a1");
        orders.apply(&Event::Reply { link, request, about, outcome: RequestOutcome::TimedOut });
        // Its events NEW and OPEN, with the id 77, are dropped.
        orders.apply(&OVERFLOW);
        let second = send(&mut orders, 2, "a1");
        let refused = order(78, Some("a1"), "REJECTED", r#","r":"DuplicateOrder""#);
        if reply_first {
            answer(&mut orders, second, duplicate);
            apply(&mut orders, &refused);
        } else {
            apply(&mut orders, &refused);
            answer(&mut orders, second, duplicate);
        }
        let states: Vec<_> = orders.iter().map(|it| (it.state, it.doubt())).collect();
        let is_any_in_doubt = orders.to_reconcile().count() > 0;
        assert!(is_any_in_doubt, "reply first {reply_first}: order 77 is open, and known is {states:?}");
    }
}

#[test]
fn y13_texts_of_orders_take_no_memory_without_bound() {
    let mut fed = Fed::private(&["orders@account"]);
    let used = allocation_counter::measure(|| {
        for n in 0..100 {
            let text = order(1_000 + n, None, "REJECTED", &format!(r#","r":"{}""#, "x".repeat(1 << 20)));
            fed.feed(n, &text);
        }
        fed.log = Vec::new();
    });
    assert_eq!(fed.orders.iter().count(), 100);
    assert!(
        used.bytes_current < 1 << 20,
        "{} KiB for 100 orders with texts of 1,024",
        used.bytes_current >> 10
    );
}

#[test]
fn z12_an_internal_error_of_a_cancel_of_all_is_a_doubt_as_that_of_one() {
    let link = Fed::new(Config::new("ws://v")).link;
    let mut scratch = Scratch::new();
    let Ok(gemini_ws::Message::Response(response)) = gemini_ws::decode(
        r#"{"id":1,"status":500,"error":{"code":-1000,"msg":"Internal error"}}"#,
        &mut scratch,
    ) else {
        panic!()
    };
    let doubts =
        [Subject::CancelOrder(77), Subject::CancelAllOrders, Subject::CancelSessionOrders].map(|about| {
            let mut orders = Orders::new();
            apply(&mut orders, &update("NEW", ""));
            orders.apply(&Event::Reply {
                link,
                request: RequestId::new(1),
                about,
                outcome: RequestOutcome::Answered(response),
            });
            orders.to_reconcile().count()
        });
    assert_eq!(doubts, [1, 1, 1]);
}

/// Production and the sandbox number their orders separately, so orders at two endpoints may have the same id.
/// `Orders` keeps two orders, or puts the one that it keeps in doubt.
#[test]
fn z13_orders_of_two_endpoints_are_not_one() {
    let (mut fed, [one, other]) = pair(["ws://a/v1/order/events", "ws://b/v1/order/events"]);
    for (link, amount) in [(one, "1"), (other, "5")] {
        fed.feed_over(link, 1, &format!(r#"[{{"type":"initial","order_id":"5","symbol":"btcusd","side":"buy","is_live":true,"original_amount":"{amount}","executed_amount":"0","socket_sequence":0}}]"#));
    }
    let quantities: Vec<_> =
        fed.orders.iter().map(|it| (it.quantity.map(|it| it.to_string()), it.doubt())).collect();
    assert!(quantities.len() == 2 || quantities.iter().all(|it| it.1.is_some()), "{quantities:?}");
}

/// The venue accepted a cancel, and the event of the end was lost. Each row has the cancel, the number of its
/// request, whether it covers order 77 (which request 5 placed), and whether it covers order 78 (of another client).
#[test]
fn z14_the_end_that_follows_an_accepted_cancel_may_be_overdue() {
    let link = Fed::new(Config::new("ws://v")).link;
    let mut scratch = Scratch::new();
    let Ok(gemini_ws::Message::Response(ok)) = gemini_ws::decode(r#"{"id":9,"status":200}"#, &mut scratch)
    else {
        panic!()
    };
    for (about, number, covers) in [
        (Subject::CancelOrder(77), 9, [true, false]),
        (Subject::CancelOrder(78), 9, [false, true]),
        (Subject::CancelAllOrders, 9, [true, true]),
        (Subject::CancelSessionOrders, 9, [true, false]),
        (Subject::CancelSessionOrders, 4, [false, false]),
        (Subject::CancelAllOrders, 4, [false, true]),
    ] {
        let mut orders = Orders::new();
        apply(&mut orders, &order(78, None, "NEW", ""));
        let own = send(&mut orders, 5, "a1");
        assert!(orders.get("a1").unwrap().awaited().is_none(), "the venue has accepted nothing yet");
        answer(&mut orders, own, r#"{"id":5,"status":200}"#);
        assert!(orders.get("a1").unwrap().awaited().is_some());
        apply(&mut orders, &order(77, Some("a1"), "NEW", ""));
        let outcome = RequestOutcome::Answered(ok);
        let changed = orders.apply(&Event::Reply { link, request: RequestId::new(number), about, outcome });
        assert_eq!(changed.count(), covers.iter().filter(|is_covered| **is_covered).count(), "{about:?}");
        for (id, is_covered) in [77, 78].into_iter().zip(covers) {
            let state = |orders: &Orders| {
                let order = orders.get(id).unwrap();
                (order.cancel_accepted, order.awaited().is_some(), order.doubt())
            };
            assert_eq!(state(&orders), (is_covered, is_covered, None), "{about:?} {number}: {id}");
            // A part was executed, which says nothing about the end.
            let fill = r#","Z":"0.5","L":"99.50","t":7"#;
            apply(&mut orders, &order(id, Some("a1").filter(|_| id == 77), "PARTIALLY_FILLED", fill));
            orders.doubt_overdue(id);
            let doubt = is_covered.then_some(StaleReason::Overdue);
            assert_eq!(state(&orders), (is_covered, false, doubt), "{about:?} {number}: {id}");
            let asked = orders.moment();
            let is_settled = orders.reconcile(id, found(id, OrderState::PartiallyFilled, "0.5"), asked);
            assert_eq!(
                (is_settled, state(&orders)),
                (is_covered, (false, false, None)),
                "it is open after all"
            );
            orders.doubt_overdue(id);
            assert_eq!(orders.to_reconcile().count(), 0, "nothing is owed any more");
        }
    }
}

/// The venue accepts a cancel while an answer about another doubt is on its way. The answer does not show whether the
/// order has ended, so the end is still awaited.
#[test]
fn z15_an_answer_about_another_doubt_leaves_the_end_owed() {
    let mut orders = Orders::new();
    apply(&mut orders, &order(77, None, "NEW", ""));
    orders.apply(&OVERFLOW);
    let asked = orders.moment();
    let (link, request) = (Fed::new(Config::new("ws://v")).link, RequestId::new(1));
    let mut scratch = Scratch::new();
    let Ok(gemini_ws::Message::Response(ok)) = gemini_ws::decode(r#"{"id":1,"status":200}"#, &mut scratch)
    else {
        panic!()
    };
    let outcome = RequestOutcome::Answered(ok);
    orders.apply(&Event::Reply { link, request, about: Subject::CancelOrder(77), outcome });
    assert!(orders.get(77).unwrap().awaited().is_none(), "it is in doubt");
    assert!(orders.reconcile(77, found(77, OrderState::Open, "0"), asked));
    assert!(orders.get(77).unwrap().awaited().is_some());
    apply(&mut orders, &order(77, None, "CANCELED", r#","Z":"0""#));
    assert!(orders.get(77).unwrap().awaited().is_none() && orders.open().count() == 0);
}
