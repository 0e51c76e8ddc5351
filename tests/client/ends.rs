//! Tests the end of a client.

use gemini_ws::{
    Abandoned, Client, ClientConfig, CloseReason, CommandError, Event, Instant, Lost, Output, Request,
    RequestOutcome, ShutdownPlan, ShutdownStep, Timer,
};

use super::desk::{Desk, OK, SECOND, order, private, public, stream};

#[test]
fn an_end_in_steps() {
    let mut desk = Desk::trading();
    desk.subscribe("btcusd@trade");
    desk.subscribe("orders@account");
    desk.open();
    desk.settle();
    desk.client.request(desk.now, &order("a")).unwrap();
    desk.drain();
    desk.take_events();
    let plan = ShutdownPlan::by(desk.now + SECOND * 10).cancel_orders(true).unsubscribe(true);
    desk.client.shut_down(desk.now, plan);
    desk.drain();
    assert_eq!(desk.client.subscribe(desk.now, stream("ethusd@trade")), Err(CommandError::Closed));
    assert_eq!(desk.take_events(), ["CommandsStopped"]);
    desk.answer_all();
    assert_eq!(
        desk.take_events(),
        [&*format!("reply {:?}", order("a").subject()), "CancellingOrders", "requested"]
    );
    let (private, text) = desk.sent[0].clone();
    assert!(private.slot() == 1 && text.contains("order.cancel_session"), "{text}");
    desk.answer_all();
    assert_eq!(desk.take_events(), ["reply CancelSessionOrders", "Unsubscribing"]);
    desk.answer_all();
    assert_eq!(desk.take_events(), ["unsubscribed btcusd@trade true", "ClosingLinks"]);
    let links = std::mem::take(&mut desk.closes);
    assert_eq!(links.len(), 2);
    // The client reports what happens to the orders until the end.
    let cancelled = r#"{"E":1,"s":"BTCUSD","i":1,"c":"a","X":"CANCELED","Z":"0","T":1}"#;
    desk.frame(private, cancelled);
    assert_eq!(desk.take_events(), ["order"]);
    links.iter().for_each(|link| desk.peer_closes(*link, 1000));
    assert_eq!(desk.take_events().last().unwrap(), "closed: closed as requested; 0 requests, 0 links");
    assert_eq!(desk.client.deadline(), None);
}

/// Creates a client with a live public stream and an order that has not been answered.
fn with_an_order() -> Desk {
    let mut desk = Desk::trading();
    desk.subscribe("btcusd@trade");
    desk.open();
    desk.settle();
    desk.client.request(desk.now, &order("a")).unwrap();
    desk.drain();
    desk
}

/// The answers come after the deadline, and the timer is even later. No step gets more time.
#[test]
fn an_end_does_not_move_when_answers_are_late() {
    let mut desk = with_an_order();
    let deadline = desk.now + SECOND * 4;
    desk.client.shut_down(desk.now, ShutdownPlan::by(deadline).cancel_orders(true).unsubscribe(true));
    for _ in 0..3 {
        desk.now = desk.now + SECOND * 5;
        desk.answer_all();
        let due = desk.client.deadline().expect("the links are open").at;
        assert!(due <= deadline, "{due:?} is later than {deadline:?}");
    }
    desk.client.handle_timeout(desk.now);
    desk.drain();
    assert_eq!(desk.client.deadline(), None);
}

/// The venue answers nothing. Each step gets its time, and the client ends by the deadline.
#[test]
fn an_end_against_a_silent_venue_comes_by_the_deadline() {
    let mut desk = with_an_order();
    desk.take_events();
    let deadline = desk.now + SECOND * 4;
    desk.client.shut_down(desk.now, ShutdownPlan::by(deadline).cancel_orders(true).unsubscribe(true));
    assert_eq!(desk.client.deadline().map(|it| it.cause), Some(Timer::Shutdown));
    desk.pass(SECOND * 4);
    let events = desk.take_events();
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
        "closed: closed as requested; orders may rest that were to be cancelled; 2 requests, 2 links"
    );
    assert!(events.iter().any(|event| event.ends_with(&format!("{:?}", RequestOutcome::Lost))), "{events:?}");
}

/// One late tick is enough, whichever step of the shutdown is in progress.
#[test]
fn the_end_comes_with_the_first_tick_after_the_deadline() {
    let mut desk = Desk::trading();
    desk.open();
    desk.settle();
    let deadline = desk.now + SECOND;
    desk.client.shut_down(desk.now, ShutdownPlan::by(deadline).cancel_orders(true));
    desk.client.handle_timeout(deadline);
    desk.drain();
    assert!(desk.events.last().unwrap().starts_with("closed"), "{:?}", desk.events);
    assert_eq!(desk.client.deadline(), None);
}

/// A shutdown does not subscribe to a stream only to unsubscribe from it.
#[test]
fn a_shutdown_leaves_only_what_was_asked_for() {
    let mut desk = Desk::new(ClientConfig::new(), &[public().request_limit(2, SECOND)]);
    desk.subscribe("btcusd@trade");
    desk.open();
    desk.settle();
    desk.subscribe("ethusd@trade");
    assert!(desk.sent.is_empty(), "it waits: {:?}", desk.sent);
    desk.now = desk.now + SECOND;
    desk.client.shut_down(desk.now, ShutdownPlan::by(desk.now + SECOND * 9).unsubscribe(true));
    desk.drain();
    let sent: Vec<&str> = desk.sent.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(sent, [r#"{"id":2,"method":"unsubscribe","params":["btcusd@trade"]}"#]);
}

/// Only the clock ends a step. An input about a link that has ended does nothing, however late it is.
#[test]
fn a_stale_input_does_not_cut_a_shutdown_short() {
    let mut desk = Desk::trading();
    desk.subscribe("btcusd@trade");
    desk.open();
    desk.settle();
    let old = desk.link(0, 0);
    desk.client.handle_lost(old, desk.now, Lost::Reset);
    desk.pass(SECOND * 2);
    desk.settle();
    let deadline = desk.now + SECOND;
    desk.client.shut_down(desk.now, ShutdownPlan::by(deadline).cancel_orders(true));
    desk.drain();
    desk.take_events();
    desk.client.handle_lost(old, deadline, Lost::End);
    desk.drain();
    assert_eq!(desk.take_events(), [""; 0]);
    desk.client.handle_timeout(deadline);
    desk.drain();
    assert!(desk.events.last().unwrap().starts_with("closed"), "{:?}", desk.events);
}

/// L-012: the closing handshakes keep their deadline when links that would have had more time are gone.
#[test]
fn closing_again_does_nothing() {
    let slow = private().close_timeout(SECOND * 3);
    let mut desk = Desk::new(ClientConfig::new(), &[public().close_timeout(SECOND * 2), slow]);
    desk.subscribe("btcusd@trade");
    desk.open();
    let (open, dialled) = (desk.link(0, 0), desk.link(1, 0));
    desk.client.handle_connected(open, desk.now);
    desk.client.close(desk.now);
    desk.drain();
    assert!(desk.aborts.contains(&dialled) && desk.closes.contains(&open));
    let deadline = desk.client.deadline();
    desk.client.close(desk.now);
    assert_eq!(desk.client.deadline(), deadline);
}

/// A heartbeat is due a fixed time after the last request, whether or not it was answered or its link has ended.
#[test]
fn a_heartbeat_is_due_since_what_was_sent() {
    let mut desk = Desk::new(ClientConfig::new(), &[private().heartbeat_every(SECOND * 12)]);
    desk.subscribe("btcusd@depth@100ms");
    desk.open();
    let link = desk.link(0, 0);
    desk.client.handle_connected(link, desk.now);
    desk.drain();
    desk.frame(link, &format!("{{\"id\":1,{OK}}}"));
    // No snapshot comes, and then no answer to any request.
    desk.pass(SECOND * 21);
    desk.client.request(desk.now, &Request::Time).unwrap();
    desk.pass(SECOND * 4);
    let last = desk.sent.len();
    desk.pass(SECOND * 20);
    assert_eq!((last, desk.sent.len()), (5, 5), "{:?}", desk.sent);
    let due = desk.events.iter().find(|event| event.starts_with("heartbeat"));
    assert_eq!(due.map(String::as_str), Some("heartbeat link 0.2 since 22"), "{:?}", desk.events);
}

/// L-012, L-013: the application closes the client any number of times, in any state, with any deadline.
#[test]
fn the_end_comes_once_and_by_the_earliest_deadline() {
    for repeats in 0..4_u32 {
        for opened in [false, true] {
            let patient = [public(), private()].map(|config| config.close_timeout(SECOND * 60));
            let mut desk = Desk::new(ClientConfig::new(), &patient);
            desk.subscribe("btcusd@trade");
            if opened {
                desk.open();
                desk.settle();
            }
            let start = desk.now;
            desk.client.close_by(start, start + SECOND * 10);
            for repeat in 0..repeats {
                desk.client.close_by(start, start + SECOND * (8 - repeat));
                desk.client.shut_down(start, ShutdownPlan::by(start + SECOND * 20));
            }
            desk.drain();
            let expected = if opened { if repeats == 0 { 10 } else { 9 - repeats } } else { 0 };
            desk.pass(SECOND * expected.saturating_sub(1));
            let ended = desk.events.iter().any(|event| event.starts_with("closed"));
            assert_eq!(ended, !opened, "{repeats} {opened}");
            desk.pass(SECOND * 60);
            assert_eq!(desk.events.iter().filter(|event| event.starts_with("closed")).count(), 1);
            assert_eq!(desk.events.iter().filter(|event| event.contains("retry")).count(), 0);
            assert_eq!(desk.closes.len(), if opened { 2 } else { 0 });
            desk.client.close(desk.now);
            desk.drain();
            assert!(desk.events.last().unwrap().starts_with("closed"));
        }
    }
}

/// I-06: a link that is lost during the end is not dialled again, and its event says so.
#[test]
fn nothing_is_dialled_once_an_end_is_wanted() {
    let mut desk = Desk::trading();
    desk.open();
    desk.settle();
    desk.client.request(desk.now, &order("a")).unwrap();
    desk.drain();
    desk.take_events();
    desk.client.shut_down(desk.now, ShutdownPlan::by(desk.now + SECOND * 100));
    desk.client.handle_lost(desk.link(0, 0), desk.now, Lost::Reset);
    desk.drain();
    let events = desk.take_events();
    assert_eq!(events[2], "disconnected link 0.1: the transport was reset");
    assert_eq!(events[3], "ClosingLinks");
    assert_eq!(events[4], "closed: closed as requested; 1 requests, 0 links");
    desk.pass(SECOND * 3_600);
    assert!(desk.dials.is_empty() && desk.events.is_empty());
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
