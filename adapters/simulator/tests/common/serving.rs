//! A server on the loopback interface, and its clients.
#![allow(dead_code, unreachable_pub, reason = "not every test uses all of it")]

use std::future::Future;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::pin::pin;
use std::time::Duration;

use async_io::{Async, Timer};
use async_tungstenite::tungstenite::Message;
use async_tungstenite::{WebSocketStream, client_async};
use futures_lite::{StreamExt, future};
use gemini_ws_simulator::server::Server;
use gemini_ws_simulator::{Config, Exchange};

pub type Client = WebSocketStream<Async<TcpStream>>;

pub const UPGRADE: &str = "Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

pub fn server(config: impl FnOnce(Config) -> Config) -> Server {
    let market = Config::market(["btcusd".parse().unwrap()]).events_per_second(200);
    Server::bind(([127, 0, 0, 1], 0).into(), Exchange::new(config(market), 1)).unwrap()
}

/// Runs the server until the client has finished. Panics after ten seconds.
pub fn serve<T>(server: &mut Server, client: impl Future<Output = T>) -> T {
    let late = async {
        Timer::after(Duration::from_secs(10)).await;
        panic!("too late")
    };
    let served = async { match server.run().await {} };
    future::block_on(future::or(pin!(client), future::or(served, late)))
}

pub async fn connect(address: SocketAddr, query: &str) -> Client {
    let socket = Async::<TcpStream>::connect(address).await.unwrap();
    client_async(format!("ws://{address}/{query}"), socket).await.unwrap().0
}

pub async fn text(client: &mut Client) -> String {
    loop {
        match client.next().await.unwrap().unwrap() {
            Message::Text(text) => return text.to_string(),
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

pub async fn open(address: SocketAddr, bytes: &[u8]) -> Async<TcpStream> {
    let socket = Async::<TcpStream>::connect(address).await.unwrap();
    let mut rest = bytes;
    while !rest.is_empty() {
        let count = socket.write_with(|mut socket| socket.write(rest)).await.unwrap();
        rest = &rest[count..];
    }
    socket
}

pub async fn rest(socket: &Async<TcpStream>) -> Vec<u8> {
    let (mut answer, mut part) = (Vec::new(), [0; 4_096]);
    loop {
        let count = socket.read_with(|mut socket| socket.read(&mut part)).await.unwrap();
        if count == 0 {
            return answer;
        }
        answer.extend_from_slice(&part[..count]);
    }
}

pub async fn ask(address: SocketAddr, request: &[u8]) -> (Vec<String>, String) {
    let answer = String::from_utf8(rest(&open(address, request).await).await).unwrap();
    parts(&answer)
}

pub fn parts(answer: &str) -> (Vec<String>, String) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    (head.split("\r\n").map(str::to_owned).collect(), body.to_owned())
}
