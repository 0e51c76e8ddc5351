//! Faults that were found by reading the code, each with the other members of its class. Every test fails on code
//! that has the fault. The hunters of planted faults run these tests too (`tests/mutants/cases.rs`).

mod archived;
mod begun;
mod beyond;
mod client;
mod fed;
mod line;
mod links;
mod orders;
mod state;
mod streams;
mod values;
mod values_cases;
