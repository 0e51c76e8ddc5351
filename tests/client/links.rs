//! Tests which links there are, what goes over which, and that the end of one affects no other.

use gemini_ws::lifecycle::{State, StreamState};
use gemini_ws::{
    Client, ClientConfig, CommandError, Config, ConnectFailure, EndpointId, Instant, Limit, Lost, Readiness,
    Request,
};

use super::desk::{Desk, SECOND, order, private, public, stream};

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

    // A new subscription leads to the next attempt in the same slot, with the next epoch.
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
    // A stream that is already subscribed takes no room.
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

/// L-082: the venue refuses the credentials, which ends the private link and nothing else. `open` tries once more.
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

/// The client ends when its last link has failed for good, but not before a link that is still closing.
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

/// L-051, L-078: an input about an old attempt is counted, and has no other effect.
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
    // A transport that connects too late is dropped.
    desk.client.handle_connected(old, desk.now);
    desk.drain();
    assert_eq!(desk.aborts, [old]);
}
