//! One WebSocket, and what its errors mean.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::error::ProtocolError;
use async_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use async_tungstenite::tungstenite::{Error, Message};
use futures_lite::{AsyncRead, AsyncWrite, Stream};
use futures_sink::Sink;
use gemini_ws::{ConnectFailure, FRAME_BYTES_MAX, LinkId, Lost};

/// The most bytes that wait in a socket's write buffer; more, and the link is given up.
pub const WRITE_BUFFER_BYTES_MAX: usize = 256 << 10;

/// The limits of the core for the WebSocket layer below it.
pub fn websocket_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(FRAME_BYTES_MAX))
        .max_frame_size(Some(FRAME_BYTES_MAX))
        // Every message is flushed at the end of a turn.
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
}

/// A socket and what is to be written to it.
#[derive(Debug)]
pub(crate) struct Socket<Io> {
    pub(crate) link: LinkId,
    stream: WebSocketStream<Io>,
    outgoing: VecDeque<Message>,
    unflushed: bool,
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Socket<Io> {
    pub(crate) fn new(link: LinkId, stream: WebSocketStream<Io>) -> Socket<Io> {
        Socket { link, stream, outgoing: VecDeque::new(), unflushed: false }
    }

    pub(crate) fn send(&mut self, text: String) {
        self.outgoing.push_back(Message::text(text));
    }

    pub(crate) fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        self.outgoing.push_back(Message::Close(Some(frame)));
    }

    /// The next message; `Err` once, when the transport has ended.
    pub(crate) fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<Result<Message, Lost>> {
        match Pin::new(&mut self.stream).poll_next(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(message))) => Poll::Ready(Ok(message)),
            Poll::Ready(Some(Err(error))) => Poll::Ready(Err(lost(&error))),
            Poll::Ready(None) => Poll::Ready(Err(Lost::End)),
        }
    }

    /// Writes as much as the transport takes.
    pub(crate) fn poll_write(&mut self, context: &mut Context<'_>) -> Result<(), Lost> {
        let mut stream = Pin::new(&mut self.stream);
        while !self.outgoing.is_empty() {
            match stream.as_mut().poll_ready(context) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Err(error)) => return Err(lost(&error)),
                Poll::Ready(Ok(())) => {}
            }
            if let Some(message) = self.outgoing.pop_front() {
                self.unflushed = true;
                match stream.as_mut().start_send(message) {
                    // The peer's Close came first: reading will tell.
                    Ok(())
                    | Err(Error::Protocol(ProtocolError::SendAfterClosing) | Error::ConnectionClosed) => {}
                    Err(error) => return Err(lost(&error)),
                }
            }
        }
        if self.unflushed {
            match stream.poll_flush(context) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(error)) => return Err(lost(&error)),
            }
        }
        Ok(())
    }
}

fn lost(error: &Error) -> Lost {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => Lost::End,
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Lost::End,
        Error::Io(error) => match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
                Lost::Reset
            }
            io::ErrorKind::UnexpectedEof => Lost::End,
            _ => Lost::Transport,
        },
        Error::Protocol(_) | Error::Capacity(_) | Error::Utf8(_) | Error::AttackAttempt => Lost::Protocol,
        _ => Lost::Transport,
    }
}

/// What an error of the upgrade means.
pub fn connect_failure(error: &Error) -> ConnectFailure {
    match error {
        Error::Io(error) => io_failure(error),
        Error::Tls(_) => ConnectFailure::Tls,
        Error::Url(_) => ConnectFailure::InvalidUrl,
        Error::Http(response) => {
            let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
            let retry_after = header.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
            ConnectFailure::Status { status: response.status().as_u16(), retry_after }
        }
        Error::ConnectionClosed | Error::AlreadyClosed => ConnectFailure::Transport,
        Error::Protocol(ProtocolError::HandshakeIncomplete) => ConnectFailure::Transport,
        _ => ConnectFailure::Handshake,
    }
}

/// What an error of the transport means before the upgrade.
pub fn io_failure(error: &io::Error) -> ConnectFailure {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ConnectFailure::Refused,
        io::ErrorKind::TimedOut => ConnectFailure::TimedOut,
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::AddrNotAvailable => ConnectFailure::Unreachable,
        _ => ConnectFailure::Transport,
    }
}
