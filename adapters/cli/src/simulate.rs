//! `gemini-ws simulate`, and the simulator that `watch` starts in its own process.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use futures_lite::future;
use gemini_ws::{Message, Scratch, Symbol, Timestamp, UnixTime, decode};
use gemini_ws_simulator::server::Server;
use gemini_ws_simulator::{Account, Config, Exchange};

use crate::arguments::Simulate;
use crate::failure::Failure;
use crate::recording::Recording;
use crate::signals::{INTERRUPTED, Interrupts};

/// The account that there is if none is asked for.
const DEMO: [&str; 2] = ["account-demo", "demo-secret"];

/// How long clients may take to answer a Close frame.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// Serves until it is interrupted.
pub(crate) fn run(options: &Simulate) -> Result<(), Failure> {
    // Nonces have to be near the venue's time, and clients take them from the clock.
    let now = i64::try_from(UnixTime::now().as_millis()).unwrap_or(i64::MAX);
    let epoch = Timestamp::from_nanos(now.saturating_mul(1_000_000));
    let mut config = Config::market(options.symbols.iter().copied()).epoch(epoch);
    for login in &options.accounts {
        config = config.account(Account::new(login.key(), login.secret()));
    }
    if options.accounts.is_empty() {
        let [key, secret] = DEMO;
        config = config.account(Account::new(key, secret));
    }
    let mut server = serve(config, options.seed, options.port)?;
    let mut interrupts = Interrupts::new().map_err(|error| Failure::Message(error.to_string()))?;
    let told = introduction(options, &address(&server));
    writeln!(io::stdout(), "{told}").map_err(|error| Failure::of_output(&error))?;
    smol::block_on(async {
        future::or(interrupts.next(), async { match server.run().await {} }).await;
        future::or(server.close(CLOSE_LIMIT), async {
            interrupts.next().await;
            std::process::exit(INTERRUPTED)
        })
        .await;
    });
    Ok(())
}

/// What clients need to know.
fn introduction(options: &Simulate, url: &str) -> String {
    let symbols: Vec<_> = options.symbols.iter().map(Symbol::as_str).collect();
    let mut text = format!("simulator listens on {url}\n");
    let mut line = |name: &str, value: &str| {
        // Writing to a text cannot fail.
        let _ = write!(text, "\n  {name:<18} {value}");
    };
    line("current API", &format!("{url}/"));
    line("market data v2", &format!("{url}/v2/marketdata"));
    for symbol in &symbols {
        line("market data v1", &format!("{url}/v1/marketdata/{symbol}"));
    }
    line("several symbols v1", &format!("{url}/v1/multimarketdata?symbols={}", symbols.join(",")));
    line("order events v1", &format!("{url}/v1/order/events"));
    for login in &options.accounts {
        line("account", &format!("key {}, with the secret that was given", login.key()));
    }
    if options.accounts.is_empty() {
        let [key, secret] = DEMO;
        line("account", &format!("key {key}, secret {secret}"));
    }
    let symbols = symbols.join(" ");
    let _ = write!(text, "\n\ntry: gemini-ws watch {symbols} --venue {url}\nCtrl-C ends it");
    text
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
