//! A simulator in a separate process, and requests of its clients.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Child;
use std::time::Duration;

use base64ct::{Base64, Encoding};
use gemini_ws::{Credentials, Endpoint, Nonce, UnixTime};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha384;

use super::command;

pub(crate) struct Simulator {
    pub(crate) process: Child,
    pub(crate) told: Vec<String>,
}

impl Simulator {
    pub(crate) fn start(arguments: &[&str]) -> Simulator {
        let mut process = command(&[&["simulate"], arguments].concat()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut told = Vec::new();
        while told.last().is_none_or(|line: &String| !line.starts_with("Ctrl-C")) {
            told.push(lines.next().expect("it says how to end it"));
        }
        Simulator { process, told }
    }

    pub(crate) fn host(&self) -> &str {
        let first = self.told.first().unwrap();
        first.split_once("ws://").unwrap().1.trim()
    }

    pub(crate) fn addresses(&self) -> Vec<&str> {
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

/// Requests an upgrade. Returns the status of the answer, and the connection.
pub(crate) fn upgrade(address: &str, login: Option<(&str, &str, Endpoint, u64)>) -> (u16, TcpStream) {
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

/// Sends a POST request. Returns the status and the body of the answer.
pub(crate) fn post(host: &str, path: &str, headers: &str, body: &str) -> (u16, Value) {
    let mut socket = TcpStream::connect(host).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let length = body.len();
    let request =
        format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n{headers}\r\n{body}");
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
}

/// Sends a signed REST request with a nonce and arguments such as `,"order_id":5`. Returns the status and the body of
/// the answer.
pub(crate) fn ask(
    host: &str,
    [key, secret]: [&str; 2],
    path: &str,
    nonce: u64,
    arguments: &str,
) -> (u16, Value) {
    let payload = format!(r#"{{"request":"{path}","nonce":{nonce}{arguments}}}"#);
    let payload = Base64::encode_string(payload.as_bytes());
    let mut mac = Hmac::<Sha384>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(payload.as_bytes());
    let signature: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let headers = format!(
        "X-GEMINI-APIKEY: {key}\r\nX-GEMINI-PAYLOAD: {payload}\r\nX-GEMINI-SIGNATURE: {signature}\r\n"
    );
    post(host, path, &headers, "")
}

/// Sends a text frame of at most 65,535 bytes, masked with zeros.
pub(crate) fn send(socket: &mut TcpStream, text: &str) {
    let length = u16::try_from(text.len()).unwrap().to_be_bytes();
    let frame = [&[0x81, 0xFE], &length[..], &[0; 4], text.as_bytes()].concat();
    socket.write_all(&frame).unwrap();
}

pub(crate) fn wait_for(socket: &mut TcpStream, part: &str) {
    let (mut received, mut bytes) = (Vec::new(), [0; 4_096]);
    while !received.windows(part.len()).any(|window| window == part.as_bytes()) {
        let count = socket.read(&mut bytes).unwrap();
        assert!(count > 0, "no {part:?} in {:?}", String::from_utf8_lossy(&received));
        received.extend_from_slice(&bytes[..count]);
    }
}
