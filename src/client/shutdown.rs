//! The steps in which a client shuts down.

use core::time::Duration;

use crate::client::plan::{Shutdown, ShutdownPlan};
use crate::client::{Client, ClientState};
use crate::event::Event;
use crate::event::reason::ShutdownStep;
use crate::link::Link;
use crate::link::output::Output;
use crate::link::timer::{Deadline, Timer};

impl Client {
    pub(super) fn shutdown_deadline(&self) -> Option<Deadline> {
        let ClientState::ShuttingDown(shutdown) = &self.state else { return None };
        shutdown.step_at().map(|at| Deadline { at, cause: Timer::Shutdown })
    }

    pub(super) fn close_timeout(&self) -> Duration {
        if let ClientState::ShuttingDown(shutdown) = &self.state {
            return shutdown.close_timeout();
        }
        self.slots.links().map(|link| link.config().close_timeout).max().unwrap_or_default()
    }

    pub(super) fn begin_shutdown(&mut self, plan: ShutdownPlan, at_once: bool) {
        let (now, timeout) = (self.now, self.close_timeout());
        let step = match &mut self.state {
            ClientState::Closed(_) => return,
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
                let cut_short = at_once && shutdown.cut_short();
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

    fn begin_closing(&mut self) {
        let ClientState::ShuttingDown(shutdown) = &self.state else { return };
        let Some(deadline) = shutdown.closing_by() else { return };
        for slot in 0..self.slots.count() {
            self.with_link(slot, |link, cx| link.close_by(cx, deadline));
            self.pump_link(slot);
        }
    }

    pub(super) fn advance_shutdown(&mut self) {
        while let ClientState::ShuttingDown(shutdown) = &self.state {
            if shutdown.closing_by().is_some() {
                if self.slots.sums().are_all_finished() {
                    let reason = shutdown.close_reason();
                    self.finish(reason);
                }
                return;
            }
            let (is_done, now) = (self.is_step_done(shutdown.step()), self.now);
            let ClientState::ShuttingDown(shutdown) = &mut self.state else { return };
            let Some(step) = shutdown.advance(is_done, now) else { return };
            self.outputs.push(Output::Event(Event::ShuttingDown { step }));
            self.begin_step(step);
            self.begin_closing();
        }
    }

    fn begin_step(&mut self, step: ShutdownStep) {
        let by = self.shutdown_deadline().map_or(self.now, |deadline| deadline.at);
        for slot in 0..self.slots.count() {
            match step {
                ShutdownStep::CommandsStopped | ShutdownStep::ClosingLinks => return,
                ShutdownStep::CancellingOrders => {
                    self.with_link(slot, |link, _| link.cancel_session_orders(by));
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
