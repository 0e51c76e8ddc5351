//! The Autobahn test suite, against the fuzzing server at `GEMINI_WS_AUTOBAHN`; `.ci/autobahn` starts one and compares
//! its report with `.ci/autobahn.json`.

mod adapter;

#[test]
fn all_cases() {
    let Ok(server) = std::env::var("GEMINI_WS_AUTOBAHN") else {
        return println!("no GEMINI_WS_AUTOBAHN: nothing to talk to");
    };
    let cases = gemini_ws_suite::autobahn::<adapter::TokioAdapter>(&server, "gemini-ws-tokio");
    assert!(cases > 0);
}
