//! Reads frames of market data v1. It is written from `gemini_ws::protocol::market_data_v1` alone.

use gemini_ws::DecodeErrorKind;
use serde_json::{Value, json};

use super::super::json::Json;
use super::{
    Object, Read, SYMBOL, auction, market_decimal, milliseconds, number, seconds, symbol, text, unrecognized,
    unsigned, venue_error,
};

/// Reads a frame.
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
            "entries": frame.list("events", entry)?,
            "symbol": SYMBOL,
        })),
        _ => Ok(whole()),
    }
}

/// Reads an entry of an update.
fn entry(of: Object<'_>) -> Read<Value> {
    let symbol = of.if_any("symbol", symbol)?;
    let kind = text(of, "type")?;
    let kind = kind.as_str().unwrap();
    match kind {
        "change" => change(of, symbol),
        "trade" | "block_trade" => Ok(json!({
            "kind": kind,
            "symbol": symbol,
            "trade_id": unsigned(of, "tid")?,
            "price": market_decimal(of, "price")?,
            "quantity": market_decimal(of, "amount")?,
            "maker_side": of.if_any("makerSide", text)?,
        })),
        "auction_open" => Ok(json!({
            "kind": kind,
            "symbol": symbol,
            "opened": of.informs("auction_open_ms", milliseconds),
            "auction_time": of.informs("auction_time_ms", milliseconds),
            "first_indicative_time": of.informs("first_indicative_ms", milliseconds),
            "last_cancel_time": of.informs("last_cancel_time_ms", milliseconds),
        })),
        "auction_indicative" | "auction_result" => auction(of, symbol),
        _ => Ok(unrecognized(&Json::Object(of.0.to_vec()))),
    }
}

fn change(of: Object<'_>, symbol: Value) -> Read<Value> {
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
