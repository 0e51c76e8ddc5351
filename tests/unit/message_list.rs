//! Tests that a list whose elements were noted has the same elements as its text.

extern crate std;
use super::*;
use crate::message::{MarketEntry, Message};
use crate::value::endpoint::Endpoint;
use crate::wire::Scratch;
use alloc::vec::Vec;

const FRAMES: [&str; 6] = [
    r#"{"type":"update","eventId":1,"socket_sequence":0,"events":[{"type":"change","reason":"initial","price":"9.5","delta":"1","remaining":"1","side":"bid"},{"type":"change","reason":"initial","price":"10","delta":"2","remaining":"2","side":"ask"}]}"#,
    r#"{"type":"update","eventId":2,"timestamp":1,"timestampms":1000,"socket_sequence":1,"events":[{"type":"trade","tid":3,"price":"9.5","amount":"0.5","makerSide":"bid"},{"type":"change","side":"bid","price":"9.5","remaining":"0.5","delta":"-0.5","reason":"trade"},{"type":"auction_open","auction_open_ms":4}]}"#,
    r#"{"type":"update","eventId":2,"socket_sequence":1,"events":[ {"type":"change","symbol":"BTCUSD","side":"ask","price":"7","remaining":"8","reason":"top-of-book"} , {"reason":"can\u0063el","type":"change","side":"bid","price":"1","remaining":"0","delta":"-1e0"} ]}"#,
    r#"{"type":"update","eventId":2,"socket_sequence":1,"events":[{"type":"change","side":"bid","price":"5","remaining":"6","delta":"0","reason":"new reason"},{"type":"trade","tid":"x"},{"type":"change","side":"bid","price":"5","remaining":"6","delta":[],"reason":"place"},{"type":"?","symbol":"ETHUSD"}]}"#,
    r#"{"events":[{"type":"change","side":"bid","price":"5","remaining":"6","reason":"place"},{"type":"change","side":"bid","price":"4","remaining":"6","reason":"place"}],"type":"update","eventId":2,"socket_sequence":1,"events":[{"type":"change","side":"ask","price":"7","remaining":"8","reason":"cancel"}]}"#,
    r#"{"type":"update","eventId":2,"socket_sequence":1,"events":[]}"#,
];

/// Compares the entries of a frame with those of the same text without notes. Returns how many notes there were.
fn compare(frame: &str, scratch: &mut Scratch) -> usize {
    let Ok(Message::MarketUpdate(update)) = Endpoint::MarketDataV1.decode(frame, scratch) else { return 0 };
    let mut noted = update.entries.iter();
    let mut read = List::<MarketEntry<'_>>::new(update.entries.raw().as_str()).iter();
    let mut count = 0;
    while noted.more || read.more {
        let before = noted.notes.len();
        assert_eq!(noted.begin_in(frame), read.begin_in(frame), "{frame}");
        assert_eq!(noted.next(), read.next(), "{frame}");
        count += before - noted.notes.len();
        assert_eq!((noted.more, noted.cursor.offset()), (read.more, read.cursor.offset()), "{frame}");
    }
    assert_eq!(noted.notes, [], "{frame}");
    count
}

/// The frames above, and each of them with one byte removed or replaced, which makes many spellings, malformed entries
/// and frames of other kinds. One [`Scratch`] decodes all frames, so it has notes of earlier frames.
#[test]
fn notes_are_the_elements() {
    let mut scratch = Scratch::new();
    let used: Vec<usize> = FRAMES.iter().map(|frame| compare(frame, &mut scratch)).collect();
    assert_eq!(used, [2, 1, 2, 1, 1, 0]);
    let mut changed = 0;
    for frame in FRAMES {
        for at in 0..frame.len() {
            for by in ["", " ", "0", "9", "-", ".", "e", "\"", "\\", "[", "]", "{", "}", ",", ":", "a"] {
                let text = [&frame[..at], by, &frame[at + 1..]].concat();
                changed += usize::from(compare(&text, &mut scratch) > 0);
            }
        }
    }
    assert!(changed > 2_000, "{changed}");
}
