//! No executor at all: one thread, a blocking WebSocket, and the core.
//!
//! ```sh
//! cargo run -p gemini-ws-examples --example blocking
//! ```

use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::Duration;

use gemini_ws::{
    Book, Books, Client, Clock, Config, ConnectFailure, Event, Frame, LinkId, Lost, Output, Scratch,
};
use tungstenite::protocol::CloseFrame;
use tungstenite::{Error, Message, WebSocket};

/// Updates of the book that are shown before the end.
const SHOWN: u32 = 20;

fn main() {
    let clock = Clock::new();
    let mut client = Client::single(Config::new(gemini_ws_examples::address()));
    client.subscribe(clock.now(), "btcusd@depth@100ms".parse().expect("a stream")).expect("room for one");
    client.open(clock.now()).expect("a fresh client");

    let (mut books, mut updates, mut scratch) = (Books::new(), 0, Scratch::new());
    let mut socket: Option<(LinkId, WebSocket<TcpStream>)> = None;
    loop {
        while let Some(output) = client.poll_output() {
            match output {
                Output::Connect(link) => {
                    let request = client.connect_request(link).expect("it asks for this link");
                    match dial(&request.url) {
                        Ok(open) => {
                            socket = Some((link, open));
                            client.handle_connected(link, clock.now());
                        }
                        Err(why) => client.handle_connect_failed(link, clock.now(), why),
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
        let due = client.deadline().map(|deadline| deadline.at);
        if due.is_some_and(|at| at <= now) {
            client.handle_timeout(now);
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
            Ok(Message::Text(text)) => client.handle_frame(link, now, Frame::Text(text), &mut scratch),
            Ok(Message::Binary(bytes)) => client.handle_frame(link, now, Frame::Binary(bytes), &mut scratch),
            Ok(Message::Ping(bytes)) => client.handle_frame(link, now, Frame::Ping(bytes), &mut scratch),
            Ok(Message::Pong(bytes)) => client.handle_frame(link, now, Frame::Pong(bytes), &mut scratch),
            Ok(Message::Close(frame)) => {
                let code = frame.as_ref().map(|frame| frame.code.into());
                client.handle_frame(link, now, Frame::Close { code, reason: "" }, &mut scratch)
            }
            Ok(Message::Frame(_)) => None,
            Err(Error::Io(error)) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                None
            }
            Err(error) => {
                socket = None;
                client.handle_lost(
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
                client.close(now);
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
