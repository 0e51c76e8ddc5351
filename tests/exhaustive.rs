//! Searches exhaustively with clones of the client, and with the observer at each step:
//!
//! - makes every input in every state, until no state with a new key appears, with the observer's checks of copies
//!   (I-12, I-13, I-29, I-46, I-50) in each state; `support/search/key.rs` documents the key;
//! - makes every sequence, up to a length, of inputs from a list of ten, without a key.
//!
//! The following command makes longer sequences and more inputs:
//! `GEMINI_WS_DEPTH=7 cargo test --release --test exhaustive -- --nocapture`.

use std::time::Instant;

use testkit::machine::Machine;
use testkit::search::input::{Input, What};
use testkit::search::{Figures, World, hunts, worlds};
use testkit::variables::number;

const DEPTH: usize = 5;

fn depth() -> Option<usize> {
    number("GEMINI_WS_DEPTH").map(|depth| depth.try_into().expect("GEMINI_WS_DEPTH is less than 2^32"))
}

/// Makes every input in every state. A change of the client that adds or removes states or steps also changes the
/// expected numbers.
fn every_input<M: Machine + 'static>(name: &str, world: &World<M>, expected: (usize, usize, usize)) {
    let start = Instant::now();
    let figures = world.close(200_000).unwrap_or_else(|found| panic!("{}", world.report(&found)));
    println!("{name}: {} inputs, {figures}, {:?}", world.alphabet.len(), start.elapsed());
    let (states, steps, depth) = expected;
    assert_eq!(figures, Figures { states, steps, depth }, "{name}");
}

#[test]
fn every_input_in_every_state_of_a_single_client() {
    every_input("single", &worlds::single(), (23_897, 358_878, 29));
}

#[test]
fn every_input_in_every_state_of_a_client() {
    every_input("client", &worlds::client(), (17840, 344511, 31));
    if depth().is_some() {
        every_input("client, all inputs", &worlds::full_client(), (42352, 766274, 27));
    }
}

/// Makes every sequence of inputs that begins with `begin`. Each element of `expected` has a number of further
/// inputs, and the number of sequences with so many further inputs. With ten inputs, each further input makes ten
/// times as many sequences, or fewer if some inputs are about links that do not exist yet.
fn every_sequence<M: Machine + 'static>(
    name: &str,
    world: &World<M>,
    begin: &[Input],
    expected: &[(usize, usize)],
) {
    let mut state = world.begin();
    world.play(begin, &mut state);
    let depth = depth().unwrap_or(DEPTH);
    let start = Instant::now();
    let figures = world.unfold(&state, depth).unwrap_or_else(|mut found| {
        found.inputs.splice(0..0, begin.iter().copied());
        panic!("{}", world.report(&found))
    });
    let Figures { states: sequences, steps, .. } = figures;
    println!("{name}: {sequences} sequences, {steps} steps, depth {depth}, {:?}", start.elapsed());
    if let Some((_, expected)) = expected.iter().find(|known| known.0 == depth) {
        assert_eq!(sequences, *expected, "{name}");
    }
}

const ALL: [(usize, usize); 3] = [(5, 100_000), (6, 1_000_000), (7, 10_000_000)];

#[test]
fn every_sequence_of_a_single_client() {
    let world = worlds::short_single();
    every_sequence("single", &world, &[], &[(5, 26_055), (6, 255_235), (7, 2_526_095)]);
    let live = [
        Input::Open,
        Input::Subscribe(0),
        Input::Link(0, What::Connected),
        Input::Link(0, What::Accepted),
        Input::Link(0, What::Snapshot(0)),
    ];
    every_sequence("single, from a live book", &world, &live, &ALL);
}

#[test]
fn every_sequence_of_a_client() {
    let world = worlds::short_client();
    every_sequence("client", &world, &[], &[(5, 9_706), (6, 83_399), (7, 743_743)]);
    let live = [
        Input::Open,
        Input::Subscribe(0),
        Input::Link(0, What::Connected),
        Input::Link(1, What::Connected),
        Input::Link(0, What::Accepted),
    ];
    every_sequence("client, from two live links", &world, &live, &ALL);
}

fn walk<M: Machine + 'static>(name: &str, world: &World<M>, length: usize) {
    let (start, mut steps) = (Instant::now(), 0);
    let walks = number("GEMINI_WS_WALKS").unwrap_or(300);
    if let Some(prey) = world.hunt(walks, length, &mut steps) {
        panic!("{name}: after {steps} steps {}", prey.report());
    }
    println!("{name}: {steps} steps at random, {:?}", start.elapsed());
}

/// Random walks find the planted faults of `tests/mutants.rs`. In the unchanged crate they find no fault.
#[test]
fn walks_at_random() {
    walk("single", &worlds::single(), 50);
    walk("strained", &hunts::strained(), 80);
    walk("archived", &hunts::archived(), 50);
    walk("client", &worlds::full_client(), 60);
    walk("spread", &hunts::spread(), 120);
}
