//! Faults of the client, its links and its limits. Each test asserts the right behaviour, and failed before the fix.

#[path = "client/ends.rs"]
mod ends;
#[path = "client/harness.rs"]
mod harness;
#[path = "client/hosts.rs"]
mod hosts;
#[path = "client/limits.rs"]
mod limits;
#[path = "client/retries.rs"]
mod retries;

/// Tests, each with the id of the fault that it shows. `tests/mutants` runs these tests to find planted faults.
#[allow(dead_code, reason = "the tests run by themselves")]
pub(crate) const FAULTS: &[(&str, fn())] = &[
    ("a8", ends::a8_orders_of_a_link_in_backoff_are_cancelled_or_it_is_told),
    ("a8", ends::a8_orders_are_cancelled_or_it_is_told_when_the_limit_on_requests_is_used_up),
    ("a8", ends::a8_each_session_whose_orders_may_rest_is_told),
    ("a8", ends::a8_a_request_without_an_answer_leaves_time_to_cancel),
    ("pc-01", ends::pc_01_the_reason_of_a_close_frame_is_told_as_it_is),
    ("a10", ends::a10_every_call_returns_at_both_ends_of_the_clock),
    ("b9", limits::b9_no_window_holds_more_than_the_limit),
    ("b10", limits::b10_asking_for_the_limits_does_not_slow_orders_down),
    ("b10", limits::b10_the_venues_limits_can_loosen_again),
    ("b10", limits::b10_the_windows_of_the_newest_reply_hold),
    ("b10", limits::b10_the_lower_of_two_limits_on_a_window_holds),
    ("b9", limits::b9_what_was_sent_since_the_question_counts),
    ("links", limits::each_endpoint_that_stays_open_gets_its_link),
    ("b12", retries::b12_clients_do_not_come_back_in_the_same_instant),
    ("ceiling", retries::also_retry_after_has_a_ceiling),
    ("b13", ends::b13_a_closing_handshake_takes_no_longer_than_its_timeout),
    ("br08", retries::br08_what_is_final_and_what_is_not),
    ("br08", retries::br08_another_link_of_the_endpoint_has_shown_that_it_works),
    ("br08", retries::br08_a_code_of_the_peer_is_final_unless_the_link_had_lasted),
    ("br09", retries::br09_a_reason_is_a_word_and_nothing_else),
    ("also", ends::also_our_own_end_is_not_the_peers),
    ("c10", retries::c10_a_stable_link_starts_the_count_of_attempts_again),
    ("c10", retries::c10_attempts_that_fail_are_counted_and_nothing_else),
    ("c11", retries::c11_one_stream_can_take_the_place_of_another_on_the_only_link),
    ("c19", retries::c19_open_in_a_loop_does_not_hammer),
    ("c19", retries::c19_subscribing_in_a_loop_does_not_hammer),
    ("c20", hosts::c20_hosts_of_removed_endpoints_are_forgotten),
    ("c20", hosts::c20_a_host_that_is_added_again_remembers_what_was_used),
    ("c20", hosts::c20_the_limits_of_a_removed_endpoint_hold_for_its_host),
    ("c20", hosts::c20_spellings_of_an_address_are_one),
    ("c20", hosts::c20_a_parameter_of_the_user_is_not_repeated),
    ("also", hosts::also_what_is_refused_says_with_what),
];
