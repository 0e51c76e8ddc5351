//! Tests the handle and the driver that `connect` returns.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task;
use std::time::Duration;

use gemini_ws_driver::async_tungstenite::WebSocketStream;
use gemini_ws_driver::gemini_ws::{
    Book, CloseReason, CommandError, Config, ConnectFailure, Event, Instant, NewOrder, OrderState, Request,
    Side, StaleReason, Stream, Symbol, TimeInForce,
};
use gemini_ws_driver::{
    Closed, Connected, DialRequest, Done, EndedBy, Handle, Paced, PlaceError, Runtime, Ticket, TryNextError,
    Wake, client, connect,
};
use smol::future;
use smol::stream::StreamExt as _;

use crate::Adapter;
use crate::peers::within;
use crate::trading::{signer, with_server};

/// Runs `application` together with a driver in one task. Returns how the driver ended.
pub(crate) async fn beside(
    driver: Connected<impl gemini_ws_driver::Runtime + 'static>,
    application: impl Future<Output = ()>,
) -> Closed {
    future::zip(driver, application).await.0
}

pub(crate) async fn live_book(books: &mut gemini_ws_driver::BookReader, symbol: &str) {
    books.until_live(symbol).await.expect("the driver has not ended");
}

pub(crate) fn books_for_any_task<A: Adapter>() {
    with_server::<A, _>(async |url| {
        let (client, driver) = connect(A::runtime(), Config::new(&url));
        let application = async {
            let mut books = client.books(["btcusd", "BTCUSD"]).await.unwrap();
            assert_eq!(books.symbols().collect::<Vec<Symbol>>(), ["btcusd".parse().unwrap()]);
            live_book(&mut books, "btcusd").await;
            let (bid, ask) = books.live("btcusd").and_then(|book| book.best()).unwrap();
            assert!(bid.price < ask.price && books.get("ethusd").is_none());
            assert!(books.fresh("btcusd", Duration::from_secs(30)).is_some());
            let view = books.view("btcusd").unwrap();
            assert!(view.age().received.is_some());
            let [top, all] = [2, usize::MAX].map(|levels| books.top("btcusd", levels).unwrap());
            assert_eq!(
                (top.stale, top.bids.len(), all.asks.len()),
                (None, 2, view.get().last().asks().len())
            );
            assert_eq!((top.asks.first(), top.event_time), (all.asks.first(), view.age().event_time));
            assert!(
                top.age_ms.is_some_and(|age| age < 30_000) && books.top("ethusd", 2).is_none(),
                "{top:?}"
            );
            assert!(books.until_live("ethusd").await.is_none(), "this reader has no such book");
            // Another thread reads the book with a reader that was created after the snapshot.
            let (later, mut clone) = (client.books(["btcusd"]).await.unwrap(), books.clone());
            let other = std::thread::spawn(move || {
                let mut later = later;
                smol::block_on(async {
                    for _ in 0..20 {
                        assert_eq!(later.changed().await, "btcusd".parse().ok());
                        clone.changed().await.unwrap();
                    }
                    live_book(&mut later, "btcusd").await;
                    later.live("btcusd").unwrap().last_update_id()
                })
            });
            let seen = smol::unblock(|| other.join().unwrap()).await;
            live_book(&mut books, "btcusd").await;
            assert!(books.live("btcusd").unwrap().last_update_id() >= seen, "the newest, whoever reads it");
            assert!(client.books(["no symbol"]).await.unwrap_err().to_string().contains("byte 2"));
            client.close();
            while books.changed().await.is_some() {}
            assert!(books.until_live("btcusd").await.is_none(), "the driver has ended");
            let top = books.top("btcusd", 2).unwrap();
            assert_eq!((top.stale, top.age_ms), (Some(StaleReason::Disconnected), None), "no clock runs");
        };
        let closed = beside(driver, application).await;
        assert_eq!((closed.reason, closed.ended_by), (CloseReason::Requested, EndedBy::Client));
    });
}

#[derive(Clone)]
struct FailsOnce<R>(R, Arc<AtomicBool>);

impl<R: Runtime + Sync> Runtime for FailsOnce<R> {
    type Io = R::Io;
    type Timer = R::Timer;

    fn timer(&self) -> Self::Timer {
        self.0.timer()
    }

    async fn dial(&self, request: DialRequest) -> Result<WebSocketStream<Paced<R::Io>>, ConnectFailure> {
        if self.1.swap(true, Ordering::Relaxed) {
            return self.0.dial(request).await;
        }
        Err(ConnectFailure::NameLookup)
    }
}

/// A program that waits for a connection can read the reason why the last attempt failed.
pub(crate) fn why_there_is_no_connection<A: Adapter>() {
    with_server::<A, _>(async |url| {
        let config = Config::new(&url).backoff(Duration::from_millis(200), Duration::from_millis(200));
        let (client, driver) = connect(FailsOnce(A::runtime(), Arc::default()), config.stay_open(true));
        let application = async {
            let failure = loop {
                if let Some(failure) = client.connect_failure().await.unwrap() {
                    break failure;
                }
                smol::Timer::after(Duration::from_millis(1)).await;
            };
            assert_eq!(failure, ConnectFailure::NameLookup);
            client.live().await.unwrap();
            assert_eq!(client.connect_failure().await, Ok(None), "an attempt succeeded");
            client.close();
        };
        beside(driver, application).await;
        assert_eq!(client.connect_failure().await, Err(CommandError::Closed));
    });
}

pub(crate) fn a_reader_that_goes_unsubscribes<A: Adapter>() {
    with_server::<A, _>(async |url| {
        let (client, driver) = connect(A::runtime(), Config::new(&url));
        let application = async {
            let mut books = client.books(["btcusd"]).await.unwrap();
            live_book(&mut books, "btcusd").await;
            let clone = books.clone();
            drop(books);
            let streams = async || client.with(|client, _, _| client.streams().count()).await.unwrap();
            assert_eq!(streams().await, 1, "a clone reads it");
            drop(clone);
            while streams().await > 0 {
                smol::Timer::after(Duration::from_millis(1)).await;
            }
            // The book no longer has a subscription, so the next reader causes a new one.
            live_book(&mut client.books(["btcusd"]).await.unwrap(), "btcusd").await;
            drop(client);
        };
        let closed = beside(driver, application).await;
        assert_eq!((closed.reason, closed.ended_by), (CloseReason::Requested, EndedBy::HandlesDropped));
    });
}

pub(crate) fn books_end_with_their_driver<A: Adapter>() {
    with_server::<A, _>(async |url| {
        let (client, driver) = connect(A::runtime(), Config::new(&url));
        let mut driver = Box::pin(driver);
        let live = async {
            let mut books = client.books(["btcusd"]).await.unwrap();
            live_book(&mut books, "btcusd").await;
            books
        };
        let mut books = future::or(live, async {
            driver.as_mut().await;
            unreachable!("nobody has ended it")
        })
        .await;
        drop(driver);
        assert!(books.live("btcusd").is_none() && books.fresh("btcusd", Duration::MAX).is_none());
        assert!(books.view("btcusd").unwrap().live().is_none());
        let Some(Book::Stale { reason: StaleReason::Disconnected, last }) = books.get("btcusd") else {
            panic!()
        };
        assert!(last.best().is_some());
        while books.changed().await.is_some() {}
        let ended = client.ended().await;
        assert_eq!((ended.closed, ended.to_string().as_str()), (None, "the driver was dropped"));
        assert!(client.books(["btcusd"]).await.is_err() && client.live().await.is_err());
    });
}

pub(crate) fn order(id: &str, price: &str) -> NewOrder {
    NewOrder::limit(id, "btcusd", Side::Buy, "0.5", price).unwrap()
}

/// Runs an application with an authenticated client. Returns how its driver ended.
pub(crate) async fn signed<A: Adapter>(url: String, application: impl AsyncFnOnce(Handle)) -> Closed {
    let (client, driver) = connect(A::runtime(), Config::new(&url));
    beside(driver.sign_with(signer()), async {
        client.live().await.unwrap();
        application(client).await;
    })
    .await
}

pub(crate) fn an_order_and_its_ticket<A: Adapter>() {
    with_server::<A, _>(async |url| {
        signed::<A>(url, async |client| {
            let mut filled = client.place(order("taker", "1000000")).await.unwrap();
            let mut executed = gemini_ws_driver::gemini_ws::Decimal::ZERO;
            while let Some(fill) = filled.next().await {
                executed = executed.checked_add(fill.quantity).unwrap();
            }
            let Done::Filled(order_filled) = filled.done().await else { panic!() };
            assert_eq!(order_filled.executed(), executed);
            assert_eq!(Some(order_filled.executed()), order_filled.quantity);
            assert_eq!(client.traded("btcusd").await.unwrap().net(), Some(executed));

            let resting = order("maker", "1000").time_in_force(TimeInForce::MakerOrCancel).unwrap();
            let mut rests = client.submit(resting).unwrap();
            // The driver does not know the venue's id of the order yet.
            rests.cancel().unwrap();
            let Done::Canceled(canceled) = rests.done().await else { panic!() };
            assert_eq!((rests.next().await, rests.order().state), (None, OrderState::Canceled));
            assert_eq!(canceled.client_order_id.as_deref(), Some("maker"));

            // The driver sends the cancel even if the ticket has been dropped.
            let forgotten = client.submit(order("forgotten", "1000")).unwrap();
            forgotten.cancel().unwrap();
            drop(forgotten);
            while !client.orders().await.unwrap().is_empty() {
                smol::Timer::after(Duration::from_millis(1)).await;
            }

            let mut second = client.place(order("second", "1000")).await.unwrap();
            while second.order().order_id.is_none() {
                smol::Timer::after(Duration::from_millis(1)).await;
            }
            assert_eq!(client.orders().await.unwrap().len(), 1);
            assert!(client.cancel("second").await.unwrap().is_ok());
            assert!(matches!(second.done().await, Done::Canceled(_)));
            let _left = client.place(order("third", "1000")).await.unwrap();
            assert!(client.cancel_all().await.unwrap().is_ok());
            let ended = client.shut_down(Duration::from_secs(5), |plan| plan.cancel_orders(true)).await;
            assert!(ended.orders.is_empty(), "{ended}: {:?}", ended.orders);
        })
        .await;
    });
}

/// The queue of events is full, and stays full. During a shutdown, the driver still reads frames.
pub(crate) fn an_end_in_spite_of_a_full_queue<A: Adapter>() {
    with_server::<A, _>(async |url| {
        let (client, driver) = connect(A::runtime(), Config::new(&url));
        let (events, driver) = driver.sign_with(signer()).events(1);
        let closed = beside(driver, async {
            client.live().await.unwrap();
            let _rests = client.place(order("rests", "1000")).await.unwrap();
            client.subscribe(Stream::book_ticker("btcusd".parse().unwrap())).await.unwrap();
            // Wait until the queue is full.
            smol::Timer::after(Duration::from_millis(500)).await;
            let ended = client.shut_down(Duration::from_secs(4), |plan| plan.cancel_orders(true)).await;
            assert!(ended.orders.is_empty(), "{ended}: {:?}", ended.orders);
        })
        .await;
        assert!(closed.undelivered > 0, "the queue was full");
        drop(events);
    });
}

pub(crate) fn orders_that_are_not_sent<A: Adapter>() {
    with_server::<A, _>(async |url| {
        let (unsigned, driver) = connect(A::runtime(), Config::new(&url));
        let application = async {
            let refused = unsigned.place(order("a", "1000")).await.unwrap_err();
            assert!(matches!(refused, PlaceError::Refused(_)), "{refused}");
            let mut ticket = unsigned.submit(order("b", "1000")).unwrap();
            let done = ticket.done().await;
            assert!(matches!(&done, Done::Rejected(order) if order.reason.is_some()));
            assert_eq!(&ticket.order(), done.order());
            assert!(unsigned.orders().await.unwrap().is_empty(), "no phantom is left");
            unsigned.close();
        };
        beside(driver, application).await;
        signed::<A>(url, async |client| {
            let rejected = client.place(order("too-dear", "1000.001")).await.unwrap_err();
            let PlaceError::Rejected(order) = &rejected else { panic!("{rejected}") };
            assert!(order.reason.is_some() && rejected.to_string().starts_with("rejected: "));
            assert!(client.cancel("nobody").await.is_err());
            client.close();
        })
        .await;
    });
}

/// A caller in another thread: as soon as it is woken, it looks whether the ticket has ended.
struct Seen {
    ticket: Ticket,
    has_ended: Mutex<Option<bool>>,
}

impl task::Wake for Seen {
    fn wake(self: Arc<Self>) {
        *self.has_ended.lock().unwrap() = Some(self.ticket.outcome().is_some());
    }
}

pub(crate) fn a_ticket_ends_with_its_driver<A: Adapter>() {
    with_server::<A, _>(async |url| {
        let (client, driver) = connect(A::runtime(), Config::new(&url));
        let mut driver = Box::pin(driver.sign_with(signer()));
        let placed = async {
            client.live().await.unwrap();
            client.place(order("resting", "1000")).await.unwrap()
        };
        let never = async {
            driver.as_mut().await;
            unreachable!("nobody has ended it")
        };
        let ticket = future::or(placed, never).await;
        // This call waits in the queue of commands.
        let mut call = pin!(client.connect_failure());
        let seen = Arc::new(Seen { ticket, has_ended: Mutex::default() });
        assert!(call.as_mut().poll(&mut task::Context::from_waker(&Arc::clone(&seen).into())).is_pending());
        drop(driver);
        assert_eq!(
            *seen.has_ended.lock().unwrap(),
            Some(true),
            "the call returns after the ticket has ended"
        );
        assert_eq!(call.await, Err(CommandError::Closed));
        let mut ticket = Arc::into_inner(seen).unwrap().ticket;
        let Done::Unknown(order) = ticket.done().await else { panic!() };
        assert_eq!(order.client_order_id.as_deref(), Some("resting"));
        assert_eq!(client.ended().await.orders.len(), 1);
        assert!(ticket.cancel().is_err() && client.submit(self::order("late", "1")).is_err());
    });
}

pub(crate) fn events_as_a_stream<A: Adapter>() {
    with_server::<A, _>(async |url| {
        let (client, driver) = connect(A::runtime(), Config::new(&url));
        let (mut events, driver) = driver.events(64);
        assert_eq!(events.try_next().unwrap_err(), TryNextError::Empty);
        let application = async {
            client.subscribe(Stream::trades("btcusd".parse().unwrap())).await.unwrap();
            let mut trades =
                pin!((&mut events).filter(|event| format!("{event:?}").contains("Trade")).take(3));
            while trades.next().await.is_some() {}
            client.close();
            while events.next().await.is_some() {}
            assert_eq!(events.try_next().unwrap_err(), TryNextError::Ended);
        };
        assert_eq!(beside(driver, application).await.undelivered, 0);
    });
}

pub(crate) fn a_timer_beside_events<A: Adapter>() {
    with_server::<A, _>(async |url| {
        let mut gemini = gemini_ws_driver::gemini_ws::Client::single(Config::new(&url));
        gemini.subscribe(Instant::ZERO, Stream::depth("btcusd".parse().unwrap())).unwrap();
        let (handle, driver) = client(gemini);
        let (mut fired, mut replies, mut due) = (Vec::new(), 0, Instant::ZERO);
        let on_wake = |client: &mut gemini_ws_driver::gemini_ws::Client, now: Instant, wake: Wake<'_>| {
            match wake {
                Wake::Timer => {
                    assert!(now >= due, "not before its time");
                    fired.push(now);
                    // The application does not wait for the reply to this request.
                    let _ = client.request(now, &Request::Ping);
                    due = now + Duration::from_millis(20);
                }
                Wake::Event(Event::Reply { .. }) => replies += 1,
                Wake::Event(_) => {}
            }
            if fired.len() == 12 {
                handle.close();
                return None;
            }
            Some(due)
        };
        let closed = driver.run_with_timer(A::runtime(), on_wake).await;
        assert_eq!((closed.reason, fired.len()), (CloseReason::Requested, 12));
        assert!(replies > 5, "{replies} replies beside the timer");
    });
}

pub(crate) fn an_end_before_it_is_live<A: Adapter>() {
    // The driver has no signer, so the only attempt fails at once.
    let config = Config::new("ws://127.0.0.1:1").attempts_max(1);
    let (client, driver) = connect(A::runtime(), config.authenticated(true));
    within::<A, _>(async {
        let application = async {
            let ended = client.live().await.unwrap_err();
            assert!(ended.to_string().contains("credentials"), "{ended}");
        };
        beside(driver, application).await;
    });
}
