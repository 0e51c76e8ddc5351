//! [`Postponed`]: a shutdown that waits for the replies to earlier cancels.

use gemini_ws::{Client, Instant, ShutdownPlan};

/// A shutdown that begins when the earlier cancels have a final reply. Without this wait, these cancels would be
/// lost, because the client refuses cancels once it shuts down.
#[derive(Debug, Default)]
pub(crate) struct Postponed {
    plan: Option<(ShutdownPlan, Instant)>,
}

impl Postponed {
    pub(crate) const fn is_some(&self) -> bool {
        self.plan.is_some()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.plan.map(|(_, at)| at)
    }

    /// Postpones a shutdown, for at most half of the time until the deadline of `plan`. If a shutdown is already
    /// postponed, adds the steps of `plan` to its steps, and takes the earlier of both deadlines. If the client shuts
    /// down already, passes `plan` to the client at once.
    pub(crate) fn shut_down(&mut self, client: &mut Client, now: Instant, plan: ShutdownPlan) {
        if client.is_shutting_down() {
            return client.shut_down(now, plan);
        }
        let at = now + plan.deadline().since(now) / 2;
        self.plan = Some(match self.plan {
            Some((first, first_at)) => (first.and(plan), first_at.min(at)),
            None => (plan, at),
        });
    }

    pub(crate) fn begin_if_due(&mut self, client: &mut Client, now: Instant, cancels_wait: bool) {
        if let Some((plan, at)) = self.plan
            && (!cancels_wait || at <= now)
        {
            self.plan = None;
            client.shut_down(now, plan);
        }
    }
}
