//! Decoding, and decoding into a book, beside the kindest use of serde_json: derived types whose
//! kind of frame is known in advance, borrowed names and `rust_decimal` numbers.
//!
//! One run prints everything. The contestants take turns within each row, so that whatever else
//! the machine does hits all of them, and the fastest batch of each counts. Run `cargo bench`, or
//! `cargo bench -- depth` for the rows whose name has `depth` in it.

#[path = "../support/mod.rs"]
mod support;

mod inputs;
mod rival;

use std::env;
use std::hint::black_box;
use std::time::{Duration, Instant};

use gemini_ws::{Applied, Endpoint, Event, Message, OrderBook, Replay, Scratch, decode};
use inputs::{Input, Kind};
use support::frames;

/// Time for one row.
const ROW: Duration = Duration::from_millis(2500);
/// Time of one batch: long against the clock's resolution, short against a scheduler's slice.
const BATCH: Duration = Duration::from_micros(400);

fn main() {
    let wanted = env::args().skip(1).find(|argument| !argument.starts_with('-'));
    println!("ns per frame, the fastest of many batches; ratio: serde_json typed / gemini-ws\n");
    println!(
        "{:<26} {:>6} {:>9} | {:>9} {:>9} {:>6} | {:>9} {:>9} {:>6} | {:>9}",
        "frame", "frames", "bytes", "decode", "serde", "ratio", "+ book", "serde", "ratio", "unknown"
    );
    let recording = frames::recordings(|name| name == "dev_ws_gemini_perps.jsonl");
    let recording = recording
        .into_iter()
        .flatten()
        .map(|recording| Input::new("recording", recording.lines().map(|(_, frame)| frame.to_string())));
    for input in inputs::made().into_iter().chain(recording) {
        if wanted.as_ref().is_none_or(|wanted| input.name.contains(wanted.as_str())) {
            row(&input);
        }
    }
    println!(
        "\n\"unknown\": serde_json where the kind of frame is not known in advance (an untagged probe first)"
    );
}

fn row(input: &Input) {
    let has_book = input.frames.iter().any(|(kind, _)| *kind == Kind::Depth);
    let (mut scratch, mut scratch_of_book) = (Scratch::new(), Scratch::new());
    let (mut books, mut rival_books) = (Vec::<(String, OrderBook)>::new(), Vec::new());

    let mut ours = || {
        for (_, frame) in &input.frames {
            if input.endpoint != Endpoint::Streams {
                read_archived(input.endpoint, frame, &mut scratch);
                continue;
            }
            // Looked at where it is: a copy would be measured too.
            let decoded = decode(black_box(frame), &mut scratch);
            assert!(black_box(&decoded).is_ok());
            if let Ok(Message::BalanceUpdate(update)) = &decoded {
                for balance in update.balances {
                    black_box(&balance);
                }
            }
        }
    };
    let mut theirs = || {
        for (kind, frame) in &input.frames {
            rival::decode(*kind, black_box(frame));
        }
    };
    let mut ours_with_book = || {
        for (_, frame) in &input.frames {
            let decoded = decode(black_box(frame), &mut scratch_of_book);
            assert!(black_box(&decoded).is_ok());
            if let Ok(Message::Depth(depth)) = &decoded {
                let book = book_of(&mut books, depth.symbol);
                if depth.first_update_id == depth.last_update_id {
                    book.replace(depth);
                } else if let Applied::Gap { .. } = book.apply(depth) {
                    panic!("the frames do not follow each other");
                }
            }
        }
    };
    let mut theirs_with_book = || {
        for (kind, frame) in &input.frames {
            rival::decode_into(*kind, black_box(frame), &mut rival_books);
        }
    };
    let mut unknown = || {
        for (_, frame) in &input.frames {
            rival::decode_unknown(black_box(frame));
        }
    };

    let mut contestants: Vec<&mut dyn FnMut()> = vec![&mut ours, &mut theirs];
    let has_unknown = input.frames.iter().all(|(kind, _)| rival::can_tell(*kind));
    if has_unknown {
        contestants.push(&mut unknown);
    }
    if has_book {
        contestants.push(&mut ours_with_book);
        contestants.push(&mut theirs_with_book);
    }
    let best = race(&mut contestants, input.frames.len());

    for ((symbol, book), (_, rival)) in books.iter().zip(&rival_books) {
        assert_eq!((book.bids().len(), book.asks().len()), rival.levels(), "{symbol}");
    }
    let bytes: usize = input.frames.iter().map(|(_, frame)| frame.len()).sum();
    print!("{:<26} {:>6} {:>9} |", input.name, input.frames.len(), bytes);
    print!(" {:>9.1} {:>9.1} {:>6.2} |", best[0], best[1], best[1] / best[0]);
    match best.get(3..5).filter(|_| has_book) {
        Some(&[ours, theirs]) => print!(" {ours:>9.1} {theirs:>9.1} {:>6.2} |", theirs / ours),
        _ => print!(" {:>9} {:>9} {:>6} |", "", "", ""),
    }
    match best.get(2).filter(|_| has_unknown) {
        Some(unknown) => println!(" {unknown:>9.1}"),
        None => println!(),
    }
}

/// Decodes a frame of an archived endpoint, and reads every event in it.
fn read_archived(endpoint: Endpoint, frame: &str, scratch: &mut Scratch) {
    let decoded = Replay::new(endpoint).event(black_box(frame), scratch);
    let Ok(event) = black_box(&decoded) else { panic!("{frame}") };
    if let Some(event @ Event::Batch(..)) = event {
        for event in event.parts() {
            black_box(&event);
        }
    }
}

/// The book of a symbol; there are one or two.
pub(crate) fn book_of<'b, B: Default>(books: &'b mut Vec<(String, B)>, symbol: &str) -> &'b mut B {
    let place = books.iter().position(|(of, _)| of == symbol).unwrap_or_else(|| {
        books.push((symbol.to_string(), B::default()));
        books.len() - 1
    });
    &mut books[place].1
}

/// Nanoseconds per frame of each contestant.
fn race(contestants: &mut [&mut dyn FnMut()], frames: usize) -> Vec<f64> {
    let rounds: Vec<u32> = contestants
        .iter_mut()
        .map(|contestant| {
            contestant();
            let start = Instant::now();
            contestant();
            let once = start.elapsed().as_nanos().max(1);
            u32::try_from(BATCH.as_nanos() / once).unwrap().max(1)
        })
        .collect();
    let mut best = vec![f64::MAX; contestants.len()];
    let start = Instant::now();
    while start.elapsed() < ROW {
        for ((contestant, rounds), best) in contestants.iter_mut().zip(&rounds).zip(&mut best) {
            let start = Instant::now();
            for _ in 0..*rounds {
                contestant();
            }
            let each = start.elapsed().as_nanos() as f64 / f64::from(*rounds) / frames as f64;
            *best = best.min(each);
        }
    }
    best
}
