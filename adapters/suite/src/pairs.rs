//! Tests that the end of a driver ends every wait for its events or replies, whatever the driver was doing and
//! whatever ended it.
//!
//! Every test has a time limit.

use std::future::Future;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;

use gemini_ws_driver::gemini_ws::{Client, CloseReason, CommandError, Config, Event, Request};
use gemini_ws_driver::{Driver, Events, Handle, RequestError, client};
use smol::future::{poll_fn, poll_once};

use crate::Adapter;
use crate::peers::{TEXT, frame, listen, read_frames, upgrade, within};
use crate::wire::TRADE;

#[derive(Clone, Copy, Debug)]
enum When {
    NotPolled,
    PolledOnce,
    Live,
    Panics,
}

/// Takes all events in another thread, which returns whether `Closed` was one of them.
fn all_of(mut events: Events) -> JoinHandle<bool> {
    std::thread::spawn(move || {
        smol::block_on(async {
            let mut is_closed = false;
            while let Some(mut event) = events.next().await {
                is_closed |= matches!(event.as_event(), Event::Closed { .. });
            }
            is_closed
        })
    })
}

fn asks(handle: &Handle) -> impl Future<Output = Result<(), CommandError>> + Send + 'static {
    let handle = handle.clone();
    async move { handle.subscribe("ethusd@trade".parse().unwrap()).await.map(drop) }
}

/// Starts a venue that confirms the subscriptions, sends one trade, and then sends nothing. If the driver is to end
/// before it connects, returns an address without a server.
fn peer(when: When) -> (String, Option<JoinHandle<()>>) {
    if matches!(when, When::NotPolled | When::PolledOnce) {
        return ("ws://127.0.0.1:9".into(), None);
    }
    let (url, thread) = listen("ws", |mut stream| {
        upgrade(&mut stream);
        stream.write_all(&frame(TEXT, br#"{"id":1,"status":200}"#)).unwrap();
        stream.write_all(&frame(TEXT, TRADE.as_bytes())).unwrap();
        read_frames(&mut stream);
    });
    (url, Some(thread))
}

/// The driver is dropped. The consumer gets the queued events, and then the end.
pub(crate) fn the_events_of_a_driver_that_is_dropped<A: Adapter>() {
    for when in [When::NotPolled, When::PolledOnce, When::Live] {
        let (url, thread) = peer(when);
        let (handle, driver) = client(crate::peers::subscribed(Config::new(url)));
        let runtime = A::runtime();
        let (mut events, run) = driver.run_with_events(&runtime, 64);
        within::<A, _>(async {
            let mut run = pin!(run);
            match when {
                When::NotPolled => {}
                When::PolledOnce => assert!(poll_once(&mut run).await.is_none()),
                When::Live | When::Panics => {
                    let trade = async {
                        while let Some(mut event) = events.next().await {
                            if let Event::Trade(..) = event.as_event() {
                                return true;
                            }
                        }
                        false
                    };
                    assert!(smol::future::or(trade, async { run.as_mut().await.undelivered == 0 }).await);
                }
            }
        });
        assert!(!all_of(events).join().unwrap(), "{when:?}: nobody has closed it");
        assert_eq!(within::<A, _>(asks(&handle)), Err(CommandError::Closed), "{when:?}");
        thread.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

/// Another thread waits for the next event when the test drops the driver. The wait ends, and the thread sees the end
/// of the events.
pub(crate) fn one_who_waits_is_woken<A: Adapter>() {
    let (_handle, driver) = client(Client::single(Config::new("ws://127.0.0.1:9")));
    let runtime = A::runtime();
    let (events, run) = driver.run_with_events(&runtime, 4);
    let taking = all_of(events);
    within::<A, _>(async {
        let mut run = Box::pin(run);
        assert!(poll_once(&mut run).await.is_none());
        // This time is long enough for the other thread to begin waiting.
        smol::Timer::after(Duration::from_millis(20)).await;
        drop(run);
    });
    assert!(!taking.join().unwrap(), "nobody has closed it");
}

/// When the driver ends, some calls wait until the driver takes their commands, and others wait for replies. All
/// calls return.
pub(crate) fn commands_of_a_driver_that_goes<A: Adapter>() {
    for when in [When::NotPolled, When::PolledOnce, When::Live, When::Panics] {
        let (url, thread) = peer(when);
        let (handle, driver) = client(crate::peers::subscribed(Config::new(url)));
        let runtime = A::runtime();
        let (is_live, panics) = (AtomicBool::new(false), AtomicBool::new(false));
        let answers = within::<A, _>(async {
            let mut run = Box::pin(driver.run(&runtime, |_, _, event| {
                is_live.fetch_or(matches!(event, Event::Trade(..)), Relaxed);
                assert!(!panics.load(Relaxed), "a callback that cannot take an event");
            }));
            let mut request = Box::pin(handle.request(Request::raw("ask", None)));
            match when {
                When::NotPolled => {}
                When::PolledOnce => assert!(poll_once(&mut run).await.is_none()),
                When::Live | When::Panics => {
                    let ends = async {
                        let _ = run.as_mut().await;
                    };
                    smol::future::or(ends, until(&is_live)).await;
                    // The driver has sent the request, and the venue does not reply.
                    assert!(poll_once(&mut request).await.is_none() && poll_once(&mut run).await.is_none());
                }
            }
            // More than three times as many commands as the queue has room for.
            let mut asked: Vec<_> = (0..200).map(|_| Box::pin(asks(&handle))).collect();
            for asked in &mut asked {
                assert_eq!(poll_once(asked).await, None, "{when:?}");
            }
            if matches!(when, When::Panics) {
                panics.store(true, Relaxed);
                // The closure panics at the next event. If no other event comes first, this is the event of the end.
                handle.close();
                let end = poll_fn(|context| {
                    let turn = catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(context)));
                    if turn.is_err() { Poll::Ready(()) } else { Poll::Pending }
                });
                end.await;
            }
            drop(run);
            match when {
                When::NotPolled | When::PolledOnce => {}
                When::Live => assert_eq!(request.await.map(drop), Err(RequestError::Closed)),
                // The end of the link may have reported an outcome of the request before the driver ended.
                When::Panics => drop(request.await),
            }
            let mut answers = Vec::new();
            for asked in asked {
                answers.push(asked.await);
            }
            answers
        });
        let carried_out = answers.iter().filter(|answer| answer.is_ok()).count();
        let closed = answers.iter().filter(|answer| **answer == Err(CommandError::Closed)).count();
        let most = if matches!(when, When::Panics) { 64 } else { 0 };
        assert!(carried_out <= most && carried_out + closed == 200, "{when:?}: {answers:?}");
        thread.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

async fn until(condition: &AtomicBool) {
    while !condition.load(Relaxed) {
        smol::Timer::after(Duration::from_millis(1)).await;
    }
}

pub(crate) fn a_command_that_is_dropped_is_not_carried_out<A: Adapter>() {
    let (url, thread) = listen("ws", |mut stream| {
        upgrade(&mut stream);
        stream.write_all(&frame(TEXT, br#"{"id":1,"status":200}"#)).unwrap();
        stream.write_all(&frame(TEXT, TRADE.as_bytes())).unwrap();
        read_frames(&mut stream)
    });
    let (handle, driver) = client(crate::peers::subscribed(Config::new(url)));
    let (runtime, is_live) = (A::runtime(), AtomicBool::new(false));
    within::<A, _>(async {
        let mut run = Box::pin(driver.run(&runtime, |_, _, event| {
            is_live.fetch_or(matches!(event, Event::Trade(..)), Relaxed);
        }));
        let ends = async {
            let _ = run.as_mut().await;
        };
        smol::future::or(ends, until(&is_live)).await;
        assert!(poll_once(handle.request(Request::raw("dropped", None))).await.is_none());
        let mut kept = Box::pin(handle.request(Request::raw("kept", None)));
        assert!(poll_once(&mut kept).await.is_none() && poll_once(&mut run).await.is_none());
        handle.close();
        let _ = run.await;
    });
    let frames = thread.join().unwrap();
    let has = |method: &str| frames.iter().any(|(_, text)| String::from_utf8_lossy(text).contains(method));
    assert!(has("kept") && !has("dropped"), "{frames:?}");
}

fn ends_while_asked(ends: impl FnOnce(&Handle, Driver) + Send) {
    let (handle, driver) = client(Client::single(Config::new("ws://127.0.0.1:9").seed(1)));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let handle = handle.clone();
            scope.spawn(move || {
                smol::block_on(async { while asks(&handle).await != Err(CommandError::Closed) {} });
            });
        }
        ends(&handle, driver);
    });
}

/// Threads send commands without a pause while the driver is closed or dropped. Each call returns.
pub(crate) fn commands_while_the_driver_ends<A: Adapter>() {
    let (done, is_done) = std::sync::mpsc::channel();
    let threads = std::thread::spawn(move || {
        let runtime = A::runtime();
        for round in 0..150 {
            ends_while_asked(|handle, driver| {
                A::block_on(async {
                    let run = driver.run(&runtime, |_, _, _| {});
                    if round % 2 == 0 {
                        handle.close();
                        assert_eq!(run.await.reason, CloseReason::Requested);
                    } else {
                        let mut run = Box::pin(run);
                        for _ in 0..round % 5 {
                            let _ = poll_once(&mut run).await;
                        }
                        drop(run);
                    }
                });
            });
        }
        done.send(()).unwrap();
    });
    is_done.recv_timeout(Duration::from_secs(60)).expect("a command was not answered");
    threads.join().unwrap();
}
