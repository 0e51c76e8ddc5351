//! A client over many links: which there are, what goes over which, and that the end of one touches no other.

use std::time::Duration;

use gemini_ws::lifecycle::{State, StreamState};
use gemini_ws::{
    Abandoned, Book, Books, Client, ClientConfig, CloseReason, CommandError, Config, ConnectFailure,
    EndpointId, Event, Frame, Instant, Limit, LinkId, Lost, NewOrder, Output, RateKind, Readiness, Request,
    RequestOutcome, Scratch, ShutdownPlan, ShutdownStep, Side, Stream, StreamId, Timer,
};

const SECOND: Duration = Duration::from_secs(1);
const SNAPSHOT: &str = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["1","1"]],"a":[]}"#;
const OK: &str = "\"status\":200";

fn stream(name: &str) -> Stream {
    name.parse().unwrap()
}

fn order(id: &str) -> Request {
    Request::PlaceOrder(NewOrder::limit(id, "btcusd", Side::Buy, "1", "100").unwrap())
}

/// A client and all that it has said.
struct Desk {
    client: Client,
    now: Instant,
    /// What was sent over which link, not answered yet.
    sent: Vec<(LinkId, String)>,
    dials: Vec<LinkId>,
    closes: Vec<LinkId>,
    aborts: Vec<LinkId>,
    events: Vec<String>,
    books: Books,
}

impl Desk {
    fn new(config: ClientConfig, endpoints: &[Config]) -> Desk {
        let mut client = Client::new(config, 7);
        for endpoint in endpoints {
            client.add(Instant::ZERO, endpoint.clone()).unwrap();
        }
        Desk {
            client,
            now: Instant::ZERO,
            sent: Vec::new(),
            dials: Vec::new(),
            closes: Vec::new(),
            aborts: Vec::new(),
            events: Vec::new(),
            books: Books::new(),
        }
    }

    /// Public data and an account, both at one host.
    fn trading() -> Desk {
        Desk::new(ClientConfig::new(), &[public(), private()])
    }

    fn drain(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Connect(link) => self.dials.push(link),
                Output::Send { link, text } => self.sent.push((link, text)),
                Output::Close { link, .. } => self.closes.push(link),
                Output::Abort(link) => self.aborts.push(link),
                Output::Event(event) => {
                    self.books.apply(&event);
                    self.events.push(said(&event));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn open(&mut self) {
        self.client.open(self.now).unwrap();
        self.drain();
    }

    fn subscribe(&mut self, name: &str) -> StreamId {
        let id = self.client.subscribe(self.now, stream(name)).unwrap();
        self.drain();
        id
    }

    /// Every dial under way succeeds, and every request is answered.
    fn settle(&mut self) {
        self.drain();
        while !self.dials.is_empty() || !self.sent.is_empty() {
            for link in std::mem::take(&mut self.dials) {
                self.client.handle_connected(link, self.now);
            }
            self.drain();
            self.answer_all();
        }
    }

    fn answer_all(&mut self) {
        for (link, text) in std::mem::take(&mut self.sent) {
            let request: serde_json::Value = serde_json::from_str(&text).unwrap();
            self.frame(link, &format!("{{\"id\":{},{OK}}}", request["id"]));
        }
    }

    fn frame(&mut self, link: LinkId, text: &str) {
        let mut scratch = Scratch::new();
        if let Some(event) = self.client.handle_frame(link, self.now, Frame::Text(text), &mut scratch) {
            self.books.apply(&event);
            self.events.push(said(&event));
        }
        self.drain();
    }

    fn peer_closes(&mut self, link: LinkId, code: u16) {
        let frame = Frame::Close { code: Some(code), reason: "" };
        self.client.handle_frame(link, self.now, frame, &mut Scratch::new());
        self.drain();
    }

    /// Time passes, with a wake-up at each deadline.
    fn pass(&mut self, duration: Duration) {
        let until = self.now + duration;
        while let Some(deadline) = self.client.deadline().filter(|deadline| deadline.at <= until) {
            assert!(deadline.at >= self.now);
            self.now = self.now.max(deadline.at);
            self.client.handle_timeout(self.now);
            assert!(self.client.deadline().is_none_or(|next| next.at > self.now), "due for ever");
            self.drain();
        }
        self.now = until;
    }

    /// The link of an endpoint: the n-th, in the order of their places.
    fn link(&self, endpoint: usize, nth: usize) -> LinkId {
        let ids: Vec<EndpointId> = self.endpoints();
        self.client.links().filter(|(_, id, _)| *id == ids[endpoint]).nth(nth).expect("a link").0
    }

    fn endpoints(&self) -> Vec<EndpointId> {
        let mut ids: Vec<EndpointId> = self.client.links().map(|(_, id, _)| id).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    fn states(&self) -> Vec<State> {
        self.client.links().map(|(_, _, state)| state).collect()
    }

    fn take_events(&mut self) -> Vec<String> {
        std::mem::take(&mut self.events)
    }
}

fn public() -> Config {
    Config::new("ws://venue").linger(Duration::ZERO)
}

fn private() -> Config {
    Config::new("ws://venue").authenticated(true).linger(Duration::ZERO)
}

fn said(event: &Event<'_>) -> String {
    match event {
        Event::Opened { link, .. } => format!("opened {link}"),
        Event::Live { link } => format!("live {link}"),
        Event::Subscribed { stream, .. } => format!("subscribed {stream}"),
        Event::Unsubscribed { stream, last, .. } => format!("unsubscribed {stream} {last}"),
        Event::Rejected { stream, .. } => format!("rejected {stream}"),
        Event::Disconnected { link, reason: why, retry } => {
            format!("disconnected {link}: {why}{}", if retry.is_some() { "; retry" } else { "" })
        }
        Event::ConnectFailed { link, reason: why, retry } => {
            format!("failed {link}: {why}{}", if retry.is_some() { "; retry" } else { "" })
        }
        Event::LinkClosed { link, reason } => format!("link closed {link}: {reason}"),
        Event::Closed { reason, abandoned } => {
            format!("closed: {reason}; {} requests, {} links", abandoned.requests, abandoned.links)
        }
        Event::ShuttingDown { step } => format!("{step:?}"),
        Event::Reply { about, outcome, .. } => match outcome {
            RequestOutcome::Answered(_) => format!("reply {about:?}"),
            other => format!("reply {about:?} {other:?}"),
        },
        Event::HeartbeatDue { link, since } => {
            format!("heartbeat {link} since {}", since.as_nanos() / 1_000_000_000)
        }
        Event::Silent { stream, .. } => format!("quiet {stream}"),
        other => format!("{other:?}").split([' ', '(']).next().unwrap().to_lowercase(),
    }
}

// ---- which links there are -----------------------------------------------------------------

#[test]
fn links_are_opened_when_first_wanted_and_closed_when_nothing_is() {
    let mut desk = Desk::new(ClientConfig::new(), &[public()]);
    desk.open();
    assert!(desk.dials.is_empty() && desk.states().is_empty());
    let trades = desk.subscribe("btcusd@trade");
    desk.settle();
    assert_eq!(desk.states(), [State::Live]);
    let link = desk.link(0, 0);
    desk.take_events();

    desk.client.unsubscribe(desk.now, trades).unwrap();
    desk.settle();
    assert_eq!(desk.closes, [link]);
    desk.peer_closes(link, 1000);
    let expected = [
        "unsubscribed btcusd@trade true",
        "disconnected link 0.1: closed by us",
        "link closed link 0.1: closed as requested",
    ];
    assert_eq!(desk.take_events(), expected);
    assert!(desk.states().is_empty() && desk.client.deadline().is_none());

    // Wanted again: the next attempt in the same place, with another number.
    desk.subscribe("btcusd@trade");
    assert_eq!(desk.dials.iter().map(|link| (link.slot(), link.epoch())).collect::<Vec<_>>(), [(0, 2)]);
}

#[test]
fn a_link_with_a_request_under_way_is_not_closed_before_its_answer() {
    let mut desk = Desk::new(ClientConfig::new(), &[public()]);
    let trades = desk.subscribe("btcusd@trade");
    desk.open();
    desk.settle();
    desk.client.request(desk.now, &Request::Time).unwrap();
    desk.client.unsubscribe(desk.now, trades).unwrap();
    desk.drain();
    let leave = desk.sent.pop().unwrap();
    let ask = desk.sent.pop().unwrap();
    desk.sent.push(leave);
    desk.answer_all();
    assert!(desk.closes.is_empty());
    desk.sent.push(ask);
    desk.answer_all();
    assert_eq!(desk.closes.len(), 1);
}

#[test]
fn streams_go_where_they_belong() {
    // endpoints, stream, the endpoint that gets it
    let (v2, v1) = (Config::new("ws://venue/v2/marketdata"), Config::new("ws://venue/v1/marketdata/btcusd"));
    let table: [(&[Config], &str, Result<usize, CommandError>); 9] = [
        (&[public(), private()], "btcusd@trade", Ok(0)),
        (&[private(), public()], "btcusd@trade", Ok(1)),
        (&[private()], "btcusd@trade", Ok(0)),
        (&[public(), private()], "orders@account", Ok(1)),
        (&[public()], "orders@account", Err(CommandError::NotAuthenticated)),
        (std::slice::from_ref(&v2), "orders@account", Err(CommandError::WrongEndpoint)),
        (&[public(), v2.clone()], "btcusd@candles_1m", Ok(1)),
        (&[v2.clone(), public()], "btcusd@depth@100ms", Ok(0)),
        (std::slice::from_ref(&v1), "btcusd@trade", Err(CommandError::WrongEndpoint)),
    ];
    for (endpoints, name, expected) in table {
        let mut client = Client::new(ClientConfig::new(), 1);
        let ids: Vec<EndpointId> =
            endpoints.iter().map(|it| client.add(Instant::ZERO, it.clone()).unwrap()).collect();
        let result = client.subscribe(Instant::ZERO, stream(name));
        let got = result.map(|id| {
            let (_, endpoint, _) = client.links().find(|(link, ..)| link.slot() == id.link_slot()).unwrap();
            ids.iter().position(|it| *it == endpoint).unwrap()
        });
        assert_eq!(got, expected, "{name} of {}", endpoints.len());
    }
}

#[test]
fn a_full_link_is_followed_by_another() {
    let config = public().streams_max(2);
    let mut desk = Desk::new(ClientConfig::new().links_max(3).streams_max(5), &[config]);
    desk.open();
    for number in 0..5 {
        desk.subscribe(&format!("sym{number}usd@trade"));
    }
    assert_eq!(desk.dials.len(), 3);
    let sixth = stream("sym5usd@trade");
    assert_eq!(desk.client.subscribe(desk.now, sixth), Err(CommandError::TooMany(Limit::Streams)));
    desk.settle();
    assert_eq!(desk.states(), [State::Live; 3]);
    // One that is there already takes no room.
    assert!(desk.client.subscribe(desk.now, stream("sym4usd@trade")).is_ok());

    let mut desk = Desk::new(ClientConfig::new().links_max(1), &[public().streams_max(1)]);
    desk.subscribe("btcusd@trade");
    let second = desk.client.subscribe(desk.now, stream("ethusd@trade"));
    assert_eq!(second, Err(CommandError::TooMany(Limit::Links)));
}

#[test]
fn frames_that_look_alike_are_not_subscribed_on_two_links() {
    let mut desk =
        Desk::new(ClientConfig::new(), &[public().streams_max(1), Config::new("ws://venue/v2/marketdata")]);
    desk.subscribe("btcusd@depth@100ms");
    let slow = desk.client.subscribe(desk.now, stream("btcusd@depth"));
    assert_eq!(slow, Err(CommandError::Ambiguous { with: stream("btcusd@depth@100ms") }));
    let archived = desk.client.links().count();
    assert_eq!(archived, 1);
}

#[test]
fn what_the_address_says_is_wanted_at_once() {
    let archived = Config::new("ws://venue/v1/marketdata/btcusd");
    let mut desk = Desk::new(ClientConfig::new(), &[archived]);
    desk.open();
    assert_eq!(desk.dials.len(), 1);
    desk.settle();
    assert_eq!(desk.states(), [State::Live]);
    let (link, endpoint) = (desk.link(0, 0), desk.endpoints()[0]);
    desk.client.remove(desk.now, endpoint).unwrap();
    desk.drain();
    assert_eq!(desk.closes, [link]);
    assert_eq!(desk.client.remove(desk.now, endpoint), Err(CommandError::UnknownEndpoint));
}

// ---- ends of single links ------------------------------------------------------------------

#[test]
fn the_end_of_one_link_touches_no_other() {
    let mut desk = Desk::trading();
    desk.subscribe("btcusd@trade");
    desk.subscribe("orders@account");
    desk.open();
    desk.settle();
    let (public, private) = (desk.link(0, 0), desk.link(1, 0));
    assert_eq!(desk.client.readiness(), Readiness::Ready);
    desk.take_events();
    desk.client.handle_lost(public, desk.now, Lost::Reset);
    desk.drain();
    assert_eq!(desk.take_events(), ["disconnected link 0.1: the transport was reset; retry"]);
    assert_eq!(desk.client.state(private), Some(State::Live));
    assert_eq!(desk.client.readiness(), Readiness::Partly);
    assert!(desk.client.request(desk.now, &order("a")).is_ok());
}

/// L-082: credentials that are refused end the private link, and nothing else; opening again tries once more.
#[test]
fn a_link_given_up_for_good_waits_for_open() {
    let mut desk = Desk::trading();
    desk.subscribe("btcusd@trade");
    let orders = desk.subscribe("orders@account");
    desk.open();
    let [public, private] = desk.dials[..] else { panic!("{:?}", desk.dials) };
    desk.dials.clear();
    desk.client.handle_connected(public, desk.now);
    let refused = ConnectFailure::Status { status: 401, retry_after: None, reason: None };
    desk.client.handle_connect_failed(private, desk.now, refused);
    desk.settle();
    let events = desk.take_events().join("\n");
    assert!(
        events.contains("link closed link 1.1: cannot connect: upgrade answered with HTTP status 401"),
        "{events}"
    );
    assert!(!events.contains("closed: "), "{events}");
    desk.pass(SECOND * 20);
    assert!(desk.dials.is_empty());
    assert_eq!(desk.client.state(public), Some(State::Live));
    assert_eq!(desk.client.request(desk.now, &order("a")), Err(CommandError::NotConnected));
    assert_eq!(desk.client.subscribe(desk.now, stream("balances@account")), Err(CommandError::GivenUp));
    assert!(desk.client.streams().any(|(id, _, state)| id == orders && state == StreamState::Wanted));

    desk.client.open(desk.now).unwrap();
    desk.drain();
    assert_eq!(desk.dials.iter().map(|link| (link.slot(), link.epoch())).collect::<Vec<_>>(), [(1, 2)]);
    desk.settle();
    assert_eq!(desk.states(), [State::Live; 2]);
    assert!(desk.take_events().contains(&"subscribed orders@account".to_owned()));
}

#[test]
fn a_client_all_of_whose_endpoints_are_given_up_has_ended() {
    let mut desk = Desk::new(ClientConfig::new(), &[private()]);
    desk.open();
    let link = desk.dials.remove(0);
    desk.client.handle_connect_failed(link, desk.now, ConnectFailure::Certificate);
    desk.drain();
    let events = desk.take_events();
    assert!(events[0].starts_with("failed link 0.1: certificate"), "{events:?}");
    assert!(events[2].starts_with("closed: cannot connect: certificate"), "{events:?}");
    assert_eq!((events.len(), desk.client.deadline()), (3, None));
    assert_eq!(desk.client.open(desk.now), Err(CommandError::Closed));
}

/// The last link given up is the end, but not before that of one which is only closing.
#[test]
fn a_link_that_is_closing_ends_before_its_client() {
    let mut desk = Desk::new(ClientConfig::new(), &[public().stay_open(true), private()]);
    desk.open();
    desk.settle();
    let (closing, other) = (desk.link(0, 0), desk.link(1, 0));
    let endpoint = desk.endpoints()[0];
    desk.client.remove(desk.now, endpoint).unwrap();
    desk.peer_closes(other, 4403);
    assert!(!desk.take_events().iter().any(|event| event.starts_with("closed")));
    desk.peer_closes(closing, 1000);
    let events = desk.take_events();
    let end = [
        "link closed link 0.1: closed as requested",
        "closed: closed by the peer for good, code 4403; 0 requests, 0 links",
    ];
    assert_eq!(events[events.len() - 2..], end);
}

/// L-051, L-078: what belongs to an attempt before is counted, and nothing else.
#[test]
fn inputs_of_old_attempts_change_nothing() {
    let mut desk = Desk::trading();
    desk.subscribe("btcusd@trade");
    desk.open();
    desk.settle();
    let old = desk.link(0, 0);
    desk.client.handle_lost(old, desk.now, Lost::Reset);
    desk.pass(SECOND * 2);
    desk.settle();
    let new = desk.link(0, 0);
    assert_eq!((old.slot(), new.epoch()), (new.slot(), 2));
    desk.take_events();
    let before = desk.client.stats().stale_inputs;
    desk.client.handle_lost(old, desk.now, Lost::End);
    desk.client.handle_connect_failed(old, desk.now, ConnectFailure::Refused);
    desk.frame(old, "{\"id\":1,\"status\":200}");
    assert_eq!(desk.take_events(), ["ignored"]);
    assert_eq!(desk.client.stats().stale_inputs, before + 3);
    assert_eq!(desk.client.state(new), Some(State::Live));
    // A transport that comes too late is dropped.
    desk.client.handle_connected(old, desk.now);
    desk.drain();
    assert_eq!(desk.aborts, [old]);
}

// ---- limits --------------------------------------------------------------------------------

/// What was counted before the client was opened stays counted when a link that nobody wants is forgotten.
#[test]
fn what_was_counted_stays_counted() {
    let mut desk = Desk::new(ClientConfig::new(), &[public()]);
    let id = desk.subscribe("btcusd@trade");
    let link = desk.link(0, 0);
    desk.client.unsubscribe(desk.now, id).unwrap();
    desk.client.handle_lost(link, desk.now, Lost::Reset);
    assert_eq!(desk.client.stats().stale_inputs, 1);
    desk.open();
    assert_eq!(desk.client.stats().stale_inputs, 1);
}

/// L-081: a refusal for too many attempts holds every link to that host, and to no other.
#[test]
fn a_delay_that_a_host_asks_for_holds_all_its_links() {
    let elsewhere = Config::new("ws://elsewhere").streams_max(1);
    let mut desk = Desk::new(ClientConfig::new(), &[public().streams_max(1), elsewhere]);
    desk.open();
    desk.subscribe("btcusd@trade");
    let first = desk.dials.remove(0);
    let why = ConnectFailure::Status { status: 429, retry_after: Some(SECOND * 60), reason: None };
    desk.client.handle_connect_failed(first, desk.now, why);
    desk.subscribe("ethusd@trade");
    assert_eq!(desk.states(), [State::Backoff; 2]);
    assert!(desk.dials.is_empty());
    desk.client.add(desk.now, Config::new("ws://elsewhere/v1/marketdata/btcusd")).unwrap();
    desk.drain();
    assert_eq!(desk.dials.len(), 1);
    desk.pass(SECOND * 59);
    desk.dials.retain(|link| link.slot() < 2);
    assert!(desk.dials.is_empty());
    desk.pass(SECOND * 8);
    desk.dials.retain(|link| link.slot() < 2);
    assert_eq!(desk.dials.len(), 2);
}

/// L-092: subscriptions are restored no faster than the venue allows, also over a reconnect.
#[test]
fn no_window_holds_more_requests_than_the_limit() {
    let (limit, window) = (5, SECOND);
    let config = public().streams_per_request_max(1).request_limit(limit, window);
    let mut desk = Desk::new(ClientConfig::new(), &[config]);
    for number in 0..200 {
        desk.subscribe(&format!("sym{number}usd@trade"));
    }
    desk.open();
    let mut times = Vec::new();
    let mut lost = false;
    while desk.client.streams().any(|(_, _, state)| state != StreamState::Active) {
        for link in std::mem::take(&mut desk.dials) {
            desk.client.handle_connected(link, desk.now);
            desk.drain();
        }
        times.extend(desk.sent.iter().map(|_| desk.now));
        desk.answer_all();
        times.extend(desk.sent.iter().map(|_| desk.now));
        desk.answer_all();
        assert!(desk.sent.is_empty());
        if times.len() == 100 && !lost {
            lost = true;
            let link = desk.link(0, 0);
            desk.client.handle_lost(link, desk.now, Lost::Closed { code: Some(1001) });
            desk.drain();
        }
        let at = desk.client.deadline().expect("something to wait for").at;
        desk.pass(at.since(desk.now));
    }
    assert_eq!(times.len(), 300);
    for (position, start) in times.iter().enumerate() {
        let within = times[position..].iter().take_while(|at| at.since(*start) <= window).count();
        assert!(within <= limit as usize, "{within} in a window");
    }
}

#[test]
fn requests_beyond_the_limit_are_refused_with_the_time_to_try_again() {
    let config = private().request_limit(4, SECOND).order_limit(2, SECOND * 10);
    let mut desk = Desk::new(ClientConfig::new(), &[config]);
    desk.open();
    desk.settle();
    assert!(desk.client.request(desk.now, &order("a")).is_ok());
    let refused = desk.client.request(desk.now, &order("b"));
    let limited = |limit, window, retry| Err(CommandError::RateLimited { limit, window, retry });
    assert_eq!(refused, limited(RateKind::Orders, SECOND * 10, desk.now + SECOND * 10));
    assert!(desk.client.request(desk.now, &Request::Time).is_ok(), "orders have a limit of their own");
    let CommandError::RateLimited { limit: RateKind::Requests, retry, .. } =
        desk.client.request(desk.now, &Request::Time).unwrap_err()
    else {
        panic!()
    };
    desk.pass(retry.since(desk.now));
    assert!(desk.client.request(desk.now, &Request::Time).is_ok());
}

/// Section 6.1: what `conninfo` says of the limits holds from then on.
#[test]
fn the_venue_says_what_its_limits_are() {
    let mut desk = Desk::new(ClientConfig::new(), &[private()]);
    desk.open();
    desk.settle();
    desk.client.request(desk.now, &Request::ConnectionInfo).unwrap();
    desk.drain();
    let (link, _) = desk.sent.pop().unwrap();
    desk.frame(
        link,
        r#"{"id":1,"status":200,"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT","interval":"SECOND","intervalNum":10,"limit":4,"count":0},{"rateLimitType":"ORDERS","interval":"MINUTE","intervalNum":1,"limit":10,"count":10},{"rateLimitType":"NEWS","interval":"DAY","intervalNum":1,"limit":1,"count":1}]}"#,
    );
    let refused = desk.client.request(desk.now, &order("a"));
    let all_used = CommandError::RateLimited {
        limit: RateKind::Orders,
        window: SECOND * 60,
        retry: desk.now + SECOND * 72,
    };
    assert_eq!(refused, Err(all_used), "ten of ten are used up");
    desk.pass(SECOND);
    // The question has used one of the two that may come at once.
    assert!(desk.client.request(desk.now, &Request::Time).is_ok());
    assert!(matches!(desk.client.request(desk.now, &Request::Time), Err(CommandError::RateLimited { .. })));
}

/// L-080: with a limit, one event says that it is reached; then nothing more.
#[test]
fn attempts_have_a_limit_if_that_is_wanted() {
    let mut desk = Desk::new(ClientConfig::new(), &[private().attempts_max(3), public()]);
    desk.open();
    for _ in 0..3 {
        let link = desk.dials.remove(0);
        desk.client.handle_connect_failed(link, desk.now, ConnectFailure::Refused);
        desk.drain();
        desk.pass(SECOND * 5);
    }
    let events = desk.take_events();
    let last = "failed link 0.3: connection refused: nobody listens there";
    assert_eq!(
        events[2..],
        [
            last,
            "link closed link 0.3: cannot connect: 3 attempts have failed, the last one: connection refused: nobody listens there"
        ]
    );
    desk.pass(SECOND * 3_600);
    assert!(desk.dials.is_empty() && desk.events.is_empty());
}

// ---- wishes --------------------------------------------------------------------------------

/// L-096: two want the same stream: one request, and it ends with the last of them.
#[test]
fn a_stream_ends_with_the_last_wish_for_it() {
    let mut desk = Desk::new(ClientConfig::new(), &[public()]);
    desk.open();
    let first = desk.subscribe("btcusd@trade");
    let second = desk.subscribe("btcusd@trade");
    assert_ne!(first, second);
    desk.settle();
    let third = desk.subscribe("btcusd@trade");
    assert!(desk.sent.is_empty(), "asked for once");
    assert_eq!(desk.take_events().iter().filter(|event| *event == "subscribed btcusd@trade").count(), 3);
    desk.client.unsubscribe(desk.now, first).unwrap();
    assert_eq!(desk.client.unsubscribe(desk.now, first), Err(CommandError::UnknownStream));
    desk.client.unsubscribe(desk.now, third).unwrap();
    desk.settle();
    assert_eq!(desk.take_events(), ["unsubscribed btcusd@trade false"; 2]);
    desk.frame(desk.link(0, 0), r#"{"E":1,"s":"btcusd","t":1,"p":"1","q":"1","m":true}"#);
    assert_eq!(desk.take_events(), ["trade"]);
    // Over a reconnect it is still one.
    let link = desk.link(0, 0);
    desk.client.handle_lost(link, desk.now, Lost::End);
    desk.pass(SECOND * 2);
    let link = desk.dials.remove(0);
    desk.client.handle_connected(link, desk.now);
    desk.drain();
    assert_eq!(desk.sent.len(), 1);
    desk.settle();
    desk.take_events();
    desk.client.unsubscribe(desk.now, second).unwrap();
    desk.settle();
    assert_eq!(desk.take_events(), ["unsubscribed btcusd@trade true"]);
}

#[test]
fn every_wish_for_a_stream_is_told_that_there_is_none() {
    let mut desk = Desk::new(ClientConfig::new(), &[public()]);
    desk.subscribe("nosuch@trade");
    desk.subscribe("nosuch@trade");
    desk.open();
    let link = desk.dials.remove(0);
    desk.client.handle_connected(link, desk.now);
    desk.drain();
    desk.take_events();
    desk.frame(link, r#"{"id":1,"status":400,"error":{"code":-1013,"msg":"no"}}"#);
    let events = desk.take_events();
    assert_eq!(events.iter().filter(|event| *event == "rejected nosuch@trade").count(), 2, "{events:?}");
}

/// What waits for the limit and is not wanted any more is never asked for.
/// A book that has moved to another link stays when the end of its former subscription is told.
#[test]
fn a_book_outlives_the_link_that_it_came_over_before() {
    let mut desk = Desk::new(ClientConfig::new(), &[public(), public().stay_open(true)]);
    desk.subscribe("btcusd@depth@100ms");
    desk.open();
    desk.settle();
    let (former, endpoint) = (desk.link(0, 0), desk.endpoints()[0]);
    desk.frame(former, SNAPSHOT);
    desk.client.remove(desk.now, endpoint).unwrap();
    desk.drain();
    desk.sent.clear();
    desk.subscribe("btcusd@depth@100ms");
    desk.settle();
    desk.frame(desk.link(1, 0), SNAPSHOT);
    assert!(desk.books.get("btcusd").and_then(Book::live).is_some(), "{:?}", desk.books);
    desk.peer_closes(former, 1000);
    assert!(desk.take_events().contains(&"unsubscribed btcusd@depth@100ms true".to_owned()));
    assert!(desk.books.get("btcusd").and_then(Book::live).is_some(), "{:?}", desk.books);
}

#[test]
fn a_wish_that_ended_before_its_turn_is_not_sent() {
    let config = public().streams_per_request_max(1).request_limit(2, SECOND);
    let mut desk = Desk::new(ClientConfig::new(), &[config]);
    desk.subscribe("btcusd@trade");
    let waits = desk.subscribe("ethusd@trade");
    desk.open();
    desk.settle();
    desk.take_events();
    desk.client.unsubscribe(desk.now, waits).unwrap();
    desk.settle();
    desk.pass(SECOND * 2);
    assert_eq!(desk.take_events(), ["unsubscribed ethusd@trade true", "live link 0.1"]);
    assert!(desk.sent.is_empty());
}

/// A stream is left although the answer to its subscription comes while that waits for the limit.
#[test]
fn an_unsubscribe_that_waits_is_sent() {
    let mut desk = Desk::new(ClientConfig::new(), &[public().request_limit(2, SECOND)]);
    let id = desk.subscribe("btcusd@trade");
    desk.open();
    let link = desk.dials.pop().unwrap();
    desk.client.handle_connected(link, desk.now);
    desk.drain();
    desk.client.unsubscribe(desk.now, id).unwrap();
    desk.drain();
    assert_eq!(desk.sent.len(), 1);
    desk.answer_all();
    desk.take_events();
    desk.pass(SECOND * 2);
    assert!(desk.sent[0].1.contains("\"unsubscribe\""), "{:?}", desk.sent);
    assert_eq!(desk.take_events(), [""; 0]);
    desk.answer_all();
    assert_eq!(desk.take_events(), ["unsubscribed btcusd@trade true"]);
}

/// The time of a request begins when it is made, however long ago something was heard over its link.
#[test]
fn an_unsubscribe_after_a_quiet_time_waits_for_its_answer() {
    let mut desk = Desk::trading();
    let id = desk.subscribe("btcusd@trade");
    desk.open();
    desk.settle();
    desk.take_events();
    desk.now = desk.now + SECOND * 20;
    desk.client.unsubscribe(desk.now, id).unwrap();
    desk.client.handle_timeout(desk.now);
    desk.drain();
    assert_eq!(desk.take_events(), [""; 0]);
    desk.answer_all();
    assert_eq!(desk.take_events(), ["unsubscribed btcusd@trade true"]);
}

// ---- the end -------------------------------------------------------------------------------

#[test]
fn an_end_in_steps() {
    let mut desk = Desk::trading();
    desk.subscribe("btcusd@trade");
    desk.subscribe("orders@account");
    desk.open();
    desk.settle();
    desk.client.request(desk.now, &order("a")).unwrap();
    desk.drain();
    desk.take_events();
    let plan = ShutdownPlan::by(desk.now + SECOND * 10).cancel_orders(true).unsubscribe(true);
    desk.client.shut_down(desk.now, plan);
    desk.drain();
    assert_eq!(desk.client.subscribe(desk.now, stream("ethusd@trade")), Err(CommandError::Closed));
    assert_eq!(desk.take_events(), ["CommandsStopped"]);
    desk.answer_all();
    assert_eq!(
        desk.take_events(),
        [&*format!("reply {:?}", order("a").subject()), "CancellingOrders", "requested"]
    );
    let (private, text) = desk.sent[0].clone();
    assert!(private.slot() == 1 && text.contains("order.cancel_session"), "{text}");
    desk.answer_all();
    assert_eq!(desk.take_events(), ["reply CancelSessionOrders", "Unsubscribing"]);
    desk.answer_all();
    assert_eq!(desk.take_events(), ["unsubscribed btcusd@trade true", "ClosingLinks"]);
    let links = std::mem::take(&mut desk.closes);
    assert_eq!(links.len(), 2);
    // What becomes of the orders is told until the end.
    let cancelled = r#"{"E":1,"s":"BTCUSD","i":1,"c":"a","X":"CANCELED","Z":"0","T":1}"#;
    desk.frame(private, cancelled);
    assert_eq!(desk.take_events(), ["order"]);
    links.iter().for_each(|link| desk.peer_closes(*link, 1000));
    assert_eq!(desk.take_events().last().unwrap(), "closed: closed as requested; 0 requests, 0 links");
    assert_eq!(desk.client.deadline(), None);
}

/// A venue that answers nothing: each step gets its time, and the end comes by the deadline.
#[test]
fn an_end_against_a_silent_venue_comes_by_the_deadline() {
    let mut desk = Desk::trading();
    desk.subscribe("btcusd@trade");
    desk.open();
    desk.settle();
    desk.client.request(desk.now, &order("a")).unwrap();
    desk.drain();
    desk.take_events();
    let deadline = desk.now + SECOND * 4;
    desk.client.shut_down(desk.now, ShutdownPlan::by(deadline).cancel_orders(true).unsubscribe(true));
    assert_eq!(desk.client.deadline().map(|it| it.cause), Some(Timer::Shutdown));
    desk.pass(SECOND * 4);
    let events = desk.take_events();
    let steps = [
        ShutdownStep::CommandsStopped,
        ShutdownStep::CancellingOrders,
        ShutdownStep::Unsubscribing,
        ShutdownStep::ClosingLinks,
    ];
    let told: Vec<&String> =
        events.iter().filter(|event| steps.iter().any(|step| format!("{step:?}") == **event)).collect();
    assert_eq!(told.len(), 4, "{events:?}");
    let last = events.last().unwrap();
    assert_eq!(
        last,
        "closed: closed as requested; orders may rest that were to be cancelled; 2 requests, 2 links"
    );
    assert!(events.iter().any(|event| event.ends_with(&format!("{:?}", RequestOutcome::Lost))), "{events:?}");
}

/// One late tick is enough, whatever step the end has come to.
#[test]
fn the_end_comes_with_the_first_tick_after_the_deadline() {
    let mut desk = Desk::trading();
    desk.open();
    desk.settle();
    let deadline = desk.now + SECOND;
    desk.client.shut_down(desk.now, ShutdownPlan::by(deadline).cancel_orders(true));
    desk.client.handle_timeout(deadline);
    desk.drain();
    assert!(desk.events.last().unwrap().starts_with("closed"), "{:?}", desk.events);
    assert_eq!(desk.client.deadline(), None);
}

/// What was not asked for yet is not asked for in order to be left.
#[test]
fn a_shutdown_leaves_only_what_was_asked_for() {
    let mut desk = Desk::new(ClientConfig::new(), &[public().request_limit(2, SECOND)]);
    desk.subscribe("btcusd@trade");
    desk.open();
    desk.settle();
    desk.subscribe("ethusd@trade");
    assert!(desk.sent.is_empty(), "it waits: {:?}", desk.sent);
    desk.now = desk.now + SECOND;
    desk.client.shut_down(desk.now, ShutdownPlan::by(desk.now + SECOND * 9).unsubscribe(true));
    desk.drain();
    let sent: Vec<&str> = desk.sent.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(sent, [r#"{"id":2,"method":"unsubscribe","params":["btcusd@trade"]}"#]);
}

/// Nothing but the clock ends a step: an input about a link that has ended does nothing, however late.
#[test]
fn a_stale_input_does_not_cut_a_shutdown_short() {
    let mut desk = Desk::trading();
    desk.subscribe("btcusd@trade");
    desk.open();
    desk.settle();
    let old = desk.link(0, 0);
    desk.client.handle_lost(old, desk.now, Lost::Reset);
    desk.pass(SECOND * 2);
    desk.settle();
    let deadline = desk.now + SECOND;
    desk.client.shut_down(desk.now, ShutdownPlan::by(deadline).cancel_orders(true));
    desk.drain();
    desk.take_events();
    desk.client.handle_lost(old, deadline, Lost::End);
    desk.drain();
    assert_eq!(desk.take_events(), [""; 0]);
    desk.client.handle_timeout(deadline);
    desk.drain();
    assert!(desk.events.last().unwrap().starts_with("closed"), "{:?}", desk.events);
}

/// L-012: the handshakes keep their time when links that would have had more are gone.
#[test]
fn closing_again_does_nothing() {
    let slow = private().close_timeout(SECOND * 3);
    let mut desk = Desk::new(ClientConfig::new(), &[public().close_timeout(SECOND * 2), slow]);
    desk.subscribe("btcusd@trade");
    desk.open();
    let (open, dialled) = (desk.link(0, 0), desk.link(1, 0));
    desk.client.handle_connected(open, desk.now);
    desk.client.close(desk.now);
    desk.drain();
    assert!(desk.aborts.contains(&dialled) && desk.closes.contains(&open));
    let deadline = desk.client.deadline();
    desk.client.close(desk.now);
    assert_eq!(desk.client.deadline(), deadline);
}

/// The heartbeat is due since the last request, whatever became of it and its link.
#[test]
fn a_heartbeat_is_due_since_what_was_sent() {
    let mut desk = Desk::new(ClientConfig::new(), &[private().heartbeat_every(SECOND * 12)]);
    desk.subscribe("btcusd@depth@100ms");
    desk.open();
    let link = desk.link(0, 0);
    desk.client.handle_connected(link, desk.now);
    desk.drain();
    desk.frame(link, &format!("{{\"id\":1,{OK}}}"));
    // No snapshot comes, then no answer to any request.
    desk.pass(SECOND * 21);
    desk.client.request(desk.now, &Request::Time).unwrap();
    desk.pass(SECOND * 4);
    let last = desk.sent.len();
    desk.pass(SECOND * 20);
    assert_eq!((last, desk.sent.len()), (5, 5), "{:?}", desk.sent);
    let due = desk.events.iter().find(|event| event.starts_with("heartbeat"));
    assert_eq!(due.map(String::as_str), Some("heartbeat link 0.2 since 22"), "{:?}", desk.events);
}

/// L-012, L-013: any number of times, from any state, with whatever deadline.
#[test]
fn the_end_comes_once_and_by_the_earliest_deadline() {
    for repeats in 0..4_u32 {
        for opened in [false, true] {
            let patient = [public(), private()].map(|config| config.close_timeout(SECOND * 60));
            let mut desk = Desk::new(ClientConfig::new(), &patient);
            desk.subscribe("btcusd@trade");
            if opened {
                desk.open();
                desk.settle();
            }
            let start = desk.now;
            desk.client.close_by(start, start + SECOND * 10);
            for repeat in 0..repeats {
                desk.client.close_by(start, start + SECOND * (8 - repeat));
                desk.client.shut_down(start, ShutdownPlan::by(start + SECOND * 20));
            }
            desk.drain();
            let expected = if opened { if repeats == 0 { 10 } else { 9 - repeats } } else { 0 };
            desk.pass(SECOND * expected.saturating_sub(1));
            let ended = desk.events.iter().any(|event| event.starts_with("closed"));
            assert_eq!(ended, !opened, "{repeats} {opened}");
            desk.pass(SECOND * 60);
            assert_eq!(desk.events.iter().filter(|event| event.starts_with("closed")).count(), 1);
            assert_eq!(desk.events.iter().filter(|event| event.contains("retry")).count(), 0);
            assert_eq!(desk.closes.len(), if opened { 2 } else { 0 });
            desk.client.close(desk.now);
            desk.drain();
            assert!(desk.events.last().unwrap().starts_with("closed"));
        }
    }
}

/// I-06: a link that is lost while the end is awaited is not dialled again, and says so.
#[test]
fn nothing_is_dialled_once_an_end_is_wanted() {
    let mut desk = Desk::trading();
    desk.open();
    desk.settle();
    desk.client.request(desk.now, &order("a")).unwrap();
    desk.drain();
    desk.take_events();
    desk.client.shut_down(desk.now, ShutdownPlan::by(desk.now + SECOND * 100));
    desk.client.handle_lost(desk.link(0, 0), desk.now, Lost::Reset);
    desk.drain();
    let events = desk.take_events();
    assert_eq!(events[2], "disconnected link 0.1: the transport was reset");
    assert_eq!(events[3], "ClosingLinks");
    assert_eq!(events[4], "closed: closed as requested; 1 requests, 0 links");
    desk.pass(SECOND * 3_600);
    assert!(desk.dials.is_empty() && desk.events.is_empty());
}

#[test]
fn a_client_that_was_never_opened_ends_at_once() {
    let mut client = Client::new(ClientConfig::new(), 1);
    client.close(Instant::ZERO);
    let closed = Event::Closed { reason: CloseReason::Requested, abandoned: Abandoned::default() };
    assert_eq!(client.poll_output(), Some(Output::Event(closed)));
    assert_eq!((client.poll_output(), client.deadline()), (None, None));
    assert_eq!(client.add(Instant::ZERO, public()), Err(CommandError::Closed));
}

// ---- life ----------------------------------------------------------------------------------

/// L-060: what comes over one link says nothing of another.
#[test]
fn a_busy_link_does_not_vouch_for_a_silent_one() {
    let mut desk = Desk::trading();
    desk.subscribe("btcusd@trade");
    desk.open();
    desk.settle();
    let public = desk.link(0, 0);
    desk.take_events();
    for number in 0..90 {
        desk.pass(SECOND / 2);
        desk.sent.clear();
        desk.frame(public, &format!(r#"{{"E":1,"s":"btcusd","t":{number},"p":"1","q":"1","m":true}}"#));
    }
    let events: Vec<String> = desk.take_events().into_iter().filter(|event| event != "trade").collect();
    let silent = "disconnected link 1.1: nothing was heard, not even an answer to a ping; retry";
    assert_eq!(events, [silent]);
}

/// L-143: a deadline in time to act, while the link is up and while it is down.
#[test]
fn orders_that_want_a_heartbeat() {
    let mut desk = Desk::new(ClientConfig::new(), &[private().heartbeat_every(SECOND * 15)]);
    desk.open();
    desk.settle();
    desk.take_events();
    desk.pass(SECOND * 10);
    desk.client.request(desk.now, &Request::Ping).unwrap();
    desk.settle();
    desk.pass(SECOND * 14);
    assert_eq!(desk.take_events(), ["requested", "reply Other"]);
    desk.client.handle_lost(desk.link(0, 0), desk.now, Lost::End);
    desk.pass(SECOND);
    let events = desk.take_events();
    assert!(events.contains(&"heartbeat link 0.2 since 10".to_owned()), "{events:?}");
}

/// L-069: after a sleep that no clock has seen, every link is probed at once.
#[test]
fn a_machine_that_wakes_up_asks_at_once() {
    let mut desk = Desk::trading();
    desk.subscribe("btcusd@trade");
    desk.open();
    desk.settle();
    desk.client.handle_resumed(desk.now);
    desk.drain();
    let probed: Vec<usize> = desk.sent.iter().map(|(link, _)| link.slot()).collect();
    assert_eq!(probed, [0, 1]);
    assert!(desk.sent.iter().all(|(_, text)| text.contains("ping")));
    let (answered, _) = desk.sent[0];
    desk.frame(answered, r#"{"id":0,"status":200}"#);
    desk.take_events();
    desk.pass(SECOND * 15);
    assert_eq!(desk.take_events().len(), 1, "only the one that did not answer");
    assert_eq!(desk.states(), [State::Live, State::Backoff]);
}

/// I-50: a link whose wishes use up what a tight limit allows does not keep the probe of another from going out.
#[test]
fn a_busy_link_does_not_hide_the_silence_of_another() {
    let tight = |config: Config| config.request_limit(1, SECOND).streams_per_request_max(1);
    let mut desk = Desk::new(ClientConfig::new(), &[tight(public()), tight(private())]);
    desk.subscribe("btcusd@trade");
    desk.open();
    desk.settle();
    desk.pass(SECOND);
    desk.settle();
    let (busy, silent) = (desk.link(0, 0), desk.link(1, 0));
    let is_lost = format!("disconnected {silent}: ");
    for turn in 0.. {
        // More than the limit lets out, for as long as this goes on.
        desk.subscribe(&format!("x{turn}@trade"));
        desk.subscribe(&format!("x{turn}@bookTicker"));
        desk.pass(SECOND);
        desk.sent.retain(|(link, _)| *link == busy);
        desk.answer_all();
        if desk.take_events().iter().any(|event| event.starts_with(&is_lost)) {
            break;
        }
        assert!(turn < 120, "{silent} is silent, and that is not found out");
    }
}

/// A request about an account, or of a method that is not known, goes to nobody by guess.
#[test]
fn a_request_that_several_endpoints_could_take_names_one() {
    let mut desk = Desk::new(ClientConfig::new(), &[private(), private()]);
    desk.open();
    desk.settle();
    let now = desk.now;
    let raw = Request::raw("new.method", None);
    for request in [order("a"), Request::CancelAllOrders, Request::CancelSessionOrders, raw] {
        let refused = desk.client.request(now, &request);
        assert_eq!(refused, Err(CommandError::SeveralEndpoints), "{request}");
    }
    assert!(desk.client.request(now, &Request::Time).is_ok(), "each knows the time");
    for (place, endpoint) in desk.endpoints().into_iter().enumerate() {
        desk.drain();
        desk.sent.clear();
        desk.client.request_at(now, endpoint, &order("b")).unwrap();
        desk.drain();
        assert_eq!(desk.sent[0].0, desk.link(place, 0), "{:?}", desk.sent);
    }
}

/// What is about a session goes over its link, even while it is the only one that is open.
#[test]
fn a_request_about_a_session_names_its_link() {
    let mut desk = Desk::new(ClientConfig::new(), &[private().streams_max(1)]);
    for name in ["orders@account", "balances@account"] {
        desk.subscribe(name);
    }
    desk.open();
    desk.settle();
    let [first, second] = [desk.link(0, 0), desk.link(0, 1)];
    let (request, now) = (Request::CancelSessionOrders, desk.now);
    assert_eq!(desk.client.request(now, &request), Err(CommandError::SeveralLinks));
    desk.client.handle_lost(first, now, Lost::Reset);
    assert_eq!(desk.client.request(now, &request), Err(CommandError::SeveralLinks));
    assert_eq!(desk.client.request_over(now, first, &request), Err(CommandError::NotConnected));
    desk.drain();
    desk.sent.clear();
    desk.client.request_over(now, second, &request).unwrap();
    desk.drain();
    assert_eq!(desk.sent[0].0, second, "{:?}", desk.sent);
}

/// A place in flight that a reply frees is used at once, by whatever waits for it.
#[test]
fn a_reply_lets_out_what_waits_for_a_place_in_flight() {
    let mut desk = Desk::new(ClientConfig::new(), &[public().stay_open(true)]);
    desk.open();
    desk.settle();
    for _ in 0..gemini_ws::REQUESTS_IN_FLIGHT_MAX {
        desk.client.request(desk.now, &Request::Time).unwrap();
    }
    desk.drain();
    let (link, first) = desk.sent[0].clone();
    desk.sent.clear();
    desk.subscribe("btcusd@trade");
    assert!(desk.sent.is_empty(), "it waits: {:?}", desk.sent);
    let id = first.split([':', ',']).nth(1).unwrap();
    desk.frame(link, &format!(r#"{{"id":{id},{OK}}}"#));
    desk.drain();
    assert!(desk.sent[0].1.contains("btcusd@trade"), "{:?}", desk.sent);
}

/// A frame of an attempt that has ended names that attempt, not the present one.
#[test]
fn an_old_frame_names_the_link_that_it_came_over() {
    let mut desk = Desk::new(ClientConfig::new(), &[public().stay_open(true)]);
    desk.open();
    desk.settle();
    let old = desk.link(0, 0);
    desk.client.handle_lost(old, desk.now, Lost::Reset);
    desk.pass(SECOND * 2);
    assert_ne!(desk.link(0, 0), old);
    let mut scratch = Scratch::new();
    let event = desk.client.handle_frame(old, desk.now, Frame::Text("{}"), &mut scratch);
    assert!(matches!(event, Some(Event::Ignored(_, source)) if source.link() == Some(old)), "{event:?}");
}

/// A refused command changes nothing, though the limits have room for what waits by now.
#[test]
fn a_refused_command_lets_nothing_out() {
    let mut desk = Desk::new(ClientConfig::new(), &[public().request_limit(2, SECOND)]);
    let first = desk.subscribe("btcusd@trade");
    desk.open();
    desk.settle();
    desk.subscribe("ethusd@trade");
    desk.client.unsubscribe(desk.now, first).unwrap();
    desk.drain();
    assert!(desk.sent.is_empty(), "both wait: {:?}", desk.sent);
    desk.now = desk.now + SECOND;
    assert_eq!(desk.client.unsubscribe(desk.now, first), Err(CommandError::UnknownStream));
    desk.drain();
    assert!(desk.sent.is_empty(), "{:?}", desk.sent);
    desk.client.handle_timeout(desk.now);
    desk.drain();
    assert_eq!(desk.sent.len(), 1, "{:?}", desk.sent);
}
