//! The program whose instructions callgrind counts: it decodes the frames of one kind, passes frames through a client
//! to a book, or loads one snapshot into a book.
//!
//! `.ci/counts` runs the program for each kind of frame and each snapshot, and compares the counts with
//! `tests/bench/counts.txt`. Without an argument the program prints the names of the kinds and snapshots. With a name
//! it decodes those frames in the function `counted`, passes them to a client in `counted_whole`, or loads that
//! snapshot in `counted_load`, and prints how many frames or levels there were.

#[allow(dead_code, reason = "other users need the rest")]
mod inputs;
mod maker;
#[path = "../support/random.rs"]
#[allow(dead_code, unreachable_pub, reason = "other users need the rest")]
mod random;
mod reversed;
mod whole;

use std::hint::black_box;

use gemini_ws::{Depth, Endpoint, Event, Message, OrderBook, Replay, Scratch, decode};
use inputs::{Input, Kind};
use whole::Whole;

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    for input in inputs::made().into_iter().chain(reversed_inputs()) {
        match &wanted {
            None => println!("{}", input.name),
            Some(wanted) if *wanted == input.name => {
                let mut scratch = Scratch::new();
                // The first run, which is not counted, grows the scratch to its full size.
                decode_all(&input, &mut scratch);
                counted(&input, &mut scratch);
                println!("{}", input.frames.len());
            }
            Some(_) => {}
        }
    }
    for input in inputs::made() {
        let name = format!("{}, client and books", input.name);
        match &wanted {
            _ if !WHOLE.contains(&input.name) => {}
            None => println!("{name}"),
            Some(wanted) if *wanted == name => {
                // The run over the first half, which is not counted, grows all memory to its full size.
                let (first, second) = input.frames.split_at(input.frames.len() / 2);
                let mut whole = Whole::new(std::iter::once("btcusd"));
                take_all(&mut whole, first);
                counted_whole(&mut whole, second);
                assert_eq!(whole.live(), 1, "the frames do not follow each other");
                println!("{}", second.len());
            }
            Some(_) => {}
        }
    }
    for (order, of) in ORDERS {
        for size in SIZES {
            let name = format!("load {size}, {order}");
            match &wanted {
                None => println!("{name}"),
                Some(wanted) if *wanted == name => println!("{}", load(size, of)),
                Some(_) => {}
            }
        }
    }
}

/// The kinds of frames that also pass through a client to a book.
const WHOLE: [&str; 2] = ["depth, 1 level", "depth, 10 + 10 levels"];

fn take_all(whole: &mut Whole, frames: &[(Kind, String)]) {
    for (_, frame) in frames {
        whole.take(black_box(frame));
    }
}

#[inline(never)]
fn counted_whole(whole: &mut Whole, frames: &[(Kind, String)]) {
    take_all(whole, frames);
    // Without this the compiler could merge the function with the one that it calls, and callgrind would miss it.
    black_box(());
}

/// How many levels a snapshot has.
const SIZES: [u64; 2] = [2_500, 20_000];

/// An order of the levels in a snapshot: a function that returns a level's price from its number and the number of
/// levels.
type Order = fn(u64, u64) -> u64;

const ORDERS: [(&str, Order); 6] = [
    ("sorted", |number, size| size - number),
    ("worst first", |number, _| number + 1),
    ("each price twice", |number, size| size - number / 2),
    ("sawtooth", |number, _| number % 50 * 1_000 + number / 50 + 1),
    ("one price", |_, _| 1),
    // Multiplication by an odd number modulo 2²⁰ gives each level a different price.
    ("unsorted", |number, _| (number * 0x9_e377) % (1 << 20) + 1),
];

/// Loads a snapshot into a book. Returns the number of its levels.
fn load(size: u64, price: Order) -> u64 {
    let levels: Vec<String> =
        (0..size).map(|number| format!("[\"{}\",\"1\"]", price(number, size))).collect();
    let levels = levels.join(",");
    let frame = format!(r#"{{"e":"depthUpdate","E":1,"s":"btcusd","U":1,"u":1,"b":[{levels}],"a":[]}}"#);
    let mut scratch = Scratch::new();
    let Ok(Message::Depth(depth)) = decode(&frame, &mut scratch) else { panic!("{frame}") };
    let mut book = OrderBook::new();
    // The first load, which is not counted, grows the book to its full size.
    book.replace(&depth);
    counted_load(&mut book, &depth);
    size
}

#[inline(never)]
fn counted_load(book: &mut OrderBook, snapshot: &Depth<'_>) {
    book.replace(black_box(snapshot));
    // Without this the compiler could merge the function with the one that it calls, and callgrind would miss it.
    black_box(());
}

/// Returns copies of some inputs, with the members of their frames in reversed order.
fn reversed_inputs() -> impl Iterator<Item = Input> {
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
            *frame = reversed::reversed(frame);
        }
        Some(input)
    })
}

#[inline(never)]
fn counted(input: &Input, scratch: &mut Scratch) {
    decode_all(input, scratch);
    // Without this the compiler could merge the function with the one that it calls, and callgrind would miss it.
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
