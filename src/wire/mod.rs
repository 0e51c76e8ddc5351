//! Frames: [`decode`] reads the frames that the venue sends, and [`encode`] writes requests.
//!
//! The venue's own short member names appear in this folder and nowhere else.

pub(crate) mod affected;
pub(crate) mod encode;
mod levels;
mod lists;
pub(crate) mod market_v1;
pub(crate) mod market_v2;
mod names;
pub(crate) mod orders_v1;
mod outline;
pub(crate) mod private;
mod public;
mod reader;
mod record;
pub(crate) mod replies;
pub(crate) mod rest;
mod rows;
mod scratch;
mod spelling;
mod stream;
mod values;

pub use scratch::Scratch;

use outline::{Certainty, Read};

use crate::json::cursor::Cursor;
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::Message;
use crate::value::endpoint::Endpoint;
use crate::value::symbol::Symbol;

/// The maximum length of a frame in bytes: 4 MiB. Longer frames are not decoded. The longest recorded frame, a full
/// book, has 150 KiB ([large books](crate::protocol::quirks#large-books)).
pub const FRAME_BYTES_MAX: usize = 4 << 20;

/// Decodes a single text frame of `wss://ws.gemini.com`. [`Endpoint::decode`] decodes frames of the other endpoints.
///
/// Members may come in any order. Unknown members are ignored. An object of an unknown kind becomes
/// [`Message::Unrecognized`]. `decode` checks the whole frame before it returns.
///
/// # Errors
///
/// Returns what is wrong and at which byte. The error does not affect the next frame.
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
    match guess(frame.as_bytes()) {
        Some(read) => read(frame, scratch, Certainty::Guess(stream::decode_any)),
        None => stream::decode_any(frame, scratch),
    }
}

/// Guesses the decoder of a frame from its first bytes. If the guess is wrong, this decoder leaves the frame to the
/// function in [`Certainty::Guess`].
#[inline(always)]
fn guess(frame: &[u8]) -> Option<Read> {
    let [_, _, first, second, _, _, kind, ..] = frame else { return None };
    Some(match (first, second) {
        (b'u' | b'C' | b'c', b'"') => public::book_ticker,
        (b'E' | b'm', b'"') => public::trade,
        (b'i', b'd') | (b's', b't') | (b'e', b'r') | (b'r', b'e' | b'a') => public::response,
        (b'l', b'a') => public::partial_depth,
        (b't', b'y') => private::settlements,
        (b'e', b'"') => match kind {
            b'd' => public::depth,
            b'm' => public::mark_price,
            b'f' => public::funding_amount,
            b'c' => public::contract_status,
            b'o' if frame.get(11) == Some(&b'S') => private::order_snapshot,
            b'o' => private::order_update,
            b'b' => private::balance_update,
            b'p' => private::position_report,
            b'r' if frame.get(24) == Some(&b'i') => private::quote_update,
            b'r' => private::request_for_quote,
            _ => return None,
        },
        _ => return None,
    })
}

/// A frame of market data v1 without a symbol gets the symbol of [`Scratch::set_symbol`].
pub(crate) fn decode_from<'f>(
    endpoint: Endpoint,
    frame: &'f str,
    scratch: &'f mut Scratch,
) -> Result<Message<'f>, DecodeError> {
    scratch.takes_set = true;
    decode_noted(endpoint, frame, scratch)
}

/// A frame of market data v1 without a symbol gets `symbol`.
pub(crate) fn decode_about<'f>(
    endpoint: Endpoint,
    symbol: Option<&Symbol>,
    frame: &'f str,
    scratch: &'f mut Scratch,
) -> Result<Message<'f>, DecodeError> {
    if endpoint == Endpoint::MarketDataV1 {
        (scratch.takes_set, scratch.unnamed) = (false, symbol.copied());
    }
    decode_noted(endpoint, frame, scratch)
}

/// A frame of market data v1 without a symbol gets the symbol that [`Scratch::unnamed()`] returns.
fn decode_noted<'f>(
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
    let decoded = match endpoint {
        Endpoint::Streams => decode(frame, scratch),
        Endpoint::MarketDataV2 => market_v2::decode(frame, scratch),
        Endpoint::MarketDataV1 => market_v1::decode(frame, scratch),
        Endpoint::OrderEventsV1 => orders_v1::decode(frame, scratch),
    };
    match decoded {
        Err(error) => Err(spelling::as_spelled(error, frame)),
        decoded => decoded,
    }
}

impl Endpoint {
    /// Decodes a single text frame of this endpoint, as [`decode`](crate::decode) does for
    /// [`Endpoint::Streams`].
    ///
    /// # Errors
    ///
    /// Returns what is wrong and at which byte. The error does not affect the next frame.
    pub fn decode<'f>(self, frame: &'f str, scratch: &'f mut Scratch) -> Result<Message<'f>, DecodeError> {
        decode_from(self, frame, scratch)
    }

    /// Guesses the endpoint that sends frames like `frame`. A text that begins with `[` counts as order events v1. An
    /// object of an unknown kind counts as market data v2 if it has a `type`, and as the current API if it has no
    /// `type`.
    ///
    /// Returns `None` for a text that is neither an array nor a whole object. Also returns `None` for an object with
    /// `"result":"error"` and no `type`, because several archived endpoints send such refusals, and for an object of
    /// an unknown kind with a `socket_sequence`, because both v1 endpoints have such numbers.
    pub fn guess(frame: &str) -> Option<Endpoint> {
        match Cursor::new(frame).peek() {
            b'[' => Some(Endpoint::OrderEventsV1),
            _ => market_v2::guess(frame),
        }
    }
}

#[cfg(test)]
#[path = "../../tests/unit/wire_mod.rs"]
mod tests;
