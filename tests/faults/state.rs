//! Faults of the books, balances, positions and quotes that an application keeps. Every test fails on code that has
//! the fault.

use std::time::Duration;

use gemini_ws::{
    BOOKS_MAX, Books, Config, Endpoint, Event, EventBuf, EventQueue, Frame, GapRule, NewQuote, Overflow,
    QuoteRef, QuoteState, Replay, Request, RequestId, RequestOutcome, Scratch, Snapshot, StaleReason,
    Subject, Topic,
};

use super::fed::{Fed, d, id_of, new_order, order, t, update};

/// Tests, each with the id of the fault that it shows. `tests/mutants` runs these tests to find planted faults.
#[allow(dead_code, reason = "the tests run by themselves")]
#[rustfmt::skip]
pub(crate) const FAULTS: &[(&str, fn())] = &[
    ("A5", a5_a_frame_that_cannot_be_decoded_leaves_a_doubt_where_it_belongs),
    ("OV-01", ov_01_a_frame_that_cannot_be_decoded_leaves_its_doubt_when_it_is_dropped),
    ("A5", a5_an_element_of_a_list_of_v1_that_cannot_be_decoded_leaves_a_doubt),
    ("A7", a7_a_whole_report_replaces),
    ("A7", a7_what_the_next_report_does_not_name_is_not_current),
    ("A7", a7_balances_of_a_new_subscription_replace_and_later_ones_add),
    ("B18", b18_a_quote_event_that_comes_twice_is_marked),
    ("B18", b18_a_lost_quote_is_named_and_can_be_resolved),
    ("B18", b18_a_quote_of_another_client_is_not_taken_for_the_own),
    ("B18", b18_a_refusal_for_a_limit_raises_no_doubt),
    ("B14", b14_a_level_twice_or_empty_does_not_make_a_snapshot_quadratic),
    ("B14", b14_an_unordered_snapshot_is_the_book_that_its_levels_make_one_by_one),
    ("C12", c12_the_peer_cannot_make_books_without_bound),
    ("C12", c12_what_is_not_kept_is_counted),
    ("C12", c12_a_book_that_is_not_kept_is_counted_once),
    ("C21", c21_a_book_follows_the_rule_of_its_link),
    ("LA-01", la_01_what_was_on_its_way_does_not_follow),
    ("LA-02", la_02_what_was_on_its_way_ends_no_doubt),
];

// ---- what comes after the end of a subscription -----------------------------------------------------------

/// The streams of orders and balances were silent for too long, and the client subscribes again. Late frames of the
/// old subscription leave the data stale, because no frame reports what happens before the new subscription.
#[test]
fn la_01_what_was_on_its_way_does_not_follow() {
    let mut fed = Fed::private(&["orders@account", "balances@account"]);
    let streams: Vec<_> = fed.client.streams().map(|(id, stream, _)| (id, stream)).collect();
    let link = fed.link;
    fed.feed(2, &update("NEW", ""));
    fed.feed(2, BALANCES);
    assert!(!fed.order().needs_reconciling() && !fed.balances.is_stale());
    for (id, stream) in &streams {
        fed.apply(&Event::Silent { link, id: *id, stream: *stream, since: t(1) });
    }
    fed.feed(3, &update("OPEN", ""));
    fed.feed(3, BALANCES);
    assert!(fed.balances.is_stale());
    assert_eq!(fed.balances.stale_reason("USD"), Some(StaleReason::Silent));
    assert!(fed.orders.iter().all(|order| order.needs_reconciling()), "{:?}", fed.order());
    // An order is placed and ends before the streams are subscribed again, and no event reports it.
    let about = Subject::PlaceOrder(new_order("a2"));
    fed.apply(&Event::Requested { link, request: RequestId::new(9), about });
    for (id, stream) in &streams {
        fed.apply(&Event::Subscribed { link, id: *id, stream: *stream });
    }
    assert!(fed.orders.iter().all(|order| order.needs_reconciling()), "{:?}", fed.orders);
}

/// The stream of orders was silent for too long. Then three late frames come: the first event of an order whose
/// request got no reply, the first event of another client's order, and the venue's list. All orders stay in doubt,
/// because no frame reports what happened to them since.
#[test]
fn la_02_what_was_on_its_way_ends_no_doubt() {
    let mut fed = Fed::private(&["orders@account"]);
    let (id, stream, _) = fed.client.streams().next().unwrap();
    let (link, request) = (fed.link, RequestId::new(9));
    let about = || Subject::PlaceOrder(new_order("a1"));
    fed.apply(&Event::Requested { link, request, about: about() });
    fed.apply(&Event::Reply { link, request, about: about(), outcome: RequestOutcome::TimedOut });
    fed.apply(&Event::Silent { link, id, stream, since: t(1) });
    let list = format!(r#"{{"e":"orderSnapshot","orders":[{}]}}"#, update("OPEN", r#","z":"1""#));
    for late in [update("NEW", ""), order(78, Some("b1"), "NEW", ""), list] {
        fed.feed(3, &late);
        assert!(fed.orders.iter().all(|order| order.needs_reconciling()), "{late}: {:?}", fed.orders);
    }
    fed.apply(&Event::Subscribed { link, id, stream });
    assert!(fed.orders.iter().all(|order| order.needs_reconciling()), "{:?}", fed.orders);
    assert_eq!(fed.orders.iter().count(), 2);
}

// ---- frames that cannot be decoded ------------------------------------------------------------------------

const PRIVATE: [&str; 4] =
    ["orders@account", "balances@account", "positions@account", "requestForQuote@account"];
const BALANCES: &str = r#"{"e":"balanceUpdate","E":1,"u":1,"B":[{"a":"USD","f":"100","c":"100"}]}"#;
const QUOTE: &str = r#"{"e":"requestForQuote","i":"7f9c","E":1790743321322,"r":"r1","x":"ACCEPTED","S":"CONFIRMING","q":"q1"}"#;

#[test]
fn a5_a_frame_that_cannot_be_decoded_leaves_a_doubt_where_it_belongs() {
    // The frame; whether orders, balances, positions, quotes and the books of btcusd and ethusd are in doubt.
    let rows = [
        (r#"{"e":"orderUpdate","E":1,"s":"BTCUSD","i":77,"X":"FILLED","q":"1e99","T":1}"#, "o....."),
        (r#"{"e":"executionReport","E":1,"s":"BTCUSD","i":"?","X":"FILLED","T":1}"#, "o....."),
        (r#"{"e":"balanceUpdate","E":2,"u":2,"B":[{"a":"USD","c":"0"}]}"#, ".b...."),
        (r#"{ "e" : "positionReport","E":2,"u":2,"A":8,"P":[{"t":"ec","a":[]}]}"#, "..p..."),
        (r#"{"e":"requestForQuote","i":"x","E":1,"r":7}"#, "...q.."),
        (r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":6,"u":7,"b":[["99","x"]],"a":[]}"#, "....1."),
        (r#"{"e":"depthUpdate","E":1,"U":6,"u":7,"b":[],"a":[]}"#, "....12"),
        (r#"{"e":"markPrice","E":1,"s":"btcusd","p":"x"}"#, "......"),
        (r#"{"e":"orderUpd"#, "obpq12"),
        ("not JSON at all", "obpq12"),
        ("", "obpq12"),
        (r#"{"e":"trade","e":"orderUpdate","#, "obpq12"),
    ];
    for (frame, expected) in rows {
        let mut fed = Fed::private(&PRIVATE);
        for (symbol, at) in [("btcusd", 2), ("ethusd", 3)] {
            fed.subscribe(at, &format!("{symbol}@depth"));
            fed.feed(
                at,
                &format!(r#"{{"e":"depthUpdate","E":1,"s":"{symbol}","U":5,"u":5,"b":[["99","1"]],"a":[]}}"#),
            );
        }
        for text in [&*update("NEW", ""), BALANCES, QUOTE] {
            fed.feed(4, text);
        }
        fed.feed(4, r#"{"e":"positionReport","E":1,"u":1,"A":8,"P":[{"t":"ec","s":"A","a":[{"t":"position","v":"1"}]}]}"#);
        let asked = fed.positions.moment();
        let held = vec![("A".parse().unwrap(), vec![gemini_ws::HeldAmount::new("position", "1")])];
        assert!(fed.positions.reconcile(held, asked));
        fed.feed(5, frame);
        let doubts = [
            ('o', fed.order().needs_reconciling()),
            ('b', fed.balances.is_stale()),
            ('p', fed.positions.is_stale()),
            ('q', fed.quotes.to_reconcile().count() > 0),
            ('1', fed.books.live("btcusd").is_none()),
            ('2', fed.books.live("ethusd").is_none()),
        ];
        let found: String = doubts.iter().map(|(letter, is)| if *is { *letter } else { '.' }).collect();
        assert_eq!(found, expected, "{frame}");
        // The client requests every stale book again.
        let asked_for: usize = fed
            .sent
            .iter()
            .filter(|text| text.contains("unsubscribe"))
            .map(|text| text.matches("@depth").count())
            .sum();
        assert_eq!(
            asked_for,
            expected.chars().filter(char::is_ascii_digit).count(),
            "{frame}: {:?}",
            fed.sent
        );
    }
}

/// If a queue drops the event of a malformed frame, the `Overflow` that the queue reports instead puts the same
/// orders in doubt, and makes the same balances and positions stale, as the event itself would.
#[test]
fn ov_01_a_frame_that_cannot_be_decoded_leaves_its_doubt_when_it_is_dropped() {
    let whole = r#"{"e":"requestForQuote","E":1,"r":"r","l":[],"S":"OPEN"}"#;
    for text in [
        r#"{"e":"orderUpdate","E":2,"s":"BTCUSD","i""#,
        r#"{"e":"balanceUpdate","E":2,"u":2,"B":[{"a":"USD","f""#,
        r#"{"e":"positionReport","E":2,"u":2,"A""#,
        r#"{"E":2,"s":"BTCUSD","#,
        "",
    ] {
        let doubts = |is_dropped: bool| {
            let mut fed = Fed::private(&["orders@account", "balances@account", "positions@account"]);
            fed.feed(2, &update("NEW", ""));
            fed.feed(2, r#"{"e":"balanceUpdate","E":1,"u":1,"B":[{"a":"USD","f":"100","c":"100"}]}"#);
            fed.feed(2, r#"{"e":"positionReport","E":1,"u":1,"A":1,"P":[]}"#);
            let mut queue = EventQueue::new(Overflow::DropOldest).events_max(if is_dropped { 1 } else { 2 });
            for text in [text, whole] {
                let mut scratch = Scratch::new();
                let event = fed.client.handle_frame(fed.link, t(3), Frame::Text(text), &mut scratch);
                queue.push(&event.expect(text));
            }
            assert_eq!(queue.dropped(), u64::from(is_dropped), "{text}");
            while let Some(mut event) = queue.take() {
                fed.apply(&event.as_event());
            }
            (fed.orders.to_reconcile().count(), fed.balances.is_stale(), fed.positions.is_stale())
        };
        assert_ne!(doubts(false), (0, false, false), "{text} casts no doubt");
        assert_eq!(doubts(true), doubts(false), "{text}");
    }
}

#[test]
fn a5_an_element_of_a_list_of_v1_that_cannot_be_decoded_leaves_a_doubt() {
    let mut fed = Fed::new(Config::new("ws://v/v1/order/events"));
    let initial = r#"{"type":"initial","order_id":"5","symbol":"btcusd","side":"buy","is_live":true,"original_amount":"1","executed_amount":"0"}"#;
    fed.feed(1, &format!("[{initial}]"));
    assert_eq!(fed.orders.to_reconcile().count(), 0);
    fed.feed(2, r#"[{"type":"fill","order_id":"?","symbol":"btcusd"}]"#);
    assert_eq!(fed.orders.get(5).unwrap().doubt(), Some(StaleReason::Malformed));
}

// ---- a whole report replaces what was known ---------------------------------------------------------------

fn positions(rows: &str) -> String {
    format!(r#"{{"e":"positionReport","E":1,"u":1,"A":8,"P":[{rows}]}}"#)
}
const A: &str = r#"{"t":"ec","s":"A","a":[{"t":"position","v":"100"}]}"#;
const B: &str = r#"{"t":"ec","s":"B","a":[{"t":"position","v":"1"}]}"#;

#[test]
fn a7_a_whole_report_replaces() {
    let mut fed = Fed::private(&["positions@account@1s", "balances@account@1s"]);
    fed.feed(3, &positions(A));
    fed.feed(3, BALANCES);
    assert!(!fed.positions.is_stale() && !fed.balances.is_stale());
    fed.feed(1_003, &positions(""));
    fed.feed(1_003, r#"{"e":"balanceUpdate","E":2,"u":2,"B":[{"a":"BTC","f":"1","c":"1"}]}"#);
    assert_eq!(fed.positions.iter().count(), 0);
    assert_eq!(fed.balances.iter().map(|(asset, _)| asset.to_owned()).collect::<Vec<_>>(), ["BTC"]);
}

#[test]
fn a7_what_the_next_report_does_not_name_is_not_current() {
    let mut fed = Fed::private(&["positions@account", "balances@account"]);
    fed.feed(3, &positions(A));
    fed.feed(3, BALANCES);
    assert!(fed.positions.is_stale(), "whether these are all is not known");
    assert!(!fed.balances.is_stale(), "the first report has every asset");
    fed.reconnect(10);
    fed.acknowledge(2_000);
    fed.feed(2_001, &positions(B));
    let stale = ["A", "B"].map(|symbol| fed.positions.stale_reason(symbol.parse().unwrap()));
    assert_eq!(stale, [Some(StaleReason::Disconnected), None]);
    assert!(fed.positions.is_stale());
    let asked = fed.positions.moment();
    // A report between question and answer is newer than the answer.
    fed.feed(2_002, &positions(&B.replace("\"1\"", "\"2\"")));
    let row = |symbol: &str, value: &str| {
        (symbol.parse().unwrap(), vec![gemini_ws::HeldAmount::new("position", value)])
    };
    assert!(fed.positions.reconcile([row("B", "1"), row("C", "5")], asked));
    let held: Vec<_> =
        fed.positions.iter().map(|(symbol, held)| format!("{symbol} {}", held[0].value)).collect();
    assert_eq!((held, fed.positions.is_stale()), (vec!["B 2".to_owned(), "C 5".to_owned()], false));
}

/// The first report of balances after a reconnect lists all balances, so `Balances` removes each asset that is
/// missing in it.
#[test]
fn a7_balances_of_a_new_subscription_replace_and_later_ones_add() {
    let mut fed = Fed::private(&["balances@account"]);
    fed.feed(3, r#"{"e":"balanceUpdate","E":1,"u":1,"B":[{"a":"USD","f":"100","c":"100"},{"a":"XYZ","f":"5","c":"5"}]}"#);
    fed.feed(4, r#"{"e":"balanceUpdate","E":2,"u":2,"B":[{"a":"BTC","f":"1","c":"1"}]}"#);
    assert_eq!(fed.balances.iter().count(), 3);
    fed.apply(&Event::Overflow { topic: Topic::Balances, symbol: None, dropped: 1 });
    fed.feed(5, r#"{"e":"balanceUpdate","E":3,"u":3,"B":[{"a":"BTC","f":"2","c":"2"}]}"#);
    assert_eq!(fed.balances.stale_reason("BTC"), None);
    assert_eq!(fed.balances.stale_reason("USD"), Some(StaleReason::Overflow));
    assert!(fed.balances.is_stale());
    fed.reconnect(6);
    fed.acknowledge(2_000);
    fed.feed(2_001, BALANCES);
    assert_eq!((fed.balances.iter().count(), fed.balances.is_stale()), (1, false));
}

// ---- quotes -----------------------------------------------------------------------------------------------

fn quote() -> NewQuote {
    let (rfq_id, client_id) = ("r1".parse().unwrap(), "mine".parse().ok());
    NewQuote { rfq_id, price: d("0.5"), quantity: d("10"), valid_until: None, client_id }
}

#[test]
fn b18_a_quote_event_that_comes_twice_is_marked() {
    let mut fed = Fed::private(&["requestForQuote@account"]);
    let mut marks = Vec::new();
    for at in [3, 4] {
        let mut scratch = Scratch::new();
        let event = fed.client.handle_frame(fed.link, t(at), Frame::Text(QUOTE), &mut scratch).unwrap();
        let mut owned = EventBuf::from(&event);
        let (Event::Quote(update, _), Event::Quote(same, _)) = (event, owned.as_event()) else { panic!() };
        marks.push((update.is_replay, same.is_replay));
    }
    assert_eq!(marks, [(false, false), (true, true)]);
    fed.reconnect(5);
    fed.acknowledge(2_000);
    let mut scratch = Scratch::new();
    let event = fed.client.handle_frame(fed.link, t(2_001), Frame::Text(QUOTE), &mut scratch);
    assert!(matches!(event, Some(Event::Quote(update, _)) if update.is_replay), "on the next link, too");
}

#[test]
fn b18_a_lost_quote_is_named_and_can_be_resolved() {
    let mut fed = Fed::private(&["requestForQuote@account"]);
    let request = fed.client.request(t(1), &Request::SubmitQuote(quote())).unwrap();
    fed.poll();
    fed.reconnect(2);
    let lost = fed.quotes.get(request).unwrap();
    assert_eq!((lost.rfq_id.as_str(), lost.terms), ("r1", Some(quote())));
    assert_eq!((fed.quotes.to_reconcile().count(), lost.state), (1, gemini_ws::QuoteState::Unknown));
    fed.acknowledge(2_000);
    // An event names the quote: it is the only one that was sent for this request for quotes.
    let active = r#"{"e":"requestForQuote","i":"8","E":1790743321322,"r":"r1","x":"CLOSED","S":"PENDING_ACCEPTANCE","q":"q1","p":"0.5","sz":"10","qs":"ACTIVE"}"#;
    fed.feed(2_001, active);
    assert_eq!(fed.quotes.get("q1").unwrap().request, Some(request));
    let asked = fed.quotes.moment();
    let found =
        gemini_ws::FoundQuote { quote_id: "q1".parse().unwrap(), state: gemini_ws::QuoteState::Active };
    assert!(fed.quotes.reconcile(request, Some(found), asked));
    assert_eq!(fed.quotes.to_reconcile().count(), 0);
}

/// Another program of the account submits a quote with the same terms, and its event comes before the reply to this
/// client's request. `Quotes` keeps two quotes.
#[test]
fn b18_a_quote_of_another_client_is_not_taken_for_the_own() {
    let mut fed = Fed::private(&["requestForQuote@account"]);
    let request = fed.client.request(t(1), &Request::SubmitQuote(quote())).unwrap();
    fed.poll();
    let event = |number: u64, id: &str, status: &str| {
        format!(
            r#"{{"e":"requestForQuote","i":"{number}","E":1790743321322,"r":"r1","x":"CLOSED","S":"PENDING_ACCEPTANCE","q":"{id}","p":"0.5","sz":"10","qs":"{status}"}}"#
        )
    };
    fed.feed(2, &event(8, "other", "ACTIVE"));
    let id = id_of(&fed.sent.pop().unwrap());
    fed.feed(3, &format!(r#"{{"id":{id},"status":200,"result":{{"rfqId":"r1","quoteId":"own"}}}}"#));
    fed.feed(4, &event(9, "other", "WITHDRAWN"));
    for of in [QuoteRef::Request(request), QuoteRef::QuoteId("own")] {
        let own = fed.quotes.get(of).unwrap();
        assert_eq!((own.request, own.terms, own.state), (Some(request), Some(quote()), QuoteState::Active));
    }
    let other = fed.quotes.get("other").unwrap();
    assert_eq!((other.request, other.terms, other.state), (None, None, QuoteState::Withdrawn));
}

#[test]
fn b18_a_refusal_for_a_limit_raises_no_doubt() {
    for (reply, raises) in [
        (r#""status":429,"error":{"code":-1003,"msg":"Too many requests"}"#, false),
        (r#""error":{"code":-1003,"msg":"Too many requests"}"#, false),
        (r#""status":404,"error":{"code":-2013,"msg":"Unknown"}"#, true),
    ] {
        let mut fed = Fed::private(&["requestForQuote@account", "orders@account"]);
        fed.feed(2, &update("NEW", ""));
        fed.feed(2, r#"{"e":"requestForQuote","i":"8","E":1790743321322,"r":"r1","x":"CLOSED","S":"PENDING_ACCEPTANCE","q":"q1","p":"0.5","sz":"10","qs":"ACTIVE"}"#);
        let (rfq_id, quote_id) = ("r1".parse().unwrap(), "q1".parse().unwrap());
        for request in [Request::CancelOrder { order_id: 77 }, Request::WithdrawQuote { rfq_id, quote_id }] {
            fed.client.request(t(3), &request).unwrap();
            fed.poll();
            let id = id_of(&fed.sent.pop().unwrap());
            fed.feed(4, &format!(r#"{{"id":{id},{reply}}}"#));
        }
        let doubts = (fed.orders.to_reconcile().count(), fed.quotes.to_reconcile().count());
        assert_eq!(doubts, if raises { (1, 1) } else { (0, 0) }, "{reply}");
        assert!(fed.order().cancel_refusal.is_some() && fed.quotes.get("q1").unwrap().reason.is_some());
    }
}

// ---- books ------------------------------------------------------------------------------------------------

#[test]
fn b14_a_level_twice_or_empty_does_not_make_a_snapshot_quadratic() {
    let time = |odd: Option<&str>| {
        let mut bids: Vec<String> = (0..40_000).map(|n| format!("[\"{}\",\"1\"]", 200_000 - n)).collect();
        bids.extend(odd.map(ToOwned::to_owned));
        let text = format!(
            r#"{{"e":"depthUpdate","E":1,"s":"btcusd","U":7,"u":7,"b":[{}],"a":[]}}"#,
            bids.join(",")
        );
        let mut scratch = Scratch::new();
        let Ok(gemini_ws::Message::Depth(depth)) = gemini_ws::decode(&text, &mut scratch) else { panic!() };
        let mut book = gemini_ws::OrderBook::new();
        book.replace(&depth);
        let begin = cpu_time::ThreadTime::now();
        book.replace(&depth);
        (begin.elapsed(), book.bids().len(), book.bids().best().unwrap().price)
    };
    let (once, ..) = time(None);
    for (odd, levels) in [
        ("[\"160001\",\"1\"]", 40_000),
        ("[\"5\",\"0\"]", 40_000),
        ("[\"200001\",\"1\"]", 40_001),
        ("[\"7.0\",\"1\"]", 40_001),
    ] {
        let (took, found, best) = time(Some(odd));
        assert!(took < once * 50 + Duration::from_millis(5), "{odd}: {once:?} and {took:?}");
        assert_eq!(found, levels, "{odd}");
        assert_eq!(best, if odd.contains("200001") { d("200001") } else { d("200000") });
    }
}

/// If a snapshot has two levels at one price, the last one applies. An empty level removes the price.
#[test]
fn b14_an_unordered_snapshot_is_the_book_that_its_levels_make_one_by_one() {
    let text = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":7,"u":7,"b":[["98","1"],["99","2"],["98.0","3"],["97","1"],["97","0"],["96","0"],["96","4"]],"a":[["101","1"],["100","2"],["100","5"]]}"#;
    let mut scratch = Scratch::new();
    let Ok(gemini_ws::Message::Depth(depth)) = gemini_ws::decode(text, &mut scratch) else { panic!() };
    let mut book = gemini_ws::OrderBook::new();
    book.replace(&depth);
    let side = |side: &gemini_ws::BookSide| {
        side.iter()
            .map(|level| format!("{} {}", level.price.normalized(), level.quantity))
            .collect::<Vec<_>>()
    };
    assert_eq!(side(book.bids()), ["99 2", "98 3", "96 4"]);
    assert_eq!(side(book.asks()), ["100 5", "101 1"]);
}

#[test]
fn c12_the_peer_cannot_make_books_without_bound() {
    let mut fed = Fed::new(Config::new("ws://v/v1/multimarketdata?symbols=BTCUSD"));
    for n in 0..20_000_u64 {
        let text = format!(
            r#"{{"type":"update","eventId":{n},"socket_sequence":{n},"events":[{{"type":"change","side":"bid","price":"99","remaining":"2","delta":"2","reason":"initial","symbol":"X{n}"}}]}}"#
        );
        fed.feed(n, &text);
    }
    assert!(fed.books.iter().count() <= BOOKS_MAX);
}

#[test]
fn c12_what_is_not_kept_is_counted() {
    let mut books = Books::new();
    let (mut replay, mut scratch) = (Replay::new(Endpoint::Streams), Scratch::new());
    for n in 0..BOOKS_MAX + 3 {
        let text = format!(r#"{{"e":"depthUpdate","E":1,"s":"x{n}","U":7,"u":7,"b":[],"a":[]}}"#);
        books.apply(&replay.event(&text, &mut scratch).unwrap().unwrap());
    }
    assert_eq!((books.iter().count(), books.untracked()), (BOOKS_MAX, 3));
}

#[test]
fn c12_a_book_that_is_not_kept_is_counted_once() {
    let mut fed = Fed::new(Config::new("ws://v"));
    let (mut replay, mut scratch) = (Replay::new(Endpoint::Streams), Scratch::new());
    for n in 0..BOOKS_MAX {
        let text = format!(r#"{{"e":"depthUpdate","E":1,"s":"x{n}","U":7,"u":7,"b":[],"a":[]}}"#);
        fed.books.apply(&replay.event(&text, &mut scratch).unwrap().unwrap());
    }
    fed.subscribe(1, "btcusd@depth");
    fed.feed(2, r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[],"a":[]}"#);
    assert!(fed.log.iter().any(|event| event.starts_with("Synced")), "{:?}", fed.log);
    assert_eq!(fed.books.untracked(), 1);
    fed.apply(&Event::Overflow { topic: Topic::Depth, symbol: "btcusd".parse().ok(), dropped: 1 });
    assert_eq!(fed.books.untracked(), 2);
}

#[test]
fn c21_a_book_follows_the_rule_of_its_link() {
    let config = Config::new("ws://v").gap_rule(GapRule::Lax).snapshot(Snapshot::Best(2.try_into().unwrap()));
    let mut fed = Fed::new(config);
    fed.subscribe(1, "btcusd@depth");
    for text in [
        r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["99","1"],["98","1"]],"a":[]}"#,
        r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":6,"u":7,"b":[["97","1"]],"a":[]}"#,
    ] {
        fed.feed(3, text);
    }
    assert!(fed.books.live("btcusd").is_some_and(|book| !book.bids().is_whole()));
}

/// With the default settings, a book stays current for at most 45 s after a server has stopped without a sign.
#[test]
fn a_book_is_not_live_for_longer_than_the_silence_that_is_allowed() {
    let mut fed = Fed::new(Config::new("ws://v"));
    fed.subscribe(1, "btcusd@depth");
    fed.feed(2, r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["99","1"]],"a":[]}"#);
    assert!(fed.books.fresh("btcusd", t(1_002), Duration::from_secs(1)).is_some());
    assert!(fed.books.fresh("btcusd", t(1_003), Duration::from_secs(1)).is_none());
    let mut now = t(2);
    while fed.books.live("btcusd").is_some() {
        now = fed.client.deadline().unwrap().at;
        fed.client.handle_timeout(now);
        fed.poll();
    }
    assert!(now <= t(2) + Duration::from_secs(45), "live until {now:?}");
}
