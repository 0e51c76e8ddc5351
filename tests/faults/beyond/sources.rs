//! Faults of books that come from several sources, and of books of market data v1 whose beginning is missing.

use gemini_ws::Config;

use super::fed::Fed;

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
