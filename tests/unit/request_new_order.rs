//! Tests the orders that `NewOrder` refuses, and client order ids.

use alloc::string::String;

use super::*;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn wrong_orders_are_not_made() {
    use Side::{Buy, Sell};
    let (id, symbol) = ("a", "btcusd");
    let limit = |quantity, price| NewOrder::limit(id, symbol, Buy, decimal(quantity), decimal(price));
    let stop = |side, stop, price| {
        NewOrder::stop_limit(id, symbol, side, decimal("1"), decimal(stop), decimal(price))
    };
    let market = |time_in_force| {
        NewOrder::market(id, symbol, Sell, decimal("1")).and_then(|order| order.time_in_force(time_in_force))
    };
    let table = [
        (limit("1", "2"), None),
        (limit("0.00", "2"), Some(InvalidOrder::Quantity)),
        (limit("-1", "2"), Some(InvalidOrder::Quantity)),
        (limit("1", "0"), Some(InvalidOrder::Price)),
        (stop(Buy, "99", "100"), None),
        (stop(Buy, "100", "100"), None),
        (stop(Buy, "101", "100"), Some(InvalidOrder::StopPrice)),
        (stop(Sell, "101", "100"), None),
        (stop(Sell, "99", "100"), Some(InvalidOrder::StopPrice)),
        (stop(Buy, "0", "100"), Some(InvalidOrder::StopPrice)),
        (market(TimeInForce::FillOrKill), None),
        (market(TimeInForce::MakerOrCancel), Some(InvalidOrder::TimeInForce)),
    ];
    for (position, (order, wrong)) in table.into_iter().enumerate() {
        assert_eq!(order.err(), wrong, "row {position}");
    }
}

#[test]
fn client_order_ids() {
    for (text, valid) in
        [("a", true), ("A-b_c.#:\"\\", true), (&"x".repeat(36), true), (&"x".repeat(37), false)]
            .into_iter()
            .chain([("", false), ("a b", false), ("é", false), ("a\n", false)])
    {
        assert_eq!(text.parse::<ClientOrderId>().is_ok(), valid, "{text}");
    }
}

/// A function that takes a value as a text accepts a `String` too, for example one that `format!` returns.
#[test]
fn owned_texts() {
    let [id, symbol, quantity, price] = ["my-1", "btcusd", "0.5", "20000"].map(String::from);
    let owned = NewOrder::limit(id, symbol, Side::Buy, quantity, price).unwrap();
    assert_eq!(owned, NewOrder::limit("my-1", "btcusd", Side::Buy, "0.5", "20000").unwrap());
    assert!(NewOrder::limit(String::from("my-1"), "btcusd", Side::Buy, String::from("x"), "1").is_err());
    let stream = crate::Stream::try_from(String::from("btcusd@trade"));
    assert_eq!(stream, "btcusd@trade".parse());
}
