//! The bodies of the fuzz targets, as plain functions.

use std::cell::RefCell;

use gemini_ws::Scratch;

use super::machine::Machine;
use super::observer::shrink::Found;
use super::search::hunts::{self, Prey};
use super::search::{World, worlds};
use super::{decimals, oracle, script};

thread_local! {
    /// Working memory that all earlier inputs have used.
    static USED: RefCell<Scratch> = const { RefCell::new(Scratch::new()) };
}

/// Decodes each line as a frame, and runs all lines as a script on a client.
pub fn frames(data: &[u8]) {
    script::run(data);
    USED.with_borrow_mut(|used| {
        for line in data.split(|&byte| byte == b'\n') {
            frame(line, used);
        }
    });
}

/// The maximum number of inputs that `follow` makes of one text. The checks after the inputs take longer than the
/// inputs.
const INPUTS_MAX: usize = 256;

/// Makes inputs on a machine and checks it. The first byte chooses the machine and its world, and each further byte
/// is an input.
pub fn lifecycle(data: &[u8]) {
    let Some((world, inputs)) = data.split_first() else { return };
    match world % 4 {
        0 => follow(&hunts::strained(), inputs),
        1 => follow(&hunts::spread(), inputs),
        2 => follow(&hunts::archived(), inputs),
        _ => follow(&worlds::full_client(), inputs),
    }
}

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

pub fn decode(data: &[u8]) {
    USED.with_borrow_mut(|used| oracle::check_everywhere(&String::from_utf8_lossy(data), used));
}

pub fn decimal(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (a, b) = text.split_once(' ').unwrap_or((&text, &text));
    decimals::check(a, b);
}

/// Decodes bytes as a frame of the current API. Bytes that are not UTF-8 are replaced first, because the WebSocket
/// layer refuses them.
fn frame(bytes: &[u8], used: &mut Scratch) {
    oracle::check(&String::from_utf8_lossy(bytes), used);
}
