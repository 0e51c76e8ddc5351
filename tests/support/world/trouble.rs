//! Draws faults and makes them happen.

use std::time::Duration;

use gemini_ws::{ConnectFailure, Instant, LinkId, Lost, Symbol};
use gemini_ws_simulator::Faults;

use super::super::machine::Machine;
use super::Life;
use super::figures::{Act, Fault};
use super::network::{Driver, Message, Network};

const fn status(status: u16, retry_after: Option<u64>) -> ConnectFailure {
    let retry_after = match retry_after {
        Some(seconds) => Some(Duration::from_secs(seconds)),
        None => None,
    };
    ConnectFailure::Status { status, retry_after, reason: None }
}

const FAILURES: [(Fault, &[ConnectFailure]); 8] = [
    (
        Fault::DialRefused,
        &[
            ConnectFailure::Refused,
            ConnectFailure::NameLookup,
            ConnectFailure::Unreachable,
            ConnectFailure::TimedOut,
            ConnectFailure::Tls,
            ConnectFailure::Handshake,
            ConnectFailure::Transport,
        ],
    ),
    (Fault::DialStatus, &[status(400, None), status(500, None), status(502, None), status(504, Some(2))]),
    (
        Fault::DialStatusForGood,
        &[status(401, None), status(403, None), status(404, None), status(410, None), status(426, None)],
    ),
    (Fault::DialForGood, &[ConnectFailure::InvalidUrl, ConnectFailure::Certificate]),
    (Fault::Dial429, &[status(429, None)]),
    (Fault::Dial429RetryAfter, &[status(429, Some(0)), status(429, Some(1)), status(429, Some(7))]),
    (Fault::Dial503, &[status(503, None)]),
    (Fault::Dial503RetryAfter, &[status(503, Some(1)), status(503, Some(3))]),
];

/// Codes of Close frames after which a client may connect again. After `CODES_FOR_GOOD` it must not.
const CODES: [u16; 11] = [1000, 1001, 1002, 1003, 1008, 1009, 1011, 1012, 1013, 3000, 4000];
const CODES_FOR_GOOD: [u16; 5] = [1010, 4001, 4003, 4401, 4403];

const TROUBLES: [Fault; 42] = [
    Fault::Reset,
    Fault::End,
    Fault::TransportError,
    Fault::ProtocolError,
    Fault::NothingArrives,
    Fault::NothingGetsOut,
    Fault::NothingPasses,
    Fault::EndTwice,
    Fault::RequestUnsent,
    Fault::SlowLink,
    Fault::VenueCloses,
    Fault::VenueClosesForGood,
    Fault::VenueClosesUncoded,
    Fault::VenueAborts,
    Fault::VenueDrains,
    Fault::DepthLost,
    Fault::DepthRepeated,
    Fault::SnapshotRepeated,
    Fault::RepliesLate,
    Fault::RepliesWithheld,
    Fault::NameRefused,
    Fault::SubscribeLimited,
    Fault::RequestsLimited,
    Fault::SnapshotsLate,
    Fault::QuoteEventsRepeated,
    Fault::FramesLost,
    Fault::Malformed,
    Fault::MalformedRun,
    Fault::Garbled,
    Fault::Unrecognized,
    Fault::Binary,
    Fault::UnknownResponse,
    Fault::OrderEventsLost,
    Fault::OrderEventsRepeated,
    Fault::MarketHalted,
    Fault::LinkUnread,
    Fault::OutputsUnpolled,
    Fault::Stall,
    Fault::EventsUntaken,
    Fault::ClockJump,
    Fault::NeedlessTimeout,
    Fault::LateTimer,
];

impl<M: Machine> Life<'_, M> {
    fn may(&mut self, fault: Fault) -> bool {
        let may = !self.is_healed && self.scenario.has(fault);
        if may {
            self.world.figures.fault(fault);
        }
        may
    }

    pub(super) fn dial(&mut self, link: LinkId) {
        self.world.figures.dials += 1;
        // If the driver polls late, the machine may already have cancelled the dial.
        let Some(request) = self.machine.connect_request(link) else { return };
        let latency = self.scenario.latency;
        let network = &mut self.world.network;
        let position = network.dial(link, &request.url, request.authenticated, latency);
        if self.is_healed || self.random.below(100) >= self.scenario.dial_trouble_percent {
            return self.world.network.send(self.now, position, Message::Dial);
        }
        let number = self.random.below(FAILURES.len() + 3);
        let seconds = Duration::from_millis(self.random.below(1_600) as u64);
        if let Some((fault, failures)) = FAILURES.get(number).filter(|(fault, _)| self.scenario.has(*fault)) {
            self.world.figures.fault(*fault);
            let why = *self.random.pick(failures);
            return self.world.network.send(self.now, position, Message::Failed(why));
        }
        if number == FAILURES.len() && self.may(Fault::DialUnanswered) {
            return;
        }
        let late =
            if number > FAILURES.len() && self.may(Fault::DialSlow) { seconds } else { Duration::ZERO };
        self.world.network.send_later(self.now, late, position, Message::Dial);
    }

    /// Drops the messages that are under way to the driver for a dropped dial or transport. If the scenario has
    /// faults in which such messages arrive late, keeps them instead.
    pub(super) fn leak(&mut self, position: usize) {
        let fault = *self.random.pick(&[Fault::AnswerAfterAbort, Fault::FrameAfterEnd, Fault::EndAfterEnd]);
        if self.scenario.has(fault) && !self.is_healed {
            self.world.network.ports[position].leaks = true;
        } else {
            self.world.network.forget(position);
        }
    }

    /// Returns the time for a call: now, or an earlier time for the fault `ClockBack`.
    pub(super) fn sometimes_before(&mut self) -> Instant {
        if self.scenario.has(Fault::ClockBack) && self.random.below(50) == 0 && self.may(Fault::ClockBack) {
            let back = Duration::from_millis(self.random.below(3_000) as u64);
            return Instant::ZERO + self.now.since(Instant::ZERO).saturating_sub(back);
        }
        self.now
    }

    fn port(&mut self) -> Option<usize> {
        let ports = &self.world.network.ports;
        let open = ports.iter().filter(|port| port.driver == Driver::Open).count();
        if open == 0 {
            return None;
        }
        let nth = self.random.below(open);
        let ports = &self.world.network.ports;
        let mut open = ports.iter().enumerate().filter(|(_, port)| port.driver == Driver::Open);
        open.nth(nth).map(|(position, _)| position)
    }

    /// Ends a transport at both ends. Messages under way to the driver are lost, unless `leak` lets them arrive.
    pub(super) fn tear(&mut self, position: usize, why: Lost) {
        let port = &mut self.world.network.ports[position];
        let link = port.link;
        if std::mem::take(&mut port.has_session) {
            self.exchange.handle_lost(Network::session(position), self.now);
        }
        self.leak(position);
        self.hear(link, position, Message::Lost(why));
    }

    pub(super) fn hear_of_end(&mut self, link: LinkId, position: usize) {
        self.hear(link, position, Message::Lost(Lost::Reset));
    }

    pub(super) fn trouble(&mut self) {
        let wanted = self.random.below(TROUBLES.len());
        let mut possible = TROUBLES.iter().cycle().skip(wanted).take(TROUBLES.len());
        let Some(fault) = possible.find(|fault| self.scenario.has(**fault)).copied() else { return };
        if self.is_healed {
            return;
        }
        if self.strike(fault) {
            self.world.figures.fault(fault);
            self.fold.word(0x200 | fault as u64);
            self.tell(|| format!("trouble: {fault:?}"));
        }
        self.flush();
    }

    fn strike(&mut self, fault: Fault) -> bool {
        if self.strike_driver(fault) {
            return true;
        }
        if self.strike_market(fault) {
            return true;
        }
        self.port().is_some_and(|position| self.strike_link(fault, position))
    }

    fn strike_driver(&mut self, fault: Fault) -> bool {
        let some = Duration::from_millis(1 + self.random.below(1_500) as u64);
        match fault {
            Fault::OutputsUnpolled => self.unpolled_until = self.unpolled_until.max(self.now + some),
            Fault::Stall => self.stalled_until = self.stalled_until.max(self.now + some),
            Fault::EventsUntaken if self.queue.is_some() => {
                self.untaken_until = self.untaken_until.max(self.now + some * 3);
            }
            Fault::ClockJump => {
                self.now = self.now + some * 10_000;
                if self.random.below(2) == 0 {
                    self.machine.handle_resumed(self.now);
                    self.flush();
                }
            }
            Fault::NeedlessTimeout => self.time_out(),
            Fault::LateTimer => self.scenario.lateness = some / 4,
            _ => return false,
        }
        true
    }

    fn strike_market(&mut self, fault: Fault) -> bool {
        let symbol: Symbol = (*self.random.pick(&["btcusd", "ethusd"])).parse().unwrap();
        let few = 1 + self.random.below(4) as u32;
        let faults = self.exchange.faults();
        match fault {
            Fault::DepthLost => faults.drop_depth(symbol, few),
            Fault::DepthRepeated => faults.duplicate_depth(symbol, few),
            Fault::RepliesLate => faults.delay_replies(Duration::from_millis(u64::from(few) * 150)),
            Fault::RepliesWithheld => faults.withhold_replies(few),
            Fault::NameRefused => {
                let name = self.random.pick(&self.scenario.streams).to_string();
                self.exchange.faults().refuse_names([name.as_str()]);
            }
            Fault::SubscribeLimited => faults.refuse_subscribes(if few < 3 { -1003 } else { -1000 }, few),
            Fault::RequestsLimited => faults.refuse_requests(few * 2),
            Fault::SnapshotsLate => {
                faults.delay_snapshots(symbol, Duration::from_millis(u64::from(few) * 400))
            }
            Fault::QuoteEventsRepeated => faults.duplicate_quote_events(few),
            Fault::OrderEventsLost => {
                faults.drop_order_events(few);
                // The client has no sign of this fault.
                self.application.orders_in_doubt = true;
            }
            Fault::OrderEventsRepeated => faults.duplicate_order_events(few),
            Fault::MarketHalted => faults.halt_market(few > 1),
            Fault::VenueDrains => {
                let ports = &self.world.network.ports;
                let open: Vec<usize> =
                    (0..ports.len()).filter(|position| ports[*position].has_session).collect();
                for position in &open {
                    self.exchange.faults().close(Network::session(*position), 1001, "");
                }
                return !open.is_empty();
            }
            _ => return false,
        }
        true
    }

    fn strike_link(&mut self, fault: Fault, position: usize) -> bool {
        let session = Network::session(position);
        let some = Duration::from_millis(1 + self.random.below(1_500) as u64);
        let few = 1 + self.random.below(4) as u32;
        let port = &mut self.world.network.ports[position];
        let link = port.link;
        let faults: &mut Faults = self.exchange.faults();
        match fault {
            Fault::Reset => self.tear(position, Lost::Reset),
            Fault::End => self.tear(position, Lost::End),
            Fault::TransportError => self.tear(position, Lost::Transport),
            Fault::ProtocolError => self.tear(position, Lost::Protocol),
            Fault::EndTwice => {
                self.tear(position, Lost::Reset);
                self.flush();
                self.hear(link, position, Message::Lost(Lost::End));
            }
            Fault::NothingArrives => port.is_mute = true,
            Fault::NothingGetsOut => port.is_deaf = true,
            Fault::NothingPasses => (port.is_mute, port.is_deaf) = (true, true),
            Fault::Garbled => port.garbled += few,
            Fault::SlowLink => port.latency += some / 2,
            Fault::LinkUnread => port.unread_until = port.unread_until.max(self.now + some),
            Fault::VenueCloses => faults.close(session, *self.random.pick(&CODES), ""),
            Fault::VenueClosesForGood => faults.close(session, *self.random.pick(&CODES_FOR_GOOD), ""),
            Fault::VenueClosesUncoded => faults.close(session, 1005, ""),
            Fault::VenueAborts => faults.abort(session),
            Fault::SnapshotRepeated => faults.repeat_snapshot(session, "btcusd".parse().unwrap()),
            Fault::FramesLost => {
                faults.lose_frames(session, few);
                // The client has no sign of this fault, except on endpoints whose frames are numbered.
                self.application.orders_in_doubt = true;
                self.application.l2_in_doubt |= port.target.contains("/v2/");
            }
            Fault::RequestUnsent => {
                self.unpolled_until = self.unpolled_until.max(self.now + some);
                self.act(Act::Ask);
                self.tear(position, Lost::Reset);
            }
            Fault::Malformed => faults.send_text(session, malformed(few)),
            Fault::MalformedRun => (0..20).for_each(|_| faults.send_text(session, malformed(few))),
            Fault::Unrecognized => faults.send_text(session, r#"{"e":"newKind","s":"BTCUSD"}"#),
            Fault::UnknownResponse => faults.send_text(session, r#"{"id":999999,"status":200}"#),
            Fault::Binary => self.world.network.send(self.now, position, Message::Binary),
            _ => return false,
        }
        true
    }
}

fn malformed(few: u32) -> &'static str {
    match few {
        1 => "",
        2 => r#"{"e":"depthUpdate","s":"BTCUSD","U":1"#,
        3 => r#"{"id":1,"status":"#,
        _ => "not JSON",
    }
}
