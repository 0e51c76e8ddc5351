//! Tests which books may arrive, depending on their sources, and which events concern books.

use futures_lite::future;
use gemini_ws::{Client, Config, ConnectFailure, Endpoint, Instant, Output, Replay, Scratch, StreamId};

use crate::BookReader;
use crate::handle::SharedClock;
use crate::keeper::Keeper;
use crate::sync::Arc;

/// Market data v1 delivers the book without a subscription. After the link has ended for good, no book arrives.
#[test]
fn a_book_that_comes_without_a_subscription_may_arrive() {
    let now = Instant::ZERO;
    for (options, may_come) in [("", true), ("?bids=true", true), ("?trades=true", false)] {
        let mut client = Client::single(Config::new(format!("ws://v/v1/marketdata/btcusd{options}")));
        client.add(now, Config::new("ws://w").stay_open(true)).unwrap();
        let mut keeper = Keeper::new(Arc::default(), SharedClock::default());
        let _group = keeper.open_books(&mut client, now, &["btcusd".parse().unwrap()]).unwrap();
        client.open(now).unwrap();
        let mut finish_turn = |client: &mut Client| {
            while let Some(output) = client.poll_output() {
                if let Output::Event(event) = output {
                    keeper.take(&event, now);
                }
            }
            keeper.finish_turn(client, now);
            keeper.board.lacks_books()
        };
        let ids: Vec<StreamId> = client.streams().map(|(id, ..)| id).collect();
        ids.into_iter().for_each(|id| client.unsubscribe(now, id).unwrap());
        assert_eq!(finish_turn(&mut client), !may_come, "{options}");
        let named = client.named_books().next();
        if let Some((link, _)) = named {
            client.handle_connect_failed(link, now, ConnectFailure::InvalidUrl);
        }
        assert!(finish_turn(&mut client), "{options}");
    }
}

/// A reader of a book does not wake at frames that concern no book.
#[test]
fn frames_that_concern_no_book_wake_no_reader() {
    let (now, mut scratch) = (Instant::ZERO, Scratch::new());
    let mut client = Client::single(Config::new("ws://v"));
    let mut keeper = Keeper::new(Arc::default(), SharedClock::default());
    let group = keeper.open_books(&mut client, now, &["btcusd".parse().unwrap()]).unwrap();
    let mut reader = BookReader::new(group, crate::client(client).0);
    let mut replay = Replay::new(Endpoint::Streams);
    let book = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["1","1"]],"a":[]}"#;
    let cross = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":7,"b":[],"a":[["1","1"]]}"#;
    for (frame, wakes) in [
        (book, true),
        (r#"{"e":"news"}"#, false),
        (r#"{"E":3,"s":"ethusd","t":7,"p":"1","q":"1","m":true}"#, false),
        (r#"{"u":1,"E":1,"s":"btcusd","b":"1","B":"1","a":"2","A":"1"}"#, false),
        (r#"{"e":"balanceUpdate","E":1,"u":1,"B":[{"a":1},{"a":"USD","f":"1","c":"1"}]}"#, false),
        (cross, true),
    ] {
        keeper.take(&replay.event(frame, &mut scratch).unwrap().unwrap(), now);
        let _ = keeper.publish();
        let woken = future::block_on(future::poll_once(reader.changed()));
        assert_eq!(woken.is_some(), wakes, "{frame}");
    }
    assert_eq!(keeper.balances().malformed(), 1, "the keeper applies each row once");
}

/// However many readers a book has, another reader wakes none of them, and the driver visits no other subscription.
#[test]
fn another_reader_of_a_book_is_no_change_for_its_readers() {
    let (now, mut scratch) = (Instant::ZERO, Scratch::new());
    let mut client = Client::single(Config::new("ws://v"));
    let (handle, _driver) = crate::client(Client::single(Config::new("ws://v")));
    let mut keeper = Keeper::new(Arc::default(), SharedClock::default());
    let btcusd = ["btcusd".parse().unwrap()];
    let mut open = |keeper: &mut Keeper| {
        let reader = BookReader::new(keeper.open_books(&mut client, now, &btcusd).unwrap(), handle.clone());
        keeper.finish_turn(&mut client, now);
        let _ = keeper.publish();
        reader
    };
    let is_woken = |reader: &mut BookReader| future::block_on(future::poll_once(reader.changed())).is_some();
    let mut first = open(&mut keeper);
    let book = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["1","1"]],"a":[]}"#;
    let mut replay = Replay::new(Endpoint::Streams);
    keeper.take(&replay.event(book, &mut scratch).unwrap().unwrap(), now);
    let _ = keeper.publish();
    assert!(is_woken(&mut first));
    let mut second = open(&mut keeper);
    assert_eq!([is_woken(&mut first), is_woken(&mut second)], [false, true]);
    assert!(second.live("btcusd").is_some());
    let ids: Vec<StreamId> = client.streams().map(|(id, ..)| id).collect();
    for (id, is_last) in [(ids[0], false), (ids[1], true)] {
        while client.poll_output().is_some() {}
        client.unsubscribe(now, id).unwrap();
        while let Some(output) = client.poll_output() {
            if let Output::Event(event) = output {
                keeper.take(&event, now);
            }
        }
        assert_eq!(keeper.has_new_sources, is_last);
    }
}
