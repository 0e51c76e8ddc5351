//! Tests the limits of the venue and of the configuration.

use gemini_ws::lifecycle::{State, StreamState};
use gemini_ws::{ClientConfig, CommandError, Config, ConnectFailure, Lost, RateKind, Request};

use super::desk::{Desk, SECOND, order, private, public};

/// Requests that were counted before the client was opened stay counted when an unneeded link is forgotten.
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

/// L-081: a refusal for too many attempts holds back every link to that host, and no others.
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

/// The limits in the reply to `conninfo` hold from then on.
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
    // The request for the limits has used one of the two that may be sent at once.
    assert!(desk.client.request(desk.now, &Request::Time).is_ok());
    assert!(matches!(desk.client.request(desk.now, &Request::Time), Err(CommandError::RateLimited { .. })));
}

/// L-080: with a limit on attempts, one event reports that it is reached, and nothing follows.
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
