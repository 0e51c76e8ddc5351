//! The observer sees only the inputs and outputs of a machine. It reports which invariant of the lifecycle the
//! machine violates, with a shortened trace.
//!
//! Every call goes through an [`Observed`], which keeps a [`Shadow`] of the machine. [`CHECKS`](checks::CHECKS) lists
//! where each invariant is checked.

pub mod call;
pub mod checks;
mod data;
mod ends;
pub mod fork;
mod limits;
mod links;
pub mod metamorphic;
mod paths;
pub mod reader;
mod requests;
mod response;
mod sessions;
pub mod shadow;
pub mod shrink;
pub mod subscriptions;
mod time;

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use gemini_ws::lifecycle::{State, StreamState};
use gemini_ws::{
    CommandError, ConnectFailure, ConnectRequest, Deadline, Event, Frame, Instant, LinkId, Lost, Output,
    Request, RequestId, Scratch, Stats, Stream, StreamId,
};

use super::machine::{Machine, Plan, Settings, Wanted};
use call::{Act, Answer, Call, Names, written_id};
use reader::Reader;
use shadow::Shadow;

/// An invariant that does not hold: its id, and what showed it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Violation {
    pub id: &'static str,
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.id, self.what)
    }
}

pub type Make<M> = Arc<dyn Fn() -> M + Send + Sync>;

/// A machine that the observer watches. It implements `Machine`, so a test can use it in place of the machine.
///
/// At the first violation it panics, with a report if the calls are recorded. If the observer is
/// [lenient](Observed::lenient), it keeps the violation instead.
#[derive(Clone)]
pub struct Observed<M> {
    machine: M,
    make: Make<M>,
    shadow: Shadow,
    names: Names,
    outputs: Vec<Output>,
    /// The outputs of past steps that the driver has not polled yet.
    waiting: VecDeque<Output>,
    calls: Option<Vec<Call>>,
    reader: Option<Box<Reader>>,
    is_lenient: bool,
}

impl<M: Machine> Observed<M> {
    /// Observes the machine that `make` makes with these settings, one for each endpoint.
    pub fn new(settings: Vec<Settings>, make: impl Fn() -> M + Send + Sync + 'static) -> Observed<M> {
        Observed::with(settings, Arc::new(make))
    }

    fn with(settings: Vec<Settings>, make: Make<M>) -> Observed<M> {
        let machine = make();
        let mut names = Names::default();
        machine.each_link(|link, _, _| names.note_link(link));
        Observed {
            machine,
            make,
            shadow: Shadow::new(settings),
            names,
            outputs: Vec::new(),
            waiting: VecDeque::new(),
            calls: None,
            reader: None,
            is_lenient: false,
        }
    }

    /// Records all calls, so that a violation is reported with its trace. Call this method before the first step.
    pub fn recording(mut self) -> Observed<M> {
        self.calls = Some(Vec::new());
        self
    }

    /// Also passes events to a `Reader`, which takes more time than all other checks.
    pub fn reading(mut self) -> Observed<M> {
        self.reader = Some(Box::default());
        self
    }

    pub fn reading_with(mut self, reader: Reader) -> Observed<M> {
        self.reader = Some(Box::new(reader));
        self
    }

    pub fn lenient(mut self) -> Observed<M> {
        self.is_lenient = true;
        self
    }

    pub fn machine(&self) -> &M {
        &self.machine
    }

    pub fn violation(&self) -> Option<&Violation> {
        self.shadow.violation.as_ref()
    }

    pub fn calls(&self) -> &[Call] {
        self.calls.as_deref().unwrap_or_default()
    }

    pub fn names(&self) -> &Names {
        &self.names
    }

    pub fn shadow(&self) -> &Shadow {
        &self.shadow
    }

    pub fn is_terminated(&self) -> bool {
        self.shadow.terminated
    }

    /// Makes a recorded call, unless the call is about something that does not exist here.
    pub fn call(&mut self, call: &Call, scratch: &mut Scratch) {
        let mut text = String::new();
        if let Some(act) = self.names.act(call, &mut text) {
            self.step(call.now, act, scratch);
        }
    }

    /// Makes one step, polls its outputs, and checks the invariants. After a violation, does nothing.
    pub fn step<'f>(
        &mut self,
        now: Instant,
        act: Act<'f>,
        scratch: &'f mut Scratch,
    ) -> (Answer, Option<Event<'f>>) {
        if self.shadow.violation.is_some() {
            return (Answer::Done, None);
        }
        if let Some(calls) = &mut self.calls {
            calls.extend(self.names.call(now, act));
        }
        self.outputs.clear();
        let (machine, outputs) = (&mut self.machine, &mut self.outputs);
        let made = catch_unwind(AssertUnwindSafe(move || {
            let scratch = scratch;
            let made = act.perform(machine, now, scratch);
            while let Some(output) = machine.poll_output() {
                outputs.push(output);
                assert!(outputs.len() < 100_000, "no end of outputs");
            }
            made
        }));
        let (answer, event) = match made {
            Ok(made) => made,
            Err(cause) => {
                let text = cause.downcast_ref::<String>().cloned();
                let text = text.or_else(|| cause.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                self.shadow.fail("I-47", format!("a panic upon {act:?}: {}", text.unwrap_or_default()));
                self.stop();
                return (Answer::Done, None);
            }
        };
        self.shadow.follow(&self.machine, now, act, answer, event.as_ref(), &self.outputs);
        if let Some(reader) = &mut self.reader {
            let told = self.outputs.iter().filter_map(|output| match output {
                Output::Event(event) => Some(event),
                _ => None,
            });
            for event in event.iter().chain(told) {
                if let Err(Violation { id, what }) = reader.take(event) {
                    self.shadow.fail(id, what);
                }
            }
        }
        if !self.outputs.is_empty() || act.link().is_none() {
            for output in &self.outputs {
                if let Output::Send { text, .. } = output {
                    self.names.newest_request = written_id(text).unwrap_or(self.names.newest_request);
                }
            }
            self.names.note(&self.machine, act, answer);
            self.waiting.extend(self.outputs.drain(..));
        }
        if self.shadow.violation.is_some() {
            self.stop();
        }
        (answer, event)
    }

    #[cold]
    fn stop(&mut self) {
        if !self.is_lenient
            && let Some(violation) = &self.shadow.violation
        {
            panic!("{}", shrink::report(self, violation, shrink::Found::Trace));
        }
    }

    fn command(&mut self, now: Instant, act: Act<'_>) -> Answer {
        self.step(now, act, &mut Scratch::new()).0
    }
}

impl<M: Machine> Machine for Observed<M> {
    fn add(&mut self, now: Instant, endpoint: usize) -> Result<(), CommandError> {
        done(self.command(now, Act::Add(endpoint)))
    }

    fn remove(&mut self, now: Instant, endpoint: usize) -> Result<(), CommandError> {
        done(self.command(now, Act::Remove(endpoint)))
    }

    fn open(&mut self, now: Instant) -> Result<(), CommandError> {
        done(self.command(now, Act::Open))
    }

    fn subscribe_at(&mut self, now: Instant, wanted: Wanted) -> Result<StreamId, CommandError> {
        match self.command(now, Act::Subscribe(wanted)) {
            Answer::Stream(id) => Ok(id),
            Answer::Refused(error) => Err(error),
            Answer::Done | Answer::Request(_) => Err(CommandError::Closed),
        }
    }

    fn unsubscribe(&mut self, now: Instant, id: StreamId) -> Result<(), CommandError> {
        done(self.command(now, Act::Unsubscribe(id)))
    }

    fn resync(&mut self, now: Instant, id: StreamId) -> Result<(), CommandError> {
        done(self.command(now, Act::Resync(id)))
    }

    fn request(&mut self, now: Instant, request: &Request) -> Result<RequestId, CommandError> {
        match self.command(now, Act::Request(request)) {
            Answer::Request(id) => Ok(id),
            Answer::Refused(error) => Err(error),
            Answer::Done | Answer::Stream(_) => Err(CommandError::Closed),
        }
    }

    fn close(&mut self, now: Instant) {
        self.command(now, Act::Close);
    }

    fn close_by(&mut self, now: Instant, deadline: Instant) {
        self.command(now, Act::CloseBy(deadline));
    }

    fn shut_down(&mut self, now: Instant, plan: Plan) {
        self.command(now, Act::ShutDown(plan));
    }

    fn handle_connected(&mut self, link: LinkId, now: Instant) {
        self.command(now, Act::Connected(link));
    }

    fn handle_connect_failed(&mut self, link: LinkId, now: Instant, why: ConnectFailure) {
        self.command(now, Act::ConnectFailed(link, why));
    }

    fn handle_frame<'f>(
        &mut self,
        link: LinkId,
        now: Instant,
        frame: Frame<'f>,
        scratch: &'f mut Scratch,
    ) -> Option<Event<'f>> {
        self.step(now, Act::Frame(link, frame), scratch).1
    }

    fn handle_lost(&mut self, link: LinkId, now: Instant, why: Lost) {
        self.command(now, Act::Lost(link, why));
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.command(now, Act::Timeout);
    }

    fn handle_resumed(&mut self, now: Instant) {
        self.command(now, Act::Resumed);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.waiting.pop_front()
    }

    fn connect_request(&self, link: LinkId) -> Option<ConnectRequest> {
        self.machine.connect_request(link)
    }

    fn deadline(&self) -> Option<Deadline> {
        self.machine.deadline()
    }

    fn each_link(&self, each: impl FnMut(LinkId, usize, State)) {
        self.machine.each_link(each);
    }

    fn each_stream(&self, each: impl FnMut(StreamId, Stream, StreamState)) {
        self.machine.each_stream(each);
    }

    fn stats(&self) -> Stats {
        self.machine.stats()
    }
}

const fn done(answer: Answer) -> Result<(), CommandError> {
    match answer {
        Answer::Refused(error) => Err(error),
        _ => Ok(()),
    }
}
