//! Faults of the end of a client, and of the promises of a shutdown.

use std::time::Duration;

use gemini_ws::{
    Abandoned, Client, ClientConfig, CloseReason, Config, EndpointId, Event, EventBuf, Frame, Instant,
    LinkId, Lost, Output, Request, RequestId, Scratch, ShutdownPlan,
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

/// What may happen to a session before the end, and how many sessions are reported whose orders were not cancelled.
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
    // The present link cannot cancel the orders of an earlier session. Without a promise to cancel, nothing is
    // reported.
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

/// The venue confirms over a later link that it has cancelled all orders of the account. Sessions that had ended
/// before are not reported, whatever has become of their links.
#[test]
pub(crate) fn a8_a_later_cancellation_of_all_orders_counts_for_sessions_that_have_ended() {
    let cancel = |harness: &mut Harness, status| {
        harness.client.request(harness.now, &Request::CancelAllOrders).unwrap();
        harness.answer(status);
    };
    let lose = |harness: &mut Harness| {
        let at = harness.lose(Lost::Reset).unwrap();
        harness.pass_to(at);
        harness.connect();
    };
    type Step<'s> = &'s dyn Fn(&mut Harness);
    let place: Step<'_> = &|harness| harness.place("a");
    let unanswered: Step<'_> = &|harness| {
        harness.client.request(harness.now, &order("b")).unwrap();
        harness.drain();
        harness.answered = harness.outputs.len();
    };
    let (lost, cancelled): (Step<'_>, Step<'_>) = (&lose, &|harness| cancel(harness, 200));
    let (refused, failed): (Step<'_>, Step<'_>) = (&|it| cancel(it, 400), &|it| cancel(it, 500));
    let sent: Step<'_> = &|harness| {
        harness.client.request(harness.now, &Request::CancelAllOrders).unwrap();
        harness.drain();
        harness.answered = harness.outputs.len();
    };
    let table: [(&str, usize, &[Step<'_>]); 9] = [
        ("one session", 0, &[place, lost, cancelled]),
        ("two sessions", 0, &[place, lost, place, lost, cancelled]),
        ("no reply to the order", 0, &[unanswered, lost, cancelled]),
        ("confirmed, and the link is lost", 0, &[place, lost, cancelled, lost]),
        ("refused", 1, &[place, lost, refused]),
        ("failed at the venue", 1, &[place, lost, failed]),
        ("no reply to the cancellation", 2, &[place, lost, place, sent, lost]),
        ("another session afterwards", 1, &[place, lost, cancelled, place, lost]),
        ("before and afterwards", 0, &[place, lost, cancelled, place, lost, cancelled]),
    ];
    for (what, sessions, steps) in table {
        let mut harness = Harness::live(private());
        steps.iter().for_each(|step| step(&mut harness));
        harness.shut_down(10);
        harness.answer(200);
        harness.pass_to(t(600_000));
        let (reason, abandoned) = harness.end().expect(what);
        assert_eq!(abandoned.sessions, sessions, "{what}");
        assert_eq!(reason == CloseReason::RequestedIncomplete, sessions > 0, "{what}: {reason:?}");
    }
}

/// The confirmation also counts for sessions of other links to the endpoint, even of links that no longer exist. It
/// says nothing about another endpoint, and nothing about a session that ended after the request was sent.
#[test]
pub(crate) fn a8_a_cancellation_of_all_orders_counts_for_one_endpoint() {
    // The link with the orders is the second to the endpoint. It ends for good, and its slot is emptied.
    for (is_other_endpoint, sent_before, sessions) in [(false, false, 0), (true, false, 1), (false, true, 1)]
    {
        let config = || private().streams_max(1).linger(Duration::ZERO);
        let mut client = Client::new(ClientConfig::new(), 1);
        let first = client.add(t(0), config()).unwrap();
        let second = client.add(t(0), config()).unwrap();
        client.open(t(0)).unwrap();
        let mut streams = Vec::new();
        for stream in ["btcusd@trade", "ethusd@trade"] {
            streams.push(client.subscribe_at(t(0), first, s(stream), None).unwrap());
        }
        let links: Vec<(LinkId, EndpointId)> = client.links().map(|(link, of, _)| (link, of)).collect();
        links.iter().for_each(|(link, _)| client.handle_connected(*link, t(0)));
        let of = |endpoint| links.iter().filter(move |it| it.1 == endpoint).map(|it| it.0);
        let (kept, ended) = (of(first).next().unwrap(), of(first).nth(1).unwrap());
        let mut scratch = Scratch::new();
        let mut reply = |client: &mut Client, link, id: RequestId| {
            let text = format!("{{\"id\":{},\"status\":200}}", id.get());
            client.handle_frame(link, t(1), Frame::Text(&text), &mut scratch);
            std::iter::from_fn(|| client.poll_output()).count();
        };
        std::iter::from_fn(|| client.poll_output()).count();
        let id = client.request_over(t(1), ended, &order("a")).unwrap();
        reply(&mut client, ended, id);
        let over = if is_other_endpoint { of(second).next().unwrap() } else { kept };
        let cancel =
            |client: &mut Client| client.request_over(t(2), over, &Request::CancelAllOrders).unwrap();
        let early = sent_before.then(|| cancel(&mut client));
        client.handle_lost(ended, t(2), Lost::Reset);
        client.unsubscribe(t(2), streams[1]).unwrap();
        client.handle_timeout(t(2));
        let late = early.unwrap_or_else(|| cancel(&mut client));
        reply(&mut client, over, late);
        client.shut_down(t(3), ShutdownPlan::by(t(10_000)).cancel_orders(true));
        client.handle_timeout(t(10_000));
        client.handle_timeout(t(20_000));
        let end = std::iter::from_fn(|| client.poll_output()).find_map(|it| match it {
            Output::Event(Event::Closed { abandoned, .. }) => Some(abandoned.sessions),
            _ => None,
        });
        assert_eq!(end, Some(sessions), "other endpoint {is_other_endpoint}, sent before {sent_before}");
    }
}

/// A step without an answer leaves time for the steps after it.
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

/// The reason in a Close frame is plain text, in which a backslash is a backslash.
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
