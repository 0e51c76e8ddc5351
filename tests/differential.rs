//! Compares the decoders with a general JSON parser and with the slow decoder. The inputs are the frames of the
//! corpus and changed copies of them. Each input is decoded as a frame of every endpoint.

use gemini_ws::{Endpoint, Scratch};
use testkit::parallel::on_all_cores;
use testkit::{decimals, frames, mutation, oracle, random::Random};

/// The number of changed frames. This number reaches every branch many times, within seconds.
const MUTATED: u64 = 150_000;
const DECIMALS: usize = 100_000;

#[test]
fn corpus() {
    let (mut scratch, mut wrong) = (Scratch::new(), Vec::new());
    for endpoint in Endpoint::ALL {
        for frame in frames::corpus_of(endpoint) {
            let refused = endpoint.decode(&frame.text, &mut scratch).is_err();
            if refused != frame.name.starts_with("refused.") {
                wrong.push(format!("{endpoint}: {}", frame.name));
                continue;
            }
            oracle::check_everywhere(&frame.text, &mut scratch);
            // A frame that is cut short at any byte causes an error, and never a panic.
            for end in (0..frame.text.len()).filter(|&end| frame.text.is_char_boundary(end)) {
                oracle::check_everywhere(&frame.text[..end], &mut scratch);
            }
        }
    }
    assert!(wrong.is_empty(), "refused or not, against their names: {wrong:#?}");
}

#[test]
fn changed_frames() {
    let all = Endpoint::ALL.map(|endpoint| {
        let frames: Vec<String> = frames::corpus_of(endpoint).into_iter().map(|frame| frame.text).collect();
        frames
    });
    on_all_cores(0..MUTATED, Scratch::new, |scratch, seed| {
        let mut random = Random(seed);
        let frames = random.pick(&all);
        let other = random.pick(&all);
        let frame = mutation::mutated(frames, other, &mut random);
        oracle::check_everywhere(&frame, scratch);
    });
}

#[test]
fn decimal_arithmetic() {
    let mut random = Random(2);
    let number = |random: &mut Random| {
        let sign = if random.below(3) == 0 { "-" } else { "" };
        let whole = random.next() >> random.below(64);
        let fraction = format!("{:020}", random.next() >> random.below(64));
        match random.below(4) {
            0 => format!("{sign}{whole}"),
            1 => format!("{sign}{whole}.{}", &fraction[..1 + random.below(20)]),
            2 => format!("{sign}{}.{}00", whole % 100_000, &fraction[..1 + random.below(8)]),
            _ => format!("{sign}{}.{}", whole % 100, &fraction[20 - 1 - random.below(19)..]),
        }
    };
    for _ in 0..DECIMALS {
        decimals::check(&number(&mut random), &number(&mut random));
    }
}
