//! The hunter of faults of frames and values: the cases of their tests.

#[path = "../faults/values_cases.rs"]
mod cases;

use std::panic::catch_unwind;

use crate::hunt::Found;
use crate::support::observer::Violation;

/// Runs the cases of these faults, or all of them.
pub(crate) fn find(faults: Option<&[&str]>) -> Option<Found> {
    let wanted = |id: &str| faults.is_none_or(|faults| faults.contains(&id));
    let mut cases = cases::CASES.iter().filter(|(id, _)| wanted(id));
    let (id, _) = *cases.find(|(_, case)| catch_unwind(case).is_err())?;
    Some(Found { violation: Violation { id, what: "a case fails".into() }, by: "cases", steps: 0 })
}
