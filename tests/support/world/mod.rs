//! A client, the simulated exchange and a network that fails, under one virtual clock and one seed.
//!
//! A `Life` is a client from its first call to a little after its end. The same seed leads to the same life, call by
//! call.

mod application;
mod beliefs;
pub mod figures;
mod fold;
pub mod network;
pub mod scenario;
mod tickets;
mod trouble;
mod truth;

use std::rc::Rc;
use std::time::Duration;

use gemini_ws::lifecycle::State;
use gemini_ws::{
    CloseReason, Config, ConnectFailure, Credentials, Endpoint, Event, EventQueue, Frame, Instant, LinkId,
    Lost, Output, Scratch, Signer, Symbol, UnixTime,
};
use gemini_ws_simulator::{self as simulator, EPOCH, Exchange, UpgradeRequest};

use super::machine::{Machine, Many};
use super::observer::Observed;
use super::random::Random;
use application::Application;
use beliefs::{Beliefs, Truth};
use figures::{Fault, Figures, Milestone};
use fold::Fold;
use network::{Driver, Message, Network};
use scenario::{KEY, Prepared, SECRET, Scenario, TOKEN};

/// A machine that `Life` can check in more ways than after each call.
pub trait Lived: Machine {
    /// Checks several continuations on copies of the machine.
    fn look_ahead(&self) {}

    /// Compares the life so far with variations of it.
    fn look_back(&self) {}
}

impl Lived for Many {}

impl<M: Machine> Lived for Observed<M> {
    fn look_ahead(&self) {
        // A violation panics in the call.
        let _ = self.fork_checks();
    }

    fn look_back(&self) {
        if !self.calls().is_empty() {
            let _ = self.metamorphic_checks();
        }
    }
}

/// `look_ahead` is called once in this many steps on average.
const LOOKS_EACH: usize = 256;

const STEPS_MAX: u32 = 400_000;

/// The state that all lives share. The lives run one after the other.
#[derive(Debug)]
pub struct World {
    prepared: Prepared,
    network: Network,
    scratch: Scratch,
    pub figures: Figures,
    pub is_told: bool,
}

impl World {
    pub fn new() -> World {
        World {
            prepared: Prepared::new(),
            network: Network::default(),
            scratch: Scratch::new(),
            figures: Figures::new(),
            is_told: false,
        }
    }

    /// Runs one life of the machine that `make` makes for it, and returns the hash of its transcript.
    pub fn live<M: Lived>(&mut self, seed: u64, make: impl FnOnce(&Scenario, u64) -> M) -> u64 {
        let mut random = Random(seed);
        // Lives with neighbouring seeds must not resemble each other.
        random.0 = random.next();
        let scenario = Scenario::draw(&mut random, &self.prepared);
        let machine = make(&scenario, random.next());
        let exchange = self.prepared.exchanges[scenario.exchange].clone();
        self.network.clear();
        let mut life = Life {
            machine,
            exchange,
            application: Application::new(&scenario),
            fold: Fold::new(),
            now: Instant::ZERO,
            unpolled_until: Instant::ZERO,
            stalled_until: Instant::ZERO,
            signer: None,
            queue: scenario.queue.map(|(overflow, events)| EventQueue::new(overflow).events_max(events)),
            untaken_until: Instant::ZERO,
            beliefs: Beliefs::new(),
            is_healed: false,
            has_begun: false,
            end: None,
            steps: 0,
            scenario,
            random,
            world: self,
        };
        life.live();
        let hash = life.fold.value();
        self.figures.finish_life(hash);
        hash
    }
}

struct Life<'w, M> {
    world: &'w mut World,
    machine: M,
    exchange: Exchange,
    scenario: Scenario,
    application: Application,
    random: Random,
    fold: Fold,
    now: Instant,
    /// The driver polls no outputs until this instant. Until `stalled_until` the driver does nothing at all.
    unpolled_until: Instant,
    stalled_until: Instant,
    signer: Option<Signer>,
    /// The queue between the driver and the application, if there is one. The application takes no event from the
    /// queue until `untaken_until`.
    queue: Option<EventQueue>,
    untaken_until: Instant,
    beliefs: Beliefs,
    is_healed: bool,
    has_begun: bool,
    end: Option<CloseReason>,
    steps: u32,
}

impl<M: Lived> Life<'_, M> {
    fn live(&mut self) {
        for _ in 0..self.scenario.rounds {
            for _ in 0..self.scenario.steps {
                self.act_or_trouble();
                if self.random.below(LOOKS_EACH) == 0 {
                    self.machine.look_ahead();
                }
                let pause = self.pause();
                self.run(pause);
            }
            if self.scenario.compares {
                self.compare();
            }
        }
        self.finish();
        self.machine.look_back();
    }
}

impl<M: Machine> Life<'_, M> {
    fn pause(&mut self) -> Duration {
        match self.random.below(16) {
            0..=3 => Duration::ZERO,
            4..=7 => Duration::from_millis(self.random.below(12) as u64),
            8..=12 => Duration::from_millis(self.random.below(400) as u64),
            13 | 14 => Duration::from_millis(self.random.below(2_500) as u64),
            // Exactly until the next deadline of the machine.
            _ => self
                .machine
                .deadline()
                .map_or(Duration::ZERO, |deadline| deadline.at.since(self.now).min(Duration::from_secs(5))),
        }
    }

    /// Lets time pass: goes from each arrival or deadline to the next.
    fn run(&mut self, duration: Duration) {
        let until = self.now + duration;
        self.run_until(until, |_| false);
        self.now = self.now.max(until);
    }

    /// Lets time pass until a condition holds, at most until the instant `until`. Returns whether the condition
    /// holds.
    fn run_until(&mut self, until: Instant, holds: impl Fn(&Self) -> bool) -> bool {
        self.flush();
        loop {
            if holds(self) {
                return true;
            }
            let arrival = self.world.network.next();
            let stalled = self.stalled_until;
            let client = self.machine.deadline().map(|it| (it.at + self.scenario.lateness).max(stalled));
            let venue = self.exchange.deadline().filter(|_| self.exchange.session_count() > 0);
            let polled = Some(self.unpolled_until.max(stalled)).filter(|at| *at > self.now);
            let taken = Some(self.untaken_until).filter(|at| *at > self.now);
            let next = [arrival, client, venue, polled, taken].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= until) else { return false };
            self.steps += 1;
            assert!(self.steps < STEPS_MAX, "a life without end: {next:?}");
            self.now = self.now.max(next);
            if arrival == Some(next) {
                let has_room = self.queue.as_ref().is_none_or(EventQueue::has_room);
                let mut unread = if has_room { stalled } else { stalled.max(self.untaken_until) };
                // Otherwise the events of a frame would reach the application before older events that the driver has
                // not polled.
                if self.scenario.compares {
                    unread = unread.max(self.unpolled_until);
                }
                if let Some((port, message)) = self.world.network.take(self.now, unread) {
                    let is_text = matches!(message, Message::Text(_));
                    self.arrive(port, message);
                    self.flush();
                    if is_text {
                        self.check_beliefs(port);
                    }
                }
            } else if client == Some(next) {
                self.time_out();
            } else if venue == Some(next) {
                self.exchange.handle_timeout(self.now);
            }
            self.flush();
        }
    }

    fn tell(&self, line: impl FnOnce() -> String) {
        if self.world.is_told {
            eprintln!("{:>10.3} {}", self.now.as_nanos() as f64 / 1e9, line());
        }
    }

    fn time_out(&mut self) {
        self.world.figures.calls += 1;
        self.tell(|| "timeout".to_owned());
        self.machine.handle_timeout(self.now);
    }

    fn arrive(&mut self, position: usize, message: Message) {
        let now = self.now;
        let port = &mut self.world.network.ports[position];
        let session = Network::session(position);
        let link = port.link;
        if message.is_for_venue() {
            if port.is_deaf && message != Message::Dial {
                return;
            }
            match message {
                Message::TextToVenue(text) => {
                    self.exchange.handle_frame(session, now, Frame::Text(&text));
                    self.tell(|| format!("venue: {link} {text}"));
                }
                Message::CloseToVenue(code) => {
                    self.exchange.handle_frame(session, now, Frame::Close { code: Some(code), reason: "" });
                }
                Message::EndToVenue => {
                    port.has_session = false;
                    self.exchange.handle_lost(session, now);
                }
                _ => self.upgrade(position),
            }
            return;
        }
        if port.driver == Driver::Gone {
            if !port.leaks {
                return;
            }
            self.world.figures.fault(match message {
                Message::Connected | Message::Failed(_) => Fault::AnswerAfterAbort,
                Message::Lost(_) => Fault::EndAfterEnd,
                _ => Fault::FrameAfterEnd,
            });
        }
        self.hear(link, position, message);
    }

    fn hear(&mut self, link: LinkId, position: usize, message: Message) {
        self.tell(|| format!("< {link} {message:?}"));
        let now = self.sometimes_before();
        let driver = &mut self.world.network.ports[position].driver;
        let text;
        let frame = match message {
            Message::Connected => {
                if *driver == Driver::Dialling {
                    *driver = Driver::Open;
                }
                self.call(link, 1);
                return self.machine.handle_connected(link, now);
            }
            Message::Failed(why) => {
                *driver = Driver::Gone;
                self.call(link, 2);
                return self.machine.handle_connect_failed(link, now, why);
            }
            Message::Lost(why) => {
                *driver = Driver::Gone;
                self.call(link, 3);
                return self.machine.handle_lost(link, now, why);
            }
            Message::Text(owned) => {
                text = owned;
                Frame::Text(&text)
            }
            Message::Binary => Frame::Binary(b"\0"),
            Message::Ping => Frame::Ping(b""),
            Message::Close(code) => Frame::Close { code, reason: "" },
            _ => return,
        };
        self.call(link, 4);
        if let Frame::Text(text) = frame {
            self.fold.bytes(text.as_bytes());
        }
        self.world.figures.frames += 1;
        let mut scratch = std::mem::take(&mut self.world.scratch);
        if let Some(event) = self.machine.handle_frame(link, now, frame, &mut scratch) {
            self.take(&event);
        }
        self.world.scratch = scratch;
    }

    fn call(&mut self, link: LinkId, kind: u64) {
        self.world.figures.calls += 1;
        self.fold.word(kind);
        self.fold.link(link);
        self.fold.now(self.now);
    }

    fn upgrade(&mut self, position: usize) {
        let port = &self.world.network.ports[position];
        let (target, endpoint) = (port.target.clone(), Config::new(port.target.as_str()).endpoint());
        let signs = self.scenario.signs || endpoint == Endpoint::OrderEventsV1;
        let headers = if port.is_signed && signs {
            let millis = u64::try_from(EPOCH.as_millis()).unwrap() + self.now.as_nanos() / 1_000_000;
            let new = || Signer::new(Credentials::hmac(KEY, SECRET).unwrap());
            Some(self.signer.get_or_insert_with(new).headers(endpoint, UnixTime::from_millis(millis)))
        } else {
            None
        };
        let bearer = format!("Bearer {TOKEN}");
        let headers: Vec<(&str, &str)> = match &headers {
            Some(headers) => headers.iter().collect::<Vec<_>>(),
            None if port.is_signed => vec![("Authorization", bearer.as_str())],
            None => Vec::new(),
        };
        let path = target.strip_prefix("ws://").and_then(|rest| rest.find('/').map(|at| &rest[at..]));
        let request = UpgradeRequest { target: path.unwrap_or("/"), headers: &headers };
        let session = Network::session(position);
        let answer = match self.exchange.handle_upgrade(session, self.now, &request) {
            Ok(()) => {
                self.world.network.ports[position].has_session = true;
                Message::Connected
            }
            Err(refusal) => Message::Failed(ConnectFailure::Status {
                status: refusal.status,
                retry_after: None,
                reason: None,
            }),
        };
        self.world.network.send(self.now, position, answer);
    }

    /// Performs the outputs of the exchange until there are none. If the driver polls, also performs the outputs of
    /// the machine. Lets the application take the events from its queue and the answers that have arrived.
    fn flush(&mut self) {
        if self.now >= self.unpolled_until.max(self.stalled_until) {
            while let Some(output) = self.machine.poll_output() {
                self.obey(output);
            }
        }
        self.take_from_queue();
        self.beliefs.take_answer(self.now);
        let mut texts: Vec<usize> = Vec::new();
        while let Some(output) = self.exchange.poll_output() {
            let Some(position) = self.world.network.of_session(output.session()) else { continue };
            let port = &mut self.world.network.ports[position];
            let ends = matches!(
                output,
                simulator::Output::Close { .. }
                    | simulator::Output::Abort { .. }
                    | simulator::Output::CutFrame { .. }
            );
            port.has_session &= !ends;
            if port.is_mute {
                continue;
            }
            let message = match output {
                simulator::Output::Send { text, .. } => {
                    texts.push(position);
                    Message::Text(self.world.network.garble(position, text))
                }
                simulator::Output::Ping { .. } => Message::Ping,
                simulator::Output::Close { code, .. } => Message::Close((code != 1005).then_some(code)),
                simulator::Output::Abort { .. } | simulator::Output::CutFrame { .. } => {
                    Message::Lost(Lost::Reset)
                }
            };
            let closes = matches!(message, Message::Close(_));
            self.world.network.send(self.now, position, message);
            if closes {
                self.world.network.send(self.now, position, Message::Lost(Lost::End));
            }
        }
        if self.scenario.compares && self.queue.is_none() && !texts.is_empty() {
            self.world.network.note_round(&texts, &Rc::new(Truth::of(&self.exchange)));
        }
    }

    fn obey(&mut self, output: Output) {
        assert!(self.end.is_none() || matches!(output, Output::Abort(_)), "after the end: {output:?}");
        if !matches!(output, Output::Event(_)) {
            self.tell(|| format!("> {output:?}"));
        }
        self.fold.output(&output);
        let network = &mut self.world.network;
        match output {
            Output::Connect(link) => self.dial(link),
            Output::Send { link, text } => {
                if let Some(port) =
                    network.of_link(link).filter(|it| network.ports[*it].driver == Driver::Open)
                {
                    network.send(self.now, port, Message::TextToVenue(text));
                }
            }
            Output::Close { link, code, .. } => {
                if let Some(port) =
                    network.of_link(link).filter(|it| network.ports[*it].driver == Driver::Open)
                {
                    network.send(self.now, port, Message::CloseToVenue(code));
                }
            }
            Output::Abort(link) => {
                if let Some(position) = network.of_link(link) {
                    let port = &mut network.ports[position];
                    if port.driver != Driver::Gone {
                        port.driver = Driver::Gone;
                        network.send(self.now, position, Message::EndToVenue);
                        self.leak(position);
                    }
                }
            }
            Output::Event(event) => self.take(&event),
            _ => {}
        }
    }

    /// Lets the application take the events from the queue, request new snapshots of the books that have lost
    /// updates, and confirm an accepted quote.
    fn take_from_queue(&mut self) {
        if let Some(queue) = self.queue.as_mut().filter(|_| self.now >= self.untaken_until) {
            if queue.dropped() > 0 {
                self.world.figures.reach(Milestone::EventsDropped);
            }
            if queue.replaced() > 0 {
                self.world.figures.reach(Milestone::EventsReplaced);
            }
            while let Some(mut event) = queue.take() {
                if self.world.is_told {
                    eprintln!("taken: {:?}", event.as_event());
                }
                self.beliefs.apply(&event.as_event(), self.now);
            }
        }
        let stale: Vec<Symbol> = self.beliefs.books.to_resync().collect();
        for symbol in stale {
            self.resync_book(symbol);
        }
        self.confirm_accepted();
    }

    fn take(&mut self, event: &Event<'_>) {
        assert!(self.end.is_none() || matches!(event, Event::Ignored(..)), "after the end: {event:?}");
        if !fold::is_data(event) {
            self.tell(|| format!("! {event:?}"));
        }
        self.fold.event(event);
        match &mut self.queue {
            _ if !self.scenario.compares => {}
            Some(queue) => queue.push(event),
            None => self.beliefs.apply(event, self.now),
        }
        let figures = &mut self.world.figures;
        figures.events += 1;
        match event {
            Event::Live { link } => self.compare_at_live(*link),
            Event::Opened { missing_since: Some(_), .. } => figures.reach(Milestone::Reconnected),
            Event::Closed { reason, .. } => {
                figures.end(*reason);
                self.end = Some(*reason);
                if self.application.wants_end.is_none() {
                    figures.reach(Milestone::EndedByItself);
                }
            }
            Event::Silent { .. } => figures.reach(Milestone::StreamQuiet),
            Event::Rejected { id, .. } => {
                figures.reach(Milestone::StreamRejected);
                self.application.forget(*id);
            }
            Event::Unsubscribed { id, .. } => self.application.forget(*id),
            Event::HeartbeatDue { .. } => figures.reach(Milestone::HeartbeatDue),
            Event::SequenceGap { .. } => figures.reach(Milestone::SequenceGap),
            Event::ShuttingDown { .. } => figures.reach(Milestone::EndedWithinShutdown),
            Event::Reply { outcome, .. } => match outcome {
                gemini_ws::RequestOutcome::Lost => figures.reach(Milestone::RequestLost),
                gemini_ws::RequestOutcome::NotSent => figures.reach(Milestone::RequestNotSent),
                gemini_ws::RequestOutcome::TimedOut => figures.reach(Milestone::RequestTimedOut),
                _ => {}
            },
            _ => {}
        }
    }

    fn note_states(&mut self) {
        let figures = &mut self.world.figures;
        let mut live = 0;
        self.machine.each_link(|_, _, state| {
            live += usize::from(state == State::Live);
            figures.reach(Milestone::of_link(state));
        });
        if live > 1 {
            figures.reach(Milestone::SeveralLinks);
        }
        self.machine.each_stream(|_, _, state| {
            if let Some(milestone) = Milestone::of_stream(state) {
                figures.reach(milestone);
            }
        });
    }
}
