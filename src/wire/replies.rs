//! Results of requests (`ws-gemini-com.md`, sections 6 and 9.3).

use super::Scratch;
use super::members::{Array, Members, within};
use super::names::{Names, names};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::message::{List, Message, PartialDepth, Read};
use crate::reply::{QuoteReceipt, RateLimit};
use crate::scan::Cursor;
use crate::time::Timestamp;

names! {
    NAMES {
        SERVER_TIME = "serverTime",
        ORDER_ID = "orderId",
        RFQ_ID = "rfqId",
        QUOTE_ID = "quoteId",
        CONFIRMED = "confirmed",
        RATE_LIMIT_TYPE = "rateLimitType",
        INTERVAL = "interval",
        INTERVAL_NUM = "intervalNum",
        LIMIT = "limit",
        COUNT = "count",
    }
}

fn read<'f, T>(
    result: &'f str,
    see: impl FnOnce(&Members<'f, '_>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    within(result, &mut Cursor::new(result), &NAMES, see)
}

pub(crate) fn server_time(result: &str) -> Result<Timestamp, DecodeError> {
    read(result, |members| members.milliseconds(SERVER_TIME))
}

pub(crate) fn order_id(result: &str) -> Result<Option<u64>, DecodeError> {
    read(result, |members| members.if_any(ORDER_ID, Members::id))
}

pub(crate) fn quote(result: &str) -> Result<QuoteReceipt<'_>, DecodeError> {
    read(result, |members| {
        Ok(QuoteReceipt {
            rfq_id: members.text(RFQ_ID)?,
            quote_id: members.text(QUOTE_ID)?,
            confirmed: members.if_any(CONFIRMED, Members::boolean)?,
        })
    })
}

/// An array that is all of a value.
pub(crate) fn list<'f, T: Read<'f>>(json: &'f str) -> Result<List<'f, T>, DecodeError> {
    let mut cursor = Cursor::new(json);
    if cursor.peek() != b'[' {
        return Err(cursor.error(DecodeErrorKind::Type));
    }
    let mut elements = Array::at(cursor);
    while elements.more()? {
        T::read(json, &mut elements.cursor)?;
    }
    Ok(List::new(json))
}

impl<'f> Read<'f> for RateLimit<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<RateLimit<'f>, DecodeError> {
        within(frame, cursor, &NAMES, |members| {
            Ok(RateLimit {
                kind: members.text(RATE_LIMIT_TYPE)?,
                interval: members.text(INTERVAL)?,
                interval_count: members.unsigned(INTERVAL_NUM)?,
                limit: members.unsigned(LIMIT)?,
                count: members.unsigned(COUNT)?,
            })
        })
    }
}

/// The result is written like a partial depth.
pub(crate) fn depth<'f>(result: &'f str, scratch: &'f mut Scratch) -> Result<PartialDepth<'f>, DecodeError> {
    match super::stream::decode(result, scratch)? {
        Message::PartialDepth(depth) => Ok(depth),
        _ => Err(DecodeError::new(DecodeErrorKind::Type, 0)),
    }
}
