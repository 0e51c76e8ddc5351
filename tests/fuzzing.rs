//! Runs the bodies of the fuzz targets on committed inputs and on random inputs, without a fuzzer.

use std::path::Path;

use testkit::parallel::on_all_cores;
use testkit::random::Random;
use testkit::{frames, mutation, script, targets};

/// Runs the fuzz targets of the core on every file of their folders in `fuzz/corpus`, which include past findings,
/// and on the frames of `tests/corpus`.
#[test]
fn corpus() {
    let targets = [
        ("frames", targets::frames as fn(&[u8])),
        ("decode", targets::decode),
        ("lifecycle", targets::lifecycle),
    ];
    for (name, target) in targets {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
        let mut files = 0;
        for entry in std::fs::read_dir(&folder).unwrap() {
            target(&std::fs::read(entry.unwrap().path()).unwrap());
            files += 1;
        }
        assert!(files >= 20, "{files} files in {}", folder.display());
    }
    for frame in frames::corpus_of_all() {
        targets::frames(frame.text.as_bytes());
        targets::decode(frame.text.as_bytes());
    }
}

/// Runs scripts that are changed at random, as a fuzzer changes them. The changes are the same in every run.
#[test]
fn changed_scripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/frames");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort_unstable();
    let scripts =
        paths.iter().map(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned());
    let scripts: Vec<String> =
        scripts.chain(frames::corpus_of_all().into_iter().map(|frame| frame.text)).collect();
    on_all_cores(
        0..20_000,
        || (),
        |(), seed| {
            let script = mutation::mutated(&scripts, &scripts, &mut Random(seed));
            let result = std::panic::catch_unwind(|| targets::frames(script.as_bytes()));
            assert!(result.is_ok(), "seed {seed}:\n{script}");
        },
    );
}

/// Runs the fuzz target `lifecycle` on random bytes, each of which is an input of a machine.
#[test]
fn random_inputs() {
    for seed in 0..1_000 {
        let mut random = Random(seed);
        let bytes: Vec<u8> = (0..80).map(|_| random.next() as u8).collect();
        targets::lifecycle(&bytes);
    }
}

/// Runs random scripts of 120 steps on clients of one link. Scenario L-112: the core does not panic, whatever the
/// order of calls.
#[test]
fn random_scripts() {
    on_all_cores(
        0..40_000,
        || (),
        |(), seed| {
            let mut random = Random(seed);
            let script = script::random(&mut random, 120);
            let result = std::panic::catch_unwind(|| script::run(script.as_bytes()));
            assert!(result.is_ok(), "seed {seed}:\n{script}");
        },
    );
}
