//! Exhaustive search: makes every input in every state that a machine can reach, and every sequence of inputs up to a
//! length. A state is a clone of the real machine, with an observer.

pub mod hunts;
pub mod input;
pub mod key;
pub mod worlds;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use gemini_ws::{Request, Scratch};

use super::machine::{Machine, Settings, Wanted};
use super::observer::{Make, Observed, Violation, shrink};
use input::{Buffers, Input};

/// The settings of a machine, and everything that can happen to it.
#[derive(Clone)]
pub struct World<M> {
    pub settings: Vec<Settings>,
    pub make: Make<M>,
    /// The streams that inputs name by their indices here.
    pub streams: Vec<Wanted>,
    pub subscriptions_max: usize,
    /// The maximum number of unanswered messages in a state. [`close`](World::close) makes no inputs in a state with
    /// more.
    pub written_max: usize,
    pub requests: Vec<Request>,
    pub alphabet: Vec<Input>,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Figures {
    /// The number of states with different keys, or of sequences with the full length.
    pub states: usize,
    pub steps: usize,
    /// The number of inputs on the shortest way to the farthest state, or the length of the sequences.
    pub depth: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} states, {} steps, depth {}", self.states, self.steps, self.depth)
    }
}

#[derive(Clone, Debug)]
pub struct Found {
    pub violation: Violation,
    pub inputs: Vec<Input>,
    /// Whether a copy of the last state showed the violation.
    pub in_fork: bool,
    pub steps: usize,
}

struct Origin {
    parent: usize,
    input: Option<Input>,
    depth: usize,
}

impl<M: Machine + 'static> World<M> {
    pub fn new(settings: Vec<Settings>, make: impl Fn() -> M + Send + Sync + 'static) -> World<M> {
        World {
            settings,
            make: Arc::new(make),
            streams: Vec::new(),
            subscriptions_max: 1,
            written_max: 2,
            requests: vec![Request::Ping],
            alphabet: Vec::new(),
        }
    }

    pub fn begin(&self) -> Observed<M> {
        let make = Arc::clone(&self.make);
        Observed::new(self.settings.clone(), move || make()).lenient()
    }

    /// Makes every input in every state with at most `written_max` unanswered messages, until no input leads to a
    /// state with a new key. Returns how many states and inputs there were, or the first violation. Panics if there
    /// are more than `states_max` states.
    pub fn close(&self, states_max: usize) -> Result<Figures, Found> {
        let mut buffers = Buffers::default();
        let begin = self.begin();
        let mut known = HashMap::from([(key::of(self, &begin), 0)]);
        let mut origins = vec![Origin { parent: 0, input: None, depth: 0 }];
        let mut layer = vec![(0, begin)];
        let mut figures = Figures { states: 1, steps: 0, depth: 0 };
        while !layer.is_empty() {
            let mut next = Vec::new();
            for (place, state) in layer {
                if let Err(violation) = state.fork_checks() {
                    return Err(found(&origins, place, None, violation, true, figures.steps));
                }
                let before = key::of(self, &state);
                for input in &self.alphabet {
                    let mut after = state.clone();
                    if !self.make_input(&mut after, *input, &mut buffers) {
                        continue;
                    }
                    figures.steps += 1;
                    let key = key::of(self, &after);
                    let violation = after.violation().cloned().or_else(|| {
                        let changes = input.is_stale() && key != before;
                        changes.then(|| Violation { id: "I-04", what: format!("{input} changes something") })
                    });
                    if let Some(violation) = violation {
                        return Err(found(&origins, place, Some(*input), violation, false, figures.steps));
                    }
                    let new = origins.len();
                    if *known.entry(key).or_insert(new) == new {
                        figures.depth = origins[place].depth + 1;
                        figures.states += 1;
                        origins.push(Origin { parent: place, input: Some(*input), depth: figures.depth });
                        if after.shadow().written.len() <= self.written_max {
                            next.push((new, after));
                        }
                        assert!(figures.states <= states_max, "no closure: {figures}");
                    }
                }
            }
            layer = next;
        }
        Ok(figures)
    }

    /// Makes every sequence of inputs up to a length, without comparing states. Returns how many sequences of the
    /// full length and how many steps there were, or the first violation.
    pub fn unfold(&self, begin: &Observed<M>, depth: usize) -> Result<Figures, Found> {
        let mut figures = Figures { depth, ..Figures::default() };
        let mut path = Vec::with_capacity(depth);
        self.unfold_from(begin, depth, &mut path, &mut figures, &mut Buffers::default()).map(|()| figures)
    }

    fn unfold_from(
        &self,
        state: &Observed<M>,
        depth: usize,
        path: &mut Vec<Input>,
        figures: &mut Figures,
        buffers: &mut Buffers,
    ) -> Result<(), Found> {
        for input in &self.alphabet {
            let mut after = state.clone();
            if !self.make_input(&mut after, *input, buffers) {
                continue;
            }
            figures.steps += 1;
            path.push(*input);
            if let Some(violation) = after.violation() {
                let (violation, inputs) = (violation.clone(), path.clone());
                return Err(Found { violation, inputs, in_fork: false, steps: figures.steps });
            }
            if depth > 1 {
                self.unfold_from(&after, depth - 1, path, figures, buffers)?;
            } else {
                figures.states += 1;
            }
            path.pop();
        }
        Ok(())
    }

    pub fn play(&self, inputs: &[Input], state: &mut Observed<M>) {
        let mut buffers = Buffers::default();
        for input in inputs {
            self.make_input(state, *input, &mut buffers);
        }
    }

    pub(super) fn make_input(&self, state: &mut Observed<M>, input: Input, buffers: &mut Buffers) -> bool {
        let Buffers { text, scratch } = buffers;
        let Some((now, act)) = self.act(state, input, text) else { return false };
        let scratch: &mut Scratch = scratch;
        state.step(now, act, scratch);
        while state.poll_output().is_some() {}
        true
    }

    pub fn report(&self, found: &Found) -> String {
        let Found { violation, inputs, in_fork, steps } = found;
        let path: Vec<String> = inputs.iter().map(Input::to_string).collect();
        let make = Arc::clone(&self.make);
        let mut again = Observed::new(self.settings.clone(), move || make()).lenient().recording();
        self.play(inputs, &mut again);
        let by = if *in_fork { shrink::Found::Fork } else { shrink::Found::Trace };
        format!("after {steps} steps: {}\n{}", path.join("; "), shrink::report(&again, violation, by))
    }
}

fn found(
    origins: &[Origin],
    place: usize,
    last: Option<Input>,
    violation: Violation,
    in_fork: bool,
    steps: usize,
) -> Found {
    let mut inputs: Vec<Input> = last.into_iter().collect();
    let mut place = place;
    while let Origin { parent, input: Some(input), .. } = &origins[place] {
        inputs.push(*input);
        place = *parent;
    }
    inputs.reverse();
    Found { violation, inputs, in_fork, steps }
}
