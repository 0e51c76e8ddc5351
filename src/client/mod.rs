//! [`Client`]: many links as one, from the first wish to the end.
//!
//! Each link is a [`Connection`] in a place of its own. The client decides which links there are and which
//! of them serves whom; what happens on a link is decided there. What the links have in common (the order of
//! outputs, the numbers of requests, the limits of a host) is lent to a link for as long as it works.

pub(crate) mod reconcile;
pub(crate) mod shutdown;
pub(crate) mod slot;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::client::shutdown::{Shutdown, ShutdownPlan};
use crate::config::{self, ClientConfig, Config};
use crate::connection::Connection;
use crate::error::{CommandError, Limit};
use crate::event::Event;
use crate::event::reason::{Abandoned, CloseReason, ConnectFailure, Lost};
use crate::link::ConnectRequest;
use crate::link::backoff::SplitMix64;
use crate::link::frame::Frame;
use crate::link::lifecycle::{State, StreamState};
use crate::link::limits::Limits;
use crate::link::output::{Output, Shared};
use crate::link::stats::Stats;
use crate::link::timer::{Deadline, Timer};
use crate::request::Request;
use crate::request::stream::Stream;
use crate::value::endpoint::Endpoint;
use crate::value::id::{EndpointId, LinkId, RequestId, StreamId};
use crate::value::symbol::Symbol;
use crate::value::time::Instant;
use crate::wire::Scratch;

/// The client of an application: endpoints, the links to them, and what is wanted of them.
///
/// It has the surface of a [`Connection`], for any number of links; each input of a transport says which
/// link it is about. A link is opened when something first wants it, and closed when nothing does; when a
/// link holds as many streams as it may, further ones go to another link. An end of one link touches no
/// other.
///
/// ```
/// use gemini_ws::{Client, ClientConfig, Config, Event, Instant, Output};
///
/// let mut client = Client::new(ClientConfig::new(), 42);
/// let now = Instant::ZERO;
/// let public = client.add(now, Config::new("wss://ws.gemini.com"))?;
/// let private = client.add(now, Config::new("wss://ws.gemini.com").authenticated(true))?;
/// client.subscribe(now, "btcusd@trade".parse().unwrap())?;
/// client.open(now)?;
///
/// // One link for the stream, and one for orders.
/// let dialled: Vec<_> = client.links().map(|(_, endpoint, _)| endpoint).collect();
/// assert_eq!(dialled, [public, private]);
/// let Some(Output::Connect(link)) = client.poll_output() else { panic!() };
/// assert!(!client.connect_request(link).unwrap().authenticated);
/// # Ok::<(), gemini_ws::CommandError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) config: ClientConfig,
    pub(crate) seeds: SplitMix64,
    pub(crate) now: Instant,
    pub(crate) phase: Phase,
    pub(crate) endpoints: Vec<EndpointEntry>,
    pub(crate) next_endpoint: u32,
    pub(crate) slots: Vec<Slot>,
    /// One for each host.
    pub(crate) hosts: Vec<(String, Box<Limits>)>,
    pub(crate) shared: Box<Shared>,
    /// Of the links that are no more.
    pub(crate) ended: Stats,
    pub(crate) abandoned: Abandoned,
}

/// Where a client is in its life.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Phase {
    Idle,
    Open,
    ShuttingDown(Shutdown),
    Closed,
}

/// An endpoint that may be used.
#[derive(Clone, Debug)]
pub(crate) struct EndpointEntry {
    pub(crate) id: EndpointId,
    pub(crate) config: Config,
    /// The place of its host.
    pub(crate) host: usize,
}

/// A place for a link; the next one in it goes on with its numbers.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) endpoint: EndpointId,
    pub(crate) host: usize,
    pub(crate) last: LinkId,
    pub(crate) connection: Option<Connection>,
    /// Why it was given up for good; its wishes are kept.
    pub(crate) given_up: Option<CloseReason>,
}

/// How well a client can do what it is wanted for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Readiness {
    /// Every link that is wanted is live.
    Ready,
    /// Some are.
    Partly,
    /// None is.
    NotReady,
}

// ---- commands ------------------------------------------------------------------------------

impl Client {
    /// A client without endpoints that does nothing yet. `seed` spreads the reconnects of its links and of
    /// many clients; give each client its own.
    pub fn new(config: ClientConfig, seed: u64) -> Client {
        Client {
            config,
            seeds: SplitMix64(seed),
            now: Instant::ZERO,
            phase: Phase::Idle,
            endpoints: Vec::new(),
            next_endpoint: 0,
            slots: Vec::new(),
            hosts: Vec::new(),
            shared: Box::new(Shared::new()),
            ended: Stats::default(),
            abandoned: Abandoned::default(),
        }
    }

    /// A client of one endpoint, to which it keeps one link open whatever is subscribed.
    ///
    /// It does nothing until [`open`](Client::open). [`Config::seed`] says where its random delays come from.
    ///
    /// ```
    /// use gemini_ws::{Client, Config, Instant, Output, PRODUCTION};
    ///
    /// let mut client = Client::single(Config::new(PRODUCTION));
    /// client.subscribe(Instant::ZERO, "btcusd@trade".parse().unwrap())?;
    /// client.open(Instant::ZERO)?;
    /// let Some(Output::Connect(link)) = client.poll_output() else { panic!() };
    /// assert_eq!(client.connect_request(link).unwrap().url, "wss://ws.gemini.com/?snapshot=-1");
    /// # Ok::<(), gemini_ws::CommandError>(())
    /// ```
    pub fn single(config: Config) -> Client {
        let mut client = Client::new(ClientConfig::new(), config.seed_or_random());
        // A client that was never closed, and has no link yet, refuses no endpoint.
        let _ = client.add(Instant::ZERO, config.stay_open(true));
        client
    }

    /// Makes an endpoint known. Links to it are opened when streams want them, or at once if it
    /// [stays open](Config::stay_open).
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`]; [`CommandError::TooMany`] if it stays open and there is no room for a link.
    pub fn add(&mut self, now: Instant, config: Config) -> Result<EndpointId, CommandError> {
        self.advance(now);
        self.allow()?;
        let name = config::host(&config.endpoint);
        if config.stays_open() && self.links().count() >= self.config.links_max {
            return Err(CommandError::TooMany(Limit::Links));
        }
        let host = self.hosts.iter().position(|(known, _)| known == name);
        let host = host.unwrap_or_else(|| {
            self.hosts.push((name.into(), Box::new(Limits::new(&config))));
            self.hosts.len().saturating_sub(1)
        });
        if let Some((_, limits)) = self.hosts.get_mut(host) {
            limits.add(&config);
        }
        let id = EndpointId(self.next_endpoint);
        self.next_endpoint = self.next_endpoint.wrapping_add(1);
        self.endpoints.push(EndpointEntry { id, config, host });
        self.reconcile();
        Ok(id)
    }

    /// Forgets an endpoint: its streams end as if unsubscribed, its links are closed.
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`]; [`CommandError::UnknownEndpoint`].
    pub fn remove(&mut self, now: Instant, endpoint: EndpointId) -> Result<(), CommandError> {
        self.advance(now);
        self.allow()?;
        let position = self.endpoints.iter().position(|it| it.id == endpoint);
        self.endpoints.remove(position.ok_or(CommandError::UnknownEndpoint)?);
        for slot in self.slots_of(endpoint) {
            self.end_wishes(slot, |_| !mutant!(RemoveWithoutAnEnd));
            self.close_link(slot);
        }
        self.reconcile();
        Ok(())
    }

    /// Starts to connect, and keeps connected what is wanted, until [`close`](Client::close). Again: links that
    /// were given up for good are tried once more; otherwise no effect.
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`] after `close`.
    pub fn open(&mut self, now: Instant) -> Result<(), CommandError> {
        self.advance(now);
        self.allow()?;
        self.phase = Phase::Open;
        for slot in 0..self.slots.len() {
            self.revive(slot);
        }
        self.reconcile();
        Ok(())
    }

    /// Wants a stream, now and after every reconnect, until [`unsubscribe`](Client::unsubscribe); on the first
    /// endpoint that has it: an account's streams on an authenticated one, others on one that is not if there
    /// is such a one. Each call is a wish of its own, as with [`Connection::subscribe`].
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`]; [`CommandError::TooMany`]; [`CommandError::WrongEndpoint`] or
    /// [`CommandError::NotAuthenticated`] if no endpoint has it; [`CommandError::GivenUp`];
    /// [`CommandError::Ambiguous`] if frames of another wanted stream look the same, on whichever endpoint.
    pub fn subscribe(&mut self, now: Instant, stream: Stream) -> Result<StreamId, CommandError> {
        self.advance(now);
        self.allow()?;
        let endpoint = self.endpoint_of(&stream)?;
        self.wish(endpoint, stream, None)
    }

    /// Subscribes to a stream that is not silent for longer than `silence_max` while all is well: if it is, an
    /// [`Event::Silent`] says so and the stream is subscribed again. Of several such calls for a stream the least
    /// counts.
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Client::subscribe).
    pub fn subscribe_unless_silent(
        &mut self,
        now: Instant,
        stream: Stream,
        silence_max: core::time::Duration,
    ) -> Result<StreamId, CommandError> {
        let endpoint = self.endpoint_of(&stream)?;
        self.subscribe_at(now, endpoint, stream, Some(silence_max.max(core::time::Duration::from_millis(1))))
    }

    /// The same on an endpoint of one's choice, and with the longest silence that is well, if that is known: as
    /// [`Connection::subscribe_unless_silent`].
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Client::subscribe); [`CommandError::UnknownEndpoint`].
    pub fn subscribe_at(
        &mut self,
        now: Instant,
        endpoint: EndpointId,
        stream: Stream,
        silence_max: Option<core::time::Duration>,
    ) -> Result<StreamId, CommandError> {
        self.advance(now);
        self.allow()?;
        if !self.endpoints.iter().any(|it| it.id == endpoint) {
            return Err(CommandError::UnknownEndpoint);
        }
        self.wish(endpoint, stream, silence_max)
    }

    /// As [`Connection::unsubscribe`].
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`]; [`CommandError::UnknownStream`].
    pub fn unsubscribe(&mut self, now: Instant, id: StreamId) -> Result<(), CommandError> {
        self.advance(now);
        self.allow()?;
        let end = |connection: &mut Connection| connection.end_one_wish(id);
        let ended = self.with(id.link_slot(), end).unwrap_or(Err(CommandError::UnknownStream));
        self.reconcile();
        ended
    }

    /// As [`Connection::resync`].
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`]; [`CommandError::UnknownStream`]; [`CommandError::GivenUp`].
    pub fn resync(&mut self, now: Instant, id: StreamId) -> Result<(), CommandError> {
        self.advance(now);
        self.allow()?;
        let slot = id.link_slot();
        if self.slots.get(slot).is_some_and(|slot| slot.given_up.is_some()) {
            return Err(CommandError::GivenUp);
        }
        let now = self.now;
        match self.with(slot, |connection| connection.resync(now, id)) {
            // The link is on its way out, with all its streams.
            None | Some(Err(CommandError::Closed)) => Err(CommandError::UnknownStream),
            Some(done) => done,
        }
    }

    /// Asks for the books of these symbols anew, as [`resync`](Client::resync) does for a stream: those that
    /// [`Books::to_resync`](crate::Books::to_resync) names, or an [`Event::Overflow`] told of. How many were asked
    /// for: a book that is not wanted any more, or whose link is at its end, comes anew by itself or not at all.
    ///
    /// ```
    /// use gemini_ws::{Client, ClientConfig, Config, Instant, PRODUCTION};
    ///
    /// let mut client = Client::new(ClientConfig::new(), 1);
    /// client.add(Instant::ZERO, Config::new(PRODUCTION))?;
    /// client.subscribe(Instant::ZERO, "btcusd@depth".parse()?)?;
    /// let symbols = ["btcusd".parse()?, "ethusd".parse()?];
    /// assert_eq!(client.resync_books(Instant::ZERO, symbols), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resync_books(&mut self, now: Instant, symbols: impl IntoIterator<Item = Symbol>) -> usize {
        let mut asked: usize = 0;
        for symbol in symbols {
            let is_book =
                |stream: &Stream| matches!(stream, Stream::Depth { symbol: of, .. } if *of == symbol);
            let ids: Vec<StreamId> =
                self.streams().filter(|(_, stream, _)| is_book(stream)).map(|(id, ..)| id).collect();
            // At most one of them is still wanted.
            let is_asked = ids.into_iter().any(|id| self.resync(now, id).is_ok());
            asked = asked.saturating_add(usize::from(is_asked));
        }
        asked
    }

    /// Sends a request over the first open link to an authenticated endpoint; if there is none, and the request
    /// is about no account, over any open link. As [`Connection::request`].
    ///
    /// # Errors
    ///
    /// [`CommandError::NotConnected`]; [`CommandError::NotAuthenticated`]; [`CommandError::Closed`];
    /// [`CommandError::TooMany`]; [`CommandError::RateLimited`].
    pub fn request(&mut self, now: Instant, request: &Request) -> Result<RequestId, CommandError> {
        self.advance(now);
        self.allow()?;
        let takes = |authenticated: bool| {
            move |slot: &Slot| {
                slot.connection.as_ref().is_some_and(|it| {
                    it.config.api == Endpoint::Streams
                        && it.config.authenticated == authenticated
                        && matches!(it.state(), State::Subscribing | State::Live)
                })
            }
        };
        let private = self.slots.iter().position(takes(true));
        let public = || self.slots.iter().position(takes(false)).filter(|_| !request.is_of_account());
        let Some(slot) = private.or_else(public) else {
            let possible = |it: &EndpointEntry| {
                it.config.api == Endpoint::Streams && (it.config.authenticated || !request.is_of_account())
            };
            return Err(if self.endpoints.iter().any(possible) {
                CommandError::NotConnected
            } else {
                CommandError::NotAuthenticated
            });
        };
        let now = self.now;
        self.with(slot, |it| it.request(now, request)).unwrap_or(Err(CommandError::NotConnected))
    }

    /// Wants an end at once: closes every open link with a handshake. `Closed` follows, exactly once, at the
    /// latest after the longest [`Config::close_timeout`]. Again: no effect.
    pub fn close(&mut self, now: Instant) {
        let deadline = self.now.max(now) + self.close_timeout();
        self.close_by(now, deadline);
    }

    /// The same with another time for the handshakes, as [`Connection::close_by`].
    pub fn close_by(&mut self, now: Instant, deadline: Instant) {
        self.advance(now);
        self.begin_shutdown(ShutdownPlan::by(deadline), true);
    }

    /// Wants an end in steps, each told when it begins: no more commands, cancelling orders, unsubscribing,
    /// closing. A step that takes too long is left so that the closing handshakes have their time. `Closed`
    /// follows, exactly once, by the deadline of the plan. Again: an earlier deadline holds, nothing else
    /// changes; [`close`](Client::close) cuts the steps short.
    pub fn shut_down(&mut self, now: Instant, plan: ShutdownPlan) {
        self.advance(now);
        self.begin_shutdown(plan, false);
    }
}

// ---- inputs --------------------------------------------------------------------------------

impl Client {
    /// As [`Connection::handle_connected`].
    pub fn handle_connected(&mut self, link: LinkId, now: Instant) {
        self.advance(now);
        if self.with_link(link, |it| it.handle_connected(link, now)).is_none() {
            self.shared.outputs.push(Output::Abort(link));
        }
        self.reconcile();
    }

    /// As [`Connection::handle_connect_failed`].
    pub fn handle_connect_failed(&mut self, link: LinkId, now: Instant, why: ConnectFailure) {
        self.advance(now);
        self.with_link(link, |it| it.handle_connect_failed(link, now, why));
        self.reconcile();
    }

    /// As [`Connection::handle_frame`].
    pub fn handle_frame<'f>(
        &mut self,
        link: LinkId,
        now: Instant,
        frame: Frame<'f>,
        scratch: &'f mut Scratch,
    ) -> Option<Event<'f>> {
        self.advance(now);
        let now = self.now;
        if self.slots.get(link.slot()).is_none_or(|slot| slot.connection.is_none()) {
            return self.frame_of_nobody(link, frame);
        }
        let event = self.frame_of(link, frame, scratch);
        if mutant!(HearForAll) {
            let others = self.slots.iter_mut().filter_map(|slot| slot.connection.as_mut());
            others.for_each(|it| (it.heard, it.probed) = (now, None));
        }
        // Data changes nothing on a link; what does makes an output, or is awaited.
        if !self.shared.outputs.is_empty()
            || !matches!(self.phase, Phase::Open)
            || self.is_unwanted(link.slot())
        {
            self.reconcile();
        }
        event
    }

    /// As [`Connection::handle_lost`].
    pub fn handle_lost(&mut self, link: LinkId, now: Instant, why: Lost) {
        self.advance(now);
        self.with_link(link, |it| it.handle_lost(link, now, why));
        self.reconcile();
    }

    /// As [`Connection::handle_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
        if let Phase::ShuttingDown(shutdown) = &mut self.phase {
            shutdown.expire(self.now);
        }
        self.expire_links();
        self.reconcile();
        // The last step of a shutdown may have begun after its time was over.
        self.expire_links();
        self.reconcile();
    }

    /// Of links that wait for the same limit, the one whose turn was longest ago comes first: no other can keep
    /// it waiting for ever.
    fn expire_links(&mut self) {
        let now = self.now;
        let mut done = None;
        while let Some(next) = self.next_due(done) {
            done = Some(next);
            self.with(next.1, |connection| connection.handle_timeout(now));
        }
    }

    /// A link whose deadline is over, after another in this order: when it last had its turn, and its place.
    fn next_due(&self, after: Option<(Option<Instant>, usize)>) -> Option<(Option<Instant>, usize)> {
        let due = self.slots.iter().enumerate().filter_map(|(position, slot)| {
            let connection = slot.connection.as_ref()?;
            let is_due = connection.deadline().is_some_and(|deadline| deadline.at <= self.now);
            is_due.then_some((connection.served, position))
        });
        due.filter(|place| after.is_none_or(|done| *place > done)).min()
    }

    /// As [`Connection::handle_resumed`], for each link.
    pub fn handle_resumed(&mut self, now: Instant) {
        self.advance(now);
        let now = self.now;
        for slot in 0..self.slots.len() {
            self.with(slot, |connection| connection.handle_resumed(now));
        }
        self.reconcile();
    }
}

// ---- outputs and getters -------------------------------------------------------------------

impl Client {
    /// As [`Connection::poll_output`]; the outputs of all links in the order in which they arose.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        self.shared.outputs.poll()
    }

    /// As [`Connection::connect_request`].
    pub fn connect_request(&self, link: LinkId) -> Option<ConnectRequest> {
        self.slots.get(link.slot())?.connection.as_ref()?.connect_request(link)
    }

    /// As [`Connection::deadline`]: the earliest of all links.
    pub fn deadline(&self) -> Option<Deadline> {
        let links = self.slots.iter().filter_map(|slot| slot.connection.as_ref()?.deadline());
        links.chain(self.shutdown_deadline()).min_by_key(|deadline| deadline.at)
    }

    fn shutdown_deadline(&self) -> Option<Deadline> {
        let Phase::ShuttingDown(shutdown) = &self.phase else { return None };
        let waits = shutdown.step < crate::event::reason::ShutdownStep::ClosingLinks || mutant!(SpinAwake);
        waits.then_some(Deadline { at: shutdown.close_at, cause: Timer::Shutdown })
    }

    /// The endpoints, in the order in which they were added.
    pub fn endpoints(&self) -> impl Iterator<Item = EndpointId> + '_ {
        self.endpoints.iter().map(|it| it.id)
    }

    /// The links that there are, with their endpoints, and where each is in its life.
    pub fn links(&self) -> impl Iterator<Item = (LinkId, EndpointId, State)> + '_ {
        self.slots.iter().filter_map(|slot| {
            let connection = slot.connection.as_ref()?;
            Some((connection.link(), slot.endpoint, connection.state()))
        })
    }

    /// Where a link is in its life; `None` if there is none, or another attempt, in its place.
    pub fn state(&self, link: LinkId) -> Option<State> {
        let connection = self.slots.get(link.slot())?.connection.as_ref()?;
        (connection.link() == link).then(|| connection.state())
    }

    /// How much of what is wanted is live.
    pub fn readiness(&self) -> Readiness {
        let live = self.links().filter(|(_, _, state)| *state == State::Live).count();
        match (live, self.links().count()) {
            (0, _) => Readiness::NotReady,
            (live, all) if live == all => Readiness::Ready,
            _ => Readiness::Partly,
        }
    }

    /// Whether some endpoint is [authenticated](Config::authenticated).
    pub fn is_authenticated(&self) -> bool {
        self.endpoints.iter().any(|it| it.config.authenticated)
    }

    /// As [`Connection::streams`], of all links.
    pub fn streams(&self) -> impl Iterator<Item = (StreamId, Stream, StreamState)> + '_ {
        self.slots.iter().filter_map(|slot| slot.connection.as_ref()).flat_map(Connection::streams)
    }

    /// As [`Connection::stats`], of all links that there have been.
    pub fn stats(&self) -> Stats {
        let mut sum = self.ended.clone();
        for connection in self.slots.iter().filter_map(|slot| slot.connection.as_ref()) {
            sum.add(connection.stats());
        }
        sum
    }
}

// ---- links ---------------------------------------------------------------------------------

impl Client {
    fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// Whether commands are taken.
    fn allow(&self) -> Result<(), CommandError> {
        if self.shared.outputs.is_full() {
            return Err(CommandError::TooMany(Limit::Outputs));
        }
        match self.phase {
            Phase::Idle | Phase::Open => Ok(()),
            Phase::ShuttingDown(_) if mutant!(TakeCommandsAtTheEnd) => Ok(()),
            Phase::ShuttingDown(_) | Phase::Closed => Err(CommandError::Closed),
        }
    }
}
