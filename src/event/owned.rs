//! [`EventBuf`]: an event that owns what it says, for queues and other threads.

use alloc::string::String;
use alloc::vec::Vec;

use crate::event::Event;
use crate::message::Level;

/// An [`Event`] that borrows nothing.
///
/// Costs an allocation for the texts of an event and one for its levels, where it has some.
///
/// ```
/// use gemini_ws::{Event, EventBuf, Message, Scratch, decode};
///
/// let owned = {
///     let frame = String::from(r#"{"E":1,"s":"btcusd","t":7,"p":"1.5","q":"2","m":true}"#);
///     let mut scratch = Scratch::new();
///     let Ok(Message::Trade(trade)) = decode(&frame, &mut scratch) else { panic!() };
///     EventBuf::from(&Event::Trade(trade))
/// };
/// let Event::Trade(trade) = owned.as_event() else { panic!() };
/// assert_eq!((trade.symbol, trade.trade_id), ("btcusd", 7));
/// ```
#[derive(Clone, Debug)]
pub struct EventBuf {
    /// The event with all texts and levels empty.
    event: Event<'static>,
    /// Its texts, one after another, and where each ends.
    texts: String,
    ends: [u32; TEXTS_MAX],
    /// Its levels: first the bids, then the asks.
    levels: Vec<Level>,
    bids: usize,
}

/// The most texts in one event: an order with everything of both generations, and each of its open sets
/// with a text that is not known.
const TEXTS_MAX: usize = 16;

impl From<&Event<'_>> for EventBuf {
    fn from(event: &Event<'_>) -> EventBuf {
        let (mut texts, mut ends, mut count) = (String::new(), [0; TEXTS_MAX], 0_usize);
        let (mut levels, mut sides) = (Vec::new(), [0_usize; 2]);
        let mut side = 0_usize;
        let empty = event.relend(
            |text| {
                texts.push_str(text);
                debug_assert!(count < TEXTS_MAX);
                if let Some(end) = ends.get_mut(count) {
                    // Frames are limited far below 4 GiB.
                    *end = texts.len() as u32;
                }
                count = count.saturating_add(1);
                ""
            },
            |of_side| {
                levels.extend_from_slice(of_side);
                if let Some(length) = sides.get_mut(side) {
                    *length = of_side.len();
                }
                side = side.saturating_add(1);
                &[]
            },
        );
        EventBuf { event: empty, texts, ends, levels, bids: sides.first().copied().unwrap_or(0) }
    }
}

impl EventBuf {
    /// What it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        let levels = self.levels.capacity().saturating_mul(size_of::<Level>());
        size_of::<EventBuf>().saturating_add(self.texts.capacity()).saturating_add(levels)
    }

    /// The event, borrowing from this value.
    pub fn as_event(&self) -> Event<'_> {
        let (mut start, mut ends) = (0, self.ends.iter());
        let (bids, asks) = self.levels.split_at_checked(self.bids).unwrap_or((&[], &[]));
        let mut sides = [bids, asks].into_iter();
        self.event.relend(
            |_| {
                let end = ends.next().map_or(start, |end| *end as usize);
                let text = self.texts.get(start..end).unwrap_or_default();
                start = end;
                text
            },
            |_| sides.next().unwrap_or_default(),
        )
    }
}
