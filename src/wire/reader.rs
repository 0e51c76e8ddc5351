//! [`Reader`]: a frame and the position in it; [`Value`]: a kind of value that can be read at this position.

use crate::json::cursor::{self, Cursor, RawString};
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::Text;
use crate::value::decimal::Decimal;
use crate::wire::levels::market_decimal;
use crate::wire::scratch::Scratch;

#[derive(Clone, Copy, Debug)]
pub(super) enum Slot<T> {
    /// The member is missing, or its value is `null`.
    Absent,
    /// An empty text, which is no valid value of this kind. Contains the error and its offset in the frame.
    Empty(DecodeErrorKind, u32),
    /// Any other invalid value. Contains the error and its offset in the frame.
    Wrong(DecodeErrorKind, u32),
    Value(T),
}

impl<T> Slot<T> {
    pub(super) fn map<U>(self, of: impl FnOnce(T) -> U) -> Slot<U> {
        match self {
            Slot::Absent => Slot::Absent,
            Slot::Empty(kind, offset) => Slot::Empty(kind, offset),
            Slot::Wrong(kind, offset) => Slot::Wrong(kind, offset),
            Slot::Value(value) => Slot::Value(of(value)),
        }
    }
}

pub(super) struct Reader<'f, 's> {
    pub(super) frame: &'f str,
    pub(super) cursor: Cursor<'f>,
    pub(super) scratch: Option<&'s mut Scratch>,
    /// The names of the members that show the kind of the object. If the object has such a member that the record
    /// does not have, the reader sets `is_told` of the record.
    pub(super) telling: &'static [&'static str],
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    Before,
    BehindValue,
}

impl<'f, 's> Reader<'f, 's> {
    #[inline(always)]
    pub(super) const fn new(frame: &'f str) -> Reader<'f, 's> {
        Reader { frame, cursor: Cursor::new(frame), scratch: None, telling: &[] }
    }

    /// Returns a reader at the same position, for an object that is the value of a member.
    #[inline(always)]
    pub(super) fn inner(&self) -> Reader<'f, 's> {
        let mut inner = Reader { cursor: self.cursor.clone(), ..Reader::new(self.frame) };
        inner.cursor.enter(1);
        inner
    }

    pub(super) fn clear_levels(&mut self) {
        if let Some(scratch) = &mut self.scratch {
            scratch.clear_levels();
        }
    }

    #[inline(always)]
    pub(super) fn take(&mut self, text: &'static str) -> bool {
        match behind(self.cursor.rest(), text) {
            Some(rest) => {
                self.cursor.set_rest(rest);
                true
            }
            None => false,
        }
    }

    /// Reads the name of the next member, and moves the cursor to its value. At the end of the object, moves the
    /// cursor past the end and returns `None`. If the name has escapes, returns the name in `names` that it stands
    /// for.
    #[inline(always)]
    pub(super) fn next_name(
        &mut self,
        place: Place,
        names: &[&'static str],
    ) -> Result<Option<&'f [u8]>, DecodeError> {
        let rest = self.cursor.rest();
        let before = if place == Place::Before { b'{' } else { b',' };
        if let [first, b'"', name @ .., b'"', b':'] = rest.get(..5).unwrap_or_default()
            && *first == before
            && name.iter().all(u8::is_ascii_alphabetic)
        {
            self.cursor.advance(5);
            return Ok(Some(name));
        }
        if let [first, b'"', inside @ ..] = rest
            && *first == before
            && let Some((length, behind)) = cursor::plain_key(inside)
        {
            self.cursor.set_rest(behind);
            return Ok(Some(inside.get(..length).unwrap_or_default()));
        }
        Ok(self.any_name(place)?.map(|name| self.name(name, names).as_bytes()))
    }

    #[inline(never)]
    fn any_name(&mut self, place: Place) -> Result<Option<RawString>, DecodeError> {
        match place {
            Place::Before => {
                if self.cursor.peek() != b'{' {
                    let nothing = self.cursor.rest().is_empty();
                    let kind =
                        if nothing { DecodeErrorKind::UnexpectedEnd } else { DecodeErrorKind::NotAnObject };
                    return Err(self.cursor.error(kind));
                }
                self.cursor.advance(1);
                if self.cursor.peek() == b'}' {
                    self.cursor.advance(1);
                    return Ok(None);
                }
            }
            Place::BehindValue if !self.cursor.another(b'}')? => return Ok(None),
            Place::BehindValue => {}
        }
        self.cursor.key().map(Some)
    }

    /// Skips the value of a member that the record does not have. Returns whether `name` is in `telling`.
    pub(super) fn skip(&mut self, name: &[u8]) -> Result<bool, DecodeError> {
        match cursor::plain_string(self.cursor.rest()) {
            Some(behind) => self.cursor.set_rest(behind),
            None => self.cursor.skip(1)?,
        }
        Ok(self.telling.iter().any(|telling| telling.as_bytes() == name))
    }

    fn name(&self, name: RawString, names: &[&'static str]) -> &'f str {
        let text = self.frame.get(name.start..name.end).unwrap_or_default();
        if name.escaped { Self::unescaped(text, names, self.telling) } else { text }
    }

    #[cold]
    fn unescaped(text: &'f str, names: &[&'static str], telling: &[&'static str]) -> &'f str {
        names.iter().chain(telling).find(|name| Text(text) == ***name).copied().unwrap_or(text)
    }
}

#[inline(always)]
pub(super) fn behind<'f>(rest: &'f [u8], text: &'static str) -> Option<&'f [u8]> {
    rest.strip_prefix(text.as_bytes())
}

/// A kind of value that a member can have, and how to read a value of this kind.
pub(super) trait Value: Sized {
    type Is<'f>: Copy;

    fn of<'f>(json: &Json<'f>) -> Result<Self::Is<'f>, DecodeErrorKind>;

    /// Reads the value at the start of `rest` if it has the venue's usual spelling. Returns the value and the bytes
    /// after it. The cursor of the reader does not move.
    #[inline(always)]
    fn usual<'f>(_reader: &mut Reader<'f, '_>, _rest: &'f [u8]) -> Option<(Self::Is<'f>, &'f [u8])> {
        None
    }

    #[inline(always)]
    fn is_empty(_value: &Self::Is<'_>) -> bool {
        false
    }

    /// Reads the value at the cursor, in any spelling. An invalid value becomes a [`Slot`]; an error means that the
    /// frame is not JSON.
    #[cold]
    #[inline(never)]
    fn read_unusual<'f>(reader: &mut Reader<'f, '_>) -> Result<Slot<Self::Is<'f>>, DecodeError> {
        let json = Json::take(reader)?;
        Ok(match Self::of(&json) {
            _ if matches!(json.token, Token::Null) => Slot::Absent,
            Ok(value) => Slot::Value(value),
            Err(kind) if json.is_text() && json.text.is_empty() => Slot::Empty(kind, json.start as u32),
            Err(kind) => Slot::Wrong(kind, json.start as u32),
        })
    }
}

/// Reads the value at the cursor, in any spelling. Tries [`Value::usual`] first, because it is fast.
#[inline(always)]
pub(super) fn spelling<'f, V: Value>(reader: &mut Reader<'f, '_>) -> Result<Slot<V::Is<'f>>, DecodeError> {
    reader.cursor.peek();
    match V::usual(reader, reader.cursor.rest()) {
        // The number continues with a fraction or an exponent.
        Some((_, [b'.' | b'e' | b'E', ..])) | None => V::read_unusual(reader),
        Some((value, rest)) => {
            reader.cursor.set_rest(rest);
            Ok(Slot::Value(value))
        }
    }
}

/// A value of the frame: its texts with and without quotes, its offset, and its type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Json<'f> {
    pub(super) raw: &'f str,
    pub(super) text: &'f str,
    pub(super) start: usize,
    pub(super) token: Token,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Token {
    Null,
    Text {
        escaped: bool,
    },
    Integer {
        negative: bool,
        magnitude: u64,
    },
    /// A number with a fraction or an exponent, or an integer beyond 64 bits.
    Number,
    Boolean(bool),
    Object,
    Array,
}

impl<'f> Json<'f> {
    pub(super) fn take(reader: &mut Reader<'f, '_>) -> Result<Json<'f>, DecodeError> {
        let cursor = &mut reader.cursor;
        let first = cursor.peek();
        let start = cursor.offset();
        let token = match first {
            b'"' => {
                let RawString { start, end, escaped } = cursor.string()?;
                let text = reader.frame.get(start..end).unwrap_or_default();
                let raw = reader.frame.get(start.wrapping_sub(1)..end.wrapping_add(1)).unwrap_or_default();
                return Ok(Json { raw, text, start, token: Token::Text { escaped } });
            }
            b'-' | b'0'..=b'9' => match cursor.number()? {
                cursor::Number::Integer { negative, magnitude } => Token::Integer { negative, magnitude },
                cursor::Number::Other => Token::Number,
            },
            b'[' => cursor.skip(1).map(|()| Token::Array)?,
            b'{' => cursor.skip(1).map(|()| Token::Object)?,
            b't' => cursor.literal("true").map(|()| Token::Boolean(true))?,
            b'f' => cursor.literal("false").map(|()| Token::Boolean(false))?,
            b'n' => cursor.literal("null").map(|()| Token::Null)?,
            _ => return Err(cursor.unexpected()),
        };
        let raw = reader.frame.get(start..cursor.offset()).unwrap_or_default();
        Ok(Json { raw, text: raw, start, token })
    }

    pub(super) const fn unless_null<T: Copy>(&self, value: T) -> Slot<T> {
        match self.token {
            Token::Null => Slot::Absent,
            _ => Slot::Value(value),
        }
    }

    /// Returns the [`Slot`] for a value of the wrong type; [`Slot::Absent`] if the value is `null`.
    pub(super) const fn instead<T>(&self) -> Slot<T> {
        match self.token {
            Token::Null => Slot::Absent,
            _ => Slot::Wrong(DecodeErrorKind::Type, self.start as u32),
        }
    }

    pub(super) const fn is_text(&self) -> bool {
        matches!(self.token, Token::Text { .. })
    }

    /// The integer [may be written as text](crate::protocol::quirks#codes-as-text).
    pub(super) fn integer(&self) -> Result<(bool, u64), DecodeErrorKind> {
        match self.token {
            Token::Integer { negative, magnitude } => Ok((negative, magnitude)),
            Token::Text { .. } => {
                let digits = self.text.strip_prefix('-');
                let (negative, digits) = digits.map_or((false, self.text), |digits| (true, digits));
                let parsed = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok());
                let magnitude = parsed.flatten().ok_or(DecodeErrorKind::Integer)?;
                Ok((negative, magnitude))
            }
            Token::Number => Err(DecodeErrorKind::Integer),
            _ => Err(DecodeErrorKind::Type),
        }
    }

    pub(super) fn unsigned(&self) -> Result<u64, DecodeErrorKind> {
        match self.integer()? {
            (false, magnitude) | (true, magnitude @ 0) => Ok(magnitude),
            (true, _) => Err(DecodeErrorKind::Integer),
        }
    }

    pub(super) fn signed(&self) -> Result<i64, DecodeErrorKind> {
        let value = match self.integer()? {
            (false, magnitude) => i64::try_from(magnitude).ok(),
            (true, magnitude) => 0_i64.checked_sub_unsigned(magnitude),
        };
        value.ok_or(DecodeErrorKind::Integer)
    }

    pub(super) fn decimal(&self) -> Result<Decimal, DecodeErrorKind> {
        match self.token {
            Token::Text { .. } | Token::Integer { .. } | Token::Number => {
                market_decimal(self.text.as_bytes())
            }
            _ => Err(DecodeErrorKind::Type),
        }
    }

    pub(super) fn word(&self) -> Result<Text<'f>, DecodeErrorKind> {
        if self.is_text() { Ok(Text(self.text)) } else { Err(DecodeErrorKind::Type) }
    }

    pub(super) fn whole_text(&self) -> Result<Text<'f>, DecodeErrorKind> {
        let text = self.word()?;
        if text.is_whole() { Ok(text) } else { Err(DecodeErrorKind::Escape) }
    }
}
