//! What is counted, not timed: the instructions that decoding a frame takes, under callgrind.
//!
//! `.ci/counts` runs this for each kind of frame and compares with `tests/bench/counts.txt`. Without an argument it
//! prints the kinds; with one it decodes the frames of that kind in the function `counted`, and prints how many.

#[path = "../support/mod.rs"]
mod support;

mod inputs;

use std::hint::black_box;

use gemini_ws::{Endpoint, Event, Message, Replay, Scratch, decode};
use inputs::Input;

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    for input in inputs::made().into_iter().chain(reversed()) {
        match &wanted {
            None => println!("{}", input.name),
            Some(wanted) if *wanted == input.name => {
                let mut scratch = Scratch::new();
                // Once before, so that the scratch has its size.
                decode_all(&input, &mut scratch);
                counted(&input, &mut scratch);
                println!("{}", input.frames.len());
            }
            Some(_) => {}
        }
    }
}

/// Frames whose members come in the reversed order.
fn reversed() -> impl Iterator<Item = Input> {
    const KINDS: [(&str, &str); 7] = [
        ("ticker", "ticker, reversed"),
        ("trade", "trade, reversed"),
        ("depth, 10 + 10 levels", "depth, 10 + 10 levels, reversed"),
        ("acknowledgement", "acknowledgement, reversed"),
        ("order update", "order update, reversed"),
        ("balances, 3 assets", "balances, 3 assets, reversed"),
        ("v2 trade", "v2 trade, reversed"),
    ];
    inputs::made().into_iter().filter_map(|mut input| {
        input.name = KINDS.iter().find(|(name, _)| *name == input.name)?.1;
        for (_, frame) in &mut input.frames {
            *frame = inputs::reversed(frame);
        }
        Some(input)
    })
}

#[inline(never)]
fn counted(input: &Input, scratch: &mut Scratch) {
    decode_all(input, scratch);
    // So that it stays a function of its own.
    black_box(());
}

fn decode_all(input: &Input, scratch: &mut Scratch) {
    for (_, frame) in &input.frames {
        if input.endpoint == Endpoint::Streams {
            let decoded = decode(black_box(frame), scratch);
            assert!(black_box(&decoded).is_ok());
            if let Ok(Message::BalanceUpdate(update)) = &decoded {
                for balance in update.balances {
                    black_box(&balance);
                }
            }
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
