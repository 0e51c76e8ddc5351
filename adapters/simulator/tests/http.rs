//! Tests the server's HTTP: requests that violate RFC 9112, methods, versions, and clients that wait for status 100.

use std::time::{Duration, Instant};

use crate::common::serving::{UPGRADE, ask, open, parts, rest, serve, server};
use futures_lite::AsyncWriteExt;
use gemini_ws_simulator::server::limits::HEAD_BYTES_MAX;

const FAULTS: &str = "POST /simulator/faults HTTP/1.1\r\nHost: a\r\n";

/// Sends requests and checks the answers. A row has the request, the status of the answer, a line of the answer's
/// head (not checked if empty), and a part of the answer's body.
fn check(table: &[(String, &str, &str, &str)]) {
    let mut server = server(|config| config);
    let address = server.local_addr();
    serve(&mut server, async {
        for (request, status, line, part) in table {
            let (head, body) = ask(address, request.as_bytes()).await;
            let shown = &request[..request.len().min(120)];
            assert_eq!(head[0], format!("HTTP/1.1 {status}"), "{shown:?}");
            assert!(line.is_empty() || head.iter().any(|known| known == line), "{shown:?}: {head:?}");
            assert!(head.iter().any(|known| known == "Connection: close"), "{shown:?}: {head:?}");
            assert!(body.contains(part), "{shown:?}: {body}");
        }
    });
    assert_eq!(server.exchange_mut().session_count(), 0);
}

#[test]
fn requests_that_can_be_read_in_two_ways() {
    let refused = |request: &str| (request.to_owned(), "400 Bad Request", "", "BadRequest");
    let with = |headers: &str| format!("{FAULTS}{headers}\r\nabort @1h");
    let key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    check(&[
        refused(&with("Content-Length: 9\r\nContent-Length: 0\r\n")),
        refused(&with("Content-Length: 0\r\nContent-Length: 9\r\n")),
        refused(&with("Content-Length: 9, 0\r\n")),
        refused(&with("Content-Length: +9\r\n")),
        refused(&with("Content-Length: 0x9\r\n")),
        refused(&with("Content-Length:\r\n")),
        refused(&with("Content-Length: 9\r\nTransfer-Encoding: chunked\r\n")),
        refused(&with("Transfer-Encoding: chunked\r\n").replace("1.1", "1.0")),
        refused(&with("Content-Length : 9\r\n")),
        refused(&with("A: b\r\n c\r\nContent-Length: 9\r\n")),
        refused(&with("A: b\0\r\nContent-Length: 9\r\n")),
        refused(&with("Host: b\r\nContent-Length: 9\r\n")),
        refused(&format!("GET / HTTP/1.1\r\n{key}{UPGRADE}")),
        refused(
            "GET /v1/symbols HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
        ),
        refused("GET /v1/symbols\r\n\r\n"),
        refused("GET /v1 /symbols HTTP/1.1\r\nHost: a\r\n\r\n"),
        refused("GET /v1/symbols HTTP/1.1\r\n\r\n"),
        refused(&format!("GET / HTTP/1.1\r\n{UPGRADE}").replace("Host: a\r\n", "")),
        (with("Transfer-Encoding: chunked\r\n"), "411 Length Required", "", "LengthRequired"),
        (with("Content-Length: 99999999999999999999999\r\n"), "413 Payload Too Large", "", "RequestTooLarge"),
        (with("Content-Length: 9\r\n"), "200 OK", "", r#""planned":1"#),
    ]);
}

#[test]
fn forms_of_requests() {
    let plain = |line: &str| format!("{line}\r\nHost: a\r\n\r\n");
    let symbols = r#"["btcusd"]"#;
    let many = "A: b\r\n".repeat(200);
    let large = format!("A: {}\r\n", "b".repeat(HEAD_BYTES_MAX));
    check(&[
        (plain("GET /v1/symbols HTTP/1.0"), "200 OK", "", symbols),
        ("GET /v1/symbols HTTP/1.0\r\n\r\n".to_owned(), "200 OK", "", symbols),
        (plain("GET http://127.0.0.1/v1/symbols HTTP/1.1"), "200 OK", "", symbols),
        (format!("\r\n{}", plain("GET /v1/symbols HTTP/1.1")), "200 OK", "", symbols),
        (
            "GET /v1/symbols HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}".to_owned(),
            "200 OK",
            "",
            symbols,
        ),
        (
            format!("GET / HTTP/1.0\r\n{UPGRADE}"),
            "426 Upgrade Required",
            "Upgrade: websocket",
            "UpgradeRequired",
        ),
        (
            format!("GET / HTTP/1.1\r\n{UPGRADE}").replace("Version: 13", "Version: 8"),
            "426 Upgrade Required",
            "Sec-WebSocket-Version: 13",
            "UpgradeRequired",
        ),
        (plain("GET / HTTP/2.0"), "505 HTTP Version Not Supported", "", "HttpVersionNotSupported"),
        (
            format!("GET / HTTP/1.1\r\n{many}\r\n"),
            "431 Request Header Fields Too Large",
            "",
            "RequestTooLarge",
        ),
        (
            format!("GET / HTTP/1.1\r\n{large}\r\n"),
            "431 Request Header Fields Too Large",
            "",
            "RequestTooLarge",
        ),
    ]);
}

#[test]
fn methods() {
    let plain = |line: &str| format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n");
    let no_method = |line: &str, allowed| (plain(line), "405 Method Not Allowed", allowed, "");
    let (get, post) = ("Allow: GET, HEAD", "Allow: POST");
    check(&[
        no_method("PUT /v1/symbols", get),
        no_method("POST /v1/symbols", get),
        no_method("OPTIONS /", get),
        no_method("DELETE /v2/marketdata", get),
        no_method("TRACE /v1/marketdata/btcusd", get),
        no_method("PROPFIND /v1/order/events", get),
        no_method("GET /v1/orders", post),
        no_method("HEAD /v1/balances", post),
        no_method("OPTIONS /v1/order/status", post),
        no_method("GET /simulator/faults", post),
        (plain("PUT /v3"), "404 Not Found", "", "EndpointNotFound"),
        (plain("OPTIONS *"), "404 Not Found", "", "EndpointNotFound"),
        (plain("DELETE /v1/mytrades"), "404 Not Found", "", "EndpointNotFound"),
    ]);
}

/// The answer to HEAD has the same head as the answer to GET, and no body.
#[test]
fn heads_alone() {
    let mut server = server(|config| config);
    let address = server.local_addr();
    serve(&mut server, async {
        for (target, status) in
            [("/v1/symbols", "200 OK"), ("/", "426 Upgrade Required"), ("/v3", "404 Not Found")]
        {
            let request = |method| format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n");
            let (head, body) = ask(address, request("HEAD").as_bytes()).await;
            assert_eq!((head[0].as_str(), body.as_str()), (&*format!("HTTP/1.1 {status}"), ""));
            assert_eq!(head, ask(address, request("GET").as_bytes()).await.0);
        }
    });
}

async fn interim(socket: &async_io::Async<std::net::TcpStream>) -> String {
    let mut answer = String::new();
    while !answer.contains("\r\n\r\n") {
        let mut part = [0; 256];
        let count = socket.read_with(|mut socket| std::io::Read::read(&mut socket, &mut part)).await.unwrap();
        assert!(count > 0, "{answer}");
        answer += std::str::from_utf8(&part[..count]).unwrap();
    }
    answer
}

#[test]
fn who_waits_to_continue_gets_the_status_100() {
    let mut server = server(|config| config);
    let address = server.local_addr();
    serve(&mut server, async {
        for expect in ["Expect: 100-continue", "expect: 100-Continue"] {
            let started = Instant::now();
            let head = format!("{FAULTS}Content-Length: 9\r\n{expect}\r\n\r\n");
            let mut socket = open(address, head.as_bytes()).await;
            assert_eq!(interim(&socket).await, "HTTP/1.1 100 Continue\r\n\r\n");
            socket.write_all(b"abort @1h").await.unwrap();
            let (head, body) = parts(&String::from_utf8(rest(&socket).await).unwrap());
            assert!(head[0] == "HTTP/1.1 200 OK" && body.contains(r#""planned":1"#), "{head:?} {body}");
            assert!(started.elapsed() < Duration::from_secs(1));
        }
        // The server sends no status 100 if the body has arrived or is empty, if it refuses the request, or with
        // HTTP/1.0.
        let table = [
            ("Content-Length: 9\r\nExpect: 100-continue\r\n", "1.1", "200 OK"),
            ("Content-Length: 0\r\nExpect: 100-continue\r\n", "1.1", "200 OK"),
            ("Content-Length: 9000000\r\nExpect: 100-continue\r\n", "1.1", "413 Payload Too Large"),
            ("Content-Length: 9\r\nExpect: something\r\n", "1.1", "417 Expectation Failed"),
            ("Content-Length: 9\r\nExpect: 100-continue\r\n", "1.0", "200 OK"),
        ];
        for (headers, version, status) in table {
            let request =
                format!("{FAULTS}{headers}\r\nabort @1h").replace("HTTP/1.1", &format!("HTTP/{version}"));
            let (head, _) = ask(address, request.as_bytes()).await;
            assert_eq!(head[0], format!("HTTP/1.1 {status}"), "{headers:?}");
        }
    });
}

/// Several `Connection` fields of a request are read as one list.
#[test]
fn lists_in_several_lines() {
    let mut server = server(|config| config);
    let address = server.local_addr();
    serve(&mut server, async {
        for more in ["", "Connection: keep-alive\r\n", "Connection: keep-alive\r\nConnection: Close, te\r\n"]
        {
            let request = format!("GET / HTTP/1.1\r\n{more}{UPGRADE}");
            let answer = interim(&open(address, request.as_bytes()).await).await;
            assert!(answer.starts_with("HTTP/1.1 101 "), "{more:?}: {answer}");
        }
    });
}

/// A client that sends several requests at once gets one answer, and then the connection ends.
#[test]
fn requests_in_a_row() {
    let mut server = server(|config| config);
    let address = server.local_addr();
    serve(&mut server, async {
        let symbols = "GET /v1/symbols HTTP/1.1\r\nHost: a\r\n\r\n";
        let faults = format!("{FAULTS}Content-Length: 9\r\n\r\nabort @1h");
        for first in [symbols, &faults] {
            let answer = rest(&open(address, format!("{first}{symbols}{faults}").as_bytes()).await).await;
            let answer = String::from_utf8(answer).unwrap();
            assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 1, "{answer}");
            assert!(answer.contains("Connection: close"), "{answer}");
        }
        // The bytes after the request for an upgrade are frames. Here, the frame is a masked ping.
        let upgrade = format!("GET / HTTP/1.1\r\nContent-Length: 3\r\n{UPGRADE}xyz");
        let mut bytes = upgrade.into_bytes();
        bytes.extend([0x89, 0x81, 0, 0, 0, 0, b'p']);
        let socket = open(address, &bytes).await;
        let mut answer = Vec::new();
        while !answer.ends_with(&[0x8A, 0x01, b'p']) {
            let mut part = [0; 256];
            let count =
                socket.read_with(|mut socket| std::io::Read::read(&mut socket, &mut part)).await.unwrap();
            assert!(count > 0, "{answer:?}");
            answer.extend(&part[..count]);
        }
        assert!(answer.starts_with(b"HTTP/1.1 101 "));
    });
}
