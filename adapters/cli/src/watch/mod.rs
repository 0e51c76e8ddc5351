//! Runs `gemini-ws watch`: shows the markets of a venue as they move.
//!
//! [`session`] keeps what was received. [`screen`], [`plain`] and [`display`] show it. [`run`], [`terminal`] and
//! [`keys`] deal with sockets, signals and the terminal.

mod display;
mod format;
mod keys;
mod lines;
mod plain;
mod rate;
mod replay;
mod run;
mod screen;
mod session;
mod target;
mod terminal;
#[cfg(test)]
pub(crate) mod testing;
mod tops;

pub(crate) use run::run;
pub(crate) use session::Summary;
