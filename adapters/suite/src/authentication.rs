//! Tests the headers of upgrades as a server receives them.
//!
//! Every test has a time limit.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gemini_ws_driver::async_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use gemini_ws_driver::async_tungstenite::{WebSocketStream, accept_hdr_async};
use gemini_ws_driver::gemini_ws::{
    Client, ClientConfig, CloseReason, Config, ConnectFailure, Credentials, Endpoint, Event, NONCE_TOLERANCE,
    Nonce, NonceSource, NonceUnit, Signer, UnixTime,
};
use gemini_ws_driver::{DialRequest, Driver, Handle, Paced, Runtime, SharedSigner, TURN_MAX, client};
use smol::net::{TcpListener, TcpStream};

use crate::Adapter;
use crate::peers::within;

const KEY: &str = "conformance-api-key";
const SECRET: &str = "conformance-api-secret";
const TOKEN: &str = "an-access-token";
const HEADER: &str = "a-gateway's-secret";
const HEADERS: [&str; 5] =
    ["x-gemini-apikey", "x-gemini-nonce", "x-gemini-payload", "x-gemini-signature", "authorization"];

fn headers_of(request: &Request) -> Vec<(String, String)> {
    let all = HEADERS.iter().flat_map(|name| {
        let values = request.headers().get_all(*name).iter();
        values.map(|value| ((*name).to_owned(), value.to_str().unwrap().to_owned()))
    });
    all.collect()
}

/// Answers an upgrade with `status`, and adds the headers of the request to `seen`. Returns the WebSocket if the
/// status is 101.
#[expect(clippy::result_large_err, reason = "the handshake defines the type of a refusal")]
async fn answer(
    stream: TcpStream,
    status: u16,
    seen: &mut Vec<Vec<(String, String)>>,
) -> Option<WebSocketStream<TcpStream>> {
    // The callback of the handshake cannot return the headers, so it writes them to this cell.
    let headers = RefCell::new(Vec::new());
    let respond = |request: &Request, response: Response| {
        *headers.borrow_mut() = headers_of(request);
        if status == 101 {
            return Ok(response);
        }
        let mut refusal = ErrorResponse::new(None);
        *refusal.status_mut() = status.try_into().unwrap();
        Err(refusal)
    };
    let accepted = accept_hdr_async(stream, respond).await.ok();
    seen.push(headers.into_inner());
    accepted
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    (listener, url)
}

fn connect(url: &str) -> (Handle, Driver) {
    let config = Config::new(url).backoff(Duration::from_millis(5), Duration::from_millis(10));
    client(Client::single(config.seed(1)))
}

/// Runs a driver against a server that answers one upgrade with each status and then drops the transport. Returns the
/// headers of each upgrade.
fn upgrades<A: Adapter>(sign: impl FnOnce(Driver) -> Driver, statuses: &[u16]) -> Vec<Vec<(String, String)>> {
    within::<A, _>(async {
        let (listener, url) = listen().await;
        let (handle, driver) = connect(&url);
        let server = async {
            let mut seen = Vec::new();
            for status in statuses {
                let (stream, _) = listener.accept().await.unwrap();
                drop(answer(stream, *status, &mut seen).await);
            }
            handle.close();
            seen
        };
        let runtime = A::runtime();
        smol::future::zip(sign(driver).run(&runtime, |_, _, _| {}), server).await.1
    })
}

fn signer() -> Signer {
    Signer::new(Credentials::hmac(KEY, SECRET).unwrap())
}

fn nonce(headers: &[(String, String)]) -> u64 {
    headers.iter().find(|(name, _)| name == "x-gemini-nonce").unwrap().1.parse().unwrap()
}

/// Scenario L-140: after a loss and after a refusal, the driver signs the next attempt with a new nonce.
pub(crate) fn every_dial_is_signed_anew<A: Adapter>() {
    for (unit, per_second) in [(NonceUnit::Seconds, 1), (NonceUnit::Milliseconds, 1_000)] {
        let sign = |driver: Driver| driver.sign_with(signer().with_nonces(NonceSource::new(unit)));
        let seen = upgrades::<A>(sign, &[101, 400, 500, 101]);
        let now = UnixTime::now().as_secs() * per_second;
        let tolerance = NONCE_TOLERANCE.as_secs() * per_second;
        for headers in &seen {
            let nonce = nonce(headers);
            assert!(nonce.abs_diff(now) <= tolerance, "{nonce} at {now}");
            let expected =
                Credentials::hmac(KEY, SECRET).unwrap().headers(Endpoint::Streams, Nonce::new(nonce));
            let expected: Vec<_> =
                expected.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
            assert_eq!(*headers, expected);
        }
        assert!(seen.len() == 4 && seen.is_sorted_by(|before, after| nonce(before) < nonce(after)));
    }
}

pub(crate) fn without_a_signer_nothing_is_sent<A: Adapter>() {
    assert_eq!(upgrades::<A>(|driver| driver, &[101, 101]), [[], []]);
}

/// Endpoints are added while the driver runs. The driver signs only the dial of the authenticated endpoint.
pub(crate) fn endpoints_that_are_added<A: Adapter>() {
    let seen = within::<A, _>(async {
        let ((public, public_url), (private, private_url)) = (listen().await, listen().await);
        let (handle, driver) = client(Client::new(ClientConfig::new(), 1));
        let server = async {
            let added = handle.with(move |client, _, now| {
                client.add(now, Config::new(public_url).stay_open(true))?;
                client.add(now, Config::new(private_url).authenticated(true))
            });
            added.await.unwrap().unwrap();
            let mut seen = Vec::new();
            for listener in [public, private] {
                let (stream, _) = listener.accept().await.unwrap();
                drop(answer(stream, 101, &mut seen).await);
            }
            handle.close();
            seen
        };
        let runtime = A::runtime();
        smol::future::zip(driver.sign_with(signer()).run(&runtime, |_, _, _| {}), server).await.1
    });
    assert_eq!(seen.iter().map(Vec::is_empty).collect::<Vec<_>>(), [true, false], "{seen:?}");
}

/// The driver refuses to send a signature in clear text, unless the application allows it.
pub(crate) fn nothing_is_signed_in_clear_text<A: Adapter>() {
    // The system connects this address to the local machine, but the driver does not treat it as local.
    let config = Config::new("ws://0.0.0.0:9").connect_timeout(Duration::from_secs(5)).attempts_max(1);
    for (is_wanted, is_dialled) in [(false, false), (true, true)] {
        let (_handle, driver) = client(Client::single(config.clone()));
        let driver = driver.sign_with(signer());
        let driver = if is_wanted { driver.sign_in_clear_text() } else { driver };
        let closed = within::<A, _>(driver.run(&A::runtime(), |_, _, _| {}));
        let is_refused = closed.reason == CloseReason::ConnectRefused(ConnectFailure::NotSecure);
        assert_eq!(is_refused, !is_dialled, "{:?}", closed.reason);
    }
}

/// One endpoint does not answer an upgrade. Another link with the same key still opens.
pub(crate) fn a_silent_upgrade_holds_up_no_other<A: Adapter>() {
    let waited = within::<A, _>(async {
        let ((silent, silent_url), (listener, url)) = (listen().await, listen().await);
        let shared = SharedSigner::new(signer());
        let runtime = A::runtime();
        let (first, second) = (connect(&silent_url), connect(&url));
        let drive = |driver: Driver| driver.sign_with(shared.clone()).run(&runtime, |_, _, _| {});
        let (asked, is_asked) = smol::channel::bounded(1);
        let server = async {
            let (mut mute, _) = silent.accept().await.unwrap();
            // Once this byte has arrived, the first link has begun to send its request.
            smol::io::AsyncReadExt::read_exact(&mut mute, &mut [0]).await.unwrap();
            let began = std::time::Instant::now();
            asked.send(()).await.unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            let open = answer(stream, 101, &mut Vec::new()).await;
            let waited = began.elapsed();
            assert!(open.is_some());
            first.0.close();
            second.0.close();
            waited
        };
        let both = smol::future::zip(drive(first.1), async {
            is_asked.recv().await.unwrap();
            drive(second.1).await
        });
        smol::future::zip(both, server).await.1
    });
    println!("the other link was open after {waited:?}");
    assert!(waited > TURN_MAX / 2 && waited < TURN_MAX * 4, "{waited:?}");
}

/// A dial takes the `Turn` of the signer before it connects. If it connected first and then waited for its turn, it
/// would have a connection without a request, to which a venue answers 408. So dials connect one after the other, and
/// none connects while a REST request holds the turn.
pub(crate) fn who_waits_for_the_signer_is_not_connected<A: Adapter>() {
    const DIALS: usize = 4;
    let began = std::time::Instant::now();
    let most = within::<A, _>(async {
        let (listener, url) = listen().await;
        let signer = SharedSigner::new(signer());
        let runtime = A::runtime();
        let (handles, drivers): (Vec<_>, Vec<_>) = (0..DIALS).map(|_| connect(&url)).unzip();
        let (unanswered, most, rest_turns) = (Cell::new(0), Cell::new(0), Cell::new(0));
        let executor = smol::LocalExecutor::new();
        let rest = signer.turn().await;
        let busy = || async {
            loop {
                let turn = signer.turn().await;
                rest_turns.set(rest_turns.get() + 1);
                smol::Timer::after(Duration::from_millis(5)).await;
                drop(turn);
            }
        };
        let drivers = drivers.into_iter().map(|driver| driver.sign_with(signer.clone()));
        let runs: Vec<_> = drivers.map(|driver| executor.spawn(driver.run(&runtime, |_, _, _| {}))).collect();
        let server = async {
            let early = async {
                smol::Timer::after(Duration::from_millis(50)).await;
                false
            };
            let is_early = smol::future::or(async { listener.accept().await.is_ok() }, early).await;
            assert!(!is_early, "a dial is connected while another user has the signer");
            drop(rest);
            let users = [executor.spawn(busy()), executor.spawn(busy())];
            let mut answers = Vec::new();
            for _ in 0..DIALS {
                let (stream, _) = listener.accept().await.unwrap();
                unanswered.set(unanswered.get() + 1);
                most.set(unanswered.get().max(most.get()));
                let (unanswered, rest_turns) = (&unanswered, &rest_turns);
                answers.push(executor.spawn(async move {
                    let before = rest_turns.get();
                    smol::Timer::after(Duration::from_millis(20)).await;
                    unanswered.set(unanswered.get() - 1);
                    let is_open = answer(stream, 101, &mut Vec::new()).await.is_some();
                    (is_open, rest_turns.get() - before)
                }));
            }
            for answer in answers {
                let (is_open, overtook) = answer.await;
                assert!(
                    is_open && (overtook == 0 || began.elapsed() >= TURN_MAX),
                    "{overtook} came before it"
                );
            }
            drop(users);
            for handle in &handles {
                handle.close();
            }
            for run in runs {
                run.await;
            }
        };
        executor.run(server).await;
        most.get()
    });
    // After `TURN_MAX`, a dial no longer delays the next one. So on a busy machine, several dials may wait for
    // answers.
    let is_busy = began.elapsed() >= TURN_MAX;
    assert!(most == 1 || is_busy, "{most} connections that waited for an answer at once");
}

/// Two clients dial a server that does not answer, and a third client waits for the turn of the signer. This wait
/// does not count against the third client's time limit.
pub(crate) fn the_wait_for_a_turn_is_not_charged<A: Adapter>() {
    let within_limit = Duration::from_millis(1700);
    let opened = within::<A, _>(async {
        let (silent, silent_url) = listen().await;
        let (listener, url) = listen().await;
        let signer = SharedSigner::new(signer());
        let runtime = A::runtime();
        let limited = |url: &str| {
            let config = Config::new(url).connect_timeout(TURN_MAX * 3).seed(1);
            client(Client::single(config))
        };
        let (opened, is_open) = smol::channel::bounded(4);
        let drive = |driver: Driver| {
            driver.sign_with(signer.clone()).run(&runtime, move |_, _, event: &Event<'_>| match event {
                Event::ConnectFailed { reason, .. } => drop(opened.try_send(Err(*reason))),
                Event::Opened { .. } => drop(opened.try_send(Ok(()))),
                _ => {}
            })
        };
        let executor = smol::LocalExecutor::new();
        let mute: Vec<_> = (0..2).map(|_| limited(&silent_url)).collect();
        let mut ends = Vec::new();
        for (handle, driver) in mute {
            let run = driver.sign_with(signer.clone()).run(&runtime, |_, _, _| {});
            ends.push((handle, executor.spawn(run)));
        }
        let (handle, driver) = limited(&url);
        let server = async {
            let first = silent.accept().await.unwrap();
            let run = executor.spawn(drive(driver));
            let second = silent.accept().await.unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            smol::Timer::after(within_limit).await;
            let open = answer(stream, 101, &mut Vec::new()).await;
            let opened = is_open.recv().await.unwrap();
            handle.close();
            drop((open, first, second));
            run.await;
            for (handle, run) in ends {
                handle.close();
                run.await;
            }
            opened
        };
        executor.run(server).await
    });
    assert_eq!(opened, Ok(()), "the first dial of the third endpoint");
}

/// The application replaces the token of the signer. The next attempt uses the new token.
pub(crate) fn a_token_and_its_successor<A: Adapter>() {
    let seen = within::<A, _>(async {
        let (listener, url) = listen().await;
        let (handle, driver) = connect(&url);
        let signer = SharedSigner::new(Signer::new(Credentials::bearer("old").unwrap()));
        let run = driver.sign_with(signer.clone());
        let server = async {
            let mut seen = Vec::new();
            let (stream, _) = listener.accept().await.unwrap();
            let open = answer(stream, 101, &mut seen).await.unwrap();
            *signer.turn().await = Signer::new(Credentials::bearer("fresh").unwrap());
            drop(open);
            let (stream, _) = listener.accept().await.unwrap();
            let _open = answer(stream, 101, &mut seen).await;
            handle.close();
            seen
        };
        let runtime = A::runtime();
        smol::future::zip(run.run(&runtime, |_, _, _| {}), server).await.1
    });
    let expected = |token: &str| vec![("authorization".to_owned(), format!("Bearer {token}"))];
    assert_eq!(seen, [expected("old"), expected("fresh")]);
}

/// Scenario L-141: connections and REST requests of one key arrive in the order of their nonces.
pub(crate) fn the_users_of_a_key_take_turns<A: Adapter>() {
    let arrived = Mutex::new(Vec::new());
    within::<A, _>(async {
        let (listener, url) = listen().await;
        let signer = SharedSigner::new(signer());
        let runtime = A::runtime();
        let (handles, drivers): (Vec<_>, Vec<_>) = (0..3).map(|_| connect(&url)).unzip();
        let executor = smol::LocalExecutor::new();
        let runs: Vec<_> = drivers
            .into_iter()
            .map(|driver| driver.sign_with(signer.clone()))
            .map(|driver| executor.spawn(driver.run(&runtime, |_, _, _| {})))
            .collect();
        let rest = executor.spawn(async {
            for _ in 0..10 {
                let mut turn = signer.turn().await;
                let nonce = turn.nonces().next(UnixTime::now()).get();
                smol::Timer::after(Duration::from_millis(3)).await;
                arrived.lock().unwrap().push(nonce);
                drop(turn);
                smol::Timer::after(Duration::from_millis(3)).await;
            }
        });
        let server = async {
            for number in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let arrived = &arrived;
                let answered = async move {
                    // The server leaves some requests unread for a while.
                    smol::Timer::after(Duration::from_millis(4 * (number % 3))).await;
                    let mut seen = Vec::new();
                    drop(answer(stream, 101, &mut seen).await);
                    // A dropped attempt may have sent no request.
                    let sent = seen.iter().filter(|headers| !headers.is_empty());
                    arrived.lock().unwrap().extend(sent.map(|headers| nonce(headers)));
                };
                executor.spawn(answered).detach();
            }
        };
        let end = async {
            rest.await;
            for handle in &handles {
                handle.close();
            }
            for run in runs {
                run.await;
            }
        };
        executor.run(smol::future::or(end, server)).await;
    });
    let arrived = arrived.into_inner().unwrap();
    assert!(arrived.len() >= 20 && arrived.is_sorted_by(|before, after| before < after), "{arrived:?}");
}

#[derive(Clone)]
struct Printing<R> {
    runtime: R,
    printed: Arc<Mutex<String>>,
}

impl<R: Runtime + Sync> Runtime for Printing<R> {
    type Io = R::Io;
    type Timer = R::Timer;

    fn timer(&self) -> Self::Timer {
        self.runtime.timer()
    }

    async fn dial(&self, request: DialRequest) -> Result<WebSocketStream<Paced<R::Io>>, ConnectFailure> {
        self.printed.lock().unwrap().push_str(&format!("{request:?} {request:#?} {}", request.url()));
        self.runtime.dial(request).await
    }
}

/// The `Debug` output of signers, drivers, handles and dials contains no secret, no token and no value of a header.
pub(crate) fn nothing_is_printed<A: Adapter>() {
    for (credentials, secrets) in [
        (Credentials::hmac(KEY, SECRET).unwrap(), vec![KEY, SECRET]),
        (Credentials::bearer(TOKEN).unwrap(), vec![TOKEN]),
    ] {
        let (printed, seen) = within::<A, _>(async {
            let (listener, url) = listen().await;
            let (handle, driver) = connect(&url);
            let shared = SharedSigner::new(Signer::new(credentials));
            let mut printed = format!("{shared:?} {:?}", shared.turn().await);
            let driver = driver.sign_with(shared).header("X-Gateway", HEADER).unwrap();
            printed.push_str(&format!("{driver:?} {driver:#?} {handle:?}"));
            let server = async {
                let mut seen = Vec::new();
                for status in [400, 101] {
                    let (stream, _) = listener.accept().await.unwrap();
                    drop(answer(stream, status, &mut seen).await);
                }
                handle.close();
                seen
            };
            let runtime = Printing { runtime: A::runtime(), printed: Arc::default() };
            let mut events = String::new();
            let on_event = |client: &mut Client, _, event: &gemini_ws_driver::gemini_ws::Event<'_>| {
                let link = client.links().next().map(|(link, ..)| link);
                let request = link.and_then(|link| client.connect_request(link));
                events.push_str(&format!("{client:?} {request:?} {event:?}"));
            };
            let (closed, seen) = smol::future::zip(driver.run(&runtime, on_event), server).await;
            printed.push_str(&format!("{closed:?} {}", closed.reason));
            (printed + &events + &runtime.printed.lock().unwrap(), seen)
        });
        assert!(printed.contains("DialRequest") && printed.contains("Credentials("), "{printed}");
        let values = seen.iter().flatten().filter(|(name, _)| name != "x-gemini-nonce");
        for secret in values.map(|(_, value)| value.as_str()).chain(secrets).chain([HEADER]) {
            assert!(!printed.contains(secret), "{secret} in {printed}");
        }
    }
}
