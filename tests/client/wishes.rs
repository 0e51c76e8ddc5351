//! Tests subscriptions.

use gemini_ws::{Book, ClientConfig, CommandError, Lost};

use super::desk::{Desk, SECOND, SNAPSHOT, public};

/// L-096: two subscriptions to one stream make one request, and the stream ends with the last of them.
#[test]
fn a_stream_ends_with_the_last_wish_for_it() {
    let mut desk = Desk::new(ClientConfig::new(), &[public()]);
    desk.open();
    let first = desk.subscribe("btcusd@trade");
    let second = desk.subscribe("btcusd@trade");
    assert_ne!(first, second);
    desk.settle();
    let third = desk.subscribe("btcusd@trade");
    assert!(desk.sent.is_empty(), "asked for once");
    assert_eq!(desk.take_events().iter().filter(|event| *event == "subscribed btcusd@trade").count(), 3);
    desk.client.unsubscribe(desk.now, first).unwrap();
    assert_eq!(desk.client.unsubscribe(desk.now, first), Err(CommandError::UnknownStream));
    desk.client.unsubscribe(desk.now, third).unwrap();
    desk.settle();
    assert_eq!(desk.take_events(), ["unsubscribed btcusd@trade false"; 2]);
    desk.frame(desk.link(0, 0), r#"{"E":1,"s":"btcusd","t":1,"p":"1","q":"1","m":true}"#);
    assert_eq!(desk.take_events(), ["trade"]);
    // After a reconnect there is still one request.
    let link = desk.link(0, 0);
    desk.client.handle_lost(link, desk.now, Lost::End);
    desk.pass(SECOND * 2);
    let link = desk.dials.remove(0);
    desk.client.handle_connected(link, desk.now);
    desk.drain();
    assert_eq!(desk.sent.len(), 1);
    desk.settle();
    desk.take_events();
    desk.client.unsubscribe(desk.now, second).unwrap();
    desk.settle();
    assert_eq!(desk.take_events(), ["unsubscribed btcusd@trade true"]);
}

#[test]
fn every_wish_for_a_stream_is_told_that_there_is_none() {
    let mut desk = Desk::new(ClientConfig::new(), &[public()]);
    desk.subscribe("nosuch@trade");
    desk.subscribe("nosuch@trade");
    desk.open();
    let link = desk.dials.remove(0);
    desk.client.handle_connected(link, desk.now);
    desk.drain();
    desk.take_events();
    desk.frame(link, r#"{"id":1,"status":400,"error":{"code":-1013,"msg":"no"}}"#);
    let events = desk.take_events();
    assert_eq!(events.iter().filter(|event| *event == "rejected nosuch@trade").count(), 2, "{events:?}");
}

/// A request that waits for the limit is never sent if its subscription ends first. A book that has moved to
/// another link stays when the end of its former subscription is reported.
#[test]
fn a_book_outlives_the_link_that_it_came_over_before() {
    let mut desk = Desk::new(ClientConfig::new(), &[public(), public().stay_open(true)]);
    desk.subscribe("btcusd@depth@100ms");
    desk.open();
    desk.settle();
    let (former, endpoint) = (desk.link(0, 0), desk.endpoints()[0]);
    desk.frame(former, SNAPSHOT);
    desk.client.remove(desk.now, endpoint).unwrap();
    desk.drain();
    desk.sent.clear();
    desk.subscribe("btcusd@depth@100ms");
    desk.settle();
    desk.frame(desk.link(1, 0), SNAPSHOT);
    assert!(desk.books.get("btcusd").and_then(Book::live).is_some(), "{:?}", desk.books);
    desk.peer_closes(former, 1000);
    assert!(desk.take_events().contains(&"unsubscribed btcusd@depth@100ms true".to_owned()));
    assert!(desk.books.get("btcusd").and_then(Book::live).is_some(), "{:?}", desk.books);
}

#[test]
fn a_wish_that_ended_before_its_turn_is_not_sent() {
    let config = public().streams_per_request_max(1).request_limit(2, SECOND);
    let mut desk = Desk::new(ClientConfig::new(), &[config]);
    desk.subscribe("btcusd@trade");
    let waits = desk.subscribe("ethusd@trade");
    desk.open();
    desk.settle();
    desk.take_events();
    desk.client.unsubscribe(desk.now, waits).unwrap();
    desk.settle();
    desk.pass(SECOND * 2);
    assert_eq!(desk.take_events(), ["unsubscribed ethusd@trade true", "live link 0.1"]);
    assert!(desk.sent.is_empty());
}

/// A request to unsubscribe waits for the limit. It is sent although the answer to the subscription comes
/// meanwhile.
#[test]
fn an_unsubscribe_that_waits_is_sent() {
    let mut desk = Desk::new(ClientConfig::new(), &[public().request_limit(2, SECOND)]);
    let id = desk.subscribe("btcusd@trade");
    desk.open();
    let link = desk.dials.pop().unwrap();
    desk.client.handle_connected(link, desk.now);
    desk.drain();
    desk.client.unsubscribe(desk.now, id).unwrap();
    desk.drain();
    assert_eq!(desk.sent.len(), 1);
    desk.answer_all();
    desk.take_events();
    desk.pass(SECOND * 2);
    assert!(desk.sent[0].1.contains("\"unsubscribe\""), "{:?}", desk.sent);
    assert_eq!(desk.take_events(), [""; 0]);
    desk.answer_all();
    assert_eq!(desk.take_events(), ["unsubscribed btcusd@trade true"]);
}

/// The time of a request begins when it is made, however long ago its link received something.
#[test]
fn an_unsubscribe_after_a_quiet_time_waits_for_its_answer() {
    let mut desk = Desk::trading();
    let id = desk.subscribe("btcusd@trade");
    desk.open();
    desk.settle();
    desk.take_events();
    desk.now = desk.now + SECOND * 20;
    desk.client.unsubscribe(desk.now, id).unwrap();
    desk.client.handle_timeout(desk.now);
    desk.drain();
    assert_eq!(desk.take_events(), [""; 0]);
    desk.answer_all();
    assert_eq!(desk.take_events(), ["unsubscribed btcusd@trade true"]);
}
