//! Shortens a trace that violates an invariant. The shortened trace still violates the same invariant.

use std::fmt::Write;

use gemini_ws::Scratch;

use super::super::machine::Machine;
use super::super::told::Teller;
use super::call::Call;
use super::{Observed, Violation};

const TELLER: Teller = Teller { places: true };

/// The kind of check that has found a violation and can find it again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Found {
    Trace,
    Fork,
    Metamorphosis,
}

/// The maximum number of steps that a search for a shorter trace replays.
const STEPS_MAX: usize = 3_000_000;

struct Replay<M> {
    fresh: Observed<M>,
    id: &'static str,
    found: Found,
    steps: usize,
}

impl<M: Machine> Replay<M> {
    fn breaks(&mut self, calls: &[Call]) -> Option<usize> {
        let mut observed = self.fresh.clone();
        let mut scratch = Scratch::new();
        for (position, call) in calls.iter().enumerate() {
            self.steps += 1;
            observed.call(call, &mut scratch);
            if let Some(violation) = observed.violation() {
                let same = violation.id == self.id && self.found == Found::Trace;
                return same.then_some(position + 1);
            }
        }
        let later = match self.found {
            Found::Trace => return None,
            Found::Fork => observed.fork_checks(),
            Found::Metamorphosis => {
                self.steps += calls.len() * 12;
                super::metamorphic::check(calls, &self.fresh.make)
            }
        };
        later.is_err_and(|violation| violation.id == self.id).then_some(calls.len())
    }
}

fn fresh<M: Machine>(observed: &Observed<M>) -> Observed<M> {
    let settings = observed.shadow.settings.clone();
    let fresh = Observed::with(settings, observed.make.clone()).lenient();
    if observed.reader.is_some() { fresh.reading() } else { fresh }
}

pub fn shrink<M: Machine>(
    observed: &Observed<M>,
    calls: &[Call],
    id: &'static str,
    found: Found,
) -> Vec<Call> {
    let mut replay = Replay { fresh: fresh(observed), id, found, steps: 0 };
    let mut calls = calls.to_vec();
    let Some(needed) = replay.breaks(&calls) else { return calls };
    calls.truncate(needed);
    let mut piece = calls.len().div_ceil(2);
    while piece > 0 && replay.steps < STEPS_MAX {
        let mut start = 0;
        let mut shorter = false;
        while start < calls.len() && replay.steps < STEPS_MAX {
            let end = (start + piece).min(calls.len());
            let rest = [&calls[..start], &calls[end..]].concat();
            match replay.breaks(&rest) {
                Some(needed) => {
                    calls = rest;
                    calls.truncate(needed);
                    shorter = true;
                }
                None => start = end,
            }
        }
        if piece > 1 || !shorter {
            piece /= 2;
        }
    }
    calls
}

/// Formats a violation, and a shortened trace that shows it, with all outputs of the machine.
pub fn report<M: Machine>(observed: &Observed<M>, violation: &Violation, found: Found) -> String {
    let mut text = format!("{violation}\n");
    if observed.calls.is_none() {
        text += "The calls were not recorded: do the same again with `recording`.\n";
        return text;
    }
    let calls = shrink(observed, observed.calls(), violation.id, found);
    let _ = writeln!(text, "{} of {} calls, by {found:?}:", calls.len(), observed.calls().len());
    text + &transcript(observed, &calls)
}

fn transcript<M: Machine>(observed: &Observed<M>, calls: &[Call]) -> String {
    let mut observed = fresh(observed);
    let mut text = String::new();
    let mut scratch = Scratch::new();
    for call in calls {
        let _ = writeln!(text, "{call}");
        let mut frame = String::new();
        let event = match observed.names.act(call, &mut frame) {
            Some(act) => observed
                .step(call.now, act, &mut scratch)
                .1
                .map(|event| format!("! {}", TELLER.event(&event))),
            None => None,
        };
        text.extend(event.into_iter().map(|line| line + "\n"));
        while let Some(output) = observed.poll_output() {
            let _ = writeln!(text, "{}", TELLER.output(&output));
        }
    }
    if let Some(violation) = observed.violation() {
        let _ = writeln!(text, "{violation}");
    }
    text
}
