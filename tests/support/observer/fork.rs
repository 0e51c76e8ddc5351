//! Checks on copies of a machine what would happen next. In each check, only time passes for the copy, or a peer
//! fulfils every request of the copy.

use std::time::Duration;

use gemini_ws::lifecycle::{State, StreamState};
use gemini_ws::{
    Endpoint, Event, Frame, Instant, LinkId, Lost, Output, Request, RequestOutcome, Scratch, Stream,
};

use super::super::machine::{Machine, Plan, Settings};
use super::call::Act;
use super::response::{self, Method};
use super::shadow::Phase;
use super::shrink::{Found, report};
use super::{Observed, Violation};

/// The maximum number of timeouts in a check. A machine that ends a wait at all ends it within this number.
const TICKS_MAX: usize = 10_000;

const PINGED_EACH: Duration = Duration::from_secs(5);

const PING: Frame<'_> = Frame::Ping(b"");

type Checked = Result<(), Violation>;

fn fail(id: &'static str, what: String) -> Checked {
    Err(Violation { id, what })
}

impl<M: Machine> Observed<M> {
    /// Runs all checks of this file, without changing the machine itself.
    ///
    /// # Errors
    ///
    /// The first violation, if the observer is [lenient](Observed::lenient). Otherwise the call panics.
    pub fn fork_checks(&self) -> Checked {
        let checked = self
            .ends_in_time()
            .and_then(|()| self.ends_unpolled())
            .and_then(|()| self.tells_what_was_not_sent())
            .and_then(|()| self.moves_by_itself())
            .and_then(|()| self.finds_silence())
            .and_then(|()| self.converges());
        match checked {
            Err(violation) if !self.is_lenient => panic!("{}", report(self, &violation, Found::Fork)),
            checked => checked,
        }
    }

    /// Makes a lenient observer of a copy of the machine. It records only the calls to the copy.
    fn fork(&self) -> Observed<M> {
        Observed {
            machine: self.machine.clone(),
            make: self.make.clone(),
            shadow: self.shadow.clone(),
            names: self.names.clone(),
            outputs: Vec::new(),
            waiting: std::collections::VecDeque::new(),
            calls: self.calls.as_ref().map(|_| Vec::new()),
            reader: self.reader.clone(),
            is_lenient: true,
        }
    }

    fn found(&self) -> Checked {
        let Some(Violation { id, what }) = self.violation() else { return Ok(()) };
        let mut what = what.clone();
        for call in self.calls() {
            what += &format!("\n  then {call}");
        }
        for output in &self.waiting {
            what += &format!("\n    {output:?}");
        }
        Err(Violation { id, what })
    }

    fn longest_wait(&self) -> Duration {
        self.shadow.settings.iter().map(Settings::longest_wait).max().unwrap_or(Duration::ZERO)
    }

    /// I-12: after each command that ends the client, the client ends by its deadline if only time passes.
    fn ends_in_time(&self) -> Checked {
        let now = self.shadow.now;
        let plan = Plan { deadline: now + Duration::from_secs(10), cancels_orders: true, unsubscribes: true };
        let timeouts = self.shadow.settings.iter().map(|settings| settings.close_timeout);
        let longest = timeouts.max().unwrap_or(Duration::ZERO);
        let soon = now + Duration::from_millis(700);
        for (act, by) in [
            (Act::Close, now + longest),
            (Act::CloseBy(soon), soon),
            (Act::CloseBy(now), now),
            (Act::ShutDown(plan), plan.deadline),
        ] {
            for one_tick in [true, false] {
                let mut fork = self.fork();
                fork.command(now, act);
                if one_tick {
                    fork.handle_timeout(by);
                } else {
                    fork.tick_until(by);
                }
                fork.found()?;
                if !fork.is_terminated() {
                    return fail("I-12", format!("{act:?}: no end by {by:?}, {}", fork.states()));
                }
            }
        }
        Ok(())
    }

    /// I-46: the client also ends by its deadline if the driver polls no outputs.
    fn ends_unpolled(&self) -> Checked {
        let mut machine = self.machine.clone();
        let now = self.shadow.now;
        let by = now + Duration::from_secs(1);
        machine.close_by(now, by);
        for _ in 0..TICKS_MAX {
            let Some(deadline) = machine.deadline().filter(|deadline| deadline.at <= by) else { break };
            machine.handle_timeout(deadline.at.max(now));
        }
        let mut open = None;
        machine.each_link(|link, _, state| {
            if state != State::Closed {
                open = Some((link, state));
            }
        });
        match open {
            Some((link, state)) => fail("I-46", format!("{link} is {state:?} at {by:?}, if nobody takes")),
            None => Ok(()),
        }
    }

    /// I-26 and I-42: a request that was not handed out when its link ended is never sent, and its reply is
    /// `NotSent`. A request that came before a command to close is sent before the Close frame.
    fn tells_what_was_not_sent(&self) -> Checked {
        let now = self.shadow.now;
        for leaves in [true, false] {
            let mut machine = self.machine.clone();
            let Ok(id) = machine.request(now, &Request::Time) else { return Ok(()) };
            if leaves {
                let open = self.shadow.legs.iter().filter(|leg| leg.phase == Phase::Open);
                for link in open.filter_map(|leg| leg.link) {
                    machine.handle_lost(link, now, Lost::Reset);
                }
            } else {
                machine.close(now);
            }
            let (mut sent, mut told, mut closed) = (false, false, Vec::new());
            while let Some(output) = machine.poll_output() {
                match output {
                    Output::Send { link, text } if response::id_of(&text) == Some(id.get()) => {
                        sent = true;
                        if leaves {
                            return fail("I-26", format!("{text} is handed out after the end of {link}"));
                        } else if closed.contains(&link) {
                            return fail("I-42", format!("{text} is handed out after the Close frame"));
                        }
                    }
                    Output::Close { link, .. } => closed.push(link),
                    Output::Event(Event::Reply { request, outcome, .. }) if request == id => {
                        told = outcome == RequestOutcome::NotSent;
                    }
                    _ => {}
                }
            }
            if leaves && !told {
                return fail("I-26", format!("{id:?} was not handed out, and that is not told"));
            } else if !leaves && !sent {
                return fail("I-42", format!("{id:?} was accepted, and is not sent before the Close frame"));
            }
        }
        Ok(())
    }

    /// I-13: timeouts alone lead out of every state that waits for the venue or the transport, even if the peer sends
    /// pings.
    fn moves_by_itself(&self) -> Checked {
        let mut waiting: Vec<(LinkId, State)> = Vec::new();
        self.each_link(|link, _, state| {
            if matches!(state, State::Connecting | State::Subscribing | State::Closing) {
                waiting.push((link, state));
            }
        });
        for says_ping in [false, true] {
            let mut waiting = waiting.clone();
            let mut fork = self.fork();
            let until = fork.shadow.now + fork.longest_wait();
            for _ in 0..TICKS_MAX {
                fork.each_link(|link, _, state| waiting.retain(|waits| waits.0 != link || waits.1 == state));
                let Some(deadline) = fork.deadline().filter(|deadline| deadline.at <= until) else { break };
                let now = deadline.at.max(fork.shadow.now);
                fork.handle_timeout(now);
                while fork.poll_output().is_some() {}
                if says_ping {
                    fork.all_hear(now, None, PING);
                }
                fork.found()?;
            }
            waiting.retain(|(link, state)| {
                let mut same = false;
                fork.each_link(|of, _, now| same |= of == *link && now == *state);
                same
            });
            if !waiting.is_empty() {
                return fail("I-13", format!("by {until:?} still {waiting:?}"));
            }
        }
        Ok(())
    }

    /// I-50: the client closes a link that receives nothing, whatever other links receive.
    fn finds_silence(&self) -> Checked {
        for slot in 0..self.shadow.legs.len() {
            let leg = &self.shadow.legs[slot];
            let (Some(link), Phase::Open, None) = (leg.link, leg.phase, leg.closing) else { continue };
            let settings = self.shadow.settings_of(slot);
            // After a late timeout, the peer still has the full time to reply to the probe.
            let answer =
                settings.silence_max.saturating_sub(settings.probe_after).max(Duration::from_millis(1));
            let mut until = self.shadow.now + settings.silence_max.max(settings.probe_after) + answer;
            // The probe may have to wait for the limit on requests, and for the probes of other links.
            let links = u32::try_from(self.shadow.legs.len()).unwrap_or(u32::MAX);
            let latest = until + settings.request_limit.1 * links + answer;
            let mut is_asked = false;
            let mut fork = self.fork();
            for _ in 0..TICKS_MAX {
                let end = if is_asked { until } else { latest };
                let Some(deadline) = fork.deadline().filter(|deadline| deadline.at <= end) else { break };
                let now = deadline.at.max(fork.shadow.now);
                fork.handle_timeout(now);
                while let Some(output) = fork.poll_output() {
                    if matches!(output, Output::Send { link: of, .. } if of == link) {
                        until = until.max(now + answer);
                        is_asked = true;
                    }
                }
                fork.all_hear(now, Some(slot), PING);
                fork.found()?;
                if !fork.shadow.legs[slot].is_open(link) {
                    break;
                }
            }
            if fork.shadow.legs[slot].is_open(link) {
                return fail("I-50", format!("{link} is silent until {until:?}, and still open"));
            }
        }
        Ok(())
    }

    fn all_hear(&mut self, now: Instant, except: Option<usize>, frame: Frame<'_>) {
        for slot in 0..self.shadow.legs.len() {
            let leg = &self.shadow.legs[slot];
            if let (Some(link), Phase::Open) = (leg.link, leg.phase)
                && Some(slot) != except
            {
                self.handle_frame(link, now, frame, &mut Scratch::new());
            }
        }
    }

    /// I-29: with a peer that fulfils every request, all subscriptions become active.
    fn converges(&self) -> Checked {
        let mut is_idle = true;
        let mut is_given_up = false;
        self.each_link(|_, _, state| {
            is_idle &= state == State::Idle;
            is_given_up |= state == State::Closed;
        });
        // This peer sends only books. If another stream has a `silence_max`, the client requests it again and again.
        let is_quiet = self.shadow.feeds.iter().any(|feed| feed.silence_max.is_some());
        if is_idle || is_given_up || is_quiet || self.shadow.closing.is_some() {
            return Ok(());
        }
        let mut fork = self.fork();
        let settings = || self.shadow.settings.iter();
        let delays = settings().map(|settings| settings.backoff_cap).max().unwrap_or_default();
        let limits = settings().map(|settings| settings.dial_limit.1 + settings.request_limit.1);
        let asked_for = self.shadow.legs.iter().filter_map(|leg| leg.retry.map(|retry| retry.0)).max();
        let held = self.shadow.hosts.iter().map(|host| host.held_until).max();
        let from = asked_for.max(held).unwrap_or(Instant::ZERO).max(fork.shadow.now);
        let until = from + (fork.longest_wait() + delays) * 2 + limits.max().unwrap_or_default() * 2;
        let mut peer = Peer { update: 1 << 40 };
        for _ in 0..TICKS_MAX {
            peer.serve(&mut fork);
            fork.found()?;
            if fork.is_terminated() || fork.has_given_up() {
                return Ok(());
            }
            if fork.has_converged() {
                return fork.keeps(&mut peer);
            }
            let Some(deadline) = fork.deadline().filter(|deadline| deadline.at <= until) else { break };
            let next = fork.shadow.now + PINGED_EACH;
            fork.handle_timeout(deadline.at.max(fork.shadow.now).min(next));
            fork.all_hear(fork.shadow.now, None, PING);
        }
        fail(
            "I-29",
            format!("by {until:?} an honest peer has not brought about what is wanted: {}", fork.states()),
        )
    }

    /// Returns whether any link is `Closed`. With a peer that fulfils every request, this means that the last allowed
    /// attempt or request had no reply.
    fn has_given_up(&self) -> bool {
        let mut any = false;
        self.each_link(|_, _, state| any |= state == State::Closed);
        any
    }

    /// I-51: the client keeps a link whose requests have replies, even if the peer sends nothing else.
    fn keeps(mut self, peer: &mut Peer) -> Checked {
        // The probes of all links at once may have to wait for the limit on requests.
        let most = 2 * self.shadow.legs.len() as u32;
        let may_wait = |it: &super::Settings| it.endpoint != Endpoint::Streams || it.request_limit.0 < most;
        if self.shadow.settings.iter().any(may_wait) {
            return Ok(());
        }
        // The peer does not reply to requests from before the copy. When they time out, the client may close a link
        // that has received nothing since, so this frame keeps each link open.
        self.all_hear(self.shadow.now, None, Frame::Text(r#"{"id":0,"status":200}"#));
        let mut links = Vec::new();
        self.each_link(|link, _, _| links.push(link));
        let silences = self.shadow.settings.iter().map(|settings| settings.silence_max);
        let until = self.shadow.now + silences.max().unwrap_or_default() * 2;
        for _ in 0..TICKS_MAX {
            let Some(deadline) = self.deadline().filter(|deadline| deadline.at <= until) else { break };
            self.handle_timeout(deadline.at.max(self.shadow.now));
            peer.serve(&mut self);
            self.found()?;
        }
        self.each_link(|link, _, _| links.retain(|it| *it != link));
        if links.is_empty() {
            return Ok(());
        }
        let calls: String = self.calls().iter().map(|call| format!("\n  then {call}")).collect();
        fail("I-51", format!("{links:?} answered, and are gone{calls}"))
    }

    fn has_converged(&self) -> bool {
        let mut all = true;
        // All links must be needed, because a client closes the links that it does not need.
        self.each_link(|link, _, state| all &= state == State::Live && self.shadow.is_wanted(link.slot()));
        self.each_stream(|_, stream, state| {
            let is_book = matches!(stream, Stream::Depth { .. });
            all &= state == if is_book { StreamState::Synced } else { StreamState::Active };
        });
        all
    }

    fn tick_until(&mut self, until: Instant) {
        for _ in 0..TICKS_MAX {
            let Some(deadline) = self.deadline().filter(|deadline| deadline.at <= until) else { break };
            self.handle_timeout(deadline.at.max(self.shadow.now));
            while self.poll_output().is_some() {}
        }
    }

    fn states(&self) -> String {
        let mut text = String::new();
        self.each_link(|link, _, state| text += &format!("{link} {state:?}, "));
        self.each_stream(|_, stream, state| text += &format!("{stream} {state:?}, "));
        text
    }
}

/// A venue that accepts every dial and fulfils every request.
struct Peer {
    update: u64,
}

impl Peer {
    fn serve<M: Machine>(&mut self, machine: &mut Observed<M>) {
        let now = machine.shadow.now;
        // Connect the dials from before the copy was made.
        for slot in 0..machine.shadow.legs.len() {
            let leg = &machine.shadow.legs[slot];
            if let (Some(link), Phase::Dialled) = (leg.link, leg.phase) {
                machine.handle_connected(link, now);
            }
        }
        while let Some(output) = machine.poll_output() {
            match output {
                Output::Connect(link) => machine.handle_connected(link, now),
                Output::Send { link, text } => self.answer(machine, link, &text),
                Output::Close { link, code, .. } => {
                    hear(machine, link, Frame::Close { code: Some(code), reason: "" });
                    machine.handle_lost(link, now, Lost::End);
                }
                _ => {}
            }
        }
    }

    fn answer<M: Machine>(&mut self, machine: &mut Observed<M>, link: LinkId, text: &str) {
        let endpoint = machine.shadow.endpoint_of(link);
        let Some(message) = response::written(text, endpoint) else { return };
        if endpoint == Endpoint::Streams {
            hear(machine, link, Frame::Text(&format!("{{\"id\":{},\"status\":200}}", message.id)));
        }
        if message.method != Method::Subscribe {
            return;
        }
        let (mut books, mut others) = (Vec::new(), Vec::new());
        message.each_stream(|name, symbol| match symbol {
            Some(symbol) if name == "l2" => books.push(symbol.to_owned()),
            Some(symbol) => others.push((name.to_owned(), symbol.to_owned())),
            None => {
                if let Ok(Stream::Depth { symbol, .. }) = name.parse() {
                    books.push(symbol.as_str().to_owned());
                }
            }
        });
        // Only data confirms a stream of market data v2.
        for (name, symbol) in others {
            let data = format!(r#"{{"type":"{name}_updates","symbol":"{symbol}","changes":[]}}"#);
            hear(machine, link, Frame::Text(&data));
        }
        for symbol in books {
            self.update += 1;
            let id = self.update;
            let book = match endpoint {
                Endpoint::MarketDataV2 => format!(
                    r#"{{"type":"l2_updates","symbol":"{symbol}","changes":[["buy","1","1"]],"trades":[],"auction_events":[]}}"#
                ),
                _ => format!(
                    r#"{{"e":"depthUpdate","E":1,"s":"{symbol}","U":{id},"u":{id},"b":[["1","1"]],"a":[]}}"#
                ),
            };
            hear(machine, link, Frame::Text(&book));
        }
    }
}

fn hear<M: Machine>(machine: &mut Observed<M>, link: LinkId, frame: Frame<'_>) {
    let now = machine.shadow.now;
    let _: Option<Event<'_>> = machine.handle_frame(link, now, frame, &mut Scratch::new());
}
