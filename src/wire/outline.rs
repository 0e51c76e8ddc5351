//! [`Outline`]: what tells the kinds of frames of `wss://ws.gemini.com` apart.

use super::reader::{Place, Reader};
use super::record::record;
use super::scratch::Scratch;
use super::values::{Label, Presence, SymbolName};
use crate::json::error::DecodeError;
use crate::message::{Message, RawJson, Unrecognized};

pub(super) type Decoded<'f> = Result<Message<'f>, DecodeError>;

/// What reads a frame of a kind.
pub(super) type Read = for<'f> fn(&'f str, &'f mut Scratch, Certainty) -> Decoded<'f>;

/// How sure it is what kind a frame is of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Certainty {
    /// All its members were looked at.
    Certain,
    /// Its first bytes say so. If the others do not, this function decodes the frame.
    Guess(for<'f> fn(&'f str, &'f mut Scratch) -> Decoded<'f>),
}

impl Certainty {
    /// A reader of a frame, and where it stands. A guess takes `named`, with which the frame has to begin, and looks
    /// out for the names that tell kinds apart.
    #[inline(always)]
    pub(super) fn begin<'f, 's>(
        self,
        frame: &'f str,
        named: &'static str,
    ) -> Option<(Reader<'f, 's>, Place)> {
        let mut reader = Reader::new(frame);
        match self {
            Certainty::Certain => Some((reader, Place::Before)),
            Certainty::Guess(_) => {
                reader.telling = Outline::NAMES;
                let place = if named.is_empty() { Place::Before } else { Place::BehindValue };
                reader.take(named).then_some((reader, place))
            }
        }
    }

    /// Decodes a frame that is not what it was taken for.
    #[cold]
    pub(super) fn otherwise<'f>(self, frame: &'f str, scratch: &'f mut Scratch) -> Decoded<'f> {
        match self {
            Certainty::Guess(decode_any) => decode_any(frame, scratch),
            Certainty::Certain => Ok(Message::Unrecognized(Unrecognized { frame: RawJson(frame) })),
        }
    }
}

/// Makes the decoder of a kind of frames: the record that they are, the text that they begin with, the members that tell
/// this kind, and the message. If the kind was a guess and the frame has a name that tells another kind, or has not
/// what tells this one, the frame is decoded otherwise.
macro_rules! decoder {
    ($(#[$about:meta])* $decoder:ident($it:ident: $record:ident, $frame:ident, $scratch:ident) begins $named:literal has $is_it:expr => $message:block) => {
        $(#[$about])*
        #[inline(never)]
        pub(super) fn $decoder<'f>(
            $frame: &'f str,
            scratch: &'f mut $crate::wire::scratch::Scratch,
            certainty: $crate::wire::outline::Certainty,
        ) -> $crate::wire::outline::Decoded<'f> {
            use $crate::wire::outline::{Certainty, Decoded};
            use $crate::wire::reader::Reader;

            struct Then(Certainty);

            impl<'f> $crate::wire::record::Then<'f, 'f, $record<'f>> for Then {
                type Is = Message<'f>;

                #[inline(always)]
                fn then(self, $it: $record<'f>, reader: &mut Reader<'f, 'f>) -> Decoded<'f> {
                    reader.cursor.finish()?;
                    let $frame = reader.frame;
                    match (self.0, reader.scratch.take()) {
                        (Certainty::Guess(_), Some(scratch)) if $it.is_told || !$is_it => {
                            self.0.otherwise($frame, scratch)
                        }
                        (_, $scratch) => $message,
                    }
                }
            }

            let Some((mut reader, place)) = certainty.begin($frame, $named) else {
                return certainty.otherwise($frame, scratch);
            };
            scratch.clear_levels();
            reader.scratch = Some(scratch);
            $record::read_then(&mut reader, place, Then(certainty))
        }
    };
}
pub(super) use decoder;

record! {
    /// All names that tell kinds apart.
    Outline {
        kind: "e" = Label,
        settled: "type" = Label,
        id: "id" = Presence,
        status: "status" = Presence,
        error: "error" = Presence,
        result: "result" = Presence,
        last_update_id: "lastUpdateId" = Presence,
        orders: "orders" = Presence,
        s: "s" = SymbolName,
        symbol: "symbol" = SymbolName,
        x: "X" = Presence,
        b: "b" = Presence,
        bid_quantity: "B" = Presence,
        a: "a" = Presence,
        ask_quantity: "A" = Presence,
        t: "t" = Presence,
        p: "p" = Presence,
        q: "q" = Presence,
        m: "m" = Presence,
        first: "U" = Presence,
        u: "u" = Presence,
        event_time: "E" = Presence,
        positions: "P" = Presence,
    }
}
