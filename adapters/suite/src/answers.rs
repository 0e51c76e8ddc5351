//! Tests which answers to an upgrade open a WebSocket, and how the client reports the others.
//!
//! Every test has a time limit.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use gemini_ws_driver::async_tungstenite::tungstenite::handshake::derive_accept_key;
use gemini_ws_driver::gemini_ws::{Client, Config, ConnectFailure, Event, VenueReason};
use gemini_ws_driver::{USER_AGENT, client};

use crate::Adapter;
use crate::peers::{TEXT, against, frame, listen, read_frames, read_request, subscribed, within};
use crate::wire::TRADE;

/// Answers to an upgrade, and whether each opens a WebSocket. `ACCEPT` stands for the correct header
/// `Sec-WebSocket-Accept`.
const ANSWERS: [(&str, bool); 21] = [
    ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nACCEPT\r\n\r\n", true),
    ("HTTP/1.1 101 \r\nUPGRADE:WebSocket\r\nCONNECTION:  upgrade  \r\nACCEPT\r\n\r\n", true),
    ("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nACCEPT\r\n\r\n", true),
    (
        "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: keep-alive\r\nConnection: Upgrade\r\nACCEPT\r\n\r\n",
        true,
    ),
    ("HTTP/1.1 101 x\r\nUpgrade: h2c, websocket\r\nConnection: Upgrade\r\nACCEPT\r\n\r\n", false),
    (
        "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Extensions: \r\nACCEPT\r\n\r\n",
        true,
    ),
    (
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nACCEPT\r\n\r\n",
        true,
    ),
    ("HTTP/1.1 101 x\nUpgrade: websocket\nConnection: Upgrade\nACCEPT\n\n", true),
    ("HTTP/1.0 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nACCEPT\r\n\r\n", false),
    ("HTTP/1.1 101 x\r\nUpgrade: websockets\r\nConnection: Upgrade\r\nACCEPT\r\n\r\n", false),
    ("HTTP/1.1 101 x\r\nConnection: Upgrade\r\nACCEPT\r\n\r\n", false),
    ("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: close\r\nACCEPT\r\n\r\n", false),
    ("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", false),
    ("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nACCEPT\r\nACCEPT\r\n\r\n", false),
    (
        "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        false,
    ),
    (
        "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Extensions: permessage-deflate\r\nACCEPT\r\n\r\n",
        false,
    ),
    (
        "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: chat\r\nACCEPT\r\n\r\n",
        false,
    ),
    ("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nno field\r\nACCEPT\r\n\r\n", false),
    ("HTTP/2 101\r\n\r\n", false),
    ("SSH-2.0-OpenSSH_9.9\r\n", false),
    ("\u{16}\u{3}\u{1}", false),
];

fn answer(stream: &mut TcpStream, answer: &str) {
    let request = read_request(stream);
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
    let accept = format!("Sec-WebSocket-Accept: {}", derive_accept_key(key.as_bytes()));
    stream.write_all(answer.replace("ACCEPT", &accept).as_bytes()).unwrap();
}

/// Returns the failure of the first attempt; `None` if the client got the trade that follows the answer.
fn outcome<A: Adapter>(peer: impl FnOnce(&mut TcpStream) + Send + 'static) -> Option<ConnectFailure> {
    let mut failure = None;
    let whole = move |mut stream: TcpStream| {
        peer(&mut stream);
        // The client may have dropped the transport already.
        let _ = stream.write_all(&frame(TEXT, TRADE.as_bytes()));
        read_frames(&mut stream);
    };
    against::<A>("ws", whole, |event| {
        if let Event::ConnectFailed { reason, .. } = event {
            failure = Some(*reason);
        }
        failure.is_some() || matches!(event, Event::Trade(..))
    });
    failure
}

/// The client accepts only the answers that RFC 6455, section 4.1, allows. It also accepts a bare line feed as the
/// end of a line.
pub(crate) fn to_the_upgrade<A: Adapter>() {
    for (text, is_websocket) in ANSWERS {
        let expected = (!is_websocket).then_some(ConnectFailure::Handshake);
        assert_eq!(outcome::<A>(move |stream| answer(stream, text)), expected, "{text}");
    }
}

/// The reason for a refused upgrade comes with the head, after the head, in chunks, or not at all. The client always
/// reports the status.
pub(crate) fn reasons_of_refusals<A: Adapter>() {
    const BODY: &str = r#"{"result":"error","reason":"InvalidNonce","message":"no"}"#;
    let chunked = format!(
        "HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{BODY}\r\n0\r\n\r\n",
        BODY.len()
    );
    let named = VenueReason::new("InvalidNonce");
    for (head, body, reason) in [
        (format!("HTTP/1.1 400 No\r\nContent-Length: {}\r\n\r\n{BODY}", BODY.len()), "", named),
        (format!("HTTP/1.1 400 No\r\nContent-Length: {}\r\n\r\n", BODY.len()), BODY, named),
        (chunked, "", named),
        ("HTTP/1.1 400 No\r\nContent-Length: 500\r\n\r\n".to_owned(), "", None),
        ("HTTP/1.1 400 No\r\n\r\n".to_owned(), "<html>", None),
    ] {
        let peer = move |stream: &mut TcpStream| {
            answer(stream, &head);
            std::thread::sleep(Duration::from_millis(20));
            stream.write_all(body.as_bytes()).unwrap();
            // The peer neither closes nor sends more.
            std::thread::sleep(Duration::from_millis(20));
        };
        let began = Instant::now();
        let status = ConnectFailure::Status { status: 400, retry_after: None, reason };
        assert_eq!(outcome::<A>(peer), Some(status));
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
}

/// The answer to an upgrade never ends. The attempt to connect fails soon.
pub(crate) fn without_an_end<A: Adapter>() {
    for (begin, again, expected) in [
        ("HTTP/1.1 101 x\r\nX: ", "x", Some(ConnectFailure::Handshake)),
        ("HTTP/1.1 101 x\r\n", "X: y\r\n", Some(ConnectFailure::Handshake)),
        ("", "HTTP/1.1 100 Continue\r\n\r\n", Some(ConnectFailure::Handshake)),
        ("", "x", Some(ConnectFailure::Handshake)),
    ] {
        let peer = move |stream: &mut TcpStream| {
            read_request(stream);
            let _ = stream.write_all(begin.as_bytes());
            while stream.write_all(again.repeat(1_000).as_bytes()).is_ok() {}
        };
        assert_eq!(outcome::<A>(peer), expected, "{again}");
    }
}

/// The request contains the name and password from the address, the added headers, and the user agent.
pub(crate) fn what_is_asked<A: Adapter>() {
    let (url, thread) = listen("ws", |mut stream| {
        let request = read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 503 Busy\r\n\r\n");
        request
    });
    let url = format!("{}/v9?x=y", url.replace("//", "//trader:hunter2@"));
    let (handle, driver) = client(subscribed(Config::new(&url)));
    let driver = driver.header("X-Team", "a b").unwrap().header("x-team", "c").unwrap();
    let on_event = |_: &mut Client, _, event: &Event<'_>| {
        assert!(!format!("{event:?}").contains("hunter2"));
        if let Event::ConnectFailed { .. } = event {
            handle.close();
        }
    };
    within::<A, _>(driver.run(&A::runtime(), on_event));
    let request = thread.join().unwrap();
    let host = url.split('@').nth(1).unwrap().split('/').next().unwrap();
    for line in [
        &format!("Host: {host}"),
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        &format!("User-Agent: {USER_AGENT}"),
        "x-team: c",
        "Authorization: Basic dHJhZGVyOmh1bnRlcjI=",
    ] {
        assert_eq!(request.lines().filter(|it| *it == line).count(), 1, "{line}: {request}");
    }
    assert!(request.starts_with("GET /v9?x=y") && !request.contains("X-Team"), "{request}");
}
