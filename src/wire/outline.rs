//! [`Outline`]: what tells the kinds of frames of `wss://ws.gemini.com` apart.

use super::reader::{Place, Reader};
use super::record::record;
use super::scratch::Scratch;
use super::values::{Anything, Label, SymbolName};
use crate::json::error::DecodeError;
use crate::message::Message;

pub(super) type Decoded<'f> = Result<Message<'f>, DecodeError>;

/// What reads a frame.
pub(super) type Read = for<'f> fn(&'f str, &'f mut Scratch) -> Decoded<'f>;

record! {
    /// All names that tell kinds apart.
    Outline {
        kind: "e" = Label,
        settled: "type" = Label,
        id: "id" = Anything,
        status: "status" = Anything,
        error: "error" = Anything,
        result: "result" = Anything,
        last_update_id: "lastUpdateId" = Anything,
        orders: "orders" = Anything,
        s: "s" = SymbolName,
        symbol: "symbol" = SymbolName,
        x: "X" = Anything,
        b: "b" = Anything,
        bid_quantity: "B" = Anything,
        a: "a" = Anything,
        ask_quantity: "A" = Anything,
        t: "t" = Anything,
        p: "p" = Anything,
        q: "q" = Anything,
        m: "m" = Anything,
        first: "U" = Anything,
        u: "u" = Anything,
        event_time: "E" = Anything,
        positions: "P" = Anything,
    }
}

/// A reader of a frame that begins with the name of its kind, and stands behind it. It looks out for names that tell
/// kinds apart.
#[inline(always)]
pub(super) fn likely<'f, 's>(frame: &'f str, named: &'static str) -> (Reader<'f, 's>, Place) {
    let mut reader = Reader { telling: Outline::NAMES, ..Reader::new(frame) };
    let place = if reader.take(named) { Place::BehindValue } else { Place::Before };
    (reader, place)
}
