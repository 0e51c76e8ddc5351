//! [`ChangeReason`], and [`ChangeNote`]: what the decoder has read of a level change, so that an iterator need not
//! read it again.

use super::open::open_enum;
use crate::json::cursor::offset_in;
use crate::value::decimal::Decimal;
use crate::value::side::Side;

open_enum! {
    /// The reason why a level changed.
    ChangeReason {
        /// An order was placed.
        Place = "place",
        /// Orders were executed.
        Trade = "trade",
        /// An order was cancelled.
        Cancel = "cancel",
        /// The level was there when the connection began.
        Initial = "initial",
        /// The level is the new best level of its side and replaces the previous best level
        /// ([undocumented](crate::protocol::quirks#top-of-book-reason)).
        TopOfBook = "top-of-book",
    }
}

/// A [`LevelChange`](crate::LevelChange) of a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ChangeNote {
    /// The offsets of the entry in the list.
    pub(crate) begin: u32,
    pub(crate) end: u32,
    pub(crate) symbol: Option<Span>,
    pub(crate) side: Side,
    pub(crate) price: Decimal,
    pub(crate) remaining: Decimal,
    pub(crate) delta: Option<Span>,
    pub(crate) reason: ChangeReason<'static>,
}

impl ChangeNote {
    /// Takes the first of the notes if its entry begins at the offset `begin` of the list.
    #[inline]
    pub(crate) fn take<'f>(notes: &mut &'f [ChangeNote], begin: usize) -> Option<&'f ChangeNote> {
        let (note, rest) = notes.split_first().filter(|(note, _)| note.begin as usize == begin)?;
        *notes = rest;
        Some(note)
    }
}

/// The offset of a text in its list, and its length. A list longer than 4 GB gets no notes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Span(u32, u32);

impl Span {
    /// `text` must be a slice of `whole`, which begins with the list.
    #[inline]
    pub(crate) fn in_list(text: &str, whole: &str) -> Span {
        Span(offset_in(text, whole) as u32, text.len() as u32)
    }

    #[inline]
    pub(crate) fn of(self, list: &str) -> Option<&str> {
        let start = self.0 as usize;
        list.get(start..start.wrapping_add(self.1 as usize))
    }
}
