//! Checks that the planted fault of the driver is found: a pong that waits until something else is written (I-41).
//! This is a test of `gemini-ws-smol` in the copy that has the fault.

mod adapter;

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use gemini_ws_smol::gemini_ws::mutants::switch_on;
use gemini_ws_smol::gemini_ws::{Config, Event};
use gemini_ws_suite::peers::{PING, PONG, frame, meet, read_frame, upgrade};

/// Returns whether a client that sends nothing else answers a ping.
fn is_answered() -> bool {
    let peer = |mut stream: TcpStream| {
        upgrade(&mut stream);
        read_frame(&mut stream).expect("a subscription");
        stream.write_all(&frame(PING, b"?")).unwrap();
        // Much longer than a busy machine needs for a pong.
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        read_frame(&mut stream) == Some((PONG, b"?".to_vec()))
    };
    // This deadline ends the link, if nothing else does.
    let configure = |config: Config| config.request_timeout(Duration::from_secs(8));
    meet::<adapter::SmolAdapter, _>("ws", configure, peer, |_, _, event| {
        matches!(event, Event::Disconnected { .. })
    })
    .1
}

#[test]
fn a_pong_that_waits_is_found() {
    assert!(is_answered());
    switch_on(Some("LeaveAPong"));
    let found = !is_answered();
    switch_on(None);
    assert!(found);
}
