//! Tests of the private parts of `link/subscription.rs`.

extern crate std;
use super::*;
use StreamInput::{Accepted, Gap, LinkDown, LinkUp, Overdue, Silence, Snapshot, Unanswered, Unsubscribe};
use StreamState::{Active, Gone, Leaving, Requested, Resyncing, Synced, Wanted};

const DELAYS: Delays = Delays {
    snapshot: Duration::from_secs(5),
    resubscribe: Duration::from_secs(1),
    resubscribe_cap: Duration::from_secs(60),
    stable: Duration::from_secs(30),
};

/// Passes the inputs of `rows` to a new subscription to `stream`, one each second, from second 1. Checks the state
/// and the deadline (in seconds) after each input.
fn check(stream: &str, silence: Option<u64>, rows: &[(StreamInput, StreamState, Option<u64>)]) {
    let mut subscription = Subscription::new(StreamId::new(1, 0, 0), stream.parse().unwrap());
    if let Some(silence) = silence {
        subscription.limit_silence(Duration::from_secs(silence), Instant::ZERO);
    }
    for (second, (input, state, due)) in (1..).zip(rows) {
        let now = Instant::from_secs(second);
        if *input == Silence {
            assert_eq!(subscription.expire(now, None, &DELAYS), Some(Silence), "second {second}");
        }
        subscription.step(*input, now, &DELAYS);
        let reached = (subscription.state(), subscription.traits().due);
        assert_eq!(reached, (*state, due.map(Instant::from_secs)), "second {second}: {input:?}");
    }
}

#[test]
fn lives_of_a_book() {
    let to_live = [(LinkUp, Requested, None), (Accepted, Active, Some(7)), (Snapshot, Synced, None)];
    check("btcusd@depth", None, &to_live);
    let rest: &[&[_]] = &[
        &[(Gap, Resyncing, None), (Accepted, Requested, None), (Snapshot, Synced, None)],
        &[(LinkDown, Wanted, None), (LinkUp, Requested, None)],
        &[(Unsubscribe, Leaving, None), (Accepted, Gone, None), (Accepted, Gone, None)],
    ];
    for rest in rest {
        check("btcusd@depth", None, &[&to_live, *rest].concat());
    }
    // The snapshot is overdue, and a request gets no reply.
    check(
        "btcusd@depth",
        None,
        &[
            (LinkUp, Requested, None),
            (Unanswered, Requested, Some(3)),
            (Overdue, Requested, None),
            (Accepted, Active, Some(9)),
            (Unanswered, Active, Some(7)),
            (Overdue, Resyncing, None),
            (Unanswered, Resyncing, Some(11)),
            (Overdue, Resyncing, None),
        ],
    );
}

#[test]
fn silence_counts_from_the_last_frame() {
    let rows = [(LinkUp, Requested, None), (Accepted, Active, Some(4)), (LinkDown, Wanted, None)];
    check("btcusd@trade", Some(2), &rows);
    let mut subscription = Subscription::new(StreamId::new(1, 0, 0), "btcusd@trade".parse().unwrap());
    subscription.limit_silence(Duration::from_secs(2), Instant::ZERO);
    subscription.step(LinkUp, Instant::from_secs(1), &DELAYS);
    subscription.step(Accepted, Instant::from_secs(1), &DELAYS);
    subscription.hear(Instant::from_secs(2));
    let mut expire = |second| {
        let input = subscription.expire(Instant::from_secs(second), None, &DELAYS);
        (input, subscription.traits().due)
    };
    assert_eq!(expire(3), (None, Some(Instant::from_secs(4))));
    assert_eq!(expire(4).0, Some(Silence));
    // The stream stays silent, and the client requests it at growing intervals.
    assert_eq!(expire(5), (None, Some(Instant::from_secs(6))));
    assert_eq!(expire(6).0, Some(Silence));
}

#[test]
fn a_stream_that_fails_alone_is_asked_for_more_and_more_rarely() {
    let mut subscription = Subscription::new(StreamId::new(1, 0, 0), "btcusd@trade".parse().unwrap());
    subscription.step(LinkUp, Instant::ZERO, &DELAYS);
    let mut fail = |company| {
        subscription.note_failure(Failure::new(Unserved::Unanswered, company));
        subscription.step(Unanswered, Instant::ZERO, &DELAYS);
        let (_, _, retry) = subscription.trouble(Instant::ZERO);
        (retry.as_nanos() / 1_000_000_000, subscription.batch_max())
    };
    assert_eq!([25, 12, 6, 3].map(&mut fail), [(1, 12), (1, 6), (1, 3), (1, 1)]);
    assert_eq!([1; 4].map(&mut fail), [(16, 1), (32, 1), (60, 1), (60, 1)]);
    subscription.step(Accepted, Instant::ZERO, &DELAYS);
    assert!(!subscription.traits().is_unserved);
}

#[test]
fn a_book_is_not_late_while_those_before_it_come() {
    let mut subscription = Subscription::new(StreamId::new(1, 0, 0), "btcusd@depth".parse().unwrap());
    subscription.step(LinkUp, Instant::ZERO, &DELAYS);
    subscription.step(Accepted, Instant::ZERO, &DELAYS);
    let [at, progress] = [5, 4].map(Instant::from_secs);
    assert_eq!(subscription.expire(at, Some(progress), &DELAYS), None);
    assert_eq!(subscription.traits().due, Some(Instant::from_secs(9)));
    assert_eq!(subscription.expire(Instant::from_secs(9), Some(progress), &DELAYS), Some(Unanswered));
}

#[test]
fn one_of_several_subscribers_ends_alone() {
    let [first, second] = [1, 2].map(|generation| StreamId::new(generation, 0, 0));
    let mut subscription = Subscription::new(first, "btcusd@trade".parse().unwrap());
    subscription.add_subscriber(first);
    subscription.add_subscriber(second);
    assert!(subscription.remove_subscriber(first));
    assert!(!subscription.remove_subscriber(second), "the last one ends with the subscription");
    assert_eq!(subscription.subscribers(), [second]);
}
