//! [`ended_stream`]: which events end a stream.

use crate::event::Event;
use crate::event::reason::Unserved;
use crate::request::stream::{Stream, Topic};
use crate::value::id::LinkId;

/// If an event ends a stream, returns the link and the stream: no more data of the stream comes until the client
/// subscribes to it again. Returns `None` for other events, and for the end of a link, which ends all its streams.
///
/// After such an event, a collection such as [`Orders`](crate::Orders) expects no more reports of the stream. So an
/// [`EventQueue`](crate::EventQueue) never drops the newest such event for each slot and each topic of an account.
pub(crate) fn ended_stream<'e>(event: &'e Event<'_>) -> Option<(LinkId, &'e Stream)> {
    match event {
        Event::Unsubscribed { link, stream, last: true, .. }
        | Event::Rejected { link, stream, .. }
        | Event::Silent { link, stream, .. } => Some((*link, stream)),
        // A refusal does not end a depth stream, because the next snapshot makes the book current. If only the reply
        // is missing, no stream has ended, because the venue may be sending its data.
        Event::Unserved { link, stream, reason: Unserved::Refused { .. }, .. }
            if stream.topic() != Topic::Depth =>
        {
            Some((*link, stream))
        }
        _ => None,
    }
}
