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
/// A driver clones its runtime for each dial, so clones should be cheap. A reference to a runtime is a runtime too.
pub trait Runtime: Clone + Send {
    /// The byte stream of a link, including TLS.
    type Io: AsyncRead + AsyncWrite + Unpin + Send;
    /// A timer that can be set again and again.
    type Timer: Timer + Unpin + Send + 'static;

    /// Returns a timer that is not set. All timers of a runtime must follow the same clock.
    fn timer(&self) -> Self::Timer;

    /// Connects to [`url`](DialRequest::url), adds TLS if the URL is `wss://`, and calls
    /// [`upgrade`](DialRequest::upgrade). [`io_failure`](crate::io_failure) translates errors of the transport.
    ///
    /// The driver drops the future if the dial takes longer than
    /// [`Config::connect_timeout`](gemini_ws::Config::connect_timeout), or if the client no longer needs the link.
    /// The future must then leave no connection and no task behind.
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
    /// Returns the current instant of the clock. The clock must be monotonic.
    fn now(&self) -> Instant;

    /// Returns the time of day. The driver compares it with [`now`](Timer::now) to notice that the machine has slept.
    fn time_of_day(&self) -> UnixTime {
        UnixTime::now()
    }

    /// Sets the timer to fire at `at`, instead of at the instant set before.
    fn set(&mut self, at: Instant);

    /// Returns `Ready` at the first poll at or after the instant that was set. An earlier poll returns `Pending`, and
    /// the timer wakes the task at that instant. After `Ready`, polls may return either value until the timer is set
    /// again.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()>;
}
