//! Faults of frames, values and requests, each with the other faults of its kind.

use super::values_cases as cases;

macro_rules! tests {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            cases::$name();
        }
    )*};
}

/// Checks the ids of the cases, because `tests/mutants` runs each case by the id of its fault.
#[test]
fn every_case_is_hunted_with() {
    let ids: std::collections::BTreeSet<&str> = cases::CASES.iter().map(|(id, _)| *id).collect();
    assert!(ids.iter().eq(&["A5", "B8", "BR-15", "BR-36", "C13", "C15"]), "{ids:?}");
}

tests! {
    a5_what_informs_costs_no_fill
    a5_every_member_of_every_frame
    b8_zero_members_are_no_fill
    c13_a_precision_does_not_cut
    c15_the_volume_of_a_day_can_be_read
    br15_symbols_of_sixty_four_bytes
    br36_frames_that_name_their_kind
    api_decimals
    api_requests
    api_times
}
