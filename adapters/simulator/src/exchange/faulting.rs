//! How an [`Exchange`] carries out faults.

use std::fmt;
use std::time::Duration;

use gemini_ws::Instant;

use super::Exchange;
use crate::context::fault_spec::{FaultAction, FaultSpec};
use crate::context::faults::FaultOrder;
use crate::context::planned::{PLANNED_FAULTS_MAX, Planned};
use crate::context::schedule::Task;
use crate::session::Output;
use crate::value::id::SessionId;

/// The error of [`Exchange::plan_faults`]: which line is wrong, and the reason.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FaultRefusal {
    line: usize,
    reason: String,
}

impl FaultRefusal {
    /// Returns the number of the wrong line, counted from 1.
    pub const fn line(&self) -> usize {
        self.line
    }

    /// Returns what is wrong, without the number of the line.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for FaultRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for FaultRefusal {}

impl Exchange {
    /// Plans the faults that a text specifies, with one [`FaultSpec`] per line. The delays of the faults begin at
    /// `now`. Empty lines are ignored. Returns how many faults were planned. If there are several faults of one kind:
    ///
    /// - Faults with a duration: if they overlap, the misbehaviour lasts until the last of them ends.
    /// - Faults with a count: the counts add up. Refusals with different codes or statuses come in the order of their
    ///   faults.
    /// - Delays, and lists of names: the newest applies.
    ///
    /// # Errors
    ///
    /// [`FaultRefusal`] for the first line that is not a [`FaultSpec`], that names a symbol without a market, or with
    /// which there would be more than [`PLANNED_FAULTS_MAX`] planned faults. After an error, no fault of the text is
    /// planned.
    ///
    /// ```
    /// use gemini_ws::Instant;
    /// use gemini_ws_simulator::{Config, Exchange};
    ///
    /// let mut exchange = Exchange::new(Config::market(["btcusd".parse().unwrap()]), 1);
    /// let planned = exchange.plan_faults(Instant::ZERO, "drop-depth btcusd 3 @10s\nclose 1001 @20s");
    /// assert_eq!(planned, Ok(2));
    /// let refused = exchange.plan_faults(Instant::ZERO, "abort\nhalt-market").unwrap_err();
    /// assert_eq!(refused.to_string(), "line 2: the time is missing; use halt-market FOR [@TIME]");
    /// ```
    pub fn plan_faults(&mut self, now: Instant, text: &str) -> Result<usize, FaultRefusal> {
        self.advance(now);
        let mut specs = Vec::new();
        for (position, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let refuse = |reason: String| FaultRefusal { line: position + 1, reason };
            let spec: FaultSpec = line.parse().map_err(|error| refuse(format!("{error}")))?;
            if let Some(symbol) = spec.market().filter(|symbol| !self.symbols().any(|known| known == *symbol))
            {
                return Err(refuse(format!("there is no market {symbol}")));
            }
            specs.push(spec);
            if specs.len() + self.planned.len() + self.faults.waiting() > PLANNED_FAULTS_MAX {
                return Err(refuse(format!("at most {PLANNED_FAULTS_MAX} faults can wait at a time")));
            }
        }
        let count = specs.len();
        for spec in specs {
            self.plan(spec.after(), Planned::Begin(spec.action().clone()));
        }
        self.advance(now);
        Ok(count)
    }

    #[cfg(feature = "server")]
    pub(crate) fn is_silenced(&mut self, session: SessionId) -> bool {
        self.obey_faults();
        self.sessions.is_silenced(session)
    }

    fn plan(&mut self, after: Duration, planned: Planned) {
        let number = self.planned.add(planned);
        self.schedule.add(self.now + after, Task::Fault(number));
    }

    /// Begins or ends the planned fault with this number. If several faults with a duration overlap and act on the
    /// same session or market, their misbehaviour lasts until the last of them ends.
    pub(super) fn run_planned(&mut self, number: u64) {
        let planned = self.planned.take(number);
        let (later, faults) = (&self.planned, &mut self.faults);
        match planned {
            Some(Planned::Begin(action)) => self.begin_fault(action),
            Some(Planned::EndStall(sessions)) => {
                later.stalled_no_longer(sessions).into_iter().for_each(|session| faults.end_silence(session));
            }
            Some(Planned::EndHalt) => faults.halt_market(later.has(|it| matches!(it, Planned::EndHalt))),
            Some(Planned::OpenMarket(symbol)) => {
                let is_closed = later.has(|it| matches!(it, Planned::OpenMarket(other) if *other == symbol));
                faults.close_market(symbol, is_closed);
            }
            Some(Planned::EndRestFailure) => {
                faults.fail_rest(later.has(|it| matches!(it, Planned::EndRestFailure)));
            }
            None => {}
        }
        self.obey_faults();
    }

    fn begin_fault(&mut self, action: FaultAction) {
        let open = || self.sessions.ids().collect::<Vec<SessionId>>();
        let faults = &mut self.faults;
        let end = match action {
            FaultAction::Stall(time) => {
                let open = open();
                open.iter().for_each(|session| faults.silence(*session));
                Some((time, Planned::EndStall(open)))
            }
            FaultAction::HaltMarket(time) => {
                faults.halt_market(true);
                Some((time, Planned::EndHalt))
            }
            FaultAction::CloseMarket(symbol, time) => {
                faults.close_market(symbol, true);
                Some((time, Planned::OpenMarket(symbol)))
            }
            FaultAction::FailRest(time) => {
                faults.fail_rest(true);
                Some((time, Planned::EndRestFailure))
            }
            FaultAction::RepeatSnapshot(symbol) => {
                open().into_iter().for_each(|session| faults.repeat_snapshot(session, symbol));
                None
            }
            FaultAction::LoseFrames(count) => {
                open().into_iter().for_each(|session| faults.lose_more_frames(session, count));
                None
            }
            FaultAction::Close(code) => {
                open().into_iter().for_each(|session| faults.close(session, code, ""));
                None
            }
            FaultAction::Abort => {
                open().into_iter().for_each(|session| faults.abort(session));
                None
            }
            FaultAction::CutFrame => {
                open().into_iter().for_each(|session| faults.cut_frame(session));
                None
            }
            FaultAction::SendText(text) => {
                open().into_iter().for_each(|session| faults.send_text(session, text.clone()));
                None
            }
            other => {
                self.begin_lasting_fault(other);
                None
            }
        };
        if let Some((time, end)) = end {
            self.plan(time, end);
        }
    }

    /// Begins a fault that is not limited to the sessions that are open now.
    fn begin_lasting_fault(&mut self, action: FaultAction) {
        let faults = &mut self.faults;
        if faults.add_count(&action) {
            return;
        }
        match action {
            FaultAction::DropDepth(symbol, nth) => faults.drop_depth(symbol, nth),
            FaultAction::DuplicateDepth(symbol, nth) => faults.duplicate_depth(symbol, nth),
            FaultAction::DelaySnapshots(symbol, by) => faults.delay_snapshots(symbol, by),
            FaultAction::DelayReplies(by) => faults.delay_replies(by),
            FaultAction::RefuseSubscribes(code, count) => faults.refuse_subscribes(code, count),
            FaultAction::RefuseNames(names) => faults.refuse_names(names.iter().map(String::as_str)),
            FaultAction::DelayRest(by) => faults.delay_rest(by),
            FaultAction::RefuseUpgrades(status, wait, count) => {
                faults.refuse_more_upgrades(status, Some(wait).filter(|wait| !wait.is_zero()), count);
            }
            FaultAction::DelayUpgrades(by) => faults.delay_upgrades(by),
            _ => {}
        }
    }

    pub(super) fn obey_faults(&mut self) {
        while let Some(order) = self.faults.next_order() {
            match order {
                FaultOrder::Snapshot(session, symbol) => {
                    let (source, mut cx) = self.source_and_context();
                    source.repeat_snapshot(&mut cx, session, symbol);
                }
                FaultOrder::Silence(session, true) => self.sessions.silence(session),
                FaultOrder::Silence(session, false) => self.sessions.end_silence(session),
                FaultOrder::Lose(session, count) => {
                    if let Some(open) = self.sessions.get_mut(session) {
                        open.lose_frames(count);
                    }
                }
                FaultOrder::LoseMore(session, count) => {
                    if let Some(open) = self.sessions.get_mut(session) {
                        open.lose_more_frames(count);
                    }
                }
                FaultOrder::Close(session, code, reason) => self.end(Output::Close { session, code, reason }),
                FaultOrder::Abort(session) => self.end(Output::Abort { session }),
                FaultOrder::CutFrame(session) => self.end(Output::CutFrame { session }),
                FaultOrder::Text(session, text) => self.sessions.send(session, &text),
            }
        }
    }
}
