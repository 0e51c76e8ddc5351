//! Faults of streams that are unsubscribed and subscribed again over one link.

use gemini_ws::{
    Config, FoundQuote, HeldAmount, Order, OrderState, QuoteState, Request, StaleReason, StreamId,
};

use super::fed::{Fed, found, id_of, new_order, order, quote, s, t, update};

const ALL: &str =
    r#"{"e":"balanceUpdate","E":1,"u":1,"B":[{"a":"USD","f":"100","c":"100"},{"a":"BTC","f":"1","c":"1"}]}"#;
const QUOTE: &str = r#"{"e":"requestForQuote","i":"e1","E":1790743321322,"r":"r1","x":"CLOSED","S":"OPEN","q":"q1","p":"0.5","sz":"10","qs":"ACTIVE"}"#;
const CHANGE: &str = r#"{"e":"balanceUpdate","E":2,"u":2,"B":[{"a":"BTC","f":"2","c":"2"}]}"#;

/// Creates a client whose balances are current. Also returns the id of its subscription to balances.
fn current() -> (Fed, StreamId) {
    let mut fed = Fed::new(Config::new("ws://v").authenticated(true));
    let id = fed.client.subscribe(t(1), s("balances@account")).unwrap();
    fed.acknowledge(1);
    fed.feed(2, ALL);
    assert!(!fed.balances.is_stale() && fed.balances.get("USD").is_some());
    (fed, id)
}

/// The application unsubscribes balances and subscribes to them again. A report that comes before the venue confirms
/// the `unsubscribe` is a change, and not the list of all balances.
#[test]
fn z37_a_change_of_an_old_subscription_is_not_the_list_of_all_balances() {
    for again in ["balances@account", "balances@account@1s"] {
        let (mut fed, id) = current();
        fed.client.unsubscribe(t(3), id).unwrap();
        fed.client.subscribe(t(3), s(again)).unwrap();
        fed.poll();
        fed.feed(4, CHANGE);
        assert!(fed.balances.get("USD").is_some(), "{again}: removed by a report of BTC");
        fed.acknowledge(5);
        fed.acknowledge(5);
        assert!(fed.balances.is_stale());
        fed.feed(6, ALL);
        assert!(!fed.balances.is_stale(), "{again}: the new subscription has listed everything");
    }
}

/// The venue answers `unsubscribe` with an internal error, so the first subscription may not have ended. Then the
/// venue may ignore the next `subscribe` and send no list of all balances.
#[test]
fn z37_a_change_of_a_subscription_that_may_not_have_ended_is_not_the_list_either() {
    for again in ["balances@account", "balances@account@1s"] {
        let (mut fed, id) = current();
        fed.client.unsubscribe(t(3), id).unwrap();
        fed.poll();
        fed.client.subscribe(t(3), s(again)).unwrap();
        let left = id_of(&fed.sent.pop().unwrap());
        fed.feed(
            4,
            &format!(r#"{{"id":{left},"status":500,"error":{{"code":-1000,"msg":"Internal error"}}}}"#),
        );
        fed.acknowledge(5);
        fed.feed(6, CHANGE);
        let is_wrong = fed.balances.get("USD").is_none() && fed.balances.stale_reason("USD").is_none();
        assert!(!is_wrong, "{again}: removed by a report of BTC");
    }
}

#[test]
fn z38_the_list_of_all_balances_counts_before_its_subscription_is_confirmed() {
    let (mut fed, id) = current();
    fed.client.unsubscribe(t(3), id).unwrap();
    fed.acknowledge(4);
    fed.client.subscribe(t(5), s("balances@account")).unwrap();
    fed.poll();
    fed.feed(6, ALL);
    fed.acknowledge(7);
    assert!(!fed.balances.is_stale(), "{:?}", fed.balances.stale_reason("USD"));
    // Now after a silence.
    let mut fed = Fed::new(Config::new("ws://v").authenticated(true));
    let silence = core::time::Duration::from_secs(5);
    fed.client.subscribe_unless_silent(t(1), s("balances@account"), silence).unwrap();
    fed.acknowledge(1);
    fed.feed(2, ALL);
    fed.client.handle_timeout(t(5_003));
    fed.poll();
    assert!(fed.balances.is_stale());
    let left = id_of(&fed.sent.pop().unwrap());
    fed.feed(5_004, &format!(r#"{{"id":{left},"status":200}}"#));
    fed.feed(5_005, ALL);
    fed.acknowledge(5_006);
    assert!(!fed.balances.is_stale(), "{:?}", fed.balances.stale_reason("USD"));
}

/// The stream of orders was silent for too long, and the client requests it again. Meanwhile the application
/// subscribes to it a second time. Orders that are reported before the confirmation are in doubt, because the venue
/// may have ended the stream.
#[test]
fn z41_who_subscribes_a_stream_that_is_renewed_waits_for_the_confirmation() {
    let mut fed = Fed::new(Config::new("ws://v").authenticated(true));
    let silence = core::time::Duration::from_secs(5);
    fed.client.subscribe_unless_silent(t(1), s("orders@account"), silence).unwrap();
    fed.acknowledge(1);
    fed.feed(2, &update("NEW", ""));
    fed.client.handle_timeout(t(5_003));
    fed.poll();
    let left = id_of(&fed.sent.pop().unwrap());
    let other = fed.client.subscribe(t(5_004), s("orders@account")).unwrap();
    fed.poll();
    fed.feed(5_005, &update("OPEN", ""));
    fed.feed(5_006, &order(78, None, "NEW", ""));
    assert!(fed.orders.iter().all(Order::needs_reconciling), "the venue may have ended the stream");
    fed.feed(5_007, &format!(r#"{{"id":{left},"status":200}}"#));
    fed.acknowledge(5_008);
    let told = fed
        .log
        .iter()
        .filter(|event| event.starts_with("Subscribed") && event.contains(&format!("{other:?}")));
    assert_eq!(told.count(), 1, "{:?}", fed.log);
}

/// The application asks REST, and then subscribes. The first report of each stream comes before the confirmation, and
/// then the answer. The answer makes nothing current, because it does not show what happened between question and
/// subscription.
#[test]
fn z42_an_answer_from_before_a_subscription_does_not_count_after_its_first_report() {
    let mut fed = Fed::new(Config::new("ws://v").authenticated(true));
    let request = fed.client.request(t(1), &Request::PlaceOrder(new_order("a1"))).unwrap();
    let quoted = fed.client.request(t(1), &Request::SubmitQuote(quote("0.5"))).unwrap();
    fed.acknowledge(1);
    assert!(
        fed.orders.get(request).unwrap().needs_reconciling()
            && fed.quotes.get(quoted).unwrap().doubt().is_some()
    );
    let asked = (fed.orders.moment(), fed.positions.moment(), fed.quotes.moment());
    for stream in ["orders@account", "positions@account", "requestForQuote@account"] {
        fed.client.subscribe(t(3), s(stream)).unwrap();
    }
    fed.poll();
    fed.feed(4, &order(78, None, "NEW", ""));
    fed.feed(
        4,
        r#"{"e":"positionReport","E":1,"u":1,"A":8,"P":[{"t":"ec","s":"A","a":[{"t":"position","v":"1"}]}]}"#,
    );
    fed.feed(4, r#"{"e":"requestForQuote","i":"8","E":1790743321322,"r":"r2","x":"CLOSED","S":"PENDING_ACCEPTANCE","q":"q2","p":"0.7","sz":"10","qs":"ACTIVE"}"#);
    fed.orders.reconcile(request, found(77, OrderState::Open, "0"), asked.0);
    let held = [("B".parse().unwrap(), vec![HeldAmount::new("position", "1")])];
    fed.positions.reconcile(held, asked.1);
    let active = FoundQuote { quote_id: "q1".parse().unwrap(), state: QuoteState::Active };
    fed.quotes.reconcile(quoted, Some(active), asked.2);
    fed.acknowledge(5);
    assert!(
        fed.orders.get(request).unwrap().needs_reconciling(),
        "it may have ended before the subscription"
    );
    assert!(fed.positions.is_stale(), "it may have changed before the subscription");
    assert!(fed.quotes.get(quoted).unwrap().doubt().is_some(), "it may have ended before the subscription");
}

/// Each row has streams, and a frame that ends the silence of each of them. In the venue's documents, the frame of a
/// partial depth has no symbol.
const HEARD: [(&[&str], &str); 5] = [
    (&["btcusd@trade"], r#"{"E":1,"s":"btcusd","t":T,"p":"1","q":"1","m":true}"#),
    (&["btcusd@bookTicker"], r#"{"u":T,"E":1,"s":"btcusd","b":"1","B":"1","a":"2","A":"1"}"#),
    (&["btcusd@depth5"], r#"{"s":"btcusd","lastUpdateId":T,"bids":[["1","1"]],"asks":[["2","1"]]}"#),
    (&["btcusd@depth5"], r#"{"lastUpdateId":T,"bids":[["1","1"]],"asks":[["2","1"]]}"#),
    (&["btcusd@depth5", "ethusd@depth10"], r#"{"lastUpdateId":T,"bids":[["1","1"]],"asks":[["2","1"]]}"#),
];

#[test]
fn z47_each_frame_of_a_stream_counts_against_its_silence() {
    for (streams, frame) in HEARD {
        for is_heard in [true, false] {
            let mut fed = Fed::new(Config::new("ws://v"));
            for stream in streams {
                let silence = core::time::Duration::from_secs(5);
                fed.client.subscribe_unless_silent(t(1), s(stream), silence).unwrap();
                fed.acknowledge(1);
            }
            for second in 1..=8 {
                if is_heard {
                    fed.feed(second * 1_000, &frame.replace('T', &second.to_string()));
                }
                fed.client.handle_timeout(t(second * 1_000 + 1));
                fed.poll();
            }
            let silent = fed.log.iter().filter(|event| event.starts_with("Silent")).count();
            assert_eq!(silent, if is_heard { 0 } else { streams.len() }, "{streams:?} {frame}");
        }
    }
}

/// Data of a stream comes before the reply. If the venue then refuses the stream, the data is stale. If no reply
/// comes, the data stays current, because it shows that the venue serves the stream.
#[test]
fn data_of_a_stream_that_is_refused_is_not_current() {
    let streams = ["balances@account", "positions@account@1s", "orders@account", "requestForQuote@account"];
    let refused = r#""status":429,"error":{"code":-1003,"msg":"rate limited"}"#;
    for refused in [Some(refused), None] {
        let mut fed = Fed::private(&[]);
        for stream in streams {
            fed.client.subscribe(t(1), s(stream)).unwrap();
            fed.poll();
        }
        let sent = core::mem::take(&mut fed.sent);
        fed.feed(2, ALL);
        fed.feed(2, r#"{"e":"positionReport","E":1,"u":1,"A":8,"P":[]}"#);
        fed.feed(2, &update("NEW", ""));
        fed.feed(2, QUOTE);
        assert!(!fed.balances.is_stale() && !fed.positions.is_stale());
        assert_eq!((fed.order().doubt(), fed.quotes.get("q1").unwrap().doubt()), (None, None));
        for text in &sent {
            match refused {
                Some(refused) => fed.feed(3, &format!("{{\"id\":{},{refused}}}", id_of(text))),
                None => fed.client.handle_timeout(t(3_600_000)),
            }
        }
        fed.poll();
        let unserved = fed.log.iter().filter(|event| event.starts_with("Unserved")).count();
        assert_eq!(unserved, streams.len(), "{:?}", fed.log);
        let reason = refused.map(|_| StaleReason::NotSubscribed);
        let is_stale = refused.is_some();
        assert_eq!(fed.balances.stale_reason("USD"), reason);
        assert_eq!((fed.balances.is_stale(), fed.positions.is_stale()), (is_stale, is_stale));
        assert_eq!((fed.order().doubt(), fed.quotes.get("q1").unwrap().doubt()), (reason, reason));
        assert_eq!(fed.orders.is_followed(), !is_stale);
    }
}

/// The venue refuses streams for now, and then reports come, because it had accepted an earlier request. A report
/// that lists everything makes the data current. A report of changes does not, because it does not show what happened
/// before.
#[test]
fn a_report_that_lists_everything_is_current_after_a_refusal() {
    let refused = r#""status":429,"error":{"code":-1003,"msg":"rate limited"}"#;
    for (balances, positions, is_whole) in [
        ("balances@account", "positions@account", [true, false]),
        ("balances@account@1s", "positions@account@1s", [true, true]),
    ] {
        let mut fed = Fed::private(&[]);
        for stream in [balances, positions, "orders@account", "requestForQuote@account"] {
            fed.client.subscribe(t(1), s(stream)).unwrap();
            fed.poll();
        }
        for text in core::mem::take(&mut fed.sent) {
            fed.feed(2, &format!("{{\"id\":{},{refused}}}", id_of(&text)));
        }
        fed.feed(3, ALL);
        fed.feed(3, r#"{"e":"positionReport","E":1,"u":1,"A":8,"P":[]}"#);
        fed.feed(3, &update("NEW", ""));
        fed.feed(3, QUOTE);
        assert_eq!([!fed.balances.is_stale(), !fed.positions.is_stale()], is_whole, "{balances}");
        let reason = Some(StaleReason::NotSubscribed);
        assert_eq!((fed.order().doubt(), fed.quotes.get("q1").unwrap().doubt()), (reason, reason));
        assert!(!fed.orders.is_followed());
        fed.feed(4, CHANGE);
        assert_eq!(fed.balances.get("BTC").unwrap().total().as_str(), "2");
        assert!(!fed.balances.is_stale());
    }
}
