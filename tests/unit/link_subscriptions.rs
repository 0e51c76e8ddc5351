//! Tests of the private parts of `link/subscriptions.rs`.

extern crate std;
use super::*;
use crate::link::lifecycle::StreamState;
use StreamInput::{Accepted, LinkUp, Unsubscribe};

fn set() -> Subscriptions {
    Subscriptions::new(&Config::new("wss://venue").streams_max(3))
}

fn subscribe(set: &mut Subscriptions, name: &str, generation: u64) -> Result<StreamId, CommandError> {
    let make = |place| StreamId::new(generation, 0, place);
    set.subscribe(name.parse().unwrap(), make).map(|(id, _)| id)
}

#[test]
fn a_stream_has_one_place_and_its_frames_one_reader() {
    let mut set = set();
    let first = subscribe(&mut set, "btcusd@depth", 1).unwrap();
    let second = subscribe(&mut set, "btcusd@depth", 2).unwrap();
    assert_eq!((set.len(), set.of_subscriber(second).unwrap().id()), (1, first));
    assert_eq!(
        subscribe(&mut set, "btcusd@depth@100ms", 3),
        Err(CommandError::Ambiguous { with: "btcusd@depth".parse().unwrap() })
    );
    assert_eq!(set.routed(Topic::Depth, "BTCUSD").unwrap().id(), first);
    assert!(set.routed(Topic::Depth, "ethusd").is_none());
}

#[test]
fn places_are_bounded_and_used_again() {
    let mut set = set();
    for (generation, name) in (1..).zip(["a@trade", "b@trade", "c@trade"]) {
        subscribe(&mut set, name, generation).unwrap();
    }
    let full = Err(CommandError::TooMany(Limit::Streams));
    assert_eq!(subscribe(&mut set, "d@trade", 9), full);
    let gone = set.ids(|it| it.stream() == "b@trade".parse().unwrap())[0];
    set.remove(gone);
    let new = subscribe(&mut set, "d@trade", 10).unwrap();
    assert_eq!(new.place(), gone.place());
    assert!(set.get(gone).is_none(), "an old id finds nothing");
}

/// Checks after each step that the sums equal a count over all subscriptions.
#[test]
fn sums_follow_each_step() {
    let mut set = set();
    let ids = ["btcusd@depth", "orders@account", "ethusd@trade"];
    let ids: Vec<StreamId> =
        (1..).zip(ids).map(|(generation, name)| subscribe(&mut set, name, generation).unwrap()).collect();
    let inputs = [LinkUp, Accepted, StreamInput::Snapshot, Unsubscribe, Accepted, StreamInput::LinkDown];
    for (second, input) in (0..).zip(inputs) {
        for id in &ids {
            set.step(*id, input, Instant::from_secs(second));
            if set.get(*id).is_some_and(|it| it.state() == StreamState::Gone) {
                set.remove(*id);
            }
            let pending = set.iter().filter(|it| it.traits().is_pending).count();
            assert_eq!(set.sums.pending, pending, "{input:?}");
            assert_eq!(set.has_public(), set.iter().any(|it| !it.stream().is_private()), "{input:?}");
            assert_eq!(set.due(), set.iter().filter_map(|it| it.traits().due).min(), "{input:?}");
            let leaving = set.iter().filter(|it| it.traits().is_leaving).count();
            assert_eq!(set.sums.leaving.len(), leaving, "{input:?}");
        }
    }
    assert!(set.is_empty() && set.sums.due.is_empty());
}

/// The set keeps a bounded number of entries about snapshots, even if no snapshot is ever late.
#[test]
fn snapshots_that_are_never_late_need_bounded_memory() {
    let config = Config::new("wss://venue").snapshot_timeout(core::time::Duration::MAX);
    let mut set = Subscriptions::new(&config);
    for request in 1..10_000 {
        set.note_progress(request, Instant::from_secs(request));
    }
    assert!(set.progress.len() <= PROGRESS_MAX, "{}", set.progress.len());
    assert_eq!(set.progress.back(), Some(&(9_999, Instant::from_secs(9_999))));
}
