//! [`Output`]: a thread that writes, so that no other thread waits for a reader. [`Messages`]: messages on standard
//! error.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::patient::Patient;
use crate::shown::Shown;

/// The limit for unwritten bytes. While at least so many wait, [`Output::has_room`] returns `false`.
pub(crate) const WAITING_BYTES_MAX: usize = 1 << 20;

/// How long a process that ends waits for a reader that takes nothing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// How long a process that ends waits for a reader of standard error that takes nothing.
const MESSAGE_PATIENCE: Duration = Duration::from_millis(500);

/// The maximum number of bytes of one write. A larger write to a slow reader could outlast [`PATIENCE`].
const PIECE_BYTES: usize = 4_096;

/// A thread that writes to one destination, and the bytes that wait to be written.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Notified when there is something to write.
    filled: Condvar,
    /// Notified when something was written, or writing failed.
    moved: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    /// The number of bytes that the thread has taken from `waiting` and not written yet.
    in_hand: usize,
    pieces: u64,
    /// The error after which nothing more is written.
    error: Option<(io::ErrorKind, String)>,
}

#[derive(Debug)]
pub(crate) enum Unwritten {
    /// The reader took nothing for the time that the caller allows.
    Stalled,
    Failed(io::Error),
}

impl Output {
    pub(crate) fn stdout() -> io::Result<Output> {
        #[cfg(unix)]
        return Output::new("output", std::fs::File::from(own(&io::stdout())?));
        #[cfg(not(unix))]
        return Output::new("output", io::stdout());
    }

    fn stderr() -> io::Result<Output> {
        #[cfg(unix)]
        return Output::new("messages", std::fs::File::from(own(&io::stderr())?));
        #[cfg(not(unix))]
        return Output::new("messages", io::stderr());
    }

    pub(crate) fn new(name: &str, to: impl Write + Send + 'static) -> io::Result<Output> {
        let shared = Arc::<Shared>::default();
        let output = Output { shared: Arc::clone(&shared) };
        thread::Builder::new().name(name.to_owned()).spawn(move || shared.write_all_to(Patient(to)))?;
        Ok(output)
    }

    /// Returns whether fewer than [`WAITING_BYTES_MAX`] bytes wait. [`put`](Output::put) accepts bytes in any case.
    pub(crate) fn has_room(&self) -> bool {
        self.shared.lock().has_room()
    }

    /// Returns whether no bytes wait. A failed write drops the bytes that wait.
    pub(crate) fn is_idle(&self) -> bool {
        self.shared.lock().is_idle()
    }

    /// Adds bytes to be written.
    ///
    /// # Errors
    ///
    /// The error of an earlier write.
    pub(crate) fn put(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.shared.lock();
        state.check()?;
        state.waiting.extend_from_slice(bytes);
        drop(state);
        self.shared.filled.notify_one();
        Ok(())
    }

    pub(crate) fn check(&self) -> io::Result<()> {
        self.shared.lock().check()
    }

    pub(crate) fn put_instead(&self, bytes: &[u8]) -> io::Result<()> {
        self.shared.lock().waiting.clear();
        self.put(bytes)
    }

    /// Waits until there is room for more. Fails if the reader takes nothing for `patience`.
    pub(crate) fn wait_for_room(&self, patience: Duration) -> Result<(), Unwritten> {
        self.wait_until(patience, State::has_room)
    }

    /// Waits until everything was written. Fails if the reader takes nothing for `patience`.
    pub(crate) fn drain(&self, patience: Duration) -> Result<(), Unwritten> {
        self.wait_until(patience, State::is_idle)
    }

    fn wait_until(&self, patience: Duration, holds: impl Fn(&State) -> bool) -> Result<(), Unwritten> {
        let mut state = self.shared.lock();
        let (mut pieces, mut since) = (state.pieces, Instant::now());
        loop {
            state.check().map_err(Unwritten::Failed)?;
            if holds(&state) {
                return Ok(());
            }
            if state.pieces != pieces {
                (pieces, since) = (state.pieces, Instant::now());
            }
            let rest = patience.saturating_sub(since.elapsed());
            if rest.is_zero() {
                return Err(Unwritten::Stalled);
            }
            let waited = self.shared.moved.wait_timeout(state, rest);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Returns a second handle to standard output or standard error. Unlike the standard stream, this handle has no
/// buffer and no lock, so neither can delay the end of the process.
#[cfg(unix)]
fn own(stream: &impl std::os::fd::AsFd) -> io::Result<std::os::fd::OwnedFd> {
    stream.as_fd().try_clone_to_owned()
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change of the state is complete, even if a thread panics elsewhere.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_all_to(&self, mut to: impl Write) {
        let mut batch = Vec::new();
        loop {
            let mut state = self.lock();
            while state.waiting.is_empty() {
                state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            batch.clear();
            std::mem::swap(&mut batch, &mut state.waiting);
            state.in_hand = batch.len();
            drop(state);
            if let Err(error) = self.write_batch(&batch, &mut to) {
                let mut state = self.lock();
                state.error = Some((error.kind(), error.to_string()));
                (state.waiting, state.in_hand) = (Vec::new(), 0);
                drop(state);
                self.moved.notify_all();
                return;
            }
        }
    }

    fn write_batch(&self, mut rest: &[u8], to: &mut impl Write) -> io::Result<()> {
        while !rest.is_empty() {
            let piece = rest.get(..PIECE_BYTES).unwrap_or(rest);
            let written = to.write(piece)?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            rest = rest.get(written..).unwrap_or_default();
            if rest.is_empty() {
                to.flush()?;
            }
            let mut state = self.lock();
            state.in_hand = rest.len();
            state.pieces = state.pieces.wrapping_add(1);
            drop(state);
            self.moved.notify_all();
        }
        Ok(())
    }
}

impl State {
    const fn has_room(&self) -> bool {
        self.waiting.len() + self.in_hand < WAITING_BYTES_MAX
    }

    const fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.in_hand == 0
    }

    fn check(&self) -> io::Result<()> {
        match &self.error {
            None => Ok(()),
            Some((kind, text)) => Err(io::Error::new(*kind, text.clone())),
        }
    }
}

/// Messages to people on standard error. If nothing reads them, the task continues.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    /// Opened with the first message.
    output: Option<Output>,
    /// The number of messages for which there was no room.
    lost: u64,
}

impl Messages {
    /// Prints a message, or drops it if there is no room. A later call of `say` or `finish` reports the dropped ones.
    pub(crate) fn say(&mut self, message: &Shown) {
        if self.output.is_none() {
            self.output = Output::stderr().ok();
        }
        let Some(output) = &self.output else { return };
        if !output.has_room() {
            self.lost += 1;
            return;
        }
        put_missing(output, std::mem::take(&mut self.lost));
        // If this fails, there is no other place to report it.
        let _ = output.put(format!("gemini-ws: {message}\n").as_bytes());
    }

    /// Reports the lost messages, and waits until everything is written, but no longer than [`MESSAGE_PATIENCE`] for
    /// a reader that takes nothing.
    pub(crate) fn finish(&mut self) {
        let Some(output) = &self.output else { return };
        if self.lost > 0 {
            // Without room, the number of lost messages cannot be printed either.
            if output.wait_for_room(MESSAGE_PATIENCE).is_err() {
                return;
            }
            put_missing(output, std::mem::take(&mut self.lost));
        }
        let _ = output.drain(MESSAGE_PATIENCE);
    }
}

fn put_missing(output: &Output, lost: u64) {
    if lost > 0 {
        let missing = if lost == 1 { "1 message is".to_owned() } else { format!("{lost} messages are") };
        // If this fails, there is no other place to report it.
        let _ = output.put(format!("gemini-ws: {missing} missing here\n").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A writer that needs a permission for each write, and passes the written bytes on.
    struct Slow(Receiver<()>, Sender<Vec<u8>>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
            self.1.send(bytes.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn slow() -> (Output, Sender<()>, Receiver<Vec<u8>>) {
        let ((permit, permits), (sender, taken)) = (channel(), channel());
        (Output::new("test", Slow(permits, sender)).unwrap(), permit, taken)
    }

    #[test]
    fn nobody_waits_for_the_reader() {
        let (output, permit, taken) = slow();
        let line = [b'x'; 1_000];
        let mut put = 0;
        while output.has_room() {
            output.put(&line).unwrap();
            put += line.len();
        }
        let short = Duration::from_millis(1);
        assert!(matches!(output.drain(short), Err(Unwritten::Stalled)));
        assert!(matches!(output.wait_for_room(short), Err(Unwritten::Stalled)));
        let mut received = 0;
        while received < put {
            permit.send(()).unwrap();
            received += taken.recv().unwrap().len();
        }
        output.drain(Duration::from_secs(60)).unwrap();
        assert!(output.is_idle() && output.has_room());
    }

    #[test]
    fn messages_without_room_are_counted() {
        let (output, permit, taken) = slow();
        while output.has_room() {
            output.put(&[b'x'; 1_000]).unwrap();
        }
        let mut messages = Messages { output: Some(output), lost: 0 };
        messages.say(&Shown::of("lost"));
        messages.say(&Shown::of("lost too"));
        let end = b"gemini-ws: 2 messages are missing here\n";
        let finish = thread::spawn(move || messages.finish());
        let mut printed = Vec::new();
        while !printed.ends_with(end) {
            permit.send(()).unwrap();
            printed.extend(taken.recv().unwrap());
        }
        assert!(
            printed[..printed.len() - end.len()].iter().all(|byte| *byte == b'x'),
            "nothing else is printed"
        );
        finish.join().unwrap();
    }

    #[test]
    fn what_waits_can_be_replaced() {
        let (output, permit, taken) = slow();
        output.put(b"a").unwrap();
        while output.shared.lock().in_hand == 0 {
            thread::yield_now();
        }
        output.put(b"frame").unwrap();
        output.put_instead(b"end").unwrap();
        permit.send(()).unwrap();
        permit.send(()).unwrap();
        output.drain(Duration::from_secs(60)).unwrap();
        assert_eq!([taken.recv().unwrap(), taken.recv().unwrap()], [b"a".to_vec(), b"end".to_vec()]);
    }

    #[test]
    fn a_reader_that_is_gone_is_an_error() {
        let (output, permit, _) = slow();
        drop(permit);
        let _ = output.put(b"a");
        let drained = output.drain(Duration::from_secs(60));
        assert!(
            matches!(&drained, Err(Unwritten::Failed(error)) if error.kind() == io::ErrorKind::BrokenPipe)
        );
        assert_eq!(output.put(b"b").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
