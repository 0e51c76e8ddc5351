//! Every input in every state, and every sequence of inputs up to a length.

mod support;

use std::time::Instant;

use support::machine::Machine;
use support::search::{Figures, World, worlds};

fn close<M: Machine + 'static>(world: &World<M>) -> Figures {
    let start = Instant::now();
    let figures = world.close(100_000).unwrap_or_else(|found| panic!("{}", world.report(&found)));
    println!("{figures}: {:?}", start.elapsed());
    figures
}

#[test]
fn every_input_in_every_state_of_a_connection() {
    close(&worlds::connection());
}

#[test]
fn every_input_in_every_state_of_a_client() {
    close(&worlds::client());
}
