//! Reading the requests about orders.

use gemini_ws::{Decimal, Symbol};
use serde_json::{Map, Value};

use crate::frame::refusal::Refusal;
use crate::value::instrument::is_prediction;
use crate::value::order::{NewOrder, OrderSide, OrderType, Outcome, TimeInForce};

/// The maximum length of a client order id, in bytes.
pub(crate) const CLIENT_ID_MAX: usize = 36;

/// A request about orders. The exchange reads its parameters only after it has checked the session's account.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OrderRequest {
    pub(crate) method: OrderMethod,
    pub(crate) parameters: Option<Value>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum OrderMethod {
    Place,
    Cancel,
    CancelAll,
    CancelSession,
}

/// Reads a new order, and refuses missing or malformed parameters. The broker later rejects well-formed values that
/// are impossible.
pub(crate) fn new_order(parameters: Option<&Value>) -> Result<NewOrder, Refusal> {
    let order = parameters.and_then(Value::as_object).and_then(read_order);
    order.ok_or_else(Refusal::invalid_parameters)
}

fn read_order(members: &Map<String, Value>) -> Option<NewOrder> {
    let text = |name: &str| members.get(name).map(|value| value.as_str().ok_or(()));
    let optional = |name: &str| text(name).transpose().ok();
    let decimal = |name: &str| match optional(name)? {
        Some(text) => text.parse::<Decimal>().ok().map(Some),
        None => Some(None),
    };
    let symbol = optional("symbol")??.parse::<Symbol>().ok()?.canonical();
    let side = match optional("side")?? {
        "BUY" => OrderSide::Buy,
        "SELL" => OrderSide::Sell,
        _ => return None,
    };
    let time_in_force = match optional("timeInForce")?? {
        "GTC" => TimeInForce::GoodTillCanceled,
        "IOC" => TimeInForce::ImmediateOrCancel,
        "FOK" => TimeInForce::FillOrKill,
        "MOC" => TimeInForce::MakerOrCancel,
        _ => return None,
    };
    let (price, stop_price) = (decimal("price")?, decimal("stopPrice")?);
    let order_type = match (optional("type")??, price, stop_price) {
        ("LIMIT", Some(_), None) => OrderType::Limit,
        ("LIMIT", Some(_), Some(_)) => OrderType::StopLimit,
        // A market order cannot rest in the book, so it cannot be a `MakerOrCancel`.
        ("MARKET", None, None) if time_in_force != TimeInForce::MakerOrCancel => OrderType::Market,
        _ => return None,
    };
    let outcome = match optional("eventOutcome")? {
        Some("YES") => Some(Outcome::Yes),
        Some("NO") => Some(Outcome::No),
        Some(_) => return None,
        None => None,
    };
    if outcome.is_some() != is_prediction(symbol) {
        return None;
    }
    let client_order_id = optional("clientOrderId")?.map(str::to_owned);
    if client_order_id.as_deref().is_some_and(|id| !is_client_id(id)) {
        return None;
    }
    let quantity = decimal("quantity")??;
    Some(NewOrder {
        symbol,
        side,
        order_type,
        time_in_force,
        quantity,
        price,
        stop_price,
        client_order_id,
        outcome,
    })
}

pub(crate) fn is_client_id(id: &str) -> bool {
    (1..=CLIENT_ID_MAX).contains(&id.len()) && id.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

pub(crate) fn cancelled_order(parameters: Option<&Value>) -> Result<u64, Refusal> {
    let id = parameters.and_then(|parameters| parameters.get("orderId")).and_then(Value::as_str);
    let id = id.filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()));
    let id = id.ok_or_else(Refusal::invalid_parameters)?;
    // No order has the id 0, so 0 can replace an id that is too large.
    Ok(id.parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<NewOrder> {
        new_order(Some(&serde_json::from_str(text).unwrap())).ok()
    }

    const LIMIT: &str = r#"{"symbol":"BTCUSD","side":"BUY","type":"LIMIT","timeInForce":"GTC","price":"45000.50","quantity":"0.1","clientOrderId":"my-order-1"}"#;

    #[test]
    fn orders() {
        let order = read(LIMIT).unwrap();
        assert_eq!((order.symbol.as_str(), order.client_order_id.as_deref()), ("btcusd", Some("my-order-1")));
        assert_eq!(order.price.unwrap().to_string(), "45000.50");
        for (text, order_type) in [
            (
                r#"{"symbol":"btcusd","side":"SELL","type":"MARKET","timeInForce":"IOC","quantity":"1"}"#,
                OrderType::Market,
            ),
            (
                r#"{"symbol":"btcusd","side":"BUY","type":"LIMIT","timeInForce":"GTC","price":"2","stopPrice":"1","quantity":"1"}"#,
                OrderType::StopLimit,
            ),
            (
                r#"{"symbol":"GEMI-A-UP","side":"BUY","type":"LIMIT","timeInForce":"FOK","price":"0.5","quantity":"1","eventOutcome":"NO"}"#,
                OrderType::Limit,
            ),
        ] {
            assert_eq!(read(text).map(|order| order.order_type), Some(order_type), "{text}");
        }
    }

    #[test]
    fn malformed_orders() {
        for (from, to) in [
            (r#""BTCUSD""#, "1"),
            (r#""BTCUSD""#, r#""""#),
            (r#""BTCUSD""#, r#""GEMI-A-UP""#),
            (r#""BUY""#, r#""buy""#),
            (r#""LIMIT""#, r#""MARKET""#),
            (r#""LIMIT""#, r#""STOP_LIMIT""#),
            (r#""GTC""#, r#""DAY""#),
            (r#""45000.50""#, "45000.50"),
            (r#""45000.50""#, r#""4.5e4""#),
            (r#""price":"45000.50","#, ""),
            (r#""quantity":"0.1","#, ""),
            (r#""0.1""#, r#""""#),
            ("my-order-1", ""),
            ("my-order-1", "0123456789012345678901234567890123456"),
            (r#""my-order-1""#, "7"),
            (r#""clientOrderId":"my-order-1""#, r#""eventOutcome":"YES""#),
            (r#""clientOrderId":"my-order-1""#, r#""stopPrice":null"#),
        ] {
            let text = LIMIT.replace(from, to);
            assert_ne!(text, LIMIT);
            assert_eq!(read(&text), None, "{text}");
        }
        assert!(new_order(None).is_err());
    }

    #[test]
    fn cancellations() {
        let read = |text: &str| cancelled_order(Some(&serde_json::from_str(text).unwrap())).ok();
        assert_eq!(read(r#"{"orderId":"73797746498585286"}"#), Some(73_797_746_498_585_286));
        assert_eq!(read(r#"{"orderId":"99999999999999999999999"}"#), Some(0));
        for refused in
            [r#"{"orderId":73797746498585286}"#, r#"{"orderId":"x"}"#, r#"{"orderId":""}"#, "{}", "[]"]
        {
            assert_eq!(read(refused), None, "{refused}");
        }
    }
}
