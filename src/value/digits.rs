//! Eight digits at a time, in one word.

/// Turns eight digits into their values, each in its byte.
pub(crate) const ZEROS: u64 = 0x3030_3030_3030_3030;

/// Marks the bytes above nine, each at its highest bit. Bytes above 0x89 spoil the marks behind
/// them; so the first mark is right, and each one up to the first such byte.
#[inline]
pub(crate) const fn others(digits: u64) -> u64 {
    (digits.wrapping_add(0x7676_7676_7676_7676) | digits) & 0x8080_8080_8080_8080
}

/// The value of eight digits, the first in the lowest byte, each byte 0 to 9.
#[inline]
pub(crate) const fn eight_digits(digits: u64) -> u64 {
    // Pairs, then fours, then all eight: each step adds neighbours, the left one weighted.
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff
}
