//! Replays the conversations of a client with a venue in `tests/transcripts`.
//!
//! `UPDATE_TRANSCRIPTS=1 cargo test --test transcripts` writes these files again; read the difference.

use std::fs;
use std::path::Path;

use testkit::transcript::replay;
use testkit::variables::flag;

#[test]
fn transcripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let update = flag("UPDATE_TRANSCRIPTS");
    let mut failures = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(&folder).expect("the folder of transcripts") {
        let path = entry.expect("an entry").path();
        let expected = fs::read_to_string(&path).expect("a transcript");
        let got = replay(&expected);
        count += 1;
        if got != expected {
            if update {
                fs::write(&path, &got).expect("a transcript written");
            } else {
                let line = expected.lines().zip(got.lines()).take_while(|(a, b)| a == b).count();
                let of = |text: &str| text.lines().nth(line).unwrap_or("(the end)").to_owned();
                failures.push(format!(
                    "{}:{}: expected `{}`, got `{}`",
                    path.display(),
                    line + 1,
                    of(&expected),
                    of(&got)
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(count >= 20, "only {count} transcripts in {}", folder.display());
}
