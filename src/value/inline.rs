//! [`Inline`]: a short name, stored without an allocation.

use core::fmt;

/// What is wrong with a name, and where. A name is the text of a [`Symbol`](crate::Symbol) or of a
/// [`ClientOrderId`](crate::ClientOrderId).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum NameFault {
    /// The name is empty.
    Empty,
    /// The name is too long.
    TooLong {
        /// The length of the name in bytes.
        length: usize,
    },
    /// The name has a character that is not allowed.
    Character {
        /// The offset of the first such character in bytes.
        offset: usize,
    },
}

impl fmt::Display for NameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameFault::Empty => f.write_str("this one is empty"),
            NameFault::TooLong { length } => write!(f, "this one has {length} bytes"),
            NameFault::Character { offset } => write!(f, "this one has another character at byte {offset}"),
        }
    }
}

/// A text of at most `N` bytes of ASCII, stored without an allocation.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(C)]
pub(crate) struct Inline<const N: usize> {
    /// The text, and zeros after it. The text itself has no zero byte.
    bytes: [u8; N],
    length: u8,
}

impl<const N: usize> Inline<N> {
    /// Stores a text of 1 to `N` bytes. All bytes must be ASCII, and `allowed` must return `true` for them.
    pub(crate) fn new(text: &str, allowed: impl Fn(u8) -> bool) -> Result<Inline<N>, NameFault> {
        let mut bytes = [0; N];
        let (Some(room), Ok(length)) = (bytes.get_mut(..text.len()), u8::try_from(text.len())) else {
            return Err(NameFault::TooLong { length: text.len() });
        };
        room.copy_from_slice(text.as_bytes());
        match text.bytes().position(|byte| !byte.is_ascii() || !allowed(byte)) {
            Some(offset) => Err(NameFault::Character { offset }),
            None if length == 0 => Err(NameFault::Empty),
            None => Ok(Inline { bytes, length }),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        let text = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        str::from_utf8(text).unwrap_or("")
    }

    /// Returns whether the name equals `text`, without regard to case. Does not read `length`, which may be in
    /// another cache line than the text.
    #[inline]
    pub(crate) fn eq_ignore_ascii_case(&self, text: &str) -> bool {
        let text = text.as_bytes();
        let own = self.bytes.get(..text.len()).unwrap_or_default();
        let is_longer = self.bytes.get(text.len()).is_some_and(|next| *next != 0);
        // A zero at the end of the text would compare equal to the zeros after the name.
        let ends_in_zero = text.last() == Some(&0);
        (own == text || own.eq_ignore_ascii_case(text)) && !is_longer && !ends_in_zero
    }

    pub(crate) fn map(mut self, change: impl FnOnce(&mut [u8])) -> Inline<N> {
        change(&mut self.bytes);
        self
    }
}

macro_rules! from_text {
    ($name:ident, $error:ident) => {
        impl TryFrom<&str> for $name {
            type Error = $error;

            /// Parses a text, as `parse` does.
            fn try_from(text: &str) -> Result<$name, $error> {
                text.parse()
            }
        }

        impl TryFrom<alloc::string::String> for $name {
            type Error = $error;

            /// Parses a text, as `parse` does.
            fn try_from(text: alloc::string::String) -> Result<$name, $error> {
                text.parse()
            }
        }
    };
}
pub(crate) use from_text;

/// Implements conversion from and to text for a type around [`Inline`].
macro_rules! inline_name {
    ($name:ident, $error:ident, $expected:literal, $allowed:expr) => {
        impl $name {
            /// Returns the name as it was written.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl core::str::FromStr for $name {
            type Err = $error;

            #[doc = concat!("Parses ", $expected, ".")]
            ///
            /// # Errors
            ///
            /// Returns what is wrong with any other text, and where.
            fn from_str(text: &str) -> Result<$name, $error> {
                crate::value::inline::Inline::new(text, $allowed).map($name).map_err($error)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        crate::value::inline::from_text!($name, $error);

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Debug::fmt(self.as_str(), f)
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                crate::value::print::name(f, self.as_str())
            }
        }

        #[cfg(feature = "serde")]
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                crate::value::serde_text::deserialize(deserializer, $expected)
            }
        }

        #[doc = concat!("The error for a text that is not ", $expected, ". It says what is wrong and where.")]
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub struct $error(crate::value::inline::NameFault);

        impl $error {
            /// Returns what is wrong, and where.
            pub const fn fault(self) -> crate::value::inline::NameFault {
                self.0
            }
        }

        impl core::fmt::Display for $error {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "expected {}: {}", $expected, self.0)
            }
        }

        impl core::error::Error for $error {}
    };
}
pub(crate) use inline_name;
