//! Tests probes and heartbeats, requests, and what makes room for requests that wait.

use gemini_ws::lifecycle::State;
use gemini_ws::{ClientConfig, CommandError, Config, Event, Frame, Lost, Request, Scratch};

use super::desk::{Desk, OK, SECOND, order, private, public};

/// L-060: frames on one link prove nothing about another.
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

/// L-143: a heartbeat is reported in time to act, while the link is up and while it is down.
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

/// L-069: after a sleep that no clock has counted, every link is probed at once.
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

/// I-50: the subscriptions of one link use up a tight limit. The probe of another link is still sent.
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
        // More requests than the limit allows, as long as this loop runs.
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

/// A request about an account, or with an unknown method, is refused if several endpoints could take it.
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

/// A request about a session goes over the session's link, even while no other link is open.
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

/// When a reply frees a place in flight, the next waiting request uses it at once, whichever it is.
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

/// An event of a frame of an old attempt names that attempt, not the present one.
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

/// A refused command sends nothing, even if the limits have room by now for what waits.
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
