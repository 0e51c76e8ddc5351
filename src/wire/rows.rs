//! Arrays of numbers in frames of [market data v2](crate::protocol::market_data_v2): changes of a book, and candles.

use super::levels::market_number;
use super::lists::{At, elements, list};
use super::reader::{Json, Reader, Slot, Value};
use super::scratch::Scratch;
use super::values::{digits, element};
use crate::json::cursor::{Cursor, Number, RawString};
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::{self, Candle, Level, Read, Text};
use crate::value::decimal::Decimal;
use crate::value::time::Timestamp;

/// The changes of a book. Reading them adds each level to its side in [`Scratch`].
#[derive(Debug)]
pub(super) struct Changes;

impl Value for Changes {
    type Is<'f> = Result<(), DecodeError>;

    fn of(_json: &Json<'_>) -> Result<Self::Is<'static>, DecodeErrorKind> {
        Err(DecodeErrorKind::Type)
    }

    #[inline(always)]
    fn usual<'f>(reader: &mut Reader<'f, '_>, rest: &'f [u8]) -> Option<(Self::Is<'f>, &'f [u8])> {
        // If the member occurs twice, only the last one counts, so drop the levels of the first.
        reader.clear_levels();
        elements(reader, rest, Changes::see).ok().map(|(_, rest)| (Ok(()), rest))
    }

    fn read_unusual<'f>(reader: &mut Reader<'f, '_>) -> Result<Slot<Self::Is<'f>>, DecodeError> {
        reader.clear_levels();
        list(reader, |reader, rest| elements(reader, rest, Changes::see))
            .map(|listed| listed.map(|list| list.map(|_| ())))
    }
}

impl Changes {
    #[inline(always)]
    fn see(reader: &mut Reader<'_, '_>, Change { is_bid, level }: Change, _at: At) {
        if let Some(Scratch { bids, asks, .. }) = &mut reader.scratch {
            if is_bid { bids.push(level) } else { asks.push(level) }
        }
    }
}

struct Change {
    is_bid: bool,
    level: Level,
}

impl<'f> Read<'f> for Change {
    #[inline(always)]
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<Change, DecodeError> {
        if let Some((change, rest)) = plain_change(cursor.rest()) {
            cursor.set_rest(rest);
            return Ok(change);
        }
        any_change(frame, cursor)
    }
}

#[cold]
fn any_change<'f>(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<Change, DecodeError> {
    let mut parts = triple(cursor)?;
    let (side, start) = quoted(frame, &mut parts)?;
    let is_bid = match side {
        side if side == *"buy" => true,
        side if side == *"sell" => false,
        _ => return Err(DecodeError::new(DecodeErrorKind::Side, start)),
    };
    let price = decimal(frame, &mut parts)?;
    let quantity = decimal(frame, &mut parts)?;
    end(parts, cursor)?;
    Ok(Change { is_bid, level: Level { price, quantity } })
}

/// Reads a change in the venue's own spelling, `["buy","9122.04","0.00121425"]`; `None` for any other spelling.
#[inline]
fn plain_change(text: &[u8]) -> Option<(Change, &[u8])> {
    let (is_bid, text) = match text {
        [b'[', b'"', b'b', b'u', b'y', b'"', b',', b'"', rest @ ..] => (true, rest),
        [b'[', b'"', b's', b'e', b'l', b'l', b'"', b',', b'"', rest @ ..] => (false, rest),
        _ => return None,
    };
    let (price, length) = Decimal::parse_quoted_short(text)?;
    let [b'"', b',', b'"', text @ ..] = text.get(length..)? else { return None };
    let (quantity, length) = Decimal::parse_quoted_short(text)?;
    let [b'"', b']', text @ ..] = text.get(length..)? else { return None };
    Some((Change { is_bid, level: Level { price, quantity } }, text))
}

#[derive(Clone, Debug)]
struct Array<'f> {
    cursor: Cursor<'f>,
    begun: bool,
}

impl<'f> Array<'f> {
    fn at(cursor: Cursor<'f>) -> Array<'f> {
        Array { cursor, begun: false }
    }

    /// Moves to the next element, which the caller must then read.
    fn more(&mut self) -> Result<bool, DecodeError> {
        let more = if self.begun {
            self.cursor.another(b']')?
        } else {
            self.begun = true;
            self.cursor.expect(b'[')?;
            let empty = self.cursor.peek() == b']';
            if empty {
                self.cursor.advance(1);
            }
            !empty
        };
        self.cursor.peek();
        Ok(more)
    }
}

/// Begins to read an array. After its last expected element, call [`end`].
fn triple<'f>(cursor: &mut Cursor<'f>) -> Result<Array<'f>, DecodeError> {
    if cursor.peek() != b'[' {
        return Err(cursor.error(DecodeErrorKind::Type));
    }
    Ok(Array::at(cursor.clone()))
}

fn end<'f>(mut parts: Array<'f>, cursor: &mut Cursor<'f>) -> Result<(), DecodeError> {
    if parts.more()? {
        return Err(parts.cursor.error(DecodeErrorKind::Type));
    }
    *cursor = parts.cursor;
    Ok(())
}

fn next(parts: &mut Array<'_>) -> Result<u8, DecodeError> {
    if !parts.more()? {
        return Err(DecodeError::new(DecodeErrorKind::Type, parts.cursor.offset().saturating_sub(1)));
    }
    Ok(parts.cursor.peek())
}

fn quoted<'f>(frame: &'f str, parts: &mut Array<'f>) -> Result<(Text<'f>, usize), DecodeError> {
    if next(parts)? != b'"' {
        return Err(parts.cursor.error(DecodeErrorKind::Type));
    }
    let RawString { start, end, .. } = parts.cursor.string()?;
    Ok((Text(frame.get(start..end).unwrap_or_default()), start))
}

fn decimal<'f>(frame: &'f str, parts: &mut Array<'f>) -> Result<Decimal, DecodeError> {
    let first = next(parts)?;
    let begin = parts.cursor.offset();
    let (start, end) = match first {
        b'"' => {
            let RawString { start, end, .. } = parts.cursor.string()?;
            (start, end)
        }
        b'-' | b'0'..=b'9' => {
            parts.cursor.number()?;
            (begin, parts.cursor.offset())
        }
        _ => return Err(parts.cursor.error(DecodeErrorKind::Type)),
    };
    let digits = frame.get(start..end).unwrap_or_default();
    let is_number = first != b'"';
    market_number(digits, is_number).map_err(|kind| DecodeError::new(kind, start))
}

/// Reads a candle: `[time, open, high, low, close, volume]`, all numbers.
impl<'f> Read<'f> for Candle<'f> {
    #[inline(always)]
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<Candle<'f>, DecodeError> {
        if let Some((candle, rest)) = plain_candle(frame, cursor.rest()) {
            cursor.set_rest(rest);
            return Ok(candle);
        }
        any_candle(frame, cursor)
    }
}

/// Reads a candle in the venue's own spelling, `[1559755800000,7781.6,7820.23,7776.56,7819.39,34.7624802159]`.
#[inline(always)]
fn plain_candle<'f>(frame: &'f str, rest: &'f [u8]) -> Option<(Candle<'f>, &'f [u8])> {
    let [b'[', rest @ ..] = rest else { return None };
    if !matches!(rest, [b'0'..=b'9', ..]) {
        return None;
    }
    let (millis, rest) = digits(rest)?;
    let open_time = Timestamp::from_millis(i64::try_from(millis).ok()?)?;
    let (open, rest) = plain_number(rest)?;
    let (high, rest) = plain_number(rest)?;
    let (low, rest) = plain_number(rest)?;
    let (close, rest) = plain_number(rest)?;
    let [b',', volume @ ..] = rest else { return None };
    let (_, length) = Decimal::parse_number(volume)?;
    let [b']', behind @ ..] = volume.get(length..)? else { return None };
    let start = frame.len().wrapping_sub(volume.len());
    let volume = Some(message::Number(frame.get(start..start.wrapping_add(length))?));
    Some((Candle { open_time, open, high, low, close, volume }, behind))
}

#[inline(always)]
fn plain_number(rest: &[u8]) -> Option<(Decimal, &[u8])> {
    let [b',', rest @ ..] = rest else { return None };
    let (decimal, length) = Decimal::parse_number(rest)?;
    Some((decimal, rest.get(length..)?))
}

#[cold]
fn any_candle<'f>(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<Candle<'f>, DecodeError> {
    let mut parts = triple(cursor)?;
    next(&mut parts)?;
    let start = parts.cursor.offset();
    let wrong = |kind| DecodeError::new(kind, start);
    if !matches!(parts.cursor.peek(), b'-' | b'0'..=b'9') {
        return Err(wrong(DecodeErrorKind::Type));
    }
    let Number::Integer { negative, magnitude } = parts.cursor.number()? else {
        return Err(wrong(DecodeErrorKind::Integer));
    };
    let millis =
        i64::try_from(magnitude).ok().map(|millis| if negative { millis.wrapping_neg() } else { millis });
    let open_time = millis.and_then(Timestamp::from_millis).ok_or_else(|| wrong(DecodeErrorKind::Integer))?;
    let mut number = || decimal(frame, &mut parts);
    let (open, high, low, close) = (number()?, number()?, number()?, number()?);
    next(&mut parts)?;
    let volume = element(frame, &mut parts.cursor)?.as_str();
    let volume = message::Number::read(
        volume.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(volume),
    );
    end(parts, cursor)?;
    Ok(Candle { open_time, open, high, low, close, volume })
}
