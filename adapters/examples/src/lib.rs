//! Helpers for the examples: a simulated exchange to connect to, and recorded frames of a simulated exchange.

#![forbid(unsafe_code)]

use std::net::Ipv4Addr;
use std::time::Duration;

use gemini_ws::{Frame, Instant};
use gemini_ws_simulator::server::Server;
use gemini_ws_simulator::{Config, Exchange, Output, SessionId};

/// Returns the first argument of the program, an address. If there is none, starts a simulated exchange of `btcusd`
/// in a thread, and returns its address.
///
/// # Panics
///
/// If the function starts an exchange and no port is free.
pub fn address() -> String {
    address_of(&["btcusd".into()])
}

/// Returns the first argument of the program, an address. If there is none, starts a simulated exchange of these
/// symbols in a thread, and returns its address.
///
/// # Panics
///
/// If the function starts an exchange, and no port is free or a text is not a symbol.
pub fn address_of(symbols: &[String]) -> String {
    if let Some(address) = std::env::args().nth(1) {
        return address;
    }
    let symbols = symbols.iter().map(|symbol| symbol.parse().expect("a symbol"));
    let market = Config::market(symbols).events_per_second(200);
    let mut server = Server::bind((Ipv4Addr::LOCALHOST, 0).into(), Exchange::new(market, 1)).expect("a port");
    let address = format!("ws://{}", server.local_addr());
    std::thread::spawn(move || futures_lite::future::block_on(async { match server.run().await {} }));
    address
}

/// Returns the arguments of the program: an address and symbols. The default address is that of a simulated exchange,
/// which the function starts in a thread. The default symbol is `btcusd`.
///
/// # Panics
///
/// If the function starts an exchange, and no port is free or an argument is not a symbol.
pub fn market() -> (String, Vec<String>) {
    let mut symbols: Vec<String> = std::env::args().skip(2).collect();
    if symbols.is_empty() {
        symbols.push("btcusd".into());
    }
    (address_of(&symbols), symbols)
}

/// Returns the frames that a simulated exchange sends to a subscriber of a stream within `time`.
///
/// # Panics
///
/// If the name of the stream does not begin with a symbol.
pub fn recording(stream: &str, time: Duration) -> Vec<String> {
    let symbol = stream.split('@').next().and_then(|symbol| symbol.parse().ok()).expect("a symbol");
    let (mut exchange, session) = (Exchange::new(Config::market([symbol]), 1), SessionId(1));
    exchange.handle_connected(session, Instant::ZERO, "snapshot=-1");
    let subscribe = format!(r#"{{"id":1,"method":"subscribe","params":["{stream}"]}}"#);
    exchange.handle_frame(session, Instant::ZERO, Frame::Text(&subscribe));
    let mut frames = Vec::new();
    loop {
        while let Some(output) = exchange.poll_output() {
            if let Output::Send { text, .. } = output {
                frames.push(text);
            }
        }
        match exchange.deadline().filter(|at| *at < Instant::ZERO + time) {
            Some(at) => exchange.handle_timeout(at),
            None => return frames,
        }
    }
}

/// Compiles the programs of the README as doctests. The package of an adapter does not contain the README.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// Runs the programs of the guide of [`gemini_ws`] as doctests. The package of an adapter does not contain the guide.
#[cfg(doctest)]
mod guide {
    #[doc = include_str!("../../../src/guide/back_pressure.md")]
    mod back_pressure {}
    #[doc = include_str!("../../../src/guide/books.md")]
    mod books {}
    #[doc = include_str!("../../../src/guide/first_program.md")]
    mod first_program {}
    #[doc = include_str!("../../../src/guide/trading.md")]
    mod trading {}
}
