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

mod handshake;
mod link;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use async_io::{Async, Timer};
use gemini_ws::{Clock, Instant};

use crate::exchange::Exchange;
use crate::session::Output;
use crate::value::id::SessionId;
use link::{Link, Progress};

/// The most connections at a time; more wait to be accepted.
pub const CONNECTIONS_MAX: usize = 256;

/// The most bytes that wait for a client that does not read; more cut it.
pub const WAITING_BYTES_MAX: usize = 16 << 20;

/// Connections that are accepted before other work has its turn.
const ACCEPTED_PER_TURN: usize = 16;
/// Outputs that are handed out before other work has its turn.
const OUTPUTS_PER_TURN: usize = 4_096;
/// The status of a server that goes away (RFC 6455 section 7.4.1).
const GOING_AWAY: u16 = 1001;
/// How long accepting rests after it failed, for example for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// An [`Exchange`] that clients of any kind can connect to.
///
/// It speaks plain `ws://`; the [exchange](Exchange::handle_upgrade) decides which paths there are, and a
/// refusal is answered with its status and body. Dropping it closes everything.
#[derive(Debug)]
pub struct Server {
    /// `None` when it closes.
    listener: Option<Async<TcpListener>>,
    address: SocketAddr,
    exchange: Exchange,
    clock: Clock,
    timer: Timer,
    links: BTreeMap<SessionId, Link>,
    last_session: u64,
    accept_after: Instant,
    counters: Arc<Counters>,
}

/// What a [`Server`] has done so far; readable while it runs.
#[derive(Debug, Default)]
pub struct Counters {
    accepted: AtomicU64,
    refused: AtomicU64,
    slow: AtomicU64,
}

impl Counters {
    /// Clients whose upgrade succeeded.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Sockets that were dropped because they were not upgraded: refused by the exchange, asking
    /// wrongly or too late.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Clients that were cut because they did not read ([`WAITING_BYTES_MAX`]).
    pub fn slow(&self) -> u64 {
        self.slow.load(Ordering::Relaxed)
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
    /// What waits for a client is sent before. Dropping the future drops the server.
    pub fn close(mut self, limit: Duration) -> impl Future<Output = ()> + Send {
        self.listener = None;
        self.links.retain(|_, link| link.is_open());
        for session in self.links.keys() {
            self.exchange.faults().close(*session, GOING_AWAY, "going away");
        }
        let mut limit = Timer::after(limit);
        poll_fn(move |context| {
            // Not to be waited for if nobody is there.
            let is_late = Pin::new(&mut limit).poll(context).is_ready();
            let Poll::Pending = self.poll_turn(context);
            if self.links.is_empty() || is_late { Poll::Ready(()) } else { Poll::Pending }
        })
    }

    /// One turn, of bounded work; wakes itself if there is more to do.
    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<Infallible> {
        let now = self.clock.now();
        let was_full = self.links.len() >= CONNECTIONS_MAX;
        let mut has_more = self.accept(context, now);
        if self.exchange.deadline().is_some_and(|deadline| deadline <= now) {
            self.exchange.handle_timeout(now);
        }
        has_more |= self.read(context, now);
        has_more |= self.hand_out(now);
        self.write(context, now);
        // Nobody was accepted while there was no room.
        has_more |= was_full && self.links.len() < CONNECTIONS_MAX;
        has_more |= self.arm(context);
        if has_more {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Accepts sockets; true if there may be more of them.
    fn accept(&mut self, context: &mut Context<'_>, now: Instant) -> bool {
        let Some(listener) = &self.listener else { return false };
        for _ in 0..ACCEPTED_PER_TURN {
            if self.links.len() >= CONNECTIONS_MAX || now < self.accept_after {
                return false;
            }
            match listener.get_ref().accept() {
                Ok((socket, _)) => {
                    // One that is gone already is no reason to stop.
                    let Ok(socket) = Async::new(socket) else { continue };
                    self.last_session += 1;
                    self.links.insert(SessionId(self.last_session), Link::new(socket, now));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    match listener.poll_readable(context) {
                        Poll::Pending => return false,
                        Poll::Ready(_) => continue,
                    }
                }
                Err(_) => self.accept_after = now + ACCEPT_PAUSE,
            }
        }
        true
    }

    /// Takes what clients sent; true if there may be more.
    fn read(&mut self, context: &mut Context<'_>, now: Instant) -> bool {
        let mut has_more = false;
        let (exchange, counters) = (&mut self.exchange, &self.counters);
        self.links.retain(|session, link| match link.poll_read(context, now, *session, exchange) {
            Progress::Waits => true,
            Progress::Opened => {
                counters.accepted.fetch_add(1, Ordering::Relaxed);
                has_more = true;
                true
            }
            Progress::HasMore => {
                has_more = true;
                true
            }
            Progress::NotOpened => {
                counters.refused.fetch_add(1, Ordering::Relaxed);
                false
            }
            Progress::Ended => {
                exchange.handle_lost(*session, now);
                false
            }
        });
        has_more
    }

    /// Gives the exchange's outputs to the links; true if there may be more.
    fn hand_out(&mut self, now: Instant) -> bool {
        for _ in 0..OUTPUTS_PER_TURN {
            let Some(output) = self.exchange.poll_output() else { return false };
            let session = output.session();
            if matches!(output, Output::Abort { .. }) {
                self.links.remove(&session);
                continue;
            }
            let Some(link) = self.links.get_mut(&session) else { continue };
            link.push(output, now);
            if link.waiting_bytes() > WAITING_BYTES_MAX {
                self.counters.slow.fetch_add(1, Ordering::Relaxed);
                self.links.remove(&session);
                self.exchange.handle_lost(session, now);
            }
        }
        true
    }

    fn write(&mut self, context: &mut Context<'_>, now: Instant) {
        let exchange = &mut self.exchange;
        self.links.retain(|session, link| {
            let keeps = link.poll_write(context);
            if !keeps {
                exchange.handle_lost(*session, now);
            }
            keeps
        });
    }

    /// Sets the timer to the next deadline; true if that has come.
    fn arm(&mut self, context: &mut Context<'_>) -> bool {
        let links = self.links.values().filter_map(Link::deadline);
        let accept = Some(self.accept_after).filter(|after| *after > self.clock.now());
        match self.exchange.deadline().into_iter().chain(links).chain(accept).min() {
            None => false,
            Some(deadline) => {
                self.timer.set_at(self.clock.to_std(deadline));
                Pin::new(&mut self.timer).poll(context).is_ready()
            }
        }
    }
}
