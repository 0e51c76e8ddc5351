//! Tests the limits of the venue and of the configuration.

use std::time::Duration;

use gemini_ws::lifecycle::{State, StreamState};
use gemini_ws::{
    ClientConfig, CommandError, Config, ConnectFailure, Frame, Lost, RateKind, Request, Scratch,
};

use super::harness::{Harness, SECOND, SNAPSHOT, number, order, private, public, stream};

/// `stale_inputs` counts a late input about a link that no stream needs any more. The counter does not fall when
/// `open` makes the client forget the link.
#[test]
fn what_was_counted_stays_counted() {
    let mut harness = Harness::new(ClientConfig::new(), &[public()]);
    let id = harness.subscribe("btcusd@trade");
    let link = harness.link(0, 0);
    harness.client.unsubscribe(harness.now, id).unwrap();
    harness.client.handle_lost(link, harness.now, Lost::Reset);
    assert_eq!(harness.client.stats().stale_inputs, 1);
    harness.open();
    assert_eq!(harness.client.stats().stale_inputs, 1);
}

/// `stale_inputs` counts each input that the state of its link ignores.
#[test]
fn what_comes_too_early_or_too_late_is_counted() {
    let mut harness = Harness::new(ClientConfig::new(), &[private()]);
    harness.open();
    let link = harness.dials.remove(0);
    let early = [
        Frame::Text("{}"),
        Frame::Binary(b"{}"),
        Frame::Ping(b""),
        Frame::Pong(b""),
        Frame::Close { code: None, reason: "" },
    ];
    for (count, frame) in (1..).zip(early) {
        harness.client.handle_frame(link, harness.now, frame, &mut Scratch::new());
        assert_eq!(harness.client.stats().stale_inputs, count, "{frame:?}");
    }
    harness.client.handle_connected(link, harness.now);
    harness.client.handle_dial_started(link, harness.now);
    assert_eq!(harness.client.stats().stale_inputs, 6, "the dial has ended");
    harness.client.handle_connected(link, harness.now);
    assert_eq!(harness.client.stats().stale_inputs, 7, "the dial has ended");
}

/// L-081: if a host refuses a dial for too many attempts, the client delays all links to this host, and no others.
#[test]
fn a_delay_that_a_host_asks_for_holds_all_its_links() {
    let elsewhere = Config::new("ws://elsewhere").streams_max(1);
    let mut harness = Harness::new(ClientConfig::new(), &[public().streams_max(1), elsewhere]);
    harness.open();
    harness.subscribe("btcusd@trade");
    let first = harness.dials.remove(0);
    let why = ConnectFailure::Status { status: 429, retry_after: Some(SECOND * 60), reason: None };
    harness.client.handle_connect_failed(first, harness.now, why);
    harness.subscribe("ethusd@trade");
    assert_eq!(harness.states(), [State::Backoff; 2]);
    assert!(harness.dials.is_empty());
    harness.client.add(harness.now, Config::new("ws://elsewhere/v1/marketdata/btcusd")).unwrap();
    harness.drain();
    assert_eq!(harness.dials.len(), 1);
    harness.pass(SECOND * 59);
    harness.dials.retain(|link| link.slot() < 2);
    assert!(harness.dials.is_empty());
    harness.pass(SECOND * 8);
    harness.dials.retain(|link| link.slot() < 2);
    assert_eq!(harness.dials.len(), 2);
}

/// L-092: subscriptions are restored no faster than the venue allows, even across a reconnect.
#[test]
fn no_window_holds_more_requests_than_the_limit() {
    let (limit, window) = (5, SECOND);
    let config = public().streams_per_request_max(1).request_limit(limit, window);
    let mut harness = Harness::new(ClientConfig::new(), &[config]);
    for number in 0..200 {
        harness.subscribe(&format!("sym{number}usd@trade"));
    }
    harness.open();
    let mut times = Vec::new();
    let mut lost = false;
    while harness.client.streams().any(|(_, _, state)| state != StreamState::Active) {
        for link in std::mem::take(&mut harness.dials) {
            harness.client.handle_connected(link, harness.now);
            harness.drain();
        }
        times.extend(harness.sent.iter().map(|_| harness.now));
        harness.answer_all();
        times.extend(harness.sent.iter().map(|_| harness.now));
        harness.answer_all();
        assert!(harness.sent.is_empty());
        if times.len() == 100 && !lost {
            lost = true;
            let link = harness.link(0, 0);
            harness.client.handle_lost(link, harness.now, Lost::Closed { code: Some(1001) });
            harness.drain();
        }
        let at = harness.client.deadline().expect("something to wait for").at;
        harness.pass(at.since(harness.now));
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
    let mut harness = Harness::new(ClientConfig::new(), &[config]);
    harness.open();
    harness.flush();
    assert!(harness.client.request(harness.now, &order("a")).is_ok());
    let refused = harness.client.request(harness.now, &order("b"));
    let limited = |limit, window, retry| Err(CommandError::RateLimited { limit, window, retry });
    assert_eq!(refused, limited(RateKind::Orders, SECOND * 10, harness.now + SECOND * 10));
    assert!(harness.client.request(harness.now, &Request::Time).is_ok(), "orders have a limit of their own");
    let CommandError::RateLimited { limit: RateKind::Requests, retry, .. } =
        harness.client.request(harness.now, &Request::Time).unwrap_err()
    else {
        panic!()
    };
    harness.pass(retry.since(harness.now));
    assert!(harness.client.request(harness.now, &Request::Time).is_ok());
}

/// The limits in a reply to `conninfo` apply from then on.
#[test]
fn the_venue_says_what_its_limits_are() {
    let mut harness = Harness::new(ClientConfig::new(), &[private()]);
    harness.open();
    harness.flush();
    harness.client.request(harness.now, &Request::ConnectionInfo).unwrap();
    harness.drain();
    let (link, _) = harness.sent.pop().unwrap();
    harness.frame(
        link,
        r#"{"id":1,"status":200,"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT","interval":"SECOND","intervalNum":10,"limit":4,"count":0},{"rateLimitType":"ORDERS","interval":"MINUTE","intervalNum":1,"limit":10,"count":10},{"rateLimitType":"NEWS","interval":"DAY","intervalNum":1,"limit":1,"count":1}]}"#,
    );
    let refused = harness.client.request(harness.now, &order("a"));
    let all_used = CommandError::RateLimited {
        limit: RateKind::Orders,
        window: SECOND * 60,
        retry: harness.now + SECOND * 60 + Duration::from_nanos(1),
    };
    assert_eq!(refused, Err(all_used), "ten of ten are used up");
    harness.pass(SECOND);
    // The request for the limits has used one of the two that may be sent at once.
    assert!(harness.client.request(harness.now, &Request::Time).is_ok());
    assert!(matches!(
        harness.client.request(harness.now, &Request::Time),
        Err(CommandError::RateLimited { .. })
    ));
}

/// A link that waits for the venue's limit on attempts is dialled as soon as the venue names a limit with more room.
#[test]
fn a_link_that_waits_for_a_limit_is_dialled_when_the_venue_loosens_the_limit() {
    let limits = |limit: u32| {
        format!(
            r#""rateLimits":[{{"rateLimitType":"CONNECTION_ATTEMPTS","interval":"HOUR","intervalNum":1,"limit":{limit},"count":1}}]"#
        )
    };
    let mut harness = Harness::new(ClientConfig::new(), &[public(), private()]);
    harness.open();
    harness.flush();
    let link = harness.link(0, 0);
    let ask = |harness: &mut Harness, limit| {
        harness.client.request(harness.now, &Request::ConnectionInfo).unwrap();
        harness.drain();
        let (_, text) = harness.sent.pop().unwrap();
        harness.frame(link, &format!(r#"{{"id":{},"status":200,{}}}"#, number(&text), limits(limit)));
    };
    ask(&mut harness, 1);
    harness.subscribe("btcusd@trade");
    harness.pass(SECOND * 10);
    assert!(harness.dials.is_empty(), "the limit is used up for an hour");
    ask(&mut harness, 1_000);
    harness.pass(SECOND);
    assert_eq!(harness.dials.len(), 1);
}

/// Cancellations at the full rate do not stop subscriptions. The driver looks at timers before commands.
#[test]
fn subscriptions_get_a_turn_among_cancellations_at_the_full_rate() {
    let mut harness = Harness::new(ClientConfig::new(), &[private().request_limit(256, SECOND * 128)]);
    harness.open();
    harness.flush();
    let cancel = |harness: &mut Harness| {
        while harness.client.request(harness.now, &Request::CancelAllOrders).is_ok() {
            harness.drain();
            harness.answer_cancels();
        }
    };
    cancel(&mut harness);
    harness.subscribe("btcusd@trade");
    for _ in 0..20 {
        harness.pass(SECOND);
        cancel(&mut harness);
    }
    assert!(harness.sent.iter().any(|(_, text)| text.contains("btcusd@trade")));
}

/// Cancellations at the full rate over one link do not stop the probe of another link to the same host.
#[test]
fn a_probe_gets_room_among_cancellations_at_the_full_rate() {
    let limited = |config: Config| config.request_limit(256, SECOND * 128);
    let endpoints = [limited(public().stay_open(true)), limited(private())];
    let mut harness = Harness::new(ClientConfig::new(), &endpoints);
    harness.open();
    harness.flush();
    let silent = harness.link(0, 0);
    for _ in 0..40 {
        while harness.client.request(harness.now, &Request::CancelAllOrders).is_ok() {
            harness.drain();
            harness.answer_cancels();
        }
        harness.pass(SECOND);
    }
    assert!(harness.sent.iter().any(|(link, text)| *link == silent && text.contains("ping")));
}

/// L-080: if the configuration limits attempts, one event reports that the limit is reached, and no attempt
/// follows.
#[test]
fn attempts_have_a_limit_if_that_is_wanted() {
    let mut harness = Harness::new(ClientConfig::new(), &[private().attempts_max(3), public()]);
    harness.open();
    for _ in 0..3 {
        let link = harness.dials.remove(0);
        harness.client.handle_connect_failed(link, harness.now, ConnectFailure::Refused);
        harness.drain();
        harness.pass(SECOND * 5);
    }
    let events = harness.take_events();
    let last = "failed link 0.3: connection refused: nobody listens there";
    assert_eq!(
        events[2..],
        [
            last,
            "link closed link 0.3: cannot connect: 3 attempts have failed, the last one: connection refused: nobody listens there"
        ]
    );
    harness.pass(SECOND * 3_600);
    assert!(harness.dials.is_empty() && harness.events.is_empty());
}

/// The client requests lost books again even while it refuses other commands because too many outputs wait. Otherwise
/// the lost books would look current for ever. Further calls of `resync_all_books` add no outputs.
#[test]
fn lost_books_are_requested_while_outputs_wait() {
    let mut harness = Harness::new(ClientConfig::new(), &[public().stay_open(true)]);
    harness.open();
    harness.flush();
    let books = ["btcusd", "ethusd", "solusd"];
    for symbol in books {
        harness.subscribe(&format!("{symbol}@depth"));
        harness.flush();
        harness.frame(harness.link(0, 0), &SNAPSHOT.replace("btcusd", symbol));
    }
    harness.take_events();
    let more = stream("btcusd@depth");
    while let Ok(id) = harness.client.subscribe(harness.now, more) {
        let _ = harness.client.unsubscribe(harness.now, id);
    }
    for _ in 0..3 {
        assert_eq!(harness.client.resync_all_books(harness.now), books.len());
    }
    assert_eq!(harness.client.resync_books(harness.now, ["btcusd".parse().unwrap()]), 1);
    harness.drain();
    let gaps = harness.take_events().iter().filter(|event| *event == "gap").count();
    assert_eq!((gaps, harness.books.to_resync().count()), (books.len(), 0));
    assert!(books.iter().all(|symbol| harness.books.live(symbol).is_none()));
    harness.client.close(harness.now);
    assert_eq!(harness.client.resync_all_books(harness.now), 0);
}
