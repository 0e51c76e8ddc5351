//! Tests what follows from an event that reports that the queue dropped something.

use std::time::Duration;

use gemini_ws::{
    Abandoned, Balances, Book, Books, Client, CloseReason, Config, Event, EventQueue, Frame, Instant, Lost,
    Orders, Output, Overflow, Positions, Scratch, StaleReason, Topic,
};

use super::support::single;
use super::words::{event, frame, push, snapshot};

/// Data of a topic becomes stale when some events of the topic were dropped.
#[test]
fn what_is_kept_becomes_stale() {
    let mut scratch = Scratch::new();
    let (mut books, mut orders) = (Books::new(), Orders::new());
    let restore = |books: &mut Books, scratch: &mut Scratch| {
        for symbol in ["a", "b"] {
            books.apply(&event(&snapshot(symbol, 1, 2), scratch));
        }
    };
    let overflow = |topic, symbol: &str| Event::Overflow { topic, symbol: symbol.parse().ok(), dropped: 1 };
    let table = [
        (overflow(Topic::Depth, "a"), "b"),
        (overflow(Topic::Depth, "A"), "b"),
        (overflow(Topic::Depth, ""), ""),
        // The end of a link may be among the dropped events.
        (overflow(Topic::Connection, ""), ""),
        (overflow(Topic::Trade, "a"), "ab"),
        (overflow(Topic::Other, ""), "ab"),
    ];
    for (overflow, live) in table {
        restore(&mut books, &mut scratch);
        books.apply(&overflow);
        for symbol in ["a", "b"] {
            match books.get(symbol).unwrap() {
                Book::Live(_) => assert!(live.contains(symbol), "{overflow:?}"),
                Book::Stale { reason, .. } => {
                    assert!(!live.contains(symbol) && reason == StaleReason::Overflow, "{overflow:?}");
                }
            }
        }
    }
    let open = r#"{"E":1,"s":"x","i":5,"X":"OPEN"}"#;
    orders.apply(&event(open, &mut scratch));
    orders.apply(&overflow(Topic::Trade, "a"));
    assert_eq!(orders.to_reconcile().count(), 0);
    orders.apply(&overflow(Topic::Orders, ""));
    assert_eq!(orders.to_reconcile().count(), 1);
}

/// A book whose first snapshot was dropped is requested again like any other.
#[test]
fn a_book_that_was_never_seen_is_asked_for() {
    let mut scratch = Scratch::new();
    let mut books = Books::new();
    let symbol = "a".parse().unwrap();
    books.apply(&Event::Overflow { topic: Topic::Depth, symbol: Some(symbol), dropped: 2 });
    assert_eq!(books.to_resync().collect::<Vec<_>>(), [symbol]);
    assert!(books.get("a").unwrap().live().is_none());
    books.apply(&event(&snapshot("a", 1, 2), &mut scratch));
    assert_eq!(books.to_resync().count(), 0);
    assert!(books.get("a").unwrap().live().is_some());
}

/// One `Overflow` event may report losses on two links. The end of the first link is no reason to wait for a
/// snapshot that the second link has already delivered.
#[test]
fn a_book_that_is_synced_without_its_snapshot_is_asked_for() {
    let mut client = Client::single(Config::new("ws://venue").seed(1));
    let now = Instant::ZERO;
    client.subscribe(now, "a@depth".parse().unwrap()).unwrap();
    client.open(now).unwrap();
    let mut queue = EventQueue::new(Overflow::DropOldest).events_max(1);
    let (mut scratch, mut books) = (Scratch::new(), Books::new());
    for epoch in 1..=2 {
        client.handle_timeout(now + Duration::from_secs(60) * (epoch - 1));
        let link = single::link(&client);
        client.handle_connected(link, now);
        for text in [snapshot("a", 1, 2), frame(('a', 2))] {
            let event = client.handle_frame(link, now, Frame::Text(&text), &mut scratch);
            event.iter().for_each(|event| queue.push(event));
        }
        // These events make the queue drop others.
        push(&mut queue, ('z', u64::from(epoch)));
        if epoch == 1 {
            client.handle_lost(link, now, Lost::Reset);
        }
        while let Some(output) = client.poll_output() {
            if let Output::Event(event) = output {
                queue.push(&event);
            }
        }
    }
    while let Some(mut event) = queue.take() {
        books.apply(&event.as_event());
    }
    assert_eq!(books.to_resync().collect::<Vec<_>>(), ["a".parse().unwrap()]);
}

/// A report that may name only a part of the account does not make balances and positions current again.
#[test]
fn accounts_that_lost_an_update() {
    let update = r#"{"e":"balanceUpdate","E":1,"B":[{"a":"USD","f":"1","c":"1"}]}"#;
    let report = r#"{"e":"positionReport","E":1,"u":1,"A":8,"P":[]}"#;
    // topic, whether balances are stale after another update, whether positions are
    let table = [
        (Topic::Trade, false, false),
        (Topic::Balances, true, false),
        (Topic::Positions, false, true),
        // The end of a link may be among the dropped events.
        (Topic::Connection, true, true),
    ];
    for (topic, balances_are_stale, positions_are_stale) in table {
        let (mut balances, mut positions) = (Balances::new(), Positions::new());
        let mut after = |said: &Event<'_>| {
            balances.apply(said);
            positions.apply(said);
            let mut scratch = Scratch::new();
            balances.apply(&event(update, &mut scratch));
            positions.apply(&event(report, &mut scratch));
            (balances.is_stale(), positions.is_stale())
        };
        let overflow = Event::Overflow { topic, symbol: None, dropped: 1 };
        assert_eq!(after(&overflow), (balances_are_stale, positions_are_stale), "{topic:?}");
        assert_eq!(
            after(&Event::Closed { reason: CloseReason::Requested, abandoned: Abandoned::default() }),
            // A report of a recording is not known to be complete.
            (true, true),
            "{topic:?}"
        );
    }
}
