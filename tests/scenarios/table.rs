//! Where each scenario is shown: a transcript, or a test in a file.
//!
//! The numbers are those of the catalogue of failures that is kept beside the repository; they are never given
//! anew.

/// The number of a scenario, what goes wrong in it elsewhere, and who shows that it does not here: files of
/// transcripts, and names of tests behind those of their files.
pub(crate) const SCENARIOS: &[(&str, &str, &[&str])] = &[
    (
        "L-001",
        "uncounted worker",
        &[
            "tests/transcripts/uncounted_worker.txt",
            "tests/scenarios/legs.rs::two_legs_end_in_every_order",
            "tests/stories.rs::two_links_one_end",
        ],
    ),
    (
        "L-002",
        "end told too early",
        &[
            "tests/transcripts/barrier_released_early.txt",
            "tests/transcripts/shutdown_in_steps.txt",
            "tests/scenarios/legs.rs::two_legs_end_in_every_order",
        ],
    ),
    ("L-003", "a debt of the attempt before", &["tests/transcripts/debt_of_a_generation.txt"]),
    ("L-004", "counted by the worker itself", &["tests/transcripts/close_in_the_step_of_open.txt"]),
    ("L-005", "counted, and no worker", &["tests/transcripts/optional_leg.txt"]),
    ("L-006", "a reader after a failed dial", &["tests/transcripts/second_dial_fails.txt"]),
    (
        "L-007",
        "a teardown that waits for itself",
        &["tests/transcripts/teardown_by_a_timer.txt", "tests/transcripts/silence_and_close.txt"],
    ),
    (
        "L-008",
        "an end from inside a handler",
        &[
            "tests/scenarios/ending.rs::an_end_from_inside_a_handler",
            "tests/scenarios/legs.rs::a_handler_ends_the_client",
        ],
    ),
    (
        "L-009",
        "a handler needs what the end holds",
        &["tests/transcripts/close_live.txt", "tests/scenarios/legs.rs::a_handler_ends_the_client"],
    ),
    (
        "L-010",
        "readers stuck at a full queue",
        &[
            "tests/event_queue.rs::l_010_a_full_queue_does_not_hold_up_the_end",
            "adapters/smol/tests/loopback.rs::a_consumer_that_takes_nothing_does_not_hold_up_the_end",
        ],
    ),
    ("L-011", "a straggler after the end", &["tests/transcripts/straggler.txt"]),
    (
        "L-012",
        "an end wanted twice",
        &[
            "tests/scenarios/ending.rs::an_end_wanted_again_and_again",
            "tests/transcripts/earlier_deadline.txt",
        ],
    ),
    ("L-013", "an end before anything began", &["tests/transcripts/close_idle.txt"]),
    (
        "L-014",
        "an end undone by a supervisor",
        &["tests/transcripts/close_live.txt", "tests/scenarios/ending.rs::no_dial_after_the_end"],
    ),
    (
        "L-015",
        "an end without its cleanup",
        &["tests/scenarios/ending.rs::every_end_of_a_link_leaves_the_same"],
    ),
    ("L-016", "a helper outlives its link", &["tests/transcripts/helper_of_a_dead_link.txt"]),
    (
        "L-017",
        "something left of each attempt",
        &["tests/scenarios/retrying.rs::ten_thousand_failed_attempts"],
    ),
    (
        "L-018",
        "the transport's end never comes",
        &["tests/transcripts/close_unanswered.txt", "tests/transcripts/shutdown_in_steps_unanswered.txt"],
    ),
    (
        "L-019",
        "the consumer is stopped first",
        &["tests/event_queue.rs::l_019_the_consumer_is_stopped_first"],
    ),
    (
        "L-020",
        "dropped in the midst",
        &[
            "tests/scenarios/ending.rs::dropped_in_every_state",
            "adapters/smol/tests/wire.rs::dropped_in_the_midst",
        ],
    ),
    (
        "L-021",
        "closed while dialling",
        &[
            "tests/transcripts/close_while_connecting.txt",
            "adapters/smol/tests/wire.rs::an_end_in_the_midst_of_the_upgrade",
        ],
    ),
    (
        "L-022",
        "the peer accepts and stays silent",
        &[
            "tests/transcripts/connect_timeout.txt",
            "tests/stories.rs::a_venue_that_never_answers",
            "adapters/smol/tests/loopback.rs::a_peer_that_accepts_and_stays_silent",
        ],
    ),
    (
        "L-023",
        "TLS stalls",
        &[
            "tests/transcripts/connect_timeout.txt",
            "adapters/smol/tests/wire.rs::a_tls_handshake_that_stalls",
        ],
    ),
    ("L-024", "giving up a dial fails itself", &["tests/transcripts/connect_timeout.txt"]),
    ("L-025", "a failed dial without an end", &["tests/scenarios/ending.rs::one_end_of_a_failed_attempt"]),
    ("L-026", "open, and the first answer never comes", &["tests/transcripts/first_frame_never_comes.txt"]),
    ("L-027", "late success of a dial given up", &["tests/transcripts/connect_timeout.txt"]),
    (
        "L-028",
        "which refusal of the upgrade",
        &[
            "tests/scenarios/retrying.rs::refusals_of_the_upgrade",
            "adapters/smol/tests/loopback.rs::refused_upgrades",
        ],
    ),
    (
        "L-029",
        "accepted, then dropped",
        &["tests/transcripts/flapping.txt", "tests/scenarios/retrying.rs::a_link_must_last_to_count"],
    ),
    ("L-030", "opened twice", &["tests/transcripts/open_in_backoff.txt"]),
    ("L-031", "one link up, the other not", &["tests/transcripts/one_leg_up.txt"]),
    ("L-032", "one failure ends private data for good", &["tests/transcripts/private_comes_back.txt"]),
    (
        "L-033",
        "a fault while still connecting",
        &[
            "tests/transcripts/fault_while_connecting.txt",
            "tests/scenarios/legs.rs::one_leg_moves_alone",
            "tests/stories.rs::a_fault_while_still_connecting",
        ],
    ),
    ("L-034", "watchers of failed dials", &["tests/scenarios/retrying.rs::attempts_leave_no_watchers"]),
    ("L-035", "an error after the link is up", &["tests/transcripts/refused_after_open.txt"]),
    (
        "L-036",
        "the peer closes first",
        &[
            "tests/transcripts/close_after_the_peer.txt",
            "adapters/smol/tests/loopback.rs::a_close_frame_is_answered",
        ],
    ),
    (
        "L-037",
        "the answering Close is never flushed",
        &["adapters/smol/tests/loopback.rs::a_close_frame_is_answered"],
    ),
    ("L-038", "our Close is never answered", &["tests/transcripts/close_unanswered.txt"]),
    ("L-039", "stuck in closing", &["tests/transcripts/close_answered_without_end.txt"]),
    ("L-040", "data between the two Close frames", &["tests/transcripts/close_live.txt"]),
    (
        "L-041",
        "data after the peer's Close",
        &["tests/transcripts/closed_by_peer.txt", "adapters/smol/tests/wire.rs::a_frame_after_the_close"],
    ),
    (
        "L-042",
        "both close at once",
        &["tests/transcripts/close_both_at_once.txt", "tests/transcripts/close_after_the_peer.txt"],
    ),
    (
        "L-043",
        "an end without a Close frame",
        &[
            "tests/transcripts/end_without_close.txt",
            "adapters/smol/tests/wire.rs::an_end_without_a_close_frame",
        ],
    ),
    (
        "L-044",
        "a reset after the Close frame",
        &[
            "tests/transcripts/close_then_reset.txt",
            "adapters/smol/tests/wire.rs::a_reset_after_the_close_frame",
        ],
    ),
    ("L-045", "malformed Close frames", &["adapters/smol/tests/wire.rs::malformed_close_frames"]),
    ("L-046", "a breach while closing", &["adapters/smol/tests/wire.rs::a_breach_while_closing"]),
    ("L-047", "an illegal code of our own", &["tests/scenarios/ending.rs::codes_of_our_own_close"]),
    (
        "L-048",
        "an orderly close taken as final",
        &[
            "tests/transcripts/maintenance_close.txt",
            "tests/transcripts/closed_by_peer.txt",
            "tests/scenarios/retrying.rs::codes_of_the_peer",
        ],
    ),
    (
        "L-049",
        "a policy close answered with hammering",
        &[
            "tests/transcripts/closed_by_peer_policy.txt",
            "tests/transcripts/wrong_key.txt",
            "tests/scenarios/retrying.rs::policy_closes_five_times",
        ],
    ),
    ("L-050", "our own end looks like a fault", &["tests/transcripts/close_when_bytes_arrive.txt"]),
    ("L-051", "events of the socket before", &["tests/transcripts/straggler.txt"]),
    (
        "L-052",
        "a stale error in a queue",
        &["tests/transcripts/stale_error.txt", "tests/stories.rs::an_error_that_comes_too_late"],
    ),
    (
        "L-053",
        "the Close frame cannot get out",
        &[
            "tests/transcripts/close_waits_for_a_writer.txt",
            "adapters/smol/tests/wire.rs::a_peer_that_reads_nothing",
        ],
    ),
    (
        "L-054",
        "the end waits for a writer",
        &[
            "tests/transcripts/close_waits_for_a_writer.txt",
            "adapters/smol/tests/wire.rs::a_peer_that_reads_nothing",
            "tests/stories.rs::an_end_that_waits_for_nobody",
        ],
    ),
    ("L-055", "half a transport", &["adapters/smol/tests/wire.rs::half_a_peer"]),
    ("L-056", "ends missing or doubled", &["tests/scenarios/ending.rs::five_cycles"]),
    (
        "L-057",
        "a half-open socket",
        &["tests/transcripts/silence.txt", "tests/stories.rs::a_line_that_is_dead"],
    ),
    ("L-058", "silence noticed only when data comes", &["tests/transcripts/silence.txt"]),
    ("L-059", "a death that nobody is told of", &["tests/transcripts/silence.txt"]),
    (
        "L-060",
        "public data hides a dead private link",
        &[
            "tests/transcripts/busy_public_silent_private.txt",
            "tests/scenarios/legs.rs::a_busy_leg_vouches_for_nobody",
        ],
    ),
    ("L-061", "alive but mute", &["tests/transcripts/alive_but_mute.txt"]),
    ("L-062", "an old timer on a new link", &["tests/transcripts/silence_twice.txt"]),
    ("L-063", "only pongs count as life", &["tests/transcripts/late_answer_but_data.txt"]),
    ("L-064", "a pong that is never flushed", &["adapters/smol/tests/wire.rs::pongs_by_themselves"]),
    ("L-065", "pings after closing", &["tests/transcripts/close_and_probes.txt"]),
    ("L-066", "slow handling starves keep-alive", &["tests/scenarios/ending.rs::nobody_takes_anything"]),
    ("L-067", "timers behind a pending read", &["tests/transcripts/silence.txt"]),
    ("L-068", "the wall clock jumps", &["tests/scenarios/ending.rs::wall_clocks_that_jump"]),
    (
        "L-069",
        "sleep and wake",
        &[
            "tests/transcripts/sleep_and_wake.txt",
            "tests/transcripts/sleep_in_backoff.txt",
            "tests/transcripts/woken_up.txt",
        ],
    ),
    ("L-070", "silence that begins after a check", &["tests/transcripts/silence_after_a_frame.txt"]),
    ("L-071", "no spread", &["tests/scenarios/retrying.rs::a_hundred_clients_come_back"]),
    ("L-072", "backoff reset too early", &["tests/scenarios/retrying.rs::a_link_must_last_to_count"]),
    (
        "L-073",
        "attempts that are not counted",
        &["tests/transcripts/refused_dial.txt", "tests/scenarios/retrying.rs::twenty_failed_attempts"],
    ),
    (
        "L-074",
        "closed in backoff",
        &[
            "tests/transcripts/close_in_backoff.txt",
            "tests/transcripts/close_at_the_deadline.txt",
            "tests/transcripts/close_when_the_attempt_is_due.txt",
            "tests/stories.rs::closed_while_it_waits",
        ],
    ),
    ("L-075", "closed and reopened in backoff", &["tests/transcripts/open_in_backoff.txt"]),
    ("L-076", "two reconnects of one end", &["tests/transcripts/error_and_end.txt"]),
    (
        "L-077",
        "an end that calls for another",
        &["tests/transcripts/abort_answered_at_once.txt", "tests/transcripts/straggler.txt"],
    ),
    ("L-078", "the old reader on a new link", &["tests/transcripts/old_bytes.txt"]),
    (
        "L-079",
        "name look-up fails",
        &["tests/transcripts/name_lookup.txt", "tests/scenarios/retrying.rs::an_hour_without_names"],
    ),
    (
        "L-080",
        "retrying stops without a word",
        &["tests/transcripts/attempts_exhausted.txt", "tests/transcripts/attempts_exhausted_on_one_leg.txt"],
    ),
    (
        "L-081",
        "429, retried at once",
        &[
            "tests/transcripts/delay_of_a_host.txt",
            "tests/transcripts/refused_for_now.txt",
            "adapters/smol/tests/loopback.rs::refused_upgrades",
        ],
    ),
    (
        "L-082",
        "wrong credentials retried for ever",
        &["tests/transcripts/wrong_key.txt", "tests/transcripts/refused_for_good.txt"],
    ),
    (
        "L-083",
        "all links end once a day",
        &["tests/transcripts/daily_cycle.txt", "tests/scenarios/legs.rs::forty_links_end_at_once"],
    ),
    ("L-084", "hours of maintenance", &["tests/scenarios/retrying.rs::four_hours_of_maintenance"]),
    (
        "L-085",
        "one bad link recycles all",
        &["tests/transcripts/one_bad_leg_of_three.txt", "tests/scenarios/legs.rs::one_leg_moves_alone"],
    ),
    ("L-086", "opened while closing", &["tests/scenarios/ending.rs::no_dial_after_the_end"]),
    ("L-087", "reconnected, not resubscribed", &["tests/transcripts/reconnect_three_streams.txt"]),
    (
        "L-088",
        "connected before resubscribed",
        &["tests/transcripts/reconnect_before_replies.txt", "tests/stories.rs::connected_is_not_ready"],
    ),
    (
        "L-089",
        "stale records block resubscribing",
        &["tests/transcripts/reconnect.txt", "tests/transcripts/reconnect_three_streams.txt"],
    ),
    ("L-090", "subscribed twice after a reconnect", &["tests/transcripts/subscribe_while_down.txt"]),
    ("L-091", "an unsubscribed stream comes back", &["tests/transcripts/unsubscribe_while_down.txt"]),
    (
        "L-092",
        "a burst breaks the limit",
        &[
            "tests/transcripts/resubscribed_at_a_rate.txt",
            "tests/scenarios/legs.rs::two_hundred_streams_at_five_a_second",
        ],
    ),
    ("L-093", "subscribed without proof", &["tests/transcripts/no_proof_no_stream.txt"]),
    (
        "L-094",
        "one bad name in a batch",
        &[
            "tests/transcripts/bad_name_among_good_ones.txt",
            "tests/scenarios/asking.rs::one_bad_name_of_ten_in_each_place",
            "tests/scenarios/asking.rs::no_answer_for_ten",
        ],
    ),
    ("L-095", "a small change recycles everything", &["tests/transcripts/one_more_stream.txt"]),
    ("L-096", "a stream of several users", &["tests/transcripts/shared_stream.txt"]),
    (
        "L-097",
        "requests hang after a drop",
        &["tests/transcripts/requests_lost.txt", "tests/stories.rs::every_question_has_an_end"],
    ),
    ("L-098", "requests hang after a clean end", &["tests/transcripts/requests_at_close.txt"]),
    ("L-099", "an old answer for a new request", &["tests/transcripts/answer_of_the_old_link.txt"]),
    ("L-100", "a waiter left by a failed send", &["tests/transcripts/request_refused.txt"]),
    (
        "L-101",
        "an answer before the waiter",
        &["tests/scenarios/ending.rs::an_answer_in_the_step_of_its_request"],
    ),
    (
        "L-102",
        "requests replayed",
        &[
            "tests/transcripts/request_refused.txt",
            "tests/scenarios/legs.rs::what_was_not_handed_out_was_not_sent",
        ],
    ),
    (
        "L-103",
        "last words lost",
        &[
            "tests/transcripts/last_words.txt",
            "tests/transcripts/shutdown_in_steps.txt",
            "tests/scenarios/legs.rs::what_was_not_handed_out_was_not_sent",
            "adapters/smol/tests/wire.rs::last_words_to_a_slow_reader",
        ],
    ),
    ("L-104", "an error close behind the queue", &["adapters/smol/tests/wire.rs::an_end_before_the_queue"]),
    ("L-105", "writes without bound", &["tests/scenarios/ending.rs::limits_of_what_waits"]),
    ("L-106", "writes without a limit of time", &["tests/transcripts/half_of_a_transport.txt"]),
    ("L-107", "a cancelled write", &["adapters/smol/tests/wire.rs::requests_that_are_dropped"]),
    ("L-108", "two writers at once", &["adapters/smol/tests/wire.rs::whole_frames_only"]),
    ("L-109", "written to the successor", &["tests/transcripts/resubscribed_at_a_rate.txt"]),
    ("L-110", "a cancelled read", &["adapters/smol/tests/wire.rs::input_cut_at_every_byte"]),
    ("L-111", "read on after the end", &["tests/transcripts/after_the_end.txt"]),
    (
        "L-112",
        "one panic takes all down",
        &["tests/fuzzing.rs::random_scripts", "adapters/smol/tests/wire.rs::a_consumer_that_panics"],
    ),
    (
        "L-113",
        "one bad element spoils a batch",
        &["tests/market_data.rs::l_113_one_bad_element_spoils_nothing"],
    ),
    (
        "L-114",
        "an empty message taken for the end",
        &["tests/transcripts/empty_messages.txt", "adapters/smol/tests/wire.rs::empty_messages"],
    ),
    ("L-115", "size and inflation", &["adapters/smol/tests/wire.rs::a_frame_that_is_too_long"]),
    (
        "L-116",
        "an unknown message passes as success",
        &["tests/market_data.rs::l_116_no_sample_passes_unseen"],
    ),
    ("L-117", "a queue without bound", &["tests/event_queue.rs::l_117_a_queue_has_a_bound"]),
    ("L-118", "a silent drop", &["tests/event_queue.rs::l_118_a_drop_is_announced_in_its_place"]),
    (
        "L-119",
        "the error goes into the full queue",
        &["tests/event_queue.rs::l_119_an_error_after_an_overflow_is_told"],
    ),
    ("L-120", "blocked instead of dropped", &["tests/event_queue.rs::l_120_a_pause_has_a_limit"]),
    (
        "L-121",
        "a dropped change spoils the book",
        &["tests/event_queue.rs::l_121_a_dropped_change_spoils_the_book"],
    ),
    (
        "L-122",
        "a snapshot merged into the old book",
        &[
            "tests/market_data.rs::l_122_a_snapshot_replaces_the_old_book",
            "tests/stories.rs::a_level_that_is_gone",
        ],
    ),
    (
        "L-123",
        "a snapshot known by its extras",
        &["tests/market_data.rs::l_123_trades_do_not_make_a_snapshot"],
    ),
    ("L-124", "the old book served while down", &["tests/market_data.rs::l_124_no_book_outlives_its_link"]),
    ("L-125", "a gap not noticed", &["tests/market_data.rs::l_125_a_gap_is_noticed_once"]),
    ("L-126", "a gap without a way back", &["tests/market_data.rs::l_126_a_book_recovers"]),
    ("L-127", "a snapshot overtaken by changes", &["tests/market_data.rs::l_127_a_snapshot_among_changes"]),
    (
        "L-128",
        "changes before the snapshot",
        &["tests/market_data.rs::l_128_nothing_is_visible_before_the_snapshot"],
    ),
    ("L-129", "a change taken as a book", &["tests/market_data.rs::l_129_a_change_is_not_a_book"]),
    ("L-130", "beyond the known depth", &["tests/market_data.rs::l_130_the_known_depth_is_stated"]),
    ("L-131", "numbers restart with the link", &["tests/market_data.rs::l_131_numbers_begin_with_the_link"]),
    (
        "L-132",
        "trades repeated after a reconnect",
        &["tests/market_data.rs::l_132_repeated_trades_are_marked"],
    ),
    ("L-133", "mixed units of time", &["tests/market_data.rs::l_133_times_have_one_unit"]),
    ("L-134", "a cancelled resync", &["tests/market_data.rs::l_134_a_cancelled_resync_leaves_nothing"]),
    ("L-135", "fills missed while down", &["tests/transcripts/fills_missed.txt"]),
    ("L-136", "one event lost on a healthy stream", &["tests/transcripts/order_event_lost.txt"]),
    (
        "L-137",
        "the list of open orders lost",
        &["tests/market_data.rs::l_137_no_order_of_the_first_list_is_lost"],
    ),
    ("L-138", "a partial fill told as complete", &["tests/market_data.rs::l_138_a_part_is_not_the_whole"]),
    ("L-139", "nonces that do not rise", &["tests/authentication.rs::nonces_under_odd_clocks"]),
    (
        "L-140",
        "a signature used twice",
        &[
            "tests/authentication.rs::headers_are_fresh_and_rest_shares_the_source",
            "adapters/smol/tests/authentication.rs::every_dial_is_signed_anew",
        ],
    ),
    (
        "L-141",
        "two sources of nonces",
        &[
            "tests/authentication.rs::headers_are_fresh_and_rest_shares_the_source",
            "adapters/smol/tests/authentication.rs::the_users_of_a_key_take_turns",
        ],
    ),
    (
        "L-142",
        "one session of two is ended",
        &[
            "tests/transcripts/replaced_by_another_session.txt",
            "tests/scenarios/retrying.rs::two_clients_of_one_key",
        ],
    ),
    (
        "L-143",
        "a heartbeat, or the orders are cancelled",
        &["tests/transcripts/heartbeat_or_lose_the_orders.txt"],
    ),
    ("L-144", "orders while their events are down", &["tests/transcripts/one_leg_up.txt"]),
];
