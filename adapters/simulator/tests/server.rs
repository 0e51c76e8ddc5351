//! Tests the server on real sockets of the loopback interface.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::common::serving::{UPGRADE, ask, connect, open, rest as rest_of, serve, server, text};
use async_io::{Async, Timer};
use async_tungstenite::client_async;
use async_tungstenite::tungstenite::protocol::CloseFrame;
use async_tungstenite::tungstenite::{Error, Message};
use futures_lite::{StreamExt, future};
use gemini_ws::{Instant, Scratch, decode};
use gemini_ws_simulator::server::Server;
use gemini_ws_simulator::server::limits::BODY_BYTES_MAX;
use gemini_ws_simulator::{Account, Config, Exchange, SessionId};

use crate::common::rest;

const SUBSCRIBE: &str =
    r#"{"id":1,"method":"subscribe","params":["btcusd@depth@100ms","btcusd@bookTicker"]}"#;

#[test]
fn subscribes_and_receives() {
    let mut server = server(|config| config);
    let address = server.local_addr();
    serve(&mut server, async {
        let mut client = connect(address, "?snapshot=-1").await;
        client.send(Message::text(SUBSCRIBE)).await.unwrap();
        let mut scratch = Scratch::new();
        let (mut acknowledged, mut depth, mut tickers) = (0, 0, 0);
        while depth < 5 || tickers < 5 || acknowledged < 1 {
            match decode(&text(&mut client).await, &mut scratch).unwrap() {
                gemini_ws::Message::Depth(frame) => {
                    assert_eq!(frame.first_update_id == frame.last_update_id, depth == 0);
                    depth += 1;
                }
                gemini_ws::Message::BookTicker(_) => tickers += 1,
                gemini_ws::Message::Response(response) => acknowledged += u32::from(response.is_ok()),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(acknowledged, 1);
    });
    assert_eq!(server.counters().accepted(), 1);
}

#[test]
fn serves_many() {
    let mut server = server(|config| config);
    let address = server.local_addr();
    serve(&mut server, async {
        let mut clients = Vec::new();
        for _ in 0..20 {
            let mut client = connect(address, "").await;
            client.send(Message::text(r#"{"id":"x","method":"ping"}"#)).await.unwrap();
            clients.push(client);
        }
        for client in &mut clients {
            assert_eq!(text(client).await, r#"{"id":"x","status":200}"#);
        }
    });
    assert_eq!(server.exchange_mut().session_count(), 20);
}

#[test]
fn pings() {
    let mut server = server(|config| config.server_ping(Duration::from_millis(20)));
    let address = server.local_addr();
    serve(&mut server, async {
        let mut client = connect(address, "").await;
        for _ in 0..3 {
            assert!(matches!(client.next().await, Some(Ok(Message::Ping(_)))));
        }
    });
}

#[test]
fn clients_close() {
    let mut server = server(|config| config);
    let address = server.local_addr();
    serve(&mut server, async {
        let mut client = connect(address, "").await;
        client.send(Message::text(SUBSCRIBE)).await.unwrap();
        let frame = CloseFrame { code: 1000.into(), reason: "done".into() };
        client.close(Some(frame)).await.unwrap();
        // Earlier frames of the server may come first. Then its Close frame comes, and the connection ends.
        let mut answer = None;
        while let Some(Ok(message)) = client.next().await {
            if let Message::Close(frame) = message {
                answer = frame;
            }
        }
        assert_eq!(answer.map(|frame| u16::from(frame.code)), Some(1000));
    });
    assert_eq!(server.exchange_mut().session_count(), 0);
}

#[test]
fn the_exchange_closes_and_aborts() {
    let mut server = server(|config| config);
    let address = server.local_addr();
    // The server runs until both clients have sessions. Later, it runs until both clients have seen the end of their
    // sessions.
    let mut first = serve(&mut server, connect(address, ""));
    let mut second = serve(&mut server, connect(address, ""));
    serve(&mut server, async {
        for client in [&mut first, &mut second] {
            client.send(Message::text(r#"{"id":1,"method":"ping"}"#)).await.unwrap();
            text(client).await;
        }
    });
    server.exchange_mut().faults().close(SessionId(1), 1012, "service restart");
    server.exchange_mut().faults().abort(SessionId(2));
    serve(&mut server, async {
        let Some(Ok(Message::Close(Some(frame)))) = first.next().await else { panic!("no Close") };
        assert_eq!((u16::from(frame.code), frame.reason.as_str()), (1012, "service restart"));
        assert!(first.next().await.is_none());
        assert!(matches!(second.next().await, None | Some(Err(Error::Io(_) | Error::Protocol(_)))));
    });
}

#[test]
fn too_many_streams() {
    let mut server = server(|config| config);
    let address = server.local_addr();
    serve(&mut server, async {
        let mut client = connect(address, "").await;
        let names = vec![r#""btcusd@trade""#; 101].join(",");
        let request = format!(r#"{{"id":1,"method":"subscribe","params":[{names}]}}"#);
        client.send(Message::text(request)).await.unwrap();
        let Some(Ok(Message::Close(Some(frame)))) = client.next().await else { panic!("no Close") };
        assert_eq!(u16::from(frame.code), 1009);
    });
}

#[test]
fn who_does_not_read_is_cut() {
    let mut server = server(|config| config.orders_per_side(2_500));
    let address = server.local_addr();
    let counters = server.counters();
    serve(&mut server, async {
        // The client requests about 100 KiB again and again, and reads nothing.
        let mut client = connect(address, "").await;
        let request = r#"{"id":1,"method":"depth","params":{"symbol":"btcusd","limit":5000}}"#;
        while counters.slow() == 0 {
            if client.send(Message::text(request)).await.is_err() {
                Timer::after(Duration::from_millis(1)).await;
            }
        }
    });
    assert_eq!((counters.slow(), server.exchange_mut().session_count()), (1, 0));
}

#[test]
fn what_is_no_upgrade_is_refused() {
    let mut server = server(|config| config);
    let address = server.local_addr();
    let counters = server.counters();
    serve(&mut server, async {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.write_all(b"hello\r\n\r\n").unwrap();
        let gone = TcpStream::connect(address).unwrap();
        drop(gone);
        while counters.refused() < 2 {
            Timer::after(Duration::from_millis(1)).await;
        }
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 400 "));
        // Other clients still get replies.
        let mut client = connect(address, "").await;
        client.send(Message::text(r#"{"id":1,"method":"ping"}"#)).await.unwrap();
        text(&mut client).await;
    });
}

/// Checks the answer to each request. A row has the method and the target of the request, its headers and its body,
/// and the status and the body of the answer.
#[test]
fn requests_are_answered() {
    let mut server = server(|config| config);
    let address = server.local_addr();
    let plain = "Host: a\r\n\r\n";
    let bad = "Host: a\r\nUpgrade: websocket\r\n\r\n";
    let long = format!("X: {}\r\n\r\n", "x".repeat(20_000));
    let post = "Host: a\r\nContent-Length: 2\r\n\r\n{}";
    let error = |reason: &str| format!(r#"{{"result":"error","reason":"{reason}"}}"#);
    let not_found = || error("EndpointNotFound");
    let explained = || {
        let text = r#"{"result":"error","reason":"EndpointNotFound","message":"There is no such endpoint"}"#;
        text.to_owned()
    };
    let symbols = || r#"["btcusd"]"#.to_owned();
    let table = [
        ("GET /v3", UPGRADE, "404 Not Found", not_found()),
        ("GET /v2/marketdata//", UPGRADE, "404 Not Found", not_found()),
        ("GET //v2/marketdata", UPGRADE, "404 Not Found", not_found()),
        ("GET /v1/marketdata/ethusd", UPGRADE, "404 Not Found", error("InvalidSymbol")),
        ("GET /v1/marketdata//btcusd", UPGRADE, "404 Not Found", error("InvalidSymbol")),
        ("GET /v1/marketdata/btcusd//", UPGRADE, "404 Not Found", error("InvalidSymbol")),
        ("GET /v1/multimarketdata", UPGRADE, "400 Bad Request", error("MissingSymbols")),
        ("GET /", plain, "426 Upgrade Required", error("UpgradeRequired")),
        ("GET /v2/marketdata/", plain, "426 Upgrade Required", error("UpgradeRequired")),
        ("GET /", bad, "400 Bad Request", error("BadUpgrade")),
        ("GET /v1/symbols", plain, "200 OK", symbols()),
        ("GET /v1/symbols/", plain, "200 OK", symbols()),
        ("GET /v1/symbols?x=1", UPGRADE, "200 OK", symbols()),
        ("GET /v1/symbols/details/all", plain, "404 Not Found", not_found()),
        ("GET /v1/pubticker/btcusd", plain, "404 Not Found", not_found()),
        ("POST /v1/mytrades", post, "404 Not Found", explained()),
        ("POST /", post, "405 Method Not Allowed", error("MethodNotAllowed")),
        ("GET /", &long, "431 Request Header Fields Too Large", error("RequestTooLarge")),
        ("\x16\x03\x01", "", "400 Bad Request", error("BadRequest")),
        ("hello", "\r\n\r\n", "400 Bad Request", error("BadRequest")),
    ];
    let refused = table.iter().filter(|(_, _, status, _)| *status != "200 OK").count() as u64;
    serve(&mut server, async {
        for (target, headers, status, expected) in table {
            let (head, body) = ask(address, format!("{target} HTTP/1.1\r\n{headers}").as_bytes()).await;
            assert_eq!(head[0], format!("HTTP/1.1 {status}"), "{target}");
            assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head:?}");
            assert!(head.contains(&"Content-Type: application/json".to_owned()), "{head:?}");
            assert_eq!(body, expected, "{target}");
            assert_eq!(
                head.contains(&"Upgrade: websocket".to_owned()),
                status.starts_with("426"),
                "{target}"
            );
        }
        // A WebSocket client gets this status too.
        let socket = Async::<TcpStream>::connect(address).await.unwrap();
        match client_async(format!("ws://{address}/v3"), socket).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), 404),
            other => panic!("{other:?}"),
        }
    });
    assert_eq!((server.counters().accepted(), server.counters().refused()), (0, refused + 1));
    assert_eq!(server.exchange_mut().session_count(), 0);
}

/// The server accepts the addresses of its endpoints in the forms that clients other than `gemini-ws` use.
#[test]
fn addresses_of_other_clients() {
    let mut server = server(|config| config);
    let address = server.local_addr();
    let targets = [
        "?snapshot=-1",
        "v2/marketdata",
        "v2/marketdata/",
        "v2/marketdata/?heartbeat=true",
        "v1/marketdata/BTCUSD",
        "v1/marketdata/btcusd/",
        "v1/marketdata/btcusd/?top_of_book=true",
        "v1/multimarketdata?symbols=btcusd,BTCUSD",
        "v1/multimarketdata/?symbols=btcusd%2CBTCUSD",
    ];
    serve(&mut server, async {
        for target in targets {
            connect(address, target).await;
        }
    });
    assert_eq!(server.counters().accepted(), targets.len() as u64);
}

#[test]
fn archived_endpoints() {
    let mut server = server(|config| config);
    let address = server.local_addr();
    serve(&mut server, async {
        let mut client = connect(address, "v2/marketdata").await;
        let subscribe = r#"{"type":"subscribe","subscriptions":[{"name":"l2","symbols":["BTCUSD"]}]}"#;
        client.send(Message::text(subscribe)).await.unwrap();
        let first = text(&mut client).await;
        assert!(first.starts_with(r#"{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","#), "{first}");
        while !text(&mut client).await.contains(r#""type":"trade""#) {}

        let mut client = connect(address, "v1/marketdata/btcusd?top_of_book=true").await;
        for sequence in 0..5 {
            let frame = text(&mut client).await;
            assert!(frame.contains(&format!(r#""socket_sequence":{sequence},"#)), "{frame}");
        }
    });
    assert_eq!((server.counters().accepted(), server.exchange_mut().session_count()), (2, 2));
}

#[test]
fn stops_in_good_order() {
    let mut server = server(|config| config);
    let address = server.local_addr();
    let (mut client, _silent) = serve(&mut server, async {
        let mut client = connect(address, "v2/marketdata").await;
        client.send(Message::text("{")).await.unwrap();
        text(&mut client).await;
        (client, connect(address, "").await)
    });
    let started = std::time::Instant::now();
    let reader = async {
        loop {
            match client.next().await {
                Some(Ok(Message::Close(Some(frame)))) => {
                    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (1001, "going away"));
                    assert!(client.next().await.is_none());
                    // The server accepts no clients while it closes.
                    return assert!(TcpStream::connect(address).is_err());
                }
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    };
    // The silent client does not answer the Close frame, so the server waits until the limit.
    future::block_on(future::zip(server.close(Duration::from_millis(300)), reader));
    assert!(started.elapsed() >= Duration::from_millis(300));

    // If all clients answer, the server does not wait until the limit.
    let mut server = self::server(|config| config);
    let address = server.local_addr();
    let mut client = serve(&mut server, connect(address, ""));
    let reader = async { while let Some(Ok(_)) = client.next().await {} };
    future::block_on(future::zip(server.close(Duration::from_secs(60)), reader));
    assert!(started.elapsed() < Duration::from_secs(30));
}

/// The server does not wait for a client to which it sends no Close frame: a client whose session is silenced, and a
/// client whose session ended while it was silenced.
#[test]
fn waits_for_no_client_without_a_close_frame() {
    for faults in ["stall 60s", "stall 60s\nclose 1012"] {
        let mut server = server(|config| config);
        let address = server.local_addr();
        let mut client = serve(&mut server, connect(address, ""));
        assert!(server.exchange_mut().plan_faults(Instant::ZERO, faults).is_ok());
        let mut other = serve(&mut server, connect(address, ""));
        let started = std::time::Instant::now();
        let reader = async {
            // The server closes the other client as usual.
            while !matches!(other.next().await, Some(Ok(Message::Close(Some(_))))) {}
            assert!(other.next().await.is_none());
            while let Some(Ok(message)) = client.next().await {
                assert!(!message.is_close(), "{faults}: {message:?}");
            }
        };
        let (exchange, ()) = future::block_on(future::zip(server.close(Duration::from_secs(8)), reader));
        assert_eq!(exchange.session_count(), 0, "{faults}");
        assert!(started.elapsed() < Duration::from_secs(4), "{faults}: {:?}", started.elapsed());
    }
}

/// During a silence the server writes nothing, not even what RFC 6455 requires: a pong, the answer to a Close frame,
/// or a Close frame for a client that breaks the protocol. After the silence it answers the pings, and cuts the
/// clients whose sessions have ended.
#[test]
fn a_silence_includes_the_websocket_layer() {
    const PING: &[u8] = &[0x89, 0x80, 0, 0, 0, 0];
    const PONG: &[u8] = &[0x8A, 0];
    const CLOSE: &[u8] = &[0x88, 0x80, 0, 0, 0, 0];
    const UNMASKED: &[u8] = &[0x81, 0];
    type Row = (&'static str, &'static str, &'static [u8], &'static [u8], bool);
    let table: [Row; 5] = [
        ("a ping", "stall 600ms", PING, PONG, false),
        ("a Close frame", "stall 600ms", CLOSE, &[], true),
        ("a breach", "stall 600ms", UNMASKED, &[], true),
        ("a Close frame of the server", "stall 600ms\nclose 1012 @100ms", &[], &[], true),
        ("a ping after a Close frame of the server", "stall 600ms\nclose 1012", PING, &[], true),
    ];
    for (name, faults, sent, expected, is_cut) in table {
        let mut server = server(|config| config);
        let address = server.local_addr();
        let mut part = [0; 4_096];
        let mut client = serve(&mut server, async {
            let client = open(address, format!("GET / HTTP/1.1\r\n{UPGRADE}").as_bytes()).await;
            let count = client.read_with(|mut client| client.read(&mut part)).await.unwrap();
            assert!(part[..count].starts_with(b"HTTP/1.1 101 ") && part[..count].ends_with(b"\r\n\r\n"));
            client
        });
        let started = std::time::Instant::now();
        assert!(server.exchange_mut().plan_faults(Instant::ZERO, faults).is_ok());
        let answer = serve(&mut server, async {
            futures_lite::AsyncWriteExt::write_all(&mut client, sent).await.unwrap();
            if is_cut {
                return rest_of(&client).await;
            }
            let count = client.read_with(|mut client| client.read(&mut part)).await.unwrap();
            part[..count].to_vec()
        });
        assert_eq!(answer, expected, "{name}");
        let elapsed = started.elapsed();
        assert!(elapsed >= Duration::from_millis(500), "{name}: {elapsed:?}");
    }
}

#[test]
fn dropping_it_closes_everything() {
    let mut server = server(|config| config);
    let address = server.local_addr();
    let mut client = serve(&mut server, connect(address, ""));
    drop(server);
    future::block_on(async { assert!(matches!(client.next().await, None | Some(Err(_)))) });
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn only_loopback() {
    let exchange = Exchange::new(Config::market([]), 1);
    let error = Server::bind(([0, 0, 0, 0], 0).into(), exchange).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}

fn signed(path: &str, nonce: u64, body: &str) -> Vec<u8> {
    let payload = format!(r#"{{"request":"{path}","nonce":{nonce}}}"#);
    let headers = rest::headers("account-one", &payload);
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n{headers}\r\n{body}").into_bytes()
}

#[test]
fn rest_over_http() {
    let account = Account::new("account-one", "secret").without_balances();
    let mut server = server(|config| config.account(account.balance("USD", "5".parse().unwrap())));
    let address = server.local_addr();
    serve(&mut server, async {
        let (head, body) = ask(address, &signed("/v1/balances", 1, "")).await;
        assert_eq!(head[0], "HTTP/1.1 200 OK");
        assert!(head.contains(&"Connection: close".to_owned()), "{head:?}");
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head:?}");
        assert!(body.contains(r#""amount":"5""#), "{body}");
        // The server reads the body and ignores it.
        assert_eq!(ask(address, &signed("/v1/orders", 2, "{\"order_id\":")).await.1, "[]");
        let (head, body) = ask(address, &signed("/v1/orders", 2, "")).await;
        assert_eq!(head[0], "HTTP/1.1 400 Bad Request");
        assert!(body.contains(r#""reason":"InvalidNonce""#), "{body}");
        let (head, _) = ask(address, &signed("/v1/mytrades", 3, "")).await;
        assert_eq!(head[0], "HTTP/1.1 404 Not Found");
    });
    assert_eq!(server.counters().refused(), 2);
}

#[test]
fn bodies() {
    let mut server = server(|config| config);
    let address = server.local_addr();
    let post = |head: &str, body: &str| {
        format!("POST /simulator/faults HTTP/1.1\r\nHost: a\r\n{head}\r\n{body}").into_bytes()
    };
    let sized = |body: &str| post(&format!("Content-Length: {}\r\n", body.len()), body);
    let in_latin_1 = [post("Content-Length: 22\r\n", "abort @1h\nsend-text ").as_slice(), b"\xE9\n"].concat();
    let long = "abort @1h\n".repeat(BODY_BYTES_MAX / 10 + 1);
    let table = [
        (sized("drop-depth btcusd 3 @10s\nabort @20s\n"), "200 OK", r#""planned":2"#),
        (sized(""), "200 OK", r#""planned":0"#),
        (post("", ""), "200 OK", r#""planned":0"#),
        (sized("abort @1s\nstall"), "400 Bad Request", r#""line":2"#),
        (sized("\u{ff}"), "400 Bad Request", r#""line":1"#),
        (in_latin_1, "400 Bad Request", r#""line":2,"message":"not UTF-8""#),
        (sized(&long), "413 Payload Too Large", "RequestTooLarge"),
        (post("Content-Length: many\r\n", ""), "400 Bad Request", "BadRequest"),
        (post("Content-Length: -1\r\n", ""), "400 Bad Request", "BadRequest"),
        (post("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"), "411 Length Required", "LengthRequired"),
        (sized(&long[..BODY_BYTES_MAX / 2]), "400 Bad Request", r#""line":820"#),
    ];
    serve(&mut server, async {
        for (request, status, part) in &table {
            let (head, body) = ask(address, request).await;
            let shown = String::from_utf8_lossy(&request[..request.len().min(100)]).into_owned();
            assert!(head[0].ends_with(status) && body.contains(part), "{shown}: {head:?} {body}");
        }
        // Send a body in two pieces.
        let request = sized("abort @5h\nabort @6h");
        let mut socket = open(address, &request[..request.len() - 8]).await;
        Timer::after(Duration::from_millis(50)).await;
        futures_lite::AsyncWriteExt::write_all(&mut socket, &request[request.len() - 8..]).await.unwrap();
        assert!(String::from_utf8(rest_of(&socket).await).unwrap().contains(r#""planned":2"#));
    });
}

#[test]
fn faults_over_http() {
    let account = Account::new("account-one", "secret");
    let mut server = server(|config| config.account(account));
    let address = server.local_addr();
    serve(&mut server, async {
        let mut client = connect(address, "").await;
        let faults = "delay-rest 400ms\nclose 1012 @100ms";
        let length = faults.len();
        let plan =
            format!("POST /simulator/faults HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{faults}");
        assert_eq!(ask(address, plan.as_bytes()).await.0[0], "HTTP/1.1 200 OK");
        let asked = std::time::Instant::now();
        assert_eq!(ask(address, &signed("/v1/orders", 1, "")).await.1, "[]");
        assert!(asked.elapsed() >= Duration::from_millis(400));
        // The delay affects only answers of REST.
        let code = loop {
            match client.next().await {
                Some(Ok(Message::Close(Some(frame)))) => break u16::from(frame.code),
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(code, 1012);
    });
}
