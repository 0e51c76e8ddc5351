//! Times inputs to a small client, with one link and one stream, and to clients with 5,000 streams and with 1,024
//! links.
//!
//! `cargo bench --bench growth` prints the fastest of many batches of each row. It fails if an input takes a large
//! client more than twice as long as the small client.

use std::hint::black_box;
use std::time::{Duration, Instant as Wall};

use gemini_ws::{
    Books, Client, ClientConfig, Config, Event, Frame, Instant, LinkId, Output, Request, Scratch,
};

/// How long a row runs for each client.
const ROW: Duration = Duration::from_millis(300);

/// The maximum ratio of the times of a large client and of the small client.
const RATIO_MAX: f64 = 2.0;

/// A client whose venue accepts every request, and the books that the client updates.
struct Harness {
    client: Client,
    now: Instant,
    scratch: Scratch,
    books: Books,
    links: Vec<LinkId>,
    /// The last update id of the first book.
    last: u64,
}

impl Harness {
    fn new(links: usize, streams: usize) -> Harness {
        let streams_max = streams.div_ceil(links);
        let all = (1_000_000, Duration::from_secs(1));
        let config = Config::new("wss://venue")
            .stay_open(true)
            .streams_max(streams_max)
            .request_limit(all.0, all.1)
            .dial_limit(all.0, all.1);
        let mut client = Client::new(ClientConfig::new().links_max(links).streams_max(streams + 1), 1);
        client.add(Instant::ZERO, config).expect("an endpoint");
        client.open(Instant::ZERO).expect("to open");
        for stream in 0..streams {
            let stream = format!("s{stream}usd@depth@100ms").parse().expect("a stream");
            client.subscribe(Instant::ZERO, stream).expect("a subscription");
        }
        let (scratch, books) = (Scratch::new(), Books::new());
        let mut harness = Harness { client, now: Instant::ZERO, scratch, books, links: Vec::new(), last: 1 };
        harness.drain();
        for stream in 0..streams {
            let frame = depth(&format!("s{stream}usd"), 1, 1);
            harness.frame(harness.links[stream / streams_max], &frame);
        }
        harness.drain();
        harness
    }

    /// Performs the outputs of the client. Each dial connects at once, and the venue accepts each request at once.
    fn drain(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Connect(link) => {
                    self.client.handle_connected(link, self.now);
                    self.links.push(link);
                }
                Output::Send { link, text } => {
                    let id = text.trim_start_matches("{\"id\":").split(',').next().unwrap_or_default();
                    let reply = format!(r#"{{"id":{id},"status":200}}"#);
                    self.frame(link, &reply);
                }
                Output::Event(event) => self.take(&event),
                _ => {}
            }
        }
    }

    fn frame(&mut self, link: LinkId, text: &str) {
        let mut scratch = std::mem::take(&mut self.scratch);
        if let Some(event) = self.client.handle_frame(link, self.now, Frame::Text(text), &mut scratch) {
            self.books.apply(&event);
        }
        self.scratch = scratch;
    }

    fn take(&mut self, event: &Event<'_>) {
        self.books.apply(event);
    }

    fn gap_and_resync(&mut self) {
        self.last += 1_000;
        let gap = depth("s0usd", self.last, self.last + 1);
        self.frame(self.links[0], &gap);
        self.drain();
        let snapshot = depth("s0usd", self.last, self.last);
        self.frame(self.links[0], &snapshot);
        self.drain();
    }
}

fn depth(symbol: &str, first: u64, last: u64) -> String {
    format!(
        r#"{{"e":"depthUpdate","E":1,"s":"{symbol}","U":{first},"u":{last},"b":[["100.50","1"]],"a":[["300.50","1"]]}}"#
    )
}

/// Runs batches for the time [`ROW`]. Returns the nanoseconds per input of the fastest batch.
fn fastest(mut batch: impl FnMut() -> (Duration, u32)) -> f64 {
    let (begin, mut fastest) = (Wall::now(), f64::MAX);
    while begin.elapsed() < ROW {
        let (took, inputs) = batch();
        fastest = fastest.min(took.as_nanos() as f64 / f64::from(inputs));
    }
    fastest
}

fn timed(inputs: u32, mut input: impl FnMut()) -> (Duration, u32) {
    let start = Wall::now();
    (0..inputs).for_each(|_| input());
    (start.elapsed(), inputs)
}

fn rows(links: usize, streams: usize) -> Vec<(&'static str, f64)> {
    let mut harness = Harness::new(links, streams);
    let link = harness.links[0];
    let mut rows = Vec::new();
    rows.push((
        "depth update and book",
        fastest(|| {
            let first = harness.last;
            let frames: Vec<String> = (first..first + 200).map(|id| depth("s0usd", id, id + 1)).collect();
            harness.last += 200;
            let mut frames = frames.iter();
            timed(200, || frames.next().into_iter().for_each(|frame| harness.frame(link, frame)))
        }),
    ));
    let ping = Frame::Ping(b"");
    rows.push((
        "ping",
        fastest(|| {
            timed(1_000, || {
                black_box(harness.client.handle_frame(link, harness.now, ping, &mut harness.scratch));
            })
        }),
    ));
    rows.push((
        "reply to nothing",
        fastest(|| timed(1_000, || harness.frame(link, r#"{"id":99999999,"status":200}"#))),
    ));
    rows.push(("needless timeout", fastest(|| timed(100, || harness.client.handle_timeout(harness.now)))));
    rows.push((
        "request and reply",
        fastest(|| {
            timed(20, || {
                harness.now = harness.now + Duration::from_millis(1);
                harness.client.request(harness.now, &Request::Time).expect("a link");
                harness.drain();
            })
        }),
    ));
    rows.push((
        "gap and resync",
        fastest(|| {
            harness.now = harness.now + Duration::from_millis(1);
            timed(20, || harness.gap_and_resync())
        }),
    ));
    rows
}

fn main() {
    let [one, streams, links] =
        [(1, 1), (1, 5_000), (1_024, 1_024)].map(|(links, streams)| rows(links, streams));
    println!(
        "ns per input  {:>20} {:>14} {:>6} {:>12} {:>6}",
        "one", "5,000 streams", "ratio", "1,024 links", "ratio"
    );
    let mut worst: f64 = 0.0;
    for ((one, streams), links) in one.iter().zip(&streams).zip(&links) {
        let ratios = [streams.1 / one.1, links.1 / one.1];
        worst = ratios.into_iter().fold(worst, f64::max);
        println!(
            "{:<24} {:>9.1} {:>14.1} {:>6.2} {:>12.1} {:>6.2}",
            one.0, one.1, streams.1, ratios[0], links.1, ratios[1]
        );
    }
    assert!(worst <= RATIO_MAX, "an input of a large client costs {worst:.2} times that of a small one");
}
