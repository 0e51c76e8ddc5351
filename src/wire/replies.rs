//! Results of requests, [method by method](crate::protocol::streams#methods).

use super::lists::{WithRest, each, rows};
use super::reader::Reader;
use super::record::record;
use super::scratch::Scratch;
use super::values::{Exact, Flag, Milliseconds, Unsigned};
use crate::json::cursor::Cursor;
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::reply::{QuoteReceipt, RateLimit};
use crate::message::{List, Message, PartialDepth, RawJson, Read, Response, Row, Text};
use crate::value::time::Timestamp;

record! {
    /// The result of the [method](crate::protocol::streams#methods) `time`.
    TimeMembers {
        server_time: "serverTime" = Milliseconds,
    }
}

record! {
    /// The result of [placing](crate::protocol::streams#placing-and-cancelling) an order, if the reply has a result.
    PlacedMembers {
        order_id: "orderId" = Unsigned,
    }
}

record! {
    /// The result of a [quote method](crate::protocol::streams#quote-methods).
    QuoteMembers {
        rfq_id: "rfqId" = Exact,
        quote_id: "quoteId" = Exact,
        confirmed: "confirmed" = Flag,
    }
}

record! {
    /// The ids in the result of [placing](crate::protocol::streams#placing-and-cancelling) an order, or of a [quote
    /// method](crate::protocol::streams#quote-methods).
    NamedMembers {
        order_id: "orderId" = Unsigned,
        rfq_id: "rfqId" = Exact,
        quote_id: "quoteId" = Exact,
    }
}

record! {
    /// A rate limit, as the [utility method](crate::protocol::streams#utility-methods) `conninfo` returns it.
    RateLimitMembers {
        kind: "rateLimitType" = Exact,
        interval: "interval" = Exact,
        interval_count: "intervalNum" = Unsigned,
        limit: "limit" = Unsigned,
        count: "count" = Unsigned,
    }
}

fn list<'f, L>(
    json: &'f str,
    read: impl FnOnce(&mut Reader<'f, '_>, &'f [u8]) -> WithRest<'f, L>,
) -> Result<L, DecodeError> {
    let mut reader = Reader::new(json);
    if reader.cursor.peek() != b'[' {
        return Err(reader.cursor.error(DecodeErrorKind::Type));
    }
    read(&mut reader, json.as_bytes()).map(|(list, _)| list)
}

impl<'f> Read<'f> for RateLimit<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<RateLimit<'f>, DecodeError> {
        let it = RateLimitMembers::within(frame, cursor)?;
        Ok(RateLimit {
            kind: it.kind().required()?,
            interval: it.interval().required()?,
            interval_count: it.interval_count().required()?,
            limit: it.limit().required()?,
            count: it.count().required()?,
        })
    }
}

impl<'f> Response<'f> {
    /// Returns the venue's time from the reply to [`Request::Time`](crate::Request::Time). The venue sends it in
    /// milliseconds.
    ///
    /// # Errors
    ///
    /// Returns [`DecodeError`] if the response has no such result. In all methods of `Response`, the offset in the
    /// error counts from the start of the result, not of the frame.
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
        TimeMembers::whole(self.result_text())?.server_time().required()
    }

    /// Returns the stream names in the reply to [`Request::ListSubscriptions`](crate::Request::ListSubscriptions).
    ///
    /// # Errors
    ///
    /// Returns [`DecodeError`] if the response has no such result.
    pub fn stream_names(&self) -> Result<List<'f, Text<'f>>, DecodeError> {
        list(self.result_text(), each)
    }

    /// Returns the limits in the reply to [`Request::ConnectionInfo`](crate::Request::ConnectionInfo). They are
    /// [beside the result](crate::protocol::quirks#conninfo-beside-result), not in it.
    ///
    /// # Errors
    ///
    /// Returns [`DecodeError`] if the response has no such limits.
    pub fn rate_limits(&self) -> Result<List<'f, Row<'f, RateLimit<'f>>>, DecodeError> {
        list(self.rate_limits.map_or("", RawJson::as_str), rows).map(|(list, _)| list)
    }

    /// Returns the book in the reply to [`Request::Depth`](crate::Request::Depth).
    ///
    /// # Errors
    ///
    /// Returns [`DecodeError`] if the response has no such result.
    pub fn depth(&self, scratch: &'f mut Scratch) -> Result<PartialDepth<'f>, DecodeError> {
        // The result has the members of a partial depth.
        match super::decode(self.result_text(), scratch)? {
            Message::PartialDepth(depth) => Ok(depth),
            _ => Err(DecodeError::new(DecodeErrorKind::Type, 0)),
        }
    }

    /// Returns the order id in the reply to [`Request::PlaceOrder`](crate::Request::PlaceOrder). Often returns
    /// `None`, because the reply has no id or the id 0 ([acknowledged is not
    /// placed](crate::protocol::quirks#acknowledged-is-not-placed)): use the id from the stream of orders.
    ///
    /// # Errors
    ///
    /// Returns [`DecodeError`] if the result is not an object, or its member `orderId` is not an id.
    pub fn order_id(&self) -> Result<Option<u64>, DecodeError> {
        let id = self.result.map(|result| PlacedMembers::whole(result.as_str())?.order_id().if_any());
        id.unwrap_or(Ok(None)).map(|id| id.filter(|id| *id != 0))
    }

    /// Returns the ids in the reply to a request that submits, withdraws or confirms a quote.
    ///
    /// # Errors
    ///
    /// Returns [`DecodeError`] if the result is not an object, or its member `quoteId` or `confirmed` cannot be read.
    pub fn quote(&self) -> Result<QuoteReceipt<'f>, DecodeError> {
        let it = QuoteMembers::whole(self.result_text())?;
        Ok(QuoteReceipt {
            rfq_id: it.rfq_id().label(),
            quote_id: it.quote_id().unless_empty()?,
            confirmed: it.confirmed().if_any()?,
        })
    }

    /// Returns the quote id in a result, even if another member cannot be read.
    pub(crate) fn quote_id(&self) -> Result<Option<Text<'f>>, DecodeError> {
        match self.result {
            Some(result) => NamedMembers::whole(result.as_str())?.quote_id().unless_empty(),
            None => Ok(None),
        }
    }

    pub(crate) fn rfq_id(&self) -> Option<Text<'f>> {
        NamedMembers::whole(self.result_text()).ok()?.rfq_id().label()
    }

    /// Returns whether the result has the id of an order or a quote, even one that cannot be read.
    pub(crate) fn has_id(&self) -> bool {
        NamedMembers::whole(self.result_text()).is_ok_and(|it| {
            !matches!(it.order_id().unless_empty(), Ok(None | Some(0)))
                || !matches!(it.quote_id().unless_empty(), Ok(None))
        })
    }

    fn result_text(&self) -> &'f str {
        self.result.map_or("", RawJson::as_str)
    }
}
