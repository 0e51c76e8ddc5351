//! [`Paced`]: a transport that returns to the executor after a limited number of bytes.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_lite::{AsyncRead, AsyncWrite};
use gemini_ws::FRAME_BYTES_MAX;

/// The number of bytes after which [`Paced`] returns to the executor. The last read can exceed this number.
pub const READ_BYTES_PER_TURN_MAX: usize = 256 << 10;
/// The maximum number of reads that [`Paced`] does before it returns to the executor. A read may bring a single byte.
pub const READS_PER_TURN_MAX: usize = 64;

/// The maximum number of bytes of an incomplete message: the longest payload, and 1 MiB for the headers of fragments.
/// If a driver has read more, it ends the link as [`Lost::Protocol`](gemini_ws::Lost::Protocol). The WebSocket layer
/// counts payload only, so that layer would accept any number of empty fragments.
pub const UNFINISHED_BYTES_MAX: usize = FRAME_BYTES_MAX + (1 << 20);

/// An error: more than [`UNFINISHED_BYTES_MAX`] bytes arrived without a whole message.
#[derive(Debug)]
pub(crate) struct Endless;

impl fmt::Display for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message in too many fragments")
    }
}

impl std::error::Error for Endless {}

/// A transport that now and then returns `Pending` although there is something to read, and wakes its task at once.
///
/// The WebSocket layer reads until it has a whole message; the upgrade and the closing handshake read in loops too. A
/// fast peer that never completes a message would keep these loops from returning. With this type, timers, commands
/// and other links have their turn after [`READ_BYTES_PER_TURN_MAX`] bytes or [`READS_PER_TURN_MAX`] reads.
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
    /// Bytes received since the last whole message, control frames excluded.
    unfinished: usize,
    unfinished_max: usize,
    /// How many bytes the transport has taken.
    written: u64,
}

impl<Io> Paced<Io> {
    /// Wraps a transport.
    pub const fn new(transport: Io) -> Paced<Io> {
        Paced { transport, bytes: 0, reads: 0, unfinished: 0, unfinished_max: usize::MAX, written: 0 }
    }

    /// Limits the bytes without a whole message to [`UNFINISHED_BYTES_MAX`] from now on. The reader calls
    /// [`note_message`](Paced::note_message) for each whole message.
    pub(crate) const fn limit_unfinished(&mut self) {
        (self.unfinished, self.unfinished_max) = (0, UNFINISHED_BYTES_MAX);
    }

    /// Notes that a whole data message was read.
    #[inline]
    pub(crate) const fn note_message(&mut self) {
        self.unfinished = 0;
    }

    /// Subtracts a control frame with `payload` bytes from the unfinished bytes, because it is not part of a message.
    pub(crate) const fn note_control(&mut self, payload: usize) {
        self.unfinished = self.unfinished.saturating_sub(payload + 2);
    }

    /// Returns how many bytes the transport has taken.
    pub(crate) const fn written(&self) -> u64 {
        self.written
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
            // The peer has sent nothing more, so the turn ends here.
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
        let written = Pin::new(&mut self.transport).poll_write(context, bytes);
        if let Poll::Ready(Ok(bytes)) = written {
            self.written += bytes as u64;
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
