//! What can be asked for. Wrong use ends here, with a message that says what to do and exit code 2.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use gemini_ws::{Credentials, Endpoint, PRODUCTION, SANDBOX, Symbol};

/// A client of the WebSocket API of the Gemini crypto exchange.
#[derive(Debug, Parser)]
#[command(name = "gemini-ws", version, arg_required_else_help = true, subcommand_required = true)]
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
Without a terminal, or with TERM=dumb, plain lines are printed. Ctrl-C closes the connection in an
orderly way, a second one ends at once. The last line is a summary.")]
pub(crate) struct Watch {
    /// What to watch, for example btcusd; with the simulator btcusd and ethusd, or the symbols of
    /// the recording, if none is given
    pub(crate) symbols: Vec<Symbol>,
    /// simulator (in this process), live, sandbox, or a WebSocket address
    #[arg(long, default_value_t = Venue::Simulator, value_name = "VENUE")]
    pub(crate) venue: Venue,
    /// Let the simulator play this recording instead of a generated market
    #[arg(long, value_name = "FILE")]
    pub(crate) replay: Option<PathBuf>,
    /// The same seed yields the same generated market
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,
    /// End after this time, for example 60s or "1m 30s"
    #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) duration: Option<Duration>,
    /// Print one event per line as JSON, in the form of `decode`
    #[arg(long)]
    pub(crate) json: bool,
}

/// `gemini-ws simulate`
#[derive(Args, Debug)]
#[command(after_help = "\
It speaks all generations of the API, on the paths that the venue has, and prints their addresses.
Whoever has the key and the secret of an account can sign in to it, on the current API and for
order events v1; orders of accounts trade with the generated market and with each other. Its time
is that of this machine, so nonces are those that the venue takes.

Ctrl-C closes all connections in an orderly way, a second one ends at once.")]
pub(crate) struct Simulate {
    /// The markets; btcusd and ethusd if none is given
    pub(crate) symbols: Vec<Symbol>,
    /// Where to listen; 0 takes any free port and tells which
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) port: u16,
    /// The same seed yields the same market, but for its times
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,
    /// An account to sign in to; may be given several times. Keys begin with `account-`. If none is
    /// given there is a demo account, whose key and secret are printed
    #[arg(long = "account", value_name = "KEY:SECRET")]
    pub(crate) accounts: Vec<Login>,
}

/// The key of an account and its secret. Whatever is wrong with them is told without them, so they are
/// looked at when everything else is known to be right.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct Login(String);

impl From<String> for Login {
    fn from(text: String) -> Login {
        Login(text)
    }
}

impl Login {
    pub(crate) fn key(&self) -> &str {
        self.0.split_once(':').map_or(&self.0, |(key, _)| key)
    }

    pub(crate) fn secret(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, secret)| secret)
    }

    fn check(&self) -> Result<(), String> {
        let usage = "use --account KEY:SECRET, for example account-one:any-secret";
        if self.key().strip_prefix("account-").is_none_or(str::is_empty) {
            return Err(format!("the key of an account begins with account-; {usage}"));
        }
        // What nobody could sign in with.
        Credentials::hmac(self.key(), self.secret()).map(drop).map_err(|error| format!("{error}; {usage}"))
    }
}

impl fmt::Debug for Login {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Login").field(&self.key()).finish()
    }
}

/// Where to connect to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Venue {
    Simulator,
    Live,
    Sandbox,
    Url(String),
}

impl Venue {
    /// The address; `None` for the simulator, which has one when it runs.
    pub(crate) fn url(&self) -> Option<&str> {
        match self {
            Venue::Simulator => None,
            Venue::Live => Some(PRODUCTION),
            Venue::Sandbox => Some(SANDBOX),
            Venue::Url(url) => Some(url),
        }
    }
}

impl fmt::Display for Venue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Venue::Simulator => "simulator",
            Venue::Live => "live",
            Venue::Sandbox => "sandbox",
            Venue::Url(url) => url,
        })
    }
}

impl FromStr for Venue {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Venue, &'static str> {
        let has_host = |rest: &str| !rest.is_empty() && !rest.starts_with(['/', '?', ':']);
        match text {
            "simulator" => Ok(Venue::Simulator),
            "live" => Ok(Venue::Live),
            "sandbox" => Ok(Venue::Sandbox),
            url => {
                let rest = url.strip_prefix("ws://").or_else(|| url.strip_prefix("wss://"));
                match rest {
                    Some(rest) if has_host(rest) && !url.contains(char::is_whitespace) => {
                        Ok(Venue::Url(url.to_owned()))
                    }
                    _ => Err("use simulator, live, sandbox, or an address such as ws://127.0.0.1:9000"),
                }
            }
        }
    }
}

/// `gemini-ws decode`
#[derive(Args, Debug)]
#[command(after_help = "\
A recording has one frame per line, with or without the receive time before it. A frame that
cannot be decoded becomes an object of kind `malformed` with the reason and the byte offset.
Integers that JavaScript would round are written as texts, decimals always are. Ids of API keys
are not shown.

Without --endpoint each frame tells where it is from. One that cannot, such as a refusal, is taken
to be from where the frame before it is; at the beginning, from where the first is that can tell.")]
pub(crate) struct Decode {
    /// The recording; `-` is standard input
    #[arg(default_value = "-")]
    pub(crate) file: PathBuf,
    /// Where all frames are from; guessed if not given
    #[arg(long, value_name = "ENDPOINT", value_parser = endpoints())]
    pub(crate) endpoint: Option<Endpoint>,
}

/// `gemini-ws book`
#[derive(Args, Debug)]
#[command(after_help = "\
Without --endpoint each frame tells where it is from. One that cannot, such as a refusal, is taken
to be from where the frame before it is; at the beginning, from where the first is that can tell.

Market data v1 numbers the frames of a connection: where a number is missing, or comes again with
another frame, the books are stale until the connection begins anew. Market data v2 has no numbers,
so a loss cannot be seen. On connections of v1 for one symbol only the address has it: --symbol.")]
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
}

fn endpoints() -> impl TypedValueParser<Value = Endpoint> {
    PossibleValuesParser::new(Endpoint::ALL.map(Endpoint::name)).try_map(|name| name.parse::<Endpoint>())
}

/// Reads the arguments of the process; ends it where they are wrong or help was asked for.
pub(crate) fn parse() -> Task {
    let mut task = Arguments::parse().task;
    let (name, checked) = match &mut task {
        Task::Watch(watch) => ("watch", check_watch(watch)),
        Task::Simulate(simulate) => ("simulate", check_simulate(simulate)),
        Task::Decode(_) | Task::Book(_) => return task,
    };
    if let Err((kind, message)) = checked {
        let mut command = Arguments::command();
        command.build();
        let command = command.find_subcommand_mut(name);
        command.map_or_else(Arguments::command, |command| command.clone()).error(kind, message).exit();
    }
    task
}

/// What the declaration cannot say.
fn check_watch(watch: &mut Watch) -> Result<(), (ErrorKind, String)> {
    each_once(&mut watch.symbols);
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
    each_once(&mut simulate.symbols);
    or_usual(&mut simulate.symbols);
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
mod tests {
    use super::*;

    #[test]
    fn the_declaration_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn watches() {
        type Case<'c> = (&'c [&'c str], Result<&'c [&'c str], ErrorKind>);
        // Arguments; symbols, or what is wrong.
        let table: [Case<'_>; 14] = [
            (&[], Ok(&["btcusd", "ethusd"])),
            (&["btcusd", "BTCUSD", "solusd"], Ok(&["btcusd", "solusd"])),
            (&["--replay", "file"], Ok(&[])),
            (&["--replay", "file", "--venue", "simulator", "a"], Ok(&["a"])),
            (&["--replay", "file", "--venue", "live", "a"], Err(ErrorKind::ArgumentConflict)),
            (&["--venue", "live"], Err(ErrorKind::MissingRequiredArgument)),
            (&["--venue", "sandbox", "a"], Ok(&["a"])),
            (&["--venue", "ws://[::1]:9000/x", "a"], Ok(&["a"])),
            (&["--venue", "http://host", "a"], Err(ErrorKind::ValueValidation)),
            (&["--venue", "ws://", "a"], Err(ErrorKind::ValueValidation)),
            (&["--venue", "ws://:90", "a"], Err(ErrorKind::ValueValidation)),
            (&["btc usd"], Err(ErrorKind::ValueValidation)),
            (&["--for", "soon"], Err(ErrorKind::ValueValidation)),
            (&["--seed", "-1"], Err(ErrorKind::UnknownArgument)),
        ];
        for (arguments, expected) in table {
            let all = ["gemini-ws", "watch"].iter().chain(arguments);
            let found = match Arguments::try_parse_from(all).map(|arguments| arguments.task) {
                Ok(Task::Watch(mut watch)) => {
                    check_watch(&mut watch).map(|()| watch.symbols).map_err(|(kind, _)| kind)
                }
                Ok(other) => panic!("{other:?}"),
                Err(error) => Err(error.kind()),
            };
            let expected: Result<Vec<Symbol>, _> =
                expected.map(|symbols| symbols.iter().map(|symbol| symbol.parse().unwrap()).collect());
            assert_eq!(found, expected, "{arguments:?}");
        }
    }

    #[test]
    fn accounts() {
        type Case<'c> = (&'c [&'c str], Result<&'c [[&'c str; 2]], &'c str>);
        // Arguments; keys and secrets, or what is said.
        let table: [Case<'_>; 9] = [
            (&[], Ok(&[])),
            (&["--account", "account-a:hidden"], Ok(&[["account-a", "hidden"]])),
            (
                &["--account", "account-a:hidden:1", "--account", "account-b:2"],
                Ok(&[["account-a", "hidden:1"], ["account-b", "2"]]),
            ),
            (&["--account", "account-a"], Err("secret is empty")),
            (&["--account", "account-a:"], Err("secret is empty")),
            (&["--account", "hidden"], Err("begins with account-")),
            (&["--account", "account-:hidden"], Err("begins with account-")),
            (&["--account", "account-é:hidden"], Err("visible ASCII")),
            (&["--account", "account-a:hidden", "--account", "account-a:2"], Err("account-a is there twice")),
        ];
        for (arguments, expected) in table {
            let all = ["gemini-ws", "simulate"].iter().chain(arguments);
            let Task::Simulate(mut simulate) = Arguments::try_parse_from(all).unwrap().task else { panic!() };
            let checked = check_simulate(&mut simulate);
            let shown = format!("{simulate:?}");
            match (checked, expected) {
                (Ok(()), Ok(accounts)) => {
                    let found: Vec<_> = simulate.accounts.iter().map(|it| [it.key(), it.secret()]).collect();
                    assert_eq!(found, accounts, "{arguments:?}");
                    assert!(!shown.contains("hidden"), "{shown}");
                }
                (Err((_, message)), Err(part)) => {
                    assert!(message.contains(part) && !message.contains("hidden"), "{message}");
                }
                (checked, _) => panic!("{arguments:?}: {checked:?}"),
            }
        }
    }
}
