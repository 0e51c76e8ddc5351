//! In the steady state the core allocates nothing per frame.

mod support;

use std::time::Duration;

use gemini_ws::{Books, Client, Config, Frame, Instant, Scratch, Stream, decode};
use gemini_ws_simulator::{Config as Market, Exchange, Output, SessionId};
use support::{frames, single};

const STREAMS: [&str; 7] = [
    "btcgusdperp@depth@100ms",
    "btcgusdperp@bookTicker",
    "btcgusdperp@trade",
    "btcgusdperp@depth10@100ms",
    "btcgusdperp@markPrice",
    "btcgusdperp@fundingAmount",
    "ethusd@depth@100ms",
];

/// Two minutes of frames of every public data stream, from the simulated exchange.
fn traffic() -> Vec<String> {
    let symbols = ["btcgusdperp", "ethusd"].map(|name| name.parse().unwrap());
    let mut exchange = Exchange::new(Market::market(symbols), 1);
    let session = SessionId(1);
    exchange.handle_connected(session, Instant::ZERO, "snapshot=-1");
    let names = STREAMS.map(|name| format!("\"{name}\"")).join(",");
    let subscribe = format!(r#"{{"id":1,"method":"subscribe","params":[{names}]}}"#);
    exchange.handle_frame(session, Instant::ZERO, Frame::Text(&subscribe));
    let mut texts = Vec::new();
    loop {
        while let Some(output) = exchange.poll_output() {
            if let Output::Send { text, .. } = output {
                texts.push(text);
            }
        }
        match exchange.deadline().filter(|at| *at < Instant::ZERO + Duration::from_secs(120)) {
            Some(at) => exchange.handle_timeout(at),
            None => return texts,
        }
    }
}

#[test]
fn frames_of_a_client_and_its_books() {
    let texts = traffic();
    let mut client = Client::single(Config::new("ws://venue").seed(1));
    for stream in STREAMS {
        client.subscribe(Instant::ZERO, stream.parse::<Stream>().unwrap()).unwrap();
    }
    client.open(Instant::ZERO).unwrap();
    let link = single::link(&client);
    client.handle_connected(link, Instant::ZERO);
    let (mut scratch, mut books) = (Scratch::new(), Books::new());
    let mut feed = |text: &str, now: u64| {
        let now = Instant::from_millis(now);
        if let Some(event) = client.handle_frame(link, now, Frame::Text(text), &mut scratch) {
            books.apply(&event);
        }
        client.handle_timeout(now);
        while client.poll_output().is_some() {}
    };
    // The first half lets everything grow to its size.
    let (first, second) = texts.split_at(texts.len() / 2);
    first.iter().enumerate().for_each(|(number, text)| feed(text, number as u64));
    let after = first.len() as u64;
    let allocations = allocation_counter::measure(|| {
        second.iter().enumerate().for_each(|(number, text)| feed(text, after + number as u64));
    });
    assert!(second.len() > 2_000, "{} frames", second.len());
    assert_eq!(allocations.count_total, 0, "allocations in {} frames", second.len());
    assert!(books.iter().all(|(_, book)| book.live().is_some()) && books.iter().count() == 2);
}

/// Also frames that are refused.
#[test]
fn decoding_anything() {
    let corpus = frames::corpus();
    let mut scratch = Scratch::new();
    let mut all = || corpus.iter().filter(|frame| decode(&frame.text, &mut scratch).is_ok()).count();
    let decoded = all();
    assert!(decoded > 30 && decoded < corpus.len(), "{decoded} of {}", corpus.len());
    let allocations = allocation_counter::measure(|| {
        all();
    });
    assert_eq!(allocations.count_total, 0);
}
