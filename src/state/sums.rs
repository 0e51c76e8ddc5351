//! [`Sum`] and [`Traded`]: exact sums over fills.

use crate::value::decimal::Decimal;

/// A sum of prices times quantities: a mantissa and its number of decimals, or `None` after an overflow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Sum(Option<(i128, u8)>);

impl Default for Sum {
    fn default() -> Sum {
        Sum(Some((0, 0)))
    }
}

impl Sum {
    pub(super) fn add(&mut self, price: Decimal, quantity: Decimal) {
        self.0 = self.0.and_then(|(sum, scale)| {
            let (price, quantity) = (price.normalized(), quantity.normalized());
            let product = i128::from(price.mantissa()).checked_mul(i128::from(quantity.mantissa()))?;
            let product_scale = price.scale().checked_add(quantity.scale())?;
            let common = scale.max(product_scale);
            let sum = sum.checked_mul(10_i128.checked_pow(u32::from(common.checked_sub(scale)?))?)?;
            let shift = 10_i128.checked_pow(u32::from(common.checked_sub(product_scale)?))?;
            Some((sum.checked_add(product.checked_mul(shift)?)?, common))
        });
    }

    pub(super) fn to_decimal(self) -> Option<Decimal> {
        let (mut sum, mut scale) = self.0?;
        while scale > 0 && sum.checked_rem(10) == Some(0) {
            sum = sum.checked_div(10)?;
            scale = scale.saturating_sub(1);
        }
        Decimal::new(i64::try_from(sum).ok()?, scale)
    }

    /// Returns the sum divided by a quantity, rounded to `scale` decimals; halves are rounded away from zero. Returns
    /// `None` if the quantity is zero, or if the sum or the result is too large.
    pub(super) fn divided_by(self, quantity: Decimal, scale: u8) -> Option<Decimal> {
        let (sum, sum_scale) = self.0?;
        let divisor = i128::from(quantity.mantissa());
        // The mantissa of the result is sum / 10^sum_scale / (divisor / 10^quantity_scale) * 10^scale.
        let up = u32::from(scale).checked_add(u32::from(quantity.scale()))?;
        let shift = i64::from(up).checked_sub(i64::from(sum_scale))?;
        let power = 10_i128.checked_pow(u32::try_from(shift.unsigned_abs()).ok()?)?;
        let (numerator, divisor) = match shift {
            0.. => (sum.checked_mul(power)?, divisor),
            _ => (sum, divisor.checked_mul(power)?),
        };
        let (quotient, rest) = (numerator.checked_div(divisor)?, numerator.checked_rem(divisor)?);
        let is_half = rest.unsigned_abs() >= divisor.unsigned_abs().checked_sub(rest.unsigned_abs())?;
        let away = if (numerator < 0) == (divisor < 0) { 1 } else { -1 };
        let rounded = if is_half && rest != 0 { quotient.checked_add(away)? } else { quotient };
        Decimal::new(i64::try_from(rounded).ok()?, scale)
    }
}

/// The totals and average prices of the fills of one instrument.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Traded {
    bought: Half,
    sold: Half,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Half {
    /// `None` if a decimal cannot hold the sum, and before the first fill.
    quantity: Option<Decimal>,
    is_used: bool,
    value: Sum,
}

impl Half {
    fn add(&mut self, price: Decimal, quantity: Decimal) {
        let before = if self.is_used { self.quantity } else { Some(Decimal::ZERO) };
        self.is_used = true;
        self.quantity = before.and_then(|before| before.checked_add(quantity));
        self.value.add(price, quantity);
    }

    fn quantity(&self) -> Option<Decimal> {
        if self.is_used { self.quantity } else { Some(Decimal::ZERO) }
    }

    fn average(&self, scale: u8) -> Option<Decimal> {
        self.value.divided_by(self.quantity.filter(|quantity| !quantity.is_zero())?, scale)
    }
}

impl Traded {
    pub(super) fn add(&mut self, is_buy: bool, price: Decimal, quantity: Decimal) {
        let side = if is_buy { &mut self.bought } else { &mut self.sold };
        side.add(price, quantity);
    }

    /// Returns the quantity bought; `None` if a decimal cannot hold this quantity.
    pub fn bought(&self) -> Option<Decimal> {
        self.bought.quantity()
    }

    /// Returns the quantity sold; `None` if a decimal cannot hold this quantity.
    pub fn sold(&self) -> Option<Decimal> {
        self.sold.quantity()
    }

    /// Returns the quantity bought minus the quantity sold; `None` if a decimal cannot hold one of these quantities
    /// or the difference.
    pub fn net(&self) -> Option<Decimal> {
        self.bought()?.checked_sub(self.sold()?)
    }

    /// Returns the average price of all purchases, rounded to `scale` decimals; halves are rounded away from zero.
    /// Returns `None` if there are no purchases, if a decimal cannot hold their quantity or the average, or if the
    /// sum of price times quantity has more digits than 128 bits hold.
    pub fn average_bought(&self, scale: u8) -> Option<Decimal> {
        self.bought.average(scale)
    }

    /// Returns the average price of all sales, rounded to `scale` decimals; halves are rounded away from zero.
    /// Returns `None` if there are no sales, if a decimal cannot hold their quantity or the average, or if the sum of
    /// price times quantity has more digits than 128 bits hold.
    pub fn average_sold(&self, scale: u8) -> Option<Decimal> {
        self.sold.average(scale)
    }
}
