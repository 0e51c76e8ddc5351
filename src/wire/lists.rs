//! Readers of the arrays of a frame: lists, and levels of a book.

use super::levels::levels;
use super::reader::{Json, Reader, Slot, Value};
use super::record::Found;
use super::spelling::as_spelled;
use super::values::element;
use crate::json::cursor::{Cursor, offset_in};
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::{List, OrderReport, RawJson, Read, Row, SnapshotOrder};

pub(super) type Listed<'f, T> = Result<List<'f, T>, DecodeError>;

/// A list and the text after it, or the error of a malformed element.
pub(super) type WithRest<'f, L> = Result<(L, &'f [u8]), DecodeError>;

/// Reads the array at the cursor with `read`. Returns a [`Slot`] with the list, or with the error of a malformed
/// element. Returns an error if the frame is not JSON.
#[inline]
pub(super) fn list<'f, 's, L>(
    reader: &mut Reader<'f, 's>,
    read: impl FnOnce(&mut Reader<'f, 's>, &'f [u8]) -> WithRest<'f, L>,
) -> Result<Slot<Result<L, DecodeError>>, DecodeError> {
    if reader.cursor.peek() != b'[' {
        return Json::take(reader).map(|json| json.instead());
    }
    match read(reader, reader.cursor.rest()) {
        Ok((list, rest)) => {
            reader.cursor.set_rest(rest);
            Ok(Slot::Value(Ok(list)))
        }
        Err(error) => {
            // If the array is not JSON, `skip` returns that error instead.
            reader.cursor.skip(1)?;
            Ok(Slot::Value(Err(error)))
        }
    }
}

/// The offsets in the frame of an array, of an element of it, and of the end of this element.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    pub(super) list: usize,
    pub(super) begin: usize,
    pub(super) end: usize,
}

/// Reads the array at the start of `rest`, and calls `see` with each element and its offsets. Returns the array and
/// the text after it.
#[inline]
pub(super) fn elements<'f, 's, T: Read<'f>>(
    reader: &mut Reader<'f, 's>,
    rest: &'f [u8],
    mut see: impl FnMut(&mut Reader<'f, 's>, T, At),
) -> WithRest<'f, List<'f, T>> {
    let mut cursor = reader.cursor.clone();
    cursor.set_rest(rest);
    let start = cursor.offset();
    cursor.expect(b'[')?;
    // Two levels of nesting: the array, and an element that is an object or array.
    cursor.enter(2);
    let mut more = cursor.peek() != b']';
    if !more {
        cursor.advance(1);
    }
    while more {
        cursor.peek();
        let begin = cursor.offset();
        let element = T::read(reader.frame, &mut cursor)?;
        see(reader, element, At { list: start, begin, end: cursor.offset() });
        more = cursor.another(b']')?;
    }
    Ok((List::new(reader.frame.get(start..cursor.offset()).unwrap_or_default()), cursor.rest()))
}

#[inline]
pub(super) fn each<'f, T: Read<'f>>(
    reader: &mut Reader<'f, '_>,
    rest: &'f [u8],
) -> WithRest<'f, List<'f, T>> {
    elements(reader, rest, |_, _, _| {})
}

/// A list whose elements are decoded separately, and whether any element is malformed.
pub(super) type Separate<'f, T> = (List<'f, T>, bool);

pub(super) type Rows<'f, T> = Separate<'f, Row<'f, T>>;

/// An element that is decoded separately from the other elements of its list.
pub(super) trait Single {
    fn is_malformed(&self) -> bool;
}

impl<T> Single for Row<'_, T> {
    #[inline]
    fn is_malformed(&self) -> bool {
        matches!(self, Row::Malformed { .. })
    }
}

impl Single for OrderReport<'_> {
    #[inline]
    fn is_malformed(&self) -> bool {
        matches!(self, OrderReport::Malformed { .. })
    }
}

impl Single for SnapshotOrder<'_> {
    #[inline]
    fn is_malformed(&self) -> bool {
        self.0.is_malformed()
    }
}

/// Reads the array at the start of `rest`. Unlike [`rows`], also succeeds if the list has elements but none can be
/// decoded.
#[inline]
pub(super) fn separate<'f, T: Read<'f> + Single>(
    reader: &mut Reader<'f, '_>,
    rest: &'f [u8],
) -> WithRest<'f, Separate<'f, T>> {
    let mut has_malformed = false;
    let (list, rest) = elements(reader, rest, |_, element: T, _| has_malformed |= element.is_malformed())?;
    Ok(((list, has_malformed), rest))
}

/// Reads the array of rows at the start of `rest`. If the list has rows, but none of them can be decoded, returns the
/// error of the first.
#[inline]
pub(super) fn rows<'f, T: Read<'f>>(
    reader: &mut Reader<'f, '_>,
    rest: &'f [u8],
) -> WithRest<'f, Rows<'f, T>> {
    match elements(reader, rest, |_, _: T, _| {}) {
        Ok((list, rest)) => Ok(((List::new(list.raw().as_str()), false), rest)),
        Err(_) => odd_rows(reader, rest),
    }
}

#[cold]
#[inline(never)]
fn odd_rows<'f, T: Read<'f>>(reader: &mut Reader<'f, '_>, rest: &'f [u8]) -> WithRest<'f, Rows<'f, T>> {
    let (mut first, mut is_any) = (None, false);
    let (list, rest) = elements(reader, rest, |_, row, _| match row {
        Row::Read(_) => is_any = true,
        Row::Malformed { element, error } => first = first.or(Some((element, error))),
    })?;
    match first {
        Some((element, error)) if !is_any => Err(error.behind(offset_in(element.as_str(), reader.frame))),
        _ => Ok(((list, true), rest)),
    }
}

impl<'f, T: Read<'f>> Read<'f> for Row<'f, T> {
    #[inline(always)]
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<Row<'f, T>, DecodeError> {
        let before = cursor.rest();
        match T::read(frame, cursor) {
            Ok(row) => Ok(Row::Read(row)),
            Err(_) => {
                cursor.set_rest(before);
                let read = read_alone(frame, cursor, T::read)?;
                Ok(read.map_or_else(|(element, error)| Row::Malformed { element, error }, Row::Read))
            }
        }
    }
}

/// The result of reading an element separately: its value, or its text and the reason why it cannot be decoded.
pub(super) type Alone<'f, T> = Result<T, (RawJson<'f>, DecodeError)>;

/// Reads an element as a text of its own, so the offset of an error counts from the start of the element. Fails only
/// if the element is not JSON.
#[cold]
#[inline(never)]
pub(super) fn read_alone<'f, T>(
    frame: &'f str,
    cursor: &mut Cursor<'f>,
    read: impl FnOnce(&'f str, &mut Cursor<'f>) -> Result<T, DecodeError>,
) -> Result<Alone<'f, T>, DecodeError> {
    let element = element(frame, cursor)?;
    let text = element.as_str();
    Ok(read(text, &mut Cursor::new(text)).map_err(|error| (element, as_spelled(error, text))))
}

impl<'f, V: Value> Found<'_, 'f, V> {
    pub(super) fn list<T>(self) -> Result<List<'f, T>, DecodeError>
    where
        V: Value<Is<'f> = Listed<'f, T>>,
    {
        let name = self.name;
        self.required()?.map_err(|error| within(name, error))
    }

    pub(super) fn separate<T>(self) -> Result<Separate<'f, T>, DecodeError>
    where
        V: Value<Is<'f> = Result<Separate<'f, T>, DecodeError>>,
    {
        let name = self.name;
        self.required()?.map_err(|error| within(name, error))
    }

    pub(super) fn separate_if_any<T>(self) -> Result<(Option<List<'f, T>>, bool), DecodeError>
    where
        V: Value<Is<'f> = Result<Separate<'f, T>, DecodeError>>,
    {
        let name = self.name;
        let found = self.if_any()?.transpose().map_err(|error| within(name, error))?;
        Ok(found.map_or((None, false), |(list, has_malformed)| (Some(list), has_malformed)))
    }

    pub(super) fn list_if_any<T>(self) -> Result<Option<List<'f, T>>, DecodeError>
    where
        V: Value<Is<'f> = Listed<'f, T>>,
    {
        let name = self.name;
        self.if_any()?.transpose().map_err(|error| within(name, error))
    }
}

/// Adds the name of a member to the error of one of its elements, unless the error names a member already.
#[cold]
pub(super) fn within(name: &'static str, error: DecodeError) -> DecodeError {
    match (error.member(), error.kind()) {
        (Some(_), _) => error,
        // Only a whole frame can have the error `NotAnObject`. A member whose value is no object has a wrong type.
        (None, DecodeErrorKind::NotAnObject) => {
            DecodeError::of_member(DecodeErrorKind::Type, error.offset(), name)
        }
        (None, kind) => DecodeError::of_member(kind, error.offset(), name),
    }
}

/// Defines kinds of values that are arrays. Each definition names the type of the list and the function that reads
/// it. With `each`, a malformed element makes the array malformed. With [`rows`] or [`separate`], the list contains
/// the malformed element, for example as a [`Row::Malformed`].
macro_rules! lists {
    ($($kind:ident: $list:ty, $read:ident;)+) => {$(
        #[derive(Debug)]
        pub(super) struct $kind;

        impl $crate::wire::reader::Value for $kind {
            type Is<'f> = Result<$list, DecodeError>;

            fn of<'f>(_json: &$crate::wire::reader::Json<'f>) -> Result<Self::Is<'f>, DecodeErrorKind> {
                Err(DecodeErrorKind::Type)
            }

            #[inline(always)]
            fn usual<'f>(
                reader: &mut $crate::wire::reader::Reader<'f, '_>,
                rest: &'f [u8],
            ) -> Option<(Self::Is<'f>, &'f [u8])> {
                $crate::wire::lists::$read(reader, rest).ok().map(|(list, rest)| (Ok(list), rest))
            }

            fn read_unusual<'f>(
                reader: &mut $crate::wire::reader::Reader<'f, '_>,
            ) -> Result<$crate::wire::reader::Slot<Self::Is<'f>>, DecodeError> {
                $crate::wire::lists::list(reader, $crate::wire::lists::$read)
            }
        }
    )+};
}
pub(super) use lists;

/// The start and the end of one side's levels in `Scratch`, or the error of the first malformed level.
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
                            // If the array is not JSON, `skip` returns that error instead.
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
    Bids: bids;
    Asks: asks;
}
