//! [`ended_stream`]: which events end a stream.

use crate::event::Event;
use crate::event::reason::Unserved;
use crate::request::stream::{Stream, Topic};
use crate::value::id::LinkId;

/// If an event ends a stream, returns the link and the stream: no more data of the stream comes until it is
/// subscribed again. Returns `None` for other events, and for the end of a link, which ends all its streams.
///
/// A collection such as [`Orders`](crate::Orders) no longer follows the stream after such an event. An
/// [`EventQueue`](crate::EventQueue) keeps the newest one, so that no collection misses it.
pub(crate) fn ended_stream<'e>(event: &'e Event<'_>) -> Option<(LinkId, &'e Stream)> {
    match event {
        Event::Unsubscribed { link, stream, last: true, .. }
        | Event::Rejected { link, stream, .. }
        | Event::Silent { link, stream, .. } => Some((*link, stream)),
        // After a refusal, a depth stream has not ended, because its next snapshot makes the book current. If only
        // the reply is missing, no stream has ended, because the venue may serve it.
        Event::Unserved { link, stream, reason: Unserved::Refused { .. }, .. }
            if stream.topic() != Topic::Depth =>
        {
            Some((*link, stream))
        }
        _ => None,
    }
}
