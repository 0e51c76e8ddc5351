//! [`Server`]: serves the exchange over WebSocket on the loopback interface; feature `server`.
//!
//! One task owns the exchange and all sockets. The server spawns nothing: the caller polls [`Server::run`] on any
//! executor. [`Server::close`] closes all sessions and stops the server.
//!
//! ```
//! use futures_lite::future;
//! use gemini_ws_simulator::{Config, Exchange, server::Server};
//!
//! let exchange = Exchange::new(Config::market(["btcusd".parse().unwrap()]), 7);
//! let mut server = Server::bind(([127, 0, 0, 1], 0).into(), exchange).unwrap();
//! let url = format!("ws://{}/?snapshot=-1", server.local_addr());
//! let client = async { println!("connect to {url}") };
//! // The server runs until the client is done, and ends with `server`.
//! future::block_on(future::or(client, async { match server.run().await {} }));
//! ```

mod answer;
mod clock;
mod handshake;
#[cfg(test)]
mod hostile;
pub mod limits;
mod link;
mod paced;
mod request;
mod tcp;
mod turn;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use async_io::{Async, Timer};
use gemini_ws::Instant;

use crate::exchange::Exchange;
use crate::value::id::SessionId;
use clock::ServerClock;
use link::Link;
use tcp::Tcp;

/// The code with which the server closes sessions when it stops (RFC 6455 section 7.4.1).
const GOING_AWAY: u16 = 1001;

/// A server that makes an [`Exchange`] available to clients in any language.
///
/// The server speaks plain `ws://`. The exchange [decides](Exchange::handle_upgrade) which paths there are, and the
/// server sends the refusals of the exchange with status and body. Dropping the server closes all connections.
///
/// Over HTTP the server answers [`GET /v1/symbols`](Exchange::symbols), which clients request at their start, and
/// [`POST`](Exchange::handle_rest) to `/v1/order/status`, `/v1/orders` and `/v1/balances`. `POST /simulator/faults`
/// takes [faults](Exchange::plan_faults), one in each line of the body. The answer contains the number of planned
/// faults, or the status 400 with the wrong line and the reason. A body needs a `Content-Length` of at most
/// [`limits::BODY_BYTES_MAX`]. Each answer ends its connection.
///
/// The venue's time advances with the time of this machine, also while the machine sleeps.
///
/// No client can stop the others: each turn of the server does a bounded amount of work for each client, and
/// [`limits`] bounds the memory for each client and for all of them.
#[derive(Debug)]
pub struct Server {
    /// `None` while the server closes.
    listener: Option<Async<TcpListener>>,
    address: SocketAddr,
    exchange: Exchange,
    clock: ServerClock,
    timer: Timer,
    links: BTreeMap<SessionId, Link<Tcp>>,
    last_session: u64,
    /// The session from which the server reads first in the next turn.
    next_read: SessionId,
    next_written: SessionId,
    accept_after: Instant,
    /// Whether the last `accept` failed although no client waited, because no file descriptor is free. If `accept`
    /// fails again when a client waits, the server closes sockets to free descriptors.
    awaits_room: bool,
    counters: Arc<Counters>,
}

/// The counters of a [`Server`], which can be read while it runs.
#[derive(Debug, Default)]
pub struct Counters {
    accepted: AtomicU64,
    refused: AtomicU64,
    slow: AtomicU64,
    waiting: AtomicU64,
}

impl Counters {
    /// Returns how many clients were upgraded.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Returns how many sockets ended without an upgrade and without a successful answer: the request was refused,
    /// wrong or late, the client disconnected first, or there were too many clients.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Returns how many clients the server cut because of [`limits::WAITING_BYTES_MAX`] or
    /// [`limits::WAITING_BYTES_TOTAL_MAX`].
    pub fn slow(&self) -> u64 {
        self.slow.load(Ordering::Relaxed)
    }

    /// Returns how many bytes the server kept for all clients together when it last compared this number with
    /// [`limits::WAITING_BYTES_TOTAL_MAX`], as it does in each turn.
    pub fn waiting_bytes(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl Server {
    /// Listens on a loopback address. With port 0, the operating system chooses a free port.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] if the address is not of the loopback interface, because the server has no
    /// protection against clients from outside. Otherwise the error of the operating system.
    pub fn bind(address: SocketAddr, exchange: Exchange) -> io::Result<Server> {
        if !address.ip().is_loopback() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a loopback address"));
        }
        let listener = Async::<TcpListener>::bind(address)?;
        let address = listener.get_ref().local_addr()?;
        Ok(Server {
            listener: Some(listener),
            address,
            exchange,
            clock: ServerClock::new(),
            timer: Timer::never(),
            links: BTreeMap::new(),
            last_session: 0,
            next_read: SessionId(0),
            next_written: SessionId(0),
            accept_after: Instant::ZERO,
            awaits_room: false,
            counters: Arc::default(),
        })
    }

    /// Returns the address on which the server listens.
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Returns the exchange, for example to read its books or to plan [`Faults`](crate::Faults). You can call this
    /// before [`Server::run`], and again after the future of `run` was dropped.
    pub const fn exchange_mut(&mut self) -> &mut Exchange {
        &mut self.exchange
    }

    /// Returns the counters. The caller can keep them while another task runs the server.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Serves clients as long as the future is polled. Dropping the future keeps the connections, and another call
    /// continues with these connections. Dropping the server closes the connections.
    pub fn run(&mut self) -> impl Future<Output = Infallible> + Send + '_ {
        poll_fn(|context| self.poll_turn(context))
    }

    /// Stops the server: sends a Close frame with the code 1001 ("going away") to every upgraded client, and waits
    /// until all have answered, but no longer than `limit`, and at most 5 s for each client. Returns the exchange, in
    /// which the sessions of these clients have ended.
    ///
    /// A client that gets no Close frame, because of [`Faults::silence`](crate::Faults::silence), is cut at once.
    ///
    /// Outputs that wait for a client are sent before its Close frame. Dropping the future drops the server.
    ///
    /// ```
    /// use std::time::Duration;
    /// use futures_lite::future;
    /// use gemini_ws_simulator::{Config, Exchange, server::Server};
    ///
    /// let exchange = Exchange::new(Config::market(["btcusd".parse().unwrap()]), 7);
    /// let server = Server::bind(([127, 0, 0, 1], 0).into(), exchange).unwrap();
    /// let exchange = future::block_on(server.close(Duration::from_secs(1)));
    /// assert_eq!(exchange.session_count(), 0);
    /// ```
    pub fn close(mut self, limit: Duration) -> impl Future<Output = Exchange> + Send {
        self.listener = None;
        let now = self.clock.now();
        let exchange = &mut self.exchange;
        self.links.retain(|session, link| {
            let is_open = link.is_open();
            // A client may have a session before its upgrade is complete.
            if !is_open {
                exchange.handle_lost(*session, now);
            }
            is_open
        });
        for session in self.links.keys() {
            self.exchange.faults().close(*session, GOING_AWAY, "going away");
        }
        while self.hand_out(now) {
            self.relieve(now);
        }
        // The clients that get no Close frame would not answer.
        self.links.retain(|session, link| link.is_closing() && !self.exchange.is_silenced(*session));
        let mut limit = Timer::after(limit);
        async move {
            poll_fn(|context| {
                // Poll the timer in each turn, so that it wakes this task.
                let is_late = Pin::new(&mut limit).poll(context).is_ready();
                let Poll::Pending = self.poll_turn(context);
                if self.links.is_empty() || is_late { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            self.exchange
        }
    }
}
