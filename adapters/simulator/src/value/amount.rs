//! [`Amount`]: exact amounts of assets, as integers in units of 10⁻¹⁸.

use gemini_ws::Decimal;

pub(crate) type Amount = i128;

const DECIMALS: u8 = 18;

/// The largest notional of an order: 10¹⁵ units of its quote currency.
pub(crate) const NOTIONAL_MAX: Amount = 10_i128.pow(15 + 18);

/// The largest quantity of an order or a quote, in units of the last decimal.
pub(crate) const QUANTITY_MAX: u64 = 1_000_000_000_000_000;

/// The unit of fees, which have eight decimals.
const FEE_UNIT: Amount = 10_i128.pow(10);

/// Converts an integer in units of 10^-`decimals` into an amount. `decimals` is at most 18.
pub(crate) const fn of_units(units: u64, decimals: u8) -> Amount {
    units as i128 * 10_i128.pow((DECIMALS - decimals) as u32)
}

pub(crate) fn of_decimal(decimal: Decimal) -> Amount {
    let amount = of_units(decimal.mantissa().unsigned_abs(), decimal.scale());
    if decimal.is_negative() { -amount } else { amount }
}

/// Converts the product of a price and a quantity into an amount. `decimals` is the number of decimals of both
/// together. `None` if `decimals` is above 18, or if the amount is too large.
pub(crate) fn of_product(product: u128, decimals: u8) -> Option<Amount> {
    let exponent = DECIMALS.checked_sub(decimals)?;
    i128::try_from(product).ok()?.checked_mul(10_i128.pow(u32::from(exponent)))
}

/// Converts a decimal into an integer in units of 10^-`decimals`. `None` if the decimal is not positive, has more
/// than `decimals` decimals, or is too large.
pub(crate) fn units(decimal: Decimal, decimals: u8) -> Option<u64> {
    let units = u64::try_from(decimal.normalized().rescaled(decimals)?.mantissa()).ok()?;
    (units > 0).then_some(units)
}

/// Returns the fee on a notional, rounded down to eight decimals. `basis_points` are hundredths of a percent.
pub(crate) fn fee(notional: Amount, basis_points: u32) -> Amount {
    notional.saturating_mul(Amount::from(basis_points)) / 10_000 / FEE_UNIT * FEE_UNIT
}

/// Returns the fee on a notional, rounded up to eight decimals. This covers the fees of all partial fills together.
pub(crate) fn largest_fee(notional: Amount, basis_points: u32) -> Amount {
    let exact = notional.saturating_mul(Amount::from(basis_points));
    let unit = 10_000 * FEE_UNIT;
    (exact / unit + Amount::from(exact % unit != 0)) * FEE_UNIT
}

/// Converts an amount into a decimal without trailing zeros. Digits that a decimal cannot hold are lost.
pub(crate) fn to_decimal(mut amount: Amount) -> Decimal {
    let mut scale = DECIMALS;
    while scale > 0 && (amount % 10 == 0 || i64::try_from(amount).is_err()) {
        amount /= 10;
        scale -= 1;
    }
    let mantissa = i64::try_from(amount).unwrap_or(if amount < 0 { i64::MIN } else { i64::MAX });
    Decimal::new(mantissa, scale).unwrap_or_default()
}

pub(crate) fn units_to_decimal(units: u64, decimals: u8) -> Decimal {
    to_decimal(of_units(units, decimals))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals() {
        for (text, expected) in [
            ("0", "0"),
            ("1.50", "1.5"),
            ("-0.0020", "-0.002"),
            ("1000000", "1000000"),
            ("0.000000000000000001", "0.000000000000000001"),
            ("9223372036854775807", "9223372036854775807"),
        ] {
            let amount = of_decimal(text.parse().unwrap());
            assert_eq!(to_decimal(amount).to_string(), expected);
        }
        // The amount has 20 digits, and the last one is lost.
        assert_eq!(to_decimal(12_345_678_901_234_567_891).to_string(), "12.34567890123456789");
        assert_eq!(units_to_decimal(8_336_125_000, 5).to_string(), "83361.25");
        assert_eq!(of_product(u128::MAX, 2), None);
        assert_eq!(of_product(5, 19), None);
    }

    #[test]
    fn fees() {
        assert_eq!(to_decimal(fee(of_decimal("1800".parse().unwrap()), 10)).to_string(), "1.8");
        for whole in [1_i128, 10_i128.pow(10), 123_456_789_012_345_678_901] {
            for part in [0, 1, whole / 3, whole / 2, whole] {
                let left = whole - part;
                assert!(fee(part, 35) + largest_fee(left, 35) <= largest_fee(whole, 35), "{whole} {part}");
            }
        }
    }
}
