//! Follows a book and prints its best levels, until Enter is pressed.
//!
//! ```sh
//! cargo run --example book -- wss://ws.gemini.com/ btcusd
//! ```
//!
//! Without a network: `gemini-ws simulate` prints an address to use instead.

use std::error::Error;

use gemini_ws_smol::gemini_ws::{Books, Cadence, Client, Config, Event, Instant, Stream};
use gemini_ws_smol::{Smol, client};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(symbol)) = (arguments.next(), arguments.next()) else {
        return Err("usage: book URL SYMBOL".into());
    };
    let mut gemini = Client::single(Config::new(url));
    let stream = Stream::Depth { symbol: symbol.parse()?, cadence: Cadence::Fast };
    gemini.subscribe(Instant::ZERO, stream)?;
    let (handle, driver) = client(gemini);

    // Commands come from anywhere: here from a thread that waits for the keyboard.
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_line(&mut String::new());
        handle.shutdown();
    });

    let mut books = Books::new();
    let smol = Smol::new();
    let closed = smol::block_on(driver.run(&smol, |_, _, event| {
        let changed = books.apply(event);
        if let Event::ConnectFailed { reason: why, .. } = event {
            eprintln!("{why}");
        }
        if let Some(book) = changed.and_then(|change| books.live(change.symbol.as_str()))
            && let (Some(bid), Some(ask)) = (book.bids().best(), book.asks().best())
        {
            println!("{} × {}   {} × {}", bid.quantity, bid.price, ask.price, ask.quantity);
        }
    }));
    println!("{}", closed.reason);
    Ok(())
}
