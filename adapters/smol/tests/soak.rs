//! Trades over a network that fails every few seconds, for a few seconds or for `GEMINI_WS_SOAK_SECONDS`.
//! `GEMINI_WS_SEED` selects another run.

mod adapter;

#[test]
fn a_network_that_fails() {
    gemini_ws_suite::soak_as_wanted::<adapter::SmolAdapter>();
}
