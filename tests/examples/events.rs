//! Tests what the frames of the examples mean: their events, and the book after them.

use std::collections::BTreeMap;
use std::fmt::Write;

use gemini_ws::{Book, BookSide, Books, Event, OrderBook, Replay, Scratch};

use super::fields;
use super::reference::{self, Block};

/// Creates working memory that knows the symbol of its connection. Frames of market data v1 need not name the
/// symbol.
fn scratch() -> Scratch {
    let mut scratch = Scratch::new();
    scratch.set_symbol("btcusd".parse().ok());
    scratch
}

fn kind(event: &Event<'_>) -> String {
    fields::parts(event).remove("kind").unwrap()
}

/// Formats an event on a line: its kind, then its fields.
fn line(event: &Event<'_>) -> String {
    let mut fields = fields::parts(event);
    let mut line = fields.remove("kind").unwrap();
    for (field, value) in fields.iter().filter(|(_, value)| *value != "none") {
        write!(line, ", {field} = {value}").unwrap();
    }
    line
}

/// Each example, as the first frame of its connection, becomes the events that its table lists.
#[test]
fn each_example_has_its_events() {
    for block in reference::documented().values() {
        check(block, block.file.split_once('/').unwrap().1);
    }
    let blocks = reference::blocks();
    let Some(examples) = reference::examples() else { return };
    for example in examples.iter().filter(|example| example.is_sent_by_venue) {
        check(&blocks[example.file.as_str()], &example.text);
    }
}

fn check(block: &Block, frame: &str) {
    let mut scratch = scratch();
    let event = Replay::new(reference::endpoint(block.file)).event(frame, &mut scratch).unwrap();
    let found: Vec<String> = event.iter().flat_map(|event| event.parts()).map(|event| kind(&event)).collect();
    assert_eq!(found, block.events, "{}", block.file);
}

/// Tests frames whose event has several parts. The event of any other frame is the payload of its message, and
/// `fields.rs` tests the fields of messages.
#[test]
fn events_that_a_frame_is_taken_apart_into() {
    let mut expected: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut file = "";
    for line in include_str!("events.txt").lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        match line.strip_prefix("    ") {
            Some(event) => expected.get_mut(file).unwrap().push(event),
            None => {
                file = line;
                assert!(expected.insert(file, Vec::new()).is_none(), "{file} stands there twice");
            }
        }
    }
    let blocks = reference::blocks();
    let Some(examples) = reference::examples() else { return };
    let mut scratch = scratch();
    for example in examples.iter().filter(|example| example.is_sent_by_venue) {
        let file = example.file.as_str();
        let several = ["l2_updates", "mark_prices", "funding_amounts", "market_update"];
        if !several.contains(&blocks[file].kind) {
            continue;
        }
        let event = Replay::new(reference::endpoint(file)).event(&example.text, &mut scratch);
        let event = event.unwrap().expect(file);
        let found: Vec<String> = event.parts().map(|event| line(&event)).collect();
        assert_eq!(found, expected.remove(file).expect(file), "{file}");
    }
    assert!(expected.is_empty(), "no such examples: {:?}", expected.keys());
}

/// What is expected after each frame: the file, its event, the number of levels, and the best of each side.
type Row = (&'static str, Option<&'static str>, [usize; 2], Option<&'static str>, Option<&'static str>);

/// Replays a folder as the frames of one connection.
fn play(folder: &str, symbol: &str, rows: &[Row]) {
    let Some(examples) = reference::examples() else { return };
    let (mut scratch, mut books) = (scratch(), Books::new());
    let mut replay = Replay::new(reference::endpoint(folder));
    let mut rows = rows.iter();
    for example in examples {
        let Some(file) = example.file.strip_prefix(folder) else { continue };
        let event = replay.event(&example.text, &mut scratch).unwrap();
        if let Some(event) = &event {
            books.apply(event);
        }
        let kinds: Vec<String> =
            event.iter().flat_map(|event| event.parts()).map(|event| kind(&event)).collect();
        let (name, kind, sizes, bid, ask) = rows.next().expect(file);
        assert_eq!((file, kinds), (*name, kind.iter().map(|kind| kind.to_string()).collect()));
        let book = books.get(symbol).and_then(Book::live);
        assert_eq!(book.map_or([0, 0], |book| [book.bids().len(), book.asks().len()]), *sizes, "{file}");
        let best = |side: fn(&OrderBook) -> &BookSide| {
            side(book?).best().map(|level| format!("{} {}", level.price, level.quantity))
        };
        assert_eq!(best(OrderBook::bids).as_deref(), *bid, "{file}");
        assert_eq!(best(OrderBook::asks).as_deref(), *ask, "{file}");
    }
    assert_eq!(rows.next(), None, "a row without a frame");
}

/// Replays a snapshot, a ticker older than it, an update that it already contains, and updates in order.
#[test]
#[rustfmt::skip]
fn a_book_of_the_current_api() {
    let [bid, ask] = ["83361.25000 0.0102979000", "83361.26000 0.0122571700"].map(Some);
    let [later_bid, later_ask] = ["83361.15000 0.0402856400", "83361.16000 0.0102981300"].map(Some);
    play("ws-gemini-com/sequence.btcusd/", "btcusd", &[
        ("01.snapshot_excerpt.json", Some("depth_snapshot"), [12, 19], bid, ask),
        ("02.book_ticker_older_than_snapshot.json", Some("book_ticker"), [12, 19], bid, ask),
        ("03.delta_stale.json", None, [12, 19], bid, ask),
        ("04.delta_chained.json", Some("depth_update"), [12, 19], bid, ask),
        ("05.delta_chained.json", Some("depth_update"), [12, 22], later_bid, later_ask),
        ("06.delta_chained.json", Some("depth_update"), [12, 22], later_bid, later_ask),
        ("07.delta_chained.json", Some("depth_update"), [13, 22], later_bid, later_ask),
    ]);
}

/// In a recording with `top_of_book`, each frame has only the new best level of a side. It replaces the previous best
/// level, although no frame removes that level.
#[test]
#[rustfmt::skip]
fn the_best_level_of_market_data_v1() {
    play("marketdata-v1/sequence.top_of_book/", "btcusd", &[
        ("01.initial.json", Some("depth_snapshot"), [0, 1], None, Some("11386.12 1.307")),
        ("02.change.json", Some("top_of_book"), [0, 1], None, Some("11386.62 1")),
        ("03.change.json", Some("top_of_book"), [0, 1], None, Some("11386.12 1.3148")),
        ("04.change.json", Some("top_of_book"), [0, 1], None, Some("11387.16 0.072949")),
        ("05.change.json", Some("top_of_book"), [0, 1], None, Some("11389.22 0.06204196")),
    ]);
}

/// Replays frames from the middle of a connection. Each frame has its event, but there is no book, because the first
/// frame is missing.
#[test]
#[rustfmt::skip]
fn the_best_levels_of_multi_market_data() {
    play("marketdata-v1/sequence.multimarket_top_of_book/", "ETHUSD", &[
        ("01.json", Some("top_of_book"), [0, 0], None, None),
        ("02.json", Some("top_of_book"), [0, 0], None, None),
        ("03.json", Some("top_of_book"), [0, 0], None, None),
        ("04.json", Some("top_of_book"), [0, 0], None, None),
    ]);
}
