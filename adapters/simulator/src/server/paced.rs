//! [`Paced`]: a transport that limits the work of each turn of the server.

use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};

use super::limits::{CALLS_PER_TURN_MAX, READ_BYTES_PER_TURN_MAX, WRITTEN_BYTES_PER_TURN_MAX};

/// A transport with an allowance of bytes and calls for each turn.
///
/// The WebSocket layer reads until it has a whole message, and a message in empty fragments never ends. So this
/// transport is below the WebSocket layer. When the allowance is used up, reads and writes return [`Poll::Pending`]
/// and wake the task, which continues in its next turn.
///
/// The crate `gemini-ws-driver` has a wrapper with the same name. Here the server says when a turn begins
/// ([`Paced::refill`]), writing is limited as well, and bytes are counted.
#[derive(Debug)]
pub(super) struct Paced<Io> {
    transport: Io,
    reads: Allowance,
    writes: Allowance,
    received: usize,
    sent: usize,
    is_muted: bool,
}

#[derive(Debug)]
struct Allowance {
    bytes: usize,
    calls: usize,
    /// Whether the transport is not ready. The transport wakes the task as soon as it is ready.
    is_blocked: bool,
}

impl<Io> Paced<Io> {
    pub(super) const fn new(transport: Io) -> Paced<Io> {
        let reads = Allowance::new(READ_BYTES_PER_TURN_MAX);
        let writes = Allowance::new(WRITTEN_BYTES_PER_TURN_MAX);
        Paced { transport, reads, writes, received: 0, sent: 0, is_muted: false }
    }

    pub(super) const fn refill(&mut self) {
        self.reads = Allowance::new(READ_BYTES_PER_TURN_MAX);
        self.writes = Allowance::new(WRITTEN_BYTES_PER_TURN_MAX);
    }

    /// Sets whether the transport takes no bytes. The caller wakes the task when the transport takes bytes again.
    pub(super) const fn mute(&mut self, is_muted: bool) {
        self.is_muted = is_muted;
    }

    pub(super) const fn take_received(&mut self) -> usize {
        mem::replace(&mut self.received, 0)
    }

    pub(super) const fn take_sent(&mut self) -> usize {
        mem::replace(&mut self.sent, 0)
    }
}

impl Allowance {
    const fn new(bytes: usize) -> Allowance {
        Allowance { bytes, calls: CALLS_PER_TURN_MAX, is_blocked: false }
    }

    /// Returns how many bytes, at most `bytes`, the next call may move in this turn.
    fn poll(&self, bytes: usize, context: &Context<'_>) -> Poll<usize> {
        if self.is_blocked {
            return Poll::Pending;
        }
        if self.bytes == 0 || self.calls == 0 {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(bytes.min(self.bytes))
    }

    fn count(&mut self, moved: &Poll<io::Result<usize>>) {
        self.calls = self.calls.saturating_sub(1);
        match moved {
            Poll::Ready(Ok(bytes)) => self.bytes = self.bytes.saturating_sub(*bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.is_blocked = true,
        }
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Paced<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let size = ready!(self.reads.poll(buffer.len(), context));
        let read =
            Pin::new(&mut self.transport).poll_read(context, buffer.get_mut(..size).unwrap_or_default());
        self.reads.count(&read);
        if let Poll::Ready(Ok(bytes)) = read {
            self.received = self.received.saturating_add(bytes);
        }
        read
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Paced<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_muted {
            return Poll::Pending;
        }
        let size = ready!(self.writes.poll(bytes.len(), context));
        let written =
            Pin::new(&mut self.transport).poll_write(context, bytes.get(..size).unwrap_or_default());
        self.writes.count(&written);
        if let Poll::Ready(Ok(bytes)) = written {
            self.sent = self.sent.saturating_add(bytes);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_close(context)
    }
}
