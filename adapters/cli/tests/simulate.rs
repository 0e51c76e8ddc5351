//! `gemini-ws simulate`, as a team meets it that tests a client of its own: nothing but what is printed.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Child;
use std::time::Duration;

use gemini_ws::{Credentials, Endpoint, Nonce, UnixTime};
use support::{command, run, signal};

/// A simulator, and what it has printed.
struct Simulator {
    process: Child,
    told: Vec<String>,
}

impl Simulator {
    fn start(arguments: &[&str]) -> Simulator {
        let mut process = command(&[&["simulate"], arguments].concat()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut told = Vec::new();
        while told.last().is_none_or(|line: &String| !line.starts_with("Ctrl-C")) {
            told.push(lines.next().expect("it says how to end it"));
        }
        Simulator { process, told }
    }

    fn addresses(&self) -> Vec<&str> {
        let lines = self.told.iter().filter(|line| line.starts_with("  "));
        lines.filter_map(|line| line.split(' ').find(|word| word.starts_with("ws://"))).collect()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Asks for an upgrade: the status, and the connection.
fn upgrade(address: &str, login: Option<(&str, &str, Endpoint, u64)>) -> (u16, TcpStream) {
    let rest = address.strip_prefix("ws://").unwrap();
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let mut request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    );
    if let Some((key, secret, endpoint, later)) = login {
        let nonce = Nonce::new(UnixTime::now().as_millis() + later);
        for (name, value) in Credentials::hmac(key, secret).unwrap().headers(endpoint, nonce).iter() {
            request += &format!("{name}: {value}\r\n");
        }
    }
    let mut socket = TcpStream::connect(host).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket.write_all(format!("{request}\r\n").as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), socket)
}

#[test]
fn every_printed_address_is_served() {
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
    // The account that is there by itself can sign in as it is told.
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

#[test]
fn accounts_of_the_user() {
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

#[test]
fn an_interrupt_closes_in_good_order() {
    let mut simulator = Simulator::start(&["btcusd"]);
    let (status, mut socket) = upgrade(simulator.addresses()[2], None);
    assert_eq!(status, 101);
    signal(&simulator.process, "INT");
    let (mut received, mut bytes) = (Vec::new(), [0; 4_096]);
    // A Close frame whose payload begins with 1001, "going away".
    let is_close = |window: &[u8]| window[0] == 0x88 && window[2..] == 1_001_u16.to_be_bytes();
    while !received.windows(4).any(is_close) {
        let count = socket.read(&mut bytes).unwrap();
        assert!(count > 0, "no Close frame in {received:?}");
        received.extend_from_slice(&bytes[..count]);
    }
    // The answer, masked with zeros.
    socket.write_all(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9]).unwrap();
    assert_eq!(simulator.process.wait().unwrap().code(), Some(130));
}

#[test]
fn wrong_use() {
    let table: [(&[&str], &str); 6] = [
        (&["--account"], "KEY:SECRET"),
        (&["--listen", "0.0.0.0:9000"], "addresses of this machine only"),
        (&["--listen", "[::1]:0", "--port", "1"], "cannot be used with"),
        (&["--account", "hidden"], "begins with account-"),
        (&["--account", "account-a:"], "secret is empty"),
        (&["--port", "70000"], "70000"),
    ];
    for (arguments, advice) in table {
        let run = run(&[&["simulate"], arguments].concat(), b"");
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(run.err.contains(advice) && !run.err.contains("hidden"), "{}", run.err);
    }
}
