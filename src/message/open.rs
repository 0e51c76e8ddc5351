//! Enums that the venue may extend: unknown values are kept as text.

/// Declares an enum for the values of a member. The venue may introduce further values.
///
/// Each variant has one or more spellings, the current one first. Any other text becomes `Other`.
macro_rules! open_enum {
    ($(#[$about:meta])* $name:ident { $($(#[$docs:meta])* $variant:ident = $first:literal $(| $also:literal)*,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        #[non_exhaustive]
        pub enum $name<'f> {
            $($(#[$docs])* $variant,)+
            /// A text that this version does not know.
            Other($crate::message::text::Text<'f>),
        }

        impl<'f> $name<'f> {
            pub(crate) fn of(text: $crate::message::text::Text<'f>) -> $name<'f> {
                match text.raw() {
                    $($first $(| $also)* => $name::$variant,)+
                    raw if raw.contains('\\') => {
                        $(if text == *$first $(|| text == *$also)* { return $name::$variant; })+
                        $name::Other(text)
                    }
                    _ => $name::Other(text),
                }
            }

            /// Returns the value without the lifetime of a frame; `None` if it is `Other`.
            #[inline]
            #[allow(dead_code, reason = "only some lists keep such values")]
            pub(crate) const fn known(self) -> Option<$name<'static>> {
                match self {
                    $($name::$variant => Some($name::$variant),)+
                    $name::Other(_) => None,
                }
            }

            /// Returns the venue's spelling of the variant; if the APIs differ, the spelling of the current API. For
            /// an unknown text, returns the text as received.
            pub const fn text(self) -> $crate::message::text::Text<'f> {
                match self {
                    $($name::$variant => $crate::message::text::Text($first),)+
                    $name::Other(text) => text,
                }
            }
        }

        impl core::fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Display::fmt(&self.text(), f)
            }
        }

        #[cfg(feature = "serde")]
        impl serde::Serialize for $name<'_> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

pub(crate) use open_enum;
