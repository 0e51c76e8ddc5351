//! Arithmetic of decimals: exact, or with a rounding that the caller chooses.

use core::borrow::Borrow;
use core::ops::Neg;

use super::{Decimal, power};

/// The direction of rounding.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Rounding {
    /// To the lower of the two neighbours: -1.5 becomes -2.
    Down,
    /// To the higher of the two neighbours: -1.5 becomes -1.
    Up,
    /// To the neighbour that is nearer to zero: -1.5 becomes -1, and 1.5 becomes 1.
    TowardsZero,
    /// To the nearest number. A number halfway between two others becomes the one whose last digit is even.
    Nearest,
}

impl Rounding {
    pub(super) const fn divide(self, dividend: i128, divisor: i128) -> Option<i128> {
        let (Some(quotient), Some(rest)) = (dividend.checked_div(divisor), dividend.checked_rem(divisor))
        else {
            return None;
        };
        let negative = (dividend < 0) != (divisor < 0);
        let away = match self {
            _ if rest == 0 => false,
            Rounding::Down => negative,
            Rounding::Up => !negative,
            Rounding::TowardsZero => false,
            Rounding::Nearest => {
                let (rest, divisor) = (rest.unsigned_abs(), divisor.unsigned_abs());
                let other = divisor.saturating_sub(rest);
                rest > other || (rest == other && quotient & 1 == 1)
            }
        };
        match (away, negative) {
            (false, _) => Some(quotient),
            (true, true) => quotient.checked_sub(1),
            (true, false) => quotient.checked_add(1),
        }
    }
}

impl Neg for Decimal {
    type Output = Decimal;

    fn neg(self) -> Decimal {
        Decimal { mantissa: self.mantissa.wrapping_neg(), ..self }
    }
}

impl Decimal {
    /// Returns the absolute value.
    #[must_use]
    pub const fn abs(self) -> Decimal {
        Decimal { mantissa: self.mantissa.wrapping_abs(), scale: self.scale }
    }

    /// Adds exactly. Returns `None` if a `Decimal` cannot hold the sum. The sum has as many decimals as the operand
    /// with more decimals, but fewer if only the sum without trailing zeros fits.
    ///
    /// ```
    /// # use gemini_ws::Decimal;
    /// let (a, b) = (Decimal::constant("0.1"), Decimal::constant("0.25"));
    /// assert_eq!(a.checked_add(b).unwrap().to_string(), "0.35");
    /// ```
    pub fn checked_add(self, other: Decimal) -> Option<Decimal> {
        let scale = self.scale.max(other.scale);
        let sum = self.at_scale(scale).checked_add(other.at_scale(scale))?;
        Decimal::fit(sum, scale)
    }

    /// Subtracts exactly. Returns `None` if a `Decimal` cannot hold the difference.
    ///
    /// ```
    /// # use gemini_ws::Decimal;
    /// let (ask, bid) = (Decimal::constant("83423.000"), Decimal::constant("83395.5"));
    /// assert_eq!(ask.checked_sub(bid).unwrap().to_string(), "27.500");
    /// ```
    pub fn checked_sub(self, other: Decimal) -> Option<Decimal> {
        self.checked_add(other.neg())
    }

    /// Multiplies exactly. Returns `None` if a `Decimal` cannot hold the product.
    ///
    /// ```
    /// # use gemini_ws::Decimal;
    /// let (price, quantity) = (Decimal::constant("2.5"), Decimal::constant("0.04"));
    /// assert_eq!(price.checked_mul(quantity).unwrap().to_string(), "0.100");
    /// ```
    pub fn checked_mul(self, other: Decimal) -> Option<Decimal> {
        let product = i128::from(self.mantissa).checked_mul(i128::from(other.mantissa))?;
        Decimal::fit(product, self.scale.checked_add(other.scale)?)
    }

    /// Multiplies and rounds to `scale` decimals. Returns `None` if a `Decimal` cannot hold the result.
    ///
    /// ```
    /// # use gemini_ws::{Decimal, Rounding};
    /// let (price, fee) = (Decimal::constant("63111.15"), Decimal::constant("0.00125"));
    /// assert_eq!(price.checked_mul_rounded(fee, 2, Rounding::Up).unwrap().to_string(), "78.89");
    /// ```
    pub fn checked_mul_rounded(self, other: Decimal, scale: u8, rounding: Rounding) -> Option<Decimal> {
        let product = i128::from(self.mantissa).checked_mul(i128::from(other.mantissa))?;
        at_scale(product, self.scale.checked_add(other.scale)?, 1, scale, rounding)
    }

    /// Divides and rounds to `scale` decimals. Returns `None` if a `Decimal` cannot hold the result, or if `divisor`
    /// is zero.
    ///
    /// ```
    /// # use gemini_ws::{Decimal, Rounding};
    /// let (value, quantity) = (Decimal::constant("-100"), Decimal::constant("3"));
    /// assert_eq!(value.checked_div(quantity, 2, Rounding::Nearest).unwrap().to_string(), "-33.33");
    /// assert_eq!(value.checked_div(Decimal::ZERO, 2, Rounding::Nearest), None);
    /// ```
    pub fn checked_div(self, divisor: Decimal, scale: u8, rounding: Rounding) -> Option<Decimal> {
        // To divide by a number with n decimals, multiply by 10ⁿ and divide by the mantissa of the number.
        let dividend = i128::from(self.mantissa).checked_mul(i128::from(power(divisor.scale)))?;
        at_scale(dividend, self.scale, i128::from(divisor.mantissa), scale, rounding)
    }

    /// Rounds to `scale` decimals. Returns `None` if a `Decimal` cannot hold the result.
    ///
    /// ```
    /// # use gemini_ws::{Decimal, Rounding};
    /// let price = Decimal::constant("99966.895");
    /// assert_eq!(price.rounded(2, Rounding::Nearest).unwrap().to_string(), "99966.90");
    /// assert_eq!(price.rounded(0, Rounding::Down).unwrap().to_string(), "99966");
    /// ```
    pub fn rounded(self, scale: u8, rounding: Rounding) -> Option<Decimal> {
        at_scale(i128::from(self.mantissa), self.scale, 1, scale, rounding)
    }

    /// Rounds to a multiple of `tick`. Returns `None` if a `Decimal` cannot hold the result, or if `tick` is not
    /// positive.
    ///
    /// ```
    /// # use gemini_ws::{Decimal, Rounding};
    /// let (price, tick) = (Decimal::constant("100.13"), Decimal::constant("0.25"));
    /// assert_eq!(price.rounded_to_tick(tick, Rounding::Down).unwrap().to_string(), "100.00");
    /// assert_eq!(price.rounded_to_tick(tick, Rounding::Nearest).unwrap().to_string(), "100.25");
    /// ```
    pub fn rounded_to_tick(self, tick: Decimal, rounding: Rounding) -> Option<Decimal> {
        if tick.mantissa <= 0 {
            return None;
        }
        let scale = self.scale.max(tick.scale);
        let ticks = rounding.divide(self.at_scale(scale), tick.at_scale(scale))?;
        Decimal::fit(ticks.checked_mul(i128::from(tick.mantissa))?, tick.scale)
    }

    /// Adds all values exactly. Returns `None` if a `Decimal` cannot hold the sum of all values. The sum of no values
    /// is zero.
    ///
    /// ```
    /// # use gemini_ws::Decimal;
    /// let fills = ["0.1", "0.25"].map(Decimal::constant);
    /// assert_eq!(Decimal::checked_sum(fills), Some(Decimal::constant("0.35")));
    /// ```
    pub fn checked_sum(values: impl IntoIterator<Item: Borrow<Decimal>>) -> Option<Decimal> {
        let (sum, scale, _) = total(values)?;
        Decimal::fit(sum, scale)
    }

    /// Returns the mean, rounded to `scale` decimals. Returns `None` if there are no values, if a `Decimal` cannot
    /// hold the mean, or if 128 bits cannot hold the sum at the largest scale of the values.
    ///
    /// ```
    /// # use gemini_ws::{Decimal, Rounding};
    /// let prices = ["100", "101"].map(Decimal::constant);
    /// assert_eq!(Decimal::mean(prices, 1, Rounding::Nearest), Some(Decimal::constant("100.5")));
    /// ```
    pub fn mean(
        values: impl IntoIterator<Item: Borrow<Decimal>>,
        scale: u8,
        rounding: Rounding,
    ) -> Option<Decimal> {
        let (sum, sum_scale, count) = total(values)?;
        at_scale(sum, sum_scale, count, scale, rounding)
    }
}

/// Returns the sum of the values, its scale, and the number of the values; `None` if 128 bits cannot hold the sum.
fn total(values: impl IntoIterator<Item: Borrow<Decimal>>) -> Option<(i128, u8, i128)> {
    // Keeps one sum for each scale. A single sum at the largest scale could overflow although the final sum fits.
    let (mut sums, mut count) = ([0_i128; Decimal::SCALE_MAX as usize + 1], 0_i128);
    let mut common = 0_u8;
    for value in values {
        let value: &Decimal = value.borrow();
        let sum = sums.get_mut(usize::from(value.scale))?;
        *sum = sum.checked_add(i128::from(value.mantissa))?;
        common = common.max(value.scale);
        count = count.checked_add(1)?;
    }
    // From the sum at each scale, one digit stays, and the rest is carried to the next lower scale.
    let (mut digits, mut unit, mut carry) = (0_i128, 1_i128, 0_i128);
    for sum in sums.get(1..=usize::from(common))?.iter().rev() {
        carry = carry.checked_add(*sum)?;
        digits = digits.checked_add(carry.checked_rem(10)?.checked_mul(unit)?)?;
        (carry, unit) = (carry.checked_div(10)?, unit.checked_mul(10)?);
    }
    let whole = carry.checked_add(*sums.first()?)?;
    Some((whole.checked_mul(unit)?.checked_add(digits)?, common, count))
}

/// Returns `dividend` · 10⁻ˢᶜᵃˡᵉ / `divisor`, rounded to `to` decimals.
fn at_scale(dividend: i128, scale: u8, divisor: i128, to: u8, rounding: Rounding) -> Option<Decimal> {
    let factor = |exponent: u8| 10_i128.checked_pow(u32::from(exponent));
    // If `dividend` times the factor does not fit into 128 bits, a `Decimal` cannot hold the result either. `divisor`
    // times the factor always fits.
    let (dividend, divisor) = match to.checked_sub(scale) {
        Some(more) => (dividend.checked_mul(factor(more)?)?, divisor),
        None => (dividend, divisor.checked_mul(factor(scale.saturating_sub(to))?)?),
    };
    let mantissa = i64::try_from(rounding.divide(dividend, divisor)?).ok()?;
    Decimal::new(mantissa, to)
}
