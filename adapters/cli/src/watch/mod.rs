//! `gemini-ws watch`: the markets of a venue as they move.
//!
//! What is known ([`session`]) is apart from how it is shown ([`screen`], [`plain`], [`display`]), and both are
//! apart from sockets, signals and the terminal ([`run`], [`terminal`], [`keys`]).

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
