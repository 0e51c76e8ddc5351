//! Tests the frames that a generated market sends to subscribers.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::common::{ClientBook, Venue, market, symbol};
use gemini_ws::{Instant, Level, Message, Scratch, Symbol, Timestamp, decode};
use gemini_ws_simulator::Config;

const SECOND: Duration = Duration::from_secs(1);

/// The maximum number of orders on a side: the maximum of `orders_per_side`, and one order far from the market.
const ORDERS_PER_SIDE_MAX: usize = 100_001;

/// The update id, the best bid and the best ask of a `bookTicker`.
type Ticker = (u64, [Option<Level>; 2]);

#[derive(Default)]
struct Follower {
    books: BTreeMap<Symbol, ClientBook>,
    tickers: BTreeMap<Symbol, Vec<Ticker>>,
    trades: BTreeMap<Symbol, Vec<u64>>,
    partials: u32,
    comparisons: u32,
    one_sided: u32,
}

impl Follower {
    fn take(&mut self, texts: &[String]) {
        let mut scratch = Scratch::new();
        for text in texts {
            match decode(text, &mut scratch).unwrap_or_else(|error| panic!("{error:?} {text}")) {
                Message::Depth(depth) => {
                    let symbol = symbol(depth.symbol);
                    let book = self.books.entry(symbol).or_default();
                    if book.apply(&depth) {
                        let tickers = self.tickers.entry(symbol).or_default();
                        let newest =
                            tickers.iter().rev().find(|ticker| Some(ticker.0) <= depth.last_update_id);
                        if let Some((_, best)) = newest {
                            assert_eq!(book.best(), *best, "{text}");
                            self.comparisons += 1;
                        }
                    }
                }
                Message::BookTicker(ticker) => {
                    let tickers = self.tickers.entry(symbol(ticker.symbol)).or_default();
                    assert!(tickers.last().is_none_or(|last| last.0 < ticker.update_id));
                    self.one_sided += u32::from(ticker.bid.is_none() || ticker.ask.is_none());
                    tickers.push((ticker.update_id, [ticker.bid, ticker.ask]));
                }
                Message::Trade(trade) => {
                    let trades = self.trades.entry(symbol(trade.symbol)).or_default();
                    assert!(trades.last().is_none_or(|last| *last < trade.trade_id));
                    trades.push(trade.trade_id);
                }
                Message::PartialDepth(partial) => {
                    assert!(partial.bids.len() <= 10 && partial.asks.len() <= 10 && partial.symbol.is_some());
                    self.partials += 1;
                }
                _ => {}
            }
        }
    }
}

fn streams_of<'n>(names: &'n [&str], kinds: &'n [&str]) -> Vec<String> {
    names.iter().flat_map(|name| kinds.iter().map(move |kind| format!("{name}@{kind}"))).collect()
}

fn subscribe(venue: &mut Venue, names: &[&str], kinds: &[&str]) -> Vec<String> {
    let streams = streams_of(names, kinds);
    venue.request("subscribe", &streams.iter().map(String::as_str).collect::<Vec<_>>())
}

const NAMES: [&str; 7] =
    ["btcusd", "ethusd", "btcgusdperp", "audusd", "x3usd", "x7usd", "GEMI-PRES2028-VANCE"];

#[test]
fn books_agree_with_tickers_and_with_the_truth() {
    let (mut unknown_removals, mut stale, mut one_sided) = (0, 0, 0);
    for seed in 0..20 {
        let tempo = ["depth@100ms", "depth"][seed as usize % 2];
        let config = market(&NAMES).events_per_second(50).stale_percent(30);
        let mut venue = Venue::new(config, seed);
        venue.run(SECOND * 3);
        venue.connect("snapshot=-1");
        let mut follower = Follower::default();
        let kinds = ["bookTicker", tempo, "trade", "depth10"];
        let texts = subscribe(&mut venue, &NAMES, &kinds);
        follower.take(&texts);
        let texts = venue.run(SECOND * 20);
        follower.take(&texts);
        venue.exchange.faults().halt_market(true);
        let texts = venue.run(SECOND * 2);
        follower.take(&texts);

        for name in NAMES {
            let book = &follower.books[&symbol(name)];
            assert_eq!((book.gaps, book.overlaps, book.snapshots), (0, 0, 1), "{name}");
            assert_eq!(Some(book.as_true_book()), venue.exchange.book(symbol(name)), "{name}");
            assert!(book.updates >= 10, "{name}: {} updates", book.updates);
            unknown_removals += book.unknown_removals;
            stale += book.stale;
        }
        assert!(follower.comparisons > 100 && follower.partials > 50);
        assert!(!follower.trades[&symbol("btcusd")].is_empty());
        one_sided += follower.one_sided;
    }
    assert!(unknown_removals > 0 && stale > 0 && one_sided > 0, "{unknown_removals} {stale} {one_sided}");
}

#[test]
fn changes_come_no_faster_than_their_tempo() {
    for (stream, period, least) in [("btcusd@depth@100ms", 100, 80), ("btcusd@depth", 1000, 9)] {
        let mut venue = Venue::new(market(&["btcusd"]).events_per_second(100), 3);
        venue.connect("snapshot=-1");
        venue.request("subscribe", &[stream]);
        let mut times = Vec::new();
        while let Some(now) = venue.exchange.deadline().filter(|now| now.as_nanos() < 10_000_000_000) {
            venue.exchange.handle_timeout(now);
            times.extend(venue.texts().iter().map(|_| now));
        }
        assert!(times.len() >= least, "{} frames", times.len());
        assert!(times.windows(2).all(|pair| pair[1].since(pair[0]) >= Duration::from_millis(period)));
    }
}

#[test]
fn quiet_books_send_nothing() {
    let mut venue = Venue::new(market(&["btcusd"]).events_per_second(0), 3);
    venue.connect("snapshot=-1");
    assert_eq!(venue.request("subscribe", &["btcusd@depth@100ms", "btcusd@bookTicker"]).len(), 3);
    assert_eq!(venue.run(SECOND * 60), [""; 0]);
}

#[test]
fn after_the_end_of_time_nothing_is_due() {
    for epoch in [i64::MIN, 0, i64::MAX] {
        let config = market(&["btcusd", "btcgusdperp", "GEMI-A-UP"]).epoch(Timestamp::from_nanos(epoch));
        let mut venue = Venue::new(config.server_ping(Duration::MAX), 3);
        venue.connect("snapshot=-1");
        venue.request("subscribe", &["btcusd@depth", "btcgusdperp@markPrice", "requestForQuote"]);
        let end = Instant::from_nanos(u64::MAX);
        venue.exchange.handle_timeout(end);
        assert_eq!(venue.exchange.deadline().filter(|deadline| *deadline <= end), None);
    }
}

#[test]
fn books_have_a_largest_size() {
    let venue = Venue::new(market(&["btcusd"]).events_per_second(0).orders_per_side(u32::MAX), 3);
    let levels = venue.exchange.book(symbol("btcusd")).unwrap().bids.len();
    assert!((5_000..=ORDERS_PER_SIDE_MAX).contains(&levels), "{levels}");
}

/// Returns the kind of each frame: `ack`, `snapshot`, `change`, `ticker` or `other`.
fn kinds(texts: &[String]) -> Vec<&'static str> {
    let mut scratch = Scratch::new();
    let kind = |text: &String| match decode(text, &mut scratch).unwrap() {
        Message::Response(_) => "ack",
        Message::Depth(depth) if depth.first_update_id == depth.last_update_id => "snapshot",
        Message::Depth(_) => "change",
        Message::BookTicker(_) => "ticker",
        _ => "other",
    };
    texts.iter().map(kind).collect()
}

#[test]
fn snapshots_and_acknowledgements() {
    let (mut before, mut after) = (0, 0);
    for seed in 0..40 {
        let mut venue = Venue::new(market(&["btcusd"]).stale_percent(0), seed);
        venue.connect("snapshot=-1");
        match kinds(&venue.request("subscribe", &["btcusd@depth@100ms"])).as_slice() {
            ["snapshot", "ack"] => before += 1,
            ["ack", "snapshot"] => after += 1,
            other => panic!("{other:?}"),
        }
        venue.run(SECOND);
        // For later subscriptions of a session, the acknowledgement always comes before the snapshot.
        let mut texts = venue.request("unsubscribe", &["btcusd@depth@100ms"]);
        texts.extend(venue.request("subscribe", &["btcusd@depth@100ms"]));
        assert_eq!(kinds(&texts), ["ack", "ack", "snapshot"]);
        // The exchange only acknowledges a second subscription to the same stream.
        assert_eq!(kinds(&venue.request("subscribe", &["btcusd@depth@100ms"])), ["ack"]);
    }
    assert!(before > 5 && after > 5);
}

#[test]
fn large_snapshots_take_a_while() {
    let mut venue = Venue::new(market(&["btcusd"]).orders_per_side(2_500).events_per_second(100), 1);
    venue.connect("snapshot=-1");
    let mut texts = venue.request("subscribe", &["btcusd@depth@100ms"]);
    assert_eq!(kinds(&texts), ["ack"]);
    texts = venue.run(SECOND * 5);
    assert_eq!(kinds(&texts)[0], "snapshot");
    assert!(texts[0].len() > 100_000, "{} bytes", texts[0].len());
    let mut follower = Follower::default();
    follower.take(&texts);
    assert!(follower.books[&symbol("btcusd")].updates > 10);
}

#[test]
fn snapshot_parameter() {
    let levels = |query: &str| {
        let mut venue = Venue::new(market(&["btcusd"]), 5);
        venue.connect(query);
        let mut texts = venue.request("subscribe", &["btcusd@depth@100ms"]);
        texts.extend(venue.run(SECOND));
        let first = texts.iter().find(|text| text.contains("depthUpdate")).unwrap();
        let mut scratch = Scratch::new();
        let Ok(Message::Depth(depth)) = decode(first, &mut scratch) else { panic!("{first}") };
        (depth.first_update_id == depth.last_update_id).then_some(depth.bids.len())
    };
    assert_eq!(levels(""), None);
    assert_eq!(levels("snapshot=0"), None);
    assert_eq!(levels("snapshot=3"), Some(3));
    assert!(levels("snapshot=-1").unwrap() > 20);
}

#[test]
fn a_book_can_be_built_from_changes_and_the_depth_method() {
    let mut venue = Venue::new(market(&["ethusd"]).events_per_second(200), 9);
    venue.connect("");
    venue.request("subscribe", &["ethusd@depth@100ms"]);
    let mut texts = venue.run(SECOND);
    let replies = venue.send(r#"{"id":"d","method":"depth","params":{"symbol":"ETHUSD","limit":5000}}"#);
    texts.extend(venue.run(SECOND));
    venue.exchange.faults().halt_market(true);
    texts.extend(venue.run(SECOND));
    // Write the result of the reply as a snapshot frame.
    let result = replies[0].strip_prefix(r#"{"id":"d","status":200,"result":{"lastUpdateId":"#).unwrap();
    let (id, sides) = result.split_once(',').unwrap();
    let sides = sides.replace("\"bids\"", "\"b\"").replace("\"asks\"", "\"a\"");
    let sides = sides.strip_suffix("}}").unwrap();
    let snapshot = format!(r#"{{"e":"depthUpdate","E":1,"s":"ethusd","U":{id},"u":{id},{sides}}}"#);

    let mut scratch = Scratch::new();
    let mut book = gemini_ws::OrderBook::new();
    let Ok(Message::Depth(depth)) = decode(&snapshot, &mut scratch) else { panic!("{snapshot}") };
    book.replace(&depth);
    let mut changed = 0;
    for text in &texts {
        let Ok(Message::Depth(depth)) = decode(text, &mut scratch) else { panic!("{text}") };
        match book.apply(&depth) {
            gemini_ws::Applied::Changed => changed += 1,
            gemini_ws::Applied::Stale => assert_eq!(changed, 0),
            gemini_ws::Applied::Gap { .. } => panic!("gap"),
        }
    }
    assert!(changed > 5);
    let truth = venue.exchange.book(symbol("ethusd")).unwrap();
    assert!(book.bids().iter().eq(&truth.bids) && book.asks().iter().eq(&truth.asks));
}

#[test]
fn perpetuals_and_contracts() {
    let names = ["btcgusdperp", "GEMI-BTC2602180800-HI70000"];
    let mut venue = Venue::new(market(&names), 2);
    venue.connect("");
    venue.request("subscribe", &["btcgusdperp@markPrice", "btcgusdperp@fundingAmount", "contractStatus"]);
    let texts = venue.run(SECOND * 120);
    let count =
        |kind: &str| texts.iter().filter(|text| text.starts_with(&format!(r#"{{"e":"{kind}""#))).count();
    assert!((20..=24).contains(&count("markPrice")), "{}", count("markPrice"));
    assert_eq!(count("fundingAmount"), 2);
    assert!((4..=24).contains(&count("contractStatus")));
    let mut scratch = Scratch::new();
    for text in &texts {
        assert!(!matches!(decode(text, &mut scratch), Err(_) | Ok(Message::Unrecognized(_))), "{text}");
    }
}

fn transcript(config: Config, seed: u64, step: Option<Duration>) -> Vec<String> {
    let mut venue = Venue::new(config, seed);
    venue.connect("snapshot=-1");
    let mut texts = subscribe(&mut venue, &NAMES, &["bookTicker", "depth@100ms", "trade"]);
    match step {
        None => texts.extend(venue.run(SECOND * 5)),
        Some(step) => {
            while venue.now.as_nanos() < 5_000_000_000 {
                venue.now = venue.now + step;
                venue.exchange.handle_timeout(venue.now);
                texts.extend(venue.texts());
            }
        }
    }
    texts
}

#[test]
fn the_same_seed_yields_the_same_bytes() {
    let config = || market(&NAMES).events_per_second(100);
    let first = transcript(config(), 1, None);
    assert!(first.len() > 1_000);
    assert_eq!(first, transcript(config(), 1, None));
    assert_eq!(first, transcript(config(), 1, Some(Duration::from_millis(50))), "however often it is called");
    assert_ne!(first, transcript(config(), 2, None));
}

#[test]
fn a_long_sleep_is_not_made_up_for() {
    let mut venue = Venue::new(market(&NAMES).events_per_second(100), 1);
    venue.connect("snapshot=-1");
    subscribe(&mut venue, &NAMES, &["bookTicker", "depth@100ms", "trade"]);
    venue.now = venue.now + SECOND * 36_000;
    let before = venue.exchange.stats().market_events;
    venue.exchange.handle_timeout(venue.now);
    let events = venue.exchange.stats().market_events - before;
    assert!((50..2_000).contains(&events), "{events} events");
    assert!(venue.exchange.deadline().unwrap() > venue.now);
    // The call also returns at the largest instant.
    venue.exchange.handle_timeout(gemini_ws::Instant::from_nanos(u64::MAX));
    venue.exchange.handle_timeout(gemini_ws::Instant::from_nanos(u64::MAX));
}

/// Runs 400 symbols for three seconds. The test measures no time, but becomes slow if the time for each event grows
/// during the run.
#[test]
fn many_symbols() {
    let names: Vec<String> = (0..400).map(|number| format!("x{number}usd")).collect();
    let symbols = names.iter().map(|name| name.parse().unwrap());
    let mut venue = Venue::new(Config::market(symbols), 1);
    venue.connect("snapshot=-1");
    for names in names.chunks(50) {
        subscribe(&mut venue, &names.iter().map(String::as_str).collect::<Vec<_>>(), &["bookTicker"]);
    }
    assert!(venue.run(SECOND * 3).len() > 2_000);
}

#[test]
fn requests_for_quotes() {
    let mut venue = Venue::new(market(&["btcusd", "GEMI-PRES2028-VANCE", "GEMI-A-UP"]), 1);
    venue.connect("");
    assert_eq!(venue.request("subscribe", &["requestForQuote"]), [r#"{"id":1,"status":200}"#]);
    let listed = r#"{"id":1,"status":200,"result":["requestForQuote"]}"#;
    assert_eq!(venue.send(r#"{"id":1,"method":"list_subscriptions"}"#), [listed]);
    let mut last = BTreeMap::new();
    for text in venue.run(SECOND * 600) {
        let frame: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(frame["e"], "requestForQuote");
        assert!(frame["l"].as_array().is_some_and(|legs| legs.len() >= 2), "{text}");
        let id = frame["r"].as_str().unwrap().to_owned();
        let former = last.insert(id, frame["S"].as_str().unwrap().to_owned());
        let is_first = former.is_none();
        assert_eq!(is_first, frame["S"] == "OPEN", "{text}");
    }
    let ended = last.values().filter(|status| ["FINALIZED", "EXPIRED"].contains(&status.as_str())).count();
    assert!(last.len() > 10 && ended > 5, "{last:?}");
    venue.request("unsubscribe", &["requestForQuote"]);
    assert!(venue.run(SECOND * 60).is_empty());

    // Without contracts, this stream does not exist.
    let mut venue = Venue::new(market(&["btcusd"]), 1);
    venue.connect("");
    let refusal =
        r#"{"id":1,"status":400,"error":{"code":-1013,"msg":"Invalid stream name: requestForQuote"}}"#;
    assert_eq!(venue.request("subscribe", &["requestForQuote"]), [refusal]);
}
