//! Frames of `wss://api.gemini.com/v2/marketdata` ([market data v2](crate::protocol::market_data_v2)).

use super::levels::market_decimal;
use super::lists::{elements, list, lists, within};
use super::outline::Decoded;
use super::reader::{Json, Place, Reader, Slot, Value};
use super::record::{Found, record};
use super::scratch::Scratch;
use super::values::{
    Amount, Anything, Exact, Figure, Flag, Label, Milliseconds, Nanoseconds, Placed, Price, SymbolName,
    Unsigned, element,
};
use crate::json::cursor::{Cursor, Number, RawString};
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::{self, Read};
use crate::message::{
    Auction, AuctionResult, AuctionStage, Candle, CandleInterval, Candles, FundingAmountChange,
    FundingAmounts, Heartbeat, L2Updates, Level, MarkPriceChange, MarkPrices, Message, RawJson, Taker, Text,
    Trade, Unrecognized, VenueError,
};
use crate::value::decimal::Decimal;
use crate::value::endpoint::Endpoint;
use crate::value::time::Timestamp;

record! {
    /// Names that tell kinds apart, and those of [errors](crate::protocol::market_data_v2#errors).
    Outline {
        kind: "type" = Label,
        result: "result" = Label,
        reason: "reason" = Label,
        message: "message" = Label,
    }
}

lists! {
    Trades of Trade<'f>;
    Auctions of Auction<'f>;
    CandleList of Candle<'f>;
    MarkPriceChanges of MarkPriceChange<'f>;
    FundingAmountChanges of FundingAmountChange<'f>;
}

/// Decodes a frame, by [its members](crate::protocol::market_data_v2#recognising-a-frame-of-v2).
#[inline]
pub(super) fn decode<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Decoded<'f> {
    let mut reader = Reader::new(frame);
    reader.telling = &["type", "result"];
    if reader.take("{\"type\":\"l2_updates\"") {
        l2_updates(reader, Place::BehindValue, scratch)
    } else if reader.take("{\"type\":\"trade\"") {
        trade(reader, Place::BehindValue, scratch)
    } else {
        decode_any(frame, scratch)
    }
}

/// Decodes a frame of which nothing is known.
#[inline(never)]
fn decode_any<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Decoded<'f> {
    let outline = Outline::whole(frame)?;
    if outline.result().informs().is_some_and(|result| result == *"error") {
        return Ok(venue_error(outline.reason(), outline.message()));
    }
    let Some(kind) = outline.kind().informs() else { return Ok(unrecognized(frame)) };
    let is = |name: &str| kind == *name;
    if is("l2_updates") {
        l2_updates(Reader::new(frame), Place::Before, scratch)
    } else if is("trade") {
        trade(Reader::new(frame), Place::Before, scratch)
    } else if is("heartbeat") {
        let event_time = HeartbeatMembers::whole(frame)?.event_time().informs();
        Ok(Message::Heartbeat(Heartbeat { event_time, ..Heartbeat::default() }))
    } else if is("auction_result") || is("auction_indicative") {
        let it = AuctionMembers::whole(frame)?;
        auction(&it, || it.symbol().required().map(Some)).map(Message::Auction)
    } else if is("mark_price_updates") {
        let it = MarkPricesMembers::whole(frame)?;
        let (symbol, changes) = (it.symbol().required()?, it.changes().list()?);
        Ok(Message::MarkPrices(MarkPrices { symbol, changes }))
    } else if is("funding_amount_updates") {
        let it = FundingAmountsMembers::whole(frame)?;
        let (symbol, changes) = (it.symbol().required()?, it.changes().list()?);
        Ok(Message::FundingAmounts(FundingAmounts { symbol, changes }))
    } else if let Some(interval) = interval(kind) {
        let it = CandlesMembers::whole(frame)?;
        let (symbol, candles) = (it.symbol().required()?, it.changes().list()?);
        Ok(Message::Candles(Candles { symbol, interval, candles }))
    } else {
        Ok(unrecognized(frame))
    }
}

record! {
    HeartbeatMembers {
        event_time: "timestamp" = Milliseconds,
    }
}

record! {
    MarkPricesMembers {
        symbol: "symbol" = SymbolName,
        changes: "changes" = MarkPriceChanges,
    }
}

record! {
    FundingAmountsMembers {
        symbol: "symbol" = SymbolName,
        changes: "changes" = FundingAmountChanges,
    }
}

record! {
    CandlesMembers {
        symbol: "symbol" = SymbolName,
        changes: "changes" = CandleList,
    }
}

/// The width that a type `candles_…_updates` names ([candles](crate::protocol::market_data_v2#candles)).
pub(super) fn interval(kind: Text<'_>) -> Option<CandleInterval> {
    let is_of = |feed: &str| kind.chars().eq(feed.chars().chain("_updates".chars()));
    CandleInterval::ALL.into_iter().find(|interval| is_of(interval.feed()))
}

pub(super) fn unrecognized(frame: &str) -> Message<'_> {
    Message::Unrecognized(Unrecognized { frame: RawJson(frame) })
}

/// An [error](crate::protocol::market_data_v2#errors).
pub(super) fn venue_error<'f>(reason: Found<'_, 'f, Label>, message: Found<'_, 'f, Label>) -> Message<'f> {
    Message::Error(VenueError { reason: reason.informs().unwrap_or(Text("")), message: message.label() })
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
    Ok(Message::L2Updates(L2Updates {
        symbol,
        bids: &scratch.bids,
        asks: &scratch.asks,
        trades: it.trades().list_if_any()?,
        auction_events: it.auction_events().list_if_any()?,
    }))
}

/// The levels of a book: each goes to its side.
#[derive(Debug)]
struct Changes;

impl Value for Changes {
    type Is<'f> = Result<(), DecodeError>;

    fn of(_json: &Json<'_>) -> Result<Self::Is<'static>, DecodeErrorKind> {
        Err(DecodeErrorKind::Type)
    }

    #[inline(always)]
    fn usual<'f>(reader: &mut Reader<'f, '_>, rest: &'f [u8]) -> Option<(Self::Is<'f>, &'f [u8])> {
        // Of two members the last one counts.
        reader.clear_levels();
        elements(reader, rest, Changes::see).ok().map(|(_, rest)| (Ok(()), rest))
    }

    fn read_unusual<'f>(reader: &mut Reader<'f, '_>) -> Result<Slot<Self::Is<'f>>, DecodeError> {
        reader.clear_levels();
        list(reader, Changes::see).map(|listed| listed.map(|list| list.map(|_| ())))
    }
}

impl Changes {
    #[inline(always)]
    fn see(reader: &mut Reader<'_, '_>, Change { is_bid, level }: Change) {
        if let Some(Scratch { bids, asks, .. }) = &mut reader.scratch {
            if is_bid { bids.push(level) } else { asks.push(level) }
        }
    }
}

/// `[side, price, quantity]`.
struct Change {
    is_bid: bool,
    level: Level,
}

impl<'f> Read<'f> for Change {
    #[inline(always)]
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<Change, DecodeError> {
        if let Some((change, rest)) = plain_change(cursor.rest()) {
            cursor.set_rest(rest);
            return Ok(change);
        }
        any_change(frame, cursor)
    }
}

/// A change in any spelling that JSON allows, and long numbers.
#[cold]
fn any_change<'f>(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<Change, DecodeError> {
    let mut parts = triple(cursor)?;
    let (side, start) = quoted(frame, &mut parts)?;
    let is_bid = match side {
        side if side == *"buy" => true,
        side if side == *"sell" => false,
        _ => return Err(DecodeError::new(DecodeErrorKind::Side, start)),
    };
    let price = decimal(frame, &mut parts)?;
    let quantity = decimal(frame, &mut parts)?;
    end(parts, cursor)?;
    Ok(Change { is_bid, level: Level { price, quantity } })
}

/// A change in the venue's own spelling, `["buy","9122.04","0.00121425"]`.
#[inline]
fn plain_change(text: &[u8]) -> Option<(Change, &[u8])> {
    let (is_bid, text) = match text {
        [b'[', b'"', b'b', b'u', b'y', b'"', b',', b'"', rest @ ..] => (true, rest),
        [b'[', b'"', b's', b'e', b'l', b'l', b'"', b',', b'"', rest @ ..] => (false, rest),
        _ => return None,
    };
    let (price, length) = Decimal::parse_quoted_short(text)?;
    let [b'"', b',', b'"', text @ ..] = text.get(length..)? else { return None };
    let (quantity, length) = Decimal::parse_quoted_short(text)?;
    let [b'"', b']', text @ ..] = text.get(length..)? else { return None };
    Some((Change { is_bid, level: Level { price, quantity } }, text))
}

/// The elements of an array one by one.
#[derive(Clone, Debug)]
struct Array<'f> {
    cursor: Cursor<'f>,
    begun: bool,
}

impl<'f> Array<'f> {
    fn at(cursor: Cursor<'f>) -> Array<'f> {
        Array { cursor, begun: false }
    }

    /// Whether the cursor stands at an element now, which is to be taken.
    fn more(&mut self) -> Result<bool, DecodeError> {
        let more = if self.begun {
            self.cursor.another(b']')?
        } else {
            self.begun = true;
            self.cursor.expect(b'[')?;
            let empty = self.cursor.peek() == b']';
            if empty {
                self.cursor.advance(1);
            }
            !empty
        };
        self.cursor.peek();
        Ok(more)
    }
}

/// An array that has to have a certain number of elements.
fn triple<'f>(cursor: &mut Cursor<'f>) -> Result<Array<'f>, DecodeError> {
    if cursor.peek() != b'[' {
        return Err(cursor.error(DecodeErrorKind::Type));
    }
    Ok(Array::at(cursor.clone()))
}

fn end<'f>(mut parts: Array<'f>, cursor: &mut Cursor<'f>) -> Result<(), DecodeError> {
    if parts.more()? {
        return Err(parts.cursor.error(DecodeErrorKind::Type));
    }
    *cursor = parts.cursor;
    Ok(())
}

/// Goes to the next element, which must be there.
fn next(parts: &mut Array<'_>) -> Result<u8, DecodeError> {
    if !parts.more()? {
        return Err(parts.cursor.error(DecodeErrorKind::Type));
    }
    Ok(parts.cursor.peek())
}

/// A string, and where it stands.
fn quoted<'f>(frame: &'f str, parts: &mut Array<'f>) -> Result<(Text<'f>, usize), DecodeError> {
    if next(parts)? != b'"' {
        return Err(parts.cursor.error(DecodeErrorKind::Type));
    }
    let RawString { start, end, .. } = parts.cursor.string()?;
    Ok((Text(frame.get(start..end).unwrap_or_default()), start))
}

/// A decimal, quoted or not, read from its very digits.
fn decimal<'f>(frame: &'f str, parts: &mut Array<'f>) -> Result<Decimal, DecodeError> {
    let first = next(parts)?;
    let begin = parts.cursor.offset();
    let (start, end) = match first {
        b'"' => {
            let RawString { start, end, .. } = parts.cursor.string()?;
            (start, end)
        }
        b'-' | b'0'..=b'9' => {
            parts.cursor.number()?;
            (begin, parts.cursor.offset())
        }
        _ => return Err(parts.cursor.error(DecodeErrorKind::Type)),
    };
    let digits = frame.get(start..end).unwrap_or_default();
    if let (b'-' | b'0'..=b'9', Some((mantissa, exponent))) = (first, digits.split_once(['e', 'E'])) {
        // What writes numbers writes small ones like this.
        let shifted = market_decimal(mantissa.as_bytes()).and_then(|decimal| match decimal.is_zero() {
            // Whatever the exponent.
            true => Ok(Decimal::ZERO),
            false => decimal.shifted(exponent).ok_or(DecodeErrorKind::Precision),
        });
        return shifted.map_err(|kind| DecodeError::new(kind, start));
    }
    market_decimal(digits.as_bytes()).map_err(|kind| DecodeError::new(kind, start))
}

record! {
    /// A [trade](crate::protocol::market_data_v2#trades).
    TradeMembers {
        symbol: "symbol" = SymbolName,
        // Three spellings that the venue has documented; it sends the first.
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
    // Without an id of its own, a trade is known by that of its event.
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
    /// An [auction](crate::protocol::market_data_v2#auctions).
    AuctionMembers {
        kind: "type" = Placed<Exact>,
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

/// `symbol` reads that of the auction, which a frame of v1 may leave out.
pub(super) fn auction<'f>(
    it: &AuctionMembers<'f>,
    symbol: impl FnOnce() -> Result<Option<&'f str>, DecodeError>,
) -> Result<Auction<'f>, DecodeError> {
    let stage = match it.kind().required()? {
        (kind, _) if kind == *"auction_result" => AuctionStage::Result,
        (kind, _) if kind == *"auction_indicative" => AuctionStage::Indicative,
        (_, offset) => return Err(DecodeError::of_member(DecodeErrorKind::Type, offset, "type")),
    };
    Ok(Auction {
        symbol: symbol()?,
        stage,
        event_id: it.event_id().informs(),
        time: it.time().informs(),
        result: AuctionResult::of(it.result().required()?),
        highest_bid_price: it.highest_bid_price().informs(),
        lowest_ask_price: it.lowest_ask_price().informs(),
        collar_price: it.collar_price().informs(),
        price: it.price().unless_empty()?,
        quantity: it.quantity().unless_empty()?,
    })
}

impl<'f> Read<'f> for Auction<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<Auction<'f>, DecodeError> {
        let it = AuctionMembers::within(frame, cursor)?;
        auction(&it, || it.symbol().required().map(Some))
    }
}

/// `[time, open, high, low, close, volume]`, numbers.
impl<'f> Read<'f> for Candle<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<Candle<'f>, DecodeError> {
        let mut parts = triple(cursor)?;
        next(&mut parts)?;
        let start = parts.cursor.offset();
        let wrong = |kind| DecodeError::new(kind, start);
        if !matches!(parts.cursor.peek(), b'-' | b'0'..=b'9') {
            return Err(wrong(DecodeErrorKind::Type));
        }
        let Number::Integer { negative, magnitude } = parts.cursor.number()? else {
            return Err(wrong(DecodeErrorKind::Integer));
        };
        let millis =
            i64::try_from(magnitude).ok().map(|millis| if negative { millis.wrapping_neg() } else { millis });
        let open_time =
            millis.and_then(Timestamp::from_millis).ok_or_else(|| wrong(DecodeErrorKind::Integer))?;
        let mut number = || decimal(frame, &mut parts);
        let (open, high, low, close) = (number()?, number()?, number()?, number()?);
        next(&mut parts)?;
        let volume = element(frame, &mut parts.cursor)?.as_str();
        let volume = message::Number::read(
            volume.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(volume),
        );
        end(parts, cursor)?;
        Ok(Candle { open_time, open, high, low, close, volume })
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
    /// What tells the endpoints apart.
    Guess {
        kind: "type" = Label,
        result: "result" = Label,
        trace_id: "trace_id" = Anything,
        socket_sequence: "socket_sequence" = Anything,
    }
}

/// The endpoint that sends such frames, by their type. Heartbeats of v1 have a sequence, those of
/// order events a trace besides; a refusal may come from any of them.
pub(super) fn guess(frame: &str) -> Option<Endpoint> {
    let it = Guess::whole(frame).ok()?;
    let Some(kind) = it.kind().informs() else {
        let is_error = it.result().informs().is_some_and(|result| result == *"error");
        return if is_error { None } else { Some(Endpoint::Streams) };
    };
    let is = |name: &str| kind == *name;
    Some(if is("heartbeat") && it.trace_id().is_there() || is("subscription_ack") {
        Endpoint::OrderEventsV1
    } else if is("heartbeat") && it.socket_sequence().is_there() || is("update") {
        Endpoint::MarketDataV1
    } else if is("settlements") {
        Endpoint::Streams
    } else {
        Endpoint::MarketDataV2
    })
}
