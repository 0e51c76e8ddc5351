//! [`Hunters`] searches for planted faults.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use gemini_ws::{
    ConnectFailure, Credentials, Endpoint, Event, EventQueue, Lost, Overflow, Replay, Scratch, Signer,
    UnixTime,
};

use testkit::machine::{Machine, Many};
use testkit::observer::Violation;
use testkit::search::input::{Input, What};
use testkit::search::{World, hunts, worlds};

#[derive(Debug)]
#[allow(dead_code, reason = "a test that expects nothing prints it only")]
pub(crate) struct Found {
    pub(crate) violation: Violation,
    pub(crate) by: &'static str,
    pub(crate) steps: usize,
}

pub(crate) struct Hunters {
    single: World<Many>,
    strained: World<Many>,
    archived: World<Many>,
    client: World<Many>,
    spread: World<Many>,
}

const WALKS: u64 = 300;

impl Hunters {
    pub(crate) fn new() -> Hunters {
        Hunters {
            single: worlds::single(),
            strained: hunts::strained(),
            archived: hunts::archived(),
            client: worlds::full_client(),
            spread: hunts::spread(),
        }
    }

    /// Checks nonces and the event queue, plays all traces, and then makes random walks. Returns the first violation.
    pub(crate) fn find(&self) -> Option<Found> {
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
            .or_else(|| walked(&self.single, 50, &mut steps))
            .or_else(|| walked(&self.archived, 50, &mut steps))
            .or_else(|| walked(&self.spread, 120, &mut steps))
            .or_else(|| walked(&self.client, 60, &mut steps))?;
        Some(Found { violation, by, steps })
    }
}

fn walked<M: Machine + 'static>(world: &World<M>, length: usize, steps: &mut usize) -> Option<Violation> {
    caught(|| world.hunt(WALKS, length, steps).map(|prey| prey.violation))
}

/// I-47: runs `work`, and returns a panic in it as a violation. The observer catches panics in its own steps, but not
/// in the copies of a machine that checks make.
fn caught(work: impl FnOnce() -> Option<Violation>) -> Option<Violation> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Some(Violation { id: "I-47", what: "a panic".into() }))
}

/// Plays traces. Makes the checks of the observer after each step, and its comparisons of runs after each trace.
/// Returns the first violation.
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
    // A stream that is subscribed and unsubscribed while the limit leaves no room.
    &[OPEN, UP, TIME, TIME, TIME, BOOK, Input::Unsubscribe(0), Input::Deadline, Input::Deadline],
    &[OPEN, BOOK, UP, OK, SNAPSHOT, link(What::Gap(0)), link(What::Update(0))],
    // An answer that comes after the client has unsubscribed from the stream and subscribed again.
    &[OPEN, BOOK, UP, SNAPSHOT, link(What::Gap(0)), OK, link(What::AcceptedLate), Input::Deadline],
    &[OPEN, BOOK, UP, OK, Input::Close, Input::CloseBy(Duration::from_secs(1)), Input::Deadline],
    // Frames that cannot be decoded, and some that can.
    &[OPEN, UP, BROKEN, TIME, OK, BROKEN, TIME, OK, BROKEN],
    &[OPEN, BOOK, UP, OK, SNAPSHOT, link(What::Repeated(0)), link(What::Update(0))],
    // Two streams in one request, which is refused. When each is requested alone, one is accepted.
    &[OPEN, Input::Subscribe(2), Input::Subscribe(3), UP, link(What::Refused), OK],
    // A dial that connects after it has failed.
    &[OPEN, link(What::Failed(ConnectFailure::Refused)), UP],
    // An update before the snapshot, and no gap before it.
    &[OPEN, BOOK, UP, OK, link(What::Update(0))],
    // Two streams in one request, which is refused as a whole.
    &[OPEN, BOOK, Input::Subscribe(2), UP, link(What::Refused)],
    // A stream that is requested long after the last input of its link.
    &[OPEN, UP, Input::Later(Duration::from_secs(4)), BOOK, Input::Deadline, Input::Deadline],
];

/// Traces through the world `archived`.
const ARCHIVED: &[&[Input]] = &[
    // The first frame is the book, whether it contains trades or not.
    &[OPEN, BOOK, UP, link(What::Text(hunts::L2)), link(What::Text(hunts::L2_WITH_TRADES))],
];

/// Traces through the world `spread`.
const SPREAD: &[&[Input]] = &[
    // A link that is no longer needed while a request over it has no answer.
    &[BOOK, OPEN, Input::Link(0, What::Connected), Input::Request(2), Input::Unsubscribe(0), OK, OK],
    &[
        BOOK,
        Input::Subscribe(1),
        OPEN,
        Input::Link(1, What::Connected),
        Input::Link(2, What::Lost(Lost::Reset)),
    ],
    // Two open links, one of which is silent.
    &[BOOK, OPEN, Input::Link(0, What::Connected), OK, Input::Link(1, What::Connected)],
    // A link that the client stops dialling, and no other.
    &[OPEN, link(What::Failed(ConnectFailure::Certificate))],
    // A link that is not needed, which has to close sooner than all others.
    &[
        BOOK,
        OPEN,
        Input::Link(0, What::Connected),
        OK,
        Input::Link(1, What::Connected),
        Input::Unsubscribe(0),
        OK,
        Input::Close,
        Input::Later(Duration::from_secs(2)),
    ],
];

/// I-54: checks the nonces of a signer.
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

/// I-45: checks that a full event queue reports the events that it drops.
fn queue() -> Option<Violation> {
    let mut queue = EventQueue::new(Overflow::DropOldest).events_max(2);
    let mut scratch = Scratch::new();
    for number in 1..=5 {
        let frame = format!(r#"{{"E":1,"s":"btcusd","t":{number},"p":"1.5","q":"2","m":true}}"#);
        let Ok(Some(event)) = Replay::new(Endpoint::Streams).event(&frame, &mut scratch) else { return None };
        queue.push(&event);
    }
    let mut expected = 1;
    while let Some(mut event) = queue.take() {
        match event.as_event() {
            Event::Overflow { dropped, .. } => expected += dropped,
            Event::Trade(trade, _) if trade.trade_id == expected => expected += 1,
            other => return Some(Violation { id: "I-45", what: format!("{other:?}, not trade {expected}") }),
        }
    }
    None
}
