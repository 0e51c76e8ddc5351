//! The command `gemini-ws`: shows the books of Gemini markets or of simulated ones, and decodes recordings.
//!
//! | Module | What it does |
//! |---|---|
//! | `arguments` | the arguments of the command line, and their checks |
//! | `ending` | the outcomes of a task, and the exit codes |
//! | `shown` | text for people, with control characters escaped |
//! | `output` | a thread that writes, so that no task waits for a reader |
//! | `patient` | standard streams that another process has made non-blocking |
//! | `signals` | Ctrl-C and other signals |
//! | `recording` | recordings: lines with a receive time and a frame |
//! | `frames` | the endpoint of each frame |
//! | `json` | output lines as JSON, with exact numbers |
//! | `decode` | `gemini-ws decode` |
//! | `book` | `gemini-ws book` |
//! | `watch` | `gemini-ws watch` |
//! | `simulate` | `gemini-ws simulate`, and the simulator that `watch` starts |
#![forbid(unsafe_code)]
// Both macros panic if the text cannot be written; use `output` instead.
#![deny(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::type_complexity, reason = "tests are tables"))]

mod arguments;
mod book;
mod decode;
mod ending;
mod frames;
mod json;
mod output;
mod patient;
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
        Err(Failure::ReaderGone) => Ending::Done.code(),
        Err(Failure::Reported) => ExitCode::FAILURE,
        Err(Failure::Message(message)) => {
            messages.say(&message);
            ExitCode::FAILURE
        }
    };
    messages.finish();
    code
}
