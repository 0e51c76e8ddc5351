//! [`Postponed`]: a shutdown that lets cancels go first.

use gemini_ws::{Client, Instant, ShutdownPlan};

/// A shutdown that begins when the earlier cancels are sent. Without it, these cancels would be lost, because the
/// client refuses cancels once it shuts down.
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

    /// Begins a shutdown. If cancels wait, postpones the shutdown instead, for at most half of the time until the
    /// deadline of `plan`. If a shutdown is already postponed, begins both at once, in order.
    pub(crate) fn shut_down(
        &mut self,
        client: &mut Client,
        now: Instant,
        plan: ShutdownPlan,
        cancels_wait: bool,
    ) {
        if cancels_wait && !self.is_some() && !client.is_shutting_down() {
            let half = plan.deadline().since(now) / 2;
            self.plan = Some((plan, now + half));
        } else {
            self.begin(client, now);
            client.shut_down(now, plan);
        }
    }

    pub(crate) fn begin_if_due(&mut self, client: &mut Client, now: Instant, cancels_wait: bool) {
        if !cancels_wait || self.deadline().is_some_and(|at| at <= now) {
            self.begin(client, now);
        }
    }

    fn begin(&mut self, client: &mut Client, now: Instant) {
        if let Some((plan, _)) = self.plan.take() {
            client.shut_down(now, plan);
        }
    }
}
