//! Tests `/v2/marketdata`: the requests and the frames.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::common::archived::{Levels, decimal, json, names, text, upgrade, upgrade_as};
use crate::common::{CLIENT, Venue, market, symbol};
use gemini_ws::{Decimal, Instant};
use gemini_ws_simulator::{Output, SessionId};
use serde_json::Value;

const SECOND: Duration = Duration::from_secs(1);
const NAMES: [&str; 6] = ["btcusd", "ethusd", "btcgusdperp", "audusd", "x3usd", "x7usd"];

fn request(verb: &str, feeds: &[&str], symbols: &[&str]) -> String {
    let symbols = symbols.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",");
    let feeds = feeds.iter().map(|feed| format!(r#"{{"name":"{feed}","symbols":[{symbols}]}}"#));
    let feeds = feeds.collect::<Vec<_>>().join(",");
    format!(r#"{{"type":"{verb}","subscriptions":[{feeds}]}}"#)
}

fn venue(names: &[&str], events: u32, seed: u64) -> Venue {
    let mut venue = Venue::new(market(names).events_per_second(events), seed);
    upgrade(&mut venue.exchange, "/v2/marketdata").unwrap();
    venue
}

fn upper(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| name.to_ascii_uppercase()).collect()
}

#[derive(Default)]
struct Follower {
    books: BTreeMap<String, Levels>,
    trades: BTreeMap<String, Vec<Value>>,
    auctions: BTreeMap<String, Vec<Value>>,
    heartbeats: Vec<i64>,
    deltas: u32,
    blocks: u32,
}

impl Follower {
    fn take(&mut self, texts: &[String]) {
        for frame in texts {
            let value = json(frame);
            match text(&value, "type") {
                "l2_updates" => self.take_level2(&value),
                "trade" => self.take_trade(&value),
                "auction_indicative" | "auction_result" => {
                    assert_eq!(
                        text(&value, "result") == "success",
                        value.get("auction_price").is_some() && value.get("auction_quantity").is_some(),
                        "{frame}"
                    );
                    let symbol = text(&value, "symbol").to_owned();
                    self.auctions.entry(symbol).or_default().push(value);
                }
                "heartbeat" => self.heartbeats.push(value["timestamp"].as_i64().unwrap()),
                other => panic!("{other}: {frame}"),
            }
        }
    }

    fn take_level2(&mut self, value: &Value) {
        let symbol = text(value, "symbol").to_owned();
        let levels = value["changes"].as_array().unwrap();
        let changes =
            levels.iter().map(|level| (level[0].as_str().unwrap(), decimal(&level[1]), decimal(&level[2])));
        let is_first = !self.books.contains_key(&symbol);
        assert_eq!(value.get("auction_events").is_some(), is_first, "{value}");
        let book = self.books.entry(symbol.clone()).or_default();
        if is_first {
            // All buys with falling prices come first, and then all sells with rising prices.
            let (buys, sells): (Vec<_>, Vec<_>) = changes.clone().partition(|(side, ..)| *side == "buy");
            assert!(changes.clone().eq(buys.iter().chain(&sells).copied()));
            assert!(buys.is_sorted_by(|a, b| a.1 > b.1) && sells.is_sorted_by(|a, b| a.1 < b.1));
            let trades = value.get("trades").map_or(&[][..], |trades| trades.as_array().unwrap());
            assert!(trades.len() <= 50 && value.get("trades").is_none_or(|_| !trades.is_empty()));
            let mut trades = trades.to_vec();
            trades.sort_by_key(|trade| trade["event_id"].as_i64());
            self.trades.insert(symbol, trades);
        } else {
            assert_eq!(names(value).len(), 3, "{value}");
            self.deltas += 1;
        }
        for (side, price, quantity) in changes {
            let former = book.set(side, price, quantity);
            assert_ne!(former, quantity, "nothing changes: {value}");
        }
        assert!(!book.is_crossed(), "{value}");
    }

    fn take_trade(&mut self, value: &Value) {
        let trades = self.trades.get_mut(text(value, "symbol")).unwrap();
        let id = |trade: &Value| trade["event_id"].as_i64().unwrap();
        assert!(trades.last().is_none_or(|last| id(last) < id(value)), "{value}");
        self.blocks += u32::from(text(value, "side") == "block");
        trades.push(value.clone());
    }
}

#[test]
fn books_agree_with_the_truth() {
    for seed in 0..8 {
        let mut venue = venue(&NAMES, 100, seed);
        let ran = venue.run(SECOND * 3);
        assert!(ran.is_empty(), "nothing was asked for");
        let mut follower = Follower::default();
        let symbols = upper(&NAMES);
        let symbols: Vec<&str> = symbols.iter().map(String::as_str).collect();
        let texts = venue.send(&request("subscribe", &["l2"], &symbols));
        assert_eq!(texts.len(), NAMES.len());
        let order: Vec<Value> = texts.iter().map(|text| json(text)["symbol"].clone()).collect();
        assert_ne!(order, symbols, "the order is the venue's own");
        follower.take(&texts);
        let texts = venue.run(SECOND * 20);
        follower.take(&texts);
        venue.exchange.faults().halt_market(true);
        let texts = venue.run(SECOND * 2);
        follower.take(&texts);
        for name in NAMES {
            let truth = Levels::of_book(&venue.exchange.book(symbol(name)).unwrap(), usize::MAX);
            assert_eq!(follower.books[&name.to_ascii_uppercase()], truth, "{name}");
        }
        assert!(follower.deltas > 1_000);
    }
}

#[test]
fn refusals() {
    let nothing = r#"{"reason":"NoValidTradingPairs","result":"error"}"#;
    let invalid = r#"{"reason":"InvalidJson","result":"error"}"#;
    let mut venue = venue(&["btcusd", "btcgusdperp"], 0, 1);
    for (sent, expected) in [
        (request("subscribe", &["l2"], &["btcusd"]), nothing),
        (request("subscribe", &["l2"], &["Btcusd", "ETHUSD"]), nothing),
        (request("subscribe", &["mark_price"], &["BTCUSD"]), nothing),
        (request("unsubscribe", &["l2"], &["ETHUSD"]), nothing),
        (request("subscribe", &["l2"], &[]), nothing),
        (request("subscribe", &["l3"], &["BTCUSD"]), invalid),
        (request("login", &["l2"], &["BTCUSD"]), invalid),
        ("{".to_owned(), invalid),
        ("[]".to_owned(), invalid),
    ] {
        assert_eq!(venue.send(&sent), [expected], "{sent}");
    }
    // One valid symbol is enough. The refusals have not ended the connection.
    let texts = venue.send(&request("subscribe", &["l2"], &["btcusd", "BTCUSD", "ETHUSD"]));
    assert_eq!(texts.len(), 1);
    assert_eq!(json(&texts[0])["symbol"], "BTCUSD");
    let stats = venue.exchange.stats();
    assert_eq!((stats.connections, stats.requests, stats.refused), (1, 10, 9));
    venue.exchange.handle_frame(CLIENT, Instant::ZERO, gemini_ws::Frame::Text(&" ".repeat(2 << 20)));
    assert!(matches!(venue.outputs()[..], [Output::Close { code: 1009, .. }]));
}

#[test]
fn unsubscribing_and_subscribing_again() {
    let mut venue = venue(&["btcusd"], 50, 5);
    let first = venue.send(&request("subscribe", &["l2", "candles_1m"], &["BTCUSD"]));
    assert_eq!(first.len(), 2);
    assert!(json(&first[0]).get("trades").is_none(), "nobody has traded yet: {}", first[0]);
    assert!(venue.run(SECOND * 4).len() > 50);
    assert_eq!(venue.send(&request("unsubscribe", &["l2"], &["BTCUSD"])), [""; 0]);
    let texts = venue.run(SECOND * 4);
    let is_expected = |text: &String| text.contains("heartbeat") || text.contains("candles_1m_updates");
    assert!(!texts.is_empty() && texts.iter().all(is_expected), "{texts:?}");
    let again = venue.send(&request("subscribe", &["l2"], &["BTCUSD"]));
    let mut follower = Follower::default();
    follower.take(&again);
    assert!(!follower.trades["BTCUSD"].is_empty());
    let truth = Levels::of_book(&venue.exchange.book(symbol("btcusd")).unwrap(), usize::MAX);
    assert_eq!(follower.books["BTCUSD"], truth);
}

/// Aggregates trades, except block trades, into candles. Returns the start, open, high, low, close and volume of each
/// interval, beginning with the newest.
fn aggregate(trades: &[Value], minutes: i64) -> Vec<Vec<Decimal>> {
    let mut candles: Vec<Vec<Decimal>> = Vec::new();
    for trade in trades.iter().filter(|trade| trade["side"] != "block") {
        let (price, quantity) = (decimal(&trade["price"]), decimal(&trade["quantity"]));
        let millis = trade["timestamp"].as_i64().unwrap();
        let start = Decimal::new(millis - millis % (minutes * 60_000), 0).unwrap();
        match candles.first_mut() {
            Some(newest) if newest[0] == start => {
                newest[2] = newest[2].max(price);
                newest[3] = newest[3].min(price);
                newest[4] = price;
                newest[5] = newest[5].checked_add(quantity).unwrap();
            }
            _ => candles.insert(0, vec![start, price, price, price, price, quantity]),
        }
    }
    candles
}

/// Returns the numbers of a candles frame, read from its text so that they stay exact.
fn candles(frame: &str) -> Vec<Vec<Decimal>> {
    let list = frame.split_once("\"changes\":[").unwrap().1.split_once("],\"symbol\"").unwrap().0;
    let list = list.trim_start_matches('[').trim_end_matches(']');
    let candles = list.split("],[").filter(|candle| !candle.is_empty());
    candles.map(|candle| candle.split(',').map(|number| number.parse().unwrap()).collect()).collect()
}

#[test]
fn candles_are_those_of_the_trades() {
    let intervals: [(&str, i64); 7] =
        [("1m", 1), ("5m", 5), ("15m", 15), ("30m", 30), ("1h", 60), ("6h", 360), ("1d", 1_440)];
    for (name, seed) in [("btcusd", 3), ("btcgusdperp", 4), ("x3usd", 5)] {
        let upper = name.to_ascii_uppercase();
        let mut venue = venue(&[name], 10, seed);
        let mut follower = Follower::default();
        follower.take(&venue.send(&request("subscribe", &["l2", "candles_15m"], &[&upper]))[..1]);
        let texts = venue.run(SECOND * 1_200);
        let (changed, others): (Vec<String>, Vec<String>) =
            texts.into_iter().partition(|text| text.contains("candles"));
        follower.take(&others);
        let trades = &follower.trades[&upper];
        let latest = candles(changed.last().unwrap());
        assert_eq!(latest, aggregate(trades, 15)[..1], "{name}");
        assert_eq!(names(&json(&changed[0])), ["changes", "symbol", "type"]);
        for (interval, minutes) in intervals {
            let texts = venue.send(&request("subscribe", &[&format!("candles_{interval}")], &[&upper]));
            assert!(texts[0].contains(&format!("\"type\":\"candles_{interval}_updates\"")), "{}", texts[0]);
            assert_eq!(candles(&texts[0]), aggregate(trades, minutes), "{name} {interval}");
        }
        assert!(aggregate(trades, 1).len() >= 15, "{name}");
    }
}

#[test]
fn auctions_and_block_trades() {
    let mut venue = venue(&["btcusd"], 20, 2);
    let mut follower = Follower::default();
    follower.take(&venue.send(&request("subscribe", &["l2"], &["BTCUSD"])));
    let texts = venue.run(SECOND * 3_600);
    follower.take(&texts);
    let auctions = &follower.auctions["BTCUSD"];
    let count = |kind: &str, result: &str| {
        auctions.iter().filter(|auction| auction["type"] == kind && auction["result"] == result).count()
    };
    for kind in ["auction_indicative", "auction_result"] {
        assert!(count(kind, "success") > 0 && count(kind, "failure") > 0, "{kind}");
    }
    assert!(follower.blocks > 5, "{}", follower.blocks);
    // A later subscriber gets the last auctions, beginning with the newest.
    let frame = json(&venue.send(&request("subscribe", &["l2"], &["BTCUSD"]))[0]);
    let mut recent = frame["auction_events"].as_array().unwrap().clone();
    recent.reverse();
    assert_eq!(recent, auctions[auctions.len() - recent.len()..]);
    // The ids of the fifty trades rise or fall throughout, except at one place, as in a ring buffer.
    let ids: Vec<i64> =
        frame["trades"].as_array().unwrap().iter().map(|trade| trade["event_id"].as_i64().unwrap()).collect();
    assert_eq!(ids.len(), 50);
    let turns = ids.windows(3).filter(|ids| (ids[0] < ids[1]) != (ids[1] < ids[2])).count();
    assert!(turns <= 2, "{ids:?}");
}

#[test]
fn perpetuals() {
    let mut venue = venue(&["btcgusdperp", "btcusd"], 20, 1);
    venue.run(SECOND * 10);
    let texts = venue.send(&request("subscribe", &["mark_price", "funding_amount"], &["BTC-GUSD-PERP"]));
    let frames: Vec<Value> = texts.iter().map(|text| json(text)).collect();
    assert_eq!(frames[0]["type"], "mark_price_updates");
    assert_eq!(frames[1]["type"], "funding_amount_updates");
    assert!(frames.iter().all(|frame| frame["symbol"] == "BTCGUSDPERP"));
    assert_eq!(names(&frames[0]["changes"][0]), ["mark_price", "spot_index", "timestamp"]);
    assert_eq!(
        names(&frames[1]["changes"][0]),
        [
            "funding_amount",
            "funding_date_time",
            "funding_interval_in_minutes",
            "funding_rate",
            "is_realized",
            "mark_price",
            "timestamp"
        ]
    );
    let texts = venue.run(SECOND * 300);
    let times = |kind: &str| -> Vec<i64> {
        let frames = texts.iter().map(|text| json(text)).filter(|frame| frame["type"] == kind);
        frames.map(|frame| frame["changes"][0]["timestamp"].as_i64().unwrap()).collect()
    };
    let minute = 60 * 1_000_000_000;
    let fundings = times("funding_amount_updates");
    assert!(fundings.len() == 5 && fundings.windows(2).all(|times| times[1] - times[0] == minute));
    let marks = times("mark_price_updates");
    assert!((30..=60).contains(&marks.len()), "{}", marks.len());
}

#[test]
fn heartbeats_come_whatever_else_is_sent() {
    let mut venue = venue(&["btcusd"], 100, 1);
    let mut follower = Follower::default();
    follower.take(&venue.send(&request("subscribe", &["l2"], &["BTCUSD"])));
    let outputs = venue.run_outputs(SECOND * 61);
    assert!(!outputs.iter().any(|output| matches!(output, Output::Ping { .. })), "no ping is sent here");
    let texts: Vec<String> = outputs
        .into_iter()
        .filter_map(|output| if let Output::Send { text, .. } = output { Some(text) } else { None })
        .collect();
    follower.take(&texts);
    assert_eq!(follower.heartbeats.len(), 12);
    assert!(follower.heartbeats.windows(2).all(|times| times[1] - times[0] == 5_000));
}

#[test]
fn the_same_seed_yields_the_same_bytes() {
    let run = |seed, with_another: bool| {
        let mut venue = venue(&NAMES, 50, seed);
        if with_another {
            let other = SessionId(2);
            upgrade_as(&mut venue.exchange, other, Instant::ZERO, "/v2/marketdata").unwrap();
            let asked = request("subscribe", &["l2", "candles_5m"], &["ETHUSD"]);
            venue.exchange.handle_frame(other, Instant::ZERO, gemini_ws::Frame::Text(&asked));
            venue.outputs();
        }
        let mut outputs = Vec::new();
        for text in venue.send(&request("subscribe", &["l2", "candles_1m"], &["BTCUSD", "X3USD"])) {
            outputs.push(Output::Send { session: CLIENT, text });
        }
        outputs.extend(venue.run_outputs(SECOND * 30));
        outputs.retain(|output| output.session() == CLIENT);
        outputs
    };
    let first = run(1, false);
    assert!(first.len() > 500);
    assert_eq!(first, run(1, false));
    assert_eq!(first, run(1, true), "who else watches makes no difference");
    assert_ne!(first, run(2, false));
}

#[test]
fn damaged_requests_do_no_harm() {
    let mut venue = venue(&["btcusd"], 0, 1);
    let whole = request("subscribe", &["l2", "mark_price"], &["BTCUSD"]);
    for end in 0..whole.len() {
        assert_eq!(venue.send(&whole[..end]), [r#"{"reason":"InvalidJson","result":"error"}"#], "{end}");
        // A request with one damaged byte gets exactly one frame.
        let damaged = format!("{}\u{1}{}", &whole[..end], &whole[end + 1..]);
        assert_eq!(venue.send(&damaged).len(), 1, "{damaged}");
    }
    assert_eq!(venue.send(&"[".repeat(10_000)).len(), 1);
    // A text with too many values is too large.
    venue.exchange.handle_frame(CLIENT, venue.now, gemini_ws::Frame::Text(&"[".repeat(100_000)));
    assert!(matches!(venue.outputs()[..], [Output::Close { code: 1009, .. }]));
}

#[test]
fn faults_hit_these_sessions_too() {
    let mut venue = venue(&["btcusd"], 50, 1);
    venue.send(&request("subscribe", &["l2"], &["BTCUSD"]));
    venue.exchange.faults().silence(CLIENT);
    assert!(venue.run_outputs(SECOND * 10).is_empty());
    venue.exchange.faults().end_silence(CLIENT);
    assert!(venue.run(SECOND * 10).len() > 100);
    venue.exchange.faults().abort(CLIENT);
    assert_eq!(venue.run_outputs(SECOND * 10), [Output::Abort { session: CLIENT }]);
}

#[test]
fn sessions_end() {
    let mut venue = venue(&["btcusd"], 20, 1);
    venue.send(&request("subscribe", &["l2"], &["BTCUSD"]));
    let frame = gemini_ws::Frame::Close { code: Some(1000), reason: "" };
    venue.exchange.handle_frame(CLIENT, Instant::ZERO, frame);
    assert!(matches!(venue.outputs()[..], [Output::Close { code: 1000, .. }]));
    assert_eq!((venue.run_outputs(SECOND * 20), venue.exchange.session_count()), (vec![], 0));
}
