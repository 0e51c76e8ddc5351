//! Frames of `wss://ws.gemini.com`, classified [by their members](crate::protocol::streams#recognising-a-frame).

use super::members::{Members, code_and_message, scan_stream};
use super::names::{
    ASKS, BIDS, ERROR, ID, LAST_UPDATE_ID, ORDERS, RATE_LIMITS, RESULT, STATUS, SYMBOL, TYPE, letter, set,
};
use super::private;
use super::scratch::Scratch;
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::{
    ApiError, BookTicker, ContractStatus, Depth, FundingAmount, MarkPrice, Message, PartialDepth, RawJson,
    Response, ResponseId, Taker, Text, Trade, Unrecognized,
};

type Reader = for<'f> fn(&Members<'f, 'f>) -> Result<Message<'f>, DecodeError>;

/// Frames that name their kind in `e`.
const NAMED: [(&str, Reader); 10] = [
    ("depthUpdate", depth),
    ("orderUpdate", private::order_update),
    ("executionReport", private::order_update),
    ("balanceUpdate", private::balance_update),
    ("positionReport", private::position_report),
    ("orderSnapshot", private::order_snapshot),
    ("requestForQuote", private::request_for_quote),
    ("markPrice", mark_price),
    ("fundingAmount", funding_amount),
    ("contractStatus", contract_status),
];

/// Frames that are known by their members, and the names that they may have in `e` besides; the first row all of
/// whose members are there decides. An order update has `X` and could otherwise pass for a ticker or a trade. The
/// rows without a name are those of [`NAMED`], should their `e` be missing.
const BY_MEMBERS: [(u128, &[&str], Reader); 8] = [
    (set(&[letter(b'X')]), &[], private::order_update),
    (
        set(&[LAST_UPDATE_ID]),
        &["partialDepth", "partialBookDepth", "depth", "depth5", "depth10", "depth20"],
        partial_depth,
    ),
    (set(&[letter(b'b'), letter(b'B'), letter(b'a'), letter(b'A')]), &["bookTicker"], book_ticker),
    (set(&[letter(b't'), letter(b'p'), letter(b'q'), letter(b'm')]), &["trade"], trade),
    (set(&[letter(b'U'), letter(b'u'), letter(b'b'), letter(b'a')]), &[], depth),
    (set(&[letter(b'B'), letter(b'E'), letter(b'u')]), &[], private::balance_update),
    (set(&[letter(b'P'), letter(b'E'), letter(b'u')]), &[], private::position_report),
    (set(&[ORDERS]), &[], private::order_snapshot),
];

#[inline]
pub(super) fn decode<'f>(frame: &'f str, scratch: &'f mut Scratch) -> Result<Message<'f>, DecodeError> {
    let members = scan_stream(frame, scratch)?;
    let answer = set(&[STATUS, ERROR, RESULT]);
    if members.has(set(&[ID])) && members.present & answer != 0 {
        return response(&members);
    }
    let kind = members.text_if_any(letter(b'e'));
    if let Some(kind) = kind {
        let known = NAMED.iter().find(|(name, _)| kind.raw() == *name);
        if let Some((_, read)) = known.or_else(|| NAMED.iter().find(|(name, _)| kind == **name)) {
            return read(&members);
        }
    }
    if kind.or(members.text_if_any(TYPE)).is_some_and(|kind| kind == *"settlements") {
        return private::settlements(&members);
    }
    match BY_MEMBERS.iter().find(|(needed, ..)| members.has(*needed)) {
        Some((_, names, read)) if kind.is_none_or(|kind| names.iter().any(|name| kind == **name)) => {
            read(&members)
        }
        _ => Ok(Message::Unrecognized(Unrecognized { frame: RawJson(members.frame()) })),
    }
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
