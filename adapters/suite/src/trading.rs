//! Tests every endpoint of the simulated exchange over real sockets: orders, and the archived feeds.

use std::time::Duration;

use gemini_ws_driver::client;
use gemini_ws_driver::gemini_ws::{
    Balances, Book, Books, Client, CloseReason, Config, Credentials, Event, Instant, NewOrder, OrderState,
    Orders, Request, Side, Signer, TimeInForce, Timestamp, UnixTime,
};
use gemini_ws_simulator::server::Server;
use gemini_ws_simulator::{Account, Config as Market, Exchange};

use smol::future;

use crate::Adapter;

const KEY: &str = "account-of-the-sockets";
const SECRET: &str = "a secret of the sockets";

/// Runs a future together with a simulated exchange. Panics if the future takes longer than half a minute.
pub(crate) fn with_server<A: Adapter, T>(run: impl AsyncFnOnce(String) -> T) -> T {
    with_faulty_server::<A, T>(|_| {}, run)
}

pub(crate) fn with_faulty_server<A: Adapter, T>(
    plan: impl FnOnce(&mut Exchange),
    run: impl AsyncFnOnce(String) -> T,
) -> T {
    // Nonces are times, so the clock of the venue must agree with the client's.
    let now = Timestamp::from_millis(i64::try_from(UnixTime::now().as_millis()).unwrap()).unwrap();
    let market = Market::market(["btcusd".parse().unwrap()]).events_per_second(50).epoch(now);
    let mut exchange = Exchange::new(market.account(Account::new(KEY, SECRET)), 1);
    plan(&mut exchange);
    let mut server = Server::bind(([127, 0, 0, 1], 0).into(), exchange).unwrap();
    let address = format!("ws://{}", server.local_addr());
    let late = async {
        smol::Timer::after(Duration::from_secs(30)).await;
        panic!("still not done");
    };
    A::block_on(future::or(run(address), future::or(async { match server.run().await {} }, late)))
}

pub(crate) fn signer() -> Signer {
    Signer::new(Credentials::hmac(KEY, SECRET).unwrap())
}

pub(crate) fn an_order_from_its_request_to_its_end<A: Adapter>() {
    with_server::<A, _>(async |url| {
        let mut gemini = Client::single(Config::new(&url).authenticated(true).seed(1));
        for stream in ["orders@account", "balances@account"] {
            gemini.subscribe(Instant::ZERO, stream.parse().unwrap()).unwrap();
        }
        let (handle, driver) = client(gemini);
        let driver = driver.sign_with(signer());
        let (mut orders, mut balances) = (Orders::new(), Balances::new());
        let order = NewOrder::limit("first", "btcusd", Side::Buy, "0.5", "1000.00")
            .and_then(|order| order.time_in_force(TimeInForce::MakerOrCancel))
            .unwrap();
        let mut states = Vec::new();
        let runtime = A::runtime();
        let closed = driver
            .run(&runtime, |client, now, event| {
                orders.apply(event);
                balances.apply(event);
                if let Event::Live { .. } = event {
                    client.request(now, &Request::PlaceOrder(order)).unwrap();
                }
                let Some(order) = orders.get("first") else { return };
                if states.last() == Some(&order.state) {
                    return;
                }
                states.push(order.state);
                match order.state {
                    OrderState::Open => {
                        let order_id = order.order_id.unwrap();
                        client.request(now, &Request::CancelOrder { order_id }).unwrap();
                    }
                    OrderState::Canceled => drop(handle.close()),
                    _ => {}
                }
            })
            .await;
        assert_eq!(closed.reason, CloseReason::Requested);
        // The state `Acknowledged` appears only if the reply to the order comes before the first event.
        states.retain(|state| *state != OrderState::Acknowledged);
        assert_eq!(states, [OrderState::Sent, OrderState::New, OrderState::Open, OrderState::Canceled]);
        assert!(balances.get("USD").is_some());
        assert_eq!(orders.to_reconcile().count(), 0);
    });
}

pub(crate) fn books_of_the_archived_endpoints<A: Adapter>() {
    let targets = ["/v2/marketdata", "/v1/marketdata/btcusd", "/v1/multimarketdata?symbols=BTCUSD"];
    with_server::<A, _>(async |url| {
        for target in targets {
            let mut gemini = Client::single(Config::new(format!("{url}{target}")).seed(1));
            if target.starts_with("/v2") {
                gemini.subscribe(Instant::ZERO, "btcusd@depth".parse().unwrap()).unwrap();
            }
            let (handle, driver) = client(gemini);
            let (mut books, mut updates) = (Books::new(), 0);
            let runtime = A::runtime();
            let closed = driver
                .run(&runtime, |_, _, event| {
                    updates += u32::from(books.apply(event).is_some());
                    if updates == 20 {
                        handle.close();
                    }
                })
                .await;
            assert_eq!(closed.reason, CloseReason::Requested, "{target}");
            let book = books.get("btcusd").map(Book::last).unwrap();
            assert!(book.bids().len() > 10 && book.asks().len() > 10 && !book.is_crossed(), "{target}");
        }
    });
}

pub(crate) fn order_events_v1_are_signed_in_their_own_way<A: Adapter>() {
    with_server::<A, _>(async |url| {
        let (handle, driver) = client(Client::single(Config::new(format!("{url}/v1/order/events")).seed(1)));
        let mut accounts = 0;
        let runtime = A::runtime();
        let closed = driver
            .sign_with(signer())
            .run(&runtime, |_, _, event| {
                if let Event::SubscriptionAck(..) = event {
                    accounts += 1;
                    handle.close();
                }
            })
            .await;
        assert_eq!((closed.reason, accounts), (CloseReason::Requested, 1));
        // The venue refuses every upgrade without a signature, so the test closes the client.
        let (_handle, driver) = client(Client::single(Config::new(format!("{url}/v1/order/events")).seed(1)));
        let mut refusals = Vec::new();
        let run = driver.run(&runtime, |client, now, event| {
            if let Event::ConnectFailed { reason: why, .. } = event {
                refusals.push(*why);
                client.close(now);
            }
        });
        run.await;
        assert!(!refusals.is_empty(), "refused");
    });
}
