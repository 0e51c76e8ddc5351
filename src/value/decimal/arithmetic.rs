//! Arithmetic: exact where that is possible, else with a rounding that the caller names.

use core::borrow::Borrow;
use core::ops::Neg;

use super::{Decimal, power};

/// Where a number between two possible results goes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Rounding {
    /// To the lower one.
    Down,
    /// To the higher one.
    Up,
    /// To the one that is nearer to zero.
    TowardsZero,
    /// To the nearest; a half to the even one.
    Nearest,
}

impl Rounding {
    /// The quotient as an integer; `None` for a divisor of zero.
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
                // At most the divisor itself, so it fits.
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
    /// The value without its sign.
    #[must_use]
    pub const fn abs(self) -> Decimal {
        Decimal { mantissa: self.mantissa.wrapping_abs(), scale: self.scale }
    }

    /// The exact sum, or `None` if it does not fit.
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

    /// The exact difference, or `None` if it does not fit.
    ///
    /// ```
    /// # use gemini_ws::Decimal;
    /// let (ask, bid) = (Decimal::constant("83423.000"), Decimal::constant("83395.5"));
    /// assert_eq!(ask.checked_sub(bid).unwrap().to_string(), "27.500");
    /// ```
    pub fn checked_sub(self, other: Decimal) -> Option<Decimal> {
        self.checked_add(other.neg())
    }

    /// The exact product, or `None` if it does not fit.
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

    /// The product with exactly `scale` decimals, or `None` if it does not fit.
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

    /// The quotient with exactly `scale` decimals; `None` if it does not fit or `divisor` is zero.
    ///
    /// ```
    /// # use gemini_ws::{Decimal, Rounding};
    /// let (value, quantity) = (Decimal::constant("-100"), Decimal::constant("3"));
    /// assert_eq!(value.checked_div(quantity, 2, Rounding::Nearest).unwrap().to_string(), "-33.33");
    /// assert_eq!(value.checked_div(Decimal::ZERO, 2, Rounding::Nearest), None);
    /// ```
    pub fn checked_div(self, divisor: Decimal, scale: u8, rounding: Rounding) -> Option<Decimal> {
        // A divisor with more decimals than the dividend makes the quotient larger.
        let dividend = i128::from(self.mantissa).checked_mul(i128::from(power(divisor.scale)))?;
        at_scale(dividend, self.scale, i128::from(divisor.mantissa), scale, rounding)
    }

    /// The value with exactly `scale` decimals, or `None` if it does not fit.
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

    /// The value as a multiple of `tick`; `None` if it does not fit or `tick` is not above zero.
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

    /// The exact sum of all of them, or `None` if it does not fit. That of none is zero.
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

    /// The mean with exactly `scale` decimals; `None` if it does not fit, and for no values.
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

/// The sum of values, its scale, and how many they are.
fn total(values: impl IntoIterator<Item: Borrow<Decimal>>) -> Option<(i128, u8, i128)> {
    values.into_iter().try_fold((0_i128, 0_u8, 0_i128), |(sum, scale, count), value| {
        let value: &Decimal = value.borrow();
        let common = scale.max(value.scale);
        let sum = sum.checked_mul(i128::from(power(common.saturating_sub(scale))))?;
        Some((sum.checked_add(value.at_scale(common))?, common, count.checked_add(1)?))
    })
}

/// `dividend` · 10⁻ˢᶜᵃˡᵉ / `divisor`, with exactly `to` decimals.
fn at_scale(dividend: i128, scale: u8, divisor: i128, to: u8, rounding: Rounding) -> Option<Decimal> {
    let factor = |exponent: u8| 10_i128.checked_pow(u32::from(exponent));
    // Where one of the products does not fit, neither does the result: it would have more digits than that.
    let (dividend, divisor) = match to.checked_sub(scale) {
        Some(more) => (dividend.checked_mul(factor(more)?)?, divisor),
        None => (dividend, divisor.checked_mul(factor(scale.saturating_sub(to))?)?),
    };
    let mantissa = i64::try_from(rounding.divide(dividend, divisor)?).ok()?;
    Decimal::new(mantissa, to)
}
