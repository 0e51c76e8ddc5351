//! Tests the shutdown of a driver: its steps, and the cancels that tickets accepted before it.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use gemini_ws_driver::gemini_ws::{CommandError, Config, ShutdownPlan};
use gemini_ws_driver::{Events, Handle, PlaceError, connect};
use smol::future;

use crate::Adapter;
use crate::front::{beside, order};
use crate::peers::{CLOSE, TEXT, frame, listen, read_frame, upgrade, within};
use crate::trading::signer;

/// How long the venue takes to reply to a cancel, a Close frame, or an order whose id is `slow`.
const SLOW: Duration = Duration::from_millis(500);
const WITHIN: Duration = Duration::from_secs(8);

/// Plays the venue for one client, and returns the client's requests. Accepts each request, except the first
/// `refusals` cancels, and reports each order as open.
fn serve(mut stream: TcpStream, mut refusals: usize) -> String {
    upgrade(&mut stream);
    let (mut requests, mut orders) = (String::new(), 0);
    let part =
        |text: &str, from: &str| Some(text.split_once(from)?.1.split(['"', ',', '}']).next()?.to_owned());
    while let Some((opcode, payload)) = read_frame(&mut stream) {
        if opcode == CLOSE {
            std::thread::sleep(SLOW);
            let _ = stream.write_all(&frame(CLOSE, &payload));
            break;
        }
        let request = String::from_utf8(payload).unwrap();
        let (id, is_cancel) = (part(&request, "\"id\":").unwrap(), request.contains("order.cancel\""));
        if is_cancel || request.contains("slow") {
            std::thread::sleep(SLOW);
        }
        let status = if is_cancel && refusals > 0 { 429 } else { 200 };
        refusals -= usize::from(status == 429);
        let mut answers = vec![format!(r#"{{"id":{id},"status":{status}}}"#)];
        if let Some(id) = part(&request, "\"clientOrderId\":\"") {
            orders += 1;
            answers.extend(["NEW", "OPEN"].map(|state| {
                format!(
                    r#"{{"e":"orderUpdate","E":4,"s":"BTCUSD","i":{orders},"c":"{id}","X":"{state}","q":"0.5","T":4}}"#
                )
            }));
        }
        for answer in answers {
            stream.write_all(&frame(TEXT, answer.as_bytes())).unwrap();
        }
        requests += &request;
    }
    requests
}

/// Runs an application with a client and its events. Returns the requests that the venue has received.
fn requests<A: Adapter>(refusals: usize, application: impl AsyncFnOnce(Handle, Events)) -> String {
    let (url, venue) = listen("ws", move |stream| serve(stream, refusals));
    within::<A, _>(async {
        let (client, driver) = connect(A::runtime(), Config::new(url));
        let (events, driver) = driver.sign_with(signer()).events(1_000);
        beside(driver, async {
            client.live().await.unwrap();
            application(client, events).await;
        })
        .await
    });
    venue.join().unwrap()
}

/// The application requests a shutdown and drops the events before the driver is polled again. The driver completes
/// the steps of the shutdown.
pub(crate) fn a_shutdown_and_dropped_events<A: Adapter>() {
    for (is_direct, drops_first) in [(false, false), (false, true), (true, false), (true, true)] {
        let requests = requests::<A>(0, async |client, events| {
            let _rests = client.place(order("rests", "1000")).await.unwrap();
            let _slow = client.submit(order("slow", "1000")).unwrap();
            client.with(|_, _, _| ()).await.unwrap();
            let mut events = Some(events).filter(|_| !drops_first);
            let mut end = Box::pin(async {
                if is_direct {
                    let plan = |now| ShutdownPlan::by(now + WITHIN).cancel_orders(true);
                    client.with(move |client, _, now| client.shut_down(now, plan(now))).await.unwrap();
                } else {
                    client.shut_down(WITHIN, |plan| plan.cancel_orders(true)).await;
                }
                client.ended().await
            });
            assert!(future::poll_once(&mut end).await.is_none());
            drop(events.take());
            end.await;
        });
        assert!(requests.contains("order.cancel"), "{is_direct}, {drops_first}: {requests}");
    }
}

/// A cancel waits for the venue's id of its order. Then the application ends the driver twice. The driver still sends
/// the cancel, and carries out the steps of both shutdowns.
pub(crate) fn a_second_shutdown<A: Adapter>() {
    for (drops_events, cancels_orders) in [(false, false), (false, true), (true, false), (true, true)] {
        let requests = requests::<A>(0, async |client, events| {
            let _rests = client.place(order("rests", "1000")).await.unwrap();
            let slow = client.submit(order("slow", "1000")).unwrap();
            slow.cancel().unwrap();
            client.with(|_, _, _| ()).await.unwrap();
            let mut first = Box::pin(client.shut_down(WITHIN, |plan| plan));
            if drops_events {
                drop(events);
                future::yield_now().await;
            } else {
                assert!(future::poll_once(&mut first).await.is_none());
            }
            client.shut_down(WITHIN, move |plan| plan.cancel_orders(cancels_orders)).await;
        });
        let row = format!("{drops_events}, {cancels_orders}: {requests}");
        assert_eq!(requests.matches("order.cancel\"").count(), 1, "{row}");
        assert_eq!(requests.contains("order.cancel_session"), cancels_orders, "{row}");
    }
}

/// A ticket refuses a cancel once the driver shuts down or closes, because the driver could not send the cancel.
pub(crate) fn a_cancel_after_the_beginning_of_the_end<A: Adapter>() {
    for closes in [false, true] {
        let requests = requests::<A>(0, async |client, _events| {
            let rests = client.place(order("rests", "1000")).await.unwrap();
            let _slow = client.submit(order("slow", "1000")).unwrap();
            let mut end = Box::pin(async {
                if closes {
                    client.close();
                    client.ended().await
                } else {
                    client.shut_down(WITHIN, |plan| plan).await
                }
            });
            assert!(future::poll_once(&mut end).await.is_none());
            smol::Timer::after(SLOW / 5).await;
            assert_eq!(rests.cancel(), Err(PlaceError::Refused(CommandError::Closed)), "{closes}");
            end.await;
        });
        assert!(!requests.contains("order.cancel"), "{closes}: {requests}");
    }
}

/// A ticket accepts a cancel, and the driver takes the command to shut down before it takes the cancel. The driver
/// still sends the cancel.
pub(crate) fn a_cancel_behind_a_shutdown<A: Adapter>() {
    for before in [0, 20] {
        let requests = requests::<A>(0, async |client, _events| {
            let rests = client.place(order("rests", "1000")).await.unwrap();
            while rests.order().order_id.is_none() {
                smol::Timer::after(Duration::from_millis(1)).await;
            }
            let mut end = Box::pin(client.shut_down(WITHIN, |plan| plan));
            assert!(future::poll_once(&mut end).await.is_none());
            let mut others: Vec<_> = (0..before).map(|_| Box::pin(client.with(|_, _, _| ()))).collect();
            for other in &mut others {
                assert!(future::poll_once(other).await.is_none());
            }
            rests.cancel().unwrap();
            end.await;
        });
        assert!(requests.contains("order.cancel\""), "{before}: {requests}");
    }
}

/// The venue has not replied to a cancel when the end of the driver begins, and then refuses the cancel with the
/// status 429. The driver sends the cancel again.
pub(crate) fn a_cancel_that_is_refused_during_the_end<A: Adapter>() {
    for drops_events in [false, true] {
        let requests = requests::<A>(1, async |client, events| {
            let rests = client.place(order("rests", "1000")).await.unwrap();
            while rests.order().order_id.is_none() {
                smol::Timer::after(Duration::from_millis(1)).await;
            }
            rests.cancel().unwrap();
            smol::Timer::after(SLOW / 5).await;
            if drops_events {
                drop(events);
                client.ended().await;
            } else {
                client.shut_down(WITHIN, |plan| plan).await;
            }
        });
        assert_eq!(requests.matches("order.cancel\"").count(), 2, "{drops_events}: {requests}");
    }
}
