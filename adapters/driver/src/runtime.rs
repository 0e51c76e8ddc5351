//! [`Runtime`] and [`Timer`]: what the driver needs of a runtime.

use std::future::Future;
use std::task::{Context, Poll};

use async_tungstenite::WebSocketStream;
use futures_lite::{AsyncRead, AsyncWrite};
use gemini_ws::{ConnectFailure, Instant, UnixTime};

use crate::dial::DialRequest;
use crate::paced::Paced;

/// The part of an asynchronous runtime that a driver needs: dialling and a timer. A driver spawns no tasks; the
/// application spawns the driver.
///
/// A driver owns its runtime and clones it for each dial, so clones should be cheap. A reference to a runtime is a
/// runtime too.
pub trait Runtime: Clone + Send {
    /// The byte stream of a link, including TLS.
    type Io: AsyncRead + AsyncWrite + Unpin + Send;
    /// A timer that can be set again and again.
    type Timer: Timer + Unpin + Send + 'static;

    /// Returns a timer that is not set. All timers of a runtime have the same clock.
    fn timer(&self) -> Self::Timer;

    /// Connects to [`url`](DialRequest::url), adds TLS if the URL is `wss://`, and calls
    /// [`upgrade`](DialRequest::upgrade).
    ///
    /// If the future is dropped early, it must leave no connection and no task behind.
    fn dial(
        &self,
        request: DialRequest,
    ) -> impl Future<Output = Result<WebSocketStream<Paced<Self::Io>>, ConnectFailure>> + Send;
}

impl<R: Runtime + Sync> Runtime for &R {
    type Io = R::Io;
    type Timer = R::Timer;

    fn timer(&self) -> R::Timer {
        (**self).timer()
    }

    fn dial(
        &self,
        request: DialRequest,
    ) -> impl Future<Output = Result<WebSocketStream<Paced<R::Io>>, ConnectFailure>> + Send {
        (**self).dial(request)
    }
}

/// A timer that can be set again and again, and the clock that it follows.
pub trait Timer {
    /// Returns the current instant. In tests, a clock may advance as soon as no task has anything to do.
    fn now(&self) -> Instant;

    /// Returns the time of day, which advances while the machine sleeps. On some systems, the clock of
    /// [`now`](Timer::now) does not advance meanwhile, so the driver notices a sleep by the difference.
    fn time_of_day(&self) -> UnixTime {
        UnixTime::now()
    }

    /// Sets the timer to fire at `at`, instead of at the instant set before.
    fn set(&mut self, at: Instant);

    /// Returns `Ready` at the first poll at or after the instant that was set. Before that, returns `Pending`, and
    /// wakes the task at the instant. Later polls may return `Ready` or `Pending` until the timer is set again.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()>;
}
