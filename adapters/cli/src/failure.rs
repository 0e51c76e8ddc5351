//! [`Failure`]: why a task did not come to its end.

use std::fmt::Display;
use std::io;
use std::path::Path;

/// Why a task did not come to its end.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Whoever read our output has gone, as in `gemini-ws decode FILE | head -1`: nothing is wrong.
    NobodyReads,
    /// What to tell the user; the exit code is 1.
    Message(String),
}

impl Failure {
    /// An error about a file, which is named.
    pub(crate) fn of_file(path: &Path, error: impl Display) -> Failure {
        Failure::Message(format!("{}: {error}", path.display()))
    }

    /// An error of writing to standard output.
    pub(crate) fn of_output(error: &io::Error) -> Failure {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Failure::NobodyReads
        } else {
            Failure::Message(format!("standard output: {error}"))
        }
    }
}
