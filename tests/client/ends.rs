//! Tests the end of a client.

use gemini_ws::{
    Abandoned, Client, ClientConfig, CloseReason, CommandError, Event, Instant, Lost, Output, Request,
    RequestOutcome, ShutdownPlan, ShutdownStep, Timer,
};

use super::harness::{Harness, OK, SECOND, order, private, public, stream};

#[test]
fn an_end_in_steps() {
    let mut harness = Harness::trading();
    harness.subscribe("btcusd@trade");
    harness.subscribe("orders@account");
    harness.open();
    harness.flush();
    harness.client.request(harness.now, &order("a")).unwrap();
    harness.drain();
    harness.take_events();
    let plan = ShutdownPlan::by(harness.now + SECOND * 10).cancel_orders(true).unsubscribe(true);
    harness.client.shut_down(harness.now, plan);
    harness.drain();
    assert_eq!(harness.client.subscribe(harness.now, stream("ethusd@trade")), Err(CommandError::Closed));
    assert_eq!(harness.take_events(), ["CommandsStopped"]);
    harness.answer_all();
    assert_eq!(
        harness.take_events(),
        [&*format!("reply {:?}", order("a").subject()), "CancellingOrders", "requested"]
    );
    let (private, text) = harness.sent[0].clone();
    assert!(private.slot() == 1 && text.contains("order.cancel_session"), "{text}");
    harness.answer_all();
    assert_eq!(
        harness.take_events(),
        ["reply CancelSessionOrders", "Unsubscribing", "unsubscribed btcusd@trade true"]
    );
    harness.answer_all();
    assert_eq!(harness.take_events(), ["ClosingLinks"]);
    let links = std::mem::take(&mut harness.closes);
    assert_eq!(links.len(), 2);
    // The client reports what happens to the orders until the end.
    let cancelled = r#"{"E":1,"s":"BTCUSD","i":1,"c":"a","X":"CANCELED","Z":"0","T":1}"#;
    harness.frame(private, cancelled);
    assert_eq!(harness.take_events(), ["order"]);
    links.iter().for_each(|link| harness.peer_closes(*link, 1000));
    assert_eq!(harness.take_events().last().unwrap(), "closed: closed as requested; 0 requests, 0 links");
    assert_eq!(harness.client.deadline(), None);
}

/// Creates a client with a live public stream and an order that has not been answered.
fn with_an_order() -> Harness {
    let mut harness = Harness::trading();
    harness.subscribe("btcusd@trade");
    harness.open();
    harness.flush();
    harness.client.request(harness.now, &order("a")).unwrap();
    harness.drain();
    harness
}

/// During a shutdown, the replies come after the deadline, and `handle_timeout` is called even later. No step of the
/// shutdown gets more time.
#[test]
fn an_end_does_not_move_when_answers_are_late() {
    let mut harness = with_an_order();
    let deadline = harness.now + SECOND * 4;
    harness.client.shut_down(harness.now, ShutdownPlan::by(deadline).cancel_orders(true).unsubscribe(true));
    for _ in 0..3 {
        harness.now = harness.now + SECOND * 5;
        harness.answer_all();
        let due = harness.client.deadline().expect("the links are open").at;
        assert!(due <= deadline, "{due:?} is later than {deadline:?}");
    }
    harness.client.handle_timeout(harness.now);
    harness.drain();
    assert_eq!(harness.client.deadline(), None);
}

/// The venue does not reply during a shutdown. Each step of the shutdown takes its time, and the client ends by the
/// deadline.
#[test]
fn an_end_against_a_silent_venue_comes_by_the_deadline() {
    let mut harness = with_an_order();
    harness.take_events();
    let deadline = harness.now + SECOND * 4;
    harness.client.shut_down(harness.now, ShutdownPlan::by(deadline).cancel_orders(true).unsubscribe(true));
    assert_eq!(harness.client.deadline().map(|it| it.cause), Some(Timer::Shutdown));
    harness.pass(SECOND * 4);
    let events = harness.take_events();
    let steps = [
        ShutdownStep::CommandsStopped,
        ShutdownStep::CancellingOrders,
        ShutdownStep::Unsubscribing,
        ShutdownStep::ClosingLinks,
    ];
    let told: Vec<&String> =
        events.iter().filter(|event| steps.iter().any(|step| format!("{step:?}") == **event)).collect();
    assert_eq!(told.len(), 4, "{events:?}");
    let last = events.last().unwrap();
    assert_eq!(
        last,
        "closed: closed as requested; orders that were to be cancelled may still be open; 2 requests, 2 links"
    );
    assert!(events.iter().any(|event| event.ends_with(&format!("{:?}", RequestOutcome::Lost))), "{events:?}");
}

/// One call of `handle_timeout` at the deadline ends the client, even if several steps of the shutdown remain.
#[test]
fn the_end_comes_with_the_first_tick_after_the_deadline() {
    let mut harness = Harness::trading();
    harness.open();
    harness.flush();
    let deadline = harness.now + SECOND;
    harness.client.shut_down(harness.now, ShutdownPlan::by(deadline).cancel_orders(true));
    harness.client.handle_timeout(deadline);
    harness.drain();
    assert!(harness.events.last().unwrap().starts_with("closed"), "{:?}", harness.events);
    assert_eq!(harness.client.deadline(), None);
}

/// A shutdown does not send a waiting `subscribe` only to unsubscribe the stream afterwards.
#[test]
fn a_shutdown_leaves_only_what_was_asked_for() {
    let mut harness = Harness::new(ClientConfig::new(), &[public().request_limit(2, SECOND)]);
    harness.subscribe("btcusd@trade");
    harness.open();
    harness.flush();
    harness.subscribe("ethusd@trade");
    assert!(harness.sent.is_empty(), "it waits: {:?}", harness.sent);
    harness.now = harness.now + SECOND;
    harness.client.shut_down(harness.now, ShutdownPlan::by(harness.now + SECOND * 9).unsubscribe(true));
    harness.drain();
    let sent: Vec<&str> = harness.sent.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(sent, [r#"{"id":2,"method":"unsubscribe","params":["btcusd@trade"]}"#]);
}

/// During a shutdown, an input about a link that has ended comes at the deadline. It ends no step of the shutdown.
/// The next call of `handle_timeout` ends the client.
#[test]
fn a_stale_input_does_not_cut_a_shutdown_short() {
    let mut harness = Harness::trading();
    harness.subscribe("btcusd@trade");
    harness.open();
    harness.flush();
    let old = harness.link(0, 0);
    harness.client.handle_lost(old, harness.now, Lost::Reset);
    harness.pass(SECOND * 2);
    harness.flush();
    let deadline = harness.now + SECOND;
    harness.client.shut_down(harness.now, ShutdownPlan::by(deadline).cancel_orders(true));
    harness.drain();
    harness.take_events();
    harness.client.handle_lost(old, deadline, Lost::End);
    harness.drain();
    assert_eq!(harness.take_events(), [""; 0]);
    harness.client.handle_timeout(deadline);
    harness.drain();
    assert!(harness.events.last().unwrap().starts_with("closed"), "{:?}", harness.events);
}

/// L-012: the first `close` drops the link with the longest `close_timeout`, because that link is not open yet. A
/// second `close` does not move the deadline of the closing handshakes.
#[test]
fn closing_again_does_nothing() {
    let slow = private().close_timeout(SECOND * 3);
    let mut harness = Harness::new(ClientConfig::new(), &[public().close_timeout(SECOND * 2), slow]);
    harness.subscribe("btcusd@trade");
    harness.open();
    let (open, dialled) = (harness.link(0, 0), harness.link(1, 0));
    harness.client.handle_connected(open, harness.now);
    harness.client.close(harness.now);
    harness.drain();
    assert!(harness.aborts.contains(&dialled) && harness.closes.contains(&open));
    let deadline = harness.client.deadline();
    harness.client.close(harness.now);
    assert_eq!(harness.client.deadline(), deadline);
}

/// A heartbeat is due when `heartbeat_every` has passed since the client sent the last request about the account,
/// even if this request got no reply or its link has ended.
#[test]
fn a_heartbeat_is_due_since_what_was_sent() {
    let mut harness = Harness::new(ClientConfig::new(), &[private().heartbeat_every(SECOND * 12)]);
    harness.subscribe("btcusd@depth@100ms");
    harness.open();
    let link = harness.link(0, 0);
    harness.client.handle_connected(link, harness.now);
    harness.drain();
    harness.frame(link, &format!("{{\"id\":1,{OK}}}"));
    // No snapshot comes, and later no reply to any request.
    harness.pass(SECOND * 21);
    harness.client.request(harness.now, &Request::CancelAllOrders).unwrap();
    harness.pass(SECOND * 4);
    let last = harness.sent.len();
    harness.pass(SECOND * 20);
    assert_eq!((last, harness.sent.len()), (5, 5), "{:?}", harness.sent);
    let due: Vec<&String> = harness.events.iter().filter(|event| event.starts_with("heartbeat")).collect();
    let expected =
        [(1, 0), (2, 21), (3, 21)].map(|(epoch, at)| format!("heartbeat link 0.{epoch} since {at}"));
    assert!(due.into_iter().eq(&expected), "{:?}", harness.events);
}

/// L-012, L-013: the application closes the client any number of times, in any state, with any deadline. The client
/// ends once, by the earliest deadline.
#[test]
fn the_end_comes_once_and_by_the_earliest_deadline() {
    for repeats in 0..4_u32 {
        for opened in [false, true] {
            let patient = [public(), private()].map(|config| config.close_timeout(SECOND * 60));
            let mut harness = Harness::new(ClientConfig::new(), &patient);
            harness.subscribe("btcusd@trade");
            if opened {
                harness.open();
                harness.flush();
            }
            let start = harness.now;
            harness.client.close_by(start, start + SECOND * 10);
            for repeat in 0..repeats {
                harness.client.close_by(start, start + SECOND * (8 - repeat));
                harness.client.shut_down(start, ShutdownPlan::by(start + SECOND * 20));
            }
            harness.drain();
            let expected = if opened { if repeats == 0 { 10 } else { 9 - repeats } } else { 0 };
            harness.pass(SECOND * expected.saturating_sub(1));
            let ended = harness.events.iter().any(|event| event.starts_with("closed"));
            assert_eq!(ended, !opened, "{repeats} {opened}");
            harness.pass(SECOND * 60);
            assert_eq!(harness.events.iter().filter(|event| event.starts_with("closed")).count(), 1);
            assert_eq!(harness.events.iter().filter(|event| event.contains("retry")).count(), 0);
            assert_eq!(harness.closes.len(), if opened { 2 } else { 0 });
            harness.client.close(harness.now);
            harness.drain();
            assert!(harness.events.last().unwrap().starts_with("closed"));
        }
    }
}

/// I-06: during the end of a client, a link is lost. The client does not dial it again, and the event of the loss
/// names no next attempt.
#[test]
fn nothing_is_dialled_once_an_end_is_wanted() {
    let mut harness = Harness::trading();
    harness.open();
    harness.flush();
    harness.client.request(harness.now, &order("a")).unwrap();
    harness.drain();
    harness.take_events();
    harness.client.shut_down(harness.now, ShutdownPlan::by(harness.now + SECOND * 100));
    harness.client.handle_lost(harness.link(0, 0), harness.now, Lost::Reset);
    harness.drain();
    let events = harness.take_events();
    assert_eq!(events[2], "disconnected link 0.1: the transport was reset");
    assert_eq!(events[3], "ClosingLinks");
    assert_eq!(events[4], "closed: closed as requested; 1 requests, 0 links");
    harness.pass(SECOND * 3_600);
    assert!(harness.dials.is_empty() && harness.events.is_empty());
}

#[test]
fn a_client_that_was_never_opened_ends_at_once() {
    let mut client = Client::new(ClientConfig::new(), 1);
    client.close(Instant::ZERO);
    let closed = Event::Closed { reason: CloseReason::Requested, abandoned: Abandoned::default() };
    assert_eq!(client.poll_output(), Some(Output::Event(closed)));
    assert_eq!((client.poll_output(), client.deadline()), (None, None));
    assert_eq!(client.add(Instant::ZERO, public()), Err(CommandError::Closed));
}

/// Calls `place` on a client with live links, loses the private link, and then shuts the client down with
/// `cancel_orders`. Returns the last event.
fn end_after(place: impl FnOnce(&mut Harness)) -> String {
    let mut harness = with_links();
    place(&mut harness);
    harness.drain();
    end_with_loss(harness)
}

/// Loses the private link of a client, and then shuts the client down with `cancel_orders`. Returns the last event.
fn end_with_loss(mut harness: Harness) -> String {
    let link = harness.link(1, 0);
    harness.client.handle_lost(link, harness.now, Lost::Reset);
    harness.flush();
    harness.client.shut_down(harness.now, ShutdownPlan::by(harness.now + SECOND * 10).cancel_orders(true));
    harness.flush();
    std::mem::take(&mut harness.closes).into_iter().for_each(|link| harness.peer_closes(link, 1000));
    harness.events.pop().unwrap()
}

fn with_links() -> Harness {
    let mut harness = Harness::trading();
    harness.subscribe("btcusd@trade");
    harness.subscribe("orders@account");
    harness.open();
    harness.flush();
    harness
}

fn reply_to(harness: &mut Harness, reply: &str) {
    harness.drain();
    let (link, text) = harness.sent.pop().unwrap();
    let request: serde_json::Value = serde_json::from_str(&text).unwrap();
    harness.frame(link, &format!("{{\"id\":{},{reply}}}", request["id"]));
}

/// A shutdown reports a session only if the venue may have accepted an order of this session and not cancelled the
/// order since.
#[test]
fn sessions_without_orders_do_not_count() {
    let refused = r#""status":400,"error":{"code":-2010,"msg":"InsufficientFunds"}"#;
    let failed = r#""status":500,"error":{"code":-1000,"msg":"Internal error"}"#;
    let requested = "closed: closed as requested; 0 requests, 0 links";
    let incomplete = "closed: closed as requested; orders that were to be cancelled may still be open; 0 requests, 0 links";
    let raw = || Request::raw("time", None);
    let place = |harness: &mut Harness, request: &Request, endpoint: usize| {
        let link = harness.link(endpoint, 0);
        harness.client.request_over(harness.now, link, request).unwrap();
    };
    type Act<'a> = Box<dyn FnOnce(&mut Harness) + 'a>;
    let table: [(&str, Act<'_>, bool); 8] = [
        ("nothing", Box::new(|_| {}), false),
        (
            "accepted",
            Box::new(|h| {
                place(h, &order("a"), 1);
                reply_to(h, OK)
            }),
            true,
        ),
        (
            "failed",
            Box::new(|h| {
                place(h, &order("a"), 1);
                reply_to(h, failed)
            }),
            true,
        ),
        (
            "refused",
            Box::new(|h| {
                place(h, &order("a"), 1);
                reply_to(h, refused)
            }),
            false,
        ),
        (
            "refused after accepted",
            Box::new(|h| {
                place(h, &order("a"), 1);
                reply_to(h, OK);
                place(h, &order("b"), 1);
                reply_to(h, refused);
            }),
            true,
        ),
        (
            "cancelled",
            Box::new(|h| {
                place(h, &order("a"), 1);
                reply_to(h, OK);
                place(h, &Request::CancelSessionOrders, 1);
                reply_to(h, OK);
            }),
            false,
        ),
        (
            "raw, of an account",
            Box::new(|h| {
                place(h, &raw(), 1);
                reply_to(h, OK)
            }),
            true,
        ),
        (
            "raw, public",
            Box::new(|h| {
                place(h, &raw(), 0);
                reply_to(h, OK)
            }),
            false,
        ),
    ];
    for (what, act, is_incomplete) in table {
        assert_eq!(end_after(act), if is_incomplete { incomplete } else { requested }, "{what}");
    }
}

#[test]
fn an_order_that_was_not_sent_is_not_counted() {
    for was_sent in [false, true] {
        let mut harness = with_links();
        harness.client.request(harness.now, &order("a")).unwrap();
        if was_sent {
            harness.drain();
            harness.sent.clear();
        }
        assert_eq!(end_with_loss(harness).contains("may still be open"), was_sent);
    }
}

/// During a shutdown, the venue refuses for now to cancel the orders, for example with "too many requests". The
/// client sends the request again while there is time. It does not repeat a request that the venue refuses for good.
#[test]
fn a_cancellation_refused_for_now_is_sent_again() {
    for (reply, repeats) in [
        (r#""status":429,"error":{"code":-1003,"msg":"Too many requests"}"#, true),
        (r#""status":503,"error":{"code":-1000,"msg":"Service unavailable"}"#, true),
        (r#""status":400,"error":{"code":-1013,"msg":"Invalid parameters"}"#, false),
    ] {
        let mut harness = with_links();
        harness
            .client
            .shut_down(harness.now, ShutdownPlan::by(harness.now + SECOND * 60).cancel_orders(true));
        for repeat in 0..4 {
            harness.drain();
            assert_eq!(harness.sent.len(), 1, "{reply}");
            reply_to(&mut harness, reply);
            if !repeats {
                break;
            }
            // Each delay is twice as long as the one before.
            let delay = SECOND / 2 * (1 << repeat);
            harness.pass(delay - SECOND / 1_000);
            assert!(harness.sent.is_empty() && harness.closes.is_empty(), "{reply}");
            harness.pass(SECOND / 1_000);
        }
        assert_eq!(harness.sent.is_empty(), !repeats);
        harness.answer_all();
        assert_eq!(harness.events.pop().unwrap(), "ClosingLinks", "{reply}");
        // Whatever the venue answers, the end comes in time.
        harness.pass(SECOND * 60);
        assert!(harness.events.iter().any(|event| event.starts_with("closed")), "{reply}");
    }
}

/// The venue refuses each attempt to cancel the orders. The client repeats the attempt until near the end of the step
/// `CancellingOrders`, and ends in time.
#[test]
fn a_cancellation_that_is_always_refused_for_now_ends_in_time() {
    let mut harness = with_links();
    harness.client.shut_down(harness.now, ShutdownPlan::by(harness.now + SECOND * 10).cancel_orders(true));
    let mut tries = Vec::new();
    for tenth in 0..200 {
        harness.drain();
        while !harness.sent.is_empty() {
            tries.push(tenth);
            reply_to(&mut harness, r#""status":429,"error":{"code":-1003,"msg":"Too many requests"}"#);
        }
        harness.pass(SECOND / 10);
    }
    // The delays grow, but no delay is longer than half of the remaining time. So the last try is close to the end
    // of the step, after seven seconds.
    assert!((5..=9).contains(&tries.len()) && tries.last() >= Some(&62), "{tries:?}");
    assert_eq!(harness.events.iter().filter(|event| event.starts_with("closed")).count(), 1);
}
