//! [`Connection`]: one link to the venue, from the first dial to the last frame.
//!
//! This module is what one can call. What a call does to the state is in `steps.rs`, which runs the
//! tables of `lifecycle.rs`; what a frame is, in `conversation.rs`.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use crate::config::Config;
use crate::error::{CommandError, Limit};
use crate::event::last_trade::LastTrade;
use crate::event::reason::{Abandoned, ConnectFailure, Lost};
use crate::link::ConnectRequest;
use crate::link::backoff::Backoff;
use crate::link::in_flight::InFlight;
use crate::link::lifecycle::{Input, State, StreamState};
use crate::link::limits::Limits;
use crate::link::output::{Output, Shared};
use crate::link::stats::Stats;
use crate::link::subscriptions::Subscriptions;
use crate::link::timer::{Deadline, Timer, Timers};
use crate::request::stream::Stream;
use crate::request::{Request, Subject};
use crate::value::endpoint::Endpoint;
use crate::value::id::{LinkId, RequestId, StreamId};
use crate::value::time::Instant;

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
    /// When the link before this one was last heard.
    pub(crate) missing_since: Option<Instant>,
    /// When a probe was due, if nothing has been heard since.
    pub(crate) probed: Option<Instant>,
    /// Whether the probe waits for the limit on requests.
    pub(crate) probe_waits: bool,
    /// Whether cancelling the orders of the session does.
    pub(crate) cancel_waits: bool,
    /// When something was last sent.
    pub(crate) sent: Instant,
    /// When it last had its turn with a limit that links share.
    pub(crate) served: Option<Instant>,
    pub(crate) malformed_run: u32,
    pub(crate) timers: Timers,
    pub(crate) backoff: Backoff,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) in_flight: InFlight<Pending>,
    /// Of the v1 endpoints: the number of the next frame or event.
    pub(crate) next_sequence: u64,
    /// Of market data v1: the events, over all links.
    pub(crate) told: LastTrade,
    /// Of market data v2: a request below this may be the one that was refused.
    pub(crate) refused_below: u64,
    /// Subscribe and unsubscribe requests that are to be sent.
    pub(crate) batches: VecDeque<Batch>,
    /// What the present step gives up.
    pub(crate) abandoned: Abandoned,
    /// Whether no other attempt is wanted when the link ends.
    pub(crate) is_last: bool,
    /// Lent by the client, if there is one.
    /// Both are exchanged with those of the client for each call, so they are not to be copied.
    pub(crate) limits: Box<Limits>,
    pub(crate) shared: Box<Shared>,
    pub(crate) stats: Stats,
}

/// Why a request was made.
#[derive(Clone, Debug)]
pub(crate) enum Pending {
    Batch(Batch),
    Probe,
    Application(Subject),
    /// The same, asked by the application for the limits of the venue.
    Limits(Subject),
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
    /// The limit on attempts to connect leaves no room before this instant.
    Held(Instant),
}

// ---- commands ------------------------------------------------------------------------------

impl Connection {
    /// A connection that does nothing yet. `seed` spreads the reconnects of many clients; give each
    /// its own.
    pub fn new(config: Config, seed: u64) -> Connection {
        Connection::at(LinkId { slot: 0, epoch: 0 }, config, seed)
    }

    /// One whose links come after this one.
    pub(crate) fn at(link: LinkId, config: Config, seed: u64) -> Connection {
        let backoff = Backoff::new(config.backoff_base, config.backoff_cap, seed);
        let limits = Box::new(Limits::new(&config));
        Connection {
            config,
            state: State::Idle,
            link,
            now: Instant::ZERO,
            heard: Instant::ZERO,
            missing_since: None,
            probed: None,
            probe_waits: false,
            cancel_waits: false,
            sent: Instant::ZERO,
            served: None,
            malformed_run: 0,
            timers: Timers::default(),
            backoff,
            subscriptions: Subscriptions::new(),
            in_flight: InFlight::new(),
            next_sequence: 0,
            told: LastTrade::NOTHING,
            refused_below: 0,
            batches: VecDeque::new(),
            abandoned: Abandoned::default(),
            is_last: false,
            limits,
            shared: Box::new(Shared::new()),
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
        match self.limits.dials.take(self.now) {
            Err(at) if self.state == State::Idle => self.step(Input::OpenLater, Cause::Held(at)),
            _ => self.step(Input::Open, Cause::None),
        }
    }

    /// Wants a stream, now and after every reconnect, until [`unsubscribe`](Connection::unsubscribe).
    ///
    /// Each call is a wish of its own: a stream that is wanted already is asked for once, and left when the
    /// last wish for it ends. Who comes later to a book gets no snapshot: it is in [`Books`](crate::Books).
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`]; [`CommandError::TooMany`]; [`CommandError::WrongEndpoint`] if the
    /// endpoint has no such stream, as those of v1, where the address chooses;
    /// [`CommandError::Ambiguous`] if frames of another wanted stream look the same, such as those of
    /// `depth` and `depth@100ms` of one symbol (quirk Q-B10).
    pub fn subscribe(&mut self, now: Instant, stream: Stream) -> Result<StreamId, CommandError> {
        self.advance(now);
        self.wish(stream, None)
    }

    /// The same for a stream that is not silent for longer than `silence_max` while all is well: if it is,
    /// `Quiet` says so, and it is asked for anew. Of several such wishes for a stream the least counts.
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Connection::subscribe).
    pub fn subscribe_unless_silent(
        &mut self,
        now: Instant,
        stream: Stream,
        silence_max: Duration,
    ) -> Result<StreamId, CommandError> {
        self.advance(now);
        self.wish(stream, Some(silence_max.max(Duration::from_millis(1))))
    }

    /// Wants a stream no more. None of its data is delivered from now on, unless another wish is for the same
    /// stream; `Unsubscribed` follows.
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`]; [`CommandError::UnknownStream`].
    pub fn unsubscribe(&mut self, now: Instant, id: StreamId) -> Result<(), CommandError> {
        self.advance(now);
        self.allow(Input::Subscribe)?;
        self.end_one_wish(id)
    }

    /// Wants the book of a stream anew, because some of its events were lost on their way from here, or what
    /// it says cannot be. The book is stale from now on, as a [`Gap`](crate::Event::Gap) says. No effect on a stream
    /// without a book, nor on a book that does not follow the venue anyway.
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`]; [`CommandError::UnknownStream`].
    pub fn resync(&mut self, now: Instant, id: StreamId) -> Result<(), CommandError> {
        self.advance(now);
        self.allow(Input::Subscribe)?;
        let id = self.subscriptions.wished(id).map(|it| it.id).ok_or(CommandError::UnknownStream)?;
        self.distrust(id);
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
    /// [`CommandError::RateLimited`]; [`CommandError::WrongEndpoint`]: only [`Endpoint::Streams`] takes requests.
    pub fn request(&mut self, now: Instant, request: &Request) -> Result<RequestId, CommandError> {
        self.advance(now);
        self.allow(Input::Request)?;
        if self.config.api != Endpoint::Streams {
            return Err(CommandError::WrongEndpoint);
        }
        if self.in_flight.is_full() {
            return Err(CommandError::TooMany(Limit::RequestsInFlight));
        }
        let is_order = matches!(request, Request::PlaceOrder(_)) && !mutant!(CountNoOrders);
        self.limits.take_request(is_order, self.now).map_err(|retry| CommandError::RateLimited { retry })?;
        let about = request.subject();
        let pending = match request {
            Request::ConnectionInfo => Pending::Limits(about),
            _ => Pending::Application(about),
        };
        Ok(RequestId(self.send_request(pending, request)))
    }

    /// Wants an end: closes the link with a handshake if there is one. `Closed` follows, exactly once,
    /// at the latest after [`Config::close_timeout`]. Again: no effect.
    pub fn close(&mut self, now: Instant) {
        let deadline = self.now.max(now) + self.config.close_timeout;
        self.close_by(now, deadline);
    }

    /// The same with another time for the handshake: `Closed` follows at the latest with the first
    /// [`handle_timeout`](Connection::handle_timeout) at `deadline` or later. Again: an earlier deadline
    /// holds, nothing else changes.
    pub fn close_by(&mut self, now: Instant, deadline: Instant) {
        self.advance(now);
        let again = self.state == State::Closing;
        // No cell of this row refuses.
        let _ = self.step(Input::Close, Cause::None);
        match self.state {
            State::Closing if again && !mutant!(LetTheEndSlip) => self.timers.arm_by(Timer::Close, deadline),
            State::Closing => self.timers.arm(Timer::Close, deadline),
            _ => {}
        }
    }
}

// ---- inputs --------------------------------------------------------------------------------

impl Connection {
    /// The dial for this link succeeded.
    pub fn handle_connected(&mut self, link: LinkId, now: Instant) {
        self.advance(now);
        if self.is_current(link) {
            self.input(Input::Connected, Cause::None);
        } else if !mutant!(KeepALateTransport) {
            // It came too late; nobody wants that transport.
            self.shared.outputs.push(Output::Abort(link));
        }
    }

    /// The dial for this link failed.
    pub fn handle_connect_failed(&mut self, link: LinkId, now: Instant, why: ConnectFailure) {
        self.advance(now);
        if self.is_current(link) {
            let input = if why.is_fatal() && !mutant!(RetryWhatIsFatal) {
                Input::ConnectRefused
            } else {
                Input::ConnectFailed
            };
            self.input(input, Cause::Failure(why));
        }
    }

    /// The transport of this link ended.
    pub fn handle_lost(&mut self, link: LinkId, now: Instant, why: Lost) {
        self.advance(now);
        if self.is_current(link) || mutant!(TakeOldLosses) {
            self.lose(why);
        }
    }

    /// Time has passed. Early or needless calls have no effect; a late one acts once for each timer.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
        while let Some(timer) = self.timers.take_due(self.now) {
            match timer {
                Timer::Connect => self.input(Input::ConnectTimeout, Cause::Failure(ConnectFailure::TimedOut)),
                Timer::Retry => match self.limits.dials.take(self.now) {
                    Err(at) if !mutant!(DialBeyondTheLimit) => self.timers.arm(Timer::Retry, at),
                    _ => self.input(Input::RetryDue, Cause::None),
                },
                Timer::Alive => self.check_silence(),
                Timer::Request => self.expire_requests(),
                Timer::Resync => self.ask_again(),
                Timer::Stable if mutant!(NeverSpeedUpAgain) => {}
                Timer::Stable => self.backoff.reset(),
                Timer::Close if mutant!(WaitForTheWriter) && !self.shared.outputs.is_empty() => {
                    self.timers.arm(Timer::Close, self.now + self.config.close_timeout);
                }
                Timer::Close => self.input(Input::CloseTimeout, Cause::Loss(Lost::CloseTimedOut)),
                Timer::Quota => self.settle(),
                Timer::Heartbeat => self.check_heartbeat(),
                Timer::Shutdown => {}
            }
        }
    }

    /// The machine has slept, or the network is another one: an open link is probed at once, whatever the
    /// clock says of the time that has passed, and given up if it does not answer.
    pub fn handle_resumed(&mut self, now: Instant) {
        self.advance(now);
        if matches!(self.state, State::Subscribing | State::Live) {
            self.probe();
            self.settle();
        }
    }
}

// ---- outputs and getters -------------------------------------------------------------------

impl Connection {
    /// The next thing to do, in the order in which they arose. An event that
    /// [`handle_frame`](Connection::handle_frame) returned comes before the outputs that it caused.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        self.shared.outputs.poll()
    }

    /// What to dial for a link; `None` if it is not being connected any more.
    pub fn connect_request(&self, link: LinkId) -> Option<ConnectRequest> {
        let current = link == self.link && self.state == State::Connecting;
        current.then(|| ConnectRequest {
            url: self.config.url(),
            endpoint: self.config.api,
            authenticated: self.config.authenticated,
        })
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
        self.subscriptions.iter().flat_map(|subscription| {
            let of = |id: &StreamId| (*id, subscription.stream, subscription.state);
            subscription.wishes.iter().map(of)
        })
    }

    /// What has been counted since the beginning.
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }
}
