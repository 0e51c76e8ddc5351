//! [`Patience`]: time limits for the parts of a dial.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::runtime::Timer;

/// A timer of the runtime that limits parts of a dial. [`Config::connect_timeout`] limits the whole dial, and one
/// part must not use up all of that time.
///
/// [`Config::connect_timeout`]: gemini_ws::Config::connect_timeout
pub(crate) struct Patience {
    timer: Box<dyn Timer + Send + Unpin>,
}

impl Patience {
    pub(crate) fn new(timer: impl Timer + Send + Unpin + 'static) -> Patience {
        Patience { timer: Box::new(timer) }
    }

    /// Waits for a future for at most `longest`; `None` if the future is not done by then.
    pub(crate) async fn within<T>(
        &mut self,
        longest: Duration,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        self.timer.set(self.timer.now() + longest);
        let mut future = pin!(future);
        poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => self.timer.poll(context).map(|()| None),
        })
        .await
    }
}

impl fmt::Debug for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patience").finish_non_exhaustive()
    }
}
