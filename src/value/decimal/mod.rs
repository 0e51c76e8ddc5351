//! [`Decimal`]: exact prices and quantities in twelve bytes.

pub(crate) mod arithmetic;
mod convert;
mod quoted;

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::str::FromStr;

use crate::value::print;

/// An exact decimal number: a 64-bit mantissa, and a scale of up to [`Decimal::SCALE_MAX`]. The scale is the number
/// of digits after the point.
///
/// A `Decimal` keeps trailing zeros: `83361.25000` prints as `83361.25000`. Comparison is by value: `83361.25000` and
/// `83361.25` are equal.
///
/// Parsing never rounds. If a text has too many digits, parsing drops the trailing zeros of the fraction, because the
/// venue pads numbers. If the number still does not fit, parsing returns an error.
///
/// ```
/// use gemini_ws::Decimal;
///
/// const TICK: Decimal = Decimal::constant("0.01");
/// let price: Decimal = "83361.25000".parse().unwrap();
/// assert_eq!((price.mantissa(), price.scale()), (8_336_125_000, 5));
/// assert_eq!(price, Decimal::new(8_336_125, 2).unwrap());
/// assert_eq!(price.to_string(), "83361.25000");
/// assert_eq!(format!("{price:.1} {TICK:?} {:>9}", -TICK), "83361.2 0.01     -0.01");
/// ```
// A `Decimal` has twelve bytes instead of sixteen, so a level of a book has 24.
#[derive(Clone, Copy, Default)]
#[repr(C, packed(4))]
pub struct Decimal {
    /// All digits as one integer. Never `i64::MIN`, so each value can be negated.
    mantissa: i64,
    scale: u8,
}

/// The reason why a conversion to or from a [`Decimal`] fails.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum DecimalError {
    /// The text is not of the form `-?digits(.digits)?`, or the float is not finite.
    Invalid,
    /// The target type cannot hold the exact number. A `Decimal` has a 64-bit mantissa and at most eighteen decimals.
    Precision,
}

impl fmt::Display for DecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DecimalError::Invalid => "not a decimal number",
            DecimalError::Precision => "the exact number does not fit",
        })
    }
}

impl core::error::Error for DecimalError {}

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

#[expect(clippy::indexing_slicing, reason = "the index is compared with the length")]
const fn power(exponent: u8) -> u64 {
    debug_assert!(exponent < 20);
    let index = exponent as usize;
    if index < POWERS.len() { POWERS[index] } else { u64::MAX }
}

impl Decimal {
    /// Zero, without decimals.
    pub const ZERO: Decimal = Decimal { mantissa: 0, scale: 0 };

    /// One, without decimals.
    pub const ONE: Decimal = Decimal { mantissa: 1, scale: 0 };

    /// The maximum number of decimals that a value can have.
    pub const SCALE_MAX: u8 = 18;

    /// Creates `mantissa` · 10⁻ˢᶜᵃˡᵉ; `None` if `scale` exceeds [`Decimal::SCALE_MAX`] or `mantissa` is `i64::MIN`.
    pub const fn new(mantissa: i64, scale: u8) -> Option<Decimal> {
        if scale <= Decimal::SCALE_MAX && mantissa != i64::MIN {
            Some(Decimal { mantissa, scale })
        } else {
            None
        }
    }

    /// Parses a constant. In a `const`, a wrong text fails the build.
    ///
    /// # Panics
    ///
    /// Panics if `parse` would return an error: the text is not of the form `-?digits(.digits)?`, or a `Decimal`
    /// cannot hold the exact number. Use `parse` for texts that are not known at build time.
    ///
    /// ```
    /// # use gemini_ws::Decimal;
    /// const LOT: Decimal = Decimal::constant("0.00001");
    /// assert_eq!(LOT.scale(), 5);
    /// ```
    #[expect(clippy::panic, reason = "documented, and meant for the compiler")]
    pub const fn constant(text: &str) -> Decimal {
        match Decimal::parse(text.as_bytes()) {
            Ok(decimal) => decimal,
            Err(_) => panic!("not a decimal number of at most 64 bits and eighteen decimals"),
        }
    }

    /// Returns all digits as one integer with the sign of the value.
    pub const fn mantissa(self) -> i64 {
        self.mantissa
    }

    /// Returns the number of decimals.
    pub const fn scale(self) -> u8 {
        self.scale
    }

    /// Returns whether the value is zero.
    pub const fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// Returns whether the value is less than zero.
    pub const fn is_negative(self) -> bool {
        self.mantissa < 0
    }

    /// Removes trailing zeros of the fraction. The value is unchanged.
    ///
    /// ```
    /// # use gemini_ws::Decimal;
    /// assert_eq!(Decimal::constant("0.000").normalized().to_string(), "0");
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

    /// Changes the number of decimals to `scale`, without a change of the value. Returns `None` if a digit other than
    /// zero would be lost, or if a `Decimal` cannot hold the result.
    ///
    /// ```
    /// # use gemini_ws::Decimal;
    /// let price = Decimal::constant("1.5");
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
                Some(mantissa) => Decimal::new(mantissa, scale),
                None => None,
            };
        }
        let divisor = power(self.scale.saturating_sub(scale)) as i64;
        match (self.mantissa.checked_rem(divisor), self.mantissa.checked_div(divisor)) {
            (Some(0), Some(mantissa)) => Some(Decimal { mantissa, scale }),
            _ => None,
        }
    }

    /// Returns the mantissa of the value at `scale` decimals. `scale` must be at least `self.scale`.
    fn at_scale(self, scale: u8) -> i128 {
        let factor = power(scale.saturating_sub(self.scale));
        i128::from(self.mantissa).saturating_mul(i128::from(factor))
    }

    /// Creates `mantissa` · 10⁻ˢᶜᵃˡᵉ. Drops trailing zeros of the fraction only as needed to make the mantissa fit.
    fn fit(mut mantissa: i128, mut scale: u8) -> Option<Decimal> {
        loop {
            if let Ok(mantissa) = i64::try_from(mantissa)
                && let Some(decimal) = Decimal::new(mantissa, scale)
            {
                return Some(decimal);
            }
            if scale == 0 || mantissa.checked_rem(10) != Some(0) {
                return None;
            }
            mantissa = mantissa.checked_div(10)?;
            scale = scale.saturating_sub(1);
        }
    }

    pub(crate) const fn parse(text: &[u8]) -> Result<Decimal, DecimalError> {
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, text),
        };
        let (whole, behind) = digits.split_at(leading_digits(digits));
        let fraction = match behind {
            [] => behind,
            [b'.', fraction @ ..] if !fraction.is_empty() => fraction,
            _ => return Err(DecimalError::Invalid),
        };
        if whole.is_empty() || leading_digits(fraction) != fraction.len() {
            return Err(DecimalError::Invalid);
        }
        let mut exact = Decimal::from_digits(negative, whole, fraction);
        if exact.is_none() {
            exact = Decimal::from_digits(negative, whole, without_trailing_zeros(fraction));
        }
        match exact {
            Some(exact) => Ok(exact),
            None => Err(DecimalError::Precision),
        }
    }

    const fn from_digits(negative: bool, whole: &[u8], fraction: &[u8]) -> Option<Decimal> {
        if fraction.len() > Decimal::SCALE_MAX as usize {
            return None;
        }
        let (mut mantissa, mut rest, mut behind) = (0_i64, whole, fraction);
        loop {
            let digit = match rest {
                [digit, tail @ ..] => {
                    rest = tail;
                    digit.wrapping_sub(b'0') as i64
                }
                [] if behind.is_empty() => break,
                [] => {
                    (rest, behind) = (behind, &[]);
                    continue;
                }
            };
            mantissa = match mantissa.checked_mul(10) {
                Some(tens) => match tens.checked_add(digit) {
                    Some(mantissa) => mantissa,
                    None => return None,
                },
                None => return None,
            };
        }
        let mantissa = if negative { mantissa.wrapping_neg() } else { mantissa };
        Some(Decimal { mantissa, scale: fraction.len() as u8 })
    }
}

const fn leading_digits(text: &[u8]) -> usize {
    let mut rest = text;
    while let [b'0'..=b'9', tail @ ..] = rest {
        rest = tail;
    }
    text.len().saturating_sub(rest.len())
}

const fn without_trailing_zeros(mut fraction: &[u8]) -> &[u8] {
    while let [rest @ .., b'0'] = fraction {
        fraction = rest;
    }
    fraction
}

impl FromStr for Decimal {
    type Err = DecimalError;

    /// Parses `-?digits(.digits)?`.
    ///
    /// # Errors
    ///
    /// Returns [`DecimalError::Invalid`] for any other form, and [`DecimalError::Precision`] if a decimal cannot hold
    /// the exact number.
    fn from_str(text: &str) -> Result<Decimal, DecimalError> {
        Decimal::parse(text.as_bytes())
    }
}

impl fmt::Display for Decimal {
    /// Prints all decimals, without an exponent. A width pads the text. A precision adds zeros, or rounds to the
    /// nearest number: of two equally near numbers, to the one whose last digit is even.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| print::number(f, text))
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Decimal {
    fn with_text<T>(self, see: impl FnOnce(&str) -> T) -> T {
        let magnitude = self.mantissa.unsigned_abs();
        let unit = power(self.scale);
        let whole = magnitude.checked_div(unit).unwrap_or(0);
        let fraction = magnitude.checked_rem(unit).unwrap_or(0);
        let sign = if self.is_negative() { "-" } else { "" };
        // A sign, nineteen digits and a point need at most 21 bytes.
        let mut text = Text { bytes: [0; 24], length: 0 };
        let scale = usize::from(self.scale);
        let _ = match scale {
            0 => fmt::Write::write_fmt(&mut text, format_args!("{sign}{whole}")),
            _ => fmt::Write::write_fmt(&mut text, format_args!("{sign}{whole}.{fraction:0scale$}")),
        };
        see(text.as_str())
    }
}

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
            return self.mantissa().cmp(&other.mantissa());
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
    /// Serializes as text, because most readers of JSON numbers would lose digits.
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
#[path = "../../../tests/unit/value_decimal.rs"]
mod tests;
