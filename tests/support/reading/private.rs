//! Reads frames of private streams. This file is written from `gemini_ws::protocol::streams` alone.

use serde_json::{Value, json};

use super::super::json::Json;
use super::{
    Object, Read, boolean, label, market_decimal, milliseconds, nanoseconds, number, outcome, plain, side,
    spelled, symbol, text, unsigned,
};

/// Reads an order update. Most members may be missing; some of them count as missing if they are empty or zero.
pub(super) fn order_update(frame: Object<'_>) -> Read<Value> {
    let decimal = |name| frame.unless_empty(name, market_decimal);
    let is_zero = |value: &Value| match value {
        Value::String(digits) => digits.bytes().all(|byte| matches!(byte, b'0' | b'.')),
        other => *other == 0,
    };
    let unless_zero = |value: Value| if is_zero(&value) { Value::Null } else { value };
    let order_id = unsigned(frame, "i")?;
    let symbol = symbol(frame, "s")?;
    let status = spelled(
        text(frame, "X")?,
        &[("accepted", "NEW"), ("booked", "OPEN"), ("cancelled", "CANCELED"), ("rejected", "REJECTED")],
    );
    let client_order_id = frame.unless_empty("c", text)?;
    let side = frame.informs("S", side);
    let (price, executed, quantity) = (decimal("p")?, decimal("Z")?, unless_zero(decimal("q")?));
    let trade_id = unless_zero(frame.unless_empty("t", unsigned)?);
    let execution_price = unless_zero(decimal("L")?);
    let liquidity = match frame.informs("m", boolean) {
        Value::Bool(maker) => json!(if maker { "Maker" } else { "Taker" }),
        none => none,
    };
    // In a frame about a fill, `Z` is the quantity of this fill; in any other frame, `Z` is the quantity of all
    // fills.
    let filled = status == "FILLED" || status == "PARTIALLY_FILLED";
    let told = executed.is_null() && !(trade_id.is_null() && execution_price.is_null());
    let (of_this, of_all) = if filled { (executed, Value::Null) } else { (Value::Null, executed) };
    let fill = json!({
        "trade_id": trade_id,
        "price": execution_price,
        "quantity": unless_zero(of_this),
        "fee": frame.informs("n", number),
        "fee_currency": label(frame, "N"),
        "liquidity": liquidity,
    });
    Ok(json!({
        "kind": "order_update",
        "order_id": order_id,
        "symbol": symbol,
        "status": status,
        "event_time": frame.informs("E", nanoseconds),
        "transaction_time": frame.informs("T", nanoseconds),
        "client_order_id": client_order_id,
        "side": side,
        "order_type": spelled(label(frame, "o"), &[("exchange limit", "LIMIT"), ("limit", "LIMIT")]),
        "price": price,
        "stop_price": frame.informs("P", number),
        "quantity": quantity,
        "remaining_quantity": frame.informs("z", number),
        "time_in_force": label(frame, "f"),
        "executed_quantity": of_all,
        "average_price": frame.informs("a", number),
        "fill": if filled || told { fill } else { Value::Null },
        "reason": label(frame, "r"),
        "outcome": outcome(label(frame, "O")),
        "alias": label(frame, "h"),
        "event": null,
    }))
}

/// Reads an order snapshot. A malformed row is reported as malformed, and the other rows are still read.
pub(super) fn order_snapshot(frame: Object<'_>) -> Read<Value> {
    let row = |row: &Json| super::orders_v1::report(row, |_, order| order_update(order));
    let orders: Value = frame.array("orders")?.iter().map(row).collect();
    Ok(json!({"kind": "order_snapshot", "orders": orders}))
}

pub(super) fn balance_update(frame: Object<'_>) -> Read<Value> {
    let balance = |balance: Object<'_>| {
        Ok(json!({
            "asset": plain(balance, "a")?,
            "available": number(balance, "f")?,
            "total": number(balance, "c")?,
        }))
    };
    Ok(json!({
        "kind": "balance_update",
        "event_time": frame.informs("E", nanoseconds),
        "update_time": frame.informs("u", nanoseconds),
        "balances": frame.some_rows("B", balance)?,
    }))
}

pub(super) fn position_report(frame: Object<'_>) -> Read<Value> {
    let amount = |amount: Object<'_>| {
        Ok(json!({
            "label": text(amount, "t")?,
            "value": number(amount, "v")?,
            "asset": label(amount, "c"),
            "outcome": outcome(label(amount, "o")),
        }))
    };
    let position = |position: Object<'_>| {
        Ok(json!({
            "product": label(position, "t"),
            "symbol": symbol(position, "s")?,
            "amounts": position.list("a", amount)?,
        }))
    };
    Ok(json!({
        "kind": "position_report",
        "event_time": frame.informs("E", nanoseconds),
        "update_time": frame.informs("u", nanoseconds),
        "account_id": frame.informs("A", unsigned),
        "positions": frame.some_rows("P", position)?,
    }))
}

pub(super) fn settlements(frame: Object<'_>) -> Read<Value> {
    let settlement = |settlement: Object<'_>| {
        Ok(json!({
            "symbol": symbol(settlement, "symbol")?,
            "position": number(settlement, "position")?,
            "payout": settlement.informs("payout", number),
            "outcome": outcome(text(settlement, "outcome")?),
        }))
    };
    Ok(json!({"kind": "settlements", "settlements": frame.some_rows("settlements", settlement)?}))
}

/// Reads a request for quotes. The member `i` distinguishes its two shapes.
pub(super) fn request_for_quote(frame: Object<'_>) -> Read<Value> {
    if frame.has("i") { quote_update(frame) } else { public_request_for_quote(frame) }
}

fn public_request_for_quote(frame: Object<'_>) -> Read<Value> {
    let leg = |leg: Object<'_>| {
        Ok(json!({
            "contract_id": text(leg, "c")?,
            "outcome": outcome(text(leg, "o")?),
            "symbol": leg.unless_empty("s", symbol)?,
        }))
    };
    Ok(json!({
        "kind": "request_for_quote",
        "event_time": frame.informs("E", milliseconds),
        "rfq_id": text(frame, "r")?,
        "symbol": frame.unless_empty("s", symbol)?,
        "legs": frame.list("l", leg)?,
        "notional": frame.informs("n", number),
        "quantity": frame.unless_empty("q", market_decimal)?,
        "execution_quantity": frame.unless_empty("f", market_decimal)?,
        "status": text(frame, "S")?,
        "submission_ends": frame.informs("w", milliseconds),
        "expires": frame.informs("x", milliseconds),
        "confirmation_ends": frame.informs("c", milliseconds),
    }))
}

fn quote_update(frame: Object<'_>) -> Read<Value> {
    Ok(json!({
        "kind": "quote_update",
        "event_id": text(frame, "i")?,
        "event_time": frame.informs("E", milliseconds),
        "rfq_id": text(frame, "r")?,
        "step": text(frame, "x")?,
        "status": text(frame, "S")?,
        "quote_id": frame.unless_empty("q", text)?,
        "price": frame.unless_empty("p", market_decimal)?,
        "quantity": frame.unless_empty("sz", market_decimal)?,
        "quote_status": frame.unless_empty("qs", text)?,
        "valid_until": frame.informs("vu", milliseconds),
    }))
}
