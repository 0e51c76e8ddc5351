//! Frames of `wss://api.gemini.com/v1/marketdata/{symbol}` and `/v1/multimarketdata`
//! ([market data v1](crate::protocol::market_data_v1)).

use super::lists::{At, Separate, WithRest, elements, list, read_alone};
use super::market_v2::{auction, behind_auction, venue_error};
use super::outline::{Decoded, Outline, unrecognized};
use super::reader::{Json, Place, Reader, Slot, Value};
use super::record::record;
use super::scratch::Scratch;
use super::values::{BookSide, Exact, Figure, Milliseconds, Price, Seconds, SymbolName, Unsigned};
use crate::json::cursor::Cursor;
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::change::{ChangeNote, Span};
use crate::message::{
    Auction, AuctionOpen, AuctionResult, AuctionStage, ChangeReason, Heartbeat, Level, LevelChange,
    MakerSide, MarketEntry, MarketTrade, MarketUpdate, Message, Number, RawJson, Read, Text, Unrecognized,
};
use crate::value::side::Side;

record! {
    /// The [sequence number](crate::protocol::market_data_v1#sequence-numbers) of a frame, whatever its kind.
    NumberMembers {
        socket_sequence: "socket_sequence" = Unsigned | always,
    }
}

record! {
    /// An [update](crate::protocol::market_data_v1#updates): a frame with entries.
    UpdateMembers {
        event_id: "eventId" = Unsigned | always,
        timestamp: "timestamp" = Seconds,
        event_time: "timestampms" = Milliseconds,
        socket_sequence: "socket_sequence" = Unsigned | always,
        entries: "events" = Entries | always,
    }
}

/// Returns the [number](crate::protocol::market_data_v1#sequence-numbers) of a frame of any kind, if it has one.
pub(crate) fn socket_sequence(frame: &str) -> Option<u64> {
    NumberMembers::whole(frame).ok()?.socket_sequence().informs()
}

#[inline]
pub(super) fn decode<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Decoded<'f> {
    let mut reader = Reader::new(frame);
    reader.telling = &["type"];
    if reader.take("{\"type\":\"update\"") {
        return update(reader, Place::BehindValue, scratch);
    }
    if reader.take("{\"type\":\"heartbeat\"") {
        return heartbeat(reader, Place::BehindValue, scratch);
    }
    decode_any(frame, scratch)
}

#[inline(never)]
fn decode_any<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Decoded<'f> {
    let outline = Outline::of(frame)?;
    match outline.settled() {
        Some(kind) if kind == *"heartbeat" => heartbeat(Reader::new(frame), Place::Before, scratch),
        Some(kind) if kind == *"update" => update(Reader::new(frame), Place::Before, scratch),
        None if outline.is_error() => venue_error(frame),
        _ => unrecognized(frame),
    }
}

#[inline(never)]
fn heartbeat<'f>(mut reader: Reader<'f, '_>, place: Place, scratch: &'f mut Scratch) -> Decoded<'f> {
    let it = NumberMembers::finish(&mut reader, place)?;
    if it.is_told {
        return decode_any(reader.frame, scratch);
    }
    let socket_sequence = Some(it.socket_sequence().required()?);
    Ok(Message::Heartbeat(Heartbeat { socket_sequence, ..Heartbeat::default() }))
}

#[inline(never)]
fn update<'f>(reader: Reader<'f, '_>, place: Place, scratch: &'f mut Scratch) -> Decoded<'f> {
    let frame = reader.frame;
    scratch.clear_levels();
    let it = UpdateMembers::finish(&mut Reader { scratch: Some(&mut *scratch), ..reader }, place)?;
    if it.is_told {
        return decode_any(frame, scratch);
    }
    let (event_id, socket_sequence) = (it.event_id().required()?, it.socket_sequence().required()?);
    let (entries, has_malformed) = it.entries().separate()?;
    Ok(Message::MarketUpdate(MarketUpdate {
        event_id,
        socket_sequence,
        timestamp: it.timestamp().informs(),
        event_time: it.event_time().informs(),
        entries: entries.with(&scratch.notes),
        symbol: scratch.unnamed().map(|symbol| symbol.as_str()),
        bids: &scratch.bids,
        asks: &scratch.asks,
        has_malformed,
    }))
}

/// The entries of an update. Reading them adds the level of each change to its side in [`Scratch`].
#[derive(Debug)]
struct Entries;

impl Value for Entries {
    type Is<'f> = Result<Separate<'f, MarketEntry<'f>>, DecodeError>;

    fn of<'f>(_json: &Json<'f>) -> Result<Self::Is<'f>, DecodeErrorKind> {
        Err(DecodeErrorKind::Type)
    }

    #[inline(always)]
    fn usual<'f>(reader: &mut Reader<'f, '_>, rest: &'f [u8]) -> Option<(Self::Is<'f>, &'f [u8])> {
        Entries::read(reader, rest).ok().map(|(list, rest)| (Ok(list), rest))
    }

    fn read_unusual<'f>(reader: &mut Reader<'f, '_>) -> Result<Slot<Self::Is<'f>>, DecodeError> {
        list(reader, Entries::read)
    }
}

impl Entries {
    #[inline(always)]
    fn read<'f>(reader: &mut Reader<'f, '_>, rest: &'f [u8]) -> WithRest<'f, Separate<'f, MarketEntry<'f>>> {
        let mut has_malformed = false;
        // If the member occurs twice, the last one counts.
        reader.clear_levels();
        if let Some(scratch) = &mut reader.scratch {
            scratch.notes.clear();
        }
        let (list, rest) = elements(reader, rest, |reader, entry, at| match entry {
            MarketEntry::Change(change) => {
                if let Some(Scratch { bids, asks, notes, .. }) = &mut reader.scratch {
                    let levels = if change.side == Side::Buy { bids } else { asks };
                    levels.push(Level { price: change.price, quantity: change.remaining });
                    notes.extend(note(&change, reader.frame, at));
                }
            }
            MarketEntry::Malformed { .. } => has_malformed = true,
            _ => {}
        })?;
        Ok(((list, has_malformed), rest))
    }
}

/// Returns the note about a change; `None` if its reason is unknown, or if the list is longer than 4 GB.
#[inline(always)]
fn note(change: &LevelChange<'_>, frame: &str, at: At) -> Option<ChangeNote> {
    let list = frame.get(at.list..)?;
    let span = |text| Span::in_list(text, list);
    Some(ChangeNote {
        begin: at.begin.wrapping_sub(at.list) as u32,
        end: u32::try_from(at.end.wrapping_sub(at.list)).ok()?,
        symbol: change.symbol.map(span),
        side: change.side,
        price: change.price,
        remaining: change.remaining,
        delta: change.delta.map(|delta| span(delta.as_str())),
        reason: change.reason.known()?,
    })
}

record! {
    /// The symbol of an [entry](crate::protocol::market_data_v1#entries) of any kind.
    NamedMembers {
        symbol: "symbol" = SymbolName,
    }
}

impl<'f> MarketEntry<'f> {
    pub(crate) fn symbol(&self) -> Option<&'f str> {
        match self {
            MarketEntry::Change(it) => it.symbol,
            MarketEntry::Trade(it) | MarketEntry::BlockTrade(it) => it.symbol,
            MarketEntry::AuctionOpen(it) => it.symbol,
            MarketEntry::Auction(it) => it.symbol,
            MarketEntry::Unrecognized(Unrecognized { frame: element })
            | MarketEntry::Malformed { element, .. } => {
                NamedMembers::whole(element.as_str()).ok()?.symbol().informs()
            }
        }
    }
}

record! {
    /// An [entry](crate::protocol::market_data_v1#entries) that changes a level.
    ChangeMembers {
        symbol: "symbol" = SymbolName,
        side: "side" = BookSide | always,
        price: "price" = Price | always,
        remaining: "remaining" = Price | always,
        delta: "delta" = Figure,
        reason: "reason" = Exact | always,
    }
}

record! {
    /// An [entry](crate::protocol::market_data_v1#entries) that lists a level in the first frame of a connection. Its
    /// members have another order than [`ChangeMembers`].
    InitialMembers {
        reason: "reason" = Exact | always,
        price: "price" = Price | always,
        delta: "delta" = Figure | always,
        remaining: "remaining" = Price | always,
        side: "side" = BookSide | always,
        symbol: "symbol" = SymbolName,
    }
}

record! {
    /// An [entry](crate::protocol::market_data_v1#entries) that reports a trade.
    TradeMembers {
        symbol: "symbol" = SymbolName,
        trade_id: "tid" = Unsigned | always,
        price: "price" = Price | always,
        quantity: "amount" = Price | always,
        maker_side: "makerSide" = Exact,
    }
}

record! {
    /// An [entry](crate::protocol::market_data_v1#entries) that announces an auction.
    AuctionOpenMembers {
        symbol: "symbol" = SymbolName,
        opened: "auction_open_ms" = Milliseconds,
        auction_time: "auction_time_ms" = Milliseconds,
        first_indicative_time: "first_indicative_ms" = Milliseconds,
        last_cancel_time: "last_cancel_time_ms" = Milliseconds,
    }
}

record! {
    /// An [auction](crate::protocol::market_data_v1#entries). In market data v2, an auction has its members in
    /// another order.
    AuctionMembers {
        event_id: "eid" = Unsigned,
        symbol: "symbol" = SymbolName,
        result: "result" = Exact,
        time: "time_ms" = Milliseconds,
        highest_bid_price: "highest_bid_price" = Figure,
        lowest_ask_price: "lowest_ask_price" = Figure,
        collar_price: "collar_price" = Figure,
        price: "auction_price" | "indicative_price" = Price,
        quantity: "auction_quantity" | "indicative_quantity" = Price,
    }
}

record! {
    /// The member that shows the kind of an [entry](crate::protocol::market_data_v1#entries).
    EntryMembers {
        kind: "type" = Exact,
    }
}

macro_rules! change {
    ($it:ident) => {
        LevelChange {
            symbol: $it.symbol().if_any()?,
            side: $it.side().required()?,
            price: $it.price().required()?,
            remaining: $it.remaining().required()?,
            delta: $it.delta().informs(),
            reason: ChangeReason::of($it.reason().required()?),
        }
    };
}

impl<'f> Read<'f> for MarketEntry<'f> {
    #[inline(always)]
    fn noted(notes: &mut &'f [ChangeNote], list: &'f str, begin: usize) -> Option<(MarketEntry<'f>, usize)> {
        let note = ChangeNote::take(notes, begin)?;
        let text = |span: Option<Span>| span.and_then(|span| span.of(list));
        let change = LevelChange {
            symbol: text(note.symbol),
            side: note.side,
            price: note.price,
            remaining: note.remaining,
            delta: text(note.delta).map(Number),
            reason: note.reason,
        };
        Some((MarketEntry::Change(change), note.end as usize))
    }

    #[inline(never)]
    fn read(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<MarketEntry<'f>, DecodeError> {
        let mut reader = Reader { cursor: cursor.clone(), telling: &["type"], ..Reader::new(frame) };
        let likely = if reader.take("{\"type\":\"change\"") {
            match reader.cursor.rest().starts_with(b",\"reason\"") {
                true => likely_initial(&mut reader)?,
                false => likely_change(&mut reader)?,
            }
        } else if reader.take("{\"type\":\"trade\"") {
            likely_trade(&mut reader).unwrap_or(None)
        } else if let Some((stage, rest)) = behind_auction(reader.cursor.rest()) {
            reader.cursor.set_rest(rest);
            likely_auction(&mut reader, stage).unwrap_or(None)
        } else {
            None
        };
        match likely {
            Some(entry) => {
                *cursor = reader.cursor;
                Ok(entry)
            }
            None => any_entry(frame, cursor),
        }
    }
}

/// An entry of the type that its first member names. It is `None` if a second `type` may contradict the first. In
/// this case, [`any_entry`] reads the entry.
type Likely<'f> = Result<Option<MarketEntry<'f>>, DecodeError>;

#[inline(never)]
fn likely_change<'f>(reader: &mut Reader<'f, '_>) -> Likely<'f> {
    let it = ChangeMembers::read(reader, Place::BehindValue)?;
    Ok(if it.is_told { None } else { Some(MarketEntry::Change(change!(it))) })
}

#[inline(never)]
fn likely_initial<'f>(reader: &mut Reader<'f, '_>) -> Likely<'f> {
    let it = InitialMembers::read(reader, Place::BehindValue)?;
    Ok(if it.is_told { None } else { Some(MarketEntry::Change(change!(it))) })
}

#[inline(never)]
fn likely_trade<'f>(reader: &mut Reader<'f, '_>) -> Likely<'f> {
    let it = TradeMembers::read(reader, Place::BehindValue)?;
    Ok(if it.is_told { None } else { Some(MarketEntry::Trade(trade(&it)?)) })
}

#[inline(never)]
fn likely_auction<'f>(reader: &mut Reader<'f, '_>, stage: AuctionStage) -> Likely<'f> {
    let it = AuctionMembers::read(reader, Place::BehindValue)?;
    Ok(if it.is_told { None } else { Some(MarketEntry::Auction(auction!(it, stage, it.symbol().if_any()?))) })
}

#[cold]
fn any_entry<'f>(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<MarketEntry<'f>, DecodeError> {
    let mut again = cursor.clone();
    let kind = EntryMembers::within(frame, cursor)?.kind().required()?;
    if kind == *"change" {
        let it = ChangeMembers::within(frame, &mut again)?;
        return Ok(MarketEntry::Change(change!(it)));
    }
    let read = read_alone(frame, &mut again, |text, cursor| other_entry(kind, text, cursor))?;
    Ok(read.unwrap_or_else(|(element, error)| MarketEntry::Malformed { element, error }))
}

fn other_entry<'f>(
    kind: Text<'_>,
    frame: &'f str,
    cursor: &mut Cursor<'f>,
) -> Result<MarketEntry<'f>, DecodeError> {
    let is = |name: &str| kind == *name;
    Ok(if is("trade") {
        MarketEntry::Trade(trade(&TradeMembers::within(frame, cursor)?)?)
    } else if is("block_trade") {
        MarketEntry::BlockTrade(trade(&TradeMembers::within(frame, cursor)?)?)
    } else if is("auction_open") {
        let it = AuctionOpenMembers::within(frame, cursor)?;
        MarketEntry::AuctionOpen(AuctionOpen {
            symbol: it.symbol().if_any()?,
            opened: it.opened().informs(),
            auction_time: it.auction_time().informs(),
            first_indicative_time: it.first_indicative_time().informs(),
            last_cancel_time: it.last_cancel_time().informs(),
        })
    } else if is("auction_indicative") {
        let it = AuctionMembers::within(frame, cursor)?;
        MarketEntry::Auction(auction!(it, AuctionStage::Indicative, it.symbol().if_any()?))
    } else if is("auction_result") {
        let it = AuctionMembers::within(frame, cursor)?;
        MarketEntry::Auction(auction!(it, AuctionStage::Result, it.symbol().if_any()?))
    } else {
        MarketEntry::Unrecognized(Unrecognized { frame: RawJson(frame) })
    })
}

#[inline(always)]
fn trade<'f>(it: &TradeMembers<'f>) -> Result<MarketTrade<'f>, DecodeError> {
    Ok(MarketTrade {
        symbol: it.symbol().if_any()?,
        trade_id: it.trade_id().required()?,
        price: it.price().required()?,
        quantity: it.quantity().required()?,
        maker_side: it.maker_side().if_any()?.map(MakerSide::of),
    })
}
