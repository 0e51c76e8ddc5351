//! Tests what `gemini-ws simulate` keeps across restarts, and the faults that it carries out.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::support::simulator::{Simulator, ask, post, send, upgrade, wait_for};
use crate::support::{PATIENCE, Run, comes_true, command, end_of, run, signal, wait_until_it_hears};
use gemini_ws::{Endpoint, UnixTime};
use serde_json::{Value, json};

const LOGIN: [&str; 2] = ["account-a", "secret"];
const ARGUMENTS: [&str; 5] = ["btcusd", "--seed", "7", "--account", "account-a:secret"];

/// A temporary folder for a state file. Dropping this value removes the folder.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let folder = std::env::temp_dir().join(format!("gemini-ws-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        Scratch(folder)
    }

    fn path(&self) -> String {
        self.0.join("state.json").to_str().unwrap().to_owned()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn place(simulator: &Simulator, later: u64, order: &str) {
    let login = Some((LOGIN[0], LOGIN[1], Endpoint::Streams, later));
    let (status, mut socket) = upgrade(simulator.addresses()[0], login);
    assert_eq!(status, 101);
    send(
        &mut socket,
        &format!(r#"{{"id":"place","method":"order.place","params":{{"symbol":"btcusd",{order}}}}}"#),
    );
    wait_for(&mut socket, r#""id":"place","status":200"#);
}

/// Returns a nonce: the present time in milliseconds, plus `later`, which must rise from request to request.
fn nonce(later: u64) -> u64 {
    UnixTime::now().as_millis() + later
}

pub(crate) fn a_killed_simulator_goes_on() {
    let scratch = Scratch::new("killed");
    let path = scratch.path();
    let start = || Simulator::start(&[&ARGUMENTS[..], &["--state", &path]].concat());
    let mut first = start();
    place(
        &first,
        0,
        r#""side":"BUY","type":"LIMIT","timeInForce":"GTC","quantity":"0.5","price":"40000.00","clientOrderId":"rests""#,
    );
    place(
        &first,
        1_000,
        r#""side":"BUY","type":"MARKET","timeInForce":"IOC","quantity":"0.25","clientOrderId":"filled""#,
    );
    let status = |simulator: &Simulator, later, name: &str| {
        let arguments = format!(r#","client_order_id":"{name}","include_trades":true"#);
        let (status, orders) = ask(simulator.host(), LOGIN, "/v1/order/status", nonce(later), &arguments);
        assert_eq!(status, 200, "{orders}");
        orders[0].clone()
    };
    let before = [status(&first, 2_000, "rests"), status(&first, 3_000, "filled")];
    let balances = ask(first.host(), LOGIN, "/v1/balances", nonce(4_000), "");
    assert_eq!((&before[0]["is_live"], &before[1]["executed_amount"]), (&json!(true), &json!("0.25")));
    // The simulator saves orders and nonces within a second.
    let is_kept = || {
        let text = fs::read_to_string(&path).unwrap();
        let state: Value = serde_json::from_str(&text).unwrap();
        text.contains("\"filled\"") && state["accounts"][0]["nonce"].as_u64() > Some(nonce(0) + 3_000)
    };
    assert!(comes_true(PATIENCE, is_kept));
    first.process.kill().unwrap();
    first.process.wait().unwrap();

    let mut second = start();
    // This nonce is lower than one that the first simulator has accepted.
    let (refused, body) = ask(second.host(), LOGIN, "/v1/orders", nonce(0) - 60_000, "");
    assert_eq!((refused, &body["reason"]), (400, &json!("InvalidNonce")));
    assert_eq!([status(&second, 6_000, "rests"), status(&second, 7_000, "filled")], before);
    assert_eq!(ask(second.host(), LOGIN, "/v1/balances", nonce(8_000), ""), balances);
    place(
        &second,
        9_000,
        r#""side":"SELL","type":"MARKET","timeInForce":"IOC","quantity":"0.1","clientOrderId":"later""#,
    );
    let later = status(&second, 10_000, "later");
    let number = |order: &Value| order["order_id"].as_str().unwrap().parse::<u64>().unwrap();
    let trade = |order: &Value| order["trades"][0]["tid"].as_u64().unwrap();
    assert!(number(&later) > number(&before[1]) && trade(&later) > trade(&before[1]));
    signal(&second.process, "INT");
    assert_eq!(end_of(&mut second.process, PATIENCE).unwrap().code(), Some(130));
    // Before the simulator ends after a signal, it saves everything.
    assert!(fs::read_to_string(&path).unwrap().contains("\"later\""));
    assert_eq!(scratch.names(), ["state.json"]);
}

#[cfg(unix)]
pub(crate) fn a_file_has_one_simulator() {
    let scratch = Scratch::new("shared");
    let path = scratch.path();
    let arguments = [&ARGUMENTS[..], &["--state", &path]].concat();
    let mut first = Simulator::start(&arguments);
    for later in [0, 1_000] {
        // In the second round, the first simulator has already replaced the file that it read at its start.
        let before = fs::read(&path).unwrap();
        let mut second = command(&[&["simulate"], &arguments[..]].concat()).spawn().unwrap();
        end_of(&mut second, PATIENCE);
        let _ = second.kill();
        let second = Run::of(second.wait_with_output().unwrap());
        assert_eq!((second.code, second.out.as_str()), (Some(1), ""), "{}", second.err);
        assert!(second.err.contains("state.json: another simulator uses it"), "{}", second.err);
        assert_eq!(fs::read(&path).unwrap(), before);
        place(
            &first,
            later,
            r#""side":"BUY","type":"LIMIT","timeInForce":"GTC","quantity":"0.5","price":"40000.00""#,
        );
        assert!(comes_true(PATIENCE, || fs::read(&path).unwrap() != before));
    }
    first.process.kill().unwrap();
    first.process.wait().unwrap();
    Simulator::start(&arguments);
}

/// The user removes the file of a simulator that still runs, and starts another simulator. The first simulator does
/// not change the new file.
#[cfg(unix)]
pub(crate) fn a_file_that_was_replaced() {
    let scratch = Scratch::new("replaced");
    let path = scratch.path();
    let arguments = [&ARGUMENTS[..], &["--state", &path]].concat();
    let order = r#""side":"BUY","type":"LIMIT","timeInForce":"GTC","quantity":"0.5","price":"40000.00","clientOrderId":"of-NAME""#;
    let mut first = Simulator::start(&arguments);
    place(&first, 0, &order.replace("NAME", "first"));
    let has = |text: &str| fs::read_to_string(&path).unwrap_or_default().contains(text);
    assert!(comes_true(PATIENCE, || has("of-first")));
    // Without a file, the next change creates it again.
    fs::remove_file(&path).unwrap();
    place(&first, 1_000, &order.replace("NAME", "again"));
    assert!(comes_true(PATIENCE, || has("of-again")));
    fs::remove_file(&path).unwrap();
    let mut second = Simulator::start(&arguments);
    place(&second, 2_000, &order.replace("NAME", "second"));
    assert!(comes_true(PATIENCE, || has("of-second")));
    place(&first, 3_000, &order.replace("NAME", "late"));
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(has("of-second") && !has("of-late"));
    signal(&first.process, "INT");
    assert_eq!(end_of(&mut first.process, PATIENCE).unwrap().code(), Some(1));
    assert!(has("of-second") && !has("of-late"));
    signal(&second.process, "INT");
    assert_eq!(end_of(&mut second.process, PATIENCE).unwrap().code(), Some(130));
    assert_eq!(scratch.names(), ["state.json"]);
}

/// Two simulators start at the same time with a file that does not exist yet. Only one runs.
pub(crate) fn a_new_file_has_one_simulator() {
    for round in 0..5 {
        let scratch = Scratch::new(&format!("race-{round}"));
        let path = scratch.path();
        let start =
            || command(&[&["simulate"], &ARGUMENTS[..], &["--state", &path]].concat()).spawn().unwrap();
        let mut both = [start(), start()];
        let ended = || both.iter_mut().any(|running| running.try_wait().unwrap().is_some());
        assert!(comes_true(PATIENCE, ended), "both use it");
        for mut running in both {
            let _ = running.kill();
            running.wait().unwrap();
        }
        assert_eq!(scratch.names(), ["state.json"]);
    }
}

#[cfg(unix)]
pub(crate) fn a_file_stays_what_it_is() {
    use std::os::unix::fs::PermissionsExt;

    let scratch = Scratch::new("link");
    let (path, link) = (scratch.path(), scratch.0.join("link.json"));
    std::os::unix::fs::symlink("state.json", &link).unwrap();
    // The target of the symbolic link does not exist yet.
    drop(Simulator::start(&[&ARGUMENTS[..], &["--state", link.to_str().unwrap()]].concat()));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    drop(Simulator::start(&[&ARGUMENTS[..], &["--state", &path]].concat()));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    drop(Simulator::start(&[&ARGUMENTS[..], &["--state", link.to_str().unwrap()]].concat()));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    // The command accepts only a regular file. Some devices never end, and a pipe blocks until it has a writer.
    let run = run(&["simulate", "--state", "/dev/null"], b"");
    assert!(run.code == Some(1) && run.err.contains("/dev/null: this is not a regular file"), "{}", run.err);
}

/// The command overwrites no file of the user, and removes all of its own temporary files.
#[cfg(unix)]
pub(crate) fn files_of_the_user_stay() {
    let scratch = Scratch::new("others");
    let (path, mine) = (scratch.path(), scratch.0.join("state.json.tmp"));
    fs::write(&mine, "mine").unwrap();
    let secret = scratch.0.join("secret");
    fs::write(&secret, "secret").unwrap();
    let run = || drop(Simulator::start(&[&ARGUMENTS[..], &["--state", &path]].concat()));
    run();
    assert_eq!(fs::read(&mine).unwrap(), b"mine");
    // The state file has the permissions of any new file.
    assert_eq!(fs::metadata(&path).unwrap().permissions(), fs::metadata(&mine).unwrap().permissions());
    fs::remove_file(&mine).unwrap();
    std::os::unix::fs::symlink(&secret, &mine).unwrap();
    run();
    assert_eq!(fs::read(&secret).unwrap(), b"secret");
    assert_eq!(scratch.names(), ["secret", "state.json", "state.json.tmp"]);
    // The path of the state file is a name without a folder. At the end, a folder with this name makes the last write
    // fail.
    let before = fs::metadata(&path).unwrap().modified().unwrap();
    let mut command = command(&[&["simulate"], &ARGUMENTS[..], &["--state", "state.json"]].concat());
    let mut running = command.current_dir(&scratch.0).spawn().unwrap();
    assert!(comes_true(PATIENCE, || fs::metadata(&path).unwrap().modified().unwrap() != before));
    wait_until_it_hears(&running);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    signal(&running, "INT");
    assert_eq!(end_of(&mut running, PATIENCE).unwrap().code(), Some(1));
    assert_eq!(scratch.names(), ["secret", "state.json", "state.json.tmp"]);
}

#[cfg(unix)]
pub(crate) fn leftovers_are_removed() {
    let scratch = Scratch::new("leftovers");
    let path = scratch.path();
    let arguments = [&ARGUMENTS[..], &["--state", &path]].concat();
    drop(Simulator::start(&arguments));
    let others = [
        "state.json.backup.tmp",
        "state.json.saving-1234567.tmp",
        "state.json.saving-12345.tmp",
        "state.json.saving-12-456.tmp",
        "state.json.saving-123456",
        "other.json.saving-123456.tmp",
        "a-state.json.saving-123456.tmp",
    ];
    let leftovers = ["state.json.saving-aB3xYz.tmp", "state.json.saving-123456.tmp"];
    for name in others.iter().chain(&leftovers) {
        fs::copy(&path, scratch.0.join(name)).unwrap();
    }
    // The symbolic link and the folder stay, although their names are those of temporary files.
    std::os::unix::fs::symlink("state.json", scratch.0.join("state.json.saving-symbol.tmp")).unwrap();
    fs::create_dir(scratch.0.join("state.json.saving-folder.tmp")).unwrap();
    let mut expected = [&others[..], &["state.json", "state.json.saving-folder.tmp"]].concat();
    expected.push("state.json.saving-symbol.tmp");
    expected.sort_unstable();
    drop(Simulator::start(&arguments));
    assert_eq!(scratch.names(), expected);
}

/// A signal soon after the start, or even during the first write, leaves no temporary file.
#[cfg(unix)]
pub(crate) fn an_early_signal_leaves_no_file() {
    let scratch = Scratch::new("early");
    for round in 0..60 {
        let path = scratch.0.join(format!("{round}.json"));
        let arguments = [&ARGUMENTS[..], &["--state", path.to_str().unwrap()]].concat();
        let mut child = command(&[&["simulate"], &arguments[..]].concat()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(round));
        signal(&child, "TERM");
        assert!(end_of(&mut child, PATIENCE).is_some());
    }
    let left: Vec<_> = scratch.names().into_iter().filter(|name| !name.ends_with(".json")).collect();
    assert_eq!(left, [""; 0]);
}

pub(crate) fn the_same_seed_without_a_file() {
    let id = || {
        let simulator = Simulator::start(&ARGUMENTS);
        place(
            &simulator,
            0,
            r#""side":"BUY","type":"LIMIT","timeInForce":"GTC","quantity":"0.5","price":"40000.00""#,
        );
        let (_, orders) = ask(simulator.host(), LOGIN, "/v1/orders", nonce(1_000), "");
        orders[0]["order_id"].as_str().unwrap().parse::<u64>().unwrap()
    };
    let [first, second] = [id(), id()];
    assert!(first < second);
}

pub(crate) fn a_file_that_is_no_state_is_left_as_it_is() {
    let scratch = Scratch::new("damaged");
    let path = scratch.path();
    let state = r#"{"format":"gemini-ws-simulator state","version":1,"ids":{"order":1,"update":1,"trade":1,"event":1},"#;
    let table: [(Vec<u8>, &str); 7] = [
        (Vec::new(), "EOF while parsing a value at line 1 column 0"),
        (b"not a state".to_vec(), "at line 1 column 2"),
        (b"{\"format\":\"\xff\"}".to_vec(), "byte 11 is not UTF-8"),
        (b"{\"some\":\"json\"}".to_vec(), "it has no member format"),
        (
            state
                .replace(r#""version":1"#, r#""version":9"#)
                .into_bytes()
                .into_iter()
                .chain(*b"\"x\":0}")
                .collect(),
            "version is 9",
        ),
        (format!(r#"{state}"accounts":[],"orders":"#).into_bytes(), "EOF while parsing"),
        (
            format!(
                r#"{state}"accounts":[{{"key":"account-other","nonce":null,"assets":[]}}],"orders":[]}}"#
            )
            .into_bytes(),
            "it has the account account-other, which is not among those of the exchange; add the account",
        ),
    ];
    for (bytes, said) in table {
        fs::write(&path, &bytes).unwrap();
        let run = run(&[&["simulate"], &ARGUMENTS[..], &["--state", &path]].concat(), b"");
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{said}: {}", run.err);
        for part in [said, &path, "not changed: repair it, move it away, or name another one with --state"] {
            assert!(run.err.contains(part), "{part}: {}", run.err);
        }
        assert_eq!(fs::read(&path).unwrap(), bytes);
        assert_eq!(scratch.names(), ["state.json"]);
    }
    let missing = scratch.0.join("no/state.json");
    let run = run(&["simulate", "--state", missing.to_str().unwrap()], b"");
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("no/state.json"), "{}", run.err);
}

pub(crate) fn faults_of_the_command_and_over_http() {
    let arguments = ["--fault", "rest-503 1h", "--fault", "send-text {\"said\":\"at once\"} @1s"];
    let simulator = Simulator::start(&[&ARGUMENTS[..], &arguments].concat());
    let (status, mut socket) = upgrade(simulator.addresses()[0], None);
    assert_eq!(status, 101);
    let (status, body) = ask(simulator.host(), LOGIN, "/v1/orders", nonce(0), "");
    assert_eq!((status, &body["reason"]), (503, &json!("Maintenance")));
    wait_for(&mut socket, r#"{"said":"at once"}"#);
    let faults = "send-text {\"said\":\"later\"}\nclose 1012 @100ms\n";
    let planned = post(simulator.host(), "/simulator/faults", "", faults);
    assert_eq!(planned, (200, json!({"result": "ok", "planned": 2})));
    wait_for(&mut socket, r#"{"said":"later"}"#);
    let started = std::time::Instant::now();
    let (status, body) = post(simulator.host(), "/simulator/faults", "", "abort @1h\nabort now");
    assert_eq!((status, &body["line"]), (400, &json!(2)));
    assert!(started.elapsed() < Duration::from_secs(10));
    assert!(body["message"].as_str().unwrap().contains("use abort [@TIME]"), "{body}");
}
