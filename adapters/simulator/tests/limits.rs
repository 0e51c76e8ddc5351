//! Tests the server's limits on connections, bytes and time, for each client and for all clients together.

use std::time::{Duration, Instant};

use crate::common::serving;
use crate::common::serving::{UPGRADE, connect, open, parts, rest, serve, server, text};
use async_io::Timer;
use async_tungstenite::tungstenite::Message;
use futures_lite::{StreamExt, future};
use gemini_ws_simulator::server::limits::{
    CONNECTIONS_MAX, UPGRADE_TIMEOUT, UPGRADING_MAX, WAITING_BYTES_MAX, WAITING_BYTES_TOTAL_MAX,
};

const PING: &str = r#"{"id":1,"method":"ping"}"#;

/// Sockets that send nothing, or an incomplete request, do not exclude other clients: when too many such sockets are
/// open, the server closes the oldest ones with the status 503.
#[test]
fn silent_sockets_keep_nobody_out() {
    let mut server = server(|config| config);
    let address = server.local_addr();
    let counters = server.counters();
    let started = Instant::now();
    let (oldest, newest) = serve(&mut server, async {
        let mut held = Vec::new();
        for number in 0..UPGRADING_MAX + 50 {
            let bytes: &[u8] = if number % 2 == 0 { b"" } else { b"GET / HTTP/1.1\r\n" };
            held.push(open(address, bytes).await);
        }
        for _ in 0..3 {
            let mut client = connect(address, "").await;
            client.send(Message::text(PING)).await.unwrap();
            text(&mut client).await;
        }
        // The server has answered and closed these sockets, and waits for requests on the others.
        let mut answers = Vec::new();
        for socket in held.drain(..40) {
            answers.push(String::from_utf8(rest(&socket).await).unwrap());
        }
        (answers, held.pop().unwrap())
    });
    assert_eq!(counters.accepted(), 3);
    assert!(counters.refused() >= 50, "{}", counters.refused());
    for answer in &oldest {
        let (head, body) = parts(answer);
        assert_eq!(head[0], "HTTP/1.1 503 Service Unavailable");
        assert!(head.contains(&"Retry-After: 1".to_owned()), "{head:?}");
        assert_eq!(body, r#"{"result":"error","reason":"TooManyConnections"}"#);
    }
    // The server answers the newest socket only when the time limit for its request is over.
    let answer = serve(&mut server, rest(&newest));
    let (head, body) = parts(str::from_utf8(&answer).unwrap());
    assert_eq!(head[0], "HTTP/1.1 408 Request Timeout");
    assert_eq!(body, r#"{"result":"error","reason":"RequestTimeout"}"#);
    assert!(started.elapsed() >= UPGRADE_TIMEOUT);
}

/// Runs the test `test` again in a new process, which has at most `descriptors` file descriptors and runs a server.
/// Returns the process and the address of its server; `None` if the server could not start.
///
/// In the new process, this function itself runs the server, and returns `None` after some seconds.
#[cfg(unix)]
fn serving(test: &str, descriptors: u32) -> Option<(std::process::Child, String)> {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    const SERVES: &str = "GEMINI_WS_TEST_SERVES";
    if std::env::var_os(SERVES).is_some() {
        let mut server = server(|config| config);
        println!("address {}", server.local_addr());
        serve(&mut server, Timer::after(Duration::from_secs(9)));
        return None;
    }
    let mut process = Command::new("sh")
        .args(["-c", &format!(r#"ulimit -n {descriptors} && exec "$0" "$@""#)])
        .arg(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(SERVES, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut addresses = lines.filter_map(|line| Some(line.unwrap().split_once("address ")?.1.to_owned()));
    let Some(address) = addresses.next() else {
        process.wait().unwrap();
        return None;
    };
    Some((process, address))
}

/// Begins an upgrade, reads the first bytes of the answer, and ends the connection. Returns these bytes, or an error,
/// for example if the server has not answered within `longest`.
#[cfg(unix)]
fn upgraded(address: &str, longest: Duration) -> std::io::Result<[u8; 12]> {
    use std::io::{Read, Write};

    let mut client = std::net::TcpStream::connect(address)?;
    client.set_read_timeout(Some(longest))?;
    client.write_all(format!("GET / HTTP/1.1\r\n{UPGRADE}").as_bytes())?;
    let mut status = [0; 12];
    client.read_exact(&mut status)?;
    Ok(status)
}

/// Silent sockets do not exclude other clients, even if the server has fewer file descriptors than it allows sockets.
/// The server is in a separate process, which has few file descriptors.
#[cfg(unix)]
#[test]
fn silent_sockets_take_no_descriptors() {
    let Some((mut process, address)) = serving("silent_sockets_take_no_descriptors", 40) else { return };
    let held: Vec<_> = (0..80).map(|_| std::net::TcpStream::connect(&address).unwrap()).collect();
    let started = Instant::now();
    let answer = upgraded(&address, Duration::from_secs(8));
    let elapsed = started.elapsed();
    drop(held);
    process.kill().unwrap();
    process.wait().unwrap();
    assert_eq!(&answer.unwrap(), b"HTTP/1.1 101");
    assert!(elapsed < UPGRADE_TIMEOUT, "{elapsed:?}");
}

/// If the server has only one client, it never refuses the client for lack of file descriptors: it accepts the client
/// or lets it wait. Without a free descriptor, `accept` fails even if no client waits, so a failed `accept` is no
/// reason to refuse one.
#[cfg(target_os = "linux")]
#[test]
fn the_last_descriptor_serves_a_client() {
    const TEST: &str = "the_last_descriptor_serves_a_client";
    let Some((mut idle, _)) = serving(TEST, 200) else { return };
    let needed = std::fs::read_dir(format!("/proc/{}/fd", idle.id())).unwrap().count();
    idle.kill().unwrap();
    idle.wait().unwrap();
    let limits = needed - 1..=needed + 2;
    let answers = limits.clone().map(|limit| {
        let Some((mut process, address)) = serving(TEST, u32::try_from(limit).unwrap()) else {
            return [(); 3].map(|()| "nothing".to_owned());
        };
        let answers = [(); 3].map(|()| upgraded(&address, Duration::from_secs(1)));
        process.kill().unwrap();
        process.wait().unwrap();
        answers.map(|answer| {
            answer.map_or("nothing".into(), |status| String::from_utf8_lossy(&status).into_owned())
        })
    });
    let answers: Vec<_> = answers.collect();
    let is_refused = |answer: &String| answer != "nothing" && answer != "HTTP/1.1 101";
    assert!(!answers.iter().flatten().any(is_refused), "{limits:?} descriptors: {answers:?}");
    assert_eq!(answers.last(), Some(&[(); 3].map(|()| "HTTP/1.1 101".to_owned())), "{limits:?}: {answers:?}");
}

/// When the server has the maximum number of upgraded clients, it asks the next client to try again, and accepts it
/// once another client has left.
#[test]
fn all_places_are_taken() {
    let mut server = server(|config| config);
    let address = server.local_addr();
    serve(&mut server, async {
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS_MAX {
            clients.push(connect(address, "").await);
        }
        let request = format!("GET / HTTP/1.1\r\n{UPGRADE}");
        let (head, _) = serving::ask(address, request.as_bytes()).await;
        assert_eq!(head[0], "HTTP/1.1 503 Service Unavailable");
        assert!(head.contains(&"Retry-After: 1".to_owned()), "{head:?}");
        // The server still answers requests without an upgrade.
        let (head, _) = serving::ask(address, b"GET /v1/symbols HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(head[0], "HTTP/1.1 200 OK");
        drop(clients.pop());
        loop {
            let socket = open(address, request.as_bytes()).await;
            let mut first = [0; 12];
            let read =
                socket.read_with(|mut socket| std::io::Read::read(&mut socket, &mut first)).await.unwrap();
            if first[..read].ends_with(b" 101") {
                break;
            }
            Timer::after(Duration::from_millis(5)).await;
        }
    });
    let counters = server.counters();
    assert_eq!(counters.accepted(), CONNECTIONS_MAX as u64 + 1);
}

/// When too many bytes for all clients together are unsent, the server cuts a client that does not read, even if no
/// client has reached its own limit.
#[test]
fn waiting_bytes_have_a_total() {
    let mut server = server(|config| config.orders_per_side(2_500));
    let address = server.local_addr();
    let (counters, mut most) = (server.counters(), 0);
    let request = r#"{"id":1,"method":"depth","params":{"symbol":"btcusd","limit":5000}}"#;
    serve(&mut server, async {
        let mut honest = connect(address, "").await;
        let mut clients = Vec::new();
        for _ in 0..2 * WAITING_BYTES_TOTAL_MAX / WAITING_BYTES_MAX {
            clients.push(connect(address, "").await);
        }
        while counters.slow() == 0 {
            for client in &mut clients {
                // In the end the server cuts one of the clients, and then sending to it fails.
                let _ = client.send(Message::text(request)).await;
            }
            // Let the server run.
            future::yield_now().await;
            most = most.max(counters.waiting_bytes());
        }
        honest.send(Message::text(PING)).await.unwrap();
        text(&mut honest).await;
    });
    // About an eighth of the total is unsent for each client, which is half of the limit for one client.
    let total = WAITING_BYTES_TOTAL_MAX as u64;
    assert!((total / 2..=total).contains(&most), "{most}");
}

/// The server answers a breach of the protocol with a Close frame whose code identifies the breach.
#[test]
fn breaches_are_told() {
    let mut server = server(|config| config);
    let address = server.local_addr();
    let endless = [&[1, 0x80, 0, 0, 0, 0][..], &[0, 0x80, 0, 0, 0, 0].repeat(300_000)].concat();
    let table: [(&str, &[u8], u16); 5] = [
        ("a message without end", &endless, 1009),
        ("a frame that is too large", &[0x81, 0xFF, 0, 0, 0, 0, 0, 0x11, 0, 0, 0, 0, 0, 0], 1009),
        ("a frame without a mask", &[0x81, 0x01, b' '], 1002),
        ("a fragment of no message", &[0x80, 0x80, 0, 0, 0, 0], 1002),
        ("no text", &[0x81, 0x81, 0, 0, 0, 0, 0xFF], 1007),
    ];
    serve(&mut server, async {
        for (name, bytes, code) in table {
            let upgrade = format!("GET / HTTP/1.1\r\n{UPGRADE}");
            let socket = open(address, &[upgrade.as_bytes(), bytes].concat()).await;
            let answer = rest(&socket).await;
            let frame = answer.windows(4).position(|part| part == b"\r\n\r\n").unwrap() + 4;
            let expected = [&[0x88, 2][..], &code.to_be_bytes()].concat();
            assert_eq!(answer[frame..], expected, "{name}");
        }
        let mut client = connect(address, "").await;
        client.send(Message::text(PING)).await.unwrap();
        text(&mut client).await;
        client.close(None).await.unwrap();
        while client.next().await.is_some() {}
    });
    assert_eq!(server.exchange_mut().session_count(), 0);
}
