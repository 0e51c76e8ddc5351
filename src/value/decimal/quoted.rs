//! Parsing decimals in frames, with or without quotes.

use super::Decimal;
use crate::value::digits::{ZEROS, eight_digits, others};

impl Decimal {
    /// Parses an unsigned quoted decimal of up to eighteen digits, byte by byte. `after_quote` starts after the
    /// opening quote. Returns the value and its length without the closing quote.
    ///
    /// Call [`Decimal::parse_quoted_short`] first, which is faster.
    pub(crate) fn parse_quoted(after_quote: &[u8]) -> Option<(Decimal, usize)> {
        Decimal::parse_until(after_quote, |byte| byte == b'"')
    }

    /// Parses an unsigned number without an exponent, up to the `,`, `]` or `}` that follows. Returns the value and
    /// the length of its text. If the result is `None`, the text may still be a number: the caller must check this.
    #[inline(always)]
    pub(crate) fn parse_number(text: &[u8]) -> Option<(Decimal, usize)> {
        let is_end = |byte| matches!(byte, b',' | b']' | b'}');
        match text {
            // JSON allows no digit after a leading zero.
            [b'0', b'0'..=b'9', ..] => None,
            _ => Decimal::parse_short_until(text, is_end).or_else(|| Decimal::parse_until(text, is_end)),
        }
    }

    fn parse_until(text: &[u8], is_end: impl Fn(u8) -> bool) -> Option<(Decimal, usize)> {
        let (mut mantissa, mut point) = (0_i64, None);
        for (length, byte) in text.iter().take(20).enumerate() {
            match byte {
                b'0'..=b'9' => {
                    let digit = i64::from(byte.wrapping_sub(b'0'));
                    mantissa = mantissa.wrapping_mul(10).wrapping_add(digit);
                }
                b'.' if point.is_none() && length > 0 => point = Some(length),
                _ if is_end(*byte) => {
                    let scale = point.map_or(0, |point| length.wrapping_sub(point).wrapping_sub(1));
                    let digits = length.wrapping_sub(usize::from(point.is_some()));
                    // A point needs digits after it. Up to eighteen digits fit.
                    let whole = digits > 0 && (scale > 0 || point.is_none()) && digits <= 18;
                    return whole.then_some((Decimal { mantissa, scale: scale as u8 }, length));
                }
                _ => return None,
            }
        }
        None
    }

    /// Parses an unsigned quoted decimal without a branch for each digit. `after_quote` starts after the opening
    /// quote.
    ///
    /// Returns the value and its length without the closing quote. Returns `None` for a decimal of more than sixteen
    /// bytes with the closing quote, or of more than seven digits before the point: nearly all numbers in frames are
    /// shorter. After `None`, the caller must try [`Decimal::parse_quoted`] or [`Decimal::parse`].
    #[inline(always)]
    pub(crate) fn parse_quoted_short(after_quote: &[u8]) -> Option<(Decimal, usize)> {
        Decimal::parse_short_until(after_quote, |byte| byte == b'"')
    }

    #[inline(always)]
    fn parse_short_until(text: &[u8], is_end: impl Fn(u8) -> bool) -> Option<(Decimal, usize)> {
        let (low, high) = match text.first_chunk::<16>() {
            Some(chunk) => words(chunk),
            None => words(&last_chunk(text)),
        };
        // The positions are in bits. The first mark is right. If it is a point, the second mark is right too: see
        // `others`.
        let marks = others(low);
        let point = marks.trailing_zeros() & !7;
        if marks == 0 || point == 0 {
            return None;
        }
        match (low >> point) as u8 ^ b'0' {
            b'.' => {}
            byte if is_end(byte) => {
                let mantissa = eight_digits(low << 64_u32.wrapping_sub(point));
                return Some((Decimal { mantissa: mantissa as i64, scale: 0 }, (point >> 3) as usize));
            }
            _ => return None,
        }
        let marks = marks & marks.wrapping_sub(1);
        let (end, stop) = if marks == 0 {
            let marks = others(high);
            let end = marks.trailing_zeros() & 0x38;
            (end.wrapping_add(64), if marks == 0 { 0 } else { high >> end })
        } else {
            let end = marks.trailing_zeros() & !7;
            (end, low >> end)
        };
        let decimals = (end.wrapping_sub(point) >> 3).wrapping_sub(1);
        if !is_end(stop as u8 ^ b'0') || decimals == 0 {
            return None;
        }
        // The digits after the point move next to those before it.
        let before = 1_u64.wrapping_shl(point).wrapping_sub(1);
        let moved = low >> 8 | high << 56;
        let low = moved ^ ((moved ^ low) & before);
        let high = high >> 8;
        // The last digit moves to the end of eight bytes, or of sixteen.
        let mantissa = if end <= 72 {
            eight_digits(low << 72_u32.wrapping_sub(end))
        } else {
            let shift = 136_u32.wrapping_sub(end);
            let last = eight_digits(high << shift | low >> 64_u32.wrapping_sub(shift));
            eight_digits(low << shift).wrapping_mul(100_000_000).wrapping_add(last)
        };
        Some((Decimal { mantissa: mantissa as i64, scale: decimals as u8 }, (end >> 3) as usize))
    }
}

#[inline(always)]
const fn words(chunk: &[u8; 16]) -> (u64, u64) {
    let both = u128::from_le_bytes(*chunk);
    (both as u64 ^ ZEROS, (both >> 64) as u64 ^ ZEROS)
}

/// Returns the last bytes of a frame, padded with zero bytes. No decimal contains a zero byte.
#[inline(never)]
fn last_chunk(text: &[u8]) -> [u8; 16] {
    let mut chunk = [0; 16];
    for (byte, last) in chunk.iter_mut().zip(text) {
        *byte = *last;
    }
    chunk
}
