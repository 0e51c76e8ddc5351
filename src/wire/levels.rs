//! Readers of the levels of a book in a frame.

use alloc::vec::Vec;

use crate::json::cursor::{Cursor, RawString};
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::Level;
use crate::value::decimal::{Decimal, DecimalError};

/// Reads the rest of an array of levels, after its opening bracket, and adds the levels to `into`. Returns the start
/// and the end of the new levels in `into`.
#[inline]
pub(super) fn levels(cursor: &mut Cursor<'_>, into: &mut Vec<Level>) -> Result<(usize, usize), DecodeError> {
    let start = into.len();
    if cursor.peek() == b']' {
        cursor.advance(1);
        return Ok((start, start));
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
            return Ok((start, into.len()));
        }
    }
}

/// Reads a level in the venue's own spelling, `["83361.25000","0.0043000000"]`. Returns `None` for any other
/// spelling, and for numbers with more digits than this fast way can read.
#[inline]
fn plain_level(text: &[u8]) -> Option<(Level, &[u8])> {
    let [b'[', b'"', text @ ..] = text else { return None };
    let (price, length) = Decimal::parse_quoted_short(text)?;
    let [b'"', b',', b'"', text @ ..] = text.get(length..)? else { return None };
    let (quantity, length) = Decimal::parse_quoted_short(text)?;
    let [b'"', b']', text @ ..] = text.get(length..)? else { return None };
    Some((Level { price, quantity }, text))
}

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
        let digits = text.get(range).map(str::from_utf8).and_then(Result::ok).unwrap_or_default();
        market_number(digits, !quoted).map_err(|kind| DecodeError::new(kind, offset))
    };
    if cursor.peek() != b'[' {
        return Err(cursor.error(DecodeErrorKind::Type));
    }
    cursor.advance(1);
    // If the text is not JSON, the caller finds this out when it skips the array.
    let price = number(cursor)?;
    cursor.expect(b',').map_err(|error| DecodeError::new(DecodeErrorKind::Type, error.offset()))?;
    let quantity = number(cursor)?;
    cursor.expect(b']').map_err(|error| DecodeError::new(DecodeErrorKind::Type, error.offset()))?;
    Ok(Level { price, quantity })
}

pub(super) fn market_decimal(text: &[u8]) -> Result<Decimal, DecodeErrorKind> {
    let decimal = Decimal::parse(text).map_err(kind_of)?;
    if decimal.is_negative() { Err(DecodeErrorKind::Negative) } else { Ok(decimal) }
}

/// Parses a decimal that must not be negative. A JSON number (`is_number`) may have an exponent.
pub(super) fn market_number(digits: &str, is_number: bool) -> Result<Decimal, DecodeErrorKind> {
    match digits.split_once(['e', 'E']).filter(|_| is_number) {
        None => market_decimal(digits.as_bytes()),
        Some((mantissa, exponent)) => {
            let is_zero = !mantissa.contains(|digit| matches!(digit, '1'..='9'));
            if mantissa.starts_with('-') && !is_zero {
                return Err(DecodeErrorKind::Negative);
            }
            Decimal::scientific(mantissa, exponent).map_err(kind_of)
        }
    }
}

const fn kind_of(error: DecimalError) -> DecodeErrorKind {
    match error {
        DecimalError::Invalid => DecodeErrorKind::Decimal,
        DecimalError::Precision => DecodeErrorKind::Precision,
    }
}
