//! Frames that the venue has sent: all of them are known, and read as the slow reading reads them.

mod support;

use gemini_ws::{Message, Scratch, decode};
use support::{frames, oracle};

#[test]
fn everything_is_known() {
    let wanted = |name: &str| {
        name.ends_with(".jsonl") && (name.contains("ws_gemini") || name.starts_with("full_snapshot"))
    };
    let Some(recordings) = frames::recordings(wanted) else { return };
    let mut scratch = Scratch::new();
    let mut read = 0;
    for recording in &recordings {
        for (line, frame) in recording.lines() {
            let place = format!("{}:{line}", recording.name);
            match decode(frame, &mut scratch) {
                Ok(Message::Unrecognized(_)) => panic!("{place}: not recognized: {frame}"),
                Ok(_) => read += 1,
                Err(error) => panic!("{place}: {error}: {frame}"),
            }
            oracle::check(frame, &mut scratch);
        }
    }
    assert!(read > 100, "only {read} frames");
}
