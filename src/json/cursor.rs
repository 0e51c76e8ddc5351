//! [`Cursor`]: reads JSON text without allocation and without recursion. Its errors have exact offsets.
//!
//! `Cursor` checks the whole text, including members that the decoder does not use.

use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::value::digits::{ZEROS, eight_digits, others};

/// The maximum depth of nested objects and arrays in a frame. No known frame of the venue has more than five levels.
pub const JSON_DEPTH_MAX: usize = 16;

/// The start and the end of a string in the frame, without the quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawString {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) escaped: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Number {
    Integer {
        negative: bool,
        magnitude: u64,
    },
    /// A number with a fraction or an exponent, or beyond 64 bits.
    Other,
}

/// The open objects and arrays: one bit for each, 1 for an object. The lowest bit belongs to the innermost one.
struct Open {
    containers: u32,
    count: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Cursor<'f> {
    length: usize,
    rest: &'f [u8],
    /// The number of open containers that [`Cursor::enter`] has added. They count towards [`JSON_DEPTH_MAX`].
    depth: usize,
}

impl<'f> Cursor<'f> {
    pub(crate) const fn new(text: &'f str) -> Cursor<'f> {
        Cursor { length: text.len(), rest: text.as_bytes(), depth: 0 }
    }

    #[inline]
    pub(crate) const fn offset(&self) -> usize {
        self.length.saturating_sub(self.rest.len())
    }

    #[inline]
    pub(crate) const fn rest(&self) -> &'f [u8] {
        self.rest
    }

    #[inline]
    pub(crate) const fn set_rest(&mut self, rest: &'f [u8]) {
        self.rest = rest;
    }

    #[inline]
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    /// Makes `containers` more open containers count towards [`JSON_DEPTH_MAX`]. Clones of the cursor that were made
    /// earlier do not change.
    #[inline]
    pub(crate) const fn enter(&mut self, containers: usize) {
        self.depth = self.depth.saturating_add(containers);
    }

    pub(crate) const fn error(&self, kind: DecodeErrorKind) -> DecodeError {
        DecodeError::new(kind, self.offset())
    }

    pub(crate) const fn unexpected(&self) -> DecodeError {
        self.error(if self.rest.is_empty() {
            DecodeErrorKind::UnexpectedEnd
        } else {
            DecodeErrorKind::Syntax
        })
    }

    /// Skips white space. Returns the next byte without taking it; 0 at the end.
    #[inline]
    pub(crate) fn peek(&mut self) -> u8 {
        loop {
            match self.rest {
                [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] => self.rest = rest,
                [byte, ..] => return *byte,
                [] => return 0,
            }
        }
    }

    #[inline]
    pub(crate) fn expect(&mut self, byte: u8) -> Result<(), DecodeError> {
        if self.peek() != byte {
            return Err(self.unexpected());
        }
        self.advance(1);
        Ok(())
    }

    /// Takes the `,` or the byte `close` after an element. Returns true for a `,` and false for `close`.
    #[inline]
    pub(crate) fn another(&mut self, close: u8) -> Result<bool, DecodeError> {
        let byte = self.peek();
        if byte != b',' && byte != close {
            return Err(self.unexpected());
        }
        self.advance(1);
        Ok(byte == b',')
    }

    #[inline]
    pub(crate) fn finish(&mut self) -> Result<(), DecodeError> {
        self.peek();
        if self.rest.is_empty() { Ok(()) } else { Err(self.error(DecodeErrorKind::TrailingText)) }
    }

    /// Takes a string with its quotes. The cursor must stand at the opening quote.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<RawString, DecodeError> {
        self.advance(1);
        self.string_behind_quote()
    }

    /// Takes the rest of a string with its closing quote. The cursor must stand after the opening quote.
    #[inline(always)]
    pub(crate) fn string_behind_quote(&mut self) -> Result<RawString, DecodeError> {
        let start = self.offset();
        let mut escaped = false;
        loop {
            if let Some(chunk) = self.rest.first_chunk::<8>() {
                let stops = stops(u64::from_le_bytes(*chunk));
                if stops == 0 {
                    self.advance(8);
                    continue;
                }
                self.advance((stops.trailing_zeros() >> 3) as usize);
            }
            match self.rest {
                [b'"', rest @ ..] => {
                    let end = self.offset();
                    self.rest = rest;
                    return Ok(RawString { start, end, escaped });
                }
                [b'\\', ..] => {
                    escaped = true;
                    self.escape()?;
                }
                [0..=0x1f, ..] => return Err(self.error(DecodeErrorKind::Control)),
                [_, rest @ ..] => self.rest = rest,
                [] => return Err(self.unexpected()),
            }
        }
    }

    #[cold]
    fn escape(&mut self) -> Result<(), DecodeError> {
        let invalid = self.error(DecodeErrorKind::Escape);
        let (_, length) = unescape(self.rest).ok_or(invalid)?;
        self.advance(length);
        Ok(())
    }

    /// Takes a number. The cursor must stand at its first byte.
    #[inline]
    pub(crate) fn number(&mut self) -> Result<Number, DecodeError> {
        let negative = self.rest.first() == Some(&b'-');
        if negative {
            self.advance(1);
        }
        let first = self.rest.first().copied();
        let Some((magnitude, length)) = digits(self.rest) else { return Err(self.unexpected()) };
        if first == Some(b'0') && length > 1 {
            self.advance(1);
            return Err(self.unexpected());
        }
        self.advance(length);
        match self.rest.first() {
            Some(b'.' | b'e' | b'E') => self.fraction_and_exponent(),
            _ => Ok(magnitude.map_or(Number::Other, |magnitude| Number::Integer { negative, magnitude })),
        }
    }

    #[cold]
    fn fraction_and_exponent(&mut self) -> Result<Number, DecodeError> {
        if self.rest.first() == Some(&b'.') {
            self.advance(1);
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.rest.first() {
            self.advance(1);
            if let Some(b'+' | b'-') = self.rest.first() {
                self.advance(1);
            }
            self.digits()?;
        }
        Ok(Number::Other)
    }

    fn digits(&mut self) -> Result<(), DecodeError> {
        let length = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.advance(length);
        if length == 0 { Err(self.unexpected()) } else { Ok(()) }
    }

    #[inline]
    pub(crate) fn literal(&mut self, literal: &str) -> Result<(), DecodeError> {
        match self.rest.strip_prefix(literal.as_bytes()) {
            Some(rest) => {
                self.rest = rest;
                Ok(())
            }
            None => {
                let common = self.rest.iter().zip(literal.as_bytes()).take_while(|(a, b)| a == b).count();
                self.advance(common);
                Err(self.unexpected())
            }
        }
    }

    /// Takes a whole value of any kind. `depth` is the number of containers that are open around the value, without
    /// those that [`Cursor::enter`] has added.
    #[inline(never)]
    pub(crate) fn skip(&mut self, depth: usize) -> Result<(), DecodeError> {
        let depth = depth.saturating_add(self.depth);
        let mut open = Open { containers: 0, count: 0 };
        loop {
            let is_first = match self.peek() {
                b'"' => {
                    match plain_string(self.rest) {
                        Some(behind) => self.rest = behind,
                        None => self.string().map(drop)?,
                    }
                    false
                }
                b'1'..=b'9' => {
                    match plain_integer(self.rest) {
                        Some(behind) => self.rest = behind,
                        None => self.number().map(drop)?,
                    }
                    false
                }
                b'-' | b'0' => self.number().map(|_| false)?,
                b't' => self.literal("true").map(|()| false)?,
                b'f' => self.literal("false").map(|()| false)?,
                b'n' => self.literal("null").map(|()| false)?,
                byte @ (b'{' | b'[') => {
                    if depth.saturating_add(open.count) >= JSON_DEPTH_MAX {
                        return Err(self.error(DecodeErrorKind::TooDeep));
                    }
                    self.advance(1);
                    open.count = open.count.saturating_add(1);
                    open.containers = (open.containers << 1) | u32::from(byte == b'{');
                    true
                }
                _ => return Err(self.unexpected()),
            };
            if self.is_over(&mut open, is_first)? {
                return Ok(());
            }
        }
    }

    /// Takes the text between a value and the next one: ends of containers, then a comma and, in an object, a key. If
    /// `is_first` is true, a container has just been opened, so no comma comes before its first value. Returns true
    /// if no container is open any more.
    #[inline(always)]
    fn is_over(&mut self, open: &mut Open, mut is_first: bool) -> Result<bool, DecodeError> {
        while open.count > 0 {
            let object = open.containers & 1 == 1;
            if let ([b',', behind @ ..], false) = (self.rest, is_first) {
                self.rest = behind;
                if object {
                    self.key()?;
                }
                return Ok(false);
            }
            let close = if object { b'}' } else { b']' };
            let ended = if is_first {
                let empty = self.peek() == close;
                if empty {
                    self.advance(1);
                }
                empty
            } else {
                !self.another(close)?
            };
            if !ended {
                if object {
                    self.key()?;
                }
                return Ok(false);
            }
            open.containers >>= 1;
            open.count = open.count.saturating_sub(1);
            is_first = false;
        }
        Ok(true)
    }

    #[inline(always)]
    pub(crate) fn key(&mut self) -> Result<RawString, DecodeError> {
        if let [b'"', inside @ ..] = self.rest
            && let Some((length, rest)) = plain_key(inside)
        {
            let start = self.offset().saturating_add(1);
            self.rest = rest;
            return Ok(RawString { start, end: start.saturating_add(length), escaped: false });
        }
        if self.peek() != b'"' {
            return Err(self.unexpected());
        }
        let key = self.string()?;
        self.expect(b':')?;
        Ok(key)
    }
}

/// Returns a word with the highest bit set in each byte that is a quote, a backslash or a control character; zero if
/// there is no such byte. Only the lowest of these bits is reliable, because a match can also set bits of the bytes
/// above it.
#[inline(always)]
const fn stops(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    const QUOTES: u64 = ONES.wrapping_mul(b'"' as u64);
    const BACKSLASHES: u64 = ONES.wrapping_mul(b'\\' as u64);
    const SPACES: u64 = ONES.wrapping_mul(b' ' as u64);
    const fn zero_bytes(word: u64) -> u64 {
        word.wrapping_sub(ONES) & !word & HIGH_BITS
    }
    let controls = word.wrapping_sub(SPACES) & !word & HIGH_BITS;
    zero_bytes(word ^ QUOTES) | zero_bytes(word ^ BACKSLASHES) | controls
}

/// Returns the length of a string without its quotes. `text` begins after the opening quote. Returns `None` if the
/// string has an escape or a control character, or does not end.
#[inline(always)]
pub(crate) fn plain_length(text: &[u8]) -> Option<usize> {
    let mut length = 0_usize;
    let mut rest = text;
    while let Some((chunk, behind)) = rest.split_first_chunk::<8>() {
        let stops = stops(u64::from_le_bytes(*chunk));
        if stops != 0 {
            length = length.wrapping_add((stops.trailing_zeros() >> 3) as usize);
            return if text.get(length) == Some(&b'"') { Some(length) } else { None };
        }
        length = length.wrapping_add(8);
        rest = behind;
    }
    let more = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))?;
    if rest.get(more) == Some(&b'"') { Some(length.wrapping_add(more)) } else { None }
}

/// Returns the text after the string at the beginning; `None` if there is no complete string, or if the string has an
/// escape or a control character.
#[inline(always)]
pub(crate) fn plain_string(text: &[u8]) -> Option<&[u8]> {
    let [b'"', inside @ ..] = text else { return None };
    inside.get(plain_length(inside)?.wrapping_add(1)..)
}

/// Returns the text after the integer at the beginning, if `,`, `]` or `}` follows. The caller must check that `text`
/// begins with a digit from 1 to 9.
#[inline(always)]
pub(crate) fn plain_integer(text: &[u8]) -> Option<&[u8]> {
    text.get(digits_length(text)..).filter(|behind| matches!(behind, [b',' | b']' | b'}', ..]))
}

#[inline(always)]
fn digits_length(text: &[u8]) -> usize {
    let mut length = 0_usize;
    let mut rest = text;
    while let Some((chunk, behind)) = rest.split_first_chunk::<8>() {
        let others = others(u64::from_le_bytes(*chunk) ^ ZEROS);
        if others != 0 {
            return length.wrapping_add((others.trailing_zeros() >> 3) as usize);
        }
        length = length.wrapping_add(8);
        rest = behind;
    }
    length.wrapping_add(rest.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

/// Returns the text after the object or array at the beginning. Counts brackets and skips strings, but checks nothing
/// else. Returns `None` if the text ends too early, or if a string has an escape or a control character.
pub(crate) fn balanced(mut rest: &[u8]) -> Option<&[u8]> {
    let mut open = 0_usize;
    loop {
        rest = match rest {
            [b'"', ..] => plain_string(rest)?,
            [b'{' | b'[', behind @ ..] => {
                open = open.wrapping_add(1);
                behind
            }
            [b'}' | b']', behind @ ..] => {
                open = open.wrapping_sub(1);
                if open == 0 {
                    return Some(behind);
                }
                behind
            }
            [_, behind @ ..] => behind,
            [] => return None,
        }
    }
}

/// Returns the length of a key without its quotes, and the text after its colon. `text` begins after the opening
/// quote. Returns `None` if the key has an escape or a control character, or if no colon follows directly.
#[inline(always)]
pub(crate) fn plain_key(text: &[u8]) -> Option<(usize, &[u8])> {
    let length = plain_length(text)?;
    match text.get(length..)? {
        [b'"', b':', behind @ ..] => Some((length, behind)),
        _ => None,
    }
}

/// Returns the value of the digits at the beginning (`None` beyond 64 bits), and how many digits there are. Returns
/// `None` if there is no digit.
#[inline(always)]
pub(crate) fn digits(text: &[u8]) -> Option<(Option<u64>, usize)> {
    const UNITS: [u64; 8] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

    let mut value = 0_u64;
    let mut length = 0_usize;
    let mut rest = text;
    while let Some((chunk, behind)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk) ^ ZEROS;
        let others = others(word);
        if others == 0 && length < 16 {
            // The value of sixteen digits fits into 64 bits.
            value = value.wrapping_mul(100_000_000).wrapping_add(eight_digits(word));
            length = length.wrapping_add(8);
            rest = behind;
            continue;
        }
        let more = others.trailing_zeros() & !7;
        let count = (more >> 3) as usize;
        if others == 0 || length.wrapping_add(count) > 19 {
            break;
        }
        if count == 0 {
            return if length == 0 { None } else { Some((Some(value), length)) };
        }
        let unit = UNITS.get(count).copied().unwrap_or(1);
        let last = eight_digits(word << 64_u32.wrapping_sub(more));
        return Some((Some(value.wrapping_mul(unit).wrapping_add(last)), length.wrapping_add(count)));
    }
    let mut value = Some(value);
    for byte in rest.iter().take_while(|byte| byte.is_ascii_digit()) {
        let digit = u64::from(byte.wrapping_sub(b'0'));
        value = value.and_then(|value| value.checked_mul(10)?.checked_add(digit));
        length = length.wrapping_add(1);
    }
    if length == 0 { None } else { Some((value, length)) }
}

/// Returns the character of the escape sequence at the beginning of `text`, and the length of the sequence. For half
/// a surrogate pair, the character is `None`. Returns `None` if the sequence is invalid.
pub(crate) fn unescape(text: &[u8]) -> Option<(Option<char>, usize)> {
    fn unit(text: &[u8]) -> Option<u32> {
        let digits = text.strip_prefix(b"\\u")?.first_chunk::<4>()?;
        digits.iter().try_fold(0_u32, |unit, &digit| Some((unit << 4) | char::from(digit).to_digit(16)?))
    }
    let character = match text.get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let first = unit(text)?;
            let second = text.get(6..).and_then(unit).filter(|unit| (0xdc00..0xe000).contains(unit));
            return Some(match second.filter(|_| (0xd800..0xdc00).contains(&first)) {
                Some(second) => {
                    let pair = ((first & 0x3ff) << 10) | (second & 0x3ff);
                    (char::from_u32(pair.wrapping_add(0x1_0000)), 12)
                }
                None => (char::from_u32(first), 6),
            });
        }
        _ => return None,
    };
    Some((Some(character), 2))
}

/// Returns the offset of `part` in `whole`. `part` must be a slice of `whole`.
pub(crate) fn offset_in(part: &str, whole: &str) -> usize {
    part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr())
}

#[cfg(test)]
#[path = "../../tests/unit/json_cursor.rs"]
mod tests;
