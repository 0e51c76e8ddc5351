//! Order events v1 (`order-events-v1.md`).

use gemini_ws::DecodeErrorKind;
use serde_json::{Value, json};

use super::super::json::Json;
use super::{
    Object, Read, boolean, id, market_decimal, milliseconds, number, plain, seconds_or_text, spelled, text,
    texts, unrecognized, unsigned, venue_error,
};

/// Section 3: the bare objects.
pub(super) fn read(frame: Object<'_>, whole: impl FnOnce() -> Value) -> Read<Value> {
    match frame.text_if_any("type") {
        None if frame.text_if_any("result") == Some("error") => venue_error(frame),
        Some("heartbeat") => Ok(json!({
            "kind": "heartbeat",
            "event_time": milliseconds(frame, "timestampms|timestampMs")?,
            "socket_sequence": frame.if_any("socket_sequence", unsigned)?,
            "sequence": frame.if_any("sequence", unsigned)?,
            "trace_id": frame.if_any("trace_id", text)?,
        })),
        Some("subscription_ack") => Ok(json!({
            "kind": "subscription_ack",
            "account_id": unsigned(frame, "accountId")?,
            "subscription_id": text(frame, "subscriptionId")?,
            "symbol_filter": texts(frame, "symbolFilter")?,
            "api_session_filter": texts(frame, "apiSessionFilter")?,
            "event_type_filter": texts(frame, "eventTypeFilter")?,
        })),
        _ => Ok(whole()),
    }
}

/// Section 3: the arrays.
pub(super) fn events(events: &[Json]) -> Read<Value> {
    let events: Value = events.iter().map(|event| report(event, any_event)).collect();
    Ok(json!({"kind": "order_events", "events": events}))
}

/// An order that stands or falls by itself. Where in it the fault is, is not known here.
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
        Err((kind, member)) => json!({
            "kind": "malformed",
            "element": element.value(),
            "error": {"reason": kind, "member": member},
        }),
    }
}

fn any_event(whole: &Json, of: Object<'_>) -> Read<Value> {
    match text(of, "type")?.as_str().unwrap() {
        // Some texts of the current generation pass for types, being of the same open set.
        "initial" | "accepted" | "rejected" | "booked" | "fill" | "cancelled" | "cancel_rejected"
        | "closed" | "NEW" | "OPEN" | "PARTIALLY_FILLED" | "FILLED" | "CANCELED" | "REJECTED"
        | "MODIFIED" => order(of),
        _ => Ok(unrecognized(whole)),
    }
}

/// Sections 4.3 and 4.4, and the names of older examples.
fn order(of: Object<'_>) -> Read<Value> {
    let decimal = |names| of.unless_empty(names, market_decimal);
    let order_id = id(of, "order_id")?;
    let symbol = plain(of, "symbol")?;
    let event_time = of.if_any("timestampms|timestampMs", milliseconds)?;
    let timestamp = of.if_any("timestamp", seconds_or_text)?;
    let remaining = decimal("remaining_amount")?;
    let kind = text(of, "type")?;
    let status = if kind == "fill" {
        let is_over = match &remaining {
            Value::String(remaining) => remaining.bytes().all(|byte| matches!(byte, b'0' | b'.')),
            _ => of.if_any("is_live", boolean)? == false,
        };
        json!(if is_over { "FILLED" } else { "PARTIALLY_FILLED" })
    } else {
        let current =
            [("accepted", "NEW"), ("booked", "OPEN"), ("cancelled", "CANCELED"), ("rejected", "REJECTED")];
        spelled(kind, &current)
    };
    let fill = of.if_any("fill", |of, names| match of.require(names)? {
        Json::Object(members) => fill(Object(members)),
        _ => Err((DecodeErrorKind::Type, "fill")),
    })?;
    Ok(json!({
        "kind": "order_update",
        "order_id": order_id,
        "symbol": symbol,
        "status": status,
        "event_time": event_time,
        "transaction_time": null,
        "client_order_id": of.unless_empty("client_order_id", text)?,
        "side": spelled(of.unless_empty("side", text)?, &[("buy", "BUY"), ("sell", "SELL")]),
        "order_type": spelled(
            of.unless_empty("order_type", text)?,
            &[("exchange limit", "LIMIT"), ("limit", "LIMIT")],
        ),
        "price": decimal("price|original_price")?,
        "stop_price": null,
        "quantity": decimal("original_amount")?,
        "remaining_quantity": remaining,
        "executed_quantity": decimal("executed_amount|total_executed_amount")?,
        "average_price": of.unless_empty("avg_execution_price", number)?,
        "fill": fill,
        "reason": of.unless_empty("reason", text)?,
        "outcome": null,
        "alias": null,
        "event": {
            "event_id": of.if_any("event_id", id)?,
            "socket_sequence": of.if_any("socket_sequence", unsigned)?,
            "account_name": of.if_any("account_name", text)?,
            "api_session": of.if_any("api_session", text)?,
            "behavior": of.if_any("behavior", text)?,
            "timestamp": timestamp,
            "is_live": of.if_any("is_live", boolean)?,
            "is_cancelled": of.if_any("is_cancelled", boolean)?,
            "is_hidden": of.if_any("is_hidden", boolean)?,
            "total_spend": decimal("total_spend")?,
            "cancel_command_id": of.if_any("cancel_command_id", text)?,
        },
    }))
}

fn fill(of: Object<'_>) -> Read<Value> {
    Ok(json!({
        "trade_id": id(of, "trade_id")?,
        "price": market_decimal(of, "price|original_price")?,
        "quantity": market_decimal(of, "amount")?,
        "fee": of.unless_empty("fee", number)?,
        "fee_currency": of.unless_empty("fee_currency", text)?,
        "liquidity": of.unless_empty("liquidity", text)?,
    }))
}
