//! [`record!`]: makes the reader of an object from a description of its members.
//!
//! A description lists the members in the venue's order: the names of each member, and the kind of its value. The
//! reader expects this order, which costs one comparison for each member. After the first difference, the reader
//! finds members by their names, in any order. It reads no member twice, with one exception: if an integer turns out
//! to have a fraction or an exponent, the reader starts again at the beginning of the object.
//!
//! A missing member is a difference in two cases: the description marks the member as `| always`, or the member is
//! the first one of an object that the reader reads from its opening brace.
//!
//! If a value is invalid, the reader keeps the error and continues, because an error of JSON in the rest of the frame
//! takes precedence. If the decoder needs the member, [`Found`] returns the kept error.

use super::reader::{Reader, Slot, Value};
use crate::json::error::{DecodeError, DecodeErrorKind};

#[derive(Debug)]
pub(super) struct Found<'r, 'f, V: Value> {
    pub(super) slot: &'r Slot<V::Is<'f>>,
    pub(super) name: &'static str,
    pub(super) end: usize,
}

impl<'f, V: Value> Found<'_, 'f, V> {
    /// If the member is missing, the offset in the error is the end of the object.
    #[inline(always)]
    pub(super) fn required(self) -> Result<V::Is<'f>, DecodeError> {
        match *self.slot {
            Slot::Value(value) => Ok(value),
            Slot::Absent => Err(missing(self.name, self.end)),
            Slot::Empty(kind, offset) | Slot::Wrong(kind, offset) => Err(wrong(self.name, kind, offset)),
        }
    }

    #[inline(always)]
    pub(super) fn if_any(self) -> Result<Option<V::Is<'f>>, DecodeError> {
        match *self.slot {
            Slot::Absent => Ok(None),
            Slot::Value(value) => Ok(Some(value)),
            Slot::Empty(kind, offset) | Slot::Wrong(kind, offset) => Err(wrong(self.name, kind, offset)),
        }
    }

    /// Returns the value; `None` if the member is missing or an empty text, which stands for a missing value.
    #[inline(always)]
    pub(super) fn unless_empty(self) -> Result<Option<V::Is<'f>>, DecodeError> {
        match *self.slot {
            Slot::Absent | Slot::Empty(..) => Ok(None),
            Slot::Value(value) => Ok(if V::is_empty(&value) { None } else { Some(value) }),
            Slot::Wrong(kind, offset) => Err(wrong(self.name, kind, offset)),
        }
    }

    /// Returns the value; `None` if the member is missing or its value is invalid.
    #[inline(always)]
    pub(super) fn informs(self) -> Option<V::Is<'f>> {
        match self.slot {
            Slot::Value(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns the value; `None` if the member is missing, or its value is invalid or an empty text.
    #[inline(always)]
    pub(super) fn label(self) -> Option<V::Is<'f>> {
        self.informs().filter(|value| !V::is_empty(value))
    }

    /// Returns whether the member has any value but `null`, even an invalid one.
    #[inline(always)]
    pub(super) fn is_there(&self) -> bool {
        !matches!(self.slot, Slot::Absent)
    }
}

#[cold]
fn missing(name: &'static str, end: usize) -> DecodeError {
    DecodeError::of_member(DecodeErrorKind::Missing, end.saturating_sub(1), name)
}

#[cold]
fn wrong(name: &'static str, kind: DecodeErrorKind, offset: u32) -> DecodeError {
    DecodeError::of_member(kind, offset as usize, name)
}

/// A step that converts a record after it was read. Inlining the step lets the compiler keep the members in
/// registers.
pub(super) trait Then<'f, 's, Record> {
    type Is;

    fn then(self, it: Record, reader: &mut Reader<'f, 's>) -> Result<Self::Is, DecodeError>;
}

pub(super) struct Itself;

impl<'f, 's, Record> Then<'f, 's, Record> for Itself {
    type Is = Record;

    #[inline(always)]
    fn then(self, it: Record, _reader: &mut Reader<'f, 's>) -> Result<Record, DecodeError> {
        Ok(it)
    }
}

/// Defines a record by the names of its members, in the venue's order, and the kinds of their values. `| always`
/// marks a member that every object has.
macro_rules! record {
    ($(#[$about:meta])* $record:ident {
        $first:ident: $first_name:literal $(| $first_also:literal)* = $first_value:ty $(| $first_always:ident)?,
        $($member:ident: $name:literal $(| $also:literal)* = $value:ty $(| $always:ident)?,)*
    }) => {
        $crate::wire::record::record!(@struct $(#[$about])* $record {
            $first: $first_name $(| $first_also)* = $first_value,
            $($member: $name $(| $also)* = $value,)*
        });

        impl<'f> $record<'f> {
            #[inline(always)]
            pub(super) fn read_then<'s, R>(
                reader: &mut $crate::wire::reader::Reader<'f, 's>,
                begin: $crate::wire::reader::Place,
                then: impl $crate::wire::record::Then<'f, 's, $record<'f>, Is = R>,
            ) -> Result<R, $crate::json::error::DecodeError> {
                use $crate::wire::reader::{Place, Slot, behind};
                use $crate::wire::reader::Value;

                let mut $first = Slot::Absent;
                $(let mut $member = Slot::Absent;)*
                let mut rest = reader.cursor.rest();
                let place = 'other: {
                    let value = match begin {
                        Place::Before => behind(rest, concat!("{\"", $first_name, "\":")),
                        Place::BehindValue => behind(rest, concat!(",\"", $first_name, "\":")),
                    };
                    match value.map(|value| <$first_value as Value>::usual(reader, value)) {
                        Some(Some((value, behind))) => ($first, rest) = (Slot::Value(value), behind),
                        None if begin == Place::BehindValue && concat!($(stringify!($first_always))?).is_empty() => {}
                        None | Some(None) => break 'other begin,
                    }
                    $(
                        match behind(rest, concat!(",\"", $name, "\":")) {
                            Some(value) => match <$value as Value>::usual(reader, value) {
                                Some((value, behind)) => ($member, rest) = (Slot::Value(value), behind),
                                None => break 'other Place::BehindValue,
                            },
                            None if concat!($(stringify!($always))?).is_empty() => {}
                            None => break 'other Place::BehindValue,
                        }
                    )*
                    let [b'}', behind @ ..] = rest else { break 'other Place::BehindValue };
                    reader.cursor.set_rest(behind);
                    let end = reader.frame.len().wrapping_sub(behind.len());
                    return then.then($record { $first, $($member,)* end, is_told: false }, reader);
                };
                let it = match rest {
                    // A number has a fraction or an exponent: start again at the beginning of the object.
                    [b'.' | b'e' | b'E', ..] => {
                        let nothing = $record { $first: Slot::Absent, $($member: Slot::Absent,)* end: 0, is_told: false };
                        return nothing.read_any_then(reader, begin, then);
                    }
                    _ => $record { $first, $($member,)* end: 0, is_told: false },
                };
                reader.cursor.set_rest(rest);
                it.read_any_then(reader, place, then)
            }
        }
    };
    (@struct $(#[$about:meta])* $record:ident { $($member:ident: $name:literal $(| $also:literal)* = $value:ty,)+ }) => {
        $(#[$about])*
        pub(super) struct $record<'f> {
            $($member: $crate::wire::reader::Slot<<$value as $crate::wire::reader::Value>::Is<'f>>,)+
            end: usize,
            /// Whether the object has a member that `Reader::telling` names and this record does not have.
            pub(super) is_told: bool,
        }

        #[allow(dead_code, reason = "some records do not use all of these functions")]
        impl<'f> $record<'f> {
            pub(super) const NAMES: &'static [&'static str] = &[$($name, $($also,)*)+];

            $(
                #[inline(always)]
                pub(super) fn $member(&self) -> $crate::wire::record::Found<'_, 'f, $value> {
                    $crate::wire::record::Found { slot: &self.$member, name: $name, end: self.end }
                }
            )+

            #[inline(always)]
            pub(super) fn read(
                reader: &mut $crate::wire::reader::Reader<'f, '_>,
                begin: $crate::wire::reader::Place,
            ) -> Result<$record<'f>, $crate::json::error::DecodeError> {
                Self::read_then(reader, begin, $crate::wire::record::Itself)
            }

            #[cold]
            #[inline(never)]
            fn read_any_then<'s, R>(
                mut self,
                reader: &mut $crate::wire::reader::Reader<'f, 's>,
                mut place: $crate::wire::reader::Place,
                then: impl $crate::wire::record::Then<'f, 's, $record<'f>, Is = R>,
            ) -> Result<R, $crate::json::error::DecodeError> {
                use $crate::wire::reader::{Place, spelling};

                #[derive(Clone, Copy)]
                #[allow(non_camel_case_types, reason = "the variants have the names of the members")]
                enum Member {
                    $($member,)+
                }
                // The member that each of the names belongs to, in the order of the names.
                const MEMBERS: &[Member] = &[$(Member::$member, $({ let _ = $also; Member::$member },)*)+];
                static NAMES: $crate::wire::names::Names<{ MEMBERS.len() }> =
                    $crate::wire::names::Names::new([$($name, $($also,)*)+]);

                while let Some(name) = reader.next_name(place, Self::NAMES)? {
                    place = Place::BehindValue;
                    match MEMBERS.get(NAMES.find(name)) {
                        $(Some(Member::$member) => self.$member = spelling::<$value>(reader)?,)+
                        None => self.is_told |= reader.skip(name)?,
                    }
                }
                self.end = reader.cursor.offset();
                then.then(self, reader)
            }

            pub(super) fn has(&self, name: &str) -> bool {
                match name {
                    $($name => !matches!(self.$member, $crate::wire::reader::Slot::Absent),)+
                    _ => false,
                }
            }

            pub(super) fn whole(frame: &'f str) -> Result<$record<'f>, $crate::json::error::DecodeError> {
                Self::finish(&mut $crate::wire::reader::Reader::new(frame), $crate::wire::reader::Place::Before)
            }

            /// Reads an object. Unless `is_told` of the record is set, also checks that the frame ends after the
            /// object.
            #[inline(always)]
            pub(super) fn finish(
                reader: &mut $crate::wire::reader::Reader<'f, '_>,
                place: $crate::wire::reader::Place,
            ) -> Result<$record<'f>, $crate::json::error::DecodeError> {
                let it = Self::read(reader, place)?;
                if !it.is_told {
                    reader.cursor.finish()?;
                }
                Ok(it)
            }

            #[inline(always)]
            pub(super) fn within(
                frame: &'f str,
                cursor: &mut $crate::json::cursor::Cursor<'f>,
            ) -> Result<$record<'f>, $crate::json::error::DecodeError> {
                let new = $crate::wire::reader::Reader::new(frame);
                let mut reader = $crate::wire::reader::Reader { cursor: cursor.clone(), ..new };
                let it = Self::read(&mut reader, $crate::wire::reader::Place::Before)?;
                cursor.set_rest(reader.cursor.rest());
                Ok(it)
            }
        }
    };
}
pub(super) use record;
