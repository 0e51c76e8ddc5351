//! The private streams and their frames.

use gemini_ws::Decimal;
use serde_json::Value;

use crate::account::AccountId;
use crate::account::ledger::{LedgerBalance, LedgerPosition};
use crate::account::order::{Amounts, ClientOrder, EventKind, OrderEvent};
use crate::value::order::{NewOrder, OrderSide, OrderType, Outcome};

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum PrivateStream {
    Orders,
    SessionOrders,
    Balances,
    BalancesEachSecond,
    Positions,
    PositionsEachSecond,
    Quotes,
    SessionQuotes,
    /// The exchange settles no contracts, so it sends nothing on this stream.
    Settlements,
}

impl PrivateStream {
    const ALL: [(&str, PrivateStream); 9] = [
        ("orders@account", PrivateStream::Orders),
        ("orders@session", PrivateStream::SessionOrders),
        ("balances@account", PrivateStream::Balances),
        ("balances@account@1s", PrivateStream::BalancesEachSecond),
        ("positions@account", PrivateStream::Positions),
        ("positions@account@1s", PrivateStream::PositionsEachSecond),
        ("requestForQuote@account", PrivateStream::Quotes),
        ("requestForQuote@session", PrivateStream::SessionQuotes),
        ("settlements@account", PrivateStream::Settlements),
    ];

    pub(crate) fn of_name(name: &str) -> Option<PrivateStream> {
        PrivateStream::ALL.iter().find(|(known, _)| *known == name).map(|(_, stream)| *stream)
    }

    pub(crate) fn name(self) -> &'static str {
        PrivateStream::ALL.iter().find(|(_, stream)| *stream == self).map_or("", |(name, _)| name)
    }

    pub(crate) const fn is_periodic(self) -> bool {
        matches!(self, PrivateStream::BalancesEachSecond | PrivateStream::PositionsEachSecond)
    }
}

/// How order events of private streams name their type in the member `e`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum OrderEventShape {
    /// `"e":"orderUpdate"`, as the venue specifies it.
    #[default]
    OrderUpdate,
    /// `"e":"executionReport"`.
    ExecutionReport,
    /// The member `e` is missing.
    WithoutType,
}

/// Writes an order event as an `orderUpdate`. Returns `None` if the event is the refusal of a request to cancel,
/// which the private streams do not report. Leaves out members that are empty or zero. A cancellation without a
/// reason contains neither the terms nor the remaining quantity of the order.
pub(crate) fn order_update(
    shape: OrderEventShape,
    order: &ClientOrder,
    event: &OrderEvent,
) -> Option<String> {
    let (status, reason) = match event.kind {
        EventKind::Accepted => ("NEW", None),
        EventKind::Booked => ("OPEN", None),
        EventKind::Filled { is_last: true, .. } => ("FILLED", None),
        EventKind::Filled { .. } => ("PARTIALLY_FILLED", None),
        EventKind::Canceled { reason } => ("CANCELED", reason),
        EventKind::Rejected { reason } => ("REJECTED", Some(reason)),
        EventKind::CancelRejected { .. } => return None,
    };
    let mut text = String::from(match shape {
        OrderEventShape::OrderUpdate => r#"{"e":"orderUpdate","#,
        OrderEventShape::ExecutionReport => r#"{"e":"executionReport","#,
        OrderEventShape::WithoutType => "{",
    });
    let request = order.request();
    let symbol = request.symbol.as_str().to_ascii_uppercase();
    text.push_str(&format!(r#""E":{},"s":"{symbol}","i":{}"#, event.time, order.id()));
    if event.kind == EventKind::Booked {
        push(&mut text, "h", &format!("op_{:x}", order.id()));
    }
    if let Some(client_order_id) = &request.client_order_id {
        text.push_str(&format!(r#","c":{}"#, Value::String(client_order_id.clone())));
    }
    let amounts = order.amounts(event.progress);
    let is_requested = matches!(event.kind, EventKind::Canceled { reason: None });
    if is_requested {
        push(&mut text, "X", status);
    } else {
        push_order(&mut text, request, status);
        if !matches!(event.kind, EventKind::Accepted | EventKind::Rejected { .. }) {
            push(&mut text, "z", &amounts.left.to_string());
        }
    }
    push_executed(&mut text, event, &amounts);
    if let Some(reason) = reason {
        push(&mut text, "r", reason);
    }
    text.push_str(&format!(r#","T":{}}}"#, event.time));
    Some(text)
}

/// Writes the terms of the order, and its status. The status comes after the type and before the other terms.
fn push_order(text: &mut String, request: &NewOrder, status: &str) {
    push(text, "S", if request.side == OrderSide::Buy { "BUY" } else { "SELL" });
    push(
        text,
        "o",
        match request.order_type {
            OrderType::Limit => "LIMIT",
            OrderType::Market => "MARKET",
            OrderType::StopLimit => "STOP_LIMIT",
        },
    );
    push(text, "X", status);
    if let Some(outcome) = request.outcome {
        push(text, "O", if outcome == Outcome::Yes { "YES" } else { "NO" });
    }
    push_decimal(text, "p", request.price);
    push_decimal(text, "P", request.stop_price);
    push_decimal(text, "q", Some(request.quantity));
}

/// Writes the members about executions. For a fill, `Z` is the quantity of this fill. For other events, `Z` is the
/// sum of the quantities of all fills, and the other members are left out.
fn push_executed(text: &mut String, event: &OrderEvent, amounts: &Amounts) {
    match event.kind {
        EventKind::Filled { fill, .. } => {
            push_decimal(text, "Z", Some(fill.quantity));
            push_decimal(text, "L", Some(fill.price));
            push_decimal(text, "a", amounts.average);
            text.push_str(&format!(r#","t":{}"#, fill.trade_id));
            push(text, "n", &fill.fee.to_string());
            text.push_str(if fill.is_maker { r#","m":true"# } else { r#","m":false"# });
        }
        _ => push_decimal(text, "Z", Some(amounts.executed)),
    }
}

/// Writes an `orderSnapshot`. It is unknown how the venue writes the orders in the array `orders`. This function
/// writes each of them like an order event.
///
/// A partly filled order gets the status `OPEN`. With the status `PARTIALLY_FILLED`, a client would add `Z`, the
/// executed quantity, as a further execution.
pub(crate) fn order_snapshot<'o>(
    shape: OrderEventShape,
    orders: impl Iterator<Item = &'o ClientOrder>,
    time: i64,
) -> String {
    let orders = orders.filter_map(|order| {
        let kind = if order.is_resting() { EventKind::Booked } else { EventKind::Accepted };
        let event = OrderEvent { order: order.id(), event_id: 0, time, kind, progress: order.progress() };
        order_update(shape, order, &event)
    });
    format!(r#"{{"e":"orderSnapshot","orders":[{}]}}"#, orders.collect::<Vec<String>>().join(","))
}

pub(crate) fn balance_update(balances: &[LedgerBalance], time: i64) -> String {
    let row = |balance: &LedgerBalance| {
        let LedgerBalance { asset, available, total } = balance;
        format!(r#"{{"a":{},"f":"{available}","c":"{total}"}}"#, Value::String(asset.clone()))
    };
    let rows = balances.iter().map(row).collect::<Vec<String>>().join(",");
    format!(r#"{{"e":"balanceUpdate","E":{time},"u":{time},"B":[{rows}]}}"#)
}

pub(crate) fn position_report(account: AccountId, positions: &[LedgerPosition], time: i64) -> String {
    let row = |position: &LedgerPosition| {
        let LedgerPosition { symbol, quantity } = position;
        format!(r#"{{"t":"ec","s":"{symbol}","a":[{{"t":"position","v":"{quantity}"}}]}}"#)
    };
    let rows = positions.iter().map(row).collect::<Vec<String>>().join(",");
    format!(r#"{{"e":"positionReport","E":{time},"u":{time},"A":{},"P":[{rows}]}}"#, account.0)
}

/// Writes a member whose value needs no escapes.
fn push(text: &mut String, name: &str, value: &str) {
    text.push_str(&format!(r#","{name}":"{value}""#));
}

fn push_decimal(text: &mut String, name: &str, value: Option<Decimal>) {
    if let Some(value) = value.filter(|value| !value.is_zero()) {
        push(text, name, &value.to_string());
    }
}
