//! The seam between the driver and a runtime.

use std::future::Future;
use std::task::{Context, Poll};

use async_tungstenite::WebSocketStream;
use futures_lite::{AsyncRead, AsyncWrite};
use gemini_ws::{ConnectFailure, Instant, UnixTime};

use crate::dial::DialRequest;
use crate::paced::Paced;

/// What the driver needs of a runtime. It spawns nothing: the application does that. A driver owns its runtime, so that
/// it can be spawned, and clones it for each dial: make clones cheap. A reference to a runtime is one too.
pub trait Runtime: Clone + Send {
    /// A byte stream, TLS included.
    type Io: AsyncRead + AsyncWrite + Unpin + Send;
    /// A timer that can be set again and again.
    type Timer: Timer + Unpin + Send + 'static;

    /// A timer that is not set. All of them have the same clock.
    fn timer(&self) -> Self::Timer;

    /// Connects to [`url`](DialRequest::url), secures, and then calls
    /// [`upgrade`](DialRequest::upgrade). Dropped before it is done, it must leave nothing behind.
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

/// A timer of a runtime and the clock that it goes by: made once, set many times.
pub trait Timer {
    /// The present instant. In a test it may pass as fast as nothing else is to be done.
    fn now(&self) -> Instant;

    /// The time of day: it goes on while the machine sleeps, which the driver notices by it.
    fn time_of_day(&self) -> UnixTime {
        UnixTime::now()
    }

    /// Fires at `at`, and not at the instant set before.
    fn set(&mut self, at: Instant);

    /// Ready at or after the instant that was set, again and again until it is set anew.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()>;
}
