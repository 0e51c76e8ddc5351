//! Checks the decoders against tables of frames and their expected values.

use gemini_ws::{DecodeErrorKind, Endpoint, Event, Message, Replay, Scratch};
use serde_json::Value;

use super::random::Random;
use super::{mutation, oracle};

/// Decodes a frame as it is written and in other spellings. Calls `see` with each message and its serialised value.
pub fn each(endpoint: Endpoint, frame: &str, see: impl Fn(&Message<'_>, Value)) {
    let mut scratch = Scratch::new();
    scratch.set_symbol(super::reading::SYMBOL.parse().ok());
    let mut random = Random(frame.len() as u64);
    let mut spellings = vec![frame.to_string()];
    for _ in 0..10 {
        let shuffled = mutation::shuffled_everywhere(frame, &mut random);
        spellings.push(mutation::spaced(&shuffled, &mut random));
        spellings.push(shuffled);
    }
    for spelling in spellings {
        oracle::check_from(endpoint, &spelling, &mut scratch);
        let message = endpoint.decode(&spelling, &mut scratch);
        let message = message.unwrap_or_else(|error| panic!("{error}: {spelling}"));
        see(&message, oracle::said(&message, &spelling));
    }
}

/// Checks that the message of a frame has exactly this value, apart from members that are null.
pub fn says(endpoint: Endpoint, frame: &str, expected: &Value) {
    each(endpoint, frame, |_, mut said| {
        only_present(&mut said);
        assert_eq!(said, *expected, "{frame}");
    });
}

fn only_present(value: &mut Value) {
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(only_present),
        Value::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(only_present);
        }
        _ => {}
    }
}

/// Checks that a frame is refused with an error at the place of its mark `^`. The frame is decoded without the mark.
/// For an error about a text, the mark is after the opening quote.
pub fn refuses(endpoint: Endpoint, marked: &str, kind: DecodeErrorKind, member: Option<&str>) {
    let (frame, offset) = unmarked(marked);
    let mut scratch = Scratch::new();
    let error = endpoint.decode(&frame, &mut scratch).expect_err(&frame);
    let name = error.member().map(|member| member.to_string());
    assert_eq!((error.kind(), error.offset(), name.as_deref()), (kind, offset, member), "{frame}");
    oracle::check_everywhere(&frame, &mut scratch);
}

/// Checks that one row of a frame is malformed, with an error at the place of the frame's mark `^`.
pub fn refuses_row(endpoint: Endpoint, marked: &str, kind: DecodeErrorKind, member: Option<&str>) {
    let (frame, offset) = unmarked(marked);
    let mut scratch = Scratch::new();
    let event = Replay::new(endpoint).event(&frame, &mut scratch).expect(&frame).expect(&frame);
    let rows = event.parts().filter_map(|part| match part {
        Event::Malformed(row, _) => Some((row.frame.to_string(), row.error)),
        _ => None,
    });
    let rows: Vec<_> = rows.collect();
    let [(row, error)] = rows.as_slice() else { panic!("{frame}: {rows:?}") };
    let found = frame.find(row).unwrap() + error.offset();
    let name = error.member().map(|member| member.to_string());
    assert_eq!((error.kind(), found, name.as_deref()), (kind, offset, member), "{frame}");
    oracle::check_everywhere(&frame, &mut scratch);
}

/// Returns the text without its mark `^`, and the offset of the mark.
pub fn unmarked(marked: &str) -> (String, usize) {
    let (before, behind) = marked.split_once('^').expect(marked);
    (format!("{before}{behind}"), before.len())
}
