//! Ten ways in which clients of exchanges fail, told as stories: what goes wrong in other clients, and what must
//! happen here. The end of the file defines the words of the stories.
//!
//! In each story there is an application, a venue, and a line between them for each link of the client. Application
//! and venue act one after the other, and after each act the story lists all that the client did and reported.

use std::time::Duration;

use gemini_ws::lifecycle::State;
use gemini_ws::{
    Book, Books, Client, ClientConfig, Config, Event, Frame, Instant, LinkId, Lost, Output, Readiness,
    Request, RequestOutcome, Scratch,
};

use Line::{Private, Public};

/// **L-001: The worker that was not counted.** A manager counts its readers in and out, to know when all of them have
/// returned. It forgot to count one of two readers in. At shutdown the count falls below zero, and the program
/// crashes.
///
/// This client keeps no such count. It looks at its links, and reports the end when all of them have ended, in any
/// order.
#[test]
fn two_links_one_end() {
    for (first, second) in [(Public, Private), (Private, Public)] {
        let mut story = Story::with_both_lines_live();
        story.application_wants_the_end();
        story.then(&["public: goodbye", "private: goodbye"]);
        story.venue_says_goodbye(first);
        story.then(&[&format!("{first}: over")]);
        story.venue_says_goodbye(second);
        story.then(&[&format!("{second}: over"), "the end"]);
        story.seconds_pass(3_600);
        story.then(&[]);
    }
}

/// **L-022: The venue accepts the connection and stays silent.** TCP connects, and the venue never answers the
/// upgrade. Without a time limit on the handshake a client waits for hours, and ignores even a command to stop.
///
/// Here one time limit covers everything from the name look-up to the upgrade. When the time is over, the attempt
/// counts as any other failed attempt. A command to stop takes effect at once.
#[test]
fn a_venue_that_never_answers() {
    let mut story = Story::with_one_line();
    story.application_opens();
    story.then(&["public: dial"]);
    story.seconds_pass(9);
    story.then(&[]);
    story.seconds_pass(1);
    story.then(&["public: hang up", "public: not connected, next attempt in a second"]);
    story.seconds_pass(1);
    story.then(&["public: dial"]);

    story.application_wants_the_end();
    story.then(&["public: hang up", "public: not connected", "the end, 1 link given up"]);
}

/// **L-054: The end waits for a writer.** The venue reads nothing, so a write blocks while it holds a lock. The code
/// that closes the connection needs to write too, and waits for the lock. The program never ends.
///
/// Here nothing waits for a write. The closing handshake has a time limit. After it, the client drops the line, and
/// each open request gets the reply that its outcome is unknown.
#[test]
fn an_end_that_waits_for_no_one() {
    let mut story = Story::with_one_line_live();
    story.application_asks_the_time();
    story.then(&["public: ask time"]);
    story.application_wants_the_end();
    story.then(&["public: goodbye"]);
    story.seconds_pass(3);
    story.then(&[
        "public: hang up",
        "an answer was lost",
        "public: over",
        "the end, 1 request given up, 1 link given up",
    ]);
}

/// **L-033: A fault while still connecting.** A client of two links opens the first link, which fails while the
/// client dials the second one. When the second link opens, the client notes that it is connected. The first link is
/// dead, and the client never looks at it again.
///
/// Here each link has its own state, which no other link overwrites. The client reports that it is partly ready, and
/// dials the broken link again.
#[test]
fn a_fault_while_still_connecting() {
    let mut story = Story::with_two_lines();
    story.application_opens();
    story.then(&["public: dial", "private: dial"]);
    story.venue_picks_up(Public);
    story.venue_confirms(Public);
    story.then(&["public: open", "public: ask subscribe", "subscribed", "public: live"]);
    story.line_breaks(Public);
    story.then(&["public: over, next attempt in a second"]);

    story.venue_picks_up(Private);
    story.then(&["private: open", "private: live"]);
    assert_eq!(story.client.readiness(), Readiness::Partly);
    story.seconds_pass(1);
    story.then(&["public: dial"]);
    story.venue_picks_up(Public);
    story.venue_confirms(Public);
    story.then(&["public: open again", "public: ask subscribe", "subscribed", "public: live"]);
    assert_eq!(story.client.readiness(), Readiness::Ready);
}

/// **L-052: An error that comes too late.** An error of the old line waits in a queue that all lines share. When the
/// client takes the error from the queue, the new line is open, and the client closes the new line for the error of
/// the old one.
///
/// Here every input about a line names the attempt that it is about. The client counts an input about an old attempt,
/// and does nothing else with it.
#[test]
fn an_error_that_comes_too_late() {
    let mut story = Story::with_one_line_live();
    let old = story.link(Public);
    story.line_breaks(Public);
    story.then(&["public: over, next attempt in a second"]);
    story.seconds_pass(1);
    story.venue_picks_up(Public);
    story.venue_confirms(Public);
    story.then(&[
        "public: dial",
        "public: open again",
        "public: ask subscribe",
        "subscribed",
        "public: live",
    ]);

    story.client.handle_lost(old, story.now, Lost::Reset);
    story.then(&[]);
    assert_eq!(story.client.state(story.link(Public)), Some(State::Live));
    assert_eq!(story.client.stats().stale_inputs, 1);
}

/// **L-057: A line that is dead and does not show it.** A device between client and venue drops the connection
/// without a sign. There is no end and no error, only silence, and a client that waits for the next frame waits for
/// ever.
///
/// Here the client sends a probe after some silence. If the probe gets no reply, the client drops the line and dials
/// again.
#[test]
fn a_line_that_is_dead() {
    let mut story = Story::with_one_line_live();
    story.seconds_pass(29);
    story.then(&[]);
    story.seconds_pass(1);
    story.then(&["public: ask ping"]);
    story.seconds_pass(15);
    story.then(&["public: hang up", "public: over, next attempt in a second"]);
    story.seconds_pass(1);
    story.then(&["public: dial"]);
}

/// **L-074: Closed while it waits.** The venue is away, and the client waits a moment before it dials again. In that
/// moment the application closes the client. The timer does not know that, and the closed client connects again.
///
/// Here a timer belongs to a state, and no timer remains after the end.
#[test]
fn closed_while_it_waits() {
    let mut story = Story::with_one_line_live();
    story.line_breaks(Public);
    story.then(&["public: over, next attempt in a second"]);
    story.application_wants_the_end();
    story.then(&["the end"]);
    assert_eq!(story.client.deadline(), None);
    story.seconds_pass(600);
    story.then(&[]);
}

/// **L-088: Connected is not ready.** The line is open again, so the client reports that all is well. But the client
/// has not subscribed yet, and if the subscriptions fail, the log shows success and no data ever comes.
///
/// Here "open" and "live" are two states. A link becomes live only when the venue has confirmed every subscription of
/// the link.
#[test]
fn connected_is_not_ready() {
    let mut story = Story::with_one_line_live();
    story.line_breaks(Public);
    story.seconds_pass(1);
    story.venue_picks_up(Public);
    story.then(&[
        "public: over, next attempt in a second",
        "public: dial",
        "public: open again",
        "public: ask subscribe",
    ]);
    assert_eq!(story.client.readiness(), Readiness::NotReady);
    story.line_breaks(Public);
    story.then(&["public: over, next attempt in 2 seconds"]);
    story.seconds_pass(2);
    story.venue_picks_up(Public);
    story.then(&["public: dial", "public: open again", "public: ask subscribe"]);
    story.venue_confirms(Public);
    story.then(&["subscribed", "public: live"]);
    assert_eq!(story.client.readiness(), Readiness::Ready);
}

/// **L-122: A level that is gone and stays.** After a reconnect the venue sends the whole book. The client treats the
/// book as a list of changes. Levels that vanished during the reconnect are not in the list, so the client keeps them
/// for ever. Its best price is one at which no one trades.
///
/// Here the book is stale from the moment at which the line ends, and the first frame of the new subscription
/// replaces the whole book.
#[test]
fn a_level_that_is_gone() {
    let mut story = Story::with_one_line_live();
    assert_eq!(story.bids(), Some(vec!["99".to_owned(), "98".to_owned()]));
    story.line_breaks(Public);
    assert_eq!(story.bids(), None);
    story.seconds_pass(1);
    story.venue_picks_up(Public);
    story.venue_confirms(Public);
    assert_eq!(story.bids(), None, "the old one is not taken for the new one");
    story.venue_sends_a_book(Public, 20, &["98"]);
    assert_eq!(story.bids(), Some(vec!["98".to_owned()]));
}

/// **L-097: Requests without an end.** Three requests have no reply when the line ends. Their replies can no longer
/// come, but the client does not report that, and three callers wait for ever.
///
/// Here each request gets exactly one reply, before the client reports the end of the line. And the client never
/// repeats a request of the application: an order might be placed twice.
#[test]
fn every_question_has_an_end() {
    let mut story = Story::with_one_line_live();
    for _ in 0..3 {
        story.application_asks_the_time();
    }
    story.then(&["public: ask time", "public: ask time", "public: ask time"]);
    story.line_breaks(Public);
    story.then(&[
        "an answer was lost",
        "an answer was lost",
        "an answer was lost",
        "public: over, next attempt in a second",
    ]);
    story.seconds_pass(1);
    story.venue_picks_up(Public);
    story.venue_confirms(Public);
    story.then(&[
        "public: dial",
        "public: open again",
        "public: ask subscribe",
        "subscribed",
        "public: live",
    ]);
}

// ---- the words of the stories --------------------------------------------------------------

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Line {
    Public,
    Private,
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Public => "public",
            Private => "private",
        })
    }
}

/// A client, its books, the time, and what has happened since the last [`Story::then`].
struct Story {
    client: Client,
    books: Books,
    now: Instant,
    /// The number of the newest request of each line.
    asked: [u64; 2],
    happened: Vec<String>,
}

// How a story begins.
impl Story {
    fn with_one_line() -> Story {
        let mut story = Story {
            client: Client::new(ClientConfig::new(), 1),
            books: Books::new(),
            now: Instant::ZERO,
            asked: [0; 2],
            happened: Vec::new(),
        };
        story.client.add(story.now, Config::new("ws://venue")).unwrap();
        story.client.subscribe(story.now, "btcusd@depth@100ms".parse().unwrap()).unwrap();
        story
    }

    fn with_two_lines() -> Story {
        let mut story = Story::with_one_line();
        story.client.add(story.now, Config::new("ws://venue").authenticated(true)).unwrap();
        story
    }

    /// Opens these lines and makes every subscription active. The book of btcusd has bids at 99 and 98.
    fn live(mut self, lines: &[Line]) -> Story {
        self.application_opens();
        for line in lines {
            self.venue_picks_up(*line);
        }
        self.venue_confirms(Public);
        self.venue_sends_a_book(Public, 10, &["99", "98"]);
        self.happened.clear();
        self
    }

    fn with_one_line_live() -> Story {
        Story::with_one_line().live(&[Public])
    }

    fn with_both_lines_live() -> Story {
        Story::with_two_lines().live(&[Public, Private])
    }
}

// What the application, the venue and the clock do.
impl Story {
    fn application_opens(&mut self) {
        self.client.open(self.now).unwrap();
        self.look();
    }

    fn application_asks_the_time(&mut self) {
        self.client.request(self.now, &Request::Time).unwrap();
        self.look();
    }

    fn application_wants_the_end(&mut self) {
        self.client.close(self.now);
        self.look();
    }

    fn venue_picks_up(&mut self, line: Line) {
        self.client.handle_connected(self.link(line), self.now);
        self.look();
    }

    fn venue_confirms(&mut self, line: Line) {
        let answer = format!(r#"{{"id":{},"status":200}}"#, self.asked[line as usize]);
        self.venue_sends(line, Frame::Text(&answer));
    }

    fn venue_sends_a_book(&mut self, line: Line, id: u64, bids: &[&str]) {
        let levels: Vec<String> = bids.iter().map(|price| format!(r#"["{price}","1"]"#)).collect();
        let levels = levels.join(",");
        let text =
            format!(r#"{{"e":"depthUpdate","E":1,"s":"btcusd","U":{id},"u":{id},"b":[{levels}],"a":[]}}"#);
        self.venue_sends(line, Frame::Text(&text));
    }

    fn venue_says_goodbye(&mut self, line: Line) {
        self.venue_sends(line, Frame::Close { code: Some(1000), reason: "" });
    }

    fn venue_sends(&mut self, line: Line, frame: Frame<'_>) {
        let mut scratch = Scratch::new();
        let event = self.client.handle_frame(self.link(line), self.now, frame, &mut scratch);
        if let Some(event) = event {
            self.books.apply(&event);
        }
        self.look();
    }

    fn line_breaks(&mut self, line: Line) {
        self.client.handle_lost(self.link(line), self.now, Lost::Reset);
        self.look();
    }

    fn seconds_pass(&mut self, seconds: u64) {
        let until = self.now + Duration::from_secs(seconds);
        while let Some(deadline) = self.client.deadline().filter(|deadline| deadline.at <= until) {
            self.now = deadline.at;
            self.client.handle_timeout(self.now);
            self.look();
        }
        self.now = until;
    }
}

// What a story checks.
impl Story {
    /// Compares everything that happened since the last call, in words, with `expected`.
    fn then(&mut self, expected: &[&str]) {
        assert_eq!(std::mem::take(&mut self.happened), expected);
    }

    fn link(&self, line: Line) -> LinkId {
        let links = self.client.links().map(|(link, ..)| link);
        links.filter(|link| link.slot() == line as usize).last().expect("a link")
    }

    /// Returns the prices of the bids, or `None` while the book is not current.
    fn bids(&self) -> Option<Vec<String>> {
        match self.books.get("btcusd") {
            Some(Book::Live(book)) => Some(book.bids().iter().map(|level| level.price.to_string()).collect()),
            _ => None,
        }
    }

    /// Polls all outputs. Appends each of them in words to `happened`, except the events `Requested`.
    fn look(&mut self) {
        while let Some(output) = self.client.poll_output() {
            if let Output::Event(event) = &output {
                self.books.apply(event);
            }
            if !matches!(output, Output::Event(Event::Requested { .. })) {
                let words = self.words(&output);
                self.happened.push(words);
            }
        }
    }

    fn words(&mut self, output: &Output) -> String {
        let line = |link: &LinkId| if link.slot() == 0 { Public } else { Private };
        let now = self.now;
        let next = |retry: &Option<Instant>| match retry.map(|at| at.since(now).as_secs_f64().ceil() as u64) {
            Some(1) => ", next attempt in a second".to_owned(),
            Some(seconds) => format!(", next attempt in {seconds} seconds"),
            None => String::new(),
        };
        match output {
            Output::Connect(link) => format!("{}: dial", line(link)),
            Output::Abort(link) => format!("{}: hang up", line(link)),
            Output::Close { link, .. } => format!("{}: goodbye", line(link)),
            Output::Send { link, text } => {
                // {"id":7,"method":"time"}
                let parts: Vec<&str> =
                    text.split(['"', ':', ',', '}']).filter(|part| !part.is_empty()).collect();
                self.asked[line(link) as usize] = parts[2].parse().expect("a number");
                format!("{}: ask {}", line(link), parts[4])
            }
            Output::Event(event) => match event {
                Event::Opened { link, missing_since: None } => format!("{}: open", line(link)),
                Event::Opened { link, missing_since: Some(_) } => format!("{}: open again", line(link)),
                Event::Live { link } => format!("{}: live", line(link)),
                Event::ConnectFailed { link, retry, .. } => {
                    format!("{}: not connected{}", line(link), next(retry))
                }
                Event::Disconnected { link, retry, .. } => format!("{}: over{}", line(link), next(retry)),
                Event::Subscribed { .. } => "subscribed".to_owned(),
                Event::Synced { .. } => "the book follows".to_owned(),
                Event::Reply { outcome: RequestOutcome::Lost, .. } => "an answer was lost".to_owned(),
                Event::Closed { abandoned, .. } => {
                    let given_up = |count: usize, what| match count {
                        0 => String::new(),
                        count => format!(", {count} {what} given up"),
                    };
                    let requests = given_up(abandoned.requests, "request");
                    format!("the end{requests}{}", given_up(abandoned.links, "link"))
                }
                other => format!("{other:?}"),
            },
            other => format!("{other:?}"),
        }
    }
}
