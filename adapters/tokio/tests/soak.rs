//! A client that trades over a network that fails every few seconds: for a few seconds, or for as many as
//! `GEMINI_WS_SOAK_SECONDS` says. `GEMINI_WS_SEED` makes other choices.

mod adapter;

#[test]
fn a_network_that_fails() {
    gemini_ws_suite::soak_as_wanted::<adapter::TokioAdapter>();
}
