//! Measures the effects of hostile clients on real sockets: the processor time of the server's polls, the number of
//! frames that an honest client gets, and the delay of a timer in the same thread.
//!
//! `cargo test -p gemini-ws-simulator --all-features hostile -- --nocapture` prints a table.

use std::future::Future;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::serving::{UPGRADE, connect, server};
use async_io::Timer;
use async_tungstenite::tungstenite::Message;
use futures_lite::{StreamExt, future};
use gemini_ws_simulator::server::Server;

const SUBSCRIBE: &str = r#"{"id":1,"method":"subscribe","params":["btcusd@trade","btcusd@bookTicker"]}"#;
const ROUND: Duration = Duration::from_millis(400);
/// The maximum processor time of one poll of the server.
const TURN_MAX: Duration = Duration::from_millis(50);

fn spent() -> Duration {
    cpu_time::ThreadTime::now().as_duration()
}

/// Connects a blocking socket, sends an upgrade request, and reads the response. Each write to the socket waits for
/// at most 50 ms.
fn upgraded(address: SocketAddr) -> io::Result<TcpStream> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_write_timeout(Some(Duration::from_millis(50)))?;
    socket.write_all(format!("GET / HTTP/1.1\r\n{UPGRADE}").as_bytes())?;
    let mut answer = [0; 129];
    socket.read_exact(&mut answer)?;
    Ok(socket)
}

/// A kind of client, which repeats its action in a separate thread until the flag is set.
type Act = fn(SocketAddr, &AtomicBool);

/// Connects and upgrades a client, sends `first` once, and then sends `then` again and again. If `reads` is true, the
/// client also reads. If the connection ends, connects again, until `stop` is set.
fn send(address: SocketAddr, stop: &AtomicBool, first: &[u8], then: &[u8], reads: bool) {
    while !stop.load(Ordering::Relaxed) {
        // The server may have ended already.
        let Ok(mut socket) = upgraded(address) else { continue };
        let mut is_open = socket.write_all(first).is_ok();
        let then = then.repeat((64 << 10) / then.len() + 1);
        socket.set_read_timeout(Some(Duration::from_micros(1))).unwrap();
        let mut rest = vec![0; 1 << 20];
        while is_open && !stop.load(Ordering::Relaxed) {
            if reads {
                let _ = socket.read(&mut rest);
            }
            // If only a part of a frame was written, the next frames are invalid, and the server closes the
            // connection.
            is_open = socket.write_all(&then).is_ok();
        }
    }
}

fn head_by_byte(address: SocketAddr, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let Ok(mut socket) = TcpStream::connect(address) else { continue };
        let _ = socket.set_nodelay(true);
        let bytes = "GET / HTTP/1.1\r\n".bytes().chain(b"a: b\r\n".iter().copied().cycle());
        for byte in bytes {
            if stop.load(Ordering::Relaxed) || socket.write_all(&[byte]).is_err() {
                break;
            }
        }
    }
}

fn requests(address: SocketAddr, stop: &AtomicBool, reads: bool) {
    let text = br#"{"id":1,"method":"depth","params":{"symbol":"btcusd","limit":5000}}"#;
    let header = [0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0];
    send(address, stop, b"", &[&header[..], text].concat(), reads);
}

const KINDS: [(&str, Act); 14] = [
    ("nobody", |_, _| {}),
    ("a message in empty fragments", |address, stop| {
        send(address, stop, &[1, 0x80, 0, 0, 0, 0], &[0, 0x80, 0, 0, 0, 0], true);
    }),
    ("a message in fragments of one byte", |address, stop| {
        send(address, stop, &[1, 0x80, 0, 0, 0, 0], &[0, 0x81, 0, 0, 0, 0, b' '], true);
    }),
    ("pings", |address, stop| send(address, stop, b"", &[0x89, 0x80, 0, 0, 0, 0], true)),
    ("pings, without reading", |address, stop| send(address, stop, b"", &[0x89, 0x80, 0, 0, 0, 0], false)),
    ("pongs", |address, stop| send(address, stop, b"", &[0x8A, 0x80, 0, 0, 0, 0], true)),
    ("empty texts", |address, stop| send(address, stop, b"", &[0x81, 0x80, 0, 0, 0, 0], true)),
    ("bytes after a breach", |address, stop| send(address, stop, b"", &[0xFF; 6], true)),
    ("a request byte by byte, without end", head_by_byte),
    ("connections that ask for nothing", |address, stop| {
        while !stop.load(Ordering::Relaxed) {
            let _ = TcpStream::connect(address);
        }
    }),
    ("the largest requests", |address, stop| {
        let text = format!(r#"{{"id":1,"method":"subscribe","params":[{}[]]}}"#, "[],".repeat(349_000));
        let length = u64::try_from(text.len()).unwrap().to_be_bytes();
        send(address, stop, b"", &[&[0x81, 0xFF], &length[..], &[0; 4], text.as_bytes()].concat(), true);
    }),
    ("large replies", |address, stop| requests(address, stop, true)),
    ("large replies, without reading", |address, stop| requests(address, stop, false)),
    ("large replies to 32 clients", |address, stop| {
        thread::scope(|scope| {
            for _ in 0..32 {
                scope.spawn(|| requests(address, stop, true));
            }
        });
    }),
];

struct Outcome {
    frames: u32,
    turns: u32,
    /// The processor time of the server's longest poll.
    turn: Duration,
    /// The maximum delay of a timer of 5 ms.
    late: Duration,
}

fn round(act: Act) -> Outcome {
    let server = server(|config| config.orders_per_side(2_500).events_per_second(2_000));
    let (address, stop) = (server.local_addr(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| act(address, &stop));
        // `watch` drops the server before it returns, so that the client does not wait for it.
        let outcome = future::block_on(watch(server));
        stop.store(true, Ordering::Relaxed);
        outcome
    })
}

async fn watch(mut server: Server) -> Outcome {
    let address = server.local_addr();
    let (mut frames, mut turns) = (0, 0);
    let (mut turn, mut late) = (Duration::ZERO, Duration::ZERO);
    let served = async {
        let mut run = pin!(server.run());
        future::poll_fn(|context| {
            let before = spent();
            let Poll::Pending = run.as_mut().poll(context);
            turn = turn.max(spent() - before);
            turns += 1;
            Poll::<()>::Pending
        })
        .await;
    };
    let honest = async {
        let mut client = connect(address, "").await;
        client.send(Message::text(SUBSCRIBE)).await.unwrap();
        let end = Instant::now() + ROUND;
        while Instant::now() < end {
            let next = future::or(async { client.next().await.map(|frame| frame.unwrap()) }, async {
                Timer::at(end).await;
                None
            });
            frames += u32::from(next.await.is_some());
        }
    };
    let timer = async {
        loop {
            let due = Instant::now() + Duration::from_millis(5);
            Timer::at(due).await;
            late = late.max(due.elapsed());
        }
    };
    future::or(honest, future::or(timer, served)).await;
    Outcome { frames, turns, turn, late }
}

/// Each poll of the server is short, whatever a client does, and an honest client still gets frames. The test prints
/// the delay of the timer but does not check it, because any busy machine delays a timer.
#[test]
fn hostile_clients_cost_little() {
    let mut alone = None;
    for (name, act) in KINDS {
        let outcome = round(act);
        let Outcome { frames, turns, turn, late } = outcome;
        println!(
            "{name:<36} {frames:>5} frames to another client, {turns:>6} turns, the longest {:>5.1} ms; a timer late by {:>5.1} ms",
            turn.as_secs_f64() * 1e3,
            late.as_secs_f64() * 1e3
        );
        assert!(turn <= TURN_MAX, "{name}: {turn:?}");
        let alone = *alone.get_or_insert(frames);
        assert!(frames >= alone / 4, "{name}: {frames} frames, and {alone} without it");
    }
}
