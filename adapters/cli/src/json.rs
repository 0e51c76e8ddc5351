//! Output as JSON, one object per line. The schema is in `schema/`.
//!
//! A member has the same type in all lines, whatever its value is. Decimals and integers of 64 bits (prices, ids,
//! times) are always strings, because a reader that has only doubles would round them. Smaller integers and counters
//! are numbers. In the venue's own JSON, every number becomes a string with the same digits. Times are nanoseconds
//! since 1970.

mod facts;
mod hidden;
mod lists;
mod own;
mod stable;

use std::borrow::Cow;
use std::io::{self, Write};

use gemini_ws::{ApiError, DecodeErrorKind, Event, Malformed, Message, Response, ResponseId, VenueError};
use serde::Serialize;
use serde_json::value::RawValue;

use hidden::hide_keys;
pub(crate) use hidden::without_keys;
use lists::{L2UpdatesBody, MarketUpdateBody, OrderEventsBody, OrderSnapshotBody};
pub(crate) use own::{ReplayEnded, Started, Summarized, Times};
use stable::{Count, Stable, embed};

pub(crate) fn write_line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, Stable))?;
    out.write_all(b"\n")
}

pub(crate) fn write_message(
    out: &mut impl Write,
    time: Option<&str>,
    message: &Message<'_>,
) -> io::Result<()> {
    match message {
        Message::Response(response) => write_kind(out, time, "response", ResponseBody::of(response)),
        Message::Unrecognized(unrecognized) => write_unrecognized(out, time, unrecognized.frame.as_str()),
        Message::Error(it) => write_kind(out, time, "error", ErrorBody::of(it)),
        Message::OrderEvents(it) => write_kind(out, time, "order_events", OrderEventsBody::of(it.events)),
        Message::OrderSnapshot(it) => {
            write_kind(out, time, "order_snapshot", OrderSnapshotBody::of(it.orders))
        }
        Message::L2Updates(it) => write_kind(out, time, "l2_updates", L2UpdatesBody::of(it)),
        Message::MarketUpdate(it) => write_kind(out, time, "market_update", MarketUpdateBody::of(it)),
        message => write_line(out, &Timed { time, body: message }),
    }
}

/// Writes an event with a time: when the frame of the event was received, or, if the event has no frame, when `times`
/// was created.
pub(crate) fn write_event(out: &mut impl Write, times: Times, event: &Event<'_>) -> io::Result<()> {
    let received = event.source().and_then(|source| source.received());
    let time = received.map_or(times.now(), |received| times.of(received)).to_string();
    let time = Some(time.as_str());
    match event {
        Event::Unrecognized(unrecognized, _) => write_unrecognized(out, time, unrecognized.frame.as_str()),
        Event::Malformed(malformed, _) => write_line(out, &Timed { time, body: Undecodable::of(malformed) }),
        Event::Error(it, _) => write_kind(out, time, "error", ErrorBody::of(it)),
        Event::Batch(batch, _) => write_message(out, time, &batch.message()),
        event => match facts::of(event, times) {
            Some(fact) => write_line(out, &Timed { time, body: fact }),
            None => write_line(out, &Timed { time, body: event }),
        },
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

#[derive(Serialize)]
pub(crate) struct Undecodable<'f> {
    kind: &'static str,
    /// The reason, as a word for programs.
    pub(crate) reason: Reason,
    /// The offset of the error in the frame or element, in bytes.
    pub(crate) offset: Count,
    /// The member that the reason is about.
    pub(crate) member: Option<String>,
    /// The reason, as a sentence for people.
    message: String,
    /// The number of the line in the recording, from 1; `None` outside `decode`.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<Count>,
    frame: Cow<'f, str>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Reason {
    Decoding(DecodeErrorKind),
    /// The frame is not UTF-8, so the core did not decode it.
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
            offset: Count::of(error.offset()),
            member: error.member().map(|member| member.to_string()),
            message: error.to_string(),
            line: None,
            frame: hide_keys(frame),
        }
    }

    pub(crate) fn at_line(self, number: u64) -> Undecodable<'f> {
        Undecodable { line: Some(Count(number)), ..self }
    }

    pub(crate) fn no_utf8(frame: &'f [u8], offset: usize) -> Undecodable<'f> {
        Undecodable {
            kind: "malformed",
            reason: Reason::Utf8("utf8"),
            offset: Count::of(offset),
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

/// A line that contains `time`, if there is one, and the members of `body`.
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
struct ErrorBody {
    reason: String,
    message: Option<String>,
}

impl ErrorBody {
    fn of(error: &VenueError<'_>) -> ErrorBody {
        ErrorBody { reason: without_keys(error.reason), message: error.message.map(without_keys) }
    }
}

#[derive(Serialize)]
struct RefusalBody {
    code: i64,
    message: String,
}

impl RefusalBody {
    fn of(error: ApiError<'_>) -> RefusalBody {
        RefusalBody { code: error.code, message: without_keys(error.message) }
    }
}

/// Returns the name of an enum's variant, as the core serializes it.
fn name(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        Ok(serde_json::Value::Object(members)) => members.into_iter().next().unwrap_or_default().0,
        Ok(_) | Err(_) => String::new(),
    }
}

/// A [`Response`] whose parts are embedded as JSON, not as strings.
#[derive(Serialize)]
struct ResponseBody<'f> {
    /// The id as a string, also if it is a number.
    id: Cow<'f, str>,
    status: Option<u16>,
    result: Option<Box<RawValue>>,
    error: Option<RefusalBody>,
    rate_limits: Option<Box<RawValue>>,
}

impl<'f> ResponseBody<'f> {
    fn of(response: &Response<'f>) -> ResponseBody<'f> {
        ResponseBody {
            id: match response.id {
                ResponseId::Number(number) => Cow::Owned(number.to_string()),
                ResponseId::Text(text) => Cow::Owned(text.to_string()),
            },
            status: response.status,
            result: response.result.map(|result| embed(&hide_keys(result.as_str()))),
            error: response.error.map(RefusalBody::of),
            rate_limits: response.rate_limits.map(|limits| embed(&hide_keys(limits.as_str()))),
        }
    }
}

#[cfg(test)]
mod tests;
