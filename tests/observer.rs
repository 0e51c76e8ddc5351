//! Tests that the observer reports nothing in lives of all kinds, and that each of its checks finds a faulty machine.

#[path = "observer/bites.rs"]
mod bites;
#[path = "observer/lives.rs"]
mod lives;
#[path = "observer/wrong.rs"]
mod wrong;

use std::time::{Duration, Instant};

use gemini_ws::Scratch;
use testkit::documents::{has_table, text_of};
use testkit::machine::{Machine, Many, Settings};
use testkit::observer::Observed;
use testkit::observer::call::{Call, Names, written_id};
use testkit::observer::checks::{CHECKS, Where};
use testkit::random::Random;
use testkit::script;

#[test]
fn table_of_the_documentation() {
    let mut table = String::from("| invariant | checked | what holds |\n|---|---|---|\n");
    for (position, (id, place, how)) in CHECKS.into_iter().enumerate() {
        assert_eq!(id, format!("I-{:02}", position + 1));
        let place = match place {
            Where::Observer => "after each call".to_owned(),
            Where::Fork => "on a copy".to_owned(),
            Where::Metamorphic => "by comparing runs".to_owned(),
            Where::Test(test) => {
                assert!(text_of(test).is_some(), "{id}: there is no test {test}");
                format!("`{test}`")
            }
        };
        table += &format!("| {id} | {place} | {how} |\n");
    }
    has_table("invariant", &table);
}

#[test]
fn lives_of_clients() {
    for seed in 0..6_000 {
        // In some lives, calls are recorded, and the trace is compared with variations of it.
        if seed % 20 == 0 {
            lives::live(seed, 150, true).expect("what holds");
        } else if let Err(violation) = lives::live(seed, 150, false) {
            println!("seed {seed}: {violation}");
            let again = lives::live(seed, 150, true);
            panic!("seed {seed}: not the same again: {again:?}");
        }
    }
}

/// Measures how long the observer takes for each call: `cargo test --release --test observer -- --ignored
/// --nocapture`.
#[test]
#[ignore = "a measurement"]
fn cost() {
    let settings = Settings::single("ws://venue");
    let traces: Vec<Vec<Call>> = (0..2_000)
        .map(|seed| script::trace(script::random(&mut Random(seed), 120).replacen("@", "#", 1).as_bytes()))
        .collect();
    let calls: u32 = traces.iter().map(|trace| trace.len() as u32).sum();
    let time = |name: &str, life: &dyn Fn(&[Call])| {
        let start = Instant::now();
        traces.iter().for_each(|trace| life(trace));
        println!("{name}: {:?} for each of {calls} calls", start.elapsed() / calls);
        start.elapsed()
    };
    let bare = time("bare", &|trace| bare(&settings, trace));
    let make = settings.clone();
    let fresh = Observed::new(vec![settings.clone()], move || Many::single(&make, 1));
    let live = |observed: &Observed<Many>, trace: &[Call]| {
        let (mut observed, mut scratch) = (observed.clone(), Scratch::new());
        for call in trace {
            observed.call(call, &mut scratch);
            while observed.poll_output().is_some() {}
        }
    };
    let observed = time("observed", &|trace| live(&fresh, trace));
    time("recording", &|trace| live(&fresh.clone().recording(), trace));
    time("reading", &|trace| live(&fresh.clone().reading(), trace));
    println!("the observer alone: {:?}", observed.saturating_sub(bare) / calls);
    assert!(observed.saturating_sub(bare) / calls < Duration::from_micros(3));
}

fn bare(settings: &Settings, trace: &[Call]) {
    let (mut client, mut names, mut scratch) = (Many::single(settings, 1), Names::default(), Scratch::new());
    for call in trace {
        let mut text = String::new();
        let Some(act) = names.act(call, &mut text) else { continue };
        let (answer, _) = act.perform(&mut client, call.now, &mut scratch);
        while let Some(output) = client.poll_output() {
            if let gemini_ws::Output::Send { text, .. } = &output {
                names.newest_request = written_id(text).unwrap_or(names.newest_request);
            }
        }
        names.note(&client, act, answer);
    }
}
