//! Tests which links a client opens, which link carries each stream and request, and that the end of one link
//! affects no other link.

use gemini_ws::lifecycle::{State, StreamState};
use gemini_ws::{
    Client, ClientConfig, CommandError, Config, ConnectFailure, EndpointId, Event, Instant, Limit, Lost,
    Output, Readiness, Request, Timer,
};

use super::harness::{Harness, SECOND, order, private, public, stream};

#[test]
fn links_are_opened_when_first_wanted_and_closed_when_nothing_is() {
    let mut harness = Harness::new(ClientConfig::new(), &[public()]);
    harness.open();
    assert!(harness.dials.is_empty() && harness.states().is_empty());
    let trades = harness.subscribe("btcusd@trade");
    harness.flush();
    assert_eq!(harness.states(), [State::Live]);
    let link = harness.link(0, 0);
    harness.take_events();

    harness.client.unsubscribe(harness.now, trades).unwrap();
    harness.flush();
    assert_eq!(harness.closes, [link]);
    harness.peer_closes(link, 1000);
    let expected = [
        "unsubscribed btcusd@trade true",
        "disconnected link 0.1: closed by us",
        "link closed link 0.1: closed as requested",
    ];
    assert_eq!(harness.take_events(), expected);
    assert!(harness.states().is_empty() && harness.client.deadline().is_none());

    // A new subscription leads to the next attempt in the same slot, with the next epoch.
    harness.subscribe("btcusd@trade");
    assert_eq!(harness.dials.iter().map(|link| (link.slot(), link.epoch())).collect::<Vec<_>>(), [(0, 2)]);
}

#[test]
fn a_link_with_a_request_under_way_is_not_closed_before_its_answer() {
    let mut harness = Harness::new(ClientConfig::new(), &[public()]);
    let trades = harness.subscribe("btcusd@trade");
    harness.open();
    harness.flush();
    harness.client.request(harness.now, &Request::Time).unwrap();
    harness.client.unsubscribe(harness.now, trades).unwrap();
    harness.drain();
    let leave = harness.sent.pop().unwrap();
    let ask = harness.sent.pop().unwrap();
    harness.sent.push(leave);
    harness.answer_all();
    assert!(harness.closes.is_empty());
    harness.sent.push(ask);
    harness.answer_all();
    assert_eq!(harness.closes.len(), 1);
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
    let mut harness = Harness::new(ClientConfig::new().links_max(3).streams_max(5), &[config]);
    harness.open();
    for number in 0..5 {
        harness.subscribe(&format!("sym{number}usd@trade"));
    }
    assert_eq!(harness.dials.len(), 3);
    let sixth = stream("sym5usd@trade");
    assert_eq!(harness.client.subscribe(harness.now, sixth), Err(CommandError::TooMany(Limit::Streams)));
    harness.flush();
    assert_eq!(harness.states(), [State::Live; 3]);
    // A stream that is already subscribed takes no room.
    assert!(harness.client.subscribe(harness.now, stream("sym4usd@trade")).is_ok());

    let mut harness = Harness::new(ClientConfig::new().links_max(1), &[public().streams_max(1)]);
    harness.subscribe("btcusd@trade");
    let second = harness.client.subscribe(harness.now, stream("ethusd@trade"));
    assert_eq!(second, Err(CommandError::TooMany(Limit::Links)));
}

#[test]
fn frames_that_look_alike_are_not_subscribed_on_two_links() {
    let mut harness = Harness::new(
        ClientConfig::new(),
        &[public().streams_max(1), Config::new("ws://venue/v2/marketdata")],
    );
    harness.subscribe("btcusd@depth@100ms");
    let slow = harness.client.subscribe(harness.now, stream("btcusd@depth"));
    assert_eq!(slow, Err(CommandError::Ambiguous { with: stream("btcusd@depth@100ms") }));
    let archived = harness.client.links().count();
    assert_eq!(archived, 1);
}

#[test]
fn what_the_address_says_is_wanted_at_once() {
    let archived = Config::new("ws://venue/v1/marketdata/btcusd");
    let mut harness = Harness::new(ClientConfig::new(), &[archived]);
    harness.open();
    assert_eq!(harness.dials.len(), 1);
    harness.flush();
    assert_eq!(harness.states(), [State::Live]);
    let (link, endpoint) = (harness.link(0, 0), harness.endpoints()[0]);
    harness.client.remove(harness.now, endpoint).unwrap();
    harness.drain();
    assert_eq!(harness.closes, [link]);
    assert_eq!(harness.client.remove(harness.now, endpoint), Err(CommandError::UnknownEndpoint));
}

#[test]
fn the_end_of_one_link_touches_no_other() {
    let mut harness = Harness::trading();
    harness.subscribe("btcusd@trade");
    harness.subscribe("orders@account");
    harness.open();
    harness.flush();
    let (public, private) = (harness.link(0, 0), harness.link(1, 0));
    assert_eq!(harness.client.readiness(), Readiness::Ready);
    harness.take_events();
    harness.client.handle_lost(public, harness.now, Lost::Reset);
    harness.drain();
    assert_eq!(harness.take_events(), ["disconnected link 0.1: the transport was reset; retry"]);
    assert_eq!(harness.client.state(private), Some(State::Live));
    assert_eq!(harness.client.readiness(), Readiness::Partly);
    assert!(harness.client.request(harness.now, &order("a")).is_ok());
}

/// L-082: the venue refuses the credentials, which ends the private link and nothing else. `open` tries once more.
#[test]
fn a_link_given_up_for_good_waits_for_open() {
    let mut harness = Harness::trading();
    harness.subscribe("btcusd@trade");
    let orders = harness.subscribe("orders@account");
    harness.open();
    let [public, private] = harness.dials[..] else { panic!("{:?}", harness.dials) };
    harness.dials.clear();
    harness.client.handle_connected(public, harness.now);
    let refused = ConnectFailure::Status { status: 401, retry_after: None, reason: None };
    harness.client.handle_connect_failed(private, harness.now, refused);
    harness.flush();
    let events = harness.take_events().join("\n");
    assert!(
        events.contains("link closed link 1.1: cannot connect: upgrade answered with HTTP status 401"),
        "{events}"
    );
    assert!(!events.contains("closed: "), "{events}");
    harness.pass(SECOND * 20);
    assert!(harness.dials.is_empty());
    assert_eq!(harness.client.state(public), Some(State::Live));
    assert_eq!(harness.client.request(harness.now, &order("a")), Err(CommandError::NotConnected));
    assert_eq!(harness.client.subscribe(harness.now, stream("balances@account")), Err(CommandError::GivenUp));
    assert!(harness.client.streams().any(|(id, _, state)| id == orders && state == StreamState::Wanted));

    harness.client.open(harness.now).unwrap();
    harness.drain();
    assert_eq!(harness.dials.iter().map(|link| (link.slot(), link.epoch())).collect::<Vec<_>>(), [(1, 2)]);
    harness.flush();
    assert_eq!(harness.states(), [State::Live; 2]);
    assert!(harness.take_events().contains(&"subscribed orders@account".to_owned()));
}

#[test]
fn a_client_all_of_whose_endpoints_are_given_up_has_ended() {
    let mut harness = Harness::new(ClientConfig::new(), &[private()]);
    harness.open();
    let link = harness.dials.remove(0);
    harness.client.handle_connect_failed(link, harness.now, ConnectFailure::Certificate);
    harness.drain();
    let events = harness.take_events();
    assert!(events[0].starts_with("failed link 0.1: certificate"), "{events:?}");
    assert!(events[2].starts_with("closed: cannot connect: certificate"), "{events:?}");
    assert_eq!((events.len(), harness.client.deadline()), (3, None));
    assert_eq!(harness.client.open(harness.now), Err(CommandError::Closed));
}

/// The client ends when all its links have ended. If the last link fails for good while another link is still
/// closing, the client waits for that one.
#[test]
fn a_link_that_is_closing_ends_before_its_client() {
    let mut harness = Harness::new(ClientConfig::new(), &[public().stay_open(true), private()]);
    harness.open();
    harness.flush();
    let (closing, other) = (harness.link(0, 0), harness.link(1, 0));
    let endpoint = harness.endpoints()[0];
    harness.client.remove(harness.now, endpoint).unwrap();
    harness.peer_closes(other, 4403);
    assert!(!harness.take_events().iter().any(|event| event.starts_with("closed")));
    harness.peer_closes(closing, 1000);
    let events = harness.take_events();
    let end = [
        "link closed link 0.1: closed as requested",
        "closed: closed by the peer for good, code 4403; 0 requests, 0 links",
    ];
    assert_eq!(events[events.len() - 2..], end);
}

/// L-051, L-078: `stale_inputs` counts an input about an old attempt. The input changes nothing else, except that a
/// frame is reported as ignored, and a transport that connected too late is dropped.
#[test]
fn inputs_of_old_attempts_change_nothing() {
    let mut harness = Harness::trading();
    harness.subscribe("btcusd@trade");
    harness.open();
    harness.flush();
    let old = harness.link(0, 0);
    harness.client.handle_lost(old, harness.now, Lost::Reset);
    harness.pass(SECOND * 2);
    harness.flush();
    let new = harness.link(0, 0);
    assert_eq!((old.slot(), new.epoch()), (new.slot(), 2));
    harness.take_events();
    let before = harness.client.stats().stale_inputs;
    harness.client.handle_lost(old, harness.now, Lost::End);
    harness.client.handle_connect_failed(old, harness.now, ConnectFailure::Refused);
    harness.frame(old, "{\"id\":1,\"status\":200}");
    assert_eq!(harness.take_events(), ["ignored"]);
    assert_eq!(harness.client.stats().stale_inputs, before + 3);
    assert_eq!(harness.client.state(new), Some(State::Live));
    // A transport that connects too late is dropped.
    harness.client.handle_connected(old, harness.now);
    harness.drain();
    assert_eq!(harness.aborts, [old]);
}

/// The first opening of a link does not count as a reconnect.
#[test]
fn only_links_that_were_open_before_reconnect() {
    let mut harness = Harness::trading();
    harness.subscribe("btcusd@trade");
    harness.subscribe("orders@account");
    harness.open();
    harness.flush();
    assert_eq!((harness.client.stats().connects, harness.client.stats().reconnects), (2, 0));
    let link = harness.link(1, 0);
    harness.client.handle_lost(link, harness.now, Lost::Reset);
    harness.drain();
    harness.pass(SECOND);
    harness.flush();
    assert_eq!((harness.client.stats().connects, harness.client.stats().reconnects), (3, 1));
}

/// If a dial had to wait before it started, `handle_dial_started` lets its `connect_timeout` begin again, once for
/// each dial. At any other moment the call changes nothing.
#[test]
fn a_dial_that_starts_late_has_its_whole_time() {
    let mut harness = Harness::new(ClientConfig::new(), &[public()]);
    harness.subscribe("btcusd@trade");
    harness.open();
    let link = harness.dials[0];
    let due = |harness: &Harness| harness.client.deadline().map(|it| (it.at.since(harness.now), it.cause));
    let (limit, cause) = due(&harness).unwrap();
    assert_eq!(cause, Timer::Connect);
    harness.pass(limit / 2);
    harness.client.handle_dial_started(link, harness.now);
    assert_eq!(due(&harness), Some((limit, Timer::Connect)), "the whole time");
    harness.pass(limit / 4);
    harness.client.handle_dial_started(link, harness.now);
    assert_eq!(due(&harness), Some((limit - limit / 4, Timer::Connect)), "once for each dial");
    harness.pass(limit);
    assert!(harness.take_events().iter().any(|it| it.contains("no answer in time")), "it times out");
    let again = *harness.dials.last().unwrap();
    assert_ne!(link, again, "the next attempt");
    let before = due(&harness);
    harness.client.handle_dial_started(link, harness.now);
    assert_eq!(due(&harness), before, "a report on an old attempt");
    harness.client.handle_dial_started(again, harness.now);
    assert_eq!(due(&harness), Some((limit, Timer::Connect)), "each attempt");
    harness.flush();
    let before = due(&harness);
    harness.client.handle_dial_started(again, harness.now);
    assert_eq!(due(&harness), before, "a report on a dial that has ended");
    assert_eq!(harness.client.state(again), Some(State::Live));
}

/// The link that an endpoint keeps open is its oldest link, even if a newer one has a lower slot: the venue would
/// cancel the orders of a session whose link closes.
#[test]
fn the_oldest_link_stays_open_and_carries_the_requests() {
    let trading = private().streams_max(1).cancel_on_disconnect(true);
    let mut harness = Harness::new(ClientConfig::new(), &[public().stay_open(true), trading]);
    harness.open();
    let orders = harness.subscribe("orders@account");
    harness.flush();
    let (other, oldest) = (harness.link(0, 0), harness.link(1, 0));
    harness.client.request(harness.now, &order("a")).unwrap();
    harness.flush();
    let removed = harness.client.endpoint(other).unwrap();
    harness.client.remove(harness.now, removed).unwrap();
    harness.drain();
    harness.peer_closes(other, 1000);
    harness.closes.clear();
    let balances = harness.subscribe("balances@account");
    harness.flush();
    assert_eq!(harness.link(0, 0).slot(), other.slot(), "the newer link has the lower slot");

    harness.client.request(harness.now, &order("b")).unwrap();
    harness.drain();
    assert_eq!(harness.sent.last().map(|(link, _)| *link), Some(oldest), "the first open link is the oldest");
    harness.answer_all();
    harness.client.unsubscribe(harness.now, orders).unwrap();
    harness.flush();
    assert_eq!(harness.closes, [], "the session with the orders stays open");
    harness.client.unsubscribe(harness.now, balances).unwrap();
    harness.flush();
    assert_eq!(harness.closes.iter().map(|link| link.slot()).collect::<Vec<_>>(), [other.slot()]);
}

/// A late `handle_timeout` does not dial a link that nothing has needed for `Config::linger`.
#[test]
fn a_link_whose_linger_is_over_is_not_dialled_again() {
    for (linger, late) in [(1, 0), (20, 0), (3_600, 0), (1, 3_600)] {
        let mut harness = Harness::new(ClientConfig::new(), &[public().linger(SECOND * linger)]);
        harness.open();
        let id = harness.subscribe("btcusd@trade");
        let link = harness.dials.remove(0);
        harness.client.handle_connect_failed(link, harness.now, ConnectFailure::Refused);
        harness.client.unsubscribe(harness.now, id).unwrap();
        harness.drain();
        harness.now = harness.now + SECOND * (linger + late);
        harness.client.handle_timeout(harness.now);
        harness.drain();
        assert_eq!((harness.dials.as_slice(), harness.aborts.as_slice()), (&[][..], &[][..]), "{linger} s");
        assert!(harness.states().is_empty() && harness.client.deadline().is_none(), "{linger} s");
    }
}

/// A link that has failed was reported once. Until its slot is dialled again, there is no other end to report.
#[test]
fn the_end_of_a_link_is_reported_once_if_open_has_not_dialled_its_slot_again() {
    let mut client = Client::new(ClientConfig::new(), 1);
    let now = Instant::from_secs(1);
    let failing = client.add(now, private()).unwrap();
    client.add(now, public().stay_open(true)).unwrap();
    client.open(now).unwrap();
    let Some(Output::Connect(link)) = client.poll_output() else { panic!("the slot is dialled") };
    client.handle_connect_failed(link, now, ConnectFailure::NoCredentials);
    client.open(now).unwrap();
    client.remove(now, failing).unwrap();
    let ends = core::iter::from_fn(|| client.poll_output())
        .filter(|output| matches!(output, Output::Event(Event::LinkClosed { link: of, .. }) if *of == link));
    assert_eq!(ends.count(), 1);
}
