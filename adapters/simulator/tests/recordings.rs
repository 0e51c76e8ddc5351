//! Tests recordings: which session gets which frame, and when.

use std::collections::VecDeque;
use std::time::Duration;

use crate::common::{CLIENT, ClientBook, Venue, market, request, symbol};
use gemini_ws::{Frame, Instant, Message, Scratch, decode};
use gemini_ws_simulator::{Config, NextLine, Output, Recording, SessionId};
use testkit::variables::flag;

const SECOND: Duration = Duration::from_secs(1);

const FRAMES: [&str; 8] = [
    r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":10,"u":10,"b":[["99.50","1.0"],["99.00","2.0"]],"a":[["100.50","3.0"]]}"#,
    r#"{"id":1,"status":200}"#,
    r#"{"u":10,"E":1,"s":"btcusd","b":"99.50","B":"1.0","a":"100.50","A":"3.0"}"#,
    r#"{"e":"depthUpdate","E":2,"s":"ethusd","U":12,"u":12,"b":[["9","1"]],"a":[]}"#,
    r#"{"e":"depthUpdate","E":3,"s":"btcusd","U":8,"u":10,"b":[["99.00","2.0"]],"a":[]}"#,
    r#"{"e":"depthUpdate","E":4,"s":"btcusd","U":10,"u":15,"b":[["99.50","0.0"],["98.00","0.0"]],"a":[["100.40","1.0"]]}"#,
    r#"{"E":5,"s":"btcusd","t":7,"p":"100.40","q":"0.1","m":false}"#,
    r#"{"e":"depthUpdate","E":6,"s":"btcusd","U":15,"u":16,"b":[],"a":[["100.40","0.9"]]}"#,
];

fn venue() -> Venue {
    Venue::new(Config::recording(Recording::parse(&FRAMES.join("\n")).unwrap()), 1)
}

#[test]
fn many_symbols_cost_no_more_each() {
    let trade = |number| format!(r#"{{"E":5,"s":"s{number}usd","t":7,"p":"1","q":"1","m":false}}"#);
    let lines: Vec<String> = (0..100_000).map(trade).collect();
    let started = cpu_time::ThreadTime::now();
    assert_eq!(Recording::parse(&lines.join("\n")).unwrap().symbols().len(), lines.len());
    // This takes about half a second. If each frame caused a search of all symbols, it would take a minute.
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[test]
fn plays_what_is_subscribed() {
    let mut venue = venue();
    assert!(venue.exchange.symbols().eq([symbol("btcusd"), symbol("ethusd")]));
    venue.connect("snapshot=-1");
    assert_eq!(venue.run(SECOND), [""; 0], "nobody has subscribed");
    assert_eq!(venue.request("subscribe", &["btcusd@depth", "btcusd@trade"]).len(), 1);
    assert_eq!(venue.run(SECOND), [FRAMES[0], FRAMES[4], FRAMES[5], FRAMES[6], FRAMES[7]]);
    assert_eq!(venue.exchange.stats().played, 7);
    let book = venue.exchange.book(symbol("btcusd")).unwrap();
    assert_eq!((book.bids.len(), book.asks.len(), book.last_update_id), (1, 2, 16));
    // After the end of the recording the exchange sends no recorded frames, but still replies to requests.
    assert_eq!(venue.send(r#"{"id":2,"method":"ping"}"#), [r#"{"id":2,"status":200}"#]);
    assert_eq!(venue.run_outputs(SECOND * 30).len(), 1, "a server ping");
    let refused = venue.request("subscribe", &["solusd@depth"]);
    assert!(refused[0].contains("Invalid stream name: solusd@depth"));
}

#[test]
fn who_comes_later_gets_the_present_state() {
    let mut venue = venue();
    venue.connect("snapshot=-1");
    venue.request("subscribe", &["ethusd@depth@100ms"]);
    // The exchange has played five frames, at 10 ms each. It has yet to play the trade and the last change.
    venue.run(Duration::from_millis(50));
    let snapshot = r#"{"e":"depthUpdate","E":4,"s":"btcusd","U":15,"u":15,"b":[["99.00","2.0"]],"a":[["100.40","1.0"],["100.50","3.0"]]}"#;
    venue.request("subscribe", &["btcusd@trade"]);
    let texts = venue.request("subscribe", &["btcusd@depth@100ms", "btcusd@bookTicker"]);
    assert_eq!(texts, [r#"{"id":1,"status":200}"#, snapshot, FRAMES[2]]);
    let mut texts = venue.request("unsubscribe", &["btcusd@depth@100ms"]);
    texts.extend(venue.request("subscribe", &["btcusd@depth@100ms"]));
    assert_eq!(texts, [r#"{"id":1,"status":200}"#, r#"{"id":1,"status":200}"#, snapshot]);
    let other = SessionId(2);
    venue.exchange.handle_connected(other, venue.now, "snapshot=1");
    venue.exchange.handle_frame(other, venue.now, Frame::Text(&request("subscribe", &["btcusd@depth"])));
    let best = r#"{"e":"depthUpdate","E":4,"s":"btcusd","U":15,"u":15,"b":[["99.00","2.0"]],"a":[["100.40","1.0"]]}"#;
    assert!(venue.outputs().contains(&Output::Send { session: other, text: best.to_owned() }));
    let outputs = venue.run_outputs(SECOND);
    let count = |session| outputs.iter().filter(|output| output.session() == session).count();
    assert_eq!((count(CLIENT), count(other)), (2, 1));
    let result = venue.send(r#"{"id":1,"method":"depth","params":{"symbol":"btcusd","limit":1}}"#);
    assert_eq!(
        result,
        [
            r#"{"id":1,"status":200,"result":{"lastUpdateId":16,"bids":[["99.00","2.0"]],"asks":[["100.40","0.9"]]}}"#
        ]
    );
}

/// A recording may lack an update, for example after a lost connection. From this gap to the next recorded snapshot,
/// the exchange has no book. A session that subscribes after the gap gets the next recorded snapshot, and no change
/// before it. A session that requested no snapshots gets all changes.
#[test]
fn a_gap_ends_the_book() {
    let frames = [
        r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["1","1"]],"a":[["3","1"],["4","1"]]}"#,
        r#"{"e":"depthUpdate","E":2,"s":"btcusd","U":5,"u":6,"b":[["1","2"]],"a":[]}"#,
        r#"{"e":"depthUpdate","E":3,"s":"btcusd","U":7,"u":8,"b":[["1","3"]],"a":[]}"#,
        r#"{"e":"depthUpdate","E":4,"s":"btcusd","U":8,"u":9,"b":[["1","4"]],"a":[]}"#,
        r#"{"e":"depthUpdate","E":5,"s":"btcusd","U":12,"u":12,"b":[["2","1"]],"a":[["3","1"]]}"#,
        r#"{"e":"depthUpdate","E":6,"s":"btcusd","U":12,"u":13,"b":[],"a":[["5","1"]]}"#,
    ];
    let mut venue = Venue::new(Config::recording(Recording::parse(&frames.join("\n")).unwrap()), 1);
    venue.connect("snapshot=-1");
    let depth = ["btcusd@depth"];
    assert_eq!(venue.request("subscribe", &depth).len(), 1);
    let bare = SessionId(2);
    venue.exchange.handle_connected(bare, venue.now, "");
    venue.exchange.handle_frame(bare, venue.now, Frame::Text(&request("subscribe", &depth)));
    venue.outputs();
    let mut levels = Vec::new();
    for (played, frame) in frames.iter().enumerate() {
        let outputs = venue.run_outputs(Duration::from_millis(10));
        let sent = |session| outputs.contains(&Output::Send { session, text: (*frame).to_owned() });
        // The session `bare` gets the snapshot after the gap, because it is not the first snapshot since `bare`
        // subscribed.
        assert_eq!((sent(CLIENT), sent(bare)), (played != 3, played != 0), "{played}");
        assert_eq!(outputs.len(), usize::from(played != 3) + usize::from(played != 0), "{played}");
        let book = venue.exchange.book(symbol("btcusd")).unwrap();
        levels.push((book.bids.len(), book.asks.len(), book.last_update_id));
        venue.request("unsubscribe", &depth);
        let snapshots = venue.request("subscribe", &depth).len() - 1;
        assert_eq!(snapshots, usize::from(book.last_update_id > 0), "{played}");
    }
    assert_eq!(levels, [(1, 2, 5), (1, 2, 6), (0, 0, 0), (0, 0, 0), (1, 1, 12), (1, 2, 13)]);
}

/// The venue can restart its update ids at a lower number. The exchange replaces its book by a recorded snapshot,
/// even if the id of the snapshot is lower.
#[test]
fn a_snapshot_may_have_a_lower_id() {
    let depth = |first: u64, last: u64, bid: u32| {
        format!(
            r#"{{"e":"depthUpdate","E":1,"s":"btcusd","U":{first},"u":{last},"b":[["{bid}","1"]],"a":[]}}"#
        )
    };
    let frames = [depth(50, 50, 90), depth(50, 60, 91), depth(5, 5, 10), depth(5, 7, 11)];
    let mut venue = Venue::new(Config::recording(Recording::parse(&frames.join("\n")).unwrap()), 1);
    venue.connect("snapshot=-1");
    venue.request("subscribe", &["btcusd@depth"]);
    assert_eq!(venue.run(SECOND), frames);
    let book = venue.exchange.book(symbol("btcusd")).unwrap();
    assert_eq!((book.bids.len(), book.last_update_id), (2, 7));
}

/// The lowest update id is an id like any other.
#[test]
fn a_snapshot_may_have_the_id_zero() {
    let snapshot = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":0,"u":0,"b":[["90","1"]],"a":[]}"#;
    let mut venue = Venue::new(Config::recording(Recording::parse(snapshot).unwrap()), 1);
    venue.connect("snapshot=-1");
    venue.request("subscribe", &["btcusd@depth"]);
    assert_eq!(venue.run(SECOND), [snapshot]);
    assert_eq!(venue.exchange.book(symbol("btcusd")).unwrap().bids.len(), 1);
    venue.request("unsubscribe", &["btcusd@depth"]);
    assert_eq!(venue.request("subscribe", &["btcusd@depth"]).last().unwrap(), snapshot);
}

#[test]
fn without_snapshots_changes_only() {
    let mut venue = venue();
    venue.connect("");
    venue.request("subscribe", &["btcusd@depth"]);
    assert_eq!(venue.run(SECOND), [FRAMES[4], FRAMES[5], FRAMES[7]]);
}

#[test]
fn faults_hold_for_recordings() {
    let mut venue = venue();
    venue.connect("snapshot=-1");
    venue.exchange.faults().drop_depth(symbol("btcusd"), 2);
    venue.exchange.faults().duplicate_depth(symbol("btcusd"), 3);
    venue.request("subscribe", &["btcusd@depth"]);
    assert_eq!(venue.run(SECOND), [FRAMES[0], FRAMES[4], FRAMES[7], FRAMES[7]]);
}

/// Returns the times at which the exchange sends the frames of a recording, in ms after the subscription.
fn times(recording: Recording) -> Vec<u64> {
    let mut venue = Venue::new(Config::recording(recording), 1);
    venue.run(SECOND);
    venue.connect("snapshot=-1");
    venue.request("subscribe", &["btcusd@trade"]);
    let mut times = Vec::new();
    while let Some(now) = venue.exchange.deadline().filter(|now| *now < Instant::from_secs(15)) {
        venue.exchange.handle_timeout(now);
        times.extend(venue.texts().iter().map(|_| now.since(venue.now).as_millis() as u64));
    }
    times
}

#[test]
fn pace() {
    let trade = r#"{"E":1,"s":"btcusd","t":1,"p":"1","q":"1","m":true}"#;
    let with_times =
        |times: [&str; 4]| Recording::parse(&times.map(|time| format!("{time}{trade}")).join("\n")).unwrap();
    let plain = with_times([""; 4]);
    assert_eq!(times(plain.clone()), [10, 20, 30, 40]);
    assert_eq!(times(plain.interval(Duration::from_millis(500))), [500, 1000, 1500, 2000]);
    let timed = with_times(["1790732601.5 ", "1790732601.75 ", "1790732604.5\t", "1790732604.25 "]);
    assert_eq!(times(timed.clone()), [0, 250, 3000, 3000]);
    assert_eq!(times(timed.without_receive_times()), [10, 20, 30, 40]);
    assert_eq!(
        times(with_times(["1790732601500 ", "", "1790732601900 ", "1790732601950 "])),
        [0, 10, 20, 70]
    );
}

/// A recording grows while it is played: a line is available only some time after the frame before it was played. The
/// wait for the line is a part of the pause before its frame.
#[test]
fn pace_of_a_recording_that_grows() {
    let mut lines = VecDeque::new();
    for second in 0..5 {
        // The exchange asks again after each `Later`.
        lines.extend(vec![NextLine::Later; 50]);
        let trade = r#"{"E":1,"s":"btcusd","t":1,"p":"1","q":"1","m":true}"#;
        lines.push_back(NextLine::Line(format!("{second} {trade}")));
    }
    let next = move || lines.pop_front().unwrap_or(NextLine::End);
    let found = times(Recording::streamed([symbol("btcusd")], next));
    let first = found[0];
    assert_eq!(found.iter().map(|at| at - first).collect::<Vec<_>>(), [0, 1_000, 2_000, 3_000, 4_000]);
}

/// Plays a recording of the venue, if there is one. The exchange sends all frames of the recording, and the depth
/// frames make books without a gap.
#[test]
fn recorded_frames() {
    let folder = std::env::var("GEMINI_WS_FRAMES").unwrap_or_else(|_| "../../../shared/frames".to_owned());
    let Ok(text) = std::fs::read_to_string(format!("{folder}/dev_ws_gemini_perps.jsonl")) else {
        assert!(!flag("GEMINI_WS_REQUIRE_FRAMES"), "no recordings in {folder}");
        eprintln!("ignored: no recordings in {folder}");
        return;
    };
    let recording = Recording::parse(&text).unwrap();
    let frames = recording.len();
    let mut venue = Venue::new(Config::recording(recording), 1);
    venue.connect("snapshot=-1");
    let names =
        ["btcgusdperp@depth@100ms", "ethgusdperp@depth", "btcgusdperp@bookTicker", "ethgusdperp@bookTicker"];
    venue.request("subscribe", &names);
    let texts = venue.run(SECOND * 10);
    assert_eq!(texts.len(), frames);
    let mut scratch = Scratch::new();
    for name in ["btcgusdperp", "ethgusdperp"] {
        let mut book = ClientBook::default();
        for text in &texts {
            match decode(text, &mut scratch).unwrap() {
                Message::Depth(depth) if depth.symbol == name => drop(book.apply(&depth)),
                _ => {}
            }
        }
        assert_eq!(book.gaps, 0);
        assert_eq!(Some(book.as_true_book()), venue.exchange.book(symbol(name)));
    }
}

/// The exchange refuses the streams of other APIs. It also refuses `requestForQuote` if it plays a recording, or if
/// its market has no prediction-market contracts.
#[test]
fn streams_that_do_not_exist() {
    let status =
        r#"{"e":"contractStatus","E":1,"s":"GEMI-A-UP","k":"A","c":"UP","i":1,"o":"Approved","n":"Active"}"#;
    let frames = [FRAMES[0], status].join("\n");
    let recording = || Config::recording(Recording::parse(&frames).unwrap());
    for config in [market(&["btcusd"]), recording()] {
        let mut venue = Venue::new(config, 1);
        venue.connect("");
        for name in ["requestForQuote", "btcusd@candles_1m", "btcusd@candles_1d"] {
            for verb in ["subscribe", "unsubscribe"] {
                let replies = venue.request(verb, &[name]);
                assert!(replies[0].contains(&format!("Invalid stream name: {name}")), "{verb} {replies:?}");
            }
        }
        assert_eq!(venue.exchange.subscriptions(CLIENT).count(), 0);
    }
    let mut venue = Venue::new(recording(), 1);
    venue.connect("");
    venue.request("subscribe", &["contractStatus"]);
    venue.request("unsubscribe", &["requestForQuote"]);
    assert_eq!(venue.run(SECOND), [status]);
}
