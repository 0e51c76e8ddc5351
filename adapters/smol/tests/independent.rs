//! Tests against servers of other projects: Python's `websockets` and Node's `ws`. `.ci/independent` installs both.

mod adapter;

#[test]
fn servers_that_misbehave() {
    gemini_ws_suite::independent_if_wanted::<adapter::SmolAdapter>();
}
