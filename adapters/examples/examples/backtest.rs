//! Runs a back-test: replays recorded frames as events with the venue's time as the clock, collects the mid of each
//! second, and prints statistics.
//!
//! ```sh
//! cargo run -p gemini-ws-examples --example backtest
//! ```

use std::time::Duration;

use gemini_ws::{Books, Endpoint, Event, Replay, Scratch, Timestamp};

fn mids(frames: &[String]) -> Vec<f64> {
    let (mut replay, mut scratch) = (Replay::new(Endpoint::Streams), Scratch::new());
    let (mut books, mut mids, mut next) = (Books::new(), Vec::new(), None::<Timestamp>);
    for frame in frames {
        let Ok(Some(event)) = replay.event(frame, &mut scratch) else { continue };
        // Only depth frames set the clock, because the times of trades are not in order.
        if let Event::DepthSnapshot(depth, _) | Event::DepthUpdate(depth, _) = &event
            && let Some(time) = depth.event_time
        {
            let end = next.get_or_insert(time + Duration::from_secs(1));
            while *end < time {
                // The update of a later second is not applied yet, so `books` contains the book at the end of this
                // second.
                let best = books.live("btcusd").and_then(|book| book.bids().best().zip(book.asks().best()));
                mids.extend(
                    best.map(|(bid, ask)| (bid.price.to_f64_nearest() + ask.price.to_f64_nearest()) / 2.0),
                );
                *end = *end + Duration::from_secs(1);
            }
        }
        books.apply(&event);
    }
    mids
}

fn main() {
    let frames = gemini_ws_examples::recording("btcusd@depth@100ms", Duration::from_secs(300));
    let mids = mids(&frames);
    let returns: Vec<f64> = mids.windows(2).map(|pair| (pair[1] / pair[0]).ln()).collect();
    let mean = returns.iter().sum::<f64>() / returns.len() as f64;
    let variance = returns.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / (returns.len() - 1) as f64;
    println!(
        "{} frames, {} mids, log returns: mean {mean:e}, standard deviation {:e}",
        frames.len(),
        mids.len(),
        variance.sqrt()
    );
    assert_eq!(self::mids(&frames), mids, "another pass says the same");
}
