//! What can be asked for. Wrong use ends here, with a message that says what to do and exit code 2.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

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
    /// Decode recorded frames: one JSON object per line of the recording
    Decode(Decode),
    /// Rebuild the order books that a recording yields
    Book(Book),
}

/// `gemini-ws decode`
#[derive(Args, Debug)]
#[command(after_help = "\
A recording has one frame per line, with or without the receive time before it. A frame that
cannot be decoded becomes an object of kind `malformed` with the reason and the byte offset.
Integers that JavaScript would round are written as texts, decimals always are.")]
pub(crate) struct Decode {
    /// The recording; `-` is standard input
    #[arg(default_value = "-")]
    pub(crate) file: PathBuf,
}

/// `gemini-ws book`
#[derive(Args, Debug)]
pub(crate) struct Book {
    /// The recording; `-` is standard input
    pub(crate) file: PathBuf,
    /// Print JSON, whole numbers and hashes included
    #[arg(long)]
    pub(crate) json: bool,
}

/// Reads the arguments of the process; ends it where they are wrong or help was asked for.
pub(crate) fn parse() -> Task {
    Arguments::parse().task
}
