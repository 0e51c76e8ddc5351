//! [`Server`]: the exchange behind a WebSocket on the loopback interface; feature `server`.
//!
//! One task owns the exchange and all sockets. Nothing is spawned: whoever has the server runs it,
//! on any executor. [`Server::close`] ends it in good order.
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
mod handshake;
#[cfg(test)]
mod hostile;
pub mod limits;
mod link;
mod paced;
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
use gemini_ws::{Clock, Instant};

use crate::exchange::Exchange;
use crate::value::id::SessionId;
use link::Link;
use tcp::Tcp;

/// The status of a server that goes away (RFC 6455 section 7.4.1).
const GOING_AWAY: u16 = 1001;

/// An [`Exchange`] that clients of any kind can connect to.
///
/// It speaks plain `ws://`; the [exchange](Exchange::handle_upgrade) decides which paths there are, and a
/// refusal is answered with its status and body. Dropping the server closes everything.
///
/// Over HTTP it answers [`GET /v1/symbols`](Exchange::symbols), which clients ask for when they start, and
/// [`POST`](Exchange::handle_rest) to `/v1/order/status`, `/v1/orders` and `/v1/balances`. `POST /simulator/faults`
/// takes [faults](Exchange::plan_faults), one in each line of the body; the answer says how many were planned, or has
/// the status 400, the line and the reason. A body needs a `Content-Length` of at most [`limits::BODY_BYTES_MAX`]. Each
/// answer ends its connection.
///
/// No client can stop the others: each turn does a bounded amount of work for each of them, and [`limits`] bounds
/// what is kept for each and for all.
#[derive(Debug)]
pub struct Server {
    /// `None` when it closes.
    listener: Option<Async<TcpListener>>,
    address: SocketAddr,
    exchange: Exchange,
    clock: Clock,
    timer: Timer,
    links: BTreeMap<SessionId, Link<Tcp>>,
    last_session: u64,
    /// With whom reading and writing begin in the next turn.
    next_read: SessionId,
    next_written: SessionId,
    accept_after: Instant,
    counters: Arc<Counters>,
}

/// What a [`Server`] has done so far; readable while it runs.
#[derive(Debug, Default)]
pub struct Counters {
    accepted: AtomicU64,
    refused: AtomicU64,
    slow: AtomicU64,
    waiting: AtomicU64,
}

impl Counters {
    /// Clients whose upgrade succeeded.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Sockets that were not upgraded: refused by the exchange, asking wrongly or too late, or turned away for want
    /// of places.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Clients that were cut because too much waited for them ([`limits::WAITING_BYTES_MAX`],
    /// [`limits::WAITING_BYTES_TOTAL_MAX`]).
    pub fn slow(&self) -> u64 {
        self.slow.load(Ordering::Relaxed)
    }

    /// Bytes that wait for all clients together, as of the last turn ([`limits::WAITING_BYTES_TOTAL_MAX`]).
    pub fn waiting_bytes(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl Server {
    /// Listens on a loopback address; port 0 takes any free one.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] if the address is not of the loopback interface: there is no
    /// protection against strangers. Otherwise what the operating system says.
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
            clock: Clock::new(),
            timer: Timer::never(),
            links: BTreeMap::new(),
            last_session: 0,
            next_read: SessionId(0),
            next_written: SessionId(0),
            accept_after: Instant::ZERO,
            counters: Arc::default(),
        })
    }

    /// The address that it listens on.
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The exchange, to look at its books or to plan [`Faults`](crate::Faults), before it runs or
    /// between two times.
    pub const fn exchange_mut(&mut self) -> &mut Exchange {
        &mut self.exchange
    }

    /// The counters, which can be kept while the server runs elsewhere.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Serves as long as it is polled. Dropping the future keeps the connections, and another call
    /// goes on with them; dropping the server closes them.
    pub fn run(&mut self) -> impl Future<Output = Infallible> + Send + '_ {
        poll_fn(|context| self.poll_turn(context))
    }

    /// Stops in good order: accepts nobody any more, sends every client a Close frame with the code 1001
    /// ("going away"), and ends when all have answered, after `limit` at the latest.
    ///
    /// What waits for a client is sent before. Dropping the future drops the server. It returns the exchange, whose
    /// sessions have ended.
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
        self.links.retain(|_, link| link.is_open());
        for session in self.links.keys() {
            self.exchange.faults().close(*session, GOING_AWAY, "going away");
        }
        let mut limit = Timer::after(limit);
        async move {
            poll_fn(|context| {
                // Not to be waited for if nobody is there.
                let is_late = Pin::new(&mut limit).poll(context).is_ready();
                let Poll::Pending = self.poll_turn(context);
                if self.links.is_empty() || is_late { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            self.exchange
        }
    }
}
