//! Runs the Autobahn test suite against the fuzzing server at `GEMINI_WS_AUTOBAHN`. `.ci/autobahn` starts one and
//! compares its report with `.ci/autobahn.json`.

mod adapter;

#[test]
fn all_cases() {
    gemini_ws_suite::autobahn_if_wanted::<adapter::SmolAdapter>("gemini-ws-smol");
}
