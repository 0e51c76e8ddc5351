//! Tests `/v1/marketdata/{symbol}` and `/v1/multimarketdata`: the options in the URL and the frames.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::common::archived::{Levels, decimal, json, names, text, upgrade, upgrade_as};
use crate::common::{CLIENT, Venue, market, symbol};
use gemini_ws::{Decimal, Frame, Instant};
use gemini_ws_simulator::{Output, Recording, SessionId};
use serde_json::Value;

const SECOND: Duration = Duration::from_secs(1);
const NAMES: [&str; 6] = ["btcusd", "ethusd", "btcgusdperp", "audusd", "x3usd", "x7usd"];

fn venue(names: &[&str], events: u32, seed: u64) -> Venue {
    Venue::new(market(names).events_per_second(events), seed)
}

fn open(venue: &mut Venue, target: &str) -> Vec<String> {
    upgrade_as(&mut venue.exchange, CLIENT, venue.now, target).unwrap();
    venue.texts()
}

#[derive(Default)]
struct Follower {
    is_top_of_book: bool,
    /// The books by symbol. In a session for one symbol, the name is empty.
    books: BTreeMap<String, Levels>,
    sequence: u64,
    last_event_id: u64,
    /// The number of entries of each kind, and the number of changes for each reason.
    counts: BTreeMap<String, u32>,
    heartbeats: u32,
}

impl Follower {
    fn new(is_top_of_book: bool) -> Follower {
        Follower { is_top_of_book, ..Follower::default() }
    }

    fn count(&self, name: &str) -> u32 {
        self.counts.get(name).copied().unwrap_or(0)
    }

    fn take(&mut self, texts: &[String]) {
        for frame in texts {
            let value = json(frame);
            assert_eq!(value["socket_sequence"].as_u64(), Some(self.sequence), "{frame}");
            self.sequence += 1;
            if text(&value, "type") == "heartbeat" {
                assert_eq!(names(&value).len(), 2, "{frame}");
                self.heartbeats += 1;
                continue;
            }
            assert_eq!(text(&value, "type"), "update");
            let event_id = value["eventId"].as_u64().unwrap();
            let entries = value["events"].as_array().unwrap();
            let is_initial = value.get("timestamp").is_none();
            assert_eq!(value.get("timestampms").is_none(), is_initial, "{frame}");
            if !is_initial {
                assert!(event_id > self.last_event_id && !entries.is_empty(), "{frame}");
                let millis = value["timestampms"].as_i64().unwrap();
                assert_eq!(value["timestamp"].as_i64(), Some(millis / 1_000));
            }
            self.last_event_id = event_id;
            let mut traded = BTreeSet::new();
            for entry in entries {
                self.take_entry(entry, event_id, is_initial, &mut traded);
            }
            assert!(self.books.values().all(|book| !book.is_crossed()), "{frame}");
        }
    }

    fn take_entry(&mut self, entry: &Value, event_id: u64, is_initial: bool, traded: &mut BTreeSet<Decimal>) {
        let kind = text(entry, "type").to_owned();
        match kind.as_str() {
            "change" => {
                let symbol = entry.get("symbol").map_or("", |symbol| symbol.as_str().unwrap());
                let book = self.books.entry(symbol.to_owned()).or_default();
                let (side, reason) = (text(entry, "side"), text(entry, "reason").to_owned());
                let (price, remaining) = (decimal(&entry["price"]), decimal(&entry["remaining"]));
                assert_eq!(is_initial, reason == "initial", "{entry}");
                if reason == "top-of-book" {
                    assert!(self.is_top_of_book && entry.get("delta").is_none(), "{entry}");
                    book.replace(side, price, remaining);
                } else {
                    let delta = decimal(&entry["delta"]);
                    let former = book.set(side, price, remaining);
                    assert_eq!(former.checked_add(delta), Some(remaining), "{entry}");
                    match reason.as_str() {
                        "initial" => assert_eq!(delta, remaining),
                        "place" => assert!(!delta.is_negative() && !delta.is_zero(), "{entry}"),
                        "cancel" => assert!(delta.is_negative(), "{entry}"),
                        "trade" => assert!(delta.is_negative() && traded.contains(&price), "{entry}"),
                        other => panic!("{other}"),
                    }
                }
                *self.counts.entry(reason).or_default() += 1;
            }
            "trade" | "block_trade" => {
                assert_eq!(entry["tid"].as_u64(), Some(event_id), "{entry}");
                assert_eq!(entry.get("makerSide").is_some(), kind == "trade");
                traded.insert(decimal(&entry["price"]));
            }
            "auction_indicative" | "auction_result" => {
                let name = if kind == "auction_result" { "auction_price" } else { "indicative_price" };
                assert_eq!(entry["result"] == "success", entry.get(name).is_some(), "{entry}");
                // The trade of the auction comes before the auction's entry, in the same frame.
                let has_trade = entry["result"] == "success" && kind == "auction_result";
                assert!(!has_trade || traded.is_empty() || traded.contains(&decimal(&entry[name])));
            }
            "auction_open" => {}
            other => panic!("{other}"),
        }
        *self.counts.entry(kind).or_default() += 1;
    }
}

#[test]
fn books_agree_with_the_truth() {
    for (count, top_of_book) in [(usize::MAX, ""), (1, "&top_of_book=true")] {
        for seed in 0..6 {
            for name in NAMES {
                let mut venue = venue(&[name], 100, seed);
                venue.run(SECOND * 2);
                let mut follower = Follower::new(count == 1);
                let target = format!("/v1/marketdata/{name}?heartbeat=true{top_of_book}");
                follower.take(&open(&mut venue, &target));
                follower.take(&venue.run(SECOND * 20));
                venue.exchange.faults().halt_market(true);
                follower.take(&venue.run(SECOND * 2));
                let truth = Levels::of_book(&venue.exchange.book(symbol(name)).unwrap(), count);
                assert_eq!(follower.books[""], truth, "{name} {seed}");
                assert!(follower.sequence > 20 && follower.heartbeats == 4, "{name}");
            }
        }
    }
}

#[test]
fn several_symbols_on_one_sequence() {
    for (count, top_of_book) in [(usize::MAX, "false"), (1, "true")] {
        let mut venue = venue(&NAMES, 50, 9);
        let symbols = NAMES[..5].join(",").to_ascii_uppercase();
        let target =
            format!("/v1/multimarketdata?symbols={symbols}&heartbeat=true&top_of_book={top_of_book}");
        let mut follower = Follower::new(count == 1);
        let first = open(&mut venue, &target);
        assert_eq!(first.len(), 5, "a frame per symbol");
        follower.take(&first);
        follower.take(&venue.run(SECOND * 30));
        venue.exchange.faults().halt_market(true);
        follower.take(&venue.run(SECOND));
        assert_eq!(follower.books.len(), 5);
        for name in &NAMES[..5] {
            let truth = Levels::of_book(&venue.exchange.book(symbol(name)).unwrap(), count);
            assert_eq!(follower.books[&name.to_ascii_uppercase()], truth, "{name}");
        }
        assert!(follower.count("trade") > 20 && follower.heartbeats == 6);
    }
}

#[test]
fn filter_rule() {
    let kinds = |query: &str| {
        let mut venue = venue(&["btcusd"], 20, 2);
        let mut texts = open(&mut venue, &format!("/v1/marketdata/btcusd?{query}"));
        texts.extend(venue.run(SECOND * 1_200));
        let mut kinds = BTreeSet::new();
        for value in texts.iter().map(|text| json(text)) {
            for entry in value["events"].as_array().unwrap() {
                let names = ["type", "side", "reason"].map(|name| entry.get(name));
                kinds.extend(names.into_iter().flatten().map(|name| name.as_str().unwrap().to_owned()));
            }
        }
        kinds.remove("change");
        kinds.into_iter().collect::<Vec<_>>().join(" ")
    };
    let auctions = "auction_indicative auction_open auction_result";
    let book = "cancel initial place";
    for (query, expected) in [
        ("", format!("ask {auctions} bid block_trade cancel initial place trade")),
        ("top_of_book=true", format!("ask {auctions} bid block_trade initial top-of-book trade")),
        ("bids=true", format!("bid {book} trade")),
        ("offers=true", format!("ask {book} trade")),
        ("bids=true&offers=true&trades=false", format!("ask bid {book} trade")),
        ("bids=true&top_of_book=true", "bid initial top-of-book".to_owned()),
        ("trades=true", "block_trade trade".to_owned()),
        ("trades=true&top_of_book=true", "block_trade trade".to_owned()),
        ("auctions=true", auctions.to_owned()),
        ("trades=false", String::new()),
    ] {
        // A change may have the reason `trade` even if the session gets no trades.
        let mut expected: Vec<&str> = expected.split(' ').filter(|kind| !kind.is_empty()).collect();
        expected.sort_unstable();
        assert_eq!(kinds(query), expected.join(" "), "{query}");
    }
}

#[test]
fn first_frames() {
    let mut venue = venue(&["btcusd", "ethusd"], 0, 1);
    for (query, bids, asks) in [
        ("", usize::MAX, usize::MAX),
        ("top_of_book=true", 1, 1),
        ("bids=true", usize::MAX, 0),
        ("offers=true&top_of_book=true", 0, 1),
        ("trades=true&top_of_book=true", 0, 0),
    ] {
        let texts = open(&mut venue, &format!("/v1/marketdata/BTCUSD?{query}"));
        let [first] = texts.as_slice() else { panic!("{texts:?}") };
        let mut follower = Follower::default();
        follower.take(&texts);
        let truth = venue.exchange.book(symbol("btcusd")).unwrap();
        let book = follower.books.remove("").unwrap_or_default();
        assert_eq!(book.bids, Levels::of_book(&truth, bids).bids, "{first}");
        assert_eq!(book.asks, Levels::of_book(&truth, asks).asks, "{first}");
    }
}

#[test]
fn refusals() {
    let mut venue = venue(&["btcusd"], 20, 1);
    let symbol = r#"{"result":"error","reason":"InvalidSymbol"}"#;
    let parameter = r#"{"result":"error","reason":"InvalidParameter"}"#;
    for (target, status, body) in [
        ("/v1/marketdata/ethusd", 404, symbol),
        ("/v1/multimarketdata?symbols=BTCUSD,ETHUSD", 404, symbol),
        ("/v1/marketdata/btcusd?heartbeat=yes", 400, parameter),
    ] {
        let refusal = upgrade(&mut venue.exchange, target).unwrap_err();
        assert_eq!((refusal.status, refusal.body.as_str()), (status, body), "{target}");
    }
    assert_eq!((venue.exchange.session_count(), venue.exchange.stats().connections), (0, 0));
    assert!(venue.run(SECOND * 20).is_empty());
    // Recordings contain no frames of the archived endpoints.
    let config = gemini_ws_simulator::Config::recording(Recording::parse("").unwrap());
    let mut recorded = Venue::new(config, 1);
    for target in ["/v1/marketdata/btcusd", "/v2/marketdata"] {
        assert_eq!(upgrade(&mut recorded.exchange, target).unwrap_err().status, 404);
    }
}

#[test]
fn sessions_share_event_ids_and_nothing_else() {
    let mut venue = venue(&["btcusd"], 50, 3);
    let sessions = [SessionId(1), SessionId(2)];
    for session in sessions {
        upgrade_as(&mut venue.exchange, session, Instant::ZERO, "/v1/marketdata/btcusd").unwrap();
    }
    venue.exchange.handle_frame(CLIENT, Instant::ZERO, Frame::Text(r#"{"type":"subscribe"}"#));
    assert_eq!(venue.exchange.stats().ignored, 1, "nobody listens to the client");
    let outputs = venue.run_outputs(SECOND * 5);
    let texts = |of: SessionId| -> Vec<&str> {
        let outputs = outputs.iter().filter_map(|output| match output {
            Output::Send { session, text } if *session == of => Some(text.as_str()),
            Output::Send { .. } => None,
            other => panic!("{other:?}"),
        });
        outputs.collect()
    };
    let [first, second] = sessions.map(texts);
    assert!(first.len() > 100);
    assert!(first.iter().all(|text| text.starts_with(r#"{"type":"update","eventId":"#)));
    assert!(second.iter().all(|text| text.starts_with(r#"{"eventId":"#)), "members in another order");
    let values = |texts: &[&str]| texts.iter().map(|text| json(text)).collect::<Vec<Value>>();
    assert_eq!(values(&first), values(&second));
}

#[test]
fn lost_frames_are_a_jump() {
    let mut venue = venue(&["btcusd"], 50, 4);
    let mut follower = Follower::default();
    follower.take(&open(&mut venue, "/v1/marketdata/btcusd"));
    follower.take(&venue.run(SECOND));
    venue.exchange.faults().lose_frames(CLIENT, 3);
    let next = json(&venue.run(SECOND)[0]);
    assert_eq!(next["socket_sequence"].as_u64(), Some(follower.sequence + 3));
}

#[test]
fn the_same_seed_yields_the_same_bytes() {
    let run = |seed| {
        let mut venue = venue(&NAMES, 50, seed);
        let mut texts = open(&mut venue, "/v1/multimarketdata?symbols=btcusd,x3usd&heartbeat=true");
        texts.extend(venue.run(SECOND * 30));
        texts
    };
    assert!(run(1).len() > 500);
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
