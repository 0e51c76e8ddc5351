//! Faults of limits on rates.

use gemini_ws::{Client, ClientConfig, CommandError, Config, Instant, Limit, RateKind, RateLimiter, Request};

use super::harness::{Harness, SECOND, ms, order, private, s, t};

// ---- B9, B10: limits ----------------------------------------------------------------------------

#[test]
pub(crate) fn b9_no_window_holds_more_than_the_limit() {
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
        // A request at the very end of the window may belong to the next window for the venue.
        assert!(used + taken <= 11, "{used} used and {taken} let through");
    }
}

/// A limit in a reply to `conninfo`: kind, unit of the window, number of units, limit and count.
type Row = (&'static str, &'static str, u64, u64, u64);

fn limits(rows: &[Row]) -> String {
    let row = |(kind, unit, number, limit, count): &Row| {
        format!(
            r#"{{"rateLimitType":"{kind}","interval":"{unit}","intervalNum":{number},"limit":{limit},"count":{count}}}"#
        )
    };
    rows.iter().map(row).collect::<Vec<_>>().join(",")
}

fn ask(harness: &mut Harness, rows: &[Row]) {
    let id = harness.client.request(harness.now, &Request::ConnectionInfo).unwrap().get();
    harness.drain();
    harness.text(&format!(r#"{{"id":{id},"status":200,"rateLimits":[{}]}}"#, limits(rows)));
}

/// Places orders as fast as the client accepts them, for `for_ms` milliseconds. The venue replies to each at once.
/// Returns the number of accepted orders.
fn trade(harness: &mut Harness, for_ms: u64) -> usize {
    let (from, mut taken) = (ms(harness.now), 0);
    for at in from..from + for_ms {
        harness.now = t(at);
        if let Ok(id) = harness.client.request(harness.now, &order("a")) {
            taken += 1;
            harness.text(&format!("{{\"id\":{},\"status\":200}}", id.get()));
            while harness.client.poll_output().is_some() {}
        }
    }
    taken
}

const USUAL: [Row; 4] = [
    ("REQUEST_WEIGHT", "SECOND", 10, 7_000, 33),
    ("ORDERS", "SECOND", 10, 3_500, 0),
    ("ORDERS", "DAY", 1, 10_000_000, 0),
    ("CONNECTION_ATTEMPTS", "MINUTE", 5, 300, 2),
];

#[test]
pub(crate) fn b10_asking_for_the_limits_does_not_slow_orders_down() {
    let rate = |ask_for: bool| {
        let mut harness = Harness::live(private());
        if ask_for {
            ask(&mut harness, &USUAL);
        }
        trade(&mut harness, 20_000)
    };
    let (before, after) = (rate(false), rate(true));
    assert!(after * 100 >= before * 95, "orders in 20 s: {before} before, {after} after");
}

#[test]
pub(crate) fn b10_the_venues_limits_can_loosen_again() {
    let strict: [&[Row]; 4] = [
        &[("ORDERS", "SECOND", 10, 2, 0)],
        &[("ORDERS", "SECOND", 10, 0, 0)],
        &[("ORDERS", "DAY", 1, 5, 5)],
        &[("ORDERS", "HOUR", u64::MAX, u64::MAX, u64::MAX)],
    ];
    for rows in strict {
        let mut harness = Harness::live(private());
        let before = trade(&mut harness.clone_at(t(1_000)), 8_000);
        ask(&mut harness, rows);
        let strictly = trade(&mut harness.clone_at(t(1_000)), 8_000);
        harness.now = t(1_000);
        ask(&mut harness, &USUAL);
        harness.now = t(3_601_000);
        let again = trade(&mut harness, 8_000);
        assert!(strictly <= 2 || rows[0].3 == u64::MAX, "{rows:?}: {strictly}");
        assert!(again * 100 >= before * 95, "{rows:?}: {again} of {before}");
    }
    // A limit of zero ends with its window, whether or not the client asks for the limits again. With a window of
    // many days, a request waits for at most an hour.
    let mut harness = Harness::live(private());
    ask(&mut harness, &[("ORDERS", "SECOND", 10, 0, 0)]);
    assert!(matches!(
        harness.client.request(harness.now, &order("a")),
        Err(CommandError::RateLimited { limit: RateKind::Orders, retry, .. }) if retry == t(10_000)
    ));
    harness.now = t(10_000);
    assert!(trade(&mut harness, 10_000) > 3_000);
    for rows in [("REQUEST_WEIGHT", "DAY", 300, 1, 1), ("REQUEST_WEIGHT", "DAY", u64::MAX, 0, 0)] {
        let mut harness = Harness::live(private());
        ask(&mut harness, &[rows]);
        let Err(CommandError::RateLimited { retry, .. }) =
            harness.client.request(harness.now, &Request::Time)
        else {
            panic!("{rows:?}")
        };
        assert!(retry <= t(3_600_000), "{rows:?}: {retry:?}");
    }
}

/// Returns eight limits of two orders each, for windows of `from` seconds and of one to seven seconds more.
fn windows(from: u64) -> Vec<Row> {
    (from..from + 8).map(|seconds| ("ORDERS", "SECOND", seconds, 2, 0)).collect()
}

/// Limits that only an earlier reply named do not apply any more. If both replies name a limit for windows of the
/// same length, the orders that were placed before the second reply still count.
#[test]
pub(crate) fn b10_the_windows_of_the_newest_reply_hold() {
    for (from, at, accepted) in [(200, 10_000_000, 1), (200, 1_000, 1), (107, 1_000, 0), (93, 1_000, 0)] {
        let mut harness = Harness::live(private());
        ask(&mut harness, &windows(100));
        assert_eq!(trade(&mut harness, 1_000), 1);
        harness.now = t(at);
        ask(&mut harness, &windows(from));
        assert_eq!(trade(&mut harness, 1_000), accepted, "{from} {at}");
    }
}

#[test]
pub(crate) fn b10_the_lower_of_two_limits_on_a_window_holds() {
    let rows: [Row; 2] = [("ORDERS", "SECOND", 60, 100, 0), ("ORDERS", "MINUTE", 1, 2, 0)];
    for rows in [rows, [rows[1], rows[0]]] {
        let mut harness = Harness::live(private());
        ask(&mut harness, &rows);
        assert_eq!(trade(&mut harness, 1_000), 1, "{rows:?}");
    }
}

#[test]
pub(crate) fn b9_what_was_sent_since_the_question_counts() {
    let mut harness = Harness::live(private().request_limit(1_000, SECOND * 10));
    let id = harness.client.request(harness.now, &Request::ConnectionInfo).unwrap().get();
    for _ in 0..3 {
        harness.client.request(harness.now, &Request::Time).unwrap();
    }
    harness.drain();
    let rows = limits(&[("REQUEST_WEIGHT", "SECOND", 10, 10, 7)]);
    harness.text(&format!(r#"{{"id":{id},"status":200,"rateLimits":[{rows}]}}"#));
    let refused = harness.client.request(harness.now, &Request::Time).unwrap_err();
    assert!(
        matches!(refused, CommandError::RateLimited { limit: RateKind::Requests, window, retry }
        if window == SECOND * 10 && retry > t(10_000)),
        "seven and three of ten: {refused:?}"
    );
}

// ---- links --------------------------------------------------------------------------------------

/// An endpoint that stays open has a link of its own as soon as it is added. The client refuses a command that would
/// need this link for another endpoint.
#[test]
pub(crate) fn each_endpoint_that_stays_open_gets_its_link() {
    const FULL: CommandError = CommandError::TooMany(Limit::Links);
    let standing = |n: usize| Config::new(format!("ws://v{n}")).stay_open(true);
    let public = || Config::new("ws://public").stay_open(false).streams_max(1);
    for most in 1..=4 {
        for opens_first in [false, true] {
            let mut client = Client::new(ClientConfig::new().links_max(most), 1);
            if opens_first {
                client.open(t(0)).unwrap();
            }
            let other = client.add(t(0), public()).unwrap();
            let added: Vec<_> = (1..=most).map(|n| client.add(t(0), standing(n))).collect();
            assert!(added.iter().all(Result::is_ok), "{added:?}");
            assert_eq!(client.add(t(0), standing(0)), Err(FULL), "{most} links, opened first: {opens_first}");
            assert_eq!(client.subscribe(t(0), s("btcusd@trade")), Err(FULL), "{most} links");
            client.open(t(0)).unwrap();
            assert_eq!(client.links().count(), most);
            // The end of an endpoint leaves room for another, and for streams.
            client.remove(t(0), added[0].unwrap()).unwrap();
            assert_eq!(client.subscribe(t(0), s("btcusd@trade")).map(|_| ()), Ok(()), "{most} links");
            assert_eq!(client.add(t(0), standing(0)), Err(FULL), "{most} links");
            client.remove(t(0), other).unwrap();
            assert!(client.add(t(0), standing(0)).is_ok(), "{most} links");
            assert_eq!(client.links().count(), most);
        }
    }
    // Streams have taken a link before an endpoint that stays open is added.
    let mut client = Client::new(ClientConfig::new().links_max(2), 1);
    client.add(t(0), public()).unwrap();
    client.subscribe(t(0), s("btcusd@trade")).unwrap();
    client.add(t(0), standing(1)).unwrap();
    assert_eq!(client.subscribe(t(0), s("ethusd@trade")), Err(FULL));
    assert_eq!(client.add(t(0), standing(2)), Err(FULL));
    client.open(t(0)).unwrap();
    assert_eq!(client.links().count(), 2);
    // The first stream at an endpoint that stays open takes the link of the endpoint.
    let mut client = Client::new(ClientConfig::new().links_max(1), 1);
    client.add(t(0), standing(1)).unwrap();
    client.subscribe(t(0), s("ethusd@trade")).unwrap();
    assert_eq!(client.links().count(), 1);
}
