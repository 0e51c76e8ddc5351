//! Tests recorded frames of the venue: the crate knows the kind of each frame, and decodes it as the slow decoder
//! does.

use gemini_ws::{Endpoint, Event, Replay, Scratch};
use testkit::{frames, oracle};

fn endpoint(name: &str) -> Endpoint {
    let told = [
        ("v2_marketdata", Endpoint::MarketDataV2),
        ("v2_candles", Endpoint::MarketDataV2),
        ("v1_marketdata", Endpoint::MarketDataV1),
        ("orderevents", Endpoint::OrderEventsV1),
    ];
    told.iter().find(|(part, _)| name.contains(part)).map_or(Endpoint::Streams, |(_, endpoint)| *endpoint)
}

#[test]
fn everything_is_known() {
    let Some(recordings) = frames::recordings(|name| name.ends_with(".jsonl")) else { return };
    let mut scratch = Scratch::new();
    let mut read = [0; Endpoint::ALL.len()];
    for recording in &recordings {
        let endpoint = endpoint(&recording.name);
        let (mut replay, mut other) = (Replay::new(endpoint), Scratch::new());
        for (line, frame) in recording.lines() {
            let place = format!("{}:{line}", recording.name);
            let message = endpoint.decode(frame, &mut scratch);
            let message = message.unwrap_or_else(|error| panic!("{place}: {error}: {frame}"));
            let said = oracle::said(&message, frame);
            assert_ne!(said["kind"], "unrecognized", "{place}: {frame}");
            for part in replay.event(frame, &mut other).unwrap().iter().flat_map(Event::parts) {
                let known = !matches!(part, Event::Unrecognized(..) | Event::Malformed(..));
                assert!(known, "{place}: {part:?}");
            }
            read[endpoint as usize] += 1;
            oracle::check_everywhere(frame, &mut scratch);
            // `Endpoint::guess` names the endpoint of a frame, unless several endpoints send such frames.
            let guessed = Endpoint::guess(frame);
            assert!(guessed.is_none_or(|guessed| guessed == endpoint), "{place}: {guessed:?}: {frame}");
        }
    }
    assert!(read.iter().sum::<i32>() > 400 && read.iter().all(|&count| count > 3), "frames: {read:?}");
}
