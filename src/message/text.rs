//! [`Text`], [`RawJson`] and [`Number`]: values kept as they are in the frame.

use alloc::string::String;
use core::fmt;
use core::hash::{Hash, Hasher};

use crate::json::cursor;
use crate::value::decimal::{Decimal, DecimalError};
use crate::value::print;

/// Free text of a frame, with JSON escapes.
///
/// ```
/// use gemini_ws::{Message, Scratch, decode};
///
/// let mut scratch = Scratch::new();
/// let frame = r#"{"id":1,"status":400,"error":{"code":-1013,"msg":"bad \"name\" \u00e9"}}"#;
/// let Ok(Message::Response(response)) = decode(frame, &mut scratch) else { panic!() };
/// assert_eq!(response.error.unwrap().message.to_string(), "bad \"name\" é");
/// ```
#[derive(Clone, Copy, Eq)]
pub struct Text<'f>(pub(crate) &'f str);

impl<'f> Text<'f> {
    /// Returns the text as it is in the frame, with escapes.
    pub const fn raw(self) -> &'f str {
        self.0
    }

    /// Returns whether every surrogate in the text belongs to a pair.
    pub(crate) fn is_whole(self) -> bool {
        !self.0.contains('\\') || self.units().all(|character| character.is_some())
    }

    /// Returns the characters of the text. An escape becomes the character that it stands for, and half a surrogate
    /// pair becomes U+FFFD.
    pub fn chars(self) -> impl Iterator<Item = char> + 'f {
        self.units().map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    /// Returns the characters of the text, with escapes decoded. Half a surrogate pair becomes `None`.
    fn units(self) -> impl Iterator<Item = Option<char>> + 'f {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let (character, length) = match rest.as_bytes().first()? {
                b'\\' => cursor::unescape(rest.as_bytes())?,
                _ => rest.chars().next().map(|character| (Some(character), character.len_utf8()))?,
            };
            rest = rest.get(length..)?;
            Some(character)
        })
    }
}

impl PartialEq for Text<'_> {
    /// Compares two texts after decoding their escapes. Texts with half a surrogate pair are equal only if they are
    /// written in the same way.
    fn eq(&self, other: &Text<'_>) -> bool {
        let has_escapes = || self.0.contains('\\') || other.0.contains('\\');
        let are_whole = || self.is_whole() && other.is_whole();
        self.0 == other.0 || (has_escapes() && are_whole() && self.chars().eq(other.chars()))
    }
}

impl Hash for Text<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if self.0.contains('\\') && self.is_whole() {
            unescaped(self.0).hash(state);
        } else {
            self.0.hash(state);
        }
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        if self.0.contains('\\') { self.chars().eq(other.chars()) } else { self.0 == other }
    }
}

impl fmt::Display for Text<'_> {
    /// Prints the text without escapes. A width pads the text, and a precision has no effect.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.contains('\\'), f.width()) {
            (false, _) => print::name(f, self.0),
            (true, None) => self.chars().try_for_each(|character| fmt::Write::write_char(f, character)),
            (true, Some(_)) => print::name(f, &unescaped(self.0)),
        }
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

/// A JSON value of a frame, checked but not decoded.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct RawJson<'f>(pub(crate) &'f str);

impl<'f> RawJson<'f> {
    /// Returns the value as it is in the frame.
    pub const fn as_str(self) -> &'f str {
        self.0
    }

    /// Creates a JSON value from a text, for the parameters of a [`Request::raw`](crate::Request::raw).
    ///
    /// # Errors
    ///
    /// Returns [`DecodeError`](crate::DecodeError) if `text` is not JSON, or is nested too deeply for a request. The
    /// error contains the offset of the first wrong byte.
    ///
    /// ```
    /// use gemini_ws::RawJson;
    ///
    /// assert!(RawJson::new(r#"{"symbol":"btcusd"}"#).is_ok());
    /// assert_eq!(RawJson::new("{symbol}").unwrap_err().offset(), 1);
    /// ```
    pub fn new(text: &'f str) -> Result<RawJson<'f>, crate::json::error::DecodeError> {
        let mut cursor = cursor::Cursor::new(text);
        // The request that contains the value adds one level of nesting.
        cursor.skip(1)?;
        cursor.finish()?;
        Ok(RawJson(text))
    }
}

impl fmt::Debug for RawJson<'_> {
    /// Prints the value. If the value may contain an API key, prints only the length of the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if names_key(self.0) { write!(f, "({} bytes with a key)", self.0.len()) } else { f.write_str(self.0) }
    }
}

/// Returns whether a text contains the name of a member that holds an API key, even if letters of the name are
/// written as escapes. The text need not be JSON.
fn names_key(text: &str) -> bool {
    let is_in = |text: &str| text.contains("api_session") || text.contains("apiSession");
    // Only this escape can stand for a letter or an underscore.
    is_in(text) || (text.contains("\\u") && is_in(&unescaped(text)))
}

/// Returns a text without escapes. Leaves a backslash that begins no escape as it is.
fn unescaped(text: &str) -> String {
    let (mut plain, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, escape)) = rest.find('\\').and_then(|at| rest.split_at_checked(at)) {
        let (character, length) = cursor::unescape(escape.as_bytes()).unwrap_or((Some('\\'), 1));
        plain.push_str(before);
        plain.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
        rest = escape.get(length..).unwrap_or_default();
    }
    plain.push_str(rest);
    plain
}

impl fmt::Display for RawJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Text<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Serializes a text in the same way as a [`RawJson`], even if the text is not JSON.
#[cfg(feature = "serde")]
pub(crate) fn serialize_raw<S: serde::Serializer>(text: &&str, serializer: S) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&RawJson(text), serializer)
}

#[cfg(feature = "serde")]
impl serde::Serialize for RawJson<'_> {
    /// Serializes as text, because not every format can hold a JSON value. If the value may contain an API key,
    /// serializes only its length. [`as_str`](RawJson::as_str) returns the complete value.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{self:?}"))
    }
}

/// A number of any length, as the venue wrote it. Sums and averages may have more digits than a [`Decimal`] holds.
///
/// ```
/// use gemini_ws::{Message, Row, Scratch, decode};
///
/// let frame = r#"{"e":"balanceUpdate","E":1,"u":1,"B":[{"a":"ETH","f":"-0.50","c":"1234.567890123456789012"}]}"#;
/// let mut scratch = Scratch::new();
/// let Ok(Message::BalanceUpdate(update)) = decode(frame, &mut scratch) else { panic!() };
/// let Some(Row::Read(balance)) = update.balances.iter().next() else { panic!() };
/// assert_eq!(balance.available.to_decimal(), "-0.5".parse());
/// assert_eq!(balance.total.as_str(), "1234.567890123456789012");
/// assert!(balance.total.to_decimal().is_err(), "never rounded");
/// ```
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Number<'f>(pub(crate) &'f str);

impl<'f> Number<'f> {
    /// Returns the number as it is in the frame, without quotes.
    pub const fn as_str(self) -> &'f str {
        self.0
    }

    /// Reads a number of the form `-?digits(.digits)?` with an optional exponent. Returns `None` for any other text.
    pub(crate) fn read(text: &'f str) -> Option<Number<'f>> {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let well_formed = !digits.is_empty()
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && Decimal::parse(mantissa.as_bytes()) != Err(DecimalError::Invalid);
        well_formed.then_some(Number(text))
    }

    /// Converts the number to a decimal.
    ///
    /// # Errors
    ///
    /// Returns [`DecimalError::Precision`] if the number has more digits than a decimal holds. Returns
    /// [`DecimalError::Invalid`] if the text is not a number: this is possible only in a [`Balance`](crate::Balance),
    /// because [`Balances::reconcile`](crate::Balances::reconcile) does not check the texts of its rows.
    pub fn to_decimal(self) -> Result<Decimal, DecimalError> {
        match self.0.split_once(['e', 'E']) {
            None => Decimal::parse(self.0.as_bytes()),
            Some(_) if Number::read(self.0).is_none() => Err(DecimalError::Invalid),
            Some((mantissa, exponent)) => Decimal::scientific(mantissa, exponent),
        }
    }
}

impl fmt::Debug for Number<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Display for Number<'_> {
    /// Prints the number as the venue wrote it, but without an exponent if a [`Decimal`] can hold the number.
    ///
    /// A width pads the text. A precision adds zeros, or rounds to the nearest number: of two equally near numbers,
    /// to the one whose last digit is even. A number that is printed with an exponent ignores the precision.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_decimal() {
            Ok(decimal) if self.0.contains(['e', 'E']) => fmt::Display::fmt(&decimal, f),
            _ if self.0.contains(['e', 'E']) => print::name(f, self.0),
            _ => print::number(f, self.0),
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Number<'_> {
    /// Serializes as text, so that no digit is lost.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}
