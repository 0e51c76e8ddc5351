//! Faults of books whose snapshots were dropped, and of books of market data v1, where the address of a link alone
//! decides what the venue sends.

use gemini_ws::{
    Book, Books, Config, Endpoint, Event, EventBuf, EventQueue, Frame, LinkId, Lost, Overflow, Replay,
    Scratch, Snapshot, StaleReason, StreamId, Topic,
};

use super::super::line::Line;
use super::fed::{Fed, pair, t, v1};

const V1: &str = "ws://v/v1/multimarketdata?symbols=BTCUSD,ETHUSD";

fn update(sequence: u64, reason: &str, price: u32, symbols: &[&str]) -> String {
    let entry = |symbol: &&str| {
        format!(
            r#"{{"type":"change","side":"bid","price":"{price}","remaining":"1","reason":"{reason}","symbol":"{symbol}"}}"#
        )
    };
    let entries: Vec<String> = symbols.iter().map(entry).collect();
    format!(
        r#"{{"type":"update","eventId":{},"socket_sequence":{sequence},"events":[{}]}}"#,
        sequence + 5,
        entries.join(",")
    )
}

/// Passes a frame to a line, and pushes the resulting event and the events among the line's outputs into a queue.
fn queue_frame(line: &mut Line, queue: &mut EventQueue, at: u64, text: &str) {
    if let Some(mut event) = line.hear(at, text) {
        queue.push(&event.as_event());
    }
    queue_events(line, queue);
}

fn queue_events(line: &mut Line, queue: &mut EventQueue) {
    line.events.drain(..).for_each(|event| queue.push(&event));
}

fn apply_all(queue: &mut EventQueue, books: &mut Books) {
    while let Some(mut event) = queue.take() {
        books.apply(&event.as_event());
    }
}

/// The venue sends a book of market data v1 again only over a new link. So a resync replaces the link. If the books
/// of several symbols of one link are requested, the link is replaced once.
#[test]
fn a_book_of_v1_that_lost_events_to_a_full_queue_comes_again() {
    let mut line = Line::open(Config::new(V1), []);
    let (mut queue, mut books) = (EventQueue::new(Overflow::DropOldest).events_max(1), Books::new());
    queue_frame(&mut line, &mut queue, 1, &update(0, "initial", 99, &["BTCUSD", "ETHUSD"]));
    apply_all(&mut queue, &mut books);
    assert!(books.live("btcusd").is_some() && books.live("ethusd").is_some());
    queue_frame(&mut line, &mut queue, 2, &update(1, "place", 98, &["BTCUSD"]));
    queue_frame(&mut line, &mut queue, 3, &update(2, "place", 97, &["ETHUSD"]));
    apply_all(&mut queue, &mut books);
    assert_eq!(books.get("btcusd").and_then(Book::stale_reason), Some(StaleReason::Overflow));

    let before = line.link;
    let symbols: Vec<_> = books.to_resync().collect();
    assert_eq!(line.client.resync_books(t(4), symbols.clone()), 1);
    line.poll(4);
    assert_eq!(line.losses, [Lost::SequenceGap]);
    // While the link is being replaced, it needs no other replacement.
    assert_eq!(line.client.resync_books(t(5), symbols.clone()), 1);
    assert_eq!(line.client.stats().stale_inputs, 0, "no input came");
    line.wait(10_000);
    assert_ne!(line.link, before);
    // Before the first frame of the new link, it is not replaced either.
    assert_eq!(line.client.resync_books(t(10_000), symbols), 1);
    line.poll(10_000);
    assert_eq!(line.losses.len(), 1);
    queue_events(&mut line, &mut queue);
    apply_all(&mut queue, &mut books);
    queue_frame(&mut line, &mut queue, 10_001, &update(0, "initial", 98, &["BTCUSD", "ETHUSD"]));
    apply_all(&mut queue, &mut books);
    assert!(books.live("btcusd").is_some() && books.live("ethusd").is_some());
    // A symbol that the address does not name has no book.
    assert_eq!(line.client.resync_books(t(10_002), ["solusd".parse().unwrap()]), 0);
}

#[test]
fn every_book_of_v1_can_be_requested_again_at_once() {
    let mut line = Line::open(Config::new(V1), []);
    line.hear(1, &update(0, "initial", 99, &["BTCUSD", "ETHUSD"]));
    assert_eq!(line.client.resync_all_books(t(2)), 2);
    line.poll(2);
    assert_eq!(line.losses, [Lost::SequenceGap]);
}

/// With `top_of_book`, the first frame has only the best levels, so the sides are not whole.
#[test]
fn a_first_frame_with_the_best_levels_is_no_whole_book() {
    let config = Config::new("ws://v/v1/marketdata/btcusd?top_of_book=true");
    let mut line = Line::open(config, []);
    let mut books = Books::new();
    let text = r#"{"type":"update","eventId":7,"socket_sequence":0,"events":[{"type":"change","reason":"initial","price":"11386.12","delta":"1.307","remaining":"1.307","side":"ask"}]}"#;
    books.apply(&line.hear(1, text).unwrap().as_event());
    let asks = books.live("btcusd").unwrap().asks();
    assert_eq!((asks.len(), asks.known_depth(), asks.is_whole()), (1, 1, false));
}

/// The numbers of the frames of market data v1 show that none is missing. So it is the venue that publishes a crossed
/// book, and `Books` does not list the book for a resync: a new link would bring the same book.
#[test]
fn a_crossed_book_of_v1_does_not_cost_its_link() {
    let mut line = Line::open(Config::new("ws://v/v1/marketdata/btcusd"), []);
    let mut books = Books::new();
    books.apply(&line.hear(1, &update(0, "initial", 99, &["BTCUSD"])).unwrap().as_event());
    let ask = update(1, "place", 98, &["BTCUSD"]).replace("\"bid\"", "\"ask\"");
    books.apply(&line.hear(2, &ask).unwrap().as_event());
    assert_eq!(books.get("btcusd").and_then(Book::stale_reason), Some(StaleReason::Crossed));
    assert_eq!(books.to_resync().count(), 0);
}

/// If the first frame has no entry, the book of its symbol is empty.
#[test]
fn an_empty_book_of_v1_begins_with_its_first_frame() {
    let first = r#"{"type":"update","eventId":5,"socket_sequence":0,"events":[]}"#;
    let bids = |options: &str| {
        let mut line = Line::open(Config::new(format!("ws://v/v1/marketdata/btcusd{options}")), []);
        let mut books = Books::new();
        // The text of an owned event is decoded again.
        books.apply(&line.hear(1, first).unwrap().as_event());
        let begins = books.live("btcusd").map(|book| book.bids().len());
        let next = update(1, "place", 99, &["BTCUSD"]);
        books.apply(&line.hear(2, &next).unwrap().as_event());
        (begins, books.live("btcusd").map(|book| book.bids().len()))
    };
    assert_eq!(bids(""), (Some(0), Some(1)));
    assert_eq!(bids("?heartbeat=true&bids=true&offers=true"), (Some(0), Some(1)));
    // If the address requests only trades, the frames say nothing about books.
    assert_eq!(bids("?trades=true"), (None, None));
}

/// The first snapshot of a book was dropped, so the link of the book is unknown. Then a malformed frame, a gap or a
/// silence is reported. `Books` still lists the book for a resync.
#[test]
fn a_book_whose_snapshot_was_dropped_is_to_be_requested_whatever_another_link_reports() {
    let mut line = Line::open(Config::new("ws://v"), ["btcusd@depth".into()]);
    let (link, symbol, stream) = (line.link, "btcusd".parse().unwrap(), "btcusd@depth".parse().unwrap());
    let id = line.client.streams().next().unwrap().0;
    let mut malformed = line.hear(1, r#"{"e":"depthUpdate","s":"BTCUSD","U":1"#).unwrap();
    let others = [
        malformed.as_event(),
        Event::Gap { link: Some(link), id: None, symbol, expected: 1, got: None },
        Event::Silent { link, id, stream, since: t(1) },
    ];
    for begin in [
        Event::Overflow { topic: Topic::Depth, symbol: Some(symbol), dropped: 1 },
        Event::Synced { link, id, symbol },
    ] {
        for other in &others {
            let mut books = Books::new();
            books.apply(&begin);
            assert_eq!(books.to_resync().collect::<Vec<_>>(), [symbol], "{begin:?}");
            books.apply(other);
            assert_eq!(books.to_resync().collect::<Vec<_>>(), [symbol], "{begin:?} {other:?}");
        }
    }
}

/// Replays frames of market data v1 that name no symbol. Returns whether they became a current book of btcusd.
fn replays(mut scratch: Scratch) -> bool {
    let (mut replay, mut books) = (Replay::new(Endpoint::MarketDataV1), Books::new());
    for frame in [v1(0, 99, "initial"), v1(1, 98, "place")] {
        books.apply(&replay.event(&frame, &mut scratch).unwrap().unwrap());
    }
    books.live("btcusd").is_some_and(|book| book.bids().len() == 2)
}

#[test]
fn a_scratch_keeps_its_symbol_whatever_is_decoded_with_it() {
    let (first, heartbeat) = (v1(0, 99, "initial"), r#"{"type":"heartbeat","socket_sequence":0}"#);
    let trade = r#"{"E":1,"s":"ethusd","t":7,"p":"1.5","q":"2","m":true}"#;
    let scratch_of = |symbol: &str| {
        let mut scratch = Scratch::new();
        scratch.set_symbol(symbol.parse().ok());
        scratch
    };
    for (endpoint, symbol, frame) in [
        (Endpoint::MarketDataV1, "btcusd", first.as_str()),
        (Endpoint::MarketDataV1, "ethusd", &first),
        (Endpoint::MarketDataV1, "", &first),
        (Endpoint::MarketDataV1, "ethusd", heartbeat),
        (Endpoint::Streams, "", trade),
    ] {
        let (mut own, mut scratch) = (scratch_of(symbol), scratch_of("btcusd"));
        let event = Replay::new(endpoint).event(frame, &mut own).unwrap().unwrap();
        assert_eq!(EventBuf::from(&event).event_in(&mut scratch), event);
        assert!(replays(scratch), "{symbol}: {frame}");
    }
    for path in
        ["v1/marketdata/ethusd", "v1/multimarketdata?symbols=ETHUSD", "v1/order/events", "v2/marketdata"]
    {
        let mut line = Line::open(Config::new(format!("ws://v/{path}")).stay_open(true), []);
        line.scratch = scratch_of("btcusd");
        line.hear(1, &first);
        assert!(replays(line.scratch), "{path}");
    }
}

const DEPTH: &str =
    r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["90","1"]],"a":[["101","1"]]}"#;

/// Creates a client with a link to market data v1 and a depth stream of the same symbol. Both books are current.
fn two_sources() -> (Fed, [LinkId; 2], StreamId) {
    let (mut fed, links) = pair(["ws://v/v1/marketdata/btcusd", "ws://v"]);
    fed.feed_over(links[0], 1, &update(0, "initial", 99, &["BTCUSD"]));
    let id = fed.client.subscribe(t(2), "btcusd@depth".parse().unwrap()).unwrap();
    fed.link = links[1];
    fed.acknowledge(2);
    fed.feed(3, DEPTH);
    assert_eq!(best_bid(&fed), Some("90".into()));
    (fed, links, id)
}

fn best_bid(fed: &Fed) -> Option<String> {
    Some(fed.books.live("btcusd")?.bids().best()?.price.to_string())
}

/// Two sources deliver a book of one symbol, and `Books` shows the book with the newest snapshot. When its source
/// ends, `Books` shows the book of the other source, with all changes that came meanwhile.
#[test]
fn a_book_stays_if_one_of_its_two_sources_ends() {
    for is_lost in [false, true] {
        let (mut fed, links, id) = two_sources();
        fed.feed_over(links[0], 4, &update(1, "place", 100, &["BTCUSD"]));
        assert_eq!(best_bid(&fed), Some("90".into()), "the newest snapshot decides");
        match is_lost {
            true => fed.client.handle_lost(links[1], t(5), Lost::Reset),
            false => fed.client.unsubscribe(t(5), id).unwrap(),
        }
        fed.poll();
        assert_eq!(best_bid(&fed), Some("100".into()), "{is_lost}");
        fed.feed_over(links[0], 6, &update(2, "place", 101, &["BTCUSD"]));
        assert_eq!(best_bid(&fed), Some("101".into()), "{is_lost}");
        fed.client.handle_lost(links[0], t(7), Lost::Reset);
        fed.poll();
        assert_eq!(best_bid(&fed), None, "{is_lost}");
    }
}

#[test]
fn a_book_whose_other_source_has_ended_is_removed_with_its_subscription() {
    let (mut fed, links, id) = two_sources();
    fed.client.handle_lost(links[0], t(5), Lost::Reset);
    fed.poll();
    assert_eq!(best_bid(&fed), Some("90".into()));
    fed.client.unsubscribe(t(6), id).unwrap();
    fed.poll();
    assert!(fed.books.get("btcusd").is_none());
}

#[test]
fn a_remaining_book_that_missed_events_is_stale_and_to_be_requested() {
    let (mut fed, links, id) = two_sources();
    let symbol = "btcusd".parse().unwrap();
    fed.apply(&Event::Overflow { topic: Topic::Depth, symbol: Some(symbol), dropped: 1 });
    fed.feed_over(links[0], 4, &update(1, "place", 100, &["BTCUSD"]));
    fed.client.unsubscribe(t(5), id).unwrap();
    fed.poll();
    assert_eq!(fed.books.get("btcusd").and_then(Book::stale_reason), Some(StaleReason::Overflow));
    assert_eq!(fed.books.to_resync().collect::<Vec<_>>(), [symbol]);
}

/// If the address requests one side only, the other side is unknown and not empty. Each row has the parameters, then
/// `known_depth` and `is_whole` of both sides: after a first frame without levels, and after a first frame with one
/// level on each requested side.
#[test]
fn a_side_that_the_address_leaves_out_is_unknown() {
    let both = [(1, true), (1, true)];
    for (options, empty, [bids, asks]) in [
        ("", [(0, true), (0, true)], both),
        ("?bids=true&offers=true", [(0, true), (0, true)], both),
        ("?bids=true", [(0, true), (0, false)], [(1, true), (0, false)]),
        ("?bids=true&offers=false&trades=true", [(0, true), (0, false)], [(1, true), (0, false)]),
        ("?offers=true", [(0, false), (0, true)], [(0, false), (1, true)]),
        ("?offers=true&top_of_book=true", [(0, false), (0, true)], [(0, false), (1, false)]),
    ] {
        let known = |books: &Books| {
            let book = books.live("btcusd").unwrap();
            [book.bids(), book.asks()].map(|side| (side.known_depth(), side.is_whole()))
        };
        let url = format!("ws://v/v1/marketdata/btcusd{options}");
        let entry = |side: &str, price: u32| {
            format!(
                r#"{{"type":"change","reason":"initial","price":"{price}","delta":"1","remaining":"1","side":"{side}"}}"#
            )
        };
        let entries = match options.contains("true") && !options.contains("bids=true&offers=true") {
            true if options.contains("bids=true") => entry("bid", 99),
            true => entry("ask", 101),
            false => [entry("bid", 99), entry("ask", 101)].join(","),
        };
        for (entries, expected) in [("", empty), (&entries, [bids, asks])] {
            let (mut line, mut books) = (Line::open(Config::new(&url), []), Books::new());
            let first =
                format!(r#"{{"type":"update","eventId":7,"socket_sequence":0,"events":[{entries}]}}"#);
            books.apply(&line.hear(1, &first).unwrap().as_event());
            assert_eq!(known(&books), expected, "{options}");
            let copy = books.clone();
            assert_eq!(known(&copy), expected, "{options}");
        }
    }
}

/// On the current API, a trade is a replay only if its id was reported before.
#[test]
fn an_odd_id_of_a_trade_makes_no_later_trade_a_replay() {
    let mut fed = Fed::new(Config::new("ws://v"));
    fed.subscribe(1, "btcusd@trade");
    let is_replay = |fed: &mut Fed, at: u64, id: u64| {
        let text = format!(r#"{{"E":1,"s":"btcusd","t":{id},"p":"1","q":"1","m":true}}"#);
        let mut scratch = Scratch::new();
        let event = fed.client.handle_frame(fed.link, t(at), Frame::Text(&text), &mut scratch);
        let Some(Event::Trade(trade, _)) = event else { panic!("{event:?}") };
        trade.is_replay
    };
    for (id, expected) in [(5, false), (u64::MAX, false), (6, false), (7, false), (7, true), (u64::MAX, true)]
    {
        assert_eq!(is_replay(&mut fed, 2, id), expected, "{id}");
    }
    fed.reconnect(5);
    fed.acknowledge(20_000);
    for (id, expected) in [(7, true), (8, false), (9, false), (8, true)] {
        assert_eq!(is_replay(&mut fed, 20_001, id), expected, "{id}");
    }
}

/// Events of a symbol were dropped, and the subscription of its book ended. Then the first frame of a link to market
/// data v1 has no level of this symbol, so the book is empty. The first change fills it, and the link need not be
/// replaced.
#[test]
fn a_symbol_without_levels_in_the_first_frame_costs_no_new_link() {
    for reaches in [true, false] {
        let (mut fed, links) = pair([V1, "ws://v"]);
        let id = fed.client.subscribe(t(1), "ethusd@depth".parse().unwrap()).unwrap();
        fed.link = links[1];
        fed.acknowledge(1);
        fed.feed(2, &DEPTH.replace("btcusd", "ethusd"));
        let symbol = "ethusd".parse().unwrap();
        fed.apply(&Event::Overflow { topic: Topic::Depth, symbol: Some(symbol), dropped: 1 });
        fed.client.unsubscribe(t(3), id).unwrap();
        fed.poll();
        assert!(fed.books.get("ethusd").is_none());
        let first = update(0, "initial", 99, &["BTCUSD"]);
        match reaches {
            true => fed.feed_over(links[0], 4, &first),
            false => {
                let mut scratch = Scratch::new();
                fed.client.handle_frame(links[0], t(4), Frame::Text(&first), &mut scratch);
            }
        }
        for sequence in 1..4 {
            fed.feed_over(links[0], 5, &update(sequence, "place", 98, &["ETHUSD"]));
            assert!(fed.books.live("ethusd").is_some(), "{reaches}");
            assert_eq!(fed.books.to_resync().next(), None, "{reaches}");
        }
        // The first frame of the next link may have levels again.
        fed.client.handle_lost(links[0], t(6), Lost::Reset);
        fed.poll();
        let due = fed.client.deadline().unwrap().at;
        fed.client.handle_timeout(due);
        fed.poll();
        let next = fed.link;
        fed.client.handle_connected(next, due);
        fed.feed_over(next, 20_000, &update(0, "initial", 99, &["BTCUSD", "ETHUSD"]));
        assert!(fed.books.live("ethusd").is_some(), "{reaches}");
    }
}

/// The snapshot had only the best two levels of each side, and the venue may send no changes of levels beyond the
/// best two. So `known_depth` no longer counts a level that has left the best two, even when better levels are
/// removed later.
#[test]
fn a_level_that_left_the_best_ones_is_uncertain_for_good() {
    let mut replay = Replay::new(Endpoint::Streams).snapshot(Snapshot::Best(2.try_into().unwrap()));
    let (mut books, mut scratch) = (Books::new(), Scratch::new());
    let mut ids = (5, 5);
    // The changes of the bids, and then the number of bids and `known_depth`.
    for (bids, expected) in [
        (r#"["100","1"],["99","1"]"#, (2, 2)),
        (r#"["101","1"]"#, (3, 2)),
        (r#"["102","1"],["103","1"]"#, (5, 2)),
        (r#"["103","0"]"#, (4, 1)),
        (r#"["103","1"]"#, (5, 2)),
        (r#"["103","0"],["102","0"]"#, (3, 0)),
    ] {
        let (first, last) = ids;
        ids = (last, last + 2);
        let frame = format!(
            r#"{{"e":"depthUpdate","E":1,"s":"btcusd","U":{first},"u":{last},"b":[{bids}],"a":[["110","1"]]}}"#
        );
        books.apply(&replay.event(&frame, &mut scratch).unwrap().unwrap());
        let book = books.live("btcusd").unwrap();
        assert_eq!((book.bids().len(), book.bids().known_depth()), expected, "{bids}");
        assert_eq!((book.asks().known_depth(), book.asks().is_whole()), (1, true));
        let copy = book.clone();
        assert_eq!(copy.bids().known_depth(), expected.1);
    }
}
