//! Runs `gemini-ws simulate`, and the simulator that `watch` starts in its own process.

mod keeper;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use futures_lite::future;
use gemini_ws::{Instant, Symbol, Timestamp, UnixTime};
use gemini_ws_simulator::server::Server;
use gemini_ws_simulator::{Account, Config, Exchange};

use crate::arguments::Simulate;
use crate::ending::{Ending, Failure};
use crate::output::{Messages, Output, Unwritten};
use crate::shown::Shown;
use crate::signals::{Caught, Signals};
use keeper::Keeper;
use smol::Timer;

const DEMO: [&str; 2] = ["account-demo", "demo-secret"];

/// How long the server waits for clients to answer a Close frame.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// How long to wait until the text of [`introduction`] is written.
const INTRODUCTION_TIMEOUT: Duration = Duration::from_millis(300);

/// The time between two checks whether the state must be saved.
const KEEPING_PERIOD: Duration = Duration::from_millis(500);

pub(crate) fn run(options: &Simulate, messages: &mut Messages) -> Result<Ending, Failure> {
    // Handle signals before the first write, so that no signal leaves a temporary file behind.
    let signals = Signals::listen(false, || {});
    let signals = signals.map_err(|error| Failure::new(format_args!("signals: {error}")))?;
    let (exchange, mut keeper) = exchange(options)?;
    let mut server = serve(exchange, options.address())?;
    // The delays of the faults begin when the server starts.
    let planned = server.exchange_mut().plan_faults(Instant::ZERO, &options.faults.join("\n"));
    planned.map_err(|refusal| Failure::new(format_args!("--fault: {}", refusal.reason())))?;
    for fault in options.idle_faults() {
        messages.say(&Shown::of(format_args!(
            "--fault {fault:?} has no effect: it acts on the sessions that are open when it happens, and none is open \
             at the start; add a time, such as @10s"
        )));
    }
    if let Some(keeper) = &mut keeper {
        // Report at once if the file cannot be written.
        keeper.keep_now(server.exchange_mut())?;
        keeper.remove_leftovers();
    }
    let output = Output::stdout().map_err(|error| Failure::of_output(&error))?;
    for line in introduction(options, server.local_addr()).lines() {
        let line = Shown::of(line);
        output.put(format!("{line}\n").as_bytes()).map_err(|error| Failure::of_output(&error))?;
    }
    // A slow reader is no failure. After a failed write, the command ends, because no user would learn the address.
    if let Err(Unwritten::Failed(error)) = output.drain(INTRODUCTION_TIMEOUT) {
        return Err(Failure::of_output(&error));
    }
    let (caught, exchange) = smol::block_on(async {
        let caught = serve_until(&signals, &mut server, keeper.as_mut(), messages).await;
        (caught, server.close(CLOSE_LIMIT).await)
    });
    if let Some(keeper) = &mut keeper {
        keeper.keep_now(&exchange)?;
    }
    Ok(Ending::Caught(caught))
}

async fn serve_until(
    signals: &Signals,
    server: &mut Server,
    mut keeper: Option<&mut Keeper>,
    messages: &mut Messages,
) -> Caught {
    let mut end = pin!(signals.end());
    loop {
        let ended = async { Some(end.as_mut().await) };
        let period = async {
            match keeper {
                Some(_) => Timer::after(KEEPING_PERIOD).await,
                None => future::pending().await,
            };
            None
        };
        let served = async { match server.run().await {} };
        if let Some(caught) = future::or(ended, future::or(period, served)).await {
            return caught;
        }
        if let Some(keeper) = &mut keeper {
            keeper.keep(server.exchange_mut(), messages);
        }
    }
}

fn exchange(options: &Simulate) -> Result<(Exchange, Option<Keeper>), Failure> {
    // The venue's time must be near this machine's clock, from which clients take nonces.
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
    let Some(path) = &options.state else { return Ok((Exchange::new(config, options.seed), None)) };
    let (keeper, state) = Keeper::open(path)?;
    let exchange = match state {
        None => Exchange::new(config, options.seed),
        Some(state) => Exchange::restore(config, options.seed, &state)
            .map_err(|error| keeper.refuse(&error.to_string()))?,
    };
    Ok((exchange, Some(keeper)))
}

fn introduction(options: &Simulate, address: SocketAddr) -> String {
    let url = format!("ws://{address}");
    let symbols: Vec<_> = options.symbols.iter().map(Symbol::as_str).collect();
    let mut text = format!("simulator listens on {url}\n");
    let mut line = |name: &str, value: &str| {
        let _ = write!(text, "\n  {name:<18} {value}");
    };
    line("current API", &format!("{url}/"));
    line("market data v2", &format!("{url}/v2/marketdata"));
    for symbol in &symbols {
        line("market data v1", &format!("{url}/v1/marketdata/{symbol}"));
    }
    line("several symbols v1", &format!("{url}/v1/multimarketdata?symbols={}", symbols.join(",")));
    line("order events v1", &format!("{url}/v1/order/events"));
    for path in ["order/status", "orders", "balances"] {
        line("REST", &format!("POST http://{address}/v1/{path}"));
    }
    line("faults", &format!("POST http://{address}/simulator/faults"));
    for login in &options.accounts {
        line("account", &format!("key {}, with the secret that you gave", login.key()));
    }
    if options.accounts.is_empty() {
        let [key, secret] = DEMO;
        line("account", &format!("key {key}, secret {secret}"));
    }
    if let Some(path) = &options.state {
        line("state", &path.display().to_string());
    }
    let symbols = symbols.join(" ");
    let _ = write!(text, "\n\ntry: gemini-ws watch {symbols} --venue {url}\nCtrl-C ends it");
    text
}

pub(crate) fn serve(exchange: Exchange, address: SocketAddr) -> Result<Server, Failure> {
    Server::bind(address, exchange).map_err(|error| {
        Failure::new(format_args!(
            "cannot listen on {address}: {error}; choose another with --port or --listen"
        ))
    })
}

pub(crate) fn address(server: &Server) -> String {
    format!("ws://{}", server.local_addr())
}
