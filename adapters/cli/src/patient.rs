//! [`Patient`]: waits where a non-blocking stream would fail.

use std::io::{self, ErrorKind, Read, Write};
use std::thread;
use std::time::Duration;

/// How long to wait before the next try.
const PAUSE: Duration = Duration::from_millis(10);

/// A standard stream, or another stream that blocks. A standard stream belongs to other processes too, and each of
/// them can make it non-blocking. If the stream is non-blocking, `Patient` tries again until the stream takes bytes
/// or has bytes to read.
#[derive(Debug)]
pub(crate) struct Patient<S>(pub(crate) S);

impl<S: Read> Read for Patient<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        again_until_ready(|| self.0.read(buffer))
    }
}

impl<S: Write> Write for Patient<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        again_until_ready(|| self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        again_until_ready(|| self.0.flush())
    }
}

fn again_until_ready<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(PAUSE),
            done => return done,
        }
    }
}
