//! One pass over a frame into a table of its members, one slot per known name.
//!
//! Nearly all names of this venue are single letters, so a slot number is the letter itself; the
//! few long names take numbers that are no letters. Numbers and levels are read in the same pass,
//! since their ends have to be found anyway.

use alloc::vec::Vec;

use super::Scratch;
use crate::decimal::{Decimal, DecimalError};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::message::{Level, RawJson, Text};
use crate::scan::{Cursor, Number, RawString};
use crate::time::Timestamp;

/// Slots of the table; a set of slots is a `u64`.
pub(super) const SLOTS: usize = 64;

/// The slot of a one-letter name.
pub(super) const fn letter(name: u8) -> u8 {
    debug_assert!(name.is_ascii_alphabetic());
    name.wrapping_sub(b'@')
}

/// The slots of longer names: numbers that no letter has.
const LONG_NAMES: [(&str, u8); 10] = [
    ("id", ID),
    ("status", STATUS),
    ("error", ERROR),
    ("result", RESULT),
    ("rateLimits", RATE_LIMITS),
    ("lastUpdateId", LAST_UPDATE_ID),
    ("bids", BIDS),
    ("asks", ASKS),
    ("symbol", SYMBOL),
    ("code", CODE),
];
pub(super) const ID: u8 = 0;
pub(super) const STATUS: u8 = 27;
pub(super) const ERROR: u8 = 28;
pub(super) const RESULT: u8 = 29;
pub(super) const RATE_LIMITS: u8 = 30;
pub(super) const LAST_UPDATE_ID: u8 = 31;
pub(super) const BIDS: u8 = 32;
pub(super) const ASKS: u8 = 59;
pub(super) const SYMBOL: u8 = 60;
/// Of an `error`, not of a frame.
pub(super) const CODE: u8 = 61;

/// Members whose array holds levels, with the side that it holds.
const BID_SLOTS: u64 = set(&[letter(b'b'), BIDS]);
const ASK_SLOTS: u64 = set(&[letter(b'a'), ASKS]);

/// The set of the given slots.
pub(super) const fn set(slots: &[u8]) -> u64 {
    let mut set = 0;
    let mut rest = slots;
    while let [slot, tail @ ..] = rest {
        set |= 1 << *slot;
        rest = tail;
    }
    set
}

/// The name of a slot; `letter` is room for a one-letter name.
pub(crate) fn member_name(slot: u8, letter: &mut [u8; 4]) -> &str {
    match LONG_NAMES.iter().find(|(_, of)| *of == slot) {
        Some((name, _)) => name,
        None => char::from(slot.wrapping_add(b'@')).encode_utf8(letter),
    }
}

/// A value of the frame: where it stands, without quotes, and what it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    start: u32,
    end: u32,
    token: Token,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Token {
    Text {
        escaped: bool,
    },
    /// A quoted decimal.
    Decimal(Decimal),
    Integer {
        negative: bool,
        magnitude: u64,
    },
    /// A number with fraction or exponent, or beyond 64 bits.
    Number,
    Boolean(bool),
    Null,
    Object,
    Array,
    /// An array of levels: where they stand in the scratch. A side may have two, under its long
    /// and its short name.
    Levels {
        start: u32,
        end: u32,
    },
    /// An array where levels should be.
    NoLevels(DecodeError),
}

impl Member {
    pub(super) const EMPTY: Member = Member { start: 0, end: 0, token: Token::Null };
}

/// The members of one frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Members<'f> {
    frame: &'f str,
    pub(super) present: u64,
    table: &'f [Member; SLOTS],
    bids: &'f [Level],
    asks: &'f [Level],
}

/// Reads the whole frame.
pub(super) fn scan<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Result<Members<'f>, DecodeError> {
    scratch.bids.clear();
    scratch.asks.clear();
    let mut cursor = Cursor::new(frame);
    if cursor.peek() != b'{' {
        let kind = if cursor.rest().is_empty() {
            DecodeErrorKind::UnexpectedEnd
        } else {
            DecodeErrorKind::NotAnObject
        };
        return Err(cursor.error(kind));
    }
    cursor.advance(1);
    let mut present = 0_u64;
    if cursor.peek() == b'}' {
        cursor.advance(1);
    } else {
        loop {
            let slot = name(&mut cursor, frame)?;
            match slot {
                Some(slot) => {
                    let member = value(&mut cursor, 1 << slot, &mut scratch.bids, &mut scratch.asks)?;
                    // An absent member and `null` mean the same; of two, the last one counts.
                    let known = !matches!(member.token, Token::Null);
                    present = (present & !(1 << slot)) | (u64::from(known) << slot);
                    if let Some(entry) = scratch.members.get_mut(usize::from(slot)) {
                        *entry = member;
                    }
                }
                None => cursor.skip(1)?,
            }
            if !cursor.another(b'}')? {
                break;
            }
        }
    }
    cursor.finish()?;
    Ok(Members { frame, present, table: &scratch.members, bids: &scratch.bids, asks: &scratch.asks })
}

/// Takes a name and its colon; the slot is `None` for an unknown one.
#[inline]
fn name(cursor: &mut Cursor<'_>, frame: &str) -> Result<Option<u8>, DecodeError> {
    if let [b'"', name, b'"', b':', rest @ ..] = cursor.rest()
        && name.is_ascii_alphabetic()
    {
        cursor.set_rest(rest);
        return Ok(Some(letter(*name)));
    }
    let key = cursor.key()?;
    Ok(long_name(frame.get(key.start..key.end).unwrap_or_default()))
}

fn long_name(name: &str) -> Option<u8> {
    if name.contains('\\') {
        return escaped_name(name);
    }
    match name.as_bytes() {
        [letter_byte] if letter_byte.is_ascii_alphabetic() => Some(letter(*letter_byte)),
        _ => LONG_NAMES.iter().find(|(long, _)| *long == name).map(|(_, slot)| *slot),
    }
}

/// No peer escapes a letter, but JSON says that `"\u0065"` is `"e"`.
#[cold]
fn escaped_name(name: &str) -> Option<u8> {
    let letters = (b'A'..=b'Z').chain(b'a'..=b'z').map(letter);
    letters.chain(LONG_NAMES.iter().map(|(_, slot)| *slot)).find(|slot| {
        let mut room = [0; 4];
        Text(name) == *member_name(*slot, &mut room)
    })
}

/// Takes a value; `slot` is the set of its one slot.
#[inline]
fn value(
    cursor: &mut Cursor<'_>,
    slot: u64,
    bids: &mut Vec<Level>,
    asks: &mut Vec<Level>,
) -> Result<Member, DecodeError> {
    let first = cursor.peek();
    let (start, behind) = (cursor.offset(), cursor.rest());
    let member = |end: usize, token| Member { start: start as u32, end: end as u32, token };
    let token = match first {
        b'"' => return quoted(cursor),
        b'-' | b'0'..=b'9' => match cursor.number()? {
            Number::Integer { negative, magnitude } => Token::Integer { negative, magnitude },
            Number::Other => Token::Number,
        },
        b'[' => {
            let side = if slot & BID_SLOTS != 0 {
                Some(bids)
            } else if slot & ASK_SLOTS != 0 {
                Some(asks)
            } else {
                None
            };
            cursor.advance(1);
            match side.map(|side| levels(cursor, side)) {
                Some(Ok(levels)) => levels,
                Some(Err(error)) => {
                    // Perhaps it is no frame with levels at all: that is decided later.
                    cursor.set_rest(behind);
                    cursor.skip(1)?;
                    Token::NoLevels(error)
                }
                None => {
                    cursor.set_rest(behind);
                    cursor.skip(1)?;
                    Token::Array
                }
            }
        }
        b'{' => {
            cursor.skip(1)?;
            Token::Object
        }
        b't' => {
            cursor.literal("true")?;
            Token::Boolean(true)
        }
        b'f' => {
            cursor.literal("false")?;
            Token::Boolean(false)
        }
        b'n' => {
            cursor.literal("null")?;
            Token::Null
        }
        _ => return Err(cursor.unexpected()),
    };
    Ok(member(cursor.offset(), token))
}

/// Takes a string, as a decimal if it is one of ordinary length.
#[inline]
fn quoted(cursor: &mut Cursor<'_>) -> Result<Member, DecodeError> {
    let start = cursor.offset().wrapping_add(1);
    let inside = cursor.rest().get(1..).unwrap_or_default();
    if let Some((decimal, length)) = Decimal::parse_quoted_short(inside) {
        cursor.advance(length.wrapping_add(2));
        let end = start.wrapping_add(length);
        return Ok(Member { start: start as u32, end: end as u32, token: Token::Decimal(decimal) });
    }
    let RawString { start, end, escaped } = cursor.string()?;
    Ok(Member { start: start as u32, end: end as u32, token: Token::Text { escaped } })
}

/// Takes the rest of an array of levels; the cursor stands behind its bracket.
#[inline]
pub(super) fn levels(cursor: &mut Cursor<'_>, into: &mut Vec<Level>) -> Result<Token, DecodeError> {
    let start = into.len() as u32;
    if cursor.peek() == b']' {
        cursor.advance(1);
        return Ok(Token::Levels { start, end: start });
    }
    loop {
        let level = match plain_level(cursor.rest()) {
            Some((level, rest)) => {
                cursor.set_rest(rest);
                level
            }
            None => any_level(cursor)?,
        };
        into.push(level);
        if !cursor.another(b']')? {
            return Ok(Token::Levels { start, end: into.len() as u32 });
        }
    }
}

/// A level in the venue's own spelling, `["83361.25000","0.0043000000"]`.
#[inline]
fn plain_level(text: &[u8]) -> Option<(Level, &[u8])> {
    let [b'[', b'"', text @ ..] = text else { return None };
    let (price, length) = Decimal::parse_quoted_short(text)?;
    let [b'"', b',', b'"', text @ ..] = text.get(length..)? else { return None };
    let (quantity, length) = Decimal::parse_quoted_short(text)?;
    let [b'"', b']', text @ ..] = text.get(length..)? else { return None };
    Some((Level { price, quantity }, text))
}

/// A level in any spelling that JSON allows, and long numbers.
#[cold]
fn any_level(cursor: &mut Cursor<'_>) -> Result<Level, DecodeError> {
    let number = |cursor: &mut Cursor<'_>| {
        let quoted = cursor.peek() == b'"';
        let begin = cursor.offset();
        let text = cursor.rest();
        let range = if quoted {
            let RawString { start, end, .. } = cursor.string()?;
            start.wrapping_sub(begin)..end.wrapping_sub(begin)
        } else if matches!(cursor.peek(), b'-' | b'0'..=b'9') {
            cursor.number()?;
            0..cursor.offset().wrapping_sub(begin)
        } else {
            return Err(cursor.error(DecodeErrorKind::Type));
        };
        let offset = begin.wrapping_add(range.start);
        market_decimal(text.get(range).unwrap_or_default()).map_err(|kind| DecodeError::new(kind, offset))
    };
    if cursor.peek() != b'[' {
        return Err(cursor.error(DecodeErrorKind::Type));
    }
    cursor.advance(1);
    // If this is no JSON at all, the skipping that follows an error says so.
    let price = number(cursor)?;
    cursor.expect(b',').map_err(|error| DecodeError::new(DecodeErrorKind::Type, error.offset()))?;
    let quantity = number(cursor)?;
    cursor.expect(b']').map_err(|error| DecodeError::new(DecodeErrorKind::Type, error.offset()))?;
    Ok(Level { price, quantity })
}

/// A decimal of market data, which is never negative (section 17).
fn market_decimal(text: &[u8]) -> Result<Decimal, DecodeErrorKind> {
    let decimal = Decimal::parse(text).map_err(|error| match error {
        DecimalError::Invalid => DecodeErrorKind::Decimal,
        DecimalError::Precision => DecodeErrorKind::Precision,
    })?;
    if decimal.is_negative() { Err(DecodeErrorKind::Negative) } else { Ok(decimal) }
}

impl<'f> Members<'f> {
    pub(super) const fn has(&self, slots: u64) -> bool {
        self.present & slots == slots
    }

    pub(super) const fn frame(&self) -> &'f str {
        self.frame
    }

    /// An error about a member, at its value, or at the end of the frame if it is not there.
    pub(super) fn error(&self, slot: u8, kind: DecodeErrorKind) -> DecodeError {
        let offset =
            self.get(slot).map_or(self.frame.len().saturating_sub(1), |member| member.start as usize);
        DecodeError::of_member(kind, offset, slot)
    }

    #[inline]
    fn get(&self, slot: u8) -> Option<&'f Member> {
        if self.present & (1 << slot) == 0 { None } else { self.table.get(usize::from(slot)) }
    }

    #[inline]
    fn require(&self, slot: u8) -> Result<&'f Member, DecodeError> {
        self.get(slot).ok_or_else(|| self.error(slot, DecodeErrorKind::Missing))
    }

    #[inline]
    fn slice(&self, member: &Member) -> &'f str {
        self.frame.get(member.start as usize..member.end as usize).unwrap_or_default()
    }

    /// A string without escapes, such as a name.
    #[inline]
    pub(super) fn plain(&self, slot: u8) -> Result<&'f str, DecodeError> {
        let member = self.require(slot)?;
        match member.token {
            Token::Text { escaped: false } | Token::Decimal(_) => Ok(self.slice(member)),
            Token::Text { escaped: true } => Err(self.error(slot, DecodeErrorKind::Escape)),
            _ => Err(self.error(slot, DecodeErrorKind::Type)),
        }
    }

    /// A string, if the member is there and is one.
    pub(super) fn text_if_any(&self, slot: u8) -> Option<Text<'f>> {
        let member = self.get(slot)?;
        match member.token {
            Token::Text { .. } | Token::Decimal(_) => Some(Text(self.slice(member))),
            _ => None,
        }
    }

    pub(super) fn text(&self, slot: u8) -> Result<Text<'f>, DecodeError> {
        self.require(slot)?;
        self.text_if_any(slot).ok_or_else(|| self.error(slot, DecodeErrorKind::Type))
    }

    #[inline]
    pub(super) fn unsigned(&self, slot: u8) -> Result<u64, DecodeError> {
        match self.require(slot)?.token {
            Token::Integer { negative: false, magnitude } => Ok(magnitude),
            Token::Integer { magnitude: 0, .. } => Ok(0),
            Token::Integer { .. } => Err(self.error(slot, DecodeErrorKind::Integer)),
            Token::Number => Err(self.error(slot, DecodeErrorKind::Integer)),
            _ => Err(self.error(slot, DecodeErrorKind::Type)),
        }
    }

    #[inline]
    pub(super) fn signed(&self, slot: u8) -> Result<i64, DecodeError> {
        let out_of_range = |_| self.error(slot, DecodeErrorKind::Integer);
        match self.require(slot)?.token {
            Token::Integer { negative: false, magnitude } => i64::try_from(magnitude).map_err(out_of_range),
            Token::Integer { negative: true, magnitude } => {
                let value = 0_i64.checked_sub_unsigned(magnitude);
                value.ok_or_else(|| self.error(slot, DecodeErrorKind::Integer))
            }
            Token::Number => Err(self.error(slot, DecodeErrorKind::Integer)),
            _ => Err(self.error(slot, DecodeErrorKind::Type)),
        }
    }

    /// An integer that older pages show as text (section 4).
    pub(super) fn signed_or_text(&self, slot: u8) -> Result<i64, DecodeError> {
        match self.text_if_any(slot) {
            Some(text) => text.raw().parse().map_err(|_| self.error(slot, DecodeErrorKind::Integer)),
            None => self.signed(slot),
        }
    }

    #[inline]
    pub(super) fn nanoseconds(&self, slot: u8) -> Result<Timestamp, DecodeError> {
        self.signed(slot).map(Timestamp::from_nanos)
    }

    pub(super) fn milliseconds(&self, slot: u8) -> Result<Timestamp, DecodeError> {
        let time = Timestamp::from_millis(self.signed(slot)?);
        time.ok_or_else(|| self.error(slot, DecodeErrorKind::Integer))
    }

    pub(super) fn boolean(&self, slot: u8) -> Result<bool, DecodeError> {
        match self.require(slot)?.token {
            Token::Boolean(value) => Ok(value),
            _ => Err(self.error(slot, DecodeErrorKind::Type)),
        }
    }

    /// A price or quantity.
    #[inline]
    pub(super) fn decimal(&self, slot: u8) -> Result<Decimal, DecodeError> {
        let member = self.require(slot)?;
        match member.token {
            Token::Decimal(decimal) => Ok(decimal),
            Token::Text { .. } | Token::Integer { .. } | Token::Number => {
                market_decimal(self.slice(member).as_bytes()).map_err(|kind| self.error(slot, kind))
            }
            _ => Err(self.error(slot, DecodeErrorKind::Type)),
        }
    }

    /// A number that may be negative.
    pub(super) fn signed_decimal(&self, slot: u8) -> Result<Decimal, DecodeError> {
        let member = self.require(slot)?;
        let text = self.slice(member).as_bytes();
        match self.decimal(slot) {
            Err(error) if error.kind() == DecodeErrorKind::Negative => {
                Decimal::parse(text).map_err(|_| self.error(slot, DecodeErrorKind::Decimal))
            }
            other => other,
        }
    }

    /// One side of a ticker: an empty text or a zero is no level (quirk Q-B1), and neither is a side
    /// that is not there.
    #[inline]
    pub(super) fn side(&self, price: u8, quantity: u8) -> Result<Option<Level>, DecodeError> {
        let part = |slot: u8| match self.get(slot) {
            None => Ok(None),
            Some(Member { token: Token::Text { .. }, start, end }) if start == end => Ok(None),
            Some(_) => self.decimal(slot).map(|decimal| Some(decimal).filter(|decimal| !decimal.is_zero())),
        };
        let (price, quantity) = (part(price)?, part(quantity)?);
        Ok(price.zip(quantity).map(|(price, quantity)| Level { price, quantity }))
    }

    #[inline]
    pub(super) fn bids(&self, slot: u8) -> Result<&'f [Level], DecodeError> {
        self.levels(slot, self.bids)
    }

    #[inline]
    pub(super) fn asks(&self, slot: u8) -> Result<&'f [Level], DecodeError> {
        self.levels(slot, self.asks)
    }

    fn levels(&self, slot: u8, side: &'f [Level]) -> Result<&'f [Level], DecodeError> {
        match self.require(slot)?.token {
            Token::Levels { start, end } => Ok(side.get(start as usize..end as usize).unwrap_or_default()),
            Token::NoLevels(error) => Err(DecodeError::of_member(error.kind(), error.offset(), slot)),
            _ => Err(self.error(slot, DecodeErrorKind::Type)),
        }
    }

    /// Any value, as it stands.
    pub(super) fn raw_if_any(&self, slot: u8) -> Option<RawJson<'f>> {
        let member = self.get(slot)?;
        let (start, end) = (member.start as usize, member.end as usize);
        let range = match member.token {
            // With its quotes.
            Token::Text { .. } | Token::Decimal(_) => start.wrapping_sub(1)..end.wrapping_add(1),
            _ => start..end,
        };
        self.frame.get(range).map(RawJson)
    }

    /// Whether the member is an unsigned integer.
    pub(super) fn unsigned_if_any(&self, slot: u8) -> Option<u64> {
        self.get(slot).and_then(|_| self.unsigned(slot).ok())
    }

    /// The cursor at the object that a member is.
    pub(super) fn object(&self, slot: u8) -> Result<Cursor<'f>, DecodeError> {
        let member = self.require(slot)?;
        match member.token {
            Token::Object => Ok(Cursor::at(self.frame, member.start as usize)),
            _ => Err(self.error(slot, DecodeErrorKind::Type)),
        }
    }
}

/// The members `code` and `msg` of an error; the cursor stands at its bracket.
pub(super) fn code_and_message<'f>(
    frame: &'f str,
    mut cursor: Cursor<'f>,
) -> Result<(Option<i64>, Option<Text<'f>>), DecodeError> {
    // Of two, the last one counts, so nothing is read before the end.
    let (mut code, mut message) = (None, None);
    cursor.expect(b'{')?;
    if cursor.peek() == b'}' {
        return Ok((None, None));
    }
    loop {
        let key = cursor.key()?;
        let key = Text(frame.get(key.start..key.end).unwrap_or_default());
        cursor.peek();
        let start = cursor.offset();
        cursor.skip(2)?;
        let value = frame.get(start..cursor.offset()).unwrap_or_default();
        if key == *"code" {
            code = Some((start, value)).filter(|_| value != "null");
        } else if key == *"msg" {
            message = unquoted(value).map(Text);
        }
        if !cursor.another(b'}')? {
            break;
        }
    }
    let Some((start, digits)) = code else { return Ok((None, message)) };
    let wrong = |_| DecodeError::of_member(DecodeErrorKind::Integer, start, CODE);
    let code = unquoted(digits).unwrap_or(digits).parse().map_err(wrong)?;
    Ok((Some(code), message))
}

fn unquoted(value: &str) -> Option<&str> {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"'))
}
