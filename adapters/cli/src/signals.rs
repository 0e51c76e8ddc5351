//! [`Signals`]: Ctrl-C and other signals. The first one requests an orderly end. The second one ends the process at
//! once.
//!
//! A thread waits for signals, so that they are received whatever the other threads do.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_signal::{Signal, Signals as Stream};
use futures_lite::StreamExt;
use smol::channel::{Receiver, Sender, unbounded};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Caught {
    /// SIGHUP: the terminal is gone.
    Hangup,
    Interrupt,
    Terminate,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Asked {
    End(Caught),
    /// Ctrl-Z: stop until the process is continued.
    #[cfg(unix)]
    Suspend,
}

/// The signals that this process has received and not handled yet.
#[derive(Clone, Debug)]
pub(crate) struct Signals {
    heard: Receiver<Asked>,
    is_next_last: Arc<AtomicBool>,
}

impl Caught {
    /// Returns the exit code: as in shells, 128 plus the number of the signal.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Caught::Hangup => 129,
            Caught::Interrupt => 130,
            Caught::Terminate => 143,
        }
    }

    pub(crate) fn exit(self) -> ! {
        std::process::exit(i32::from(self.code()))
    }
}

impl Signals {
    /// Handles signals from now on; Ctrl-Z only if `hears_suspend` is true. At the second signal that requests the
    /// end, calls `restore`, which must return soon, and ends the process.
    pub(crate) fn listen(hears_suspend: bool, restore: impl Fn() + Send + 'static) -> io::Result<Signals> {
        let stream = Stream::new(heard(hears_suspend))?;
        let (sender, heard) = unbounded();
        let signals = Signals { heard, is_next_last: Arc::default() };
        let is_next_last = Arc::clone(&signals.is_next_last);
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || hear(stream, &sender, &is_next_last, &restore))?;
        Ok(signals)
    }

    pub(crate) async fn next(&self) -> Asked {
        match self.heard.recv().await {
            Ok(asked) => asked,
            // The thread has ended, so no further signal is received.
            Err(_) => std::future::pending().await,
        }
    }

    pub(crate) async fn end(&self) -> Caught {
        loop {
            #[cfg_attr(
                not(unix),
                expect(irrefutable_let_patterns, reason = "without Unix signals, `End` is the only variant")
            )]
            if let Asked::End(caught) = self.next().await {
                return caught;
            }
        }
    }

    /// From now on, the next signal ends the process at once.
    pub(crate) fn end_at_next(&self) {
        self.is_next_last.store(true, Ordering::Release);
    }
}

/// Returns the signals to handle. Signals that this process ignores from its start, as under `nohup`, stay ignored.
fn heard(hears_suspend: bool) -> Vec<Signal> {
    #[cfg(unix)]
    let ends = [(Signal::Hup, 1), (Signal::Int, 2), (Signal::Term, 15)];
    #[cfg(not(unix))]
    let ends = [(Signal::Int, 2)];
    let mut signals = Vec::from(ends);
    #[cfg(unix)]
    signals.extend(hears_suspend.then_some((Signal::Tstp, 20)));
    #[cfg(not(unix))]
    let _ = hears_suspend;
    let ignored = ignored();
    signals
        .into_iter()
        .filter(|(_, number)| ignored >> (number - 1) & 1 == 0)
        .map(|(signal, _)| signal)
        .collect()
}

/// Returns the signals that this process ignores, one bit each: bit 0 stands for signal 1. Without `unsafe`, only
/// Linux reveals them, in `/proc/self/status`; elsewhere, returns 0. So [`heard`] uses the numbers that signals have
/// on Linux.
fn ignored() -> u64 {
    if !cfg!(target_os = "linux") {
        return 0;
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0)
}

/// Receives signals in the thread of [`Signals`], and sends what they request. At the second request to end, calls
/// `restore` and ends the process.
fn hear(mut stream: Stream, sender: &Sender<Asked>, is_next_last: &AtomicBool, restore: &dyn Fn()) {
    smol::block_on(async {
        while let Some(Ok(signal)) = stream.next().await {
            let caught = match signal {
                #[cfg(unix)]
                Signal::Tstp => {
                    let _ = sender.try_send(Asked::Suspend);
                    continue;
                }
                #[cfg(unix)]
                Signal::Hup => Caught::Hangup,
                #[cfg(unix)]
                Signal::Term => Caught::Terminate,
                _ => Caught::Interrupt,
            };
            if is_next_last.swap(true, Ordering::AcqRel) {
                restore();
                caught.exit();
            }
            let _ = sender.try_send(Asked::End(caught));
        }
    });
}
