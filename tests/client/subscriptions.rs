//! Tests subscriptions.

use gemini_ws::lifecycle::StreamState;
use gemini_ws::{Book, ClientConfig, CommandError, Lost};

use super::harness::{Harness, SECOND, SNAPSHOT, public};

/// L-096: two subscriptions to one stream make one request, and the stream ends with the last subscription.
#[test]
fn a_stream_ends_with_the_last_subscription_for_it() {
    let mut harness = Harness::new(ClientConfig::new(), &[public()]);
    harness.open();
    let first = harness.subscribe("btcusd@trade");
    let second = harness.subscribe("btcusd@trade");
    assert_ne!(first, second);
    harness.flush();
    let third = harness.subscribe("btcusd@trade");
    assert!(harness.sent.is_empty(), "asked for once");
    assert_eq!(harness.take_events().iter().filter(|event| *event == "subscribed btcusd@trade").count(), 3);
    harness.client.unsubscribe(harness.now, first).unwrap();
    assert_eq!(harness.client.unsubscribe(harness.now, first), Err(CommandError::UnknownStream));
    harness.client.unsubscribe(harness.now, third).unwrap();
    harness.flush();
    assert_eq!(harness.take_events(), ["unsubscribed btcusd@trade false"; 2]);
    harness.frame(harness.link(0, 0), r#"{"E":1,"s":"btcusd","t":1,"p":"1","q":"1","m":true}"#);
    assert_eq!(harness.take_events(), ["trade"]);
    // After a reconnect there is still one request.
    let link = harness.link(0, 0);
    harness.client.handle_lost(link, harness.now, Lost::End);
    harness.pass(SECOND * 2);
    let link = harness.dials.remove(0);
    harness.client.handle_connected(link, harness.now);
    harness.drain();
    assert_eq!(harness.sent.len(), 1);
    harness.flush();
    harness.take_events();
    harness.client.unsubscribe(harness.now, second).unwrap();
    harness.flush();
    assert_eq!(harness.take_events(), ["unsubscribed btcusd@trade true"]);
}

#[test]
fn every_subscriber_learns_that_there_is_no_such_stream() {
    let mut harness = Harness::new(ClientConfig::new(), &[public()]);
    harness.subscribe("nosuch@trade");
    harness.subscribe("nosuch@trade");
    harness.open();
    let link = harness.dials.remove(0);
    harness.client.handle_connected(link, harness.now);
    harness.drain();
    harness.take_events();
    harness.frame(link, r#"{"id":1,"status":400,"error":{"code":-1013,"msg":"no"}}"#);
    let events = harness.take_events();
    assert_eq!(events.iter().filter(|event| *event == "rejected nosuch@trade").count(), 2, "{events:?}");
}

/// A book has moved to another link. It stays current when its former link ends and the end of the former
/// subscription is reported.
#[test]
fn a_book_outlives_the_link_that_it_came_over_before() {
    let mut harness = Harness::new(ClientConfig::new(), &[public(), public().stay_open(true)]);
    harness.subscribe("btcusd@depth@100ms");
    harness.open();
    harness.flush();
    let (former, endpoint) = (harness.link(0, 0), harness.endpoints()[0]);
    harness.frame(former, SNAPSHOT);
    harness.client.remove(harness.now, endpoint).unwrap();
    harness.drain();
    harness.sent.clear();
    harness.subscribe("btcusd@depth@100ms");
    harness.flush();
    harness.frame(harness.link(1, 0), SNAPSHOT);
    assert!(harness.books.get("btcusd").and_then(Book::live).is_some(), "{:?}", harness.books);
    harness.peer_closes(former, 1000);
    assert!(harness.take_events().contains(&"unsubscribed btcusd@depth@100ms true".to_owned()));
    assert!(harness.books.get("btcusd").and_then(Book::live).is_some(), "{:?}", harness.books);
}

/// If a subscription ends while its request waits for the limit, the client never sends the request.
#[test]
fn a_subscription_that_ended_before_its_turn_is_not_sent() {
    let config = public().streams_per_request_max(1).request_limit(2, SECOND);
    let mut harness = Harness::new(ClientConfig::new(), &[config]);
    harness.subscribe("btcusd@trade");
    let waits = harness.subscribe("ethusd@trade");
    harness.open();
    harness.flush();
    harness.take_events();
    harness.client.unsubscribe(harness.now, waits).unwrap();
    harness.flush();
    harness.pass(SECOND * 2);
    assert_eq!(harness.take_events(), ["unsubscribed ethusd@trade true", "live link 0.1"]);
    assert!(harness.sent.is_empty());
}

/// An `unsubscribe` waits for the limit, and the reply to the `subscribe` comes meanwhile. The client still sends the
/// `unsubscribe`.
#[test]
fn an_unsubscribe_that_waits_is_sent() {
    let mut harness = Harness::new(ClientConfig::new(), &[public().request_limit(2, SECOND)]);
    let id = harness.subscribe("btcusd@trade");
    harness.open();
    let link = harness.dials.pop().unwrap();
    harness.client.handle_connected(link, harness.now);
    harness.drain();
    harness.client.unsubscribe(harness.now, id).unwrap();
    harness.drain();
    assert_eq!(harness.sent.len(), 1);
    harness.answer_all();
    harness.take_events();
    harness.pass(SECOND * 2);
    assert!(harness.sent[0].1.contains("\"unsubscribe\""), "{:?}", harness.sent);
    assert_eq!(harness.client.streams().map(|it| it.2).collect::<Vec<_>>(), [StreamState::Leaving]);
    harness.answer_all();
    assert_eq!((harness.client.streams().count(), harness.take_events()), (0, vec![]));
}

/// The timeout of a request begins when the client makes the request, even if its link has been silent for long.
#[test]
fn an_unsubscribe_after_a_quiet_time_waits_for_its_answer() {
    let mut harness = Harness::trading();
    let id = harness.subscribe("btcusd@trade");
    harness.open();
    harness.flush();
    harness.take_events();
    harness.now = harness.now + SECOND * 20;
    harness.client.unsubscribe(harness.now, id).unwrap();
    harness.client.handle_timeout(harness.now);
    harness.drain();
    assert_eq!(harness.take_events(), ["unsubscribed btcusd@trade true"]);
    assert_eq!(harness.client.streams().map(|it| it.2).collect::<Vec<_>>(), [StreamState::Leaving]);
    harness.answer_all();
    assert_eq!((harness.client.streams().count(), harness.take_events()), (0, vec![]));
}
