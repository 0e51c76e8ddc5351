//! How a client comes to its end step by step: what is wanted ([`ShutdownPlan`]), and where it stands.

use core::time::Duration;

use crate::client::{Client, ClientState};
use crate::event::Event;
use crate::event::reason::{CloseReason, ShutdownStep};
use crate::link::Link;
use crate::link::output::Output;
use crate::link::timer::{Deadline, Timer};
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
    /// say that they are gone (`ws-gemini-com.md`, section 16); their events are delivered until the end.
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
    pub(super) const fn after(&self, step: ShutdownStep) -> ShutdownStep {
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
        Shutdown { plan, step, close_timeout, close_at, is_overdue, is_unclean: false }
    }

    const fn close_reason(&self) -> CloseReason {
        if self.is_unclean { CloseReason::RequestedUnclean } else { CloseReason::Requested }
    }

    /// Notes how a link ended.
    pub(super) fn note_end(&mut self, reason: CloseReason) {
        self.is_unclean |= reason == CloseReason::RequestedUnclean;
    }

    /// Time has passed.
    pub(super) fn expire(&mut self, now: Instant) {
        self.is_overdue |= self.close_at <= now;
    }

    /// One whose last step has begun.
    pub(super) const fn closing(plan: ShutdownPlan, close_timeout: Duration) -> Shutdown {
        Shutdown {
            plan,
            step: ShutdownStep::ClosingLinks,
            close_timeout,
            close_at: plan.deadline,
            is_overdue: false,
            is_unclean: false,
        }
    }

    /// An earlier deadline holds, a later one changes nothing.
    pub(super) fn bring_forward(&mut self, deadline: Instant, now: Instant) {
        if deadline < self.plan.deadline {
            self.plan.deadline = deadline;
            self.close_at = self.close_at.min(Shutdown::new(self.plan, now, self.close_timeout).close_at);
            self.expire(now);
        }
    }
}

// ---- the steps ---------------------------------------------------------------------------------

impl Client {
    pub(super) fn shutdown_deadline(&self) -> Option<Deadline> {
        let ClientState::ShuttingDown(shutdown) = &self.state else { return None };
        let waits = shutdown.step < ShutdownStep::ClosingLinks;
        waits.then_some(Deadline { at: shutdown.close_at, cause: Timer::Shutdown })
    }

    /// The longest time that a link takes for its closing handshake.
    pub(super) fn close_timeout(&self) -> Duration {
        if let ClientState::ShuttingDown(shutdown) = &self.state {
            return shutdown.close_timeout;
        }
        self.slots.links().map(|link| link.config().close_timeout).max().unwrap_or_default()
    }

    pub(super) fn begin_shutdown(&mut self, plan: ShutdownPlan, at_once: bool) {
        let (now, timeout) = (self.now, self.close_timeout());
        let step = match &mut self.state {
            ClientState::Closed => return,
            ClientState::Idle | ClientState::Open => {
                self.state = ClientState::ShuttingDown(if at_once {
                    Shutdown::closing(plan, timeout)
                } else {
                    Shutdown::new(plan, now, timeout)
                });
                self.slots.each_link_mut(Link::want_no_other);
                if at_once { None } else { Some(ShutdownStep::CommandsStopped) }
            }
            ClientState::ShuttingDown(shutdown) => {
                shutdown.bring_forward(plan.deadline(), now);
                let cut_short = at_once && shutdown.step != ShutdownStep::ClosingLinks;
                if cut_short {
                    shutdown.step = ShutdownStep::ClosingLinks;
                }
                cut_short.then_some(ShutdownStep::ClosingLinks)
            }
        };
        if let Some(step) = step {
            self.outputs.push(Output::Event(Event::ShuttingDown { step }));
        }
        self.begin_closing();
        for slot in 0..self.slots.count() {
            self.close_unless_open(slot);
        }
        self.pump();
        self.advance_shutdown();
    }

    /// In the last step, each link is closed by the deadline, whatever was said to it before.
    fn begin_closing(&mut self) {
        let ClientState::ShuttingDown(Shutdown { plan, step: ShutdownStep::ClosingLinks, .. }) = self.state
        else {
            return;
        };
        for slot in 0..self.slots.count() {
            self.with_link(slot, |link, cx| link.close_by(cx, plan.deadline()));
            self.pump_link(slot);
        }
    }

    /// Goes on to the next step when the present one is done, or its time is over.
    pub(super) fn advance_shutdown(&mut self) {
        while let ClientState::ShuttingDown(shutdown) = self.state {
            if shutdown.step == ShutdownStep::ClosingLinks {
                if self.slots.sums().are_all_finished() {
                    self.finish(shutdown.close_reason());
                }
                return;
            }
            if !self.is_step_done(shutdown.step) && !shutdown.is_overdue {
                return;
            }
            let step = shutdown.plan.after(shutdown.step);
            self.state = ClientState::ShuttingDown(Shutdown { step, ..shutdown });
            self.outputs.push(Output::Event(Event::ShuttingDown { step }));
            self.begin_step(step);
            self.begin_closing();
        }
    }

    fn begin_step(&mut self, step: ShutdownStep) {
        for slot in 0..self.slots.count() {
            match step {
                ShutdownStep::CommandsStopped | ShutdownStep::ClosingLinks => return,
                ShutdownStep::CancellingOrders => {
                    self.with_link(slot, |link, _| link.cancel_session_orders());
                }
                ShutdownStep::Unsubscribing => self.unsubscribe_where(slot, |stream| !stream.is_private()),
            }
            self.pump_link(slot);
        }
    }

    fn is_step_done(&self, step: ShutdownStep) -> bool {
        match step {
            ShutdownStep::CommandsStopped | ShutdownStep::CancellingOrders => !self.slots.sums().is_busy(),
            ShutdownStep::Unsubscribing => !self.slots.sums().has_public(),
            ShutdownStep::ClosingLinks => false,
        }
    }
}
