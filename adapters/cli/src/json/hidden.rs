//! Hides the ids of API keys in the venue's text.

use std::borrow::Cow;

/// The members of order events v1 that name API keys.
const MEMBERS: [&str; 2] = ["\"api_session\"", "\"apiSessionFilter\""];

/// The value of `api_session` for orders that were placed on the web page. It is no key, so it is not hidden.
const NO_KEY: &str = "UI";

/// Replaces the ids of keys by asterisks. The length stays the same, so offsets stay valid.
///
/// The text need not be JSON: frames that could not be decoded are hidden too.
pub(super) fn hide_keys(text: &str) -> Cow<'_, str> {
    let mut hidden = Cow::Borrowed(text);
    for member in MEMBERS {
        for (start, _) in text.match_indices(member) {
            for (from, to) in strings_behind(text, start + member.len()) {
                if text.get(from..to).is_some_and(|id| id != NO_KEY) {
                    hidden.to_mut().replace_range(from..to, &"*".repeat(to - from));
                }
            }
        }
    }
    hidden
}

/// Returns the ranges of the strings in a member's value, without their quotes. The value is a string or an array of
/// strings.
fn strings_behind(text: &str, from: usize) -> Vec<(usize, usize)> {
    let (mut strings, mut start, mut is_array) = (Vec::new(), None, false);
    let mut escaped = false;
    for (position, byte) in text.bytes().enumerate().skip(from) {
        match (start, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(from), b'"') => {
                strings.push((from, position));
                start = None;
                if !is_array {
                    return strings;
                }
            }
            (Some(_), _) => {}
            (None, b'"') => start = Some(position + 1),
            (None, b'[') => is_array = true,
            (None, b',') if is_array => {}
            (None, b':' | b' ' | b'\t' | b'\r' | b'\n') => {}
            (None, _) => return strings,
        }
    }
    // A frame that was cut in the middle of an id.
    strings.extend(start.map(|from| (from, text.len())));
    strings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        let table = [
            (r#"{"api_session":"UI"}"#, r#"{"api_session":"UI"}"#),
            (r#"{"api_session":"abc","a":"b"}"#, r#"{"api_session":"***","a":"b"}"#),
            (
                r#"[{"api_session" : "aé\"b"},{"api_session":"x"}]"#,
                r#"[{"api_session" : "******"},{"api_session":"*"}]"#,
            ),
            (
                r#"{"apiSessionFilter":["UI", "abc"],"a":["b"]}"#,
                r#"{"apiSessionFilter":["UI", "***"],"a":["b"]}"#,
            ),
            (r#"{"apiSessionFilter":[],"a":"b"}"#, r#"{"apiSessionFilter":[],"a":"b"}"#),
            (r#"{"api_session":null,"a":"b"}"#, r#"{"api_session":null,"a":"b"}"#),
            (r#"{"api_session":"ab"#, r#"{"api_session":"**"#),
            (r#"{"api_session"#, r#"{"api_session"#),
            (r#"{"api_session":"#, r#"{"api_session":"#),
            (r#"{"account_name":"abc"}"#, r#"{"account_name":"abc"}"#),
        ];
        for (text, expected) in table {
            assert_eq!(hide_keys(text), expected, "{text}");
        }
    }
}
