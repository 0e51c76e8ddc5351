//! [`Symbol`]: the name of an instrument, inline.

use core::fmt;
use core::hash::{Hash, Hasher};
use core::str::FromStr;

/// The name of an instrument, for example `btcusd`, `btcgusdperp` or `GEMI-PRES2028-VANCE`.
///
/// Kept inline, at most [`Symbol::LENGTH_MAX`] bytes of printable ASCII. Compared and hashed
/// without regard to case, as the venue answers `BTCUSD` with `btcusd`
/// ([symbols](crate::protocol::streams#numbers-times-and-symbols)); printed as it was given.
///
/// ```
/// use gemini_ws::Symbol;
///
/// let symbol: Symbol = "BTCUSD".parse().unwrap();
/// assert_eq!(symbol, "btcusd".parse().unwrap());
/// assert_eq!(symbol.as_str(), "BTCUSD");
/// assert!("btc usd".parse::<Symbol>().is_err());
/// ```
#[derive(Clone, Copy)]
pub struct Symbol {
    length: u8,
    bytes: [u8; Symbol::LENGTH_MAX],
}

/// A text that is no [`Symbol`]: empty, too long, or with a character that cannot be in one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InvalidSymbol;

impl fmt::Display for InvalidSymbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let max = Symbol::LENGTH_MAX;
        write!(f, "a symbol has 1 to {max} letters, digits, '-', '_', '.', ':' or '/', for example btcusd")
    }
}

impl core::error::Error for InvalidSymbol {}

impl Symbol {
    /// The longest symbol, in bytes.
    pub const LENGTH_MAX: usize = 39;

    /// The symbol as it was given.
    pub fn as_str(&self) -> &str {
        let text = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        // Only ASCII gets in.
        str::from_utf8(text).unwrap_or("")
    }

    /// The spelling for a request: lower case, but for prediction-market instruments, which have
    /// hyphens and are spelled in upper case ([subscribing](crate::protocol::streams#subscribing)).
    ///
    /// ```
    /// # use gemini_ws::Symbol;
    /// assert_eq!("BtcUsd".parse::<Symbol>().unwrap().canonical().as_str(), "btcusd");
    /// assert_eq!("gemi-x-up".parse::<Symbol>().unwrap().canonical().as_str(), "GEMI-X-UP");
    /// ```
    #[must_use]
    pub fn canonical(mut self) -> Symbol {
        if self.as_str().contains('-') {
            self.bytes.make_ascii_uppercase();
        } else {
            self.bytes.make_ascii_lowercase();
        }
        self
    }
}

impl FromStr for Symbol {
    type Err = InvalidSymbol;

    /// Takes 1 to 39 letters, digits and `-_.:/`.
    ///
    /// # Errors
    ///
    /// [`InvalidSymbol`] for anything else.
    fn from_str(text: &str) -> Result<Symbol, InvalidSymbol> {
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(byte);
        let mut bytes = [0; Symbol::LENGTH_MAX];
        let room = bytes.get_mut(..text.len()).ok_or(InvalidSymbol)?;
        room.copy_from_slice(text.as_bytes());
        if text.is_empty() || !text.as_bytes().iter().all(allowed) {
            return Err(InvalidSymbol);
        }
        Ok(Symbol { length: u8::try_from(text.len()).map_err(|_| InvalidSymbol)?, bytes })
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl PartialEq for Symbol {
    fn eq(&self, other: &Symbol) -> bool {
        self.as_str().eq_ignore_ascii_case(other.as_str())
    }
}

impl Eq for Symbol {}

impl Ord for Symbol {
    fn cmp(&self, other: &Symbol) -> core::cmp::Ordering {
        let lower = |symbol: &Symbol| symbol.bytes.map(|byte| byte.to_ascii_lowercase());
        lower(self).cmp(&lower(other))
    }
}

impl PartialOrd for Symbol {
    fn partial_cmp(&self, other: &Symbol) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Symbol {
    fn hash<H: Hasher>(&self, state: &mut H) {
        fold(self.as_str().as_bytes()).hash(state);
    }
}

/// Hash of a symbol's text without regard to case: two texts that differ only in case fold alike.
#[inline]
pub(crate) fn fold(text: &[u8]) -> u64 {
    // Setting bit 5 maps upper to lower case; that it maps a few other characters onto each other
    // too costs a comparison, not a wrong answer. The multiplier is 2⁶⁴ divided by the golden ratio.
    const CASE: u64 = 0x2020_2020_2020_2020;
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = text.len() as u64;
    let mut chunks = text.chunks_exact(8);
    for chunk in &mut chunks {
        let word = <[u8; 8]>::try_from(chunk).map_or(0, u64::from_le_bytes);
        hash = (hash ^ (word | CASE)).wrapping_mul(MIX).rotate_left(29);
    }
    let mut last = 0_u64;
    for &byte in chunks.remainder() {
        last = (last << 8) | u64::from(byte | 0x20);
    }
    hash = (hash ^ last).wrapping_mul(MIX);
    hash ^ (hash >> 32)
}

#[cfg(feature = "serde")]
impl serde::Serialize for Symbol {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Symbol {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Symbol, D::Error> {
        crate::value::serde_text::deserialize(deserializer, "a symbol")
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn folding_ignores_case_only() {
        for (a, b) in [("btcusd", "BTCUSD"), ("GEMI-PRES2028-VANCE", "gemi-pres2028-vance"), ("a", "A")] {
            assert_eq!(fold(a.as_bytes()), fold(b.as_bytes()), "{a}");
        }
        assert_ne!(fold(b"btcusd"), fold(b"ethusd"));
        assert_ne!(fold(b"btcgusdperp"), fold(b"btcusdperp"));
    }

    #[test]
    fn bounds() {
        let longest = "a".repeat(Symbol::LENGTH_MAX);
        assert_eq!(longest.parse::<Symbol>().unwrap().as_str(), longest);
        for bad in ["", &"a".repeat(Symbol::LENGTH_MAX + 1), "btc usd", "btc\"usd", "bt\u{e9}", "a@b"] {
            assert_eq!(bad.parse::<Symbol>(), Err(InvalidSymbol), "{bad}");
        }
    }
}
