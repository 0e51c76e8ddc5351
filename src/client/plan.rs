//! [`ShutdownPlan`]: the steps in which a client shuts down, and the deadline.

use core::time::Duration;

use crate::event::reason::{CloseReason, ShutdownStep};
use crate::value::time::Instant;

/// The steps in which a [`Client`](crate::Client) shuts down, and the deadline.
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
    /// Creates a plan with two steps. In the first step the client refuses commands, and waits for the replies to
    /// requests in flight while there is time. In the second step the client closes the links.
    /// [`Event::Closed`](crate::Event::Closed) follows at the latest with the first `handle_timeout` at or after
    /// `deadline`.
    pub const fn by(deadline: Instant) -> ShutdownPlan {
        ShutdownPlan { deadline, cancels_orders: false, unsubscribes: false }
    }

    /// Sets whether to cancel the orders that were placed over authenticated links. Default: no. When the venue
    /// confirms the cancellation, some orders may still be open. The client delivers the events of these orders until
    /// the link ends. If the venue refuses the cancellation only for now, the client repeats the request while there
    /// is time.
    ///
    /// The client can cancel orders only over the link over which they were placed. When this link ends, the venue
    /// cancels the orders only if [`Config::cancel_on_disconnect`](crate::Config::cancel_on_disconnect) is set.
    /// [`Abandoned::sessions`](crate::Abandoned::sessions) counts the sessions whose orders may still be open. If
    /// this count is not zero, the client ends with [`CloseReason::RequestedIncomplete`]. If only REST has shown the
    /// end of an order, pass the order's request to [`Client::forget_order`](crate::Client::forget_order) before the
    /// client ends.
    #[must_use]
    pub const fn cancel_orders(mut self, cancel: bool) -> ShutdownPlan {
        self.cancels_orders = cancel;
        self
    }

    /// Sets whether to unsubscribe all streams except the streams of an account. The client then waits for the
    /// confirmations of the venue until the time of this step is over. Market data v2 confirms nothing, so the client
    /// does not wait there. Default: no.
    #[must_use]
    pub const fn unsubscribe(mut self, unsubscribe: bool) -> ShutdownPlan {
        self.unsubscribes = unsubscribe;
        self
    }

    /// Returns a plan with the steps of both plans, and with the earlier deadline.
    ///
    /// ```
    /// use gemini_ws::{Instant, ShutdownPlan};
    ///
    /// let [early, late] = [1, 2].map(|at| ShutdownPlan::by(Instant::from_secs(at)));
    /// let both = late.cancel_orders(true).and(early.unsubscribe(true));
    /// assert_eq!(both, early.cancel_orders(true).unsubscribe(true));
    /// ```
    #[must_use]
    pub fn and(self, other: ShutdownPlan) -> ShutdownPlan {
        ShutdownPlan {
            deadline: self.deadline.min(other.deadline),
            cancels_orders: self.cancels_orders || other.cancels_orders,
            unsubscribes: self.unsubscribes || other.unsubscribes,
        }
    }

    /// Returns the deadline.
    pub const fn deadline(&self) -> Instant {
        self.deadline
    }
}

impl ShutdownPlan {
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

#[derive(Clone, Copy, Debug)]
pub(super) struct Shutdown {
    plan: ShutdownPlan,
    step: ShutdownStep,
    /// The longest `Config::close_timeout` of the links that existed when the shutdown began.
    close_timeout: Duration,
    /// The latest time at which the closing handshakes begin.
    close_at: Instant,
    step_at: Instant,
    /// Whether the time of the present step was over at the last check. Only `handle_timeout` and calls that set the
    /// deadline check the time, so no other input ends a step that is not done.
    is_overdue: bool,
    is_unclean: bool,
}

impl Shutdown {
    /// Reserves `close_timeout` for the closing handshakes, but at most half of the time until the deadline.
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

    /// The last step before the links are closed may take until `close_at`. An earlier step may take half of the time
    /// until `close_at`.
    fn end_of_step(&self, now: Instant) -> Instant {
        match self.plan.after(self.step) {
            ShutdownStep::ClosingLinks => self.close_at,
            _ => (now + self.close_at.since(now).checked_div(2).unwrap_or_default()).min(self.close_at),
        }
    }

    pub(super) fn step_at(&self) -> Option<Instant> {
        (self.step < ShutdownStep::ClosingLinks).then_some(self.step_at)
    }

    pub(super) const fn cancels_orders(&self) -> bool {
        self.plan.cancels_orders
    }

    pub(super) fn closing_by(&self) -> Option<Instant> {
        (self.step == ShutdownStep::ClosingLinks).then_some(self.plan.deadline)
    }

    pub(super) const fn close_timeout(&self) -> Duration {
        self.close_timeout
    }

    pub(super) const fn step(&self) -> ShutdownStep {
        self.step
    }

    pub(super) fn advance(&mut self, is_done: bool, now: Instant) -> Option<ShutdownStep> {
        if self.step == ShutdownStep::ClosingLinks || !(is_done || self.is_overdue) {
            return None;
        }
        self.step = self.plan.after(self.step);
        self.step_at = self.end_of_step(now);
        self.is_overdue &= self.step_at <= now;
        Some(self.step)
    }

    pub(super) fn cut_short(&mut self) -> bool {
        let is_cut = self.step != ShutdownStep::ClosingLinks;
        self.step = ShutdownStep::ClosingLinks;
        is_cut
    }

    pub(super) const fn close_reason(&self) -> CloseReason {
        if self.is_unclean { CloseReason::RequestedUnclean } else { CloseReason::Requested }
    }

    pub(super) fn note_end(&mut self, reason: CloseReason) {
        self.is_unclean |= reason == CloseReason::RequestedUnclean;
    }

    pub(super) fn expire(&mut self, now: Instant) {
        self.is_overdue |= self.step_at <= now;
    }

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

    pub(super) fn bring_forward(&mut self, deadline: Instant, now: Instant) {
        if deadline < self.plan.deadline {
            self.plan.deadline = deadline;
            self.close_at = self.close_at.min(Shutdown::new(self.plan, now, self.close_timeout).close_at);
            self.step_at = self.step_at.min(self.end_of_step(now));
            self.expire(now);
        }
    }
}
