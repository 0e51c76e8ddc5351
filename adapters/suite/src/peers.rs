//! Peers in blocking code. They can misbehave in ways in which a server with a WebSocket library cannot.

use std::future::Future;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use gemini_ws_driver::async_tungstenite::tungstenite::handshake::derive_accept_key;
use gemini_ws_driver::gemini_ws::{Client, Config, Event, Instant};
use gemini_ws_driver::{Closed, client};

use crate::Adapter;

/// Runs a future and returns its output. Panics if the future takes longer than 20 s.
pub fn within<A: Adapter, T>(future: impl Future<Output = T>) -> T {
    let timeout = async {
        smol::Timer::after(Duration::from_secs(20)).await;
        panic!("not done in time");
    };
    A::block_on(smol::future::or(future, timeout))
}

/// Returns a client with one endpoint and subscriptions to three streams of `btcusd`.
pub fn subscribed(config: Config) -> Client {
    let mut gemini = Client::single(config.seed(1));
    for stream in ["btcusd@depth@100ms", "btcusd@bookTicker", "btcusd@trade"] {
        gemini.subscribe(Instant::ZERO, stream.parse().unwrap()).unwrap();
    }
    gemini
}

/// Listens on a free port, and calls `peer` in a thread with the first connection. Returns the URL and the thread.
pub fn listen<T: Send + 'static>(
    scheme: &str,
    peer: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (String, JoinHandle<T>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("{scheme}://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
        peer(stream)
    });
    (url, thread)
}

/// Runs a client against a peer, and closes the client when `accept` returns `true` for an event. Returns how the
/// driver ended, and the result of `peer`. Panics if the client takes longer than 20 s.
pub fn meet<A: Adapter, T: Send + 'static>(
    scheme: &str,
    configure: impl FnOnce(Config) -> Config,
    peer: impl FnOnce(TcpStream) -> T + Send + 'static,
    mut accept: impl FnMut(&mut Client, Instant, &Event<'_>) -> bool,
) -> (Closed, T) {
    let (url, thread) = listen(scheme, peer);
    let (handle, driver) = client(subscribed(configure(Config::new(url))));
    let on_event = |client: &mut Client, now, event: &Event<'_>| {
        if accept(client, now, event) {
            handle.close();
        }
    };
    let closed = within::<A, _>(driver.run(&A::runtime(), on_event));
    (closed, thread.join().unwrap())
}

/// Runs a client with the default settings against a peer, as [`meet`] does. Returns how the driver ended.
pub fn against<A: Adapter>(
    scheme: &str,
    peer: impl FnOnce(TcpStream) + Send + 'static,
    mut accept: impl FnMut(&Event<'_>) -> bool,
) -> Closed {
    meet::<A, _>(scheme, |config| config, peer, |_, _, event| accept(event)).0
}

/// Reads the head of an upgrade request, up to the empty line or the end of the transport.
pub fn read_request(stream: &mut impl Read) -> String {
    let (mut request, mut byte) = (Vec::new(), [0]);
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
        request.push(byte[0]);
    }
    String::from_utf8(request).unwrap()
}

/// Reads an upgrade request, and accepts the upgrade.
pub fn upgrade(stream: &mut (impl Read + Write)) {
    let request = read_request(stream);
    answer(stream, &request).unwrap();
}

/// Accepts an upgrade. `request` is the head of the upgrade request.
pub fn answer(stream: &mut impl Write, request: &str) -> std::io::Result<()> {
    let header = |line: &'static str| move |it: &(&str, &str)| it.0.eq_ignore_ascii_case(line);
    let mut headers = request.lines().filter_map(|line| line.split_once(": "));
    let key = headers.find(header("sec-websocket-key")).expect("a key").1;
    let accept = derive_accept_key(key.as_bytes());
    let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    write!(stream, "{head}Sec-WebSocket-Accept: {accept}\r\n\r\n")
}

/// The first byte of a text frame that is a whole message.
pub const TEXT: u8 = 0x81;
/// The first byte of a Close frame.
pub const CLOSE: u8 = 0x88;
/// The first byte of a Ping frame.
pub const PING: u8 = 0x89;
/// The first byte of a Pong frame.
pub const PONG: u8 = 0x8a;

/// Returns an unmasked frame with this first byte, such as [`TEXT`], and a payload of up to 65,535 bytes.
pub fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![opcode];
    match u8::try_from(payload.len()) {
        Ok(length @ 0..126) => frame.push(length),
        _ => {
            frame.push(126);
            frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

/// Reads a frame of a client and removes the mask. Returns the first byte and the payload; `None` at the end of the
/// transport.
pub fn read_frame(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).ok()?;
    assert_eq!(head[1] & 0x80, 0x80, "a client's frames are masked");
    let mut length = [0; 8];
    match head[1] & 0x7f {
        126 => stream.read_exact(&mut length[6..]).ok()?,
        127 => stream.read_exact(&mut length).ok()?,
        short => length[7] = short,
    }
    let mut mask = [0; 4];
    stream.read_exact(&mut mask).ok()?;
    let mut payload = vec![0; u64::from_be_bytes(length) as usize];
    stream.read_exact(&mut payload).ok()?;
    payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    Some((head[0], payload))
}

/// Reads all frames up to a Close frame or the end of the transport.
pub fn read_frames(stream: &mut TcpStream) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while frames.last().is_none_or(|(opcode, _)| *opcode != CLOSE)
        && let Some(frame) = read_frame(stream)
    {
        frames.push(frame);
    }
    frames
}
