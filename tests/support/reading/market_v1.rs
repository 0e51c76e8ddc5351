//! Reads frames of market data v1. This file is written from `gemini_ws::protocol::market_data_v1` alone.

use gemini_ws::DecodeErrorKind;
use serde_json::{Value, json};

use super::super::json::Json;
use super::{
    Object, Read, SYMBOL, auction, malformed, market_decimal, milliseconds, number, seconds, symbol, text,
    unrecognized, unsigned, venue_error,
};

pub(super) fn read(frame: Object<'_>, whole: impl FnOnce() -> Value) -> Read<Value> {
    match frame.text_if_any("type") {
        None if frame.text_if_any("result") == Some("error") => venue_error(frame),
        Some("heartbeat") => Ok(json!({
            "kind": "heartbeat",
            "event_time": null,
            "socket_sequence": unsigned(frame, "socket_sequence")?,
            "sequence": null,
            "trace_id": null,
        })),
        Some("update") => Ok(json!({
            "kind": "market_update",
            "event_id": unsigned(frame, "eventId")?,
            "socket_sequence": unsigned(frame, "socket_sequence")?,
            "timestamp": frame.informs("timestamp", seconds),
            "event_time": frame.informs("timestampms", milliseconds),
            "entries": entries(frame)?,
            "symbol": SYMBOL,
        })),
        _ => Ok(whole()),
    }
}

/// Reads the entries of an update. A malformed entry that may change the book makes the frame malformed. Any other
/// malformed entry is reported as malformed, and the remaining entries are still read.
fn entries(frame: Object<'_>) -> Read<Value> {
    let entry = |element: &Json| {
        let Json::Object(members) = element else { return Err((DecodeErrorKind::Type, "events")) };
        let of = Object(members);
        let kind = text(of, "type")?;
        if kind == "change" {
            return change(of);
        }
        let read = other(of, kind.as_str().unwrap());
        Ok(read.unwrap_or_else(|(kind, member)| malformed(element, (kind, Some(member)))))
    };
    frame.array("events")?.iter().map(entry).collect()
}

fn other(of: Object<'_>, kind: &str) -> Read<Value> {
    match kind {
        "trade" | "block_trade" => Ok(json!({
            "kind": kind,
            "symbol": of.if_any("symbol", symbol)?,
            "trade_id": unsigned(of, "tid")?,
            "price": market_decimal(of, "price")?,
            "quantity": market_decimal(of, "amount")?,
            "maker_side": of.if_any("makerSide", text)?,
        })),
        "auction_open" => Ok(json!({
            "kind": kind,
            "symbol": of.if_any("symbol", symbol)?,
            "opened": of.informs("auction_open_ms", milliseconds),
            "auction_time": of.informs("auction_time_ms", milliseconds),
            "first_indicative_time": of.informs("first_indicative_ms", milliseconds),
            "last_cancel_time": of.informs("last_cancel_time_ms", milliseconds),
        })),
        "auction_indicative" | "auction_result" => auction(of, of.if_any("symbol", symbol)?),
        _ => Ok(unrecognized(&Json::Object(of.0.to_vec()))),
    }
}

fn change(of: Object<'_>) -> Read<Value> {
    let symbol = of.if_any("symbol", symbol)?;
    let side = match text(of, "side")?.as_str() {
        Some("bid") => "buy",
        Some("ask") => "sell",
        _ => return Err((DecodeErrorKind::Side, "side")),
    };
    Ok(json!({
        "kind": "change",
        "symbol": symbol,
        "side": side,
        "price": market_decimal(of, "price")?,
        "remaining": market_decimal(of, "remaining")?,
        "delta": of.informs("delta", number),
        "reason": text(of, "reason")?,
    }))
}
