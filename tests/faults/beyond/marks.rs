//! Faults of frames of market data v2 that look like the first frame of a book, or fail to look like it.

use gemini_ws::{Books, Endpoint, Replay, Scratch};

const FIRST: &str = r#"{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","99","1"],["buy","98","1"],["sell","101","1"]],"trades":[],"auction_events":[]}"#;
const UPDATE: &str = r#"{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","97","1"]]}"#;

/// Returns the number of bids of the book if it is current.
fn bids(books: &Books, symbol: &str) -> Option<usize> {
    books.live(symbol).map(|book| book.bids().len())
}

/// If the first frame of a symbol may be lost, the next one is not its book, unless it looks initial.
#[test]
fn a_recorded_book_begins_only_with_a_whole_book() {
    let broken = FIRST.replace("98\",\"1", "98\",\"x");
    let other = UPDATE.replace("BTCUSD", "ETHUSD");
    for (lost, spoils_others) in [(broken.as_str(), false), ("{", true), (r#"{"type":"trade"}"#, false)] {
        let is_depth = !lost.contains(r#""trade""#);
        let (mut replay, mut books) = (Replay::new(Endpoint::MarketDataV2), Books::new());
        let mut scratch = Scratch::new();
        assert!(replay.event(lost, &mut scratch).is_err(), "{lost}");
        let mut feed = |frame: &str| {
            let event = replay.event(frame, &mut scratch).unwrap();
            event.as_ref().map(|event| books.apply(event));
            (event.is_some(), bids(&books, "btcusd"), bids(&books, "ethusd"))
        };
        let btcusd = (!is_depth).then_some(1);
        assert_eq!(feed(UPDATE), (!is_depth, btcusd, None), "{lost}");
        let ethusd = (!spoils_others).then_some(1);
        assert_eq!(feed(&other), (!spoils_others, btcusd, ethusd), "{lost}");
        assert_eq!(feed(FIRST), (true, Some(2), ethusd), "{lost}");
        assert_eq!(feed(UPDATE), (true, Some(3), ethusd), "{lost}");
    }
}
