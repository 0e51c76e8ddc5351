//! [`ShutdownPlan`]: how a client comes to its end step by step, and by when.

use core::time::Duration;

use crate::event::reason::{CloseReason, ShutdownStep};
use crate::value::time::Instant;

/// An orderly end of a [`Client`](crate::Client), and by when.
///
/// ```
/// use core::time::Duration;
/// use gemini_ws::{Instant, ShutdownPlan};
///
/// let by = Instant::from_secs(60) + Duration::from_secs(10);
/// let plan = ShutdownPlan::by(by).cancel_orders(true).unsubscribe(true);
/// assert_eq!(plan.deadline(), by);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ShutdownPlan {
    deadline: Instant,
    cancels_orders: bool,
    unsubscribes: bool,
}

impl ShutdownPlan {
    /// No more commands, answers to what was asked, then the closing handshake; `Closed` at the latest with
    /// the first `handle_timeout` at `deadline` or later.
    pub const fn by(deadline: Instant) -> ShutdownPlan {
        ShutdownPlan { deadline, cancels_orders: false, unsubscribes: false }
    }

    /// Whether to cancel the orders of the session on each authenticated link. Default: no. The reply does not
    /// say that they are gone; their events are delivered until the end.
    ///
    /// The venue cancels the orders of a session over its own link only. Where that has ended, it does so by itself
    /// with [`Config::cancel_on_disconnect`](crate::Config::cancel_on_disconnect); otherwise, and where it does not
    /// confirm in time, [`Abandoned::sessions`](crate::Abandoned::sessions) counts what was not done, and the reason
    /// of the end is [`CloseReason::RequestedIncomplete`].
    #[must_use]
    pub const fn cancel_orders(mut self, cancel: bool) -> ShutdownPlan {
        self.cancels_orders = cancel;
        self
    }

    /// Whether to unsubscribe, and await the confirmation of, all streams but the account's. Default: no.
    #[must_use]
    pub const fn unsubscribe(mut self, unsubscribe: bool) -> ShutdownPlan {
        self.unsubscribes = unsubscribe;
        self
    }

    /// When the end is due.
    pub const fn deadline(&self) -> Instant {
        self.deadline
    }
}

impl ShutdownPlan {
    /// Returns the step after another one.
    const fn after(&self, step: ShutdownStep) -> ShutdownStep {
        match step {
            ShutdownStep::CommandsStopped if self.cancels_orders => ShutdownStep::CancellingOrders,
            ShutdownStep::CommandsStopped | ShutdownStep::CancellingOrders if self.unsubscribes => {
                ShutdownStep::Unsubscribing
            }
            _ => ShutdownStep::ClosingLinks,
        }
    }
}

/// A shutdown under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shutdown {
    plan: ShutdownPlan,
    step: ShutdownStep,
    /// The longest time for a closing handshake, of the links that there were in the beginning.
    close_timeout: Duration,
    /// When the closing handshakes begin at the latest.
    close_at: Instant,
    /// When the present step is left at the latest.
    step_at: Instant,
    /// Whether that time has come: what other inputs do is not up to the clock.
    is_overdue: bool,
    /// Whether a peer did not answer a Close frame in time.
    is_unclean: bool,
}

impl Shutdown {
    /// One that leaves the closing handshakes their time, but at most half of what there is.
    pub(super) fn new(plan: ShutdownPlan, now: Instant, close_timeout: Duration) -> Shutdown {
        let left = plan.deadline.since(now);
        let reserve = close_timeout.min(left.checked_div(2).unwrap_or_default());
        let close_at = now + left.saturating_sub(reserve);
        let is_overdue = close_at <= now;
        let step = ShutdownStep::CommandsStopped;
        let mut shutdown = Shutdown {
            plan,
            step,
            close_timeout,
            close_at,
            step_at: close_at,
            is_overdue,
            is_unclean: false,
        };
        shutdown.step_at = shutdown.end_of_step(now);
        shutdown
    }

    /// When a step that begins now is left at the latest: each but the last one leaves the others half of the time.
    /// That is never later than `close_at`, also when an input comes after it and before the timer.
    fn end_of_step(&self, now: Instant) -> Instant {
        match self.plan.after(self.step) {
            ShutdownStep::ClosingLinks => self.close_at,
            _ => (now + self.close_at.since(now).checked_div(2).unwrap_or_default()).min(self.close_at),
        }
    }

    /// When the present step is left at the latest; `None` if it is the last one.
    pub(super) fn step_at(&self) -> Option<Instant> {
        (self.step < ShutdownStep::ClosingLinks).then_some(self.step_at)
    }

    pub(super) const fn cancels_orders(&self) -> bool {
        self.plan.cancels_orders
    }

    /// Until when the links have to be closed, if that step has begun.
    pub(super) fn closing_by(&self) -> Option<Instant> {
        (self.step == ShutdownStep::ClosingLinks).then_some(self.plan.deadline)
    }

    pub(super) const fn close_timeout(&self) -> Duration {
        self.close_timeout
    }

    pub(super) const fn step(&self) -> ShutdownStep {
        self.step
    }

    /// Goes to the next step if the present one is done, or its time is over.
    pub(super) fn advance(&mut self, is_done: bool, now: Instant) -> Option<ShutdownStep> {
        if self.step == ShutdownStep::ClosingLinks || !(is_done || self.is_overdue) {
            return None;
        }
        self.step = self.plan.after(self.step);
        self.step_at = self.end_of_step(now);
        self.is_overdue &= self.step_at <= now;
        Some(self.step)
    }

    /// Goes to the last step. Returns whether another step was left for it.
    pub(super) fn cut_short(&mut self) -> bool {
        let is_cut = self.step != ShutdownStep::ClosingLinks;
        self.step = ShutdownStep::ClosingLinks;
        is_cut
    }

    pub(super) const fn close_reason(&self) -> CloseReason {
        if self.is_unclean { CloseReason::RequestedUnclean } else { CloseReason::Requested }
    }

    /// Notes how a link ended.
    pub(super) fn note_end(&mut self, reason: CloseReason) {
        self.is_unclean |= reason == CloseReason::RequestedUnclean;
    }

    /// Time has passed.
    pub(super) fn expire(&mut self, now: Instant) {
        self.is_overdue |= self.step_at <= now;
    }

    /// One whose last step has begun.
    pub(super) const fn closing(plan: ShutdownPlan, close_timeout: Duration) -> Shutdown {
        Shutdown {
            plan,
            step: ShutdownStep::ClosingLinks,
            close_timeout,
            close_at: plan.deadline,
            step_at: plan.deadline,
            is_overdue: false,
            is_unclean: false,
        }
    }

    /// An earlier deadline holds, a later one changes nothing.
    pub(super) fn bring_forward(&mut self, deadline: Instant, now: Instant) {
        if deadline < self.plan.deadline {
            self.plan.deadline = deadline;
            self.close_at = self.close_at.min(Shutdown::new(self.plan, now, self.close_timeout).close_at);
            self.step_at = self.step_at.min(self.end_of_step(now));
            self.expire(now);
        }
    }
}
