//! Events that this command writes in another form than the core. Instants become nanoseconds since 1970, and counts
//! become numbers. Each member always has the same type. A text for people names no API keys.

use std::borrow::Cow;
use std::time::Duration;

use gemini_ws::{
    AttemptFailure, CloseReason, ConnectFailure, Event, Ignored, IgnoredReason, LinkId, Lost, RequestOutcome,
    Stream, StreamId, Subject, Symbol, Topic, Unserved,
};
use serde::Serialize;

use super::hidden::{hide_keys, without_keys};
use super::own::Times;
use super::stable::Count;
use super::{RefusalBody, ResponseBody, name};

/// An event whose form here differs from the core's. Times are nanoseconds since 1970.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Fact<'f> {
    Requested { link: LinkId, request: u64, about: String },
    Reply { link: LinkId, request: u64, about: String, outcome: Outcome<'f> },
    Silent { link: LinkId, id: StreamId, stream: Stream, since: u64 },
    Unserved { link: LinkId, id: StreamId, stream: Stream, reason: Reason, attempts: u32, retry: u64 },
    Rejected { link: LinkId, id: StreamId, stream: Stream, error: RefusalBody },
    Overflow { topic: Cow<'static, str>, symbol: Option<Symbol>, dropped: Count },
    Opened { link: LinkId, missing_since: Option<u64> },
    ConnectFailed { link: LinkId, reason: Reason, retry: Option<u64> },
    Disconnected { link: LinkId, reason: Reason, retry: Option<u64> },
    PeerClosing { link: LinkId, code: Option<u16>, reason: String },
    LinkClosed { link: LinkId, reason: Reason },
    HeartbeatDue { link: LinkId, since: u64 },
    Closed { reason: Reason, abandoned: Abandoned },
    Ignored { frame: Cow<'f, str>, reason: IgnoredReason },
}

/// The reason that an event reports. `kind` is a word, and the other members are its details.
#[derive(Debug, Default, Serialize)]
pub(super) struct Reason {
    kind: String,
    /// The HTTP status, or the status of a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// The delay that the venue requests, in nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// The venue's own word for the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    word: Option<String>,
    /// The code of a Close frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    /// The error code of a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Box<Reason>>,
}

#[derive(Serialize)]
pub(super) struct Outcome<'f> {
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<ResponseBody<'f>>,
}

#[derive(Serialize)]
pub(super) struct Abandoned {
    requests: Count,
    links: Count,
    sessions: Count,
}

impl Reason {
    fn named(reason: &impl Serialize) -> Reason {
        Reason { kind: name(reason), ..Reason::default() }
    }

    fn because(self, cause: Reason) -> Reason {
        Reason { cause: Some(Box::new(cause)), ..self }
    }
}

fn nanos(delay: Duration) -> u64 {
    u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX)
}

impl From<ConnectFailure> for Reason {
    fn from(failure: ConnectFailure) -> Reason {
        let named = Reason::named(&failure);
        match failure {
            ConnectFailure::Status { status, retry_after, reason } => Reason {
                status: Some(status),
                retry_after: retry_after.map(nanos),
                word: reason.map(|word| word.to_string()),
                ..named
            },
            ConnectFailure::ProxyStatus { status, retry_after } => {
                Reason { status: Some(status), retry_after: retry_after.map(nanos), ..named }
            }
            _ => named,
        }
    }
}

impl From<Lost> for Reason {
    fn from(lost: Lost) -> Reason {
        let named = Reason::named(&lost);
        if let Lost::Closed { code } = lost { Reason { code, ..named } } else { named }
    }
}

impl From<Unserved> for Reason {
    fn from(unserved: Unserved) -> Reason {
        let named = Reason::named(&unserved);
        match unserved {
            Unserved::Refused { status, code } => Reason { status, error_code: Some(code), ..named },
            _ => named,
        }
    }
}

impl From<CloseReason> for Reason {
    fn from(reason: CloseReason) -> Reason {
        let named = Reason::named(&reason);
        match reason {
            CloseReason::ConnectRefused(failure) => named.because(failure.into()),
            CloseReason::ClosedByPeer { code } => Reason { code: Some(code), ..named },
            CloseReason::AttemptsExhausted { attempts, last } => {
                let cause = match last {
                    AttemptFailure::Connect(failure) => failure.into(),
                    AttemptFailure::Lost(lost) => lost.into(),
                };
                Reason { attempts: Some(attempts), ..named }.because(cause)
            }
            _ => named,
        }
    }
}

impl<'f> From<RequestOutcome<'f>> for Outcome<'f> {
    fn from(outcome: RequestOutcome<'f>) -> Outcome<'f> {
        let kind = name(&outcome);
        let response = match outcome {
            RequestOutcome::Answered(response) => Some(ResponseBody::of(&response)),
            RequestOutcome::TimedOut | RequestOutcome::Lost | RequestOutcome::NotSent => None,
        };
        Outcome { kind, response }
    }
}

fn topic(topic: Topic) -> Cow<'static, str> {
    match topic {
        Topic::Candles(interval) => Cow::Borrowed(interval.feed()),
        topic => Cow::Owned(name(&topic)),
    }
}

/// Returns the event in the form of this command; `None` if the command writes the event in the core's form.
pub(super) fn of<'f>(event: &Event<'f>, times: Times) -> Option<Fact<'f>> {
    let at = |instant: Option<_>| instant.map(|instant| times.of(instant));
    let subject = |about: &Subject| name(about);
    Some(match *event {
        Event::Requested { link, request, about } => {
            Fact::Requested { link, request: request.get(), about: subject(&about) }
        }
        Event::Reply { link, request, about, outcome } => {
            Fact::Reply { link, request: request.get(), about: subject(&about), outcome: outcome.into() }
        }
        Event::Silent { link, id, stream, since } => {
            Fact::Silent { link, id, stream, since: times.of(since) }
        }
        Event::Unserved { link, id, stream, reason, attempts, retry } => {
            Fact::Unserved { link, id, stream, reason: reason.into(), attempts, retry: times.of(retry) }
        }
        Event::Rejected { link, id, stream, error } => {
            Fact::Rejected { link, id, stream, error: RefusalBody::of(error) }
        }
        Event::Overflow { topic: of, symbol, dropped } => {
            Fact::Overflow { topic: topic(of), symbol, dropped: Count(dropped) }
        }
        Event::Opened { link, missing_since } => Fact::Opened { link, missing_since: at(missing_since) },
        Event::ConnectFailed { link, reason, retry } => {
            Fact::ConnectFailed { link, reason: reason.into(), retry: at(retry) }
        }
        Event::Disconnected { link, reason, retry } => {
            Fact::Disconnected { link, reason: reason.into(), retry: at(retry) }
        }
        Event::PeerClosing { link, code, reason } => {
            Fact::PeerClosing { link, code, reason: without_keys(reason) }
        }
        Event::LinkClosed { link, reason } => Fact::LinkClosed { link, reason: reason.into() },
        Event::HeartbeatDue { link, since } => Fact::HeartbeatDue { link, since: times.of(since) },
        Event::Closed { reason, abandoned } => {
            let abandoned = Abandoned {
                requests: Count::of(abandoned.requests),
                links: Count::of(abandoned.links),
                sessions: Count::of(abandoned.sessions),
            };
            Fact::Closed { reason: reason.into(), abandoned }
        }
        Event::Ignored(Ignored { reason, .. }, source) => {
            Fact::Ignored { frame: hide_keys(source.frame()), reason }
        }
        _ => return None,
    })
}
