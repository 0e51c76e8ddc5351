//! Faults of links, their streams and books, and of the end.

use std::time::Duration;

use gemini_ws::lifecycle::{State, StreamState};
use gemini_ws::{
    Client, ClientConfig, Config, Event, EventBuf, Frame, Instant, Lost, Orders, Output, Request, Scratch,
};

use super::fed::{Fed, OVERFLOW, id_of, new_order, order, pair, t, v1};

#[test]
fn x14_the_changes_of_one_link_are_not_applied_to_the_book_of_another() {
    let (mut fed, [one, other]) = pair(["ws://a/v1/marketdata/btcusd", "ws://b/v1/marketdata/btcusd"]);
    fed.feed_over(one, 1, &v1(0, 100, "initial"));
    fed.feed_over(other, 2, &v1(0, 50, "initial"));
    fed.feed_over(one, 3, &v1(1, 101, "place"));
    let bids: Option<Vec<String>> =
        fed.books.live("btcusd").map(|book| book.bids().iter().map(|it| it.price.to_string()).collect());
    let right = [vec!["101".to_owned(), "100".to_owned()], vec!["50".to_owned()]];
    assert!(bids.as_ref().is_none_or(|bids| right.contains(bids)), "live: {bids:?}, which no venue has");
}

/// Runs `work` several times, each time on another copy of `of`. Returns the least processor time that a run took.
pub(super) fn least_time<T: Clone>(of: &T, work: impl Fn(&mut T)) -> Duration {
    least_time_after(of, |_| {}, work)
}

/// Runs `prepare` and `work` several times, each time on another copy of `of`. Returns the least processor time that
/// `work` took. A copy has no spare capacity, so the first insertion moves all elements. Let `prepare` make the first
/// insertion.
pub(super) fn least_time_after<T: Clone>(
    of: &T,
    prepare: impl Fn(&mut T),
    work: impl Fn(&mut T),
) -> Duration {
    let time = |_| {
        let mut copy = of.clone();
        prepare(&mut copy);
        let begin = cpu_time::ThreadTime::now();
        work(&mut copy);
        begin.elapsed()
    };
    (0..20).map(time).min().unwrap()
}

#[test]
fn y06_the_cost_of_a_malformed_frame_does_not_grow_with_what_is_in_doubt_already() {
    let doubtful = |count: u64| {
        let mut fed = Fed::private(&["orders@account"]);
        for n in 0..count {
            fed.feed(2, &order(1_000 + n, None, "OPEN", ""));
        }
        let mut scratch = Scratch::new();
        let event = fed.client.handle_frame(fed.link, t(3), Frame::Text("not JSON"), &mut scratch);
        let mut lost = EventBuf::from(&event.unwrap());
        fed.orders.apply(&lost.as_event());
        assert_eq!(fed.orders.to_reconcile().count() as u64, count);
        (fed.orders, lost)
    };
    let malformed = |(orders, lost): &mut (Orders, EventBuf)| {
        (0..100).for_each(|_| _ = orders.apply(&lost.as_event()));
    };
    let overflow = |(orders, _): &mut (Orders, EventBuf)| (0..100).for_each(|_| _ = orders.apply(&OVERFLOW));
    let (few, many) = (doubtful(100), doubtful(50_000));
    type Work<'w> = &'w dyn Fn(&mut (Orders, EventBuf));
    for (name, work) in [("malformed", &malformed as Work<'_>), ("overflow", &overflow)] {
        let (few, many) = (least_time(&few, work), least_time(&many, work));
        assert!(many < few * 8, "{name}: 100 orders: {few:?}, 50,000: {many:?} for a hundred losses");
    }
}

/// After the last subscription to a stream has ended, the client accepts a new one at any time, even while the link
/// is closing.
#[test]
fn y07_a_stream_can_be_wanted_again_at_any_time() {
    let mut client = Client::new(ClientConfig::new(), 1);
    client.add(t(0), Config::new("ws://a")).unwrap();
    client.open(t(0)).unwrap();
    let stream = "btcusd@trade".parse().unwrap();
    let id = client.subscribe(t(0), stream).unwrap();
    let link = client.links().next().unwrap().0;
    client.handle_connected(link, t(0));
    let text = std::iter::from_fn(|| client.poll_output())
        .find_map(|it| if let Output::Send { text, .. } = it { Some(text) } else { None })
        .unwrap();
    let mut scratch = Scratch::new();
    client.handle_frame(
        link,
        t(1),
        Frame::Text(&format!("{{\"id\":{},\"status\":200}}", id_of(&text))),
        &mut scratch,
    );
    client.unsubscribe(t(2), id).unwrap();
    let mut now = 2;
    let mut refused = Vec::new();
    for _ in 0..20 {
        let mut copy = client.clone();
        if let Err(error) = copy.subscribe(t(now), stream) {
            refused.push((now, error, copy.links().map(|it| it.2).collect::<Vec<_>>()));
        }
        while client.poll_output().is_some() {}
        let Some(due) = client.deadline() else { break };
        now = due.at.as_nanos() / 1_000_000;
        client.handle_timeout(due.at);
    }
    assert!(refused.is_empty(), "{refused:?}");
}

#[test]
fn y08_a_shutdown_at_the_end_of_the_clock_comes_to_its_end() {
    for (from, by) in [(u64::MAX, u64::MAX), (u64::MAX - 1, u64::MAX), (0, 0), (5, 0), (0, u64::MAX)] {
        let (from, by) = (Instant::from_nanos(from), Instant::from_nanos(by));
        let mut client = Client::single(Config::new("ws://v").authenticated(true).seed(1));
        client.subscribe(from, "orders@account".parse().unwrap()).unwrap();
        client.open(from).unwrap();
        let link = client.links().next().unwrap().0;
        client.handle_connected(link, from);
        let _ = client.request(from, &Request::PlaceOrder(new_order("a1")));
        client.shut_down(from, gemini_ws::ShutdownPlan::by(by).cancel_orders(true).unsubscribe(true));
        let mut closed = None;
        for _ in 0..1_000 {
            while let Some(output) = client.poll_output() {
                if let Output::Event(Event::Closed { reason, .. }) = output {
                    closed = Some(reason);
                }
            }
            let Some(due) = client.deadline() else { break };
            client.handle_timeout(due.at);
        }
        assert!(closed.is_some(), "from {from:?} by {by:?}: no end, deadline {:?}", client.deadline());
    }
}

/// The application closes the client while a shutdown is cancelling orders. `Closed` reports that the shutdown is
/// incomplete, and that one session may have left orders.
#[test]
fn y09_a_shutdown_that_is_cut_short_says_what_was_not_done() {
    let mut client = Client::single(Config::new("ws://v").authenticated(true).seed(1));
    client.open(t(0)).unwrap();
    let link = client.links().next().unwrap().0;
    client.handle_connected(link, t(0));
    client.request(t(1), &Request::PlaceOrder(new_order("a1"))).unwrap();
    while client.poll_output().is_some() {}
    client.shut_down(t(2), gemini_ws::ShutdownPlan::by(t(10_000)).cancel_orders(true));
    client.close(t(3));
    let mut closed = None;
    for _ in 0..100 {
        while let Some(output) = client.poll_output() {
            match output {
                Output::Close { link, .. } => client.handle_lost(link, t(4), Lost::End),
                Output::Event(Event::Closed { reason, abandoned }) => {
                    closed = Some((reason, abandoned.sessions))
                }
                _ => {}
            }
        }
        let Some(due) = client.deadline() else { break };
        client.handle_timeout(due.at);
    }
    assert_eq!(closed, Some((gemini_ws::CloseReason::RequestedIncomplete, 1)));
}

/// Only one request may be in flight, and an order takes that place. The client still sends a cancel.
#[test]
fn z06_a_cancel_has_a_place_however_few_there_are() {
    let mut fed = Fed::new(Config::new("ws://v").authenticated(true).requests_in_flight_max(1));
    let mut accepted = 0;
    while fed.client.request(t(1), &Request::PlaceOrder(new_order("a1"))).is_ok() && accepted < 10 {
        accepted += 1;
    }
    assert_eq!(accepted, 1, "the order has the only place");
    fed.client.request(t(1), &Request::CancelAllOrders).unwrap();
    fed.poll();
    assert!(fed.sent.last().unwrap().contains("order.cancel_all"), "{:?}", fed.sent);
}

/// With every duration of the configuration set to zero, each call of `handle_timeout` moves the deadline forward.
#[test]
fn z07_the_least_durations_do_not_stop_the_clock() {
    let zero = Duration::ZERO;
    let config = Config::new("ws://v")
        .authenticated(true)
        .connect_timeout(zero)
        .request_timeout(zero)
        .snapshot_timeout(zero)
        .resubscribe_delay(zero)
        .resubscribe_cap(zero)
        .close_timeout(zero)
        .probe_after(zero)
        .silence_max(zero)
        .stable_after(zero)
        .backoff(zero, zero)
        .slow_retry(zero)
        .retry_after_max(zero)
        .linger(zero)
        .heartbeat_every(zero)
        .dial_limit(u32::MAX, zero)
        .request_limit(u32::MAX, zero)
        .order_limit(u32::MAX, zero);
    let mut fed = Fed::new(config);
    for stream in ["btcusd@depth", "btcusd@trade", "orders@account"] {
        fed.client.subscribe(t(0), stream.parse().unwrap()).unwrap();
    }
    let (mut same, mut before, mut sent) = (0, Instant::ZERO, 0);
    for _ in 0..20_000 {
        fed.poll();
        sent += fed.sent.len();
        fed.sent.clear();
        let first = fed.client.links().next();
        if let Some((link, _, State::Connecting)) = first {
            fed.client.handle_connected(link, before);
        }
        fed.poll();
        let due = fed.client.deadline().expect("the link or its heartbeat is due again");
        fed.client.handle_timeout(due.at);
        same += u32::from(fed.client.deadline().is_some_and(|next| next.at <= due.at));
        before = due.at;
    }
    assert_eq!(
        same, 0,
        "deadlines that are not later than the instant that was handled; now {before:?}, sent {sent}"
    );
}

/// An application subscribes to streams and unsubscribes from them again and again. After the first thousand streams,
/// the memory does not grow.
#[test]
fn z08_streams_that_come_and_go_leave_nothing_behind() {
    let mut fed = Fed::private(&[]);
    let mut come_and_go = |streams: std::ops::Range<u64>| {
        for n in streams {
            let id = fed.client.subscribe(t(n), format!("s{n}usd@trade").parse().unwrap()).unwrap();
            fed.acknowledge(n);
            fed.client.unsubscribe(t(n), id).unwrap();
            fed.acknowledge(n);
        }
        fed.log = Vec::new();
    };
    come_and_go(0..1_000);
    let used = allocation_counter::measure(|| come_and_go(1_000..50_000));
    assert!(used.bytes_current < 1 << 10, "{} bytes of 49,000 streams", used.bytes_current);
}

/// For a malformed frame, the client looks at each stream of the link, but queues no output. With a hundred times as
/// many streams, this takes less than twenty times as long.
#[test]
fn y14_the_cost_of_a_malformed_frame_does_not_grow_with_the_streams() {
    let (few, many) = (cost_of_malformed_frames(10), cost_of_malformed_frames(1_000));
    assert!(many < few * 20, "10 streams: {few:?}, 1,000: {many:?} for 15 malformed frames");
}

/// Returns the time for 15 malformed frames over a link with `count` active streams of trades.
fn cost_of_malformed_frames(count: u64) -> Duration {
    let mut fed = Fed::new(Config::new("ws://v"));
    for n in 0..count {
        fed.client.subscribe(t(0), format!("s{n}usd@trade").parse().unwrap()).unwrap();
    }
    fed.acknowledge(0);
    assert_eq!(fed.client.streams().filter(|it| it.2 == StreamState::Active).count() as u64, count);
    let link = fed.link;
    least_time(&fed.client, |client| {
        let mut scratch = Scratch::new();
        for _ in 0..15 {
            let event = client.handle_frame(link, t(1), Frame::Text("{"), &mut scratch);
            assert!(matches!(event, Some(Event::Malformed(..))), "{event:?}");
        }
        assert!(client.poll_output().is_none());
    })
}

/// The first `subscribe` gets no reply, but the snapshot of the book comes. The venue refuses the second `subscribe`,
/// because the stream is subscribed already. The client keeps the book.
#[test]
fn z11_a_book_that_is_served_is_not_given_up_for_the_refusal_of_a_second_request() {
    let mut fed = Fed::new(Config::new("ws://v"));
    fed.client.subscribe(t(0), "btcusd@depth".parse().unwrap()).unwrap();
    fed.poll();
    fed.sent.clear();
    let mut id = 10;
    for now in (100..60_000).step_by(100) {
        while let Some(due) = fed.client.deadline().filter(|due| due.at <= t(now)) {
            fed.client.handle_timeout(due.at);
            fed.poll();
        }
        if now == 5_900 {
            id += 1;
            fed.feed(
                now,
                &format!(
                    r#"{{"e":"depthUpdate","E":1,"s":"btcusd","U":{id},"u":{id},"b":[["99","1"]],"a":[]}}"#
                ),
            );
        }
        if now > 5_900 {
            fed.feed(
                now,
                &format!(
                    r#"{{"e":"depthUpdate","E":1,"s":"btcusd","U":{id},"u":{},"b":[["98","1"]],"a":[]}}"#,
                    id + 1
                ),
            );
            id += 1;
        }
        for text in std::mem::take(&mut fed.sent) {
            if text.contains("btcusd") {
                fed.feed(now, &format!("{{\"id\":{},\"status\":400,\"error\":{{\"code\":-1013,\"msg\":\"already subscribed\"}}}}", id_of(&text)));
            } else {
                fed.feed(now, &format!("{{\"id\":{},\"status\":200}}", id_of(&text)));
            }
        }
    }
    assert!(
        fed.books.live("btcusd").is_some(),
        "{:?}",
        fed.log
            .iter()
            .filter(|it| !it.starts_with("Depth") && !it.starts_with("Ignored"))
            .collect::<Vec<_>>()
    );
}

#[test]
fn the_end_of_a_link_costs_each_request_the_same() {
    let of = |count: u64| {
        let config = Config::new("ws://v").authenticated(true).requests_in_flight_max(65_536);
        let config = config.request_limit(1_000_000, Duration::from_secs(1));
        let mut fed = Fed::new(config.order_limit(1_000_000, Duration::from_secs(1)));
        for n in 0..count {
            fed.client.request(t(1), &Request::PlaceOrder(new_order(&format!("o{n}")))).unwrap();
            while fed.client.poll_output().is_some() {}
        }
        let link = fed.link;
        least_time(&fed.client, |client| client.handle_lost(link, t(2), Lost::Reset))
    };
    let (few, many) = (of(2_000), of(32_000));
    assert!(many < few * 64, "16 times as many requests: {few:?}, then {many:?}");
}
