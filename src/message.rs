//! [`Message`]: one decoded frame, by itself, and the payloads that messages and events share.
//!
//! Payloads borrow from the frame and the [`Scratch`](crate::Scratch) only. Names are those of the
//! field; the venue's one-letter members stand in each field's description
//! (`ws-gemini-com.md`, section 7).

use core::fmt;

use crate::decimal::Decimal;
use crate::scan;
use crate::time::Timestamp;

/// One frame of `wss://ws.gemini.com`, decoded without regard to the frames before it.
///
/// What depends on those before — whether a [`Message::Depth`] is a snapshot, which request a
/// [`Message::Response`] answers — is said by [`Event`](crate::Event), which
/// [`Connection`](crate::Connection) returns.
///
/// ```
/// use gemini_ws::{Message, Scratch, decode};
///
/// let mut scratch = Scratch::new();
/// let frame = r#"{"E":1759873803503023900,"s":"btcusd","t":2840140956529623,"p":"45000.50","q":"0.10000000","m":true}"#;
/// let Ok(Message::Trade(trade)) = decode(frame, &mut scratch) else { panic!() };
/// assert_eq!((trade.symbol, trade.trade_id), ("btcusd", 2840140956529623));
/// assert_eq!(trade.price, "45000.5".parse().unwrap());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "kind", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Message<'f> {
    /// Best bid and ask changed.
    BookTicker(BookTicker<'f>),
    /// A snapshot of a book or changes to it.
    Depth(Depth<'f>),
    /// The best few levels of a book.
    PartialDepth(PartialDepth<'f>),
    /// A trade.
    Trade(Trade<'f>),
    /// A prediction-market contract changed its status.
    ContractStatus(ContractStatus<'f>),
    /// The mark price of a perpetual changed.
    MarkPrice(MarkPrice<'f>),
    /// The funding of a perpetual, estimated or realised.
    FundingAmount(FundingAmount<'f>),
    /// The answer to a request.
    Response(Response<'f>),
    /// Valid JSON of a kind that this version does not know.
    Unrecognized(Unrecognized<'f>),
}

/// A price and the quantity that stands at it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Level {
    /// Price in quote units.
    pub price: Decimal,
    /// Quantity in base units; zero in a [`Depth`] removes the level.
    pub quantity: Decimal,
}

/// Best bid and ask of a symbol (section 7.1).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct BookTicker<'f> {
    /// `s`
    pub symbol: &'f str,
    /// `u`: id of the book's state. Shares its range with the ids of [`Depth`], but the two streams
    /// arrive independently (section 12.5).
    pub update_id: u64,
    /// `E`
    pub event_time: Timestamp,
    /// `b`, `B`; `None` if there is no bid (an empty or zero price or quantity, quirk Q-B1).
    pub bid: Option<Level>,
    /// `a`, `A`; `None` if there is no ask.
    pub ask: Option<Level>,
    /// `c`, `C`: price and quantity of the last trade; `None` until the book has traded.
    pub last_trade: Option<Level>,
}

/// A snapshot of a book, or changes to it (section 7.3): nothing in the frame says which.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Depth<'f> {
    /// `s`
    pub symbol: &'f str,
    /// `E`: time of the last change in it, not of sending.
    pub event_time: Timestamp,
    /// `U`: lower end of the range of update ids that it covers.
    pub first_update_id: u64,
    /// `u`: upper end of that range.
    pub last_update_id: u64,
    /// `b`: bids that changed; unsorted in changes, best first in a snapshot.
    pub bids: &'f [Level],
    /// `a`: asks that changed.
    pub asks: &'f [Level],
}

/// The best 5, 10 or 20 levels of a book; replaces the frame before (section 7.2).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct PartialDepth<'f> {
    /// `symbol` or `s`; not documented, but sent in production (quirk Q-B9).
    pub symbol: Option<&'f str>,
    /// `lastUpdateId`
    pub last_update_id: u64,
    /// `bids`, best first.
    pub bids: &'f [Level],
    /// `asks`, best first.
    pub asks: &'f [Level],
}

/// A trade (section 7.4).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Trade<'f> {
    /// `s`
    pub symbol: &'f str,
    /// `E`
    pub event_time: Timestamp,
    /// `t`: rises, but not by one.
    pub trade_id: u64,
    /// `p`
    pub price: Decimal,
    /// `q`
    pub quantity: Decimal,
    /// `m`: whether the buyer's order rested in the book, that is, the aggressor sold.
    pub buyer_is_maker: bool,
}

/// A prediction-market contract changed its status (section 7.5).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ContractStatus<'f> {
    /// `s`: symbol of the instrument.
    pub symbol: &'f str,
    /// `E`: sent in milliseconds.
    pub event_time: Timestamp,
    /// `k`
    pub event_ticker: &'f str,
    /// `c`
    pub contract_ticker: &'f str,
    /// `i`
    pub contract_id: u64,
    /// `p`: not there for up/down contracts until it is known.
    pub strike: Option<Decimal>,
    /// `o`: an open set of texts, for example `Approved`.
    pub previous_status: Text<'f>,
    /// `n`
    pub status: Text<'f>,
}

/// The mark price of a perpetual changed (section 10; an undocumented stream).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct MarkPrice<'f> {
    /// `s`
    pub symbol: &'f str,
    /// `E`
    pub event_time: Timestamp,
    /// `p`
    pub mark_price: Decimal,
    /// `i`: the index times a power of ten that differs per symbol (quirk Q-U1): not to be used as
    /// a price.
    pub scaled_index: Option<Decimal>,
}

/// The funding of a perpetual (section 10; an undocumented stream).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FundingAmount<'f> {
    /// `s`
    pub symbol: &'f str,
    /// `E`: the funding instant, not the time of sending (quirk Q-U2): no key for deduplication.
    pub event_time: Timestamp,
    /// `T`: the funding instant.
    pub funding_time: Timestamp,
    /// `i`: minutes between funding instants.
    pub interval_minutes: u64,
    /// `f`: amount per contract in quote units.
    pub amount: Decimal,
    /// `r`: rate in percent, cut to three decimals by the venue.
    pub rate_percent: Decimal,
    /// `p`
    pub mark_price: Decimal,
    /// `R`: whether the amount is final.
    pub realized: bool,
}

/// The answer to a request (section 4).
#[derive(Clone, Copy, Debug, PartialEq)]
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
    /// `rateLimits`: the answer to `conninfo`, which stands beside the status (quirk Q-E1).
    pub rate_limits: Option<RawJson<'f>>,
}

impl Response<'_> {
    /// Whether the request was accepted: no error, and a status of 200 or none.
    pub const fn is_ok(&self) -> bool {
        self.error.is_none() && matches!(self.status, None | Some(200))
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

/// What the venue says of a refused request (section 5).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ApiError<'f> {
    /// `code`, for example -1013 for invalid parameters.
    pub code: i64,
    /// `msg`: for people.
    pub message: Text<'f>,
}

/// A frame of an unknown kind: valid JSON, whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Unrecognized<'f> {
    /// The frame.
    pub frame: RawJson<'f>,
}

/// Free text of a frame, with JSON's escapes still in it.
///
/// ```
/// use gemini_ws::{Message, Scratch, decode};
///
/// let mut scratch = Scratch::new();
/// let frame = r#"{"id":1,"status":400,"error":{"code":-1013,"msg":"bad \"name\" \u00e9"}}"#;
/// let Ok(Message::Response(response)) = decode(frame, &mut scratch) else { panic!() };
/// assert_eq!(response.error.unwrap().message.to_string(), "bad \"name\" é");
/// ```
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Text<'f>(pub(crate) &'f str);

impl<'f> Text<'f> {
    /// As it stands in the frame, escapes included.
    pub const fn raw(self) -> &'f str {
        self.0
    }

    /// The characters that it stands for.
    pub fn chars(self) -> impl Iterator<Item = char> + 'f {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let (character, length) = match rest.as_bytes().first()? {
                b'\\' => scan::unescape(rest.as_bytes())?,
                _ => rest.chars().next().map(|character| (character, character.len_utf8()))?,
            };
            rest = rest.get(length..)?;
            Some(character)
        })
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.chars().eq(other.chars())
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chars().try_for_each(|character| fmt::Write::write_char(f, character))
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

/// A JSON value of a frame, checked but not looked into.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct RawJson<'f>(pub(crate) &'f str);

impl<'f> RawJson<'f> {
    /// The value as it stands in the frame.
    pub const fn as_str(self) -> &'f str {
        self.0
    }

    /// Takes a JSON value that the caller wrote, for [`Connection::request`](crate::Connection::request).
    ///
    /// # Errors
    ///
    /// The first byte at which `text` is no JSON.
    ///
    /// ```
    /// use gemini_ws::RawJson;
    ///
    /// assert!(RawJson::new(r#"{"symbol":"btcusd"}"#).is_ok());
    /// assert_eq!(RawJson::new("{symbol}").unwrap_err().offset(), 1);
    /// ```
    pub fn new(text: &'f str) -> Result<RawJson<'f>, crate::DecodeError> {
        let mut cursor = scan::Cursor::new(text);
        // One level is the request's own.
        cursor.skip(1)?;
        cursor.finish()?;
        Ok(RawJson(text))
    }
}

impl fmt::Debug for RawJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Display for RawJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Text<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for RawJson<'_> {
    /// As text: not every format can hold a JSON value.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}
