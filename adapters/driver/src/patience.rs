//! [`Patience`]: time limits for the parts of a dial.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::runtime::Timer;

/// Limits the time of parts of a dial, so that one part cannot use up [`Config::connect_timeout`], the limit of the
/// whole dial.
///
/// [`Config::connect_timeout`]: gemini_ws::Config::connect_timeout
pub(crate) struct Patience {
    timer: Box<dyn Timer + Send + Unpin>,
}

impl Patience {
    pub(crate) fn new(timer: impl Timer + Send + Unpin + 'static) -> Patience {
        Patience { timer: Box::new(timer) }
    }

    /// Waits for `future`, for at most `longest`. Returns `None` if `future` takes longer.
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
