//! Results of requests, [method by method](crate::protocol::streams#methods).
//!
//! A response does not name the method of its request. The caller, which knows the method, chooses the type to
//! decode.

use super::text::Text;

/// A rate limit of the venue, and how much of it is used ([`conninfo`](crate::protocol::streams#utility-methods)).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RateLimit<'f> {
    /// `rateLimitType`: what the limit counts, for example `REQUEST_WEIGHT`, `ORDERS` or `CONNECTION_ATTEMPTS`.
    pub kind: Text<'f>,
    /// `interval`: the unit of the window, for example `SECOND`.
    pub interval: Text<'f>,
    /// `intervalNum`: the number of units in the window.
    pub interval_count: u64,
    /// `limit`: the maximum use in one window.
    pub limit: u64,
    /// `count`: how much of the limit is used in the window.
    pub count: u64,
}

/// The result of a [quote method](crate::protocol::streams#quote-methods): the ids of the quote, and whether it was
/// confirmed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct QuoteReceipt<'f> {
    /// `rfqId`: the id of the request for quotes.
    pub rfq_id: Option<Text<'f>>,
    /// `quoteId`: the venue's id of the quote.
    pub quote_id: Option<Text<'f>>,
    /// `confirmed`: whether the quote was confirmed or declined; only in the reply to `rfq.confirm_quote`.
    pub confirmed: Option<bool>,
}
