//! The steps of a connection: a cell of a table is looked up, the state goes where the cell says, and
//! the effects that stand there are performed.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::connection::{Batch, Cause, Connection, Pending};
use crate::endpoint::Endpoint;
use crate::error::{CommandError, Limit};
use crate::event::{Event, Outcome};
use crate::identity::{LinkId, RequestId, StreamId};
use crate::lifecycle::{
    Cell, Effect, Input, Refusal, State, StreamEffect, StreamInput, StreamState, link_step, stream_step,
};
use crate::outcome::{Abandoned, CloseReason, ConnectFailure, Lost, Retry};
use crate::outputs::Output;
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
                self.probed = None;
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
        let delay = self.backoff.next();
        let at = match retry {
            Retry::Usual | Retry::Never => self.now + delay,
            Retry::NotBefore(least) => self.now + delay.max(least),
        };
        if let (Cause::Failure(why), Retry::NotBefore(least)) = (cause, retry)
            && why.is_of_host()
        {
            self.limits.dials = self.limits.dials.hold_until(self.now + least);
        }
        if self.is_last || self.is_exhausted() {
            return None;
        }
        Some(at.max(self.limits.dials.free_at()))
    }

    fn is_exhausted(&self) -> bool {
        self.config.attempts_max.is_some_and(|most| self.backoff.attempts() >= most)
    }

    fn perform(&mut self, effect: Effect, before: State, cause: Cause, retry: Option<Instant>) {
        let link = self.link;
        match effect {
            Effect::Dial => {
                // There was room for it, or this step would not be taken.
                let _ = self.limits.take_dial(self.now);
                self.shared.outputs.push(Output::Connect(link));
            }
            Effect::Abort => {
                self.abandoned.links = self.abandoned.links.saturating_add(1);
                self.shared.outputs.push(Output::Abort(link));
            }
            Effect::ReportFailure => {
                let why = match cause {
                    Cause::Failure(why) => why,
                    Cause::Loss(_) => ConnectFailure::Transport,
                    Cause::None | Cause::Held(_) => ConnectFailure::Cancelled,
                };
                self.stats.connect_failures = self.stats.connect_failures.saturating_add(1);
                self.report(Event::ConnectFailed { link, why, retry });
            }
            Effect::ReportOpened => {
                self.stats.connects = self.stats.connects.saturating_add(1);
                self.report(Event::Opened { link, missing_since: self.missing_since });
            }
            Effect::Restore => self.each_stream(StreamInput::LinkUp),
            Effect::ReportLive => self.report(Event::Live { link }),
            Effect::FailAll => self.fail_all(),
            Effect::ReportLost => {
                let why = match cause {
                    Cause::Loss(why) => why,
                    Cause::Failure(_) | Cause::None | Cause::Held(_) => Lost::Transport,
                };
                self.report(Event::Disconnected { link, why, retry });
            }
            Effect::SendClose => {
                self.shared.outputs.push(Output::Close { link, code: 1000, reason: "" });
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
        self.missing_since = Some(self.heard);
        self.cancel_waits = false;
        self.batches.clear();
        while let Some((id, output, pending)) = self.in_flight.take_oldest() {
            if let Pending::Application(about) | Pending::Limits(about) = pending {
                self.abandoned.requests = self.abandoned.requests.saturating_add(1);
                let handed_out = self.shared.outputs.was_handed_out(output);
                let outcome = if handed_out { Outcome::Lost } else { Outcome::NotSent };
                self.report(Event::Reply { request: RequestId(id), about, outcome });
            }
        }
        self.shared.outputs.withdraw_sends(self.link);
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
            subscription.confirmed = false;
            subscription.request = 0;
        }
        if matches!(next, StreamState::Active | StreamState::Synced) {
            if input != StreamInput::Unanswered {
                subscription.heard = self.now;
            }
            subscription.due = if subscription.awaits_snapshot() {
                Some(self.now + self.config.snapshot_timeout)
            } else {
                subscription.silence_max.map(|silence| subscription.heard + silence)
            };
        }
        let due = subscription.due;
        let (stream, symbol, since) = (subscription.stream, subscription.stream.symbol(), subscription.heard);
        let mut rejected = false;
        for effect in effects {
            match effect {
                StreamEffect::Join => self.enqueue(id, true),
                StreamEffect::Leave => self.enqueue(id, false),
                StreamEffect::Delay => self.delay(id),
                StreamEffect::ReportQuiet => {
                    self.of_each_wish(id, |id| Event::Quiet { id, stream, since });
                }
                StreamEffect::ReportSubscribed => {
                    if let Some(subscription) = self.subscriptions.get_mut(id) {
                        subscription.confirmed = true;
                    }
                    if !matches!(stream, Stream::Depth { .. }) {
                        self.forgive(id);
                    }
                    self.of_each_wish(id, |id| Event::Subscribed { id, stream });
                }
                StreamEffect::ReportSynced => {
                    self.forgive(id);
                    if let Some(symbol) = symbol {
                        self.of_each_wish(id, |id| Event::Synced { id, symbol });
                    }
                }
                StreamEffect::ReportUnsubscribed => {
                    self.of_each_wish(id, |id| Event::Unsubscribed { id, stream, last: true });
                }
                StreamEffect::ReportRejected => rejected = true,
            }
        }
        if let Some(due) = due {
            self.timers.arm_by(Timer::Resync, due);
        }
        if next == StreamState::Gone {
            self.subscriptions.remove(id);
            // One that was wanted meanwhile has waited for this.
            let waiting = self.subscriptions.alike(&stream);
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

    fn of_each_wish(&mut self, id: StreamId, event: impl Fn(StreamId) -> Event<'static>) {
        let Some(subscription) = self.subscriptions.get(id) else { return };
        for wish in &subscription.wishes {
            self.shared.outputs.push(Output::Event(event(*wish)));
        }
    }

    /// The wish was fulfilled: past failures do not count any more.
    fn forgive(&mut self, id: StreamId) {
        if let Some(subscription) = self.subscriptions.get_mut(id) {
            subscription.attempts = 0;
        }
    }

    /// Adds a wish for a stream, and asks for the stream if nobody has.
    pub(crate) fn wish(
        &mut self,
        stream: Stream,
        silence_max: Option<Duration>,
    ) -> Result<StreamId, CommandError> {
        let send = self.allow(Input::Subscribe)?;
        if !self.config.has(&stream) {
            return Err(CommandError::WrongEndpoint);
        }
        let (generation, link, now) = (self.shared.next_generation, self.link.slot, self.now);
        let make = |place| StreamId::new(generation, link, place);
        let subscription = self.subscriptions.wish(stream, self.config.streams_max, make)?;
        self.shared.next_generation = generation.wrapping_add(1);
        let wish = subscription.wishes.last().copied().unwrap_or(subscription.id);
        let is_first = wish == subscription.id;
        if let Some(silence) = silence_max {
            subscription.silence_max = Some(subscription.silence_max.map_or(silence, |it| it.min(silence)));
            if matches!(subscription.state, StreamState::Active | StreamState::Synced)
                && !subscription.awaits_snapshot()
            {
                let due = now + silence;
                subscription.due = Some(subscription.due.map_or(due, |armed| armed.min(due)));
                self.timers.arm_by(Timer::Resync, due);
            }
        }
        let (confirmed, synced) = (subscription.confirmed, subscription.state == StreamState::Synced);
        if confirmed && !is_first {
            self.report(Event::Subscribed { id: wish, stream });
        }
        if let Some(symbol) = stream.symbol().filter(|_| synced) {
            self.report(Event::Synced { id: wish, symbol });
        }
        // After an end that is not confirmed yet it waits, lest frames of the old be taken for its own.
        if is_first && send && !self.subscriptions.is_leaving(&stream) {
            self.stream_step(wish, StreamInput::LinkUp);
            self.settle();
        }
        Ok(wish)
    }

    /// Ends a wish; the last one for a stream ends that.
    pub(crate) fn end_wish(&mut self, wish: StreamId) -> Result<(), CommandError> {
        let subscription = self.subscriptions.wished(wish).ok_or(CommandError::UnknownStream)?;
        if subscription.state == StreamState::Leaving {
            return Err(CommandError::UnknownStream);
        }
        let (id, stream) = (subscription.id, subscription.stream);
        if subscription.wishes.len() > 1 {
            subscription.wishes.retain(|other| *other != wish);
            self.report(Event::Unsubscribed { id: wish, stream, last: false });
            return Ok(());
        }
        self.subscriptions.unroute(id);
        self.stream_step(id, StreamInput::Unsubscribe);
        self.settle();
        Ok(())
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
        self.send_waiting();
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
        let id = self.shared.next_request;
        self.shared.next_request = id.wrapping_add(1);
        self.sent = self.now;
        let output = self.shared.outputs.push(Output::Send { link: self.link, text: text(id) });
        if let Some(pending) = pending {
            self.in_flight.insert(id, self.now + self.config.request_timeout, output, pending);
            self.rearm_requests();
        }
        id
    }

    fn enqueue(&mut self, id: StreamId, join: bool) {
        if join && let Some(subscription) = self.subscriptions.get_mut(id) {
            subscription.request = 0;
            subscription.confirmed = false;
        }
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

    /// Sends what waits, as far as the limits on requests and on those in flight leave room.
    fn send_waiting(&mut self) {
        if !matches!(self.state, State::Subscribing | State::Live) {
            self.batches.clear();
            return;
        }
        if self.probe_waits && !self.in_flight.is_full() && self.may_send() {
            self.probe_waits = false;
            self.send_request(Pending::Probe, &Request::Ping);
        }
        if self.cancel_waits && !self.in_flight.is_full() && self.may_send() {
            self.cancel_waits = false;
            let request = Request::CancelSessionOrders;
            self.send_request(Pending::Application(request.subject()), &request);
        }
        while !self.in_flight.is_full()
            && let Some(mut batch) = self.batches.pop_front()
        {
            self.drop_outdated(&mut batch);
            if batch.streams.is_empty() {
                continue;
            }
            if !self.may_send() {
                self.batches.push_front(batch);
                return;
            }
            self.send_batch(&batch);
        }
    }

    /// Takes room from the limit on requests; otherwise the timer `Quota` says when there is some.
    fn may_send(&mut self) -> bool {
        let room = self.limits.take_request(false, self.now);
        self.timers.set(Timer::Quota, room.err());
        room.is_ok()
    }

    /// While a batch waited, streams may have been unsubscribed: those are neither asked for, nor left if
    /// nobody has asked for them.
    fn drop_outdated(&mut self, batch: &mut Batch) {
        let mut never_joined = Vec::new();
        batch.streams.retain(|id| {
            let Some(subscription) = self.subscriptions.get(*id) else { return false };
            if batch.join {
                return subscription.state == StreamState::Requested;
            }
            let is_joined = subscription.request != 0;
            if !is_joined {
                never_joined.push(*id);
            }
            is_joined
        });
        for id in never_joined {
            self.stream_step(id, StreamInput::Accepted);
        }
    }

    fn send_batch(&mut self, batch: &Batch) {
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
            self.each_of(batch, id, StreamInput::Accepted);
        }
    }

    pub(crate) fn rearm_requests(&mut self) {
        self.timers.set(Timer::Request, self.in_flight.deadline());
    }

    pub(crate) fn expire_requests(&mut self) {
        while let Some((id, pending)) = self.in_flight.take_expired(self.now) {
            match pending {
                Pending::Application(about) | Pending::Limits(about) => {
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

    /// The timer `Resync`: streams that were to be asked for again, snapshots that did not come, and
    /// streams that may have been silent for too long.
    pub(crate) fn ask_again(&mut self) {
        let now = self.now;
        for id in self.subscriptions.ids(|subscription| subscription.due.is_some_and(|due| due <= now)) {
            let Some(subscription) = self.subscriptions.get_mut(id) else { continue };
            let input = if subscription.state == StreamState::Wanted {
                StreamInput::LinkUp
            } else if subscription.awaits_snapshot() {
                StreamInput::Overdue
            } else {
                // Frames only note when they came.
                let due = subscription.silence_max.map(|silence| subscription.heard + silence);
                if due.is_none_or(|due| due > now) {
                    subscription.due = due;
                    continue;
                }
                subscription.resyncing = subscription.is_book();
                StreamInput::Silence
            };
            self.stream_step(id, input);
        }
        let next = self.subscriptions.iter().filter_map(|subscription| subscription.due).min();
        self.timers.set(Timer::Resync, next);
        self.settle();
    }

    /// The timer `Alive`. It is not touched when frames come: only when it fires is it seen how long
    /// ago the last one came.
    pub(crate) fn check_silence(&mut self) {
        if let Some(probed) = self.probed {
            let give_up_at = probed + self.time_to_answer();
            if give_up_at <= self.now {
                self.input(Input::Silence, Cause::Loss(Lost::Silent));
            } else {
                self.timers.arm(Timer::Alive, give_up_at);
            }
            return;
        }
        let probe_at = self.heard + self.config.probe_after;
        if probe_at > self.now {
            self.timers.arm(Timer::Alive, probe_at);
        } else {
            self.probe();
            self.settle();
        }
    }

    /// Asks for a sign of life; after a long sleep of the whole machine the answer still gets its time.
    pub(crate) fn probe(&mut self) {
        self.probed = Some(self.now);
        // The archived endpoints answer nothing, but have heartbeats.
        self.probe_waits = self.config.api == Endpoint::Streams;
        self.timers.arm(Timer::Alive, self.now + self.time_to_answer());
    }

    fn time_to_answer(&self) -> Duration {
        self.config.silence_max.saturating_sub(self.config.probe_after).max(Duration::from_millis(1))
    }

    /// The timer `Heartbeat`, as lazy.
    pub(crate) fn check_heartbeat(&mut self) {
        let Some(every) = self.config.heartbeat_every else { return };
        let due = self.sent + every;
        if due > self.now {
            self.timers.arm(Timer::Heartbeat, due);
        } else {
            self.report(Event::HeartbeatDue { link: self.link, since: self.sent });
            self.timers.arm(Timer::Heartbeat, self.now + every);
        }
    }
}
