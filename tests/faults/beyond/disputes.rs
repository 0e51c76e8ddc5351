//! Events about one order that contradict each other about its end or the executed quantity. An answer of the venue
//! ends the doubt. Late and repeated events are no contradiction.

use gemini_ws::{Config, Order, OrderState};

use super::fed::{Fed, d, found, order, update};

const FILL: &str = r#","Z":"0.3","L":"100","t":9"#;

/// Feeds these events about order 77, a second apart.
fn events(list: &[(&str, &str)]) -> Fed {
    let mut fed = Fed::private(&["orders@account"]);
    feed(&mut fed, list, 1_000..);
    fed
}

fn feed(fed: &mut Fed, list: &[(&str, &str)], times: impl IntoIterator<Item = u64>) {
    for ((status, rest), time) in list.iter().zip(times) {
        fed.feed(2, &order(77, Some("a1"), status, rest).replace(r#""E":1000"#, &format!(r#""E":{time}"#)));
    }
}

fn shown(order: &Order) -> String {
    let executed = order.executed();
    format!("{:?}, executed {executed} of {:?}, doubt {:?}", order.state, order.quantity, order.doubt())
}

/// After the end of an order, an event reports an execution, another end, or the order as open. This is a
/// contradiction, unless all events can be true, as when the last fill comes after the cancellation.
#[test]
fn an_order_has_one_end() {
    let whole = r#","Z":"1","L":"100","t":9"#;
    // The events after `NEW`, and whether they contradict each other.
    let cases: &[(&[(&str, &str)], bool)] = &[
        (&[("CANCELED", ""), ("FILLED", FILL)], true),
        (&[("CANCELED", ""), ("FILLED", whole)], false),
        (&[("CANCELED", r#","Z":"0""#), ("FILLED", FILL)], true),
        (&[("CANCELED", r#","Z":"1""#), ("FILLED", whole)], false),
        (&[("FILLED", whole), ("CANCELED", "")], false),
        (&[("CANCELED", ""), ("OPEN", "")], true),
        (&[("REJECTED", ""), ("OPEN", "")], true),
        (&[("FILLED", whole), ("OPEN", "")], true),
        (&[("CANCELED", ""), ("PARTIALLY_FILLED", FILL)], true),
        (&[("REJECTED", ""), ("PARTIALLY_FILLED", FILL)], true),
        // The last fill completes the quantity that the cancellation names.
        (&[("CANCELED", r#","Z":"0.3""#), ("PARTIALLY_FILLED", FILL)], false),
    ];
    for (list, is_contradiction) in cases {
        let mut fed = events(&[("NEW", "")]);
        feed(&mut fed, list, [2_000, 3_000]);
        let what = format!("{list:?}: {}", shown(fed.order()));
        assert_eq!(fed.orders.contradictions(), u64::from(*is_contradiction), "{what}");
        assert!(fed.order().needs_reconciling() || !is_contradiction, "{what}");
    }
}

/// All events of an order come a second time, after its end. This is no contradiction, whether each event has a time
/// of its own or all times are equal.
#[test]
fn events_that_are_delivered_again_are_no_contradiction() {
    let list = [
        ("NEW", ""),
        ("OPEN", ""),
        ("PARTIALLY_FILLED", FILL),
        ("OPEN", r#","Z":"0.3""#),
        ("CANCELED", r#","Z":"0.3""#),
    ];
    for step in [0, 1_000] {
        let times = || (0..).map(|n| 1_000 + n * step);
        let mut fed = events(&[]);
        feed(&mut fed, &list, times());
        feed(&mut fed, &list, times());
        assert_eq!(fed.orders.contradictions(), 0, "{step}");
        assert!(!fed.order().needs_reconciling(), "{step}: {}", shown(fed.order()));
    }
}

#[test]
fn a_sum_below_the_fills_is_a_doubt() {
    let fills = [("PARTIALLY_FILLED", r#","Z":"0.2","L":"100","t":8"#), ("PARTIALLY_FILLED", FILL)];
    // The time of the event after the fills, which come at 2000 and 3000; its executed quantity; whether the order is
    // in doubt then.
    for (time, executed, is_in_doubt) in [
        (4_000, "0.5", false),
        (4_000, "0.4", true),
        (4_000, "0.2", true),
        (4_000, "0", true),
        // The event is from before the second fill.
        (2_500, "0.2", false),
        (2_500, "0", true),
        (1_500, "0", false),
        (3_000, "0.2", false),
        (3_000, "0.3", true),
    ] {
        let mut fed = events(&[("NEW", "")]);
        feed(&mut fed, &fills, [2_000, 3_000]);
        feed(&mut fed, &[("OPEN", &format!(r#","Z":"{executed}""#))], [time]);
        let what = format!("{executed} at {time}: {}", shown(fed.order()));
        assert_eq!(fed.order().needs_reconciling(), is_in_doubt, "{what}");
        if is_in_doubt {
            let asked = fed.orders.moment();
            assert!(fed.orders.reconcile(77, found(77, OrderState::PartiallyFilled, "0.5"), asked), "{what}");
            // The event comes again.
            feed(&mut fed, &[("OPEN", &format!(r#","Z":"{executed}""#))], [time]);
            assert!(!fed.order().needs_reconciling(), "{what}");
        }
    }
}

/// In order events v1, the event of a fill also states the executed quantity. If this is smaller than the sum of the
/// fills, the order is in doubt.
#[test]
fn a_sum_below_the_fills_is_a_doubt_in_order_events_v1() {
    // The amounts of the fills, each with the executed quantity in its event, in the order of their arrival.
    for (fills, is_in_doubt) in [
        ([(1, "0.2", "0.2"), (2, "0.3", "0.5")], false),
        ([(1, "0.5", "0.2"), (2, "0.3", "0.8")], true),
        ([(1, "0.2", "0.2"), (2, "0.3", "0.3")], true),
    ] {
        let mut fed = Fed::new(Config::new("ws://v/v1/order/events"));
        fed.feed(1, r#"{"type":"subscription_ack","accountId":5,"subscriptionId":"x","symbolFilter":[],"apiSessionFilter":[],"eventTypeFilter":[]}"#);
        let event = |kind: &str, n: u32, rest: &str| {
            format!(
                r#"[{{"type":"{kind}","order_id":"77","symbol":"btcusd","side":"buy","timestampms":1000,"socket_sequence":{n},"order_type":"exchange limit","original_amount":"1","is_live":true{rest}}}]"#
            )
        };
        fed.feed(2, &event("accepted", 0, ""));
        for (n, amount, executed) in fills {
            fed.feed(3, &event("fill", n, &format!(r#","executed_amount":"{executed}","remaining_amount":"0.1","fill":{{"trade_id":"{n}","price":"100","amount":"{amount}"}}"#)));
        }
        assert_eq!(fed.order().needs_reconciling(), is_in_doubt, "{fills:?}: {}", shown(fed.order()));
    }
}

/// Reports about an order contradict each other, so an answer of REST need not be older than the reports, even if it
/// differs from them. The answer decides.
#[test]
fn an_answer_decides_between_reports_that_contradict_each_other() {
    let (first, second) = (r#","Z":"0.4","L":"100","t":5"#, r#","Z":"0.9","L":"100","t":6"#);
    let cases: [(&[(&str, &str)], &str); 5] = [
        // In the second fill, the venue sends the sum of all executions as `Z`.
        (&[("PARTIALLY_FILLED", first), ("PARTIALLY_FILLED", second)], "0.9"),
        // In `OPEN`, the venue sends an amount of the quote currency as `Z`.
        (&[("PARTIALLY_FILLED", first), ("OPEN", r#","Z":"40.00""#)], "0.4"),
        (&[("PARTIALLY_FILLED", FILL), ("REJECTED", "")], "0.3"),
        (&[("PARTIALLY_FILLED", FILL), ("CANCELED", ""), ("OPEN", "")], "0.3"),
        (&[("PARTIALLY_FILLED", FILL), ("OPEN", r#","Z":"0.2""#)], "0.2"),
    ];
    for (list, truth) in cases {
        let mut fed = events(&[("NEW", "")]);
        feed(&mut fed, list, 2_000..);
        let what = format!("{list:?}: {}", shown(fed.order()));
        assert!(fed.order().needs_reconciling(), "{what}");
        let asked = fed.orders.moment();
        let state = OrderState::PartiallyFilled;
        assert!(fed.orders.reconcile(77, found(77, state, truth), asked), "{what}");
        let now = fed.order();
        assert_eq!((now.state, now.executed(), now.doubt()), (state, d(truth), None), "{what}");
        // The order ends in the way that the answer has shown.
        feed(&mut fed, &[("CANCELED", &format!(r#","Z":"{truth}""#))], [9_000]);
        let now = fed.order();
        assert_eq!((now.state, now.executed()), (OrderState::Canceled, d(truth)), "{}", shown(now));
    }
}

/// All reports say that the order has ended, so an answer that the order is open is older than they are.
#[test]
fn an_answer_that_an_ended_order_is_open_is_not_used() {
    let mut fed = events(&[("NEW", ""), ("CANCELED", ""), ("FILLED", FILL)]);
    assert!(fed.order().needs_reconciling());
    let asked = fed.orders.moment();
    assert!(!fed.orders.reconcile(77, found(77, OrderState::PartiallyFilled, "0.3"), asked));
    assert!(fed.orders.reconcile(77, found(77, OrderState::Canceled, "0.3"), asked));
    fed.feed(3, &update("OPEN", ""));
    assert!(!fed.order().needs_reconciling(), "the event is from before the end: {}", shown(fed.order()));
}
