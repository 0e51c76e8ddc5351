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

/// A WebSocket over a non-blocking stream, for a loop that waits until streams are ready.
///
/// While the stream connects and the upgrade is under way, call [`upgrade`](NonBlocking::upgrade) whenever the
/// stream is ready. When `upgrade` has returned `Some(Ok(()))`, the WebSocket is open. Call
/// [`read`](NonBlocking::read) until `read` returns `Ok(None)`: at once, because frames may have arrived with the
/// upgrade, and again whenever the stream is readable. When the stream is writable, call
/// [`flush`](NonBlocking::flush). Up to [`WRITE_BUFFER_BYTES_MAX`](crate::WRITE_BUFFER_BYTES_MAX) bytes wait until
/// the stream takes them. [`websocket_config`](crate::websocket_config) sets the limits for messages.
///
/// For TLS, put for example a `rustls::StreamOwned` between the stream and this type.
///
/// Needs the feature `handshake`.
///
/// ```
/// use std::io::{self, ErrorKind, Read, Write};
///
/// use gemini_ws::{ConnectFailure, Lost};
/// use gemini_ws_driver::NonBlocking;
///
/// /// A stream that is still connecting, and is refused later.
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
    /// Whether the open stream has not taken all of the data.
    has_unsent: bool,
}

#[allow(clippy::large_enum_variant, reason = "nearly all of them are open")]
enum Life<S: Read + Write> {
    Connecting(Request, S),
    Upgrading(MidHandshake<ClientHandshake<S>>),
    Open(WebSocket<S>),
    Ended(Lost),
}

impl<S: Read + Write> NonBlocking<S> {
    /// Takes a stream that is connecting or connected. Writes nothing yet. `request` is a URL, or a request of
    /// `tungstenite` with the headers of a [signer](gemini_ws::Signer::headers).
    ///
    /// # Errors
    ///
    /// [`ConnectFailure::InvalidUrl`] if `request` is not a valid request.
    pub fn new(request: impl IntoClientRequest, stream: S) -> Result<NonBlocking<S>, ConnectFailure> {
        let request = request.into_client_request().map_err(|error| connect_failure_of(&error))?;
        Ok(NonBlocking { life: Life::Connecting(request, stream), has_unsent: false })
    }

    /// Continues the upgrade. Returns `None` while the upgrade is under way. When the upgrade ends, returns the
    /// result once: pass it to [`Client::handle_dial`](gemini_ws::Client::handle_dial). Later calls return `None`.
    /// An answer that arrives in very many small pieces is a failure, which protects against slow peers.
    /// Frames may have arrived with the answer, so call [`read`](NonBlocking::read) before you wait for the stream
    /// again.
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
                self.life = Life::Open(socket);
                Some(Ok(()))
            }
            Err(HandshakeError::Interrupted(upgrade)) => {
                self.life = Life::Upgrading(upgrade);
                None
            }
            Err(HandshakeError::Failure(error)) => Some(Err(connect_failure_of(&error))),
        }
    }

    /// Reads the next message. Returns `Ok(None)` if the stream has nothing more now, or if the upgrade is under way.
    /// Answers pings and Close frames.
    ///
    /// # Errors
    ///
    /// [`Lost`], the reason why the link ended. After a breach of the protocol, the peer gets a Close frame with
    /// the code for the breach, if the stream takes the frame at once.
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
        // Writes the answer to a ping. If that fails, the next read reports it: this message came before.
        let flushed = self.flush();
        if message.is_none() {
            flushed?;
        }
        Ok(message)
    }

    /// Sends a text. The next [`read`](NonBlocking::read) or [`flush`](NonBlocking::flush) writes what the stream
    /// does not take now. If the WebSocket is not [open](NonBlocking::is_open), `send` drops the text and returns
    /// `Ok`.
    ///
    /// # Errors
    ///
    /// [`Lost`], the reason why the link ended; [`Lost::Transport`] if more bytes than
    /// [`WRITE_BUFFER_BYTES_MAX`](crate::WRITE_BUFFER_BYTES_MAX) would wait.
    pub fn send(&mut self, text: String) -> Result<(), Lost> {
        self.write(Message::text(text))
    }

    /// Sends a Close frame after the data that waits. Continue to read until the stream ends. If the WebSocket is not
    /// [open](NonBlocking::is_open), `close` sends nothing and returns `Ok`.
    ///
    /// # Errors
    ///
    /// [`Lost`], the reason why the link ended.
    pub fn close(&mut self, code: u16, reason: &str) -> Result<(), Lost> {
        self.write(Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() })))
    }

    /// Writes as much of the waiting data as the stream takes.
    ///
    /// # Errors
    ///
    /// [`Lost`], the reason why the link ended.
    pub fn flush(&mut self) -> Result<(), Lost> {
        let Life::Open(socket) = &mut self.life else { return Ok(()) };
        let flushed = socket.flush();
        self.note_written(flushed)
    }

    /// Returns whether to wait until the stream is writable: until the upgrade has succeeded, and later while data
    /// waits. Returns `false` after the end.
    pub const fn wants_write(&self) -> bool {
        match self.life {
            Life::Connecting(..) | Life::Upgrading(_) => true,
            Life::Open(_) => self.has_unsent,
            Life::Ended(_) => false,
        }
    }

    /// Returns whether the WebSocket is open: upgraded, and not ended.
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
            Ok(()) => self.has_unsent = false,
            Err(error) if is_not_yet(&error) => self.has_unsent = true,
            // The peer's Close frame came first: the next read returns it.
            Err(Error::ConnectionClosed | Error::Protocol(ProtocolError::SendAfterClosing)) => {}
            Err(error) => return Err(self.end(&error)),
        }
        Ok(())
    }

    /// Ends the link. Answers a breach with a Close frame, without waiting for the stream.
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
    /// Formats the phase, without the request, which may be signed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let life = match self.life {
            Life::Connecting(..) => "connecting",
            Life::Upgrading(_) => "upgrading",
            Life::Open(_) => "open",
            Life::Ended(_) => "ended",
        };
        f.debug_struct("NonBlocking").field("life", &life).field("wants_write", &self.wants_write()).finish()
    }
}

fn is_not_yet(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::WouldBlock)
}
