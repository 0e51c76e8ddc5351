//! Frames of `wss://api.gemini.com/v1/marketdata/{symbol}` and `/v1/multimarketdata`
//! ([market data v1](crate::protocol::market_data_v1)).

use super::market_v2::{self, auction, unrecognized, venue_error};
use super::members::{Members, element, scan, within};
use super::names::{Names, names};
use super::scratch::Scratch;
use crate::json::cursor::Cursor;
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::Read;
use crate::message::{
    AuctionOpen, ChangeReason, Heartbeat, Level, LevelChange, MakerSide, MarketEntry, MarketTrade,
    MarketUpdate, Message, Unrecognized,
};
use crate::value::side::Side;

names! {
    NAMES {
        TYPE = "type",
        EVENT_ID = "eventId",
        TIMESTAMP = "timestamp",
        TIMESTAMP_MS = "timestampms",
        SOCKET_SEQUENCE = "socket_sequence",
        EVENTS = "events",
        SIDE = "side",
        PRICE = "price",
        REMAINING = "remaining",
        DELTA = "delta",
        REASON = "reason",
        SYMBOL = "symbol",
        TID = "tid",
        AMOUNT = "amount",
        MAKER_SIDE = "makerSide",
        AUCTION_OPEN_MS = "auction_open_ms",
        AUCTION_TIME_MS = "auction_time_ms",
        FIRST_INDICATIVE_MS = "first_indicative_ms",
        LAST_CANCEL_TIME_MS = "last_cancel_time_ms",
        RESULT = "result",
        MESSAGE = "message",
    }
}

/// The number of a frame of whatever kind, if it has one.
pub(crate) fn socket_sequence(frame: &str) -> Option<u64> {
    let mut scratch = Scratch::new();
    scan(frame, &NAMES, &mut scratch.members).ok()?.unsigned(SOCKET_SEQUENCE).ok()
}

/// Decodes a [frame](crate::protocol::market_data_v1#frames).
pub(super) fn decode<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Result<Message<'f>, DecodeError> {
    let Scratch { members, bids, asks, symbol } = scratch;
    let members = scan(frame, &NAMES, members)?;
    let Some(kind) = members.text_if_any(TYPE) else {
        let is_error = members.text_if_any(RESULT).is_some_and(|result| result == *"error");
        return if is_error { venue_error(&members, REASON, MESSAGE) } else { Ok(unrecognized(frame)) };
    };
    if kind == *"heartbeat" {
        let socket_sequence = Some(members.unsigned(SOCKET_SEQUENCE)?);
        return Ok(Message::Heartbeat(Heartbeat { socket_sequence, ..Heartbeat::default() }));
    }
    if kind != *"update" {
        return Ok(unrecognized(frame));
    }
    let event_id = members.unsigned(EVENT_ID)?;
    let socket_sequence = members.unsigned(SOCKET_SEQUENCE)?;
    let timestamp = members.informs(TIMESTAMP, Members::seconds);
    let event_time = members.informs(TIMESTAMP_MS, Members::milliseconds);
    let entries = members.list_of(EVENTS, |entry| {
        if let MarketEntry::Change(LevelChange { side, price, remaining, .. }) = entry {
            let levels = if side == Side::Buy { &mut *bids } else { &mut *asks };
            levels.push(Level { price, quantity: remaining });
        }
    })?;
    let symbol = symbol.as_ref().map(|symbol| symbol.as_str());
    Ok(Message::MarketUpdate(MarketUpdate {
        event_id,
        socket_sequence,
        timestamp,
        event_time,
        entries,
        symbol,
        bids,
        asks,
    }))
}

impl<'f> MarketEntry<'f> {
    /// The symbol, if the entry names one.
    pub(crate) const fn symbol(&self) -> Option<&'f str> {
        match self {
            MarketEntry::Change(it) => it.symbol,
            MarketEntry::Trade(it) | MarketEntry::BlockTrade(it) => it.symbol,
            MarketEntry::AuctionOpen(it) => it.symbol,
            MarketEntry::Auction(it) => it.symbol,
            MarketEntry::Unrecognized(_) => None,
        }
    }
}

/// One of the [entries](crate::protocol::market_data_v1#entries) of an update.
impl<'f> Read<'f> for MarketEntry<'f> {
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<MarketEntry<'f>, DecodeError> {
        let mut whole = cursor.clone();
        within(frame, cursor, &NAMES, |members| {
            let symbol = members.if_any(SYMBOL, Members::symbol)?;
            let kind = members.text(TYPE)?;
            let is = |name: &str| kind == *name;
            Ok(if is("change") {
                let side = match members.text(SIDE)? {
                    side if side == *"bid" => Side::Buy,
                    side if side == *"ask" => Side::Sell,
                    _ => return Err(members.error(SIDE, DecodeErrorKind::Side)),
                };
                MarketEntry::Change(LevelChange {
                    symbol,
                    side,
                    price: members.decimal(PRICE)?,
                    remaining: members.decimal(REMAINING)?,
                    delta: members.figure(DELTA),
                    reason: ChangeReason::of(members.text(REASON)?),
                })
            } else if is("trade") || is("block_trade") {
                let trade = MarketTrade {
                    symbol,
                    trade_id: members.unsigned(TID)?,
                    price: members.decimal(PRICE)?,
                    quantity: members.decimal(AMOUNT)?,
                    maker_side: members.if_any(MAKER_SIDE, Members::text)?.map(MakerSide::of),
                };
                if is("trade") { MarketEntry::Trade(trade) } else { MarketEntry::BlockTrade(trade) }
            } else if is("auction_open") {
                MarketEntry::AuctionOpen(AuctionOpen {
                    symbol,
                    opened: members.informs(AUCTION_OPEN_MS, Members::milliseconds),
                    auction_time: members.informs(AUCTION_TIME_MS, Members::milliseconds),
                    first_indicative_time: members.informs(FIRST_INDICATIVE_MS, Members::milliseconds),
                    last_cancel_time: members.informs(LAST_CANCEL_TIME_MS, Members::milliseconds),
                })
            } else if is("auction_indicative") || is("auction_result") {
                // As market data v2 writes them, under its names.
                let names = &market_v2::NAMES;
                let auction = within(frame, &mut whole, names, |members| auction(members, |_| Ok(symbol)));
                MarketEntry::Auction(auction?)
            } else {
                MarketEntry::Unrecognized(Unrecognized { frame: element(frame, &mut whole)? })
            })
        })
    }
}
