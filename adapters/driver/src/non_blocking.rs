//! [`NonBlocking`]: a WebSocket over a non-blocking stream.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use async_tungstenite::tungstenite::client::IntoClientRequest;
use async_tungstenite::tungstenite::error::ProtocolError;
use async_tungstenite::tungstenite::handshake::client::generate_request;
use async_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use async_tungstenite::tungstenite::{Error, Message, WebSocket};
use gemini_ws::{ConnectFailure, Lost};
use zeroize::Zeroizing;

use crate::glue::{close_code_of, connect_failure_of, lost_of};
use crate::http::{Answer, Head, Unreadable};
use crate::paced::Paced;
use crate::socket::websocket_config;
use crate::upgrade::{BODY_WAIT, is_accepted, refusal, unreadable};

/// A WebSocket over a non-blocking stream, for a loop that waits until streams are ready.
///
/// Call [`upgrade`](NonBlocking::upgrade) whenever the stream is ready, until it returns `Some(Ok(()))`: then the
/// WebSocket is open. From then on, call [`read`](NonBlocking::read) until it returns `Ok(None)`. Do this at once,
/// because frames may have arrived with the upgrade, and again whenever the stream is readable or
/// [`has_more`](NonBlocking::has_more) returns `true`. When the stream is writable, call
/// [`flush`](NonBlocking::flush). Let a level-triggered poller watch the stream for writing only while
/// [`wants_write`](NonBlocking::wants_write) returns `true`. Up to
/// [`WRITE_BUFFER_BYTES_MAX`](crate::WRITE_BUFFER_BYTES_MAX) bytes wait until the stream takes them.
/// [`websocket_config`](crate::websocket_config) sets the limits for messages.
///
/// For TLS, `stream` can be a `rustls::StreamOwned`. A read of a `StreamOwned` fails if it cannot write the records
/// that wait to be written. So after a failed write, the last frames of the peer may be lost, for example its Close
/// frame.
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
    has_unsent: bool,
}

#[allow(clippy::large_enum_variant, reason = "nearly every socket is `Open`")]
enum Life<S: Read + Write> {
    Upgrading(Upgrade<S>),
    Open(WebSocket<Paced<S>>),
    Ended(Lost),
}

struct Upgrade<S> {
    stream: Paced<S>,
    /// Wiped when it is dropped, because the request may be signed.
    request: Zeroizing<Vec<u8>>,
    written: usize,
    is_flushed: bool,
    key: String,
    protocols: Vec<String>,
    head: Head,
    /// An answer that refuses the upgrade, and when to stop waiting for the rest of its body.
    refusal: Option<(Answer, Instant)>,
}

impl<S: Read + Write> NonBlocking<S> {
    /// Creates a WebSocket over a stream that is connecting or connected. Writes nothing yet. `request` is a URL, or
    /// a request of `tungstenite` with the headers of a [signer](gemini_ws::Signer::headers).
    ///
    /// # Errors
    ///
    /// [`ConnectFailure::InvalidUrl`] if `request` is not a valid request.
    pub fn new(request: impl IntoClientRequest, stream: S) -> Result<NonBlocking<S>, ConnectFailure> {
        let failure = |error| connect_failure_of(&error);
        let request = request.into_client_request().map_err(failure)?;
        let offered = request.headers().get_all("sec-websocket-protocol").iter();
        let offered = offered.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        let protocols = offered.map(|protocol| protocol.trim().to_owned()).collect();
        let (request, key) = generate_request(request).map_err(failure)?;
        let upgrade = Upgrade {
            stream: Paced::new(stream),
            request: Zeroizing::new(request),
            written: 0,
            is_flushed: false,
            key,
            protocols,
            head: Head::default(),
            refusal: None,
        };
        Ok(NonBlocking { life: Life::Upgrading(upgrade), has_unsent: false })
    }

    /// Continues the upgrade. Returns `None` while the upgrade is under way, then the result once, and later `None`
    /// again. Pass the result to [`Client::handle_dial`](gemini_ws::Client::handle_dial). After success, call
    /// [`read`](NonBlocking::read) before you wait for the stream. If the venue refuses the upgrade, `upgrade` waits
    /// up to a second for the body of the answer, which can contain the reason. So call it again after
    /// [`timeout`](NonBlocking::timeout) at the latest.
    pub fn upgrade(&mut self) -> Option<Result<(), ConnectFailure>> {
        let Life::Upgrading(upgrade) = &mut self.life else { return None };
        let answer = upgrade.answer().transpose()?;
        let Life::Upgrading(upgrade) = std::mem::replace(&mut self.life, Life::Ended(Lost::End)) else {
            return None;
        };
        Some(answer.and_then(|answer| upgrade.finish(answer)).map(|socket| self.life = Life::Open(socket)))
    }

    /// While the body of a refusal is incomplete, returns the maximum time to wait for the stream before the next
    /// call of [`upgrade`](NonBlocking::upgrade). Otherwise returns `None`: wait until the stream is ready.
    pub fn timeout(&self) -> Option<Duration> {
        let Life::Upgrading(Upgrade { refusal: Some((_, until)), .. }) = &self.life else { return None };
        Some(until.saturating_duration_since(Instant::now()))
    }

    /// Reads the next message, and answers pings and Close frames. Returns `Ok(None)` if the upgrade is under way or
    /// the stream has nothing more now. Also returns `Ok(None)` after many reads of an incomplete message, so that
    /// the loop can read from its other sockets; [`has_more`](NonBlocking::has_more) is then `true`.
    ///
    /// # Errors
    ///
    /// [`Lost`], the reason why the link ended. After a breach of the protocol, the peer gets a Close frame with
    /// the code for the breach, if the stream takes the frame at once.
    pub fn read(&mut self) -> Result<Option<Message>, Lost> {
        let socket = match &mut self.life {
            Life::Upgrading(_) => return Ok(None),
            Life::Open(socket) => socket,
            Life::Ended(reason) => return Err(*reason),
        };
        let message = match socket.read() {
            Ok(message) => message,
            Err(error) if is_not_yet(&error) => {
                self.flush()?;
                return Ok(None);
            }
            Err(error) => return Err(self.end(&error)),
        };
        match &message {
            Message::Text(_) | Message::Binary(_) => socket.get_mut().note_message(),
            control => socket.get_mut().note_control(control.len()),
        }
        // Writes the answer to a ping. If the write fails, a later read reports it, because this message arrived
        // first.
        let _ = self.flush();
        Ok(Some(message))
    }

    /// Returns whether to call [`upgrade`](NonBlocking::upgrade) or [`read`](NonBlocking::read) again without waiting
    /// for the stream: the stream may have more to read, or `read` may have to report a failed write.
    pub fn has_more(&self) -> bool {
        match &self.life {
            Life::Upgrading(upgrade) => upgrade.stream.has_more(),
            Life::Open(socket) => socket.get_ref().has_more(),
            Life::Ended(_) => false,
        }
    }

    /// Sends a text. The next [`read`](NonBlocking::read) or [`flush`](NonBlocking::flush) writes what the stream
    /// does not take now. If the WebSocket is not [open](NonBlocking::is_open), `send` drops the text and returns
    /// `Ok`.
    ///
    /// # Errors
    ///
    /// [`Lost::Transport`] if more than [`WRITE_BUFFER_BYTES_MAX`](crate::WRITE_BUFFER_BYTES_MAX) bytes would wait to
    /// be written. If a write to the stream fails, `send` returns `Ok`: [`read`](NonBlocking::read) fails with the
    /// reason, after it has returned all messages that have arrived.
    pub fn send(&mut self, text: String) -> Result<(), Lost> {
        self.write(Message::text(text))
    }

    /// Sends a Close frame after all data that waits to be written. Continue to read until
    /// [`read`](NonBlocking::read) fails. If the WebSocket is not [open](NonBlocking::is_open), `close` sends nothing
    /// and returns `Ok`.
    ///
    /// # Errors
    ///
    /// The errors of [`send`](NonBlocking::send).
    pub fn close(&mut self, code: u16, reason: &str) -> Result<(), Lost> {
        self.write(Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() })))
    }

    /// Writes as much of the waiting data as the stream takes. If the WebSocket is not
    /// [open](NonBlocking::is_open), `flush` writes nothing and returns `Ok`.
    ///
    /// # Errors
    ///
    /// [`Lost`], the reason why the link ended. If a write to the stream fails, `flush` returns `Ok`:
    /// [`read`](NonBlocking::read) fails with the reason, after it has returned all messages that have arrived.
    pub fn flush(&mut self) -> Result<(), Lost> {
        let Life::Open(socket) = &mut self.life else { return Ok(()) };
        let flushed = socket.flush();
        self.note_written(flushed)
    }

    /// Returns whether to wait until the stream is writable. During a TLS handshake, ask the TLS stream instead
    /// whether it waits to read or to write: until the handshake ends, this method returns `true`, so a loop that
    /// waits for a writable socket would never sleep.
    pub fn wants_write(&self) -> bool {
        match &self.life {
            Life::Upgrading(upgrade) => !upgrade.is_flushed,
            Life::Open(_) => self.has_unsent,
            Life::Ended(_) => false,
        }
    }

    /// Returns whether the WebSocket is open: upgraded, and not ended.
    pub const fn is_open(&self) -> bool {
        matches!(self.life, Life::Open(_))
    }

    /// Returns the stream; `None` after the upgrade has failed or the WebSocket has ended.
    pub fn get_mut(&mut self) -> Option<&mut S> {
        match &mut self.life {
            Life::Upgrading(upgrade) => Some(upgrade.stream.get_mut()),
            Life::Open(socket) => Some(socket.get_mut().get_mut()),
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
            // The peer's Close frame came first. The next read returns it.
            Err(Error::ConnectionClosed | Error::Protocol(ProtocolError::SendAfterClosing)) => {}
            Err(error) => return Err(self.end(&error)),
        }
        Ok(())
    }

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

impl<S: Read + Write> Upgrade<S> {
    /// Writes the request and reads the answer, as far as the stream is ready. Returns the answer once its head is
    /// complete, and after a refusal also its body.
    fn answer(&mut self) -> Result<Option<Answer>, ConnectFailure> {
        let (mut answer, until) = match self.refusal.take() {
            Some(refusal) => refusal,
            None => match self.write_request().and_then(|()| self.read_answer()) {
                Ok(answer) if answer.status() == 101 => return Ok(Some(answer)),
                Ok(answer) => (answer, Instant::now() + BODY_WAIT),
                Err(error) if is_later(&error) => return Ok(None),
                Err(error) => return Err(unreadable(&error)),
            },
        };
        if self.read_body(&mut answer) && Instant::now() < until {
            self.refusal = Some((answer, until));
            return Ok(None);
        }
        Ok(Some(answer))
    }

    /// Reads the body of a refusal, as far as the stream is ready. Returns whether more of it may come.
    fn read_body(&mut self, answer: &mut Answer) -> bool {
        let mut piece = [0; 1024];
        while answer.lacks_body() {
            match self.stream.read(&mut piece) {
                Ok(count @ 1..) => answer.push_body(piece.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Ok(0) | Err(_) => return false,
            }
        }
        false
    }

    fn write_request(&mut self) -> Result<(), Unreadable> {
        while let Some(rest @ [_, ..]) = self.request.get(self.written..) {
            self.written += self.stream.write(rest).map_err(Unreadable::Io)?;
        }
        if !self.is_flushed {
            self.stream.flush().map_err(Unreadable::Io)?;
            self.is_flushed = true;
        }
        Ok(())
    }

    fn read_answer(&mut self) -> Result<Answer, Unreadable> {
        let mut piece = [0; 4096];
        loop {
            let count = self.stream.read(&mut piece).map_err(Unreadable::Io)?;
            if let Some(answer) = self.head.push(piece.get(..count).unwrap_or_default())? {
                return Ok(answer);
            }
        }
    }

    fn finish(self, answer: Answer) -> Result<WebSocket<Paced<S>>, ConnectFailure> {
        let is_offered = |chosen: &str| self.protocols.iter().any(|offered| offered == chosen);
        if is_accepted(&self.key, &answer) && answer.values("sec-websocket-protocol").all(is_offered) {
            let mut stream = self.stream;
            stream.limit_unfinished();
            let config = Some(websocket_config());
            return Ok(WebSocket::from_partially_read(stream, answer.into_rest(), Role::Client, config));
        }
        match answer.status() {
            101 => Err(ConnectFailure::Handshake),
            _ => Err(refusal(&answer)),
        }
    }
}

fn is_later(error: &Unreadable) -> bool {
    matches!(error, Unreadable::Io(error) if error.kind() == ErrorKind::WouldBlock)
}

impl<S: Read + Write> fmt::Debug for NonBlocking<S> {
    /// Formats the phase only, because the request may be signed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let life = match self.life {
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
