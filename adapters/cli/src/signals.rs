//! [`Signals`]: Ctrl-C and its like. The first asks for an orderly end, the second ends the process at once.
//!
//! A thread waits for them, so that they are heard whatever the rest of the process is doing.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_signal::{Signal, Signals as Stream};
use futures_lite::StreamExt;
use smol::channel::{Receiver, Sender, unbounded};

/// A signal that asks for the end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Caught {
    /// The terminal is gone.
    Hangup,
    /// Ctrl-C.
    Interrupt,
    Terminate,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Asked {
    End(Caught),
    /// Ctrl-Z: stop until the process is continued.
    #[cfg(unix)]
    Suspend,
}

/// The signals that this process has received and not acted on yet.
#[derive(Clone, Debug)]
pub(crate) struct Signals {
    heard: Receiver<Asked>,
    is_next_last: Arc<AtomicBool>,
}

impl Caught {
    /// The exit code of a process that the signal ended: 128 and its number, as shells have it.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Caught::Hangup => 129,
            Caught::Interrupt => 130,
            Caught::Terminate => 143,
        }
    }

    /// Ends the process at once.
    pub(crate) fn exit(self) -> ! {
        std::process::exit(i32::from(self.code()))
    }
}

impl Signals {
    /// From now on signals no longer end the process by themselves, and neither does Ctrl-Z stop it if that is to
    /// be heard too. At the second that asks for the end `restore` is called, which must not wait for long, and the
    /// process ends.
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

    /// The next one.
    pub(crate) async fn next(&self) -> Asked {
        match self.heard.recv().await {
            Ok(asked) => asked,
            // The thread has no end; should it have one, nothing is heard any more.
            Err(_) => std::future::pending().await,
        }
    }

    /// The next one that asks for the end.
    pub(crate) async fn end(&self) -> Caught {
        loop {
            #[cfg_attr(
                not(unix),
                expect(irrefutable_let_patterns, reason = "nothing else can be asked for there")
            )]
            if let Asked::End(caught) = self.next().await {
                return caught;
            }
        }
    }

    /// The end has begun, for whatever reason: the next signal does not wait for it.
    pub(crate) fn end_at_next(&self) {
        self.is_next_last.store(true, Ordering::Release);
    }
}

/// The signals to hear. Those that whoever started this process has it ignore stay ignored, as `nohup` has it.
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

/// The signals that are ignored, as a set of bits by their numbers. Only Linux says that without unsafe code; the
/// numbers are those of Linux too.
fn ignored() -> u64 {
    if !cfg!(target_os = "linux") {
        return 0;
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0)
}

/// The life of the thread.
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
