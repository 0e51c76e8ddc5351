//! [`Client`]: many links as one, from the first subscription to the end.
//!
//! This file is what one can call. `pump.rs` decides which links there are, `shutdown.rs` how they all come to
//! their end; what happens on a link is decided in `link`.

mod commands;
pub(crate) mod config;
mod endpoints;
mod inputs;
pub(crate) mod plan;
mod protocol;
mod pump;
mod shutdown;
mod slots;

use alloc::collections::BTreeMap;
use core::time::Duration;

use crate::client::config::ClientConfig;
use crate::client::endpoints::Endpoints;
use crate::client::plan::{Shutdown, ShutdownPlan};
use crate::client::protocol::Protocol;
use crate::client::slots::Slots;
use crate::config::Config;
use crate::error::{CommandError, Limit};
use crate::event::reason::Abandoned;
use crate::link::backoff::SplitMix64;
use crate::link::context::{Context, Numbers};
use crate::link::lifecycle::{State, StreamState};
use crate::link::output::{Output, Outputs};
use crate::link::stats::Stats;
use crate::link::timer::Deadline;
use crate::link::{ConnectRequest, Link};
use crate::request::stream::{Stream, Topic};
use crate::value::id::{EndpointId, LinkId, StreamId};
use crate::value::symbol::Symbol;
use crate::value::time::Instant;

/// A client of the venue: endpoints, the links to them, and what is subscribed over them.
///
/// It is a state machine without sockets, clock or tasks. Public methods are of four kinds:
///
/// - *commands* ([`open`](Client::open), [`subscribe`](Client::subscribe), …): what the application wants; they
///   may be refused, and never wait;
/// - *inputs* (`handle_*`): what the world did; they cannot fail;
/// - *outputs* ([`poll_output`](Client::poll_output)): what the driver is to do, in order;
/// - *getters*, among them [`deadline`](Client::deadline): when to call
///   [`handle_timeout`](Client::handle_timeout).
///
/// Any call is legal at any time; nothing is lost by not polling. `now` comes from one monotonic clock; an
/// earlier `now` than before counts as the one before. The same seed, inputs and times give the same outputs.
///
/// # The contract of a driver
///
/// A driver repeats two steps. It carries out every output, and then waits for one input: until a transport has
/// something, or until [`timeout`](Client::timeout) is over.
///
/// - **Order of events.** Events come in two ways: [`handle_frame`](Client::handle_frame) returns at most one, and
///   [`Output::Event`]s hold the others. Their order is: the outputs that were not polled before the frame, the event
///   that `handle_frame` returned, the outputs that the frame caused. So poll until `None` after each input
///   and after each command. Polling changes nothing but this order: the client says the same however late it is polled.
/// - **Polling late.** If outputs wait during `handle_frame`, the event that it returns is newer than they are. To give
///   [`Books`](crate::Books) and [`Orders`](crate::Orders) the newer event first makes no book wrong, and
///   none live that is stale. An order may stay in doubt for longer: a request that timed out raises a doubt, which the
///   event of the frame would have resolved.
/// - **Sending.** Texts and the Close frame of a link leave in the order in which they were polled. If the transport takes
///   no more bytes, keep what remains and write it when the transport is writable. The client sees to a
///   peer that says nothing; for one that talks and reads nothing, limit the bytes or the time that wait, and then drop
///   the transport and call [`handle_lost`](Client::handle_lost) with [`Lost::Transport`](crate::Lost::Transport).
/// - **Connecting.** Each [`Output::Connect`] is answered once, by [`handle_dial`](Client::handle_dial), unless an
///   [`Output::Abort`] takes it back. The client limits the time.
/// - **Closing.** After [`Output::Close`], go on reading until the transport ends, and call `handle_lost`.
/// - **Aborting.** [`Output::Abort`] is the last word about its link: drop the transport, or the attempt. No `handle_lost`
///   or `handle_dial` is due, and one that comes all the same is counted and ignored.
/// - **Losing.** Call `handle_lost` once, when the transport has ended without `Abort`. A Close frame of the peer goes to
///   `handle_frame` first. It ends the link, so that the `handle_lost` after it is ignored.
///
/// Why no iterator over the outputs? It would borrow the client, and then
/// [`connect_request`](Client::connect_request) could not be called in the loop. `while let Some(output) =
/// client.poll_output()` is as short.
///
/// # Links
///
/// A link is opened when something first needs it, and closed when nothing has needed it for [`Config::linger`]; when a link holds as many
/// streams as it may, further ones go to another link. The end of one link touches no other.
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
    config: ClientConfig,
    /// Of the links, so that nothing else has a say in their delays.
    seeds: SplitMix64,
    now: Instant,
    state: ClientState,
    endpoints: Endpoints,
    slots: Slots,
    /// The slot that serves the frames of a topic and symbol at an endpoint. What the link does not confirm counts for
    /// nothing.
    routes: BTreeMap<(Topic, Option<Symbol>, EndpointId), usize>,
    outputs: Outputs,
    numbers: Numbers,
    /// What was counted of the links that are no more.
    ended: Stats,
    abandoned: Abandoned,
    /// Sessions of the links that are no more whose orders nobody has cancelled.
    uncancelled: usize,
}

/// Where a client is in its life.
#[derive(Clone, Copy, Debug)]
enum ClientState {
    Idle,
    Open,
    ShuttingDown(Shutdown),
    Closed,
}

/// Whether a client's links are live and serve what is wanted.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Readiness {
    /// Every link is live, and each stream is confirmed and not reported as [`Event::Unserved`](crate::Event::Unserved).
    Ready,
    /// Some links are live.
    Partly,
    /// No link is live.
    NotReady,
}

impl core::fmt::Display for Readiness {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(match self {
            Readiness::Ready => "ready",
            Readiness::Partly => "partly ready",
            Readiness::NotReady => "not ready",
        })
    }
}

// ---- endpoints and the life of the client ------------------------------------------------------

impl Client {
    /// A client without endpoints that does nothing yet. `seed` spreads the reconnects of its links and of
    /// many clients; give each client its own.
    pub fn new(config: ClientConfig, seed: u64) -> Client {
        Client {
            config,
            seeds: SplitMix64::new(seed),
            now: Instant::ZERO,
            state: ClientState::Idle,
            endpoints: Endpoints::new(),
            slots: Slots::new(),
            routes: BTreeMap::new(),
            outputs: Outputs::new(),
            numbers: Numbers::new(),
            ended: Stats::default(),
            abandoned: Abandoned::default(),
            uncancelled: 0,
        }
    }

    /// A client of one endpoint, to which it keeps a link open whatever is subscribed. Streams beyond
    /// [`Config::streams_max`] go to further links.
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

    /// Adds an endpoint. Links to it are opened when something is subscribed there, or at once if it
    /// [stays open](Config::stay_open).
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`]; [`CommandError::TooMany`] if it stays open and there is no room for a link.
    pub fn add(&mut self, now: Instant, config: Config) -> Result<EndpointId, CommandError> {
        self.command(now)?;
        if config.stays_open() && self.slots.sums().links() >= self.config.links_max {
            return Err(CommandError::TooMany(Limit::Links));
        }
        let id = self.endpoints.add(config, self.now);
        self.pump();
        Ok(id)
    }

    /// Removes an endpoint: its streams end as if unsubscribed, its links are closed.
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`]; [`CommandError::UnknownEndpoint`].
    pub fn remove(&mut self, now: Instant, endpoint: EndpointId) -> Result<(), CommandError> {
        self.command(now)?;
        let slots = self.endpoints.remove(endpoint, self.now).ok_or(CommandError::UnknownEndpoint)?;
        for slot in slots {
            self.unsubscribe_where(slot, |_| true);
            self.pump_link(slot);
            self.with_link(slot, Link::close);
            self.pump_link(slot);
        }
        self.pump();
        Ok(())
    }

    /// Starts to connect, and keeps connected what is needed, until [`close`](Client::close). Again: links that
    /// were given up for good are tried once more, with the delay of another attempt; otherwise no effect.
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`] after `close`.
    pub fn open(&mut self, now: Instant) -> Result<(), CommandError> {
        self.command(now)?;
        self.state = ClientState::Open;
        for slot in 0..self.slots.count() {
            self.revive(slot);
        }
        self.slots.touch_all();
        self.pump();
        Ok(())
    }

    /// Closes every open link with a handshake. [`Event::Closed`](crate::Event::Closed) follows, exactly once, at the latest after the
    /// longest [`Config::close_timeout`]. Again: no effect.
    pub fn close(&mut self, now: Instant) {
        let deadline = self.now.max(now) + self.close_timeout();
        self.close_by(now, deadline);
    }

    /// Closes every open link with a handshake, which may take until `deadline`, and not for longer than
    /// [`Config::close_timeout`]: [`Event::Closed`](crate::Event::Closed) follows at the
    /// latest with the first [`handle_timeout`](Client::handle_timeout) at that instant or later. Again: an
    /// earlier deadline holds, nothing else changes.
    pub fn close_by(&mut self, now: Instant, deadline: Instant) {
        self.advance(now);
        self.begin_shutdown(ShutdownPlan::by(deadline), true);
    }

    /// Shuts down in steps, each reported when it begins: no more commands, cancelling orders, unsubscribing,
    /// closing. A step that takes too long is left so that the steps behind it have their time.
    /// [`Event::Closed`](crate::Event::Closed) follows, exactly once, by the deadline of the plan. Again: an earlier deadline holds,
    /// nothing else changes; [`close`](Client::close) cuts the steps short.
    pub fn shut_down(&mut self, now: Instant, plan: ShutdownPlan) {
        self.advance(now);
        self.begin_shutdown(plan, false);
    }
}

// ---- outputs and getters -----------------------------------------------------------------------

impl Client {
    /// Returns the next thing to do, of all links in the order in which they arose. An event that
    /// [`handle_frame`](Client::handle_frame) returned comes before the outputs that its frame caused, and after those
    /// that waited before ([contract](Client#the-contract-of-a-driver)).
    ///
    /// ```
    /// use gemini_ws::{Client, Config, Instant, Output, PRODUCTION};
    ///
    /// let mut client = Client::single(Config::new(PRODUCTION));
    /// client.open(Instant::ZERO)?;
    /// while let Some(output) = client.poll_output() {
    ///     if let Output::Connect(link) = output {
    ///         assert!(client.connect_request(link).is_some());
    ///     }
    /// }
    /// # Ok::<(), gemini_ws::CommandError>(())
    /// ```
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.poll()
    }

    /// Returns what to dial for a link; `None` if it is not being connected any more.
    pub fn connect_request(&self, link: LinkId) -> Option<ConnectRequest> {
        self.slots.link(link.slot())?.connect_request(link)
    }

    /// Returns when to call [`handle_timeout`](Client::handle_timeout) next, and what for.
    pub fn deadline(&self) -> Option<Deadline> {
        let first = self.slots.first_due().and_then(|slot| self.slots.link(slot)?.deadline());
        first.into_iter().chain(self.shutdown_deadline()).min_by_key(|deadline| deadline.at)
    }

    /// Returns how long to wait for an input before calling [`handle_timeout`](Client::handle_timeout): zero if the
    /// [`deadline`](Client::deadline) has passed, `None` if there is none.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use gemini_ws::{Client, Config, Instant, PRODUCTION};
    ///
    /// let mut client = Client::single(Config::new(PRODUCTION).connect_timeout(Duration::from_secs(10)));
    /// assert_eq!(client.timeout(Instant::ZERO), None);
    /// client.open(Instant::ZERO)?;
    /// assert_eq!(client.timeout(Instant::from_millis(4_000)), Some(Duration::from_secs(6)));
    /// assert_eq!(client.timeout(Instant::from_millis(11_000)), Some(Duration::ZERO));
    /// # Ok::<(), gemini_ws::CommandError>(())
    /// ```
    pub fn timeout(&self, now: Instant) -> Option<Duration> {
        self.deadline().map(|deadline| deadline.at.since(now))
    }

    /// Returns the endpoints, in the order in which they were added.
    pub fn endpoints(&self) -> impl Iterator<Item = EndpointId> + '_ {
        self.endpoints.ids()
    }

    /// Returns the links that there are, with their endpoints, and where each is in its life.
    pub fn links(&self) -> impl Iterator<Item = (LinkId, EndpointId, State)> + '_ {
        self.slots.iter().filter_map(|slot| {
            let link = slot.link()?;
            Some((link.id(), slot.endpoint(), link.state()))
        })
    }

    /// Returns where a link is in its life; `None` if there is none, or another attempt, in its slot.
    pub fn state(&self, link: LinkId) -> Option<State> {
        let known = self.slots.link(link.slot())?;
        (known.id() == link).then(|| known.state())
    }

    /// Returns whether the links are live and serve what is wanted.
    pub fn readiness(&self) -> Readiness {
        let (mut is_any_live, mut is_all) = (false, true);
        for link in self.slots.links() {
            let is_live = link.state() == State::Live;
            is_any_live |= is_live;
            is_all &= is_live && !link.feed().subscriptions().has_unserved();
        }
        match (is_any_live, is_all) {
            (false, _) => Readiness::NotReady,
            (true, true) => Readiness::Ready,
            (true, false) => Readiness::Partly,
        }
    }

    /// Returns whether some endpoint is [authenticated](Config::authenticated).
    pub fn is_authenticated(&self) -> bool {
        self.endpoints.configs().any(|config| config.authenticated)
    }

    /// Returns each subscription with its stream, and where the stream stands.
    pub fn streams(&self) -> impl Iterator<Item = (StreamId, Stream, StreamState)> + '_ {
        self.slots.links().flat_map(Link::streams)
    }

    /// Returns what was counted since the beginning, over all links that there have been.
    pub fn stats(&self) -> Stats {
        let mut sum = self.ended.clone();
        self.slots.links().for_each(|link| sum.add(link.stats()));
        sum
    }
}

// ---- within --------------------------------------------------------------------------------------

impl Client {
    fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// Begins a command, if commands are taken.
    fn command(&mut self, now: Instant) -> Result<(), CommandError> {
        self.advance(now);
        if self.outputs.is_full() {
            return Err(CommandError::TooMany(Limit::Outputs));
        }
        match self.state {
            ClientState::Idle | ClientState::Open => Ok(()),
            ClientState::ShuttingDown(_) | ClientState::Closed => Err(CommandError::Closed),
        }
    }

    /// Lends the link of a slot a context, and notes that it was touched. `None` if the slot has no link.
    fn with_link<T>(
        &mut self,
        slot: usize,
        work: impl FnOnce(&mut Link<Protocol>, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let entry = self.slots.get_mut(slot)?;
        let limits = self.endpoints.limits(entry.host())?;
        let link = entry.link_mut()?;
        let mut cx = Context::new(self.now, &mut self.outputs, limits, &mut self.numbers);
        let result = work(link, &mut cx);
        if cx.is_touched() {
            self.slots.touch(slot);
        }
        Some(result)
    }

    /// Carries out a command on the link of a slot, and pumps. A refused command touches nothing.
    fn command_link<T>(
        &mut self,
        slot: usize,
        work: impl FnOnce(&mut Link<Protocol>, &mut Context<'_>) -> Result<T, CommandError>,
    ) -> Option<Result<T, CommandError>> {
        let done = self.with_link(slot, |link, cx| {
            let done = work(link, cx);
            if done.is_err() {
                cx.leave_untouched();
            }
            done
        })?;
        if done.is_ok() {
            self.pump();
        }
        Some(done)
    }
}
