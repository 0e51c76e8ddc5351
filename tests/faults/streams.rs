//! Faults of streams, slots and probes. Trouble with one stream affects no other, an urgent request never waits for
//! one that is not urgent, and silence proves nothing.

use std::collections::VecDeque;
use std::time::Duration;

use gemini_ws::lifecycle::{State, StreamState};
use gemini_ws::{Book, Books, CommandError, Config, Event, Lost, Readiness, Request, RequestId, Unserved};

use super::fed::{s, t};
use super::line::{Line, ack, number, refuse, snapshot};

/// Tests, each with the id of the fault that it shows. `tests/mutants` runs these tests to find planted faults.
#[allow(dead_code, reason = "the tests run by themselves")]
#[rustfmt::skip]
pub(crate) const FAULTS: &[(&str, fn())] = &[
    ("A6", a6_a_stream_that_is_refused_for_now_does_not_end_the_link),
    ("A6", a6_one_book_without_a_snapshot_does_not_end_the_link),
    ("A6", a6_snapshots_that_keep_coming_are_awaited),
    ("A6", a6_a_batch_that_fails_is_split),
    ("BR-01", br_01_a_book_that_cannot_be_decoded_costs_only_itself),
    ("UN-01", un_01_an_end_that_is_refused_for_now_is_asked_for_again),
    ("UN-01", un_01_a_partial_depth_may_be_of_one_that_was_not_let_go),
    ("UN-01", un_01_answers_that_are_always_late_are_waited_for),
    ("A9", a9_a_cancel_is_taken_while_subscriptions_wait),
    ("A9", a9_cancels_have_places_and_room_that_nothing_else_takes),
    ("B11", b11_a_dead_link_ends_however_often_it_is_woken),
    ("C14", c14_a_probe_has_time_for_its_answer),
    ("C18", c18_minus_1003_without_a_status_is_not_final),
];

// ---- UN-01: the venue refuses to unsubscribe -----------------------------------------------------

#[test]
pub(crate) fn un_01_an_end_that_is_refused_for_now_is_asked_for_again() {
    for streams in [&["btcusd@trade"][..], &["ethusd@trade", "btcusd@trade"]] {
        let mut line = Line::open(Config::new("ws://v"), streams.iter().map(|it| (*it).to_owned()));
        let request = line.sent.pop_front().unwrap();
        line.hear(1, &ack(&request));
        let ids: Vec<_> = line.client.streams().map(|(id, ..)| id).collect();
        ids.iter().for_each(|id| line.client.unsubscribe(t(2), *id).unwrap());
        line.poll(2);
        let mut asked = Vec::new();
        for now in (3..20_000).step_by(100) {
            while let Some(request) = line.sent.pop_front_if(|_| asked.len() < 3 + ids.len()) {
                assert!(request.contains("unsubscribe"), "{request}");
                asked.push(now);
                line.hear(now, &refuse(&request, 429, -1003));
            }
            line.ping(now);
            line.wait(now + 100);
        }
        let is_told = |event: &&Event<'_>| matches!(event, Event::Unsubscribed { .. });
        assert_eq!(line.events.iter().filter(is_told).count(), ids.len(), "nothing of it is delivered");
        // First one request for each stream, then one for all of them after 1, 2 and 4 seconds.
        let is_slow = asked.last().is_some_and(|at| at - asked[0] > 6_500);
        assert!(asked.len() == 3 + ids.len() && is_slow, "{streams:?}: {asked:?}");
        assert!(line.unserved("btcusd@trade").is_empty(), "nobody waits for it");
        // A new subscription need not wait for that, because the venue still sends the stream.
        line.sent.clear();
        line.subscribe(20_003, "btcusd@trade");
        let request = line.sent.pop_front().unwrap();
        assert!(request.contains("\"subscribe\""), "{request}");
        line.hear(20_004, &ack(&request));
        assert_eq!(line.state("btcusd@trade"), Some(StreamState::Active));
        assert_eq!(line.losses, []);
    }
}

/// Partial depths name no symbol. Until the venue has accepted the `unsubscribe` of one of two such streams, a frame
/// may belong to either stream, so its event names none.
#[test]
pub(crate) fn un_01_a_partial_depth_may_be_of_one_that_was_not_let_go() {
    let partial = r#"{"lastUpdateId":5,"bids":[["1","1"]],"asks":[["2","1"]]}"#;
    let mut line = Line::open(Config::new("ws://v"), []);
    let left = line.subscribe(0, "btcusd@depth5");
    let kept = line.subscribe(0, "ethusd@depth5");
    for text in std::mem::take(&mut line.sent) {
        line.hear(1, &ack(&text));
    }
    let of = |line: &mut Line, at| {
        let mut event = line.hear(at, partial).unwrap();
        event.as_event().source().and_then(|source| source.stream())
    };
    assert_eq!(of(&mut line, 2), None);
    line.client.unsubscribe(t(3), left).unwrap();
    line.poll(3);
    assert_eq!(of(&mut line, 4), None, "one under way");
    let request = line.sent.pop_front().unwrap();
    line.hear(5, &refuse(&request, 429, -1003));
    assert_eq!(of(&mut line, 6), None, "the venue goes on sending it");
    line.wait(2_000);
    let request = line.sent.pop_front().unwrap();
    line.hear(2_001, &ack(&request));
    assert_eq!(of(&mut line, 2_002), Some(kept));
}

/// Each reply comes after twice the time limit of a request, and still counts: the client subscribes to the books
/// again.
#[test]
pub(crate) fn un_01_answers_that_are_always_late_are_waited_for() {
    let config = Config::new("ws://v").request_timeout(Duration::from_millis(600));
    let config = config.resubscribe_delay(Duration::from_millis(150)).probe_after(Duration::from_secs(40));
    let mut line = Line::open(config, ["btcusd".into(), "ethusd".into()].map(|it: String| it + "@depth"));
    let (mut under_way, mut last) = (VecDeque::new(), [0; 2]);
    for now in (0..120_000).step_by(10) {
        while let Some(text) = line.sent.pop_front() {
            under_way.push_back((now + 1_255, text));
        }
        while let Some((_, text)) = under_way.pop_front_if(|it| it.0 <= now) {
            line.hear(now, &ack(&text));
            for (symbol, last) in ["btcusd", "ethusd"].into_iter().zip(&mut last) {
                if text.contains("\"subscribe\"") && text.contains(symbol) {
                    *last = now;
                    line.hear(now, &snapshot(symbol, now));
                }
            }
        }
        if now == 20_000 {
            for symbol in ["btcusd", "ethusd"] {
                let gap = format!(
                    r#"{{"e":"depthUpdate","E":1,"s":"{symbol}","U":90000,"u":90001,"b":[],"a":[]}}"#
                );
                line.hear(now, &gap);
            }
        }
        line.ping(now);
        line.wait(now + 10);
    }
    assert!(last.iter().all(|at| (20_000..60_000).contains(at)), "{last:?}");
    assert_eq!(line.state("btcusd@depth"), Some(StreamState::Synced));
    assert_eq!(line.state("ethusd@depth"), Some(StreamState::Synced));
    assert_eq!(line.losses, []);
}

// ---- A6, BR-01: trouble with one stream --------------------------------------------------------

#[test]
pub(crate) fn a6_a_stream_that_is_refused_for_now_does_not_end_the_link() {
    for (status, code) in [(429, -1003), (500, -1000), (503, -1000), (400, -1003)] {
        let config = Config::new("ws://v").authenticated(true).cancel_on_disconnect(true);
        let mut line = Line::open(config, ["orders@session".into()]);
        let mut asked = Vec::new();
        line.subscribe(1_000, "btcusd@trade");
        for now in (1_000..600_000).step_by(100) {
            while let Some(text) = line.sent.pop_front() {
                if text.contains("btcusd@trade") {
                    asked.push(now);
                    line.hear(now, &refuse(&text, status, code));
                } else {
                    line.hear(now, &ack(&text));
                }
            }
            line.ping(now);
            line.wait(now + 100);
        }
        assert_eq!(line.losses, [], "status {status}");
        // After 1, 2, 4 … seconds, and then once a minute.
        assert!(asked.len() > 10 && asked.len() < 20, "{asked:?}");
        let told = line.unserved("btcusd@trade");
        assert_eq!(told.len(), asked.len());
        assert!(
            matches!(told[0], (Unserved::Refused { .. }, 1, at) if at == t(asked[0] + 1_000)),
            "{told:?}"
        );
        assert_eq!(line.client.links().next().unwrap().2, State::Live, "the rest is as it should be");
        assert_eq!(line.client.readiness(), Readiness::Partly);
    }
}

#[test]
pub(crate) fn a6_one_book_without_a_snapshot_does_not_end_the_link() {
    let names = (0..100).map(|n| format!("sym{n}usd@trade")).chain(["emptyusd@depth".into()]);
    let mut line = Line::open(Config::new("ws://v"), names);
    let mut asked = 0;
    for now in (0..600_000).step_by(100) {
        while let Some(text) = line.sent.pop_front() {
            asked += usize::from(text.contains("\"subscribe\"") && text.contains("emptyusd"));
            line.hear(now, &ack(&text));
        }
        let trade = format!(r#"{{"E":{now},"s":"sym7usd","t":{now},"p":"1.5","q":"2","m":true}}"#);
        line.hear(now, &trade);
        line.wait(now + 100);
    }
    assert_eq!(line.losses, []);
    assert!(asked > 5 && asked < 20, "asked for {asked} times");
    let told = line.unserved("emptyusd@depth");
    assert!(told.iter().all(|(reason, ..)| *reason == Unserved::NoSnapshot), "{told:?}");
    assert_eq!(told[0].2, t(6_000), "after the time for the snapshot and a delay");
    assert_eq!(line.client.readiness(), Readiness::Partly);
    // The venue serves it at last.
    for now in (600_000..700_000).step_by(100) {
        while let Some(text) = line.sent.pop_front() {
            line.hear(now, &ack(&text));
            if text.contains("\"subscribe\"") {
                line.hear(now, &snapshot("emptyusd", 7));
            }
        }
        line.ping(now);
        line.wait(now + 100);
    }
    assert_eq!(line.state("emptyusd@depth"), Some(StreamState::Synced));
    assert_eq!(line.client.readiness(), Readiness::Ready);
}

/// Runs a client with a venue that needs `each` milliseconds for each snapshot, one after the other. Returns the
/// line, and the maximum number of books that waited for their snapshots.
fn slow_venue(config: Config, books: usize, each: u64, until: u64) -> (Line, usize) {
    let mut line = Line::open(config, (0..books).map(|n| format!("sym{n}usd@depth")));
    let (mut queue, mut most, mut id) = (VecDeque::<String>::new(), 0, 7);
    for now in (0..until).step_by(each as usize) {
        while let Some(text) = line.sent.pop_front() {
            line.hear(now, &ack(&text));
            for name in text.split('"').filter_map(|part| part.strip_suffix("@depth")) {
                queue.retain(|other| other != name);
                if text.contains("\"subscribe\"") {
                    queue.push_back(name.to_owned());
                }
            }
        }
        most = most.max(queue.len());
        if let Some(name) = queue.pop_front() {
            id += 1;
            line.hear(now + each, &snapshot(&name, id));
        }
        line.ping(now + each);
        line.wait(now + each);
    }
    (line, most)
}

#[test]
pub(crate) fn a6_snapshots_that_keep_coming_are_awaited() {
    // How long each book takes, how many are requested at one time, and when all of them are current.
    for (each, books_max, until) in [(20, 100, 42_000), (20, 1_000, 42_000), (200, 100, 402_000)] {
        let config = Config::new("ws://v").snapshots_max(books_max);
        let (line, most) = slow_venue(config, 2_000, each, until);
        let synced = line.client.streams().filter(|(.., state)| *state == StreamState::Synced).count();
        assert_eq!((synced, line.losses.len()), (2_000, 0), "{each} ms for each, {books_max} at one time");
        assert!(most <= books_max, "{most} at one time");
        let unserved = line.events.iter().filter(|it| matches!(it, Event::Unserved { .. })).count();
        assert_eq!(unserved, 0, "{each} ms for each, {books_max} at one time");
    }
}

#[test]
pub(crate) fn a6_books_that_are_never_served_do_not_keep_others_waiting() {
    let names = (0..150).map(|n| format!("empty{n}usd@depth")).chain(["btcusd@depth".into()]);
    let mut line = Line::open(Config::new("ws://v").snapshots_max(10), names);
    for now in (0..120_000).step_by(100) {
        while let Some(text) = line.sent.pop_front() {
            line.hear(now, &ack(&text));
            if text.contains("btcusd@depth") {
                line.hear(now, &snapshot("btcusd", 7));
            }
        }
        line.ping(now);
        line.wait(now + 100);
    }
    assert_eq!(line.state("btcusd@depth"), Some(StreamState::Synced));
    assert_eq!(line.losses, []);
}

#[test]
pub(crate) fn a6_a_book_that_comes_again_and_again_does_not_hide_one_that_never_comes() {
    let names = ["btcusd@depth", "emptyusd@depth"].map(String::from);
    let mut line = Line::open(Config::new("ws://v"), names);
    let btcusd = line.client.streams().next().unwrap().0;
    for second in 0..20 {
        let now = second * 1_000;
        while let Some(text) = line.sent.pop_front() {
            line.hear(now, &ack(&text));
            if text.contains("\"subscribe\"") && text.contains("btcusd") {
                line.hear(now, &snapshot("btcusd", 7 + second));
            }
        }
        line.client.resync(t(now), btcusd).unwrap();
        line.poll(now);
        line.wait(now + 1_000);
    }
    assert!(!line.unserved("emptyusd@depth").is_empty(), "nobody is told");
}

/// If the request for many streams fails because of one of them, the others are active within a minute.
#[test]
pub(crate) fn a6_a_batch_that_fails_is_split() {
    for trouble in [Some((400, -1013)), Some((429, -1003)), Some((500, -1000)), None] {
        let names = (0..25).map(|n| format!("sym{n}usd@trade"));
        let mut line = Line::open(Config::new("ws://v"), names);
        for now in (0..60_000).step_by(100) {
            while let Some(text) = line.sent.pop_front() {
                match trouble {
                    _ if !text.contains("sym7usd") => drop(line.hear(now, &ack(&text))),
                    Some((status, code)) => drop(line.hear(now, &refuse(&text, status, code))),
                    None => {}
                }
            }
            line.ping(now);
            line.wait(now + 100);
        }
        let served = line.client.streams().filter(|(.., state)| *state == StreamState::Active).count();
        assert_eq!(served, 24, "{trouble:?}");
        assert_eq!(line.losses, [], "{trouble:?}");
    }
}

#[test]
pub(crate) fn a6_a_link_on_which_nothing_is_answered_ends() {
    let mut line = Line::open(Config::new("ws://v"), ["btcusd@trade".into()]);
    for now in (0..60_000).step_by(1_000) {
        line.ping(now);
        line.wait(now + 1_000);
    }
    assert_eq!(line.losses.first(), Some(&Lost::Unresponsive));
    // A request that is answered shows that the link works.
    let mut line = Line::open(Config::new("ws://v"), ["btcusd@trade".into()]);
    for now in (0..600_000).step_by(1_000) {
        line.client.request(t(now), &Request::Time).unwrap();
        line.poll(now);
        while let Some(text) = line.sent.pop_front() {
            if text.contains("\"time\"") {
                line.hear(now, &ack(&text));
            }
        }
        line.wait(now + 1_000);
    }
    assert_eq!(line.losses, []);
}

/// Each reply comes after the time limit of its request. All streams are subscribed nevertheless.
#[test]
pub(crate) fn a6_an_acceptance_that_comes_late_is_one() {
    let config = Config::new("ws://v").request_timeout(Duration::from_millis(600));
    let names = ["btcusd@trade", "ethusd@trade", "btcusd@depth"].map(String::from);
    let mut line = Line::open(config, names);
    let mut answers = VecDeque::new();
    for now in (0..60_000).step_by(50) {
        while let Some(text) = line.sent.pop_front() {
            answers.push_back((now + 1_000, text));
        }
        while answers.front().is_some_and(|(at, _)| *at <= now) {
            let (_, text): (u64, String) = answers.pop_front().unwrap();
            line.hear(now, &ack(&text));
            if text.contains("\"subscribe\"") && text.contains("btcusd@depth") {
                line.hear(now, &snapshot("btcusd", 7));
            }
        }
        line.wait(now + 50);
    }
    let served = [StreamState::Active, StreamState::Synced];
    assert!(line.client.streams().all(|(.., state)| served.contains(&state)));
    assert_eq!((line.losses.len(), line.client.readiness()), (0, Readiness::Ready));
}

#[test]
pub(crate) fn a6_an_end_that_is_refused_for_now_is_not_asked_for_in_a_loop() {
    let mut line = Line::open(Config::new("ws://v"), ["btcusd@depth".into()]);
    let text = line.sent.pop_front().unwrap();
    line.hear(0, &ack(&text));
    line.hear(0, &snapshot("btcusd", 7));
    let id = line.client.streams().next().unwrap().0;
    line.client.resync(t(1), id).unwrap();
    line.poll(1);
    let mut asked = 0;
    for now in (0..60_000).step_by(10) {
        while let Some(text) = line.sent.pop_front() {
            asked += 1;
            line.hear(now, &refuse(&text, 429, -1003));
        }
        line.ping(now);
        line.wait(now + 10);
    }
    assert!(asked < 10, "{asked} requests in a minute");
    assert_eq!(line.losses, []);
}

#[test]
pub(crate) fn br_01_a_book_that_cannot_be_decoded_costs_only_itself() {
    let names = ["btcusd@depth", "bonkusd@depth"].map(String::from);
    let mut line = Line::open(Config::new("ws://v"), names);
    let mut books = Books::new();
    let huge = r#"{"e":"depthUpdate","E":1,"s":"bonkusd","U":7,"u":7,"b":[["1","12345678901234567890123456789012"]],"a":[]}"#;
    let change = r#"{"e":"depthUpdate","E":1,"s":"bonkusd","U":8,"u":8,"b":[["1","5"]],"a":[]}"#;
    for now in (0..600_000).step_by(500) {
        while let Some(text) = line.sent.pop_front() {
            line.hear(now, &ack(&text));
            if text.contains("\"subscribe\"") && text.contains("btcusd") {
                line.hear(now, &snapshot("btcusd", 7));
            }
            if text.contains("\"subscribe\"") && text.contains("bonkusd") {
                for frame in [huge, change] {
                    let mut event = line.hear(now, frame).unwrap();
                    books.apply(&event.as_event());
                }
            }
        }
        line.ping(now);
        line.wait(now + 500);
    }
    assert_eq!(line.losses, []);
    assert_eq!(line.state("btcusd@depth"), Some(StreamState::Synced));
    assert!(books.get("bonkusd").and_then(Book::live).is_none(), "a change was taken for the book");
    let told = line.unserved("bonkusd@depth");
    assert!(told.len() > 5 && told.iter().all(|(reason, ..)| *reason == Unserved::Undecodable), "{told:?}");
}

// ---- A9: urgent requests ---------------------------------------------------------------------------

#[test]
pub(crate) fn a9_a_cancel_is_taken_while_subscriptions_wait() {
    let names = (0..1_700).map(|n| format!("sym{n}usd@trade"));
    let mut line = Line::open(Config::new("ws://v").authenticated(true), names);
    assert_eq!(line.client.request(t(11), &Request::CancelAllOrders).map(|_| ()), Ok(()));
    assert_eq!(line.client.request(t(11), &Request::Time).map(|_| ()), Ok(()));
    line.poll(11);
}

#[test]
pub(crate) fn a9_cancels_have_places_and_room_that_nothing_else_takes() {
    for requests in [1, 4, 64] {
        let config = Config::new("ws://v").authenticated(true).requests_in_flight_max(requests);
        let mut line = Line::open(config, []);
        let mut taken = 0;
        let full = loop {
            match line.client.request(t(1), &Request::Time) {
                Ok(_) => taken += 1,
                Err(error) => break error,
            }
        };
        assert_eq!((taken, full), (requests, CommandError::TooMany(gemini_ws::Limit::RequestsInFlight)));
        assert!(line.client.request(t(1), &Request::CancelOrder { order_id: 7 }).is_ok(), "of {requests}");
    }
    for limit in [8, 10, 100, 7_000] {
        let window = Duration::from_secs(10);
        let config = Config::new("ws://v").authenticated(true).request_limit(limit, window);
        let mut line = Line::open(config.requests_in_flight_max(10_000), []);
        while line.client.request(t(1), &Request::Time).is_ok() {}
        assert!(line.client.request(t(1), &Request::CancelAllOrders).is_ok(), "of {limit}");
    }
}

#[test]
pub(crate) fn a9_background_work_leaves_room_to_the_application() {
    let names = (0..100).map(|n| format!("sym{n}usd@trade"));
    let config = Config::new("ws://v").request_limit(20, Duration::from_secs(10)).streams_per_request_max(1);
    let mut line = Line::open(config, names);
    assert!(line.client.request(t(1), &Request::Time).is_ok());
    // The subscriptions wait for urgent requests, and still make progress.
    for now in (0..200_000).step_by(100) {
        while let Some(text) = line.sent.pop_front() {
            line.hear(now, &ack(&text));
        }
        line.wait(now + 100);
    }
    assert!(line.client.streams().all(|(.., state)| state == StreamState::Active));
}

#[test]
pub(crate) fn a9_a_probe_is_sent_while_all_places_are_taken() {
    let config = Config::new("ws://v").request_timeout(Duration::from_secs(3_600));
    let mut line = Line::open(config, []);
    while line.client.request(t(1), &Request::Time).is_ok() {}
    line.poll(1);
    line.wait(31_000);
    assert!(line.sent.iter().any(|text| text.contains("\"ping\"")), "nobody was asked for a sign of life");
    line.wait(46_000);
    assert_eq!(line.losses.first(), Some(&Lost::Silent));
}

// ---- B11, C14: probes --------------------------------------------------------------------------------

#[test]
pub(crate) fn b11_a_dead_link_ends_however_often_it_is_woken() {
    for step in [1_000, 5_000, 10_000, 14_000, 29_000] {
        let mut line = Line::open(Config::new("ws://v"), []);
        let mut pings = 0;
        for now in (step..60_000).step_by(step as usize) {
            line.wait(now);
            line.client.handle_resumed(t(now));
            line.poll(now);
            if line.losses.is_empty() {
                pings = line.sent.iter().filter(|text| text.contains("\"ping\"")).count();
            }
        }
        assert_eq!(line.losses.first(), Some(&Lost::Silent), "woken each {step} ms");
        assert_eq!(pings, 1, "woken each {step} ms");
    }
}

/// Commands and unanswered requests do not keep a dead link open for longer than the allowed silence of 45 s.
#[test]
pub(crate) fn b11_no_command_postpones_the_end_of_a_dead_link() {
    let mut line = Line::open(Config::new("ws://v"), []);
    for second in 1..=45 {
        let now = second * 1_000;
        line.wait(now);
        if line.losses.is_empty() {
            let id = line.subscribe(now, "btcusd@depth");
            let _ = line.client.resync(t(now), id);
            let _: Result<RequestId, _> = line.client.request(t(now), &Request::Time);
            line.client.unsubscribe(t(now), id).unwrap();
            line.poll(now);
        }
    }
    assert!(!line.losses.is_empty());
}

#[test]
pub(crate) fn c14_a_probe_has_time_for_its_answer() {
    let secs = Duration::from_secs;
    let configs = [
        Config::new("ws://v").probe_after(secs(60)),
        Config::new("ws://v").probe_after(secs(45)),
        Config::new("ws://v").probe_after(Duration::from_millis(44_999)),
        Config::new("ws://v").silence_max(secs(30)),
        Config::new("ws://v").silence_max(secs(10)),
        Config::new("ws://v").silence_max(secs(60)).probe_after(secs(60)),
        Config::new("ws://v").probe_after(secs(60)).silence_max(secs(60)),
    ];
    for config in configs {
        let shown = format!("{config:?}");
        let mut line = Line::open(config, []);
        let mut probed = None;
        while line.losses.is_empty() {
            let deadline = line.client.deadline().unwrap();
            line.client.handle_timeout(deadline.at);
            line.poll(deadline.at.as_nanos() / 1_000_000);
            if line.sent.iter().any(|text| text.contains("ping")) {
                probed.get_or_insert(deadline.at);
            }
            if !line.losses.is_empty() {
                let left = deadline.at.since(probed.unwrap());
                assert!(left >= secs(3), "{left:?} after the probe: {shown}");
            }
        }
    }
}

// ---- C18: which refusals are final --------------------------------------------------------------------

#[test]
pub(crate) fn c18_minus_1003_without_a_status_is_not_final() {
    // The answer, and whether the stream is accepted, refused for now, or refused for good.
    let table = [
        (r#""error":{"code":-1003,"msg":"Rate limited"}"#, "for now"),
        (r#""error":{"code":-1000,"msg":"Internal error"}"#, "for now"),
        (r#""status":400,"error":{"code":-1003,"msg":"Rate limited"}"#, "for now"),
        (r#""status":400,"error":{"code":-1000,"msg":"Internal error"}"#, "for now"),
        (r#""status":429,"error":{"code":-1013,"msg":"Invalid parameters"}"#, "for now"),
        (r#""status":503"#, "for now"),
        (r#""status":408"#, "for now"),
        (r#""status":302"#, "for now"),
        (r#""error":{"code":-31999,"msg":"?"}"#, "for now"),
        (r#""status":400,"error":{"code":-1013,"msg":"Invalid stream name"}"#, "for good"),
        (r#""status":404"#, "for good"),
        (r#""error":{"code":-1013,"msg":"Invalid stream name"}"#, "for good"),
        (r#""status":200,"error":{"code":-1013,"msg":"Invalid stream name"}"#, "for good"),
        (r#""status":200"#, "accepted"),
        (r#""status":202"#, "accepted"),
    ];
    for (answer, expected) in table {
        let mut line = Line::open(Config::new("ws://v"), ["btcusd@trade".into()]);
        let text = line.sent.pop_front().unwrap();
        let event = line.hear(2, &format!("{{\"id\":{},{answer}}}", number(&text)));
        let is_rejected = event.is_some_and(|mut it| matches!(it.as_event(), Event::Rejected { .. }));
        let is_active = line.state("btcusd@trade") == Some(StreamState::Active);
        let became = match (is_rejected, is_active, line.unserved("btcusd@trade").len()) {
            (true, false, 0) => "for good",
            (false, true, 0) => "accepted",
            (false, false, 1) => "for now",
            _ => "contradictory",
        };
        assert_eq!(became, expected, "{answer}");
    }
}

// ---- one stream is silent ------------------------------------------------------------------------

#[test]
pub(crate) fn a6_a_silent_stream_is_asked_for_more_and_more_rarely() {
    let mut line = Line::open(Config::new("ws://v"), []);
    let silence = Duration::from_secs(2);
    line.client.subscribe_unless_silent(t(0), s("btcusd@trade"), silence).unwrap();
    line.poll(0);
    let mut told = Vec::new();
    for now in (0..300_000).step_by(100) {
        while let Some(text) = line.sent.pop_front() {
            line.hear(now, &ack(&text));
        }
        line.ping(now);
        line.wait(now + 100);
        told.extend(line.events.drain(..).filter(|it| matches!(it, Event::Silent { .. })).map(|_| now));
    }
    assert!(told.len() > 4 && told.len() < 12, "{told:?}");
    assert_eq!(line.losses, []);
}
