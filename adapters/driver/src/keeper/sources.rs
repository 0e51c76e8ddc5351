//! Tests which books may arrive, depending on their sources, and which events concern books.

use futures_lite::future;
use gemini_ws::lifecycle::State;
use gemini_ws::{
    Client, ClientConfig, CommandError, Config, ConnectFailure, Endpoint, Frame, Instant, LinkId, Lost,
    Output, Replay, Scratch, StreamId,
};

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

/// A client has only an endpoint of market data v1. A reader gets the books that the address names. If the first frame
/// came before the reader, the client replaces the link, because the venue sends the whole book only once over a link.
#[test]
fn a_reader_needs_no_endpoint_with_depth_streams() {
    let now = Instant::ZERO;
    let [btcusd, ethusd] = ["btcusd", "ethusd"].map(|symbol| symbol.parse().unwrap());
    let first = r#"{"type":"update","eventId":5,"socket_sequence":0,"events":[{"type":"change","side":"bid","price":"99","remaining":"1","reason":"initial"}]}"#;
    for is_late in [false, true] {
        let mut client = Client::single(Config::new("ws://v/v1/marketdata/btcusd"));
        let mut keeper = Keeper::new(Arc::default(), SharedClock::default());
        client.open(now).unwrap();
        let (link, _) = client.named_books().next().unwrap();
        client.handle_connected(link, now);
        drain(&mut client, &mut keeper);
        if is_late {
            feed(&mut client, &mut keeper, link, first);
        }
        let unknown = keeper.open_books(&mut client, now, &[ethusd]).unwrap_err();
        assert_eq!(unknown, CommandError::WrongEndpoint);
        let group = keeper.open_books(&mut client, now, &[btcusd]).unwrap();
        let reader = BookReader::new(group, crate::client(Client::single(Config::new("ws://v"))).0);
        drain(&mut client, &mut keeper);
        let is_ending = client.links().all(|(.., state)| !matches!(state, State::Live | State::Subscribing));
        assert_eq!(is_ending, is_late);
        if !is_late {
            feed(&mut client, &mut keeper, link, first);
            keeper.finish_turn(&mut client, now);
            assert!(!keeper.publish());
            assert_eq!(reader.view("btcusd").unwrap().live().unwrap().bids().len(), 1);
        }
    }
}

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

/// A second reader of a book does not wake the first one. When one of two subscriptions to a stream ends, the driver
/// does not check again which books have sources.
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

/// Passes the events of a client to a keeper. Returns the texts of the requests.
fn drain(client: &mut Client, keeper: &mut Keeper) -> Vec<String> {
    let mut sent = Vec::new();
    while let Some(output) = client.poll_output() {
        match output {
            Output::Event(event) => keeper.take(&event, Instant::ZERO),
            Output::Send { text, .. } => sent.push(text),
            _ => {}
        }
    }
    sent
}

fn feed(client: &mut Client, keeper: &mut Keeper, link: LinkId, text: &str) {
    let mut scratch = Scratch::new();
    if let Some(event) = client.handle_frame(link, Instant::ZERO, Frame::Text(text), &mut scratch) {
        keeper.take(&event, Instant::ZERO);
    }
}

/// A frame of market data v1 moves the bid above the old ask. `Books` applies the whole frame at once, so the book
/// does not become stale as crossed.
#[test]
fn the_parts_of_a_frame_cross_no_book_for_a_moment() {
    let (now, mut scratch) = (Instant::ZERO, Scratch::new());
    let mut client = Client::single(Config::new("ws://v"));
    let mut keeper = Keeper::new(Arc::default(), SharedClock::default());
    let symbols = ["btcusd".parse().unwrap(), "ethusd".parse().unwrap()];
    let group = keeper.open_books(&mut client, now, &symbols).unwrap();
    let mut reader = BookReader::new(group, crate::client(client).0);
    let mut replay =
        Replay::new(Endpoint::MarketDataV1).snapshot(gemini_ws::Snapshot::Best(std::num::NonZeroU32::MIN));
    for (sequence, reason, prices) in [(0, "initial", [100, 101]), (1, "top-of-book", [102, 103])] {
        let entry = |(side, price, symbol): (&str, u32, &str)| {
            format!(
                r#"{{"type":"change","side":"{side}","price":"{price}","remaining":"1","reason":"{reason}","symbol":"{symbol}"}}"#
            )
        };
        let [bid, ask] = prices;
        let entries =
            ["BTCUSD", "ETHUSD"].map(|of| [("bid", bid, of), ("ask", ask, of)].map(entry).join(","));
        let frame = format!(
            r#"{{"type":"update","eventId":{sequence},"socket_sequence":{sequence},"events":[{}]}}"#,
            entries.join(",")
        );
        keeper.take(&replay.event(&frame, &mut scratch).unwrap().unwrap(), now);
        assert_eq!(keeper.books().crossed(), 0);
        let _ = keeper.publish();
        for _ in symbols {
            // Readers of each book of the frame wake.
            let woken = future::block_on(future::poll_once(reader.changed())).flatten().unwrap();
            let view = reader.view(woken).unwrap();
            assert_eq!(view.live().unwrap().bids().best().unwrap().price.mantissa(), bid.into());
        }
        assert!(future::block_on(future::poll_once(reader.changed())).is_none());
    }
}

#[test]
fn frames_of_market_data_concern_no_account() {
    let (now, mut scratch) = (Instant::ZERO, Scratch::new());
    let mut keeper = Keeper::new(Arc::default(), SharedClock::default());
    let v1 = r#"{"type":"update","eventId":5,"socket_sequence":0,"events":[{"type":"change","side":"bid","price":"99","remaining":"1","reason":"initial"}]}"#;
    let v2 = r#"{"type":"l2_updates","symbol":"BTCUSD","changes":[],"trades":[],"auction_events":[]}"#;
    let marks = r#"{"type":"mark_price_updates","symbol":"BTCGUSDPERP","changes":[]}"#;
    let (list, orders) = (r#"{"e":"orderSnapshot","E":1,"orders":[]}"#, Endpoint::Streams);
    for (endpoint, frame, concerns) in [
        (Endpoint::MarketDataV1, v1, false),
        (Endpoint::MarketDataV2, v2, false),
        (Endpoint::MarketDataV2, marks, false),
        (orders, list, true),
    ] {
        let before = keeper.orders().moment();
        let mut replay = Replay::new(endpoint);
        keeper.take(&replay.event(frame, &mut scratch).unwrap().unwrap(), now);
        assert_eq!(keeper.orders().moment() != before, concerns, "{frame}");
    }
}

/// Two links deliver one book. `Books` returns the book of the first link, while the book of the second link has
/// crossed. When the first link ends, `Books` returns the crossed book instead, and the keeper requests a new
/// snapshot.
#[test]
fn a_crossed_book_that_takes_the_place_of_another_is_requested() {
    let (now, btcusd) = (Instant::ZERO, "btcusd".parse().unwrap());
    let mut client = Client::new(ClientConfig::new(), 1);
    client.add(now, Config::new("ws://w/v1/marketdata/btcusd").stay_open(true)).unwrap();
    client.add(now, Config::new("ws://v")).unwrap();
    let mut keeper = Keeper::new(Arc::default(), SharedClock::default());
    let _group = keeper.open_books(&mut client, now, &[btcusd]).unwrap();
    client.open(now).unwrap();
    let (archived, _) = client.named_books().next().unwrap();
    let streams = client.links().map(|(link, ..)| link).find(|link| *link != archived).unwrap();
    [archived, streams].into_iter().for_each(|link| client.handle_connected(link, now));
    for text in drain(&mut client, &mut keeper) {
        let id: String = text.chars().skip(6).take_while(char::is_ascii_digit).collect();
        feed(&mut client, &mut keeper, streams, &format!(r#"{{"id":{id},"status":200}}"#));
    }
    let depth = |first, last, bid| {
        format!(
            r#"{{"e":"depthUpdate","E":1,"s":"btcusd","U":{first},"u":{last},"b":[["{bid}","1"]],"a":[["101","1"]]}}"#
        )
    };
    feed(&mut client, &mut keeper, streams, &depth(5, 5, 90));
    let first = r#"{"type":"update","eventId":5,"socket_sequence":0,"events":[{"type":"change","side":"bid","price":"99","remaining":"1","reason":"initial"}]}"#;
    feed(&mut client, &mut keeper, archived, first);
    feed(&mut client, &mut keeper, streams, &depth(5, 7, 102));
    keeper.finish_turn(&mut client, now);
    assert!(drain(&mut client, &mut keeper).is_empty());
    assert_eq!(keeper.books().to_resync().count(), 0, "the other book is current");
    client.handle_lost(archived, now, Lost::Reset);
    drain(&mut client, &mut keeper);
    assert_eq!(keeper.books().to_resync().count(), 1);
    keeper.finish_turn(&mut client, now);
    assert_eq!(drain(&mut client, &mut keeper).len(), 1, "the client unsubscribes first");
}
