//! Lives of a client: whatever happens to it, it does what it should, and comes to its end.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use gemini_ws::ClientConfig;
use support::machine::Many;
use support::observer::Observed;
use support::world::World;
use support::world::scenario::Scenario;

fn plain(scenario: &Scenario, seed: u64) -> Many {
    Many::new(ClientConfig::new(), &scenario.settings, seed)
}

fn observed(scenario: &Scenario, seed: u64) -> Observed<Many> {
    let settings = scenario.settings.clone();
    let of_client = settings.clone();
    Observed::new(settings, move || Many::new(ClientConfig::new(), &of_client, seed))
}

#[test]
fn lives() {
    let count = std::env::var("GEMINI_WS_LIVES").map_or(2_000, |count| count.parse().unwrap());
    let first = std::env::var("GEMINI_WS_SEED").map_or(0, |seed| seed.parse().unwrap());
    let mut world = World::new();
    let mut fails = 0;
    world.is_told = std::env::var_os("GEMINI_WS_TELL").is_some();
    let begin = Instant::now();
    for seed in first..first + count {
        let result = catch_unwind(AssertUnwindSafe(|| {
            if std::env::var_os("PLAIN").is_some() {
                world.live(seed, plain)
            } else if std::env::var_os("REC").is_some() {
                world.live(seed, |a, b| observed(a, b).recording().reading())
            } else {
                world.live(seed, observed)
            }
        }));
        if let Err(cause) = result {
            eprintln!("SEED {seed}");
            drop(cause);
            fails += 1;
            world.figures.finish_life(0);
            if fails > 15 {
                break;
            }
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    println!("{}", world.figures);
    println!("{:.0} lives/s, missing {:?}", count as f64 / seconds, world.figures.missing());
}
