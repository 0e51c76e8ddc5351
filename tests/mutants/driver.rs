//! Checks that the planted fault of the driver is found: a pong that waits until something else is written (I-41).
//! This is a test of `gemini-ws-smol` in the copy that has the fault.

mod adapter;

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use gemini_ws_driver::SLEEP_CHECK;
use gemini_ws_smol::gemini_ws::mutants::switch_on;
use gemini_ws_smol::gemini_ws::{Config, Event};
use gemini_ws_suite::peers::{PING, PONG, frame, meet, read_frame, upgrade};

/// Returns whether a client that sends nothing else answers most pings at once. With the planted fault it answers
/// only when it next checks whether the machine has slept. A single ping proves nothing: a busy machine may delay a
/// pong, or a ping until just before the check.
fn answers_at_once() -> bool {
    let peer = |mut stream: TcpStream| {
        upgrade(&mut stream);
        read_frame(&mut stream).expect("a subscription");
        let is_quick = |_: &u8| {
            let begin = Instant::now();
            stream.write_all(&frame(PING, b"?")).unwrap();
            assert_eq!(read_frame(&mut stream), Some((PONG, b"?".to_vec())));
            begin.elapsed() < SLEEP_CHECK / 2
        };
        (0..9).filter(is_quick).count() > 4
    };
    // Nothing else ends the link.
    let configure = |config: Config| config.request_timeout(Duration::from_secs(60));
    meet::<adapter::SmolAdapter, _>("ws", configure, peer, |_, _, event| {
        matches!(event, Event::Disconnected { .. })
    })
    .1
}

#[test]
fn a_pong_that_waits_is_found() {
    assert!(answers_at_once());
    switch_on(Some("LeaveAPong"));
    let found = !answers_at_once();
    switch_on(None);
    assert!(found);
}
