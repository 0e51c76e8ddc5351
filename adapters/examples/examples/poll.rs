//! One thread and the system's `epoll`, or what it has instead: two hundred books, no runtime, nothing that blocks.
//!
//! ```sh
//! cargo run -p gemini-ws-examples --example poll
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use gemini_ws::{
    Books, Client, ClientConfig, Clock, CloseReason, Config, ConnectFailure, Event, LinkId, Lost, Output,
    Scratch,
};
use gemini_ws_driver::{Address, NonBlocking, frame_of, io_failure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

const SYMBOLS: usize = 200;
/// How often the number of live books is shown before the end.
const SHOWN: u32 = 3;

type Socket = NonBlocking<TcpStream>;

struct Tap {
    client: Client,
    clock: Clock,
    poll: Poll,
    books: Books,
    scratch: Scratch,
    /// By the slot of their link.
    sockets: BTreeMap<usize, (LinkId, Socket)>,
    closed: Option<CloseReason>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let symbols: Vec<String> = (0..SYMBOLS).map(|number| format!("sym{number}usd")).collect();
    let (clock, url) = (Clock::new(), gemini_ws_examples::address_of(&symbols));
    let mut client = Client::new(ClientConfig::new(), u64::from(std::process::id()));
    client.add(clock.now(), Config::new(url).streams_max(64))?;
    for symbol in &symbols {
        client.subscribe(clock.now(), format!("{symbol}@depth@100ms").parse()?)?;
    }
    client.open(clock.now())?;
    let (poll, books, scratch, sockets) = (Poll::new()?, Books::new(), Scratch::new(), BTreeMap::new());
    let mut tap = Tap { client, clock, poll, books, scratch, sockets, closed: None };
    let (mut events, mut shown, mut next) =
        (Events::with_capacity(64), 0, clock.now() + Duration::from_secs(1));
    loop {
        tap.perform();
        if let Some(reason) = tap.closed {
            println!("{reason}");
            return Ok(());
        }
        let now = clock.now();
        tap.poll.poll(&mut events, tap.client.timeout(now).into_iter().chain([next.since(now)]).min())?;
        events.iter().for_each(|event| tap.ready(event.token().0));
        let now = clock.now();
        if tap.client.timeout(now) == Some(Duration::ZERO) {
            tap.client.handle_timeout(now);
        }
        if next <= now {
            let live = tap.books.iter().filter(|(_, book)| book.live().is_some()).count();
            println!("{live} of {SYMBOLS} books are live, over {} links", tap.sockets.len());
            (shown, next) = (shown + 1, now + Duration::from_secs(1));
            if shown == SHOWN {
                tap.client.close(now);
            }
        }
    }
}

impl Tap {
    /// Does what the client asks for.
    fn perform(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Connect(link) => match self.dial(link) {
                    Ok(socket) => drop(self.sockets.insert(link.slot(), (link, socket))),
                    Err(failure) => self.client.handle_dial(link, self.clock.now(), Err(failure)),
                },
                Output::Send { link, text } => self.write(link, |socket| socket.send(text)),
                Output::Close { link, code, reason } => self.write(link, |socket| socket.close(code, reason)),
                Output::Abort(link) => drop(self.sockets.remove(&link.slot())),
                Output::Event(Event::Closed { reason, .. }) => self.closed = Some(reason),
                Output::Event(event) => drop(self.books.apply(&event)),
                _ => {}
            }
        }
    }

    /// Begins to connect. A name would be looked up in another thread, and for `wss://` TLS goes around the stream.
    fn dial(&self, link: LinkId) -> Result<Socket, ConnectFailure> {
        let request = self.client.connect_request(link).ok_or(ConnectFailure::Cancelled)?;
        let address = Address::parse(&request.url)?;
        let host: IpAddr = address.host().parse().map_err(|_| ConnectFailure::NameLookup)?;
        let io_failure = |error: io::Error| io_failure(&error);
        let mut stream = TcpStream::connect((host, address.port()).into()).map_err(io_failure)?;
        let (token, interest) = (Token(link.slot()), Interest::READABLE | Interest::WRITABLE);
        self.poll.registry().register(&mut stream, token, interest).map_err(io_failure)?;
        NonBlocking::new(request.url, stream)
    }

    /// What the stream does not take now waits in the socket until it is writable.
    fn write(&mut self, link: LinkId, write: impl FnOnce(&mut Socket) -> Result<(), Lost>) {
        let socket = self.sockets.get_mut(&link.slot()).filter(|(of, _)| *of == link);
        if let Some(Err(reason)) = socket.map(|(_, socket)| write(socket)) {
            self.lose(link, reason);
        }
    }

    /// Goes on with the upgrade, or reads and writes until the stream has enough: it is reported once.
    fn ready(&mut self, slot: usize) {
        while let Some((link, socket)) = self.sockets.get_mut(&slot) {
            let (link, now) = (*link, self.clock.now());
            if let Some(result) = socket.upgrade() {
                self.client.handle_dial(link, now, result);
            } else {
                match socket.read() {
                    Ok(Some(message)) => {
                        let frame = frame_of(&message).expect("it was read");
                        if let Some(event) = self.client.handle_frame(link, now, frame, &mut self.scratch) {
                            self.books.apply(&event);
                        }
                    }
                    Ok(None) => return,
                    Err(reason) => self.lose(link, reason),
                }
            }
            self.perform();
        }
    }

    fn lose(&mut self, link: LinkId, reason: Lost) {
        self.sockets.remove(&link.slot());
        self.client.handle_lost(link, self.clock.now(), reason);
    }
}
