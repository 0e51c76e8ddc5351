//! Replies that take longer than the client waits for them.

use std::collections::VecDeque;

use gemini_ws::lifecycle::StreamState;
use gemini_ws::{Config, Event};

use super::super::fed::t;
use super::super::line::{Line, ack, refuse, snapshot};

const TICKER: &str = r#"{"u":1,"E":1,"s":"solusd","b":"1","B":"1","a":"2","A":"1"}"#;

/// How long each reply takes, in milliseconds. A client waits 5 s for a reply, and repeats the request at most 60 s
/// later.
const DELAYS: [u64; 6] = [100, 6_000, 20_000, 64_000, 70_000, 200_000];

/// The time for all replies of a test, in multiples of a delay. The test also allows the three minutes that the
/// client may wait between its requests.
const STEPS_MAX: u64 = 6;

/// A line to a venue whose replies are late. Data of `solusd@bookTicker` comes in time, so the link stays open.
struct Late {
    line: Line,
    delay: u64,
    now: u64,
    /// The requests for which the reply is under way, each with the time at which the reply comes.
    replies: VecDeque<(u64, String)>,
    requests: usize,
    rejected: usize,
    /// Whether the venue sends the book. A further `subscribe` then brings no further snapshot.
    sends_book: bool,
}

impl Late {
    fn new(delay: u64, streams: &[&str]) -> Late {
        let streams = ["solusd@bookTicker"].iter().chain(streams).map(|it| (*it).to_owned());
        let line = Line::open(Config::new("ws://v"), streams);
        Late { line, delay, now: 0, replies: VecDeque::new(), requests: 0, rejected: 0, sends_book: false }
    }

    fn run(&mut self, millis: u64) {
        for _ in 0..millis / 100 {
            self.step();
            while let Some(text) = self.line.sent.pop_front() {
                self.requests += 1;
                self.replies.push_back((self.now + self.delay, text));
            }
            while self.replies.front().is_some_and(|(due, _)| *due <= self.now) {
                let (_, text) = self.replies.pop_front().unwrap();
                self.reply(&text);
            }
        }
    }

    /// Replies to a request, like a venue that knows no stream whose name contains `bad`.
    fn reply(&mut self, text: &str) {
        let is_subscribe = text.contains("\"subscribe\"");
        if is_subscribe && text.contains("bad") {
            let event = self.line.hear(self.now, &refuse(text, 400, -1013));
            let is_rejected = event.is_some_and(|mut it| matches!(it.as_event(), Event::Rejected { .. }));
            self.rejected += usize::from(is_rejected);
            return;
        }
        self.line.hear(self.now, &ack(text));
        if text.contains("@depth") {
            let sent_book = std::mem::replace(&mut self.sends_book, is_subscribe);
            if is_subscribe && !sent_book {
                self.line.hear(self.now, &snapshot("ethusd", self.now));
            }
        }
    }

    fn step(&mut self) {
        self.now += 100;
        self.line.wait(self.now);
        self.line.hear(self.now, TICKER);
    }

    /// Waits for the next request of the client. The venue does not reply to it.
    fn next_request(&mut self) -> String {
        loop {
            if let Some(text) = self.line.sent.pop_front() {
                return text;
            }
            self.step();
        }
    }

    fn run_to_end(&mut self) {
        self.run(self.delay * STEPS_MAX + 180_000);
    }

    /// Lets the replies to the repeated requests come. Checks that the client then sends no request, and that no link
    /// was lost.
    fn check_end(&mut self, what: &str) {
        let requests = self.requests;
        self.run_to_end();
        assert_eq!(self.requests, requests, "{what}");
        assert_eq!(self.line.losses, [], "{what}");
    }
}

/// Each reply to a `subscribe` comes after the client has repeated the request. The client must not ignore these
/// replies: it would report the stream as unserved, or repeat the refused request, for ever.
#[test]
fn streams_are_confirmed_or_rejected_by_late_replies() {
    for delay in DELAYS {
        let mut late = Late::new(delay, &["btcusd@trade", "ethusd@depth", "bad@trade"]);
        late.run_to_end();
        let state = |stream| late.line.state(stream);
        assert_eq!(state("btcusd@trade"), Some(StreamState::Active), "{delay}");
        assert_eq!(state("ethusd@depth"), Some(StreamState::Synced), "{delay}");
        assert_eq!(state("bad@trade"), None, "{delay}");
        assert_eq!(late.rejected, 1, "{delay}");
        let subscribed = |event: &&Event<'_>| matches!(event, Event::Subscribed { .. });
        assert_eq!(late.line.events.iter().filter(subscribed).count(), 3, "{delay}");
        late.check_end(&format!("{delay}"));
    }
}

#[test]
fn streams_end_by_late_replies() {
    for (delay, returns) in DELAYS.into_iter().flat_map(|delay| [(delay, false), (delay, true)]) {
        let mut late = Late::new(delay, &[]);
        let id = late.line.subscribe(0, "btcusd@trade");
        late.run_to_end();
        late.line.client.unsubscribe(t(late.now), id).unwrap();
        late.line.poll(late.now);
        late.run(1_000);
        if returns {
            late.line.subscribe(late.now, "btcusd@trade");
        }
        late.run_to_end();
        let expected = returns.then_some(StreamState::Active);
        assert_eq!(late.line.state("btcusd@trade"), expected, "{delay}, {returns}");
        late.check_end(&format!("{delay}, {returns}"));
    }
}

#[test]
fn books_are_requested_again_by_late_replies() {
    for delay in DELAYS {
        let mut late = Late::new(delay, &["ethusd@depth"]);
        late.run_to_end();
        assert_eq!(late.line.state("ethusd@depth"), Some(StreamState::Synced), "{delay}");
        let gap = r#"{"e":"depthUpdate","E":1,"s":"ethusd","U":900000000,"u":900000001,"b":[],"a":[]}"#;
        late.line.hear(late.now, gap);
        late.line.poll(late.now);
        assert_eq!(late.line.state("ethusd@depth"), Some(StreamState::Resyncing), "{delay}");
        late.run_to_end();
        assert_eq!(late.line.state("ethusd@depth"), Some(StreamState::Synced), "{delay}");
        late.check_end(&format!("{delay}"));
    }
}

/// The book loses an update soon after its snapshot, so the client unsubscribes after a delay. A late reply to the
/// earlier `subscribe` changes nothing: the client requests the book again only after the reply to the `unsubscribe`.
#[test]
fn a_late_reply_to_subscribe_does_not_hide_the_reply_to_unsubscribe() {
    let gap = |id: u64| {
        format!(r#"{{"e":"depthUpdate","E":1,"s":"ethusd","U":{id},"u":{},"b":[],"a":[]}}"#, id + 1)
    };
    let mut line = Line::open(Config::new("ws://v"), ["ethusd@depth".to_owned()]);
    let next = |line: &mut Line| line.sent.pop_front().unwrap();
    let first = next(&mut line);
    line.hear(100, &ack(&first));
    line.hear(100, &snapshot("ethusd", 10));
    line.hear(200, &gap(900));
    let left = next(&mut line);
    line.hear(300, &ack(&left));
    let again = next(&mut line);
    line.hear(400, &snapshot("ethusd", 2_000));
    for now in (500..6_000).step_by(100) {
        line.ping(now);
        line.wait(now);
    }
    line.hear(6_000, &gap(9_000));
    for now in (6_100..9_000).step_by(100) {
        line.ping(now);
        line.wait(now);
    }
    let left = next(&mut line);
    assert!(left.contains("unsubscribe"), "{left}");
    line.hear(9_000, &ack(&again));
    line.hear(9_100, &ack(&left));
    let last = next(&mut line);
    assert!(last.contains("\"subscribe\""), "{last}");
    line.hear(9_200, &ack(&last));
    line.hear(9_200, &snapshot("ethusd", 20_000));
    assert_eq!(line.state("ethusd@depth"), Some(StreamState::Synced));
}

/// The venue refuses one of the two requests for a stream and may have accepted the other one. The client reports the
/// rejection and unsubscribes the stream: otherwise the venue could send it as long as the link lives.
#[test]
fn a_stream_with_a_refused_and_an_unanswered_request_is_unsubscribed() {
    for stream in ["btcusd@trade", "ethusd@depth"] {
        // Which request the venue refuses, and how many milliseconds after the second request the reply comes. The
        // client waits 5 s for each reply.
        for (refused, after) in [(0, 500), (0, 5_100), (1, 500), (1, 5_100)] {
            let what = format!("{stream}, {refused}, {after}");
            let mut late = Late::new(0, &[]);
            late.run(1_000);
            let id = late.line.subscribe(late.now, stream);
            let sent: Vec<String> = (0..2).map(|_| late.next_request()).collect();
            (0..after / 100).for_each(|_| late.step());
            assert_eq!(late.line.sent.pop_front(), None, "{what}");
            let mut event = late.line.hear(late.now, &refuse(&sent[refused], 400, -1013)).unwrap();
            assert!(matches!(event.as_event(), Event::Rejected { id: of, .. } if of == id), "{what}");
            late.line.poll(late.now);
            let left = late.line.sent.pop_front().unwrap_or_else(|| panic!("{what}: no unsubscribe"));
            assert!(left.contains("unsubscribe"), "{what}: {left}");
            late.line.hear(late.now, &ack(&sent[1 - refused]));
            assert_ne!(late.line.state(stream), Some(StreamState::Active), "{what}");
            // The application may subscribe again. The client waits for the end of the earlier subscription.
            late.line.subscribe(late.now, stream);
            assert_eq!(late.line.sent.pop_front(), None, "{what}");
            late.line.hear(late.now, &ack(&left));
            let again = late.line.sent.pop_front().unwrap();
            late.line.hear(late.now, &ack(&again));
            assert_eq!(late.line.state(stream), Some(StreamState::Active), "{what}");
            let ended = |event: &&Event<'_>| matches!(event, Event::Unsubscribed { .. });
            assert_eq!(late.line.events.iter().filter(ended).count(), 0, "{what}");
        }
    }
}
