//! Tests that the frames of clients agree with the exchange's own record of orders and balances.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::common;
use crate::common::request;
use crate::common::trading::{FIRST, Floor, SECOND, place};
use gemini_ws::Decimal;
use gemini_ws_simulator::{OrderState, SessionId};
use serde_json::Value;

struct Choices(u64);

impl Choices {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len() as u64) as usize]
    }
}

/// An execution of an order: the trade id, the price, the quantity, the fee, and whether the order was the maker.
type Fill = (u64, Decimal, Decimal, Decimal, bool);

#[derive(Debug, Default)]
struct View {
    /// The last status of each order, and its fills.
    orders: BTreeMap<u64, (String, Vec<Fill>)>,
    /// The available and the total amount of each currency.
    balances: BTreeMap<String, (Decimal, Decimal)>,
    positions: BTreeMap<String, Decimal>,
}

impl View {
    fn apply(&mut self, text: &str) {
        let frame: Value = serde_json::from_str(text).unwrap();
        let decimal = |value: &Value| value.as_str().unwrap().parse::<Decimal>().unwrap();
        match frame["e"].as_str() {
            Some("orderUpdate") => {
                let order = self.orders.entry(frame["i"].as_u64().unwrap()).or_default();
                order.0 = frame["X"].as_str().unwrap().to_owned();
                if let Some(trade) = frame["t"].as_u64() {
                    let [price, quantity, fee] = ["L", "Z", "n"].map(|name| decimal(&frame[name]));
                    order.1.push((trade, price, quantity, fee, frame["m"].as_bool().unwrap()));
                } else if order.0 == "CANCELED" {
                    let cumulative = frame.get("Z").map_or(Decimal::ZERO, decimal);
                    let sum =
                        order.1.iter().fold(Decimal::ZERO, |sum, fill| sum.checked_add(fill.2).unwrap());
                    assert_eq!(cumulative, sum, "{text}");
                }
            }
            Some("balanceUpdate") => {
                for row in frame["B"].as_array().unwrap() {
                    let asset = row["a"].as_str().unwrap().to_owned();
                    self.balances.insert(asset, (decimal(&row["f"]), decimal(&row["c"])));
                }
            }
            Some("positionReport") => {
                for row in frame["P"].as_array().unwrap() {
                    self.positions.insert(row["s"].as_str().unwrap().to_owned(), decimal(&row["a"][0]["v"]));
                }
            }
            _ => {}
        }
    }

    fn compare(&self, floor: &Floor, account: usize) {
        let account = floor.account(account);
        let orders = floor.exchange.orders(account);
        assert_eq!(orders.len(), self.orders.len());
        for order in orders {
            let (status, fills) = &self.orders[&order.order_id];
            let known = match order.state {
                OrderState::New => "NEW",
                OrderState::Open => "OPEN",
                OrderState::PartiallyFilled => "PARTIALLY_FILLED",
                OrderState::Filled => "FILLED",
                OrderState::Canceled => "CANCELED",
                OrderState::Rejected => "REJECTED",
            };
            assert_eq!(status, known, "{order:?}");
            let known = order.fills.iter();
            let known: Vec<_> = known
                .map(|fill| (fill.trade_id, fill.price, fill.quantity, fill.fee, fill.is_maker))
                .collect();
            assert_eq!(*fills, known);
        }
        for balance in floor.exchange.balances(account) {
            assert_eq!(
                self.balances[&balance.asset],
                (balance.available, balance.total),
                "{}",
                balance.asset
            );
        }
        let positions = self.positions.iter().filter(|(_, quantity)| !quantity.is_zero());
        let known = floor.exchange.positions(account);
        let known = known.iter().map(|position| (position.symbol.to_string(), position.quantity));
        assert_eq!(
            positions.map(|(symbol, quantity)| (symbol.clone(), *quantity)).collect::<Vec<_>>(),
            known.collect::<Vec<_>>()
        );
    }
}

#[test]
fn views_are_true() {
    for seed in 0..4 {
        let market = common::market(&["btcusd", "ethusd", "GEMI-A-UP"]).events_per_second(60);
        let mut floor = Floor::new(market.fees(5, 25).orders_per_side(10), seed);
        let sessions = [FIRST, SECOND];
        let mut views = BTreeMap::from(sessions.map(|session| (session, View::default())));
        let mut choices = Choices(seed);
        let mut texts: Vec<(SessionId, String)> = Vec::new();
        for (session, token) in [(FIRST, "one"), (SECOND, "two")] {
            floor.connect(session, token, "/");
            let streams = ["orders@account", "balances@account", "positions@account"];
            texts.extend(floor.send(session, &request("subscribe", &streams)));
        }
        for step in 0..600 {
            let session = sessions[choices.below(2) as usize];
            let symbol = choices.of(&["btcusd", "ethusd", "GEMI-A-UP"]);
            let book = floor.exchange.book(common::symbol(symbol)).unwrap();
            let levels: Vec<_> = book.bids.iter().chain(&book.asks).collect();
            let level = choices.below(levels.len().clamp(1, 12) as u64) as usize;
            // The book of the contract may be empty for a while.
            let price = levels.get(level).map_or("0.5".parse().unwrap(), |level| level.price);
            let side = choices.of(&["BUY", "SELL"]);
            let terms = choices.of(&["LIMIT GTC", "LIMIT GTC", "LIMIT IOC", "LIMIT MOC", "MARKET IOC"]);
            let price = if terms == "MARKET IOC" { "-".to_owned() } else { price.to_string() };
            let (quantity, outcome) = match symbol {
                "GEMI-A-UP" => (format!("{}", 1 + choices.below(500)), choices.of(&["YES", "NO"])),
                _ => (format!("0.{:04}", 1 + choices.below(9_999)), "-"),
            };
            let text = place(&format!("{symbol} {side} {terms} {quantity} {price} - {outcome}"));
            texts.extend(floor.send(session, &text));
            if choices.below(20) == 0 {
                texts.extend(floor.send(session, r#"{"id":1,"method":"order.cancel_all"}"#));
            }
            texts.extend(floor.run(Duration::from_millis(choices.below(100))));
            for (session, text) in texts.drain(..) {
                views.get_mut(&session).unwrap().apply(&text);
            }
            if step % 100 == 99 {
                views[&FIRST].compare(&floor, 0);
                views[&SECOND].compare(&floor, 1);
            }
        }
        let fills: usize = views[&FIRST].orders.values().map(|(_, fills)| fills.len()).sum();
        assert!(fills > 100, "{fills}");
    }
}

/// The exchange answers or ignores a request with one damaged byte, whichever byte it is. Once all orders are
/// cancelled, the whole of each balance is available.
#[test]
fn damaged_orders_do_no_harm() {
    let mut floor = Floor::quiet(|config| config);
    let requests = [
        place("btcusd BUY LIMIT GTC 0.10 45000.50 45000 - my-order-1"),
        place("GEMI-A-UP BUY LIMIT FOK 100 0.26 - YES my-order-5"),
        r#"{"id":"15","method":"order.cancel","params":{"orderId":"73797746498585286"}}"#.to_owned(),
        r#"{"id":"17","method":"order.cancel_all"}"#.to_owned(),
    ];
    for request in requests {
        for position in 0..request.len() {
            for byte in [b'"', b'\\', b'0', b'9', b'-', b'.', b'{', b']', b' '] {
                let mut bytes = request.as_bytes().to_vec();
                bytes[position] = byte;
                for (_, text) in floor.send(FIRST, &String::from_utf8(bytes).unwrap()) {
                    serde_json::from_str::<Value>(&text).unwrap();
                }
                floor.run(Duration::from_millis(5));
            }
        }
    }
    floor.send(FIRST, r#"{"id":1,"method":"order.cancel_all"}"#);
    for balance in floor.exchange.balances(floor.account(0)) {
        assert_eq!(balance.available, balance.total);
    }
}
