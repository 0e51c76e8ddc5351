//! Tests Ctrl-C in each state of a link. The process must close the link and end in time.
#![expect(clippy::extra_unused_type_parameters, reason = "only the started process uses the adapter")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use crate::Adapter;
use crate::child::{Application, CLOSE_TIMEOUT};
use crate::peers::{CLOSE, PING, TEXT, frame, listen, read_frame, read_frames, upgrade};

/// The time that the end of the application may take in addition to its limit, because the machine may be busy.
const SLACK: Duration = Duration::from_millis(1_500);

/// Starts the application against a peer. Interrupts the application when it has printed a line that begins with
/// `when`, or after 300 ms if `when` is empty. If `twice` is true, interrupts it a second time. Checks that the
/// application ends within `limit` plus [`SLACK`], and returns its last line.
fn interrupted(
    scheme: &str,
    peer: impl FnOnce(TcpStream) + Send + 'static,
    when: &str,
    twice: bool,
    limit: Duration,
) -> String {
    let (url, thread) = listen(scheme, peer);
    let mut application = Application::start(&url, &[]);
    if when.is_empty() {
        // The application prints nothing while it connects. After 300 ms, the peer has received the first bytes.
        std::thread::sleep(Duration::from_millis(300));
    } else {
        application.until(when);
    }
    application.interrupt();
    if twice {
        application.until("Ctrl-C");
        application.interrupt();
    }
    let (status, last, took) = application.end();
    assert!(status.success() && took < limit + SLACK, "{when}: {status}, {last}, {took:?}");
    thread.join().unwrap();
    last
}

fn until_the_end(mut stream: TcpStream) {
    let _ = stream.read_to_end(&mut Vec::new());
}

const CLEAN: &str = "Closed { reason: Requested, ended_by: Client, undelivered: 0 }";
const UNCLEAN: &str = "Closed { reason: RequestedUnclean, ended_by: Client, undelivered: 0 }";

/// Interrupts the application while it connects: the peer does not answer the upgrade, or the TLS handshake.
pub(crate) fn while_connecting<A: Adapter>() {
    for scheme in ["ws", "wss"] {
        assert_eq!(interrupted(scheme, until_the_end, "", false, Duration::ZERO), CLEAN);
    }
}

/// Interrupts the application when its link is open, and the peer has not replied to the subscriptions.
pub(crate) fn while_subscribing<A: Adapter>() {
    let peer = |mut stream: TcpStream| {
        upgrade(&mut stream);
        let frames = read_frames(&mut stream);
        let _ = stream.write_all(&frame(CLOSE, &frames.last().unwrap().1));
    };
    assert_eq!(interrupted("ws", peer, "Opened", false, Duration::ZERO), CLEAN);
}

/// Interrupts the application when its link is live. In one run, the peer sends frames and pings without end.
pub(crate) fn while_live<A: Adapter>() {
    for floods in [false, true] {
        let peer = move |mut stream: TcpStream| {
            upgrade(&mut stream);
            read_frame(&mut stream).expect("a subscription");
            stream.write_all(&frame(TEXT, br#"{"id":1,"status":200}"#)).unwrap();
            let mut flood = stream.try_clone().unwrap();
            let flooding = std::thread::spawn(move || {
                let trade = br#"{"E":4,"s":"btcusd","t":77,"p":"101.00","q":"1","m":false}"#;
                let some = [frame(TEXT, trade), frame(PING, b"?")].concat().repeat(100);
                while floods && flood.write_all(&some).is_ok() {}
            });
            // The client sends pongs, and then the Close frame.
            let frames = read_frames(&mut stream);
            assert_eq!(frames.last().map(|frame| frame.0), Some(CLOSE));
            if floods {
                // The peer may have sent only a part of a frame, after which it cannot send a Close frame.
                let _ = stream.shutdown(std::net::Shutdown::Both);
            } else {
                let _ = stream.write_all(&frame(CLOSE, &frames.last().unwrap().1));
            }
            flooding.join().unwrap();
        };
        let last =
            interrupted("ws", peer, "Live", false, if floods { CLOSE_TIMEOUT } else { Duration::ZERO });
        assert!(last == CLEAN || floods && last == UNCLEAN, "{last}");
    }
}

/// Interrupts the application twice, and the peer never answers its Close frame. The second interrupt has no effect.
pub(crate) fn while_closing<A: Adapter>() {
    let peer = |mut stream: TcpStream| {
        upgrade(&mut stream);
        until_the_end(stream);
    };
    assert_eq!(interrupted("ws", peer, "Opened", true, CLOSE_TIMEOUT), UNCLEAN);
}

/// Interrupts the application when an attempt to connect has failed, and the next attempt is a minute away.
pub(crate) fn while_waiting_to_retry<A: Adapter>() {
    // The test has just closed a listener on this port, so no server listens on it.
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let mut application = Application::start(&format!("ws://127.0.0.1:{port}"), &[]);
    application.until("ConnectFailed");
    application.interrupt();
    let (status, last, took) = application.end();
    assert!(status.success() && last == CLEAN && took < SLACK, "{status}, {last}, {took:?}");
}
