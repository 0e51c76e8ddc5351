//! Frames in the venue's own spelling: members in its order, no white space.
//!
//! To read along a known text costs a fraction of finding out what is there. Where a frame differs
//! from that text in a single byte, it is left to the records of `public.rs`, which say the same of every
//! frame that is read here; the differential tests hold the two together.

use alloc::vec::Vec;

use super::scratch::Scratch;
use super::{levels, stream};
use crate::json::cursor::{Cursor, digits};
use crate::json::error::DecodeError;
use crate::message::{
    ApiError, BookTicker, ContractStatus, Depth, FundingAmount, Level, MarkPrice, Message, Number,
    PartialDepth, RawJson, Response, ResponseId, Taker, Text, Trade,
};
use crate::value::decimal::Decimal;
use crate::value::symbol::Symbol;
use crate::value::time::Timestamp;

type Decoded<'f> = Result<Message<'f>, DecodeError>;

/// What was read; or else the function returns what the general reader says of the frame. So nothing
/// larger than a number is handed about before the message is written, where the caller has room.
macro_rules! or_any {
    ($read:expr, $frame:expr, $scratch:expr) => {
        match $read {
            Some(value) => value,
            None => return stream::decode_any($frame, $scratch),
        }
    };
}

/// Reads a [book ticker](crate::protocol::streams#book-ticker).
#[inline(never)]
pub(super) fn book_ticker<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Decoded<'f> {
    let mut plain = Plain::new(frame);
    or_any!(plain.take(b"{\"u\":"), frame, scratch);
    let update_id = or_any!(plain.unsigned(), frame, scratch);
    or_any!(plain.take(b",\"E\":"), frame, scratch);
    let event_time = or_any!(plain.nanoseconds(), frame, scratch);
    or_any!(plain.take(b",\"s\":\""), frame, scratch);
    let symbol = or_any!(plain.symbol(), frame, scratch);
    or_any!(plain.take(b",\"b\":\""), frame, scratch);
    let bid = or_any!(plain.side(b",\"B\":\""), frame, scratch);
    or_any!(plain.take(b",\"a\":\""), frame, scratch);
    let ask = or_any!(plain.side(b",\"A\":\""), frame, scratch);
    let last_trade = match plain.take(b",\"c\":\"") {
        Some(()) => or_any!(plain.side(b",\"C\":\""), frame, scratch),
        None => None,
    };
    or_any!(plain.end(b"}"), frame, scratch);
    Ok(Message::BookTicker(BookTicker {
        symbol,
        update_id,
        event_time: Some(event_time),
        bid,
        ask,
        last_trade,
    }))
}

/// Reads a [depth update](crate::protocol::streams#depth-updates).
#[inline(never)]
pub(super) fn depth<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Decoded<'f> {
    let mut plain = Plain::new(frame);
    or_any!(plain.take(b"{\"e\":\"depthUpdate\",\"E\":"), frame, scratch);
    let event_time = or_any!(plain.nanoseconds(), frame, scratch);
    or_any!(plain.take(b",\"s\":\""), frame, scratch);
    let symbol = or_any!(plain.symbol(), frame, scratch);
    or_any!(plain.take(b",\"U\":"), frame, scratch);
    let first_update_id = or_any!(plain.unsigned(), frame, scratch);
    or_any!(plain.take(b",\"u\":"), frame, scratch);
    let last_update_id = or_any!(plain.unsigned(), frame, scratch);
    or_any!(plain.take(b",\"b\":["), frame, scratch);
    or_any!(plain.levels(&mut scratch.bids), frame, scratch);
    or_any!(plain.take(b",\"a\":["), frame, scratch);
    or_any!(plain.levels(&mut scratch.asks), frame, scratch);
    or_any!(plain.end(b"}"), frame, scratch);
    if first_update_id > last_update_id {
        return stream::decode_any(frame, scratch);
    }
    Ok(Message::Depth(Depth {
        symbol,
        event_time: Some(event_time),
        first_update_id: Some(first_update_id),
        last_update_id: Some(last_update_id),
        bids: &scratch.bids,
        asks: &scratch.asks,
    }))
}

/// Reads a [trade](crate::protocol::streams#trades).
#[inline(never)]
pub(super) fn trade<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Decoded<'f> {
    let mut plain = Plain::new(frame);
    or_any!(plain.take(b"{\"E\":"), frame, scratch);
    let event_time = or_any!(plain.nanoseconds(), frame, scratch);
    or_any!(plain.take(b",\"s\":\""), frame, scratch);
    let symbol = or_any!(plain.symbol(), frame, scratch);
    or_any!(plain.take(b",\"t\":"), frame, scratch);
    let trade_id = or_any!(plain.unsigned(), frame, scratch);
    or_any!(plain.take(b",\"p\":\""), frame, scratch);
    let price = or_any!(plain.decimal(), frame, scratch);
    or_any!(plain.take(b",\"q\":\""), frame, scratch);
    let quantity = or_any!(plain.decimal(), frame, scratch);
    or_any!(plain.take(b",\"m\":"), frame, scratch);
    let buyer_is_maker = or_any!(plain.boolean(), frame, scratch);
    or_any!(plain.end(b"}"), frame, scratch);
    Ok(Message::Trade(Trade {
        symbol,
        event_time: Some(event_time),
        trade_id,
        event_id: None,
        price,
        quantity,
        taker: if buyer_is_maker { Taker::Seller } else { Taker::Buyer },
        is_replay: false,
    }))
}

/// Reads a frame of [partial depth](crate::protocol::streams#partial-depth).
#[inline(never)]
pub(super) fn partial_depth<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Decoded<'f> {
    let mut plain = Plain::new(frame);
    or_any!(plain.take(b"{\"lastUpdateId\":"), frame, scratch);
    let last_update_id = or_any!(plain.unsigned(), frame, scratch);
    let symbol = match plain.take(b",\"symbol\":\"") {
        Some(()) => Some(or_any!(plain.symbol(), frame, scratch)),
        None => None,
    };
    or_any!(plain.take(b",\"bids\":["), frame, scratch);
    or_any!(plain.levels(&mut scratch.bids), frame, scratch);
    or_any!(plain.take(b",\"asks\":["), frame, scratch);
    or_any!(plain.levels(&mut scratch.asks), frame, scratch);
    or_any!(plain.end(b"}"), frame, scratch);
    let (bids, asks) = (&scratch.bids, &scratch.asks);
    Ok(Message::PartialDepth(PartialDepth { symbol, last_update_id, bids, asks }))
}

/// Reads a [contract status](crate::protocol::streams#contract-status).
#[inline(never)]
pub(super) fn contract_status<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Decoded<'f> {
    let mut plain = Plain::new(frame);
    or_any!(plain.take(b"{\"e\":\"contractStatus\",\"E\":"), frame, scratch);
    let millis = or_any!(plain.unsigned().and_then(|millis| i64::try_from(millis).ok()), frame, scratch);
    let event_time = or_any!(Timestamp::from_millis(millis), frame, scratch);
    or_any!(plain.take(b",\"s\":\""), frame, scratch);
    let symbol = or_any!(plain.symbol(), frame, scratch);
    or_any!(plain.take(b",\"k\":\""), frame, scratch);
    let event_ticker = or_any!(plain.name(), frame, scratch);
    or_any!(plain.take(b",\"c\":\""), frame, scratch);
    let contract_ticker = or_any!(plain.name(), frame, scratch);
    or_any!(plain.take(b",\"i\":"), frame, scratch);
    let contract_id = or_any!(plain.unsigned(), frame, scratch);
    let strike = match plain.take(b",\"p\":\"") {
        Some(()) => Some(or_any!(plain.number(), frame, scratch)),
        None => None,
    };
    or_any!(plain.take(b",\"o\":\""), frame, scratch);
    let previous_status =
        Some(Text(or_any!(plain.name(), frame, scratch))).filter(|text| !text.raw().is_empty());
    or_any!(plain.take(b",\"n\":\""), frame, scratch);
    let status = Text(or_any!(plain.name(), frame, scratch));
    or_any!(plain.end(b"}"), frame, scratch);
    Ok(Message::ContractStatus(ContractStatus {
        symbol,
        event_time: Some(event_time),
        event_ticker,
        contract_ticker,
        contract_id,
        strike,
        previous_status,
        status,
    }))
}

/// Reads a [mark price](crate::protocol::streams#undocumented-streams).
#[inline(never)]
pub(super) fn mark_price<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Decoded<'f> {
    let mut plain = Plain::new(frame);
    or_any!(plain.take(b"{\"e\":\"markPrice\",\"E\":"), frame, scratch);
    let event_time = or_any!(plain.nanoseconds(), frame, scratch);
    or_any!(plain.take(b",\"s\":\""), frame, scratch);
    let symbol = or_any!(plain.symbol(), frame, scratch);
    or_any!(plain.take(b",\"p\":\""), frame, scratch);
    let mark_price = or_any!(plain.decimal(), frame, scratch);
    let scaled_index = match plain.take(b",\"i\":\"") {
        Some(()) => Some(or_any!(plain.number(), frame, scratch)),
        None => None,
    };
    or_any!(plain.end(b"}"), frame, scratch);
    let event_time = Some(event_time);
    Ok(Message::MarkPrice(MarkPrice { symbol, event_time, mark_price, scaled_index, spot_index: None }))
}

/// Reads a [funding amount](crate::protocol::streams#undocumented-streams). The general reader takes negative ones.
#[inline(never)]
pub(super) fn funding_amount<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Decoded<'f> {
    let mut plain = Plain::new(frame);
    or_any!(plain.take(b"{\"e\":\"fundingAmount\",\"E\":"), frame, scratch);
    let event_time = or_any!(plain.nanoseconds(), frame, scratch);
    or_any!(plain.take(b",\"s\":\""), frame, scratch);
    let symbol = or_any!(plain.symbol(), frame, scratch);
    or_any!(plain.take(b",\"T\":"), frame, scratch);
    let funding_time = or_any!(plain.nanoseconds(), frame, scratch);
    or_any!(plain.take(b",\"i\":"), frame, scratch);
    let interval_minutes = or_any!(plain.unsigned(), frame, scratch);
    or_any!(plain.take(b",\"f\":\""), frame, scratch);
    let amount = or_any!(plain.decimal(), frame, scratch);
    or_any!(plain.take(b",\"r\":\""), frame, scratch);
    let rate_percent = or_any!(plain.number(), frame, scratch);
    or_any!(plain.take(b",\"p\":\""), frame, scratch);
    let mark_price = or_any!(plain.number(), frame, scratch);
    or_any!(plain.take(b",\"R\":"), frame, scratch);
    let realized = or_any!(plain.boolean(), frame, scratch);
    or_any!(plain.end(b"}"), frame, scratch);
    Ok(Message::FundingAmount(FundingAmount {
        symbol,
        event_time: Some(event_time),
        funding_time,
        interval_minutes: Some(interval_minutes),
        amount,
        rate_percent: Some(rate_percent),
        mark_price: Some(mark_price),
        realized,
    }))
}

/// Reads a [response](crate::protocol::streams#requests-and-responses).
#[inline(never)]
pub(super) fn response<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Decoded<'f> {
    let mut plain = Plain::new(frame);
    or_any!(plain.take(b"{\"id\":"), frame, scratch);
    let id = match plain.take(b"\"") {
        Some(()) => ResponseId::Text(Text(or_any!(plain.name(), frame, scratch))),
        None => ResponseId::Number(or_any!(plain.unsigned(), frame, scratch)),
    };
    or_any!(plain.take(b",\"status\":"), frame, scratch);
    let status = match plain.take(b"200") {
        // Whether that is all of it shows in what comes next.
        Some(()) => 200,
        None => or_any!(plain.unsigned().and_then(|status| u16::try_from(status).ok()), frame, scratch),
    };
    let result = match plain.take(b",\"result\":{\"serverTime\":") {
        Some(()) => Some(or_any!(plain.server_time(), frame, scratch)),
        None => None,
    };
    let error = match plain.take(b",\"error\":{\"code\":-") {
        Some(()) => {
            let code = or_any!(plain.unsigned().and_then(|code| i64::try_from(code).ok()), frame, scratch);
            or_any!(plain.take(b",\"msg\":\""), frame, scratch);
            let message = Text(or_any!(plain.name(), frame, scratch));
            or_any!(plain.take(b"}"), frame, scratch);
            Some(ApiError { code: code.wrapping_neg(), message })
        }
        None => None,
    };
    or_any!(plain.end(b"}"), frame, scratch);
    Ok(Message::Response(Response { id, status: Some(status), result, error, rate_limits: None, frame }))
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
    #[inline(always)]
    fn take<const N: usize>(&mut self, text: &[u8; N]) -> Option<()> {
        let (head, rest) = self.cursor.rest().split_first_chunk::<N>()?;
        if head != text {
            return None;
        }
        self.cursor.set_rest(rest);
        Some(())
    }

    /// Takes this very text, which is the last.
    #[inline(always)]
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

    /// The same, if it is a symbol.
    #[inline(always)]
    fn symbol(&mut self) -> Option<&'f str> {
        self.name().filter(|text| Symbol::accepts(text))
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

    /// The same as text.
    #[inline(always)]
    fn number(&mut self) -> Option<Number<'f>> {
        let start = self.cursor.offset();
        self.decimal()?;
        self.frame.get(start..self.cursor.offset().wrapping_sub(1)).map(Number)
    }

    #[inline(always)]
    fn boolean(&mut self) -> Option<bool> {
        match self.take(b"true") {
            Some(()) => Some(true),
            None => self.take(b"false").map(|()| false),
        }
    }

    /// The rest of the result of the method `time`; all of the result, as it stands.
    #[inline]
    fn server_time(&mut self) -> Option<RawJson<'f>> {
        let start = self.cursor.offset().checked_sub(b"{\"serverTime\":".len())?;
        self.unsigned()?;
        self.take(b"}")?;
        self.frame.get(start..self.cursor.offset()).map(RawJson)
    }

    /// The rest of an array of levels.
    #[inline]
    fn levels(&mut self, into: &mut Vec<Level>) -> Option<()> {
        into.clear();
        levels::levels(&mut self.cursor, into).ok().map(|_| ())
    }

    /// The rest of a price, and a quantity behind `between`.
    #[inline(always)]
    fn side<const N: usize>(&mut self, between: &[u8; N]) -> Option<Option<Level>> {
        let price = self.decimal()?;
        self.take(between)?;
        let quantity = self.decimal()?;
        let level = Level { price, quantity };
        Some(if price.is_zero() || quantity.is_zero() { None } else { Some(level) })
    }
}
