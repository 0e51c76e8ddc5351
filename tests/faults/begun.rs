//! Faults at the beginning and the end of streams. Every test fails on code that has the fault.

use gemini_ws::lifecycle::StreamState;
use gemini_ws::{
    Endpoint, Event, HeldAmount, OrderState, Replay, RequestId, Scratch, ShutdownPlan, StaleReason, Subject,
};

use super::fed::{Fed, id_of, new_order, t, update};

/// Tests, each with the id of the fault that it shows. `tests/mutants` runs these tests to find planted faults.
#[allow(dead_code, reason = "the tests run by themselves")]
pub(crate) const FAULTS: &[(&str, fn())] = &[
    ("BG-01", bg_01_an_answer_from_before_the_first_event_of_a_stream_settles_no_order),
    ("BG-02", bg_02_an_answer_from_before_the_first_report_of_a_stream_settles_no_position),
    ("BG-03", bg_03_a_report_of_balances_that_the_venue_did_not_end_is_not_the_whole),
    ("BG-04", bg_04_what_is_unsubscribed_is_not_current_before_the_venue_confirms_it),
    ("BG-05", bg_05_what_was_recorded_is_not_current_when_a_link_begins),
];

const EMPTY_LIST: &str = r#"{"e":"orderSnapshot","E":1,"orders":[]}"#;

/// Sends the venue's refusal of the newest request: "too many requests".
fn too_many(fed: &mut Fed, at: u64) {
    fed.poll();
    let id = id_of(&fed.sent.pop().expect("a request was sent"));
    fed.feed(
        at,
        &format!(r#"{{"id":{id},"status":429,"error":{{"code":-1003,"msg":"Too many requests"}}}}"#),
    );
}

/// The application asks REST while the request of an order is under way, and REST does not find the order. Then the
/// stream of orders begins. The order stays in doubt, because it may have arrived after the question and ended before
/// the stream began.
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

/// The application asks REST about positions, and then a stream of positions begins. Its first report names another
/// position than the answer. The answer may be older than a change, so it does not make the positions current.
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

/// The venue refused to end a stream of balances, so the next subscription to it does not begin with a report of all
/// balances. A balance that the first report does not name becomes stale.
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

/// A stream, a frame that makes some data current, and a function that returns whether this data is current.
type Current = (&'static str, &'static str, fn(&Fed) -> bool);

const CURRENT: [Current; 4] = [
    (
        "btcusd@depth",
        r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":1,"u":1,"b":[["1","1"]],"a":[["2","1"]]}"#,
        |fed| fed.books.live("btcusd").is_some(),
    ),
    ("balances@account", r#"{"e":"balanceUpdate","E":1,"u":1,"B":[{"a":"BTC","f":"1","c":"1"}]}"#, |fed| {
        fed.balances.stale_reason("BTC").is_none()
    }),
    (
        "positions@account",
        r#"{"e":"positionReport","E":1,"u":1,"A":8,"P":[{"t":"ec","s":"A","a":[{"t":"position","v":"1"}]}]}"#,
        |fed| fed.positions.stale_reason("A".parse().unwrap()).is_none(),
    ),
    (
        "orders@account",
        r#"{"E":1,"s":"BTCUSD","i":1,"c":"a","S":"BUY","X":"OPEN","p":"1","q":"1","z":"1","Z":"0","T":1}"#,
        |fed| fed.orders.get("a").unwrap().doubt().is_none(),
    ),
];

/// After `unsubscribe`, `remove` or `shut_down`, the client delivers no more data of a stream. So the data becomes
/// stale at once, and stays so if the venue refuses the request and continues to send the stream.
#[test]
fn bg_04_what_is_unsubscribed_is_not_current_before_the_venue_confirms_it() {
    for (stream, frame, is_current) in CURRENT {
        for way in 0..3 {
            let mut fed = Fed::private(&[stream]);
            fed.feed(2, frame);
            assert!(is_current(&fed), "{stream}");
            let (id, endpoint) =
                (fed.client.streams().next().unwrap().0, fed.client.links().next().unwrap().1);
            match way {
                0 => fed.client.unsubscribe(t(3), id).unwrap(),
                1 => fed.client.remove(t(3), endpoint).unwrap(),
                // A shutdown keeps the streams of an account until the links close.
                _ if stream.ends_with("@account") => continue,
                _ => fed.client.shut_down(t(3), ShutdownPlan::by(t(60_000)).unsubscribe(true)),
            }
            fed.poll();
            assert!(!is_current(&fed), "{stream}, way {way}: {:?}", fed.log);
            assert_eq!(fed.client.streams().map(|it| it.2).collect::<Vec<_>>(), [StreamState::Leaving]);
            assert!(fed.client.resync(t(3), id).is_err(), "{stream}, way {way}");
            // What the venue sends until it has stopped the stream changes nothing.
            fed.feed(4, &frame.replace("\"E\":1", "\"E\":2").replace("\"u\":1", "\"u\":2"));
            too_many(&mut fed, 5);
            assert!(!is_current(&fed), "{stream}, way {way}: {:?}", fed.log);
        }
    }
}

/// Reports of changes: a position and an order that the frames in `CURRENT` do not name.
const OTHERS: [(&str, &str); 2] = [
    (
        "positions@account",
        r#"{"e":"positionReport","E":2,"u":1,"A":8,"P":[{"t":"ec","s":"B","a":[{"t":"position","v":"1"}]}]}"#,
    ),
    (
        "orders@account",
        r#"{"E":2,"s":"BTCUSD","i":9,"c":"z","S":"BUY","X":"NEW","p":"1","q":"1","z":"1","Z":"0","T":2}"#,
    ),
];

/// The application applies a recording, and then subscribes to the stream of the recorded data. It is unknown what
/// happened in between, so the recorded data is not current.
#[test]
fn bg_05_what_was_recorded_is_not_current_when_a_link_begins() {
    for (stream, frame, is_current) in &CURRENT[1..] {
        let recorded = || {
            let mut fed = Fed::private(&[]);
            let mut scratch = Scratch::new();
            let event = Replay::new(Endpoint::Streams).event(frame, &mut scratch).unwrap().unwrap();
            fed.apply(&event);
            assert!(is_current(&fed), "{stream}");
            fed
        };
        let mut fed = recorded();
        fed.subscribe(2, stream);
        assert!(!is_current(&fed), "{stream}, confirmed: {:?}", fed.log);
        for (_, other) in OTHERS.iter().filter(|other| other.0 == *stream) {
            let mut fed = recorded();
            fed.client.subscribe(t(2), stream.parse().unwrap()).unwrap();
            fed.poll();
            fed.feed(3, other);
            assert!(!is_current(&fed), "{stream}, reported: {:?}", fed.log);
        }
    }
}
