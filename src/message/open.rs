//! Enums whose texts are an open set: what is not known is kept as text.

/// Makes an enum of a member whose values the venue may add to.
///
/// Each variant has its spellings, the current one first; any other text is `Other`.
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
            /// The variant of a text.
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

            /// The text as it is sent: of a known one, the current spelling.
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
            /// As its text.
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

pub(crate) use open_enum;
