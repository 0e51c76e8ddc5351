//! `gemini-ws simulate`, and the simulator that `watch` starts in its own process.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use futures_lite::future;
use gemini_ws::{Message, Scratch, Symbol, decode};
use gemini_ws_simulator::server::Server;
use gemini_ws_simulator::{Config, Exchange};

use crate::arguments::Simulate;
use crate::failure::Failure;
use crate::recording::Recording;
use crate::signals::Interrupts;

/// Serves until it is interrupted.
pub(crate) fn run(options: &Simulate) -> Result<(), Failure> {
    let mut server = serve(Config::market(options.symbols.iter().copied()), options.seed, options.port)?;
    let mut interrupts = Interrupts::new().map_err(|error| Failure::Message(error.to_string()))?;
    let url = address(&server);
    let symbols: Vec<_> = options.symbols.iter().map(Symbol::as_str).collect();
    let symbols = symbols.join(" ");
    writeln!(io::stdout(), "simulator listens on {url}\ntry: gemini-ws watch {symbols} --venue {url}")
        .map_err(|error| Failure::of_output(&error))?;
    smol::block_on(future::or(interrupts.next(), async { match server.run().await {} }));
    Ok(())
}

/// Listens on the loopback interface.
pub(crate) fn serve(config: Config, seed: u64, port: u16) -> Result<Server, Failure> {
    let exchange = Exchange::new(config, seed);
    Server::bind(([127, 0, 0, 1], port).into(), exchange).map_err(|error| {
        Failure::Message(format!("cannot listen on port {port}: {error}; choose another with --port"))
    })
}

/// The address of a server, for clients.
pub(crate) fn address(server: &Server) -> String {
    format!("ws://{}", server.local_addr())
}

/// A recording for the simulator, and the symbols in it. Lines that are no frames of market data are
/// left out.
pub(crate) fn replay(path: &Path) -> Result<(Config, Vec<Symbol>), Failure> {
    let mut recording = Recording::open(path)?;
    let (mut text, mut scratch) = (String::new(), Scratch::new());
    let mut symbols: Vec<Symbol> = Vec::new();
    while let Some(line) = recording.next()? {
        let Ok(frame) = str::from_utf8(line.frame) else { continue };
        let symbol = match decode(frame, &mut scratch) {
            Ok(Message::BookTicker(payload)) => payload.symbol,
            Ok(Message::Depth(payload)) => payload.symbol,
            Ok(Message::Trade(payload)) => payload.symbol,
            _ => continue,
        };
        let Ok(symbol) = symbol.parse() else { continue };
        if !symbols.contains(&symbol) {
            symbols.push(symbol);
        }
        // The simulator reads times that are numbers.
        let time = line.time.filter(|time| time.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
        // Writing to a text cannot fail.
        let _ = match time {
            Some(time) => writeln!(text, "{time} {frame}"),
            None => writeln!(text, "{frame}"),
        };
    }
    if symbols.is_empty() {
        return Err(Failure::of_file(path, "no frame of market data in it"));
    }
    let recording =
        gemini_ws_simulator::Recording::parse(&text).map_err(|error| Failure::of_file(path, error))?;
    Ok((Config::recording(recording), symbols))
}
