//! `gemini-ws watch`: the markets of a venue as they move.
//!
//! What is known ([`session`]) is apart from how it is shown ([`screen`], [`plain`]), and both are
//! apart from sockets, signals and the terminal ([`run`]).

mod format;
mod plain;
mod rate;
mod run;
mod screen;
mod session;
mod tops;

pub(crate) use run::run;
