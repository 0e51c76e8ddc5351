//! Arrays of a frame: lists, and levels of a book.

use super::levels::levels;
use super::reader::{Json, Reader, Slot, Value};
use super::record::Found;
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::{List, Read};

/// A list, or what is wrong with an element.
pub(super) type Listed<'f, T> = Result<List<'f, T>, DecodeError>;

/// Takes an array, all elements of which are read once; `see` is shown each.
#[inline]
pub(super) fn list<'f, 's, T: Read<'f>>(
    reader: &mut Reader<'f, 's>,
    see: impl FnMut(&mut Reader<'f, 's>, T),
) -> Result<Slot<Listed<'f, T>>, DecodeError> {
    if reader.cursor.peek() != b'[' {
        return Json::take(reader).map(|json| json.instead());
    }
    match elements(reader, reader.cursor.rest(), see) {
        Ok((list, rest)) => {
            reader.cursor.set_rest(rest);
            Ok(Slot::Value(Ok(list)))
        }
        Err(error) => {
            // What is no JSON is said before what is no element.
            reader.cursor.skip(1)?;
            Ok(Slot::Value(Err(error)))
        }
    }
}

/// Reads an array, and says what comes behind it. An error is that of the first element that is none.
#[inline]
pub(super) fn elements<'f, 's, T: Read<'f>>(
    reader: &mut Reader<'f, 's>,
    rest: &'f [u8],
    mut see: impl FnMut(&mut Reader<'f, 's>, T),
) -> Result<(List<'f, T>, &'f [u8]), DecodeError> {
    let mut cursor = reader.cursor.clone();
    cursor.set_rest(rest);
    let start = cursor.offset();
    cursor.expect(b'[')?;
    // The array, and the object or array that an element is.
    cursor.enter(2);
    let mut more = cursor.peek() != b']';
    if !more {
        cursor.advance(1);
    }
    while more {
        cursor.peek();
        see(reader, T::read(reader.frame, &mut cursor)?);
        more = cursor.another(b']')?;
    }
    Ok((List::new(reader.frame.get(start..cursor.offset()).unwrap_or_default()), cursor.rest()))
}

impl<'f, V: Value> Found<'_, 'f, V> {
    /// The list, which must be there. An error of an element names this member if it does not name another.
    pub(super) fn list<T>(self) -> Result<List<'f, T>, DecodeError>
    where
        V: Value<Is<'f> = Listed<'f, T>>,
    {
        let name = self.name;
        self.required()?.map_err(|error| within(name, error))
    }

    /// The list, if the member is there.
    pub(super) fn list_if_any<T>(self) -> Result<Option<List<'f, T>>, DecodeError>
    where
        V: Value<Is<'f> = Listed<'f, T>>,
    {
        let name = self.name;
        self.if_any()?.transpose().map_err(|error| within(name, error))
    }
}

/// An error of an element of a member, which names the member if it does not name another.
#[cold]
pub(super) fn within(name: &'static str, error: DecodeError) -> DecodeError {
    match (error.member(), error.kind()) {
        (Some(_), _) => error,
        // What is an object elsewhere is none here.
        (None, DecodeErrorKind::NotAnObject) => {
            DecodeError::of_member(DecodeErrorKind::Type, error.offset(), name)
        }
        (None, kind) => DecodeError::of_member(kind, error.offset(), name),
    }
}

/// Makes kinds of arrays.
macro_rules! lists {
    ($($kind:ident of $element:ty;)+) => {$(
        #[derive(Debug)]
        pub(super) struct $kind;

        impl $crate::wire::reader::Value for $kind {
            type Is<'f> = $crate::wire::lists::Listed<'f, $element>;

            fn of<'f>(_json: &$crate::wire::reader::Json<'f>) -> Result<Self::Is<'f>, DecodeErrorKind> {
                Err(DecodeErrorKind::Type)
            }

            #[inline(always)]
            fn usual<'f>(
                reader: &mut $crate::wire::reader::Reader<'f, '_>,
                rest: &'f [u8],
            ) -> Option<(Self::Is<'f>, &'f [u8])> {
                $crate::wire::lists::elements(reader, rest, |_, _| {}).ok().map(|(list, rest)| (Ok(list), rest))
            }

            fn read_unusual<'f>(
                reader: &mut $crate::wire::reader::Reader<'f, '_>,
            ) -> Result<$crate::wire::reader::Slot<Self::Is<'f>>, DecodeError> {
                $crate::wire::lists::list(reader, |_, _| {})
            }
        }
    )+};
}
pub(super) use lists;

/// Levels of one side, or what is wrong with one: where they stand among those of the scratch.
pub(super) type Levels = Result<(usize, usize), DecodeError>;

macro_rules! sides {
    ($($(#[$about:meta])* $kind:ident: $side:ident;)+) => {$(
        $(#[$about])*
        #[derive(Debug)]
        pub(super) struct $kind;

        impl Value for $kind {
            type Is<'f> = Levels;

            fn of<'f>(_json: &Json<'f>) -> Result<Levels, DecodeErrorKind> {
                Err(DecodeErrorKind::Type)
            }

            #[inline(always)]
            fn usual<'f>(reader: &mut Reader<'f, '_>, rest: &'f [u8]) -> Option<(Levels, &'f [u8])> {
                let [b'[', behind @ ..] = rest else { return None };
                let mut cursor = reader.cursor.clone();
                cursor.set_rest(behind);
                let range = levels(&mut cursor, &mut reader.scratch.as_mut()?.$side).ok()?;
                Some((Ok(range), cursor.rest()))
            }

            fn read_unusual<'f>(reader: &mut Reader<'f, '_>) -> Result<Slot<Levels>, DecodeError> {
                let mut cursor = reader.cursor.clone();
                match (cursor.peek(), &mut reader.scratch) {
                    (b'[', Some(scratch)) => {
                        cursor.advance(1);
                        let range = levels(&mut cursor, &mut scratch.$side);
                        match range {
                            Ok(_) => reader.cursor.set_rest(cursor.rest()),
                            // What is no JSON is said before what is no level.
                            Err(_) => reader.cursor.skip(1)?,
                        }
                        Ok(Slot::Value(range))
                    }
                    _ => Json::take(reader).map(|json| json.instead()),
                }
            }
        }
    )+};
}

sides! {
    /// Levels to buy.
    Bids: bids;
    /// Levels to sell.
    Asks: asks;
}
