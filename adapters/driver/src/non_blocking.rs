//! [`NonBlocking`]: a WebSocket for a loop over readiness.

use std::fmt;
use std::io::{self, Read, Write};

use async_tungstenite::tungstenite::client::{IntoClientRequest, client_with_config};
use async_tungstenite::tungstenite::error::ProtocolError;
use async_tungstenite::tungstenite::handshake::client::{ClientHandshake, Request};
use async_tungstenite::tungstenite::handshake::{HandshakeError, MidHandshake};
use async_tungstenite::tungstenite::protocol::CloseFrame;
use async_tungstenite::tungstenite::{Error, Message, WebSocket};
use gemini_ws::{ConnectFailure, Lost};

use crate::glue::{close_code_of, connect_failure_of, lost_of};
use crate::socket::websocket_config;

/// A WebSocket over a stream that does not block, for a loop that is told which streams are ready.
///
/// It has three lives: the stream connects, the upgrade is under way, the WebSocket is open.
/// [`upgrade`](NonBlocking::upgrade) leads to the last; call it whenever the stream is ready. Then
/// [`read`](NonBlocking::read) until there is nothing, and [`flush`](NonBlocking::flush) when the stream takes bytes
/// again. What cannot be written yet waits in order, up to
/// [`WRITE_BUFFER_BYTES_MAX`](crate::WRITE_BUFFER_BYTES_MAX). The limits are those of
/// [`websocket_config`](crate::websocket_config).
///
/// TLS goes between the stream and this type, for example a `rustls::StreamOwned`.
///
/// Needs the feature `handshake`.
///
/// ```
/// use std::io::{self, ErrorKind, Read, Write};
///
/// use gemini_ws::{ConnectFailure, Lost};
/// use gemini_ws_driver::NonBlocking;
///
/// /// A stream that is not connected yet, and then refused.
/// struct Stream(Option<ErrorKind>);
/// # impl Stream {
/// #     fn error(&self) -> io::Error { self.0.unwrap_or(ErrorKind::WouldBlock).into() }
/// # }
/// impl Read for Stream {
/// #    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> { Err(self.error()) }
///     // …
/// }
/// impl Write for Stream {
/// #    fn write(&mut self, _: &[u8]) -> io::Result<usize> { Err(self.error()) }
/// #    fn flush(&mut self) -> io::Result<()> { Err(self.error()) }
///     // …
/// }
///
/// let mut socket = NonBlocking::new("ws://localhost/", Stream(None))?;
/// assert_eq!(socket.upgrade(), None, "not yet");
/// socket.get_mut().unwrap().0 = Some(ErrorKind::ConnectionRefused);
/// assert_eq!(socket.upgrade(), Some(Err(ConnectFailure::Refused)));
/// assert_eq!(socket.read(), Err(Lost::End), "nothing comes after it");
/// # Ok::<(), ConnectFailure>(())
/// ```
pub struct NonBlocking<S: Read + Write> {
    life: Life<S>,
    wants_write: bool,
}

#[allow(clippy::large_enum_variant, reason = "nearly all of them are open")]
enum Life<S: Read + Write> {
    Connecting(Request, S),
    Upgrading(MidHandshake<ClientHandshake<S>>),
    Open(WebSocket<S>),
    Ended(Lost),
}

impl<S: Read + Write> NonBlocking<S> {
    /// Takes a stream that is connecting, or connected. Nothing is written yet. `request` is an address, or a request
    /// of `tungstenite` with the headers that [sign](gemini_ws::Signer::headers) it.
    ///
    /// # Errors
    ///
    /// [`ConnectFailure::InvalidUrl`].
    pub fn new(request: impl IntoClientRequest, stream: S) -> Result<NonBlocking<S>, ConnectFailure> {
        let request = request.into_client_request().map_err(|error| connect_failure_of(&error))?;
        Ok(NonBlocking { life: Life::Connecting(request, stream), wants_write: true })
    }

    /// Goes on with the upgrade. `None` if the stream is not ready for more; otherwise the result for
    /// [`Client::handle_dial`](gemini_ws::Client::handle_dial), once. Frames may have come with the answer, so
    /// [`read`](NonBlocking::read) without waiting for the stream to be ready again.
    pub fn upgrade(&mut self) -> Option<Result<(), ConnectFailure>> {
        let result = match std::mem::replace(&mut self.life, Life::Ended(Lost::End)) {
            Life::Connecting(request, stream) => {
                client_with_config(request, stream, Some(websocket_config()))
            }
            Life::Upgrading(upgrade) => upgrade.handshake(),
            other => {
                self.life = other;
                return None;
            }
        };
        match result {
            Ok((socket, _)) => {
                (self.life, self.wants_write) = (Life::Open(socket), false);
                Some(Ok(()))
            }
            Err(HandshakeError::Interrupted(upgrade)) => {
                self.life = Life::Upgrading(upgrade);
                None
            }
            Err(HandshakeError::Failure(error)) => Some(Err(connect_failure_of(&error))),
        }
    }

    /// Reads the next message; `None` if the stream has nothing more now, or the upgrade is not over. Pings and Close
    /// frames are answered.
    ///
    /// # Errors
    ///
    /// How the link ended. A peer that broke the protocol is sent a Close frame with the reason, if the stream
    /// takes it.
    pub fn read(&mut self) -> Result<Option<Message>, Lost> {
        let socket = match &mut self.life {
            Life::Connecting(..) | Life::Upgrading(_) => return Ok(None),
            Life::Open(socket) => socket,
            Life::Ended(reason) => return Err(*reason),
        };
        let message = match socket.read() {
            Ok(message) => Some(message),
            Err(error) if is_not_yet(&error) => None,
            Err(error) => return Err(self.end(&error)),
        };
        // The answer to a ping may be under way. How that ends is for the next read: the message came before.
        let flushed = self.flush();
        if message.is_none() {
            flushed?;
        }
        Ok(message)
    }

    /// Sends a text. What the stream does not take now waits for [`flush`](NonBlocking::flush).
    ///
    /// # Errors
    ///
    /// How the link ended; [`Lost::Transport`] if too much waits.
    pub fn send(&mut self, text: String) -> Result<(), Lost> {
        self.write(Message::text(text))
    }

    /// Sends a Close frame behind what waits. Read on until the stream ends.
    ///
    /// # Errors
    ///
    /// How the link ended.
    pub fn close(&mut self, code: u16, reason: &str) -> Result<(), Lost> {
        self.write(Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() })))
    }

    /// Writes what waits, as far as the stream takes it.
    ///
    /// # Errors
    ///
    /// How the link ended.
    pub fn flush(&mut self) -> Result<(), Lost> {
        let Life::Open(socket) = &mut self.life else { return Ok(()) };
        let flushed = socket.flush();
        self.note_written(flushed)
    }

    /// Whether something waits for the stream to be writable.
    pub const fn wants_write(&self) -> bool {
        self.wants_write
    }

    /// Whether the upgrade is over, and the link has not ended.
    pub const fn is_open(&self) -> bool {
        matches!(self.life, Life::Open(_))
    }

    /// Returns the stream; `None` after the end.
    pub fn get_mut(&mut self) -> Option<&mut S> {
        match &mut self.life {
            Life::Connecting(_, stream) => Some(stream),
            Life::Upgrading(upgrade) => Some(upgrade.get_mut().get_mut()),
            Life::Open(socket) => Some(socket.get_mut()),
            Life::Ended(_) => None,
        }
    }

    fn write(&mut self, message: Message) -> Result<(), Lost> {
        let Life::Open(socket) = &mut self.life else { return Ok(()) };
        let written = socket.send(message);
        self.note_written(written)
    }

    fn note_written(&mut self, written: Result<(), Error>) -> Result<(), Lost> {
        match written {
            Ok(()) => self.wants_write = false,
            Err(error) if is_not_yet(&error) => self.wants_write = true,
            // The peer's Close came first: reading tells how it ends.
            Err(Error::ConnectionClosed | Error::Protocol(ProtocolError::SendAfterClosing)) => {}
            Err(error) => return Err(self.end(&error)),
        }
        Ok(())
    }

    /// The link has ended. A breach is answered as far as one can without waiting.
    fn end(&mut self, error: &Error) -> Lost {
        let reason = lost_of(error);
        let ended = std::mem::replace(&mut self.life, Life::Ended(reason));
        if let (Life::Open(mut socket), Some(code)) = (ended, close_code_of(error)) {
            let frame = CloseFrame { code: code.into(), reason: "".into() };
            let _ = socket.close(Some(frame)).and_then(|()| socket.flush());
        }
        reason
    }
}

impl<S: Read + Write> fmt::Debug for NonBlocking<S> {
    /// Without the request, which may be signed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let life = match self.life {
            Life::Connecting(..) => "connecting",
            Life::Upgrading(_) => "upgrading",
            Life::Open(_) => "open",
            Life::Ended(_) => "ended",
        };
        f.debug_struct("NonBlocking").field("life", &life).field("wants_write", &self.wants_write).finish()
    }
}

fn is_not_yet(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::WouldBlock)
}
