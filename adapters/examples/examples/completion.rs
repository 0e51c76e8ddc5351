//! Uses a runtime that reports completed operations (io_uring) instead of ready sockets, and whose sockets do not
//! implement the `AsyncRead` of `futures-io`. The WebSocket layer reads and writes a pipe in memory, and the program
//! moves the bytes between the pipe and the socket.
//!
//! ```sh
//! cargo run -p gemini-ws-examples --example completion
//! ```

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use async_channel::Receiver;
use compio::BufResult;
use compio::io::{AsyncRead, AsyncWriteExt};
use compio::net::TcpStream;
use compio::runtime::JoinHandle;
use compio::time::timeout;
use futures_lite::future::or;
use gemini_ws::{Book, Books, Client, Clock, Config, ConnectFailure, Event, LinkId, Lost, Output, Scratch};
use gemini_ws_driver::{connect_failure_of, frame_of, io_failure, lost_of};
use tungstenite::handshake::HandshakeError;
use tungstenite::protocol::CloseFrame;
use tungstenite::{Error, Message, WebSocket};

/// The number of updates of the book that the program shows.
const SHOWN: u32 = 20;

/// How long connecting may take, and how long a write may take. While the program waits, it does nothing else.
const WAIT_MAX: Duration = Duration::from_secs(3);

/// The stream of the WebSocket layer: bytes that have arrived, and bytes to write.
#[derive(Debug, Default)]
struct Pipe {
    incoming: VecDeque<u8>,
    outgoing: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.incoming.read(buffer) {
            Ok(0) => Err(ErrorKind::WouldBlock.into()),
            result => result,
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Link {
    id: LinkId,
    stream: TcpStream,
    socket: WebSocket<Pipe>,
    /// The bytes that the reading task has read. The channel is closed at the end of the transport.
    chunks: Receiver<Vec<u8>>,
    /// Dropping the handle ends the reading task.
    _reader: JoinHandle<()>,
}

fn main() {
    compio::runtime::Runtime::new().expect("a runtime").block_on(watch(gemini_ws_examples::address()));
}

async fn watch(address: String) {
    let clock = Clock::new();
    let mut client = Client::single(Config::new(address));
    client.subscribe(clock.now(), "btcusd@depth@100ms".parse().expect("a stream")).expect("room for one");
    client.open(clock.now()).expect("a new client can open");

    let (mut books, mut updates, mut scratch) = (Books::new(), 0, Scratch::new());
    let mut link: Option<Link> = None;
    loop {
        while let Some(output) = client.poll_output() {
            match output {
                Output::Connect(id) => {
                    let request = client.connect_request(id).expect("the client asks for this link");
                    let dialled = timeout(WAIT_MAX, dial(id, &request.url)).await;
                    match dialled.unwrap_or(Err(ConnectFailure::TimedOut)) {
                        Ok(open) => {
                            link = Some(open);
                            client.handle_connected(id, clock.now());
                        }
                        Err(why) => client.handle_connect_failed(id, clock.now(), why),
                    }
                }
                // If writing fails, the next read returns the error.
                Output::Send { text, .. } => {
                    let _ = link.as_mut().map(|link| link.socket.send(Message::text(text)));
                }
                Output::Close { code, reason, .. } => {
                    let frame = CloseFrame { code: code.into(), reason: reason.into() };
                    let _ = link.as_mut().map(|link| link.socket.close(Some(frame)));
                }
                Output::Abort(_) => link = None,
                Output::Event(Event::Closed { reason, .. }) => return println!("{reason}"),
                Output::Event(event) => drop(books.apply(&event)),
                _ => {}
            }
        }

        let now = clock.now();
        let due = client.deadline().map(|deadline| deadline.at);
        if due.is_some_and(|at| at <= now) {
            client.handle_timeout(now);
            continue;
        }
        let wait = due.map_or(Duration::from_secs(1), |at| at.since(now));
        let Some(open) = &mut link else {
            compio::time::sleep(wait).await;
            continue;
        };
        // Read a frame. If there is none, write the outgoing bytes and wait for incoming bytes.
        let message = open.socket.read();
        let now = clock.now();
        let event = match &message {
            Ok(message) => {
                let frame = frame_of(message).expect("a message that was read has a frame");
                client.handle_frame(open.id, now, frame, &mut scratch)
            }
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                let (id, exchanged) = (open.id, exchange(open, wait).await);
                if exchanged.is_err() {
                    link = None;
                    client.handle_lost(id, clock.now(), Lost::End);
                }
                None
            }
            Err(error) => {
                client.handle_lost(open.id, now, lost_of(error));
                link = None;
                None
            }
        };
        if let Some(event) = event
            && books.apply(&event).is_some()
            && let Some(Book::Live(book)) = books.get("btcusd")
            && let (Some(bid), Some(ask)) = (book.bids().best(), book.asks().best())
        {
            println!("{} {} | {} {}", bid.quantity, bid.price, ask.price, ask.quantity);
            updates += 1;
            if updates == SHOWN {
                client.close(now);
            }
        }
    }
}

/// Writes outgoing bytes. Then waits for incoming bytes, for at most `wait`.
async fn exchange(link: &mut Link, wait: Duration) -> io::Result<()> {
    let _ = link.socket.flush();
    write(&mut link.stream, link.socket.get_mut()).await?;
    // A read that has begun may have taken bytes from the socket, so it must not be dropped. Another task reads, and
    // this function drops only its wait for that task.
    let chunk = async { Some(link.chunks.recv().await) };
    let late = async {
        compio::time::sleep(wait).await;
        None
    };
    match or(chunk, late).await {
        Some(Ok(chunk)) => link.socket.get_mut().incoming.extend(chunk),
        Some(Err(_)) => return Err(ErrorKind::UnexpectedEof.into()),
        None => {}
    }
    Ok(())
}

async fn write(stream: &mut TcpStream, pipe: &mut Pipe) -> io::Result<()> {
    let bytes = std::mem::take(&mut pipe.outgoing);
    if bytes.is_empty() {
        return Ok(());
    }
    // A peer that reads nothing must not stop the program. After a partial write, the link is useless.
    timeout(WAIT_MAX, stream.write_all(bytes)).await.map_err(|_| ErrorKind::TimedOut)?.0
}

async fn read(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let BufResult(count, bytes) = stream.read(Vec::with_capacity(16 << 10)).await;
    if count? == 0 { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(bytes) }
}

/// Connects to a `ws://` URL and upgrades the stream. For `wss://`, put TLS between the pipe and the stream.
async fn dial(id: LinkId, url: &str) -> Result<Link, ConnectFailure> {
    let host = url.strip_prefix("ws://").and_then(|rest| rest.split(['/', '?']).next());
    let stream = TcpStream::connect(host.ok_or(ConnectFailure::InvalidUrl)?).await;
    let mut stream = stream.map_err(|error| io_failure(&error))?;
    let mut upgrade = tungstenite::client(url, Pipe::default());
    loop {
        match upgrade {
            Ok((socket, _)) => {
                let (sender, chunks) = async_channel::bounded(4);
                let mut reading = stream.clone();
                let reader = compio::runtime::spawn(async move {
                    while let Ok(chunk) = read(&mut reading).await
                        && sender.send(chunk).await.is_ok()
                    {}
                });
                return Ok(Link { id, stream, socket, chunks, _reader: reader });
            }
            Err(HandshakeError::Interrupted(mut middle)) => {
                let pipe = middle.get_mut().get_mut();
                write(&mut stream, pipe).await.map_err(|_| ConnectFailure::Transport)?;
                pipe.incoming.extend(read(&mut stream).await.map_err(|_| ConnectFailure::Transport)?);
                upgrade = middle.handshake();
            }
            Err(HandshakeError::Failure(error)) => return Err(connect_failure_of(&error)),
        }
    }
}
