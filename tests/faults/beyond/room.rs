//! Requests that wait for room in a limit: probes, subscriptions, and what the venue says is used already.

use std::time::Duration;

use gemini_ws::{Config, Lost, Request};

use super::super::line;
use super::fed::{Fed, t};

/// Handles every deadline of each second in turn. Returns in which second the book stops being live.
fn live_until(fed: &mut Fed, most: u64) -> Option<u64> {
    (1..most).find(|second| {
        while let Some(due) = fed.client.deadline().filter(|due| due.at <= t(second * 1_000)) {
            fed.client.handle_timeout(due.at);
            fed.poll();
        }
        fed.books.live("btcusd").is_none()
    })
}

/// Lets the venue reply to `conninfo` with these limits.
fn name_limits(fed: &mut Fed, at: u64, limits: &str) {
    let id = fed.client.request(t(at), &Request::ConnectionInfo).unwrap();
    fed.poll();
    fed.feed(at + 1, &format!(r#"{{"id":{},"status":200,"rateLimits":[{limits}]}}"#, id.get()));
}

fn limit_of_a_day(kind: &str, limit: u64, count: u64) -> String {
    format!(
        r#"{{"rateLimitType":"{kind}","interval":"DAY","intervalNum":1,"limit":{limit},"count":{count}}}"#
    )
}

/// A book is live for at most `Config::silence_max` after the venue falls silent, even if no limit has room for a
/// probe. After `handle_resumed`, the book is live for as long as the reply to a probe may take.
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

/// The venue pings, so the link stays open, even if no limit has room for a probe.
#[test]
fn a_link_that_hears_pings_needs_no_room_for_probes() {
    let config = Config::new("ws://v").request_limit(1, Duration::from_secs(3_600));
    let mut line = line::Line::open(config, ["btcusd@depth".to_owned()]);
    for at in (0..3_000_000).step_by(20_000) {
        line.ping(at);
        line.wait(at + 20_000);
    }
    assert_eq!(line.losses, Vec::<Lost>::new());
}
