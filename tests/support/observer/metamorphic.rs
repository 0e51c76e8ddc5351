//! Compares two runs. The second run differs in something that must not matter.

use std::time::Duration;

use gemini_ws::{
    CloseReason, CommandError, ConnectFailure, Deadline, Event, Frame, IgnoredReason, Instant, Lost, Output,
    RequestOutcome, Scratch, Stats,
};

use super::super::machine::{Machine, Plan};
use super::super::random::Random;
use super::call::{Act, Answer, Call, Link, Names, What, written_id};
use super::sessions::Sessions;
use super::shrink::{Found, report};
use super::{Make, Observed, Violation};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Variation {
    Same,
    /// The second run has further inputs, about the link before the newest one.
    Stale,
    /// After the application has closed the client, it closes the client again after each call.
    CloseAgain,
    /// The driver polls outputs only after some of the calls.
    Unpolled,
    /// The clock of the second run starts later.
    Later,
}

/// The variations, each with its invariant and the number of random runs.
const VARIATIONS: [(&str, Variation, u64); 5] = [
    ("I-59", Variation::Same, 1),
    ("I-04", Variation::Stale, 1),
    ("I-07", Variation::CloseAgain, 1),
    ("I-38", Variation::Unpolled, 4),
    ("I-52", Variation::Later, 1),
];

const SEEDS_APART: u64 = 1 << 32;

const LATER: Duration = Duration::from_nanos(86_400_000_000_001);

impl<M: Machine> Observed<M> {
    /// Runs all comparisons on the recorded trace.
    ///
    /// # Errors
    ///
    /// The first violation, if the observer is [lenient](Observed::lenient). Otherwise the call panics.
    pub fn metamorphic_checks(&self) -> Result<(), Violation> {
        match check(self.calls(), &self.make) {
            Err(violation) if !self.is_lenient => {
                panic!("{}", report(self, &violation, Found::Metamorphosis))
            }
            checked => checked,
        }
    }
}

pub fn check<M: Machine>(calls: &[Call], make: &Make<M>) -> Result<(), Violation> {
    for (id, variation, runs) in VARIATIONS {
        for run in 0..runs {
            let random = Random(calls.len() as u64 + run * SEEDS_APART);
            compare(calls, make, variation, random)
                .map_err(|what| Violation { id, what: format!("{variation:?}: {what}") })?;
        }
    }
    Ok(())
}

fn compare<M: Machine>(
    calls: &[Call],
    make: &Make<M>,
    variation: Variation,
    random: Random,
) -> Result<(), String> {
    let mut runs = Runs::new(make, variation, random);
    for call in calls {
        let mut text = String::new();
        let Some(act) = runs.names.act(call, &mut text) else { continue };
        runs.perform(call, act)?;
        if variation == Variation::Unpolled && runs.random.below(9) > 0 {
            continue;
        }
        runs.poll(call)?;
        runs.vary(call)?;
    }
    runs.finish()
}

/// Two runs with the same calls, and the outputs of both that have not been compared yet.
struct Runs<M> {
    variation: Variation,
    random: Random,
    later: Duration,
    reference: M,
    other: M,
    names: Names,
    expected: Vec<Output>,
    got: Vec<Output>,
    sessions: Sessions,
    /// What the further inputs of the second run have added to its statistics.
    inserted: Stats,
    /// The last command that ended the client of both runs.
    closing: Option<Act<'static>>,
    scratches: [Scratch; 2],
}

impl<M: Machine> Runs<M> {
    fn new(make: &Make<M>, variation: Variation, random: Random) -> Runs<M> {
        let (reference, other) = (make(), make());
        let mut names = Names::default();
        reference.each_link(|link, _, _| names.note_link(link));
        let later = if variation == Variation::Later { LATER } else { Duration::ZERO };
        let (expected, got, closing) = (Vec::new(), Vec::new(), None);
        let (sessions, inserted) = (Sessions::default(), Stats::default());
        let scratches = [Scratch::new(), Scratch::new()];
        Runs {
            variation,
            random,
            later,
            reference,
            other,
            names,
            expected,
            got,
            sessions,
            inserted,
            closing,
            scratches,
        }
    }

    fn perform(&mut self, call: &Call, act: Act<'_>) -> Result<(), String> {
        let (later, sessions) = (self.later, &mut self.sessions);
        let [scratch, spare] = &mut self.scratches;
        self.other.each_link(|link, endpoint, _| sessions.note_link(link, endpoint));
        let first = act.perform(&mut self.reference, call.now, scratch);
        let second = shift(act, later).perform(&mut self.other, call.now + later, spare);
        let second = (unshift(second.0, later), second.1);
        if first.0 != second.0 || first.1 != second.1 {
            return Err(format!("{call}: {first:?}, and {second:?}"));
        }
        if let (Act::Remove(endpoint), Answer::Done) = (act, second.0) {
            sessions.note_removed(endpoint);
        }
        second.1.iter().for_each(|event| sessions.note(event));
        let begin = self.expected.len();
        self.expected.extend(std::iter::from_fn(|| self.reference.poll_output()));
        for output in &self.expected[begin..] {
            match output {
                Output::Send { text, .. } => {
                    self.names.newest_request = written_id(text).unwrap_or(self.names.newest_request);
                }
                // The second run may return the reply before its own `Requested` is polled, so `sessions` needs this
                // event now.
                Output::Event(event @ Event::Requested { .. }) => sessions.note(event),
                _ => {}
            }
        }
        self.names.note(&self.reference, act, first.0);
        if matches!(call.what, What::Close | What::CloseBy(_) | What::ShutDown(_)) {
            self.closing = match act {
                Act::CloseBy(deadline) => Some(Act::CloseBy(deadline)),
                Act::ShutDown(plan) => Some(Act::ShutDown(plan)),
                _ => Some(Act::Close),
            };
        }
        Ok(())
    }

    fn poll(&mut self, call: &Call) -> Result<(), String> {
        self.take_got();
        if self.variation == Variation::Unpolled {
            withdraw(&mut self.expected, &mut self.got, &mut self.sessions)?;
        }
        if self.expected != self.got {
            return Err(format!("{call}: {:?}, and {:?}", self.expected, self.got));
        }
        self.expected.clear();
        self.got.clear();
        let deadline = self.other.deadline().map(|it| Deadline { at: back(it.at, self.later), ..it });
        if self.reference.deadline() != deadline {
            return Err(format!("{call}: {:?}, and {deadline:?}", self.reference.deadline()));
        }
        Ok(())
    }

    fn take_got(&mut self) {
        let (other, later) = (&mut self.other, self.later);
        self.got.extend(std::iter::from_fn(|| other.poll_output()).map(|output| rebase(output, later)));
    }

    fn vary(&mut self, call: &Call) -> Result<(), String> {
        match (self.variation, self.closing) {
            (Variation::Stale, _) if self.random.below(3) == 0 => {
                insert_stale(&mut self.other, &self.names, call.now, &mut self.random, &mut self.inserted)
                    .map_err(|e| format!("after {call}: {e}"))
            }
            (Variation::CloseAgain, Some(closing)) => {
                closing.perform(&mut self.other, call.now, &mut Scratch::new());
                match self.other.poll_output() {
                    Some(output) => Err(format!("after {call} another close made {output:?}")),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn finish(mut self) -> Result<(), String> {
        self.take_got();
        withdraw(&mut self.expected, &mut self.got, &mut self.sessions)?;
        if self.expected != self.got {
            return Err(format!("at the end: {:?}, and {:?}", self.expected, self.got));
        }
        let (mut stats, inserted) = (self.other.stats(), self.inserted);
        stats.frames -= inserted.frames;
        stats.bytes -= inserted.bytes;
        stats.ignored_ended_link -= inserted.ignored_ended_link;
        stats.stale_inputs -= inserted.stale_inputs;
        if self.reference.stats() != stats {
            return Err(format!("at the end: {:?}, and {stats:?}", self.reference.stats()));
        }
        Ok(())
    }
}

/// Makes an input about the link before the newest one, if there was such a link. Fails unless the machine only
/// counts the input, ignores a frame, or drops a transport that connected too late.
fn insert_stale<M: Machine>(
    machine: &mut M,
    names: &Names,
    now: Instant,
    random: &mut Random,
    inserted: &mut Stats,
) -> Result<(), String> {
    let Some(link) = names.link(Link { slot: 0, back: 1 }) else { return Ok(()) };
    let text = r#"{"id":1,"status":200}"#;
    let act = *random.pick(&[
        Act::Connected(link),
        Act::ConnectFailed(link, ConnectFailure::Certificate),
        Act::Lost(link, Lost::Closed { code: Some(4401) }),
        Act::Frame(link, Frame::Text(text)),
    ]);
    inserted.stale_inputs += 1;
    if matches!(act, Act::Frame(..)) {
        inserted.frames += 1;
        inserted.bytes += text.len() as u64;
        inserted.ignored_ended_link += 1;
    }
    let mut scratch = Scratch::new();
    let (_, event) = act.perform(machine, now, &mut scratch);
    let is_spare = match event {
        None => true,
        Some(Event::Ignored(ignored, _)) => ignored.reason == IgnoredReason::EndedLink,
        Some(_) => false,
    };
    if !is_spare {
        return Err(format!("{act:?} made {event:?}"));
    }
    while let Some(output) = machine.poll_output() {
        if output != Output::Abort(link) || !matches!(act, Act::Connected(_)) {
            return Err(format!("{act:?} made {output:?}"));
        }
    }
    Ok(())
}

/// Removes the differences that result from late polling: messages whose link ended before they were handed out, the
/// outcome `NotSent` instead of `Lost`, and the reason and sessions of `Closed`. Fails if `Closed` in `got` has a
/// wrong number of sessions.
fn withdraw(expected: &mut Vec<Output>, got: &mut [Output], sessions: &mut Sessions) -> Result<(), String> {
    let mut ended = Vec::new();
    let mut kept: Vec<Output> = Vec::new();
    for output in expected.drain(..).rev() {
        match &output {
            Output::Event(Event::Disconnected { link, .. }) => ended.push(*link),
            Output::Send { link, .. } if ended.contains(link) => continue,
            _ => {}
        }
        kept.push(output);
    }
    kept.reverse();
    *expected = kept;
    for output in got.iter_mut() {
        let Output::Event(event) = output else { continue };
        sessions.note(event);
        if let Event::Closed { reason, abandoned } = event {
            if abandoned.sessions != 0 && abandoned.sessions != sessions.left() {
                return Err(format!("{reason:?}, {abandoned:?}; {} sessions", sessions.left()));
            }
            let told = expected.iter().find_map(end_of);
            (*reason, abandoned.sessions) = told.unwrap_or((*reason, abandoned.sessions));
        }
    }
    // In both runs, the machine may withdraw its own request in the step that made the request.
    for output in expected.iter_mut().chain(got) {
        if let Output::Event(Event::Reply { outcome: outcome @ RequestOutcome::NotSent, .. }) = output {
            *outcome = RequestOutcome::Lost;
        }
    }
    Ok(())
}

/// Returns the reason in `Closed`, and the number of sessions that may have left orders at the venue.
fn end_of(output: &Output) -> Option<(CloseReason, usize)> {
    match output {
        Output::Event(Event::Closed { reason, abandoned }) => Some((*reason, abandoned.sessions)),
        _ => None,
    }
}

fn shift(act: Act<'_>, later: Duration) -> Act<'_> {
    match act {
        Act::CloseBy(deadline) => Act::CloseBy(deadline + later),
        Act::ShutDown(plan) => Act::ShutDown(Plan { deadline: plan.deadline + later, ..plan }),
        other => other,
    }
}

fn unshift(answer: Answer, later: Duration) -> Answer {
    match answer {
        Answer::Refused(CommandError::RateLimited { limit, window, retry }) => {
            Answer::Refused(CommandError::RateLimited { limit, window, retry: back(retry, later) })
        }
        other => other,
    }
}

fn rebase(output: Output, later: Duration) -> Output {
    match output {
        Output::Event(Event::ConnectFailed { link, reason: why, retry }) => {
            let retry = retry.map(|at| back(at, later));
            Output::Event(Event::ConnectFailed { link, reason: why, retry })
        }
        Output::Event(Event::Disconnected { link, reason: why, retry }) => {
            let retry = retry.map(|at| back(at, later));
            Output::Event(Event::Disconnected { link, reason: why, retry })
        }
        Output::Event(Event::Opened { link, missing_since }) => {
            let missing_since = missing_since.map(|at| back(at, later));
            Output::Event(Event::Opened { link, missing_since })
        }
        Output::Event(Event::Silent { link, id, stream, since }) => {
            Output::Event(Event::Silent { link, id, stream, since: back(since, later) })
        }
        Output::Event(Event::Unserved { link, id, stream, reason, attempts, retry }) => {
            let retry = back(retry, later);
            Output::Event(Event::Unserved { link, id, stream, reason, attempts, retry })
        }
        Output::Event(Event::HeartbeatDue { link, since }) => {
            Output::Event(Event::HeartbeatDue { link, since: back(since, later) })
        }
        other => other,
    }
}

fn back(at: Instant, later: Duration) -> Instant {
    Instant::ZERO + at.since(Instant::ZERO + later)
}
