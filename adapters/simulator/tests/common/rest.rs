//! Requests to the REST API. They are signed with the secret of the accounts.
#![allow(dead_code, unreachable_pub, reason = "not every test uses all of it")]

use base64ct::{Base64, Encoding};
use gemini_ws::Instant;
use gemini_ws_simulator::{Exchange, RestRequest, RestResponse};
use serde_json::Value;

use super::signing::sign;

pub fn headers(key: &str, payload: &str) -> Vec<(&'static str, String)> {
    let payload = Base64::encode_string(payload.as_bytes());
    let signature = sign(&payload);
    vec![
        ("X-GEMINI-APIKEY", key.to_owned()),
        ("X-GEMINI-PAYLOAD", payload),
        ("X-GEMINI-SIGNATURE", signature),
    ]
}

pub fn ask(
    exchange: &mut Exchange,
    now: Instant,
    path: &str,
    headers: &[(&'static str, String)],
) -> RestResponse {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    exchange.handle_rest(now, &RestRequest { method: "POST", target: path, headers: &headers })
}

/// Sends a question of the first account to REST, with arguments such as `,"order_id":5`. Returns the status and the
/// body of the answer.
pub fn post(exchange: &mut Exchange, now: Instant, path: &str, nonce: u64, arguments: &str) -> (u16, Value) {
    let payload = format!(r#"{{"request":"{path}","nonce":"{nonce}"{arguments}}}"#);
    let response = ask(exchange, now, path, &headers("account-one", &payload));
    (response.status, serde_json::from_str(&response.body).unwrap())
}
