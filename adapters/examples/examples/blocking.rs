//! Uses no executor: one thread, a blocking WebSocket, and the core.
//!
//! ```sh
//! cargo run -p gemini-ws-examples --example blocking
//! ```

use std::io::ErrorKind;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use gemini_ws::{Book, Books, Client, Clock, Config, ConnectFailure, Event, LinkId, Output, Scratch};
use gemini_ws_driver::{Address, connect_failure_of, frame_of, io_failure, lost_of, websocket_config};
use tungstenite::handshake::HandshakeError;
use tungstenite::protocol::CloseFrame;
use tungstenite::{Error, Message, WebSocket};

/// The number of updates of the book that the program shows.
const SHOWN: u32 = 20;

/// How long to wait for the peer while connecting, and how long a write may take. While the program waits, it does
/// nothing else.
const WAIT_MAX: Duration = Duration::from_secs(3);

fn main() {
    let clock = Clock::new();
    let mut client = Client::single(Config::new(gemini_ws_examples::address()));
    client.subscribe(clock.now(), "btcusd@depth@100ms".parse().expect("a stream")).expect("room for one");
    client.open(clock.now()).expect("a new client can open");

    let (mut books, mut updates, mut scratch) = (Books::new(), 0, Scratch::new());
    let mut socket: Option<(LinkId, WebSocket<TcpStream>)> = None;
    loop {
        while let Some(output) = client.poll_output() {
            match output {
                Output::Connect(link) => {
                    let request = client.connect_request(link).expect("the client asks for this link");
                    let dialled = dial(&request.url).map(|open| socket = Some((link, open)));
                    client.handle_dial(link, clock.now(), dialled);
                }
                // If writing fails, the next read returns the error.
                Output::Send { text, .. } => {
                    let _ = socket.as_mut().map(|(_, socket)| socket.send(Message::text(text)));
                }
                Output::Close { code, reason, .. } => {
                    let frame = CloseFrame { code: code.into(), reason: reason.into() };
                    let _ = socket.as_mut().map(|(_, socket)| socket.close(Some(frame)));
                }
                Output::Abort(_) => socket = None,
                Output::Event(Event::Closed { reason, .. }) => return println!("{reason}"),
                Output::Event(event) => drop(books.apply(&event)),
                _ => {}
            }
        }

        let now = clock.now();
        let wait = client.timeout(now).unwrap_or(Duration::from_secs(1));
        if wait.is_zero() {
            client.handle_timeout(now);
            continue;
        }
        let Some((link, open)) = &mut socket else {
            std::thread::sleep(wait);
            continue;
        };
        let link = *link;
        open.get_ref().set_read_timeout(Some(wait)).expect("a time that is not zero");
        let message = open.read();
        let now = clock.now();
        let event = match &message {
            Ok(message) => {
                let frame = frame_of(message).expect("a message that was read has a frame");
                client.handle_frame(link, now, frame, &mut scratch)
            }
            // The read timed out, or a signal interrupted it.
            Err(Error::Io(error))
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) =>
            {
                None
            }
            Err(error) => {
                socket = None;
                client.handle_lost(link, now, lost_of(error));
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

/// Connects to a `ws://` URL and upgrades the stream. For `wss://`, use the TLS features of `tungstenite`.
fn dial(url: &str) -> Result<WebSocket<TcpStream>, ConnectFailure> {
    let address = Address::parse(url)?;
    let io_failure = |error: std::io::Error| io_failure(&error);
    let addresses = (address.host(), address.port()).to_socket_addrs();
    let mut stream = Err(ConnectFailure::NameLookup);
    for address in addresses.map_err(|_| ConnectFailure::NameLookup)? {
        stream = TcpStream::connect_timeout(&address, WAIT_MAX).map_err(io_failure);
        if stream.is_ok() {
            break;
        }
    }
    let stream = stream?;
    // Without these limits, a peer that sends nothing or reads nothing would stop the program.
    stream.set_read_timeout(Some(WAIT_MAX)).map_err(io_failure)?;
    stream.set_write_timeout(Some(WAIT_MAX)).map_err(io_failure)?;
    match tungstenite::client::client_with_config(url, stream, Some(websocket_config())) {
        Ok((socket, _)) => Ok(socket),
        Err(HandshakeError::Failure(error)) => Err(connect_failure_of(&error)),
        Err(HandshakeError::Interrupted(_)) => Err(ConnectFailure::TimedOut),
    }
}
