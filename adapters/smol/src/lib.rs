//! [`gemini_ws`] on smol: sockets, TLS and timers.
//!
//! ```no_run
//! use gemini_ws_smol::gemini_ws::{Config, Connection, Event, PRODUCTION};
//! use gemini_ws_smol::{Smol, client};
//!
//! let mut connection = Connection::new(Config::new(PRODUCTION), 1);
//! for stream in ["btcusd@depth@100ms", "btcusd@trade"] {
//!     connection.subscribe(gemini_ws_smol::gemini_ws::Instant::ZERO, stream.parse().unwrap()).unwrap();
//! }
//! let (handle, driver) = client(connection);
//! let smol = Smol::new();
//! let closed = smol::block_on(driver.run(&smol, |_, _, event| {
//!     if let Event::Trade(trade) = event {
//!         println!("{} {} @ {}", trade.symbol, trade.quantity, trade.price);
//!         handle.shutdown();
//!     }
//! }));
//! println!("{}", closed.reason);
//! ```

#![forbid(unsafe_code)]

mod transport;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_rustls::rustls;
pub use gemini_ws_driver::{
    self as driver, Closed, DialRequest, Driver, Events, Handle, RequestError, Runtime, SharedSigner,
    Shutdown, Timer, Turn, async_tungstenite, client, gemini_ws,
};
pub use transport::Transport;

use async_tungstenite::WebSocketStream;
use gemini_ws::{Clock, ConnectFailure};

/// The runtime of [`Driver::run`] on smol.
#[derive(Clone, Debug)]
pub struct Smol {
    clock: Clock,
    tls: Arc<rustls::ClientConfig>,
}

impl Smol {
    /// With TLS by `ring` and the roots that browsers trust.
    pub fn new() -> Smol {
        Smol::with_tls(transport::default_tls())
    }

    /// With a TLS configuration of your own, for other roots or another cryptographic provider.
    pub fn with_tls(tls: Arc<rustls::ClientConfig>) -> Smol {
        Smol { clock: Clock::new(), tls }
    }
}

impl Default for Smol {
    fn default() -> Smol {
        Smol::new()
    }
}

impl Runtime for Smol {
    type Io = Transport;
    type Timer = SmolTimer;

    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn timer(&self) -> SmolTimer {
        SmolTimer(smol::Timer::never())
    }

    async fn dial(&self, request: DialRequest) -> Result<WebSocketStream<Transport>, ConnectFailure> {
        let transport = transport::connect(request.url(), &self.tls).await?;
        request.upgrade(transport).await
    }
}

/// A timer of smol, kept and set again.
#[derive(Debug)]
pub struct SmolTimer(smol::Timer);

impl Timer for SmolTimer {
    fn set(&mut self, at: std::time::Instant) {
        self.0.set_at(at);
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(context).map(|_| ())
    }
}
