//! Compares books with a plain map, with a second implementation of the rules for books, and with the books that
//! belong to recordings.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use gemini_ws::{
    Applied, Book, BookSide, Books, Config, Decimal, Endpoint, Event, Level, Message, OrderBook, Replay,
    Scratch, StaleReason, decode,
};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use testkit::fed::{Client, STREAMS, depth};
use testkit::frames;

// ---- against a plain map -------------------------------------------------------------------

/// Generates prices that are often equal, so that levels coincide. Equal prices have different numbers of decimals,
/// because books must compare prices by value.
fn price() -> impl Strategy<Value = String> {
    (1_u32..60, 0_usize..3).prop_map(|(units, zeros)| format!("{units}.5{}", "0".repeat(zeros)))
}

fn quantity() -> impl Strategy<Value = String> {
    prop_oneof![2 => Just("0".to_owned()), 1 => Just("0.000".to_owned()), 5 => (1_u32..1_000).prop_map(|q| format!("{q}"))]
}

fn levels() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec((price(), quantity()), 0..12)
}

fn json(levels: &[(String, String)]) -> String {
    let levels: Vec<String> =
        levels.iter().map(|(price, quantity)| format!("[\"{price}\",\"{quantity}\"]")).collect();
    levels.join(",")
}

#[derive(Default)]
struct Plain {
    bids: BTreeMap<Decimal, Decimal>,
    asks: BTreeMap<Decimal, Decimal>,
}

fn set(side: &mut BTreeMap<Decimal, Decimal>, levels: &[Level]) {
    for level in levels {
        side.remove(&level.price);
        if !level.quantity.is_zero() {
            side.insert(level.price, level.quantity);
        }
    }
}

fn pairs(side: &BookSide) -> Vec<(Decimal, Decimal)> {
    side.iter().map(|level| (level.price, level.quantity)).collect()
}

proptest! {
    #[test]
    fn agrees_with_a_plain_map(frames in prop::collection::vec((levels(), levels(), prop::bool::weighted(0.1)), 1..40)) {
        let (mut scratch, mut book, mut plain) = (Scratch::new(), OrderBook::new(), Plain::default());
        for (number, (bids, asks, snapshot)) in frames.iter().enumerate() {
            let (first, last) = (number as u64, number as u64 + 1);
            let frame = format!(
                r#"{{"e":"depthUpdate","E":1,"s":"x","U":{first},"u":{last},"b":[{}],"a":[{}]}}"#,
                json(bids), json(asks)
            );
            let Ok(Message::Depth(depth)) = decode(&frame, &mut scratch) else { panic!("{frame}") };
            if *snapshot {
                book.replace(&depth);
                plain = Plain::default();
            } else {
                prop_assert_eq!(book.apply(&depth), Applied::Changed);
            }
            set(&mut plain.bids, depth.bids);
            set(&mut plain.asks, depth.asks);
            let bids: Vec<_> = plain.bids.iter().rev().map(|(price, quantity)| (*price, *quantity)).collect();
            let asks: Vec<_> = plain.asks.iter().map(|(price, quantity)| (*price, *quantity)).collect();
            prop_assert_eq!(pairs(book.bids()), bids);
            prop_assert_eq!(pairs(book.asks()), asks);
            for (price, quantity) in &plain.bids {
                prop_assert_eq!(book.bids().quantity(*price), *quantity);
            }
        }
    }
}

// ---- against the rules ---------------------------------------------------------------------

/// A book that follows the rules for books, computed without `Books`.
#[derive(Default)]
struct Shadow {
    levels: Plain,
    last: Option<u64>,
}

impl Shadow {
    fn fold(&mut self, frame: &str) {
        let mut scratch = Scratch::new();
        let Ok(Message::Depth(depth)) = decode(frame, &mut scratch) else { panic!("{frame}") };
        set(&mut self.levels.bids, depth.bids);
        set(&mut self.levels.asks, depth.asks);
        self.last = depth.last_update_id;
    }
}

proptest! {
    /// I-60, I-61, I-63, I-64: whatever frames come, a current book consists of one snapshot and all later updates,
    /// from one link and one subscription. The book is not crossed and has no empty level.
    #[test]
    fn a_live_book_is_a_fold(steps in prop::collection::vec((0_u8..12, 90_u64..110, 0_u64..3), 1..80)) {
        // A book is stable when it has been current for a millisecond, so the client treats each loss like the first
        // one.
        let config = Config::new(STREAMS).stable_after(Duration::from_millis(1));
        let (mut client, mut id) = (Client::with(config), 100);
        // `None` if the true book is not known.
        let mut shadow: Option<Shadow> = None;
        let mut awaits_snapshot = true;
        for (step, price, quantity) in steps {
            let (bid, ask) = (format!("{quantity}x{price}"), format!("{}x{}", quantity + 1, price + 4));
            match step {
                0 => {
                    id += 10;
                    let frame = depth(id, id, &bid, &ask);
                    client.feed(&frame);
                    client.pass(Duration::from_millis(1));
                    // If the book is current, this frame is a gap for the client. The gap causes a resync, but never
                    // a wrong book.
                    let mut book = Shadow::default();
                    book.fold(&frame);
                    shadow = awaits_snapshot.then_some(book);
                    awaits_snapshot = false;
                }
                1 => {
                    id += 20;
                    client.feed(&depth(id - 10, id, &bid, &ask));
                    shadow = None;
                }
                2 => {
                    client.feed(&depth(id.saturating_sub(10), id, &bid, &ask));
                }
                3 => {
                    client.unanswered.clear();
                    client.reopen();
                    (shadow, awaits_snapshot) = (None, true);
                }
                4 => {
                    let resyncing = !awaits_snapshot && shadow.is_none();
                    client.answer();
                    awaits_snapshot |= resyncing;
                }
                5 => {
                    client.resync();
                    shadow = None;
                }
                _ => {
                    let frame = depth(id, id + 10, &bid, &ask);
                    id += 10;
                    client.feed(&frame);
                    if let Some(shadow) = &mut shadow {
                        shadow.fold(&frame);
                    }
                }
            }
            let Some(book) = client.books.get("btcusd") else {
                prop_assert!(shadow.is_none());
                continue;
            };
            let shown = match (book, &shadow) {
                (Book::Live(book), Some(_)) => book,
                (Book::Stale { reason: StaleReason::Crossed, last }, Some(_)) => {
                    prop_assert!(last.is_crossed());
                    last
                }
                (Book::Stale { .. }, None) => continue,
                (book, shadow) => panic!("{book:?} and {}", shadow.is_some()),
            };
            prop_assert!(!shown.is_crossed() || book.live().is_none());
            let shadow = shadow.as_ref().unwrap();
            let bids: Vec<_> = shadow.levels.bids.iter().rev().map(|(price, quantity)| (*price, *quantity)).collect();
            let asks: Vec<_> = shadow.levels.asks.iter().map(|(price, quantity)| (*price, *quantity)).collect();
            prop_assert_eq!((pairs(shown.bids()), pairs(shown.asks())), (bids, asks));
            prop_assert_eq!(shown.last_update_id(), shadow.last);
        }
    }
}

// ---- recordings ----------------------------------------------------------------------------

/// Computes the hash that the index of the recordings defines.
fn hash(book: &OrderBook) -> String {
    let mut text = String::new();
    for (letter, side) in [('b', book.bids()), ('a', book.asks())] {
        for level in side {
            writeln!(text, "{letter} {} {}", level.price.normalized(), level.quantity.normalized()).unwrap();
        }
    }
    Sha256::digest(text).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

/// Applies frames to new books. Returns the books and the number of gaps.
fn play<'t>(frames: impl Iterator<Item = &'t str>) -> (Books, usize) {
    let (mut scratch, mut replay, mut books, mut gaps) =
        (Scratch::new(), Replay::new(Endpoint::Streams), Books::new(), 0);
    for frame in frames {
        if let Some(event) = replay.event(frame, &mut scratch).unwrap() {
            gaps += usize::from(matches!(event, Event::Gap { .. }));
            books.apply(&event);
        }
    }
    (books, gaps)
}

fn recording() -> Option<Vec<String>> {
    let name = "dev_ws_gemini_perps.jsonl";
    let mut found = frames::recordings(|file| file == name)?;
    Some(found.remove(0).text.lines().map(str::to_owned).collect())
}

#[test]
fn the_recording_yields_the_known_books() {
    let Some(frames) = recording() else { return };
    let (books, gaps) = play(frames.iter().map(String::as_str));
    let folder = std::env::var("GEMINI_WS_FRAMES").unwrap_or_else(|_| "../shared/frames".to_owned());
    let golden = std::fs::read_to_string(format!("{folder}/golden/dev_ws_gemini_perps.json")).unwrap();
    let golden: serde_json::Value = serde_json::from_str(&golden).unwrap();
    let golden = golden["books"].as_object().unwrap();
    assert_eq!((gaps, books.iter().count()), (0, golden.len()));
    for (symbol, known) in golden {
        let book = books.get(symbol).and_then(Book::live).expect(symbol);
        assert_eq!(book.last_update_id().unwrap().to_string(), known["last_u"].to_string(), "{symbol}");
        assert_eq!(book.bids().len().to_string(), known["bids"].to_string(), "{symbol}");
        assert_eq!(book.asks().len().to_string(), known["asks"].to_string(), "{symbol}");
        assert_eq!(hash(book), known["sha256"].as_str().unwrap(), "{symbol}");
    }
}

/// Plays the recording with each depth frame repeated, which changes no book. If a book has earlier and later frames
/// than this one, also plays the recording without this frame, which causes one gap.
#[test]
fn the_recording_without_a_frame_and_with_one_twice() {
    let Some(frames) = recording() else { return };
    let (whole, _) = play(frames.iter().map(String::as_str));
    let mut scratch = Scratch::new();
    let symbols: Vec<Option<String>> = frames
        .iter()
        .map(|frame| match decode(frame, &mut scratch) {
            Ok(Message::Depth(depth)) => Some(depth.symbol.to_owned()),
            _ => None,
        })
        .collect();
    let mut lost = 0;
    for (number, symbol) in symbols.iter().enumerate() {
        let Some(symbol) = symbol else { continue };
        let before = symbols[..number].contains(&Some(symbol.clone()));
        let after = symbols[number + 1..].contains(&Some(symbol.clone()));
        let twice = frames
            .iter()
            .enumerate()
            .flat_map(|(at, frame)| vec![frame.as_str(); 1 + usize::from(at == number)]);
        let (books, gaps) = play(twice);
        assert_eq!(gaps, 0, "frame {number} twice");
        for (name, book) in whole.iter() {
            let other = books.get(name.as_str()).and_then(Book::live).expect("live");
            assert_eq!(hash(book.last()), hash(other), "frame {number} twice: {name}");
        }
        if before && after {
            let without =
                frames.iter().enumerate().filter(|(at, _)| *at != number).map(|(_, frame)| frame.as_str());
            let (books, gaps) = play(without);
            assert_eq!(gaps, 1, "without frame {number}");
            assert!(matches!(books.get(symbol), Some(Book::Stale { .. })), "without frame {number}");
            lost += 1;
        }
    }
    assert!(lost > 20, "{lost} frames lost");
}

/// The update after the snapshot changes nothing, because the snapshot already contains it. The book has asks far
/// from the best one and prices with ten decimals. The last frame is the snapshot of a new subscription.
#[test]
fn a_difficult_recording() {
    let frames = [
        r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":50,"u":50,"b":[["83361.2500000000","2.1251919908"],["83336.25","0.0051857156"]],"a":[["83361.2600000000","0.1"],["9000000000000.0000000000","0.0000000001"]]}"#,
        r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":40,"u":50,"b":[["83336.2500000000","0.0051857156"]],"a":[]}"#,
        r#"{"e":"depthUpdate","E":2,"s":"btcusd","U":50,"u":61,"b":[["83361.25","0.0000000000"],["1.00","0"]],"a":[["9000000000001","1"]]}"#,
    ];
    let (books, gaps) = play(frames.into_iter());
    let book = books.get("btcusd").and_then(Book::live).unwrap();
    assert_eq!((gaps, book.bids().len(), book.asks().len(), book.last_update_id()), (0, 1, 3, Some(61)));
    assert_eq!(book.bids().best().unwrap().price.normalized().to_string(), "83336.25");
    let worst: Vec<String> = book.asks().iter().map(|level| level.price.normalized().to_string()).collect();
    assert_eq!(worst, ["83361.26", "9000000000000", "9000000000001"]);

    let snapshot = r#"{"e":"depthUpdate","E":3,"s":"btcusd","U":70,"u":70,"b":[["2","1"]],"a":[["3","1"]]}"#;
    let (books, gaps) = play(frames.into_iter().chain([snapshot]));
    let book = books.get("btcusd").and_then(Book::live).unwrap();
    assert_eq!((gaps, book.bids().len(), book.asks().len()), (0, 1, 1), "no level of the old book is left");
}
