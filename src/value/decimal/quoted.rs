//! Parsing decimals in frames: short ones without a branch per digit.

use super::{Decimal, power};
use crate::value::digits::{ZEROS, eight_digits, others};

impl Decimal {
    /// Parses an unsigned quoted decimal of up to eighteen digits, byte by byte. `after_quote` starts after the
    /// opening quote.
    ///
    /// This is for the few decimals that [`Decimal::parse_quoted_short`] cannot parse, because they are too long or
    /// too close to the end of the frame.
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
                    // A point needs digits after it. Eighteen digits fit.
                    let whole = digits > 0 && (scale > 0 || point.is_none()) && digits <= 18;
                    return whole.then_some((Decimal { mantissa, scale: scale as u8 }, length));
                }
                _ => return None,
            }
        }
        None
    }

    /// Parses an unsigned quoted decimal without a branch per digit. `after_quote` starts after the opening quote.
    ///
    /// It handles nearly every number in frames: all of it must lie within sixteen bytes, with at most seven digits
    /// before the point. Returns the value and its length without the closing quote. After `None` the caller must try
    /// [`Decimal::parse_quoted`] or [`Decimal::parse`].
    #[inline(always)]
    pub(crate) fn parse_quoted_short(after_quote: &[u8]) -> Option<(Decimal, usize)> {
        // The bytes '.' and '"' after XOR with '0'.
        const POINT: u8 = b'.' ^ b'0';
        const QUOTE: u8 = b'"' ^ b'0';

        let (low, rest) = after_quote.split_first_chunk::<8>()?;
        let low = u64::from_le_bytes(*low) ^ ZEROS;
        let high = u64::from_le_bytes(*rest.first_chunk::<8>()?) ^ ZEROS;
        // Positions count in bits. The first mark is right, and if it marks a point, so is the second: see `others`.
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
        // Move the fraction to the front.
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
