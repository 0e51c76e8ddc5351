//! Frames of `wss://api.gemini.com/v2/marketdata` ([market data v2](crate::protocol::market_data_v2)).

use super::lists::{Rows, lists, within};
use super::names::Names;
use super::outline::{Decoded, Outline, unrecognized};
use super::reader::{Place, Reader, behind};
use super::record::record;
use super::rows::Changes;
use super::scratch::Scratch;
use super::values::{
    Amount, Anything, Exact, Figure, Flag, Label, Milliseconds, Nanoseconds, Placed, Price, SymbolName,
    Unsigned,
};
use crate::json::cursor::{Cursor, plain_length};
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::{
    Auction, AuctionResult, AuctionStage, Candle, CandleInterval, Candles, FundingAmountChange,
    FundingAmounts, Heartbeat, L2Updates, MarkPriceChange, MarkPrices, Message, Read, Taker, Text, Trade,
    VenueError,
};
use crate::value::endpoint::Endpoint;

lists! {
    // `separate` and not `rows`, because the book of a frame is valid even if none of its trades or auctions can be
    // decoded.
    Trades: Rows<'f, Trade<'f>>, separate;
    Auctions: Rows<'f, Auction<'f>>, separate;
    CandleList: Rows<'f, Candle<'f>>, rows;
    MarkPriceChanges: Rows<'f, MarkPriceChange<'f>>, rows;
    FundingAmountChanges: Rows<'f, FundingAmountChange<'f>>, rows;
}

/// Decodes a frame. [Its members](crate::protocol::market_data_v2#recognising-a-frame-of-v2) show its kind.
#[inline]
pub(super) fn decode<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Decoded<'f> {
    let mut reader = Reader::new(frame);
    reader.telling = &["type", "result"];
    if reader.take("{\"type\":\"l2_updates\"") {
        return l2_updates(reader, Place::BehindValue, scratch);
    }
    if reader.take("{\"type\":\"trade\"") {
        return trade(reader, Place::BehindValue, scratch);
    }
    if reader.take("{\"result\":\"error\"") {
        let it = ErrorMembers::finish(&mut reader, Place::BehindValue)?;
        return if it.is_told { decode_any(frame, scratch) } else { Ok(error(&it)) };
    }
    if reader.take("{\"type\":\"")
        && let Some(length) = plain_length(reader.cursor.rest())
        && let Some(kind) = KINDS.get(NAMES.find(reader.cursor.rest().get(..length).unwrap_or_default()))
    {
        reader.cursor.advance(length.wrapping_add(1));
        return kind.decode(reader, Place::BehindValue, scratch);
    }
    decode_any(frame, scratch)
}

#[inline(never)]
fn decode_any<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Decoded<'f> {
    let outline = Outline::of(frame)?;
    if outline.is_error() {
        return venue_error(frame);
    }
    match outline.settled().and_then(Kind::of) {
        Some(kind) => kind.decode(Reader::new(frame), Place::Before, scratch),
        None => unrecognized(frame),
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    L2Updates,
    Trade,
    Heartbeat,
    Auction(AuctionStage),
    MarkPrices,
    FundingAmounts,
    Candles(CandleInterval),
}

const TYPES: [&str; 14] = [
    "l2_updates",
    "trade",
    "heartbeat",
    "auction_result",
    "auction_indicative",
    "mark_price_updates",
    "funding_amount_updates",
    "candles_1m_updates",
    "candles_5m_updates",
    "candles_15m_updates",
    "candles_30m_updates",
    "candles_1h_updates",
    "candles_6h_updates",
    "candles_1d_updates",
];

/// The kinds of frames that the [`TYPES`] name, in the same order.
const KINDS: [Kind; TYPES.len()] = [
    Kind::L2Updates,
    Kind::Trade,
    Kind::Heartbeat,
    Kind::Auction(AuctionStage::Result),
    Kind::Auction(AuctionStage::Indicative),
    Kind::MarkPrices,
    Kind::FundingAmounts,
    Kind::Candles(CandleInterval::OneMinute),
    Kind::Candles(CandleInterval::FiveMinutes),
    Kind::Candles(CandleInterval::FifteenMinutes),
    Kind::Candles(CandleInterval::ThirtyMinutes),
    Kind::Candles(CandleInterval::OneHour),
    Kind::Candles(CandleInterval::SixHours),
    Kind::Candles(CandleInterval::OneDay),
];

static NAMES: Names<{ TYPES.len() }> = Names::new(TYPES);

impl Kind {
    fn of(text: Text<'_>) -> Option<Kind> {
        KINDS.get(NAMES.find_text(text)).copied()
    }

    /// If another member contradicts the kind, [`decode_any`] decodes the frame.
    #[inline(always)]
    fn decode<'f>(self, reader: Reader<'f, '_>, place: Place, scratch: &'f mut Scratch) -> Decoded<'f> {
        match self {
            Kind::L2Updates => l2_updates(reader, place, scratch),
            Kind::Trade => trade(reader, place, scratch),
            Kind::Heartbeat => heartbeat(reader, place, scratch),
            Kind::Auction(stage) => auction_frame(stage, reader, place, scratch),
            Kind::MarkPrices => mark_prices(reader, place, scratch),
            Kind::FundingAmounts => funding_amounts(reader, place, scratch),
            Kind::Candles(interval) => candles(interval, reader, place, scratch),
        }
    }
}

/// Returns the interval that a type `candles_…_updates` names ([candles](crate::protocol::market_data_v2#candles)).
pub(super) fn interval(kind: &str) -> Option<CandleInterval> {
    match Kind::of(Text(kind)) {
        Some(Kind::Candles(interval)) => Some(interval),
        _ => None,
    }
}

record! {
    /// A [heartbeat](crate::protocol::market_data_v2#heartbeats).
    HeartbeatMembers {
        event_time: "timestamp" = Milliseconds,
    }
}

#[inline(never)]
fn heartbeat<'f>(mut reader: Reader<'f, '_>, place: Place, scratch: &'f mut Scratch) -> Decoded<'f> {
    let it = HeartbeatMembers::finish(&mut reader, place)?;
    if it.is_told {
        return decode_any(reader.frame, scratch);
    }
    Ok(Message::Heartbeat(Heartbeat { event_time: it.event_time().informs(), ..Heartbeat::default() }))
}

record! {
    /// [Mark prices](crate::protocol::market_data_v2#mark-prices).
    MarkPricesMembers {
        symbol: "symbol" = SymbolName,
        changes: "changes" = MarkPriceChanges,
    }
}

#[inline(never)]
fn mark_prices<'f>(mut reader: Reader<'f, '_>, place: Place, scratch: &'f mut Scratch) -> Decoded<'f> {
    let it = MarkPricesMembers::finish(&mut reader, place)?;
    if it.is_told {
        return decode_any(reader.frame, scratch);
    }
    let symbol = it.symbol().required()?;
    let (changes, has_malformed) = it.changes().separate()?;
    Ok(Message::MarkPrices(MarkPrices { symbol, changes, has_malformed }))
}

record! {
    /// [Funding amounts](crate::protocol::market_data_v2#funding-amounts).
    FundingAmountsMembers {
        symbol: "symbol" = SymbolName,
        changes: "changes" = FundingAmountChanges,
    }
}

#[inline(never)]
fn funding_amounts<'f>(mut reader: Reader<'f, '_>, place: Place, scratch: &'f mut Scratch) -> Decoded<'f> {
    let it = FundingAmountsMembers::finish(&mut reader, place)?;
    if it.is_told {
        return decode_any(reader.frame, scratch);
    }
    let symbol = it.symbol().required()?;
    let (changes, has_malformed) = it.changes().separate()?;
    Ok(Message::FundingAmounts(FundingAmounts { symbol, changes, has_malformed }))
}

record! {
    /// [Candles](crate::protocol::market_data_v2#candles).
    CandlesMembers {
        symbol: "symbol" = SymbolName,
        changes: "changes" = CandleList,
    }
}

#[inline(never)]
fn candles<'f>(
    interval: CandleInterval,
    mut reader: Reader<'f, '_>,
    place: Place,
    scratch: &'f mut Scratch,
) -> Decoded<'f> {
    let it = CandlesMembers::finish(&mut reader, place)?;
    if it.is_told {
        return decode_any(reader.frame, scratch);
    }
    let symbol = it.symbol().required()?;
    let (candles, has_malformed) = it.changes().separate()?;
    Ok(Message::Candles(Candles { symbol, interval, candles, has_malformed }))
}

record! {
    /// An [error](crate::protocol::market_data_v2#errors).
    ErrorMembers {
        reason: "reason" = Label,
        message: "message" = Label,
    }
}

pub(super) fn venue_error(frame: &str) -> Decoded<'_> {
    Ok(error(&ErrorMembers::whole(frame)?))
}

fn error<'f>(it: &ErrorMembers<'f>) -> Message<'f> {
    Message::Error(VenueError {
        reason: it.reason().informs().unwrap_or(Text("")),
        message: it.message().label(),
    })
}

record! {
    /// A [book](crate::protocol::market_data_v2#books).
    L2Members {
        symbol: "symbol" = SymbolName,
        changes: "changes" = Changes,
        trades: "trades" = Trades,
        auction_events: "auction_events" = Auctions,
    }
}

#[inline(never)]
fn l2_updates<'f>(reader: Reader<'f, '_>, place: Place, scratch: &'f mut Scratch) -> Decoded<'f> {
    let frame = reader.frame;
    scratch.clear_levels();
    let it = L2Members::finish(&mut Reader { scratch: Some(&mut *scratch), ..reader }, place)?;
    if it.is_told {
        return decode_any(frame, scratch);
    }
    let symbol = it.symbol().required()?;
    it.changes().required()?.map_err(|error| within("changes", error))?;
    let (trades, odd_trades) = it.trades().separate_if_any()?;
    let (auction_events, odd_auctions) = it.auction_events().separate_if_any()?;
    Ok(Message::L2Updates(L2Updates {
        symbol,
        bids: &scratch.bids,
        asks: &scratch.asks,
        trades,
        auction_events,
        has_malformed: odd_trades || odd_auctions,
    }))
}

record! {
    /// A [trade](crate::protocol::market_data_v2#trades), with each
    /// [spelling of its event id](crate::protocol::quirks#spellings-of-event-id).
    TradeMembers {
        symbol: "symbol" = SymbolName,
        // The venue has documented all three spellings, and sends the first.
        event_id: "event_id" | "eventid" | "eventId" = Unsigned,
        event_time: "timestamp" = Milliseconds,
        price: "price" = Price,
        quantity: "quantity" = Price,
        side: "side" = Exact,
        trade_id: "tid" = Unsigned,
    }
}

#[inline(never)]
fn trade<'f>(mut reader: Reader<'f, '_>, place: Place, scratch: &'f mut Scratch) -> Decoded<'f> {
    let it = TradeMembers::finish(&mut reader, place)?;
    if it.is_told {
        return decode_any(reader.frame, scratch);
    }
    trade_of(&it).map(Message::Trade)
}

#[inline(always)]
fn trade_of<'f>(it: &TradeMembers<'f>) -> Result<Trade<'f>, DecodeError> {
    // A trade without an id has the id of its event.
    let trade_id = match it.trade_id().if_any()? {
        Some(trade_id) => trade_id,
        None => it.event_id().required()?,
    };
    Ok(Trade {
        symbol: it.symbol().required()?,
        event_time: it.event_time().informs(),
        trade_id,
        event_id: it.event_id().informs(),
        price: it.price().required()?,
        quantity: it.quantity().required()?,
        taker: Taker::of(it.side().required()?),
        is_replay: false,
    })
}

impl<'f> Read<'f> for Trade<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<Trade<'f>, DecodeError> {
        let mut reader = Reader { cursor: cursor.clone(), ..Reader::new(frame) };
        let place = if reader.take("{\"type\":\"trade\"") { Place::BehindValue } else { Place::Before };
        let it = TradeMembers::read(&mut reader, place)?;
        *cursor = reader.cursor;
        trade_of(&it)
    }
}

record! {
    /// An [auction](crate::protocol::market_data_v2#auctions), with the members of [market data
    /// v1](crate::protocol::market_data_v1#entries) too.
    AuctionMembers {
        symbol: "symbol" = SymbolName,
        time: "time_ms" = Milliseconds,
        result: "result" = Exact,
        highest_bid_price: "highest_bid_price" = Figure,
        lowest_ask_price: "lowest_ask_price" = Figure,
        collar_price: "collar_price" = Figure,
        price: "auction_price" | "indicative_price" = Price,
        quantity: "auction_quantity" | "indicative_quantity" = Price,
        event_id: "eid" = Unsigned,
    }
}

record! {
    /// The type of an [auction](crate::protocol::market_data_v2#auctions) in a list.
    KindMembers {
        kind: "type" = Placed<Exact>,
    }
}

#[inline(never)]
fn auction_frame<'f>(
    stage: AuctionStage,
    mut reader: Reader<'f, '_>,
    place: Place,
    scratch: &'f mut Scratch,
) -> Decoded<'f> {
    let is_begun = place == Place::BehindValue;
    let it = AuctionMembers::finish(&mut reader, place)?;
    // An error also has the member `result`.
    let is_error = it.result().informs().is_some_and(|result| result == *"error");
    if it.is_told || (is_begun && is_error) {
        return decode_any(reader.frame, scratch);
    }
    Ok(Message::Auction(auction!(it, stage, Some(it.symbol().required()?))))
}

macro_rules! auction {
    ($it:ident, $stage:expr, $symbol:expr) => {
        Auction {
            symbol: $symbol,
            stage: $stage,
            event_id: $it.event_id().informs(),
            time: $it.time().informs(),
            result: AuctionResult::of($it.result().required()?),
            highest_bid_price: $it.highest_bid_price().informs(),
            lowest_ask_price: $it.lowest_ask_price().informs(),
            collar_price: $it.collar_price().informs(),
            price: $it.price().unless_empty()?,
            quantity: $it.quantity().unless_empty()?,
        }
    };
}
pub(super) use auction;

pub(super) fn behind_auction(rest: &[u8]) -> Option<(AuctionStage, &[u8])> {
    let rest = behind(rest, "{\"type\":\"auction_")?;
    behind(rest, "result\"")
        .map(|rest| (AuctionStage::Result, rest))
        .or_else(|| Some((AuctionStage::Indicative, behind(rest, "indicative\"")?)))
}

impl<'f> Read<'f> for Auction<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<Auction<'f>, DecodeError> {
        let mut reader = Reader { cursor: cursor.clone(), telling: &["type"], ..Reader::new(frame) };
        if let Some((stage, rest)) = behind_auction(reader.cursor.rest()) {
            reader.cursor.set_rest(rest);
            let it = AuctionMembers::read(&mut reader, Place::BehindValue)?;
            if !it.is_told {
                *cursor = reader.cursor;
                return Ok(auction!(it, stage, Some(it.symbol().required()?)));
            }
        }
        let it = AuctionMembers::within(frame, &mut cursor.clone())?;
        let stage = match KindMembers::within(frame, cursor)?.kind().required()? {
            (kind, _) if kind == *"auction_result" => AuctionStage::Result,
            (kind, _) if kind == *"auction_indicative" => AuctionStage::Indicative,
            (_, offset) => return Err(DecodeError::of_member(DecodeErrorKind::Type, offset, "type")),
        };
        Ok(auction!(it, stage, Some(it.symbol().required()?)))
    }
}

record! {
    /// One of the [mark prices](crate::protocol::market_data_v2#mark-prices) of a frame.
    MarkPriceMembers {
        event_time: "timestamp" = Nanoseconds,
        mark_price: "mark_price" = Price,
        spot_index: "spot_index" = Figure,
    }
}

impl<'f> Read<'f> for MarkPriceChange<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<MarkPriceChange<'f>, DecodeError> {
        let it = MarkPriceMembers::within(frame, cursor)?;
        Ok(MarkPriceChange {
            event_time: it.event_time().informs(),
            mark_price: it.mark_price().required()?,
            spot_index: it.spot_index().informs(),
        })
    }
}

record! {
    /// One of the [funding amounts](crate::protocol::market_data_v2#funding-amounts) of a frame.
    FundingAmountMembers {
        event_time: "timestamp" = Nanoseconds,
        amount: "funding_amount" = Amount,
        funding_time: "funding_date_time" = Nanoseconds,
        interval_minutes: "funding_interval_in_minutes" = Unsigned,
        realized: "is_realized" = Flag,
        rate_percent: "funding_rate" = Figure,
        mark_price: "mark_price" = Figure,
    }
}

impl<'f> Read<'f> for FundingAmountChange<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<FundingAmountChange<'f>, DecodeError> {
        let it = FundingAmountMembers::within(frame, cursor)?;
        Ok(FundingAmountChange {
            event_time: it.event_time().informs(),
            amount: it.amount().required()?,
            funding_time: it.funding_time().required()?,
            interval_minutes: it.interval_minutes().informs(),
            realized: it.realized().required()?,
            rate_percent: it.rate_percent().informs(),
            mark_price: it.mark_price().informs(),
        })
    }
}

record! {
    /// The members by which frames of the endpoints differ.
    Guess {
        kind: "type" = Label,
        result: "result" = Label,
        trace_id: "trace_id" = Anything,
        socket_sequence: "socket_sequence" = Anything,
    }
}

/// Returns `None` if several endpoints may send such a frame.
pub(super) fn guess(frame: &str) -> Option<Endpoint> {
    let it = Guess::whole(frame).ok()?;
    let Some(kind) = it.kind().informs() else {
        let is_error = it.result().informs().is_some_and(|result| result == *"error");
        return if is_error { None } else { Some(Endpoint::Streams) };
    };
    let is = |name: &str| kind == *name;
    let is_numbered = it.socket_sequence().is_there();
    Some(if is("heartbeat") && it.trace_id().is_there() || is("subscription_ack") {
        Endpoint::OrderEventsV1
    } else if is("heartbeat") && is_numbered || is("update") {
        Endpoint::MarketDataV1
    } else if is("settlements") {
        Endpoint::Streams
    } else if is_numbered {
        // Only the v1 endpoints number their frames.
        return None;
    } else {
        Endpoint::MarketDataV2
    })
}
