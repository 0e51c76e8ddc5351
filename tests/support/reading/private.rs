//! Private streams (`ws-gemini-com.md`, sections 8 to 10).

use serde_json::{Value, json};

use super::super::json::Json;
use super::{
    Object, Read, boolean, market_decimal, milliseconds, nanoseconds, number, outcome, plain, spelled, text,
    unsigned,
};

/// Section 8.1. What is empty may be left out.
pub(super) fn order_update(frame: Object<'_>) -> Read<Value> {
    let text = |name| frame.unless_empty(name, text);
    let decimal = |name| frame.unless_empty(name, market_decimal);
    let order_id = unsigned(frame, "i")?;
    let symbol = plain(frame, "s")?;
    let status = spelled(
        super::text(frame, "X")?,
        &[("accepted", "NEW"), ("booked", "OPEN"), ("cancelled", "CANCELED"), ("rejected", "REJECTED")],
    );
    let event_time = nanoseconds(frame, "E")?;
    let transaction_time = frame.if_any("T", nanoseconds)?;
    let trade_id = frame.if_any("t", unsigned)?;
    let client_order_id = text("c")?;
    let side = spelled(text("S")?, &[("buy", "BUY"), ("sell", "SELL")]);
    let order_type = spelled(text("o")?, &[("exchange limit", "LIMIT"), ("limit", "LIMIT")]);
    let price = decimal("p")?;
    let stop_price = decimal("P")?;
    let quantity = decimal("q")?;
    let remaining_quantity = decimal("z")?;
    let executed = decimal("Z")?;
    let average_price = frame.unless_empty("a", number)?;
    let execution_price = decimal("L")?;
    let fee = frame.unless_empty("n", number)?;
    let liquidity = match frame.if_any("m", boolean)? {
        Value::Bool(maker) => json!(if maker { "Maker" } else { "Taker" }),
        none => none,
    };
    // With a fill `Z` is the quantity of this execution, else that of all of them.
    let filled = status == "FILLED" || status == "PARTIALLY_FILLED";
    let (of_this, of_all) = if filled { (executed, Value::Null) } else { (Value::Null, executed) };
    let is_fill = filled || !trade_id.is_null() || !execution_price.is_null();
    let fill = json!({
        "trade_id": trade_id,
        "price": execution_price,
        "quantity": of_this,
        "fee": fee,
        "fee_currency": null,
        "liquidity": liquidity,
    });
    Ok(json!({
        "kind": "order_update",
        "order_id": order_id,
        "symbol": symbol,
        "status": status,
        "event_time": event_time,
        "transaction_time": transaction_time,
        "client_order_id": client_order_id,
        "side": side,
        "order_type": order_type,
        "price": price,
        "stop_price": stop_price,
        "quantity": quantity,
        "remaining_quantity": remaining_quantity,
        "executed_quantity": of_all,
        "average_price": average_price,
        "fill": if is_fill { fill } else { Value::Null },
        "reason": text("r")?,
        "outcome": outcome(text("O")?),
        "alias": text("h")?,
        "event": null,
    }))
}

/// Section 10: each row by itself.
pub(super) fn order_snapshot(frame: Object<'_>) -> Read<Value> {
    let row = |row: &Json| super::orders_v1::report(row, |_, order| order_update(order));
    let orders: Value = frame.array("orders")?.iter().map(row).collect();
    Ok(json!({"kind": "order_snapshot", "orders": orders}))
}

/// Section 8.2.
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
        "event_time": nanoseconds(frame, "E")?,
        "update_time": frame.if_any("u", nanoseconds)?,
        "balances": frame.list("B", balance)?,
    }))
}

/// Section 8.3.
pub(super) fn position_report(frame: Object<'_>) -> Read<Value> {
    let amount = |amount: Object<'_>| {
        Ok(json!({
            "label": text(amount, "t")?,
            "value": number(amount, "v")?,
            "asset": amount.if_any("c", text)?,
            "outcome": outcome(amount.if_any("o", text)?),
        }))
    };
    let position = |position: Object<'_>| {
        Ok(json!({
            "product": text(position, "t")?,
            "symbol": plain(position, "s")?,
            "amounts": position.list("a", amount)?,
        }))
    };
    Ok(json!({
        "kind": "position_report",
        "event_time": nanoseconds(frame, "E")?,
        "update_time": nanoseconds(frame, "u")?,
        "account_id": unsigned(frame, "A")?,
        "positions": frame.list("P", position)?,
    }))
}

/// Section 10.
pub(super) fn settlements(frame: Object<'_>) -> Read<Value> {
    let settlement = |settlement: Object<'_>| {
        Ok(json!({
            "symbol": plain(settlement, "symbol")?,
            "position": number(settlement, "position")?,
            "payout": settlement.if_any("payout", number)?,
            "outcome": outcome(text(settlement, "outcome")?),
        }))
    };
    Ok(json!({"kind": "settlements", "settlements": frame.list("settlements", settlement)?}))
}

/// Section 9: `i` tells the two shapes apart.
pub(super) fn request_for_quote(frame: Object<'_>) -> Read<Value> {
    if frame.has("i") { quote_update(frame) } else { public_request_for_quote(frame) }
}

fn public_request_for_quote(frame: Object<'_>) -> Read<Value> {
    let leg = |leg: Object<'_>| {
        Ok(json!({
            "contract_id": text(leg, "c")?,
            "outcome": outcome(text(leg, "o")?),
            "symbol": leg.if_any("s", plain)?,
        }))
    };
    Ok(json!({
        "kind": "request_for_quote",
        "event_time": milliseconds(frame, "E")?,
        "rfq_id": text(frame, "r")?,
        "symbol": frame.if_any("s", plain)?,
        "legs": frame.list("l", leg)?,
        "notional": frame.if_any("n", market_decimal)?,
        "quantity": frame.if_any("q", market_decimal)?,
        "execution_quantity": frame.if_any("f", market_decimal)?,
        "status": text(frame, "S")?,
        "submission_ends": frame.if_any("w", milliseconds)?,
        "expires": frame.if_any("x", milliseconds)?,
        "confirmation_ends": frame.if_any("c", milliseconds)?,
    }))
}

fn quote_update(frame: Object<'_>) -> Read<Value> {
    Ok(json!({
        "kind": "quote_update",
        "event_id": text(frame, "i")?,
        "event_time": milliseconds(frame, "E")?,
        "rfq_id": text(frame, "r")?,
        "step": text(frame, "x")?,
        "status": text(frame, "S")?,
        "quote_id": frame.if_any("q", text)?,
        "price": frame.if_any("p", market_decimal)?,
        "quantity": frame.if_any("sz", market_decimal)?,
        "quote_status": frame.if_any("qs", text)?,
        "valid_until": frame.if_any("vu", milliseconds)?,
    }))
}
