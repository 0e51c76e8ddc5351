//! Faults that were found by reading, each with the other members of its class: every test fails on the code that had
//! the fault. The hunters of planted faults run them too (`tests/mutants/cases.rs`).

mod archived;
mod beyond;
mod client;
mod fed;
mod line;
mod links;
mod orders;
mod state;
mod streams;
#[path = "../support/mod.rs"]
mod support;
mod values;
mod values_cases;
