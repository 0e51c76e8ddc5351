//! Requests that wait for room in a limit: probes, subscriptions, and what the venue says is used already.

use std::time::Duration;

use gemini_ws::{
    Client, ClientConfig, CommandError, Config, EndpointId, Frame, LinkId, Lost, Output, RateKind, Request,
    Scratch, ShutdownPlan,
};

use super::super::line::{self, Line};
use super::fed::{Fed, id_of, new_order, pair, s, t};

/// Handles every deadline of each second, for at most `most` seconds. Returns the second in which the book stops
/// being current.
fn live_until(fed: &mut Fed, most: u64) -> Option<u64> {
    (1..most).find(|second| {
        while let Some(due) = fed.client.deadline().filter(|due| due.at <= t(second * 1_000)) {
            fed.client.handle_timeout(due.at);
            fed.poll();
        }
        fed.books.live("btcusd").is_none()
    })
}

fn name_limits(fed: &mut Fed, at: u64, limits: &str) {
    let id = fed.client.request(t(at), &Request::ConnectionInfo).unwrap();
    fed.poll();
    fed.feed(at + 1, &format!(r#"{{"id":{},"status":200,"rateLimits":[{limits}]}}"#, id.get()));
}

fn limit_of(kind: &str, (unit, number): (&str, u64), limit: u64, count: u64) -> String {
    format!(
        r#"{{"rateLimitType":"{kind}","interval":"{unit}","intervalNum":{number},"limit":{limit},"count":{count}}}"#
    )
}

fn limit_of_a_day(kind: &str, limit: u64, count: u64) -> String {
    format!(
        r#"{{"rateLimitType":"{kind}","interval":"DAY","intervalNum":1,"limit":{limit},"count":{count}}}"#
    )
}

/// After the venue falls silent, a book stays current for at most `Config::silence_max`, even if no limit has room
/// for a probe. After `handle_resumed`, the book stays current for at most the time that a reply to a probe may take.
#[test]
fn a_dead_link_ends_in_time_though_no_limit_has_room_for_a_probe() {
    let hour = Duration::from_secs(3_600);
    let used_up = limit_of_a_day("REQUEST_WEIGHT", 100_000, 100_000);
    let tight = || Config::new("ws://v").request_limit(2, hour);
    for (config, named, resumed_at, until) in [
        (Config::new("ws://v"), None, None, 46),
        (tight(), None, None, 46),
        (Config::new("ws://v"), Some(&used_up), None, 46),
        (tight(), None, Some(1_000), 16),
        (Config::new("ws://v"), Some(&used_up), Some(1_000), 16),
    ] {
        let what = format!("{named:?}, resumed at {resumed_at:?}, {:?}", config.get_request_limit());
        let mut fed = Fed::new(config);
        fed.subscribe(1, "btcusd@depth");
        named.iter().for_each(|limits| name_limits(&mut fed, 2, limits));
        fed.feed(4, &line::snapshot("btcusd", 5));
        assert!(fed.books.live("btcusd").is_some(), "{what}");
        if let Some(at) = resumed_at {
            fed.client.handle_resumed(t(at));
            fed.poll();
        }
        assert_eq!(live_until(&mut fed, 7_200), Some(until), "{what}");
        assert!(fed.log.iter().any(|event| event.contains("Silent")), "{what}: {:?}", fed.log);
    }
}

#[test]
fn a_link_that_hears_pings_needs_no_room_for_probes() {
    let config = Config::new("ws://v").request_limit(1, Duration::from_secs(3_600));
    let mut line = Line::open(config, ["btcusd@depth".to_owned()]);
    for at in (0..3_000_000).step_by(20_000) {
        line.ping(at);
        line.wait(at + 20_000);
    }
    assert_eq!(line.losses, Vec::<Lost>::new());
}

#[test]
fn a_probe_that_waits_is_not_sent_after_a_frame() {
    let config = Config::new("ws://v").request_limit(2, Duration::from_secs(3_600));
    let mut line = Line::open(config, ["btcusd@depth".to_owned()]);
    line.hear(1, &line::ack(&line.sent[0].clone()));
    line.hear(2, &line::snapshot("btcusd", 5));
    line.sent.clear();
    line.wait(35_000);
    for at in (35_000..7_200_000).step_by(20_000) {
        line.ping(at);
        line.wait(at + 20_000);
    }
    assert_eq!((line.losses.len(), line.sent.len()), (0, 0), "{:?}", line.sent);
}

/// A stream that waits for room in a limit is unsubscribed. The time for which it waited does not count for the next
/// stream.
#[test]
fn a_stream_that_was_unsubscribed_does_not_wait_for_the_next_one() {
    let begin = 100_000;
    let mut busy = Busy::new((600, 60_000), 64);
    busy.run(1, 10_000, |_| false);
    let id = busy.line.subscribe(10_001, "ethusd@trade");
    busy.line.client.unsubscribe(t(10_002), id).unwrap();
    busy.line.poll(10_002);
    busy.run(10_003, begin - 10_003, |text| text.contains("@trade"));
    busy.line.subscribe(begin, "btcusd@trade");
    let end = busy.run(begin, 10_000, |text| text.contains("btcusd@trade"));
    assert!((1_000..10_000).contains(&(end - begin)), "{} ms", end - begin);
}

/// An application that sends orders, or only cancellations, as fast as the client accepts them, to a venue that
/// replies after 10 ms.
struct Busy {
    line: Line,
    orders: usize,
    cancels: bool,
}

impl Busy {
    fn new((limit, window): (u32, u64), places: usize) -> Busy {
        let config = Config::new("ws://v").authenticated(true).streams_per_request_max(1);
        let config =
            config.request_limit(limit, Duration::from_millis(window)).requests_in_flight_max(places);
        let config = config.order_limit(1_000_000, Duration::from_secs(1));
        Busy { line: Line::open(config, ["orders@account".to_owned()]), orders: 0, cancels: false }
    }

    /// Runs for `for_ms` milliseconds from `from`, or until `is_over` returns true for a text that the client sends.
    /// Returns the time at the end in milliseconds.
    fn run(&mut self, from: u64, for_ms: u64, mut is_over: impl FnMut(&str) -> bool) -> u64 {
        for at in (from..from + for_ms).step_by(10) {
            while let Some(text) = self.line.sent.pop_front() {
                if is_over(&text) {
                    return at;
                }
                self.line.hear(at, &line::ack(&text));
            }
            loop {
                let request = match self.cancels {
                    true => Request::CancelAllOrders,
                    false => Request::PlaceOrder(new_order(&format!("a{}", self.orders))),
                };
                if self.line.client.request(t(at), &request).is_err() {
                    break;
                }
                self.orders += 1;
                self.line.poll(at);
            }
            self.line.wait(at + 9);
        }
        from + for_ms
    }
}

#[test]
fn a_busy_application_leaves_room_for_streams() {
    for (limit, places) in [
        ((20, 1_000), 64),
        ((7_000, 10_000), 64),
        ((7_000, 10_000), 2_000),
        ((600, 60_000), 64),
        ((8, 1_000), 1),
    ] {
        let mut busy = Busy::new(limit, places);
        busy.run(1, 10_000, |_| false);
        busy.line.subscribe(10_001, "btcusd@depth");
        // The limit is spread over two windows, half of it at once.
        let turn = 16 * limit.1 * 2 / u64::from(limit.0);
        let end = busy.run(10_001, 600_000, |text| text.contains("btcusd@depth"));
        assert!(end <= 10_001 + turn + 20, "{limit:?}, {places} places: after {} ms", end - 10_001);
        let cancelled = busy.line.client.request(t(end), &Request::CancelAllOrders);
        let most = u64::from(limit.0);
        assert!(cancelled.is_ok() || most < 32, "{limit:?}, {places} places: {cancelled:?}");
    }
}

/// The application sends its requests before it calls `handle_timeout`, so at the instant at which a limit has room
/// it always takes this room first. Even then, a stream that waits gets its turn.
#[test]
fn an_application_that_is_always_first_leaves_a_turn_to_streams() {
    for limit in [(2, 1_000), (3, 1_000), (4, 1_000), (5, 3_000), (6, 3_000), (20, 1_000), (600, 60_000)] {
        for cancels in [true, false] {
            let mut busy = Busy::new(limit, 64);
            busy.cancels = cancels;
            busy.run(10, 10_000, |_| false);
            busy.line.subscribe(10_009, "btcusd@depth");
            // The time in which the limit makes room for one request.
            let room = limit.1 / u64::from(limit.0 - limit.0 / 2);
            let mut sent = 0;
            let end = busy.run(10_010, 60_000, |text| {
                sent += 1;
                text.contains("btcusd@depth")
            });
            assert!(end <= 10_010 + 18 * room, "{limit:?}, {cancels}: after {} ms", end - 10_010);
            assert!(sent >= 14 || !cancels, "{limit:?}: {sent} requests until then");
        }
    }
}

#[test]
fn streams_that_wait_leave_room_to_a_busy_application() {
    let orders = |streams: usize| {
        let mut busy = Busy::new((600, 60_000), 64);
        busy.run(1, 100_000, |_| false);
        for n in 0..streams {
            busy.line.subscribe(100_001, &format!("s{n}usd@trade"));
        }
        let (before, mut requested) = (busy.orders, 0);
        busy.run(100_001, 200_000, |text| {
            requested += usize::from(text.contains("@trade"));
            false
        });
        (busy.orders - before, requested)
    };
    let ((alone, _), (beside, requested)) = (orders(0), orders(1_000));
    assert!(requested >= 50, "{requested} streams of 1,000 in 200 s");
    assert!(beside * 10 >= alone * 9, "orders in 200 s: {alone}, and {beside} beside {requested} streams");
}

#[test]
fn what_remains_of_a_limit_may_be_used_at_once() {
    let limit = 10_000_000;
    let order = || Request::PlaceOrder(new_order("a1"));
    for (kind, request) in [
        ("ORDERS", order()),
        ("REQUEST_WEIGHT", order()),
        ("REQUEST_WEIGHT", Request::Time),
        ("REQUEST_WEIGHT", Request::CancelAllOrders),
    ] {
        for tenths in [1, 4, 5, 6, 9] {
            let mut fed = Fed::private(&["orders@account"]);
            name_limits(&mut fed, 2, &limit_of_a_day(kind, limit, limit / 10 * tenths - 1_000));
            let accepted = fed.client.request(t(4), &request);
            assert!(accepted.is_ok(), "{kind}, {tenths} tenths used, {request:?}: {accepted:?}");
        }
    }
}

/// In the window that the venue has counted, the client uses all that remains of the limit except at most one
/// request. In no window does it exceed the limit.
#[test]
fn no_more_than_what_remains_is_used() {
    let (limit, window) = (12, 10_000);
    for used in 0..=limit {
        let mut fed = Fed::private(&["orders@account"]);
        name_limits(&mut fed, 2, &limit_of("ORDERS", ("SECOND", 10), limit, used));
        let mut taken = Vec::new();
        for at in (3..35_000).step_by(5) {
            while let Ok(id) = fed.client.request(t(at), &Request::PlaceOrder(new_order("a1"))) {
                fed.poll();
                fed.feed(at, &format!(r#"{{"id":{},"status":200}}"#, id.get()));
                taken.push(at);
            }
        }
        let within = |from: u64| taken.iter().filter(|at| (from..=from + window).contains(at)).count() as u64;
        let (first, rest) = (within(3), limit - used);
        assert!(first <= rest && first + 1 >= rest, "{used} of {limit} used: {first} more");
        assert!(rest == 0 || taken[0] == 3, "{used} of {limit} used: the next at {}", taken[0]);
        assert!(taken.iter().all(|at| within(*at) <= limit), "{used} of {limit} used");
    }
}

/// Requests that the venue has counted use up the venue's limit, but not the configured limit.
#[test]
fn what_others_have_used_does_not_count_for_the_part_that_is_configured() {
    let config = Config::new("ws://v").authenticated(true).order_limit(20, Duration::from_secs(10));
    let mut fed = Fed::new(config);
    name_limits(&mut fed, 2, &limit_of("ORDERS", ("SECOND", 10), 100, 60));
    let placed = (0..20).filter(|_| fed.client.request(t(4), &Request::PlaceOrder(new_order("a1"))).is_ok());
    assert_eq!(placed.count(), 10);
}

#[test]
fn a_shutdown_uses_what_remains_of_the_limit() {
    let mut fed = Fed::private(&["orders@account"]);
    let id = fed.client.request(t(2), &Request::PlaceOrder(new_order("a1"))).unwrap();
    fed.poll();
    fed.feed(3, &format!(r#"{{"id":{},"status":200}}"#, id.get()));
    name_limits(&mut fed, 4, &limit_of_a_day("REQUEST_WEIGHT", 10_000_000, 6_000_000));
    fed.sent.clear();
    fed.client.shut_down(t(60_000), ShutdownPlan::by(t(90_000)).cancel_orders(true));
    fed.poll();
    assert!(fed.sent.iter().any(|text| text.contains("order.cancel_session")), "{:?}", fed.sent);
}

#[test]
fn an_attempt_that_remains_is_made_without_a_wait() {
    let mut fed = Fed::private(&["orders@account"]);
    name_limits(&mut fed, 2, &limit_of("CONNECTION_ATTEMPTS", ("MINUTE", 5), 300, 200));
    fed.client.handle_lost(fed.link, t(1_000), Lost::Reset);
    let due = fed.client.deadline().unwrap().at;
    assert!(due < t(31_000), "100 attempts remain; the next one is at {due:?}");
}

/// Runs a client against a venue of market data v2 that refuses a request only if none of its names is valid. The
/// venue sends books but no mark prices. Returns when the client first requested each book.
fn serve_v2(quiet: usize, bad: &[(u64, &str)], books: &[(u64, &str)]) -> Vec<u64> {
    let names = (0..quiet).map(|n| format!("q{n}@markPrice"));
    let mut line = Line::open(Config::new("ws://v/v2/marketdata"), names);
    let mut requested = vec![None; books.len()];
    for at in (0..650_000).step_by(100) {
        for (_, name) in bad.iter().chain(books).filter(|(begin, _)| *begin == at) {
            line.subscribe(at, &format!("{name}@depth"));
        }
        while let Some(text) = line.sent.pop_front() {
            let names = |name: &str| text.contains(&format!("\"{}\"", name.to_uppercase()));
            let is_valid = text.contains("\"Q") || books.iter().any(|(_, name)| names(name));
            if !is_valid {
                line.hear(at, r#"{"reason":"NoValidTradingPairs","result":"error"}"#);
            }
            for ((_, name), seen) in books.iter().zip(&mut requested) {
                if names(name) {
                    seen.get_or_insert(at);
                    let name = name.to_uppercase();
                    line.hear(at, &format!(r#"{{"type":"l2_updates","symbol":"{name}","changes":[["buy","9","1"],["sell","10","1"]],"trades":[],"auction_events":[]}}"#));
                }
            }
        }
        if at % 5_000 == 0 {
            line.hear(at, r#"{"type":"heartbeat","timestamp":1}"#);
        }
        line.wait(at + 100);
    }
    assert_eq!(line.losses, []);
    requested.into_iter().flatten().collect()
}

/// A bad name delays no new stream for longer than the time limit of a request, even while it is unknown which stream
/// the venue's error is about.
#[test]
fn a_bad_name_of_v2_does_not_hold_up_other_streams() {
    let books: Vec<(u64, &str)> =
        vec![(61_000, "aausd"), (70_000, "bbusd"), (200_000, "ccusd"), (600_000, "ddusd")];
    let many: Vec<String> = (0..10).map(|n| format!("bad{n}")).collect();
    let many: Vec<(u64, &str)> = many.iter().map(|name| (60_000, name.as_str())).collect();
    let later: Vec<(u64, &str)> = many.iter().zip(1..).map(|((_, name), n)| (60_000 * n, *name)).collect();
    for (quiet, bad) in [(60, &many[..1]), (60, &many), (60, &later), (3, &many)] {
        let requested = serve_v2(quiet, bad, &books);
        assert_eq!(requested.len(), books.len(), "{quiet} quiet streams, {bad:?}");
        for ((begin, name), at) in books.iter().zip(requested) {
            assert!(at <= begin + 6_000, "{name} after {} ms; {quiet} quiet streams, {bad:?}", at - begin);
        }
    }
}

/// A client with two endpoints of one address. Each has an open link.
struct Both {
    client: Client,
    endpoints: Vec<EndpointId>,
    links: Vec<LinkId>,
}

impl Both {
    fn open() -> Both {
        let mut client = Client::new(ClientConfig::new(), 1);
        let config = Config::new("ws://v").authenticated(true).streams_per_request_max(1);
        let config = config.requests_in_flight_max(2_000);
        let endpoints = (0..2).map(|_| client.add(t(0), config.clone()).unwrap()).collect();
        client.open(t(0)).unwrap();
        let links: Vec<LinkId> = client.links().map(|(link, ..)| link).collect();
        links.iter().for_each(|link| client.handle_connected(*link, t(0)));
        Both { client, endpoints, links }
    }

    /// Lets the venue reply to every request over the first link. Returns the requests over the second link.
    fn serve(&mut self, at: u64) -> Vec<String> {
        let (mut others, mut scratch) = (Vec::new(), Scratch::new());
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Send { link, text } if link == self.links[0] => {
                    self.client.handle_frame(link, t(at), Frame::Text(&line::ack(&text)), &mut scratch);
                }
                Output::Send { text, .. } => others.push(text),
                _ => {}
            }
        }
        others
    }

    fn name_limits(&mut self, at: u64, limits: &str) {
        let id = self.client.request_at(t(at), self.endpoints[0], &Request::ConnectionInfo).unwrap();
        let reply = format!(r#"{{"id":{},"status":200,"rateLimits":[{limits}]}}"#, id.get());
        self.client.handle_frame(self.links[0], t(at), Frame::Text(&reply), &mut Scratch::new());
    }
}

/// Over one link, an application uses all room in the limits that it gets. Another link to the host, over which
/// nothing is heard, waits to request a stream. The client still requests the stream.
#[test]
fn a_busy_link_leaves_room_for_a_stream_of_another_link() {
    let (mut both, mut subscribed, mut requested) = (Both::open(), Vec::new(), Vec::new());
    for at in 1..12_000 {
        if at >= 8_000 && at % 500 == 0 {
            let stream = s(&format!("s{at}usd@trade"));
            both.client.subscribe_at(t(at), both.endpoints[1], stream, None).unwrap();
            subscribed.push(at);
        }
        if both.client.deadline().is_some_and(|deadline| deadline.at <= t(at)) {
            both.client.handle_timeout(t(at));
        }
        while both.client.request_at(t(at), both.endpoints[0], &Request::Time).is_ok() {}
        requested.extend(both.serve(at).iter().map(|_| at));
    }
    // Of 7,000 requests in 10 s, 3,500 are allowed at once, and the others are spread over the 10 s.
    let turn = 16 * 10_000 / 3_500 + 2;
    assert_eq!(requested.len(), subscribed.len(), "{requested:?}");
    let waits: Vec<u64> = subscribed.iter().zip(&requested).map(|(from, to)| to - from).collect();
    assert!(waits.iter().all(|wait| *wait <= turn), "{waits:?}");
}

/// While streams of two links wait for room, the stream that began to wait first is unsubscribed. The other stream
/// keeps its turn.
#[test]
fn the_end_of_one_wait_does_not_lengthen_another() {
    let (mut both, mut first, mut requested) = (Both::open(), None, None);
    for at in 1..8_200 {
        let stream = |name: &str| s(&format!("{name}@trade"));
        match at {
            8_000 => {
                let id = both.client.subscribe_at(t(at), both.endpoints[0], stream("aausd"), None).unwrap();
                first = Some(id);
            }
            8_001 => {
                both.client.subscribe_at(t(at), both.endpoints[1], stream("bbusd"), None).unwrap();
            }
            8_030 => both.client.unsubscribe(t(at), first.unwrap()).unwrap(),
            _ => {}
        }
        if both.client.deadline().is_some_and(|deadline| deadline.at <= t(at)) {
            both.client.handle_timeout(t(at));
        }
        while both.client.request_at(t(at), both.endpoints[0], &Request::Time).is_ok() {}
        if !both.serve(at).is_empty() {
            requested.get_or_insert(at);
        }
    }
    let turn = 16 * 10_000 / 3_500 + 2;
    assert!(requested.is_some_and(|at| at <= 8_001 + turn), "{requested:?}");
}

/// The venue raises its limit. The reply that says so comes over one link, and the stream of another link to the host
/// waits for room.
#[test]
fn a_limit_that_is_raised_lets_the_requests_of_every_link_pass() {
    let mut both = Both::open();
    both.name_limits(1, &limit_of("REQUEST_WEIGHT", ("HOUR", 1), 16, 0));
    for _ in 0..6 {
        both.client.request_at(t(2), both.endpoints[0], &Request::Time).unwrap();
    }
    both.client.subscribe_at(t(3), both.endpoints[1], s("btcusd@trade"), None).unwrap();
    assert_eq!(both.serve(3), Vec::<String>::new());
    both.name_limits(4, &limit_of("REQUEST_WEIGHT", ("SECOND", 10), 7_000, 9));
    let requested = both.serve(4);
    assert!(requested.len() == 1 && requested[0].contains("btcusd@trade"), "{requested:?}");
}

#[test]
fn a_raw_order_counts_for_the_limit_on_orders() {
    let config = Config::new("ws://v").authenticated(true).order_limit(2, Duration::from_secs(10));
    let mut fed = Fed::new(config);
    let raw = Request::raw("order.place", None);
    assert!(fed.client.request(t(1), &raw).is_ok());
    for request in [&raw, &Request::PlaceOrder(new_order("a1"))] {
        let refused = fed.client.request(t(2), request);
        let is_of_orders = matches!(refused, Err(CommandError::RateLimited { limit: RateKind::Orders, .. }));
        assert!(is_of_orders, "{request:?}: {refused:?}");
    }
}

/// The venue counts what was sent to it, and only orders as orders. Rows: the limit that the venue names, the endpoint
/// that gets twenty requests before the reply, and whether an order is accepted then.
#[test]
fn what_is_sent_before_the_reply_counts_for_its_own_limit() {
    for (kind, endpoint, is_accepted) in
        [("ORDERS", 0, true), ("ORDERS", 1, true), ("REQUEST_WEIGHT", 0, false), ("REQUEST_WEIGHT", 1, true)]
    {
        let (mut fed, links) = pair(["ws://v", "ws://w"]);
        let endpoints: Vec<EndpointId> = fed.client.endpoints().collect();
        fed.client.request_at(t(1), endpoints[0], &Request::ConnectionInfo).unwrap();
        fed.poll();
        let id = id_of(&fed.sent.pop().unwrap());
        for _ in 0..20 {
            fed.client.request_at(t(2), endpoints[endpoint], &Request::Time).unwrap();
        }
        let limit = limit_of(kind, ("SECOND", 10), 20, 1);
        fed.feed_over(links[0], 3, &format!(r#"{{"id":{id},"status":200,"rateLimits":[{limit}]}}"#));
        let placed = fed.client.request_at(t(4), endpoints[0], &Request::PlaceOrder(new_order("a1")));
        assert_eq!(placed.is_ok(), is_accepted, "{kind} {endpoint}: {placed:?}");
    }
}
