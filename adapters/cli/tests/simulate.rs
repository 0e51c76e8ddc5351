//! Tests `gemini-ws simulate` with a client that knows only what the command prints.

use std::io::{Read, Write};

use crate::support::simulator::{Simulator, upgrade};
use crate::support::{run, signal};
use gemini_ws::Endpoint;

pub(crate) fn every_printed_address_is_served() {
    let simulator = Simulator::start(&["btcusd", "ethusd"]);
    let addresses = simulator.addresses();
    let paths: Vec<_> = addresses.iter().map(|url| &url[url[5..].find('/').unwrap() + 5..]).collect();
    assert_eq!(
        paths,
        [
            "/",
            "/v2/marketdata",
            "/v1/marketdata/btcusd",
            "/v1/marketdata/ethusd",
            "/v1/multimarketdata?symbols=btcusd,ethusd",
            "/v1/order/events",
        ]
    );
    for (address, path) in addresses.iter().zip(paths) {
        let status = upgrade(address, None).0;
        assert_eq!(status == 101, path != "/v1/order/events", "{address}: {status}");
    }
    // `watch` accepts only the address of the current API. It refuses the other addresses, and says what to do.
    for (address, api) in addresses.iter().zip([
        "",
        "market data v2",
        "market data v1",
        "market data v1",
        "market data v1",
        "order events v1",
    ]) {
        let run = run(&["watch", "btcusd", "--for", "1s", "--venue", address], b"");
        if api.is_empty() {
            assert_eq!(run.code, Some(0), "{run:?}");
            continue;
        }
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{run:?}");
        for part in [*address, api, "btcusd@depth", "leave out the path"] {
            assert!(run.err.contains(part), "{part}: {}", run.err);
        }
    }
    // A client can sign in to the demo account with the key and the secret that the command prints.
    let account = simulator.told.iter().find(|line| line.starts_with("  account")).unwrap();
    let value = |name| {
        let after = account.split_once(name).unwrap().1.trim_start();
        after.split([',', ' ']).next().unwrap().to_owned()
    };
    let (key, secret) = (value(" key "), value(" secret "));
    for (address, endpoint, later) in
        [(addresses[0], Endpoint::Streams, 0), (addresses[5], Endpoint::OrderEventsV1, 1_000)]
    {
        assert_eq!(upgrade(address, Some((&key, &secret, endpoint, later))).0, 101, "{address}");
    }
}

pub(crate) fn accounts_of_the_user() {
    let arguments = ["btcusd", "--account", "account-a:secret:a", "--account", "account-b:secret-b"];
    let simulator = Simulator::start(&arguments);
    let told = simulator.told.join("\n");
    assert!(told.contains("account-a") && told.contains("account-b"), "{told}");
    assert!(!told.contains("secret:a") && !told.contains("account-demo"), "{told}");
    let table = [
        ("account-a", "secret:a", 101),
        ("account-b", "secret-b", 101),
        ("account-b", "secret:a", 400),
        ("account-demo", "demo-secret", 403),
    ];
    for (later, (key, secret, status)) in (0..).step_by(1_000).zip(table) {
        let login = Some((key, secret, Endpoint::Streams, later));
        assert_eq!(upgrade(simulator.addresses()[0], login).0, status, "{key} {secret}");
    }
}

pub(crate) fn an_interrupt_closes_in_good_order() {
    let mut simulator = Simulator::start(&["btcusd"]);
    let (status, mut socket) = upgrade(simulator.addresses()[2], None);
    assert_eq!(status, 101);
    signal(&simulator.process, "INT");
    let (mut received, mut bytes) = (Vec::new(), [0; 4_096]);
    // The payload of the server's Close frame begins with 1001, "going away".
    let is_close = |window: &[u8]| window[0] == 0x88 && window[2..] == 1_001_u16.to_be_bytes();
    while !received.windows(4).any(is_close) {
        let count = socket.read(&mut bytes).unwrap();
        assert!(count > 0, "no Close frame in {received:?}");
        received.extend_from_slice(&bytes[..count]);
    }
    // This is a masked Close frame, the answer to the server's Close frame.
    socket.write_all(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9]).unwrap();
    assert_eq!(simulator.process.wait().unwrap().code(), Some(130));
}

pub(crate) fn the_help_lists_all_faults() {
    let run = run(&["simulate", "--help"], b"");
    assert_eq!(run.code, Some(0));
    for kind in gemini_ws_simulator::FaultKind::ALL {
        assert!(run.out.contains(&format!("  {}", kind.name())), "{}: {}", kind.name(), run.out);
    }
    let list = "give them a time: repeat-snapshot, stall, lose-frames, close, abort, cut-frame, send-text. All other";
    assert!(run.out.split_whitespace().collect::<Vec<_>>().join(" ").contains(list), "{}", run.out);
    for row in gemini_ws_simulator::FaultKind::table().lines() {
        assert!(run.out.contains(&format!("{row}\n")), "it is wrapped: {row}");
    }
    assert!(run.out.contains("if it is killed, at most the last second is lost"), "{}", run.out);
}

/// The command reports each fault that has no effect because no session is open. It reports no other fault.
pub(crate) fn a_fault_without_a_session_is_reported() {
    let table = [
        ("stall 20s", true),
        ("lose-frames 1", true),
        ("close 1001", true),
        ("abort", true),
        ("cut-frame", true),
        ("refuse-upgrades 429 1s 1", false),
        ("send-text {\"a\": 1}", true),
        ("repeat-snapshot btcusd", true),
        ("stall 20s @0s", true),
        ("stall 20s @30s", false),
        ("refuse-requests 1", false),
        ("drop-order-events 1", false),
        ("delay-snapshots btcusd 1s", false),
        ("halt-market 10s", false),
    ];
    let faults: Vec<_> = table.iter().flat_map(|(fault, _)| ["--fault", fault]).collect();
    let mut simulator = Simulator::start(&[&["btcusd"], &faults[..]].concat());
    signal(&simulator.process, "INT");
    let mut said = String::new();
    simulator.process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    let expected: Vec<_> = table.iter().filter(|(_, is_idle)| *is_idle).map(|(fault, _)| fault).collect();
    assert_eq!(said.lines().count(), expected.len(), "{said}");
    for (line, fault) in said.lines().zip(expected) {
        assert!(line.contains(&format!("{fault:?}")) && line.contains("add a time, such as @10s"), "{line}");
    }
}

pub(crate) fn wrong_use() {
    let table: [(&[&str], &str); 9] = [
        (&["--account"], "KEY:SECRET"),
        (&["--listen", "0.0.0.0:9000"], "addresses of this machine only"),
        (&["--listen", "[::1]:0", "--port", "1"], "cannot be used with"),
        (&["--account", "hidden"], "begins with account-"),
        (&["--account", "account-a:"], "secret is empty"),
        (&["--port", "70000"], "70000"),
        (&["--fault", "nothing"], "no fault has the name \"nothing\""),
        (&["--fault", "stall 5"], "use stall FOR [@TIME]"),
        (&["--fault", "drop-depth solusd 1"], "there is no market solusd"),
    ];
    for (arguments, advice) in table {
        let run = run(&[&["simulate"], arguments].concat(), b"");
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(run.err.contains(advice) && !run.err.contains("hidden"), "{}", run.err);
    }
}
