//! [`Outline`]: the members that show the kind of a frame. `decoder!`: the decoders of single kinds.

use super::reader::{Json, Place, Reader, Token};
use super::scratch::Scratch;
use crate::json::cursor::{Cursor, balanced, plain_integer, plain_string};
use crate::json::error::DecodeError;
use crate::message::{Message, RawJson, Text, Unrecognized};
use crate::value::symbol::Symbol;

pub(super) type Decoded<'f> = Result<Message<'f>, DecodeError>;

pub(super) type Read = for<'f> fn(&'f str, &'f mut Scratch, Certainty) -> Decoded<'f>;

#[derive(Clone, Copy, Debug)]
pub(super) enum Certainty {
    /// The kind follows from all members of the frame.
    Certain,
    /// The kind follows from the first bytes only. If this guess turns out to be wrong, the function in the variant
    /// decodes the frame.
    Guess(for<'f> fn(&'f str, &'f mut Scratch) -> Decoded<'f>),
}

impl Certainty {
    /// Returns a reader of a frame, and its [`Place`]. For a guess, the reader stands after `named`, the text with
    /// which the frame has to begin. Returns `None` if the frame begins with another text.
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

    #[cold]
    pub(super) fn otherwise<'f>(self, frame: &'f str, scratch: &'f mut Scratch) -> Decoded<'f> {
        match self {
            Certainty::Guess(decode_any) => decode_any(frame, scratch),
            Certainty::Certain => Ok(Message::Unrecognized(Unrecognized { frame: RawJson(frame) })),
        }
    }
}

/// Defines the decoder of one kind of frames. The definition names the record, the text with which these frames begin
/// (`begins`), a condition that only this kind meets (`has`), and the message. If the kind was guessed and the frame
/// is of another kind, `Certainty::otherwise` decodes the frame.
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
                    if !$it.is_told {
                        reader.cursor.finish()?;
                    }
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

#[derive(Debug)]
pub(super) struct Outline<'f> {
    /// The [bits](Outline::bit) of the members that the frame has, except members whose value is `null`.
    there: u64,
    /// The values of `e`, `type`, `s`, `symbol` and `result`.
    texts: [Option<RawJson<'f>>; 5],
    /// Whether one of the members that name the kind or the symbol occurs twice with different values.
    names_two: bool,
}

impl<'f> Outline<'f> {
    pub(super) const NAMES: &'static [&'static str] = &[
        "e",
        "type",
        "id",
        "status",
        "error",
        "result",
        "lastUpdateId",
        "orders",
        "s",
        "symbol",
        "X",
        "b",
        "B",
        "a",
        "A",
        "t",
        "p",
        "q",
        "m",
        "U",
        "u",
        "E",
        "P",
        "i",
    ];

    /// Returns the bit of one of [`NAMES`](Outline::NAMES), or of any other single letter; 0 for other names.
    const fn bit(name: &[u8]) -> u64 {
        match name {
            // The lowest six bits of letters are 1 to 26 and 33 to 58.
            [letter @ (b'A'..=b'Z' | b'a'..=b'z')] => 1 << (*letter & 63),
            b"type" => Outline::TYPE,
            b"id" => 1 << 27,
            b"status" => 1 << 28,
            b"error" => 1 << 29,
            b"result" => Outline::RESULT,
            b"lastUpdateId" => 1 << 31,
            b"orders" => 1 << 32,
            b"symbol" => Outline::SYMBOL,
            _ => 0,
        }
    }

    const TYPE: u64 = 1;
    const SYMBOL: u64 = 1 << 59;
    const RESULT: u64 = 1 << 30;
    const E: u64 = Outline::bit(b"e");
    const S: u64 = Outline::bit(b"s");

    pub(super) const fn bits(names: &[&str]) -> u64 {
        let (mut bits, mut rest) = (0, names);
        while let [name, behind @ ..] = rest {
            bits |= Outline::bit(name.as_bytes());
            rest = behind;
        }
        bits
    }

    /// Finds out which members a frame has. Skips some values unread, so the result may be `Ok` although the frame is
    /// not JSON.
    ///
    /// # Errors
    ///
    /// Returns the first error if the frame is not an object, or is found not to be JSON.
    pub(super) fn of(frame: &'f str) -> Result<Outline<'f>, DecodeError> {
        Outline::look(frame).map_err(|error| match check(frame) {
            Err(first) if first.offset() < error.offset() => first,
            _ => error,
        })
    }

    /// Returns `None` if the frame is not a JSON object as a whole.
    pub(super) fn whole(frame: &'f str) -> Option<Outline<'f>> {
        check(frame).and_then(|()| Outline::look(frame)).ok()
    }

    fn look(frame: &'f str) -> Result<Outline<'f>, DecodeError> {
        let mut reader = Reader::new(frame);
        let mut it = Outline { there: 0, texts: [None; 5], names_two: false };
        let mut place = Place::Before;
        while let Some(name) = reader.next_name(place, Outline::NAMES)? {
            let bit = Outline::bit(name);
            let value = value(&mut reader)?;
            it.there = if value.is_some() { it.there | bit } else { it.there & !bit };
            match bit {
                Outline::E => it.name(0, value),
                Outline::TYPE => it.name(1, value),
                Outline::S => it.name(2, value),
                Outline::SYMBOL => it.name(3, value),
                Outline::RESULT => it.texts[4] = value,
                _ => {}
            }
            place = Place::BehindValue;
        }
        reader.cursor.finish()?;
        Ok(it)
    }

    fn name(&mut self, place: usize, value: Option<RawJson<'f>>) {
        if let Some(text) = self.texts.get_mut(place) {
            let before = core::mem::replace(text, value);
            self.names_two |= before.is_some() && before != value;
        }
    }

    pub(super) fn contradicts(&self) -> bool {
        let [_, _, s, symbol, _] = self.texts;
        self.names_two || (s.is_some() && symbol.is_some() && s != symbol)
    }

    pub(super) const fn has(&self, bits: u64) -> bool {
        self.there & bits == bits
    }

    pub(super) fn kind(&self) -> Option<Text<'f>> {
        self.text(0)
    }

    pub(super) fn settled(&self) -> Option<Text<'f>> {
        self.text(1)
    }

    pub(super) fn is_error(&self) -> bool {
        self.text(4).is_some_and(|result| result == *"error")
    }

    /// Returns the symbol that the frame names in `symbol` or, without a valid symbol there, in `s`.
    pub(super) fn symbol(&self) -> Option<Symbol> {
        let symbol = |place| self.text(place)?.raw().parse().ok();
        symbol(3).or_else(|| symbol(2))
    }

    fn text(&self, place: usize) -> Option<Text<'f>> {
        let value = (*self.texts.get(place)?)?.as_str();
        value.strip_prefix('"')?.strip_suffix('"').map(Text)
    }
}

pub(super) fn unrecognized(frame: &str) -> Decoded<'_> {
    check(frame)?;
    Ok(Message::Unrecognized(Unrecognized { frame: RawJson(frame) }))
}

pub(super) fn check(frame: &str) -> Result<(), DecodeError> {
    let mut cursor = Cursor::new(frame);
    cursor.skip(0)?;
    cursor.finish()
}

/// Reads the value at the cursor; `None` for `null`. Does not check the inside of an object or array that
/// [`balanced`] can skip.
#[inline(always)]
fn value<'f>(reader: &mut Reader<'f, '_>) -> Result<Option<RawJson<'f>>, DecodeError> {
    reader.cursor.peek();
    let rest = reader.cursor.rest();
    let behind = match rest {
        [b'"', ..] => plain_string(rest),
        [b'1'..=b'9', ..] => plain_integer(rest),
        [b'{' | b'[', ..] => balanced(rest),
        _ => None,
    };
    let Some(behind) = behind else {
        let json = Json::take(reader)?;
        return Ok(if matches!(json.token, Token::Null) { None } else { Some(RawJson(json.raw)) });
    };
    reader.cursor.set_rest(behind);
    let (frame, end) = (reader.frame, reader.frame.len().wrapping_sub(behind.len()));
    Ok(Some(RawJson(frame.get(frame.len().wrapping_sub(rest.len())..end).unwrap_or_default())))
}
