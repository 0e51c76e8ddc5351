//! Formats numbers and times for people. Prices stay exact decimals.

use std::time::Duration;

use gemini_ws::{Decimal, Level};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    /// Ask minus bid; negative if the book is crossed.
    pub(crate) width: Decimal,
    pub(crate) mid: Decimal,
}

impl Spread {
    pub(crate) fn between(bid: Option<&Level>, ask: Option<&Level>) -> Option<Spread> {
        let (bid, ask) = (bid?.price, ask?.price);
        let half = Decimal::new(5, 1)?;
        let mid = bid.checked_add(ask)?.normalized().checked_mul(half)?.normalized();
        Some(Spread { width: ask.checked_sub(bid)?, mid })
    }

    /// Returns the spread relative to the mid, in hundredths of a basis point.
    fn basis_points(self) -> Option<i128> {
        let (width, mid) = (units(self.width), units(self.mid));
        width.checked_mul(1_000_000)?.checked_div(mid)
    }

    /// Formats the spread relative to the mid, such as `3.36 bp`; empty if it cannot be computed.
    pub(crate) fn relative(self) -> String {
        self.basis_points().map_or_else(String::new, |hundredths| {
            let sign = if hundredths < 0 { "-" } else { "" };
            let hundredths = hundredths.unsigned_abs();
            format!("{sign}{}.{:02} bp", hundredths / 100, hundredths % 100)
        })
    }
}

/// Returns a decimal in units of 10⁻¹², without further digits. Use the result only for ratios.
fn units(value: Decimal) -> i128 {
    let mantissa = i128::from(value.mantissa());
    match 12_u32.checked_sub(u32::from(value.scale())) {
        Some(more) => mantissa * 10_i128.pow(more),
        None => mantissa / 10_i128.pow(u32::from(value.scale()) - 12),
    }
}

/// Returns a bar whose length is the fraction `value / most` of `width` cells, in steps of an eighth of a cell.
pub(crate) fn bar(value: Decimal, most: Decimal, width: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let (value, most) = (units(value).max(0), units(most));
    if most <= 0 || width == 0 {
        return String::new();
    }
    let room = width as i128 * 8;
    // A quantity that is not zero is always visible.
    let length = (value.saturating_mul(room) / most).clamp(i128::from(value > 0), room);
    let (whole, part) = ((length / 8) as usize, (length % 8) as usize);
    format!("{}{}", "█".repeat(whole), EIGHTHS[part])
}

/// Formats a number of tenths, such as 123 as `12.3`.
pub(crate) fn tenths(value: u64) -> String {
    format!("{}.{}", value / 10, value % 10)
}

/// Formats a running time, such as `0:07` or `1:02:03`.
pub(crate) fn running(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// Formats a delay, such as `0.4 s`.
pub(crate) fn delay(duration: Duration) -> String {
    let tenths = duration.as_millis().div_ceil(100);
    format!("{}.{} s", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(price: &str) -> Level {
        Level { price: price.parse().unwrap(), quantity: Decimal::ZERO }
    }

    #[test]
    fn spreads() {
        let table = [
            ("83395.000", "83423.000", "28.000", "83409", "3.35 bp"),
            ("1.00", "1.01", "0.01", "1.005", "99.50 bp"),
            ("2", "1", "-1", "1.5", "-6666.66 bp"),
            ("0.0000000001", "0.0000000002", "0.0000000001", "0.00000000015", "6666.66 bp"),
        ];
        for (bid, ask, width, mid, relative) in table {
            let spread = Spread::between(Some(&level(bid)), Some(&level(ask))).unwrap();
            assert_eq!((spread.width.to_string().as_str(), spread.mid.to_string().as_str()), (width, mid));
            assert_eq!(spread.relative(), relative);
        }
        assert!(Spread::between(None, Some(&level("1"))).is_none());
        let huge = level("9000000000000000000");
        assert!(Spread::between(Some(&huge), Some(&huge)).is_none());
        let far = Spread::between(Some(&level("1")), Some(&level("9000000000000"))).unwrap();
        assert_eq!(far.relative(), "19999.99 bp");
    }

    #[test]
    fn bars() {
        let table = [
            ("1", "1", 3, "███"),
            ("0.5", "1", 3, "█▌"),
            ("0", "1", 3, ""),
            ("0.0001", "1", 3, "▏"),
            ("2", "1", 3, "███"),
            ("1", "0", 3, ""),
            ("1", "1", 0, ""),
            ("9000000000000000000", "9000000000000000000", 2, "██"),
        ];
        for (value, most, width, expected) in table {
            assert_eq!(bar(value.parse().unwrap(), most.parse().unwrap(), width), expected, "{value}");
        }
    }

    #[test]
    fn times() {
        for (seconds, text) in [(7, "0:07"), (754, "12:34"), (3_723, "1:02:03")] {
            assert_eq!(running(Duration::from_secs(seconds)), text);
        }
        for (millis, text) in [(0, "0.0 s"), (1, "0.1 s"), (400, "0.4 s"), (12_000, "12.0 s")] {
            assert_eq!(delay(Duration::from_millis(millis)), text);
        }
    }
}
