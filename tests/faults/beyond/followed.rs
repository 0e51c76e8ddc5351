//! Faults of books that follow a recording or several sources.

use gemini_ws::{Book, Config, Lost, StaleReason};

use super::fed::{Fed, pair, t};

fn top(side: &str, symbol: &str, price: u32) -> String {
    format!(
        r#"{{"type":"change","side":"{side}","price":"{price}","remaining":"1","reason":"top-of-book","symbol":"{symbol}"}}"#
    )
}

fn tops(sequence: u64, entries: &[(&str, &str, u32)]) -> String {
    let entries: Vec<String> =
        entries.iter().map(|(side, symbol, price)| top(side, symbol, *price)).collect();
    format!(
        r#"{{"type":"update","eventId":{sequence},"socket_sequence":{sequence},"events":[{}]}}"#,
        entries.join(",")
    )
}

/// The best levels of one frame belong to one event of the venue, in whatever order the frame lists its symbols.
#[test]
fn the_best_levels_of_a_frame_cross_no_book_in_whatever_order_they_come() {
    let url = "ws://v/v1/multimarketdata?symbols=BTCUSD,ETHUSD&top_of_book=true";
    let mut fed = Fed::new(Config::new(url));
    let frames = [
        [("bid", "BTCUSD", 100), ("bid", "ETHUSD", 10), ("ask", "BTCUSD", 101), ("ask", "ETHUSD", 11)],
        [("bid", "BTCUSD", 102), ("bid", "ETHUSD", 12), ("ask", "btcusd", 103), ("ask", "ETHUSD", 13)],
        [("ask", "BTCUSD", 99), ("ask", "ETHUSD", 9), ("bid", "ETHUSD", 8), ("bid", "BTCUSD", 98)],
    ];
    for (sequence, entries) in (0..).zip(&frames) {
        fed.feed(1, &tops(sequence, entries));
        assert_eq!(fed.books.crossed(), 0, "{entries:?}");
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

/// The application removes the endpoint of a book that another source hides. When that source ends, no book remains.
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
