//! Tests that this crate encodes every request of the reference.

use std::collections::BTreeSet;

use gemini_ws::{
    ClientOrderId, Decimal, EventOutcome, MarketDataRequest, NewOrder, NewQuote, RawJson, Request, Side,
    Stream, Symbol, TimeInForce, Timestamp,
};
use serde_json::Value;

use super::reference;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn symbol(text: &str) -> Symbol {
    text.parse().unwrap()
}

fn id(text: &str) -> ClientOrderId {
    text.parse().unwrap()
}

fn streams(names: &[&str]) -> Vec<Stream> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn limit(client_order_id: &str, name: &str, direction: Side, quantity: &str, price: &str) -> NewOrder {
    NewOrder::limit(id(client_order_id), symbol(name), direction, decimal(quantity), decimal(price)).unwrap()
}

fn requests() -> Vec<(&'static str, &'static str, Request)> {
    use Side::{Buy, Sell};
    let post_only = limit("my-order-2", "btcusd", Sell, "0.1", "45001.00");
    let market = NewOrder::market(id("my-order-3"), symbol("btcusd"), Buy, decimal("0.1"));
    let [quantity, stop, price] = ["0.1", "45050.00", "45100.00"].map(decimal);
    let stop_limit = NewOrder::stop_limit(id("my-order-4"), symbol("btcusd"), Buy, quantity, stop, price);
    let prediction = limit("my-order-5", "GEMI-PRES2028-VANCE", Buy, "100", "0.26");
    let place = Request::PlaceOrder;
    let [rfq_id, quote_id] = ["rfq-1", "quote-77"].map(|id| id.parse().unwrap());
    let raw = |method: &str, params: &str| Request::raw(method, Some(RawJson::new(params).unwrap()));
    vec![
        ("request.ping", "1", Request::Ping),
        ("request.time", "2", Request::Time),
        ("request.conninfo", "3", Request::ConnectionInfo),
        (
            "request.subscribe.lower",
            "4",
            Request::Subscribe(streams(&["btcusd@bookTicker", "btcusd@depth@100ms"])),
        ),
        // No other constructor makes the spelling in upper case.
        ("request.subscribe.upper", "1", raw("SUBSCRIBE", r#"["btcusd@trade"]"#)),
        (
            "request.subscribe.private",
            "5",
            Request::Subscribe(streams(&["orders@account", "balances@account"])),
        ),
        ("request.unsubscribe", "6", Request::Unsubscribe(streams(&["btcusd@bookTicker"]))),
        ("request.list_subscriptions", "7", Request::ListSubscriptions),
        ("request.depth", "8", Request::Depth { symbol: symbol("btcusd"), limit: Some(100) }),
        ("request.order_place.limit", "10", place(limit("my-order-1", "btcusd", Buy, "0.1", "45000.50"))),
        (
            "request.order_place.post_only",
            "11",
            place(post_only.time_in_force(TimeInForce::MakerOrCancel).unwrap()),
        ),
        ("request.order_place.market", "12", place(market.unwrap())),
        ("request.order_place.stop_limit", "13", place(stop_limit.unwrap())),
        ("request.order_place.prediction", "14", place(prediction.outcome(EventOutcome::Yes))),
        ("request.order_cancel", "15", Request::CancelOrder { order_id: 73_797_746_498_585_286 }),
        // The venue refuses the number, so no other constructor makes one.
        ("request.order_cancel.numeric", "16", raw("order.cancel", r#"{"orderId":73797746498585286}"#)),
        ("request.order_cancel_all", "17", Request::CancelAllOrders),
        ("request.order_cancel_session", "18", Request::CancelSessionOrders),
        (
            "request.rfq_submit_quote",
            "20",
            Request::SubmitQuote(NewQuote {
                rfq_id,
                price: decimal("0.42"),
                quantity: decimal("100"),
                valid_until: Timestamp::from_millis(1_790_732_660_000),
                client_id: Some(id("quote-1")),
            }),
        ),
        ("request.rfq_withdraw_quote", "21", Request::WithdrawQuote { rfq_id, quote_id }),
        ("request.rfq_confirm_quote", "22", Request::ConfirmQuote { rfq_id, quote_id, confirm: true }),
    ]
}

fn market_data_requests() -> [(&'static str, MarketDataRequest); 5] {
    let books_and_candles =
        || streams(&["BTCUSD@depth", "ETHBTC@depth", "BTCUSD@candles_1m", "ETHBTC@candles_1m"]);
    [
        ("request.subscribe.l2", MarketDataRequest::Subscribe(streams(&["btcusd@depth", "ethusd@depth"]))),
        ("request.subscribe.l2_and_candles", MarketDataRequest::Subscribe(books_and_candles())),
        ("request.unsubscribe", MarketDataRequest::Unsubscribe(books_and_candles())),
        ("request.subscribe.mark_price", MarketDataRequest::Subscribe(streams(&["btc-gusd-perp@markPrice"]))),
        (
            "request.subscribe.funding_amount",
            MarketDataRequest::Subscribe(streams(&["btcgusdperp@fundingAmount"])),
        ),
    ]
}

#[test]
fn every_request_is_made_as_in_its_example() {
    let Some(examples) = reference::examples() else { return };
    let mut made: Vec<(String, String)> = Vec::new();
    for (name, id, request) in requests() {
        // The id of this example is a number.
        let text = match name {
            "request.subscribe.upper" => request.encode(id.parse().unwrap()),
            _ => request.encode_with_text_id(id),
        };
        made.push((format!("ws-gemini-com/{name}.json"), text));
    }
    for (name, request) in market_data_requests() {
        made.push((format!("marketdata-v2/{name}.json"), request.encode()));
    }
    let sent: BTreeSet<&str> =
        examples.iter().filter(|example| !example.is_sent_by_venue).map(|it| it.file.as_str()).collect();
    let known: BTreeSet<&str> = made.iter().map(|(file, _)| file.as_str()).collect();
    assert_eq!(sent, known, "an example without a request, or a request without an example");
    assert_eq!(known.len(), made.len(), "an example has two requests");
    for (file, text) in &made {
        let example = examples.iter().find(|example| example.file == *file).unwrap();
        let [expected, found] = [&example.text, text].map(|text| {
            let value: Value = serde_json::from_str(text).expect(file);
            value
        });
        assert_eq!(found, expected, "{file}");
    }
}
