//! [`NewQuote`], a quote to submit, and [`QuoteKey`], the id of a quote or of a request for quotes.

use core::fmt;
use core::str::FromStr;

use crate::request::new_order::ClientOrderId;
use crate::value::decimal::Decimal;
use crate::value::print;
use crate::value::time::Timestamp;

/// A quote to submit ([quote methods](crate::protocol::streams#quote-methods)). The venue accepts a second quote with
/// the same client id. The client does not check the price and the quantity: if they are invalid, the venue refuses
/// the quote.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct NewQuote {
    /// The request for quotes for which the quote is made.
    pub rfq_id: QuoteKey,
    /// The price per contract.
    pub price: Decimal,
    /// The number of contracts.
    pub quantity: Decimal,
    /// When the quote stops being valid; sent in milliseconds.
    pub valid_until: Option<Timestamp>,
    /// An id that the caller chooses.
    pub client_id: Option<ClientOrderId>,
}

/// The venue's id of a quote or of a request for quotes: 1 to 64 printable ASCII characters without blanks, stored
/// without an allocation.
///
/// ```
/// let id: gemini_ws::QuoteKey = "r1".parse().unwrap();
/// assert_eq!(id.as_str(), "r1");
/// assert!("".parse::<gemini_ws::QuoteKey>().is_err());
/// ```
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct QuoteKey {
    bytes: [u8; QuoteKey::LENGTH_MAX],
    length: u8,
}

impl QuoteKey {
    /// The length of the longest id, in bytes.
    pub const LENGTH_MAX: usize = 64;

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        let text = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        // `from_str` accepts only ASCII.
        str::from_utf8(text).unwrap_or("")
    }
}

impl FromStr for QuoteKey {
    type Err = InvalidQuoteKey;

    /// Parses 1 to 64 printable ASCII characters without blanks.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidQuoteKey`] for any other text.
    fn from_str(text: &str) -> Result<QuoteKey, InvalidQuoteKey> {
        let mut bytes = [0; QuoteKey::LENGTH_MAX];
        let room = bytes.get_mut(..text.len()).ok_or(InvalidQuoteKey)?;
        room.copy_from_slice(text.as_bytes());
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidQuoteKey);
        }
        Ok(QuoteKey { bytes, length: u8::try_from(text.len()).map_err(|_| InvalidQuoteKey)? })
    }
}

impl fmt::Debug for QuoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl fmt::Display for QuoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::name(f, self.as_str())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for QuoteKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The error for a text that is not a [`QuoteKey`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InvalidQuoteKey;

impl fmt::Display for InvalidQuoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let max = QuoteKey::LENGTH_MAX;
        write!(f, "the id of a quote has 1 to {max} printable ASCII characters without blanks")
    }
}

impl core::error::Error for InvalidQuoteKey {}
