use super::report::Counts;
use super::*;
use gemini_ws::StaleReason;

fn report(lines: &[&str]) -> Report {
    report_of(lines, None, None)
}

fn report_of(lines: &[&str], endpoint: Option<Endpoint>, symbol: Option<&str>) -> Report {
    let text = lines.join("\n").into_bytes();
    let recording = Recording::new(Box::new(io::Cursor::new(text)), "test").unwrap();
    read(&mut Frames::new(recording, endpoint), symbol.map(|symbol| symbol.parse().unwrap())).unwrap()
}

fn levels(rows: &[report::Row]) -> String {
    serde_json::to_string(rows).unwrap().replace('"', "")
}

const SNAPSHOT: &str = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["99.0","1.50"],["98","2"]],"a":[["101","3"],["9000000000000.0000000000","1"]]}"#;

#[test]
fn hash_of_a_book() {
    let report = report(&[SNAPSHOT]);
    let book = &report.books["btcusd"];
    // printf 'b 99 1.5\nb 98 2\na 101 3\na 9000000000000 1\n' | sha256sum
    assert_eq!(book.sha256, "69a7acc7017e27ebf852e0281e2cafd7d94fd9ff05ffc437a26aac479b7c71c2");
    assert_eq!((book.bids, book.asks, book.last_u, book.state), (2, 2, Some(5), "live"));
    assert_eq!(serde_json::to_string(&book.best_bid).unwrap(), r#"["99","1.5"]"#);
    assert_eq!(serde_json::to_string(&book.top10_asks[1]).unwrap(), r#"["9000000000000","1"]"#);
}

/// Trades that cannot be decoded are malformed elements. The rest of the frame is used.
#[test]
fn elements_that_cannot_be_decoded() {
    let v2 = r#"{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","9","1"],["sell","10","1"]],"trades":[{"price":"x"},{"price":"y"}],"auction_events":[]}"#;
    let v1 = r#"{"type":"update","eventId":1,"socket_sequence":0,"events":[{"type":"change","side":"bid","price":"9","remaining":"1","reason":"initial"},{"type":"trade","price":"x"}]}"#;
    for (frame, count) in [(SNAPSHOT, 0), (v2, 2), (v1, 1)] {
        let report = report(&[frame]);
        assert_eq!((report.malformed, report.malformed_elements), (0, count), "{frame}");
        assert_eq!(report.books.len(), 1);
        let told = report.to_text().contains(&format!(" malformed_elements={count}\n"));
        assert_eq!(told, count > 0, "{}", report.to_text());
    }
}

#[test]
fn frames_by_their_role() {
    let change = |first: u64, last: u64| {
        format!(r#"{{"e":"depthUpdate","E":2,"s":"btcusd","U":{first},"u":{last},"b":[["99","0"]],"a":[]}}"#)
    };
    let other = change(3, 4).replace("btcusd", "ethusd");
    type Case<'c> = (&'c [String], &'c str, u64, u64, u64, u64);
    // The lines after the snapshot; the state of the book; the counts of updates, gaps and ignored frames; the last
    // id.
    let table: [Case<'_>; 4] = [
        (&[change(5, 5)], "live", 0, 0, 1, 5),
        (&[change(5, 7), change(7, 9)], "live", 2, 0, 0, 9),
        (&[change(5, 7), change(8, 9), change(9, 10)], "stale", 1, 1, 1, 7),
        (&[change(8, 9), SNAPSHOT.replace(":5", ":12"), other], "live", 0, 1, 0, 12),
    ];
    for (changes, state, updates, gaps, ignored, last) in table {
        let mut lines = vec![SNAPSHOT];
        lines.extend(changes.iter().map(String::as_str));
        let report = report(&lines);
        let book = &report.books["btcusd"];
        assert_eq!((book.state, book.last_u), (state, Some(last)));
        assert_eq!((book.counts.updates, book.counts.gaps, book.counts.ignored), (updates, gaps, ignored));
        assert_eq!(report.gaps, gaps);
        assert_eq!(
            report.without_snapshot.get("ethusd").copied(),
            (lines.len() == 4 && gaps == 1 && last == 12).then_some(1)
        );
    }
}

#[test]
fn text_shows_what_json_has() {
    let text = report(&[SNAPSHOT, "rubbish", r#"{"e":"news"}"#]).to_text();
    for part in ["btcusd  live", "2 bids, 2 asks", "sha256", "9000000000000", "malformed=1 unrecognized=1"] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert_eq!(report(&[]).to_text(), "frames=0 malformed=0 unrecognized=0 gaps=0 crossed=0\n");
}

/// Returns an update of market data v1. Each change has side, price, quantity, reason and symbol, which may be empty.
fn v1(number: u64, changes: &[[&str; 5]]) -> String {
    let changes: Vec<_> = changes
        .iter()
        .map(|[side, price, remaining, reason, symbol]| {
            let symbol = if symbol.is_empty() { String::new() } else { format!(r#","symbol":"{symbol}""#) };
            format!(
                r#"{{"type":"change","side":"{side}","price":"{price}","remaining":"{remaining}","reason":"{reason}"{symbol}}}"#
            )
        })
        .collect();
    let (event, changes) = (100 + number, changes.join(","));
    format!(r#"{{"type":"update","eventId":{event},"socket_sequence":{number},"events":[{changes}]}}"#)
}

fn heartbeat(number: u64) -> String {
    format!(r#"{{"type":"heartbeat","socket_sequence":{number}}}"#)
}

fn news(number: u64) -> String {
    format!(r#"{{"type":"news","socket_sequence":{number}}}"#)
}

#[test]
fn books_of_market_data_v1() {
    let first = v1(0, &[["bid", "99", "1", "initial", ""], ["ask", "101", "2", "initial", ""]]);
    let bid = |number, price, quantity| v1(number, &[["bid", price, quantity, "place", ""]]);
    type Case<'c> = (&'c [String], Option<StaleReason>, [u64; 4], [u64; 4], &'c str);
    // The lines after the first; the reason if the book is stale; the counts of snapshots, updates, gaps and ignored
    // frames; the counts of jumps, lost frames, repeated frames and restarts; the bids.
    let table: [Case<'_>; 11] = [
        (&[], None, [1, 0, 0, 0], [0; 4], "[[99,1]]"),
        (&[bid(1, "98", "3"), heartbeat(2), bid(3, "99", "0")], None, [1, 2, 0, 0], [0; 4], "[[98,3]]"),
        (
            &[bid(1, "98", "3"), bid(1, "98", "3"), bid(2, "99", "0")],
            None,
            [1, 2, 0, 1],
            [0, 0, 1, 0],
            "[[98,3]]",
        ),
        (
            &[bid(1, "98", "3"), bid(3, "99", "0"), bid(4, "99", "5")],
            Some(StaleReason::Gap),
            [1, 1, 1, 2],
            [1, 1, 0, 0],
            "[[99,1],[98,3]]",
        ),
        // Heartbeats are numbered too, and so are frames of kinds that are not known.
        (&[heartbeat(4), bid(5, "99", "0")], Some(StaleReason::Gap), [1, 0, 1, 1], [1, 3, 0, 0], "[[99,1]]"),
        (&[news(1), bid(2, "98", "3")], None, [1, 1, 0, 0], [0; 4], "[[99,1],[98,3]]"),
        (
            &[news(1), news(1), news(3), bid(4, "98", "3")],
            Some(StaleReason::Gap),
            [1, 0, 1, 1],
            [1, 1, 1, 0],
            "[[99,1]]",
        ),
        (
            &[bid(1, "98", "3"), bid(1, "97", "1").replace(":101", ":900")],
            Some(StaleReason::Gap),
            [1, 1, 1, 1],
            [0, 0, 1, 0],
            "[[99,1],[98,3]]",
        ),
        (
            &[bid(1, "98", "3"), first.replace(":100", ":900"), bid(1, "97", "1")],
            None,
            [2, 2, 0, 0],
            [0, 0, 0, 1],
            "[[99,1],[97,1]]",
        ),
        // The heartbeat with the number 0 begins another connection, over which no snapshot has come.
        (
            &[bid(1, "98", "3"), heartbeat(0), bid(1, "97", "1")],
            Some(StaleReason::Gap),
            [1, 1, 0, 1],
            [0, 0, 0, 1],
            "[[99,1],[98,3]]",
        ),
        (
            &["{\"type\":\"update\",".to_owned(), bid(2, "98", "3")],
            Some(StaleReason::Gap),
            [1, 0, 1, 1],
            [1, 1, 0, 0],
            "[[99,1]]",
        ),
    ];
    for (lines, reason, counts, numbering, bids) in table {
        let lines: Vec<_> = [&first].into_iter().chain(lines).map(String::as_str).collect();
        let report = report_of(&lines, None, Some("btcusd"));
        let book = &report.books["btcusd"];
        assert_eq!((book.reason, levels(&book.top10_bids).as_str()), (reason, bids), "{lines:?}");
        let Counts { snapshots, updates, gaps, ignored } = book.counts;
        assert_eq!([snapshots, updates, gaps, ignored], counts, "{lines:?}");
        let found = report.socket_sequence.as_ref().unwrap();
        let found = [found.jumps, found.lost_frames, found.repeated, found.restarts];
        assert_eq!(found, numbering, "{lines:?}");
        assert_eq!((report.gaps, book.crossed), (gaps, false), "{lines:?}");
    }
}

#[test]
fn one_level_per_side_of_a_top_of_book() {
    let top = |number, side, price, quantity| v1(number, &[[side, price, quantity, "top-of-book", ""]]);
    let lines = [
        v1(0, &[["ask", "11386.12", "1.307", "initial", ""]]),
        top(1, "ask", "11386.62", "1"),
        top(2, "bid", "11380.00", "2"),
        top(3, "ask", "11386.12", "1.3148"),
        top(4, "bid", "0", "0"),
    ];
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    for (until, bids, asks) in [
        (1, "[]", "[[11386.12,1.307]]"),
        (2, "[]", "[[11386.62,1]]"),
        (4, "[[11380,2]]", "[[11386.12,1.3148]]"),
        (5, "[]", "[[11386.12,1.3148]]"),
    ] {
        // Neither the frames nor the arguments name the symbol.
        let report = report(&lines[..until]);
        let book = &report.books[UNNAMED];
        assert_eq!((levels(&book.top10_bids).as_str(), levels(&book.top10_asks).as_str()), (bids, asks));
        assert_eq!((book.counts.updates, book.state), (until as u64 - 1, "live"));
        assert!(report.knows(UNNAMED));
    }
}

/// All best levels of a frame belong to one event of the venue, so they do not cross the book between them.
#[test]
fn levels_of_one_frame_cross_no_book() {
    let top = "top-of-book";
    let lines = [
        v1(0, &[["bid", "100", "1", "initial", ""], ["ask", "101", "1", "initial", ""]]),
        v1(1, &[["bid", "102", "1", top, ""], ["ask", "103", "1", top, ""]]),
        v1(2, &[["ask", "99", "1", top, ""], ["bid", "98", "1", top, ""]]),
        v1(3, &[["bid", "99", "1", top, ""]]),
        v1(4, &[["ask", "105", "1", top, ""], ["bid", "103", "1", "place", ""]]),
    ];
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    for (until, updates, crossed) in [(1, 0, 0), (2, 2, 0), (3, 4, 0), (4, 5, 1), (5, 7, 1)] {
        let report = report(&lines[..until]);
        let book = &report.books[UNNAMED];
        assert_eq!((report.crossed, book.crossed, book.counts.updates), (crossed, until == 4, updates));
    }
}

#[test]
fn several_markets_of_one_connection() {
    let lines = [
        v1(0, &[["bid", "9", "1", "initial", "BTCUSD"], ["ask", "11", "1", "initial", "BTCUSD"]]),
        v1(1, &[["bid", "5", "1", "initial", "ETHUSD"]]),
        v1(2, &[["bid", "8", "2", "place", "BTCUSD"], ["bid", "5", "0", "cancel", "ETHUSD"]]),
        v1(3, &[["ask", "70", "1", "place", "SOLUSD"]]),
    ];
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let whole = report_of(&lines, Some(Endpoint::MarketDataV1), None);
    assert_eq!(levels(&whole.books["BTCUSD"].top10_bids), "[[9,1],[8,2]]");
    assert_eq!((whole.books["ETHUSD"].bids, whole.books["ETHUSD"].counts.updates), (0, 1));
    assert_eq!(whole.without_snapshot["SOLUSD"], 1);
    assert_eq!((whole.books.len(), whole.knows(UNNAMED), whole.gaps), (2, false, 0));
    // One counter numbers the frames of all symbols, so a missing frame may belong to any symbol.
    let lost = report(&[lines[0], lines[1], lines[3]]);
    assert!(lost.books.values().all(|book| book.state == "stale" && book.counts.gaps == 1));
    assert_eq!(lost.gaps, 2);
}

#[test]
fn books_of_market_data_v2() {
    let first = r#"{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","9","1"],["sell","11","2"]],"trades":[{"type":"trade","symbol":"BTCUSD","event_id":1,"timestamp":1,"price":"9","quantity":"1","side":"buy"}],"auction_events":[]}"#;
    let change = r#"{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","9","0"],["buy","8","1"]]}"#;
    let refusal = r#"{"result":"error","reason":"NoValidTradingPairs"}"#;
    let cut = &change[..40];
    type Case<'c> = (&'c [&'c str], Option<StaleReason>, bool, [u64; 4], &'c str);
    // The lines; the reason if the book is stale; whether it is doubtful; the counts as above; the bids.
    let table: [Case<'_>; 7] = [
        (&[first], None, false, [1, 0, 0, 0], "[[9,1]]"),
        (&[refusal, first, change, refusal], None, false, [1, 1, 0, 0], "[[8,1]]"),
        (&[first, change, first], None, false, [2, 1, 0, 0], "[[9,1]]"),
        // The recording begins in the middle of a connection.
        (&[change, change], None, true, [1, 1, 0, 0], "[[8,1]]"),
        (&[change, first], None, false, [2, 0, 0, 0], "[[9,1]]"),
        // The gap is counted with `cut`, and not with the next frame again.
        (&[first, cut, change], Some(StaleReason::Gap), false, [1, 0, 1, 1], "[[9,1]]"),
        (&[first, cut, first, r#"{"type":"trade"}"#, change], None, false, [2, 1, 1, 0], "[[8,1]]"),
    ];
    for (lines, reason, doubtful, counts, bids) in table {
        let report = report(lines);
        let book = &report.books["BTCUSD"];
        assert_eq!((book.reason, book.doubtful, book.last_u), (reason, doubtful, None), "{lines:?}");
        assert_eq!(levels(&book.top10_bids), bids, "{lines:?}");
        let Counts { snapshots, updates, gaps, ignored } = book.counts;
        assert_eq!([snapshots, updates, gaps, ignored], counts, "{lines:?}");
        assert_eq!(report.socket_sequence, None);
        assert_eq!(report.to_text().contains("doubtful"), doubtful, "{lines:?}");
    }
}

/// The report has books of more symbols than a client keeps. The test would take very long if the cost of a frame
/// grew with the number of symbols.
#[test]
fn many_symbols() {
    let count = gemini_ws::BOOKS_MAX + 1_808;
    let mut lines = Vec::new();
    for _ in 0..5 {
        for number in 0..count {
            let symbol = format!("\"s{number}usd\"");
            let line = if lines.len() < count {
                SNAPSHOT.replace("\"btcusd\"", &symbol)
            } else {
                let round = 4 + lines.len() / count;
                format!(
                    r#"{{"e":"depthUpdate","E":1,"s":{symbol},"U":{round},"u":{},"b":[],"a":[]}}"#,
                    round + 1
                )
            };
            lines.push(line);
        }
    }
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let report = report(&lines);
    assert_eq!((report.books.len(), report.gaps), (count, 0));
    assert!(report.books.values().all(|book| book.state == "live" && book.counts.updates == 4));
}

/// A snapshot makes a stale book current again, and the next loss makes it stale again.
#[test]
fn losses_of_v1_one_after_the_other() {
    let frame = |number: u64, symbol: &str, reason: &str| {
        format!(
            r#"{{"type":"update","eventId":{number},"socket_sequence":{number},"events":[{{"type":"change","symbol":"{symbol}","side":"bid","price":"9","remaining":"1","delta":"1","reason":"{reason}"}}]}}"#
        )
    };
    let lines = [
        frame(0, "btcusd", "initial"),
        frame(1, "ethusd", "initial"),
        frame(5, "btcusd", "place"),
        frame(9, "btcusd", "place"),
        frame(0, "btcusd", "initial"),
        frame(3, "ethusd", "place"),
    ];
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let report = report(&lines);
    let gaps = |symbol: &str| (report.books[symbol].state, report.books[symbol].counts.gaps);
    assert_eq!((gaps("btcusd"), gaps("ethusd")), (("stale", 2), ("stale", 1)));
}
