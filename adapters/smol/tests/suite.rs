//! Runs the tests that every adapter must pass, on smol.

mod adapter;

use std::process::ExitCode;

fn main() -> ExitCode {
    gemini_ws_suite::run::<adapter::SmolAdapter>()
}
