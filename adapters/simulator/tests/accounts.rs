//! Tests the account of the session that an upgrade opens, and which upgrades the exchange refuses.

use std::time::Duration;

use crate::common::signing::sign;
use crate::common::{CLIENT, Venue, market};
use base64ct::{Base64, Encoding};
use gemini_ws::Instant;
use gemini_ws_simulator::{Account, AccountId, EPOCH, Role, SessionId, UpgradeRequest};

const KEY: &str = "account-first";
const SECRET: &str = "secret";

fn venue() -> Venue {
    let config = market(&["btcusd"])
        .account(Account::new(KEY, SECRET).bearer_token("token"))
        .account(Account::new("account-auditor", SECRET).roles([Role::Auditor]))
        .account(Account::new("account-nobody", SECRET).roles([]))
        .account(Account::new("account-time", SECRET).time_based_nonce(true))
        .account(Account::new("master-key", SECRET));
    Venue::new(config, 1)
}

fn headers(key: &str, nonce: &str) -> Vec<(&'static str, String)> {
    let payload = Base64::encode_string(nonce.as_bytes());
    let signature = sign(&payload);
    vec![
        ("X-GEMINI-APIKEY", key.to_owned()),
        ("X-GEMINI-NONCE", nonce.to_owned()),
        ("X-GEMINI-PAYLOAD", payload),
        ("X-GEMINI-SIGNATURE", signature),
    ]
}

/// Returns the headers of archived order events, which have no nonce header.
fn order_events_headers(key: &str, nonce: &str) -> Vec<(&'static str, String)> {
    let json = format!(r#"{{"request":"/v1/order/events","nonce":{nonce}}}"#);
    let mut headers = headers(key, &json);
    headers.remove(1);
    headers
}

/// Requests an upgrade. Returns the account of the session that it opens, or the status and the reason of the
/// refusal.
fn upgrade(
    venue: &mut Venue,
    target: &str,
    headers: &[(&str, String)],
) -> Result<Option<AccountId>, (u16, String)> {
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let request = UpgradeRequest { target, headers: &headers };
    match venue.exchange.handle_upgrade(CLIENT, venue.now, &request) {
        Ok(()) => Ok(venue.exchange.account_of(CLIENT)),
        Err(refusal) => {
            assert_eq!(venue.exchange.session_count(), 0);
            let reason = refusal.body.split('"').nth(7).unwrap().to_owned();
            Err((refusal.status, reason))
        }
    }
}

fn seconds() -> i64 {
    EPOCH.as_nanos() / 1_000_000_000
}

#[test]
fn refused_upgrades() {
    type Damage = fn(&mut Vec<(&'static str, String)>);
    let table: &[(Damage, u16, &str)] = &[
        (|headers| drop(headers.remove(0)), 400, "MissingApikeyHeader"),
        (|headers| drop(headers.remove(1)), 400, "InvalidNonce"),
        (|headers| drop(headers.remove(2)), 400, "MissingPayloadHeader"),
        (|headers| drop(headers.remove(3)), 400, "MissingSignatureHeader"),
        (|headers| headers.truncate(1), 400, "MissingPayloadHeader"),
        (|headers| headers[0].1 = "account-unknown".to_owned(), 403, "InvalidApiKey"),
        (|headers| headers[0].1 = "master-key".to_owned(), 401, "AccountScopedKeyRequired"),
        (|headers| headers[3].1.make_ascii_uppercase(), 400, "InvalidSignature"),
        (|headers| headers[3].1 = sign(""), 400, "InvalidSignature"),
        (|headers| headers[2].1.push('='), 400, "InvalidSignature"),
        (|headers| headers[1].1.push('0'), 400, "InvalidNonce"),
        (
            |headers| {
                headers[2].1 = "no base64!".to_owned();
                headers[3].1 = sign("no base64!");
            },
            400,
            "InvalidNonce",
        ),
        (
            |headers| headers.push(("authorization", "Bearer token".to_owned())),
            400,
            "AmbiguousAuthentication",
        ),
    ];
    for (damage, status, reason) in table {
        let mut venue = venue();
        let mut headers = headers(KEY, &seconds().to_string());
        damage(&mut headers);
        assert_eq!(upgrade(&mut venue, "/", &headers), Err((*status, (*reason).to_owned())), "{headers:?}");
    }
}

#[test]
fn authenticated_upgrades() {
    let mut venue = venue();
    let first = Some(AccountId(5_365));
    let nonce = seconds().to_string();
    assert_eq!(upgrade(&mut venue, "/?snapshot=-1", &headers(KEY, &nonce)), Ok(first));
    assert_eq!(
        upgrade(&mut venue, "/", &headers("account-auditor", &nonce)),
        Ok(Some(AccountId(5_366))),
        "each key has nonces of its own"
    );
    let bearer = |value: &str| vec![("Authorization", value.to_owned())];
    assert_eq!(upgrade(&mut venue, "/", &bearer("Bearer token")), Ok(first));
    assert_eq!(upgrade(&mut venue, "/", &bearer("bearer token")), Ok(first));
    assert_eq!(upgrade(&mut venue, "/", &[]), Ok(None));
    for wrong in ["Bearer other", "Basic token", "token", ""] {
        assert_eq!(
            upgrade(&mut venue, "/", &bearer(wrong)),
            Err((401, "InvalidAccessToken".to_owned())),
            "{wrong}"
        );
    }
    assert_eq!(venue.exchange.account_of(SessionId(9)), None);
}

/// Checks which nonces the exchange accepts when a key uses them one after the other. Two of them are in
/// milliseconds, the others in seconds.
#[test]
fn nonces_increase() {
    let mut venue = venue();
    let mut check = |nonce: String, elapsed: u64, is_taken: bool| {
        venue.now = Instant::from_secs(elapsed);
        let expected =
            if is_taken { Ok(Some(AccountId(5_365))) } else { Err((400, "InvalidNonce".to_owned())) };
        assert_eq!(upgrade(&mut venue, "/", &headers(KEY, &nonce)), expected, "{nonce} after {elapsed} s");
    };
    let at = |offset: i64| (seconds() + offset).to_string();
    check(at(-31), 0, false);
    check(at(31), 0, false);
    check(at(0), 0, true);
    check(at(0), 0, false);
    check(at(-1), 0, false);
    check(at(1), 0, true);
    check(at(100), 100, true);
    check(at(99), 100, false);
    // After a nonce in milliseconds, every nonce in seconds is too small.
    check(format!("{}000", at(101)), 101, true);
    check(at(102), 102, false);
    check(format!("{}001", at(101)), 102, true);
}

#[test]
fn nonces_are_shared() {
    let mut venue = venue();
    let nonce = seconds().to_string();
    assert!(upgrade(&mut venue, "/", &headers(KEY, &nonce)).is_ok());
    let path = "/v1/order/events";
    let refused = Err((400, "InvalidNonce".to_owned()));
    assert_eq!(upgrade(&mut venue, path, &order_events_headers(KEY, &nonce)), refused);
    venue.exchange.note_nonce(KEY, (seconds() + 5).cast_unsigned());
    venue.now = venue.now + Duration::from_secs(5);
    assert_eq!(upgrade(&mut venue, "/", &headers(KEY, &(seconds() + 5).to_string())), refused);
    assert!(upgrade(&mut venue, "/", &headers(KEY, &(seconds() + 6).to_string())).is_ok());
}

#[test]
fn archived_order_events_need_a_key() {
    let path = "/v1/order/events?heartbeat=true";
    let nonce = seconds().to_string();
    for (key, expected) in [
        (KEY, Ok(Some(AccountId(5_365)))),
        ("account-auditor", Ok(Some(AccountId(5_366)))),
        ("account-nobody", Err((403, "MissingRole".to_owned()))),
        ("account-unknown", Err((403, "InvalidApiKey".to_owned()))),
        ("master-key", Err((401, "AccountScopedKeyRequired".to_owned()))),
    ] {
        assert_eq!(upgrade(&mut venue(), path, &order_events_headers(key, &nonce)), expected, "{key}");
    }
    let millis = format!("{nonce}000");
    assert!(upgrade(&mut venue(), path, &order_events_headers(KEY, &millis)).is_ok());
    assert!(upgrade(&mut venue(), path, &order_events_headers(KEY, &format!("\"{nonce}\""))).is_ok());
    let bearer = [("Authorization", "Bearer token".to_owned())];
    let missing = Err((400, "MissingApikeyHeader".to_owned()));
    assert_eq!(upgrade(&mut venue(), path, &bearer), missing);
    assert_eq!(upgrade(&mut venue(), path, &[]), missing);
    // Archived order events refuse the payload of the current API, and the current API refuses theirs.
    let invalid = |reason: &str| Err((400, reason.to_owned()));
    assert_eq!(upgrade(&mut venue(), path, &headers(KEY, &nonce)), invalid("InvalidJson"));
    assert_eq!(upgrade(&mut venue(), "/", &order_events_headers(KEY, &nonce)), invalid("InvalidNonce"));
    let wrong_path = headers(KEY, &format!(r#"{{"request":"/v1/orders","nonce":{nonce}}}"#));
    assert_eq!(upgrade(&mut venue(), path, &wrong_path), invalid("EndpointMismatch"));
}

/// Checks which nonces archived order events accept when a key uses them one after the other. One key has counters as
/// nonces, and the other has time-based nonces.
#[test]
fn nonces_of_archived_order_events() {
    let path = "/v1/order/events";
    let (mut counters, mut times) = (venue(), venue());
    let at = |offset: i64, digits: usize| format!("{}{}", seconds() + offset, "0".repeat(digits - 10));
    let table = [
        ("1".to_owned(), true, false),
        ("7".to_owned(), true, false),
        ("7".to_owned(), false, false),
        ("6".to_owned(), false, false),
        (at(-31, 10), true, false),
        (at(0, 10), true, true),
        (at(0, 10), false, false),
        (at(31, 10), true, false),
        (at(29, 13), true, true),
        // Microseconds, as a number and as a string, and nanoseconds.
        (at(0, 16), true, false),
        (format!("\"{}1\"", &at(0, 16)[..15]), true, false),
        (at(0, 16), false, false),
        (at(0, 19), true, false),
        // Values that are not numbers, or too large.
        ("18446744073709551616".to_owned(), false, false),
        ("-1".to_owned(), false, false),
        (format!("{}.5", at(40, 19)), false, false),
        ("\"+9999999999999999999\"".to_owned(), false, false),
        ("\"\"".to_owned(), false, false),
        ("null".to_owned(), false, false),
        (u64::MAX.to_string(), true, false),
    ];
    for (nonce, counter_is_taken, time_is_taken) in table {
        for (venue, key, is_taken) in
            [(&mut counters, KEY, counter_is_taken), (&mut times, "account-time", time_is_taken)]
        {
            let answer = upgrade(venue, path, &order_events_headers(key, &nonce));
            let refused = Err((400, "InvalidNonce".to_owned()));
            assert_eq!(answer.map(|_| ()), if is_taken { Ok(()) } else { refused }, "{key}: {nonce}");
            // End the session, as a client does before its next upgrade.
            venue.exchange.handle_lost(CLIENT, venue.now);
        }
    }
    // The current API accepts only times, whatever kind of nonces the key has.
    for key in [KEY, "account-time"] {
        let refused = Err((400, "InvalidNonce".to_owned()));
        assert_eq!(upgrade(&mut venue(), "/", &headers(key, &at(0, 16))), refused, "{key}");
    }
    // All endpoints share the last nonce of a key, so after a large counter the current API refuses a time.
    let mut venue = venue();
    assert!(upgrade(&mut venue, path, &order_events_headers(KEY, &at(0, 16))).is_ok());
    venue.exchange.handle_lost(CLIENT, venue.now);
    let refused = Err((400, "InvalidNonce".to_owned()));
    assert_eq!(upgrade(&mut venue, "/", &headers(KEY, &at(1, 10))), refused);
}
