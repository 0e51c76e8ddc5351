//! Tests of the private parts of `link/liveness.rs`.

use super::*;
use Verdict::{GiveUp, Probe, Wait};

fn liveness() -> Liveness {
    let seconds = Duration::from_secs;
    let config = Config::new("wss://venue").probe_after(seconds(30)).silence_max(seconds(45));
    Liveness::new(&config.authenticated(true).heartbeat_every(seconds(10)))
}

const fn at(second: u64) -> Instant {
    Instant::from_secs(second)
}

#[test]
fn silence_is_judged_when_its_time_comes() {
    // The time of the last message if one came, the time of the check, the verdict, the time of the next check.
    let table: [(Option<u64>, u64, Verdict, u64); 6] = [
        (None, 30, Probe, 45),
        (None, 40, Wait, 45),
        (Some(50), 60, Wait, 80),
        (None, 80, Probe, 95),
        (Some(94), 95, Wait, 124),
        (None, 124, Probe, 139),
    ];
    let mut liveness = liveness();
    liveness.begin(at(0));
    assert_eq!(liveness.check_at(), Some(at(30)));
    for (heard, now, verdict, next) in table {
        if let Some(heard) = heard {
            liveness.hear(at(heard));
        }
        assert_eq!(liveness.check(at(now)), verdict, "at {now}");
        if verdict == Probe {
            assert!(liveness.begin_probe(at(now)));
        }
        assert_eq!(liveness.check_at(), Some(at(next)), "at {now}");
    }
    assert_eq!(liveness.check(at(139)), GiveUp);
}

#[test]
fn a_probe_that_runs_is_not_restarted() {
    let mut liveness = liveness();
    liveness.begin(at(0));
    assert!(liveness.begin_probe(at(10)));
    assert!(!liveness.begin_probe(at(20)));
    assert_eq!(liveness.check(at(24)), Wait);
    assert_eq!(liveness.check(at(25)), GiveUp);
}

#[test]
fn a_link_is_of_no_use_if_nothing_is_answered_or_said() {
    let mut liveness = liveness();
    liveness.begin(at(0));
    // The time at which a request times out, and how many messages the peer has sent by then.
    let misses =
        [(5, 0), (11, 0), (18, 1), (19, 1), (20, 1), (33, 1), (34, 1), (40, 2), (4_000, 2), (90_000, 2)];
    let verdicts = misses.map(|(now, messages)| liveness.miss_answer(at(now), messages));
    assert_eq!(verdicts, [false, false, false, false, false, true, true, false, false, true]);
}

#[test]
fn a_heartbeat_is_due_when_nothing_was_sent() {
    let mut liveness = liveness();
    liveness.begin(at(5));
    liveness.note_sent(at(8));
    assert_eq!(liveness.heartbeat_at(), Some(at(15)));
    assert_eq!(liveness.check_heartbeat(at(15)), None);
    assert_eq!(liveness.heartbeat_at(), Some(at(18)));
    assert_eq!(liveness.check_heartbeat(at(18)), Some(at(8)));
    liveness.end();
    assert_eq!(liveness.heartbeat_at(), Some(at(28)), "orders outlive the link");
    liveness.end_heartbeats();
    assert_eq!(liveness.heartbeat_at(), None);
}
