//! Reading eight digits at a time from one 64-bit word.

/// Eight ASCII zeros. XOR with `ZEROS` turns eight ASCII digits into their values.
pub(crate) const ZEROS: u64 = 0x3030_3030_3030_3030;

/// Returns a word with the highest bit set in each byte that is larger than nine. If a byte is larger than 0x89, the
/// bits of the bytes above it may be wrong.
#[inline]
pub(crate) const fn others(digits: u64) -> u64 {
    (digits.wrapping_add(0x7676_7676_7676_7676) | digits) & 0x8080_8080_8080_8080
}

/// Returns the number that eight digits form. The first digit is in the lowest byte. Each byte must be 0 to 9.
#[inline]
pub(crate) const fn eight_digits(digits: u64) -> u64 {
    // Joins the digits to pairs, the pairs to fours, and the fours to the number.
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff
}
