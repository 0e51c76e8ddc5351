//! Links: what may follow what between a dial and its end, and why a link ends.

use gemini_ws::lifecycle::{Cell, Effect, Input, LINK, State, link_step};
use gemini_ws::{CloseReason, ConnectFailure, Event, Frame, IgnoredReason, Instant, LinkId, Lost, Output};

use super::super::machine::Machine;
use super::call::{Act, Answer};
use super::shadow::{Phase, Shadow, Step};

impl Shadow {
    pub(crate) fn dial<M: Machine>(&mut self, machine: &M, step: &Step<'_>, link: LinkId) {
        self.effects.push((link.slot(), Effect::Dial));
        let now = self.now;
        let (is_closing, terminated) = (self.closing.is_some(), self.terminated);
        let leg = self.leg_mut(link.slot());
        let (before, phase, retry) = (leg.link, leg.phase, leg.retry);
        let given_up = leg.given_up && !matches!(step.act, Act::Open);
        if is_closing || terminated {
            self.fail("I-06", format!("{link} is dialled after the application wanted an end"));
        } else if before.is_some_and(|before| before.epoch() >= link.epoch()) {
            self.fail("I-09", format!("{link} is dialled after {before:?}"));
        } else if matches!(phase, Phase::Dialled | Phase::Open) {
            self.fail("I-55", format!("{link} is dialled while {before:?} has not ended"));
        } else if given_up {
            self.fail("I-57", format!("{link} is dialled though no attempt was to follow"));
        } else if retry.is_some_and(|(_, asked_for)| now < asked_for) {
            self.fail("I-58", format!("{link} is dialled at {now:?}, before the venue allows it: {retry:?}"));
        } else if retry.is_some_and(|(at, _)| now < at) {
            self.fail("I-56", format!("{link} is dialled at {now:?}, before the time told: {retry:?}"));
        }
        let ends_at_once = step.outputs.iter().any(
            |output| matches!(output, Output::Event(Event::ConnectFailed { link: of, .. }) if *of == link),
        );
        if !ends_at_once && machine.connect_request(link).is_none() {
            self.fail("I-02", format!("{link} is to be dialled, and nobody says where"));
        }
        let leg = self.leg_mut(link.slot());
        leg.link = Some(link);
        leg.phase = Phase::Dialled;
        leg.handed_out = true;
        leg.dialled = now;
        leg.heard = now;
        (leg.live, leg.closing, leg.retry, leg.given_up, leg.malformed_run) = (None, None, None, false, 0);
    }

    pub(crate) fn opened(&mut self, step: &Step<'_>, link: LinkId) {
        self.effects.push((link.slot(), Effect::ReportOpened));
        self.stats.connects += 1;
        let now = self.now;
        let leg = self.leg_mut(link.slot());
        if leg.link != Some(link) || leg.phase != Phase::Dialled {
            let what = format!("{link} opened; the newest is {:?}, {:?}", leg.link, leg.phase);
            return self.fail("I-01", what);
        }
        leg.phase = Phase::Open;
        leg.heard = now;
        if !matches!(step.act, Act::Connected(of) if of == link) {
            self.fail("I-08", format!("{link} opened, and nobody has connected it"));
        }
    }

    pub(crate) fn connect_failed(
        &mut self,
        step: &Step<'_>,
        link: LinkId,
        why: ConnectFailure,
        retry: Option<Instant>,
    ) {
        self.effects.push((link.slot(), Effect::ReportFailure));
        self.stats.connect_failures += 1;
        let (now, timeout) = (self.now, self.settings_of(link.slot()).connect_timeout);
        let is_closing = self.closing.is_some();
        let leg = self.leg_mut(link.slot());
        if leg.link != Some(link) || leg.phase != Phase::Dialled {
            let what = format!("{link} failed; the newest is {:?}, {:?}", leg.link, leg.phase);
            return self.fail("I-02", what);
        }
        let is_true = match step.act {
            Act::ConnectFailed(of, cause) => of == link && cause == why,
            Act::Lost(of, _) => of == link && why == ConnectFailure::Transport,
            Act::Timeout => why == ConnectFailure::TimedOut && now >= leg.dialled + timeout,
            Act::Close => is_closing && why == ConnectFailure::Cancelled,
            _ => false,
        };
        if !is_true {
            self.fail("I-08", format!("{link} failed with {why:?} upon {:?}", step.act));
        }
        let loss = match step.act {
            Act::Lost(_, loss) => loss_is_fatal(loss),
            _ => false,
        };
        self.ended(link, loss || failure_is_fatal(why), asked_for_by_failure(why), retry);
    }

    pub(crate) fn disconnected(&mut self, step: &Step<'_>, link: LinkId, why: Lost, retry: Option<Instant>) {
        self.effects.push((link.slot(), Effect::ReportLost));
        let now = self.now;
        let settings = self.settings_of(link.slot());
        let (silence_max, close_timeout) = (settings.silence_max, settings.close_timeout);
        let malformed_run_max = settings.malformed_run_max;
        let sequence_gap = self.sequence_gap;
        let leg = self.leg_mut(link.slot());
        if leg.link != Some(link) || leg.phase != Phase::Open {
            let what = format!("{link} ended; the newest is {:?}, {:?}", leg.link, leg.phase);
            return self.fail("I-01", what);
        }
        let heard = leg.heard;
        let by_timer = matches!(step.act, Act::Timeout);
        let is_true = match why {
            Lost::Silent => by_timer,
            Lost::CloseTimedOut => by_timer && leg.closing.is_some_and(|since| now >= since + close_timeout),
            Lost::Malformed => leg.malformed_run >= malformed_run_max,
            Lost::SequenceGap => sequence_gap,
            Lost::Unresponsive => by_timer || matches!(step.act, Act::Frame(..)),
            _ => match step.act {
                Act::Lost(of, cause) => of == link && cause == why,
                Act::Frame(of, Frame::Close { code, .. }) => of == link && why == Lost::Closed { code },
                _ => false,
            },
        };
        if !is_true {
            self.fail("I-08", format!("{link} ended with {why:?} upon {:?}", step.act));
        }
        if why == Lost::Silent && now < heard + silence_max {
            self.fail("I-51", format!("{link} is given up as silent at {now:?}; it was heard at {heard:?}"));
        }
        self.ended(link, loss_is_fatal(why), asked_for_by_loss(why), retry);
    }

    fn ended(
        &mut self,
        link: LinkId,
        is_fatal: bool,
        asked_for: Option<core::time::Duration>,
        retry: Option<Instant>,
    ) {
        let step = self.step;
        let is_closing = self.closing.is_some();
        let leg = self.leg_mut(link.slot());
        leg.phase = Phase::Ended;
        leg.ended = step;
        leg.given_up = is_fatal;
        if retry.is_some() == (is_fatal || is_closing) {
            self.fail("I-57", format!("{link}: fatal {is_fatal}, closing {is_closing}, next at {retry:?}"));
        } else if let Some(at) = retry {
            self.check_delay(link.slot(), at, asked_for);
        }
        self.forget_link(link);
    }

    pub(crate) fn live(&mut self, link: LinkId) {
        self.effects.push((link.slot(), Effect::ReportLive));
        let now = self.now;
        let leg = self.leg_mut(link.slot());
        if !leg.is_open(link) || leg.live.is_some() || leg.closing.is_some() {
            let what = format!("{link} is live; {:?} of {:?} was at {:?}", leg.phase, leg.link, leg.live);
            return self.fail("I-11", what);
        }
        leg.live = Some(now);
        self.check_restored(link);
    }

    pub(crate) fn peer_closing(&mut self, step: &Step<'_>, link: LinkId, code: Option<u16>) {
        let came =
            matches!(step.act, Act::Frame(of, Frame::Close { code: with, .. }) if of == link && with == code);
        if !came {
            self.fail("I-08", format!("{link}: the peer closes with {code:?} upon {:?}", step.act));
        }
    }

    pub(crate) fn close(&mut self, link: LinkId, code: u16) {
        self.effects.push((link.slot(), Effect::SendClose));
        let (now, wanted) = (self.now, self.closing.is_some());
        let leg = self.leg_mut(link.slot());
        if leg.closing.is_some() {
            return self.fail("I-40", format!("a second Close frame for {link}"));
        }
        leg.closing = Some(now);
        if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
            self.fail("I-10", format!("a Close frame with code {code}"));
        }
        if !wanted {
            self.fail("I-08", format!("{link} is closed by us, and nobody asked for it"));
        }
        if self.outstanding.iter().any(|request| request.link.is_none()) {
            self.fail("I-42", format!("a Close frame for {link} before {:?}", self.outstanding));
        }
    }

    pub(crate) fn abort(&mut self, step: &Step<'_>, link: LinkId) {
        if matches!(step.act, Act::Connected(of) if of == link)
            && !step.is_current
            && !self.leg_mut(link.slot()).is_open(link)
        {
            // It connected too late. Not a part of the life of the present link.
            return;
        }
        self.effects.push((link.slot(), Effect::Abort));
        let leg = self.leg_mut(link.slot());
        if leg.link != Some(link) || !leg.handed_out {
            return self.fail("I-18", format!("{link} is aborted, and nobody has it"));
        }
        leg.handed_out = false;
    }

    /// Outputs about a link lie within its life.
    pub(crate) fn check_leg(&mut self, step: &Step<'_>, link: LinkId, output: &Output) {
        if let Act::Connected(of) | Act::ConnectFailed(of, _) | Act::Frame(of, _) | Act::Lost(of, _) =
            step.act
            && of.slot() != link.slot()
        {
            self.fail("I-49", format!("{output:?} upon {:?}", step.act));
        }
        let number = self.step;
        let leg = self.leg_mut(link.slot());
        let (of, phase, ended, is_closing) = (leg.link, leg.phase, leg.ended, leg.closing.is_some());
        match output {
            Output::Abort(_) => {
                let too_late = matches!(step.act, Act::Connected(of) if of == link) && !step.is_current;
                let same_step = of == Some(link) && (phase != Phase::Ended || ended == number);
                if of.is_some() && !same_step && !too_late {
                    self.fail("I-03", format!("{link} is aborted after its end"));
                }
            }
            Output::Send { .. } | Output::Close { .. } => {
                if of != Some(link) || phase != Phase::Open {
                    self.fail("I-03", format!("{output:?}; the newest is {of:?}, {phase:?}"));
                } else if is_closing && matches!(output, Output::Send { .. }) {
                    self.fail("I-40", format!("{output:?} after our Close frame"));
                }
            }
            _ => {}
        }
    }

    pub(crate) fn closed(&mut self, step: &Step<'_>, reason: CloseReason) {
        if self.legs.len() == 1 {
            self.effects.push((0, Effect::ReportClosed));
        }
        if self.terminated {
            return self.fail("I-06", format!("a second end: {reason:?}"));
        }
        self.terminated = true;
        if self.legs.iter().any(|leg| matches!(leg.phase, Phase::Dialled | Phase::Open)) {
            self.fail("I-21", format!("the end is told while a link has not ended: {:?}", self.legs));
        }
        if !self.outstanding.is_empty() {
            self.fail("I-20", format!("the end is told before the end of {:?}", self.outstanding));
        }
        let wanted = self.closing.is_some();
        let told = |event: &dyn Fn(&Event<'_>) -> bool| {
            step.outputs.iter().any(|output| matches!(output, Output::Event(it) if event(it)))
        };
        let is_true = match reason {
            CloseReason::Requested => wanted,
            CloseReason::RequestedUnclean => {
                let unanswered =
                    |event: &Event<'_>| matches!(event, Event::Disconnected { why: Lost::CloseTimedOut, .. });
                wanted && told(&unanswered)
            }
            CloseReason::ConnectRefused(cause) => {
                told(&|event: &Event<'_>| matches!(event, Event::ConnectFailed { why, .. } if *why == cause))
            }
            CloseReason::ClosedByPeer { code } => {
                let cause = Lost::Closed { code: Some(code) };
                let by_frame =
                    |event: &Event<'_>| matches!(event, Event::Disconnected { why, .. } if *why == cause);
                loss_is_fatal(cause) && (told(&by_frame) || matches!(step.act, Act::Lost(..)))
            }
            _ => true,
        };
        if !is_true {
            self.fail("I-08", format!("the end with {reason:?} upon {:?}", step.act));
        }
    }

    /// At the end of a step: each leg went where the table says, what it had is returned, and an input
    /// about a link that is not the present one did nothing.
    pub(crate) fn check_links<M: Machine>(&mut self, machine: &M, step: &Step<'_>) {
        for slot in 0..self.legs.len() {
            let leg = &self.legs[slot];
            if leg.phase == Phase::Ended && leg.ended == self.step && leg.handed_out {
                self.fail("I-20", format!("{:?} has ended, and the driver still has it", leg.link));
            } else if matches!(leg.phase, Phase::Dialled | Phase::Open) && !leg.handed_out {
                let id = if leg.phase == Phase::Dialled { "I-02" } else { "I-01" };
                self.fail(id, format!("{:?} has been dropped, and has not ended", leg.link));
            }
            if matches!(step.act, Act::Timeout) {
                for effect in [Effect::ReportLost, Effect::ReportFailure, Effect::Dial] {
                    if self.effects.iter().filter(|it| **it == (slot, effect)).count() > 1 {
                        self.fail("I-53", format!("{effect:?} more than once in one step of time"));
                    }
                }
            }
        }
        if !step.is_current {
            self.check_stale(step);
        }
        let mut states = [State::Idle; 16];
        let mut links = 0;
        machine.each_link(|link, _, state| {
            if let Some(entry) = states.get_mut(link.slot()) {
                *entry = state;
                links = links.max(link.slot() + 1);
            }
        });
        for (slot, state) in states.into_iter().enumerate().take(links) {
            self.check_path(step, slot, state);
        }
    }

    /// Finds rows of the table that lead from the state before to the one now, and show what was shown.
    fn check_path(&mut self, step: &Step<'_>, slot: usize, now: State) {
        let before = self.leg_mut(slot).state;
        let shown: Vec<Effect> = if self.effects.is_empty() {
            Vec::new()
        } else {
            self.effects.iter().filter(|it| it.0 == slot).map(|it| it.1).collect()
        };
        let mut state = before;
        let mut rest = &shown[..];
        // No step has more than a few inputs of the table.
        for _ in 0..8 {
            if rest.is_empty() && state == now {
                break;
            }
            let mut best: Option<(State, usize)> = None;
            for (input, _) in LINK {
                if !may_cause(step.act, input) {
                    continue;
                }
                let Cell::Go(next, effects) = link_step(state, input) else { continue };
                let mut visible = effects.iter().filter(|effect| is_visible(**effect));
                let count = visible.clone().count();
                if count <= rest.len()
                    && rest.iter().zip(&mut visible).all(|(a, b)| a == b)
                    && best.is_none_or(|best| best.1 < count)
                {
                    best = Some((next, count));
                }
            }
            let Some((next, count)) = best else { break };
            state = next;
            rest = &rest[count..];
        }
        if !rest.is_empty() || state != now {
            let what = format!("from {before:?} to {now:?} with {shown:?} upon {:?}", step.act);
            self.fail("I-05", what);
        }
        self.leg_mut(slot).state = now;
    }

    fn check_stale(&mut self, step: &Step<'_>) {
        let spare = |output: &Output| match (step.act, output) {
            (Act::Connected(of), Output::Abort(link)) => of == *link,
            _ => false,
        };
        let says = step
            .event
            .is_some_and(|event| !matches!(event, Event::Ignored(it) if it.why == IgnoredReason::EndedLink));
        if says || !step.outputs.iter().all(spare) {
            let what = format!("{:?} is too late and did {:?} {:?}", step.act, step.event, step.outputs);
            self.fail("I-19", what);
        }
    }

    /// A refused command did nothing.
    pub(crate) fn check_refusal(&mut self, step: &Step<'_>) {
        if let Answer::Refused(error) = step.answer
            && !step.outputs.is_empty()
        {
            self.fail("I-22", format!("refused with {error:?}, and yet {:?}", step.outputs));
        }
    }
}

const fn is_visible(effect: Effect) -> bool {
    match effect {
        Effect::Restore | Effect::FailAll | Effect::Deliver | Effect::Record | Effect::Send => false,
        Effect::Dial
        | Effect::Abort
        | Effect::ReportFailure
        | Effect::ReportOpened
        | Effect::ReportLive
        | Effect::ReportLost
        | Effect::SendClose
        | Effect::ReportClosed => true,
    }
}

/// Whether what is done can be this input of the table, or lead to it.
const fn may_cause(act: Act<'_>, input: Input) -> bool {
    match input {
        Input::Open => matches!(act, Act::Open),
        Input::Connected => matches!(act, Act::Connected(_)),
        Input::ConnectFailed | Input::ConnectRefused => matches!(act, Act::ConnectFailed(..)),
        Input::Frame | Input::Request | Input::Subscribe => false,
        Input::Settled => true,
        Input::Unusable => matches!(act, Act::Frame(..) | Act::Timeout),
        Input::Lost | Input::LostForGood => {
            matches!(act, Act::Lost(..) | Act::Frame(_, Frame::Close { .. }))
        }
        Input::Close => matches!(act, Act::Close),
        Input::ConnectTimeout | Input::RetryDue | Input::Silence | Input::CloseTimeout => {
            matches!(act, Act::Timeout)
        }
    }
}

/// Whether another attempt of the same kind cannot succeed.
const fn failure_is_fatal(why: ConnectFailure) -> bool {
    matches!(
        why,
        ConnectFailure::Cancelled
            | ConnectFailure::InvalidUrl
            | ConnectFailure::Certificate
            | ConnectFailure::Status { status: 401 | 403 | 404 | 410 | 426, .. }
    )
}

/// Whether the peer said: do not come back like this.
const fn loss_is_fatal(why: Lost) -> bool {
    matches!(why, Lost::Closed { code: Some(1010 | 4001 | 4003 | 4401 | 4403) })
}

const SLOW_DOWN: core::time::Duration = core::time::Duration::from_secs(30);

/// The delay that the venue asks for.
const fn asked_for_by_failure(why: ConnectFailure) -> Option<core::time::Duration> {
    match why {
        ConnectFailure::Status { retry_after: Some(delay), .. } => Some(delay),
        ConnectFailure::Status { status: 429 | 503, .. } => Some(SLOW_DOWN),
        _ => None,
    }
}

const fn asked_for_by_loss(why: Lost) -> Option<core::time::Duration> {
    match why {
        Lost::Closed { code: Some(1008 | 1013) } => Some(SLOW_DOWN),
        _ => None,
    }
}
