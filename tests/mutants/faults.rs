//! Faults that a conversation shows: each is hunted by the tests that are named after it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::hunt::Found;
use crate::support::observer::Violation;

#[path = "../faults/streams.rs"]
mod streams;

/// Conversations, and the fault that they show.
#[rustfmt::skip]
const ALL: &[(&str, fn())] = &[
    ("A6", streams::a6_a_stream_that_is_refused_for_now_does_not_end_the_link),
    ("A6", streams::a6_one_book_without_a_snapshot_does_not_end_the_link),
    ("A6", streams::a6_snapshots_that_keep_coming_are_awaited),
    ("A6", streams::a6_a_batch_that_fails_is_split),
    ("BR-01", streams::br_01_a_book_that_cannot_be_decoded_costs_only_itself),
    ("A9", streams::a9_a_cancel_is_taken_while_subscriptions_wait),
    ("A9", streams::a9_cancels_have_places_and_room_that_nothing_else_takes),
    ("B11", streams::b11_a_dead_link_ends_however_often_it_is_woken),
    ("C14", streams::c14_a_probe_has_time_for_its_answer),
    ("C2", streams::c2_a_change_of_an_old_subscription_of_v2_is_not_a_book),
    ("C3", streams::c3_streams_of_v2_that_were_refused_are_not_called_subscribed),
    ("C3", streams::c3_an_error_of_v2_is_never_blamed_on_a_valid_stream),
    ("C4", streams::c4_data_of_v2_frees_the_place_of_its_request),
    ("C5", streams::c5_a_frame_of_a_new_kind_on_v1_is_counted),
    ("C18", streams::c18_minus_1003_without_a_status_is_not_final),
];

/// Holds the conversations that are about one of these, if any is.
pub(crate) fn find(expected: &[&str]) -> Option<Found> {
    let about = ALL.iter().filter(|(id, _)| expected.contains(id));
    about.enumerate().find_map(|(steps, (id, hold))| {
        let what = "a conversation went wrong".to_owned();
        let violation = Violation { id, what };
        catch_unwind(AssertUnwindSafe(hold)).err().map(|_| Found { violation, by: "a conversation", steps })
    })
}

pub(crate) fn find_any() -> Option<Found> {
    ALL.iter().find_map(|(id, _)| find(&[id]))
}
