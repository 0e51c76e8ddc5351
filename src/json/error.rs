//! [`DecodeError`]: what is wrong with a frame, and at which byte.

use core::fmt;

/// The error for a frame that cannot be decoded: what is wrong with it, and at which byte.
///
/// ```
/// use gemini_ws::{DecodeErrorKind, Scratch, decode};
///
/// let error = decode(r#"{"id":1,"status":}"#, &mut Scratch::new()).unwrap_err();
/// assert_eq!((error.kind(), error.offset()), (DecodeErrorKind::Syntax, 17));
/// assert_eq!(error.to_string(), "unexpected character at byte 17");
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DecodeError {
    kind: DecodeErrorKind,
    offset: u32,
    member: Option<MemberName>,
}

/// The kinds of [`DecodeError`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The frame or body is longer than [`FRAME_BYTES_MAX`](crate::FRAME_BYTES_MAX).
    TooLong,
    /// Containers are nested deeper than [`JSON_DEPTH_MAX`](crate::JSON_DEPTH_MAX).
    TooDeep,
    /// The frame is binary, not text.
    Binary,
    /// The frame is not a JSON object; at an endpoint that sends arrays, neither an object nor an array.
    NotAnObject,
    /// The frame has a character where JSON does not allow it.
    Syntax,
    /// The frame ends in the middle of a value.
    UnexpectedEnd,
    /// A string contains a control character.
    Control,
    /// An escape sequence is invalid, is half of a surrogate pair, or stands in a name that must not contain escapes.
    Escape,
    /// Text follows the end of the value.
    TrailingText,
    /// A member that this kind of frame must have is missing.
    Missing,
    /// A member does not have the documented JSON type.
    Type,
    /// A price or quantity is not a decimal number.
    Decimal,
    /// A decimal has more digits than a [`Decimal`](crate::Decimal) holds. Decoding never rounds.
    Precision,
    /// A number or text is not an integer, or the integer is out of range, for example beyond 64 bits.
    Integer,
    /// A price or quantity is negative.
    Negative,
    /// The last update id of an update is below the first update id.
    UpdateRange,
    /// The text of a side means neither buy nor sell.
    Side,
    /// A text is not a [`Symbol`](crate::Symbol): it is empty or too long, or has a character that no symbol has.
    Symbol,
}

/// The name of a member of a frame, as the venue spells it.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct MemberName(&'static str);

impl fmt::Display for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl DecodeError {
    pub(crate) const fn new(kind: DecodeErrorKind, offset: usize) -> DecodeError {
        // The offset fits into 32 bits, because `FRAME_BYTES_MAX` is far below 4 GiB.
        DecodeError { kind, offset: offset as u32, member: None }
    }

    pub(crate) const fn of_member(kind: DecodeErrorKind, offset: usize, name: &'static str) -> DecodeError {
        DecodeError { kind, offset: offset as u32, member: Some(MemberName(name)) }
    }

    pub(crate) const fn behind(self, offset: usize) -> DecodeError {
        DecodeError { offset: self.offset.saturating_add(offset as u32), ..self }
    }

    /// Returns what is wrong.
    pub const fn kind(self) -> DecodeErrorKind {
        self.kind
    }

    /// Returns the offset of the error in bytes, from the beginning of the decoded text: a frame, a part of a frame,
    /// or the body of a REST answer.
    pub const fn offset(self) -> usize {
        self.offset as usize
    }

    /// Returns the member that is missing or wrong, if the error is about a member.
    pub const fn member(self) -> Option<MemberName> {
        self.member
    }
}

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DecodeErrorKind::TooLong => "frame too long",
            DecodeErrorKind::TooDeep => "nested too deep",
            DecodeErrorKind::Binary => "binary frame",
            DecodeErrorKind::NotAnObject => "not a JSON object",
            DecodeErrorKind::Syntax => "unexpected character",
            DecodeErrorKind::UnexpectedEnd => "unexpected end",
            DecodeErrorKind::Control => "control character in a string",
            DecodeErrorKind::Escape => "invalid escape sequence",
            DecodeErrorKind::TrailingText => "text after the end of the value",
            DecodeErrorKind::Missing => "missing",
            DecodeErrorKind::Type => "not of the documented type",
            DecodeErrorKind::Decimal => "not a decimal number",
            DecodeErrorKind::Precision => "more digits than 64 bits hold",
            DecodeErrorKind::Integer => "integer out of range",
            DecodeErrorKind::Negative => "negative price or quantity",
            DecodeErrorKind::UpdateRange => "last update id below the first",
            DecodeErrorKind::Side => "neither buy nor sell",
            DecodeErrorKind::Symbol => "not a symbol",
        })
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.member {
            Some(member) => write!(f, "member {member:?}: {} at byte {}", self.kind, self.offset),
            None => write!(f, "{} at byte {}", self.kind, self.offset),
        }
    }
}

impl core::error::Error for DecodeError {}

#[cfg(feature = "serde")]
impl serde::Serialize for DecodeError {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut error = serializer.serialize_struct("DecodeError", 3)?;
        error.serialize_field("reason", &self.kind)?;
        error.serialize_field("offset", &self.offset)?;
        error.serialize_field("member", &self.member.map(|member| alloc::format!("{member}")))?;
        error.end()
    }
}
