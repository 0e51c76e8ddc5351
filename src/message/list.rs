//! [`List`]: an array of a frame, which is checked during decoding and read on iteration.

use core::fmt;
use core::marker::PhantomData;

use super::change::ChangeNote;
use super::text::RawJson;
use crate::json::cursor::{Cursor, offset_in};
use crate::json::error::DecodeError;

/// A type that can be an element of a [`List`]. Only types of this crate implement the trait.
pub trait Element<'f>: sealed::Read<'f> {}

impl<'f, T: sealed::Read<'f>> Element<'f> for T {}

pub(crate) mod sealed {
    use super::{ChangeNote, Cursor, DecodeError};

    pub trait Read<'f>: Sized {
        fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<Self, DecodeError>;

        /// If the next of the `notes` is about the element at the offset `begin` of the list `json`, takes the note,
        /// and returns the element and the offset of its end.
        #[inline(always)]
        fn noted(_notes: &mut &'f [ChangeNote], _json: &'f str, _begin: usize) -> Option<(Self, usize)> {
            None
        }
    }
}

/// A row of a list whose rows are decoded separately, so a malformed row does not affect the others. If a list has
/// rows, but none can be decoded, the whole frame is malformed. [`L2Updates`](crate::L2Updates) is an exception: it
/// decodes even if all its trades or all its auctions are malformed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(untagged))]
#[allow(clippy::large_enum_variant, reason = "nearly every row is a `Read`")]
pub enum Row<'f, T> {
    /// The decoded row.
    Read(T),
    /// A row that cannot be decoded. The offset of the error counts from the start of the row.
    Malformed {
        /// The row.
        element: RawJson<'f>,
        /// What is wrong, and at which byte of the row.
        error: DecodeError,
    },
}

impl<T> Row<'_, T> {
    /// Returns the decoded row; `None` if the row cannot be decoded.
    ///
    /// ```
    /// use gemini_ws::{Endpoint, Message, Row, Scratch};
    ///
    /// let frame = r#"{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","9","1"]],"trades":[
    ///     {"type":"trade","symbol":"BTCUSD","event_id":7,"price":"9","quantity":"1","side":"buy"},
    ///     {"type":"trade","symbol":"BTCUSD","event_id":8,"price":"nine","quantity":"1","side":"buy"}]}"#;
    /// let mut scratch = Scratch::new();
    /// let Ok(Message::L2Updates(it)) = Endpoint::MarketDataV2.decode(frame, &mut scratch) else { panic!() };
    /// let ids: Vec<_> = it.trades.into_iter().flatten().filter_map(Row::read).map(|trade| trade.trade_id).collect();
    /// assert_eq!((ids, it.bids.len()), (vec![7], 1), "the second trade costs neither the first one nor the book");
    /// ```
    pub fn read(self) -> Option<T> {
        match self {
            Row::Read(row) => Some(row),
            Row::Malformed { .. } => None,
        }
    }
}

/// The elements of an array of a frame.
///
/// The decoder of the frame checks all elements. The iterator of a list decodes each element again, except level
/// changes of market data v1, whose values the [`Scratch`](crate::Scratch) keeps. A list that is not iterated costs
/// nothing beyond the check.
///
/// ```
/// use gemini_ws::{Message, Row, Scratch, decode};
///
/// let frame = r#"{"type":"settlements","settlements":[{"symbol":"GEMI-A","position":"5","outcome":"yes"}]}"#;
/// let mut scratch = Scratch::new();
/// let Ok(Message::Settlements(it)) = decode(frame, &mut scratch) else { panic!() };
/// assert_eq!(it.settlements.iter().filter_map(Row::read).map(|row| row.symbol).collect::<Vec<_>>(), ["GEMI-A"]);
/// ```
pub struct List<'f, T> {
    json: &'f str,
    notes: &'f [ChangeNote],
    element: PhantomData<T>,
}

impl<'f, T: Element<'f>> List<'f, T> {
    /// Creates a list from an array whose elements were checked.
    pub(crate) const fn new(json: &'f str) -> List<'f, T> {
        List { json, notes: &[], element: PhantomData }
    }

    /// Sets the notes that were taken when the elements of this list were checked.
    pub(crate) const fn with(self, notes: &'f [ChangeNote]) -> List<'f, T> {
        List { notes, ..self }
    }

    /// Returns the elements, in the order of the frame.
    pub fn iter(&self) -> Elements<'f, T> {
        let mut cursor = Cursor::new(self.json);
        let opened = cursor.expect(b'[').is_ok() && cursor.peek() != b']';
        Elements { json: self.json, cursor, notes: self.notes, element: PhantomData, more: opened }
    }

    /// Returns whether the list has no elements.
    pub fn is_empty(&self) -> bool {
        // Nearly all lists with elements begin with `["` or `[{`. Only other lists need `iter`.
        !matches!(self.json.as_bytes(), [b'[', b'"' | b'{', ..]) && !self.iter().more
    }

    /// Returns the array as it is in the frame.
    pub const fn raw(&self) -> RawJson<'f> {
        RawJson(self.json)
    }
}

impl<'f, T> List<'f, Row<'f, T>>
where
    Row<'f, T>: Element<'f>,
{
    /// Returns how many rows cannot be decoded.
    pub fn malformed(&self) -> usize {
        self.iter().filter(|row| matches!(row, Row::Malformed { .. })).count()
    }
}

impl<'f, T: Element<'f>> IntoIterator for List<'f, T> {
    type Item = T;
    type IntoIter = Elements<'f, T>;

    fn into_iter(self) -> Elements<'f, T> {
        self.iter()
    }
}

impl<'f, T: Element<'f>> IntoIterator for &List<'f, T> {
    type Item = T;
    type IntoIter = Elements<'f, T>;

    fn into_iter(self) -> Elements<'f, T> {
        self.iter()
    }
}

/// An iterator over the elements of a [`List`].
pub struct Elements<'f, T> {
    json: &'f str,
    cursor: Cursor<'f>,
    notes: &'f [ChangeNote],
    element: PhantomData<T>,
    more: bool,
}

impl<T> Elements<'_, T> {
    /// Returns the offset in `frame` at which the next element begins; 0 if the frame does not contain the list.
    pub(crate) fn begin_in(&mut self, frame: &str) -> u32 {
        self.cursor.peek();
        let begin = offset_in(self.json, frame).wrapping_add(self.cursor.offset());
        u32::try_from(begin).ok().filter(|_| begin < frame.len()).unwrap_or(0)
    }

    fn end_element(&mut self, end: usize) {
        self.cursor.set_rest(self.json.as_bytes().get(end..).unwrap_or_default());
        self.more = self.cursor.another(b']').unwrap_or(false);
    }
}

impl<'f, T: Element<'f>> Elements<'f, T> {
    /// Returns the next element about which there is no note.
    #[inline]
    pub(crate) fn next_unnoted(&mut self) -> Option<T> {
        while self.more {
            self.cursor.peek();
            match ChangeNote::take(&mut self.notes, self.cursor.offset()) {
                Some(note) => self.end_element(note.end as usize),
                None => return self.read(),
            }
        }
        None
    }

    /// Reads the element at the cursor. The decoder of the frame has read it too, so this does not fail.
    #[inline(always)]
    fn read(&mut self) -> Option<T> {
        let element = T::read(self.json, &mut self.cursor).ok();
        self.more = element.is_some() && self.cursor.another(b']').unwrap_or(false);
        element
    }
}

impl<'f, T: Element<'f>> Iterator for Elements<'f, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if !self.more {
            return None;
        }
        self.cursor.peek();
        match T::noted(&mut self.notes, self.json, self.cursor.offset()) {
            Some((element, end)) => {
                self.end_element(end);
                Some(element)
            }
            None => self.read(),
        }
    }
}

impl<T> Clone for Elements<'_, T> {
    fn clone(&self) -> Self {
        let Elements { json, ref cursor, notes, more, .. } = *self;
        Elements { json, cursor: cursor.clone(), notes, element: PhantomData, more }
    }
}

impl<T> Default for List<'_, T> {
    fn default() -> Self {
        List { json: "", notes: &[], element: PhantomData }
    }
}

impl<T> Clone for List<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for List<'_, T> {}

impl<T> PartialEq for List<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

impl<'f, T: Element<'f> + fmt::Debug> fmt::Debug for List<'f, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T> fmt::Debug for Elements<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Elements").finish_non_exhaustive()
    }
}

#[cfg(feature = "serde")]
impl<'f, T: Element<'f> + serde::Serialize> serde::Serialize for List<'f, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

#[cfg(test)]
#[path = "../../tests/unit/message_list.rs"]
mod tests;
