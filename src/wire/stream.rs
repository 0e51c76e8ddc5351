//! Frames of `wss://ws.gemini.com`, classified [by their members](crate::protocol::streams#recognising-a-frame).

use super::members::{Members, code_and_message, scan, scan_stream};
use super::names::{
    ASKS, BIDS, ERROR, ID, LAST_UPDATE_ID, ORDERS, RATE_LIMITS, RESULT, SLOTS, STATUS, STREAM_NAMES, SYMBOL,
    TYPE, letter, set,
};
use super::private;
use super::scratch::Scratch;
use super::table::Member;
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::{
    ApiError, BookTicker, ContractStatus, Depth, FundingAmount, MarkPrice, Message, PartialDepth, RawJson,
    Response, ResponseId, Taker, Text, Trade, Unrecognized,
};
use crate::request::stream::Topic;
use crate::value::symbol::Symbol;

type Reader = for<'f> fn(&Members<'f, 'f>) -> Result<Message<'f>, DecodeError>;

/// Frames that name their kind in `e`, and what they are about.
const NAMED: [(&str, Topic, Reader); 10] = [
    ("depthUpdate", Topic::Depth, depth),
    ("orderUpdate", Topic::Orders, private::order_update),
    ("executionReport", Topic::Orders, private::order_update),
    ("balanceUpdate", Topic::Balances, private::balance_update),
    ("positionReport", Topic::Positions, private::position_report),
    ("orderSnapshot", Topic::Orders, private::order_snapshot),
    // Public and private ones share the name; of the private ones something is believed.
    ("requestForQuote", Topic::Quotes, private::request_for_quote),
    ("markPrice", Topic::MarkPrice, mark_price),
    ("fundingAmount", Topic::FundingAmount, funding_amount),
    ("contractStatus", Topic::ContractStatus, contract_status),
];

/// Frames that are known by their members, and the names that they may have in `e` besides; the first row all of
/// whose members are there decides. An order update has `X` and could otherwise pass for a ticker or a trade. The
/// rows without a name are those of [`NAMED`], should their `e` be missing.
#[rustfmt::skip]
const BY_MEMBERS: [(u128, &[&str], Topic, Reader); 8] = [
    (set(&[letter(b'X')]), &[], Topic::Orders, private::order_update),
    (
        set(&[LAST_UPDATE_ID]),
        &["partialDepth", "partialBookDepth", "depth", "depth5", "depth10", "depth20"],
        Topic::PartialDepth,
        partial_depth,
    ),
    (set(&[letter(b'b'), letter(b'B'), letter(b'a'), letter(b'A')]), &["bookTicker"], Topic::BookTicker, book_ticker),
    (set(&[letter(b't'), letter(b'p'), letter(b'q'), letter(b'm')]), &["trade"], Topic::Trade, trade),
    (set(&[letter(b'U'), letter(b'u'), letter(b'b'), letter(b'a')]), &[], Topic::Depth, depth),
    (set(&[letter(b'B'), letter(b'E'), letter(b'u')]), &[], Topic::Balances, private::balance_update),
    (set(&[letter(b'P'), letter(b'E'), letter(b'u')]), &[], Topic::Positions, private::position_report),
    (set(&[ORDERS]), &[], Topic::Orders, private::order_snapshot),
];

/// The kind of frames that settlements have in `e` or `type`.
const SETTLED: &str = "settlements";

#[inline]
pub(super) fn decode<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Result<Message<'f>, DecodeError> {
    let members = scan_stream(frame, scratch)?;
    match kind(&members) {
        Some((_, read)) => read(&members),
        None => Ok(Message::Unrecognized(Unrecognized { frame: RawJson(members.frame()) })),
    }
}

/// What a frame with these members is about, and how it is read.
#[inline]
fn kind(members: &Members<'_, '_>) -> Option<(Topic, Reader)> {
    let answer = set(&[STATUS, ERROR, RESULT]);
    if members.has(set(&[ID])) && members.present & answer != 0 {
        return Some((Topic::Connection, response));
    }
    let kind = members.text_if_any(letter(b'e'));
    if let Some(kind) = kind {
        let known = NAMED.iter().find(|(name, ..)| kind.raw() == *name);
        if let Some((_, topic, read)) = known.or_else(|| NAMED.iter().find(|(name, ..)| kind == **name)) {
            return Some((*topic, *read));
        }
    }
    if kind.or(members.text_if_any(TYPE)).is_some_and(|kind| kind == *SETTLED) {
        return Some((Topic::Settlements, private::settlements));
    }
    let (_, names, topic, read) = BY_MEMBERS.iter().find(|(needed, ..)| members.has(*needed))?;
    let is_it = kind.is_none_or(|kind| names.iter().any(|name| kind == **name));
    is_it.then_some((*topic, *read))
}

/// What a frame is about that is whole, whatever is wrong with its values, and the symbol that it names; `None` if it
/// is no object, or of no known kind.
pub(super) fn topic_of(frame: &str) -> Option<(Topic, Option<Symbol>)> {
    let mut table = [Member::EMPTY; SLOTS];
    let members = scan(frame, &STREAM_NAMES, &mut table).ok()?;
    let (topic, _) = kind(&members)?;
    let symbol = [SYMBOL, letter(b's')].into_iter().find_map(|slot| members.symbol(slot).ok());
    Some((topic, symbol.and_then(|symbol| symbol.parse().ok())))
}

/// What a frame is about that says in `e` that it is of this kind.
pub(super) fn topic_named(kind: &str) -> Option<Topic> {
    let by_members = || BY_MEMBERS.iter().find(|(_, names, ..)| names.contains(&kind));
    let known = NAMED.iter().find(|(name, ..)| *name == kind).map(|(_, topic, _)| *topic);
    let known = known.or_else(|| by_members().map(|(_, _, topic, _)| *topic));
    known.or_else(|| (kind == SETTLED).then_some(Topic::Settlements))
}

/// Reads a [book ticker](crate::protocol::streams#book-ticker).
fn book_ticker<'f>(members: &Members<'f, 'f>) -> Result<Message<'f>, DecodeError> {
    Ok(Message::BookTicker(BookTicker {
        symbol: members.symbol(letter(b's'))?,
        update_id: members.unsigned(letter(b'u'))?,
        event_time: members.informs(letter(b'E'), Members::nanoseconds),
        bid: members.best(letter(b'b'), letter(b'B'))?,
        ask: members.best(letter(b'a'), letter(b'A'))?,
        last_trade: members.best(letter(b'c'), letter(b'C')).ok().flatten(),
    }))
}

/// Reads a [depth update](crate::protocol::streams#depth-updates).
fn depth<'f>(members: &Members<'f, 'f>) -> Result<Message<'f>, DecodeError> {
    let depth = Depth {
        symbol: members.symbol(letter(b's'))?,
        event_time: members.informs(letter(b'E'), Members::nanoseconds),
        first_update_id: Some(members.unsigned(letter(b'U'))?),
        last_update_id: Some(members.unsigned(letter(b'u'))?),
        bids: members.bids(letter(b'b'))?,
        asks: members.asks(letter(b'a'))?,
    };
    if depth.last_update_id < depth.first_update_id {
        return Err(members.error(letter(b'u'), DecodeErrorKind::UpdateRange));
    }
    Ok(Message::Depth(depth))
}

/// Reads a frame of [partial depth](crate::protocol::streams#partial-depth).
fn partial_depth<'f>(members: &Members<'f, 'f>) -> Result<Message<'f>, DecodeError> {
    let named = [SYMBOL, letter(b's')].into_iter().find(|slot| members.has(1 << slot));
    Ok(Message::PartialDepth(PartialDepth {
        symbol: named.map(|slot| members.symbol(slot)).transpose()?,
        last_update_id: members.unsigned(LAST_UPDATE_ID)?,
        bids: members.bids(BIDS)?,
        asks: members.asks(ASKS)?,
    }))
}

/// Reads a [trade](crate::protocol::streams#trades).
fn trade<'f>(members: &Members<'f, 'f>) -> Result<Message<'f>, DecodeError> {
    Ok(Message::Trade(Trade {
        symbol: members.symbol(letter(b's'))?,
        event_time: members.informs(letter(b'E'), Members::nanoseconds),
        trade_id: members.unsigned(letter(b't'))?,
        event_id: None,
        price: members.decimal(letter(b'p'))?,
        quantity: members.decimal(letter(b'q'))?,
        taker: if members.boolean(letter(b'm'))? { Taker::Seller } else { Taker::Buyer },
        is_replay: false,
    }))
}

/// Reads a [contract status](crate::protocol::streams#contract-status).
fn contract_status<'f>(members: &Members<'f, 'f>) -> Result<Message<'f>, DecodeError> {
    Ok(Message::ContractStatus(ContractStatus {
        symbol: members.symbol(letter(b's'))?,
        event_time: members.informs(letter(b'E'), Members::milliseconds),
        event_ticker: members.plain(letter(b'k'))?,
        contract_ticker: members.plain(letter(b'c'))?,
        contract_id: members.unsigned(letter(b'i'))?,
        strike: members.figure(letter(b'p')),
        previous_status: members.label(letter(b'o')),
        status: members.text(letter(b'n'))?,
    }))
}

/// Reads a [mark price](crate::protocol::streams#undocumented-streams).
fn mark_price<'f>(members: &Members<'f, 'f>) -> Result<Message<'f>, DecodeError> {
    Ok(Message::MarkPrice(MarkPrice {
        symbol: members.symbol(letter(b's'))?,
        event_time: members.informs(letter(b'E'), Members::nanoseconds),
        mark_price: members.decimal(letter(b'p'))?,
        scaled_index: members.figure(letter(b'i')),
        spot_index: None,
    }))
}

/// Reads a [funding amount](crate::protocol::streams#undocumented-streams).
fn funding_amount<'f>(members: &Members<'f, 'f>) -> Result<Message<'f>, DecodeError> {
    Ok(Message::FundingAmount(FundingAmount {
        symbol: members.symbol(letter(b's'))?,
        event_time: members.informs(letter(b'E'), Members::nanoseconds),
        funding_time: members.nanoseconds(letter(b'T'))?,
        interval_minutes: members.informs(letter(b'i'), Members::unsigned),
        amount: members.signed_decimal(letter(b'f'))?,
        rate_percent: members.figure(letter(b'r')),
        mark_price: members.figure(letter(b'p')),
        realized: members.boolean(letter(b'R'))?,
    }))
}

/// Reads a [response](crate::protocol::streams#requests-and-responses).
fn response<'f>(members: &Members<'f, 'f>) -> Result<Message<'f>, DecodeError> {
    let id = match (members.text_if_any(ID), members.informs(ID, Members::unsigned)) {
        (Some(text), _) => ResponseId::Text(text),
        (None, Some(number)) => ResponseId::Number(number),
        (None, None) => ResponseId::Text(Text(members.raw_if_any(ID).map_or("", RawJson::as_str))),
    };
    let status = if members.has(1 << STATUS) {
        let status = u16::try_from(members.signed(STATUS)?);
        Some(status.map_err(|_| members.error(STATUS, DecodeErrorKind::Integer))?)
    } else {
        None
    };
    let error = if members.has(1 << ERROR) {
        // A refusal is one, however odd its reason.
        let (code, message) = match members.object(ERROR) {
            Ok(object) => code_and_message(members.frame(), object)?,
            Err(_) => (None, members.text_if_any(ERROR)),
        };
        Some(ApiError { code: code.unwrap_or(0), message: message.unwrap_or(Text("")) })
    } else {
        None
    };
    Ok(Message::Response(Response {
        id,
        status,
        result: members.raw_if_any(RESULT),
        error,
        rate_limits: members.raw_if_any(RATE_LIMITS),
        frame: members.frame(),
    }))
}
