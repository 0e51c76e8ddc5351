//! Tests an adapter on real sockets, against the simulated exchange and against peers that misbehave.
//!
//! Every test has a time limit.

use std::future::Future;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use crate::peers::{against, read_request, upgrade, within};
use gemini_ws_driver::gemini_ws::{
    AttemptFailure, Book, Books, Client, CloseReason, Config, ConnectFailure, Event, Instant, Lost, Request,
    VenueReason,
};
use gemini_ws_driver::{Closed, EndedBy, client};
use gemini_ws_simulator::server::Server;
use gemini_ws_simulator::{Config as Market, Exchange};

use crate::Adapter;

/// The result of a driver whose handle has closed it.
const CLOSED: Closed = Closed { reason: CloseReason::Requested, ended_by: EndedBy::Client, undelivered: 0 };

fn with_server<A: Adapter, T>(client: impl AsyncFnOnce(String) -> T) -> T {
    let market = Market::market(["btcusd".parse().unwrap()]).events_per_second(1_000);
    let mut server = Server::bind(([127, 0, 0, 1], 0).into(), Exchange::new(market, 7)).unwrap();
    let url = format!("ws://{}", server.local_addr());
    within::<A, _>(smol::future::or(client(url), async { match server.run().await {} }))
}

fn subscribed(url: &str) -> Client {
    crate::peers::subscribed(Config::new(url))
}

pub(crate) fn a_live_book_and_an_orderly_end<A: Adapter>() {
    with_server::<A, _>(async |url| {
        let (handle, driver) = client(subscribed(&url));
        let (mut books, mut updates, mut seen) = (Books::new(), 0, Vec::new());
        let on_event = |_: &mut Client, _, event: &Event<'_>| {
            books.apply(event);
            let update = matches!(event, Event::DepthUpdate(..));
            updates += u32::from(update);
            if update && updates == 10 {
                let Some(Book::Live(book)) = books.get("btcusd") else { panic!("no live book") };
                assert!(!book.bids().is_empty() && !book.asks().is_empty() && !book.is_crossed());
                handle.close();
            }
            seen.push(format!("{event:?}"));
        };
        let closed = driver.run(&A::runtime(), on_event).await;
        assert_eq!(closed, CLOSED);
        assert!(seen.last().unwrap().starts_with("Closed"), "the end comes last");
        assert_eq!(seen.iter().filter(|event| event.starts_with("Closed")).count(), 1);
    });
}

pub(crate) fn a_queue_of_events_holds_the_driver_back_and_loses_nothing<A: Adapter>() {
    with_server::<A, _>(async |url| {
        let (handle, driver) = client(subscribed(&url));
        let runtime = A::runtime();
        let (mut events, run) = driver.run_with_events(&runtime, 4);
        let consumer = async {
            let (mut books, mut taken, mut gaps, mut ended) = (Books::new(), 0, 0, false);
            while let Some(mut event) = events.next().await {
                let event = event.as_event();
                assert!(!ended, "after the end: {event:?}");
                books.apply(&event);
                taken += 1;
                gaps += u32::from(matches!(event, Event::Gap { .. }));
                ended = matches!(event, Event::Closed { .. });
                if taken == 500 {
                    handle.close();
                }
                // The consumer is slower than the market.
                if taken % 50 == 0 {
                    smol::Timer::after(Duration::from_millis(5)).await;
                }
            }
            assert!(ended && taken >= 500 && gaps == 0, "{taken} events, {gaps} gaps");
        };
        let (closed, ()) = smol::future::zip(run, consumer).await;
        assert_eq!(closed, CLOSED);
    });
}

/// Scenario L-010: the queue of events is full and stays full. The driver still ends when the application closes it.
pub(crate) fn a_consumer_that_takes_nothing_does_not_hold_up_the_end<A: Adapter>() {
    with_server::<A, _>(async |url| {
        let (handle, driver) = client(subscribed(&url));
        let runtime = A::runtime();
        let (events, run) = driver.run_with_events(&runtime, 2);
        let later = async {
            smol::Timer::after(Duration::from_millis(200)).await;
            handle.close();
        };
        let (closed, ()) = smol::future::zip(run, later).await;
        assert!(closed.undelivered > 0 && closed.reason == CloseReason::Requested, "{closed:?}");
        drop(events);
    });
}

pub(crate) fn dropping_the_events_or_the_last_handle_ends_the_driver<A: Adapter>() {
    with_server::<A, _>(async |url| {
        let runtime = A::runtime();
        let (handle, driver) = client(subscribed(&url));
        let (events, run) = driver.run_with_events(&runtime, 4);
        drop(events);
        assert_eq!(run.await, Closed { ended_by: EndedBy::EventsDropped, ..CLOSED });
        drop(handle);
        let (handle, driver) = client(subscribed(&url));
        drop(handle);
        let closed = driver.run(&runtime, |_, _, _| {}).await;
        assert_eq!(closed, Closed { ended_by: EndedBy::HandlesDropped, ..CLOSED });
        assert_eq!(closed.to_string(), "every handle was dropped: closed as requested");
    });
}

pub(crate) fn commands_of_a_handle<A: Adapter>() {
    with_server::<A, _>(async |url| {
        let (handle, driver) = client(Client::single(Config::new(&url).seed(1)));
        let runtime = A::runtime();
        let (live, is_live) = smol::channel::bounded(1);
        let run = driver.run(&runtime, |_, _, event| {
            if let Event::Live { .. } = event {
                live.try_send(()).unwrap();
            }
        });
        let commands = async {
            is_live.recv().await.unwrap();
            let mut reply = handle.request(Request::Time).await.unwrap();
            assert!(
                reply.is_ok() && reply.response().unwrap().result.unwrap().as_str().contains("serverTime")
            );
            assert_eq!(reply.to_string(), "accepted");
            let mut refused = handle.request(Request::raw("no.such", None)).await.unwrap();
            assert_eq!((refused.is_ok(), refused.error().unwrap().code), (false, -1020));
            let id = handle.subscribe("btcusd@trade".parse().unwrap()).await.unwrap();
            handle.unsubscribe(id).await.unwrap();
            assert!(handle.unsubscribe(id).await.is_err());
            let books = vec!["btcusd".parse().unwrap(), "ethusd".parse().unwrap()];
            assert_eq!(handle.resync_books(books.clone()).await, Ok(0), "none is subscribed");
            handle.subscribe("btcusd@depth@100ms".parse().unwrap()).await.unwrap();
            assert_eq!(handle.resync_books(books).await, Ok(1));
            assert!(handle.close() && !handle.close());
        };
        let (closed, ()) = smol::future::zip(run, commands).await;
        assert_eq!(closed.reason, CloseReason::Requested);
        assert!(handle.request(Request::Time).await.is_err(), "nobody is there any more");
    });
}

/// Scenarios L-028 and L-081: after some refused upgrades, the client makes no further attempt. After others, it
/// waits as long as the refusal requests.
pub(crate) fn refused_upgrades<A: Adapter>() {
    let after = Some(Duration::from_secs(60));
    for (status, retry_after, fatal) in
        [(401, None, true), (403, None, false), (410, None, true), (429, after, false), (503, None, false)]
    {
        let expected = ConnectFailure::Status { status, retry_after, reason: None };
        let header =
            retry_after.map_or(String::new(), |delay| format!("Retry-After: {}\r\n", delay.as_secs()));
        let peer = move |mut stream: TcpStream| {
            let request = read_request(&mut stream);
            assert!(request.starts_with("GET /?snapshot=-1 "), "{request}");
            let _ = write!(stream, "HTTP/1.1 {status} No\r\n{header}Content-Length: 0\r\n\r\n");
        };
        let mut next = None;
        let closed = against::<A>("ws", peer, |event| match event {
            Event::ConnectFailed { reason: why, retry, .. } => {
                assert_eq!(*why, expected);
                next = *retry;
                true
            }
            _ => false,
        });
        assert_eq!(next.is_none(), fatal, "{status}");
        let reason = if fatal { CloseReason::ConnectRefused(expected) } else { CloseReason::Requested };
        assert_eq!(closed.reason, reason);
    }
}

/// The simulated exchange refuses an upgrade, spoils the answer to an upgrade, and ends a transport within a frame.
/// The client reports each fault, and connects again.
pub(crate) fn faults_of_the_simulated_exchange<A: Adapter>() {
    let faults = "refuse-upgrades 503 1s 1\nspoil-upgrades 1\ncut-frame @6s";
    let plan = |exchange: &mut Exchange| _ = exchange.plan_faults(Instant::ZERO, faults).unwrap();
    let mut seen = Vec::new();
    crate::trading::with_faulty_server::<A, _>(plan, async |url| {
        let backoff = Duration::from_millis(10);
        let (handle, driver) = client(crate::peers::subscribed(Config::new(url).backoff(backoff, backoff)));
        let run = driver.run(A::runtime(), |_, _, event| match event {
            Event::ConnectFailed { reason, .. } => seen.push(AttemptFailure::Connect(*reason)),
            Event::Disconnected { reason, .. } => seen.push(AttemptFailure::Lost(*reason)),
            Event::Live { .. } if seen.len() == 3 => drop(handle.close()),
            _ => {}
        });
        run.await;
    });
    let (retry_after, reason) = (Some(Duration::from_secs(1)), VenueReason::new("Maintenance"));
    let refused = ConnectFailure::Status { status: 503, retry_after, reason };
    let expected = [
        AttemptFailure::Connect(refused),
        AttemptFailure::Connect(ConnectFailure::Handshake),
        AttemptFailure::Lost(Lost::End),
    ];
    assert_eq!(seen.get(..3), Some(&expected[..]), "{seen:?}");
}

/// The client begins the TLS handshake of a `wss://` URL, and reports [`ConnectFailure::Tls`] because the peer does
/// not speak TLS. Without its cryptographic provider, the WebSocket layer would panic.
pub(crate) fn tls_reaches_its_provider<A: Adapter>() {
    let peer = |mut stream: TcpStream| {
        let mut record = [0; 5];
        stream.read_exact(&mut record).unwrap();
        assert_eq!(record[0], 22, "a TLS handshake record");
        let _ = stream.write_all(b"this is no TLS\r\n");
        // Closing the socket with unread bytes would send a reset, so the peer continues to read.
        let _ = stream.read_to_end(&mut Vec::new());
    };
    against::<A>("wss", peer, |event| {
        matches!(event, Event::ConnectFailed { reason: ConnectFailure::Tls, .. })
    });
}

/// The transport ends within a frame. The client reports the end of the link, and connects again.
pub(crate) fn a_torn_transport<A: Adapter>() {
    let peer = |mut stream: TcpStream| {
        upgrade(&mut stream);
        // A text frame of 100 bytes, of which three are sent.
        let _ = stream.write_all(&[0x81, 100, b'{', b'"', b'e']);
    };
    let mut why = None;
    against::<A>("ws", peer, |event| {
        if let Event::Disconnected { reason: lost, retry: Some(_), .. } = event {
            why = Some(*lost);
        }
        why.is_some()
    });
    assert!(matches!(why, Some(Lost::End | Lost::Reset)), "{why:?}");
}

/// Scenarios L-036 and L-037: the client answers a peer's Close frame with the same code, and then closes the
/// transport.
pub(crate) fn a_close_frame_is_answered<A: Adapter>() {
    let (sender, answer) = std::sync::mpsc::channel();
    let peer = move |mut stream: TcpStream| {
        upgrade(&mut stream);
        // A Close frame with the code 1013.
        stream.write_all(&[0x88, 2, 0x03, 0xf5]).unwrap();
        let mut received = Vec::new();
        let mut bytes = [0; 512];
        // The last frame is a masked Close frame of two bytes.
        while received.len() < 8 || received[received.len() - 8..received.len() - 6] != [0x88, 0x82] {
            match stream.read(&mut bytes) {
                Ok(count) if count > 0 => received.extend_from_slice(&bytes[..count]),
                _ => break,
            }
        }
        sender.send(received).unwrap();
    };
    against::<A>("ws", peer, |event| {
        matches!(event, Event::Disconnected { reason: Lost::Closed { code: Some(1013) }, retry: Some(_), .. })
    });
    let received = answer.recv().unwrap();
    let frame = &received[received.len() - 8..];
    assert_eq!(frame[..2], [0x88, 0x82], "{received:?}");
    assert_eq!(u16::from_be_bytes([frame[6] ^ frame[2], frame[7] ^ frame[3]]), 1013);
}

pub(crate) fn nobody_listens<A: Adapter>() {
    // The test has just closed a listener on this port, so no server listens on it.
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let (handle, driver) = client(subscribed(&format!("ws://127.0.0.1:{port}")));
    let mut failures = 0;
    let on_event = |_: &mut Client, _, event: &Event<'_>| {
        if let Event::ConnectFailed { reason: why, retry, .. } = event {
            assert!(*why == ConnectFailure::Refused && retry.is_some());
            failures += 1;
            if failures == 2 {
                handle.close();
            }
        }
    };
    let closed = within::<A, _>(driver.run(&A::runtime(), on_event));
    assert_eq!((closed.reason, failures), (CloseReason::Requested, 2));
}

pub(crate) fn wrong_urls_are_final<A: Adapter>() {
    for url in ["http://127.0.0.1", "ws://", "nonsense", "ws://127.0.0.1:port"] {
        let (_handle, driver) = client(Client::single(Config::new(url).seed(1)));
        let closed = within::<A, _>(driver.run(&A::runtime(), |_, _, _| {}));
        assert_eq!(closed.reason, CloseReason::ConnectRefused(ConnectFailure::InvalidUrl), "{url}");
    }
}

/// Scenario L-022: the peer accepts the TCP connection and then sends nothing. When the application closes, the
/// driver ends at once.
pub(crate) fn a_peer_that_accepts_and_stays_silent<A: Adapter>() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (handle, driver) = client(subscribed(&format!("ws://127.0.0.1:{port}")));
    let closed = within::<A, _>(async {
        let shutdown = async {
            smol::Timer::after(Duration::from_millis(50)).await;
            handle.close();
        };
        smol::future::zip(driver.run(&A::runtime(), |_, _, _| {}), shutdown).await.0
    });
    assert_eq!(closed.reason, CloseReason::Requested);
}

pub(crate) fn the_futures_can_be_spawned<A: Adapter>() {
    fn spawnable<T: Send + 'static>(_: impl Future<Output = T> + Send + 'static) {}
    let (_handle, driver) = client(Client::single(Config::new("ws://127.0.0.1:1").seed(1)));
    spawnable(async move { driver.run(&A::runtime(), |_, _, _| {}).await });
    let (_handle, driver) = client(Client::single(Config::new("ws://127.0.0.1:1").seed(1)));
    spawnable(async move {
        let runtime = A::runtime();
        let (_events, run) = driver.run_with_events(&runtime, 1);
        run.await
    });
}
