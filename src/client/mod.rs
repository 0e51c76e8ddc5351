//! [`Client`]: one state machine for several links.
//!
//! This file holds the public methods, except those about streams, books and requests (`commands.rs`) and the inputs
//! (`inputs.rs`). `pump.rs` opens and closes links, `shutdown.rs` runs the steps of a shutdown. The module `link`
//! decides what happens on one link.

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
use crate::event::reason::{Abandoned, CloseReason};
use crate::link::backoff::SplitMix64;
use crate::link::context::{Context, Numbers};
use crate::link::lifecycle::{State, StreamState};
use crate::link::output::{Output, Outputs};
use crate::link::placed::Placed;
use crate::link::stats::Stats;
use crate::link::timer::Deadline;
use crate::link::{ConnectRequest, Link};
use crate::request::stream::{Stream, Topic};
use crate::value::id::{EndpointId, LinkId, RequestId, StreamId};
use crate::value::symbol::Symbol;
use crate::value::time::Instant;

/// A client of the venue: its endpoints, the links to them, and the subscriptions on these links.
///
/// A `Client` is a state machine without sockets, clock or tasks. Its public methods are of four kinds:
///
/// - *commands* ([`open`](Client::open), [`subscribe`](Client::subscribe), …) ask the client for something. They
///   never wait. The client may refuse a command;
/// - *inputs* (`handle_*`) report what happened. They cannot fail;
/// - *outputs* ([`poll_output`](Client::poll_output)) say what the driver has to do, in order;
/// - *getters* read the state. The getter [`deadline`](Client::deadline) says when to call
///   [`handle_timeout`](Client::handle_timeout).
///
/// Any method may be called at any time. No event is lost if outputs are polled late. Take `now` from one monotonic
/// clock. If `now` is earlier than the latest `now` so far, the client uses the latest `now`. The same seed, calls
/// and times give the same outputs.
///
/// # The contract of a driver
///
/// A driver repeats two steps. It carries out every output. Then it waits until a dial ends, until a transport has
/// something to read, can take unwritten bytes or has ended, or until [`timeout`](Client::timeout) is over. It
/// reports dials, frames, ends and the timeout with inputs.
///
/// - **Order of events.** [`handle_frame`](Client::handle_frame) returns at most one event; every other event arrives
///   as [`Output::Event`]. The right order is: first the outputs that were waiting before the frame, then the event
///   that `handle_frame` returns, then the outputs that the frame causes. So poll until `None` after each input and
///   after each command.
/// - **Polling late.** While [`OUTPUT_MAX`](crate::OUTPUT_MAX) outputs wait, the client refuses commands, except
///   [`resync_books`](Client::resync_books), [`resync_all_books`](Client::resync_all_books),
///   [`close`](Client::close), [`close_by`](Client::close_by) and [`shut_down`](Client::shut_down). When a link ends,
///   its requests that were not polled have the outcome [`NotSent`](crate::RequestOutcome::NotSent), and polled
///   requests without a reply have the outcome [`Lost`](crate::RequestOutcome::Lost). If you apply a returned event
///   before older outputs, no book becomes wrong, and no stale book becomes current, but an order may stay in doubt
///   for longer.
/// - **Sending.** Write the texts and the Close frame of a link in the order in which they were polled. If the
///   transport takes no more bytes, keep the remaining bytes, and write them when the transport is writable again.
///   The client detects a peer that sends nothing. It does not detect a peer that sends but does not read. So limit
///   how many bytes wait to be written, or how long they wait. Beyond the limit, drop the transport and call
///   [`handle_lost`](Client::handle_lost) with [`Lost::Transport`](crate::Lost::Transport).
/// - **Connecting.** Call [`handle_dial`](Client::handle_dial) once for each [`Output::Connect`], unless an
///   [`Output::Abort`] withdraws the attempt. The client limits the time of the attempt.
/// - **Closing.** After [`Output::Close`], continue to read until the transport ends, then call `handle_lost`.
/// - **Aborting.** After [`Output::Abort`], drop the transport or the attempt. The client ignores and counts any
///   further input about this link. If such an input reports that the dial succeeded, the client emits another
///   `Abort`.
/// - **Losing.** Call `handle_lost` once, when the transport has ended without `Abort`. If the peer has sent a Close
///   frame, pass the frame to `handle_frame` before you call `handle_lost`. The Close frame ends the link, so the
///   client ignores the `handle_lost`.
///
/// # Links
///
/// After [`open`](Client::open), the client opens a link when a stream needs one, or at once if the endpoint [stays
/// open](Config::stay_open). It closes a link that has had no stream and no unanswered request of the application for
/// [`Config::linger`], except the first link to an endpoint that stays open. When a link holds
/// [`Config::streams_max`] streams, further streams go to another link. The end of one link does not affect the other
/// links.
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
    /// The generator of the seed of each link's `Backoff`. Nothing else may draw from it, so that the delays depend
    /// on the seed of the client alone.
    seeds: SplitMix64,
    now: Instant,
    state: ClientState,
    endpoints: Endpoints,
    slots: Slots,
    /// The slot whose link takes the frames of a topic and symbol at an endpoint. An entry is valid only while the
    /// link in the slot has a subscription with this topic and symbol. Entries that are no longer valid may remain.
    routes: BTreeMap<(Topic, Option<Symbol>, EndpointId), usize>,
    outputs: Outputs,
    numbers: Numbers,
    /// The counters of links that no longer exist.
    ended: Stats,
    abandoned: Abandoned,
    placed: Placed,
}

#[derive(Clone, Copy, Debug)]
enum ClientState {
    Idle,
    Open,
    ShuttingDown(Shutdown),
    Closed(CloseReason),
}

/// Whether a client's links are live and the venue has confirmed their streams.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Readiness {
    /// At least one link exists, every link is live, every stream is confirmed, and every stream that an
    /// [`Event::Unserved`](crate::Event::Unserved) reported has worked again since. A stream in the state
    /// [`Resyncing`](crate::lifecycle::StreamState::Resyncing) counts as confirmed. So a book may still be stale, and
    /// a stream may have fallen silent.
    Ready,
    /// Some link is live, but not all conditions of [`Ready`](Readiness::Ready) hold.
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
    /// Creates a client without endpoints. The client does nothing yet. `seed` determines the random delays between
    /// attempts to connect. Give each client its own seed, so that many clients do not reconnect at the same instant.
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
            placed: Placed::default(),
        }
    }

    /// Creates a client with one endpoint, and sets [`Config::stay_open`] to `true`: the client keeps one link to the
    /// endpoint open even if no stream is subscribed.
    ///
    /// The client does nothing until [`open`](Client::open). [`Config::seed`] determines the random delays of the
    /// client.
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
        // `add` cannot fail: the client is not closed and has no link yet.
        let _ = client.add(Instant::ZERO, config.stay_open(true));
        client
    }

    /// Adds an endpoint. After [`open`](Client::open), the client opens [links](Client#links) to the endpoint.
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`]; [`CommandError::TooMany`] if too many outputs wait, or if the endpoint stays open
    /// and [`ClientConfig::links_max`] leaves no link for it. The limit counts each link, and each other endpoint
    /// that stays open and has no link yet.
    pub fn add(&mut self, now: Instant, config: Config) -> Result<EndpointId, CommandError> {
        self.command(now)?;
        if config.stays_open() {
            self.check_links(self.endpoints.waiting().len())?;
        }
        let id = self.endpoints.add(config, self.now);
        self.pump();
        Ok(id)
    }

    /// Removes an endpoint. The client ends the subscriptions at the endpoint, as
    /// [`unsubscribe`](Client::unsubscribe) does, and closes the links to the endpoint. A request has the outcome
    /// [`Lost`](crate::RequestOutcome::Lost) if its link ends before the reply comes. If every remaining endpoint has
    /// a link and all these links have failed for good, the client ends ([`Event::Closed`](crate::Event::Closed)).
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`]; [`CommandError::TooMany`] if too many outputs wait;
    /// [`CommandError::UnknownEndpoint`].
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

    /// Starts to connect. Until [`close`](Client::close), [`close_by`](Client::close_by) or
    /// [`shut_down`](Client::shut_down), the client opens every link that a stream needs, and one link to each
    /// endpoint that [stays open](Config::stay_open). The client replaces each of these links that is lost.
    ///
    /// If links have failed for good ([`Event::LinkClosed`](crate::Event::LinkClosed)), another call of `open`
    /// connects their slots again, after the delay that follows the last failure in the slot. Other links are not
    /// affected by another call.
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`] if the client is shutting down or has ended; [`CommandError::TooMany`] if too many
    /// outputs wait.
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

    /// Ends the client: refuses commands, abandons attempts to connect, and closes every open link with a closing
    /// handshake. [`Event::Closed`](crate::Event::Closed) follows exactly once, at the latest with the first
    /// [`handle_timeout`](Client::handle_timeout) after the longest [`Config::close_timeout`] of these links. A call
    /// during [`shut_down`](Client::shut_down) skips to the last step. A second call has no effect.
    pub fn close(&mut self, now: Instant) {
        let deadline = self.now.max(now) + self.close_timeout();
        self.close_by(now, deadline);
    }

    /// Ends the client by a deadline: refuses commands, abandons attempts to connect, and closes every open link with
    /// a closing handshake. Each handshake ends by `deadline`, and takes no longer than [`Config::close_timeout`].
    /// [`Event::Closed`](crate::Event::Closed) follows at the latest with the first
    /// [`handle_timeout`](Client::handle_timeout) at or after `deadline`.
    ///
    /// A second call of this method can only bring the deadline forward. A call during
    /// [`shut_down`](Client::shut_down) also skips to the last step. After the end of the client, a call has no
    /// effect.
    pub fn close_by(&mut self, now: Instant, deadline: Instant) {
        self.advance(now);
        self.begin_shutdown(ShutdownPlan::by(deadline), true);
    }

    /// Shuts down in steps: refuses commands, abandons attempts to connect, cancels orders and unsubscribes if the
    /// plan says so, and closes the links. An [`Event::ShuttingDown`](crate::Event::ShuttingDown) reports the
    /// beginning of each step. The client ends a step that takes too long, so that time remains for the following
    /// steps. [`Event::Closed`](crate::Event::Closed) follows exactly once, at the latest with the first
    /// [`handle_timeout`](Client::handle_timeout) at or after the deadline of the plan.
    ///
    /// A second call can only bring the deadline forward: the client ignores the steps of the second plan.
    /// [`close`](Client::close) and [`close_by`](Client::close_by) skip to the last step. After the end of the
    /// client, a call has no effect.
    pub fn shut_down(&mut self, now: Instant, plan: ShutdownPlan) {
        self.advance(now);
        self.begin_shutdown(plan, false);
    }
}

// ---- ends of orders -----------------------------------------------------------------------------

impl Client {
    /// Reports to the client that an order of this client has ended, or that the venue does not have it. `request` is
    /// the request that placed the order. An event that reports the end has the same effect. So call this method if
    /// only REST shows the end, for example because the order ended while no link was open.
    ///
    /// [`Abandoned::sessions`](crate::Abandoned::sessions) is the number of sessions that may have left open orders.
    /// After the call, the client does not count a session because of this order, unless a later event reports the
    /// order as open.
    ///
    /// The client remembers at most 1,024 requests that placed orders. Beyond this number, it first forgets a request
    /// whose order was refused or has ended, and if there is none, the oldest request. The call has no effect for a
    /// request that the client does not remember, for a [raw](crate::Request::raw) request, and after the end of the
    /// client.
    ///
    /// ```
    /// use gemini_ws::{Client, Config, Instant, NewOrder, Orders, Output, Request, Side};
    ///
    /// let mut client = Client::single(Config::new("ws://venue").authenticated(true).stay_open(true));
    /// let now = Instant::ZERO;
    /// client.open(now)?;
    /// let Some(Output::Connect(link)) = client.poll_output() else { panic!() };
    /// client.handle_connected(link, now);
    /// let order = NewOrder::limit("my-1", "btcusd", Side::Buy, "1", "50000").expect("a limit order");
    /// let request = client.request(now, &Request::PlaceOrder(order))?;
    /// let mut orders = Orders::new();
    /// while let Some(output) = client.poll_output() {
    ///     if let Output::Event(event) = output {
    ///         orders.apply(&event);
    ///     }
    /// }
    /// // No reply comes, and REST does not find the order.
    /// let asked = orders.moment();
    /// orders.reconcile(request, None, asked);
    /// if orders.get(request).is_some_and(|order| order.state.is_final() && !order.needs_reconciling()) {
    ///     client.forget_order(request);
    /// }
    /// # Ok::<(), gemini_ws::CommandError>(())
    /// ```
    pub fn forget_order(&mut self, request: RequestId) {
        self.placed.forget(request.get());
    }
}

// ---- outputs and getters -----------------------------------------------------------------------

impl Client {
    /// Returns the next output. The outputs of all links come in the order in which the client produced them. The
    /// [contract](Client#the-contract-of-a-driver) says how to order outputs and events of
    /// [`handle_frame`](Client::handle_frame).
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

    /// Returns what the driver needs to dial a link; `None` if the client no longer waits for this dial.
    pub fn connect_request(&self, link: LinkId) -> Option<ConnectRequest> {
        self.slots.link(link.slot())?.connect_request(link)
    }

    /// Returns when to call [`handle_timeout`](Client::handle_timeout) next, and for which timer; `None` if no timer
    /// runs.
    pub fn deadline(&self) -> Option<Deadline> {
        let first = self.slots.first_due().and_then(|slot| self.slots.link(slot)?.deadline());
        first.into_iter().chain(self.shutdown_deadline()).min_by_key(|deadline| deadline.at)
    }

    /// Returns how long to wait for an input before calling [`handle_timeout`](Client::handle_timeout): zero if the
    /// [`deadline`](Client::deadline) has passed, `None` if there is no deadline.
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

    /// Returns whether the client is shutting down or has ended. Such a client refuses commands. The steps of a
    /// shutdown wait for frames, so the driver has to read frames even if the application has no room for events.
    ///
    /// ```
    /// use gemini_ws::{Client, Config, Instant, PRODUCTION};
    ///
    /// let mut client = Client::single(Config::new(PRODUCTION));
    /// assert!(!client.is_shutting_down());
    /// client.close(Instant::ZERO);
    /// assert!(client.is_shutting_down());
    /// ```
    pub const fn is_shutting_down(&self) -> bool {
        matches!(self.state, ClientState::ShuttingDown(_) | ClientState::Closed(_))
    }

    /// Returns the reason for which the client ended; `None` if the client has not ended. The
    /// [`Event::Closed`](crate::Event::Closed) with the same reason may still be waiting among the outputs.
    ///
    /// ```
    /// use gemini_ws::{Client, CloseReason, Config, Instant, PRODUCTION};
    ///
    /// let mut client = Client::single(Config::new(PRODUCTION));
    /// assert_eq!(client.close_reason(), None);
    /// client.close(Instant::ZERO);
    /// assert_eq!(client.close_reason(), Some(CloseReason::Requested));
    /// ```
    pub const fn close_reason(&self) -> Option<CloseReason> {
        match self.state {
            ClientState::Closed(reason) => Some(reason),
            ClientState::Idle | ClientState::Open | ClientState::ShuttingDown(_) => None,
        }
    }

    /// Returns the endpoints, in the order in which they were added.
    pub fn endpoints(&self) -> impl Iterator<Item = EndpointId> + '_ {
        self.endpoints.ids()
    }

    /// Returns the newest link of each slot in use, with its endpoint and state. Until its first attempt to connect,
    /// a link has the number of the last attempt in its slot; 0 in a new slot.
    pub fn links(&self) -> impl Iterator<Item = (LinkId, EndpointId, State)> + '_ {
        self.slots.iter().filter_map(|slot| {
            let link = slot.link()?;
            Some((link.id(), slot.endpoint(), link.state()))
        })
    }

    /// Returns the endpoint of a link, even if the link has ended or the endpoint was removed. If the client has
    /// added more than 65,536 endpoints, the result may be `None` or another endpoint.
    ///
    /// ```
    /// use gemini_ws::{Client, ClientConfig, Config, Instant, PRODUCTION};
    ///
    /// let mut client = Client::new(ClientConfig::new(), 1);
    /// let private = client.add(Instant::ZERO, Config::new(PRODUCTION).authenticated(true))?;
    /// client.open(Instant::ZERO)?;
    /// let (link, ..) = client.links().next().unwrap();
    /// assert_eq!(client.endpoint(link), Some(private));
    /// client.remove(Instant::ZERO, private)?;
    /// assert_eq!(client.endpoint(link), Some(private));
    /// # Ok::<(), gemini_ws::CommandError>(())
    /// ```
    pub fn endpoint(&self, link: LinkId) -> Option<EndpointId> {
        self.endpoints.tagged(link.endpoint())
    }

    /// Returns the state of a link; `None` if the link no longer exists, or if a later attempt has replaced it. A new
    /// link in the same slot for the same endpoint has the id of the last attempt there until it is dialled. Until
    /// then, `state` returns the state of the new link.
    pub fn state(&self, link: LinkId) -> Option<State> {
        let known = self.slots.link(link.slot())?;
        (known.id() == link).then(|| known.state())
    }

    /// Returns whether the links are live and the venue has confirmed their streams.
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

    /// Returns whether any endpoint is [authenticated](Config::authenticated).
    pub fn is_authenticated(&self) -> bool {
        self.endpoints.configs().any(|config| config.authenticated)
    }

    /// Returns each subscription with its stream and the stream's state. Until the venue has confirmed the
    /// `unsubscribe`, the last subscription of a stream remains here as [leaving](StreamState::Leaving), although it
    /// has ended.
    pub fn streams(&self) -> impl Iterator<Item = (StreamId, Stream, StreamState)> + '_ {
        self.slots.links().flat_map(Link::streams)
    }

    /// Returns the counters of all links since the client was created, including links that no longer exist.
    pub fn stats(&self) -> Stats {
        let mut sum = self.ended.clone();
        self.slots.links().for_each(|link| sum.add(link.stats()));
        sum
    }
}

// ---- internals -----------------------------------------------------------------------------------

impl Client {
    fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    fn command(&mut self, now: Instant) -> Result<(), CommandError> {
        self.advance(now);
        if self.outputs.is_full() {
            return Err(CommandError::TooMany(Limit::Outputs));
        }
        match self.state {
            ClientState::Idle | ClientState::Open => Ok(()),
            ClientState::ShuttingDown(_) | ClientState::Closed(_) => Err(CommandError::Closed),
        }
    }

    /// Marks the slot as touched, unless `work` calls [`Context::leave_untouched`].
    fn with_link<T>(
        &mut self,
        slot: usize,
        work: impl FnOnce(&mut Link<Protocol>, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let entry = self.slots.get_mut(slot)?;
        let limits = self.endpoints.limits(entry.host())?;
        let link = entry.link_mut()?;
        let mut cx = Context::new(self.now, &mut self.outputs, limits, &mut self.placed, &mut self.numbers);
        let result = work(link, &mut cx);
        if cx.is_touched() {
            self.slots.touch(slot);
        }
        Some(result)
    }

    /// Runs a command on the link of a slot. A refused command touches no slot.
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
