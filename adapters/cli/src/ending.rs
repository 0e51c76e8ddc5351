//! The outcomes of a task: [`Ending`], [`Failure`], and the exit codes of both.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use crate::output::Unwritten;
use crate::shown::Shown;
use crate::signals::Caught;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    Done,
    /// A signal ended the task in an orderly way. As in shells, the exit code is 128 plus the number of the signal.
    Caught(Caught),
}

#[derive(Debug)]
pub(crate) enum Failure {
    /// The reader of the output has gone, as in `gemini-ws decode FILE | head -1`. This is no error.
    ReaderGone,
    /// A message to print; the exit code is 1.
    Message(Shown),
    /// A message was printed already; the exit code is 1.
    Reported,
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

    pub(crate) fn of_file(path: &Path, error: impl Display) -> Failure {
        Failure::new(format_args!("{}: {error}", path.display()))
    }

    pub(crate) fn of_output(error: &io::Error) -> Failure {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Failure::ReaderGone
        } else {
            Failure::new(format_args!("standard output: {error}"))
        }
    }
}

impl From<Unwritten> for Failure {
    fn from(unwritten: Unwritten) -> Failure {
        match unwritten {
            Unwritten::Stalled => {
                Failure::new("standard output: the reader takes nothing, so the rest of the output is lost")
            }
            Unwritten::Failed(error) => Failure::of_output(&error),
        }
    }
}
