//! Tests the end of a driver: what it does with earlier commands, and which reason it reports.

use std::convert::Infallible;
use std::time::Duration;

use gemini_ws_driver::gemini_ws::{
    Client, ClientConfig, CloseReason, CommandError, Config, Event, Instant, Limit, OrderState, Request,
    RestRequest, StaleReason, Stream,
};
use gemini_ws_driver::{
    Done, EndedBy, Handle, Keeper, PlaceError, RequestError, SharedSigner, Wake, client, connect,
};
use smol::future;
use smol::io::{AsyncReadExt, AsyncWriteExt};

use crate::Adapter;
use crate::front::{beside, order, signed};
use crate::peers::within;
use crate::trading::{signer, with_faulty_server, with_server};

/// A ticket accepts a cancel, and a shutdown begins before the driver has handled the cancel. The driver still sends
/// the cancel.
pub(crate) fn a_cancel_just_before_a_shutdown<A: Adapter>() {
    with_server::<A, _>(async |url| {
        signed::<A>(url, async |client| {
            let mut rests = client.place(order("rests", "1000")).await.unwrap();
            while rests.order().order_id.is_none() {
                smol::Timer::after(Duration::from_millis(1)).await;
            }
            rests.cancel().unwrap();
            let ended = client.shut_down(Duration::from_secs(4), |plan| plan).await;
            assert!(ended.orders.is_empty(), "{ended}: {:?}", ended.orders);
            assert!(matches!(rests.done().await, Done::Canceled(_)));
        })
        .await;
    });
}

/// A ticket accepts a cancel, and then the application ends the driver in each possible way. The driver still sends
/// the cancel. In the rows with `false`, the test does not wait until the driver knows the venue's id of the order.
pub(crate) fn a_cancel_just_before_the_end<A: Adapter>() {
    for (knows_id, end, ended_by) in [
        (true, "close", EndedBy::Client),
        (true, "drop handles", EndedBy::HandlesDropped),
        (false, "drop handles", EndedBy::HandlesDropped),
        (true, "drop events", EndedBy::EventsDropped),
        (false, "drop events", EndedBy::EventsDropped),
    ] {
        with_server::<A, _>(async |url| {
            signed::<A>(url.clone(), async |watcher| {
                let (client, driver) = connect(A::runtime(), Config::new(&url));
                let (events, driver) = driver.sign_with(signer()).events(1_000);
                let mut events = Some(events);
                let closed = beside(driver, async {
                    client.live().await.unwrap();
                    let rests = client.submit(order("rests", "1000")).unwrap();
                    // When this call returns, the driver has taken the order.
                    client.with(|_, _, _| ()).await.unwrap();
                    while knows_id && rests.order().order_id.is_none() {
                        smol::Timer::after(Duration::from_millis(1)).await;
                    }
                    rests.cancel().unwrap();
                    match end {
                        "close" => _ = client.close(),
                        "drop events" => {
                            drop(events.take());
                            client.ended().await;
                        }
                        _ => {}
                    }
                    drop((rests, client));
                })
                .await;
                assert_eq!(closed.ended_by, ended_by, "{knows_id}, {end}");
                let state = async |watcher: &Handle| Some(watcher.order("rests").await.unwrap()?.state);
                let mut waited = 0;
                while state(&watcher).await != Some(OrderState::Canceled) {
                    assert!(waited < 5_000, "{knows_id}, {end}");
                    waited += 10;
                    smol::Timer::after(Duration::from_millis(10)).await;
                }
                watcher.close();
            })
            .await;
        });
    }
}

/// The application closes the client in a callback. The driver refuses later cancels, even those in the same poll. If
/// the application closes the client at the event that brings the id of an order, the driver still sends a cancel
/// that has waited for this id.
pub(crate) fn cancels_beside_a_close_of_the_client<A: Adapter>() {
    with_server::<A, _>(async |url| {
        signed::<A>(url.clone(), async |client| {
            let rests = client.submit(order("rests", "1000")).unwrap();
            // The driver takes both commands in one poll.
            let close = client.with(|client, _, now| client.close(now));
            let cancel = client.with(move |_, _, _| rests.cancel());
            let (closed, cancelled) = future::zip(close, cancel).await;
            closed.unwrap();
            assert!(matches!(cancelled, Ok(Err(PlaceError::Refused(CommandError::Closed)))), "{cancelled:?}");
        })
        .await;
        signed::<A>(url.clone(), async |watcher| {
            let mut gemini = Client::single(Config::new(&url).authenticated(true));
            gemini.subscribe(Instant::ZERO, Stream::orders()).unwrap();
            let (client, driver) = client(gemini);
            let close = |client: &mut Client, now, event: &Event<'_>| {
                if matches!(event, Event::Order(..)) {
                    client.close(now);
                }
            };
            future::zip(driver.sign_with(signer()).run(A::runtime(), close), async {
                client.live().await.unwrap();
                let waits = client.submit(order("waits", "1000")).unwrap();
                waits.cancel().unwrap();
                client.ended().await;
            })
            .await;
            while watcher.order("waits").await.unwrap().is_none_or(|it| it.state != OrderState::Canceled) {
                smol::Timer::after(Duration::from_millis(1)).await;
            }
            watcher.close();
        })
        .await;
    });
}

/// At a shutdown, a cancel waits for the venue's id of its order. The driver sends the cancel, but refuses an order
/// that is submitted during the shutdown.
pub(crate) fn a_cancel_that_waits_at_a_shutdown<A: Adapter>() {
    with_server::<A, _>(async |url| {
        signed::<A>(url, async |client| {
            // The driver takes all of these commands in one poll.
            let mut rests = client.submit(order("rests", "1000")).unwrap();
            rests.cancel().unwrap();
            let mut end = Box::pin(client.shut_down(Duration::from_secs(8), |plan| plan));
            assert!(future::poll_once(&mut end).await.is_none());
            let mut late = client.submit(order("late", "1000")).unwrap();
            let ended = end.await;
            assert!(ended.orders.is_empty(), "{ended}: {:?}", ended.orders);
            assert!(matches!(rests.done().await, Done::Canceled(_)));
            assert!(matches!(late.accepted().await, Err(PlaceError::Refused(CommandError::Closed))));
        })
        .await;
    });
}

/// The venue never reports the id of an order, so the driver cannot send the cancel of this order. A shutdown waits
/// for the cancel for half of the shutdown's time limit.
pub(crate) fn a_cancel_that_waits_for_ever_at_a_shutdown<A: Adapter>() {
    with_server::<A, _>(async |url| {
        signed::<A>(url, async |client| {
            let streams = client.with(|client, _, _| client.streams().map(|it| it.0).collect::<Vec<_>>());
            for id in streams.await.unwrap() {
                client.unsubscribe(id).await.unwrap();
            }
            let rests = client.submit(order("rests", "1000")).unwrap();
            rests.cancel().unwrap();
            let begin = std::time::Instant::now();
            let ended = client.shut_down(Duration::from_secs(2), |plan| plan.cancel_orders(true)).await;
            let waited = begin.elapsed();
            assert!(
                waited >= Duration::from_secs(1) && waited < Duration::from_secs(3),
                "{waited:?}, {ended}"
            );
        })
        .await;
    });
}

/// A ticket has ended with `Done::Unknown`. Its `cancel` still cancels the order.
pub(crate) fn a_cancel_after_an_unknown_end<A: Adapter>() {
    with_server::<A, _>(async |url| {
        let (client, driver) = connect(A::runtime(), Config::new(&url));
        let driver = driver.sign_with(signer()).doubt_timeout(Duration::from_millis(100));
        beside(driver, async {
            client.live().await.unwrap();
            let mut rests = client.place(order("rests", "1000")).await.unwrap();
            while rests.order().order_id.is_none() {
                smol::Timer::after(Duration::from_millis(1)).await;
            }
            let streams = client.with(|client, _, _| client.streams().map(|it| it.0).collect::<Vec<_>>());
            for id in streams.await.unwrap() {
                client.unsubscribe(id).await.unwrap();
            }
            let done = rests.done().await;
            assert!(matches!(done, Done::Unknown(_)) && done.order().order_id.is_some());
            rests.cancel().unwrap();
            smol::Timer::after(Duration::from_millis(300)).await;
            assert!(!client.cancel("rests").await.unwrap().is_ok(), "it was cancelled before");
            client.close();
        })
        .await;
    });
}

/// The events of an accepted order are lost. When its ticket ends, the order is in doubt.
pub(crate) fn an_order_without_events<A: Adapter>() {
    with_faulty_server::<A, _>(
        |exchange| exchange.faults().drop_order_events(1_000),
        async |url| {
            let (client, driver) = connect(A::runtime(), Config::new(&url));
            let driver = driver.sign_with(signer()).doubt_timeout(Duration::from_millis(300));
            beside(driver, async {
                client.live().await.unwrap();
                let mut lost = client.place(order("lost", "1000")).await.unwrap();
                let done = lost.done().await;
                assert!(matches!(done, Done::Unknown(_)), "{done:?}");
                assert_eq!(done.order().doubt(), Some(StaleReason::Overdue));
                let in_doubt = |keeper: &Keeper| keeper.orders().to_reconcile().count();
                assert_eq!(client.with(move |_, keeper, _| in_doubt(keeper)).await, Ok(1));
                let known = client.order("lost").await.unwrap().unwrap();
                assert!(known.needs_reconciling() && known.request() == done.order().request());
                client.close();
            })
            .await;
        },
    );
}

/// With a doubt timeout of zero, the driver still runs, and the ticket of an order ends.
pub(crate) fn no_time_for_doubts<A: Adapter>() {
    with_server::<A, _>(async |url| {
        let (client, driver) = connect(A::runtime(), Config::new(&url));
        beside(driver.sign_with(signer()).doubt_timeout(Duration::ZERO), async {
            client.live().await.unwrap();
            let mut rests = client.place(order("rests", "1000")).await.unwrap();
            rests.cancel().unwrap();
            let done = future::or(rests.done(), late()).await;
            assert!(matches!(done, Done::Unknown(_) | Done::Canceled(_)), "{done:?}");
            client.close();
        })
        .await;
    });
}

async fn late() -> Done {
    smol::Timer::after(Duration::from_secs(5)).await;
    panic!("the ticket does not end");
}

/// The venue accepts cancels of a ticket, of a handle and of the whole session, and the events are lost. After the
/// doubt timeout the orders are in doubt, even those without a ticket.
pub(crate) fn cancels_without_events<A: Adapter>() {
    with_server::<A, _>(async |url| {
        let (client, driver) = connect(A::runtime(), Config::new(&url));
        let driver = driver.sign_with(signer()).doubt_timeout(Duration::from_millis(300));
        beside(driver, async {
            client.live().await.unwrap();
            let mut tickets = Vec::new();
            for id in ["ticket", "id", "session", "all"] {
                let mut ticket = client.place(order(id, "1000")).await.unwrap();
                while !ticket.order().state.is_from_events() {
                    ticket.next().await;
                }
                tickets.push(ticket);
            }
            plan_faults(&url, "drop-order-events 1000").await;
            let mut kept = tickets.remove(0);
            drop(tickets);
            kept.cancel().unwrap();
            assert!(client.cancel("id").await.unwrap().is_ok());
            in_doubt(&client, &["ticket", "id"]).await;
            assert!(client.request(Request::CancelSessionOrders).await.unwrap().is_ok());
            in_doubt(&client, &["ticket", "id", "session", "all"]).await;
            let done = kept.done().await;
            assert!(matches!(done, Done::Unknown(_)) && done.order().cancel_accepted, "{done:?}");
            // The application calls `forget` for an order that the venue does not have.
            let forgotten = client.forget("id").await.unwrap().unwrap();
            assert_eq!(forgotten.doubt(), Some(StaleReason::Overdue));
            assert_eq!(client.order("id").await, Ok(None));
            assert_eq!(client.forget("id").await, Ok(None));
            client.close();
        })
        .await;
    });
}

/// The application forgets an order whose id is unknown, and then cancels it. The id can never become known, so a
/// shutdown does not wait for the cancel.
pub(crate) fn a_cancel_of_a_forgotten_order<A: Adapter>() {
    with_server::<A, _>(async |url| {
        let (client, driver) = connect(A::runtime(), Config::new(&url));
        let driver = driver.sign_with(signer()).doubt_timeout(Duration::from_millis(300));
        beside(driver, async {
            client.live().await.unwrap();
            plan_faults(&url, "drop-order-events 1000").await;
            let mut ticket = client.place(order("id", "1000")).await.unwrap();
            assert!(matches!(ticket.done().await, Done::Unknown(_)));
            let forgotten = client.forget("id").await.unwrap().expect("an order in doubt");
            assert_eq!(forgotten.order_id, None);
            ticket.cancel().unwrap();
            let begin = std::time::Instant::now();
            let ended = client.shut_down(Duration::from_secs(20), |plan| plan).await;
            assert!(begin.elapsed() < Duration::from_secs(5), "{:?}: {ended}", begin.elapsed());
        })
        .await;
    });
}

pub(crate) async fn plan_faults(url: &str, faults: &str) {
    let address = url.strip_prefix("ws://").unwrap();
    let mut socket = smol::net::TcpStream::connect(address).await.unwrap();
    let length = faults.len();
    let request = format!(
        "POST /simulator/faults HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{faults}"
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

async fn in_doubt(client: &Handle, ids: &[&str]) {
    for id in ids {
        let reason = async || client.order(*id).await.unwrap().unwrap().doubt();
        while reason().await.is_none() {
            smol::Timer::after(Duration::from_millis(1)).await;
        }
        assert_eq!(reason().await, Some(StaleReason::Overdue), "{id}");
    }
}

/// A link is lost with an open order. REST answers that the order has ended, or the application calls `forget` for
/// the order. The shutdown then reports that it is complete.
pub(crate) fn an_end_that_only_rest_shows<A: Adapter>() {
    [false, true].into_iter().for_each(an_end_without_an_event::<A>);
}

fn an_end_without_an_event<A: Adapter>(is_forgotten: bool) {
    with_server::<A, _>(async |url| {
        let signer = SharedSigner::new(signer());
        let (client, driver) = connect(A::runtime(), Config::new(&url));
        beside(driver.sign_with(signer.clone()), async {
            client.live().await.unwrap();
            drop(client.place(order("rests", "1000")).await.unwrap());
            let rests = async || client.order("rests").await.unwrap().unwrap();
            while rests().await.order_id.is_none() {
                smol::Timer::after(Duration::from_millis(1)).await;
            }
            plan_faults(&url, "abort").await;
            while !rests().await.needs_reconciling() {
                smol::Timer::after(Duration::from_millis(1)).await;
            }
            client.live().await.unwrap();
            let id = rests().await.order_id.unwrap();
            let ask = async |request: RestRequest| {
                let of_order = format!(
                    r#"{{"order_id":"{id}","is_live":false,"is_cancelled":true,"executed_amount":"0"}}"#
                );
                Ok::<_, Infallible>((
                    200,
                    if request.path().contains("order") { of_order } else { "[]".into() },
                ))
            };
            if is_forgotten {
                assert_eq!(client.forget("rests").await.unwrap().unwrap().order_id, Some(id));
            } else {
                let found = client.reconcile(&signer, ask).await.unwrap();
                assert_eq!((found.resolved, found.unresolved.len()), (1, 0), "{found:?}");
            }
            let ended = client.shut_down(Duration::from_secs(5), |plan| plan.cancel_orders(true)).await;
            assert_eq!(ended.closed.map(|closed| closed.reason), Some(CloseReason::Requested), "{ended}");
        })
        .await;
    });
}

/// A second authenticated endpoint is added after two orders were placed. Their cancels go to the first endpoint.
pub(crate) fn a_cancel_beside_a_second_endpoint<A: Adapter>() {
    with_server::<A, _>(async |url| {
        signed::<A>(url.clone(), async |client| {
            let mut rests = client.place(order("rests", "1000")).await.unwrap();
            let other = client.place(order("other", "1000")).await.unwrap();
            while rests.order().order_id.is_none() || other.order().order_id.is_none() {
                smol::Timer::after(Duration::from_millis(1)).await;
            }
            let second = Config::new(&url).authenticated(true);
            client.with(move |client, _, now| client.add(now, second)).await.unwrap().unwrap();
            rests.cancel().unwrap();
            let done = future::or(rests.done(), async {
                smol::Timer::after(Duration::from_secs(5)).await;
                panic!("the cancel was not sent");
            });
            assert!(matches!(done.await, Done::Canceled(_)));
            assert!(client.cancel("other").await.unwrap().is_ok());
            let id = other.order().order_id.unwrap();
            assert!(client.cancel(id).await.is_ok(), "the driver knows the endpoint of this id");
            let unknown = client.cancel(id + 1_000_000).await.unwrap_err();
            assert_eq!(unknown, RequestError::Refused(CommandError::SeveralEndpoints));
            client.close();
        })
        .await;
    });
}

/// The application drops the events during a shutdown. The shutdown still completes its steps.
pub(crate) fn events_dropped_during_a_shutdown<A: Adapter>() {
    with_server::<A, _>(async |url| {
        let (client, driver) = connect(A::runtime(), Config::new(&url));
        let (mut events, driver) = driver.sign_with(signer()).events(1_000);
        let closed = beside(driver, async {
            client.live().await.unwrap();
            let _rests = client.place(order("rests", "1000")).await.unwrap();
            while events.try_next().is_ok() {}
            // The shutdown first waits for the reply to this request.
            let mut ping = Box::pin(client.request(Request::Ping));
            assert!(future::poll_once(&mut ping).await.is_none());
            let mut end = Box::pin(client.shut_down(Duration::from_secs(4), |plan| plan.cancel_orders(true)));
            assert!(future::poll_once(&mut end).await.is_none());
            while !matches!(events.next().await.unwrap().as_event(), Event::ShuttingDown { .. }) {}
            drop(events);
            let ended = end.await;
            assert!(ended.orders.is_empty(), "{ended}: {:?}", ended.orders);
        })
        .await;
        assert_eq!(closed.ended_by, EndedBy::Client);
    });
}

/// The application drops the events after the last event. The driver does not report this as the cause of its end.
pub(crate) fn events_dropped_after_the_last_one<A: Adapter>() {
    let (client, driver) = connect(A::runtime(), Config::new("ws://127.0.0.1:1").attempts_max(1));
    let (mut events, driver) = driver.events(100);
    within::<A, _>(async {
        let closed = beside(driver, async {
            while events.next().await.is_some() {}
            drop((events, client));
        })
        .await;
        assert_eq!(closed.ended_by, EndedBy::Client, "its only link has ended for good");
    });
}

/// The driver ends before it has taken some orders. The tickets of these orders end as rejected, because the orders
/// were never sent.
pub(crate) fn orders_that_no_driver_has_taken<A: Adapter>() {
    within::<A, _>(async {
        let (client, driver) = connect(A::runtime(), Config::new("ws://127.0.0.1:1"));
        let mut ticket = client.submit(order("a", "1000")).unwrap();
        drop(driver);
        assert!(matches!(ticket.done().await, Done::Rejected(_)));

        // There are more orders than the driver takes in one poll, and the driver closes in its first poll.
        let (client, driver) = connect(A::runtime(), Config::new("ws://127.0.0.1:1"));
        let submit = |number: usize| client.submit(order(&format!("o{number}"), "1000")).unwrap();
        let mut tickets: Vec<_> = (0..20).map(submit).collect();
        client.close();
        driver.await;
        for ticket in &mut tickets {
            assert!(future::poll_once(ticket.done()).await.is_some());
        }
        assert!(matches!(tickets[19].accepted().await, Err(PlaceError::Refused(_))));
    });
}

/// The client has closed before a driver takes it. The driver ends at once, with the close reason of the client. In
/// one run, the test polls all events of the client first.
pub(crate) fn a_client_that_has_closed<A: Adapter>() {
    for is_polled in [true, false] {
        let mut gemini = Client::single(Config::new("ws://127.0.0.1:1"));
        gemini.close(Instant::ZERO);
        while is_polled && gemini.poll_output().is_some() {}
        let (handle, driver) = client(gemini);
        let (mut events, driver) = driver.run_with_events(A::runtime(), 8);
        within::<A, _>(async {
            let mut is_reported = false;
            let consumer = async {
                while let Some(mut event) = events.next().await {
                    is_reported |= matches!(event.as_event(), Event::Closed { .. });
                }
            };
            let (closed, ()) = future::zip(driver, consumer).await;
            assert_eq!((closed.reason, closed.ended_by), (CloseReason::Requested, EndedBy::Client));
            assert_eq!((is_reported, handle.ended().await.closed), (!is_polled, Some(closed)));
        });
    }
}

/// The client refuses commands because too many of its events are unpolled. The driver still opens the client.
pub(crate) fn a_client_whose_outputs_are_full<A: Adapter>() {
    let mut gemini = Client::single(Config::new("ws://127.0.0.1:1").attempts_max(1));
    let refused = loop {
        let subscribed = gemini.subscribe(Instant::ZERO, Stream::trades("btcusd".parse().unwrap()));
        match subscribed.and_then(|id| gemini.unsubscribe(Instant::ZERO, id)) {
            Ok(()) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(refused, CommandError::TooMany(Limit::Outputs));
    let (_handle, driver) = client(gemini);
    let (mut is_first, mut failures) = (true, 0);
    let on_wake = |_: &mut Client, _, wake: Wake<'_>| {
        assert_eq!(
            std::mem::take(&mut is_first),
            matches!(wake, Wake::Timer),
            "the first call is the timer's"
        );
        failures += usize::from(matches!(wake, Wake::Event(Event::ConnectFailed { .. })));
        None
    };
    within::<A, _>(driver.run_with_timer(A::runtime(), on_wake));
    assert_eq!(failures, 1, "it has dialled");
}

/// The link of one endpoint has ended without a further attempt. A caller that waits until the client is live does
/// not wait for that link.
pub(crate) fn live_without_a_link_that_has_ended<A: Adapter>() {
    with_server::<A, _>(async |url| {
        let mut gemini = Client::new(ClientConfig::new(), 1);
        for config in [Config::new(&url), Config::new("ws://127.0.0.1:1").attempts_max(1)] {
            gemini.add(Instant::ZERO, config.stay_open(true)).unwrap();
        }
        let (handle, driver) = client(gemini);
        let (mut events, driver) = driver.run_with_events(A::runtime(), 100);
        let application = async {
            while !matches!(events.next().await.unwrap().as_event(), Event::LinkClosed { .. }) {}
            let late = async {
                smol::Timer::after(Duration::from_secs(5)).await;
                panic!("it waits for ever");
            };
            future::or(handle.live(), late).await.unwrap();
            handle.close();
        };
        future::zip(driver, application).await;
    });
}
