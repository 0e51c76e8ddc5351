//! [`Paced`]: bytes that a peer cannot make the driver read for ever.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_lite::{AsyncRead, AsyncWrite};
use gemini_ws::FRAME_BYTES_MAX;

/// The most bytes that are read before the task gets its turn back.
pub const READ_BYTES_PER_TURN_MAX: usize = 256 << 10;
/// The same for reads, each of which may bring a single byte.
pub const READS_PER_TURN_MAX: usize = 64;

/// The most bytes that a driver lets come without a whole message among them: one of the greatest length, and the heads
/// of its fragments. The WebSocket layer counts what fragments hold, and so never ends a message in empty ones.
pub const UNFINISHED_BYTES_MAX: usize = FRAME_BYTES_MAX + (1 << 20);

/// More than [`UNFINISHED_BYTES_MAX`] came.
#[derive(Debug)]
pub(crate) struct Endless;

impl fmt::Display for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message in too many fragments")
    }
}

impl std::error::Error for Endless {}

/// A transport that says "not yet" now and then although there is something to read, and wakes its task at once.
///
/// The WebSocket layer reads until it has a whole message, and so do the upgrade and the end: at the pace of a peer
/// that never sends one, they would never return. Timers, commands and other links have their turn after
/// [`READ_BYTES_PER_TURN_MAX`] bytes or [`READS_PER_TURN_MAX`] reads.
///
/// ```
/// use futures_lite::{AsyncReadExt, future, io::Cursor};
/// use gemini_ws_driver::{Paced, READ_BYTES_PER_TURN_MAX};
///
/// let mut paced = Paced::new(Cursor::new(vec![0; READ_BYTES_PER_TURN_MAX * 3]));
/// let mut all = Vec::new();
/// let mut read = std::pin::pin!(paced.read_to_end(&mut all));
/// let mut turns = 1;
/// while future::block_on(future::poll_once(&mut read)).is_none() {
///     turns += 1;
/// }
/// assert!(turns > 3, "{turns} turns");
/// assert_eq!(all.len(), READ_BYTES_PER_TURN_MAX * 3);
/// ```
#[derive(Debug)]
pub struct Paced<Io> {
    transport: Io,
    bytes: usize,
    reads: usize,
    /// Bytes of data frames that have not made a message yet, where that is limited.
    unfinished: usize,
    unfinished_max: usize,
}

impl<Io> Paced<Io> {
    /// Paces a transport.
    pub const fn new(transport: Io) -> Paced<Io> {
        Paced { transport, bytes: 0, reads: 0, unfinished: 0, unfinished_max: usize::MAX }
    }

    /// Lets no more than [`UNFINISHED_BYTES_MAX`] come without a message from now on. Whoever reads says when one is
    /// whole.
    pub(crate) const fn limit_unfinished(&mut self) {
        (self.unfinished, self.unfinished_max) = (0, UNFINISHED_BYTES_MAX);
    }

    /// A message of data is whole.
    #[inline]
    pub(crate) const fn note_message(&mut self) {
        self.unfinished = 0;
    }

    /// A control frame came, whose payload has so many bytes: it is no part of a message.
    pub(crate) const fn note_control(&mut self, payload: usize) {
        self.unfinished = self.unfinished.saturating_sub(payload + 2);
    }

    /// Returns the transport.
    pub fn into_inner(self) -> Io {
        self.transport
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Paced<Io> {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let paced = &mut *self;
        if paced.bytes >= READ_BYTES_PER_TURN_MAX || paced.reads >= READS_PER_TURN_MAX {
            (paced.bytes, paced.reads) = (0, 0);
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if paced.unfinished > paced.unfinished_max {
            return Poll::Ready(Err(io::Error::other(Endless)));
        }
        let read = Pin::new(&mut paced.transport).poll_read(context, buffer);
        match &read {
            Poll::Ready(Ok(bytes)) => {
                paced.bytes = paced.bytes.saturating_add(*bytes);
                paced.unfinished = paced.unfinished.saturating_add(*bytes);
                paced.reads += 1;
            }
            // The peer has nothing more: a turn ends here anyway.
            Poll::Pending => (paced.bytes, paced.reads) = (0, 0),
            Poll::Ready(Err(_)) => {}
        }
        read
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Paced<Io> {
    #[inline]
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_close(context)
    }
}
