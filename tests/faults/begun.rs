//! Faults of streams that begin before their confirmation, or without their beginning. Every test fails on code that
//! has the fault.

use gemini_ws::{Event, HeldAmount, OrderState, RequestId, StaleReason, Subject};

use super::fed::{Fed, id_of, new_order, t, update};

/// Each fault with the test that shows it. The hunters of planted faults run them.
#[allow(dead_code, reason = "the tests run by themselves")]
pub(crate) const FAULTS: &[(&str, fn())] = &[
    ("BG-01", bg_01_an_answer_from_before_the_first_event_of_a_stream_settles_no_order),
    ("BG-02", bg_02_an_answer_from_before_the_first_report_of_a_stream_settles_no_position),
    ("BG-03", bg_03_a_report_of_balances_that_the_venue_did_not_end_is_not_the_whole),
];

const EMPTY_LIST: &str = r#"{"e":"orderSnapshot","E":1,"orders":[]}"#;

/// The frame that refuses the newest request, because there were too many.
fn too_many(fed: &mut Fed, at: u64) {
    fed.poll();
    let id = id_of(&fed.sent.pop().expect("a request was sent"));
    fed.feed(
        at,
        &format!(r#"{{"id":{id},"status":429,"error":{{"code":-1003,"msg":"Too many requests"}}}}"#),
    );
}

/// REST was asked while the request of an order was on its way. The order came and ended before the stream began, and
/// the first event came before the confirmation of the stream.
#[test]
fn bg_01_an_answer_from_before_the_first_event_of_a_stream_settles_no_order() {
    let mut fed = Fed::private(&[]);
    let about = Subject::PlaceOrder(new_order("a"));
    fed.apply(&Event::Requested { link: fed.link, request: RequestId::new(900), about });
    let asked = fed.orders.moment();
    fed.client.subscribe(t(2), "orders@account".parse().unwrap()).unwrap();
    fed.poll();
    fed.feed(3, EMPTY_LIST);
    fed.feed(3, &update("NEW", ""));
    assert!(!fed.orders.reconcile("a", None, asked), "the order may have come and ended since");
    let order = fed.orders.get("a").unwrap();
    assert_eq!((order.state, order.doubt()), (OrderState::Sent, Some(StaleReason::NotSubscribed)));
}

/// REST was asked, then a position changed, then the stream began, and its first report is of another position.
#[test]
fn bg_02_an_answer_from_before_the_first_report_of_a_stream_settles_no_position() {
    let mut fed = Fed::private(&[]);
    let asked = fed.positions.moment();
    fed.client.subscribe(t(2), "positions@account".parse().unwrap()).unwrap();
    fed.poll();
    fed.feed(
        3,
        r#"{"e":"positionReport","E":1,"u":1,"A":8,"P":[{"t":"ec","s":"A","a":[{"t":"position","v":"1"}]}]}"#,
    );
    let held = [("B".parse().unwrap(), vec![HeldAmount::new("position", "1")])];
    assert!(!fed.positions.reconcile(held, asked), "B may have changed since");
    assert!(fed.positions.is_stale());
}

/// The venue refused to end the stream, so the stream that is subscribed next has no beginning.
#[test]
fn bg_03_a_report_of_balances_that_the_venue_did_not_end_is_not_the_whole() {
    for silence in [false, true] {
        let mut fed = Fed::private(&[]);
        let stream = "balances@account".parse().unwrap();
        let limit = std::time::Duration::from_secs(10);
        let id = match silence {
            false => fed.client.subscribe(t(1), stream),
            true => fed.client.subscribe_unless_silent(t(1), stream, limit),
        };
        fed.acknowledge(1);
        fed.feed(
            2,
            r#"{"e":"balanceUpdate","E":1,"u":1,"B":[{"a":"BTC","f":"1","c":"1"},{"a":"USD","f":"9","c":"9"}]}"#,
        );
        assert!(!fed.balances.is_stale());
        if silence {
            fed.client.handle_timeout(t(12_000));
            fed.poll();
            let id = id_of(&fed.sent.pop().expect("the stream was silent"));
            fed.feed(12_001, &format!(r#"{{"id":{id},"status":400,"error":{{"code":-1,"msg":"no"}}}}"#));
        } else {
            fed.client.unsubscribe(t(11_000), id.unwrap()).unwrap();
            too_many(&mut fed, 11_001);
            fed.client.subscribe(t(11_002), stream).unwrap();
        }
        fed.acknowledge(12_002);
        fed.feed(12_003, r#"{"e":"balanceUpdate","E":2,"u":2,"B":[{"a":"BTC","f":"2","c":"2"}]}"#);
        assert!(fed.balances.get("USD").is_some(), "USD is gone, silence {silence}: {:?}", fed.log);
        assert!(fed.balances.stale_reason("USD").is_some(), "silence {silence}");
        let asked = fed.balances.moment();
        assert!(fed.balances.reconcile([("BTC", "2", "2"), ("USD", "7", "7")], asked));
    }
}
