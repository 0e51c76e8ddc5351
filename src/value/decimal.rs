//! [`Decimal`]: prices and quantities, exact, in sixteen bytes.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::str::FromStr;

/// An exact decimal number: a 64-bit mantissa and up to [`Decimal::SCALE_MAX`] decimals.
///
/// It keeps what was written, trailing zeros included, and compares by value, so
/// `83361.25000 == 83361.25` while each prints as it was received. Where nineteen digits do not
/// suffice, trailing zeros of the fraction are dropped first (the venue pads, and asks of
/// 9000000000000.0000000000 exist); what still does not fit is an error, never rounded.
///
/// ```
/// use gemini_ws::Decimal;
///
/// let price: Decimal = "83361.25000".parse().unwrap();
/// assert_eq!((price.mantissa(), price.scale()), (8_336_125_000, 5));
/// assert_eq!(price, Decimal::new(8_336_125, 2).unwrap());
/// assert_eq!(price.to_string(), "83361.25000");
/// assert_eq!(price.normalized().to_string(), "83361.25");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Decimal {
    mantissa: i64,
    scale: u8,
}

/// Why a text is no [`Decimal`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DecimalError {
    /// The text is not of the form `-?digits(.digits)?`.
    Invalid,
    /// The number needs more digits than a 64-bit mantissa and eighteen decimals can hold.
    Precision,
}

impl fmt::Display for DecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DecimalError::Invalid => "not a decimal number",
            DecimalError::Precision => "more digits than 64 bits hold",
        })
    }
}

impl core::error::Error for DecimalError {}

/// 10⁰ … 10¹⁹, each a `u64`.
#[expect(clippy::indexing_slicing, reason = "computed by the compiler")]
const POWERS: [u64; 20] = {
    let mut powers = [1_u64; 20];
    let mut exponent = 1;
    while exponent < 20 {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

/// 10 to the power of `exponent`; exponents past 19 are not asked for.
#[expect(clippy::indexing_slicing, reason = "the index is compared with the length")]
const fn power(exponent: u8) -> u64 {
    debug_assert!(exponent < 20);
    let index = exponent as usize;
    if index < POWERS.len() { POWERS[index] } else { u64::MAX }
}

impl Decimal {
    /// Zero, without decimals.
    pub const ZERO: Decimal = Decimal { mantissa: 0, scale: 0 };

    /// The most decimals that a value can have.
    pub const SCALE_MAX: u8 = 18;

    /// `mantissa` · 10⁻ˢᶜᵃˡᵉ, or `None` if `scale` exceeds [`Decimal::SCALE_MAX`].
    pub const fn new(mantissa: i64, scale: u8) -> Option<Decimal> {
        if scale <= Decimal::SCALE_MAX { Some(Decimal { mantissa, scale }) } else { None }
    }

    /// The digits as one integer.
    pub const fn mantissa(self) -> i64 {
        self.mantissa
    }

    /// The number of decimals.
    pub const fn scale(self) -> u8 {
        self.scale
    }

    /// Whether the value is zero, whatever its decimals.
    pub const fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// Whether the value is below zero.
    pub const fn is_negative(self) -> bool {
        self.mantissa < 0
    }

    /// The same value without trailing zeros of the fraction.
    ///
    /// ```
    /// # use gemini_ws::Decimal;
    /// let zero: Decimal = "0.000".parse().unwrap();
    /// assert_eq!(zero.normalized().to_string(), "0");
    /// ```
    #[must_use]
    pub const fn normalized(self) -> Decimal {
        let Decimal { mut mantissa, mut scale } = self;
        while scale > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale = scale.saturating_sub(1);
        }
        Decimal { mantissa, scale }
    }

    /// The same value with exactly `scale` decimals, or `None` if that would lose digits or does
    /// not fit.
    ///
    /// ```
    /// # use gemini_ws::Decimal;
    /// let price: Decimal = "1.5".parse().unwrap();
    /// assert_eq!(price.rescaled(3).unwrap().to_string(), "1.500");
    /// assert_eq!(price.rescaled(0), None);
    /// ```
    pub const fn rescaled(self, scale: u8) -> Option<Decimal> {
        if scale > Decimal::SCALE_MAX {
            return None;
        }
        if scale >= self.scale {
            let factor = power(scale.saturating_sub(self.scale)) as i64;
            return match self.mantissa.checked_mul(factor) {
                Some(mantissa) => Some(Decimal { mantissa, scale }),
                None => None,
            };
        }
        let divisor = power(self.scale.saturating_sub(scale)) as i64;
        match (self.mantissa.checked_rem(divisor), self.mantissa.checked_div(divisor)) {
            (Some(0), Some(mantissa)) => Some(Decimal { mantissa, scale }),
            _ => None,
        }
    }

    /// The exact sum, or `None` if it does not fit.
    ///
    /// ```
    /// # use gemini_ws::Decimal;
    /// let (a, b): (Decimal, Decimal) = ("0.1".parse().unwrap(), "0.25".parse().unwrap());
    /// assert_eq!(a.checked_add(b).unwrap().to_string(), "0.35");
    /// ```
    pub fn checked_add(self, other: Decimal) -> Option<Decimal> {
        let scale = self.scale.max(other.scale);
        let sum = self.at_scale(scale).checked_add(other.at_scale(scale))?;
        Decimal::fit(sum, scale)
    }

    /// The exact difference, or `None` if it does not fit.
    ///
    /// ```
    /// # use gemini_ws::Decimal;
    /// let (ask, bid): (Decimal, Decimal) = ("83423.000".parse().unwrap(), "83395.5".parse().unwrap());
    /// assert_eq!(ask.checked_sub(bid).unwrap().to_string(), "27.500");
    /// ```
    pub fn checked_sub(self, other: Decimal) -> Option<Decimal> {
        let scale = self.scale.max(other.scale);
        let difference = self.at_scale(scale).checked_sub(other.at_scale(scale))?;
        Decimal::fit(difference, scale)
    }

    /// The exact product, or `None` if it does not fit.
    ///
    /// ```
    /// # use gemini_ws::Decimal;
    /// let (price, quantity): (Decimal, Decimal) = ("2.5".parse().unwrap(), "0.04".parse().unwrap());
    /// assert_eq!(price.checked_mul(quantity).unwrap().to_string(), "0.100");
    /// ```
    pub fn checked_mul(self, other: Decimal) -> Option<Decimal> {
        let product = i128::from(self.mantissa).checked_mul(i128::from(other.mantissa))?;
        Decimal::fit(product, self.scale.checked_add(other.scale)?)
    }

    /// The mantissa at a scale not below the own one; at most 2⁶³ · 10¹⁸, so it always fits.
    fn at_scale(self, scale: u8) -> i128 {
        let factor = power(scale.saturating_sub(self.scale));
        i128::from(self.mantissa).saturating_mul(i128::from(factor))
    }

    /// A wide value, with trailing zeros of the fraction dropped only where it does not fit.
    fn fit(mut mantissa: i128, mut scale: u8) -> Option<Decimal> {
        loop {
            if scale <= Decimal::SCALE_MAX
                && let Ok(mantissa) = i64::try_from(mantissa)
            {
                return Some(Decimal { mantissa, scale });
            }
            if scale == 0 || mantissa.checked_rem(10) != Some(0) {
                return None;
            }
            mantissa = mantissa.checked_div(10)?;
            scale = scale.saturating_sub(1);
        }
    }

    /// The number times ten to the power of an exponent as JSON writes it; `None` if it does not fit.
    pub(crate) fn shifted(self, exponent: &str) -> Option<Decimal> {
        let exponent: i16 = exponent.strip_prefix('+').unwrap_or(exponent).parse().ok()?;
        let mut mantissa = self.mantissa;
        let mut scale = i16::from(self.scale).checked_sub(exponent)?;
        if mantissa == 0 {
            return Some(Decimal::ZERO);
        }
        while scale < 0 {
            mantissa = mantissa.checked_mul(10)?;
            scale = scale.saturating_add(1);
        }
        while scale > i16::from(Decimal::SCALE_MAX) && mantissa.checked_rem(10) == Some(0) {
            mantissa = mantissa.checked_div(10)?;
            scale = scale.saturating_sub(1);
        }
        Decimal::new(mantissa, u8::try_from(scale).ok()?)
    }

    /// Reads a whole text, of any length.
    pub(crate) fn parse(text: &[u8]) -> Result<Decimal, DecimalError> {
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, text),
        };
        let mut parts = digits.splitn(2, |&byte| byte == b'.');
        let whole = parts.next().unwrap_or_default();
        let fraction = parts.next();
        let all_digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
        if !all_digits(whole) || !fraction.is_none_or(all_digits) {
            return Err(DecimalError::Invalid);
        }
        let fraction = fraction.unwrap_or_default();
        let exact = Decimal::from_digits(negative, whole, fraction);
        exact
            .or_else(|| Decimal::from_digits(negative, whole, without_trailing_zeros(fraction)))
            .ok_or(DecimalError::Precision)
    }

    fn from_digits(negative: bool, whole: &[u8], fraction: &[u8]) -> Option<Decimal> {
        let scale = u8::try_from(fraction.len()).ok().filter(|&scale| scale <= Decimal::SCALE_MAX)?;
        let mut mantissa = 0_i64;
        for byte in whole.iter().chain(fraction) {
            let digit = i64::from(byte.wrapping_sub(b'0'));
            // Downwards, since the negative range is the larger one.
            mantissa = mantissa.checked_mul(10)?.checked_sub(digit)?;
        }
        let mantissa = if negative { mantissa } else { mantissa.checked_neg()? };
        Some(Decimal { mantissa, scale })
    }

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

/// Turns eight digits into their values, each in its byte.
pub(crate) const ZEROS: u64 = 0x3030_3030_3030_3030;

/// Marks the bytes above nine, each at its highest bit. Bytes above 0x89 spoil the marks behind
/// them; so the first mark is right, and each one up to the first such byte.
#[inline]
pub(crate) const fn others(digits: u64) -> u64 {
    (digits.wrapping_add(0x7676_7676_7676_7676) | digits) & 0x8080_8080_8080_8080
}

/// The value of eight digits, the first in the lowest byte, each byte 0 to 9.
#[inline]
pub(crate) const fn eight_digits(digits: u64) -> u64 {
    // Pairs, then fours, then all eight: each step adds neighbours, the left one weighted.
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff
}

fn without_trailing_zeros(fraction: &[u8]) -> &[u8] {
    let kept = fraction.iter().rposition(|&digit| digit != b'0').map_or(0, |last| last.saturating_add(1));
    fraction.get(..kept).unwrap_or_default()
}

impl FromStr for Decimal {
    type Err = DecimalError;

    /// Reads `-?digits(.digits)?`.
    ///
    /// # Errors
    ///
    /// [`DecimalError::Invalid`] for any other form, [`DecimalError::Precision`] for what would
    /// have to be rounded.
    fn from_str(text: &str) -> Result<Decimal, DecimalError> {
        Decimal::parse(text.as_bytes())
    }
}

impl fmt::Display for Decimal {
    /// All decimals, without exponent; `{:width$}` pads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.mantissa.unsigned_abs();
        let unit = power(self.scale);
        let whole = magnitude.checked_div(unit).unwrap_or(0);
        let fraction = magnitude.checked_rem(unit).unwrap_or(0);
        // Sign, nineteen digits, point: 21 bytes at most, or 20 with a leading "0.".
        let mut text = Text { bytes: [0; 24], length: 0 };
        let scale = usize::from(self.scale);
        if scale == 0 {
            fmt::Write::write_fmt(&mut text, format_args!("{whole}"))?;
        } else {
            fmt::Write::write_fmt(&mut text, format_args!("{whole}.{fraction:0scale$}"))?;
        }
        f.pad_integral(self.mantissa >= 0, "", text.as_str())
    }
}

/// A short text on the stack, so that padding works without an allocation.
struct Text {
    bytes: [u8; 24],
    length: usize,
}

impl Text {
    fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|text| str::from_utf8(text).ok()).unwrap_or("")
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length.saturating_add(text.len());
        let room = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

impl Ord for Decimal {
    #[inline]
    fn cmp(&self, other: &Decimal) -> Ordering {
        if self.scale == other.scale {
            return self.mantissa.cmp(&other.mantissa);
        }
        let scale = self.scale.max(other.scale);
        self.at_scale(scale).cmp(&other.at_scale(scale))
    }
}

impl PartialOrd for Decimal {
    #[inline]
    fn partial_cmp(&self, other: &Decimal) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    #[inline]
    fn eq(&self, other: &Decimal) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl Hash for Decimal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Decimal { mantissa, scale } = self.normalized();
        (mantissa, scale).hash(state);
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Decimal {
    /// As text, since a JSON number would lose digits in most readers.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Decimal {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        crate::value::serde_text::deserialize(deserializer, "a decimal number as text")
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn parse_and_print() {
        // text, printed (None: as it was), or the error
        let table: &[(&str, Result<&str, DecimalError>)] = &[
            ("0", Ok("0")),
            ("-0", Ok("0")),
            ("0.00", Ok("0.00")),
            ("00.50", Ok("0.50")),
            ("83361.25000", Ok("83361.25000")),
            ("-0.0020", Ok("-0.0020")),
            ("0.000000000000000001", Ok("0.000000000000000001")),
            ("9223372036854775807", Ok("9223372036854775807")),
            ("-9223372036854775808", Ok("-9223372036854775808")),
            ("9000000000000.0000000000", Ok("9000000000000")),
            ("9000000000000.1000000000", Ok("9000000000000.1")),
            ("0.10000000000000000000000000", Ok("0.1")),
            ("9223372036854775808", Err(DecimalError::Precision)),
            ("0.0000000000000000001", Err(DecimalError::Precision)),
            ("", Err(DecimalError::Invalid)),
            ("-", Err(DecimalError::Invalid)),
            (".5", Err(DecimalError::Invalid)),
            ("5.", Err(DecimalError::Invalid)),
            ("1.2.3", Err(DecimalError::Invalid)),
            ("1e5", Err(DecimalError::Invalid)),
            ("+1", Err(DecimalError::Invalid)),
            ("1 ", Err(DecimalError::Invalid)),
            ("--1", Err(DecimalError::Invalid)),
        ];
        for (text, expected) in table {
            let got = text.parse::<Decimal>().map(|decimal| decimal.to_string());
            assert_eq!(got, expected.map(ToString::to_string), "{text}");
        }
    }

    /// Every length, every place of the point: the short reader says what the long one says, or
    /// nothing.
    #[test]
    fn short_agrees_with_long() {
        let digits = "12345678901234567890";
        let mut read = 0;
        for length in 0..=20 {
            for point in 0..=length {
                let text = if point == 0 {
                    digits[..length].to_string()
                } else {
                    std::format!("{}.{}", &digits[..point], &digits[point..length])
                };
                for tail in ["\",\"1.0000\"]]", "\"},                 ", "x                   ", ""] {
                    let frame = std::format!("{text}{tail}");
                    let short = Decimal::parse_quoted_short(frame.as_bytes());
                    if let Some((value, used)) = short {
                        read += 1;
                        assert_eq!(used, text.len(), "{frame}");
                        let long = Decimal::parse(text.as_bytes()).unwrap();
                        assert_eq!((value.mantissa, value.scale), (long.mantissa, long.scale), "{frame}");
                    } else {
                        // The whole part ends within the first word, the number within the second.
                        let whole = text.find('.').unwrap_or(text.len());
                        let fits = whole < 8 && text.len() < 16 && tail.starts_with('"');
                        let valid = Decimal::parse(text.as_bytes()).is_ok();
                        assert!(!(fits && valid && frame.len() >= 16), "missed {frame}");
                    }
                }
            }
        }
        assert!(read > 100, "only {read} were read the short way");
    }

    #[test]
    fn short_refuses_what_is_no_decimal() {
        for text in [
            "12a4\"            ",
            "-1.5\"            ",
            "1..5\"            ",
            "1.5.\"           ",
            ".5\"              ",
            "5.\"              ",
            "\"                ",
            "1\u{ff}2\"            ",
            "1.\u{ff}\"           ",
        ] {
            assert_eq!(Decimal::parse_quoted_short(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn padding() {
        let price: Decimal = "-1.50".parse().unwrap();
        assert_eq!(std::format!("[{price:>8}] [{price:<8}]"), "[   -1.50] [-1.50   ]");
    }
}
