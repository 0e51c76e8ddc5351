//! Tests how the tests read environment variables.

use std::ffi::{OsStr, OsString};
use std::panic::catch_unwind;

use testkit::variables::{flag_in, number_in, seeds};

fn message<T>(call: impl FnOnce() -> T + std::panic::UnwindSafe) -> String {
    match catch_unwind(call) {
        Ok(_) => panic!("it was accepted"),
        Err(payload) => match payload.downcast::<String>() {
            Ok(message) => *message,
            Err(payload) => (*payload.downcast::<&str>().expect("a message")).to_owned(),
        },
    }
}

#[test]
fn numbers_are_decimal_or_hexadecimal() {
    let read = |text: &str| number_in("NAME", Some(OsStr::new(text)));
    assert_eq!(number_in("NAME", None), None);
    for (text, number) in [
        ("0", 0),
        ("42", 42),
        ("007", 7),
        ("0x2a", 42),
        ("0x2A", 42),
        ("18446744073709551615", u64::MAX),
        ("0xffffffffffffffff", u64::MAX),
    ] {
        assert_eq!(read(text), Some(number), "{text}");
    }
}

#[test]
fn malformed_numbers_are_refused() {
    for text in [
        "",
        " ",
        "0x",
        "0X2a",
        "2a",
        "+1",
        "-1",
        "0x+1",
        " 1",
        "1 ",
        "1_000",
        "1.5",
        "1e3",
        "many",
        "٣",
        "18446744073709551616",
        "0x10000000000000000",
    ] {
        let message = message(|| number_in("GEMINI_WS_SEED", Some(OsStr::new(text))));
        let is_named = message.contains("GEMINI_WS_SEED") && message.contains(&format!("{text:?}"));
        assert!(is_named && message.contains("decimal") && message.contains("0x2a"), "{message}");
    }
}

#[test]
fn flags_are_one_or_zero() {
    let flag = |text: &str| flag_in("GEMINI_WS_TELL", Some(OsString::from(text)));
    assert_eq!((flag_in("GEMINI_WS_TELL", None), flag("0"), flag("1")), (false, false, true));
    for text in ["", "yes", "true", "2", " 1"] {
        let message = message(|| flag(text));
        let is_named = message.contains("GEMINI_WS_TELL") && message.contains(&format!("{text:?}"));
        assert!(is_named && message.contains("must be 1"), "{message}");
    }
}

#[test]
fn a_value_that_is_no_text_is_refused() {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let value = OsStr::from_bytes(b"1\xff");
        assert!(message(|| number_in("GEMINI_WS_SEED", Some(value))).contains("GEMINI_WS_SEED"));
        assert!(message(|| flag_in("GEMINI_WS_TELL", Some(value.to_owned()))).contains("GEMINI_WS_TELL"));
    }
}

#[test]
fn seeds_are_at_least_one() {
    assert_eq!(seeds(3, 2), 3..5);
    assert_eq!(seeds(u64::MAX - 1, 1), u64::MAX - 1..u64::MAX);
    assert!(message(|| seeds(3, 0)).contains("no seeds") && message(|| seeds(u64::MAX, 1)).contains("2^64"));
}
