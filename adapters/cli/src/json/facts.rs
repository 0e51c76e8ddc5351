//! Events whose members the core writes in another way than this command: instants of the client's clock, which
//! mean nothing elsewhere, become times of day, and what is counted becomes a number.

use gemini_ws::{
    CloseReason, ConnectFailure, Event, LinkId, Lost, Stream, StreamId, Symbol, Topic, Unserved,
};
use serde::Serialize;

use super::own::Times;
use super::stable::Count;

/// Such an event. Times are nanoseconds since 1970.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Fact {
    Silent { link: LinkId, id: StreamId, stream: Stream, since: u64 },
    Unserved { link: LinkId, id: StreamId, stream: Stream, reason: Unserved, attempts: u32, retry: u64 },
    Overflow { topic: Topic, symbol: Option<Symbol>, dropped: Count },
    Opened { link: LinkId, missing_since: Option<u64> },
    ConnectFailed { link: LinkId, reason: ConnectFailure, retry: Option<u64> },
    Disconnected { link: LinkId, reason: Lost, retry: Option<u64> },
    HeartbeatDue { link: LinkId, since: u64 },
    Closed { reason: CloseReason, abandoned: Abandoned },
}

#[derive(Serialize)]
pub(super) struct Abandoned {
    requests: Count,
    links: Count,
    sessions: Count,
}

/// The event, if it is one of those.
pub(super) fn of(event: &Event<'_>, times: Times) -> Option<Fact> {
    let at = |instant: Option<_>| instant.map(|instant| times.of(instant));
    Some(match *event {
        Event::Silent { link, id, stream, since } => {
            Fact::Silent { link, id, stream, since: times.of(since) }
        }
        Event::Unserved { link, id, stream, reason, attempts, retry } => {
            Fact::Unserved { link, id, stream, reason, attempts, retry: times.of(retry) }
        }
        Event::Overflow { topic, symbol, dropped } => {
            Fact::Overflow { topic, symbol, dropped: Count(dropped) }
        }
        Event::Opened { link, missing_since } => Fact::Opened { link, missing_since: at(missing_since) },
        Event::ConnectFailed { link, reason, retry } => {
            Fact::ConnectFailed { link, reason, retry: at(retry) }
        }
        Event::Disconnected { link, reason, retry } => Fact::Disconnected { link, reason, retry: at(retry) },
        Event::HeartbeatDue { link, since } => Fact::HeartbeatDue { link, since: times.of(since) },
        Event::Closed { reason, abandoned } => {
            let abandoned = Abandoned {
                requests: Count::of(abandoned.requests),
                links: Count::of(abandoned.links),
                sessions: Count::of(abandoned.sessions),
            };
            Fact::Closed { reason, abandoned }
        }
        _ => return None,
    })
}
