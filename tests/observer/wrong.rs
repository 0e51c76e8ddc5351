//! [`Wrong`] is a machine that is correct except for one fault.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gemini_ws::lifecycle::{State, StreamState};
use gemini_ws::{
    CloseReason, CommandError, ConnectFailure, ConnectRequest, Deadline, Event, Frame, IgnoredReason,
    Instant, LinkId, Lost, Message, Output, Request, RequestId, RequestOutcome, Scratch, Stats, Stream,
    StreamId, Timer, Topic,
};

use testkit::machine::{Machine, Plan, Wanted};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    None,
    OpensTwice,
    FailsTwice,
    SendsAfterTheEnd,
    TakesStaleLosses,
    IsLiveTooEarly,
    DialsAfterClose,
    RepeatsTheEnd,
    ClosesAgainAloud,
    TellsAnotherCause,
    ReusesAnEpoch,
    SendsCode1005,
    IsLiveTwice,
    KeepsNoDeadlineWhileDialling,
    NeverGivesUpADial,
    IsAlwaysDue,
    SaysTooMuch,
    WaitsForThePeer,
    HasADeadlineAfterTheEnd,
    AbortsTwice,
    CountsNoStaleInput,
    ForgetsToAbort,
    EndsBeforeItsLink,
    AbandonsOneMore,
    RepliesTwice,
    ForgetsToReply,
    ReusesARequest,
    RepliesToAnother,
    SendsTwice,
    SaysNotSent,
    ForgetsTheWaiter,
    ForgetsAWish,
    NeverSubscribes,
    SubscribesTwice,
    IsLiveUnasked,
    IsLiveUnconfirmed,
    DeliversAfterTheEnd,
    CountsTwice,
    DeliversAnother,
    SaysMoreWhenItWaits,
    SendsHalf,
    ClosesTwice,
    ClosesFirst,
    HidesALoss,
    EndsOnlyWhenPolled,
    Panics,
    BlamesOneOfMany,
    DropsTheOther,
    IsNeverSilent,
    ReadsTheClock,
    ActsInSeries,
    DialsTwoAtOnce,
    NeverRetries,
    IgnoresRetryAfter,
    DiffersEachTime,
    KeepsTheOldBook,
    TakesChangesForASnapshot,
    DeliversStaleUpdates,
    TellsNoLossOfEvents,
    NeverCloses,
}

/// The number of machines made so far. A fault that must differ between machines depends on it.
static MADE: AtomicU64 = AtomicU64::new(0);

#[derive(Clone)]
pub(crate) struct Wrong<M> {
    inner: M,
    /// A second machine. Some faults report its events in place of those of `inner`.
    twin: M,
    fault: Fault,
    queue: VecDeque<Output>,
    sent: Option<Output>,
    first: Option<LinkId>,
    newest: Option<LinkId>,
    request: Option<RequestId>,
    why: Option<ConnectFailure>,
    now: Instant,
    closing: bool,
    /// A call of `close_by` that is put off until the next poll: its time and its deadline.
    waiting: Option<(Instant, Instant)>,
    number: u64,
}

impl<M: Machine> Wrong<M> {
    pub(crate) fn new(inner: M, twin: M, fault: Fault) -> Wrong<M> {
        Wrong {
            inner,
            twin,
            fault,
            queue: VecDeque::new(),
            sent: None,
            first: None,
            newest: None,
            request: None,
            why: None,
            now: Instant::ZERO,
            closing: false,
            waiting: None,
            number: MADE.fetch_add(1, Ordering::Relaxed),
        }
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn state(&self) -> Option<State> {
        let mut found = None;
        self.inner.each_link(|_, _, state| found = Some(state));
        found
    }

    /// Queues an output as the faulty machine hands it out: unchanged, changed, repeated, followed by others, or not
    /// at all.
    fn twist(&mut self, output: Output) {
        let queue = &mut self.queue;
        if let Output::Connect(link) = output {
            self.first.get_or_insert(link);
            self.newest = Some(link);
        }
        match (self.fault, output) {
            (Fault::OpensTwice, output @ Output::Event(Event::Opened { .. }))
            | (Fault::FailsTwice, output @ Output::Event(Event::ConnectFailed { .. }))
            | (Fault::RepeatsTheEnd, output @ Output::Event(Event::Closed { .. }))
            | (Fault::IsLiveTwice, output @ Output::Event(Event::Live { .. }))
            | (Fault::AbortsTwice, output @ Output::Abort(_))
            | (Fault::RepliesTwice, output @ Output::Event(Event::Reply { .. }))
            | (Fault::SendsTwice, output @ Output::Send { .. })
            | (Fault::ClosesTwice, output @ Output::Close { .. }) => {
                queue.extend([output.clone(), output]);
            }
            (Fault::SendsAfterTheEnd, output @ Output::Send { .. }) => {
                self.sent = Some(output.clone());
                queue.push_back(output);
            }
            (Fault::SendsAfterTheEnd, output @ Output::Event(Event::Disconnected { .. })) => {
                queue.push_back(output);
                queue.extend(self.sent.take());
            }
            (Fault::DialsAfterClose, output @ Output::Close { link, .. }) => {
                queue.extend([output, Output::Connect(link)]);
            }
            (Fault::TellsAnotherCause, Output::Event(Event::Disconnected { link, retry, .. })) => {
                queue.push_back(Output::Event(Event::Disconnected { link, reason: Lost::End, retry }));
            }
            (Fault::ReusesAnEpoch, Output::Connect(link)) => {
                queue.push_back(Output::Connect(self.first.unwrap_or(link)));
            }
            (Fault::SendsCode1005, Output::Close { link, reason, .. }) => {
                queue.push_back(Output::Close { link, code: 1005, reason });
            }
            (Fault::SaysTooMuch, Output::Event(Event::Live { link })) => {
                let output = Output::Event(Event::Live { link });
                let more = Output::Event(Event::SequenceGap { link, expected: 0, got: 1 });
                queue.extend(std::iter::once(output).chain(vec![more; 1_000]));
            }
            (Fault::ForgetsToAbort, Output::Abort(_))
            | (Fault::ForgetsToReply, Output::Event(Event::Reply { .. }))
            | (Fault::NeverSubscribes, Output::Send { .. })
            | (Fault::HidesALoss, Output::Event(Event::Gap { .. })) => {}
            (Fault::EndsBeforeItsLink, output @ Output::Close { .. }) => {
                let (reason, abandoned) = (CloseReason::Requested, Default::default());
                queue.extend([output, Output::Event(Event::Closed { reason, abandoned })]);
            }
            (Fault::AbandonsOneMore, Output::Event(Event::Closed { reason, mut abandoned })) => {
                abandoned.requests += 1;
                queue.push_back(Output::Event(Event::Closed { reason, abandoned }));
            }
            (Fault::SaysNotSent, Output::Event(Event::Reply { link, request, about, .. })) => {
                let outcome = RequestOutcome::NotSent;
                queue.push_back(Output::Event(Event::Reply { link, request, about, outcome }));
            }
            (Fault::SubscribesTwice, output @ Output::Send { .. }) => {
                let Output::Send { link, text } = &output else { return };
                let again = Output::Send { link: *link, text: text.replace("\"id\":1,", "\"id\":1000,") };
                queue.extend([output, again]);
            }
            (Fault::IsLiveUnasked, output @ Output::Event(Event::Opened { link, .. })) => {
                queue.extend([output, Output::Event(Event::Live { link })]);
            }
            (Fault::IsLiveUnconfirmed, output @ Output::Send { link, .. }) => {
                queue.extend([output, Output::Event(Event::Live { link })]);
            }
            (Fault::SendsHalf, Output::Send { link, mut text }) => {
                text.pop();
                queue.push_back(Output::Send { link, text });
            }
            (Fault::DropsTheOther, output @ Output::Event(Event::Disconnected { .. })) => {
                queue.push_back(output);
                queue.extend(self.newest.map(Output::Abort));
            }
            (Fault::DialsTwoAtOnce, output @ Output::Event(Event::Opened { .. })) => {
                queue.push_back(output);
                // The twin is an epoch ahead.
                let mut next = None;
                self.twin.each_link(|link, _, _| next = Some(link));
                queue.extend(next.map(Output::Connect));
            }
            (Fault::NeverRetries, Output::Event(Event::Disconnected { link, reason: why, .. })) => {
                queue.push_back(Output::Event(Event::Disconnected { link, reason: why, retry: None }));
            }
            (Fault::IgnoresRetryAfter, Output::Event(Event::ConnectFailed { link, reason: why, retry })) => {
                let why = self.why.unwrap_or(why);
                queue.push_back(Output::Event(Event::ConnectFailed { link, reason: why, retry }));
            }
            (Fault::TellsNoLossOfEvents, Output::Event(Event::Opened { link, .. })) => {
                queue.push_back(Output::Event(Event::Opened { link, missing_since: None }));
            }
            (Fault::ReadsTheClock, output @ Output::Event(Event::Opened { link, .. })) => {
                queue.push_back(output);
                if self.now > Instant::from_secs(3_600) {
                    queue.push_back(Output::Event(Event::SequenceGap { link, expected: 0, got: 1 }));
                }
            }
            (Fault::DiffersEachTime, output @ Output::Event(Event::Opened { link, .. })) => {
                queue.push_back(output);
                let more = Output::Event(Event::SequenceGap { link, expected: 0, got: 1 });
                queue.extend(self.number.is_multiple_of(2).then_some(more));
            }
            (_, output) => queue.push_back(output),
        }
    }

    /// Passes `frame` to the machine and `text` to its twin. Returns the event of the twin.
    fn of_twin<'f>(
        &mut self,
        link: LinkId,
        now: Instant,
        frame: Frame<'f>,
        text: &'f str,
    ) -> Option<Event<'f>> {
        self.inner.handle_frame(link, now, frame, &mut Scratch::new());
        let scratch = Box::leak(Box::new(Scratch::new()));
        self.twin.handle_frame(self.first.unwrap_or(link), now, Frame::Text(text), scratch)
    }
}

impl<M: Machine> Machine for Wrong<M> {
    fn add(&mut self, now: Instant, endpoint: usize) -> Result<(), CommandError> {
        self.inner.add(now, endpoint)
    }

    fn remove(&mut self, now: Instant, endpoint: usize) -> Result<(), CommandError> {
        self.inner.remove(now, endpoint)
    }

    fn open(&mut self, now: Instant) -> Result<(), CommandError> {
        let _ = self.twin.open(now);
        if self.is(Fault::DialsTwoAtOnce) {
            let mut link = None;
            self.twin.each_link(|of, _, _| link = Some(of));
            link.into_iter()
                .for_each(|link| self.twin.handle_connect_failed(link, now, ConnectFailure::Refused));
            self.twin.handle_timeout(now + Duration::from_secs(2));
        }
        self.inner.open(now)
    }

    fn subscribe_at(&mut self, now: Instant, wanted: Wanted) -> Result<StreamId, CommandError> {
        let _ = self.twin.subscribe_at(now, wanted);
        self.inner.subscribe_at(now, wanted)
    }

    fn unsubscribe(&mut self, now: Instant, id: StreamId) -> Result<(), CommandError> {
        self.inner.unsubscribe(now, id)
    }

    fn resync(&mut self, now: Instant, id: StreamId) -> Result<(), CommandError> {
        self.inner.resync(now, id)
    }

    fn request(&mut self, now: Instant, request: &Request) -> Result<RequestId, CommandError> {
        let id = self.inner.request(now, request)?;
        if self.is(Fault::ReusesARequest) { Ok(*self.request.get_or_insert(id)) } else { Ok(id) }
    }

    fn close(&mut self, now: Instant) {
        if self.is(Fault::ClosesAgainAloud) && self.closing {
            self.queue.push_back(Output::Event(Event::Overflow {
                topic: Topic::Other,
                symbol: None,
                dropped: 1,
            }));
        }
        self.closing = true;
        if !self.is(Fault::NeverCloses) {
            self.inner.close(now);
        }
    }

    fn close_by(&mut self, now: Instant, deadline: Instant) {
        self.closing = true;
        match self.fault {
            Fault::NeverCloses => {}
            Fault::EndsOnlyWhenPolled => self.waiting = Some((now, deadline)),
            _ => self.inner.close_by(now, deadline),
        }
    }

    fn shut_down(&mut self, now: Instant, plan: Plan) {
        self.closing = true;
        self.inner.shut_down(now, plan);
    }

    fn handle_connected(&mut self, link: LinkId, now: Instant) {
        self.now = now;
        self.twin.handle_connected(self.first.unwrap_or(link), now);
        self.inner.handle_connected(link, now);
    }

    fn handle_connect_failed(&mut self, link: LinkId, now: Instant, why: ConnectFailure) {
        self.why = Some(why);
        let why = if self.is(Fault::IgnoresRetryAfter) { ConnectFailure::Refused } else { why };
        self.inner.handle_connect_failed(link, now, why);
    }

    fn handle_frame<'f>(
        &mut self,
        link: LinkId,
        now: Instant,
        frame: Frame<'f>,
        scratch: &'f mut Scratch,
    ) -> Option<Event<'f>> {
        let Frame::Text(text) = frame else { return self.inner.handle_frame(link, now, frame, scratch) };
        let is_data = text.contains("\"E\":");
        match self.fault {
            Fault::Panics if text == "panic" => panic!("as was asked for"),
            Fault::ForgetsTheWaiter if !is_data => {
                self.inner.handle_frame(link, now, frame, &mut Scratch::new());
                self.inner.handle_frame(link, now, frame, scratch)
            }
            Fault::DeliversAfterTheEnd | Fault::KeepsTheOldBook if is_data => {
                self.of_twin(link, now, frame, text)
            }
            Fault::BlamesOneOfMany if !is_data => self.of_twin(link, now, frame, text),
            Fault::RepliesToAnother if !is_data => {
                let other: &'static str = Box::leak(text.replace("\"id\":2", "\"id\":3").into_boxed_str());
                self.inner.handle_frame(link, now, Frame::Text(other), scratch)
            }
            Fault::DeliversAnother if is_data => {
                let other: &'static str = Box::leak(text.to_owned().into_boxed_str());
                self.inner.handle_frame(link, now, Frame::Text(other), scratch)
            }
            Fault::DeliversStaleUpdates => {
                let event = self.inner.handle_frame(link, now, frame, scratch);
                match event {
                    Some(Event::Ignored(it, source)) if it.reason == IgnoredReason::StaleUpdate => {
                        match gemini_ws::decode(text, Box::leak(Box::new(Scratch::new()))) {
                            Ok(Message::Depth(depth)) => Some(Event::DepthUpdate(depth, source)),
                            _ => None,
                        }
                    }
                    other => other,
                }
            }
            Fault::TakesChangesForASnapshot => match self.inner.handle_frame(link, now, frame, scratch) {
                Some(Event::DepthUpdate(depth, source)) => Some(Event::DepthSnapshot(depth, source)),
                other => other,
            },
            _ => {
                let _ = self.twin.handle_frame(link, now, frame, &mut Scratch::new());
                self.inner.handle_frame(link, now, frame, scratch)
            }
        }
    }

    fn handle_lost(&mut self, link: LinkId, now: Instant, why: Lost) {
        let stale = self.is(Fault::TakesStaleLosses);
        self.inner.handle_lost(self.newest.filter(|_| stale).unwrap_or(link), now, why);
    }

    fn handle_timeout(&mut self, now: Instant) {
        let cause = self.inner.deadline().map(|deadline| deadline.cause);
        match self.fault {
            Fault::NeverGivesUpADial if self.state() == Some(State::Connecting) => {}
            Fault::WaitsForThePeer if self.closing => {}
            Fault::IsNeverSilent if matches!(cause, Some(Timer::Alive | Timer::Stable)) => {}
            Fault::ActsInSeries => {
                self.inner.handle_timeout(now);
                self.inner.handle_timeout(now + Duration::from_secs(11));
            }
            _ => self.inner.handle_timeout(now),
        }
    }

    fn handle_resumed(&mut self, now: Instant) {
        self.inner.handle_resumed(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        if let Some((now, deadline)) = self.waiting.take() {
            self.inner.close_by(now, deadline);
        }
        match self.fault {
            Fault::SaysMoreWhenItWaits | Fault::ClosesFirst => {
                while let Some(output) = self.inner.poll_output() {
                    self.queue.push_back(output);
                }
                let more = Output::Event(Event::Overflow { topic: Topic::Other, symbol: None, dropped: 1 });
                if self.is(Fault::SaysMoreWhenItWaits)
                    && self.queue.len() > 6
                    && self.queue.iter().all(|output| {
                        matches!(output, Output::Send { .. } | Output::Event(Event::Requested { .. }))
                    })
                {
                    self.queue.push_back(more);
                }
                let is_close = |output: &Output| matches!(output, Output::Close { .. });
                match self.queue.iter().position(is_close).filter(|_| self.is(Fault::ClosesFirst)) {
                    Some(position) => self.queue.remove(position),
                    None => self.queue.pop_front(),
                }
            }
            _ => {
                while self.queue.is_empty() {
                    let output = self.inner.poll_output()?;
                    self.twist(output);
                }
                self.queue.pop_front()
            }
        }
    }

    fn connect_request(&self, link: LinkId) -> Option<ConnectRequest> {
        self.inner.connect_request(link)
    }

    fn deadline(&self) -> Option<Deadline> {
        let far = Deadline { at: Instant::from_secs(1 << 30), cause: Timer::Alive };
        let deadline = self.inner.deadline();
        let state = self.state();
        match self.fault {
            Fault::KeepsNoDeadlineWhileDialling if state == Some(State::Connecting) => None,
            Fault::NeverGivesUpADial if state == Some(State::Connecting) => Some(far),
            Fault::IsAlwaysDue => Some(Deadline { at: Instant::ZERO, cause: Timer::Alive }),
            Fault::WaitsForThePeer if self.closing => Some(far),
            Fault::HasADeadlineAfterTheEnd if self.closing && state.is_none() => Some(far),
            Fault::IsNeverSilent
                if deadline.is_some_and(|it| matches!(it.cause, Timer::Alive | Timer::Stable)) =>
            {
                Some(far)
            }
            _ => deadline,
        }
    }

    fn each_link(&self, mut each: impl FnMut(LinkId, usize, State)) {
        let early = self.is(Fault::IsLiveTooEarly);
        self.inner.each_link(|link, endpoint, state| {
            each(link, endpoint, if early && state == State::Subscribing { State::Live } else { state });
        });
    }

    fn each_stream(&self, mut each: impl FnMut(StreamId, Stream, StreamState)) {
        let mut skipped = !self.is(Fault::ForgetsAWish);
        self.inner.each_stream(|id, stream, state| {
            if std::mem::replace(&mut skipped, true) {
                each(id, stream, state);
            }
        });
    }

    fn stats(&self) -> Stats {
        let mut stats = self.inner.stats();
        match self.fault {
            Fault::CountsTwice => stats.data *= 2,
            Fault::CountsNoStaleInput => stats.stale_inputs = 0,
            _ => {}
        }
        stats
    }
}
