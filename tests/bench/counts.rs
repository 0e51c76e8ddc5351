//! What is counted, not timed: the instructions that decoding takes, under `valgrind --tool=callgrind`.
//!
//! `.ci/counts` runs this for each kind of frame and compares with `tests/bench/counts.txt`. By itself it decodes the
//! frames of the kind that is named, once, in the function `counted`.

#[path = "../support/mod.rs"]
mod support;

mod inputs;

use std::hint::black_box;

use gemini_ws::{Endpoint, Event, Replay, Scratch, decode};
use inputs::Input;

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    for input in inputs::made() {
        match &wanted {
            // `cargo bench` by itself: the names.
            None => println!("{}", input.name),
            Some(wanted) if *wanted == input.name => {
                let mut scratch = Scratch::new();
                // Once before, so that the scratch has its size.
                counted_not(&input, &mut scratch);
                counted(&input, &mut scratch);
                println!("{} frames", input.frames.len());
            }
            Some(_) => {}
        }
    }
}

#[inline(never)]
fn counted(input: &Input, scratch: &mut Scratch) {
    run(input, scratch);
    black_box(());
}

#[inline(never)]
fn counted_not(input: &Input, scratch: &mut Scratch) {
    run(input, scratch);
}

#[inline(always)]
fn run(input: &Input, scratch: &mut Scratch) {
    for (_, frame) in &input.frames {
        if input.endpoint == Endpoint::Streams {
            let decoded = decode(black_box(frame), scratch);
            assert!(black_box(&decoded).is_ok());
            continue;
        }
        let decoded = Replay::new(input.endpoint).event(black_box(frame), scratch);
        let Ok(event) = black_box(&decoded) else { panic!("{frame}") };
        if let Some(event @ Event::Batch(..)) = event {
            for event in event.parts() {
                black_box(&event);
            }
        }
    }
}
