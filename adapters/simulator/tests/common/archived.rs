//! Helpers for the tests of the archived endpoints. They read frames as plain JSON.

use std::collections::BTreeMap;

use gemini_ws::{Decimal, Instant, Level};
use gemini_ws_simulator::{Exchange, SessionId, TrueBook, UpgradeRefusal, UpgradeRequest};
use serde_json::Value;

pub fn upgrade(exchange: &mut Exchange, target: &str) -> Result<(), UpgradeRefusal> {
    upgrade_as(exchange, SessionId(1), Instant::ZERO, target)
}

pub fn upgrade_as(
    exchange: &mut Exchange,
    session: SessionId,
    now: Instant,
    target: &str,
) -> Result<(), UpgradeRefusal> {
    exchange.handle_upgrade(session, now, &UpgradeRequest { target, headers: &[] })
}

pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} {text}"))
}

pub fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no text {name}: {value}"))
}

pub fn decimal(value: &Value) -> Decimal {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no decimal: {value}"))
}

pub fn names(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Levels {
    pub bids: BTreeMap<Decimal, Decimal>,
    pub asks: BTreeMap<Decimal, Decimal>,
}

impl Levels {
    fn side_mut(&mut self, side: &str) -> &mut BTreeMap<Decimal, Decimal> {
        match side {
            "buy" | "bid" => &mut self.bids,
            "sell" | "ask" => &mut self.asks,
            _ => panic!("no side: {side}"),
        }
    }

    /// Sets a level and returns its former quantity.
    pub fn set(&mut self, side: &str, price: Decimal, quantity: Decimal) -> Decimal {
        let former = if quantity.is_zero() {
            self.side_mut(side).remove(&price)
        } else {
            self.side_mut(side).insert(price, quantity)
        };
        former.unwrap_or(Decimal::ZERO)
    }

    pub fn replace(&mut self, side: &str, price: Decimal, quantity: Decimal) {
        self.side_mut(side).clear();
        self.set(side, price, quantity);
    }

    pub fn is_crossed(&self) -> bool {
        let best = (self.bids.last_key_value(), self.asks.first_key_value());
        matches!(best, (Some((bid, _)), Some((ask, _))) if bid >= ask)
    }

    /// Returns the first `count` levels of each side of the exchange's own book.
    pub fn of_book(book: &TrueBook, count: usize) -> Levels {
        let side =
            |levels: &[Level]| levels.iter().take(count).map(|level| (level.price, level.quantity)).collect();
        Levels { bids: side(&book.bids), asks: side(&book.asks) }
    }
}
