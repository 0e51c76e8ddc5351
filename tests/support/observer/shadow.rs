//! [`Shadow`] is a model of a machine that is derived from its inputs and outputs alone. The other files of this
//! folder contain the checks.

use std::collections::HashMap;
use std::time::Duration;

use gemini_ws::lifecycle::{Effect, State, StreamState};
use gemini_ws::{
    AttemptFailure, CloseReason, Deadline, Endpoint, Event, Frame, Instant, LinkId, Output, RequestId,
    ShutdownStep, Stats, StreamId, Symbol, Topic,
};

use super::super::machine::{Machine, Plan, Settings};
use super::Violation;
use super::call::{Act, Answer};
use super::limits::{Host, Windows};
use super::requests::{Outstanding, Written};
use super::sessions::Sessions;
use super::subscriptions::Feed;

/// A slot: its newest attempt, and what the observer knows of it.
#[derive(Clone, Debug)]
pub struct Leg {
    pub endpoint: usize,
    /// The endpoint of the slot's link at the end of the step.
    next_endpoint: usize,
    pub link: Option<LinkId>,
    pub phase: Phase,
    pub state: State,
    /// Whether the driver has a dial or a transport of the link.
    pub handed_out: bool,
    pub dialled: Instant,
    pub heard: Instant,
    pub live: Option<Instant>,
    /// The latest instant at which the client drops the transport, once it has handed out its Close frame.
    pub closing: Option<Instant>,
    /// When the driver called `handle_resumed`; `None` once the link has received something since.
    pub resumed: Option<Instant>,
    /// When the previous open link received its last frame or, without a frame, when it opened.
    pub missing_since: Option<Instant>,
    /// When the client handed out the last message about the account, or when the link opened.
    pub sent: Instant,
    /// Whether the machine has a link in this slot.
    pub is_listed: bool,
    /// The step in which the machine put the link into this slot.
    pub listed: u64,
    pub is_restarted: bool,
    pub ended: u64,
    /// When the next attempt is due, and the earliest instant that the venue allows for it.
    pub retry: Option<(Instant, Instant)>,
    /// Whether the newest link ended without a further attempt.
    pub given_up: bool,
    pub not_before: Instant,
    /// The number of attempts that have ended since a link was last live for `stable_after`. The backoff depends on
    /// this number.
    pub attempts: u32,
    /// How many of these attempts ended before their link was live, for `attempts_max`. [`Shadow::revived`] sets this
    /// number to zero.
    pub failed: u32,
    pub last: Option<AttemptFailure>,
    /// The natural logarithm of the probability that random delays are as short as the reported ones.
    pub likelihood: f64,
    /// The number of malformed frames in a row. A malformed frame of the same stream as the malformed frame before it
    /// does not count.
    pub malformed_run: u32,
    pub malformed_of: Option<(Topic, Option<Symbol>)>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    None,
    Dialled,
    Open,
    Ended,
}

impl Leg {
    fn new(endpoint: usize) -> Leg {
        Leg {
            endpoint,
            next_endpoint: endpoint,
            link: None,
            phase: Phase::None,
            state: State::Idle,
            handed_out: false,
            dialled: Instant::ZERO,
            heard: Instant::ZERO,
            live: None,
            closing: None,
            resumed: None,
            missing_since: None,
            sent: Instant::ZERO,
            is_listed: false,
            listed: 0,
            is_restarted: false,
            ended: 0,
            retry: None,
            given_up: false,
            not_before: Instant::ZERO,
            attempts: 0,
            failed: 0,
            last: None,
            likelihood: 0.0,
            malformed_run: 0,
            malformed_of: None,
        }
    }

    /// Forgets the attempts of the slot's earlier links. Of these links, only the epochs still matter.
    pub fn restart(&mut self) {
        (self.retry, self.given_up, self.missing_since) = (None, false, None);
        (self.attempts, self.failed, self.likelihood) = (0, 0, 0.0);
        self.not_before = Instant::ZERO;
        self.endpoint = self.next_endpoint;
        self.is_restarted = true;
    }

    pub fn is_stable(&self, now: Instant, stable_after: Duration) -> bool {
        self.closing.is_none() && self.live.is_some_and(|since| now >= since + stable_after)
    }

    pub fn note_stable(&mut self) {
        (self.attempts, self.failed, self.likelihood) = (0, 0, 0.0);
    }

    /// Returns whether the slot has a link to another endpoint at the end of the step.
    pub fn makes_room(&self) -> bool {
        self.endpoint != self.next_endpoint
    }

    pub fn is_open(&self, link: LinkId) -> bool {
        self.link == Some(link) && self.phase == Phase::Open
    }
}

/// What a test did in a step, what the machine returned, and what the observer knew before.
#[derive(Clone, Copy)]
pub struct Step<'s> {
    pub act: Act<'s>,
    pub answer: Answer,
    pub event: Option<&'s Event<'s>>,
    pub outputs: &'s [Output],
    /// Whether the link of the act is the newest one of its slot, in a state in which the act can happen. True if the
    /// act is about no link.
    pub is_current: bool,
    pub deadline: Option<Deadline>,
}

#[derive(Clone, Debug)]
pub struct Shadow {
    pub settings: Vec<Settings>,
    pub hosts: Vec<Host>,
    /// The dials, requests and orders that count for rate limits, by the index of the endpoint in `settings`.
    pub windows: Vec<Windows>,
    /// Whether a link was opened, and whether one was live for `stable_after`, by the index of the endpoint in
    /// `settings`.
    pub experience: Vec<(bool, bool)>,
    /// The number of attempts of removed links, by the index of the endpoint in `settings`. The next link may
    /// continue from this number.
    pub inherited: Vec<u32>,
    pub now: Instant,
    pub step: u64,
    pub legs: Vec<Leg>,
    pub feeds: Vec<Feed>,
    /// The index in `feeds` of each subscription, and its last state.
    pub subscriptions: HashMap<StreamId, (usize, StreamState)>,
    /// Ended subscriptions for whose streams the venue may still send data, each with the index in `feeds` and its
    /// last state.
    pub leaving: HashMap<StreamId, (usize, StreamState)>,
    pub outstanding: Vec<Outstanding>,
    pub written: Vec<Written>,
    pub newest_request: u64,
    pub newest_written: u64,
    pub newest_subscription: Option<StreamId>,
    /// The instant by which the application has requested an end.
    pub closing: Option<Instant>,
    /// The longest `close_timeout` of the links that existed when the application first requested an end.
    pub close_timeout: Option<Duration>,
    pub shutdown: Option<ShutdownStep>,
    /// The plan of the shutdown; `None` if there is no shutdown or it was cut short.
    pub plan: Option<Plan>,
    /// Whether the first request of the application for an end was a shutdown that cancels orders. Later requests for
    /// an end do not change this, even if they cut the shutdown short.
    pub is_promised: bool,
    pub sessions: Sessions,
    pub removed: Vec<usize>,
    pub terminated: bool,
    pub stats: Stats,
    /// The effects of the table of links that were visible in this step, each with its slot.
    pub effects: Vec<(usize, Effect)>,
    /// The link of each request that the client reported as lost in this step.
    pub presumed_lost: Vec<LinkId>,
    pub dropped: Vec<LinkId>,
    /// Requests that a shutdown made so late that the client never handed them out.
    pub unsent: Vec<RequestId>,
    /// Links that ended in this step without a further attempt.
    pub ended_for_good: Vec<LinkId>,
    pub link_ends: Vec<CloseReason>,
    pub links_closed: usize,
    /// The numbers of requests and links that the client abandoned because links ended.
    pub abandoned: (usize, usize),
    pub told_abandoned: Option<(usize, usize)>,
    pub sequence_gap: bool,
    pub newest_told: u64,
    pub deadline: Option<Deadline>,
    pub violation: Option<Violation>,
}

impl Shadow {
    pub fn new(settings: Vec<Settings>) -> Shadow {
        Shadow {
            hosts: Host::of_all(&settings),
            windows: vec![Windows::default(); settings.len()],
            experience: vec![(false, false); settings.len()],
            inherited: vec![0; settings.len()],
            settings,
            now: Instant::ZERO,
            step: 0,
            legs: Vec::new(),
            feeds: Vec::new(),
            subscriptions: HashMap::new(),
            leaving: HashMap::new(),
            outstanding: Vec::new(),
            written: Vec::new(),
            newest_request: 0,
            newest_written: 0,
            newest_subscription: None,
            closing: None,
            close_timeout: None,
            shutdown: None,
            plan: None,
            is_promised: false,
            sessions: Sessions::default(),
            removed: Vec::new(),
            terminated: false,
            stats: Stats::default(),
            effects: Vec::new(),
            presumed_lost: Vec::new(),
            dropped: Vec::new(),
            unsent: Vec::new(),
            ended_for_good: Vec::new(),
            link_ends: Vec::new(),
            links_closed: 0,
            abandoned: (0, 0),
            told_abandoned: None,
            sequence_gap: false,
            newest_told: 0,
            deadline: None,
            violation: None,
        }
    }

    #[cold]
    pub fn fail(&mut self, id: &'static str, what: String) {
        if self.violation.is_none() {
            self.violation = Some(Violation { id, what });
        }
    }

    pub fn settings_of(&self, slot: usize) -> &Settings {
        let endpoint = self.legs.get(slot).map_or(0, |leg| leg.endpoint);
        &self.settings[endpoint.min(self.settings.len() - 1)]
    }

    pub fn endpoint_of(&self, link: LinkId) -> Endpoint {
        self.settings_of(link.slot()).endpoint
    }

    pub fn leg_mut(&mut self, slot: usize) -> &mut Leg {
        while self.legs.len() <= slot {
            self.legs.push(Leg::new(0));
        }
        &mut self.legs[slot]
    }

    fn is_current(&self, act: Act<'_>, link: LinkId) -> bool {
        let Some(leg) = self.legs.get(link.slot()).filter(|leg| leg.link == Some(link)) else { return false };
        match leg.phase {
            Phase::None | Phase::Ended => false,
            Phase::Dialled => true,
            Phase::Open => !matches!(act, Act::Connected(_) | Act::ConnectFailed(..)),
        }
    }

    pub fn follow<M: Machine>(
        &mut self,
        machine: &M,
        now: Instant,
        act: Act<'_>,
        answer: Answer,
        event: Option<&Event<'_>>,
        outputs: &[Output],
    ) {
        self.now = self.now.max(now);
        self.step += 1;
        let is_current = act.link().is_none_or(|link| self.is_current(act, link));
        let step = Step { act, answer, event, outputs, is_current, deadline: self.deadline };
        let plain = matches!(act, Act::Frame(..)) && is_current && outputs.is_empty() && is_data(event);
        if !plain {
            self.effects.clear();
            self.presumed_lost.clear();
            self.dropped.clear();
            self.unsent.clear();
            self.ended_for_good.clear();
            self.links_closed = 0;
            self.sequence_gap = false;
            self.legs.iter_mut().for_each(|leg| leg.is_restarted = false);
            let step = self.step;
            machine.each_link(|link, endpoint, _| {
                self.sessions.note_link(link, endpoint);
                let leg = self.leg_mut(link.slot());
                if !leg.is_listed || leg.next_endpoint != endpoint {
                    leg.listed = step;
                }
                leg.next_endpoint = endpoint;
                if !std::mem::replace(&mut leg.is_listed, true) {
                    leg.endpoint = endpoint;
                } else if leg.endpoint != endpoint && !tells_end(outputs, link.slot()) {
                    // The slot's link was never dialled or has no further attempt, and the client has replaced it
                    // with another link.
                    let (before, attempts) = (leg.endpoint, leg.attempts);
                    leg.restart();
                    self.inherit(before, attempts);
                }
            });
        }
        if !is_current {
            self.check_stale(&step);
        }
        self.before(&step);
        if let Some(event) = event {
            self.event(&step, event, step.act.link());
        }
        for output in outputs {
            self.output(machine, &step, output);
        }
        self.check_counters(machine, &step);
        if !plain {
            self.check_refusal(&step);
            self.check_links(machine, &step);
            self.check_requests(&step);
            self.check_streams(machine, &step);
            self.deadline = machine.deadline();
            self.check_time(machine, &step);
            self.check_size(&step);
        }
    }

    /// Updates the shadow by what follows from the act of a step, before any of its outputs.
    fn before(&mut self, step: &Step<'_>) {
        self.check_taken(step);
        match step.act {
            Act::Open => self.revived(step),
            Act::Close => {
                self.plan = None;
                let timeout = self.close_timeout();
                self.close_by(self.now + timeout);
            }
            Act::CloseBy(deadline) => {
                self.plan = None;
                self.close_by(deadline);
            }
            Act::ShutDown(plan) => {
                self.is_promised |= self.closing.is_none() && plan.cancels_orders;
                self.plan = self.plan.or_else(|| self.closing.is_none().then_some(plan));
                self.close_by(plan.deadline);
            }
            Act::Resumed => self.resumed(),
            Act::Subscribe(wanted) => self.subscribed(step, wanted),
            Act::Unsubscribe(id) => self.unsubscribed(step, id),
            Act::Remove(endpoint) => self.removed(step, endpoint),
            Act::Add(endpoint) if step.answer == Answer::Done => {
                self.removed.retain(|removed| *removed != endpoint);
                // An endpoint that is added again counts as a new endpoint.
                self.experience[endpoint] = (false, false);
            }
            Act::Request(request) => self.requested(step, request),
            Act::Frame(link, frame) if step.is_current => self.heard(step, link, frame),
            Act::ConnectFailed(link, _) | Act::Lost(link, _) if step.is_current => {
                self.leg_mut(link.slot()).handed_out = false;
            }
            Act::Timeout => self.expire(),
            _ => {}
        }
    }

    fn heard(&mut self, step: &Step<'_>, link: LinkId, frame: Frame<'_>) {
        let now = self.now;
        let leg = self.leg_mut(link.slot());
        if leg.phase != Phase::Open {
            return;
        }
        (leg.heard, leg.resumed) = (now, None);
        match frame {
            // The peer's Close frame ends the transport without the client.
            Frame::Close { .. } => leg.handed_out = false,
            Frame::Text(text) => self.answered(step, link, text),
            Frame::Binary(_) | Frame::Ping(_) | Frame::Pong(_) => {}
        }
        let leg = self.leg_mut(link.slot());
        match (step.event, frame) {
            (Some(Event::Malformed(it, _)), _) => {
                use Topic::{Balances, Orders, Positions, Quotes, Settlements};
                let is_of_all = |of| matches!(of, Orders | Balances | Positions | Quotes | Settlements);
                let is_of_none = |of: &Topic| matches!(of, Topic::Connection | Topic::Other);
                let of = it.topic.filter(|of| !is_of_none(of));
                let of = of.map(|of| (of, it.symbol.filter(|_| !is_of_all(of))));
                leg.malformed_run += u32::from(of.is_none() || of != leg.malformed_of);
                leg.malformed_of = of;
            }
            (_, Frame::Text(_)) => (leg.malformed_run, leg.malformed_of) = (0, None),
            _ => {}
        }
    }

    fn output<M: Machine>(&mut self, machine: &M, step: &Step<'_>, output: &Output) {
        if let Some(link) = link_of(output) {
            self.check_leg(step, link, output);
        }
        match output {
            Output::Connect(link) => self.dial(machine, step, *link),
            Output::Send { link, text } => self.send(*link, text),
            Output::Close { link, code, .. } => self.close(*link, *code),
            Output::Abort(link) => self.abort(step, *link),
            Output::Event(event) => self.event(step, event, None),
            _ => {}
        }
    }

    /// Updates the shadow by an event, and checks the event. `of` is the link whose frame contained the event.
    fn event(&mut self, step: &Step<'_>, event: &Event<'_>, of: Option<LinkId>) {
        if self.terminated && !matches!(event, Event::Ignored(..) | Event::Closed { .. }) {
            return self.fail("I-17", format!("{event:?} after the end"));
        }
        self.sessions.note(event);
        match event {
            Event::Opened { link, missing_since } => self.opened(step, *link, *missing_since),
            Event::Live { link } => self.live(*link),
            Event::ConnectFailed { link, reason: why, retry } => {
                self.connect_failed(step, *link, *why, *retry)
            }
            Event::Disconnected { link, reason: why, retry } => self.disconnected(step, *link, *why, *retry),
            Event::PeerClosing { link, code, .. } => self.peer_closing(step, *link, *code),
            Event::Closed { reason, abandoned } => self.closed(step, *reason, *abandoned),
            Event::LinkClosed { link, reason } => self.link_closed(*link, *reason),
            Event::ShuttingDown { step } => self.shutting_down(*step),
            Event::HeartbeatDue { link, since } => self.heartbeat_due(step, *link, *since),
            Event::Silent { id, since, .. } => self.quiet(step, *id, *since),
            Event::Unserved { id, reason, retry, .. } => self.unserved(step, *id, *reason, *retry),
            Event::Reply { request, about, outcome, .. } => self.replied(step, *request, *about, outcome),
            Event::Subscribed { id, .. } => self.confirmed(step, *id),
            Event::Unsubscribed { id, last, .. } => self.left(*id, *last),
            Event::Rejected { id, .. } => self.rejected(step, *id),
            Event::Gap { symbol, expected, got, .. } => self.gap(step, symbol.as_str(), *expected, *got),
            Event::Synced { id, symbol, .. } => self.synced(step, *id, symbol.as_str()),
            Event::SequenceGap { .. } => self.sequence_gap = true,
            Event::Ignored(ignored, source) => self.ignored(step, ignored, source),
            Event::Malformed(malformed, source) => {
                // The sequence number in a malformed frame of a v1 endpoint is lost too.
                let is_numbered =
                    matches!(source.endpoint(), Endpoint::MarketDataV1 | Endpoint::OrderEventsV1);
                self.sequence_gap |= is_numbered && malformed.topic != Some(gemini_ws::Topic::Other);
                self.malformed(step, malformed.frame);
            }
            Event::Requested { link, request, .. } => self.told_requested(*link, *request),
            _ => {
                if let Some(link) = of {
                    self.data(link, event, step);
                }
            }
        }
    }
}

fn tells_end(outputs: &[Output], slot: usize) -> bool {
    outputs
        .iter()
        .any(|output| matches!(output, Output::Event(Event::LinkClosed { link, .. }) if link.slot() == slot))
}

pub fn link_of(output: &Output) -> Option<LinkId> {
    match output {
        Output::Connect(link) | Output::Abort(link) => Some(*link),
        Output::Send { link, .. } | Output::Close { link, .. } => Some(*link),
        Output::Event(
            Event::Opened { link, .. }
            | Event::Live { link }
            | Event::ConnectFailed { link, .. }
            | Event::Disconnected { link, .. },
        ) => Some(*link),
        _ => None,
    }
}

/// Returns whether an event is data of a stream. Such an event may change only this stream and the counters.
fn is_data(event: Option<&Event<'_>>) -> bool {
    matches!(
        event,
        Some(
            Event::BookTicker(..)
                | Event::DepthSnapshot(..)
                | Event::DepthUpdate(..)
                | Event::PartialDepth(..)
                | Event::Trade(..)
                | Event::ContractStatus(..)
                | Event::MarkPrice(..)
                | Event::FundingAmount(..)
                | Event::TopOfBook(..)
                | Event::AuctionOpen(..)
                | Event::Auction(..)
                | Event::Candles(..)
                | Event::RequestForQuote(..)
                | Event::Order(..)
                | Event::Balances(..)
                | Event::Positions(..)
                | Event::Quote(..)
                | Event::Settlements(..)
                | Event::Batch(..)
        )
    )
}
