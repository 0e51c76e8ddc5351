//! Servers that others wrote, on Python's `websockets` and Node's `ws`; `.ci/independent` installs both.

mod adapter;

#[test]
fn servers_that_misbehave() {
    gemini_ws_suite::independent_if_wanted::<adapter::SmolAdapter>();
}
