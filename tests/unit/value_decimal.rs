//! Tests parts of `Decimal` that only this module can see.

extern crate std;
use super::*;
use std::string::ToString;

#[test]
fn parse_and_print() {
    // The text, and what it prints as, or the error.
    let table: &[(&str, Result<&str, DecimalError>)] = &[
        ("0", Ok("0")),
        ("-0", Ok("0")),
        ("0.00", Ok("0.00")),
        ("00.50", Ok("0.50")),
        ("83361.25000", Ok("83361.25000")),
        ("-0.0020", Ok("-0.0020")),
        ("0.000000000000000001", Ok("0.000000000000000001")),
        ("9223372036854775807", Ok("9223372036854775807")),
        ("-9223372036854775807", Ok("-9223372036854775807")),
        // The negative of this number would not fit.
        ("-9223372036854775808", Err(DecimalError::Precision)),
        ("9000000000000.0000000000", Ok("9000000000000")),
        ("9000000000000.1000000000", Ok("9000000000000.1")),
        ("0.10000000000000000000000000", Ok("0.1")),
        ("9223372036854775808", Err(DecimalError::Precision)),
        ("0.0000000000000000001", Err(DecimalError::Precision)),
        ("", Err(DecimalError::Invalid)),
        ("-", Err(DecimalError::Invalid)),
        (".5", Err(DecimalError::Invalid)),
        ("5.", Err(DecimalError::Invalid)),
        ("1.2.3", Err(DecimalError::Invalid)),
        ("1e5", Err(DecimalError::Invalid)),
        ("+1", Err(DecimalError::Invalid)),
        ("1 ", Err(DecimalError::Invalid)),
        ("--1", Err(DecimalError::Invalid)),
    ];
    for (text, expected) in table {
        let got = text.parse::<Decimal>().map(|decimal| decimal.to_string());
        assert_eq!(got, expected.map(ToString::to_string), "{text}");
    }
}

/// For every length and every position of the point, the short reader returns the result of the long reader, or
/// nothing.
#[test]
fn short_agrees_with_long() {
    let digits = "12345678901234567890";
    let mut read = 0;
    for length in 0..=20 {
        for point in 0..=length {
            let text = if point == 0 {
                digits[..length].to_string()
            } else {
                std::format!("{}.{}", &digits[..point], &digits[point..length])
            };
            for tail in ["\",\"1.0000\"]]", "\"},                 ", "x                   ", ""] {
                let frame = std::format!("{text}{tail}");
                let short = Decimal::parse_quoted_short(frame.as_bytes());
                if let Some((value, used)) = short {
                    read += 1;
                    assert_eq!(used, text.len(), "{frame}");
                    let long = Decimal::parse(text.as_bytes()).unwrap();
                    assert_eq!((value.mantissa, value.scale), (long.mantissa, long.scale), "{frame}");
                } else {
                    // The text fits if its whole part ends within the first word of eight bytes, and the number
                    // within the second.
                    let whole = text.find('.').unwrap_or(text.len());
                    let fits = whole < 8 && text.len() < 16 && tail.starts_with('"');
                    let valid = Decimal::parse(text.as_bytes()).is_ok();
                    assert!(!(fits && valid && frame.len() >= 16), "missed {frame}");
                }
            }
        }
    }
    assert!(read > 100, "only {read} were read the short way");
}

#[test]
fn short_refuses_what_is_no_decimal() {
    for text in [
        "12a4\"            ",
        "-1.5\"            ",
        "1..5\"            ",
        "1.5.\"           ",
        ".5\"              ",
        "5.\"              ",
        "\"                ",
        "1\u{ff}2\"            ",
        "1.\u{ff}\"           ",
    ] {
        assert_eq!(Decimal::parse_quoted_short(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn padding() {
    let price: Decimal = "-1.50".parse().unwrap();
    assert_eq!(std::format!("[{price:>8}] [{price:<8}]"), "[   -1.50] [-1.50   ]");
}
