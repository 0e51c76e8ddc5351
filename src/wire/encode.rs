//! Requests as text (`ws-gemini-com.md`, sections 4 and 6).

use alloc::string::String;
use core::fmt::{self, Write};

use crate::message::RawJson;
use crate::stream::Stream;

/// `subscribe` and `unsubscribe`: an array of names; the object form is refused (quirk Q-E2).
pub(crate) fn streams(id: u64, method: &str, streams: impl IntoIterator<Item = Stream>) -> String {
    let mut text = opened(id, method);
    text.push_str(",\"params\":[");
    for (index, stream) in streams.into_iter().enumerate() {
        // Names of streams are plain ASCII, see `Symbol`.
        append(&mut text, format_args!("{}\"{stream}\"", if index == 0 { "" } else { "," }));
    }
    text.push_str("]}");
    text
}

/// Any method, with parameters if it has some.
pub(crate) fn request(id: u64, method: &str, params: Option<RawJson<'_>>) -> String {
    let mut text = opened(id, method);
    if let Some(params) = params {
        append(&mut text, format_args!(",\"params\":{params}"));
    }
    text.push('}');
    text
}

fn opened(id: u64, method: &str) -> String {
    let mut text = String::new();
    append(&mut text, format_args!("{{\"id\":{id},\"method\":\""));
    for character in method.chars() {
        match character {
            '"' | '\\' => append(&mut text, format_args!("\\{character}")),
            '\0'..='\u{1f}' => append(&mut text, format_args!("\\u{:04x}", u32::from(character))),
            _ => text.push(character),
        }
    }
    text.push('"');
    text
}

fn append(text: &mut String, arguments: fmt::Arguments<'_>) {
    // Writing to a `String` cannot fail.
    let _ = text.write_fmt(arguments);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests() {
        let names = ["btcusd@bookTicker", "BTCUSD@depth@100ms"].map(|name| name.parse::<Stream>().unwrap());
        let limit = RawJson::new(r#"{"symbol":"btcusd","limit":100}"#).unwrap();
        let table = [
            (
                streams(4, "subscribe", names),
                r#"{"id":4,"method":"subscribe","params":["btcusd@bookTicker","btcusd@depth@100ms"]}"#,
            ),
            (
                streams(6, "unsubscribe", names.into_iter().take(1)),
                r#"{"id":6,"method":"unsubscribe","params":["btcusd@bookTicker"]}"#,
            ),
            (request(1, "ping", None), r#"{"id":1,"method":"ping"}"#),
            (
                request(8, "depth", Some(limit)),
                r#"{"id":8,"method":"depth","params":{"symbol":"btcusd","limit":100}}"#,
            ),
            (request(9, "a\"\\\n", None), r#"{"id":9,"method":"a\"\\\u000a"}"#),
        ];
        for (text, expected) in table {
            assert_eq!(text, expected);
        }
    }
}
