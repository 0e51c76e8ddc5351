//! Checks the events that report the ends of links and of clients.

use gemini_ws::{Abandoned, CloseReason, Event, LinkId, Lost, Output, ShutdownStep};

use super::call::Act;
use super::paths::Follows;
use super::shadow::{Phase, Shadow, Step};

impl Shadow {
    pub fn closed(&mut self, step: &Step<'_>, reason: CloseReason, abandoned: Abandoned) {
        self.told_abandoned = Some((abandoned.requests, abandoned.links));
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
                let unanswered = |event: &Event<'_>| {
                    matches!(event, Event::Disconnected { reason: Lost::CloseTimedOut, .. })
                };
                wanted && told(&unanswered)
            }
            CloseReason::ConnectRefused(cause) => told(
                &|event: &Event<'_>| matches!(event, Event::ConnectFailed { reason: why, .. } if *why == cause),
            ),
            CloseReason::ClosedByPeer { code } => {
                let cause = Lost::Closed { code: Some(code) };
                let by_frame = |event: &Event<'_>| matches!(event, Event::Disconnected { reason: why, .. } if *why == cause);
                Follows::of_loss(cause) == Follows::NothingAtFirst
                    && (told(&by_frame) || matches!(step.act, Act::Lost(..)))
            }
            CloseReason::RequestedIncomplete => wanted && abandoned.sessions > 0,
            CloseReason::AttemptsExhausted { attempts, last } => {
                self.settings.iter().any(|settings| settings.attempts_max == Some(attempts))
                    && self.legs.iter().any(|leg| leg.last == Some(last))
            }
            _ => true,
        };
        // An earlier `LinkClosed` may have reported this reason.
        let is_requested = matches!(
            reason,
            CloseReason::Requested | CloseReason::RequestedUnclean | CloseReason::RequestedIncomplete
        );
        let is_promised = self.is_promised;
        let left = if is_promised { self.sessions.left() } else { 0 };
        if (abandoned.sessions > 0) != (reason == CloseReason::RequestedIncomplete)
            || abandoned.sessions != left
        {
            let what =
                format!("{reason:?}, {abandoned:?}; {left} sessions; cancelling was promised: {is_promised}");
            self.fail("I-20", what);
        }
        if (is_requested && !wanted) || !(is_true || self.link_ends.contains(&reason)) {
            self.fail("I-08", format!("the end with {reason:?} upon {:?}", step.act));
        }
    }

    pub fn link_closed(&mut self, link: LinkId, reason: CloseReason) {
        self.links_closed += 1;
        self.link_ends.push(reason);
        let is_wanted = self.is_wanted(link.slot());
        let leg = self.leg_mut(link.slot());
        if leg.link != Some(link) || matches!(leg.phase, Phase::Dialled | Phase::Open) {
            let what = format!("{link} is told to be closed; {:?} is {:?}", leg.link, leg.phase);
            return self.fail("I-21", what);
        }
        let requested = matches!(reason, CloseReason::Requested | CloseReason::RequestedUnclean);
        let given_up = leg.given_up;
        // A link whose attempts have ended keeps its slot, unless it is no longer needed.
        if requested || leg.makes_room() {
            let (endpoint, attempts) = (leg.endpoint, leg.attempts);
            leg.restart();
            self.inherit(endpoint, attempts);
        }
        if requested == is_wanted && (requested || !given_up) {
            self.fail("I-08", format!("{link} is closed with {reason:?}; wanted {is_wanted}"));
        }
    }

    pub fn shutting_down(&mut self, step: ShutdownStep) {
        let before = self.shutdown.replace(step);
        let is_due = self.plan.is_none_or(|plan| match (before, step) {
            (None, _) => step == ShutdownStep::CommandsStopped,
            (Some(ShutdownStep::CommandsStopped), _) if plan.cancels_orders => {
                step == ShutdownStep::CancellingOrders
            }
            (Some(ShutdownStep::CommandsStopped | ShutdownStep::CancellingOrders), _)
                if plan.unsubscribes =>
            {
                step == ShutdownStep::Unsubscribing
            }
            _ => step == ShutdownStep::ClosingLinks,
        });
        if !is_due || self.closing.is_none() || before.is_some_and(|before| before >= step) {
            self.fail("I-06", format!("{step:?} after {before:?}"));
        }
        if step == ShutdownStep::Unsubscribing {
            let public = self.feeds.iter_mut().filter(|feed| !feed.stream.is_private());
            public.flat_map(|feed| &mut feed.subscriptions).for_each(|subscription| subscription.1 = true);
        }
    }
}
