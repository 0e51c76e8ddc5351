//! [`Connection`]: one link to the venue, from the first dial to the last frame.
//!
//! This module is what one can call. What a call does to the state is in `steps.rs`, which runs the
//! tables of `lifecycle.rs`; what a frame is, in `conversation.rs`.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use crate::backoff::Backoff;
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::error::{CommandError, Limit};
use crate::event::Event;
use crate::identity::{LinkId, RequestId, StreamId};
use crate::in_flight::InFlight;
use crate::lifecycle::{Input, State, StreamInput, StreamState};
use crate::outcome::{ConnectFailure, Lost};
use crate::request::{Request, Subject};
use crate::stats::Stats;
use crate::stream::Stream;
use crate::subscriptions::Subscriptions;
use crate::time::Instant;
use crate::timer::{Deadline, Timer, Timers};

/// The most outputs that may wait to be polled before commands are refused.
pub const OUTPUT_MAX: usize = 16_384;

/// A connection to one of the venue's endpoints: a state machine without socket, clock or task.
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
    pub(crate) probed: bool,
    pub(crate) malformed_run: u32,
    pub(crate) timers: Timers,
    pub(crate) backoff: Backoff,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) in_flight: InFlight<Pending>,
    pub(crate) next_request: u64,
    /// Of the v1 endpoints: the number of the next frame or event.
    pub(crate) next_sequence: u64,
    /// Of market data v2: a request below this may be the one that was refused.
    pub(crate) refused_below: u64,
    /// Subscribe and unsubscribe requests that are to be sent.
    pub(crate) batches: VecDeque<Batch>,
    pub(crate) outputs: VecDeque<Output>,
    pub(crate) stats: Stats,
}

/// What the driver is to do.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "outputs are few; data does not come this way")]
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
    /// What is there, which decides how the upgrade is signed.
    pub endpoint: Endpoint,
}

/// Why a request was made.
#[derive(Clone, Debug)]
pub(crate) enum Pending {
    Batch(Batch),
    Probe,
    Application(Subject),
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
            next_sequence: 0,
            refused_below: 0,
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
    /// [`CommandError::Closed`]; [`CommandError::TooMany`]; [`CommandError::WrongEndpoint`] if the
    /// endpoint has no such stream, as those of v1, where the address chooses;
    /// [`CommandError::Ambiguous`] if frames of another wanted stream look the same, such as those of
    /// `depth` and `depth@100ms` of one symbol (quirk Q-B10).
    pub fn subscribe(&mut self, now: Instant, stream: Stream) -> Result<StreamId, CommandError> {
        self.advance(now);
        let send = self.allow(Input::Subscribe)?;
        let is_there = match self.config.api {
            Endpoint::Streams => !matches!(stream, Stream::Candles { .. }),
            Endpoint::MarketDataV2 => stream.feed().is_some(),
            Endpoint::MarketDataV1 | Endpoint::OrderEventsV1 => false,
        };
        if !is_there {
            return Err(CommandError::WrongEndpoint);
        }
        let id = self.subscriptions.insert(stream, self.config.streams_max)?;
        // After an end that is not confirmed yet it waits, lest frames of the old be taken for its own.
        if send && !self.subscriptions.is_leaving(&stream) {
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

    /// Sends a request. Exactly one `Reply` follows, with what the request was about. Nothing is ever
    /// sent a second time: where no answer came, the reply says that the outcome is not known.
    ///
    /// Subscriptions are made with [`subscribe`](Connection::subscribe): those made through here are
    /// not known to the connection, and their data is ignored.
    ///
    /// # Errors
    ///
    /// [`CommandError::NotConnected`]; [`CommandError::Closed`]; [`CommandError::TooMany`];
    /// [`CommandError::WrongEndpoint`]: only [`Endpoint::Streams`] takes requests.
    pub fn request(&mut self, now: Instant, request: &Request) -> Result<RequestId, CommandError> {
        self.advance(now);
        self.allow(Input::Request)?;
        if self.config.api != Endpoint::Streams {
            return Err(CommandError::WrongEndpoint);
        }
        if self.in_flight.is_full() {
            return Err(CommandError::TooMany(Limit::RequestsInFlight));
        }
        let id = self.send_request(Pending::Application(request.subject()), request);
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
        current.then(|| ConnectRequest { url: self.config.url(), endpoint: self.config.api })
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
