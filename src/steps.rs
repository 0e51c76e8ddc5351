//! The steps of a connection: a cell of a table is looked up, the state goes where the cell says, and
//! the effects that stand there are performed.

use alloc::string::String;
use alloc::vec::Vec;

use crate::connection::{Batch, Cause, Connection, OUTPUT_MAX, Output, Pending};
use crate::endpoint::Endpoint;
use crate::error::{CommandError, Limit};
use crate::event::{Event, Outcome};
use crate::identity::{LinkId, RequestId, StreamId};
use crate::lifecycle::{
    Cell, Effect, Input, Refusal, State, StreamEffect, StreamInput, StreamState, link_step, stream_step,
};
use crate::outcome::{CloseReason, ConnectFailure, Lost, Retry};
use crate::request::{MarketDataRequest, Request};
use crate::sequence::Position;
use crate::stream::Stream;
use crate::time::Instant;
use crate::timer::Timer;

/// How often in a row a stream may go unanswered before the link is given up.
const ATTEMPTS_MAX: u8 = 3;

impl Connection {
    pub(crate) fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// Whether an input is about the present transport; otherwise it is counted.
    pub(crate) fn is_current(&mut self, link: LinkId) -> bool {
        let current = link == self.link
            && matches!(self.state, State::Connecting | State::Subscribing | State::Live | State::Closing);
        if !current {
            self.stats.stale_inputs = self.stats.stale_inputs.saturating_add(1);
        }
        current
    }

    /// Whether a command is allowed, and is to be sent at once.
    pub(crate) fn allow(&mut self, input: Input) -> Result<bool, CommandError> {
        if self.outputs.len() >= OUTPUT_MAX {
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
                let retry = self.enter(next, cause);
                for effect in effects {
                    self.perform(*effect, before, cause, retry);
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
        if state != State::Live {
            self.timers.disarm_all();
        }
        match state {
            State::Connecting => {
                self.link.epoch = self.link.epoch.wrapping_add(1);
                self.timers.arm(Timer::Connect, now + config.connect_timeout);
            }
            State::Subscribing => {
                self.heard = now;
                self.probed = false;
                self.next_sequence = 0;
                self.malformed_run = 0;
                self.timers.arm(Timer::Alive, now + config.probe_after);
            }
            State::Live => self.timers.arm(Timer::Stable, now + config.stable_after),
            State::Closing => self.timers.arm(Timer::Close, now + config.close_timeout),
            State::Backoff => {
                let retry = match cause {
                    Cause::Failure(why) => why.retry(),
                    Cause::Loss(why) => why.retry(),
                    Cause::None => Retry::Usual,
                };
                let delay = match retry {
                    Retry::Usual | Retry::Never => self.backoff.next(),
                    Retry::NotBefore(least) => self.backoff.next().max(least),
                };
                let at = now + delay;
                self.timers.arm(Timer::Retry, at);
                return Some(at);
            }
            State::Idle | State::Closed => {}
        }
        None
    }

    fn perform(&mut self, effect: Effect, before: State, cause: Cause, retry: Option<Instant>) {
        let link = self.link;
        match effect {
            Effect::Dial => self.outputs.push_back(Output::Connect(link)),
            Effect::Abort => self.outputs.push_back(Output::Abort(link)),
            Effect::ReportFailure => {
                let why = match cause {
                    Cause::Failure(why) => why,
                    Cause::Loss(_) => ConnectFailure::Transport,
                    Cause::None => ConnectFailure::Cancelled,
                };
                self.stats.connect_failures = self.stats.connect_failures.saturating_add(1);
                self.report(Event::ConnectFailed { link, why, retry });
            }
            Effect::ReportOpened => {
                self.stats.connects = self.stats.connects.saturating_add(1);
                self.report(Event::Opened { link });
            }
            Effect::Restore => self.each_stream(StreamInput::LinkUp),
            Effect::ReportLive => self.report(Event::Live { link }),
            Effect::FailAll => self.fail_all(),
            Effect::ReportLost => {
                let why = match cause {
                    Cause::Loss(why) => why,
                    Cause::Failure(_) | Cause::None => Lost::Transport,
                };
                self.report(Event::Disconnected { link, why, retry });
            }
            Effect::SendClose => {
                self.outputs.push_back(Output::Close { link, code: 1000, reason: "" });
            }
            Effect::ReportClosed => {
                let reason = match (before, cause) {
                    (State::Closing, Cause::Loss(Lost::CloseTimedOut)) => CloseReason::RequestedUnclean,
                    (State::Closing, _) => CloseReason::Requested,
                    (_, Cause::Failure(why)) => CloseReason::ConnectRefused(why),
                    (_, Cause::Loss(Lost::Closed { code: Some(code) })) => CloseReason::ClosedByPeer { code },
                    (_, Cause::Loss(_) | Cause::None) => CloseReason::Requested,
                };
                self.report(Event::Closed { reason });
            }
            // Done by the method that looked the cell up.
            Effect::Deliver | Effect::Record | Effect::Send => {}
        }
    }

    pub(crate) fn report(&mut self, event: Event<'static>) {
        self.outputs.push_back(Output::Event(event));
    }

    pub(crate) fn lose(&mut self, why: Lost) {
        let input = if why.retry() == Retry::Never { Input::LostForGood } else { Input::Lost };
        self.input(input, Cause::Loss(why));
    }

    fn fail_all(&mut self) {
        self.batches.clear();
        while let Some((id, pending)) = self.in_flight.take_oldest() {
            if let Pending::Application(about) = pending {
                self.report(Event::Reply { request: RequestId(id), about, outcome: Outcome::Lost });
            }
        }
        self.each_stream(StreamInput::LinkDown);
    }

    fn each_stream(&mut self, input: StreamInput) {
        for id in self.subscriptions.ids(|_| true) {
            self.stream_step(id, input);
        }
    }

    /// Moves a subscription on. Returns whether it was refused, which the caller reports, as only it
    /// knows the venue's words.
    pub(crate) fn stream_step(&mut self, id: StreamId, input: StreamInput) -> bool {
        let Some(subscription) = self.subscriptions.get_mut(id) else { return false };
        let (next, effects) = match stream_step(subscription.state, input) {
            Cell::Go(next, effects) => (next, effects),
            Cell::Stay(effects) => (subscription.state, effects),
            Cell::Ignore | Cell::Refuse(_) => return false,
        };
        subscription.state = next;
        subscription.due = None;
        if next != StreamState::Synced {
            subscription.position = Position::default();
        }
        if next == StreamState::Wanted {
            subscription.resyncing = false;
        }
        if next == StreamState::Active && subscription.is_book() {
            subscription.due = Some(self.now + self.config.snapshot_timeout);
        }
        let due = subscription.due;
        let (stream, symbol) = (subscription.stream, subscription.stream.symbol());
        let mut rejected = false;
        for effect in effects {
            match effect {
                StreamEffect::Join => self.enqueue(id, true),
                StreamEffect::Leave => self.enqueue(id, false),
                StreamEffect::Delay => self.delay(id),
                StreamEffect::ReportSubscribed => {
                    if !matches!(stream, Stream::Depth { .. }) {
                        self.forgive(id);
                    }
                    self.report(Event::Subscribed { id, stream });
                }
                StreamEffect::ReportSynced => {
                    self.forgive(id);
                    if let Some(symbol) = symbol {
                        self.report(Event::Synced { symbol });
                    }
                }
                StreamEffect::ReportUnsubscribed => self.report(Event::Unsubscribed { id, stream }),
                StreamEffect::ReportRejected => rejected = true,
            }
        }
        if let Some(due) = due {
            self.timers.arm_by(Timer::Resync, due);
        }
        if next == StreamState::Gone {
            self.subscriptions.remove(id);
            // One that was wanted meanwhile has waited for this.
            let waiting = self.subscriptions.successor(&stream);
            let waiting = waiting.filter(|it| it.state == StreamState::Wanted && it.due.is_none());
            if let Some(successor) = waiting.map(|it| it.id)
                && !self.subscriptions.is_leaving(&stream)
                && matches!(self.state, State::Subscribing | State::Live)
            {
                self.stream_step(successor, StreamInput::LinkUp);
            }
        }
        rejected
    }

    /// The wish was fulfilled: past failures do not count any more.
    fn forgive(&mut self, id: StreamId) {
        if let Some(subscription) = self.subscriptions.get_mut(id) {
            subscription.attempts = 0;
        }
    }

    fn delay(&mut self, id: StreamId) {
        let Some(subscription) = self.subscriptions.get_mut(id) else { return };
        subscription.attempts = subscription.attempts.saturating_add(1);
        if subscription.state == StreamState::Wanted {
            let due = self.now + self.config.resubscribe_delay;
            subscription.due = Some(due);
            self.timers.arm_by(Timer::Resync, due);
        }
    }

    /// To be called when subscriptions have moved: sends what is to be sent, and sees whether the link
    /// is live, or of no use.
    pub(crate) fn settle(&mut self) {
        self.send_batches();
        if !matches!(self.state, State::Subscribing | State::Live) {
            return;
        }
        if self.subscriptions.iter().any(|subscription| subscription.attempts >= ATTEMPTS_MAX) {
            for subscription in self.subscriptions.iter_mut() {
                subscription.attempts = 0;
            }
            self.input(Input::Unusable, Cause::Loss(Lost::Unresponsive));
        } else if self.state == State::Subscribing {
            let open = |state: StreamState| matches!(state, StreamState::Wanted | StreamState::Requested);
            if !self.subscriptions.iter().any(|subscription| open(subscription.state)) {
                self.input(Input::Settled, Cause::None);
            }
        }
    }
}

impl Connection {
    pub(crate) fn send_request(&mut self, pending: Pending, request: &Request) -> u64 {
        self.send(Some(pending), |id| request.encode(id))
    }

    /// Sends a text under the next number; waits for its answer if there is to be one.
    fn send(&mut self, pending: Option<Pending>, text: impl FnOnce(u64) -> String) -> u64 {
        let id = self.next_request;
        self.next_request = self.next_request.wrapping_add(1);
        if let Some(pending) = pending {
            self.in_flight.insert(id, self.now + self.config.request_timeout, pending);
            self.rearm_requests();
        }
        self.outputs.push_back(Output::Send { link: self.link, text: text(id) });
        id
    }

    fn enqueue(&mut self, id: StreamId, join: bool) {
        let most = self.config.streams_per_request_max;
        match self.batches.back_mut() {
            Some(batch) if batch.join == join && batch.streams.len() < most => batch.streams.push(id),
            _ => self.batches.push_back(Batch { join, streams: alloc::vec![id] }),
        }
    }

    /// Asks for each half of a refused batch by itself, so that a bad name costs only itself.
    pub(crate) fn bisect(&mut self, mut batch: Batch) {
        let second = batch.streams.split_off(batch.streams.len() / 2);
        self.batches.push_back(Batch { join: batch.join, streams: second });
        self.batches.push_front(batch);
    }

    fn send_batches(&mut self) {
        if !matches!(self.state, State::Subscribing | State::Live) {
            self.batches.clear();
            return;
        }
        while !self.in_flight.is_full()
            && let Some(batch) = self.batches.pop_front()
        {
            let known = batch.streams.iter().filter_map(|id| self.subscriptions.get(*id));
            let streams: Vec<Stream> = known.map(|subscription| subscription.stream).collect();
            let confirmed = self.config.api != Endpoint::MarketDataV2;
            let waits = (confirmed || batch.join).then(|| Pending::Batch(batch.clone()));
            let id = self.send(waits, |id| match (confirmed, batch.join) {
                (true, true) => Request::Subscribe(streams).encode(id),
                (true, false) => Request::Unsubscribe(streams).encode(id),
                (false, true) => MarketDataRequest::Subscribe(streams).encode(),
                (false, false) => MarketDataRequest::Unsubscribe(streams).encode(),
            });
            for stream in &batch.streams {
                if let Some(subscription) = self.subscriptions.get_mut(*stream) {
                    subscription.request = id;
                }
            }
            // Where nothing is confirmed, having said so is having left.
            if !confirmed && !batch.join {
                self.each_of(&batch, id, StreamInput::Accepted);
            }
        }
    }

    pub(crate) fn rearm_requests(&mut self) {
        self.timers.set(Timer::Request, self.in_flight.deadline());
    }

    pub(crate) fn expire_requests(&mut self) {
        while let Some((id, pending)) = self.in_flight.take_expired(self.now) {
            match pending {
                Pending::Application(about) => {
                    let outcome = Outcome::TimedOut;
                    self.report(Event::Reply { request: RequestId(id), about, outcome });
                }
                Pending::Batch(batch) if self.config.api == Endpoint::MarketDataV2 => {
                    self.unconfirmed(&batch, id);
                }
                Pending::Batch(batch) => self.each_of(&batch, id, StreamInput::Unanswered),
                // Only silence decides on the link's life.
                Pending::Probe => {}
            }
        }
        self.rearm_requests();
        self.settle();
    }

    /// Moves on all streams of a batch for which this was the newest request.
    pub(crate) fn each_of(&mut self, batch: &Batch, request: u64, input: StreamInput) {
        for id in &batch.streams {
            if self.subscriptions.get(*id).is_some_and(|subscription| subscription.request == request) {
                self.stream_step(*id, input);
            }
        }
    }

    /// The timer `Resync`: streams that were to be asked for again, and snapshots that did not come.
    pub(crate) fn ask_again(&mut self) {
        let now = self.now;
        for id in self.subscriptions.ids(|subscription| subscription.due.is_some_and(|due| due <= now)) {
            let wanted = self.subscriptions.get(id).is_some_and(|it| it.state == StreamState::Wanted);
            self.stream_step(id, if wanted { StreamInput::LinkUp } else { StreamInput::Overdue });
        }
        let next = self.subscriptions.iter().filter_map(|subscription| subscription.due).min();
        self.timers.set(Timer::Resync, next);
        self.settle();
    }

    /// The timer `Alive`. It is not touched when frames come: only when it fires is it seen how long
    /// ago the last one came.
    pub(crate) fn check_silence(&mut self) {
        let probe_at = self.heard + self.config.probe_after;
        let give_up_at =
            (self.heard + self.config.silence_max).max(probe_at + core::time::Duration::from_millis(1));
        if probe_at > self.now {
            self.probed = false;
            self.timers.arm(Timer::Alive, probe_at);
        } else if give_up_at <= self.now && self.probed {
            self.input(Input::Silence, Cause::Loss(Lost::Silent));
        } else if self.probed {
            self.timers.arm(Timer::Alive, give_up_at);
        } else {
            self.probed = true;
            // The archived endpoints answer nothing, but have heartbeats.
            if !self.in_flight.is_full() && self.config.api == Endpoint::Streams {
                self.send_request(Pending::Probe, &Request::Ping);
            }
            // After a long sleep of the whole machine the answer still gets its time.
            let answer = self.config.silence_max.saturating_sub(self.config.probe_after);
            let at = give_up_at.max(self.now + answer.max(core::time::Duration::from_millis(1)));
            self.timers.arm(Timer::Alive, at);
        }
    }
}
