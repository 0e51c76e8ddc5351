//! Tests that amounts are conserved: after random requests, the holdings of each account follow exactly from its
//! fills.

use std::collections::BTreeMap;
use std::time::Duration;

use gemini_ws::{Frame, Instant};

use super::Exchange;
use crate::account::Account;
use crate::account::holdings::Asset;
use crate::account::ledger::LedgerFill;
use crate::config::Config;
use crate::frame::upgrade::UpgradeRequest;
use crate::session::Output;
use crate::state::State;
use crate::value::amount::{self, Amount};
use crate::value::id::SessionId;
use crate::value::order::{OrderSide, OrderState, Outcome};
use crate::value::random::Random;

const SYMBOLS: [&str; 4] = ["btcusd", "ethusd", "ethbtc", "GEMI-A-UP"];
const ACCOUNTS: u64 = 3;

fn config() -> Config {
    let symbols = SYMBOLS.map(|name| name.parse().unwrap());
    let mut config = Config::market(symbols).events_per_second(100).orders_per_side(5).fees(10, 35);
    for number in 0..ACCOUNTS {
        let account = Account::new(format!("account-{number}"), "s").bearer_token(number.to_string());
        // The balance is small, so that some orders are too large for it.
        config = config.account(account.balance("BTC", "3.5".parse().unwrap()));
    }
    config
}

fn exchange(seed: u64) -> Exchange {
    let mut exchange = Exchange::new(config(), seed);
    for number in 0..ACCOUNTS {
        connect(&mut exchange, number, Instant::ZERO);
    }
    exchange
}

fn connect(exchange: &mut Exchange, number: u64, now: Instant) {
    let authorization = format!("Bearer {number}");
    let headers = [("Authorization", authorization.as_str())];
    let target = if number == 0 { "/?cancelOnDisconnect=true" } else { "/" };
    let request = UpgradeRequest { target, headers: &headers };
    exchange.handle_upgrade(SessionId(number), now, &request).unwrap();
    let streams = r#"["orders@account","balances@account","positions@account"]"#;
    let text = format!(r#"{{"id":1,"method":"subscribe","params":{streams}}}"#);
    exchange.handle_frame(SessionId(number), now, Frame::Text(&text));
}

fn request(exchange: &Exchange, random: &mut Random) -> String {
    if random.chance(1, 40) {
        return r#"{"id":1,"method":"order.cancel_all"}"#.to_owned();
    }
    if random.chance(1, 40) {
        return r#"{"id":1,"method":"order.cancel_session"}"#.to_owned();
    }
    let choose =
        |random: &mut Random, from: &[&str]| from[random.below(from.len() as u64) as usize].to_owned();
    let name = choose(random, &SYMBOLS);
    let book = exchange.book(name.parse().unwrap()).unwrap();
    let level = book.bids.iter().chain(&book.asks).nth(random.below(12) as usize);
    let price = level.map_or("1".to_owned(), |level| level.price.to_string());
    let side = choose(random, &["BUY", "SELL"]);
    let time = choose(random, &["GTC", "GTC", "GTC", "IOC", "FOK", "MOC"]);
    let (quantity, outcome) = match name.as_str() {
        "GEMI-A-UP" => (
            random.below(300).to_string(),
            format!(r#","eventOutcome":"{}""#, choose(random, &["YES", "NO"])),
        ),
        _ => (format!("0.{:06}", random.below(1_000_000)), String::new()),
    };
    let stop = if random.chance(1, 8) { format!(r#","stopPrice":"{price}""#) } else { String::new() };
    let members = format!(r#""symbol":"{name}","side":"{side}","quantity":"{quantity}"{outcome}"#);
    if random.chance(1, 6) {
        return format!(
            r#"{{"id":1,"method":"order.place","params":{{{members},"type":"MARKET","timeInForce":"IOC"}}}}"#
        );
    }
    format!(
        r#"{{"id":1,"method":"order.place","params":{{{members},"type":"LIMIT","timeInForce":"{time}","price":"{price}"{stop}}}}}"#
    )
}

/// Checks that the totals of each account follow from its `initial` totals and its fills, and that the amounts set
/// aside follow from its open orders.
fn check_books(exchange: &Exchange, initial: &[BTreeMap<Asset, Amount>]) {
    let broker = &exchange.broker;
    for (account, initial) in initial.iter().enumerate() {
        let mut expected: BTreeMap<Asset, [Amount; 2]> =
            initial.iter().map(|(asset, total)| (asset.clone(), [*total, 0])).collect();
        for order in broker.orders_of(account) {
            let Some(terms) = order.terms() else { continue };
            let ledger = order.ledger();
            for fill in &ledger.fills {
                let product = amount::of_decimal(fill.price.checked_mul(fill.quantity).unwrap());
                let quantity = amount::of_decimal(fill.quantity);
                let sign = if order.request().side == OrderSide::Buy { 1 } else { -1 };
                expected.entry(terms.base.clone()).or_default()[0] += sign * quantity;
                let quote = expected.entry(terms.quote.clone()).or_default();
                quote[0] -= sign * product + amount::of_decimal(fill.fee);
            }
            assert!(order.hold() >= 0 && (order.hold() == 0 || !ledger.state.is_final()));
            expected.entry(order.held_asset().unwrap().clone()).or_default()[1] += order.hold();
        }
        for (asset, total, held) in broker.holdings(account).unwrap().exact() {
            let known = expected.get(asset).copied().unwrap_or_default();
            assert_eq!([total, held], known, "account {account}, {asset:?}");
            assert!(0 <= held && held <= total, "account {account}, {asset:?}: {held} of {total}");
        }
    }
}

/// The part of one account in a trade: the position of the account, whether its order was the maker, the side and the
/// outcome of the order, and the fill.
type Part = (usize, bool, OrderSide, Option<Outcome>, LedgerFill);

/// Checks that the two fills of each trade between two accounts balance. Returns the number of all trades of
/// accounts, and the number of trades between two accounts. In the other trades, an account trades with the order
/// flow.
fn check_trades(exchange: &Exchange) -> (usize, usize) {
    let mut trades: BTreeMap<u64, Vec<Part>> = BTreeMap::new();
    for account in 0..exchange.broker.accounts().len() {
        for order in exchange.broker.orders_of(account) {
            for fill in &order.ledger().fills {
                let request = order.request();
                let entry = (account, fill.is_maker, request.side, request.outcome, *fill);
                trades.entry(fill.trade_id).or_default().push(entry);
            }
        }
    }
    let mut between = 0;
    for parts in trades.values() {
        match parts.as_slice() {
            [_] => {}
            [one, other] => {
                between += 1;
                assert_ne!(one.0, other.0, "nobody trades with himself");
                assert_ne!(one.1, other.1, "one of them was first");
                assert_eq!(one.4.quantity, other.4.quantity);
                if one.3 == other.3 {
                    assert_eq!(one.4.price, other.4.price);
                    assert_ne!(one.2, other.2);
                } else {
                    assert_eq!(one.4.price.checked_add(other.4.price), "1".parse().ok());
                    assert_eq!(one.2, other.2);
                }
            }
            _ => panic!("a trade of {} orders", parts.len()),
        }
    }
    (trades.len(), between)
}

#[test]
fn random_sessions() {
    let (mut trades, mut between, mut states) = (0, 0, BTreeMap::new());
    for seed in 0..6 {
        let mut exchange = exchange(seed);
        let exact = |account: usize| exchange.broker.holdings(account).unwrap().exact();
        let initial: Vec<BTreeMap<Asset, Amount>> = (0..ACCOUNTS as usize)
            .map(|account| exact(account).map(|(asset, total, _)| (asset.clone(), total)).collect())
            .collect();
        let mut random = Random::new(seed);
        let mut now = Instant::ZERO;
        for step in 0..1_500 {
            now = now + Duration::from_millis(random.below(40));
            let session = random.below(ACCOUNTS);
            if random.chance(1, 100) {
                exchange.handle_lost(SessionId(session), now);
                connect(&mut exchange, session, now);
            }
            let newest = exchange.broker.open_orders(session as usize).last().map(|order| order.id());
            let text = match newest {
                Some(id) if random.chance(1, 5) => {
                    format!(r#"{{"id":1,"method":"order.cancel","params":{{"orderId":"{id}"}}}}"#)
                }
                _ => request(&exchange, &mut random),
            };
            exchange.handle_frame(SessionId(session), now, Frame::Text(&text));
            while let Some(output) = exchange.poll_output() {
                let Output::Send { text, .. } = output else { continue };
                serde_json::from_str::<serde_json::Value>(&text).unwrap();
            }
            if step % 50 == 0 {
                check_books(&exchange, &initial);
            }
        }
        check_books(&exchange, &initial);
        // After a restart, the totals still follow from the fills. The amounts set aside are the same, except in an
        // account whose orders the restart cancels.
        let state = State::from_json(&exchange.save().to_json()).unwrap();
        let restored = Exchange::restore(config(), seed, &state).unwrap();
        check_books(&restored, &initial);
        for account in 0..ACCOUNTS as usize {
            let exact = |exchange: &Exchange| -> Vec<_> {
                let holdings = exchange.broker.holdings(account).unwrap();
                let exact = holdings.exact().filter(|(_, total, _)| *total != 0);
                exact.map(|(asset, total, held)| (asset.clone(), total, held)).collect()
            };
            let ended =
                exchange.broker.open_orders(account).count() - restored.broker.open_orders(account).count();
            // Only the session of account 0 has `cancelOnDisconnect`.
            assert_eq!(ended > 0, account == 0 && exchange.broker.open_orders(0).count() > 0);
            assert!(ended > 0 || exact(&exchange) == exact(&restored), "seed {seed}, account {account}");
        }
        assert_eq!(check_trades(&restored), check_trades(&exchange));
        let counts = check_trades(&exchange);
        trades += counts.0;
        between += counts.1;
        for account in 0..ACCOUNTS as usize {
            for order in exchange.broker.orders_of(account) {
                let ledger = order.ledger();
                *states.entry((ledger.state, ledger.reason)).or_insert(0) += 1;
            }
        }
    }
    assert!(trades > 1_000 && between > 50, "{trades} trades, {between} of them between accounts");
    for expected in [
        (OrderState::Filled, None),
        (OrderState::Canceled, None),
        (OrderState::Canceled, Some("SelfCrossPrevented")),
        (OrderState::Canceled, Some("FillOrKillWouldNotFill")),
        (OrderState::Canceled, Some("ImmediateOrCancelWouldPost")),
        (OrderState::Canceled, Some("MakerOrCancelWouldTake")),
        (OrderState::Rejected, Some("InsufficientFunds")),
        (OrderState::Rejected, Some("InvalidQuantity")),
    ] {
        assert!(states.contains_key(&expected), "{expected:?} of {states:?}");
    }
}
