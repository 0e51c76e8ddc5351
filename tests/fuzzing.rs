//! Runs the bodies of the fuzz targets on committed inputs and on random ones, so that they also run without a
//! fuzzer.

use std::path::Path;

use testkit::parallel::on_all_cores;
use testkit::random::Random;
use testkit::{frames, script, targets};

/// Every file of `fuzz/corpus`, which includes past findings, and of `tests/corpus`.
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

/// Inputs that are changed as a fuzzer changes them: the same ones in every run, so that a fault that is easy to find
/// is found here. `GEMINI_WS_SEED` and `GEMINI_WS_INPUTS` choose others, and more.
#[test]
fn changed_inputs() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let first = number("GEMINI_WS_SEED").unwrap_or(0);
    let inputs = first..first + number("GEMINI_WS_INPUTS").unwrap_or(20_000);
    let (bases, words) = (bases(), words());
    on_all_cores(
        inputs,
        || (),
        |(), seed| {
            let mut random = Random(seed);
            let mut input = random.pick(&bases).clone();
            for _ in 0..=random.below(5) {
                change(&mut input, &bases, &words, &mut random);
            }
            let result = std::panic::catch_unwind(|| {
                targets::frames(&input);
                targets::decode(&input);
            });
            assert!(result.is_ok(), "seed {seed}:\n{}", input.escape_ascii());
        },
    );
}

/// The committed inputs of scripts and of frames.
fn bases() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["fuzz/corpus/frames", "fuzz/corpus/decode"].map(|name| std::fs::read_dir(root.join(name)));
    let files = folders.into_iter().flat_map(|folder| folder.expect("a folder"));
    let mut paths: Vec<_> = files.map(|entry| entry.expect("a file").path()).collect();
    paths.sort_unstable();
    let frames = frames::corpus_of_all().into_iter().map(|frame| frame.text.into_bytes());
    paths.iter().map(|path| std::fs::read(path).expect("a file")).chain(frames).collect()
}

/// The words of the fuzzers' dictionary.
fn words() -> Vec<Vec<u8>> {
    let quoted = include_str!("../fuzz/frames.dict").lines().filter_map(|line| line.trim().strip_prefix('"'));
    quoted.map(|word| word.trim_end_matches('"').replace("\\\"", "\"").into_bytes()).collect()
}

/// Changes a place of an input: removes, repeats or moves a part, or puts a byte, a word or a part of another there.
fn change(input: &mut Vec<u8>, bases: &[Vec<u8>], words: &[Vec<u8>], random: &mut Random) {
    let part = |of: &[u8], random: &mut Random| {
        let begin = random.below(of.len() + 1);
        let length = random.below((of.len() - begin).min(40) + 1);
        begin..begin + length
    };
    let at = part(input, random);
    let new = match random.below(7) {
        0 => Vec::new(),
        1 => [&input[at.clone()], &input[at.clone()]].concat(),
        2 => input[part(input, random)].to_vec(),
        3 => vec![*random.pick(b"\"{}[],:\\-.0129eE\n \x00\xff")],
        4 => random.pick(words).clone(),
        5 => [&input[at.clone()], random.pick(words).as_slice()].concat(),
        _ => {
            let other = random.pick(bases);
            other[part(other, random)].to_vec()
        }
    };
    input.splice(at, new);
}

/// Random inputs of machines.
#[test]
fn random_inputs() {
    for seed in 0..1_000 {
        let mut random = Random(seed);
        let bytes: Vec<u8> = (0..80).map(|_| random.next() as u8).collect();
        targets::lifecycle(&bytes);
    }
}

/// Lives of clients of one link, most of them long. Scenario L-112: whatever comes, and in whatever order the core
/// is called, it does not panic.
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
