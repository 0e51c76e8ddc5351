//! Events about an order that come later than newer events.

use gemini_ws::{OrderState, Orders, Request, StaleReason};

use super::super::line::ack;
use super::fed::{Fed, OVERFLOW, apply, d, found, order, pair, s, t};

fn at(status: &str, time: u32, rest: &str) -> String {
    order(77, Some("a1"), status, rest).replace(":1000", &format!(":{time}"))
}

/// A `NEW` or `OPEN` comes after the end of the order. If its time is earlier than the end, it is only late. It
/// contradicts the end if its time is not earlier, or if it is a second `NEW` with another time than the first one.
#[test]
fn a_late_beginning_is_no_contradiction() {
    const END: (&str, u32) = ("CANCELED", 1002);
    let table: [(&[(&str, u32)], bool); 6] = [
        (&[END, ("OPEN", 1000)], false),
        (&[END, ("NEW", 1000)], false),
        (&[END, ("NEW", 1000), ("NEW", 1000)], false),
        (&[("OPEN", 1001), ("NEW", 1000), END, ("NEW", 1000)], false),
        (&[END, ("NEW", 1003)], true),
        (&[("NEW", 1000), END, ("NEW", 1001)], true),
    ];
    for (events, is_contradiction) in table {
        let mut fed = Fed::private(&["orders@account"]);
        for (status, time) in events {
            let rest = if *status == "CANCELED" { r#","Z":"0""# } else { "" };
            fed.feed(3, &at(status, *time, rest));
        }
        let doubt = is_contradiction.then_some(StaleReason::Contradiction);
        assert_eq!(
            (fed.order().doubt(), fed.orders.contradictions() > 0),
            (doubt, is_contradiction),
            "{events:?}"
        );
    }
}

#[test]
fn the_age_of_an_order_is_that_of_its_newest_event() {
    let mut orders = Orders::new();
    apply(&mut orders, &at("OPEN", 2000, ""));
    apply(&mut orders, &at("NEW", 1000, ""));
    assert_eq!(orders.get(77).unwrap().age.event_time.unwrap().as_nanos(), 2000);
}

fn newest(fed: &Fed) -> impl PartialEq + std::fmt::Debug + use<> {
    let order = fed.order();
    let terms = (order.price, order.stop_price, order.quantity, order.state);
    let texts = (order.reason.clone(), order.cancel_refusal.clone(), order.cancel_accepted);
    (terms, texts, order.doubt(), fed.orders.contradictions())
}

/// An event comes a second time, or over the slower of two links. It is older than the newest event, so it changes
/// neither the terms nor the state of the order.
#[test]
fn an_event_that_is_older_than_another_one_undoes_nothing() {
    const NEW: (&str, u32, &str) = ("NEW", 1, r#","p":"100","P":"99""#);
    const MODIFIED: (&str, u32, &str) = ("MODIFIED", 3, r#","p":"101","P":"98""#);
    const PART: (&str, u32, &str) = ("PARTIALLY_FILLED", 3, r#","Z":"0.4","L":"100","t":1"#);
    const LARGER: (&str, u32, &str) = ("MODIFIED", 3, r#","q":"3""#);
    type Sent = (&'static str, u32, &'static str);
    let table: [(&[Sent], Sent); 9] = [
        (&[NEW, MODIFIED], ("OPEN", 2, r#","p":"100","P":"99""#)),
        (&[NEW, MODIFIED], NEW),
        (&[NEW, ("MODIFIED", 1, r#","p":"101""#)], NEW),
        (&[NEW, LARGER], ("OPEN", 2, "")),
        (&[NEW, LARGER, ("CANCELED", 4, r#","q":"3","Z":"0""#)], ("MODIFIED", 2, r#","q":"2""#)),
        (&[NEW, PART], ("OPEN", 2, "")),
        (&[NEW, PART], ("OPEN", 2, r#","Z":"0""#)),
        (&[NEW, ("CANCELED", 4, r#","Z":"0","r":"late""#)], ("CANCELED", 3, r#","Z":"0","r":"early""#)),
        (&[NEW, ("CANCELED", 4, r#","Z":"0""#), ("OPEN", 3, "")], ("CANCELED", 2, r#","Z":"0""#)),
    ];
    for (events, late) in table {
        for is_slower_link in [false, true] {
            let (mut fed, links) = pair(["ws://v", "ws://w"]);
            for endpoint in fed.client.endpoints().collect::<Vec<_>>() {
                fed.client.subscribe_at(t(1), endpoint, s("orders@account"), None).unwrap();
            }
            fed.poll();
            for (link, text) in links.into_iter().zip(std::mem::take(&mut fed.sent)) {
                fed.feed_over(link, 1, &ack(&text));
            }
            let format = |(status, time, rest): Sent| {
                let text = at(status, time, rest);
                if rest.contains(r#""q""#) { text.replace(r#""q":"1","#, "") } else { text }
            };
            for event in events {
                fed.feed_over(links[0], 2, &format(*event));
            }
            if fed.order().needs_reconciling() {
                let asked = fed.orders.moment();
                assert!(fed.orders.reconcile(77, found(77, OrderState::Open, "0"), asked), "{events:?}");
            }
            let before = newest(&fed);
            fed.feed_over(links[usize::from(is_slower_link)], 3, &format(late));
            assert_eq!(newest(&fed), before, "{events:?}, {late:?}");
        }
    }
}

/// A row of a list of open orders is older than the newest event about its order. If the order is not in doubt, the
/// row does not change it.
#[test]
fn a_row_that_is_older_than_an_event_undoes_nothing() {
    let mut fed = Fed::private(&["orders@account"]);
    fed.feed(2, &at("NEW", 1, r#","p":"100""#));
    fed.feed(2, &at("MODIFIED", 3, r#","p":"101""#));
    let row = |price: u32| {
        let row = at("OPEN", 2, &format!(r#","p":"{price}""#));
        format!(r#"{{"e":"orderSnapshot","E":1,"orders":[{row}]}}"#)
    };
    let asked = fed.orders.moment();
    assert!(fed.orders.reconcile(77, found(77, OrderState::Open, "0"), asked));
    fed.feed(3, &row(100));
    assert_eq!((fed.order().price, fed.order().doubt()), (Some(d("101")), None));
    // An event about the order in doubt may be lost, and the time of the row may be that of the order.
    fed.apply(&OVERFLOW);
    fed.feed(4, &row(102));
    assert_eq!((fed.order().price, fed.order().doubt()), (Some(d("102")), None));
}

#[test]
fn an_older_refusal_to_cancel_does_not_count_for_a_later_cancel() {
    let mut fed = Fed::private(&["orders@account"]);
    fed.feed(2, &at("NEW", 1, ""));
    let refusal = at("CANCEL_REJECTED", 2, "");
    fed.feed(2, &refusal);
    fed.feed(2, &at("OPEN", 3, ""));
    fed.client.request(t(3), &Request::CancelOrder { order_id: 77 }).unwrap();
    fed.acknowledge(3);
    assert!(fed.order().cancel_accepted);
    fed.feed(4, &refusal);
    assert!(fed.order().cancel_accepted);
}
