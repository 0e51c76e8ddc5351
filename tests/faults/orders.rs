//! Faults of the orders that an application keeps. Every test fails on code that has the fault.

use gemini_ws::{
    Books, Client, ClientConfig, Config, Event, FINISHED_ORDERS_MAX, Frame, LinkId, Lost, OrderState, Orders,
    Output, Reconciled, Request, RequestId, RequestOutcome, Scratch, StaleReason, Subject,
};

use super::fed::{Fed, OVERFLOW, apply, d, found, new_order, reply, send, t, update};

/// Tests, each with the id of the fault that it shows. `tests/mutants` runs these tests to find planted faults.
#[allow(dead_code, reason = "the tests run by themselves")]
#[rustfmt::skip]
pub(crate) const FAULTS: &[(&str, fn())] = &[
    ("A2", a2_the_end_of_one_v1_link_leaves_the_book_of_another_alone),
    ("A2", a2_the_end_of_a_link_without_orders_leaves_orders_alone),
    ("A2", a2_an_old_end_says_nothing_of_the_next_link),
    ("A3", a3a_events_decide_against_an_earlier_not_found),
    ("A3", a3b_an_older_answer_does_not_undo_what_is_newer),
    ("A3", a3c_reconciling_holds_until_the_next_doubt_only),
    ("A3", a3d_an_order_without_a_client_order_id_can_be_reconciled),
    ("A3", a3e_two_entries_of_one_order_become_one),
    ("A3", a3_contradictions_are_never_merged),
    ("A4", a4_an_end_is_no_proof_of_completeness),
    ("B1", b1_executions_that_do_not_add_up_are_a_doubt),
    ("B1", b1_an_order_that_is_first_seen_in_the_middle_is_in_doubt),
    ("B2", b2_an_end_wins_whatever_the_venues_clock_says),
    ("B3", b3_a_status_that_is_not_known_is_a_doubt),
    ("B4", b4_a_cancel_that_does_not_succeed_is_a_doubt),
    ("B5", b5_an_order_that_was_sent_while_its_events_are_not_subscribed_is_in_doubt),
    ("B6", b6_the_list_of_open_orders_settles_doubts_and_raises_others),
    ("B7", b7_an_order_that_is_open_or_in_doubt_is_never_forgotten),
    ("B7", b7_two_orders_of_one_client_order_id_stay_two),
];

const FILL: &str = r#","Z":"1","L":"100","t":5"#;

// ---- over which link did it come? -------------------------------------------------------------------------

#[test]
fn a2_the_end_of_one_v1_link_leaves_the_book_of_another_alone() {
    let mut client = Client::new(ClientConfig::new(), 1);
    for symbol in ["btcusd", "ethusd"] {
        client.add(t(0), Config::new(format!("ws://venue/v1/marketdata/{symbol}"))).unwrap();
    }
    client.open(t(0)).unwrap();
    let links: Vec<LinkId> = client.links().map(|(link, ..)| link).collect();
    let (mut books, mut scratch) = (Books::new(), Scratch::new());
    let poll = |client: &mut Client, books: &mut Books| {
        while let Some(output) = client.poll_output() {
            if let Output::Event(event) = output {
                books.apply(&event);
            }
        }
    };
    let entry = |price: u32, reason: &str| {
        format!(
            r#"[{{"type":"change","side":"bid","price":"{price}","remaining":"2","delta":"2","reason":"{reason}"}}]"#
        )
    };
    for link in &links {
        client.handle_connected(*link, t(1));
        let text = format!(
            r#"{{"type":"update","eventId":7,"socket_sequence":0,"events":{}}}"#,
            entry(99, "initial")
        );
        books.apply(&client.handle_frame(*link, t(2), Frame::Text(&text), &mut scratch).unwrap());
    }
    client.handle_lost(links[0], t(3), Lost::Reset);
    poll(&mut client, &mut books);
    for n in 1..1000 {
        let text = format!(
            r#"{{"type":"update","eventId":{},"socket_sequence":{n},"timestampms":{},"timestamp":1,"events":{}}}"#,
            10 + n,
            1000 + n,
            entry(100, "place")
        );
        books.apply(&client.handle_frame(links[1], t(3 + n), Frame::Text(&text), &mut scratch).unwrap());
    }
    assert!(books.live("btcusd").is_none(), "its own link has ended");
    assert!(books.live("ethusd").is_some(), "stale by the end of another link");
}

#[test]
fn a2_the_end_of_a_link_without_orders_leaves_orders_alone() {
    for other in ["ws://a/v1/marketdata/btcusd", "ws://b"] {
        let mut client = Client::new(ClientConfig::new(), 1);
        client.add(t(0), Config::new("ws://a/v1/order/events")).unwrap();
        client.add(t(0), Config::new(other).stay_open(true)).unwrap();
        client.open(t(0)).unwrap();
        let links: Vec<_> = client.links().map(|(link, ..)| link).collect();
        let (mut orders, mut scratch) = (Orders::new(), Scratch::new());
        for link in &links {
            client.handle_connected(*link, t(1));
        }
        let ack = r#"{"type":"subscription_ack","accountId":5,"subscriptionId":"x","symbolFilter":[],"apiSessionFilter":[],"eventTypeFilter":[]}"#;
        let initial = r#"[{"type":"initial","order_id":"23","symbol":"ethbtc","side":"buy","order_type":"exchange limit","timestampms":1673545546971,"is_live":true,"executed_amount":"0","remaining_amount":"0.1","original_amount":"0.1","price":"0.1","socket_sequence":0}]"#;
        for text in [ack, initial] {
            orders.apply(&client.handle_frame(links[0], t(2), Frame::Text(text), &mut scratch).unwrap());
        }
        for (lost, in_doubt) in [(1, false), (0, true)] {
            client.handle_lost(links[lost], t(3), Lost::Reset);
            while let Some(output) = client.poll_output() {
                if let Output::Event(event) = output {
                    orders.apply(&event);
                }
            }
            assert_eq!(orders.get(23).unwrap().needs_reconciling(), in_doubt, "{other}, link {lost}");
        }
    }
}

/// A driver polls the event of the end of a link late, after newer events that frames returned. The late event does
/// not make a book of the next link stale.
#[test]
fn a2_an_old_end_says_nothing_of_the_next_link() {
    let mut fed = Fed::new(Config::new("ws://v"));
    fed.subscribe(1, "btcusd@depth");
    let snapshot = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["99","1"]],"a":[["101","3"]]}"#;
    fed.feed(2, snapshot);
    let old = fed.link;
    fed.reconnect(3);
    fed.acknowledge(2_000);
    fed.feed(2_001, snapshot);
    assert!(fed.books.live("btcusd").is_some());
    fed.apply(&Event::Disconnected { link: old, reason: Lost::Reset, retry: None });
    assert!(fed.books.live("btcusd").is_some(), "an end that is older than the book");
}

// ---- an answer is one more observation ------------------------------------------------------------------------

#[test]
fn a3a_events_decide_against_an_earlier_not_found() {
    let mut orders = Orders::new();
    let request = send(&mut orders, 1, "a1");
    reply(&mut orders, request, RequestOutcome::Lost);
    let asked = orders.moment();
    assert!(orders.reconcile("a1", None, asked));
    for (status, rest) in [("NEW", ""), ("OPEN", ""), ("PARTIALLY_FILLED", r#","Z":"0.4","L":"100","t":5"#)] {
        apply(&mut orders, &update(status, rest));
    }
    assert_eq!(orders.get(77).unwrap().state, OrderState::PartiallyFilled);
    assert_eq!((orders.open().count(), orders.to_reconcile().count()), (1, 0));
}

/// An answer that is older than an event never undoes that event. Each row has the events before the question, the
/// events between question and answer, the answer, and what is known afterwards: the state, the executed quantity and
/// the number of doubts.
#[test]
fn a3b_an_older_answer_does_not_undo_what_is_newer() {
    let new = update("NEW", "");
    let open = update("OPEN", "");
    let part = update("PARTIALLY_FILLED", r#","Z":"0.4","L":"100","t":4"#);
    let filled = update("FILLED", FILL);
    let canceled = update("CANCELED", r#","Z":"0""#);
    let lost = "";
    type Row<'a> = (&'a [&'a str], &'a [&'a str], Option<Reconciled>, OrderState, &'a str, usize);
    let rows: &[Row<'_>] = &[
        (&[&new, &open], &[&filled], found(77, OrderState::Open, "0"), OrderState::Filled, "1", 0),
        (&[&new, &open], &[&canceled], found(77, OrderState::Open, "0"), OrderState::Canceled, "0", 0),
        (&[&new, &open, lost], &[&filled], found(77, OrderState::Open, "0"), OrderState::Filled, "1", 0),
        (
            &[&new, &open, lost],
            &[&part],
            found(77, OrderState::Open, "0"),
            OrderState::PartiallyFilled,
            "0.4",
            1,
        ),
        (&[&new, &open], &[lost], found(77, OrderState::Open, "0"), OrderState::Open, "0", 1),
        (&[&new, &open], &[lost], found(77, OrderState::Canceled, "0"), OrderState::Canceled, "0", 0),
        (&[&new, &part, lost], &[], found(77, OrderState::Open, "0"), OrderState::PartiallyFilled, "0.4", 1),
        (
            &[&new, &part, lost],
            &[],
            found(77, OrderState::Open, "0.4"),
            OrderState::PartiallyFilled,
            "0.4",
            0,
        ),
        (
            &[&new, &part, lost],
            &[],
            found(77, OrderState::PartiallyFilled, "0.6"),
            OrderState::PartiallyFilled,
            "0.6",
            0,
        ),
        (&[&new, &open, lost], &[], None, OrderState::Open, "0", 1),
        (&[&new, &filled, lost], &[], found(77, OrderState::Open, "0"), OrderState::Filled, "1", 0),
    ];
    for (number, (before, between, answer, state, executed, doubts)) in rows.iter().enumerate() {
        let mut orders = Orders::new();
        let feed = |orders: &mut Orders, events: &[&str]| {
            for text in events {
                if text.is_empty() {
                    orders.apply(&OVERFLOW);
                } else {
                    apply(orders, text);
                }
            }
        };
        feed(&mut orders, before);
        let asked = orders.moment();
        feed(&mut orders, between);
        orders.reconcile(77, *answer, asked);
        let order = orders.get(77).unwrap();
        let known = (order.state, order.executed(), orders.to_reconcile().count());
        assert_eq!(known, (*state, d(executed), *doubts), "row {number}");
    }
}

#[test]
fn a3c_reconciling_holds_until_the_next_doubt_only() {
    let mut orders = Orders::new();
    apply(&mut orders, &update("OPEN", ""));
    orders.apply(&OVERFLOW);
    let asked = orders.moment();
    assert!(orders.reconcile("a1", found(77, OrderState::Open, "0"), asked));
    // The fill of the first half does not come, but the fill of the second half does.
    apply(&mut orders, &update("FILLED", r#","Z":"0.5","L":"100","t":6"#));
    let order = orders.get(77).unwrap();
    assert_eq!((order.missing_executions(), order.doubt()), (d("0.5"), Some(StaleReason::Executions)));
    let asked = orders.moment();
    assert!(orders.reconcile(77, found(77, OrderState::Filled, "1"), asked));
    assert_eq!(orders.to_reconcile().count(), 0, "what is explained is no doubt");
    orders.apply(&OVERFLOW);
    assert_eq!(orders.to_reconcile().count(), 0, "nothing follows an end");
}

#[test]
fn a3d_an_order_without_a_client_order_id_can_be_reconciled() {
    let mut orders = Orders::new();
    apply(
        &mut orders,
        r#"{"e":"orderUpdate","E":1000,"s":"BTCUSD","i":77,"S":"BUY","X":"OPEN","q":"1","T":1000}"#,
    );
    orders.apply(&OVERFLOW);
    let asked = orders.moment();
    assert!(!orders.reconcile(78, found(77, OrderState::Canceled, "0"), asked));
    assert!(orders.reconcile(77, found(77, OrderState::Canceled, "0"), asked));
    assert_eq!(orders.to_reconcile().count(), 0);
}

#[test]
fn a3e_two_entries_of_one_order_become_one() {
    let without_c = r#"{"e":"orderUpdate","E":1000,"s":"BTCUSD","i":77,"S":"BUY","X":"PARTIALLY_FILLED","q":"1","Z":"0.4","L":"100","t":5,"T":1000}"#;
    for joined_by in ["rest", "event", "reply"] {
        let mut orders = Orders::new();
        let request = send(&mut orders, 1, "a1");
        if joined_by != "reply" {
            reply(&mut orders, request, RequestOutcome::Lost);
        }
        apply(&mut orders, without_c);
        match joined_by {
            "rest" => {
                let asked = orders.moment();
                assert!(orders.reconcile("a1", found(77, OrderState::PartiallyFilled, "0.4"), asked));
            }
            "event" => apply(&mut orders, &update("OPEN", "")),
            _ => {
                let mut scratch = Scratch::new();
                let text = r#"{"id":1,"status":200,"result":{"orderId":"77"}}"#;
                let Ok(gemini_ws::Message::Response(response)) = gemini_ws::decode(text, &mut scratch) else {
                    panic!()
                };
                reply(&mut orders, request, RequestOutcome::Answered(response));
            }
        }
        let all: Vec<_> = orders.iter().map(|order| (order.order_id, order.executed().to_string())).collect();
        assert_eq!(all, [(Some(77), "0.4".to_owned())], "{joined_by}");
        assert_eq!(orders.get("a1").unwrap().order_id, Some(77), "{joined_by}");
        apply(&mut orders, &update("CANCELED", r#","Z":"0.4""#));
        assert_eq!((orders.open().count(), orders.to_reconcile().count()), (0, 0), "{joined_by}");
    }
}

#[test]
fn a3_contradictions_are_never_merged() {
    let mut orders = Orders::new();
    apply(&mut orders, &update("NEW", ""));
    apply(&mut orders, &update("OPEN", ""));
    let other = r#"{"e":"orderUpdate","E":1001,"s":"BTCUSD","i":77,"c":"b2","S":"BUY","X":"FILLED","q":"1","Z":"1","L":"100","t":5,"T":1001}"#;
    apply(&mut orders, other);
    let order = orders.get(77).unwrap();
    assert_eq!((order.state, order.doubt()), (OrderState::Open, Some(StaleReason::Contradiction)));
    assert_eq!((orders.contradictions(), orders.get("b2").is_none()), (1, true));

    let mut orders = Orders::new();
    apply(&mut orders, &update("NEW", ""));
    apply(&mut orders, &update("FILLED", FILL));
    apply(&mut orders, &update("NEW", ""));
    assert_eq!(orders.contradictions(), 0, "the same event twice is none");
    let again = update("NEW", "").replace("\"E\":1000", "\"E\":2000");
    apply(&mut orders, &again);
    assert_eq!((orders.contradictions(), orders.to_reconcile().count()), (1, 1));
    assert_eq!(orders.get(77).unwrap().state, OrderState::Filled);
    let asked = orders.moment();
    assert!(orders.reconcile(77, found(77, OrderState::Filled, "1"), asked), "every doubt can be resolved");
}

// ---- a doubt ends when everything is accounted for --------------------------------------------------------

/// Each row has the fills before an outage, the event after it, and whether this event leaves the order in doubt.
#[test]
fn a4_an_end_is_no_proof_of_completeness() {
    let missed = r#","Z":"0.4","L":"100","t":4"#;
    // Fills before the outage, the event after it, whether doubt remains.
    let rows = [
        ("", "CANCELED", "", true),
        ("", "CANCELED", r#","Z":"0.4""#, true),
        ("", "CANCELED", r#","Z":"0""#, false),
        (missed, "CANCELED", r#","Z":"0.4""#, false),
        (missed, "CANCELED", r#","Z":"0.2""#, true),
        ("", "FILLED", r#","Z":"0.6","L":"100","t":5"#, true),
        ("", "FILLED", FILL, false),
        (missed, "FILLED", r#","Z":"0.6","L":"100","t":5"#, false),
        ("", "REJECTED", r#","r":"InvalidPrice""#, false),
        ("", "OPEN", "", true),
        ("", "PARTIALLY_FILLED", r#","Z":"0.1","L":"100","t":9"#, true),
    ];
    for (before, status, rest, doubt) in rows {
        let mut fed = Fed::private(&["orders@account"]);
        fed.feed(2, &update("NEW", ""));
        fed.feed(3, &update(if before.is_empty() { "OPEN" } else { "PARTIALLY_FILLED" }, before));
        fed.reconnect(4);
        assert_eq!(fed.order().doubt(), Some(StaleReason::Disconnected));
        fed.acknowledge(3_000);
        fed.feed(3_001, &update(status, rest));
        assert_eq!(fed.order().needs_reconciling(), doubt, "{before} {status} {rest}: {:?}", fed.order());
        let asked = fed.orders.moment();
        if doubt {
            let executed = fed.order().executed().max(d("0.7")).to_string();
            let state = if fed.order().state.is_final() { fed.order().state } else { OrderState::Canceled };
            assert!(fed.orders.reconcile(77, found(77, state, &executed), asked), "{status} {rest}");
        }
        assert_eq!(fed.orders.to_reconcile().count(), 0);
    }
}

/// An order is in doubt if its fills do not add up to the executed quantity of an event or exceed the ordered
/// quantity, or if two fills cannot be told apart.
#[test]
fn b1_executions_that_do_not_add_up_are_a_doubt() {
    let part = r#","Z":"0.4","L":"100","t":5"#;
    let rows: [(&[(&str, &str)], bool); 9] = [
        (&[("PARTIALLY_FILLED", part), ("FILLED", r#","Z":"1.0","L":"100","t":6"#)], true),
        (&[("PARTIALLY_FILLED", part), ("PARTIALLY_FILLED", r#","Z":"0.7","L":"100","t":6"#)], true),
        (&[("PARTIALLY_FILLED", part), ("FILLED", r#","Z":"0.6","L":"100","t":6"#)], false),
        (&[("PARTIALLY_FILLED", part), ("FILLED", r#","Z":"0.5","L":"100","t":6"#)], true),
        (&[("PARTIALLY_FILLED", part), ("PARTIALLY_FILLED", part)], false),
        (&[("PARTIALLY_FILLED", part), ("PARTIALLY_FILLED", r#","Z":"0.3","L":"100","t":5"#)], true),
        (&[("PARTIALLY_FILLED", r#","Z":"0.4","L":"100""#)], true),
        (&[("PARTIALLY_FILLED", part), ("CANCELED", r#","Z":"0.1""#)], true),
        (&[("PARTIALLY_FILLED", part), ("CANCELED", r#","Z":"0.9""#)], true),
    ];
    for (events, doubt) in rows {
        let mut orders = Orders::new();
        apply(&mut orders, &update("NEW", ""));
        for (status, rest) in events {
            apply(&mut orders, &update(status, rest));
        }
        assert_eq!(orders.get(77).unwrap().needs_reconciling(), doubt, "{events:?}");
    }
}

#[test]
fn b1_an_order_that_is_first_seen_in_the_middle_is_in_doubt() {
    for (status, rest, doubt) in [
        ("NEW", "", false),
        ("OPEN", "", false),
        ("OPEN", r#","Z":"0.4""#, true),
        ("PARTIALLY_FILLED", r#","Z":"0.4","L":"100","t":5"#, true),
        ("FILLED", FILL, false),
        ("FILLED", r#","Z":"0.4","L":"100","t":5"#, true),
        ("CANCELED", "", true),
        ("REJECTED", "", false),
    ] {
        let mut orders = Orders::new();
        apply(&mut orders, &update(status, rest));
        assert_eq!(orders.get(77).unwrap().needs_reconciling(), doubt, "{status} {rest}");
    }
}

#[test]
fn b2_an_end_wins_whatever_the_venues_clock_says() {
    for end in ["CANCELED", "REJECTED", "FILLED"] {
        let mut orders = Orders::new();
        apply(&mut orders, &update("NEW", "").replace("\"E\":1000", "\"E\":1759291847686856570"));
        apply(&mut orders, &update(end, ""));
        assert!(orders.get(77).unwrap().state.is_final(), "{end}");
        assert_eq!(orders.open().count(), 0);
    }
}

#[test]
fn b3_a_status_that_is_not_known_is_a_doubt() {
    for status in ["EXPIRED", "MODIFIED", "SUSPENDED", ""] {
        let mut orders = Orders::new();
        apply(&mut orders, &update("OPEN", ""));
        apply(&mut orders, &update(status, ""));
        assert_eq!(orders.get(77).unwrap().doubt(), Some(StaleReason::UnknownStatus), "{status}");
        let mut orders = Orders::new();
        apply(&mut orders, &update(status, ""));
        assert!(orders.get(77).unwrap().needs_reconciling(), "{status}, of an order that was not known");
    }
}

/// A cancel that the venue refuses, or that gets no reply, puts an open order in doubt, unless the client did not
/// send it or the reply is "too many requests".
#[test]
fn b4_a_cancel_that_does_not_succeed_is_a_doubt() {
    let not_found =
        r#"{"id":"1","status":400,"error":{"code":-1013,"msg":"order not found or already filled"}}"#;
    let busy = r#"{"id":"1","status":500,"error":{"code":-1000,"msg":"Internal error"}}"#;
    let limited = r#"{"id":"1","status":429,"error":{"code":-1003,"msg":"Rate limited"}}"#;
    let taken = r#"{"id":"1","status":200}"#;
    let mut scratches: Vec<Scratch> = (0..4).map(|_| Scratch::new()).collect();
    let answers = [not_found, busy, limited, taken].into_iter().zip(&mut scratches).map(|(text, scratch)| {
        let Ok(gemini_ws::Message::Response(response)) = gemini_ws::decode(text, scratch) else { panic!() };
        RequestOutcome::Answered(response)
    });
    let others = [RequestOutcome::TimedOut, RequestOutcome::Lost, RequestOutcome::NotSent];
    let doubts = [true, true, false, false, true, true, false];
    let (link, request) = (Fed::new(Config::new("ws://v")).link, RequestId::new(1));
    for (outcome, doubt) in answers.chain(others).zip(doubts) {
        let mut orders = Orders::new();
        apply(&mut orders, &update("NEW", ""));
        orders.apply(&Event::Reply { link, request, about: Subject::CancelOrder(77), outcome });
        assert_eq!(orders.get(77).unwrap().needs_reconciling(), doubt, "{outcome:?}");
        let mut orders = Orders::new();
        apply(&mut orders, &update("FILLED", FILL));
        orders.apply(&Event::Reply { link, request, about: Subject::CancelOrder(77), outcome });
        assert!(!orders.get(77).unwrap().needs_reconciling(), "it has ended: {outcome:?}");
    }
    for about in [Subject::CancelAllOrders, Subject::CancelSessionOrders] {
        let mut orders = Orders::new();
        apply(&mut orders, &update("NEW", ""));
        orders.apply(&Event::Reply { link, request, about, outcome: RequestOutcome::TimedOut });
        assert!(orders.get(77).unwrap().needs_reconciling(), "{about:?}");
    }
}

#[test]
fn b5_an_order_that_was_sent_while_its_events_are_not_subscribed_is_in_doubt() {
    let mut fed = Fed::private(&[]);
    fed.client.request(t(1), &Request::PlaceOrder(new_order("a1"))).unwrap();
    fed.acknowledge(2);
    assert_eq!(fed.orders.get("a1").unwrap().doubt(), Some(StaleReason::NotSubscribed));
    fed.subscribe(3, "orders@account");
    assert_eq!(fed.orders.to_reconcile().count(), 1, "what was before is not reported");
    let asked = fed.orders.moment();
    assert!(fed.orders.reconcile("a1", found(77, OrderState::Open, "0.4"), asked));
    assert_eq!(fed.orders.to_reconcile().count(), 0);
    // The next order is followed from its beginning.
    fed.client.request(t(5), &Request::PlaceOrder(new_order("a2"))).unwrap();
    fed.acknowledge(6);
    assert_eq!(fed.orders.to_reconcile().count(), 0);
    fed.reconnect(7);
    fed.client.request(t(3_000), &Request::PlaceOrder(new_order("a3"))).unwrap();
    fed.poll();
    assert!(fed.orders.get("a3").unwrap().needs_reconciling(), "the subscription is on its way");
}

#[test]
fn b6_the_list_of_open_orders_settles_doubts_and_raises_others() {
    let mut orders = Orders::new();
    for id in 1..=4 {
        apply(
            &mut orders,
            &update("OPEN", "").replace("77", &id.to_string()).replace("\"a1\"", &format!("\"a{id}\"")),
        );
    }
    let part = r#","Z":"0.4","L":"100","t":5"#;
    apply(&mut orders, &update("PARTIALLY_FILLED", part).replace("77", "4").replace("\"a1\"", "\"a4\""));
    orders.apply(&OVERFLOW);
    let listed = |id: u32, rest: &str| {
        format!(
            r#"{{"E":2000,"s":"BTCUSD","i":{id},"c":"a{id}","S":"BUY","X":"OPEN","q":"1","T":2000{rest}}}"#
        )
    };
    let rows = [listed(1, ""), listed(2, r#","Z":"0.3""#), listed(4, "")].join(",");
    apply(&mut orders, &format!(r#"{{"e":"orderSnapshot","orders":[{rows}]}}"#));
    let doubts: Vec<_> = (1..=4).map(|id| orders.get(id).unwrap().doubt().is_some()).collect();
    assert_eq!(
        doubts,
        [false, true, true, true],
        "open; missed a fill; not listed; its fills are not in the list"
    );
}

#[test]
fn b7_an_order_that_is_open_or_in_doubt_is_never_forgotten() {
    let mut orders = Orders::new();
    let request = send(&mut orders, 1, "a1");
    let mut scratch = Scratch::new();
    let text = r#"{"id":1,"status":429,"error":{"code":-1003,"msg":"Rate limited"}}"#;
    let Ok(gemini_ws::Message::Response(response)) = gemini_ws::decode(text, &mut scratch) else { panic!() };
    reply(&mut orders, request, RequestOutcome::Answered(response));
    assert_eq!(orders.open().count(), 0);
    // A reply has refused the order, and yet it exists.
    apply(&mut orders, &update("NEW", ""));
    let doubtful = update("CANCELED", "").replace("77", "78").replace("\"a1\"", "\"d\"");
    apply(&mut orders, &doubtful);
    for n in 0..=FINISHED_ORDERS_MAX {
        let end = update("REJECTED", "")
            .replace("77", &(1_000 + n).to_string())
            .replace("\"a1\"", &format!("\"b{n}\""));
        apply(&mut orders, &end);
    }
    assert_eq!((orders.open().count(), orders.to_reconcile().count()), (1, 1));
    assert_eq!(orders.iter().count(), FINISHED_ORDERS_MAX + 2);
}

/// Two orders have one client order id. The id of the request shows which of them a reply is about.
#[test]
fn b7_two_orders_of_one_client_order_id_stay_two() {
    let mut fed = Fed::private(&["orders@account"]);
    for _ in 0..2 {
        fed.client.request(t(1), &Request::PlaceOrder(new_order("a1"))).unwrap();
    }
    fed.poll();
    let ids: Vec<String> =
        fed.sent.iter().map(|text| text.chars().skip(6).take_while(char::is_ascii_digit).collect()).collect();
    fed.feed(
        2,
        &format!(r#"{{"id":{},"status":400,"error":{{"code":-2010,"msg":"DuplicateOrder"}}}}"#, ids[1]),
    );
    fed.feed(3, &format!(r#"{{"id":{},"status":200}}"#, ids[0]));
    fed.feed(4, &update("NEW", ""));
    let states: Vec<_> = fed.orders.iter().map(|order| (order.state, order.order_id)).collect();
    assert_eq!(states, [(OrderState::New, Some(77)), (OrderState::Rejected, None)]);
}
