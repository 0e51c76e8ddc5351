//! The command `gemini-ws`: see the book of a Gemini market, or of a simulated one, and take
//! recordings apart.
//!
//! | Module | What it does |
//! |---|---|
//! | `arguments` | what can be asked for, and the checks |
//! | `ending` | how a task ends, and the exit codes |
//! | `shown` | text for people, in which nothing acts on a terminal |
//! | `output` | a thread that writes, so that nobody waits for a reader |
//! | `signals` | Ctrl-C and its like |
//! | `recording` | lines of a file: receive time, frame |
//! | `frames` | which endpoint a frame is from |
//! | `json` | output lines without a digit lost |
//! | `decode` | `gemini-ws decode` |
//! | `book` | `gemini-ws book` |
//! | `watch` | `gemini-ws watch` |
//! | `simulate` | `gemini-ws simulate`, and the simulator that `watch` starts |
#![forbid(unsafe_code)]
// They panic where nothing can be printed: see `output`.
#![deny(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::type_complexity, reason = "tests are tables"))]

mod arguments;
mod book;
mod decode;
mod ending;
mod frames;
mod json;
mod output;
mod recording;
mod shown;
mod signals;
mod simulate;
mod watch;

use std::process::ExitCode;

use arguments::Task;
use ending::{Ending, Failure};
use output::Messages;

fn main() -> ExitCode {
    let mut messages = Messages::default();
    let outcome = match arguments::parse() {
        Task::Watch(options) => watch::run(&options, &mut messages),
        Task::Simulate(options) => simulate::run(&options, &mut messages),
        Task::Decode(options) => decode::run(&options, &mut messages),
        Task::Book(options) => book::run(&options, &mut messages),
    };
    let code = match outcome {
        Ok(ending) => ending.code(),
        Err(Failure::NobodyReads) => Ending::Done.code(),
        Err(Failure::Told) => ExitCode::FAILURE,
        Err(Failure::Message(message)) => {
            messages.say(&message);
            ExitCode::FAILURE
        }
    };
    messages.finish();
    code
}
