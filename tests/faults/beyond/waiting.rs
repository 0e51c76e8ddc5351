//! Streams that wait: for the next request about them, or for the end of a stream whose frames look alike.

use std::time::Duration;

use gemini_ws::lifecycle::StreamState;
use gemini_ws::{
    Client, ClientConfig, Config, Event, Frame, GapRule, IgnoredReason, LinkId, Readiness, Request, Scratch,
};

use super::super::line::{Line, ack, refuse, snapshot};
use super::fed::{Fed, s, t};
use super::links::{least_time, least_time_after};

/// Lets the venue reply to all requests that the line has sent. The venue refuses each `subscribe` that contains
/// `bad`, and confirms all others and sends their snapshots.
fn serve(line: &mut Line, now: u64, bad: &str) {
    while let Some(text) = line.sent.pop_front() {
        let is_subscribe = text.contains("\"subscribe\"");
        if is_subscribe && text.contains(bad) {
            line.hear(now, &refuse(&text, 400, -1013));
            continue;
        }
        line.hear(now, &ack(&text));
        let names = text.split('"').filter_map(|name| name.strip_suffix("@depth"));
        let symbols: Vec<String> = names.filter(|_| is_subscribe).map(str::to_owned).collect();
        for symbol in symbols {
            line.hear(now, &snapshot(&symbol, 5));
        }
    }
}

/// The client sends a refused request again in two halves. It no longer waits for the books of the refused request,
/// so these books do not count against the limit on books that are requested at one time.
#[test]
fn the_halves_of_a_refused_request_take_no_room_from_themselves() {
    for (room, books, batch) in
        [(2, 2, 25), (10, 10, 25), (25, 60, 25), (100, 120, 25), (1, 3, 3), (3, 40, 4)]
    {
        let name =
            |n: usize| if n.is_multiple_of(25) { format!("bad{n}@depth") } else { format!("good{n}@depth") };
        let config = Config::new("ws://v").snapshots_max(room).streams_per_request_max(batch);
        let mut line = Line::open(config, (0..books).map(name));
        for now in (0..60_000).step_by(100) {
            serve(&mut line, now, "bad");
            line.ping(now);
            line.wait(now + 100);
        }
        let what = format!("{books} books, {room} at one time, {batch} in a request");
        let bad = books.div_ceil(25);
        let states: Vec<StreamState> = line.client.streams().map(|(.., state)| state).collect();
        assert_eq!(states, vec![StreamState::Synced; books - bad], "{what}");
        assert_eq!(line.client.readiness(), Readiness::Ready, "{what}");
        assert_eq!(line.losses, [], "{what}");
    }
}

/// The client splits a refused request into two halves, which wait for room in a limit. Then the snapshot of a book
/// in one half comes. It confirms the book, and the client removes the book from that half.
#[test]
fn a_snapshot_after_a_split_confirms_its_book() {
    // The limit is used up, so the halves wait.
    let config = Config::new("ws://v").request_limit(1, Duration::from_secs(60));
    let mut line = Line::open(config, ["good@depth".to_owned(), "bad@depth".to_owned()]);
    let request = line.sent.pop_front().unwrap();
    line.hear(0, &refuse(&request, 400, -1013));
    assert_eq!(line.sent.len(), 0);
    assert_eq!(line.state("good@depth"), Some(StreamState::Requested));
    line.hear(0, &snapshot("good", 7));
    assert_eq!(line.state("good@depth"), Some(StreamState::Synced));
    let is_told = |event: &Event<'_>| matches!(event, Event::Subscribed { .. });
    assert!(line.events.iter().any(is_told), "it is not reported as subscribed");
}

/// Pairs of streams, each with a frame that may belong to either stream of the pair. In some pairs both are the same
/// stream.
const ALIKE: [(&str, &str, &str); 14] = [
    ("btcusd@depth5", "btcusd@depth20", include_str!("../../corpus/partial_depth.json")),
    (
        "solgusdperp@depth5",
        "solgusdperp@depth20",
        include_str!("../../corpus/partial_depth.with_symbol.json"),
    ),
    ("ethgusdperp@depth", "ethgusdperp@depth@100ms", include_str!("../../corpus/depth_update.snapshot.json")),
    ("btcusd@trade", "btcusd@trade", include_str!("../../corpus/trade.json")),
    ("btcusd@bookTicker", "btcusd@bookTicker", include_str!("../../corpus/book_ticker.json")),
    ("btcgusdperp@markPrice", "btcgusdperp@markPrice", include_str!("../../corpus/mark_price.json")),
    (
        "btcgusdperp@fundingAmount",
        "btcgusdperp@fundingAmount",
        include_str!("../../corpus/funding_amount.json"),
    ),
    ("contractStatus", "contractStatus", include_str!("../../corpus/contract_status.json")),
    ("requestForQuote", "requestForQuote", include_str!("../../corpus/request_for_quote.json")),
    ("orders@account", "orders@session", include_str!("../../corpus/order_update.open.json")),
    ("balances@account", "balances@account@1s", include_str!("../../corpus/balance_update.json")),
    ("positions@account", "positions@account@1s", include_str!("../../corpus/position_report.json")),
    (
        "requestForQuote@account",
        "requestForQuote@session",
        include_str!("../../corpus/request_for_quote.private.json"),
    ),
    ("settlements@account", "settlements@account", include_str!("../../corpus/settlements.json")),
];

/// Unsubscribes a stream and subscribes to another one whose frames look alike. Until the venue has confirmed the
/// `unsubscribe`, the client ignores these frames. If both are the same stream, the frames are events of the new
/// subscription at once.
#[test]
fn a_stream_that_waits_for_another_takes_none_of_its_frames() {
    for (left, next, frame) in ALIKE {
        let mut line = Line::open(Config::new("ws://v").authenticated(true), []);
        let id = line.subscribe(0, left);
        let request = line.sent.pop_front().unwrap();
        line.hear(1, &ack(&request));
        let event = line.hear(2, frame).map(|mut event| format!("{:?}", event.as_event()));
        assert!(event.as_ref().is_some_and(|event| !event.starts_with("Ignored")), "{left}: {event:?}");
        line.client.unsubscribe(t(3), id).unwrap();
        line.poll(3);
        let id = line.subscribe(4, next);
        assert_eq!(line.client.streams().last().map(|it| it.2), Some(StreamState::Wanted), "{next}");
        let mut event = line.hear(5, frame).unwrap();
        let reason = match event.as_event() {
            Event::Ignored(ignored, _) => Some(ignored.reason),
            // The venue still sends the stream, and it is subscribed again.
            event if left == next => {
                assert_eq!(event.source().and_then(|source| source.stream()), Some(id), "{next}: {event:?}");
                continue;
            }
            _ => None,
        };
        let right = if next.ends_with("@100ms") {
            IgnoredReason::BeforeSnapshot
        } else {
            IgnoredReason::NotSubscribed
        };
        assert_eq!(reason, Some(right), "{next} takes {frame}");
        let request = line.sent.pop_front().unwrap();
        line.hear(6, &ack(&request));
        let request = line.sent.pop_front().unwrap();
        line.hear(7, &ack(&request));
        let mut event = line.hear(8, frame).unwrap();
        let event = event.as_event();
        let of = event.source().and_then(|source| source.stream());
        assert!(!matches!(event, Event::Ignored(..)) && of == Some(id), "{next}: {event:?}");
    }
}

/// The application unsubscribes one stream and subscribes to another one whose frames look alike, and the
/// `unsubscribe` fails for now. Until the venue has accepted the next `unsubscribe`, the client does not request the
/// other stream, and ignores the frames.
#[test]
fn a_stream_takes_no_frames_of_another_whose_unsubscribe_failed_for_now() {
    for (first, other, frame) in ALIKE.into_iter().filter(|(first, other, _)| first != other) {
        for (status, is_early) in
            [Some(429), Some(500), None].into_iter().flat_map(|it| [(it, false), (it, true)])
        {
            let what = format!("{first}, {status:?}, {other} is subscribed before the failure: {is_early}");
            let mut line = Line::open(Config::new("ws://v").authenticated(true), []);
            let id = line.subscribe(0, first);
            let request = line.sent.pop_front().unwrap();
            line.hear(1, &ack(&request));
            line.client.unsubscribe(t(2), id).unwrap();
            line.poll(2);
            let early = is_early.then(|| line.subscribe(3, other));
            let request = line.sent.pop_front().unwrap();
            match status {
                Some(status) => drop(line.hear(4, &refuse(&request, status, -1003))),
                None => line.wait(5_100),
            }
            let id = early.unwrap_or_else(|| line.subscribe(5_200, other));
            for now in [5_300, 6_500] {
                let waiting = line.client.streams().find(|it| it.0 == id).map(|it| it.2);
                assert_eq!(waiting, Some(StreamState::Wanted), "{what}");
                let mut event = line.hear(now, frame).unwrap();
                assert!(matches!(event.as_event(), Event::Ignored(..)), "{what}: {:?}", event.as_event());
                line.wait(now + 1_000);
            }
            let mut requests = Vec::new();
            while let Some(request) = line.sent.pop_front() {
                requests
                    .push((request.contains("\"unsubscribe\""), request.contains(&format!("\"{other}\""))));
                line.hear(8_000, &ack(&request));
            }
            assert_eq!(requests, [(true, false), (false, true)], "{what}");
            let mut event = line.hear(8_001, frame).unwrap();
            let event = event.as_event();
            let of = event.source().and_then(|source| source.stream());
            assert!(!matches!(event, Event::Ignored(..)) && of == Some(id), "{what}: {event:?}");
        }
    }
}

/// The venue refuses for now to unsubscribe one stream, so another stream whose frames look alike waits. Then the
/// application unsubscribes the other stream and subscribes to the first one again. The venue still sends the first
/// stream, so its frames are events of the new subscription, except the updates of a book.
#[test]
fn a_stream_whose_unsubscribe_failed_may_be_subscribed_again_in_place_of_another() {
    for (first, other, frame) in ALIKE.into_iter().filter(|(first, other, _)| first != other) {
        let mut line = Line::open(Config::new("ws://v").authenticated(true), []);
        for (now, stream) in [(0, first), (10, other)] {
            let id = line.subscribe(now, stream);
            if stream == first {
                let request = line.sent.pop_front().unwrap();
                line.hear(now + 1, &ack(&request));
            }
            line.client.unsubscribe(t(now + 2), id).unwrap();
            line.poll(now + 2);
            if stream == first {
                let request = line.sent.pop_front().unwrap();
                line.hear(now + 3, &refuse(&request, 429, -1003));
            }
        }
        let id = line.subscribe(20, first);
        let requests: Vec<String> = line.sent.drain(..).collect();
        assert!(requests.len() == 1 && requests[0].contains(first), "{requests:?}");
        line.hear(21, &ack(&requests[0]));
        let mut event = line.hear(22, frame).unwrap();
        let event = event.as_event();
        // The end of the earlier subscription to a book was refused, so the first frame may be a change.
        let is_old_book =
            matches!(event, Event::Ignored(ref it, _) if it.reason == IgnoredReason::BeforeSnapshot);
        let of = event.source().and_then(|source| source.stream());
        assert!(of == Some(id) || (first.ends_with("@depth") && is_old_book), "{first}: {event:?}");
        line.wait(10_000);
        assert!(!line.sent.iter().any(|text| text.contains("\"unsubscribe\"") && !first.contains("@depth")));
    }
}

/// The application unsubscribes many streams, and subscribes to some of them again before the venue replies, or after
/// the venue has refused for now. For each `subscribe`, the client does not visit all streams that are being
/// unsubscribed.
#[test]
fn subscribing_again_does_not_visit_all_streams_that_are_being_unsubscribed() {
    const MANY: usize = 40_000;
    let name = |n: usize| format!("s{n}usd@trade");
    for is_refused in [false, true] {
        let being_left = |count: usize| {
            let limit = (1_000_000, Duration::from_secs(1));
            let config = Config::new("ws://v").streams_max(2 * MANY).streams_per_request_max(MANY);
            let config = config.request_limit(limit.0, limit.1);
            let all = (0..count).map(name);
            let mut line = Line::with_client(ClientConfig::new().streams_max(2 * MANY), config, all);
            line.poll(0);
            while let Some(text) = line.sent.pop_front() {
                line.hear(1, &ack(&text));
            }
            let ids: Vec<_> = line.client.streams().map(|it| it.0).collect();
            for id in ids {
                line.client.unsubscribe(t(2), id).unwrap();
                line.poll(2);
            }
            while is_refused && let Some(text) = line.sent.pop_front() {
                line.hear(3, &refuse(&text, 429, -1003));
            }
            assert_eq!(line.client.streams().filter(|it| it.2 == StreamState::Leaving).count(), count);
            line.client
        };
        let again = |client: &mut Client, n: usize| {
            client.subscribe(t(4), s(&name(n))).unwrap();
        };
        let [few, many] = [100, MANY].map(|count| {
            least_time_after(&being_left(count), |it| again(it, 99), |it| (0..99).for_each(|n| again(it, n)))
        });
        // A visit of all streams would take 400 times as long.
        assert!(many < few * 60, "refused: {is_refused}; 100 streams: {few:?}, {MANY}: {many:?}");
    }
}

/// A partial depth without a symbol may belong to any stream of partial depths.
#[test]
fn a_partial_depth_without_a_symbol_does_not_visit_all_partial_depths() {
    for is_left in [false, true] {
        let followed = |count: usize| {
            let config = Config::new("ws://v").streams_max(8_192).streams_per_request_max(8_192);
            let names = (0..count).map(|n| format!("s{n}usd@depth5"));
            let mut line = Line::with_client(ClientConfig::new().streams_max(8_192), config, names);
            line.poll(0);
            while let Some(text) = line.sent.pop_front() {
                line.hear(1, &ack(&text));
            }
            let ids: Vec<_> = line.client.streams().map(|it| it.0).collect();
            for id in ids.into_iter().skip(1).filter(|_| is_left) {
                line.client.unsubscribe(t(2), id).unwrap();
                line.poll(2);
            }
            (line.client, line.link)
        };
        let hear = |(client, link): &mut (Client, LinkId)| {
            for _ in 0..100 {
                let frame = Frame::Text(include_str!("../../corpus/partial_depth.json"));
                assert!(client.handle_frame(*link, t(3), frame, &mut Scratch::new()).is_some());
            }
        };
        let [few, many] = [64, 4_096].map(|count| least_time(&followed(count), hear));
        assert!(many < few * 8, "left: {is_left}; 64 streams: {few:?}, 4,096: {many:?}");
    }
}

/// The snapshot of a book is malformed. The venue ignores a second `subscribe`, so the client unsubscribes before it
/// requests the book again. Until the new snapshot comes, the client ignores all changes of the book.
#[test]
fn a_book_whose_snapshot_was_lost_is_left_before_it_is_requested_again() {
    let lost = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":9,"u":9,"b":[["99","x"]],"a":[["101","1"]]}"#;
    let change = |n: u64| {
        format!(r#"{{"e":"depthUpdate","E":1,"s":"btcusd","U":{n},"u":{n},"b":[],"a":[["104","{n}"]]}}"#)
    };
    for (rule, acknowledges) in
        [GapRule::Lax, GapRule::Strict].into_iter().flat_map(|it| [(it, false), (it, true)])
    {
        let what = format!("{rule:?}, the venue replies to subscribe: {acknowledges}");
        let mut line = Line::open(Config::new("ws://v").gap_rule(rule), ["btcusd@depth".to_owned()]);
        let (mut is_subscribed, mut is_first, mut requests) = (false, true, Vec::new());
        for now in (0..120_000).step_by(500) {
            while let Some(text) = line.sent.pop_front() {
                let is_subscribe = text.contains("\"subscribe\"");
                let is_probe = !is_subscribe && !text.contains("unsubscribe");
                if !is_probe {
                    requests.push(is_subscribe);
                }
                if is_probe || !is_subscribe || acknowledges {
                    line.hear(now, &ack(&text));
                }
                if is_subscribe && !std::mem::replace(&mut is_subscribed, true) {
                    let whole = snapshot("btcusd", 1_000 + now);
                    line.hear(now, if std::mem::take(&mut is_first) { lost } else { &whole });
                }
                is_subscribed &= is_subscribe || is_probe;
            }
            if is_subscribed && requests.len() < 3 {
                let mut event = line.hear(now, &change(10 + now)).unwrap();
                let event = event.as_event();
                assert!(matches!(event, Event::Ignored(..)), "{what}: at {now} {event:?}");
            }
            line.ping(now);
            line.wait(now + 500);
        }
        assert_eq!(requests, [true, false, true], "{what}");
        assert_eq!(line.state("btcusd@depth"), Some(StreamState::Synced), "{what}");
        assert_eq!(line.losses, [], "{what}");
    }
}

/// Market data v2 sends no replies. If its first frame of a book is malformed, the client unsubscribes before it
/// requests the book again.
#[test]
fn a_book_of_v2_whose_first_frame_was_lost_is_left_before_it_is_requested_again() {
    let mut line = Line::open(Config::new("ws://v/v2/marketdata"), ["btcusd@depth".to_owned()]);
    let first = |size: &str| {
        format!(
            r#"{{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","1","{size}"]],"auction_events":[]}}"#
        )
    };
    let (mut is_subscribed, mut requests) = (false, Vec::new());
    for now in (0..60_000).step_by(500) {
        while let Some(text) = line.sent.pop_front() {
            let is_subscribe = !text.contains("unsubscribe");
            if is_subscribe && !is_subscribed {
                line.hear(now, &first(if requests.is_empty() { "x" } else { "1" }));
            }
            is_subscribed = is_subscribe;
            requests.push(is_subscribe);
        }
        line.hear(
            now,
            &format!(r#"{{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","1","{}"]]}}"#, now + 1),
        );
        line.hear(now, r#"{"type":"heartbeat","timestamp":1}"#);
        line.wait(now + 500);
    }
    assert_eq!(requests, [true, false, true]);
    assert_eq!(line.state("btcusd@depth"), Some(StreamState::Synced));
}

/// A request counts as a heartbeat only if the client knows that it needs an authenticated link. A probe, a `ping`, a
/// raw request, and any other request that every link may send do not count. Rows: the request that is made every 10
/// s, and the number of heartbeats that are due in 120 s.
#[test]
fn a_heartbeat_is_due_unless_a_request_is_about_the_account() {
    let streams = |name: &str| Request::Subscribe(vec![name.parse().unwrap()]);
    for (request, expected) in [
        (None, 7),
        (Some(Request::Ping), 7),
        (Some(Request::Time), 7),
        (Some(Request::ConnectionInfo), 7),
        (Some(Request::ListSubscriptions), 7),
        (Some(Request::raw("order.cancel_all", None)), 7),
        (Some(Request::Depth { symbol: "btcusd".parse().unwrap(), limit: None }), 7),
        (Some(streams("btcusd@trade")), 7),
        (Some(Request::CancelAllOrders), 0),
    ] {
        let config = Config::new("ws://v").authenticated(true).heartbeat_every(Duration::from_secs(15));
        let mut fed = Fed::new(config);
        fed.subscribe(1, "orders@account");
        for ms in (1_000..120_000).step_by(500) {
            while let Some(deadline) = fed.client.deadline().filter(|deadline| deadline.at <= t(ms)) {
                fed.client.handle_timeout(deadline.at);
                fed.poll();
            }
            if let Some(request) = request.as_ref().filter(|_| ms % 10_000 == 0) {
                fed.client.request(t(ms), request).unwrap();
            }
            fed.acknowledge(ms);
        }
        let due = fed.log.iter().filter(|event| event.starts_with("HeartbeatDue")).count();
        assert_eq!(due, expected, "{request:?}");
    }
}

/// A late reply confirms books whose repeated requests still wait for the snapshots of other books, and one of the
/// confirmed books is requested again. The client requests this book once, and the other confirmed books not at all.
#[test]
fn a_repeated_request_that_waits_is_sent_once() {
    let books = ["a", "b", "c", "d", "e"].map(|symbol| format!("{symbol}usd@depth"));
    let others = ["f", "g", "h", "i", "j"].map(|symbol| format!("{symbol}usd@depth"));
    for count in 1..=5 {
        let mut line = Line::with(Config::new("ws://v").snapshots_max(5), books[..count].to_vec());
        line.poll(0);
        let first = line.sent.pop_front().unwrap();
        line.wait(5_000);
        for other in &others {
            line.subscribe(5_000, other);
        }
        let second = ack(&line.sent.pop_front().unwrap());
        line.hear(5_100, &second);
        line.wait(6_100);
        line.hear(6_200, &ack(&first));
        let again = &books[count - 1];
        line.hear(6_300, &snapshot(&again[..4], 5));
        let gap = snapshot(&again[..4], 9).replace("\"U\":9", "\"U\":8");
        line.hear(6_400, &gap);
        let leave = line.sent.iter().find(|text| text.contains("unsubscribe")).unwrap();
        let (leave, sent) = (ack(leave), line.sent.len());
        line.hear(6_500, &leave);
        for (at, book) in (6_600..).zip(others.iter().chain(&books)) {
            line.hear(at, &snapshot(&book[..4], 5));
        }
        line.wait(6_700);
        let asked: Vec<&String> = line.sent.iter().skip(sent).collect();
        let named: usize = asked.iter().map(|text| text.matches(again.as_str()).count()).sum();
        assert_eq!(named, 1, "{count}: {asked:?}");
    }
}
