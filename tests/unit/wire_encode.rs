//! Tests the encoding of requests.

use super::*;
use crate::message::RawJson;
use alloc::vec;

#[test]
fn requests() {
    let names = ["btcusd@bookTicker", "BTCUSD@depth@100ms"].map(|name| name.parse::<Stream>().unwrap());
    let symbol = "BTCUSD".parse().unwrap();
    let quote = |valid_until, client_id| {
        Request::SubmitQuote(NewQuote {
            rfq_id: "r\"1".parse().unwrap(),
            price: "0.42".parse().unwrap(),
            quantity: "100".parse().unwrap(),
            valid_until,
            client_id,
        })
    };
    let raw = |method: &str| Request::raw(method, None);
    let table = [
        (
            Request::Subscribe(names.to_vec()),
            r#"{"id":4,"method":"subscribe","params":["btcusd@bookTicker","btcusd@depth@100ms"]}"#,
        ),
        (
            Request::Unsubscribe(vec![names[0]]),
            r#"{"id":4,"method":"unsubscribe","params":["btcusd@bookTicker"]}"#,
        ),
        (Request::Ping, r#"{"id":4,"method":"ping"}"#),
        (
            Request::Depth { symbol, limit: Some(100) },
            r#"{"id":4,"method":"depth","params":{"symbol":"btcusd","limit":100}}"#,
        ),
        (Request::Depth { symbol, limit: None }, r#"{"id":4,"method":"depth","params":{"symbol":"btcusd"}}"#),
        (
            quote(None, None),
            r#"{"id":4,"method":"rfq.submit_quote","params":{"rfqId":"r\"1","price":"0.42","quantity":"100"}}"#,
        ),
        (raw("a\"\\\n"), r#"{"id":4,"method":"a\"\\\u000a"}"#),
        (
            Request::raw("order.cancel", RawJson::new(r#"{"orderId":7}"#).ok()),
            r#"{"id":4,"method":"order.cancel","params":{"orderId":7}}"#,
        ),
    ];
    for (request, expected) in table {
        assert_eq!(request.encode(4), expected);
    }
}
