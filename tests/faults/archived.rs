//! Faults of the archived APIs, which confirm no requests.

use gemini_ws::lifecycle::StreamState;
use gemini_ws::{
    Book, Books, Config, Endpoint, Event, EventBuf, Lost, Order, OrderState, OrderStatusQuestion, Replay,
    RestQuestion, Scratch, StaleReason, Topic,
};

use super::fed::{Fed, d, s, t};
use super::line::Line;

/// Tests, each with the id of the fault that it shows. `tests/mutants` runs these tests to find planted faults.
#[allow(dead_code, reason = "the tests run by themselves")]
#[rustfmt::skip]
pub(crate) const FAULTS: &[(&str, fn())] = &[
    ("C2", c2_a_change_of_an_old_subscription_of_v2_is_not_a_book),
    ("GR-01", gr_01_behind_a_book_of_v2_that_cannot_be_told_from_others_a_change_is_no_book),
    ("C3", c3_streams_of_v2_that_were_refused_are_not_called_subscribed),
    ("C3", c3_an_error_of_v2_is_never_blamed_on_a_valid_stream),
    ("C3", c3_an_error_of_v2_about_an_unsubscribe_is_not_blamed_on_a_stream),
    ("C4", c4_data_of_v2_frees_the_place_of_its_request),
    ("C5", c5_a_frame_of_a_new_kind_on_v1_is_counted),
    ("EB-01", eb_01_an_owned_part_of_a_frame_without_a_level_is_that_part),
];

// ---- C2 to C5: APIs without confirmations ----------------------------------------------------------

const V2: &str = "ws://v/v2/marketdata";

fn l2(symbol: &str, price: u32, is_first: bool) -> String {
    let rest = if is_first { r#","trades":[],"auction_events":[]"# } else { "" };
    format!(r#"{{"type":"l2_updates","symbol":"{symbol}","changes":[["buy","{price}","1"]]{rest}}}"#)
}

#[test]
pub(crate) fn c2_a_change_of_an_old_subscription_of_v2_is_not_a_book() {
    let mut line = Line::open(Config::new(V2), []);
    let mut books = Books::new();
    let id = line.subscribe(0, "btcusd@depth");
    let hear = |line: &mut Line, books: &mut Books, at, text: &str| {
        for event in line.events.drain(..) {
            books.apply(&event);
        }
        let mut event = line.hear(at, text).unwrap();
        books.apply(&event.as_event());
        for event in line.events.drain(..) {
            books.apply(&event);
        }
        (line.state("btcusd@depth"), books.get("btcusd").and_then(Book::live).is_some())
    };
    let live = (Some(StreamState::Synced), true);
    assert_eq!(hear(&mut line, &mut books, 1, &l2("BTCUSD", 99, true)), live);
    line.client.unsubscribe(t(2), id).unwrap();
    line.subscribe(2, "btcusd@depth");
    // An update that was still under way is no book.
    let waiting = (Some(StreamState::Requested), false);
    assert_eq!(hear(&mut line, &mut books, 3, &l2("BTCUSD", 50, false)), waiting);
    assert_eq!(hear(&mut line, &mut books, 4, &l2("BTCUSD", 98, true)), live);
}

#[test]
pub(crate) fn c2_behind_a_book_of_v2_that_cannot_be_decoded_a_change_is_no_book() {
    let mut line = Line::open(Config::new(V2), ["btcusd@depth".into()]);
    let bad = r#"{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","1e9","1"]],"auction_events":[]}"#;
    line.hear(1, bad);
    line.hear(2, &l2("BTCUSD", 50, false));
    assert_ne!(line.state("btcusd@depth"), Some(StreamState::Synced));
    // The client unsubscribes and requests the stream again.
    line.wait(5_900);
    line.hear(5_950, r#"{"type":"heartbeat","timestamp":5950}"#);
    line.wait(7_000);
    assert_eq!(line.sent.len(), 3, "{:?}", line.sent);
    line.hear(7_001, &l2("BTCUSD", 99, true));
    assert_eq!(line.state("btcusd@depth"), Some(StreamState::Synced));
}

#[test]
pub(crate) fn gr_01_behind_a_book_of_v2_that_cannot_be_told_from_others_a_change_is_no_book() {
    let first = l2("BTCUSD", 99, true);
    // A frame that is cut off: in its kind, in its symbol, in a trade.
    let trades =
        r#"{"type":"l2_updates","symbol":"BTCUSD","changes":[],"trades":[{"type":"trade","symbol":"BTC"#;
    for bad in [&first[..12], &first[..32], &first[..first.len() - 1], trades] {
        let mut line = Line::open(Config::new(V2), ["btcusd@depth".into()]);
        assert!(matches!(line.hear(1, bad).unwrap().as_event(), Event::Malformed(..)), "{bad}");
        line.hear(2, &l2("BTCUSD", 50, false));
        assert_ne!(line.state("btcusd@depth"), Some(StreamState::Synced), "{bad}");
        line.wait(8_000);
        line.hear(8_001, &first);
        assert_eq!(line.state("btcusd@depth"), Some(StreamState::Synced), "{bad}");
    }
}

fn count(line: &Line, what: impl Fn(&Event<'_>) -> bool) -> usize {
    line.events.iter().filter(|event| what(event)).count()
}

#[test]
pub(crate) fn c3_streams_of_v2_that_were_refused_are_not_called_subscribed() {
    let names = ["nosuch@candles_1m", "nosuch@markPrice"].map(String::from);
    let mut line = Line::open(Config::new(V2), names);
    line.hear(2, r#"{"reason":"NoValidTradingPairs","result":"error"}"#);
    for second in 1..10 {
        line.hear(second * 1_000, r#"{"type":"heartbeat","timestamp":1}"#);
        line.wait(second * 1_000);
    }
    assert_eq!(count(&line, |event| matches!(event, Event::Subscribed { .. })), 0);
    assert_eq!(count(&line, |event| matches!(event, Event::Rejected { .. })), 2);
}

/// While several requests have no answer, an error of market data v2 may be about any of them. In the end the client
/// rejects only the invalid stream.
#[test]
pub(crate) fn c3_an_error_of_v2_is_never_blamed_on_a_valid_stream() {
    let names = ["nosuch@depth", "slowusd@depth", "btcusd@depth", "quiet@markPrice"].map(String::from);
    let mut line = Line::open(Config::new(V2).streams_per_request_max(1), names);
    for now in (0..120_000).step_by(100) {
        while let Some(text) = line.sent.pop_front() {
            let is = |name: &str| text.contains("\"subscribe\"") && text.contains(name);
            if is("nosuch") || is("NOSUCH") {
                line.hear(now, r#"{"reason":"NoValidTradingPairs","result":"error"}"#);
            } else if is("btcusd") || is("BTCUSD") {
                line.hear(now, &l2("BTCUSD", 1, true));
            }
        }
        if now == 100_000 {
            line.hear(now, &l2("SLOWUSD", 1, true));
        }
        if now % 5_000 == 0 {
            line.hear(now, r#"{"type":"heartbeat","timestamp":1}"#);
        }
        line.wait(now + 100);
    }
    let refused: Vec<String> = line
        .events
        .iter()
        .filter_map(
            |it| if let Event::Rejected { stream, .. } = it { Some(stream.to_string()) } else { None },
        )
        .collect();
    assert_eq!(refused, ["nosuch@depth"]);
    assert_eq!(line.state("slowusd@depth"), Some(StreamState::Synced));
    // No data of the stream has come, so it is not reported as subscribed.
    let quiet = s("quiet@markPrice");
    assert_eq!(count(&line, |it| matches!(it, Event::Subscribed { stream, .. } if *stream == quiet)), 0);
    assert!(!line.unserved("quiet@markPrice").is_empty());
    assert_eq!(line.losses, []);
}

#[test]
pub(crate) fn c3_a_late_error_of_v2_is_not_blamed_on_the_next_stream() {
    let mut line = Line::open(Config::new(V2), ["nosuch@depth".into()]);
    line.wait(5_500);
    line.subscribe(5_500, "btcusd@depth");
    line.hear(5_600, r#"{"reason":"NoValidTradingPairs","result":"error"}"#);
    assert_eq!(count(&line, |event| matches!(event, Event::Rejected { .. })), 0);
    line.hear(5_700, &l2("BTCUSD", 1, true));
    assert_eq!(line.state("btcusd@depth"), Some(StreamState::Synced));
}

/// The venue sends an error both for `subscribe` and for `unsubscribe` of an invalid stream. The client does not
/// reject a stream for an error that may be about an `unsubscribe`. It rejects an invalid stream when no
/// `unsubscribe` waits for an answer.
#[test]
pub(crate) fn c3_an_error_of_v2_about_an_unsubscribe_is_not_blamed_on_a_stream() {
    for (ended, begun) in [("nosuch@depth", "btcusd@depth"), ("btcusd@depth", "nosuch@depth")] {
        let mut line = Line::open(Config::new(V2).stay_open(true), []);
        let id = line.subscribe(0, ended);
        line.client.unsubscribe(t(0), id).unwrap();
        line.poll(0);
        for now in (1..10).chain((100..120_000).step_by(100)) {
            // The venue answers the first `subscribe` before this call, and the `unsubscribe` after it.
            if now == 2 {
                line.subscribe(now, begun);
            }
            match line.sent.pop_front() {
                Some(text) if text.contains("NOSUCH") => {
                    line.hear(now, r#"{"reason":"NoValidTradingPairs","result":"error"}"#);
                }
                Some(text) if text.contains("\"subscribe\"") => {
                    line.hear(now, &l2("BTCUSD", 1, true));
                }
                _ if now % 5_000 == 0 => {
                    line.hear(now, r#"{"type":"heartbeat","timestamp":1}"#);
                }
                _ => {}
            }
            line.wait(now);
        }
        let is_valid = begun == "btcusd@depth";
        assert_eq!(count(&line, |event| matches!(event, Event::Rejected { .. })), usize::from(!is_valid));
        assert_eq!(line.state(begun), is_valid.then_some(StreamState::Synced));
    }
}

#[test]
pub(crate) fn c4_data_of_v2_frees_the_place_of_its_request() {
    let names = (0..200).map(|n| format!("sym{n}usd@depth"));
    let mut line = Line::open(Config::new(V2).streams_per_request_max(1), names);
    let mut sent = 0;
    for now in (0..1_000).step_by(10) {
        while let Some(text) = line.sent.pop_front() {
            sent += 1;
            let symbol = text.split("symbols\":[\"").nth(1).unwrap().split('"').next().unwrap();
            line.hear(now, &l2(symbol, 1, true));
        }
        line.wait(now + 10);
    }
    assert_eq!(sent, 200, "requests in a second, each with its data at once");
}

#[test]
pub(crate) fn c5_a_frame_of_a_new_kind_on_v1_is_counted() {
    let frames = [
        r#"{"type":"notice","socket_sequence":1,"text":"maintenance at noon"}"#,
        r#"{"reason":"Busy","result":"error","socket_sequence":1}"#,
        r#"{"socket_sequence":1,"nothing":"known"}"#,
    ];
    for frame in frames {
        let mut line = Line::open(Config::new("ws://v/v1/marketdata/btcusd"), []);
        line.hear(1, r#"{"type":"update","eventId":7,"socket_sequence":0,"events":[]}"#);
        line.hear(2, frame);
        line.hear(3, r#"{"type":"update","eventId":8,"timestamp":1,"timestampms":1000,"socket_sequence":2,"events":[]}"#);
        assert_eq!(line.losses, [], "{frame}");
    }
    // Only a frame with a later number shows a gap.
    for (frame, is_lost) in [(r#"{"type":"notice"}"#, false), (r#"{"type":"n","socket_sequence":4}"#, true)] {
        for path in ["marketdata/btcusd", "order/events"] {
            let mut line = Line::open(Config::new(format!("ws://v/v1/{path}")), []);
            line.hear(
                1,
                r#"{"type":"heartbeat","socket_sequence":0,"timestampms":1,"sequence":0,"trace_id":"b"}"#,
            );
            line.hear(2, frame);
            assert_eq!(line.losses == [Lost::SequenceGap], is_lost, "{path}: {frame} {:?}", line.losses);
        }
    }
}

#[test]
pub(crate) fn c12_the_peer_cannot_make_books_of_symbols_that_nobody_asked_for() {
    let mut line = Line::open(Config::new("ws://v/v1/multimarketdata?symbols=BTCUSD,ETHUSD"), []);
    let mut books = Books::new();
    for n in 0..1_000 {
        let symbol = ["btcusd", "ETHUSD", "X"][n % 3];
        let symbol = if symbol == "X" { format!("X{n}") } else { symbol.into() };
        let text = format!(
            r#"{{"type":"update","eventId":{n},"socket_sequence":{n},"events":[{{"type":"change","side":"bid","price":"99","remaining":"2","delta":"2","reason":"initial","symbol":"{symbol}"}}]}}"#
        );
        let mut event = line.hear(n as u64, &text).unwrap();
        books.apply(&event.as_event());
    }
    assert_eq!(line.losses, []);
    assert_eq!(books.iter().count(), 2);
    assert_eq!(line.client.stats().ignored_not_subscribed, 333);
}

// ---- order events v1 and market data v2: what a frame says besides ---------------------------------

/// Creates a client of order events v1 whose link reports only these types of events. An empty list means all types.
fn order_events(kinds: &str) -> Fed {
    let mut fed = Fed::new(Config::new("ws://v/v1/order/events"));
    acknowledge(&mut fed, 1, kinds);
    fed
}

fn acknowledge(fed: &mut Fed, at: u64, kinds: &str) {
    fed.feed(at, &format!(
        r#"{{"type":"subscription_ack","accountId":5,"subscriptionId":"x","symbolFilter":[],"apiSessionFilter":[],"eventTypeFilter":[{kinds}]}}"#
    ));
}

fn event(kind: &str, sequence: u32, members: &str) -> String {
    format!(
        r#"[{{"type":"{kind}","order_id":"77","symbol":"btcusd","side":"buy","timestampms":1000,"socket_sequence":{sequence},{members}}}]"#
    )
}

const LIMIT: &str = r#""order_type":"exchange limit","is_live":true,"is_cancelled":false,"price":"100","original_amount":"1""#;
const EXECUTION: &str = r#""fill":{"trade_id":"1","liquidity":"Taker","price":"100","amount":"0.5"}"#;

#[test]
fn what_remains_shows_what_was_executed() {
    let remains = |kind: &str, rest: &str| event(kind, 0, &format!(r#"{LIMIT},"remaining_amount":"{rest}""#));
    let mut fed = order_events("");
    fed.feed(2, &remains("booked", "1"));
    assert_eq!((fed.order().executed(), fed.order().doubt()), (d("0"), None));
    fed.reconnect(3);
    acknowledge(&mut fed, 20_000, "");
    fed.feed(20_001, &remains("initial", "0.4"));
    assert_eq!((fed.order().executed(), fed.order().remaining()), (d("0.6"), Some(d("0.4"))));
    assert_eq!(fed.order().state, OrderState::PartiallyFilled);
    assert!(fed.order().needs_reconciling(), "no fill of 0.6 was reported");
    // If nothing was executed meanwhile, the list of open orders resolves the doubt.
    let mut fed = order_events("");
    fed.feed(2, &remains("booked", "1"));
    fed.reconnect(3);
    acknowledge(&mut fed, 20_000, "");
    fed.feed(20_001, &remains("initial", "1"));
    assert_eq!(fed.order().doubt(), None);
    // For each kind, the first event of an order shows what was executed, with or without the ordered quantity.
    for kind in ["initial", "booked", "cancelled", "closed"] {
        let mut fed = order_events("");
        fed.feed(2, &remains(kind, "0.4"));
        assert_eq!((fed.order().executed(), fed.order().needs_reconciling()), (d("0.6"), true), "{kind}");
    }
    let mut fed = order_events("");
    fed.feed(2, &event("accepted", 0, LIMIT));
    fed.feed(3, &event("booked", 1, r#""price":"100","remaining_amount":"0.4""#));
    assert_eq!((fed.order().executed(), fed.order().needs_reconciling()), (d("0.6"), true));
}

#[test]
fn a_market_order_to_buy_that_is_not_live_is_not_filled() {
    let market = |kind: &str, sequence, rest: &str| {
        event(
            kind,
            sequence,
            &format!(r#""order_type":"market buy","is_live":false,"total_spend":"200.00"{rest}"#),
        )
    };
    for (ends, state) in
        [(vec!["cancelled", "closed"], OrderState::Canceled), (vec!["closed"], OrderState::Closed)]
    {
        let mut fed = order_events("");
        fed.feed(2, &market("accepted", 0, ""));
        fed.feed(3, &market("fill", 1, &format!(r#","executed_amount":"0.5",{EXECUTION}"#)));
        assert_eq!(fed.order().state, OrderState::PartiallyFilled);
        for (sequence, kind) in (2..).zip(ends) {
            fed.feed(4, &market(kind, sequence, r#","executed_amount":"0.5""#));
        }
        let found: &Order = fed.order();
        assert_eq!((found.state, found.executed(), found.doubt()), (state, d("0.5"), None));
    }
}

#[test]
fn the_last_event_says_how_an_order_ended_if_it_is_the_only_one() {
    let ends = [("true", "0.5", "0.5"), ("true", "0", "1"), ("false", "1", "0"), ("false", "0.5", "0.5")];
    for (is_cancelled, executed, remaining) in ends {
        let amounts = format!(
            r#""is_live":false,"is_cancelled":{is_cancelled},"executed_amount":"{executed}","remaining_amount":"{remaining}","original_amount":"1""#
        );
        let mut fed = order_events(r#""closed""#);
        fed.feed(2, &event("closed", 0, &amounts));
        // The state is that of an answer of REST with these amounts, or `Closed` if such an answer is not used.
        let asked =
            OrderStatusQuestion::by_order_id(77).answer(200, &format!(r#"{{"order_id":"77",{amounts}}}"#));
        let expected = asked.map_or(OrderState::Closed, |found| found.unwrap().state);
        assert_eq!(fed.order().state, expected, "{amounts}");
        assert_eq!(fed.order().needs_reconciling(), executed != "0", "{amounts}");
    }
}

#[test]
fn without_the_events_that_end_orders_an_open_order_is_in_doubt() {
    let amounts = format!(r#"{LIMIT},"executed_amount":"0.5","remaining_amount":"0.5",{EXECUTION}"#);
    for (kinds, doubt) in [
        ("", None),
        (r#""fill","closed""#, None),
        (r#""fill""#, Some(StaleReason::NotSubscribed)),
        (r#""fill","booked""#, Some(StaleReason::NotSubscribed)),
    ] {
        let mut fed = order_events(kinds);
        fed.feed(2, &event("fill", 0, &amounts));
        assert_eq!(fed.order().doubt(), doubt, "{kinds}");
    }
    // Such a link may still report the end of an order: the second fill is the last one.
    let mut fed = order_events(r#""fill""#);
    fed.feed(2, &event("fill", 0, &amounts));
    let rest = amounts.replace(r#""0.5","remaining_amount":"0.5""#, r#""1","remaining_amount":"0""#);
    fed.feed(3, &event("fill", 1, &rest.replace(r#""trade_id":"1""#, r#""trade_id":"2""#)));
    assert_eq!((fed.order().state, fed.order().doubt()), (OrderState::Filled, None));
}

/// An order of a recording is in doubt when a link of order events v1 opens, because it is unknown what happened in
/// between.
#[test]
fn a_filtered_link_ends_a_recording() {
    for kinds in ["", r#""fill""#] {
        let mut fed = Fed::new(Config::new("ws://v/v1/order/events"));
        let (mut scratch, mut replay) = (Scratch::new(), Replay::new(Endpoint::OrderEventsV1));
        let text = event("booked", 0, &format!(r#"{LIMIT},"remaining_amount":"1""#));
        fed.apply(&replay.event(&text, &mut scratch).unwrap().unwrap());
        assert_eq!(fed.order().doubt(), None);
        acknowledge(&mut fed, 1, kinds);
        assert_eq!(fed.order().doubt(), Some(StaleReason::Disconnected), "{kinds}");
    }
}

#[test]
fn a_book_of_v2_that_cannot_be_decoded_leaves_other_books_alone() {
    let mut line = Line::open(Config::new(V2), ["ethusd@depth".into(), "btcusd@depth".into()]);
    let mut books = Books::new();
    let mut hear = |line: &mut Line, at, text: &str| {
        let mut event = line.hear(at, text).unwrap();
        books.apply(&event.as_event());
        line.events.drain(..).for_each(|event| {
            books.apply(&event);
        });
        books.live("ethusd").is_some()
    };
    assert!(hear(&mut line, 1, &l2("ETHUSD", 99, true)));
    let bad = l2("BTCUSD", 9, true).replace(r#""9""#, r#""nine""#);
    assert!(hear(&mut line, 2, &bad), "a level of the book of another symbol");
    assert_eq!(line.state("ethusd@depth"), Some(StreamState::Synced));
    assert_ne!(line.state("btcusd@depth"), Some(StreamState::Synced));
}

#[test]
fn a_trade_of_v2_is_known_by_its_event() {
    let mut line = Line::open(Config::new(V2), ["btcusd@depth".into()]);
    line.hear(1, &l2("BTCUSD", 99, true));
    let trades = [
        (50, "", false),
        (51, r#","tid":7"#, false),
        (52, "", false),
        (51, "", true),
        (52, r#","tid":99"#, true),
    ];
    for (event_id, tid, is_replay) in trades {
        let text = format!(
            r#"{{"type":"trade","symbol":"BTCUSD","event_id":{event_id}{tid},"timestamp":1,"price":"1","quantity":"1","side":"buy"}}"#
        );
        let mut event = line.hear(2, &text).unwrap();
        let Event::Trade(trade, _) = event.as_event() else { panic!("{text}") };
        assert_eq!(trade.is_replay, is_replay, "{text}");
    }
}

#[test]
fn parts_of_a_frame_without_a_symbol_come_back_as_themselves() {
    let entries = [
        r#"{"type":"halt"}"#,
        r#"{"type":"trade","tid":5,"price":"1","amount":"1","makerSide":"bid"}"#,
        r#"{"type":"change","side":"bid","price":"1","remaining":"2","delta":"1","reason":"trade"}"#,
        r#"{"type":"halt","at":7}"#,
        r#"{"type":"auction_open","auction_open_ms":1}"#,
    ];
    for first in 0..entries.len() {
        let mut chosen = entries;
        chosen.rotate_left(first);
        let mut line = Line::open(Config::new("ws://v/v1/marketdata/btcusd"), []);
        let initial = r#"{"type":"update","eventId":4,"socket_sequence":0,"events":[{"type":"change","reason":"initial","price":"1","delta":"1","remaining":"1","side":"bid"}]}"#;
        line.hear(1, initial);
        let text = format!(
            r#"{{"type":"update","eventId":5,"socket_sequence":1,"events":[{}]}}"#,
            chosen[..4].join(",")
        );
        let mut event = line.hear(2, &text).unwrap();
        let event = event.as_event();
        assert!(event.parts().count() > 2, "{event:?}");
        for part in event.parts() {
            assert_eq!(EventBuf::from(&part).as_event(), part, "{text}");
        }
    }
}

/// If the sequence numbers in one frame jump several times, the client reports only the first jump, because this one
/// already makes all data of the link stale.
#[test]
fn a_frame_of_order_events_reports_its_first_gap() {
    for (sequences, gap) in [
        (vec![0, 1, 2], None),
        (vec![0, 2, 3, 7], Some("expected: 1, got: 2")),
        (vec![0, 1, 1, 1], Some("expected: 2, got: 1")),
        (vec![9; 1_000], Some("expected: 0, got: 9")),
    ] {
        let mut fed = order_events("");
        let before = fed.client.stats();
        let events = sequences.iter().map(|sequence| event("booked", *sequence, LIMIT));
        fed.feed(2, &events.collect::<String>().replace("][", ","));
        let of = |kind: &str| fed.log.iter().filter(|line| line.starts_with(kind)).collect::<Vec<_>>();
        let (gaps, ends) = (of("SequenceGap"), of("Disconnected"));
        assert_eq!([gaps.len(), ends.len()], [usize::from(gap.is_some()); 2], "{gaps:?}");
        assert!(gaps.iter().all(|line| gap.is_some_and(|gap| line.contains(gap))), "{gaps:?}");
        assert_eq!(fed.order().doubt().is_some(), gap.is_some());
        let after = fed.client.stats();
        assert_eq!((after.data - before.data, after.gaps - before.gaps), (1, 0));
    }
}

#[test]
fn no_key_is_serialized() {
    let mut scratch = Scratch::new();
    for text in [
        r#"[{"type":"weird","api_session":"account-KEY"}]"#,
        r#"{"type":"weird","api_session":"account-KEY"}"#,
        r#"[{"type":"booked","order_id":true,"api_session":"account-KEY"}]"#,
        r#"[{"type":"booked","api_session":"account-KEY""#,
        r#"[{"type":"booked","order_id":"77","api\u005fsession":"account-KEY","symbol":5}]"#,
        r#"[{"type":"weird","reason":"a\\b\n","\u0061pi_s\u0065ssion":"account-KEY"}]"#,
        r#"[{"type":"subscription_ack","accountId":{},"ap\u0069SessionFilter":["account-KEY"]}]"#,
    ] {
        let mut replay = Replay::new(Endpoint::OrderEventsV1);
        let event = match replay.event(text, &mut scratch) {
            Ok(Some(event)) => event,
            Ok(None) => panic!("{text}"),
            Err(error) => {
                assert!(!error.to_string().contains("KEY"), "{text}");
                continue;
            }
        };
        for part in event.parts() {
            let (shown, json) = (format!("{part:?}"), serde_json::to_string(&part).unwrap());
            assert!(!shown.contains("KEY") && !json.contains("KEY"), "{shown} {json}");
        }
    }
}

/// An amount in an answer of REST may have an exponent, because some JSON encoders write small numbers with one.
#[test]
fn amounts_of_rest_may_have_an_exponent() {
    let body = r#"{"order_id":"77","is_live":true,"is_cancelled":false,"executed_amount":1e-7,"remaining_amount":9.999999e-1,"original_amount":1}"#;
    let found = OrderStatusQuestion::by_order_id(77).answer(200, body).unwrap().unwrap();
    assert_eq!((found.state, found.executed), (OrderState::PartiallyFilled, d("0.0000001")));
}

// ---- EB-01: parts of frames --------------------------------------------------------------------------

/// The first frame of a link contains no level. If the address names one symbol, the first part of the frame's event
/// is the empty book of that symbol. The owned copy of each part equals the part.
#[test]
pub(crate) fn eb_01_an_owned_part_of_a_frame_without_a_level_is_that_part() {
    const TRADE: &str =
        r#"{"type":"trade","symbol":"BTCUSD","tid":9,"price":"100","amount":"1","makerSide":"bid"}"#;
    const AUCTION: &str = r#"{"type":"auction_open","symbol":"BTCUSD","auction_time_ms":1}"#;
    const UNKNOWN: &str = r#"{"type":"of_a_new_kind"}"#;
    for (path, has_book) in [("multimarketdata?symbols=BTCUSD,ETHUSD", false), ("marketdata/btcusd", true)] {
        for entries in
            [TRADE.to_owned(), format!("{AUCTION},{TRADE}"), format!("{UNKNOWN},{TRADE},{UNKNOWN}")]
        {
            let mut line = Line::open(Config::new(format!("ws://v/v1/{path}")), []);
            let text = format!(
                r#"{{"type":"update","eventId":9,"timestampms":1000,"socket_sequence":0,"events":[{entries}]}}"#
            );
            let mut batch = line.hear(1, &text).unwrap();
            let parts: Vec<Event<'_>> = batch.as_event().parts().collect();
            assert_eq!(matches!(parts[0], Event::DepthSnapshot(..)), has_book, "{path} {entries}");
            for part in parts {
                assert_eq!(EventBuf::from(&part).as_event(), part, "{path} {entries}");
            }
        }
    }
}

/// A malformed trade or auction makes no book stale, and the event of the frame has each of its other parts.
/// `Event::Malformed` contains the malformed part, and so does its copy in an `EventBuf`.
#[test]
fn a_malformed_trade_or_auction_costs_no_book() {
    let change = r#"{"type":"change","side":"bid","price":"9","remaining":"1","reason":"initial"}"#;
    let v1 = |trade: &str| {
        format!(r#"{{"type":"update","eventId":9,"socket_sequence":0,"events":[{trade},{change},{trade}]}}"#)
    };
    let with = |member: &str, row: &str| {
        l2("BTCUSD", 9, true).replace(&format!(r#""{member}":["#), &format!(r#""{member}":[{row},{row}"#))
    };
    let auction = r#"{"type":"auction_open","symbol":"BTCUSD","time_ms":1}"#;
    let trade =
        r#"{"type":"trade","symbol":"BTCUSD","event_id":9,"price":"nine","quantity":"1","side":"buy"}"#;
    let trade_v1 = r#"{"type":"trade","tid":1,"price":"nine","amount":"2"}"#;
    for (address, frame, row) in [
        (V2, with("auction_events", auction), auction),
        (V2, with("trades", trade), trade),
        ("ws://v/v1/marketdata/btcusd", v1(trade_v1), trade_v1),
    ] {
        let streams: &[&str] = if address == V2 { &["btcusd@depth"] } else { &[] };
        let mut line = Line::open(Config::new(address), streams.iter().map(|stream| (*stream).into()));
        let (mut books, mut scratch) = (Books::new(), Scratch::new());
        let mut event = line.hear(1, &frame).unwrap();
        let event = event.as_event();
        books.apply(&event);
        let parts: Vec<_> = event.parts().collect();
        for part in &parts {
            assert_eq!(EventBuf::from(part).event_in(&mut scratch), *part, "{frame}");
        }
        let [Event::DepthSnapshot(..), Event::Malformed(first, _), Event::Malformed(last, _)] = &parts[..]
        else {
            panic!("{parts:?}")
        };
        assert_eq!((first, first.frame, first.topic), (last, row, Some(Topic::Trade)));
        assert_eq!(first.symbol.is_some_and(|symbol| symbol.as_str() == "BTCUSD"), address == V2);
        parts.iter().chain(&line.events).for_each(|event| {
            books.apply(event);
        });
        assert!(books.live("btcusd").is_some(), "{frame}");
        assert!(!line.events.iter().any(|event| matches!(event, Event::Gap { .. })), "{frame}");
    }
}
