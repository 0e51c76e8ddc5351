//! One pass over an object into a table of its members, one slot per known name.
//!
//! Nearly all names of the current API are single letters, so a slot number is the letter itself; the
//! few long names take numbers that are no letters. Numbers and levels are read in the same pass,
//! since their ends have to be found anyway.

use alloc::vec::Vec;

use super::names::{ASKS, BIDS, Names, letter, set};
use crate::json::cursor::{Cursor, Number, RawString};
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::Level;
use crate::value::decimal::{Decimal, DecimalError};

/// Members whose array holds levels, with the side that it holds.
const BID_SLOTS: u128 = set(&[letter(b'b'), BIDS]);
const ASK_SLOTS: u128 = set(&[letter(b'a'), ASKS]);

/// A value of the frame: where it stands, without quotes, and what it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) token: Token,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Token {
    Null,
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

/// Where the levels go: bids and asks.
pub(super) type Sides<'s> = (&'s mut Vec<Level>, &'s mut Vec<Level>);

/// Levels are read at the top of a frame of the current API only, where there are sides for them.
pub(super) fn object(
    frame: &str,
    cursor: &mut Cursor<'_>,
    names: &'static Names,
    table: &mut [Member],
    mut sides: Option<Sides<'_>>,
) -> Result<u128, DecodeError> {
    if cursor.peek() != b'{' {
        let kind = if cursor.rest().is_empty() {
            DecodeErrorKind::UnexpectedEnd
        } else {
            DecodeErrorKind::NotAnObject
        };
        return Err(cursor.error(kind));
    }
    cursor.advance(1);
    let mut present = 0_u128;
    let mut hint = 0;
    if cursor.peek() == b'}' {
        cursor.advance(1);
        return Ok(present);
    }
    loop {
        match name(cursor, frame, names, &mut hint)? {
            Some(slot) => {
                let member = value(cursor, 1 << slot, &mut sides)?;
                // An absent member and `null` mean the same; of two, the last one counts.
                let known = !matches!(member.token, Token::Null);
                present = (present & !(1 << slot)) | (u128::from(known) << slot);
                if let Some(entry) = table.get_mut(usize::from(slot)) {
                    *entry = member;
                }
            }
            None => cursor.skip(1)?,
        }
        if !cursor.another(b'}')? {
            return Ok(present);
        }
    }
}

/// Takes a name and its colon; the slot is `None` for an unknown one.
#[inline]
fn name(
    cursor: &mut Cursor<'_>,
    frame: &str,
    names: &Names,
    hint: &mut usize,
) -> Result<Option<u8>, DecodeError> {
    if names.letters
        && let [b'"', name, b'"', b':', rest @ ..] = cursor.rest()
        && name.is_ascii_alphabetic()
    {
        cursor.set_rest(rest);
        return Ok(Some(letter(*name)));
    }
    // The name that the venue writes here, most of the time.
    if let Some((expected, slot)) = names.long.get(*hint)
        && let [b'"', rest @ ..] = cursor.rest()
        && let Some([b'"', b':', rest @ ..]) = rest.strip_prefix(expected.as_bytes())
    {
        cursor.set_rest(rest);
        *hint = hint.wrapping_add(1);
        return Ok(Some(*slot));
    }
    let key = cursor.key()?;
    Ok(names.slot(frame.get(key.start..key.end).unwrap_or_default(), key.escaped, hint))
}

/// Takes a value; `slot` is the set of its one slot.
#[inline]
fn value(cursor: &mut Cursor<'_>, slot: u128, sides: &mut Option<Sides<'_>>) -> Result<Member, DecodeError> {
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
            let side = match sides {
                Some((bids, _)) if slot & BID_SLOTS != 0 => Some(bids),
                Some((_, asks)) if slot & ASK_SLOTS != 0 => Some(asks),
                _ => None,
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

/// A decimal of market data, which is never negative.
pub(super) fn market_decimal(text: &[u8]) -> Result<Decimal, DecodeErrorKind> {
    let decimal = Decimal::parse(text).map_err(|error| match error {
        DecimalError::Invalid => DecodeErrorKind::Decimal,
        DecimalError::Precision => DecodeErrorKind::Precision,
    })?;
    if decimal.is_negative() { Err(DecodeErrorKind::Negative) } else { Ok(decimal) }
}
