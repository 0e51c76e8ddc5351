//! Tests that each check of the observer finds its fault in a faulty machine, and reports the right id.

use std::time::Duration;

use gemini_ws::{
    Books, ClientConfig, ConnectFailure, Event, Frame, GapRule, Instant, Lost, Request, Scratch,
};

use super::wrong::{Fault, Wrong};
use testkit::machine::{Machine, Many, Settings};
use testkit::observer::Observed;
use testkit::observer::call::Link;
use testkit::observer::checks::{CHECKS, Where};
use testkit::observer::reader::Reader;
use testkit::single;

const BOOK: &str = "btcusd@depth@100ms";
const TRADES: &str = "ethusd@trade";

/// Steps that lead to a client with a live book.
const LIVE: [&str; 6] = ["subscribe", "open", "connected", "ok 1", "depth 5 5", "depth 5 7"];
/// Steps that lead to a client without streams.
const BARE: [&str; 2] = ["open", "connected"];
/// Steps after which a book is live again on the next link.
const AGAIN: [&str; 5] = ["lost", "next", "connected", "ok 2", "depth 9 9"];

use Fault as F;

/// The id of the invariant that is broken, the fault, and the steps that show it.
#[rustfmt::skip]
const FAULTS: &[(&str, Fault, &[&[&str]])] = &[
    ("I-01", F::OpensTwice, &[&BARE]),
    ("I-02", F::FailsTwice, &[&["open", "failed"]]),
    ("I-03", F::SendsAfterTheEnd, &[&LIVE, &["lost"]]),
    ("I-04", F::TakesStaleLosses, &[&LIVE, &AGAIN, &["time"; 40]]),
    ("I-05", F::IsLiveTooEarly, &[&["subscribe", "open", "connected"]]),
    ("I-06", F::DialsAfterClose, &[&BARE, &["close"]]),
    ("I-06", F::RepeatsTheEnd, &[&["close"]]),
    ("I-07", F::ClosesAgainAloud, &[&BARE, &["close"]]),
    ("I-08", F::TellsAnotherCause, &[&BARE, &["lost"]]),
    ("I-09", F::ReusesAnEpoch, &[&["open", "failed", "next"]]),
    ("I-10", F::SendsCode1005, &[&BARE, &["close"]]),
    ("I-11", F::IsLiveTwice, &[&BARE]),
    ("I-12", F::NeverCloses, &[&BARE]),
    ("I-13", F::KeepsNoDeadlineWhileDialling, &[&["open"]]),
    ("I-13", F::NeverGivesUpADial, &[&["open"]]),
    ("I-14", F::IsAlwaysDue, &[&["open", "time"]]),
    ("I-15", F::SaysTooMuch, &[&BARE]),
    ("I-16", F::WaitsForThePeer, &[&BARE, &["close", "hour"]]),
    ("I-17", F::HasADeadlineAfterTheEnd, &[&["close"]]),
    ("I-18", F::AbortsTwice, &[&["open", "next"]]),
    ("I-18", F::CountsNoStaleInput, &[&LIVE, &AGAIN, &["late"]]),
    ("I-19", F::TakesStaleLosses, &[&LIVE, &AGAIN, &["late"]]),
    ("I-20", F::ForgetsToAbort, &[&["open", "next"]]),
    ("I-20", F::AbandonsOneMore, &[&BARE, &["close", "lost"]]),
    ("I-21", F::EndsBeforeItsLink, &[&BARE, &["close"]]),
    ("I-22", F::RepliesTwice, &[&BARE, &["request", "lost"]]),
    ("I-23", F::ForgetsToReply, &[&BARE, &["request", "lost"]]),
    ("I-24", F::ReusesARequest, &[&BARE, &["request", "request"]]),
    ("I-24", F::RepliesToAnother, &[&LIVE, &["request", "request", "ok 2"]]),
    ("I-25", F::SendsTwice, &[&BARE, &["request"]]),
    ("I-26", F::SaysNotSent, &[&BARE, &["request", "lost"]]),
    ("I-27", F::ForgetsTheWaiter, &[&BARE, &["request", "ok 1"]]),
    ("I-28", F::ForgetsAWish, &[&["subscribe"]]),
    ("I-29", F::NeverSubscribes, &[&["subscribe", "open"]]),
    ("I-30", F::SubscribesTwice, &[&["subscribe", "open", "connected"]]),
    ("I-31", F::IsLiveUnasked, &[&["subscribe", "open", "connected"]]),
    ("I-32", F::IsLiveUnconfirmed, &[&["subscribe", "open", "connected"]]),
    ("I-33", F::DeliversAfterTheEnd, &[&LIVE, &["unsubscribe", "ok 2", "depth 7 9"]]),
    ("I-34", F::None, &[&["unlimited"], &BARE, &["request", "request", "request"]]),
    ("I-35", F::CountsTwice, &[&LIVE]),
    ("I-36", F::DeliversAnother, &[&LIVE]),
    ("I-38", F::SaysMoreWhenItWaits, &[&BARE, &["request"; 40]]),
    ("I-39", F::SendsHalf, &[&BARE, &["request"]]),
    ("I-40", F::ClosesTwice, &[&BARE, &["close"]]),
    ("I-42", F::ClosesFirst, &[&BARE]),
    ("I-44", F::None, &[&["unlimited", "subscribe", "subscribe trades"]]),
    ("I-45", F::HidesALoss, &[&LIVE, &["broken"]]),
    ("I-46", F::EndsOnlyWhenPolled, &[&BARE]),
    ("I-47", F::Panics, &[&BARE, &["panic"]]),
    ("I-48", F::BlamesOneOfMany, &[&["subscribe", "subscribe trades", "open", "connected", "refuse 1"]]),
    ("I-50", F::IsNeverSilent, &[&BARE]),
    ("I-51", F::None, &[&["impatient"], &BARE, &["next", "next"]]),
    ("I-52", F::ReadsTheClock, &[&BARE]),
    ("I-53", F::ActsInSeries, &[&["open", "failed", "next"]]),
    ("I-55", F::DialsTwoAtOnce, &[&BARE]),
    ("I-56", F::None, &[&["impatient", "open", "failed"]]),
    ("I-57", F::NeverRetries, &[&BARE, &["lost"]]),
    ("I-58", F::IgnoresRetryAfter, &[&["open", "limited"]]),
    ("I-59", F::DiffersEachTime, &[&BARE]),
    ("I-60", F::KeepsTheOldBook, &[&LIVE, &["lost", "next", "connected", "ok 2", "depth 7 9"]]),
    ("I-62", F::None, &[&["lax"], &LIVE, &["depth 8 9"]]),
    ("I-63", F::TakesChangesForASnapshot, &[&LIVE]),
    ("I-65", F::DeliversStaleUpdates, &[&LIVE, &["depth 5 6"]]),
    ("I-66", F::TellsNoLossOfEvents, &[&LIVE, &AGAIN]),
];

/// Returns the settings that the observer gets, and those that the machine is made with.
fn settings(words: &[&str]) -> [Settings; 2] {
    let mut observed = Settings::single("ws://venue");
    let mut made = observed.clone();
    for word in words {
        match *word {
            "unlimited" => (observed.request_limit, observed.streams_max) = ((2, Duration::from_secs(9)), 1),
            "impatient" => {
                (made.probe_after, made.silence_max) = (Duration::from_secs(2), Duration::from_secs(5));
                (made.backoff_base, made.backoff_cap) = (Duration::from_millis(1), Duration::from_millis(2));
            }
            "lax" => made.gap_rule = GapRule::Lax,
            _ => {}
        }
    }
    [observed, made]
}

fn observed(fault: Fault, words: &[&str]) -> Observed<Wrong<Many>> {
    let [believed, made] = settings(words);
    let mut alone = made.clone();
    alone.streams_per_request_max = 1;
    let make = move || {
        let twin = if fault == Fault::BlamesOneOfMany { &alone } else { &made };
        Wrong::new(Many::single(&made, 1), Many::single(twin, 1), fault)
    };
    Observed::new(vec![believed], make).recording().lenient()
}

/// Makes the step that a word names. `next`, `time` and `hour` move the clock.
fn act<M: Machine>(machine: &mut Observed<M>, now: &mut Instant, word: &str) {
    let known = machine.names().link(Link { slot: 0, back: usize::from(word == "late") });
    let link = known.unwrap_or_else(single::first_link);
    let (word, rest) = word.split_once(' ').unwrap_or((word, ""));
    let text = |machine: &mut Observed<M>, text: &str| {
        machine.handle_frame(link, *now, Frame::Text(text), &mut Scratch::new());
    };
    match word {
        "open" => drop(machine.open(*now)),
        "close" => machine.close(*now),
        "subscribe" => {
            let name = if rest == "trades" { TRADES } else { BOOK };
            let _ = machine.subscribe(*now, name.parse().unwrap());
        }
        "unsubscribe" => {
            let mut first = None;
            machine.each_stream(|id, _, _| first = Some(id));
            first.into_iter().for_each(|id| {
                let _ = machine.unsubscribe(*now, id);
            });
        }
        "request" => drop(machine.request(*now, &Request::Time)),
        "connected" => machine.handle_connected(link, *now),
        "failed" => machine.handle_connect_failed(link, *now, ConnectFailure::Refused),
        "limited" => {
            let retry_after = Some(Duration::from_secs(60));
            machine.handle_connect_failed(
                link,
                *now,
                ConnectFailure::Status { status: 429, retry_after, reason: None },
            );
        }
        "lost" | "late" => machine.handle_lost(link, *now, Lost::Reset),
        "ok" => text(machine, &format!("{{\"id\":{rest},\"status\":200}}")),
        "refuse" => {
            text(machine, &format!(r#"{{"id":{rest},"status":400,"error":{{"code":-1013,"msg":""}}}}"#));
        }
        "depth" | "crossed" => {
            let (first, last) = rest.split_once(' ').expect("two ids");
            let asks = if word == "crossed" { r#"["0.5","1"]"# } else { "" };
            let depth = format!(
                r#"{{"e":"depthUpdate","E":1,"s":"btcusd","U":{first},"u":{last},"b":[["1","{last}"]],"a":[{asks}]}}"#
            );
            text(machine, &depth);
        }
        "broken" => text(machine, r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":}"#),
        "panic" => text(machine, "panic"),
        "next" => {
            *now = machine.deadline().map_or(*now, |deadline| deadline.at);
            machine.handle_timeout(*now);
        }
        "time" => {
            *now = *now + Duration::from_millis(10);
            machine.handle_timeout(*now);
        }
        "hour" => {
            *now = *now + Duration::from_secs(3_600);
            machine.handle_timeout(*now);
        }
        _ => {}
    }
}

/// Makes the steps. Returns the first id that any check reports, and the whole violation as text.
fn found<M: Machine>(mut observed: Observed<M>, words: &[&str]) -> (Option<&'static str>, String) {
    let mut now = Instant::ZERO;
    for word in words {
        act(&mut observed, &mut now, word);
        while observed.poll_output().is_some() {}
    }
    let violation = observed.violation().cloned();
    let violation = violation.or_else(|| observed.fork_checks().err());
    let violation = violation.or_else(|| observed.metamorphic_checks().err());
    (violation.as_ref().map(|it| it.id), format!("{violation:?}"))
}

#[test]
fn each_fault_is_found() {
    let mut wrong = Vec::new();
    for (id, fault, words) in FAULTS {
        let words = words.concat();
        let (got, what) = found(observed(*fault, &words), &words);
        if got != Some(*id) {
            wrong.push(format!("{fault:?} is to be {id}: {what}"));
        }
        // The same steps without the fault.
        if *fault != Fault::None {
            let (none, what) = found(observed(Fault::None, &words), &words);
            assert_eq!(none, None, "{words:?}: {what}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The observer finds a client in which the end of one link affects another slot. The fault is in the code between
/// two correct links.
#[test]
fn faults_between_links_are_found() {
    let settings = vec![Settings::single("ws://venue"); 2];
    for (fault, expected) in [(F::None, None), (F::DropsTheOther, Some("I-49"))] {
        let made = settings.clone();
        let make = move || {
            let many = Many::new(ClientConfig::new(), &made, 1);
            Wrong::new(many.clone(), many, fault)
        };
        let mut machine = Observed::new(settings.clone(), make).recording().lenient();
        let now = Instant::ZERO;
        machine.open(now).unwrap();
        let [first, second] = [0, 1].map(|slot| machine.names().link(Link { slot, back: 0 }).unwrap());
        machine.handle_connected(first, now);
        machine.handle_connected(second, now);
        machine.handle_lost(first, now, Lost::Reset);
        assert_eq!(machine.violation().map(|it| it.id), expected, "{:?}", machine.violation());
    }
}

/// A frame whose kind is cut off may have been the snapshot of a book of market data v2. The observer allows the
/// client to ignore the updates that follow.
#[test]
fn a_kind_that_is_cut_off_names_nothing() {
    let settings = vec![Settings::single("ws://archive/v2/marketdata")];
    let made = settings.clone();
    let make = move || Many::new(ClientConfig::new(), &made, 1);
    let (mut machine, now, mut scratch) = (Observed::new(settings, make), Instant::ZERO, Scratch::new());
    machine.open(now).unwrap();
    machine.subscribe(now, "ltcusd@candles_1m".parse().unwrap()).unwrap();
    let link = machine.names().link(Link { slot: 0, back: 0 }).unwrap();
    machine.handle_connected(link, now);
    machine.subscribe(now, "ltcusd@depth".parse().unwrap()).unwrap();
    let change = r#"{"type":"l2_updates","symbol":"LTCUSD","changes":[["buy","91.19","16"]]}"#;
    for text in [r#"{"type":"l2_u"#, change] {
        machine.handle_frame(link, now, Frame::Text(text), &mut scratch);
    }
    assert!(machine.violation().is_none(), "{:?}", machine.violation());
}

/// The observer finds books that ignore updates, books that ignore the end of a link, and books that are current
/// although they are crossed.
#[test]
fn wrong_books_are_found() {
    let no_updates = |books: &mut Books, event: &Event<'_>| {
        if !matches!(event, Event::DepthUpdate(..)) {
            books.apply(event);
        }
    };
    let no_ends = |books: &mut Books, event: &Event<'_>| {
        if !matches!(event, Event::Disconnected { .. }) {
            books.apply(event);
        }
    };
    let trusting = |books: &mut Books, event: &Event<'_>| {
        *books = std::mem::take(books).trust_crossed();
        books.apply(event);
    };
    for (id, last, reader) in [
        (None, "lost", Reader::default()),
        (None, "crossed 7 9", Reader::default()),
        (Some("I-60"), "lost", Reader::with(no_updates)),
        (Some("I-61"), "lost", Reader::with(no_ends)),
        (Some("I-64"), "crossed 7 9", Reader::with(trusting)),
    ] {
        let words = [&LIVE[..], &[last]].concat();
        let (got, what) = found(observed(F::None, &words).reading_with(reader), &words);
        assert_eq!(got, id, "{what}");
    }
}

/// Each invariant has a row, the tests that rows name exist, and the checks of this folder find their faults.
#[test]
fn the_table_of_checks() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let elsewhere = ["I-49", "I-61", "I-64"];
    for (number, (id, place, how)) in CHECKS.iter().enumerate() {
        assert_eq!(*id, format!("I-{:02}", number + 1));
        assert!(!how.is_empty());
        match place {
            Where::Observer | Where::Fork | Where::Metamorphic => {
                let bites = FAULTS.iter().any(|fault| fault.0 == *id) || elsewhere.contains(id);
                assert!(bites, "{id} has no fault that shows that its check bites");
            }
            Where::Test(test) => {
                let (file, name) = test.split_once("::").expect("a file and a name");
                let text = std::fs::read_to_string(root.join(file)).expect(file);
                assert!(
                    text.contains(&format!("fn {name}("))
                        || text.contains(&format!("fn {name}<A: Adapter>(")),
                    "{id}: {test}"
                );
            }
        }
    }
}
