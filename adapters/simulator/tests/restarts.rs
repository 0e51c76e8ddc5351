//! Tests restarts: the exchange never repeats ids, and it saves and restores its state.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::common;
use crate::common::rest::{ask, headers, post};
use crate::common::trading::{FIRST, Floor, SECOND};
use gemini_ws::{Instant, Timestamp};
use gemini_ws_simulator::{
    Account, Config, EPOCH, Exchange, FINISHED_ORDERS_MAX, OPEN_ORDERS_MAX, OrderState, SAME_NAME_MAX, State,
};

fn traded(config: Config, seed: u64) -> Floor {
    let mut floor = Floor::new(config.events_per_second(50), seed);
    for (session, token) in [(FIRST, "one"), (SECOND, "two")] {
        floor.connect(session, token, "/");
    }
    for round in 0..50 {
        floor.run(Duration::from_millis(100));
        floor.place(FIRST, &format!("btcusd BUY MARKET IOC 0.0{}", 1 + round % 9));
        floor.place(SECOND, &format!("btcusd SELL LIMIT GTC 0.01 {}000.00", 80 + round % 9));
    }
    floor
}

fn ids(floor: &Floor) -> [BTreeSet<u64>; 2] {
    let accounts: Vec<_> = floor.exchange.accounts().collect();
    let orders: Vec<_> = accounts.iter().flat_map(|account| floor.exchange.orders(*account)).collect();
    let trades = orders.iter().flat_map(|order| order.fills.iter().map(|fill| fill.trade_id));
    [orders.iter().map(|order| order.order_id).collect(), trades.collect()]
}

#[test]
fn no_id_comes_again() {
    let market = || common::market(&["btcusd"]);
    let floors = [0, 1, 2].map(|seconds| traded(market().epoch(EPOCH + Duration::from_secs(seconds)), 7));
    let [first, second, third] = [&floors[0], &floors[1], &floors[2]].map(ids);
    for (kind, least) in [(0, 100), (1, 50)] {
        assert!(first[kind].len() >= least, "{}", first[kind].len());
        for (earlier, later) in [(&first, &second), (&second, &third), (&first, &third)] {
            assert!(earlier[kind].is_disjoint(&later[kind]));
            // All later ids are greater than all earlier ids.
            assert!(earlier[kind].last() < later[kind].first());
        }
        assert!(third[kind].iter().all(|id| i64::try_from(*id).is_ok()));
    }
    // Clients may read trade ids and update ids as `f64`, which holds integers up to 2⁵³ exactly. Order ids are
    // larger, as those of the venue are.
    let years = EPOCH + Duration::from_secs(100 * 365 * 24 * 60 * 60);
    let late = traded(market().epoch(years), 7);
    assert!(ids(&late)[1].iter().all(|id| *id < 1 << 53));
    assert!(late.exchange.book(common::symbol("btcusd")).unwrap().last_update_id < 1 << 53);
}

/// Runs for some seconds. At the end of each second, submits a quote if a request for quotes is open. Returns the ids
/// of the requests, of the quotes and of their events.
fn quoted(exchange: Exchange, seconds: u64) -> (Floor, BTreeSet<String>) {
    let mut floor = Floor { exchange, now: Instant::ZERO };
    floor.connect(FIRST, "one", "/");
    floor.send(FIRST, &common::request("subscribe", &["requestForQuote@account"]));
    let mut ids = BTreeSet::new();
    for _ in 0..seconds {
        let mut texts = floor.run(Duration::from_secs(1));
        if let Some(rfq) = floor.exchange.open_quote_request() {
            let parameters = format!(r#"{{"rfqId":"{rfq}","price":"0.01","quantity":"1"}}"#);
            texts.extend(
                floor
                    .send(FIRST, &format!(r#"{{"id":1,"method":"rfq.submit_quote","params":{parameters}}}"#)),
            );
            ids.insert(rfq);
        }
        for (_, text) in texts {
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            let members = [&value["result"]["quoteId"], &value["i"]];
            ids.extend(members.into_iter().filter_map(|id| id.as_str().map(str::to_owned)));
        }
    }
    (floor, ids)
}

/// A restarted exchange repeats no id of a request for quotes, of a quote or of a quote event. This holds for an
/// exchange that starts at any later time. It also holds for a restored exchange, even if the clock was set back.
#[test]
fn no_id_of_quotes_comes_again() {
    let config = |epoch| {
        let market = common::market(&["GEMI-A-UP"]).quote_pause_max(Duration::from_secs(1));
        common::trading::with_accounts(market.epoch(epoch))
    };
    let mut known = BTreeSet::new();
    let mut note = |ids: BTreeSet<String>, what: &str| {
        assert!(ids.len() > 20, "{what}: {ids:?}");
        let again: Vec<_> = ids.intersection(&known).collect();
        assert_eq!(again, [""; 0], "{what}");
        known.extend(ids);
    };
    for days in [-9_000, -60, -1, 0, 1, 9_000] {
        let epoch = Timestamp::from_nanos(EPOCH.as_nanos() + days * 86_400_000_000_000);
        let (floor, ids) = quoted(Exchange::new(config(epoch), 7), 100);
        note(ids, &format!("{days} days"));
        let mut state = floor.exchange.save();
        for back in 0..2 {
            let clock = Timestamp::from_nanos(epoch.as_nanos() - back * 1_000_000_000_000);
            let (floor, ids) = quoted(Exchange::restore(config(clock), 7, &state).unwrap(), 100);
            note(ids, &format!("{days} days, restored {back}"));
            state = State::from_json(&floor.exchange.save().to_json()).unwrap();
        }
    }
    // The exchange can restore a state without these ids, which an earlier version of the program wrote.
    let mut state: serde_json::Value =
        serde_json::from_str(&Exchange::new(config(EPOCH), 7).save().to_json()).unwrap();
    for name in ["quote_request", "quote"] {
        assert!(state["ids"].as_object_mut().unwrap().remove(name).is_some(), "{name}");
    }
    assert!(Exchange::restore(config(EPOCH), 7, &State::from_json(&state.to_string()).unwrap()).is_ok());
}

#[test]
fn a_state_goes_round() {
    let mut floor = traded(common::market(&["btcusd", "GEMI-A-UP"]).fees(10, 35), 3);
    floor.place(FIRST, "GEMI-A-UP BUY MARKET IOC 50 - - NO");
    floor.place(FIRST, "btcusd BUY LIMIT GTC 1 99000.00 98000.00 - waits");
    floor.place(SECOND, "btcusd SELL LIMIT GTC 1 99000.00 - - rests");
    assert_eq!(post(&mut floor.exchange, floor.now, "/v1/orders", 77, "").0, 200);
    let saved = floor.exchange.save();
    let state = State::from_json(&saved.to_json()).unwrap();
    assert_eq!(state, saved);
    let config = common::trading::with_accounts(common::market(&["btcusd", "GEMI-A-UP"]).fees(10, 35));
    // The exchange continues after the saved ids, even if the clock was set back.
    let exchange = Exchange::restore(config, 3, &state).unwrap();
    for (before, after) in floor.exchange.accounts().zip(exchange.accounts()) {
        assert_eq!(floor.exchange.orders(before), exchange.orders(after));
        assert_eq!(floor.exchange.balances(before), exchange.balances(after));
        assert_eq!(floor.exchange.positions(before), exchange.positions(after));
    }
    let last = ids(&floor).map(|ids| ids.last().copied().unwrap());
    let mut floor = Floor { exchange, now: Instant::ZERO };
    // The exchange has restored the nonces.
    assert_eq!(post(&mut floor.exchange, floor.now, "/v1/orders", 77, "").0, 400);
    assert_eq!(post(&mut floor.exchange, floor.now, "/v1/orders", 78, "").0, 200);
    floor.connect(FIRST, "one", "/");
    floor.place(FIRST, "btcusd BUY MARKET IOC 0.1");
    assert!(floor.newest(0) > last[0]);
    let account = floor.account(0);
    assert!(floor.exchange.orders(account).last().unwrap().fills[0].trade_id > last[1]);
    // Open orders can be cancelled, which makes the amounts that were set aside for them available again.
    floor.connect(SECOND, "two", "/");
    floor.send(SECOND, r#"{"id":1,"method":"order.cancel_all"}"#);
    let account = floor.account(1);
    assert!(floor.exchange.balances(account).iter().all(|balance| balance.available == balance.total));
    assert_eq!(State::from_json(&saved.to_json()).unwrap(), saved);
}

#[test]
fn open_orders_rest_again_and_trade() {
    let mut floor = Floor::quiet(|config| config);
    floor.place(FIRST, "btcusd BUY LIMIT GTC 1 99000.00 - - high");
    floor.place(SECOND, "btcusd SELL LIMIT GTC 0.25 99000.00");
    let state = floor.exchange.save();
    // The new market would have asks at 83,000, which `restore` omits.
    let market = common::market(&["btcusd", "GEMI-A-UP"]).events_per_second(0);
    let exchange = Exchange::restore(common::trading::with_accounts(market), 5, &state).unwrap();
    let book = exchange.book(common::symbol("btcusd")).unwrap();
    assert_eq!(book.bids[0].price.to_string(), "99000.00000");
    assert_eq!(book.bids[0].quantity.to_string(), "0.7500000000");
    assert!(book.asks.first().is_none_or(|ask| ask.price > book.bids[0].price));
    let mut floor = Floor { exchange, now: Instant::ZERO };
    floor.connect(SECOND, "two", "/");
    assert_eq!(floor.place(SECOND, "btcusd SELL LIMIT GTC 1 99000.00 - - low")[0], "2: 200");
    let account = floor.account(0);
    let order =
        floor.exchange.orders(account).into_iter().find(|order| order.client_order_id.is_some()).unwrap();
    assert_eq!((order.state, order.fills.len()), (OrderState::Filled, 2));
}

#[test]
fn the_end_of_a_session_counts() {
    let mut floor = Floor::new(common::market(&["btcusd"]), 1);
    floor.connect(FIRST, "one", "/?cancelOnDisconnect=true");
    floor.place(FIRST, "btcusd BUY LIMIT GTC 1 50000.00");
    let config = common::trading::with_accounts(common::market(&["btcusd"]));
    let exchange = Exchange::restore(config, 1, &floor.exchange.save()).unwrap();
    let account = exchange.accounts().next().unwrap();
    assert_eq!(exchange.orders(account)[0].state, OrderState::Canceled);
    assert!(exchange.balances(account).iter().all(|balance| balance.available == balance.total));
}

#[test]
fn a_change_is_seen() {
    let mut floor = Floor::new(common::market(&["btcusd"]), 1);
    floor.connect(FIRST, "one", "/");
    let mut last = floor.exchange.revision();
    floor.run(Duration::from_secs(5));
    assert_eq!(floor.exchange.revision(), last, "the market alone");
    for order in ["btcusd BUY LIMIT GTC 1 50000.00", "btcusd BUY MARKET IOC 1", "btcusd SELL LIMIT GTC 1 1"] {
        floor.place(FIRST, order);
        assert!(floor.exchange.revision() > last, "{order}");
        last = floor.exchange.revision();
    }
}

/// An exchange with the maximum number of ended orders saves its state in less than 25 ms of processor time, and
/// answers a question to REST as fast. A server serves no other clients during this time.
#[test]
fn many_orders_delay_no_client() {
    let mut floor = Floor::quiet(|config| config);
    floor.place(SECOND, "btcusd SELL LIMIT GTC 1 60000.00");
    floor.place(FIRST, "btcusd BUY LIMIT GTC 1 60000.00 - - a-name-of-some-length");
    let mut state: serde_json::Value = serde_json::from_str(&floor.exchange.save().to_json()).unwrap();
    let order = state["orders"].as_array().unwrap().last().unwrap().clone();
    let last = order["order_id"].as_u64().unwrap();
    let orders = (0..FINISHED_ORDERS_MAX as u64).map(|number| {
        let mut order = order.clone();
        order["order_id"] = (last - number).into();
        order
    });
    state["orders"] = orders.collect();
    let state = State::from_json(&state.to_string()).unwrap();
    let market = common::market(&["btcusd", "GEMI-A-UP"]);
    let mut exchange = Exchange::restore(common::trading::with_accounts(market), 1, &state).unwrap();
    // The shortest of five times counts, and only processor time, because other programs may delay the test.
    let times = (0..5).map(|_| {
        let start = cpu_time::ThreadTime::now();
        let saved = exchange.save();
        let time = start.elapsed();
        assert_eq!(saved, state);
        time
    });
    let fastest = times.min().unwrap();
    assert!(fastest < Duration::from_millis(25), "{fastest:?}");
    // A question to REST is as fast if it asks about a client order id that all orders share.
    let times = (1..6).map(|nonce| {
        let start = cpu_time::ThreadTime::now();
        let arguments = r#","client_order_id":"a-name-of-some-length""#;
        let (status, orders) = post(&mut exchange, Instant::ZERO, "/v1/order/status", nonce, arguments);
        let id = |order: &serde_json::Value| order["order_id"].as_str().unwrap().parse::<u64>().unwrap();
        let ids: Vec<u64> = orders.as_array().unwrap().iter().map(id).collect();
        assert_eq!((status, ids), (200, (last + 1 - SAME_NAME_MAX as u64..=last).collect()));
        start.elapsed()
    });
    let fastest = times.min().unwrap();
    assert!(fastest < Duration::from_millis(25), "{fastest:?}");
    let state = exchange.save();
    // A saved state does not change when the exchange changes.
    let (saved, text) = (exchange.save(), state.to_json());
    exchange.handle_timeout(Instant::from_secs(1));
    floor = Floor { exchange, now: Instant::from_secs(1) };
    floor.connect(FIRST, "one", "/");
    floor.place(FIRST, "btcusd BUY LIMIT GTC 1 50000.00");
    assert!(floor.exchange.save() != saved && saved.to_json().len() == text.len());
}

#[test]
fn many_open_orders_delay_no_client() {
    let mut floor = Floor::quiet(|config| config);
    let is_placed = |texts: Vec<String>| texts.iter().any(|text| text.ends_with(": 200"));
    for number in 0..OPEN_ORDERS_MAX {
        let order = format!("btcusd BUY LIMIT GTC 0.00001 {}.00", 1_000 + number);
        assert!(is_placed(floor.place(FIRST, &order)), "{number}");
    }
    let one_more = "btcusd BUY LIMIT GTC 0.00001 900.00";
    let refused = floor.place(FIRST, one_more);
    assert!(refused.iter().any(|text| text.contains("TooManyOpenOrders")), "{refused:?}");
    // The limit does not affect the other account, and after a cancellation the first account can place one more
    // order.
    assert!(is_placed(floor.place(SECOND, one_more)));
    let first = floor.exchange.orders(floor.account(0))[0].order_id;
    floor.cancel(FIRST, first);
    assert!(is_placed(floor.place(FIRST, one_more)));
    // The shortest of five times counts, and only processor time, because other programs may delay the test.
    let times = (1..6).map(|nonce| {
        let payload = format!(r#"{{"request":"/v1/orders","nonce":{nonce}}}"#);
        let headers = headers("account-one", &payload);
        let start = cpu_time::ThreadTime::now();
        let response = ask(&mut floor.exchange, floor.now, "/v1/orders", &headers);
        let time = start.elapsed();
        assert_eq!((response.status, response.body.matches("is_live").count()), (200, OPEN_ORDERS_MAX));
        time
    });
    let fastest = times.min().unwrap();
    assert!(fastest < Duration::from_millis(25), "{fastest:?}");
    let all = floor.send(FIRST, r#"{"id":1,"method":"order.cancel_all"}"#);
    assert!(all.len() > OPEN_ORDERS_MAX, "{}", all.len());
}

/// Ways to damage a valid state. A row has the text to replace, the text that replaces it, and the error.
const DAMAGES: [(&str, &str, &str); 24] = [
    (r#""version":1"#, r#""version":2"#, "its member version is 2, and this program reads version 1"),
    (r#""version":1,"#, "", "its member version is missing"),
    (r#""format":"gemini-ws-simulator state""#, r#""format":"x""#, "its member format is \"x\""),
    (r#""format":"gemini-ws-simulator state","#, "", "it has no member format"),
    (r#""ids":"#, r#""more":0,"ids":"#, "unknown field `more`"),
    (r#""state":"OPEN""#, r#""state":"CLOSED""#, "unknown variant `CLOSED`"),
    (r#""state":"OPEN""#, r#""state":"FILLED""#, "it cannot have the state Filled"),
    (r#""account":"account-one""#, r#""account":"account-x""#, "its account is not in the state"),
    (r#"{"key":"account-one""#, r#"{"key":"account-x""#, "the account account-x, which is not among those"),
    (r#"{"key":"account-two""#, r#"{"key":"account-one""#, "the account account-one twice"),
    (
        r#""symbol":"btcusd""#,
        r#""symbol":"ethusd""#,
        "it is open, and there is no market ethusd; add the market",
    ),
    (r#""price_decimals":5"#, r#""price_decimals":200"#, "it has too many decimals"),
    (r#""quantity":10000000000"#, r#""quantity":1000000000000001"#, "too large, or is zero"),
    (r#""limit":5000000000"#, r#""limit":5000000000000000000"#, "too large, or is zero"),
    (r#""price_decimals":5"#, r#""price_decimals":6"#, "its decimals are not those of its market"),
    (
        r#""asset":"USD","outcome":null,"units":""#,
        r#""asset":"USD","outcome":null,"units":"-"#,
        "is no total of USD",
    ),
    (
        r#""asset":"USD","outcome":null,"units":"1000000"#,
        r#""asset":"USD","outcome":null,"units":"1"#,
        "its orders need more USD than it has",
    ),
    (r#""ids":{"order":"#, r#""ids":{"order":99"#, "ids.order is too large"),
    (
        r#""client_order_id":null"#,
        r#""client_order_id":"0123456789012345678901234567890123456""#,
        "its client order id is not 1 to 36 printable ASCII characters",
    ),
    (r#""price":"50000.00""#, r#""price":"50000.001""#, "its market does not admit it: LimitPriceOffTick"),
    (r#""price":"50000.00""#, r#""price":"9000000000001""#, "its market does not admit it: InvalidPrice"),
    (r#""stop_price":null"#, r#""stop_price":"50001.00""#, "its market does not admit it: InvalidStopPrice"),
    (
        r#""limit":5000000000"#,
        r#""limit":4000000000"#,
        "its terms contradict its price, stop price or quantity",
    ),
    (r#""quantity":"1""#, r#""quantity":"2""#, "its terms contradict its price, stop price or quantity"),
];

#[test]
fn what_is_damaged_is_refused() {
    let mut floor = Floor::new(common::market(&["btcusd"]), 1);
    floor.connect(FIRST, "one", "/");
    floor.place(FIRST, "btcusd BUY LIMIT GTC 1 50000.00");
    let text = floor.exchange.save().to_json();
    let read = |text: &str| {
        let state = State::from_json(text).map_err(|error| error.to_string())?;
        let config = common::trading::with_accounts(common::market(&["btcusd"]));
        Exchange::restore(config, 1, &state).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(read(&text), Ok(()));
    for (part, instead, said) in DAMAGES {
        assert!(text.contains(part), "{part} is not in {text}");
        let error = read(&text.replacen(part, instead, 1)).unwrap_err();
        assert!(error.contains(said), "{instead}: {error}");
    }
    // Reading a state that is cut short anywhere fails, without a panic.
    for length in (0..text.len()).step_by(7) {
        let error = read(&text[..length]).unwrap_err();
        assert!(error.contains("EOF") && error.contains("column"), "{length}: {error}");
    }
    // A state with one changed byte is refused or restored, without a panic.
    for position in (0..text.len()).step_by(3) {
        for byte in [b'0', b'9', b'x', b'"'] {
            let mut bytes = text.clone().into_bytes();
            bytes[position] = byte;
            let _ = read(&String::from_utf8(bytes).unwrap());
        }
    }
}

#[test]
fn too_many_open_orders_are_refused() {
    let mut floor = Floor::quiet(|config| config);
    floor.place(FIRST, "btcusd BUY LIMIT GTC 0.00001 1000.00");
    let mut state: serde_json::Value = serde_json::from_str(&floor.exchange.save().to_json()).unwrap();
    let order = state["orders"].as_array().unwrap().last().unwrap().clone();
    let last = order["order_id"].as_u64().unwrap();
    for (count, state_of_one, is_accepted) in [
        (OPEN_ORDERS_MAX as u64, "OPEN", true),
        (OPEN_ORDERS_MAX as u64 + 1, "OPEN", false),
        // An order that has ended does not count.
        (OPEN_ORDERS_MAX as u64 + 1, "CANCELED", true),
    ] {
        let orders = (0..count).map(|number| {
            let mut order = order.clone();
            order["order_id"] = (last - number).into();
            if number == 0 {
                order["state"] = state_of_one.into();
            }
            order
        });
        state["orders"] = orders.collect();
        let market = common::trading::with_accounts(common::market(&["btcusd", "GEMI-A-UP"]));
        let restored = Exchange::restore(market, 1, &State::from_json(&state.to_string()).unwrap());
        assert_eq!(restored.is_ok(), is_accepted, "{count} {state_of_one}");
        if let Err(error) = restored {
            let expected = format!(
                "order {}: account account-one has more than 1000 open orders; remove some of them from the state",
                last + 1 - count
            );
            assert_eq!(error.to_string(), expected);
        }
    }
}

#[test]
fn a_new_account_begins_as_configured() {
    let floor = Floor::new(common::market(&["btcusd"]), 1);
    let config = common::trading::with_accounts(common::market(&["btcusd", "ethusd"]));
    let account = Account::new("account-new", "secret").balance("USD", "7".parse().unwrap());
    let exchange = Exchange::restore(config.account(account), 1, &floor.exchange.save()).unwrap();
    let account = exchange.accounts().nth(2).unwrap();
    let usd = exchange.balances(account).into_iter().find(|balance| balance.asset == "USD").unwrap();
    assert_eq!(usd.total.to_string(), "7");
}

/// A saved state keeps the largest balance that a configuration accepts, and the largest total that an account can
/// reach by trading, which is larger.
#[test]
fn the_largest_balances_go_round() {
    let most = "9223372036854775807".parse().unwrap();
    let account = || Account::new("account-key", "secret").balance("USD", most);
    let config = || common::market(&["btcusd"]).account(account());
    let state = Exchange::new(config(), 1).save();
    let restored = Exchange::restore(config(), 1, &state).unwrap();
    assert_eq!(restored.save(), state);
    let units = format!("\"{}\"", i128::MAX);
    let text = state.to_json().replace("\"9223372036854775807000000000000000000\"", &units);
    assert!(text.contains(&units));
    let state = State::from_json(&text).unwrap();
    assert_eq!(Exchange::restore(config(), 1, &state).unwrap().save(), state);
}
