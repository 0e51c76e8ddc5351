//! Tests the grammar of JSON.

extern crate std;
use super::*;
use std::string::String;

/// The kind of an error and its offset.
type Verdict = Result<(), (DecodeErrorKind, usize)>;

fn check(text: &str) -> Verdict {
    let mut cursor = Cursor::new(text);
    cursor.skip(0).and_then(|()| cursor.finish()).map_err(|error| (error.kind(), error.offset()))
}

#[test]
fn grammar() {
    use DecodeErrorKind::{Control, Escape, Syntax, TooDeep, TrailingText, UnexpectedEnd};
    let deepest = "[".repeat(JSON_DEPTH_MAX) + &"]".repeat(JSON_DEPTH_MAX);
    let too_deep = "[".repeat(JSON_DEPTH_MAX + 1) + &"]".repeat(JSON_DEPTH_MAX + 1);
    let table: &[(&str, Verdict)] = &[
        ("{}", Ok(())),
        (" [ ] ", Ok(())),
        ("[[],{},[{}]]", Ok(())),
        (r#"{"a":1,"b":[true,false,null],"c":{"d":"e"}}"#, Ok(())),
        ("\t{ \"a\" :\r\n 1 , \"b\" : -0.5e+10 } ", Ok(())),
        (r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#, Ok(())),
        ("18446744073709551616", Ok(())),
        (&deepest, Ok(())),
        (&too_deep, Err((TooDeep, JSON_DEPTH_MAX))),
        ("", Err((UnexpectedEnd, 0))),
        ("{", Err((UnexpectedEnd, 1))),
        ("[1,", Err((UnexpectedEnd, 3))),
        ("[1 2]", Err((Syntax, 3))),
        ("[1,]", Err((Syntax, 3))),
        ("{\"a\"}", Err((Syntax, 4))),
        ("{\"a\":1,}", Err((Syntax, 7))),
        ("{a:1}", Err((Syntax, 1))),
        ("[1}", Err((Syntax, 2))),
        ("01", Err((Syntax, 1))),
        ("-", Err((UnexpectedEnd, 1))),
        ("1.", Err((UnexpectedEnd, 2))),
        ("1.x", Err((Syntax, 2))),
        ("1e+", Err((UnexpectedEnd, 3))),
        ("trueish", Err((TrailingText, 4))),
        ("tru", Err((UnexpectedEnd, 3))),
        ("nul!", Err((Syntax, 3))),
        ("{} {}", Err((TrailingText, 3))),
        ("\"abc", Err((UnexpectedEnd, 4))),
        ("\"a\nb\"", Err((Control, 2))),
        ("\"a long run of text \\x\"", Err((Escape, 20))),
        (r#""\ud83d""#, Ok(())),
        (r#""\ude00""#, Ok(())),
        (r#""\ud83d\u0041""#, Ok(())),
        (r#""\ud83d\u00g1""#, Err((Escape, 7))),
    ];
    for (text, expected) in table {
        assert_eq!(check(text), *expected, "{text}");
    }
}

#[test]
fn numbers() {
    let integer = |negative, magnitude| Number::Integer { negative, magnitude };
    let table: &[(&str, Number)] = &[
        ("0", integer(false, 0)),
        ("-0", integer(true, 0)),
        ("7", integer(false, 7)),
        ("12345678", integer(false, 12_345_678)),
        ("1790732602948771651", integer(false, 1_790_732_602_948_771_651)),
        ("9999999999999999999", integer(false, 9_999_999_999_999_999_999)),
        ("18446744073709551615", integer(false, u64::MAX)),
        ("-9223372036854775808", integer(true, 1 << 63)),
        ("18446744073709551616", Number::Other),
        ("123456789012345678901234567890", Number::Other),
        ("1.0", Number::Other),
        ("1e3", Number::Other),
    ];
    for (text, expected) in table {
        for tail in ["", ",", "}", ",\"abcdefghijklmnopq", "                   "] {
            let frame = String::from(*text) + tail;
            let mut cursor = Cursor::new(&frame);
            assert_eq!(cursor.number(), Ok(*expected), "{frame}");
            assert_eq!(cursor.offset(), text.len(), "{frame}");
        }
    }
}

#[test]
fn strings_end_where_they_end() {
    for length in 0..40 {
        for extra in ["", "é", "\u{7f}", "\\\"", "\\u00e9"] {
            let content = "x".repeat(length) + extra;
            let frame = std::format!("\"{content}\",\"next\"");
            let mut cursor = Cursor::new(&frame);
            let string = cursor.string().unwrap();
            assert_eq!(&frame[string.start..string.end], content);
            assert_eq!(string.escaped, extra.contains('\\'));
            assert_eq!(cursor.rest(), b",\"next\"");
        }
    }
}
