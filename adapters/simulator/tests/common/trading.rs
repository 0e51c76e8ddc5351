//! Two accounts, a market without order flow, and short texts for frames.

use std::time::Duration;

use gemini_ws::{Frame, Instant};
use gemini_ws_simulator::{Account, AccountId, Config, Exchange, Output, SessionId, UpgradeRequest};
use serde_json::Value;

pub const FIRST: SessionId = SessionId(1);
pub const SECOND: SessionId = SessionId(2);

pub struct Floor {
    pub exchange: Exchange,
    pub now: Instant,
}

pub fn with_accounts(config: Config) -> Config {
    config
        .account(Account::new("account-one", "secret").bearer_token("one"))
        .account(Account::new("account-two", "secret").bearer_token("two").name("second"))
}

impl Floor {
    pub fn new(config: Config, seed: u64) -> Floor {
        Floor { exchange: Exchange::new(with_accounts(config), seed), now: Instant::ZERO }
    }

    /// Creates a market in which both accounts are connected and subscribed to their orders. It has btcusd and
    /// GEMI-A-UP without order flow. The books are empty, except for a bid and an ask of btcusd far from the market.
    pub fn quiet(config: impl FnOnce(Config) -> Config) -> Floor {
        let market = super::market(&["btcusd", "GEMI-A-UP"]).events_per_second(0).orders_per_side(1);
        let mut floor = Floor::new(config(market), 1);
        floor.connect(SECOND, "two", "/");
        let sides = [("BUY", "YES"), ("SELL", "NO")];
        for (side, _) in sides {
            floor.place(SECOND, &format!("btcusd {side} MARKET IOC 900"));
        }
        for (_, outcome) in sides {
            floor.place(SECOND, &format!("GEMI-A-UP BUY MARKET IOC 500000 - - {outcome}"));
        }
        floor.exchange.handle_lost(SECOND, floor.now);
        for (session, token) in [(FIRST, "one"), (SECOND, "two")] {
            floor.connect(session, token, "/");
            floor.send(session, &super::request("subscribe", &["orders@account"]));
        }
        floor
    }

    pub fn account(&self, position: usize) -> AccountId {
        self.exchange.accounts().nth(position).unwrap()
    }

    pub fn connect(&mut self, session: SessionId, token: &str, target: &str) {
        let authorization = format!("Bearer {token}");
        let request = UpgradeRequest { target, headers: &[("Authorization", &authorization)] };
        self.exchange.handle_upgrade(session, self.now, &request).unwrap();
    }

    pub fn send(&mut self, session: SessionId, text: &str) -> Vec<(SessionId, String)> {
        self.exchange.handle_frame(session, self.now, Frame::Text(text));
        self.texts()
    }

    pub fn texts(&mut self) -> Vec<(SessionId, String)> {
        let outputs = std::iter::from_fn(|| self.exchange.poll_output());
        let text = |output| match output {
            Output::Send { session, text } => Some((session, text)),
            _ => None,
        };
        outputs.filter_map(text).collect()
    }

    pub fn run(&mut self, duration: Duration) -> Vec<(SessionId, String)> {
        let end = self.now + duration;
        let mut texts = self.texts();
        while let Some(now) = self.exchange.deadline().filter(|now| *now <= end) {
            self.exchange.handle_timeout(now);
            texts.extend(self.texts());
        }
        self.now = end;
        texts
    }

    /// Places an order of the form `symbol side type time-in-force quantity price stop outcome id`. The last parts
    /// may be missing or `-`. Returns the frames that the exchange sends at once, as short texts.
    pub fn place(&mut self, session: SessionId, order: &str) -> Vec<String> {
        let texts = self.send(session, &place(order));
        short(&texts)
    }

    pub fn cancel(&mut self, session: SessionId, order: u64) -> Vec<String> {
        let text = format!(r#"{{"id":7,"method":"order.cancel","params":{{"orderId":"{order}"}}}}"#);
        let texts = self.send(session, &text);
        short(&texts)
    }

    pub fn newest(&self, account: usize) -> u64 {
        self.exchange.orders(self.account(account)).last().unwrap().order_id
    }

    pub fn balance(&self, account: usize, asset: &str) -> String {
        let balances = self.exchange.balances(self.account(account));
        let balance = balances.into_iter().find(|balance| balance.asset == asset).unwrap();
        format!("{} of {}", balance.available, balance.total)
    }
}

/// Returns the request for an order of the form that [`Floor::place`] describes.
pub fn place(order: &str) -> String {
    let names = [
        "symbol",
        "side",
        "type",
        "timeInForce",
        "quantity",
        "price",
        "stopPrice",
        "eventOutcome",
        "clientOrderId",
    ];
    let members = names.iter().zip(order.split(' ')).filter(|(_, value)| *value != "-");
    let members: Vec<String> = members.map(|(name, value)| format!(r#""{name}":"{value}""#)).collect();
    format!(r#"{{"id":7,"method":"order.place","params":{{{}}}}}"#, members.join(","))
}

/// Returns replies and order events as short texts, each with its session: `1: 200`, `2: FILLED 0.1@5 maker`.
pub fn short(texts: &[(SessionId, String)]) -> Vec<String> {
    texts.iter().map(|(session, text)| format!("{}: {}", session.0, short_text(text))).collect()
}

fn short_text(text: &str) -> String {
    let value: Value = serde_json::from_str(text).unwrap();
    let text_of = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    if let Some(status) = value.get("status") {
        let error =
            value.get("error").map(|error| format!(" {} {}", error["code"], error["msg"].as_str().unwrap()));
        return format!("{status}{}", error.unwrap_or_default());
    }
    if let Some(array) = value.as_array() {
        return array.iter().map(|event| event["type"].as_str().unwrap()).collect::<Vec<_>>().join(" ");
    }
    let Some(status) = text_of("X") else { return text.to_owned() };
    let mut short = status;
    if let Some(price) = text_of("L") {
        let role = if value["m"] == true { "maker" } else { "taker" };
        short = format!("{short} {}@{price} {role}", text_of("Z").unwrap());
    } else if let Some(executed) = text_of("Z") {
        short = format!("{short} {executed}");
    }
    short + &text_of("r").map(|reason| format!(" {reason}")).unwrap_or_default()
}
