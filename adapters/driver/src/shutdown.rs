//! [`Shutdown`]: a switch that ends tasks.

use event_listener::{Event, EventListener};

use crate::sync::{Arc, AtomicBool, Ordering};

/// A switch that any task can trigger and any task can wait for. It stays triggered, so a later call of
/// [`wait`](Shutdown::wait) returns at once.
///
/// An application can use a switch to end several of its own tasks with one signal.
///
/// ```
/// use gemini_ws_driver::Shutdown;
///
/// let shutdown = Shutdown::new();
/// assert!(shutdown.trigger(), "the first one");
/// assert!(!shutdown.trigger(), "any other");
/// futures_lite::future::block_on(shutdown.wait());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    triggered: AtomicBool,
    event: Event,
}

impl Shutdown {
    /// Returns a switch that is not triggered.
    pub fn new() -> Shutdown {
        Shutdown::default()
    }

    /// Triggers the switch. Returns whether this was the first call.
    pub fn trigger(&self) -> bool {
        let first = !self.shared.triggered.swap(true, Ordering::AcqRel);
        if first {
            self.shared.event.notify(usize::MAX);
        }
        first
    }

    /// Returns whether the switch was triggered.
    pub fn is_triggered(&self) -> bool {
        self.shared.triggered.load(Ordering::Acquire)
    }

    /// Waits until the switch is triggered.
    pub async fn wait(&self) {
        while !self.is_triggered() {
            let listener = self.listen();
            if self.is_triggered() {
                return;
            }
            listener.await;
        }
    }

    /// Returns a listener for the trigger. The caller must check [`is_triggered`](Shutdown::is_triggered) again
    /// before it awaits the listener.
    pub(crate) fn listen(&self) -> EventListener {
        self.shared.event.listen()
    }
}
