//! [`Symbol`]: the name of an instrument.

use core::hash::{Hash, Hasher};

use crate::value::inline::{Inline, inline_name};

/// The name of an instrument, for example `btcusd`, `btcgusdperp` or `GEMI-PRES2028-VANCE`.
///
/// A symbol has 1 to [`Symbol::LENGTH_MAX`] ASCII letters, digits and characters of `-_.:/`. It is stored without an
/// allocation. Comparisons and hashes ignore case, because the venue replies to a request for `BTCUSD` with `btcusd`
/// ([symbols](crate::protocol::streams#numbers-times-and-symbols)). `Display` prints a symbol as it was written.
///
/// ```
/// use gemini_ws::{NameFault, Symbol};
///
/// let symbol: Symbol = "BTCUSD".parse().unwrap();
/// assert_eq!(symbol, Symbol::try_from("btcusd").unwrap());
/// assert_eq!(symbol, Symbol::try_from(String::from("btcusd")).unwrap());
/// assert_eq!(symbol.as_str(), "BTCUSD");
/// assert_eq!("btc usd".parse::<Symbol>().unwrap_err().fault(), NameFault::Character { offset: 3 });
/// ```
#[derive(Clone, Copy)]
pub struct Symbol(Inline<{ Symbol::LENGTH_MAX }>);

inline_name!(
    Symbol,
    InvalidSymbol,
    "a symbol of 1 to 64 letters, digits, '-', '_', '.', ':' and '/', for example btcusd",
    is_allowed
);

const fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'/')
}

#[expect(clippy::indexing_slicing, reason = "computed by the compiler")]
const ALLOWED: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = 0;
    while byte < allowed.len() {
        allowed[byte] = is_allowed(byte as u8);
        byte += 1;
    }
    allowed
};

impl Symbol {
    /// The length of the longest symbol, in bytes.
    pub const LENGTH_MAX: usize = 64;

    #[inline]
    pub(crate) fn accepts(text: &str) -> bool {
        (1..=Symbol::LENGTH_MAX).contains(&text.len())
            && text.bytes().all(|byte| ALLOWED.get(usize::from(byte)) == Some(&true))
    }

    #[inline]
    pub(crate) fn is(&self, text: &str) -> bool {
        self.0.eq_ignore_ascii_case(text)
    }

    /// Returns the symbol as requests to the current API spell it. Symbols with a hyphen are instruments of
    /// prediction markets and get upper case. All other symbols get lower case
    /// ([subscribing](crate::protocol::streams#subscribing)).
    ///
    /// ```
    /// # use gemini_ws::Symbol;
    /// assert_eq!("BtcUsd".parse::<Symbol>().unwrap().canonical().as_str(), "btcusd");
    /// assert_eq!("gemi-x-up".parse::<Symbol>().unwrap().canonical().as_str(), "GEMI-X-UP");
    /// ```
    #[must_use]
    pub fn canonical(self) -> Symbol {
        let is_contract = self.as_str().contains('-');
        Symbol(self.0.map(if is_contract {
            <[u8]>::make_ascii_uppercase
        } else {
            <[u8]>::make_ascii_lowercase
        }))
    }
}

impl PartialEq for Symbol {
    fn eq(&self, other: &Symbol) -> bool {
        self.is(other.as_str())
    }
}

impl Eq for Symbol {}

impl Ord for Symbol {
    fn cmp(&self, other: &Symbol) -> core::cmp::Ordering {
        let lower = |byte: u8| byte.to_ascii_lowercase();
        self.as_str().bytes().map(lower).cmp(other.as_str().bytes().map(lower))
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

#[inline]
pub(crate) fn fold(text: &[u8]) -> u64 {
    // Setting bit 5 maps upper to lower case. Other characters may become equal too, which only costs a comparison.
    // The multiplier is 2⁶⁴ divided by the golden ratio.
    const CASE: u64 = 0x2020_2020_2020_2020;
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = text.len() as u64;
    let mut chunks = text.chunks_exact(8);
    for chunk in &mut chunks {
        let word = <[u8; 8]>::try_from(chunk).map_or(0, u64::from_le_bytes);
        hash = (hash ^ (word | CASE)).wrapping_mul(MIX).rotate_left(29);
    }
    hash = (hash ^ (last_word(chunks.remainder()) | CASE)).wrapping_mul(MIX);
    hash ^ (hash >> 32)
}

/// Packs up to seven bytes into a word. If there are four to seven bytes, the word contains some of them twice.
#[inline(always)]
fn last_word(text: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        return u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last));
    }
    text.iter().fold(0, |word, byte| (word << 8) | u64::from(*byte))
}

#[cfg(test)]
#[path = "../../tests/unit/value_symbol.rs"]
mod tests;
