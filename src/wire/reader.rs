//! [`Reader`]: what is read and where it stands; [`Value`]: a kind of value that can be read there.

use crate::json::cursor::{self, Cursor, RawString};
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::Text;
use crate::value::decimal::Decimal;
use crate::wire::levels::market_decimal;
use crate::wire::scratch::Scratch;

/// What was found of a member.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot<T> {
    /// It is not there, or `null`.
    Absent,
    /// An empty text, which this kind of value cannot be; why not, and where it stands.
    Empty(DecodeErrorKind, u32),
    /// Something else than it should be, and where it stands.
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

/// What a record is read from, and where levels go.
pub(super) struct Reader<'f, 's> {
    pub(super) frame: &'f str,
    pub(super) cursor: Cursor<'f>,
    /// Room for levels, if there is any.
    pub(super) scratch: Option<&'s mut Scratch>,
    /// Names that tell what kind of object this is, wherever they stand.
    pub(super) telling: &'static [&'static str],
}

/// Where a reader stands in an object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// Before it.
    Before,
    /// Behind a value.
    BehindValue,
}

impl<'f, 's> Reader<'f, 's> {
    #[inline(always)]
    pub(super) const fn new(frame: &'f str) -> Reader<'f, 's> {
        Reader { frame, cursor: Cursor::new(frame), scratch: None, telling: &[] }
    }

    /// A reader of an object that is the value of a member.
    #[inline(always)]
    pub(super) fn inner(&self) -> Reader<'f, 's> {
        let mut inner = Reader { cursor: self.cursor.clone(), ..Reader::new(self.frame) };
        inner.cursor.enter(1);
        inner
    }

    /// Forgets the levels that were read.
    pub(super) fn clear_levels(&mut self) {
        if let Some(scratch) = &mut self.scratch {
            scratch.clear_levels();
        }
    }

    /// Takes this very text.
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

    /// Goes to the next name, whatever is in between, and reads it; one with escapes is found among `names`. `None`
    /// behind the object.
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

    /// Takes the value of a name that the record does not have. Returns whether the name tells what this is.
    pub(super) fn skip(&mut self, name: &[u8]) -> Result<bool, DecodeError> {
        match cursor::plain_string(self.cursor.rest()) {
            Some(behind) => self.cursor.set_rest(behind),
            None => self.cursor.skip(1)?,
        }
        Ok(self.telling.iter().any(|telling| telling.as_bytes() == name))
    }

    /// What a name of the frame stands for.
    fn name(&self, name: RawString, names: &[&'static str]) -> &'f str {
        let text = self.frame.get(name.start..name.end).unwrap_or_default();
        if name.escaped { Self::unescaped(text, names, self.telling) } else { text }
    }

    /// No peer escapes a letter, but JSON says that `"\u0065"` is `"e"`.
    #[cold]
    fn unescaped(text: &'f str, names: &[&'static str], telling: &[&'static str]) -> &'f str {
        names.iter().chain(telling).find(|name| Text(text) == ***name).copied().unwrap_or(text)
    }
}

/// Behind this very text.
#[inline(always)]
pub(super) fn behind<'f>(rest: &'f [u8], text: &'static str) -> Option<&'f [u8]> {
    rest.strip_prefix(text.as_bytes())
}

/// A kind of value.
pub(super) trait Value: Sized {
    type Is<'f>: Copy;

    /// What a value of the frame is, whatever its spelling.
    fn of<'f>(json: &Json<'f>) -> Result<Self::Is<'f>, DecodeErrorKind>;

    /// Reads the value that `rest` begins with, if it is spelled as usual, and says what comes behind it. `None` says
    /// nothing; the reader has not moved.
    #[inline(always)]
    fn usual<'f>(_reader: &mut Reader<'f, '_>, _rest: &'f [u8]) -> Option<(Self::Is<'f>, &'f [u8])> {
        None
    }

    /// Whether a value says nothing, as an empty text does.
    #[inline(always)]
    fn is_empty(_value: &Self::Is<'_>) -> bool {
        false
    }

    /// Takes a value of any spelling; the cursor stands at it.
    ///
    /// An error is one of the frame, which is no JSON there.
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

/// Takes a value, in the usual spelling or another.
#[inline(always)]
pub(super) fn spelling<'f, V: Value>(reader: &mut Reader<'f, '_>) -> Result<Slot<V::Is<'f>>, DecodeError> {
    reader.cursor.peek();
    match V::usual(reader, reader.cursor.rest()) {
        // Behind its digits a number may have more.
        Some((_, [b'.' | b'e' | b'E', ..])) | None => V::read_unusual(reader),
        Some((value, rest)) => {
            reader.cursor.set_rest(rest);
            Ok(Slot::Value(value))
        }
    }
}

/// A value of the frame: its text, without quotes, and what it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Json<'f> {
    /// The text of the value, quotes included.
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
    /// A number with fraction or exponent, or beyond 64 bits.
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

    /// A value that stands for anything but `null`.
    pub(super) const fn unless_null<T: Copy>(&self, value: T) -> Slot<T> {
        match self.token {
            Token::Null => Slot::Absent,
            _ => Slot::Value(value),
        }
    }

    /// What is found where something else should be.
    pub(super) const fn instead<T>(&self) -> Slot<T> {
        match self.token {
            Token::Null => Slot::Absent,
            _ => Slot::Wrong(DecodeErrorKind::Type, self.start as u32),
        }
    }

    pub(super) const fn is_text(&self) -> bool {
        matches!(self.token, Token::Text { .. })
    }

    /// An integer, which [may be written as text](crate::protocol::quirks#codes-as-text): its sign and magnitude.
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

    /// A text that says something exactly: without half a surrogate pair.
    pub(super) fn whole_text(&self) -> Result<Text<'f>, DecodeErrorKind> {
        let text = self.word()?;
        if text.is_whole() { Ok(text) } else { Err(DecodeErrorKind::Escape) }
    }
}
