//! Frames of the archived endpoints: [market data v2](crate::protocol::market_data_v2), [market data
//! v1](crate::protocol::market_data_v1) and [order events v1](crate::protocol::order_events_v1).

use super::change::ChangeReason;
use super::list::{List, Row};
use super::open::open_enum;
use super::order::{ApiSession, OrderUpdate};
use super::public::{Level, Trade, Unrecognized};
use super::text::{Number, RawJson, Text};
use crate::value::decimal::Decimal;
use crate::value::side::Side;
use crate::value::time::Timestamp;

/// Levels of a [book](crate::protocol::market_data_v2#books). The first frame of a subscription contains all levels.
/// Later frames contain the levels that changed.
///
/// The frames have neither sequence numbers nor times, so a lost frame cannot be detected.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct L2Updates<'f> {
    /// `symbol`: the symbol.
    pub symbol: &'f str,
    /// The `changes` of the side `buy`.
    pub bids: &'f [Level],
    /// The `changes` of the side `sell`.
    pub asks: &'f [Level],
    /// `trades`: the latest trades, [unsorted](crate::protocol::quirks#unsorted-initial-trades). Only the first frame
    /// of a subscription has `trades`, and only if the venue has trades of the symbol. A malformed trade affects
    /// neither the other trades nor the levels.
    pub trades: Option<List<'f, Row<'f, Trade<'f>>>>,
    /// `auction_events`: auctions. Only the first frame of a subscription has `auction_events`. A malformed auction
    /// affects nothing else.
    pub auction_events: Option<List<'f, Row<'f, Auction<'f>>>>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) has_malformed: bool,
}

impl L2Updates<'_> {
    /// Returns whether the frame has `auction_events`, and so looks like the first frame of a subscription.
    ///
    /// In all recordings, only the first frames have `auction_events`. A frame without `trades` may be a first frame
    /// too ([quirk](crate::protocol::quirks#first-frames-without-trades)). The first frame of a subscription contains
    /// the whole book even if `looks_initial` returns false.
    pub const fn looks_initial(&self) -> bool {
        self.auction_events.is_some()
    }
}

/// [Candles](crate::protocol::market_data_v2#candles) of a symbol. The first frame of a subscription contains many
/// candles, newest first. Later frames contain the candles that changed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Candles<'f> {
    /// `symbol`: the symbol.
    pub symbol: &'f str,
    /// The width of the candles, from `type`.
    pub interval: CandleInterval,
    /// `changes`: the candles.
    pub candles: List<'f, Row<'f, Candle<'f>>>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) has_malformed: bool,
}

/// The width of a candle.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum CandleInterval {
    /// One minute: `1m`.
    OneMinute,
    /// Five minutes: `5m`.
    FiveMinutes,
    /// 15 minutes: `15m`.
    FifteenMinutes,
    /// 30 minutes: `30m`.
    ThirtyMinutes,
    /// One hour: `1h`.
    OneHour,
    /// Six hours: `6h`.
    SixHours,
    /// One day: `1d`.
    OneDay,
}

impl CandleInterval {
    /// All widths, the shortest first.
    pub const ALL: [CandleInterval; 7] = [
        CandleInterval::OneMinute,
        CandleInterval::FiveMinutes,
        CandleInterval::FifteenMinutes,
        CandleInterval::ThirtyMinutes,
        CandleInterval::OneHour,
        CandleInterval::SixHours,
        CandleInterval::OneDay,
    ];

    /// Returns the name of the market data v2 feed with candles of this width, for example `candles_1m`.
    pub const fn feed(self) -> &'static str {
        match self {
            CandleInterval::OneMinute => "candles_1m",
            CandleInterval::FiveMinutes => "candles_5m",
            CandleInterval::FifteenMinutes => "candles_15m",
            CandleInterval::ThirtyMinutes => "candles_30m",
            CandleInterval::OneHour => "candles_1h",
            CandleInterval::SixHours => "candles_6h",
            CandleInterval::OneDay => "candles_1d",
        }
    }
}

/// A candle.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Candle<'f> {
    /// The time at which the candle begins; sent in milliseconds.
    pub open_time: Timestamp,
    /// The first price.
    pub open: Decimal,
    /// The highest price.
    pub high: Decimal,
    /// The lowest price.
    pub low: Decimal,
    /// The last price.
    pub close: Decimal,
    /// The traded quantity in base units. Because it is a sum, it may have more digits than a [`Decimal`] holds.
    pub volume: Option<Number<'f>>,
}

/// [Mark prices](crate::protocol::market_data_v2#mark-prices) of a perpetual.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct MarkPrices<'f> {
    /// `symbol`: the symbol.
    pub symbol: &'f str,
    /// `changes`: the mark prices.
    pub changes: List<'f, Row<'f, MarkPriceChange<'f>>>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) has_malformed: bool,
}

/// A mark price.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct MarkPriceChange<'f> {
    /// `timestamp`: the time of the event, sent in nanoseconds.
    pub event_time: Option<Timestamp>,
    /// `mark_price`: the mark price.
    pub mark_price: Decimal,
    /// `spot_index`: the spot index, as it was [at the last change](crate::protocol::quirks#old-index-prices) of the
    /// mark price.
    pub spot_index: Option<Number<'f>>,
}

/// [Funding amounts](crate::protocol::market_data_v2#funding-amounts) of a perpetual.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FundingAmounts<'f> {
    /// `symbol`: the symbol.
    pub symbol: &'f str,
    /// `changes`: the funding amounts.
    pub changes: List<'f, Row<'f, FundingAmountChange<'f>>>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) has_malformed: bool,
}

/// An amount of funding.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FundingAmountChange<'f> {
    /// `timestamp`: the time of the frame, sent in nanoseconds.
    pub event_time: Option<Timestamp>,
    /// `funding_amount`: the amount per contract in quote units; may be negative.
    pub amount: Decimal,
    /// `funding_date_time`: the time of the funding, sent in nanoseconds.
    pub funding_time: Timestamp,
    /// `funding_interval_in_minutes`: the minutes between two instants of funding.
    pub interval_minutes: Option<u64>,
    /// `is_realized`: whether the venue calls the amount realized.
    pub realized: bool,
    /// `funding_rate`: the rate in percent, truncated by the venue.
    /// [Undocumented](crate::protocol::quirks#more-members-of-funding).
    pub rate_percent: Option<Number<'f>>,
    /// `mark_price`: the mark price. Undocumented.
    pub mark_price: Option<Number<'f>>,
}

/// A frame of market data v1: the entries of one [event of the venue](crate::protocol::market_data_v1#updates).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct MarketUpdate<'f> {
    /// `eventId`: the id of the event. It increases, with gaps, and is the same on every connection.
    pub event_id: u64,
    /// `socket_sequence`: the number of the frame on the connection, from 0.
    pub socket_sequence: u64,
    /// `timestamp`: the time of the event, sent in whole seconds; absent in an initial frame.
    pub timestamp: Option<Timestamp>,
    /// `timestampms`: the time of the event, sent in milliseconds; absent in an initial frame.
    pub event_time: Option<Timestamp>,
    /// `events`: the entries of the frame.
    pub entries: List<'f, MarketEntry<'f>>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) has_malformed: bool,
    /// The symbol of the entries that have no symbol; `None` if it is unknown. The application sets it with
    /// [`Scratch::set_symbol`](crate::Scratch::set_symbol); a client takes it from its address or from
    /// [`Config::symbol`](crate::Config::symbol).
    pub symbol: Option<&'f str>,
    /// The levels of all entries that change a bid, in the order of the entries.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) bids: &'f [Level],
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) asks: &'f [Level],
}

/// An [entry](crate::protocol::market_data_v1#entries) of a [`MarketUpdate`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "kind", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum MarketEntry<'f> {
    /// A level of the book changed.
    Change(LevelChange<'f>),
    /// A trade.
    Trade(MarketTrade<'f>),
    /// A block trade.
    BlockTrade(MarketTrade<'f>),
    /// An auction was opened.
    AuctionOpen(AuctionOpen<'f>),
    /// The indicated price or the result of an auction.
    Auction(Auction<'f>),
    /// An entry of an unknown type, complete.
    Unrecognized(Unrecognized<'f>),
    /// A trade or an auction that cannot be decoded. It affects no other entry. The whole frame is malformed if a
    /// change cannot be decoded, or if an entry is not an object or has no readable `type`.
    Malformed {
        /// The entry.
        element: RawJson<'f>,
        /// What is wrong, and at which byte of the entry.
        error: crate::json::error::DecodeError,
    },
}

/// A changed level of a book ([entries](crate::protocol::market_data_v1#entries)).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct LevelChange<'f> {
    /// `symbol`: the symbol; present only on connections for several symbols.
    pub symbol: Option<&'f str>,
    /// `side`: the side of the level; `bid` is [`Side::Buy`].
    pub side: Side,
    /// `price`: the price of the level.
    pub price: Decimal,
    /// `remaining`: the new quantity of the level; zero removes the level.
    pub remaining: Decimal,
    /// `delta`: the signed change of the quantity; absent if the reason is `top-of-book`.
    pub delta: Option<Number<'f>>,
    /// `reason`: the reason for the change.
    pub reason: ChangeReason<'f>,
}

/// A trade ([entries](crate::protocol::market_data_v1#entries)).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct MarketTrade<'f> {
    /// `symbol`: the symbol; present only on connections for several symbols.
    pub symbol: Option<&'f str>,
    /// `tid`: the id of the trade.
    pub trade_id: u64,
    /// `price`: the price in quote units.
    pub price: Decimal,
    /// `amount`: the quantity in base units.
    pub quantity: Decimal,
    /// `makerSide`: the side of the resting order; absent in block trades.
    pub maker_side: Option<MakerSide<'f>>,
}

open_enum! {
    /// The side of the resting order of a trade.
    MakerSide {
        /// The resting order was a bid, so the taker sold.
        Bid = "bid",
        /// The resting order was an ask, so the taker bought.
        Ask = "ask",
        /// The trade was made in an auction.
        Auction = "auction",
    }
}

/// An opened auction ([entries](crate::protocol::market_data_v1#entries)).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct AuctionOpen<'f> {
    /// The symbol. On a connection for one symbol, this is `None`, and [`MarketUpdate::symbol`] is the symbol.
    pub symbol: Option<&'f str>,
    /// `auction_open_ms`: when the auction opened.
    pub opened: Option<Timestamp>,
    /// `auction_time_ms`: when the auction is held.
    pub auction_time: Option<Timestamp>,
    /// `first_indicative_ms`: when the venue first indicates the price of the auction.
    pub first_indicative_time: Option<Timestamp>,
    /// `last_cancel_time_ms`: until when orders of the auction can be cancelled.
    pub last_cancel_time: Option<Timestamp>,
}

/// The price of an auction, indicated or final, of [market data v1](crate::protocol::market_data_v1#entries) or
/// [v2](crate::protocol::market_data_v2#auctions).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Auction<'f> {
    /// The symbol. `None` in a frame of a market data v1 connection for one symbol, because such a frame does not
    /// name the symbol: see [`MarketUpdate::symbol`]. An [`Event`](crate::Event) of such a frame has the symbol.
    pub symbol: Option<&'f str>,
    /// The stage of the auction, from `type`.
    pub stage: AuctionStage,
    /// `eid`: the id of the event; only in market data v1.
    pub event_id: Option<u64>,
    /// `time_ms`: the time of the event, sent in milliseconds.
    pub time: Option<Timestamp>,
    /// `result`: whether the auction finds a price.
    pub result: AuctionResult<'f>,
    /// `highest_bid_price`: the price of the highest bid.
    pub highest_bid_price: Option<Number<'f>>,
    /// `lowest_ask_price`: the price of the lowest ask.
    pub lowest_ask_price: Option<Number<'f>>,
    /// `collar_price`: the collar price of the auction.
    pub collar_price: Option<Number<'f>>,
    /// `auction_price` or `indicative_price`: the price; absent if the auction failed.
    pub price: Option<Decimal>,
    /// `auction_quantity` or `indicative_quantity`: the quantity of the auction at this price.
    pub quantity: Option<Decimal>,
}

/// The stage of an auction.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum AuctionStage {
    /// The price that the auction would find if it were held now.
    Indicative,
    /// The final price, or the failure of the auction.
    Result,
}

open_enum! {
    /// The outcome of an auction: whether it finds a price.
    AuctionResult {
        /// The auction finds a price.
        Success = "success",
        /// The auction finds no price.
        Failure = "failure",
    }
}

/// A heartbeat of an archived endpoint. Market data v2 sends one every five seconds. The two v1 APIs do so if the
/// address has the parameter `heartbeat=true`. See
/// [market data v2](crate::protocol::market_data_v2#heartbeats),
/// [market data v1](crate::protocol::market_data_v1#heartbeats),
/// [order events v1](crate::protocol::order_events_v1#heartbeats).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Heartbeat<'f> {
    /// The time of the heartbeat, sent in milliseconds: `timestamp` of market data v2, `timestampms` of order events
    /// v1.
    pub event_time: Option<Timestamp>,
    /// `socket_sequence`, in the v1 APIs: the number of the heartbeat. Market data v1 numbers heartbeats together
    /// with its other frames, and order events v1 numbers them together with its other events.
    pub socket_sequence: Option<u64>,
    /// `sequence`, in order events v1: the number of the heartbeat.
    pub sequence: Option<u64>,
    /// `trace_id`, in order events v1: the part of [`SubscriptionAck::subscription_id`] after its last hyphen.
    pub trace_id: Option<Text<'f>>,
}

/// A refusal by an archived endpoint. The refusal does not name the refused request
/// ([errors](crate::protocol::market_data_v2#errors)).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct VenueError<'f> {
    /// `reason`: a word for the reason, for example `NoValidTradingPairs`; empty if the frame has no reason.
    pub reason: Text<'f>,
    /// `message`: a text for people.
    pub message: Option<Text<'f>>,
}

impl core::fmt::Display for VenueError<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.message {
            Some(message) => write!(f, "{}: {message}", self.reason),
            None => self.reason.fmt(f),
        }
    }
}

/// The first frame of order events v1 ([acknowledgement](crate::protocol::order_events_v1#acknowledgement)).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SubscriptionAck<'f> {
    /// `accountId`: the venue's number of the account.
    pub account_id: Option<u64>,
    /// `subscriptionId`: the id of the subscription. The part after the last hyphen is [`Heartbeat::trace_id`].
    pub subscription_id: Option<Text<'f>>,
    /// `symbolFilter`: the symbols whose events are sent; empty for all symbols, or if the filter cannot be read.
    pub symbol_filter: List<'f, Text<'f>>,
    /// `apiSessionFilter`: the API sessions whose events are sent; empty for all API sessions, or if the filter
    /// cannot be read.
    pub api_session_filter: List<'f, ApiSession<'f>>,
    /// `eventTypeFilter`: the types of events that are sent; empty for all types, or if the filter cannot be read.
    pub event_type_filter: List<'f, Text<'f>>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) is_filter_unknown: bool,
    /// Whether the venue may leave out orders, because a filter of symbols or sessions is not empty or cannot be
    /// read.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) is_of_part: bool,
}

impl SubscriptionAck<'_> {
    /// Returns whether the venue reports each execution and each end of an order.
    pub(crate) fn shows_all(&self) -> bool {
        let shows = |wanted: &str| self.event_type_filter.iter().any(|kind| kind == *wanted);
        !self.is_filter_unknown && (self.event_type_filter.is_empty() || (shows("fill") && shows("closed")))
    }
}

/// One element of an [`OrderEvents`] or an [`OrderSnapshot`]. Each element is decoded separately.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "kind", rename_all = "snake_case"))]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "nearly every element is an `Update`")]
pub enum OrderReport<'f> {
    /// A change of an order, or an open order.
    Update(OrderUpdate<'f>),
    /// An element of an unknown type, complete. Only an [`OrderEvents`] contains such elements.
    Unrecognized(Unrecognized<'f>),
    /// An element that cannot be decoded. The offset of the error counts from the start of the element.
    Malformed {
        /// The element.
        element: RawJson<'f>,
        /// What is wrong, and at which byte of the element.
        error: crate::json::error::DecodeError,
    },
}

/// An order of an [`OrderSnapshot`]. Its JSON members are those of an order update of the current API.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(transparent))]
pub struct SnapshotOrder<'f>(pub OrderReport<'f>);

/// The orders that were open when their stream began. The venue [does not always send
/// them](crate::protocol::quirks#order-snapshot).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OrderSnapshot<'f> {
    /// `orders`: the open orders. Each order is decoded separately.
    pub orders: List<'f, SnapshotOrder<'f>>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) has_malformed: bool,
}

/// Events of orders, in the order in which to apply them
/// ([order events v1](crate::protocol::order_events_v1#events)).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OrderEvents<'f> {
    /// The elements of the frame, which is a JSON array. A malformed element does not affect the others.
    pub events: List<'f, OrderReport<'f>>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) has_malformed: bool,
}
