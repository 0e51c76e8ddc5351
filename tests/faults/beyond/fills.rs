//! How many fills of an order are kept, and which reports are about one fill.

use gemini_ws::{
    Client, ClientConfig, Config, Endpoint, Event, FILLS_MAX, LinkId, OrderState, Orders, Replay, Scratch,
    StaleReason,
};

use super::fed::{Fed, apply, d, found, id_of, order, s, t};

/// An order keeps at most `FILLS_MAX` fills. Each further fill puts the order in doubt, and an answer of REST
/// resolves the doubt.
#[test]
fn the_fills_of_an_order_are_limited() {
    let large = |text: String| text.replace(r#""q":"1""#, r#""q":"200000""#);
    let mut orders = Orders::new();
    apply(&mut orders, &large(order(77, None, "NEW", "")));
    let (mut replay, mut scratch) = (Replay::new(Endpoint::Streams), Scratch::new());
    let text = large(order(77, None, "PARTIALLY_FILLED", r#","Z":"1","L":"100","t":1"#));
    let Ok(Some(Event::Order(mut update, source))) = replay.event(&text, &mut scratch) else { panic!() };
    let mut execute = |orders: &mut Orders, trade_id: u64| {
        update.fill.as_mut().unwrap().trade_id = Some(trade_id);
        orders.apply(&Event::Order(update, source));
    };
    (1..=FILLS_MAX as u64).for_each(|trade_id| execute(&mut orders, trade_id));
    execute(&mut orders, 5);
    let of = |orders: &Orders| (orders.get(77).unwrap().fills.len(), orders.get(77).unwrap().doubt());
    assert_eq!((of(&orders), orders.repeated_fills()), ((FILLS_MAX, None), 1));
    for more in 1..=2 {
        execute(&mut orders, FILLS_MAX as u64 + more);
        assert_eq!(of(&orders), (FILLS_MAX, Some(StaleReason::Executions)));
        let executed = (FILLS_MAX as u64 + more).to_string();
        let asked = orders.moment();
        assert!(orders.reconcile(77, found(77, OrderState::PartiallyFilled, &executed), asked));
        assert_eq!((of(&orders), orders.get(77).unwrap().executed()), ((FILLS_MAX, None), d(&executed)));
    }
}

/// Both generations of streams report the fills of one account: the current API in nanoseconds, order events v1 in
/// milliseconds. Rows: the time in the current API, the time in v1, and whether both reports are about one fill.
#[test]
fn a_fill_that_both_generations_report_is_one_fill() {
    for (nanos, millis, is_one) in [
        (1_790_732_603_948_771_651_u64, 1_790_732_603_948_u64, true),
        (1_790_732_603_948_000_000, 1_790_732_603_948, true),
        (1_790_732_603_949_771_651, 1_790_732_603_948, false),
    ] {
        for is_v1_first in [false, true] {
            let mut client = Client::new(ClientConfig::new(), 1);
            for url in ["ws://v", "ws://w/v1/order/events"] {
                client.add(t(0), Config::new(url).authenticated(true).stay_open(true)).unwrap();
            }
            let mut fed = Fed::of(client);
            let links: Vec<LinkId> = fed.client.links().map(|(link, ..)| link).collect();
            fed.client.subscribe(t(1), s("orders@account")).unwrap();
            fed.poll();
            let reply = format!("{{\"id\":{},\"status\":200}}", id_of(&fed.sent.pop().unwrap()));
            fed.feed_over(links[0], 1, &reply);
            fed.feed_over(links[1], 1, r#"{"type":"subscription_ack","accountId":1,"subscriptionId":"a-b","symbolFilter":[],"apiSessionFilter":[],"eventTypeFilter":[]}"#);
            fed.feed_over(links[0], 2, &order(77, Some("a1"), "NEW", r#","p":"100""#));
            let fill = r#","p":"100","Z":"0.4","L":"100","t":9"#;
            let fill = order(77, Some("a1"), "PARTIALLY_FILLED", fill).replace("1000", &nanos.to_string());
            let v1 = format!(
                r#"[{{"type":"fill","order_id":"77","event_id":"2","client_order_id":"a1","symbol":"btcusd","side":"buy","order_type":"exchange limit","timestampms":{millis},"is_live":true,"is_cancelled":false,"is_hidden":false,"original_amount":"1","remaining_amount":"0.6","executed_amount":"0.4","price":"100","fill":{{"trade_id":"9","price":"100","amount":"0.4"}},"socket_sequence":0}}]"#
            );
            let mut reports = [(links[0], &fill), (links[1], &v1)];
            if is_v1_first {
                reports.reverse();
            }
            reports.into_iter().for_each(|(link, text)| fed.feed_over(link, 3, text));
            let order = fed.order();
            let doubt = (!is_one).then_some(StaleReason::Executions);
            let shown = (order.doubt(), order.executed(), fed.orders.repeated_fills());
            assert_eq!(shown, (doubt, d("0.4"), u64::from(is_one)), "{nanos} {millis} {is_v1_first}");
        }
    }
}

/// An event reports a much larger executed quantity than the fills. No decimal can hold the difference.
#[test]
fn a_difference_that_no_decimal_can_hold_is_a_difference() {
    let large = |text: String| text.replace(r#""q":"1""#, r#""q":"12345678901.5""#);
    for end in ["CANCELED", "OPEN"] {
        let mut orders = Orders::new();
        apply(&mut orders, &large(order(77, None, "NEW", "")));
        apply(
            &mut orders,
            &large(order(77, None, "PARTIALLY_FILLED", r#","Z":"0.0000000001","L":"100","t":1"#)),
        );
        assert_eq!(orders.get(77).unwrap().doubt(), None);
        apply(&mut orders, &large(order(77, None, end, r#","Z":"12345678901.4""#)));
        assert_eq!(orders.get(77).unwrap().doubt(), Some(StaleReason::Executions), "{end}");
        assert_eq!(orders.get(77).unwrap().missing_executions(), d("12345678901.4"), "{end}");
    }
}
