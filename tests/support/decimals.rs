//! Checks `gemini_ws::Decimal` against texts, wide integers and the `Decimal` of another crate.

use std::cmp::Ordering;

use gemini_ws::{Decimal, DecimalError, DecodeErrorKind};

use super::reading;

/// Checks the value of each text, the comparison of both values, and their arithmetic.
///
/// # Panics
///
/// If a result of `Decimal` differs from the expected one.
pub fn check(a: &str, b: &str) {
    if let (Some(a), Some(b)) = (parsed(a), parsed(b)) {
        pair(a, b);
        pair(b, a);
    }
}

/// Parses a text, and checks that `reading::decimal` returns the same value or error.
fn parsed(text: &str) -> Option<Decimal> {
    let ours = text.parse::<Decimal>();
    let printed = ours.map(|decimal| decimal.to_string());
    let wanted = reading::decimal(text).map_err(|kind| match kind {
        DecodeErrorKind::Decimal => DecimalError::Invalid,
        _ => DecimalError::Precision,
    });
    assert_eq!(printed, wanted, "{text}");
    let ours = ours.ok()?;
    assert_eq!(exact(ours), exact(ours.normalized()), "{text}");
    assert!(ours.normalized().scale() == 0 || ours.normalized().mantissa() % 10 != 0, "{text}");
    Some(ours)
}

fn pair(a: Decimal, b: Decimal) {
    let (x, y) = (exact(a), exact(b));
    assert_eq!(a.cmp(&b), x.cmp(&y), "{a} {b}");
    assert_eq!(a == b, x == y, "{a} {b}");
    assert_eq!(a.cmp(&b) == Ordering::Equal, hash(a) == hash(b), "{a} {b}");
    assert_eq!((a.is_negative(), a.is_zero()), (x < 0, x == 0), "{a}");
    for (ours, exact_result) in [(a.checked_add(b), x + y), (a.checked_sub(b), x - y)] {
        assert_eq!(ours.map(exact), Some(exact_result).filter(|&wide| fits(wide)), "{a} {b}");
    }
    // Products are compared with `rust_decimal` where its 96 bits hold the exact product.
    let other = |decimal: Decimal| decimal.to_string().parse::<rust_decimal::Decimal>().unwrap();
    if let (Some(ours), Some(theirs)) = (a.checked_mul(b), other(a).checked_mul(other(b)))
        && u32::from(a.scale()) + u32::from(b.scale()) <= 28
        && theirs.scale() == u32::from(a.scale()) + u32::from(b.scale())
    {
        assert_eq!(other(ours), theirs, "{a} * {b}");
    }
    for scale in 0..=Decimal::SCALE_MAX + 1 {
        let unit = 10_i128.pow(u32::from(Decimal::SCALE_MAX.saturating_sub(scale)));
        let possible = scale <= Decimal::SCALE_MAX
            && x % unit == 0
            && i64::try_from(x / unit).is_ok_and(|it| it != i64::MIN);
        let ours = a.rescaled(scale);
        assert_eq!(
            ours.map(|decimal| (exact(decimal), decimal.scale())),
            possible.then_some((x, scale)),
            "{a}"
        );
    }
}

/// Returns the value in units of 10⁻¹⁸, the smallest decimal. It is at most 2⁶³ · 10¹⁸, which fits into an `i128`.
fn exact(decimal: Decimal) -> i128 {
    i128::from(decimal.mantissa()) * 10_i128.pow(u32::from(Decimal::SCALE_MAX - decimal.scale()))
}

fn fits(mut wide: i128) -> bool {
    let mut scale = Decimal::SCALE_MAX;
    while i64::try_from(wide).is_err() || wide == i128::from(i64::MIN) {
        if scale == 0 || wide % 10 != 0 {
            return false;
        }
        (wide, scale) = (wide / 10, scale - 1);
    }
    true
}

fn hash(decimal: Decimal) -> u64 {
    use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
    BuildHasherDefault::<DefaultHasher>::default().hash_one(decimal)
}
