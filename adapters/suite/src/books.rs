//! Tests when a `BookReader` or a `Keeper` shows a book as current.

use std::future::Future;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll};
use std::time::Duration;

use gemini_ws_driver::async_tungstenite::WebSocketStream;
use gemini_ws_driver::gemini_ws::lifecycle::StreamState;
use gemini_ws_driver::gemini_ws::{
    Book, Books, Client, ClientConfig, Config, ConnectFailure, Event, EventQueue, Instant, Overflow,
    StaleReason, Stream, StreamId, Topic, UnixTime,
};
use gemini_ws_driver::{
    BookReader, DialRequest, Handle, NoBook, Paced, Runtime, SLEEP_CHECK, Timer, client, connect,
};
use smol::future;

use crate::Adapter;
use crate::front::{beside, live_book};
use crate::peers::{TEXT, frame, listen, read_frame, upgrade, within};
use crate::trading::with_server;
use crate::wire::fill;

fn snapshot_of(symbol: &str, id: u64, bid: u64) -> Vec<u8> {
    let snapshot = format!(
        r#"{{"e":"depthUpdate","E":1,"s":"{symbol}","U":{id},"u":{id},"b":[["{bid}","1"]],"a":[["101","3"]]}}"#
    );
    frame(TEXT, snapshot.as_bytes())
}

/// Reads the next request. Returns its id, whether it subscribes, and its symbols.
fn read_request(stream: &mut TcpStream) -> Option<(u64, bool, Vec<String>)> {
    let (opcode, text) = read_frame(stream)?;
    if opcode != TEXT {
        return None;
    }
    let text = String::from_utf8(text).unwrap();
    let id = text.strip_prefix("{\"id\":")?.split(',').next()?.parse().ok()?;
    let streams = text.split('"').filter_map(|part| part.split_once("@depth"));
    let symbols = streams.map(|(symbol, _)| symbol.to_owned()).collect();
    Some((id, text.contains("\"subscribe\""), symbols))
}

fn accept(stream: &mut TcpStream, id: u64) {
    let reply = format!(r#"{{"id":{id},"status":200}}"#);
    stream.write_all(&frame(TEXT, reply.as_bytes())).unwrap();
}

/// The number of books: more than an [`EventQueue`] can name when it drops their updates.
const BOOKS: usize = 1_100;
/// The number of trades, and the number of events for which the queue has room.
const TRADES: usize = 1_200;

/// Runs a venue. Once all books are subscribed, it sends a snapshot of each book, and then so many trades that the
/// client's queue drops the snapshots. After that, it sends a snapshot for each new subscription.
fn venue_of_many_books(mut stream: TcpStream) {
    upgrade(&mut stream);
    let mut books = Vec::new();
    while let Some((id, is_subscribe, symbols)) = read_request(&mut stream) {
        accept(&mut stream, id);
        if !is_subscribe {
            continue;
        }
        if books.len() == BOOKS {
            for symbol in symbols {
                stream.write_all(&snapshot_of(&symbol, 20, 99)).unwrap();
            }
            continue;
        }
        books.extend(symbols);
        if books.len() == BOOKS {
            for symbol in &books {
                stream.write_all(&snapshot_of(symbol, 5, 99)).unwrap();
            }
            for number in 0..TRADES {
                let trade = format!(r#"{{"E":1,"s":"btcusd","t":{number},"p":"1.5","q":"2","m":true}}"#);
                stream.write_all(&frame(TEXT, trade.as_bytes())).unwrap();
            }
        }
    }
}

/// The queue drops updates of more books than it can name. The driver then requests a snapshot of each book.
pub(crate) fn an_overflow_of_many_books<A: Adapter>() {
    let (url, thread) = listen("ws", venue_of_many_books);
    let mut gemini = Client::single(Config::new(url).streams_max(2_000).snapshots_max(2_000).seed(1));
    gemini.subscribe(Instant::ZERO, Stream::trades("btcusd".parse().unwrap())).unwrap();
    for number in 0..BOOKS {
        let symbol = format!("s{number}usd").parse().unwrap();
        gemini.subscribe(Instant::ZERO, Stream::depth(symbol)).unwrap();
    }
    let (handle, driver) = client(gemini);
    let queue = EventQueue::new(Overflow::DropOldest).events_max(TRADES);
    let (mut events, driver) = driver.run_with_queue(A::runtime(), queue);
    let driver = std::thread::spawn(move || A::block_on(driver));
    within::<A, _>(async {
        while handle.with(|client, _, _| client.stats().data).await.unwrap() < (BOOKS + TRADES) as u64 {
            smol::Timer::after(Duration::from_millis(5)).await;
        }
        let (mut books, mut is_one_unnamed) = (Books::new(), false);
        while books.iter().filter(|(_, book)| book.live().is_some()).count() < BOOKS {
            let late = async {
                smol::Timer::after(Duration::from_secs(5)).await;
                None
            };
            let next = future::or(events.next(), late).await;
            let mut event = next.expect("no more events, and some books are not current");
            let event = event.as_event();
            is_one_unnamed |= matches!(event, Event::Overflow { topic: Topic::Depth, symbol: None, .. });
            books.apply(&event);
        }
        assert!(is_one_unnamed);
        handle.close();
        while events.next().await.is_some() {}
    });
    driver.join().unwrap();
    thread.join().unwrap();
}

/// Runs a venue that sends a snapshot for each subscription, with a different bid each time. It replies to an
/// `unsubscribe` only after the test has sent a message to `may_end`.
fn venue_that_waits(mut stream: TcpStream, may_end: &Receiver<()>) {
    upgrade(&mut stream);
    let mut bids = 10..;
    while let Some((id, is_subscribe, symbols)) = read_request(&mut stream) {
        if !is_subscribe {
            may_end.recv().unwrap();
        }
        accept(&mut stream, id);
        for symbol in symbols.iter().filter(|_| is_subscribe) {
            stream.write_all(&snapshot_of(symbol, 5, bids.next().unwrap())).unwrap();
        }
    }
}

/// Returns whether the keeper shows the book as current, and the state of each stream.
async fn kept(client: &Handle) -> (bool, Vec<StreamState>) {
    let kept = client.with(|client, keeper, _| {
        (keeper.books().live("btcusd").is_some(), client.streams().map(|it| it.2).collect())
    });
    kept.await.unwrap()
}

fn bid(books: &mut BookReader) -> String {
    books.live("btcusd").unwrap().best().unwrap().0.price.to_string()
}

async fn stream_ids(client: &Handle) -> Vec<StreamId> {
    client.with(|client, _, _| client.streams().map(|it| it.0).collect()).await.unwrap()
}

/// Runs a test with a current book. The venue replies to an `unsubscribe` only after the test has sent a message
/// through the `Sender`.
fn beside_a_venue_that_waits<A: Adapter>(test: impl AsyncFnOnce(Handle, Sender<()>, BookReader)) {
    let (confirm, may_end) = channel();
    let (url, thread) = listen("ws", move |stream| venue_that_waits(stream, &may_end));
    let (client, driver) = connect(A::runtime(), Config::new(url));
    let driver = std::thread::spawn(move || A::block_on(driver));
    within::<A, _>(async {
        let mut books = client.books(["btcusd"]).await.unwrap();
        live_book(&mut books, "btcusd").await;
        test(client, confirm, books).await;
    });
    driver.join().unwrap();
    thread.join().unwrap();
}

/// The test drops the last reader, and the venue has not yet replied to the `unsubscribe`. A new reader must not get
/// the old book.
pub(crate) fn a_reader_after_the_last_one<A: Adapter>() {
    beside_a_venue_that_waits::<A>(async |client, confirm, mut books| {
        assert_eq!((bid(&mut books).as_str(), kept(&client).await.0), ("10", true));
        drop(books);
        loop {
            let (is_live, states) = kept(&client).await;
            if states == [StreamState::Leaving] {
                assert!(!is_live, "no update of it can arrive");
                break;
            }
        }
        let mut books = client.books(["btcusd"]).await.unwrap();
        let (is_live, states) = kept(&client).await;
        assert_eq!(states, [StreamState::Leaving, StreamState::Wanted]);
        assert!(!is_live && books.live("btcusd").is_none(), "no snapshot has come for the new reader");
        confirm.send(()).unwrap();
        live_book(&mut books, "btcusd").await;
        assert_eq!(bid(&mut books), "11");
        client.close();
    });
}

/// The application unsubscribes the book of a reader, or shuts down. The book becomes stale before the venue replies.
pub(crate) fn a_book_that_is_unsubscribed<A: Adapter>() {
    beside_a_venue_that_waits::<A>(async |client, confirm, mut books| {
        for id in stream_ids(&client).await {
            client.unsubscribe(id).await.unwrap();
        }
        let (is_live, states) = kept(&client).await;
        assert_eq!((is_live, states), (false, vec![StreamState::Leaving]));
        while books.live("btcusd").is_some() {
            books.changed().await.unwrap();
        }
        confirm.send(()).unwrap();

        let mut books = client.books(["btcusd"]).await.unwrap();
        live_book(&mut books, "btcusd").await;
        assert_eq!(bid(&mut books), "11");
        let end = client.shut_down(Duration::from_secs(8), |plan| plan.unsubscribe(true));
        let stale = async {
            while books.live("btcusd").is_some() {
                books.changed().await.unwrap();
            }
            let Some(Book::Stale { reason, .. }) = books.get("btcusd") else { panic!() };
            assert_eq!(reason, StaleReason::NotSubscribed, "before the link ends");
            confirm.send(()).unwrap();
        };
        future::zip(end, stale).await;
    });
}

/// Two readers share a book. The application ends the subscription of the second reader, and then drops the first
/// reader. The second reader must see the stale book at once, before the driver wakes for [`SLEEP_CHECK`].
pub(crate) fn a_reader_beside_the_last_one<A: Adapter>() {
    let is_stale_at_once = || {
        let mut took = Duration::MAX;
        beside_a_venue_that_waits::<A>(async |client, confirm, books| {
            let mut other = client.books(["btcusd"]).await.unwrap();
            live_book(&mut other, "btcusd").await;
            client.unsubscribe(stream_ids(&client).await[1]).await.unwrap();
            assert!(other.live("btcusd").is_some(), "the first reader keeps the book");
            let begin = std::time::Instant::now();
            drop(books);
            while other.live("btcusd").is_some() {
                other.changed().await.unwrap();
            }
            took = begin.elapsed();
            confirm.send(()).unwrap();
            client.close();
        });
        took < SLEEP_CHECK / 2
    };
    assert!((0..5).any(|_| is_stale_at_once()), "the other reader sees the end at the next check only");
}

/// The application unsubscribes in its callback, and the rate limit delays the request `unsubscribe`. The book
/// becomes stale at once.
pub(crate) fn a_book_whose_unsubscribe_waits<A: Adapter>() {
    let (url, thread) = listen("ws", |stream| venue_that_waits(stream, &channel().1));
    let config = Config::new(url).request_limit(1, Duration::from_secs(60));
    let (handle, driver) = client(Client::single(config));
    let (left, is_left) = smol::channel::bounded(1);
    within::<A, _>(async {
        let application = async {
            let mut books = handle.books(["btcusd"]).await.unwrap();
            is_left.recv().await.unwrap();
            while books.live("btcusd").is_some() {
                future::or(books.changed(), late()).await;
            }
            assert_eq!(kept(&handle).await, (false, vec![StreamState::Leaving]));
            handle.close();
        };
        let run = driver.run(A::runtime(), |client, now, event| {
            if let Event::Synced { id, .. } = event {
                client.unsubscribe(now, *id).unwrap();
                left.try_send(()).unwrap();
            }
        });
        future::zip(run, application).await;
    });
    thread.join().unwrap();
}

/// The driver loses a link because a write fails. The books of this link become stale at once, before the next
/// attempt to connect.
pub(crate) fn a_link_lost_by_a_write<A: Adapter>() {
    let (done, is_done) = channel::<()>();
    let (url, thread) = listen("ws", move |mut stream| {
        upgrade(&mut stream);
        let (id, ..) = read_request(&mut stream).unwrap();
        accept(&mut stream, id);
        stream.write_all(&snapshot_of("btcusd", 5, 10)).unwrap();
        // After this, the peer reads nothing.
        let _ = is_done.recv();
    });
    let config = Config::new(url).backoff(Duration::from_secs(15), Duration::from_secs(20));
    let (client, driver) = connect(A::runtime(), config);
    let (mut events, driver) = driver.write_timeout(Duration::from_millis(50)).events(1_000);
    // The driver must wake without help. In one task with the application, each wake of the application would also
    // poll the driver, so the driver runs in a separate thread.
    let driver = std::thread::spawn(move || A::block_on(driver));
    within::<A, _>(async {
        let mut books = client.books(["btcusd"]).await.unwrap();
        live_book(&mut books, "btcusd").await;
        let sent = client.with(|client, _, now| fill(client, now)).await.unwrap();
        assert!(sent > 50, "{sent} requests of 200 kB, more than any socket takes");
        while !matches!(events.next().await.unwrap().as_event(), Event::Disconnected { .. }) {}
        let lost = std::time::Instant::now();
        while books.live("btcusd").is_some() {
            assert!(lost.elapsed() < Duration::from_secs(2), "current after the end of its link");
            smol::Timer::after(Duration::from_millis(1)).await;
        }
        client.close();
        while events.next().await.is_some() {}
    });
    done.send(()).unwrap();
    driver.join().unwrap();
    thread.join().unwrap();
}

async fn late<T>() -> T {
    smol::Timer::after(Duration::from_secs(5)).await;
    panic!("the reader waits for ever");
}

/// The venue rejects the symbol. A reader that waits for the book gets the reason.
pub(crate) fn a_book_that_the_venue_rejects<A: Adapter>() {
    with_server::<A, _>(async |url| {
        let (client, driver) = connect(A::runtime(), Config::new(url));
        beside(driver, async {
            let mut books = client.books(["nosuchusd"]).await.unwrap();
            let reason = |books: &BookReader| books.view("nosuchusd").and_then(|view| view.stale_reason());
            assert_eq!(reason(&books), Some(StaleReason::NothingYet));
            let changed = future::or(books.changed(), late()).await;
            assert_eq!(changed, "nosuchusd".parse().ok());
            assert_eq!(reason(&books), Some(StaleReason::NotSubscribed));
            let refused = books.no_book("nosuchusd").unwrap();
            assert!(matches!(&refused, NoBook::Rejected { code, .. } if *code != 0), "{refused}");
            // This reader waits for the reply to a new request.
            let mut again = client.books(["nosuchusd"]).await.unwrap();
            assert_eq!(again.no_book("nosuchusd"), None);
            assert!(future::or(again.until_live("nosuchusd"), late()).await.is_none());
            assert_eq!(again.no_book("nosuchusd"), Some(refused));
            // Another subscription may bring the book, until the venue rejects it too.
            for reader in [&mut books, &mut again] {
                let _ = future::poll_once(reader.changed()).await;
                client.subscribe(Stream::depth("nosuchusd".parse().unwrap())).await.unwrap();
                assert!(future::or(reader.changed(), late()).await.is_some());
                assert!(future::or(reader.until_live("nosuchusd"), late()).await.is_none());
                assert!(matches!(reader.no_book("nosuchusd"), Some(NoBook::Rejected { .. })));
            }
            let _ = future::poll_once(books.changed()).await;
            client.close();
            assert_eq!(books.changed().await, None, "each is reported once");
        })
        .await;
    });
}

/// The link of a book ends without a further attempt, and another link keeps the client open. A reader that waits for
/// the book gets the reason. After `Client::open`, the book can arrive, so the reader waits again.
pub(crate) fn a_book_whose_link_has_ended<A: Adapter>() {
    with_server::<A, _>(async |url| {
        let mut gemini = Client::new(ClientConfig::new(), 1);
        // The test has just closed a listener on this port, so no server listens on it.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let first = Config::new(format!("ws://{address}")).attempts_max(1);
        for config in [first, Config::new(&url)] {
            gemini.add(Instant::ZERO, config.stay_open(true)).unwrap();
        }
        let (client, driver) = client(gemini);
        let application = async {
            let mut books = client.books(["btcusd"]).await.unwrap();
            let changed = future::or(books.changed(), late()).await;
            assert_eq!(changed, "btcusd".parse().ok());
            assert!(books.live("btcusd").is_none());
            assert_eq!(books.no_book("btcusd"), Some(NoBook::LinkClosed));
            assert!(future::or(books.until_live("btcusd"), late()).await.is_none());
            // Now a server listens on the port, and never answers.
            let listener = TcpListener::bind(address).unwrap();
            client.with(|gemini, _, now| gemini.open(now)).await.unwrap().unwrap();
            assert_eq!(future::or(books.changed(), late()).await, changed);
            let reason = books.view("btcusd").and_then(|view| view.stale_reason());
            assert_eq!((books.no_book("btcusd"), reason), (None, Some(StaleReason::NothingYet)));
            assert!(future::poll_once(books.until_live("btcusd")).await.is_none(), "it waits");
            client.close();
            assert_eq!(books.changed().await, None, "it is reported once");
            drop(listener);
        };
        future::zip(driver.run(A::runtime(), |_, _, _| {}), application).await;
    });
}

/// The application unsubscribes, or removes the endpoint, before the book has arrived. The reader of the book stops
/// waiting. After the application subscribes again, the reader waits again.
pub(crate) fn a_book_whose_subscription_ends<A: Adapter>() {
    for removes in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let mut gemini = Client::new(ClientConfig::new(), 1);
        let endpoint = gemini.add(Instant::ZERO, Config::new(&url).stay_open(true)).unwrap();
        let (client, driver) = client(gemini);
        let driver = driver.run(A::runtime(), |_, _, _| {});
        within::<A, _>(future::zip(driver, async {
            let mut books = client.books(["btcusd"]).await.unwrap();
            if removes {
                client.with(move |gemini, _, now| gemini.remove(now, endpoint)).await.unwrap().unwrap();
            } else {
                for id in stream_ids(&client).await {
                    client.unsubscribe(id).await.unwrap();
                }
            }
            assert!(future::or(books.until_live("btcusd"), late()).await.is_none());
            let reason = |books: &BookReader| books.view("btcusd").and_then(|view| view.stale_reason());
            assert_eq!(books.no_book("btcusd"), Some(NoBook::Unsubscribed), "removes: {removes}");
            assert_eq!(reason(&books), Some(StaleReason::NotSubscribed));
            if removes {
                let config = Config::new(&url).stay_open(true);
                client.with(move |gemini, _, now| gemini.add(now, config)).await.unwrap().unwrap();
            }
            client.subscribe(Stream::depth("btcusd".parse().unwrap())).await.unwrap();
            while books.no_book("btcusd").is_some() {
                assert!(future::or(books.changed(), late()).await.is_some());
            }
            assert_eq!(reason(&books), Some(StaleReason::NothingYet));
            client.close();
        }));
    }
}

/// A runtime of a machine that sleeps. After a sleep, the time of day is ahead of the monotonic clock by this many ms.
#[derive(Clone)]
struct Sleepy<R>(R, Arc<AtomicU64>);

struct SleepyTimer<T>(T, Arc<AtomicU64>);

impl<R: Runtime + Sync> Runtime for Sleepy<R> {
    type Io = R::Io;
    type Timer = SleepyTimer<R::Timer>;

    fn timer(&self) -> SleepyTimer<R::Timer> {
        SleepyTimer(self.0.timer(), Arc::clone(&self.1))
    }

    fn dial(
        &self,
        request: DialRequest,
    ) -> impl Future<Output = Result<WebSocketStream<Paced<R::Io>>, ConnectFailure>> + Send {
        self.0.dial(request)
    }
}

impl<T: Timer> Timer for SleepyTimer<T> {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn time_of_day(&self) -> UnixTime {
        UnixTime::from_millis(self.0.time_of_day().as_millis() + self.1.load(Ordering::Relaxed))
    }

    fn set(&mut self, at: Instant) {
        self.0.set(at);
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.0.poll(context)
    }
}

/// The machine sleeps for an hour, during which the driver's clock stops. The book from before the sleep is not fresh,
/// neither at once nor after the driver has noticed the sleep. The next update is fresh.
pub(crate) fn a_book_from_before_a_sleep<A: Adapter>() {
    let (update, is_time) = channel::<()>();
    let (url, thread) = listen("ws", move |mut stream| {
        upgrade(&mut stream);
        let (id, ..) = read_request(&mut stream).unwrap();
        accept(&mut stream, id);
        stream.write_all(&snapshot_of("btcusd", 5, 10)).unwrap();
        let mut updates = stream.try_clone().unwrap();
        let updating = std::thread::spawn(move || {
            is_time.recv().unwrap();
            let update = r#"{"e":"depthUpdate","E":2,"s":"btcusd","U":5,"u":6,"b":[["11","1"]],"a":[]}"#;
            updates.write_all(&frame(TEXT, update.as_bytes())).unwrap();
        });
        // The peer answers the probe, so the link stays.
        while let Some((id, ..)) = read_request(&mut stream) {
            accept(&mut stream, id);
        }
        updating.join().unwrap();
    });
    let slept = Arc::new(AtomicU64::new(0));
    let (client, driver) = connect(Sleepy(A::runtime(), Arc::clone(&slept)), Config::new(url));
    let driver = std::thread::spawn(move || A::block_on(driver));
    within::<A, _>(async {
        let hour = Duration::from_secs(3_600);
        let mut books = client.books(["btcusd"]).await.unwrap();
        live_book(&mut books, "btcusd").await;
        smol::Timer::after(SLEEP_CHECK + SLEEP_CHECK / 5).await;
        assert!(books.fresh("btcusd", hour).is_some());
        slept.store(2 * 3_600_000, Ordering::Relaxed);
        let begin = std::time::Instant::now();
        while begin.elapsed() < SLEEP_CHECK * 2 {
            assert!(books.fresh("btcusd", hour).is_none(), "fresh after {:?}", begin.elapsed());
            assert_eq!(books.top("btcusd", 1).unwrap().age_ms, None);
            assert!(books.live("btcusd").is_some(), "the link has answered");
            smol::Timer::after(Duration::from_millis(20)).await;
        }
        update.send(()).unwrap();
        while books.fresh("btcusd", Duration::from_secs(10)).is_none() {
            smol::Timer::after(Duration::from_millis(1)).await;
        }
        assert!(books.top("btcusd", 1).unwrap().age_ms.is_some());
        client.close();
    });
    driver.join().unwrap();
    thread.join().unwrap();
}
