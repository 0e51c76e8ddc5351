//! The command `gemini-ws`: see the book of a Gemini market, or of a simulated one, and take
//! recordings apart.
//!
//! | Module | What it does |
//! |---|---|
//! | `arguments` | what can be asked for, and the checks |
//! | `recording` | lines of a file: receive time, frame |
//! | `frames` | which endpoint a frame is from |
//! | `json` | output lines without a digit lost |
//! | `decode` | `gemini-ws decode` |
//! | `book` | `gemini-ws book` |
//! | `watch` | `gemini-ws watch` |
//! | `simulate` | `gemini-ws simulate`, and the simulator that `watch` starts |
//! | `signals` | Ctrl-C and its like |
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::type_complexity, reason = "tests are tables"))]

mod arguments;
mod book;
mod decode;
mod failure;
mod frames;
mod json;
mod recording;
mod signals;
mod simulate;
mod watch;

use std::process::ExitCode;

use arguments::Task;
use failure::Failure;

fn main() -> ExitCode {
    let outcome = match arguments::parse() {
        Task::Watch(options) => watch::run(&options),
        Task::Simulate(options) => simulate::run(&options),
        Task::Decode(options) => decode::run(&options),
        Task::Book(options) => book::run(&options),
    };
    match outcome {
        Ok(()) | Err(Failure::NobodyReads) => ExitCode::SUCCESS,
        Err(Failure::Message(message)) => {
            eprintln!("gemini-ws: {message}");
            ExitCode::FAILURE
        }
    }
}
