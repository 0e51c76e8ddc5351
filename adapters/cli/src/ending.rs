//! How a task ends: [`Ending`], [`Failure`], and the exit codes of both.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use crate::output::Unwritten;
use crate::shown::Shown;
use crate::signals::Caught;

/// How a task came to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    /// It did what it was asked to.
    Done,
    /// In good order, because of a signal: 128 and its number, as shells have it.
    Caught(Caught),
}

/// Why a task did not come to its end.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Whoever read our output has gone, as in `gemini-ws decode FILE | head -1`: nothing is wrong.
    NobodyReads,
    /// What to tell the user; the exit code is 1.
    Message(Shown),
    /// The user was told already; the exit code is 1.
    Told,
}

impl Ending {
    pub(crate) fn code(self) -> ExitCode {
        match self {
            Ending::Done => ExitCode::SUCCESS,
            Ending::Caught(signal) => ExitCode::from(signal.code()),
        }
    }
}

impl Failure {
    pub(crate) fn new(message: impl Display) -> Failure {
        Failure::Message(Shown::of(message))
    }

    /// An error about a file, which is named.
    pub(crate) fn of_file(path: &Path, error: impl Display) -> Failure {
        Failure::new(format_args!("{}: {error}", path.display()))
    }

    /// An error of writing to standard output.
    pub(crate) fn of_output(error: &io::Error) -> Failure {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Failure::NobodyReads
        } else {
            Failure::new(format_args!("standard output: {error}"))
        }
    }
}

impl From<Unwritten> for Failure {
    fn from(unwritten: Unwritten) -> Failure {
        match unwritten {
            Unwritten::NobodyReads => {
                Failure::new("standard output: nobody reads it, so the rest of the output is lost")
            }
            Unwritten::Failed(error) => Failure::of_output(&error),
        }
    }
}
