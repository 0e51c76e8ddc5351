//! Frames of `wss://api.gemini.com/v2/marketdata` ([market data v2](crate::protocol::market_data_v2)).

use alloc::vec::Vec;

use super::members::{Array, Members, element, scan, within};
use super::names::{Names, names};
use super::scratch::Scratch;
use super::table::market_decimal;
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

type Decoded<'f> = Result<Message<'f>, DecodeError>;

names! {
    NAMES {
        TYPE = "type",
        SYMBOL = "symbol",
        CHANGES = "changes",
        TRADES = "trades",
        AUCTION_EVENTS = "auction_events",
        // Three spellings that the venue has documented; it sends the first.
        EVENT_ID = "event_id" | "eventid" | "eventId",
        TIMESTAMP = "timestamp",
        PRICE = "price",
        QUANTITY = "quantity",
        SIDE = "side",
        TID = "tid",
        TIME_MS = "time_ms",
        RESULT = "result",
        HIGHEST_BID_PRICE = "highest_bid_price",
        LOWEST_ASK_PRICE = "lowest_ask_price",
        COLLAR_PRICE = "collar_price",
        AUCTION_PRICE = "auction_price" | "indicative_price",
        AUCTION_QUANTITY = "auction_quantity" | "indicative_quantity",
        REASON = "reason",
        MESSAGE = "message",
        MARK_PRICE = "mark_price",
        SPOT_INDEX = "spot_index",
        FUNDING_AMOUNT = "funding_amount",
        FUNDING_DATE_TIME = "funding_date_time",
        FUNDING_INTERVAL = "funding_interval_in_minutes",
        FUNDING_RATE = "funding_rate",
        IS_REALIZED = "is_realized",
        EID = "eid",
    }
}

/// Decodes a frame, by [its members](crate::protocol::market_data_v2#recognising-a-frame-of-v2).
pub(super) fn decode<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Decoded<'f> {
    let Scratch { members, bids, asks, .. } = scratch;
    let members = scan(frame, &NAMES, members)?;
    if members.text_if_any(RESULT).is_some_and(|result| result == *"error") {
        return venue_error(&members, REASON, MESSAGE);
    }
    let Some(kind) = members.text_if_any(TYPE) else { return Ok(unrecognized(frame)) };
    let is = |name: &str| kind == *name;
    if is("l2_updates") {
        l2_updates(&members, bids, asks)
    } else if is("trade") {
        trade(&members).map(Message::Trade)
    } else if is("heartbeat") {
        let event_time = members.informs(TIMESTAMP, Members::milliseconds);
        Ok(Message::Heartbeat(Heartbeat { event_time, ..Heartbeat::default() }))
    } else if is("auction_result") || is("auction_indicative") {
        auction(&members, named).map(Message::Auction)
    } else if is("mark_price_updates") {
        let (symbol, changes) = (members.symbol(SYMBOL)?, members.list(CHANGES)?);
        Ok(Message::MarkPrices(MarkPrices { symbol, changes }))
    } else if is("funding_amount_updates") {
        let (symbol, changes) = (members.symbol(SYMBOL)?, members.list(CHANGES)?);
        Ok(Message::FundingAmounts(FundingAmounts { symbol, changes }))
    } else if let Some(interval) = interval(kind) {
        let (symbol, candles) = (members.symbol(SYMBOL)?, members.list(CHANGES)?);
        Ok(Message::Candles(Candles { symbol, interval, candles }))
    } else {
        Ok(unrecognized(frame))
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

/// Reads an [error](crate::protocol::market_data_v2#errors).
pub(super) fn venue_error<'f>(members: &Members<'f, '_>, reason: u8, message: u8) -> Decoded<'f> {
    Ok(Message::Error(VenueError {
        reason: members.text_if_any(reason).unwrap_or(Text("")),
        message: members.label(message),
    }))
}

/// Reads the levels of a [book](crate::protocol::market_data_v2#books).
fn l2_updates<'f>(
    members: &Members<'f, '_>,
    bids: &'f mut Vec<Level>,
    asks: &'f mut Vec<Level>,
) -> Decoded<'f> {
    let symbol = members.symbol(SYMBOL)?;
    let mut changes = members.array(CHANGES)?;
    while changes.more()? {
        let (is_bid, level) =
            change(members.frame(), &mut changes.cursor).map_err(|error| members.at(CHANGES, error))?;
        if is_bid { bids.push(level) } else { asks.push(level) }
    }
    Ok(Message::L2Updates(L2Updates {
        symbol,
        bids,
        asks,
        trades: members.if_any(TRADES, Members::list)?,
        auction_events: members.if_any(AUCTION_EVENTS, Members::list)?,
    }))
}

/// `[side, price, quantity]`.
fn change<'f>(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<(bool, Level), DecodeError> {
    if let Some((is_bid, level, rest)) = plain_change(cursor.rest()) {
        cursor.set_rest(rest);
        return Ok((is_bid, level));
    }
    let mut parts = triple(cursor)?;
    let (side, start) = quoted(frame, &mut parts)?;
    let is_bid = match side.raw() {
        "buy" => true,
        "sell" => false,
        _ if side == *"buy" => true,
        _ if side == *"sell" => false,
        _ => return Err(DecodeError::new(DecodeErrorKind::Side, start)),
    };
    let price = decimal(frame, &mut parts)?;
    let quantity = decimal(frame, &mut parts)?;
    end(parts, cursor)?;
    Ok((is_bid, Level { price, quantity }))
}

/// A change in the venue's own spelling, `["buy","9122.04","0.00121425"]`.
fn plain_change(text: &[u8]) -> Option<(bool, Level, &[u8])> {
    let (is_bid, text) = match text {
        [b'[', b'"', b'b', b'u', b'y', b'"', b',', b'"', rest @ ..] => (true, rest),
        [b'[', b'"', b's', b'e', b'l', b'l', b'"', b',', b'"', rest @ ..] => (false, rest),
        _ => return None,
    };
    let (price, length) = Decimal::parse_quoted_short(text)?;
    let [b'"', b',', b'"', text @ ..] = text.get(length..)? else { return None };
    let (quantity, length) = Decimal::parse_quoted_short(text)?;
    let [b'"', b']', text @ ..] = text.get(length..)? else { return None };
    Some((is_bid, Level { price, quantity }, text))
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

/// Reads a [trade](crate::protocol::market_data_v2#trades).
fn trade<'f>(members: &Members<'f, '_>) -> Result<Trade<'f>, DecodeError> {
    // Without an id of its own, a trade is known by that of its event.
    let trade_id = match members.if_any(TID, Members::unsigned)? {
        Some(trade_id) => trade_id,
        None => members.unsigned(EVENT_ID)?,
    };
    Ok(Trade {
        symbol: members.symbol(SYMBOL)?,
        event_time: members.informs(TIMESTAMP, Members::milliseconds),
        trade_id,
        event_id: members.informs(EVENT_ID, Members::unsigned),
        price: members.decimal(PRICE)?,
        quantity: members.decimal(QUANTITY)?,
        taker: Taker::of(members.text(SIDE)?),
        is_replay: false,
    })
}

impl<'f> Read<'f> for Trade<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<Trade<'f>, DecodeError> {
        within(frame, cursor, &NAMES, trade)
    }
}

/// Reads an [auction](crate::protocol::market_data_v2#auctions).
///
/// `symbol` reads what a frame of v1 may leave out.
pub(super) fn auction<'f>(
    members: &Members<'f, '_>,
    symbol: impl FnOnce(&Members<'f, '_>) -> Result<Option<&'f str>, DecodeError>,
) -> Result<Auction<'f>, DecodeError> {
    let stage = match members.text(TYPE)? {
        kind if kind == *"auction_result" => AuctionStage::Result,
        kind if kind == *"auction_indicative" => AuctionStage::Indicative,
        _ => return Err(members.error(TYPE, DecodeErrorKind::Type)),
    };
    Ok(Auction {
        symbol: symbol(members)?,
        stage,
        event_id: members.informs(EID, Members::unsigned),
        time: members.informs(TIME_MS, Members::milliseconds),
        result: AuctionResult::of(members.text(RESULT)?),
        highest_bid_price: members.figure(HIGHEST_BID_PRICE),
        lowest_ask_price: members.figure(LOWEST_ASK_PRICE),
        collar_price: members.figure(COLLAR_PRICE),
        price: members.unless_empty(AUCTION_PRICE, Members::decimal)?,
        quantity: members.unless_empty(AUCTION_QUANTITY, Members::decimal)?,
    })
}

/// The symbol, which v2 always names.
fn named<'f>(members: &Members<'f, '_>) -> Result<Option<&'f str>, DecodeError> {
    members.symbol(SYMBOL).map(Some)
}

impl<'f> Read<'f> for Auction<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<Auction<'f>, DecodeError> {
        within(frame, cursor, &NAMES, |members| auction(members, named))
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

/// One of the [mark prices](crate::protocol::market_data_v2#mark-prices) of a frame.
impl<'f> Read<'f> for MarkPriceChange<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<MarkPriceChange<'f>, DecodeError> {
        within(frame, cursor, &NAMES, |members| {
            Ok(MarkPriceChange {
                event_time: members.informs(TIMESTAMP, Members::nanoseconds),
                mark_price: members.decimal(MARK_PRICE)?,
                spot_index: members.figure(SPOT_INDEX),
            })
        })
    }
}

/// One of the [funding amounts](crate::protocol::market_data_v2#funding-amounts) of a frame.
impl<'f> Read<'f> for FundingAmountChange<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<FundingAmountChange<'f>, DecodeError> {
        within(frame, cursor, &NAMES, |members| {
            Ok(FundingAmountChange {
                event_time: members.informs(TIMESTAMP, Members::nanoseconds),
                amount: members.signed_decimal(FUNDING_AMOUNT)?,
                funding_time: members.nanoseconds(FUNDING_DATE_TIME)?,
                interval_minutes: members.informs(FUNDING_INTERVAL, Members::unsigned),
                realized: members.boolean(IS_REALIZED)?,
                rate_percent: members.figure(FUNDING_RATE),
                mark_price: members.figure(MARK_PRICE),
            })
        })
    }
}

/// The endpoint that sends such frames, by their type. Heartbeats of v1 have a sequence, those of
/// order events a trace besides; a refusal may come from any of them.
pub(super) fn guess(frame: &str) -> Option<Endpoint> {
    let mut room = [super::table::Member::EMPTY; super::names::SLOTS];
    let members = scan(frame, &GUESS_NAMES, &mut room).ok()?;
    let Some(kind) = members.text_if_any(GUESS_TYPE) else {
        let is_error = members.text_if_any(GUESS_RESULT).is_some_and(|result| result == *"error");
        return if is_error { None } else { Some(Endpoint::Streams) };
    };
    let is = |name: &str| kind == *name;
    Some(if is("heartbeat") && members.has(1 << GUESS_TRACE_ID) || is("subscription_ack") {
        Endpoint::OrderEventsV1
    } else if is("heartbeat") && members.has(1 << GUESS_SOCKET_SEQUENCE) || is("update") {
        Endpoint::MarketDataV1
    } else if is("settlements") {
        Endpoint::Streams
    } else {
        Endpoint::MarketDataV2
    })
}

names! {
    GUESS_NAMES {
        GUESS_TYPE = "type",
        GUESS_RESULT = "result",
        GUESS_TRACE_ID = "trace_id",
        GUESS_SOCKET_SEQUENCE = "socket_sequence",
    }
}
