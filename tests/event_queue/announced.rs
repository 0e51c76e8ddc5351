//! Tests the effects of an `Overflow` event, which reports that the queue dropped events.

use std::time::Duration;

use gemini_ws::{
    Abandoned, Balances, Book, Books, Client, CloseReason, Config, Event, EventBuf, EventQueue, Frame,
    Instant, Lost, Orders, Output, Overflow, Positions, RESERVED_EVENTS_MAX, Scratch, StaleReason, Topic,
};

use super::words::{event, frame, push, snapshot};
use testkit::single;

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

/// `Books` lists a book for a resync even if no event of the book has arrived yet, because its first snapshot was
/// dropped.
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

/// One `Overflow` event reports the dropped events of two links, among them both snapshots of a book. The second link
/// has already delivered its snapshot and will send no other. So `Books` lists the book for a resync, although the
/// first link has ended.
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
        // A recorded list of positions becomes current only when the venue answers.
        positions.apply(&event(report, &mut Scratch::new()));
        let asked = positions.moment();
        assert!(positions.is_stale() && positions.reconcile([], asked) && !positions.is_stale());
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

/// What ends after the frames: the link, every subscription, or nothing.
#[derive(Clone, Copy)]
enum End {
    Link,
    Stream,
    No,
}

/// Creates a client with a link for these streams, and feeds it the frames. Returns all events, those of the client's
/// outputs and those of the frames.
fn received(streams: &[&str], frames: &[&str], end: End) -> Vec<EventBuf> {
    let mut client = Client::single(Config::new("ws://venue").authenticated(true).seed(1));
    let now = Instant::ZERO;
    let ids: Vec<_> =
        streams.iter().map(|stream| client.subscribe(now, stream.parse().unwrap()).unwrap()).collect();
    client.open(now).unwrap();
    let link = single::link(&client);
    client.handle_connected(link, now);
    let mut events = Vec::new();
    for frame in frames {
        // The events of the client's own steps come before its data.
        events.extend(std::iter::from_fn(|| client.poll_output()).filter_map(reported));
        let mut scratch = Scratch::new();
        let event = client.handle_frame(link, now, Frame::Text(frame), &mut scratch);
        events.extend(event.iter().map(EventBuf::from));
    }
    match end {
        End::Link => client.handle_lost(link, now, Lost::Reset),
        End::Stream => ids.into_iter().for_each(|id| client.unsubscribe(now, id).unwrap()),
        End::No => {}
    }
    events.extend(std::iter::from_fn(|| client.poll_output()).filter_map(reported));
    events
}

fn reported(output: Output) -> Option<EventBuf> {
    match output {
        Output::Event(event) => Some(EventBuf::from(&event)),
        _ => None,
    }
}

/// While a snapshot waits in the queue, the queue drops facts before and after it. If the last of these facts is the
/// end of the link, the queue keeps it. It does not keep the end of the subscription.
#[test]
fn a_book_between_dropped_facts_is_not_current() {
    let book = snapshot("a", 1, 2);
    for (end, reason) in [(End::Link, StaleReason::Disconnected), (End::Stream, StaleReason::Overflow)] {
        let mut queue = EventQueue::new(Overflow::Block);
        for mut event in received(&["a@depth"], &[&book], end) {
            queue.push(&event.as_event());
        }
        for number in 0..RESERVED_EVENTS_MAX as u64 {
            push(&mut queue, ('!', number));
        }
        let (mut books, mut reported) = (Books::new(), 0);
        while let Some(mut event) = queue.take() {
            let event = event.as_event();
            books.apply(&event);
            if let Event::Overflow { dropped, .. } = event {
                reported += dropped;
            }
        }
        let Some(Book::Stale { reason: shown, .. }) = books.get("a") else { panic!("{reason}") };
        // After the end of the link the client requests the snapshot. After any other loss the application has to.
        let to_resync = usize::from(reason == StaleReason::Overflow);
        assert_eq!((shown, reported, books.to_resync().count()), (reason, queue.dropped(), to_resync));
    }
}

/// The first event of an order waits in the queue. The queue drops the event of a later malformed frame about orders,
/// together with market data. The order is in doubt.
#[test]
fn a_dropped_report_about_orders_comes_after_the_orders_before_it() {
    let new = r#"{"e":"orderUpdate","E":4,"s":"x","i":77,"S":"BUY","X":"NEW","q":"2","T":4}"#;
    let canceled = r#"{"e":"orderUpdate","E":5,"s":"x","i":77,"S":"BUY","X":"CANCELED","q":"?","T":5}"#;
    let mut queue = EventQueue::new(Overflow::DropOldest).events_max(1);
    for mut event in received(&["orders@account"], &[new, canceled], End::No) {
        queue.push(&event.as_event());
    }
    push(&mut queue, ('z', 1));
    assert_eq!(queue.dropped(), 1);
    let mut orders = Orders::new();
    while let Some(mut event) = queue.take() {
        orders.apply(&event.as_event());
    }
    assert_eq!(orders.get(77).unwrap().doubt(), Some(StaleReason::Overflow));
}
