//! Payloads of the public streams of the current API, and its answers to requests.

use core::fmt;

use super::open::open_enum;
use super::text::{Number, RawJson, Text};
use crate::value::decimal::Decimal;
use crate::value::side::Side;
use crate::value::time::Timestamp;

/// A price and the quantity that stands at it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Level {
    /// Price in quote units.
    pub price: Decimal,
    /// Quantity in base units; zero in a [`Depth`] removes the level.
    pub quantity: Decimal,
}

/// Best bid and ask of a symbol ([book ticker](crate::protocol::streams#book-ticker)).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct BookTicker<'f> {
    /// `s`
    pub symbol: &'f str,
    /// `u`: id of the book's state. Shares its range with the ids of [`Depth`], but the two streams
    /// [arrive independently](crate::protocol::streams#tickers-and-books).
    pub update_id: u64,
    /// `E`
    pub event_time: Option<Timestamp>,
    /// `b`, `B`; `None` if there is no bid (an empty or zero price or quantity).
    pub bid: Option<Level>,
    /// `a`, `A`; `None` if there is no ask.
    pub ask: Option<Level>,
    /// `c`, `C`: price and quantity of the last trade; `None` until the book has traded.
    pub last_trade: Option<Level>,
}

/// A snapshot of a book, or changes to it ([depth updates](crate::protocol::streams#depth-updates)): nothing in the frame says
/// which.
///
/// Frames of the current API have times and ids; those of market data v2 have none of them, and
/// those of v1 one id and, but for the first, a time.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Depth<'f> {
    /// `s`
    pub symbol: &'f str,
    /// `E`: time of the last change in it, not of sending. v1 `timestampms`.
    pub event_time: Option<Timestamp>,
    /// `U`: lower end of the range of update ids that it covers.
    pub first_update_id: Option<u64>,
    /// `u`: upper end of that range. v1 `eventId`, which does not tell of losses.
    pub last_update_id: Option<u64>,
    /// `b`: bids that changed; unsorted in changes, best first in a snapshot.
    pub bids: &'f [Level],
    /// `a`: asks that changed.
    pub asks: &'f [Level],
}

/// The best 5, 10 or 20 levels of a book; replaces the frame before
/// ([partial depth](crate::protocol::streams#partial-depth)).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct PartialDepth<'f> {
    /// `symbol` or `s`; not documented, but [sent in production](crate::protocol::quirks#symbol-of-partial-depth).
    pub symbol: Option<&'f str>,
    /// `lastUpdateId`
    pub last_update_id: u64,
    /// `bids`, best first.
    pub bids: &'f [Level],
    /// `asks`, best first.
    pub asks: &'f [Level],
}

/// A trade of [the current API](crate::protocol::streams#trades), [market data v2](crate::protocol::market_data_v2#trades) or
/// [market data v1](crate::protocol::market_data_v1#entries).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Trade<'f> {
    /// `s`. Empty for a v1 frame of a connection for one symbol, if the caller does not name it.
    pub symbol: &'f str,
    /// `E`; v2 `timestamp`, v1 `timestampms`.
    pub event_time: Option<Timestamp>,
    /// `t`: rises, but not by one. v1 and v2 `tid`; where v2 has none, its event id.
    pub trade_id: u64,
    /// v2 `event_id`, v1 `eventId`.
    pub event_id: Option<u64>,
    /// `p`
    pub price: Decimal,
    /// `q`
    pub quantity: Decimal,
    /// `m`, as the side that took; v2 `side`, v1 the opposite of `makerSide`.
    pub taker: Taker<'f>,
    /// Whether it was told before over this stream: the first frames of the archived endpoints repeat the
    /// latest trades. Said of the [`Event`](crate::Event), by who has seen what came before.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "core::ops::Not::not"))]
    pub is_replay: bool,
}

open_enum! {
    /// Who took in a trade.
    Taker {
        /// The buyer: the price went up to an ask.
        Buyer = "buy",
        /// The seller: the price went down to a bid.
        Seller = "sell",
        /// Nobody: both orders met in an auction.
        Auction = "auction",
        /// Nobody: the trade was made outside the book.
        Block = "block",
    }
}

impl Taker<'_> {
    /// The side of the order that took, if there was one.
    pub const fn side(self) -> Option<Side> {
        match self {
            Taker::Buyer => Some(Side::Buy),
            Taker::Seller => Some(Side::Sell),
            Taker::Auction | Taker::Block | Taker::Other(_) => None,
        }
    }
}

/// The best level of one side is another one, and replaces the one before
/// ([top of book replaces](crate::protocol::quirks#top-of-book-replaces)).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TopOfBook<'f> {
    /// The symbol; empty if neither the frame nor the caller names it.
    pub symbol: &'f str,
    /// `timestampms`
    pub event_time: Option<Timestamp>,
    /// `eventId`
    pub update_id: u64,
    /// The side.
    pub side: Side,
    /// The level; `None` if the side is empty.
    pub level: Option<Level>,
}

/// A prediction-market contract changed its status
/// ([contract status](crate::protocol::streams#contract-status)).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ContractStatus<'f> {
    /// `s`: symbol of the instrument.
    pub symbol: &'f str,
    /// `E`: sent in milliseconds.
    pub event_time: Option<Timestamp>,
    /// `k`
    pub event_ticker: &'f str,
    /// `c`
    pub contract_ticker: &'f str,
    /// `i`
    pub contract_id: u64,
    /// `p`: not there for up/down contracts until it is known.
    pub strike: Option<Number<'f>>,
    /// `o`: an open set of texts, for example `Approved`.
    pub previous_status: Option<Text<'f>>,
    /// `n`
    pub status: Text<'f>,
}

/// The mark price of a perpetual changed ([undocumented stream](crate::protocol::streams#undocumented-streams),
/// [market data v2](crate::protocol::market_data_v2#mark-prices)).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct MarkPrice<'f> {
    /// `s`
    pub symbol: &'f str,
    /// `E`
    pub event_time: Option<Timestamp>,
    /// `p`
    pub mark_price: Decimal,
    /// `i`: the index times a power of ten that differs per symbol: [do not use it](crate::protocol::quirks#mark-prices)
    /// as a price.
    pub scaled_index: Option<Number<'f>>,
    /// v2 `spot_index`: the index itself.
    pub spot_index: Option<Number<'f>>,
}

/// The funding of a perpetual ([undocumented stream](crate::protocol::streams#undocumented-streams),
/// [market data v2](crate::protocol::market_data_v2#funding-amounts)).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FundingAmount<'f> {
    /// `s`
    pub symbol: &'f str,
    /// `E`: the funding instant, [not the time of sending](crate::protocol::quirks#funding-amounts), so it is no
    /// key for deduplication. v2 `timestamp`.
    pub event_time: Option<Timestamp>,
    /// `T`: the funding instant.
    pub funding_time: Timestamp,
    /// `i`: minutes between funding instants.
    pub interval_minutes: Option<u64>,
    /// `f`: amount per contract in quote units.
    pub amount: Decimal,
    /// `r`: rate in percent, cut to three decimals by the venue. Not documented for v2.
    pub rate_percent: Option<Number<'f>>,
    /// `p`. Not documented for v2.
    pub mark_price: Option<Number<'f>>,
    /// `R`: whether the amount is final.
    pub realized: bool,
}

/// The answer to a request ([requests and responses](crate::protocol::streams#requests-and-responses)).
#[derive(Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Response<'f> {
    /// `id`, as the request had it.
    pub id: ResponseId<'f>,
    /// `status`: 200 for success, else an HTTP-like number.
    pub status: Option<u16>,
    /// `result`: absent in plain acknowledgements.
    pub result: Option<RawJson<'f>>,
    /// `error`
    pub error: Option<ApiError<'f>>,
    /// `rateLimits`: the answer to `conninfo`, which stands
    /// [beside the status](crate::protocol::quirks#conninfo-beside-result).
    pub rate_limits: Option<RawJson<'f>>,
    /// The text of it all.
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
    /// Whether the request was accepted: no error, and a status of 200 to 299 or none.
    pub const fn is_ok(&self) -> bool {
        self.error.is_none() && matches!(self.status, None | Some(200..=299))
    }

    /// Whether the request was refused and would be again: both the status and the code of the
    /// [error](crate::protocol::streams#errors) say so, or the one that is there and known.
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
    /// ```
    pub const fn is_final_refusal(&self) -> bool {
        let code = match &self.error {
            Some(error) => error.code,
            None => 0,
        };
        !self.is_ok()
            && !matches!(code, -1003 | -1000)
            && match self.status {
                // Only the code tells.
                None | Some(200..=299) => matches!(code, -1002 | -1013 | -1020 | -2999..=-1100),
                Some(408 | 425 | 429) => false,
                Some(status) => status >= 400 && status < 500,
            }
    }

    /// Whether the answer does not say how far the venue got: an internal error, by status or code.
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

/// The id of a request, echoed with its JSON type.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(untagged))]
pub enum ResponseId<'f> {
    /// An integer; this crate's requests have these.
    Number(u64),
    /// A text, or a number that is no unsigned integer, as it was written.
    Text(Text<'f>),
}

/// What the venue says of a refused request ([errors](crate::protocol::streams#errors)).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ApiError<'f> {
    /// `code`, for example -1013 for invalid parameters; 0 if there is none that can be read.
    pub code: i64,
    /// `msg`: for people.
    pub message: Text<'f>,
}

impl fmt::Display for ApiError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (code {})", self.message, self.code)
    }
}

/// A frame of an unknown kind: valid JSON, whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Unrecognized<'f> {
    /// The frame.
    pub frame: RawJson<'f>,
}
