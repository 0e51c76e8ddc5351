//! Tests which orders may remain at the venue when the client shuts down, by what replies, events and answers have
//! reported about them.

use std::time::Duration;

use gemini_ws::{CloseReason, Config, Lost, OrderState, Request, ShutdownPlan};

use super::fed::{Fed, found, new_order, order, s, t, update};

/// Places an order, delivers these frames, loses the link, and shuts the client down. Returns the reason in `Closed`.
fn shut_down_after(frames: &[String]) -> Option<CloseReason> {
    let mut fed = Fed::private(&["orders@account"]);
    let id = fed.client.request(t(2), &Request::PlaceOrder(new_order("a1"))).unwrap();
    fed.poll();
    for frame in frames {
        fed.feed(3, &frame.replace("REQUEST", &id.get().to_string()));
    }
    shut_down(fed)
}

/// Loses the link, and shuts the client down. Returns the reason in `Closed`.
fn shut_down(mut fed: Fed) -> Option<CloseReason> {
    fed.reconnect(10_000);
    close(fed, 60_000)
}

fn close(mut fed: Fed, at: u64) -> Option<CloseReason> {
    fed.client.shut_down(t(at), ShutdownPlan::by(t(at) + Duration::from_secs(10)).cancel_orders(true));
    fed.acknowledge(at + 1);
    fed.poll();
    fed.client.handle_lost(fed.link, t(at + 2), Lost::Closed { code: Some(1000) });
    fed.poll();
    fed.client.close_reason()
}

#[test]
fn an_order_that_only_its_reply_refused_may_remain() {
    let reply = |rest: &str| format!(r#"{{"id":REQUEST,{rest}}}"#);
    let over_limit = || reply(r#""status":429,"error":{"code":-1003,"msg":"x"}"#);
    let refused = || reply(r#""status":400,"error":{"code":-2010,"msg":"x"}"#);
    let listed = || {
        let row = r#"{"E":2000,"s":"BTCUSD","i":77,"c":"a1","S":"BUY","X":"OPEN","q":"1","T":2000}"#;
        format!(r#"{{"e":"orderSnapshot","orders":[{row}]}}"#)
    };
    let (nothing, open) = (CloseReason::Requested, CloseReason::RequestedIncomplete);
    let accepted = || reply(r#""status":200"#);
    let again = |status: &str| order(78, Some("a1"), status, "");
    let cases: [(Vec<String>, CloseReason); 20] = [
        (vec![over_limit()], nothing),
        (vec![refused()], nothing),
        (vec![refused(), update("REJECTED", "")], nothing),
        (vec![refused(), update("OPEN", "").replace("a1", "of another")], nothing),
        (vec![over_limit(), update("OPEN", "")], open),
        (vec![refused(), update("NEW", "")], open),
        (vec![update("OPEN", ""), refused()], open),
        (vec![refused(), listed()], open),
        (vec![reply(r#""status":200,"error":{},"result":{"orderId":"77"}"#)], open),
        (vec![reply(r#""status":400,"result":{"orderId":"77"}"#)], open),
        (vec![reply(r#""status":302"#)], open),
        (vec![accepted()], open),
        (vec![accepted(), update("NEW", ""), update("FILLED", "")], nothing),
        (vec![update("NEW", ""), update("CANCELED", ""), accepted()], nothing),
        (vec![accepted(), update("REJECTED", "")], nothing),
        (vec![accepted(), update("NEW", "")], open),
        (vec![accepted(), update("NEW", ""), update("FILLED", ""), update("OPEN", "")], open),
        // The end may be that of an earlier order with the same client order id.
        (vec![accepted(), update("FILLED", "")], open),
        (vec![accepted(), update("NEW", ""), again("FILLED")], open),
        (vec![accepted(), update("NEW", ""), again("OPEN"), again("FILLED")], open),
    ];
    for (frames, expected) in cases {
        assert_eq!(shut_down_after(&frames), Some(expected), "{frames:?}");
    }
}

/// Each row has the client order ids of the orders, and how many orders stay open. Each order is reported as new. All
/// orders but those that stay open are reported as cancelled, either at once or after all have been placed.
#[test]
fn orders_that_events_have_ended_do_not_remain() {
    let many: Vec<String> = (0..300).map(|n| format!("b{n}")).collect();
    let again = vec!["a1".to_owned(); 3];
    for (ids, left) in [(&many, 0), (&many, 1), (&again, 0), (&again, 1), (&again, 3)] {
        for one_by_one in [true, false] {
            let mut fed = Fed::private(&["orders@account"]);
            let ended = ids.len() - left;
            let mut ends = Vec::new();
            for (at, id) in ids.iter().enumerate() {
                let now = 10 * (at as u64 + 1);
                fed.client.request(t(now), &Request::PlaceOrder(new_order(id))).unwrap();
                fed.acknowledge(now);
                let event = |status: &str| order(1000 + at as u64, Some(id), status, "");
                fed.feed(now, &event("NEW"));
                ends.extend((at < ended).then(|| event("CANCELED")));
                if one_by_one {
                    ends.drain(..).for_each(|end| fed.feed(now, &end));
                }
            }
            ends.iter().for_each(|end| fed.feed(9_000, end));
            let expected = if left == 0 { CloseReason::Requested } else { CloseReason::RequestedIncomplete };
            assert_eq!(shut_down(fed), Some(expected), "{} {left} {one_by_one}", ids[0]);
        }
    }
}

/// The venue refuses an order, and accepts or refuses a second one with the same client order id. Later events report
/// one order, which ends. No order remains at the venue.
#[test]
fn an_event_is_not_about_an_order_that_was_refused() {
    for status in [200, 400] {
        let mut fed = Fed::private(&["orders@account"]);
        for (now, status) in [(2, 400), (3, status)] {
            let id = fed.client.request(t(now), &Request::PlaceOrder(new_order("a1"))).unwrap();
            fed.poll();
            fed.feed(now, &format!(r#"{{"id":{},"status":{status}}}"#, id.get()));
        }
        for status in ["NEW", "CANCELED"] {
            fed.feed(4, &update(status, ""));
        }
        assert_eq!(shut_down(fed), Some(CloseReason::Requested), "{status}");
    }
}

/// The end of an order is reported over the next link to its endpoint, or over a second link. If no event has
/// reported the order before, and a later session uses its client order id again, the events may be about either of
/// the two orders.
#[test]
fn an_order_ends_over_any_link_to_its_endpoint() {
    let config = || Config::new("ws://v").authenticated(true);
    let place = |fed: &mut Fed, at: u64| {
        fed.client.request(t(at), &Request::PlaceOrder(new_order("a1"))).unwrap();
        fed.acknowledge(at);
    };
    for (is_reported, is_placed_again, expected) in [
        (true, false, CloseReason::Requested),
        (true, true, CloseReason::Requested),
        (false, true, CloseReason::RequestedIncomplete),
    ] {
        let mut fed = Fed::new(config());
        fed.subscribe(1, "orders@account");
        place(&mut fed, 2);
        if is_reported {
            fed.feed(3, &update("NEW", ""));
        }
        fed.reconnect(4);
        fed.acknowledge(5_000);
        if is_placed_again {
            place(&mut fed, 5_001);
            fed.feed(5_001, &order(78, Some("a1"), "NEW", ""));
            fed.feed(5_002, &order(78, Some("a1"), "CANCELED", ""));
        }
        fed.feed(5_003, &update("CANCELED", ""));
        assert_eq!(shut_down(fed), Some(expected), "{is_reported} {is_placed_again}");
    }
    let mut fed = Fed::new(config().streams_max(1));
    fed.subscribe(1, "btcusd@trade");
    let first = fed.link;
    fed.client.subscribe(t(1), s("orders@account")).unwrap();
    fed.poll();
    let second = fed.client.links().map(|(link, ..)| link).find(|link| *link != first).unwrap();
    fed.client.handle_connected(second, t(1));
    fed.acknowledge(1);
    fed.link = first;
    place(&mut fed, 2);
    for status in ["NEW", "CANCELED"] {
        fed.feed_over(second, 3, &update(status, ""));
    }
    fed.client.handle_lost(first, t(4), Lost::Reset);
    fed.link = second;
    assert_eq!(close(fed, 5), Some(CloseReason::Requested));
}

/// The replies to two orders are lost, and rejections without an order id come for both orders or for only one. An
/// order without a rejection may remain.
#[test]
fn rejections_without_an_id_are_of_the_orders_that_they_name() {
    for ids in [["a1", "b1"], ["a1", "a1"]] {
        for (rejected, expected) in [(2, CloseReason::Requested), (1, CloseReason::RequestedIncomplete)] {
            let mut fed = Fed::private(&["orders@account"]);
            for id in ids {
                fed.client.request(t(2), &Request::PlaceOrder(new_order(id))).unwrap();
                fed.poll();
            }
            for id in &ids[..rejected] {
                fed.feed(3, &order(0, Some(id), "REJECTED", ""));
            }
            assert_eq!(shut_down(fed), Some(expected), "{ids:?} {rejected}");
        }
    }
}

/// After the end of an order comes another event. It opens the order again if it is an `OPEN` that is not older than
/// the end, or a `PARTIALLY_FILLED` that is newer. Any other event, such as a `CANCEL_REJECTED`, does not.
#[test]
fn an_old_event_after_the_end_does_not_open_the_order_again() {
    let at = |time: u64, status: &str| update(status, "").replace(r#""E":1000"#, &format!(r#""E":{time}"#));
    let before = || {
        vec![
            r#"{"id":REQUEST,"status":200}"#.to_owned(),
            at(1000, "NEW"),
            at(2000, "OPEN"),
            at(3000, "CANCELED"),
        ]
    };
    for (time, status, expected) in [
        (1000, "NEW", CloseReason::Requested),
        (2000, "OPEN", CloseReason::Requested),
        (2500, "PARTIALLY_FILLED", CloseReason::Requested),
        (3000, "PARTIALLY_FILLED", CloseReason::Requested),
        (2500, "MODIFIED", CloseReason::Requested),
        (4000, "MODIFIED", CloseReason::Requested),
        (4000, "CANCEL_REJECTED", CloseReason::Requested),
        (3000, "OPEN", CloseReason::RequestedIncomplete),
        (4000, "OPEN", CloseReason::RequestedIncomplete),
        (4000, "PARTIALLY_FILLED", CloseReason::RequestedIncomplete),
    ] {
        let mut frames = before();
        frames.push(at(time, status));
        assert_eq!(shut_down_after(&frames), Some(expected), "{time} {status}");
    }
}

/// An order ends while no link is open, and only REST reports the end. If the application then calls `forget_order`,
/// the order does not count as remaining, unless a later event opens it again.
#[test]
fn an_order_whose_end_only_rest_has_shown_does_not_remain() {
    for (is_forgotten, opens_again, expected) in [
        (true, false, CloseReason::Requested),
        (false, false, CloseReason::RequestedIncomplete),
        (true, true, CloseReason::RequestedIncomplete),
    ] {
        let mut fed = Fed::private(&["orders@account"]);
        let id = fed.client.request(t(2), &Request::PlaceOrder(new_order("a1"))).unwrap();
        fed.poll();
        fed.feed(3, &format!(r#"{{"id":{},"status":200}}"#, id.get()));
        fed.feed(3, &update("NEW", ""));
        fed.reconnect(10_000);
        fed.acknowledge(10_600);
        let asked = fed.orders.moment();
        assert!(fed.orders.reconcile(77, found(77, OrderState::Canceled, "0"), asked));
        assert_eq!((fed.order().state, fed.order().doubt()), (OrderState::Canceled, None));
        if is_forgotten {
            fed.client.forget_order(fed.order().request().unwrap());
        }
        if opens_again {
            fed.feed(10_700, &update("OPEN", "").replace("\"E\":1000", "\"E\":2000"));
        }
        assert_eq!(close(fed, 60_000), Some(expected), "{is_forgotten} {opens_again}");
    }
}
