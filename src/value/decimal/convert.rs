//! Conversions between decimals and other numbers.

use super::arithmetic::Rounding;
use super::{Decimal, DecimalError};
use crate::value::inline::from_text;

macro_rules! from_small {
    ($($integer:ty)*) => {$(
        impl From<$integer> for Decimal {
            fn from(value: $integer) -> Decimal {
                Decimal { mantissa: i64::from(value), scale: 0 }
            }
        }
    )*};
}
from_small!(i8 i16 i32 u8 u16 u32);

macro_rules! from_and_to_large {
    ($($integer:ty)*) => {$(
        impl TryFrom<$integer> for Decimal {
            type Error = DecimalError;

            /// Converts an integer. Returns [`DecimalError::Precision`] if a `Decimal` cannot hold the integer.
            fn try_from(value: $integer) -> Result<Decimal, DecimalError> {
                let mantissa = i64::try_from(value).map_err(|_| DecimalError::Precision)?;
                Decimal::new(mantissa, 0).ok_or(DecimalError::Precision)
            }
        }

        impl TryFrom<Decimal> for $integer {
            type Error = DecimalError;

            /// Converts a value. Returns [`DecimalError::Precision`] if the value has a fraction, or if the integer
            /// type cannot hold it.
            fn try_from(value: Decimal) -> Result<$integer, DecimalError> {
                let whole = value.rescaled(0).ok_or(DecimalError::Precision)?;
                <$integer>::try_from(whole.mantissa).map_err(|_| DecimalError::Precision)
            }
        }
    )*};
}
from_and_to_large!(i64 i128 isize u64 u128 usize);

from_text!(Decimal, DecimalError);

impl TryFrom<f64> for Decimal {
    type Error = DecimalError;

    /// Converts a float whose exact value a `Decimal` can hold, such as 0.5.
    ///
    /// Returns [`DecimalError::Precision`] for any other finite float, for example `0.1_f64`, whose exact value has
    /// 55 decimals. Returns [`DecimalError::Invalid`] for a float that is not finite. To round instead, call
    /// [`Decimal::from_f64_nearest`].
    fn try_from(value: f64) -> Result<Decimal, DecimalError> {
        let (mantissa, exponent) = parts(value).ok_or(DecimalError::Invalid)?;
        let exact = match u32::try_from(exponent) {
            Ok(up) => scaled(mantissa, up).and_then(|mantissa| Decimal::fit(mantissa, 0)),
            Err(_) => exponent.unsigned_abs().try_into().ok().and_then(|scale: u8| {
                let fives = 5_i128.checked_pow(u32::from(scale))?;
                Decimal::fit(mantissa.checked_mul(fives)?, scale)
            }),
        };
        exact.ok_or(DecimalError::Precision)
    }
}

impl Decimal {
    /// Returns the decimal nearest to a float, with exactly `scale` decimals. Of two equally near decimals, returns
    /// the one whose last digit is even. Returns `None` if the float is not finite, or if a `Decimal` cannot hold the
    /// result.
    ///
    /// ```
    /// # use gemini_ws::Decimal;
    /// assert_eq!(Decimal::from_f64_nearest(0.1, 2).unwrap().to_string(), "0.10");
    /// assert_eq!(Decimal::from_f64_nearest(f64::NAN, 2), None);
    /// ```
    pub fn from_f64_nearest(value: f64, scale: u8) -> Option<Decimal> {
        let (mantissa, exponent) = parts(value)?;
        let tens = 10_i128.checked_pow(u32::from(scale))?;
        let wide = mantissa.checked_mul(tens)?;
        let rounded = match u32::try_from(exponent) {
            Ok(up) => scaled(wide, up)?,
            // Below an exponent of -126, the value is less than half a unit of the last decimal, so it rounds to
            // zero.
            Err(_) => match 1_i128.checked_shl(exponent.unsigned_abs()).filter(|unit| *unit > 0) {
                Some(unit) => Rounding::Nearest.divide(wide, unit)?,
                None => 0,
            },
        };
        Decimal::new(i64::try_from(rounded).ok()?, scale)
    }

    /// Returns the nearest float. `f64::try_from` converts only values that a float holds exactly.
    pub fn to_f64_nearest(self) -> f64 {
        // The result is rounded only once, when the text is parsed.
        self.with_text(|text| text.parse().unwrap_or(f64::NAN))
    }
}

impl Decimal {
    /// Parses a number with a JSON exponent. Keeps the trailing zeros of the fraction only if the number fits with
    /// them.
    pub(crate) fn scientific(mantissa: &str, exponent: &str) -> Result<Decimal, DecimalError> {
        if Decimal::parse(mantissa.as_bytes()) == Err(DecimalError::Invalid) {
            return Err(DecimalError::Invalid);
        }
        Decimal::moved(mantissa, exponent).ok_or(DecimalError::Precision)
    }

    fn moved(mantissa: &str, exponent: &str) -> Option<Decimal> {
        let digits = || mantissa.bytes().filter(u8::is_ascii_digit);
        let zeros =
            mantissa.bytes().rev().filter(u8::is_ascii_digit).take_while(|digit| *digit == b'0').count();
        let significant = digits().take(digits().count().checked_sub(zeros)?);
        let mut value = significant.into_iter().try_fold(0_i64, |value, digit| {
            value.checked_mul(10)?.checked_add(i64::from(digit.wrapping_sub(b'0')))
        })?;
        if value == 0 {
            return Some(Decimal::ZERO);
        }
        let exponent: i64 = exponent.strip_prefix('+').unwrap_or(exponent).parse().ok()?;
        let written = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let written = i64::try_from(written).ok()?.checked_sub(exponent)?;
        let mut scale = written.checked_sub(i64::try_from(zeros).ok()?)?;
        while scale < 0 {
            value = value.checked_mul(10)?;
            scale = scale.saturating_add(1);
        }
        let value = if mantissa.starts_with('-') { value.wrapping_neg() } else { value };
        let exact = Decimal::new(value, u8::try_from(scale).ok()?)?;
        let padded = exact.rescaled(u8::try_from(written.clamp(0, i64::from(Decimal::SCALE_MAX))).ok()?);
        Some(padded.unwrap_or(exact))
    }
}

impl TryFrom<Decimal> for f64 {
    type Error = DecimalError;

    /// Converts a value that a float holds exactly. Returns [`DecimalError::Precision`] for any other value.
    fn try_from(value: Decimal) -> Result<f64, DecimalError> {
        let float = value.to_f64_nearest();
        if Decimal::try_from(float) == Ok(value) { Ok(float) } else { Err(DecimalError::Precision) }
    }
}

/// Splits a finite float into an odd mantissa and a power of two; `None` for any other float. Zero becomes two zeros.
fn parts(value: f64) -> Option<(i128, i32)> {
    if !value.is_finite() {
        return None;
    }
    let bits = value.to_bits();
    let fraction = bits & 0x000f_ffff_ffff_ffff;
    let exponent = ((bits >> 52) & 0x7ff) as i32;
    let (magnitude, exponent) = match exponent {
        0 => (fraction, -1074),
        _ => (fraction | 1 << 52, exponent.wrapping_sub(1075)),
    };
    if magnitude == 0 {
        return Some((0, 0));
    }
    let zeros = magnitude.trailing_zeros();
    let odd = i128::from(magnitude >> zeros);
    let odd = if value.is_sign_negative() { odd.wrapping_neg() } else { odd };
    Some((odd, exponent.wrapping_add(zeros as i32)))
}

fn scaled(mantissa: i128, exponent: u32) -> Option<i128> {
    mantissa.checked_mul(1_i128.checked_shl(exponent).filter(|unit| *unit > 0)?)
}

#[cfg(feature = "rust_decimal")]
impl From<Decimal> for rust_decimal::Decimal {
    fn from(value: Decimal) -> rust_decimal::Decimal {
        rust_decimal::Decimal::new(value.mantissa, u32::from(value.scale))
    }
}

#[cfg(feature = "rust_decimal")]
impl TryFrom<rust_decimal::Decimal> for Decimal {
    type Error = DecimalError;

    /// Converts a value. Returns [`DecimalError::Precision`] if a `Decimal` cannot hold the value.
    fn try_from(value: rust_decimal::Decimal) -> Result<Decimal, DecimalError> {
        let scale = u8::try_from(value.scale()).map_err(|_| DecimalError::Precision)?;
        Decimal::fit(value.mantissa(), scale).ok_or(DecimalError::Precision)
    }
}
