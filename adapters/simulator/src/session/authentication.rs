//! [`Keys`]: authenticates upgrades and requests over REST.

use std::collections::BTreeMap;

use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value};
use sha2::Sha384;

use crate::account::Account;
use crate::frame::rest::{RestRefusal, RestRequest};
use crate::frame::upgrade::{Endpoint, UpgradeRefusal, UpgradeRequest, refusal};

/// The largest difference between a nonce and the venue's time, in ns.
const NONCE_WINDOW: i128 = 30_000_000_000;

/// The maximum number of digits of a nonce in seconds. A nonce with more digits is in milliseconds.
const SECONDS_DIGITS_MAX: usize = 11;

const ORDER_EVENTS_PATH: &str = "/v1/order/events";

/// The last nonce of each key. A key has one sequence of nonces for all endpoints.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    last_nonces: BTreeMap<String, u64>,
    notes: u64,
}

impl Keys {
    /// Authenticates an upgrade and returns the position of the account. `None` for an upgrade that needs no account
    /// and names none.
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
            // Archived market data is public, so the exchange ignores credentials.
            _ => return Ok(None),
        };
        let authorization = request.header("Authorization");
        let has_headers =
            request.headers.iter().any(|(name, _)| name.to_ascii_lowercase().starts_with("x-gemini-"));
        match authorization {
            Some(_) if has_headers => Err(refusal(400, "AmbiguousAuthentication")),
            Some(value) if !is_private => {
                bearer(accounts, value).map(Some).map_err(|(status, reason)| refusal(status, reason))
            }
            _ if has_headers || is_private => {
                self.verify(accounts, is_private, request, venue_time).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Authenticates a request over REST. Returns the position of the account and the members of the payload.
    pub(crate) fn authenticate_rest(
        &mut self,
        accounts: &[Account],
        request: &RestRequest<'_>,
        venue_time: i64,
    ) -> Result<(usize, Map<String, Value>), RestRefusal> {
        let refused = |(status, reason)| RestRefusal::new(status, reason);
        let header = |name, reason| request.header(name).ok_or_else(|| RestRefusal::new(400, reason));
        let signature = "X-GEMINI-SIGNATURE";
        if let Some(token) = request.header("Authorization") {
            if ["X-GEMINI-APIKEY", signature].iter().any(|name| request.header(name).is_some()) {
                return Err(RestRefusal::new(400, "AmbiguousAuthentication"));
            }
            let position = bearer(accounts, token).map_err(refused)?;
            let payload = header("X-GEMINI-PAYLOAD", "MissingPayloadHeader")?;
            let members = members_of(payload, request.path()).map_err(refused)?;
            return Ok((position, members));
        }
        let key = header("X-GEMINI-APIKEY", "MissingApikeyHeader")?;
        let payload = header("X-GEMINI-PAYLOAD", "MissingPayloadHeader")?;
        let signature = header(signature, "MissingSignatureHeader")?;
        let (position, account) = signer(accounts, key, payload, signature).map_err(refused)?;
        let members = members_of(payload, request.path()).map_err(refused)?;
        let nonce = members.get("nonce").and_then(nonce_of_member);
        let is_time = account.has_time_based_nonce();
        self.use_nonce(key, nonce, is_time, venue_time).map_err(refused)?;
        Ok((position, members))
    }

    /// Stores a nonce as the last nonce of a key. Refuses the nonce if it is missing or not a number, or if it is not
    /// greater than the key's last nonce. If `is_time` is true, also refuses a nonce that is not near the venue's
    /// time.
    fn use_nonce(
        &mut self,
        key: &str,
        nonce: Option<String>,
        is_time: bool,
        venue_time: i64,
    ) -> Result<(), (u16, &'static str)> {
        let nonce = nonce.filter(|nonce| !is_time || is_near(nonce, venue_time));
        let number = nonce.and_then(|nonce| number_of(&nonce));
        let last = self.last_nonces.get(key).copied();
        let number = number.filter(|number| last.is_none_or(|last| *number > last));
        self.note(key, number.ok_or((400, "InvalidNonce"))?);
        Ok(())
    }

    pub(crate) fn note(&mut self, key: &str, nonce: u64) {
        let last = self.last_nonces.entry(key.to_owned()).or_default();
        *last = nonce.max(*last);
        self.notes += 1;
    }

    pub(crate) fn last(&self, key: &str) -> Option<u64> {
        self.last_nonces.get(key).copied()
    }

    pub(crate) const fn notes(&self) -> u64 {
        self.notes
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
        let refused = |(status, reason)| refusal(status, reason);
        let (position, account) = signer(accounts, key, payload, signature).map_err(refused)?;
        let nonce = if is_order_events {
            let members = members_of(payload, ORDER_EVENTS_PATH).map_err(refused)?;
            members.get("nonce").and_then(nonce_of_member)
        } else {
            nonce_of_headers(request, payload)
        };
        // The current API accepts only times as nonces. Order events v1 accept counters too, unless the key's setting
        // for time-based nonces is on.
        let is_time = !is_order_events || account.has_time_based_nonce();
        self.use_nonce(key, nonce, is_time, venue_time).map_err(refused)?;
        if is_order_events && !account.may_read() {
            return Err(refusal(403, "MissingRole"));
        }
        Ok(position)
    }
}

fn bearer(accounts: &[Account], value: &str) -> Result<usize, (u16, &'static str)> {
    let token = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let token = token.map(|(_, token)| token.trim());
    let found = accounts.iter().position(|account| token.is_some_and(|token| account.has_token(token)));
    found.ok_or((401, "InvalidAccessToken"))
}

/// Returns the account that has a key, and its position, if the signature is valid.
fn signer<'a>(
    accounts: &'a [Account],
    key: &str,
    payload: &str,
    signature: &str,
) -> Result<(usize, &'a Account), (u16, &'static str)> {
    if !key.starts_with("account-") {
        return Err((401, "AccountScopedKeyRequired"));
    }
    let found = accounts.iter().enumerate().find(|(_, account)| account.key() == key);
    let (position, account) = found.ok_or((403, "InvalidApiKey"))?;
    if sign(account.secret(), payload) != signature {
        return Err((400, "InvalidSignature"));
    }
    Ok((position, account))
}

fn members_of(payload: &str, path: &str) -> Result<Map<String, Value>, (u16, &'static str)> {
    let members = decode(payload).and_then(|text| serde_json::from_str(&text).ok());
    let Some(Value::Object(members)) = members else { return Err((400, "InvalidJson")) };
    if members.get("request").and_then(Value::as_str) != Some(path) {
        return Err((400, "EndpointMismatch"));
    }
    Ok(members)
}

/// Signs the text of a payload header: the HMAC-SHA384 in lower-case hexadecimal digits.
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

/// Returns the nonce of the header, if the decoded payload is the same text.
fn nonce_of_headers(request: &UpgradeRequest<'_>, payload: &str) -> Option<String> {
    let nonce = decode(payload)?;
    (request.header("X-GEMINI-NONCE") == Some(&nonce)).then_some(nonce)
}

fn nonce_of_member(member: &Value) -> Option<String> {
    match member {
        Value::String(nonce) => Some(nonce.clone()),
        nonce => nonce.as_u64().map(|nonce| nonce.to_string()),
    }
}

fn number_of(nonce: &str) -> Option<u64> {
    let is_decimal = nonce.bytes().all(|byte| byte.is_ascii_digit());
    nonce.parse().ok().filter(|_| is_decimal)
}

/// Returns whether a nonce, in seconds or milliseconds, is at most [`NONCE_WINDOW`] from the venue's time.
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
