//! [`Link`]: one link to the venue, through all its attempts to connect, with its subscriptions and requests.
//!
//! The client passes a [`Context`] to each call of a [`Link`]. After every input and command the client calls
//! [`Link::pump`] of each link that the call touched.

pub(crate) mod backoff;
mod cause;
pub(crate) mod context;
pub(crate) mod dialect;
pub(crate) mod failure;
pub(crate) mod feed;
pub(crate) mod frame;
pub(crate) mod in_flight;
pub mod lifecycle;
pub(crate) mod limits;
pub(crate) mod liveness;
pub(crate) mod outbox;
pub(crate) mod output;
pub(crate) mod placed;
pub(crate) mod rate_limiter;
pub(crate) mod receive;
pub(crate) mod session;
pub(crate) mod stats;
pub(crate) mod subscription;
pub(crate) mod subscriptions;
pub(crate) mod timer;
mod transition;
pub(crate) mod urgency;

use alloc::string::String;
use core::fmt;
use core::time::Duration;

use crate::config::Config;
use crate::error::CommandError;
use crate::event::reason::{Abandoned, CloseReason, ConnectFailure, Lost};
use crate::event::{Event, RequestOutcome};
use crate::link::backoff::Backoff;
use crate::link::cause::Cause;
use crate::link::context::Context;
use crate::link::feed::Feed;
use crate::link::lifecycle::{Input, State, StreamState};
use crate::link::liveness::{Liveness, Verdict};
use crate::link::outbox::{Cancellation, Purpose};
use crate::link::output::Output;
use crate::link::session::{MalformedRun, Session};
use crate::link::stats::Stats;
use crate::link::timer::{Deadline, TIMERS, Timer};
use crate::request::Request;
use crate::request::stream::Stream;
use crate::value::address::{UserInfo, shown};
use crate::value::endpoint::Endpoint;
use crate::value::id::{LinkId, RequestId, StreamId};
use crate::value::time::Instant;

/// What the driver needs to dial a link. `Debug` shows the address as
/// [`without_secrets`](crate::without_secrets) does.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct ConnectRequest {
    /// The address with its query, but without a user name and a password.
    pub url: String,
    /// The user name and the password in the address, for a gateway that requires them. Send both in the header
    /// `Authorization`, with the scheme `Basic`. `None` if the address has neither.
    pub user: Option<UserInfo>,
    /// The API at the address, which decides how the upgrade is signed.
    pub endpoint: Endpoint,
    /// Whether to sign the upgrade, as [`Config::authenticated`] sets it.
    pub authenticated: bool,
}

impl fmt::Debug for ConnectRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectRequest")
            .field("url", &shown(&self.url, self.user.is_some()))
            .field("user", &self.user)
            .field("endpoint", &self.endpoint)
            .field("authenticated", &self.authenticated)
            .finish()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Link<S> {
    config: Config,
    /// The id of the newest attempt to connect.
    id: LinkId,
    state: State,
    /// The timer of the present state (`Connect`, `Retry`, `Stable` or `Close`), and when it is due.
    wake: Option<Deadline>,
    dial_started: bool,
    backoff: Backoff,
    experience: Experience,
    linger: Linger,
    liveness: Liveness,
    feed: Feed,
    session: S,
    /// When the last frame of the previous connection came, or when that connection opened if no frame came. `None`
    /// before the first connection has ended.
    missing_since: Option<Instant>,
    malformed_run: MalformedRun,
    /// How many requests and links the client has abandoned in the present step of the link.
    abandoned: Abandoned,
    /// Whether no other attempt follows when the connection, or the present attempt to connect, ends.
    is_last: bool,
    /// How the link has ended; `None` again after `pump` has returned it.
    end: Option<LinkEnd>,
    stats: Stats,
}

/// Whether the links to an endpoint have worked so far. If they have, the client does not take a later refusal by the
/// venue as final, because the configuration alone cannot be the reason.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Experience {
    was_open: bool,
    was_stable: bool,
}

#[derive(Clone, Copy, Debug)]
enum Linger {
    Needed,
    Until(Instant),
    Over,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkEnd {
    pub(crate) reason: CloseReason,
    pub(crate) abandoned: Abandoned,
}

// ---- commands ------------------------------------------------------------------------------

impl<S: Session> Link<S> {
    /// The first attempt to connect gets the id after `id`.
    pub(crate) fn new(id: LinkId, config: Config, backoff: Backoff, session: S) -> Link<S> {
        let feed = Feed::new(id, &config);
        Link::with(id, config, backoff, session, feed)
    }

    fn with(id: LinkId, config: Config, backoff: Backoff, session: S, feed: Feed) -> Link<S> {
        Link {
            id,
            state: State::Idle,
            wake: None,
            dial_started: false,
            backoff,
            experience: Experience::default(),
            linger: Linger::Needed,
            liveness: Liveness::new(&config),
            feed,
            session,
            missing_since: None,
            malformed_run: MalformedRun::default(),
            abandoned: Abandoned::default(),
            is_last: false,
            end: None,
            stats: Stats::default(),
            config,
        }
    }

    pub(crate) fn revived(self) -> Link<S> {
        let Link { id, config, mut backoff, feed, session, .. } = self;
        let Link { experience, missing_since, stats, .. } = self;
        backoff.begin_row();
        let feed = feed.renewed(&config);
        let link = Link::with(id, config, backoff, session, feed);
        Link { experience, missing_since, stats, ..link }
    }

    pub(crate) fn open(&mut self, cx: &mut Context<'_>) -> Result<(), CommandError> {
        let at = cx.limits().dial_free_at().max(self.backoff.held_until());
        if at > cx.now() && self.state == State::Idle {
            return self.step(cx, Input::OpenLater, Cause::Held(at));
        }
        self.step(cx, Input::Open, Cause::None)
    }

    pub(crate) fn subscribe(
        &mut self,
        cx: &mut Context<'_>,
        stream: Stream,
        silence_max: Option<Duration>,
    ) -> Result<StreamId, CommandError> {
        self.check(Input::Subscribe)?;
        if !self.config.has(&stream) {
            return Err(CommandError::WrongEndpoint);
        }
        self.feed.subscribe(cx, stream, silence_max)
    }

    pub(crate) fn unsubscribe(&mut self, cx: &mut Context<'_>, id: StreamId) -> Result<(), CommandError> {
        self.feed.unsubscribe(cx, id)
    }

    pub(crate) fn resync(&mut self, cx: &mut Context<'_>, id: StreamId) -> Result<(), CommandError> {
        self.check(Input::Subscribe)?;
        self.feed.resync(cx, id)
    }

    /// If the link is open, and the venue has begun to send books over it without a subscription, drops the
    /// connection and connects again. Only a new connection brings new snapshots of such books.
    pub(crate) fn renew_books(&mut self, cx: &mut Context<'_>) -> Result<(), CommandError> {
        self.check(Input::Subscribe)?;
        if self.is_open() && self.session.has_books() {
            self.input(cx, Input::Unusable, Cause::Loss(Lost::SequenceGap));
        }
        Ok(())
    }

    pub(crate) fn request(
        &mut self,
        cx: &mut Context<'_>,
        request: &Request,
    ) -> Result<RequestId, CommandError> {
        self.check(Input::Request)?;
        if !self.session.dialect().takes_requests {
            return Err(CommandError::WrongEndpoint);
        }
        self.feed.outbox().take_room_for(request, cx)?;
        let id = self.feed.send_request(cx, request);
        if self.config.authenticated {
            cx.placed().note_request(self.id, id, request);
        }
        if request.is_of_account() {
            self.liveness.note_sent(cx.now());
        }
        Ok(RequestId::new(id))
    }

    /// Requests the cancellation of the orders that were placed over the present connection. `by` is the deadline.
    pub(crate) fn cancel_session_orders(&mut self, by: Instant) {
        if self.session.dialect().takes_requests && self.config.authenticated {
            self.feed.outbox_mut().want_cancel(by);
            if !self.is_open() {
                self.feed.outbox_mut().fail_cancel();
            }
        }
    }

    pub(crate) fn close(&mut self, cx: &mut Context<'_>) {
        self.close_by(cx, Instant::from_nanos(u64::MAX));
    }

    /// Closes the link by `deadline`, or within `Config::close_timeout` if that is earlier. A second call can only
    /// bring the deadline forward.
    pub(crate) fn close_by(&mut self, cx: &mut Context<'_>, deadline: Instant) {
        let deadline = deadline.min(cx.now() + self.config.close_timeout);
        let again = self.state == State::Closing;
        // `step` cannot fail: no cell of the row `Close` refuses.
        let _ = self.step(cx, Input::Close, Cause::None);
        if self.state == State::Closing {
            let at = match self.wake {
                Some(wake) if again => wake.at.min(deadline),
                _ => deadline,
            };
            self.wake = Some(Deadline { at, cause: Timer::Close });
        }
    }

    /// Makes the next end of the link final: no other attempt to connect follows.
    pub(crate) const fn want_no_other(&mut self) {
        self.is_last = true;
    }

    /// Marks the link as not needed. The first such call starts the period [`Config::linger`]. Returns whether the
    /// client can close the link: this period is over, or the link is closing or closed already.
    pub(crate) fn note_unneeded(&mut self, now: Instant) -> bool {
        if matches!(self.linger, Linger::Needed) {
            self.linger = Linger::Until(now + self.config.linger);
        }
        match self.linger {
            Linger::Until(at) => at <= now,
            Linger::Needed | Linger::Over => true,
        }
    }

    pub(crate) const fn note_needed(&mut self) -> bool {
        !matches!(core::mem::replace(&mut self.linger, Linger::Needed), Linger::Needed)
    }

    /// Replaces the experience of this link with the one that all links to the endpoint share.
    pub(crate) const fn learn(&mut self, experience: Experience) {
        self.experience = experience;
    }
}

// ---- inputs --------------------------------------------------------------------------------

impl<S: Session> Link<S> {
    pub(crate) fn handle_connected(&mut self, cx: &mut Context<'_>, link: LinkId) {
        if self.admits(cx, link) {
            self.input(cx, Input::Connected, Cause::None);
        } else {
            // The attempt succeeded too late, so the driver has to drop the transport.
            cx.push(Output::Abort(link));
        }
    }

    pub(crate) fn handle_dial_started(&mut self, cx: &mut Context<'_>, link: LinkId) {
        if !self.admits(cx, link) {
            return;
        }
        if self.state != State::Connecting {
            self.stats.count_stale_input();
        } else if !self.dial_started {
            self.dial_started = true;
            self.wake = Some(self.dial_until(cx.now()));
        }
    }

    pub(crate) fn handle_connect_failed(
        &mut self,
        cx: &mut Context<'_>,
        link: LinkId,
        reason: ConnectFailure,
    ) {
        if self.admits(cx, link) {
            let is_fatal = reason.retry(self.config.authenticated).is_final(self.experience.was_open);
            let input = if is_fatal { Input::ConnectRefused } else { Input::ConnectFailed };
            self.input(cx, input, Cause::Failure(reason));
        }
    }

    pub(crate) fn handle_lost(&mut self, cx: &mut Context<'_>, link: LinkId, reason: Lost) {
        if self.admits(cx, link) {
            self.lose(cx, reason);
        }
    }

    /// Fires each due timer once.
    pub(crate) fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        let mut fired = [false; TIMERS.len()];
        while let Some(timer) = self.due(cx.now(), &fired) {
            if let Some(fired) = fired.get_mut(timer as usize) {
                *fired = true;
            }
            self.fire(cx, timer);
            self.flush(cx);
        }
    }

    fn due(&self, now: Instant, fired: &[bool]) -> Option<Timer> {
        let waiting = TIMERS.into_iter().zip(fired).filter(|(_, fired)| !**fired).map(|(timer, _)| timer);
        let due = waiting.filter_map(|timer| Some((self.timer(timer)?, timer))).filter(|(at, _)| *at <= now);
        due.min_by_key(|(at, _)| *at).map(|(_, timer)| timer)
    }

    fn fire(&mut self, cx: &mut Context<'_>, timer: Timer) {
        let now = cx.now();
        match timer {
            Timer::Connect => {
                self.input(cx, Input::ConnectTimeout, Cause::Failure(ConnectFailure::TimedOut));
            }
            // Nothing has needed the link for `Config::linger`, so the client closes it next.
            Timer::Retry if self.has_lingered(now) => {}
            Timer::Retry => match cx.limits().check_dial(now) {
                Err(at) => self.wake = Some(Deadline { at, cause: Timer::Retry }),
                Ok(()) => self.input(cx, Input::RetryDue, Cause::None),
            },
            Timer::Alive => match self.liveness.check(now) {
                Verdict::Wait => {}
                Verdict::Probe => self.begin_probe(now),
                Verdict::GiveUp => self.input(cx, Input::Silence, Cause::Loss(Lost::Silent)),
            },
            Timer::Request => self.expire_requests(cx),
            Timer::Resync => self.feed.expire_streams(cx),
            Timer::Stable => self.note_stable(now),
            Timer::Linger => self.linger = Linger::Over,
            Timer::Close => self.input(cx, Input::CloseTimeout, Cause::Loss(Lost::CloseTimedOut)),
            // `handle_timeout` calls `flush` next, which sends the delayed requests. A link never arms `Shutdown`.
            Timer::Quota | Timer::Shutdown => {}
            Timer::Heartbeat => {
                if let Some(since) = self.liveness.check_heartbeat(now) {
                    cx.report(Event::HeartbeatDue { link: self.id, since });
                }
            }
        }
    }

    fn has_lingered(&self, now: Instant) -> bool {
        match self.linger {
            Linger::Needed => false,
            Linger::Until(at) => at <= now,
            Linger::Over => true,
        }
    }

    fn expire_requests(&mut self, cx: &mut Context<'_>) {
        let mut is_useless = false;
        while let Some((id, purpose, is_silent)) = self.feed.outbox_mut().take_expired(cx.now()) {
            let messages = self.stats.frames.saturating_sub(self.stats.ignored_ended_link);
            is_useless |= self.liveness.miss_answer(cx.now(), messages);
            self.feed.outbox_mut().end_cancel(id, Cancellation::Failed);
            match purpose {
                Purpose::Application(about) | Purpose::Limits(about) => {
                    cx.placed().note_unanswered(self.id, id, &about);
                    let (link, request, outcome) = (self.id, RequestId::new(id), RequestOutcome::TimedOut);
                    cx.report(Event::Reply { link, request, about, outcome });
                }
                Purpose::Streams(request) => {
                    self.session.expired(&mut self.feed, cx, &request, id, is_silent);
                    if self.session.dialect().acknowledges {
                        self.feed.outbox_mut().keep_late(id, request);
                    }
                }
                Purpose::Probe => {}
            }
        }
        if is_useless {
            self.input(cx, Input::Unusable, Cause::Loss(Lost::Unresponsive));
        }
    }

    pub(crate) fn handle_resumed(&mut self, cx: &Context<'_>) {
        if self.is_open() {
            self.begin_probe(cx.now());
        }
    }

    fn begin_probe(&mut self, now: Instant) {
        // An archived endpoint takes no `ping`. There, a probe sends nothing and only waits for a frame, such as a
        // heartbeat.
        let answers = self.session.dialect().takes_requests;
        if self.liveness.begin_probe(now) {
            self.feed.outbox_mut().want_probe(answers);
        }
    }
}

// ---- the pump ------------------------------------------------------------------------------

impl<S: Session> Link<S> {
    /// Sends the queued requests that the limits allow, and moves the link to `Live` if [`Input::Settled`] applies.
    /// If the link has ended, returns the [`LinkEnd`] once.
    pub(crate) fn pump(&mut self, cx: &mut Context<'_>) -> Option<LinkEnd> {
        self.flush(cx);
        // The changes that a pump makes need no second pump.
        cx.leave_untouched();
        self.end.take()
    }

    fn flush(&mut self, cx: &mut Context<'_>) {
        if let Some(Deadline { at, cause: Timer::Retry }) = &mut self.wake {
            // The venue may have loosened its limit on attempts since `at` was chosen.
            let free_at = cx.limits().dial_free_at().max(self.backoff.held_until());
            *at = (*at).min(free_at.max(cx.now()));
        }
        if !self.liveness.is_probing() {
            // If the peer was heard while a probe waited for room in a limit, the probe is no longer needed.
            self.feed.outbox_mut().want_probe(false);
        }
        if self.feed.flush(cx, self.session.dialect()) {
            self.liveness.note_sent(cx.now());
        }
        if self.state == State::Subscribing && !self.feed.subscriptions().has_pending() {
            self.input(cx, Input::Settled, Cause::None);
        }
    }
}

// ---- questions ---------------------------------------------------------------------------------

impl<S: Session> Link<S> {
    pub(crate) fn connect_request(&self, link: LinkId) -> Option<ConnectRequest> {
        let current = link == self.id && self.state == State::Connecting;
        current.then(|| ConnectRequest {
            url: self.config.url(),
            user: self.config.user(),
            endpoint: self.config.api,
            authenticated: self.config.authenticated,
        })
    }

    fn timer(&self, timer: Timer) -> Option<Instant> {
        match timer {
            Timer::Connect | Timer::Retry | Timer::Stable | Timer::Close | Timer::Shutdown => {
                self.wake.filter(|wake| wake.cause == timer).map(|wake| wake.at)
            }
            Timer::Alive => self.liveness.check_at(),
            // While the link is closing, its requests do not time out: when the link ends, they are reported as lost.
            Timer::Request => self.feed.outbox().deadline().filter(|_| self.is_open()),
            Timer::Resync => self.feed.due(),
            Timer::Quota => self.feed.outbox().room_at(),
            Timer::Heartbeat => self.liveness.heartbeat_at(),
            Timer::Linger => match self.linger {
                Linger::Until(at) => Some(at),
                Linger::Needed | Linger::Over => None,
            },
        }
    }

    pub(crate) fn due_at(&self) -> Option<Instant> {
        let parts =
            [Timer::Alive, Timer::Request, Timer::Resync, Timer::Quota, Timer::Heartbeat, Timer::Linger];
        let wake = self.wake.map(|wake| wake.at);
        parts.into_iter().fold(wake, |first, timer| match (first, self.timer(timer)) {
            (Some(first), Some(at)) => Some(first.min(at)),
            (first, at) => first.or(at),
        })
    }

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        let at = self.due_at()?;
        let cause = TIMERS.into_iter().find(|timer| self.timer(*timer) == Some(at))?;
        Some(Deadline { at, cause })
    }

    pub(crate) const fn state(&self) -> State {
        self.state
    }

    pub(crate) const fn id(&self) -> LinkId {
        self.id
    }

    pub(crate) const fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) const fn feed(&self) -> &Feed {
        &self.feed
    }

    pub(crate) const fn stats(&self) -> &Stats {
        &self.stats
    }

    pub(crate) const fn is_open(&self) -> bool {
        matches!(self.state, State::Subscribing | State::Live)
    }

    pub(crate) fn streams(&self) -> impl Iterator<Item = (StreamId, Stream, StreamState)> + '_ {
        self.feed.subscriptions().iter().flat_map(|subscription| {
            let of = |id: &StreamId| (*id, subscription.stream(), subscription.state());
            subscription.subscribers().iter().map(of)
        })
    }

    pub(crate) const fn backoff(&self) -> &Backoff {
        &self.backoff
    }

    pub(crate) const fn experience(&self) -> Experience {
        self.experience
    }

    pub(crate) const fn served(&self) -> Option<Instant> {
        self.feed.outbox().served()
    }
}
