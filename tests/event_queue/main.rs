//! The queue of events: tables, a plain model, and what an owner with it does in failure scenarios.

mod announced;
mod limits;
mod model;
mod owner;
#[path = "../support/mod.rs"]
mod support;
mod tables;
mod words;
