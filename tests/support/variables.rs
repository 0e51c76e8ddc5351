//! Reads environment variables that say how much the tests do, and with which seed.

use std::ffi::{OsStr, OsString};
use std::ops::Range;

/// Returns the number that a variable of the environment contains; `None` if the variable is not set.
///
/// # Panics
///
/// If the value is malformed. The message names the variable, the value and the accepted forms.
pub fn number(name: &str) -> Option<u64> {
    number_in(name, std::env::var_os(name).as_deref())
}

/// Returns whether a variable of the environment is set to `1`.
///
/// # Panics
///
/// If the variable has any other value except `0`. The message names the variable, the value and the accepted forms.
pub fn flag(name: &str) -> bool {
    flag_in(name, std::env::var_os(name))
}

/// Returns `count` seeds, beginning with `first`.
///
/// # Panics
///
/// If `count` is zero, or a seed does not fit in 64 bits.
pub fn seeds(first: u64, count: u64) -> Range<u64> {
    let end =
        first.checked_add(count).unwrap_or_else(|| panic!("{count} seeds from {first} on: more than 2^64"));
    assert!(first < end, "no seeds: a number of lives or sessions is zero");
    first..end
}

pub fn number_in(name: &str, value: Option<&OsStr>) -> Option<u64> {
    let value = value?;
    let digits = |text: &str, radix: u32| {
        // `from_str_radix` would also accept a sign.
        let are_digits = text.chars().all(|digit| digit.is_digit(radix));
        are_digits.then(|| u64::from_str_radix(text, radix).ok()).flatten()
    };
    let read = |text: &str| match text.strip_prefix("0x") {
        Some(text) => digits(text, 16),
        None => digits(text, 10),
    };
    let number = value.to_str().and_then(read);
    assert!(
        number.is_some(),
        "{name} is {value:?}. It must be a whole number below 2^64, decimal such as 42, or hexadecimal such as 0x2a"
    );
    number
}

pub fn flag_in(name: &str, value: Option<OsString>) -> bool {
    match value.as_deref().map(OsStr::to_str) {
        None | Some(Some("0")) => false,
        Some(Some("1")) => true,
        Some(_) => panic!("{name} is {:?}. It must be 1 for yes, or 0 or not set for no", value.unwrap()),
    }
}
