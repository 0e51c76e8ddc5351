//! [`gemini_ws`] on tokio: sockets, TLS and timers.
//!
//! ```no_run
//! use gemini_ws_tokio::gemini_ws::{Client, Config, Event, Instant, PRODUCTION};
//! use gemini_ws_tokio::{Tokio, client};
//!
//! # async fn watch() {
//! let mut gemini = Client::single(Config::new(PRODUCTION));
//! for stream in ["btcusd@depth@100ms", "btcusd@trade"] {
//!     gemini.subscribe(Instant::ZERO, stream.parse().unwrap()).unwrap();
//! }
//! let (handle, driver) = client(gemini);
//! let tokio = Tokio::new();
//! let on_event = |_: &mut _, _, event: &Event<'_>| {
//!     if let Event::Trade(trade, _) = event {
//!         println!("{} {} @ {}", trade.symbol, trade.quantity, trade.price);
//!         handle.shutdown();
//!     }
//! };
//! println!("{}", driver.run(&tokio, on_event).await.reason);
//! # }
//! ```

#![forbid(unsafe_code)]

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

pub use gemini_ws_driver::{
    self as driver, Closed, DialRequest, Driver, Events, Handle, Paced, RequestError, Runtime, SharedSigner,
    Shutdown, Timer, Turn, async_tungstenite, client, gemini_ws,
};
pub use gemini_ws_transport::{self as transport, Dialer, Proxies, Stream, tls};

use async_tungstenite::WebSocketStream;
use gemini_ws::{Clock, ConnectFailure, Instant};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep, sleep_until};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

/// The runtime of [`Driver::run`] on tokio. Needs its drivers of time and of I/O.
#[derive(Clone, Debug, Default)]
pub struct Tokio {
    clock: Clock,
    dialer: Dialer,
}

impl Tokio {
    /// With the roots that browsers trust, and the proxies that the environment names.
    pub fn new() -> Tokio {
        Tokio::default()
    }

    /// The clock of the driver, for commands to a client before it runs.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// With other roots, or other proxies.
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

/// A timer of tokio, kept and set again.
#[derive(Debug)]
pub struct TokioTimer {
    clock: Clock,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timer for TokioTimer {
    fn now(&self) -> Instant {
        self.clock.now()
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
