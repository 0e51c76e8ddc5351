//! Tests `watch` and `simulate`, the commands that run until a signal or a time limit ends them.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::time::Duration;

use crate::support::{self, Run, command, end_of, schema, signal};

fn run(arguments: &[&str]) -> Run {
    support::run(arguments, b"")
}

/// Returns the value of a counter in the summary, which is the last line.
fn counted(stdout: &str, name: &str) -> u64 {
    let summary = stdout.lines().last().expect("a summary");
    assert!(summary.starts_with("summary: "), "{summary}");
    let value = summary.split(' ').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    value.unwrap_or_else(|| panic!("no {name} in {summary}")).parse().expect("a number")
}

/// A recording in a temporary file. Dropping this value removes the file.
struct Recording(PathBuf);

impl Recording {
    /// Creates a recording with a snapshot and `changes` consecutive changes, except the change with the number
    /// `without`.
    fn new(name: &str, changes: u64, without: Option<u64>) -> Recording {
        let mut lines = String::from(
            "{\"e\":\"depthUpdate\",\"E\":1,\"s\":\"btcusd\",\"U\":1000,\"u\":1000,\"b\":[[\"99.00\",\"1\"]],\"a\":[[\"101.00\",\"1\"]]}\n",
        );
        for change in 0..changes {
            let (first, last) = (1_000 + 10 * change, 1_010 + 10 * change);
            let quantity = change % 9 + 1;
            if without != Some(change) {
                writeln!(
                    lines,
                    "{{\"e\":\"depthUpdate\",\"E\":2,\"s\":\"btcusd\",\"U\":{first},\"u\":{last},\"b\":[[\"98.{:02}\",\"{quantity}\"]],\"a\":[]}}",
                    change % 50
                )
                .expect("written");
            }
        }
        let path = std::env::temp_dir().join(format!("gemini-ws-{}-{name}.jsonl", std::process::id()));
        std::fs::write(&path, lines).expect("a file");
        Recording(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a path in UTF-8")
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

pub(crate) fn a_generated_market() {
    let ended = run(&["watch", "btcusd", "ethusd", "--for", "2s"]);
    let (stdout, stderr) = (&ended.out, &ended.err);
    assert!(ended.code == Some(0) && stderr.is_empty(), "{stderr}");
    assert!(counted(stdout, "frames") > 20, "{stdout}");
    for nothing in ["malformed", "unrecognized", "gaps", "resyncs", "reconnects", "crossed", "top_mismatches"]
    {
        assert_eq!(counted(stdout, nothing), 0, "{nothing}: {stdout}");
    }
    assert!(counted(stdout, "tops_compared") > 0, "{stdout}");
    assert!(stdout.contains("btcusd bid=") && stdout.contains("trade "), "{stdout}");
}

pub(crate) fn events_as_json() {
    let ended = run(&["watch", "btcusd", "--for", "1s", "--json"]);
    assert!(ended.code == Some(0));
    let lines = ended.json_lines();
    let kinds: Vec<&str> = lines.iter().map(|line| line["kind"].as_str().expect("a kind")).collect();
    for kind in ["opened", "subscribed", "live", "depth_snapshot", "depth_update", "book_ticker", "closed"] {
        assert!(kinds.contains(&kind), "no {kind} in {kinds:?}");
    }
    assert_eq!((kinds[0], kinds.last()), ("started", Some(&"summary")));
    let schema = schema::Schema::read();
    let faults: Vec<_> = lines.iter().flat_map(|line| schema.faults("watch", line)).collect();
    assert!(faults.is_empty(), "{faults:?}");
    assert!(kinds.iter().all(|kind| schema.kinds("watch").contains(kind)), "{kinds:?}");
    assert_eq!(lines[0]["schema"], 1);
    assert_eq!(kinds[kinds.len() - 2], "closed");
}

/// A recording that lacks a change causes one gap. No snapshot follows, so the book stays stale.
pub(crate) fn a_recording_with_a_gap() {
    let whole = Recording::new("whole", 100, None);
    let ended = run(&["watch", "--replay", whole.path(), "--for", "2s"]);
    let stdout = &ended.out;
    assert_eq!((counted(stdout, "gaps"), counted(stdout, "resyncs")), (0, 0), "{stdout}");
    let damaged = Recording::new("damaged", 100, Some(40));
    let ended = run(&["watch", "--replay", damaged.path(), "--for", "2s"]);
    let stdout = &ended.out;
    assert_eq!((counted(stdout, "gaps"), counted(stdout, "resyncs")), (1, 0), "{stdout}");
    assert!(ended.code == Some(0) && stdout.contains("stale: gap"), "{stdout}");
}

/// `watch` reports the end of a recording, for a file and for a pipe. It refuses a recording of market data v2.
pub(crate) fn the_end_of_a_recording() {
    let recording = Recording::new("end", 20, None);
    let text = std::fs::read(recording.path()).expect("it is there");
    for (name, input) in [(recording.path(), &b""[..]), ("-", &text)] {
        let arguments = ["watch", "--replay", name, "--for", "3s"];
        let ended = support::run(&arguments, input);
        let told = "the recording ended after 21 lines\n";
        assert!(ended.code == Some(0) && ended.out.contains(told), "{ended:?}");
        let ended = support::run(&[&arguments[..], &["--json"]].concat(), input);
        let lines = ended.json_lines();
        let end = lines.iter().position(|line| line["kind"] == "replay_ended").expect("it is told");
        let is_data =
            |line: &serde_json::Value| line["kind"].as_str().is_some_and(|it| it.starts_with("depth"));
        assert!(lines[end]["lines"] == 21 && !lines[end..].iter().any(is_data), "{}", ended.out);
        assert_eq!(lines[..end].iter().filter(|line| is_data(line)).count(), 21, "{}", ended.out);
    }
    // One line is not JSON, one has no decimal, and one is not UTF-8.
    let damaged = [
        &text[..],
        b"\nrubbish\n{\"E\":1,\"s\":\"btcusd\",\"t\":7,\"p\":\"x\",\"q\":\"2\",\"m\":true}\n\xFF\n",
    ]
    .concat();
    let ended = support::run(&["watch", "--replay", "-", "--for", "3s"], &damaged);
    assert!(
        ended.code == Some(0) && ended.err.contains("3 lines of the recording could not be"),
        "{ended:?}"
    );
    let v2 = br#"{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","9","1"]]}"#;
    let ended = support::run(&["watch", "--replay", "-", "--for", "1s"], v2);
    assert!(ended.code == Some(1) && ended.err.contains("it is of market data v2"), "{ended:?}");
}

/// The writer of a pipe sends nothing, and `watch` ends at the time limit.
pub(crate) fn a_pipe_without_a_line() {
    for (symbols, said) in [(&[][..], "not known after 1s"), (&["btcusd"][..], "nothing to play after 1s")] {
        let arguments = [&["watch", "--replay", "-", "--for", "1s"], symbols].concat();
        let mut child = command(&arguments).spawn().unwrap();
        let input = child.stdin.take();
        let status = end_of(&mut child, Duration::from_secs(10));
        drop(input);
        let ended = Run::of(child.wait_with_output().unwrap());
        assert!(status.is_some() && ended.code == Some(1) && ended.err.contains(said), "{ended:?}");
    }
}

#[cfg(target_os = "linux")]
pub(crate) fn a_long_recording_takes_no_more_memory() {
    let long = Recording::new("long", 400_000, None);
    let size = std::fs::metadata(long.path()).expect("a file").len();
    let arguments = ["watch", "btcusd", "--replay", long.path(), "--json"];
    let mut child = command(&arguments).spawn().expect("the command runs");
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let played = lines.map_while(Result::ok).filter(|line| line.contains("depth_update")).take(50).count();
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("it runs");
    signal(&child, "INT");
    assert!(child.wait().is_ok() && played == 50);
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak");
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    assert!(size > 30_000_000 && peak < 30_000, "{size} bytes of recording took {peak} kB");
}

pub(crate) fn a_venue_that_cannot_be_reached() {
    // The test has just closed a listener on this port, so no server listens on it.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let ended = run(&["watch", "btcusd", "--venue", &format!("ws://127.0.0.1:{port}"), "--for", "2s"]);
    let stderr = &ended.err;
    assert!(stderr.contains("connection refused") && stderr.contains("next attempt in"), "{stderr}");
    assert!(stderr.lines().count() >= 3, "it goes on trying: {stderr}");
    assert!(stderr.ends_with("was never live\n") && ended.code == Some(1), "{ended:?}");
}

/// If no proxy listens, the messages name the proxy, without its password, and the venue beyond it.
pub(crate) fn a_proxy_that_cannot_be_reached() {
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let mut command = command(&["watch", "btcusd", "--venue", "ws://venue.example", "--for", "1s"]);
    command.env("http_proxy", format!("http://user:hunter2@127.0.0.1:{port}")).env("no_proxy", "");
    let ended = Run::of(command.output().expect("the command runs"));
    let route = format!("ws://venue.example through the proxy http://127.0.0.1:{port}");
    assert!(ended.err.contains(&format!("cannot connect to {route}: connection refused")), "{ended:?}");
    assert!(ended.err.ends_with(&format!("the connection to {route} was never live\n")), "{ended:?}");
    assert!(!format!("{ended:?}").contains("hunter2") && ended.code == Some(1), "{ended:?}");
}

/// Processes that wait after an outage reconnect at different times, unless they have the same seed.
pub(crate) fn delays_are_random_unless_a_seed_is_given() {
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let url = format!("ws://127.0.0.1:{port}");
    let delays = |more: &[&str]| -> Vec<u64> {
        let arguments = [&["watch", "btcusd", "--json", "--for", "1s", "--venue", &url], more].concat();
        let lines = run(&arguments).json_lines();
        let failed = lines.iter().filter(|line| line["kind"] == "connect_failed");
        let time = |value: &serde_json::Value| value.as_str().unwrap().parse::<u64>().unwrap();
        failed.take(1).map(|line| time(&line["retry"]) - time(&line["time"])).collect()
    };
    let (first, second) = (delays(&[]), delays(&[]));
    assert!(first.len() == 1 && first != second, "{first:?} {second:?}");
    assert_eq!(delays(&["--seed", "7"]), delays(&["--seed", "7"]));
}

pub(crate) fn an_interrupt_ends_in_an_orderly_way() {
    let mut child = command(&["watch", "btcusd", "--json"]).spawn().expect("the command runs");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let live = lines.by_ref().map_while(Result::ok).any(|line| line.contains("\"live\""));
    assert!(live, "never live");
    signal(&child, "INT");
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert_eq!(child.wait().expect("its end").code(), Some(130));
    assert!(rest[rest.len() - 2].contains("\"reason\":{\"kind\":\"requested\"}"), "{:?}", rest.last());
}

/// Runs `watch` with the address that a simulator in a separate process prints.
pub(crate) fn a_simulator_of_its_own() {
    let mut simulator = command(&["simulate", "btcusd", "--seed", "3"]).spawn().expect("the command runs");
    let mut lines = BufReader::new(simulator.stdout.take().expect("its output"));
    let mut address = String::new();
    lines.read_line(&mut address).expect("its address");
    let address = address.split_whitespace().find(|word| word.starts_with("ws://")).expect("an address");
    let ended = run(&["watch", "btcusd", "nosuch", "--venue", address, "--for", "2s"]);
    let (stdout, stderr) = (&ended.out, &ended.err);
    signal(&simulator, "INT");
    assert_eq!(simulator.wait().expect("its end").code(), Some(130));
    assert!(ended.code == Some(0) && counted(stdout, "frames") > 10, "{stdout}");
    assert!(stderr.contains("nosuch@trade refused"), "{stderr}");
    let ended = run(&["watch", "nosuch", "--for", "2s", "--venue", address]);
    assert_eq!(ended.code, Some(1), "nobody serves any more: {}", ended.err);
}

pub(crate) fn nobody_reads() {
    let mut child = command(&["watch", "btcusd", "--for", "5s"]).spawn().expect("the command runs");
    let mut byte = [0];
    let mut stdout = child.stdout.take().expect("its output");
    stdout.read_exact(&mut byte).expect("a byte");
    drop(stdout);
    assert!(child.wait().expect("its end").success());
}

pub(crate) fn wrong_use() {
    let table: [(&[&str], &str); 6] = [
        (&["watch", "btc usd"], "1 to 64 letters"),
        (&["watch", "--for", "soon"], "--for"),
        (&["watch", "--venue", "http://x", "a"], "ws://127.0.0.1:9000"),
        (&["watch", "--venue", "live"], "gemini-ws watch btcusd"),
        (&["observe"], "Usage"),
        (&[], "Usage"),
    ];
    for (arguments, advice) in table {
        let ended = run(arguments);
        let stderr = &ended.err;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(advice), "{arguments:?}: {stderr}");
    }
    let ended = run(&["watch", "--replay", "no-such-file"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("no-such-file"), "{}", ended.err);
}
