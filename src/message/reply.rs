//! Answers to requests, [method by method](crate::protocol::streams#methods).
//!
//! A response carries no method name: who made the request knows which of these to ask for.

use super::text::Text;

/// A limit of the venue and how much of it is used ([`conninfo`](crate::protocol::streams#utility-methods)).
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

/// The ids of a quote ([quote methods](crate::protocol::streams#quote-methods)).
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
