//! [`Stable`]: JSON whose types do not depend on values, and whose strings are safe to print on a terminal.

use std::fmt::Display;
use std::io::{self, Write};

use serde::ser::{Serialize, Serializer};
use serde_json::ser::Formatter;
use serde_json::value::RawValue;

use crate::shown::acts;

/// Compact JSON in which every integer type of 64 or more bits becomes a string, and characters that control a
/// terminal are escaped.
pub(super) struct Stable;

/// An integer that is written as a number: a counter, an offset or a line number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Count(pub(crate) u64);

impl Count {
    pub(crate) fn of(count: usize) -> Count {
        Count(count as u64)
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = RawValue::from_string(self.0.to_string()).map_err(serde::ser::Error::custom)?;
        digits.serialize(serializer)
    }
}

fn quoted<W: ?Sized + Write>(out: &mut W, value: impl Display) -> io::Result<()> {
    write!(out, "\"{value}\"")
}

impl Formatter for Stable {
    fn write_i64<W: ?Sized + Write>(&mut self, out: &mut W, value: i64) -> io::Result<()> {
        quoted(out, value)
    }

    fn write_u64<W: ?Sized + Write>(&mut self, out: &mut W, value: u64) -> io::Result<()> {
        quoted(out, value)
    }

    fn write_i128<W: ?Sized + Write>(&mut self, out: &mut W, value: i128) -> io::Result<()> {
        quoted(out, value)
    }

    fn write_u128<W: ?Sized + Write>(&mut self, out: &mut W, value: u128) -> io::Result<()> {
        quoted(out, value)
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        write_escaped(out, fragment)
    }

    fn write_raw_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        // The result is valid JSON: `embed` has removed white space, so only strings can contain such characters.
        write_escaped(out, fragment)
    }
}

fn write_escaped<W: ?Sized + Write>(out: &mut W, text: &str) -> io::Result<()> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return out.write_all(text.as_bytes());
    }
    let mut written = 0;
    for (position, character) in text.char_indices().filter(|(_, character)| acts(*character)) {
        out.write_all(text.get(written..position).unwrap_or_default().as_bytes())?;
        for unit in character.encode_utf16(&mut [0; 2]) {
            write!(out, "\\u{unit:04x}")?;
        }
        written = position + character.len_utf8();
    }
    out.write_all(text.get(written..).unwrap_or_default().as_bytes())
}

/// Converts JSON of the venue for the output: every number becomes a string, and white space is removed.
pub(super) fn embed(json: &str) -> Box<RawValue> {
    let exact = RawValue::from_string(quote_numbers(json));
    // The core has checked the JSON. If `serde_json` still refuses it, embed it as a string.
    exact.or_else(|_| serde_json::value::to_raw_value(json)).unwrap_or_default()
}

pub(super) fn quote_numbers(json: &str) -> String {
    let mut exact = String::with_capacity(json.len() + 16);
    let mut rest = json;
    while let Some(character) = rest.chars().next() {
        let is_of_number = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
        let (length, quote) = match character {
            '"' => (text_length(rest), ""),
            '-' | '0'..='9' => (rest.find(|c| !is_of_number(c)).unwrap_or(rest.len()), "\""),
            other => (other.len_utf8(), ""),
        };
        let (token, behind) = rest.split_at(length);
        if !character.is_ascii_whitespace() {
            exact.extend([quote, token, quote]);
        }
        rest = behind;
    }
    exact
}

fn text_length(json: &str) -> usize {
    let end = json.get(1..).and_then(closing_quote);
    end.map_or(json.len(), |length| length + 2)
}

pub(super) fn closing_quote(rest: &str) -> Option<usize> {
    let mut escaped = false;
    rest.bytes().position(|byte| match byte {
        _ if escaped => {
            escaped = false;
            false
        }
        b'\\' => {
            escaped = true;
            false
        }
        byte => byte == b'"',
    })
}
