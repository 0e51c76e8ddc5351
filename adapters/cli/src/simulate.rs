//! `gemini-ws simulate`, and the simulator that `watch` starts in its own process.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use futures_lite::future;
use gemini_ws::{Symbol, Timestamp, UnixTime};
use gemini_ws_simulator::server::Server;
use gemini_ws_simulator::{Account, Config, Exchange};

use crate::arguments::Simulate;
use crate::ending::{Ending, Failure};
use crate::output::{Output, Unwritten};
use crate::shown::Shown;
use crate::signals::Signals;

/// The account that there is if none is asked for.
const DEMO: [&str; 2] = ["account-demo", "demo-secret"];

/// How long clients may take to answer a Close frame.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// How long is waited to see whether the introduction can be written.
const INTRODUCTION_TIMEOUT: Duration = Duration::from_millis(300);

/// Serves until a signal ends it.
pub(crate) fn run(options: &Simulate) -> Result<Ending, Failure> {
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
    let mut server = serve(config, options.seed, options.address())?;
    let signals = Signals::listen(false, || {});
    let signals = signals.map_err(|error| Failure::new(format_args!("signals: {error}")))?;
    let output = Output::stdout().map_err(|error| Failure::of_output(&error))?;
    for line in introduction(options, &address(&server)).lines() {
        let line = Shown::of(line);
        output.put(format!("{line}\n").as_bytes()).map_err(|error| Failure::of_output(&error))?;
    }
    // Who does not read it may do so later; but where it cannot be told, nobody could connect.
    if let Err(Unwritten::Failed(error)) = output.drain(INTRODUCTION_TIMEOUT) {
        return Err(Failure::of_output(&error));
    }
    let caught = smol::block_on(async {
        let caught = future::or(signals.end(), async { match server.run().await {} }).await;
        server.close(CLOSE_LIMIT).await;
        caught
    });
    Ok(Ending::Caught(caught))
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

/// Listens on an address of the loopback interface.
pub(crate) fn serve(config: Config, seed: u64, address: SocketAddr) -> Result<Server, Failure> {
    let exchange = Exchange::new(config, seed);
    Server::bind(address, exchange).map_err(|error| {
        Failure::new(format_args!(
            "cannot listen on {address}: {error}; choose another with --port or --listen"
        ))
    })
}

/// The address of a server, for clients.
pub(crate) fn address(server: &Server) -> String {
    format!("ws://{}", server.local_addr())
}
