//! Orders that only REST lists, such as those of an earlier run.

use gemini_ws::{
    Awaited, BalancesQuestion, Config, FINISHED_ORDERS_MAX, OpenOrdersQuestion, OrderState,
    OrderStatusQuestion, Reconciled, Request, RestError, RestQuestion, StaleReason,
};

use super::fed::{Fed, OVERFLOW, apply, d, found, id_of, new_order, order, t, update};

/// Adds the orders of a list that REST returns for a question at `asked`. Returns how many were added.
fn list(fed: &mut Fed, asked: gemini_ws::Moment, body: &str) -> usize {
    let open = OpenOrdersQuestion.answer(200, body).unwrap();
    let added = open.into_iter().filter(|open| {
        let is_used = fed.orders.reconcile(*open, Some(open.found), asked);
        !is_used && fed.orders.add_listed(*open, open.found, asked)
    });
    added.count()
}

fn row(executed: &str, more: &str) -> String {
    format!(
        r#"{{"order_id":"77","symbol":"btcusd","side":"buy","is_live":true,"is_cancelled":false,"executed_amount":"{executed}","original_amount":"1"{more}}}"#
    )
}

#[test]
fn an_order_of_an_earlier_run_is_known_from_the_list_on() {
    let mut fed = Fed::private(&["orders@account"]);
    let asked = fed.orders.moment();
    let body = format!("[{}]", row("0.4", r#","client_order_id":"a1""#));
    assert_eq!(list(&mut fed, asked, &body), 1);
    let listed = fed.order();
    assert_eq!(
        (listed.state, listed.executed(), listed.doubt()),
        (OrderState::PartiallyFilled, d("0.4"), None)
    );
    assert_eq!((listed.quantity, listed.remaining()), (Some(d("1")), Some(d("0.6"))));
    assert_eq!(fed.orders.get("a1").unwrap().order_id, Some(77));
    // The order is known already.
    let again = fed.orders.moment();
    assert_eq!(list(&mut fed, again, &body), 0);
    fed.feed(
        3,
        &order(77, Some("a1"), "FILLED", r#","Z":"1","L":"100","t":9"#).replace(r#""Z":"1""#, r#""Z":"0.6""#),
    );
    assert_eq!(fed.orders.iter().count(), 1);
    assert_eq!((fed.order().state, fed.order().executed()), (OrderState::Filled, d("1")));
}

/// If a list is older than the subscription, or than a loss, the orders that it adds are in doubt.
#[test]
fn an_order_of_an_old_list_is_in_doubt() {
    let mut fed = Fed::private(&[]);
    let asked = fed.orders.moment();
    fed.subscribe(1, "orders@account");
    assert_eq!(list(&mut fed, asked, &format!("[{}]", row("0", ""))), 1);
    assert!(fed.order().needs_reconciling());
    let question = OrderStatusQuestion::of(fed.order()).unwrap();
    let asked = fed.orders.moment();
    let found = question.answer(200, &row("0", "")).unwrap();
    assert!(fed.orders.reconcile(&question, found, asked));
    assert_eq!((fed.order().state, fed.order().doubt()), (OrderState::Open, None));
    // Without a stream, no event reports what follows.
    let mut fed = Fed::private(&[]);
    let asked = fed.orders.moment();
    assert_eq!(list(&mut fed, asked, &format!("[{}]", row("0", ""))), 1);
    assert!(fed.order().needs_reconciling());
}

/// A stream may report only some orders, for example those of one session. An order that only a list of REST has
/// shown is in doubt until an event of such a stream reports the order. If the stream does not report all events of
/// an order, the order stays in doubt.
#[test]
fn a_stream_of_some_orders_does_not_report_an_order_of_a_list() {
    let subscribed = |stream: &str| Fed::private(&[stream]);
    let of_v1 = |filters: &str| {
        let mut fed = Fed::new(Config::new("ws://v/v1/order/events").authenticated(true));
        fed.feed(
            1,
            &format!(r#"{{"type":"subscription_ack","accountId":1,"subscriptionId":"s",{filters}}}"#),
        );
        fed
    };
    let event = |fed: &mut Fed, is_v1: bool| {
        match is_v1 {
        false => fed.feed(2, &order(77, None, "OPEN", "")),
        true => fed.feed(2, r#"[{"type":"booked","order_id":"77","symbol":"btcusd","side":"buy","order_type":"exchange limit","timestampms":1,"is_live":true,"is_cancelled":false,"original_amount":"1","executed_amount":"0","price":"100","socket_sequence":0}]"#),
    }
    };
    for (mut fed, is_v1, is_reported, is_reported_then) in [
        (subscribed("orders@account"), false, true, true),
        (subscribed("orders@session"), false, false, true),
        (of_v1(r#""symbolFilter":[],"apiSessionFilter":[],"eventTypeFilter":[]"#), true, true, true),
        (of_v1(r#""symbolFilter":["ethusd"],"apiSessionFilter":[],"eventTypeFilter":[]"#), true, false, true),
        (of_v1(r#""symbolFilter":[],"apiSessionFilter":["UI"],"eventTypeFilter":[]"#), true, false, true),
        (of_v1(r#""symbolFilter":"ethusd","apiSessionFilter":[],"eventTypeFilter":[]"#), true, false, true),
        (of_v1(r#""symbolFilter":["ethusd"],"eventTypeFilter":["fill"]"#), true, false, false),
    ] {
        let asked = fed.orders.moment();
        assert_eq!(list(&mut fed, asked, &format!("[{}]", row("0", ""))), 1);
        let log = fed.log.clone();
        let expected = |is_reported: bool| (!is_reported).then_some(StaleReason::NotSubscribed);
        assert_eq!(fed.order().doubt(), expected(is_reported), "{log:?}");
        event(&mut fed, is_v1);
        let asked = fed.orders.moment();
        list(&mut fed, asked, &format!("[{}]", row("0", "")));
        assert_eq!(fed.order().doubt(), expected(is_reported_then), "{log:?}, then an event");
    }
}

#[test]
fn the_order_of_a_request_is_not_added_again() {
    let mut fed = Fed::private(&["orders@account"]);
    let request = fed.client.request(t(2), &Request::PlaceOrder(new_order("a1"))).unwrap();
    fed.poll();
    let asked = fed.orders.moment();
    assert_eq!(list(&mut fed, asked, &format!("[{}]", row("0", r#","client_order_id":"a1""#))), 0);
    fed.feed(3, &order(77, Some("a1"), "NEW", ""));
    assert_eq!((fed.orders.iter().count(), fed.order().request()), (1, Some(request)));
    // An order that has ended meanwhile stays as it is.
    fed.feed(4, &order(77, Some("a1"), "CANCELED", r#","Z":"0""#));
    assert_eq!(list(&mut fed, asked, &format!("[{}]", row("0", ""))), 0);
    assert_eq!(fed.order().state, OrderState::Canceled);
}

/// The offset in the error of a malformed row counts from the start of the answer.
#[test]
fn a_row_that_cannot_be_read_costs_no_other_row() {
    let body = format!(r#"[{{"order_id":"é","is_live":true}}, {}]"#, row("0", ""));
    let open = OpenOrdersQuestion.answer(200, &body).unwrap();
    assert_eq!((open.orders.len(), open.is_whole()), (1, false));
    let [RestError::Malformed { error, body: row, .. }] = &open.unused[..] else { panic!("{open:?}") };
    assert_eq!(error.offset(), body.find("é").unwrap());
    assert_eq!(&**row, r#"{"order_id":"é","is_live":true}"#);
    let body = body.replace("true},", "true}, 7,");
    let open = OpenOrdersQuestion.answer(200, &body).unwrap();
    let offset = |unused: &RestError| match unused {
        RestError::Malformed { error, .. } => error.offset(),
        other => panic!("{other}"),
    };
    assert_eq!(
        open.unused.iter().map(offset).collect::<Vec<_>>(),
        [body.find("é").unwrap(), body.find("7,").unwrap()]
    );
}

/// A row is not used if its executed quantity exceeds its quantity, or if its order id is zero: it adds no order, and
/// `reconcile` does not accept it.
#[test]
fn an_impossible_row_is_not_used() {
    for (id, executed) in [(77, "2"), (0, "0")] {
        let mut fed = Fed::private(&["orders@account"]);
        let body =
            format!("[{}]", row(executed, r#","client_order_id":"a1""#).replace("77", &id.to_string()));
        let asked = fed.orders.moment();
        assert_eq!(list(&mut fed, asked, &body), 0, "{body}");
        assert_eq!(fed.orders.iter().count(), 0, "{body}");
        fed.client.request(t(2), &Request::PlaceOrder(new_order("a1"))).unwrap();
        fed.poll();
        fed.apply(&OVERFLOW);
        let mut impossible = Reconciled::new(id, OrderState::Open, d(executed));
        impossible.quantity = Some(d("1"));
        assert!(!fed.orders.reconcile("a1", Some(impossible), fed.orders.moment()), "{body}");
        let order = fed.orders.get("a1").unwrap();
        assert_eq!((order.order_id, order.needs_reconciling()), (None, true), "{body}");
    }
}

/// After the question, the order ends, and so many other orders end that `Orders` drops it. The list still contains
/// the order, so `Orders` adds it, and it is in doubt.
#[test]
fn an_order_that_was_dropped_is_in_doubt_if_an_old_list_has_it() {
    let mut fed = Fed::private(&["orders@account"]);
    let asked = fed.orders.moment();
    let count = FINISHED_ORDERS_MAX as u64;
    for id in (77..=77).chain(1_000..1_000 + count) {
        apply(&mut fed.orders, &order(id, None, "CANCELED", r#","Z":"0""#));
    }
    assert_eq!(fed.orders.get(77), None);
    assert_eq!(list(&mut fed, asked, &format!("[{}]", row("0", ""))), 1);
    assert_eq!(fed.order().doubt(), Some(StaleReason::NotFound));
}

/// If a list was requested before a loss, or before `forget` removed its order, the order that it adds is in doubt.
#[test]
fn an_order_of_an_old_list_has_the_reason_of_the_loss() {
    let mut fed = Fed::private(&["orders@account"]);
    let asked = fed.orders.moment();
    fed.apply(&OVERFLOW);
    assert_eq!(list(&mut fed, asked, &format!("[{}]", row("0", ""))), 1);
    assert_eq!(fed.order().doubt(), Some(StaleReason::Overflow));
    let asked = fed.orders.moment();
    assert!(fed.orders.forget(77).is_some());
    assert_eq!(list(&mut fed, asked, &format!("[{}]", row("0", ""))), 1);
    assert_eq!(fed.order().doubt(), Some(StaleReason::NotFound));
}

/// An event is lost, and then an answer of REST says that the order is open. If the quantities in the answer say that
/// nothing remains, or do not add up, the answer is not used.
#[test]
fn an_open_order_of_which_nothing_remains_is_undecided() {
    let cases = [
        ("1", r#","remaining_amount":"0""#, false),
        ("1", "", false),
        ("0.1", r#","remaining_amount":"0""#, false),
        ("0.1", r#","remaining_amount":"0.2""#, false),
        ("0", r#","remaining_amount":"0.2""#, false),
        ("0.1", r#","remaining_amount":"0.9""#, true),
        ("0.1", "", true),
        ("0", r#","remaining_amount":"1""#, true),
    ];
    for (executed, more, is_decided) in cases {
        let mut fed = Fed::private(&["orders@account"]);
        fed.feed(2, &update("NEW", ""));
        fed.feed(3, &update("OPEN", ""));
        fed.apply(&OVERFLOW);
        let (asked, body) = (fed.orders.moment(), row(executed, more));
        let answer = OrderStatusQuestion::of(fed.order()).unwrap().answer(200, &body);
        assert_eq!(answer.is_ok(), is_decided, "{body}");
        match answer {
            Ok(found) => assert!(fed.orders.reconcile(77, found, asked), "{body}"),
            Err(error) => assert!(error.may_ask_again(), "{body}"),
        }
        assert_eq!(fed.order().needs_reconciling(), !is_decided, "{body}");
        // The application may have another source than `OrderStatusQuestion`.
        fed.apply(&OVERFLOW);
        let is_used =
            fed.orders.reconcile(77, found(77, OrderState::PartiallyFilled, "1"), fed.orders.moment());
        assert!(!is_used, "{body}");
    }
}

fn open_row(id: u64, members: &str) -> String {
    format!(r#"{{"order_id":{id},"client_order_id":"a1","is_live":true,"executed_amount":"0"{members}}}"#)
}

/// If two rows of an answer name one order or one asset, neither of them is used. The other rows are.
#[test]
fn a_repeated_row_of_an_answer_costs_no_other_row() {
    let rows = [open_row(78, ""), open_row(77, ""), open_row(78, "")];
    let open = OpenOrdersQuestion.answer(200, &format!("[{}]", rows.join(","))).unwrap();
    assert_eq!(open.orders.iter().map(|order| order.found.order_id).collect::<Vec<_>>(), [77]);
    assert!(matches!(&open.unused[..], [RestError::Repeated { .. }, RestError::Repeated { .. }]), "{open:?}");

    let row =
        |asset: &str, amount| format!(r#"{{"currency":"{asset}","amount":"{amount}","available":"1"}}"#);
    let rows = [row("ETH", 1), row("USD", 1), row("ETH", 2)];
    let rows = BalancesQuestion.answer(200, &format!("[{}]", rows.join(","))).unwrap();
    assert!(rows.iter().eq([("USD", "1", "1")]) && !rows.is_whole(), "{rows:?}");
}

/// A list states the limit price of a limit order in `price`. For any other order, `price` is not a limit price.
#[test]
fn an_order_of_a_list_has_its_limit_price() {
    for (more, price) in [
        (r#","type":"exchange limit","price":"101""#, Some("101")),
        (r#","price":101"#, Some("101")),
        (r#","type":"exchange limit","price":"0""#, None),
        (r#","type":"exchange limit""#, None),
        (r#","type":"market sell","price":"101""#, None),
        (r#","type":"market sell","price":"none""#, None),
    ] {
        let mut fed = Fed::private(&["orders@account"]);
        let asked = fed.orders.moment();
        assert_eq!(list(&mut fed, asked, &format!("[{}]", row("0", more))), 1, "{more}");
        assert_eq!((fed.order().price, fed.order().doubt()), (price.map(d), None), "{more}");
        // An order of an outdated list has the price too.
        let mut fed = Fed::private(&["orders@account"]);
        let asked = fed.orders.moment();
        fed.apply(&OVERFLOW);
        assert_eq!(list(&mut fed, asked, &format!("[{}]", row("0", more))), 1, "{more}");
        assert_eq!((fed.order().price, fed.order().needs_reconciling()), (price.map(d), true), "{more}");
    }
}

/// The client cancels an order of an earlier run before any report has named the order. Then a list of REST adds the
/// order. The result is the same as if `Orders` had known the order when the reply to the cancel came.
#[test]
fn a_cancel_before_the_list_counts_for_the_listed_order() {
    let accepted = r#","status":200}"#;
    let refused = r#","status":400,"error":{"code":-2011,"msg":"OrderNotFound"}}"#;
    let owed = (Some(Awaited::End), None);
    let rows = [
        (Some(accepted), true, owed),
        (Some(accepted), false, owed),
        (Some(refused), true, (None, Some(StaleReason::NotFound))),
        (Some(refused), false, (None, None)),
        (None, true, (None, Some(StaleReason::Unanswered))),
        (None, false, (None, None)),
    ];
    for (reply, is_asked_first, expected) in rows {
        let mut fed = Fed::private(&["orders@account"]);
        let first = fed.orders.moment();
        fed.client.request(t(2), &Request::CancelOrder { order_id: 77 }).unwrap();
        fed.poll();
        let id = id_of(&fed.sent.pop().unwrap());
        match reply {
            Some(reply) => fed.feed(3, &format!(r#"{{"id":{id}{reply}"#)),
            None => fed.wait(6_000),
        }
        let asked = if is_asked_first { first } else { fed.orders.moment() };
        assert_eq!(list(&mut fed, asked, &format!("[{}]", row("0", ""))), 1);
        assert_eq!((fed.order().awaited(), fed.order().doubt()), expected, "{reply:?} {is_asked_first}");
        fed.orders.doubt_overdue(77);
        let is_overdue = expected.0.is_some();
        assert_eq!(fed.order().doubt() == Some(StaleReason::Overdue), is_overdue, "{reply:?}");
        let asked = fed.orders.moment();
        fed.orders.reconcile(77, found(77, OrderState::Open, "0"), asked);
        assert_eq!((fed.order().awaited(), fed.order().doubt()), (None, None), "the cancel had no effect");
    }
}

#[test]
fn a_cancel_before_the_first_event_counts_for_the_order() {
    let mut fed = Fed::private(&["orders@account"]);
    fed.client.request(t(2), &Request::CancelOrder { order_id: 77 }).unwrap();
    fed.poll();
    let id = id_of(&fed.sent.pop().unwrap());
    fed.feed(3, &format!(r#"{{"id":{id},"status":200}}"#));
    fed.feed(4, &order(78, None, "OPEN", ""));
    assert_eq!(fed.orders.get(78).unwrap().awaited(), None, "another order");
    fed.feed(5, &update("OPEN", ""));
    assert_eq!(fed.order().awaited(), Some(Awaited::End));
    fed.feed(6, &update("CANCELED", r#","Z":"0""#).replace("1000", "1001"));
    assert_eq!((fed.order().state, fed.order().awaited()), (OrderState::Canceled, None));
}

fn cancel(fed: &mut Fed, order_id: u64, reply: &str) {
    fed.client.request(t(2), &Request::CancelOrder { order_id }).unwrap();
    fed.poll();
    let id = id_of(&fed.sent.pop().unwrap());
    fed.feed(3, &format!(r#"{{"id":{id}{reply}"#));
}

const ACCEPTED: &str = r#","status":200}"#;
const REFUSED: &str = r#","status":400,"error":{"code":-2011,"msg":"OrderNotFound"}}"#;

/// The application knows the id of its order from REST, and cancels the order. After the reply to the cancel, an
/// event, the reply to the order or the answer of REST names the id.
#[test]
fn a_cancel_before_the_id_of_an_order_counts_for_the_order() {
    for named_by in ["event", "reply", "answer"] {
        let mut fed = Fed::private(&["orders@account"]);
        fed.client.request(t(2), &Request::PlaceOrder(new_order("a1"))).unwrap();
        fed.poll();
        let placed = id_of(&fed.sent.pop().unwrap());
        cancel(&mut fed, 77, ACCEPTED);
        match named_by {
            "event" => fed.feed(4, &update("OPEN", "")),
            "reply" => {
                fed.feed(4, &format!(r#"{{"id":{placed},"status":200,"result":{{"orderId":"77"}}}}"#));
            }
            _ => {
                fed.wait(6_000);
                let asked = fed.orders.moment();
                assert!(fed.orders.reconcile("a1", found(77, OrderState::Open, "0"), asked));
            }
        }
        assert_eq!(fed.order().awaited(), Some(Awaited::End), "{named_by}");
    }
    // The order may have ended between the answer of REST and the reply that does not find it.
    let mut fed = Fed::private(&["orders@account"]);
    fed.client.request(t(2), &Request::PlaceOrder(new_order("a1"))).unwrap();
    fed.wait(6_000);
    fed.sent.clear();
    let first = fed.orders.moment();
    cancel(&mut fed, 77, REFUSED);
    let open = found(77, OrderState::Open, "0");
    assert!(!fed.orders.reconcile("a1", open, first));
    assert_eq!(fed.order().doubt(), Some(StaleReason::Unanswered));
    let asked = fed.orders.moment();
    assert!(fed.orders.reconcile("a1", open, asked));
    assert_eq!((fed.order().awaited(), fed.order().doubt()), (None, None));
}

/// More replies about unknown orders come than the collection keeps. A list from before the dropped replies may have
/// orders that have ended.
#[test]
fn a_list_from_before_dropped_replies_is_outdated() {
    for is_asked_first in [true, false] {
        let mut fed = Fed::private(&["orders@account"]);
        let first = fed.orders.moment();
        (77..277).for_each(|order_id| cancel(&mut fed, order_id, REFUSED));
        let asked = if is_asked_first { first } else { fed.orders.moment() };
        assert_eq!(list(&mut fed, asked, &format!("[{}]", row("0", ""))), 1);
        assert_eq!(fed.order().doubt(), is_asked_first.then_some(StaleReason::NotFound));
        let asked = fed.orders.moment();
        fed.orders.reconcile(77, found(77, OrderState::Open, "0"), asked);
        assert_eq!(fed.order().doubt(), None);
    }
}

#[test]
fn replies_about_unknown_orders_take_no_more_and_more_room() {
    let mut orders = gemini_ws::Orders::new();
    let link = Fed::new(Config::new("ws://v")).link;
    let reply = r#"{"id":1,"status":200}"#;
    let mut scratch = gemini_ws::Scratch::new();
    let Ok(gemini_ws::Message::Response(response)) = gemini_ws::decode(reply, &mut scratch) else { panic!() };
    for id in 1..=100_000 {
        orders.apply(&gemini_ws::Event::Reply {
            link,
            request: gemini_ws::RequestId::new(id),
            about: gemini_ws::Subject::CancelOrder(id),
            outcome: gemini_ws::RequestOutcome::Answered(response),
        });
    }
    assert!(format!("{orders:?}").len() < 50_000);
    apply(&mut orders, &order(100_000, None, "OPEN", ""));
    assert_eq!(orders.get(100_000).unwrap().awaited(), Some(Awaited::End), "the newest is kept");
}

/// An application asks about a client order id, and an element of the answer cannot be decoded. The error still names
/// the ids of all other orders with this client order id.
#[test]
fn an_odd_row_hides_no_id_of_several_orders() {
    let row = |id: u64| {
        format!(r#"{{"order_id":{id},"client_order_id":"a1","is_live":true,"executed_amount":"0"}}"#)
    };
    let answer = |rows: &[String]| {
        OrderStatusQuestion::by_client_order_id("a1").answer(200, &format!("[{}]", rows.join(",")))
    };
    let several = |ids: &[u64], is_whole| Err(RestError::SeveralOrders { order_ids: ids.to_vec(), is_whole });
    let odd = || r#"{"order_id":79,"client_order_id":"a1"}"#.to_owned();
    assert_eq!(answer(&[row(77), row(78)]), several(&[77, 78], true));
    assert_eq!(answer(&[row(77), odd(), row(78)]), several(&[77, 78], false));
    assert_eq!(answer(&[odd(), row(78)]), several(&[78], false));
    let unread = answer(&[odd(), "null".into()]).unwrap_err();
    let expected = r#"the answer cannot be read: member "is_live": missing at byte 38"#;
    assert_eq!(unread.to_string(), expected);
    assert!(several(&[78], false).unwrap_err().may_ask_again());
    assert!(!several(&[77, 78], true).unwrap_err().may_ask_again());
    let other = row(80).replace("a1", "b1");
    assert_eq!(answer(&[odd(), other]), Err(RestError::OtherOrder { order_id: 80 }));
}
