//! Tests the REST API: answers, refusals, and the nonces that it shares with upgrades.

use std::time::Duration;

use crate::common;
use crate::common::rest::{ask, headers, post};
use crate::common::signing::sign;
use crate::common::trading::{FIRST, Floor, SECOND};
use base64ct::{Base64, Encoding};
use gemini_ws::Instant;
use gemini_ws_simulator::{Account, Config, EPOCH, Exchange, RestRequest, Role, SessionId, UpgradeRequest};
use serde_json::{Value, json};

const STATUS: &str = "/v1/order/status";

#[test]
fn an_order_has_the_members_of_the_venue() {
    let mut floor = Floor::quiet(|config| config.fees(10, 35));
    floor.place(SECOND, "btcusd SELL LIMIT GTC 0.4 60000.00");
    floor.place(FIRST, "btcusd BUY LIMIT GTC 1 60000.00 - - mine");
    let id = floor.newest(0).to_string();
    let trade = floor.exchange.orders(floor.account(0))[0].fills[0].trade_id;
    let millis = EPOCH.as_millis();
    let expected = json!({
        "order_id": id, "id": id, "client_order_id": "mine", "symbol": "btcusd", "exchange": "gemini",
        "price": "60000.00", "avg_execution_price": "60000", "side": "buy", "type": "exchange limit",
        "timestamp": (millis / 1_000).to_string(), "timestampms": millis, "is_live": true,
        "is_cancelled": false, "is_hidden": false, "was_forced": false, "executed_amount": "0.4",
        "remaining_amount": "0.6", "original_amount": "1", "options": [],
        "trades": [{
            "price": "60000", "amount": "0.4", "timestamp": millis / 1_000, "timestampms": millis, "type": "Buy",
            "aggressor": true, "fee_currency": "USD", "fee_amount": "84", "tid": trade, "order_id": id,
            "exchange": "gemini", "is_auction_fill": false,
        }],
    });
    let arguments = format!(r#","order_id":{id},"include_trades":true"#);
    let answer = post(&mut floor.exchange, floor.now, STATUS, 1, &arguments);
    assert_eq!(answer, (200, expected.clone()));
    // The answer to a request with the client order id is an array. Without `include_trades`, and in the list of open
    // orders, an order has no trades.
    let mut short = expected;
    short.as_object_mut().unwrap().remove("trades");
    let by_name = post(&mut floor.exchange, floor.now, STATUS, 2, r#","client_order_id":"mine""#);
    assert_eq!(by_name, (200, json!([short])));
    assert_eq!(post(&mut floor.exchange, floor.now, "/v1/orders", 3, ""), (200, json!([short])));
}

#[test]
fn what_has_become_of_orders() {
    // Orders of the first account, each with the type, the state, the options and the reason in the answer of REST.
    // The second account places an order before them.
    let table = [
        ("btcusd BUY LIMIT MOC 1 50000.00", "exchange limit", "live", r#"["maker-or-cancel"]"#, ""),
        (
            "btcusd BUY LIMIT MOC 1 61000.00",
            "exchange limit",
            "cancelled",
            r#"["maker-or-cancel"]"#,
            "MakerOrCancelWouldTake",
        ),
        (
            "btcusd BUY LIMIT FOK 9 60000.00",
            "exchange limit",
            "cancelled",
            r#"["fill-or-kill"]"#,
            "FillOrKillWouldNotFill",
        ),
        (
            "btcusd BUY LIMIT IOC 1 51000.00",
            "exchange limit",
            "cancelled",
            r#"["immediate-or-cancel"]"#,
            "ImmediateOrCancelWouldPost",
        ),
        ("btcusd BUY MARKET IOC 0.5", "market buy", "filled", r#"["immediate-or-cancel"]"#, ""),
        ("btcusd BUY LIMIT GTC 1 70000.00 69000.00", "exchange stop limit", "live", "[]", ""),
        ("btcusd BUY LIMIT GTC 1000 50000.00", "exchange limit", "cancelled", "[]", "InsufficientFunds"),
    ];
    let mut floor = Floor::quiet(|config| config);
    floor.place(SECOND, "btcusd SELL LIMIT GTC 2 60000.00");
    for (nonce, (order, kind, state, options, reason)) in (1_u64..).zip(table) {
        floor.place(FIRST, order);
        let arguments = format!(r#","order_id":"{}""#, floor.newest(0));
        let (status, told) = post(&mut floor.exchange, floor.now, STATUS, nonce, &arguments);
        assert_eq!((status, told["type"].as_str()), (200, Some(kind)), "{order}");
        assert_eq!(told["options"].to_string(), options, "{order}");
        assert_eq!(told["reason"].as_str().unwrap_or_default(), reason, "{order}");
        let found = match (told["is_live"].as_bool(), told["is_cancelled"].as_bool()) {
            (Some(true), Some(false)) => "live",
            (Some(false), Some(true)) => "cancelled",
            (Some(false), Some(false)) if told["remaining_amount"] == "0" => "filled",
            other => panic!("{order}: {other:?}"),
        };
        assert_eq!(found, state, "{order}");
        let stop = order.split(' ').nth(6);
        assert_eq!(told["stop_price"].as_str(), stop, "{order}");
    }
    // An order that its owner has cancelled has a reason too.
    floor.place(FIRST, "btcusd BUY LIMIT GTC 1 40000.00 - - taken-back");
    let id = floor.newest(0);
    floor.cancel(FIRST, id);
    let (_, told) = post(&mut floor.exchange, floor.now, STATUS, 100, r#","client_order_id":"taken-back""#);
    assert_eq!((&told[0]["is_cancelled"], &told[0]["reason"]), (&json!(true), &json!("Requested")));
    // Two orders have the same client order id. The answer lists the older order first.
    floor.place(FIRST, "btcusd BUY LIMIT GTC 1 40000.00 - - taken-back");
    let (_, told) = post(&mut floor.exchange, floor.now, STATUS, 101, r#","client_order_id":"taken-back""#);
    let live: Vec<_> = told.as_array().unwrap().iter().map(|order| order["is_live"].as_bool()).collect();
    assert_eq!(live, [Some(false), Some(true)]);
}

#[test]
fn balances_of_one_account() {
    let symbol = "btcusd".parse().unwrap();
    let account = Account::new("account-one", "secret").bearer_token("one").without_balances();
    let account = account.balance("USD", "100.50".parse().unwrap()).balance("BTC", "2".parse().unwrap());
    let config = Config::market([symbol]).account(account);
    let mut floor = Floor { exchange: Exchange::new(config, 1), now: Instant::ZERO };
    floor.connect(FIRST, "one", "/");
    floor.place(FIRST, "btcusd BUY LIMIT GTC 0.001 50000.00");
    let row = |currency: &str, amount: &str, available: &str| {
        json!({"type": "exchange", "currency": currency, "amount": amount, "available": available,
               "availableForWithdrawal": available})
    };
    let expected = json!([row("BTC", "2", "2"), row("USD", "100.5", "50.5")]);
    assert_eq!(post(&mut floor.exchange, floor.now, "/v1/balances", 1, ""), (200, expected));
}

#[test]
fn orders_of_others_are_not_found() {
    let mut floor = Floor::quiet(|config| config);
    floor.place(SECOND, "btcusd SELL LIMIT GTC 1 60000.00 - - theirs");
    for (nonce, arguments) in (1_u64..)
        .zip([format!(r#","order_id":{}"#, floor.newest(1)), r#","client_order_id":"theirs""#.into()])
    {
        let (status, body) = post(&mut floor.exchange, floor.now, STATUS, nonce, &arguments);
        let expected =
            json!({"result": "error", "reason": "OrderNotFound", "message": "The account has no such order"});
        assert_eq!((status, body), (404, expected), "{arguments}");
    }
}

/// Requests to REST and their answers: the key, the path and the payload of the request, and the status and the
/// reason of the answer.
const REFUSALS: [(&str, &str, &str, u16, &str); 18] = [
    ("account-one", "/v1/orders", r#"{"request":"/v1/orders","nonce":1}"#, 200, ""),
    ("account-one", "/v1/orders", r#"{"request":"/v1/orders","nonce":1}"#, 400, "InvalidNonce"),
    ("account-one", "/v1/orders/", r#"{"request":"/v1/orders","nonce":"2"}"#, 200, ""),
    ("account-one", "/v1/orders?x=y", r#"{"request":"/v1/orders","nonce":"1790732601000"}"#, 200, ""),
    ("account-one", "/v1/orders", r#"{"request":"/v1/orders","nonce":"1790732600"}"#, 400, "InvalidNonce"),
    ("account-one", "/v1/orders", r#"{"request":"/v1/orders"}"#, 400, "InvalidNonce"),
    ("account-one", "/v1/orders", r#"{"request":"/v1/orders","nonce":"-5"}"#, 400, "InvalidNonce"),
    (
        "account-one",
        "/v1/orders",
        r#"{"request":"/v1/balances","nonce":2000000000000}"#,
        400,
        "EndpointMismatch",
    ),
    ("account-one", "/v1/orders", r#"{"nonce":2000000000000}"#, 400, "EndpointMismatch"),
    ("account-one", "/v1/orders", "orders", 400, "InvalidJson"),
    ("account-one", "/v1/orders", "[]", 400, "InvalidJson"),
    ("account-none", "/v1/orders", r#"{"request":"/v1/orders","nonce":1}"#, 403, "InvalidApiKey"),
    ("master-one", "/v1/orders", r#"{"request":"/v1/orders","nonce":1}"#, 401, "AccountScopedKeyRequired"),
    (
        "account-one",
        "/v1/mytrades",
        r#"{"request":"/v1/mytrades","nonce":9000000000000}"#,
        404,
        "EndpointNotFound",
    ),
    ("account-one", "/", r#"{"request":"/","nonce":9000000000000}"#, 404, "EndpointNotFound"),
    ("account-auditor", "/v1/orders", r#"{"request":"/v1/orders","nonce":1}"#, 200, ""),
    (
        "account-auditor",
        STATUS,
        r#"{"request":"/v1/order/status","nonce":2,"order_id":1}"#,
        403,
        "MissingRole",
    ),
    ("account-nobody", "/v1/balances", r#"{"request":"/v1/balances","nonce":1}"#, 403, "MissingRole"),
];

fn with_roles() -> Exchange {
    let config = common::trading::with_accounts(common::market(&["btcusd"]));
    let config = config.account(Account::new("account-auditor", "secret").roles([Role::Auditor]));
    Exchange::new(config.account(Account::new("account-nobody", "secret").roles([])), 1)
}

#[test]
fn refusals() {
    let mut exchange = with_roles();
    for (key, path, payload, status, reason) in REFUSALS {
        let response = ask(&mut exchange, Instant::ZERO, path, &headers(key, payload));
        let body: Value = serde_json::from_str(&response.body).unwrap();
        assert_eq!(response.status, status, "{key} {path} {payload}: {body}");
        if status != 200 {
            assert_eq!((&body["result"], &body["reason"]), (&json!("error"), &json!(reason)), "{payload}");
            assert!(body["message"].as_str().is_some_and(|message| message.len() > 10), "{body}");
        }
    }
}

#[test]
fn arguments_that_are_wrong() {
    let mut floor = Floor::quiet(|config| config);
    let table = [
        ("", "MissingOrderField"),
        (r#","order_id":"one""#, "InvalidRequest"),
        (r#","order_id":"+1""#, "InvalidRequest"),
        (r#","order_id":-1"#, "InvalidRequest"),
        (r#","order_id":1.5"#, "InvalidRequest"),
        (r#","order_id":null"#, "InvalidRequest"),
        (r#","client_order_id":5"#, "InvalidRequest"),
        (r#","order_id":1,"client_order_id":"a""#, "InvalidRequest"),
        (r#","order_id":1,"include_trades":"yes""#, "InvalidRequest"),
        (r#","order_id":1"#, "OrderNotFound"),
        (r#","order_id":"99999999999999999999""#, "InvalidRequest"),
    ];
    for (nonce, (arguments, reason)) in (1_u64..).zip(table) {
        let (status, body) = post(&mut floor.exchange, floor.now, STATUS, nonce, arguments);
        let expected = if reason == "OrderNotFound" { 404 } else { 400 };
        assert_eq!((status, body["reason"].as_str()), (expected, Some(reason)), "{arguments}");
    }
}

#[test]
fn headers_that_are_wrong() {
    let payload = r#"{"request":"/v1/orders","nonce":1}"#;
    let other = headers("account-one", r#"{"request":"/v1/orders","nonce":2}"#);
    let bearer = ("Authorization", "Bearer one".to_owned());
    let all = headers("account-one", payload);
    let table = [
        (vec![], 400, "MissingApikeyHeader"),
        (all[..1].to_vec(), 400, "MissingPayloadHeader"),
        (all[..2].to_vec(), 400, "MissingSignatureHeader"),
        (vec![all[0].clone(), all[1].clone(), other[2].clone()], 400, "InvalidSignature"),
        (vec![bearer.clone(), all[1].clone(), all[2].clone()], 400, "AmbiguousAuthentication"),
        (vec![bearer.clone(), all[0].clone()], 400, "AmbiguousAuthentication"),
        (vec![("Authorization", "Bearer nobody".to_owned()), all[1].clone()], 401, "InvalidAccessToken"),
        (vec![bearer.clone()], 400, "MissingPayloadHeader"),
    ];
    let mut exchange = with_roles();
    for (headers, status, reason) in table {
        let response = ask(&mut exchange, Instant::ZERO, "/v1/orders", &headers);
        assert_eq!(response.status, status, "{headers:?}");
        assert!(response.body.contains(&format!(r#""reason":"{reason}""#)), "{}", response.body);
    }
    // A request with a token needs no nonce, and may repeat a nonce.
    for _ in 0..2 {
        let response = ask(&mut exchange, Instant::ZERO, "/v1/orders", &[bearer.clone(), all[1].clone()]);
        assert_eq!((response.status, response.body.as_str()), (200, "[]"));
    }
    let get = RestRequest { method: "GET", target: "/v1/orders", headers: &[] };
    assert_eq!(exchange.handle_rest(Instant::ZERO, &get).status, 404);
}

#[test]
fn nonces_are_shared_with_upgrades() {
    let mut exchange = with_roles();
    let seconds = u64::try_from(EPOCH.as_secs()).unwrap();
    let upgrade = |exchange: &mut Exchange, nonce: u64| {
        let nonce = nonce.to_string();
        let payload = Base64::encode_string(nonce.as_bytes());
        let signature = sign(&payload);
        let headers = [
            ("X-GEMINI-APIKEY", "account-one"),
            ("X-GEMINI-NONCE", &nonce),
            ("X-GEMINI-PAYLOAD", &payload),
            ("X-GEMINI-SIGNATURE", &signature),
        ];
        let request = UpgradeRequest { target: "/", headers: &headers };
        exchange.handle_upgrade(SessionId(1), Instant::ZERO, &request).map_err(|refusal| refusal.body)
    };
    let rest = |exchange: &mut Exchange, nonce| post(exchange, Instant::ZERO, "/v1/orders", nonce, "").0;
    assert_eq!(upgrade(&mut exchange, seconds), Ok(()));
    assert_eq!(rest(&mut exchange, seconds), 400);
    assert_eq!(rest(&mut exchange, seconds + 1), 200);
    assert!(upgrade(&mut exchange, seconds + 1).unwrap_err().contains("InvalidNonce"));
    assert_eq!(upgrade(&mut exchange, seconds + 2), Ok(()));
}

#[test]
fn it_can_fail_and_be_late() {
    let mut exchange = with_roles();
    let rest = |exchange: &mut Exchange, nonce| post(exchange, Instant::ZERO, "/v1/orders", nonce, "");
    exchange.faults().fail_rest(true);
    let (status, body) = rest(&mut exchange, 1);
    assert_eq!((status, &body["reason"]), (503, &json!("Maintenance")));
    exchange.faults().fail_rest(false);
    // The failed request did not use its nonce up.
    assert_eq!(rest(&mut exchange, 1).0, 200);
    exchange.faults().delay_rest(Duration::from_secs(3));
    let headers = headers("account-one", r#"{"request":"/v1/orders","nonce":2}"#);
    let late = ask(&mut exchange, Instant::ZERO, "/v1/orders", &headers);
    assert_eq!((late.status, late.delay), (200, Duration::from_secs(3)));
}
