//! Frames in the venue's own spelling: members in its order, no white space.
//!
//! To read along a known text costs a fraction of finding out what is there. Where a frame differs
//! from that text in a single byte, it is left to the general reader, which says the same of every
//! frame that is read here; the differential tests hold the two together.

use alloc::vec::Vec;

use super::{Scratch, members, stream};
use crate::decimal::Decimal;
use crate::error::DecodeError;
use crate::message::{ApiError, BookTicker, Depth, Level, Message, Response, ResponseId, Text, Trade};
use crate::scan::{Cursor, digits};
use crate::time::Timestamp;

type Decoded<'f> = Result<Message<'f>, DecodeError>;

/// Section 7.1.
#[inline(never)]
pub(super) fn book_ticker<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Decoded<'f> {
    let read = |mut plain: Plain<'f>| {
        plain.take(b"{\"u\":")?;
        let update_id = plain.unsigned()?;
        plain.take(b",\"E\":")?;
        let event_time = plain.nanoseconds()?;
        plain.take(b",\"s\":\"")?;
        let symbol = plain.name()?;
        plain.take(b",\"b\":\"")?;
        let bid = plain.side(b",\"B\":\"")?;
        plain.take(b",\"a\":\"")?;
        let ask = plain.side(b",\"A\":\"")?;
        let last_trade = match plain.take(b",\"c\":\"") {
            Some(()) => plain.side(b",\"C\":\"")?,
            None => None,
        };
        plain.end(b"}")?;
        Some(BookTicker { symbol, update_id, event_time, bid, ask, last_trade })
    };
    match read(Plain::new(frame)) {
        Some(ticker) => Ok(Message::BookTicker(ticker)),
        None => stream::decode(frame, scratch),
    }
}

/// Section 7.3.
#[inline(never)]
pub(super) fn depth<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Decoded<'f> {
    let Scratch { bids, asks, .. } = scratch;
    let mut read = |mut plain: Plain<'f>| {
        plain.take(b"{\"e\":\"depthUpdate\",\"E\":")?;
        let event_time = plain.nanoseconds()?;
        plain.take(b",\"s\":\"")?;
        let symbol = plain.name()?;
        plain.take(b",\"U\":")?;
        let first_update_id = plain.unsigned()?;
        plain.take(b",\"u\":")?;
        let last_update_id = plain.unsigned()?;
        plain.take(b",\"b\":[")?;
        plain.levels(bids)?;
        plain.take(b",\"a\":[")?;
        plain.levels(asks)?;
        plain.end(b"}")?;
        // The levels stay in the scratch until it is clear that they are lent out.
        let (bids, asks): (&[Level], &[Level]) = (&[], &[]);
        let in_order = first_update_id <= last_update_id;
        in_order.then_some(Depth { symbol, event_time, first_update_id, last_update_id, bids, asks })
    };
    match read(Plain::new(frame)) {
        Some(depth) => Ok(Message::Depth(Depth { bids: &scratch.bids, asks: &scratch.asks, ..depth })),
        None => stream::decode(frame, scratch),
    }
}

/// Section 7.4.
#[inline(never)]
pub(super) fn trade<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Decoded<'f> {
    let read = |mut plain: Plain<'f>| {
        plain.take(b"{\"E\":")?;
        let event_time = plain.nanoseconds()?;
        plain.take(b",\"s\":\"")?;
        let symbol = plain.name()?;
        plain.take(b",\"t\":")?;
        let trade_id = plain.unsigned()?;
        plain.take(b",\"p\":\"")?;
        let price = plain.decimal()?;
        plain.take(b",\"q\":\"")?;
        let quantity = plain.decimal()?;
        plain.take(b",\"m\":")?;
        let buyer_is_maker = plain.take(b"true").is_some();
        if !buyer_is_maker {
            plain.take(b"false")?;
        }
        plain.end(b"}")?;
        Some(Trade { symbol, event_time, trade_id, price, quantity, buyer_is_maker })
    };
    match read(Plain::new(frame)) {
        Some(trade) => Ok(Message::Trade(trade)),
        None => stream::decode(frame, scratch),
    }
}

/// Section 4: acknowledgements and refusals.
#[inline(never)]
pub(super) fn response<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Decoded<'f> {
    let read = |mut plain: Plain<'f>| {
        plain.take(b"{\"id\":")?;
        let id = match plain.take(b"\"") {
            Some(()) => ResponseId::Text(Text(plain.name()?)),
            None => ResponseId::Number(plain.unsigned()?),
        };
        plain.take(b",\"status\":")?;
        let status = Some(u16::try_from(plain.unsigned()?).ok()?);
        let error = match plain.take(b",\"error\":{\"code\":-") {
            Some(()) => {
                let code = i64::try_from(plain.unsigned()?).ok()?.wrapping_neg();
                plain.take(b",\"msg\":\"")?;
                let message = Text(plain.name()?);
                plain.take(b"}")?;
                Some(ApiError { code, message })
            }
            None => None,
        };
        plain.end(b"}")?;
        Some(Response { id, status, result: None, error, rate_limits: None })
    };
    match read(Plain::new(frame)) {
        Some(response) => Ok(Message::Response(response)),
        None => stream::decode(frame, scratch),
    }
}

struct Plain<'f> {
    frame: &'f str,
    cursor: Cursor<'f>,
}

impl<'f> Plain<'f> {
    fn new(frame: &'f str) -> Plain<'f> {
        Plain { frame, cursor: Cursor::new(frame) }
    }

    /// Takes this very text.
    #[inline]
    fn take<const N: usize>(&mut self, text: &[u8; N]) -> Option<()> {
        let (head, rest) = self.cursor.rest().split_first_chunk::<N>()?;
        if head != text {
            return None;
        }
        self.cursor.set_rest(rest);
        Some(())
    }

    /// Takes this very text, which is the last.
    #[inline]
    fn end(&mut self, text: &[u8]) -> Option<()> {
        if self.cursor.rest() == text { Some(()) } else { None }
    }

    /// An integer. What comes behind it is taken as text, so a point or an exponent shows there.
    #[inline(always)]
    fn unsigned(&mut self) -> Option<u64> {
        let rest = self.cursor.rest();
        let (magnitude, length) = digits(rest)?;
        if length > 1 && rest.first() == Some(&b'0') {
            return None;
        }
        self.cursor.advance(length);
        magnitude
    }

    #[inline(always)]
    fn nanoseconds(&mut self) -> Option<Timestamp> {
        self.unsigned().and_then(|nanos| i64::try_from(nanos).ok()).map(Timestamp::from_nanos)
    }

    /// The rest of a string without escapes, behind its opening quote.
    #[inline(always)]
    fn name(&mut self) -> Option<&'f str> {
        let string = self.cursor.string_behind_quote().ok()?;
        if string.escaped { None } else { self.frame.get(string.start..string.end) }
    }

    /// The rest of a quoted decimal.
    #[inline(always)]
    fn decimal(&mut self) -> Option<Decimal> {
        let rest = self.cursor.rest();
        let (decimal, length) = match Decimal::parse_quoted_short(rest) {
            Some(found) => found,
            None => Decimal::parse_quoted(rest)?,
        };
        // The quote too.
        self.cursor.advance(length.wrapping_add(1));
        Some(decimal)
    }

    /// The rest of an array of levels.
    #[inline]
    fn levels(&mut self, into: &mut Vec<Level>) -> Option<()> {
        into.clear();
        members::levels(&mut self.cursor, into).ok().map(|_| ())
    }

    /// The rest of a price, and a quantity behind `between`.
    #[inline]
    fn side<const N: usize>(&mut self, between: &[u8; N]) -> Option<Option<Level>> {
        let price = self.decimal()?;
        self.take(between)?;
        let quantity = self.decimal()?;
        let level = Level { price, quantity };
        Some(if price.is_zero() || quantity.is_zero() { None } else { Some(level) })
    }
}
