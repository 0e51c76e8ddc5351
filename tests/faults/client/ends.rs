//! Faults of the end of a client, and of a shutdown that cannot do all that the application has requested.

use std::time::Duration;

use gemini_ws::{
    Abandoned, Client, CloseReason, Config, Event, EventBuf, Frame, Instant, LinkId, Lost, Output, Request,
    Scratch, ShutdownPlan,
};

use super::harness::{Harness, SECOND, after, ms, order, private, s, t};

// ---- A8: what a shutdown has promised -----------------------------------------------------------

#[test]
pub(crate) fn a8_orders_of_a_link_in_backoff_are_cancelled_or_it_is_told() {
    let mut harness = Harness::live(private());
    harness.place("a1");
    harness.lose(Lost::Reset);
    harness.shut_down(10);
    harness.pass_to(t(10_000));
    let (reason, abandoned) = harness.end().unwrap();
    assert_eq!((reason, abandoned.sessions), (CloseReason::RequestedIncomplete, 1));
}

#[test]
pub(crate) fn a8_orders_are_cancelled_or_it_is_told_when_the_limit_on_requests_is_used_up() {
    let mut harness = Harness::live(private().request_limit(1, Duration::from_secs(60)));
    harness.place("a1");
    harness.shut_down(10);
    assert_eq!(harness.sent("order.cancel_session"), 1, "no limit but the venue's own holds it back");
    harness.answer(200);
    harness.pass_to(t(10_000));
    assert_eq!(harness.end().unwrap(), (CloseReason::Requested, Abandoned::default()));
}

/// Each row has what happens to a session before the end of the client, whether the endpoint has
/// `cancel_on_disconnect`, and the number of sessions that `Closed` reports because their orders may remain.
#[test]
pub(crate) fn a8_each_session_whose_orders_may_rest_is_told() {
    type Story = fn(&mut Harness);
    let lose = |harness: &mut Harness| {
        let at = harness.lose(Lost::Reset).unwrap();
        harness.pass_to(at);
        harness.connect();
    };
    let table: [(&str, bool, usize, Story); 9] = [
        ("no order was placed", false, 0, |harness| harness.now = t(1)),
        ("the venue confirms", false, 0, |harness| harness.place("a")),
        ("the venue refuses", false, 1, |harness| {
            harness.place("a");
            harness.shut_down(10);
            harness.answer(429);
        }),
        ("the venue says nothing", false, 1, |harness| {
            harness.place("a");
            harness.shut_down(10);
            harness.pass_to(t(20_000));
        }),
        ("the venue says nothing, but cancels at the end", true, 0, |harness| {
            harness.place("a");
            harness.shut_down(10);
            harness.pass_to(t(20_000));
        }),
        ("the end is cut short", false, 1, |harness| {
            harness.place("a");
            harness.shut_down(10);
            harness.drain();
            harness.client.close(harness.now);
            harness.answered = harness.outputs.len();
        }),
        ("the application has cancelled them", false, 0, |harness| {
            harness.place("a");
            harness.client.request(harness.now, &Request::CancelSessionOrders).unwrap();
            harness.answer(200);
            harness.lose(Lost::Reset);
        }),
        ("another was placed after the application has cancelled", false, 1, |harness| {
            harness.client.request(harness.now, &Request::CancelAllOrders).unwrap();
            harness.answer(200);
            harness.place("a");
            harness.lose(Lost::Reset);
        }),
        ("the link is lost while the venue cancels", false, 1, |harness| {
            harness.place("a");
            harness.shut_down(10);
            harness.lose(Lost::Reset);
        }),
    ];
    for (what, cancels, sessions, story) in table {
        let mut harness = Harness::live(private().cancel_on_disconnect(cancels));
        story(&mut harness);
        harness.shut_down(10);
        harness.answer(200);
        harness.pass_to(t(60_000));
        let (reason, abandoned) = harness.end().expect(what);
        assert_eq!(abandoned.sessions, sessions, "{what}");
        assert_eq!(reason == CloseReason::RequestedIncomplete, sessions > 0, "{what}: {reason:?}");
    }
    // The present link cannot cancel the orders of an earlier session. Without `cancel_orders`, nothing is reported.
    for promised in [true, false] {
        let mut harness = Harness::live(private());
        harness.place("a");
        lose(&mut harness);
        harness.place("b");
        harness
            .client
            .shut_down(harness.now, ShutdownPlan::by(harness.now + SECOND * 10).cancel_orders(promised));
        harness.answer(200);
        harness.pass_to(t(60_000));
        assert_eq!(harness.end().unwrap().1.sessions, usize::from(promised));
    }
}

#[test]
pub(crate) fn a8_a_request_without_an_answer_leaves_time_to_cancel() {
    let mut harness = Harness::live(private());
    harness.place("a");
    harness.client.request(harness.now, &Request::Time).unwrap();
    harness.drain();
    harness.shut_down(10);
    harness.pass_to(t(4_000));
    assert_eq!((harness.sent("order.cancel_session"), harness.end()), (1, None), "7 s until the links close");
}

// ---- A10: both ends of the clock ----------------------------------------------------------------

#[test]
pub(crate) fn a10_every_call_returns_at_both_ends_of_the_clock() {
    let end = Instant::from_nanos(u64::MAX);
    for first in [Instant::ZERO, end] {
        for then in [Instant::ZERO, end] {
            let mut client = Client::single(private().heartbeat_every(SECOND).seed(1));
            let mut scratch = Scratch::new();
            client.open(first).unwrap();
            let link = client.links().next().unwrap().0;
            client.handle_connect_failed(link, first, after(503, u64::MAX));
            client.handle_timeout(then);
            let link = client.links().next().unwrap().0;
            client.handle_connected(link, then);
            let id = client.subscribe(then, s("btcusd@depth")).unwrap();
            let _ = client.request(then, &order("a"));
            client.handle_frame(link, then, Frame::Text("{}"), &mut scratch);
            client.handle_frame(link, then, Frame::Ping(b""), &mut scratch);
            client.handle_resumed(then);
            let _ = client.resync(then, id);
            client.handle_timeout(then);
            let _ = client.unsubscribe(then, id);
            client.handle_lost(link, then, Lost::Reset);
            client.handle_timeout(end);
            let other = client.add(end, Config::new("ws://other")).unwrap();
            client.remove(end, other).unwrap();
            client.shut_down(end, ShutdownPlan::by(then).cancel_orders(true).unsubscribe(true));
            client.handle_timeout(end);
            client.close(end);
            client.handle_timeout(end);
            let outputs: Vec<Output> = std::iter::from_fn(|| client.poll_output()).collect();
            assert!(outputs.len() < 100, "{}", outputs.len());
            assert!(
                matches!(outputs.last(), Some(Output::Event(Event::Closed { .. }))),
                "{first:?} {then:?}"
            );
        }
    }
}

// ---- B13: time limits of parts ------------------------------------------------------------------

#[test]
pub(crate) fn b13_a_closing_handshake_takes_no_longer_than_its_timeout() {
    type End = fn(&mut Client);
    let ends: [(&str, End); 3] = [
        ("shut_down", |client| client.shut_down(t(10), ShutdownPlan::by(t(600_000)))),
        ("close_by", |client| client.close_by(t(10), t(600_000))),
        ("remove", |client| {
            let endpoint = client.endpoints().next().unwrap();
            client.remove(t(10), endpoint).unwrap();
        }),
    ];
    for (what, end) in ends {
        let mut harness = Harness::live(private());
        end(&mut harness.client);
        let deadline = harness.client.deadline().unwrap();
        assert!(deadline.at <= t(3_010), "{what}: {:?} at {} ms", deadline.cause, ms(deadline.at));
    }
}

// ---- the client's own end -----------------------------------------------------------------------

#[test]
pub(crate) fn also_our_own_end_is_not_the_peers() {
    type End = fn(&mut Client, LinkId);
    let table: [(End, Lost); 5] = [
        (|client, link| client.handle_lost(link, t(2), Lost::End), Lost::Requested),
        (|client, link| client.handle_lost(link, t(2), Lost::Closed { code: Some(1000) }), Lost::Requested),
        (
            |client, link| {
                let frame = Frame::Close { code: Some(4001), reason: "" };
                assert!(client.handle_frame(link, t(2), frame, &mut Scratch::new()).is_none());
            },
            Lost::Requested,
        ),
        (|client, link| client.handle_lost(link, t(2), Lost::Reset), Lost::Reset),
        (|client, _| client.handle_timeout(t(60_000)), Lost::CloseTimedOut),
    ];
    for (end, expected) in table {
        let mut harness = Harness::live(private());
        harness.client.close(t(1));
        let link = harness.link();
        end(&mut harness.client, link);
        let told = harness.drain();
        let is_told =
            |it: &Event<'_>| matches!(it, Event::Disconnected { reason, .. } if *reason == expected);
        assert!(told.iter().any(is_told), "{expected:?}: {told:?}");
        assert!(matches!(harness.end().unwrap().0, CloseReason::Requested | CloseReason::RequestedUnclean));
    }
}

// ---- PC-01: what the peer says at the end --------------------------------------------------------

/// The reason in a Close frame is plain text: a backslash in it begins no escape.
#[test]
pub(crate) fn pc_01_the_reason_of_a_close_frame_is_told_as_it_is() {
    for said in ["", r"maintenance \ back at 05:00", r"see C:\temp\new", r"\u0041", r"the end\"] {
        let mut client = Client::single(Config::new("ws://v").seed(1));
        client.open(t(0)).unwrap();
        let link = client.links().next().unwrap().0;
        client.handle_connected(link, t(0));
        let (mut scratch, frame) = (Scratch::new(), Frame::Close { code: Some(1001), reason: said });
        let event = client.handle_frame(link, t(1), frame, &mut scratch).unwrap();
        let mut owned = EventBuf::from(&event);
        for event in [event, owned.as_event()] {
            assert!(matches!(event, Event::PeerClosing { reason, .. } if reason == said), "{event:?}");
            assert_eq!(serde_json::to_value(event).unwrap()["reason"], said);
        }
    }
}
