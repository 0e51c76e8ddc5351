//! Reading decimals of frames, without a branch per digit where they are short.

use super::{Decimal, power};
use crate::value::digits::{ZEROS, eight_digits, others};

impl Decimal {
    /// Reads a quoted decimal without sign from behind its opening quote, byte by byte, up to
    /// eighteen digits; for the few that [`Decimal::parse_quoted_short`] cannot read because they
    /// are too long or too near the end of the frame.
    pub(crate) fn parse_quoted(after_quote: &[u8]) -> Option<(Decimal, usize)> {
        let (mut mantissa, mut point) = (0_i64, None);
        for (length, byte) in after_quote.iter().take(20).enumerate() {
            match byte {
                b'0'..=b'9' => {
                    let digit = i64::from(byte.wrapping_sub(b'0'));
                    mantissa = mantissa.wrapping_mul(10).wrapping_add(digit);
                }
                b'.' if point.is_none() && length > 0 => point = Some(length),
                b'"' => {
                    let scale = point.map_or(0, |point| length.wrapping_sub(point).wrapping_sub(1));
                    let digits = length.wrapping_sub(usize::from(point.is_some()));
                    // A point needs digits behind it; eighteen digits fit.
                    let whole = digits > 0 && (scale > 0 || point.is_none()) && digits <= 18;
                    return whole.then_some((Decimal { mantissa, scale: scale as u8 }, length));
                }
                _ => return None,
            }
        }
        None
    }

    /// Reads a quoted decimal without sign from behind its opening quote, if all of it lies within
    /// sixteen bytes and at most seven digits stand before the point: the case of nearly every
    /// number on the wire, without a branch per digit.
    ///
    /// Returns the value and its length without the closing quote. `None` says nothing about the
    /// text: whoever gets it asks [`Decimal::parse_quoted`] or [`Decimal::parse`].
    #[inline(always)]
    pub(crate) fn parse_quoted_short(after_quote: &[u8]) -> Option<(Decimal, usize)> {
        // What '.' and '"' are after the subtraction of '0' by exclusive or.
        const POINT: u8 = b'.' ^ b'0';
        const QUOTE: u8 = b'"' ^ b'0';

        let (low, rest) = after_quote.split_first_chunk::<8>()?;
        let low = u64::from_le_bytes(*low) ^ ZEROS;
        let high = u64::from_le_bytes(*rest.first_chunk::<8>()?) ^ ZEROS;
        // All places count in bits. The first mark is right; the second one too if the first is
        // that of a point, see `others`.
        let marks = others(low);
        let point = marks.trailing_zeros() & !7;
        if marks == 0 || point == 0 {
            return None;
        }
        let whole = eight_digits(low << 64_u32.wrapping_sub(point));
        match (low >> point) as u8 {
            POINT => {}
            QUOTE => return Some((Decimal { mantissa: whole as i64, scale: 0 }, (point >> 3) as usize)),
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
        let digits = (end.wrapping_sub(point) >> 3).wrapping_sub(1);
        if stop as u8 != QUOTE || digits == 0 {
            return None;
        }
        // The fraction, moved to the front.
        let fraction = (low >> point >> 8) | (high << 56_u32.wrapping_sub(point));
        let mantissa = if digits <= 8 {
            let unit = power(digits as u8);
            let fraction = eight_digits(fraction << 64_u32.wrapping_sub(digits.wrapping_mul(8)));
            whole.wrapping_mul(unit).wrapping_add(fraction)
        } else {
            let more = digits.wrapping_sub(8);
            let unit = power(more as u8);
            let last = eight_digits(high >> point >> 8 << 64_u32.wrapping_sub(more.wrapping_mul(8)));
            let first = whole.wrapping_mul(100_000_000).wrapping_add(eight_digits(fraction));
            first.wrapping_mul(unit).wrapping_add(last)
        };
        Some((Decimal { mantissa: mantissa as i64, scale: digits as u8 }, (end >> 3) as usize))
    }
}
