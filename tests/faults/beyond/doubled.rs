//! Faults of orders that two links of one account report.

use gemini_ws::{LinkId, Lost, OrderState, Request, StaleReason};

use super::super::line::ack;
use super::fed::{Fed, OVERFLOW, d, found, new_order, order, pair, s, t};

/// Subscribes to the orders of the account at two endpoints.
fn doubled() -> (Fed, [LinkId; 2]) {
    let (mut fed, links) = pair(["ws://v", "ws://w"]);
    let ids: Vec<_> = fed.client.endpoints().collect();
    for (id, link) in ids.into_iter().zip(links) {
        fed.client.subscribe_at(t(1), id, s("orders@account"), None).unwrap();
        confirm(&mut fed, link, 1);
    }
    (fed, links)
}

fn confirm(fed: &mut Fed, link: LinkId, at: u64) {
    fed.poll();
    let text = ack(&fed.sent.pop().unwrap());
    fed.feed_over(link, at, &text);
}

/// Formats an event about order 77, whose quantity is 10.
fn at(time: u32, status: &str, rest: &str) -> String {
    let text = order(77, Some("a1"), status, rest).replace(r#""q":"1""#, r#""q":"10""#);
    text.replace(":1000", &format!(":{time}000000"))
}

fn fill(time: u32, id: u32) -> String {
    at(time, "PARTIALLY_FILLED", &format!(r#","Z":"2","L":"100","t":{id}"#))
}

/// Both links deliver the first fill in a frame that cannot be decoded. When such a frame comes, the newest event
/// about the order has come over the other link. The order is in doubt, because the fill is missing.
#[test]
fn a_report_that_each_link_loses_is_missing() {
    let (mut fed, [first, second]) = doubled();
    let lost = fill(1003, 1).replacen("\"i\":77", "\"i\":\"x\"", 1);
    fed.feed_over(first, 2, &at(1001, "NEW", ""));
    fed.feed_over(first, 2, &at(1002, "OPEN", ""));
    fed.feed_over(second, 3, &at(1001, "NEW", ""));
    fed.feed_over(first, 4, &lost);
    fed.feed_over(first, 5, &fill(1004, 2));
    fed.feed_over(second, 6, &at(1002, "OPEN", ""));
    fed.feed_over(first, 7, &fill(1005, 3));
    fed.feed_over(second, 8, &lost);
    fed.feed_over(second, 9, &fill(1004, 2));
    fed.feed_over(second, 9, &fill(1005, 3));
    assert_eq!((fed.order().executed(), fed.order().doubt()), (d("4"), Some(StaleReason::Malformed)));
    assert_eq!(fed.order().link(), Some(second), "the link of the newest event");
}

/// A link is replaced. The list of open orders over the new link does not contain the order, although the newest
/// event about the order has come over the other link. The order is in doubt.
#[test]
fn a_list_over_one_link_is_about_the_orders_that_the_other_link_has_reported() {
    for brings_list in [false, true] {
        let (mut fed, [first, second]) = doubled();
        fed.feed_over(first, 2, &at(1001, "NEW", ""));
        fed.feed_over(second, 3, &at(1001, "NEW", ""));
        fed.link = first;
        fed.reconnect(4);
        let next = fed.link;
        assert_eq!(fed.order().doubt(), Some(StaleReason::Disconnected));
        confirm(&mut fed, next, 5_000);
        let asked = fed.orders.moment();
        assert!(fed.orders.reconcile(77, found(77, OrderState::Open, "0"), asked));
        if brings_list {
            fed.feed_over(next, 5_001, r#"{"e":"orderSnapshot","orders":[]}"#);
        }
        assert_eq!(fed.order().doubt(), brings_list.then_some(StaleReason::NotFound));
    }
}

/// A fill is lost, and one link delivers a later fill. The other link delivers an older list, whose executed quantity
/// equals that of the later fill by chance. The list does not end the doubt.
#[test]
fn a_list_behind_the_other_link_ends_no_doubt() {
    for (time, ends) in [(1004, false), (1006, true)] {
        let (mut fed, [first, second]) = doubled();
        fed.feed_over(first, 2, &at(1001, "NEW", ""));
        fed.feed_over(first, 2, &at(1002, "OPEN", r#","p":"100""#));
        fed.apply(&OVERFLOW);
        fed.feed_over(first, 3, &fill(1005, 2));
        let row = at(time, "OPEN", r#","Z":"2","p":"101""#);
        fed.feed_over(second, 4, &format!(r#"{{"e":"orderSnapshot","orders":[{row}]}}"#));
        let price = if ends { "101" } else { "100" };
        assert_eq!(fed.order().doubt(), (!ends).then_some(StaleReason::Overflow), "{time}");
        assert_eq!(fed.order().price, Some(d(price)), "{time}");
    }
}

/// Both links have reported the order, and one of them ends for ever. The other link reports all changes after an
/// answer of REST, so the answer ends the doubt, whichever link has delivered the newest event.
#[test]
fn the_link_that_remains_follows_the_order() {
    for (ended, newest) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let (mut fed, links) = doubled();
        let ids: Vec<_> = fed.client.endpoints().collect();
        fed.feed_over(links[1 - newest], 2, &at(1001, "NEW", ""));
        fed.feed_over(links[newest], 3, &at(1001, "NEW", ""));
        fed.client.remove(t(4), ids[ended]).unwrap();
        fed.client.handle_lost(links[ended], t(4), Lost::End);
        fed.poll();
        assert_eq!(fed.order().doubt(), Some(StaleReason::NotSubscribed), "{ended} {newest}");
        let asked = fed.orders.moment();
        assert!(fed.orders.reconcile(77, found(77, OrderState::Open, "0"), asked), "{ended} {newest}");
        assert_eq!(fed.order().doubt(), None, "{ended} {newest}");
        fed.feed_over(links[1 - ended], 5, &fill(1004, 2));
        assert_eq!((fed.order().executed(), fed.order().doubt()), (d("2"), None), "{ended} {newest}");
    }
}

/// The link of the current API ends, and its next link confirms the stream of orders. Then a report comes over a link
/// to order events v1, whose filter leaves out the ends of orders. If the order has ended between the two links, no
/// later report shows the end. So a report of the order as open resolves no doubt.
#[test]
fn a_report_over_a_link_that_hides_ends_resolves_no_doubt() {
    const ROW: &str = r#"[{"type":"accepted","order_id":"77","client_order_id":"a1","symbol":"btcusd","side":"buy","order_type":"exchange limit","timestampms":1,"is_live":true,"is_cancelled":false,"original_amount":"1","executed_amount":"0","price":"100","socket_sequence":0}]"#;
    let hidden = r#""eventTypeFilter":["initial","accepted"]"#;
    let whole = r#""eventTypeFilter":[]"#;
    for (filter, kind, is_in_doubt) in [
        (hidden, "accepted", true),
        (hidden, "initial", true),
        (whole, "accepted", false),
        (whole, "initial", false),
    ] {
        let (mut fed, [first, second]) = pair(["ws://v", "ws://w/v1/order/events"]);
        let current = fed.client.endpoint(first).unwrap();
        fed.client.subscribe_at(t(1), current, s("orders@account"), None).unwrap();
        confirm(&mut fed, first, 1);
        fed.client.request_over(t(2), first, &Request::PlaceOrder(new_order("a1"))).unwrap();
        fed.poll();
        fed.link = first;
        fed.reconnect(3);
        fed.acknowledge(4_000);
        assert!(fed.orders.get("a1").unwrap().needs_reconciling());
        let ack = format!(
            r#"{{"type":"subscription_ack","accountId":1,"subscriptionId":"s","symbolFilter":[],"apiSessionFilter":[],{filter}}}"#
        );
        fed.feed_over(second, 4_001, &ack);
        fed.feed_over(second, 4_002, &ROW.replace("accepted", kind));
        assert_eq!(fed.order().needs_reconciling(), is_in_doubt, "{filter} {kind}");
        let asked = fed.orders.moment();
        assert!(!is_in_doubt || fed.orders.reconcile(77, found(77, OrderState::Canceled, "0"), asked));
        assert!(!fed.order().needs_reconciling(), "{filter} {kind}");
    }
}
