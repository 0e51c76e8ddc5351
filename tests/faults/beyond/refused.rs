//! Requests for streams that the venue refuses after their data has come.

use std::collections::VecDeque;

use gemini_ws::lifecycle::StreamState;
use gemini_ws::{Books, Client, Config, Event, Unserved};

use super::super::fed::{Fed, s, t, update};
use super::super::line::{Line, ack, refuse, snapshot};

/// Each row has the streams of one request, the books whose snapshots come before the reply, and the status and code
/// of the reply.
const REFUSED: [(&[&str], &[&str], u16, i32); 7] = [
    (&["btcusd@depth"], &["btcusd"], 429, -1003),
    (&["btcusd@depth"], &["btcusd"], 500, -1000),
    (&["btcusd@depth@100ms", "ethusd@depth"], &["btcusd"], 429, -1003),
    (&["btcusd@depth", "ethusd@depth", "btcusd@trade"], &["ethusd", "btcusd"], 503, -1000),
    (&["btcusd@depth", "bad@depth"], &["btcusd"], 400, -1013),
    (&["bad@trade", "btcusd@depth@100ms", "ethusd@depth"], &["ethusd"], 400, -1013),
    (&["btcusd@depth", "ethusd@depth", "solusd@depth", "bad@depth"], &["btcusd", "solusd"], 400, -1013),
];

/// Lets the venue reply to all requests that the line has sent. The venue refuses each `subscribe` that contains
/// `bad`, after the snapshots of the other books. Returns the books that were requested.
fn serve(line: &mut Line, now: u64) -> Vec<String> {
    let mut requested = Vec::new();
    while !line.sent.is_empty() {
        requested.extend(serve_first(line, now));
    }
    requested
}

/// Lets the venue reply to the oldest request, as [`serve`] does.
fn serve_first(line: &mut Line, now: u64) -> Vec<String> {
    let mut requested = Vec::new();
    let text = line.sent.pop_front().unwrap();
    if text.contains("\"subscribe\"") {
        for name in text.split('"').filter(|name| name.contains("@depth") && !name.contains("bad")) {
            let symbol = name.split('@').next().unwrap();
            requested.push(symbol.to_owned());
            line.hear(now, &snapshot(symbol, now + 10));
        }
    }
    let is_bad = text.contains("\"subscribe\"") && text.contains("bad");
    line.hear(now, &if is_bad { refuse(&text, 400, -1013) } else { ack(&text) });
    requested
}

/// Requests these streams in one request, and delivers the snapshots of the books in `came`, but no reply. Returns
/// the line, the books and the request.
fn served(streams: &[&str], came: &[&str]) -> (Line, Books, String) {
    let mut line = Line::open(Config::new("ws://v"), streams.iter().map(|it| (*it).to_owned()));
    let mut books = Books::new();
    let request = line.sent.pop_front().unwrap();
    for symbol in came {
        books.apply(&line.hear(1, &snapshot(symbol, 5)).unwrap().as_event());
        assert!(books.live(symbol).is_some(), "{streams:?}, {came:?}");
    }
    (line, books, request)
}

/// Calls [`serve`] every 100 ms, from the time `from` until the end of the first minute. Returns the books that were
/// requested.
fn serve_minute(line: &mut Line, from: u64) -> Vec<String> {
    let mut requested = Vec::new();
    for now in (from..60_000).step_by(100) {
        line.ping(now);
        line.wait(now);
        requested.extend(serve(line, now));
    }
    requested
}

fn subscribed(line: &Line, stream: &str) -> usize {
    let is_it = |event: &&Event<'_>| match event {
        Event::Subscribed { stream: of, .. } => of.to_string() == stream,
        _ => false,
    };
    line.events.iter().filter(is_it).count()
}

/// A refusal says that the venue does not serve the streams of the request. So a book whose snapshot came before the
/// refusal becomes stale, and the client requests it again.
#[test]
fn a_book_that_came_before_the_refusal_is_requested_again() {
    for (streams, came, status, code) in REFUSED {
        let what = format!("{streams:?}, {came:?}, {status}");
        let (mut line, mut books, request) = served(streams, came);
        line.hear(2, &refuse(&request, status, code));
        for event in &line.events {
            books.apply(event);
        }
        for symbol in came {
            assert!(books.live(symbol).is_none(), "{what}: {symbol} is current");
            let is_it =
                |id: &Event<'_>| matches!(id, Event::Gap { symbol: of, .. } if of.as_str() == *symbol);
            assert_eq!(line.events.iter().filter(|event| is_it(event)).count(), 1, "{what}: {symbol}");
            let stream = streams.iter().find(|it| it.starts_with(symbol)).unwrap();
            let reasons: Vec<_> = line.unserved(stream).into_iter().map(|it| (it.0, it.1)).collect();
            let refused = Unserved::Refused { status: Some(status), code: code.into() };
            assert_eq!(reasons, [(refused, 1)], "{what}: {stream}");
            assert_eq!(line.state(stream), Some(StreamState::Resyncing), "{what}: {stream}");
        }
        let is_told = |event: &Event<'_>| matches!(event, Event::Subscribed { .. });
        assert!(!line.events.iter().any(is_told), "{what}: {:?}", line.events);
        let mut requested = serve(&mut line, 3);
        requested.extend(serve_minute(&mut line, 100));
        for stream in streams {
            let is_bad = stream.contains("bad");
            let state = if stream.contains("depth") { StreamState::Synced } else { StreamState::Active };
            assert_eq!(line.state(stream), (!is_bad).then_some(state), "{what}: {stream}");
            assert_eq!(subscribed(&line, stream), usize::from(!is_bad), "{what}: {stream}");
        }
        for symbol in came {
            assert_eq!(requested.iter().filter(|it| it == symbol).count(), 1, "{what}: {symbol}");
        }
        assert_eq!(line.losses, [], "{what}");
    }
}

/// If the refusal comes after the request has timed out, a book whose snapshot came becomes stale and is requested
/// again too. The client has already reported this book as subscribed.
#[test]
fn a_book_that_came_before_a_late_refusal_is_requested_again() {
    for (streams, came, status, code) in REFUSED {
        let what = format!("{streams:?}, {came:?}, {status}");
        let (mut line, mut books, request) = served(streams, came);
        for now in (100..5_500).step_by(100) {
            line.ping(now);
            line.wait(now);
        }
        let events = line.events.len();
        line.hear(5_500, &refuse(&request, status, code));
        for event in &line.events {
            books.apply(event);
        }
        for symbol in came {
            let stream = streams.iter().find(|it| it.starts_with(symbol)).unwrap();
            assert!(books.live(symbol).is_none(), "{what}: {symbol} is current");
            assert_eq!(line.state(stream), Some(StreamState::Resyncing), "{what}: {stream}");
            assert_eq!(subscribed(&line, stream), 1, "{what}: {stream}");
        }
        // About the other streams, the refusal says no more than the missing reply did.
        assert_eq!(line.events.len(), events + 2 * came.len(), "{what}: {:?}", line.events);
        let requested = serve_minute(&mut line, 5_600);
        for stream in streams {
            let is_bad = stream.contains("bad");
            let state = if stream.contains("depth") { StreamState::Synced } else { StreamState::Active };
            assert_eq!(line.state(stream), (!is_bad).then_some(state), "{what}: {stream}");
        }
        for symbol in came {
            assert_eq!(requested.iter().filter(|it| it == symbol).count(), 1, "{what}: {symbol}");
        }
        assert_eq!(line.losses, [], "{what}");
    }
}

const BALANCES: &str = r#"{"e":"balanceUpdate","E":1,"u":1,"B":[{"a":"USD","f":"1","c":"1"}]}"#;
const POSITIONS: &str =
    r#"{"e":"positionReport","E":1,"u":1,"A":8,"P":[{"t":"ec","s":"A","a":[{"t":"position","v":"1"}]}]}"#;
const QUOTE: &str = r#"{"e":"requestForQuote","i":"e1","E":1790743321322,"r":"r1","x":"CLOSED","S":"OPEN","q":"q1","p":"0.5","sz":"10","qs":"ACTIVE"}"#;

fn reports(stream: &str) -> Vec<String> {
    match stream.split('@').next().unwrap() {
        "orders" => vec![update("NEW", ""), update("OPEN", "")],
        "balances" => vec![BALANCES.to_owned()],
        "positions" => vec![POSITIONS.to_owned()],
        "requestForQuote" => vec![QUOTE.to_owned()],
        _ => Vec::new(),
    }
}

fn is_stale(fed: &Fed, stream: &str) -> bool {
    match stream.split('@').next().unwrap() {
        "orders" => fed.order().doubt().is_some(),
        "balances" => fed.balances.is_stale(),
        "positions" => fed.positions.is_stale(),
        _ => fed.quotes.get("q1").unwrap().doubt().is_some(),
    }
}

/// Each row has the streams of one request, and the number of account streams at the beginning whose data comes
/// before the reply.
const ACCOUNT: [(&[&str], usize); 9] = [
    (&["balances@account"], 1),
    (&["balances@account@1s"], 1),
    (&["positions@account@1s"], 1),
    (&["orders@account"], 1),
    (&["requestForQuote@account"], 1),
    (&["orders@account", "balances@account", "bad@depth"], 2),
    (&["requestForQuote@account", "positions@account@1s", "btcusd@depth"], 2),
    (&["balances@account", "orders@session"], 1),
    (&["requestForQuote@session", "bad@trade"], 1),
];

/// After the refusal of a request, the data of its account streams is stale, even if the venue refused it because of
/// another stream. The client unsubscribes before it subscribes again, because otherwise the venue may not send a
/// whole report.
#[test]
fn account_data_that_came_before_the_refusal_is_stale() {
    for (streams, count) in ACCOUNT {
        for (status, code, at) in [(429, -1003, 3), (503, -1000, 3), (400, -1013, 3), (429, -1003, 5_500)] {
            // The venue refuses a single stream for good, so the stream ends.
            let ends = status == 400 && streams.len() == 1;
            let what = format!("{streams:?}, {status} at {at}");
            let mut client = Client::single(Config::new("ws://v").authenticated(true).seed(1));
            for stream in streams {
                client.subscribe(t(0), s(stream)).unwrap();
            }
            let mut fed = Fed::of(client);
            let request = fed.sent.pop().unwrap();
            let came = &streams[..count];
            came.iter().flat_map(|it| reports(it)).for_each(|it| fed.feed(1, &it));
            for now in (100..at).step_by(100) {
                fed.wait(now);
            }
            for stream in came {
                assert!(!is_stale(&fed, stream), "{what}: {stream}");
            }
            fed.sent.clear();
            fed.feed(at, &refuse(&request, status, code));
            for stream in came {
                assert!(is_stale(&fed, stream), "{what}: {stream}");
            }
            let mut left = Vec::new();
            for now in (at + 100..60_000).step_by(100) {
                fed.wait(now);
                while let Some(text) = fed.sent.pop() {
                    let named = |stream: &&&str| text.contains(&format!("\"{stream}\""));
                    let named: Vec<&str> = came.iter().filter(named).copied().collect();
                    if text.contains("\"unsubscribe\"") {
                        left.extend(named);
                        fed.feed(now, &ack(&text));
                    } else if text.contains("bad") {
                        fed.feed(now, &refuse(&text, 400, -1013));
                    } else {
                        fed.feed(now, &ack(&text));
                        named.iter().flat_map(|it| reports(it)).for_each(|it| fed.feed(now, &it));
                    }
                }
            }
            left.sort_unstable();
            let mut all = if ends { Vec::new() } else { came.to_vec() };
            all.sort_unstable();
            assert_eq!(left, all, "{what}: these streams are unsubscribed");
            for stream in came.iter().filter(|it| it.starts_with("balances") || it.starts_with("positions")) {
                assert_eq!(is_stale(&fed, stream), ends, "{what}: {stream} at the end");
            }
        }
    }
}

#[test]
fn streams_that_are_refused_after_their_data_are_requested_less_and_less_often() {
    let rows: [(&[&str], u64); 7] = [
        (&["btcusd@depth"], 0),
        (&["btcusd@depth"], 5_500),
        (&["btcusd@depth", "ethusd@depth@100ms"], 0),
        (&["btcusd@depth", "balances@account", "ethusd@trade"], 0),
        (&["balances@account"], 0),
        (&["orders@account"], 5_500),
        (&["orders@account", "balances@account", "positions@account@1s", "requestForQuote@account"], 0),
    ];
    for (streams, delay) in rows {
        let count = |has_data: bool| {
            let config = Config::new("ws://v").authenticated(true);
            let mut line = Line::open(config, streams.iter().map(|it| (*it).to_owned()));
            let (mut requests, mut replies) = (0, VecDeque::new());
            for now in (0..600_000).step_by(100) {
                while let Some(text) = line.sent.pop_front() {
                    if !text.contains("\"subscribe\"") {
                        line.hear(now, &ack(&text));
                        continue;
                    }
                    requests += 1;
                    for stream in streams.iter().filter(|it| has_data && text.contains(**it)) {
                        let symbol = stream.split('@').next().unwrap();
                        let is_book = stream.contains("depth");
                        let data = if is_book { vec![snapshot(symbol, now + 5)] } else { reports(stream) };
                        data.iter().for_each(|it| drop(line.hear(now, it)));
                    }
                    replies.push_back((now + delay, refuse(&text, 429, -1003)));
                }
                while replies.front().is_some_and(|(at, _)| *at <= now) {
                    line.hear(now, &replies.pop_front().unwrap().1);
                }
                line.ping(now);
                line.wait(now);
            }
            requests
        };
        let (with, without) = (count(true), count(false));
        assert!(with <= without + 2, "{streams:?}, {delay}: {with} requests, {without} without data");
    }
}

/// The snapshots of all good books come before each refusal. The client splits the requests until the venue refuses
/// only the bad names.
#[test]
fn books_that_come_before_each_refusal_are_separated_from_the_bad_names() {
    for (books, bad) in [(2, 1), (5, 1), (8, 2), (25, 3), (60, 7)] {
        let name = |n: usize| if n < bad { format!("bad{n}@depth") } else { format!("good{n}@depth") };
        let names: Vec<String> = (0..books).map(|n| name(n * 7 % books)).collect();
        let mut line = Line::open(Config::new("ws://v"), names.clone());
        for now in (0..120_000).step_by(100) {
            serve(&mut line, now);
            line.ping(now);
            line.wait(now);
        }
        for name in names {
            let right = (!name.contains("bad")).then_some(StreamState::Synced);
            assert_eq!(line.state(&name), right, "{books} books, {bad} of them bad: {name}");
            assert_eq!(
                subscribed(&line, &name),
                usize::from(right.is_some()),
                "{books} books, {bad} of them bad: {name}"
            );
        }
    }
}

/// The snapshot shows that the venue serves the stream, although the reply is missing.
#[test]
fn a_book_whose_request_gets_no_reply_stays_current() {
    let mut line = Line::open(Config::new("ws://v"), ["btcusd@depth".to_owned()]);
    line.sent.clear();
    line.hear(1, &snapshot("btcusd", 5));
    for now in (100..60_000).step_by(100) {
        line.ping(now);
        line.wait(now);
    }
    assert_eq!(line.state("btcusd@depth"), Some(StreamState::Synced));
    assert_eq!(subscribed(&line, "btcusd@depth"), 1);
    assert!(line.sent.iter().all(|text| !text.contains("subscribe")), "{:?}", line.sent);
}

/// A book loses an update, so the client will unsubscribe it. Then the venue refuses the request that named this book
/// and a bad name, and the client splits the request. The halves do not name the book.
#[test]
fn a_book_that_is_being_requested_again_is_in_no_half_of_its_old_request() {
    for at in 0..3 {
        let mut names = vec!["btcusd@depth", "bad@depth"];
        names.insert(at, "ethusd@depth");
        let config = Config::new("ws://v").requests_in_flight_max(1);
        let mut line = Line::open(config, names.iter().map(|it| (*it).to_owned()));
        let request = line.sent.pop_front().unwrap();
        line.hear(1, &snapshot("ethusd", 5));
        line.hear(2, r#"{"e":"depthUpdate","E":1,"s":"ethusd","U":50,"u":50,"b":[],"a":[["104","1"]]}"#);
        assert_eq!(line.state("ethusd@depth"), Some(StreamState::Resyncing));
        line.hear(3, &refuse(&request, 400, -1013));
        for now in (100..20_000).step_by(100) {
            line.ping(now);
            line.wait(now);
            // One request is in flight at a time.
            while let Some(text) = line.sent.front() {
                assert!(names.iter().all(|name| text.matches(*name).count() < 2), "{text}");
                serve_first(&mut line, now);
            }
        }
        for name in ["btcusd@depth", "ethusd@depth"] {
            assert_eq!(line.state(name), Some(StreamState::Synced), "{name}");
        }
    }
}

#[test]
fn a_late_reply_does_not_confirm_a_book_again() {
    for comes_first in [true, false] {
        let mut line = Line::open(Config::new("ws://v"), ["btcusd@depth".to_owned()]);
        let request = line.sent.pop_front().unwrap();
        for now in (100..5_500).step_by(100) {
            if now == if comes_first { 100 } else { 5_400 } {
                line.hear(now, &snapshot("btcusd", 5));
            }
            line.ping(now);
            line.wait(now);
        }
        assert_eq!(subscribed(&line, "btcusd@depth"), 1, "the book comes first: {comes_first}");
        line.hear(5_500, &ack(&request));
        assert_eq!(subscribed(&line, "btcusd@depth"), 1, "the book comes first: {comes_first}");
        assert_eq!(line.state("btcusd@depth"), Some(StreamState::Synced));
    }
}
