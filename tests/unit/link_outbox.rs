//! Tests of the private parts of `link/outbox.rs`.

extern crate std;
use super::*;
use crate::link::context::Numbers;
use crate::link::limits::Limits;
use crate::link::output::Outputs;
use crate::link::placed::Placed;
use std::string::ToString;

const LINK: LinkId = LinkId::new(0, 1);

fn id(place: usize) -> StreamId {
    StreamId::new(1, 0, place)
}

struct Bench {
    outbox: Outbox,
    outputs: Outputs,
    limits: Limits,
    numbers: Numbers,
}

fn bench(requests: u32) -> Bench {
    let config = Config::new("wss://venue").request_limit(requests, Duration::from_secs(10));
    let config = config.streams_per_request_max(2);
    let (outbox, limits) = (Outbox::new(&config), Limits::new(&config));
    Bench { outbox, outputs: Outputs::new(), limits, numbers: Numbers::new() }
}

impl Bench {
    fn at<T>(&mut self, second: u64, work: impl FnOnce(&mut Outbox, &mut Context<'_>) -> T) -> T {
        let now = Instant::from_secs(second);
        let mut placed = Placed::default();
        let mut cx = Context::new(now, &mut self.outputs, &mut self.limits, &mut placed, &mut self.numbers);
        work(&mut self.outbox, &mut cx)
    }
}

#[test]
fn neighbours_of_a_kind_share_a_request() {
    let mut outbox = bench(100).outbox;
    for (place, is_subscribe) in [(0, true), (1, true), (2, true), (3, false), (4, true)] {
        if is_subscribe { outbox.join(id(place), usize::MAX) } else { outbox.leave(id(place)) }
    }
    let expected: &[(bool, &[usize])] = &[(true, &[0, 1]), (true, &[2]), (false, &[3]), (true, &[4])];
    for (is_subscribe, places) in expected {
        let next = outbox.next(usize::MAX, |_| false).unwrap();
        let streams: Vec<StreamId> = places.iter().map(|place| id(*place)).collect();
        assert_eq!((next.is_subscribe(), next.streams()), (*is_subscribe, &streams[..]));
    }
    assert_eq!(outbox.next(usize::MAX, |_| false), None);
}

#[test]
fn a_refused_request_is_split_in_halves() {
    let mut outbox = bench(100).outbox;
    outbox.leave(id(9));
    outbox.split(StreamRequest {
        is_subscribe: true,
        streams: (0..5).map(id).collect(),
        most: 25,
        is_again: false,
    });
    let sizes: Vec<usize> =
        core::iter::from_fn(|| outbox.next(usize::MAX, |_| false)).map(|it| it.streams.len()).collect();
    assert_eq!(sizes, [2, 1, 3], "the first half at once, the second behind what waits");
}

#[test]
fn what_waits_for_the_limit_knows_until_when() {
    let mut bench = bench(2);
    assert!(bench.at(1, |outbox, cx| outbox.take_room(cx, Urgency::Cancel)));
    assert_eq!(bench.outbox.room_at(), None);
    assert!(!bench.at(2, |outbox, cx| outbox.take_room(cx, Urgency::Cancel)));
    let at = bench.outbox.room_at().unwrap();
    assert!(at > Instant::from_secs(2) && at <= Instant::from_secs(12));
    assert_eq!(bench.outbox.served(), Some(Instant::from_secs(1)));
}

#[test]
fn a_request_is_answered_once() {
    let mut bench = bench(100);
    let sent = bench.at(1, |outbox, cx| {
        outbox
            .send(cx, LINK, Some((Urgency::Usual, Purpose::Application(Subject::Other))), |id| id.to_string())
    });
    assert!(bench.outbox.awaits_replies());
    assert_eq!(bench.outbox.deadline(), Some(Instant::from_secs(6)));
    assert!(bench.outbox.take_expired(Instant::from_secs(5)).is_none());
    assert!(bench.outbox.answered(sent).is_some());
    assert!(bench.outbox.answered(sent).is_none());
    assert!(!bench.outbox.awaits_replies());
}

#[test]
fn what_is_more_urgent_has_places_of_its_own() {
    let mut bench = bench(1_000);
    let fill = |bench: &mut Bench, urgency: Urgency| {
        let mut count = 0;
        while bench.outbox.in_flight.has_place(urgency) {
            bench.at(1, |outbox, cx| {
                outbox.send(cx, LINK, Some((urgency, Purpose::Probe)), |id| id.to_string())
            });
            count += 1;
        }
        count
    };
    let order = [Urgency::Stream, Urgency::Usual, Urgency::Cancel, Urgency::Probe];
    assert_eq!(order.map(|urgency| fill(&mut bench, urgency)), [48, 16, 16, 1]);
    bench.outbox.join(id(0), usize::MAX);
    assert_eq!(bench.outbox.next(usize::MAX, |_| false), None);
    let refused = bench.at(1, |outbox, cx| outbox.take_room_for(&Request::Time, cx));
    assert_eq!(refused, Err(CommandError::TooMany(Limit::RequestsInFlight)));
    for answered in 1..=18 {
        assert!(bench.outbox.answered(answered).is_some());
    }
    assert!(bench.outbox.next(usize::MAX, |_| false).is_some());
}

#[test]
fn books_wait_for_room_among_those_that_are_awaited() {
    let mut outbox = bench(100).outbox;
    (0..5).for_each(|place| outbox.join(id(place), usize::MAX));
    let is_book = |id: StreamId| id.place() != 2;
    let mut places = |room| {
        let next = outbox.next(room, is_book);
        next.map(|it| it.streams.iter().map(|id| id.place()).collect::<Vec<_>>())
    };
    // A request has at most two streams, and at most as many books as the argument allows. Stream 2 is not a book.
    assert_eq!(places(1), Some(std::vec![0]));
    assert_eq!(places(0), Some(std::vec![2]));
    assert_eq!(places(0), None);
    assert_eq!(places(9), Some(std::vec![1, 3]));
    assert_eq!(places(9), Some(std::vec![4]));
}

#[test]
fn a_promise_is_answered_once() {
    use Cancellation::{Failed, Kept, Sent, Waiting};
    let mut bench = bench(2);
    assert!(bench.at(1, |outbox, cx| outbox.take_room(cx, Urgency::Cancel)));
    bench.outbox.want_cancel(Instant::from_secs(100));
    assert_eq!(bench.outbox.cancellation(), Some(Waiting));
    assert!(bench.outbox.awaits_replies());
    let sent = bench.at(1, |outbox, cx| outbox.send_cancel(cx, LINK));
    assert!(sent, "only a limit that the venue has named holds it back");
    let Some(Sent(id)) = bench.outbox.cancellation() else { panic!("not sent") };
    assert!(!bench.at(90, |outbox, cx| outbox.send_cancel(cx, LINK)), "it is sent once");
    bench.outbox.end_cancel(id, Kept);
    bench.outbox.end_cancel(id, Failed);
    assert_eq!(bench.outbox.cancellation(), Some(Kept));
    bench.outbox.want_cancel(Instant::from_secs(100));
    let _ = bench.outbox.take_lost();
    assert_eq!(bench.outbox.cancellation(), Some(Failed));
}

#[test]
fn only_requests_of_the_application_keep_a_link_busy() {
    let mut bench = bench(100);
    let subscribe = StreamRequest { is_subscribe: true, streams: std::vec![id(0)], most: 1, is_again: false };
    for (urgency, purpose) in
        [(Urgency::Stream, Purpose::Streams(subscribe)), (Urgency::Probe, Purpose::Probe)]
    {
        bench.at(1, |outbox, cx| outbox.send(cx, LINK, Some((urgency, purpose)), |id| id.to_string()));
        assert!(!bench.outbox.awaits_replies());
    }
    for request in [Request::Time, Request::ConnectionInfo, Request::CancelAllOrders] {
        let id = bench.at(1, |outbox, cx| outbox.send_request(cx, LINK, &request));
        assert!(bench.outbox.awaits_replies(), "{request:?}");
        assert!(bench.outbox.answered(id).is_some());
        assert!(!bench.outbox.awaits_replies(), "{request:?}");
    }
    bench.outbox.want_cancel(Instant::from_secs(9));
    assert!(bench.outbox.awaits_replies());
}
