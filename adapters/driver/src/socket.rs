//! [`Socket`]: one WebSocket and its outgoing messages.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::error::ProtocolError;
use async_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use async_tungstenite::tungstenite::{Error, Message};
use futures_lite::{AsyncRead, AsyncWrite, Stream};
use futures_sink::Sink;
use gemini_ws::{FRAME_BYTES_MAX, Instant, LinkId, Lost};

use crate::glue::{close_code_of, lost_of};
use crate::paced::Paced;

/// The maximum number of bytes in the write buffer of a WebSocket. If a message does not fit, the link ends as
/// [`Lost::Transport`]; a message that is longer than the buffer never fits. A driver waits until the buffer is empty
/// before it writes the next message. A `NonBlocking` does not wait.
pub const WRITE_BUFFER_BYTES_MAX: usize = 256 << 10;

/// Returns the configuration of `tungstenite` for a link: frames and messages of up to [`FRAME_BYTES_MAX`] bytes, and
/// a write buffer of [`WRITE_BUFFER_BYTES_MAX`] bytes.
pub fn websocket_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(FRAME_BYTES_MAX))
        .max_frame_size(Some(FRAME_BYTES_MAX))
        // Every message goes to the transport at once. The driver writes only at the end of a turn, so a buffer would
        // not help.
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
}

#[derive(Debug)]
pub(crate) struct Socket<Io> {
    pub(crate) link: LinkId,
    stream: WebSocketStream<Paced<Io>>,
    outgoing: VecDeque<Message>,
    unflushed: bool,
    /// The instant since which the transport has taken no byte, although data waits; `None` if no data waits.
    pub(crate) stalled_since: Option<Instant>,
    written: u64,
    is_breached: bool,
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Socket<Io> {
    pub(crate) fn new(link: LinkId, mut stream: WebSocketStream<Paced<Io>>) -> Socket<Io> {
        stream.get_mut().limit_unfinished();
        let outgoing = VecDeque::new();
        Socket {
            link,
            stream,
            outgoing,
            unflushed: false,
            stalled_since: None,
            written: 0,
            is_breached: false,
        }
    }

    pub(crate) fn send(&mut self, text: String) {
        self.outgoing.push_back(Message::text(text));
    }

    pub(crate) fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        self.outgoing.push_back(Message::Close(Some(frame)));
    }

    /// Reads the next message. If the result is `None` or an error, [`end`] returns the reason why the link ended.
    /// The message is not converted to a `Frame` here, because that would move each message once more.
    #[inline]
    pub(crate) fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        let message = ready!(Pin::new(&mut self.stream).poll_next(context));
        match &message {
            Some(Ok(Message::Text(_) | Message::Binary(_))) => self.stream.get_mut().note_message(),
            Some(Ok(control)) => self.stream.get_mut().note_control(control.len()),
            Some(Err(_)) | None => {}
        }
        Poll::Ready(message)
    }

    /// Queues a Close frame because the peer has breached the protocol. Drops the messages that wait to be sent.
    pub(crate) fn close_for_breach(&mut self, code: u16) {
        self.outgoing.clear();
        self.close(code, "");
        self.is_breached = true;
        // `poll_end` still reads bytes, so the count of bytes without a whole message must start again.
        self.stream.get_mut().note_message();
    }

    /// Reads and drops what follows a Close frame or a breach. Returns `Ready` when the peer has ended its side, or
    /// the transport has failed.
    pub(crate) fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.is_breached {
            while let Some(Ok(_)) = ready!(self.poll_message(context)) {}
            return Poll::Ready(());
        }
        // After a breach, read bytes and not frames. Unread bytes would make the system send a reset, which could
        // overtake the driver's Close frame (RFC 6455, section 7.1.1).
        if self.poll_send(context).is_err() {
            return Poll::Ready(());
        }
        if self.outgoing.is_empty()
            && !self.unflushed
            && Pin::new(self.stream.get_mut()).poll_close(context).is_pending()
        {
            return Poll::Pending;
        }
        let mut rest = [0; 1024];
        while let Ok(1..) = ready!(Pin::new(self.stream.get_mut()).poll_read(context, &mut rest)) {
            self.stream.get_mut().note_message();
        }
        Poll::Ready(())
    }

    /// Writes as much as the transport takes. Fails if the transport fails, or if it has taken nothing for `longest`
    /// although data waits.
    pub(crate) fn poll_write(
        &mut self,
        now: Instant,
        longest: Duration,
        context: &mut Context<'_>,
    ) -> Result<(), Lost> {
        self.poll_send(context)?;
        let written = self.stream.get_ref().written();
        let is_stuck = written == std::mem::replace(&mut self.written, written);
        if self.outgoing.is_empty() && !self.unflushed {
            self.stalled_since = None;
            return Ok(());
        }
        let since = self.stalled_since.filter(|_| is_stuck).unwrap_or(now);
        self.stalled_since = Some(since);
        if since + longest <= now { Err(Lost::Transport) } else { Ok(()) }
    }

    fn poll_send(&mut self, context: &mut Context<'_>) -> Result<(), Lost> {
        let mut stream = Pin::new(&mut self.stream);
        while !self.outgoing.is_empty() {
            match stream.as_mut().poll_ready(context) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Err(error)) => return Err(lost_of(&error)),
                Poll::Ready(Ok(())) => {}
            }
            if let Some(message) = self.outgoing.pop_front() {
                self.unflushed = true;
                match stream.as_mut().start_send(message) {
                    // The peer's Close frame came first. The next read returns it.
                    Ok(())
                    | Err(Error::Protocol(ProtocolError::SendAfterClosing) | Error::ConnectionClosed) => {}
                    Err(error) => return Err(lost_of(&error)),
                }
            }
        }
        if self.unflushed {
            match stream.poll_flush(context) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(error)) => return Err(lost_of(&error)),
            }
        }
        Ok(())
    }
}

/// Returns the reason why the link ended, and the close code for the peer after a breach of the protocol.
#[cold]
pub(crate) fn end(error: Option<&Error>) -> (Lost, Option<u16>) {
    error.map_or((Lost::End, None), |error| (lost_of(error), close_code_of(error)))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io;
    use std::rc::Rc;
    use std::task::Waker;

    use async_tungstenite::tungstenite::protocol::Role;
    use gemini_ws::{Client, Config};

    use super::*;

    /// A transport that takes `room` bytes until the test sets `room` again.
    struct Slow {
        room: Rc<Cell<usize>>,
    }

    impl AsyncRead for Slow {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Slow {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            let taken = bytes.len().min(self.room.get());
            self.room.set(self.room.get() - taken);
            if taken == 0 { Poll::Pending } else { Poll::Ready(Ok(taken)) }
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn bytes_of_one_message_are_progress() {
        let mut client = Client::single(Config::new("ws://v"));
        client.open(Instant::ZERO).unwrap();
        let link = client.links().next().unwrap().0;
        let room = Rc::new(Cell::new(0));
        let transport = Paced::new(Slow { room: Rc::clone(&room) });
        let made = WebSocketStream::from_raw_socket(transport, Role::Client, Some(websocket_config()));
        let mut socket = Socket::new(link, futures_lite::future::block_on(made));
        socket.send("x".repeat(100_000));
        let mut context = Context::from_waker(Waker::noop());
        let longest = Duration::from_secs(10);
        let mut write = |second: u64, bytes| {
            room.set(bytes);
            socket.poll_write(Instant::from_millis(second * 1_000), longest, &mut context)
        };
        for turn in 0..8 {
            assert_eq!(write(turn * 6, 10_000), Ok(()), "it has taken bytes six seconds ago");
        }
        assert_eq!(write(51, 0), Ok(()));
        assert_eq!(write(52, 0), Err(Lost::Transport), "nothing for ten seconds");
    }

    /// A transport that has these bytes to read, and on which every write fails.
    struct Broken(&'static [u8]);

    impl AsyncRead for Broken {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            buffer: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            if self.0.is_empty() { Poll::Pending } else { Pin::new(&mut self.0).poll_read(context, buffer) }
        }
    }

    impl AsyncWrite for Broken {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// A Close frame that arrived before the failed write decides whether the client reconnects.
    #[test]
    fn a_failed_write_loses_no_frame() {
        let mut client = Client::single(Config::new("ws://v"));
        client.open(Instant::ZERO).unwrap();
        let link = client.links().next().unwrap().0;
        let mut context = Context::from_waker(Waker::noop());
        for (sends, arrived, expected) in [
            (false, &b"\x89\x00\x81\x01a\x89\x00\x88\x02\x0f\xa3"[..], "Ping Text Ping Close"),
            (true, &b"\x89\x00\x81\x01a\x81\x01b"[..], "Ping Text Text"),
            (true, &b""[..], ""),
        ] {
            let made = WebSocketStream::from_raw_socket(
                Paced::new(Broken(arrived)),
                Role::Client,
                Some(websocket_config()),
            );
            let mut socket = Socket::new(link, futures_lite::future::block_on(made));
            if sends {
                socket.send("a command".into());
                let longest = Duration::from_secs(10);
                assert_eq!(socket.poll_write(Instant::ZERO, longest, &mut context), Ok(()));
            }
            let mut found = Vec::new();
            let error = loop {
                match socket.poll_message(&mut context) {
                    Poll::Ready(Some(Ok(message))) => {
                        let kind = format!("{message:?}");
                        found.push(kind.split('(').next().unwrap().to_owned());
                    }
                    Poll::Ready(other) => break other,
                    Poll::Pending => panic!("the failure is not reported"),
                }
            };
            assert_eq!(found.join(" "), expected);
            assert_eq!(end(error.and_then(Result::err).as_ref()), (Lost::Reset, None), "{expected}");
        }
    }
}
