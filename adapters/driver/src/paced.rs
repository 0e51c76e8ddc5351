//! [`Paced`]: a transport that returns to the executor after a number of reads, and that delays the error of a write.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_lite::{AsyncRead, AsyncWrite};
use gemini_ws::FRAME_BYTES_MAX;

/// The number of bytes after which [`Paced`] returns to the executor. The last read can exceed this number.
pub const READ_BYTES_PER_TURN_MAX: usize = 256 << 10;
/// The maximum number of reads that [`Paced`] does before it returns to the executor.
pub const READS_PER_TURN_MAX: usize = 64;

/// The maximum number of bytes of an incomplete message: the longest payload, and 1 MiB for the headers of fragments.
/// If a driver or a `NonBlocking` has read more, the link ends as [`Lost::Protocol`](gemini_ws::Lost::Protocol).
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

/// A transport that returns to the executor after a number of reads, and that reports a failed write only after
/// everything that has arrived was read.
///
/// The WebSocket layer reads until it has a whole message. A fast peer that never completes a message would keep it
/// from returning. So after [`READ_BYTES_PER_TURN_MAX`] bytes or [`READS_PER_TURN_MAX`] reads, an asynchronous
/// transport returns `Pending` and wakes its task at once. A non-blocking transport fails with `WouldBlock`.
///
/// The WebSocket layer also writes while it reads, because it answers pings. If such a write fails, the frames that
/// have arrived must not be lost: one may be the peer's Close frame. So `Paced` drops all output after a failed
/// write. When a read finds nothing more, it fails with the error of the write.
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
    /// Bytes received since the last whole message, without control frames.
    unfinished: usize,
    unfinished_max: usize,
    written: u64,
    write_failure: Option<ErrorKind>,
    /// Whether a non-blocking transport may have more to read although the last read failed with `WouldBlock`.
    is_paused: bool,
}

impl<Io> Paced<Io> {
    /// Wraps a transport.
    pub const fn new(transport: Io) -> Paced<Io> {
        Paced {
            transport,
            bytes: 0,
            reads: 0,
            unfinished: 0,
            unfinished_max: usize::MAX,
            written: 0,
            write_failure: None,
            is_paused: false,
        }
    }

    /// From now on, limits the bytes of an incomplete message. The reader must call
    /// [`note_message`](Paced::note_message) for each whole message.
    pub(crate) const fn limit_unfinished(&mut self) {
        (self.unfinished, self.unfinished_max) = (0, UNFINISHED_BYTES_MAX);
    }

    #[inline]
    pub(crate) const fn note_message(&mut self) {
        self.unfinished = 0;
    }

    /// Subtracts a control frame with `payload` bytes from the bytes of the incomplete message.
    pub(crate) const fn note_control(&mut self, payload: usize) {
        self.unfinished = self.unfinished.saturating_sub(payload + 2);
    }

    pub(crate) const fn written(&self) -> u64 {
        self.written
    }

    #[cfg(feature = "handshake")]
    pub(crate) const fn has_more(&self) -> bool {
        self.is_paused || self.write_failure.is_some()
    }

    #[cfg(feature = "handshake")]
    pub(crate) const fn get_mut(&mut self) -> &mut Io {
        &mut self.transport
    }

    /// Returns the wrapped transport.
    pub fn into_inner(self) -> Io {
        self.transport
    }

    /// Returns whether the reads since the last pause have reached a limit. If so, a pause follows, and the counts
    /// start again.
    #[inline]
    const fn ends_turn(&mut self) -> bool {
        let ends = self.bytes >= READ_BYTES_PER_TURN_MAX || self.reads >= READS_PER_TURN_MAX;
        if ends {
            (self.bytes, self.reads) = (0, 0);
        }
        ends
    }

    #[inline]
    fn check_unfinished(&self) -> io::Result<()> {
        if self.unfinished > self.unfinished_max { Err(io::Error::other(Endless)) } else { Ok(()) }
    }

    /// Adds a read to the counts of reads and bytes, and returns the result for the reader. `None` means that the
    /// read found nothing. If a write has failed before, such a read fails with the error of the write.
    #[inline]
    fn note_read(&mut self, read: Option<io::Result<usize>>) -> Option<io::Result<usize>> {
        match &read {
            Some(Ok(1..)) => {}
            _ if self.write_failure.is_some() => return self.write_failure.map(|kind| Err(kind.into())),
            // The peer has sent nothing more, so the counts start again.
            None => (self.bytes, self.reads) = (0, 0),
            Some(_) => {}
        }
        if let Some(Ok(bytes)) = read {
            self.bytes = self.bytes.saturating_add(bytes);
            self.unfinished = self.unfinished.saturating_add(bytes);
            self.reads += 1;
        }
        read
    }

    /// Adds the written bytes to `written`, or stores the error. Returns how many of the `length` bytes the writer
    /// regards as written: all of them after a failure, because `Paced` then drops output.
    #[inline]
    fn note_write(&mut self, length: usize, written: io::Result<usize>) -> usize {
        let failure = match written {
            Ok(0) if length > 0 => ErrorKind::WriteZero,
            Ok(bytes) => {
                self.written += bytes as u64;
                return bytes;
            }
            Err(error) => error.kind(),
        };
        self.write_failure = Some(failure);
        length
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
        if paced.ends_turn() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        paced.check_unfinished()?;
        let read = match Pin::new(&mut paced.transport).poll_read(context, buffer) {
            Poll::Ready(read) => paced.note_read(Some(read)),
            Poll::Pending => paced.note_read(None),
        };
        read.map_or(Poll::Pending, Poll::Ready)
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Paced<Io> {
    #[inline]
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.write_failure.is_some() {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = ready!(Pin::new(&mut self.transport).poll_write(context, bytes));
        let taken = self.note_write(bytes.len(), written);
        if self.write_failure.is_some() {
            context.waker().wake_by_ref();
        }
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.write_failure.is_none()
            && let Err(error) = ready!(Pin::new(&mut self.transport).poll_flush(context))
        {
            self.write_failure = Some(error.kind());
            context.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_close(context)
    }
}

/// Reads from a non-blocking stream. A read that a signal interrupts counts as a pause.
impl<S: Read> Read for Paced<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.is_paused = self.ends_turn();
        if self.is_paused {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.check_unfinished()?;
        let read = self.transport.read(buffer);
        self.is_paused = matches!(&read, Err(error) if error.kind() == ErrorKind::Interrupted);
        let is_nothing =
            self.is_paused || matches!(&read, Err(error) if error.kind() == ErrorKind::WouldBlock);
        let read = self.note_read(if is_nothing { None } else { Some(read) });
        read.unwrap_or_else(|| Err(ErrorKind::WouldBlock.into()))
    }
}

impl<S: Write> Write for Paced<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        while self.write_failure.is_none() {
            let written = self.transport.write(bytes);
            let failure = written.as_ref().err().map(io::Error::kind);
            match failure {
                Some(ErrorKind::Interrupted) => {}
                Some(ErrorKind::WouldBlock) => return written,
                _ => return Ok(self.note_write(bytes.len(), written)),
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.write_failure.is_none() {
            let flushed = self.transport.flush();
            let failure = flushed.as_ref().err().map(io::Error::kind);
            match failure {
                Some(ErrorKind::Interrupted) => {}
                None | Some(ErrorKind::WouldBlock) => return flushed,
                failed => self.write_failure = failed,
            }
        }
        Ok(())
    }
}
