//! Tests the features `tracing` and `metrics`: `cargo test -p gemini-ws-smol --all-features --test telemetry`.

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use gemini_ws_simulator::server::Server;
use gemini_ws_simulator::{Account, Config as Market, Exchange};
use gemini_ws_smol::gemini_ws::{
    Client, Config, Credentials, Event, EventQueue, Instant, Overflow, Request, Signer, Stats, Timestamp,
    UnixTime,
};
use gemini_ws_smol::{Smol, client};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use tracing::Level;
use tracing_subscriber::fmt::format::FmtSpan;

const KEY: &str = "account-of-the-telemetry";
const SECRET: &str = "a secret of the telemetry";

/// Returns a simulated exchange whose clock shows this machine's time.
fn server() -> Server {
    let now = Timestamp::from_millis(i64::try_from(UnixTime::now().as_millis()).unwrap()).unwrap();
    let market = Market::market(["btcusd".parse().unwrap()]).events_per_second(500).epoch(now);
    let exchange = Exchange::new(market.account(Account::new(KEY, SECRET)), 1);
    Server::bind(([127, 0, 0, 1], 0).into(), exchange).unwrap()
}

/// Runs a signed client that sends a request, until it has received ten depth updates. Returns its counters.
fn live() -> Stats {
    let mut server = server();
    let mut gemini =
        Client::single(Config::new(format!("ws://{}", server.local_addr())).authenticated(true).seed(1));
    for stream in ["btcusd@depth@100ms", "btcusd@bookTicker", "balances@account"] {
        gemini.subscribe(Instant::ZERO, stream.parse().unwrap()).unwrap();
    }
    let (handle, driver) = client(gemini);
    let driver = driver.sign_with(Signer::new(Credentials::hmac(KEY, SECRET).unwrap()));
    let (mut updates, mut stats, smol) = (0, Stats::default(), Smol::new());
    let run = driver.run(&smol, |client: &mut Client, now, event| match event {
        Event::Live { .. } => drop(client.request(now, &Request::Time).unwrap()),
        Event::DepthUpdate(..) => {
            updates += 1;
            if updates == 10 {
                handle.close();
            }
        }
        Event::Closed { .. } => stats = client.stats(),
        _ => {}
    });
    smol::block_on(smol::future::or(run, async { match server.run().await {} }));
    stats
}

/// Runs a driver whose queue has room for one event of market data, and takes no events from the queue before the
/// driver ends. Returns how many events the queue has dropped.
fn overflow() -> u64 {
    let mut server = server();
    let mut gemini = Client::single(Config::new(format!("ws://{}", server.local_addr())).seed(1));
    gemini.subscribe(Instant::ZERO, "btcusd@bookTicker".parse().unwrap()).unwrap();
    let (handle, driver) = client(gemini);
    let queue = EventQueue::new(Overflow::DropOldest).events_max(1);
    let (mut events, driver) = driver.run_with_queue(Smol::new(), queue);
    let application = async {
        while handle.with(|client, _, _| client.stats().data).await.unwrap() < 10 {
            smol::Timer::after(std::time::Duration::from_millis(1)).await;
        }
        handle.close();
    };
    let run = smol::future::zip(driver, application);
    let serve = async { match server.run().await {} };
    smol::block_on(smol::future::or(async { _ = run.await }, serve));
    let mut all = 0;
    while let Ok(mut event) = events.try_next() {
        if let Event::Overflow { dropped, .. } = event.as_event() {
            all += dropped;
        }
    }
    all
}

fn fail() {
    // The test has just closed a listener on this port, so no server listens on it.
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let (handle, driver) = client(Client::single(Config::new(format!("ws://127.0.0.1:{port}")).seed(1)));
    let smol = Smol::new();
    smol::block_on(driver.run(&smol, |_, _, event| {
        if let Event::ConnectFailed { .. } = event {
            handle.close();
        }
    }));
}

/// Runs a client against an exchange with faults. The client ends when a fault ends its only link for good, or at the
/// first event for which `is_last` returns `true`.
fn disturb(faults: &str, is_last: fn(&Event<'_>) -> bool) {
    let market = Market::market(["btcusd".parse().unwrap()]);
    let mut exchange = Exchange::new(market, 1);
    exchange.plan_faults(Instant::ZERO, faults).unwrap();
    let mut server = Server::bind(([127, 0, 0, 1], 0).into(), exchange).unwrap();
    let mut gemini = Client::single(Config::new(format!("ws://{}", server.local_addr())).seed(1));
    let trades = "btcusd@trade".parse().unwrap();
    gemini.subscribe_unless_silent(Instant::ZERO, trades, std::time::Duration::from_millis(300)).unwrap();
    let (handle, driver) = client(gemini);
    let smol = Smol::new();
    let run = driver.run(&smol, |_, _, event| {
        if is_last(event) {
            handle.close();
        }
    });
    smol::block_on(smol::future::or(async { _ = run.await }, async { match server.run().await {} }));
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn logged(level: Level, what: impl FnOnce()) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .with_span_events(FmtSpan::CLOSE)
        .finish();
    tracing::subscriber::with_default(subscriber, what);
    let bytes = std::mem::take(&mut *log.0.lock().unwrap());
    String::from_utf8(bytes).unwrap()
}

/// Checks the log. At `info`, it contains slots of links and reasons of ends, but no frames. At `warn`, it contains
/// links that the venue ends for good, silent streams, and the number of dropped events. At `trace`, it contains
/// frames, but neither the secret nor the headers of a signed upgrade.
fn traced() {
    let log = logged(Level::INFO, || _ = live());
    for line in ["link{slot=0 epoch=1}", ": open", ": live", "closed reason=closed as requested"] {
        assert!(log.contains(line), "no {line} in {log}");
    }
    assert!(!log.contains("depthUpdate") && !log.contains("subscribe"), "{log}");
    let log = logged(Level::INFO, fail);
    assert!(log.contains("WARN link{slot=0 epoch=1}") && log.contains("nobody listens there"), "{log}");
    let closed = log.find(": closed reason").expect("the end of the client");
    let span = log.find("link{slot=0 epoch=1}: gemini_ws_driver::telemetry::traced: close time");
    assert!(span.is_some_and(|span| span < closed), "the span of a link ends with the link: {log}");
    let lines = |what: &dyn Fn(), text: &str| {
        for level in [Level::INFO, Level::WARN] {
            let log = logged(level, what);
            let found =
                log.lines().filter(|line| line.contains(text) && line.contains(" WARN link{slot=0 epoch="));
            assert!(found.count() > 0, "no {text} in {log}");
        }
    };
    lines(&fail, "nobody listens there");
    // The client may connect after the first of these faults.
    let close = ["close 4003 @200ms", "close 4003 @1s", "close 4003 @5s", "close 4003 @20s"].join("\n");
    lines(&|| disturb(&close, |_| false), "code 4003 retries=false");
    // A timer causes this event, and not a frame.
    let halt = "halt-market 1h";
    lines(&|| disturb(halt, |event| matches!(event, Event::Silent { .. })), "silent for too long");
    let mut dropped = 0;
    let log = logged(Level::WARN, || dropped = overflow());
    let reported =
        log.lines().filter_map(|line| line.split_once("overflow dropped=")?.1.trim().parse::<u64>().ok());
    assert_eq!((reported.sum::<u64>(), dropped > 0), (dropped, true), "{log}");
    // Ignore the lines of the WebSocket layer, which logs frames too.
    let log = logged(Level::TRACE, || _ = live());
    let ours: Vec<&str> = log.lines().filter(|line| line.contains("gemini_ws")).collect();
    assert!(ours.iter().any(|line| line.contains("depthUpdate")));
    assert!(!ours.iter().any(|line| line.contains(SECRET) || line.contains("X-GEMINI")), "{ours:#?}");
}

/// Runs `traced` and `counted` in one test, so that their servers and drivers do not run at the same time.
#[test]
fn telemetry() {
    traced();
    counted();
}

fn counted() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    // Run four drivers with one recorder.
    let (first, second, dropped) = metrics::with_local_recorder(&recorder, || {
        let (first, second) = (live(), live());
        fail();
        (first, second, overflow())
    });
    let (mut counters, mut gauges, mut histograms) = (HashMap::new(), HashMap::new(), HashMap::new());
    for (key, _, _, value) in snapshotter.snapshot().into_vec() {
        let cause = key.key().labels().next().map(|label| label.value().to_owned());
        let name = (key.key().name().to_owned(), cause);
        match value {
            DebugValue::Counter(count) => drop(counters.insert(name, count)),
            DebugValue::Histogram(values) => drop(histograms.insert(name.0, values)),
            DebugValue::Gauge(value) => drop(gauges.insert(name.0, value.into_inner())),
        }
    }
    let counter = |name: &str, cause: Option<&str>| {
        let name = (format!("gemini_ws_{name}"), cause.map(ToOwned::to_owned));
        counters.get(&name).copied().unwrap_or_else(|| panic!("no {name:?} in {counters:?}"))
    };
    assert!(first.frames > 10 && first.bytes > 1_000);
    assert!(counter("frames_total", None) > first.frames + second.frames);
    assert!(counter("bytes_total", None) > first.bytes + second.bytes);
    assert!(counter("events_total", None) > 10);
    assert_eq!((counter("gaps_total", None), counter("connects_total", None)), (0, 3));
    assert_eq!((counter("dropped_events_total", None), dropped > 0), (dropped, true));
    assert!(gauges["gemini_ws_queue_depth"].abs() < 0.5, "no driver runs any more");
    assert_eq!(counter("connect_failures_total", Some("connection refused: nobody listens there")), 1);
    assert_eq!(histograms["gemini_ws_reply_seconds"].len(), 2);
    assert!(histograms["gemini_ws_data_age_seconds"].len() >= 10);
    assert!(histograms["gemini_ws_data_age_seconds"].iter().all(|age| age.abs() < 5.0));
}
