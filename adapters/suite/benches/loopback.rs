//! Measures how much time the driver takes, on smol and on tokio. Each row of the output is for one kind of reader: a
//! bare WebSocket stream, the driver with a client that only counts frames, the driver with the full client, the
//! driver with the full client and books, or a handle. All readers read over the loopback interface, from a server in
//! a separate thread.
//!
//! `cargo bench -p gemini-ws-suite` runs the benchmark. With a word after `--`, it runs only the rows whose names
//! contain that word. It prints medians over the rounds: frames per second, and the processor time of the reading
//! thread per frame. Compare the processor times if the machine also does other things. It also prints medians of
//! ratios; each ratio compares two readers in the same round.

use std::fmt::Write as _;
use std::future::Future;
use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use futures_lite::StreamExt;
use gemini_ws_driver::async_tungstenite::tungstenite::Message;
use gemini_ws_driver::async_tungstenite::{WebSocketStream, client_async_with_config};
use gemini_ws_driver::gemini_ws::{self, Book, Books, Client, Config, Event};
use gemini_ws_driver::{Runtime, client, connect, websocket_config};
use gemini_ws_smol::Smol;
use gemini_ws_suite::peers::{self, CLOSE, PONG, TEXT};
use gemini_ws_tokio::Tokio;

/// The number of frames that a reader reads in a round.
const FRAMES: u64 = 400_000;
const ROUNDS: usize = 15;

type Contestant = fn(&str) -> ();

/// Each row has a name, whether its frames are pongs, and the readers on smol and on tokio.
const ROWS: [(&str, bool, [Contestant; 2]); 6] = [
    ("bare stream, pongs", true, [bare_on_smol, bare_on_tokio]),
    ("driver, client that only counts them", true, [unread::<SmolBench>, unread::<TokioBench>]),
    ("bare stream, text frames", false, [bare_on_smol, bare_on_tokio]),
    ("driver, full client", false, [full::<SmolBench>, full::<TokioBench>]),
    ("driver, full client, books", false, [books::<SmolBench>, books::<TokioBench>]),
    ("handle, book read as it changes", false, [read::<SmolBench>, read::<TokioBench>]),
];

fn main() {
    let word = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let is_wanted = |name: &str| word.as_ref().is_none_or(|word| name.contains(word.as_str()));
    let frames = [updates(), pongs()].map(Arc::new);
    println!("{FRAMES} frames, depth updates of one level, {} bytes each", frames[0].len() as u64 / FRAMES);
    println!(
        "{:<40} {:>18} {:>14} {:>18} {:>14}",
        "", "smol, frames/s", "CPU ns/frame", "tokio, frames/s", "CPU ns/frame"
    );
    let mut times = vec![[const { Vec::new() }; 2]; ROWS.len()];
    for _ in 0..ROUNDS {
        for ((name, are_pongs, contestants), times) in ROWS.iter().zip(&mut times) {
            for (contestant, times) in contestants.iter().zip(times).filter(|_| is_wanted(name)) {
                times.push(measure(&frames[usize::from(*are_pongs)], *contestant));
            }
        }
    }
    let per_frame = |time: Duration| time.as_nanos() as f64 / FRAMES as f64;
    for ((name, ..), times) in ROWS.iter().zip(&times).filter(|((name, ..), _)| is_wanted(name)) {
        let mut row = format!("{name:<40}");
        for times in times {
            let wall = median(times.iter().map(|(wall, _)| per_frame(*wall)));
            let processor = median(times.iter().map(|(_, processor)| per_frame(*processor)));
            let _ = write!(row, " {:>18.0} {processor:>14.0}", 1e9 / wall);
        }
        println!("{row}");
    }
    if word.is_none() {
        let ratio = |of: usize, to: usize| {
            [0, 1].map(|runtime| {
                let pairs = times[of][runtime].iter().zip(&times[to][runtime]);
                median(pairs.map(|((_, of), (_, to))| of.as_secs_f64() / to.as_secs_f64()))
            })
        };
        let [smol, tokio] = ratio(1, 0);
        println!("\nthe driver, of the bare stream: smol {smol:.2}, tokio {tokio:.2} (bar: 1.25)");
        let [smol, tokio] = ratio(4, 2);
        println!("full client with books, of the bare stream: smol {smol:.2}, tokio {tokio:.2} (goal: 2.2)");
        let [smol, tokio] = ratio(5, 4);
        println!("the handle, of the callback with books: smol {smol:.2}, tokio {tokio:.2} (bar: 1.3)");
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Runs a reader once. Returns the wall time, and the processor time of its thread.
fn measure(frames: &Arc<Vec<u8>>, contestant: Contestant) -> (Duration, Duration) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let frames = Arc::clone(frames);
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        peers::upgrade(&mut stream);
        // Wait for the subscription, or for the message that a bare stream sends instead.
        peers::read_frame(&mut stream).unwrap();
        stream.write_all(&peers::frame(TEXT, br#"{"id":1,"status":200}"#)).unwrap();
        // The client may have closed the socket already.
        let _ = stream.write_all(&frames);
        let _ = stream.write_all(&peers::frame(CLOSE, &1000_u16.to_be_bytes()));
        peers::read_frames(&mut stream)
    });
    let (wall, processor) = (Instant::now(), ThreadTime::now());
    contestant(&url);
    let times = (wall.elapsed(), processor.elapsed());
    server.join().unwrap();
    times
}

/// Returns pongs without pings. They are as long as the updates, and a client only counts them.
fn pongs() -> Vec<u8> {
    peers::frame(PONG, &[b'x'; 119]).repeat(FRAMES as usize)
}

fn updates() -> Vec<u8> {
    let side = |best: u64, step: i64| {
        let levels = (0..50_i64).map(|level| format!(r#"["{}.00","1.5"]"#, best as i64 + step * level));
        levels.collect::<Vec<_>>().join(",")
    };
    let (bids, asks) = (side(83_000, -1), side(83_001, 1));
    let mut frames = Vec::new();
    let head = r#"{"e":"depthUpdate","E":1764559653046000000,"s":"btcusd""#;
    let snapshot = format!(r#"{head},"U":1000000,"u":1000000,"b":[{bids}],"a":[{asks}]}}"#);
    frames.extend(peers::frame(TEXT, snapshot.as_bytes()));
    for number in 1..FRAMES {
        let (last, level) = (1_000_000 + number, number * 7 % 20);
        let (bid, ask) = if number.is_multiple_of(2) {
            (format!(r#"["{}.00","0.{:08}"]"#, 83_000 - level, number % 99_999_999 + 1), String::new())
        } else {
            (String::new(), format!(r#"["{}.00","0.{:08}"]"#, 83_001 + level, number % 99_999_999 + 1))
        };
        let update = format!(r#"{head},"U":{},"u":{last},"b":[{bid}],"a":[{ask}]}}"#, last - 1);
        frames.extend(peers::frame(TEXT, update.as_bytes()));
    }
    frames
}

// ---- the bare stream -----------------------------------------------------------------------

async fn bare<Io>(mut stream: WebSocketStream<Io>)
where
    Io: futures_lite::AsyncRead + futures_lite::AsyncWrite + Unpin,
{
    stream.send(Message::text("{}")).await.unwrap();
    let mut frames = 0;
    // Also count the reply to a subscription, which comes before the frames.
    while frames <= FRAMES {
        let message = stream.next().await.unwrap().unwrap();
        frames += u64::from(message.is_text() || message.is_pong());
    }
    stream.close(None).await.unwrap();
}

fn bare_on_smol(url: &str) {
    smol::block_on(async {
        let stream = smol::net::TcpStream::connect(url.trim_start_matches("ws://")).await.unwrap();
        bare(client_async_with_config(url, stream, Some(websocket_config())).await.unwrap().0).await;
    });
}

fn bare_on_tokio(url: &str) {
    use tokio_util::compat::TokioAsyncReadCompatExt;

    TokioBench::block_on(async {
        let stream = tokio::net::TcpStream::connect(url.trim_start_matches("ws://")).await.unwrap().compat();
        bare(client_async_with_config(url, stream, Some(websocket_config())).await.unwrap().0).await;
    });
}

// ---- the driver ----------------------------------------------------------------------------

trait Bench {
    type Runtime: Runtime + Default;
    fn block_on<F: Future>(future: F) -> F::Output;
}

struct SmolBench;

impl Bench for SmolBench {
    type Runtime = Smol;
    fn block_on<F: Future>(future: F) -> F::Output {
        smol::block_on(future)
    }
}

struct TokioBench;

impl Bench for TokioBench {
    type Runtime = Tokio;
    fn block_on<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }
}

fn drive<B: Bench>(url: &str, mut take: impl FnMut(&Client, &Event<'_>) -> bool) {
    let mut gemini = Client::single(Config::new(url).seed(1));
    let stream = "btcusd@depth@100ms".parse().unwrap();
    gemini.subscribe(gemini_ws::Instant::ZERO, stream).unwrap();
    let (handle, driver) = client(gemini);
    B::block_on(driver.run(B::Runtime::default(), |client: &mut Client, _, event: &Event<'_>| {
        if take(client, event) {
            handle.close();
        }
    }));
}

fn unread<B: Bench>(url: &str) {
    let mut counted = 0;
    drive::<B>(url, |client, event| {
        let is_over = matches!(event, Event::Disconnected { .. });
        if is_over {
            counted = client.stats().control_frames;
        }
        is_over
    });
    // The client counts the Close frame too.
    assert_eq!(counted, FRAMES + 1);
}

fn full<B: Bench>(url: &str) {
    let mut frames = 0;
    drive::<B>(url, |_, event| {
        frames += u64::from(matches!(event, Event::DepthSnapshot(..) | Event::DepthUpdate(..)));
        frames == FRAMES
    });
    assert_eq!(frames, FRAMES);
}

fn books<B: Bench>(url: &str) {
    let (mut frames, mut books) = (0, Books::new());
    drive::<B>(url, |_, event| {
        books.apply(event);
        frames += u64::from(matches!(event, Event::DepthSnapshot(..) | Event::DepthUpdate(..)));
        let is_last = frames == FRAMES && matches!(event, Event::DepthUpdate(..));
        if is_last {
            let Some(Book::Live(book)) = books.get("btcusd") else { panic!("no live book") };
            assert_eq!(book.last_update_id(), Some(1_000_000 + FRAMES - 1));
        }
        is_last
    });
    assert_eq!(frames, FRAMES);
}

/// Reads the newest copy of the book after each change. The handle is in the same task as the driver.
fn read<B: Bench<Runtime: 'static>>(url: &str) {
    let (client, driver) = connect(B::Runtime::default(), Config::new(url).seed(1));
    let reading = async {
        let mut books = client.books(["btcusd"]).await.unwrap();
        loop {
            books.changed().await.unwrap();
            // If the driver read the Close frame together with the last update, the last copy is stale.
            let last = books.get("btcusd").unwrap().last().last_update_id();
            if last == Some(1_000_000 + FRAMES - 1) {
                break;
            }
        }
        client.close();
    };
    B::block_on(futures_lite::future::zip(driver, reading));
}
