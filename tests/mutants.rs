//! Proof that the checks bite: each fault of `src/mutants.rs`, switched on by itself, is found, and by a check
//! that is about it.
//!
//! `RUSTFLAGS="--cfg gemini_ws_mutants" cargo test --target-dir target/mutants --test mutants -- --nocapture`
//!
//! A fault is looked for in traces that were made for some of them, then on random walks.

#[cfg(gemini_ws_mutants)]
#[path = "mutants/hunt.rs"]
mod hunt;
#[cfg(gemini_ws_mutants)]
mod support;
#[cfg(gemini_ws_mutants)]
#[path = "mutants/table.rs"]
mod table;

#[cfg(not(gemini_ws_mutants))]
#[test]
#[ignore = "wants RUSTFLAGS=\"--cfg gemini_ws_mutants\" and a target directory of its own"]
fn each_mutant_is_found() {}
