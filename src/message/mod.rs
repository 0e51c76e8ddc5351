//! [`Message`]: one decoded frame, and the payloads that messages and events share.
//!
//! Payloads borrow only from the frame and the [`Scratch`](crate::Scratch). The documentation of a field names the
//! venue's member, often a single letter ([streams](crate::protocol::streams#public-streams)).

mod account;
pub(crate) mod change;
mod list;
mod market;
mod open;
mod order;
mod public;
mod quote;
pub(crate) mod reply;
mod text;

pub use account::{
    AssetBalance, BalanceUpdate, Position, PositionAmount, PositionReport, Settlement, Settlements,
};
pub use change::ChangeReason;
pub(crate) use list::sealed::Read;
pub use list::{Element, Elements, List, Row};
pub use market::{
    Auction, AuctionOpen, AuctionResult, AuctionStage, Candle, CandleInterval, Candles, FundingAmountChange,
    FundingAmounts, Heartbeat, L2Updates, LevelChange, MakerSide, MarkPriceChange, MarkPrices, MarketEntry,
    MarketTrade, MarketUpdate, OrderEvents, OrderReport, OrderSnapshot, SnapshotOrder, SubscriptionAck,
    VenueError,
};
pub use order::{
    ApiSession, ContractOutcome, Fill, Liquidity, OrderEventDetails, OrderStatus, OrderType, OrderUpdate,
};
pub use public::{
    ApiError, BookTicker, ContractStatus, Depth, FundingAmount, Level, MarkPrice, PartialDepth, Response,
    ResponseId, Taker, TopOfBook, Trade, Unrecognized,
};
pub use quote::{Leg, QuoteStatus, QuoteStep, QuoteUpdate, RequestForQuote, RfqStatus};
#[cfg(feature = "serde")]
pub(crate) use text::serialize_raw;
pub use text::{Number, RawJson, Text};

/// One frame of any endpoint of the venue, decoded without regard to earlier frames.
///
/// Some facts depend on earlier frames or requests, for example whether levels are a snapshot. A
/// [`Client`](crate::Client) knows these facts, and returns [`Event`](crate::Event)s.
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
#[allow(clippy::large_enum_variant, reason = "the compiler writes a message to its final place")]
pub enum Message<'f> {
    // Public streams of the current API.
    /// The best bid and ask of a book.
    BookTicker(BookTicker<'f>),
    /// A snapshot of a book or changes to it.
    Depth(Depth<'f>),
    /// The best few levels of a book.
    PartialDepth(PartialDepth<'f>),
    /// A trade, also of market data v2.
    Trade(Trade<'f>),
    /// A prediction-market contract changed its status.
    ContractStatus(ContractStatus<'f>),
    /// The mark price of a perpetual changed.
    MarkPrice(MarkPrice<'f>),
    /// The funding of a perpetual, estimated or final.
    FundingAmount(FundingAmount<'f>),
    /// A request for quotes was made or changed.
    RequestForQuote(RequestForQuote<'f>),

    // Private streams of the current API.
    /// An order changed.
    OrderUpdate(OrderUpdate<'f>),
    /// The orders that were open when the stream of orders began (undocumented).
    OrderSnapshot(OrderSnapshot<'f>),
    /// Balances of an account.
    BalanceUpdate(BalanceUpdate<'f>),
    /// Positions of an account.
    PositionReport(PositionReport<'f>),
    /// One event in the life of a request for quotes. The venue sends the event to the account concerned.
    QuoteUpdate(QuoteUpdate<'f>),
    /// Settled contracts, of a stream that the venue has withdrawn.
    Settlements(Settlements<'f>),

    /// The reply of the current API to a request.
    Response(Response<'f>),

    // Archived endpoints.
    /// Market data v2: a book, or changes to it.
    L2Updates(L2Updates<'f>),
    /// Market data v2: the indicated price or the result of an auction.
    Auction(Auction<'f>),
    /// Market data v2: candles.
    Candles(Candles<'f>),
    /// Market data v2: mark prices.
    MarkPrices(MarkPrices<'f>),
    /// Market data v2: funding amounts.
    FundingAmounts(FundingAmounts<'f>),
    /// Market data v1: the book changes, trades and auctions of one event.
    MarketUpdate(MarketUpdate<'f>),
    /// Order events v1: the acknowledgement of the subscription.
    SubscriptionAck(SubscriptionAck<'f>),
    /// A frame of order events v1: a list of events of orders.
    OrderEvents(OrderEvents<'f>),
    /// A heartbeat of an archived endpoint.
    Heartbeat(Heartbeat<'f>),
    /// A refusal by an archived endpoint. The refusal does not name the refused request.
    Error(VenueError<'f>),

    /// Valid JSON of a kind that this version does not know.
    Unrecognized(Unrecognized<'f>),
}
