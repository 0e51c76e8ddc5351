//! [`Link`]: one client's socket, from the upgrade to the end.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::net::TcpStream;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_io::Async;
use async_tungstenite::tungstenite::protocol::CloseFrame;
use async_tungstenite::tungstenite::{Bytes, Message};
use futures_core::Stream;
use futures_sink::Sink;
use gemini_ws::{Frame, Instant};

use super::handshake::{self, Socket, Upgrade};
use crate::exchange::{Exchange, NO_STATUS};
use crate::session::Output;
use crate::value::id::SessionId;

/// How long a client may take for the upgrade.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take to answer a Close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Frames that are read from one client before others have their turn.
const FRAMES_PER_TURN: usize = 32;

/// What is done without the exchange.
type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

pub(super) struct Link {
    state: State,
    /// The exchange is done with it; what waits is written, then the client may close.
    is_closing: bool,
    /// When the upgrade or the closing has taken too long.
    deadline: Option<Instant>,
    waiting: VecDeque<Message>,
    waiting_bytes: usize,
}

enum State {
    /// The client has not said yet what it wants.
    Asking(Task<Option<Upgrade>>),
    /// The exchange knows the session; the client is told.
    Accepting(Task<Option<Socket>>),
    Refusing(Task<()>),
    Open(Box<Socket>),
}

/// How far reading came.
pub(super) enum Progress {
    /// Nothing more at present.
    Waits,
    /// The upgrade succeeded.
    Opened,
    /// There may be more.
    HasMore,
    /// The upgrade failed; the exchange never knew it.
    NotOpened,
    /// The transport is of no use any more.
    Ended,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Asking(_) => "Asking",
            State::Accepting(_) => "Accepting",
            State::Refusing(_) => "Refusing",
            State::Open(_) if self.is_closing => "Closing",
            State::Open(_) => "Open",
        };
        f.debug_struct("Link").field("state", &state).field("waiting_bytes", &self.waiting_bytes).finish()
    }
}

impl Link {
    pub(super) fn new(socket: Async<TcpStream>, now: Instant) -> Link {
        Link {
            state: State::Asking(Box::pin(handshake::read(socket))),
            is_closing: false,
            deadline: Some(now + UPGRADE_TIMEOUT),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
        }
    }

    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(super) const fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// Whether the client has been upgraded.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// Queues an output; nothing follows a Close frame.
    pub(super) fn push(&mut self, output: Output, now: Instant) {
        let message = match output {
            Output::Send { text, .. } => Message::text(text),
            Output::Ping { .. } => Message::Ping(Bytes::new()),
            Output::Close { code, reason, .. } => {
                self.deadline = Some(now + CLOSE_TIMEOUT);
                self.is_closing = true;
                let frame = CloseFrame { code: code.into(), reason: reason.into() };
                Message::Close(Some(frame).filter(|_| code != NO_STATUS))
            }
            Output::Abort { .. } => return,
        };
        self.waiting_bytes = self.waiting_bytes.saturating_add(message.len());
        self.waiting.push_back(message);
    }

    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        now: Instant,
        session: SessionId,
        exchange: &mut Exchange,
    ) -> Progress {
        let is_late = self.deadline.is_some_and(|deadline| deadline <= now);
        let socket = match &mut self.state {
            State::Open(socket) => socket,
            _ if is_late => {
                // What the exchange may know of it is over.
                exchange.handle_lost(session, now);
                return Progress::NotOpened;
            }
            _ => return self.poll_upgrade(context, now, session, exchange),
        };
        if is_late {
            return Progress::Ended;
        }
        for _ in 0..FRAMES_PER_TURN {
            let message = match Pin::new(&mut **socket).poll_next(context) {
                Poll::Pending => return Progress::Waits,
                Poll::Ready(Some(Ok(message))) => message,
                Poll::Ready(_) => return Progress::Ended,
            };
            if self.is_closing {
                continue;
            }
            let frame = match &message {
                Message::Text(text) => Frame::Text(text),
                Message::Binary(bytes) => Frame::Binary(bytes),
                Message::Ping(bytes) => Frame::Ping(bytes),
                Message::Pong(bytes) => Frame::Pong(bytes),
                Message::Close(None) => Frame::Close { code: None, reason: "" },
                Message::Close(Some(close)) => {
                    Frame::Close { code: Some(close.code.into()), reason: &close.reason }
                }
                Message::Frame(_) => continue,
            };
            exchange.handle_frame(session, now, frame);
        }
        Progress::HasMore
    }

    fn poll_upgrade(
        &mut self,
        context: &mut Context<'_>,
        now: Instant,
        session: SessionId,
        exchange: &mut Exchange,
    ) -> Progress {
        loop {
            self.state = match &mut self.state {
                State::Asking(task) => match task.as_mut().poll(context) {
                    Poll::Pending => return Progress::Waits,
                    Poll::Ready(None) => return Progress::NotOpened,
                    Poll::Ready(Some(upgrade)) => {
                        match upgrade.ask(|request| exchange.handle_upgrade(session, now, request)) {
                            Ok(()) => State::Accepting(Box::pin(handshake::accept(upgrade))),
                            Err(refusal) => State::Refusing(Box::pin(async {
                                // A client that is gone needs no answer.
                                let _ = handshake::refuse(upgrade, refusal).await;
                            })),
                        }
                    }
                },
                State::Accepting(task) => match task.as_mut().poll(context) {
                    Poll::Pending => return Progress::Waits,
                    Poll::Ready(None) => {
                        exchange.handle_lost(session, now);
                        return Progress::NotOpened;
                    }
                    Poll::Ready(Some(socket)) => {
                        // The exchange may have ended the session meanwhile.
                        self.deadline = self.deadline.filter(|_| self.is_closing);
                        self.state = State::Open(Box::new(socket));
                        return Progress::Opened;
                    }
                },
                State::Refusing(task) => match task.as_mut().poll(context) {
                    Poll::Pending => return Progress::Waits,
                    Poll::Ready(()) => return Progress::NotOpened,
                },
                State::Open(_) => return Progress::HasMore,
            }
        }
    }

    /// Writes what the socket takes; false if it is of no use any more.
    pub(super) fn poll_write(&mut self, context: &mut Context<'_>) -> bool {
        let State::Open(socket) = &mut self.state else { return true };
        let mut socket = Pin::new(&mut **socket);
        while !self.waiting.is_empty() {
            match socket.as_mut().poll_ready(context) {
                Poll::Pending => return true,
                Poll::Ready(Err(_)) => return false,
                Poll::Ready(Ok(())) => {}
            }
            let Some(message) = self.waiting.pop_front() else { break };
            self.waiting_bytes = self.waiting_bytes.saturating_sub(message.len());
            if socket.as_mut().start_send(message).is_err() {
                return false;
            }
        }
        !matches!(socket.poll_flush(context), Poll::Ready(Err(_)))
    }
}
