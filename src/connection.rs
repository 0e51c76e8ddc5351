//! [`Connection`]: one link to the venue, from the first dial to the last frame.
//!
//! This module runs the tables of [`lifecycle`](crate::lifecycle): it looks a cell up, goes where
//! the cell says, and performs the effects that stand there. Frames are sorted out in
//! `conversation.rs`.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use crate::backoff::Backoff;
use crate::config::Config;
use crate::error::{CommandError, Limit};
use crate::event::{Event, Outcome};
use crate::identity::{LinkId, RequestId, StreamId};
use crate::in_flight::InFlight;
use crate::lifecycle::{
    Cell, Effect, Input, Refusal, State, StreamEffect, StreamInput, StreamState, link_step, stream_step,
};
use crate::message::RawJson;
use crate::outcome::{CloseReason, ConnectFailure, Lost, Retry};
use crate::sequence::Position;
use crate::stats::Stats;
use crate::stream::Stream;
use crate::subscriptions::Subscriptions;
use crate::time::Instant;
use crate::timer::{Deadline, Timer, Timers};
use crate::wire::encode;

/// The most outputs that may wait to be polled before commands are refused.
pub const OUTPUT_MAX: usize = 16_384;

/// How often in a row a stream may go unanswered before the link is given up.
const ATTEMPTS_MAX: u8 = 3;

/// A connection to `wss://ws.gemini.com`: a state machine without socket, clock or task.
///
/// Public methods are of four kinds:
///
/// - *commands* ([`open`](Connection::open), [`subscribe`](Connection::subscribe), …): what the
///   application wants; they may be refused, and never wait;
/// - *inputs* (`handle_*`): what the world did; they cannot fail;
/// - *outputs* ([`poll_output`](Connection::poll_output)): what the driver is to do, in order;
/// - *getters*, among them [`deadline`](Connection::deadline): when to call
///   [`handle_timeout`](Connection::handle_timeout).
///
/// Any call is legal at any time; nothing is lost by not polling. `now` comes from one monotonic
/// clock; an earlier `now` than before counts as the one before. The same seed, inputs and times give
/// the same outputs.
#[derive(Clone, Debug)]
pub struct Connection {
    pub(crate) config: Config,
    pub(crate) state: State,
    pub(crate) link: LinkId,
    pub(crate) now: Instant,
    /// When the last frame of any kind came.
    pub(crate) heard: Instant,
    probed: bool,
    pub(crate) malformed_run: u32,
    timers: Timers,
    backoff: Backoff,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) in_flight: InFlight<Pending>,
    next_request: u64,
    /// Subscribe and unsubscribe requests that are to be sent.
    batches: VecDeque<Batch>,
    outputs: VecDeque<Output>,
    pub(crate) stats: Stats,
}

/// What the driver is to do.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Output {
    /// Dial [`Connection::connect_request`]; report
    /// [`handle_connected`](Connection::handle_connected) or
    /// [`handle_connect_failed`](Connection::handle_connect_failed) with this id.
    Connect(LinkId),
    /// Send a text message.
    Send {
        /// The link.
        link: LinkId,
        /// The message, to be moved into the WebSocket frame.
        text: String,
    },
    /// Send a Close frame, keep reading until the transport ends, then report
    /// [`handle_lost`](Connection::handle_lost).
    Close {
        /// The link.
        link: LinkId,
        /// The status code.
        code: u16,
        /// The reason.
        reason: &'static str,
    },
    /// Drop the transport, or the attempt to make one, now and without a handshake.
    Abort(LinkId),
    /// Tell the application: a fact caused by a command, by time or by the end of a link.
    Event(Event<'static>),
}

/// What the driver needs to dial.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ConnectRequest {
    /// The address, with its query.
    pub url: String,
}

/// Why a request was made.
#[derive(Clone, Debug)]
pub(crate) enum Pending {
    Batch(Batch),
    Probe,
    Application,
}

/// A `subscribe` or `unsubscribe`.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) join: bool,
    pub(crate) streams: Vec<StreamId>,
}

/// Why a link takes a step.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cause {
    None,
    Failure(ConnectFailure),
    Loss(Lost),
}

// ---- commands ------------------------------------------------------------------------------

impl Connection {
    /// A connection that does nothing yet. `seed` spreads the reconnects of many clients; give each
    /// its own.
    pub fn new(config: Config, seed: u64) -> Connection {
        let backoff = Backoff::new(config.backoff_base, config.backoff_cap, seed);
        Connection {
            config,
            state: State::Idle,
            link: LinkId { slot: 0, epoch: 0 },
            now: Instant::ZERO,
            heard: Instant::ZERO,
            probed: false,
            malformed_run: 0,
            timers: Timers::default(),
            backoff,
            subscriptions: Subscriptions::new(),
            in_flight: InFlight::new(),
            next_request: 1,
            batches: VecDeque::new(),
            outputs: VecDeque::with_capacity(64),
            stats: Stats::default(),
        }
    }

    /// Starts to connect, and keeps connected until [`close`](Connection::close). Again: no effect.
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`] after `close`.
    pub fn open(&mut self, now: Instant) -> Result<(), CommandError> {
        self.advance(now);
        self.step(Input::Open, Cause::None)
    }

    /// Wants a stream, now and after every reconnect, until [`unsubscribe`](Connection::unsubscribe).
    /// A stream that is wanted already is found again.
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`]; [`CommandError::TooMany`];
    /// [`CommandError::Ambiguous`] if frames of another wanted stream look the same, such as those of
    /// `depth` and `depth@100ms` of one symbol (quirk Q-B10).
    pub fn subscribe(&mut self, now: Instant, stream: Stream) -> Result<StreamId, CommandError> {
        self.advance(now);
        let send = self.allow(Input::Subscribe)?;
        let id = self.subscriptions.insert(stream, self.config.streams_max)?;
        if send {
            self.stream_step(id, StreamInput::LinkUp);
            self.settle();
        }
        Ok(id)
    }

    /// Wants a stream no more. None of its data is delivered from now on; `Unsubscribed` follows.
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`]; [`CommandError::UnknownStream`].
    pub fn unsubscribe(&mut self, now: Instant, id: StreamId) -> Result<(), CommandError> {
        self.advance(now);
        self.allow(Input::Subscribe)?;
        let known = self.subscriptions.get(id).ok_or(CommandError::UnknownStream)?;
        if known.state == StreamState::Leaving {
            return Err(CommandError::UnknownStream);
        }
        self.subscriptions.unroute(id);
        self.stream_step(id, StreamInput::Unsubscribe);
        self.settle();
        Ok(())
    }

    /// Sends a request of any method, for example `time`, `conninfo` or `depth`
    /// (`ws-gemini-com.md`, section 6). Exactly one `Reply` follows.
    ///
    /// Subscriptions are made with [`subscribe`](Connection::subscribe): those made through here are
    /// not known to the connection, and their data is ignored.
    ///
    /// # Errors
    ///
    /// [`CommandError::NotConnected`]; [`CommandError::Closed`]; [`CommandError::TooMany`].
    pub fn request(
        &mut self,
        now: Instant,
        method: &str,
        params: Option<RawJson<'_>>,
    ) -> Result<RequestId, CommandError> {
        self.advance(now);
        self.allow(Input::Request)?;
        if self.in_flight.is_full() {
            return Err(CommandError::TooMany(Limit::RequestsInFlight));
        }
        let id = self.send_request(Pending::Application, |id| encode::request(id, method, params));
        Ok(RequestId(id))
    }

    /// Wants an end: closes the link with a handshake if there is one. `Closed` follows, exactly once,
    /// at the latest after [`Config::close_timeout`]. Again: no effect.
    pub fn close(&mut self, now: Instant) {
        self.advance(now);
        // No cell of this row refuses.
        let _ = self.step(Input::Close, Cause::None);
    }
}

// ---- inputs --------------------------------------------------------------------------------

impl Connection {
    /// The dial for this link succeeded.
    pub fn handle_connected(&mut self, link: LinkId, now: Instant) {
        self.advance(now);
        if self.is_current(link) {
            self.input(Input::Connected, Cause::None);
        } else {
            // It came too late; nobody wants that transport.
            self.outputs.push_back(Output::Abort(link));
        }
    }

    /// The dial for this link failed.
    pub fn handle_connect_failed(&mut self, link: LinkId, now: Instant, why: ConnectFailure) {
        self.advance(now);
        if self.is_current(link) {
            let input = if why.is_fatal() { Input::ConnectRefused } else { Input::ConnectFailed };
            self.input(input, Cause::Failure(why));
        }
    }

    /// The transport of this link ended.
    pub fn handle_lost(&mut self, link: LinkId, now: Instant, why: Lost) {
        self.advance(now);
        if self.is_current(link) {
            self.lose(why);
        }
    }

    /// Time has passed. Early or needless calls have no effect; a late one acts once for each timer.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
        while let Some(timer) = self.timers.take_due(self.now) {
            match timer {
                Timer::Connect => self.input(Input::ConnectTimeout, Cause::Failure(ConnectFailure::TimedOut)),
                Timer::Retry => self.input(Input::RetryDue, Cause::None),
                Timer::Alive => self.check_silence(),
                Timer::Request => self.expire_requests(),
                Timer::Resync => self.ask_again(),
                Timer::Stable => self.backoff.reset(),
                Timer::Close => self.input(Input::CloseTimeout, Cause::Loss(Lost::CloseTimedOut)),
            }
        }
    }
}

// ---- outputs and getters -------------------------------------------------------------------

impl Connection {
    /// The next thing to do, in the order in which they arose. An event that
    /// [`handle_frame`](Connection::handle_frame) returned comes before the outputs that it caused.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// What to dial for a link; `None` if it is not being connected any more.
    pub fn connect_request(&self, link: LinkId) -> Option<ConnectRequest> {
        let current = link == self.link && self.state == State::Connecting;
        current.then(|| ConnectRequest { url: self.config.url() })
    }

    /// When to call [`handle_timeout`](Connection::handle_timeout) next, and what for.
    pub fn deadline(&self) -> Option<Deadline> {
        self.timers.next()
    }

    /// Where the link is in its life.
    pub const fn state(&self) -> State {
        self.state
    }

    /// The link of the present or the last attempt.
    pub const fn link(&self) -> LinkId {
        self.link
    }

    /// The wanted streams and where each stands.
    pub fn streams(&self) -> impl Iterator<Item = (StreamId, Stream, StreamState)> + '_ {
        self.subscriptions
            .iter()
            .map(|subscription| (subscription.id, subscription.stream, subscription.state))
    }

    /// What has been counted since the beginning.
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }
}

// ---- running the tables --------------------------------------------------------------------

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
    fn allow(&mut self, input: Input) -> Result<bool, CommandError> {
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

    fn step(&mut self, input: Input, cause: Cause) -> Result<(), CommandError> {
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
            Effect::Restore => self.each_stream(StreamInput::LinkUp, |_| true),
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
            if let Pending::Application = pending {
                self.report(Event::Reply { request: RequestId(id), outcome: Outcome::Lost });
            }
        }
        self.each_stream(StreamInput::LinkDown, |_| true);
    }

    fn each_stream(&mut self, input: StreamInput, condition: fn(&StreamState) -> bool) {
        for id in self.subscriptions.ids(|subscription| condition(&subscription.state)) {
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

// ---- requests ------------------------------------------------------------------------------

impl Connection {
    fn send_request(&mut self, pending: Pending, encode: impl FnOnce(u64) -> String) -> u64 {
        let id = self.next_request;
        self.next_request = self.next_request.wrapping_add(1);
        self.in_flight.insert(id, self.now + self.config.request_timeout, pending);
        self.timers.set(Timer::Request, self.in_flight.deadline());
        self.outputs.push_back(Output::Send { link: self.link, text: encode(id) });
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
            let method = if batch.join { "subscribe" } else { "unsubscribe" };
            let known = batch.streams.iter().filter_map(|id| self.subscriptions.get(*id));
            let streams: Vec<Stream> = known.map(|subscription| subscription.stream).collect();
            let ids = batch.streams.clone();
            let id = self.send_request(Pending::Batch(batch), |id| encode::streams(id, method, streams));
            for stream in ids {
                if let Some(subscription) = self.subscriptions.get_mut(stream) {
                    subscription.request = id;
                }
            }
        }
    }

    pub(crate) fn rearm_requests(&mut self) {
        self.timers.set(Timer::Request, self.in_flight.deadline());
    }

    fn expire_requests(&mut self) {
        while let Some((id, pending)) = self.in_flight.take_expired(self.now) {
            match pending {
                Pending::Application => {
                    self.report(Event::Reply { request: RequestId(id), outcome: Outcome::TimedOut });
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
    fn ask_again(&mut self) {
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
    fn check_silence(&mut self) {
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
            if !self.in_flight.is_full() {
                self.send_request(Pending::Probe, |id| encode::request(id, "ping", None));
            }
            // After a long sleep of the whole machine the answer still gets its time.
            let answer = self.config.silence_max.saturating_sub(self.config.probe_after);
            let at = give_up_at.max(self.now + answer.max(core::time::Duration::from_millis(1)));
            self.timers.arm(Timer::Alive, at);
        }
    }
}
