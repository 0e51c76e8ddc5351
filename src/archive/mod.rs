//! The `Session`s of the archived generations of the API: market data v2, market data v1 and order events v1.
//!
//! No archived endpoint acknowledges a request. Market data v2 takes subscriptions. At the v1 endpoints the address
//! decides what the venue sends, and the number in each frame or event shows whether an earlier frame or event was
//! lost.

pub(crate) mod market_data_v1;
pub(crate) mod market_data_v2;
pub(crate) mod order_events_v1;
mod sequence;

use alloc::string::String;

use crate::archive::sequence::{Gap, Sequence};
use crate::event::Event;
use crate::event::replay::event_of;
use crate::json::error::DecodeError;
use crate::link::dialect::Dialect;
use crate::link::session::Reception;
use crate::message::Message;
use crate::request::stream::Topic;
use crate::wire::market_v1::socket_sequence;
use crate::wire::{Scratch, decode_about};

/// The dialect of the v1 endpoints, which take no messages.
static SENDS_ONLY: Dialect =
    Dialect { takes_requests: false, acknowledges: false, encode: |_, _, _| String::new() };

fn decode<'f>(
    reception: &mut Reception<'_, '_>,
    text: &'f str,
    scratch: &'f mut Scratch,
) -> Result<Message<'f>, DecodeError> {
    let config = reception.config();
    let message = decode_about(config.api, config.symbol.as_ref(), text, scratch)?;
    reception.decoded();
    Ok(message)
}

/// Delivers a heartbeat, an error or another frame that contains no data of a stream.
fn control<'f>(reception: &mut Reception<'_, '_>, text: &'f str, message: &Message<'f>) -> Option<Event<'f>> {
    reception.count_control();
    event_of(message, reception.source(text))
}

/// Delivers a frame of a kind that the endpoint is not known to send.
fn unrecognized<'f>(
    reception: &mut Reception<'_, '_>,
    text: &'f str,
    message: &Message<'f>,
) -> Option<Event<'f>> {
    reception.count_unrecognized();
    event_of(message, reception.source(text))
}

/// Delivers a frame of a v1 endpoint that contains neither market data nor events of orders, such as a heartbeat or
/// an error. If the `socket_sequence` of this frame shows that earlier frames were lost, drops the frame and reports
/// the gap.
fn numbered<'f>(
    reception: &mut Reception<'_, '_>,
    text: &'f str,
    message: &Message<'f>,
    sequence: &mut Sequence,
) -> Option<Event<'f>> {
    let number = match message {
        Message::Heartbeat(beat) => beat.socket_sequence,
        _ => socket_sequence(text),
    };
    match (number.and_then(|got| sequence.count(got)), message) {
        (Some(gap), _) => lose_sequence(reception, gap),
        (None, Message::Heartbeat(_) | Message::Error(_) | Message::SubscriptionAck(_)) => {
            control(reception, text, message)
        }
        (None, _) => unrecognized(reception, text, message),
    }
}

/// Reports a frame of a v1 endpoint that cannot be decoded. If the frame is a heartbeat of market data v1, the client
/// keeps the link. Any other frame may have contained data that the venue does not send again, so the client replaces
/// the link.
fn malformed<'f>(
    reception: &mut Reception<'_, '_>,
    text: &'f str,
    error: DecodeError,
    sequence: &mut Sequence,
) -> Option<Event<'f>> {
    let event = reception.malformed(text, error);
    match &event {
        Some(Event::Malformed(it, _)) if it.topic == Some(Topic::Other) => sequence.skip(),
        _ => reception.lose_sequence(),
    }
    event
}

/// Reports that a frame shows a gap, and drops the frame. The venue does not send lost frames again, so the client
/// replaces the link: a new link begins with the whole book, or with all open orders.
fn lose_sequence<'f>(reception: &mut Reception<'_, '_>, gap: Gap) -> Option<Event<'f>> {
    reception.count_gap();
    reception.lose_sequence();
    Some(Event::SequenceGap { link: reception.link(), expected: gap.expected, got: gap.got })
}
