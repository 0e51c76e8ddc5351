//! No executor at all: one thread, a blocking WebSocket, and the core.
//!
//! ```sh
//! cargo run -p gemini-ws-examples --example blocking
//! ```

use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::Duration;

use gemini_ws::{
    Book, Books, Clock, Config, ConnectFailure, Connection, Event, Frame, LinkId, Lost, Output, Scratch,
};
use tungstenite::protocol::CloseFrame;
use tungstenite::{Error, Message, WebSocket};

/// Updates of the book that are shown before the end.
const SHOWN: u32 = 20;

fn main() {
    let clock = Clock::new();
    let mut connection = Connection::new(Config::new(gemini_ws_examples::address()), 1);
    connection.subscribe(clock.now(), "btcusd@depth@100ms".parse().expect("a stream")).expect("room for one");
    connection.open(clock.now()).expect("a fresh connection");

    let (mut books, mut updates, mut scratch) = (Books::new(), 0, Scratch::new());
    let mut socket: Option<(LinkId, WebSocket<TcpStream>)> = None;
    loop {
        while let Some(output) = connection.poll_output() {
            match output {
                Output::Connect(link) => {
                    let request = connection.connect_request(link).expect("it asks for this link");
                    match dial(&request.url) {
                        Ok(open) => {
                            socket = Some((link, open));
                            connection.handle_connected(link, clock.now());
                        }
                        Err(why) => connection.handle_connect_failed(link, clock.now(), why),
                    }
                }
                // What cannot be written any more is told by the next read.
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
        let due = connection.deadline().map(|deadline| deadline.at);
        if due.is_some_and(|at| at <= now) {
            connection.handle_timeout(now);
            continue;
        }
        let wait = due.map_or(Duration::from_secs(1), |at| at.since(now)).max(Duration::from_millis(1));
        let Some((link, open)) = &mut socket else {
            std::thread::sleep(wait);
            continue;
        };
        let link = *link;
        open.get_ref().set_read_timeout(Some(wait)).expect("a time that is not zero");
        let message = open.read();
        let now = clock.now();
        let event = match &message {
            Ok(Message::Text(text)) => connection.handle_frame(link, now, Frame::Text(text), &mut scratch),
            Ok(Message::Binary(bytes)) => {
                connection.handle_frame(link, now, Frame::Binary(bytes), &mut scratch)
            }
            Ok(Message::Ping(bytes)) => connection.handle_frame(link, now, Frame::Ping(bytes), &mut scratch),
            Ok(Message::Pong(bytes)) => connection.handle_frame(link, now, Frame::Pong(bytes), &mut scratch),
            Ok(Message::Close(frame)) => {
                let code = frame.as_ref().map(|frame| frame.code.into());
                connection.handle_frame(link, now, Frame::Close { code, reason: "" }, &mut scratch)
            }
            Ok(Message::Frame(_)) => None,
            Err(Error::Io(error)) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                None
            }
            Err(error) => {
                socket = None;
                connection.handle_lost(
                    link,
                    now,
                    if let Error::Io(_) = error { Lost::Transport } else { Lost::End },
                );
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
                connection.close(now);
            }
        }
    }
}

/// For `ws://` only; `wss://` is the business of `tungstenite`'s own TLS features.
fn dial(url: &str) -> Result<WebSocket<TcpStream>, ConnectFailure> {
    let host = url.strip_prefix("ws://").and_then(|rest| rest.split(['/', '?']).next());
    let stream = TcpStream::connect(host.ok_or(ConnectFailure::InvalidUrl)?);
    let stream = stream.map_err(|_| ConnectFailure::Refused)?;
    let upgrade = tungstenite::client(url, stream);
    upgrade.map(|(socket, _)| socket).map_err(|_| ConnectFailure::Handshake)
}
