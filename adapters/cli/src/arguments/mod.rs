//! The arguments of the command line. Wrong usage ends the process with a message and exit code 2.

mod login;
mod venue;

use std::borrow::Cow;
use std::convert::Infallible;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use gemini_ws::{Endpoint, Symbol};
use gemini_ws_simulator::{FINISHED_ORDERS_MAX, FaultKind, FaultSpec, FaultSpecError};

use crate::ending::Failure;
use crate::output::Messages;
use crate::shown::{Shown, acts};
use login::Login;
pub(crate) use venue::Venue;
use venue::without_users;

/// A client for the WebSocket APIs of the Gemini cryptocurrency exchange
#[derive(Debug, Parser)]
#[command(name = "gemini-ws", version, arg_required_else_help = true, subcommand_required = true)]
#[command(after_help = "\
Exit codes: 0 done; 1 failed, or nothing to show; 2 wrong usage; 129, 130 and 143 ended in an orderly way by \
SIGHUP, SIGINT (Ctrl-C) and SIGTERM.")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Watch markets: books, trades, spreads, rates and the state of the link
    Watch(Watch),
    /// Decode a recording: one JSON object per frame
    Decode(Decode),
    /// Rebuild the order books of a recording
    Book(Book),
    /// Serve a simulated venue on the loopback interface
    Simulate(Simulate),
}

/// `gemini-ws watch`
#[derive(Args, Debug)]
#[command(after_help = "\
Without a terminal, without TERM or with TERM=dumb, watch prints plain lines, and also if the recording of --replay \
is typed at the terminal. The last line is a summary.

Ctrl-C, SIGTERM and SIGHUP close the connection in an orderly way; a second one ends the command at once. Ctrl-Z \
restores the terminal and stops the command; the shell's fg continues it. Without a shell, Ctrl-Z stops nothing.

A slow reader or terminal does not delay the connection: watch leaves out pictures and lines instead. With --json a \
line of the kind `overflow` takes the place of the missing events and says how many there are, and new snapshots of \
their books follow. At the end watch waits at most 2 seconds for a reader that takes nothing.

With --json the first line has the kind `started` and the version of the schema, which is \
adapters/cli/schema/lines-1.json in the source. The type of a member depends on the member, never on its value, and \
times are nanoseconds since 1970.

--replay plays a recording with market data of the current API while it reads the recording, and reports the end. \
Recordings of market data v1 and v2 cannot be played.

Exit codes: 0 if the connection was live and ended on request, or the reader of the output has gone; 1 if the \
connection never was live or ended otherwise, or output was lost; 2 wrong usage; 129, 130 and 143 after SIGHUP, \
SIGINT and SIGTERM.")]
pub(crate) struct Watch {
    /// The markets, for example btcusd; required unless the venue is the simulator. Default: btcusd and ethusd, or
    /// with --replay the symbols at the beginning of the recording
    pub(crate) symbols: Vec<Symbol>,
    /// simulator (in this process), live, sandbox, or a WebSocket address without user and password. watch needs the
    /// current API, and refuses an address with the path of an archived API
    #[arg(long, default_value = "simulator", value_name = "VENUE", value_parser = any_venue)]
    pub(crate) venue: Venue,
    /// Play this recording in the simulator instead of a generated market; `-` is standard input. The receive
    /// time before each frame sets the pace: seconds, milliseconds or nanoseconds since 1970, or a date such as
    /// 2026-09-30T12:00:00Z
    #[arg(long, value_name = "FILE")]
    pub(crate) replay: Option<PathBuf>,
    /// Select the generated market, and the delays between attempts to connect: the same seed gives the same ones.
    /// Without a seed, the market is always the same, and the delays are random
    #[arg(long, value_name = "N", value_parser = seed)]
    pub(crate) seed: Option<u64>,
    /// End after this time, for example 60s or "1m 30s"
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    /// Print one event per line as JSON, in the format of `decode`
    #[arg(long)]
    pub(crate) json: bool,
    /// Trust only the certificate authorities in this PEM file; needs a venue with TLS. Default: the authorities in
    /// the file that SSL_CERT_FILE names, or if it names none, those that browsers trust
    #[arg(long, value_name = "FILE", conflicts_with = "platform_roots")]
    pub(crate) ca: Option<PathBuf>,
    /// Trust only the certificate authorities of the operating system; needs a venue with TLS
    #[arg(long)]
    pub(crate) platform_roots: bool,
}

/// `gemini-ws simulate`
#[derive(Args, Debug)]
#[command(after_help = simulate_help())]
pub(crate) struct Simulate {
    /// The markets; btcusd and ethusd if none is given
    pub(crate) symbols: Vec<Symbol>,
    /// The port on 127.0.0.1; 0 takes any free port and prints it
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = port)]
    pub(crate) port: u16,
    /// Listen here instead: a loopback address and a port, such as [::1]:9000
    #[arg(long, value_name = "ADDR", value_parser = listen, conflicts_with = "port")]
    pub(crate) listen: Option<SocketAddr>,
    /// Select the market: the same seed gives the same one, except for its times
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = seed)]
    pub(crate) seed: u64,
    /// An account to sign in to; may be given several times. Its key must begin with `account-`. Default: a demo
    /// account, whose key and secret are printed
    #[arg(long = "account", value_name = "KEY:SECRET")]
    pub(crate) accounts: Vec<Login>,
    /// Save balances, orders, nonces and ids in this file, and continue from the file after a restart
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// Inject a fault, for example "drop-depth btcusd 3 @10s"; may be given several times. The faults are listed
    /// below
    #[arg(long = "fault", value_name = "SPEC", value_parser = fault)]
    pub(crate) faults: Vec<String>,
}

fn simulate_help() -> String {
    format!(
        "\
The simulator speaks all generations of the API, on the venue's paths, and prints their addresses. With the key and \
the secret of an account, clients can sign in to the current API and to order events v1. Orders of accounts trade \
with the generated market and with each other. The simulator uses the time of this machine, so clients can sign as \
for the venue, and the ids of a later run are greater than those of an earlier one.

REST: POST to /v1/order/status, /v1/orders and /v1/balances on the same port, signed as for the venue. Order status \
also answers for the last {FINISHED_ORDERS_MAX} orders that have ended.

--state: the simulator writes the file at the start, at an orderly end, and within a second after a change; if it is \
killed, at most the last second is lost, and the next start removes the temporary file FILE.saving-XXXXXX.tmp if there \
is one. The file has balances, open orders, orders that have ended, nonces and ids, but no secrets. After a restart \
the open orders rest in the books again, and the generated market starts from its beginning. Give the same accounts \
and markets again. The simulator refuses a damaged or foreign file, and a file that another simulator uses, and does \
not change it.

--fault: NAME ARGUMENTS [@TIME]. The time counts from the start; without a time the fault happens at once. Times are \
whole numbers of ms, s, m or h. These faults act only on the sessions that are open when they happen, so give them a \
time: {}. All other faults also act on sessions that are opened later. You may give a fault several times: all of \
them act, and their counts add up; only of several delays, or lists of names, the newest applies. While the simulator runs, POST the same lines \
to /simulator/faults; there the time counts from the request. The answer has the status 200 and the number of planned \
faults; or 400, the wrong line and the reason, and then no fault is planned.

{}
Ctrl-C, SIGTERM and SIGHUP close all connections in an orderly way; a second one ends the command at once.

Exit codes: 1 if the simulator cannot listen or cannot use the file; 2 wrong usage; 129, 130 and 143 after SIGHUP, \
SIGINT and SIGTERM.",
        of_open_sessions().join(", "),
        FaultKind::table()
    )
}

fn of_open_sessions() -> Vec<&'static str> {
    let is_of_open = |kind: &&FaultKind| {
        kind.example().parse::<FaultSpec>().is_ok_and(|fault| fault.acts_on_open_sessions())
    };
    FaultKind::ALL.iter().filter(is_of_open).map(FaultKind::name).collect()
}

// These parsers say in their errors what is allowed. The errors of the standard library and of `humantime` do not.

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("use a whole number from 0 to {}", u64::MAX))
}

fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("use a whole number from 0 to {}", u16::MAX))
}

fn listen(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse()
        .map_err(|_| "use an address of this machine with a port, such as 127.0.0.1:9000 or [::1]:9000")
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}; use numbers with units, such as 60s or \"1m 30s\""))
}

fn fault(text: &str) -> Result<String, FaultSpecError> {
    text.parse::<FaultSpec>().map(|_| text.to_owned())
}

impl Simulate {
    /// Returns the faults that have no effect: they act only on open sessions, and begin at once, when no session is
    /// open.
    pub(crate) fn idle_faults(&self) -> impl Iterator<Item = &str> {
        let faults = self.faults.iter().filter(|text| {
            text.parse::<FaultSpec>()
                .is_ok_and(|fault| fault.acts_on_open_sessions() && fault.after().is_zero())
        });
        faults.map(String::as_str)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listen.unwrap_or_else(|| ([127, 0, 0, 1], self.port).into())
    }
}

/// `gemini-ws decode`
#[derive(Args, Debug)]
#[command(after_help = "\
A recording has one frame per line, with or without the receive time before it. decode prints each frame as soon as \
it is read. A frame that cannot be decoded becomes an object of kind `malformed` with the reason and the byte offset. \
Decimals, and integers that JavaScript might round, are always strings. Ids of API keys are not shown.

Without --endpoint the endpoint is detected for each frame. A frame that does not show its endpoint, such as a \
refusal, has the endpoint of the frame before. Frames at the beginning have the endpoint of the first frame that shows \
one, so nothing is printed before that frame is read. If none of the first 4,096 frames, or of the first 16 MiB, shows \
one, these frames have the endpoint `streams`.

Exit codes: 0 done; 1 if no frame could be decoded, or with --strict if any frame could not be decoded; 2 wrong \
usage.")]
pub(crate) struct Decode {
    /// The recording; `-` is standard input
    #[arg(default_value = "-")]
    pub(crate) file: PathBuf,
    /// The endpoint of all frames; detected if not given
    #[arg(long, value_name = "ENDPOINT", value_parser = endpoints())]
    pub(crate) endpoint: Option<Endpoint>,
    /// Exit with 1 if any frame is malformed
    #[arg(long)]
    pub(crate) strict: bool,
}

/// `gemini-ws book`
#[derive(Args, Debug)]
#[command(after_help = "\
Without --endpoint the endpoint is detected for each frame. A frame that does not show its endpoint, such as a \
refusal, has the endpoint of the frame before. Frames at the beginning have the endpoint of the first frame that shows \
one. If none of the first 4,096 frames, or of the first 16 MiB, shows one, these frames have the endpoint `streams`.

Market data v1 numbers the frames of a connection: if a number is missing, or is repeated with another frame, the \
books are stale until the next connection. Market data v2 has no numbers, so a loss cannot be seen. On v1 \
connections for one symbol, only the address names the symbol: pass the symbol with --symbol.

Exit codes: 0 done; 1 if no frame could be decoded, if no frame is about a book, or with --strict if any frame could \
not be decoded; 2 wrong usage.")]
pub(crate) struct Book {
    /// The recording; `-` is standard input
    pub(crate) file: PathBuf,
    /// The endpoint of all frames; detected if not given
    #[arg(long, value_name = "ENDPOINT", value_parser = endpoints())]
    pub(crate) endpoint: Option<Endpoint>,
    /// The symbol for frames of market data v1 that name none
    #[arg(long, value_name = "NAME")]
    pub(crate) symbol: Option<Symbol>,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Exit with 1 if any frame is malformed
    #[arg(long)]
    pub(crate) strict: bool,
}

/// Accepts any text. [`check_watch`] refuses a wrong address, without repeating the address in its message.
fn any_venue(text: &str) -> Result<Venue, Infallible> {
    Ok(Venue::from(text))
}

fn endpoints() -> impl TypedValueParser<Value = Endpoint> {
    PossibleValuesParser::new(Endpoint::ALL.map(Endpoint::name)).try_map(|name| name.parse::<Endpoint>())
}

/// Parses the arguments of the process. Ends the process if they are wrong or ask for help.
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

fn refuse(error: clap::Error) -> ! {
    let text = error.to_string();
    let shown = without_users(&text);
    let acts = |character: char| character != '\n' && acts(character);
    let mut messages = Messages::default();
    let mut code = error.exit_code();
    if matches!(shown, Cow::Owned(_)) || shown.contains(acts) {
        shown.lines().for_each(|line| messages.say(&Shown::of(line)));
    } else if let Err(failed) = error.print().and_then(|()| io::stdout().flush())
        && !error.use_stderr()
        && let Failure::Message(message) = Failure::of_output(&failed)
    {
        messages.say(&message);
        code = 1;
    }
    messages.finish();
    std::process::exit(code)
}

/// Checks what the declaration of [`Watch`] cannot express, and removes repeated symbols. Adds the default symbols if
/// the venue is a simulator without a recording.
fn check_watch(watch: &mut Watch) -> Result<(), (ErrorKind, String)> {
    each_once(&mut watch.symbols);
    watch.venue.check().map_err(|message| (ErrorKind::ValueValidation, message))?;
    if (watch.ca.is_some() || watch.platform_roots) && !watch.venue.is_secure() {
        let message = "--ca and --platform-roots need a venue with TLS; name it with --venue";
        return Err((ErrorKind::ArgumentConflict, message.to_owned()));
    }
    if watch.venue == Venue::Simulator {
        if watch.replay.is_none() {
            or_usual(&mut watch.symbols);
        }
        return Ok(());
    }
    if watch.replay.is_some() {
        let message = "--replay needs the simulator; leave out --venue";
        return Err((ErrorKind::ArgumentConflict, message.to_owned()));
    }
    if watch.symbols.is_empty() {
        let message = "name the markets, for example: gemini-ws watch btcusd ethusd --venue live";
        return Err((ErrorKind::MissingRequiredArgument, message.to_owned()));
    }
    Ok(())
}

fn check_simulate(simulate: &mut Simulate) -> Result<(), (ErrorKind, String)> {
    if !simulate.address().ip().is_loopback() {
        let message = "--listen takes addresses of this machine only, such as 127.0.0.1:9000 or [::1]:9000: \
                       the simulator has no protection against other machines";
        return Err((ErrorKind::ValueValidation, message.to_owned()));
    }
    each_once(&mut simulate.symbols);
    or_usual(&mut simulate.symbols);
    for fault in &simulate.faults {
        let market = fault.parse::<FaultSpec>().ok().and_then(|fault| fault.market());
        if let Some(symbol) = market.filter(|symbol| !simulate.symbols.contains(symbol)) {
            let message = format!("--fault {fault:?}: there is no market {symbol}; add it to the markets");
            return Err((ErrorKind::ValueValidation, message));
        }
    }
    let mut keys = std::collections::HashSet::new();
    for login in &simulate.accounts {
        login.check().map_err(|message| (ErrorKind::ValueValidation, message))?;
        if !keys.insert(login.key()) {
            let message =
                format!("the account {} is given twice; give each account another key", login.key());
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
