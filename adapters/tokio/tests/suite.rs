//! Runs the tests that every adapter must pass, on tokio.

mod adapter;

use std::process::ExitCode;

fn main() -> ExitCode {
    gemini_ws_suite::run::<adapter::TokioAdapter>()
}
