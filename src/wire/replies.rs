//! Results of requests, [method by method](crate::protocol::streams#methods).

use super::members::{Array, Members, within};
use super::names::{Names, names};
use super::scratch::Scratch;
use crate::json::cursor::Cursor;
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::reply::{QuoteReceipt, RateLimit};
use crate::message::{List, Message, PartialDepth, RawJson, Read, Response, Text};
use crate::value::time::Timestamp;

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

/// An array that is all of a value.
fn list<'f, T: Read<'f>>(json: &'f str) -> Result<List<'f, T>, DecodeError> {
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

impl<'f> Response<'f> {
    /// The result of [`Request::Time`](crate::Request::Time); sent in milliseconds.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the response has no such result; the offset is the result's, as with all of
    /// these.
    ///
    /// ```
    /// use gemini_ws::{Message, Scratch, decode};
    ///
    /// let mut scratch = Scratch::new();
    /// let frame = r#"{"id":1,"status":200,"result":{"serverTime":1790732602153}}"#;
    /// let Ok(Message::Response(response)) = decode(frame, &mut scratch) else { panic!() };
    /// assert_eq!(response.server_time().unwrap().as_millis(), 1790732602153);
    /// assert!(response.stream_names().is_err());
    /// ```
    pub fn server_time(&self) -> Result<Timestamp, DecodeError> {
        read(self.result_text(), |members| members.milliseconds(SERVER_TIME))
    }

    /// The result of [`Request::ListSubscriptions`](crate::Request::ListSubscriptions).
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the response has no such result.
    pub fn stream_names(&self) -> Result<List<'f, Text<'f>>, DecodeError> {
        list(self.result_text())
    }

    /// The answer to [`Request::ConnectionInfo`](crate::Request::ConnectionInfo), which stands beside
    /// the result ([conninfo beside result](crate::protocol::quirks#conninfo-beside-result)).
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the response has none.
    pub fn rate_limits(&self) -> Result<List<'f, RateLimit<'f>>, DecodeError> {
        list(self.rate_limits.map_or("", RawJson::as_str))
    }

    /// The result of [`Request::Depth`](crate::Request::Depth): a book by itself.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the response has no such result.
    pub fn depth(&self, scratch: &'f mut Scratch) -> Result<PartialDepth<'f>, DecodeError> {
        // It is written like a partial depth.
        match super::stream::decode(self.result_text(), scratch)? {
            Message::PartialDepth(depth) => Ok(depth),
            _ => Err(DecodeError::new(DecodeErrorKind::Type, 0)),
        }
    }

    /// The order id in the result of [`Request::PlaceOrder`](crate::Request::PlaceOrder). Normally there
    /// is none ([acknowledged is not placed](crate::protocol::quirks#acknowledged-is-not-placed)): rely on the stream of orders.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if there is one, and it is no id.
    pub fn order_id(&self) -> Result<Option<u64>, DecodeError> {
        let id = |members: &Members<'_, '_>| members.if_any(ORDER_ID, Members::unsigned);
        self.result.map_or(Ok(None), |result| read(result.as_str(), id))
    }

    /// The result of the three methods about quotes.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the response has no such result.
    pub fn quote(&self) -> Result<QuoteReceipt<'f>, DecodeError> {
        read(self.result_text(), |members| {
            Ok(QuoteReceipt {
                rfq_id: members.text(RFQ_ID)?,
                quote_id: members.text(QUOTE_ID)?,
                confirmed: members.informs(CONFIRMED, Members::boolean),
            })
        })
    }

    fn result_text(&self) -> &'f str {
        self.result.map_or("", RawJson::as_str)
    }
}
