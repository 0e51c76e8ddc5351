//! What can be asked for. Wrong use ends here, with a message that says what to do and exit code 2.

mod login;
mod venue;

use std::borrow::Cow;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use gemini_ws::{Endpoint, Symbol};
use gemini_ws_simulator::{FINISHED_ORDERS_MAX, FaultKind, FaultSpec, FaultSpecError};

use crate::output::Messages;
use crate::shown::{Shown, acts};
use login::Login;
pub(crate) use venue::Venue;
use venue::without_users;

/// A client of the WebSocket API of the Gemini crypto exchange.
#[derive(Debug, Parser)]
#[command(name = "gemini-ws", version, arg_required_else_help = true, subcommand_required = true)]
#[command(after_help = "\
Exit codes: 0 done; 1 failed, or nothing to show; 2 wrong use; 129, 130 and 143 ended in good order because of \
SIGHUP, SIGINT (Ctrl-C) and SIGTERM.")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Watch markets: book, trades, spread, rates and the state of the link
    Watch(Watch),
    /// Decode recorded frames: one JSON object per line of the recording
    Decode(Decode),
    /// Rebuild the order books that a recording yields
    Book(Book),
    /// Serve a simulated venue on the loopback interface
    Simulate(Simulate),
}

/// `gemini-ws watch`
#[derive(Args, Debug)]
#[command(after_help = "\
Without a terminal, or with TERM=dumb, plain lines are printed. The last line is a summary.

Ctrl-C, SIGTERM and SIGHUP close the connection in an orderly way, a second one ends at once. Ctrl-Z stops the \
command and gives the terminal back; the shell's fg goes on.

A reader or a terminal that takes nothing stops nothing: pictures and lines are left out meanwhile. With --json a \
line of the kind `overflow` says how many events are missing at its place, and new snapshots of the books among \
them follow. At the end a reader that takes nothing for 2 seconds is not waited for any longer.

With --json the first line is of the kind `started` and has the version of the schema, which is \
adapters/cli/schema/lines-1.json of the source. The type of a member depends on the member, never on its value, and \
times are nanoseconds since 1970.

A recording of market data of the current API is played as it is read, and its end is told. Those of market data v1 \
and v2 cannot be played.

Exit codes: 0 if the connection was live and ended as asked, or nobody reads any more; 1 if it never was live or \
ended by itself, or the output was lost; 2 wrong use; 129, 130 and 143 after SIGHUP, SIGINT and SIGTERM.")]
pub(crate) struct Watch {
    /// What to watch, for example btcusd; with the simulator btcusd and ethusd, or the symbols at the beginning of
    /// the recording, if none is given
    pub(crate) symbols: Vec<Symbol>,
    /// simulator (in this process), live, sandbox, or a WebSocket address without user and password
    #[arg(long, default_value = "simulator", value_name = "VENUE", value_parser = any_venue)]
    pub(crate) venue: Venue,
    /// Let the simulator play this recording instead of a generated market; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) replay: Option<PathBuf>,
    /// The same seed yields the same generated market, and the same delays between attempts to connect. Without
    /// one the market is always the same, and delays are random
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// End after this time, for example 60s or "1m 30s"
    #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) duration: Option<Duration>,
    /// Print one event per line as JSON, in the form of `decode`
    #[arg(long)]
    pub(crate) json: bool,
    /// Trust the authorities in this PEM file, and no others; without it those in the file that SSL_CERT_FILE names,
    /// or those that browsers trust
    #[arg(long, value_name = "FILE", conflicts_with = "platform_roots")]
    pub(crate) ca: Option<PathBuf>,
    /// Trust the authorities that the operating system trusts
    #[arg(long)]
    pub(crate) platform_roots: bool,
}

/// `gemini-ws simulate`
#[derive(Args, Debug)]
#[command(after_help = simulate_help())]
pub(crate) struct Simulate {
    /// The markets; btcusd and ethusd if none is given
    pub(crate) symbols: Vec<Symbol>,
    /// Where to listen on 127.0.0.1; 0 takes any free port and tells which
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) port: u16,
    /// Where to listen instead: a loopback address and a port, such as [::1]:9000
    #[arg(long, value_name = "ADDR", conflicts_with = "port")]
    pub(crate) listen: Option<SocketAddr>,
    /// The same seed yields the same market, but for its times
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,
    /// An account to sign in to; may be given several times. Keys begin with `account-`. If none is given there is
    /// a demo account, whose key and secret are printed
    #[arg(long = "account", value_name = "KEY:SECRET")]
    pub(crate) accounts: Vec<Login>,
    /// Keep balances, orders and ids in this file, and go on from it after a restart
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// Misbehave, for example "drop-depth btcusd 3 @10s"; may be given several times. The faults are listed below
    #[arg(long = "fault", value_name = "SPEC", value_parser = fault)]
    pub(crate) faults: Vec<String>,
}

/// What the options of `simulate` do not say.
fn simulate_help() -> String {
    format!(
        "\
It speaks all generations of the API, on the paths that the venue has, and prints their addresses. Whoever has the \
key and the secret of an account can sign in to it, on the current API and for order events v1; orders of accounts \
trade with the generated market and with each other. Its time is that of this machine, so nonces are those that the \
venue takes, and the ids of a later run are greater than those of an earlier one.

REST: POST to /v1/order/status, /v1/orders and /v1/balances on the same port, signed as on the venue. Order status \
answers for the last {FINISHED_ORDERS_MAX} orders that have ended, too.

--state: the file is written at the start, at an orderly end, and within a second while something changes; a process \
that is killed loses at most the last second. It has balances, open orders, orders that have ended, nonces and ids, \
but no secrets. After a restart the open orders rest in the books again, and the generated market starts again. \
Give the same accounts and markets again. A file that is damaged, or is not such a file, is refused and left as it is.

--fault: NAME ARGUMENTS [@TIME]. The time counts from the start; without it the fault happens at once. Times are \
whole numbers of ms, s, m or h. Sessions are those that are open then. While the simulator runs, POST the same lines \
to /simulator/faults; there the time counts from the request. The answer has the status 200 and how many were \
planned, or 400, the line and the reason; then none was.

{}
Ctrl-C, SIGTERM and SIGHUP close all connections in an orderly way, a second one ends at once.

Exit codes: 1 if it could not listen, or could not use the file; 2 wrong use; 129, 130 and 143 after SIGHUP, SIGINT \
and SIGTERM.",
        FaultKind::table()
    )
}

/// Takes a text that specifies a fault.
fn fault(text: &str) -> Result<String, FaultSpecError> {
    text.parse::<FaultSpec>().map(|_| text.to_owned())
}

impl Simulate {
    /// Where to listen.
    pub(crate) fn address(&self) -> SocketAddr {
        self.listen.unwrap_or_else(|| ([127, 0, 0, 1], self.port).into())
    }
}

/// `gemini-ws decode`
#[derive(Args, Debug)]
#[command(after_help = "\
A recording has one frame per line, with or without the receive time before it. A line is printed as soon as it is \
read. A frame that cannot be decoded becomes an object of kind `malformed` with the reason and the byte offset. \
Decimals, and integers that JavaScript might round, are texts in any case. Ids of API keys are not shown.

Without --endpoint each frame tells where it is from. One that cannot, such as a refusal, is taken to be from where \
the frame before it is; at the beginning, from where the first is that can tell, so nothing is printed before that \
one is read.

Exit codes: 0 done; 1 if no frame could be decoded, or with --strict not every one; 2 wrong use.")]
pub(crate) struct Decode {
    /// The recording; `-` is standard input
    #[arg(default_value = "-")]
    pub(crate) file: PathBuf,
    /// Where all frames are from; guessed if not given
    #[arg(long, value_name = "ENDPOINT", value_parser = endpoints())]
    pub(crate) endpoint: Option<Endpoint>,
    /// Exit with 1 if any frame is malformed
    #[arg(long)]
    pub(crate) strict: bool,
}

/// `gemini-ws book`
#[derive(Args, Debug)]
#[command(after_help = "\
Without --endpoint each frame tells where it is from. One that cannot, such as a refusal, is taken to be from where \
the frame before it is; at the beginning, from where the first is that can tell.

Market data v1 numbers the frames of a connection: where a number is missing, or comes again with another frame, \
the books are stale until the next connection. Market data v2 has no numbers, so a loss cannot be seen. On \
connections of v1 for one symbol only the address has it: --symbol.

Exit codes: 0 done; 1 if no frame could be decoded, or with --strict not every one; 2 wrong use.")]
pub(crate) struct Book {
    /// The recording; `-` is standard input
    pub(crate) file: PathBuf,
    /// Where all frames are from; guessed if not given
    #[arg(long, value_name = "ENDPOINT", value_parser = endpoints())]
    pub(crate) endpoint: Option<Endpoint>,
    /// The symbol of frames of market data v1 that name none
    #[arg(long, value_name = "NAME")]
    pub(crate) symbol: Option<Symbol>,
    /// Print JSON, whole numbers and hashes included
    #[arg(long)]
    pub(crate) json: bool,
    /// Exit with 1 if any frame is malformed
    #[arg(long)]
    pub(crate) strict: bool,
}

/// Takes any address, as a message about one that is refused here would have it.
fn any_venue(text: &str) -> Result<Venue, Infallible> {
    Ok(Venue::from(text))
}

fn endpoints() -> impl TypedValueParser<Value = Endpoint> {
    PossibleValuesParser::new(Endpoint::ALL.map(Endpoint::name)).try_map(|name| name.parse::<Endpoint>())
}

/// Reads the arguments of the process; ends it where they are wrong or help was asked for.
pub(crate) fn parse() -> Task {
    let mut task = Arguments::try_parse().unwrap_or_else(|error| refuse(error)).task;
    let (name, checked) = match &mut task {
        Task::Watch(watch) => ("watch", check_watch(watch)),
        Task::Simulate(simulate) => ("simulate", check_simulate(simulate)),
        Task::Decode(_) | Task::Book(_) => return task,
    };
    if let Err((kind, message)) = checked {
        let mut command = Arguments::command();
        command.build();
        let command = command.find_subcommand_mut(name);
        refuse(command.map_or_else(Arguments::command, |command| command.clone()).error(kind, message));
    }
    task
}

/// Ends the process with what is wrong, or with the help that was asked for.
fn refuse(error: clap::Error) -> ! {
    let text = error.to_string();
    let shown = without_users(&text);
    let acts = |character: char| character != '\n' && acts(character);
    if matches!(shown, Cow::Owned(_)) || shown.contains(acts) {
        let mut messages = Messages::default();
        shown.lines().for_each(|line| messages.say(&Shown::of(line)));
        messages.finish();
        std::process::exit(error.exit_code());
    }
    error.exit()
}

/// What the declaration cannot say.
fn check_watch(watch: &mut Watch) -> Result<(), (ErrorKind, String)> {
    each_once(&mut watch.symbols);
    watch.venue.check().map_err(|message| (ErrorKind::ValueValidation, message.to_owned()))?;
    if watch.venue == Venue::Simulator {
        if watch.replay.is_none() {
            or_usual(&mut watch.symbols);
        }
        return Ok(());
    }
    if watch.replay.is_some() {
        let message = "--replay is played by the simulator; leave --venue out";
        return Err((ErrorKind::ArgumentConflict, message.to_owned()));
    }
    if watch.symbols.is_empty() {
        let message = "name what to watch, for example: gemini-ws watch btcusd ethusd --venue live";
        return Err((ErrorKind::MissingRequiredArgument, message.to_owned()));
    }
    Ok(())
}

fn check_simulate(simulate: &mut Simulate) -> Result<(), (ErrorKind, String)> {
    if !simulate.address().ip().is_loopback() {
        let message = "--listen takes addresses of this machine only, such as 127.0.0.1:9000 or [::1]:9000: \
                       nothing protects the simulator from strangers";
        return Err((ErrorKind::ValueValidation, message.to_owned()));
    }
    each_once(&mut simulate.symbols);
    or_usual(&mut simulate.symbols);
    for fault in &simulate.faults {
        let market = fault.parse::<FaultSpec>().ok().and_then(|fault| fault.market());
        if let Some(symbol) = market.filter(|symbol| !simulate.symbols.contains(symbol)) {
            let message =
                format!("--fault {fault:?}: there is no market {symbol}; name it among the markets");
            return Err((ErrorKind::ValueValidation, message));
        }
    }
    let mut keys = std::collections::HashSet::new();
    for login in &simulate.accounts {
        login.check().map_err(|message| (ErrorKind::ValueValidation, message))?;
        if !keys.insert(login.key()) {
            let message = format!("the account {} is there twice; give each a key of its own", login.key());
            return Err((ErrorKind::ValueValidation, message));
        }
    }
    Ok(())
}

fn each_once(symbols: &mut Vec<Symbol>) {
    let mut known = std::collections::HashSet::new();
    symbols.retain(|symbol| known.insert(*symbol));
}

fn or_usual(symbols: &mut Vec<Symbol>) {
    if symbols.is_empty() {
        symbols.extend(["btcusd", "ethusd"].iter().filter_map(|symbol| symbol.parse::<Symbol>().ok()));
    }
}

#[cfg(test)]
mod tests;
