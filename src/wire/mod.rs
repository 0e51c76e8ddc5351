//! The venue's frames: [`decode`] reads what it sends, [`encode`] writes what it takes.
//!
//! The venue's own short member names appear in this folder and nowhere else.

pub(crate) mod affected;
pub(crate) mod encode;
mod levels;
mod lists;
pub(crate) mod market_v1;
pub(crate) mod market_v2;
pub(crate) mod orders_v1;
mod outline;
mod plain;
pub(crate) mod private;
mod public;
mod reader;
mod record;
pub(crate) mod replies;
pub(crate) mod rest;
mod scratch;
mod stream;
mod values;

pub use scratch::Scratch;

use crate::json::cursor::Cursor;
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::Message;
use crate::value::endpoint::Endpoint;

/// The longest frame that is looked at: 4 MiB. The longest recorded one, a full book, has 150 KiB
/// ([large books](crate::protocol::quirks#large-books)).
pub const FRAME_BYTES_MAX: usize = 4 << 20;

/// Decodes one text frame of `wss://ws.gemini.com` by itself; [`Endpoint::decode`] those of the others.
///
/// Members may come in any order; unknown ones are ignored; a kind that is not known yields
/// [`Message::Unrecognized`]. The whole frame is checked before anything of it is returned.
///
/// # Errors
///
/// What is wrong and at which byte; `frame` is untouched and the next one can be decoded.
///
/// ```
/// use gemini_ws::{Message, Scratch, decode};
///
/// let mut scratch = Scratch::new();
/// let frame = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":7,"u":9,"b":[["1.50","0.2"]],"a":[]}"#;
/// let Ok(Message::Depth(depth)) = decode(frame, &mut scratch) else { panic!() };
/// assert_eq!((depth.first_update_id, depth.last_update_id), (Some(7), Some(9)));
/// assert_eq!(depth.bids[0].price.to_string(), "1.50");
/// ```
pub fn decode<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Result<Message<'f>, DecodeError> {
    if frame.len() > FRAME_BYTES_MAX {
        return Err(DecodeError::new(DecodeErrorKind::TooLong, FRAME_BYTES_MAX));
    }
    // A letter or two tell the usual spellings apart.
    let bytes = frame.as_bytes();
    match (bytes.get(2), bytes.get(6)) {
        (Some(b'u'), _) => plain::book_ticker(frame, scratch),
        (Some(b'E'), _) => plain::trade(frame, scratch),
        (Some(b'i'), _) => plain::response(frame, scratch),
        (Some(b'l'), _) => plain::partial_depth(frame, scratch),
        (Some(b'e'), Some(b'd')) => plain::depth(frame, scratch),
        (Some(b'e'), Some(b'm')) => plain::mark_price(frame, scratch),
        (Some(b'e'), Some(b'f')) => plain::funding_amount(frame, scratch),
        (Some(b'e'), Some(b'c')) => plain::contract_status(frame, scratch),
        (Some(b'e'), Some(b'o')) => private::likely_order_update(frame, scratch, stream::decode_any),
        (Some(b'e'), Some(b'b')) => private::likely_balance_update(frame, scratch, stream::decode_any),
        (Some(b'e'), Some(b'p')) => private::likely_position_report(frame, scratch, stream::decode_any),
        _ => stream::decode_any(frame, scratch),
    }
}

/// Decodes one text frame of an endpoint.
pub(crate) fn decode_from<'f>(
    endpoint: Endpoint,
    frame: &'f str,
    scratch: &'f mut Scratch,
) -> Result<Message<'f>, DecodeError> {
    if endpoint == Endpoint::Streams {
        return decode(frame, scratch);
    }
    if frame.len() > FRAME_BYTES_MAX {
        return Err(DecodeError::new(DecodeErrorKind::TooLong, FRAME_BYTES_MAX));
    }
    match endpoint {
        Endpoint::Streams => decode(frame, scratch),
        Endpoint::MarketDataV2 => market_v2::decode(frame, scratch),
        Endpoint::MarketDataV1 => market_v1::decode(frame, scratch),
        Endpoint::OrderEventsV1 => orders_v1::decode(frame, scratch),
    }
}

impl Endpoint {
    /// Decodes one text frame of this endpoint by itself, as [`decode`](crate::decode) does for
    /// [`Endpoint::Streams`].
    ///
    /// # Errors
    ///
    /// What is wrong and at which byte; the next frame can be decoded.
    pub fn decode<'f>(self, frame: &'f str, scratch: &'f mut Scratch) -> Result<Message<'f>, DecodeError> {
        decode_from(self, frame, scratch)
    }

    /// The endpoint that sends frames like this one. `None` for those that more than one sends, such as
    /// errors, and for text that is no frame at all.
    pub fn guess(frame: &str) -> Option<Endpoint> {
        match Cursor::new(frame).peek() {
            b'[' => Some(Endpoint::OrderEventsV1),
            _ => market_v2::guess(frame),
        }
    }
}
