//! [`Keeper`]: saves the state of the simulator in the file of `--state`.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gemini_ws_simulator::{Exchange, State};
use smol::Task;

use crate::ending::Failure;
use crate::output::Messages;
use crate::shown::Shown;

/// Saves the state of an exchange in a file.
#[derive(Debug)]
pub(super) struct Keeper {
    path: PathBuf,
    /// The revision in the file; `None` before the first write.
    kept: Option<u64>,
    /// A revision that a thread is writing.
    writing: Option<(u64, Task<io::Result<()>>)>,
    is_failing: bool,
}

impl Keeper {
    /// Reads the file. Returns no state if there is no file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is not the state of a simulator. The file is not changed.
    pub(super) fn open(path: &Path) -> Result<(Keeper, Option<State>), Failure> {
        let state = match fs::read(path) {
            Ok(bytes) => Some(state_of(&bytes).map_err(|reason| refused(path, &reason))?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Failure::of_file(path, error)),
        };
        let keeper = Keeper { path: path.to_owned(), kept: None, writing: None, is_failing: false };
        Ok((keeper, state))
    }

    /// Returns the failure for a state that does not belong to this exchange.
    pub(super) fn refuse(&self, reason: &str) -> Failure {
        refused(&self.path, reason)
    }

    /// Writes the state and waits until it is written.
    pub(super) fn keep_now(&mut self, exchange: &Exchange) -> Result<(), Failure> {
        if let Some((_, task)) = self.writing.take() {
            // The next write replaces its result.
            let _ = smol::block_on(task);
        }
        write(&self.path, &exchange.save()).map_err(|error| Failure::of_file(&self.path, error))?;
        self.kept = Some(exchange.revision());
        Ok(())
    }

    /// Starts to write the state, if it has changed and no write is under way. A failure is reported once; the next
    /// call tries again.
    pub(super) fn keep(&mut self, exchange: &Exchange, messages: &mut Messages) {
        if let Some((revision, task)) = self.writing.take() {
            if !task.is_finished() {
                self.writing = Some((revision, task));
                return;
            }
            match smol::block_on(task) {
                Ok(()) => (self.kept, self.is_failing) = (Some(revision), false),
                Err(error) => {
                    if !self.is_failing {
                        let path = self.path.display();
                        messages.say(&Shown::of(format_args!("{path}: {error}; the state is not saved")));
                    }
                    self.is_failing = true;
                }
            }
        }
        let revision = exchange.revision();
        if self.kept != Some(revision) {
            let (path, state) = (self.path.clone(), exchange.save());
            self.writing = Some((revision, smol::unblock(move || write(&path, &state))));
        }
    }
}

fn refused(path: &Path, reason: &str) -> Failure {
    Failure::of_file(
        path,
        format_args!(
            "{reason}. The file is not changed: repair it, move it away, or name another one with --state"
        ),
    )
}

/// Parses the contents of the file.
fn state_of(bytes: &[u8]) -> Result<State, String> {
    let text =
        std::str::from_utf8(bytes).map_err(|error| format!("byte {} is not UTF-8", error.valid_up_to()))?;
    State::from_json(text).map_err(|error| error.to_string())
}

/// Replaces the file in one step.
fn write(path: &Path, state: &State) -> io::Result<()> {
    let mut temporary = OsString::from(path);
    temporary.push(".tmp");
    fs::write(&temporary, state.to_json())?;
    fs::rename(&temporary, path)
}
