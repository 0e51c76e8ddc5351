//! Runs whole lives of a driver, from its first poll to its end. Bytes from a corpus and from seeds decide what the
//! peers and the application do.

mod support;

use std::time::Duration;

use gemini_ws_driver::SLEEP_CHECK;
use testkit::variables::{number, seeds};

const LIVES: u64 = 3_000;

fn bytes_of(seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let length = random.usize(4..124);
    (0..length).map(|_| random.u8(..)).collect()
}

#[test]
fn lives_of_seeds() {
    let seeds = number("GEMINI_WS_SEED").map_or(0..LIVES, |seed| seeds(seed, 1));
    for seed in seeds {
        let lived = std::panic::catch_unwind(|| support::live(&bytes_of(seed)));
        assert!(lived.is_ok(), "again: GEMINI_WS_SEED={seed} cargo test -p gemini-ws-driver --test chaos");
    }
}

#[test]
fn lives_of_the_corpus() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/driver");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).expect("the corpus") {
        support::live(&std::fs::read(entry.expect("a file").path()).expect("a file"));
        files += 1;
    }
    assert!(files >= 10, "{files} files");
}

/// By default, the client sends a probe after 30 s of silence, and the reply may take 15 s. After a sleep of an hour,
/// which the monotonic clock does not count, the client sends the probe at once.
#[test]
fn a_link_that_is_dead_after_a_sleep() {
    let awake = support::after_sleep(false);
    assert!((40..46).contains(&awake.as_secs()), "{awake:?}");
    let asleep = support::after_sleep(true);
    assert!(asleep <= SLEEP_CHECK + Duration::from_millis(15_100), "{asleep:?}");
}
