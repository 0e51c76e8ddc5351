//! The kinds of values that members of a record have. Each kind says how to read a value in any spelling
//! ([`Value::of`]), and may have a faster way for the venue's usual spelling ([`Value::usual`]).

use core::marker::PhantomData;
use core::ops::Neg;

use super::reader::{Json, Reader, Token, Value};
use crate::json::cursor::{self, Cursor};
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::{Number, RawJson, Text};
use crate::value::decimal::Decimal;
use crate::value::side::Side;
use crate::value::symbol::Symbol;
use crate::value::time::Timestamp;

/// Reads an integer without sign, quoted or not. The caller must check that no fraction or exponent follows.
#[inline(always)]
pub(super) fn digits(rest: &[u8]) -> Option<(u64, &[u8])> {
    match rest {
        [b'1'..=b'9', ..] => {
            let (magnitude, length) = cursor::digits(rest)?;
            Some((magnitude?, rest.get(length..)?))
        }
        [b'"', digits @ ..] => quoted_digits(digits),
        [b'0', behind @ ..] => Some((0, behind)),
        _ => None,
    }
}

#[inline(never)]
fn quoted_digits(rest: &[u8]) -> Option<(u64, &[u8])> {
    let (magnitude, length) = cursor::digits(rest)?;
    match rest.get(length..)? {
        [b'"', behind @ ..] => Some((magnitude?, behind)),
        _ => None,
    }
}

#[inline(always)]
fn time(rest: &[u8], of: impl FnOnce(i64) -> Option<Timestamp>) -> Option<(Timestamp, &[u8])> {
    let (digits, behind) = digits(rest)?;
    Some((of(i64::try_from(digits).ok()?)?, behind))
}

#[inline(always)]
fn plain<'f>(frame: &'f str, rest: &'f [u8]) -> Option<(&'f str, &'f [u8])> {
    let [b'"', inside @ ..] = rest else { return None };
    let length = cursor::plain_length(inside)?;
    let start = frame.len().wrapping_sub(inside.len());
    let text = frame.get(start..start.wrapping_add(length))?;
    Some((text, inside.get(length.wrapping_add(1)..)?))
}

#[inline(always)]
fn text<'f>(frame: &'f str, rest: &'f [u8]) -> Option<(Text<'f>, &'f [u8])> {
    plain(frame, rest).map(|(text, rest)| (Text(text), rest))
}

#[inline(always)]
fn quoted_decimal(rest: &[u8]) -> Option<(Decimal, &[u8])> {
    let [b'"', inside @ ..] = rest else { return None };
    let (decimal, length) = match Decimal::parse_quoted_short(inside) {
        Some(found) => found,
        None => Decimal::parse_quoted(inside)?,
    };
    Some((decimal, inside.get(length.wrapping_add(1)..)?))
}

#[inline(always)]
fn signed_decimal(rest: &[u8]) -> Option<(Decimal, &[u8])> {
    let [b'"', inside @ ..] = rest else { return None };
    let (is_negative, digits) = match inside {
        [b'-', digits @ ..] => (true, digits),
        _ => (false, inside),
    };
    let (decimal, length) = Decimal::parse_quoted_short(digits)?;
    let decimal = if is_negative { decimal.neg() } else { decimal };
    Some((decimal, digits.get(length.wrapping_add(1)..)?))
}

#[inline(always)]
fn figure<'f>(frame: &'f str, rest: &'f [u8]) -> Option<(Number<'f>, &'f [u8])> {
    let [b'"', inside @ ..] = rest else { return None };
    let digits = match inside {
        [b'-', digits @ ..] => digits,
        _ => inside,
    };
    let (_, length) = match Decimal::parse_quoted_short(digits) {
        Some(found) => found,
        None => Decimal::parse_quoted(digits)?,
    };
    let behind = digits.get(length.wrapping_add(1)..)?;
    let start = frame.len().wrapping_sub(inside.len());
    let end = frame.len().wrapping_sub(behind.len()).wrapping_sub(1);
    Some((Number(frame.get(start..end)?), behind))
}

#[inline(always)]
fn one_of<'f, T: Copy, const N: usize>(
    rest: &'f [u8],
    words: [(&'static str, T); N],
) -> Option<(T, &'f [u8])> {
    words.into_iter().find_map(|(word, value)| Some((value, rest.strip_prefix(word.as_bytes())?)))
}

macro_rules! values {
    ($($(#[$about:meta])* $kind:ident($is:ty) of |$json:ident| $of:expr, usually |$reader:ident, $rest:ident| $usual:expr;)+) => {$(
        $(#[$about])*
        #[derive(Debug)]
        pub(super) struct $kind;

        impl Value for $kind {
            type Is<'f> = $is;

            fn of<'f>($json: &Json<'f>) -> Result<$is, DecodeErrorKind> {
                $of
            }

            #[inline(always)]
            fn usual<'f>($reader: &mut Reader<'f, '_>, $rest: &'f [u8]) -> Option<($is, &'f [u8])> {
                $usual
            }
        }
    )+};
}

values! {
    Unsigned(u64) of |json| json.unsigned(), usually |_reader, rest| digits(rest);
    Nanoseconds(Timestamp) of |json| json.signed().map(Timestamp::from_nanos),
        usually |_reader, rest| time(rest, |nanos| Some(Timestamp::from_nanos(nanos)));
    Milliseconds(Timestamp)
        of |json| Timestamp::from_millis(json.signed()?).ok_or(DecodeErrorKind::Integer),
        usually |_reader, rest| time(rest, Timestamp::from_millis);
    Seconds(Timestamp)
        of |json| Timestamp::from_secs(json.signed()?).ok_or(DecodeErrorKind::Integer),
        usually |_reader, rest| time(rest, Timestamp::from_secs);
    Status(u16)
        of |json| u16::try_from(json.signed()?).map_err(|_| DecodeErrorKind::Integer),
        usually |_reader, rest| match rest {
            [b'2', b'0', b'0', b',' | b'}', ..] => Some((200, rest.get(3..)?)),
            _ => digits(rest).and_then(|(status, rest)| Some((u16::try_from(status).ok()?, rest))),
        };
    /// A text without escapes, such as a name.
    Plain(&'f str)
        of |json| match json.token {
            Token::Text { escaped: false } => Ok(json.text),
            Token::Text { escaped: true } => Err(DecodeErrorKind::Escape),
            _ => Err(DecodeErrorKind::Type),
        },
        usually |reader, rest| plain(reader.frame, rest);
    SymbolName(&'f str)
        of |json| Plain::of(json).and_then(|text| match Symbol::accepts(text) {
            true => Ok(text),
            false => Err(DecodeErrorKind::Symbol),
        }),
        usually |reader, rest| plain(reader.frame, rest).filter(|(text, _)| Symbol::accepts(text));
    Price(Decimal) of |json| json.decimal(), usually |_reader, rest| quoted_decimal(rest);
    /// A decimal that may be negative.
    Amount(Decimal)
        of |json| match json.decimal() {
            Err(DecodeErrorKind::Negative) => {
                Decimal::parse(json.text.as_bytes()).map_err(|_| DecodeErrorKind::Decimal)
            }
            other => other,
        },
        usually |_reader, rest| signed_decimal(rest);
    /// A number of any length that may be negative.
    Figure(Number<'f>)
        of |json| match json.token {
            Token::Text { .. } | Token::Integer { .. } | Token::Number => {
                Number::read(json.text).ok_or(DecodeErrorKind::Decimal)
            }
            _ => Err(DecodeErrorKind::Type),
        },
        usually |reader, rest| figure(reader.frame, rest);
    Flag(bool)
        of |json| match json.token {
            Token::Boolean(value) => Ok(value),
            _ => Err(DecodeErrorKind::Type),
        },
        usually |_reader, rest| one_of(rest, [("true", true), ("false", false)]);
    OrderSide(Side)
        of |json| {
            let text = json.whole_text()?;
            let is = |name: &str| text.chars().map(|it| it.to_ascii_uppercase()).eq(name.chars());
            match () {
                () if is("BUY") => Ok(Side::Buy),
                () if is("SELL") => Ok(Side::Sell),
                () => Err(DecodeErrorKind::Side),
            }
        },
        usually |_reader, rest| one_of(
            rest,
            [
                ("\"BUY\"", Side::Buy),
                ("\"SELL\"", Side::Sell),
                ("\"buy\"", Side::Buy),
                ("\"sell\"", Side::Sell),
            ],
        );
    /// The side of a book: `bid` or `ask`.
    BookSide(Side)
        of |json| match json.whole_text()? {
            side if side == *"bid" => Ok(Side::Buy),
            side if side == *"ask" => Ok(Side::Sell),
            _ => Err(DecodeErrorKind::Side),
        },
        usually |_reader, rest| one_of(rest, [("\"bid\"", Side::Buy), ("\"ask\"", Side::Sell)]);
    /// Any value but `null`, as it is in the frame.
    Anything(RawJson<'f>)
        of |json| Ok(RawJson(json.raw)),
        usually |reader, rest| anything(reader, rest);
}

/// Returns the text after an object whose only member is an integer, such as the result of the method `time`; `None`
/// if `rest` does not begin with such an object.
#[inline(always)]
fn one_number(rest: &[u8]) -> Option<&[u8]> {
    let [b'{', b'"', inside @ ..] = rest else { return None };
    let [b'"', b':', value @ ..] = inside.get(cursor::plain_length(inside)?..)? else { return None };
    match digits(value)?.1 {
        [b'}', behind @ ..] => Some(behind),
        _ => None,
    }
}

#[inline(always)]
fn anything<'f>(reader: &Reader<'f, '_>, rest: &'f [u8]) -> Option<(RawJson<'f>, &'f [u8])> {
    let frame = reader.frame;
    let start = frame.len().wrapping_sub(rest.len());
    let behind = match rest {
        [b'n', ..] => return None,
        [b'"', ..] => plain(frame, rest)?.1,
        [b'0'..=b'9', ..] => digits(rest)?.1,
        _ => match one_number(rest) {
            Some(behind) => behind,
            None => {
                let mut cursor = reader.cursor.clone();
                cursor.set_rest(rest);
                cursor.skip(1).ok()?;
                cursor.rest()
            }
        },
    };
    Some((RawJson(frame.get(start..frame.len().wrapping_sub(behind.len()))?), behind))
}

macro_rules! texts {
    ($($(#[$about:meta])* $kind:ident of |$json:ident| $of:expr;)+) => {$(
        $(#[$about])*
        #[derive(Debug)]
        pub(super) struct $kind;

        impl Value for $kind {
            type Is<'f> = Text<'f>;

            fn of<'f>($json: &Json<'f>) -> Result<Text<'f>, DecodeErrorKind> {
                $of
            }

            #[inline(always)]
            fn usual<'f>(reader: &mut Reader<'f, '_>, rest: &'f [u8]) -> Option<(Text<'f>, &'f [u8])> {
                text(reader.frame, rest)
            }

            #[inline(always)]
            fn is_empty(value: &Text<'_>) -> bool {
                value.raw().is_empty()
            }
        }
    )+};
}

texts! {
    /// A text whose every character counts, such as an id. A text with half a surrogate pair is an error.
    Exact of |json| json.whole_text();
    /// A text that may contain half a surrogate pair, such as an explanation for people.
    Label of |json| json.word();
    /// A text as in [`Exact`], or a number, which becomes a text as the frame writes it.
    Word
        of |json| match json.token {
            Token::Integer { .. } | Token::Number => Ok(Text(json.text)),
            _ => json.whole_text(),
        };
}

/// A value and its offset in the frame, in bytes. The offset of a text is that of its first character.
#[derive(Debug)]
pub(super) struct Placed<V>(PhantomData<V>);

impl<V: Value> Value for Placed<V> {
    type Is<'f> = (V::Is<'f>, usize);

    fn of<'f>(json: &Json<'f>) -> Result<Self::Is<'f>, DecodeErrorKind> {
        V::of(json).map(|value| (value, json.start))
    }

    #[inline(always)]
    fn usual<'f>(reader: &mut Reader<'f, '_>, rest: &'f [u8]) -> Option<(Self::Is<'f>, &'f [u8])> {
        let is_quoted = rest.first() == Some(&b'"');
        let offset = reader.frame.len().wrapping_sub(rest.len()).wrapping_add(usize::from(is_quoted));
        V::usual(reader, rest).map(|(value, rest)| ((value, offset), rest))
    }
}

pub(super) fn element<'f>(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<RawJson<'f>, DecodeError> {
    cursor.peek();
    let start = cursor.offset();
    cursor.skip(0)?;
    Ok(RawJson(frame.get(start..cursor.offset()).unwrap_or_default()))
}
