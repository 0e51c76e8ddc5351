//! Runs the tests of all adapters on tokio.

mod adapter;

use std::process::ExitCode;

fn main() -> ExitCode {
    gemini_ws_suite::run::<adapter::TokioAdapter>()
}
