//! Faults of books that come from several sources, and of books of market data v1 whose beginning is missing.

use gemini_ws::{Books, Config, Endpoint, Replay, Scratch};

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

/// One collection has two recordings of one symbol. Changes of one recording do not apply to the book of the other.
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
