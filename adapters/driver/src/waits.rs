//! [`Waits`]: callers that wait for an instant.

use async_channel::Sender;
use gemini_ws::Instant;

/// Callers that wait for an instant, and the channel that wakes each of them. A `Handle` has no timer of its own, so
/// the driver wakes the callers of its methods.
#[derive(Debug, Default)]
pub(crate) struct Waits(Vec<(Instant, Sender<()>)>);

impl Waits {
    pub(crate) fn add(&mut self, at: Instant, caller: Sender<()>) {
        self.0.retain(|(_, caller)| !caller.is_closed());
        self.0.push((at, caller));
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.0.iter().map(|(at, _)| *at).min()
    }

    pub(crate) fn wake_due(&mut self, now: Instant) {
        for (_, caller) in self.0.extract_if(.., |(at, _)| *at <= now) {
            let _ = caller.try_send(());
        }
    }
}
