//! [`Keys`]: whose session an upgrade opens.

use std::collections::BTreeMap;

use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha384;

use crate::account::Account;
use crate::frame::upgrade::{Endpoint, UpgradeRefusal, UpgradeRequest, refusal};

/// How far a nonce may be from the venue's time, in ns.
const NONCE_WINDOW: i128 = 30_000_000_000;

/// A nonce with more digits counts milliseconds.
const SECONDS_DIGITS_MAX: usize = 11;

/// The path that the payload of archived order events names.
const ORDER_EVENTS_PATH: &str = "/v1/order/events";

/// The last nonce of each key, over all endpoints.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    last_nonces: BTreeMap<String, u64>,
}

impl Keys {
    /// The position of the account that an upgrade authenticates; `None` if it does not try to.
    pub(crate) fn authenticate(
        &mut self,
        accounts: &[Account],
        endpoint: &Endpoint,
        request: &UpgradeRequest<'_>,
        venue_time: i64,
    ) -> Result<Option<usize>, UpgradeRefusal> {
        let is_private = match endpoint {
            Endpoint::Streams => false,
            Endpoint::OrderEventsV1 => true,
            // Public by nature: credentials are not looked at.
            _ => return Ok(None),
        };
        let authorization = request.header("Authorization");
        let has_headers =
            request.headers.iter().any(|(name, _)| name.to_ascii_lowercase().starts_with("x-gemini-"));
        match authorization {
            Some(_) if has_headers => Err(refusal(400, "AmbiguousAuthentication")),
            Some(value) if !is_private => bearer(accounts, value).map(Some),
            _ if has_headers || is_private => {
                self.verify(accounts, is_private, request, venue_time).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// A nonce of a key that was used elsewhere.
    pub(crate) fn note(&mut self, key: &str, nonce: u64) {
        let last = self.last_nonces.entry(key.to_owned()).or_default();
        *last = nonce.max(*last);
    }

    fn verify(
        &mut self,
        accounts: &[Account],
        is_order_events: bool,
        request: &UpgradeRequest<'_>,
        venue_time: i64,
    ) -> Result<usize, UpgradeRefusal> {
        let header = |name, reason| request.header(name).ok_or_else(|| refusal(400, reason));
        let key = header("X-GEMINI-APIKEY", "MissingApikeyHeader")?;
        let payload = header("X-GEMINI-PAYLOAD", "MissingPayloadHeader")?;
        let signature = header("X-GEMINI-SIGNATURE", "MissingSignatureHeader")?;
        if !key.starts_with("account-") {
            return Err(refusal(401, "AccountScopedKeyRequired"));
        }
        let position = accounts.iter().position(|account| account.key() == key);
        let Some((position, account)) = position.and_then(|at| Some((at, accounts.get(at)?))) else {
            return Err(refusal(403, "InvalidApiKey"));
        };
        if sign(account.secret(), payload) != signature {
            return Err(refusal(400, "InvalidSignature"));
        }
        let nonce = if is_order_events { nonce_of_json(payload) } else { nonce_of_headers(request, payload) };
        // The current API takes times only. The archived one takes counters, unless the key's setting is on.
        let is_time = !is_order_events || account.has_time_based_nonce();
        let nonce = nonce.filter(|nonce| !is_time || is_near(nonce, venue_time));
        let number = nonce.and_then(|nonce| number_of(&nonce));
        let last = self.last_nonces.get(key).copied();
        match number.filter(|number| last.is_none_or(|last| *number > last)) {
            Some(number) => self.note(key, number),
            None => return Err(refusal(400, "InvalidNonce")),
        }
        if is_order_events && !account.may_read() {
            return Err(refusal(403, "MissingRole"));
        }
        Ok(position)
    }
}

/// Returns the position of the account that has a bearer token.
fn bearer(accounts: &[Account], value: &str) -> Result<usize, UpgradeRefusal> {
    let token = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let token = token.map(|(_, token)| token.trim());
    let found = accounts.iter().position(|account| token.is_some_and(|token| account.has_token(token)));
    found.ok_or_else(|| refusal(401, "InvalidAccessToken"))
}

/// The signature of a payload header: lower-case hex of an HMAC-SHA384 over its text.
fn sign(secret: &str, payload: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha384>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(payload.as_bytes());
    let digits = b"0123456789abcdef";
    let code = mac.finalize().into_bytes();
    let hex = code.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    hex.map(|digit| char::from(digits[usize::from(digit)])).collect()
}

fn decode(payload: &str) -> Option<String> {
    String::from_utf8(Base64::decode_vec(payload).ok()?).ok()
}

/// The nonce header, which the payload repeats.
fn nonce_of_headers(request: &UpgradeRequest<'_>, payload: &str) -> Option<String> {
    let nonce = decode(payload)?;
    (request.header("X-GEMINI-NONCE") == Some(&nonce)).then_some(nonce)
}

/// `{"request":"/v1/order/events","nonce":n}`; the number may be a text.
fn nonce_of_json(payload: &str) -> Option<String> {
    let members: Value = serde_json::from_str(&decode(payload)?).ok()?;
    if members.get("request")?.as_str()? != ORDER_EVENTS_PATH {
        return None;
    }
    match members.get("nonce")? {
        Value::String(nonce) => Some(nonce.clone()),
        nonce => nonce.as_u64().map(|nonce| nonce.to_string()),
    }
}

/// The number that a nonce is; `None` if it is not decimal text, or does not fit.
fn number_of(nonce: &str) -> Option<u64> {
    let is_decimal = nonce.bytes().all(|byte| byte.is_ascii_digit());
    nonce.parse().ok().filter(|_| is_decimal)
}

/// Whether a nonce counts seconds or milliseconds, and is near the venue's time.
fn is_near(nonce: &str, venue_time: i64) -> bool {
    let unit = if nonce.len() <= SECONDS_DIGITS_MAX { 1_000_000_000 } else { 1_000_000 };
    number_of(nonce)
        .is_some_and(|number| (i128::from(number) * unit - i128::from(venue_time)).abs() <= NONCE_WINDOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_vectors() {
        let secret = "conformance-api-secret";
        for (text, payload, signature) in [
            (
                "1700000000",
                "MTcwMDAwMDAwMA==",
                "7f81f96295cafbec4e74bbc30cf54015d665b73a49bec7f7f310f52ed6271f92f86103c32ef8e72bb32da21a811446fe",
            ),
            (
                r#"{"request":"/v1/order/events","nonce":1700000000}"#,
                "eyJyZXF1ZXN0IjoiL3YxL29yZGVyL2V2ZW50cyIsIm5vbmNlIjoxNzAwMDAwMDAwfQ==",
                "57bdd57f37edcbd0bb99c4f961949152ccceea5a6a66c0513b41e1a69c6b7c6f571a6474ee8d51c6dfabf93890a51d24",
            ),
        ] {
            assert_eq!(decode(payload).as_deref(), Some(text));
            assert_eq!(sign(secret, payload), signature);
        }
    }

    #[test]
    fn nonces_lie_near_the_time() {
        let now = 1_700_000_000_000_000_000;
        for (nonce, is_good) in [
            ("1700000000", true),
            ("1700000030", true),
            ("1699999970", true),
            ("1700000031", false),
            ("1699999969", false),
            ("1700000000000", true),
            ("1700000030000", true),
            ("1700000030001", false),
            ("1699999969999", false),
            ("1700000000000000", false),
            ("1700000000.5", false),
            ("+1700000000", false),
            ("", false),
            ("now", false),
            ("99999999999999999999999", false),
        ] {
            assert_eq!(is_near(nonce, now), is_good, "{nonce}");
        }
    }
}
