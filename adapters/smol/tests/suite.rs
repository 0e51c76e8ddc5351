//! Runs the tests of all adapters on smol.

mod adapter;

use std::process::ExitCode;

fn main() -> ExitCode {
    gemini_ws_suite::run::<adapter::SmolAdapter>()
}
