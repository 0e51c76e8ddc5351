//! The tests that every adapter must pass. They use real sockets on the loopback interface, against the simulated
//! exchange and against peers that misbehave. Each adapter implements [`Adapter`] and runs them with [`run`].
//!
//! Every test has a time limit.

#![forbid(unsafe_code)]

mod answers;
mod authentication;
mod autobahn;
mod books;
mod child;
mod endings;
mod faulty;
mod framing;
mod front;
mod independent;
mod interrupts;
mod loopback;
mod pairs;
pub mod peers;
mod proxied;
mod questions;
mod secured;
mod shutdowns;
mod soak;
mod trading;
mod wire;

pub use faulty::Faulty;
pub use secured::authorities_of_the_system;

use std::future::Future;
use std::process::ExitCode;

use gemini_ws_driver::Runtime;
use gemini_ws_transport::{Dialer, Proxies};
use libtest_mimic::{Arguments, Trial};

/// An adapter that the suite tests.
pub trait Adapter: 'static {
    /// The name of the adapter's package. The report of the Autobahn test suite contains it.
    const NAME: &'static str;

    /// The runtime of the adapter.
    type Runtime: Runtime<Io: std::fmt::Debug, Timer: Send> + Send + Sync + 'static;

    /// Returns a runtime that connects with this dialer.
    fn with_dialer(dialer: Dialer) -> Self::Runtime;

    /// Runs a future to its end.
    fn block_on<F: Future>(future: F) -> F::Output;

    /// Waits for the next Ctrl-C.
    fn ctrl_c() -> impl Future<Output = ()>;

    /// Returns a runtime that uses no proxy, even if the environment names one.
    fn runtime() -> Self::Runtime {
        Self::with_dialer(Dialer::new().proxies(Proxies::none()))
    }
}

macro_rules! tests {
    ($($module:ident: $($test:ident),+;)+) => {
        fn tests<A: Adapter>() -> Vec<Trial> {
            vec![$($(
                Trial::test(concat!(stringify!($module), "::", stringify!($test)), || {
                    $module::$test::<A>();
                    Ok(())
                }),
            )+)+]
        }
    };
}

tests! {
    answers: to_the_upgrade, reasons_of_refusals, without_an_end, what_is_asked;
    authentication: every_dial_is_signed_anew, nothing_is_signed_in_clear_text, a_silent_upgrade_holds_up_no_other, who_waits_for_the_signer_is_not_connected, the_wait_for_a_turn_is_not_charged, without_a_signer_nothing_is_sent, endpoints_that_are_added, a_token_and_its_successor, the_users_of_a_key_take_turns, nothing_is_printed;
    interrupts: while_connecting, while_subscribing, while_live, while_closing, while_waiting_to_retry;
    proxied: http_connect, an_answer_without_an_end, socks5, no_proxy, of_the_environment;
    secured: certificates;
    loopback: a_live_book_and_an_orderly_end, a_queue_of_events_holds_the_driver_back_and_loses_nothing, a_consumer_that_takes_nothing_does_not_hold_up_the_end, dropping_the_events_or_the_last_handle_ends_the_driver, commands_of_a_handle, refused_upgrades, faults_of_the_simulated_exchange, tls_reaches_its_provider, a_torn_transport, a_close_frame_is_answered, nobody_listens, wrong_urls_are_final, a_peer_that_accepts_and_stays_silent, the_futures_can_be_spawned;
    pairs: the_events_of_a_driver_that_is_dropped, one_who_waits_is_woken, commands_of_a_driver_that_goes, commands_while_the_driver_ends, a_command_that_is_dropped_is_not_carried_out;
    front: books_for_any_task, why_there_is_no_connection, a_reader_that_goes_unsubscribes, books_end_with_their_driver, an_order_and_its_ticket, an_end_in_spite_of_a_full_queue, orders_that_are_not_sent, a_ticket_ends_with_its_driver, events_as_a_stream, a_timer_beside_events, an_end_before_it_is_live;
    endings: a_cancel_just_before_a_shutdown, a_cancel_just_before_the_end, cancels_beside_a_close_of_the_client, a_cancel_that_waits_at_a_shutdown, a_cancel_that_waits_for_ever_at_a_shutdown, a_cancel_after_an_unknown_end, an_order_without_events, no_time_for_doubts, cancels_without_events, a_cancel_of_a_forgotten_order, an_end_that_only_rest_shows, a_cancel_beside_a_second_endpoint, events_dropped_during_a_shutdown, events_dropped_after_the_last_one, orders_that_no_driver_has_taken, a_client_that_has_closed, a_client_whose_outputs_are_full, live_without_a_link_that_has_ended;
    shutdowns: a_shutdown_and_dropped_events, a_second_shutdown, a_cancel_after_the_beginning_of_the_end, a_cancel_behind_a_shutdown, a_cancel_that_is_refused_during_the_end;
    books: an_overflow_of_many_books, a_reader_after_the_last_one, a_reader_beside_the_last_one, a_book_that_is_unsubscribed, a_book_whose_unsubscribe_waits, a_link_lost_by_a_write, a_book_that_the_venue_rejects, a_book_whose_link_has_ended, a_book_whose_subscription_ends, a_book_from_before_a_sleep;
    questions: a_refusal_of_every_question, nonces_ahead_of_the_time;
    trading: an_order_from_its_request_to_its_end, books_of_the_archived_endpoints, order_events_v1_are_signed_in_their_own_way;
    wire: dropped_in_the_midst, dropped_after_any_poll, an_end_in_the_midst_of_the_upgrade, a_tls_handshake_that_stalls, a_frame_after_the_close, an_end_without_a_close_frame, a_reset_after_the_close_frame, malformed_close_frames, a_breach_while_closing, a_peer_that_reads_nothing, a_peer_that_only_sends, half_a_peer, pongs_by_themselves, last_words_to_a_slow_reader, an_end_before_the_queue;
    framing: a_frame_that_is_too_long, a_message_that_never_ends, a_message_in_too_many_fragments, requests_that_are_dropped, whole_frames_only, input_cut_at_every_byte, a_consumer_that_panics, empty_messages;
    soak: a_network_that_fails;
    autobahn: all_cases;
    independent: servers_that_misbehave;
}

/// Runs the suite with the arguments of the command line, such as names to filter by. A test may start this program
/// again in a separate process. There, the function runs the client or the soak for that test instead.
pub fn run<A: Adapter>() -> ExitCode {
    if let Some(code) = child::main::<A>() {
        return code;
    }
    let mut arguments = Arguments::from_args();
    // Most tests spend most of their time waiting, so run more of them at once than there are processors.
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    arguments.test_threads.get_or_insert(4 * processors);
    libtest_mimic::run(&arguments, tests::<A>()).exit_code()
}
