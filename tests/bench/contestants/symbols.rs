//! Compares the times of frames of a thousand symbols, in random order, with those of as many frames of one symbol.

use std::collections::HashMap;
use std::fmt::Write;
use std::hint::black_box;
use std::time::{Duration, Instant as Wall};

use gemini_ws::{Books, Endpoint, Message, Replay, Scratch, decode};

use crate::contestants::{Contestant, Sorted};
use crate::random::Random;
use crate::whole::Whole;

/// How long all keepers together run for one kind of frames.
const ROW: Duration = Duration::from_millis(1_500);
const SYMBOLS: usize = 1_000;
/// How many levels each side of each book has.
const LEVELS: usize = 100;

/// The kinds of frames: the name, the minimum number of levels that a frame changes, and how many further levels it
/// may change.
const SHAPES: [(&str, usize, usize); 3] =
    [("frames of 1 level", 1, 0), ("frames of 1 to 7 levels", 1, 6), ("frames of 20 levels", 20, 0)];

trait Keeper {
    fn take(&mut self, frame: &str);

    /// If the keeper has a client, performs the client's outputs.
    fn drain(&mut self) {}

    /// Returns the number of current books. [`Plain`] does not know which books are current, and counts all.
    fn live(&self) -> usize;
}

/// The name of a kind of keeper, and a function that creates one for these symbols.
type Make = (&'static str, fn(&[String]) -> Box<dyn Keeper>);

const KEEPERS: [Make; 3] = [
    ("Client + Books", |symbols| Box::new(Whole::new(symbols.iter().map(String::as_str)))),
    ("Replay + Books", |_| Box::new(Replayed::default())),
    ("decode + HashMap, Vec", |_| Box::new(Plain::default())),
];

impl Keeper for Whole {
    fn take(&mut self, frame: &str) {
        Whole::take(self, frame);
    }

    fn drain(&mut self) {
        Whole::drain(self);
    }

    fn live(&self) -> usize {
        Whole::live(self)
    }
}

/// Decodes frames with a [`Replay`], which needs no client, and applies the events to books.
struct Replayed(Replay, Scratch, Books);

impl Default for Replayed {
    fn default() -> Replayed {
        Replayed(Replay::new(Endpoint::Streams), Scratch::new(), Books::new())
    }
}

impl Keeper for Replayed {
    fn take(&mut self, frame: &str) {
        let Replayed(replay, scratch, books) = self;
        if let Some(event) = replay.event(frame, scratch).expect("a frame") {
            black_box(books.apply(&event));
        }
    }

    fn live(&self) -> usize {
        self.2.iter().filter(|(_, book)| book.live().is_some()).count()
    }
}

/// Keeps books with as little work as possible: decodes a frame, looks up the book and changes two sorted vectors. It
/// does not check whether a book is current.
#[derive(Default)]
struct Plain(Scratch, HashMap<String, Sorted>);

impl Keeper for Plain {
    fn take(&mut self, frame: &str) {
        let Ok(Message::Depth(depth)) = decode(frame, &mut self.0) else { panic!("{frame}") };
        if let Some(book) = self.1.get_mut(depth.symbol) {
            book.apply(&depth);
        } else {
            self.1.entry(depth.symbol.to_owned()).or_default().replace(&depth);
        }
    }

    fn live(&self) -> usize {
        self.1.len()
    }
}

struct Venue {
    random: Random,
    symbols: Vec<String>,
    /// The last update id of each symbol.
    last: Vec<u64>,
}

impl Venue {
    fn new(symbols: Vec<String>) -> Venue {
        let last = vec![1_000_000_000; symbols.len()];
        Venue { random: Random(7), symbols, last }
    }

    fn frame(&mut self, text: &mut String, symbol: usize, bids: &str, asks: &str, ids: u64) {
        let (name, first) = (&self.symbols[symbol], self.last[symbol]);
        let last = first + ids;
        self.last[symbol] = last;
        write!(
            text,
            r#"{{"e":"depthUpdate","E":1801000000000000000,"s":"{name}","U":{first},"u":{last},"b":[{bids}],"a":[{asks}]}}"#
        )
        .expect("text");
    }

    fn levels(&mut self, sign: i64, places: impl Iterator<Item = i64>, removes: bool) -> String {
        let levels = places.map(|place| {
            let price = 7_012_345 + sign * (1 + place);
            let (whole, part) = (self.random.below(10), self.random.next() % 10_000_000_000);
            let removed = removes && self.random.below(3) == 0;
            let quantity = if removed { "0.0000000000".into() } else { format!("{whole}.{part:010}") };
            format!("[\"{}.{:02}000\",\"{quantity}\"]", price / 100, price % 100)
        });
        Vec::from_iter(levels).join(",")
    }

    fn snapshots(&mut self) -> Vec<String> {
        let all = 0..self.symbols.len();
        let snapshot = |symbol| {
            let (bids, asks) =
                (self.levels(-1, 0..LEVELS as i64, false), self.levels(1, 0..LEVELS as i64, false));
            let mut text = String::new();
            self.frame(&mut text, symbol, &bids, &asks, 0);
            text
        };
        all.map(snapshot).collect()
    }

    /// Returns the text of a thousand depth updates, and where each of them ends. The updates are those of all
    /// symbols of the venue in random order, equally many of each symbol.
    fn changes(&mut self, (_, least, more): (&str, usize, usize)) -> (String, Vec<usize>) {
        let mut order: Vec<usize> = (0..SYMBOLS).map(|place| place % self.symbols.len()).collect();
        self.random.shuffle(&mut order);
        let (mut text, mut ends) = (String::new(), Vec::new());
        for symbol in order {
            let count = least + self.random.below(more + 1);
            let bids = self.random.below(count + 1);
            let places = |random: &mut Random| (random.below(4) * random.below(4)) as i64;
            let [bids, asks] = [(-1, bids), (1, count - bids)].map(|(sign, count)| {
                let places = Vec::from_iter((0..count).map(|_| places(&mut self.random)));
                self.levels(sign, places.into_iter(), true)
            });
            self.frame(&mut text, symbol, &bids, &asks, 1);
            ends.push(text.len());
        }
        (text, ends)
    }
}

/// Passes frames to a keeper. Returns the nanoseconds per frame.
fn play(keeper: &mut dyn Keeper, (text, ends): &(String, Vec<usize>)) -> f64 {
    let (start, mut from) = (Wall::now(), 0);
    for end in ends {
        keeper.take(black_box(&text[from..*end]));
        from = *end;
    }
    start.elapsed().as_nanos() as f64 / ends.len() as f64
}

/// Returns the minimum time per frame of each keeper in nanoseconds, with one symbol and with a thousand symbols.
fn race(shape: (&str, usize, usize)) -> [[f64; 2]; KEEPERS.len()] {
    let names = Vec::from_iter((0..SYMBOLS).map(|number| format!("s{number:03}usd")));
    let mut venues = [Venue::new(names[..1].to_vec()), Venue::new(names)];
    let mut keepers = KEEPERS.map(|(_, make)| venues.each_ref().map(|venue| make(&venue.symbols)));
    for (number, venue) in venues.iter_mut().enumerate() {
        for frame in venue.snapshots() {
            for keeper in keepers.iter_mut().map(|both| &mut both[number]) {
                keeper.take(&frame);
                keeper.drain();
            }
        }
    }
    let (begin, mut fastest) = (Wall::now(), [[f64::MAX; 2]; KEEPERS.len()]);
    while begin.elapsed() < ROW {
        let changes = venues.each_mut().map(|venue| [venue.changes(shape), venue.changes(shape)]);
        for (both, fastest) in keepers.iter_mut().zip(&mut fastest) {
            for ((keeper, fastest), [first, second]) in both.iter_mut().zip(fastest).zip(&changes) {
                // The first run is not timed: it fills the caches with the books of this keeper.
                play(keeper.as_mut(), first);
                *fastest = fastest.min(play(keeper.as_mut(), second));
            }
        }
    }
    let live = keepers.each_ref().map(|both| both.each_ref().map(|keeper| keeper.live()));
    assert_eq!(live, [[1, SYMBOLS]; KEEPERS.len()]);
    fastest
}

pub(crate) fn rows(wanted: &str) {
    println!("\nns per frame of depth changes, decoded and applied; books of {LEVELS} + {LEVELS} levels\n");
    println!("{:<48} {:>10} {:>14} {:>6}", "frames", "one symbol", "1,000 symbols", "ratio");
    for shape in SHAPES.into_iter().filter(|shape| shape.0.contains(wanted)) {
        for ((name, _), [one, many]) in KEEPERS.iter().zip(race(shape)) {
            println!("{:<48} {one:>10.1} {many:>14.1} {:>6.2}", format!("{}, {name}", shape.0), many / one);
        }
    }
}
