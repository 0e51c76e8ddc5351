//! Faults of the client, its links and its limits: each test asserts what is right, and failed once.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use gemini_ws::lifecycle::State;
use gemini_ws::{
    Abandoned, AttemptFailure, Client, ClientConfig, CloseReason, CommandError, Config, ConnectFailure,
    Direction, Endpoint, Event, EventBuf, Frame, Instant, LinkId, Lost, NewOrder, Output, RateKind, RateLimiter,
    Request, Scratch, ShutdownPlan, Snapshot, Stream, VenueReason,
};

const SECOND: Duration = Duration::from_secs(1);

fn t(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

fn ms(at: Instant) -> u64 {
    at.as_nanos() / 1_000_000
}

fn s(text: &str) -> Stream {
    text.parse().unwrap()
}

fn status(status: u16) -> ConnectFailure {
    ConnectFailure::Status { status, retry_after: None, reason: None }
}

fn after(status: u16, seconds: u64) -> ConnectFailure {
    ConnectFailure::Status { status, retry_after: Some(Duration::from_secs(seconds)), reason: None }
}

fn because(status: u16, word: &str) -> ConnectFailure {
    ConnectFailure::Status { status, retry_after: None, reason: VenueReason::new(word) }
}

fn order(id: &str) -> Request {
    let (one, hundred) = ("1".parse().unwrap(), "100".parse().unwrap());
    let symbol = "btcusd".parse().unwrap();
    Request::PlaceOrder(NewOrder::limit(id.parse().unwrap(), symbol, Direction::Buy, one, hundred).unwrap())
}

/// A client, and all that it has said.
struct Desk {
    client: Client,
    now: Instant,
    outputs: Vec<Output>,
    /// How many of the outputs were looked at for texts to answer.
    answered: usize,
}

impl Desk {
    fn new(config: Config) -> Desk {
        Desk::many(ClientConfig::new(), [config])
    }

    fn many(config: ClientConfig, endpoints: impl IntoIterator<Item = Config>) -> Desk {
        let mut client = Client::new(config, 1);
        for endpoint in endpoints {
            client.add(t(0), endpoint).unwrap();
        }
        client.open(t(0)).unwrap();
        Desk { client, now: t(0), outputs: Vec::new(), answered: 0 }
    }

    /// With an open link.
    fn live(config: Config) -> Desk {
        let mut desk = Desk::new(config.stay_open(true));
        desk.connect();
        assert_eq!(desk.client.state(desk.link()), Some(State::Live));
        desk
    }

    fn link(&self) -> LinkId {
        self.client.links().next().expect("a link").0
    }

    fn connect(&mut self) {
        self.client.handle_connected(self.link(), self.now);
    }

    /// The instant of the next attempt, after a failure.
    fn fail(&mut self, why: ConnectFailure) -> Option<Instant> {
        self.client.handle_connect_failed(self.link(), self.now, why);
        self.next_attempt()
    }

    fn lose(&mut self, why: Lost) -> Option<Instant> {
        self.client.handle_lost(self.link(), self.now, why);
        self.next_attempt()
    }

    fn next_attempt(&mut self) -> Option<Instant> {
        let mut next = None;
        for event in self.drain() {
            if let Event::ConnectFailed { retry, .. } | Event::Disconnected { retry, .. } = event {
                next = retry;
            }
        }
        next
    }

    /// Takes all outputs; returns the events.
    fn drain(&mut self) -> Vec<Event<'static>> {
        let new: Vec<Output> = std::iter::from_fn(|| self.client.poll_output()).collect();
        self.outputs.extend(new.iter().cloned());
        new.into_iter().filter_map(|it| if let Output::Event(event) = it { Some(event) } else { None }).collect()
    }

    fn text(&mut self, text: &str) -> Option<EventBuf> {
        let (link, mut scratch) = (self.link(), Scratch::new());
        self.client.handle_frame(link, self.now, Frame::Text(text), &mut scratch).map(|it| EventBuf::from(&it))
    }

    /// Answers each text that waits to be sent with this status.
    fn answer(&mut self, status: u16) {
        self.drain();
        for output in self.outputs[std::mem::replace(&mut self.answered, self.outputs.len())..].to_vec() {
            if let Output::Send { text, .. } = output {
                let id = text.trim_start_matches("{\"id\":").split(',').next().unwrap();
                self.text(&format!("{{\"id\":{id},\"status\":{status}}}"));
            }
        }
    }

    /// Keeps every deadline up to an instant, with an answer to each Close.
    fn pass_to(&mut self, until: Instant) {
        while let Some(deadline) = self.client.deadline().filter(|deadline| deadline.at <= until) {
            self.now = self.now.max(deadline.at);
            self.client.handle_timeout(self.now);
            self.answer_closes();
        }
        self.now = until;
        self.client.handle_timeout(until);
        self.answer_closes();
    }

    fn answer_closes(&mut self) {
        let before = self.outputs.len();
        self.drain();
        for output in self.outputs[before..].to_vec() {
            if let Output::Close { link, .. } = output {
                self.client.handle_lost(link, self.now, Lost::End);
            }
        }
        self.drain();
    }

    fn sent(&self, what: &str) -> usize {
        self.outputs.iter().filter(|it| matches!(it, Output::Send { text, .. } if text.contains(what))).count()
    }

    fn dials(&self) -> usize {
        self.outputs.iter().filter(|it| matches!(it, Output::Connect(_))).count()
    }

    fn end(&self) -> Option<(CloseReason, Abandoned)> {
        self.outputs.iter().find_map(|it| match it {
            Output::Event(Event::Closed { reason, abandoned }) => Some((*reason, *abandoned)),
            _ => None,
        })
    }

    /// Places an order that the venue accepts.
    fn place(&mut self, id: &str) {
        self.client.request(self.now, &order(id)).unwrap();
        self.answer(200);
    }

    fn shut_down(&mut self, seconds: u64) {
        let plan = ShutdownPlan::by(self.now + Duration::from_secs(seconds)).cancel_orders(true);
        self.client.shut_down(self.now, plan);
        self.drain();
    }
}

fn private() -> Config {
    Config::new("ws://v").authenticated(true)
}

// ---- A8: what a shutdown has promised -----------------------------------------------------------

#[test]
fn a8_orders_of_a_link_in_backoff_are_cancelled_or_it_is_told() {
    let mut desk = Desk::live(private());
    desk.place("a1");
    desk.lose(Lost::Reset);
    desk.shut_down(10);
    desk.pass_to(t(10_000));
    let (reason, abandoned) = desk.end().unwrap();
    assert_eq!((reason, abandoned.sessions), (CloseReason::RequestedIncomplete, 1));
}

#[test]
fn a8_orders_are_cancelled_or_it_is_told_when_the_limit_on_requests_is_used_up() {
    let mut desk = Desk::live(private().request_limit(1, Duration::from_secs(60)));
    desk.place("a1");
    desk.shut_down(10);
    assert_eq!(desk.sent("order.cancel_session"), 1, "no limit but the venue's own holds it back");
    desk.answer(200);
    desk.pass_to(t(10_000));
    assert_eq!(desk.end().unwrap(), (CloseReason::Requested, Abandoned::default()));
}

/// What may happen to a session before the end, and how many are left with orders that nobody has cancelled.
#[test]
fn a8_each_session_whose_orders_may_rest_is_told() {
    type Story = fn(&mut Desk);
    let lose = |desk: &mut Desk| {
        let at = desk.lose(Lost::Reset).unwrap();
        desk.pass_to(at);
        desk.connect();
    };
    let table: [(&str, bool, usize, Story); 9] = [
        ("no order was placed", false, 0, |desk| desk.now = t(1)),
        ("the venue confirms", false, 0, |desk| desk.place("a")),
        ("the venue refuses", false, 1, |desk| {
            desk.place("a");
            desk.shut_down(10);
            desk.answer(429);
        }),
        ("the venue says nothing", false, 1, |desk| {
            desk.place("a");
            desk.shut_down(10);
            desk.pass_to(t(20_000));
        }),
        ("the venue says nothing, but cancels at the end", true, 0, |desk| {
            desk.place("a");
            desk.shut_down(10);
            desk.pass_to(t(20_000));
        }),
        ("the end is cut short", false, 1, |desk| {
            desk.place("a");
            desk.shut_down(10);
            desk.drain();
            desk.client.close(desk.now);
            desk.answered = desk.outputs.len();
        }),
        ("the application has cancelled them", false, 0, |desk| {
            desk.place("a");
            desk.client.request(desk.now, &Request::CancelSessionOrders).unwrap();
            desk.answer(200);
            desk.lose(Lost::Reset);
        }),
        ("another was placed after the application has cancelled", false, 1, |desk| {
            desk.client.request(desk.now, &Request::CancelAllOrders).unwrap();
            desk.answer(200);
            desk.place("a");
            desk.lose(Lost::Reset);
        }),
        ("the link is lost while the venue cancels", false, 1, |desk| {
            desk.place("a");
            desk.shut_down(10);
            desk.lose(Lost::Reset);
        }),
    ];
    for (what, cancels, sessions, story) in table {
        let mut desk = Desk::live(private().cancel_on_disconnect(cancels));
        story(&mut desk);
        desk.shut_down(10);
        desk.answer(200);
        desk.pass_to(t(60_000));
        let (reason, abandoned) = desk.end().expect(what);
        assert_eq!(abandoned.sessions, sessions, "{what}");
        assert_eq!(reason == CloseReason::RequestedIncomplete, sessions > 0, "{what}: {reason:?}");
    }
    // An earlier session that nothing over the present link can cancel; without a promise nothing is told.
    for promised in [true, false] {
        let mut desk = Desk::live(private());
        desk.place("a");
        lose(&mut desk);
        desk.place("b");
        desk.client.shut_down(desk.now, ShutdownPlan::by(desk.now + SECOND * 10).cancel_orders(promised));
        desk.answer(200);
        desk.pass_to(t(60_000));
        assert_eq!(desk.end().unwrap().1.sessions, usize::from(promised));
    }
}

/// A step that is left leaves time for those behind it.
#[test]
fn a8_a_request_without_an_answer_leaves_time_to_cancel() {
    let mut desk = Desk::live(private());
    desk.place("a");
    desk.client.request(desk.now, &Request::Time).unwrap();
    desk.drain();
    desk.shut_down(10);
    desk.pass_to(t(4_000));
    assert_eq!((desk.sent("order.cancel_session"), desk.end()), (1, None), "7 s until the links close");
}

// ---- A10: both ends of the clock ----------------------------------------------------------------

#[test]
fn a10_every_call_returns_at_both_ends_of_the_clock() {
    let end = Instant::from_nanos(u64::MAX);
    for first in [Instant::ZERO, end] {
        for then in [Instant::ZERO, end] {
            let mut client = Client::single(private().heartbeat_every(SECOND).seed(1));
            let mut scratch = Scratch::new();
            client.open(first).unwrap();
            let link = client.links().next().unwrap().0;
            client.handle_connect_failed(link, first, after(503, u64::MAX));
            client.handle_timeout(then);
            let link = client.links().next().unwrap().0;
            client.handle_connected(link, then);
            let id = client.subscribe(then, s("btcusd@depth")).unwrap();
            let _ = client.request(then, &order("a"));
            client.handle_frame(link, then, Frame::Text("{}"), &mut scratch);
            client.handle_frame(link, then, Frame::Ping(b""), &mut scratch);
            client.handle_resumed(then);
            let _ = client.resync(then, id);
            client.handle_timeout(then);
            let _ = client.unsubscribe(then, id);
            client.handle_lost(link, then, Lost::Reset);
            client.handle_timeout(end);
            let other = client.add(end, Config::new("ws://other")).unwrap();
            client.remove(end, other).unwrap();
            client.shut_down(end, ShutdownPlan::by(then).cancel_orders(true).unsubscribe(true));
            client.handle_timeout(end);
            client.close(end);
            client.handle_timeout(end);
            let outputs: Vec<Output> = std::iter::from_fn(|| client.poll_output()).collect();
            assert!(outputs.len() < 100, "{}", outputs.len());
            assert!(matches!(outputs.last(), Some(Output::Event(Event::Closed { .. }))), "{first:?} {then:?}");
        }
    }
}

// ---- B9, B10: limits ----------------------------------------------------------------------------

#[test]
fn b9_no_window_holds_more_than_the_limit() {
    let (now, window) = (Instant::from_secs(100), SECOND);
    for used in [8_u64, 10] {
        let mut limiter = RateLimiter::per_window(10, window).note_used(used, now);
        let (mut at, mut taken) = (now, 0);
        while at <= now + window {
            match limiter.take(at) {
                Ok(next) => {
                    limiter = next;
                    taken += 1;
                }
                Err(next) => at = next,
            }
        }
        // One that is let through at the very end of the window may count to the next.
        assert!(used + taken <= 11, "{used} used and {taken} let through");
    }
}

fn limits(rows: &[(&str, &str, u64, u64, u64)]) -> String {
    let row = |(kind, unit, number, limit, count): &(&str, &str, u64, u64, u64)| {
        format!(
            r#"{{"rateLimitType":"{kind}","interval":"{unit}","intervalNum":{number},"limit":{limit},"count":{count}}}"#
        )
    };
    rows.iter().map(row).collect::<Vec<_>>().join(",")
}

/// Asks for the limits, and has the venue answer.
fn ask(desk: &mut Desk, rows: &[(&str, &str, u64, u64, u64)]) {
    let id = desk.client.request(desk.now, &Request::ConnectionInfo).unwrap().get();
    desk.drain();
    desk.text(&format!(r#"{{"id":{id},"status":200,"rateLimits":[{}]}}"#, limits(rows)));
}

/// Orders as fast as they are accepted, for so many milliseconds, each answered at once.
fn trade(desk: &mut Desk, for_ms: u64) -> usize {
    let (from, mut taken) = (ms(desk.now), 0);
    for at in from..from + for_ms {
        desk.now = t(at);
        if let Ok(id) = desk.client.request(desk.now, &order("a")) {
            taken += 1;
            desk.text(&format!("{{\"id\":{},\"status\":200}}", id.get()));
            while desk.client.poll_output().is_some() {}
        }
    }
    taken
}

const USUAL: [(&str, &str, u64, u64, u64); 4] = [
    ("REQUEST_WEIGHT", "SECOND", 10, 7_000, 33),
    ("ORDERS", "SECOND", 10, 3_500, 0),
    ("ORDERS", "DAY", 1, 10_000_000, 0),
    ("CONNECTION_ATTEMPTS", "MINUTE", 5, 300, 2),
];

#[test]
fn b10_asking_for_the_limits_does_not_slow_orders_down() {
    let rate = |ask_for: bool| {
        let mut desk = Desk::live(private());
        if ask_for {
            ask(&mut desk, &USUAL);
        }
        trade(&mut desk, 20_000)
    };
    let (before, after) = (rate(false), rate(true));
    assert!(after * 100 >= before * 95, "orders in 20 s: {before} before, {after} after");
}

#[test]
fn b10_the_venues_limits_can_loosen_again() {
    let strict: [&[(&str, &str, u64, u64, u64)]; 4] = [
        &[("ORDERS", "SECOND", 10, 2, 0)],
        &[("ORDERS", "SECOND", 10, 0, 0)],
        &[("ORDERS", "DAY", 1, 5, 5)],
        &[("ORDERS", "HOUR", u64::MAX, u64::MAX, u64::MAX)],
    ];
    for rows in strict {
        let mut desk = Desk::live(private());
        let before = trade(&mut desk.clone_at(t(1_000)), 8_000);
        ask(&mut desk, rows);
        let strictly = trade(&mut desk.clone_at(t(1_000)), 8_000);
        desk.now = t(1_000);
        ask(&mut desk, &USUAL);
        desk.now = t(3_601_000);
        let again = trade(&mut desk, 8_000);
        assert!(strictly <= 2 || rows[0].3 == u64::MAX, "{rows:?}: {strictly}");
        assert!(again * 100 >= before * 95, "{rows:?}: {again} of {before}");
    }
    // A limit of zero is over with its window, asked or not; no window makes anything wait for days.
    let mut desk = Desk::live(private());
    ask(&mut desk, &[("ORDERS", "SECOND", 10, 0, 0)]);
    assert!(matches!(
        desk.client.request(desk.now, &order("a")),
        Err(CommandError::RateLimited { limit: RateKind::Orders, retry, .. }) if retry == t(10_000)
    ));
    desk.now = t(10_000);
    assert!(trade(&mut desk, 10_000) > 3_000);
    for rows in [("REQUEST_WEIGHT", "DAY", 300, 1, 1), ("REQUEST_WEIGHT", "DAY", u64::MAX, 0, 0)] {
        let mut desk = Desk::live(private());
        ask(&mut desk, &[rows]);
        let Err(CommandError::RateLimited { retry, .. }) = desk.client.request(desk.now, &Request::Time) else {
            panic!("{rows:?}")
        };
        assert!(retry <= t(3_600_000), "{rows:?}: {retry:?}");
    }
}

impl Desk {
    fn clone_at(&self, now: Instant) -> Desk {
        Desk { client: self.client.clone(), now, outputs: Vec::new(), answered: 0 }
    }
}

#[test]
fn b9_what_was_sent_since_the_question_counts() {
    let mut desk = Desk::live(private().request_limit(1_000, SECOND * 10));
    let id = desk.client.request(desk.now, &Request::ConnectionInfo).unwrap().get();
    for _ in 0..3 {
        desk.client.request(desk.now, &Request::Time).unwrap();
    }
    desk.drain();
    let rows = limits(&[("REQUEST_WEIGHT", "SECOND", 10, 10, 7)]);
    desk.text(&format!(r#"{{"id":{id},"status":200,"rateLimits":[{rows}]}}"#));
    let refused = desk.client.request(desk.now, &Request::Time).unwrap_err();
    assert!(matches!(refused, CommandError::RateLimited { limit: RateKind::Requests, window, retry }
        if window == SECOND * 10 && retry > t(10_000)), "seven and three of ten: {refused:?}");
}

// ---- B12, ceilings: delays ----------------------------------------------------------------------

#[test]
fn b12_clients_do_not_come_back_in_the_same_instant() {
    type End = fn(&mut Client, LinkId);
    let ends: [(&str, End); 7] = [
        ("503", |client, link| client.handle_connect_failed(link, t(0), status(503))),
        ("429", |client, link| client.handle_connect_failed(link, t(0), status(429))),
        ("429 with a delay", |client, link| client.handle_connect_failed(link, t(0), after(429, 60))),
        ("a delay beyond the ceiling", |client, link| {
            client.handle_connect_failed(link, t(0), after(503, 1_000_000));
        }),
        ("404", |client, link| client.handle_connect_failed(link, t(0), status(404))),
        ("1013", |client, link| closed(client, link, 1013)),
        ("1008", |client, link| closed(client, link, 1008)),
    ];
    fn closed(client: &mut Client, link: LinkId, code: u16) {
        client.handle_connected(link, t(0));
        client.handle_lost(link, t(0), Lost::Closed { code: Some(code) });
    }
    for backoff in [None, Some(Duration::from_secs(30))] {
        for (what, end) in ends {
            let mut times = BTreeSet::new();
            for seed in 0..100 {
                let config = Config::new("ws://v").seed(seed);
                // A least delay that is also the most.
                let config = backoff.map_or(config.clone(), |delay| config.backoff(delay, delay));
                let mut client = Client::single(config);
                client.open(t(0)).unwrap();
                let link = client.links().next().unwrap().0;
                end(&mut client, link);
                times.insert(client.deadline().unwrap().at);
            }
            assert!(times.len() > 50, "{what}: {} times of return of a hundred clients", times.len());
        }
    }
}

#[test]
fn also_retry_after_has_a_ceiling() {
    for (named, max, most) in [(31_536_000, None, 3_602), (u64::MAX, None, 3_602), (600, Some(60), 62), (60, None, 62)] {
        let config = Config::new("ws://v").stay_open(true);
        let config = max.map_or(config.clone(), |max| config.retry_after_max(Duration::from_secs(max)));
        let mut desk = Desk::new(config.clone());
        let why = after(503, named);
        desk.client.handle_connect_failed(desk.link(), t(0), why);
        let told = desk.drain();
        let Some(Event::ConnectFailed { reason, retry: Some(retry), .. }) = told.first() else { panic!("{told:?}") };
        assert_eq!(*reason, why, "what was asked for is in the event");
        assert!(*retry <= Instant::from_secs(most) && *retry >= Instant::from_secs(named.min(most - 2)), "{retry:?}");
        // The host holds other links for as long.
        desk.client.add(t(0), config).unwrap();
        desk.drain();
        assert_eq!(desk.dials(), 1);
        desk.pass_to(Instant::from_secs(most + 2));
        assert!(desk.dials() >= 2);
    }
}

// ---- B13: time limits of parts ------------------------------------------------------------------

#[test]
fn b13_a_closing_handshake_takes_no_longer_than_its_timeout() {
    type End = fn(&mut Client);
    let ends: [(&str, End); 3] = [
        ("shut_down", |client| client.shut_down(t(10), ShutdownPlan::by(t(600_000)))),
        ("close_by", |client| client.close_by(t(10), t(600_000))),
        ("remove", |client| {
            let endpoint = client.endpoints().next().unwrap();
            client.remove(t(10), endpoint).unwrap();
        }),
    ];
    for (what, end) in ends {
        let mut desk = Desk::live(private());
        end(&mut desk.client);
        let deadline = desk.client.deadline().unwrap();
        assert!(deadline.at <= t(3_010), "{what}: {:?} at {} ms", deadline.cause, ms(deadline.at));
    }
}

// ---- BR-07, BR-08: final only where time cannot cure ---------------------------------------------

#[test]
fn br08_what_is_final_and_what_is_not() {
    use ConnectFailure::{Certificate, CertificateTime, InvalidUrl};
    // The least delay in seconds on an endpoint that has not worked before, and on one that has; `None`: final.
    let table: &[(ConnectFailure, bool, Option<u64>, Option<u64>)] = &[
        (InvalidUrl, false, None, None),
        (ConnectFailure::NoCredentials, true, None, None),
        (because(403, "InvalidApiKey"), false, None, Some(30)),
        (Certificate, false, None, Some(30)),
        (CertificateTime, false, Some(30), Some(30)),
        (status(400), true, Some(0), Some(0)),
        (because(400, "InvalidNonce"), true, Some(0), Some(0)),
        (because(400, "InvalidSignature"), true, None, Some(30)),
        (because(400, "MissingApikeyHeader"), true, None, Some(30)),
        (because(403, "InvalidApiKey"), true, None, Some(30)),
        (status(401), true, None, Some(30)),
        (status(401), false, None, Some(30)),
        (status(403), true, None, Some(30)),
        (status(403), false, Some(30), Some(30)),
        (status(404), true, None, Some(30)),
        (status(404), false, Some(30), Some(30)),
        (status(410), false, None, Some(30)),
        (status(426), false, None, Some(30)),
        (after(403, 60), true, Some(60), Some(60)),
        (after(404, 60), false, Some(60), Some(60)),
        (after(410, 60), true, Some(60), Some(60)),
        (after(401, 60), true, Some(60), Some(60)),
        (status(502), false, Some(0), Some(0)),
    ];
    for (why, is_signed, at_first, later) in table {
        for has_worked in [false, true] {
            let mut desk = Desk::new(Config::new("ws://v").authenticated(*is_signed).stay_open(true));
            if has_worked {
                desk.connect();
                let at = desk.lose(Lost::Reset).unwrap();
                desk.pass_to(at);
            }
            let (now, retry) = (desk.now, desk.fail(*why));
            let expected = if has_worked { later } else { at_first };
            let least = retry.map(|at| at.since(now).as_secs() / 30 * 30);
            assert_eq!(least, expected.map(Duration::from_secs).map(|it| it.as_secs()), "{why:?}, {is_signed}, {has_worked}");
        }
    }
}

#[test]
fn br08_another_link_of_the_endpoint_has_shown_that_it_works() {
    let mut desk = Desk::new(private().streams_max(1));
    desk.client.subscribe(t(0), s("btcusd@trade")).unwrap();
    desk.client.subscribe(t(0), s("ethusd@trade")).unwrap();
    let links: Vec<LinkId> = desk.client.links().map(|link| link.0).collect();
    desk.client.handle_connected(links[0], t(0));
    desk.client.handle_connect_failed(links[1], t(1), status(403));
    assert!(desk.next_attempt().is_some(), "the credentials have been accepted over the other link");
}

#[test]
fn br08_a_code_of_the_peer_is_final_unless_the_link_had_lasted() {
    for code in [1010, 4001, 4003, 4401, 4403] {
        for lasts in [1, 31] {
            let mut desk = Desk::live(private());
            for second in 1..=lasts {
                desk.now = Instant::from_secs(second);
                desk.client.handle_frame(desk.link(), desk.now, Frame::Ping(b""), &mut Scratch::new());
            }
            let retry = desk.lose(Lost::Closed { code: Some(code) });
            assert_eq!(retry.is_some_and(|at| at >= desk.now + SECOND * 30), lasts > 30, "{code} after {lasts} s");
        }
    }
}

#[test]
fn br09_a_reason_is_a_word_and_nothing_else() {
    let body = r#"{"result":"error","reason":"InvalidSignature","message":"no"}"#;
    assert_eq!(VenueReason::of_body(body.as_bytes()).unwrap().to_string(), "InvalidSignature");
    for body in ["", "<html>", "{}", r#"{"result":"error","reason":"clear \u001b[2J","message":"x"}"#, "\u{ff}"] {
        assert_eq!(VenueReason::of_body(body.as_bytes()), None, "{body}");
    }
    assert_eq!(VenueReason::new(&"x".repeat(200)).unwrap().as_str().len(), VenueReason::LENGTH_MAX);
    let told = because(400, "InvalidSignature").to_string();
    assert_eq!(told, "upgrade answered with HTTP status 400, InvalidSignature");
    let reason: &dyn std::error::Error = &CloseReason::ConnectRefused(ConnectFailure::Tls);
    assert_eq!(reason.to_string(), "cannot connect: TLS handshake failed");
}

// ---- our own end --------------------------------------------------------------------------------

#[test]
fn also_our_own_end_is_not_the_peers() {
    type End = fn(&mut Client, LinkId);
    let table: [(End, Lost); 5] = [
        (|client, link| client.handle_lost(link, t(2), Lost::End), Lost::Requested),
        (|client, link| client.handle_lost(link, t(2), Lost::Closed { code: Some(1000) }), Lost::Requested),
        (|client, link| {
            let frame = Frame::Close { code: Some(4001), reason: "" };
            assert!(client.handle_frame(link, t(2), frame, &mut Scratch::new()).is_none());
        }, Lost::Requested),
        (|client, link| client.handle_lost(link, t(2), Lost::Reset), Lost::Reset),
        (|client, _| client.handle_timeout(t(60_000)), Lost::CloseTimedOut),
    ];
    for (end, expected) in table {
        let mut desk = Desk::live(private());
        desk.client.close(t(1));
        let link = desk.link();
        end(&mut desk.client, link);
        let told = desk.drain();
        let is_told = |it: &Event<'_>| matches!(it, Event::Disconnected { reason, .. } if *reason == expected);
        assert!(told.iter().any(is_told), "{expected:?}: {told:?}");
        assert!(matches!(desk.end().unwrap().0, CloseReason::Requested | CloseReason::RequestedUnclean));
    }
}

// ---- C10, C11, C19: what is counted, and what is kept -------------------------------------------

#[test]
fn c10_a_stable_link_starts_the_count_of_attempts_again() {
    let mut desk = Desk::live(private().attempts_max(1));
    for second in 0..3_600 {
        desk.now = Instant::from_secs(second);
        desk.client.handle_frame(desk.link(), desk.now, Frame::Ping(b""), &mut Scratch::new());
    }
    assert!(desk.lose(Lost::Reset).is_some(), "live for an hour, lost once, and no attempt has failed");
}

#[test]
fn c10_attempts_that_fail_are_counted_and_nothing_else() {
    use AttemptFailure::{Connect, Lost as WasLost};
    // Whether a link is live for a moment before it is lost.
    type Attempt = (Option<bool>, ConnectFailure, Lost);
    let refused: Attempt = (None, ConnectFailure::Refused, Lost::End);
    let lived: Attempt = (Some(true), ConnectFailure::Refused, Lost::Reset);
    let unanswered: Attempt = (Some(false), ConnectFailure::Refused, Lost::Protocol);
    let table: [(&[Attempt], Option<AttemptFailure>); 4] = [
        (&[refused, refused, refused], Some(Connect(ConnectFailure::Refused))),
        (&[lived; 20], None),
        (&[refused, lived, unanswered, lived, unanswered], Some(WasLost(Lost::Protocol))),
        (&[unanswered, unanswered], None),
    ];
    for (attempts, expected) in table {
        let mut desk = Desk::new(Config::new("ws://v").attempts_max(3));
        desk.client.subscribe(t(0), s("btcusd@trade")).unwrap();
        for (is_live, failure, loss) in attempts {
            let next = match is_live {
                None => desk.fail(*failure),
                Some(is_live) => {
                    desk.connect();
                    if *is_live {
                        desk.answer(200);
                    }
                    desk.lose(*loss)
                }
            };
            next.into_iter().for_each(|at| desk.pass_to(at));
        }
        let exhausted = expected.map(|last| CloseReason::AttemptsExhausted { attempts: 3, last });
        assert_eq!(desk.end().map(|end| end.0), exhausted, "{attempts:?}");
    }
}

#[test]
fn c11_one_stream_can_take_the_place_of_another_on_the_only_link() {
    let mut desk = Desk::many(ClientConfig::new().links_max(1), [Config::new("ws://v")]);
    let mut id = desk.client.subscribe(t(0), s("btcusd@trade")).unwrap();
    desk.connect();
    desk.answer(200);
    for round in 1..=3 {
        desk.now = t(round * 4_000);
        desk.client.unsubscribe(desk.now, id).unwrap();
        desk.answer(200);
        let stream = s(if round % 2 == 0 { "btcusd@trade" } else { "ethusd@trade" });
        id = desk.client.subscribe(desk.now, stream).unwrap();
        desk.answer(200);
        desk.pass_to(t(round * 4_000 + 3_900));
    }
    assert_eq!((desk.dials(), desk.client.links().count()), (1, 1));
    // In the end nothing needs it.
    desk.client.unsubscribe(desk.now, id).unwrap();
    desk.answer(200);
    let left = desk.now;
    desk.pass_to(left + Duration::from_millis(4_999));
    assert_eq!(desk.client.links().count(), 1);
    desk.pass_to(left + SECOND * 5);
    assert_eq!(desk.client.links().count(), 0);
}

#[test]
fn c19_open_in_a_loop_does_not_hammer() {
    let mut desk = Desk::many(ClientConfig::new(), [private(), Config::new("ws://public")]);
    let mut dials = 0;
    while desk.now < t(5_000) {
        let before = desk.outputs.len();
        desk.drain();
        for output in desk.outputs[before..].to_vec() {
            match output {
                Output::Connect(link) => {
                    dials += 1;
                    desk.client.handle_connect_failed(link, desk.now, status(401));
                }
                Output::Event(Event::LinkClosed { .. }) => desk.client.open(desk.now).unwrap(),
                _ => {}
            }
        }
        desk.now = desk.now + Duration::from_millis(1);
        desk.client.handle_timeout(desk.now);
    }
    assert!(dials <= 10, "{dials} dials in five seconds, each refused with 401");
}

/// Nor does a stream that is subscribed anew each time, whose link is made anew.
#[test]
fn c19_subscribing_in_a_loop_does_not_hammer() {
    for why in [ConnectFailure::Refused, status(401), ConnectFailure::Certificate] {
        let mut desk = Desk::new(Config::new("ws://v").linger(Duration::ZERO));
        // Another that works keeps the client going.
        desk.client.add(t(0), Config::new("ws://w").stay_open(true)).unwrap();
        let other = desk.link();
        desk.client.handle_connected(other, t(0));
        desk.drain();
        while desk.now < t(5_000) {
            let id = desk.client.subscribe(desk.now, s("btcusd@trade"));
            let before = desk.outputs.len();
            desk.drain();
            for output in desk.outputs[before..].to_vec() {
                if let Output::Connect(link) = output {
                    desk.client.handle_connect_failed(link, desk.now, why);
                }
            }
            id.into_iter().for_each(|id| desk.client.unsubscribe(desk.now, id).unwrap());
            desk.drain();
            desk.now = desk.now + Duration::from_millis(10);
            desk.client.handle_timeout(desk.now);
        }
        assert!(desk.dials() <= 10, "{why:?}: {} dials in five seconds", desk.dials());
    }
}

// ---- C20: hosts and addresses -------------------------------------------------------------------

fn hosts(client: &Client) -> usize {
    format!("{client:?}").matches("Limits {").count()
}

#[test]
fn c20_hosts_of_removed_endpoints_are_forgotten() {
    for dials in [false, true] {
        let mut desk = Desk::many(ClientConfig::new(), []);
        for n in 0..5_000 {
            desk.now = t(n * 10);
            let config = Config::new(format!("ws://127.0.0.1:{n}/")).stay_open(dials);
            let id = desk.client.add(desk.now, config).unwrap();
            desk.client.remove(desk.now, id).unwrap();
            while desk.client.poll_output().is_some() {}
        }
        assert!(hosts(&desk.client) <= 300, "hosts kept: {}", hosts(&desk.client));
        desk.client.add(t(3_600_000), Config::new("ws://v")).unwrap();
        assert_eq!(hosts(&desk.client), 1);
    }
}

#[test]
fn c20_a_host_that_is_added_again_remembers_what_was_used() {
    let config = || Config::new("ws://v").stay_open(true).dial_limit(2, SECOND * 100);
    let mut desk = Desk::many(ClientConfig::new(), []);
    for _ in 0..10 {
        let id = desk.client.add(t(0), config()).unwrap();
        desk.drain();
        desk.client.remove(t(0), id).unwrap();
    }
    desk.drain();
    assert_eq!(desk.dials(), 1, "half of two at once");
}

/// The limits are those of the endpoints that there are.
#[test]
fn c20_the_limits_of_a_removed_endpoint_do_not_hold() {
    let mut desk = Desk::live(private());
    let strict = desk.client.add(t(0), Config::new("ws://V:80/?x=1").request_limit(2, SECOND * 10)).unwrap();
    let requests = |desk: &mut Desk| (0..20).filter(|_| desk.client.request(t(0), &Request::Time).is_ok()).count();
    assert_eq!(requests(&mut desk), 1);
    desk.client.remove(t(0), strict).unwrap();
    assert_eq!(requests(&mut desk), 20);
}

#[test]
fn c20_spellings_of_an_address_are_one() {
    let mut client = Client::new(ClientConfig::new(), 1);
    for address in ["wss://ws.gemini.com/", "wss://WS.Gemini.com:443/", "WSS://ws.gemini.com", "wss://ws.gemini.com.", "wss://a:b@ws.gemini.com:0443/?x=1"] {
        let config = Config::new(address);
        assert!(!format!("{config:?}").contains("a:b"));
        client.add(t(0), config).unwrap();
        assert_eq!(hosts(&client), 1, "{address}");
    }
    for (address, endpoint) in [
        ("wss://api.gemini.com/v2/marketdata/", Endpoint::MarketDataV2),
        ("wss://api.gemini.com/v1/marketdata/btcusd/?heartbeat=false", Endpoint::MarketDataV1),
        ("wss://api.gemini.com/v1/order/events/#top", Endpoint::OrderEventsV1),
        ("wss://api.gemini.com/v2", Endpoint::Streams),
    ] {
        let config = Config::new(address);
        assert_eq!(config.endpoint(), endpoint, "{address}");
        assert!(!config.url().contains("/?heartbeat") && config.url().matches("heartbeat=").count() <= 1);
    }
}

#[test]
fn c20_a_parameter_of_the_user_is_not_repeated() {
    for (query, snapshot, cancels) in [
        ("snapshot=0", Snapshot::Full, false),
        ("snapshot=-1&snapshot=-1", Snapshot::Full, false),
        ("snapshot=7&cancelOnDisconnect=true", Snapshot::Best(NonZeroU32::new(7).unwrap()), true),
        ("cancelOnDisconnect=false", Snapshot::Full, false),
    ] {
        let config = Config::new(format!("wss://ws.gemini.com/?{query}"));
        let url = config.url();
        assert!(url.matches("snapshot=").count() == 1 && url.matches("cancelOnDisconnect=").count() <= 1, "{url}");
        assert_eq!((config.get_snapshot(), config.get_cancel_on_disconnect()), (snapshot, cancels), "{url}");
    }
}

#[test]
fn also_what_is_refused_says_with_what() {
    let mut desk = Desk::live(Config::new("ws://v"));
    desk.client.subscribe(t(0), s("btcusd@depth")).unwrap();
    let refused = desk.client.subscribe(t(0), s("btcusd@depth@100ms"));
    assert_eq!(refused, Err(CommandError::Ambiguous { with: s("btcusd@depth") }));
    assert!(refused.unwrap_err().to_string().starts_with("btcusd@depth is subscribed"));
}
