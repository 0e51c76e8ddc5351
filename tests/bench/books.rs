//! Compares the times of `OrderBook` with those of books made of a `BTreeMap` and of a sorted `Vec`, and the times of
//! frames of a thousand symbols with those of frames of one symbol.
//!
//! `cargo bench --bench books` prints everything; `cargo bench --bench books -- frames` prints the rows whose name
//! contains `frames`. In each row, the contestants run in turns, so that other load on the machine affects all of
//! them, and the row shows the fastest batch of each. All contestants use the library's decimals, so that they differ
//! only in their structure.

#[path = "../support/random.rs"]
#[allow(dead_code, unreachable_pub, reason = "what other targets use")]
mod random;

mod contestants;
mod whole;

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use contestants::{Contestant, Map, Sorted};
use gemini_ws::{Decimal, Depth, Level, Message, OrderBook, decode};
use random::Random;

/// For how long the benchmark runs each row of the table.
const ROW: Duration = Duration::from_millis(400);
/// The sizes of the books: how many levels each side has.
const SIZES: [usize; 4] = [100, 1_000, 5_000, 20_000];
/// The maximum number of levels on each side in a batch of changes.
const CHANGES: usize = 1_024;
/// How many levels a frame of changes has on each side.
const FRAME: usize = 2;

/// The operations, in the order of their rows. Each returns how long it took, and how many levels it applied.
const OPERATIONS: [(&str, Operation); 8] = [
    ("snapshot, sorted", |book, work| replace(book, &work.sorted)),
    ("snapshot, worst first", |book, work| replace(book, &work.reversed)),
    ("snapshot, unsorted", |book, work| replace(book, &work.shuffled)),
    ("snapshot, each price twice", |book, work| replace(book, &work.doubled)),
    ("change near the top", |book, work| change(book, &work.near)),
    ("change anywhere", |book, work| change(book, &work.deep)),
    ("removal anywhere", remove),
    ("best price", best),
];

type Operation = fn(&mut dyn Contestant, &Work) -> (Duration, usize);

#[derive(Debug, Default)]
struct Levels([Vec<Level>; 2]);

/// The levels that the operations apply to a book of one size.
#[derive(Debug)]
struct Work {
    sorted: Levels,
    reversed: Levels,
    shuffled: Levels,
    doubled: Levels,
    near: Levels,
    deep: Levels,
    removed: Levels,
    restored: Levels,
}

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    println!("ns per level, or per look at both best prices; the fastest of many batches\n");
    println!(
        "{:<28} {:>7} | {:>10} {:>10} {:>10}",
        "operation", "levels", "OrderBook", "BTreeMap", "sorted Vec"
    );
    for (name, operation) in OPERATIONS.into_iter().filter(|(name, _)| name.contains(&wanted)) {
        for size in SIZES {
            let [ours, map, sorted] = row(operation, &Work::new(size));
            println!("{name:<28} {size:>7} | {ours:>10.2} {map:>10.2} {sorted:>10.2}");
        }
    }
    contestants::symbols::rows(&wanted);
}

fn row(operation: Operation, work: &Work) -> [f64; 3] {
    let (mut book, mut map, mut sorted) = (OrderBook::new(), Map::default(), Sorted::default());
    let mut contestants: [&mut dyn Contestant; 3] = [&mut book, &mut map, &mut sorted];
    for contestant in &mut contestants {
        replace(*contestant, &work.sorted);
    }
    let (start, mut fastest) = (Instant::now(), [f64::MAX; 3]);
    while start.elapsed() < ROW {
        for (contestant, fastest) in contestants.iter_mut().zip(&mut fastest) {
            // The operation runs twice: before its first run, the caches contain the books of the other contestants.
            for (took, levels) in [operation(*contestant, work), operation(*contestant, work)] {
                *fastest = fastest.min(took.as_nanos() as f64 / levels as f64);
            }
        }
        let levels = contestants.each_ref().map(|contestant| contestant.levels());
        assert!(levels.iter().all(|other| *other == levels[0]), "{levels:?}");
        let best = contestants.each_ref().map(|contestant| contestant.best());
        assert!(best.iter().all(|other| *other == best[0]), "{best:?}");
    }
    fastest
}

// ---- the operations ------------------------------------------------------------------------

/// Replaces the book by a snapshot. Repeats this for a small snapshot, because the clock cannot measure a short time
/// well.
fn replace(book: &mut dyn Contestant, levels: &Levels) -> (Duration, usize) {
    let (snapshot, Levels([bids, asks])) = (levels.frame(0..usize::MAX), levels);
    let rounds = 2_000_usize.div_ceil(bids.len());
    let start = Instant::now();
    (0..rounds).for_each(|_| book.replace(black_box(&snapshot)));
    (start.elapsed(), rounds * (bids.len() + asks.len()))
}

fn change(book: &mut dyn Contestant, levels: &Levels) -> (Duration, usize) {
    let Levels([bids, asks]) = levels;
    let frames: Vec<Depth<'_>> =
        (0..bids.len()).step_by(FRAME).map(|first| levels.frame(first..first + FRAME)).collect();
    let start = Instant::now();
    frames.iter().for_each(|frame| book.apply(black_box(frame)));
    (start.elapsed(), bids.len() + asks.len())
}

/// Removes levels that the book has, and then restores them. Only the removal is timed.
fn remove(book: &mut dyn Contestant, work: &Work) -> (Duration, usize) {
    let took = change(book, &work.removed);
    change(book, &work.restored);
    took
}

fn best(book: &mut dyn Contestant, _: &Work) -> (Duration, usize) {
    let start = Instant::now();
    for _ in 0..CHANGES {
        black_box(black_box(&*book).best());
    }
    (start.elapsed(), CHANGES)
}

// ---- the levels ----------------------------------------------------------------------------

impl Levels {
    /// Creates levels at the given places of each side. Place 0 is the nearest to the mid.
    fn new(places: &[[usize; 2]], mut quantity: impl FnMut() -> i64) -> Levels {
        let mut levels = Levels::default();
        for place in places {
            for ((side, sign), place) in levels.0.iter_mut().zip([-1, 1]).zip(place) {
                let price = 7_000_000 + sign * (1 + *place as i64);
                let price = Decimal::new(price * 1_000, 5).expect("a price");
                side.push(Level { price, quantity: Decimal::new(quantity(), 10).expect("a quantity") });
            }
        }
        levels
    }

    fn frame(&self, range: std::ops::Range<usize>) -> Depth<'_> {
        let mut frame: Depth<'_> = *EMPTY;
        let Levels([bids, asks]) = self;
        let range = range.start..range.end.min(bids.len());
        (frame.bids, frame.asks) = (&bids[range.clone()], &asks[range]);
        frame
    }
}

/// A frame without levels. It has no update ids, so a book applies it after any other frame.
static EMPTY: LazyLock<Depth<'static>> = LazyLock::new(|| {
    let text = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":1,"u":1,"b":[],"a":[]}"#;
    let Ok(Message::Depth(mut frame)) = decode(text, Box::leak(Box::default())) else { panic!("{text}") };
    (frame.first_update_id, frame.last_update_id) = (None, None);
    frame
});

impl Work {
    /// Creates the levels for books with `size` levels on each side. The levels are at even places, and the odd
    /// places are free.
    fn new(size: usize) -> Work {
        let mut random = Random(7);
        let places: Vec<[usize; 2]> = (0..size).map(|place| [2 * place; 2]).collect();
        let mut shuffled = places.clone();
        random.shuffle(&mut shuffled);
        let mut doubled = [places.clone(), places.clone()].concat();
        random.shuffle(&mut doubled);
        let mut backwards = places.clone();
        backwards.reverse();
        // Half of these changes are at place 0, a quarter at place 1, an eighth at place 2, and so on.
        let near = |random: &mut Random| (random.next() | 1 << 40).trailing_zeros() as usize;
        let near = Vec::from_iter((0..CHANGES).map(|_| [near(&mut random), near(&mut random)]));
        let removed = &shuffled[..CHANGES.min(size / 4)];
        let mut quantity = quantities(8);
        let mut some = || quantity().max(1);
        let mut changed = quantities(9);
        Work {
            sorted: Levels::new(&places, &mut some),
            reversed: Levels::new(&backwards, &mut some),
            shuffled: Levels::new(&shuffled, &mut some),
            doubled: Levels::new(&doubled, &mut some),
            near: Levels::new(&near, &mut changed),
            deep: deep(&shuffled, &mut random),
            removed: Levels::new(removed, || 0),
            restored: Levels::new(removed, &mut some),
        }
    }
}

/// Returns changes at random places. One third of them adds levels, one third removes levels, and one third
/// overwrites levels. The second half of the changes restores the prices that the first half changed, so that every
/// batch starts with the same prices.
fn deep(shuffled: &[[usize; 2]], random: &mut Random) -> Levels {
    let (third, mut some) = ((CHANGES / 6).min(shuffled.len() / 3), quantities(10));
    let mut halves = [Vec::new(), Vec::new()];
    for (number, &[even, _]) in shuffled.iter().take(3 * third).enumerate() {
        let (place, quantities) = match number % 3 {
            0 => (even + 1, [1, 0]),
            1 => (even, [0, 1]),
            _ => (even, [1, 1]),
        };
        for (half, is_there) in halves.iter_mut().zip(quantities) {
            half.push((place, is_there * some().max(1)));
        }
    }
    halves.iter_mut().for_each(|half| random.shuffle(half));
    let changes = halves.concat();
    let mut quantities = changes.iter().flat_map(|(_, quantity)| [*quantity; 2]);
    let places = Vec::from_iter(changes.iter().map(|(place, _)| [*place; 2]));
    Levels::new(&places, || quantities.next().unwrap_or(1))
}

/// Returns a source of quantities. Half of the quantities are zero and remove a level, so that a side keeps its size.
fn quantities(seed: u64) -> impl FnMut() -> i64 {
    let mut random = Random(seed);
    move || {
        let number = random.next();
        if number.is_multiple_of(2) { 0 } else { (number >> 30) as i64 + 1 }
    }
}
