//! The steps of a connection: a cell of a table is looked up, the state goes where the cell says, and
//! the effects that stand there are performed.

use crate::connection::{Cause, Connection, Pending};
use crate::error::{CommandError, Limit};
use crate::event::reason::{Abandoned, CloseReason, ConnectFailure, Lost, Retry};
use crate::event::{Event, RequestOutcome};
use crate::link::lifecycle::{Cell, Effect, Input, Refusal, State, StreamInput, StreamState, link_step};
use crate::link::output::Output;
use crate::link::subscriptions::Subscription;
use crate::link::timer::Timer;
use crate::value::id::{LinkId, RequestId};
use crate::value::time::Instant;

/// How often in a row a stream may go unanswered before the link is given up.
const ATTEMPTS_MAX: u8 = 3;

impl Connection {
    pub(crate) fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// Whether an input is about the present transport; otherwise it is counted.
    pub(crate) fn is_current(&mut self, link: LinkId) -> bool {
        let current = (link == self.link || mutant!(TakeOldInputs))
            && matches!(self.state, State::Connecting | State::Subscribing | State::Live | State::Closing);
        if !current {
            self.stats.stale_inputs = self.stats.stale_inputs.saturating_add(1);
        }
        current
    }

    /// Whether a command is allowed, and is to be sent at once.
    pub(crate) fn allow(&mut self, input: Input) -> Result<bool, CommandError> {
        if self.shared.outputs.is_full() {
            return Err(CommandError::TooMany(Limit::Outputs));
        }
        match link_step(self.state, input) {
            Cell::Stay(effects) => Ok(effects.contains(&Effect::Send)),
            Cell::Refuse(Refusal::NotConnected) => Err(CommandError::NotConnected),
            Cell::Refuse(Refusal::Closed) | Cell::Ignore | Cell::Go(..) => Err(CommandError::Closed),
        }
    }

    pub(crate) fn input(&mut self, input: Input, cause: Cause) {
        // Only rows of commands refuse.
        let _ = self.step(input, cause);
    }

    pub(crate) fn step(&mut self, input: Input, cause: Cause) -> Result<(), CommandError> {
        match link_step(self.state, input) {
            Cell::Go(next, effects) => {
                let before = core::mem::replace(&mut self.state, next);
                if input != Input::Exhausted {
                    self.abandoned = Abandoned::default();
                }
                let retry = self.enter(next, cause);
                for effect in effects {
                    self.perform(*effect, before, cause, retry);
                }
                if next == State::Backoff && retry.is_none() {
                    return self.step(Input::Exhausted, Cause::None);
                }
                self.settle();
                Ok(())
            }
            Cell::Stay(_) => Ok(()),
            Cell::Ignore => {
                self.stats.stale_inputs = self.stats.stale_inputs.saturating_add(1);
                Ok(())
            }
            Cell::Refuse(Refusal::Closed) => Err(CommandError::Closed),
            Cell::Refuse(Refusal::NotConnected) => Err(CommandError::NotConnected),
        }
    }

    /// Sets the timers of a state. Returns the instant of the next attempt, if there is one.
    fn enter(&mut self, state: State, cause: Cause) -> Option<Instant> {
        let config = &self.config;
        let now = self.now;
        if state != State::Live && !(state == State::Closed && mutant!(KeepTimersAfterTheEnd)) {
            self.timers.disarm_all();
        }
        match state {
            State::Connecting => {
                if !mutant!(ReuseTheEpoch) {
                    self.link.epoch = self.link.epoch.wrapping_add(1);
                }
                if !mutant!(DialWithoutADeadline) {
                    self.timers.arm(Timer::Connect, now + config.connect_timeout);
                }
            }
            State::Subscribing => {
                self.heard = now;
                if !mutant!(CarryTheSilenceOver) {
                    self.probed = None;
                }
                self.probe_waits = false;
                self.next_sequence = 0;
                self.malformed_run = 0;
                self.timers.arm(Timer::Alive, now + config.probe_after);
                if let Some(every) = config.heartbeat_every.filter(|_| config.authenticated) {
                    // The upgrade was a request, too.
                    self.sent = now;
                    self.timers.arm_by(Timer::Heartbeat, now + every);
                }
            }
            State::Live => self.timers.arm(Timer::Stable, now + config.stable_after),
            State::Closing => self.timers.arm(Timer::Close, now + config.close_timeout),
            State::Backoff => {
                let at = self.next_attempt(cause)?;
                self.timers.arm(Timer::Retry, at);
                return Some(at);
            }
            State::Closed => self.timers.set(Timer::Heartbeat, None),
            State::Idle => {}
        }
        None
    }

    /// When the next attempt is made; `None` if none will be.
    fn next_attempt(&mut self, cause: Cause) -> Option<Instant> {
        let retry = match cause {
            Cause::Held(at) => return Some(at),
            Cause::Failure(why) => why.retry(),
            Cause::Loss(why) => why.retry(),
            Cause::None => Retry::Usual,
        };
        let retry = if mutant!(IgnoreTheVenuesDelay) { Retry::Usual } else { retry };
        let delay = self.backoff.next();
        let delay = if mutant!(NeverSlowDown) { self.config.backoff_base } else { delay };
        let at = match retry {
            Retry::Usual | Retry::Never => self.now + delay,
            Retry::NotBefore(least) => self.now + delay.max(least),
        };
        if let (Cause::Failure(why), Retry::NotBefore(least)) = (cause, retry)
            && why.is_of_host()
            && !mutant!(HoldOneLinkOnly)
        {
            self.limits.dials = self.limits.dials.hold_until(self.now + least);
        }
        if (self.is_last && !mutant!(RetryAtTheEnd)) || self.is_exhausted() {
            return None;
        }
        Some(at.max(self.limits.dials.free_at()))
    }

    fn is_exhausted(&self) -> bool {
        let attempts = self.backoff.attempts();
        self.config.attempts_max.is_some_and(|most| attempts >= most && !mutant!(RetryWithoutALimit))
    }

    fn perform(&mut self, effect: Effect, before: State, cause: Cause, retry: Option<Instant>) {
        let link = self.link;
        match effect {
            Effect::Dial => {
                // There was room for it, or this step would not be taken.
                if !mutant!(CountNoDials) {
                    let _ = self.limits.take_dial(self.now);
                    self.served = Some(self.now);
                }
                self.shared.outputs.push(Output::Connect(link));
            }
            Effect::Abort => {
                let counted = usize::from(!mutant!(HideAbandonedLinks));
                self.abandoned.links = self.abandoned.links.saturating_add(counted);
                if mutant!(DropTwice) {
                    self.shared.outputs.push(Output::Abort(link));
                }
                if !mutant!(ForgetToDrop) {
                    self.shared.outputs.push(Output::Abort(link));
                }
            }
            Effect::ReportFailure => {
                let reason = match cause {
                    Cause::Failure(reason) => reason,
                    Cause::Loss(_) => ConnectFailure::Transport,
                    Cause::None | Cause::Held(_) => ConnectFailure::Cancelled,
                };
                self.stats.connect_failures = self.stats.connect_failures.saturating_add(1);
                self.report(Event::ConnectFailed { link, reason, retry });
            }
            Effect::ReportOpened => {
                self.stats.connects = self.stats.connects.saturating_add(1);
                if mutant!(ForgiveOnOpen) {
                    self.backoff.reset();
                }
                let missing_since = self.missing_since.filter(|_| !mutant!(HideWhatIsMissing));
                self.report(Event::Opened { link, missing_since });
            }
            Effect::Restore => self.each_stream(StreamInput::LinkUp),
            Effect::ReportLive => self.report(Event::Live { link }),
            Effect::FailAll => self.fail_all(),
            Effect::ReportLost => {
                let reason = match cause {
                    Cause::Loss(reason) if !mutant!(BlameTheTransport) => reason,
                    _ => Lost::Transport,
                };
                self.report(Event::Disconnected { link, reason, retry });
            }
            Effect::SendClose => {
                let code = if mutant!(CloseAsIfItHadBroken) { 1006 } else { 1000 };
                self.shared.outputs.push(Output::Close { link, code, reason: "" });
                if mutant!(CloseTwice) {
                    self.shared.outputs.push(Output::Close { link, code, reason: "" });
                }
            }
            Effect::ReportClosed => {
                let reason = match (before, cause) {
                    (State::Closing, Cause::Loss(Lost::CloseTimedOut)) => CloseReason::RequestedUnclean,
                    (State::Closing, _) => CloseReason::Requested,
                    (_, Cause::Failure(why)) => CloseReason::ConnectRefused(why),
                    (_, Cause::Loss(Lost::Closed { code: Some(code) })) => CloseReason::ClosedByPeer { code },
                    (State::Backoff, Cause::None) if !self.is_last && self.is_exhausted() => {
                        CloseReason::AttemptsExhausted { attempts: self.backoff.attempts() }
                    }
                    (_, Cause::Loss(_) | Cause::None | Cause::Held(_)) => CloseReason::Requested,
                };
                self.report(Event::Closed { reason, abandoned: self.abandoned });
            }
            // Done by the method that looked the cell up.
            Effect::Deliver | Effect::Record | Effect::Send => {}
        }
    }

    pub(crate) fn report(&mut self, event: Event<'static>) {
        self.shared.outputs.push(Output::Event(event));
    }

    pub(crate) fn lose(&mut self, why: Lost) {
        let input = if why.retry() == Retry::Never { Input::LostForGood } else { Input::Lost };
        self.input(input, Cause::Loss(why));
    }

    fn fail_all(&mut self) {
        self.missing_since = Some(if mutant!(MissNothingBefore) { self.now } else { self.heard });
        self.cancel_waits = false;
        self.batches.clear();
        while !mutant!(LeaveTheWaiter)
            && let Some((id, output, pending)) = self.in_flight.take_oldest()
        {
            if let Pending::Application(about) | Pending::Limits(about) = pending {
                let counted = usize::from(!mutant!(HideAbandonedRequests));
                self.abandoned.requests = self.abandoned.requests.saturating_add(counted);
                let handed_out = self.shared.outputs.was_handed_out(output) && !mutant!(CallLostUnsent);
                let handed_out = handed_out || mutant!(CallUnsentLost);
                let outcome = if handed_out { RequestOutcome::Lost } else { RequestOutcome::NotSent };
                self.report(Event::Reply { link: self.link, request: RequestId(id), about, outcome });
            }
        }
        if !mutant!(SendAfterTheEnd) {
            self.shared.outputs.withdraw_sends(self.link);
        }
        if mutant!(ForgetTheWishes) {
            self.subscriptions = crate::link::subscriptions::Subscriptions::new();
        }
        self.each_stream(StreamInput::LinkDown);
    }

    fn each_stream(&mut self, input: StreamInput) {
        for id in self.subscriptions.ids(|_| true) {
            self.stream_step(id, input);
        }
    }

    /// To be called when subscriptions have moved: sees whether the link is of no use, sends what is to be
    /// sent, and sees whether the link is live.
    pub(crate) fn settle(&mut self) {
        let is_open = matches!(self.state, State::Subscribing | State::Live);
        let is_of_no_use = |it: &Subscription| it.attempts >= ATTEMPTS_MAX && !mutant!(AskForEver);
        if is_open && self.subscriptions.iter().any(is_of_no_use) {
            for subscription in self.subscriptions.iter_mut() {
                subscription.attempts = 0;
            }
            return self.input(Input::Unusable, Cause::Loss(Lost::Unresponsive));
        }
        self.send_waiting();
        if self.state == State::Subscribing {
            let open = |state: StreamState| matches!(state, StreamState::Wanted | StreamState::Requested);
            if mutant!(LiveOnOpen) || !self.subscriptions.iter().any(|it| open(it.state)) {
                self.input(Input::Settled, Cause::None);
            }
        }
    }
}
