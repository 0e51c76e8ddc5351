//! [`connect`]: a handle, and a future that drives a client of one endpoint.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use gemini_ws::{Client, Config, Instant};

use crate::delivery::{Channel, Events};
use crate::driver::{Closed, Driver, InvalidHeader, queue_of};
use crate::handle::{Handle, client};
use crate::keeper::ACCOUNT_STREAMS;
use crate::runtime::Runtime;
use crate::signer::SharedSigner;

/// Returns a handle, and the future that drives a client of one endpoint on a runtime. Spawn the future. The crates
/// `gemini-ws-smol` and `gemini-ws-tokio` have a `connect` that uses their own runtime.
///
/// ```
/// # use gemini_ws_driver::{Runtime, gemini_ws::Config};
/// # async fn books<R: Runtime + 'static>(runtime: R) -> Result<(), Box<dyn std::error::Error>> {
/// let (client, driver) = gemini_ws_driver::connect(runtime, Config::production());
/// // … spawn the driver …
/// # drop(driver);
/// let mut books = client.books(["btcusd", "ethusd"]).await?;
/// while let Some(symbol) = books.changed().await {
///     if let Some((bid, ask)) = books.live(symbol).and_then(|book| book.best()) {
///         assert!(bid.price < ask.price, "{symbol}");
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub fn connect<R: Runtime + 'static>(runtime: R, config: Config) -> (Handle, Connected<R>) {
    let (handle, driver) = client(Client::single(config.clone()));
    (handle, Connected(Stage::Ready(Box::new(Ready { config, runtime, driver, channel: None }))))
}

/// A future that drives a client on a runtime, and ends when the client has closed. Returned by [`connect`]. Call its
/// methods before you spawn the future; after the first poll, they have no effect.
#[must_use = "a driver does nothing unless it is spawned or awaited"]
pub struct Connected<R>(Stage<R>);

enum Stage<R> {
    Ready(Box<Ready<R>>),
    Running(Pin<Box<dyn Future<Output = Closed> + Send>>),
    Done,
}

struct Ready<R> {
    config: Config,
    runtime: R,
    driver: Driver,
    channel: Option<Channel>,
}

impl<R> Connected<R> {
    fn change(self, change: impl FnOnce(Ready<R>) -> Ready<R>) -> Connected<R> {
        match self.0 {
            Stage::Ready(ready) => Connected(Stage::Ready(Box::new(change(*ready)))),
            // The driver runs or has ended, so its settings can no longer change.
            stage => Connected(stage),
        }
    }

    /// Signs dials with this signer ([`Driver::sign_with`]), and marks the endpoint as
    /// [authenticated](Config::authenticated). If the endpoint has the streams `orders@account` and
    /// `balances@account`, the client also subscribes to both.
    pub fn sign_with(self, signer: impl Into<SharedSigner>) -> Connected<R> {
        let signer = signer.into();
        self.change(|ready| {
            let config = ready.config.authenticated(true);
            let mut client = Client::single(config.clone());
            for stream in ACCOUNT_STREAMS {
                // Order events v1 refuses these subscriptions. This is no failure, because its URL selects the data.
                let _ = client.subscribe(Instant::ZERO, stream);
            }
            let driver = ready.driver.with_client(client).sign_with(signer);
            Ready { config, driver, ..ready }
        })
    }

    /// Signs dials to `ws://` addresses of other machines too: [`Driver::sign_in_clear_text`].
    pub fn sign_in_clear_text(self) -> Connected<R> {
        self.change(|ready| Ready { driver: ready.driver.sign_in_clear_text(), ..ready })
    }

    /// Adds a header field to each upgrade: [`Driver::header`].
    ///
    /// # Errors
    ///
    /// [`InvalidHeader`], for the reasons that [`Driver::header`] lists.
    pub fn header(
        self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Connected<R>, InvalidHeader> {
        match self.0 {
            Stage::Ready(ready) => {
                let driver = ready.driver.header(name, value)?;
                Ok(Connected(Stage::Ready(Box::new(Ready { driver, ..*ready }))))
            }
            stage => Ok(Connected(stage)),
        }
    }

    /// Sets how long outgoing data may wait while the peer takes no bytes: [`Driver::write_timeout`].
    pub fn write_timeout(self, longest: Duration) -> Connected<R> {
        self.change(|ready| Ready { driver: ready.driver.write_timeout(longest), ..ready })
    }

    /// Sets how long a ticket waits while its order is in doubt, and how long the venue may owe an event about an
    /// order: [`Driver::doubt_timeout`].
    pub fn doubt_timeout(self, longest: Duration) -> Connected<R> {
        self.change(|ready| Ready { driver: ready.driver.doubt_timeout(longest), ..ready })
    }

    /// Also puts each event into a queue, like [`Driver::run_with_events`]. The application must take the events: the
    /// driver reads no frames while the queue is full, unless it shuts down or closes. If you call `events` again,
    /// the new queue replaces the earlier one, and the earlier [`Events`] end without an event.
    pub fn events(self, capacity: usize) -> (Events, Connected<R>) {
        let (events, channel) = Channel::new(queue_of(capacity));
        (events, self.change(|ready| Ready { channel: Some(channel), ..ready }))
    }
}

impl<R: Runtime + 'static> Future for Connected<R> {
    type Output = Closed;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Closed> {
        loop {
            match &mut self.0 {
                Stage::Running(running) => {
                    let closed = std::task::ready!(running.as_mut().poll(context));
                    self.0 = Stage::Done;
                    return Poll::Ready(closed);
                }
                stage => match mem::replace(stage, Stage::Done) {
                    Stage::Ready(ready) => self.0 = Stage::Running(ready.run()),
                    _ => return Poll::Pending,
                },
            }
        }
    }
}

impl<R: Runtime + 'static> Ready<R> {
    fn run(self) -> Pin<Box<dyn Future<Output = Closed> + Send>> {
        match self.channel {
            Some(channel) => Box::pin(self.driver.run_with(self.runtime, channel)),
            // Without a queue, nothing receives the events: the application reads the `Keeper`.
            None => Box::pin(self.driver.run(self.runtime, |_, _, _| {})),
        }
    }
}

impl<R> fmt::Debug for Connected<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Stage::Ready(ready) => f.debug_tuple("Connected").field(&ready.driver).finish(),
            Stage::Running(_) => f.write_str("Connected(running)"),
            Stage::Done => f.write_str("Connected(done)"),
        }
    }
}
