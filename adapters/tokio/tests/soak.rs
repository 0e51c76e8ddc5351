//! A client that trades over a network that fails every few seconds: for a few seconds, or for as many as
//! `GEMINI_WS_SOAK_SECONDS` says. `GEMINI_WS_SEED` makes other choices.

mod adapter;

use std::time::Duration;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn a_network_that_fails() {
    let seconds = number("GEMINI_WS_SOAK_SECONDS").unwrap_or(12);
    let seed = number("GEMINI_WS_SEED").unwrap_or(1);
    gemini_ws_suite::soak::<adapter::TokioAdapter>(Duration::from_secs(seconds), seed);
}
