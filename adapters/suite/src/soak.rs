//! [`soak`]: a client that trades for a given time over a network with faults.
//!
//! A second client, whose network has no faults, shows the true state at the venue.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant as StdInstant};

use gemini_ws_driver::gemini_ws::{
    Book, Books, Client, ClientConfig, CloseReason, Config, Credentials, Event, Instant, NewOrder,
    OrderState, Orders, Reconciled, Request, RequestOutcome, Side, Signer, Subject, Symbol, TimeInForce,
    Timestamp, UnixTime,
};
use gemini_ws_driver::{SharedSigner, client};
use gemini_ws_simulator::server::Server;
use gemini_ws_simulator::{Account, Config as Market, Exchange};
use smol::future;
use testkit::variables::number;

use crate::faulty::Faulty;
use crate::{Adapter, child};

pub(crate) const SOAK_SECONDS: &str = "GEMINI_WS_SOAK_SECONDS";

const KEY: &str = "account-of-the-soak";
const SECRET: &str = "a secret of the soak";

const ORDER_EVERY: Duration = Duration::from_millis(400);
/// The maximum number of orders in a run. It limits the memory of the client and of the venue.
const ORDERS_MAX: u32 = 1_000;
/// How long an order may rest before the trader cancels it.
const ORDER_RESTS: Duration = Duration::from_secs(2);
/// How old an order in doubt must be before the trader reconciles it with the orders of the second client.
const DOUBT_MAX: Duration = Duration::from_secs(5);
const HOUR: Duration = Duration::from_secs(3_600);
/// The maximum time for which [`until`] waits.
const HEALS_WITHIN: Duration = Duration::from_secs(20);

/// The first phase of a run, in which faults happen every few seconds. In the second phase, `HEALED`, the network and
/// the venue begin no further faults. In the third, `HALTED`, the market is halted as well.
const TROUBLE: u8 = 0;
const HEALED: u8 = 1;
const HALTED: u8 = 2;

#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    orders: u64,
    cancels: u64,
    /// The number of requests to which the venue has replied. The next three counters are for the other outcomes.
    answered: u64,
    timed_out: u64,
    lost: u64,
    not_sent: u64,
    /// The number of orders that the trader has reconciled with the auditor's orders.
    reconciled: u64,
    disconnects: u64,
    dials_failed: u64,
    gaps: u64,
    resyncs: u64,
    events: u64,
}

struct Trader {
    orders: Orders,
    /// When the trader sent each order. The trader removes orders that have ended.
    sent: HashMap<String, Instant>,
    next: Instant,
    next_order: Instant,
    order_every: Duration,
    books: Books,
    figures: Figures,
    is_stopping: bool,
}

/// A client on a network without faults. Its orders and books are those of the venue.
struct Auditor {
    orders: Orders,
    books: Books,
}

pub(crate) fn a_network_that_fails<A: Adapter>() {
    child::soak(A::NAME);
}

/// Runs [`soak`] for `GEMINI_WS_SOAK_SECONDS` seconds (default: 12), with the seed `GEMINI_WS_SEED` (default: 1).
///
/// # Panics
///
/// For the reasons of [`soak`], and if the value of one of these variables is malformed.
pub(crate) fn soak_as_wanted<A: Adapter>() {
    let seconds = number(SOAK_SECONDS).unwrap_or(12);
    soak::<A>(Duration::from_secs(seconds), number("GEMINI_WS_SEED").unwrap_or(1));
}

/// Lets a client trade for `duration`, while the network has a fault every few seconds. Then stops the faults, and
/// compares the client's orders and books with the venue's. Prints its progress.
///
/// # Panics
/// If the orders or the books differ from the venue's; if a request has no outcome; if no order was placed or no link
/// was lost; if memory or open descriptors grow; if the run does not end in time.
fn soak<A: Adapter>(duration: Duration, seed: u64) {
    let (address, is_bound) = mpsc::channel();
    let (stop, is_stopped) = smol::channel::bounded::<()>(1);
    let phase = Arc::new(AtomicU8::new(TROUBLE));
    let of_venue = Arc::clone(&phase);
    let venue = std::thread::spawn(move || serve(seed, &address, &is_stopped, &of_venue));
    let direct = is_bound.recv().expect("the venue listens");
    let faulty = Faulty::listen(direct, seed).expect("a port");
    A::block_on(trade::<A>(duration, seed, direct, &faulty, &phase));
    drop(faulty);
    stop.send_blocking(()).expect("the venue is there");
    venue.join().expect("the venue ends");
}

fn symbols() -> [Symbol; 2] {
    ["btcusd", "ethusd"].map(|name| name.parse().expect("a symbol"))
}

fn serve(
    seed: u64,
    address: &mpsc::Sender<SocketAddr>,
    is_stopped: &smol::channel::Receiver<()>,
    phase: &AtomicU8,
) {
    // Nonces are times, so the clock of the venue must agree with the client's.
    let now =
        i64::try_from(UnixTime::now().as_millis()).ok().and_then(Timestamp::from_millis).expect("a time");
    let market = Market::market(symbols()).events_per_second(400).epoch(now);
    let exchange = Exchange::new(market.account(Account::new(KEY, SECRET)), seed);
    let mut server = Server::bind(([127, 0, 0, 1], 0).into(), exchange).expect("a port");
    address.send(server.local_addr()).expect("somebody waits");
    let mut random = fastrand::Rng::with_seed(seed);
    smol::block_on(async {
        loop {
            let pause = async {
                smol::Timer::after(Duration::from_millis(random.u64(500..3_000))).await;
                false
            };
            let stopped = async {
                let _ = is_stopped.recv().await;
                true
            };
            if future::or(future::or(stopped, pause), async { match server.run().await {} }).await {
                break;
            }
            let faults = server.exchange_mut().faults();
            match phase.load(Ordering::Relaxed) {
                TROUBLE => {}
                HEALED => {
                    faults.delay_replies(Duration::ZERO);
                    continue;
                }
                _ => {
                    // While the market is halted, all clients reach the same last update.
                    faults.halt_market(true);
                    continue;
                }
            }
            match random.u8(..6) {
                0 => faults.drop_depth(*random.choice(&symbols()).expect("one"), 1),
                1 => faults.duplicate_depth(*random.choice(&symbols()).expect("one"), 1),
                2 => faults.withhold_replies(1),
                3 => faults.delay_replies(Duration::from_millis(random.u64(0..1_500))),
                4 => faults.delay_replies(Duration::ZERO),
                _ => faults.duplicate_order_events(2),
            }
        }
        server.close(Duration::from_secs(1)).await;
    });
}

/// Returns the configuration of an endpoint. Its time limits are short, so that much happens in a run.
fn config(address: SocketAddr) -> Config {
    Config::new(format!("ws://{address}"))
        .connect_timeout(Duration::from_secs(1))
        .request_timeout(Duration::from_secs(1))
        .snapshot_timeout(Duration::from_secs(1))
        .probe_after(Duration::from_millis(700))
        .silence_max(Duration::from_millis(1_500))
        .close_timeout(Duration::from_secs(1))
        .backoff(Duration::from_millis(20), Duration::from_millis(300))
        .stable_after(Duration::from_secs(1))
        .dial_limit(100_000, Duration::from_secs(60))
}

fn new_client(config: &Config, seed: u64) -> Client {
    let mut client = Client::new(ClientConfig::new(), seed);
    let public = client.add(Instant::ZERO, config.clone()).expect("an endpoint");
    let private = client.add(Instant::ZERO, config.clone().authenticated(true)).expect("an endpoint");
    for symbol in symbols() {
        for stream in ["depth@100ms", "trade", "bookTicker"] {
            let stream = format!("{symbol}@{stream}").parse().expect("a stream");
            client.subscribe_at(Instant::ZERO, public, stream, None).expect("a wish");
        }
    }
    let orders = "orders@account".parse().expect("a stream");
    client.subscribe_at(Instant::ZERO, private, orders, None).expect("a wish");
    client
}

async fn trade<A: Adapter>(
    duration: Duration,
    seed: u64,
    direct: SocketAddr,
    faulty: &Faulty,
    phase: &AtomicU8,
) {
    let signer = SharedSigner::new(Signer::new(Credentials::hmac(KEY, SECRET).expect("credentials")));
    // The auditor's links must stay open while the venue withholds replies.
    let patient =
        config(direct).request_timeout(Duration::from_secs(2)).probe_after(HOUR).silence_max(HOUR * 2);
    let auditor = new_client(&patient, seed);
    let trading = new_client(&config(faulty.address()), seed);
    let truth = RefCell::new(Auditor { orders: Orders::new(), books: Books::new() });
    let trader = RefCell::new(Trader {
        orders: Orders::new(),
        sent: HashMap::new(),
        next: Instant::ZERO,
        next_order: Instant::ZERO,
        order_every: ORDER_EVERY.max(duration / ORDERS_MAX),
        books: Books::new(),
        figures: Figures::default(),
        is_stopping: false,
    });
    let (audit_handle, audit) = client(auditor);
    let (trade_handle, trade) = client(trading);
    let (audit, trade) = (audit.sign_with(signer.clone()), trade.sign_with(signer));
    let (runtime, is_over) = (A::runtime(), Cell::new(false));
    let audit = audit.run(&runtime, |client, now, event| {
        let mut truth = truth.borrow_mut();
        truth.orders.apply(event);
        truth.books.apply(event);
        client.resync_books(now, truth.books.to_resync());
        if let Event::Disconnected { reason: why, .. } = event {
            assert!(is_over.get(), "the truth is lost: {why}");
        }
    });
    let trade =
        trade.run(&runtime, |client, now, event| trader.borrow_mut().take(client, now, event, &truth));
    let watch = async {
        watch(duration, faulty, phase, &trader, &truth).await;
        is_over.set(true);
        trade_handle.close();
        audit_handle.close();
    };
    let ((traded, audited), ()) = future::zip(future::zip(trade, audit), watch).await;
    assert!(matches!(traded.reason, CloseReason::Requested | CloseReason::RequestedUnclean), "{traded:?}");
    assert_eq!(audited.reason, CloseReason::Requested);
    compare(&trader.into_inner(), &truth.into_inner());
}

impl Trader {
    fn take(&mut self, client: &mut Client, now: Instant, event: &Event<'_>, truth: &RefCell<Auditor>) {
        let figures = &mut self.figures;
        figures.events += 1;
        match event {
            Event::Disconnected { .. } => figures.disconnects += 1,
            Event::ConnectFailed { .. } => figures.dials_failed += 1,
            Event::Gap { .. } => figures.gaps += 1,
            Event::Synced { .. } => figures.resyncs += 1,
            Event::Requested { about: Subject::PlaceOrder(order), .. } => {
                self.sent.insert(order.client_order_id().to_string(), now);
            }
            Event::Reply { outcome, about: Subject::PlaceOrder(_) | Subject::CancelOrder(_), .. } => {
                match outcome {
                    RequestOutcome::Answered(_) => figures.answered += 1,
                    RequestOutcome::TimedOut => figures.timed_out += 1,
                    RequestOutcome::Lost => figures.lost += 1,
                    RequestOutcome::NotSent => figures.not_sent += 1,
                }
            }
            _ => {}
        }
        self.orders.apply(event);
        self.books.apply(event);
        client.resync_books(now, self.books.to_resync());
        if now >= self.next {
            self.next = now + ORDER_EVERY;
            if !self.is_stopping && now >= self.next_order {
                self.next_order = now + self.order_every;
                self.place(client, now);
            }
            self.look_after(client, now, truth);
        }
    }

    /// Places an order. Every second order rests; the others do not.
    fn place(&mut self, client: &mut Client, now: Instant) {
        let number = self.figures.orders;
        let rests = number.is_multiple_of(2);
        let depth = if rests { 5 } else { 0 };
        let Some(Book::Live(book)) = self.books.get("btcusd") else { return };
        let (Some(bid), Some(ask)) = (book.bids().iter().nth(depth), book.asks().iter().nth(depth)) else {
            return;
        };
        let direction = if number % 4 < 2 { Side::Buy } else { Side::Sell };
        let price = match (direction, rests) {
            (Side::Buy, true) | (Side::Sell, false) => bid.price,
            _ => ask.price,
        };
        let [symbol, _] = symbols();
        let id = format!("soak-{number}");
        let order = NewOrder::limit(id.as_str(), symbol, direction, "0.001", price);
        let tif = if rests { TimeInForce::GoodTillCanceled } else { TimeInForce::ImmediateOrCancel };
        let order = order.and_then(|order| order.time_in_force(tif)).expect("an order");
        // If the client refuses, the trader places another order later.
        self.figures.orders += u64::from(client.request(now, &Request::PlaceOrder(order)).is_ok());
    }

    /// Cancels orders that have rested for long, and reconciles orders in doubt with the auditor's orders.
    fn look_after(&mut self, client: &mut Client, now: Instant, truth: &RefCell<Auditor>) {
        let truth = truth.borrow();
        let (mut ended, mut doubtful) = (Vec::new(), Vec::new());
        for (id, sent) in &self.sent {
            let order = self.orders.get(id).expect("an order that was sent");
            let age = now.since(*sent);
            if order.needs_reconciling() && age > DOUBT_MAX {
                doubtful.push(id.clone());
            } else if order.state.is_final() {
                ended.push(id.clone());
            } else if let Some(order_id) = order.order_id.filter(|_| age > ORDER_RESTS)
                && client.request(now, &Request::CancelOrder { order_id }).is_ok()
            {
                self.figures.cancels += 1;
            }
        }
        for id in doubtful {
            let found = truth.orders.get(&id);
            let found =
                found.and_then(|order| Some(Reconciled::new(order.order_id?, order.state, order.executed())));
            // If the trader has received an event that the auditor has not received, the order stays in doubt until
            // the next call.
            let asked = self.orders.moment();
            self.figures.reconciled += u64::from(self.orders.reconcile(&id, found, asked));
        }
        for id in ended {
            self.sent.remove(&id);
        }
    }
}

/// Returns the bytes of memory and the number of open descriptors of this process; `None` if the system does not
/// report them.
fn resources() -> Option<(u64, usize)> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    let resident: u64 = pages.split(' ').nth(1)?.parse().ok()?;
    Some((resident * 4_096, std::fs::read_dir("/proc/self/fd").ok()?.count()))
}

/// Waits until `holds` returns `true`. After [`HEALS_WITHIN`], panics with the text that `or` returns.
async fn until(holds: impl Fn() -> bool, or: impl Fn() -> String) {
    let start = StdInstant::now();
    while !holds() {
        smol::Timer::after(Duration::from_millis(50)).await;
        assert!(start.elapsed() < HEALS_WITHIN, "not well: {}", or());
    }
}

async fn watch(
    duration: Duration,
    faulty: &Faulty,
    phase: &AtomicU8,
    trader: &RefCell<Trader>,
    truth: &RefCell<Auditor>,
) {
    let start = StdInstant::now();
    let mut warm = None;
    let every = Duration::from_secs(60).min(duration / 4);
    while start.elapsed() < duration {
        smol::Timer::after(every).await;
        let used = resources();
        if start.elapsed() * 4 >= duration {
            warm = warm.or(used);
        }
        let (memory, descriptors) = used.unwrap_or_default();
        let (took, faults, figures) = (start.elapsed().as_secs(), faulty.faults(), trader.borrow().figures);
        println!("{took} s: {} kB, {descriptors} descriptors, {faults} faults, {figures:?}", memory >> 10);
    }
    faulty.heal();
    trader.borrow_mut().is_stopping = true;
    phase.store(HEALED, Ordering::Relaxed);
    until(|| trader.borrow().sent.is_empty(), || format!("open: {:?}", trader.borrow().sent)).await;
    phase.store(HALTED, Ordering::Relaxed);
    let is_same = || same_books(&trader.borrow().books, &truth.borrow().books);
    let shown = || {
        let [ours, truth] = [&trader.borrow().books, &truth.borrow().books].map(summary);
        format!("the books are not those of the venue: {ours}, and {truth}")
    };
    until(is_same, shown).await;
    if let (Some((memory, descriptors)), Some((memory_now, descriptors_now))) = (warm, resources()) {
        println!(
            "from {} kB and {descriptors} to {} kB and {descriptors_now}",
            memory >> 10,
            memory_now >> 10
        );
        // Allow for the links that happen to be open now.
        assert!(
            descriptors_now <= descriptors + 16,
            "{descriptors} descriptors have become {descriptors_now}"
        );
        assert!(memory_now <= memory + memory / 2 + (8 << 20), "{memory} bytes have become {memory_now}");
    }
}

fn summary(books: &Books) -> String {
    let of = |(symbol, book): (Symbol, Book<'_>)| match book {
        Book::Live(book) => format!("{symbol} at {:?}", book.last_update_id()),
        Book::Stale { reason, .. } => format!("{symbol} stale: {reason:?}"),
    };
    books.iter().map(of).collect::<Vec<_>>().join(", ")
}

/// Returns whether both clients have a current book of each symbol, with the same levels. Panics if two books with
/// the same last update have different levels.
fn same_books(ours: &Books, truth: &Books) -> bool {
    symbols().iter().all(|symbol| {
        let of = |books: &Books| match books.get(symbol.as_str()) {
            Some(Book::Live(book)) => Some(book.clone()),
            _ => None,
        };
        of(ours).zip(of(truth)).is_some_and(|(ours, truth)| {
            let is_same =
                ours.bids().iter().eq(truth.bids().iter()) && ours.asks().iter().eq(truth.asks().iter());
            assert!(
                is_same || ours.last_update_id() != truth.last_update_id(),
                "{symbol}: {ours:?}, and {truth:?}"
            );
            is_same
        })
    })
}

/// Checks that the venue has exactly the orders of the trader, with the same states and executed quantities. An order
/// that the venue does not have must be rejected.
fn compare(trader: &Trader, truth: &Auditor) {
    let figures = trader.figures;
    println!("{figures:?}");
    let replies = figures.answered + figures.timed_out + figures.lost + figures.not_sent;
    assert_eq!(figures.orders + figures.cancels, replies, "each request has one outcome");
    let mut compared = 0;
    for order in trader.orders.iter() {
        let id = order.client_order_id.as_deref().expect("ours");
        let at_venue = truth.orders.get(id);
        match at_venue {
            None => assert_eq!(order.state, OrderState::Rejected, "the venue knows nothing of {order:?}"),
            Some(at_venue) => {
                assert_eq!(order.state, at_venue.state, "{order:?}, and {at_venue:?}");
                assert_eq!(order.executed(), at_venue.executed(), "{order:?}, and {at_venue:?}");
            }
        }
        compared += 1;
    }
    for order in truth.orders.iter() {
        let id = order.client_order_id.as_deref().expect("ours");
        assert!(trader.orders.get(id).is_some(), "nobody sent {order:?}");
    }
    assert!(compared > 0 && figures.disconnects > 0, "nothing happened");
    println!("{compared} orders are those of the venue");
}
