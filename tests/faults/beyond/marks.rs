//! Faults of frames of market data v2 that look like the first frame of a book, or fail to look like it.

use gemini_ws::lifecycle::StreamState;
use gemini_ws::{Books, Config, Endpoint, Replay, Scratch};

use super::fed::{Fed, s, t};

const FIRST: &str = r#"{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","99","1"],["buy","98","1"],["sell","101","1"]],"trades":[],"auction_events":[]}"#;
const UPDATE: &str = r#"{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","97","1"]]}"#;

fn bids(books: &Books, symbol: &str) -> Option<usize> {
    books.live(symbol).map(|book| book.bids().len())
}

/// A frame of a recording cannot be decoded, and may have been the first frame of a symbol. The next frame of this
/// symbol is then its book only if it looks like a first frame.
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

/// On market data v2, a frame is the book if it is the first one after the request. A later frame with
/// `auction_events` may be the whole book or a change, so the client requests the book again.
#[test]
fn a_frame_that_looks_initial_does_not_replace_a_current_book() {
    let mut fed = Fed::new(Config::new("ws://v/v2/marketdata"));
    fed.client.subscribe(t(1), s("btcusd@depth")).unwrap();
    fed.poll();
    fed.feed(2, FIRST);
    fed.sent.clear();
    fed.feed(3, &UPDATE.replace("}", r#","auction_events":[]}"#));
    assert!(fed.log.last().unwrap().starts_with("Gap"), "{:?}", fed.log.last());
    assert_eq!((bids(&fed.books, "btcusd"), fed.books.get("btcusd").unwrap().last().bids().len()), (None, 2));
    fed.feed(4, UPDATE);
    assert_eq!(bids(&fed.books, "btcusd"), None);
    fed.wait(20_000);
    let requests: Vec<bool> = fed.sent.iter().map(|text| text.contains("unsubscribe")).collect();
    assert_eq!(requests, [true, false]);
    fed.feed(20_001, FIRST);
    assert_eq!(bids(&fed.books, "btcusd"), Some(2));
    assert_eq!(fed.client.streams().next().unwrap().2, StreamState::Synced);
}
