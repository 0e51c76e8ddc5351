//! Times and numbers that a user may set, at their extremes.

use std::time::Duration;

use gemini_ws::{Client, ClientConfig, Config, Frame, Instant, Lost, Output, Request, Scratch};

use super::super::line::Line;
use super::fed::{Fed, id_of, new_order, s, t};

type Setter = fn(Config, Duration) -> Config;

const SETTERS: [(&str, Setter); 17] = [
    ("connect_timeout", |config, time| config.connect_timeout(time)),
    ("request_timeout", |config, time| config.request_timeout(time)),
    ("snapshot_timeout", |config, time| config.snapshot_timeout(time)),
    ("resubscribe_delay", |config, time| config.resubscribe_delay(time)),
    ("resubscribe_cap", |config, time| config.resubscribe_cap(time)),
    ("close_timeout", |config, time| config.close_timeout(time)),
    ("probe_after", |config, time| config.probe_after(time)),
    ("silence_max", |config, time| config.silence_max(time)),
    ("stable_after", |config, time| config.stable_after(time)),
    ("backoff", |config, time| config.backoff(time, time)),
    ("slow_retry", |config, time| config.slow_retry(time)),
    ("retry_after_max", |config, time| config.retry_after_max(time)),
    ("linger", |config, time| config.linger(time)),
    ("heartbeat_every", |config, time| config.heartbeat_every(time)),
    ("dial_limit", |config, time| config.dial_limit(3, time)),
    ("request_limit", |config, time| config.request_limit(30, time)),
    ("order_limit", |config, time| config.order_limit(30, time)),
];

/// Runs a client until `last_call`, or for 20,000 steps. The peer replies, stays silent or ends the link, depending
/// on how many links there were. Returns the number of steps, and the instant after the last step.
fn live(config: Config, last_call: Instant) -> (usize, Instant) {
    let mut client = Client::single(config.authenticated(true).seed(1));
    let mut now = t(0);
    client.open(now).unwrap();
    client.subscribe(now, s("btcusd@depth")).unwrap();
    client.subscribe_unless_silent(now, s("btcusd@trade"), Duration::from_secs(5)).unwrap();
    client.subscribe(now, s("orders@account")).unwrap();
    let (mut links, mut stands, mut steps) = (0_u32, 0_u32, 0_usize);
    let mut scratch = Scratch::new();
    while steps < 20_000 && now < last_call {
        steps += 1;
        let mut sent = Vec::new();
        while let Some(output) = client.poll_output() {
            match output {
                Output::Connect(link) => {
                    links += 1;
                    sent.push((link, None));
                }
                Output::Send { link, text, .. } => sent.push((link, Some(text))),
                _ => {}
            }
        }
        for (link, text) in sent {
            match text {
                None if links % 5 == 4 => client.handle_lost(link, now, Lost::Reset),
                None => client.handle_connected(link, now),
                Some(text) if text.contains("\"id\"") && links % 3 != 2 => {
                    let reply = format!("{{\"id\":{},\"status\":200}}", id_of(&text));
                    client.handle_frame(link, now, Frame::Text(&reply), &mut scratch);
                }
                Some(_) => {}
            }
        }
        let _ = client.request(now, &Request::CancelAllOrders);
        if steps % 50 == 49 {
            client.resync_all_books(now);
        }
        let Some(deadline) = client.deadline() else { break };
        stands = if deadline.at <= now { stands + 1 } else { 0 };
        assert!(stands < 100, "the clock stands at {now:?}");
        now = now.max(deadline.at);
        client.handle_timeout(now);
    }
    client.close(now);
    (steps, now)
}

/// Whatever time is set in the configuration, the client does not panic, and does not demand `handle_timeout` again
/// and again at one instant.
#[test]
fn z24_no_time_that_is_set_stops_the_clock() {
    for (name, set) in SETTERS {
        for time in [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(1), Duration::MAX] {
            let (steps, now) = live(set(Config::new("ws://v"), time), t(600_000));
            assert!(steps > 2, "{name} {time:?}: nothing happened until {now:?}");
        }
    }
}

#[test]
fn z25_no_pair_of_times_stops_the_clock() {
    let times = [Duration::ZERO, Duration::MAX];
    for (place, (_, one)) in SETTERS.into_iter().enumerate() {
        for (_, other) in &SETTERS[place + 1..] {
            for (first, second) in times.into_iter().flat_map(|first| times.map(|second| (first, second))) {
                live(other(one(Config::new("ws://v"), first), second), t(60_000));
            }
        }
    }
}

type CountSetter = fn(Config, usize) -> Config;

const COUNT_SETTERS: [(&str, CountSetter); 9] = [
    ("streams_max", |config, count| config.streams_max(count)),
    ("streams_per_request_max", |config, count| config.streams_per_request_max(count)),
    ("snapshots_max", |config, count| config.snapshots_max(count)),
    ("requests_in_flight_max", |config, count| config.requests_in_flight_max(count)),
    ("malformed_run_max", |config, count| config.malformed_run_max(count as u32)),
    ("attempts_max", |config, count| config.attempts_max(count as u32)),
    ("dial_limit", |config, count| config.dial_limit(count as u32, Duration::from_secs(1))),
    ("request_limit", |config, count| config.request_limit(count as u32, Duration::from_secs(1))),
    ("order_limit", |config, count| config.order_limit(count as u32, Duration::from_secs(1))),
];

/// Whatever number is set in the configuration, the client accepts at least three subscriptions and keeps running. A
/// refused subscription leaves no link behind.
#[test]
fn no_number_that_is_set_makes_every_command_fail() {
    for (name, set) in COUNT_SETTERS {
        for number in [0, 1, usize::MAX] {
            let config = set(Config::new("ws://v"), number);
            let mut client = Client::new(ClientConfig::new().links_max(3), 1);
            client.add(t(0), config.clone()).unwrap();
            client.open(t(0)).unwrap();
            for symbol in 0..6 {
                let before = client.links().count();
                let subscribed = client.subscribe(t(0), s(&format!("s{symbol}usd@trade")));
                assert!(subscribed.is_ok() || client.links().count() == before, "{name} {number}");
            }
            assert!(client.streams().count() >= 3, "{name} {number}");
            let (steps, now) = live(config, t(60_000));
            assert!(steps > 2, "{name} {number}: nothing happened until {now:?}");
        }
    }
}

/// A link has at most 2²⁰ streams, whatever `streams_max` is: the id of a subscription has 20 bits for its place.
#[test]
fn a_link_has_from_one_to_a_million_streams() {
    for (set, got) in
        [(0, 1), (1, 1), (4_784, 4_784), (1 << 20, 1 << 20), (1 << 21, 1 << 20), (usize::MAX, 1 << 20)]
    {
        assert_eq!(Config::new("ws://v").streams_max(set).get_streams_max(), got);
    }
}

#[test]
fn one_unreadable_limit_hides_no_other() {
    let orders = r#"{"rateLimitType":"ORDERS","interval":"MINUTE","intervalNum":1,"limit":2,"count":0}"#;
    for unreadable in [
        r#"{"rateLimitType":"NEW","interval":"MINUTE","intervalNum":1,"limit":5}"#,
        r#"{"rateLimitType":"ORDERS","interval":"MINUTE","intervalNum":1,"limit":"many","count":0}"#,
        "7",
        "null",
    ] {
        for rows in [format!("{orders},{unreadable}"), format!("{unreadable},{orders}")] {
            let mut fed = Fed::private(&[]);
            fed.client.request(t(5), &Request::ConnectionInfo).unwrap();
            fed.poll();
            let id = id_of(&fed.sent.pop().unwrap());
            fed.feed(6, &format!(r#"{{"id":{id},"status":200,"rateLimits":[{rows}]}}"#));
            let place = |n: usize| {
                fed.client.request(t(7), &Request::PlaceOrder(new_order(&format!("o{n}")))).is_ok()
            };
            let placed = (0..10).map(place).filter(|is_ok| *is_ok).count();
            assert!((1..=2).contains(&placed), "{rows}: {placed} orders at once");
        }
    }
}

/// The client computes what remains of a limit of the venue correctly even if the limit or its count exceeds 32 bits.
#[test]
fn a_large_limit_with_a_large_use_has_room() {
    const CUT: u64 = u32::MAX as u64;
    for (limit, count, has_room) in [
        (10_000_000_000, 5_000_000_000, true),
        (CUT + 1, CUT, true),
        (u64::MAX, u64::MAX - 1, true),
        (u64::MAX, u64::MAX, false),
        (CUT, CUT, false),
        (CUT, CUT - 1, true),
    ] {
        let row = format!(
            r#"{{"rateLimitType":"ORDERS","interval":"DAY","intervalNum":1,"limit":{limit},"count":{count}}}"#
        );
        let mut fed = Fed::private(&[]);
        fed.client.request(t(5), &Request::ConnectionInfo).unwrap();
        fed.poll();
        let id = id_of(&fed.sent.pop().unwrap());
        fed.feed(6, &format!(r#"{{"id":{id},"status":200,"rateLimits":[{row}]}}"#));
        let placed = fed.client.request(t(7), &Request::PlaceOrder(new_order("o1")));
        assert_eq!(placed.is_ok(), has_room, "{limit} {count}: {placed:?}");
    }
}

/// The venue accepts 1 to 5,000 levels in a request for a book. The client sends the nearest number that the venue
/// accepts.
#[test]
fn the_number_of_levels_that_a_request_asks_for_is_one_that_the_venue_takes() {
    for (limit, sent) in [(0, 1), (1, 1), (5_000, 5_000), (5_001, 5_000), (u16::MAX, 5_000)] {
        let request = Request::Depth { symbol: "btcusd".parse().unwrap(), limit: Some(limit) };
        let text = request.encode(1);
        assert!(text.contains(&format!("\"limit\":{sent}}}")), "{text}");
    }
}

/// With the longest durations in the configuration, the client never probes a silent link. After a sleep of the
/// machine it does, and the reply to this probe has as much time as usual.
#[test]
fn the_longest_silence_before_a_probe_leaves_time_for_its_reply() {
    let answer = |config: &Config| config.get_silence_max() - config.get_probe_after();
    for time in [Duration::MAX, Duration::MAX - Duration::from_secs(1), Duration::from_secs(u64::MAX)] {
        let config = Config::new("ws://v").probe_after(time);
        assert!(answer(&config) >= answer(&Config::new("ws://v")), "{time:?}: {:?}", answer(&config));
        let mut line = Line::open(config, []);
        line.client.handle_resumed(t(5));
        line.poll(5);
        line.wait(4_000);
        assert_eq!(line.losses, [], "{time:?}");
    }
    let config = Config::new("ws://v").silence_max(Duration::MAX).probe_after(Duration::from_secs(60));
    assert_eq!(config.get_probe_after(), Duration::from_secs(60));
}
