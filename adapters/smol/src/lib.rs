//! [`gemini_ws`] on smol: sockets, TLS and timers.
//!
//! ```no_run
//! use gemini_ws_smol::connect;
//! use gemini_ws_smol::gemini_ws::{Config, OrderBook};
//!
//! # async fn books() -> Result<(), Box<dyn std::error::Error>> {
//! let (client, driver) = connect(Config::production());
//! smol::spawn(driver).detach();
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
//! use gemini_ws_smol::gemini_ws::{Config, Credentials, NewOrder, Side, Signer};
//! use gemini_ws_smol::{Done, connect};
//!
//! # async fn buy() -> Result<(), Box<dyn std::error::Error>> {
//! let signer = Signer::new(Credentials::hmac("key", "secret")?);
//! let (client, driver) = connect(Config::production().cancel_on_disconnect(true));
//! smol::spawn(driver.sign_with(signer)).detach();
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
use smol::net::TcpStream;

/// Returns a handle, and the future that drives a client of one endpoint. Spawn the future.
///
/// For other certificate authorities or proxies, use [`driver::connect`] with [`Smol::with_dialer`]. For a client
/// with several endpoints, use [`client`] and [`Driver::run`].
pub fn connect(config: Config) -> (Handle, Connected<Smol>) {
    driver::connect(Smol::new(), config)
}

/// The [`Runtime`] of smol.
#[derive(Clone, Debug, Default)]
pub struct Smol {
    clock: Clock,
    dialer: Dialer,
}

impl Smol {
    /// Creates a runtime with the dialer of [`Dialer::new`]: it trusts the certificate authorities of browsers, and
    /// uses the proxies of the environment.
    pub fn new() -> Smol {
        Smol::default()
    }

    /// Returns the clock of this runtime's drivers. Pass its time to methods of a client that you call before the
    /// driver runs.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Creates a runtime that dials with `dialer`.
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

/// The [`Timer`] of a [`Smol`].
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

/// Compiles the programs of the README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
