//! Hides the ids of API keys in the venue's text.

use std::borrow::Cow;
use std::fmt::Display;
use std::ops::Range;

use super::stable::closing_quote;

/// The members of order events v1 that contain ids of API keys.
const MEMBERS: [&str; 2] = ["api_session", "apiSessionFilter"];

/// How the ids of API keys begin. A text for people can contain an id too.
const BEGINNINGS: [&str; 2] = ["account-", "master-"];

/// The value of `api_session` for orders from the venue's web page. It is no key, so it is not hidden.
const NO_KEY: &str = "UI";

/// Replaces the ids of keys by asterisks. The length stays the same, so offsets stay valid.
///
/// The text need not be JSON, because a malformed frame can contain ids too. The running time is proportional to the
/// length of the text, whatever the text contains.
pub(crate) fn hide_keys(text: &str) -> Cow<'_, str> {
    let mut hidden = Cow::Borrowed(text);
    each_value(text, |value| {
        if text.get(value.clone()).is_some_and(|value| value != NO_KEY) {
            hide(&mut hidden, value);
        }
    });
    each_id(text, |id| hide(&mut hidden, id));
    hidden
}

pub(crate) fn without_keys(text: impl Display) -> String {
    hide_keys(&text.to_string()).into_owned()
}

fn hide(text: &mut Cow<'_, str>, part: Range<usize>) {
    let asterisks = "*".repeat(part.len());
    text.to_mut().replace_range(part, &asterisks);
}

/// Finds the members whose names are in [`MEMBERS`]. Calls `found` with the range of each string in their values,
/// without its quotes.
fn each_value(text: &str, mut found: impl FnMut(Range<usize>)) {
    let mut from = 0;
    while let Some(end) = end_of_name(text, from) {
        // In a malformed frame, the last quote that was read can begin the next name, so the search continues there.
        from = end - 1;
        for value in Strings::behind(text, end) {
            from = value.start - 1;
            found(value);
        }
    }
}

/// Finds the next name of [`MEMBERS`] in quotes. Returns the position after its closing quote.
fn end_of_name(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut quotes = bytes.iter().enumerate().skip(from).filter(|(_, byte)| **byte == b'"');
    quotes.find_map(|(quote, _)| {
        let mut ends = MEMBERS.iter().filter_map(|name| end_of(bytes, quote + 1, name));
        ends.find(|end| bytes.get(*end) == Some(&b'"')).map(|end| end + 1)
    })
}

/// Calls `found` with the range of each id: one of [`BEGINNINGS`], and the letters, digits, `-` and `_` that follow
/// it.
fn each_id(text: &str, mut found: impl FnMut(Range<usize>)) {
    let (bytes, mut position) = (text.as_bytes(), 0);
    while position < bytes.len() {
        match BEGINNINGS.iter().find_map(|beginning| end_of(bytes, position, beginning)) {
            None => position += 1,
            Some(behind) => {
                let mut end = behind;
                while let Some((character, next)) = character(bytes, end)
                    && (character.is_ascii_alphanumeric() || matches!(character, b'-' | b'_'))
                {
                    end = next;
                }
                if end > behind {
                    found(position..end);
                }
                position = end;
            }
        }
    }
}

/// Returns the position after `word` if the text has `word` at `from`, with or without escapes such as `\u005f`.
fn end_of(text: &[u8], from: usize, word: &str) -> Option<usize> {
    word.bytes().try_fold(from, |position, expected| {
        let (character, next) = character(text, position)?;
        (character == expected).then_some(next)
    })
}

/// Reads an ASCII character, or an escape `\uXXXX` of a character up to U+00FF. Returns the character and the
/// position after it.
fn character(text: &[u8], position: usize) -> Option<(u8, usize)> {
    match *text.get(position)? {
        b'\\' => {
            let digits = text.get(position + 1..position + 6)?.strip_prefix(b"u")?;
            let code = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
            Some((code, position + 6))
        }
        byte => byte.is_ascii().then_some((byte, position + 1)),
    }
}

/// The ranges of the strings in a member's value, without their quotes. The value is a string or an array of strings.
/// In a frame that was cut, the last string can lack its end.
struct Strings<'t> {
    text: &'t str,
    position: usize,
    is_array: bool,
    is_done: bool,
}

impl Strings<'_> {
    /// `position` is directly behind the closing quote of the member's name.
    const fn behind(text: &str, position: usize) -> Strings<'_> {
        Strings { text, position, is_array: false, is_done: false }
    }
}

impl Iterator for Strings<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        while !self.is_done {
            match self.text.as_bytes().get(self.position)? {
                b'"' => {
                    let start = self.position + 1;
                    let length = closing_quote(self.text.get(start..)?);
                    let end = length.map_or(self.text.len(), |length| start + length);
                    (self.position, self.is_done) = (end + 1, !self.is_array);
                    return Some(start..end);
                }
                b'[' => self.is_array = true,
                b',' if self.is_array => {}
                b':' | b' ' | b'\t' | b'\r' | b'\n' => {}
                _ => self.is_done = true,
            }
            self.position += 1;
        }
        None
    }
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
            (r#"[{"api\u005fsession":"abc"},"#, r#"[{"api\u005fsession":"***"},"#),
            (r#"{"\u0061piSessionFilte\u0072":["a","b"#, r#"{"\u0061piSessionFilte\u0072":["*","*"#),
            (
                r#"{"api\u005Fsession":"UI","api\u0020session":"a"}"#,
                r#"{"api\u005Fsession":"UI","api\u0020session":"a"}"#,
            ),
            (r#"{"api\u+05fsession\"#, r#"{"api\u+05fsession\"#),
            (r#""api_session":"api_session":"a""#, r#""api_session":"***********":"*""#),
            (r#""api_session":["a","b"api_session":"c""#, r#""api_session":["*","*"api_session":"*""#),
            (r#""api_session"api_session":"a""#, r#""api_session"api_session":"*""#),
            (r#""api_session"["api_session"["a","b"]"c""#, r#""api_session"["***********"["*","*"]"c""#),
            ("the key account-aB3_x-y lacks it", "the key *************** lacks it"),
            (r#"{"message":"master-1é account-"}"#, r#"{"message":"********é account-"}"#),
            (r#"{"message":"account\u002dab\u0031\"c"}"#, r#"{"message":"*********************\"c"}"#),
        ];
        for (text, expected) in table {
            assert_eq!(hide_keys(text), expected, "{text}");
        }
    }

    /// The time must not grow with the square of the length of the text.
    #[test]
    fn long_texts() {
        let parts = [
            r#""api_session"["#,
            r#""api_session":"#,
            r#""apiSessionFilter":["a","#,
            r#""api_session" , "#,
            r#""api_session":"a\","#,
            r#""api_session":["","","#,
            "account-account-",
            "account\\u002d",
            "\"",
            "\\",
        ];
        let (sender, done) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for part in parts {
                let text = part.repeat((1 << 20) / part.len()) + &" ".repeat(1 << 18);
                assert_eq!(hide_keys(&text).len(), text.len(), "{part}");
            }
            sender.send(()).unwrap();
        });
        done.recv_timeout(std::time::Duration::from_secs(300)).expect("an end");
    }
}
