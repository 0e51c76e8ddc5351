//! Reads frames of order events v1. This file is written from `gemini_ws::protocol::order_events_v1` alone.

use gemini_ws::DecodeErrorKind;
use serde_json::{Value, json};

use super::super::json::Json;
use super::{
    Object, Read, boolean, label, malformed, market_decimal, milliseconds, number, seconds, side, spelled,
    symbol, text, texts, unrecognized, unsigned, venue_error, word,
};

pub(super) fn read(frame: Object<'_>, whole: impl FnOnce() -> Value) -> Read<Value> {
    match frame.text_if_any("type") {
        None if frame.text_if_any("result") == Some("error") => venue_error(frame),
        Some("heartbeat") => Ok(json!({
            "kind": "heartbeat",
            "event_time": frame.informs("timestampms|timestampMs", milliseconds),
            "socket_sequence": frame.informs("socket_sequence", unsigned),
            "sequence": frame.informs("sequence", unsigned),
            "trace_id": label(frame, "trace_id"),
        })),
        Some("subscription_ack") => Ok(json!({
            "kind": "subscription_ack",
            "account_id": frame.informs("accountId", unsigned),
            "subscription_id": label(frame, "subscriptionId"),
            "symbol_filter": texts(frame, "symbolFilter").unwrap_or_else(|_| json!([])),
            "api_session_filter": texts(frame, "apiSessionFilter").unwrap_or_else(|_| json!([])),
            "event_type_filter": texts(frame, "eventTypeFilter").unwrap_or_else(|_| json!([])),
        })),
        _ => Ok(whole()),
    }
}

pub(super) fn events(events: &[Json]) -> Read<Value> {
    let events: Value = events.iter().map(|event| report(event, any_event)).collect();
    Ok(json!({"kind": "order_events", "events": events}))
}

/// Reads an order of a list. A malformed order is reported as malformed, and the other orders are still read.
pub(super) fn report(element: &Json, read: impl FnOnce(&Json, Object<'_>) -> Read<Value>) -> Value {
    let read = match element {
        Json::Object(members) => {
            read(element, Object(members)).map_err(|(kind, member)| (kind, Some(member)))
        }
        _ => Err((DecodeErrorKind::NotAnObject, None)),
    };
    match read {
        Ok(mut order) => {
            if order["kind"] == "order_update" {
                order["kind"] = json!("update");
            }
            order
        }
        Err(refusal) => malformed(element, refusal),
    }
}

fn any_event(whole: &Json, of: Object<'_>) -> Read<Value> {
    match text(of, "type")?.as_str().unwrap() {
        // The status texts of the current API also count as types.
        "initial" | "accepted" | "rejected" | "booked" | "fill" | "cancelled" | "cancel_rejected"
        | "closed" | "NEW" | "OPEN" | "PARTIALLY_FILLED" | "FILLED" | "CANCELED" | "REJECTED"
        | "MODIFIED" => order(of),
        _ => Ok(unrecognized(whole)),
    }
}

/// Reads an event. Also accepts the member names of older examples.
fn order(of: Object<'_>) -> Read<Value> {
    let decimal = |names| of.unless_empty(names, market_decimal);
    let order_id = unsigned(of, "order_id")?;
    let symbol = symbol(of, "symbol")?;
    let kind = text(of, "type")?;
    let is_zero = |value: &Value| {
        value.as_str().is_some_and(|digits| digits.bytes().all(|byte| matches!(byte, b'0' | b'.')))
    };
    // A zero counts as missing.
    let original = decimal("original_amount")?;
    let (quantity, has_no_quantity) =
        if is_zero(&original) { (Value::Null, true) } else { (original, false) };
    let is_fill = kind == "fill";
    let status = if is_fill {
        let is_over = match decimal("remaining_amount")? {
            Value::Null => of.if_any("is_live", boolean)? == false && quantity != Value::Null,
            remaining => is_zero(&remaining) && !has_no_quantity,
        };
        json!(if is_over { "FILLED" } else { "PARTIALLY_FILLED" })
    } else {
        let current =
            [("accepted", "NEW"), ("booked", "OPEN"), ("cancelled", "CANCELED"), ("rejected", "REJECTED")];
        spelled(kind, &current)
    };
    let fill = match of.get("fill") {
        Some(Json::Object(members)) => fill(Object(members))?,
        Some(_) => return Err((DecodeErrorKind::Type, "fill")),
        None if is_fill => json!({
            "trade_id": null, "price": null, "quantity": null, "fee": null, "fee_currency": null, "liquidity": null,
        }),
        None => Value::Null,
    };
    Ok(json!({
        "kind": "order_update",
        "order_id": order_id,
        "symbol": symbol,
        "status": status,
        "event_time": of.informs("timestampms|timestampMs", milliseconds),
        "transaction_time": null,
        "client_order_id": of.unless_empty("client_order_id", text)?,
        "side": of.informs("side", side),
        "order_type": spelled(label(of, "order_type"), &[("exchange limit", "LIMIT"), ("limit", "LIMIT")]),
        "price": decimal("price|original_price")?,
        "stop_price": null,
        "quantity": quantity,
        "remaining_quantity": if has_no_quantity { Value::Null } else { of.informs("remaining_amount", number) },
        "time_in_force": label(of, "behavior"),
        "executed_quantity": decimal("executed_amount|total_executed_amount")?,
        "average_price": of.informs("avg_execution_price", number),
        "fill": fill,
        "reason": label(of, "reason"),
        "outcome": null,
        "alias": null,
        "event": details(of),
    }))
}

fn details(of: Object<'_>) -> Value {
    json!({
        "event_id": word(of, "event_id"),
        "socket_sequence": of.informs("socket_sequence", unsigned),
        "account_name": label(of, "account_name"),
        "api_session": label(of, "api_session"),
        "timestamp": of.informs("timestamp", seconds),
        "is_live": of.informs("is_live", boolean),
        "is_cancelled": of.informs("is_cancelled", boolean),
        "is_hidden": of.informs("is_hidden", boolean),
        "total_spend": of.informs("total_spend", number),
        "cancel_command_id": word(of, "cancel_command_id"),
    })
}

fn fill(of: Object<'_>) -> Read<Value> {
    let trade_id = unsigned(of, "trade_id")?;
    let price = market_decimal(of, "price|original_price")?;
    let quantity = market_decimal(of, "amount")?;
    let is_zero = quantity.as_str().unwrap().bytes().all(|byte| matches!(byte, b'0' | b'.'));
    Ok(json!({
        "trade_id": trade_id,
        "price": price,
        "quantity": if is_zero { Value::Null } else { quantity },
        "fee": of.informs("fee", number),
        "fee_currency": label(of, "fee_currency"),
        "liquidity": label(of, "liquidity"),
    }))
}
