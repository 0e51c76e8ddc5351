//! What the answers to requests say, method by method (`ws-gemini-com.md`, sections 6 and 9.3).
//!
//! A response carries no method name: who made the request knows which of these to ask for.

use crate::error::DecodeError;
use crate::message::{List, PartialDepth, RawJson, Response, Text};
use crate::time::Timestamp;
use crate::wire::{Scratch, replies};

/// A limit of the venue and how much of it is used (section 6.1).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RateLimit<'f> {
    /// `rateLimitType`, for example `REQUEST_WEIGHT`, `ORDERS` or `CONNECTION_ATTEMPTS`.
    pub kind: Text<'f>,
    /// `interval`: the unit of the window, for example `SECOND`.
    pub interval: Text<'f>,
    /// `intervalNum`: how many of them the window has.
    pub interval_count: u64,
    /// `limit`
    pub limit: u64,
    /// `count`: used so far in the window.
    pub count: u64,
}

/// What a quote is known by (section 9.3).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct QuoteReceipt<'f> {
    /// `rfqId`
    pub rfq_id: Text<'f>,
    /// `quoteId`
    pub quote_id: Text<'f>,
    /// `confirmed`: of a confirmation.
    pub confirmed: Option<bool>,
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
        replies::server_time(self.result_text())
    }

    /// The result of [`Request::ListSubscriptions`](crate::Request::ListSubscriptions).
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the response has no such result.
    pub fn stream_names(&self) -> Result<List<'f, Text<'f>>, DecodeError> {
        replies::list(self.result_text())
    }

    /// The answer to [`Request::ConnectionInfo`](crate::Request::ConnectionInfo), which stands beside
    /// the result (quirk Q-E1).
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the response has none.
    pub fn rate_limits(&self) -> Result<List<'f, RateLimit<'f>>, DecodeError> {
        replies::list(self.rate_limits.map_or("", RawJson::as_str))
    }

    /// The result of [`Request::Depth`](crate::Request::Depth): a book by itself.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the response has no such result.
    pub fn depth(&self, scratch: &'f mut Scratch) -> Result<PartialDepth<'f>, DecodeError> {
        replies::depth(self.result_text(), scratch)
    }

    /// The order id in the result of [`Request::PlaceOrder`](crate::Request::PlaceOrder). Normally there
    /// is none (quirk Q-O2): rely on the stream of orders.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if there is one, and it is no id.
    pub fn order_id(&self) -> Result<Option<u64>, DecodeError> {
        self.result.map_or(Ok(None), |result| replies::order_id(result.as_str()))
    }

    /// The result of the three methods about quotes.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the response has no such result.
    pub fn quote(&self) -> Result<QuoteReceipt<'f>, DecodeError> {
        replies::quote(self.result_text())
    }

    fn result_text(&self) -> &'f str {
        self.result.map_or("", RawJson::as_str)
    }
}
