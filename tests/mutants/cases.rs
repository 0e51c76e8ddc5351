//! Runs the tests of `tests/faults` to find the planted faults that they are named after.

#[path = "../faults/archived.rs"]
mod archived;
#[path = "../faults/begun.rs"]
mod begun;
#[path = "../faults/client.rs"]
mod client;
#[path = "../faults/fed.rs"]
#[allow(dead_code, reason = "some of it is for tests that are no hunters")]
mod fed;
#[path = "../faults/line.rs"]
mod line;
#[path = "../faults/links.rs"]
mod links;
#[path = "../faults/orders.rs"]
mod orders;
#[path = "../faults/state.rs"]
mod state;
#[path = "../faults/streams.rs"]
mod streams;
#[path = "../faults/values_cases.rs"]
#[allow(dead_code, reason = "some of them show no fault")]
mod values;

use std::panic::catch_unwind;

use super::hunt::Found;
use testkit::observer::Violation;

/// Tests, each with the name of the fault that it shows.
type Cases = &'static [(&'static str, fn())];

const ALL: [Cases; 8] = [
    archived::FAULTS,
    begun::FAULTS,
    client::FAULTS,
    links::FAULTS,
    orders::FAULTS,
    state::FAULTS,
    streams::FAULTS,
    values::CASES,
];

pub(crate) fn show(faults: &[&str]) -> bool {
    ALL.into_iter().flatten().any(|(id, _)| faults.contains(id))
}

/// Runs the tests of these faults. Returns the first that fails.
pub(crate) fn find(faults: &[&str]) -> Option<Found> {
    let wanted = ALL.into_iter().flatten().filter(|(id, _)| faults.contains(id));
    wanted.enumerate().find_map(|(steps, (id, test))| {
        let what = catch_unwind(*test).is_err().then(|| "its test fails".to_owned())?;
        Some(Found { violation: Violation { id, what }, by: "its test", steps })
    })
}
