//! [`Link`]: the socket of one client, from the connection to its end.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_tungstenite::tungstenite::error::ProtocolError;
use async_tungstenite::tungstenite::handshake::server::Request;
use async_tungstenite::tungstenite::protocol::CloseFrame;
use async_tungstenite::tungstenite::{Bytes, Error, Message};
use futures_core::Stream;
use futures_io::{AsyncRead, AsyncWrite};
use futures_sink::Sink;
use gemini_ws::Instant;

use super::answer::{Acceptance, Response};
use super::handshake::{self, Answering, Asked, Asking, Socket};
use super::limits::{FRAME_HEADER_BYTES, MESSAGE_BYTES_MAX, UPGRADE_TIMEOUT};
use super::paced::Paced;
use crate::exchange::NO_STATUS;
use crate::session::Output;

/// How long a client may take to answer a Close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a client may take to read a response that does not upgrade it, and to close its side.
const END_TIMEOUT: Duration = Duration::from_secs(1);
const MESSAGE_OVERHEAD: usize = size_of::<Message>();

/// The beginning of a text frame. Its header announces 256 bytes of text.
const CUT_FRAME: &[u8] = b"\x81\x7E\x01\x00{\"e\":\"depthUpdate\",\"E\":";

/// Codes of Close frames for clients that break the protocol (RFC 6455 section 7.4.1).
const PROTOCOL_ERROR: u16 = 1002;
const INVALID_TEXT: u16 = 1007;
const TOO_BIG: u16 = 1009;

pub(super) struct Link<Io> {
    state: State<Io>,
    /// Whether a Close frame has been queued or sent, or a fault cuts a frame. Nothing more is queued then.
    is_closing: bool,
    is_muted: bool,
    /// The time at which the upgrade or the closing has taken too long. In [`State::Late`] and [`State::Held`], the
    /// time to send the response.
    deadline: Option<Instant>,
    waiting: VecDeque<Message>,
    waiting_bytes: usize,
    /// The number of bytes that the WebSocket layer has not written yet, including the pongs that this layer sends.
    unflushed_bytes: usize,
    /// The number of received bytes of an incomplete message.
    partial_bytes: usize,
    /// The part of [`CUT_FRAME`] that is to be written after everything else; `None` if no fault cuts a frame.
    cut_frame: Option<&'static [u8]>,
}

enum State<Io> {
    Asking(Asking<Io>),
    /// The server decides about the request. The bytes are those after the request.
    Deciding(Paced<Io>, Vec<u8>),
    /// The exchange has opened the session, and the response is being written. The bytes are those after the request.
    Accepting(Answering<Io>, Vec<u8>),
    /// The exchange has opened the session, and the response is held back until the deadline. If the client closes
    /// its side before the deadline, the link treats it as disconnected, as most HTTP servers do. The bytes are those
    /// after the request.
    Held(Answering<Io>, Vec<u8>),
    Refusing(Answering<Io>),
    /// The response, which does not upgrade the client, is held back until the deadline. The bytes are those after
    /// the request.
    Late(Answering<Io>, Vec<u8>),
    Open(Box<Socket<Io>>),
    /// The client broke the protocol, or a fault cuts a frame. The bytes of the client are no longer read as frames.
    Broken(Box<Socket<Io>>),
    /// A placeholder while the state changes, and the state of a link that cannot be used any more.
    Gone,
}

pub(super) enum Progress {
    Waits,
    /// The client sent a request with this body, and waits for [`Link::answer`].
    Asks(Box<Request>, Vec<u8>),
    Refused,
    Opened,
    Received(Message),
    /// Something arrived that needs no action. More may be ready to read.
    Ignored,
    /// The client broke the protocol. The link closes, and the session has ended.
    Broken,
    /// The transport ended or failed, or the time ran out, before the upgrade was complete.
    NotOpened,
    /// The link has ended: the conversation is complete, the transport ended or failed, or the client took too long.
    Ended,
}

impl<Io> fmt::Debug for Link<Io> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Asking(_) => "Asking",
            State::Deciding(..) => "Deciding",
            State::Accepting(..) => "Accepting",
            State::Held(..) => "Held",
            State::Refusing(_) => "Refusing",
            State::Late(..) => "Late",
            State::Open(_) if self.is_closing => "Closing",
            State::Open(_) => "Open",
            State::Broken(_) => "Broken",
            State::Gone => "Gone",
        };
        f.debug_struct("Link")
            .field("state", &state)
            .field("held_bytes", &self.held_bytes())
            .finish_non_exhaustive()
    }
}

impl<Io> Link<Io> {
    /// Returns the time at which the link has to act; `None` for a muted link, which acts only when it is muted no
    /// longer.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline.filter(|_| !self.is_muted)
    }

    /// Returns the number of bytes that wait for the client, plus the number of received bytes of an incomplete
    /// message.
    pub(super) const fn held_bytes(&self) -> usize {
        let response = match &self.state {
            State::Refusing(answering) | State::Late(answering, _) => answering.unwritten(),
            _ => 0,
        };
        let messages = self.waiting_bytes.saturating_add(self.unflushed_bytes);
        messages.saturating_add(self.partial_bytes).saturating_add(response)
    }

    pub(super) const fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_) | State::Broken(_))
    }

    pub(super) const fn is_closing(&self) -> bool {
        self.is_closing
    }

    pub(super) const fn is_undecided(&self) -> bool {
        matches!(self.state, State::Asking(_) | State::Deciding(..))
    }

    /// Returns whether it is possible that the exchange has a session of the client.
    pub(super) const fn may_have_session(&self) -> bool {
        !matches!(self.state, State::Asking(_) | State::Deciding(..) | State::Refusing(_) | State::Late(..))
    }

    /// Returns whether the client counts toward [`CONNECTIONS_MAX`](super::limits::CONNECTIONS_MAX).
    pub(super) const fn has_place(&self) -> bool {
        matches!(self.state, State::Accepting(..) | State::Held(..)) || self.is_open()
    }

    pub(super) fn push(&mut self, output: Output, now: Instant) {
        if self.is_closing {
            return;
        }
        let message = match output {
            Output::Send { text, .. } => Message::text(text),
            Output::Ping { .. } => Message::Ping(Bytes::new()),
            Output::Close { code, reason, .. } => return self.close(code, reason, now),
            Output::CutFrame { .. } => return self.cut_frame(now),
            Output::Abort { .. } => return,
        };
        self.queue(message);
    }

    fn begin_closing(&mut self, now: Instant) {
        self.is_closing = true;
        if self.is_open() {
            self.deadline = Some(now + CLOSE_TIMEOUT);
        }
    }

    fn close(&mut self, code: u16, reason: &'static str, now: Instant) {
        self.begin_closing(now);
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        self.queue(Message::Close(Some(frame).filter(|_| code != NO_STATUS)));
    }

    /// Begins to close the link: it will write [`CUT_FRAME`] after everything that waits, and then end.
    fn cut_frame(&mut self, now: Instant) {
        self.begin_closing(now);
        self.cut_frame = Some(CUT_FRAME);
        self.ignore_frames();
    }

    fn ignore_frames(&mut self) {
        self.state = match mem::replace(&mut self.state, State::Gone) {
            State::Open(socket) => State::Broken(socket),
            other => other,
        };
        self.partial_bytes = 0;
    }

    fn queue(&mut self, message: Message) {
        self.waiting_bytes = self.waiting_bytes.saturating_add(message.len() + MESSAGE_OVERHEAD);
        self.waiting.push_back(message);
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Link<Io> {
    pub(super) fn new(transport: Io, now: Instant) -> Link<Io> {
        Link {
            state: State::Asking(Asking::new(transport)),
            is_closing: false,
            is_muted: false,
            deadline: Some(now + UPGRADE_TIMEOUT),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            unflushed_bytes: 0,
            partial_bytes: 0,
            cut_frame: None,
        }
    }

    pub(super) fn refill(&mut self) {
        match &mut self.state {
            State::Asking(asking) => asking.transport().refill(),
            State::Deciding(transport, _) => transport.refill(),
            State::Accepting(answering, _)
            | State::Held(answering, _)
            | State::Refusing(answering)
            | State::Late(answering, _) => answering.transport().refill(),
            State::Open(socket) | State::Broken(socket) => socket.get_mut().refill(),
            State::Gone => {}
        }
    }

    /// Sets whether a fault stops an upgraded link from writing anything, including pongs and Close frames. The link
    /// still reads.
    pub(super) fn mute(&mut self, is_muted: bool) {
        if let State::Open(socket) | State::Broken(socket) = &mut self.state {
            self.is_muted = is_muted;
            socket.get_mut().mute(is_muted);
        }
    }

    pub(super) fn answer(&mut self, answer: Result<Acceptance, Response>, now: Instant) {
        let (transport, rest) = match mem::replace(&mut self.state, State::Gone) {
            State::Asking(asking) => (asking.into_transport(), Vec::new()),
            State::Deciding(transport, rest) => (transport, rest),
            // The request has been answered already.
            other => return self.state = other,
        };
        self.state = match answer {
            Ok(acceptance) => {
                let delay = acceptance.delay();
                let answering = Answering::new(transport, acceptance.into_head());
                if delay.is_zero() {
                    State::Accepting(answering, rest)
                } else {
                    self.deadline = Some(now + delay);
                    State::Held(answering, rest)
                }
            }
            Err(response) => {
                let answering = Answering::new(transport, response.to_bytes());
                if response.delay().is_zero() {
                    self.deadline = Some(now + END_TIMEOUT);
                    State::Refusing(answering)
                } else {
                    self.deadline = Some(now + response.delay());
                    State::Late(answering, rest)
                }
            }
        };
    }

    /// Sends a response to a client whose request is incomplete, and drops the bytes that the socket does not take at
    /// once. The link cannot be used afterwards.
    pub(super) fn dismiss(&mut self, response: &Response, context: &mut Context<'_>) {
        if let State::Asking(asking) = mem::replace(&mut self.state, State::Gone) {
            let mut answering = Answering::new(asking.into_transport(), response.to_bytes());
            let _ = answering.poll_end(context);
        }
    }

    pub(super) fn poll_read(&mut self, context: &mut Context<'_>, now: Instant) -> Progress {
        let is_late = self.deadline().is_some_and(|deadline| deadline <= now);
        match &mut self.state {
            State::Asking(_) if is_late => {
                self.dismiss(&Response::error(408, "RequestTimeout"), context);
                Progress::NotOpened
            }
            State::Deciding(..) | State::Accepting(..) if is_late => Progress::NotOpened,
            State::Late(..) if is_late => {
                if let State::Late(answering, _) = mem::replace(&mut self.state, State::Gone) {
                    self.deadline = Some(now + END_TIMEOUT);
                    self.state = State::Refusing(answering);
                }
                Progress::Ignored
            }
            State::Held(..) if is_late => {
                if let State::Held(answering, rest) = mem::replace(&mut self.state, State::Gone) {
                    self.deadline = Some(now + UPGRADE_TIMEOUT);
                    self.state = State::Accepting(answering, rest);
                }
                Progress::Ignored
            }
            State::Held(answering, rest) | State::Late(answering, rest) => {
                match handshake::poll_left(answering.transport(), rest, context) {
                    Poll::Pending => Progress::Waits,
                    Poll::Ready(()) if self.may_have_session() => Progress::NotOpened,
                    Poll::Ready(()) => Progress::Ended,
                }
            }
            _ if is_late => Progress::Ended,
            State::Asking(asking) => match asking.poll(context) {
                Poll::Pending => Progress::Waits,
                Poll::Ready(Asked::Nothing) => Progress::NotOpened,
                Poll::Ready(Asked::Nonsense(response)) => {
                    self.answer(Err(response), now);
                    Progress::Refused
                }
                Poll::Ready(Asked::Request { request, body, rest }) => {
                    if let State::Asking(asking) = mem::replace(&mut self.state, State::Gone) {
                        self.state = State::Deciding(asking.into_transport(), rest);
                    }
                    Progress::Asks(request, body)
                }
            },
            State::Deciding(..) => Progress::Waits,
            State::Accepting(answering, _) => match answering.poll_write(context) {
                Poll::Pending => Progress::Waits,
                Poll::Ready(false) => Progress::NotOpened,
                Poll::Ready(true) => self.open(context, now),
            },
            State::Refusing(answering) => match answering.poll_end(context) {
                Poll::Pending => Progress::Waits,
                Poll::Ready(()) => Progress::Ended,
            },
            State::Open(_) => self.poll_message(context, now),
            // The Close frame or the beginning of a frame is written first. Then the link ends.
            State::Broken(_) => Progress::Waits,
            State::Gone => Progress::Ended,
        }
    }

    fn open(&mut self, context: &mut Context<'_>, now: Instant) -> Progress {
        let State::Accepting(answering, rest) = mem::replace(&mut self.state, State::Gone) else {
            return Progress::NotOpened;
        };
        let Poll::Ready(socket) = handshake::poll_open(answering.into_transport(), rest, context) else {
            return Progress::NotOpened;
        };
        // If the exchange has ended the session meanwhile, the closing handshake begins now.
        self.deadline = self.is_closing.then(|| now + CLOSE_TIMEOUT);
        self.state = State::Open(Box::new(socket));
        if self.cut_frame.is_some() {
            self.ignore_frames();
        }
        Progress::Opened
    }

    fn poll_message(&mut self, context: &mut Context<'_>, now: Instant) -> Progress {
        let State::Open(socket) = &mut self.state else { return Progress::Ended };
        let polled = Pin::new(&mut **socket).poll_next(context);
        self.partial_bytes = self.partial_bytes.saturating_add(socket.get_mut().take_received());
        let progress = match polled {
            Poll::Pending => Progress::Waits,
            Poll::Ready(Some(Ok(message))) => {
                self.count(&message);
                if self.is_closing { Progress::Ignored } else { Progress::Received(message) }
            }
            Poll::Ready(Some(Err(error))) => match code_of(&error) {
                Some(code) => return self.break_off(code, now),
                None => Progress::Ended,
            },
            Poll::Ready(None) => Progress::Ended,
        };
        if self.partial_bytes > MESSAGE_BYTES_MAX { self.break_off(TOO_BIG, now) } else { progress }
    }

    /// Updates `partial_bytes` after a whole message: sets it to zero. After a ping or pong, which can arrive between
    /// fragments, subtracts only the bytes of that frame.
    fn count(&mut self, message: &Message) {
        match message {
            Message::Ping(bytes) | Message::Pong(bytes) => {
                self.partial_bytes = self.partial_bytes.saturating_sub(bytes.len() + FRAME_HEADER_BYTES);
                if matches!(message, Message::Ping(_)) {
                    // The WebSocket layer keeps the answer to a ping with the bytes that it has to write.
                    self.unflushed_bytes = self.unflushed_bytes.saturating_add(frame_bytes(bytes.len()));
                }
            }
            _ => self.partial_bytes = 0,
        }
    }

    /// Closes the link because the client broke the protocol. Drops the messages that wait, unless the link is
    /// closing already.
    fn break_off(&mut self, code: u16, now: Instant) -> Progress {
        self.ignore_frames();
        if !self.is_closing {
            self.waiting.clear();
            self.waiting_bytes = 0;
            self.close(code, "", now);
        }
        Progress::Broken
    }

    /// Writes as much as the socket takes. Returns false if the transport cannot be used any more.
    pub(super) fn poll_write(&mut self, context: &mut Context<'_>) -> bool {
        if self.is_muted {
            return true;
        }
        let is_of_use = self.poll_send(context);
        if let State::Open(socket) | State::Broken(socket) = &mut self.state {
            self.unflushed_bytes = self.unflushed_bytes.saturating_sub(socket.get_mut().take_sent());
        }
        match &mut self.state {
            State::Broken(socket) if is_of_use && self.waiting.is_empty() && self.unflushed_bytes == 0 => {
                while let Some(rest @ [_, ..]) = self.cut_frame {
                    match Pin::new(socket.get_mut()).poll_write(context, rest) {
                        Poll::Ready(Ok(count @ 1..)) => self.cut_frame = rest.get(count..),
                        Poll::Ready(_) => return false,
                        Poll::Pending => return true,
                    }
                }
                handshake::poll_end(socket.get_mut(), context).is_pending()
            }
            _ => is_of_use,
        }
    }

    fn poll_send(&mut self, context: &mut Context<'_>) -> bool {
        let (State::Open(socket) | State::Broken(socket)) = &mut self.state else { return true };
        let mut socket = Pin::new(&mut **socket);
        while !self.waiting.is_empty() {
            match socket.as_mut().poll_ready(context) {
                Poll::Pending => return true,
                Poll::Ready(Err(_)) => return false,
                Poll::Ready(Ok(())) => {}
            }
            let Some(message) = self.waiting.pop_front() else { break };
            self.waiting_bytes = self.waiting_bytes.saturating_sub(message.len() + MESSAGE_OVERHEAD);
            self.unflushed_bytes = self.unflushed_bytes.saturating_add(frame_bytes(message.len()));
            match socket.as_mut().start_send(message) {
                // After a Close frame of the client, the message is dropped. The next read shows how the link ends.
                Ok(()) | Err(Error::Protocol(ProtocolError::SendAfterClosing) | Error::ConnectionClosed) => {}
                Err(_) => return false,
            }
        }
        match socket.poll_flush(context) {
            Poll::Pending => true,
            Poll::Ready(Ok(())) => {
                self.unflushed_bytes = 0;
                true
            }
            Poll::Ready(Err(_)) => false,
        }
    }
}

const fn frame_bytes(payload: usize) -> usize {
    payload.saturating_add(match payload {
        ..=125 => 2,
        126..=0xFFFF => 4,
        _ => 10,
    })
}

/// Returns the code of the Close frame for a client that broke the protocol; `None` if its transport ended.
const fn code_of(error: &Error) -> Option<u16> {
    match error {
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) => Some(PROTOCOL_ERROR),
        Error::Utf8(_) => Some(INVALID_TEXT),
        Error::Capacity(_) => Some(TOO_BIG),
        _ => None,
    }
}
