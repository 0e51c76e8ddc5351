//! [`gemini_ws`] on tokio: sockets, TLS and timers.
//!
//! ```no_run
//! use gemini_ws_tokio::connect;
//! use gemini_ws_tokio::gemini_ws::{Config, OrderBook};
//!
//! # async fn books() -> Result<(), Box<dyn std::error::Error>> {
//! let (client, driver) = connect(Config::production());
//! tokio::spawn(driver);
//! let mut books = client.books(["btcusd", "ethusd", "solusd"]).await?;
//! while let Some(symbol) = books.changed().await {
//!     if let Some((bid, ask)) = books.live(symbol).and_then(OrderBook::best) {
//!         println!("{symbol} {} {}", bid.price, ask.price);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! This program places an order and waits for the end of the order:
//!
//! ```no_run
//! use gemini_ws_tokio::gemini_ws::{Config, Credentials, NewOrder, Side, Signer};
//! use gemini_ws_tokio::{Done, connect};
//!
//! # async fn buy() -> Result<(), Box<dyn std::error::Error>> {
//! let signer = Signer::new(Credentials::hmac("key", "secret")?);
//! let (client, driver) = connect(Config::production().cancel_on_disconnect(true));
//! tokio::spawn(driver.sign_with(signer));
//! client.live().await?;
//! let order = NewOrder::limit("my-1", "btcusd", Side::Buy, "0.01", "20000")?;
//! let mut ticket = client.place(order).await?;
//! match ticket.done().await {
//!     Done::Filled(order) => println!("{} at {:?}", order.executed(), order.average_price(2)),
//!     Done::Canceled(order) | Done::Rejected(order) => println!("{:?}", order.reason),
//!     Done::Unknown(order) => println!("ask the venue about {:?}", order.client_order_id),
//! }
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

pub use gemini_ws_driver::{
    self as driver, BookReader, BookView, BooksError, Closed, Connected, DialRequest, Done, Driver, Ended,
    EndedBy, Events, Handle, Keeper, NoBook, Paced, PlaceError, ReconcileError, Reconciliation, Reply,
    RequestError, Runtime, SharedSigner, Shutdown, Ticket, Timer, TryNextError, Turn, Unresolved, Wake,
    async_tungstenite, client, gemini_ws,
};
pub use gemini_ws_transport::{self as transport, Dialer, Proxies, Stream, tls};

use async_tungstenite::WebSocketStream;
use gemini_ws::{Clock, Config, ConnectFailure, Instant};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep, sleep_until};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

/// Returns a handle, and the future that drives a client of one endpoint. Spawn the future.
///
/// For other certificate authorities or proxies, use [`driver::connect`] with [`Tokio::with_dialer`]. For a client
/// with several endpoints, use [`client`] and [`Driver::run`].
pub fn connect(config: Config) -> (Handle, Connected<Tokio>) {
    driver::connect(Tokio::new(), config)
}

/// The [`Runtime`] of tokio. The tokio runtime on which the driver runs must have I/O and time enabled, for example
/// with `enable_all` of its builder.
#[derive(Clone, Debug, Default)]
pub struct Tokio {
    clock: Clock,
    dialer: Dialer,
}

impl Tokio {
    /// Creates a runtime with the dialer of [`Dialer::new`]: it trusts the certificate authorities of browsers, and
    /// uses the proxies of the environment.
    pub fn new() -> Tokio {
        Tokio::default()
    }

    /// Returns the clock of this runtime's drivers. Pass its time to methods of a client that you call before the
    /// driver runs.
    ///
    /// In a test that pauses tokio's clock, pass the time that [`Handle::with`] lends instead.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Creates a runtime that dials with `dialer`.
    pub fn with_dialer(dialer: Dialer) -> Tokio {
        Tokio { clock: Clock::new(), dialer }
    }
}

impl Runtime for Tokio {
    type Io = Stream<Compat<TcpStream>>;
    type Timer = TokioTimer;

    fn timer(&self) -> TokioTimer {
        TokioTimer { clock: self.clock, sleep: None }
    }

    async fn dial(&self, request: DialRequest) -> Result<WebSocketStream<Paced<Self::Io>>, ConnectFailure> {
        let connect = async |host: String, port| {
            let addresses = transport::look_up(&host, port).await?;
            let stream = transport::first_of(addresses, TcpStream::connect::<SocketAddr>, sleep).await?;
            transport::set_options(&stream);
            Ok(stream.compat())
        };
        self.dialer.dial(request, connect).await
    }
}

/// The [`Timer`] of a [`Tokio`]. It follows the clock of tokio.
#[derive(Debug)]
pub struct TokioTimer {
    clock: Clock,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timer for TokioTimer {
    fn now(&self) -> Instant {
        self.clock.from_std(tokio::time::Instant::now().into_std())
    }

    fn set(&mut self, at: Instant) {
        let at = self.clock.to_std(at);
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(at.into()),
            None => self.sleep = Some(Box::pin(sleep_until(at.into()))),
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.sleep.as_mut().map_or(Poll::Pending, |sleep| sleep.as_mut().poll(context))
    }
}

/// Compiles the programs of the README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// If a test pauses tokio's clock, a timer must follow that clock. Otherwise the driver would never sleep: each
    /// time that the timer fires, its deadline would still be in the future.
    #[tokio::test(start_paused = true)]
    async fn the_timer_and_its_clock_agree() {
        let mut timer = Tokio::new().timer();
        let begin = timer.now();
        for seconds in [1, 3_600] {
            let at = timer.now() + Duration::from_secs(seconds);
            timer.set(at);
            std::future::poll_fn(|context| timer.poll(context)).await;
            assert!(timer.now() >= at, "{seconds}");
        }
        assert!(timer.now().since(begin) >= Duration::from_secs(3_601));
    }
}
