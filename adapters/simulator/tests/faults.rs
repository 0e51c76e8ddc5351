//! Tests that each fault does what its documentation says, and nothing more.

use std::time::Duration;

use crate::common::quoting::Harness;
use crate::common::trading::{FIRST, Floor, SECOND as OTHER};
use crate::common::{CLIENT, ClientBook, Venue, market, request, symbol};
use gemini_ws::{Frame, Message, Scratch, decode};
use gemini_ws_simulator::Output;

const SECOND: Duration = Duration::from_secs(1);

fn connected(seed: u64) -> Venue {
    let mut venue = Venue::new(market(&["btcusd"]).events_per_second(100).stale_percent(0), seed);
    venue.connect("snapshot=-1");
    venue
}

fn follow(book: &mut ClientBook, texts: &[String]) {
    let mut scratch = Scratch::new();
    for text in texts {
        if let Message::Depth(depth) = decode(text, &mut scratch).unwrap() {
            // Ignore the result: the book counts the frames that it does not apply.
            book.apply(&depth);
        }
    }
}

fn subscribed() -> (Venue, ClientBook) {
    let (mut venue, mut book) = (connected(1), ClientBook::default());
    let texts = venue.request("subscribe", &["btcusd@depth@100ms"]);
    follow(&mut book, &texts);
    (venue, book)
}

#[test]
fn a_lost_change_leaves_a_gap() {
    let (mut venue, mut book) = subscribed();
    venue.exchange.faults().drop_depth(symbol("btcusd"), 3);
    let texts = venue.run(SECOND);
    follow(&mut book, &texts[..2]);
    assert_eq!((book.updates, book.gaps), (2, 0));
    follow(&mut book, &texts[2..3]);
    assert_eq!((book.updates, book.gaps), (2, 1));
    // Unsubscribing and subscribing again repairs the book.
    venue.request("unsubscribe", &["btcusd@depth@100ms"]);
    let mut book = ClientBook::default();
    let mut texts = venue.request("subscribe", &["btcusd@depth@100ms"]);
    texts.extend(venue.run(SECOND));
    follow(&mut book, &texts);
    assert_eq!((book.gaps, book.stale), (0, 0));
    assert!(book.updates > 5);
}

#[test]
fn a_repeated_change_is_stale() {
    let (mut venue, mut book) = subscribed();
    venue.exchange.faults().duplicate_depth(symbol("btcusd"), 2);
    let texts = venue.run(SECOND);
    assert_eq!(texts[1], texts[2]);
    follow(&mut book, &texts);
    assert_eq!((book.gaps, book.stale), (0, 1));
}

#[test]
fn a_second_snapshot() {
    let (mut venue, mut book) = subscribed();
    let texts = venue.run(Duration::from_millis(150));
    follow(&mut book, &texts);
    venue.exchange.faults().repeat_snapshot(CLIENT, symbol("btcusd"));
    let mut texts = venue.texts();
    assert_eq!(texts.len(), 1);
    // A client that applies the snapshot can continue from it.
    let mut other = ClientBook::default();
    texts.extend(venue.run(SECOND));
    follow(&mut other, &texts);
    venue.exchange.faults().halt_market(true);
    let texts = venue.run(SECOND);
    follow(&mut other, &texts);
    assert_eq!(other.gaps, 0);
    assert_eq!(Some(other.as_true_book()), venue.exchange.book(symbol("btcusd")));
}

#[test]
fn late_and_missing_replies() {
    let mut venue = connected(1);
    let ping = r#"{"id":1,"method":"ping"}"#;
    venue.exchange.faults().delay_replies(SECOND * 3);
    assert_eq!(venue.send(ping), [""; 0]);
    assert_eq!(venue.run(Duration::from_millis(2_999)), [""; 0]);
    assert_eq!(venue.run(Duration::from_millis(1)).len(), 1);
    venue.exchange.faults().delay_replies(Duration::ZERO);
    venue.exchange.faults().withhold_replies(2);
    let counts: Vec<usize> = (0..3).map(|_| venue.send(ping).len()).collect();
    assert_eq!(counts, [0, 0, 1]);
}

#[test]
fn silence() {
    let (mut venue, mut book) = subscribed();
    venue.exchange.faults().silence(CLIENT);
    assert_eq!(venue.send(r#"{"id":1,"method":"ping"}"#), [""; 0]);
    assert_eq!(venue.run_outputs(SECOND * 60), []);
    assert_eq!(venue.exchange.session_count(), 1);
    venue.exchange.faults().end_silence(CLIENT);
    let texts = venue.run(SECOND);
    follow(&mut book, &texts);
    assert!(book.gaps > 0);
}

/// A session that ends while it is silenced gets no Close frame. When the silence ends, the exchange cuts the
/// connection of the session, unless the connection is already lost.
#[test]
fn a_session_that_ends_in_a_silence() {
    type End = fn(&mut Venue);
    let cut = || vec![Output::Abort { session: CLIENT }];
    let ends: [(&str, End, Vec<Output>); 5] = [
        ("a fault", |venue| venue.exchange.faults().close(CLIENT, 1012, ""), cut()),
        ("a frame that is cut", |venue| venue.exchange.faults().cut_frame(CLIENT), cut()),
        (
            "a Close frame",
            |venue| venue.exchange.handle_frame(CLIENT, venue.now, Frame::Close { code: None, reason: "" }),
            cut(),
        ),
        ("a long text", |venue| drop(venue.send(&" ".repeat((1 << 20) + 1))), cut()),
        ("a loss", |venue| venue.exchange.handle_lost(CLIENT, venue.now), Vec::new()),
    ];
    for (name, end, expected) in ends {
        let mut venue = connected(1);
        venue.exchange.faults().silence(CLIENT);
        end(&mut venue);
        assert_eq!(venue.run_outputs(SECOND), [], "{name}");
        assert_eq!(venue.exchange.session_count(), 0, "{name}");
        venue.exchange.faults().end_silence(CLIENT);
        assert_eq!(venue.run_outputs(SECOND), expected, "{name}");
        // The silence does not affect a later session with the same id.
        venue.connect("");
        assert_eq!(venue.send(r#"{"id":1,"method":"ping"}"#).len(), 1, "{name}");
    }
}

/// A fault that affects the next few frames, and the frames that `OTHER` then gets for an order, as the short texts
/// that [`Floor::place`] returns. Before that, the test silences `FIRST` and places the same order in that session.
/// The frames that the exchange withholds from `FIRST` must not use up the count of the fault.
const COUNTED: [(&str, &[&str]); 5] = [
    ("withhold-replies 1", &["2: NEW", "2: OPEN"]),
    ("drop-order-events 1", &["2: 200", "2: OPEN"]),
    ("drop-order-events 2", &["2: 200"]),
    ("duplicate-order-events 1", &["2: 200", "2: NEW", "2: NEW", "2: OPEN"]),
    ("duplicate-order-events 2", &["2: 200", "2: NEW", "2: NEW", "2: OPEN", "2: OPEN"]),
];

#[test]
fn a_silenced_session_uses_up_no_fault() {
    for (fault, expected) in COUNTED {
        let mut floor = Floor::quiet(|config| config);
        floor.exchange.faults().silence(FIRST);
        assert_eq!(floor.exchange.plan_faults(floor.now, fault), Ok(1));
        let order = "btcusd BUY LIMIT GTC 1 1";
        assert_eq!(floor.place(FIRST, order), [""; 0], "{fault}");
        let mut texts = floor.place(OTHER, order);
        // The reply may come before or after the events, so put it first.
        texts.sort_by_key(|text| !text.ends_with("200"));
        assert_eq!(texts, expected, "{fault}");
    }
}

/// Frames of a silenced session do not use up the count of the fault that loses frames of this session, because the
/// exchange would not send them anyway.
#[test]
fn a_silence_uses_up_no_lost_frames() {
    let mut venue = connected(1);
    let ping = r#"{"id":1,"method":"ping"}"#;
    venue.exchange.faults().silence(CLIENT);
    venue.exchange.faults().lose_frames(CLIENT, 2);
    assert_eq!([venue.send(ping).len(), venue.send(ping).len()], [0, 0]);
    venue.exchange.faults().end_silence(CLIENT);
    let counts: Vec<usize> = (0..3).map(|_| venue.send(ping).len()).collect();
    assert_eq!(counts, [0, 0, 1]);
}

#[test]
fn a_silenced_session_uses_up_no_depth_fault() {
    let mut floor = Floor::quiet(|config| config);
    floor.send(FIRST, &request("subscribe", &["btcusd@depth@100ms"]));
    floor.send(OTHER, &request("subscribe", &["btcusd@depth"]));
    floor.exchange.faults().silence(FIRST);
    floor.exchange.faults().drop_depth(symbol("btcusd"), 1);
    let mut depths = || {
        floor.place(OTHER, "btcusd BUY LIMIT GTC 1 1");
        let texts = floor.run(SECOND * 2);
        texts.iter().filter(|(_, text)| text.contains("depthUpdate")).count()
    };
    assert_eq!([depths(), depths()], [0, 1]);
}

#[test]
fn a_silenced_session_uses_up_no_quote_fault() {
    let mut harness = Harness::new(|config| config, 14);
    harness.until("public OPEN");
    harness.floor.exchange.faults().duplicate_quote_events(1);
    let mut quote = |session, is_silenced| {
        let quote = harness.submit(session, "price=0.01 quantity=1");
        let rfq = harness.rfq_id();
        if is_silenced {
            harness.floor.exchange.faults().silence(session);
        }
        let parameters = format!(r#"{{"rfqId":"{rfq}","quoteId":"{quote}"}}"#);
        let text = format!(r#"{{"id":4,"method":"rfq.withdraw_quote","params":{parameters}}}"#);
        let texts = harness.floor.send(session, &text);
        texts.iter().filter(|(_, text)| text.contains("WITHDRAWN")).count()
    };
    assert_eq!([quote(FIRST, true), quote(OTHER, false)], [0, 2]);
}

#[test]
fn endings() {
    let mut venue = connected(1);
    venue.exchange.faults().close(CLIENT, 1012, "service restart");
    let close = Output::Close { session: CLIENT, code: 1012, reason: "service restart" };
    assert_eq!(venue.run_outputs(SECOND * 60), [close]);
    venue.connect("");
    venue.exchange.faults().abort(CLIENT);
    assert_eq!(venue.run_outputs(SECOND * 60), [Output::Abort { session: CLIENT }]);
    assert_eq!(venue.exchange.session_count(), 0);
}

#[test]
fn arbitrary_frames() {
    let mut venue = connected(1);
    venue.exchange.faults().send_text(CLIENT, "not JSON");
    assert_eq!(venue.texts(), ["not JSON"]);
}

#[test]
fn refused_subscriptions() {
    let mut venue = connected(1);
    venue.exchange.faults().refuse_subscribes(-1003, 2);
    let mut codes = Vec::new();
    for _ in 0..3 {
        let replies = venue.request("subscribe", &["btcusd@trade"]);
        codes.push(replies[0].contains("-1003"));
    }
    assert_eq!(codes, [true, true, false]);
    venue.exchange.faults().refuse_names(["btcusd@bookTicker"]);
    let refused =
        r#"{"id":1,"status":400,"error":{"code":-1013,"msg":"Invalid stream name: BTCUSD@bookTicker"}}"#;
    assert_eq!(venue.request("subscribe", &["btcusd@depth", "BTCUSD@bookTicker"]), [refused]);
    venue.exchange.faults().refuse_names([]);
    assert!(venue.request("subscribe", &["btcusd@bookTicker"]).len() == 2);
}

/// A session that is subscribed to a stream can subscribe to it again, even if a fault refuses the stream's name.
/// After the session has unsubscribed, the exchange refuses the name.
#[test]
fn a_refused_name_that_is_subscribed() {
    let mut floor = Harness::new(|config| config, 13).floor;
    let names = ["requestForQuote", "requestForQuote@account"];
    floor.send(FIRST, &request("subscribe", &names));
    assert!(names.iter().all(|name| floor.exchange.subscriptions(FIRST).any(|on| on == *name)));
    floor.exchange.faults().refuse_names(names);
    for name in names {
        let texts = floor.send(FIRST, &request("subscribe", &[name]));
        assert!(texts[0].1.contains(r#""status":200"#), "{name}: {texts:?}");
    }
    floor.send(FIRST, &request("unsubscribe", &names));
    for name in names {
        let texts = floor.send(FIRST, &request("subscribe", &[name]));
        assert!(texts[0].1.contains("-1013"), "{name}: {texts:?}");
    }
}
