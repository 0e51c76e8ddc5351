//! Tests connections through proxies.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::JoinHandle;
use std::time::Duration;

use gemini_ws_driver::client;
use gemini_ws_driver::gemini_ws::{Config, ConnectFailure, Event};
use gemini_ws_transport::{Dialer, Proxies};

use crate::Adapter;
use crate::child::Application;
use crate::peers::{listen, read_frames, read_request, subscribed, upgrade, within};

/// The address of the venue, whose name only the proxy can look up.
const VENUE: &str = "ws://venue.example:8080";

fn venue(stream: &mut TcpStream) {
    upgrade(stream);
    read_frames(stream);
}

/// Starts an HTTP proxy with this answer. The thread returns the request that the proxy received.
fn http(answer: &'static str) -> (String, JoinHandle<String>) {
    listen("http", move |mut stream| {
        let request = read_request(&mut stream);
        stream.write_all(answer.as_bytes()).unwrap();
        if answer.contains(" 200 ") && answer.ends_with("\r\n\r\n") {
            venue(&mut stream);
        }
        request
    })
}

/// Starts a SOCKS5 proxy (RFC 1928) with this reply. If there are credentials, the proxy requires them (RFC 1929).
/// The thread returns the requested address.
fn socks(
    credentials: Option<(&'static str, &'static str)>,
    reply: u8,
) -> (String, JoinHandle<(String, u16)>) {
    listen("socks5h", move |mut stream| {
        let bytes = |stream: &mut TcpStream, count: usize| {
            let mut bytes = vec![0; count];
            stream.read_exact(&mut bytes).unwrap();
            bytes
        };
        let text = |stream: &mut TcpStream| {
            let length = bytes(stream, 1)[0];
            String::from_utf8(bytes(stream, length.into())).unwrap()
        };
        let head = bytes(&mut stream, 2);
        let methods = bytes(&mut stream, head[1].into());
        let method = if credentials.is_some() { 2 } else { 0 };
        assert!(head[0] == 5 && methods.contains(&method), "{head:?} {methods:?}");
        stream.write_all(&[5, method]).unwrap();
        if let Some((name, password)) = credentials {
            assert_eq!(bytes(&mut stream, 1), [1]);
            assert_eq!((text(&mut stream).as_str(), text(&mut stream).as_str()), (name, password));
            stream.write_all(&[1, 0]).unwrap();
        }
        assert_eq!(bytes(&mut stream, 4), [5, 1, 0, 3], "connect, to a name");
        let host = text(&mut stream);
        let port = bytes(&mut stream, 2);
        stream.write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
        if reply == 0 {
            venue(&mut stream);
        }
        (host, u16::from_be_bytes([port[0], port[1]]))
    })
}

fn outcome<A: Adapter>(proxies: Proxies, url: &str) -> Option<ConnectFailure> {
    let (handle, driver) = client(subscribed(Config::new(url)));
    let runtime = A::with_dialer(Dialer::new().proxies(proxies));
    let mut why = None;
    let run = driver.run(&runtime, |_, _, event| {
        if let Event::ConnectFailed { reason: told, .. } = event {
            why = Some(*told);
        }
        if let Event::ConnectFailed { .. } | Event::Opened { .. } = event {
            handle.close();
        }
    });
    within::<A, _>(run);
    why
}

/// Tests HTTP proxies with and without credentials, and HTTP proxies that refuse or break the protocol.
pub(crate) fn http_connect<A: Adapter>() {
    let refused = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
    let busy = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n";
    for (credentials, answer, expected) in [
        ("", "HTTP/1.1 200 Connection established\r\n\r\n", None),
        ("somebody:a%20secret@", "HTTP/1.1 200 OK\r\nVia: a\r\n\r\n", None),
        ("", "HTTP/1.0 200 \r\n\r\n", None),
        ("", refused, Some(ConnectFailure::ProxyStatus { status: 407, retry_after: None })),
        (
            "",
            busy,
            Some(ConnectFailure::ProxyStatus { status: 503, retry_after: Some(Duration::from_secs(30)) }),
        ),
        ("", "HTTP/1.1 200 OK\r\n\r\nout of turn", Some(ConnectFailure::Proxy)),
        ("", "no HTTP at all\r\n\r\n", Some(ConnectFailure::Proxy)),
    ] {
        let (url, thread) = http(answer);
        let proxies = Proxies::all(&url.replace("//", &format!("//{credentials}")));
        assert_eq!(outcome::<A>(proxies, VENUE), expected, "{answer}");
        let request = thread.join().unwrap();
        assert!(request.starts_with("CONNECT venue.example:8080 HTTP/1.1\r\n"), "{request}");
        // The text after `Basic` is the name and the password in base64.
        let is_signed = request.contains("Proxy-Authorization: Basic c29tZWJvZHk6YSBzZWNyZXQ=");
        assert_eq!(is_signed, !credentials.is_empty(), "{request}");
    }
}

/// The answer of a proxy never ends, and the attempt fails after a limited number of bytes. The request has an IPv6
/// address in brackets.
pub(crate) fn an_answer_without_an_end<A: Adapter>() {
    let (url, thread) = listen("http", |mut stream| {
        let request = read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX: ");
        let mut sent = 0;
        while stream.write_all(&[b'x'; 1024]).is_ok() {
            sent += 1;
        }
        (request, sent)
    });
    let outcome = outcome::<A>(Proxies::all(&url), "ws://[2001:db8::1]:9701/");
    assert_eq!(outcome, Some(ConnectFailure::Proxy));
    let (request, sent) = thread.join().unwrap();
    assert!(request.starts_with("CONNECT [2001:db8::1]:9701 HTTP/1.1\r\n"), "{request}");
    // The client stops reading, and the buffers of both sockets hold less than this.
    assert!(sent < 16 << 10, "{sent} KiB");
}

/// Tests SOCKS5 proxies with and without credentials, and one that refuses. The proxy looks up the name of the venue.
pub(crate) fn socks5<A: Adapter>() {
    for (credentials, reply, expected) in
        [(None, 0, None), (Some(("somebody", "a secret")), 0, None), (None, 5, Some(ConnectFailure::Proxy))]
    {
        let (url, thread) = socks(credentials, reply);
        let named = if credentials.is_some() { "//somebody:a%20secret@" } else { "//" };
        assert_eq!(outcome::<A>(Proxies::all(&url.replace("//", named)), VENUE), expected, "{reply}");
        assert_eq!(thread.join().unwrap(), ("venue.example".to_owned(), 8080));
    }
}

/// If no proxy listens, the attempt fails with `ConnectFailure::Refused`. If the proxy's scheme is not supported, it
/// fails with `ConnectFailure::Proxy`. The client connects directly to addresses that `Proxies::except` excludes.
pub(crate) fn no_proxy<A: Adapter>() {
    // The test has just closed a listener on this port, so no proxy listens on it.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let nobody = format!("http://127.0.0.1:{port}");
    assert_eq!(outcome::<A>(Proxies::all(&nobody), VENUE), Some(ConnectFailure::Refused));
    assert_eq!(outcome::<A>(Proxies::all("https://127.0.0.1:1"), VENUE), Some(ConnectFailure::Proxy));
    let (url, thread) = listen("ws", |mut stream| venue(&mut stream));
    let proxies = Proxies::all(&nobody).except("localhost,127.0.0.0/8");
    assert_eq!(outcome::<A>(proxies, &url), None);
    thread.join().unwrap();
}

/// The client uses the proxies that environment variables such as `ALL_PROXY` name.
#[expect(clippy::extra_unused_type_parameters, reason = "the adapter is that of the process that is started")]
pub(crate) fn of_the_environment<A: Adapter>() {
    for variable in ["http_proxy", "ALL_PROXY"] {
        let (url, thread) = http("HTTP/1.1 200 OK\r\n\r\n");
        let mut application = Application::start(VENUE, &[(variable, &url)]);
        application.until("Opened");
        application.interrupt();
        application.end();
        assert!(thread.join().unwrap().starts_with("CONNECT venue.example:8080 "), "{variable}");
    }
}
