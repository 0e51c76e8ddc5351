//! `gemini-ws watch` and `gemini-ws simulate`, run as a user would.

mod support;

use std::io::{BufRead, BufReader};
use std::net::TcpListener;

use serde_json::Value;
use support::{Run, command, recording, run};

fn counter(summary: &str, name: &str) -> u64 {
    let (_, rest) = summary.split_once(&format!(" {name}=")).unwrap();
    rest.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn the_simulator_is_watched_without_a_fault() {
    let run = run(&["watch", "btcusd", "ethusd", "solusd", "--for", "2s"], b"");
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
    let summary = run.out.lines().last().unwrap();
    assert!(summary.starts_with("summary: frames="), "{}", run.out);
    for name in ["malformed", "unrecognized", "gaps", "resyncs", "reconnects", "crossed", "top_mismatches"] {
        assert_eq!(counter(summary, name), 0, "{summary}");
    }
    for name in ["frames", "events", "tops_compared"] {
        assert!(counter(summary, name) > 0, "{summary}");
    }
    for part in ["live: ", "trade ", "spread=", "updates/s="] {
        assert!(run.out.contains(part), "{part} in {}", run.out);
    }
}

#[test]
fn events_as_json() {
    let run = run(&["watch", "btcusd", "--json", "--for", "1s"], b"");
    assert_eq!(run.code, Some(0), "{run:?}");
    let mut lines = run.json_lines();
    let summary = lines.pop().unwrap();
    assert_eq!((&summary["kind"], &summary["gaps"]), (&"summary".into(), &0.into()));
    assert_eq!(summary["events"], lines.len());
    assert!(lines.iter().all(|line| line["time"].as_str().is_some_and(|time| time.len() == 19)));
    for kind in ["opened", "subscribed", "live", "depth_snapshot", "synced", "book_ticker", "closed"] {
        assert!(lines.iter().any(|line| line["kind"] == kind), "{kind}");
    }
}

#[test]
fn a_recording_is_replayed() {
    let Some(path) = recording("dev_ws_gemini_perps.jsonl") else { return };
    let run = run(&["watch", "--replay", path.to_str().unwrap(), "--for", "2s"], b"");
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
    let summary = run.out.lines().last().unwrap();
    for name in ["malformed", "unrecognized", "gaps", "crossed", "top_mismatches"] {
        assert_eq!(counter(summary, name), 0, "{summary}");
    }
    assert!(run.out.contains("btcgusdperp bid=") && run.out.contains("ethgusdperp bid="), "{}", run.out);
}

#[test]
fn a_venue_that_is_not_there_is_tried_again() {
    // Bound and let go: nobody listens there now.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let run = run(&["watch", "btcusd", "--venue", &format!("ws://{address}"), "--for", "1500ms"], b"");
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.err.contains("nobody listens there; next attempt in "), "{}", run.err);
    assert!(run.out.lines().last().unwrap().starts_with("summary: frames=0 "), "{}", run.out);
}

#[test]
fn a_simulator_of_another_process_and_what_it_refuses() {
    let mut simulator = command(&["simulate", "btcusd"]).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(simulator.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let url = first.trim_end().strip_prefix("simulator listens on ").unwrap();

    let some = run(&["watch", "btcusd", "nosuchusd", "--venue", url, "--for", "1s"], b"");
    let all = run(&["watch", "nosuchusd", "--venue", url, "--for", "10s"], b"");
    simulator.kill().unwrap();
    simulator.wait().unwrap();

    assert_eq!(some.code, Some(0), "{some:?}");
    assert!(
        some.err.contains("nosuchusd@depth@100ms refused: ") && !some.err.contains("btcusd@"),
        "{}",
        some.err
    );
    assert!(some.out.contains("btcusd bid="), "{}", some.out);
    assert_eq!(all.code, Some(1), "{all:?}");
    assert!(all.err.contains("the venue refused all that was asked for"), "{}", all.err);
}

#[test]
fn a_reader_that_goes_away_ends_the_watch() {
    let mut child = command(&["watch", "--json"]).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    drop(out);
    let run = Run::of(child.wait_with_output().unwrap());
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{line}");
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["kind"], "opened");
}

#[cfg(unix)]
#[test]
fn an_interrupt_closes_in_an_orderly_way() {
    for signal in ["INT", "TERM"] {
        let mut child = command(&["watch", "btcusd"]).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let process = child.id().to_string();
        let sent = std::process::Command::new("kill").args(["-s", signal, &process]).status().unwrap();
        assert!(sent.success());
        let rest: Vec<_> = out.lines().map(Result::unwrap).collect();
        let run = Run::of(child.wait_with_output().unwrap());
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{signal}");
        assert!(rest[rest.len() - 2].contains("closed as requested frames/s"), "with a handshake: {rest:?}");
        assert!(rest.last().unwrap().starts_with("summary: "), "{rest:?}");
    }
}

#[test]
fn wrong_use_says_what_to_do() {
    // arguments, exit code, what the message has
    let table: [(&[&str], i32, &str); 7] = [
        (&["watch", "btc usd"], 2, "for example btcusd"),
        (&["watch", "--venue", "http://a", "btcusd"], 2, "ws://127.0.0.1:9000"),
        (&["watch", "--venue", "live"], 2, "gemini-ws watch btcusd"),
        (&["watch", "--venue", "live", "--replay", "x", "btcusd"], 2, "leave --venue out"),
        (&["watch", "--for", "soon"], 2, "--for"),
        (&["watch", "--replay", "no-such-file"], 1, "no-such-file: "),
        (&["simulate", "--port", "99999"], 2, "--port"),
    ];
    for (arguments, code, message) in table {
        let Run { code: found, out, err } = run(arguments, b"");
        assert_eq!((found, out.as_str()), (Some(code), ""), "{arguments:?}");
        assert!(err.contains(message), "{arguments:?}: {err}");
    }
}
