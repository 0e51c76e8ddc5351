//! Tests faults as lines of text: each line has the effect of its method of `Faults`, at the time in the line.

use std::time::Duration;

use crate::common;
use crate::common::rest::{ask, headers};
use crate::common::trading::{FIRST, Floor, SECOND};
use gemini_ws::{Frame, Instant};
use gemini_ws_simulator::{FaultKind, FaultSpec, Output, PLANNED_FAULTS_MAX, SessionId, UpgradeRequest};

/// The outputs of two seconds, and the status and the delay of each answer of REST. Times are in ms.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    outputs: Vec<(u64, Output)>,
    rest: Vec<(u64, u16, Duration)>,
}

impl Seen {
    /// Returns the time of the first text frame that contains `part`, and how many such frames there are.
    fn texts(&self, part: &str) -> (u64, usize) {
        let has =
            |output: &&(u64, Output)| matches!(&output.1, Output::Send { text, .. } if text.contains(part));
        let found: Vec<_> = self.outputs.iter().filter(has).collect();
        (found.first().map_or(0, |(at, _)| *at), found.len())
    }

    /// Returns the longest time without an output to the first session, in ms.
    fn silence(&self) -> u64 {
        let times: Vec<u64> =
            self.outputs.iter().filter(|(_, it)| it.session() == FIRST).map(|it| it.0).collect();
        times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0)
    }

    /// Returns the number of gaps in the depth frames, and the number of repeated depth frames.
    fn depth(&self) -> (usize, usize) {
        let (mut last, mut gaps, mut repeated) = (None, 0, 0);
        for (_, output) in &self.outputs {
            let Output::Send { text, .. } = output else { continue };
            let Ok(value) = serde_json::from_str::<serde_json::Value>(text) else { continue };
            let (Some(first), Some(newest)) = (value["U"].as_u64(), value["u"].as_u64()) else { continue };
            match last {
                Some(last) if newest <= last => repeated += 1,
                Some(last) if first > last => gaps += 1,
                _ => {}
            }
            last = last.max(Some(newest));
        }
        (gaps, repeated)
    }
}

/// Plans faults, and then runs for two seconds. Every 100 ms, sends a `ping`, an order, a subscribe request and a
/// REST request.
fn see(faults: &str) -> Seen {
    let config = common::market(&["btcusd"]).events_per_second(100).stale_percent(0);
    let mut floor = Floor::new(config, 1);
    floor.connect(FIRST, "one", "/?snapshot=-1");
    floor.connect(SECOND, "two", "/");
    floor.send(
        FIRST,
        &common::request("subscribe", &["btcusd@depth@100ms", "btcusd@trade", "orders@account"]),
    );
    floor.run(Duration::from_millis(500));
    let lines = faults.lines().filter(|line| !line.is_empty()).count();
    assert_eq!(floor.exchange.plan_faults(floor.now, faults), Ok(lines));
    let (mut seen, start) = (Seen::default(), floor.now);
    for step in 0..20 {
        let at = |now: Instant| u64::try_from(now.since(start).as_millis()).unwrap();
        let end = floor.now + Duration::from_millis(100);
        while let Some(now) = floor.exchange.deadline().filter(|now| *now <= end) {
            floor.exchange.handle_timeout(now);
            seen.outputs.extend(std::iter::from_fn(|| floor.exchange.poll_output()).map(|it| (at(now), it)));
        }
        floor.now = end;
        let frames = [
            format!(r#"{{"id":{step},"method":"ping"}}"#),
            common::trading::place("btcusd BUY LIMIT IOC 0.01 1.00"),
            common::request("subscribe", &["ethusd@trade"]).replace("ethusd", "btcusd"),
        ];
        for frame in &frames {
            floor.exchange.handle_frame(FIRST, floor.now, Frame::Text(frame));
            let outputs = std::iter::from_fn(|| floor.exchange.poll_output());
            seen.outputs.extend(outputs.map(|it| (at(floor.now), it)));
        }
        let payload = format!(r#"{{"request":"/v1/orders","nonce":{}}}"#, step + 1);
        let answer = ask(&mut floor.exchange, floor.now, "/v1/orders", &headers("account-one", &payload));
        seen.rest.push((at(floor.now), answer.status, answer.delay));
    }
    seen
}

type Check = fn(&Seen, &Seen) -> bool;

/// A specification of each kind of fault, and a check of its effect. The check compares the outputs with the fault
/// and without it.
const EFFECTS: [(&str, Check); 25] = [
    ("drop-depth btcusd 3 @1s", |with, without| with.depth() == (1, 0) && without.depth() == (0, 0)),
    ("duplicate-depth btcusd 1 @500ms", |with, _| with.depth() == (0, 1)),
    ("repeat-snapshot btcusd @550ms", |with, without| {
        let lengths = |seen: &Seen| {
            let long = |it: &&(u64, Output)| matches!(&it.1, Output::Send { text, .. } if text.len() > 2_000);
            seen.outputs.iter().filter(long).count()
        };
        lengths(with) == lengths(without) + 1
    }),
    ("delay-snapshots btcusd 1s", |_, _| true),
    ("delay-replies 250ms @950ms", |with, without| {
        with.texts(r#""id":12,"#).0 == without.texts(r#""id":12,"#).0 + 250
            && with.texts(r#""id":3,"#) == without.texts(r#""id":3,"#)
    }),
    ("withhold-replies 3 @1050ms", |with, without| {
        with.texts(r#""status":"#).1 + 3 == without.texts(r#""status":"#).1
    }),
    ("refuse-requests 2 @1050ms", |with, without| {
        with.texts(r#""status":429"#) == (1_100, 2) && without.texts(r#""status":429"#).1 == 0
    }),
    ("refuse-subscribes -1000 2 @1050ms", |with, _| with.texts(r#""code":-1000"#) == (1_100, 2)),
    ("refuse-names BTCUSD@TRADE btcusd@bookTicker", |with, without| {
        // A session can subscribe again to a stream that it is already subscribed to.
        with.texts("Invalid stream").1 == without.texts("Invalid stream").1
    }),
    ("stall 700ms @1s", |with, without| with.silence() >= 700 && without.silence() < 300),
    ("lose-frames 5 @1s", |with, without| with.outputs.len() + 5 == without.outputs.len()),
    ("close 1001 @1s", |with, _| {
        let closed = |session| (1_000, Output::Close { session, code: 1001, reason: "" });
        with.outputs.ends_with(&[closed(FIRST), closed(SECOND)])
    }),
    ("abort @1s", |with, _| {
        let cut = |session| (1_000, Output::Abort { session });
        with.outputs.ends_with(&[cut(FIRST), cut(SECOND)])
    }),
    ("cut-frame @1s", |with, _| {
        let cut = |session| (1_000, Output::CutFrame { session });
        with.outputs.ends_with(&[cut(FIRST), cut(SECOND)])
    }),
    ("send-text {\"x\":  1} @1s", |with, _| with.texts("{\"x\":  1}") == (1_000, 2)),
    ("halt-market 500ms @1s", |with, without| {
        let trades = |seen: &Seen| seen.texts(r#""U":"#).1;
        trades(with) + 3 <= trades(without) && with.outputs.last().is_some_and(|last| last.0 == 2_000)
    }),
    ("close-market btcusd 500ms @1s", |with, _| {
        let rejected = with.texts(r#""r":"MarketNotOpen""#);
        rejected.1 == 5 && (1_000..1_200).contains(&rejected.0)
    }),
    ("drop-order-events 3 @1050ms", |with, without| {
        with.texts("orderUpdate").1 + 3 == without.texts("orderUpdate").1
    }),
    ("duplicate-order-events 3 @1050ms", |with, without| {
        with.texts("orderUpdate").1 == without.texts("orderUpdate").1 + 3
    }),
    ("duplicate-quote-events 3", |_, _| true),
    ("rest-503 500ms @1s", |with, without| {
        let failed: Vec<u64> = with.rest.iter().filter(|it| it.1 == 503).map(|it| it.0).collect();
        failed == [1_000, 1_100, 1_200, 1_300, 1_400] && without.rest.iter().all(|it| it.1 == 200)
    }),
    ("delay-rest 2s @1050ms\ndelay-rest 0s @1250ms", |with, _| {
        let late = with.rest.iter().filter(|it| it.2 == Duration::from_secs(2));
        late.map(|it| it.0).eq([1_100, 1_200])
    }),
    // `upgrades.rs` tests the faults of upgrades.
    ("refuse-upgrades 503 1s 2", |with, without| with == without),
    ("delay-upgrades 1s", |with, without| with == without),
    ("spoil-upgrades 1", |with, without| with == without),
];

#[test]
fn each_has_its_effect() {
    let without = see("");
    assert_eq!(without, see(""));
    for (spec, check) in EFFECTS {
        assert!(check(&see(spec), &without), "{spec}");
    }
    let names: Vec<&str> = EFFECTS.iter().map(|(spec, _)| spec.split(' ').next().unwrap()).collect();
    let known: Vec<&str> = FaultKind::ALL.iter().map(FaultKind::name).collect();
    assert_eq!(names, known);
}

/// Plans faults, and then opens a session. Returns the outputs of its first 1.5 seconds, and the status and the delay
/// of a later answer of REST.
fn see_later_session(faults: &str) -> (Vec<Output>, u16, Duration) {
    let config = common::market(&["btcusd"]).events_per_second(100).stale_percent(0);
    let mut floor = Floor::new(config, 1);
    floor.exchange.plan_faults(floor.now, faults).unwrap();
    floor.connect(FIRST, "one", "/?snapshot=-1");
    let mut outputs = Vec::new();
    let frames = [
        common::request("subscribe", &["btcusd@depth@100ms", "btcusd@trade", "orders@account"]),
        common::trading::place("btcusd BUY LIMIT GTC 0.01 1.00"),
        String::new(),
    ];
    for frame in frames {
        if !frame.is_empty() {
            floor.exchange.handle_frame(FIRST, floor.now, Frame::Text(&frame));
        }
        let end = floor.now + Duration::from_millis(500);
        while let Some(now) = floor.exchange.deadline().filter(|now| *now <= end) {
            floor.exchange.handle_timeout(now);
        }
        floor.now = end;
        outputs.extend(std::iter::from_fn(|| floor.exchange.poll_output()));
    }
    let payload = r#"{"request":"/v1/orders","nonce":1}"#;
    let answer = ask(&mut floor.exchange, floor.now, "/v1/orders", &headers("account-one", payload));
    (outputs, answer.status, answer.delay)
}

/// Tests [`FaultSpec::acts_on_open_sessions`]. If it returns `true`, the fault has no effect on a session that opens
/// after the fault has begun. If it returns `false`, the fault also affects such a session. Here, every fault begins
/// before the session opens.
#[test]
fn open_and_later_sessions() {
    let without = see_later_session("");
    let mut of_open = Vec::new();
    for kind in FaultKind::ALL {
        let spec =
            kind.example().split(" @").next().unwrap().replace("refuse-names ethusd", "refuse-names btcusd");
        let spec = spec.replace("-1003 2", "-1003 1");
        let is_of_open = spec.parse::<FaultSpec>().unwrap().acts_on_open_sessions();
        of_open.extend(is_of_open.then_some(kind.name()));
        // No quotes exist, so the fault of quote events has no effect. `upgrades.rs` tests the faults of upgrades.
        if kind.name() != "duplicate-quote-events" && !kind.name().ends_with("-upgrades") {
            assert_eq!(see_later_session(&spec) == without, is_of_open, "{spec}");
        }
    }
    assert_eq!(
        of_open,
        ["repeat-snapshot", "stall", "lose-frames", "close", "abort", "cut-frame", "send-text"]
    );
}

#[test]
fn the_table_is_complete() {
    let table = FaultKind::table();
    assert_eq!(table.lines().count(), FaultKind::ALL.len());
    for kind in FaultKind::ALL {
        let words = kind.example().split(' ').filter(|word| !word.starts_with('@')).count();
        let named = kind.arguments().split(' ').filter(|word| !word.is_empty()).count();
        assert!(words > 0 && (words == 1 + named || kind.arguments().starts_with('[')), "{}", kind.example());
        assert!(table.contains(&format!("  {} {}", kind.name(), kind.arguments()).trim_end().to_owned()));
        assert!(kind.effect().len() < 80, "{}", kind.effect());
    }
    // The help of the command wraps lines of more than 100 characters.
    for line in table.lines() {
        assert!(line.len() <= 100 && line.get(35..36) == Some(" "), "{line}");
    }
}

#[test]
fn snapshots_and_names() {
    let mut floor = Floor::new(common::market(&["btcusd"]), 1);
    let faults = "delay-snapshots btcusd 3s\nrefuse-names btcusd@trade btcusd@bookTicker\nrefuse-names @2s";
    assert_eq!(floor.exchange.plan_faults(floor.now, faults), Ok(3));
    floor.connect(FIRST, "one", "/?snapshot=-1");
    let names = ["btcusd@trade"];
    assert!(floor.send(FIRST, &common::request("subscribe", &names))[0].1.contains("Invalid stream name"));
    floor.send(FIRST, &common::request("subscribe", &["btcusd@depth@100ms"]));
    let depth = |texts: &[(SessionId, String)]| texts.iter().filter(|it| it.1.contains(r#""U":"#)).count();
    assert_eq!(depth(&floor.run(Duration::from_millis(2_900))), 0);
    assert!(depth(&floor.run(Duration::from_millis(200))) > 0);
    assert!(floor.send(FIRST, &common::request("subscribe", &names))[0].1.contains(r#""status":200"#));
}

#[test]
fn a_wrong_line_plans_nothing() {
    let mut floor = Floor::new(common::market(&["btcusd"]), 1);
    floor.connect(FIRST, "one", "/");
    for (text, line, part) in [
        ("abort\n\nabort now", 3, "one word too many"),
        ("abort\ndrop-depth ethusd 1", 2, "there is no market ethusd"),
        ("nothing", 1, "no fault has the name"),
    ] {
        let refusal = floor.exchange.plan_faults(floor.now, text).unwrap_err();
        assert_eq!(refusal.line(), line, "{text}");
        assert!(refusal.reason().contains(part), "{refusal}");
    }
    assert_eq!(floor.exchange.session_count(), 1);
    assert_eq!(floor.exchange.plan_faults(floor.now, "\n \n"), Ok(0));
    assert_eq!(floor.exchange.plan_faults(floor.now, "abort"), Ok(1));
    assert_eq!(floor.exchange.poll_output(), Some(Output::Abort { session: FIRST }));
}

#[test]
fn not_more_than_can_be_kept() {
    let mut floor = Floor::new(common::market(&["btcusd"]), 1);
    let many = "drop-depth btcusd 1000000\n".repeat(PLANNED_FAULTS_MAX);
    assert!(floor.exchange.plan_faults(floor.now, &format!("{many}abort")).is_err());
    assert_eq!(floor.exchange.plan_faults(floor.now, &many), Ok(PLANNED_FAULTS_MAX));
    let refusal = floor.exchange.plan_faults(floor.now, "abort").unwrap_err();
    assert_eq!(refusal.to_string(), "line 1: at most 1000 faults can wait at a time");
}

#[test]
fn a_shorter_fault_ends_no_longer_one() {
    for kind in ["stall", "halt-market", "close-market btcusd", "rest-503"] {
        let alone = format!("{kind} 1s @500ms");
        let (seen, both) = (see(&alone), see(&format!("{alone}\n{kind} 300ms @700ms")));
        assert_ne!(seen, see(&format!("{kind} 500ms @500ms")), "{kind}");
        assert_eq!(seen, both, "{kind}");
    }
}

/// The counts of several faults of one kind add up. The faults of depth updates count their updates independently.
#[test]
fn several_faults_of_one_kind() {
    for (kind, counts) in [
        ("withhold-replies", ["1", "2", "3"]),
        ("refuse-requests", ["1", "2", "3"]),
        ("refuse-subscribes -1000", ["1", "2", "3"]),
        ("lose-frames", ["3", "2", "5"]),
        ("drop-order-events", ["1", "2", "3"]),
        ("duplicate-order-events", ["2", "1", "3"]),
    ] {
        let [first, second, both] = counts.map(|count| format!("{kind} {count} @1050ms"));
        assert!(see(&format!("{first}\n{second}")) == see(&both), "{kind}");
        assert!(see(&second) != see(&both), "{kind}");
    }
    assert_eq!(see("drop-depth btcusd 3 @1s\ndrop-depth btcusd 5 @1s").depth(), (2, 0));
    assert_eq!(see("duplicate-depth btcusd 5 @1s\nduplicate-depth btcusd 3 @1s").depth(), (0, 2));
    let mut floor = Floor::new(common::market(&["btcusd"]), 1);
    let faults = "refuse-upgrades 400 1s 2\nrefuse-upgrades 403 0s 1";
    assert_eq!(floor.exchange.plan_faults(floor.now, faults), Ok(2));
    let request = UpgradeRequest { target: "/", headers: &[] };
    let upgrades = (0..4).map(|_| floor.exchange.handle_upgrade(FIRST, floor.now, &request));
    let statuses: Vec<u16> = upgrades.map(|it| it.map_or_else(|refusal| refusal.status, |()| 101)).collect();
    assert_eq!(statuses, [400, 400, 403, 101]);
}
