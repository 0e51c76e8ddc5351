//! Joins a client and a simulated exchange in one process, and tests what can go wrong with books and links: lost
//! updates, links, replies and frames.

use std::time::Duration;

use gemini_ws::Symbol;
use gemini_ws_simulator::Config;
use testkit::pair::Pair;
use testkit::script;

const SECOND: Duration = Duration::from_secs(1);
const BOOK: &str = "btcusd@depth@100ms";

fn symbol(name: &str) -> Symbol {
    name.parse().unwrap()
}

fn market(names: &[&str]) -> Config {
    Config::market(names.iter().map(|name| symbol(name))).events_per_second(50)
}

/// In a minute with twenty symbols, there is no gap and no crossed book, and the best prices of each book are those
/// of its newest ticker.
#[test]
fn a_minute_of_twenty_symbols() {
    let names: Vec<String> = (0..20).map(|number| format!("sym{number}usd")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let streams: Vec<String> = names
        .iter()
        .flat_map(|name| ["depth@100ms", "bookTicker", "trade"].map(|kind| format!("{name}@{kind}")))
        .collect();
    let streams: Vec<&str> = streams.iter().map(String::as_str).collect();
    let mut pair = Pair::following(market(&names), 7, &streams);
    pair.run(SECOND * 60);
    let stats = pair.client.stats();
    assert_eq!((stats.gaps, stats.malformed, stats.unrecognized, stats.reconnects), (0, 0, 0, 0));
    assert_eq!((pair.books.crossed(), pair.top_mismatches), (0, 0));
    assert!(pair.tops_compared > 1_000, "{} tops compared", pair.tops_compared);
    assert!(stats.data > 20_000, "{} data frames", stats.data);
    script::check_sums(&stats, stats.frames);
    pair.assert_books_are_true();
}

/// Each of the first 25 updates is lost in a separate run. Each loss causes one gap and one resync, after which the
/// book is right.
#[test]
fn any_lost_update_is_one_gap_and_is_repaired() {
    for nth in 1..=25 {
        let mut pair = Pair::following(market(&["btcusd"]).stale_percent(0), 3, &[BOOK]);
        pair.run(SECOND);
        pair.exchange.faults().drop_depth(symbol("btcusd"), nth);
        pair.run(SECOND * 10);
        let stats = pair.client.stats();
        assert_eq!((stats.gaps, stats.resyncs), (1, 1), "update {nth}: {:?}", pair.log);
        assert_eq!((pair.logged("gap btcusd"), pair.logged("synced btcusd")), (1, 2), "update {nth}");
        pair.assert_books_are_true();
    }
}

#[test]
fn a_repeated_update_changes_nothing() {
    for nth in 1..=25 {
        let mut pair = Pair::following(market(&["btcusd"]).stale_percent(0), 3, &[BOOK]);
        pair.run(SECOND);
        pair.exchange.faults().duplicate_depth(symbol("btcusd"), nth);
        pair.run(SECOND * 5);
        let stats = pair.client.stats();
        assert_eq!((stats.gaps, stats.ignored_stale), (0, 1), "update {nth}: {:?}", pair.log);
        pair.assert_books_are_true();
    }
}

/// The venue sends a snapshot without a request. No level of the old book survives.
#[test]
fn a_second_snapshot_leaves_no_ghost_levels() {
    for seed in 0..20 {
        let mut pair = Pair::following(market(&["btcusd"]), seed, &[BOOK]);
        pair.run(SECOND);
        let session = pair.session();
        pair.exchange.faults().repeat_snapshot(session, symbol("btcusd"));
        pair.run(SECOND * 5);
        pair.assert_books_are_true();
    }
}

/// The transport ends again and again. Every subscription comes back, and every book is right.
#[test]
fn reconnects_restore_everything() {
    let streams = [BOOK, "ethusd@depth@100ms", "btcusd@trade", "ethusd@bookTicker"];
    let mut pair = Pair::following(market(&["btcusd", "ethusd"]), 5, &streams);
    for _ in 0..5 {
        pair.run(SECOND * 10);
        pair.tear();
        assert!(pair.books.iter().all(|(_, book)| book.live().is_none()), "a book outlived its link");
    }
    pair.run(SECOND * 60);
    assert_eq!(pair.logged("opened"), 6, "{:?}", pair.log);
    assert_eq!(pair.logged("live"), 6);
    assert_eq!(pair.logged("disconnected Reset"), 5);
    let stats = pair.client.stats();
    assert_eq!((stats.gaps, stats.connects, stats.reconnects), (0, 6, 5));
    pair.assert_books_are_true();
}

/// The peer becomes silent. The client notices it with a probe, reconnects and restores everything.
#[test]
fn silence_is_found_out() {
    let mut pair = Pair::following(market(&["btcusd"]), 5, &[BOOK]);
    pair.run(SECOND * 5);
    let session = pair.session();
    pair.exchange.faults().silence(session);
    pair.run(SECOND * 60);
    assert_eq!(pair.logged("disconnected Silent"), 1, "{:?}", pair.log);
    pair.assert_books_are_true();
}

#[test]
fn one_bad_name_costs_only_itself() {
    let names: Vec<String> = (0..40).map(|number| format!("sym{number}usd")).collect();
    let mut config: Vec<&str> = names.iter().map(String::as_str).collect();
    let streams: Vec<String> = names.iter().map(|name| format!("{name}@depth@100ms")).collect();
    let streams: Vec<&str> = streams.iter().map(String::as_str).collect();
    config.retain(|name| *name != "sym17usd");
    let mut pair = Pair::following(market(&config), 5, &streams);
    pair.run(SECOND * 10);
    assert_eq!(pair.logged("rejected sym17usd@depth@100ms"), 1, "{:?}", pair.log);
    assert_eq!(pair.log.iter().filter(|line| line.starts_with("rejected")).count(), 1);
    assert_eq!(pair.logged("live"), 1);
    pair.assert_books_are_true();
}

/// Replies come late or not at all. The client repeats its requests, and in the end everything is right.
#[test]
fn late_and_missing_replies() {
    for withheld in 0..4 {
        let mut pair = Pair::following(market(&["btcusd"]), 11, &[BOOK, "btcusd@trade"]);
        pair.exchange.faults().delay_replies(Duration::from_millis(700));
        pair.exchange.faults().withhold_replies(withheld);
        pair.run(SECOND * 90);
        pair.exchange.faults().drop_depth(symbol("btcusd"), 2);
        pair.run(SECOND * 30);
        assert_eq!(pair.logged("gap btcusd"), 1, "{withheld} withheld: {:?}", pair.log);
        pair.assert_books_are_true();
    }
}

/// The venue closes the link with each code. After most codes the client dials again. After a code that excludes
/// further attempts, such as 4003, the client closes.
#[test]
fn every_close_code() {
    for (code, comes_back) in [
        (1000, true),
        (1001, true),
        (1002, true),
        (1008, true),
        (1009, true),
        (1011, true),
        (1012, true),
        (1013, true),
        (4000, true),
        (1010, false),
        (4001, false),
        (4003, false),
        (4401, false),
        (4403, false),
    ] {
        let mut pair = Pair::following(market(&["btcusd"]), 5, &[BOOK]);
        pair.run(SECOND * 5);
        let session = pair.session();
        pair.exchange.faults().close(session, code, "");
        pair.run(SECOND * 60);
        assert_eq!(pair.closed, !comes_back, "{code}: {:?}", pair.log);
        if comes_back {
            pair.assert_books_are_true();
        }
    }
}

/// The application closes the client at any time. The client reports its end once, by the deadline, and nothing after
/// it.
#[test]
fn close_at_any_time() {
    for millis in (0..3_000).step_by(7) {
        let mut pair = Pair::following(market(&["btcusd"]), 5, &[BOOK, "btcusd@trade"]);
        pair.run(Duration::from_millis(millis));
        let now = pair.now;
        pair.client.close(now);
        pair.run(SECOND * 4);
        assert!(pair.closed, "after {millis} ms: {:?}", pair.log);
        pair.run(SECOND * 120);
    }
}

#[test]
fn conversations_are_reproducible() {
    let life = |seed| {
        let mut pair = Pair::following(market(&["btcusd"]), seed, &[BOOK, "btcusd@bookTicker"]);
        pair.run(SECOND * 10);
        pair.tear();
        pair.run(SECOND * 10);
        (pair.log, format!("{:?}", pair.client.stats()))
    };
    assert_eq!(life(1), life(1));
    assert_ne!(life(1).1, life(2).1);
}
