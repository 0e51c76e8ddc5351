//! Tests the shutdown of a driver: its steps, and the cancels that tickets have accepted before.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use gemini_ws_driver::gemini_ws::{Config, ShutdownPlan};
use gemini_ws_driver::{Events, Handle, connect};
use smol::future;

use crate::Adapter;
use crate::front::{beside, order};
use crate::peers::{CLOSE, TEXT, frame, listen, read_frame, upgrade, within};
use crate::trading::signer;

/// How long the venue takes to answer a cancel, a Close frame, or an order whose id is `slow`.
const SLOW: Duration = Duration::from_millis(500);
const WITHIN: Duration = Duration::from_secs(8);

/// Serves a client, and returns its requests. Accepts each of them, except the first `refusals` cancels, and reports
/// each order as open.
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

/// The application requests a shutdown and drops the events, and the driver notices both in one turn. The shutdown
/// completes its steps.
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

/// A cancel waits for the venue's id of its order. Then the application ends the driver twice: the driver still sends
/// the cancel, and takes the steps of both ends.
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
