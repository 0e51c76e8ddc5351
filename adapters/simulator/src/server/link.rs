//! [`Link`]: one client's socket, from the upgrade to the end.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::net::TcpStream;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use async_io::Async;
use async_tungstenite::tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use async_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use async_tungstenite::tungstenite::{Bytes, Message};
use async_tungstenite::{WebSocketStream, accept_hdr_async_with_config};
use futures_core::Stream;
use futures_sink::Sink;
use gemini_ws::{Frame, Instant};

use crate::exchange::{Exchange, NO_STATUS};
use crate::requests::REQUEST_BYTES_MAX;
use crate::session::{Output, SessionId};

/// How long a client may take for the upgrade.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take to answer a Close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Frames that are read from one client before others have their turn.
const FRAMES_PER_TURN: usize = 32;

type Socket = WebSocketStream<Async<TcpStream>>;
type Upgrade = Pin<Box<dyn Future<Output = Option<(Socket, String)>> + Send>>;

pub(super) struct Link {
    state: State,
    /// When the upgrade or the closing has taken too long.
    deadline: Option<Instant>,
    waiting: VecDeque<Message>,
    waiting_bytes: usize,
}

enum State {
    Upgrading(Upgrade),
    Open(Box<Socket>),
    /// The exchange is done with it; what waits is written, then the client may close.
    Closing(Box<Socket>),
}

/// How far reading came.
pub(super) enum Progress {
    /// Nothing more at present.
    Waits,
    /// The upgrade succeeded; the exchange knows the session.
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
            State::Upgrading(_) => "Upgrading",
            State::Open(_) => "Open",
            State::Closing(_) => "Closing",
        };
        f.debug_struct("Link").field("state", &state).field("waiting_bytes", &self.waiting_bytes).finish()
    }
}

impl Link {
    pub(super) fn new(socket: Async<TcpStream>, now: Instant) -> Link {
        Link {
            state: State::Upgrading(Box::pin(upgrade(socket))),
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

    /// Queues an output; nothing follows a Close frame.
    pub(super) fn push(&mut self, output: Output, now: Instant) {
        let message = match output {
            Output::Send { text, .. } => Message::text(text),
            Output::Ping { .. } => Message::Ping(Bytes::new()),
            Output::Close { code, reason, .. } => {
                self.deadline = Some(now + CLOSE_TIMEOUT);
                // An empty state in between is never seen.
                let state = std::mem::replace(&mut self.state, State::Upgrading(Box::pin(async { None })));
                self.state = match state {
                    State::Open(socket) => State::Closing(socket),
                    other => other,
                };
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
        let (socket, is_open) = match &mut self.state {
            State::Upgrading(upgrade) => {
                return match upgrade.as_mut().poll(context) {
                    Poll::Ready(Some((socket, query))) => {
                        self.state = State::Open(Box::new(socket));
                        self.deadline = None;
                        exchange.handle_connected(session, now, &query);
                        Progress::Opened
                    }
                    Poll::Pending if !is_late => Progress::Waits,
                    _ => Progress::NotOpened,
                };
            }
            State::Open(socket) => (socket, true),
            State::Closing(socket) => (socket, false),
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
            if !is_open {
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

    /// Writes what the socket takes; false if it is of no use any more.
    pub(super) fn poll_write(&mut self, context: &mut Context<'_>) -> bool {
        let (State::Open(socket) | State::Closing(socket)) = &mut self.state else { return true };
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

/// Answers the upgrade, and returns the query of its URL.
async fn upgrade(socket: Async<TcpStream>) -> Option<(Socket, String)> {
    // Small frames leave at once, as on the venue.
    socket.get_ref().set_nodelay(true).ok()?;
    let query = Arc::new(Mutex::new(String::new()));
    // Twice what the exchange reads, so that it is the exchange that refuses.
    let limit = Some(2 * REQUEST_BYTES_MAX);
    let config = WebSocketConfig::default().max_message_size(limit).max_frame_size(limit);
    let callback = KeepQuery(Arc::clone(&query));
    let socket = accept_hdr_async_with_config(socket, callback, Some(config)).await.ok()?;
    let query = std::mem::take(&mut *query.lock().unwrap_or_else(PoisonError::into_inner));
    Some((socket, query))
}

struct KeepQuery(Arc<Mutex<String>>);

impl Callback for KeepQuery {
    fn on_request(self, request: &Request, response: Response) -> Result<Response, ErrorResponse> {
        let query = request.uri().query().unwrap_or_default();
        query.clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(response)
    }
}
