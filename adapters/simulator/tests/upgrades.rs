//! Tests the faults of upgrades and of unfinished frames, with the bytes that a client receives from the server.

use std::io::Write as _;
use std::time::Duration;

use crate::common::serving::{UPGRADE, ask, connect, open, parts, rest, serve, server, text};
use async_io::{Async, Timer};
use async_tungstenite::client_async;
use async_tungstenite::tungstenite::error::ProtocolError;
use async_tungstenite::tungstenite::{Error, Message};
use futures_lite::{StreamExt, future};
use gemini_ws::Instant;
use gemini_ws_simulator::server::Server;
use gemini_ws_simulator::server::limits::UPGRADING_MAX;

fn with(faults: &str) -> Server {
    let mut server = server(|config| config);
    server.exchange_mut().plan_faults(Instant::ZERO, faults).unwrap();
    server
}

/// Requests an upgrade with a fault, and then another without. Returns the lines of the first answer's head, and its
/// body.
fn refused(faults: &str) -> (Vec<String>, String) {
    let mut server = with(faults);
    let address = server.local_addr();
    let request = format!("GET / HTTP/1.1\r\n{UPGRADE}");
    let refused = serve(&mut server, async {
        let refused = ask(address, request.as_bytes()).await;
        connect(address, "").await;
        refused
    });
    assert_eq!((server.counters().accepted(), server.counters().refused()), (1, 1), "{faults}");
    refused
}

#[test]
fn refused_upgrades() {
    for (faults, status, retry_after, reason) in [
        ("refuse-upgrades 429 30s 1", "429 Too Many Requests", Some("30"), "RateLimit"),
        ("refuse-upgrades 503 1500ms 1", "503 Service Unavailable", Some("2"), "Maintenance"),
        ("refuse-upgrades 503 0s 1", "503 Service Unavailable", None, "Maintenance"),
        ("refuse-upgrades 403 0s 1", "403 Forbidden", None, "Maintenance"),
    ] {
        let (head, body) = refused(faults);
        assert_eq!(head[0], format!("HTTP/1.1 {status}"));
        let told = head.iter().find_map(|line| line.strip_prefix("Retry-After: "));
        assert_eq!(told, retry_after, "{faults}");
        assert!(body.contains(&format!(r#""reason":"{reason}""#)), "{body}");
    }
}

/// A fault delays answers to upgrades for longer than the time limit for an upgrade. The server then delays refusals
/// too.
#[test]
fn slow_upgrades() {
    let mut server = with("delay-upgrades 3500ms\ndelay-upgrades 0s @1s\nrefuse-upgrades 503 1s 1");
    let address = server.local_addr();
    let request = format!("GET / HTTP/1.1\r\n{UPGRADE}");
    let waited = serve(&mut server, async {
        let started = std::time::Instant::now();
        let (refused, gone) =
            (open(address, request.as_bytes()).await, Timer::after(Duration::from_millis(50)));
        gone.await;
        // This client has a session, and disconnects before the answer comes.
        drop(open(address, request.as_bytes()).await);
        let mut slow = connect(address, "").await;
        slow.send(Message::text(r#"{"id":1,"method":"ping"}"#)).await.unwrap();
        assert_eq!(text(&mut slow).await, r#"{"id":1,"status":200}"#);
        let waited = started.elapsed();
        let (head, _) = parts(&String::from_utf8(rest(&refused).await).unwrap());
        assert_eq!(head[0], "HTTP/1.1 503 Service Unavailable");
        drop(slow);
        // The fault has ended, so this upgrade is not delayed.
        connect(address, "").await;
        Timer::after(Duration::from_millis(200)).await;
        waited
    });
    assert!(waited >= Duration::from_millis(3_500), "{waited:?}");
    assert_eq!(server.exchange_mut().session_count(), 0);
}

/// A fault delays the answer to an upgrade, and the exchange ends the session during the delay. The server still
/// sends the answer after the delay.
#[test]
fn slow_upgrades_of_sessions_that_end() {
    for end in ["close 1001", "cut-frame"] {
        let mut server = with(&format!("delay-upgrades 1s\n{end} @200ms"));
        let address = server.local_addr();
        let started = std::time::Instant::now();
        serve(&mut server, connect(address, ""));
        let waited = started.elapsed();
        assert!(waited >= Duration::from_secs(1) && waited < Duration::from_secs(4), "{end}: {waited:?}");
        assert_eq!(server.exchange_mut().session_count(), 0, "{end}");
    }
}

/// Clients disconnect long before the server answers their upgrades. The server frees their places and ends their
/// sessions. Another client sends frames before its answer comes, and the server then replies to these frames.
#[test]
fn clients_that_leave_before_slow_upgrades() {
    let mut server = with("delay-upgrades 60s\ndelay-upgrades 1s @1s");
    let address = server.local_addr();
    let request = format!("GET / HTTP/1.1\r\n{UPGRADE}");
    serve(&mut server, async {
        for _ in 0..20 {
            drop(open(address, request.as_bytes()).await);
        }
        Timer::after(Duration::from_millis(1_500)).await;
    });
    assert_eq!((server.counters().refused(), server.exchange_mut().session_count()), (20, 0));
    serve(&mut server, async {
        let early = open(address, request.as_bytes()).await;
        Timer::after(Duration::from_millis(200)).await;
        // The frames are a ping and a Close frame.
        let frames = [0x89, 0x80, 0, 0, 0, 0, 0x88, 0x80, 0, 0, 0, 0];
        assert_eq!(early.write_with(|mut socket| socket.write(&frames)).await.unwrap(), frames.len());
        let answer = rest(&early).await;
        assert!(answer.ends_with(&[0x8A, 0, 0x88, 0]), "{}", String::from_utf8_lossy(&answer));
    });
}

/// A fault delays refusals of upgrades and answers of REST, and clients disconnect long before these responses. The
/// server frees the places of these clients among those that are not upgraded. So it still answers another client,
/// whose refusal is delayed too.
#[test]
fn clients_that_leave_before_slow_refusals() {
    let mut server = with("delay-upgrades 3s\nrefuse-upgrades 503 0s 1000\ndelay-rest 3s");
    let address = server.local_addr();
    let upgrade = format!("GET / HTTP/1.1\r\n{UPGRADE}");
    let rest_request = "POST /v1/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".to_owned();
    let answer = serve(&mut server, async {
        let waits = open(address, upgrade.as_bytes()).await;
        for request in [&upgrade, &rest_request].into_iter().cycle().take(UPGRADING_MAX + 20) {
            drop(open(address, request.as_bytes()).await);
            Timer::after(Duration::from_millis(1)).await;
        }
        rest(&waits).await
    });
    assert!(answer.starts_with(b"HTTP/1.1 503 "), "{:?}", String::from_utf8(answer));
}

#[test]
fn spoilt_upgrades() {
    let mut server = with("spoil-upgrades 1");
    let address = server.local_addr();
    serve(&mut server, async {
        let socket = Async::<std::net::TcpStream>::connect(address).await.unwrap();
        let error = client_async(format!("ws://{address}/"), socket).await.unwrap_err();
        let expected = ProtocolError::SecWebSocketAcceptKeyMismatch;
        assert!(matches!(&error, Error::Protocol(breach) if *breach == expected), "{error:?}");
        connect(address, "").await;
    });
    assert_eq!(server.counters().accepted(), 2);
}

/// The fault `cut-frame` makes the server send the unsent frames and the beginning of one more frame, and then end
/// the connection. The server waits at most five seconds for the client.
#[test]
fn frames_that_end_early() {
    let mut server = with("delay-upgrades 200ms");
    let address = server.local_addr();
    let mut client = serve(&mut server, connect(address, ""));
    let mut early = None;
    serve(&mut server, async {
        client.send(Message::text(r#"{"id":1,"method":"ping"}"#)).await.unwrap();
        text(&mut client).await;
        // The server has opened the session of this client, and has not answered its upgrade yet.
        early = Some(open(address, format!("GET / HTTP/1.1\r\n{UPGRADE}").as_bytes()).await);
        Timer::after(Duration::from_millis(50)).await;
    });
    assert_eq!(server.exchange_mut().session_count(), 2);
    let now = Instant::from_secs(1);
    server.exchange_mut().plan_faults(now, "send-text {\"x\":1}\ncut-frame").unwrap();
    assert_eq!(server.exchange_mut().session_count(), 0);
    serve(&mut server, async {
        assert_eq!(text(&mut client).await, r#"{"x":1}"#);
        let end = client.next().await;
        let killed = ProtocolError::ResetWithoutClosingHandshake;
        assert!(matches!(&end, Some(Err(Error::Protocol(error))) if *error == killed), "{end:?}");
        let answer = rest(&early.unwrap()).await;
        assert!(answer.starts_with(b"HTTP/1.1 101 "));
        let frames = b"\x81\x07{\"x\":1}\x81\x7E\x01\x00{\"e\":\"depthUpdate\",\"E\":";
        assert!(answer.ends_with(frames), "{}", String::from_utf8_lossy(&answer));
        future::yield_now().await;
    });
}
