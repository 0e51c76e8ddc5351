//! All tests of the command, in one program. Most tests spend most of their time waiting, so more of them run at once
//! than there are processors.

mod support;

mod foreign;
mod frames;
mod output;
mod recordings;
mod restarts;
mod simulate;
mod terminal;
mod watch;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

// The compiler warns of a test that is not listed here, because it is dead code.
macro_rules! tests {
    ($($(#[$of_module:meta])* $module:ident: $($(#[$of_test:meta])* $test:ident),+;)+) => {
        fn tests() -> Vec<Trial> {
            let mut tests = Vec::new();
            $(
                $(#[$of_module])*
                {$(
                    $(#[$of_test])*
                    tests.push(Trial::test(concat!(stringify!($module), "::", stringify!($test)), || {
                        $module::$test();
                        Ok(())
                    }));
                )+}
            )+
            tests
        }
    };
}

tests! {
    foreign: text_of_the_venue, keys_in_texts_of_the_venue, text_of_a_recording_and_of_arguments, passwords_in_addresses_are_refused_and_not_shown, no_proxy_leads_to_this_machine, an_authority_that_is_named_is_trusted, authorities;
    frames: frames_of_all_endpoints, lines_are_as_the_schema_says, faults_are_found;
    #[cfg(unix)]
    output: nobody_reads_the_output, a_blocked_pipe_stops_no_pings, a_reader_that_pauses_is_told_what_it_missed, standard_error_that_takes_nothing, output_that_cannot_be_written, help_without_a_reader, streams_that_are_non_blocking, signals_end_in_good_order, #[cfg(target_os = "linux")] nohup, a_second_signal_ends_at_once;
    recordings: decode_goes_on_after_what_it_cannot_decode, recorded_frames_are_all_known, books_are_those_of_the_golden_files, a_symbol_for_frames_that_name_none, a_lost_delta_makes_one_gap_and_a_stale_book, a_book_of_the_real_size, long_lines_take_the_time_of_their_length, wrong_use_says_what_to_do, a_line_in_a_line_out, what_is_no_text_is_refused_with_a_remedy, a_reader_that_goes_away_is_no_failure;
    restarts: a_killed_simulator_goes_on, #[cfg(unix)] a_file_has_one_simulator, #[cfg(unix)] a_file_that_was_replaced, a_new_file_has_one_simulator, #[cfg(unix)] a_file_stays_what_it_is, #[cfg(unix)] files_of_the_user_stay, #[cfg(unix)] leftovers_are_removed, #[cfg(unix)] an_early_signal_leaves_no_file, the_same_seed_without_a_file, a_file_that_is_no_state_is_left_as_it_is, faults_of_the_command_and_over_http;
    simulate: every_printed_address_is_served, accounts_of_the_user, an_interrupt_closes_in_good_order, the_help_lists_all_faults, a_fault_without_a_session_is_reported, wrong_use;
    #[cfg(target_os = "linux")]
    terminal: keys_end_it, pasted_text_is_no_key, a_recording_that_is_typed, ctrl_z_gives_the_terminal_back_and_fg_takes_it, a_signal_ends_it_after_ctrl_z, in_the_background_it_draws_nothing, without_a_shell_ctrl_z_stops_nothing, a_terminal_that_takes_nothing, a_terminal_that_is_gone, a_terminal_that_sends_without_an_end, a_terminal_that_reports_a_huge_size, a_terminal_that_reports_no_size, without_a_controlling_terminal_lines_are_printed, text_of_the_venue_does_nothing_to_the_terminal;
    watch: a_generated_market, events_as_json, a_recording_with_a_gap, the_end_of_a_recording, a_pipe_without_a_line, #[cfg(target_os = "linux")] a_long_recording_takes_no_more_memory, a_venue_that_cannot_be_reached, a_proxy_that_cannot_be_reached, delays_are_random_unless_a_seed_is_given, an_interrupt_ends_in_an_orderly_way, a_simulator_of_its_own, nobody_reads, wrong_use;
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    arguments.test_threads.get_or_insert(4 * processors);
    libtest_mimic::run(&arguments, tests()).exit_code()
}
