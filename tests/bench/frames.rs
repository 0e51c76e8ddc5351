//! Compares gemini-ws with other JSON readers, for every kind of frame: the time to decode the frame, and the time to
//! decode it into a book.
//!
//! `cargo bench --bench frames` prints one table; a word after `--` selects the rows whose names contain it. The
//! rivals are other JSON readers: they know the kind of each frame in advance, and decode into derived types with
//! borrowed texts and `rust_decimal` numbers. `memchr` searches each frame for a byte that the frame does not
//! contain. Before the benchmark times a row, it checks that all JSON readers decode the same values. The contestants
//! of a row run in turns, so that other load on the machine affects all of them.

mod book;
mod facts;
mod inputs;
mod maker;
mod ours;
mod race;
#[path = "../support/random.rs"]
#[allow(dead_code, unreachable_pub, reason = "other users need the rest")]
mod random;
mod recordings;
mod reversed;
mod rival;
mod types;
mod values;

use std::env;
use std::hint::black_box;

use gemini_ws::Scratch;

use book::Books;
use inputs::{Input, Kind, Way};
use ours::{Keeper, Memory, OrderBooks, Whole};
use race::{Times, race};
use reversed::reversed;
use rival::{Look, Parser, SerdeJson, SimdJson, SonicRs};

type Contestant<'i> = Box<dyn FnMut() + 'i>;

/// The index of gemini-ws among the contestants of a row. The next constants are the indices of the other contestants
/// without a book.
const OURS: usize = 0;
const SERDE: usize = 1;
const SONIC: usize = 2;
const SIMD: usize = 3;
const FLOOR: usize = 4;
const REVERSED: usize = 5;
/// The index of the first contestant with a book. The contestants with a book have the order of `OURS` to `SIMD`.
const BOOK: usize = 6;

/// The maximum ratio of the decoding times of reversed members and of members in the usual order. Above it, the
/// benchmark prints a remark.
const REVERSED_MAX: f64 = 1.5;
/// The goal for the time from a recorded frame to its book, as a fraction of the time of `serde_json`.
const WHOLE_MAX: f64 = 1.0 / 3.0;

fn main() {
    let word = env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let is_selected = |input: &Input| word.as_ref().is_none_or(|word| input.name.contains(word.as_str()));
    println!("Nanoseconds per frame, medians; the times of others as multiples of those of gemini-ws.\n");
    println!(
        "| {:<26} | {:>6} | {:>8} | {:>10} | {:>9} | {:>8} | {:>9} | {:>8} | {:>8} | {:>10} | {:>10} | {:>8} | {:>9} |",
        "frame",
        "bytes",
        "decode",
        "serde_json",
        "sonic-rs",
        "simd-json",
        "memchr",
        "fastest",
        "reversed",
        "with book",
        "serde_json",
        "sonic-rs",
        "simd-json"
    );
    println!("|---|{}", "--:|".repeat(12));
    let mut remarks = Vec::new();
    for input in inputs::made().into_iter().chain([bare_snapshot()]).chain(recordings::inputs()) {
        if is_selected(&input) {
            remarks.extend(row(&input));
        }
    }
    println!();
    remarks.iter().for_each(|remark| println!("{remark}"));
}

/// Returns a row with the same frames as the row of snapshots. In this row the rivals keep numbers as text, and no
/// contestant changes a book.
fn bare_snapshot() -> Input {
    let snapshot = inputs::made().into_iter().find(|input| input.name.starts_with("snapshot"));
    let mut input = snapshot.expect("the row");
    input.name = "snapshot, rivals' as text";
    input.way = Way::None;
    input.frames.iter_mut().for_each(|(kind, _)| *kind = Kind::BareDepth);
    input
}

/// Times the contestants of a row, and prints the row. Returns remarks to print below the table.
fn row(input: &Input) -> Vec<String> {
    let other_way: Vec<(Kind, String)> =
        input.frames.iter().map(|(kind, frame)| (*kind, reversed(frame))).collect();
    compare_values(input, &other_way);
    compare_books(input);
    let mut contestants = decoders(input, &other_way);
    contestants.extend(keepers(input));
    let times = race(&mut contestants, input.frames.len());
    print_row(input, &times);

    let mut remarks = Vec::new();
    if times.ratio(REVERSED, OURS) > REVERSED_MAX {
        remarks.push(format!(
            "{}: reversed members cost more than {REVERSED_MAX} times the usual order",
            input.name
        ));
    }
    if input.way == Way::Whole && input.name.starts_with("recording") {
        let part = times.ratio(BOOK, BOOK + SERDE);
        remarks.push(format!(
            "{}: the whole way takes {part:.2} of the time of serde_json and a sorted vector (bar: {WHOLE_MAX:.2})",
            input.name
        ));
    }
    remarks
}

fn print_row(input: &Input, times: &Times) {
    let bytes: usize = input.frames.iter().map(|(_, frame)| frame.len()).sum();
    let rivals = [SERDE, SONIC, SIMD].map(|rival| times.ratio(rival, OURS));
    let fastest = rivals.into_iter().fold(f64::MAX, f64::min);
    print!("| {:<26} | {:>6} | {:>8.1} |", input.name, bytes / input.frames.len(), times.median(OURS));
    print!(" {:>10.2} | {:>9.2} | {:>8.2} |", rivals[0], rivals[1], rivals[2]);
    print!(" {:>9.2} | {fastest:>8.2} | {:>8.2} |", times.ratio(FLOOR, OURS), times.ratio(REVERSED, OURS));
    if input.way == Way::None {
        println!(" {:>10} | {:>10} | {:>8} | {:>9} |", "", "", "", "");
        return;
    }
    let rivals = [SERDE, SONIC, SIMD].map(|rival| times.ratio(BOOK + rival, BOOK));
    let own = times.median(BOOK);
    println!(" {own:>10.1} | {:>10.2} | {:>8.2} | {:>9.2} |", rivals[0], rivals[1], rivals[2]);
}

// ---- the contestants ---------------------------------------------------------------------------

/// Returns the contestants without a book, in the order of their indices. `other_way` contains the frames with
/// reversed members.
fn decoders<'i>(input: &'i Input, other_way: &'i [(Kind, String)]) -> Vec<Contestant<'i>> {
    vec![
        ours(input, &input.frames),
        decoder::<SerdeJson>(input),
        decoder::<SonicRs>(input),
        decoder::<SimdJson>(input),
        Box::new(|| {
            for (_, frame) in &input.frames {
                black_box(memchr::memchr(0, black_box(frame).as_bytes()));
            }
        }),
        ours(input, other_way),
    ]
}

fn ours<'i>(input: &'i Input, frames: &'i [(Kind, String)]) -> Contestant<'i> {
    let mut memory = Memory::default();
    Box::new(move || {
        for (kind, frame) in frames {
            ours::decode(input.endpoint, *kind, frame, &mut memory);
        }
    })
}

fn decoder<'i, P: Parser + 'i>(input: &'i Input) -> Contestant<'i> {
    let mut parser = P::default();
    Box::new(move || {
        for (kind, frame) in &input.frames {
            rival::decode(&mut parser, *kind, black_box(frame), &mut Look);
        }
    })
}

/// Returns the contestants with a book; none if the input changes no book.
fn keepers(input: &Input) -> Vec<Contestant<'_>> {
    if input.way == Way::None {
        return Vec::new();
    }
    let mut own = keeper(input);
    vec![
        Box::new(move || own.take(input)),
        book_keeper::<SerdeJson>(input),
        book_keeper::<SonicRs>(input),
        book_keeper::<SimdJson>(input),
    ]
}

fn keeper(input: &Input) -> Box<dyn Keeper> {
    match input.way {
        Way::Direct => Box::new(OrderBooks::default()),
        _ => Box::new(Whole::default()),
    }
}

fn book_keeper<'i, P: Parser + 'i>(input: &'i Input) -> Contestant<'i> {
    let (mut parser, mut books) = (P::default(), Books::new());
    Box::new(move || {
        for (kind, frame) in &input.frames {
            rival::decode(&mut parser, *kind, black_box(frame), &mut books);
        }
    })
}

// ---- comparing values --------------------------------------------------------------------------

/// Panics unless all JSON readers decode the same values from every frame.
fn compare_values(input: &Input, other_way: &[(Kind, String)]) {
    let mut scratch = Scratch::new();
    for ((kind, frame), (_, turned)) in input.frames.iter().zip(other_way) {
        let own = facts::of(input.endpoint, *kind, frame, &mut scratch);
        let turned = facts::of(input.endpoint, *kind, turned, &mut scratch);
        assert_eq!(own, turned, "members reversed: {frame}");
        assert_eq!(own, values_of::<SerdeJson>(*kind, frame), "serde_json: {frame}");
        assert_eq!(own, values_of::<SonicRs>(*kind, frame), "sonic-rs: {frame}");
        assert_eq!(own, values_of::<SimdJson>(*kind, frame), "simd-json: {frame}");
    }
}

fn values_of<P: Parser>(kind: Kind, frame: &str) -> Vec<String> {
    let mut values = Vec::new();
    rival::decode(&mut P::default(), kind, frame, &mut values);
    values
}

/// Panics unless all contestants have the same books at the end.
fn compare_books(input: &Input) {
    if input.way == Way::None {
        return;
    }
    let mut own = keeper(input);
    // Apply the frames twice, because a race applies the same frames to the same book many times.
    (0..2).for_each(|_| own.take(input));
    let mut own = own.levels();
    own.sort_unstable();
    for (name, mut rival) in [
        ("serde_json", levels_of::<SerdeJson>(input)),
        ("sonic-rs", levels_of::<SonicRs>(input)),
        ("simd-json", levels_of::<SimdJson>(input)),
    ] {
        rival.sort_unstable();
        assert_eq!(own, rival, "{name}, {}", input.name);
    }
}

fn levels_of<P: Parser>(input: &Input) -> Vec<[ours::Levels; 2]> {
    let (mut parser, mut books) = (P::default(), Books::new());
    for (kind, frame) in input.frames.iter().chain(&input.frames) {
        rival::decode(&mut parser, *kind, frame, &mut books);
    }
    let sides = books.into_iter().map(|(_, book)| [book.bids, book.asks]);
    let shown = |(price, quantity): (rust_decimal::Decimal, rust_decimal::Decimal)| {
        (price.normalize().to_string(), quantity.normalize().to_string())
    };
    sides.map(|sides| sides.map(|side| side.into_iter().rev().map(shown).collect())).collect()
}
