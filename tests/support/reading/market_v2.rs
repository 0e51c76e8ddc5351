//! Reads frames of market data v2. This file is written from `gemini_ws::protocol::market_data_v2` alone.

use gemini_ws::DecodeErrorKind;
use serde_json::{Value, json};

use super::super::json::Json;
use super::{
    Names, Object, Read, any_number, auction, boolean, decimal, integer, level, market_decimal, milliseconds,
    nanoseconds, number, signed_decimal, some, symbol, text, time, unsigned, unsigned_decimal, untagged,
    venue_error,
};

pub(super) fn read(frame: Object<'_>, whole: impl FnOnce() -> Value) -> Read<Value> {
    if frame.text_if_any("result") == Some("error") {
        return venue_error(frame);
    }
    match frame.text_if_any("type") {
        Some("l2_updates") => l2_updates(frame),
        Some("trade") => trade(frame),
        Some("heartbeat") => Ok(json!({
            "kind": "heartbeat",
            "event_time": frame.informs("timestamp", milliseconds),
            "socket_sequence": null,
            "sequence": null,
            "trace_id": null,
        })),
        Some("auction_result" | "auction_indicative") => auction(frame, symbol(frame, "symbol")?),
        Some("mark_price_updates") => changes(frame, "mark_prices", "changes", mark_price),
        Some("funding_amount_updates") => changes(frame, "funding_amounts", "changes", funding_amount),
        Some(kind) => match interval(kind) {
            Some(interval) => candles(frame, interval),
            None => Ok(whole()),
        },
        None => Ok(whole()),
    }
}

fn l2_updates(frame: Object<'_>) -> Read<Value> {
    let symbol = symbol(frame, "symbol")?;
    let (mut bids, mut asks) = (Vec::new(), Vec::new());
    for row in frame.array("changes")? {
        let (is_bid, level) = change(row).map_err(|kind| (kind, "changes"))?;
        if is_bid { &mut bids } else { &mut asks }.push(level);
    }
    Ok(json!({
        "kind": "l2_updates",
        "symbol": symbol,
        "bids": bids,
        "asks": asks,
        "trades": frame.if_any("trades", |of, names| of.rows(names, |row| trade(row).map(untagged)))?,
        "auction_events": frame.if_any("auction_events", |of, names| of.rows(names, any_auction))?,
    }))
}

fn change(row: &Json) -> Result<(bool, Value), DecodeErrorKind> {
    let Json::Array(row) = row else { return Err(DecodeErrorKind::Type) };
    let part = |index: usize| row.get(index).ok_or(DecodeErrorKind::Type);
    let Json::Text(side) = part(0)? else { return Err(DecodeErrorKind::Type) };
    let is_bid = match side.text.as_str() {
        "buy" => true,
        "sell" => false,
        _ => return Err(DecodeErrorKind::Side),
    };
    let level = level(any_decimal(part(1)?)?, any_decimal(part(2)?)?);
    if row.len() == 3 { Ok((is_bid, level)) } else { Err(DecodeErrorKind::Type) }
}

fn any_auction(of: Object<'_>) -> Read<Value> {
    match text(of, "type")?.as_str() {
        Some("auction_result" | "auction_indicative") => auction(of, symbol(of, "symbol")?).map(untagged),
        _ => Err((DecodeErrorKind::Type, "type")),
    }
}

/// Reads a trade. Also accepts the member names of older versions of the venue's document.
fn trade(of: Object<'_>) -> Read<Value> {
    let event_id = "event_id|eventid|eventId";
    let trade_id = match of.if_any("tid", unsigned)? {
        Value::Null => unsigned(of, event_id)?,
        trade_id => trade_id,
    };
    Ok(json!({
        "kind": "trade",
        "symbol": symbol(of, "symbol")?,
        "event_time": of.informs("timestamp", milliseconds),
        "trade_id": trade_id,
        "event_id": of.informs(event_id, unsigned),
        "price": market_decimal(of, "price")?,
        "quantity": market_decimal(of, "quantity")?,
        "taker": text(of, "side")?,
    }))
}

fn interval(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "candles_1m_updates" => "one_minute",
        "candles_5m_updates" => "five_minutes",
        "candles_15m_updates" => "fifteen_minutes",
        "candles_30m_updates" => "thirty_minutes",
        "candles_1h_updates" => "one_hour",
        "candles_6h_updates" => "six_hours",
        "candles_1d_updates" => "one_day",
        _ => return None,
    })
}

fn candles(frame: Object<'_>, interval: &str) -> Read<Value> {
    let symbol = symbol(frame, "symbol")?;
    let rows = frame.array("changes")?;
    Ok(json!({
        "kind": "candles",
        "symbol": symbol,
        "interval": interval,
        "candles": some(rows, |row| candle(row).map_err(|kind| (kind, None)), "changes")?,
    }))
}

fn candle(row: &Json) -> Result<Value, DecodeErrorKind> {
    let Json::Array(row) = row else { return Err(DecodeErrorKind::Type) };
    let part = |index: usize| row.get(index).ok_or(DecodeErrorKind::Type);
    let candle = json!({
        "open_time": match part(0)? {
            Json::Text(_) => return Err(DecodeErrorKind::Type),
            millis => time(integer(millis), 1_000_000)?,
        },
        "open": any_decimal(part(1)?)?,
        "high": any_decimal(part(2)?)?,
        "low": any_decimal(part(3)?)?,
        "close": any_decimal(part(4)?)?,
        "volume": any_number(part(5)?).unwrap_or_default(),
    });
    if row.len() == 6 { Ok(candle) } else { Err(DecodeErrorKind::Type) }
}

/// Reads a decimal. Without quotes it may have an exponent.
pub(super) fn any_decimal(value: &Json) -> Result<String, DecodeErrorKind> {
    let Json::Number(number) = value else { return unsigned_decimal(value) };
    match number.split_once(['e', 'E']) {
        None => unsigned_decimal(value),
        Some((mantissa, exponent)) => {
            let digits = mantissa.strip_prefix('-').unwrap_or(mantissa);
            if digits != mantissa && digits.contains(|digit| matches!(digit, '1'..='9')) {
                return Err(DecodeErrorKind::Negative);
            }
            shifted(digits, exponent).ok_or(DecodeErrorKind::Precision)
        }
    }
}

/// Moves the point of a number as its exponent says, and drops trailing zeros that would not fit. `None` if the
/// number still does not fit into a `Decimal`.
fn shifted(mantissa: &str, exponent: &str) -> Option<String> {
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some("0".into());
    }
    let decimals = (fraction.len() as i64).checked_sub(exponent.parse::<i64>().ok()?)?;
    let zeros = digits.len() - digits.trim_end_matches('0').len();
    // Without its trailing zeros, a number that fits has at most 18 decimals, or ends at most 19 places before the
    // point.
    if !(-19..=18).contains(&(decimals.checked_sub(zeros as i64)?)) {
        return None;
    }
    let moved = if decimals <= 0 {
        format!("{digits}{}", "0".repeat(decimals.unsigned_abs() as usize))
    } else {
        let decimals = decimals as usize;
        let padded = format!("{digits:0>width$}", width = decimals + 1);
        let (whole, fraction) = padded.split_at(padded.len() - decimals);
        let kept = if fraction.len() > 18 {
            let end = fraction.trim_end_matches('0').len().max(18);
            &fraction[..end]
        } else {
            fraction
        };
        format!("{whole}.{kept}")
    };
    decimal(&moved).ok()
}

fn changes(frame: Object<'_>, kind: &str, name: Names, read: fn(Object<'_>) -> Read<Value>) -> Read<Value> {
    Ok(json!({"kind": kind, "symbol": symbol(frame, "symbol")?, "changes": frame.some_rows(name, read)?}))
}

fn mark_price(change: Object<'_>) -> Read<Value> {
    Ok(json!({
        "event_time": change.informs("timestamp", nanoseconds),
        "mark_price": market_decimal(change, "mark_price")?,
        "spot_index": change.informs("spot_index", number),
    }))
}

fn funding_amount(change: Object<'_>) -> Read<Value> {
    Ok(json!({
        "event_time": change.informs("timestamp", nanoseconds),
        "amount": signed_decimal(change, "funding_amount")?,
        "funding_time": nanoseconds(change, "funding_date_time")?,
        "interval_minutes": change.informs("funding_interval_in_minutes", unsigned),
        "realized": boolean(change, "is_realized")?,
        "rate_percent": change.informs("funding_rate", number),
        "mark_price": change.informs("mark_price", number),
    }))
}
