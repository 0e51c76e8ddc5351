//! How mutants are looked for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use gemini_ws::mutants::{Mutant, switch_on};
use gemini_ws::{
    ConnectFailure, Connection, Credentials, Endpoint, Event, EventQueue, Lost, Message, Overflow, Scratch,
    Signer, UnixTime, decode,
};

use crate::support::machine::Machine;
use crate::support::observer::Violation;
use crate::support::search::input::{Input, What};
use crate::support::search::{World, hunts, worlds};
use crate::table::TABLE;

#[test]
fn each_mutant_is_found() {
    let only = std::env::var("GEMINI_WS_MUTANT").ok();
    let hunters = Hunters::new();
    if let Some(found) = hunters.find() {
        panic!("without any mutant: {found:?}");
    }
    let named: Vec<Mutant> = TABLE.iter().map(|row| row.0).collect();
    // One is in the driver: `adapters/smol/tests/mutants.rs`.
    let is_known = |mutant: &Mutant| named.contains(mutant) || *mutant == Mutant::LeaveAPong;
    assert!(Mutant::ALL.iter().all(is_known), "a mutant is not in the table");
    let (start, mut escaped) = (Instant::now(), Vec::new());
    for (mutant, expected, what) in TABLE {
        let name = format!("{mutant:?}");
        if only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        switch_on(Some(*mutant));
        let found = hunters.find();
        switch_on(None);
        match &found {
            Some(Found { violation, by, steps }) => {
                println!("{name:<26} {} by {by:<10} after {steps:>6} steps  ({what})", violation.id);
                if !expected.contains(&violation.id) || only.is_some() {
                    println!("    {violation}");
                }
            }
            None => println!("{name:<26} ESCAPED  ({what})"),
        }
        if !found.is_some_and(|found| expected.contains(&found.violation.id)) {
            escaped.push((mutant, expected));
        }
    }
    println!("{} mutants, {:?}", TABLE.len(), start.elapsed());
    assert!(escaped.is_empty(), "not found, or by another check: {escaped:?}");
}

#[derive(Debug)]
struct Found {
    violation: Violation,
    by: &'static str,
    steps: usize,
}

struct Hunters {
    connection: World<Connection>,
    strained: World<Connection>,
    archived: World<Connection>,
    client: World<crate::support::machine::Many>,
    spread: World<crate::support::machine::Many>,
}

/// So many walks in each world.
const WALKS: u64 = 300;

impl Hunters {
    fn new() -> Hunters {
        Hunters {
            connection: worlds::connection(),
            strained: hunts::strained(),
            archived: hunts::archived(),
            client: worlds::full_client(),
            spread: hunts::spread(),
        }
    }

    fn find(&self) -> Option<Found> {
        let mut steps = 0;
        let mut by = "a trace";
        let violation = nonces()
            .or_else(queue)
            .or_else(|| played(&self.strained, STRAINED, &mut steps))
            .or_else(|| played(&self.archived, ARCHIVED, &mut steps))
            .or_else(|| played(&self.spread, SPREAD, &mut steps))
            .or_else(|| {
                by = "walks";
                None
            })
            .or_else(|| walked(&self.strained, 80, &mut steps))
            .or_else(|| walked(&self.connection, 50, &mut steps))
            .or_else(|| walked(&self.archived, 50, &mut steps))
            .or_else(|| walked(&self.spread, 120, &mut steps))
            .or_else(|| walked(&self.client, 60, &mut steps))?;
        Some(Found { violation, by, steps })
    }
}

fn walked<M: Machine + 'static>(world: &World<M>, length: usize, steps: &mut usize) -> Option<Violation> {
    caught(|| world.hunt(WALKS, length, steps).map(|prey| prey.violation))
}

/// I-47: what a copy of a machine does is not caught by the observer.
fn caught(work: impl FnOnce() -> Option<Violation>) -> Option<Violation> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Some(Violation { id: "I-47", what: "a panic".into() }))
}

/// Plays traces, each with all checks behind each of its steps.
fn played<M: Machine + 'static>(
    world: &World<M>,
    traces: &[&[Input]],
    steps: &mut usize,
) -> Option<Violation> {
    caught(|| {
        traces.iter().find_map(|trace| {
            let mut state = world.begin().recording().reading();
            let checked = trace.iter().try_for_each(|input| {
                *steps += 1;
                world.play(&[*input], &mut state);
                state.violation().map_or(Ok(()), |violation| Err(violation.clone()))?;
                state.fork_checks()
            });
            checked.and_then(|()| state.metamorphic_checks()).err()
        })
    })
}

const fn link(what: What) -> Input {
    Input::Link(0, what)
}

const OPEN: Input = Input::Open;
const UP: Input = link(What::Connected);
const OK: Input = link(What::Accepted);
const BROKEN: Input = link(What::Text(hunts::BROKEN));
const BOOK: Input = Input::Subscribe(0);
const SNAPSHOT: Input = link(What::Snapshot(0));
const TIME: Input = Input::Request(1);

/// Traces through the world `strained`.
const STRAINED: &[&[Input]] = &[
    // A stream that is wanted and not wanted while the limit leaves no room.
    &[OPEN, UP, TIME, TIME, TIME, BOOK, Input::Unsubscribe(0), Input::Deadline, Input::Deadline],
    &[OPEN, BOOK, UP, OK, SNAPSHOT, link(What::Gap(0)), link(What::Update(0))],
    // An answer that comes after the stream was left and asked for anew.
    &[OPEN, BOOK, UP, SNAPSHOT, link(What::Gap(0)), OK, link(What::AcceptedLate), Input::Deadline],
    &[OPEN, BOOK, UP, OK, Input::Close, Input::CloseBy(Duration::from_secs(1)), Input::Deadline],
    // Frames that cannot be read, and some that can.
    &[OPEN, UP, BROKEN, TIME, OK, BROKEN, TIME, OK, BROKEN],
    &[OPEN, BOOK, UP, OK, SNAPSHOT, link(What::Repeated(0)), link(What::Update(0))],
    // A late dial.
    &[OPEN, link(What::Failed(ConnectFailure::Refused)), UP],
    // A change before the snapshot, and no gap before it.
    &[OPEN, BOOK, UP, OK, link(What::Update(0))],
];

/// Traces through the world `archived`.
const ARCHIVED: &[&[Input]] = &[
    // The first frame is the book, whether it has trades or not.
    &[OPEN, BOOK, UP, link(What::Text(hunts::L2)), link(What::Text(hunts::L2_WITH_TRADES))],
];

/// Traces through the world `spread`.
const SPREAD: &[&[Input]] = &[
    // A link that nobody wants while a request over it has no answer.
    &[BOOK, OPEN, Input::Link(0, What::Connected), Input::Request(2), Input::Unsubscribe(0), OK, OK],
    &[
        BOOK,
        Input::Subscribe(1),
        OPEN,
        Input::Link(1, What::Connected),
        Input::Link(2, What::Lost(Lost::Reset)),
    ],
];

/// I-54, which is about what signs the upgrades.
fn nonces() -> Option<Violation> {
    let mut signer = Signer::new(Credentials::hmac("key", "secret").expect("credentials"));
    let mut before = None;
    for second in [5, 5, 3, 6, 5] {
        let _ = signer.headers(Endpoint::Streams, UnixTime::from_secs(1_700_000_000 + second));
        let drawn = signer.nonces().last();
        if drawn <= before {
            return Some(Violation { id: "I-54", what: format!("{drawn:?} after {before:?}") });
        }
        before = drawn;
    }
    None
}

/// I-45, as far as events wait for who takes them.
fn queue() -> Option<Violation> {
    let mut queue = EventQueue::new(Overflow::DropOldest).events_max(2);
    let mut scratch = Scratch::new();
    for number in 1..=5 {
        let frame = format!(r#"{{"E":1,"s":"btcusd","t":{number},"p":"1.5","q":"2","m":true}}"#);
        let Ok(Message::Trade(trade)) = decode(&frame, &mut scratch) else { return None };
        queue.push(&Event::Trade(trade, _));
    }
    let mut expected = 1;
    while let Some(event) = queue.take() {
        match event.as_event() {
            Event::Overflow { dropped, .. } => expected += dropped,
            Event::Trade(trade, _) if trade.trade_id == expected => expected += 1,
            other => return Some(Violation { id: "I-45", what: format!("{other:?}, not trade {expected}") }),
        }
    }
    None
}
