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
    match std::env::args().skip(1).find(|argument| !argument.starts_with('-')) {
        None => names().for_each(|name| println!("{name}")),
        Some(name) => println!("{}", count(&name)),
    }
}

fn names() -> impl Iterator<Item = String> {
    let decoded = inputs::names().map(str::to_owned).chain(REVERSED.map(|name| format!("{name}, reversed")));
    let whole = WHOLE.map(|name| format!("{name}, client and books"));
    let loads = ORDERS.iter().flat_map(|(order, _)| SIZES.map(|size| format!("load {size}, {order}")));
    decoded.chain(whole).chain(loads)
}

/// Does what `name` says in a function that callgrind counts. Returns the number of frames or levels. Makes no other
/// frames, because callgrind also runs what it does not count, about fifty times slower.
fn count(name: &str) -> usize {
    if let Some(of) = name.strip_suffix(", client and books") {
        return count_whole(&named(of));
    }
    if let Some((order, of)) = ORDERS.iter().find(|(order, _)| name.ends_with(&format!(", {order}"))) {
        let size = SIZES.into_iter().find(|size| name == format!("load {size}, {order}"));
        return load(size.expect("a size"), *of);
    }
    let reversed = name.strip_suffix(", reversed").map(|of| reversed_input(named(of)));
    let input = reversed.unwrap_or_else(|| named(name));
    let mut scratch = Scratch::new();
    // The first run, which is not counted, grows the scratch to its full size.
    decode_all(&input, &mut scratch);
    counted(&input, &mut scratch);
    input.frames.len()
}

fn named(name: &str) -> Input {
    inputs::named(name).unwrap_or_else(|| panic!("no row has the name {name}"))
}

/// Passes the second half of the frames through a client to a book.
fn count_whole(input: &Input) -> usize {
    // The run over the first half, which is not counted, grows all memory to its full size.
    let (first, second) = input.frames.split_at(input.frames.len() / 2);
    let mut whole = Whole::new(std::iter::once("btcusd"));
    take_all(&mut whole, first);
    counted_whole(&mut whole, second);
    assert_eq!(whole.live(), 1, "the frames do not follow each other");
    second.len()
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
const SIZES: [usize; 2] = [2_500, 20_000];

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
fn load(size: usize, price: Order) -> usize {
    let count = size as u64;
    let levels: Vec<String> =
        (0..count).map(|number| format!("[\"{}\",\"1\"]", price(number, count))).collect();
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

/// The kinds of frames that are also decoded with their members in reversed order.
const REVERSED: [&str; 7] = [
    "ticker",
    "trade",
    "depth, 10 + 10 levels",
    "order update",
    "balances, 3 assets",
    "acknowledgement",
    "v2 trade",
];

fn reversed_input(mut input: Input) -> Input {
    for (_, frame) in &mut input.frames {
        *frame = reversed::reversed(frame);
    }
    input
}

#[inline(never)]
fn counted(input: &Input, scratch: &mut Scratch) {
    decode_all(input, scratch);
    // Without this the compiler could merge the function with the one that it calls, and callgrind would miss it.
    black_box(());
}

fn decode_all(input: &Input, scratch: &mut Scratch) {
    let mut replay = Replay::new(input.endpoint);
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
        let decoded = replay.event(black_box(frame), scratch);
        let Ok(event) = black_box(&decoded) else { panic!("{frame}") };
        if let Some(event @ Event::Batch(..)) = event {
            for event in event.parts() {
                black_box(&event);
            }
        }
    }
}
