//! Ctrl-C and its like: the first asks for an orderly end, the second ends at once.

use std::io;

use async_signal::{Signal, Signals};
use futures_lite::StreamExt;

/// The exit code of a process that Ctrl-C ended: 128 and the number of the signal, as shells have it.
pub(crate) const INTERRUPTED: i32 = 130;

/// What ends this process.
#[derive(Debug)]
pub(crate) struct Interrupts(Signals);

impl Interrupts {
    /// From now on they no longer end the process by themselves.
    pub(crate) fn new() -> io::Result<Interrupts> {
        #[cfg(unix)]
        let signals = Signals::new([Signal::Int, Signal::Term])?;
        #[cfg(not(unix))]
        let signals = Signals::new([Signal::Int])?;
        Ok(Interrupts(signals))
    }

    /// The next one.
    pub(crate) async fn next(&mut self) {
        // The stream has no end; should it fail, nothing interrupts any more.
        if !matches!(self.0.next().await, Some(Ok(_))) {
            std::future::pending().await
        }
    }
}
