//! Output as JSON, one object per line, without a digit lost to readers that know only doubles.
//!
//! Integers beyond ±(2⁵³ − 1) become texts, as JavaScript would round them; so do the longer numbers
//! within JSON of the venue that is passed through. Decimals are texts in any case.

mod hidden;
mod lists;

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, Write};

use gemini_ws::{
    ApiError, DecodeErrorKind, Event, Malformed, Message, RequestOutcome, Response, ResponseId, Subject,
};
use serde::Serialize;
use serde_json::ser::Formatter;
use serde_json::value::RawValue;

use hidden::hide_keys;
use lists::{MarketUpdateBody, OrderEventsBody, OrderSnapshotBody};

/// The largest integer up to which a double can tell each from its neighbours.
const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

/// Decimal digits that a double keeps.
const SAFE_DIGITS_MAX: usize = 15;

/// Writes a value as one line.
pub(crate) fn write_line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, Exact))?;
    out.write_all(b"\n")
}

/// Writes a decoded frame.
pub(crate) fn write_message(
    out: &mut impl Write,
    time: Option<&str>,
    message: &Message<'_>,
) -> io::Result<()> {
    match message {
        Message::Response(response) => write_kind(out, time, "response", ResponseBody::of(response)),
        Message::Unrecognized(unrecognized) => write_unrecognized(out, time, unrecognized.frame.as_str()),
        Message::OrderEvents(it) => write_kind(out, time, "order_events", OrderEventsBody::of(it.events)),
        Message::OrderSnapshot(it) => {
            write_kind(out, time, "order_snapshot", OrderSnapshotBody::of(it.orders))
        }
        Message::MarketUpdate(it) => write_kind(out, time, "market_update", MarketUpdateBody::of(it)),
        message => write_line(out, &Timed { time, body: message }),
    }
}

/// Writes an event.
pub(crate) fn write_event(out: &mut impl Write, time: Option<&str>, event: &Event<'_>) -> io::Result<()> {
    match event {
        Event::Reply { request, about, outcome: RequestOutcome::Answered(response), .. } => {
            let outcome = AnsweredBody { answered: ResponseBody::of(response) };
            let body = ReplyBody { request: request.get(), about: *about, outcome };
            write_kind(out, time, "reply", body)
        }
        Event::Unrecognized(unrecognized, _) => write_unrecognized(out, time, unrecognized.frame.as_str()),
        Event::Malformed(malformed, _) => write_line(out, &Timed { time, body: Undecodable::of(malformed) }),
        Event::Batch(batch, _) => write_message(out, time, &batch.message()),
        event => write_line(out, &Timed { time, body: event }),
    }
}

fn write_unrecognized(out: &mut impl Write, time: Option<&str>, frame: &str) -> io::Result<()> {
    write_line(out, &Timed { time, body: Kind::unrecognized(frame) })
}

fn write_kind(
    out: &mut impl Write,
    time: Option<&str>,
    kind: &'static str,
    body: impl Serialize,
) -> io::Result<()> {
    write_line(out, &Timed { time, body: Kind { kind, body } })
}

/// A frame that could not be decoded.
#[derive(Serialize)]
pub(crate) struct Undecodable<'f> {
    kind: &'static str,
    /// A word for programs.
    pub(crate) reason: Reason,
    /// Bytes from the beginning of the frame.
    pub(crate) offset: usize,
    /// The member that the reason is about.
    pub(crate) member: Option<String>,
    /// A sentence for people.
    message: String,
    /// The line of the recording, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    frame: Cow<'f, str>,
}

/// Why a frame could not be decoded.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Reason {
    /// As the core found.
    Decoding(DecodeErrorKind),
    /// It is no UTF-8, so it did not even get to the core.
    Utf8(&'static str),
}

impl<'f> Undecodable<'f> {
    pub(crate) fn of(malformed: &Malformed<'f>) -> Undecodable<'f> {
        Undecodable::new(malformed.frame, malformed.error)
    }

    pub(crate) fn new(frame: &'f str, error: gemini_ws::DecodeError) -> Undecodable<'f> {
        Undecodable {
            kind: "malformed",
            reason: Reason::Decoding(error.kind()),
            offset: error.offset(),
            member: error.member().map(|member| member.to_string()),
            message: error.to_string(),
            line: None,
            frame: hide_keys(frame),
        }
    }

    pub(crate) fn at_line(self, number: u64) -> Undecodable<'f> {
        Undecodable { line: Some(number), ..self }
    }

    pub(crate) fn no_utf8(frame: &'f [u8], offset: usize) -> Undecodable<'f> {
        Undecodable {
            kind: "malformed",
            reason: Reason::Utf8("utf8"),
            offset,
            member: None,
            message: format!("not UTF-8 at byte {offset}"),
            line: None,
            frame: match String::from_utf8_lossy(frame) {
                Cow::Borrowed(frame) => hide_keys(frame),
                Cow::Owned(frame) => Cow::Owned(hide_keys(&frame).into_owned()),
            },
        }
    }
}

/// A line with the receive time in front.
#[derive(Serialize)]
pub(crate) struct Timed<'t, B> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<&'t str>,
    #[serde(flatten)]
    pub(crate) body: B,
}

#[derive(Serialize)]
struct Kind<B> {
    kind: &'static str,
    #[serde(flatten)]
    body: B,
}

impl Kind<FrameBody> {
    fn unrecognized(frame: &str) -> Kind<FrameBody> {
        Kind { kind: "unrecognized", body: FrameBody { frame: embed(&hide_keys(frame)) } }
    }
}

#[derive(Serialize)]
struct FrameBody {
    frame: Box<RawValue>,
}

#[derive(Serialize)]
struct ReplyBody<'f> {
    request: u64,
    about: Subject,
    outcome: AnsweredBody<'f>,
}

#[derive(Serialize)]
struct AnsweredBody<'f> {
    answered: ResponseBody<'f>,
}

/// A [`Response`] whose JSON is JSON, not text.
#[derive(Serialize)]
struct ResponseBody<'f> {
    id: ResponseId<'f>,
    status: Option<u16>,
    result: Option<Box<RawValue>>,
    error: Option<ApiError<'f>>,
    rate_limits: Option<Box<RawValue>>,
}

impl<'f> ResponseBody<'f> {
    fn of(response: &Response<'f>) -> ResponseBody<'f> {
        ResponseBody {
            id: response.id,
            status: response.status,
            result: response.result.map(|result| embed(result.as_str())),
            error: response.error,
            rate_limits: response.rate_limits.map(|limits| embed(limits.as_str())),
        }
    }
}

/// JSON of the venue, to stand within ours: numbers that a double would change become texts.
fn embed(json: &str) -> Box<RawValue> {
    let exact = RawValue::from_string(quote_long_numbers(json));
    // The core has checked that it is JSON. Should the two ever disagree, the text says all.
    exact.or_else(|_| serde_json::value::to_raw_value(json)).unwrap_or_default()
}

fn quote_long_numbers(json: &str) -> String {
    let mut exact = String::with_capacity(json.len() + 16);
    let mut rest = json;
    while let Some(character) = rest.chars().next() {
        let length = match character {
            '"' => text_length(rest),
            '-' | '0'..='9' => {
                let is_of_number = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
                rest.find(|c| !is_of_number(c)).unwrap_or(rest.len())
            }
            other => other.len_utf8(),
        };
        let (token, behind) = rest.split_at(length);
        let quote = if character != '"' && is_long_number(token) { "\"" } else { "" };
        exact.extend([quote, token, quote]);
        rest = behind;
    }
    exact
}

/// The bytes of the JSON string at the beginning, quotes included.
fn text_length(json: &str) -> usize {
    let mut escaped = false;
    for (position, byte) in json.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return position + 1,
            _ => {}
        }
    }
    json.len()
}

/// Whether a reader that knows only doubles would not print the same number again.
fn is_long_number(token: &str) -> bool {
    if !token.starts_with(['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) {
        return false;
    }
    if let Ok(integer) = token.parse::<i128>() {
        return integer.unsigned_abs() > u128::from(SAFE_INTEGER_MAX);
    }
    let (mantissa, exponent) = token.split_once(['e', 'E']).unwrap_or((token, "0"));
    let digits = mantissa.trim_start_matches(['-', '0', '.']).bytes().filter(u8::is_ascii_digit).count();
    // Doubles end at about 10^308; shorter numbers with a smaller exponent are safe.
    let fits = exponent.parse::<i32>().is_ok_and(|exponent| exponent.abs() < 290);
    digits > SAFE_DIGITS_MAX || !fits
}

/// Compact JSON in which integers that a double cannot hold are texts.
struct Exact;

/// An integer, in quotes if a double cannot hold it.
fn write_integer<W: ?Sized + Write>(out: &mut W, value: impl Display, magnitude: u128) -> io::Result<()> {
    if magnitude > u128::from(SAFE_INTEGER_MAX) { write!(out, "\"{value}\"") } else { write!(out, "{value}") }
}

impl Formatter for Exact {
    fn write_i64<W: ?Sized + Write>(&mut self, out: &mut W, value: i64) -> io::Result<()> {
        write_integer(out, value, u128::from(value.unsigned_abs()))
    }

    fn write_u64<W: ?Sized + Write>(&mut self, out: &mut W, value: u64) -> io::Result<()> {
        write_integer(out, value, u128::from(value))
    }

    fn write_i128<W: ?Sized + Write>(&mut self, out: &mut W, value: i128) -> io::Result<()> {
        write_integer(out, value, value.unsigned_abs())
    }

    fn write_u128<W: ?Sized + Write>(&mut self, out: &mut W, value: u128) -> io::Result<()> {
        write_integer(out, value, value)
    }
}

#[cfg(test)]
mod tests;
