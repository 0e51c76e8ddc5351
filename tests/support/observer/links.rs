//! Checks links: the order of events between a dial and its end, and the reason for the end of a link.

use std::time::Duration;

use gemini_ws::lifecycle::{Effect, State};
use gemini_ws::{
    AttemptFailure, CloseReason, ConnectFailure, Event, Frame, IgnoredReason, Instant, LinkId, Lost, Output,
};

use super::super::machine::Machine;
use super::call::{Act, Answer};
use super::limits::Counted;
use super::paths::{Follows, Path, is_of_host};
use super::shadow::{Leg, Phase, Shadow, Step};

impl Shadow {
    /// Checks that one timeout ends or dials the link of a slot at most once. A slot that was restarted in this step
    /// is exempt.
    fn check_series(&mut self, step: &Step<'_>, link: LinkId, effect: Effect) {
        let is_part =
            |effect: Effect| matches!(effect, Effect::ReportLost | Effect::ReportFailure | Effect::Dial);
        let others = self.effects.iter().filter(|it| it.0 == link.slot() && is_part(it.1)).count();
        if matches!(step.act, Act::Timeout) && others > 0 && !self.leg_mut(link.slot()).is_restarted {
            self.fail("I-53", format!("{effect:?} of {link} after {:?} in one step", self.effects));
        }
        self.effects.push((link.slot(), effect));
    }

    pub fn dial<M: Machine>(&mut self, machine: &M, step: &Step<'_>, link: LinkId) {
        self.check_series(step, link, Effect::Dial);
        let now = self.now;
        let (is_closing, terminated) = (self.closing.is_some(), self.terminated);
        let leg = self.leg_mut(link.slot());
        let (before, phase, retry) = (leg.link, leg.phase, leg.retry);
        let (given_up, not_before) = (leg.given_up, leg.not_before);
        let held_until = self.host_of(link.slot()).held_until;
        if is_closing || terminated {
            self.fail("I-06", format!("{link} is dialled after the application wanted an end"));
        } else if before.is_some_and(|before| before.epoch() >= link.epoch()) {
            self.fail("I-09", format!("{link} is dialled after {before:?}"));
        } else if matches!(phase, Phase::Dialled | Phase::Open) {
            self.fail("I-55", format!("{link} is dialled while {before:?} has not ended"));
        } else if given_up {
            self.fail("I-57", format!("{link} is dialled though no attempt was to follow"));
        } else if now < held_until || retry.is_some_and(|(_, asked_for)| now < asked_for) {
            self.fail("I-58", format!("{link} is dialled at {now:?}, before the venue allows it: {retry:?}"));
        } else if retry.is_some_and(|(at, _)| now < at) || now < not_before {
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
        (leg.heard, leg.resumed) = (now, None);
        (leg.live, leg.closing, leg.retry, leg.given_up) = (None, None, None, false);
        (leg.malformed_run, leg.malformed_of) = (0, None);
        self.count(link, Counted::Dial);
    }

    pub fn opened(&mut self, step: &Step<'_>, link: LinkId, missing_since: Option<Instant>) {
        self.effects.push((link.slot(), Effect::ReportOpened));
        self.stats.connects += 1;
        let now = self.now;
        let was_open = self.leg_mut(link.slot()).missing_since.is_some();
        self.stats.reconnects += u64::from(was_open);
        let leg = self.leg_mut(link.slot());
        if leg.link != Some(link) || leg.phase != Phase::Dialled {
            let what = format!("{link} opened; the newest is {:?}, {:?}", leg.link, leg.phase);
            return self.fail("I-01", what);
        }
        leg.phase = Phase::Open;
        (leg.heard, leg.sent) = (now, now);
        let (before, endpoint) = (leg.missing_since, leg.endpoint);
        self.experience[endpoint].0 = true;
        if missing_since != before {
            self.fail("I-66", format!("{link}: missing since {missing_since:?}, heard until {before:?}"));
        }
        if !matches!(step.act, Act::Connected(of) if of == link) {
            self.fail("I-08", format!("{link} opened, and nobody has connected it"));
        }
    }

    pub fn connect_failed(
        &mut self,
        step: &Step<'_>,
        link: LinkId,
        why: ConnectFailure,
        retry: Option<Instant>,
    ) {
        self.check_series(step, link, Effect::ReportFailure);
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
            _ => false,
        };
        // The client cancels the dial of a link that is no longer needed.
        let is_cancelled = why == ConnectFailure::Cancelled && (is_closing || !self.is_wanted(link.slot()));
        if !is_true && !is_cancelled {
            self.fail("I-08", format!("{link} failed with {why:?} upon {:?}", step.act));
        }
        let is_signed = self.settings_of(link.slot()).authenticated;
        let endpoint = self.leg_mut(link.slot()).endpoint;
        let (was_open, _) = self.experience[endpoint];
        if let Act::Lost(_, loss) = step.act {
            let (is_final, least) = self.follows_loss(link, loss);
            return self.ended(link, AttemptFailure::Lost(loss), is_final, least, retry);
        }
        let follows = Follows::of_failure(why, is_signed);
        let is_final = Some(follows.is_final(was_open));
        self.ended(link, AttemptFailure::Connect(why), is_final, follows.least(), retry);
        if is_of_host(why) {
            self.hold(link.slot(), follows.least().unwrap_or_default(), retry);
        }
    }

    /// Returns two things about a loss: whether it rules out a further attempt (`None` if the observer cannot know
    /// this), and the delay that it adds to the usual delay.
    fn follows_loss(&self, link: LinkId, loss: Lost) -> (Option<bool>, Option<Duration>) {
        let Some(leg) = self.legs.get(link.slot()) else { return (None, None) };
        let stable_after = self.settings_of(link.slot()).stable_after;
        let is_long = |it: &Leg| it.is_stable(self.now, stable_after);
        let was_stable = self.experience[leg.endpoint].1 || is_long(leg);
        // A client notices only at a timeout that another link has been live for `stable_after`.
        let is_certain = was_stable || !self.legs.iter().any(|it| it.endpoint == leg.endpoint && is_long(it));
        let follows = Follows::of_loss(loss);
        let is_known = is_certain || follows != Follows::NothingAtFirst;
        (is_known.then_some(follows.is_final(was_stable)), follows.least())
    }

    pub fn disconnected(&mut self, step: &Step<'_>, link: LinkId, why: Lost, retry: Option<Instant>) {
        self.check_series(step, link, Effect::ReportLost);
        let now = self.now;
        let settings = self.settings_of(link.slot());
        let (silence_max, malformed_run_max) = (settings.silence_max, settings.malformed_run_max);
        let answer = silence_max.saturating_sub(settings.probe_after).max(Duration::from_millis(1));
        let sequence_gap = self.sequence_gap;
        let leg = self.leg_mut(link.slot());
        if leg.link != Some(link) || leg.phase != Phase::Open {
            let what = format!("{link} ended; the newest is {:?}, {:?}", leg.link, leg.phase);
            return self.fail("I-01", what);
        }
        let heard = leg.heard;
        let is_closing = leg.closing.is_some();
        if why == Lost::CloseTimedOut {
            self.link_ends.push(CloseReason::RequestedUnclean);
        }
        let leg = self.leg_mut(link.slot());
        let by_timer = matches!(step.act, Act::Timeout);
        let is_true = match why {
            Lost::Silent => by_timer,
            Lost::CloseTimedOut => by_timer && leg.closing.is_some_and(|by| now >= by),
            Lost::Malformed => leg.malformed_run >= malformed_run_max,
            Lost::SequenceGap => sequence_gap,
            Lost::Unresponsive => by_timer || matches!(step.act, Act::Frame(..)),
            // After the client's own Close frame, the peer's Close frame or the end of the transport ends the link
            // with the reason `Requested`.
            Lost::Closed { .. } | Lost::End if is_closing => false,
            Lost::Requested => match step.act {
                Act::Lost(of, Lost::Closed { .. } | Lost::End) => of == link && is_closing,
                Act::Frame(of, Frame::Close { .. }) => of == link && is_closing,
                _ => false,
            },
            _ => match step.act {
                Act::Lost(of, cause) => of == link && cause == why,
                Act::Frame(of, Frame::Close { code, .. }) => of == link && why == Lost::Closed { code },
                _ => false,
            },
        };
        let was_probed = leg.resumed.is_some_and(|since| now >= since + answer);
        leg.missing_since = Some(heard);
        if !is_true {
            self.fail("I-08", format!("{link} ended with {why:?} upon {:?}", step.act));
        }
        if why == Lost::Silent && now < heard + silence_max && !was_probed {
            self.fail("I-51", format!("{link} is given up as silent at {now:?}; it was heard at {heard:?}"));
        }
        let (is_final, least) = self.follows_loss(link, why);
        self.ended(link, AttemptFailure::Lost(why), is_final, least, retry);
    }

    /// Marks a link as ended, and checks whether the client may or must make a further attempt. `is_final` is whether
    /// the reason for the end rules out an attempt; `None` if the observer cannot know it.
    fn ended(
        &mut self,
        link: LinkId,
        why: AttemptFailure,
        is_final: Option<bool>,
        least: Option<Duration>,
        retry: Option<Instant>,
    ) {
        let step = self.step;
        let settings = self.settings_of(link.slot());
        let (attempts_max, stable_after) = (settings.attempts_max, settings.stable_after);
        let (base, now) = (settings.backoff_base, self.now);
        let is_closing = self.closing.is_some();
        let leg = self.leg_mut(link.slot());
        let was_live = leg.phase == Phase::Open && leg.live.is_some();
        leg.phase = Phase::Ended;
        leg.ended = step;
        leg.given_up = retry.is_none();
        if leg.is_stable(now, stable_after) {
            leg.note_stable();
            let endpoint = leg.endpoint;
            self.experience[endpoint].1 = true;
        }
        let leg = self.leg_mut(link.slot());
        leg.attempts = leg.attempts.saturating_add(1);
        leg.last = Some(why);
        if !was_live {
            leg.failed = leg.failed.saturating_add(1);
        }
        let is_ours = is_closing || leg.closing.is_some();
        let is_last = is_final != Some(false) || is_ours;
        let is_surely_last = is_final == Some(true) || is_ours;
        let is_exhausted = attempts_max.is_some_and(|most| leg.failed >= most);
        let is_cancelled = why == AttemptFailure::Connect(ConnectFailure::Cancelled);
        if retry.is_none() && !is_ours && !is_cancelled {
            leg.not_before = now + base;
        }
        let is_right = match retry {
            Some(_) => !(is_surely_last || is_exhausted),
            None => is_last || is_exhausted,
        };
        if !is_right {
            let what = format!("{link}: last {is_last}, exhausted {is_exhausted}, next at {retry:?}");
            self.fail("I-57", what);
        }
        match retry {
            Some(at) => self.check_delay(link.slot(), at, least),
            None => self.ended_for_good.push(link),
        }
        self.forget_link(link);
    }

    pub fn live(&mut self, link: LinkId) {
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

    pub fn peer_closing(&mut self, step: &Step<'_>, link: LinkId, code: Option<u16>) {
        let came =
            matches!(step.act, Act::Frame(of, Frame::Close { code: with, .. }) if of == link && with == code);
        if !came {
            self.fail("I-08", format!("{link}: the peer closes with {code:?} upon {:?}", step.act));
        }
    }

    pub fn close(&mut self, link: LinkId, code: u16) {
        self.effects.push((link.slot(), Effect::SendClose));
        let settings = self.settings_of(link.slot());
        let (now, stable_after) = (self.now, settings.stable_after);
        let usual = now + settings.close_timeout;
        let by = self.closing;
        let is_right = by.is_some() || !self.is_wanted(link.slot());
        let leg = self.leg_mut(link.slot());
        if leg.closing.is_some() {
            return self.fail("I-40", format!("a second Close frame for {link}"));
        }
        if leg.is_stable(now, stable_after) {
            leg.note_stable();
            let endpoint = leg.endpoint;
            self.experience[endpoint].1 = true;
        }
        let leg = self.leg_mut(link.slot());
        leg.closing = Some(by.map_or(usual, |by| by.min(usual)));
        if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
            self.fail("I-10", format!("a Close frame with code {code}"));
        }
        if !is_right {
            self.fail("I-08", format!("{link} is closed by us, and nobody asked for it"));
        }
        let is_removed = self.removed.contains(&self.legs[link.slot()].endpoint);
        let is_hasty = by.is_none() && !is_removed && self.outstanding.iter().any(|it| it.link == Some(link));
        if is_hasty || self.outstanding.iter().any(|request| request.link.is_none()) {
            self.fail("I-42", format!("a Close frame for {link} before {:?}", self.outstanding));
        }
    }

    pub fn abort(&mut self, step: &Step<'_>, link: LinkId) {
        if matches!(step.act, Act::Connected(of) if of == link)
            && !step.is_current
            && !self.leg_mut(link.slot()).is_open(link)
        {
            // The link connected after its end, and the slot has another link now.
            return;
        }
        self.effects.push((link.slot(), Effect::Abort));
        let leg = self.leg_mut(link.slot());
        if leg.link != Some(link) || !leg.handed_out {
            return self.fail("I-18", format!("{link} is aborted, and nobody has it"));
        }
        leg.handed_out = false;
        self.dropped.push(link);
    }

    /// Checks that an output comes between the dial and the end of its link, and that no text follows the client's
    /// Close frame. Also checks that the output does not result from an input about another slot.
    pub fn check_leg(&mut self, step: &Step<'_>, link: LinkId, output: &Output) {
        if let Act::Connected(of) | Act::ConnectFailed(of, _) | Act::Frame(of, _) | Act::Lost(of, _) =
            step.act
            && of.slot() != link.slot()
            && self.closing.is_none()
            // When a link has closed, the client may dial another link in its place.
            && !(matches!(output, Output::Connect(_)) && self.links_closed > 0)
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

    pub fn heartbeat_due(&mut self, step: &Step<'_>, link: LinkId, since: Instant) {
        let (now, every) = (self.now, self.settings_of(link.slot()).heartbeat_every);
        let sent = self.leg_mut(link.slot()).sent;
        let is_due = every.is_some_and(|every| now >= since + every);
        // A message counts as sent even if its link ended before the driver polled the message.
        if !matches!(step.act, Act::Timeout) || !is_due || since < sent {
            self.fail("I-08", format!("{link} has sent nothing since {since:?}: {sent:?}, at {now:?}"));
        }
    }

    /// Sets the instant by which the client must end, because the application has requested an end. Of several
    /// instants, the earliest applies.
    pub fn close_by(&mut self, deadline: Instant) {
        self.close_timeout = Some(self.close_timeout());
        let by = self.closing.map_or(deadline, |before| before.min(deadline));
        self.closing = Some(by);
        for leg in &mut self.legs {
            leg.closing = leg.closing.map(|before| before.min(by));
        }
    }

    /// Returns the longest `close_timeout` of the links that existed when the application first requested an end, or
    /// of the present links if it has requested none.
    pub fn close_timeout(&self) -> Duration {
        let there = self.legs.iter().filter(|leg| leg.is_listed);
        let timeouts = there.map(|leg| self.settings[leg.endpoint].close_timeout);
        self.close_timeout.unwrap_or(timeouts.max().unwrap_or_default())
    }

    pub fn revived(&mut self, step: &Step<'_>) {
        if step.answer == Answer::Done {
            for leg in self.legs.iter_mut().filter(|leg| leg.given_up) {
                // The delays continue, but the count of failed attempts starts again.
                let (missing_since, not_before) = (leg.missing_since, leg.not_before);
                let (attempts, likelihood) = (leg.attempts, leg.likelihood);
                leg.restart();
                (leg.missing_since, leg.not_before) = (missing_since, not_before);
                (leg.attempts, leg.likelihood) = (attempts, likelihood);
            }
        }
    }

    pub fn resumed(&mut self) {
        let now = self.now;
        for leg in self.legs.iter_mut().filter(|leg| leg.phase == Phase::Open && leg.closing.is_none()) {
            // A second call of `handle_resumed` does not start the probe again.
            leg.resumed.get_or_insert(now);
        }
    }

    /// Returns whether a subscribed stream needs the link of a slot, or the endpoint keeps the link open.
    pub fn is_wanted(&self, slot: usize) -> bool {
        let settings = self.settings_of(slot);
        let stays = settings.stays_open();
        let desired = self.feeds.iter().any(|feed| feed.slot == slot && feed.is_desired());
        let Some(leg) = self.legs.get(slot) else { return desired };
        // An endpoint whose links stay open keeps only its oldest link.
        let is_it = |it: &Leg| it.is_listed && it.endpoint == leg.endpoint && it.closing.is_none();
        let present = self.legs.iter().enumerate().filter(|(_, it)| is_it(it));
        let oldest = present.min_by_key(|(slot, it)| (it.listed, *slot));
        desired
            || (stays
                && oldest.is_some_and(|(oldest, _)| oldest == slot)
                && !self.removed.contains(&leg.endpoint))
    }

    pub fn removed(&mut self, step: &Step<'_>, endpoint: usize) {
        if step.answer != Answer::Done {
            return;
        }
        self.removed.push(endpoint);
        self.sessions.note_removed(endpoint);
        (self.experience[endpoint], self.inherited[endpoint]) = ((false, false), 0);
        for feed in self.feeds.iter_mut().filter(|feed| feed.endpoint == endpoint) {
            feed.subscriptions.iter_mut().for_each(|subscription| subscription.1 = true);
        }
    }

    /// Checks that the table of links allows the step of each link, and that the driver has a dial or a transport for
    /// exactly the links that have not ended.
    pub fn check_links<M: Machine>(&mut self, machine: &M, step: &Step<'_>) {
        for slot in 0..self.legs.len() {
            let leg = &self.legs[slot];
            if leg.phase == Phase::Ended && leg.ended == self.step && leg.handed_out {
                self.fail("I-20", format!("{:?} has ended, and the driver still has it", leg.link));
            } else if matches!(leg.phase, Phase::Dialled | Phase::Open) && !leg.handed_out {
                let id = if leg.phase == Phase::Dialled { "I-02" } else { "I-01" };
                self.fail(id, format!("{:?} has been dropped, and has not ended", leg.link));
            }
        }
        self.check_abandoned();
        let mut states: Vec<Option<State>> = vec![None; self.legs.len()];
        machine.each_link(|link, _, state| {
            if let Some(entry) = states.get_mut(link.slot()) {
                *entry = Some(state);
            }
        });
        for (slot, state) in states.into_iter().enumerate() {
            self.check_path(step, slot, state);
        }
    }

    fn check_abandoned(&mut self) {
        self.abandoned.0 += self.unsent.len();
        for link in &self.ended_for_good {
            self.abandoned.0 += self.presumed_lost.iter().filter(|lost| *lost == link).count();
            self.abandoned.1 += self.dropped.iter().filter(|dropped| *dropped == link).count();
        }
        if let Some(told) = self.told_abandoned.take()
            && told != self.abandoned
        {
            self.fail("I-20", format!("{told:?} requests and links abandoned, not {:?}", self.abandoned));
        }
    }

    /// Checks that rows of the table lead from the state before the step to the state `now`, with the visible
    /// effects. `now` is `None` if the slot no longer has a link.
    fn check_path(&mut self, step: &Step<'_>, slot: usize, now: Option<State>) {
        let leg = &mut self.legs[slot];
        let (before, was_listed) = (leg.state, leg.is_listed);
        leg.is_listed = now.is_some();
        leg.state = now.unwrap_or(State::Idle);
        let (endpoint, attempts) = (leg.endpoint, leg.attempts);
        let ends = now.is_none() && was_listed && !leg.is_restarted;
        if ends {
            leg.restart();
        }
        let begins_anew = leg.is_restarted;
        if ends {
            self.inherit(endpoint, attempts);
        }
        if now.is_none() && was_listed {
            self.forget_subscriptions(slot);
        }
        if self.effects.is_empty() && (now == Some(before) || (now.is_none() && !was_listed)) {
            return;
        }
        let shown: Vec<Effect> = self.effects.iter().filter(|it| it.0 == slot).map(|it| it.1).collect();
        let path = Path { kind: step.act.kind(), begins_anew, now };
        if !path.leads(before, &shown, 6) {
            let what = format!("from {before:?} to {now:?} with {shown:?} upon {:?}", step.act);
            self.fail("I-05", what);
        }
    }

    /// Adds the attempts of a removed link to those of its endpoint. The next link to the endpoint may continue from
    /// their sum.
    pub fn inherit(&mut self, endpoint: usize, attempts: u32) {
        let inherited = &mut self.inherited[endpoint];
        *inherited = attempts.saturating_add(*inherited);
    }

    /// Checks that an input about an ended link had no effect, except that the client drops a transport that
    /// connected too late.
    pub fn check_stale(&mut self, step: &Step<'_>) {
        let spare = |output: &Output| match (step.act, output) {
            (Act::Connected(of), Output::Abort(link)) => of == *link,
            _ => false,
        };
        let says = step.event.is_some_and(
            |event| !matches!(event, Event::Ignored(it, _) if it.reason == IgnoredReason::EndedLink),
        );
        if says || !step.outputs.iter().all(spare) {
            let what = format!("{:?} is too late and did {:?} {:?}", step.act, step.event, step.outputs);
            self.fail("I-19", what);
        }
        if let Act::Connected(link) = step.act
            && step.outputs.is_empty()
            && !self.leg_mut(link.slot()).is_open(link)
        {
            self.fail("I-18", format!("{link} has connected too late, and the driver keeps it"));
        }
    }

    /// Checks that the client refuses commands after the application has requested an end. Only further requests for
    /// an end are allowed.
    pub fn check_taken(&mut self, step: &Step<'_>) {
        let is_command = matches!(
            step.act,
            Act::Add(_)
                | Act::Remove(_)
                | Act::Open
                | Act::Subscribe(_)
                | Act::Unsubscribe(_)
                | Act::Resync(_)
                | Act::Request(_)
        );
        if is_command && self.closing.is_some() && !matches!(step.answer, Answer::Refused(_)) {
            self.fail("I-06", format!("{:?} is taken, and an end is wanted", step.act));
        }
    }

    pub fn check_refusal(&mut self, step: &Step<'_>) {
        if let Answer::Refused(error) = step.answer
            && !step.outputs.is_empty()
        {
            self.fail("I-22", format!("refused with {error:?}, and yet {:?}", step.outputs));
        }
    }
}
