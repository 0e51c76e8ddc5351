//! Follows two hundred books in one thread with the system's `epoll` or its equivalent, without a runtime and without
//! blocking calls.
//!
//! ```sh
//! cargo run -p gemini-ws-examples --example poll
//! ```
//!
//! Without arguments it runs against a simulated exchange in the same process. With an address and a number of
//! seconds it follows the books of the exchange at that address: `… --example poll -- ws://127.0.0.1:9001 60`.

use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use gemini_ws::{Books, Client, ClientConfig, Clock, Config, ConnectFailure, Event, LinkId, Scratch};
use gemini_ws_driver::{Address, NonBlocking, Sockets, io_failure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

const SYMBOLS: usize = 200;

/// Begins to connect. A program for the real venue must also look up names in another thread, and add TLS.
fn dial(poll: &Poll, client: &Client, link: LinkId) -> Result<NonBlocking<TcpStream>, ConnectFailure> {
    let request = client.connect_request(link).ok_or(ConnectFailure::Cancelled)?;
    let address = Address::parse(&request.url)?;
    let host: IpAddr = address.host().parse().map_err(|_| ConnectFailure::NameLookup)?;
    let io_failure = |error: io::Error| io_failure(&error);
    let mut stream = TcpStream::connect((host, address.port()).into()).map_err(io_failure)?;
    let (token, interest) = (Token(link.slot()), Interest::READABLE | Interest::WRITABLE);
    poll.registry().register(&mut stream, token, interest).map_err(io_failure)?;
    NonBlocking::new(request.url, stream)
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
    let (mut poll, mut ready) = (Poll::new()?, Events::with_capacity(64));
    let (mut sockets, mut books, mut scratch) = (Sockets::new(), Books::new(), Scratch::new());
    // The program prints the number of current books this many times, once a second, and then ends.
    let shows: u32 = std::env::args().nth(2).map_or(Ok(3), |seconds| seconds.parse())?;
    let (mut closed, mut shown, mut next) = (None, 0, clock.now() + Duration::from_secs(1));
    while closed.is_none() {
        let now = clock.now();
        let on_event = |event: &Event<'_>| {
            books.apply(event);
            if let Event::Closed { reason, .. } = event {
                closed = Some(*reason);
            }
        };
        let dial = |client: &Client, link| dial(&poll, client, link);
        let more = sockets.turn(&mut client, now, &mut scratch, dial, on_event);
        if next <= now {
            let live = books.iter().filter(|(_, book)| book.live().is_some()).count();
            println!("{live} of {SYMBOLS} books are live, over {} links", sockets.len());
            (shown, next) = (shown + 1, now + Duration::from_secs(1));
            if shown >= shows {
                client.close(now);
                continue;
            }
        }
        let wait = sockets.timeout(&client, now).into_iter().chain([next.since(now)]).min();
        match poll.poll(&mut ready, if more { Some(Duration::ZERO) } else { wait }) {
            // A signal interrupted the wait.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            waited => waited?,
        }
        ready.iter().for_each(|event| sockets.mark(event.token().0));
    }
    println!("{}", closed.map_or(String::new(), |reason| reason.to_string()));
    Ok(())
}
