//! [`Keeper`]: saves the state of the simulator in the file of `--state`.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use gemini_ws_simulator::{Exchange, State};
use smol::Task;

use crate::ending::Failure;
use crate::output::Messages;
use crate::shown::Shown;

/// A temporary file has the name of the state file, then `MARK`, a random part and `ENDING`.
const MARK: &str = ".saving-";
const ENDING: &str = ".tmp";

const RANDOM_LENGTH: usize = 6;

/// The maximum number of symbolic links to follow, as on Linux.
const LINKS_MAX: usize = 40;

#[derive(Debug)]
pub(super) struct Keeper {
    /// The path that the user gave, for messages.
    path: PathBuf,
    /// The path of the file itself: `path` after following symbolic links.
    target: PathBuf,
    /// The newest state file. This process has locked it against other simulators, where [`lock`] has an effect.
    /// `None` before the first write, if there was no file at the start.
    locked: Option<File>,
    /// The revision in the file; `None` before this process has written the file.
    kept: Option<u64>,
    /// The revision that a thread is writing, and the thread's task.
    writing: Option<(u64, Task<io::Result<File>>)>,
    is_failing: bool,
}

impl Keeper {
    /// Reads and locks the file. Without a file, returns no state.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is not the state of a simulator, or another simulator uses it. The file is not
    /// changed.
    pub(super) fn open(path: &Path) -> Result<(Keeper, Option<State>), Failure> {
        let (locked, state) = match read(path) {
            Ok((file, bytes)) => {
                let state = state_of(&bytes).map_err(|reason| refused(path, &reason))?;
                (Some(file), Some(state))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => (None, None),
            Err(error) => return Err(Failure::of_file(path, error)),
        };
        let target = target_of(path);
        let path = path.to_owned();
        Ok((Keeper { path, target, locked, kept: None, writing: None, is_failing: false }, state))
    }

    pub(super) fn refuse(&self, reason: &str) -> Failure {
        refused(&self.path, reason)
    }

    fn own(&self) -> Option<Identity> {
        self.locked.as_ref().and_then(|file| identity(&file.metadata().ok()?))
    }

    pub(super) fn keep_now(&mut self, exchange: &Exchange) -> Result<(), Failure> {
        if let Some((_, task)) = self.writing.take()
            && let Ok(file) = smol::block_on(task)
        {
            // The write below replaces this file.
            self.locked = Some(file);
        }
        let file = write(&self.target, &exchange.save(), self.own());
        self.locked = Some(file.map_err(|error| Failure::of_file(&self.path, error))?);
        self.kept = Some(exchange.revision());
        Ok(())
    }

    /// Removes the temporary files of processes that were killed during a write. The state file must be locked, so
    /// that no other simulator writes it.
    pub(super) fn remove_leftovers(&self) {
        let prefix = prefix_of(&self.target);
        for entry in fs::read_dir(folder_of(&self.target)).into_iter().flatten().flatten() {
            if is_leftover(&entry.file_name(), &prefix)
                && entry.file_type().is_ok_and(|it| it.is_file())
                && File::open(entry.path()).is_ok_and(|file| is_unlocked(&file))
            {
                // A file that cannot be removed does no harm.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Starts to write the state, if it has changed and no write is under way. If a write has failed, a later call
    /// writes again. Of several failures in a row, `keep` reports only the first.
    pub(super) fn keep(&mut self, exchange: &Exchange, messages: &mut Messages) {
        if let Some((revision, task)) = self.writing.take() {
            if !task.is_finished() {
                self.writing = Some((revision, task));
                return;
            }
            match smol::block_on(task) {
                Ok(file) => {
                    (self.locked, self.kept, self.is_failing) = (Some(file), Some(revision), false);
                }
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
            let (target, state, own) = (self.target.clone(), exchange.save(), self.own());
            self.writing = Some((revision, smol::unblock(move || write(&target, &state, own))));
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

fn state_of(bytes: &[u8]) -> Result<State, String> {
    let text =
        std::str::from_utf8(bytes).map_err(|error| format!("byte {} is not UTF-8", error.valid_up_to()))?;
    State::from_json(text).map_err(|error| error.to_string())
}

fn read(path: &Path) -> io::Result<(File, Vec<u8>)> {
    // Check before opening: opening a pipe would wait for its writer, and some devices never end.
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() && !metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is not a regular file"));
    }
    let (mut file, mut bytes) = (File::open(path)?, Vec::new());
    lock(path, &file)?;
    file.read_to_end(&mut bytes)?;
    Ok((file, bytes))
}

/// Two numbers that identify a file: those of its device and of its index node.
type Identity = (u64, u64);

/// Returns the identity of a file. Systems other than Unix do not report these numbers, so all files have the same
/// identity there.
#[cfg_attr(not(unix), expect(clippy::unnecessary_wraps, reason = "only Unix has the numbers"))]
fn identity(file: &fs::Metadata) -> Option<Identity> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Some((file.dev(), file.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        Some((0, 0))
    }
}

/// Locks a file until it is closed. Fails if another simulator uses the file. Does nothing on systems other than
/// Unix, and on file systems without locks.
#[cfg_attr(not(unix), expect(clippy::unnecessary_wraps, reason = "only Unix has the lock"))]
fn lock(path: &Path, file: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use rustix::fs::{FlockOperation, flock};

        let busy =
            || io::Error::new(io::ErrorKind::ResourceBusy, "another simulator uses it; name another file");
        // After any other error, the file system has no locks, and the file stays unlocked.
        if flock(file, FlockOperation::NonBlockingLockExclusive) == Err(rustix::io::Errno::WOULDBLOCK) {
            return Err(busy());
        }
        // Another simulator may have replaced the file before it was locked here.
        if identity(&file.metadata()?) != identity(&fs::metadata(path)?) {
            return Err(busy());
        }
    }
    #[cfg(not(unix))]
    let _ = (path, file);
    Ok(())
}

/// Locks a file, and returns whether that succeeded. If so, no other process is writing the file. On systems other
/// than Unix, always returns `true`.
fn is_unlocked(file: &File) -> bool {
    #[cfg(unix)]
    {
        use rustix::fs::{FlockOperation, flock};
        flock(file, FlockOperation::NonBlockingLockExclusive).is_ok()
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        true
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

fn prefix_of(path: &Path) -> OsString {
    let mut prefix = path.file_name().unwrap_or_default().to_owned();
    prefix.push(MARK);
    prefix
}

fn is_leftover(name: &OsStr, prefix: &OsStr) -> bool {
    let (name, prefix) = (name.as_encoded_bytes(), prefix.as_encoded_bytes());
    let rest = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(ENDING.as_bytes()));
    rest.is_some_and(|random| random.len() == RANDOM_LENGTH && random.iter().all(u8::is_ascii_alphanumeric))
}

/// Follows symbolic links, also to a file that does not exist yet.
fn target_of(path: &Path) -> PathBuf {
    let mut target = path.to_owned();
    for _ in 0..LINKS_MAX {
        let Ok(next) = fs::read_link(&target) else { break };
        target = target.parent().unwrap_or(Path::new("")).join(next);
    }
    target
}

/// Writes the state to a temporary file, and moves that file to `path` in one step. Replaces only the file with the
/// identity `own`, and fails if there is another file at `path`: it belongs to the user or to another simulator.
/// Returns the new file, which is locked.
fn write(path: &Path, state: &State, own: Option<Identity>) -> io::Result<File> {
    let prefix = prefix_of(path);
    // Dropping the temporary file removes it, unless it was moved to `path`.
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(ENDING).rand_bytes(RANDOM_LENGTH);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder_of(path))?;
    lock(file.path(), file.as_file())?;
    let before = fs::metadata(path).ok();
    let foreign = || io::Error::other("another program has created or replaced this file");
    if before.as_ref().is_some_and(|before| before.is_file() && identity(before) != own) {
        return Err(foreign());
    }
    if let Some(before) = &before {
        file.as_file().set_permissions(before.permissions())?;
    }
    file.write_all(state.to_json().as_bytes())?;
    // On some file systems, only this call reports that the disk is full.
    file.as_file().sync_all()?;
    if before.is_some() {
        return Ok(file.persist(path)?);
    }
    file.persist_noclobber(path).map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => foreign(),
        _ => error.error,
    })
}
