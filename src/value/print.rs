//! Printing numbers and names with the options of a format string.

use alloc::string::String;
use core::fmt::{self, Write};

/// Prints a number of the form `-?digits(.digits)?`, of any length.
///
/// Width, fill and sign work as for integers. The precision is the number of decimals: it adds zeros, or rounds to
/// the nearest number. Of two equally near numbers, the result is the one whose last digit is even.
pub(crate) fn number(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let Some(precision) = f.precision() else {
        return f.pad_integral(!negative, "", digits);
    };
    let rounded = rounded(digits, precision);
    let is_zero = !rounded.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    f.pad_integral(!negative || is_zero, "", &rounded)
}

fn rounded(digits: &str, precision: usize) -> String {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut text = String::from(whole);
    if precision > 0 {
        text.push('.');
        text.extend(fraction.chars().chain(core::iter::repeat('0')).take(precision));
    }
    let (last, cut) = (text.bytes().rev().find(u8::is_ascii_digit), fraction.get(precision..).unwrap_or(""));
    let (first, rest) = cut.split_at_checked(1).unwrap_or(("0", ""));
    let more = first > "5" || first == "5" && rest.bytes().any(|byte| byte != b'0');
    let odd = last.is_some_and(|digit| digit & 1 == 1);
    if more || (first == "5" && odd) { incremented(&text) } else { text }
}

fn incremented(text: &str) -> String {
    let mut carry = true;
    let mut reversed: String = text
        .chars()
        .rev()
        .map(|digit| match digit {
            '9' if carry => '0',
            '0'..='8' if carry => {
                carry = false;
                char::from_u32(u32::from(digit).wrapping_add(1)).unwrap_or(digit)
            }
            _ => digit,
        })
        .collect();
    if carry {
        reversed.push('1');
    }
    reversed.chars().rev().collect()
}

/// Prints a name padded to the width. A precision has no effect, because a name that is cut is another name.
pub(crate) fn name(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    if f.precision().is_none() {
        return f.pad(text);
    }
    let missing = f.width().unwrap_or(0).saturating_sub(text.chars().count());
    let before = match f.align() {
        Some(fmt::Alignment::Right) => missing,
        Some(fmt::Alignment::Center) => missing / 2,
        Some(fmt::Alignment::Left) | None => 0,
    };
    let fill = f.fill();
    (0..before).try_for_each(|_| f.write_char(fill))?;
    f.write_str(text)?;
    (before..missing).try_for_each(|_| f.write_char(fill))
}
