//! Faults of books that follow a recording or several sources.

use std::cell::Cell;

use gemini_ws::{
    Book, Books, Config, Endpoint, Event, EventQueue, Frame, GapRule, Lost, Message, Overflow, Replay,
    Scratch, StaleReason,
};

use super::fed::{Fed, pair, t};

fn top(side: &str, symbol: &str, price: u32) -> String {
    format!(
        r#"{{"type":"change","side":"{side}","price":"{price}","remaining":"1","reason":"top-of-book","symbol":"{symbol}"}}"#
    )
}

fn change(sequence: u64, reason: &str, side: &str, symbol: &str, price: u32) -> String {
    tops(sequence, &[(side, symbol, price)]).replace("top-of-book", reason)
}

fn tops(sequence: u64, entries: &[(&str, &str, u32)]) -> String {
    let entries: Vec<String> =
        entries.iter().map(|(side, symbol, price)| top(side, symbol, *price)).collect();
    format!(
        r#"{{"type":"update","eventId":{sequence},"socket_sequence":{sequence},"events":[{}]}}"#,
        entries.join(",")
    )
}

/// A frame lists the best levels of several symbols in any order. They belong to one event of the venue, so `Books`
/// checks whether a book is crossed only after the whole frame.
#[test]
fn the_best_levels_of_a_frame_cross_no_book_in_whatever_order_they_come() {
    let url = "ws://v/v1/multimarketdata?symbols=BTCUSD,ETHUSD&top_of_book=true";
    let mut fed = Fed::new(Config::new(url));
    // The decoder of a recording need not know the address.
    let (mut replay, mut scratch, mut books) =
        (Replay::new(Endpoint::MarketDataV1), Scratch::new(), Books::new());
    books.apply(&replay.event(&change(0, "initial", "bid", "BTCUSD", 50), &mut scratch).unwrap().unwrap());
    let frames = [
        [("bid", "BTCUSD", 100), ("bid", "ETHUSD", 10), ("ask", "BTCUSD", 101), ("ask", "ETHUSD", 11)],
        [("bid", "BTCUSD", 102), ("bid", "ETHUSD", 12), ("ask", "btcusd", 103), ("ask", "ETHUSD", 13)],
        [("ask", "BTCUSD", 99), ("ask", "ETHUSD", 9), ("bid", "ETHUSD", 8), ("bid", "BTCUSD", 98)],
    ];
    for (sequence, entries) in (0..).zip(&frames) {
        fed.feed(1, &tops(sequence, entries));
        books.apply(&replay.event(&tops(sequence + 1, entries), &mut scratch).unwrap().unwrap());
        assert_eq!([fed.books.crossed(), books.crossed()], [0, 0], "{entries:?}");
        assert!(fed.books.live("btcusd").is_some() && fed.books.live("ethusd").is_some());
    }
    fed.feed(1, &tops(3, &[("bid", "BTCUSD", 200), ("bid", "ETHUSD", 8), ("ask", "BTCUSD", 200)]));
    assert_eq!(fed.books.crossed(), 1);
    assert_eq!(fed.books.get("btcusd").and_then(Book::stale_reason), Some(StaleReason::Crossed));
}

fn depth(first: u64, last: u64, bid: u32) -> String {
    format!(
        r#"{{"e":"depthUpdate","E":1,"s":"btcusd","U":{first},"u":{last},"b":[["{bid}","1"]],"a":[["999","1"]]}}"#
    )
}

/// Applies frames of a recording. Returns the best bid after each frame, or `None` if the book is not current.
fn replayed(replay: Replay, frames: &[String]) -> Vec<Option<String>> {
    let (mut replay, mut scratch, mut books) = (replay, Scratch::new(), Books::new());
    let mut bid_after = |frame: &String| {
        if let Ok(Some(event)) = replay.event(frame, &mut scratch) {
            books.apply(&event);
        }
        Some(books.live("btcusd")?.bids().best()?.price.to_string())
    };
    frames.iter().map(&mut bid_after).collect()
}

/// In a recording, the ids may start again from a lower number, because the venue restarted or two recordings were
/// joined in the wrong order. A frame with two equal ids is a snapshot, whether its id is higher or lower than that
/// of the book.
#[test]
fn a_snapshot_of_a_recording_may_have_a_lower_id() {
    let frames = [depth(50, 50, 90), depth(50, 60, 91), depth(5, 5, 10), depth(5, 7, 11), depth(60, 61, 92)];
    let found = replayed(Replay::new(Endpoint::Streams), &frames);
    let expected = [Some("90"), Some("91"), Some("10"), Some("11"), None];
    assert_eq!(found, expected.map(|bid| bid.map(String::from)));
    // By the lax rule, a frame with two equal ids may be an old update.
    let found = replayed(Replay::new(Endpoint::Streams).gap_rule(GapRule::Lax), &frames[..3]);
    assert_eq!(found[2].as_deref(), Some("91"));
}

fn l2(symbol: &str, price: &str, is_first: bool) -> String {
    let rest = if is_first { r#","trades":[],"auction_events":[]"# } else { "" };
    format!(r#"{{"type":"l2_updates","symbol":"{symbol}","changes":[["buy","{price}","1"]]{rest}}}"#)
}

/// A recording of market data v2 contains an update that cannot be decoded. Its book is stale until a frame of the
/// symbol looks like the first one of a subscription. A client treats such an update in the same way.
#[test]
fn a_lost_update_of_a_recording_of_v2_makes_its_book_stale() {
    for (bad, eth_is_lost) in [
        (l2("BTCUSD", "nine", false), false),
        (r#"{"type":"l2_updates","symbol":"BTC"#.to_owned(), true),
        (r#"{"type":"heartbeat","timestamp":"#.to_owned(), false),
    ] {
        let (mut replay, mut scratch, mut books) =
            (Replay::new(Endpoint::MarketDataV2), Scratch::new(), Books::new());
        let gaps = Cell::new(0);
        let mut hear = |frame: &str| {
            if let Ok(Some(event)) = replay.event(frame, &mut scratch) {
                gaps.set(gaps.get() + usize::from(matches!(event, Event::Gap { .. })));
                books.apply(&event);
            }
            [books.live("btcusd").is_some(), books.live("ethusd").is_some()]
        };
        hear(&l2("BTCUSD", "90", true));
        assert_eq!(hear(&l2("ETHUSD", "9", true)), [true, true]);
        hear(&bad);
        let btc_is_lost = !bad.contains("heartbeat");
        assert_eq!(hear(&l2("BTCUSD", "91", false))[0], !btc_is_lost, "{bad}");
        assert_eq!(hear(&l2("BTCUSD", "92", false))[0], !btc_is_lost, "{bad}");
        assert_eq!(hear(&l2("ETHUSD", "8", false)), [!btc_is_lost, !eth_is_lost], "{bad}");
        assert_eq!(gaps.get(), usize::from(btc_is_lost) + usize::from(eth_is_lost), "{bad}");
        hear(&l2("ETHUSD", "7", true));
        assert_eq!(hear(&l2("BTCUSD", "90", true)), [true, true], "{bad}");
        assert_eq!(hear(&l2("BTCUSD", "91", false)), [true, true], "{bad}");
    }
}

/// Two sources deliver a book of one symbol. The application removes the endpoint of the book that `Books` does not
/// show. When the other source ends, no current book remains.
#[test]
fn a_hidden_book_ends_with_its_link() {
    let first = r#"{"type":"update","eventId":5,"socket_sequence":0,"events":[{"type":"change","side":"bid","price":"99","remaining":"1","reason":"initial"}]}"#;
    let (mut fed, links) = pair(["ws://v/v1/marketdata/btcusd", "ws://v"]);
    fed.feed_over(links[0], 1, first);
    fed.client.subscribe(t(2), "btcusd@depth".parse().unwrap()).unwrap();
    fed.link = links[1];
    fed.acknowledge(2);
    fed.feed(3, &depth(5, 5, 90));
    assert!(fed.books.live("btcusd").is_some());
    let endpoint = fed.client.links().find(|(link, ..)| *link == links[0]).unwrap().1;
    fed.client.remove(t(4), endpoint).unwrap();
    fed.poll();
    fed.client.handle_lost(links[0], t(5), Lost::Closed { code: Some(1000) });
    fed.poll();
    assert!(fed.books.live("btcusd").is_some());
    fed.client.handle_lost(links[1], t(6), Lost::Reset);
    fed.poll();
    assert!(fed.books.live("btcusd").is_none(), "{:#?}", fed.log);
}

/// A width in a format pads every text that a program may print in columns, here the reason of a change.
#[test]
fn a_width_pads_a_text_of_a_frame() {
    let frame = r#"{"type":"update","eventId":5,"socket_sequence":0,"events":[{"type":"change","side":"bid","price":"99","remaining":"1","reason":"place"}]}"#;
    let mut scratch = Scratch::new();
    let Ok(Message::MarketUpdate(update)) = Endpoint::MarketDataV1.decode(frame, &mut scratch) else {
        panic!()
    };
    let Some(gemini_ws::MarketEntry::Change(change)) = update.entries.iter().next() else { panic!() };
    assert_eq!(format!("{:>8}|{:<8}|", change.reason, change.reason), "   place|place   |");
}

/// It is unknown how the venue reads a value of `top_of_book` other than `true` and `false`. So with such a value no
/// book is whole.
#[test]
fn an_odd_value_of_a_parameter_makes_no_book_whole() {
    for (value, is_whole) in [("true", false), ("TRUE", false), ("1", false), ("", false), ("false", true)] {
        let mut fed = Fed::new(Config::new(format!("ws://v/v1/marketdata/btcusd?top_of_book={value}")));
        fed.feed(1, &change(0, "initial", "bid", "BTCUSD", 100));
        let bids = fed.books.live("btcusd").unwrap().bids();
        assert_eq!(bids.is_whole(), is_whole, "{value}");
    }
}

/// With `Overflow::Latest`, a newer mark price replaces a waiting one of the same stream, but is not moved before a
/// waiting frame with several mark prices. So the newest mark price is always the last.
#[test]
fn the_newest_mark_price_comes_last() {
    let frame = |prices: &[u32]| {
        let row = |price: &u32| format!(r#"{{"timestamp":1,"mark_price":"{price}"}}"#);
        let rows: Vec<String> = prices.iter().map(row).collect();
        let rows = rows.join(",");
        format!(r#"{{"type":"mark_price_updates","symbol":"BTCGUSDPERP","changes":[{rows}]}}"#)
    };
    let (mut replay, mut scratch) = (Replay::new(Endpoint::MarketDataV2), Scratch::new());
    let mut queue = EventQueue::new(Overflow::Latest);
    for prices in [&[1][..], &[2, 3], &[4], &[5], &[6, 7]] {
        queue.push(&replay.event(&frame(prices), &mut scratch).unwrap().unwrap());
    }
    let mut found = Vec::new();
    while let Some(mut event) = queue.take() {
        for part in event.as_event().parts() {
            let Event::MarkPrice(price, _) = part else { panic!("{part:?}") };
            found.push(price.mark_price.to_string());
        }
    }
    assert_eq!(found, ["1", "2", "3", "5", "6", "7"]);
}

/// With `Overflow::Latest`, newer data does not take a place before a frame that may be about its stream: one that
/// cannot be decoded, or a partial depth without a symbol. Before the frame that cannot be decoded, the application
/// would take the newer data for stale.
#[test]
fn newer_data_does_not_overtake_a_frame_that_may_be_of_its_stream() {
    let ticker =
        |price: u32| format!(r#"{{"u":1,"E":1,"s":"btcusd","b":"{price}","B":"1","a":"900","A":"1"}}"#);
    let partial = |symbol: &str, price: u32| {
        format!(r#"{{"lastUpdateId":1,{symbol}"bids":[["{price}","1"]],"asks":[]}}"#)
    };
    let named = |price| partial(r#""symbol":"btcusd","#, price);
    let broken = ticker(2).replace('}', "");
    for (stream, frames) in [
        ("btcusd@bookTicker", [ticker(1), broken, ticker(3)]),
        ("btcusd@depth20", [named(1), partial("", 2), named(3)]),
    ] {
        let mut fed = Fed::new(Config::new("ws://v"));
        fed.client.subscribe(t(0), stream.parse().unwrap()).unwrap();
        let (mut queue, mut scratch) = (EventQueue::new(Overflow::Latest), Scratch::new());
        for frame in &frames {
            let event = fed.client.handle_frame(fed.link, t(1), Frame::Text(frame), &mut scratch);
            queue.push(&event.unwrap());
        }
        assert_eq!((queue.replaced(), queue.dropped()), (1, 0), "{stream}");
        for frame in &frames[1..] {
            assert_eq!(queue.take().unwrap().as_event().source().unwrap().frame(), frame, "{stream}");
        }
        assert!(queue.is_empty(), "{stream}");
    }
}
