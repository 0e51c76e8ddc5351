//! Faults that were found by reading the code, each with the other faults of its kind. Every test fails on code that
//! has the fault. `tests/mutants/cases.rs` runs these tests too, to find planted faults.

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
