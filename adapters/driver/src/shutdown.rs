//! [`Shutdown`]: the wish for an end, made once and never missed.

use event_listener::{Event, EventListener};

use crate::sync::{Arc, AtomicBool, Ordering};

/// A switch for the end of a program that any task can flip and any task can wait for. Once triggered it stays so:
/// whoever waits later returns at once.
///
/// A driver has one of its own, which [`Handle::close`](crate::Handle::close) triggers. An application uses another
/// one where tasks of its own are to end with the same signal.
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
    /// Not triggered.
    pub fn new() -> Shutdown {
        Shutdown::default()
    }

    /// Triggers it. Returns whether this was the first time.
    pub fn trigger(&self) -> bool {
        let first = !self.shared.triggered.swap(true, Ordering::AcqRel);
        if first {
            self.shared.event.notify(usize::MAX);
        }
        first
    }

    /// Whether it was triggered.
    pub fn is_triggered(&self) -> bool {
        self.shared.triggered.load(Ordering::Acquire)
    }

    /// Waits until it is triggered.
    pub async fn wait(&self) {
        while !self.is_triggered() {
            let listener = self.listen();
            if self.is_triggered() {
                return;
            }
            listener.await;
        }
    }

    /// A listener for the next trigger; look at [`is_triggered`](Shutdown::is_triggered) once more
    /// before waiting on it.
    pub(crate) fn listen(&self) -> EventListener {
        self.shared.event.listen()
    }
}
