//! Runs random lives of a client. Whatever happens to the client, it behaves correctly and ends.
//!
//! `GEMINI_WS_LIVES` sets the number of lives, and `GEMINI_WS_SECONDS` the maximum time for all of them.
//! `GEMINI_WS_SEED` sets the seed of the first life; without `GEMINI_WS_LIVES`, only this life runs.
//! `GEMINI_WS_THREADS` sets the number of threads. `GEMINI_WS_TELL=1` prints each call of each life. The following
//! command is fast, and makes all checks:
//!
//! ```text
//! GEMINI_WS_LIVES=1000000 cargo test --profile lives --test lives -- --nocapture
//! ```

use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gemini_ws::{Client, ClientConfig, Config};
use testkit::machine::Many;
use testkit::observer::Observed;
use testkit::variables::{flag, number};
use testkit::world::World;
use testkit::world::figures::Figures;
use testkit::world::network::{Message, Network};
use testkit::world::scenario::Scenario;

/// The default number of lives. `HASH` is the sum of their hashes.
const LIVES: u64 = 8_000;
const HASH: u64 = 0xc0d1_9608_85f6_3020;

/// One life in this many runs without an observer: an observer polls all outputs at once, but a driver may poll late.
const ALONE_EACH: u64 = 16;

/// One life in this many is compared with variations of itself, which takes as long as many other lives.
const COMPARED_EACH: u64 = 1_024;

const PORTION: u64 = 64;

fn alone(scenario: &Scenario, seed: u64) -> Many {
    Many::new(ClientConfig::new(), &scenario.settings, seed)
}

fn client(scenario: &Scenario, seed: u64) -> Observed<Many> {
    let settings = scenario.settings.clone();
    let of_client = settings.clone();
    Observed::new(settings, move || Many::new(ClientConfig::new(), &of_client, seed))
}

/// Runs a life, and returns whether all checks passed. After a failure, runs the life again and records the calls, so
/// that the report contains a short trace.
fn live(world: &mut World, seed: u64) -> bool {
    let is_compared = seed.is_multiple_of(COMPARED_EACH);
    let once = AssertUnwindSafe(|| {
        if seed % ALONE_EACH == 1 {
            return world.live(seed, alone);
        }
        world.live(seed, |scenario, seed| {
            let client = client(scenario, seed);
            if is_compared { client.recording().reading() } else { client }
        })
    });
    if catch_unwind(once).is_ok() {
        return true;
    }
    eprintln!("seed {seed}: again, and on record");
    let recorded =
        AssertUnwindSafe(|| world.live(seed, |scenario, seed| client(scenario, seed).recording().reading()));
    if catch_unwind(recorded).is_ok() {
        eprintln!("seed {seed}: nothing is wrong when it is on record");
    }
    false
}

#[test]
fn lives() {
    let seed = number("GEMINI_WS_SEED");
    let seconds = number("GEMINI_WS_SECONDS").map(Duration::from_secs);
    let asked = number("GEMINI_WS_LIVES").or(seed.map(|_| 1)).or(seconds.map(|_| u64::MAX / 2));
    let first = seed.unwrap_or(0);
    let end = first.saturating_add(asked.unwrap_or(LIVES));
    assert!(first < end, "no lives: GEMINI_WS_LIVES is zero, or GEMINI_WS_SEED the last number");
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let is_told = flag("GEMINI_WS_TELL");

    let (next, stops) = (AtomicU64::new(first), AtomicBool::new(false));
    let (total, wrong) = (Mutex::new(Figures::new()), Mutex::new(Vec::new()));
    let begin = Instant::now();
    thread::scope(|scope| {
        for _ in 0..number("GEMINI_WS_THREADS").unwrap_or(cores).max(1) {
            scope.spawn(|| {
                let mut world = World::new();
                world.is_told = is_told;
                while !stops.load(Ordering::Relaxed) && seconds.is_none_or(|most| begin.elapsed() < most) {
                    let from = next.fetch_add(PORTION, Ordering::Relaxed);
                    if from >= end {
                        break;
                    }
                    for seed in from..(from + PORTION).min(end) {
                        if !live(&mut world, seed) {
                            wrong.lock().unwrap().push(seed);
                            stops.store(true, Ordering::Relaxed);
                            break;
                        }
                    }
                }
                total.lock().unwrap().add(&world.figures);
            });
        }
    });

    let took = begin.elapsed().as_secs_f64();
    let (total, wrong) = (total.into_inner().unwrap(), wrong.into_inner().unwrap());
    println!("{total}");
    let per_second = |count: u64| count as f64 / took;
    println!(
        "{took:.1} s: {:.0} lives, {:.0} calls, {:.0} events a second",
        per_second(total.lives),
        per_second(total.calls),
        per_second(total.events)
    );
    for seed in &wrong {
        println!("again: GEMINI_WS_SEED={seed} cargo test --test lives -- --nocapture");
    }
    assert!(wrong.is_empty(), "seeds of lives that went wrong: {wrong:?}");
    if asked.is_none() {
        assert_eq!(total.missing(), [""; 0], "what never happened");
        assert_eq!(total.hash, HASH, "these lives are not those of before: {:#018x}", total.hash);
    }
}

/// The driver does not read for a while, and the clock jumps past the end of this time. Messages sent before, during
/// and after this time arrive in their order.
#[test]
fn messages_of_a_link_do_not_overtake() {
    let at = gemini_ws::Instant::from_millis;
    let (mut client, mut network) = (Client::single(Config::new("ws://venue")), Network::default());
    client.open(at(0)).unwrap();
    let link = client.links().next().unwrap().0;
    let position = network.dial(link, "ws://venue", false, Duration::from_millis(30));
    let send = |network: &mut Network, now, text: &str| {
        network.send(at(now), position, Message::Text(text.to_owned()));
    };
    send(&mut network, 0, "held");
    send(&mut network, 10, "on its way");
    assert_eq!(network.take(at(30), at(500)), None, "the driver reads nothing");
    send(&mut network, 35, "sent meanwhile");
    send(&mut network, 9_000, "sent later");
    let arrived: Vec<_> = iter::from_fn(|| network.take(at(10_000), at(500))).collect();
    let texts = ["held", "on its way", "sent meanwhile", "sent later"];
    assert_eq!(arrived, texts.map(|text| (position, Message::Text(text.to_owned()))));
}
