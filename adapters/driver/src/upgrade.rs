//! The upgrade from HTTP to a WebSocket (RFC 6455, section 4): writes the request and checks the answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64ct::{Base64, Encoding};
use gemini_ws::{ConnectFailure, Headers, VenueReason};
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

use crate::address::Address;
use crate::glue::io_failure;
use crate::http::{Answer, USER_AGENT, Unreadable};

/// Header fields that an application adds to the upgrade. `Debug` hides their values, because a value may be a
/// secret.
#[derive(Clone, Default)]
pub(crate) struct Fields(Arc<Vec<(String, String)>>);

impl Fields {
    pub(crate) fn add(&mut self, name: String, value: String) -> bool {
        let is_allowed = is_allowed(&name, &value);
        if is_allowed {
            let fields = Arc::make_mut(&mut self.0);
            fields.retain(|(of, _)| !of.eq_ignore_ascii_case(&name));
            fields.push((name, value));
        }
        is_allowed
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// Names of fields that the upgrade sets, or that change how the server reads the request.
const RESERVED: [&str; 6] =
    ["authorization", "connection", "content-length", "host", "transfer-encoding", "upgrade"];

const RESERVED_BEGINNINGS: [&str; 2] = ["sec-websocket-", "x-gemini-"];

/// Returns whether an application may add this field. The name must be a token (RFC 9110, section 5.6.2) that is not
/// reserved. The value may contain printable ASCII characters, spaces and tabs.
fn is_allowed(name: &str, value: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_text = |byte: u8| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t');
    let lower = name.to_ascii_lowercase();
    let is_ours =
        RESERVED.contains(&lower.as_str()) || RESERVED_BEGINNINGS.iter().any(|it| lower.starts_with(it));
    !name.is_empty() && name.bytes().all(is_token) && value.bytes().all(is_text) && !is_ours
}

/// The request of an upgrade, and its key. Its memory is wiped when it is dropped, because it may be signed.
pub(crate) struct Request {
    bytes: Zeroizing<Vec<u8>>,
    key: String,
}

impl Request {
    pub(crate) fn new(address: &Address, fields: &Fields, signed: Option<&Headers>) -> Request {
        let key = Base64::encode_string(&std::array::from_fn::<u8, 16, _>(|_| fastrand::u8(..)));
        let basic = address.basic_authorization();
        let length = |name: &str, value: &str| name.len() + value.len() + 4;
        let others: usize = fields.0.iter().map(|(name, value)| length(name, value)).sum();
        let signs: usize =
            signed.into_iter().flat_map(Headers::iter).map(|(name, value)| length(name, value)).sum();
        let most = 512 + address.path().len() + address.host().len() + basic.as_ref().map_or(0, String::len);
        // Allocate the full length at once, because a vector that grows leaves copies of secrets in memory.
        let mut bytes = Zeroizing::new(Vec::with_capacity(most + others + signs));
        let mut put = |parts: &[&str]| parts.iter().for_each(|part| bytes.extend_from_slice(part.as_bytes()));
        put(&["GET ", address.path(), " HTTP/1.1\r\nHost: ", &address.host_header(), "\r\n"]);
        put(&["Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"]);
        put(&["Sec-WebSocket-Key: ", &key, "\r\n"]);
        if !fields.0.iter().any(|(name, _)| name.eq_ignore_ascii_case("user-agent")) {
            put(&["User-Agent: ", USER_AGENT, "\r\n"]);
        }
        for (name, value) in fields.0.iter() {
            put(&[name, ": ", value, "\r\n"]);
        }
        let is_signed = signed.is_some_and(|headers| headers.get("Authorization").is_some());
        if let Some(basic) = basic.filter(|_| !is_signed) {
            put(&["Authorization: ", &basic, "\r\n"]);
        }
        for (name, value) in signed.into_iter().flat_map(Headers::iter) {
            put(&[name, ": ", value, "\r\n"]);
        }
        put(&["\r\n"]);
        Request { bytes, key }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn is_accepted_by(&self, answer: &Answer) -> bool {
        is_accepted(&self.key, answer) && answer.elements("sec-websocket-protocol").next().is_none()
    }
}

/// Returns whether the answer accepts an upgrade with this key and without extensions. The caller checks the
/// subprotocol.
pub(crate) fn is_accepted(key: &str, answer: &Answer) -> bool {
    answer.status() == 101
        && answer.is_1_1()
        // The header must name `websocket` and nothing else.
        && answer.elements("upgrade").next().is_some()
        && answer.elements("upgrade").all(|element| element.eq_ignore_ascii_case("websocket"))
        && answer.elements("connection").any(|element| element.eq_ignore_ascii_case("upgrade"))
        && answer.values("sec-websocket-accept").eq([accept_of(key)])
        && answer.elements("sec-websocket-extensions").next().is_none()
}

/// Returns the value with which the server proves that it has read the key (RFC 6455, section 4.2.2).
fn accept_of(key: &str) -> String {
    let hash = Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    Base64::encode_string(&hash)
}

pub(crate) const BODY_WAIT: Duration = Duration::from_secs(1);

pub(crate) fn refusal(answer: &Answer) -> ConnectFailure {
    let (retry_after, reason) = (answer.retry_after(), VenueReason::of_body(&answer.body()));
    ConnectFailure::Status { status: answer.status(), retry_after, reason }
}

pub(crate) fn unreadable(error: &Unreadable) -> ConnectFailure {
    match error {
        Unreadable::Io(error) => io_failure(error),
        Unreadable::Ended => ConnectFailure::Transport,
        Unreadable::NoHttp => ConnectFailure::Handshake,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the example of RFC 6455, section 1.3, and that keys differ.
    #[test]
    fn the_proof_of_a_key() {
        assert_eq!(accept_of("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let address = Address::parse("ws://v").unwrap();
        let [one, other] = [(); 2].map(|()| Request::new(&address, &Fields::default(), None).key);
        assert!(one != other && one.len() == 24, "{one} {other}");
    }

    #[test]
    fn fields_of_the_application() {
        for (name, value, is_fine) in [
            ("X-Team", "a b\tc", true),
            ("user-agent", "x", true),
            ("Cookie", "", true),
            ("", "x", false),
            ("X Team", "x", false),
            ("X-Team:", "x", false),
            ("X-Team", "a\r\nHost: b", false),
            ("X-Team", "\u{e4}", false),
            ("HOST", "x", false),
            ("Sec-WebSocket-Extensions", "x", false),
            ("x-gemini-nonce", "1", false),
            ("Authorization", "x", false),
        ] {
            assert_eq!(is_allowed(name, value), is_fine, "{name}: {value}");
        }
    }
}
