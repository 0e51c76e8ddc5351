//! Payloads of the public streams of the current API, and its replies.

use core::fmt;

use super::open::open_enum;
use super::text::{Number, RawJson, Text};
use crate::value::decimal::Decimal;
use crate::value::side::Side;
use crate::value::time::Timestamp;

/// A price, and the quantity at this price.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Level {
    /// The price in quote units.
    pub price: Decimal,
    /// The quantity in base units; zero in a [`Depth`] removes the level.
    pub quantity: Decimal,
}

/// The best bid and ask of a symbol ([book ticker](crate::protocol::streams#book-ticker)).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct BookTicker<'f> {
    /// `s`: the symbol.
    pub symbol: &'f str,
    /// `u`: the id of the book's state, from the same range as the update ids of [`Depth`]. Tickers and depth frames
    /// [arrive independently](crate::protocol::streams#tickers-and-books).
    pub update_id: u64,
    /// `E`: the time of the event, sent in nanoseconds.
    pub event_time: Option<Timestamp>,
    /// The best bid: its price `b` and its quantity `B`. `None` if one of the two is empty or zero, because there is
    /// no bid then.
    pub bid: Option<Level>,
    /// The best ask: its price `a` and its quantity `A`. `None` if one of the two is empty or zero.
    pub ask: Option<Level>,
    /// `c`, `C`: the price and quantity of the last trade. `None` before the first trade, and if one of the two is
    /// empty, zero or cannot be decoded.
    pub last_trade: Option<Level>,
}

/// A snapshot of a book, or changes to it ([depth updates](crate::protocol::streams#depth-updates)). The event that
/// contains a `Depth` shows which of the two it is: [`Event::DepthSnapshot`](crate::Event::DepthSnapshot) or
/// [`Event::DepthUpdate`](crate::Event::DepthUpdate).
///
/// The current API sends a time and two ids. Market data v2 sends neither a time nor an id. Market data v1 sends one
/// id in every frame, and also a time, except in initial frames.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Depth<'f> {
    /// `s`: the symbol.
    pub symbol: &'f str,
    /// `E`: the time of the last change in the frame, not of sending. In market data v1, this is `timestampms`.
    pub event_time: Option<Timestamp>,
    /// `U`: the first update id that the frame covers.
    pub first_update_id: Option<u64>,
    /// `u`: the last update id that the frame covers. In market data v1, this is `eventId`, which has gaps even if no
    /// frame was lost.
    pub last_update_id: Option<u64>,
    /// `b`: the bids. On the current API, a snapshot lists the best bid first, and an update lists the bids in any
    /// order.
    pub bids: &'f [Level],
    /// `a`: the asks. On the current API, a snapshot lists the best ask first, and an update lists the asks in any
    /// order.
    pub asks: &'f [Level],
}

/// The best 5, 10 or 20 levels per side of a book. Each frame replaces all levels of the previous frame ([partial
/// depth](crate::protocol::streams#partial-depth)). [`Response::depth`] returns a book of up to 5,000 levels per
/// side in the same type.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct PartialDepth<'f> {
    /// `symbol` or `s`: the symbol; undocumented, but [sent in
    /// production](crate::protocol::quirks#symbol-of-partial-depth).
    pub symbol: Option<&'f str>,
    /// `lastUpdateId`: the id of the book's state.
    pub last_update_id: u64,
    /// `bids`: the best bids, best first.
    pub bids: &'f [Level],
    /// `asks`: the best asks, best first.
    pub asks: &'f [Level],
}

/// A trade of [the current API](crate::protocol::streams#trades),
/// [market data v2](crate::protocol::market_data_v2#trades) or
/// [market data v1](crate::protocol::market_data_v1#entries).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Trade<'f> {
    /// `s`: the symbol; empty in market data v1 if neither the frame nor the application names the symbol.
    pub symbol: &'f str,
    /// The time of the event: `E` of the current API, `timestamp` of v2, `timestampms` of v1.
    pub event_time: Option<Timestamp>,
    /// The id of the trade: `t` of the current API, which increases with gaps; `tid` of v1 and v2. If a trade of v2
    /// has no `tid`, this is the id of its event.
    pub trade_id: u64,
    /// The id of the event: `event_id` of v2, `eventId` of v1.
    pub event_id: Option<u64>,
    /// `p`: the price in quote units.
    pub price: Decimal,
    /// `q`: the quantity in base units.
    pub quantity: Decimal,
    /// The taker: on the current API from `m`, which shows whether the buyer was the maker; in v2 from `side`. In v1,
    /// the taker is on the other side than `makerSide`; a trade of an auction has [`Taker::Auction`], and a block
    /// trade [`Taker::Block`]. A v1 trade without `makerSide` has [`Taker::Other`] with an empty text.
    pub taker: Taker<'f>,
    /// Whether the stream has reported the trade before. After a reconnect or a resync, the first frames of the
    /// archived endpoints repeat the latest trades. There, `is_replay` is true if the stream has reported this trade or
    /// a later one. So if the stream lost a trade and then reported a later one, a first frame repeats the lost trade
    /// with `is_replay`: to find such trades, compare their ids. On the current API, `is_replay` is true only if one of
    /// the 16 trades before this trade has the same id.
    ///
    /// [`Client`](crate::Client) and [`Replay`](crate::Replay) set `is_replay` in
    /// [`Event::Trade`](crate::Event::Trade). In a [`Message`](crate::Message), `is_replay` is always false. `Replay`
    /// marks no trades of the current API.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "core::ops::Not::not"))]
    pub is_replay: bool,
}

open_enum! {
    /// The taker of a trade.
    Taker {
        /// The buyer, whose order took an ask.
        Buyer = "buy",
        /// The seller, whose order took a bid.
        Seller = "sell",
        /// No taker: both orders met in an auction.
        Auction = "auction",
        /// No taker: the trade was made outside the book.
        Block = "block",
    }
}

impl Taker<'_> {
    /// Returns the side of the taker's order; `None` for a trade without a taker.
    pub const fn side(self) -> Option<Side> {
        match self {
            Taker::Buyer => Some(Side::Buy),
            Taker::Seller => Some(Side::Sell),
            Taker::Auction | Taker::Block | Taker::Other(_) => None,
        }
    }
}

/// A new best level of one side of a book. The new level replaces the previous best level ([top of book
/// replaces](crate::protocol::quirks#top-of-book-replaces)).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TopOfBook<'f> {
    /// The symbol; empty if neither the frame nor the application names the symbol.
    pub symbol: &'f str,
    /// `timestampms`: the time of the event, sent in milliseconds.
    pub event_time: Option<Timestamp>,
    /// `eventId`: the id of the update.
    pub update_id: u64,
    /// The side of the book.
    pub side: Side,
    /// The new best level; `None` if the side is empty.
    pub level: Option<Level>,
}

/// A new status of a prediction-market contract ([contract status](crate::protocol::streams#contract-status)).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ContractStatus<'f> {
    /// `s`: the symbol of the instrument.
    pub symbol: &'f str,
    /// `E`: the time of the event, sent in milliseconds.
    pub event_time: Option<Timestamp>,
    /// `k`: the ticker of the event that the contract is about.
    pub event_ticker: &'f str,
    /// `c`: the ticker of the contract.
    pub contract_ticker: &'f str,
    /// `i`: the id of the contract.
    pub contract_id: u64,
    /// `p`: the strike; absent in up/down contracts until it is known.
    pub strike: Option<Number<'f>>,
    /// `o`: the old status, for example `Approved`; the venue may introduce other values.
    pub previous_status: Option<Text<'f>>,
    /// `n`: the new status; the venue may introduce other values.
    pub status: Text<'f>,
}

/// The mark price of a perpetual ([undocumented stream](crate::protocol::streams#undocumented-streams),
/// [market data v2](crate::protocol::market_data_v2#mark-prices)).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct MarkPrice<'f> {
    /// `s`: the symbol of the perpetual.
    pub symbol: &'f str,
    /// `E`: the time of the event.
    pub event_time: Option<Timestamp>,
    /// `p`: the mark price.
    pub mark_price: Decimal,
    /// `i`: the index, multiplied by a power of ten that differs between symbols. [Do not use
    /// it](crate::protocol::quirks#mark-prices) as a price.
    pub scaled_index: Option<Number<'f>>,
    /// `spot_index` of market data v2: the index. The current API sends
    /// [`scaled_index`](MarkPrice::scaled_index) instead.
    pub spot_index: Option<Number<'f>>,
}

/// The funding of a perpetual ([undocumented stream](crate::protocol::streams#undocumented-streams),
/// [market data v2](crate::protocol::market_data_v2#funding-amounts)).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FundingAmount<'f> {
    /// `s`: the symbol of the perpetual.
    pub symbol: &'f str,
    /// `E`: the next instant of funding, [not the time of sending](crate::protocol::quirks#funding-amounts). In
    /// market data v2, this is `timestamp`: the time of the frame.
    pub event_time: Option<Timestamp>,
    /// `T`: the next instant of funding. In market data v2, this is `funding_date_time`.
    pub funding_time: Timestamp,
    /// `i`: the minutes between two instants of funding.
    pub interval_minutes: Option<u64>,
    /// `f`: the amount per contract in quote units; may be negative.
    pub amount: Decimal,
    /// `r`: the rate in percent, truncated to three decimals by the venue. Undocumented in market data v2.
    pub rate_percent: Option<Number<'f>>,
    /// `p`: the mark price. Undocumented in market data v2.
    pub mark_price: Option<Number<'f>>,
    /// `R`: whether the amount is final.
    pub realized: bool,
}

/// The reply to a request ([requests and responses](crate::protocol::streams#requests-and-responses)).
#[derive(Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Response<'f> {
    /// `id`: the id of the request.
    pub id: ResponseId<'f>,
    /// `status`: a number like the statuses of HTTP; 200 means success.
    pub status: Option<u16>,
    /// `result`: the result of the request; absent in plain acknowledgements.
    pub result: Option<RawJson<'f>>,
    /// `error`: the code and the message of a refusal. Any value but `null` counts as a refusal.
    pub error: Option<ApiError<'f>>,
    /// `rateLimits`: the venue's rate limits. Only the reply to `conninfo` has this member, [beside the
    /// status](crate::protocol::quirks#conninfo-beside-result).
    pub rate_limits: Option<RawJson<'f>>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) frame: &'f str,
}

impl fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Response { id, status, result, error, rate_limits, frame: _ } = self;
        let mut shown = f.debug_struct("Response");
        shown.field("id", id).field("status", status).field("result", result);
        shown.field("error", error).field("rate_limits", rate_limits).finish()
    }
}

impl Response<'_> {
    /// Returns whether the venue accepted the request: there is no error, and the status is 200 to 299 or absent.
    pub const fn is_ok(&self) -> bool {
        self.error.is_none() && matches!(self.status, None | Some(200..=299))
    }

    /// Returns whether the venue refused the request and would refuse it again.
    ///
    /// Four rules decide, in this order:
    ///
    /// - A refusal that contains the id of an order or a quote contradicts itself, so it is not final.
    /// - With the [error code](crate::protocol::streams#errors) -1000 or -1003, the refusal is not final.
    /// - Without a status, or with a status from 200 to 299, the code decides: -1002, -1013, -1020 and the codes from
    ///   -2999 to -1100 are final.
    /// - With any other status, the status decides: the statuses from 400 to 499 are final, except 408, 425 and 429.
    ///
    /// ```
    /// use gemini_ws::{Message, Scratch, decode};
    ///
    /// let is_final = |text: &str| match decode(text, &mut Scratch::new()) {
    ///     Ok(Message::Response(response)) => response.is_final_refusal(),
    ///     _ => false,
    /// };
    /// assert!(is_final(r#"{"id":1,"status":400,"error":{"code":-1013,"msg":"Invalid parameters"}}"#));
    /// assert!(!is_final(r#"{"id":1,"error":{"code":-1003,"msg":"Too many requests"}}"#));
    /// assert!(!is_final(r#"{"id":1,"status":500,"error":{"code":-1013,"msg":"Invalid parameters"}}"#));
    /// assert!(!is_final(r#"{"id":1,"status":400,"result":{"orderId":"7"}}"#));
    /// ```
    pub fn is_final_refusal(&self) -> bool {
        let code = self.error.map_or(0, |error| error.code);
        !self.is_ok()
            && !self.has_id()
            && !matches!(code, -1003 | -1000)
            && match self.status {
                None | Some(200..=299) => matches!(code, -1002 | -1013 | -1020 | -2999..=-1100),
                Some(408 | 425 | 429) => false,
                Some(status) => (400..500).contains(&status),
            }
    }

    /// Returns whether the venue refused the request because of a rate limit, and so has not carried it out.
    pub(crate) fn is_over_limit(&self) -> bool {
        let is_named = matches!(&self.error, Some(ApiError { code: -1003, .. }));
        !self.is_internal_error() && !self.has_id() && (is_named || matches!(self.status, Some(429)))
    }

    /// Returns whether the reply reports an internal error of the venue: the status is 408 or at least 500, or the
    /// error code is -1000. After such an error, it is unknown whether the venue acted on the request.
    pub const fn is_internal_error(&self) -> bool {
        matches!(self.status, Some(408 | 500..)) || matches!(&self.error, Some(ApiError { code: -1000, .. }))
    }
}

impl fmt::Display for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_ok() { "accepted" } else { "refused" })?;
        if let Some(status) = self.status {
            write!(f, " with status {status}")?;
        }
        self.error.map_or(Ok(()), |error| write!(f, ": {error}"))
    }
}

/// The id of a request, as the response repeats it. If the id is neither a text nor a number, the frame is
/// [`Unrecognized`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(untagged))]
pub enum ResponseId<'f> {
    /// An integer. All requests of a [`Client`](crate::Client) have integers as ids.
    Number(u64),
    /// A text, or a number that is not an unsigned integer, as the venue wrote it.
    Text(Text<'f>),
}

/// The error of a refused request ([errors](crate::protocol::streams#errors)).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ApiError<'f> {
    /// `code`: the number of the error, for example -1013 for invalid parameters; 0 if it is absent or cannot be
    /// read.
    pub code: i64,
    /// `msg`: a text for people.
    pub message: Text<'f>,
}

impl fmt::Display for ApiError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (code {})", self.message, self.code)
    }
}

/// A complete frame, or a complete element of a frame, of an unknown kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Unrecognized<'f> {
    /// The frame or the element.
    pub frame: RawJson<'f>,
}
