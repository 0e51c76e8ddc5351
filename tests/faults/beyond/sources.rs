//! Faults of books that come from several sources, and of books of market data v1 whose beginning is missing.

use gemini_ws::{
    Books, Config, Endpoint, Event, Frame, GapRule, LinkId, Lost, Replay, Scratch, Snapshot, StaleReason,
    Topic,
};

use super::super::line::snapshot;
use super::fed::{Fed, pair, s, t, v1};

fn change(sequence: u64, reason: &str, side: &str, symbol: &str, price: u32) -> String {
    format!(
        r#"{{"type":"update","eventId":{sequence},"socket_sequence":{sequence},"events":[{{"type":"change","side":"{side}","price":"{price}","remaining":"1","delta":"1","reason":"{reason}","symbol":"{symbol}"}}]}}"#
    )
}

/// With `top_of_book`, the first frame may have the best level of one side only. The other side is unknown until an
/// entry reports it.
#[test]
fn a_side_that_the_first_frame_lacks_is_unknown() {
    for (side, other) in [("ask", "bid"), ("bid", "ask")] {
        let mut fed = Fed::new(Config::new("ws://v/v1/marketdata/btcusd?top_of_book=true"));
        let whole = |fed: &Fed| {
            let book = fed.books.live("btcusd").unwrap();
            let side = if other == "bid" { book.bids() } else { book.asks() };
            (side.len(), side.known_depth(), side.is_whole())
        };
        fed.feed(1, &change(0, "initial", side, "BTCUSD", 100));
        assert_eq!(whole(&fed), (0, 0, false), "{other}");
        fed.feed(2, &change(1, "top-of-book", other, "BTCUSD", if other == "bid" { 99 } else { 101 }));
        assert_eq!(whole(&fed), (1, 1, false), "{other}");
    }
}

#[test]
fn recordings_of_two_endpoints_do_not_mix() {
    const STREAMS: &str =
        r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["90","1"]],"a":[["101","1"]]}"#;
    let first = change(0, "initial", "bid", "BTCUSD", 99);
    for reason in ["place", "top-of-book"] {
        let frames =
            [(false, first.as_str()), (true, STREAMS), (false, &change(1, reason, "bid", "BTCUSD", 100))];
        let (mut archived, mut streams) =
            (Replay::new(Endpoint::MarketDataV1), Replay::new(Endpoint::Streams));
        let (mut books, mut scratch) = (Books::new(), Scratch::new());
        for (is_streams, frame) in frames {
            let replay = if is_streams { &mut streams } else { &mut archived };
            books.apply(&replay.event(frame, &mut scratch).unwrap().unwrap());
        }
        let bids = books.live("btcusd").unwrap().bids();
        assert_eq!(bids.iter().map(|level| level.price.to_string()).collect::<Vec<_>>(), ["90"]);
    }
}

/// By the lax rule, a frame with two equal ids is an update if the id is the next one, both for a client and for a
/// recording.
#[test]
fn a_recording_and_a_client_take_the_same_frames_for_updates() {
    let mut fed = Fed::new(Config::new("ws://v").gap_rule(GapRule::Lax));
    fed.client.subscribe(t(0), s("btcusd@depth")).unwrap();
    fed.acknowledge(0);
    let mut replay = Replay::new(Endpoint::Streams).gap_rule(GapRule::Lax);
    let (mut books, mut scratch) = (Books::new(), Scratch::new());
    for (id, price) in [(5, 99), (6, 97), (7, 98)] {
        let frame = format!(
            r#"{{"e":"depthUpdate","E":1,"s":"btcusd","U":{id},"u":{id},"b":[["{price}","1"]],"a":[["101","3"]]}}"#
        );
        fed.feed(1, &frame);
        books.apply(&replay.event(&frame, &mut scratch).unwrap().unwrap());
    }
    let bids = [&fed.books, &books].map(|books| books.live(BTCUSD).unwrap().bids().len());
    assert_eq!(bids, [3, 3]);
}

const BTCUSD: &str = "btcusd";

fn overflow() -> Event<'static> {
    Event::Overflow { topic: Topic::Depth, symbol: BTCUSD.parse().ok(), dropped: 1 }
}

/// Creates a client with a link of market data v1 and another link.
fn beside_v1() -> (Fed, [LinkId; 2]) {
    let (mut fed, links) = pair(["ws://v/v1/marketdata/btcusd", "ws://w"]);
    fed.feed_over(links[0], 1, &v1(0, 99, "initial"));
    (fed, links)
}

fn resync(fed: &mut Fed, at: u64) {
    let symbols: Vec<_> = fed.books.to_resync().collect();
    assert_eq!(symbols, [BTCUSD.parse().unwrap()]);
    assert_eq!(fed.client.resync_books(t(at), symbols), 1);
    fed.poll();
}

fn losses(fed: &Fed, link: LinkId) -> usize {
    let text = format!("Disconnected {{ link: {link:?}");
    fed.log.iter().filter(|it| it.starts_with(&text)).count()
}

/// A link of market data v1 and a depth stream deliver a book of the same symbol, and the depth stream gets no
/// snapshot. A resync still replaces the link of market data v1.
#[test]
fn a_book_of_v1_is_requested_again_beside_a_depth_stream() {
    let (mut fed, [first, _]) = beside_v1();
    fed.client.subscribe(t(1), s("btcusd@depth")).unwrap();
    fed.poll();
    fed.apply(&overflow());
    resync(&mut fed, 3);
    assert_eq!((losses(&fed, first), fed.books.to_resync().count()), (1, 0));
}

/// Both sources of a book lost events, and the application requests only the book of the depth stream. When the link
/// of the depth stream ends, `Books` lists the book for a resync, which replaces the link of market data v1.
#[test]
fn another_book_that_missed_events_is_requested_once_the_first_is_stale() {
    let (mut fed, [first, second]) = beside_v1();
    let id = fed.client.subscribe(t(1), s("btcusd@depth")).unwrap();
    fed.acknowledge(1);
    fed.feed_over(second, 2, &snapshot(BTCUSD, 5));
    fed.apply(&overflow());
    fed.client.resync(t(3), id).unwrap();
    fed.acknowledge(3);
    fed.acknowledge(3);
    fed.feed_over(second, 4, &snapshot(BTCUSD, 9));
    assert!(fed.books.live(BTCUSD).is_some() && fed.books.to_resync().next().is_none());
    fed.client.handle_lost(second, t(5), Lost::Reset);
    fed.poll();
    resync(&mut fed, 6);
    assert_eq!((losses(&fed, first), fed.books.to_resync().count()), (1, 0));
}

/// The queue drops the first snapshot of market data v1. Another source of the symbol ends, and `Books` removes the
/// stale book. The next update over market data v1 shows that the book is missing.
#[test]
fn a_book_whose_snapshot_was_dropped_is_requested_after_the_end_of_another_source() {
    for is_removed in [false, true] {
        let second = if is_removed { "ws://w/v1/marketdata/btcusd" } else { "ws://w" };
        let (mut fed, [first, second]) = pair(["ws://v/v1/marketdata/btcusd", second]);
        let mut scratch = Scratch::new();
        let id = if is_removed {
            fed.feed_over(second, 1, &v1(0, 99, "initial"));
            None
        } else {
            let id = fed.client.subscribe(t(1), s("btcusd@depth")).unwrap();
            fed.acknowledge(1);
            Some(id)
        };
        let snapshot = v1(0, 99, "initial");
        assert!(fed.client.handle_frame(first, t(2), Frame::Text(&snapshot), &mut scratch).is_some());
        fed.apply(&overflow());
        match id {
            Some(id) => fed.client.unsubscribe(t(3), id).unwrap(),
            None => {
                let endpoint = fed.client.endpoint(second).unwrap();
                fed.client.remove(t(3), endpoint).unwrap();
            }
        }
        fed.poll();
        fed.client.handle_lost(second, t(3), Lost::Closed { code: Some(1000) });
        fed.poll();
        fed.feed_over(first, 4, &v1(1, 95, "place"));
        let book = fed.books.get(BTCUSD).unwrap();
        assert_eq!(book.stale_reason(), Some(StaleReason::Overflow), "{is_removed}");
        resync(&mut fed, 5);
        assert_eq!((losses(&fed, first), fed.books.to_resync().count()), (1, 0), "{is_removed}");
    }
}

/// Libraries for URLs write a comma as `%2C`. A trailing comma or a blank names no symbol.
#[test]
fn the_symbols_of_an_address_may_have_escapes() {
    for symbols in [
        "symbols=BTCUSD,ETHUSD",
        "symbols=BTCUSD%2CETHUSD",
        "symbols=BTCUSD%2cETHUSD",
        "symbols=%42TCUSD,ETHUSD,",
        "symbols=BTCUSD,%20ETHUSD",
        "%73ymbol%73=BTCUSD,ETHUSD",
        "symbols=BTCUSD&symbols=ETHUSD",
    ] {
        let mut fed = Fed::new(Config::new(format!("ws://v/v1/multimarketdata?{symbols}")));
        fed.feed(1, &change(0, "initial", "bid", "BTCUSD", 5));
        assert_eq!(fed.client.named_books().count(), 2, "{symbols}");
        fed.apply(&overflow());
        resync(&mut fed, 2);
    }
    let mut fed = Fed::new(Config::new("ws://v/v1/marketdata/GEMI%2DX%2dup"));
    fed.feed(1, &v1(0, 99, "initial"));
    assert!(fed.books.live("gemi-x-up").is_some());
    for symbols in ["", ",", "%2C", "BTCUSD,%", "BTCUSD,%4", "BTCUSD,%+1", "BTCUSD,%FF"] {
        let fed = Fed::new(Config::new(format!("ws://v/v1/multimarketdata?symbols={symbols}")));
        assert_eq!(fed.client.named_books().count(), 0, "{symbols}");
    }
}

/// With `top_of_book`, the first frame has no entry of a symbol. A later entry of the symbol is the best level of its
/// side.
#[test]
fn a_symbol_that_the_first_frame_lacks_has_a_book_of_best_levels() {
    const URL: &str = "ws://v/v1/multimarketdata?symbols=BTCUSD,ETHUSD";
    let mut fed = Fed::new(Config::new(format!("{URL}&top_of_book=true")));
    fed.feed(1, &change(0, "initial", "bid", "BTCUSD", 9));
    fed.feed(2, &change(1, "top-of-book", "bid", "ETHUSD", 5));
    let book = fed.books.live("ethusd").unwrap();
    assert_eq!((book.bids().known_depth(), book.asks().is_whole()), (1, false));
    fed.feed(3, &change(2, "top-of-book", "ask", "ETHUSD", 7));
    assert_eq!(fed.books.live("ethusd").unwrap().asks().known_depth(), 1);
}

/// With `top_of_book`, a link ends, or the application requests a book again after an overflow. The first frame of
/// the next link has no entry of the symbol. The book is stale until a later frame has an entry of it.
#[test]
fn a_book_of_best_levels_begins_again_over_the_next_link() {
    const URL: &str = "ws://v/v1/multimarketdata?symbols=BTCUSD,ETHUSD&top_of_book=true";
    let lost = Event::Overflow { topic: Topic::Depth, symbol: "ethusd".parse().ok(), dropped: 1 };
    for is_overflow in [false, true] {
        let mut fed = Fed::new(Config::new(URL));
        fed.feed(1, &change(0, "initial", "bid", "BTCUSD", 9));
        fed.feed(2, &change(1, "top-of-book", "bid", "ETHUSD", 5));
        fed.feed(3, &change(2, "top-of-book", "ask", "ETHUSD", 7));
        let mut now = 10_000;
        if is_overflow {
            fed.apply(&lost);
            fed.feed(4, &change(3, "top-of-book", "ask", "ETHUSD", 6));
            let symbols: Vec<_> = fed.books.to_resync().collect();
            assert_eq!(fed.client.resync_books(t(now), symbols), 1);
            fed.poll();
            now = fed.client.deadline().unwrap().at.as_nanos() / 1_000_000 + 1;
            fed.client.handle_timeout(t(now));
            fed.poll();
            fed.client.handle_connected(fed.link, t(now));
            fed.poll();
        } else {
            fed.reconnect(now);
        }
        fed.feed(now + 1_000, &change(0, "initial", "bid", "BTCUSD", 9));
        assert!(fed.books.live("ethusd").is_none());
        fed.feed(now + 1_001, &change(1, "top-of-book", "bid", "ETHUSD", 5));
        let book = fed.books.live("ethusd").unwrap();
        assert_eq!((book.bids().known_depth(), book.asks().is_whole(), book.asks().len()), (1, false, 0));
        fed.feed(now + 1_002, &change(2, "top-of-book", "ask", "ETHUSD", 8));
        assert_eq!(fed.books.live("ethusd").unwrap().asks().known_depth(), 1);
        assert_eq!(fed.books.to_resync().count(), 0);
    }
}

const MULTI: &str = "ws://v/v1/multimarketdata?symbols=BTCUSD,ETHUSD";

/// Frames of all kinds are numbered. After a frame of an unknown kind, no frame is missing, so the first changes of a
/// book are its whole book, over a link and in a recording.
#[test]
fn a_frame_of_an_unknown_kind_has_a_number() {
    let frames = [
        r#"{"type":"update","eventId":1,"socket_sequence":0,"events":[]}"#,
        r#"{"type":"news","socket_sequence":1}"#,
        &change(2, "place", "bid", "ETHUSD", 5),
    ];
    let mut fed = Fed::new(Config::new(MULTI));
    let (mut replay, mut books) = (Replay::new(Endpoint::MarketDataV1), Books::new());
    for frame in &frames {
        fed.feed(1, frame);
        books.apply(&replay.event(frame, &mut Scratch::new()).unwrap().unwrap());
    }
    assert!([&fed.books, &books].iter().all(|books| books.live("ethusd").is_some()));
}

/// A change that names no symbol may be about any book of the link. So each of these books is stale, and the client
/// replaces the link.
#[test]
fn a_change_without_a_symbol_is_of_any_book() {
    for (options, reason) in [("", "place"), ("&top_of_book=true", "top-of-book"), ("", "initial")] {
        for symbol in ["", r#","symbol":null"#] {
            let mut fed = Fed::new(Config::new(format!("{MULTI}{options}")));
            for (sequence, symbol) in ["BTCUSD", "ETHUSD"].into_iter().enumerate() {
                fed.feed(1, &change(sequence as u64, "initial", "bid", symbol, 9));
            }
            assert!(["btcusd", "ethusd"].iter().all(|symbol| fed.books.live(symbol).is_some()));
            let unnamed = change(2, reason, "bid", "BTCUSD", 8).replace(r#","symbol":"BTCUSD""#, symbol);
            fed.feed(2, &unnamed);
            let reasons = ["btcusd", "ethusd"].map(|symbol| fed.books.get(symbol).unwrap().stale_reason());
            assert!(reasons.iter().all(Option::is_some), "{unnamed}: {reasons:?}");
            assert!(fed.log.iter().any(|event| event.starts_with("Malformed")), "{:?}", fed.log);
            assert_eq!(losses(&fed, fed.link), 1, "{:?}", fed.log);
        }
    }
    // A trade is of no book.
    let mut fed = Fed::new(Config::new(MULTI));
    fed.feed(1, &change(0, "initial", "bid", "BTCUSD", 9));
    fed.feed(2, r#"{"type":"update","eventId":1,"socket_sequence":1,"events":[{"type":"trade","tid":1,"price":"5","amount":"1","makerSide":"bid"}]}"#);
    assert!(fed.books.live("btcusd").is_some());
}

/// Formats an update without entries, as the venue sends it for an empty book when a link opens.
fn empty(sequence: u64) -> String {
    format!(r#"{{"type":"update","eventId":1,"socket_sequence":{sequence},"events":[]}}"#)
}

fn heartbeat(sequence: u64) -> String {
    format!(r#"{{"type":"heartbeat","socket_sequence":{sequence}}}"#)
}

fn eth(books: &Books) -> Option<usize> {
    books.live("ethusd").map(|book| book.bids().len())
}

/// When a link of several symbols opens, an empty book has no level in the first frames. The first changes of its
/// symbol fill the book.
#[test]
fn a_book_that_is_empty_when_its_link_opens_begins_with_its_first_change() {
    let of = |sequence, price| change(sequence, "place", "bid", "ETHUSD", price);
    let btc = |sequence, reason| change(sequence, reason, "bid", "BTCUSD", 99);
    let mixed = of(3, 8).replace("}]", r#"},{"type":"change","side":"bid","price":"98","remaining":"1","delta":"1","reason":"place","symbol":"BTCUSD"}]"#);
    let table: [(&[String], Option<usize>); 7] = [
        (&[btc(0, "initial"), empty(1), of(2, 5), of(3, 6)], Some(2)),
        (&[btc(0, "initial"), btc(1, "place"), of(2, 5), of(3, 6)], Some(2)),
        (&[empty(0), of(1, 5), of(2, 6)], Some(2)),
        (&[heartbeat(0), empty(1), of(2, 5), of(3, 6)], Some(2)),
        // The levels of the book may follow.
        (&[btc(0, "initial"), of(1, 5), change(2, "initial", "bid", "ETHUSD", 7)], Some(1)),
        // A link does not begin with a change, so it is unknown to what the change applies.
        (&[of(0, 5), of(1, 6)], None),
        // One frame cannot be the book of one symbol and a change of another.
        (&[btc(0, "initial"), empty(1), btc(2, "place"), mixed], None),
    ];
    for (frames, expected) in table {
        let mut fed = Fed::new(Config::new(MULTI));
        for at in [1, 100_000] {
            for frame in frames {
                fed.feed(at, frame);
            }
            assert_eq!(eth(&fed.books), expected, "{frames:?}");
            fed.reconnect(at + 10_000);
            assert_eq!(eth(&fed.books), None);
        }
        let (mut replay, mut books) = (Replay::new(Endpoint::MarketDataV1), Books::new());
        let mut scratch = Scratch::new();
        for frame in frames.iter().chain(frames) {
            books.apply(&replay.event(frame, &mut scratch).unwrap().unwrap());
        }
        // The decoder does not know which symbols the address names.
        let is_known = frames.contains(&empty(0)) || frames.contains(&empty(1)) && frames[0] == heartbeat(0);
        assert_eq!(eth(&books), expected.filter(|count| is_known || *count == 1), "{frames:?}");
        // If a frame is missing, it may have had the levels of the book.
        let (mut replay, mut books) = (Replay::new(Endpoint::MarketDataV1), Books::new());
        for frame in frames.iter().skip(1) {
            books.apply(&replay.event(frame, &mut scratch).unwrap().unwrap());
        }
        assert_eq!(eth(&books), expected.filter(|count| *count == 1), "{frames:?}");
    }
}

/// The number of the first update of a link need not be zero, because a heartbeat may come before it.
#[test]
fn a_heartbeat_may_come_before_the_first_update() {
    let bid = |sequence| v1(sequence, 99, "place");
    let frames = [heartbeat(0), empty(1), bid(2)];
    let mut fed = Fed::new(Config::new("ws://v/v1/marketdata/btcusd?heartbeat=true"));
    let (mut replay, mut books) = (Replay::new(Endpoint::MarketDataV1), Books::new());
    let mut scratch = Scratch::new();
    scratch.set_symbol("btcusd".parse().ok());
    for frame in &frames {
        fed.feed(1, frame);
        books.apply(&replay.event(frame, &mut scratch).unwrap().unwrap());
    }
    for books in [&fed.books, &books] {
        assert_eq!(books.live("btcusd").unwrap().bids().len(), 1);
    }
    // After a reconnect, the first update repeats a trade.
    let trade = r#"{"type":"update","eventId":9,"socket_sequence":SEQ,"events":[{"type":"trade","tid":2,"price":"5","amount":"1","makerSide":"bid"}]}"#;
    fed.feed(2, &trade.replace("SEQ", "3"));
    replay.event(&trade.replace("SEQ", "3"), &mut scratch).unwrap();
    fed.reconnect(10);
    let again = trade.replace("SEQ", "1");
    let is_replay =
        |event: &Event<'_>| event.parts().any(|part| matches!(part, Event::Trade(it, _) if it.is_replay));
    fed.feed(20_000, &heartbeat(0));
    let event = fed.client.handle_frame(fed.link, t(20_000), Frame::Text(&again), &mut scratch);
    assert!(is_replay(&event.unwrap()));
    replay.event(&heartbeat(0), &mut scratch).unwrap();
    assert!(is_replay(&replay.event(&again, &mut scratch).unwrap().unwrap()));
}

/// In a recording of an address with `top_of_book`, which the application states with `Snapshot::Best`, no side of a
/// book is whole.
#[test]
fn a_recording_of_best_levels_is_no_whole_book() {
    let frames = [change(0, "initial", "bid", "BTCUSD", 99), change(1, "top-of-book", "bid", "BTCUSD", 98)];
    for (snapshot, is_whole) in [(Snapshot::Full, true), (Snapshot::Best(7.try_into().unwrap()), false)] {
        let mut replay = Replay::new(Endpoint::MarketDataV1).snapshot(snapshot);
        let (mut books, mut scratch) = (Books::new(), Scratch::new());
        for (frame, expected) in frames.iter().zip([[is_whole, is_whole], [false, is_whole]]) {
            books.apply(&replay.event(frame, &mut scratch).unwrap().unwrap());
            let book = books.live("btcusd").unwrap();
            assert_eq!([book.bids().is_whole(), book.asks().is_whole()], expected, "{snapshot:?}");
        }
    }
}

/// The parameter `auctions` of an address makes the venue leave out the books, but only at an address of one symbol.
#[test]
fn a_parameter_that_an_address_does_not_have_filters_nothing() {
    let multi = format!("{MULTI}&auctions=true");
    for (url, has_books) in [(multi.as_str(), true), ("ws://v/v1/marketdata/btcusd?auctions=true", false)] {
        let mut fed = Fed::new(Config::new(url));
        fed.feed(1, &change(0, "initial", "bid", "BTCUSD", 99));
        let book = fed.books.live("btcusd").unwrap();
        assert_eq!((book.bids().is_whole(), book.asks().is_whole()), (true, true), "{url}");
        assert_eq!(
            fed.client.resync_books(t(2), ["btcusd".parse().unwrap()]),
            usize::from(has_books),
            "{url}"
        );
    }
}

/// The best bid and the best ask of one frame belong to one event of the venue. So `Books` does not count the book as
/// crossed before it has applied both.
#[test]
fn the_best_levels_of_one_frame_cross_no_book_for_a_moment() {
    let both = |sequence, reason: &str, bid, ask| {
        let bid = change(sequence, reason, "bid", "BTCUSD", bid);
        let ask = change(sequence, reason, "ask", "BTCUSD", ask);
        let entry = ask.split_once(":[").unwrap().1;
        bid.replace("}]}", &format!("}},{entry}"))
    };
    let mut fed = Fed::new(Config::new(format!("{MULTI}&top_of_book=true")));
    fed.feed(1, &both(0, "initial", 100, 101));
    for (sequence, bid, ask, crossed) in [(1, 102, 103, 0), (2, 105, 104, 1), (3, 99, 100, 1)] {
        fed.feed(2, &both(sequence, "top-of-book", bid, ask));
        assert_eq!(fed.books.crossed(), crossed, "{bid} {ask}");
        assert_eq!(fed.books.live("btcusd").is_some(), bid < ask);
    }
}

/// A trade of market data v2 may come before the first frame of its book, which repeats the trade. A client and a
/// recording mark the repeated trade, and take the same frame for the whole book.
#[test]
fn a_trade_before_the_first_frame_of_a_book_is_repeated() {
    const TRADE: &str = r#"{"type":"trade","symbol":"BTCUSD","event_id":7,"timestamp":1,"price":"5","quantity":"1","side":"buy"}"#;
    let first = |level: &str| {
        format!(
            r#"{{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","{level}","1"]],"trades":[{TRADE}],"auction_events":[]}}"#
        )
    };
    let update = r#"{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","3","1"]]}"#;
    for (frames, level) in [
        (vec![TRADE.into(), first("4")], Some("4")),
        (vec![TRADE.into(), first("x"), update.into()], None),
        (vec![TRADE.into(), first("x"), update.into(), first("4")], Some("4")),
    ] {
        let mut fed = Fed::new(Config::new("ws://v/v2/marketdata").stay_open(true));
        fed.subscribe(1, "btcusd@depth");
        let (mut replay, mut books) = (Replay::new(Endpoint::MarketDataV2), Books::new());
        let (mut scratch, mut marks) = (Scratch::new(), [Vec::new(), Vec::new()]);
        let note = |marks: &mut Vec<bool>, event: &Event<'_>| {
            let trades = event.parts().filter_map(|part| match part {
                Event::Trade(it, _) => Some(it.is_replay),
                _ => None,
            });
            marks.extend(trades);
        };
        for frame in &frames {
            if let Ok(Some(event)) = replay.event(frame, &mut scratch) {
                note(&mut marks[0], &event);
                books.apply(&event);
            }
            let event = fed.client.handle_frame(fed.link, t(2), Frame::Text(frame), &mut scratch).unwrap();
            note(&mut marks[1], &event);
            fed.books.apply(&event);
        }
        let expected: &[bool] = if level.is_some() { &[false, true] } else { &[false] };
        assert_eq!(marks, [expected, expected], "{frames:?}");
        for books in [&books, &fed.books] {
            let best = books.live("btcusd").and_then(|book| book.bids().best());
            assert_eq!(best.map(|best| best.price.to_string()).as_deref(), level, "{frames:?}");
        }
    }
}
