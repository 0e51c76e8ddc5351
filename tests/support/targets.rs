//! The bodies of the fuzz targets, as plain functions.

use std::cell::RefCell;

use gemini_ws::Scratch;

use super::machine::Machine;
use super::observer::shrink::Found;
use super::search::hunts::{self, Prey};
use super::search::{World, worlds};
use super::{decimals, oracle, script};

thread_local! {
    /// Working memory that has seen every input before.
    static USED: RefCell<Scratch> = const { RefCell::new(Scratch::new()) };
}

/// A script, one step a line: each line is taken as a frame by itself, and the whole as what happens
/// to a client.
pub(crate) fn frames(data: &[u8]) {
    script::run(data);
    USED.with_borrow_mut(|used| {
        for line in data.split(|&byte| byte == b'\n') {
            frame(line, used);
        }
    });
}

/// So many inputs are made, as the checks of a whole life cost more than the life.
const INPUTS_MAX: usize = 256;

/// What happens to a machine, an input a byte; the first one says among what it lives.
pub(crate) fn lifecycle(data: &[u8]) {
    let Some((world, inputs)) = data.split_first() else { return };
    match world % 4 {
        0 => follow(&hunts::strained(), inputs),
        1 => follow(&hunts::spread(), inputs),
        2 => follow(&hunts::archived(), inputs),
        _ => follow(&worlds::full_client(), inputs),
    }
}

/// Each byte names an input of the world's alphabet.
fn follow<M: Machine + 'static>(world: &World<M>, bytes: &[u8]) {
    let named = |byte: &u8| world.alphabet[usize::from(*byte) % world.alphabet.len()];
    let inputs: Vec<_> = bytes.iter().take(INPUTS_MAX).map(named).collect();
    let mut state = world.begin().recording().reading();
    world.play(&inputs, &mut state);
    let found = state.violation().map(|violation| (violation.clone(), Found::Trace));
    let found = found.or_else(|| Some((state.fork_checks().err()?, Found::Fork)));
    let found = found.or_else(|| Some((state.metamorphic_checks().err()?, Found::Metamorphosis)));
    if let Some((violation, by)) = found {
        panic!("{}", Prey { violation, by, state }.report());
    }
}

/// One frame of any bytes, which any endpoint may have sent.
pub(crate) fn decode(data: &[u8]) {
    USED.with_borrow_mut(|used| oracle::check_everywhere(&String::from_utf8_lossy(data), used));
}

/// Two numbers, with a space between them.
pub(crate) fn decimal(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (a, b) = text.split_once(' ').unwrap_or((&text, &text));
    decimals::check(a, b);
}

/// What is no UTF-8 is no text frame: that is the WebSocket layer's matter, not ours.
fn frame(bytes: &[u8], used: &mut Scratch) {
    oracle::check(&String::from_utf8_lossy(bytes), used);
}
