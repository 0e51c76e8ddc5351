//! Tests probes and heartbeats, requests, and what makes room for requests that wait.

use gemini_ws::lifecycle::State;
use gemini_ws::{ClientConfig, CommandError, Config, Event, Frame, Lost, Request, Scratch};

use super::harness::{Harness, OK, SECOND, order, private, public};

/// L-060: frames on one link do not show that another link is alive.
#[test]
fn a_busy_link_does_not_vouch_for_a_silent_one() {
    let mut harness = Harness::trading();
    harness.subscribe("btcusd@trade");
    harness.open();
    harness.flush();
    let public = harness.link(0, 0);
    harness.take_events();
    for number in 0..90 {
        harness.pass(SECOND / 2);
        harness.sent.clear();
        harness.frame(public, &format!(r#"{{"E":1,"s":"btcusd","t":{number},"p":"1","q":"1","m":true}}"#));
    }
    let events: Vec<String> = harness.take_events().into_iter().filter(|event| event != "trade").collect();
    let silent = "disconnected link 1.1: nothing was heard, not even an answer to a ping; retry";
    assert_eq!(events, [silent]);
}

/// L-143: the client reports that a heartbeat is due exactly 15 s after it sent the last request about the account,
/// even if the link is lost in the meantime.
#[test]
fn orders_that_want_a_heartbeat() {
    let mut harness = Harness::new(ClientConfig::new(), &[private().heartbeat_every(SECOND * 15)]);
    harness.open();
    harness.flush();
    harness.take_events();
    harness.pass(SECOND * 10);
    harness.client.request(harness.now, &Request::CancelAllOrders).unwrap();
    harness.flush();
    harness.pass(SECOND * 14);
    assert_eq!(harness.take_events(), ["requested", "reply CancelAllOrders"]);
    harness.client.handle_lost(harness.link(0, 0), harness.now, Lost::End);
    harness.pass(SECOND);
    let events = harness.take_events();
    assert!(events.contains(&"heartbeat link 0.2 since 10".to_owned()), "{events:?}");
}

/// L-069: the machine has slept, and its clock stood still. When the driver calls `handle_resumed`, the client probes
/// every link at once.
#[test]
fn a_machine_that_wakes_up_asks_at_once() {
    let mut harness = Harness::trading();
    harness.subscribe("btcusd@trade");
    harness.open();
    harness.flush();
    harness.client.handle_resumed(harness.now);
    harness.drain();
    let probed: Vec<usize> = harness.sent.iter().map(|(link, _)| link.slot()).collect();
    assert_eq!(probed, [0, 1]);
    assert!(harness.sent.iter().all(|(_, text)| text.contains("ping")));
    let (answered, _) = harness.sent[0];
    harness.frame(answered, r#"{"id":0,"status":200}"#);
    harness.take_events();
    harness.pass(SECOND * 15);
    assert_eq!(harness.take_events().len(), 1, "only the one that did not answer");
    assert_eq!(harness.states(), [State::Live, State::Backoff]);
}

/// I-50: the subscriptions of one link use up a tight limit. The probe of another link is still sent.
#[test]
fn a_busy_link_does_not_hide_the_silence_of_another() {
    let tight = |config: Config| config.request_limit(1, SECOND).streams_per_request_max(1);
    let mut harness = Harness::new(ClientConfig::new(), &[tight(public()), tight(private())]);
    harness.subscribe("btcusd@trade");
    harness.open();
    harness.flush();
    harness.pass(SECOND);
    harness.flush();
    let (busy, silent) = (harness.link(0, 0), harness.link(1, 0));
    let is_lost = format!("disconnected {silent}: ");
    for turn in 0.. {
        // More requests than the limit allows, as long as this loop runs.
        harness.subscribe(&format!("x{turn}@trade"));
        harness.subscribe(&format!("x{turn}@bookTicker"));
        harness.pass(SECOND);
        harness.sent.retain(|(link, _)| *link == busy);
        harness.answer_all();
        if harness.take_events().iter().any(|event| event.starts_with(&is_lost)) {
            break;
        }
        assert!(turn < 120, "{silent} is silent, and that is not found out");
    }
}

/// A request about an account, or with an unknown method, is refused if several endpoints could take it.
#[test]
fn a_request_that_several_endpoints_could_take_names_one() {
    let mut harness = Harness::new(ClientConfig::new(), &[private(), private()]);
    harness.open();
    harness.flush();
    let now = harness.now;
    let raw = Request::raw("new.method", None);
    for request in [order("a"), Request::CancelAllOrders, Request::CancelSessionOrders, raw] {
        let refused = harness.client.request(now, &request);
        assert_eq!(refused, Err(CommandError::SeveralEndpoints), "{request}");
    }
    assert!(harness.client.request(now, &Request::Time).is_ok(), "each knows the time");
    for (place, endpoint) in harness.endpoints().into_iter().enumerate() {
        harness.drain();
        harness.sent.clear();
        harness.client.request_at(now, endpoint, &order("b")).unwrap();
        harness.drain();
        assert_eq!(harness.sent[0].0, harness.link(place, 0), "{:?}", harness.sent);
    }
}

/// If an endpoint has several links, a request about a session must name the link of the session, even while only one
/// of the links is open.
#[test]
fn a_request_about_a_session_names_its_link() {
    let mut harness = Harness::new(ClientConfig::new(), &[private().streams_max(1)]);
    for name in ["orders@account", "balances@account"] {
        harness.subscribe(name);
    }
    harness.open();
    harness.flush();
    let [first, second] = [harness.link(0, 0), harness.link(0, 1)];
    let (request, now) = (Request::CancelSessionOrders, harness.now);
    assert_eq!(harness.client.request(now, &request), Err(CommandError::SeveralLinks));
    harness.client.handle_lost(first, now, Lost::Reset);
    assert_eq!(harness.client.request(now, &request), Err(CommandError::SeveralLinks));
    assert_eq!(harness.client.request_over(now, first, &request), Err(CommandError::NotConnected));
    harness.drain();
    harness.sent.clear();
    harness.client.request_over(now, second, &request).unwrap();
    harness.drain();
    assert_eq!(harness.sent[0].0, second, "{:?}", harness.sent);
}

/// The maximum number of requests is in flight. When the venue replies to one, the client sends the next waiting
/// request at once, even if it is of another kind.
#[test]
fn a_reply_lets_out_what_waits_for_a_place_in_flight() {
    let mut harness = Harness::new(ClientConfig::new(), &[public().stay_open(true)]);
    harness.open();
    harness.flush();
    for _ in 0..gemini_ws::REQUESTS_IN_FLIGHT_MAX {
        harness.client.request(harness.now, &Request::Time).unwrap();
    }
    harness.drain();
    let (link, first) = harness.sent[0].clone();
    harness.sent.clear();
    harness.subscribe("btcusd@trade");
    assert!(harness.sent.is_empty(), "it waits: {:?}", harness.sent);
    let id = first.split([':', ',']).nth(1).unwrap();
    harness.frame(link, &format!(r#"{{"id":{id},{OK}}}"#));
    harness.drain();
    assert!(harness.sent[0].1.contains("btcusd@trade"), "{:?}", harness.sent);
}

/// A frame comes over the link of an earlier attempt. The event of the frame names that link, not the present one.
#[test]
fn an_old_frame_names_the_link_that_it_came_over() {
    let mut harness = Harness::new(ClientConfig::new(), &[public().stay_open(true)]);
    harness.open();
    harness.flush();
    let old = harness.link(0, 0);
    harness.client.handle_lost(old, harness.now, Lost::Reset);
    harness.pass(SECOND * 2);
    assert_ne!(harness.link(0, 0), old);
    let mut scratch = Scratch::new();
    let event = harness.client.handle_frame(old, harness.now, Frame::Text("{}"), &mut scratch);
    assert!(matches!(event, Some(Event::Ignored(_, source)) if source.link() == Some(old)), "{event:?}");
}

/// A command that the client refuses sends nothing, even if the limits now have room for waiting requests.
#[test]
fn a_refused_command_lets_nothing_out() {
    let mut harness = Harness::new(ClientConfig::new(), &[public().request_limit(2, SECOND)]);
    let first = harness.subscribe("btcusd@trade");
    harness.open();
    harness.flush();
    harness.subscribe("ethusd@trade");
    harness.client.unsubscribe(harness.now, first).unwrap();
    harness.drain();
    assert!(harness.sent.is_empty(), "both wait: {:?}", harness.sent);
    harness.now = harness.now + SECOND;
    assert_eq!(harness.client.unsubscribe(harness.now, first), Err(CommandError::UnknownStream));
    harness.drain();
    assert!(harness.sent.is_empty(), "{:?}", harness.sent);
    harness.client.handle_timeout(harness.now);
    harness.drain();
    assert_eq!(harness.sent.len(), 1, "{:?}", harness.sent);
}
