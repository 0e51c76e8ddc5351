//! Reads frames of public streams and responses. This file is written from `gemini_ws::protocol::streams` alone.

use gemini_ws::DecodeErrorKind;
use serde_json::{Value, json};

use super::super::json::Json;
use super::market_v2::any_decimal;
use super::{
    Names, Object, Read, boolean, integer, label, level, market_decimal, milliseconds, nanoseconds, number,
    plain, private, signed_decimal, symbol, text, unrecognized, unsigned, unsigned_decimal,
};

pub(super) fn read(frame: Object<'_>, whole: impl FnOnce() -> Value) -> Read<Value> {
    let has = |name: &&str| frame.has(name);
    if has(&"id") && ["status", "error", "result"].iter().any(has) {
        return response(frame);
    }
    if let Some(kind) = frame.text_if_any("e") {
        return match kind {
            "depthUpdate" => depth(frame),
            "markPrice" => mark_price(frame),
            "fundingAmount" => funding_amount(frame),
            "contractStatus" => contract_status(frame),
            "orderUpdate" | "executionReport" => private::order_update(frame),
            "orderSnapshot" => private::order_snapshot(frame),
            "balanceUpdate" => private::balance_update(frame),
            "positionReport" => private::position_report(frame),
            "requestForQuote" => private::request_for_quote(frame),
            "settlements" => private::settlements(frame),
            kind => match (unnamed(frame), kind) {
                (Some((Unnamed::Partial, read)), "partialDepth" | "partialBookDepth" | "depth") => {
                    read(frame)
                }
                (Some((Unnamed::Partial, read)), "depth5" | "depth10" | "depth20") => read(frame),
                (Some((Unnamed::Ticker, read)), "bookTicker") => read(frame),
                (Some((Unnamed::Trade, read)), "trade") => read(frame),
                _ => Ok(whole()),
            },
        };
    }
    if frame.text_if_any("type") == Some("settlements") {
        private::settlements(frame)
    } else {
        unnamed(frame).map_or_else(|| Ok(whole()), |(_, read)| read(frame))
    }
}

/// The kinds of frames that are recognised by their members. `Named` stands for all kinds whose frames should also
/// contain the name of their kind.
enum Unnamed {
    Partial,
    Ticker,
    Trade,
    Named,
}

type Reader = fn(Object<'_>) -> Read<Value>;

fn unnamed(frame: Object<'_>) -> Option<(Unnamed, Reader)> {
    let has = |names: &[&str]| names.iter().all(|name| frame.has(name));
    Some(if has(&["X"]) {
        (Unnamed::Named, private::order_update)
    } else if has(&["lastUpdateId"]) {
        (Unnamed::Partial, partial_depth)
    } else if has(&["b", "B", "a", "A"]) {
        (Unnamed::Ticker, book_ticker)
    } else if has(&["t", "p", "q", "m"]) {
        (Unnamed::Trade, trade)
    } else if has(&["U", "u", "b", "a"]) {
        (Unnamed::Named, depth)
    } else if has(&["B", "E", "u"]) {
        (Unnamed::Named, private::balance_update)
    } else if has(&["P", "E", "u"]) {
        (Unnamed::Named, private::position_report)
    } else if has(&["orders"]) {
        (Unnamed::Named, private::order_snapshot)
    } else {
        return None;
    })
}

fn book_ticker(frame: Object<'_>) -> Read<Value> {
    Ok(json!({
        "kind": "book_ticker",
        "symbol": symbol(frame, "s")?,
        "update_id": unsigned(frame, "u")?,
        "event_time": frame.informs("E", nanoseconds),
        "bid": side(frame, "b", "B")?,
        "ask": side(frame, "a", "A")?,
        "last_trade": side(frame, "c", "C").unwrap_or_default(),
    }))
}

/// Reads the best level of a side. The result is null if the price or the quantity is missing, empty or zero.
fn side(frame: Object<'_>, price: Names, quantity: Names) -> Read<Value> {
    let part = |name: Names| match frame.get(name) {
        None => Ok(None),
        Some(Json::Text(text)) if text.text.is_empty() => Ok(None),
        Some(value) => {
            let printed = unsigned_decimal(value).map_err(|kind| (kind, name))?;
            let zero = printed.bytes().all(|byte| matches!(byte, b'0' | b'.'));
            Ok(Some(printed).filter(|_| !zero))
        }
    };
    let (price, quantity) = (part(price)?, part(quantity)?);
    Ok(price.zip(quantity).map_or(Value::Null, |(price, quantity)| level(price, quantity)))
}

fn depth(frame: Object<'_>) -> Read<Value> {
    let read = json!({
        "kind": "depth",
        "symbol": symbol(frame, "s")?,
        "event_time": frame.informs("E", nanoseconds),
        "first_update_id": unsigned(frame, "U")?,
        "last_update_id": unsigned(frame, "u")?,
        "bids": levels(frame, "b")?,
        "asks": levels(frame, "a")?,
    });
    if read["last_update_id"].as_u64() < read["first_update_id"].as_u64() {
        return Err((DecodeErrorKind::UpdateRange, "u"));
    }
    Ok(read)
}

fn partial_depth(frame: Object<'_>) -> Read<Value> {
    let named = ["symbol", "s"].into_iter().find(|name| frame.has(name));
    Ok(json!({
        "kind": "partial_depth",
        "symbol": named.map_or(Ok(Value::Null), |name| symbol(frame, name))?,
        "last_update_id": unsigned(frame, "lastUpdateId")?,
        "bids": levels(frame, "bids")?,
        "asks": levels(frame, "asks")?,
    }))
}

fn levels(frame: Object<'_>, name: Names) -> Read<Value> {
    let row = |row: &Json| {
        let Json::Array(row) = row else { return Err(DecodeErrorKind::Type) };
        let part = |index: usize| row.get(index).ok_or(DecodeErrorKind::Type).and_then(any_decimal);
        let level = level(part(0)?, part(1)?);
        if row.len() == 2 { Ok(level) } else { Err(DecodeErrorKind::Type) }
    };
    frame.array(name)?.iter().map(row).collect::<Result<Value, _>>().map_err(|kind| (kind, name))
}

fn trade(frame: Object<'_>) -> Read<Value> {
    Ok(json!({
        "kind": "trade",
        "symbol": symbol(frame, "s")?,
        "event_time": frame.informs("E", nanoseconds),
        "trade_id": unsigned(frame, "t")?,
        "event_id": null,
        "price": market_decimal(frame, "p")?,
        "quantity": market_decimal(frame, "q")?,
        "taker": if boolean(frame, "m")? == true { "sell" } else { "buy" },
    }))
}

fn contract_status(frame: Object<'_>) -> Read<Value> {
    Ok(json!({
        "kind": "contract_status",
        "symbol": symbol(frame, "s")?,
        "event_time": frame.informs("E", milliseconds),
        "event_ticker": plain(frame, "k")?,
        "contract_ticker": plain(frame, "c")?,
        "contract_id": unsigned(frame, "i")?,
        "strike": frame.informs("p", number),
        "previous_status": label(frame, "o"),
        "status": text(frame, "n")?,
    }))
}

fn mark_price(frame: Object<'_>) -> Read<Value> {
    Ok(json!({
        "kind": "mark_price",
        "symbol": symbol(frame, "s")?,
        "event_time": frame.informs("E", nanoseconds),
        "mark_price": market_decimal(frame, "p")?,
        "scaled_index": frame.informs("i", number),
        "spot_index": null,
    }))
}

fn funding_amount(frame: Object<'_>) -> Read<Value> {
    Ok(json!({
        "kind": "funding_amount",
        "symbol": symbol(frame, "s")?,
        "event_time": frame.informs("E", nanoseconds),
        "funding_time": nanoseconds(frame, "T")?,
        "interval_minutes": frame.informs("i", unsigned),
        "amount": signed_decimal(frame, "f")?,
        "rate_percent": frame.informs("r", number),
        "mark_price": frame.informs("p", number),
        "realized": boolean(frame, "R")?,
    }))
}

fn response(frame: Object<'_>) -> Read<Value> {
    let id = frame.require("id")?;
    let number = integer(id).ok().and_then(|id| u64::try_from(id).ok());
    let id = match id {
        Json::Text(text) => json!(text.text),
        Json::Number(digits) => number.map_or_else(|| json!(digits), |number| json!(number)),
        _ => return Ok(unrecognized(&Json::Object(frame.0.to_vec()))),
    };
    let status = match frame.get("status") {
        None => Value::Null,
        Some(status) => {
            let status = integer(status).map_err(|kind| (kind, "status"))?;
            json!(u16::try_from(status).map_err(|_| (DecodeErrorKind::Integer, "status"))?)
        }
    };
    let error = match frame.get("error") {
        None => Value::Null,
        Some(Json::Object(error)) => {
            let code = Object(error).get("code").and_then(|code| integer(code).ok());
            let code = code.and_then(|code| i64::try_from(code).ok());
            json!({"code": code.unwrap_or(0), "message": Object(error).text_if_any("msg").unwrap_or("")})
        }
        Some(_) => json!({"code": 0, "message": frame.text_if_any("error").unwrap_or("")}),
    };
    let raw = |name| frame.get(name).map_or(Value::Null, Json::value);
    Ok(json!({
        "kind": "response",
        "id": id,
        "status": status,
        "result": raw("result"),
        "error": error,
        "rate_limits": raw("rateLimits"),
    }))
}
