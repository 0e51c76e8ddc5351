//! [`gemini_ws`] on smol: sockets, TLS and timers.
//!
//! ```no_run
//! use gemini_ws_smol::gemini_ws::{Client, Config, Event, PRODUCTION};
//! use gemini_ws_smol::{Smol, client};
//!
//! let mut gemini = Client::single(Config::new(PRODUCTION));
//! for stream in ["btcusd@depth@100ms", "btcusd@trade"] {
//!     gemini.subscribe(gemini_ws_smol::gemini_ws::Instant::ZERO, stream.parse().unwrap()).unwrap();
//! }
//! let (handle, driver) = client(gemini);
//! let smol = Smol::new();
//! let closed = smol::block_on(driver.run(&smol, |_, _, event| {
//!     if let Event::Trade(trade, _) = event {
//!         println!("{} {} @ {}", trade.symbol, trade.quantity, trade.price);
//!         handle.shutdown();
//!     }
//! }));
//! println!("{}", closed.reason);
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
use smol::net::TcpStream;

/// The runtime of [`Driver::run`] on smol.
#[derive(Clone, Debug, Default)]
pub struct Smol {
    clock: Clock,
    dialer: Dialer,
}

impl Smol {
    /// With the roots that browsers trust, and the proxies that the environment names.
    pub fn new() -> Smol {
        Smol::default()
    }

    /// The clock of the driver, for commands to a client before it runs.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// With other roots, or other proxies.
    pub fn with_dialer(dialer: Dialer) -> Smol {
        Smol { clock: Clock::new(), dialer }
    }
}

impl Runtime for Smol {
    type Io = Stream<TcpStream>;
    type Timer = SmolTimer;

    fn timer(&self) -> SmolTimer {
        SmolTimer { clock: self.clock, timer: smol::Timer::never() }
    }

    async fn dial(&self, request: DialRequest) -> Result<WebSocketStream<Paced<Self::Io>>, ConnectFailure> {
        let connect = async |host: String, port| {
            let addresses = transport::look_up(&host, port).await?;
            let pause = async |longest| {
                smol::Timer::after(longest).await;
            };
            let stream = transport::first_of(addresses, TcpStream::connect::<SocketAddr>, pause).await?;
            transport::set_options(&stream);
            Ok(stream)
        };
        self.dialer.dial(request, connect).await
    }
}

/// A timer of smol, kept and set again.
#[derive(Debug)]
pub struct SmolTimer {
    clock: Clock,
    timer: smol::Timer,
}

impl Timer for SmolTimer {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn set(&mut self, at: Instant) {
        let at = self.clock.to_std(at);
        self.timer.set_at(at);
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.timer).poll(context).map(|_| ())
    }
}
